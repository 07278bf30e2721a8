/* The profile: how one host packs what the standard names. */
#include <string.h>

#include "adapters/iso8583/message.h"

#define N HF_CARD_NUMERIC
#define T HF_CARD_TEXT
#define B HF_CARD_BINARY
#define PRIVATE \
  {             \
    T, 3, 999   \
  }
#define PRIVATE_8 PRIVATE, PRIVATE, PRIVATE, PRIVATE, PRIVATE, PRIVATE, PRIVATE, PRIVATE

/* ISO 8583:1987, table 3, by field. */
static const struct hf_card_format formats[HF_CARD_FIELDS + 1] = {
    /*   0 */ {T, 0, 0},  {B, 0, 8},  {N, 2, 19}, {N, 0, 6},  {N, 0, 12},  {N, 0, 12}, {N, 0, 12},  {N, 0, 10},
    /*   8 */ {N, 0, 8},  {N, 0, 8},  {N, 0, 8},  {N, 0, 6},  {N, 0, 6},   {N, 0, 4},  {N, 0, 4},   {N, 0, 4},
    /*  16 */ {N, 0, 4},  {N, 0, 4},  {N, 0, 4},  {N, 0, 3},  {N, 0, 3},   {N, 0, 3},  {N, 0, 3},   {N, 0, 3},
    /*  24 */ {N, 0, 3},  {N, 0, 2},  {N, 0, 2},  {N, 0, 1},  {T, 0, 9},   {T, 0, 9},  {T, 0, 9},   {T, 0, 9},
    /*  32 */ {N, 2, 11}, {N, 2, 11}, {T, 2, 28}, {T, 2, 37}, {T, 3, 104}, {T, 0, 12}, {T, 0, 6},   {T, 0, 2},
    /*  40 */ {T, 0, 3},  {T, 0, 8},  {T, 0, 15}, {T, 0, 40}, {T, 2, 25},  {T, 2, 76}, PRIVATE,     PRIVATE,
    /*  48 */ PRIVATE,    {T, 0, 3},  {T, 0, 3},  {T, 0, 3},  {B, 0, 8},   {N, 0, 16}, {T, 3, 120}, PRIVATE,
    /*  56 */ PRIVATE_8,
    /*  64 */ {B, 0, 8},  {B, 0, 1},  {N, 0, 1},  {N, 0, 2},  {N, 0, 3},   {N, 0, 3},  {N, 0, 3},   {N, 0, 4},
    /*  72 */ {N, 0, 4},  {N, 0, 6},  {N, 0, 10}, {N, 0, 10}, {N, 0, 10},  {N, 0, 10}, {N, 0, 10},  {N, 0, 10},
    /*  80 */ {N, 0, 10}, {N, 0, 10}, {N, 0, 12}, {N, 0, 12}, {N, 0, 12},  {N, 0, 12}, {N, 0, 16},  {N, 0, 16},
    /*  88 */ {N, 0, 16}, {N, 0, 16}, {N, 0, 42}, {T, 0, 1},  {T, 0, 2},   {T, 0, 5},  {T, 0, 7},   {T, 0, 42},
    /*  96 */ {B, 0, 8},  {T, 0, 17}, {T, 0, 25}, {N, 2, 11}, {N, 2, 11},  {T, 2, 17}, {T, 2, 28},  {T, 2, 28},
    /* 104 */ PRIVATE_8,  PRIVATE_8,  PRIVATE_8,
    /* 128 */ {B, 0, 8}};

#define IS(value, word) ((value).size == sizeof(word) - 1 && memcmp((value).data, word, sizeof(word) - 1) == 0)

static bool is_digits(struct hf_span text)
{
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return text.size > 0;
}

/* At most nine digits. */
static uint32_t number_of(struct hf_span digits)
{
  uint32_t number = 0;
  for (size_t i = 0; i < digits.size && i < 9; i++) number = number * 10 + (uint32_t)(digits.data[i] - '0');
  return number;
}

/* "ans..25": a kind, then dots for a length that stands before, then the size. */
static bool read_format(struct hf_span text, struct hf_card_format *format)
{
  size_t letters = 0, dots = 0;
  while (letters < text.size && text.data[letters] >= 'a' && text.data[letters] <= 'z') letters++;
  while (letters + dots < text.size && text.data[letters + dots] == '.') dots++;
  struct hf_span kind = {text.data, letters}, size = {text.data + letters + dots, text.size - letters - dots};
  bool known = IS(kind, "n") || IS(kind, "b") || IS(kind, "a") || IS(kind, "an") || IS(kind, "ans");
  if (!known || dots == 1 || dots > 3 || !is_digits(size) || size.size > 3) return false;
  *format = (struct hf_card_format){.kind = IS(kind, "n")   ? N
                                            : IS(kind, "b") ? B
                                                            : T,
                                    .length_digits = (uint8_t)dots,
                                    .size = (uint16_t)number_of(size)};
  return format->size > 0 && (dots != 2 || format->size <= 99);
}

