/*
 * Dialect: how an order becomes bytes and bytes become an answer.
 *
 * Why:    pure code, so that an institution's oddities are tested without a network; one const struct per folder.
 * Thread: any. Memory: the caller's buffers; nothing is kept.
 * Errors: decode answers MALFORMED with where and why for any bytes at all; it never asserts on them.
 */
#ifndef HF_ADAPTERS_DIALECT_H
#define HF_ADAPTERS_DIALECT_H

#include "engine/base/bytes.h"
#include "engine/core/order.h"

/* Where decode puts an answer's rows; the caller's, used again for the next answer. */
struct hf_answer_room {
  struct hf_transaction transactions[HF_ANSWER_ROWS_MAX];
  struct hf_listed_hold holds[HF_ANSWER_HOLDS_MAX];
};

struct hf_dialect {
  const char *name;
  uint32_t actions; /* bit 1 << enum hf_action */
  const char *content_type;
  const char *path; /* below the institution's endpoint */

  /* Writes the body. The same order always gives the same bytes: a resend is identical. LIMIT where it does not fit. */
  struct hf_status (*encode)(const struct hf_order *order, struct hf_writer *body);
  /* Writes the bytes that are signed for this body; LIMIT where they do not fit. */
  struct hf_status (*to_sign)(const struct hf_order *order, struct hf_span body, struct hf_writer *bytes);
  /* Writes the headers that carry the signature: lines of "Name: value", each ended by a newline. */
  struct hf_status (*seal)(const struct hf_order *order, const char *key_id, const char *algorithm, struct hf_span signature,
                           struct hf_writer *headers);
  /* Reads a reply to this order. REFUSED where it is about another order. */
  struct hf_status (*decode)(struct hf_span bytes, const struct hf_order *order, struct hf_answer_room *room,
                             struct hf_answer *answer);
};

/* All dialects; NULL where there is none of that name. */
const struct hf_dialect *hf_dialect_named(const char *name);

extern const struct hf_dialect hf_holdfast_json;

#endif
