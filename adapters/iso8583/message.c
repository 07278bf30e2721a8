/* Packing and unpacking: type, bitmaps, fields. */
#include "adapters/iso8583/message.h"

#include <stdio.h>
#include <string.h>

/* --- writing --- */

/* Digits into nibbles; a missing one is a zero, before or behind as the host has it. */
static void write_packed(const struct hf_card_profile *profile, struct hf_span digits, struct hf_writer *out)
{
  size_t at = 0;
  if (digits.size % 2 != 0 && !profile->pad_right) {
    hf_write_bytes(out, &(uint8_t){(uint8_t)(digits.data[0] - '0')}, 1);
    at = 1;
  }
  for (; at < digits.size; at += 2) {
    uint8_t low = at + 1 < digits.size ? (uint8_t)(digits.data[at + 1] - '0') : 0;
    hf_write_bytes(out, &(uint8_t){(uint8_t)((digits.data[at] - '0') << 4 | low)}, 1);
  }
}

/* `count` digits of a number; packed ones fill whole bytes from the left. */
static void write_number(const struct hf_card_profile *profile, unsigned count, uint32_t number, struct hf_writer *out)
{
  uint8_t digits[4];
  unsigned places = profile->bcd && count % 2 != 0 ? count + 1 : count;
  for (unsigned i = places; i-- > 0; number /= 10) digits[i] = (uint8_t)('0' + number % 10);
  if (profile->bcd)
    write_packed(profile, (struct hf_span){digits, places}, out);
  else
    hf_write_bytes(out, digits, places);
}

static void write_binary(const struct hf_card_profile *profile, struct hf_span bytes, struct hf_writer *out)
{
  static const char digits[] = "0123456789ABCDEF";
  if (!profile->hex) {
    hf_write_bytes(out, bytes.data, bytes.size);
    return;
  }
  for (size_t i = 0; i < bytes.size; i++)
    hf_write_bytes(out, (char[]){digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]}, 2);
}

static void write_repeated(struct hf_writer *out, char c, size_t count)
{
  for (size_t i = 0; i < count; i++) hf_write_bytes(out, &c, 1);
}

void hf_card_write_field(const struct hf_card_profile *profile, unsigned field, struct hf_span value, struct hf_writer *out)
{
  const struct hf_card_format format = hf_card_format(profile, field);
  if (value.size > format.size) {
    out->full = true;
    return;
  }
  if (format.length_digits > 0) write_number(profile, format.length_digits, (uint32_t)value.size, out);
  size_t missing = format.length_digits == 0 ? format.size - value.size : 0;
  if (format.kind == HF_CARD_BINARY) {
    write_binary(profile, value, out);
  } else if (format.kind == HF_CARD_TEXT) {
    hf_write_bytes(out, value.data, value.size);
    write_repeated(out, ' ', missing);
  } else if (!profile->bcd) {
    write_repeated(out, '0', missing);
    hf_write_bytes(out, value.data, value.size);
  } else {
    uint8_t digits[128];
    memset(digits, '0', missing);
    memcpy(digits + missing, value.data, value.size);
    write_packed(profile, (struct hf_span){digits, missing + value.size}, out);
  }
}

struct hf_status hf_card_write(const struct hf_card_profile *profile, uint32_t type, const struct hf_card_values *values,
                               unsigned last, struct hf_writer *out)
{
  uint8_t bits[HF_CARD_FIELDS / 8] = {0};
  for (unsigned field = 2; field <= HF_CARD_FIELDS; field++)
    if (values->of[field].data != NULL || field == last) bits[(field - 1) / 8] |= (uint8_t)(0x80 >> (field - 1) % 8);
  static const uint8_t none[8] = {0};
  bool second = memcmp(bits + 8, none, 8) != 0;
  if (second) bits[0] |= 0x80;
  if (profile->has_tpdu) hf_write_bytes(out, profile->tpdu, sizeof profile->tpdu);
  write_number(profile, 4, type, out);
  write_binary(profile, (struct hf_span){bits, second ? 16 : 8}, out);
  for (unsigned field = 2; field <= HF_CARD_FIELDS; field++)
    if (values->of[field].data != NULL) hf_card_write_field(profile, field, values->of[field], out);
  return out->full ? hf_fail(HF_STATUS_LIMIT, "the message does not fit") : hf_ok();
}

/* --- reading --- */

struct reading {
  const struct hf_card_profile *profile;
  struct hf_reader from;
  struct hf_card_message *message;
};

