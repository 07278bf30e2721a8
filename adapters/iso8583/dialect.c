/*
 * iso8583: a card host's file action, 0302 and its answer 0312, in the 1987 fields; what no field of them carries stands as
 * tagged text in one private field, the record. README.md has both tables.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapters/iso8583/message.h"
#include "engine/base/assert.h"

#define SIGNATURE_FIELD 127
#define MAC_FIELD 128
#define RECORD_MAX 999
#define STOP_NS (48 * 3600 * HF_NS_PER_S) /* a stop's term (domain.md 1.2) */

/* Tags of the record: two digits, three digits of length, the value. */
enum {
  TAG_ORDER = 1,
  TAG_ORIGINAL = 2,
  TAG_UNTIL = 3,
  TAG_AMOUNT = 4,
  TAG_CURRENCY = 5,
  TAG_MODE = 6,
  TAG_CASE = 7,
  TAG_NAME = 8,
  TAG_OFFICER = 9,
  TAG_ACCOUNT = 10,
  TAG_TEXT = 11,
  TAG_DOCUMENT = 12,
  TAG_SECOND = 13,
  TAG_EXECUTED = 21,
  TAG_HELD = 22,
  TAG_FORMER = 23,
  TAG_FORMER_UNTIL = 24,
  TAG_QUEUED = 25,
  TAG_HOLDER = 26,
  TAG_REFERENCE = 27,
  TAG_HOLD = 28,
  WORDS = 50
};

/* What is done to which file of the host. */
static const struct {
  const char *update; /* field 91: 1 add, 2 change, 3 delete, 5 inquire */
  const char *file;   /* field 101 */
} acts[HF_ACTION_COUNT] = {
    [HF_ACTION_STOP] = {"1", "HFSTOP"},     [HF_ACTION_EXTEND] = {"2", "HFSTOP"},  [HF_ACTION_LIFT] = {"3", "HFSTOP"},
    [HF_ACTION_FREEZE] = {"1", "HFFREEZE"}, [HF_ACTION_RENEW] = {"2", "HFFREEZE"}, [HF_ACTION_UNFREEZE] = {"3", "HFFREEZE"},
    [HF_ACTION_HOLDS] = {"5", "HFHOLDS"}};

/* Field 39 → the four digits of domain.md 3.4, by what was asked. A host's own codes come before these. */
static const struct {
  const char *code, *placed, *prolonged, *ended;
} results[] = {{"00", "0000", "0000", "0000"}, {"03", "0700", "0700", "0700"}, {"12", "1000", "1000", "1000"},
               {"13", "0200", "0200", "0200"}, {"14", "0300", "0300", "0300"}, {"25", "0300", "1800", "1900"},
               {"26", "0900", "0900", "0900"}, {"27", "0599", "0599", "0599"}, {"30", "0500", "0500", "0500"},
               {"36", "1301", "1399", "1399"}, {"40", "1000", "1000", "1000"}, {"41", "0303", "0303", "0303"},
               {"43", "0303", "0303", "0303"}, {"51", "1200", "1200", "1200"}, {"54", "0801", "0801", "0801"},
               {"56", "0300", "0300", "0300"}, {"57", "1000", "1000", "1000"}, {"61", "1304", "1304", "1304"},
               {"62", "1301", "1399", "1399"}, {"65", "1304", "1304", "1304"}, {"A2", "0000", "0000", "0000"},
               {"A4", "0000", "0000", "0000"}, {"A5", "0000", "0000", "0000"}, {"A6", "0000", "0000", "0000"}};

static struct hf_span span_of(const char *text)
{
  return (struct hf_span){(const uint8_t *)text, strlen(text)};
}

static bool is(struct hf_span text, const char *word)
{
  return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool are_digits(struct hf_span text)
{
  for (size_t i = 0; i < text.size; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return true;
}

/* --- the record --- */

static void put_tag(struct hf_writer *record, unsigned tag, const void *bytes, size_t size)
{
  char head[8];
  snprintf(head, sizeof head, "%02u%03u", tag % 100, (unsigned)size % 1000);
  hf_write_bytes(record, head, 5);
  hf_write_bytes(record, bytes, size);
}

static void put_text(struct hf_writer *record, unsigned tag, const char *text)
{
  put_tag(record, tag, text, strlen(text));
}

static bool is_plain(const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] < 0x20 || bytes[i] > 0x7e) return false;
  return true;
}

