/* Speech: how a simulated institution reads and writes on a line that stays; each from its published lists alone. */
#ifndef HF_BANKSIM_SPEECH_H
#define HF_BANKSIM_SPEECH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bank;

struct frame {
  uint8_t *bytes; /* freed by the caller; NULL: none */
  size_t size;
};

struct speech {
  const char *name;
  unsigned head; /* bytes of length before a message */
  bool digits;   /* they are digits */
  bool swallows; /* what it has seen it drops without a word */
  bool receipts; /* it says that it has an order before it says what came of it */
  /*
   * The order as the bank's own JSON (bank_decide), with what its answers repeat beside it. NULL where nothing is decided:
   * reply is what is said instead, none where nothing is.
   */
  json_t *(*read)(const struct bank *bank, const uint8_t *message, size_t size, struct frame *reply);
  struct frame (*receipt)(const struct bank *bank, const json_t *order, bool taken);
  /* From bank_decide's answer; none where that has no feedback yet. */
  struct frame (*feedback)(const struct bank *bank, const json_t *order, const char *answer);
};

extern const struct speech speech_platform, speech_platform_wallet, speech_card_text, speech_card_packed;

#endif
