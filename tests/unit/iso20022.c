/* iso20022: golden bytes of both requests, how numbers and parties are written, what is read of answers, what is refused. */
#include "adapters/iso20022/iso20022.h"
#include "tests/unit/unit.h"

#define T0 1700000000LL
#define ID "01a20be9b54e80039c9d0af5e8da17a2"
#define SPACE "urn:iso:std:iso:20022:tech:xsd:"

static struct hf_institution bank = {.code = "BANKD", .name = "fourth bank", .bank_code = "105100000017"};
static struct hf_answer_room room;
static struct hf_answer answer;

static struct hf_order order_of(enum hf_action action, const char *number)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "BANKD",
                           .action = action,
                           .amount = 5000050,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = (T0 - 10) * HF_NS_PER_S,
                           .issued_wall_ns = T0 * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .text = "a & b"};
  assert_true(hf_is_ok(hf_uuid_of_hex(ID, 32, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, number, strlen(number))));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  return order;
}

static void same_as(const char *name, const struct hf_order *order, const struct hf_institution *row)
{
  uint8_t out[HF_ORDER_BODY_SIZE_MAX];
  char vector[64];
  struct hf_writer writer = hf_writer_of(out, sizeof out);
  assert_true(hf_is_ok(hf_iso20022.check(row)));
  assert_true(hf_is_ok(hf_iso20022.encode(order, row, &writer)));
  snprintf(vector, sizeof vector, "iso20022/vectors/%s.request.xml", name);
  same_as_vector(vector, out, writer.size);
}

static void requests_are_the_golden_bytes(void **unused)
{
  (void)unused;
  struct hf_institution bic = bank, code = bank;
  strcpy(bic.profile, "bic=BANKCNBJ iban=yes centre=ANTIFRAUD-1");
  code.bank_code[0] = '\0';
  struct hf_order stop = order_of(HF_ACTION_STOP, "6228480000001235"), query = order_of(HF_ACTION_QUERY, "6228480000001235"),
                  iban = order_of(HF_ACTION_STOP, "DE89370400440532013000"),
                  longest = order_of(HF_ACTION_QUERY, "12345678901234567890123456789012345678901234567890");
  query.page = 2;
  strcpy(longest.second_id, "fedcba9876543210fedcba9876543210");
  memset(longest.case_number, 'x', 64);
  same_as("stop", &stop, &bank);
  same_as("query", &query, &bank);
  same_as("iban", &iban, &bic);
  same_as("long", &longest, &code);
}

/* What looks like an IBAN and is none, or must not be written as one, is another number. */
static void an_iban_has_its_check_digits(void **unused)
{
  (void)unused;
  static const struct {
    const char *number, *profile;
    bool iban;
  } known[] = {{"DE89370400440532013000", "iban=yes", true},  {"DE89370400440532013001", "iban=yes", false},
               {"DE89370400440532013000", "", false},         {"GB82WEST12345698765432", "iban=yes", true},
               {"8937040044053201DE3000", "iban=yes", false}, {"6228480000001235", "iban=yes", false}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    uint8_t out[HF_ORDER_BODY_SIZE_MAX];
    struct hf_institution row = bank;
    struct hf_order order = order_of(HF_ACTION_STOP, known[i].number);
    struct hf_writer writer = hf_writer_of(out, sizeof out);
    strcpy(row.profile, known[i].profile);
    assert_true(hf_is_ok(hf_iso20022.encode(&order, &row, &writer)));
    assert_int_equal(memmem(out, writer.size, "<IBAN>", 6) != NULL, known[i].iban);
  }
}

static void wrong_profiles_are_told(void **unused)
{
  (void)unused;
  static const char *const wrong[] = {"bic=short", "bic=bankcnbj", "iban=perhaps", "nonsense", "centre=", "bic=BANKCNBJ1234"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct hf_institution row = bank;
    strcpy(row.profile, wrong[i]);
    if (hf_iso20022.check(&row).kind != HF_STATUS_CONFIG) fail_msg("%s is taken", wrong[i]);
  }
}

static struct hf_status decoded(enum hf_action action, const char *xml)
{
  struct hf_order order = order_of(action, "6228480000001235");
  return hf_iso20022.decode((struct hf_span){(const uint8_t *)xml, strlen(xml)}, &order, &bank, &room, &answer);
}

static struct hf_status resolved(const char *id, const char *conf, const char *individual, const char *reason)
{
  char xml[2048];
  snprintf(xml, sizeof xml,
           "<Document xmlns=\"" SPACE
           "camt.029.001.09\"><RsltnOfInvstgtn><Sts><Conf>%s</Conf></Sts><CxlDtls><TxInfAndSts><CxlStsId>%s"
           "</CxlStsId>%s%s</TxInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>",
           conf, id, individual, reason);
  return decoded(HF_ACTION_STOP, xml);
}

