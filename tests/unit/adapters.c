/* The dialect's golden vectors, and lanes. */
#include "adapters/dialect.h"
#include "engine/dispatch/dispatch.h"
#include "engine/dispatch/lane.h"
#include "tests/unit/unit.h"

static struct hf_order order_like(enum hf_action action, int64_t deadline_ns, int64_t amount)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "BANKA",
                           .action = action,
                           .amount = amount,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = 1699999990LL * HF_NS_PER_S,
                           .issued_wall_ns = 1700000000123LL * HF_NS_PER_MS,
                           .deadline_wall_ns = deadline_ns,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .form_reference = "ZF-\"1\""};
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a2", 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-7e01-a678-55a837dd7c3f", 36, &order.case_id.uuid)));
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-7e01-a678-55a837dd7c01", 36, &order.submission_id)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "6222020000001234", 16)));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  return order;
}

static struct hf_answer_room room;
static const struct hf_institution row = {.code = "BANKA"};

/* All that a freeze carries. */
static struct hf_order freeze_order(void)
{
  struct hf_order order = order_like(HF_ACTION_FREEZE, 1700000060123LL * HF_NS_PER_MS, 5000000);
  order.mode = HF_FREEZE_LIMITED;
  order.until_wall_ns = 1710000000LL * HF_NS_PER_S;
  order.document = (struct hf_document){"02", "X-1", "bureau", {0xab}};
  strcpy(order.second_id, "fedcba9876543210fedcba9876543210");
  strcpy(order.text, "why");
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a3", 36, &order.parent.uuid)));
  return order;
}

/* No order of ours is too large for its buffer: dispatch relies on it. */
static void every_action_fits_at_its_largest(void **unused)
{
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  (void)unused;
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    struct hf_order order = freeze_order();
    order.action = (enum hf_action)action;
    memset(order.case_number, '"', HF_REFERENCE_SIZE_MAX), memset(order.form_reference, '\\', HF_REFERENCE_SIZE_MAX);
    memset(order.serial, '"', HF_REFERENCE_SIZE_MAX), memset(order.text, '"', HF_REASON_TEXT_SIZE_MAX);
    memset(order.document.number, '"', HF_REFERENCE_SIZE_MAX), memset(order.document.issuer, '"', HF_REFERENCE_SIZE_MAX);
    memset(order.name.bytes, '"', order.name.size = HF_NAME_SIZE_MAX);
    order.party.name = order.name;
    order.page = UINT32_MAX;
    order.amount = HF_AMOUNT_MAX;
    struct hf_writer writer = hf_writer_of(out, sizeof out);
    assert_true(hf_is_ok(hf_holdfast_json.encode(&order, &row, &writer)));
  }
}

static void transactions_are_read_as_far_as_they_are_sound(void **unused)
{
  static const char body[] =
      "{\"order_id\":\"01a20be9-b54e-8003-9c9d-0af5e8da17a2\",\"institution\":\"BANKA\",\"feedback\":{\"result\":\"0000\","
      "\"more\":true,"
      "\"transactions\":[{\"serial\":\"T-1\",\"side\":\"debit\",\"amount\":\"10.00\",\"balance\":\"5.00\",\"at\":\"2026-01-"
      "01T00:00:00Z\","
      "\"other\":{\"institution\":\"BANKB\",\"number\":\"6222\",\"name\":\"N\"}},{\"side\":\"up\",\"amount\":7,\"at\":"
      "\"yesterday\"},"
      "{\"side\":\"credit\",\"amount\":\"-1.00\",\"cash\":true}],"
      "\"holds\":[{\"order_id\":\"01a20be9-b54e-8003-9c9d-0af5e8da17a2\",\"kind\":\"stop\",\"amount\":\"3.00\"}],"
      "\"former\":{\"authority\":\"court\",\"queued\":true,\"expires_at\":\"2026-02-01T00:00:00Z\"}}}";
  struct hf_order order = order_like(HF_ACTION_QUERY, 1, 1);
  struct hf_answer answer;
  (void)unused;
  assert_true(hf_is_ok(
      hf_holdfast_json.decode((struct hf_span){(const uint8_t *)body, sizeof body - 1}, &order, &row, &room, &answer)));
  assert_int_equal(answer.transactions_count, 3);
  assert_true(answer.more && answer.queued && answer.holds_count == 1 && answer.holds[0].amount == 300);
  assert_int_equal(answer.transactions[0].amount, 1000);
  assert_string_equal(answer.transactions[0].institution, "BANKB");
  assert_true(answer.transactions[1].failed && answer.transactions[1].amount == 0 && answer.transactions[1].at_wall_ns == 0);
  assert_true(answer.transactions[2].credit && answer.transactions[2].cash);
}

