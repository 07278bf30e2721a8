/* platform_xml: golden bytes of each request, what is read of answers, what is tolerated and what is refused. */
#include "adapters/platform_xml/platform.h"
#include "tests/unit/unit.h"

#define ID "01a20be9-b54e-8003-9c9d-0af5e8da17a2"
#define APPLICATION_ID "010101a20be9b54e80039c9d0af5e8da17a2"
#define T0 1700000000LL
#define PHONE "phone=13800000000"

static struct hf_institution bank = {.code = "BANKC", .name = "third <bank>", .bank_code = "402100000114", .profile = PHONE};
static struct hf_answer_room room;
static struct hf_answer answer;

static struct hf_order order_of(enum hf_action action)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "BANKC",
                           .action = action,
                           .amount = 5000050,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = (T0 - 10) * HF_NS_PER_S,
                           .issued_wall_ns = T0 * HF_NS_PER_S,
                           .until_wall_ns = (T0 + 86400) * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .second_id = "fedcba9876543210fedcba9876543210",
                           .text = "a & b"};
  assert_true(hf_is_ok(hf_uuid_parse(ID, 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "6228480000001235", 16)));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  bool alone = action == HF_ACTION_STOP || action == HF_ACTION_QUERY || action == HF_ACTION_HOLDS ||
               action == HF_ACTION_HOLDER || action == HF_ACTION_ACCOUNTS || action == HF_ACTION_MONITOR;
  if (!alone) assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a3", 36, &order.parent.uuid)));
  if (action == HF_ACTION_FREEZE) order.mode = HF_FREEZE_LIMITED, strcpy(order.document.number, "X-1");
  if (action == HF_ACTION_QUERY) order.mode = HF_QUERY_BOTH;
  return order;
}

static size_t encoded(const struct hf_order *order, uint8_t out[HF_ORDER_BODY_SIZE_MAX])
{
  struct hf_writer writer = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
  assert_true(hf_is_ok(hf_platform_xml.encode(order, &bank, &writer)));
  return writer.size;
}

static void requests_are_the_golden_bytes(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  uint32_t seen = 0;
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    bool has = (hf_platform_xml.actions & 1u << action) != 0;
    if (action != HF_ACTION_SERIAL) assert_int_equal(has, hf_platform_code((enum hf_action)action) != 0);
    if (!has) continue;
    struct hf_order order = order_of((enum hf_action)action);
    char vector[64];
    snprintf(vector, sizeof vector, "platform_xml/vectors/%s.request.xml", hf_action_code((enum hf_action)action));
    same_as_vector(vector, out, encoded(&order, out));
    seen++;
  }
  assert_int_equal(seen, 12);
}

static struct hf_status read_xml(const char *xml, const struct hf_order *order)
{
  return hf_platform_xml.decode((struct hf_span){(const uint8_t *)xml, strlen(xml)}, order, &bank, &room, &answer);
}

#define FEEDBACK(code, body)                                                                                    \
  "<Request><Head><TxCode>" code "</TxCode></Head><Body><ApplicationID>" APPLICATION_ID "</ApplicationID>" body \
  "</Body></Request>"

/* Payment companies: A00xxx, and the target by what kind of number it is. */
static void a_payment_company_is_told_in_its_own_way(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX + 1];
  struct hf_institution company = {.code = "PAYB", .name = "second pay", .profile = "company=Z00000000001 " PHONE};
  uint32_t seen = 0;
  assert_true(hf_is_ok(hf_platform_xml_wallet.check(&company)));
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    if ((hf_platform_xml_wallet.actions & 1u << action) == 0) continue;
    struct hf_order order = order_of((enum hf_action)action);
    char vector[96];
    struct hf_writer writer = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
    if (action == HF_ACTION_SERIAL) strcpy(order.serial, "T-1");
    assert_true(hf_is_ok(hf_platform_xml_wallet.encode(&order, &company, &writer)));
    snprintf(vector, sizeof vector, "platform_xml_wallet/vectors/%s.request.xml", hf_action_code((enum hf_action)action));
    same_as_vector(vector, out, writer.size);
    seen++;
  }
  assert_int_equal(seen, 13);
  static const struct {
    const char *number, *says;
  } known[] = {{"13800000000", "<SubjectType>01</SubjectType><DataType>03</DataType><Data>13800000000<"},
               {"6222020000001237", "<DataType>04</DataType>"},
               {"6222020000001234", "<DataType>01</DataType>"},
               {"someone@pay", "<DataType>01</DataType><Data>someone@pay<"},
               {"merchant-898000000000001", "<SubjectType>02</SubjectType><DataType>06</DataType><Data>898000000000001<"},
               {"identity-110101199001011234", "<DataType>02</DataType><Data>110101199001011234<"},
               {"login-someone", "<DataType>05</DataType><Data>someone<"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    struct hf_order order = order_of(HF_ACTION_STOP);
    struct hf_writer writer = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
    assert_true(hf_is_ok(hf_account_number_set(&order.account, known[i].number, strlen(known[i].number))));
    assert_true(hf_is_ok(hf_platform_xml_wallet.encode(&order, &company, &writer)));
    out[writer.size] = '\0';
    if (strstr((const char *)out, known[i].says) == NULL) fail_msg("%s: %s", known[i].number, (const char *)out);
  }
  strcpy(company.profile, "side=platform " PHONE);
  assert_int_equal(hf_platform_xml_wallet.check(&company).kind, HF_STATUS_CONFIG);
}

