/*
 * Question: what a running shard asks PostgreSQL: the facts of a case that rests, the cases of which something is due, what
 * other cases know of new accounts.
 *
 * Why:    a stop must not wait for PostgreSQL, so nothing here waits: hf_question_work moves on by what has arrived.
 * Bounds: one at a time; a case is given up after 50 ms (design.md section 5), the others after 2 s.
 */
#ifndef HF_RECORD_QUESTION_H
#define HF_RECORD_QUESTION_H

#include <libpq-fe.h>

#include "engine/record/record.h"

enum hf_question_state { HF_QUESTION_IDLE = 0, HF_QUESTION_CONNECTING, HF_QUESTION_HELD, HF_QUESTION_ASKED };

enum hf_question_kind { HF_QUESTION_CASE, HF_QUESTION_DUE, HF_QUESTION_SEEN, HF_QUESTION_ORDER };

struct hf_question {
  const char *conninfo;
  struct hf_seal *seal;
  PGconn *connection;
  PostgresPollingStatusType poll;
  uint32_t opened; /* connections so far */
  enum hf_question_state state;
  enum hf_question_kind kind;
  uint32_t shard;
  struct hf_case_id case_id;   /* CASE; ORDER: what was found */
  struct hf_order_id order_id; /* ORDER */
  int64_t before_wall_ns;      /* DUE */
  uint32_t cases_count;        /* SEEN: of these */
  struct hf_case_id cases[HF_QUESTION_CASES_MAX];
  uint64_t after_seq; /* asked once this is committed: the case's own last facts may be on their way */
  int64_t deadline_ns;
};

/* False: one is under way. */
bool hf_question_of_case(struct hf_question *question, uint32_t shard, struct hf_case_id id, uint64_t after_seq,
                         struct hf_time now);
/* Which case an order is of. */
bool hf_question_of_order(struct hf_question *question, uint32_t shard, struct hf_order_id id, uint64_t after_seq,
                          struct hf_time now);
bool hf_question_of_due(struct hf_question *question, uint32_t shard, int64_t before_wall_ns, struct hf_time now);
/* count: at most HF_QUESTION_CASES_MAX. */
bool hf_question_of_seen(struct hf_question *question, uint32_t shard, const struct hf_case_id *cases, uint32_t count,
                         struct hf_time now);
void hf_question_work(struct hf_question *question, uint64_t committed, const struct hf_record_events *events,
                      struct hf_time now);
void hf_question_close(struct hf_question *question);

/* True where the socket is ready for what a connection under way waits for; libpq wants to be asked only then. */
bool hf_connection_is_ready(PGconn *connection, PostgresPollingStatusType poll_for);

#endif
