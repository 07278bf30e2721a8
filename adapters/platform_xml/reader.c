/*
 * platform_xml, the reader: tolerant of what banks get wrong (domain.md 3.1), of nothing that could deceive.
 *
 * Tolerated: a wrong TxCode (matched by ApplicationID alone), missing times, amounts with and without decimals, RMB for CNY,
 *            names of elements in another case, elements that are not known.
 * Refused:   a document type or entity of its own, depth over 16, over 64 KiB, another order's ApplicationID.
 */
#include <string.h>
#include <strings.h>

#include "adapters/platform_xml/platform.h"
#include "adapters/xml/xml.h"

#define DEPTH_MAX 16

enum place { PLACE_BODY, PLACE_TRANSACTION, PLACE_MEASURE };

struct reading {
  enum place place;
  const char *fault; /* why it is malformed */
  const char *text;  /* of the element that ends */
  size_t size;
  char application_id[HF_PLATFORM_APPLICATION_ID_SIZE + 1];
  char code[8];
  bool signed_debit; /* of the row: its side was said */
  struct hf_answer_room *room;
  struct hf_answer *answer; /* NULL: only whose it is is asked */
};

static void fail(struct reading *reading, const char *why)
{
  if (reading->fault == NULL) reading->fault = why;
}

static void take_time(struct reading *reading, int64_t *to, const char *why)
{
  if (reading->size == 0) return; /* one in some banks does not say: the interval is ours (domain.md scenario 1) */
  *to = hf_time_of_digits(reading->text, strlen(reading->text));
  if (*to == INT64_MIN) fail(reading, why);
}

static void take_amount(struct reading *reading, int64_t *to, bool *there, const char *why)
{
  if (reading->size == 0) return;
  *to = hf_amount_parse(reading->text);
  if (*to == INT64_MIN) {
    fail(reading, why);
    return;
  }
  if (there != NULL) *there = true;
}

static bool copy_text(const struct reading *reading, char *to, size_t capacity)
{
  if (reading->size >= capacity || !hf_text_is_sound(reading->text, reading->size)) return false;
  memcpy(to, reading->text, reading->size + 1);
  return true;
}

static bool is(const char *name, const char *wanted)
{
  return strcasecmp(name, wanted) == 0;
}

/* --- rows: as far as they are sound; the core ignores a row with amount or time 0, and says so (chase.h) --- */

static void take_transaction(struct reading *reading, const char *name)
{
  struct hf_transaction *row = &reading->room->transactions[reading->answer->transactions_count - 1];
  const char *text = reading->text;
  if (is(name, "BorrowingSigns")) {
    row->credit = strcmp(text, "1") == 0;
    reading->signed_debit = row->credit || strcmp(text, "0") == 0;
  } else if (is(name, "TransactionAmount")) {
    row->amount = hf_amount_parse(text);
    if (row->amount == INT64_MIN) row->amount = 0;
  } else if (is(name, "AccountBalance")) {
    row->balance = hf_amount_parse(text);
    row->has_balance = row->balance != INT64_MIN;
  } else if (is(name, "TransactionTime")) {
    row->at_wall_ns = hf_time_of_digits(text, strlen(text));
    if (row->at_wall_ns == INT64_MIN) row->at_wall_ns = 0;
  } else if (is(name, "TransactionSerial")) {
    if (!copy_text(reading, row->serial, sizeof row->serial)) row->serial[0] = '\0';
  } else if (is(name, "OpponentName") || is(name, "PayeeName")) { /* payee: what a payment company says to a serial */
    if (!hf_is_ok(hf_name_set(&row->name, text, reading->size))) row->name.size = 0;
  } else if (is(name, "OpponentAccountNumber")) {
    if (reading->size > 0 && !hf_is_ok(hf_account_number_set(&row->account, text, reading->size))) row->account.size = 0;
  } else if (is(name, "OpponentDepositBankID")) {
    if (!copy_text(reading, row->institution, sizeof row->institution)) row->institution[0] = '\0';
  } else if (is(name, "PayeePaymentAccount") || is(name, "PayeeBankCardNumber")) {
    if (reading->size > 0 && hf_is_ok(hf_account_number_set(&row->account, text, reading->size))) reading->signed_debit = true;
  } else if (is(name, "PayeeCompanyID") || is(name, "PayeeBankID")) {
    if (reading->size > 0 && !copy_text(reading, row->institution, sizeof row->institution)) row->institution[0] = '\0';
  } else if (is(name, "CashMark")) {
    row->cash = strcmp(text, "01") == 0;
  } else if (is(name, "TransactionStatus")) {
    row->failed |= strcmp(text, "01") == 0;
  }
}