static void orders_are_the_golden_bytes(void **unused)
{
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  static const struct {
    enum hf_action action;
    const char *file;
  } rows[] = {{HF_ACTION_STOP, "adapters/holdfast_json/vectors/stop.request.json"},
              {HF_ACTION_QUERY, "adapters/holdfast_json/vectors/query.request.json"},
              {HF_ACTION_FREEZE, "adapters/holdfast_json/vectors/freeze.request.json"}};
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size;
    uint8_t *wanted = read_source_file(rows[i].file, &size);
    struct hf_order order = order_like(rows[i].action, 1700000060123LL * HF_NS_PER_MS, 5000000);
    if (rows[i].action == HF_ACTION_FREEZE) order = freeze_order();
    if (rows[i].action == HF_ACTION_QUERY) order.mode = HF_QUERY_BOTH;
    struct hf_writer writer = hf_writer_of(out, sizeof out);
    assert_true(hf_is_ok(hf_holdfast_json.encode(&order, &row, &writer)));
    if (writer.size != size || memcmp(out, wanted, size) != 0)
      fail_msg("%s is now %.*s", rows[i].file, (int)writer.size, (char *)out);
    free(wanted);
    writer = hf_writer_of(out, 100);
    assert_int_equal(hf_holdfast_json.encode(&order, &row, &writer).kind, HF_STATUS_LIMIT);
  }
}

static void answers_are_read_as_the_vectors_say(void **unused)
{
  static const struct {
    const char *name;
    enum hf_status_kind kind;
    const char *why_has, *result;
  } rows[] = {{"done", HF_STATUS_OK, "", "0000"},
              {"receipt", HF_STATUS_OK, "", ""},
              {"short", HF_STATUS_OK, "", "1200"},
              {"other_order", HF_STATUS_REFUSED, "order_id", ""},
              {"other_institution", HF_STATUS_REFUSED, "institution", ""},
              {"bad_result", HF_STATUS_MALFORMED, "feedback.result", ""},
              {"number_amount", HF_STATUS_MALFORMED, "feedback.held", ""},
              {"bad_time", HF_STATUS_MALFORMED, "feedback.executed_at", ""},
              {"not_json", HF_STATUS_MALFORMED, "not JSON", ""},
              {"duplicate_key", HF_STATUS_MALFORMED, "not JSON", ""},
              {"array", HF_STATUS_MALFORMED, "not an object", ""}};
  struct hf_order order = order_like(HF_ACTION_STOP, 1, 1);
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char path[128];
    size_t size;
    struct hf_answer answer;
    snprintf(path, sizeof path, "adapters/holdfast_json/vectors/%s.answer.json", rows[i].name);
    uint8_t *bytes = read_source_file(path, &size);
    struct hf_status status = hf_holdfast_json.decode((struct hf_span){bytes, size}, &order, &row, &room, &answer);
    if (status.kind != rows[i].kind || strstr(hf_is_ok(status) ? "" : status.why, rows[i].why_has) == NULL)
      fail_msg("%s: %s", path, status.why);
    if (hf_is_ok(status)) assert_string_equal(answer.result, rows[i].result);
    for (size_t cut = 0; cut < size; cut++)
      (void)hf_holdfast_json.decode((struct hf_span){bytes, cut}, &order, &row, &room, &answer);
    free(bytes);
  }
}

#define PLACES 16

static struct hf_lane lane;

static int set_up_lane(void **unused)
{
  static struct hf_heap_entry entries[PLACES + 1];
  static uint32_t places[PLACES + 1];
  (void)unused;
  memset(&lane, 0, sizeof lane);
  memset(places, 0, sizeof places);
  hf_heap_init(&lane.queue, entries, places, PLACES);
  lane.row.window = 3;
  return 0;
}

static void put(uint32_t item, enum hf_action action, int64_t deadline_s, int64_t amount)
{
  struct hf_order order = order_like(action, deadline_s * HF_NS_PER_S, amount);
  hf_lane_put(&lane, item, &order);
}

