/* iso8583: golden bytes of each request, what a profile changes, what is read of answers, what is refused. */
#include "adapters/iso8583/message.h"
#include "tests/unit/unit.h"

#define T0 1700000000LL
#define PACKED "encoding=bcd tpdu=6000030000 mac=x919 organ=10000000"

static struct hf_institution text_host = {.code = "CARDA", .profile = "binary=hex length=four_digits"};
static struct hf_institution packed_host = {.code = "CARDB", .profile = PACKED};
static struct hf_answer_room room;
static struct hf_answer answer;

static struct hf_order order_of(enum hf_action action)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "CARDA",
                           .action = action,
                           .amount = 5000050,
                           .currency = HF_CURRENCY_CNY,
                           .issued_wall_ns = T0 * HF_NS_PER_S,
                           .until_wall_ns = (T0 + 86400) * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .text = "why"};
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a2", 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "6228480000001235", 16)));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  bool alone = action == HF_ACTION_STOP || action == HF_ACTION_HOLDS;
  if (!alone) assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a3", 36, &order.parent.uuid)));
  if (action == HF_ACTION_FREEZE) order.mode = HF_FREEZE_LIMITED, strcpy(order.document.number, "X-1");
  return order;
}

static size_t encoded(const struct hf_order *order, const struct hf_institution *host, uint8_t out[HF_ORDER_BODY_SIZE_MAX])
{
  struct hf_writer writer = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
  assert_true(hf_is_ok(hf_iso8583.check(host)));
  assert_true(hf_is_ok(hf_iso8583.encode(order, host, &writer)));
  return writer.size;
}

static void same_as(const char *name, const char *end, bool packed, const uint8_t *bytes, size_t size)
{
  char vector[96];
  snprintf(vector, sizeof vector, "iso8583/vectors/%s.%s.%s", name, end, packed ? "packed" : "text");
  same_as_vector(vector, bytes, size);
}

static void requests_are_the_golden_bytes(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  uint32_t seen = 0;
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    if ((hf_iso8583.actions & 1u << action) == 0) continue;
    struct hf_order order = order_of((enum hf_action)action);
    for (int packed = 0; packed < 2; packed++) {
      size_t size = encoded(&order, packed ? &packed_host : &text_host, out);
      same_as(hf_action_code((enum hf_action)action), "request", packed != 0, out, size);
    }
    seen++;
  }
  assert_int_equal(seen, 7);
}

/* What stands where: a card in 2, an account in 102, what fits into neither in the record. */
static void a_number_has_its_place(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  static const struct {
    const char *number;
    unsigned field;
  } known[] = {
      {"6228480000001235", 2}, {"62284800", 102}, {"wallet@example", 102}, {"W123456789012345678901234567890123456", 0}};
  struct hf_card_profile profile;
  assert_true(hf_is_ok(hf_card_profile_read(text_host.profile, &profile)));
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    struct hf_order order = order_of(HF_ACTION_STOP);
    struct hf_card_message message;
    assert_true(hf_is_ok(hf_account_number_set(&order.account, known[i].number, strlen(known[i].number))));
    size_t size = encoded(&order, &text_host, out);
    struct hf_writer seal = hf_writer_of(out + size, sizeof out - size);
    const struct hf_message sent = {.order = &order, .row = &text_host};
    assert_true(hf_is_ok(hf_iso8583.seal(&sent, "k", "ed25519", (struct hf_span){out, 64}, &seal)));
    assert_true(hf_is_ok(hf_card_read(&profile, (struct hf_span){out, size + seal.size}, &message)));
    for (unsigned field = 2; field <= 102; field += 100) {
      const struct hf_span at = message.values.of[field];
      assert_int_equal(at.data != NULL, field == known[i].field);
      if (at.data != NULL) assert_memory_equal(at.data, known[i].number, at.size);
    }
    assert_int_equal(memmem(out, size, known[i].number, strlen(known[i].number)) != NULL, true);
  }
}

