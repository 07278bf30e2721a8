#include "adapters/banksim/protobuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/banksim/bank.h"
#include "adapters/banksim/order.h"
#include "adapters/banksim/signature.h"
#include "engine/base/bytes.h"
#include "engine/base/time.h"

#define ORDER_TYPE "application/vnd.holdfast.order.v1+protobuf"
#define ANSWER_TYPE "application/vnd.holdfast.answer.v1+protobuf"
#define FIELDS_MAX 32
#define ANSWER_MAX 60000

/* --- reading --- */

struct fields {
  uint64_t number[FIELDS_MAX]; /* varints */
  const uint8_t *bytes[FIELDS_MAX];
  size_t size[FIELDS_MAX];
};

static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
  *value = 0;
  for (int shift = 0; *at < end && shift < 64; shift += 7) {
    uint8_t byte = *(*at)++;
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool read_fields(const uint8_t *bytes, size_t size, struct fields *fields)
{
  const uint8_t *at = bytes, *end = bytes + size;
  memset(fields, 0, sizeof *fields);
  while (at < end) {
    uint64_t tag, value;
    if (!take_varint(&at, end, &tag) || !take_varint(&at, end, &value) || tag >> 3 >= FIELDS_MAX) return false;
    if ((tag & 7) == 0) {
      fields->number[tag >> 3] = value;
    } else if ((tag & 7) == 2 && value <= (uint64_t)(end - at)) {
      fields->bytes[tag >> 3] = at;
      fields->size[tag >> 3] = (size_t)value;
      at += value;
    } else {
      return false;
    }
  }
  return true;
}

static int64_t signed_of(uint64_t zigzag)
{
  return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
}

static void set_text(json_t *to, const char *key, const struct fields *fields, unsigned field)
{
  json_object_set_new(to, key, json_stringn((const char *)fields->bytes[field], fields->size[field]));
}

static void set_id(json_t *to, const char *key, const struct fields *fields, unsigned field)
{
  char text[40];
  const uint8_t *id = fields->bytes[field];
  if (fields->size[field] != 16) return;
  snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2],
           id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
  json_object_set_new(to, key, json_string(text));
}

static bool is_rightly_signed(const struct fields *envelope)
{
  struct fields signature;
  char text[700];
  if (envelope->size[1] != strlen(ORDER_TYPE) || memcmp(envelope->bytes[1], ORDER_TYPE, envelope->size[1]) != 0) return false;
  if (envelope->bytes[3] == NULL || !read_fields(envelope->bytes[3], envelope->size[3], &signature))
    return signature_is_right(NULL, NULL, 0);
  struct hf_writer base64 = hf_writer_of(text, sizeof text - 1);
  hf_write_base64(&base64, signature.bytes[2], signature.size[2]);
  text[base64.size] = '\0';
  return !base64.full && signature_is_right_for(ORDER_TYPE, text, envelope->bytes[2], envelope->size[2]);
}

