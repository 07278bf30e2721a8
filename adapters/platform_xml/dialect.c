/*
 * platform_xml, the writer: strict, in the order of the fields' list (domain.md 3.3), the same bytes for the same order.
 */
#include <stdio.h>
#include <string.h>

#include "adapters/platform_xml/platform.h"
#include "adapters/xml/xml.h"

#define DOCUMENT_TYPE "application/xml"
#define CASE_NUMBER_MAX 30

static const struct {
  enum hf_action action;
  uint32_t code;
} codes[] = {{HF_ACTION_STOP, 100101},      {HF_ACTION_LIFT, 100103},     {HF_ACTION_EXTEND, 100105},
             {HF_ACTION_FREEZE, 100201},    {HF_ACTION_UNFREEZE, 100203}, {HF_ACTION_RENEW, 100205},
             {HF_ACTION_QUERY, 100301},     {HF_ACTION_HOLDER, 100303},   {HF_ACTION_MONITOR, 100305},
             {HF_ACTION_UNMONITOR, 100307}, {HF_ACTION_ACCOUNTS, 100309}, {HF_ACTION_HOLDS, 100309},
             {HF_ACTION_SERIAL, 100311}}; /* payment companies only; by analogy (domain.md 3.6, and the end of section 9) */

uint32_t hf_platform_code(enum hf_action action)
{
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (codes[i].action == action) return codes[i].code;
  return 0;
}

/* --- the profile --- */

static bool is_digits(const char *text, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (text[i] < '0' || text[i] > '9') return false;
  return size > 0;
}

static struct hf_status read_setting(const char *key, size_t key_size, const char *value, size_t size,
                                     struct hf_platform_profile *profile)
{
  struct {
    const char *key;
    bool ok;
  } known[] = {{"side", size == 8 && memcmp(value, "platform", 8) == 0},
               {"side", size == 4 && memcmp(value, "bank", 4) == 0},
               {"amounts", size == 4 && memcmp(value, "yuan", 4) == 0},
               {"amounts", size == 8 && memcmp(value, "decimals", 8) == 0},
               {"currency", size == 3 && memcmp(value, "RMB", 3) == 0},
               {"currency", size == 3 && memcmp(value, "CNY", 3) == 0},
               {"organ", size == 12 && is_digits(value, size)},
               {"phone", size < sizeof profile->phone && is_digits(value, size)},
               {"company", size > 0 && size < sizeof profile->company},
               {"charset", size == 5 && memcmp(value, "UTF-8", 5) == 0},
               {"charset", size == 3 && memcmp(value, "GBK", 3) == 0},
               {"charset", size == 7 && memcmp(value, "GB18030", 7) == 0}};
  int found = -1;
  bool named = false;
  for (int i = 0; i < (int)(sizeof known / sizeof known[0]); i++) {
    if (strlen(known[i].key) != key_size || memcmp(known[i].key, key, key_size) != 0) continue;
    named = true;
    if (known[i].ok) found = i;
  }
  if (!named) return hf_fail(HF_STATUS_CONFIG, "profile: the keys are side, amounts, currency, organ, phone, company, charset");
  switch (found) {
  case 0: profile->to_platform = true; break;
  case 2: profile->yuan = true; break;
  case 4: profile->currency = "RMB"; break;
  case 6: memcpy(profile->organ, value, size); break;
  case 7:
    memcpy(profile->phone, value, size);
    profile->phone[size] = '\0';
    break;
  case 8:
    memcpy(profile->company, value, size);
    profile->company[size] = '\0';
    break;
  case 10: profile->charset = HF_CHARSET_GBK; break;
  case 11: profile->charset = HF_CHARSET_GB18030; break;
  case -1:
    return hf_fail(HF_STATUS_CONFIG,
                   "profile: side=bank|platform amounts=decimals|yuan currency=CNY|RMB organ=12 digits "
                   "phone=digits company=at most 12 characters charset=UTF-8|GBK|GB18030");
  default: break;
  }
  return hf_ok();
}

