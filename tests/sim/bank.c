/* Institutions: a ledger under the legal rules, and every fault of reliability.md 4.4 that bytes can show. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define STOP_NS (48 * HOUR)

uint32_t sim_bank_named(const struct sim *sim, const char *code)
{
  for (uint32_t i = 0; i < SIM_BANKS; i++)
    if (strcmp(sim->banks[i].code, code) == 0) return i;
  return SIM_BANKS;
}

static uint64_t token_of(const struct hf_account_number *number)
{
  return hf_checksum(HF_CHECKSUM_SEED, number->bytes, number->size);
}

struct sim_account *sim_bank_account(struct sim *sim, uint32_t bank, const struct hf_account_number *number)
{
  struct sim_bank *of = &sim->banks[bank];
  uint64_t token = token_of(number);
  for (uint32_t i = 0; i < of->accounts_count; i++)
    if (of->accounts[i].token == token) return &of->accounts[i];
  HF_ASSERT(of->accounts_count < SIM_ACCOUNTS_MAX);
  struct sim_account *account = &of->accounts[of->accounts_count++];
  memset(account, 0, sizeof *account);
  account->token = token;
  account->number = *number;
  account->balance = sim->calm ? 0 : (int64_t)(token % 100000);
  return account;
}

static struct sim_entry *entry_of(struct sim_bank *bank, struct hf_order_id id)
{
  for (uint32_t i = bank->ledger_count; i-- > 0;)
    if (hf_uuid_equal(bank->ledger[i].id.uuid, id.uuid)) return &bank->ledger[i];
  return NULL;
}

/* The rules, written a second time: nothing here comes from the core. */
static const char *judge(struct sim *sim, struct sim_account *account, const struct hf_order *order, struct sim_entry *entry)
{
  int64_t now = sim->now_ns;
  bool stopped = account->stop_until_ns > now, frozen = account->freeze_until_ns > now;
  int64_t until = order->until_wall_ns - SIM_START;
  switch (order->action) {
  case HF_ACTION_STOP:
    if (!sim->calm && sim_any(sim, 20) == 0) return "0301";
    if (stopped) return "1301";
    if (account->stops >= 2) return "1304";
    account->stops++;
    account->stop_id = order->id;
    account->stop_until_ns = now + STOP_NS;
    account->held = entry->held = account->balance;
    return account->balance < order->amount ? "1200" : "0000";
  case HF_ACTION_EXTEND:
    if (!stopped) return "1800";
    if (account->stops >= 2) return "1304";
    account->stops++;
    account->stop_until_ns += STOP_NS;
    return "0000";
  case HF_ACTION_LIFT:
    if (!stopped) return "1900";
    account->stop_until_ns = 0;
    return "0000";
  case HF_ACTION_FREEZE:
    if (frozen) return "1303";
    account->freeze_id = order->id;
    account->freeze_until_ns = until;
    account->held = entry->held = order->mode == HF_FREEZE_LIMITED ? order->amount : account->balance;
    return "0000";
  case HF_ACTION_RENEW:
    if (!frozen) return "1900";
    account->freeze_until_ns = until;
    return "0000";
  case HF_ACTION_UNFREEZE:
    if (!frozen) return "1900";
    account->freeze_until_ns = 0;
    return "0000";
  default: return !sim->calm && sim_any(sim, 10) == 0 ? "0301" : "0000";
  }
}

static void write_uuid(struct hf_writer *out, struct hf_uuid id)
{
  char text[HF_UUID_TEXT_SIZE];
  hf_write_text(out, hf_uuid_text(id, text));
}

static void write_time(struct hf_writer *out, int64_t ns)
{
  char text[HF_TIME_TEXT_SIZE];
  hf_write_text(out, hf_time_text(SIM_START + ns, text));
}

