/*
 * The chase: from a query's transactions to the next accounts, within the bounds that the officer signed (design.md section
 * 11).
 *
 * Which part of a debit is stolen money is chase/'s arithmetic; here is decided what follows from it: orders, drafts, or why
 * nothing.
 */
#include "engine/core/decide.h"

#define NS_PER_DAY (86400LL * HF_NS_PER_S)
#define NOWHERE UINT32_MAX

static const struct hf_uuid nobody;

uint64_t hf_core_trace_key(const struct hf_fact_traced *traced)
{
  uint64_t serial = hf_chase_serial(traced->serial);
  if (serial != 0) return serial;
  int64_t numbers[] = {traced->at_wall_ns, traced->transfer_amount};
  uint64_t sum = hf_checksum(HF_CHECKSUM_SEED, numbers, sizeof numbers);
  sum = hf_checksum(sum, traced->to.institution, strlen(traced->to.institution));
  return hf_checksum(sum, traced->to.account.bytes, traced->to.account.size) | 1;
}

/* What is known to have come into the account, in the order of its times. */
static uint32_t gather_inflows(const struct hf_core *core, const struct hf_account_entry *account, struct hf_inflow *inflows)
{
  uint32_t count = 0;
  for (uint32_t at = account->claims_first; at != 0 && count < HF_CHASE_INFLOWS_MAX;) {
    const struct hf_claim_entry *claim = hf_pool_at(&core->claims, at);
    inflows[count++] = (struct hf_inflow){claim->root, claim->amount, claim->at_wall_ns, claim->serial};
    at = claim->next;
  }
  return count;
}

/*
 * How much of this debit may still be told as stolen money of this root: a transfer carries no more than itself, and no more
 * leaves an account than came into it (a later list may show credits that shift the split). told: what earlier readings told of
 * both.
 */
int64_t hf_core_untold(const struct hf_core *core, uint32_t from, const struct hf_fact_traced *traced, int64_t *told)
{
  const struct hf_account_entry *account = hf_account_at(core, from);
  int64_t debit = traced->transfer_amount, root = 0;
  uint64_t key = hf_core_trace_key(traced);
  *told = 0;
  for (uint32_t at = account->claims_first; at != 0;) {
    const struct hf_claim_entry *claim = hf_pool_at(&core->claims, at);
    if (claim->root == traced->root) root += claim->amount;
    at = claim->next;
  }
  for (uint32_t at = hf_case_at(core, account->case_index)->traces_first; at != 0;) {
    const struct hf_trace_entry *trace = hf_pool_at(&core->traces, at);
    at = trace->next;
    if (trace->from != from) continue;
    if (trace->root == traced->root) root -= trace->amount;
    if (trace->serial != key) continue;
    debit -= trace->amount;
    if (trace->root == traced->root) *told += trace->amount;
  }
  return debit < root ? debit : root;
}

static struct hf_party party_of(const struct hf_core *core, const struct hf_transaction *row, bool *by_serial)
{
  struct hf_party party = {.account = row->account, .name = row->name};
  const struct hf_institution *called = hf_registry_called(core->registry, row->institution);
  memcpy(party.institution, called == NULL ? row->institution : called->code, sizeof party.institution);
  *by_serial = row->account.size == 0 && row->serial[0] != '\0';
  /* A payment company that the row names without an account is asked by the clearing serial: the bridge (domain.md 3.6). */
  if (*by_serial && !hf_is_ok(hf_account_number_set(&party.account, row->serial, strlen(row->serial)))) *by_serial = false;
  return party;
}

static bool same_party(const struct hf_party *a, const char *institution, const struct hf_account_number *number)
{
  return strcmp(a->institution, institution) == 0 && hf_account_number_equal(&a->account, number);
}

/* Groups the page's stolen shares by where they went. */
static void gather_onwards(struct hf_core *core, const struct hf_answer *answer, uint32_t splits)
{
  struct hf_core_scratch *scratch = core->scratch;
  scratch->onwards_count = scratch->skipped = 0;
  for (uint32_t i = 0; i < answer->transactions_count; i++) scratch->onward_of[i] = NOWHERE;
  for (uint32_t i = 0; i < splits; i++) {
    uint32_t row_index = scratch->splits[i].row;
    const struct hf_transaction *row = &answer->transactions[row_index];
    bool by_serial;
    struct hf_party party = party_of(core, row, &by_serial);
    uint32_t at = scratch->onward_of[row_index];
    bool seen = at != NOWHERE;
    if (!seen && (row->cash || party.account.size == 0)) continue;
    for (at = seen ? at : 0; !seen && at < scratch->onwards_count; at++)
      if (same_party(&scratch->onwards[at].to, party.institution, &party.account)) break;
    if (at == HF_CHASE_FANOUT_MAX) {
      scratch->skipped++;
      continue;
    }
    struct hf_onward *onward = &scratch->onwards[at];
    if (at == scratch->onwards_count) {
      scratch->onwards_count++;
      *onward = (struct hf_onward){.to = party,
                                   .by_serial = by_serial,
                                   .old_payee = hf_chase_is_old_payee(&scratch->chase, row),
                                   .at_wall_ns = row->at_wall_ns};
    }
    if (!seen) onward->transfer += row->amount;
    onward->stolen += scratch->splits[i].amount;
    scratch->onward_of[row_index] = at;
  }
}

