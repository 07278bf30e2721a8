/* Rows of facts and nodes of trees as the audit commands read them. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"

bool hf_cli_note_keys(const struct hf_cli *cli, struct hf_cli_note_keys *keys)
{
  const char *at = cli->note_key != NULL ? cli->note_key : cli->audit_key;
  keys->count = 0;
  if (at[0] == '\0') {
    hf_say(
        _("no key is given: --key, or audit_key in the configuration; `holdfast audit key FILE` writes it from a public key"));
    return false;
  }
  while (*at != '\0') {
    char text[HF_NOTE_KEY_TEXT_MAX];
    size_t size = strcspn(at, ",");
    struct hf_status status =
        keys->count == HF_CLI_NOTE_KEYS_MAX || size >= sizeof text ? hf_fail(HF_STATUS_LIMIT, "at most 4 note keys") : hf_ok();
    if (hf_is_ok(status)) {
      memcpy(text, at, size);
      text[size] = '\0';
      status = hf_note_key_parse(text, &keys->keys[keys->count++]);
    }
    if (!hf_is_ok(status)) {
      hf_say("%s", _(status.why));
      hf_cli_note_keys_free(keys);
      return false;
    }
    at += size + (at[size] == ',');
  }
  return true;
}

void hf_cli_note_keys_free(struct hf_cli_note_keys *keys)
{
  for (int i = 0; i < keys->count; i++) hf_note_key_free(&keys->keys[i]);
  keys->count = 0;
}

const char *hf_cli_note_objection(const struct hf_cli_note_keys *keys, const char *note, struct hf_audit_checkpoint *to)
{
  struct hf_span all = {(const uint8_t *)note, strlen(note)}, text;
  struct hf_status status = hf_audit_checkpoint_read(all, to, &text);
  if (!hf_is_ok(status)) return status.why;
  for (int i = 0; i < keys->count; i++)
    if (!hf_note_key_has_signed(&keys->keys[i], all, text)) return N_("it is not signed by the key that is believed");
  return NULL;
}

PGresult *hf_cli_binary(PGconn *database, const char *sql, int count, const char *const *values)
{
  PGresult *rows = PQexecParams(database, sql, count, NULL, values, NULL, NULL, 1);
  if (PQresultStatus(rows) == PGRES_TUPLES_OK) return rows;
  hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(rows));
  PQclear(rows);
  return NULL;
}

uint64_t hf_cli_u64(const PGresult *rows, int row, int column)
{
  uint64_t value;
  memcpy(&value, PQgetvalue(rows, row, column), sizeof value);
  return be64toh(value);
}

static struct hf_span span_of(const PGresult *rows, int row, int column)
{
  return (struct hf_span){(const uint8_t *)PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

static struct hf_uuid uuid_of(const PGresult *rows, int row, int column)
{
  struct hf_uuid id = {{0}};
  if (PQgetlength(rows, row, column) == sizeof id.bytes) memcpy(id.bytes, PQgetvalue(rows, row, column), sizeof id.bytes);
  return id;
}

bool hf_cli_fact_row(const PGresult *rows, int row, uint32_t shard, struct hf_cli_fact_row *to)
{
  *to = (struct hf_cli_fact_row){.leaf = {.shard = shard,
                                          .seq = hf_cli_u64(rows, row, 0),
                                          .kind = PQgetvalue(rows, row, 1),
                                          .case_id = uuid_of(rows, row, 2),
                                          .order_id = uuid_of(rows, row, 3),
                                          .decided_us = (int64_t)hf_cli_u64(rows, row, 4),
                                          .boot_id = PQgetvalue(rows, row, 5)},
                                 .body = span_of(rows, row, 6),
                                 .salt = span_of(rows, row, 7),
                                 .stored = span_of(rows, row, 8)};
  return to->salt.size == HF_AUDIT_SALT_SIZE && to->stored.size == HF_SHA256_SIZE && strlen(to->leaf.kind) <= UINT8_MAX &&
         strlen(to->leaf.boot_id) <= UINT8_MAX;
}

/* --- trees --- */

static struct hf_cli_block *load_block(struct hf_cli_tree *tree, uint32_t level, uint64_t index)
{
  char numbers[4][24];
  struct hf_cli_block *block = &tree->blocks[tree->next++ % 8];
  snprintf(numbers[0], sizeof numbers[0], "%u", tree->shard);
  snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)index * 256);
  snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)index * 256 + 255);
  snprintf(numbers[3], sizeof numbers[3], "%u", level);
  PGresult *rows = hf_cli_binary(
      tree->database,
      level == 0
          ? "select seq - 1, leaf from fact_ever where shard = $1::int4 and seq between $2::int8 + 1 and $3::int8 + 1 order by "
            "seq"
          : "select index, hash from audit_node where shard = $1::int4 and level = $4::int4 and index between $2::int8 and "
            "$3::int8 order by index",
      level == 0 ? 3 : 4, (const char *const[]){numbers[0], numbers[1], numbers[2], numbers[3]});
  *block = (struct hf_cli_block){.used = true, .level = level, .index = index};
  for (int i = 0; rows != NULL && i < PQntuples(rows) && i < 256; i++) {
    if (hf_cli_u64(rows, i, 0) != index * 256 + (uint64_t)i || PQgetlength(rows, i, 1) != HF_SHA256_SIZE) break;
    memcpy(block->hashes[block->count++].bytes, PQgetvalue(rows, i, 1), HF_SHA256_SIZE);
  }
  PQclear(rows);
  return block;
}

static bool node(void *owner, uint32_t level, uint64_t index, struct hf_audit_hash *hash)
{
  struct hf_cli_tree *tree = owner;
  struct hf_cli_block *block = NULL;
  for (int i = 0; i < 8 && block == NULL; i++)
    if (tree->blocks[i].used && tree->blocks[i].level == level && tree->blocks[i].index == index / 256)
      block = &tree->blocks[i];
  if (block == NULL) block = load_block(tree, level, index / 256);
  if (index % 256 >= block->count) return false;
  *hash = block->hashes[index % 256];
  return true;
}

struct hf_audit_source hf_cli_tree_source(struct hf_cli_tree *tree)
{
  return (struct hf_audit_source){.digest = tree->digest, .owner = tree, .node = node, .step = 8};
}

enum hf_audit_digest hf_cli_digest_of(PGconn *database, uint32_t shard)
{
  char number[12];
  enum hf_audit_digest digest = HF_AUDIT_SHA256;
  snprintf(number, sizeof number, "%u", shard);
  PGresult *rows = hf_cli_binary(database, "select digest from shard where shard = $1::int4", 1, (const char *const[]){number});
  if (rows != NULL && PQntuples(rows) == 1) (void)hf_audit_digest_of(PQgetvalue(rows, 0, 0), &digest);
  PQclear(rows);
  return digest;
}
