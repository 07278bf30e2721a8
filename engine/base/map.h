/*
 * Map: 128-bit id -> 32-bit index; open addressing, linear probing, deletion by shifting back (no tombstones).
 *
 * Memory: the caller's: hf_map_memory_size(capacity) bytes, zeroed (fresh pages of mmap are).
 * Bounds: `capacity` entries fill at most half of the slots, so a probe stays short. Value 0 means "not there".
 */
#ifndef HF_BASE_MAP_H
#define HF_BASE_MAP_H

#include "engine/base/ids.h"

struct hf_map_entry {
  struct hf_uuid key;
  uint32_t value;
};

struct hf_map {
  struct hf_map_entry *entries;
  uint32_t slots; /* power of two, at least 2 * capacity */
  uint32_t capacity;
  uint32_t used;
};

size_t hf_map_memory_size(uint32_t capacity);
void hf_map_init(struct hf_map *map, void *memory, uint32_t capacity);
uint32_t hf_map_get(const struct hf_map *map, struct hf_uuid key);
/* Requires: value != 0, room, and key not there. */
void hf_map_put(struct hf_map *map, struct hf_uuid key, uint32_t value);
/* Returns the value that was there, 0 if none was. */
uint32_t hf_map_remove(struct hf_map *map, struct hf_uuid key);

#endif
