/*
 * Holds: what feedback, time and the institutions' own lists do to them (H1–H14 of domain.md 4.3).
 */
#include "engine/core/decide.h"

static const struct hf_uuid nobody;

/* Begins a hold's next fact with what it is now; the caller changes it. */
static struct hf_fact *begin_hold(struct hf_core *core, enum hf_fact_kind kind, const struct hf_account_entry *account,
                                  enum hf_hold_kind of)
{
  struct hf_fact *fact = hf_core_begin(core, kind, hf_case_at(core, account->case_index)->id);
  fact->hold.kind = of;
  fact->hold.hold = account->holds[of];
  fact->hold.holder_id = fact->hold.order_id = account->holds[of].order_id;
  return fact;
}

/* The state that the event leads to stands in the fact, so that a reader needs no table. */
static void tell_change(struct hf_core *core, struct hf_fact *fact, enum hf_hold_event event)
{
  fact->hold.event = event;
  hf_hold_apply(&fact->hold.hold, event);
  hf_core_tell(core, fact);
}

static int64_t next_check(const struct hf_core *core)
{
  uint32_t every_s = core->registry->policy.reconcile_s;
  return every_s == 0 ? 0 : core->now.wall_ns + every_s * HF_NS_PER_S;
}

/* H1: from the moment that the institution acted; an interval where it does not say, or says what cannot be. */
static void set_start(struct hf_hold *hold, const struct hf_input *input, const struct hf_order_entry *order)
{
  int64_t said = input->answer->executed_wall_ns;
  int64_t sent = order->issued_wall_ns; /* an owner before us may have sent it and not recorded that (decision 13) */
  bool possible = said >= sent - HF_FUTURE_TOLERANCE_NS && said <= input->at.wall_ns + HF_FUTURE_TOLERANCE_NS;
  hold->starts_earliest_wall_ns = possible ? said : sent;
  hold->starts_latest_wall_ns = possible ? said : input->at.wall_ns;
}

static void place(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order,
                  enum hf_hold_event event)
{
  const struct hf_account_entry *account = hf_account_at(core, order->account);
  enum hf_hold_kind kind = hf_hold_kind_of_action(order->action);
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_CHANGED, account, kind);
  struct hf_hold *hold = &fact->hold.hold;
  bool listed = hf_hold_is_in_force(hold) && hf_uuid_equal(hold->order_id.uuid, order->id.uuid); /* the list told it first */
  bool again = hf_hold_is_in_force(hold) && !listed; /* a second order: the hold goes on with its newer end */
  fact->hold.order_id = fact->hold.holder_id = hold->order_id = order->id;
  if (!listed) hold->count++;
  hold->warnings = 0;
  hold->mode = order->mode;
  hold->held = input->answer->held;
  hold->check_wall_ns = next_check(core);
  if (!again || event == HF_HOLD_EVENT_QUEUE) set_start(hold, input, order);
  if (kind == HF_HOLD_STOP) {
    hold->expires_earliest_wall_ns = hold->starts_earliest_wall_ns + HF_STOP_TERM_NS;
    hold->expires_latest_wall_ns = hold->starts_latest_wall_ns + HF_STOP_TERM_NS;
  } else {
    int64_t said = input->answer->expires_wall_ns;
    bool possible = said > hold->starts_latest_wall_ns && said <= order->until_wall_ns + HF_FUTURE_TOLERANCE_NS;
    hold->expires_earliest_wall_ns = hold->expires_latest_wall_ns = possible ? said : order->until_wall_ns;
  }
  tell_change(core, fact, event);
}