/* Why the chase does not go to this account; UNSET: it does. Checked in the order of HF_BOUNDS. */
static enum hf_bound bound_of(const struct hf_core *core, const struct hf_case_entry *of, const struct hf_account_entry *from,
                              const struct hf_onward *onward, uint32_t followed)
{
  const struct hf_chase_bounds *bounds = &of->chase;
  const struct hf_account_entry *known = hf_core_account(core, of, &onward->to);
  uint32_t hop = from->by_serial ? from->hop : from->hop + 1u;
  if (same_party(&onward->to, from->institution, &from->number)) return HF_BOUND_SELF;
  if (known == NULL && hop > bounds->hops) return HF_BOUND_HOPS;
  if (known == NULL && followed >= bounds->fan_out) return HF_BOUND_FAN_OUT;
  if (onward->at_wall_ns > of->first_wall_ns + bounds->window_s * HF_NS_PER_S) return HF_BOUND_WINDOW;
  if (onward->stolen < bounds->least_amount) return HF_BOUND_SMALL;
  enum hf_action action = onward->by_serial ? HF_ACTION_SERIAL : HF_ACTION_STOP;
  if (!hf_core_takes(core, onward->to.institution, action)) return HF_BOUND_NO_INSTITUTION;
  bool full = known == NULL && (of->accounts_count == HF_CASE_ACCOUNTS_MAX || of->orders_count + 2 > HF_CASE_ORDERS_MAX);
  return full || of->traces_count + HF_ANSWER_ROWS_MAX > HF_CASE_TRACES_MAX ? HF_BOUND_FULL : HF_BOUND_UNSET;
}

static void reach(struct hf_core *core, const struct hf_account_entry *from, const struct hf_onward *onward)
{
  const struct hf_case_entry *of = hf_case_at(core, from->case_index);
  if (hf_core_account(core, of, &onward->to) != NULL) return;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_ACCOUNT_REACHED, of->id);
  fact->reached.party = onward->to;
  fact->reached.hop = from->by_serial ? from->hop : from->hop + 1u;
  fact->reached.currency = from->currency;
  fact->reached.by_serial = onward->by_serial;
  fact->reached.transfer_wall_ns = onward->at_wall_ns;
  hf_core_tell(core, fact);
}

/* Tells what one split carried, less what was told before. Returns what is new of it. */
static int64_t trace(struct hf_core *core, const struct hf_order_entry *query, const struct hf_transaction *row,
                     const struct hf_split *split, enum hf_bound bound)
{
  const struct hf_account_entry *from = hf_account_at(core, query->account);
  const struct hf_case_entry *of = hf_case_at(core, from->case_index);
  struct hf_fact_traced traced = {.query_id = query->id,
                                  .root = split->root,
                                  .amount = split->amount,
                                  .transfer_amount = row->amount,
                                  .at_wall_ns = row->at_wall_ns,
                                  .bound = bound};
  bool by_serial;
  memcpy(traced.from.institution, from->institution, sizeof traced.from.institution);
  traced.from.account = from->number;
  traced.to = party_of(core, row, &by_serial);
  memcpy(traced.serial, row->serial, sizeof traced.serial);
  int64_t told, most = hf_core_untold(core, query->account, &traced, &told);
  traced.amount -= told; /* a list that is read again adds only what is new */
  if (traced.amount > most) traced.amount = most;
  if (traced.amount <= 0 || of->traces_count == HF_CASE_TRACES_MAX || hf_core_facts_left(core) < 8) return 0;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_MONEY_TRACED, of->id);
  fact->traced = traced;
  hf_core_tell(core, fact);
  return traced.amount;
}

/* Whether an onward stop waits for a person, and why (design.md section 11). */
static enum hf_draft_cause draft_cause(const struct hf_core *core, const struct hf_case_entry *of,
                                       const struct hf_onward *onward)
{
  const struct hf_policy *policy = &core->registry->policy;
  if (hf_registry_protects(core->registry, onward->to.institution, &onward->to.account)) return HF_DRAFT_CAUSE_PROTECTED;
  bool tiny = (__int128)onward->stolen * 10000 < (__int128)onward->transfer * policy->tiny_share_bp;
  if (tiny) return HF_DRAFT_CAUSE_TINY_SHARE;
  if (onward->old_payee) return HF_DRAFT_CAUSE_OLD_PAYEE;
  return of->chase.drafts ? HF_DRAFT_CAUSE_SIGNED : HF_DRAFT_CAUSE_UNSET;
}

