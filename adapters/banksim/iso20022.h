/* ISO 20022 as a bank reads and writes it, from the public field lists; nothing of the dialect's code is used. */
#ifndef HF_BANKSIM_ISO20022_H
#define HF_BANKSIM_ISO20022_H

struct evhttp_request;

/* POST /iso20022/v1: camt.056 → camt.029, auth.001 → auth.002 with a camt.052 inside. */
void iso20022_on_order(struct evhttp_request *request, void *bank);

#endif
