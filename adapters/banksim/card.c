/*
 * Card host: ISO 8583:1987 file actions, written from the standard's field list and adapters/iso8583/README.md; nothing of the
 * dialect's code is used. Two hosts: one all text with its bitmap in hexadecimal digits, one packed, behind a TPDU, with a MAC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/banksim/bank.h"
#include "adapters/banksim/order.h"
#include "adapters/banksim/signature.h"
#include "adapters/banksim/speech.h"
#include "engine/base/bytes.h"
#include "engine/base/time.h"

#define TEXT_MAX 1000
#define CONTENT_TYPE "application/vnd.iso8583"

/* The fields that are read or written here; any other makes a message unreadable. */
static const struct spec {
  unsigned number;
  bool numeric;
  unsigned length_digits, size;
} specs[] = {{2, true, 2, 19},    {7, true, 0, 10},    {11, true, 0, 6},     {33, true, 2, 11},    {37, false, 0, 12},
             {39, false, 0, 2},   {54, false, 3, 120}, {70, true, 0, 3},     {73, true, 0, 6},     {91, false, 0, 1},
             {101, false, 2, 17}, {102, false, 2, 28}, {120, false, 3, 999}, {127, false, 3, 999}, {128, false, 0, 8}};
#define SPECS (sizeof specs / sizeof specs[0])

/* A message: fields by their place in specs. */
struct card {
  unsigned type;
  bool has[SPECS];
  size_t size[SPECS];
  char text[SPECS][TEXT_MAX];
  size_t covered_from, covered_to; /* what the MAC is over */
  size_t signed_to;                /* what the signature is over: all before field 127's value */
};

static int place_of(unsigned number)
{
  for (size_t i = 0; i < SPECS; i++)
    if (specs[i].number == number) return (int)i;
  return -1;
}

static const char *text_of(const struct card *card, unsigned number)
{
  int place = place_of(number);
  return card->has[place] ? card->text[place] : "";
}

/* --- reading --- */

struct input {
  const uint8_t *bytes;
  size_t size, at;
  bool packed, failed;
};

static const uint8_t *take(struct input *in, size_t size)
{
  static const uint8_t nothing[TEXT_MAX];
  if (in->failed || size > in->size - in->at) {
    in->failed = true;
    return nothing;
  }
  in->at += size;
  return in->bytes + in->at - size;
}

static void take_digits(struct input *in, size_t count, char *to)
{
  if (!in->packed) {
    memcpy(to, take(in, count), count);
  } else {
    const uint8_t *bytes = take(in, (count + 1) / 2);
    for (size_t i = 0, skip = count % 2; i < count; i++) {
      uint8_t byte = bytes[(i + skip) / 2];
      to[i] = (char)('0' + ((i + skip) % 2 == 0 ? byte >> 4 : byte & 15));
    }
  }
  to[count] = '\0';
  if (strspn(to, "0123456789") != count) in->failed = true;
}

static unsigned take_number(struct input *in, size_t count)
{
  char digits[8];
  take_digits(in, in->packed ? (count + 1) / 2 * 2 : count, digits);
  return (unsigned)atoi(digits);
}

static void take_bits(struct input *in, uint8_t bits[8])
{
  if (in->packed) {
    memcpy(bits, take(in, 8), 8);
    return;
  }
  const char *hex = (const char *)take(in, 16);
  for (int i = 0; i < 8; i++) {
    unsigned byte = 0;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1) in->failed = true;
    bits[i] = (uint8_t)byte;
  }
}