/* H2, H9: an extension adds 48 h to the stop's end, a renewal sets the freeze's. */
static void prolong(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  const struct hf_account_entry *account = hf_account_at(core, order->account);
  enum hf_hold_kind kind = hf_hold_kind_of_action(order->action);
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_CHANGED, account, kind);
  struct hf_hold *hold = &fact->hold.hold;
  int64_t said = input->answer->expires_wall_ns;
  bool stop = kind == HF_HOLD_STOP;
  int64_t most = stop ? hold->expires_latest_wall_ns + HF_STOP_TERM_NS : order->until_wall_ns;
  bool possible = said > hold->expires_earliest_wall_ns && said <= most + HF_FUTURE_TOLERANCE_NS;
  fact->hold.order_id = fact->hold.holder_id = hold->order_id = order->id;
  hold->count += stop ? core->registry->policy.extend_counts : 1;
  hold->warnings = 0;
  hold->check_wall_ns = next_check(core);
  hold->expires_earliest_wall_ns = possible ? said : stop ? hold->expires_earliest_wall_ns + HF_STOP_TERM_NS : most;
  hold->expires_latest_wall_ns = possible ? said : most;
  tell_change(core, fact, HF_HOLD_EVENT_PROLONGED);
}

static void lift(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  const struct hf_account_entry *account = hf_account_at(core, order->account);
  enum hf_hold_kind kind = hf_hold_kind_of_action(order->action);
  if (!hf_hold_lasts(&account->holds[kind])) return;
  bool lapsed = strcmp(input->answer->result, HF_RESULT_LIFT_AFTER_LAPSE) == 0; /* H5 */
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_CHANGED, account, kind);
  fact->hold.order_id = order->id;
  tell_change(core, fact, lapsed ? HF_HOLD_EVENT_TERM : HF_HOLD_EVENT_LIFT);
}

/* 1200: less is there than was stolen: the rest has gone on, so its account is read again at once. */
static void trace_short(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  const struct hf_case_entry *of = hf_case_at(core, order->case_index);
  const struct hf_account_entry *account = hf_account_at(core, order->account);
  for (uint32_t at = of->orders_first; at != 0; at = hf_order_at(core, at)->next) {
    const struct hf_order_entry *other = hf_order_at(core, at);
    if (other->account == order->account && other->action == HF_ACTION_QUERY && !hf_order_state_is_final(other->state))
      return; /* its answer is on its way */
  }
  if (of->chase.hops == 0 || account->ordinals[HF_ACTION_QUERY] > core->registry->policy.requeries ||
      of->orders_count == HF_CASE_ORDERS_MAX || !hf_core_takes(core, account->institution, HF_ACTION_QUERY))
    return;
  const struct hf_order_plan plan = {.action = HF_ACTION_QUERY,
                                     .authority = hf_submission_at(core, order->submission),
                                     .parent = order,
                                     .mode = HF_QUERY_QUICK,
                                     .issued_wall_ns = input->now.wall_ns,
                                     .after = input->answer_is_durable ? HF_AFTER_NOTHING : HF_AFTER_COMMIT};
  hf_core_order_account(core, account, &plan);
}

void hf_core_change_hold(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  bool done = order->state == HF_ORDER_EFFECTIVE || order->state == HF_ORDER_EFFECTIVE_SHORT;
  bool queued = order->state == HF_ORDER_HELD_BY_OTHER && input->answer->queued; /* H8 */
  struct hf_order_id id = order->id;
  switch (order->action) {
  case HF_ACTION_STOP:
    if (done) place(core, input, order, HF_HOLD_EVENT_PLACED);
    break;
  case HF_ACTION_FREEZE:
    if (done || queued) place(core, input, order, done ? HF_HOLD_EVENT_PLACED : HF_HOLD_EVENT_QUEUE);
    break;
  case HF_ACTION_EXTEND:
  case HF_ACTION_RENEW:
    if (done) prolong(core, input, order);
    break;
  case HF_ACTION_LIFT:
  case HF_ACTION_UNFREEZE:
    if (done) lift(core, input, order);
    break;
  default: return;
  }
  order = hf_core_order(core, id);
  if (order->state == HF_ORDER_EFFECTIVE_SHORT) trace_short(core, input, order);
}