static void write_rows(const struct sim_account *account, struct hf_writer *out)
{
  hf_write_text(out, ",\"transactions\":[");
  for (uint32_t i = 0; i < account->rows_count; i++) {
    const struct hf_transaction *row = &account->rows[i];
    hf_write_text(out, i > 0 ? ",{\"side\":\"" : "{\"side\":\"");
    hf_write_text(out, row->credit ? "credit\",\"amount\":\"" : "debit\",\"amount\":\"");
    hf_write_amount(out, row->amount);
    hf_write_text(out, "\",\"serial\":\"");
    hf_write_text(out, row->serial);
    hf_write_text(out, "\",\"at\":\"");
    write_time(out, row->at_wall_ns);
    hf_write_text(out, row->cash ? "\",\"cash\":true" : "\"");
    hf_write_text(out, ",\"other\":{\"institution\":\"");
    hf_write_text(out, row->institution);
    hf_write_text(out, "\",\"number\":\"");
    hf_write_bytes(out, row->account.bytes, row->account.size);
    hf_write_text(out, "\"}}");
  }
  hf_write_text(out, "]");
}

static void write_hold(struct hf_writer *out, struct hf_order_id id, const char *kind, int64_t held, int64_t until)
{
  hf_write_text(out, "{\"order_id\":\"");
  write_uuid(out, id.uuid);
  hf_write_text(out, "\",\"kind\":\"");
  hf_write_text(out, kind);
  hf_write_text(out, "\",\"amount\":\"");
  hf_write_amount(out, held);
  hf_write_text(out, "\",\"expires_at\":\"");
  write_time(out, until);
  hf_write_text(out, "\"}");
}

static char *write_answer(struct sim *sim, const struct sim_bank *bank, const struct sim_account *account,
                          const struct hf_order *order, const struct sim_entry *entry, bool feedback)
{
  char *text = malloc(16384);
  HF_ASSERT(text != NULL);
  struct hf_writer out = hf_writer_of(text, 16383);
  hf_write_text(&out, "{\"order_id\":\"");
  write_uuid(&out, entry->id.uuid);
  hf_write_text(&out, "\",\"institution\":\"");
  hf_write_text(&out, bank->code);
  hf_write_text(&out, "\"");
  if (feedback) {
    hf_write_text(&out, ",\"feedback\":{\"result\":\"");
    hf_write_text(&out, entry->result);
    if (sim_any(sim, 4) != 0) { /* one in four does not say when (domain.md scenario 1) */
      hf_write_text(&out, "\",\"executed_at\":\"");
      write_time(&out, entry->first_ns);
    }
    hf_write_text(&out, "\",\"balance\":\"");
    hf_write_amount(&out, entry->balance);
    hf_write_text(&out, "\",\"held\":\"");
    hf_write_amount(&out, entry->held);
    hf_write_text(&out, "\"");
    if (order->action == HF_ACTION_QUERY) write_rows(account, &out);
    if (order->action == HF_ACTION_HOLDS) {
      bool stopped = account->stop_until_ns > sim->now_ns, frozen = account->freeze_until_ns > sim->now_ns;
      hf_write_text(&out, ",\"holds\":[");
      if (stopped) write_hold(&out, account->stop_id, "stop", account->held, account->stop_until_ns);
      if (stopped && frozen) hf_write_text(&out, ",");
      if (frozen) write_hold(&out, account->freeze_id, "freeze", account->held, account->freeze_until_ns);
      hf_write_text(&out, "]");
    }
    hf_write_text(&out, "}");
  }
  hf_write_text(&out, "}");
  HF_ASSERT(!out.full);
  text[out.size] = '\0';
  return text;
}

static struct sim_entry *decide(struct sim *sim, struct sim_bank *bank, struct sim_account *account,
                                const struct sim_event *event)
{
  const struct hf_order *order = event->order;
  HF_ASSERT(bank->ledger_count < SIM_LEDGER_MAX);
  struct sim_entry *entry = &bank->ledger[bank->ledger_count++];
  *entry = (struct sim_entry){
      .id = order->id, .action = order->action, .bytes = event->bytes, .first_ns = sim->now_ns, .balance = account->balance};
  memcpy(entry->result, judge(sim, account, order, entry), 5);
  return entry;
}

