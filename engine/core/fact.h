/*
 * Fact: everything the core decides; the only output (design.md law 8). Facts are sent, recorded, published and audited.
 *
 * Why:    rows, effects and the published stream are projections of the same values, and restoring them gives the same core.
 * Memory: fixed size, no pointers; a step's facts stand in the caller's array.
 */
#ifndef HF_CORE_FACT_H
#define HF_CORE_FACT_H

#include "engine/core/access.h"
#include "engine/core/command.h"
#include "engine/core/hold.h"

/* clang-format off */
#define HF_FACTS(X)                                                                              \
  /* what was submitted, and what became of it */                                                \
  X(REPORT_ACCEPTED, "report_accepted")         X(TRANSFER_CLAIMED, "transfer_claimed")          \
  X(COMMAND_ACCEPTED, "command_accepted")       X(SUBMISSION_WAITS, "submission_waits")          \
  X(SUBMISSION_ENDED, "submission_ended")       X(COUNTERSIGNED, "countersigned")                \
  X(COUNTERSIGN_MISSED, "countersign_missed")   X(PAPER_MISSED, "paper_missed")                  \
  X(PAPER_RECEIVED, "paper_received")           X(REVIEWED, "reviewed")                          \
  X(QUARANTINED, "quarantined")                                                                  \
  /* orders */                                                                                   \
  X(ORDER_DRAFTED, "order_drafted")             X(ORDER_READY, "order_ready")                    \
  X(ORDER_DROPPED, "order_dropped")             X(ORDER_CANCELLED, "order_cancelled")            \
  X(ORDER_SENT, "order_sent")                   X(ATTEMPT_ENDED, "attempt_ended")                \
  X(ORDER_RECEIVED, "order_received")           X(ORDER_ENDED, "order_ended")                    \
  X(ORDER_WATCHED, "order_watched")             X(ORDER_UNKNOWN, "order_unknown")                \
  X(ORDER_WARNED, "order_warned")               X(RECEIPT_MISSED, "receipt_missed")              \
  X(ORDER_OVERDUE, "order_overdue")             X(ANSWER_CONTRADICTED, "answer_contradicted")    \
  /* holds */                                                                                    \
  X(HOLD_CHANGED, "hold_changed")               X(HOLD_WARNED, "hold_warned")                    \
  X(HOLD_CHECKED, "hold_checked")               X(HOLD_DIFFERS, "hold_differs")                  \
  X(HOLD_KEPT, "hold_kept")                                                                      \
  /* the money */                                                                                \
  X(ACCOUNT_REACHED, "account_reached")         X(MONEY_TRACED, "money_traced")                  \
  X(PAGE_READ, "page_read")                     X(CHASE_BOUNDED, "chase_bounded")                \
  X(SEEN_ELSEWHERE, "seen_elsewhere")           X(CASE_LINKED, "case_linked")                    \
  /* people, and the case's life */                                                              \
  X(TASK_OPENED, "task_opened")                 X(CASE_RESTED, "case_rested")                    \
  X(CASE_RETURNED, "case_returned")             X(CASE_CLOSED, "case_closed")                    \
  /* the registry */                                                                             \
  X(INSTITUTION_SET, "institution_set")         X(KEY_SET, "key_set")                            \
  X(POLICY_SET, "policy_set")                   X(PROTECTED_SET, "protected_set")                \
  X(MACHINE_COUNTED, "machine_counted")         X(SLA_SET, "sla_set")                                                      \
  X(REGISTRY_CHANGED, "registry_changed")                                                                                \
  /* the engine's clock, and its lanes */                                                        \
  X(CLOCK_NOTED, "clock_noted")                 X(LANE_NOTED, "lane_noted")                   \
  X(CALL_RAISED, "call_raised")                                                                 \
  /* what people have seen */                                                                    \
  X(ACCESS_NOTED, "access_noted")

/* How an attempt without an answer ended. */
#define HF_OUTCOMES(X)                                                                             \
  X(NOT_CONNECTED, "not_connected") X(TIMEOUT, "timeout") X(RESET, "reset") X(INVALID, "invalid")  \
  X(BUSY, "busy") X(REJECTED, "rejected") X(TLS, "tls")

