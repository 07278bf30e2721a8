/* protobuf_kafka: what protobuf-c reads of our orders, and what we read of answers that protobuf-c wrote. */
#include "adapters/dialect.h"
#include "engine/codec/codec.h"
#include "proto/answer.pb-c.h"
#include "proto/envelope.pb-c.h"
#include "proto/order.pb-c.h"
#include "tests/unit/unit.h"

#define T0 1700000000LL

static const struct hf_institution bank = {.code = "BANKK"};
static struct hf_answer_room room;
static struct hf_answer answer;
static uint8_t record[HF_ANSWER_BODY_SIZE_MAX];

static struct hf_order order_of(enum hf_action action)
{
  struct hf_order order = {.case_number = "A-1",
                           .institution = "BANKK",
                           .action = action,
                           .amount = 5000050,
                           .currency = HF_CURRENCY_CNY,
                           .issued_wall_ns = T0 * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef"};
  assert_true(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a2", 36, &order.id.uuid)));
  assert_true(hf_is_ok(hf_account_number_set(&order.account, "6228480000001235", 16)));
  assert_true(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  return order;
}

/* Each action: sealed, it is an envelope whose payload is the order, and what is signed is over that payload. */
static void an_order_is_a_signed_envelope(void **unused)
{
  (void)unused;
  uint8_t out[HF_ORDER_BODY_SIZE_MAX + 1024], signed_bytes[HF_ORDER_BODY_SIZE_MAX];
  for (int action = 1; action < HF_ACTION_COUNT; action++) {
    struct hf_order order = order_of((enum hf_action)action);
    struct hf_writer body = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX),
                     to_sign = hf_writer_of(signed_bytes, sizeof signed_bytes);
    assert_true((hf_protobuf_kafka.actions & 1u << action) != 0);
    assert_true(hf_is_ok(hf_protobuf_kafka.encode(&order, &bank, &body)));
    const struct hf_message message = {.order = &order, .row = &bank, .body = {out, body.size}};
    assert_true(hf_is_ok(hf_protobuf_kafka.to_sign(&message, &to_sign)));
    struct hf_writer seal = hf_writer_of(out + body.size, sizeof out - body.size);
    static const uint8_t signature[64] = {7};
    assert_true(hf_is_ok(hf_protobuf_kafka.seal(&message, order.key_id, "ed25519", (struct hf_span){signature, 64}, &seal)));
    if (action == HF_ACTION_STOP) same_as_vector("protobuf_kafka/vectors/stop.request.pb", out, body.size + seal.size);
    Holdfast__V1__Envelope *envelope = holdfast__v1__envelope__unpack(NULL, body.size + seal.size, out);
    assert_non_null(envelope);
    assert_string_equal(envelope->payload_type, HF_PAYLOAD_TYPE_ORDER);
    assert_int_equal(envelope->n_signatures, 1);
    assert_string_equal(envelope->signatures[0]->key_id, order.key_id);
    assert_int_equal(envelope->signatures[0]->signature.len, 64);
    uint8_t wanted[HF_ORDER_BODY_SIZE_MAX];
    struct hf_writer encoding = hf_writer_of(wanted, sizeof wanted);
    hf_write_pre_authentication(&encoding, envelope->payload_type,
                                (struct hf_span){envelope->payload.data, envelope->payload.len});
    assert_int_equal(encoding.size, to_sign.size);
    assert_memory_equal(wanted, signed_bytes, encoding.size);
    Holdfast__V1__Order *read = holdfast__v1__order__unpack(NULL, envelope->payload.len, envelope->payload.data);
    assert_non_null(read);
    assert_int_equal(read->action, action);
    assert_memory_equal(read->order_id.data, order.id.uuid.bytes, 16);
    assert_string_equal(read->account, "6228480000001235");
    assert_string_equal(read->name, "张三");
    assert_int_equal(read->amount, 5000050);
    assert_int_equal(read->base.n_unknown_fields, 0);
    holdfast__v1__order__free_unpacked(read, NULL);
    holdfast__v1__envelope__free_unpacked(envelope, NULL);
  }
}

/* An envelope around the answer, as protobuf-c packs it. */
static size_t signature_size = 64;

static struct hf_span packed(Holdfast__V1__Answer *said, const char *type)
{
  static uint8_t payload[HF_ANSWER_BODY_SIZE_MAX];
  Holdfast__V1__Envelope envelope = HOLDFAST__V1__ENVELOPE__INIT;
  Holdfast__V1__Signature signature = HOLDFAST__V1__SIGNATURE__INIT;
  Holdfast__V1__Signature *signatures[] = {&signature};
  static uint8_t bytes[64];
  signature.key_id = (char *)"0123456789abcdef0123456789abcdef";
  signature.signature = (ProtobufCBinaryData){signature_size, bytes};
  envelope.payload_type = (char *)(uintptr_t)type;
  envelope.payload = (ProtobufCBinaryData){holdfast__v1__answer__pack(said, payload), payload};
  envelope.n_signatures = 1;
  envelope.signatures = signatures;
  return (struct hf_span){record, holdfast__v1__envelope__pack(&envelope, record)};
}

static struct hf_status decoded(struct hf_span bytes)
{
  struct hf_order order = order_of(HF_ACTION_QUERY);
  return hf_protobuf_kafka.decode(bytes, &order, &bank, &room, &answer);
}

static void an_answer_is_read_to_its_end(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_QUERY);
  Holdfast__V1__Answer said = HOLDFAST__V1__ANSWER__INIT;
  Holdfast__V1__Transaction in = HOLDFAST__V1__TRANSACTION__INIT, out = HOLDFAST__V1__TRANSACTION__INIT;
  Holdfast__V1__Transaction *rows[] = {&in, &out};
  Holdfast__V1__ListedHold ours = HOLDFAST__V1__LISTED_HOLD__INIT;
  Holdfast__V1__ListedHold *holds[] = {&ours};
  said.order_id = (ProtobufCBinaryData){16, order.id.uuid.bytes};
  said.institution = (char *)"BANKK";
  said.kind = HOLDFAST__V1__ANSWER_KIND__ANSWER_KIND_FEEDBACK;
  said.result = (char *)"0000";
  said.reference = (char *)"R-1";
  said.executed_at_us = T0 * 1000000;
  said.has_balance = 1;
  said.balance = -5;
  said.held = 12345;
  said.holder = (char *)"王文";
  said.more = 1;
  in.credit = 1, in.amount = 5000000, in.at_us = T0 * 1000000, in.serial = (char *)"V-1",
  in.account = (char *)"6222029999990001", in.name = (char *)"王芳", in.institution = (char *)"BANKV";
  out.amount = -1; /* no amount: the row is kept, its amount is not */
  ours.order_id = (ProtobufCBinaryData){16, order.id.uuid.bytes};
  ours.amount = 100, ours.expires_at_us = T0 * 1000000, ours.authority = (char *)"holdfast";
  said.n_transactions = 2, said.transactions = rows, said.n_holds = 1, said.holds = holds;
  struct hf_span bytes = packed(&said, HF_PAYLOAD_TYPE_ANSWER);
  struct hf_order_id id;
  same_as_vector("protobuf_kafka/vectors/query.answer.pb", bytes.data, bytes.size);
  assert_true(hf_is_ok(hf_protobuf_kafka.identify(bytes, &bank, &id)));
  assert_memory_equal(&id, &order.id, sizeof id);
  assert_true(hf_is_ok(decoded(bytes)));
  assert_true(answer.has_feedback && answer.has_receipt && answer.more && answer.has_balance);
  assert_string_equal(answer.result, "0000");
  assert_string_equal(answer.reference, "R-1");
  assert_int_equal(answer.balance, -5);
  assert_int_equal(answer.held, 12345);
  assert_int_equal(answer.executed_wall_ns, T0 * HF_NS_PER_S);
  assert_memory_equal(answer.holder.bytes, "王文", 6);
  assert_int_equal(answer.transactions_count, 2);
  assert_true(answer.transactions[0].credit && answer.transactions[0].amount == 5000000);
  assert_string_equal(answer.transactions[0].institution, "BANKV");
  assert_memory_equal(answer.transactions[0].account.bytes, "6222029999990001", 16);
  assert_int_equal(answer.transactions[1].amount, 0);
  assert_int_equal(answer.holds_count, 1);
  assert_memory_equal(&answer.holds[0].order_id, &order.id, sizeof order.id);
  for (size_t cut = 0; cut < bytes.size; cut++) (void)decoded((struct hf_span){record, cut});
  struct hf_proof proof;
  uint8_t covered[4096];
  struct hf_writer writer = hf_writer_of(covered, sizeof covered);
  const struct hf_message asked = {.row = &bank};
  const struct hf_reply reply = {.status = 200, .body = bytes};
  assert_true(hf_is_ok(hf_protobuf_kafka.prove(&asked, &reply, 1, &proof, &writer)));
  assert_string_equal(proof.key_id, "0123456789abcdef0123456789abcdef");
  assert_int_equal(proof.signature_size, 64);
  signature_size = 0; /* found by the fuzzer */
  const struct hf_reply bare = {.status = 200, .body = packed(&said, HF_PAYLOAD_TYPE_ANSWER)};
  writer = hf_writer_of(covered, sizeof covered);
  assert_int_equal(hf_protobuf_kafka.prove(&asked, &bare, 1, &proof, &writer).kind, HF_STATUS_REFUSED);
  signature_size = 64;
  (void)packed(&said, HF_PAYLOAD_TYPE_ANSWER);
  writer = hf_writer_of(covered, sizeof covered);
  assert_true(hf_is_ok(hf_protobuf_kafka.prove(&asked, &reply, 1, &proof, &writer)));
  assert_non_null(memmem(covered, writer.size, HF_PAYLOAD_TYPE_ANSWER, strlen(HF_PAYLOAD_TYPE_ANSWER)));
}

/* Each is a change to a sound answer, and what is said of it. */
static void what_is_wrong_is_named(void **unused)
{
  (void)unused;
  struct hf_order order = order_of(HF_ACTION_QUERY);
  for (int wrong = 0; wrong <= 8; wrong++) {
    static const char *const why[] = {NULL,       "institution", "result",       "result",   "kind",
                                      "order_id", "order_id",    "payload_type", "reference"};
    Holdfast__V1__Answer said = HOLDFAST__V1__ANSWER__INIT;
    char long_text[66] = {0};
    memset(long_text, 'x', 65);
    said.order_id = (ProtobufCBinaryData){16, order.id.uuid.bytes};
    said.institution = (char *)(uintptr_t)(wrong == 1 ? "BANKA" : "BANKK");
    said.kind = wrong == 4 ? HOLDFAST__V1__ANSWER_KIND__ANSWER_KIND_UNSET : HOLDFAST__V1__ANSWER_KIND__ANSWER_KIND_FEEDBACK;
    said.result = (char *)(uintptr_t)(wrong == 2 ? "OK" : wrong == 3 ? "" : "0000");
    if (wrong == 5) said.order_id.len = 15;
    if (wrong == 6) said.order_id.data = (uint8_t *)"0123456789abcdef";
    if (wrong == 8) said.reference = long_text;
    struct hf_status status = decoded(packed(&said, wrong == 7 ? HF_PAYLOAD_TYPE_ORDER : HF_PAYLOAD_TYPE_ANSWER));
    assert_int_equal(hf_is_ok(status), wrong == 0);
    if (wrong > 0) assert_non_null(strstr(status.why, why[wrong]));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_order_is_a_signed_envelope),
                                     cmocka_unit_test(an_answer_is_read_to_its_end), cmocka_unit_test(what_is_wrong_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
