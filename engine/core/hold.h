/*
 * Hold: a stop or a freeze in force on one account; its life cycle as a table.
 *
 * Why:    orders are acts, holds are what lasts: they begin at the institution's moment, end by themselves, and may not be
 * stretched beyond what the law gives. An account has at most one stop and one freeze of ours at a time; both may overlap (H6).
 * Rules:  H1–H14 of domain.md 4.3. The picture in order.md is generated from the table in hold.c (tests/lint).
 * Time:   where the institution does not say when it stopped, all ends are intervals: warnings use the earliest, rights the
 * latest.
 */
#ifndef HF_CORE_HOLD_H
#define HF_CORE_HOLD_H

#include "engine/core/order.h"

/* clang-format off */
#define HF_HOLD_KINDS(X) X(STOP, "stop") X(FREEZE, "freeze")

#define HF_HOLD_STATES(X)                                                                  \
  X(IN_FORCE, "in_force", "the account is held")                                           \
  X(QUEUED,   "queued",   "waits behind an earlier freeze of another organ (轮候)")        \
  X(LAPSED,   "lapsed",   "ended by itself at its term")                                   \
  X(LIFTED,   "lifted",   "ended by our lift")                                             \
  X(GONE,     "gone",     "the institution no longer lists it: a difference for the auditor")

#define HF_HOLD_EVENTS(X)                                                                  \
  X(PLACED,    "placed",    "the institution says that it holds")                          \
  X(QUEUE,     "queue",     "the institution says that it waits behind another")           \
  X(ACTIVATED, "activated", "the institution lists a waiting one as in force")             \
  X(PROLONGED, "prolonged", "extended or renewed")                                         \
  X(TERM,      "term",      "our own timer: the latest possible end has passed")           \
  X(LIFT,      "lift",      "the institution says that it lifted")                         \
  X(MISSING,   "missing",   "reconciliation does not find it")
/* clang-format on */

enum hf_hold_kind {
  HF_HOLD_UNSET = 0,
#define X(name, code) HF_HOLD_##name,
  HF_HOLD_KINDS(X)
#undef X
      HF_HOLD_KIND_COUNT
};

enum hf_hold_state {
  HF_HOLD_NONE = 0,
#define X(name, code, text) HF_HOLD_STATE_##name,
  HF_HOLD_STATES(X)
#undef X
      HF_HOLD_STATE_COUNT
};

enum hf_hold_event {
#define X(name, code, text) HF_HOLD_EVENT_##name,
  HF_HOLD_EVENTS(X)
#undef X
      HF_HOLD_EVENT_COUNT
};

struct hf_hold_cell {
  enum hf_hold_state move; /* NONE: stays */
  const char *ignored;
  const char *impossible; /* decide never says so: a bug stops the process */
};

struct hf_hold {
  enum hf_hold_state state;
  uint32_t count;              /* how often an institution placed or prolonged it: a stop at most twice (86号 II(1)2) */
  uint32_t warnings;           /* how many of the warnings before its end have been given */
  uint32_t mode;               /* enum hf_freeze_mode */
  struct hf_order_id order_id; /* the newest that placed or prolonged it */
  int64_t starts_earliest_wall_ns;
  int64_t starts_latest_wall_ns;
  int64_t expires_earliest_wall_ns;
  int64_t expires_latest_wall_ns;
  int64_t held;
  int64_t check_wall_ns; /* then the institution is asked for its holds in force (H13); 0: only on demand */
};

#define HF_HOLD_WARNINGS 3

const struct hf_hold_cell *hf_hold_cell(enum hf_hold_state state, enum hf_hold_event event);
const char *hf_hold_kind_code(enum hf_hold_kind kind);
enum hf_hold_kind hf_hold_kind_of_code(const char *code);
const char *hf_hold_state_code(enum hf_hold_state state);
enum hf_hold_state hf_hold_state_of_code(const char *code);
const char *hf_hold_event_code(enum hf_hold_event event);

/* The one place where a hold's state changes. */
void hf_hold_apply(struct hf_hold *hold, enum hf_hold_event event);

/* Which hold an action is about; UNSET for queries, notices and returns. */
enum hf_hold_kind hf_hold_kind_of_action(enum hf_action action);

static inline bool hf_hold_is_in_force(const struct hf_hold *hold)
{
  return hold->state == HF_HOLD_STATE_IN_FORCE;
}

/* When something of it is due: a warning, its end, a comparison; INT64_MAX: nothing. */
int64_t hf_hold_next(enum hf_hold_kind kind, const struct hf_hold *hold);
static inline bool hf_hold_lasts(const struct hf_hold *hold)
{
  return hold->state == HF_HOLD_STATE_IN_FORCE || hold->state == HF_HOLD_STATE_QUEUED;
}

/* The next warning before its earliest end (H9; domain.md section 5 for stops); INT64_MAX where all were given. */
int64_t hf_hold_next_warning(enum hf_hold_kind kind, const struct hf_hold *hold);

uint64_t hf_hold_checksum(const struct hf_hold *hold, uint64_t seed);

#endif
