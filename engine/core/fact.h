/*
 * Fact: everything the core decides; the only output (design.md law 8). Facts are sent, recorded, published and audited.
 *
 * Why:    rows, effects and the published stream are projections of the same values, and restoring them gives the same core.
 * Memory: fixed size, no pointers; a step's facts stand in the caller's array.
 */
#ifndef HF_CORE_FACT_H
#define HF_CORE_FACT_H

#include "engine/core/order.h"

/* clang-format off */
#define HF_FACTS(X)                                                                      \
  X(REPORT_ACCEPTED, "report_accepted")         X(TRANSFER_CLAIMED, "transfer_claimed")  \
  X(ORDER_READY, "order_ready")                 X(ORDER_SENT, "order_sent")              \
  X(ATTEMPT_ENDED, "attempt_ended")             X(ORDER_RECEIVED, "order_received")      \
  X(ORDER_ENDED, "order_ended")                 X(ORDER_UNKNOWN, "order_unknown")        \
  X(ORDER_OVERDUE, "order_overdue")             X(ANSWER_CONTRADICTED, "answer_contradicted") \
  X(HOLD_PLACED, "hold_placed")                 X(HOLD_LAPSED, "hold_lapsed")            \
  X(CASE_RESTED, "case_rested")                 X(CASE_RETURNED, "case_returned")        \
  X(QUARANTINED, "quarantined")                 X(INSTITUTION_SET, "institution_set")    \
  X(KEY_SET, "key_set")                         X(POLICY_SET, "policy_set")

/* How an attempt without an answer ended. */
#define HF_OUTCOMES(X)                                                                             \
  X(NOT_CONNECTED, "not_connected") X(TIMEOUT, "timeout") X(RESET, "reset") X(INVALID, "invalid")  \
  X(BUSY, "busy") X(REJECTED, "rejected") X(TLS, "tls")
/* clang-format on */

enum hf_fact_kind {
  HF_FACT_UNSET = 0,
#define X(name, code) HF_FACT_##name,
  HF_FACTS(X)
#undef X
      HF_FACT_COUNT
};

enum hf_outcome {
  HF_OUTCOME_UNSET = 0,
#define X(name, code) HF_OUTCOME_##name,
  HF_OUTCOMES(X)
#undef X
      HF_OUTCOME_COUNT
};

const char *hf_fact_code(enum hf_fact_kind kind);
const char *hf_outcome_code(enum hf_outcome outcome);
enum hf_outcome hf_outcome_of_code(const char *code);

struct hf_fact_report {
  struct hf_report_id id;
  int64_t offset;
  char key_id[HF_KEY_ID_SIZE + 1];
  int64_t made_wall_ns;
  int64_t appended_wall_ns;
  int64_t consumed_wall_ns;
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char form_reference[HF_REFERENCE_SIZE_MAX + 1];
  struct hf_name victim;
};

struct hf_fact_transfer {
  struct hf_report_id report_id;
  struct hf_transfer transfer;
};

/* order_sent, attempt_ended, order_received, order_unknown, order_overdue, hold_lapsed use what applies of it. */
struct hf_fact_step {
  struct hf_order_id order_id;
  enum hf_action action;
  uint32_t attempt;
  struct hf_time at;
  enum hf_outcome outcome;
  bool left;
  int64_t deadline_wall_ns;
  char reference[HF_REFERENCE_SIZE_MAX + 1];
};

/* order_ended, answer_contradicted. */
struct hf_fact_ended {
  enum hf_order_state state;
  enum hf_action action;
  struct hf_time at;
  struct hf_answer answer;
};

struct hf_fact_hold {
  struct hf_order_id order_id;
  int64_t starts_earliest_wall_ns;
  int64_t starts_latest_wall_ns;
  int64_t expires_earliest_wall_ns;
  int64_t expires_latest_wall_ns;
  int64_t held;
};

struct hf_fact_quarantined {
  int64_t offset;
  enum hf_reason reason;
  uint32_t transfer; /* 1…: which one is meant; 0 = none */
  char key_id[HF_KEY_ID_SIZE + 1];
  struct hf_report_id report_id;
};

struct hf_fact {
  enum hf_fact_kind kind;
  uint32_t shard;
  uint64_t seq;              /* 1…, gap-free per shard */
  struct hf_case_id case_id; /* zero where no case is meant */
  struct hf_time decided;
  uint32_t policy_version;
  union {
    struct hf_fact_report report;
    struct hf_fact_transfer transfer;
    struct hf_order order;
    struct hf_fact_step step;
    struct hf_fact_ended ended;
    struct hf_fact_hold hold;
    int64_t wakes_wall_ns; /* case_rested */
    struct hf_fact_quarantined quarantined;
    struct hf_institution institution;
    struct hf_key key;
    struct hf_policy policy;
  };
};

#endif
