/* Connection: the pipeline's statements on their way to PostgreSQL. */
#ifndef HF_RECORD_CONNECTION_H
#define HF_RECORD_CONNECTION_H

#include <libpq-fe.h>

#include "engine/record/projection.h"
#include "engine/record/record.h"

struct hf_fence {
  uint32_t shard;
  int64_t epoch;
  int64_t next_offset, next_answer; /* -1: unchanged */
  uint64_t seq;
  uint64_t published_seq;
};

bool hf_connection_prepare(PGconn *connection, const struct hf_statement *statement);
bool hf_connection_prepare_fence(PGconn *connection);
/* One transaction: the fence, then the statements that have rows. False where the connection is broken. */
bool hf_connection_send(PGconn *connection, const struct hf_fence *fence, const struct hf_projection *projection);

/* Why a connection did not come about, as libpq says it (certificate, password, host): into the log, the same once a minute. */
void hf_connection_note_failure(const PGconn *connection);

#endif
