/*
 * Dispatch: orders from the core to the wire, one lane per institution.
 *
 * Why:    a slow institution must delay only itself (law 5): own queue, window, pace, tries. Only the lane resends, and
 *         always the identical bytes; an emergency order is never dropped by a limit of tries: the limit changes the pace
 *         and tells the core, which makes it visible to a person.
 * Thread: pure: time is an argument, no I/O; the engine and the simulator move what it puts out.
 * Memory: one reservation at open; nothing is allocated afterwards. A body stays in its flight until it has an outcome.
 * Bounds: orders_max orders in all lanes, HF_LANE_QUEUE_MAX in one, flights_max on their way; limits.h for the rest.
 */
#ifndef HF_DISPATCH_DISPATCH_H
#define HF_DISPATCH_DISPATCH_H

#include "adapters/dialect.h"
#include "engine/core/core.h"

struct hf_dispatch;

struct hf_dispatch_config {
  uint32_t orders_max;
  uint32_t flights_max;
  bool sign; /* false only in the benchmark's unsigned run */
};

struct hf_dispatch_events {
  void *owner;
  /* What an attempt came to; the shard follows from the order's id. All but `now` is filled in. */
  void (*tell)(void *owner, const struct hf_input *input);
  /* The try's time is up: the transport forgets this flight. */
  void (*cancel)(void *owner, uint32_t lane, uint32_t flight);
  /* An order that is in no lane, as a core in memory has it, in whatever state; false: none has it. NULL: none ever has. */
  bool (*known)(void *owner, struct hf_order_id id, struct hf_order *order);
};

struct hf_flight_view {
  uint32_t lane;
  struct hf_message message;
  struct hf_span to_sign;
  struct hf_span headers; /* after signing; a NUL stands behind them */
  const struct hf_dialect *dialect;
};

struct hf_lane_view {
  const struct hf_institution *row;
  const struct hf_dialect *dialect;
  uint32_t waiting, in_flight;
  uint32_t orders; /* in whatever state */
  uint64_t attempts, answers, failures;
  uint32_t silence;   /* tries since its last answer that came to nothing; 0 where nobody may be asked there any more */
  bool open;          /* its last tries came to nothing: other ways come before it (way.h) */
  int64_t timeout_ns; /* of an order's first try now */
};

HF_MUST_USE struct hf_status hf_dispatch_open(struct hf_dispatch **dispatch, const struct hf_dispatch_config *config,
                                              const struct hf_dispatch_events *events, struct hf_time now);
void hf_dispatch_close(struct hf_dispatch *dispatch);

/* Adds or changes an institution's lane. CONFIG where its dialect is unknown. */
HF_MUST_USE struct hf_status hf_dispatch_institution(struct hf_dispatch *dispatch, const struct hf_institution *row,
                                                     uint32_t *lane);

/* Whether the largest step's orders fit: asked before a submission is stepped. */
bool hf_dispatch_has_room(const struct hf_dispatch *dispatch);
/*
 * Copies the order into its lane; where order->after says so, once the fact `after_seq` of its shard is committed (design.md
 * law 3). REFUSED where it has no lane or its dialect has no such action; AGAIN while its lane has its share of all places:
 * offer it again later.
 */
HF_MUST_USE struct hf_status hf_dispatch_offer(struct hf_dispatch *dispatch, const struct hf_order *order, uint64_t after_seq,
                                               struct hf_time now);
/* Whether the order is in a lane, in whatever state. */
bool hf_dispatch_has(const struct hf_dispatch *dispatch, struct hf_order_id id);
/*
 * All facts of the shard up to seq are committed under our epoch: what waited for that goes into its lane. asked_ns: when that
 * transaction was sent, monotonic; the epoch was ours then. Its answer may have waited for us for long: a process can be
 * frozen.
 */
void hf_dispatch_committed(struct hf_dispatch *dispatch, uint32_t shard, uint64_t seq, int64_t asked_ns, struct hf_time now);
/* Whether a legal act of the shard waits for the epoch to be confirmed anew. */
bool hf_dispatch_wants_commit(const struct hf_dispatch *dispatch, uint32_t shard);
/* The order was called back, or ended by other means than its answer. */
void hf_dispatch_forget(struct hf_dispatch *dispatch, struct hf_order_id id);
/* Forgets all orders of a shard; what is on its way is cancelled. */
void hf_dispatch_withdraw(struct hf_dispatch *dispatch, uint32_t shard);

/* Fires timers and puts orders into flights: all stops before any query. Returns how many flights it filled. */
uint32_t hf_dispatch_work(struct hf_dispatch *dispatch, struct hf_time now);
/* When it wants to be called next, monotonic. */
int64_t hf_dispatch_next(const struct hf_dispatch *dispatch);

/* The outbox: flights to sign, in order; then flights to send. 0 where there is none. */
uint32_t hf_dispatch_take_unsigned(struct hf_dispatch *dispatch);
void hf_dispatch_signed(struct hf_dispatch *dispatch, uint32_t flight, const char *key_id, const char *algorithm,
                        struct hf_span signature);
/* Walks the flights to send; `after` is 0 or the one that was returned last. */
uint32_t hf_dispatch_ready(const struct hf_dispatch *dispatch, uint32_t after);
struct hf_flight_view hf_dispatch_view(const struct hf_dispatch *dispatch, uint32_t flight);
/* The transport has taken it. */
void hf_dispatch_started(struct hf_dispatch *dispatch, uint32_t flight, struct hf_time now);

/* What the transport tells. */
void hf_dispatch_left(struct hf_dispatch *dispatch, uint32_t flight, struct hf_time at);
/* Where its dialect has proofs, the caller has seen that the reply's is right. */
void hf_dispatch_replied(struct hf_dispatch *dispatch, uint32_t flight, int status, struct hf_span body, struct hf_time at);
/* A message of the lane's institution that belongs to no slot: many orders share a connection, and feedback comes by itself. */
struct hf_heard {
  struct hf_span body;
  const struct hf_order_id *order_id; /* whose answer it is; NULL: its dialect reads it from the body */
  bool is_durable;                    /* it stands in Kafka: what follows from it need not wait for a commit */
};
/* True: nobody here knows the order *unknown that it is about. False: it is told, or it was not believed and logged. */
bool hf_dispatch_heard(struct hf_dispatch *dispatch, uint32_t lane, const struct hf_heard *heard, struct hf_time at,
                       struct hf_order_id *unknown);
void hf_dispatch_failed(struct hf_dispatch *dispatch, uint32_t flight, enum hf_outcome outcome, bool left, struct hf_time at);

/* UINT32_MAX where no institution has this code. */
uint32_t hf_dispatch_lane_named(const struct hf_dispatch *dispatch, struct hf_span code);
uint32_t hf_dispatch_lanes(const struct hf_dispatch *dispatch);
struct hf_lane_view hf_dispatch_lane(const struct hf_dispatch *dispatch, uint32_t lane);

#endif