/* GBK where the row says so: 张三 is D5 C5 C8 FD; what GBK has no character for is '?', and GB18030 has all. */
static void gbk_is_written_and_read(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX + 1];
  struct hf_order order = order_of(HF_ACTION_STOP);
  strcpy(bank.profile, "charset=GBK " PHONE);
  assert_true(hf_is_ok(hf_platform_xml.check(&bank)));
  same_as_vector("platform_xml/vectors/stop.request.gbk", out, encoded(&order, out));
  assert_non_null(memmem(out, sizeof out, "<AccountName>\xd5\xc5\xc8\xfd</AccountName>", 31));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张\xf0\x9f\x98\x80", 7)));
  (void)encoded(&order, out);
  assert_non_null(memmem(out, sizeof out, "<AccountName>\xd5\xc5?</AccountName>", 30));
  strcpy(bank.profile, "charset=GB18030 " PHONE);
  size_t size = encoded(&order, out);
  assert_non_null(memmem(out, size, "<AccountName>\xd5\xc5\x94\x39\xfc\x36</AccountName>", 33));
  strcpy(bank.profile, PHONE);
  static const char *const charsets[] = {"GBK", "gb2312", "GB18030"};
  for (size_t i = 0; i < 3; i++) {
    char xml[512];
    snprintf(xml, sizeof xml, "<?xml version=\"1.0\" encoding=\"%s\"?>%s", charsets[i],
             FEEDBACK("100102", "<Result>0000</Result><AccountName>\xd5\xc5\xc8\xfd</AccountName>"));
    assert_true(hf_is_ok(read_xml(xml, &order)));
    assert_memory_equal(answer.holder.bytes, "张三", 6);
    snprintf(xml, sizeof xml, "<?xml version=\"1.0\" encoding=\"%s\"?>%s", charsets[i],
             FEEDBACK("100102", "<Result>0000</Result><AccountName>\xd5\x20\xff</AccountName>"));
    assert_int_equal(read_xml(xml, &order).kind, HF_STATUS_MALFORMED);
  }
}

/* Its answer to a serial: whoever was paid is the other side. */
static void a_serial_is_answered_with_the_payee(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_STOP);
  static const char xml[] =
      "<Request><Body><ApplicationID>" APPLICATION_ID
      "</ApplicationID><Result>0000</Result><Accounts><Account><Transactions><Transaction>"
      "<TransactionSerial>T-1</TransactionSerial><TransactionAmount>300.00</TransactionAmount><TransactionTime>20231115061320"
      "</TransactionTime><PayeeName>钱五</PayeeName><PayeePaymentAccount>wallet01@payb</"
      "PayeePaymentAccount><PayeeCompanyID>PAYB"
      "</PayeeCompanyID></Transaction></Transactions></Account></Accounts></Body></Request>";
  assert_true(hf_is_ok(
      hf_platform_xml_wallet.decode((struct hf_span){(const uint8_t *)xml, sizeof xml - 1}, &order, &bank, &room, &answer)));
  assert_int_equal(answer.transactions_count, 1);
  const struct hf_transaction *row = answer.transactions;
  assert_true(!row->failed && !row->credit && row->amount == 30000);
  assert_memory_equal(row->account.bytes, "wallet01@payb", 13);
  assert_string_equal(row->institution, "PAYB");
}

