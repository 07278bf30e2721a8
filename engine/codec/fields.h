/*
 * Fields: plain structs as protobuf messages, by table: one row per field. Inside the codec, but for
 * hf_write_varint, which a dialect may use.
 *
 * Why:    facts are many kinds of small structs that only we write. A row says number, type and place; both directions and the
 * size follow from it, so they cannot drift apart. tests/unit compares every kind with protobuf-c's own reading of the .proto.
 * Form:   proto3 as protoc writes it: in order of field numbers, default values left out.
 */
#ifndef HF_CODEC_FIELDS_H
#define HF_CODEC_FIELDS_H

#include "engine/base/bytes.h"

enum hf_field_type {
  HF_FIELD_UUID = 1, /* bytes, 16; zero is left out */
  HF_FIELD_DIGEST,   /* bytes, 32 */
  HF_FIELD_RAW,      /* bytes, `size` of them */
  HF_FIELD_BLOB,     /* bytes, uint16_t count right before them */
  HF_FIELD_TEXT,     /* string: NUL-terminated, `size` with the NUL */
  HF_FIELD_NAME,     /* string: struct hf_name */
  HF_FIELD_ACCOUNT,  /* string: struct hf_account_number */
  HF_FIELD_CODE,     /* string: an enum through its names */
  HF_FIELD_ENUM,     /* the number itself, uint32_t */
  HF_FIELD_U32,
  HF_FIELD_U64,
  HF_FIELD_S64,  /* sint64 */
  HF_FIELD_TIME, /* sint64: nanoseconds here, microseconds there */
  HF_FIELD_BOOL,
  HF_FIELD_MESSAGE, /* a struct within; left out where all of it is default */
};

struct hf_names {
  const char *(*code)(unsigned value);
  unsigned (*value)(const char *code); /* 0, or HF_NAMES_NONE, where there is none */
};
#define HF_NAMES_NONE 0xffffu

struct hf_field {
  uint8_t number;
  uint8_t type; /* enum hf_field_type */
  uint16_t place, size;
  const struct hf_names *names;
  const struct hf_fields *message;
};

struct hf_fields {
  const struct hf_field *list; /* in order of numbers */
  uint32_t count;
};

#define HF_FIELDS_DEPTH_MAX 4
#define HF_FIELDS_SIZE_MAX 2048 /* of one message within another */

void hf_fields_write(const struct hf_fields *fields, const void *from, struct hf_writer *out);
/* false where the bytes are not what hf_fields_write writes. `to` is zeroed by the caller. */
bool hf_fields_read(const struct hf_fields *fields, struct hf_span bytes, void *to);

struct hf_personal_visit;
/* Every NAME and ACCOUNT, also of messages within. */
void hf_fields_visit_personal(const struct hf_fields *fields, void *of, const struct hf_personal_visit *visit);

void hf_write_varint(struct hf_writer *out, uint64_t value);

#endif
