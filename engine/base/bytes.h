/*
 * Bytes: the bounded reader and writer; the only place with pointer arithmetic over foreign bytes.
 *
 * Why:    a reader that has run out stays failed and gives zeros; a writer that is full stays full and drops the rest.
 *         So code reads or writes a whole structure and asks once at the end.
 * Memory: the caller's buffer; nothing is allocated.
 */
#ifndef HF_BASE_BYTES_H
#define HF_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_span {
  const uint8_t *data;
  size_t size;
};

struct hf_reader {
  struct hf_span left;
  bool failed;
};

struct hf_reader hf_reader_of(struct hf_span span);
uint8_t hf_read_u8(struct hf_reader *reader);
struct hf_span hf_read_span(struct hf_reader *reader, size_t size);
uint64_t hf_read_varint(struct hf_reader *reader); /* protobuf's base-128; fails above 64 bits */

struct hf_writer {
  uint8_t *data;
  size_t size;
  size_t capacity;
  bool full; /* something did not fit: what is there is not to be used */
};

struct hf_writer hf_writer_of(void *data, size_t capacity);
void hf_write_bytes(struct hf_writer *writer, const void *bytes, size_t size);
void hf_write_text(struct hf_writer *writer, const char *text);
void hf_write_int(struct hf_writer *writer, int64_t value);
/* Digits and nothing else, at most nine of them; -1 where they are not. */
int64_t hf_decimal_of(const uint8_t *text, size_t size);

/* Money: minor units as major with two decimals ("1234.05"). */
void hf_write_amount(struct hf_writer *writer, int64_t minor);
/* A JSON string with its quotes; bytes must be UTF-8. */
void hf_write_json_string(struct hf_writer *writer, const void *bytes, size_t size);
void hf_write_hex(struct hf_writer *writer, const void *bytes, size_t size);
void hf_write_base64(struct hf_writer *writer, const void *bytes, size_t size);
/* DSSE's pre-authentication encoding: what is signed in place of a body, its type inside. */
void hf_write_pre_authentication(struct hf_writer *writer, const char *type, struct hf_span body);

/* Reads RFC 4648 base64 with padding into out. Returns its size, or SIZE_MAX where it is not base64 (its one canonical form) or
 * does not fit. */
size_t hf_base64_decode(const char *text, size_t size, uint8_t *out, size_t capacity);

/* Minor units from "1234", "1234.5" or "1234.05". Returns INT64_MIN where it is none of these or overflows. */
int64_t hf_amount_parse(const char *text);

#endif
