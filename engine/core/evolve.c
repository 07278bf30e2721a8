/*
 * Evolve: the state's only writer. Each function follows one kind of fact; none decides anything.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/core/state.h"

struct hf_case_entry *hf_core_case(const struct hf_core *core, struct hf_case_id id)
{
  uint32_t index = hf_map_get(&core->case_of, id.uuid);
  return index == 0 ? NULL : hf_case_at(core, index);
}

struct hf_order_entry *hf_core_order(const struct hf_core *core, struct hf_order_id id)
{
  uint32_t index = hf_map_get(&core->order_of, id.uuid);
  return index == 0 ? NULL : hf_order_at(core, index);
}

struct hf_account_entry *hf_core_account(const struct hf_core *core, const struct hf_case_entry *entry,
                                         const struct hf_party *payee)
{
  for (uint32_t at = entry->accounts_first; at != 0;) {
    struct hf_account_entry *account = hf_account_at(core, at);
    if (strcmp(account->institution, payee->institution) == 0 && hf_account_number_equal(&account->number, &payee->account))
      return account;
    at = account->next;
  }
  return NULL;
}

struct hf_submission_entry *hf_core_submission(const struct hf_core *core, const struct hf_case_entry *entry, struct hf_uuid id)
{
  for (uint32_t at = entry == NULL ? 0 : entry->submissions_first; at != 0;) {
    struct hf_submission_entry *submission = hf_submission_at(core, at);
    if (hf_uuid_equal(submission->id, id)) return submission;
    at = submission->next;
  }
  return NULL;
}

uint32_t hf_core_account_index(const struct hf_core *core, const struct hf_account_entry *account)
{
  return hf_pool_index(&core->accounts, account);
}

/* A zeroed slot at the end of a list whose first and last are the owner's; its first field is `next`. */
static uint32_t append(struct hf_pool *pool, uint32_t *first, uint32_t *last)
{
  uint32_t index = hf_pool_acquire(pool);
  HF_ASSERT(index != 0);
  if (*last == 0)
    *first = index;
  else
    memcpy(hf_pool_at(pool, *last), &index, sizeof index);
  *last = index;
  return index;
}

/* --- what comes next on the wall clock --- */

static void watch(struct hf_heap *heap, uint32_t item, int64_t next)
{
  if (next == INT64_MAX)
    hf_heap_remove(heap, item);
  else
    hf_heap_put(heap, item, (struct hf_heap_key){.first = next});
}

int64_t hf_core_warning_of(const struct hf_order_entry *order)
{
  return order->issued_wall_ns + (order->deadline_wall_ns - order->issued_wall_ns) / 5 * 4;
}

bool hf_core_awaits_receipt(const struct hf_order_entry *order)
{
  bool out = order->state == HF_ORDER_SENT || order->state == HF_ORDER_UNKNOWN;
  return out && order->left && order->receipt_by_wall_ns != 0;
}

static void watch_order(struct hf_core *core, const struct hf_order_entry *order)
{
  int64_t next = INT64_MAX;
  bool waits = !hf_order_state_is_final(order->state) && order->state != HF_ORDER_DRAFT && order->state != HF_ORDER_WATCHING;
  if (waits && !order->overdue) next = order->warned ? order->deadline_wall_ns : hf_core_warning_of(order);
  if (hf_core_awaits_receipt(order) && order->receipt_by_wall_ns < next) next = order->receipt_by_wall_ns;
  if (order->state == HF_ORDER_WATCHING) next = order->until_wall_ns;
  watch(&core->order_deadlines, hf_pool_index(&core->orders, order), next);
}

static void watch_hold(struct hf_core *core, uint32_t account, enum hf_hold_kind kind)
{
  watch(&core->hold_deadlines, hf_hold_item(account, kind), hf_hold_next(kind, &hf_account_at(core, account)->holds[kind]));
}

static void watch_submission(struct hf_core *core, const struct hf_submission_entry *submission)
{
  int64_t next = submission->due_wall_ns < submission->paper_wall_ns ? submission->due_wall_ns : submission->paper_wall_ns;
  watch(&core->submission_deadlines, hf_pool_index(&core->submissions, submission), next);
}

/* --- submissions --- */