static bool read_card(bool packed, const uint8_t *bytes, size_t size, struct card *card)
{
  struct input in = {.bytes = bytes, .size = size, .packed = packed};
  uint8_t bits[16] = {0};
  memset(card, 0, sizeof *card);
  if (packed) take(&in, 5);
  card->covered_from = in.at;
  card->type = take_number(&in, 4);
  take_bits(&in, bits);
  if ((bits[0] & 0x80) != 0) take_bits(&in, bits + 8);
  for (unsigned number = 2; number <= 128 && !in.failed; number++) {
    if ((bits[(number - 1) / 8] >> (7 - (number - 1) % 8) & 1) == 0) continue;
    int place = place_of(number);
    if (place < 0) return false;
    if (number == 127) card->signed_to = in.at;
    if (number == 128) card->covered_to = in.at;
    size_t length = specs[place].length_digits == 0 ? specs[place].size : take_number(&in, specs[place].length_digits);
    if (length > specs[place].size) return false;
    card->has[place] = true;
    card->size[place] = length;
    if (specs[place].numeric)
      take_digits(&in, length, card->text[place]);
    else
      memcpy(card->text[place], take(&in, length), length);
  }
  return !in.failed && in.at == in.size;
}

/* --- the record --- */

/* Its tag's value as text; "" where it has none. */
static void tagged(const char *record, const char *tag, char *to, size_t capacity)
{
  to[0] = '\0';
  for (size_t at = 0; at + 5 <= strlen(record);) {
    char digits[4] = {record[at + 2], record[at + 3], record[at + 4], '\0'};
    size_t size = (size_t)atoi(digits);
    if (strncmp(record + at, tag, 2) == 0 && size < capacity) snprintf(to, capacity, "%.*s", (int)size, record + at + 5);
    char base64[3] = {(char)(tag[0] + 5), tag[1], '\0'}; /* the tag that is 50 more */
    if (strncmp(record + at, base64, 2) == 0) {
      size_t used = hf_base64_decode(record + at + 5, size, (uint8_t *)to, capacity - 1);
      to[used == SIZE_MAX ? 0 : used] = '\0';
    }
    at += 5 + size;
  }
}

static void add_tag(char *record, const char *tag, const char *value)
{
  size_t used = strlen(record);
  if (value[0] != '\0') snprintf(record + used, TEXT_MAX - used, "%s%03zu%s", tag, strlen(value), value);
}

/* --- orders --- */

static const char *action_of(const struct card *card)
{
  static const char *const known[][3] = {{"1", "HFSTOP", "stop"},     {"2", "HFSTOP", "extend"},  {"3", "HFSTOP", "lift"},
                                         {"1", "HFFREEZE", "freeze"}, {"2", "HFFREEZE", "renew"}, {"3", "HFFREEZE", "unfreeze"},
                                         {"5", "HFHOLDS", "holds"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i][0], text_of(card, 91)) == 0 && strcmp(known[i][1], text_of(card, 101)) == 0) return known[i][2];
  return "";
}

static void set_id(json_t *order, const char *key, const char *record, const char *tag)
{
  char hex[40];
  tagged(record, tag, hex, sizeof hex);
  order_set_id(order, key, hex);
}

static json_t *order_of(const struct card *card, const char *institution)
{
  const char *record = text_of(card, 120);
  char amount[40], text[TEXT_MAX], number[64];
  tagged(record, "04", text, sizeof text);
  snprintf(amount, sizeof amount, "%lld.%02lld", atoll(text) / 100, atoll(text) % 100);
  tagged(record, "10", number, sizeof number);
  if (number[0] == '\0') snprintf(number, sizeof number, "%s", text_of(card, text_of(card, 2)[0] != '\0' ? 2 : 102));
  tagged(record, "08", text, sizeof text);
  json_t *order = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "case_id", "-", "action", action_of(card), "institution",
                            institution, "account", "number", number, "name", text, "transfer", "amount", amount);
  set_id(order, "order_id", record, "01");
  set_id(order, "parent", record, "02");
  tagged(record, "06", text, sizeof text);
  if (strcmp(action_of(card), "freeze") == 0)
    json_object_set_new(order, "mode", json_string(strcmp(text, "1") == 0 ? "limited" : "full"));
  if (strcmp(text, "1") == 0) json_object_set_new(order, "amount", json_string(amount));
  tagged(record, "03", text, sizeof text);
  if (strlen(text) == 14) {
    char time[40];
    snprintf(time, sizeof time, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s+08:00", text, text + 4, text + 6, text + 8, text + 10,
             text + 12);
    json_object_set_new(order, "until", json_string(time));
  }
  static const unsigned echoed[] = {2, 7, 11, 37, 102};
  for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++) {
    char key[8];
    snprintf(key, sizeof key, "%u", echoed[i]);
    if (text_of(card, echoed[i])[0] != '\0') json_object_set_new(order, key, json_string(text_of(card, echoed[i])));
  }
  return order;
}

