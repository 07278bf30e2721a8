/* audit key, checkpoint, prove, export, consistency: what an auditor takes away from the record. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"

#define VERSION "holdfast audit bundle 1"

int hf_command_audit_key(struct hf_cli *cli)
{
  char text[HF_NOTE_KEY_TEXT_MAX];
  struct hf_status status = hf_note_key_of_file(cli->arguments[0], cli->name == NULL ? "holdfast" : cli->name,
                                                cli->mode != NULL && strcmp(cli->mode, "witness") == 0, text);
  if (hf_is_ok(status)) puts(text);
  if (!hf_is_ok(status)) hf_say("%s: %s", cli->arguments[0], _(status.why));
  return hf_is_ok(status) ? HF_EXIT_OK : HF_EXIT_SIGNATURE;
}

int hf_command_audit_checkpoint(struct hf_cli *cli)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  PGresult *rows =
      hf_cli_binary(database, "select distinct on (shard) note from checkpoint order by shard, size desc", 0, NULL);
  for (int i = 0; rows != NULL && i < PQntuples(rows); i++) printf("%s%s", i > 0 ? "\n" : "", PQgetvalue(rows, i, 0));
  int code = rows == NULL ? HF_EXIT_UNAVAILABLE : HF_EXIT_OK;
  if (rows != NULL && PQntuples(rows) == 0) {
    hf_say(_("no checkpoint has been signed yet: has the engine an audit.key?"));
    code = HF_EXIT_FAILED;
  }
  PQclear(rows);
  PQfinish(database);
  return code;
}

/* --- bundles --- */

static json_t *hex(const void *bytes, size_t size)
{
  char text[2 * HF_SHA256_SIZE + 1];
  struct hf_writer out = hf_writer_of(text, sizeof text - 1);
  hf_write_hex(&out, bytes, size);
  return json_stringn(text, out.size);
}

static json_t *base64(struct hf_span bytes)
{
  size_t capacity = bytes.size / 3 * 4 + 8;
  char *text = malloc(capacity);
  if (text == NULL) abort();
  struct hf_writer out = hf_writer_of(text, capacity);
  hf_write_base64(&out, bytes.data, bytes.size);
  json_t *value = json_stringn(text, out.size);
  free(text);
  return value;
}

static json_t *id_text(struct hf_uuid id)
{
  char text[HF_UUID_TEXT_SIZE];
  return json_string(hf_uuid_is_zero(id) ? "" : hf_uuid_text(id, text));
}

/* proof_count -1: none stands in it. */
static json_t *leaf_json(const struct hf_cli_fact_row *fact, const struct hf_audit_hash *previous,
                         const struct hf_audit_hash *proof, int proof_count)
{
  json_t *leaf = json_object();
  json_object_set_new(leaf, "seq", json_integer((json_int_t)fact->leaf.seq));
  json_object_set_new(leaf, "decided_us", json_integer(fact->leaf.decided_us));
  json_object_set_new(leaf, "kind", json_string(fact->leaf.kind));
  json_object_set_new(leaf, "case_id", id_text(fact->leaf.case_id));
  json_object_set_new(leaf, "order_id", id_text(fact->leaf.order_id));
  json_object_set_new(leaf, "boot_id", json_string(fact->leaf.boot_id));
  json_object_set_new(leaf, "previous", hex(previous->bytes, sizeof previous->bytes));
  json_object_set_new(leaf, "salt", hex(fact->salt.data, fact->salt.size));
  json_object_set_new(leaf, "body", base64(fact->body));
  if (proof_count < 0) return leaf;
  json_t *hashes = json_array();
  for (int i = 0; i < proof_count; i++) json_array_append_new(hashes, hex(proof[i].bytes, sizeof proof[i].bytes));
  json_object_set_new(leaf, "proof", hashes);
  return leaf;
}

/* The shard's newest note of at least `size` facts, or its first one; NULL after having said why not. */
static char *note_of(PGconn *database, uint32_t shard, uint64_t size, bool newest)
{
  char numbers[2][24];
  snprintf(numbers[0], sizeof numbers[0], "%u", shard);
  snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)size);
  PGresult *rows = hf_cli_binary(
      database,
      newest ? "select note from checkpoint where shard = $1::int4 and size >= $2::int8 order by size desc limit 1"
             : "select note from checkpoint where shard = $1::int4 and size >= $2::int8 order by size limit 1",
      2, (const char *const[]){numbers[0], numbers[1]});
  char *note = rows != NULL && PQntuples(rows) == 1 ? strdup(PQgetvalue(rows, 0, 0)) : NULL;
  if (rows != NULL && note == NULL) hf_say(_("no checkpoint holds these facts yet: one is signed every ten seconds"));
  PQclear(rows);
  return note;
}