/* The field takes letters, digits and signs of ASCII: other text goes as base64, by the tag that is 50 more. */
static void put_words(struct hf_writer *record, unsigned tag, const void *bytes, size_t size)
{
  char text[4 * (HF_REASON_TEXT_SIZE_MAX / 3 + 1) + 1];
  struct hf_writer base64 = hf_writer_of(text, sizeof text);
  if (is_plain(bytes, size)) {
    put_tag(record, tag, bytes, size);
  } else {
    hf_write_base64(&base64, bytes, size);
    HF_ASSERT(!base64.full);
    put_tag(record, tag + WORDS, text, base64.size);
  }
}

/* What helps the people there, where the record has room for it. */
static void put_if_room(struct hf_writer *record, unsigned tag, const void *bytes, size_t size)
{
  struct hf_writer at = *record;
  if (size > 0) put_words(&at, tag, bytes, size);
  if (!at.full) *record = at;
}

static void put_id(struct hf_writer *record, unsigned tag, struct hf_uuid id)
{
  char hex[33];
  struct hf_writer text = hf_writer_of(hex, sizeof hex);
  hf_write_hex(&text, id.bytes, sizeof id.bytes);
  put_tag(record, tag, hex, 32);
}

static int64_t end_of(const struct hf_order *order)
{
  if (order->action == HF_ACTION_STOP || order->action == HF_ACTION_EXTEND) return order->issued_wall_ns + STOP_NS;
  return order->action == HF_ACTION_FREEZE || order->action == HF_ACTION_RENEW ? order->until_wall_ns : 0;
}

static void write_record(const struct hf_order *order, bool account_here, struct hf_writer *record)
{
  static const struct hf_order_id none;
  char text[32];
  put_id(record, TAG_ORDER, order->id.uuid);
  if (memcmp(&order->parent, &none, sizeof none) != 0) put_id(record, TAG_ORIGINAL, order->parent.uuid);
  if (end_of(order) > 0) put_text(record, TAG_UNTIL, hf_time_digits(end_of(order), text));
  if (order->amount > 0) {
    snprintf(text, sizeof text, "%lld", (long long)order->amount);
    put_text(record, TAG_AMOUNT, text);
    put_text(record, TAG_CURRENCY, hf_currency_code(order->currency));
  }
  if (order->action == HF_ACTION_FREEZE) put_text(record, TAG_MODE, order->mode == HF_FREEZE_LIMITED ? "1" : "2");
  if (account_here) put_words(record, TAG_ACCOUNT, order->account.bytes, order->account.size);
  put_if_room(record, TAG_CASE, order->case_number, strlen(order->case_number));
  put_if_room(record, TAG_DOCUMENT, order->document.number, strlen(order->document.number));
  put_if_room(record, TAG_OFFICER, order->key_id, strlen(order->key_id));
  put_if_room(record, TAG_SECOND, order->second_id, strlen(order->second_id));
  put_if_room(record, TAG_NAME, order->name.bytes, order->name.size);
  put_if_room(record, TAG_TEXT, order->text, strlen(order->text));
}

/* --- orders --- */

/* What stands for the order in the fields that every host echoes and logs: numbers made of its id, at each try the same. */
struct trace {
  char stan[8], reference[13], moment[12], day[8];
};

