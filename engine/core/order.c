#include "engine/core/order.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/core/state.h"

static const char *const action_codes[HF_ACTION_COUNT] = {"",
#define X(name, code, text) code,
                                                          HF_ACTIONS(X)
#undef X
};

static const char *const freeze_mode_codes[HF_FREEZE_MODE_COUNT] = {"",
#define X(name, code) code,
                                                                    HF_FREEZE_MODES(X)
#undef X
};

static const char *const query_mode_codes[HF_QUERY_MODE_COUNT] = {"",
#define X(name, code) code,
                                                                  HF_QUERY_MODES(X)
#undef X
};

static const char *const state_codes[HF_ORDER_STATE_COUNT] = {"",
#define X(name, code, text) code,
                                                              HF_ORDER_STATES(X)
#undef X
};

static const char *const event_codes[HF_ORDER_EVENT_COUNT] = {
#define X(name, code, text) code,
    HF_ORDER_EVENTS(X)
#undef X
};

/* Ranks: stop, lift, freeze, query, monitor (design.md section 7); what changes nothing for the victim comes last. */
static const struct hf_action_traits traits[HF_ACTION_COUNT] = {
    [HF_ACTION_STOP] = {.rank = 0},
    [HF_ACTION_EXTEND] = {.rank = 0},
    [HF_ACTION_LIFT] = {.rank = 1, .after = HF_AFTER_LEGAL},
    [HF_ACTION_UNFREEZE] = {.rank = 1, .after = HF_AFTER_LEGAL},
    [HF_ACTION_FREEZE] = {.rank = 2, .after = HF_AFTER_LEGAL},
    [HF_ACTION_RENEW] = {.rank = 2, .after = HF_AFTER_LEGAL},
    [HF_ACTION_RETURN] = {.rank = 2, .after = HF_AFTER_LEGAL},
    [HF_ACTION_QUERY] = {.rank = 3, .asks = true},
    [HF_ACTION_SERIAL] = {.rank = 3, .asks = true},
    [HF_ACTION_HOLDER] = {.rank = 3, .asks = true},
    [HF_ACTION_ACCOUNTS] = {.rank = 3, .asks = true},
    [HF_ACTION_HOLDS] = {.rank = 3, .asks = true},
    [HF_ACTION_MONITOR] = {.rank = 4, .many_answers = true},
    [HF_ACTION_UNMONITOR] = {.rank = 4},
    [HF_ACTION_PAPER] = {.rank = 4},
    [HF_ACTION_SUSPECT] = {.rank = 4},
    [HF_ACTION_BLOCK] = {.rank = 4},
};

/* clang-format off */
#define MOVE(to)        {.move = HF_ORDER_##to}
#define IGNORE(why)     {.ignored = why}
#define ANOMALY(why)    {.ignored = why, .contradiction = true}
#define IMPOSSIBLE(why) {.impossible = why}

#define ENDS            /* O7–O10: the first valid feedback ends the order, whatever was known of it */ \
    [HF_ORDER_EVENT_DONE]       = MOVE(EFFECTIVE),                                                      \
    [HF_ORDER_EVENT_DONE_SHORT] = MOVE(EFFECTIVE_SHORT),                                                \
    [HF_ORDER_EVENT_OTHER]      = MOVE(HELD_BY_OTHER),                                                  \
    [HF_ORDER_EVENT_FIXABLE]    = MOVE(REFUSED_FIXABLE),                                                \
    [HF_ORDER_EVENT_NO]         = MOVE(REFUSED)

#define NOT_A_DRAFT                                                                                     \
    [HF_ORDER_EVENT_CONFIRMED] = IMPOSSIBLE("only a draft is confirmed"),                               \
    [HF_ORDER_EVENT_DROP]      = IMPOSSIBLE("only a draft is dropped")

#define LEFT_ALREADY    /* O13: once sent, calling back is a lift, never a local delete */              \
    [HF_ORDER_EVENT_CANCEL]    = IMPOSSIBLE("it has left: a lift takes it back (O13)")

#define NO_MONITOR                                                                                      \
    [HF_ORDER_EVENT_ENDED]     = IMPOSSIBLE("only a live monitor has an end of its own")

