#include "adapters/banksim/bank.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"

static const char *const fault_names[] = {"none", "silence", "slow", "garbage", "reset", "refuse", "busy", "other_order"};

enum fault fault_named(const char *name)
{
  for (int i = 0; i < (int)(sizeof fault_names / sizeof fault_names[0]); i++)
    if (strcmp(fault_names[i], name) == 0) return (enum fault)i;
  return FAULT_NONE;
}

static bool ends_with(const char *number, const char *ending)
{
  size_t size = strlen(number), tail = strlen(ending);
  return size >= tail && strcmp(number + size - tail, ending) == 0;
}

/* An account's balance follows from its number: between nothing and twice what was sent there. */
static int64_t balance_of(const char *number, int64_t amount)
{
  uint64_t spread = hf_checksum(HF_CHECKSUM_SEED, number, strlen(number)) % 100;
  if (ends_with(number, "0007")) return amount / 3;
  return amount + amount / 100 * (int64_t)spread;
}

static void judge(struct bank *bank, const char *number, const char *action, int64_t amount, struct ledger_entry *entry)
{
  bool stop = strcmp(action, "stop") == 0;
  entry->balance = balance_of(number, amount);
  entry->held = 0;
  const char *result = "0000";
  if (ends_with(number, "0002"))
    result = "0301";
  else if (stop && (ends_with(number, "0006") || ledger_holds(bank->ledger, number)))
    result = "1301";
  else if (stop && entry->balance < amount)
    result = "1200";
  memcpy(entry->result, result, 5);
  if (stop && (strcmp(result, "0000") == 0 || strcmp(result, "1200") == 0)) entry->held = entry->balance;
}

static void write_transactions(struct hf_writer *out, const char *number, int64_t amount, int64_t at_us)
{
  char when[HF_TIME_TEXT_SIZE];
  uint64_t spread = hf_checksum(HF_CHECKSUM_SEED, number, strlen(number));
  hf_write_text(out, ",\"transactions\":[");
  for (int i = 0; i < 3; i++) {
    hf_write_text(out, i == 0 ? "{\"serial\":\"" : ",{\"serial\":\"");
    hf_write_int(out, (int64_t)(spread % 1000000000) + i);
    hf_write_text(out, i == 0 ? "\",\"side\":\"credit\",\"amount\":\"" : "\",\"side\":\"debit\",\"amount\":\"");
    hf_write_amount(out, i == 0 ? amount : amount / 4);
    hf_write_text(out, "\",\"at\":\"");
    hf_write_text(out, hf_time_text((at_us - 600000000LL * (3 - i)) * 1000, when));
    hf_write_text(out, "\"}");
  }
  hf_write_text(out, "]");
}

static void write_answer(const struct bank *bank, const struct ledger_entry *entry, const char *action, const char *number,
                         int64_t amount, bool feedback, struct verdict *verdict)
{
  char when[HF_TIME_TEXT_SIZE];
  struct hf_writer out = hf_writer_of(verdict->body, sizeof verdict->body - 1);
  hf_write_text(&out, "{\"order_id\":\"");
  hf_write_text(&out, bank->fault == FAULT_OTHER_ORDER ? "00000000-0000-8000-8000-000000000000" : entry->order_id);
  hf_write_text(&out, "\",\"institution\":\"");
  hf_write_text(&out, bank->code);
  hf_write_text(&out, "\",\"reference\":\"");
  hf_write_text(&out, bank->code);
  hf_write_text(&out, "-");
  hf_write_int(&out, (int64_t)(hf_checksum(HF_CHECKSUM_SEED, entry->order_id, strlen(entry->order_id)) % 100000000));
  hf_write_text(&out, "\"");
  if (feedback) {
    hf_write_text(&out, ",\"feedback\":{\"result\":\"");
    hf_write_text(&out, entry->result);
    hf_write_text(&out, "\",\"executed_at\":\"");
    hf_write_text(&out, hf_time_text(entry->executed_us * 1000, when));
    hf_write_text(&out, "\",\"balance\":\"");
    hf_write_amount(&out, entry->balance);
    hf_write_text(&out, "\",\"held\":\"");
    hf_write_amount(&out, entry->held);
    hf_write_text(&out, "\"");
    if (strcmp(action, "query") == 0) write_transactions(&out, number, amount, entry->executed_us);
    hf_write_text(&out, "}");
  }
  hf_write_text(&out, "}");
  verdict->body[out.size] = '\0';
}

static void refuse(struct verdict *verdict, const char *why)
{
  verdict->status = 400;
  snprintf(verdict->body, sizeof verdict->body, "{\"error\":\"%s\"}", why);
}

static void decide_order(struct bank *bank, const json_t *order, struct verdict *verdict)
{
  const json_t *account = json_object_get(order, "account"), *transfer = json_object_get(order, "transfer");
  const char *id = json_string_value(json_object_get(order, "order_id")),
             *case_id = json_string_value(json_object_get(order, "case_id"));
  const char *action = json_string_value(json_object_get(order, "action")),
             *number = json_string_value(json_object_get(account, "number"));
  const char *amount_text = json_string_value(json_object_get(transfer, "amount"));
  const char *institution = json_string_value(json_object_get(order, "institution"));
  if (id == NULL || case_id == NULL || action == NULL || number == NULL || amount_text == NULL || institution == NULL ||
      strlen(id) != 36) {
    refuse(verdict, "a field is missing");
    return;
  }
  int64_t amount = hf_amount_parse(amount_text);
  if (strcmp(institution, bank->code) != 0 || amount <= 0) {
    refuse(verdict, amount <= 0 ? "transfer.amount: not a positive amount" : "institution: not this one");
    return;
  }
  int64_t now_us = hf_time_now().wall_ns / 1000;
  const struct ledger_entry *known = ledger_find(bank->ledger, id);
  if (known != NULL) {
    ledger_repeat(bank->ledger, known);
  } else {
    struct ledger_entry entry = {.executed_us = now_us};
    memcpy(entry.order_id, id, 37);
    if (ends_with(number, "0008")) entry.ready_us = now_us + 2000000;
    judge(bank, number, action, amount, &entry);
    known = ledger_add(bank->ledger, &entry, case_id, action, number);
  }
  verdict->silent = ends_with(number, "0004");
  if (ends_with(number, "0003")) verdict->delay_ms = 8000;
  write_answer(bank, known, action, number, amount, now_us >= known->ready_us, verdict);
}

void bank_decide(struct bank *bank, const char *body, size_t size, struct verdict *verdict)
{
  json_error_t error;
  verdict->status = 200;
  verdict->delay_ms = 0;
  verdict->silent = false;
  json_t *order = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
  if (order == NULL)
    refuse(verdict, "the body is not JSON");
  else
    decide_order(bank, order, verdict);
  json_decref(order);
  if (bank->fault == FAULT_SILENCE) verdict->silent = true;
  if (bank->fault == FAULT_SLOW) verdict->delay_ms = bank->fault_ms;
  if (bank->fault == FAULT_GARBAGE) strcpy(verdict->body, "\x01\xff<html>not what you expected");
  if (bank->fault == FAULT_REFUSE) verdict->status = 403;
  if (bank->fault == FAULT_BUSY) verdict->status = 503;
}
