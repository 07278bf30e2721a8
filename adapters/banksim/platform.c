/* platform_xml as a bank reads and writes it, from the published field lists; nothing of the dialect's code is used. */
#include <expat.h>
#include <iconv.h>
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

/* --- reading: every element's text by its name; a request's are all different --- */

struct fields {
  json_t *of;
  char text[2048];
  size_t size;
};

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
  struct fields *fields = user;
  (void)name, (void)attributes;
  fields->size = 0;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
  struct fields *fields = user;
  if (json_object_get(fields->of, name) == NULL)
    json_object_set_new(fields->of, name, json_stringn(fields->text, fields->size));
  fields->size = 0;
}

static void XMLCALL on_text(void *user, const XML_Char *bytes, int size)
{
  struct fields *fields = user;
  if (fields->size + (size_t)size > sizeof fields->text) return;
  memcpy(fields->text + fields->size, bytes, (size_t)size);
  fields->size += (size_t)size;
}

/* ApplicationID → the order's UUID. */
static void write_id(const char *application_id, char text[40])
{
  const char *hex = strlen(application_id) == 36 ? application_id + 4 : "00000000000000000000000000000000";
  snprintf(text, 40, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* yyyyMMddHHmmss of UTC+8 → RFC 3339 */
static void set_time(json_t *order, const char *key, const char *digits)
{
  char text[40];
  if (strlen(digits) != 14) return;
  snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s+08:00", digits, digits + 4, digits + 6, digits + 8, digits + 10,
           digits + 12);
  json_object_set_new(order, key, json_string(text));
}

static const char *action_of(const json_t *fields)
{
  static const struct {
    const char *code, *action;
  } known[] = {{"0101", "stop"},     {"0103", "lift"},      {"0105", "extend"},   {"0201", "freeze"},
               {"0203", "unfreeze"}, {"0205", "renew"},     {"0301", "query"},    {"0303", "holder"},
               {"0305", "monitor"},  {"0307", "unmonitor"}, {"0309", "accounts"}, {"0311", "serial"}};
  const char *code = order_text(fields, "TxCode");
  bool holds = strcmp(order_text(fields, "InquiryMode"), "02") == 0;
  for (size_t i = 0; strlen(code) == 6 && i < sizeof known / sizeof known[0]; i++)
    if (strcmp(code + 2, known[i].code) == 0)
      return strcmp(known[i].action, "accounts") == 0 && holds ? "holds" : known[i].action;
  return "";
}

static json_t *order_of(const json_t *fields, const char *institution)
{
  char id[40], parent[40];
  bool limited = strcmp(order_text(fields, "FreezeType"), "01") == 0;
  write_id(order_text(fields, "ApplicationID"), id);
  bool serial = strcmp(action_of(fields), "serial") == 0;
  const char *number = order_text(fields, serial                                    ? "TransactionSerial"
                                          : json_object_get(fields, "Data") != NULL ? "Data"
                                                                                    : "AccountNumber");
  json_t *order = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "order_id", id, "case_id", "-", "action",
                            action_of(fields), "institution", institution, "account", "number", number, "name",
                            order_text(fields, "AccountName"), "transfer", "amount", order_text(fields, "TransferAmount"));
  if (order_text(fields, "OriginalApplicationID")[0] != '\0') {
    write_id(order_text(fields, "OriginalApplicationID"), parent);
    json_object_set_new(order, "parent", json_string(parent));
  }
  if (strcmp(action_of(fields), "freeze") == 0) json_object_set_new(order, "mode", json_string(limited ? "limited" : "full"));
  if (limited) json_object_set_new(order, "amount", json_string(order_text(fields, "Balance")));
  set_time(order, "until",
           order_text(fields, strcmp(action_of(fields), "monitor") == 0 ? "InterceptionEndTime" : "ExpireTime"));
  json_object_set_new(order, "application_id", json_string(order_text(fields, "ApplicationID")));
  json_object_set_new(order, "serial", json_string(order_text(fields, "TransSerialNumber")));
  return order;
}

/* Where the signature stands, behind the root element; document: how many bytes it is over. */
static void find_seal(const char *xml, size_t size, size_t *document, char *signature, size_t capacity)
{
  static const char mark[] = "<?holdfast-signature ", value[] = "value=\"";
  const char *seal = memmem(xml, size, mark, strlen(mark));
  *document = seal == NULL ? size : (size_t)(seal - xml);
  signature[0] = '\0';
  const char *from = seal == NULL ? NULL : memmem(seal, size - *document, value, strlen(value));
  if (from == NULL) return;
  from += strlen(value);
  const char *end = memchr(from, '"', size - (size_t)(from - xml));
  if (end != NULL && (size_t)(end - from) < capacity) snprintf(signature, capacity, "%.*s", (int)(end - from), from);
}