static void make_trace(const struct hf_order *order, struct trace *trace)
{
  const uint8_t *id = order->id.uuid.bytes;
  uint32_t low = (uint32_t)id[12] << 24 | (uint32_t)id[13] << 16 | (uint32_t)id[14] << 8 | id[15];
  char digits[HF_TIME_DIGITS_SIZE + 1];
  snprintf(trace->stan, sizeof trace->stan, "%06u", low % 999999 + 1);
  for (int i = 0; i < 12; i++) trace->reference[i] = "0123456789ABCDEF"[id[10 + i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
  trace->reference[12] = '\0';
  memcpy(trace->moment, hf_time_digits(order->issued_wall_ns - 8 * 3600 * HF_NS_PER_S, digits) + 4, 11); /* field 7 is UTC */
  memcpy(trace->day, hf_time_digits(end_of(order), digits) + 2, 6);
  trace->day[6] = '\0';
}

/* Where the number stands: field 2 for a card, field 102 for an account; 0: neither has room for it. */
static unsigned account_field(const struct hf_card_profile *profile, const struct hf_order *order)
{
  const struct hf_span number = {order->account.bytes, order->account.size};
  if (number.size >= 12 && number.size <= hf_card_format(profile, 2).size && are_digits(number)) return 2;
  return number.size <= hf_card_format(profile, 102).size && is_plain(number.data, number.size) ? 102 : 0;
}

static struct hf_status encode_as(const struct hf_card_profile *profile, const struct hf_order *order, struct hf_writer *body)
{
  char text[RECORD_MAX];
  size_t room = hf_card_format(profile, profile->record).size;
  struct hf_writer record = hf_writer_of(text, room < sizeof text ? room : sizeof text);
  struct hf_card_values values = {0};
  struct trace trace;
  make_trace(order, &trace);
  unsigned account = account_field(profile, order);
  write_record(order, account == 0, &record);
  if (account != 0) values.of[account] = (struct hf_span){order->account.bytes, order->account.size};
  values.of[7] = span_of(trace.moment);
  values.of[11] = span_of(trace.stan);
  values.of[33] = span_of(profile->organ);
  values.of[37] = span_of(trace.reference);
  if (end_of(order) > 0) values.of[73] = span_of(trace.day);
  values.of[91] = span_of(acts[order->action].update);
  values.of[101] = span_of(acts[order->action].file);
  values.of[profile->record] = (struct hf_span){(const uint8_t *)text, record.size};
  unsigned last = profile->mac == HF_MAC_NONE ? SIGNATURE_FIELD : MAC_FIELD;
  if (record.full) return hf_fail(HF_STATUS_LIMIT, "the record does not fit into its field");
  return hf_card_write(profile, profile->request, &values, last, body);
}

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *body)
{
  struct hf_card_profile profile;
  struct hf_status status = hf_card_profile_read(row->profile, &profile);
  return hf_is_ok(status) ? encode_as(&profile, order, body) : status;
}

/* With a MAC: what the MAC covers, from the message type on. Else what every dialect without a signature of its own signs. */
static struct hf_status to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  struct hf_card_profile profile;
  struct hf_status status = hf_card_profile_read(message->row->profile, &profile);
  if (!hf_is_ok(status)) return status;
  size_t skip = profile.has_tpdu ? sizeof profile.tpdu : 0;
  if (profile.mac == HF_MAC_NONE)
    hf_write_pre_authentication(bytes, hf_iso8583.content_type, message->body);
  else
    hf_write_bytes(bytes, message->body.data + skip, message->body.size - skip);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

/* Field 128: the MAC. Without one, field 127: the key's id, the algorithm and the signature in base64, by spaces. */
static struct hf_status seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                             struct hf_span signature, struct hf_writer *trailer)
{
  struct hf_card_profile profile;
  struct hf_status status = hf_card_profile_read(message->row->profile, &profile);
  if (!hf_is_ok(status)) return status;
  if (profile.mac != HF_MAC_NONE) {
    static const uint8_t none[HF_MAC_SIZE]; /* not signed, or signed before the row changed: the host refuses it */
    bool is_mac = signature.size == HF_MAC_SIZE;
    hf_card_write_field(&profile, MAC_FIELD, is_mac ? signature : (struct hf_span){none, sizeof none}, trailer);
  } else {
    char text[RECORD_MAX];
    struct hf_writer value = hf_writer_of(text, sizeof text);
    hf_write_text(&value, key_id);
    hf_write_text(&value, " ");
    hf_write_text(&value, algorithm);
    hf_write_text(&value, " ");
    hf_write_base64(&value, signature.data, signature.size);
    hf_card_write_field(&profile, SIGNATURE_FIELD, (struct hf_span){(const uint8_t *)text, value.size}, trailer);
  }
  return trailer->full ? hf_fail(HF_STATUS_LIMIT, "the seal does not fit") : hf_ok();
}

