/* Answer: what an institution decided, until the ledger is on disk and its delay is over; then it is sent the way it came. */
#ifndef HF_BANKSIM_ANSWER_H
#define HF_BANKSIM_ANSWER_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include "adapters/banksim/bank.h"

struct answer {
  struct answer *next;
  struct bank *bank;
  struct event *timer;
  struct verdict verdict;
  void (*send)(struct answer *answer); /* and frees it: answer_free */
  void *to;
};

struct answer *answer_new(struct bank *bank, void (*send)(struct answer *answer), void *to);
/* Goes out after this turn's sync of the ledgers, and after its delay. */
void answer_later(struct answer *answer);
void answer_free(struct answer *answer);

/* Replies to the HTTP request that `to` is, and frees the answer. */
void answer_send_http(struct answer *answer);

/* An institution that speaks platform_xml: frames over TLS on its own port. Returns the port. */
int channel_listen(struct event_base *base, SSL_CTX *tls, struct bank *bank, int port);

#endif