struct hf_key_bytes hf_core_key_bytes(const char *id)
{
  struct hf_key_bytes key = {{0}};
  for (unsigned i = 0; i < HF_KEY_ID_SIZE && id[i] != '\0'; i++) {
    unsigned digit = id[i] <= '9' ? (unsigned)(id[i] - '0') : (unsigned)((id[i] | 32) - 'a' + 10);
    key.bytes[i / 2] = (uint8_t)(key.bytes[i / 2] << 4 | (digit & 15));
  }
  return key;
}

static void key_bytes(const char *id, uint8_t bytes[16])
{
  memcpy(bytes, hf_core_key_bytes(id).bytes, 16);
}

static struct hf_submission_entry *note_submission(struct hf_core *core, struct hf_case_entry *entry, struct hf_uuid id,
                                                   const uint8_t digest[HF_DIGEST_SIZE])
{
  struct hf_submission_entry *submission = hf_core_submission(core, entry, id);
  if (submission != NULL) return submission; /* it waited for its second officer */
  HF_ASSERT(entry->submissions_count < HF_CASE_SUBMISSIONS_MAX);
  submission = hf_submission_at(core, append(&core->submissions, &entry->submissions_first, &entry->submissions_last));
  submission->id = id;
  submission->case_index = hf_pool_index(&core->cases, entry);
  submission->due_wall_ns = submission->paper_wall_ns = INT64_MAX;
  memcpy(submission->digest, digest, sizeof submission->digest);
  entry->submissions_count++;
  return submission;
}

static void finish_submission(struct hf_core *core, struct hf_submission_entry *submission, const char *key_id,
                              const char *second_id, int64_t issued_wall_ns, int64_t due_wall_ns, int64_t paper_wall_ns)
{
  submission->state = HF_SUBMISSION_DONE;
  key_bytes(key_id, submission->key);
  key_bytes(second_id, submission->second);
  submission->issued_wall_ns = issued_wall_ns;
  submission->due_wall_ns = due_wall_ns == 0 ? INT64_MAX : due_wall_ns;
  submission->paper_wall_ns = paper_wall_ns == 0 ? INT64_MAX : paper_wall_ns;
  watch_submission(core, submission);
}

static struct hf_case_entry *open_case(struct hf_core *core, struct hf_case_id id)
{
  struct hf_case_entry *entry = hf_core_case(core, id);
  if (entry != NULL) return entry;
  uint32_t index = hf_pool_acquire(&core->cases);
  HF_ASSERT(index != 0);
  hf_map_put(&core->case_of, id.uuid, index);
  entry = hf_case_at(core, index);
  entry->id = id;
  return entry;
}

static void evolve_report(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_fact_report *report = &fact->report;
  struct hf_case_entry *entry = open_case(core, fact->case_id);
  const struct hf_submission_entry *known = hf_core_submission(core, entry, report->id.uuid);
  entry->retold = known != NULL && known->state == HF_SUBMISSION_DONE;
  if (!entry->reported) {
    entry->reported = true;
    memcpy(entry->unit, report->unit, sizeof entry->unit);
    memcpy(entry->case_number, report->case_number, sizeof entry->case_number);
    memcpy(entry->form_reference, report->form_reference, sizeof entry->form_reference);
  }
  if (report->chase.hops > 0) entry->chase = report->chase; /* the newest clause rules */
  struct hf_submission_entry *submission = note_submission(core, entry, report->id.uuid, report->digest);
  memcpy(submission->form_reference, report->form_reference, sizeof submission->form_reference);
  finish_submission(core, submission, report->key_id, report->second_id, report->appended_wall_ns,
                    report->countersign_by_wall_ns, report->paper_by_wall_ns);
}

static void evolve_command(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_fact_command *command = &fact->command;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL);
  struct hf_submission_entry *submission = note_submission(core, entry, command->id.uuid, command->digest);
  submission->command = 1;
  submission->kind = (uint32_t)command->kind & 255;
  submission->reviewable = command->break_glass;
  bool has_details = command->document.number[0] != '\0' || command->party.institution[0] != '\0' ||
                     command->party.account.size > 0 || command->party.name.size > 0 || command->text[0] != '\0';
  if (has_details) {
    submission->details = hf_pool_acquire(&core->details);
    HF_ASSERT(submission->details != 0);
    struct hf_details_entry *details = hf_pool_at(&core->details, submission->details);
    details->document = command->document;
    details->party = command->party;
    memcpy(details->text, command->text, sizeof details->text);
  }
  finish_submission(core, submission, command->key_id, command->second_id, command->appended_wall_ns, 0,
                    command->paper_by_wall_ns);
}

