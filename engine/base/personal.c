#include "engine/base/personal.h"

#include <stdio.h>
#include <string.h>

static bool account_byte(uint8_t c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c != 0 && strchr("_-.@+", c) != NULL);
}

struct hf_status hf_account_number_set(struct hf_account_number *number, const void *bytes, size_t size)
{
  const uint8_t *in = bytes;
  if (size == 0) return hf_fail(HF_STATUS_MALFORMED, "the account number is empty");
  if (size > HF_ACCOUNT_NUMBER_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the account number has over 50 characters");
  for (size_t i = 0; i < size; i++)
    if (!account_byte(in[i])) return hf_fail(HF_STATUS_MALFORMED, "the account number has a character that none may have");
  memset(number, 0, sizeof *number);
  number->size = (uint8_t)size;
  memcpy(number->bytes, in, size);
  return hf_ok();
}

/* Length of the UTF-8 character at `in`, 0 where it is not one (overlong forms, surrogates and controls included). */
static size_t utf8_size(const uint8_t *in, size_t left)
{
  if (in[0] < 0x20 || in[0] == 0x7f) return 0;
  if (in[0] < 0x80) return 1;
  size_t size = in[0] >= 0xf0 ? 4 : in[0] >= 0xe0 ? 3 : 2;
  if (in[0] < 0xc2 || in[0] > 0xf4 || left < size) return 0;
  for (size_t i = 1; i < size; i++)
    if ((in[i] & 0xc0) != 0x80) return 0;
  if ((in[0] == 0xe0 && in[1] < 0xa0) || (in[0] == 0xed && in[1] > 0x9f) || (in[0] == 0xf0 && in[1] < 0x90) ||
      (in[0] == 0xf4 && in[1] > 0x8f))
    return 0;
  return size;
}

bool hf_text_is_sound(const void *bytes, size_t size)
{
  const uint8_t *in = bytes;
  for (size_t at = 0, step; at < size; at += step) {
    step = utf8_size(in + at, size - at);
    if (step == 0) return false;
  }
  return true;
}

struct hf_status hf_name_set(struct hf_name *name, const void *bytes, size_t size)
{
  if (size > HF_NAME_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the name has over 120 bytes");
  if (!hf_text_is_sound(bytes, size)) return hf_fail(HF_STATUS_MALFORMED, "the name is not UTF-8 text");
  memset(name, 0, sizeof *name);
  name->size = (uint8_t)size;
  if (size > 0) memcpy(name->bytes, bytes, size);
  return hf_ok();
}

bool hf_account_number_equal(const struct hf_account_number *a, const struct hf_account_number *b)
{
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

bool hf_name_equal(const struct hf_name *a, const struct hf_name *b)
{
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

char *hf_mask_account(const struct hf_account_number *number, char text[HF_MASK_TEXT_SIZE])
{
  int head = number->size >= 13 ? 6 : 0;
  int tail = number->size >= 13 ? 4 : number->size >= 6 ? 2 : 0;
  const char *bytes = (const char *)number->bytes;
  snprintf(text, HF_MASK_TEXT_SIZE, "%.*s******%.*s", head, bytes, tail, bytes + number->size - tail);
  return text;
}

char *hf_mask_name(const struct hf_name *name, char text[HF_MASK_TEXT_SIZE])
{
  size_t first = name->size > 0 ? utf8_size(name->bytes, name->size) : 0;
  memcpy(text, name->bytes, first);
  strcpy(text + first, first > 0 ? "*" : "");
  return text;
}

bool hf_account_number_luhn(const struct hf_account_number *number)
{
  unsigned sum = 0;
  for (size_t i = 0; i < number->size; i++) {
    uint8_t c = number->bytes[number->size - 1 - i];
    if (c < '0' || c > '9') return false;
    unsigned digit = (unsigned)(c - '0') << (i & 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 == 0;
}