/* What a person has to do (domain.md section 8). */
#define HF_TASKS(X)                                                                                             \
  X(CALL,        "call",        "sent, no answer: call the institution")                                        \
  X(FIX,         "fix",         "refused for name, number or form: correct it and send it again")               \
  X(FREEZE,      "freeze",      "no further stop is possible, or the stop ends soon: freeze, with a document")  \
  X(CONFIRM,     "confirm",     "a draft waits for one key's confirmation")                                     \
  X(COUNTERSIGN, "countersign", "nobody has countersigned a stop in time: the leader decides")                  \
  X(REVIEW,      "review",      "break-glass was used: a leader reviews it")                                    \
  X(PAPER,       "paper",       "the document of an act that came first is missing")                            \
  X(DIFFERENCE,  "difference",  "our record and the institution's list of holds differ")                        \
  X(CONTRADICTION, "contradiction", "an institution said two different things")                                 \
  X(LIFT,        "lift",        "an order that was called back had left: lift it")                              \
  X(LINK,        "link",        "another case names the same account or transfer: link them")                   \
  X(ONWARD,      "onward",      "the money is short, or its institution cannot be asked: trace it onward")

#define HF_BOUNDS(X) /* why the chase went no further */                                            \
  X(HOPS, "hops") X(FAN_OUT, "fan_out") X(WINDOW, "window") X(SMALL, "small") X(LOSS, "loss")       \
  X(CASH, "cash") X(NOBODY, "nobody") X(NO_INSTITUTION, "no_institution") X(SELF, "self") X(FULL, "full")

#define HF_DRAFT_CAUSES(X) /* why an onward order waits for a person */                             \
  X(SIGNED, "signed") X(PROTECTED, "protected") X(TINY_SHARE, "tiny_share") X(OLD_PAYEE, "old_payee") X(STOPS_USED_UP, "stops_used_up")

#define HF_RUNGS(X) /* of the ladder that a silent institution's call climbs, in order */           \
  X(WAY, "way")               /* another row carries its orders: nobody need be called at once */   \
  X(CONTACT_A, "contact_a") X(CONTACT_B, "contact_b") X(LEADER, "leader")
/* clang-format on */

#define HF_ENUM(name, prefix, list) enum name { prefix##_UNSET = 0, list(HF_ENUM_##prefix) prefix##_COUNT };
#define HF_ENUM_HF_FACT(name, code) HF_FACT_##name,
#define HF_ENUM_HF_OUTCOME(name, code) HF_OUTCOME_##name,
#define HF_ENUM_HF_TASK(name, code, text) HF_TASK_##name,
#define HF_ENUM_HF_BOUND(name, code) HF_BOUND_##name,
#define HF_ENUM_HF_DRAFT_CAUSE(name, code) HF_DRAFT_CAUSE_##name,
#define HF_ENUM_HF_RUNG(name, code) HF_RUNG_##name,
HF_ENUM(hf_fact_kind, HF_FACT, HF_FACTS)
HF_ENUM(hf_outcome, HF_OUTCOME, HF_OUTCOMES)
HF_ENUM(hf_task, HF_TASK, HF_TASKS)
HF_ENUM(hf_bound, HF_BOUND, HF_BOUNDS)
HF_ENUM(hf_draft_cause, HF_DRAFT_CAUSE, HF_DRAFT_CAUSES)
HF_ENUM(hf_rung, HF_RUNG, HF_RUNGS)

const char *hf_fact_code(enum hf_fact_kind kind);
const char *hf_outcome_code(enum hf_outcome outcome);
enum hf_outcome hf_outcome_of_code(const char *code);
const char *hf_task_code(enum hf_task task);
enum hf_task hf_task_of_code(const char *code);
const char *hf_bound_code(enum hf_bound bound);
enum hf_bound hf_bound_of_code(const char *code);
const char *hf_draft_cause_code(enum hf_draft_cause cause);
enum hf_draft_cause hf_draft_cause_of_code(const char *code);

const char *hf_rung_code(enum hf_rung rung);
enum hf_rung hf_rung_of_code(const char *code);