static void evolve_submission(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_fact_submission *from = &fact->submission;
  struct hf_case_entry *entry =
      fact->kind == HF_FACT_SUBMISSION_WAITS ? open_case(core, fact->case_id) : hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL);
  struct hf_submission_entry *submission = note_submission(core, entry, from->id, from->digest);
  switch (fact->kind) {
  case HF_FACT_SUBMISSION_WAITS:
    submission->state = HF_SUBMISSION_WAITS;
    submission->command = from->command;
    submission->kind = (uint32_t)from->kind & 255;
    submission->first_order = from->first_order;
    submission->due_wall_ns = from->due_wall_ns;
    key_bytes(from->key_id, submission->key);
    break;
  case HF_FACT_SUBMISSION_ENDED:
    submission->state = HF_SUBMISSION_ENDED;
    submission->due_wall_ns = INT64_MAX;
    break;
  case HF_FACT_COUNTERSIGNED:
    key_bytes(from->key_id, submission->second);
    submission->countersigned = 1;
    submission->due_wall_ns = INT64_MAX;
    submission->reviewable = 0;
    break;
  case HF_FACT_PAPER_MISSED:
  case HF_FACT_PAPER_RECEIVED: submission->paper_wall_ns = INT64_MAX; break;
  case HF_FACT_REVIEWED: submission->reviewable = 0; break;
  default: /* countersign_missed: a leader is told; the stop goes on */
    submission->due_wall_ns = INT64_MAX;
    submission->reviewable = 1;
  }
  watch_submission(core, submission);
}

/* --- accounts and money --- */

static struct hf_account_entry *add_account(struct hf_core *core, struct hf_case_entry *entry, const struct hf_party *party)
{
  HF_ASSERT(entry->accounts_count < HF_CASE_ACCOUNTS_MAX);
  struct hf_account_entry *account =
      hf_account_at(core, append(&core->accounts, &entry->accounts_first, &entry->accounts_last));
  account->case_index = hf_pool_index(&core->cases, entry);
  memcpy(account->institution, party->institution, sizeof account->institution);
  account->number = party->account;
  account->name = party->name;
  entry->accounts_count++;
  return account;
}

/* In the order of their times, so that the chase reads them as they came. */
static void add_claim(struct hf_core *core, struct hf_account_entry *account, const struct hf_claim_entry *claim)
{
  uint32_t index = hf_pool_acquire(&core->claims), before = 0, at = account->claims_first;
  HF_ASSERT(index != 0);
  while (at != 0 && ((struct hf_claim_entry *)hf_pool_at(&core->claims, at))->at_wall_ns <= claim->at_wall_ns) {
    before = at;
    at = ((struct hf_claim_entry *)hf_pool_at(&core->claims, at))->next;
  }
  struct hf_claim_entry *added = hf_pool_at(&core->claims, index);
  *added = *claim;
  added->next = at;
  if (before == 0)
    account->claims_first = index;
  else
    ((struct hf_claim_entry *)hf_pool_at(&core->claims, before))->next = index;
  if (at == 0) account->claims_last = index;
  account->claims_count++;
  account->amount += claim->amount;
}

static void evolve_transfer(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_transfer *transfer = &fact->transfer.transfer;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL && entry->roots_count < HF_CASE_ROOTS_MAX);
  if (entry->retold) return; /* its report is known, and so are its transfers */
  struct hf_account_entry *account = hf_core_account(core, entry, &transfer->payee);
  if (account == NULL) {
    account = add_account(core, entry, &transfer->payee);
    account->currency = transfer->currency;
    account->transfer_wall_ns = transfer->at_wall_ns;
  }
  entry->roots_count++;
  entry->loss += transfer->amount;
  if (entry->first_wall_ns == 0 || transfer->at_wall_ns < entry->first_wall_ns) entry->first_wall_ns = transfer->at_wall_ns;
  add_claim(core, account,
            &(struct hf_claim_entry){.root = entry->roots_count,
                                     .amount = transfer->amount,
                                     .at_wall_ns = transfer->at_wall_ns,
                                     .serial = hf_chase_serial(transfer->serial)});
}

