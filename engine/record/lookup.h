/* Look-up: what a takeover reads. It waits, with a limit: nothing of the shard runs yet. */
#ifndef HF_RECORD_LOOKUP_H
#define HF_RECORD_LOOKUP_H

#include <libpq-fe.h>

#include "engine/record/keys.h"
#include "engine/record/record.h"

/* A connection of its own; opened when first used, and again after it was lost. */
struct hf_lookup {
  const char *conninfo;
  struct hf_seal *seal;
  PGconn *connection;
  int64_t deadline_ns;
};

void hf_lookup_close(struct hf_lookup *lookup);
struct hf_status hf_lookup_acquire(struct hf_lookup *lookup, uint32_t shard, const char *owner, enum hf_audit_digest digest,
                                   struct hf_shard_row *row);
struct hf_status hf_lookup_open_facts(struct hf_lookup *lookup, uint32_t shard,
                                      struct hf_status (*each)(void *owner, const struct hf_fact *fact), void *owner);
struct hf_status hf_lookup_unpublished(struct hf_lookup *lookup, uint32_t shard, uint64_t after_seq,
                                       struct hf_status (*each)(void *owner, uint64_t seq, struct hf_span fact), void *owner);

/* A row's case_id, first_seq, wrapped_by and wrapped, from `column` on, in binary. MALFORMED: another form. */
HF_MUST_USE struct hf_status hf_wrapped_key_of(const PGresult *rows, int row, int column, struct hf_data_key_place *place,
                                               struct hf_wrapped_key *wrapped);

/*
 * One row of a case, the keys before the facts: body, then as above. A key is kept in `keys`, a fact opened with them;
 * fact->kind is UNSET where the row was a key.
 */
HF_MUST_USE struct hf_status hf_case_row(struct hf_seal *seal, uint32_t shard, const PGresult *rows, int row,
                                         struct hf_read_keys *keys, struct hf_fact *fact);

/* Logs what PostgreSQL said; CONFIG where the schema is missing, RETRY otherwise. */
struct hf_status hf_lookup_error(const PGresult *result);

#endif
