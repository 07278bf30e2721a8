/* wallet_json: golden bytes of each request, the signed string, what proves an answer, what is read of it and what is refused.
 */
#include "adapters/dialect.h"
#include "tests/unit/unit.h"

#define ID "01a20be9-b54e-8003-9c9d-0af5e8da17a2"
#define HEX "01a20be9b54e80039c9d0af5e8da17a2"
#define T0 1700000000LL
#define NONCE HEX "17979cfe362a0000" /* the order and T0 in ns */

static struct hf_institution wallet = {.code = "PAYA", .name = "wallet A", .endpoint = "https://127.0.0.1:1/centre/"};
static struct hf_answer_room room;
static struct hf_answer answer;

static struct hf_order order_of(enum hf_action action)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "PAYA",
                           .action = action,
                           .amount = 5000050,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = (T0 - 10) * HF_NS_PER_S,
                           .issued_wall_ns = T0 * HF_NS_PER_S,
                           .deadline_wall_ns = (T0 + 60) * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .form_reference = "ZF-1"};
  bool starts =
      action == HF_ACTION_STOP || action == HF_ACTION_FREEZE || action == HF_ACTION_QUERY || action == HF_ACTION_SERIAL;
  assert_true(hf_is_ok(hf_uuid_parse(ID, 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "13800000001235", 14)));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张\"三", 7)));
  if (!starts) assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a3", 36, &order.parent.uuid)));
  if (action == HF_ACTION_FREEZE) {
    order.mode = HF_FREEZE_LIMITED;
    order.until_wall_ns = (T0 + 86400) * HF_NS_PER_S;
    strcpy(order.second_id, "fedcba9876543210fedcba9876543210");
    strcpy(order.document.type, "02"), strcpy(order.document.number, "X-1"), strcpy(order.document.issuer, "city bureau");
  }
  if (action == HF_ACTION_QUERY) order.mode = HF_QUERY_BOTH, order.page = 2;
  if (action == HF_ACTION_SERIAL) strcpy(order.serial, "CL-1");
  return order;
}

static size_t encoded(const struct hf_order *order, uint8_t out[HF_ORDER_BODY_SIZE_MAX])
{
  struct hf_writer writer = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
  assert_true(hf_is_ok(hf_wallet_json.encode(order, &wallet, &writer)));
  return writer.size;
}

static void requests_are_the_golden_bytes(void **unused)
{
  static const enum hf_action actions[] = {HF_ACTION_STOP, HF_ACTION_LIFT, HF_ACTION_FREEZE, HF_ACTION_QUERY, HF_ACTION_SERIAL};
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  char file[64];
  (void)unused;
  for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
    struct hf_order order = order_of(actions[i]);
    snprintf(file, sizeof file, "wallet_json/vectors/%s.request.json", hf_action_code(actions[i]));
    same_as_vector(file, out, encoded(&order, out));
  }
}

static void the_five_lines_are_signed(void **unused)
{
  (void)unused;
  uint8_t body[HF_ORDER_BODY_SIZE_MAX], bytes[2 * HF_ORDER_BODY_SIZE_MAX];
  char headers[1024];
  struct hf_order order = order_of(HF_ACTION_STOP);
  struct hf_message message = {
      .order = &order, .row = &wallet, .body = {body, encoded(&order, body)}, .sent_wall_ns = T0 * HF_NS_PER_S};
  struct hf_writer to_sign = hf_writer_of(bytes, sizeof bytes), sealed = hf_writer_of(headers, sizeof headers);
  assert_true(hf_is_ok(hf_wallet_json.to_sign(&message, &to_sign)));
  same_as_vector("wallet_json/vectors/stop.signed.txt", bytes, to_sign.size);
  assert_true(
      hf_is_ok(hf_wallet_json.seal(&message, order.key_id, "ed25519", (struct hf_span){(const uint8_t *)"abc", 3}, &sealed)));
  same_as_vector("wallet_json/vectors/stop.headers.txt", headers, sealed.size);
  struct hf_writer small = hf_writer_of(bytes, 100);
  assert_int_equal(hf_wallet_json.to_sign(&message, &small).kind, HF_STATUS_LIMIT);
}

/* --- proofs --- */

struct said {
  const char *serial, *timestamp, *nonce, *signature;
};

static const char *header_of(const void *from, const char *name)
{
  const struct said *said = from;
  return strcmp(name, "Wallet-Serial") == 0      ? said->serial
         : strcmp(name, "Wallet-Timestamp") == 0 ? said->timestamp
         : strcmp(name, "Wallet-Nonce") == 0     ? said->nonce
                                                 : said->signature;
}

static const struct said well = {"00112233445566778899aabbccddeeff", "1700000100", NONCE, "AQIDBA=="};

static struct hf_status proved(const struct said *said, struct hf_proof *proof, struct hf_writer *bytes)
{
  static struct hf_order order;
  order = order_of(HF_ACTION_STOP);
  const struct hf_message asked = {.order = &order, .row = &wallet, .sent_wall_ns = T0 * HF_NS_PER_S};
  const struct hf_reply reply = {
      .status = 200, .body = {(const uint8_t *)"{}", 2}, .header = said == NULL ? NULL : header_of, .from = said};
  return hf_wallet_json.prove(&asked, &reply, (T0 + 90) * HF_NS_PER_S, proof, bytes);
}

static void an_answer_says_who_signed_it_and_for_what(void **unused)
{
  (void)unused;
  struct hf_proof proof;
  char out[256];
  struct hf_writer bytes = hf_writer_of(out, sizeof out);
  assert_true(hf_is_ok(proved(&well, &proof, &bytes)));
  assert_string_equal(proof.key_id, well.serial);
  assert_int_equal(proof.made_wall_ns, 1700000100LL * HF_NS_PER_S);
  assert_int_equal(proof.signature_size, 4);
  assert_memory_equal(proof.signature, "\x01\x02\x03\x04", 4);
  static const char wanted[] = "1700000100\n" NONCE "\n{}\n";
  assert_int_equal(bytes.size, sizeof wanted - 1);
  assert_memory_equal(out, wanted, sizeof wanted - 1);
}