static void order_onward(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *query,
                         const struct hf_onward *onward, enum hf_action action)
{
  const struct hf_case_entry *of = hf_case_at(core, query->case_index);
  const struct hf_account_entry *account = hf_core_account(core, of, &onward->to);
  enum hf_draft_cause cause = action == HF_ACTION_STOP ? draft_cause(core, of, onward) : HF_DRAFT_CAUSE_UNSET;
  bool again = action == HF_ACTION_QUERY && account->ordinals[action] > 0;
  if (action == HF_ACTION_STOP && account->ordinals[action] > 0) return; /* O1 */
  if (action == HF_ACTION_QUERY && !hf_core_speaks(core, account->institution, action))
    return; /* a task, at its stop's answer */
  if (again && (account->ordinals[action] > core->registry->policy.requeries || account->claims_read == account->claims_count))
    return;
  if (action != HF_ACTION_STOP && action != HF_ACTION_QUERY && account->ordinals[action] > 0) return;
  if (of->orders_count == HF_CASE_ORDERS_MAX || hf_core_facts_left(core) < 8) return;
  const struct hf_order_plan plan = {.action = action,
                                     .authority = hf_submission_at(core, query->submission),
                                     .parent = query,
                                     .mode = action == HF_ACTION_QUERY ? HF_QUERY_BOTH : 0,
                                     .issued_wall_ns = input->now.wall_ns,
                                     .after = input->answer_is_durable ? HF_AFTER_NOTHING : HF_AFTER_COMMIT,
                                     .draft = cause != HF_DRAFT_CAUSE_UNSET};
  struct hf_case_id case_id = of->id;
  const struct hf_order_entry *order = hf_core_order_account(core, account, &plan);
  if (plan.draft) hf_core_task(core, case_id, HF_TASK_CONFIRM, order->id, nobody, cause);
}

static void tell_bounded(struct hf_core *core, const struct hf_order_entry *query, enum hf_bound bound, uint32_t accounts,
                         int64_t amount)
{
  if (accounts == 0 || hf_core_facts_left(core) < 4) return;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_CHASE_BOUNDED, hf_case_at(core, query->case_index)->id);
  fact->bounded.query_id = query->id;
  fact->bounded.bound = bound;
  fact->bounded.accounts = accounts;
  fact->bounded.amount = amount;
  hf_core_tell(core, fact);
}

/* Where each onward account stands: followed or why not; largest stolen share first, so that a bound cuts the small ones. */
static void decide_bounds(struct hf_core *core, const struct hf_order_entry *query, enum hf_bound *bounds)
{
  const struct hf_core_scratch *scratch = core->scratch;
  const struct hf_account_entry *from = hf_account_at(core, query->account);
  const struct hf_case_entry *of = hf_case_at(core, from->case_index);
  bool done[HF_CHASE_FANOUT_MAX] = {false};
  uint32_t followed = 0;
  for (uint32_t n = 0; n < scratch->onwards_count; n++) {
    uint32_t best = NOWHERE;
    for (uint32_t i = 0; i < scratch->onwards_count; i++)
      if (!done[i] && (best == NOWHERE || scratch->onwards[i].stolen > scratch->onwards[best].stolen)) best = i;
    done[best] = true;
    bounds[best] = bound_of(core, of, from, &scratch->onwards[best], followed);
    if (bounds[best] == HF_BOUND_UNSET && hf_core_account(core, of, &scratch->onwards[best].to) == NULL) followed++;
  }
}

