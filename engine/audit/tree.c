#include "engine/audit/tree.h"

#include <endian.h>
#include <string.h>

#include "engine/base/assert.h"

#define LEVEL_STEP 8

static const char *const names[] = {[HF_AUDIT_SHA256] = "sha256", [HF_AUDIT_SM3] = "sm3"};

const char *hf_audit_digest_name(enum hf_audit_digest digest)
{
  return names[digest];
}

bool hf_audit_digest_of(const char *name, enum hf_audit_digest *digest)
{
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *digest = (enum hf_audit_digest)i;
    return true;
  }
  return false;
}

struct sum {
  enum hf_audit_digest digest;
  struct hf_sha256 sha256;
};

static void begin(struct sum *sum, enum hf_audit_digest digest)
{
  sum->digest = digest;
  if (digest == HF_AUDIT_SM3)
    hf_sm3_begin();
  else
    hf_sha256_init(&sum->sha256);
}

static void add(struct sum *sum, const void *bytes, size_t size)
{
  if (sum->digest == HF_AUDIT_SM3)
    hf_sm3_add(bytes, size);
  else
    hf_sha256_add(&sum->sha256, bytes, size);
}

static struct hf_audit_hash end(struct sum *sum)
{
  struct hf_audit_hash hash;
  if (sum->digest == HF_AUDIT_SM3)
    hf_sm3_end(hash.bytes);
  else
    hf_sha256_end(&sum->sha256, hash.bytes);
  return hash;
}

struct hf_audit_hash hf_audit_commit(enum hf_audit_digest digest, const uint8_t salt[HF_AUDIT_SALT_SIZE], struct hf_span body)
{
  struct sum sum;
  begin(&sum, digest);
  add(&sum, salt, HF_AUDIT_SALT_SIZE);
  add(&sum, body.data, body.size);
  return end(&sum);
}

static void add_u64(struct sum *sum, uint64_t value)
{
  value = htobe64(value);
  add(sum, &value, sizeof value);
}

static void add_text(struct sum *sum, const char *text)
{
  size_t size = strlen(text);
  HF_ASSERT(size <= UINT8_MAX);
  add(sum, &(uint8_t){(uint8_t)size}, 1);
  add(sum, text, size);
}

struct hf_audit_hash hf_audit_leaf_hash(const struct hf_audit_leaf *leaf)
{
  struct sum sum;
  uint32_t shard = htobe32(leaf->shard);
  begin(&sum, leaf->digest);
  add(&sum, "\0HFL1", 5); /* RFC 6962's mark of a leaf, ours of this form */
  add(&sum, &shard, sizeof shard);
  add_u64(&sum, leaf->seq);
  add_u64(&sum, (uint64_t)leaf->decided_us);
  add_text(&sum, leaf->kind);
  add(&sum, leaf->case_id.bytes, sizeof leaf->case_id.bytes);
  add(&sum, leaf->order_id.bytes, sizeof leaf->order_id.bytes);
  add_text(&sum, leaf->boot_id);
  add(&sum, leaf->previous.bytes, sizeof leaf->previous.bytes);
  add(&sum, leaf->commitment.bytes, sizeof leaf->commitment.bytes);
  return end(&sum);
}

struct hf_audit_hash hf_audit_node_hash(enum hf_audit_digest digest, const struct hf_audit_hash *left,
                                        const struct hf_audit_hash *right)
{
  struct sum sum;
  uint8_t bytes[1 + 2 * HF_SHA256_SIZE] = {1};
  memcpy(bytes + 1, left->bytes, HF_SHA256_SIZE);
  memcpy(bytes + 1 + HF_SHA256_SIZE, right->bytes, HF_SHA256_SIZE);
  begin(&sum, digest);
  add(&sum, bytes, sizeof bytes);
  return end(&sum);
}

/* --- growing --- */

