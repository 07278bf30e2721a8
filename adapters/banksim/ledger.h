/*
 * Ledger: what one simulated institution received and what it put into effect, fsynced before any answer leaves.
 *
 * Why:    an independent witness: tests compare it with what the engine says (reliability.md section 2). A restarted
 * institution rebuilds its accounts from it. Form:   one JSON line per order received: order, case, account (hashed), action,
 * result, times, amounts; or order, repeat.
 */
#ifndef HF_BANKSIM_LEDGER_H
#define HF_BANKSIM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

struct ledger_entry {
  char order_id[40];
  char parent[40];
  char account[40]; /* a token: the number does not stand in the ledger */
  char action[16];
  char result[5];
  int64_t executed_us;
  int64_t until_us; /* what it placed or prolonged ends then; 0: nothing */
  int64_t balance, held;
  int64_t ready_us; /* feedback is given from here on: an institution may acknowledge first */
};

/* Reads what an earlier life wrote. NULL where the file cannot be used. */
struct ledger *ledger_open(const char *file);
void ledger_close(struct ledger *ledger);
/* The account's token: a UUID made of its number's SHA-256. Returns text. */
char *ledger_token(const char *number, char text[40]);
/* Calls visit for each order that was decided, in order. */
void ledger_visit(const struct ledger *ledger, void (*visit)(void *owner, const struct ledger_entry *entry), void *owner);
/* The order as it was first decided, NULL where it is new. */
const struct ledger_entry *ledger_find(const struct ledger *ledger, const char *order_id);
/* Notes an order; the line is durable after ledger_sync. Returns the entry that now stands for the order. */
const struct ledger_entry *ledger_add(struct ledger *ledger, const struct ledger_entry *entry, const char *case_id);
void ledger_repeat(struct ledger *ledger, const struct ledger_entry *entry);
/* Writes what was noted; to_disk: and fdatasyncs it. */
void ledger_sync(struct ledger *ledger, bool to_disk);

#endif
