/*
 * Heap: a priority queue of 32-bit items, smallest key first, with removal from anywhere.
 *
 * Why:    lanes take the most urgent order, cores the nearest deadline; both also cancel.
 * Memory: the caller's arrays: `entries` of capacity, `places` of capacity_items + 1 (where an item stands, 0 = not in).
 * Order:  by key.first, then key.second, then item, so that the same content always gives the same order.
 */
#ifndef HF_BASE_HEAP_H
#define HF_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct hf_heap_key {
  int64_t first;
  int64_t second;
};

struct hf_heap_entry {
  struct hf_heap_key key;
  uint32_t item;
};

struct hf_heap {
  struct hf_heap_entry *entries; /* [0] is unused */
  uint32_t *places;
  uint32_t capacity; /* items are 1…capacity */
  uint32_t used;
};

/* entries: capacity + 1 of them; places: capacity + 1, zeroed. */
void hf_heap_init(struct hf_heap *heap, struct hf_heap_entry *entries, uint32_t *places, uint32_t capacity);
bool hf_heap_has(const struct hf_heap *heap, uint32_t item);
/* Puts item in, or moves it if it is there. Requires: 1 <= item <= capacity. */
void hf_heap_put(struct hf_heap *heap, uint32_t item, struct hf_heap_key key);
/* Does nothing where item is not in. */
void hf_heap_remove(struct hf_heap *heap, uint32_t item);
/* NULL when empty. */
const struct hf_heap_entry *hf_heap_first(const struct hf_heap *heap);

#endif
