/*
 * Orders: how one is made, and what comes back for it: sends, receipts, feedback.
 */
#include "engine/core/decide.h"

bool hf_core_speaks(const struct hf_core *core, const char *institution, enum hf_action action)
{
  const struct hf_institution *row = hf_registry_institution(core->registry, institution);
  return row == NULL || row->actions == 0 || (row->actions & 1u << action) != 0;
}

bool hf_core_takes(const struct hf_core *core, const char *institution, enum hf_action action)
{
  const struct hf_institution *row = hf_registry_institution(core->registry, institution);
  if (row == NULL || !row->enabled || row->stands_for[0] != '\0') return false; /* a way has no accounts of its own */
  if (!hf_core_speaks(core, institution, action)) return false;
  return row->carrier == (action == HF_ACTION_BLOCK);
}

/* All that does not depend on when it was decided: the same for the fact and for an order that is sent again. */
void hf_core_describe(const struct hf_core *core, const struct hf_order_entry *entry, struct hf_order *order)
{
  const struct hf_case_entry *of = hf_case_at(core, entry->case_index);
  const struct hf_account_entry *account = hf_account_at(core, entry->account);
  const struct hf_submission_entry *authority = hf_submission_at(core, entry->submission);
  order->id = entry->id;
  order->case_id = of->id;
  order->parent = entry->parent;
  memcpy(order->case_number, of->case_number, sizeof order->case_number);
  memcpy(order->institution, account->institution, sizeof order->institution);
  order->account = account->number;
  order->name = entry->corrected ? account->corrected : account->name;
  order->action = entry->action;
  order->after = hf_action_traits(entry->action)->after;
  order->ordinal = entry->ordinal;
  order->hop = entry->hop;
  order->mode = entry->mode;
  order->page = entry->page;
  order->amount = entry->amount;
  order->currency = account->currency;
  order->transfer_wall_ns = account->transfer_wall_ns;
  order->issued_wall_ns = entry->issued_wall_ns;
  order->deadline_wall_ns = entry->deadline_wall_ns;
  order->receipt_by_wall_ns = entry->receipt_by_wall_ns;
  order->until_wall_ns = entry->until_wall_ns;
  order->submission_id = authority->id;
  hf_core_key_text(authority->key, order->key_id);
  if (!authority->countersigned) hf_core_key_text(authority->second, order->second_id); /* a resend has the same bytes */
  memcpy(order->form_reference, authority->command ? of->form_reference : authority->form_reference,
         sizeof order->form_reference);
  if (entry->action == HF_ACTION_SERIAL) memcpy(order->serial, account->number.bytes, account->number.size);
  if (authority->details == 0) return;
  const struct hf_details_entry *details = hf_pool_at(&core->details, authority->details);
  order->document = details->document;
  order->party = details->party;
  memcpy(order->text, details->text, sizeof order->text);
}

/* When the receipt and the feedback of a planned order are due. */
struct dues {
  int64_t receipt_wall_ns; /* 0: no SLA policy says */
  int64_t deadline_wall_ns;
};

/* Without an SLA policy the row's and the policy's own numbers hold; a corrected order keeps its deadline (O9). */
static struct dues dues_of(const struct hf_core *core, const char *institution, const struct hf_order_plan *plan)
{
  const struct hf_institution *row = hf_registry_institution(core->registry, institution);
  const struct hf_sla_rules *sla = hf_registry_sla(core->registry, plan->issued_wall_ns);
  bool lifts = plan->action == HF_ACTION_LIFT || plan->action == HF_ACTION_UNFREEZE;
  struct hf_sla_limits limits = {.feedback_ms = lifts                       ? core->registry->policy.lift_ms
                                                : row->sla_feedback_ms != 0 ? row->sla_feedback_ms
                                                                            : core->registry->policy.feedback_ms};
  if (sla != NULL) limits = hf_sla_limits(sla, institution, plan->action, plan->issued_wall_ns);
  struct dues dues = {.deadline_wall_ns = plan->deadline_wall_ns};
  if (sla != NULL) dues.receipt_wall_ns = plan->issued_wall_ns + limits.receipt_ms * HF_NS_PER_MS;
  if (dues.deadline_wall_ns == 0) dues.deadline_wall_ns = plan->issued_wall_ns + limits.feedback_ms * HF_NS_PER_MS;
  return dues;
}