/* Its own spellings: RMB and whole yuan, by way of a platform. */
static void a_profile_changes_the_spelling(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  struct hf_order order = order_of(HF_ACTION_STOP);
  strcpy(bank.profile, "side=platform currency=RMB amounts=yuan organ=020000000000 phone=13800000000");
  assert_true(hf_is_ok(hf_platform_xml.check(&bank)));
  same_as_vector("platform_xml/vectors/stop_platform.request.xml", out, encoded(&order, out));
  static const char *const wrong[] = {"side=moon", "colour=red",   "organ=1",     "amounts",
                                      "phone=+86", "currency=USD", "amounts=yuan"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    strcpy(bank.profile, wrong[i]);
    assert_int_equal(hf_platform_xml.check(&bank).kind, HF_STATUS_CONFIG);
  }
  strcpy(bank.profile, PHONE);
  struct hf_institution nowhere = bank;
  nowhere.bank_code[0] = '\0';
  assert_int_equal(hf_platform_xml.check(&nowhere).kind, HF_STATUS_CONFIG);
}

static void every_request_fits_at_its_largest(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    if ((hf_platform_xml.actions & 1u << action) == 0) continue;
    struct hf_order order = order_of((enum hf_action)action);
    memset(order.case_number, '&', HF_REFERENCE_SIZE_MAX), memset(order.text, '&', HF_REASON_TEXT_SIZE_MAX);
    memset(order.document.number, '&', HF_REFERENCE_SIZE_MAX);
    memset(order.name.bytes, '&', order.name.size = HF_NAME_SIZE_MAX);
    order.amount = HF_AMOUNT_MAX;
    (void)encoded(&order, out);
  }
}

/* A case without a number of its own has its id; a long one is cut to the field, between characters. */
static void the_case_number_is_always_there_and_fits(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX + 1];
  struct hf_order order = order_of(HF_ACTION_STOP);
  order.case_number[0] = '\0';
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-7e01-a678-55a837dd7c3f", 36, &order.case_id.uuid)));
  out[encoded(&order, out)] = '\0';
  assert_non_null(strstr((const char *)out, "<CaseNumber>01a20be9b54e7e01a67855a837dd7c</CaseNumber>"));
  strcpy(order.case_number, "0123456789012345678901234567\xe6\xa1\x88\xe4\xbb\xb6");
  out[encoded(&order, out)] = '\0';
  assert_non_null(strstr((const char *)out, "<CaseNumber>0123456789012345678901234567</CaseNumber>"));
}

static void a_receipt_and_a_feedback_are_read(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_STOP);
  struct hf_order_id id;
  static const char receipt[] =
      "<Response><Body><Code>100000</Code><ApplicationID>" APPLICATION_ID "</ApplicationID></Body></Response>";
  assert_true(hf_is_ok(read_xml(receipt, &order)));
  assert_true(answer.has_receipt && !answer.has_feedback);
  assert_true(hf_is_ok(hf_platform_xml.identify((struct hf_span){(const uint8_t *)receipt, strlen(receipt)}, &bank, &id)));
  assert_memory_equal(&id, &order.id, sizeof id);
  assert_true(hf_is_ok(read_xml(FEEDBACK("100102",
                                         "<Result>0000</Result><AccountBalance>12.5</AccountBalance>"
                                         "<StartTime>20231115061320</StartTime><ExpireTime>20231117061320</ExpireTime>"),
                                &order)));
  assert_true(answer.has_receipt && answer.has_feedback && answer.has_balance);
  assert_string_equal(answer.result, "0000");
  assert_int_equal(answer.balance, 1250);
  assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
  assert_int_equal(answer.expires_wall_ns, (T0 + 172800) * HF_NS_PER_S);
  assert_true(hf_is_ok(read_xml(FEEDBACK("100102", "<Result>1301</Result>"), &order))); /* times missing */
  assert_int_equal(answer.executed_wall_ns, 0);
}

