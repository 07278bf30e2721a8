/*
 * SLA: how long an institution may take, by whom, for what, at which hour of which day; and what its stamps say of it.
 *
 * Why:    "timely" is a number that was signed before the order was sent, or nobody can be held to it. Limits and verdict are
 *         pure functions of what stands in the record; schemas/sql says both a second time, and a proof holds them equal.
 * Form:   the text that was signed: entries, each ended by a semicolon. Days first, in order, then rules, the first that fits
 *         rules; hours and days are China's (UTC+8); the last rule fits everything:
 *             day 2027-01-01 holiday;BANKA stop 08-20 workday 30000 300000;* * 00-24 any 60000 1800000;
 *         institution, action, hours [from, to), day, milliseconds to the receipt and to the feedback. A day that is not listed
 *         is a holiday on Saturday and Sunday.
 * Thread: pure.
 */
#ifndef HF_CORE_SLA_H
#define HF_CORE_SLA_H

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/limits.h"

#define HF_SLA_TEXT_MAX 1400 /* a fact of it fits HF_FACT_ENCODED_SIZE_MAX */
#define HF_SLA_RULES_MAX 64
#define HF_SLA_DAYS_MAX 64
#define HF_SLA_LIMIT_MS_MAX 604800000 /* a week */
#define HF_SLA_KEPT 4                 /* versions that a core knows: in force, and what comes */

struct hf_sla {
  uint32_t version; /* rises by one with each change; 0: none */
  int64_t effective_wall_ns;
  char text[HF_SLA_TEXT_MAX + 1];
};

enum hf_sla_days { HF_SLA_ANY = 0, HF_SLA_WORKDAY, HF_SLA_HOLIDAY };

struct hf_sla_rule {
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1]; /* "": every */
  uint32_t action;                                    /* enum hf_action; UNSET: every */
  uint8_t from, to;                                   /* hours */
  enum hf_sla_days days;
  uint32_t receipt_ms, feedback_ms;
};

/* A policy as it is asked; made from its text when it is set. */
struct hf_sla_rules {
  uint32_t version;
  int64_t effective_wall_ns;
  uint32_t days_count, rules_count;
  struct {
    int32_t day; /* since 1970, China's */
    enum hf_sla_days is;
  } days[HF_SLA_DAYS_MAX];
  struct hf_sla_rule rules[HF_SLA_RULES_MAX];
};

/* MALFORMED with what is wrong; *entry: which, from 1. Two rules that a single order could fit alike, an hour or a kind that no
 * rule is for, and a rule that is never reached are wrong. */
HF_MUST_USE struct hf_status hf_sla_read(const struct hf_sla *sla, struct hf_sla_rules *rules, uint32_t *entry);

struct hf_sla_limits {
  uint32_t receipt_ms, feedback_ms;
};
/* Requires: rules that were read. */
struct hf_sla_limits hf_sla_limits(const struct hf_sla_rules *rules, const char *institution, uint32_t action,
                                   int64_t issued_wall_ns);

/* What is known of an order: 0 where a stamp was not taken; monotonic ones only of the boot that decided it. */
struct hf_sla_stamps {
  int64_t issued_wall_ns; /* the cause's: what the limits are counted from, and chosen by */
  struct hf_time decided, sent, received, ended;
  bool overdue;
};

/* clang-format off */
#define HF_SLA_VERDICTS(X)                                                       \
  X(NOT_SENT,   "not_sent")   /* never left us: nobody else's affair */          \
  X(OPEN,       "open")       /* not there, and still in time */                 \
  X(IN_TIME,    "in_time")                                                       \
  X(LATE,       "late")                                                          \
  X(MISSING,    "missing")    /* not there, and its time is over */
/* clang-format on */
enum hf_sla_verdict {
#define X(name, code) HF_SLA_##name,
  HF_SLA_VERDICTS(X)
#undef X
      HF_SLA_VERDICT_COUNT
};
const char *hf_sla_verdict_code(enum hf_sla_verdict verdict);

struct hf_sla_verdicts {
  enum hf_sla_verdict receipt, feedback;
};
/* A receipt that never came before the feedback did is as late as the feedback. */
struct hf_sla_verdicts hf_sla_judge(const struct hf_sla_limits *limits, const struct hf_sla_stamps *stamps);

#endif
