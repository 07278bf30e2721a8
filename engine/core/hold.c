#include "engine/core/hold.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

#define HOUR_NS (3600 * HF_NS_PER_S)

static const char *const kind_codes[HF_HOLD_KIND_COUNT] = {"",
#define X(name, code) code,
                                                           HF_HOLD_KINDS(X)
#undef X
};

static const char *const state_codes[HF_HOLD_STATE_COUNT] = {"",
#define X(name, code, text) code,
                                                             HF_HOLD_STATES(X)
#undef X
};

static const char *const event_codes[HF_HOLD_EVENT_COUNT] = {
#define X(name, code, text) code,
    HF_HOLD_EVENTS(X)
#undef X
};

/* clang-format off */
#define MOVE(to)        {.move = HF_HOLD_STATE_##to}
#define IGNORE(why)     {.ignored = why}
#define IMPOSSIBLE(why) {.impossible = why}

#define BEGINS_AGAIN    /* H2: a new stop after the lapse; a new freeze after a lift */   \
    [HF_HOLD_EVENT_PLACED]    = MOVE(IN_FORCE), [HF_HOLD_EVENT_QUEUE] = MOVE(QUEUED)

#define OVER                                                                              \
    BEGINS_AGAIN,                                                                         \
    [HF_HOLD_EVENT_ACTIVATED] = MOVE(IN_FORCE), /* the institution knows better */        \
    [HF_HOLD_EVENT_PROLONGED] = MOVE(IN_FORCE), /* the answer overtook our timer */       \
    [HF_HOLD_EVENT_TERM]      = IGNORE("it had ended before"),                            \
    [HF_HOLD_EVENT_LIFT]      = IGNORE("H5: a lift after the end is not an error"),       \
    [HF_HOLD_EVENT_MISSING]   = IGNORE("it had ended before")

static const struct hf_hold_cell cells[HF_HOLD_STATE_COUNT][HF_HOLD_EVENT_COUNT] = {
  [HF_HOLD_NONE] = {
    BEGINS_AGAIN,                                                                         /* H1, H8 */
    [HF_HOLD_EVENT_ACTIVATED] = MOVE(IN_FORCE),
    [HF_HOLD_EVENT_PROLONGED] = MOVE(IN_FORCE),
    [HF_HOLD_EVENT_TERM]      = IMPOSSIBLE("nothing is held"),
    [HF_HOLD_EVENT_LIFT]      = IGNORE("nothing was held"),
    [HF_HOLD_EVENT_MISSING]   = IMPOSSIBLE("nothing is held") },
  [HF_HOLD_STATE_IN_FORCE] = {
    [HF_HOLD_EVENT_PLACED]    = IGNORE("a second order on the same account: the hold goes on with its newer end"),
    [HF_HOLD_EVENT_QUEUE]     = IGNORE("it is in force already"),
    [HF_HOLD_EVENT_ACTIVATED] = IGNORE("it is in force already"),
    [HF_HOLD_EVENT_PROLONGED] = IGNORE("it goes on, with a later end"),                   /* H2, H9 */
    [HF_HOLD_EVENT_TERM]      = MOVE(LAPSED),                                             /* H4, H9 */
    [HF_HOLD_EVENT_LIFT]      = MOVE(LIFTED),                                             /* H10 */
    [HF_HOLD_EVENT_MISSING]   = MOVE(GONE) },                                             /* H13 */
  [HF_HOLD_STATE_QUEUED] = {
    [HF_HOLD_EVENT_PLACED]    = MOVE(IN_FORCE),
    [HF_HOLD_EVENT_QUEUE]     = IGNORE("it waits already"),
    [HF_HOLD_EVENT_ACTIVATED] = MOVE(IN_FORCE),                                           /* H8 */
    [HF_HOLD_EVENT_PROLONGED] = IGNORE("it waits on, with a later end"),
    [HF_HOLD_EVENT_TERM]      = MOVE(LAPSED),
    [HF_HOLD_EVENT_LIFT]      = MOVE(LIFTED),
    [HF_HOLD_EVENT_MISSING]   = MOVE(GONE) },
  [HF_HOLD_STATE_LAPSED] = { OVER },
  [HF_HOLD_STATE_LIFTED] = { OVER },
  [HF_HOLD_STATE_GONE] = { OVER },
};
/* clang-format on */