static int hex_value(uint8_t c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Room in the message for what is not as it came; NULL and failed where there is none. */
static char *room_for(struct reading *reading, size_t size)
{
  struct hf_card_message *message = reading->message;
  if (size > sizeof message->digits - message->digits_used) {
    reading->from.failed = true;
    return NULL;
  }
  char *at = message->digits + message->digits_used;
  message->digits_used += size;
  return at;
}

static struct hf_span read_packed(struct reading *reading, size_t count)
{
  const struct hf_span bytes = hf_read_span(&reading->from, (count + 1) / 2);
  char *to = reading->from.failed ? NULL : room_for(reading, count);
  if (to == NULL) return (struct hf_span){NULL, 0};
  size_t skip = count % 2 != 0 && !reading->profile->pad_right ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    uint8_t byte = bytes.data[(i + skip) / 2], nibble = (i + skip) % 2 == 0 ? byte >> 4 : byte & 15;
    if (nibble > 9) reading->from.failed = true;
    to[i] = (char)('0' + nibble);
  }
  return (struct hf_span){(const uint8_t *)to, count};
}

static struct hf_span read_digits(struct reading *reading, size_t count)
{
  if (reading->profile->bcd) return read_packed(reading, count);
  const struct hf_span text = hf_read_span(&reading->from, count);
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] < '0' || text.data[i] > '9') reading->from.failed = true;
  return text;
}

static uint32_t read_number(struct reading *reading, unsigned count)
{
  uint32_t number = 0;
  const struct hf_span digits = read_digits(reading, reading->profile->bcd && count % 2 != 0 ? count + 1 : count);
  for (size_t i = 0; i < digits.size; i++) number = number * 10 + (uint32_t)(digits.data[i] - '0');
  return number;
}

static struct hf_span read_binary(struct reading *reading, size_t size)
{
  if (!reading->profile->hex) return hf_read_span(&reading->from, size);
  const struct hf_span text = hf_read_span(&reading->from, size * 2);
  char *to = reading->from.failed ? NULL : room_for(reading, size);
  if (to == NULL) return (struct hf_span){NULL, 0};
  for (size_t i = 0; i < size; i++) {
    int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
    if (high < 0 || low < 0) reading->from.failed = true;
    to[i] = (char)((high < 0 ? 0 : high) << 4 | (low < 0 ? 0 : low));
  }
  return (struct hf_span){(const uint8_t *)to, size};
}

static struct hf_span read_field(struct reading *reading, unsigned field)
{
  const struct hf_card_format format = hf_card_format(reading->profile, field);
  size_t size = format.length_digits == 0 ? format.size : read_number(reading, format.length_digits);
  if (size > format.size) reading->from.failed = true;
  if (reading->from.failed) return (struct hf_span){NULL, 0};
  if (format.kind == HF_CARD_BINARY) return read_binary(reading, size);
  return format.kind == HF_CARD_NUMERIC ? read_digits(reading, size) : hf_read_span(&reading->from, size);
}

uint32_t hf_card_read_type(const struct hf_card_profile *profile, struct hf_span bytes)
{
  struct hf_card_message message;
  struct reading reading = {.profile = profile, .from = hf_reader_of(bytes), .message = &message};
  message.digits_used = 0;
  if (profile->has_tpdu) (void)hf_read_span(&reading.from, sizeof profile->tpdu);
  uint32_t type = read_number(&reading, 4);
  return reading.from.failed ? UINT32_MAX : type;
}

/* The field by its number; good until this thread's next fault. */
static struct hf_status fail_at(unsigned field)
{
  static _Thread_local char why[80];
  snprintf(why, sizeof why, "field %u: cut, too long, or no digits where digits belong", field);
  return hf_fail(HF_STATUS_MALFORMED, why);
}

struct hf_status hf_card_read(const struct hf_card_profile *profile, struct hf_span bytes, struct hf_card_message *message)
{
  struct reading reading = {.profile = profile, .from = hf_reader_of(bytes), .message = message};
  uint8_t bits[HF_CARD_FIELDS / 8] = {0};
  memset(&message->values, 0, sizeof message->values);
  message->digits_used = message->mac_at = 0;
  if (profile->has_tpdu) (void)hf_read_span(&reading.from, sizeof profile->tpdu);
  message->type_at = bytes.size - reading.from.left.size;
  message->type = read_number(&reading, 4);
  struct hf_span map = read_binary(&reading, 8);
  if (reading.from.failed) return hf_fail(HF_STATUS_MALFORMED, "no message type and bitmap");
  memcpy(bits, map.data, 8);
  if ((bits[0] & 0x80) != 0) {
    map = read_binary(&reading, 8);
    if (reading.from.failed) return hf_fail(HF_STATUS_MALFORMED, "no second bitmap");
    memcpy(bits + 8, map.data, 8);
  }
  for (unsigned field = 2; field <= HF_CARD_FIELDS; field++) {
    if ((bits[(field - 1) / 8] & 0x80 >> (field - 1) % 8) == 0) continue;
    if (field == 64 || field == 128) message->mac_at = bytes.size - reading.from.left.size;
    message->values.of[field] = read_field(&reading, field);
    if (reading.from.failed) return fail_at(field);
    if (field == 64 && reading.from.left.size > 0) message->mac_at = 0; /* the second bitmap's MAC covers it */
  }
  if (reading.from.left.size > 0) return hf_fail(HF_STATUS_MALFORMED, "bytes behind the last field");
  return hf_ok();
}