const struct hf_order_entry *hf_core_order_account(struct hf_core *core, const struct hf_account_entry *account,
                                                   const struct hf_order_plan *plan)
{
  static const struct hf_order_id no_order;
  const struct hf_case_entry *of = hf_case_at(core, account->case_index);
  HF_ASSERT(of->orders_count < HF_CASE_ORDERS_MAX && plan->authority != NULL);
  const struct dues dues = dues_of(core, account->institution, plan);
  const struct hf_order_entry planned = {
      .id = hf_order_id_make(&(struct hf_order_identity){.case_id = of->id,
                                                         .institution = account->institution,
                                                         .account = account->number.bytes,
                                                         .account_size = account->number.size,
                                                         .action = (uint8_t)plan->action,
                                                         .ordinal = account->ordinals[plan->action],
                                                         .shard = (uint16_t)core->config.shard}),
      .parent = plan->parent == NULL ? no_order : plan->parent->id,
      .account = hf_core_account_index(core, account),
      .case_index = account->case_index,
      .submission = hf_pool_index(&core->submissions, plan->authority),
      .action = plan->action,
      .ordinal = account->ordinals[plan->action],
      .mode = (uint8_t)plan->mode,
      .hop = account->hop,
      .page = plan->page,
      .corrected = account->corrected.size > 0,
      .amount = plan->amount != 0 ? plan->amount : account->amount,
      .issued_wall_ns = plan->issued_wall_ns,
      .deadline_wall_ns = dues.deadline_wall_ns,
      .receipt_by_wall_ns = dues.receipt_wall_ns,
      .until_wall_ns = plan->until_wall_ns};
  struct hf_fact *fact = hf_core_begin(core, plan->draft ? HF_FACT_ORDER_DRAFTED : HF_FACT_ORDER_READY, of->id);
  hf_core_describe(core, &planned, &fact->order);
  if (plan->name != NULL) fact->order.name = *plan->name;
  if (fact->order.after == HF_AFTER_NOTHING) fact->order.after = plan->after;
  hf_core_tell(core, fact);
  return hf_order_at(core, of->orders_last);
}

void hf_core_confirm(struct hf_core *core, const struct hf_order_entry *draft, const struct hf_submission_entry *authority)
{
  struct hf_order_entry confirmed = *draft;
  const struct hf_account_entry *account = hf_account_at(core, draft->account);
  const struct hf_order_plan plan = {.action = draft->action, .issued_wall_ns = authority->issued_wall_ns};
  confirmed.submission = hf_pool_index(&core->submissions, authority);
  confirmed.issued_wall_ns = plan.issued_wall_ns;
  const struct dues dues = dues_of(core, account->institution, &plan);
  confirmed.deadline_wall_ns = dues.deadline_wall_ns;
  confirmed.receipt_by_wall_ns = dues.receipt_wall_ns;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_ORDER_READY, hf_case_at(core, draft->case_index)->id);
  hf_core_describe(core, &confirmed, &fact->order);
  hf_core_tell(core, fact);
}

enum hf_reason hf_core_stop_refusal(const struct hf_core *core, const struct hf_account_entry *account)
{
  const struct hf_hold *stop = &account->holds[HF_HOLD_STOP];
  if (stop->count >= core->registry->policy.stops_max) return HF_REASON_THIRD_STOP; /* H3 */
  return hf_hold_is_in_force(stop) ? HF_REASON_STOP_IN_FORCE : HF_REASON_NONE;      /* H2 */
}

/* --- what comes back --- */

void hf_core_tell_step(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order,
                       enum hf_fact_kind kind)
{
  struct hf_fact *fact = hf_core_begin(core, kind, hf_case_at(core, order->case_index)->id);
  fact->step.order_id = order->id;
  fact->step.action = order->action;
  fact->step.attempt = input->attempt;
  fact->step.at = input->at;
  fact->step.outcome = input->outcome;
  fact->step.left = input->left;
  fact->step.deadline_wall_ns = kind == HF_FACT_RECEIPT_MISSED ? order->receipt_by_wall_ns : order->deadline_wall_ns;
  memcpy(fact->step.institution, hf_account_at(core, order->account)->institution, sizeof fact->step.institution);
  if (input->way != NULL) memcpy(fact->step.way, input->way, sizeof fact->step.way);
  if (input->answer != NULL) memcpy(fact->step.reference, input->answer->reference, sizeof fact->step.reference);
  hf_core_tell(core, fact);
}

