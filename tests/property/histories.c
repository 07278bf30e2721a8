/*
 * Property: random histories of one shard. A core restored from the facts that PostgreSQL would give back has the live core's
 * checksum, and the sum over all histories is the same for every compiler and build type.
 *
 * usage: histories [COUNT [FIRST_SEED]] | planted; prints the sum; exit 1 with the seed where a restored core differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/core/core.h"

#define FACTS_MAX 8192
#define STEPS_MAX 60
#define ORDERS_MAX 512

static struct {
  uint64_t random;
  struct hf_core live, restored;
  void *live_memory, *restored_memory;
  size_t memory_size;
  struct hf_fact facts[FACTS_MAX];
  uint32_t facts_count;
  struct hf_order orders[ORDERS_MAX];
  uint32_t orders_count;
  struct hf_time now;
  int64_t offset;
  uint32_t version;
  bool planted; /* the fault that the comparison must see: one fact is not restored */
} run;

static const struct hf_core_config config = {.shard = 3,
                                             .partitions = 16,
                                             .cases_max = 16,
                                             .accounts_max = 512,
                                             .orders_max = 1024,
                                             .root_keys_count = 1,
                                             .root_keys = {"00000000000000000000000000000000"}};

static uint64_t any(uint64_t below)
{
  run.random += 0x9e3779b97f4a7c15ULL;
  return hf_mix64(run.random) % below;
}

static void take(const struct hf_input *input)
{
  HF_ASSERT(run.facts_count + HF_STEP_FACTS_MAX < FACTS_MAX);
  struct hf_fact *facts = &run.facts[run.facts_count];
  uint32_t count = hf_core_step(&run.live, input, facts);
  for (uint32_t i = 0; i < count; i++)
    if (facts[i].kind == HF_FACT_ORDER_READY && run.orders_count < ORDERS_MAX) run.orders[run.orders_count++] = facts[i].order;
  run.facts_count += count;
}

static struct hf_input input_of(enum hf_input_kind kind)
{
  return (struct hf_input){.kind = kind, .now = run.now, .at = run.now, .appended_wall_ns = run.now.wall_ns};
}

static void change_registry(bool first)
{
  static struct hf_registry_change change;
  struct hf_input input = input_of(HF_INPUT_REGISTRY);
  memset(&change, 0, sizeof change);
  for (uint32_t i = 0; i < 3; i++) {
    struct hf_institution *row = &change.institutions[change.institutions_count];
    if (!first && any(3) != 0) continue;
    snprintf(row->code, sizeof row->code, "BANK%u", i);
    strcpy(row->name, "bank");
    strcpy(row->dialect, "holdfast_json");
    strcpy(row->transport, "https");
    strcpy(row->endpoint, "https://127.0.0.1:1");
    row->enabled = first || any(8) != 0;
    row->window = 1 + (uint32_t)any(60);
    row->connections = 1;
    row->try_timeout_ms = 1000;
    row->sla_feedback_ms = 1000 + (uint32_t)any(100000);
    change.institutions_count++;
  }
  for (uint32_t i = 0; i < 2; i++) {
    struct hf_key *key = &change.keys[change.keys_count];
    if (!first && any(4) != 0) continue;
    memset(key->id, '1' + (int)i, HF_KEY_ID_SIZE);
    strcpy(key->holder, "officer");
    key->role = HF_ROLE_OFFICER;
    key->algorithm = HF_ALGORITHM_ED25519;
    key->public_key_size = 44;
    key->valid_from_wall_ns = 1;
    key->valid_until_wall_ns = INT64_MAX;
    key->revoked = !first && any(6) == 0;
    change.keys_count++;
  }
  change.has_policy = any(4) == 0;
  change.policy = (struct hf_policy){run.version + (any(5) == 0 ? 2 : 1), 1000 + (uint32_t)any(60000)};
  change.made_wall_ns = run.now.wall_ns;
  memset(input.key_id, any(10) == 0 ? '7' : '0', HF_KEY_ID_SIZE);
  input.registry = &change;
  input.offset = run.offset++;
  take(&input);
  run.version = run.live.registry->policy.version;
}