uint32_t hf_audit_tree_add(struct hf_audit_tree *tree, const struct hf_audit_hash *leaf, struct hf_audit_node nodes[7])
{
  struct hf_audit_hash hash = *leaf;
  uint32_t level = 0, count = 0;
  for (; tree->size >> level & 1; level++) { /* as a carry runs through a counter */
    hash = hf_audit_node_hash(tree->digest, &tree->peaks[level], &hash);
    if ((level + 1) % LEVEL_STEP == 0)
      nodes[count++] = (struct hf_audit_node){.level = level + 1, .index = tree->size >> (level + 1), .hash = hash};
  }
  tree->peaks[level] = hash;
  tree->last = *leaf;
  tree->size++;
  return count;
}

struct hf_audit_hash hf_audit_tree_root(const struct hf_audit_tree *tree)
{
  struct hf_audit_hash root;
  bool begun = false;
  if (tree->size == 0) {
    struct sum nothing;
    begin(&nothing, tree->digest);
    root = end(&nothing);
  }
  for (uint32_t level = 0; level < 64; level++) {
    if ((tree->size >> level & 1) == 0) continue;
    root = begun ? hf_audit_node_hash(tree->digest, &tree->peaks[level], &root) : tree->peaks[level];
    begun = true;
  }
  return root;
}

size_t hf_audit_tree_pack(const struct hf_audit_tree *tree, uint8_t out[HF_AUDIT_TREE_PACKED_MAX])
{
  uint64_t size = htobe64(tree->size);
  struct hf_writer to = hf_writer_of(out, HF_AUDIT_TREE_PACKED_MAX);
  hf_write_bytes(&to, &size, sizeof size);
  hf_write_bytes(&to, tree->last.bytes, HF_SHA256_SIZE);
  for (uint32_t level = 0; level < 64; level++)
    if (tree->size >> level & 1) hf_write_bytes(&to, tree->peaks[level].bytes, HF_SHA256_SIZE);
  return to.size;
}

bool hf_audit_tree_unpack(struct hf_audit_tree *tree, enum hf_audit_digest digest, struct hf_span packed)
{
  uint64_t size;
  memset(tree, 0, sizeof *tree);
  tree->digest = digest;
  if (packed.size == 0) return true; /* nothing was ever recorded */
  if (packed.size < sizeof size + HF_SHA256_SIZE) return false;
  memcpy(&size, packed.data, sizeof size);
  tree->size = be64toh(size);
  memcpy(tree->last.bytes, packed.data + sizeof size, HF_SHA256_SIZE);
  size_t at = sizeof size + HF_SHA256_SIZE;
  if (packed.size != at + (size_t)__builtin_popcountll(tree->size) * HF_SHA256_SIZE) return false;
  for (uint32_t level = 0; level < 64; level++) {
    if ((tree->size >> level & 1) == 0) continue;
    memcpy(tree->peaks[level].bytes, packed.data + at, HF_SHA256_SIZE);
    at += HF_SHA256_SIZE;
  }
  return true;
}

/* --- proofs --- */

/* The largest power of two below n, for n > 1. */
static uint64_t split(uint64_t n)
{
  return 1ULL << (63 - __builtin_clzll(n - 1));
}

/* Root of a whole subtree: asked of the source, or made of its halves where the source does not keep that level. */
static bool whole(const struct hf_audit_source *source, uint32_t level, uint64_t index, struct hf_audit_hash *hash)
{
  if (level == 0 || (source->step > 0 && level % source->step == 0)) return source->node(source->owner, level, index, hash);
  struct hf_audit_hash left, right;
  if (!whole(source, level - 1, 2 * index, &left) || !whole(source, level - 1, 2 * index + 1, &right)) return false;
  *hash = hf_audit_node_hash(source->digest, &left, &right);
  return true;
}

/* MTH(D[from:to]); from is a multiple of the largest power of two that is not above the range. */
static bool range_root(const struct hf_audit_source *source, uint64_t from, uint64_t to, struct hf_audit_hash *hash)
{
  uint64_t size = to - from;
  if ((size & (size - 1)) == 0) {
    uint32_t level = (uint32_t)__builtin_ctzll(size);
    return whole(source, level, from >> level, hash);
  }
  struct hf_audit_hash left, right;
  uint64_t k = split(size);
  if (!range_root(source, from, from + k, &left) || !range_root(source, from + k, to, &right)) return false;
  *hash = hf_audit_node_hash(source->digest, &left, &right);
  return true;
}

