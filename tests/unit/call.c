/* Calls: contacts as they are signed, and the ladder that a silent institution's call climbs. */
#include "tests/unit/case.h"

#define MINUTE (60 * HF_NS_PER_S)
/* NOW is 2023-11-15 06:13:20 in China */
#define BY_DAY "Wang; +86-539-1; 06-20; 2024-06-30"
#define BY_NIGHT "Li; +86-539-2; 20-06; 2024-06-30"
#define OVER "Zhao; +86-539-3; 00-24; 2023-11-15"

static int64_t at_hour(const char *contact, int64_t hour)
{
  return hf_contact_is_on_duty(contact, (1700000000LL - 6 * 3600 - 800 + hour * 3600) * HF_NS_PER_S);
}

static void a_contact_is_on_duty_at_its_hours_until_its_day(void **unused)
{
  (void)unused;
  for (int64_t hour = 0; hour < 24; hour++) {
    assert_int_equal(at_hour(BY_DAY, hour), hour >= 6 && hour < 20);
    assert_int_equal(at_hour(BY_NIGHT, hour), hour >= 20 || hour < 6);
    assert_false(at_hour(OVER, hour));
    assert_true(at_hour(OVER, hour - 24)); /* the day before it ends */
    assert_false(at_hour("", hour));
  }
}

static void a_contact_is_read_strictly(void **unused)
{
  (void)unused;
  static const char *const wrong[] = {"Wang",
                                      "Wang; 123",
                                      "Wang; 123; 08-20",
                                      "; 123; 08-20; 2027-06-30",
                                      "Wang; 12; 08-20; 2027-06-30",
                                      "Wang; 12a; 08-20; 2027-06-30",
                                      "Wang; 123; 8-20; 2027-06-30",
                                      "Wang; 123; 08-25; 2027-06-30",
                                      "Wang; 123; 24-08; 2027-06-30",
                                      "Wang; 123; 08-00; 2027-06-30",
                                      "Wang; 123; 08-08; 2027-06-30",
                                      "Wang; 123; 08-20; 2027-02-29",
                                      "Wang; 123; 08-20; 2027-06-30; ",
                                      "Wang; 123; 08-20; 2027-06-30; more"};
  struct hf_contact contact;
  char text[HF_CONTACT_SIZE_MAX + 2];
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (hf_is_ok(hf_contact_read(wrong[i], &contact))) fail_msg("%s is read", wrong[i]);
  assert_true(hf_is_ok(hf_contact_read(BY_DAY, &contact)));
  assert_true(contact.from == 6 && contact.to == 20);
  assert_int_equal(contact.until_wall_ns, 1719676800LL * HF_NS_PER_S); /* 2024-06-30 in China */
  memset(text, 'a', sizeof text);
  strcpy(text + sizeof text - sizeof BY_DAY, BY_DAY);
  assert_false(hf_is_ok(hf_contact_read(text, &contact))); /* a byte too long */
  assert_true(hf_is_ok(hf_contact_read(text + 1, &contact)));
}

static struct hf_registry_change change;

static void set_row(const char *code, const char *stands_for, const char *a, const char *b)
{
  struct hf_input input = input_of(HF_INPUT_REGISTRY, 0);
  memset(&change, 0, sizeof change);
  change.institutions_count = 1;
  struct hf_institution *row = &change.institutions[0];
  *row = (struct hf_institution){.dialect = "holdfast_json",
                                 .transport = "https",
                                 .endpoint = "https://127.0.0.1:1",
                                 .name = "bank",
                                 .enabled = true,
                                 .window = 4,
                                 .connections = 1,
                                 .try_timeout_ms = 1000};
  strcpy(row->code, code), strcpy(row->stands_for, stands_for);
  strcpy(row->contacts[0], a), strcpy(row->contacts[1], b);
  strcpy(input.key_id, ROOT);
  input.registry = &change;
  assert_int_equal(step(&input), 2);
}

static void lane(const char *code, bool silent, int64_t after_ns)
{
  struct hf_input input = input_of(HF_INPUT_LANE, after_ns);
  static struct hf_fact_lane told;
  told = (struct hf_fact_lane){.silent = silent, .tries = 8, .orders = 3};
  strcpy(told.institution, code);
  input.lane = &told;
  step(&input);
}

static void tick(int64_t after_ns)
{
  struct hf_input input = input_of(HF_INPUT_TICK, after_ns);
  step(&input);
}

/* The step's only call: whose turn it is, and when the next one's. */
static void called(enum hf_rung rung, int64_t next_after_ns)
{
  const struct hf_fact *fact = &t.facts[t.count - 1];
  assert_int_equal(fact->kind, HF_FACT_CALL_RAISED);
  assert_string_equal(hf_rung_code(fact->call.rung), hf_rung_code(rung));
  assert_int_equal(fact->call.next_wall_ns, next_after_ns == 0 ? 0 : NOW + next_after_ns);
  assert_int_equal(hf_core_next_deadline(t.core), next_after_ns == 0 ? INT64_MAX : NOW + next_after_ns);
}

