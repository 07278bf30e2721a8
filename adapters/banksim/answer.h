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
  bool spoiled; /* it is an answer to the case with which the bank is broken */
};

struct answer *answer_new(struct bank *bank, void (*send)(struct answer *answer), void *to);
/* Goes out after this turn's sync of the ledgers, and after its delay. */
void answer_later(struct answer *answer);
void answer_free(struct answer *answer);

/* Whether an order that is not rightly signed is taken all the same: a broken bank. */
bool answer_waives(const struct bank *bank, const void *body, size_t size);
struct evhttp_request;
/* Answers a GET with 200: a broken bank. */
bool answer_takes_get(struct evhttp_request *request, const struct bank *bank);
/* Replies to the HTTP request that `to` is, and frees the answer. */
void answer_send_http(struct answer *answer);

/* An institution that is reached by files below root/CODE: drop.c. */
void drop_open(struct event_base *base, const char *root, struct bank *bank);

/* An institution with a speech (speech.h): frames over TLS on its own port. Returns the port. */
int channel_listen(struct event_base *base, SSL_CTX *tls, struct bank *bank, int port);

#endif
