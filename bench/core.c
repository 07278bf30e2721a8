/*
 * Bench: what one step of the core costs: a report with 12 accounts (24 orders, ids hashed), and a feedback, at 1,000 and at
 * 1,000,000 open orders. usage: core_bench; prints JSON: p50, p99 in ns, and memory for each open order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/core/core.h"

#define ACCOUNTS 12
#define SAMPLES 4000

static struct hf_fact facts[HF_STEP_FACTS_MAX];
static struct hf_order_id ids[SAMPLES * ACCOUNTS];
static int64_t reports[SAMPLES], feedbacks[SAMPLES];

static struct hf_time now_of(int64_t ns)
{
  return (struct hf_time){.mono_ns = ns, .wall_ns = 1700000000LL * HF_NS_PER_S + ns};
}

static void set_registry(struct hf_core *core)
{
  static struct hf_registry_change change = {.institutions_count = 1, .keys_count = 1};
  change.made_wall_ns = now_of(1).wall_ns;
  change.institutions[0] = (struct hf_institution){.code = "BANK0",
                                                   .name = "bank",
                                                   .dialect = "holdfast_json",
                                                   .transport = "https",
                                                   .endpoint = "https://x",
                                                   .enabled = true,
                                                   .window = 8,
                                                   .connections = 1,
                                                   .try_timeout_ms = 1000,
                                                   .sla_feedback_ms = 3600000};
  change.keys[0] = (struct hf_key){.holder = "officer",
                                   .unit = "desk",
                                   .role = HF_ROLE_OFFICER,
                                   .algorithm = HF_ALGORITHM_ED25519,
                                   .public_key_size = 44,
                                   .valid_from_wall_ns = 1,
                                   .valid_until_wall_ns = INT64_MAX};
  memset(change.keys[0].id, '1', HF_KEY_ID_SIZE);
  struct hf_input input = {
      .kind = HF_INPUT_REGISTRY, .now = now_of(1), .at = now_of(1), .appended_wall_ns = now_of(1).wall_ns, .registry = &change};
  memset(input.key_id, '0', HF_KEY_ID_SIZE);
  hf_core_step(core, &input, facts);
}

/* Returns the step's time; writes the stops' ids. */
static int64_t report(struct hf_core *core, uint32_t number, struct hf_order_id *stops)
{
  static struct hf_report made;
  uint8_t random[10] = {[4] = (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
  int64_t wall_ns = now_of(1000).wall_ns;
  memset(&made, 0, sizeof made);
  made.case_id.uuid = hf_uuid_v7(wall_ns, random);
  random[9] = 1;
  made.id.uuid = hf_uuid_v7(wall_ns, random);
  made.made_wall_ns = wall_ns;
  strcpy(made.form_reference, "ZF-1");
  made.transfers_count = ACCOUNTS;
  for (uint32_t i = 0; i < ACCOUNTS; i++) {
    char text[20];
    int size = snprintf(text, sizeof text, "62220200%08u", number * ACCOUNTS + i);
    strcpy(made.transfers[i].payee.institution, "BANK0");
    HF_ASSERT(hf_is_ok(hf_account_number_set(&made.transfers[i].payee.account, text, (size_t)size)));
    made.transfers[i].amount = 100 + i;
    made.transfers[i].currency = HF_CURRENCY_CNY;
    made.transfers[i].at_wall_ns = wall_ns - HF_NS_PER_S;
  }
  struct hf_input input = {.kind = HF_INPUT_REPORT,
                           .now = now_of(1000),
                           .at = now_of(1000),
                           .offset = number,
                           .appended_wall_ns = wall_ns,
                           .consumed_wall_ns = wall_ns,
                           .key_is_record_key = true,
                           .report = &made};
  memset(input.key_id, '1', HF_KEY_ID_SIZE);
  int64_t began = hf_time_now().mono_ns;
  uint32_t count = hf_core_step(core, &input, facts);
  int64_t took = hf_time_now().mono_ns - began;
  for (uint32_t i = 0, at = 0; i < count && stops != NULL; i++)
    if (facts[i].kind == HF_FACT_ORDER_READY && facts[i].order.action == HF_ACTION_STOP) stops[at++] = facts[i].order.id;
  return took;
}

static int64_t feedback(struct hf_core *core, struct hf_order_id id)
{
  struct hf_answer answer = {.order_id = id, .has_receipt = true, .has_feedback = true, .result = "0000"};
  struct hf_input input = {
      .kind = HF_INPUT_LEFT, .now = now_of(2000), .at = now_of(2000), .order_id = id, .attempt = 1, .answer = &answer};
  hf_core_step(core, &input, facts);
  input.kind = HF_INPUT_ANSWER;
  int64_t began = hf_time_now().mono_ns;
  uint32_t count = hf_core_step(core, &input, facts);
  int64_t took = hf_time_now().mono_ns - began;
  HF_ASSERT(count >= 3); /* received, ended, the hold */
  return took;
}

static int compare(const void *a, const void *b)
{
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void measure(uint32_t open_orders, const char *end)
{
  uint32_t before = open_orders / (ACCOUNTS * 2), total = before + SAMPLES;
  const struct hf_core_config config = {.partitions = 1,
                                        .cases_max = total + 1,
                                        .accounts_max = total * ACCOUNTS + 2 * HF_TARGETS_MAX,
                                        .orders_max = total * ACCOUNTS * 2 + 4 * HF_TARGETS_MAX,
                                        .root_keys_count = 1,
                                        .root_keys = {"00000000000000000000000000000000"}};
  size_t size = hf_core_memory_size(&config);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  HF_ASSERT(memory != MAP_FAILED);
  struct hf_core *core = hf_core_init(memory, &config);
  set_registry(core);
  for (uint32_t i = 0; i < before; i++) report(core, i, NULL);
  for (uint32_t i = 0; i < SAMPLES; i++) reports[i] = report(core, before + i, &ids[i * ACCOUNTS]);
  for (uint32_t i = 0; i < SAMPLES; i++) feedbacks[i] = feedback(core, ids[i * ACCOUNTS]);
  qsort(reports, SAMPLES, sizeof *reports, compare);
  qsort(feedbacks, SAMPLES, sizeof *feedbacks, compare);
  printf(
      "\"%u\": {\"report_p50_ns\": %lld, \"report_p99_ns\": %lld, \"feedback_p50_ns\": %lld, \"feedback_p99_ns\": %lld, "
      "\"bytes_per_order\": %.0f}%s",
      open_orders, (long long)reports[SAMPLES / 2], (long long)reports[SAMPLES * 99 / 100], (long long)feedbacks[SAMPLES / 2],
      (long long)feedbacks[SAMPLES * 99 / 100], (double)size / config.orders_max, end);
  munmap(memory, size);
}

int main(void)
{
  printf("{");
  measure(1000, ", ");
  measure(1000000, "}\n");
  return 0;
}