static struct hf_case_id some_case(void)
{
  struct hf_case_id id = {.uuid = hf_uuid_v7(1700000000LL * HF_NS_PER_S, (const uint8_t[10]){(uint8_t)any(4)})};
  return id;
}

/* What the daemon does before a submission for a case that rests: its facts come back, then the core is told. */
static void bring_back(struct hf_case_id id)
{
  bool known = false;
  if (hf_core_has_case(&run.live, id)) return;
  uint32_t count = run.facts_count;
  for (uint32_t i = 0; i < count; i++) {
    const struct hf_fact *fact = &run.facts[i];
    if (!hf_uuid_equal(fact->case_id.uuid, id.uuid) || fact->kind == HF_FACT_CASE_RESTED ||
        fact->kind == HF_FACT_CASE_RETURNED || fact->kind == HF_FACT_QUARANTINED)
      continue;
    hf_core_restore(&run.live, fact);
    known = true;
  }
  if (!known) return;
  struct hf_input input = input_of(HF_INPUT_RETURN);
  input.case_id = id;
  take(&input);
}

static void report(void)
{
  static struct hf_report report;
  struct hf_input input = input_of(HF_INPUT_REPORT);
  char account[8];
  memset(&report, 0, sizeof report);
  report.case_id = some_case();
  report.id.uuid = hf_uuid_v7(run.now.wall_ns, (const uint8_t[10]){(uint8_t)any(20), 1});
  report.made_wall_ns = run.now.wall_ns + (any(20) == 0 ? 300 * HF_NS_PER_S : 0);
  strcpy(report.form_reference, "ZF");
  report.transfers_count = (uint32_t)any(5);
  for (uint32_t i = 0; i < report.transfers_count; i++) {
    struct hf_transfer *transfer = &report.transfers[i];
    snprintf(transfer->payee.institution, sizeof transfer->payee.institution, "BANK%u", (unsigned)any(any(10) == 0 ? 4 : 3));
    int size = snprintf(account, sizeof account, "A%u", (unsigned)any(6));
    struct hf_status status = hf_account_number_set(&transfer->payee.account, account, (size_t)size);
    HF_ASSERT(hf_is_ok(status));
    transfer->amount = any(30) == 0 ? 0 : (int64_t)(1 + any(1000000));
    transfer->currency = any(30) == 0 ? HF_CURRENCY_USD : HF_CURRENCY_CNY;
    transfer->at_wall_ns = run.now.wall_ns - (int64_t)any(3600) * HF_NS_PER_S;
  }
  bring_back(report.case_id);
  memset(input.key_id, '1' + (int)any(2), HF_KEY_ID_SIZE);
  input.key_is_record_key = any(30) != 0;
  input.consumed_wall_ns = run.now.wall_ns;
  input.report = &report;
  input.offset = run.offset++;
  if (hf_core_has_room(&run.live)) take(&input);
}

static void answer(void)
{
  static const char *const results[] = {"0000", "0000", "0000", "0900", "1200", "1301", "0301", "0101", "0999"};
  struct hf_answer what = {.has_receipt = true};
  if (run.orders_count == 0) return;
  const struct hf_order *order = &run.orders[any(run.orders_count)];
  struct hf_input input = input_of(HF_INPUT_ANSWER);
  what.order_id = input.order_id = order->id;
  what.has_feedback = any(4) != 0;
  strcpy(what.result, results[any(sizeof results / sizeof results[0])]);
  what.executed_wall_ns = any(3) == 0 ? 0 : run.now.wall_ns - (int64_t)any(200) * HF_NS_PER_S;
  what.held = (int64_t)any(1000);
  input.attempt = 1 + (uint32_t)any(3);
  input.answer = &what;
  take(&input);
}

static void attempt(void)
{
  static const enum hf_input_kind kinds[] = {HF_INPUT_LEFT, HF_INPUT_LEFT, HF_INPUT_ATTEMPT_ENDED, HF_INPUT_GAVE_UP};
  if (run.orders_count == 0) return;
  struct hf_input input = input_of(kinds[any(4)]);
  input.order_id = run.orders[any(run.orders_count)].id;
  input.attempt = 1 + (uint32_t)any(3);
  input.outcome = HF_OUTCOME_TIMEOUT;
  input.left = any(2) == 0;
  take(&input);
}

