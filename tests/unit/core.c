#include "tests/unit/case.h"

static void every_cell_of_the_life_cycles_is_stated(void **unused)
{
  (void)unused;
  for (int action = 1; action < HF_ACTION_COUNT; action++)
    for (int state = 0; state < HF_ORDER_STATE_COUNT; state++)
      for (int event = 0; event < HF_ORDER_EVENT_COUNT; event++) {
        const struct hf_order_cell *cell =
            hf_order_cell((enum hf_action)action, (enum hf_order_state)state, (enum hf_order_event)event);
        assert_int_equal((cell->move != HF_ORDER_UNSET) + (cell->ignored != NULL) + (cell->impossible != NULL), 1);
        if (hf_order_state_is_final((enum hf_order_state)state)) assert_int_equal(cell->move, HF_ORDER_UNSET); /* I8 */
      }
  for (int state = 0; state < HF_HOLD_STATE_COUNT; state++)
    for (int event = 0; event < HF_HOLD_EVENT_COUNT; event++) {
      const struct hf_hold_cell *cell = hf_hold_cell((enum hf_hold_state)state, (enum hf_hold_event)event);
      assert_int_equal((cell->move != HF_HOLD_NONE) + (cell->ignored != NULL) + (cell->impossible != NULL), 1);
    }
}

static void a_report_becomes_stops_then_queries(void **unused)
{
  (void)unused;
  step(&t.input);
  int stops = 0, queries = 0;
  for (uint32_t i = 0; i < t.count; i++) {
    if (t.facts[i].kind != HF_FACT_ORDER_READY) continue;
    if (t.facts[i].order.action == HF_ACTION_STOP)
      assert_int_equal(queries, 0), stops++;
    else
      queries++;
    assert_string_equal(t.facts[i].order.key_id, KEY); /* law 4 */
    assert_int_equal(t.facts[i].order.deadline_wall_ns, NOW + 60 * HF_NS_PER_S);
  }
  assert_int_equal(stops, 2);
  assert_int_equal(queries, 2);
}

static void two_transfers_to_one_account_are_one_order(void **unused)
{
  (void)unused;
  t.report.transfers[1].payee.account = t.report.transfers[0].payee.account;
  step(&t.input);
  assert_int_equal(first_of(HF_FACT_ORDER_READY)->order.amount, 200);
  assert_int_equal(hf_core_orders(t.core), 2);
}

static void bad_reports_get_their_reason(void **unused)
{
  (void)unused;
  struct hf_report good = t.report;
  struct hf_transfer *second = &t.report.transfers[1];
  t.input.key_is_record_key = false;
  refused(HF_REASON_CASE_MISMATCH);
  t.input.key_is_record_key = true;
  strcpy(t.input.key_id, NOBODY);
  refused(HF_REASON_UNKNOWN_KEY);
  strcpy(t.input.key_id, KEY);
  second->amount = 0;
  refused(HF_REASON_AMOUNT_NOT_POSITIVE);
  assert_int_equal(t.facts[0].quarantined.transfer, 2);
  second->amount = HF_AMOUNT_MAX + 1;
  refused(HF_REASON_AMOUNT_TOO_LARGE);
  t.report = good, second->amount = HF_AMOUNT_MAX, t.report.transfers[0].payee.account = second->payee.account;
  refused(HF_REASON_AMOUNT_TOO_LARGE);
  t.report = good, second->currency = HF_CURRENCY_UNKNOWN;
  refused(HF_REASON_UNKNOWN_CURRENCY);
  t.report = good, second->currency = HF_CURRENCY_USD, second->payee.account = t.report.transfers[0].payee.account;
  refused(HF_REASON_CURRENCY_MIXED);
  t.report = good, strcpy(second->payee.institution, "NOBODY");
  refused(HF_REASON_UNKNOWN_INSTITUTION);
  t.report = good, strcpy(second->payee.institution, "CLOSED");
  refused(HF_REASON_UNKNOWN_INSTITUTION);
  t.report = good, second->at_wall_ns = NOW + 121 * HF_NS_PER_S;
  refused(HF_REASON_TIME_IN_FUTURE);
  t.report = good, t.report.made_wall_ns = NOW + 121 * HF_NS_PER_S;
  refused(HF_REASON_TIME_IN_FUTURE);
  t.report = good, t.report.transfers_count = 0;
  refused(HF_REASON_NO_TARGET);
  t.report = good;
  step(&t.input);
  assert_int_equal(t.facts[0].kind, HF_FACT_REPORT_ACCEPTED);
  refused(HF_REASON_DUPLICATE_REPORT);
}

static void keys_are_judged_at_the_append_time(void **unused)
{
  (void)unused;
  set_registry(false, NOW + 1, INT64_MAX, HF_ROLE_OFFICER);
  refused(HF_REASON_KEY_NOT_YET_VALID);
  set_registry(false, 1, NOW, HF_ROLE_OFFICER);
  refused(HF_REASON_KEY_EXPIRED);
  set_registry(false, 1, INT64_MAX, HF_ROLE_MACHINE);
  refused(HF_REASON_ROLE_NOT_ALLOWED);
  set_registry(true, 1, INT64_MAX, HF_ROLE_OFFICER);
  refused(HF_REASON_KEY_REVOKED);
}