static void take_measure(struct reading *reading, const char *name)
{
  struct hf_listed_hold *hold = &reading->room->holds[reading->answer->holds_count - 1];
  if (is(name, "FreezeSerial")) {
    if (!hf_is_ok(hf_platform_order_of(reading->text, reading->size, &hold->order_id)))
      memset(&hold->order_id, 0, sizeof hold->order_id);
  } else if (is(name, "FreezeType")) {
    hold->freeze = strcmp(reading->text, "0001") != 0; /* 0001 a stop by the police; 0002 and 1001 freezes */
  } else if (is(name, "Amount")) {
    take_amount(reading, &hold->amount, NULL, "Measure.Amount: not an amount");
  } else if (is(name, "EndTime")) {
    take_time(reading, &hold->expires_wall_ns, "Measure.EndTime: not yyyyMMddHHmmss");
  } else if (is(name, "Dept")) {
    if (!copy_text(reading, hold->authority, sizeof hold->authority))
      fail(reading, "Measure.Dept: over 64 bytes or not plain text");
  }
}

/* --- the body --- */

static void take_result(struct reading *reading)
{
  struct hf_answer *answer = reading->answer;
  if (reading->size != 4 || strspn(reading->text, "0123456789") != 4) {
    fail(reading, "Result: not four digits");
    return;
  }
  memcpy(answer->result, reading->text, 5);
  answer->has_receipt = answer->has_feedback = true;
}

static void take_former(struct reading *reading, const char *name)
{
  struct hf_answer *answer = reading->answer;
  if (is(name, "FormerApplicationDepartment")) {
    if (!copy_text(reading, answer->former_authority, sizeof answer->former_authority))
      fail(reading, "FormerApplicationDepartment: over 64 bytes or not plain text");
    answer->queued = reading->size > 0;
  } else if (is(name, "FormerFrozenExpireTime")) {
    take_time(reading, &answer->former_expires_wall_ns, "FormerFrozenExpireTime: not yyyyMMddHHmmss");
  }
}

static void take_body(struct reading *reading, const char *name)
{
  struct hf_answer *answer = reading->answer;
  if (is(name, "ApplicationID")) {
    if (reading->size > HF_PLATFORM_APPLICATION_ID_SIZE)
      fail(reading, "ApplicationID: over 36 characters");
    else if (reading->size > 0)
      memcpy(reading->application_id, reading->text, reading->size + 1);
  } else if (answer == NULL) {
    return;
  } else if (is(name, "Code")) {
    if (reading->size != 6)
      fail(reading, "Code: not six digits");
    else
      memcpy(reading->code, reading->text, 7);
  } else if (is(name, "Result")) {
    take_result(reading);
  } else if (is(name, "StartTime") || is(name, "WithdrawalTime")) {
    take_time(reading, &answer->executed_wall_ns, "StartTime: not yyyyMMddHHmmss");
  } else if (is(name, "ExpireTime")) {
    take_time(reading, &answer->expires_wall_ns, "ExpireTime: not yyyyMMddHHmmss");
  } else if (is(name, "AccountBalance")) {
    take_amount(reading, &answer->balance, &answer->has_balance, "AccountBalance: not an amount");
  } else if (is(name, "FrozedBalance")) {
    take_amount(reading, &answer->held, NULL, "FrozedBalance: not an amount");
  } else if (is(name, "AccountName")) {
    if (!hf_is_ok(hf_name_set(&answer->holder, reading->text, reading->size)))
      fail(reading, "AccountName: over 120 bytes or not UTF-8");
  } else {
    take_former(reading, name);
  }
}

/* --- elements --- */

