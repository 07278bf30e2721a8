/*
 * Bank: one simulated institution: its accounts' rules, its faults, its ledger.
 * Magic endings of account numbers (ux.md section 3): …0002 name differs (0301), …0003 answers after 8 s, …0004 never,
 * …0006 already held (1301), …0007 balance short (1200), …0008 receipt first, feedback 2 s later.
 */
#ifndef HF_BANKSIM_BANK_H
#define HF_BANKSIM_BANK_H

#include <jansson.h>

#include "adapters/banksim/ledger.h"

enum fault { FAULT_NONE, FAULT_SILENCE, FAULT_SLOW, FAULT_GARBAGE, FAULT_RESET, FAULT_REFUSE, FAULT_BUSY, FAULT_OTHER_ORDER };

struct bank {
  char code[16];
  int port;
  enum fault fault;
  int fault_ms;
  struct ledger *ledger;
};

enum fault fault_named(const char *name);

struct verdict {
  int status;   /* HTTP */
  int delay_ms; /* before the answer */
  bool silent;  /* never answers */
  char body[8192];
};

/* Decides an order's JSON body. */
void bank_decide(struct bank *bank, const char *body, size_t size, struct verdict *verdict);

#endif
