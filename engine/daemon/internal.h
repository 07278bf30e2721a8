/* Internal: what the daemon's files share: the engine's parts. */
#ifndef HF_DAEMON_INTERNAL_H
#define HF_DAEMON_INTERNAL_H

#include <event2/event.h>

#include "adapters/transport.h"
#include "engine/base/histogram.h"
#include "engine/daemon/engine.h"
#include "engine/daemon/shard.h"
#include "engine/dispatch/dispatch.h"
#include "engine/intake/answers.h"
#include "engine/intake/intake.h"
#include "engine/publish/publish.h"
#include "engine/record/record.h"
#include "engine/trust/mac.h"
#include "engine/trust/trust.h"

struct hf_counters {
  uint64_t reports_accepted, commands_accepted;
  uint64_t quarantined[HF_REASON_COUNT];
  uint64_t facts[HF_FACT_COUNT];
  uint64_t orders_ended[HF_ORDER_STATE_COUNT];
  uint64_t orders_unsendable;
  uint64_t turns;
};

/* Where the microseconds of report → wire go. All but the first two are between stamps of one process. */
enum hf_stage {
  HF_STAGE_MADE_TO_CONSUMED, /* the submitter's own stamp → here: Kafka, with both clocks' error */
  HF_STAGE_MADE_TO_LAST_STOP,
  HF_STAGE_CONSUMED_TO_DECIDED,
  HF_STAGE_DECIDED_TO_SIGNED, /* per order */
  HF_STAGE_SIGNED_TO_SENT,    /* per order */
  HF_STAGE_CONSUMED_TO_FIRST_STOP,
  HF_STAGE_CONSUMED_TO_LAST_STOP,
  HF_STAGE_COUNT
};

/* A report's way to the wire, until its last stop has left: a ring, so that stamps cost no look-up by case. */
struct hf_proving;
struct hf_audit_state;

struct hf_trace {
  struct hf_case_id case_id;
  int64_t made_wall_ns, consumed_mono_ns, consumed_wall_ns;
  uint32_t stops_left;
  bool first_left;
};

#define HF_TRACES_MAX 4096
#define HF_EXIT_FENCED 75 /* EX_TEMPFAIL of sysexits.h */

#define HF_TRANSPORTS 4
#define HF_DUE_CASES_MAX 128

struct hf_due_case {
  uint32_t shard;
  struct hf_case_id id;
};

#define HF_GROWN_CASES_MAX 512
#define HF_SEEN_MAX 256

struct hf_seen_case {
  uint32_t shard;
  struct hf_case_id id;
  struct hf_fact_seen seen; /* party.account: as PostgreSQL has it, a pseudonym, until `named` */
  bool named;
};

struct hf_comeback {
  struct hf_case_id awaited; /* the case that the first submission waits for */
  struct hf_case_id settled; /* the same, once it is answered or was not in time */
  int64_t asked_epoch;       /* the shard's epoch when it was asked */
  struct hf_due_case due[HF_DUE_CASES_MAX];
  uint32_t due_count;
  uint32_t shard; /* asked next for cases that are due */
  int64_t next_ns;
  /* Cases with new accounts, to be looked for in others; what does not fit is found when the case next grows. */
  struct hf_due_case grown[HF_GROWN_CASES_MAX];
  uint32_t grown_count;
  int64_t grown_ns;
  /* What was found, until its case is there to be told. */
  struct hf_seen_case seen[HF_SEEN_MAX];
  uint32_t seen_count;
};

#define HF_LATE_MAX 8

struct hf_late {
  enum { HF_LATE_FREE = 0, HF_LATE_NEW, HF_LATE_ASKED, HF_LATE_FOUND, HF_LATE_NOBODYS } state;
  uint32_t lane, shard;
  int64_t epoch; /* the shard's, when it came */
  struct hf_order_id order_id;
  struct hf_case_id case_id; /* FOUND */
  bool has_order, is_durable;
  struct hf_time at;
  int64_t offset, until_mono_ns;
  size_t body_size;
  uint8_t body[HF_ANSWER_BODY_SIZE_MAX];
};

struct hf_engine {
  struct hf_config config;
  struct event_base *base;
  struct event *turn_timer, *intake_event, *answers_event, *trust_event;
  struct event *signals[2];
  struct hf_watched {
    struct event *event;
    struct hf_record_socket socket;
  } record_watched[HF_RECORD_SOCKETS];
  struct evhttp *http;