static json_t *bundle_of(uint32_t shard, enum hf_audit_digest digest, const char *note, json_t *leaves)
{
  json_t *bundle = json_object();
  json_object_set_new(bundle, "format", json_string(VERSION));
  json_object_set_new(bundle, "shard", json_integer(shard));
  json_object_set_new(bundle, "hash", json_string(hf_audit_digest_name(digest)));
  json_object_set_new(bundle, "checkpoint", json_string(note));
  json_object_set_new(bundle, "leaves", leaves);
  return bundle;
}

static bool add_proved(struct hf_cli_tree *tree, const struct hf_cli_fact_row *fact, uint64_t size, json_t *leaves)
{
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX], previous = {{0}};
  struct hf_audit_source source = hf_cli_tree_source(tree);
  int count = hf_audit_prove_inclusion(&source, fact->leaf.seq - 1, size, proof);
  if (count < 0 || (fact->leaf.seq > 1 && !source.node(source.owner, 0, fact->leaf.seq - 2, &previous))) {
    hf_say(_("the record has holes: `holdfast audit check` names them"));
    return false;
  }
  json_array_append_new(leaves, leaf_json(fact, &previous, proof, count));
  return true;
}

json_t *hf_cli_order_bundle(PGconn *database, const char *order, bool newest)
{
  static struct hf_cli_tree tree;
  struct hf_cli_fact_row fact;
  uint32_t shard = 0;
  PGresult *rows =
      hf_cli_binary(database,
                    "select " HF_CLI_FACT_COLUMNS
                    ", shard from fact_ever where (shard, case_id) = (select shard, case_id from order_state where "
                    "order_id = $1::uuid limit 1) and order_id = $1::uuid order by seq",
                    1, (const char *const[]){order});
  if (rows == NULL) return NULL;
  int count = PQntuples(rows);
  if (count == 0) hf_say(_("no such order"));
  if (count > 0) memcpy(&shard, PQgetvalue(rows, 0, 9), sizeof shard);
  shard = be32toh(shard);
  char *note = count == 0 ? NULL : note_of(database, shard, hf_cli_u64(rows, count - 1, 0), newest);
  struct hf_audit_checkpoint checkpoint = {.size = 0};
  struct hf_span text;
  bool ok = note != NULL &&
            hf_is_ok(hf_audit_checkpoint_read((struct hf_span){(const uint8_t *)note, strlen(note)}, &checkpoint, &text));
  json_t *leaves = json_array();
  tree = (struct hf_cli_tree){.database = database, .shard = shard, .digest = hf_cli_digest_of(database, shard)};
  for (int i = 0; ok && i < count; i++) {
    ok = hf_cli_fact_row(rows, i, shard, &fact);
    ok = ok && add_proved(&tree, &fact, checkpoint.size, leaves);
  }
  json_t *bundle = bundle_of(shard, tree.digest, note == NULL ? "" : note, leaves);
  free(note);
  PQclear(rows);
  if (ok) return bundle;
  json_decref(bundle);
  return NULL;
}

static int prove(PGconn *database, const char *order)
{
  json_t *bundle = hf_cli_order_bundle(database, order, true);
  bool ok = bundle != NULL && json_dumpf(bundle, stdout, JSON_INDENT(1)) == 0 && puts("") >= 0;
  json_decref(bundle);
  return ok ? HF_EXIT_OK : HF_EXIT_FAILED;
}

static PGconn *begin(const struct hf_cli *cli)
{
  PGconn *database = hf_cli_database(cli);
  if (database != NULL) PQclear(PQexec(database, "begin isolation level repeatable read read only"));
  return database;
}

int hf_command_audit_prove(struct hf_cli *cli)
{
  struct hf_uuid id;
  if (!hf_is_ok(hf_uuid_parse(cli->arguments[0], strlen(cli->arguments[0]), &id))) {
    hf_say(_("%s is no id"), cli->arguments[0]);
    return HF_EXIT_USAGE;
  }
  PGconn *database = begin(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = prove(database, cli->arguments[0]);
  PQfinish(database);
  return code;
}

/* Written as it is read: a shard may have millions. */
static bool write_all(PGconn *database, uint32_t shard, uint64_t size)
{
  struct hf_audit_hash previous = {{0}};
  char numbers[3][24];
  bool ok = true;
  for (uint64_t after = 0; ok && after < size;) {
    snprintf(numbers[0], sizeof numbers[0], "%u", shard);
    snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)after);
    snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)size);
    PGresult *rows =
        hf_cli_binary(database,
                      "select " HF_CLI_FACT_COLUMNS
                      " from fact_ever where shard = $1::int4 and seq > $2::int8 and seq <= $3::int8 order by seq limit 5000",
                      3, (const char *const[]){numbers[0], numbers[1], numbers[2]});
    int count = rows == NULL ? 0 : PQntuples(rows);
    ok = count > 0;
    for (int i = 0; ok && i < count; i++) {
      struct hf_cli_fact_row fact;
      ok = hf_cli_fact_row(rows, i, shard, &fact) && fact.leaf.seq == after + 1;
      if (!ok) break;
      json_t *leaf = leaf_json(&fact, &previous, NULL, -1);
      printf("%s\n", after > 0 ? "," : "");
      ok = json_dumpf(leaf, stdout, JSON_COMPACT) == 0;
      json_decref(leaf);
      memcpy(previous.bytes, fact.stored.data, sizeof previous.bytes);
      after++;
    }
    PQclear(rows);
  }
  return ok;
}

