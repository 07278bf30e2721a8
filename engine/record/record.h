/*
 * Record: facts into PostgreSQL, one transaction in flight, fenced by the shard's epoch.
 *
 * Why:    the offset stored never passes a submission whose facts are not committed (law 1); a zombie owner's late writes are
 *         refused by the epoch; a commit whose outcome is unknown is looked up on a new connection, never sent blindly again.
 * Thread: the loop's. libpq in pipeline mode, non-blocking; only acquire and load block, while a shard is taken over.
 * Memory: chunks of HF_RECORD_BATCH_FACTS facts from one pool, newest freed first, so that the touched memory stays small.
 * Bounds: HF_RECORD_BACKLOG_FACTS facts and HF_RECORD_BACKLOG_BYTES of raw records wait while PostgreSQL is away.
 */
#ifndef HF_RECORD_RECORD_H
#define HF_RECORD_RECORD_H

#include "engine/audit/tree.h"
#include "engine/base/bytes.h"
#include "engine/core/core.h"
#include "engine/seal/seal.h"

struct hf_record;

/* Where a shard's two partitions are read on: holdfast.reports and holdfast.answers. -1: as before. */
struct hf_log_place {
  int64_t offset, answer;
};
#define HF_LOG_PLACE_SAME ((struct hf_log_place){-1, -1})

struct hf_record_config {
  const char *conninfo;
  const char *owner;           /* stands in the shard's row */
  int64_t pace_ns;             /* a transaction gathers at least this long after the one before */
  bool no_leaves;              /* for the benchmark: what the audit tree costs */
  enum hf_audit_digest digest; /* of leaves: a shard whose facts have another is not taken */
  struct hf_seal *seal;        /* closes what is personal; stays the caller's */
};

/* One committed fact, in order of seq: what publish sends on. */
struct hf_committed_fact {
  enum hf_fact_kind kind;
  struct hf_case_id case_id;
  uint64_t seq;
  struct hf_span bytes;
};

struct hf_record_events {
  void *owner;
  /* count 0: only the epoch was confirmed. asked_ns: when the transaction was sent, monotonic. */
  void (*committed)(void *owner, uint32_t shard, const struct hf_committed_fact *facts, uint32_t count, int64_t asked_ns);
  /* The epoch has been taken by another owner: stop this shard now. */
  void (*fenced)(void *owner, uint32_t shard);
  /* Answers: a case's facts without its rests and returns, in order, then that it is known; a case that is due. */
  void (*case_fact)(void *owner, uint32_t shard, const struct hf_fact *fact);
  void (*case_known)(void *owner, uint32_t shard, struct hf_case_id id, struct hf_status status);
  /* Whose order it is; a zero case id: nobody's. */
  void (*order_found)(void *owner, uint32_t shard, struct hf_order_id id, struct hf_case_id case_id, struct hf_status status);
  void (*case_due)(void *owner, uint32_t shard, struct hf_case_id id);
  /* Another case, or the suspect list, knows an account of this case: seen->party.account is its pseudonym. */
  void (*case_seen)(void *owner, uint32_t shard, struct hf_case_id id, const struct hf_fact_seen *seen);
};

HF_MUST_USE struct hf_status hf_record_open(struct hf_record **record, const struct hf_record_config *config,
                                            const struct hf_record_events *events);
void hf_record_close(struct hf_record *record);

/* A socket to watch, and what for beside reading; all of it changes with hf_record_work. */
struct hf_record_socket {
  int fd; /* -1: none */
  bool writes;
  uint32_t opened; /* counts connections: a new one may have the old one's number */
};

#define HF_RECORD_SOCKETS 2 /* for writing, for questions */
struct hf_record_socket hf_record_socket(const struct hf_record *record, int which);

/*
 * Takes over a shard: a new epoch, its offsets and seq, in one transaction. Blocks for at most the connection's timeout.
 * RETRY while PostgreSQL is away; CONFIG where the schema is missing or old.
 */