  struct hf_trust *trust;
  struct hf_seal *seal;
  struct hf_intake *intake;
  struct hf_answers *answers;
  struct hf_record *record;
  struct hf_publish *publish;
  struct hf_dispatch *dispatch;
  struct hf_open_transport {
    const struct hf_transport *is;
    void *self;
  } transports[HF_TRANSPORTS];
  const struct hf_open_transport *transport_of[HF_INSTITUTIONS_MAX]; /* by lane */

  struct hf_shard shards[HF_SHARDS_MAX];
  struct hf_core_config core_config;
  bool takeover; /* some shards are wanted or owned but not running */
  int64_t takeover_retry_ns, warm_until_ns;
  bool fenced;           /* another owner has one of our shards */
  struct hf_fact *facts; /* HF_STEP_FACTS_MAX, of the step that runs */

  struct hf_trust_job *sign_jobs; /* by flight */
  int64_t *sign_started_ns, *sign_done_ns;
  uint32_t *sign_queue; /* a ring of flights being signed, in order */
  uint32_t sign_first, sign_used, flights_max;

  bool left_out; /* some orders found no room in their lane: they are offered again */
  struct hf_round {
    bool runs;
    uint32_t shard, place; /* of the core's orders */
    int64_t next_ns;
  } round;
  bool stopping;
  int exit_code;
  int64_t stop_by_ns;
  struct hf_comeback comeback;
  struct hf_late *lates; /* HF_LATE_MAX */
  int64_t record_alarm_ns;
  struct hf_counters counters;
  struct {
    int64_t look_ns; /* when next, monotonic */
    int64_t told_ns; /* how far ahead the machine's clock was when it was last told */
    struct hf_clock machine;
  } clock;
  int64_t silence_look_ns; /* when next, monotonic */
  struct hf_histogram stages[HF_STAGE_COUNT];
  struct hf_audit_state *audit;                    /* NULL: no checkpoints */
  struct hf_mac_key mac_keys[HF_INSTITUTIONS_MAX]; /* by lane */
  struct hf_proving *provings;                     /* HF_PROOFS_MAX */
  uint32_t provings_used;
  struct hf_trace *traces;
  uint32_t traces_next;
  bool heard; /* from PostgreSQL, late in this turn: a commit that orders wait for, a case that a submission waits for */
  struct hf_time turn; /* the reading that this turn of the loop works with */
};

/* takeover.c */
void hf_takeover_assigned(void *owner, const uint32_t *shards, uint32_t count);
void hf_takeover_revoked(void *owner, bool lost);
void hf_takeover_fenced(void *owner, uint32_t shard);
void hf_takeover_work(struct hf_engine *engine);

/* comeback.c */
/* True: the submission waits, its case is being looked up. */
bool hf_comeback_awaits(struct hf_engine *engine, uint32_t shard, struct hf_case_id id);
/* Asks for a rested case; false: another question is under way. */
bool hf_comeback_ask(struct hf_engine *engine, uint32_t shard, struct hf_case_id id);
/* The submission that waited is decided. */
void hf_comeback_decided(struct hf_engine *engine);
/* It came back for a submission, and rests again before that is decided: what another case told it was all that was left to do.
 */
void hf_comeback_rested(struct hf_engine *engine, struct hf_case_id id);
void hf_comeback_work(struct hf_engine *engine);
/* Facts that people are told of: whether this kind can be one; the text, 0 where this fact is none. */
#define HF_ALERT_SIZE_MAX 512
bool hf_alerts_of(enum hf_fact_kind kind);
size_t hf_alerts_write(struct hf_span bytes, char text[HF_ALERT_SIZE_MAX]);
/* What the machine says of its clock, as a fact of the shard; looks for steps once a second. */
#define HF_CLOCK_STEP_NS (500 * HF_NS_PER_MS)
void hf_clock_note(struct hf_engine *engine, uint32_t shard);
void hf_clock_work(struct hf_engine *engine);

/* Tells once a second which lanes have fallen silent, and which answer again. */
void hf_silence_work(struct hf_engine *engine);
void hf_comeback_fact(void *owner, uint32_t shard, const struct hf_fact *fact);
void hf_comeback_known(void *owner, uint32_t shard, struct hf_case_id id, struct hf_status status);
void hf_comeback_due(void *owner, uint32_t shard, struct hf_case_id id);
void hf_comeback_seen(void *owner, uint32_t shard, struct hf_case_id id, const struct hf_fact_seen *seen);
/* The case has a new account, and that is committed. */
void hf_comeback_grown(struct hf_engine *engine, uint32_t shard, struct hf_case_id id);

