/* Connection: SQL on its way to PostgreSQL: the pipeline's statements, and bounded look-ups on a connection of their own. */
#ifndef HF_RECORD_CONNECTION_H
#define HF_RECORD_CONNECTION_H

#include <libpq-fe.h>

#include "engine/record/projection.h"
#include "engine/record/record.h"

struct hf_fence {
  uint32_t shard;
  int64_t epoch;
  int64_t next_offset; /* -1: unchanged */
  uint64_t seq;
  uint64_t published_seq;
};

bool hf_connection_prepare(PGconn *connection, const struct hf_statement *statement);
bool hf_connection_prepare_fence(PGconn *connection);
/* One transaction: the fence, then the statements that have rows. False where the connection is broken. */
bool hf_connection_send(PGconn *connection, const struct hf_fence *fence, const struct hf_projection *projection);

/* A connection for look-ups; opened when first used, and again after it was lost. */
struct hf_lookup {
  const char *conninfo;
  PGconn *connection;
  int64_t deadline_ns, not_before_ns;
};

void hf_lookup_close(struct hf_lookup *lookup);
struct hf_status hf_lookup_acquire(struct hf_lookup *lookup, uint32_t shard, const char *owner, struct hf_shard_row *row);
struct hf_status hf_lookup_open_facts(struct hf_lookup *lookup, uint32_t shard,
                                      struct hf_status (*each)(void *owner, struct hf_span fact), void *owner);
struct hf_status hf_lookup_unpublished(struct hf_lookup *lookup, uint32_t shard, uint64_t after_seq,
                                       struct hf_status (*each)(void *owner, uint64_t seq, struct hf_span fact), void *owner);
struct hf_status hf_lookup_due_cases(struct hf_lookup *lookup, uint32_t shard, int64_t before_wall_ns,
                                     struct hf_status (*each)(void *owner, struct hf_case_id id), void *owner);
struct hf_status hf_lookup_case(struct hf_lookup *lookup, uint32_t shard, struct hf_case_id id,
                                struct hf_status (*each)(void *owner, struct hf_span fact), void *owner);

#endif