json_t *protobuf_order(const struct bank *bank, const uint8_t *record, size_t size)
{
  static const char *const actions[] = {"",        "stop",      "query",  "extend",   "lift",    "freeze",
                                        "renew",   "unfreeze",  "holder", "accounts", "holds",   "serial",
                                        "monitor", "unmonitor", "paper",  "return",   "suspect", "block"};
  static const char *const freezes[] = {"", "full", "limited", "receive_only"}, *const queries[] = {"", "basic", "detail",
                                                                                                    "both", "quick"};
  struct fields envelope, order;
  if (!read_fields(record, size, &envelope) || !is_rightly_signed(&envelope)) return NULL;
  if (!read_fields(envelope.bytes[2], envelope.size[2], &order) || order.number[7] >= sizeof actions / sizeof actions[0])
    return NULL;
  char amount[40];
  const char *action = actions[order.number[7]];
  snprintf(amount, sizeof amount, "%lld.%02lld", (long long)signed_of(order.number[9]) / 100,
           (long long)signed_of(order.number[9]) % 100);
  json_t *to = json_pack("{s:s, s:s, s:s, s:{}, s:{s:s}, s:s}", "action", action, "institution", bank->code, "case_id", "-",
                         "account", "transfer", "amount", amount, "amount", amount);
  set_text(json_object_get(to, "account"), "number", &order, 5);
  set_text(json_object_get(to, "account"), "name", &order, 6);
  set_id(to, "order_id", &order, 1);
  set_id(to, "parent", &order, 18);
  if (strcmp(action, "freeze") == 0 && order.number[20] < 4)
    json_object_set_new(to, "mode", json_string(freezes[order.number[20]]));
  if (strcmp(action, "query") == 0 && order.number[20] < 5)
    json_object_set_new(to, "mode", json_string(queries[order.number[20]]));
  if (order.number[21] > 0) json_object_set_new(to, "page", json_integer((json_int_t)order.number[21]));
  if (order.number[22] > 0) {
    char until[HF_TIME_TEXT_SIZE];
    json_object_set_new(to, "until", json_string(hf_time_text(signed_of(order.number[22]) * 1000, until)));
  }
  return to;
}

/* --- writing: proto3, default values left out --- */

