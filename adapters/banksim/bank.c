#include "adapters/banksim/bank.h"
#include "adapters/banksim/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"

#define STOP_US (48LL * 3600 * 1000000)
#define PAGE_ROWS 400
#define ACCOUNTS_MAX (1u << 21)

static const char *const fault_names[] = {"none", "silence",     "slow",     "garbage",       "reset", "refuse",
                                          "busy", "other_order", "unsigned", "bad_signature", "old",   "other_nonce"};

enum fault fault_named(const char *name)
{
  for (int i = 0; i < (int)(sizeof fault_names / sizeof fault_names[0]); i++)
    if (strcmp(fault_names[i], name) == 0) return (enum fault)i;
  return FAULT_NONE;
}

bool bank_is_broken(const struct bank *bank, const char *mode, const char *case_number)
{
  if (strcmp(bank->broken, mode) != 0) return false;
  return case_number == NULL || strcmp(bank->broken_case, case_number) == 0;
}

/* An order as it was read. */
struct asked {
  const char *id, *case_id, *case_number, *action, *number, *name, *parent, *mode, *until, *institution;
  int64_t transfer, amount;
  long page;
};

static bool ends_with(const char *number, const char *ending)
{
  size_t size = strlen(number), tail = strlen(ending);
  return size >= tail && strcmp(number + size - tail, ending) == 0;
}

static int64_t amount_of(const json_t *object, const char *key)
{
  const char *text = order_text(object, key);
  int64_t amount = text[0] == '\0' ? 0 : hf_amount_parse(text);
  return amount == INT64_MIN ? 0 : amount;
}

static int64_t now_us(const struct bank *bank)
{
  return hf_time_now().wall_ns / 1000 + bank->ahead_us;
}

static const json_t *scripted(const struct bank *bank, const char *number)
{
  return json_object_get(bank->script, number);
}

/* --- accounts --- */

static struct bank_account *account_of(const struct bank *bank, const char *token)
{
  struct hf_uuid key;
  if (!hf_is_ok(hf_uuid_parse(token, strlen(token), &key))) return NULL;
  uint32_t index = hf_map_get(&bank->account_of, key);
  return index == 0 ? NULL : &bank->accounts[index];
}

static struct bank_account *open_account(struct bank *bank, const char *token)
{
  struct bank_account *account = account_of(bank, token);
  struct hf_uuid key;
  if (account != NULL) return account;
  if (bank->accounts_count + 1 >= bank->accounts_capacity) {
    bank->accounts_capacity = bank->accounts_capacity == 0 ? 256 : bank->accounts_capacity * 2;
    bank->accounts = realloc(bank->accounts, bank->accounts_capacity * sizeof *bank->accounts);
  }
  HF_ASSERT(bank->accounts != NULL);
  account = &bank->accounts[++bank->accounts_count];
  memset(account, 0, sizeof *account);
  snprintf(account->token, sizeof account->token, "%s", token);
  HF_ASSERT(hf_is_ok(hf_uuid_parse(token, strlen(token), &key)));
  hf_map_put(&bank->account_of, key, bank->accounts_count);
  return account;
}

/* What a decided order left behind; also how a restarted institution knows again. */
static void apply(struct bank_account *account, const struct ledger_entry *entry)
{
  bool done = strcmp(entry->result, "0000") == 0 || strcmp(entry->result, "1200") == 0;
  const char *action = entry->action;
  if (!done && !(strcmp(action, "freeze") == 0 && entry->until_us != 0)) return;
  if (strcmp(action, "stop") == 0 || strcmp(action, "extend") == 0) {
    account->stops++;
    account->stop_until_us = entry->until_us;
    if (strcmp(action, "stop") == 0) strcpy(account->stop_order, entry->order_id);
    account->held = entry->held;
  } else if (strcmp(action, "lift") == 0) {
    account->stop_until_us = 0;
  } else if (strcmp(action, "freeze") == 0 || strcmp(action, "renew") == 0) {
    account->freeze_until_us = entry->until_us;
    account->freeze_waits = !done;
    if (strcmp(action, "freeze") == 0) strcpy(account->freeze_order, entry->order_id);
    account->held = entry->held;
  } else if (strcmp(action, "unfreeze") == 0) {
    account->freeze_until_us = 0;
  } else if (strcmp(action, "return") == 0) {
    account->held -= entry->held;
  } else if (strcmp(action, "monitor") == 0) {
    account->monitor_until_us = entry->until_us;
    strcpy(account->monitor_order, entry->order_id);
  } else if (strcmp(action, "unmonitor") == 0) {
    account->monitor_until_us = 0;
  }
}