static void answers_are_read_as_the_vectors_say(void **unused)
{
  static const struct {
    const char *name, *result;
    uint32_t rows, holds;
  } rows[] = {{"receipt", "", 0, 0}, {"stop", "1200", 0, 0}, {"query", "0000", 1, 0}, {"holds", "0000", 0, 1}};
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char path[128];
    size_t size;
    struct hf_order order = order_of(HF_ACTION_STOP);
    snprintf(path, sizeof path, "adapters/platform_xml/vectors/%s.answer.xml", rows[i].name);
    uint8_t *bytes = read_source_file(path, &size);
    assert_true(hf_is_ok(hf_platform_xml.decode((struct hf_span){bytes, size}, &order, &bank, &room, &answer)));
    assert_string_equal(answer.result, rows[i].result);
    assert_int_equal(answer.transactions_count, rows[i].rows);
    assert_int_equal(answer.holds_count, rows[i].holds);
    free(bytes);
  }
}

static void S2_a_lift_answered_with_the_code_of_a_stop_is_the_lifts_feedback(void **unused)
{
  (void)unused;
  struct hf_order lift = order_of(HF_ACTION_LIFT);
  assert_true(
      hf_is_ok(read_xml(FEEDBACK("100102", "<Result>0000</Result><WithdrawalTime>20231115061320</WithdrawalTime>"), &lift)));
  assert_true(answer.has_feedback);
  assert_memory_equal(&answer.order_id, &lift.id, sizeof lift.id);
  assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
}

static void S11_RMB_and_CNY_and_amounts_with_and_without_decimals_are_one(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_STOP);
  static const char *const spelt[] = {"<Currency>RMB</Currency><AccountBalance>10000</AccountBalance>",
                                      "<Currency>CNY</Currency><AccountBalance>10000.00</AccountBalance>",
                                      "<currency>CNY</currency><accountbalance>10000.0</accountbalance>"};
  for (int i = 0; i < 3; i++) {
    char xml[512];
    snprintf(xml, sizeof xml, FEEDBACK("100102", "<Result>0000</Result>%s"), spelt[i]);
    assert_true(hf_is_ok(read_xml(xml, &order)));
    assert_int_equal(answer.balance, 1000000);
  }
  uint8_t out[HF_ORDER_BODY_SIZE_MAX + 1];
  static const char *const profiles[] = {"currency=RMB amounts=yuan", "currency=CNY amounts=decimals"};
  static const char *const written[] = {"<Currency>RMB</Currency><TransferAmount>50000</TransferAmount>",
                                        "<Currency>CNY</Currency><TransferAmount>50000.50</TransferAmount>"};
  for (int i = 0; i < 2; i++) {
    strcpy(bank.profile, profiles[i]);
    out[encoded(&order, out)] = '\0';
    assert_non_null(strstr((const char *)out, written[i]));
  }
  strcpy(bank.profile, PHONE);
}

static void transactions_and_measures_are_read(void **unused)
{
  (void)unused;
  struct hf_order query = order_of(HF_ACTION_QUERY), holds = order_of(HF_ACTION_HOLDS);
  assert_true(hf_is_ok(read_xml(
      FEEDBACK(
          "100302",
          "<Result>0000</Result><Accounts><Account><AccountBalance>1.00</AccountBalance><Transactions>"
          "<Transaction><BorrowingSigns>0</BorrowingSigns><TransactionAmount>180.00</TransactionAmount><AccountBalance>20.00"
          "</AccountBalance><TransactionTime>20231115061320</TransactionTime><TransactionSerial>T-1</TransactionSerial>"
          "<OpponentName>李四</OpponentName><OpponentAccountNumber>6228</OpponentAccountNumber>"
          "<OpponentDepositBankID>103100000026</OpponentDepositBankID><CashMark>00</CashMark>"
          "<TransactionStatus>00</TransactionStatus></Transaction>"
          "<Transaction><BorrowingSigns>1</BorrowingSigns><TransactionAmount>-7</TransactionAmount>"
          "<TransactionTime>yesterday</TransactionTime></Transaction>"
          "<Transaction><TransactionAmount>3</TransactionAmount><CashMark>01</CashMark></Transaction>"
          "</Transactions></Account></Accounts>"),
      &query)));
  assert_int_equal(answer.transactions_count, 3);
  const struct hf_transaction *rows = answer.transactions;
  assert_true(!rows[0].credit && !rows[0].failed && rows[0].amount == 18000 && rows[0].balance == 2000);
  assert_int_equal(rows[0].at_wall_ns, T0 * HF_NS_PER_S);
  assert_string_equal(rows[0].serial, "T-1");
  assert_string_equal(rows[0].institution, "103100000026");
  assert_true(rows[1].credit && rows[1].amount <= 0 && rows[1].at_wall_ns == 0);
  assert_true(rows[2].failed && rows[2].cash); /* no side was said */
  assert_int_equal(answer.balance, 100);
  assert_true(hf_is_ok(read_xml(FEEDBACK("100310", "<Result>0000</Result><Measures><Measure><FreezeSerial>" APPLICATION_ID
                                                   "</FreezeSerial><FreezeType>0001</FreezeType><Amount>5</Amount><EndTime>"
                                                   "20231117061320</EndTime><Dept>公安</Dept></Measure><Measure><FreezeSerial>"
                                                   "court-7</FreezeSerial><FreezeType>1001</FreezeType></Measure></Measures>"),
                                &holds)));
  assert_int_equal(answer.holds_count, 2);
  assert_true(!answer.holds[0].freeze && answer.holds[0].amount == 500 && answer.holds[1].freeze);
  assert_memory_equal(&answer.holds[0].order_id, &holds.id, sizeof holds.id);
}

