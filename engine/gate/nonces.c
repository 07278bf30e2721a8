#include "engine/gate/nonces.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

void hf_nonces_open(struct hf_nonces *nonces)
{
  void *memory = calloc(1, hf_map_memory_size(HF_GATE_NONCES_MAX));
  nonces->ring = calloc(HF_GATE_NONCES_MAX, sizeof *nonces->ring);
  HF_ASSERT(memory != NULL && nonces->ring != NULL);
  hf_map_init(&nonces->seen, memory, HF_GATE_NONCES_MAX);
}

void hf_nonces_close(struct hf_nonces *nonces)
{
  free(nonces->seen.entries);
  free(nonces->ring);
}

/* In the order in which they came: one that ends early behind one that ends late is kept a little longer. */
static void forget(struct hf_nonces *nonces, int64_t now_wall_ns)
{
  while (nonces->used > 0 && nonces->ring[nonces->first].until_wall_ns < now_wall_ns) {
    (void)hf_map_remove(&nonces->seen, nonces->ring[nonces->first].id);
    nonces->first = (nonces->first + 1) % HF_GATE_NONCES_MAX;
    nonces->used--;
  }
}

enum hf_nonce_verdict hf_nonces_take(struct hf_nonces *nonces, const char *code, struct hf_span nonce, int64_t until_wall_ns,
                                     int64_t now_wall_ns)
{
  struct hf_sha256 hash;
  uint8_t digest[HF_SHA256_SIZE];
  struct hf_uuid id;
  hf_sha256_init(&hash);
  hf_sha256_add(&hash, code, strlen(code) + 1);
  hf_sha256_add(&hash, nonce.data, nonce.size);
  hf_sha256_end(&hash, digest);
  memcpy(id.bytes, digest, sizeof id.bytes);
  forget(nonces, now_wall_ns);
  if (hf_map_get(&nonces->seen, id) != 0) return HF_NONCE_REPEATED;
  if (nonces->used == HF_GATE_NONCES_MAX) return HF_NONCE_FULL;
  nonces->ring[(nonces->first + nonces->used++) % HF_GATE_NONCES_MAX] = (struct hf_nonce){id, until_wall_ns};
  hf_map_put(&nonces->seen, id, 1);
  return HF_NONCE_NEW;
}