static bool is_in(const char *action, const char *const *list)
{
  for (; *list != NULL; list++)
    if (strcmp(action, *list) == 0) return true;
  return false;
}

static bool matters(const char *action)
{
  static const char *const acts[] = {"stop",     "extend", "lift",    "freeze",    "renew",
                                     "unfreeze", "return", "monitor", "unmonitor", NULL};
  return is_in(action, acts);
}

static bool is_known(const char *action)
{
  static const char *const asks[] = {"query", "holder", "accounts", "holds", "serial", "paper", "suspect", "block", NULL};
  return matters(action) || is_in(action, asks);
}

static void replay(void *owner, const struct ledger_entry *entry)
{
  if (matters(entry->action)) apply(open_account(owner, entry->account), entry);
}

void bank_restore(struct bank *bank)
{
  void *memory = calloc(1, hf_map_memory_size(ACCOUNTS_MAX));
  HF_ASSERT(memory != NULL);
  hf_map_init(&bank->account_of, memory, ACCOUNTS_MAX);
  ledger_visit(bank->ledger, replay, bank);
}

/* An account's balance: the script's, or from its number: between what was sent there and twice that. */
static int64_t balance_of(const struct bank *bank, const struct asked *asked)
{
  const json_t *account = scripted(bank, asked->number);
  if (json_object_get(account, "balance") != NULL) return amount_of(account, "balance");
  uint64_t spread = hf_checksum(HF_CHECKSUM_SEED, asked->number, strlen(asked->number)) % 100;
  if (ends_with(asked->number, "0007")) return asked->transfer / 3;
  return asked->transfer + asked->transfer / 100 * (int64_t)spread;
}

/* --- the rules --- */

static int64_t until_of(const struct asked *asked)
{
  int64_t ns = asked->until[0] == '\0' ? INT64_MIN : hf_time_parse(asked->until);
  return ns == INT64_MIN ? 0 : ns / 1000;
}

static const char *judge_stop(struct bank_account *account, const struct asked *asked, int64_t now, struct ledger_entry *entry)
{
  bool in_force = account->stop_until_us > now;
  if (strcmp(asked->action, "lift") == 0) return in_force ? "0000" : "1900";
  if (strcmp(asked->action, "extend") == 0) {
    if (!in_force) return "1800";
    if (account->stops >= 2) return "1304";
    entry->until_us = account->stop_until_us + STOP_US;
    entry->held = account->held;
    return "0000";
  }
  if (ends_with(asked->number, "0006") || in_force) return "1301";
  if (account->stops >= 2) return "1304";
  entry->until_us = now + STOP_US;
  entry->held = entry->balance;
  return entry->balance < asked->transfer ? "1200" : "0000";
}

static const char *judge_freeze(struct bank_account *account, const struct asked *asked, int64_t now,
                                struct ledger_entry *entry)
{
  bool in_force = account->freeze_until_us > now;
  if (strcmp(asked->action, "unfreeze") == 0) return in_force ? "0000" : "1900";
  if (strcmp(asked->action, "renew") == 0 && !in_force) return "1900";
  if (strcmp(asked->action, "freeze") == 0 && in_force) return "1303";
  if (until_of(asked) <= now) return "0801";
  entry->until_us = until_of(asked);
  bool limited = strcmp(asked->mode, "limited") == 0;
  entry->held = limited && asked->amount < entry->balance ? asked->amount : entry->balance;
  if (strcmp(asked->action, "freeze") == 0 && ends_with(asked->number, "0009")) return "1303"; /* it waits behind the court's */
  return limited && entry->balance < asked->amount ? "1200" : "0000";
}