int hf_command_audit_export(struct hf_cli *cli)
{
  char *end;
  unsigned long shard = strtoul(cli->arguments[0], &end, 10);
  if (*end != '\0' || shard >= HF_SHARDS_MAX) {
    hf_say(_("%s is no shard"), cli->arguments[0]);
    return HF_EXIT_USAGE;
  }
  PGconn *database = begin(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  char *note = note_of(database, (uint32_t)shard, 1, true);
  struct hf_audit_checkpoint checkpoint = {.size = 0};
  struct hf_span text;
  bool ok = note != NULL &&
            hf_is_ok(hf_audit_checkpoint_read((struct hf_span){(const uint8_t *)note, strlen(note)}, &checkpoint, &text));
  if (ok) {
    json_t *quoted = json_string(note);
    char *encoded = json_dumps(quoted, JSON_ENCODE_ANY);
    printf("{\"format\": \"" VERSION "\", \"shard\": %lu, \"hash\": \"%s\", \"checkpoint\": %s, \"leaves\": [", shard,
           hf_audit_digest_name(hf_cli_digest_of(database, (uint32_t)shard)), encoded);
    free(encoded);
    json_decref(quoted);
    ok = write_all(database, (uint32_t)shard, checkpoint.size);
    puts("]}");
    if (!ok) hf_say(_("the record has holes: `holdfast audit check` names them"));
  }
  free(note);
  PQfinish(database);
  return ok ? HF_EXIT_OK : HF_EXIT_FAILED;
}

/* --- growth --- */

static bool read_note(const char *file, const struct hf_cli_note_keys *keys, struct hf_audit_checkpoint *to)
{
  char note[HF_AUDIT_NOTE_SIZE_MAX + 1];
  FILE *in = fopen(file, "rbe");
  note[in == NULL ? 0 : fread(note, 1, sizeof note - 1, in)] = '\0';
  if (in != NULL) fclose(in);
  const char *objection = hf_cli_note_objection(keys, note, to);
  if (objection != NULL) hf_say("%s: %s", file, _(objection));
  return objection == NULL;
}

static int grew(PGconn *database, const struct hf_audit_checkpoint *old, const struct hf_audit_checkpoint *new)
{
  static struct hf_cli_tree tree;
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX];
  const char *shard = strrchr(old->origin, '-');
  const uint32_t number = shard == NULL ? 0 : (uint32_t)strtoul(shard + 1, NULL, 10);
  tree = (struct hf_cli_tree){.database = database, .shard = number, .digest = hf_cli_digest_of(database, number)};
  struct hf_audit_source source = hf_cli_tree_source(&tree);
  int count = hf_audit_prove_consistency(&source, old->size, new->size, proof);
  bool right =
      count >= 0 && hf_audit_verify_consistency(tree.digest, old->size, &old->root, new->size, &new->root, proof, count);
  if (!right) {
    hf_say(_("%s: from %llu to %llu facts something was changed or taken out"), old->origin, (unsigned long long)old->size,
           (unsigned long long)new->size);
    return HF_EXIT_FAILED;
  }
  printf("%s %llu %llu\n", old->origin, (unsigned long long)old->size, (unsigned long long)new->size);
  for (int i = 0; i < count; i++) {
    char text[2 * HF_SHA256_SIZE];
    struct hf_writer out = hf_writer_of(text, sizeof text);
    hf_write_hex(&out, proof[i].bytes, sizeof proof[i].bytes);
    printf("%.*s\n", (int)out.size, text);
  }
  return HF_EXIT_OK;
}

int hf_command_audit_consistency(struct hf_cli *cli)
{
  struct hf_cli_note_keys keys;
  struct hf_audit_checkpoint old, new;
  if (!hf_cli_note_keys(cli, &keys)) return HF_EXIT_USAGE;
  bool read = read_note(cli->arguments[0], &keys, &old) && read_note(cli->arguments[1], &keys, &new);
  hf_cli_note_keys_free(&keys);
  if (!read) return HF_EXIT_FAILED;
  if (strcmp(old.origin, new.origin) != 0 || old.size > new.size) {
    hf_say(_("the checkpoints are of two trees, or the older one is the larger"));
    return HF_EXIT_FAILED;
  }
  PGconn *database = begin(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = grew(database, &old, &new);
  PQfinish(database);
  return code;
}
