/*
 * Reports: what was said of a fraud becomes a case, claims on accounts, and a stop and a query for each account.
 */
#include "engine/core/decide.h"

static enum hf_reason check_case(const struct hf_input *input, const struct hf_case_entry *entry)
{
  const struct hf_report *report = input->report;
  int64_t latest = input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS;
  if (report->made_wall_ns > latest || hf_uuid_wall_ns(report->case_id.uuid) > latest) return HF_REASON_TIME_IN_FUTURE;
  if (report->transfers_count == 0) return HF_REASON_NO_TARGET;
  if (report->chase.hops > HF_CHASE_HOPS_MAX || report->chase.fan_out > HF_CHASE_FANOUT_MAX || report->chase.least_amount < 0 ||
      report->chase.method >= HF_CHASE_METHOD_COUNT || (report->chase.hops > 0 && report->chase.fan_out == 0))
    return HF_REASON_BAD_BOUNDS;
  if (entry == NULL) return HF_REASON_NONE;
  uint32_t added = report->transfers_count;
  bool full = entry->submissions_count >= HF_CASE_SUBMISSIONS_MAX || entry->orders_count + added * 2 > HF_CASE_ORDERS_MAX ||
              entry->accounts_count + added > HF_CASE_ACCOUNTS_MAX || entry->roots_count + added > HF_CASE_ROOTS_MAX;
  return full ? HF_REASON_CASE_FULL : HF_REASON_NONE;
}

static bool same_account(const struct hf_party *a, const struct hf_party *b)
{
  return strcmp(a->institution, b->institution) == 0 && hf_account_number_equal(&a->account, &b->account);
}

/* One transfer, with what the case and the transfers before it already put on the same account. */
static enum hf_reason check_transfer(const struct hf_core *core, const struct hf_input *input,
                                     const struct hf_case_entry *entry, uint32_t at)
{
  const struct hf_report *report = input->report;
  const struct hf_transfer *transfer = &report->transfers[at];
  if (!hf_core_takes(core, transfer->payee.institution, HF_ACTION_STOP)) return HF_REASON_UNKNOWN_INSTITUTION;
  if (transfer->payee.account.size == 0) return HF_REASON_BAD_ACCOUNT_NUMBER;
  if (transfer->currency == HF_CURRENCY_UNKNOWN) return HF_REASON_UNKNOWN_CURRENCY;
  if (transfer->amount <= 0) return HF_REASON_AMOUNT_NOT_POSITIVE;
  if (transfer->amount > HF_AMOUNT_MAX) return HF_REASON_AMOUNT_TOO_LARGE;
  if (transfer->at_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
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

/* A machine acts under the standing policy's caps (design.md section 10). */
static enum hf_reason check_machine(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_policy *policy = &core->registry->policy;
  const struct hf_report *report = input->report;
  if (hf_registry_key(core->registry, input->key_id)->role != HF_ROLE_MACHINE) return HF_REASON_NONE;
  if (report->transfers_count > policy->machine_targets || report->chase.hops > 0) return HF_REASON_MACHINE_CAP;
  for (uint32_t i = 0; i < report->transfers_count; i++)
    if (report->transfers[i].amount > policy->machine_amount) return HF_REASON_MACHINE_CAP;
  int64_t hour = input->appended_wall_ns / (3600 * HF_NS_PER_S);
  uint32_t before = hf_registry_machine_reports(core->registry, input->key_id, hour);
  return before >= policy->machine_per_hour ? HF_REASON_MACHINE_CAP : HF_REASON_NONE;
}

static void count_machine(struct hf_core *core, const struct hf_input *input)
{
  if (hf_registry_key(core->registry, input->key_id)->role != HF_ROLE_MACHINE) return;
  struct hf_case_id none = {0};
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_MACHINE_COUNTED, none);
  fact->machine.hour = input->appended_wall_ns / (3600 * HF_NS_PER_S);
  fact->machine.reports = hf_registry_machine_reports(core->registry, input->key_id, fact->machine.hour) + 1;
  memcpy(fact->machine.key_id, input->key_id, sizeof fact->machine.key_id);
  hf_core_tell(core, fact);
}

static void accept(struct hf_core *core, const struct hf_input *input, const struct hf_submission_entry *known)
{
  const struct hf_report *report = input->report;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_REPORT_ACCEPTED, report->case_id);
  struct hf_fact_report *to = &fact->report;
  to->id = report->id;
  to->offset = input->offset;
  to->made_wall_ns = report->made_wall_ns;
  to->appended_wall_ns = input->appended_wall_ns;
  to->consumed_wall_ns = input->consumed_wall_ns;
  to->victim = report->victim;
  to->chase = report->chase;
  memcpy(to->digest, report->digest, sizeof to->digest);
  memcpy(to->case_number, report->case_number, sizeof to->case_number);
  memcpy(to->form_reference, report->form_reference, sizeof to->form_reference);
  hf_core_officers(input, known, to->key_id, to->second_id);
  const struct hf_key *key = hf_registry_key(core->registry, to->key_id);
  memcpy(to->unit, key->unit, sizeof to->unit);
  if (to->second_id[0] == '\0')
    to->countersign_by_wall_ns = input->appended_wall_ns + core->registry->policy.countersign_s * HF_NS_PER_S;
  if (to->form_reference[0] == '\0') /* act first, paper later */
    to->paper_by_wall_ns = input->appended_wall_ns + core->registry->policy.paper_s * HF_NS_PER_S;
  hf_core_tell(core, fact);
  for (uint32_t i = 0; i < report->transfers_count; i++) {
    fact = hf_core_begin(core, HF_FACT_TRANSFER_CLAIMED, report->case_id);
    fact->transfer.report_id = report->id;
    fact->transfer.transfer = report->transfers[i];
    hf_core_tell(core, fact);
  }
}