/* Where two are named, one proposes and another approves; where one is, he does it alone (as everywhere else in these tests).
 */
static void the_registry_changes_by_two_administrators(void **unused)
{
  (void)unused;
  static const char other[] = "0000000000000000000000000000000f";
  static const struct hf_core_config config = {.shard = 1,
                                               .partitions = 4,
                                               .cases_max = 16,
                                               .accounts_max = 512,
                                               .orders_max = 1024,
                                               .root_keys_count = 2,
                                               .root_keys = {ROOT, "0000000000000000000000000000000f"}};
  const struct {
    const char *first, *second;
    enum hf_reason reason;
  } rows[] = {{ROOT, "", HF_REASON_ONE_ADMINISTRATOR}, {other, "", HF_REASON_ONE_ADMINISTRATOR},
              {ROOT, ROOT, HF_REASON_SAME_OFFICER},    {ROOT, KEY, HF_REASON_ROLE_NOT_ALLOWED},
              {KEY, ROOT, HF_REASON_ROLE_NOT_ALLOWED}, {other, ROOT, HF_REASON_NONE}};
  static struct hf_registry_change change;
  void *memory = aligned_alloc(64, (hf_core_memory_size(&config) + 63) / 64 * 64);
  memset(memory, 0, hf_core_memory_size(&config));
  struct hf_core *core = hf_core_init(memory, &config);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct hf_input input = input_of(HF_INPUT_REGISTRY, 0);
    change = (struct hf_registry_change){.made_wall_ns = NOW, .has_policy = true, .policy = hf_policy_default()};
    change.policy.version = 1;
    strcpy(input.key_id, rows[i].first), strcpy(input.second_id, rows[i].second);
    input.registry = &change;
    uint32_t count = hf_core_step(core, &input, t.facts);
    assert_int_equal(count, rows[i].reason == HF_REASON_NONE ? 2 : 1);
    assert_int_equal(t.facts[0].kind, rows[i].reason == HF_REASON_NONE ? HF_FACT_REGISTRY_CHANGED : HF_FACT_QUARANTINED);
    if (count == 1) assert_int_equal(t.facts[0].quarantined.reason, rows[i].reason);
  }
  assert_string_equal(t.facts[0].changed.key_id, other);
  assert_string_equal(t.facts[0].changed.second_id, ROOT);
  assert_true(t.facts[0].changed.policy && !t.facts[0].changed.sla && t.facts[0].changed.institutions == 0);
  free(memory);
}

static void accesses_are_peoples_and_facts(void **unused)
{
  (void)unused;
  static struct hf_access access;
  const struct {
    enum hf_role role;
    const char *key;
    int64_t ahead_ns;
    enum hf_reason reason;
  } rows[] = {{HF_ROLE_OFFICER, KEY, 0, HF_REASON_NONE},
              {HF_ROLE_AUDITOR, KEY, 0, HF_REASON_NONE},
              {HF_ROLE_ADMINISTRATOR, KEY, 0, HF_REASON_NONE},
              {HF_ROLE_MACHINE, KEY, 0, HF_REASON_ROLE_NOT_ALLOWED},
              {HF_ROLE_INSTITUTION, KEY, 0, HF_REASON_ROLE_NOT_ALLOWED},
              {HF_ROLE_OFFICER, NOBODY, 0, HF_REASON_UNKNOWN_KEY},
              {HF_ROLE_OFFICER, KEY, 3600 * HF_NS_PER_S, HF_REASON_TIME_IN_FUTURE}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    set_registry(false, 1, INT64_MAX, rows[i].role);
    access = (struct hf_access){
        .kind = HF_ACCESS_REVEAL, .what = "a case", .reason = "a call", .made_wall_ns = NOW + rows[i].ahead_ns};
    struct hf_input input = input_of(HF_INPUT_ACCESS, 0);
    strcpy(input.key_id, rows[i].key);
    input.access = &access;
    assert_int_equal(step(&input), 1);
    if (rows[i].reason == HF_REASON_NONE) {
      assert_int_equal(t.facts[0].kind, HF_FACT_ACCESS_NOTED);
      assert_string_equal(t.facts[0].access.key_id, KEY);
      assert_string_equal(t.facts[0].access.of.reason, "a call");
    } else {
      assert_int_equal(t.facts[0].kind, HF_FACT_QUARANTINED);
      assert_int_equal(t.facts[0].quarantined.reason, rows[i].reason);
    }
  }
  set_registry(false, 1, INT64_MAX, HF_ROLE_AUDITOR); /* … and he signs nothing else */
  step(&t.input);
  assert_int_equal(t.facts[0].quarantined.reason, HF_REASON_ROLE_NOT_ALLOWED);
}

