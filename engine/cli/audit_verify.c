/* audit verify: a bundle against a key. No network, no database, nothing of the centre's but its public key. */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"

static bool unhex(const json_t *value, uint8_t *to, size_t size)
{
  const char *text = json_string_value(value);
  if (text == NULL || strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size) return false;
  for (size_t i = 0; i < size; i++) {
    char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
    to[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return true;
}

static bool id_of(const json_t *value, struct hf_uuid *to)
{
  const char *text = json_string_value(value);
  *to = (struct hf_uuid){{0}};
  char canonical[HF_UUID_TEXT_SIZE];
  if (text == NULL || text[0] == '\0') return text != NULL;
  return hf_is_ok(hf_uuid_parse(text, strlen(text), to)) && strcmp(hf_uuid_text(*to, canonical), text) == 0;
}

static const char *short_text(const json_t *value)
{
  const char *text = json_string_value(value);
  return text != NULL && strlen(text) <= UINT8_MAX ? text : NULL;
}

/* The leaf's hash, with its body's commitment made anew; NULL, or what is wrong. */
static const char *hash_of(const json_t *row, uint32_t shard, enum hf_audit_digest digest, struct hf_audit_leaf *leaf,
                           struct hf_audit_hash *hash)
{
  uint8_t salt[HF_AUDIT_SALT_SIZE];
  const char *body = json_string_value(json_object_get(row, "body"));
  const json_t *seq = json_object_get(row, "seq"), *decided = json_object_get(row, "decided_us");
  *leaf = (struct hf_audit_leaf){.digest = digest,
                                 .shard = shard,
                                 .seq = (uint64_t)json_integer_value(seq),
                                 .decided_us = json_integer_value(decided),
                                 .kind = short_text(json_object_get(row, "kind")),
                                 .boot_id = short_text(json_object_get(row, "boot_id"))};
  if (!json_is_integer(seq) || json_integer_value(seq) < 1 || !json_is_integer(decided))
    return N_("seq or decided_us: no number");
  if (leaf->kind == NULL || leaf->boot_id == NULL) return N_("kind or boot_id: no text of at most 255 bytes");
  if (!id_of(json_object_get(row, "case_id"), &leaf->case_id) || !id_of(json_object_get(row, "order_id"), &leaf->order_id))
    return N_("case_id or order_id: no id");
  if (!unhex(json_object_get(row, "previous"), leaf->previous.bytes, HF_SHA256_SIZE) ||
      !unhex(json_object_get(row, "salt"), salt, sizeof salt))
    return N_("previous or salt: not hex of its size");
  if (body == NULL) return N_("body: no text");
  size_t capacity = strlen(body) / 4 * 3 + 3;
  uint8_t *bytes = malloc(capacity);
  if (bytes == NULL) abort();
  size_t size = hf_base64_decode(body, strlen(body), bytes, capacity);
  if (size != SIZE_MAX) leaf->commitment = hf_audit_commit(digest, salt, (struct hf_span){bytes, size});
  free(bytes);
  if (size == SIZE_MAX) return N_("body: not base64");
  *hash = hf_audit_leaf_hash(leaf);
  return NULL;
}

static const char *check_proof(const json_t *hashes, const struct hf_audit_leaf *leaf, const struct hf_audit_hash *hash,
                               const struct hf_audit_checkpoint *checkpoint)
{
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX];
  size_t count = json_array_size(hashes);
  if (!json_is_array(hashes) || count > HF_AUDIT_PROOF_MAX) return N_("proof: no list of at most 64 hashes");
  for (size_t i = 0; i < count; i++)
    if (!unhex(json_array_get(hashes, i), proof[i].bytes, HF_SHA256_SIZE)) return N_("proof: not hex of its size");
  return hf_audit_verify_inclusion(leaf->digest, hash, leaf->seq - 1, checkpoint->size, proof, (int)count, &checkpoint->root)
             ? NULL
             : N_("it is not in the tree that was signed");
}

/* Facts with proofs: each stands for itself. Without: all of them, from the first to the checkpoint's size. */
static const char *check_leaves(const json_t *leaves, uint32_t shard, enum hf_audit_digest digest,
                                const struct hf_audit_checkpoint *checkpoint, uint64_t *seq)
{
  struct hf_audit_tree tree = {.digest = digest};
  struct hf_audit_node nodes[7];
  bool proved = json_object_get(json_array_get(leaves, 0), "proof") != NULL;
  for (size_t i = 0; i < json_array_size(leaves); i++) {
    const json_t *row = json_array_get(leaves, i);
    struct hf_audit_leaf leaf;
    struct hf_audit_hash hash;
    const char *objection = hash_of(row, shard, digest, &leaf, &hash);
    *seq = leaf.seq > 0 ? leaf.seq : i + 1;
    if (objection == NULL && proved) objection = check_proof(json_object_get(row, "proof"), &leaf, &hash, checkpoint);
    if (objection == NULL && !proved && leaf.seq != i + 1) objection = N_("it is not the next one");
    if (objection == NULL && !proved && memcmp(&leaf.previous, &tree.last, sizeof tree.last) != 0)
      objection = N_("the fact before it was another");
    if (objection != NULL) return objection;
    if (!proved) hf_audit_tree_add(&tree, &hash, nodes);
  }
  *seq = 0;
  if (json_array_size(leaves) == 0) return N_("it has no facts");
  if (proved) return NULL;
  struct hf_audit_hash root = hf_audit_tree_root(&tree);
  *seq = tree.size + 1;
  if (tree.size != checkpoint->size) return N_("facts are missing from here on");
  *seq = tree.size; /* the chain of `previous` is whole up to the fact before it */
  return memcmp(&root, &checkpoint->root, sizeof root) == 0 ? NULL : N_("up to here the facts are not what was signed");
}

static int verify(const json_t *bundle, const struct hf_cli_note_keys *keys)
{
  struct hf_audit_checkpoint checkpoint = {.size = 0};
  const char *note = json_string_value(json_object_get(bundle, "checkpoint")),
             *format = json_string_value(json_object_get(bundle, "format")),
             *hash = json_string_value(json_object_get(bundle, "hash"));
  enum hf_audit_digest digest = HF_AUDIT_SHA256;
  const json_t *number = json_object_get(bundle, "shard"), *leaves = json_object_get(bundle, "leaves");
  char ending[32];
  uint64_t seq = 0;
  const char *objection = NULL;
  if (format == NULL || strcmp(format, "holdfast audit bundle 1") != 0 || note == NULL || !json_is_integer(number) ||
      !json_is_array(leaves) || hash == NULL || !hf_audit_digest_of(hash, &digest))
    objection = N_("it is no bundle of format 1");
  if (objection == NULL) objection = hf_cli_note_objection(keys, note, &checkpoint);
  uint32_t shard = (uint32_t)json_integer_value(number);
  snprintf(ending, sizeof ending, "/shard-%u", shard);
  const char *end = strrchr(checkpoint.origin, '/');
  if (objection == NULL && (end == NULL || strcmp(end, ending) != 0)) objection = N_("the checkpoint is another shard's");
  if (objection == NULL) objection = check_leaves(leaves, shard, digest, &checkpoint, &seq);
  if (objection != NULL) {
    if (seq > 0)
      hf_say(_("seq %llu: %s"), (unsigned long long)seq, _(objection));
    else
      hf_say("%s", _(objection));
    return HF_EXIT_FAILED;
  }
  for (size_t i = 0; i < json_array_size(leaves) && i < 50; i++) {
    const json_t *row = json_array_get(leaves, i);
    char at[HF_TIME_TEXT_SIZE];
    int64_t decided_us = json_integer_value(json_object_get(row, "decided_us"));
    if (decided_us < 0 || decided_us > INT64_MAX / HF_NS_PER_US)
      decided_us = 0; /* only printed; the proof held for it as it is */
    printf("%8lld  %s  %s\n", (long long)json_integer_value(json_object_get(row, "seq")),
           hf_time_text(decided_us * HF_NS_PER_US, at), json_string_value(json_object_get(row, "kind")));
  }
  printf(_("right: %zu facts are in the tree of %llu that %s has signed\n"), json_array_size(leaves),
         (unsigned long long)checkpoint.size, checkpoint.origin);
  return HF_EXIT_OK;
}

int hf_command_audit_verify(struct hf_cli *cli)
{
  struct hf_cli_note_keys keys;
  json_error_t error;
  json_t *bundle = json_load_file(cli->arguments[0], JSON_REJECT_DUPLICATES, &error);
  if (bundle == NULL) {
    hf_say(_("%s: line %d: %s"), cli->arguments[0], error.line, error.text);
    return HF_EXIT_FAILED;
  }
  int code = hf_cli_note_keys(cli, &keys) ? verify(bundle, &keys) : HF_EXIT_USAGE;
  if (code != HF_EXIT_USAGE) hf_cli_note_keys_free(&keys);
  json_decref(bundle);
  return code;
}