#define ENDED_ORDER                                                                                     \
    NOT_A_DRAFT, LEFT_ALREADY,                                                                          \
    [HF_ORDER_EVENT_LEFT]    = IGNORE("an attempt was on its way when the feedback came"),              \
    [HF_ORDER_EVENT_RECEIPT] = IGNORE("a receipt after the feedback tells nothing new"),                \
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("the feedback came while the lane gave up"),                      \
    [HF_ORDER_EVENT_ENDED]   = IGNORE("it has ended already")

/* O14: the same feedback again is a repeat; O12: another one is an anomaly, the first rules. */
#define REPEAT IGNORE("the same feedback again (O14)")
#define LATER  ANOMALY("a different feedback after the first (O12)")

#define NEVER_SENT(why)                                                                                 \
    NOT_A_DRAFT,                                                                                        \
    [HF_ORDER_EVENT_CANCEL] = IGNORE(why),     [HF_ORDER_EVENT_LEFT] = ANOMALY(why),                    \
    [HF_ORDER_EVENT_RECEIPT] = ANOMALY(why),   [HF_ORDER_EVENT_GAVE_UP] = IGNORE(why),                  \
    [HF_ORDER_EVENT_DONE] = ANOMALY(why),      [HF_ORDER_EVENT_DONE_SHORT] = ANOMALY(why),              \
    [HF_ORDER_EVENT_OTHER] = ANOMALY(why),     [HF_ORDER_EVENT_FIXABLE] = ANOMALY(why),                 \
    [HF_ORDER_EVENT_NO] = ANOMALY(why),        [HF_ORDER_EVENT_ENDED] = IGNORE(why)

#define ALL_STATES_BUT_WATCHING                                                                         \
  [HF_ORDER_DRAFT] = {                                                                                  \
    [HF_ORDER_EVENT_CONFIRMED] = MOVE(READY), [HF_ORDER_EVENT_DROP] = MOVE(DROPPED),      /* O3 */      \
    [HF_ORDER_EVENT_CANCEL] = IMPOSSIBLE("a draft is dropped"),                                         \
    [HF_ORDER_EVENT_LEFT] = IMPOSSIBLE("a draft does not leave"), [HF_ORDER_EVENT_RECEIPT] = ANOMALY("nothing was sent"), \
    [HF_ORDER_EVENT_GAVE_UP] = IMPOSSIBLE("a draft is in no lane"), [HF_ORDER_EVENT_DONE] = ANOMALY("nothing was sent"),  \
    [HF_ORDER_EVENT_DONE_SHORT] = ANOMALY("nothing was sent"), [HF_ORDER_EVENT_OTHER] = ANOMALY("nothing was sent"),      \
    [HF_ORDER_EVENT_FIXABLE] = ANOMALY("nothing was sent"), [HF_ORDER_EVENT_NO] = ANOMALY("nothing was sent"),            \
    [HF_ORDER_EVENT_ENDED] = IGNORE("nothing was sent") },                                              \
  [HF_ORDER_READY] = {                                                                                  \
    NOT_A_DRAFT, NO_MONITOR,                                                                            \
    [HF_ORDER_EVENT_CANCEL]  = MOVE(CANCELLED),                                           /* O13 */     \
    [HF_ORDER_EVENT_LEFT]    = MOVE(SENT),                                                /* O4 */      \
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED), /* it overtook the send's own report, or is an earlier life's */ \
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("nothing has left yet: the lane goes on trying"),                 \
    ENDS },                                                                                             \
  [HF_ORDER_SENT] = {                                                                                   \
    NOT_A_DRAFT, LEFT_ALREADY, NO_MONITOR,                                                              \
    [HF_ORDER_EVENT_LEFT]    = IGNORE("the identical bytes left again (O6)"),                           \
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED),                                            /* O5 */      \
    [HF_ORDER_EVENT_GAVE_UP] = MOVE(UNKNOWN),                                             /* O6 */      \
    ENDS },                                                                                             \
  [HF_ORDER_RECEIVED] = {                                                                               \
    NOT_A_DRAFT, LEFT_ALREADY, NO_MONITOR,                                                              \
    [HF_ORDER_EVENT_LEFT]    = IGNORE("the identical bytes left again (O6)"),                           \
    [HF_ORDER_EVENT_RECEIPT] = IGNORE("a repeated receipt"),                                            \
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("the institution has it: what is missing is feedback, which the deadline watches"), \
    ENDS },                                                                                             \
  [HF_ORDER_UNKNOWN] = {                                                                                \
    NOT_A_DRAFT, LEFT_ALREADY, NO_MONITOR,                                                              \
    [HF_ORDER_EVENT_LEFT]    = IGNORE("resent; still no answer"),                                       \
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED),                                                          \
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("already unknown"),                                               \
    ENDS },                                                                                             \
  [HF_ORDER_EFFECTIVE] = { ENDED_ORDER,                                                                 \
    [HF_ORDER_EVENT_DONE] = REPEAT, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER, \
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },                                    \
  [HF_ORDER_EFFECTIVE_SHORT] = { ENDED_ORDER,                                                           \
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = REPEAT, [HF_ORDER_EVENT_OTHER] = LATER, \
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },                                    \
  [HF_ORDER_HELD_BY_OTHER] = { ENDED_ORDER,                                                             \
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = REPEAT, \
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },                                    \
  [HF_ORDER_REFUSED_FIXABLE] = { ENDED_ORDER,                                                           \
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER, \
    [HF_ORDER_EVENT_FIXABLE] = REPEAT, [HF_ORDER_EVENT_NO] = LATER },                                   \
  [HF_ORDER_REFUSED] = { ENDED_ORDER,                                                                   \
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER, \
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = REPEAT },                                   \
  [HF_ORDER_DROPPED] = { NEVER_SENT("it was dropped as a draft") },                                     \
  [HF_ORDER_CANCELLED] = { NEVER_SENT("it was called back before it left") },                           \
  [HF_ORDER_UNSET] = {                                                                                  \
    [0 ... HF_ORDER_EVENT_COUNT - 1] = IMPOSSIBLE("an order begins as a draft or as ready") }