static void a_recall_is_resolved(void **unused)
{
  (void)unused;
  static const struct {
    const char *conf, *individual, *reason, *result; /* result "": a receipt */
  } known[] = {{"CNCL", "", "", "0000"},
               {"PECR", "<TxCxlSts>ACCR</TxCxlSts>", "", "1200"},
               {"PDCR", "", "", ""},
               {"CNCL", "<TxCxlSts>PDCR</TxCxlSts>", "", ""},
               {"CNCL", "<TxCxlSts>RJCR</TxCxlSts>", "", "1399"},
               {"RJCR", "", "<CxlStsRsnInf><Rsn><Cd>AC04</Cd></Rsn></CxlStsRsnInf>", "0300"},
               {"RJCR", "", "<CxlStsRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlStsRsnInf>", "1300"},
               {"RJCR", "", "<CxlStsRsnInf><Rsn><Prtry>1304</Prtry></Rsn></CxlStsRsnInf>", "1304"},
               {"RJCR", "<TxCxlSts>ACCR</TxCxlSts>", "", "1399"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    assert_true(hf_is_ok(resolved(ID, known[i].conf, known[i].individual, known[i].reason)));
    assert_string_equal(answer.result, known[i].result);
    assert_int_equal(answer.has_feedback, known[i].result[0] != '\0');
    assert_true(answer.has_receipt);
  }
  assert_int_equal(resolved(ID, "XXXX", "", "").kind, HF_STATUS_MALFORMED);
  assert_int_equal(resolved(ID, "CNCLX", "", "").kind, HF_STATUS_MALFORMED);
  assert_int_equal(resolved("01a20be9b54e80039c9d0af5e8da17a3", "CNCL", "", "").kind, HF_STATUS_REFUSED);
  assert_int_equal(resolved("A-1", "CNCL", "", "").kind, HF_STATUS_MALFORMED);
}

static void answers_are_read_to_their_end(void **unused)
{
  (void)unused;
  static const struct {
    const char *name;
    enum hf_action action;
  } known[] = {{"stop", HF_ACTION_STOP}, {"query", HF_ACTION_QUERY}};
  for (size_t i = 0; i < 2; i++) {
    char path[128];
    size_t size;
    snprintf(path, sizeof path, "adapters/iso20022/vectors/%s.answer.xml", known[i].name);
    uint8_t *bytes = read_source_file(path, &size);
    struct hf_order order = order_of(known[i].action, "6228480000001235");
    assert_true(hf_is_ok(hf_iso20022.decode((struct hf_span){bytes, size}, &order, &bank, &room, &answer)));
    assert_string_equal(answer.result, "0000");
    assert_true(answer.has_balance);
    assert_int_equal(answer.balance, 12345);
    for (size_t cut = 0; cut < size - 1; cut++)
      assert_false(hf_is_ok(hf_iso20022.decode((struct hf_span){bytes, cut}, &order, &bank, &room, &answer)));
    if (i == 0) {
      assert_true(hf_is_ok(hf_iso20022.decode((struct hf_span){bytes, size}, &order, &bank, &room, &answer)));
      assert_int_equal(answer.held, 12345);
      assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
      assert_int_equal(answer.expires_wall_ns, (T0 + 2 * 86400) * HF_NS_PER_S);
    } else {
      assert_true(hf_is_ok(hf_iso20022.decode((struct hf_span){bytes, size}, &order, &bank, &room, &answer)));
      assert_int_equal(answer.transactions_count, 3);
      const struct hf_transaction *rows = answer.transactions;
      assert_true(rows[0].credit && !rows[0].failed && rows[0].amount == 5000000);
      assert_string_equal(rows[0].serial, "V-1");
      assert_memory_equal(rows[0].name.bytes, "王芳", 6);
      assert_memory_equal(rows[0].account.bytes, "6222029999990001", 16);
      assert_string_equal(rows[0].institution, "102100000013");
      assert_true(!rows[1].credit && rows[1].cash);
      assert_true(rows[2].failed); /* PDNG: not booked */
      assert_false(answer.more);
    }
    free(bytes);
  }
}

static void what_deceives_is_refused(void **unused)
{
  (void)unused;
  assert_int_equal(decoded(HF_ACTION_STOP, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").kind, HF_STATUS_MALFORMED);
  assert_int_equal(decoded(HF_ACTION_STOP, "<Document><RsltnOfInvstgtn/></Document>").kind, HF_STATUS_MALFORMED);
  /* An answer to a query does not answer a stop, and a report outside a response answers nothing. */
  assert_int_equal(decoded(HF_ACTION_STOP, "<Document xmlns=\"" SPACE "auth.002.001.01\"><InfReqRspn><InvstgtnId>" ID
                                           "</InvstgtnId><RspnSts>COMP</RspnSts></InfReqRspn></Document>")
                       .kind,
                   HF_STATUS_MALFORMED);
  assert_int_equal(decoded(HF_ACTION_QUERY, "<Document xmlns=\"" SPACE "camt.052.001.08\"/>").kind, HF_STATUS_MALFORMED);
  /* An entry that stands where none belongs: found by the fuzzer, as an index of -1. */
  assert_int_equal(
      decoded(HF_ACTION_QUERY, "<Document xmlns=\"" SPACE "camt.052.001.08\"><Ntry><Amt>1</Amt></Ntry></Document>").kind,
      HF_STATUS_MALFORMED);
  assert_true(hf_is_ok(decoded(HF_ACTION_QUERY, "<Document xmlns=\"" SPACE "auth.002.001.01\"><InfReqRspn><InvstgtnId>" ID
                                                "</InvstgtnId><RspnSts>NRES</RspnSts></InfReqRspn></Document>")));
  assert_string_equal(answer.result, "0300");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_are_the_golden_bytes), cmocka_unit_test(an_iban_has_its_check_digits),
      cmocka_unit_test(wrong_profiles_are_told),       cmocka_unit_test(a_recall_is_resolved),
      cmocka_unit_test(answers_are_read_to_their_end), cmocka_unit_test(what_deceives_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