/* --- writing --- */

static void set(struct card *card, unsigned number, const char *text)
{
  int place = place_of(number);
  if (text == NULL || text[0] == '\0') return;
  card->has[place] = true;
  card->size[place] = strlen(text);
  snprintf(card->text[place], TEXT_MAX, "%s", text);
}

static void write_digits(FILE *out, bool packed, const char *digits)
{
  size_t size = strlen(digits), at = 0;
  if (!packed) {
    fputs(digits, out);
    return;
  }
  if (size % 2 != 0) fputc(digits[at++] - '0', out);
  for (; at < size; at += 2) fputc((digits[at] - '0') << 4 | (digits[at + 1] - '0'), out);
}

static void write_bits(FILE *out, bool packed, const uint8_t bits[16])
{
  for (int i = 0; i < 16; i++) {
    if (packed)
      fputc(bits[i], out);
    else
      fprintf(out, "%02X", bits[i]);
  }
}

static void write_fields(FILE *out, bool packed, const struct card *card)
{
  for (size_t i = 0; i < SPECS; i++) {
    char length[8];
    if (!card->has[i] || specs[i].number == 128) continue;
    snprintf(length, sizeof length, "%0*u", (int)specs[i].length_digits, (unsigned)card->size[i]);
    if (specs[i].length_digits > 0) write_digits(out, packed, length);
    if (specs[i].numeric)
      write_digits(out, packed, card->text[i]);
    else
      fwrite(card->text[i], 1, card->size[i], out);
  }
}

static struct frame write_card(const struct bank *bank, bool packed, struct card *card)
{
  static const uint8_t tpdu[5] = {0x60, 0x00, 0x00, 0x00, 0x03};
  char *bytes = NULL, type[8];
  size_t size;
  uint8_t bits[16] = {0x80}, mac[8];
  bool with_mac = packed && card->type != 810 && bank->fault != FAULT_UNSIGNED;
  card->has[place_of(128)] = with_mac;
  for (size_t i = 0; i < SPECS; i++)
    if (card->has[i]) bits[(specs[i].number - 1) / 8] |= (uint8_t)(1 << (7 - (specs[i].number - 1) % 8));
  FILE *out = open_memstream(&bytes, &size);
  if (packed) fwrite(tpdu, 1, sizeof tpdu, out);
  snprintf(type, sizeof type, "%04u", card->type % 10000);
  write_digits(out, packed, type);
  write_bits(out, packed, bits);
  write_fields(out, packed, card);
  fflush(out);
  if (with_mac && signature_mac(bank->code, "x919", bytes + sizeof tpdu, size - sizeof tpdu, mac)) {
    if (bank->fault == FAULT_BAD_SIGNATURE) mac[0] ^= 1;
    fwrite(mac, 1, sizeof mac, out);
  }
  fclose(out);
  return (struct frame){(uint8_t *)bytes, size};
}

static struct frame say(const struct bank *bank, bool packed, const json_t *order, const char *code, const char *balance,
                        const char *record)
{
  struct card *card = calloc(1, sizeof *card);
  if (card == NULL) abort();
  card->type = 312;
  static const unsigned echoed[] = {2, 7, 11, 37, 102};
  for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++) {
    char key[8];
    snprintf(key, sizeof key, "%u", echoed[i]);
    set(card, echoed[i], json_string_value(json_object_get(order, key)));
  }
  set(card, 39, code);
  set(card, 54, balance);
  set(card, 120, record);
  struct frame frame = write_card(bank, packed, card);
  free(card);
  return frame;
}