static void stops_go_first_then_deadline_then_amount(void **unused)
{
  (void)unused;
  put(1, HF_ACTION_QUERY, 10, 900);
  put(2, HF_ACTION_STOP, 30, 5);
  put(3, HF_ACTION_STOP, 20, 5);
  put(4, HF_ACTION_STOP, 20, 50);
  static const uint32_t wanted[] = {4, 3, 2};
  for (int i = 0; i < 3; i++) {
    assert_true(hf_lane_rank(&lane) != INT64_MAX && hf_lane_may_send(&lane, (struct hf_time){1, 1}));
    assert_int_equal(hf_lane_take(&lane), wanted[i]);
    hf_lane_count(&lane);
  }
  assert_false(hf_lane_may_send(&lane, (struct hf_time){1, 1})); /* the window is full */
  lane.in_flight--;
  assert_true(hf_lane_may_send(&lane, (struct hf_time){1, 1}));
}

/* A case with many accounts and an early deadline does not hold up another case's single stop, nor does that one push ahead. */
static void cases_take_turns(void **unused)
{
  (void)unused;
  struct hf_order bulk = order_like(HF_ACTION_STOP, 10 * HF_NS_PER_S, 900), urgent = bulk;
  urgent.deadline_wall_ns = 30 * HF_NS_PER_S;
  urgent.case_id.uuid.bytes[15] ^= 1;
  for (uint32_t i = 1; i <= 12; i++) hf_lane_put(&lane, i, &bulk);
  for (uint32_t i = 1; i <= 3; i++) assert_int_equal(hf_lane_take(&lane), i);
  for (uint32_t i = 13; i <= 15; i++) hf_lane_put(&lane, i, &urgent);
  static const uint32_t wanted[] = {4, 5, 6, 7, 8, 13, 14, 15, 9, 10, 11};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) assert_int_equal(hf_lane_take(&lane), wanted[i]);
  hf_lane_put(&lane, 13, &bulk); /* a next try takes its case's turn, as a new order would */
  assert_int_equal(hf_lane_take(&lane), 12);
  assert_int_equal(hf_lane_take(&lane), 13);
  urgent.action = HF_ACTION_QUERY;
  hf_lane_put(&lane, 1, &urgent);
  for (uint32_t i = 2; i <= 16; i++) hf_lane_put(&lane, i, &bulk);
  for (uint32_t i = 2; i <= 16; i++) assert_int_equal(hf_lane_take(&lane), i); /* no query before a stop, whatever the turn */
  assert_int_equal(hf_lane_take(&lane), 1);
}

static void pace_is_kept(void **unused)
{
  (void)unused;
  lane.row.window = PLACES;
  lane.row.pace_per_s = 10; /* a tenth of a second's worth is one order */
  int64_t now = 10 * HF_NS_PER_S, gone = 0;
  for (uint32_t i = 1; i <= 8; i++) put(i, HF_ACTION_STOP, 10, i);
  for (int ms = 0; ms < 500; ms++, now += HF_NS_PER_MS)
    while (hf_lane_may_send(&lane, (struct hf_time){now, now})) hf_lane_take(&lane), hf_lane_count(&lane), gone++;
  assert_true(gone >= 5 && gone <= 6);
  assert_true(hf_lane_next(&lane) >= now && hf_lane_next(&lane) <= now + HF_NS_PER_S / 10);
}

static void a_pause_has_a_beginning_and_an_end(void **unused)
{
  (void)unused;
  lane.row.window = PLACES;
  lane.row.paused_from_wall_ns = 100 * HF_NS_PER_S;
  lane.row.paused_until_wall_ns = 200 * HF_NS_PER_S;
  put(1, HF_ACTION_STOP, 10, 1);
  for (int64_t s = 50; s < 250; s += 50) {
    const struct hf_time now = {s * HF_NS_PER_S, s * HF_NS_PER_S};
    bool paused = s >= 100 && s < 200;
    assert_true(hf_lane_may_send(&lane, now) != paused);
  }
}

static void backoff_grows_to_half_a_minute(void **unused)
{
  (void)unused;
  struct hf_order order = order_like(HF_ACTION_STOP, 1, 1);
  int64_t last = 0;
  for (uint32_t attempts = 1; attempts < 40; attempts++) {
    int64_t wait = hf_lane_backoff_ns(&order, attempts);
    assert_true(wait >= 100 * HF_NS_PER_MS && wait <= 33 * HF_NS_PER_S);
    assert_int_equal(wait, hf_lane_backoff_ns(&order, attempts)); /* jitter, but of the order: a replay waits alike */
    if (attempts < 8) assert_true(wait > last || attempts == HF_QUICK_TRIES);
    last = wait;
  }
}

