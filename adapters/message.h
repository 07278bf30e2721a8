/*
 * Message: an order on its way to an institution, what comes back over https, and how that proves who wrote it.
 *
 * Why:    what is signed may hold the moment of sending and the path; what is believed may hang on what was asked.
 * Memory: spans and pointers are the caller's, valid during the call that hands them over.
 */
#ifndef HF_ADAPTERS_MESSAGE_H
#define HF_ADAPTERS_MESSAGE_H

#include "engine/base/bytes.h"
#include "engine/core/order.h"

struct hf_institution;

/* One try: the body is the same at each, the moment is not. */
struct hf_message {
  const struct hf_order *order;
  const struct hf_institution *row;
  struct hf_span body;
  int64_t sent_wall_ns; /* when this try was made ready */
};

struct hf_reply {
  int status; /* HTTP's; 200 where the transport has none */
  struct hf_span body;
  /* A header's value, NULL where it is not there. NULL: the transport has no headers. */
  const char *(*header)(const void *from, const char *name);
  const void *from;
};

/* Who says to have signed a reply, when, and the signature; not yet whether it is right. */
struct hf_proof {
  char key_id[HF_KEY_ID_SIZE + 1];
  int64_t made_wall_ns;
  uint8_t signature[HF_SIGNATURE_SIZE_MAX];
  size_t signature_size;
};

#endif