int hf_audit_prove_inclusion(const struct hf_audit_source *source, uint64_t index, uint64_t size,
                             struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX])
{
  uint64_t from = 0, to = size;
  int count = 0;
  if (index >= size) return -1;
  while (to - from > 1) { /* downwards; the proof is told upwards */
    uint64_t middle = from + split(to - from);
    bool left = index < middle;
    if (!range_root(source, left ? middle : from, left ? to : middle, &proof[count++])) return -1;
    if (left)
      to = middle;
    else
      from = middle;
  }
  for (int i = 0; i < count / 2; i++) {
    struct hf_audit_hash swap = proof[i];
    proof[i] = proof[count - 1 - i];
    proof[count - 1 - i] = swap;
  }
  return count;
}

int hf_audit_prove_consistency(const struct hf_audit_source *source, uint64_t old_size, uint64_t size,
                               struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX])
{
  uint64_t from = 0, to = size, m = old_size;
  bool begins = true; /* SUBPROOF's b: the old tree is known as it stands here */
  int count = 0;
  if (old_size == 0 || old_size > size) return old_size == 0 ? 0 : -1;
  while (m != to - from) {
    uint64_t middle = from + split(to - from);
    bool left = m <= middle - from;
    if (!range_root(source, left ? middle : from, left ? to : middle, &proof[count++])) return -1;
    if (left) {
      to = middle;
    } else {
      m -= middle - from;
      from = middle;
      begins = false;
    }
  }
  if (!begins && !range_root(source, from, to, &proof[count++])) return -1;
  for (int i = 0; i < count / 2; i++) {
    struct hf_audit_hash swap = proof[i];
    proof[i] = proof[count - 1 - i];
    proof[count - 1 - i] = swap;
  }
  return count;
}

static bool same(const struct hf_audit_hash *a, const struct hf_audit_hash *b)
{
  return memcmp(a->bytes, b->bytes, HF_SHA256_SIZE) == 0;
}

/* RFC 9162 2.1.3.2: the same trees, said for who verifies. */
bool hf_audit_verify_inclusion(enum hf_audit_digest digest, const struct hf_audit_hash *leaf, uint64_t index, uint64_t size,
                               const struct hf_audit_hash *proof, int count, const struct hf_audit_hash *root)
{
  struct hf_audit_hash hash = *leaf;
  uint64_t node = index, last = size - 1;
  if (index >= size || count < 0 || count > HF_AUDIT_PROOF_MAX) return false;
  for (int i = 0; i < count; i++) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = hf_audit_node_hash(digest, &proof[i], &hash);
      for (; (node & 1) == 0 && node != 0; node >>= 1) last >>= 1;
    } else {
      hash = hf_audit_node_hash(digest, &hash, &proof[i]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && same(&hash, root);
}

/* RFC 9162 2.1.4.2. */
bool hf_audit_verify_consistency(enum hf_audit_digest digest, uint64_t old_size, const struct hf_audit_hash *old_root,
                                 uint64_t size, const struct hf_audit_hash *root, const struct hf_audit_hash *proof, int count)
{
  if (old_size > size || count < 0 || count > HF_AUDIT_PROOF_MAX) return false;
  if (old_size == size) return count == 0 && same(old_root, root);
  if (old_size == 0) return count == 0; /* of nothing, everything is a continuation */
  bool power = (old_size & (old_size - 1)) == 0;
  if (!power && count == 0) return false;
  const struct hf_audit_hash *at = power ? old_root : proof++;
  if (!power) count--;
  uint64_t node = old_size - 1, last = size - 1;
  for (; node & 1; node >>= 1) last >>= 1;
  struct hf_audit_hash old = *at, fresh = *at;
  for (int i = 0; i < count; i++) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old = hf_audit_node_hash(digest, &proof[i], &old);
      fresh = hf_audit_node_hash(digest, &proof[i], &fresh);
      for (; (node & 1) == 0 && node != 0; node >>= 1) last >>= 1;
    } else {
      fresh = hf_audit_node_hash(digest, &fresh, &proof[i]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && same(&old, old_root) && same(&fresh, root);
}
