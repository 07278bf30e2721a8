#include "engine/base/bytes.h"

#include <stdio.h>
#include <string.h>

struct hf_reader hf_reader_of(struct hf_span span)
{
  return (struct hf_reader){.left = span, .failed = false};
}

struct hf_span hf_read_span(struct hf_reader *reader, size_t size)
{
  if (reader->failed || size > reader->left.size) {
    reader->failed = true;
    return (struct hf_span){NULL, 0};
  }
  struct hf_span taken = {reader->left.data, size};
  reader->left.data += size;
  reader->left.size -= size;
  return taken;
}

uint8_t hf_read_u8(struct hf_reader *reader)
{
  struct hf_span one = hf_read_span(reader, 1);
  return one.size == 1 ? one.data[0] : 0;
}

uint64_t hf_read_varint(struct hf_reader *reader)
{
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = hf_read_u8(reader);
    if (shift == 63 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return reader->failed ? 0 : value;
  }
  reader->failed = true;
  return 0;
}

struct hf_writer hf_writer_of(void *data, size_t capacity)
{
  return (struct hf_writer){.data = data, .size = 0, .capacity = capacity, .full = false};
}

void hf_write_bytes(struct hf_writer *writer, const void *bytes, size_t size)
{
  if (writer->full || size > writer->capacity - writer->size) {
    writer->full = true;
    return;
  }
  if (size > 0) memcpy(writer->data + writer->size, bytes, size);
  writer->size += size;
}

void hf_write_text(struct hf_writer *writer, const char *text)
{
  hf_write_bytes(writer, text, strlen(text));
}

void hf_write_int(struct hf_writer *writer, int64_t value)
{
  char digits[24];
  size_t at = sizeof digits;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) digits[--at] = '-';
  hf_write_bytes(writer, digits + at, sizeof digits - at);
}

void hf_write_amount(struct hf_writer *writer, int64_t minor)
{
  uint64_t size = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
  if (minor < 0) hf_write_text(writer, "-");
  hf_write_int(writer, (int64_t)(size / 100));
  char decimals[3] = {'.', (char)('0' + size % 100 / 10), (char)('0' + size % 10)};
  hf_write_bytes(writer, decimals, sizeof decimals);
}

void hf_write_json_string(struct hf_writer *writer, const void *bytes, size_t size)
{
  const uint8_t *in = bytes;
  size_t plain = 0;
  hf_write_text(writer, "\"");
  for (size_t i = 0; i < size; i++) {
    if (in[i] >= 0x20 && in[i] != '"' && in[i] != '\\') continue;
    hf_write_bytes(writer, in + plain, i - plain);
    plain = i + 1;
    char escape[8];
    int wrote =
        in[i] >= 0x20 ? snprintf(escape, sizeof escape, "\\%c", in[i]) : snprintf(escape, sizeof escape, "\\u%04x", in[i]);
    hf_write_bytes(writer, escape, (size_t)wrote);
  }
  hf_write_bytes(writer, in + plain, size - plain);
  hf_write_text(writer, "\"");
}

void hf_write_hex(struct hf_writer *writer, const void *bytes, size_t size)
{
  static const char digits[] = "0123456789abcdef";
  const uint8_t *in = bytes;
  for (size_t i = 0; i < size; i++) hf_write_bytes(writer, (char[2]){digits[in[i] >> 4], digits[in[i] & 15]}, 2);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hf_write_base64(struct hf_writer *writer, const void *bytes, size_t size)
{
  const uint8_t *in = bytes;
  for (size_t i = 0; i < size; i += 3) {
    size_t left = size - i;
    uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
    char out[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63], left > 1 ? base64_digits[group >> 6 & 63] : '=',
                   left > 2 ? base64_digits[group & 63] : '='};
    hf_write_bytes(writer, out, 4);
  }
}

void hf_write_pre_authentication(struct hf_writer *writer, const char *type, struct hf_span body)
{
  hf_write_text(writer, "DSSEv1 ");
  hf_write_int(writer, (int64_t)strlen(type));
  hf_write_text(writer, " ");
  hf_write_text(writer, type);
  hf_write_text(writer, " ");
  hf_write_int(writer, (int64_t)body.size);
  hf_write_text(writer, " ");
  hf_write_bytes(writer, body.data, body.size);
}

static int base64_value(char c)
{
  const char *at = c == '\0' ? NULL : strchr(base64_digits, c);
  return at == NULL ? -1 : (int)(at - base64_digits);
}

size_t hf_base64_decode(const char *text, size_t size, uint8_t *out, size_t capacity)
{
  size_t used = 0;
  if (size % 4 != 0) return SIZE_MAX;
  for (size_t i = 0; i < size; i += 4) {
    size_t padding = i + 4 == size ? (size_t)(text[i + 3] == '=') + (size_t)(text[i + 2] == '=' && text[i + 3] == '=') : 0;
    uint32_t group = 0;
    for (size_t j = 0; j < 4; j++) {
      int value = j >= 4 - padding ? 0 : base64_value(text[i + j]);
      if (value < 0) return SIZE_MAX;
      group = group << 6 | (uint32_t)value;
    }
    if ((group & ((1u << 8 * padding) - 1)) != 0) return SIZE_MAX; /* one text for the same bytes, RFC 4648 3.5 */
    for (size_t j = 0; j < 3 - padding; j++) {
      if (used == capacity) return SIZE_MAX;
      out[used++] = (uint8_t)(group >> (16 - 8 * j));
    }
  }
  return used;
}

int64_t hf_amount_parse(const char *text)
{
  int64_t major = 0, minor = 0;
  size_t at = 0;
  if (text[0] < '0' || text[0] > '9') return INT64_MIN;
  for (; text[at] >= '0' && text[at] <= '9'; at++)
    if (__builtin_mul_overflow(major, 10, &major) || __builtin_add_overflow(major, text[at] - '0', &major)) return INT64_MIN;
  if (text[at] == '.') {
    size_t decimals = strlen(text + at + 1);
    if (decimals < 1 || decimals > 2) return INT64_MIN;
    for (size_t i = 0; i < 2; i++) {
      char c = i < decimals ? text[at + 1 + i] : '0';
      if (c < '0' || c > '9') return INT64_MIN;
      minor = minor * 10 + (c - '0');
    }
    at += 1 + decimals;
  }
  if (text[at] != '\0') return INT64_MIN;
  if (__builtin_mul_overflow(major, 100, &major) || __builtin_add_overflow(major, minor, &major)) return INT64_MIN;
  return major;
}

int64_t hf_decimal_of(const uint8_t *text, size_t size)
{
  int64_t number = 0;
  if (size == 0 || size > 9) return -1;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}