/* The longest order must fit, whatever the profile has made of the fields. */
static struct hf_status check(const struct hf_institution *row)
{
  struct hf_card_profile profile;
  struct hf_status status = hf_card_profile_read(row->profile, &profile);
  if (!hf_is_ok(status)) return status;
  struct hf_order order = {.action = HF_ACTION_FREEZE,
                           .amount = INT64_MAX,
                           .currency = HF_CURRENCY_CNY,
                           .issued_wall_ns = HF_NS_PER_S,
                           .until_wall_ns = HF_NS_PER_S};
  memset(&order.parent, 1, sizeof order.parent);
  uint8_t bytes[HF_ORDER_BODY_SIZE_MAX];
  static const size_t sizes[] = {16, 19, 28, HF_ACCOUNT_NUMBER_SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    memset(order.account.bytes, '9', sizes[i]);
    order.account.size = (uint8_t)sizes[i];
    struct hf_writer body = hf_writer_of(bytes, sizeof bytes);
    if (!hf_is_ok(encode_as(&profile, &order, &body)))
      return hf_fail(HF_STATUS_CONFIG,
                     "profile: a field's own format is too short for what orders need; the record's needs 250");
  }
  struct hf_card_format signature = hf_card_format(&profile, SIGNATURE_FIELD), mac = hf_card_format(&profile, MAC_FIELD);
  bool sound = signature.kind == HF_CARD_TEXT && signature.size >= 512 && mac.kind == HF_CARD_BINARY &&
               mac.size == HF_MAC_SIZE && mac.length_digits == 0;
  return sound ? hf_ok() : hf_fail(HF_STATUS_CONFIG, "profile: f127 carries text of 512, f128 is b8");
}

static enum hf_mac mac_of(const struct hf_institution *row)
{
  struct hf_card_profile profile;
  return hf_is_ok(hf_card_profile_read(row->profile, &profile)) ? profile.mac : HF_MAC_NONE;
}

/* --- answers --- */

/* The next tag of the record; false at its end, or where it is no such thing: then *sound is false. */
static bool next_tag(struct hf_reader *record, unsigned *tag, struct hf_span *value, bool *sound)
{
  if (record->left.size == 0) return false;
  struct hf_span head = hf_read_span(record, 5);
  *sound = !record->failed && are_digits(head);
  if (!*sound) return false;
  *tag = (unsigned)(head.data[0] - '0') * 10 + (unsigned)(head.data[1] - '0');
  *value = hf_read_span(record,
                        (size_t)(head.data[2] - '0') * 100 + (size_t)(head.data[3] - '0') * 10 + (size_t)(head.data[4] - '0'));
  *sound = !record->failed;
  return *sound;
}

/* At most 15 digits: INT64_MIN where they are none. */
static int64_t amount_of(struct hf_span digits)
{
  int64_t amount = 0;
  if (digits.size == 0 || digits.size > 15 || !are_digits(digits)) return INT64_MIN;
  for (size_t i = 0; i < digits.size; i++) amount = amount * 10 + (digits.data[i] - '0');
  return amount;
}

static bool copy_text(struct hf_span text, char *to, size_t capacity)
{
  if (text.size >= capacity || !hf_text_is_sound(text.data, text.size)) return false;
  memcpy(to, text.data, text.size);
  to[text.size] = '\0';
  return true;
}

static bool take_time(struct hf_span digits, int64_t *to)
{
  *to = hf_time_of_digits((const char *)digits.data, digits.size);
  return *to != INT64_MIN;
}

