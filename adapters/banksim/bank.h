/*
 * Bank: one simulated institution: its accounts under the legal rules, its faults, its ledger.
 *
 * Accounts come from a script (--script: code → number → name, balance, transactions) or, where it has none of that number,
 * from the number itself. Magic endings of numbers
 * (ux.md section 3): …0002 name differs (0301), …0003 answers after 8 s, …0004 never, …0006 already held (1301), …0007 balance
 * short (1200), …0008 receipt first, feedback 2 s later, …0009 frozen by a court: our freeze waits behind it (轮候).
 * Rules: a stop lasts 48 h and may be placed or extended twice (1301, 1304, 1800); a freeze until its day; a lift of what has
 * ended is 1900; all of it by this institution's own clock, which a test may put forward.
 */
#ifndef HF_BANKSIM_BANK_H
#define HF_BANKSIM_BANK_H

#include <jansson.h>

#include "adapters/banksim/ledger.h"
#include "engine/base/map.h"

struct evhttp;
struct speech;

enum fault {
  FAULT_NONE,
  FAULT_SILENCE,
  FAULT_SLOW,
  FAULT_GARBAGE,
  FAULT_RESET,
  FAULT_REFUSE,
  FAULT_BUSY,
  FAULT_OTHER_ORDER,
  FAULT_UNSIGNED,
  FAULT_BAD_SIGNATURE,
  FAULT_OLD,
  FAULT_OTHER_NONCE
};

/* What is in force on one account. */
struct bank_account {
  char token[40];
  char stop_order[40], freeze_order[40], monitor_order[40];
  int64_t stop_until_us, freeze_until_us, monitor_until_us;
  int64_t held;
  int stops;
  bool freeze_waits; /* behind a court's */
};

struct bank {
  char code[16];
  int port;
  enum fault fault;
  int fault_ms;
  bool swallows; /* what it has seen it drops silently */
  struct ledger *ledger;
  const struct speech *speech; /* on lines that stay; NULL: it speaks HTTPS */
  struct evhttp *http;
  const json_t *script;          /* its accounts; NULL: none */
  struct bank_account *accounts; /* 1…accounts_count */
  uint32_t accounts_count, accounts_capacity;
  struct hf_map account_of;         /* by token */
  int64_t ahead_us;                 /* of the real clock */
  char broken[24], broken_case[24]; /* what it does wrong, and with which orders ("": none): the kit must notice */
  int tired;
};

/* Whether the bank does this wrong with orders of that case number; NULL: where there is no order. */
bool bank_is_broken(const struct bank *bank, const char *mode, const char *case_number);
/* Whether these bytes, an order or not, are of the case with which it is broken. */
bool bank_about(const struct bank *bank, const void *body, size_t size);

enum fault fault_named(const char *name);

/* Begins with the accounts as the ledger left them. */
void bank_restore(struct bank *bank);

struct verdict {
  int status;   /* HTTP */
  int delay_ms; /* before the answer */
  bool silent;  /* never answers */
  char *body;   /* freed by the caller */
};

/* Decides an order's JSON body. */
void bank_decide(struct bank *bank, const char *body, size_t size, struct verdict *verdict);

#endif
