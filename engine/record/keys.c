#include "engine/record/keys.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/codec/codec.h"

#define WAYS 4 /* places that a case may have */

struct slot {
  struct hf_case_id case_id;
  uint32_t shard;
  int64_t epoch; /* 0: free. Another epoch's key is never used: its row may not have been committed */
  struct hf_data_key key;
};

struct hf_case_keys {
  struct hf_seal *seal;
  struct slot *slots;
  uint32_t victim; /* which of the ways goes next */
};

struct hf_case_keys *hf_case_keys_open(struct hf_seal *seal)
{
  struct hf_case_keys *keys = calloc(1, sizeof *keys);
  HF_ASSERT(keys != NULL);
  keys->seal = seal;
  keys->slots = mmap(NULL, HF_CASE_KEYS_MAX * sizeof(struct slot), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  HF_ASSERT(keys->slots != MAP_FAILED);
  return keys;
}

void hf_case_keys_close(struct hf_case_keys *keys)
{
  if (keys == NULL) return;
  munmap(keys->slots, HF_CASE_KEYS_MAX * sizeof(struct slot)); /* the kernel gives zeroed pages to the next */
  free(keys);
}

static struct slot *slots_of(struct hf_case_keys *keys, const struct hf_data_key_place *place)
{
  uint64_t hash = hf_checksum(HF_CHECKSUM_SEED ^ place->shard, place->case_id.uuid.bytes, sizeof place->case_id.uuid.bytes);
  return &keys->slots[hf_mix64(hash) % (HF_CASE_KEYS_MAX / WAYS) * WAYS];
}

const struct hf_data_key *hf_case_keys_get(struct hf_case_keys *keys, int64_t epoch, const struct hf_data_key_place *place,
                                           struct hf_wrapped_key *wrapped)
{
  struct slot *slots = slots_of(keys, place), *to = NULL;
  wrapped->by[0] = '\0';
  for (int i = 0; i < WAYS; i++) {
    if (slots[i].epoch == epoch && slots[i].shard == place->shard && hf_uuid_equal(slots[i].case_id.uuid, place->case_id.uuid))
      return &slots[i].key;
    if (slots[i].epoch == 0 && to == NULL) to = &slots[i];
  }
  if (to == NULL) to = &slots[keys->victim++ % WAYS];
  *to = (struct slot){.case_id = place->case_id, .shard = place->shard, .epoch = epoch};
  hf_seal_key_make(keys->seal, place, &to->key, wrapped);
  return &to->key;
}

/* --- reading --- */

struct hf_status hf_read_keys_add(struct hf_read_keys *keys, struct hf_seal *seal, const struct hf_data_key_place *place,
                                  const struct hf_wrapped_key *wrapped)
{
  if (keys->count == keys->capacity) {
    keys->capacity = keys->capacity == 0 ? 256 : keys->capacity * 2;
    keys->list = realloc(keys->list, keys->capacity * sizeof *keys->list);
    HF_ASSERT(keys->list != NULL);
  }
  struct hf_read_key *key = &keys->list[keys->count];
  struct hf_status status = hf_seal_key_open(seal, place, wrapped, &key->key);
  if (!hf_is_ok(status)) return status;
  key->case_id = place->case_id;
  key->first_seq = place->first_seq;
  keys->count++;
  return status;
}

static bool is_after(const struct hf_read_key *key, struct hf_case_id case_id, uint64_t seq)
{
  int order = memcmp(key->case_id.uuid.bytes, case_id.uuid.bytes, sizeof case_id.uuid.bytes);
  return order > 0 || (order == 0 && key->first_seq > seq);
}

const struct hf_data_key *hf_read_keys_find(const struct hf_read_keys *keys, struct hf_case_id case_id, uint64_t seq)
{
  uint32_t low = 0, high = keys->count; /* the first that is after it lies in low … high */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (is_after(&keys->list[middle], case_id, seq))
      high = middle;
    else
      low = middle + 1;
  }
  if (low == 0 || !hf_uuid_equal(keys->list[low - 1].case_id.uuid, case_id.uuid)) return NULL;
  return &keys->list[low - 1].key;
}

void hf_read_keys_free(struct hf_read_keys *keys)
{
  if (keys->list != NULL) OPENSSL_cleanse(keys->list, keys->capacity * sizeof *keys->list);
  free(keys->list);
  *keys = (struct hf_read_keys){0};
}

struct hf_status hf_record_fact_open(struct hf_seal *seal, const struct hf_read_keys *keys, struct hf_span bytes,
                                     struct hf_fact *fact)
{
  struct hf_span sealed;
  struct hf_status status = hf_fact_decode(bytes, fact, &sealed);
  if (!hf_is_ok(status)) return status;
  if (sealed.size == 0)
    return hf_seal_is_personal(fact) ? hf_fail(HF_STATUS_MALFORMED, "a stored fact has pseudonyms and nothing sealed") : status;
  const struct hf_data_key *key = hf_read_keys_find(keys, fact->case_id, fact->seq);
  if (key == NULL) return hf_fail(HF_STATUS_REFUSED, "the data key of a case is not there: it was destroyed");
  return hf_seal_fact_open(seal, key, sealed, fact);
}
