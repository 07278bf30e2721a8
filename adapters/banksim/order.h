/* Order: the bank's own JSON of an order, which every speech reads its messages into (bank_decide). */
#ifndef HF_BANKSIM_ORDER_H
#define HF_BANKSIM_ORDER_H

#include <jansson.h>

/* "" where there is no such text. */
const char *order_text(const json_t *object, const char *key);
/* An id of 32 hexadecimal digits, with its hyphens; nothing where it is none. */
void order_set_id(json_t *order, const char *key, const char *hex);

#endif