static const char *judge(const struct bank *bank, struct bank_account *account, const struct asked *asked, int64_t now,
                         struct ledger_entry *entry)
{
  const char *action = asked->action, *scripted_name = order_text(scripted(bank, asked->number), "name");
  entry->balance = balance_of(bank, asked);
  bool wrong_name = scripted_name[0] != '\0' && asked->name[0] != '\0' && strcmp(scripted_name, asked->name) != 0;
  if (ends_with(asked->number, "0002") || wrong_name) return "0301";
  if (strcmp(action, "stop") == 0 || strcmp(action, "extend") == 0 || strcmp(action, "lift") == 0)
    return judge_stop(account, asked, now, entry);
  if (strcmp(action, "freeze") == 0 || strcmp(action, "renew") == 0 || strcmp(action, "unfreeze") == 0)
    return judge_freeze(account, asked, now, entry);
  if (strcmp(action, "return") == 0) {
    entry->held = asked->amount;
    return account->freeze_until_us > now && asked->amount <= account->held ? "0000" : "1399";
  }
  if (strcmp(action, "monitor") == 0) entry->until_us = until_of(asked);
  return "0000";
}

/* --- answers --- */

static json_t *time_json(int64_t us)
{
  char text[HF_TIME_TEXT_SIZE];
  return json_string(hf_time_text(us * 1000, text));
}

static json_t *amount_json(int64_t minor)
{
  char text[32];
  struct hf_writer writer = hf_writer_of(text, sizeof text - 1);
  hf_write_amount(&writer, minor);
  text[writer.size] = '\0';
  return json_string(text);
}

/* The script's rows, their times moved from "seconds ago" to the clock; or three that follow from the number. */
static json_t *transactions_of(const struct bank *bank, const struct asked *asked, int64_t executed_us, bool *more)
{
  json_t *rows = json_array();
  const json_t *list = json_object_get(scripted(bank, asked->number), "transactions");
  size_t count = json_array_size(list), from = (size_t)asked->page * PAGE_ROWS;
  *more = from + PAGE_ROWS < count;
  for (size_t i = from; i < count && i < from + PAGE_ROWS; i++) {
    json_t *row = json_copy(json_array_get(list, i));
    const json_t *at = json_object_get(row, "at_us");
    if (at != NULL) {
      json_object_set_new(row, "at", time_json(json_integer_value(at)));
      json_object_del(row, "at_us");
    }
    json_array_append_new(rows, row);
  }
  uint64_t spread = hf_checksum(HF_CHECKSUM_SEED, asked->number, strlen(asked->number));
  for (int i = 0; list == NULL && i < 3 && strcmp(asked->action, "query") == 0; i++) {
    char serial[32];
    snprintf(serial, sizeof serial, "%llu", (unsigned long long)(spread % 1000000000) + (unsigned)i);
    json_t *row = json_pack("{s:s, s:s}", "serial", serial, "side", i == 0 ? "credit" : "debit");
    json_object_set_new(row, "amount", amount_json(i == 0 ? asked->transfer : asked->transfer / 4));
    json_object_set_new(row, "at", time_json(executed_us - 600000000LL * (3 - i)));
    json_array_append_new(rows, row);
  }
  return rows;
}

static json_t *hold_json(const char *order, const char *kind, int64_t held, int64_t until_us)
{
  json_t *row = json_pack("{s:s, s:s, s:s}", "order_id", order, "kind", kind, "authority", "holdfast");
  json_object_set_new(row, "amount", amount_json(held));
  json_object_set_new(row, "expires_at", time_json(until_us));
  return row;
}

static json_t *holds_of(const struct bank *bank, const struct asked *asked, const struct bank_account *account, int64_t now)
{
  json_t *rows = json_array();
  if (bank_is_broken(bank, "not_listed", asked->case_number)) return rows;
  if (bank_is_broken(bank, "listed", asked->case_number)) now = INT64_MIN;
  if (account->stop_until_us > now && account->stop_order[0] != '\0')
    json_array_append_new(rows, hold_json(account->stop_order, "stop", account->held, account->stop_until_us));
  if (account->freeze_until_us > now && account->freeze_order[0] != '\0' && !account->freeze_waits)
    json_array_append_new(rows, hold_json(account->freeze_order, "freeze", account->held, account->freeze_until_us));
  return rows;
}

