/* Protobuf by hand, from the .proto files alone: orders in, answers out. */
#ifndef HF_BANKSIM_PROTOBUF_H
#define HF_BANKSIM_PROTOBUF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bank;

/* The envelope's order as the bank's own JSON (bank_decide); NULL where it is none, or is not rightly signed. */
json_t *protobuf_order(const struct bank *bank, const uint8_t *record, size_t size);
/* A signed envelope from bank_decide's answer. Returns its size, 0 where it does not fit. */
size_t protobuf_answer(const struct bank *bank, const char *answer, uint8_t *out, size_t capacity);

#endif