static void tell_onwards(struct hf_core *core, const struct hf_input *input, struct hf_order_id query_id, uint32_t splits)
{
  const struct hf_core_scratch *scratch = core->scratch;
  const struct hf_answer *answer = input->answer;
  const struct hf_order_entry *query = hf_core_order(core, query_id);
  enum hf_bound bounds[HF_CHASE_FANOUT_MAX];
  uint32_t stopped[HF_BOUND_COUNT] = {0};
  int64_t stopped_amount[HF_BOUND_COUNT] = {0};
  bool fresh[HF_CHASE_FANOUT_MAX] = {false};
  decide_bounds(core, query, bounds);
  for (uint32_t i = 0; i < scratch->onwards_count; i++)
    if (bounds[i] == HF_BOUND_UNSET && hf_core_facts_left(core) > 16)
      reach(core, hf_account_at(core, query->account), &scratch->onwards[i]);
  for (uint32_t i = 0; i < splits; i++) {
    const struct hf_split *split = &scratch->splits[i];
    const struct hf_transaction *row = &answer->transactions[split->row];
    uint32_t to = scratch->onward_of[split->row];
    enum hf_bound bound = to != NOWHERE ? bounds[to] : row->cash ? HF_BOUND_CASH : HF_BOUND_NOBODY;
    int64_t told = trace(core, query, row, split, bound);
    if (told == 0) continue;
    if (to != NOWHERE) fresh[to] = true;
    stopped_amount[bound] += told;
    if (bound != HF_BOUND_UNSET) stopped[bound]++;
  }
  for (int action = 0; action < 2; action++) /* all stops, then all queries */
    for (uint32_t i = 0; i < scratch->onwards_count; i++) {
      if (bounds[i] != HF_BOUND_UNSET || !fresh[i] ||
          hf_core_account(core, hf_case_at(core, query->case_index), &scratch->onwards[i].to) == NULL)
        continue;
      if (scratch->onwards[i].by_serial) {
        if (action == 0) order_onward(core, input, query, &scratch->onwards[i], HF_ACTION_SERIAL);
      } else {
        order_onward(core, input, query, &scratch->onwards[i], action == 0 ? HF_ACTION_STOP : HF_ACTION_QUERY);
      }
    }
  for (int bound = 1; bound < HF_BOUND_COUNT; bound++)
    tell_bounded(core, query, (enum hf_bound)bound, stopped[bound], stopped_amount[bound]);
  tell_bounded(core, query, HF_BOUND_FAN_OUT, scratch->skipped, 0);
}

/* The next page, with the reading so far as a fact: a crash between two pages reads on where it stood. */
static void read_on(struct hf_core *core, const struct hf_input *input, struct hf_order_id query_id)
{
  const struct hf_order_entry *query = hf_core_order(core, query_id);
  struct hf_account_entry *account = hf_account_at(core, query->account);
  const struct hf_case_entry *of = hf_case_at(core, query->case_index);
  bool more = input->answer->more && query->page + 1 < HF_QUERY_PAGES_MAX && of->orders_count < HF_CASE_ORDERS_MAX &&
              (account->chase != 0 || hf_pool_room(&core->chases) > 0);
  if (!more && account->chase == 0) {
    if (input->answer->more) tell_bounded(core, query, HF_BOUND_FULL, 1, 0);
    return;
  }
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_PAGE_READ, of->id);
  fact->page.query_id = query_id;
  fact->page.page = query->page;
  fact->page.last = !more;
  fact->page.chase = core->scratch->chase;
  hf_core_tell(core, fact);
  if (!more) return;
  const struct hf_order_plan plan = {.action = HF_ACTION_QUERY,
                                     .authority = hf_submission_at(core, query->submission),
                                     .parent = query,
                                     .mode = query->mode,
                                     .page = query->page + 1,
                                     .issued_wall_ns = input->now.wall_ns,
                                     .after = input->answer_is_durable ? HF_AFTER_NOTHING : HF_AFTER_COMMIT};
  hf_core_order_account(core, account, &plan);
}

void hf_core_follow_money(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *query)
{
  struct hf_core_scratch *scratch = core->scratch;
  const struct hf_account_entry *account = hf_account_at(core, query->account);
  const struct hf_case_entry *of = hf_case_at(core, query->case_index);
  struct hf_order_id id = query->id;
  bool answered = query->state == HF_ORDER_EFFECTIVE || query->state == HF_ORDER_WATCHING;
  if (!answered || of->chase.hops == 0 || account->claims_count == 0) return;
  if (input->answer->transactions_count == 0 && account->chase == 0) return;
  enum hf_chase_method method = of->chase.method == HF_CHASE_UNSET ? HF_CHASE_FIFO : (enum hf_chase_method)of->chase.method;
  if (account->chase != 0 && query->page > 0)
    scratch->chase = ((struct hf_chase_entry *)hf_pool_at(&core->chases, account->chase))->chase;
  else
    hf_chase_begin(&scratch->chase, method);
  const struct hf_chase_page page = {.rows = input->answer->transactions,
                                     .rows_count = input->answer->transactions_count,
                                     .inflows = scratch->inflows,
                                     .inflows_count = gather_inflows(core, account, scratch->inflows),
                                     .now_wall_ns = input->now.wall_ns,
                                     .old_ns = core->registry->policy.old_payee_days * NS_PER_DAY};
  uint32_t splits = hf_chase_read(&scratch->chase, &page, scratch->splits, HF_ANSWER_ROWS_MAX * 4);
  gather_onwards(core, input->answer, splits);
  tell_onwards(core, input, id, splits);
  if (hf_core_order(core, id)->action == HF_ACTION_QUERY) read_on(core, input, id);
}
