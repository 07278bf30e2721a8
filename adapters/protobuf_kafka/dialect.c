/*
 * protobuf_kafka: orders as proto/order.proto in signed envelopes on a topic of the institution's own; its answers as
 * proto/answer.proto in envelopes that it signs, on holdfast.answers. README.md has keys, headers and rights.
 */
#include <string.h>

#include "adapters/dialect.h"
#include "engine/base/assert.h"
#include "engine/codec/codec.h"
#include "engine/codec/fields.h"

#define ENVELOPE_TYPE 1 /* envelope.proto's fields, all of bytes */
#define ENVELOPE_PAYLOAD 2
#define ENVELOPE_SIGNATURE 3
#define SIGNATURE_KEY 1
#define SIGNATURE_BYTES 2

static void put(struct hf_writer *out, unsigned field, const void *bytes, size_t size)
{
  hf_write_varint(out, field << 3 | 2);
  hf_write_varint(out, size);
  hf_write_bytes(out, bytes, size);
}

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *body)
{
  uint8_t payload[HF_FACT_ENCODED_SIZE_MAX];
  (void)row;
  size_t size = hf_order_encode(order, payload, sizeof payload);
  HF_ASSERT(size > 0); /* a fact with the order in it fits there, too */
  put(body, ENVELOPE_TYPE, HF_PAYLOAD_TYPE_ORDER, strlen(HF_PAYLOAD_TYPE_ORDER));
  put(body, ENVELOPE_PAYLOAD, payload, size);
  return body->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

/* The envelope's own way: over its type and payload. */
static struct hf_status to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  struct hf_envelope envelope;
  (void)hf_envelope_decode(message->body, &envelope); /* it has no signature yet */
  hf_write_pre_authentication(bytes, HF_PAYLOAD_TYPE_ORDER, envelope.payload);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

/* An envelope's last field behind the others: protobuf's messages are joined by writing one after the other. */
static struct hf_status seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                             struct hf_span signature, struct hf_writer *trailer)
{
  uint8_t bytes[HF_SIGNATURE_SIZE_MAX + 64];
  struct hf_writer inner = hf_writer_of(bytes, sizeof bytes);
  (void)message, (void)algorithm; /* the institution knows the key, and with it the algorithm */
  if (signature.size == 0) return hf_ok();
  put(&inner, SIGNATURE_KEY, key_id, strlen(key_id));
  put(&inner, SIGNATURE_BYTES, signature.data, signature.size);
  put(trailer, ENVELOPE_SIGNATURE, bytes, inner.size);
  return trailer->full || inner.full ? hf_fail(HF_STATUS_LIMIT, "the signature does not fit") : hf_ok();
}

static struct hf_status open_envelope(struct hf_span bytes, struct hf_envelope *envelope)
{
  enum hf_reason reason = hf_envelope_decode(bytes, envelope);
  if (reason != HF_REASON_NONE) return hf_fail(HF_STATUS_MALFORMED, hf_reason_code(reason));
  return envelope->kind == HF_PAYLOAD_ANSWER ? hf_ok() : hf_fail(HF_STATUS_MALFORMED, "payload_type: no answer's");
}

static struct hf_status decode_for(struct hf_span bytes, const struct hf_institution *row, struct hf_answer_room *room,
                                   struct hf_answer *answer)
{
  struct hf_envelope envelope;
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_status status = open_envelope(bytes, &envelope);
  if (hf_is_ok(status)) status = hf_answer_decode(envelope.payload, room->transactions, room->holds, institution, answer);
  if (hf_is_ok(status) && strcmp(institution, row->code) != 0)
    status = hf_fail(HF_STATUS_REFUSED, "institution: another one's answer");
  return status;
}

static struct hf_status identify(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id)
{
  static _Thread_local struct hf_answer_room room;
  struct hf_answer answer;
  struct hf_status status = decode_for(bytes, row, &room, &answer);
  *id = answer.order_id;
  return status;
}

static struct hf_status prove(const struct hf_message *asked, const struct hf_reply *reply, int64_t now_wall_ns,
                              struct hf_proof *proof, struct hf_writer *signed_bytes)
{
  struct hf_envelope envelope;
  (void)asked;
  memset(proof, 0, sizeof *proof);
  struct hf_status status = open_envelope(reply->body, &envelope);
  if (!hf_is_ok(status)) return status;
  const struct hf_signature *signature = &envelope.signatures[0];
  if (envelope.signatures_count != 1) return hf_fail(HF_STATUS_REFUSED, "signatures: one, the institution's");
  if (signature->bytes.size == 0 || signature->bytes.size > sizeof proof->signature)
    return hf_fail(HF_STATUS_REFUSED, "signature: none, or longer than any");
  memcpy(proof->key_id, signature->key_id, sizeof proof->key_id);
  memcpy(proof->signature, signature->bytes.data, signature->bytes.size);
  proof->signature_size = signature->bytes.size;
  proof->made_wall_ns = now_wall_ns; /* a key that was revoked since is worth nothing; an answer read again changes nothing */
  hf_write_pre_authentication(signed_bytes, HF_PAYLOAD_TYPE_ANSWER, envelope.payload);
  return signed_bytes->full ? hf_fail(HF_STATUS_LIMIT, "the signed bytes do not fit") : hf_ok();
}

static struct hf_status decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                               struct hf_answer_room *room, struct hf_answer *answer)
{
  struct hf_status status = decode_for(bytes, row, room, answer);
  if (hf_is_ok(status) && !hf_uuid_equal(answer->order_id.uuid, order->id.uuid))
    status = hf_fail(HF_STATUS_REFUSED, "order_id: another order's");
  return status;
}

const struct hf_dialect hf_protobuf_kafka = {
    .name = "protobuf_kafka",
    .actions = ((1u << HF_ACTION_COUNT) - 1) & ~1u,
    .content_type = "application/protobuf",
    .path = "",
    .encode = encode,
    .to_sign = to_sign,
    .seal = seal,
    .identify = identify,
    .prove = prove,
    .decode = decode,
};
