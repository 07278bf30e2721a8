/*
 * Order: one act asked of one institution about one account; its life cycle as a table.
 *
 * Rules:  O4–O15 of domain.md 4.2. The picture in order.md is generated from the tables in order.c (tests/lint).
 * Thread: pure.
 */
#ifndef HF_CORE_ORDER_H
#define HF_CORE_ORDER_H

#include "engine/base/time.h"
#include "engine/core/registry.h"
#include "engine/core/report.h"

/* clang-format off */
#define HF_ACTIONS(X)                                                                                         \
  /* codes 1 and 2 stand in order ids that institutions hold: never renumbered */                             \
  X(STOP,      "stop",      "emergency stop for 48 h")        X(QUERY,     "query",     "transactions")       \
  X(EXTEND,    "extend",    "postpone a stop's end")          X(LIFT,      "lift",      "lift a stop")        \
  X(FREEZE,    "freeze",    "freeze up to 6 months")          X(RENEW,     "renew",     "renew a freeze")     \
  X(UNFREEZE,  "unfreeze",  "lift a freeze")                  X(HOLDER,    "holder",    "who holds it")       \
  X(ACCOUNTS,  "accounts",  "all accounts of a person")       X(HOLDS,     "holds",     "holds in force")     \
  X(SERIAL,    "serial",    "payee by clearing serial")       X(MONITOR,   "monitor",   "live monitor")       \
  X(UNMONITOR, "unmonitor", "end a live monitor")             X(PAPER,     "paper",     "supplement of paper") \
  X(RETURN,    "return",    "return of money")                X(SUSPECT,   "suspect",   "suspect-account notice") \
  X(BLOCK,     "block",     "number-block notice")

#define HF_FREEZE_MODES(X) X(FULL, "full") X(LIMITED, "limited") X(RECEIVE_ONLY, "receive_only")
#define HF_QUERY_MODES(X) X(BASIC, "basic") X(DETAIL, "detail") X(BOTH, "both") X(QUICK, "quick")

#define HF_ORDER_STATES(X)                                                             \
  X(DRAFT,           "draft",           "proposed; waits for a person")                \
  X(READY,           "ready",           "decided, on its way to the institution")      \
  X(SENT,            "sent",            "its last byte has been handed to the kernel") \
  X(RECEIVED,        "received",        "the institution says that it has it")         \
  X(UNKNOWN,         "unknown",         "sent, no answer; a person is told")           \
  X(WATCHING,        "watching",        "a live monitor is on; feedback comes again and again") \
  X(EFFECTIVE,       "effective",       "done")                                        \
  X(EFFECTIVE_SHORT, "effective_short", "done, but the balance is short")              \
  X(HELD_BY_OTHER,   "held_by_other",   "another hold is in force")                    \
  X(REFUSED_FIXABLE, "refused_fixable", "refused; a corrected order may pass")         \
  X(REFUSED,         "refused",         "refused")                                     \
  X(DROPPED,         "dropped",         "a draft that nobody wanted")                  \
  X(CANCELLED,       "cancelled",       "called back before it left")

#define HF_ORDER_EVENTS(X)                                                             \
  X(CONFIRMED, "confirmed", "a person confirms the draft")                             \
  X(DROP,      "drop",      "a person drops the draft")                                \
  X(CANCEL,    "cancel",    "a person calls it back")                                  \
  X(LEFT,      "left",      "an attempt's last byte was handed to the kernel")         \
  X(RECEIPT,   "receipt",   "the institution says that it has it")                     \
  X(GAVE_UP,   "gave_up",   "the quick tries are used up without an answer")           \
  X(DONE,      "done",      "feedback 0000, 0900")                                     \
  X(DONE_SHORT,"done_short","feedback 1200")                                           \
  X(OTHER,     "other",     "feedback 1301, 1302, 1303")                               \
  X(FIXABLE,   "fixable",   "feedback that a corrected order can cure")                \
  X(NO,        "no",        "any other feedback")                                      \
  X(ENDED,     "ended",     "a live monitor's time is over, or it was switched off")
/* clang-format on */

enum hf_action {
  HF_ACTION_UNSET = 0,
#define X(name, code, text) HF_ACTION_##name,
  HF_ACTIONS(X)
#undef X
      HF_ACTION_COUNT
};

enum hf_freeze_mode {
  HF_FREEZE_UNSET = 0,
#define X(name, code) HF_FREEZE_##name,
  HF_FREEZE_MODES(X)
#undef X
      HF_FREEZE_MODE_COUNT
};