static struct frame receipt(const struct bank *bank, const json_t *order, bool taken);

/* Vendors' systems: GBK inside. Returns text to be freed, in the other charset, its declaration as it was. */
static struct frame recoded(const char *to, const char *from, const uint8_t *bytes, size_t size)
{
  iconv_t with = iconv_open(to, from);
  struct frame out = {malloc(2 * size + 16), 0};
  char *in = (char *)(uintptr_t)bytes, *at = (char *)out.bytes;
  size_t left = size, room = 2 * size + 16;
  if (out.bytes == NULL || with == (iconv_t)-1) abort();
  iconv(with, &in, &left, &at, &room);
  iconv_close(with);
  out.size = 2 * size + 16 - room;
  return out;
}

static bool is_gbk(const uint8_t *message, size_t size)
{
  return memmem(message, size < 64 ? size : 64, "\"GBK\"", 5) != NULL;
}

/* As the order came. */
static struct frame in_its_charset(const json_t *order, char *text, size_t size)
{
  static const char utf8[] = "encoding=\"UTF-8\"";
  char *said = strstr(text, utf8);
  if (!json_is_true(json_object_get(order, "gbk")) || said == NULL) return (struct frame){(uint8_t *)text, size};
  memcpy(said, "encoding=\"GBK\"  ", sizeof utf8 - 1);
  struct frame out = recoded("GBK", "UTF-8", (const uint8_t *)text, size);
  free(text);
  return out;
}

static json_t *read_order(const struct bank *bank, const uint8_t *message, size_t size, struct frame *reply)
{
  struct fields fields = {.of = json_object()};
  char signature[1024];
  size_t document;
  find_seal((const char *)message, size, &document, signature, sizeof signature);
  bool gbk = is_gbk(message, size);
  struct frame utf8 = gbk ? recoded("UTF-8", "GBK", message, size) : (struct frame){NULL, 0};
  XML_Parser parser = XML_ParserCreate("UTF-8");
  XML_SetUserData(parser, &fields);
  XML_SetElementHandler(parser, on_start, on_end);
  XML_SetCharacterDataHandler(parser, on_text);
  bool sound = XML_Parse(parser, (const char *)(gbk ? utf8.bytes : message), (int)(gbk ? utf8.size : size), 1) == XML_STATUS_OK;
  XML_ParserFree(parser);
  free(utf8.bytes);
  json_t *order = sound ? order_of(fields.of, bank->code) : NULL;
  if (gbk && order != NULL) json_object_set_new(order, "gbk", json_true());
  json_decref(fields.of);
  const char *text = signature[0] == '\0' ? NULL : signature;
  if (order != NULL && signature_is_right_for("application/xml", text, message, document)) return order;
  *reply = receipt(bank, order, false);
  json_decref(order);
  return NULL;
}

/* --- writing --- */

static void put(FILE *out, const char *name, const char *text)
{
  fprintf(out, "<%s>", name);
  for (; *text != '\0'; text++) {
    if (*text == '&')
      fputs("&amp;", out);
    else if (*text == '<')
      fputs("&lt;", out);
    else
      fputc(*text, out);
  }
  fprintf(out, "</%s>", name);
}

static void put_time(FILE *out, const char *name, const json_t *of, const char *key)
{
  char text[48];
  int64_t ns = hf_time_parse(order_text(of, key));
  if (ns == INT64_MIN) return;
  time_t seconds = (time_t)(ns / HF_NS_PER_S) + 8 * 3600;
  struct tm local;
  gmtime_r(&seconds, &local);
  strftime(text, sizeof text, "%Y%m%d%H%M%S", &local);
  put(out, name, text);
}

static struct frame receipt(const struct bank *bank, const json_t *order, bool taken)
{
  char *text = NULL;
  size_t size;
  (void)bank;
  FILE *out = open_memstream(&text, &size);
  fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Head><TxCode>100000</TxCode></Head><Body>", out);
  put(out, "Code", taken ? "100000" : "200001");
  put(out, "Description", taken ? "" : "not taken");
  put(out, "TransSerialNumber", order_text(order, "serial"));
  put(out, "ApplicationID", order_text(order, "application_id"));
  fputs("</Body></Response>", out);
  fclose(out);
  return in_its_charset(order, text, size);
}

/* To a serial: who was paid. */
static void put_payee(FILE *out, const json_t *row)
{
  const json_t *other = json_object_get(row, "other");
  fputs("<Transaction>", out);
  put(out, "TransactionSerial", order_text(row, "serial"));
  put(out, "TransactionAmount", order_text(row, "amount"));
  put_time(out, "TransactionTime", row, "at");
  put(out, "PayeeCompanyID", order_text(other, "institution"));
  put(out, "PayeePaymentAccount", order_text(other, "number"));
  put(out, "PayeeName", order_text(other, "name"));
  fputs("</Transaction>", out);
}