static void begin_row(struct reading *reading, const char *name)
{
  if (reading->answer == NULL) return;
  if (is(name, "Transaction")) {
    if (reading->answer->transactions_count == HF_ANSWER_ROWS_MAX) {
      fail(reading, "Transactions: more than 500");
      return;
    }
    reading->answer->transactions = reading->room->transactions;
    memset(&reading->room->transactions[reading->answer->transactions_count++], 0, sizeof(struct hf_transaction));
    reading->signed_debit = false;
    reading->place = PLACE_TRANSACTION;
  } else if (is(name, "Measure")) {
    if (reading->answer->holds_count == HF_ANSWER_HOLDS_MAX) {
      fail(reading, "Measures: more than 64");
      return;
    }
    reading->answer->holds = reading->room->holds;
    memset(&reading->room->holds[reading->answer->holds_count++], 0, sizeof(struct hf_listed_hold));
    reading->place = PLACE_MEASURE;
  }
}

static const char *begun(void *owner, const struct hf_xml_place *place)
{
  struct reading *reading = owner;
  begin_row(reading, hf_xml_name(place));
  return reading->fault;
}

static const char *ended(void *owner, const struct hf_xml_place *place)
{
  struct reading *reading = owner;
  const char *name = hf_xml_name(place);
  reading->text = place->text;
  reading->size = place->size;
  if (reading->place == PLACE_TRANSACTION && is(name, "Transaction")) {
    if (!reading->signed_debit) reading->room->transactions[reading->answer->transactions_count - 1].failed = true;
    reading->place = PLACE_BODY;
  } else if (reading->place == PLACE_MEASURE && is(name, "Measure")) {
    reading->place = PLACE_BODY;
  } else if (reading->place == PLACE_TRANSACTION) {
    take_transaction(reading, name);
  } else if (reading->place == PLACE_MEASURE) {
    take_measure(reading, name);
  } else {
    take_body(reading, name);
  }
  return reading->fault;
}

static struct hf_status read_xml(struct reading *reading, struct hf_span bytes)
{
  const struct hf_xml_visitor visitor = {.owner = reading, .begun = begun, .ended = ended};
  struct hf_status status = hf_xml_read(bytes, DEPTH_MAX, &visitor);
  if (hf_is_ok(status) && reading->application_id[0] == '\0') status = hf_fail(HF_STATUS_MALFORMED, "ApplicationID is missing");
  return status;
}

struct hf_status hf_platform_order_of(const char *application_id, size_t size, struct hf_order_id *id)
{
  if (size != HF_PLATFORM_APPLICATION_ID_SIZE) return hf_fail(HF_STATUS_MALFORMED, "ApplicationID: not 36 characters");
  bool ours = hf_is_ok(hf_uuid_of_hex(application_id + 4, 32, &id->uuid));
  return ours ? hf_ok() : hf_fail(HF_STATUS_MALFORMED, "ApplicationID: none of ours");
}

struct hf_status hf_platform_identify(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id)
{
  (void)row;
  struct reading reading = {.answer = NULL};
  struct hf_status status = read_xml(&reading, bytes);
  return hf_is_ok(status) ? hf_platform_order_of(reading.application_id, strlen(reading.application_id), id) : status;
}

struct hf_status hf_platform_decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                                    struct hf_answer_room *room, struct hf_answer *answer)
{
  (void)row;
  struct reading reading = {.answer = answer, .room = room};
  struct hf_order_id id;
  memset(answer, 0, sizeof *answer);
  struct hf_status status = read_xml(&reading, bytes);
  if (hf_is_ok(status)) status = hf_platform_order_of(reading.application_id, strlen(reading.application_id), &id);
  if (!hf_is_ok(status)) return status;
  if (!hf_uuid_equal(id.uuid, order->id.uuid)) return hf_fail(HF_STATUS_REFUSED, "ApplicationID: another order's");
  answer->order_id = order->id;
  if (answer->has_feedback) {
    if (order->action == HF_ACTION_STOP || order->action == HF_ACTION_EXTEND) answer->held = answer->balance;
    return hf_ok();
  }
  if (reading.code[0] == '\0') return hf_fail(HF_STATUS_MALFORMED, "neither Code nor Result: no answer");
  if (strcmp(reading.code, "100000") != 0) return hf_fail(HF_STATUS_REFUSED, "Code: the platform did not take it");
  answer->has_receipt = true;
  return hf_ok();
}