/* All stops, then all queries: the stop's answer never names the next account, and a query never delays a stop. */
static void order_new_accounts(struct hf_core *core, const struct hf_input *input, enum hf_action action)
{
  const struct hf_case_entry *entry = hf_core_case(core, input->report->case_id);
  struct hf_order_plan plan = {.action = action,
                               .authority = hf_core_submission(core, entry, input->report->id.uuid),
                               .mode = action == HF_ACTION_QUERY ? HF_QUERY_BOTH : 0,
                               .issued_wall_ns = input->appended_wall_ns};
  for (uint32_t at = entry->accounts_first; at != 0;) {
    const struct hf_account_entry *account = hf_account_at(core, at);
    at = account->next;
    if (account->ordinals[action] > 0 || account->hop > 0) continue; /* O1: one of each per account */
    if (action == HF_ACTION_QUERY && !hf_core_speaks(core, account->institution, action))
      continue; /* a task, at its stop's answer */
    plan.draft = action == HF_ACTION_STOP && hf_registry_protects(core->registry, account->institution, &account->number);
    const struct hf_order_entry *order = hf_core_order_account(core, account, &plan);
    if (plan.draft) hf_core_task(core, entry->id, HF_TASK_CONFIRM, order->id, (struct hf_uuid){{0}}, HF_DRAFT_CAUSE_PROTECTED);
  }
}

void hf_core_decide_report(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_report *report = input->report;
  const struct hf_case_entry *entry = hf_core_case(core, report->case_id);
  const struct hf_submission_entry *known = hf_core_submission(core, entry, report->id.uuid);
  struct hf_standing standing = {.reason = hf_core_key_refusal(core, input, entry)};
  uint32_t meant = 0;
  enum hf_reason reason = standing.reason;
  if (reason == HF_REASON_NONE && !input->key_is_record_key) reason = HF_REASON_CASE_MISMATCH;
  if (reason == HF_REASON_NONE) {
    standing = hf_core_known(core, input, known, report->digest);
    reason = standing.reason;
    if (standing.told) {
      hf_core_rest_if_done(core, report->case_id);
      return;
    }
  }
  if (reason == HF_REASON_NONE) reason = check_case(input, entry);
  for (uint32_t i = 0; reason == HF_REASON_NONE && i < report->transfers_count; i++) {
    reason = check_transfer(core, input, entry, i);
    meant = reason == HF_REASON_NONE ? 0 : i + 1;
  }
  if (reason == HF_REASON_NONE) reason = check_machine(core, input);
  if (reason != HF_REASON_NONE) {
    hf_core_quarantine(core, input, reason, meant);
    hf_core_rest_if_done(core, report->case_id); /* it may have come back for this */
    return;
  }
  if (!standing.is_second && report->transfers_count > core->registry->policy.bulk_accounts) {
    struct hf_fact_submission waits = {.id = report->id.uuid};
    memcpy(waits.digest, report->digest, sizeof waits.digest);
    hf_core_wait_for_second(core, input, &waits);
    hf_core_rest_if_done(core, report->case_id);
    return;
  }
  count_machine(core, input);
  accept(core, input, known);
  order_new_accounts(core, input, HF_ACTION_STOP);
  if (!core->config.stops_only) order_new_accounts(core, input, HF_ACTION_QUERY);
  hf_core_rest_if_done(core, report->case_id); /* all of it may be drafts */
}
