/* What the audit commands share: keys to believe, notes that were seen before, rows of facts. */
#ifndef HF_CLI_AUDIT_H
#define HF_CLI_AUDIT_H

#include <jansson.h>

#include "engine/audit/note.h"
#include "engine/cli/cli.h"
#include "engine/trust/note_key.h"

#define HF_CLI_NOTE_KEYS_MAX 4

struct hf_cli_note_keys {
  struct hf_note_key keys[HF_CLI_NOTE_KEYS_MAX];
  int count;
};

/* From --key or the configuration's audit_key, comma-separated. False, after having said why. */
bool hf_cli_note_keys(const struct hf_cli *cli, struct hf_cli_note_keys *keys);
void hf_cli_note_keys_free(struct hf_cli_note_keys *keys);
/* NULL where every key has signed the note. */
const char *hf_cli_note_objection(const struct hf_cli_note_keys *keys, const char *note, struct hf_audit_checkpoint *to);

/* One fact's row as PostgreSQL has it; spans are the result's. */
struct hf_cli_fact_row {
  struct hf_audit_leaf leaf; /* without previous and commitment */
  struct hf_span body, salt, stored;
};
/* A time that is not finite can be no engine's: -1 fits no leaf. */
#define HF_CLI_FACT_COLUMNS                                                                                             \
  "seq, kind, case_id, order_id, case when isfinite(decided_at) then (extract(epoch from decided_at) * 1000000)::int8 " \
  "else -1 end, boot_id, body, salt, leaf"
/* Columns as above in binary. False where salt or leaf have another size. */
bool hf_cli_fact_row(const PGresult *rows, int row, uint32_t shard, struct hf_cli_fact_row *to);
/* A query with text parameters and a binary result; NULL after having said why. */
PGresult *hf_cli_binary(PGconn *database, const char *sql, int count, const char *const *values);
uint64_t hf_cli_u64(const PGresult *rows, int row, int column);

/* Whole subtrees of a shard's tree from PostgreSQL, in blocks of 256. */
struct hf_cli_tree {
  PGconn *database;
  uint32_t shard;
  enum hf_audit_digest digest;
  struct hf_cli_block {
    bool used;
    uint32_t level, count;
    uint64_t index; /* of the block */
    struct hf_audit_hash hashes[256];
  } blocks[8];
  uint32_t next;
};
struct hf_audit_source hf_cli_tree_source(struct hf_cli_tree *tree);
/* What the shard's facts are hashed with; sha256 where there is no such shard. */
enum hf_audit_digest hf_cli_digest_of(PGconn *database, uint32_t shard);

/* An order's facts with their proofs, under the newest checkpoint or the first that holds them all; NULL after having said why.
 * The caller frees. */
json_t *hf_cli_order_bundle(PGconn *database, const char *order, bool newest);

#endif