struct hf_fact_report {
  struct hf_report_id id;
  int64_t offset;
  uint8_t digest[HF_DIGEST_SIZE];
  char key_id[HF_KEY_ID_SIZE + 1];
  char second_id[HF_KEY_ID_SIZE + 1];
  char unit[HF_REFERENCE_SIZE_MAX + 1]; /* of the first key */
  int64_t made_wall_ns;
  int64_t appended_wall_ns;
  int64_t consumed_wall_ns;
  int64_t countersign_by_wall_ns; /* 0: two officers have signed */
  int64_t paper_by_wall_ns;       /* 0: the form came with it */
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char form_reference[HF_REFERENCE_SIZE_MAX + 1];
  struct hf_name victim;
  struct hf_chase_bounds chase;
};

struct hf_fact_transfer {
  struct hf_report_id report_id;
  struct hf_transfer transfer;
};

struct hf_fact_command {
  struct hf_command_id id;
  int64_t offset;
  enum hf_command_kind kind;
  uint8_t digest[HF_DIGEST_SIZE];
  char key_id[HF_KEY_ID_SIZE + 1];
  char second_id[HF_KEY_ID_SIZE + 1];
  char unit[HF_REFERENCE_SIZE_MAX + 1];
  int64_t made_wall_ns;
  int64_t appended_wall_ns;
  int64_t paper_by_wall_ns; /* 0: the document came with it, or none is needed */
  bool break_glass;
  struct hf_document document;
  struct hf_party party;
  char text[HF_REASON_TEXT_SIZE_MAX + 1];
};

/* submission_waits, submission_ended, countersigned, countersign_missed, paper_missed, paper_received, reviewed. */
struct hf_fact_submission {
  struct hf_uuid id;
  bool command; /* else a report */
  enum hf_command_kind kind;
  enum hf_reason reason; /* ended: rejected, expired */
  int64_t offset;
  uint8_t digest[HF_DIGEST_SIZE];
  char key_id[HF_KEY_ID_SIZE + 1];
  int64_t due_wall_ns;
  struct hf_order_id first_order; /* what it is about: one such act at a time may wait */
};

/* order_sent, attempt_ended, order_received, order_unknown, order_warned, receipt_missed, order_overdue, order_dropped,
 * order_cancelled use what applies of it. */
struct hf_fact_step {
  struct hf_order_id order_id;
  enum hf_action action;
  uint32_t attempt;
  struct hf_time at;
  enum hf_outcome outcome;
  bool left;
  int64_t deadline_wall_ns;
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char way[HF_INSTITUTION_CODE_SIZE_MAX + 1]; /* the row that stands for it over which the attempt went; "": its own */
  struct hf_uuid submission_id;               /* who dropped or cancelled it */
  char reference[HF_REFERENCE_SIZE_MAX + 1];
};

/* order_ended, order_watched, answer_contradicted. */
struct hf_fact_ended {
  enum hf_order_state state;
  enum hf_order_event event;
  enum hf_action action;
  struct hf_time at;
  struct hf_answer answer;      /* its rows are facts of their own */
  struct hf_uuid submission_id; /* a person found it out */
};

/* hold_changed, hold_warned, hold_checked, hold_differs. */
struct hf_fact_hold {
  struct hf_order_id order_id;  /* the order whose answer changed it; of a lapse: the one that had placed it */
  struct hf_order_id holder_id; /* the order that the hold counts as from now on */
  enum hf_hold_kind kind;
  enum hf_hold_event event;
  struct hf_hold hold;                       /* as it is afterwards */
  char authority[HF_REFERENCE_SIZE_MAX + 1]; /* differs: whose it is */
  int64_t listed;                            /* differs: the amount that the institution lists; -1: it lists none */
};

/* hold_kept: a cascade leaves this one, and why (H11). */
struct hf_fact_kept {
  struct hf_order_id order_id;  /* that holds it */
  struct hf_order_id lifted_id; /* the order whose lift cascaded */
  uint32_t root;                /* a victim's transfer that it is also held for; 0: another case names it */
};

/* account_reached: an onward account enters the case. */
struct hf_fact_reached {
  struct hf_party party;
  uint32_t hop;
  enum hf_currency currency;
  bool by_serial; /* party.account is a clearing serial that a payment company has to be asked for */
  int64_t transfer_wall_ns;
};