/* --- what it says --- */

static bool is_authentic(const struct bank *bank, bool packed, const struct card *card, const uint8_t *message)
{
  uint8_t mac[8];
  if (packed)
    return card->covered_to > 0 &&
           signature_mac(bank->code, "x919", message + card->covered_from, card->covered_to - card->covered_from, mac) &&
           memcmp(mac, card->text[place_of(128)], 8) == 0;
  char signature[TEXT_MAX] = "";
  const char *said = text_of(card, 127);
  if (strrchr(said, ' ') != NULL) snprintf(signature, sizeof signature, "%s", strrchr(said, ' ') + 1);
  return signature_is_right_for(CONTENT_TYPE, signature[0] == '\0' ? NULL : signature, message, card->signed_to);
}

static struct frame greet_back(const struct bank *bank, bool packed, struct card *card)
{
  card->type = 810;
  set(card, 39, bank->fault == FAULT_REFUSE ? "05" : "00");
  return write_card(bank, packed, card);
}

static json_t *read_order(const struct bank *bank, bool packed, const uint8_t *message, size_t size, struct frame *reply)
{
  struct card *card = malloc(sizeof *card);
  if (card == NULL) abort();
  json_t *order = NULL;
  if (read_card(packed, message, size, card)) {
    if (card->type == 800 && bank->fault != FAULT_SILENCE) *reply = greet_back(bank, packed, card);
    if (card->type == 302) order = order_of(card, bank->code);
    if (order != NULL && !is_authentic(bank, packed, card, message)) {
      char id[40], record[64] = "";
      tagged(text_of(card, 120), "01", id, sizeof id);
      add_tag(record, "01", id);
      *reply = say(bank, packed, order, "63", NULL, record); /* security violation */
      json_decref(order);
      order = NULL;
    }
  }
  free(card);
  return order;
}

static void add_time(char *record, const char *tag, const json_t *of, const char *key)
{
  const char *text = json_string_value(json_object_get(of, key));
  int64_t ns = text == NULL ? INT64_MIN : hf_time_parse(text);
  if (ns == INT64_MIN) return;
  char digits[32];
  time_t seconds = (time_t)(ns / HF_NS_PER_S) + 8 * 3600;
  struct tm local;
  gmtime_r(&seconds, &local);
  strftime(digits, sizeof digits, "%Y%m%d%H%M%S", &local);
  add_tag(record, tag, digits);
}

/* "123.45" → 12345 */
static long long minor_of(const json_t *of, const char *key)
{
  const char *text = json_string_value(json_object_get(of, key));
  long long major = 0, minor = 0;
  if (text != NULL) sscanf(text, "%lld.%2lld", &major, &minor);
  return major * 100 + minor;
}

static void add_hold(char *record, const json_t *hold)
{
  const char *id = json_string_value(json_object_get(hold, "order_id")),
             *kind = json_string_value(json_object_get(hold, "kind"));
  const char *until = json_string_value(json_object_get(hold, "expires_at"));
  char end[64] = "", text[200];
  if (id == NULL || strlen(id) != 36 || until == NULL) return;
  add_time(end, "03", hold, "expires_at");
  snprintf(text, sizeof text, "%.8s%.4s%.4s%.4s%.12s%s%012lld%s%s", id, id + 9, id + 14, id + 19, id + 24,
           strcmp(kind, "freeze") == 0 ? "F" : "S", minor_of(hold, "amount"), end + 5,
           json_string_value(json_object_get(hold, "authority")));
  add_tag(record, "28", text);
}