static void put_varint(struct hf_writer *out, uint64_t value)
{
  for (; value > 0x7f; value >>= 7) hf_write_bytes(out, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
  hf_write_bytes(out, &(uint8_t){(uint8_t)value}, 1);
}

static void put_number(struct hf_writer *out, unsigned field, uint64_t value)
{
  if (value == 0) return;
  put_varint(out, field << 3);
  put_varint(out, value);
}

static void put_signed(struct hf_writer *out, unsigned field, int64_t value)
{
  put_number(out, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void put_bytes(struct hf_writer *out, unsigned field, const void *bytes, size_t size)
{
  if (size == 0) return;
  put_varint(out, field << 3 | 2);
  put_varint(out, size);
  hf_write_bytes(out, bytes, size);
}

static void put_text(struct hf_writer *out, unsigned field, const char *text)
{
  put_bytes(out, field, text, strlen(text));
}

static void put_money(struct hf_writer *out, unsigned field, const json_t *of, const char *key)
{
  int64_t minor = hf_amount_parse(order_text(of, key));
  put_signed(out, field, minor == INT64_MIN ? 0 : minor);
}

static void put_time(struct hf_writer *out, unsigned field, const json_t *of, const char *key)
{
  int64_t ns = hf_time_parse(order_text(of, key));
  if (ns != INT64_MIN) put_signed(out, field, ns / 1000);
}

static void put_id(struct hf_writer *out, unsigned field, const char *text)
{
  uint8_t id[16];
  size_t used = 0;
  for (const char *at = text; *at != '\0' && used < 16; at++) {
    unsigned byte = 0;
    if (*at == '-') continue;
    if (sscanf(at, "%2x", &byte) != 1) return;
    id[used++] = (uint8_t)byte;
    at++;
  }
  if (used == 16) put_bytes(out, field, id, 16);
}

static void put_transaction(struct hf_writer *out, const json_t *row)
{
  uint8_t bytes[1024];
  struct hf_writer inner = hf_writer_of(bytes, sizeof bytes);
  const json_t *other = json_object_get(row, "other");
  put_number(&inner, 1, strcmp(order_text(row, "side"), "credit") == 0);
  put_number(&inner, 2, json_is_true(json_object_get(row, "cash")));
  put_money(&inner, 4, row, "amount");
  put_number(&inner, 5, json_object_get(row, "balance") != NULL);
  put_money(&inner, 6, row, "balance");
  put_time(&inner, 7, row, "at");
  put_text(&inner, 8, order_text(row, "serial"));
  put_text(&inner, 9, order_text(other, "institution"));
  put_text(&inner, 10, order_text(other, "number"));
  put_text(&inner, 11, order_text(other, "name"));
  put_bytes(out, 18, bytes, inner.size);
}

static void put_hold(struct hf_writer *out, const json_t *hold)
{
  uint8_t bytes[512];
  struct hf_writer inner = hf_writer_of(bytes, sizeof bytes);
  put_id(&inner, 1, order_text(hold, "order_id"));
  put_number(&inner, 2, strcmp(order_text(hold, "kind"), "freeze") == 0);
  put_money(&inner, 3, hold, "amount");
  put_time(&inner, 4, hold, "expires_at");
  put_text(&inner, 5, order_text(hold, "authority"));
  put_bytes(out, 19, bytes, inner.size);
}

static void put_feedback(struct hf_writer *out, const json_t *feedback)
{
  const json_t *former = json_object_get(feedback, "former"), *rows = json_object_get(feedback, "transactions"),
               *holds = json_object_get(feedback, "holds");
  put_text(out, 5, order_text(feedback, "result"));
  put_time(out, 6, feedback, "executed_at");
  put_time(out, 7, feedback, "expires_at");
  put_money(out, 8, feedback, "balance");
  put_number(out, 9, json_object_get(feedback, "balance") != NULL);
  put_money(out, 10, feedback, "held");
  put_text(out, 13, order_text(former, "authority"));
  put_time(out, 14, former, "expires_at");
  put_number(out, 15, json_is_true(json_object_get(former, "queued")));
  put_text(out, 16, order_text(feedback, "holder"));
  put_number(out, 17, json_is_true(json_object_get(feedback, "more")));
  for (size_t i = 0; i < json_array_size(rows); i++) put_transaction(out, json_array_get(rows, i));
  for (size_t i = 0; i < json_array_size(holds); i++) put_hold(out, json_array_get(holds, i));
}

static void seal(const struct bank *bank, const uint8_t *payload, size_t size, struct hf_writer *out)
{
  static uint8_t signed_bytes[ANSWER_MAX + 128];
  uint8_t signature[512], inner_bytes[600];
  char text[700];
  struct hf_writer to_sign = hf_writer_of(signed_bytes, sizeof signed_bytes),
                   inner = hf_writer_of(inner_bytes, sizeof inner_bytes);
  if (bank->fault == FAULT_UNSIGNED) return;
  hf_write_pre_authentication(&to_sign, ANSWER_TYPE, (struct hf_span){payload, size});
  signature_make(bank->code, signed_bytes, to_sign.size, text);
  size_t used = hf_base64_decode(text, strlen(text), signature, sizeof signature);
  if (used == SIZE_MAX) return;
  if (bank->fault == FAULT_BAD_SIGNATURE) signature[used - 1] ^= 1;
  put_text(&inner, 1, signature_key_id(bank->code));
  put_bytes(&inner, 2, signature, used);
  put_bytes(out, 3, inner_bytes, inner.size);
}

size_t protobuf_answer(const struct bank *bank, const char *answer, uint8_t *out, size_t capacity)
{
  static uint8_t payload[ANSWER_MAX];
  json_error_t error;
  json_t *said = json_loads(answer, 0, &error);
  struct hf_writer inner = hf_writer_of(payload, sizeof payload), writer = hf_writer_of(out, capacity);
  const json_t *feedback = json_object_get(said, "feedback");
  put_id(&inner, 1, order_text(said, "order_id"));
  put_text(&inner, 2, bank->code);
  put_number(&inner, 3, feedback == NULL ? 1 : 2);
  put_text(&inner, 4, order_text(said, "reference"));
  if (feedback != NULL) put_feedback(&inner, feedback);
  json_decref(said);
  put_text(&writer, 1, ANSWER_TYPE);
  put_bytes(&writer, 2, payload, inner.size);
  seal(bank, payload, inner.size, &writer);
  return inner.full || writer.full ? 0 : writer.size;
}
