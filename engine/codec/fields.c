#include "engine/codec/fields.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/ids.h"
#include "engine/base/personal.h"
#include "engine/codec/codec.h"

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void hf_write_varint(struct hf_writer *out, uint64_t value)
{
  uint8_t bytes[10];
  size_t size = 0;
  do {
    bytes[size] = (uint8_t)(value & 0x7f);
    value >>= 7;
    if (value != 0) bytes[size] |= 0x80;
    size++;
  } while (value != 0);
  hf_write_bytes(out, bytes, size);
}

static void put_number(struct hf_writer *out, uint8_t number, uint64_t value)
{
  if (value == 0) return;
  hf_write_varint(out, (uint64_t)number << 3 | WIRE_VARINT);
  hf_write_varint(out, value);
}

static void put_bytes(struct hf_writer *out, uint8_t number, const void *bytes, size_t size)
{
  if (size == 0) return;
  hf_write_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
  hf_write_varint(out, size);
  hf_write_bytes(out, bytes, size);
}

static uint64_t zigzag(int64_t value)
{
  return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
  return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static int64_t microseconds(int64_t ns)
{
  return ns / 1000 - (ns % 1000 < 0);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0) return false;
  return true;
}

static uint32_t u32_at(const uint8_t *at)
{
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static int64_t s64_at(const uint8_t *at)
{
  int64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void put_message(const struct hf_field *field, const uint8_t *at, struct hf_writer *out)
{
  uint8_t buffer[HF_FIELDS_SIZE_MAX];
  struct hf_writer inner = hf_writer_of(buffer, sizeof buffer);
  hf_fields_write(field->message, at, &inner);
  HF_ASSERT(!inner.full); /* our own structs are bounded below it */
  put_bytes(out, field->number, inner.data, inner.size);
}

static void put_field(const struct hf_field *field, const uint8_t *at, struct hf_writer *out)
{
  uint16_t count;
  switch ((enum hf_field_type)field->type) {
  case HF_FIELD_UUID: put_bytes(out, field->number, at, is_zero(at, 16) ? 0 : 16); break;
  case HF_FIELD_DIGEST: put_bytes(out, field->number, at, is_zero(at, HF_DIGEST_SIZE) ? 0 : HF_DIGEST_SIZE); break;
  case HF_FIELD_RAW: put_bytes(out, field->number, at, field->size); break;
  case HF_FIELD_BLOB:
    memcpy(&count, at - sizeof count, sizeof count);
    put_bytes(out, field->number, at, count);
    break;
  case HF_FIELD_TEXT: put_bytes(out, field->number, at, strlen((const char *)at)); break;
  case HF_FIELD_NAME: put_bytes(out, field->number, ((const struct hf_name *)(const void *)at)->bytes, at[0]); break;
  case HF_FIELD_ACCOUNT:
    put_bytes(out, field->number, ((const struct hf_account_number *)(const void *)at)->bytes, at[0]);
    break;
  case HF_FIELD_CODE: {
    const char *code = field->names->code(u32_at(at));
    put_bytes(out, field->number, code, strlen(code));
    break;
  }
  case HF_FIELD_ENUM:
  case HF_FIELD_U32: put_number(out, field->number, u32_at(at)); break;
  case HF_FIELD_U64: put_number(out, field->number, (uint64_t)s64_at(at)); break;
  case HF_FIELD_S64: put_number(out, field->number, zigzag(s64_at(at))); break;
  case HF_FIELD_TIME: put_number(out, field->number, zigzag(microseconds(s64_at(at)))); break;
  case HF_FIELD_BOOL: put_number(out, field->number, at[0] != 0); break;
  case HF_FIELD_MESSAGE: put_message(field, at, out); break;
  }
}

void hf_fields_write(const struct hf_fields *fields, const void *from, struct hf_writer *out)
{
  for (uint32_t i = 0; i < fields->count; i++) put_field(&fields->list[i], (const uint8_t *)from + fields->list[i].place, out);
}

void hf_fields_visit_personal(const struct hf_fields *fields, void *of, const struct hf_personal_visit *visit)
{
  for (uint32_t i = 0; i < fields->count; i++) {
    const struct hf_field *field = &fields->list[i];
    uint8_t *at = (uint8_t *)of + field->place;
    if (field->type == HF_FIELD_ACCOUNT) visit->account(visit->owner, (struct hf_account_number *)(void *)at);
    if (field->type == HF_FIELD_NAME) visit->name(visit->owner, (struct hf_name *)(void *)at);
    if (field->type == HF_FIELD_MESSAGE) hf_fields_visit_personal(field->message, at, visit);
  }
}

/* --- back --- */

/* A number, or its pseudonym, which has characters that no number has. */
static bool get_account(struct hf_span bytes, uint8_t *at)
{
  struct hf_account_number *number = (struct hf_account_number *)(void *)at;
  if (bytes.size == 0 || bytes.size > HF_ACCOUNT_NUMBER_SIZE_MAX) return false;
  for (size_t i = 0; i < bytes.size; i++)
    if (bytes.data[i] < 0x21 || bytes.data[i] > 0x7e) return false;
  number->size = (uint8_t)bytes.size;
  memcpy(number->bytes, bytes.data, bytes.size);
  return true;
}

static bool get_code(const struct hf_field *field, struct hf_span bytes, uint8_t *at)
{
  char code[40];
  if (bytes.size == 0 || bytes.size >= sizeof code) return false;
  memcpy(code, bytes.data, bytes.size);
  code[bytes.size] = '\0';
  uint32_t value = field->names->value(code);
  memcpy(at, &value, sizeof value);
  return value != HF_NAMES_NONE;
}

static bool get_bytes(const struct hf_field *field, struct hf_span bytes, uint8_t *at)
{
  size_t exact = field->type == HF_FIELD_UUID ? 16 : field->type == HF_FIELD_DIGEST ? HF_DIGEST_SIZE : field->size;
  uint16_t count = (uint16_t)bytes.size;
  if (bytes.data == NULL) return false; /* its size reaches beyond the message */
  switch ((enum hf_field_type)field->type) {
  case HF_FIELD_UUID:
  case HF_FIELD_DIGEST:
  case HF_FIELD_RAW:
    if (bytes.size != exact) return false;
    memcpy(at, bytes.data, exact);
    return true;
  case HF_FIELD_BLOB:
    if (bytes.size > field->size) return false;
    memcpy(at - sizeof count, &count, sizeof count);
    memcpy(at, bytes.data, bytes.size);
    return true;
  case HF_FIELD_TEXT:
    if (bytes.size >= field->size || !hf_text_is_sound(bytes.data, bytes.size)) return false;
    memcpy(at, bytes.data, bytes.size);
    return true;
  case HF_FIELD_NAME: return hf_is_ok(hf_name_set((struct hf_name *)(void *)at, bytes.data, bytes.size));
  case HF_FIELD_ACCOUNT: return get_account(bytes, at);
  case HF_FIELD_CODE: return get_code(field, bytes, at);
  case HF_FIELD_MESSAGE: return hf_fields_read(field->message, bytes, at);
  default: return false;
  }
}

static bool get_number(const struct hf_field *field, uint64_t value, uint8_t *at)
{
  uint32_t small = (uint32_t)value;
  int64_t wide = field->type == HF_FIELD_U64 ? (int64_t)value : unzigzag(value);
  switch ((enum hf_field_type)field->type) {
  case HF_FIELD_ENUM:
  case HF_FIELD_U32: memcpy(at, &small, sizeof small); return value <= UINT32_MAX;
  case HF_FIELD_TIME:
    if (__builtin_mul_overflow(wide, 1000, &wide)) return false;
    memcpy(at, &wide, sizeof wide);
    return true;
  case HF_FIELD_U64:
  case HF_FIELD_S64: memcpy(at, &wide, sizeof wide); return true;
  case HF_FIELD_BOOL: at[0] = value != 0; return value <= 1;
  default: return false;
  }
}

static const struct hf_field *find(const struct hf_fields *fields, uint64_t number)
{
  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->list[i].number == number) return &fields->list[i];
  return NULL;
}

/* Messages hold messages only as deep as the tables do, and the tables are finite: no recursion by what the bytes say. */
bool hf_fields_read(const struct hf_fields *fields, struct hf_span bytes, void *to)
{
  struct hf_reader reader = hf_reader_of(bytes);
  while (reader.left.size > 0 && !reader.failed) {
    uint64_t tag = hf_read_varint(&reader);
    const struct hf_field *field = find(fields, tag >> 3);
    if (field == NULL || reader.failed) return false;
    uint8_t *at = (uint8_t *)to + field->place;
    uint64_t value = hf_read_varint(&reader); /* a number, or the size of what follows */
    if ((tag & 7) == WIRE_VARINT ? !get_number(field, value, at)
                                 : (tag & 7) != WIRE_BYTES || !get_bytes(field, hf_read_span(&reader, value), at))
      return false;
  }
  return !reader.failed;
}