/* H1: 48 h from when the institution stopped; an interval where it does not say or cannot have. */
static void a_hold_lasts_48_hours_from_the_institutions_stop(void **unused)
{
  (void)unused;
  answered(open_one(), "0000", HF_NS_PER_S, NOW + HF_NS_PER_MS);
  const struct hf_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold.hold;
  assert_int_equal(hold->expires_latest_wall_ns, NOW + HF_NS_PER_MS + HF_STOP_TERM_NS);
  assert_int_equal(hold->expires_earliest_wall_ns, hold->expires_latest_wall_ns);
  assert_int_equal(hold->held, 77);
}

static void an_impossible_stop_time_becomes_an_interval(void **unused)
{
  (void)unused;
  answered(open_one(), "0000", HF_NS_PER_S, NOW + 3600 * HF_NS_PER_S);
  const struct hf_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold.hold;
  assert_int_equal(hold->starts_earliest_wall_ns, NOW);
  assert_int_equal(hold->starts_latest_wall_ns, NOW + HF_NS_PER_S);
}

static void the_first_feedback_rules_and_another_is_kept(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  answered(id, "0000", HF_NS_PER_S, 0);
  answered(id, "0000", 2 * HF_NS_PER_S, 0);
  assert_int_equal(t.count, 0); /* O14: a repeat */
  answered(id, "0301", 3 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ANSWER_CONTRADICTED)->ended.state, HF_ORDER_EFFECTIVE);
}

static void late_feedback_is_overdue_and_unknown_is_a_state(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS), gave_up = input_of(HF_INPUT_GAVE_UP, HF_NS_PER_S);
  left.order_id = gave_up.order_id = id;
  step(&left);
  step(&gave_up);
  first_of(HF_FACT_ORDER_UNKNOWN);
  assert_int_equal(hf_core_next_deadline(t.core), NOW + 48 * HF_NS_PER_S); /* four fifths: somebody can still call */
  struct hf_input tick = input_of(HF_INPUT_TICK, 48 * HF_NS_PER_S);
  step(&tick);
  assert_string_equal(first_of(HF_FACT_ORDER_WARNED)->step.institution, "BANKA");
  assert_int_equal(count_of(HF_FACT_ORDER_OVERDUE), 0);
  assert_int_equal(hf_core_next_deadline(t.core), NOW + 60 * HF_NS_PER_S);
  tick = input_of(HF_INPUT_TICK, 61 * HF_NS_PER_S);
  step(&tick);
  assert_int_equal(count_of(HF_FACT_ORDER_WARNED), 0);
  first_of(HF_FACT_ORDER_OVERDUE);
  answered(id, "1200", 62 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_ENDED)->ended.state, HF_ORDER_EFFECTIVE_SHORT);
}

static void a_case_rests_and_its_holds_lapse_after_it_returned(void **unused)
{
  static struct hf_fact kept[64];
  uint32_t kept_count = 0;
  (void)unused;
  struct hf_order_id stop = open_one(), query = t.facts[t.count - 1].order.id;
  for (uint32_t i = 0; i < t.count; i++) kept[kept_count++] = t.facts[i];
  answered(stop, "0000", HF_NS_PER_S, NOW);
  for (uint32_t i = 0; i < t.count; i++) kept[kept_count++] = t.facts[i];
  answered(query, "0000", HF_NS_PER_S, NOW);
  for (uint32_t i = 0; i < t.count; i++)
    if (t.facts[i].kind != HF_FACT_CASE_RESTED) kept[kept_count++] = t.facts[i];
  assert_int_equal(first_of(HF_FACT_CASE_RESTED)->wakes_wall_ns, NOW + 1800 * HF_NS_PER_S); /* the countersignature */
  assert_false(hf_core_has_case(t.core, t.report.case_id));
  for (uint32_t i = 0; i < kept_count; i++) hf_core_restore(t.core, &kept[i]);
  struct hf_input back = input_of(HF_INPUT_RETURN, HF_STOP_TERM_NS + HF_NS_PER_S),
                  tick = input_of(HF_INPUT_TICK, HF_STOP_TERM_NS + HF_NS_PER_S);
  back.case_id = t.report.case_id;
  step(&back);
  step(&tick);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.event, HF_HOLD_EVENT_TERM);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_cell_of_the_life_cycles_is_stated),
                                     TEST(a_report_becomes_stops_then_queries),
                                     TEST(two_transfers_to_one_account_are_one_order),
                                     TEST(bad_reports_get_their_reason),
                                     TEST(keys_are_judged_at_the_append_time),
                                     TEST(accesses_are_peoples_and_facts),
                                     TEST(the_registry_changes_by_two_administrators),
                                     TEST(a_hold_lasts_48_hours_from_the_institutions_stop),
                                     TEST(an_impossible_stop_time_becomes_an_interval),
                                     TEST(the_first_feedback_rules_and_another_is_kept),
                                     TEST(late_feedback_is_overdue_and_unknown_is_a_state),
                                     TEST(a_case_rests_and_its_holds_lapse_after_it_returned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
