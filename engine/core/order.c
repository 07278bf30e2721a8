#include "engine/core/order.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

static const char *const action_codes[HF_ACTION_COUNT] = {"",
#define X(name, code) code,
                                                          HF_ACTIONS(X)
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

#define ENDED                                                                                           \
    [HF_ORDER_EVENT_LEFT]    = IGNORE("an attempt was on its way when the feedback came"),              \
    [HF_ORDER_EVENT_RECEIPT] = IGNORE("a receipt after the feedback tells nothing new"),                \
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("the feedback came while the lane gave up")

/* O14: the same feedback again is a repeat; O12: another one is an anomaly, the first rules. */
#define REPEAT IGNORE("the same feedback again (O14)")
#define LATER  ANOMALY("a different feedback after the first (O12)")

static const struct hf_order_cell cells[HF_ORDER_STATE_COUNT][HF_ORDER_EVENT_COUNT] = {
  [HF_ORDER_READY] = {
    [HF_ORDER_EVENT_LEFT]    = MOVE(SENT),                                            /* O4 */
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED),  /* the answer overtook the send's own report, or came from an earlier life */
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("nothing has left yet: the lane goes on trying"),
    ENDS },
  [HF_ORDER_SENT] = {
    [HF_ORDER_EVENT_LEFT]    = IGNORE("the identical bytes left again (O6)"),
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED),                                        /* O5 */
    [HF_ORDER_EVENT_GAVE_UP] = MOVE(UNKNOWN),                                         /* O6 */
    ENDS },
  [HF_ORDER_RECEIVED] = {
    [HF_ORDER_EVENT_LEFT]    = IGNORE("the identical bytes left again (O6)"),
    [HF_ORDER_EVENT_RECEIPT] = IGNORE("a repeated receipt"),
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("the institution has it: what is missing is feedback, which the deadline watches"),
    ENDS },
  [HF_ORDER_UNKNOWN] = {
    [HF_ORDER_EVENT_LEFT]    = IGNORE("resent; still no answer"),
    [HF_ORDER_EVENT_RECEIPT] = MOVE(RECEIVED),                                        /* O12 */
    [HF_ORDER_EVENT_GAVE_UP] = IGNORE("already unknown"),
    ENDS },
  [HF_ORDER_EFFECTIVE] = { ENDED,
    [HF_ORDER_EVENT_DONE] = REPEAT, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER,
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },
  [HF_ORDER_EFFECTIVE_SHORT] = { ENDED,
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = REPEAT, [HF_ORDER_EVENT_OTHER] = LATER,
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },
  [HF_ORDER_HELD_BY_OTHER] = { ENDED,
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = REPEAT,
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = LATER },
  [HF_ORDER_REFUSED_FIXABLE] = { ENDED,
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER,
    [HF_ORDER_EVENT_FIXABLE] = REPEAT, [HF_ORDER_EVENT_NO] = LATER },
  [HF_ORDER_REFUSED] = { ENDED,
    [HF_ORDER_EVENT_DONE] = LATER, [HF_ORDER_EVENT_DONE_SHORT] = LATER, [HF_ORDER_EVENT_OTHER] = LATER,
    [HF_ORDER_EVENT_FIXABLE] = LATER, [HF_ORDER_EVENT_NO] = REPEAT },
  [HF_ORDER_UNSET] = {
    [HF_ORDER_EVENT_LEFT] = IMPOSSIBLE("an order begins as ready"), [HF_ORDER_EVENT_RECEIPT] = IMPOSSIBLE("an order begins as ready"),
    [HF_ORDER_EVENT_GAVE_UP] = IMPOSSIBLE("an order begins as ready"), [HF_ORDER_EVENT_DONE] = IMPOSSIBLE("an order begins as ready"),
    [HF_ORDER_EVENT_DONE_SHORT] = IMPOSSIBLE("an order begins as ready"), [HF_ORDER_EVENT_OTHER] = IMPOSSIBLE("an order begins as ready"),
    [HF_ORDER_EVENT_FIXABLE] = IMPOSSIBLE("an order begins as ready"), [HF_ORDER_EVENT_NO] = IMPOSSIBLE("an order begins as ready") },
};
/* clang-format on */

const struct hf_order_cell *hf_order_cell(enum hf_order_state state, enum hf_order_event event)
{
  HF_ASSERT(state < HF_ORDER_STATE_COUNT);
  HF_ASSERT(event < HF_ORDER_EVENT_COUNT);
  return &cells[state][event];
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

enum hf_order_state hf_order_state_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_ORDER_STATE_COUNT; i++)
    if (strcmp(state_codes[i], code) == 0) return (enum hf_order_state)i;
  return HF_ORDER_UNSET;
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
  for (unsigned i = 1; i < HF_ACTION_COUNT; i++)
    if (strcmp(action_codes[i], code) == 0) return (enum hf_action)i;
  return HF_ACTION_UNSET;
}

enum hf_order_event hf_order_event_of_result(const char *result)
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
  for (unsigned i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
    if (strncmp(result, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) return meanings[i].event;
  return HF_ORDER_EVENT_NO;
}

const struct hf_order_cell *hf_order_apply(struct hf_order_entry *entry, enum hf_order_event event)
{
  const struct hf_order_cell *cell = hf_order_cell(entry->state, event);
  HF_ASSERT(cell->impossible == NULL);
  if (cell->move != HF_ORDER_UNSET) entry->state = cell->move;
  return cell;
}

uint64_t hf_order_checksum(const struct hf_order_entry *entry, uint64_t seed)
{
  int64_t numbers[] = {
      entry->state,   entry->action,         entry->ordinal,          entry->attempts,           entry->overdue,
      entry->holding, entry->issued_wall_ns, entry->deadline_wall_ns, entry->first_sent_wall_ns, entry->hold_expires_wall_ns};
  return hf_checksum(hf_checksum(seed, entry->id.uuid.bytes, 16), numbers, sizeof numbers);
}