const struct hf_hold_cell *hf_hold_cell(enum hf_hold_state state, enum hf_hold_event event)
{
  HF_ASSERT(state < HF_HOLD_STATE_COUNT);
  HF_ASSERT(event < HF_HOLD_EVENT_COUNT);
  return &cells[state][event];
}

const char *hf_hold_kind_code(enum hf_hold_kind kind)
{
  HF_ASSERT(kind < HF_HOLD_KIND_COUNT);
  return kind_codes[kind];
}

enum hf_hold_kind hf_hold_kind_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_HOLD_KIND_COUNT; i++)
    if (strcmp(kind_codes[i], code) == 0) return (enum hf_hold_kind)i;
  return HF_HOLD_UNSET;
}

const char *hf_hold_state_code(enum hf_hold_state state)
{
  HF_ASSERT(state < HF_HOLD_STATE_COUNT);
  return state_codes[state];
}

enum hf_hold_state hf_hold_state_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_HOLD_STATE_COUNT; i++)
    if (strcmp(state_codes[i], code) == 0) return (enum hf_hold_state)i;
  return HF_HOLD_NONE;
}

const char *hf_hold_event_code(enum hf_hold_event event)
{
  HF_ASSERT(event < HF_HOLD_EVENT_COUNT);
  return event_codes[event];
}

void hf_hold_apply(struct hf_hold *hold, enum hf_hold_event event)
{
  const struct hf_hold_cell *cell = hf_hold_cell(hold->state, event);
  HF_ASSERT(cell->impossible == NULL);
  if (cell->move != HF_HOLD_NONE) hold->state = cell->move;
}

enum hf_hold_kind hf_hold_kind_of_action(enum hf_action action)
{
  switch (action) {
  case HF_ACTION_STOP:
  case HF_ACTION_EXTEND:
  case HF_ACTION_LIFT: return HF_HOLD_STOP;
  case HF_ACTION_FREEZE:
  case HF_ACTION_RENEW:
  case HF_ACTION_UNFREEZE: return HF_HOLD_FREEZE;
  default: return HF_HOLD_UNSET;
  }
}

int64_t hf_hold_next_warning(enum hf_hold_kind kind, const struct hf_hold *hold)
{
  static const int64_t before_stop[] = {12 * HOUR_NS, 6 * HOUR_NS, 1 * HOUR_NS}; /* domain.md section 5; T-6 h: the paper */
  static const int64_t before_freeze[] = {14 * 24 * HOUR_NS, 3 * 24 * HOUR_NS, 24 * HOUR_NS}; /* H9 */
  if (!hf_hold_is_in_force(hold) || hold->warnings >= HF_HOLD_WARNINGS) return INT64_MAX;
  return hold->expires_earliest_wall_ns - (kind == HF_HOLD_STOP ? before_stop : before_freeze)[hold->warnings];
}

int64_t hf_hold_next(enum hf_hold_kind kind, const struct hf_hold *hold)
{
  if (!hf_hold_lasts(hold)) return INT64_MAX;
  int64_t next = hold->expires_latest_wall_ns, warning = hf_hold_next_warning(kind, hold);
  if (warning < next) next = warning;
  return hold->check_wall_ns != 0 && hold->check_wall_ns < next ? hold->check_wall_ns : next;
}

uint64_t hf_hold_checksum(const struct hf_hold *hold, uint64_t seed)
{
  int64_t numbers[] = {hold->state,
                       hold->count,
                       hold->warnings,
                       hold->mode,
                       hold->starts_earliest_wall_ns,
                       hold->starts_latest_wall_ns,
                       hold->expires_earliest_wall_ns,
                       hold->expires_latest_wall_ns,
                       hold->held,
                       hold->check_wall_ns};
  return hf_checksum(hf_checksum(seed, hold->order_id.uuid.bytes, 16), numbers, sizeof numbers);
}
