/* Ways: which of an institution's rows an attempt goes over while some of them are dead. */
#include "adapters/dialect.h"
#include "engine/dispatch/dispatch.h"
#include "engine/dispatch/way.h"
#include "tests/unit/unit.h"

#define S HF_NS_PER_S

static struct hf_lane lanes[5]; /* A, B, A2 and A3 that stand for A, C that stands for nobody known */
static struct hf_order stop = {.action = HF_ACTION_STOP}, query = {.action = HF_ACTION_QUERY};

static int set_up(void **unused)
{
  static const char *const codes[] = {"A", "B", "A2", "A3", "C"}, *const for_whom[] = {"", "", "A", "A", "NOBODY"};
  (void)unused;
  memset(lanes, 0, sizeof lanes);
  for (int i = 0; i < 5; i++) {
    strcpy(lanes[i].row.code, codes[i]);
    strcpy(lanes[i].row.stands_for, for_whom[i]);
    lanes[i].row.enabled = true;
    lanes[i].row.window = 2;
  }
  for (uint32_t i = 0; i < 5; i++) hf_way_find(lanes, 5, i);
  return 0;
}

static uint32_t choose(const struct hf_order *order, uint32_t attempts, int64_t at)
{
  return hf_way_choose(lanes, 0, order, attempts, (struct hf_time){at, at});
}

static bool fail_once(uint32_t way, int64_t at)
{
  lanes[way].silence++;
  return hf_way_failed(&lanes[way], (struct hf_time){at, at});
}

static void open_it(uint32_t way, int64_t at)
{
  for (int i = 0; i < HF_WAY_BREAKS; i++) assert_int_equal(fail_once(way, at), i == HF_WAY_BREAKS - 1);
  assert_false(fail_once(way, at)); /* told once */
}

static void ways_are_found(void **unused)
{
  (void)unused;
  assert_true(lanes[0].ways_count == 2 && lanes[0].ways[0] == 2 && lanes[0].ways[1] == 3);
  for (int i = 1; i < 5; i++) assert_int_equal(lanes[i].ways_count, 0);
  lanes[2].row.stands_for[0] = '\0';
  hf_way_find(lanes, 5, 0);
  assert_true(lanes[0].ways_count == 1 && lanes[0].ways[0] == 3);
}

static void another_way_carries_what_the_own_one_does_not(void **unused)
{
  (void)unused;
  assert_int_equal(choose(&stop, 0, 10 * S), 0);
  open_it(0, 10 * S);
  assert_int_equal(choose(&stop, 0, 10 * S), 2);
  open_it(2, 10 * S);
  assert_int_equal(choose(&stop, 0, 10 * S), 3);
  assert_true(hf_way_answered(&lanes[0]));
  assert_false(hf_way_answered(&lanes[0]));
  assert_int_equal(choose(&stop, 0, 10 * S), 0);
}

static void one_order_probes_and_a_query_first(void **unused)
{
  (void)unused;
  open_it(0, 10 * S);
  assert_int_equal(choose(&query, 0, 10 * S + S - 1), 2);
  assert_int_equal(choose(&stop, 0, 11 * S), 2); /* a probe is due, and waits for a query */
  assert_int_equal(choose(&query, 0, 11 * S), 0);
  assert_int_equal(choose(&query, 0, 11 * S), 2); /* one is enough; the next comes after twice the time */
  assert_int_equal(choose(&query, 0, 13 * S - 1), 2);
  assert_int_equal(choose(&stop, 0, 15 * S - 1), 2);
  assert_int_equal(choose(&stop, 0, 15 * S), 0); /* nobody asked anything for two seconds */
  int64_t last = 15 * S, seen = 0;
  for (int64_t at = 15 * S; at < 200 * S; at += S / 10) {
    if (choose(&query, 0, at) != 0) continue;
    seen = at - last, last = at;
    assert_true(seen <= 30 * S);
  }
  assert_int_equal(seen, 30 * S);
}