static void the_time_of_a_try_follows_the_institution(void **unused)
{
  (void)unused;
  lane.row.try_timeout_ms = 10000;
  for (int i = 0; i < HF_LANE_TIMES - 1; i++) hf_lane_replied(&lane, (i % 900) * HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), 10 * HF_NS_PER_S); /* 999 replies have no 99.9 % */
  hf_lane_replied(&lane, 5 * HF_NS_PER_S);
  assert_int_equal(lane.usual_ns, 899 * HF_NS_PER_MS); /* one of a thousand does not count */
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), 1798 * HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 2), 3596 * HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 40), 10 * HF_NS_PER_S);
  for (int i = 0; i < HF_LANE_TIMES; i++) hf_lane_replied(&lane, HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), HF_NS_PER_S); /* the floor */
  for (int i = 0; i < HF_LANE_TIMES; i++) hf_lane_replied(&lane, i < 2 ? 6 * HF_NS_PER_S : HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), 10 * HF_NS_PER_S); /* two of a thousand do; the row is the bound */
  for (int i = 0; i < HF_LANE_TIMES; i++) hf_lane_replied(&lane, HF_NS_PER_MS);
  lane.row.swallows_duplicates = true; /* what is cut off is lost */
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), 10 * HF_NS_PER_S);
  lane.row.swallows_duplicates = false;
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), HF_NS_PER_S);
  lane.row.try_timeout_ms = 300;
  for (int i = 0; i < HF_LANE_TIMES; i++) hf_lane_replied(&lane, HF_NS_PER_MS);
  assert_int_equal(hf_lane_timeout_ns(&lane, 1), 300 * HF_NS_PER_MS); /* also below the floor */
}

/* --- many orders on one connection: whose an answer is, and who may give it --- */

static struct {
  bool unknown; /* the order that was last answered */
  uint32_t answers, cancelled;
  struct hf_answer last;
} told;

static void on_tell(void *owner, const struct hf_input *input)
{
  (void)owner;
  if (input->kind != HF_INPUT_ANSWER) return;
  told.answers++;
  told.last = *input->answer;
}

static struct hf_order known;

static bool on_known(void *owner, struct hf_order_id id, struct hf_order *order)
{
  (void)owner;
  *order = known;
  return hf_uuid_equal(known.id.uuid, id.uuid);
}

static void on_cancel(void *owner, uint32_t mine, uint32_t flight)
{
  (void)owner, (void)mine, (void)flight;
  told.cancelled++;
}

static void heard(struct hf_dispatch *dispatch, uint32_t mine, const char *body, int64_t after_ns)
{
  char xml[512];
  snprintf(xml, sizeof xml,
           "<Request><Body><ApplicationID>010101a20be9b54e80039c9d0af5e8da17a2</ApplicationID>%s</Body></Request>", body);
  const struct hf_heard heard = {.body = {(const uint8_t *)xml, strlen(xml)}};
  struct hf_order_id unknown;
  told.unknown = hf_dispatch_heard(dispatch, mine, &heard,
                                   (struct hf_time){1000 + after_ns, 1700000000LL * HF_NS_PER_S + after_ns}, &unknown);
}

