#include "engine/core/core.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/core/decide.h"

/* The block's parts, in order; each rounded up to a cache line. */
struct layout {
  size_t core, scratch, registry, cases, accounts, orders, submissions, details, claims, traces, chases;
  size_t case_of, order_of, order_heap, order_places, hold_heap, hold_places, submission_heap, submission_places, total;
};

#define CHASES_MAX 256 /* accounts whose transactions come in pages, at once */

static size_t part(size_t *total, size_t size)
{
  size_t start = *total;
  *total += (size + 63) & ~(size_t)63;
  return start;
}

static size_t pool_part(size_t *total, uint64_t capacity, size_t slot_size)
{
  return part(total, (capacity + 1) * slot_size);
}

static uint32_t submissions_of(const struct hf_core_config *config)
{
  return config->cases_max * 4 + HF_CASE_SUBMISSIONS_MAX;
}

static struct layout layout_of(const struct hf_core_config *config)
{
  struct layout at = {0};
  uint32_t holds = config->accounts_max * 2, submissions = submissions_of(config);
  at.core = part(&at.total, sizeof(struct hf_core));
  at.scratch = part(&at.total, sizeof(struct hf_core_scratch));
  at.registry = part(&at.total, sizeof(struct hf_registry));
  at.cases = pool_part(&at.total, config->cases_max, sizeof(struct hf_case_entry));
  at.accounts = pool_part(&at.total, config->accounts_max, sizeof(struct hf_account_entry));
  at.orders = pool_part(&at.total, config->orders_max, sizeof(struct hf_order_entry));
  at.submissions = pool_part(&at.total, submissions, sizeof(struct hf_submission_entry));
  at.details = pool_part(&at.total, submissions, sizeof(struct hf_details_entry));
  at.claims = pool_part(&at.total, config->accounts_max * 2ULL, sizeof(struct hf_claim_entry));
  at.traces = pool_part(&at.total, config->accounts_max * 2ULL, sizeof(struct hf_trace_entry));
  at.chases = pool_part(&at.total, CHASES_MAX, sizeof(struct hf_chase_entry));
  at.case_of = part(&at.total, hf_map_memory_size(config->cases_max));
  at.order_of = part(&at.total, hf_map_memory_size(config->orders_max));
  at.order_heap = pool_part(&at.total, config->orders_max, sizeof(struct hf_heap_entry));
  at.order_places = pool_part(&at.total, config->orders_max, sizeof(uint32_t));
  at.hold_heap = pool_part(&at.total, holds, sizeof(struct hf_heap_entry));
  at.hold_places = pool_part(&at.total, holds, sizeof(uint32_t));
  at.submission_heap = pool_part(&at.total, submissions, sizeof(struct hf_heap_entry));
  at.submission_places = pool_part(&at.total, submissions, sizeof(uint32_t));
  return at;
}

size_t hf_core_memory_size(const struct hf_core_config *config)
{
  return layout_of(config).total;
}

static void init_heap(struct hf_heap *heap, uint8_t *block, size_t entries, size_t places, uint32_t capacity)
{
  hf_heap_init(heap, (struct hf_heap_entry *)(void *)(block + entries), (uint32_t *)(void *)(block + places), capacity);
}

struct hf_core *hf_core_init(void *memory, const struct hf_core_config *config)
{
  HF_ASSERT(config->shard < config->partitions);
  HF_ASSERT(config->cases_max > 0 && config->accounts_max >= HF_TARGETS_MAX && config->orders_max >= HF_CASE_ORDERS_MAX);
  struct layout at = layout_of(config);
  uint8_t *block = memory;
  struct hf_core *core = (struct hf_core *)(void *)(block + at.core);
  core->config = *config;
  core->scratch = (struct hf_core_scratch *)(void *)(block + at.scratch);
  core->registry = (struct hf_registry *)(void *)(block + at.registry);
  core->registry->policy = hf_policy_default();
  core->next_call_wall_ns = INT64_MAX;
  hf_pool_init(&core->cases, block + at.cases, sizeof(struct hf_case_entry), config->cases_max);
  hf_pool_init(&core->accounts, block + at.accounts, sizeof(struct hf_account_entry), config->accounts_max);
  hf_pool_init(&core->orders, block + at.orders, sizeof(struct hf_order_entry), config->orders_max);
  hf_pool_init(&core->submissions, block + at.submissions, sizeof(struct hf_submission_entry), submissions_of(config));
  hf_pool_init(&core->details, block + at.details, sizeof(struct hf_details_entry), submissions_of(config));
  hf_pool_init(&core->claims, block + at.claims, sizeof(struct hf_claim_entry), config->accounts_max * 2);
  hf_pool_init(&core->traces, block + at.traces, sizeof(struct hf_trace_entry), config->accounts_max * 2);
  hf_pool_init(&core->chases, block + at.chases, sizeof(struct hf_chase_entry), CHASES_MAX);
  hf_map_init(&core->case_of, block + at.case_of, config->cases_max);
  hf_map_init(&core->order_of, block + at.order_of, config->orders_max);
  init_heap(&core->order_deadlines, block, at.order_heap, at.order_places, config->orders_max);
  init_heap(&core->hold_deadlines, block, at.hold_heap, at.hold_places, config->accounts_max * 2);
  init_heap(&core->submission_deadlines, block, at.submission_heap, at.submission_places, submissions_of(config));
  return core;
}

