#include "engine/base/pool.h"

#include <string.h>

uint32_t hf_pool_acquire(struct hf_pool *pool)
{
  uint32_t index = pool->free_first;
  if (index != 0) {
    memcpy(&pool->free_first, hf_pool_at(pool, index), sizeof pool->free_first);
  } else if (pool->fresh < pool->capacity) {
    index = ++pool->fresh;
  } else {
    return 0;
  }
  pool->used++;
  memset(hf_pool_at(pool, index), 0, pool->slot_size);
  return index;
}

void hf_pool_release(struct hf_pool *pool, uint32_t index)
{
  HF_ASSERT(pool->used > 0);
  memcpy(hf_pool_at(pool, index), &pool->free_first, sizeof pool->free_first);
  pool->free_first = index;
  pool->used--;
}