/* --- time --- */

void hf_core_lapse(struct hf_core *core, uint32_t account, enum hf_hold_kind kind)
{
  tell_change(core, begin_hold(core, HF_FACT_HOLD_CHANGED, hf_account_at(core, account), kind),
              HF_HOLD_EVENT_TERM); /* H4, H9 */
}

void hf_core_warn(struct hf_core *core, uint32_t index, enum hf_hold_kind kind)
{
  const struct hf_account_entry *account = hf_account_at(core, index);
  struct hf_case_id case_id = hf_case_at(core, account->case_index)->id;
  struct hf_order_id holder = account->holds[kind].order_id;
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_WARNED, account, kind);
  fact->hold.hold.warnings++;
  hf_core_tell(core, fact);
  /* H6: the freeze has to be confirmed before the stop ends; a freeze has to be renewed. */
  bool frozen = hf_hold_is_in_force(&account->holds[HF_HOLD_FREEZE]);
  if (kind == HF_HOLD_FREEZE || !frozen) hf_core_task(core, case_id, HF_TASK_FREEZE, holder, nobody, HF_DRAFT_CAUSE_UNSET);
}

/* H13: the institution is asked for its list; the answer is compared. */
void hf_core_check_hold(struct hf_core *core, uint32_t index, enum hf_hold_kind kind)
{
  const struct hf_account_entry *account = hf_account_at(core, index);
  const struct hf_case_entry *of = hf_case_at(core, account->case_index);
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_CHECKED, account, kind);
  fact->hold.hold.check_wall_ns = next_check(core);
  hf_core_tell(core, fact);
  if (!hf_core_takes(core, account->institution, HF_ACTION_HOLDS) || of->orders_count == HF_CASE_ORDERS_MAX) return;
  const struct hf_order_entry *holder = hf_core_order(core, account->holds[kind].order_id);
  const struct hf_order_plan plan = {.action = HF_ACTION_HOLDS,
                                     .authority = hf_submission_at(core, holder->submission),
                                     .parent = holder,
                                     .issued_wall_ns = core->now.wall_ns};
  hf_core_order_account(core, account, &plan);
}

/* --- the institution's own list --- */

static bool is_of_account(const struct hf_core *core, const struct hf_listed_hold *listed, uint32_t account)
{
  const struct hf_order_entry *order = hf_core_order(core, listed->order_id);
  return order != NULL && order->account == account;
}

static const struct hf_listed_hold *listed_of(const struct hf_core *core, const struct hf_answer *answer, uint32_t account,
                                              enum hf_hold_kind kind)
{
  for (uint32_t i = 0; i < answer->holds_count; i++)
    if (answer->holds[i].freeze == (kind == HF_HOLD_FREEZE) && is_of_account(core, &answer->holds[i], account))
      return &answer->holds[i];
  return NULL;
}

static void tell_difference(struct hf_core *core, const struct hf_input *input, uint32_t index, enum hf_hold_kind kind,
                            const struct hf_listed_hold *listed)
{
  const struct hf_account_entry *account = hf_account_at(core, index);
  struct hf_case_id case_id = hf_case_at(core, account->case_index)->id;
  struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_DIFFERS, account, kind);
  fact->hold.order_id = input->order_id;
  fact->hold.listed = listed == NULL ? -1 : listed->amount;
  if (listed != NULL) memcpy(fact->hold.authority, listed->authority, sizeof fact->hold.authority);
  hf_core_tell(core, fact);
  hf_core_task(core, case_id, HF_TASK_DIFFERENCE, input->order_id, nobody, HF_DRAFT_CAUSE_UNSET);
}

