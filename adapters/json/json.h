/*
 * JSON: what the dialects that write and read it share.
 *
 * Memory: writers write into the caller's buffer and note in it that something did not fit. A read answer is jansson's, freed
 * by json_decref.
 */
#ifndef HF_ADAPTERS_JSON_H
#define HF_ADAPTERS_JSON_H

#include <jansson.h>

#include "engine/base/bytes.h"
#include "engine/base/ids.h"

/* ,"key":"value" with what JSON needs escaped; time as RFC 3339. */
void hf_json_put_text(struct hf_writer *body, const char *key, const char *value);
void hf_json_put_id(struct hf_writer *body, const char *key, struct hf_uuid id);
void hf_json_put_time(struct hf_writer *body, const char *key, int64_t wall_ns);
/* "key":"value" without the comma, for names and account numbers. */
void hf_json_put_personal(struct hf_writer *body, const char *key, const uint8_t *bytes, size_t size);

/* MALFORMED where the bytes are over HF_ANSWER_BODY_SIZE_MAX, not JSON, or name a key twice. */
HF_MUST_USE struct hf_status hf_json_read(struct hf_span bytes, json_t **root);
/* "" where the field is missing or no text. */
const char *hf_json_text(const json_t *object, const char *key);
/* The same into a field of `capacity` bytes with its NUL; false, and nothing written, where it does not fit or is not plain
 * text. */
bool hf_json_text_into(const json_t *object, const char *key, char *to, size_t capacity);
/* "2026-11-24T01:02:03Z" → ns; 0 where the field is missing or null; false where it is something else. */
bool hf_json_time(const json_t *object, const char *key, int64_t *wall_ns);

#endif