static void wrong_profiles_are_told(void **unused)
{
  (void)unused;
  static const char *const wrong[] = {"encoding=ebcdic",
                                      "tpdu=60",
                                      "f120=ans...99",
                                      "f1=n4",
                                      "f200=n4",
                                      "f44=q4",
                                      "r1=0000",
                                      "r67=000",
                                      "mac=des",
                                      "type=0800",
                                      "record=11",
                                      "nonsense",
                                      "organ=1234567890123",
                                      "f128=b4",
                                      "length=3"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct hf_institution host = {.code = "CARDA"};
    strcpy(host.profile, wrong[i]);
    if (hf_iso8583.check(&host).kind != HF_STATUS_CONFIG) fail_msg("%s is taken", wrong[i]);
  }
}

/* An answer to order, as a host writes it; the caller's buffer. */
static struct hf_span answer_of(const struct hf_institution *host, const struct hf_order *order, const char *code,
                                const char *more, uint8_t out[2048])
{
  struct hf_card_profile profile;
  struct hf_card_values values = {0};
  char record[1000] = "01032";
  struct hf_writer hex = hf_writer_of(record + 5, 32);
  hf_write_hex(&hex, order->id.uuid.bytes, 16);
  strcat(record, more);
  assert_true(hf_is_ok(hf_card_profile_read(host->profile, &profile)));
  values.of[39] = (struct hf_span){(const uint8_t *)code, 2};
  values.of[54] = (struct hf_span){(const uint8_t *)"1001156C0000000099991002156C000000012345", 40};
  values.of[120] = (struct hf_span){(const uint8_t *)record, strlen(record)};
  struct hf_writer writer = hf_writer_of(out, 2048);
  assert_true(hf_is_ok(hf_card_write(&profile, 312, &values, 0, &writer)));
  return (struct hf_span){out, writer.size};
}

static struct hf_status decoded(const struct hf_institution *host, struct hf_span bytes, const struct hf_order *order)
{
  return hf_iso8583.decode(bytes, order, host, &room, &answer);
}

