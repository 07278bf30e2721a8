#include "engine/core/core.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/core/evolve.h"

/* The block's parts, in order; each rounded up to a cache line. */
struct layout {
  size_t registry, cases, accounts, orders, case_of, order_of, heap_entries, heap_places, total;
};

static size_t part(size_t *total, size_t size)
{
  size_t start = *total;
  *total += (size + 63) & ~(size_t)63;
  return start;
}

static struct layout layout_of(const struct hf_core_config *config)
{
  struct layout at = {0};
  at.registry = part(&at.total, sizeof(struct hf_registry));
  at.cases = part(&at.total, (config->cases_max + 1ULL) * sizeof(struct hf_case_entry));
  at.accounts = part(&at.total, (config->accounts_max + 1ULL) * sizeof(struct hf_account_entry));
  at.orders = part(&at.total, (config->orders_max + 1ULL) * sizeof(struct hf_order_entry));
  at.case_of = part(&at.total, hf_map_memory_size(config->cases_max));
  at.order_of = part(&at.total, hf_map_memory_size(config->orders_max));
  at.heap_entries = part(&at.total, (config->orders_max + 1ULL) * sizeof(struct hf_heap_entry));
  at.heap_places = part(&at.total, (config->orders_max + 1ULL) * sizeof(uint32_t));
  return at;
}

size_t hf_core_memory_size(const struct hf_core_config *config)
{
  return layout_of(config).total;
}

void hf_core_init(struct hf_core *core, void *memory, const struct hf_core_config *config)
{
  HF_ASSERT(config->shard < config->partitions);
  HF_ASSERT(config->cases_max > 0 && config->accounts_max >= HF_TARGETS_MAX && config->orders_max >= HF_CASE_ORDERS_MAX);
  struct layout at = layout_of(config);
  uint8_t *block = memory;
  memset(core, 0, sizeof *core);
  core->config = *config;
  core->registry = (struct hf_registry *)(void *)(block + at.registry);
  core->registry->policy.feedback_ms = 60000; /* the built-in policy, version 0 */
  hf_pool_init(&core->cases, block + at.cases, sizeof(struct hf_case_entry), config->cases_max);
  hf_pool_init(&core->accounts, block + at.accounts, sizeof(struct hf_account_entry), config->accounts_max);
  hf_pool_init(&core->orders, block + at.orders, sizeof(struct hf_order_entry), config->orders_max);
  hf_map_init(&core->case_of, block + at.case_of, config->cases_max);
  hf_map_init(&core->order_of, block + at.order_of, config->orders_max);
  hf_heap_init(&core->deadlines, (struct hf_heap_entry *)(void *)(block + at.heap_entries),
               (uint32_t *)(void *)(block + at.heap_places), config->orders_max);
}

void hf_core_restore(struct hf_core *core, const struct hf_fact *fact)
{
  HF_ASSERT(fact->shard == core->config.shard);
  hf_core_evolve(core, fact);
  if (fact->seq > core->seq) core->seq = fact->seq; /* a case that returns brings facts from long ago */
}

int64_t hf_core_next_deadline(const struct hf_core *core)
{
  const struct hf_heap_entry *first = hf_heap_first(&core->deadlines);
  return first == NULL ? INT64_MAX : first->key.first;
}

bool hf_core_has_room(const struct hf_core *core)
{
  return hf_pool_room(&core->cases) >= 1 && hf_pool_room(&core->accounts) >= HF_TARGETS_MAX &&
         hf_pool_room(&core->orders) >= HF_TARGETS_MAX * 2;
}

bool hf_core_has_case(const struct hf_core *core, struct hf_case_id id)
{
  return hf_map_get(&core->case_of, id.uuid) != 0;
}

static uint64_t case_checksum(const struct hf_core *core, const struct hf_case_entry *entry)
{
  uint32_t numbers[] = {entry->orders_count, entry->orders_open, entry->holds_count, entry->reports_count};
  uint64_t sum = hf_checksum(HF_CHECKSUM_SEED, entry->id.uuid.bytes, 16);
  sum = hf_checksum(sum, numbers, sizeof numbers);
  sum = hf_checksum(sum, entry->reports, entry->reports_count * sizeof entry->reports[0]);
  sum = hf_checksum(sum, entry->case_number, strlen(entry->case_number));
  for (uint32_t at = entry->accounts_first; at != 0;) {
    const struct hf_account_entry *account = hf_pool_at(&core->accounts, at);
    int64_t values[] = {account->stops, account->queries, account->currency, account->amount, account->transfer_wall_ns};
    sum = hf_checksum(sum, account->institution, strlen(account->institution));
    sum = hf_checksum(sum, account->number.bytes, account->number.size);
    sum = hf_checksum(sum, account->name.bytes, account->name.size);
    sum = hf_checksum(sum, values, sizeof values);
    at = account->next;
  }
  for (uint32_t at = entry->orders_first; at != 0;) {
    const struct hf_order_entry *order = hf_pool_at(&core->orders, at);
    sum = hf_order_checksum(order, sum);
    at = order->next;
  }
  return sum;
}

uint64_t hf_core_checksum(const struct hf_core *core)
{
  /* A sum over cases: where they stand in the pool is not part of the state. */
  uint64_t sum = hf_registry_checksum(core->registry, HF_CHECKSUM_SEED) + core->seq;
  for (uint32_t at = 1; at <= core->cases.fresh; at++) {
    const struct hf_case_entry *entry = hf_pool_at(&core->cases, at);
    if (hf_map_get(&core->case_of, entry->id.uuid) == at) sum += hf_mix64(case_checksum(core, entry));
  }
  return sum;
}