static void reply(struct sim *sim, const struct sim_event *event, int64_t after_ns, char *body)
{
  sim_at(sim, after_ns,
         (struct sim_event){
             .kind = SIM_REPLY, .engine = event->engine, .life = event->life, .a = event->a, .b = event->b, .body = body});
}

static void tell(struct sim *sim, const struct sim_event *event, uint32_t bank, int64_t after_ns, char *body)
{
  sim_at(sim, after_ns,
         (struct sim_event){
             .kind = SIM_REPLY, .engine = event->engine, .life = event->life, .a = bank, .heard = true, .body = body});
}

/* A receipt, then the feedback; each once, each may be lost with the line. What comes again is dropped without a word. */
static void answer_by_itself(struct sim *sim, const struct sim_event *event, const struct sim_account *account,
                             const struct sim_entry *entry)
{
  const struct sim_bank *bank = &sim->banks[SIM_PLATFORM];
  int64_t after = (int64_t)(1 + sim_any(sim, 20)) * MS, later = after + (int64_t)sim_any(sim, 3000) * MS;
  if (entry->arrivals > 1 || bank->fault == SIM_FAULT_BANK_RESET) return;
  if (bank->fault == SIM_FAULT_BANK_SLOW) later += (int64_t)sim_any(sim, 20) * SECOND;
  if (bank->fault == SIM_FAULT_BANK_GARBAGE) {
    tell(sim, event, SIM_PLATFORM, after, strdup("<Request><Body>\xff"));
    return;
  }
  tell(sim, event, SIM_PLATFORM, after, sim_platform_receipt(entry));
  if (sim_any(sim, 12) == 0) return; /* the one feedback is lost */
  if (bank->fault == SIM_FAULT_BANK_OTHER) entry = &bank->ledger[sim_any(sim, bank->ledger_count)];
  tell(sim, event, SIM_PLATFORM, later, sim_platform_feedback(sim, account, event->order, entry));
}

void sim_bank_arrive(struct sim *sim, const struct sim_event *event)
{
  const struct hf_order *order = event->order;
  uint32_t index = sim_bank_named(sim, order->institution);
  HF_ASSERT(index < SIM_BANKS);
  struct sim_bank *bank = &sim->banks[index];
  if (bank->fault == SIM_FAULT_BANK_SILENT) return; /* a black hole: it never saw it */
  sim_check_arrival(sim, bank, order);
  struct sim_account *account = sim_bank_account(sim, index, &order->account);
  struct sim_entry *entry = entry_of(bank, order->id);
  if (entry == NULL)
    entry = decide(sim, bank, account, event);
  else if (entry->bytes != event->bytes && !sim->anew && !sim_left_early(sim, order->id))
    sim_fail(sim, "I3", "an order came again with other bytes");
  entry->arrivals++;
  sim_say(sim, "%s has %s, result %s, the %u. time", bank->code, hf_action_code(order->action), entry->result, entry->arrivals);
  if (index == SIM_PLATFORM && !sim->calm) {
    answer_by_itself(sim, event, account, entry);
    return;
  }
  if (bank->fault == SIM_FAULT_BANK_RESET) return; /* it took effect and the answer is lost */
  int64_t after = (int64_t)(1 + sim_any(sim, 20)) * MS;
  if (bank->fault == SIM_FAULT_BANK_SLOW) after += (int64_t)sim_any(sim, 20) * SECOND;
  if (bank->fault == SIM_FAULT_BANK_GARBAGE) {
    reply(sim, event, after, strdup("{\"order_id\": \xff<html>"));
    return;
  }
  if (bank->fault == SIM_FAULT_BANK_OTHER)
    entry = &bank->ledger[sim_any(sim, bank->ledger_count)]; /* it answers another order */
  bool feedback = sim->calm || sim_any(sim, 8) != 0 || entry->arrivals > 1;
  reply(sim, event, after, write_answer(sim, bank, account, order, entry, feedback));
}