/* fN=ans..25 */
static bool read_own(struct hf_span field, struct hf_span value, struct hf_card_profile *profile)
{
  struct hf_card_format format;
  uint32_t number = is_digits(field) && field.size <= 3 ? number_of(field) : 0;
  if (number < 2 || number > HF_CARD_FIELDS || profile->own_count == HF_CARD_OWN_MAX || !read_format(value, &format))
    return false;
  profile->own[profile->own_count].field = (uint8_t)number;
  profile->own[profile->own_count++].format = format;
  return true;
}

/* r67=1301: what the host's response code means, in the four digits of domain.md 3.4 */
static bool read_result(struct hf_span code, struct hf_span result, struct hf_card_profile *profile)
{
  if (code.size != 2 || result.size != 4 || !is_digits(result) || profile->results_count == HF_CARD_RESULTS_MAX) return false;
  memcpy(profile->results[profile->results_count].code, code.data, 2);
  memcpy(profile->results[profile->results_count++].result, result.data, 4);
  return true;
}

static bool read_tpdu(struct hf_span value, struct hf_card_profile *profile)
{
  if (value.size != 10 || !is_digits(value)) return false;
  for (size_t i = 0; i < 5; i++) profile->tpdu[i] = (uint8_t)((value.data[2 * i] - '0') << 4 | (value.data[2 * i + 1] - '0'));
  profile->has_tpdu = true;
  return true;
}

static bool read_choice(struct hf_span key, struct hf_span value, struct hf_card_profile *profile)
{
  const struct {
    bool is;
    bool *to;
    bool yes, no;
  } flags[] = {{IS(key, "encoding"), &profile->bcd, IS(value, "bcd"), IS(value, "ascii")},
               {IS(key, "binary"), &profile->hex, IS(value, "hex"), IS(value, "raw")},
               {IS(key, "pad"), &profile->pad_right, IS(value, "right"), IS(value, "left")},
               {IS(key, "greet"), &profile->no_greeting, IS(value, "no"), IS(value, "yes")}};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (!flags[i].is) continue;
    *flags[i].to = flags[i].yes;
    return flags[i].yes || flags[i].no;
  }
  return false;
}

static bool read_mac(struct hf_span value, struct hf_card_profile *profile)
{
  char code[16] = "";
  if (value.size < sizeof code) memcpy(code, value.data, value.size);
  profile->mac = hf_mac_of_code(code);
  return profile->mac != HF_MAC_NONE || IS(value, "none");
}

static bool read_setting(struct hf_span key, struct hf_span value, struct hf_card_profile *profile)
{
  bool digits = is_digits(value) && value.size <= 9;
  if (IS(key, "length")) {
    profile->framing = IS(value, "two_bytes")     ? HF_FRAMING_TWO_BYTES
                       : IS(value, "four_digits") ? HF_FRAMING_FOUR_DIGITS
                                                  : HF_FRAMING_FOUR_BYTES;
    return profile->framing != HF_FRAMING_FOUR_BYTES || IS(value, "four_bytes");
  }
  if (IS(key, "type")) {
    profile->request = number_of(value);
    return digits && value.size == 4 && profile->request <= 9989 && profile->request / 100 % 10 != 8; /* 08xx greets */
  }
  if (IS(key, "record")) {
    profile->record = (uint8_t)number_of(value);
    return digits && value.size <= 3 && number_of(value) >= 46 && number_of(value) < 127;
  }
  if (IS(key, "organ")) {
    memset(profile->organ, 0, sizeof profile->organ);
    if (value.size < sizeof profile->organ) memcpy(profile->organ, value.data, value.size);
    return is_digits(value) && value.size < sizeof profile->organ;
  }
  if (IS(key, "tpdu")) return read_tpdu(value, profile);
  if (IS(key, "mac")) return read_mac(value, profile);
  if (key.size > 1 && key.data[0] == 'f') return read_own((struct hf_span){key.data + 1, key.size - 1}, value, profile);
  if (key.size > 1 && key.data[0] == 'r') return read_result((struct hf_span){key.data + 1, key.size - 1}, value, profile);
  return read_choice(key, value, profile);
}

struct hf_status hf_card_profile_read(const char *text, struct hf_card_profile *profile)
{
  *profile = (struct hf_card_profile){.framing = HF_FRAMING_TWO_BYTES, .request = 302, .record = 120, .organ = "1"};
  while (*text != '\0') {
    size_t size = strcspn(text, " "), key = strcspn(text, "= ");
    if (size > 0 && (key >= size || !read_setting((struct hf_span){(const uint8_t *)text, key},
                                                  (struct hf_span){(const uint8_t *)text + key + 1, size - key - 1}, profile)))
      return hf_fail(HF_STATUS_CONFIG,
                     "profile: encoding=ascii|bcd binary=raw|hex length=two_bytes|four_digits|four_bytes pad=left|right "
                     "greet=yes|no type=0302 record=46…126 organ=digits tpdu=10 digits mac=none|x919|aes_cmac|sm4_cmac "
                     "fN=ans..25 rCC=NNNN");
    text += size + (text[size] == ' ');
  }
  return hf_ok();
}

struct hf_card_format hf_card_format(const struct hf_card_profile *profile, unsigned field)
{
  for (uint32_t i = 0; i < profile->own_count; i++)
    if (profile->own[i].field == field) return profile->own[i].format;
  return formats[field];
}
