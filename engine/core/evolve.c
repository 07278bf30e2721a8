#include "engine/core/evolve.h"

#include <string.h>

#include "engine/base/assert.h"

struct hf_case_entry *hf_core_case(const struct hf_core *core, struct hf_case_id id)
{
  uint32_t index = hf_map_get(&core->case_of, id.uuid);
  return index == 0 ? NULL : hf_pool_at(&core->cases, index);
}

struct hf_order_entry *hf_core_order(const struct hf_core *core, struct hf_order_id id)
{
  uint32_t index = hf_map_get(&core->order_of, id.uuid);
  return index == 0 ? NULL : hf_pool_at(&core->orders, index);
}

struct hf_account_entry *hf_core_account(const struct hf_core *core, const struct hf_case_entry *entry,
                                         const struct hf_party *payee)
{
  for (uint32_t at = entry->accounts_first; at != 0;) {
    struct hf_account_entry *account = hf_pool_at(&core->accounts, at);
    if (strcmp(account->institution, payee->institution) == 0 && hf_account_number_equal(&account->number, &payee->account))
      return account;
    at = account->next;
  }
  return NULL;
}

/* An order's next event on the wall clock: late feedback, then the end of its hold. */
static void watch(struct hf_core *core, uint32_t index)
{
  const struct hf_order_entry *order = hf_pool_at(&core->orders, index);
  int64_t next = INT64_MAX;
  if (!hf_order_state_is_final(order->state) && !order->overdue) next = order->deadline_wall_ns;
  if (order->holding && order->hold_expires_wall_ns < next) next = order->hold_expires_wall_ns;
  if (next == INT64_MAX)
    hf_heap_remove(&core->deadlines, index);
  else
    hf_heap_put(&core->deadlines, index, (struct hf_heap_key){.first = next});
}

static void evolve_report(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  if (entry == NULL) {
    uint32_t index = hf_pool_acquire(&core->cases);
    HF_ASSERT(index != 0);
    hf_map_put(&core->case_of, fact->case_id.uuid, index);
    entry = hf_pool_at(&core->cases, index);
    entry->id = fact->case_id;
    memcpy(entry->case_number, fact->report.case_number, sizeof entry->case_number);
  }
  HF_ASSERT(entry->reports_count < HF_CASE_REPORTS_MAX);
  entry->reports[entry->reports_count++] = fact->report.id;
  memcpy(entry->key_id, fact->report.key_id, sizeof entry->key_id);
  memcpy(entry->form_reference, fact->report.form_reference, sizeof entry->form_reference);
}

static void evolve_transfer(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_transfer *transfer = &fact->transfer.transfer;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL);
  struct hf_account_entry *account = hf_core_account(core, entry, &transfer->payee);
  if (account == NULL) {
    uint32_t index = hf_pool_acquire(&core->accounts);
    HF_ASSERT(index != 0);
    account = hf_pool_at(&core->accounts, index);
    memcpy(account->institution, transfer->payee.institution, sizeof account->institution);
    account->number = transfer->payee.account;
    account->name = transfer->payee.name;
    account->currency = transfer->currency;
    account->transfer_wall_ns = transfer->at_wall_ns;
    if (entry->accounts_last == 0)
      entry->accounts_first = index;
    else
      ((struct hf_account_entry *)hf_pool_at(&core->accounts, entry->accounts_last))->next = index;
    entry->accounts_last = index;
  }
  HF_ASSERT(account->amount <= HF_AMOUNT_MAX - transfer->amount);
  account->amount += transfer->amount;
}

static uint32_t account_index(const struct hf_core *core, const struct hf_account_entry *account)
{
  return (uint32_t)(((const uint8_t *)account - core->accounts.memory) / core->accounts.slot_size);
}

static void evolve_order_ready(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_order *order = &fact->order;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL && entry->orders_count < HF_CASE_ORDERS_MAX);
  struct hf_party payee = {.account = order->account};
  memcpy(payee.institution, order->institution, sizeof payee.institution);
  struct hf_account_entry *account = hf_core_account(core, entry, &payee);
  HF_ASSERT(account != NULL);
  uint32_t index = hf_pool_acquire(&core->orders);
  HF_ASSERT(index != 0);
  hf_map_put(&core->order_of, order->id.uuid, index);
  struct hf_order_entry *added = hf_pool_at(&core->orders, index);
  *added = (struct hf_order_entry){.id = order->id,
                                   .account = account_index(core, account),
                                   .case_index = hf_map_get(&core->case_of, fact->case_id.uuid),
                                   .state = HF_ORDER_READY,
                                   .action = order->action,
                                   .ordinal = order->ordinal,
                                   .issued_wall_ns = order->issued_wall_ns,
                                   .deadline_wall_ns = order->deadline_wall_ns};
  if (order->action == HF_ACTION_STOP)
    account->stops++;
  else
    account->queries++;
  if (entry->orders_last == 0)
    entry->orders_first = index;
  else
    ((struct hf_order_entry *)hf_pool_at(&core->orders, entry->orders_last))->next = index;
  entry->orders_last = index;
  entry->orders_count++;
  entry->orders_open++;
  watch(core, index);
}