void hf_core_restore(struct hf_core *core, const struct hf_fact *fact)
{
  HF_ASSERT(fact->shard == core->config.shard);
  hf_core_evolve(core, fact);
  if (fact->seq > core->seq) core->seq = fact->seq; /* a case that returns brings facts from long ago */
}

void hf_core_restored(struct hf_core *core, uint64_t seq)
{
  if (seq > core->seq) core->seq = seq;
}

int64_t hf_core_next_deadline(const struct hf_core *core)
{
  const struct hf_heap *heaps[] = {&core->order_deadlines, &core->hold_deadlines, &core->submission_deadlines};
  int64_t next = core->next_call_wall_ns;
  for (int i = 0; i < 3; i++) {
    const struct hf_heap_entry *first = hf_heap_first(heaps[i]);
    if (first != NULL && first->key.first < next) next = first->key.first;
  }
  return next;
}

/* A submission, or the answer to one query, at its largest. */
bool hf_core_has_room(const struct hf_core *core)
{
  return hf_pool_room(&core->cases) >= 1 && hf_pool_room(&core->accounts) >= HF_TARGETS_MAX &&
         hf_pool_room(&core->orders) >= HF_TARGETS_MAX * 2 && hf_pool_room(&core->submissions) >= 1 &&
         hf_pool_room(&core->details) >= 1 && hf_pool_room(&core->claims) >= HF_STEP_FACTS_MAX &&
         hf_pool_room(&core->traces) >= HF_STEP_FACTS_MAX;
}

bool hf_core_has_case(const struct hf_core *core, struct hf_case_id id)
{
  return hf_map_get(&core->case_of, id.uuid) != 0;
}

void hf_core_visit_accounts(const struct hf_core *core, struct hf_case_id id,
                            void (*visit)(void *owner, const char *institution, const struct hf_account_number *number),
                            void *owner)
{
  const struct hf_case_entry *entry = hf_core_case(core, id);
  for (uint32_t at = entry == NULL ? 0 : entry->accounts_first; at != 0; at = hf_account_at(core, at)->next)
    visit(owner, hf_account_at(core, at)->institution, &hf_account_at(core, at)->number);
}

uint32_t hf_core_orders(const struct hf_core *core)
{
  return core->orders.used;
}

uint32_t hf_core_cases(const struct hf_core *core)
{
  return core->cases.used;
}

const struct hf_registry *hf_core_registry(const struct hf_core *core)
{
  return core->registry;
}

bool hf_core_is_silent(const struct hf_core *core, const char *institution)
{
  if (core->silent_count == 0) return false;
  const struct hf_institution *row = hf_registry_institution(core->registry, institution);
  return row != NULL && core->calls[row - core->registry->institutions].since_wall_ns != 0;
}

/* --- the checksum --- */

static uint64_t account_checksum(const struct hf_core *core, const struct hf_account_entry *account, uint64_t sum)
{
  int64_t values[] = {account->currency,    account->amount,      account->transfer_wall_ns, account->hop,
                      account->by_serial,   account->has_balance, account->balance,          account->claims_count,
                      account->claims_read, account->elsewhere};
  sum = hf_checksum(sum, account->institution, strlen(account->institution));
  sum = hf_checksum(sum, account->number.bytes, account->number.size);
  sum = hf_checksum(sum, account->name.bytes, account->name.size);
  sum = hf_checksum(sum, account->corrected.bytes, account->corrected.size);
  sum = hf_checksum(sum, values, sizeof values);
  sum = hf_checksum(sum, account->ordinals, sizeof account->ordinals);
  for (int kind = 1; kind < HF_HOLD_KIND_COUNT; kind++) sum = hf_hold_checksum(&account->holds[kind], sum);
  for (uint32_t at = account->claims_first; at != 0;) {
    const struct hf_claim_entry *claim = hf_pool_at(&core->claims, at);
    int64_t claimed[] = {claim->root, claim->amount, claim->at_wall_ns, (int64_t)claim->serial};
    sum = hf_checksum(sum, claimed, sizeof claimed);
    at = claim->next;
  }
  if (account->chase != 0)
    sum =
        hf_checksum(sum, &((struct hf_chase_entry *)hf_pool_at(&core->chases, account->chase))->chase, sizeof(struct hf_chase));
  return sum;
}