static void what_deceives_is_refused(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_STOP);
  static const struct {
    const char *xml;
    enum hf_status_kind kind;
  } rows[] = {
      {"", HF_STATUS_MALFORMED},
      {"{}", HF_STATUS_MALFORMED},
      {"<Request><Body>", HF_STATUS_MALFORMED},
      {"<Request><Body><Result>0000</Result></Body></Request>", HF_STATUS_MALFORMED},
      {"<Request><Body><ApplicationID>010101a20be9b54e80039c9d0af5e8da17a3</ApplicationID><Result>0000</Result></Body></"
       "Request>",
       HF_STATUS_REFUSED},
      {"<Request><Body><ApplicationID>0101-not-one-of-ours-at-all-00000000</ApplicationID><Result>0000</Result></Body></"
       "Request>",
       HF_STATUS_MALFORMED},
      {FEEDBACK("100102", "<Result>00</Result>"), HF_STATUS_MALFORMED},
      {FEEDBACK("100102", "<Result>0000</Result><ExpireTime>20231399000000</ExpireTime>"), HF_STATUS_MALFORMED},
      {FEEDBACK("100102", "<Result>0000</Result><AccountBalance>much</AccountBalance>"), HF_STATUS_MALFORMED},
      {FEEDBACK("100102", "<Code>200001</Code>"), HF_STATUS_REFUSED},
      {FEEDBACK("100102", ""), HF_STATUS_MALFORMED},
      {"<!DOCTYPE r [<!ENTITY a \"0000\">]>" FEEDBACK("100102", "<Result>&a;</Result>"), HF_STATUS_MALFORMED},
      {"<!DOCTYPE r SYSTEM \"http://x/y\">" FEEDBACK("100102", "<Result>0000</Result>"), HF_STATUS_MALFORMED},
      {"<?xml version=\"1.0\" encoding=\"Big5\"?>" FEEDBACK("100102", "<Result>0000</Result>"), HF_STATUS_MALFORMED},
      {FEEDBACK("100102",
                "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"
                "<Result>0000</Result>"),
       HF_STATUS_MALFORMED},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (read_xml(rows[i].xml, &order).kind != rows[i].kind) fail_msg("row %zu: %s", i, read_xml(rows[i].xml, &order).why);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_are_the_golden_bytes),
      cmocka_unit_test(a_payment_company_is_told_in_its_own_way),
      cmocka_unit_test(a_serial_is_answered_with_the_payee),
      cmocka_unit_test(gbk_is_written_and_read),
      cmocka_unit_test(a_profile_changes_the_spelling),
      cmocka_unit_test(every_request_fits_at_its_largest),
      cmocka_unit_test(the_case_number_is_always_there_and_fits),
      cmocka_unit_test(a_receipt_and_a_feedback_are_read),
      cmocka_unit_test(answers_are_read_as_the_vectors_say),
      cmocka_unit_test(S2_a_lift_answered_with_the_code_of_a_stop_is_the_lifts_feedback),
      cmocka_unit_test(S11_RMB_and_CNY_and_amounts_with_and_without_decimals_are_one),
      cmocka_unit_test(transactions_and_measures_are_read),
      cmocka_unit_test(what_deceives_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
