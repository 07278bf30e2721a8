/*
 * Pool: a fixed number of equal slots, named by index.
 *
 * Why:    indices survive a copy of the memory, are half a pointer, and 0 can mean "none".
 * Memory: the caller's, reserved once; a slot is first touched when it is first acquired, so idle pools stay cold.
 * Bounds: capacity slots; index 0 is never handed out.
 */
#ifndef HF_BASE_POOL_H
#define HF_BASE_POOL_H

#include <stdint.h>

#include "engine/base/assert.h"

struct hf_pool {
  uint8_t *memory; /* (capacity + 1) * slot_size bytes */
  uint32_t slot_size;
  uint32_t capacity;
  uint32_t used;
  uint32_t fresh;      /* slots 1…fresh have been touched */
  uint32_t free_first; /* head of the list of released slots, linked through their first four bytes */
};

static inline void hf_pool_init(struct hf_pool *pool, void *memory, uint32_t slot_size, uint32_t capacity)
{
  HF_ASSERT(slot_size >= sizeof(uint32_t));
  *pool = (struct hf_pool){.memory = memory, .slot_size = slot_size, .capacity = capacity};
}

static inline void *hf_pool_at(const struct hf_pool *pool, uint32_t index)
{
  HF_ASSERT(index > 0 && index <= pool->fresh);
  return pool->memory + (uint64_t)index * pool->slot_size;
}

/* The index of a slot that hf_pool_at gave. */
static inline uint32_t hf_pool_index(const struct hf_pool *pool, const void *slot)
{
  return (uint32_t)((uint64_t)((const uint8_t *)slot - pool->memory) / pool->slot_size);
}

static inline uint32_t hf_pool_room(const struct hf_pool *pool)
{
  return pool->capacity - pool->used;
}

/* Returns the index of a zeroed slot, 0 when none is left. */
uint32_t hf_pool_acquire(struct hf_pool *pool);
void hf_pool_release(struct hf_pool *pool, uint32_t index);

#endif