static void an_answer_by_itself_finds_its_order(void **unused)
{
  (void)unused;
  const struct hf_time now = {1000, 1700000000LL * HF_NS_PER_S};
  const struct hf_dispatch_config config = {.orders_max = 1024, .flights_max = 4};
  const struct hf_dispatch_events events = {.tell = on_tell, .cancel = on_cancel, .known = on_known};
  struct hf_dispatch *dispatch;
  uint32_t mine, other;
  struct hf_institution bank = {.code = "BANKA",
                                .name = "b",
                                .dialect = "platform_xml",
                                .bank_code = "102100000013",
                                .profile = "phone=1",
                                .window = 4,
                                .try_timeout_ms = 1000};
  memset(&told, 0, sizeof told);
  memset(&known, 0, sizeof known);
  assert_true(hf_is_ok(hf_dispatch_open(&dispatch, &config, &events, now)));
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &bank, &mine)));
  strcpy(bank.code, "BANKB");
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &bank, &other)));
  bank.profile[0] = '\0';
  assert_int_equal(hf_dispatch_institution(dispatch, &bank, &other).kind, HF_STATUS_CONFIG);
  struct hf_order order = order_like(HF_ACTION_STOP, 1700000060LL * HF_NS_PER_S, 100);
  assert_true(hf_is_ok(hf_dispatch_offer(dispatch, &order, 0, now)));
  heard(dispatch, other, "<Code>100000</Code>", 1); /* another institution's */
  assert_int_equal(told.answers, 0);
  heard(dispatch, mine, "<Code>100000</Code>", 1); /* it waits in its lane: a process before this one may have sent it */
  assert_true(told.answers == 1 && told.last.has_receipt && !told.last.has_feedback);
  assert_int_equal(hf_dispatch_work(dispatch, now), 0); /* the institution has it */
  hf_dispatch_forget(dispatch, order.id);
  told.answers = 0;
  assert_true(hf_is_ok(hf_dispatch_offer(dispatch, &order, 0, now)));
  assert_int_equal(hf_dispatch_work(dispatch, now), 1);
  uint32_t flight = hf_dispatch_ready(dispatch, 0);
  hf_dispatch_started(dispatch, flight, now);
  hf_dispatch_left(dispatch, flight, now);
  heard(dispatch, other, "<Result>0000</Result>", 2); /* another institution's */
  assert_int_equal(told.answers, 0);
  heard(dispatch, mine, "<Code>100000</Code>", 3);
  assert_true(told.answers == 1 && told.last.has_receipt && !told.last.has_feedback && told.cancelled == 1);
  assert_true(hf_dispatch_has(dispatch, order.id));
  const struct hf_time later = {now.mono_ns + 59 * HF_NS_PER_S, now.wall_ns + 59 * HF_NS_PER_S};
  assert_int_equal(hf_dispatch_work(dispatch, later), 0); /* it speaks next: nothing is sent before its time */
  heard(dispatch, mine, "<Result>0000</Result>", 4);
  assert_true(told.answers == 2 && told.last.has_feedback);
  assert_false(hf_dispatch_has(dispatch, order.id));
  heard(dispatch, mine, "<Result>1301</Result>", 5); /* a repeat (O14): the first feedback rules */
  assert_true(told.answers == 2 && told.unknown);
  known = order; /* the core has it in memory, in no lane any more: what contradicts is its to judge (O12) */
  heard(dispatch, other, "<Result>1301</Result>", 6);
  assert_int_equal(told.answers, 2);
  heard(dispatch, mine, "<Result>1301</Result>", 7);
  assert_true(told.answers == 3 && strcmp(told.last.result, "1301") == 0);
  hf_dispatch_close(dispatch);
}

/* Through the dispatcher: an institution that has answered quickly a thousand times is tried again after a second. */
static void a_quick_institution_is_tried_again_sooner(void **unused)
{
  (void)unused;
  struct hf_time now = {1000, 1700000000LL * HF_NS_PER_S};
  const struct hf_dispatch_config config = {.orders_max = 1024, .flights_max = 4};
  const struct hf_dispatch_events events = {.tell = on_tell, .cancel = on_cancel, .known = on_known};
  const struct hf_institution bank = {
      .code = "BANKA", .dialect = "holdfast_json", .enabled = true, .window = 4, .try_timeout_ms = 10000};
  struct hf_dispatch *dispatch;
  struct hf_order order = order_like(HF_ACTION_STOP, 1700000060LL * HF_NS_PER_S, 100);
  strcpy(order.institution, bank.code);
  uint32_t mine;
  memset(&told, 0, sizeof told);
  assert_true(hf_is_ok(hf_dispatch_open(&dispatch, &config, &events, now)));
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &bank, &mine)));
  for (int i = 0; i <= HF_LANE_TIMES; i++) {
    assert_int_equal(hf_dispatch_lane(dispatch, mine).timeout_ns, (i < HF_LANE_TIMES ? 10 : 1) * HF_NS_PER_S);
    assert_true(hf_is_ok(hf_dispatch_offer(dispatch, &order, 0, now)));
    assert_int_equal(hf_dispatch_work(dispatch, now), 1);
    uint32_t flight = hf_dispatch_ready(dispatch, 0);
    hf_dispatch_started(dispatch, flight, now);
    now.mono_ns += 2 * HF_NS_PER_MS;
    if (i == HF_LANE_TIMES) break;
    char body[512], id[HF_UUID_TEXT_SIZE];
    snprintf(body, sizeof body, "{\"order_id\":\"%s\",\"institution\":\"BANKA\",\"feedback\":{\"result\":\"0000\"}}",
             hf_uuid_text(order.id.uuid, id));
    hf_dispatch_replied(dispatch, flight, 200, (struct hf_span){(const uint8_t *)body, strlen(body)}, now);
    assert_false(hf_dispatch_has(dispatch, order.id));
  }
  now.mono_ns += HF_NS_PER_S - 20 * HF_NS_PER_MS;
  hf_dispatch_work(dispatch, now);
  assert_int_equal(told.cancelled, 0);
  now.mono_ns += 40 * HF_NS_PER_MS;
  hf_dispatch_work(dispatch, now);
  assert_int_equal(told.cancelled, 1);                        /* after a second, not after ten */
  for (uint32_t tries = 1; tries < HF_LANE_SILENT; tries++) { /* one more with each try, until an answer */
    assert_int_equal(hf_dispatch_lane(dispatch, mine).silence, tries);
    now.mono_ns += 40 * HF_NS_PER_S;
    assert_int_equal(hf_dispatch_work(dispatch, now), 1);
    uint32_t flight = hf_dispatch_ready(dispatch, 0);
    hf_dispatch_started(dispatch, flight, now);
    hf_dispatch_failed(dispatch, flight, HF_OUTCOME_NOT_CONNECTED, false, now);
  }
  assert_int_equal(hf_dispatch_lane(dispatch, mine).silence, HF_LANE_SILENT);
  struct hf_institution closed = bank;
  closed.enabled = false;
  assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &closed, &mine)));
  assert_int_equal(hf_dispatch_lane(dispatch, mine).silence, 0); /* nobody is to call it */
  hf_dispatch_close(dispatch);
}

