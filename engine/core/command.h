/*
 * Command: a signed act on a case (design.md sections 1 and 10).
 *
 * Why:    what an officer wants is said once, signed, and has an id that is refused for ever. A second officer approves by
 * signing the same bytes: so there is no "approve" that could be about something else. Rules:  the table in command.c states
 * for each kind who may, how many officers, whether a document is needed.
 */
#ifndef HF_CORE_COMMAND_H
#define HF_CORE_COMMAND_H

#include "engine/core/order.h"

/* clang-format off */
#define HF_COMMANDS(X)                                                                              \
  X(STOP,      "stop",      "stop again: the second and last stop on an account (H2)")              \
  X(EXTEND,    "extend",    "extend a stop while it is in force (H2, H5)")                          \
  X(FREEZE,    "freeze",    "freeze: in full, a limited amount, or receive-only (H6, H7)")          \
  X(RENEW,     "renew",     "renew a freeze before it lapses (H9)")                                 \
  X(LIFT,      "lift",      "lift holds, and the descendants held for the same transfers (H10, H11)") \
  X(RETURN,    "return",    "return held money to the victim")                                      \
  X(CONFIRM,   "confirm",   "confirm drafts: they become orders")                                   \
  X(DROP,      "drop",      "drop drafts")                                                          \
  X(CANCEL,    "cancel",    "cancel orders that have not left (O13)")                               \
  X(FIX,       "fix",       "send a corrected order for one that was refused (O9)")                 \
  X(RESOLVE,   "resolve",   "say what a person found out about an unknown order (law 6)")           \
  X(QUERY,     "query",     "ask about an account: transactions, holder, all accounts, holds, a serial") \
  X(MONITOR,   "monitor",   "report each movement of an account until a time (O15)")                \
  X(UNMONITOR, "unmonitor", "end a live monitor")                                                   \
  X(PAPER,     "paper",     "supplement the document of an act that came first (types 02–05)")      \
  X(SUSPECT,   "suspect",   "tell an institution of a suspect account")                             \
  X(BLOCK,     "block",     "ask a carrier to block a number")                                      \
  X(RECONCILE, "reconcile", "ask institutions for the holds in force and compare (H13)")            \
  X(LINK,      "link",      "say that another case is about the same transfer or account")          \
  X(REJECT,    "reject",    "reject a submission that waits for a second officer")                  \
  X(REVIEW,    "review",    "a leader has reviewed a break-glass act or a missing countersignature") \
  X(CLOSE,     "close",     "the case is closed: confirmed suspects go onto the list")
/* clang-format on */

enum hf_command_kind {
  HF_COMMAND_UNSET = 0,
#define X(name, code, text) HF_COMMAND_##name,
  HF_COMMANDS(X)
#undef X
      HF_COMMAND_COUNT
};

const char *hf_command_code(enum hf_command_kind kind);
enum hf_command_kind hf_command_of_code(const char *code);

/* What one kind of command takes. */
struct hf_command_rule {
  uint8_t officers;     /* different ones, over the same bytes */
  bool document;        /* a legal document's type, number, issuer and hash */
  bool severe;          /* the command line asks for --confirm */
  bool may_break_glass; /* a leader alone may, with a reason and a later review */
};
const struct hf_command_rule *hf_command_rule(enum hf_command_kind kind);

#define HF_RESOLVED_EFFECTIVE 1
#define HF_RESOLVED_REFUSED 2
#define HF_COMMAND_REASON_SIZE_MIN 10 /* of break-glass and of what a person found out (security.md section 1) */

struct hf_command {
  struct hf_command_id id;
  struct hf_case_id case_id;
  uint8_t digest[HF_DIGEST_SIZE];
  enum hf_command_kind kind;
  int64_t made_wall_ns;
  int64_t not_after_wall_ns; /* 0: a day after it was made */
  bool break_glass;
  bool cascade;          /* LIFT: descendants too */
  enum hf_action asks;   /* QUERY: which question */
  uint32_t mode;         /* enum hf_freeze_mode or hf_query_mode; RESOLVE: 1 = it took effect, 2 = it did not */
  int64_t amount;        /* limited freeze, return */
  int64_t until_wall_ns; /* freeze, renew, monitor */
  struct hf_document document;
  struct hf_party party; /* FIX: the corrected account and name; RETURN: the victim's; QUERY, SUSPECT, BLOCK: who is meant */
  struct hf_uuid other;  /* LINK: a case; REJECT, REVIEW: a submission */
  char text[HF_REASON_TEXT_SIZE_MAX + 1];
  uint32_t orders_count;
  struct hf_order_id orders[HF_TARGETS_MAX]; /* what it is about */
};

#endif