/* The host's own words for what the standard has none for: N1, X1 to X3, T1. */
static const char *code_of(const char *result)
{
  static const char *const known[][2] = {{"0000", "00"}, {"0300", "14"}, {"0301", "N1"}, {"0801", "T1"}, {"0900", "26"},
                                         {"1000", "12"}, {"1200", "51"}, {"1301", "62"}, {"1302", "X2"}, {"1303", "X3"},
                                         {"1304", "61"}, {"1399", "X1"}, {"1800", "25"}, {"1900", "25"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i][0], result) == 0) return known[i][1];
  return "X1";
}

static void write_record(char *record, const json_t *said, const json_t *feedback)
{
  const json_t *former = json_object_get(feedback, "former"), *holds = json_object_get(feedback, "holds");
  char text[160];
  const char *id = json_string_value(json_object_get(said, "order_id"));
  snprintf(text, sizeof text, "%.8s%.4s%.4s%.4s%.12s", id, id + 9, id + 14, id + 19, id + 24);
  add_tag(record, "01", text);
  if (feedback == NULL) return;
  add_time(record, "21", feedback, "executed_at");
  add_time(record, "03", feedback, "expires_at");
  snprintf(text, sizeof text, "%lld", minor_of(feedback, "held"));
  add_tag(record, "22", text);
  if (former != NULL) {
    const char *authority = json_string_value(json_object_get(former, "authority"));
    struct hf_writer base64 = hf_writer_of(text, sizeof text - 1);
    hf_write_base64(&base64, authority, strlen(authority));
    text[base64.size] = '\0';
    add_tag(record, "73", text);
    add_time(record, "24", former, "expires_at");
    if (json_is_true(json_object_get(former, "queued"))) add_tag(record, "25", "1");
  }
  for (size_t i = 0; i < json_array_size(holds); i++) add_hold(record, json_array_get(holds, i));
}

static struct frame feedback_of(const struct bank *bank, bool packed, const json_t *order, const char *answer)
{
  json_error_t error;
  json_t *said = json_loads(answer, 0, &error);
  const json_t *feedback = json_object_get(said, "feedback");
  struct frame frame = {NULL, 0};
  if (feedback != NULL) {
    char record[TEXT_MAX] = "", balance[40];
    write_record(record, said, feedback);
    snprintf(balance, sizeof balance, "1002156C%012lld", minor_of(feedback, "balance"));
    frame = say(bank, packed, order, code_of(json_string_value(json_object_get(feedback, "result"))), balance, record);
  }
  json_decref(said);
  return frame;
}

/* 09: it is at work on it. 96: it cannot now. */
static struct frame receipt(const struct bank *bank, bool packed, const json_t *order, bool taken)
{
  char record[TEXT_MAX] = "";
  write_record(record, order, NULL);
  return say(bank, packed, order, taken ? "09" : "96", NULL, record);
}

#define SPEECH(kind, is_packed)                                                                                 \
  static json_t *read_##kind(const struct bank *bank, const uint8_t *message, size_t size, struct frame *reply) \
  {                                                                                                             \
    return read_order(bank, is_packed, message, size, reply);                                                   \
  }                                                                                                             \
  static struct frame receipt_##kind(const struct bank *bank, const json_t *order, bool taken)                  \
  {                                                                                                             \
    return receipt(bank, is_packed, order, taken);                                                              \
  }                                                                                                             \
  static struct frame feedback_##kind(const struct bank *bank, const json_t *order, const char *answer)         \
  {                                                                                                             \
    return feedback_of(bank, is_packed, order, answer);                                                         \
  }                                                                                                             \
  const struct speech speech_card_##kind

SPEECH(text, false) = {
    .name = "iso8583", .head = 4, .digits = true, .read = read_text, .receipt = receipt_text, .feedback = feedback_text};
SPEECH(packed, true) = {
    .name = "iso8583_packed", .head = 2, .read = read_packed, .receipt = receipt_packed, .feedback = feedback_packed};