/* Applies an event to an order and keeps the case's count of open orders and the watch right. */
static void move_order(struct hf_core *core, struct hf_order_entry *order, enum hf_order_event event)
{
  struct hf_case_entry *entry = hf_pool_at(&core->cases, order->case_index);
  bool was_final = hf_order_state_is_final(order->state);
  hf_order_apply(order, event);
  if (!was_final && hf_order_state_is_final(order->state)) {
    HF_ASSERT(entry->orders_open > 0);
    entry->orders_open--;
  }
  watch(core, hf_map_get(&core->order_of, order->id.uuid));
}

static void evolve_order_step(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_order_entry *order = hf_core_order(core, fact->step.order_id);
  HF_ASSERT(order != NULL);
  switch (fact->kind) {
  case HF_FACT_ORDER_SENT:
    if (order->first_sent_wall_ns == 0) order->first_sent_wall_ns = fact->step.at.wall_ns;
    if (fact->step.attempt > order->attempts) order->attempts = fact->step.attempt;
    move_order(core, order, HF_ORDER_EVENT_LEFT);
    break;
  case HF_FACT_ATTEMPT_ENDED:
    if (fact->step.attempt > order->attempts) order->attempts = fact->step.attempt;
    break;
  case HF_FACT_ORDER_RECEIVED: move_order(core, order, HF_ORDER_EVENT_RECEIPT); break;
  case HF_FACT_ORDER_UNKNOWN: move_order(core, order, HF_ORDER_EVENT_GAVE_UP); break;
  case HF_FACT_ORDER_OVERDUE:
    order->overdue = true;
    watch(core, hf_map_get(&core->order_of, order->id.uuid));
    break;
  default:
    HF_ASSERT(fact->kind == HF_FACT_HOLD_LAPSED);
    HF_ASSERT(order->holding);
    order->holding = false;
    ((struct hf_case_entry *)hf_pool_at(&core->cases, order->case_index))->holds_count--;
    watch(core, hf_map_get(&core->order_of, order->id.uuid));
  }
}

static void evolve_hold_placed(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_order_entry *order = hf_core_order(core, fact->hold.order_id);
  HF_ASSERT(order != NULL && !order->holding);
  order->holding = true;
  order->hold_expires_wall_ns = fact->hold.expires_latest_wall_ns;
  ((struct hf_case_entry *)hf_pool_at(&core->cases, order->case_index))->holds_count++;
  watch(core, hf_map_get(&core->order_of, order->id.uuid));
}

/* The case leaves memory; its facts stay. */
static void evolve_case_rested(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL && entry->orders_open == 0);
  for (uint32_t at = entry->orders_first; at != 0;) {
    struct hf_order_entry *order = hf_pool_at(&core->orders, at);
    uint32_t next = order->next;
    hf_heap_remove(&core->deadlines, at);
    hf_map_remove(&core->order_of, order->id.uuid);
    hf_pool_release(&core->orders, at);
    at = next;
  }
  for (uint32_t at = entry->accounts_first; at != 0;) {
    uint32_t next = ((struct hf_account_entry *)hf_pool_at(&core->accounts, at))->next;
    hf_pool_release(&core->accounts, at);
    at = next;
  }
  hf_pool_release(&core->cases, hf_map_remove(&core->case_of, fact->case_id.uuid));
}

void hf_core_evolve(struct hf_core *core, const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_REPORT_ACCEPTED: evolve_report(core, fact); break;
  case HF_FACT_TRANSFER_CLAIMED: evolve_transfer(core, fact); break;
  case HF_FACT_ORDER_READY: evolve_order_ready(core, fact); break;
  case HF_FACT_ORDER_SENT:
  case HF_FACT_ATTEMPT_ENDED:
  case HF_FACT_ORDER_RECEIVED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_HOLD_LAPSED: evolve_order_step(core, fact); break;
  case HF_FACT_ORDER_ENDED:
    move_order(core, hf_core_order(core, fact->ended.answer.order_id), hf_order_event_of_result(fact->ended.answer.result));
    break;
  case HF_FACT_HOLD_PLACED: evolve_hold_placed(core, fact); break;
  case HF_FACT_CASE_RESTED: evolve_case_rested(core, fact); break;
  case HF_FACT_INSTITUTION_SET: hf_registry_set_institution(core->registry, &fact->institution); break;
  case HF_FACT_KEY_SET: hf_registry_set_key(core->registry, &fact->key); break;
  case HF_FACT_POLICY_SET: core->registry->policy = fact->policy; break;
  case HF_FACT_ANSWER_CONTRADICTED: /* evidence */
  case HF_FACT_CASE_RETURNED:       /* the case is already there: its facts were restored */
  case HF_FACT_QUARANTINED: break;
  case HF_FACT_UNSET:
  case HF_FACT_COUNT: HF_NEVER("a fact has a kind");
  }
}