struct hf_status hf_platform_profile_read(const char *text, struct hf_platform_profile *profile)
{
  *profile = (struct hf_platform_profile){.currency = "CNY", .organ = "010000000000"};
  while (*text != '\0') {
    size_t size = strcspn(text, " "), key = strcspn(text, "= ");
    if (size > 0 && (key >= size || text[key] != '='))
      return hf_fail(HF_STATUS_CONFIG, "profile: key=value, separated by spaces");
    if (size > 0) {
      struct hf_status status = read_setting(text, key, text + key + 1, size - key - 1, profile);
      if (!hf_is_ok(status)) return status;
    }
    text += size + (text[size] == ' ');
  }
  return hf_ok();
}

/* --- identifiers --- */

static void write_application_id(struct hf_writer *out, uint32_t code, struct hf_order_id id)
{
  char digits[8];
  snprintf(digits, sizeof digits, "%04u", code % 10000);
  hf_write_text(out, digits);
  hf_write_hex(out, id.uuid.bytes, 16);
}

/* organ(12) _ trustee organ(12 zeros: none) 28: the order's own, so a resend has the same (domain.md 3.2). */
static void write_serial(struct hf_writer *out, const struct hf_platform_profile *profile, const struct hf_order *order)
{
  hf_write_text(out, profile->organ);
  hf_write_text(out, "_000000000000");
  hf_write_hex(out, order->id.uuid.bytes + 2, 14);
}

/* --- elements --- */

static void put_time(struct hf_writer *out, const char *name, int64_t wall_ns)
{
  char text[HF_TIME_DIGITS_SIZE + 1];
  hf_xml_put(out, name, hf_time_digits(wall_ns, text));
}

/* Two decimals, or whole yuan: cut, not rounded, so that no more is held than was asked for. */
static void put_amount(struct hf_writer *out, const char *name, int64_t minor, const struct hf_platform_profile *profile)
{
  hf_xml_begin(out, name);
  if (profile->yuan)
    hf_write_int(out, minor / 100);
  else
    hf_write_amount(out, minor);
  hf_xml_end(out, name);
}

static void put_currency(struct hf_writer *out, enum hf_currency currency, const struct hf_platform_profile *profile)
{
  hf_xml_put(out, "Currency", currency == HF_CURRENCY_CNY ? profile->currency : hf_currency_code(currency));
}

/* --- what only some actions have --- */

static void put_original(struct hf_writer *out, const struct hf_order *order)
{
  static const struct hf_order_id none;
  if (memcmp(&order->parent, &none, sizeof none) == 0) return;
  uint32_t of = order->action == HF_ACTION_UNFREEZE || order->action == HF_ACTION_RENEW ? 100201
                : order->action == HF_ACTION_UNMONITOR                                  ? 100305
                                                                                        : 100101;
  hf_xml_begin(out, "OriginalApplicationID");
  write_application_id(out, of, order->parent);
  hf_xml_end(out, "OriginalApplicationID");
}

/* It must be there, in 30 characters: where the centre has given none yet, the case's own id stands for it. */
static void put_case(struct hf_writer *out, const struct hf_order *order)
{
  size_t size = strlen(order->case_number);
  if (size > CASE_NUMBER_MAX)
    for (size = CASE_NUMBER_MAX; ((uint8_t)order->case_number[size] & 0xc0) == 0x80;) size--; /* whole characters */
  if (size > 0) {
    hf_xml_put_bytes(out, "CaseNumber", order->case_number, size);
  } else {
    hf_xml_begin(out, "CaseNumber");
    hf_write_hex(out, order->case_id.uuid.bytes, CASE_NUMBER_MAX / 2);
    hf_xml_end(out, "CaseNumber");
  }
}

/* What the number is, where its form says so (domain.md 3.6): a phone, a bank card, else an account of the company's own. Kinds
 * without a form of their own are said before the number: "merchant-", "identity-", "login-". */
static const char *data_type(const struct hf_account_number *number, struct hf_span *data)
{
  static const struct {
    const char *prefix, *type;
  } said[] = {{"identity-", "02"}, {"login-", "05"}, {"merchant-", "06"}};
  const char *text = (const char *)number->bytes;
  *data = (struct hf_span){number->bytes, number->size};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
    size_t size = strlen(said[i].prefix);
    if (number->size <= size || memcmp(text, said[i].prefix, size) != 0) continue;
    *data = (struct hf_span){number->bytes + size, number->size - size};
    return said[i].type;
  }
  if (!is_digits(text, number->size)) return "01";
  if (number->size == 11 && text[0] == '1' && text[1] >= '3') return "03";
  return number->size >= 12 && number->size <= 19 && hf_account_number_luhn(number) ? "04" : "01";
}

