/*
 * Arena: bump allocation inside one block, given back all at once.
 * Why: protobuf-c wants an allocator; a submission's structs live exactly as long as its decoding.
 */
#ifndef HF_BASE_ARENA_H
#define HF_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct hf_arena {
  uint8_t *memory;
  size_t capacity;
  size_t used;
};

static inline void hf_arena_reset(struct hf_arena *arena)
{
  arena->used = 0;
}

/* 16-byte aligned; NULL when it does not fit. */
static inline void *hf_arena_take(struct hf_arena *arena, size_t size)
{
  size_t start = (arena->used + 15) & ~(size_t)15;
  if (start > arena->capacity || size > arena->capacity - start) return NULL;
  arena->used = start + size;
  return arena->memory + start;
}

#endif