static void answers_are_read(void **unused)
{
  (void)unused;
  uint8_t out[2048];
  struct hf_order order = order_of(HF_ACTION_STOP), lift = order_of(HF_ACTION_LIFT), extend = order_of(HF_ACTION_EXTEND);
  for (int packed = 0; packed < 2; packed++) {
    const struct hf_institution *host = packed ? &packed_host : &text_host;
    struct hf_order_id id;
    struct hf_span bytes = answer_of(host, &order, "00",
                                     "2101420231115061320"
                                     "0300",
                                     out); /* a tag is cut */
    assert_int_equal(decoded(host, bytes, &order).kind, HF_STATUS_MALFORMED);
    bytes = answer_of(host, &order, "00",
                      "2101420231115061320"
                      "2200512345"
                      "0301420231117061320"
                      "23003010"
                      "2401420240101000000"
                      "250011"
                      "27003R-1"
                      "76008546L5paH",
                      out);
    same_as("done", "answer", packed != 0, bytes.data, bytes.size);
    assert_true(hf_is_ok(hf_iso8583.identify(bytes, host, &id)));
    assert_true(hf_uuid_equal(id.uuid, order.id.uuid));
    assert_true(hf_is_ok(decoded(host, bytes, &order)));
    assert_true(answer.has_feedback && answer.has_receipt && answer.has_balance && answer.queued);
    assert_string_equal(answer.result, "0000");
    assert_int_equal(answer.balance, 12345);
    assert_int_equal(answer.held, 12345);
    assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
    assert_int_equal(answer.expires_wall_ns, (T0 + 2 * 86400) * HF_NS_PER_S);
    assert_string_equal(answer.reference, "R-1");
    assert_memory_equal(answer.holder.bytes, "王文", 6);
    for (size_t cut = 0; cut < bytes.size; cut++) assert_false(hf_is_ok(decoded(host, (struct hf_span){out, cut}, &order)));
  }
  static const struct {
    const char *code, *stop, *lift, *extend;
  } known[] = {{"51", "1200", "1200", "1200"}, {"25", "0300", "1900", "1800"}, {"62", "1301", "1399", "1399"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    assert_true(hf_is_ok(decoded(&text_host, answer_of(&text_host, &order, known[i].code, "", out), &order)));
    assert_string_equal(answer.result, known[i].stop);
    assert_true(hf_is_ok(decoded(&text_host, answer_of(&text_host, &lift, known[i].code, "", out), &lift)));
    assert_string_equal(answer.result, known[i].lift);
    assert_true(hf_is_ok(decoded(&text_host, answer_of(&text_host, &extend, known[i].code, "", out), &extend)));
    assert_string_equal(answer.result, known[i].extend);
  }
}

static void codes_have_their_meaning(void **unused)
{
  (void)unused;
  uint8_t out[2048];
  struct hf_order order = order_of(HF_ACTION_STOP);
  struct hf_institution own = {.code = "CARDA", .profile = "r67=1302 r00=1303"};
  assert_true(hf_is_ok(decoded(&text_host, answer_of(&text_host, &order, "09", "", out), &order)));
  assert_true(answer.has_receipt && !answer.has_feedback);
  assert_int_equal(decoded(&text_host, answer_of(&text_host, &order, "91", "", out), &order).kind, HF_STATUS_AGAIN);
  assert_int_equal(decoded(&text_host, answer_of(&text_host, &order, "67", "", out), &order).kind, HF_STATUS_MALFORMED);
  assert_true(hf_is_ok(decoded(&own, answer_of(&own, &order, "67", "", out), &order)));
  assert_string_equal(answer.result, "1302");
  assert_true(hf_is_ok(decoded(&own, answer_of(&own, &order, "00", "", out), &order)));
  assert_string_equal(answer.result, "1303");
}

static void holds_are_listed(void **unused)
{
  (void)unused;
  uint8_t out[2048];
  struct hf_order order = order_of(HF_ACTION_HOLDS);
  const char *rows =
      "2806701a20be9b54e80039c9d0af5e8da17a2S00000001234520231117061320holdfast"
      "2806400000000000000000000000000000000F00000000000020231117061320court";
  assert_true(hf_is_ok(decoded(&text_host, answer_of(&text_host, &order, "00", rows, out), &order)));
  assert_int_equal(answer.holds_count, 2);
  assert_true(!answer.holds[0].freeze && answer.holds[1].freeze);
  assert_int_equal(answer.holds[0].amount, 12345);
  assert_true(hf_uuid_is_zero(answer.holds[1].order_id.uuid));
  assert_string_equal(answer.holds[1].authority, "court");
}

static void what_is_mixed_up_is_refused(void **unused)
{
  (void)unused;
  uint8_t out[2048];
  struct hf_order order = order_of(HF_ACTION_STOP), other = order;
  struct hf_card_profile profile;
  other.id.uuid.bytes[15] ^= 1;
  assert_int_equal(decoded(&text_host, answer_of(&text_host, &other, "00", "", out), &order).kind, HF_STATUS_REFUSED);
  assert_true(hf_is_ok(hf_card_profile_read(text_host.profile, &profile)));
  static const struct {
    unsigned field;
    const char *value;
  } wrong[] = {{2, "6228480000001236"}, {11, "000001"}, {37, "ABCDEFABCDEF"}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct hf_card_values values = {0};
    struct hf_writer writer = hf_writer_of(out, sizeof out);
    values.of[39] = (struct hf_span){(const uint8_t *)"00", 2};
    values.of[120] = (struct hf_span){(const uint8_t *)"0103201a20be9b54e80039c9d0af5e8da17a2", 37};
    values.of[wrong[i].field] = (struct hf_span){(const uint8_t *)wrong[i].value, strlen(wrong[i].value)};
    assert_true(hf_is_ok(hf_card_write(&profile, 312, &values, 0, &writer)));
    assert_int_equal(decoded(&text_host, (struct hf_span){out, writer.size}, &order).kind, HF_STATUS_REFUSED);
  }
}

/* Sign-on, echo, and the host's own echo. */
static void lines_are_greeted(void **unused)
{
  (void)unused;
  uint8_t out[512], back[512];
  struct hf_card_profile profile;
  struct hf_card_message message;
  const struct hf_small_talk *talk = hf_iso8583.small_talk;
  struct hf_institution silent = {.code = "CARDA", .profile = "greet=no"};
  struct hf_writer greeting = hf_writer_of(out, sizeof out), reply = hf_writer_of(back, sizeof back);
  assert_int_equal(talk->framing(&text_host), HF_FRAMING_FOUR_DIGITS);
  assert_int_equal(talk->framing(&packed_host), HF_FRAMING_TWO_BYTES);
  talk->greet(&silent, true, T0 * HF_NS_PER_S, &greeting);
  assert_int_equal(greeting.size, 0);
  talk->greet(&packed_host, true, T0 * HF_NS_PER_S, &greeting);
  assert_true(hf_is_ok(hf_card_profile_read(packed_host.profile, &profile)));
  assert_true(hf_is_ok(hf_card_read(&profile, (struct hf_span){out, greeting.size}, &message)));
  assert_int_equal(message.type, 800);
  assert_memory_equal(message.values.of[70].data, "001", 3);
  assert_memory_equal(message.values.of[7].data, "1114221320", 10);
  assert_int_equal(talk->hear(&packed_host, (struct hf_span){out, greeting.size}, &reply), HF_TALK_ASKED);
  assert_int_equal(talk->hear(&packed_host, (struct hf_span){back, reply.size}, &greeting), HF_TALK_WELCOME);
  message.type = 810;
  message.values.of[39] = (struct hf_span){(const uint8_t *)"05", 2};
  reply = hf_writer_of(back, sizeof back);
  assert_true(hf_is_ok(hf_card_write(&profile, 810, &message.values, 0, &reply)));
  assert_int_equal(talk->hear(&packed_host, (struct hf_span){back, reply.size}, &greeting), HF_TALK_TURNED_AWAY);
  struct hf_order order = order_of(HF_ACTION_STOP);
  uint8_t said[2048];
  assert_int_equal(talk->hear(&packed_host, answer_of(&packed_host, &order, "00", "", said), &greeting), HF_TALK_NONE);
}

/* A MAC covers all from the type to itself, and is told apart from what it covers. */
static void macs_cover_the_message(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX], covered[HF_ORDER_BODY_SIZE_MAX], mac[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  struct hf_order order = order_of(HF_ACTION_STOP);
  size_t size = encoded(&order, &packed_host, out);
  const struct hf_message sent = {.order = &order, .row = &packed_host, .body = {out, size}};
  struct hf_writer to_sign = hf_writer_of(covered, sizeof covered), seal = hf_writer_of(out + size, sizeof out - size);
  assert_true(hf_is_ok(hf_iso8583.to_sign(&sent, &to_sign)));
  assert_int_equal(to_sign.size, size - 5); /* the TPDU is the line's */
  assert_true(hf_is_ok(hf_iso8583.seal(&sent, "", "", (struct hf_span){mac, 8}, &seal)));
  assert_int_equal(seal.size, 8);
  const struct hf_reply reply = {.status = 200, .body = {out, size + 8}};
  uint8_t again[HF_ORDER_BODY_SIZE_MAX];
  struct hf_writer bytes = hf_writer_of(again, sizeof again);
  struct hf_proof proof;
  assert_true(hf_is_ok(hf_iso8583.prove(&sent, &reply, T0 * HF_NS_PER_S, &proof, &bytes)));
  assert_int_equal(bytes.size, to_sign.size);
  assert_memory_equal(again, covered, bytes.size);
  assert_memory_equal(proof.signature, mac, 8);
  uint8_t said[2048];
  const struct hf_reply bare = {.status = 200, .body = answer_of(&packed_host, &order, "00", "", said)};
  bytes = hf_writer_of(again, sizeof again);
  assert_int_equal(hf_iso8583.prove(&sent, &bare, T0 * HF_NS_PER_S, &proof, &bytes).kind, HF_STATUS_REFUSED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(requests_are_the_golden_bytes), cmocka_unit_test(a_number_has_its_place),
                                     cmocka_unit_test(wrong_profiles_are_told),       cmocka_unit_test(answers_are_read),
                                     cmocka_unit_test(codes_have_their_meaning),      cmocka_unit_test(holds_are_listed),
                                     cmocka_unit_test(what_is_mixed_up_is_refused),   cmocka_unit_test(lines_are_greeted),
                                     cmocka_unit_test(macs_cover_the_message)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