/* 32 hexadecimal digits (zeros: none of ours), S or F, twelve digits of amount, 14 of its end, then whose it is. */
static bool take_hold(struct hf_span value, struct hf_answer_room *room, struct hf_answer *answer)
{
  if (value.size < 59 || answer->holds_count == HF_ANSWER_HOLDS_MAX) return false;
  struct hf_listed_hold *hold = &room->holds[answer->holds_count++];
  *hold = (struct hf_listed_hold){.freeze = value.data[32] == 'F', .amount = amount_of((struct hf_span){value.data + 33, 12})};
  return hf_is_ok(hf_uuid_of_hex((const char *)value.data, 32, &hold->order_id.uuid)) && hold->amount != INT64_MIN &&
         (value.data[32] == 'F' || value.data[32] == 'S') &&
         take_time((struct hf_span){value.data + 45, 14}, &hold->expires_wall_ns) &&
         copy_text((struct hf_span){value.data + 59, value.size - 59}, hold->authority, sizeof hold->authority);
}

static bool take_tag(unsigned tag, struct hf_span value, struct hf_answer_room *room, struct hf_answer *answer)
{
  uint8_t words[HF_REASON_TEXT_SIZE_MAX];
  if (tag == TAG_FORMER + WORDS || tag == TAG_HOLDER + WORDS) {
    size_t size = hf_base64_decode((const char *)value.data, value.size, words, sizeof words);
    if (size == SIZE_MAX) return false;
    value = (struct hf_span){words, size};
    tag -= WORDS;
  }
  switch (tag) {
  case TAG_UNTIL: return take_time(value, &answer->expires_wall_ns);
  case TAG_EXECUTED: return take_time(value, &answer->executed_wall_ns);
  case TAG_FORMER_UNTIL: return take_time(value, &answer->former_expires_wall_ns);
  case TAG_FORMER: return copy_text(value, answer->former_authority, sizeof answer->former_authority);
  case TAG_REFERENCE: return copy_text(value, answer->reference, sizeof answer->reference);
  case TAG_HOLDER: return hf_is_ok(hf_name_set(&answer->holder, value.data, value.size));
  case TAG_QUEUED: answer->queued = is(value, "1"); return true;
  case TAG_HOLD: return take_hold(value, room, answer);
  case TAG_HELD: answer->held = amount_of(value); return answer->held != INT64_MIN;
  default: return true; /* a host may echo what it got */
  }
}

static struct hf_status find_order(const struct hf_card_profile *profile, const struct hf_card_message *message,
                                   struct hf_order_id *id)
{
  struct hf_reader record = hf_reader_of(message->values.of[profile->record]);
  unsigned tag = 0;
  struct hf_span value;
  bool sound = true;
  while (next_tag(&record, &tag, &value, &sound))
    if (tag == TAG_ORDER && hf_is_ok(hf_uuid_of_hex((const char *)value.data, value.size, &id->uuid))) return hf_ok();
  return hf_fail(HF_STATUS_MALFORMED, sound ? "the record: no order (tag 01)" : "the record: a tag is cut, or no digits");
}

static struct hf_status read_answer(struct hf_span bytes, const struct hf_institution *row, struct hf_card_profile *profile,
                                    struct hf_card_message *message, struct hf_order_id *id)
{
  struct hf_status status = hf_card_profile_read(row->profile, profile);
  if (hf_is_ok(status)) status = hf_card_read(profile, bytes, message);
  if (!hf_is_ok(status)) return status;
  if (message->type != profile->request + 10) return hf_fail(HF_STATUS_MALFORMED, "the message type is no answer's");
  return find_order(profile, message, id);
}

static struct hf_status identify(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id)
{
  struct hf_card_profile profile;
  struct hf_card_message message;
  return read_answer(bytes, row, &profile, &message, id);
}

/* Groups of twenty: account type, amount type (01 ledger, 02 available), currency, C or D, twelve digits. Overdrawn: nothing.
 */
static bool take_balance(struct hf_span groups, struct hf_answer *answer)
{
  if (groups.size % 20 != 0) return false;
  for (size_t at = 0; at + 20 <= groups.size; at += 20) {
    const uint8_t *group = groups.data + at;
    int64_t amount = amount_of((struct hf_span){group + 8, 12});
    if (amount == INT64_MIN || (group[7] != 'C' && group[7] != 'D')) return false;
    bool available = memcmp(group + 2, "02", 2) == 0;
    if (!available && (memcmp(group + 2, "01", 2) != 0 || answer->has_balance)) continue;
    answer->has_balance = true;
    answer->balance = group[7] == 'D' ? 0 : amount;
    if (available) break;
  }
  return true;
}