static void an_answer_that_proves_nothing_is_refused(void **unused)
{
  (void)unused;
  struct hf_proof proof;
  char out[256];
  static const char later[] = HEX "17979cfe362a0001"; /* another try's */
  static const struct said wrong[] = {{"00112233445566778899aabbccddeeff", "1700000100", NONCE, NULL},
                                      {"0011", "1700000100", NONCE, "AQIDBA=="},
                                      {NULL, "1700000100", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "1700000100", later, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "1700000100", "", "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "1699999969", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "1700000211", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "-1700000100", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "17000001000000000000000", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "", NONCE, "AQIDBA=="},
                                      {"00112233445566778899aabbccddeeff", "1700000100", NONCE, "A!"}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct hf_writer bytes = hf_writer_of(out, sizeof out);
    assert_int_equal(proved(&wrong[i], &proof, &bytes).kind, HF_STATUS_REFUSED);
  }
  struct hf_writer bytes = hf_writer_of(out, sizeof out);
  assert_int_equal(proved(NULL, &proof, &bytes).kind, HF_STATUS_REFUSED);
}

/* --- answers --- */

static struct hf_status read(const char *text)
{
  struct hf_order order = order_of(HF_ACTION_STOP);
  return hf_wallet_json.decode((struct hf_span){(const uint8_t *)text, strlen(text)}, &order, &wallet, &room, &answer);
}

#define BEGIN "{\"order_no\":\"" HEX "\",\"wallet\":\"PAYA\",\"reference\":\"R-1\","

static void an_answer_is_read(void **unused)
{
  (void)unused;
  assert_true(hf_is_ok(read(BEGIN "\"state\":\"ACCEPTED\"}")));
  assert_true(answer.has_receipt && !answer.has_feedback);
  assert_string_equal(answer.reference, "R-1");
  size_t size;
  uint8_t *bytes = read_source_file("adapters/wallet_json/vectors/full.answer.json", &size);
  struct hf_order order = order_of(HF_ACTION_STOP);
  assert_true(hf_is_ok(hf_wallet_json.decode((struct hf_span){bytes, size}, &order, &wallet, &room, &answer)));
  free(bytes);
  assert_true(answer.has_feedback && answer.more && answer.has_balance && answer.queued);
  assert_string_equal(answer.result, "1200");
  assert_int_equal(answer.balance, 12345);
  assert_int_equal(answer.held, 99999999999999);
  assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
  assert_int_equal(answer.expires_wall_ns, (T0 + 172800) * HF_NS_PER_S);
  assert_string_equal(answer.former_authority, "a court");
  assert_int_equal(answer.transactions_count, 3);
  assert_true(answer.transactions[0].credit && !answer.transactions[0].failed && !answer.transactions[1].credit);
  assert_int_equal(answer.transactions[1].amount, 30000);
  assert_string_equal(answer.transactions[1].institution, "BANKB");
  assert_true(answer.transactions[2].failed); /* neither side: not used */
  assert_int_equal(answer.transactions[2].amount, 0);
  assert_int_equal(answer.holds_count, 2);
  assert_true(answer.holds[1].freeze && !answer.holds[0].freeze);
  assert_true(hf_is_ok(read(BEGIN "\"state\":\"FINISHED\",\"code\":\"0502\"}")));
  assert_string_equal(answer.result, "0502");
}

static void a_wrong_answer_is_refused_by_its_field(void **unused)
{
  static const struct {
    const char *text, *why;
  } wrong[] = {{"[]", "not an object"},
               {"{", "not JSON"},
               {"{\"a\":1,\"a\":2}", "not JSON"},
               {"{\"order_no\":\"01\"}", "order_no"},
               {"{\"order_no\":\"" HEX "\",\"wallet\":\"PAYB\"}", "wallet"},
               {BEGIN "\"state\":\"ODD\"}", "state"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"FINE\"}", "code"},
               {BEGIN "\"state\":\"FINISHED\"}", "code"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"execute_time\":1}", "execute_time"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"expire_time\":\"x\"}", "expire_time"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"balance\":\"1.00\"}", "balance"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"held\":-1}", "held"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"held\":1.5}", "held"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"held\":99999999999999999}", "held"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"bills\":{}}", "bills"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"holds\":[{\"kind\":\"ODD\"}]}", "holds.kind"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"holds\":[{\"kind\":\"STOP\",\"order_no\":\"1\"}]}",
                "holds.order_no"},
               {BEGIN "\"state\":\"FINISHED\",\"code\":\"SUCCESS\",\"former\":{\"expire_time\":\"x\"}}", "former.expire_time"}};
  (void)unused;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct hf_status status = read(wrong[i].text);
    assert_false(hf_is_ok(status));
    if (strstr(status.why, wrong[i].why) == NULL) fail_msg("%s: %s", wrong[i].text, status.why);
  }
  assert_int_equal(read("{\"order_no\":\"00000000000000000000000000000000\",\"wallet\":\"PAYA\"}").kind, HF_STATUS_REFUSED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_are_the_golden_bytes),
      cmocka_unit_test(the_five_lines_are_signed),
      cmocka_unit_test(an_answer_says_who_signed_it_and_for_what),
      cmocka_unit_test(an_answer_that_proves_nothing_is_refused),
      cmocka_unit_test(an_answer_is_read),
      cmocka_unit_test(a_wrong_answer_is_refused_by_its_field),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
