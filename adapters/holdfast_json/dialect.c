#include <jansson.h>
#include <string.h>

#include "adapters/dialect.h"

#define ORDER_TYPE "application/vnd.holdfast.order.v1+json"

static void put_text(struct hf_writer *body, const char *key, const char *value)
{
  hf_write_text(body, ",\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":");
  hf_write_json_string(body, value, strlen(value));
}

static void put_id(struct hf_writer *body, const char *key, struct hf_uuid id)
{
  char text[HF_UUID_TEXT_SIZE];
  put_text(body, key, hf_uuid_text(id, text));
}

static void put_time(struct hf_writer *body, const char *key, int64_t wall_ns)
{
  char text[HF_TIME_TEXT_SIZE];
  put_text(body, key, hf_time_text(wall_ns, text));
}

/* Keys in this order, no spaces: the canonical form that is signed and resent byte for byte. */
static struct hf_status encode(const struct hf_order *order, struct hf_writer *body)
{
  hf_write_text(body, "{\"version\":1");
  put_text(body, "action", hf_action_code(order->action));
  put_id(body, "order_id", order->id.uuid);
  put_id(body, "case_id", order->case_id.uuid);
  put_text(body, "case_number", order->case_number);
  put_text(body, "institution", order->institution);
  hf_write_text(body, ",\"account\":{\"number\":");
  hf_write_json_string(body, order->account.bytes, order->account.size);
  hf_write_text(body, ",\"name\":");
  hf_write_json_string(body, order->name.bytes, order->name.size);
  hf_write_text(body, "},\"transfer\":{\"amount\":\"");
  hf_write_amount(body, order->amount);
  hf_write_text(body, "\"");
  put_text(body, "currency", hf_currency_code(order->currency));
  put_time(body, "at", order->transfer_wall_ns);
  hf_write_text(body, "},\"authority\":{\"form\":");
  hf_write_json_string(body, order->form_reference, strlen(order->form_reference));
  put_id(body, "report_id", order->report_id.uuid);
  put_text(body, "key_id", order->key_id);
  hf_write_text(body, "}");
  put_time(body, "issued_at", order->issued_wall_ns);
  put_time(body, "deadline", order->deadline_wall_ns);
  hf_write_text(body, "}");
  return body->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

/* DSSE's pre-authentication encoding over type and body, as for submissions. */
static struct hf_status to_sign(const struct hf_order *order, struct hf_span body, struct hf_writer *bytes)
{
  (void)order;
  hf_write_text(bytes, "DSSEv1 ");
  hf_write_int(bytes, (int64_t)strlen(ORDER_TYPE));
  hf_write_text(bytes, " " ORDER_TYPE " ");
  hf_write_int(bytes, (int64_t)body.size);
  hf_write_text(bytes, " ");
  hf_write_bytes(bytes, body.data, body.size);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

static struct hf_status seal(const struct hf_order *order, const char *key_id, const char *algorithm, struct hf_span signature,
                             struct hf_writer *headers)
{
  char id[HF_UUID_TEXT_SIZE];
  hf_write_text(headers, "Holdfast-Order: ");
  hf_write_text(headers, hf_uuid_text(order->id.uuid, id));
  if (signature.size > 0) {
    hf_write_text(headers, "\nHoldfast-Key: ");
    hf_write_text(headers, key_id);
    hf_write_text(headers, "\nHoldfast-Algorithm: ");
    hf_write_text(headers, algorithm);
    hf_write_text(headers, "\nHoldfast-Signature: ");
    hf_write_base64(headers, signature.data, signature.size);
  }
  hf_write_text(headers, "\n");
  return headers->full ? hf_fail(HF_STATUS_LIMIT, "the headers do not fit") : hf_ok();
}

/* --- answers --- */

static const char *text_of(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));
  return text == NULL ? "" : text;
}

/* "2026-11-24T01:02:03Z" → ns; 0 where the field is missing. */
static bool time_of(const json_t *object, const char *key, int64_t *wall_ns)
{
  const json_t *value = json_object_get(object, key);
  *wall_ns = 0;
  if (value == NULL || json_is_null(value)) return true;
  *wall_ns = json_is_string(value) ? hf_time_parse(json_string_value(value)) : INT64_MIN;
  return *wall_ns != INT64_MIN;
}

static bool amount_of(const json_t *object, const char *key, int64_t *minor, bool *there)
{
  const json_t *value = json_object_get(object, key);
  *there = value != NULL && !json_is_null(value);
  *minor = 0;
  if (!*there) return true;
  *minor = json_is_string(value) ? hf_amount_parse(json_string_value(value)) : INT64_MIN;
  return *minor != INT64_MIN;
}

static struct hf_status read_feedback(const json_t *feedback, struct hf_answer *answer)
{
  bool held;
  const char *result = text_of(feedback, "result");
  if (!json_is_object(feedback)) return hf_fail(HF_STATUS_MALFORMED, "feedback: not an object");
  if (strlen(result) != 4 || strspn(result, "0123456789") != 4)
    return hf_fail(HF_STATUS_MALFORMED, "feedback.result: not four digits");
  memcpy(answer->result, result, 5);
  if (!time_of(feedback, "executed_at", &answer->executed_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.executed_at: not an RFC 3339 time");
  if (!time_of(feedback, "expires_at", &answer->expires_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.expires_at: not an RFC 3339 time");
  if (!amount_of(feedback, "balance", &answer->balance, &answer->has_balance))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.balance: not an amount as text");
  if (!amount_of(feedback, "held", &answer->held, &held))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.held: not an amount as text");
  const json_t *transactions = json_object_get(feedback, "transactions");
  if (transactions != NULL && !json_is_array(transactions))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.transactions: not an array");
  answer->transactions_count = (uint32_t)json_array_size(transactions);
  answer->has_feedback = true;
  return hf_ok();
}

static struct hf_status read_answer(const json_t *root, const struct hf_order *order, struct hf_answer *answer)
{
  char id[HF_UUID_TEXT_SIZE];
  if (!json_is_object(root)) return hf_fail(HF_STATUS_MALFORMED, "the answer is not an object");
  if (strcmp(text_of(root, "order_id"), hf_uuid_text(order->id.uuid, id)) != 0)
    return hf_fail(HF_STATUS_REFUSED, "order_id: another order's");
  if (strcmp(text_of(root, "institution"), order->institution) != 0)
    return hf_fail(HF_STATUS_REFUSED, "institution: another institution's");
  const char *reference = text_of(root, "reference");
  if (strlen(reference) > HF_REFERENCE_SIZE_MAX || !hf_text_is_sound(reference, strlen(reference)))
    return hf_fail(HF_STATUS_MALFORMED, "reference: over 64 bytes or not plain text");
  memcpy(answer->reference, reference, strlen(reference));
  answer->order_id = order->id;
  answer->has_receipt = true;
  const json_t *feedback = json_object_get(root, "feedback");
  return feedback == NULL || json_is_null(feedback) ? hf_ok() : read_feedback(feedback, answer);
}

static struct hf_status decode(struct hf_span bytes, const struct hf_order *order, struct hf_answer *answer)
{
  json_error_t error;
  memset(answer, 0, sizeof *answer);
  if (bytes.size > HF_ANSWER_BODY_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the answer is larger than 64 KiB");
  json_t *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) return hf_fail(HF_STATUS_MALFORMED, "the answer is not JSON");
  struct hf_status status = read_answer(root, order, answer);
  json_decref(root);
  return status;
}

const struct hf_dialect hf_holdfast_json = {
    .name = "holdfast_json",
    .actions = 1u << HF_ACTION_STOP | 1u << HF_ACTION_QUERY,
    .content_type = "application/json",
    .path = "/v1/orders",
    .encode = encode,
    .to_sign = to_sign,
    .seal = seal,
    .decode = decode,
};
