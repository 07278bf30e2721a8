/*
 * Order: one act asked of one institution about one account; its life cycle as a table.
 *
 * Rules:  O4–O14 of domain.md 4.2. The picture in order.md is generated from the table below (tests/lint).
 * Thread: pure.
 */
#ifndef HF_CORE_ORDER_H
#define HF_CORE_ORDER_H

#include "engine/base/time.h"
#include "engine/core/registry.h"
#include "engine/core/report.h"

/* clang-format off */
#define HF_ACTIONS(X) X(STOP, "stop") X(QUERY, "query")

#define HF_ORDER_STATES(X)                                                             \
  X(READY,           "ready",           "decided, on its way to the institution")      \
  X(SENT,            "sent",            "the last byte has been handed over")          \
  X(RECEIVED,        "received",        "the institution has it, no feedback yet")     \
  X(UNKNOWN,         "unknown",         "sent, no answer: being resent, call the institution") \
  X(EFFECTIVE,       "effective",       "done")                                        \
  X(EFFECTIVE_SHORT, "effective_short", "done, the balance is below the amount")       \
  X(HELD_BY_OTHER,   "held_by_other",   "already held for another order or authority") \
  X(REFUSED_FIXABLE, "refused_fixable", "refused, to be corrected and sent anew")      \
  X(REFUSED,         "refused",         "refused")

#define HF_ORDER_EVENTS(X)                                                             \
  X(LEFT,      "left",      "the last byte of an attempt was handed over")             \
  X(RECEIPT,   "receipt",   "the institution says that it has it")                     \
  X(GAVE_UP,   "gave_up",   "the quick tries are used up without an answer")           \
  X(DONE,      "done",      "feedback 0000, 0900")                                     \
  X(DONE_SHORT,"done_short","feedback 1200")                                           \
  X(OTHER,     "other",     "feedback 1301, 1302, 1303")                               \
  X(FIXABLE,   "fixable",   "feedback that a corrected order can cure")                \
  X(NO,        "no",        "any other feedback")
/* clang-format on */

enum hf_action {
  HF_ACTION_UNSET = 0,
#define X(name, code) HF_ACTION_##name,
  HF_ACTIONS(X)
#undef X
      HF_ACTION_COUNT
};

enum hf_order_state {
  HF_ORDER_UNSET = 0,
#define X(name, code, text) HF_ORDER_##name,
  HF_ORDER_STATES(X)
#undef X
      HF_ORDER_STATE_COUNT
};

enum hf_order_event {
#define X(name, code, text) HF_ORDER_EVENT_##name,
  HF_ORDER_EVENTS(X)
#undef X
      HF_ORDER_EVENT_COUNT
};

/* One cell of the life cycle: exactly one of move, ignored or impossible. */
struct hf_order_cell {
  enum hf_order_state move; /* UNSET: stays */
  const char *ignored;      /* why nothing changes */
  bool contradiction;       /* ignored, and kept as an anomaly: the first feedback rules (O12) */
  const char *impossible;   /* why it cannot happen: a bug stops the process */
};

const struct hf_order_cell *hf_order_cell(enum hf_order_state state, enum hf_order_event event);
bool hf_order_state_is_final(enum hf_order_state state);
const char *hf_order_state_code(enum hf_order_state state);
enum hf_order_state hf_order_state_of_code(const char *code);
const char *hf_order_event_code(enum hf_order_event event);
const char *hf_action_code(enum hf_action action);
enum hf_action hf_action_of_code(const char *code);

/* Feedback's four digits to an event (domain.md 3.4). Foreign or unknown codes are NO. */
enum hf_order_event hf_order_event_of_result(const char *result);

/* Everything that an institution is told, and what dispatch needs: self-contained. */
struct hf_order {
  struct hf_order_id id;
  struct hf_case_id case_id;
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_account_number account;
  struct hf_name name;
  enum hf_action action;
  uint32_t ordinal;
  int64_t amount;
  enum hf_currency currency;
  int64_t transfer_wall_ns;
  int64_t issued_wall_ns; /* append time of the cause */
  int64_t deadline_wall_ns;
  struct hf_report_id report_id;   /* authority: this report … */
  char key_id[HF_KEY_ID_SIZE + 1]; /* … signed by this key */
  char form_reference[HF_REFERENCE_SIZE_MAX + 1];
};

/* An institution's answer, as a dialect read it. */
struct hf_answer {
  struct hf_order_id order_id;
  bool has_receipt;
  bool has_feedback;
  char reference[HF_REFERENCE_SIZE_MAX + 1];
  char result[5];
  int64_t executed_wall_ns; /* 0: not said */
  int64_t expires_wall_ns;
  bool has_balance;
  int64_t balance;
  int64_t held;
  uint32_t transactions_count;
};

/* What the core keeps of an order; the rest is its account's and its case's. */
struct hf_order_entry {
  struct hf_order_id id;
  uint32_t next;    /* in its case */
  uint32_t account; /* pool index */
  uint32_t case_index;
  enum hf_order_state state;
  enum hf_action action;
  uint32_t ordinal;
  uint32_t attempts;
  bool overdue;
  bool holding; /* a hold of this order is in force */
  int64_t issued_wall_ns;
  int64_t deadline_wall_ns;
  int64_t first_sent_wall_ns;   /* 0: never left */
  int64_t hold_expires_wall_ns; /* the latest possible end */
};

/* The one place where an order's state changes. Returns the cell that ruled. */
const struct hf_order_cell *hf_order_apply(struct hf_order_entry *entry, enum hf_order_event event);

uint64_t hf_order_checksum(const struct hf_order_entry *entry, uint64_t seed);

#endif