/* Whom it is about; who is asked. */
struct addressed {
  const struct hf_institution *row;
  const struct hf_platform_profile *profile;
  enum hf_platform_side side;
};

static void put_company(struct hf_writer *out, const struct hf_order *order, const struct addressed *to)
{
  struct hf_span data;
  const char *type = data_type(&order->account, &data);
  hf_xml_put(out, "OnlinePayCompanyID", to->profile->company[0] != '\0' ? to->profile->company : to->row->code);
  hf_xml_put(out, "OnlinePayCompanyName", to->row->name);
  hf_xml_put(out, "SubjectType", strcmp(type, "06") == 0 ? "02" : "01");
  if (order->action == HF_ACTION_SERIAL) {
    hf_xml_put(out, "TransactionSerial", order->serial);
    return;
  }
  hf_xml_put(out, "DataType", type);
  hf_xml_put_bytes(out, "Data", data.data, data.size);
  hf_xml_put_bytes(out, "AccountName", order->name.bytes, order->name.size);
}

static void put_target(struct hf_writer *out, const struct hf_order *order, const struct addressed *to)
{
  if (to->side == HF_PLATFORM_WALLET) {
    put_company(out, order, to);
    return;
  }
  hf_xml_put(out, "BankID", to->row->bank_code);
  hf_xml_put(out, "BankName", to->row->name);
  hf_xml_put(out, "AccountType", "01");
  hf_xml_put_bytes(out, "AccountName", order->name.bytes, order->name.size);
  hf_xml_put_bytes(out, "AccountNumber", order->account.bytes, order->account.size);
}

static void put_stop(struct hf_writer *out, const struct hf_order *order, const struct addressed *to)
{
  hf_xml_put(out, "ApplicationType", order->currency == HF_CURRENCY_CNY ? "00" : "01");
  put_original(out, order);
  put_case(out, order);
  hf_xml_put(out, "CaseType", "0000");
  hf_xml_put(out, "EmergencyLevel", "02");
  put_currency(out, order->currency, to->profile);
  put_amount(out, "TransferAmount", order->amount, to->profile);
  put_time(out, "TransferTime", order->transfer_wall_ns);
  put_target(out, order, to);
  hf_xml_put(out, "Reason", order->text);
  bool extends = order->action == HF_ACTION_EXTEND;
  put_time(out, extends ? "PostponeStartTime" : "StartTime", order->issued_wall_ns);
  put_time(out, "ExpireTime", order->issued_wall_ns + 48 * 3600 * HF_NS_PER_S);
  if (extends) hf_xml_put(out, "ExtendRemark", order->text);
}

static void put_freeze(struct hf_writer *out, const struct hf_order *order, const struct addressed *to)
{
  bool limited = order->mode == HF_FREEZE_LIMITED;
  put_original(out, order);
  put_case(out, order);
  hf_xml_put(out, "CaseType", "0000");
  hf_xml_put(out, "EmergencyLevel", "02");
  hf_xml_put(out, "FreezeType", limited ? "01" : "02");
  put_currency(out, order->currency, to->profile);
  if (limited) put_amount(out, "Balance", order->amount, to->profile);
  put_target(out, order, to);
  hf_xml_put(out, "DocumentNumber", order->document.number);
  hf_xml_put(out, "Reason", order->text);
  put_time(out, "FreezeStartTime", order->issued_wall_ns);
  put_time(out, "ExpireTime", order->until_wall_ns);
  if (order->action == HF_ACTION_RENEW) hf_xml_put(out, "ExtendRemark", order->text);
}

