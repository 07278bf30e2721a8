/*
 * Lane: the orders waiting for, and in flight to, one institution.
 *
 * Why:    priority, window and pace in one place, so that they can be read and tested apart from buffers and signatures.
 * Order:  stop, lift, freeze, query, monitor; then by turns of the cases, so that one with 200 accounts does not hold up
 * another's single stop; then the earliest deadline; then the larger amount (design.md section 7, decision 29). Memory: the
 * heap's entries are the dispatcher's reservation.
 */
#ifndef HF_DISPATCH_LANE_H
#define HF_DISPATCH_LANE_H

#include "engine/base/heap.h"
#include "engine/core/order.h"

struct hf_dialect;

#define HF_LANE_CASES 64
#define HF_LANE_TURN 8 /* orders of one case in a turn: within it deadline and amount decide */

struct hf_lane {
  struct hf_institution row;
  const struct hf_dialect *dialect;
  bool feedback_follows; /* by itself, after a receipt: its dialect says so, or its answers come over Kafka */
  struct hf_heap queue;
  uint32_t tag;                 /* where the turn begins that is being served */
  uint32_t tags[HF_LANE_CASES]; /* the next order's of each case; cases that share a place share their turns */
  uint32_t orders;              /* in all states: waiting, in flight, until the next try, until a commit */
  uint32_t in_flight;
  bool paused; /* when it was last looked at */
  /* token bucket: one order each 1/pace_per_s, a tenth of a second's worth at once */
  int64_t tokens_ns; /* time that is saved up */
  int64_t filled_ns; /* monotonic, when it was last counted */
  uint64_t attempts, answers, failures;
  uint32_t silence; /* tries since its last answer that came to nothing */
  /* other rows that its orders may go over, and this row's breaker (way.h) */
  uint32_t ways[HF_WAYS_MAX], ways_count;
  int64_t probe_ns; /* monotonic: open, and one order may try it again then; 0: closed */
  int64_t probe_wait_ns;
  /* Of the HF_LANE_TIMES replies before these, the last but one of the slowest: their 99.9 % by nearest rank; 0: too few yet.
   */
  int64_t usual_ns;
  uint32_t times_count;        /* replies since */
  int64_t slowest_ns, slow_ns; /* of these the slowest and the next */
};

#define HF_LANE_SILENT 8   /* so many tries in a row without an answer: a person is told */
#define HF_LANE_TIMES 1000 /* so that the rank of 99.9 % is the last but one */

/* Queues an order, a new one or again. */
void hf_lane_put(struct hf_lane *lane, uint32_t item, const struct hf_order *order);
/* The rank of the first order waiting; INT64_MAX where there is none. */
int64_t hf_lane_rank(const struct hf_lane *lane);
/* Whether window, pace and the row's pause let an order go now. */
bool hf_lane_may_send(struct hf_lane *lane, struct hf_time now);
/* Takes the first order out. Requires: there is one. */
uint32_t hf_lane_take(struct hf_lane *lane);
/* Counts an order against window and pace. Requires: hf_lane_may_send() said so. */
void hf_lane_count(struct hf_lane *lane);
/* When pace lets one go again; INT64_MAX where something else holds it. */
int64_t hf_lane_next(const struct hf_lane *lane);

/*
 * How long after an attempt without answer the next may start. attempts: how many there were.
 * HF_QUICK_TRIES quick ones, then 1 s doubled up to 30 s; a tenth of jitter that depends on the order only.
 */
int64_t hf_lane_backoff_ns(const struct hf_order *order, uint32_t attempts);

/* A try had its reply, took_ns after the transport took it, monotonic. */
void hf_lane_replied(struct hf_lane *lane, int64_t took_ns);
/*
 * How long the attempt may take, the order's first being 1: twice what the institution's replies usually take, one second at
 * least, doubled with every attempt, because who has become slow must be able to show it; never more than its row says,
 * and just that where it swallows duplicates.
 */
int64_t hf_lane_timeout_ns(const struct hf_lane *lane, uint32_t attempt);

#endif