static void spoil_feedback(const struct bank *bank, const struct asked *asked, json_t *feedback)
{
  static const struct {
    const char *mode, *key;
  } lost[] = {{"no_end", "expires_at"}, {"no_rows", "transactions"}, {"no_holder", "holder"}, {"no_more", "more"}};
  for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++)
    if (bank_is_broken(bank, lost[i].mode, asked->case_number)) json_object_del(feedback, lost[i].key);
  if (bank_is_broken(bank, "no_held", asked->case_number)) json_object_set_new(feedback, "held", json_string("0.00"));
  if (bank_is_broken(bank, "more", asked->case_number)) json_object_set_new(feedback, "more", json_true());
  if (bank_is_broken(bank, "failed", asked->case_number)) json_object_set_new(feedback, "result", json_string("1399"));
}

/* What a broken institution makes of an order that it has decided. */
static struct ledger_entry spoiled(const struct bank *bank, const struct asked *asked, const struct ledger_entry *entry,
                                   bool again)
{
  struct ledger_entry said = *entry;
  if (bank_is_broken(bank, "clock", asked->case_number)) said.executed_us += 600000000;
  if (bank_is_broken(bank, "one_day", asked->case_number)) said.until_us -= STOP_US / 2;
  if (bank_is_broken(bank, "no_extension", asked->case_number) && strcmp(asked->action, "extend") == 0)
    said.until_us -= STOP_US;
  if (bank_is_broken(bank, "forgets", asked->case_number) && again) said.executed_us += 1000000, said.until_us += 1000000;
  if (bank_is_broken(bank, "any", asked->case_number)) strcpy(said.result, "0000");
  return said;
}

static void add_feedback(struct bank *bank, const struct asked *asked, const struct ledger_entry *entry, json_t *answer)
{
  const struct bank_account *account = account_of(bank, entry->account);
  const char *action = asked->action;
  json_t *feedback = json_pack("{s:s}", "result", entry->result);
  json_object_set_new(feedback, "executed_at", time_json(entry->executed_us));
  json_object_set_new(feedback, "balance", amount_json(entry->balance));
  json_object_set_new(feedback, "held", amount_json(entry->held));
  if (entry->until_us != 0) json_object_set_new(feedback, "expires_at", time_json(entry->until_us));
  bool more = false;
  if (strcmp(action, "query") == 0 || strcmp(action, "serial") == 0 || strcmp(action, "monitor") == 0)
    json_object_set_new(feedback, "transactions", transactions_of(bank, asked, entry->executed_us, &more));
  if (strcmp(action, "monitor") == 0) more = account->monitor_until_us > now_us(bank);
  if (more) json_object_set_new(feedback, "more", json_true());
  if (strcmp(action, "holds") == 0) json_object_set_new(feedback, "holds", holds_of(bank, asked, account, now_us(bank)));
  if (strcmp(action, "holder") == 0 || strcmp(action, "accounts") == 0) {
    const char *name = order_text(scripted(bank, asked->number), "name");
    json_object_set_new(feedback, "holder", json_string(name[0] != '\0' ? name : asked->name));
  }
  if (strcmp(entry->result, "1303") == 0 && ends_with(asked->number, "0009")) {
    json_t *former = json_pack("{s:s, s:b}", "authority", "某区人民法院", "queued", entry->until_us != 0);
    json_object_set_new(former, "expires_at", time_json(entry->executed_us + 30LL * 86400 * 1000000));
    json_object_set_new(feedback, "former", former);
  }
  spoil_feedback(bank, asked, feedback);
  json_object_set_new(answer, "feedback", feedback);
}

static char *write_answer(struct bank *bank, const struct asked *asked, const struct ledger_entry *entry, bool feedback)
{
  char reference[64];
  bool other = bank->fault == FAULT_OTHER_ORDER;
  snprintf(reference, sizeof reference, "%s-%u", bank->code,
           (unsigned)(hf_checksum(HF_CHECKSUM_SEED, entry->order_id, strlen(entry->order_id)) % 100000000));
  json_t *answer = json_pack("{s:s, s:s, s:s}", "order_id", other ? "00000000-0000-8000-8000-000000000000" : entry->order_id,
                             "institution", bank->code, "reference", reference);
  if (feedback) add_feedback(bank, asked, entry, answer);
  char *text = json_dumps(answer, JSON_COMPACT);
  json_decref(answer);
  HF_ASSERT(text != NULL);
  return text;
}

