/* Wallet: the other side of wallet_json: its JSON ↔ the bank's own, the five-line string checked, answers signed. */
#ifndef HF_BANKSIM_WALLET_H
#define HF_BANKSIM_WALLET_H

#include <event2/http.h>

/* POST /v3/antifraud/orders; user: the bank. */
void wallet_on_order(struct evhttp_request *request, void *user);

/* The order as the bank's own JSON; NULL where it is not readable. The caller decrefs. */
struct json_t *wallet_order(const char *body, size_t size);
/* From bank_decide's answer; NULL where that is not JSON. The caller frees. */
char *wallet_answer(const char *answer);

#endif
