/*
 * Decide: looks at the state and an input, answers with facts. Changes nothing itself: tell() hands each fact to evolve.
 */
#include <string.h>

#include "engine/core/evolve.h"

/* Adds a fact to the step and lets the state follow. Returns it, to be filled in before `commit`. */
static struct hf_fact *begin(struct hf_core *core, enum hf_fact_kind kind, struct hf_case_id case_id)
{
  HF_ASSERT(core->facts_count < HF_STEP_FACTS_MAX);
  struct hf_fact *fact = &core->facts[core->facts_count];
  memset(fact, 0, sizeof *fact);
  fact->kind = kind;
  fact->shard = core->config.shard;
  fact->seq = core->seq + 1;
  fact->case_id = case_id;
  fact->decided = core->now;
  fact->policy_version = core->registry->policy.version;
  return fact;
}

static void tell(struct hf_core *core, const struct hf_fact *fact)
{
  HF_ASSERT(fact == &core->facts[core->facts_count]);
  HF_ASSERT(fact->seq == core->seq + 1);
  core->seq++;
  core->facts_count++;
  hf_core_evolve(core, fact);
}

static void quarantine(struct hf_core *core, const struct hf_input *input, enum hf_reason reason, uint32_t transfer)
{
  struct hf_case_id none = {0};
  struct hf_fact *fact = begin(core, HF_FACT_QUARANTINED, input->report != NULL ? input->report->case_id : none);
  fact->quarantined.offset = input->offset;
  fact->quarantined.reason = reason;
  fact->quarantined.transfer = transfer;
  memcpy(fact->quarantined.key_id, input->key_id, sizeof fact->quarantined.key_id);
  if (input->report != NULL) fact->quarantined.report_id = input->report->id;
  tell(core, fact);
}

static bool is_root(const struct hf_core *core, const char *key_id)
{
  for (uint32_t i = 0; i < core->config.root_keys_count; i++)
    if (strcmp(core->config.root_keys[i], key_id) == 0) return true;
  return false;
}

/* --- reports --- */

static enum hf_reason check_report_authority(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_key *key = hf_registry_key(core->registry, input->key_id);
  enum hf_reason reason = hf_key_refusal(key, input->appended_wall_ns);
  if (reason != HF_REASON_NONE) return reason;
  /* Design.md section 10: a stop takes one officer; machine sources need a standing policy, which none has signed yet. */
  if (key->role != HF_ROLE_OFFICER && key->role != HF_ROLE_LEADER) return HF_REASON_ROLE_NOT_ALLOWED;
  return HF_REASON_NONE;
}