static void refuse(struct verdict *verdict, const char *why)
{
  char text[256];
  verdict->status = 400;
  snprintf(text, sizeof text, "{\"error\":\"%s\"}", why);
  free(verdict->body);
  verdict->body = strdup(text);
}

static const struct ledger_entry *decide_new(struct bank *bank, const struct asked *asked, int64_t now)
{
  struct ledger_entry entry = {.executed_us = now};
  snprintf(entry.order_id, sizeof entry.order_id, "%s", asked->id);
  snprintf(entry.action, sizeof entry.action, "%s", asked->action);
  ledger_token(asked->number, entry.account);
  if (ends_with(asked->number, "0008")) entry.ready_us = now + 2000000;
  struct bank_account *account = open_account(bank, entry.account);
  memcpy(entry.result, judge(bank, account, asked, now, &entry), 5);
  apply(account, &entry);
  return ledger_add(bank->ledger, &entry, asked->case_id);
}

static void decide_order(struct bank *bank, const json_t *order, struct verdict *verdict)
{
  const json_t *account = json_object_get(order, "account"), *transfer = json_object_get(order, "transfer");
  struct asked asked = {.id = order_text(order, "order_id"),
                        .case_id = order_text(order, "case_id"),
                        .case_number = order_text(order, "case_number"),
                        .action = order_text(order, "action"),
                        .number = order_text(account, "number"),
                        .name = order_text(account, "name"),
                        .parent = order_text(order, "parent"),
                        .mode = order_text(order, "mode"),
                        .until = order_text(order, "until"),
                        .institution = order_text(order, "institution"),
                        .transfer = amount_of(transfer, "amount"),
                        .amount = amount_of(order, "amount"),
                        .page = (long)json_integer_value(json_object_get(order, "page"))};
  if (strlen(asked.id) != 36 || asked.action[0] == '\0' || asked.number[0] == '\0' || asked.page < 0) {
    refuse(verdict, "a field is missing");
    return;
  }
  if (!is_known(asked.action)) {
    refuse(verdict, "action: none that is known");
    return;
  }
  if (strcmp(asked.institution, bank->code) != 0) {
    refuse(verdict, "institution: not this one");
    return;
  }
  if (bank_is_broken(bank, "strict", asked.case_number) ||
      (bank_is_broken(bank, "tires", asked.case_number) && ++bank->tired > 100)) {
    refuse(verdict, "broken");
    return;
  }
  int64_t now = now_us(bank);
  const struct ledger_entry *known = ledger_find(bank->ledger, asked.id);
  verdict->silent = ends_with(asked.number, "0004") || (known != NULL && bank->swallows);
  bool again = known != NULL;
  if (again)
    ledger_repeat(bank->ledger, known);
  else
    known = decide_new(bank, &asked, now);
  if (ends_with(asked.number, "0003")) verdict->delay_ms = 8000;
  if (again && bank_is_broken(bank, "locks", asked.case_number)) verdict->status = 503;
  const struct ledger_entry said = spoiled(bank, &asked, known, again);
  verdict->body =
      write_answer(bank, &asked, &said, now >= known->ready_us && !bank_is_broken(bank, "never", asked.case_number));
}

bool bank_about(const struct bank *bank, const void *body, size_t size)
{
  return size > 0 && bank->broken_case[0] != '\0' && memmem(body, size, bank->broken_case, strlen(bank->broken_case)) != NULL;
}

void bank_decide(struct bank *bank, const char *body, size_t size, struct verdict *verdict)
{
  json_error_t error;
  *verdict = (struct verdict){.status = 200};
  json_t *order = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
  if (order == NULL)
    refuse(verdict, "the body is not JSON");
  else
    decide_order(bank, order, verdict);
  json_decref(order);
  if (strcmp(bank->broken, "answers_all") == 0 && verdict->status == 400 && bank_about(bank, body, size)) verdict->status = 200;
  if (bank->fault == FAULT_SILENCE) verdict->silent = true;
  if (bank->fault == FAULT_SLOW) verdict->delay_ms = bank->fault_ms;
  if (bank->fault == FAULT_GARBAGE) {
    free(verdict->body);
    verdict->body = strdup("\x01\xff<html>not what you expected");
  }
  if (bank->fault == FAULT_REFUSE) verdict->status = 403;
  if (bank->fault == FAULT_BUSY) verdict->status = 503;
}
