#include "engine/codec/codec.h"
#include "proto/answer.pb-c.h"
#include "proto/command.pb-c.h"
#include "proto/order.pb-c.h"
#include "tests/unit/unit.h"

static uint8_t arena_memory[HF_UNPACK_ARENA_SIZE];
static struct hf_arena arena = {.memory = arena_memory, .capacity = sizeof arena_memory};
static uint8_t out[65536];

/* The bytes that protoc made of tests/golden/NAME.txtpb. */
static struct hf_span golden(const char *name)
{
  static uint8_t bytes[8192];
  char path[128];
  size_t size, count = 0;
  snprintf(path, sizeof path, "tests/golden/%s.hex", name);
  uint8_t *text = read_source_file(path, &size);
  for (size_t i = 0; i + 1 < size; i++) {
    unsigned value;
    if (text[i] == '\n') continue;
    assert_int_equal(sscanf((const char *)text + i++, "%2x", &value), 1);
    bytes[count++] = (uint8_t)value;
  }
  free(text);
  hf_arena_reset(&arena);
  return (struct hf_span){bytes, count};
}

static void same(struct hf_span bytes, size_t size)
{
  assert_int_equal(size, bytes.size);
  assert_memory_equal(out, bytes.data, size);
}

static void reports_are_as_ever(void **unused)
{
  static struct hf_report report;
  (void)unused;
  struct hf_span bytes = golden("report");
  assert_string_equal(hf_reason_code(hf_report_decode(bytes, &arena, &report)), "");
  assert_int_equal(report.transfers_count, 2);
  assert_int_equal(report.transfers[0].amount, 5000000);
  assert_int_equal(report.transfers[0].at_wall_ns, 1699999990LL * HF_NS_PER_S);
  assert_string_equal(report.transfers[1].payee.institution, "PAYA");
  same(bytes, hf_report_encode(&report, out, sizeof out));
  for (size_t size = 0; size < bytes.size; size++) { /* cut anywhere: a reason or a shorter report, never more than is there */
    static struct hf_report cut;
    hf_arena_reset(&arena);
    (void)hf_report_decode((struct hf_span){bytes.data, size}, &arena, &cut);
    assert_true(cut.transfers_count <= 2);
  }
}

static void envelopes_are_as_ever(void **unused)
{
  struct hf_envelope envelope;
  (void)unused;
  struct hf_span bytes = golden("envelope");
  assert_string_equal(hf_reason_code(hf_envelope_decode(bytes, &envelope)), "");
  assert_int_equal(envelope.kind, HF_PAYLOAD_REPORT);
  assert_string_equal(envelope.signatures[0].key_id, "0123456789abcdef0123456789abcdef");
  same(bytes, hf_envelope_encode(envelope.kind, envelope.payload, &envelope.signatures[0], out, sizeof out));
  static const char signed_bytes[] = "DSSEv1 43 application/vnd.holdfast.report.v1+protobuf 5 12345";
  assert_int_equal(hf_envelope_signed_bytes(envelope.kind, envelope.payload, out, sizeof out), sizeof signed_bytes - 1);
  assert_memory_equal(out, signed_bytes, sizeof signed_bytes - 1);
}

static void envelopes_get_their_reason(void **unused)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *reason;
  } rows[] = {{"", 0, "empty"},
              {"\x0a\xff", 2, "not_an_envelope"},
              {"\xff\xff\xff", 3, "not_an_envelope"},
              {"\x0a\x01x\x12\x01y", 6, "wrong_payload_type"},
              {"hello, I am JSON", 16, "not_an_envelope"}};
  struct hf_envelope envelope;
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(
        hf_reason_code(hf_envelope_decode((struct hf_span){(const uint8_t *)rows[i].bytes, rows[i].size}, &envelope)),
        rows[i].reason);
  struct hf_span bytes = golden("envelope");
  memcpy(out, bytes.data, bytes.size);
  size_t head = 2 + 43 + 2 + 5, one = bytes.size - head;
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head}, &envelope)), "no_signature");
  for (int i = 1; i < 5; i++) memcpy(out + head + (size_t)i * one, out + head, one);
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head + 4 * one}, &envelope)), "");
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head + 5 * one}, &envelope)),
                      "too_many_signatures");
}

static void registry_changes_are_as_ever(void **unused)
{
  static struct hf_registry_change change;
  (void)unused;
  struct hf_span bytes = golden("registry");
  assert_string_equal(hf_reason_code(hf_registry_decode(bytes, &arena, &change)), "");
  assert_int_equal(change.institutions_count, 2);
  assert_true(change.institutions[1].payment_company && change.has_policy);
  same(bytes, hf_registry_encode(&change, out, sizeof out));
}

static void facts_are_as_ever(void **unused)
{
  static struct hf_fact fact;
  (void)unused;
  struct hf_span bytes = golden("fact");
  assert_true(hf_is_ok(hf_fact_decode(bytes, &arena, &fact)));
  assert_int_equal(fact.kind, HF_FACT_ORDER_ENDED);
  assert_int_equal(fact.ended.answer.held, 8350000);
  same(bytes, hf_fact_encode(&fact, "b7a1", out, sizeof out));
}

/* Messages that later programs use: their bytes are promised already. */
static void other_messages_are_as_ever(void **unused)
{
  (void)unused;
  struct hf_span bytes = golden("order");
  Holdfast__V1__Order *order = holdfast__v1__order__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(order);
  assert_int_equal(order->base.n_unknown_fields, 0);
  same(bytes, holdfast__v1__order__pack(order, out));
  holdfast__v1__order__free_unpacked(order, NULL);
  bytes = golden("command");
  Holdfast__V1__Command *command = holdfast__v1__command__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(command);
  assert_int_equal(command->kind, HOLDFAST__V1__COMMAND_KIND__COMMAND_KIND_LIFT);
  same(bytes, holdfast__v1__command__pack(command, out));
  holdfast__v1__command__free_unpacked(command, NULL);
  bytes = golden("answer");
  Holdfast__V1__Answer *answer = holdfast__v1__answer__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(answer);
  assert_int_equal(answer->kind, HOLDFAST__V1__ANSWER_KIND__ANSWER_KIND_FEEDBACK);
  same(bytes, holdfast__v1__answer__pack(answer, out));
  holdfast__v1__answer__free_unpacked(answer, NULL);
}

static void unknown_fields_and_floods_are_refused(void **unused)
{
  static struct hf_report report;
  (void)unused;
  struct hf_span bytes = golden("report");
  memcpy(out, bytes.data, bytes.size);
  memcpy(out + bytes.size, "\xf8\x07\x01", 3); /* field 127 */
  assert_string_equal(hf_reason_code(hf_report_decode((struct hf_span){out, bytes.size + 3}, &arena, &report)),
                      "unknown_field");
  uint8_t *flood = malloc(50001 * 2);
  for (int i = 0; i < 50001; i++) memcpy(flood + 2 * i, "\x32", 2);
  assert_string_equal(hf_reason_code(hf_report_decode((struct hf_span){flood, 50001 * 2}, &arena, &report)),
                      "too_many_targets");
  free(flood);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(reports_are_as_ever),
                                     cmocka_unit_test(envelopes_are_as_ever),
                                     cmocka_unit_test(envelopes_get_their_reason),
                                     cmocka_unit_test(registry_changes_are_as_ever),
                                     cmocka_unit_test(facts_are_as_ever),
                                     cmocka_unit_test(other_messages_are_as_ever),
                                     cmocka_unit_test(unknown_fields_and_floods_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