#define NO_WATCH        IMPOSSIBLE("only a live monitor watches")

static const struct hf_order_cell common_cells[HF_ORDER_STATE_COUNT][HF_ORDER_EVENT_COUNT] = {
  ALL_STATES_BUT_WATCHING,
  [HF_ORDER_WATCHING] = { [0 ... HF_ORDER_EVENT_COUNT - 1] = NO_WATCH },
};

/* A live monitor: its first 0000 begins a watch, each later one reports movements (O15), its end is a tick or an "unmonitor". */
static const struct hf_order_cell watching_cells[HF_ORDER_EVENT_COUNT] = {
  NOT_A_DRAFT, LEFT_ALREADY,
  [HF_ORDER_EVENT_LEFT]    = IGNORE("asked again for what has moved since"),
  [HF_ORDER_EVENT_RECEIPT] = IGNORE("a receipt of a monitor that is on"),
  [HF_ORDER_EVENT_GAVE_UP] = IGNORE("the monitor is on: the lane goes on asking"),
  [HF_ORDER_EVENT_DONE]    = IGNORE("the n-th feedback (O15)"),
  [HF_ORDER_EVENT_DONE_SHORT] = IGNORE("the n-th feedback (O15)"),
  [HF_ORDER_EVENT_OTHER]   = IGNORE("the n-th feedback (O15)"),
  [HF_ORDER_EVENT_FIXABLE] = LATER,
  [HF_ORDER_EVENT_NO]      = MOVE(EFFECTIVE), /* the institution ends it */
  [HF_ORDER_EVENT_ENDED]   = MOVE(EFFECTIVE),
};
static const struct hf_order_cell begins_watch = MOVE(WATCHING);
/* clang-format on */

const struct hf_action_traits *hf_action_traits(enum hf_action action)
{
  HF_ASSERT(action > HF_ACTION_UNSET && action < HF_ACTION_COUNT);
  return &traits[action];
}