static uint64_t order_checksum(const struct hf_core *core, const struct hf_order_entry *order, uint64_t sum)
{
  int64_t numbers[] = {order->state,
                       order->action,
                       order->ordinal,
                       order->mode,
                       order->hop,
                       order->attempts,
                       order->page,
                       order->overdue,
                       order->warned,
                       order->corrected,
                       order->amount,
                       order->issued_wall_ns,
                       order->deadline_wall_ns,
                       order->until_wall_ns,
                       order->left,
                       order->receipt_by_wall_ns};
  sum = hf_checksum(sum, order->id.uuid.bytes, 16);
  sum = hf_checksum(sum, order->parent.uuid.bytes, 16);
  sum = hf_checksum(sum, hf_submission_at(core, order->submission)->id.bytes, 16);
  return hf_checksum(sum, numbers, sizeof numbers);
}

static uint64_t submission_checksum(const struct hf_submission_entry *submission, uint64_t sum)
{
  int64_t numbers[] = {submission->state,         submission->command,       submission->reviewable,
                       submission->countersigned, submission->kind,          submission->details != 0,
                       submission->due_wall_ns,   submission->paper_wall_ns, submission->issued_wall_ns};
  sum = hf_checksum(sum, submission->id.bytes, 16);
  sum = hf_checksum(sum, submission->digest, 16);
  sum = hf_checksum(sum, submission->key, 16);
  sum = hf_checksum(sum, submission->second, 16);
  return hf_checksum(sum, numbers, sizeof numbers);
}

static uint64_t case_checksum(const struct hf_core *core, const struct hf_case_entry *entry)
{
  int64_t numbers[] = {entry->accounts_count, entry->orders_count,       entry->orders_open,    entry->submissions_count,
                       entry->traces_count,   entry->holds_count,        entry->roots_count,    entry->closed,
                       entry->chase.hops,     entry->chase.fan_out,      entry->chase.window_s, entry->chase.method,
                       entry->chase.drafts,   entry->chase.least_amount, entry->first_wall_ns,  entry->loss};
  uint64_t sum = hf_checksum(HF_CHECKSUM_SEED, entry->id.uuid.bytes, 16);
  sum = hf_checksum(sum, numbers, sizeof numbers);
  sum = hf_checksum(sum, entry->case_number, strlen(entry->case_number));
  sum = hf_checksum(sum, entry->unit, strlen(entry->unit));
  for (uint32_t at = entry->submissions_first; at != 0; at = hf_submission_at(core, at)->next)
    sum = submission_checksum(hf_submission_at(core, at), sum);
  for (uint32_t at = entry->accounts_first; at != 0; at = hf_account_at(core, at)->next)
    sum = account_checksum(core, hf_account_at(core, at), sum);
  for (uint32_t at = entry->orders_first; at != 0; at = hf_order_at(core, at)->next)
    sum = order_checksum(core, hf_order_at(core, at), sum);
  for (uint32_t at = entry->traces_first; at != 0;) {
    const struct hf_trace_entry *trace = hf_pool_at(&core->traces, at);
    int64_t traced[] = {trace->root, trace->amount, trace->transfer_amount, (int64_t)trace->serial};
    sum = hf_checksum(sum, traced, sizeof traced);
    at = trace->next;
  }
  return sum;
}

uint64_t hf_core_checksum(const struct hf_core *core)
{
  /* A sum over cases: where they stand in the pool is not part of the state. */
  uint64_t sum = hf_registry_checksum(core->registry, HF_CHECKSUM_SEED) + core->seq;
  for (uint32_t i = 0; core->silent_count > 0 && i < core->registry->institutions_count; i++) {
    const int64_t call[] = {i, core->calls[i].rung, core->calls[i].since_wall_ns, core->calls[i].next_wall_ns};
    if (core->calls[i].since_wall_ns != 0) sum += hf_mix64(hf_checksum(HF_CHECKSUM_SEED, call, sizeof call));
  }
  for (uint32_t at = 1; at <= core->cases.fresh; at++) {
    const struct hf_case_entry *entry = hf_case_at(core, at);
    if (hf_map_get(&core->case_of, entry->id.uuid) == at) sum += hf_mix64(case_checksum(core, entry));
  }
  return sum;
}
