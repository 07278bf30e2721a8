#include "engine/base/heap.h"

#include <stddef.h>

#include "engine/base/assert.h"

void hf_heap_init(struct hf_heap *heap, struct hf_heap_entry *entries, uint32_t *places, uint32_t capacity)
{
  *heap = (struct hf_heap){.entries = entries, .places = places, .capacity = capacity};
}

bool hf_heap_has(const struct hf_heap *heap, uint32_t item)
{
  HF_ASSERT(item > 0 && item <= heap->capacity);
  return heap->places[item] != 0;
}

static bool before(const struct hf_heap_entry *a, const struct hf_heap_entry *b)
{
  if (a->key.first != b->key.first) return a->key.first < b->key.first;
  if (a->key.second != b->key.second) return a->key.second < b->key.second;
  return a->item < b->item;
}

static void place(struct hf_heap *heap, uint32_t at, struct hf_heap_entry entry)
{
  heap->entries[at] = entry;
  heap->places[entry.item] = at;
}

static void settle(struct hf_heap *heap, uint32_t at, struct hf_heap_entry entry)
{
  for (; at > 1 && before(&entry, &heap->entries[at / 2]); at /= 2) place(heap, at, heap->entries[at / 2]);
  for (;;) {
    uint32_t child = at * 2;
    if (child > heap->used) break;
    if (child < heap->used && before(&heap->entries[child + 1], &heap->entries[child])) child++;
    if (!before(&heap->entries[child], &entry)) break;
    place(heap, at, heap->entries[child]);
    at = child;
  }
  place(heap, at, entry);
}

void hf_heap_put(struct hf_heap *heap, uint32_t item, struct hf_heap_key key)
{
  uint32_t at = hf_heap_has(heap, item) ? heap->places[item] : ++heap->used;
  HF_ASSERT(heap->used <= heap->capacity);
  settle(heap, at, (struct hf_heap_entry){.key = key, .item = item});
}

void hf_heap_remove(struct hf_heap *heap, uint32_t item)
{
  if (!hf_heap_has(heap, item)) return;
  uint32_t at = heap->places[item];
  struct hf_heap_entry last = heap->entries[heap->used--];
  heap->places[item] = 0;
  if (last.item != item) settle(heap, at, last);
}

const struct hf_heap_entry *hf_heap_first(const struct hf_heap *heap)
{
  return heap->used == 0 ? NULL : &heap->entries[1];
}