static void put_inquiry(struct hf_writer *out, const struct hf_order *order, const struct addressed *to)
{
  static const char *const modes[] = {"03", "01", "02", "03", "04"}; /* by enum hf_query_mode */
  put_original(out, order);
  put_case(out, order);
  put_target(out, order, to);
  if (to->side == HF_PLATFORM_BANK) {
    hf_xml_put(out, "SubjectType", "1");
    hf_xml_put_bytes(out, "CardNumber", order->account.bytes, order->account.size);
  }
  switch (order->action) {
  case HF_ACTION_QUERY:
    hf_xml_put(out, "InquiryMode", modes[order->mode < 5 ? order->mode : 0]);
    put_time(out, "InquiryPeriodStart", order->transfer_wall_ns - 86400 * HF_NS_PER_S);
    put_time(out, "InquiryPeriodEnd", order->issued_wall_ns);
    break;
  case HF_ACTION_ACCOUNTS: hf_xml_put(out, "InquiryMode", "01"); break;
  case HF_ACTION_HOLDS: hf_xml_put(out, "InquiryMode", "02"); break;
  case HF_ACTION_MONITOR:
    put_time(out, "InterceptionStartTime", order->issued_wall_ns);
    put_time(out, "InterceptionEndTime", order->until_wall_ns);
    break;
  default: break;
  }
}

/* Who asks: the officers' keys stand where an identity document's number is asked for; type 99 says that it is no such. */
static void put_people(struct hf_writer *out, const struct hf_order *order, const struct hf_platform_profile *profile)
{
  const char *second = order->second_id[0] != '\0' ? order->second_id : order->key_id;
  put_time(out, "ApplicationTime", order->issued_wall_ns);
  hf_xml_put(out, "ApplicationOrgID", profile->organ);
  hf_xml_put(out, "ApplicationOrgName", "反诈中心");
  hf_xml_put(out, "OperatorIDType", "99");
  hf_xml_put_bytes(out, "OperatorIDNumber", order->key_id, strnlen(order->key_id, 30));
  hf_xml_put_bytes(out, "OperatorName", order->key_id, strnlen(order->key_id, 12));
  hf_xml_put(out, "OperatorPhoneNumber", profile->phone);
  hf_xml_put(out, "InvestigatorIDType", "99");
  hf_xml_put_bytes(out, "InvestigatorIDNumber", second, strnlen(second, 30));
  hf_xml_put_bytes(out, "InvestigatorName", second, strnlen(second, 12));
}

static void write_message(const struct hf_order *order, const struct addressed *to, struct hf_writer *out)
{
  const struct hf_platform_profile *profile = to->profile;
  const struct hf_institution *row = to->row;
  uint32_t code = hf_platform_code(order->action);
  const char *root = profile->to_platform ? "Request" : "Response";
  char digits[8];
  bool wallet = to->side == HF_PLATFORM_WALLET && !profile->to_platform;
  snprintf(digits, sizeof digits, wallet ? "A%05u" : "%06u",
           wallet ? code % 10000 : code + (profile->to_platform ? 100000 : 0));
  hf_write_text(out, "<?xml version=\"1.0\" encoding=\"");
  hf_write_text(out, hf_charset_name(profile->charset));
  hf_write_text(out, "\"?>");
  hf_xml_begin(out, root);
  hf_xml_begin(out, "Head");
  if (profile->to_platform) {
    hf_xml_put(out, "Mode", "01");
    hf_xml_put(out, "To", to->side == HF_PLATFORM_WALLET && profile->company[0] != '\0' ? profile->company : row->bank_code);
  }
  hf_xml_put(out, "TxCode", digits);
  hf_xml_begin(out, "TransSerialNumber");
  write_serial(out, profile, order);
  hf_xml_end(out, "TransSerialNumber");
  if (!profile->to_platform) hf_xml_put(out, "MessageFrom", profile->organ);
  hf_xml_end(out, "Head");
  hf_xml_begin(out, "Body");
  hf_xml_begin(out, "ApplicationID");
  write_application_id(out, code, order->id);
  hf_xml_end(out, "ApplicationID");
  switch (order->action) {
  case HF_ACTION_STOP:
  case HF_ACTION_EXTEND: put_stop(out, order, to); break;
  case HF_ACTION_FREEZE:
  case HF_ACTION_RENEW: put_freeze(out, order, to); break;
  case HF_ACTION_LIFT:
  case HF_ACTION_UNFREEZE:
    put_original(out, order);
    put_case(out, order);
    put_target(out, order, to);
    hf_xml_put(out, "WithdrawalRemark", order->text);
    break;
  default: put_inquiry(out, order, to);
  }
  put_people(out, order, profile);
  hf_xml_end(out, "Body");
  hf_xml_end(out, root);
}