static void put_transactions(FILE *out, const json_t *rows, bool by_serial)
{
  fputs("<Accounts><Account><Transactions>", out);
  for (size_t i = 0; i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i), *other = json_object_get(row, "other");
    if (by_serial) {
      put_payee(out, row);
      continue;
    }
    fputs("<Transaction>", out);
    put(out, "BorrowingSigns", strcmp(order_text(row, "side"), "credit") == 0 ? "1" : "0");
    put(out, "TransactionAmount", order_text(row, "amount"));
    if (json_object_get(row, "balance") != NULL) put(out, "AccountBalance", order_text(row, "balance"));
    put_time(out, "TransactionTime", row, "at");
    put(out, "TransactionSerial", order_text(row, "serial"));
    put(out, "OpponentName", order_text(other, "name"));
    put(out, "OpponentAccountNumber", order_text(other, "number"));
    put(out, "OpponentDepositBankID", order_text(other, "institution"));
    put(out, "CashMark", json_is_true(json_object_get(row, "cash")) ? "01" : "00");
    put(out, "TransactionStatus", "00");
    fputs("</Transaction>", out);
  }
  fputs("</Transactions></Account></Accounts>", out);
}

static void put_measures(FILE *out, const json_t *holds)
{
  fputs("<Measures>", out);
  for (size_t i = 0; i < json_array_size(holds); i++) {
    const json_t *hold = json_array_get(holds, i);
    const char *id = order_text(hold, "order_id");
    bool freeze = strcmp(order_text(hold, "kind"), "freeze") == 0;
    char serial[40] = "";
    if (strlen(id) == 36)
      snprintf(serial, sizeof serial, "%s%.8s%.4s%.4s%.4s%.12s", freeze ? "0201" : "0101", id, id + 9, id + 14, id + 19,
               id + 24);
    fputs("<Measure>", out);
    put(out, "FreezeSerial", serial);
    put(out, "FreezeType", freeze ? "0002" : "0001");
    put(out, "Amount", order_text(hold, "amount"));
    put_time(out, "EndTime", hold, "expires_at");
    put(out, "Dept", order_text(hold, "authority"));
    fputs("</Measure>", out);
  }
  fputs("</Measures>", out);
}

static struct frame feedback_of(const struct bank *bank, const json_t *order, const char *answer)
{
  (void)bank;
  json_error_t error;
  json_t *said = json_loads(answer, 0, &error);
  const json_t *feedback = json_object_get(said, "feedback"), *former = json_object_get(feedback, "former");
  char *text = NULL;
  size_t size;
  if (feedback == NULL) {
    json_decref(said);
    return (struct frame){NULL, 0};
  }
  const char *id = order_text(said, "order_id"), *asked = order_text(order, "application_id");
  FILE *out = open_memstream(&text, &size);
  fputs(
      "<?xml version=\"1.0\" "
      "encoding=\"UTF-8\"?><Request><Head><Mode>01</Mode><To>111111000000</To><TxCode>100102</TxCode></Head><Body>",
      out);
  fprintf(out, "<ApplicationID>%.4s%.8s%.4s%.4s%.4s%.12s</ApplicationID>", asked, id, id + 9, id + 14, id + 19, id + 24);
  put(out, "Result", order_text(feedback, "result"));
  put(out, "Currency", "RMB");
  put(out, "AccountBalance", order_text(feedback, "balance"));
  put(out, "FrozedBalance", order_text(feedback, "held"));
  put_time(out, "StartTime", feedback, "executed_at");
  put_time(out, "ExpireTime", feedback, "expires_at");
  if (json_object_get(feedback, "holder") != NULL) put(out, "AccountName", order_text(feedback, "holder"));
  if (former != NULL) {
    put(out, "FormerApplicationDepartment", order_text(former, "authority"));
    put_time(out, "FormerFrozenExpireTime", former, "expires_at");
  }
  if (json_object_get(feedback, "transactions") != NULL)
    put_transactions(out, json_object_get(feedback, "transactions"), strncmp(asked, "0311", 4) == 0);
  if (json_object_get(feedback, "holds") != NULL) put_measures(out, json_object_get(feedback, "holds"));
  fputs("</Body></Request>", out);
  fclose(out);
  json_decref(said);
  return in_its_charset(order, text, size);
}

#define SPEECH(it_is_called)                                                                                     \
  {                                                                                                              \
    .name = it_is_called, .head = 4, .swallows = true, .receipts = true, .read = read_order, .receipt = receipt, \
    .feedback = feedback_of                                                                                      \
  }

/* Banks and payment companies read the same envelope; a payment company's fields are told apart by their names. */
const struct speech speech_platform = SPEECH("platform_xml"), speech_platform_wallet = SPEECH("platform_xml_wallet");