static bool take_result(const struct hf_card_profile *profile, const struct hf_order *order, struct hf_span code,
                        struct hf_answer *answer)
{
  const char *result = NULL;
  bool ends = order->action == HF_ACTION_LIFT || order->action == HF_ACTION_UNFREEZE;
  bool prolongs = order->action == HF_ACTION_EXTEND || order->action == HF_ACTION_RENEW;
  for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
    if (is(code, results[i].code)) result = ends ? results[i].ended : prolongs ? results[i].prolonged : results[i].placed;
  for (uint32_t i = 0; i < profile->results_count; i++)
    if (is(code, profile->results[i].code)) result = profile->results[i].result;
  if (result == NULL) return false;
  strcpy(answer->result, result);
  return true;
}

/* Fields that a host echoes: another order's number there means that the host has mixed two up. */
static const char *mixed_up(const struct hf_card_profile *profile, const struct hf_order *order,
                            const struct hf_card_message *message)
{
  struct trace trace;
  make_trace(order, &trace);
  const struct hf_span *of = message->values.of;
  unsigned account = account_field(profile, order);
  if (of[11].data != NULL && !is(of[11], trace.stan)) return "field 11: another message's";
  if (of[37].data != NULL && !is(of[37], trace.reference)) return "field 37: another message's";
  if (account != 0 && of[account].data != NULL &&
      (of[account].size != order->account.size || memcmp(of[account].data, order->account.bytes, order->account.size) != 0))
    return "field 2 or 102: another account's";
  return NULL;
}

static struct hf_status decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                               struct hf_answer_room *room, struct hf_answer *answer)
{
  struct hf_card_profile profile;
  struct hf_card_message message;
  struct hf_order_id id;
  memset(answer, 0, sizeof *answer);
  struct hf_status status = read_answer(bytes, row, &profile, &message, &id);
  if (!hf_is_ok(status)) return status;
  if (!hf_uuid_equal(id.uuid, order->id.uuid)) return hf_fail(HF_STATUS_REFUSED, "the record: another order's (tag 01)");
  const char *objection = mixed_up(&profile, order, &message);
  if (objection != NULL) return hf_fail(HF_STATUS_REFUSED, objection);
  const struct hf_span code = message.values.of[39];
  answer->order_id = order->id;
  if (is(code, "09") || is(code, "94")) { /* at work on it; has it already */
    answer->has_receipt = true;
    return hf_ok();
  }
  if (is(code, "68") || is(code, "91") || is(code, "92") || is(code, "96") || is(code, "98"))
    return hf_fail(HF_STATUS_AGAIN, "field 39: the host cannot now (68, 91, 92, 96, 98)");
  if (is(code, "63") || is(code, "A0"))
    return hf_fail(HF_STATUS_AGAIN, "field 39: the host finds our MAC or signature wrong (63, A0)");
  if (!take_result(&profile, order, code, answer))
    return hf_fail(HF_STATUS_MALFORMED, "field 39: a code that neither the standard's list nor the profile (rCC=NNNN) knows");
  if (!take_balance(message.values.of[54], answer)) return hf_fail(HF_STATUS_MALFORMED, "field 54: not groups of twenty");
  struct hf_reader record = hf_reader_of(message.values.of[profile.record]);
  unsigned tag = 0;
  struct hf_span value;
  bool sound = true;
  while (next_tag(&record, &tag, &value, &sound))
    if (!take_tag(tag, value, room, answer))
      return hf_fail(HF_STATUS_MALFORMED, "the record: a tag's value is none of its kind");
  if (!sound) return hf_fail(HF_STATUS_MALFORMED, "the record: a tag is cut, or no digits");
  answer->has_receipt = answer->has_feedback = true;
  answer->holds = room->holds;
  return hf_ok();
}

