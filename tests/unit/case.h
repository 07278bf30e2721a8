/* Case: one shard's core with two keys and one report, for the tests of the core and of the domain's rules. */
#ifndef HF_TESTS_UNIT_CASE_H
#define HF_TESTS_UNIT_CASE_H

#include "engine/core/core.h"
#include "engine/core/reason.h"
#include "tests/unit/unit.h"

#define KEY "11111111111111111111111111111111"
#define SECOND "22222222222222222222222222222222"
#define NOBODY "99999999999999999999999999999999"
#define ROOT "00000000000000000000000000000000"
#define NOW (1700000000LL * HF_NS_PER_S)

static struct {
  struct hf_core *core;
  void *memory;
  struct hf_fact facts[HF_STEP_FACTS_MAX];
  uint32_t count;
  struct hf_report report;
  struct hf_input input;
  bool more; /* the next answers are not the last */
} t;

static bool t_swallows;    /* what set_registry says of the institutions */
static uint32_t t_actions; /* 0: all */

static inline uint32_t step(const struct hf_input *input)
{
  return t.count = hf_core_step(t.core, input, t.facts);
}

static inline struct hf_input input_of(enum hf_input_kind kind, int64_t after_ns)
{
  struct hf_time now = {1000 + after_ns, NOW + after_ns};
  return (struct hf_input){.kind = kind, .now = now, .at = now, .appended_wall_ns = now.wall_ns};
}

static inline void set_registry(bool revoked, int64_t from, int64_t until, enum hf_role role)
{
  static struct hf_registry_change change;
  struct hf_input input = input_of(HF_INPUT_REGISTRY, 0);
  memset(&change, 0, sizeof change);
  change.institutions_count = 2;
  for (int i = 0; i < 2; i++) {
    struct hf_institution *row = &change.institutions[i];
    *row = (struct hf_institution){.dialect = "holdfast_json",
                                   .transport = "https",
                                   .endpoint = "https://127.0.0.1:1",
                                   .name = "bank",
                                   .enabled = i == 0,
                                   .window = 4,
                                   .connections = 1,
                                   .try_timeout_ms = 1000,
                                   .sla_feedback_ms = 60000,
                                   .swallows_duplicates = t_swallows,
                                   .actions = t_actions};
    strcpy(row->code, i == 0 ? "BANKA" : "CLOSED");
  }
  change.keys_count = 2;
  change.keys[1] = (struct hf_key){.id = SECOND,
                                   .holder = "second",
                                   .role = HF_ROLE_LEADER,
                                   .algorithm = HF_ALGORITHM_ED25519,
                                   .public_key_size = 44,
                                   .valid_from_wall_ns = 1,
                                   .valid_until_wall_ns = INT64_MAX};
  change.keys[0] = (struct hf_key){.id = KEY,
                                   .holder = "officer",
                                   .role = role,
                                   .algorithm = HF_ALGORITHM_ED25519,
                                   .public_key_size = 44,
                                   .valid_from_wall_ns = from,
                                   .valid_until_wall_ns = until,
                                   .revoked = revoked};
  strcpy(input.key_id, ROOT);
  input.registry = &change;
  assert_int_equal(step(&input), 3 + change.keys_count);
}

static inline int set_up(void **unused)
{
  static const struct hf_core_config config = {.shard = 1,
                                               .partitions = 4,
                                               .cases_max = 16,
                                               .accounts_max = 512,
                                               .orders_max = 1024,
                                               .root_keys_count = 1,
                                               .root_keys = {ROOT}};
  (void)unused;
  memset(&t, 0, sizeof t);
  t.memory = aligned_alloc(64, (hf_core_memory_size(&config) + 63) / 64 * 64);
  memset(t.memory, 0, hf_core_memory_size(&config));
  t.core = hf_core_init(t.memory, &config);
  set_registry(false, 1, INT64_MAX, HF_ROLE_OFFICER);
  t.report.case_id.uuid = hf_uuid_v7(NOW, (const uint8_t[10]){1});
  t.report.id.uuid = hf_uuid_v7(NOW, (const uint8_t[10]){2});
  t.report.made_wall_ns = NOW;
  t.report.transfers_count = 2;
  for (int i = 0; i < 2; i++) {
    struct hf_transfer *transfer = &t.report.transfers[i];
    strcpy(transfer->payee.institution, "BANKA");
    assert_true(hf_is_ok(hf_account_number_set(&transfer->payee.account, i == 0 ? "A1" : "A2", 2)));
    transfer->amount = 100;
    transfer->currency = HF_CURRENCY_CNY;
    transfer->at_wall_ns = NOW - HF_NS_PER_S;
  }
  t.input = input_of(HF_INPUT_REPORT, 0);
  strcpy(t.input.key_id, KEY);
  strcpy(t.report.form_reference, "ZF");
  t.input.key_is_record_key = true;
  t.input.report = &t.report;
  return 0;
}

static inline int tear_down(void **unused)
{
  (void)unused;
  free(t.memory);
  return 0;
}

static inline void refused(enum hf_reason reason)
{
  assert_int_equal(step(&t.input), 1);
  assert_int_equal(t.facts[0].kind, HF_FACT_QUARANTINED);
  assert_string_equal(hf_reason_code(t.facts[0].quarantined.reason), hf_reason_code(reason));
}

static inline const struct hf_fact *first_of(enum hf_fact_kind kind)
{
  for (uint32_t i = 0; i < t.count; i++)
    if (t.facts[i].kind == kind) return &t.facts[i];
  fail_msg("no %s", hf_fact_code(kind));
  return NULL;
}

static inline uint32_t count_of(enum hf_fact_kind kind)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < t.count; i++) count += t.facts[i].kind == kind;
  return count;
}

static inline struct hf_order_id open_one(void)
{
  t.report.transfers_count = 1;
  step(&t.input);
  return first_of(HF_FACT_ORDER_READY)->order.id;
}

static inline void answered(struct hf_order_id id, const char *result, int64_t after_ns, int64_t executed_wall_ns)
{
  struct hf_answer answer = {
      .order_id = id, .has_receipt = true, .has_feedback = true, .held = 77, .executed_wall_ns = executed_wall_ns};
  struct hf_input input = input_of(HF_INPUT_ANSWER, after_ns);
  strcpy(answer.result, result);
  answer.more = t.more;
  input.order_id = id;
  input.attempt = 1;
  input.answer = &answer;
  step(&input);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