void hf_core_decide_attempt(struct hf_core *core, const struct hf_input *input)
{
  static const struct hf_uuid nobody;
  const struct hf_order_entry *order = hf_core_order(core, input->order_id);
  if (order == NULL) return;
  struct hf_case_id case_id = hf_case_at(core, order->case_index)->id;
  enum hf_action action = order->action;
  switch (input->kind) {
  case HF_INPUT_LEFT:
    if (hf_order_cell(action, order->state, HF_ORDER_EVENT_LEFT)->contradiction) /* it left while it was being called back */
      hf_core_task(core, case_id, HF_TASK_LIFT, order->id, nobody, HF_DRAFT_CAUSE_UNSET);
    hf_core_tell_step(core, input, order, HF_FACT_ORDER_SENT);
    break;
  case HF_INPUT_ATTEMPT_ENDED: hf_core_tell_step(core, input, order, HF_FACT_ATTEMPT_ENDED); break;
  default:
    if (hf_order_cell(action, order->state, HF_ORDER_EVENT_GAVE_UP)->move == HF_ORDER_UNSET) return;
    hf_core_tell_step(core, input, order, HF_FACT_ORDER_UNKNOWN);
    hf_core_task(core, case_id, HF_TASK_CALL, order->id, nobody, HF_DRAFT_CAUSE_UNSET);
    hf_core_probe(core, input, hf_core_order(core, input->order_id));
  }
}

/* Law 6: an unknown act is asked about, where the institution swallows what it has seen before: by its list of holds. */
void hf_core_probe(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *unknown)
{
  const struct hf_account_entry *account = hf_account_at(core, unknown->account);
  const struct hf_institution *row = hf_registry_institution(core->registry, account->institution);
  const struct hf_case_entry *of = hf_case_at(core, unknown->case_index);
  if (row == NULL || !row->swallows_duplicates || hf_hold_kind_of_action(unknown->action) == HF_HOLD_UNSET ||
      !hf_core_takes(core, account->institution, HF_ACTION_HOLDS) || of->orders_count == HF_CASE_ORDERS_MAX)
    return;
  const struct hf_order_plan plan = {.action = HF_ACTION_HOLDS,
                                     .authority = hf_submission_at(core, unknown->submission),
                                     .parent = unknown,
                                     .issued_wall_ns = input->now.wall_ns,
                                     .after = HF_AFTER_COMMIT};
  hf_core_order_account(core, account, &plan);
}

/* What a feedback leads to beside the order's own end. */
static void follow_up(struct hf_core *core, const struct hf_input *input, struct hf_order_id id)
{
  static const struct hf_uuid nobody;
  const struct hf_order_entry *order = hf_core_order(core, id);
  struct hf_case_id case_id = hf_case_at(core, order->case_index)->id;
  bool stop = order->action == HF_ACTION_STOP;
  if (order->state == HF_ORDER_REFUSED_FIXABLE)
    hf_core_task(core, case_id, HF_TASK_FIX, id, nobody, HF_DRAFT_CAUSE_UNSET); /* O9 */
  if (stop && strcmp(input->answer->result, HF_RESULT_STOPS_USED_UP) == 0)      /* O10 */
    hf_core_task(core, case_id, HF_TASK_FREEZE, id, nobody, HF_DRAFT_CAUSE_STOPS_USED_UP);
  if (order->action == HF_ACTION_EXTEND && strcmp(input->answer->result, HF_RESULT_EXTEND_AFTER_LAPSE) == 0) /* H5 */
    hf_core_task(core, case_id, HF_TASK_FREEZE, id, nobody, HF_DRAFT_CAUSE_UNSET);
  bool blind = stop && order->state == HF_ORDER_EFFECTIVE &&
               !hf_core_speaks(core, hf_account_at(core, order->account)->institution, HF_ACTION_QUERY);
  if (order->state == HF_ORDER_EFFECTIVE_SHORT || blind)
    hf_core_task(core, case_id, HF_TASK_ONWARD, id, nobody, HF_DRAFT_CAUSE_UNSET);
  hf_core_change_hold(core, input, order);
  order = hf_core_order(core, id);
  if (order->action == HF_ACTION_HOLDS && input->answer->has_feedback) hf_core_reconcile(core, input, order);
  if (order->action == HF_ACTION_QUERY || order->action == HF_ACTION_SERIAL || order->action == HF_ACTION_MONITOR)
    hf_core_follow_money(core, input, order);
}