static void unreadable(void)
{
  struct hf_input input = input_of(HF_INPUT_UNREADABLE);
  input.verdict = HF_REASON_BAD_SIGNATURE;
  input.offset = run.offset++;
  take(&input);
}

static void step(void)
{
  run.now.mono_ns += (int64_t)any(1000000000);
  run.now.wall_ns += (int64_t)any(any(6) == 0 ? 40LL * 3600 * HF_NS_PER_S : 5 * HF_NS_PER_S);
  struct hf_input tick = input_of(HF_INPUT_TICK);
  if (hf_core_next_deadline(&run.live) <= run.now.wall_ns) take(&tick);
  switch (any(10)) {
  case 0: change_registry(false); break;
  case 1:
  case 2:
  case 3: report(); break;
  case 4: unreadable(); break;
  case 5:
  case 6: attempt(); break;
  case 7: bring_back(some_case()); break;
  default: answer();
  }
}

static bool is_open(struct hf_case_id id)
{
  return hf_core_has_case(&run.live, id);
}

/* As hf_record_load gives them: the registry's facts and those of open cases, then the shard's seq. */
static void restore(void)
{
  struct hf_case_id none = {0};
  for (uint32_t i = 0; i < run.facts_count; i++) {
    const struct hf_fact *fact = &run.facts[i];
    bool kept = fact->kind != HF_FACT_CASE_RESTED && fact->kind != HF_FACT_CASE_RETURNED && fact->kind != HF_FACT_QUARANTINED;
    if (run.planted && i > 20 && fact->kind == HF_FACT_ORDER_SENT) continue;
    if (kept && (hf_uuid_equal(fact->case_id.uuid, none.uuid) || is_open(fact->case_id))) hf_core_restore(&run.restored, fact);
  }
  if (run.live.seq > run.restored.seq) run.restored.seq = run.live.seq;
}

static uint64_t history(uint64_t seed)
{
  madvise(run.live_memory, run.memory_size, MADV_DONTNEED); /* zeroes again */
  madvise(run.restored_memory, run.memory_size, MADV_DONTNEED);
  run.random = seed * 0x9e3779b97f4a7c15ULL;
  run.facts_count = run.orders_count = run.version = 0;
  run.offset = 0;
  run.now = (struct hf_time){1000000000, 1700000000LL * HF_NS_PER_S};
  hf_core_init(&run.live, run.live_memory, &config);
  hf_core_init(&run.restored, run.restored_memory, &config);
  change_registry(true);
  for (uint64_t steps = 10 + any(STEPS_MAX - 10); steps > 0; steps--) step();
  restore();
  uint64_t live = hf_core_checksum(&run.live), restored = hf_core_checksum(&run.restored);
  for (uint32_t i = 0; i < run.facts_count; i++) HF_ASSERT(run.facts[i].seq == i + 1);
  if (live == restored && hf_core_next_deadline(&run.live) == hf_core_next_deadline(&run.restored)) return live;
  printf("seed %llu: the restored core differs (%u facts)\n", (unsigned long long)seed, run.facts_count);
  exit(1);
}

static void *reserve(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HF_ASSERT(memory != MAP_FAILED);
  return memory;
}

int main(int argc, char **argv)
{
  run.planted = argc > 1 && strcmp(argv[1], "planted") == 0;
  if (run.planted) argc = 1;
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, sum = 0,
           facts = 0;
  run.memory_size = hf_core_memory_size(&config);
  run.live_memory = reserve(run.memory_size);
  run.restored_memory = reserve(run.memory_size);
  for (uint64_t seed = first; seed < first + count; seed++) {
    sum = hf_mix64(sum + history(seed));
    facts += run.facts_count;
  }
  printf("%llu histories, %llu facts, sum %016llx\n", (unsigned long long)count, (unsigned long long)facts,
         (unsigned long long)sum);
  return 0;
}