const struct hf_order_cell *hf_order_cell(enum hf_action action, enum hf_order_state state, enum hf_order_event event)
{
  HF_ASSERT(state < HF_ORDER_STATE_COUNT);
  HF_ASSERT(event < HF_ORDER_EVENT_COUNT);
  if (!hf_action_traits(action)->many_answers) return &common_cells[state][event];
  if (state == HF_ORDER_WATCHING) return &watching_cells[event];
  bool done = common_cells[state][event].move == HF_ORDER_EFFECTIVE;
  return done ? &begins_watch : &common_cells[state][event];
}

bool hf_order_state_is_final(enum hf_order_state state)
{
  return state >= HF_ORDER_EFFECTIVE && state < HF_ORDER_STATE_COUNT;
}

const char *hf_order_state_code(enum hf_order_state state)
{
  HF_ASSERT(state < HF_ORDER_STATE_COUNT);
  return state_codes[state];
}

/* Index of code in names[1…count-1]; 0 where it is none of them. */
static unsigned index_of(const char *const *names, unsigned count, const char *code)
{
  for (unsigned i = 1; i < count; i++)
    if (strcmp(names[i], code) == 0) return i;
  return 0;
}

enum hf_order_state hf_order_state_of_code(const char *code)
{
  return (enum hf_order_state)index_of(state_codes, HF_ORDER_STATE_COUNT, code);
}

const char *hf_order_event_code(enum hf_order_event event)
{
  HF_ASSERT(event < HF_ORDER_EVENT_COUNT);
  return event_codes[event];
}

const char *hf_action_code(enum hf_action action)
{
  HF_ASSERT(action < HF_ACTION_COUNT);
  return action_codes[action];
}

enum hf_action hf_action_of_code(const char *code)
{
  return (enum hf_action)index_of(action_codes, HF_ACTION_COUNT, code);
}

const char *hf_freeze_mode_code(uint32_t mode)
{
  return freeze_mode_codes[mode < HF_FREEZE_MODE_COUNT ? mode : 0];
}

uint32_t hf_freeze_mode_of_code(const char *code)
{
  return index_of(freeze_mode_codes, HF_FREEZE_MODE_COUNT, code);
}

const char *hf_query_mode_code(uint32_t mode)
{
  return query_mode_codes[mode < HF_QUERY_MODE_COUNT ? mode : 0];
}

uint32_t hf_query_mode_of_code(const char *code)
{
  return index_of(query_mode_codes, HF_QUERY_MODE_COUNT, code);
}

enum hf_order_event hf_order_event_of_result(enum hf_action action, const char *result)
{
  static const struct {
    const char *prefix;
    enum hf_order_event event;
  } meanings[] = {
      {"0000", HF_ORDER_EVENT_DONE},    {"0900", HF_ORDER_EVENT_DONE},  {"1200", HF_ORDER_EVENT_DONE_SHORT},
      {"1301", HF_ORDER_EVENT_OTHER},   {"1302", HF_ORDER_EVENT_OTHER}, {"1303", HF_ORDER_EVENT_OTHER},
      {"01", HF_ORDER_EVENT_FIXABLE},   {"02", HF_ORDER_EVENT_FIXABLE}, {"0301", HF_ORDER_EVENT_FIXABLE},
      {"0300", HF_ORDER_EVENT_FIXABLE}, {"05", HF_ORDER_EVENT_FIXABLE}, {"06", HF_ORDER_EVENT_FIXABLE},
      {"07", HF_ORDER_EVENT_FIXABLE},   {"08", HF_ORDER_EVENT_FIXABLE},
  };
  /* H5: a lift after the lapse is not an error: nothing is held any more. */
  bool lifts = action == HF_ACTION_LIFT || action == HF_ACTION_UNFREEZE;
  if (lifts && strcmp(result, HF_RESULT_LIFT_AFTER_LAPSE) == 0) return HF_ORDER_EVENT_DONE;
  for (unsigned i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
    if (strncmp(result, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) return meanings[i].event;
  return HF_ORDER_EVENT_NO;
}

const struct hf_order_cell *hf_order_apply(struct hf_order_entry *entry, enum hf_order_event event)
{
  const struct hf_order_cell *cell = hf_order_cell(entry->action, entry->state, event);
  HF_ASSERT(cell->impossible == NULL);
  if (cell->move != HF_ORDER_UNSET) entry->state = cell->move;
  return cell;
}
