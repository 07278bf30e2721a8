/*
 * iso20022, the writer: a stop is a recall for fraud (camt.056), a query an authority's request for information (auth.001),
 * each behind a business application header (head.001) in a business message envelope (nvlp.001). Strict: what the schemas in
 * schemas/iso20022 allow, in their order, the same bytes for the same order.
 */
#include <stdio.h>
#include <string.h>

#include "adapters/headers/headers.h"
#include "adapters/iso20022/iso20022.h"
#include "adapters/xml/xml.h"

#define RECALL "camt.056.001.08"
#define REQUEST "auth.001.001.01"
#define REPORT "camt.052.001.08"
#define TEXT_MAX 35    /* Max35Text, and Max34Text for numbers, in characters */
#define REASON_MAX 105 /* CxlRsnInf/AddtlInf */
#define NUMBER_MAX 34

/* --- the profile --- */

static bool take(const char *text, size_t size, const char *key, char *to, size_t capacity)
{
  size_t key_size = strlen(key);
  if (size <= key_size || memcmp(text, key, key_size) != 0 || size - key_size >= capacity) return false;
  memcpy(to, text + key_size, size - key_size);
  to[size - key_size] = '\0';
  return true;
}

static bool is_bic(const char *bic)
{
  size_t size = strlen(bic);
  if (size != 8 && size != 11) return false;
  for (size_t i = 0; i < size; i++) {
    bool letter = bic[i] >= 'A' && bic[i] <= 'Z', digit = bic[i] >= '0' && bic[i] <= '9';
    if (!letter && (i < 6 || !digit)) return false;
  }
  return true;
}

struct hf_status hf_iso20022_profile_read(const char *text, struct hf_iso20022_profile *profile)
{
  *profile = (struct hf_iso20022_profile){.centre = "HOLDFAST"};
  while (*text != '\0') {
    size_t size = strcspn(text, " ");
    char iban[4] = "";
    bool sound = size == 0 || (take(text, size, "bic=", profile->bic, sizeof profile->bic) && is_bic(profile->bic)) ||
                 take(text, size, "centre=", profile->centre, sizeof profile->centre) ||
                 (take(text, size, "iban=", iban, sizeof iban) && (strcmp(iban, "yes") == 0 || strcmp(iban, "no") == 0));
    if (!sound) return hf_fail(HF_STATUS_CONFIG, "profile: bic=8 or 11 characters, centre=at most 35 characters, iban=yes|no");
    if (iban[0] != '\0') profile->ibans = strcmp(iban, "yes") == 0;
    text += size + (text[size] == ' ');
  }
  return hf_ok();
}

/* --- values --- */

/* At most `most` characters, whole ones; nothing is written where there is no text: the element is optional. */
static void put_some(struct hf_writer *out, const char *name, const void *text, size_t size, size_t most)
{
  const uint8_t *bytes = text;
  size_t used = 0;
  for (size_t characters = 0; used < size; used++) {
    bool begins = (bytes[used] & 0xc0) != 0x80;
    if (begins && characters++ == most) break;
  }
  if (used > 0) hf_xml_put_bytes(out, name, bytes, used);
}

static void put_id(struct hf_writer *out, const char *name, struct hf_uuid id)
{
  hf_xml_begin(out, name);
  hf_write_hex(out, id.bytes, sizeof id.bytes);
  hf_xml_end(out, name);
}

static void put_time(struct hf_writer *out, const char *name, int64_t wall_ns)
{
  char text[HF_TIME_TEXT_SIZE];
  hf_xml_put(out, name, hf_time_text(wall_ns, text));
}