static void evolve_reached(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL);
  if (hf_core_account(core, entry, &fact->reached.party) != NULL) return; /* told a second time */
  struct hf_account_entry *account = add_account(core, entry, &fact->reached.party);
  account->hop = (uint8_t)fact->reached.hop;
  account->by_serial = fact->reached.by_serial;
  account->currency = fact->reached.currency;
  account->transfer_wall_ns = fact->reached.transfer_wall_ns;
}

static void evolve_traced(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_fact_traced *traced = &fact->traced;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  const struct hf_account_entry *from = hf_core_account(core, entry, &traced->from);
  struct hf_account_entry *to = hf_core_account(core, entry, &traced->to);
  HF_ASSERT(from != NULL);
  int64_t told, most = hf_core_untold(core, hf_core_account_index(core, from), traced, &told), amount = traced->amount;
  if (entry->retold) amount -= told;
  if (amount > most) amount = most;
  if (amount <= 0 || entry->traces_count == HF_CASE_TRACES_MAX) return; /* told a second time */
  struct hf_trace_entry *trace = hf_pool_at(&core->traces, append(&core->traces, &entry->traces_first, &entry->traces_last));
  entry->traces_count++;
  trace->from = hf_core_account_index(core, from);
  trace->root = traced->root;
  trace->amount = amount;
  trace->transfer_amount = traced->transfer_amount;
  trace->serial = hf_core_trace_key(traced);
  if (traced->bound != HF_BOUND_UNSET || to == NULL) return;
  trace->to = hf_core_account_index(core, to);
  add_claim(core, to,
            &(struct hf_claim_entry){.root = traced->root,
                                     .from = trace->from,
                                     .amount = amount,
                                     .at_wall_ns = traced->at_wall_ns,
                                     .serial = hf_chase_serial(traced->serial)});
}

static void evolve_page(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_order_entry *query = hf_core_order(core, fact->page.query_id);
  HF_ASSERT(query != NULL);
  struct hf_account_entry *account = hf_account_at(core, query->account);
  if (account->chase == 0) account->chase = hf_pool_acquire(&core->chases);
  HF_ASSERT(account->chase != 0);
  ((struct hf_chase_entry *)hf_pool_at(&core->chases, account->chase))->chase = fact->page.chase;
  if (!fact->page.last) return;
  hf_pool_release(&core->chases, account->chase);
  account->chase = 0;
}

/* A hold on it is then another case's concern too: a cascade leaves it (H11). */
static void evolve_seen(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  struct hf_account_entry *account = entry == NULL ? NULL : hf_core_account(core, entry, &fact->seen.party);
  if (account != NULL && !fact->seen.suspect) account->elsewhere = true;
}

/* --- orders --- */

/* A draft becomes ready with the authority of who confirmed it; anything else begins here. */
static void evolve_order(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_order *order = &fact->order;
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  struct hf_order_entry *known = hf_core_order(core, order->id);
  const struct hf_submission_entry *authority = hf_core_submission(core, entry, order->submission_id);
  HF_ASSERT(entry != NULL && authority != NULL);
  if (known != NULL) {
    if (fact->kind == HF_FACT_ORDER_DRAFTED) return; /* told a second time */
    known->submission = hf_pool_index(&core->submissions, authority);
    known->issued_wall_ns = order->issued_wall_ns;
    known->deadline_wall_ns = order->deadline_wall_ns;
    known->receipt_by_wall_ns = order->receipt_by_wall_ns;
    entry->orders_open += known->state == HF_ORDER_DRAFT || hf_order_state_is_final(known->state);
    if (known->state == HF_ORDER_DRAFT)
      hf_order_apply(known, HF_ORDER_EVENT_CONFIRMED);
    else {
      known->state = HF_ORDER_READY; /* told a second time: it was sent again */
      entry->retold = true;
    }
    watch_order(core, known);
    return;
  }
  struct hf_party payee = {.account = order->account};
  memcpy(payee.institution, order->institution, sizeof payee.institution);
  struct hf_account_entry *account = hf_core_account(core, entry, &payee);
  HF_ASSERT(account != NULL && entry->orders_count < HF_CASE_ORDERS_MAX);
  uint32_t index = append(&core->orders, &entry->orders_first, &entry->orders_last);
  hf_map_put(&core->order_of, order->id.uuid, index);
  struct hf_order_entry *added = hf_order_at(core, index);
  *added = (struct hf_order_entry){.id = order->id,
                                   .parent = order->parent,
                                   .account = hf_core_account_index(core, account),
                                   .case_index = hf_pool_index(&core->cases, entry),
                                   .submission = hf_pool_index(&core->submissions, authority),
                                   .state = fact->kind == HF_FACT_ORDER_DRAFTED ? HF_ORDER_DRAFT : HF_ORDER_READY,
                                   .action = order->action,
                                   .ordinal = (uint16_t)order->ordinal,
                                   .mode = (uint8_t)order->mode,
                                   .hop = (uint8_t)order->hop,
                                   .page = order->page,
                                   .amount = order->amount,
                                   .issued_wall_ns = order->issued_wall_ns,
                                   .deadline_wall_ns = order->deadline_wall_ns,
                                   .receipt_by_wall_ns = order->receipt_by_wall_ns,
                                   .until_wall_ns = order->until_wall_ns};
  account->ordinals[order->action]++;
  added->corrected = !hf_name_equal(&order->name, &account->name);
  if (added->corrected) account->corrected = order->name;
  if (order->action == HF_ACTION_QUERY && order->page == 0) account->claims_read = account->claims_count;
  entry->orders_count++;
  if (added->state == HF_ORDER_READY) entry->orders_open++;
  watch_order(core, added);
}