struct hf_status hf_platform_encode(const struct hf_order *order, const struct hf_institution *row, enum hf_platform_side side,
                                    struct hf_writer *out)
{
  struct hf_platform_profile profile;
  struct hf_status status = hf_platform_profile_read(row->profile, &profile);
  const struct addressed to = {.row = row, .profile = &profile, .side = side};
  if (!hf_is_ok(status)) return status;
  if (profile.charset == HF_CHARSET_UTF8) {
    write_message(order, &to, out);
  } else {
    uint8_t utf8[HF_ORDER_BODY_SIZE_MAX];
    struct hf_writer message = hf_writer_of(utf8, sizeof utf8);
    write_message(order, &to, &message);
    out->full = message.full;
    hf_charset_write(profile.charset, (struct hf_span){utf8, message.size}, out);
  }
  return out->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *out)
{
  return hf_platform_encode(order, row, HF_PLATFORM_BANK, out);
}

/* {TxCode}_{ApplicationID}_{32 hexadecimal digits} (domain.md 3.1): the same at each try, so that a resend replaces what nobody
 * has taken yet. */
static void file_name(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *out)
{
  struct hf_platform_profile profile;
  if (!hf_is_ok(hf_platform_profile_read(row->profile, &profile))) return;
  uint32_t code = hf_platform_code(order->action);
  hf_write_int(out, code + (profile.to_platform ? 100000 : 0));
  hf_write_text(out, "_");
  write_application_id(out, code, order->id);
  hf_write_text(out, "_");
  hf_write_hex(out, order->case_id.uuid.bytes, 16);
}

/* DSSE's pre-authentication encoding, as for every dialect whose own signature is not published. */
struct hf_status hf_platform_to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  hf_write_pre_authentication(bytes, DOCUMENT_TYPE, message->body);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

/* Behind the root element, where any XML reader skips it: <?holdfast-signature key="…" algorithm="…" value="…"?> */
struct hf_status hf_platform_seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                                  struct hf_span signature, struct hf_writer *trailer)
{
  (void)message;
  if (signature.size == 0) return hf_ok();
  hf_write_text(trailer, "<?holdfast-signature key=\"");
  hf_write_text(trailer, key_id);
  hf_write_text(trailer, "\" algorithm=\"");
  hf_write_text(trailer, algorithm);
  hf_write_text(trailer, "\" value=\"");
  hf_write_base64(trailer, signature.data, signature.size);
  hf_write_text(trailer, "\"?>");
  return trailer->full ? hf_fail(HF_STATUS_LIMIT, "the signature does not fit") : hf_ok();
}

static struct hf_status check(const struct hf_institution *row)
{
  struct hf_platform_profile profile;
  if (strlen(row->bank_code) != 12) return hf_fail(HF_STATUS_CONFIG, "bank_code: platform_xml addresses 12 digits");
  struct hf_status status = hf_platform_profile_read(row->profile, &profile);
  if (hf_is_ok(status) && profile.phone[0] == '\0')
    status =
        hf_fail(HF_STATUS_CONFIG, "profile: phone=… is missing; every request of the family carries the duty desk's number");
  return status;
}

#define CAN(action) (1u << HF_ACTION_##action)

const struct hf_dialect hf_platform_xml = {
    .name = "platform_xml",
    .actions = CAN(STOP) | CAN(LIFT) | CAN(EXTEND) | CAN(FREEZE) | CAN(UNFREEZE) | CAN(RENEW) | CAN(QUERY) | CAN(HOLDER) |
               CAN(MONITOR) | CAN(UNMONITOR) | CAN(ACCOUNTS) | CAN(HOLDS),
    .content_type = DOCUMENT_TYPE,
    .path = "",
    .feedback_follows = true,
    .check = check,
    .encode = encode,
    .to_sign = hf_platform_to_sign,
    .seal = hf_platform_seal,
    .file_name = file_name,
    .identify = hf_platform_identify,
    .decode = hf_platform_decode,
};