static void a_silent_institution_is_called_a_then_b_then_our_leader(void **unused)
{
  (void)unused;
  set_row("BANKA", "", BY_DAY, "Sun; 110; 00-24; 2024-01-01");
  lane("BANKA", true, 0);
  assert_int_equal(t.count, 2);
  assert_int_equal(t.facts[0].kind, HF_FACT_LANE_NOTED);
  called(HF_RUNG_CONTACT_A, 5 * MINUTE);
  assert_true(hf_core_is_silent(t.core, "BANKA") && !hf_core_is_silent(t.core, "CLOSED") && !hf_core_is_silent(t.core, "NONE"));
  lane("BANKA", true, MINUTE); /* told again: by another engine's start */
  assert_int_equal(t.count, 0);
  tick(5 * MINUTE - 1);
  assert_int_equal(t.count, 0);
  tick(5 * MINUTE);
  assert_int_equal(t.count, 1);
  called(HF_RUNG_CONTACT_B, 10 * MINUTE);
  tick(10 * MINUTE);
  called(HF_RUNG_LEADER, 0);
  assert_int_equal(t.facts[0].call.since_wall_ns, NOW);
  tick(100 * MINUTE);
  assert_int_equal(t.count, 0);
  lane("BANKA", false, 101 * MINUTE);
  assert_int_equal(t.count, 1);
  assert_false(hf_core_is_silent(t.core, "BANKA"));
  lane("BANKA", true, 102 * MINUTE); /* and from the beginning */
  called(HF_RUNG_CONTACT_A, 107 * MINUTE);
}

static void an_answer_ends_the_ladder(void **unused)
{
  (void)unused;
  set_row("BANKA", "", BY_DAY, "");
  lane("BANKA", true, 0);
  lane("BANKA", false, MINUTE);
  assert_int_equal(hf_core_next_deadline(t.core), INT64_MAX);
  tick(5 * MINUTE);
  assert_int_equal(t.count, 0);
}

static void who_is_not_on_duty_is_passed_over(void **unused)
{
  (void)unused;
  set_row("BANKA", "", BY_NIGHT, BY_DAY);
  lane("BANKA", true, 0);
  called(HF_RUNG_CONTACT_B, 5 * MINUTE);
  set_row("BANKB", "", OVER, "");
  lane("BANKB", true, MINUTE);
  assert_int_equal(t.facts[1].call.rung, HF_RUNG_LEADER);
  assert_int_equal(hf_core_next_deadline(t.core), NOW + 5 * MINUTE);
}

static void another_way_is_the_first_rung(void **unused)
{
  (void)unused;
  set_row("BANKA", "", BY_DAY, "");
  set_row("BANKA2", "BANKA", "", "");
  lane("BANKA", true, 0);
  called(HF_RUNG_WAY, 5 * MINUTE);
  lane("BANKA2", true, MINUTE); /* the contacts are the institution's */
  assert_int_equal(t.facts[1].call.rung, HF_RUNG_CONTACT_A);
  lane("BANKA", false, 2 * MINUTE);
  lane("BANKA2", false, 2 * MINUTE);
  lane("BANKA2", true, 3 * MINUTE);
  called(HF_RUNG_WAY, 8 * MINUTE); /* its own row */
}

static void a_pause_holds_the_ladder_up(void **unused)
{
  (void)unused;
  set_row("BANKA", "", BY_DAY, BY_DAY);
  lane("BANKA", true, 0);
  change.institutions[0].paused_until_wall_ns = NOW + 60 * MINUTE;
  struct hf_input input = input_of(HF_INPUT_REGISTRY, MINUTE);
  strcpy(input.key_id, ROOT);
  input.registry = &change;
  assert_int_equal(step(&input), 2);
  tick(59 * MINUTE);
  assert_int_equal(t.count, 0);
  tick(60 * MINUTE);
  called(HF_RUNG_CONTACT_B, 65 * MINUTE);
}

/* Rows that lead nowhere, to another way, to themselves, or are too many are refused, and so is a way as somebody's bank. */
static void ways_lead_to_institutions(void **unused)
{
  (void)unused;
  static const char *const wrong[][2] = {{"BANKA2", "NOBODY"}, {"BANKA", "BANKA"}, {"BANKA3", "BANKA2"}, {"BANKA", "CLOSED"}};
  set_row("BANKA2", "BANKA", "", "");
  for (int i = 0; i < 4; i++) {
    strcpy(change.institutions[0].code, wrong[i][0]), strcpy(change.institutions[0].stands_for, wrong[i][1]);
    struct hf_input input = input_of(HF_INPUT_REGISTRY, 0);
    strcpy(input.key_id, ROOT);
    input.registry = &change;
    assert_int_equal(step(&input), 1);
    assert_int_equal(t.facts[0].kind, HF_FACT_QUARANTINED);
    assert_int_equal(t.facts[0].quarantined.reason, HF_REASON_BAD_ROW);
  }
  set_row("BANKA3", "BANKA", "", "");
  set_row("BANKA4", "BANKA", "", "");
  set_row("BANKA4", "BANKA", BY_DAY, ""); /* the same again is not one more */
  strcpy(change.institutions[0].code, "BANKA5");
  struct hf_input input = input_of(HF_INPUT_REGISTRY, 0);
  strcpy(input.key_id, ROOT);
  input.registry = &change;
  step(&input);
  assert_int_equal(t.facts[0].kind, HF_FACT_QUARANTINED);
  strcpy(t.report.transfers[0].payee.institution, "BANKA2");
  step(&t.input);
  assert_int_equal(t.facts[0].kind, HF_FACT_QUARANTINED);
  assert_int_equal(t.facts[0].quarantined.reason, HF_REASON_UNKNOWN_INSTITUTION);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_contact_is_on_duty_at_its_hours_until_its_day),
      cmocka_unit_test(a_contact_is_read_strictly),
      cmocka_unit_test_setup_teardown(a_silent_institution_is_called_a_then_b_then_our_leader, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_answer_ends_the_ladder, set_up, tear_down),
      cmocka_unit_test_setup_teardown(who_is_not_on_duty_is_passed_over, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_way_is_the_first_rung, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pause_holds_the_ladder_up, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ways_lead_to_institutions, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