enum hf_query_mode {
  HF_QUERY_UNSET = 0,
#define X(name, code) HF_QUERY_##name,
  HF_QUERY_MODES(X)
#undef X
      HF_QUERY_MODE_COUNT
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

/* What may let an order go (design.md law 3). */
enum hf_after {
  HF_AFTER_NOTHING = 0, /* Kafka has its cause */
  HF_AFTER_COMMIT,      /* an answer caused it: at its commit, after 50 ms all the same, with an alarm */
  HF_AFTER_LEGAL        /* a legal act: at its commit, while the epoch was confirmed within 2 s; never otherwise */
};

/* What is the same for all orders of one action. */
struct hf_action_traits {
  uint8_t rank; /* in a lane: 0 first (design.md section 7) */
  enum hf_after after;
  bool asks;         /* a query: never changes anything at the institution */
  bool many_answers; /* O15 */
};
const struct hf_action_traits *hf_action_traits(enum hf_action action);

/* One cell of the life cycle: exactly one of move, ignored or impossible. */
struct hf_order_cell {
  enum hf_order_state move; /* UNSET: stays */
  const char *ignored;      /* why nothing changes */
  bool contradiction;       /* ignored, and kept as an anomaly: the first feedback rules (O12) */
  const char *impossible;   /* why it cannot happen: a bug stops the process */
};

const struct hf_order_cell *hf_order_cell(enum hf_action action, enum hf_order_state state, enum hf_order_event event);
bool hf_order_state_is_final(enum hf_order_state state);
const char *hf_order_state_code(enum hf_order_state state);
enum hf_order_state hf_order_state_of_code(const char *code);
const char *hf_order_event_code(enum hf_order_event event);
const char *hf_action_code(enum hf_action action);
enum hf_action hf_action_of_code(const char *code);
const char *hf_freeze_mode_code(uint32_t mode);
uint32_t hf_freeze_mode_of_code(const char *code);
const char *hf_query_mode_code(uint32_t mode);
uint32_t hf_query_mode_of_code(const char *code);

/* Results that the rules name (domain.md 3.4). */
#define HF_RESULT_STOPS_USED_UP "1304"
#define HF_RESULT_EXTEND_AFTER_LAPSE "1800"
#define HF_RESULT_LIFT_AFTER_LAPSE "1900"

/* Feedback's four digits to an event (domain.md 3.4). Foreign or unknown codes are NO. */
enum hf_order_event hf_order_event_of_result(enum hf_action action, const char *result);

/* A legal document: what a freeze, a renewal or a return rests on (security.md 0.2). */
struct hf_document {
  char type[9]; /* the field's own short code, as 冻结通知书's "03" */
  char number[HF_REFERENCE_SIZE_MAX + 1];
  char issuer[HF_REFERENCE_SIZE_MAX + 1];
  uint8_t sha256[HF_DIGEST_SIZE];
};

/* Everything that an institution is told, and what dispatch needs: self-contained. */
struct hf_order {
  struct hf_order_id id;
  struct hf_case_id case_id;
  struct hf_order_id parent; /* the order that this one is about or corrects (OriginalApplicationID); zero: none */
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_account_number account;
  struct hf_name name;
  enum hf_action action;
  enum hf_after after;
  uint32_t ordinal;
  uint32_t hop;
  uint32_t mode; /* enum hf_freeze_mode or hf_query_mode */
  uint32_t page; /* QUERY: 0 = the first */
  int64_t amount;
  enum hf_currency currency;
  int64_t transfer_wall_ns;
  int64_t issued_wall_ns;             /* append time of the cause */
  int64_t deadline_wall_ns;           /* of its feedback */
  int64_t receipt_by_wall_ns;         /* of its receipt, by the SLA policy in force; 0: none was */
  int64_t until_wall_ns;              /* freeze, renew, monitor */
  struct hf_uuid submission_id;       /* authority: this report or command … */
  char key_id[HF_KEY_ID_SIZE + 1];    /* … signed by this key … */
  char second_id[HF_KEY_ID_SIZE + 1]; /* … and by this one; "": one officer was enough */
  char form_reference[HF_REFERENCE_SIZE_MAX + 1];
  char serial[HF_REFERENCE_SIZE_MAX + 1]; /* SERIAL: the clearing serial */
  struct hf_document document;
  struct hf_party party; /* RETURN: to whom; BLOCK, SUSPECT: what is meant */
  char text[HF_REASON_TEXT_SIZE_MAX + 1];
};

/* A hold as an institution lists it (100309 mode 02). */
struct hf_listed_hold {
  struct hf_order_id order_id; /* zero: not one of ours */
  bool freeze;
  int64_t amount;
  int64_t expires_wall_ns;
  char authority[HF_REFERENCE_SIZE_MAX + 1];
};

/* An institution's answer, as a dialect read it. Rows and holds live as long as the call that brings them. */
struct hf_answer {
  struct hf_order_id order_id;
  bool has_receipt;
  bool has_feedback;
  bool more; /* QUERY: another page follows; MONITOR: it goes on */
  char reference[HF_REFERENCE_SIZE_MAX + 1];
  char result[5];
  int64_t executed_wall_ns; /* 0: not said */
  int64_t expires_wall_ns;
  bool has_balance;
  int64_t balance;
  int64_t held;
  int64_t former_expires_wall_ns;                   /* an earlier hold of another organ: until when … */
  char former_authority[HF_REFERENCE_SIZE_MAX + 1]; /* … and whose (H8) */
  bool queued;                                      /* FREEZE: it waits behind that one (轮候) */
  struct hf_name holder;
  uint32_t transactions_count, holds_count;
  const struct hf_transaction *transactions;
  const struct hf_listed_hold *holds;
};

#endif
