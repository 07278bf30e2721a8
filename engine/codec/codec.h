/*
 * Codec: the one place where protobuf and the core's plain structs meet, both ways.
 *
 * Why:    foreign bytes become structs here or get a reason; nothing behind this page sees protobuf.
 * Thread: any, with an arena of its own.
 * Memory: unpacking uses the caller's arena; packing writes into the caller's buffer. No heap.
 * Bounds: repeated fields are counted in the wire form before anything is unpacked (protobuf-c is not asked to be careful).
 */
#ifndef HF_CODEC_CODEC_H
#define HF_CODEC_CODEC_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/core/fact.h"

#define HF_PAYLOAD_TYPE_REPORT "application/vnd.holdfast.report.v1+protobuf"
#define HF_PAYLOAD_TYPE_REGISTRY "application/vnd.holdfast.registry.v1+protobuf"
#define HF_PAYLOAD_TYPE_COMMAND "application/vnd.holdfast.command.v1+protobuf"
#define HF_PAYLOAD_TYPE_ACCESS "application/vnd.holdfast.access.v1+protobuf"
#define HF_PAYLOAD_TYPE_ORDER "application/vnd.holdfast.order.v1+protobuf"
#define HF_PAYLOAD_TYPE_ANSWER "application/vnd.holdfast.answer.v1+protobuf"
#define HF_PAYLOAD_TYPE_CALLBACK "application/vnd.holdfast.callback.v1"

enum hf_payload_kind {
  HF_PAYLOAD_UNSET = 0,
  HF_PAYLOAD_REPORT,
  HF_PAYLOAD_REGISTRY,
  HF_PAYLOAD_COMMAND,
  HF_PAYLOAD_ACCESS,
  HF_PAYLOAD_ORDER, /* from here on: what goes between centre and institutions, never a submission */
  HF_PAYLOAD_ANSWER,
  HF_PAYLOAD_CALLBACK
};

static inline bool hf_payload_is_submission(enum hf_payload_kind kind)
{
  return kind >= HF_PAYLOAD_REPORT && kind <= HF_PAYLOAD_ACCESS;
}

struct hf_signature {
  char key_id[HF_KEY_ID_SIZE + 1];
  struct hf_span bytes;
};

/* Spans point into the record and live as long as it. */
struct hf_envelope {
  enum hf_payload_kind kind;
  struct hf_span payload;
  uint32_t signatures_count;
  struct hf_signature signatures[HF_SIGNATURES_MAX];
};

/* NONE, or EMPTY … TOO_MANY_SIGNATURES of reason.h, checked in that order. */
enum hf_reason hf_envelope_decode(struct hf_span record, struct hf_envelope *envelope);

/* "application/vnd.holdfast.…" */
const char *hf_payload_type(enum hf_payload_kind kind);

/* DSSE's pre-authentication encoding: what is signed. Returns its size; 0 when it does not fit. */
size_t hf_envelope_signed_bytes(enum hf_payload_kind kind, struct hf_span payload, uint8_t *out, size_t capacity);

/* Writes an envelope with 1…HF_SIGNATURES_MAX signatures; 0 when it does not fit. */
size_t hf_envelope_encode(enum hf_payload_kind kind, struct hf_span payload, const struct hf_signature *signatures,
                          uint32_t count, uint8_t *out, size_t capacity);

/*
 * What an institution says at the gate, as it signed it: five lines, each ended by a newline: method, path, time in seconds,
 * nonce, body (the last may have newlines of its own). Its envelope's signature is over exactly these bytes.
 */
struct hf_callback {
  struct hf_order_id order_id; /* from the path: /v1/orders/ORDER/answers */
  int64_t made_wall_ns;
  struct hf_span nonce, body;
};

#define HF_CALLBACK_NONCE_MIN 16
#define HF_CALLBACK_NONCE_MAX 64
/* MALFORMED with the line that is wrong. Spans point into the bytes. */
HF_MUST_USE struct hf_status hf_callback_read(struct hf_span signed_bytes, struct hf_callback *callback);

/* NONE, or TOO_MANY_TARGETS … BAD_TEXT. On failure *report is unspecified but for its ids where they could be read. */
enum hf_reason hf_report_decode(struct hf_span payload, struct hf_arena *arena, struct hf_report *report);
size_t hf_report_encode(const struct hf_report *report, uint8_t *out, size_t capacity);

/* NONE, or TOO_MANY_TARGETS … BAD_COMMAND. */
enum hf_reason hf_command_decode(struct hf_span payload, struct hf_arena *arena, struct hf_command *command);
size_t hf_command_encode(const struct hf_command *command, uint8_t *out, size_t capacity);

/* NONE, or MALFORMED_PAYLOAD … BAD_COMMAND. */
enum hf_reason hf_access_decode(struct hf_span payload, struct hf_arena *arena, struct hf_access *access);
size_t hf_access_encode(const struct hf_access *access, uint8_t *out, size_t capacity);

/* An order as institutions get it. Returns the size written; 0 when it does not fit. */
size_t hf_order_encode(const struct hf_order *order, uint8_t *out, size_t capacity);
/*
 * An institution's answer; rows go into the caller's arrays of HF_ANSWER_ROWS_MAX and HF_ANSWER_HOLDS_MAX. MALFORMED with the
 * field; a row is taken as far as it is sound.
 */
HF_MUST_USE struct hf_status hf_answer_decode(struct hf_span payload, struct hf_transaction *transactions,
                                              struct hf_listed_hold *holds, char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1],
                                              struct hf_answer *answer);

/* NONE, or TOO_MANY_ROWS … BAD_ROW. */
enum hf_reason hf_registry_decode(struct hf_span payload, struct hf_arena *arena, struct hf_registry_change *change);
size_t hf_registry_encode(const struct hf_registry_change *change, uint8_t *out, size_t capacity);

/*
 * Returns the size written; 0 when it does not fit. boot_id stands beside the monotonic stamps. sealed: the clear values of a
 * fact that has pseudonyms (engine/seal), empty where nothing of it is personal.
 */
size_t hf_fact_encode(const struct hf_fact *fact, const char *boot_id, struct hf_span sealed, uint8_t *out, size_t capacity);
/*
 * Reads back what hf_fact_encode wrote: MALFORMED means that the database was changed by somebody else. The fact has its
 * pseudonyms; *sealed points into the bytes.
 */
HF_MUST_USE struct hf_status hf_fact_decode(struct hf_span bytes, struct hf_fact *fact, struct hf_span *sealed);

/* Its number in `oneof what` of proto/fact.proto: the same for ever. */
uint8_t hf_fact_number(enum hf_fact_kind kind);

/* Whom a fact is about: every account number and name of it, in the order of its table. */
struct hf_personal_visit {
  void (*account)(void *owner, struct hf_account_number *number);
  void (*name)(void *owner, struct hf_name *name);
  void *owner;
};
void hf_fact_visit_personal(struct hf_fact *fact, const struct hf_personal_visit *visit);

#define HF_FACT_ENCODED_SIZE_MAX 2048

#endif
