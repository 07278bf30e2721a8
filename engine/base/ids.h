/*
 * Ids: 128-bit names of things (design.md section 5).
 *
 * Why:    a case id is a UUIDv7 minted where the case is first typed in; an order id is a UUIDv8 that depends only on
 *         what the order is, so that a replay repeats it and never invents one.
 * Types:  one-field structs, so that a case id cannot pass as an order id.
 */
#ifndef HF_BASE_IDS_H
#define HF_BASE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/status.h"

struct hf_uuid {
  uint8_t bytes[16];
};

struct hf_case_id {
  struct hf_uuid uuid;
};

struct hf_report_id {
  struct hf_uuid uuid;
};

struct hf_command_id {
  struct hf_uuid uuid;
};

struct hf_order_id {
  struct hf_uuid uuid;
};

#define HF_UUID_TEXT_SIZE 37

/* Lower-case 8-4-4-4-12; returns text. */
char *hf_uuid_text(struct hf_uuid id, char text[HF_UUID_TEXT_SIZE]);

/* Accepts exactly the form above, either case of letters. MALFORMED otherwise; *id is then untouched. */
/* The same from 32 hexadecimal digits without hyphens. */
HF_MUST_USE struct hf_status hf_uuid_of_hex(const char *text, size_t size, struct hf_uuid *id);
HF_MUST_USE struct hf_status hf_uuid_parse(const char *text, size_t size, struct hf_uuid *id);

static inline bool hf_uuid_equal(struct hf_uuid a, struct hf_uuid b)
{
  return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

static inline bool hf_uuid_is_zero(struct hf_uuid id)
{
  static const struct hf_uuid zero;
  return hf_uuid_equal(id, zero);
}

/* 4, 7, 8 …: the version nibble. */
static inline unsigned hf_uuid_version(struct hf_uuid id)
{
  return id.bytes[6] >> 4;
}

/* RFC 9562 5.7: 48 bits of milliseconds, then `random` with version and variant put in. */
struct hf_uuid hf_uuid_v7(int64_t wall_ns, const uint8_t random[10]);

/* The millisecond stamp in the first 48 bits of a UUIDv7 or of our order ids, as ns. */
int64_t hf_uuid_wall_ns(struct hf_uuid id);

/* What an order is: the whole input of its id. */
struct hf_order_identity {
  struct hf_case_id case_id;
  const char *institution; /* code, NUL-terminated */
  const uint8_t *account;
  size_t account_size;
  uint8_t action;
  uint32_t ordinal; /* how many orders of this action this account had before */
  uint16_t shard;   /* < 4096 */
};

/* UUIDv8: 48 bits of the case's milliseconds, 12 bits of shard, 62 bits of SHA-256 over the rest (length-prefixed). */
struct hf_order_id hf_order_id_make(const struct hf_order_identity *identity);

/* The shard that an answer for this order belongs to. */
uint16_t hf_order_id_shard(struct hf_order_id id);

/* Kafka's default partitioner: murmur2 over the key, as the Java clients do. Requires: partitions > 0. */
uint32_t hf_partition_of(const uint8_t *key, size_t size, uint32_t partitions);

#endif