static void nobodys_last_way_is_closed_off(void **unused)
{
  (void)unused;
  uint32_t seen[4] = {0};
  for (uint32_t way = 0; way < 4; way++)
    if (way != 1) open_it(way, 10 * S);
  for (uint32_t attempts = 0; attempts < 6; attempts++) seen[choose(&stop, attempts, 10 * S)]++;
  assert_true(seen[0] == 2 && seen[2] == 2 && seen[3] == 2);
  lanes[1].ways_count = 0; /* an institution with one row, open or not */
  open_it(1, 10 * S);
  assert_int_equal(hf_way_choose(lanes, 1, &stop, 50, (struct hf_time){10 * S, 10 * S}), 1);
}

static void after_its_quick_tries_an_order_goes_everywhere(void **unused)
{
  (void)unused;
  uint32_t seen[4] = {0};
  for (uint32_t attempts = 0; attempts < HF_QUICK_TRIES; attempts++) assert_int_equal(choose(&stop, attempts, S), 0);
  assert_int_equal(choose(&stop, HF_QUICK_TRIES, S), 2);
  for (uint32_t attempts = HF_QUICK_TRIES; attempts < HF_QUICK_TRIES + 6; attempts++) seen[choose(&stop, attempts, S)]++;
  assert_true(seen[0] == 2 && seen[2] == 2 && seen[3] == 2);
}

static void what_cannot_carry_is_not_asked_to(void **unused)
{
  (void)unused;
  open_it(0, 10 * S);
  lanes[2].row.enabled = false;
  assert_int_equal(choose(&stop, 0, 10 * S), 3);
  lanes[2].row.enabled = true;
  lanes[2].row.actions = 1U << HF_ACTION_QUERY;
  assert_int_equal(choose(&stop, 0, 10 * S), 3);
  assert_int_equal(choose(&query, 0, 10 * S), 2);
  lanes[3].row.paused_until_wall_ns = 20 * S; /* a pause is the way's, not the institution's */
  assert_int_equal(choose(&stop, 0, 10 * S), 0);
  assert_true(hf_way_answered(&lanes[0]));
  lanes[0].row.paused_until_wall_ns = 20 * S;
  assert_int_equal(choose(&query, 0, 10 * S), 2);
  assert_int_equal(choose(&stop, 0, 10 * S), HF_WAY_NONE);
  lanes[0].row.paused_until_wall_ns = 0;
  lanes[0].in_flight = lanes[0].row.window; /* full is not dead */
  assert_int_equal(choose(&query, 0, 10 * S), HF_WAY_NONE);
  lanes[0].in_flight = 0;
  lanes[0].row.pace_per_s = 10;
  lanes[0].tokens_ns = 0, lanes[0].filled_ns = 10 * S;
  assert_int_equal(choose(&query, 0, 10 * S), HF_WAY_NONE);
  assert_int_equal(hf_way_next(lanes, 0), 10 * S + S / 10);
}

/* --- through dispatch --- */