static void a_lane_has_its_share_and_no_more(void **unused)
{
  (void)unused;
  const struct hf_time now = {1000, 1700000000LL * HF_NS_PER_S};
  const struct hf_dispatch_config config = {.orders_max = 1000, .flights_max = 4};
  const struct hf_dispatch_events events = {.tell = on_tell, .cancel = on_cancel};
  static const uint32_t shares[] = {500, 250, 125}; /* as many as there are places free, each time */
  struct hf_dispatch *dispatch;
  uint32_t mine;
  assert_true(hf_is_ok(hf_dispatch_open(&dispatch, &config, &events, now)));
  for (int i = 0; i < 3; i++) {
    struct hf_institution bank = {.name = "b", .dialect = "holdfast_json", .window = 4, .try_timeout_ms = 1000};
    struct hf_order order = order_like(HF_ACTION_STOP, 1700000060LL * HF_NS_PER_S, 100);
    snprintf(bank.code, sizeof bank.code, "BANK%d", i);
    strcpy(order.institution, bank.code);
    assert_true(hf_is_ok(hf_dispatch_institution(dispatch, &bank, &mine)));
    uint32_t taken = 0;
    for (;; taken++) {
      order.id.uuid.bytes[12] = (uint8_t)i, order.id.uuid.bytes[13] = (uint8_t)(taken >> 8);
      order.id.uuid.bytes[14] = (uint8_t)taken;
      if (hf_dispatch_offer(dispatch, &order, 0, now).kind == HF_STATUS_AGAIN) break;
    }
    assert_int_equal(taken, shares[i]);
  }
  hf_dispatch_close(dispatch);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(orders_are_the_golden_bytes),
                                     cmocka_unit_test(an_answer_by_itself_finds_its_order),
                                     cmocka_unit_test(a_lane_has_its_share_and_no_more),
                                     cmocka_unit_test(every_action_fits_at_its_largest),
                                     cmocka_unit_test(transactions_are_read_as_far_as_they_are_sound),
                                     cmocka_unit_test(answers_are_read_as_the_vectors_say),
                                     cmocka_unit_test_setup(stops_go_first_then_deadline_then_amount, set_up_lane),
                                     cmocka_unit_test_setup(cases_take_turns, set_up_lane),
                                     cmocka_unit_test_setup(pace_is_kept, set_up_lane),
                                     cmocka_unit_test_setup(a_pause_has_a_beginning_and_an_end, set_up_lane),
                                     cmocka_unit_test_setup(the_time_of_a_try_follows_the_institution, set_up_lane),
                                     cmocka_unit_test(a_quick_institution_is_tried_again_sooner),
                                     cmocka_unit_test(backoff_grows_to_half_a_minute)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