/* Applies an event to an order and keeps the case's count of open orders and the watch right. */
static void move_order(struct hf_core *core, struct hf_order_entry *order, enum hf_order_event event)
{
  HF_ASSERT(order != NULL);
  struct hf_case_entry *entry = hf_case_at(core, order->case_index);
  bool was_open = !hf_order_state_is_final(order->state) && order->state != HF_ORDER_DRAFT;
  hf_order_apply(order, event);
  if (was_open && hf_order_state_is_final(order->state)) {
    HF_ASSERT(entry->orders_open > 0);
    entry->orders_open--;
  }
  watch_order(core, order);
}

static void evolve_order_step(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_order_entry *order = hf_core_order(core, fact->step.order_id);
  HF_ASSERT(order != NULL);
  switch (fact->kind) {
  case HF_FACT_ORDER_SENT:
    order->left = true;
    if (fact->step.attempt > order->attempts) order->attempts = fact->step.attempt;
    move_order(core, order, HF_ORDER_EVENT_LEFT);
    break;
  case HF_FACT_ATTEMPT_ENDED:
    if (fact->step.attempt > order->attempts) order->attempts = fact->step.attempt;
    break;
  case HF_FACT_ORDER_RECEIVED: move_order(core, order, HF_ORDER_EVENT_RECEIPT); break;
  case HF_FACT_ORDER_UNKNOWN: move_order(core, order, HF_ORDER_EVENT_GAVE_UP); break;
  case HF_FACT_ORDER_DROPPED: move_order(core, order, HF_ORDER_EVENT_DROP); break;
  case HF_FACT_ORDER_CANCELLED: move_order(core, order, HF_ORDER_EVENT_CANCEL); break;
  case HF_FACT_ORDER_WARNED:
    order->warned = true;
    watch_order(core, order);
    break;
  case HF_FACT_RECEIPT_MISSED:
    order->receipt_by_wall_ns = 0;
    watch_order(core, order);
    break;
  default:
    HF_ASSERT(fact->kind == HF_FACT_ORDER_OVERDUE);
    order->overdue = true;
    watch_order(core, order);
  }
}

static void evolve_order_ended(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_order_entry *order = hf_core_order(core, fact->ended.answer.order_id);
  HF_ASSERT(order != NULL);
  struct hf_account_entry *account = hf_account_at(core, order->account);
  if (fact->ended.answer.has_balance) {
    account->has_balance = true;
    account->balance = fact->ended.answer.balance;
  }
  move_order(core, order, fact->ended.event);
  HF_ASSERT(order->state == fact->ended.state);
}

/* --- holds --- */