static struct {
  char way[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  uint32_t ended, answers, cancelled_lane;
} told;

static void on_tell(void *owner, const struct hf_input *input)
{
  (void)owner;
  if (input->kind == HF_INPUT_LEFT || input->kind == HF_INPUT_ATTEMPT_ENDED) {
    memset(told.way, 0, sizeof told.way);
    if (input->way != NULL) memcpy(told.way, input->way, sizeof told.way);
  }
  told.ended += input->kind == HF_INPUT_ATTEMPT_ENDED;
  told.answers += input->kind == HF_INPUT_ANSWER;
}

static void on_cancel(void *owner, uint32_t lane, uint32_t flight)
{
  (void)owner, (void)flight;
  told.cancelled_lane = lane;
}

static uint32_t fly(struct hf_dispatch *dispatch, struct hf_time now)
{
  assert_int_equal(hf_dispatch_work(dispatch, now), 1);
  uint32_t flight = hf_dispatch_ready(dispatch, 0);
  hf_dispatch_started(dispatch, flight, now);
  hf_dispatch_left(dispatch, flight, now);
  return flight;
}

static void an_order_flies_over_the_way_that_works(void **unused)
{
  (void)unused;
  const struct hf_dispatch_config config = {.orders_max = 1024, .flights_max = 4};
  const struct hf_dispatch_events events = {.tell = on_tell, .cancel = on_cancel};
  struct hf_time now = {S, 1700000000LL * S};
  struct hf_dispatch *dispatch;
  uint32_t own, other, stranger;
  struct hf_institution row = {.code = "A",
                               .name = "a",
                               .dialect = "holdfast_json",
                               .enabled = true,
                               .window = 4,
                               .connections = 1,
                               .try_timeout_ms = 1000};
  memset(&told, 0, sizeof told);
  assert_true(hf_is_ok(hf_dispatch_open(&dispatch, &config, &events, now)));
  strcpy(row.code, "A2"), strcpy(row.stands_for, "A"), strcpy(row.dialect, "platform_xml");
  strcpy(row.bank_code, "102100000013"), strcpy(row.profile, "phone=1");
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &row, &other))); /* the way may come before whom it stands for */
  strcpy(row.code, "A"), row.stands_for[0] = '\0', strcpy(row.dialect, "holdfast_json"), row.profile[0] = '\0';
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &row, &own)));
  strcpy(row.code, "B"), strcpy(row.dialect, "platform_xml"), strcpy(row.profile, "phone=1");
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &row, &stranger)));

  struct hf_order order = {.case_number = "A-1",
                           .institution = "A",
                           .action = HF_ACTION_STOP,
                           .amount = 100,
                           .currency = HF_CURRENCY_CNY,
                           .issued_wall_ns = now.wall_ns,
                           .deadline_wall_ns = now.wall_ns + S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .form_reference = "ZF"};
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a2", 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "622202", 6)));
  assert_true(hf_is_ok(hf_dispatch_offer(dispatch, &order, 0, now)));
  for (int i = 0; i < HF_WAY_BREAKS; i++, now.mono_ns += 2 * S, now.wall_ns += 2 * S) {
    uint32_t flight = fly(dispatch, now);
    assert_int_equal(hf_dispatch_view(dispatch, flight).lane, own);
    hf_dispatch_failed(dispatch, flight, HF_OUTCOME_RESET, true, now);
    assert_string_equal(told.way, "");
  }
  uint32_t flight = fly(dispatch, now);
  struct hf_flight_view view = hf_dispatch_view(dispatch, flight);
  assert_int_equal(view.lane, other);
  assert_string_equal(told.way, "A2");
  assert_string_equal(view.message.row->code, "A2");
  assert_string_equal(view.dialect->name, "platform_xml");
  assert_int_equal(hf_dispatch_lane(dispatch, other).in_flight, 1);
  assert_int_equal(hf_dispatch_lane(dispatch, own).in_flight, 0);
  assert_true(hf_dispatch_lane(dispatch, own).open && !hf_dispatch_lane(dispatch, other).open);
  assert_int_equal(hf_dispatch_lane(dispatch, own).orders, 1); /* it stays the institution's */

  /* The same bytes by a stranger are nobody's answer; over the way they are the institution's. */
  static const char xml[] =
      "<Request><Body><ApplicationID>010101a20be9b54e80039c9d0af5e8da17a2</ApplicationID>"
      "<Code>100000</Code></Body></Request>";
  struct hf_order_id unknown;
  const struct hf_heard heard = {.body = {(const uint8_t *)xml, sizeof xml - 1}};
  assert_false(hf_dispatch_heard(dispatch, stranger, &heard, now, &unknown));
  assert_int_equal(told.answers, 0);
  assert_false(hf_dispatch_heard(dispatch, other, &heard, now, &unknown));
  assert_true(told.answers == 1 && told.cancelled_lane == other);
  assert_int_equal(hf_dispatch_lane(dispatch, other).in_flight, 0);
  hf_dispatch_close(dispatch);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(ways_are_found, set_up),
      cmocka_unit_test_setup(another_way_carries_what_the_own_one_does_not, set_up),
      cmocka_unit_test_setup(one_order_probes_and_a_query_first, set_up),
      cmocka_unit_test_setup(nobodys_last_way_is_closed_off, set_up),
      cmocka_unit_test_setup(after_its_quick_tries_an_order_goes_everywhere, set_up),
      cmocka_unit_test_setup(what_cannot_carry_is_not_asked_to, set_up),
      cmocka_unit_test(an_order_flies_over_the_way_that_works),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