/* money_traced: one debit carried stolen money of one root onward. */
struct hf_fact_traced {
  struct hf_order_id query_id;
  struct hf_party from, to;
  uint32_t root;
  int64_t amount;
  int64_t transfer_amount; /* of the whole debit */
  int64_t at_wall_ns;
  char serial[HF_REFERENCE_SIZE_MAX + 1];
  enum hf_bound bound; /* UNSET: it is followed */
};

/* page_read: how far an account's transactions have been read. */
struct hf_fact_page {
  struct hf_order_id query_id;
  bool last;
  uint32_t page;
  struct hf_chase chase;
};

struct hf_fact_bounded {
  struct hf_order_id query_id;
  enum hf_bound bound;
  uint32_t accounts; /* how many were not followed */
  int64_t amount;    /* how much stolen money went there */
};

struct hf_fact_seen {
  struct hf_party party;
  struct hf_case_id other_id;  /* zero: the suspect list */
  struct hf_order_id order_id; /* the other case's hold, zero: none in force */
  bool suspect;
  bool same_transfer;
  int64_t expires_wall_ns;
};

/* clock_noted: when a shard is taken over, and at each step of the machine's clock, which stamps do not follow. */
struct hf_fact_clock {
  int64_t ahead_ns; /* the machine's wall clock, of the one that stamps are taken from */
  int64_t error_ns; /* the kernel's estimate of its own error at most */
  bool synchronised;
};

/* lane_noted: an institution's lane has had many tries in a row without an answer, or has one again. */
struct hf_fact_lane {
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  bool silent;
  uint32_t tries;  /* in a row, without an answer */
  uint32_t orders; /* in the lane, in whatever state */
};

/* call_raised: somebody has to call a silent institution, or the next one has. */
struct hf_fact_call {
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  enum hf_rung rung;
  int64_t since_wall_ns; /* the silence was noted */
  int64_t next_wall_ns;  /* the next rung's turn, unless there is an answer; 0: this is the last */
};

/* registry_changed: who signed the rows that are set next in this step. */
struct hf_fact_registry {
  struct hf_uuid id;
  char key_id[HF_KEY_ID_SIZE + 1];
  char second_id[HF_KEY_ID_SIZE + 1]; /* ""; one administrator is all that this engine has */
  int64_t offset;
  int64_t made_wall_ns;
  int64_t appended_wall_ns;
  uint32_t institutions, keys, protected; /* rows */
  bool policy, sla;
};

struct hf_fact_access {
  struct hf_access of;
  int64_t offset;
  int64_t appended_wall_ns;
  char key_id[HF_KEY_ID_SIZE + 1];
};

struct hf_fact_task {
  enum hf_task task;
  enum hf_draft_cause cause;
  struct hf_order_id order_id;
  struct hf_uuid submission_id;
};

struct hf_fact_quarantined {
  int64_t offset;
  enum hf_reason reason;
  uint32_t transfer; /* 1…: which transfer or order is meant; 0 = none */
  bool command;
  enum hf_command_kind kind;
  char key_id[HF_KEY_ID_SIZE + 1];
  struct hf_uuid submission_id;
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
    struct hf_fact_command command;
    struct hf_fact_submission submission;
    struct hf_order order;
    struct hf_fact_step step;
    struct hf_fact_ended ended;
    struct hf_fact_hold hold;
    struct hf_fact_kept kept;
    struct hf_fact_reached reached;
    struct hf_fact_traced traced;
    struct hf_fact_page page;
    struct hf_fact_bounded bounded;
    struct hf_fact_seen seen;
    struct hf_case_id linked;
    struct hf_fact_task task;
    int64_t wakes_wall_ns; /* case_rested */
    struct hf_fact_quarantined quarantined;
    struct hf_institution institution;
    struct hf_key key;
    struct hf_policy policy;
    struct hf_sla sla;
    struct hf_protected protected;
    struct hf_machine_use machine;
    struct hf_fact_clock clock;
    struct hf_fact_lane lane;
    struct hf_fact_call call;
    struct hf_fact_access access;
    struct hf_fact_registry changed;
  };
};

#endif