static void evolve_hold(struct hf_core *core, const struct hf_fact *fact)
{
  const struct hf_order_entry *order = hf_core_order(core, fact->hold.holder_id);
  HF_ASSERT(order != NULL && fact->hold.kind != HF_HOLD_UNSET);
  struct hf_account_entry *account = hf_account_at(core, order->account);
  struct hf_case_entry *entry = hf_case_at(core, order->case_index);
  struct hf_hold *hold = &account->holds[fact->hold.kind];
  bool lasted = hf_hold_lasts(hold);
  enum hf_hold_state before = hold->state;
  /* Decided without what is known here: a hold that lasts began when it was first told. */
  bool placed = fact->kind == HF_FACT_HOLD_CHANGED && fact->hold.event == HF_HOLD_EVENT_PLACED;
  if (entry->retold && lasted && placed) return;
  *hold = fact->hold.hold;
  if (!entry->retold) hold->state = before;
  if (!entry->retold && fact->kind == HF_FACT_HOLD_CHANGED) hf_hold_apply(hold, fact->hold.event);
  HF_ASSERT(hold->state == fact->hold.hold.state);
  bool lasts = hf_hold_lasts(hold);
  entry->holds_count += (uint32_t)lasts - (uint32_t)lasted;
  watch_hold(core, order->account, fact->hold.kind);
}

/* --- the case leaves memory; its facts stay --- */

static void forget_accounts(struct hf_core *core, const struct hf_case_entry *entry)
{
  for (uint32_t at = entry->accounts_first; at != 0;) {
    const struct hf_account_entry *account = hf_account_at(core, at);
    uint32_t next = account->next;
    for (uint32_t claim = account->claims_first; claim != 0;) {
      uint32_t after = ((struct hf_claim_entry *)hf_pool_at(&core->claims, claim))->next;
      hf_pool_release(&core->claims, claim);
      claim = after;
    }
    if (account->chase != 0) hf_pool_release(&core->chases, account->chase);
    for (int kind = 1; kind < HF_HOLD_KIND_COUNT; kind++)
      hf_heap_remove(&core->hold_deadlines, hf_hold_item(at, (enum hf_hold_kind)kind));
    hf_pool_release(&core->accounts, at);
    at = next;
  }
}

static void evolve_case_rested(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_case_entry *entry = hf_core_case(core, fact->case_id);
  HF_ASSERT(entry != NULL && entry->orders_open == 0);
  for (uint32_t at = entry->orders_first; at != 0;) {
    const struct hf_order_entry *order = hf_order_at(core, at);
    uint32_t next = order->next;
    hf_heap_remove(&core->order_deadlines, at);
    hf_map_remove(&core->order_of, order->id.uuid);
    hf_pool_release(&core->orders, at);
    at = next;
  }
  for (uint32_t at = entry->submissions_first; at != 0;) {
    const struct hf_submission_entry *submission = hf_submission_at(core, at);
    uint32_t next = submission->next;
    hf_heap_remove(&core->submission_deadlines, at);
    if (submission->details != 0) hf_pool_release(&core->details, submission->details);
    hf_pool_release(&core->submissions, at);
    at = next;
  }
  for (uint32_t at = entry->traces_first; at != 0;) {
    uint32_t next = ((struct hf_trace_entry *)hf_pool_at(&core->traces, at))->next;
    hf_pool_release(&core->traces, at);
    at = next;
  }
  forget_accounts(core, entry);
  hf_pool_release(&core->cases, hf_map_remove(&core->case_of, fact->case_id.uuid));
}

/* --- calls --- */

struct hf_call_entry *hf_core_call(struct hf_core *core, const char *institution)
{
  const struct hf_institution *row = hf_registry_institution(core->registry, institution);
  HF_ASSERT(row != NULL); /* rows are never taken away, and their facts come first */
  return &core->calls[row - core->registry->institutions];
}

static void find_next_call(struct hf_core *core)
{
  core->next_call_wall_ns = INT64_MAX;
  for (uint32_t i = 0; i < core->registry->institutions_count; i++) {
    int64_t next_wall_ns = core->calls[i].next_wall_ns;
    if (next_wall_ns != 0 && next_wall_ns < core->next_call_wall_ns) core->next_call_wall_ns = next_wall_ns;
  }
}

static void evolve_lane(struct hf_core *core, const struct hf_fact *fact)
{
  struct hf_call_entry *call = hf_core_call(core, fact->lane.institution);
  core->silent_count += (uint32_t)fact->lane.silent - (call->since_wall_ns != 0);
  *call = (struct hf_call_entry){.since_wall_ns = fact->lane.silent ? fact->decided.wall_ns : 0};
  find_next_call(core);
}