static void decide_feedback(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  static const struct hf_uuid nobody;
  struct hf_case_id case_id = hf_case_at(core, order->case_index)->id;
  struct hf_order_id id = order->id;
  enum hf_order_event event = hf_order_event_of_result(order->action, input->answer->result);
  /* A monitor that says "no more will come" ends by its own feedback. */
  bool watching = hf_action_traits(order->action)->many_answers && order->state == HF_ORDER_WATCHING;
  if (watching && event == HF_ORDER_EVENT_DONE && !input->answer->more) event = HF_ORDER_EVENT_ENDED;
  const struct hf_order_cell *cell = hf_order_cell(order->action, order->state, event);
  bool nth = watching && cell->move == HF_ORDER_UNSET && !cell->contradiction;
  if (cell->move == HF_ORDER_UNSET && !cell->contradiction && !nth) return; /* O14: a repeat */
  enum hf_fact_kind kind = cell->contradiction ? HF_FACT_ANSWER_CONTRADICTED
                           : nth               ? HF_FACT_ORDER_WATCHED
                                               : HF_FACT_ORDER_ENDED;
  struct hf_fact *fact = hf_core_begin(core, kind, case_id);
  fact->ended.state = cell->move == HF_ORDER_UNSET ? order->state : cell->move;
  fact->ended.event = event;
  fact->ended.action = order->action;
  fact->ended.at = input->at;
  fact->ended.answer = *input->answer;
  fact->ended.answer.transactions = NULL; /* facts hold no pointers */
  fact->ended.answer.holds = NULL;
  hf_core_tell(core, fact);
  if (!cell->contradiction)
    follow_up(core, input, id);
  else
    hf_core_task(core, case_id, HF_TASK_CONTRADICTION, id, nobody, HF_DRAFT_CAUSE_UNSET); /* O12 */
}

void hf_core_decide_answer(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_order_entry *order = hf_core_order(core, input->order_id);
  if (order == NULL) return;
  struct hf_case_id case_id = hf_case_at(core, order->case_index)->id;
  if (input->answer->has_receipt && hf_order_cell(order->action, order->state, HF_ORDER_EVENT_RECEIPT)->move != HF_ORDER_UNSET)
    hf_core_tell_step(core, input, order, HF_FACT_ORDER_RECEIVED);
  if (input->answer->has_feedback) decide_feedback(core, input, order);
  hf_core_rest_if_done(core, case_id);
}

bool hf_core_find_order(const struct hf_core *core, struct hf_order_id id, struct hf_order *order)
{
  const struct hf_order_entry *entry = hf_core_order(core, id);
  if (entry == NULL) return false;
  *order = (struct hf_order){0};
  hf_core_describe(core, entry, order);
  return true;
}

uint32_t hf_core_visit_open_from(const struct hf_core *core, uint32_t from, uint32_t most,
                                 bool (*wants)(void *owner, struct hf_order_id id),
                                 void (*visit)(void *owner, const struct hf_order *order), void *owner)
{
  uint32_t at = from + 1;
  for (; at <= core->orders.fresh && at - from <= most; at++) {
    const struct hf_order_entry *entry = hf_order_at(core, at);
    /* A released slot keeps its old bytes, so ask the map who lives here. */
    if (hf_order_state_is_final(entry->state) || entry->state == HF_ORDER_DRAFT ||
        hf_map_get(&core->order_of, entry->id.uuid) != at || (wants != NULL && !wants(owner, entry->id)))
      continue;
    struct hf_order order = {0};
    hf_core_describe(core, entry, &order);
    visit(owner, &order);
  }
  return at > core->orders.fresh ? 0 : at - 1;
}

void hf_core_visit_open(const struct hf_core *core, void (*visit)(void *owner, const struct hf_order *order), void *owner)
{
  (void)hf_core_visit_open_from(core, 0, UINT32_MAX, NULL, visit, owner);
}