static void compare(struct hf_core *core, const struct hf_input *input, uint32_t index, enum hf_hold_kind kind,
                    struct hf_order_id resolved)
{
  const struct hf_account_entry *account = hf_account_at(core, index);
  const struct hf_hold *hold = &account->holds[kind];
  const struct hf_listed_hold *listed = listed_of(core, input->answer, index, kind);
  if (listed == NULL && hf_hold_is_in_force(hold)) {
    tell_difference(core, input, index, kind, NULL);
    tell_change(core, begin_hold(core, HF_FACT_HOLD_CHANGED, account, kind), HF_HOLD_EVENT_MISSING);
  } else if (listed != NULL && !hf_hold_is_in_force(hold)) {
    /* H8: a waiting freeze that is in force now; one whose answer is on its way; or a hold that we had not recorded. */
    const struct hf_order_entry *order = hf_core_order(core, listed->order_id);
    bool expected = hold->state == HF_HOLD_STATE_QUEUED || hf_uuid_equal(listed->order_id.uuid, resolved.uuid) ||
                    !hf_order_state_is_final(order->state);
    if (!expected) tell_difference(core, input, index, kind, listed);
    struct hf_fact *fact = begin_hold(core, HF_FACT_HOLD_CHANGED, account, kind);
    fact->hold.order_id = input->order_id;
    fact->hold.holder_id = fact->hold.hold.order_id = listed->order_id;
    fact->hold.hold.held = listed->amount;
    fact->hold.hold.check_wall_ns = next_check(core);
    if (hold->count == 0 || !hf_uuid_equal(hold->order_id.uuid, listed->order_id.uuid)) fact->hold.hold.count++;
    fact->hold.hold.starts_earliest_wall_ns = order->issued_wall_ns;
    fact->hold.hold.starts_latest_wall_ns = input->at.wall_ns; /* H1: it began somewhere between */
    if (listed->expires_wall_ns > input->at.wall_ns)
      fact->hold.hold.expires_earliest_wall_ns = fact->hold.hold.expires_latest_wall_ns = listed->expires_wall_ns;
    else if (fact->hold.hold.expires_latest_wall_ns <= input->at.wall_ns)
      fact->hold.hold.expires_earliest_wall_ns = fact->hold.hold.expires_latest_wall_ns = input->at.wall_ns + HF_STOP_TERM_NS;
    tell_change(core, fact, HF_HOLD_EVENT_ACTIVATED);
  }
}

/* An act without feedback that the institution's list shows has taken effect: the probe resolves it (law 6). */
static struct hf_order_id resolve_by_list(struct hf_core *core, const struct hf_input *input, struct hf_order_id parent)
{
  static const struct hf_order_id none;
  const struct hf_order_entry *unknown = hf_core_order(core, parent);
  if (unknown == NULL || (unknown->state != HF_ORDER_UNKNOWN && unknown->state != HF_ORDER_RECEIVED)) return none;
  for (uint32_t i = 0; i < input->answer->holds_count; i++) {
    const struct hf_listed_hold *listed = &input->answer->holds[i];
    if (!hf_uuid_equal(listed->order_id.uuid, parent.uuid)) continue;
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_ORDER_ENDED, hf_case_at(core, unknown->case_index)->id);
    fact->ended.event = HF_ORDER_EVENT_DONE;
    fact->ended.state = HF_ORDER_EFFECTIVE;
    fact->ended.action = unknown->action;
    fact->ended.at = input->at;
    fact->ended.answer.order_id = parent;
    fact->ended.answer.has_feedback = true;
    fact->ended.answer.held = listed->amount;
    fact->ended.submission_id = input->order_id.uuid; /* what proves it: the query */
    memcpy(fact->ended.answer.result, "0000", 5);
    hf_core_tell(core, fact);
    return parent;
  }
  return none;
}

void hf_core_reconcile(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *query)
{
  uint32_t account = query->account;
  if (query->state != HF_ORDER_EFFECTIVE) return;
  struct hf_order_id resolved = resolve_by_list(core, input, query->parent);
  for (int kind = 1; kind < HF_HOLD_KIND_COUNT; kind++) compare(core, input, account, (enum hf_hold_kind)kind, resolved);
}