/* ISODate, of UTC+8: the day of the bank's books. */
static void put_day(struct hf_writer *out, const char *name, int64_t wall_ns)
{
  char digits[HF_TIME_DIGITS_SIZE + 1], text[16];
  hf_time_digits(wall_ns, digits);
  snprintf(text, sizeof text, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
  hf_xml_put(out, name, text);
}

static void put_amount(struct hf_writer *out, const char *name, int64_t minor, enum hf_currency currency)
{
  hf_write_text(out, "<");
  hf_write_text(out, name);
  hf_write_text(out, " Ccy=\"");
  hf_write_text(out, hf_currency_code(currency));
  hf_write_text(out, "\">");
  hf_write_amount(out, minor);
  hf_xml_end(out, name);
}

/* ISO 13616: the first four characters behind the others, letters as 10 to 35, is 1 modulo 97. */
static bool is_iban(const struct hf_account_number *number)
{
  unsigned rest = 0;
  if (number->size < 15 || number->size > NUMBER_MAX) return false;
  for (size_t i = 0; i < number->size; i++) {
    uint8_t c = number->bytes[(i + 4) % number->size];
    bool letter = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
    if ((!letter && !digit) || ((i + 4) % number->size < 2 && !letter)) return false;
    rest = letter ? (rest * 100 + (unsigned)(c - 'A' + 10)) % 97 : (rest * 10 + (unsigned)(c - '0')) % 97;
  }
  return rest == 1;
}

/* A number of more than 34 characters stands in the supplementary data; the element must be there all the same. */
static bool is_long(const struct hf_account_number *number)
{
  return number->size > NUMBER_MAX;
}

static void put_number(struct hf_writer *out, const struct hf_account_number *number, const struct hf_iso20022_profile *profile)
{
  hf_xml_begin(out, "Id");
  if (profile->ibans && is_iban(number)) {
    hf_xml_put_bytes(out, "IBAN", number->bytes, number->size);
  } else {
    hf_xml_begin(out, "Othr");
    if (is_long(number))
      hf_xml_put(out, "Id", "SUPPLEMENTARY");
    else
      hf_xml_put_bytes(out, "Id", number->bytes, number->size);
    hf_xml_end(out, "Othr");
  }
  hf_xml_end(out, "Id");
}

/* --- parties --- */

static void put_institution(struct hf_writer *out, const struct hf_institution *row, const struct hf_iso20022_profile *profile)
{
  hf_xml_begin(out, "FinInstnId");
  if (profile->bic[0] != '\0') {
    hf_xml_put(out, "BICFI", profile->bic);
  } else if (row->bank_code[0] != '\0') {
    hf_write_text(out, "<ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId>");
    hf_xml_put(out, "MmbId", row->bank_code);
    hf_write_text(out, "</ClrSysMmbId>");
  } else {
    hf_xml_begin(out, "Othr");
    hf_xml_put(out, "Id", row->code);
    hf_xml_end(out, "Othr");
  }
  hf_xml_end(out, "FinInstnId");
}

static void put_centre(struct hf_writer *out, const struct hf_iso20022_profile *profile)
{
  hf_write_text(out, "<Id><OrgId><Othr>");
  hf_xml_put(out, "Id", profile->centre);
  hf_write_text(out, "</Othr></OrgId></Id>");
}

static void put_header(struct hf_writer *out, const struct hf_order *order, const struct hf_institution *row,
                       const struct hf_iso20022_profile *profile, const char *definition)
{
  hf_write_text(out, "<Hdr><AppHdr xmlns=\"" HF_ISO20022_SPACE "head.001.001.02\"><Fr><OrgId>");
  put_centre(out, profile);
  hf_write_text(out, "</OrgId></Fr><To><FIId>");
  put_institution(out, row, profile);
  hf_write_text(out, "</FIId></To>");
  put_id(out, "BizMsgIdr", order->id.uuid);
  hf_xml_put(out, "MsgDefIdr", definition);
  put_time(out, "CreDt", order->issued_wall_ns);
  hf_write_text(out, "</AppHdr></Hdr>");
}

/* What the standard's elements have no place for. */
static void put_supplement(struct hf_writer *out, const struct hf_order *order)
{
  hf_write_text(out, "<SplmtryData><Envlp><Order xmlns=\"" HF_ISO20022_OWN_SPACE "\">");
  put_id(out, "CaseId", order->case_id.uuid);
  if (is_long(&order->account)) hf_xml_put_bytes(out, "Account", order->account.bytes, order->account.size);
  hf_xml_put(out, "Officer", order->key_id);
  if (order->second_id[0] != '\0') hf_xml_put(out, "SecondOfficer", order->second_id);
  if (order->action == HF_ACTION_STOP) put_time(out, "Until", order->issued_wall_ns + 48 * 3600 * HF_NS_PER_S);
  if (order->page > 0) {
    hf_xml_begin(out, "Page");
    hf_write_int(out, order->page);
    hf_xml_end(out, "Page");
  }
  hf_write_text(out, "</Order></Envlp></SplmtryData>");
}

/* --- messages --- */

static void put_recall(struct hf_writer *out, const struct hf_order *order, const struct hf_institution *row,
                       const struct hf_iso20022_profile *profile)
{
  hf_write_text(out, "<Document xmlns=\"" HF_ISO20022_SPACE RECALL "\"><FIToFIPmtCxlReq><Assgnmt>");
  put_id(out, "Id", order->id.uuid);
  hf_write_text(out, "<Assgnr><Pty>");
  put_centre(out, profile);
  hf_write_text(out, "</Pty></Assgnr><Assgne><Agt>");
  put_institution(out, row, profile);
  hf_write_text(out, "</Agt></Assgne>");
  put_time(out, "CreDtTm", order->issued_wall_ns);
  hf_write_text(out, "</Assgnmt><Case>");
  put_id(out, "Id", order->case_id.uuid);
  hf_write_text(out, "<Cretr><Pty>");
  put_centre(out, profile);
  hf_write_text(out, "</Pty></Cretr></Case><Undrlyg><TxInf>");
  put_id(out, "CxlId", order->id.uuid);
  put_some(out, "OrgnlTxId", order->serial, strlen(order->serial), TEXT_MAX);
  put_amount(out, "OrgnlIntrBkSttlmAmt", order->amount, order->currency);
  put_day(out, "OrgnlIntrBkSttlmDt", order->transfer_wall_ns);
  hf_write_text(out, "<CxlRsnInf><Rsn><Cd>FRAD</Cd></Rsn>");
  put_some(out, "AddtlInf", order->text, strlen(order->text), REASON_MAX);
  hf_write_text(out, "</CxlRsnInf><OrgnlTxRef><Cdtr><Pty>");
  put_some(out, "Nm", order->name.bytes, order->name.size, 140);
  hf_write_text(out, "</Pty></Cdtr><CdtrAcct>");
  put_number(out, &order->account, profile);
  hf_write_text(out, "</CdtrAcct></OrgnlTxRef></TxInf></Undrlyg>");
  put_supplement(out, order);
  hf_write_text(out, "</FIToFIPmtCxlReq></Document>");
}

static void put_request(struct hf_writer *out, const struct hf_order *order, const struct hf_iso20022_profile *profile)
{
  hf_write_text(out, "<Document xmlns=\"" HF_ISO20022_SPACE REQUEST "\"><InfReqOpng>");
  put_id(out, "InvstgtnId", order->id.uuid);
  hf_xml_begin(out, "LglMndtBsis");
  if (order->case_number[0] != '\0')
    put_some(out, "Prgrph", order->case_number, strlen(order->case_number), TEXT_MAX);
  else
    put_id(out, "Prgrph", order->case_id.uuid);
  hf_xml_end(out, "LglMndtBsis");
  hf_write_text(out, "<CnfdtltySts>true</CnfdtltySts><InvstgtnPrd><DtTm>");
  put_time(out, "FrDtTm", order->transfer_wall_ns - 86400 * HF_NS_PER_S);
  put_time(out, "ToDtTm", order->issued_wall_ns);
  hf_write_text(out, "</DtTm></InvstgtnPrd><SchCrit><Acct><Id>");
  put_number(out, &order->account, profile);
  put_some(out, "Nm", order->name.bytes, order->name.size, 70);
  hf_write_text(out, "</Id><InvstgtdPties><Cd>ALLP</Cd></InvstgtdPties><AuthrtyReqTp><MsgNmId>" REPORT
                     "</MsgNmId></AuthrtyReqTp></Acct></SchCrit>");
  put_supplement(out, order);
  hf_write_text(out, "</InfReqOpng></Document>");
}

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *out)
{
  struct hf_iso20022_profile profile;
  struct hf_status status = hf_iso20022_profile_read(row->profile, &profile);
  if (!hf_is_ok(status)) return status;
  bool recalls = order->action == HF_ACTION_STOP;
  hf_write_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><BizMsgEnvlp xmlns=\"" HF_ISO20022_SPACE "nvlp.001.001.01\">");
  put_header(out, order, row, &profile, recalls ? RECALL : REQUEST);
  hf_xml_begin(out, "Doc");
  if (recalls)
    put_recall(out, order, row, &profile);
  else
    put_request(out, order, &profile);
  hf_xml_end(out, "Doc");
  hf_xml_end(out, "BizMsgEnvlp");
  return out->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

static struct hf_status to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  hf_write_pre_authentication(bytes, hf_iso20022.content_type, message->body);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

static struct hf_status check(const struct hf_institution *row)
{
  struct hf_iso20022_profile profile;
  return hf_iso20022_profile_read(row->profile, &profile);
}

const struct hf_dialect hf_iso20022 = {
    .name = "iso20022",
    .actions = 1u << HF_ACTION_STOP | 1u << HF_ACTION_QUERY,
    .content_type = "application/xml",
    .path = "/iso20022/v1",
    .check = check,
    .encode = encode,
    .to_sign = to_sign,
    .seal = hf_headers_seal,
    .decode = hf_iso20022_decode,
};