struct hf_shard_row {
  int64_t epoch;
  struct hf_log_place next;
  uint64_t seq;
  uint64_t published_seq;
  struct hf_audit_tree tree; /* of the shard's facts; its size is seq */
};
HF_MUST_USE struct hf_status hf_record_acquire(struct hf_record *record, uint32_t shard, struct hf_shard_row *row);
/* The facts of the registry and of open cases, in order of seq; then those that were not published yet. */
HF_MUST_USE struct hf_status hf_record_load(struct hf_record *record, uint32_t shard,
                                            struct hf_status (*each)(void *owner, const struct hf_fact *fact), void *owner);
HF_MUST_USE struct hf_status hf_record_load_unpublished(struct hf_record *record, uint32_t shard, uint64_t published_seq,
                                                        struct hf_status (*each)(void *owner, uint64_t seq,
                                                                                 struct hf_span fact),
                                                        void *owner);
/*
 * One question at a time, answered from hf_record_work through the events; the loop never waits for it. False: one is under
 * way. A case: asked once the fact after_seq is committed (0: at once), given up after 50 ms.
 */
bool hf_record_ask_case(struct hf_record *record, uint32_t shard, struct hf_case_id id, uint64_t after_seq, struct hf_time now);
/* Which case an order is of, by what is committed with the fact after_seq. */
bool hf_record_ask_order(struct hf_record *record, uint32_t shard, struct hf_order_id id, uint64_t after_seq,
                         struct hf_time now);
/* Rested cases of the shard whose holds end before `before`, at most 100. */
bool hf_record_ask_due(struct hf_record *record, uint32_t shard, int64_t before_wall_ns, struct hf_time now);
/* Other cases that know the accounts of these; at most HF_QUESTION_CASES_MAX. */
bool hf_record_ask_seen(struct hf_record *record, uint32_t shard, const struct hf_case_id *cases, uint32_t count,
                        struct hf_time now);
/* Something waits for this shard's commit: its transaction comes next, without the pause; an empty one confirms the epoch. */
void hf_record_hurry(struct hf_record *record, uint32_t shard);
/* Forgets what waits for the shard: its new owner decides it again. */
void hf_record_release(struct hf_record *record, uint32_t shard);

bool hf_record_has_room(const struct hf_record *record);
/*
 * One step's facts. next: where the topics are read on once they are committed; -1 where the step came from elsewhere.
 * raw: the record's bytes, sealed and kept where a fact says quarantined or waiting for a second officer. Requires:
 * hf_record_has_room().
 */
void hf_record_add(struct hf_record *record, uint32_t shard, const struct hf_fact *facts, uint32_t count,
                   struct hf_log_place next, struct hf_span raw);
/* All facts up to seq are on holdfast.facts: goes into the shard's row with its next transaction. */
void hf_record_published(struct hf_record *record, uint32_t shard, uint64_t seq);

/* Sends, receives, reconnects. */
void hf_record_work(struct hf_record *record, struct hf_time now);
/* When hf_record_work wants to be called next, monotonic; INT64_MAX: when the socket says so. */
int64_t hf_record_next(const struct hf_record *record);

/* The tree of all committed facts of a shard that is ours. */
const struct hf_audit_tree *hf_record_tree(const struct hf_record *record, uint32_t shard);
/* Stores the note with the shard's next transaction, in place of one that still waits; one is made soon if need be. */
void hf_record_store_checkpoint(struct hf_record *record, uint32_t shard, uint64_t size, const char *note);

uint32_t hf_record_waiting(const struct hf_record *record);
bool hf_record_is_up(const struct hf_record *record);
/* Since when PostgreSQL does not answer, monotonic; 0 while it does. */
int64_t hf_record_down_since(const struct hf_record *record);
uint64_t hf_record_committed(const struct hf_record *record, uint32_t shard);
/* Feedback read → durable. */
struct hf_histogram;
const struct hf_histogram *hf_record_durable_histogram(const struct hf_record *record);

/* The schema that this program needs; hf_record_acquire refuses another. */
#define HF_SCHEMA_VERSION 17

#endif
