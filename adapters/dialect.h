/*
 * Dialect: how an order becomes bytes and bytes become an answer.
 *
 * Why:    pure code, so that an institution's oddities are tested without a network; one const struct per folder.
 * Thread: any. Memory: the caller's buffers; nothing is kept.
 * Errors: decode answers MALFORMED with where and why for any bytes at all; it never asserts on them.
 */
#ifndef HF_ADAPTERS_DIALECT_H
#define HF_ADAPTERS_DIALECT_H

#include "adapters/message.h"

/* How a line that stays is cut into messages: what stands before each says its length. */
enum hf_framing { HF_FRAMING_FOUR_BYTES, HF_FRAMING_TWO_BYTES, HF_FRAMING_FOUR_DIGITS };

enum hf_talk {
  HF_TALK_NONE,       /* it is about an order */
  HF_TALK_ASKED,      /* the institution greets: what was written is sent back */
  HF_TALK_WELCOME,    /* it has accepted our greeting */
  HF_TALK_TURNED_AWAY /* it has not */
};

/* What is said on a line that stays beside orders: so that both know that the other still hears. */
struct hf_small_talk {
  enum hf_framing (*framing)(const struct hf_institution *row);
  /* Writes a greeting: a sign-on where the line is new, else an echo. Orders wait until the first was accepted. */
  void (*greet)(const struct hf_institution *row, bool first, int64_t now_wall_ns, struct hf_writer *greeting);
  enum hf_talk (*hear)(const struct hf_institution *row, struct hf_span bytes, struct hf_writer *reply);
};

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
  /* A receipt comes first and the feedback by itself, on a connection that stays: nothing is sent again to ask for it. */
  bool feedback_follows;

  /* NULL: four bytes of length, and nothing is said beside orders. */
  const struct hf_small_talk *small_talk;

  /* Which code by a shared key stands in for signatures, both ways. NULL: none. */
  enum hf_mac (*mac)(const struct hf_institution *row);
  /* CONFIG where the institution's row is not sound for this dialect. NULL: any row is. */
  struct hf_status (*check)(const struct hf_institution *row);
  /* Writes the body. The same order always gives the same bytes: a resend is identical. LIMIT where it does not fit. */
  struct hf_status (*encode)(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *body);
  /* Writes the bytes that are signed for this message; LIMIT where they do not fit. */
  struct hf_status (*to_sign)(const struct hf_message *message, struct hf_writer *bytes);
  /* Writes what carries the signature: for https lines of "Name: value", each ended by a newline; for tcp what follows the
   * body. */
  struct hf_status (*seal)(const struct hf_message *message, const char *key_id, const char *algorithm,
                           struct hf_span signature, struct hf_writer *headers);
  /* Writes the name of the file that the message stands in, without its end. NULL: the dialect is not for files. */
  void (*file_name)(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *name);
  /* Whose answer it is, where many share a connection. NULL: a reply belongs to its request. */
  struct hf_status (*identify)(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id);
  /*
   * What a reply says to be signed by, and the bytes that are signed; NULL: the connection's certificate alone says whose
   * reply it is. asked->order is NULL where many orders share a line. REFUSED where it is not signed, not in answer to this
   * try, or not of these minutes.
   */
  struct hf_status (*prove)(const struct hf_message *asked, const struct hf_reply *reply, int64_t now_wall_ns,
                            struct hf_proof *proof, struct hf_writer *signed_bytes);
  /* Reads a reply to this order. REFUSED where it is about another order. */
  struct hf_status (*decode)(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                             struct hf_answer_room *room, struct hf_answer *answer);
};

/* All dialects; NULL where there is none of that name. */
const struct hf_dialect *hf_dialect_named(const char *name);

extern const struct hf_dialect hf_holdfast_json;
extern const struct hf_dialect hf_iso20022;
extern const struct hf_dialect hf_iso8583;
extern const struct hf_dialect hf_platform_xml;
extern const struct hf_dialect hf_platform_xml_wallet;
extern const struct hf_dialect hf_protobuf_kafka;
extern const struct hf_dialect hf_wallet_json;

#endif