/* late.c */
/* What an institution says by itself, to the order it is about, wherever that is. offset: on holdfast.answers, -1: none. */
void hf_late_hear(struct hf_engine *engine, uint32_t lane, const struct hf_heard *heard, struct hf_time at, int64_t offset);
void hf_late_order_found(void *owner, uint32_t shard, struct hf_order_id id, struct hf_case_id case_id,
                         struct hf_status status);
/* The case is in memory again. */
void hf_late_returned(struct hf_engine *engine, uint32_t shard, struct hf_case_id id);
/* Returns whether any waits. */
bool hf_late_work(struct hf_engine *engine);
int64_t hf_late_first_offset(const struct hf_engine *engine, uint32_t shard);

/* route.c: a step's facts to where they go. */
void hf_route(struct hf_engine *engine, uint32_t shard, uint32_t count, int64_t next_offset, struct hf_span raw);
/* after_seq: the fact that must be committed first where the order says so. */
void hf_route_order(struct hf_engine *engine, const struct hf_order *order, uint64_t after_seq);
/* Offers again what its lane had no room for, a part in each turn. Returns whether there is more to look at now. */
bool hf_route_left_out(struct hf_engine *engine);
/* Connections open to the lane's institution, and how many are wanted. */
void hf_route_warmth(const struct hf_engine *engine, uint32_t lane, uint32_t *open, uint32_t *wanted);
void hf_route_registry_fact(struct hf_engine *engine, const struct hf_fact *fact);
/* Steps the shard's core and routes what it says. */
void hf_route_step(struct hf_engine *engine, uint32_t shard, const struct hf_input *input);

/* http.c */
HF_MUST_USE struct hf_status hf_http_open(struct hf_engine *engine);
void hf_http_close(struct hf_engine *engine);

/* trace.c */
HF_MUST_USE struct hf_status hf_audit_open(struct hf_engine *engine);
void hf_audit_close(struct hf_engine *engine);
/* Signs a checkpoint of what is committed, every 10 s or 1,000 facts of a shard; one at a time. */
void hf_audit_work(struct hf_engine *engine);

void hf_proof_open(struct hf_engine *engine);
void hf_proof_close(struct hf_engine *engine);
/* The key that this row's MACs are made by; count 0 where it has none. CONFIG where its file is no such. */
struct hf_status hf_proof_mac_key(const struct hf_engine *engine, const struct hf_institution *row, struct hf_mac_key *key);
/* False: this flight is signed, by a worker. True: its MAC is made, and it is ready. */
bool hf_proof_seal(struct hf_engine *engine, uint32_t flight);
/*
 * A message that belongs to no slot: BELIEVED by the line's certificate or its MAC; LATER: a worker looks, and dispatch is
 * told, or it was refused and logged; NO_ROOM: nothing was done.
 */
enum hf_believed { HF_BELIEVED, HF_BELIEVED_LATER, HF_BELIEVED_NO_ROOM };
enum hf_believed hf_proof_heard(struct hf_engine *engine, uint32_t lane, struct hf_span body, struct hf_time at);
/* A record of holdfast.answers: checked by a worker, or refused and logged. False: no room, nothing was done. */
bool hf_proof_record(struct hf_engine *engine, uint32_t lane, const struct hf_answer_record *record);
/* The first record of the shard that is still being checked; INT64_MAX: none. */
int64_t hf_proof_first_offset(const struct hf_engine *engine, uint32_t shard);
/* False: the reply needs no proof. True: dispatch is told once the proof is right, or that the try failed. */
bool hf_proof_begin(struct hf_engine *engine, uint32_t flight, const struct hf_reply *reply, struct hf_time at);
void hf_proof_cancel(struct hf_engine *engine, uint32_t flight);
/* Tells what the workers have found. Returns whether anything was told. */
bool hf_proof_work(struct hf_engine *engine);

void hf_trace_begin(struct hf_engine *engine, const struct hf_submission *submission, const struct hf_fact *facts,
                    uint32_t count);
void hf_trace_left(struct hf_engine *engine, uint32_t flight, const struct hf_order *order, struct hf_time at);

#endif
