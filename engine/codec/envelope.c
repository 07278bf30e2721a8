#include <string.h>

#include "engine/base/assert.h"
#include "engine/codec/wire.h"
#include "proto/envelope.pb-c.h"

static const char *const payload_types[] = {"",
                                            HF_PAYLOAD_TYPE_REPORT,
                                            HF_PAYLOAD_TYPE_REGISTRY,
                                            HF_PAYLOAD_TYPE_COMMAND,
                                            HF_PAYLOAD_TYPE_ACCESS,
                                            HF_PAYLOAD_TYPE_ORDER,
                                            HF_PAYLOAD_TYPE_ANSWER,
                                            HF_PAYLOAD_TYPE_CALLBACK};

const char *hf_payload_type(enum hf_payload_kind kind)
{
  return payload_types[kind];
}

static enum hf_payload_kind kind_of(struct hf_span type)
{
  for (unsigned kind = HF_PAYLOAD_REPORT; kind <= HF_PAYLOAD_CALLBACK; kind++)
    if (strlen(payload_types[kind]) == type.size && memcmp(payload_types[kind], type.data, type.size) == 0)
      return (enum hf_payload_kind)kind;
  return HF_PAYLOAD_UNSET;
}

/* One length-delimited field; returns its number, 0 at the end or where the bytes are something else. */
static uint32_t next_field(struct hf_reader *reader, struct hf_span *value)
{
  if (reader->left.size == 0) return 0;
  uint64_t tag = hf_read_varint(reader);
  if ((tag & 7) != 2) reader->failed = true; /* all fields of an envelope are strings, bytes or messages */
  *value = hf_read_span(reader, hf_read_varint(reader));
  return reader->failed ? 0 : (uint32_t)(tag >> 3);
}

static bool decode_signature(struct hf_span message, struct hf_signature *signature)
{
  struct hf_reader reader = hf_reader_of(message);
  struct hf_span value;
  for (uint32_t field; (field = next_field(&reader, &value)) != 0;) {
    if (field == 2) {
      signature->bytes = value;
    } else if (field == 1) {
      bool ours = value.size == HF_KEY_ID_SIZE && hf_text_is_sound(value.data, value.size);
      memset(signature->key_id, 0, sizeof signature->key_id);
      if (ours) memcpy(signature->key_id, value.data, value.size); /* any other text names no key */
    } else {
      return false;
    }
  }
  return !reader.failed;
}

/* By hand, because the spans then point into Kafka's own buffer: nothing is copied before the signature is checked. */
enum hf_reason hf_envelope_decode(struct hf_span record, struct hf_envelope *envelope)
{
  struct hf_reader reader = hf_reader_of(record);
  struct hf_span value, type = {NULL, 0};
  size_t signatures = 0;
  bool strange = false;
  memset(envelope, 0, sizeof *envelope);
  if (record.size == 0) return HF_REASON_EMPTY;
  if (record.size > HF_RECORD_SIZE_MAX) return HF_REASON_TOO_LARGE;
  for (uint32_t field; (field = next_field(&reader, &value)) != 0;) {
    if (field == 1)
      type = value;
    else if (field == 2)
      envelope->payload = value;
    else if (field == 3 && signatures++ < HF_SIGNATURES_MAX)
      strange |= !decode_signature(value, &envelope->signatures[envelope->signatures_count++]);
    else
      strange |= field > 3;
  }
  if (reader.failed || strange) return HF_REASON_NOT_AN_ENVELOPE;
  envelope->kind = kind_of(type);
  if (envelope->kind == HF_PAYLOAD_UNSET) return HF_REASON_WRONG_PAYLOAD_TYPE;
  if (signatures == 0) return HF_REASON_NO_SIGNATURE;
  return signatures > HF_SIGNATURES_MAX ? HF_REASON_TOO_MANY_SIGNATURES : HF_REASON_NONE;
}

size_t hf_envelope_signed_bytes(enum hf_payload_kind kind, struct hf_span payload, uint8_t *out, size_t capacity)
{
  struct hf_writer writer = hf_writer_of(out, capacity);
  hf_write_pre_authentication(&writer, payload_types[kind], payload);
  return writer.full ? 0 : writer.size;
}

size_t hf_envelope_encode(enum hf_payload_kind kind, struct hf_span payload, const struct hf_signature *signatures,
                          uint32_t count, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Envelope envelope = HOLDFAST__V1__ENVELOPE__INIT;
  Holdfast__V1__Signature made[HF_SIGNATURES_MAX], *list[HF_SIGNATURES_MAX];
  HF_ASSERT(count > 0 && count <= HF_SIGNATURES_MAX);
  for (uint32_t i = 0; i < count; i++) {
    list[i] = &made[i];
    holdfast__v1__signature__init(&made[i]);
    made[i].key_id = hf_wire_const(signatures[i].key_id);
    made[i].signature = (ProtobufCBinaryData){signatures[i].bytes.size, (uint8_t *)(uintptr_t)signatures[i].bytes.data};
  }
  envelope.payload_type = hf_wire_const(payload_types[kind]);
  envelope.payload = (ProtobufCBinaryData){payload.size, (uint8_t *)(uintptr_t)payload.data};
  envelope.n_signatures = count;
  envelope.signatures = list;
  return hf_wire_pack(&envelope.base, out, capacity);
}
