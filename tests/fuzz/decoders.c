/* One libFuzzer target per decoder of foreign bytes; which one is HF_FUZZ_DECODER (tests/CMakeLists.txt). Any bytes may be
 * refused, none may crash. */
#include "adapters/dialect.h"
#include "engine/codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t arena_memory[HF_UNPACK_ARENA_SIZE];
/* The vectors' order, so that an answer is read to its end. */
static const struct hf_order paid = {.institution = "PAYA",
                                     .id.uuid.bytes = "\x01\xa2\x0b\xe9\xb5\x4e\x80\x03\x9c\x9d\x0a\xf5\xe8\xda\x17\xa2"};

#define HF_FUZZ_ENVELOPE 1
#define HF_FUZZ_REPORT 2
#define HF_FUZZ_REGISTRY 3
#define HF_FUZZ_FACT 4
#define HF_FUZZ_ANSWER 5
#define HF_FUZZ_COMMAND 6
#define HF_FUZZ_PLATFORM 7
#define HF_FUZZ_WALLET 8
#define HF_FUZZ_CARD 9
#define HF_FUZZ_ISO20022 10
#define HF_FUZZ_PROTOBUF 11
#define HF_FUZZ_CALLBACK 12
#define HF_FUZZ_ACCESS 13

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct hf_envelope envelope;
  static struct hf_report report;
  static struct hf_registry_change change;
  static struct hf_fact fact;
  static struct hf_answer answer;
  static struct hf_answer_room room;
  static struct hf_command command;
  static const struct hf_institution row = {.code = "BANKA"};
  static const struct hf_order order = {.institution = "BANKA"};
  struct hf_arena arena = {.memory = arena_memory, .capacity = sizeof arena_memory};
  struct hf_span bytes = {data, size};
  struct hf_status status = hf_ok();
#if HF_FUZZ_DECODER == HF_FUZZ_ENVELOPE
  (void)hf_envelope_decode(bytes, &envelope);
#elif HF_FUZZ_DECODER == HF_FUZZ_REPORT
  (void)hf_report_decode(bytes, &arena, &report);
#elif HF_FUZZ_DECODER == HF_FUZZ_REGISTRY
  (void)hf_registry_decode(bytes, &arena, &change);
#elif HF_FUZZ_DECODER == HF_FUZZ_FACT
  status = hf_fact_decode(bytes, &fact, &(struct hf_span){0});
#elif HF_FUZZ_DECODER == HF_FUZZ_COMMAND
  (void)hf_command_decode(bytes, &arena, &command);
#elif HF_FUZZ_DECODER == HF_FUZZ_ACCESS
  (void)hf_access_decode(bytes, &arena, &(struct hf_access){0});
#elif HF_FUZZ_DECODER == HF_FUZZ_CALLBACK
  struct hf_callback callback;
  status = hf_callback_read(bytes, &callback);
  if (hf_is_ok(status)) status = hf_holdfast_json.decode(callback.body, &order, &row, &room, &answer);
#elif HF_FUZZ_DECODER == HF_FUZZ_PLATFORM
  struct hf_order_id id;
  status = hf_platform_xml.identify(bytes, &row, &id);
  if (hf_is_ok(status)) status = hf_platform_xml.decode(bytes, &(struct hf_order){.id = id}, &row, &room, &answer);
#elif HF_FUZZ_DECODER == HF_FUZZ_WALLET
  status = hf_wallet_json.decode(bytes, &paid, &row, &room, &answer);
#elif HF_FUZZ_DECODER == HF_FUZZ_PROTOBUF
  static uint8_t covered[HF_ANSWER_BODY_SIZE_MAX];
  struct hf_writer signed_bytes = hf_writer_of(covered, sizeof covered);
  struct hf_proof proof;
  struct hf_order_id id;
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  (void)hf_protobuf_kafka.prove(&(struct hf_message){.row = &row}, &(struct hf_reply){.status = 200, .body = bytes}, 0, &proof,
                                &signed_bytes);
  status = hf_protobuf_kafka.identify(bytes, &row, &id);
  if (!hf_is_ok(status)) status = hf_answer_decode(bytes, room.transactions, room.holds, institution, &answer);
#elif HF_FUZZ_DECODER == HF_FUZZ_ISO20022
  struct hf_order asked = {.id = paid.id, .action = size % 2 == 0 ? HF_ACTION_STOP : HF_ACTION_QUERY};
  status = hf_iso20022.decode(bytes, &asked, &row, &room, &answer);
  asked.action = size % 2 == 0 ? HF_ACTION_QUERY : HF_ACTION_STOP;
  if (!hf_is_ok(status)) status = hf_iso20022.decode(bytes, &asked, &row, &room, &answer);
#elif HF_FUZZ_DECODER == HF_FUZZ_CARD
  static const struct hf_institution hosts[] = {{.code = "CARDA", .profile = "binary=hex length=four_digits"},
                                                {.code = "CARDB", .profile = "encoding=bcd tpdu=6000030000 mac=x919"}};
  static uint8_t said[512], covered[HF_ANSWER_BODY_SIZE_MAX];
  for (int i = 0; i < 2; i++) {
    struct hf_order_id id;
    struct hf_writer reply = hf_writer_of(said, sizeof said), signed_bytes = hf_writer_of(covered, sizeof covered);
    struct hf_proof proof;
    (void)hf_iso8583.small_talk->hear(&hosts[i], bytes, &reply);
    (void)hf_iso8583.prove(&(struct hf_message){.row = &hosts[i]}, &(struct hf_reply){.status = 200, .body = bytes}, 0, &proof,
                           &signed_bytes);
    status = hf_iso8583.identify(bytes, &hosts[i], &id);
    if (hf_is_ok(status)) status = hf_iso8583.decode(bytes, &(struct hf_order){.id = id}, &hosts[i], &room, &answer);
  }
#else
  status = hf_holdfast_json.decode(bytes, &order, &row, &room, &answer);
#endif
  (void)status, (void)row, (void)envelope, (void)report, (void)change, (void)fact, (void)answer, (void)order, (void)paid,
      (void)arena, (void)bytes, (void)room, (void)command;
  return 0;
}
