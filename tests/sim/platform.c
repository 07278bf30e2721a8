/* The bank that speaks platform_xml: a receipt, a feedback, from the field lists (domain.md 3); times to the second, as theirs
 * are. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define TEXT_SIZE 32768

static void write_element(struct hf_writer *out, const char *name, const void *bytes, size_t size)
{
  hf_write_text(out, "<");
  hf_write_text(out, name);
  hf_write_text(out, ">");
  hf_write_bytes(out, bytes, size);
  hf_write_text(out, "</");
  hf_write_text(out, name);
  hf_write_text(out, ">");
}

static void write_text(struct hf_writer *out, const char *name, const char *text)
{
  write_element(out, name, text, strlen(text));
}

static void write_amount(struct hf_writer *out, const char *name, int64_t minor)
{
  char text[32];
  struct hf_writer amount = hf_writer_of(text, sizeof text);
  hf_write_amount(&amount, minor);
  write_element(out, name, text, amount.size);
}

static void write_time(struct hf_writer *out, const char *name, int64_t ns)
{
  char text[32];
  time_t seconds = (time_t)((SIM_START + ns) / HF_NS_PER_S) + 8 * 3600;
  struct tm local;
  gmtime_r(&seconds, &local);
  strftime(text, sizeof text, "%Y%m%d%H%M%S", &local);
  write_text(out, name, text);
}

static void write_id(struct hf_writer *out, const char *name, struct hf_order_id id)
{
  char text[40] = "0101";
  struct hf_writer hex = hf_writer_of(text + 4, 32);
  hf_write_hex(&hex, id.uuid.bytes, 16);
  write_element(out, name, text, 36);
}

static struct hf_writer begin(char **text)
{
  *text = malloc(TEXT_SIZE);
  HF_ASSERT(*text != NULL);
  struct hf_writer out = hf_writer_of(*text, TEXT_SIZE - 1);
  hf_write_text(&out, "<Request><Head><TxCode>100102</TxCode></Head><Body>");
  return out;
}

static void end(struct hf_writer *out)
{
  hf_write_text(out, "</Body></Request>");
  HF_ASSERT(!out->full);
  out->data[out->size] = '\0';
}

char *sim_platform_receipt(const struct sim_entry *entry)
{
  char *text;
  struct hf_writer out = begin(&text);
  write_text(&out, "Code", "100000");
  write_id(&out, "ApplicationID", entry->id);
  end(&out);
  return text;
}

static void write_rows(struct hf_writer *out, const struct sim_account *account)
{
  hf_write_text(out, "<Transactions>");
  for (uint32_t i = 0; i < account->rows_count; i++) {
    const struct hf_transaction *row = &account->rows[i];
    hf_write_text(out, "<Transaction>");
    write_text(out, "BorrowingSigns", row->credit ? "1" : "0");
    write_amount(out, "TransactionAmount", row->amount);
    write_time(out, "TransactionTime", row->at_wall_ns);
    write_text(out, "TransactionSerial", row->serial);
    write_element(out, "OpponentAccountNumber", row->account.bytes, row->account.size);
    write_text(out, "OpponentDepositBankID", row->institution);
    write_text(out, "CashMark", row->cash ? "01" : "00");
    hf_write_text(out, "</Transaction>");
  }
  hf_write_text(out, "</Transactions>");
}

static void write_measure(struct hf_writer *out, struct hf_order_id id, const char *type, int64_t held, int64_t until)
{
  hf_write_text(out, "<Measure>");
  write_id(out, "FreezeSerial", id);
  write_text(out, "FreezeType", type);
  write_amount(out, "Amount", held);
  write_time(out, "EndTime", until);
  hf_write_text(out, "</Measure>");
}

char *sim_platform_feedback(struct sim *sim, const struct sim_account *account, const struct hf_order *order,
                            const struct sim_entry *entry)
{
  char *text;
  struct hf_writer out = begin(&text);
  write_id(&out, "ApplicationID", entry->id);
  write_text(&out, "Result", entry->result);
  write_amount(&out, "AccountBalance", entry->balance);
  write_amount(&out, "FrozedBalance", entry->held);
  if (sim_any(sim, 4) != 0)
    write_time(&out, "StartTime", entry->first_ns); /* one in four does not say (domain.md scenario 1) */
  if (order->action == HF_ACTION_QUERY) write_rows(&out, account);
  if (order->action == HF_ACTION_HOLDS) {
    hf_write_text(&out, "<Measures>");
    if (account->stop_until_ns > sim->now_ns)
      write_measure(&out, account->stop_id, "0001", account->held, account->stop_until_ns);
    if (account->freeze_until_ns > sim->now_ns)
      write_measure(&out, account->freeze_id, "0002", account->held, account->freeze_until_ns);
    hf_write_text(&out, "</Measures>");
  }
  end(&out);
  return text;
}