/* With a MAC only: what it covers, and it. */
static struct hf_status prove(const struct hf_message *asked, const struct hf_reply *reply, int64_t now_wall_ns,
                              struct hf_proof *proof, struct hf_writer *signed_bytes)
{
  struct hf_card_profile profile;
  struct hf_card_message message;
  memset(proof, 0, sizeof *proof);
  struct hf_status status = hf_card_profile_read(asked->row->profile, &profile);
  if (hf_is_ok(status)) status = hf_card_read(&profile, reply->body, &message);
  if (!hf_is_ok(status)) return status;
  const struct hf_span mac = message.values.of[message.values.of[MAC_FIELD].data != NULL ? MAC_FIELD : 64];
  if (message.mac_at == 0 || mac.size != HF_MAC_SIZE) return hf_fail(HF_STATUS_REFUSED, "field 64 or 128: no MAC");
  proof->made_wall_ns = now_wall_ns;
  memcpy(proof->signature, mac.data, mac.size);
  proof->signature_size = mac.size;
  hf_write_bytes(signed_bytes, reply->body.data + message.type_at, message.mac_at - message.type_at);
  return signed_bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes that are authenticated do not fit") : hf_ok();
}

/* --- beside orders: 0800 and 0810 --- */

#define GREETING 800
#define SIGN_ON "001"
#define ECHO_TEST "301"

static enum hf_framing framing(const struct hf_institution *row)
{
  struct hf_card_profile profile;
  return hf_is_ok(hf_card_profile_read(row->profile, &profile)) ? profile.framing : HF_FRAMING_TWO_BYTES;
}

static void greet(const struct hf_institution *row, bool first, int64_t now_wall_ns, struct hf_writer *greeting)
{
  struct hf_card_profile profile;
  if (!hf_is_ok(hf_card_profile_read(row->profile, &profile)) || profile.no_greeting) return;
  char digits[HF_TIME_DIGITS_SIZE + 1], stan[8];
  hf_time_digits(now_wall_ns - 8 * 3600 * HF_NS_PER_S, digits);
  snprintf(stan, sizeof stan, "%06u", (unsigned)(now_wall_ns / HF_NS_PER_MS % 999999 + 1));
  struct hf_card_values values = {0};
  values.of[7] = span_of(digits + 4);
  values.of[11] = span_of(stan);
  values.of[33] = span_of(profile.organ);
  values.of[70] = span_of(first ? SIGN_ON : ECHO_TEST);
  (void)hf_card_write(&profile, GREETING, &values, 0, greeting);
}

static enum hf_talk hear(const struct hf_institution *row, struct hf_span bytes, struct hf_writer *reply)
{
  struct hf_card_profile profile;
  struct hf_card_message message;
  if (!hf_is_ok(hf_card_profile_read(row->profile, &profile))) return HF_TALK_NONE;
  uint32_t type = hf_card_read_type(&profile, bytes);
  if ((type != GREETING && type != GREETING + 10) || !hf_is_ok(hf_card_read(&profile, bytes, &message))) return HF_TALK_NONE;
  if (type == GREETING + 10) return is(message.values.of[39], "00") ? HF_TALK_WELCOME : HF_TALK_TURNED_AWAY;
  message.values.of[39] = span_of("00");
  message.values.of[64].data = message.values.of[128].data = NULL;
  return hf_is_ok(hf_card_write(&profile, GREETING + 10, &message.values, 0, reply)) ? HF_TALK_ASKED : HF_TALK_NONE;
}

static const struct hf_small_talk small_talk = {.framing = framing, .greet = greet, .hear = hear};

#define CAN(action) (1u << HF_ACTION_##action)

const struct hf_dialect hf_iso8583 = {
    .name = "iso8583",
    .actions = CAN(STOP) | CAN(LIFT) | CAN(EXTEND) | CAN(FREEZE) | CAN(UNFREEZE) | CAN(RENEW) | CAN(HOLDS),
    .content_type = "application/vnd.iso8583",
    .path = "",
    .small_talk = &small_talk,
    .mac = mac_of,
    .check = check,
    .encode = encode,
    .to_sign = to_sign,
    .seal = seal,
    .identify = identify,
    .prove = prove,
    .decode = decode,
};
