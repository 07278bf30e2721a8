#include "engine/base/ids.h"

#include "engine/base/assert.h"
#include "engine/base/hash.h"

static const char hex_digits[] = "0123456789abcdef";

char *hf_uuid_text(struct hf_uuid id, char text[HF_UUID_TEXT_SIZE])
{
  char *out = text;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = hex_digits[id.bytes[i] >> 4];
    *out++ = hex_digits[id.bytes[i] & 15];
  }
  *out = '\0';
  return text;
}

static int hex_value(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct hf_status hf_uuid_parse(const char *text, size_t size, struct hf_uuid *id)
{
  struct hf_uuid parsed;
  size_t at = 0;
  if (size != HF_UUID_TEXT_SIZE - 1) return hf_fail(HF_STATUS_MALFORMED, "an id has 36 characters");
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      if (text[at++] != '-') return hf_fail(HF_STATUS_MALFORMED, "an id has the form 8-4-4-4-12");
    int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return hf_fail(HF_STATUS_MALFORMED, "an id consists of hexadecimal digits");
    parsed.bytes[i] = (uint8_t)(high << 4 | low);
    at += 2;
  }
  *id = parsed;
  return hf_ok();
}

struct hf_status hf_uuid_of_hex(const char *text, size_t size, struct hf_uuid *id)
{
  struct hf_uuid parsed;
  if (size != 32) return hf_fail(HF_STATUS_MALFORMED, "an id has 32 hexadecimal digits");
  for (size_t i = 0; i < 16; i++) {
    int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return hf_fail(HF_STATUS_MALFORMED, "an id consists of hexadecimal digits");
    parsed.bytes[i] = (uint8_t)(high << 4 | low);
  }
  *id = parsed;
  return hf_ok();
}

static void put_version(struct hf_uuid *id, unsigned version)
{
  id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | version << 4);
  id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
}

struct hf_uuid hf_uuid_v7(int64_t wall_ns, const uint8_t random[10])
{
  HF_ASSERT(wall_ns >= 0);
  struct hf_uuid id;
  uint64_t ms = (uint64_t)wall_ns / 1000000;
  for (int i = 0; i < 6; i++) id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
  memcpy(id.bytes + 6, random, 10);
  put_version(&id, 7);
  return id;
}

int64_t hf_uuid_wall_ns(struct hf_uuid id)
{
  uint64_t ms = 0;
  for (int i = 0; i < 6; i++) ms = ms << 8 | id.bytes[i];
  return (int64_t)ms * 1000000;
}

struct hf_order_id hf_order_id_make(const struct hf_order_identity *identity)
{
  HF_ASSERT(identity->shard < 4096);
  HF_ASSERT(identity->account_size <= UINT8_MAX);
  uint8_t digest[HF_SHA256_SIZE];
  size_t institution_size = strlen(identity->institution);
  HF_ASSERT(institution_size > 0 && institution_size <= UINT8_MAX);
  uint8_t sizes[2] = {(uint8_t)institution_size, (uint8_t)identity->account_size};
  uint8_t tail[5] = {identity->action, (uint8_t)(identity->ordinal >> 24), (uint8_t)(identity->ordinal >> 16),
                     (uint8_t)(identity->ordinal >> 8), (uint8_t)identity->ordinal};
  struct hf_sha256 hash;
  hf_sha256_init(&hash);
  hf_sha256_add(&hash, identity->case_id.uuid.bytes, 16);
  hf_sha256_add(&hash, sizes, sizeof sizes);
  hf_sha256_add(&hash, identity->institution, institution_size);
  hf_sha256_add(&hash, identity->account, identity->account_size);
  hf_sha256_add(&hash, tail, sizeof tail);
  hf_sha256_end(&hash, digest);

  struct hf_order_id id;
  memcpy(id.uuid.bytes, identity->case_id.uuid.bytes, 6);
  id.uuid.bytes[6] = (uint8_t)(identity->shard >> 8);
  id.uuid.bytes[7] = (uint8_t)identity->shard;
  memcpy(id.uuid.bytes + 8, digest, 8);
  put_version(&id.uuid, 8);
  return id;
}

uint16_t hf_order_id_shard(struct hf_order_id id)
{
  return (uint16_t)((id.uuid.bytes[6] & 0x0f) << 8 | id.uuid.bytes[7]);
}

uint32_t hf_partition_of(const uint8_t *key, size_t size, uint32_t partitions)
{
  HF_ASSERT(partitions > 0);
  const uint32_t m = 0x5bd1e995;
  uint32_t h = 0x9747b28c ^ (uint32_t)size;
  size_t at = 0;
  for (; size - at >= 4; at += 4) {
    uint32_t k = (uint32_t)key[at] | (uint32_t)key[at + 1] << 8 | (uint32_t)key[at + 2] << 16 | (uint32_t)key[at + 3] << 24;
    k *= m;
    k ^= k >> 24;
    k *= m;
    h = (h * m) ^ k;
  }
  size_t left = size - at;
  if (left >= 3) h ^= (uint32_t)key[at + 2] << 16;
  if (left >= 2) h ^= (uint32_t)key[at + 1] << 8;
  if (left >= 1) h = (h ^ key[at]) * m;
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return (h & 0x7fffffff) % partitions;
}