static void evolve_call(struct hf_core *core, const struct hf_fact_call *fact)
{
  struct hf_call_entry *call = hf_core_call(core, fact->institution);
  if (call->since_wall_ns == 0) return; /* its silence began before what is restored: somebody was called long ago */
  call->rung = fact->rung;
  call->next_wall_ns = fact->next_wall_ns;
  find_next_call(core);
}

/* An administrator who pauses it knows of it: the next one is called when the pause is over. */
static void evolve_pause(struct hf_core *core, const struct hf_institution *row)
{
  struct hf_call_entry *call = hf_core_call(core, row->code);
  if (call->next_wall_ns == 0 || row->paused_until_wall_ns <= call->next_wall_ns) return;
  call->next_wall_ns = row->paused_until_wall_ns;
  find_next_call(core);
}

void hf_core_evolve(struct hf_core *core, const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_REPORT_ACCEPTED: evolve_report(core, fact); break;
  case HF_FACT_TRANSFER_CLAIMED: evolve_transfer(core, fact); break;
  case HF_FACT_COMMAND_ACCEPTED: evolve_command(core, fact); break;
  case HF_FACT_SUBMISSION_WAITS:
  case HF_FACT_SUBMISSION_ENDED:
  case HF_FACT_COUNTERSIGNED:
  case HF_FACT_COUNTERSIGN_MISSED:
  case HF_FACT_PAPER_MISSED:
  case HF_FACT_PAPER_RECEIVED:
  case HF_FACT_REVIEWED: evolve_submission(core, fact); break;
  case HF_FACT_ORDER_DRAFTED:
  case HF_FACT_ORDER_READY: evolve_order(core, fact); break;
  case HF_FACT_ORDER_DROPPED:
  case HF_FACT_ORDER_CANCELLED:
  case HF_FACT_ORDER_SENT:
  case HF_FACT_ATTEMPT_ENDED:
  case HF_FACT_ORDER_RECEIVED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_ORDER_WARNED:
  case HF_FACT_RECEIPT_MISSED:
  case HF_FACT_ORDER_OVERDUE: evolve_order_step(core, fact); break;
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ORDER_WATCHED: evolve_order_ended(core, fact); break;
  case HF_FACT_HOLD_CHANGED:
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_CHECKED: evolve_hold(core, fact); break;
  case HF_FACT_ACCOUNT_REACHED: evolve_reached(core, fact); break;
  case HF_FACT_MONEY_TRACED: evolve_traced(core, fact); break;
  case HF_FACT_PAGE_READ: evolve_page(core, fact); break;
  case HF_FACT_SEEN_ELSEWHERE: evolve_seen(core, fact); break;
  case HF_FACT_CASE_CLOSED: hf_core_case(core, fact->case_id)->closed = true; break;
  case HF_FACT_CASE_RESTED: evolve_case_rested(core, fact); break;
  case HF_FACT_INSTITUTION_SET:
    hf_registry_set_institution(core->registry, &fact->institution);
    evolve_pause(core, &fact->institution);
    break;
  case HF_FACT_KEY_SET: hf_registry_set_key(core->registry, &fact->key); break;
  case HF_FACT_POLICY_SET: core->registry->policy = fact->policy; break;
  case HF_FACT_SLA_SET: hf_registry_set_sla(core->registry, &fact->sla); break;
  case HF_FACT_PROTECTED_SET: hf_registry_set_protected(core->registry, &fact->protected); break;
  case HF_FACT_LANE_NOTED: evolve_lane(core, fact); break;
  case HF_FACT_CALL_RAISED: evolve_call(core, &fact->call); break;
  case HF_FACT_MACHINE_COUNTED: hf_registry_set_machine_use(core->registry, &fact->machine); break;
  case HF_FACT_ANSWER_CONTRADICTED: /* evidence, and what people are told */
  case HF_FACT_HOLD_DIFFERS:
  case HF_FACT_HOLD_KEPT:
  case HF_FACT_CHASE_BOUNDED:
  case HF_FACT_CASE_LINKED:
  case HF_FACT_TASK_OPENED:
  case HF_FACT_CASE_RETURNED: /* the case is already there: its facts were restored */
  case HF_FACT_CLOCK_NOTED:
  case HF_FACT_ACCESS_NOTED:
  case HF_FACT_REGISTRY_CHANGED: /* its rows come next */
  case HF_FACT_QUARANTINED: break;
  case HF_FACT_UNSET:
  case HF_FACT_COUNT: HF_NEVER("a fact has a kind");
  }
}
