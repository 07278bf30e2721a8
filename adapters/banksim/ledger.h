/*
 * Ledger: what one simulated institution received and what it put into effect, fsynced before any answer leaves.
 *
 * Why:    an independent witness: tests compare it with what the engine says (reliability.md section 2).
 * Form:   one JSON line per order received: order, case, account (hashed), action, repeat, effect, result, time.
 */
#ifndef HF_BANKSIM_LEDGER_H
#define HF_BANKSIM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

struct ledger_entry {
  char order_id[40];
  char result[5];
  int64_t executed_us;
  int64_t balance, held;
  int64_t ready_us; /* feedback is given from here on: an institution may acknowledge first */
};

/* Reads what an earlier life wrote. NULL where the file cannot be used. */
struct ledger *ledger_open(const char *file);
void ledger_close(struct ledger *ledger);
/* The order as it was first decided, NULL where it is new. */
const struct ledger_entry *ledger_find(const struct ledger *ledger, const char *order_id);
/* Notes an order; the line is durable after ledger_sync. Returns the entry that now stands for the order. */
const struct ledger_entry *ledger_add(struct ledger *ledger, const struct ledger_entry *entry, const char *case_id,
                                      const char *action, const char *account);
void ledger_repeat(struct ledger *ledger, const struct ledger_entry *entry);
/* Whether the account is held by an earlier stop. */
bool ledger_holds(const struct ledger *ledger, const char *account);
/* Writes what was noted; to_disk: and fdatasyncs it. */
void ledger_sync(struct ledger *ledger, bool to_disk);

#endif