static enum hf_reason check_report_case(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_report *report = input->report;
  const struct hf_case_entry *entry = hf_core_case(core, report->case_id);
  if (!input->key_is_record_key) return HF_REASON_CASE_MISMATCH;
  for (uint32_t i = 0; entry != NULL && i < entry->reports_count; i++)
    if (hf_uuid_equal(entry->reports[i].uuid, report->id.uuid)) return HF_REASON_DUPLICATE_REPORT;
  if (report->made_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
  if (hf_uuid_wall_ns(report->case_id.uuid) > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
  if (report->transfers_count == 0) return HF_REASON_NO_TARGET;
  if (entry != NULL &&
      (entry->reports_count == HF_CASE_REPORTS_MAX || entry->orders_count + report->transfers_count * 2 > HF_CASE_ORDERS_MAX))
    return HF_REASON_CASE_FULL;
  return HF_REASON_NONE;
}

static bool same_account(const struct hf_party *a, const struct hf_party *b)
{
  return strcmp(a->institution, b->institution) == 0 && hf_account_number_equal(&a->account, &b->account);
}

/* One transfer, with what the case and the transfers before it already put on the same account. */
static enum hf_reason check_transfer(const struct hf_core *core, const struct hf_input *input, uint32_t at)
{
  const struct hf_report *report = input->report;
  const struct hf_transfer *transfer = &report->transfers[at];
  const struct hf_institution *institution = hf_registry_institution(core->registry, transfer->payee.institution);
  if (institution == NULL || !institution->enabled) return HF_REASON_UNKNOWN_INSTITUTION;
  if (transfer->payee.account.size == 0) return HF_REASON_BAD_ACCOUNT_NUMBER;
  if (transfer->currency == HF_CURRENCY_UNKNOWN) return HF_REASON_UNKNOWN_CURRENCY;
  if (transfer->amount <= 0) return HF_REASON_AMOUNT_NOT_POSITIVE;
  if (transfer->amount > HF_AMOUNT_MAX) return HF_REASON_AMOUNT_TOO_LARGE;
  if (transfer->at_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;

  const struct hf_case_entry *entry = hf_core_case(core, report->case_id);
  const struct hf_account_entry *known = entry == NULL ? NULL : hf_core_account(core, entry, &transfer->payee);
  int64_t sum = transfer->amount + (known == NULL ? 0 : known->amount);
  if (known != NULL && known->currency != transfer->currency) return HF_REASON_CURRENCY_MIXED;
  for (uint32_t i = 0; i < at; i++) {
    if (!same_account(&report->transfers[i].payee, &transfer->payee)) continue;
    if (report->transfers[i].currency != transfer->currency) return HF_REASON_CURRENCY_MIXED;
    sum += report->transfers[i].amount;
  }
  return sum > HF_AMOUNT_MAX ? HF_REASON_AMOUNT_TOO_LARGE : HF_REASON_NONE;
}

/* The order as its institution is told it; also how restored orders are sent again. */
static void describe_order(const struct hf_case_entry *entry, const struct hf_account_entry *account, struct hf_order *order)
{
  order->case_id = entry->id;
  memcpy(order->case_number, entry->case_number, sizeof order->case_number);
  memcpy(order->institution, account->institution, sizeof order->institution);
  order->account = account->number;
  order->name = account->name;
  order->amount = account->amount;
  order->currency = account->currency;
  order->transfer_wall_ns = account->transfer_wall_ns;
  order->report_id = entry->reports[entry->reports_count - 1];
  memcpy(order->key_id, entry->key_id, sizeof order->key_id);
  memcpy(order->form_reference, entry->form_reference, sizeof order->form_reference);
}

static void order_account(struct hf_core *core, const struct hf_input *input, const struct hf_account_entry *account,
                          enum hf_action action)
{
  const struct hf_case_entry *entry = hf_core_case(core, input->report->case_id);
  const struct hf_institution *institution = hf_registry_institution(core->registry, account->institution);
  HF_ASSERT(entry != NULL && institution != NULL);
  struct hf_fact *fact = begin(core, HF_FACT_ORDER_READY, entry->id);
  struct hf_order *order = &fact->order;
  describe_order(entry, account, order);
  order->action = action;
  order->ordinal = action == HF_ACTION_STOP ? account->stops : account->queries;
  order->issued_wall_ns = input->appended_wall_ns;
  uint32_t sla_ms = institution->sla_feedback_ms != 0 ? institution->sla_feedback_ms : core->registry->policy.feedback_ms;
  order->deadline_wall_ns = order->issued_wall_ns + sla_ms * HF_NS_PER_MS;
  order->id = hf_order_id_make(&(struct hf_order_identity){.case_id = entry->id,
                                                           .institution = account->institution,
                                                           .account = account->number.bytes,
                                                           .account_size = account->number.size,
                                                           .action = (uint8_t)action,
                                                           .ordinal = order->ordinal,
                                                           .shard = (uint16_t)core->config.shard});
  tell(core, fact);
}

/* All stops, then all queries: the stop's answer never names the next account, and a query never delays a stop. */
static void order_new_accounts(struct hf_core *core, const struct hf_input *input, enum hf_action action)
{
  const struct hf_case_entry *entry = hf_core_case(core, input->report->case_id);
  for (uint32_t at = entry->accounts_first; at != 0;) {
    const struct hf_account_entry *account = hf_pool_at(&core->accounts, at);
    uint32_t orders = action == HF_ACTION_STOP ? account->stops : account->queries;
    if (orders == 0) order_account(core, input, account, action); /* O1: one of each per account */
    at = account->next;
  }
}

static void decide_report(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_report *report = input->report;
  enum hf_reason reason = check_report_authority(core, input);
  uint32_t meant = 0;
  if (reason == HF_REASON_NONE) reason = check_report_case(core, input);
  for (uint32_t i = 0; reason == HF_REASON_NONE && i < report->transfers_count; i++) {
    reason = check_transfer(core, input, i);
    meant = reason == HF_REASON_NONE ? 0 : i + 1;
  }
  if (reason != HF_REASON_NONE) {
    quarantine(core, input, reason, meant);
    return;
  }
  struct hf_fact *fact = begin(core, HF_FACT_REPORT_ACCEPTED, report->case_id);
  fact->report.id = report->id;
  fact->report.offset = input->offset;
  fact->report.made_wall_ns = report->made_wall_ns;
  fact->report.appended_wall_ns = input->appended_wall_ns;
  fact->report.consumed_wall_ns = input->consumed_wall_ns;
  fact->report.victim = report->victim;
  memcpy(fact->report.key_id, input->key_id, sizeof fact->report.key_id);
  memcpy(fact->report.case_number, report->case_number, sizeof fact->report.case_number);
  memcpy(fact->report.form_reference, report->form_reference, sizeof fact->report.form_reference);
  tell(core, fact);
  for (uint32_t i = 0; i < report->transfers_count; i++) {
    fact = begin(core, HF_FACT_TRANSFER_CLAIMED, report->case_id);
    fact->transfer.report_id = report->id;
    fact->transfer.transfer = report->transfers[i];
    tell(core, fact);
  }
  order_new_accounts(core, input, HF_ACTION_STOP);
  if (!core->config.stops_only) order_new_accounts(core, input, HF_ACTION_QUERY);
}

/* --- the registry --- */

static enum hf_reason check_registry(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_registry_change *change = input->registry;
  uint32_t institutions = core->registry->institutions_count, keys = core->registry->keys_count;
  if (!is_root(core, input->key_id)) return HF_REASON_ROLE_NOT_ALLOWED;
  if (change->made_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
  for (uint32_t i = 0; i < change->institutions_count; i++) {
    if (!hf_institution_is_sound(&change->institutions[i])) return HF_REASON_BAD_ROW;
    if (hf_registry_institution(core->registry, change->institutions[i].code) == NULL) institutions++;
  }
  for (uint32_t i = 0; i < change->keys_count; i++) {
    if (!hf_key_is_sound(&change->keys[i])) return HF_REASON_BAD_ROW;
    if (hf_registry_key(core->registry, change->keys[i].id) == NULL) keys++;
  }
  if (institutions > HF_INSTITUTIONS_MAX || keys > HF_KEYS_MAX) return HF_REASON_TOO_MANY_ROWS;
  if (change->has_policy && change->policy.version != core->registry->policy.version + 1) return HF_REASON_POLICY_VERSION;
  if (change->has_policy && (change->policy.feedback_ms < 100 || change->policy.feedback_ms > 86400000))
    return HF_REASON_BAD_ROW;
  return HF_REASON_NONE;
}

static void decide_registry(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_registry_change *change = input->registry;
  struct hf_case_id none = {0};
  enum hf_reason reason = check_registry(core, input);
  if (reason != HF_REASON_NONE) {
    quarantine(core, input, reason, 0);
    return;
  }
  for (uint32_t i = 0; i < change->institutions_count; i++) {
    struct hf_fact *fact = begin(core, HF_FACT_INSTITUTION_SET, none);
    fact->institution = change->institutions[i];
    tell(core, fact);
  }
  for (uint32_t i = 0; i < change->keys_count; i++) {
    struct hf_fact *fact = begin(core, HF_FACT_KEY_SET, none);
    fact->key = change->keys[i];
    tell(core, fact);
  }
  if (change->has_policy) {
    struct hf_fact *fact = begin(core, HF_FACT_POLICY_SET, none);
    fact->policy = change->policy;
    tell(core, fact);
  }
}

/* --- what comes back from institutions --- */

static void tell_step(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order,
                      enum hf_fact_kind kind)
{
  const struct hf_case_entry *entry = hf_pool_at(&core->cases, order->case_index);
  struct hf_fact *fact = begin(core, kind, entry->id);
  fact->step.order_id = order->id;
  fact->step.action = order->action;
  fact->step.attempt = input->attempt;
  fact->step.at = input->at;
  fact->step.outcome = input->outcome;
  fact->step.left = input->left;
  fact->step.deadline_wall_ns = order->deadline_wall_ns;
  if (input->answer != NULL) memcpy(fact->step.reference, input->answer->reference, sizeof fact->step.reference);
  tell(core, fact);
}

/* H1: 48 h from the moment that the institution stopped; an interval where it does not say, or says what cannot be. */
static void place_hold(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  const struct hf_answer *answer = input->answer;
  const struct hf_case_entry *entry = hf_pool_at(&core->cases, order->case_index);
  int64_t sent = order->first_sent_wall_ns != 0 ? order->first_sent_wall_ns : order->issued_wall_ns;
  bool said = answer->executed_wall_ns >= sent - HF_FUTURE_TOLERANCE_NS &&
              answer->executed_wall_ns <= input->at.wall_ns + HF_FUTURE_TOLERANCE_NS;
  struct hf_fact *fact = begin(core, HF_FACT_HOLD_PLACED, entry->id);
  fact->hold.order_id = order->id;
  fact->hold.starts_earliest_wall_ns = said ? answer->executed_wall_ns : sent;
  fact->hold.starts_latest_wall_ns = said ? answer->executed_wall_ns : input->at.wall_ns;
  fact->hold.expires_earliest_wall_ns = fact->hold.starts_earliest_wall_ns + HF_STOP_TERM_NS;
  fact->hold.expires_latest_wall_ns = fact->hold.starts_latest_wall_ns + HF_STOP_TERM_NS;
  fact->hold.held = answer->held;
  tell(core, fact);
}

/* A case without open orders leaves memory; it returns when a hold ends or something is heard of it. */
static void rest_if_done(struct hf_core *core, struct hf_case_id case_id)
{
  const struct hf_case_entry *entry = hf_core_case(core, case_id);
  if (entry == NULL || entry->orders_open > 0) return;
  int64_t wakes = 0;
  for (uint32_t at = entry->orders_first; at != 0;) {
    const struct hf_order_entry *order = hf_pool_at(&core->orders, at);
    if (order->holding && (wakes == 0 || order->hold_expires_wall_ns < wakes)) wakes = order->hold_expires_wall_ns;
    at = order->next;
  }
  struct hf_fact *fact = begin(core, HF_FACT_CASE_RESTED, case_id);
  fact->wakes_wall_ns = wakes;
  tell(core, fact);
}

static void decide_feedback(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order)
{
  const struct hf_case_entry *entry = hf_pool_at(&core->cases, order->case_index);
  enum hf_order_event event = hf_order_event_of_result(input->answer->result);
  const struct hf_order_cell *cell = hf_order_cell(order->state, event);
  if (cell->move == HF_ORDER_UNSET && !cell->contradiction) return; /* O14: a repeat */
  struct hf_fact *fact = begin(core, cell->contradiction ? HF_FACT_ANSWER_CONTRADICTED : HF_FACT_ORDER_ENDED, entry->id);
  fact->ended.state = cell->contradiction ? order->state : cell->move;
  fact->ended.action = order->action;
  fact->ended.at = input->at;
  fact->ended.answer = *input->answer;
  tell(core, fact);
  if (cell->contradiction) return;
  bool holds = order->state == HF_ORDER_EFFECTIVE || order->state == HF_ORDER_EFFECTIVE_SHORT;
  if (holds && order->action == HF_ACTION_STOP) place_hold(core, input, order);
}

static void decide_answer(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_order_entry *order = hf_core_order(core, input->order_id);
  if (order == NULL) return;
  struct hf_case_id case_id = ((struct hf_case_entry *)hf_pool_at(&core->cases, order->case_index))->id;
  if (input->answer->has_receipt && hf_order_cell(order->state, HF_ORDER_EVENT_RECEIPT)->move != HF_ORDER_UNSET)
    tell_step(core, input, order, HF_FACT_ORDER_RECEIVED);
  if (input->answer->has_feedback) decide_feedback(core, input, order);
  rest_if_done(core, case_id);
}

static void decide_attempt(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_order_entry *order = hf_core_order(core, input->order_id);
  if (order == NULL) return;
  switch (input->kind) {
  case HF_INPUT_LEFT: tell_step(core, input, order, HF_FACT_ORDER_SENT); break;
  case HF_INPUT_ATTEMPT_ENDED: tell_step(core, input, order, HF_FACT_ATTEMPT_ENDED); break;
  default:
    if (hf_order_cell(order->state, HF_ORDER_EVENT_GAVE_UP)->move != HF_ORDER_UNSET)
      tell_step(core, input, order, HF_FACT_ORDER_UNKNOWN);
  }
}

/* --- time --- */

static void decide_tick(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_heap_entry *first;
  while ((first = hf_heap_first(&core->deadlines)) != NULL && first->key.first <= input->now.wall_ns &&
         core->facts_count + 2 <= HF_STEP_FACTS_MAX) {
    const struct hf_order_entry *order = hf_pool_at(&core->orders, first->item);
    struct hf_case_id case_id = ((struct hf_case_entry *)hf_pool_at(&core->cases, order->case_index))->id;
    bool lapses = order->holding && order->hold_expires_wall_ns <= input->now.wall_ns;   /* H4: our own timer */
    tell_step(core, input, order, lapses ? HF_FACT_HOLD_LAPSED : HF_FACT_ORDER_OVERDUE); /* O11 */
    if (lapses) rest_if_done(core, case_id);
  }
}

static void decide_return(struct hf_core *core, const struct hf_input *input)
{
  if (!hf_core_has_case(core, input->case_id)) return;
  tell(core, begin(core, HF_FACT_CASE_RETURNED, input->case_id));
}

uint32_t hf_core_step(struct hf_core *core, const struct hf_input *input, struct hf_fact *facts)
{
  core->facts = facts;
  core->facts_count = 0;
  core->now = input->now;
  switch (input->kind) {
  case HF_INPUT_REPORT:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->report != NULL);
    decide_report(core, input);
    break;
  case HF_INPUT_REGISTRY:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->registry != NULL);
    decide_registry(core, input);
    break;
  case HF_INPUT_UNREADABLE:
    HF_ASSERT(input->verdict != HF_REASON_NONE);
    quarantine(core, input, input->verdict, 0);
    break;
  case HF_INPUT_LEFT:
  case HF_INPUT_ATTEMPT_ENDED:
  case HF_INPUT_GAVE_UP: decide_attempt(core, input); break;
  case HF_INPUT_ANSWER:
    HF_ASSERT(input->answer != NULL);
    decide_answer(core, input);
    break;
  case HF_INPUT_RETURN: decide_return(core, input); break;
  case HF_INPUT_TICK: decide_tick(core, input); break;
  case HF_INPUT_UNSET: HF_NEVER("an input has a kind");
  }
  return core->facts_count;
}

void hf_core_visit_open(const struct hf_core *core, void (*visit)(void *owner, const struct hf_order *order), void *owner)
{
  for (uint32_t at = 1; at <= core->orders.fresh; at++) {
    const struct hf_order_entry *entry = hf_pool_at(&core->orders, at);
    /* A released slot keeps its old bytes, so ask the map who lives here. */
    if (hf_map_get(&core->order_of, entry->id.uuid) != at || hf_order_state_is_final(entry->state)) continue;
    struct hf_order order = {.id = entry->id,
                             .action = entry->action,
                             .ordinal = entry->ordinal,
                             .issued_wall_ns = entry->issued_wall_ns,
                             .deadline_wall_ns = entry->deadline_wall_ns};
    describe_order(hf_pool_at(&core->cases, entry->case_index), hf_pool_at(&core->accounts, entry->account), &order);
    visit(owner, &order);
  }
}
