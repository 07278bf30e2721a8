#include "engine/base/map.h"

#include "engine/base/assert.h"
#include "engine/base/hash.h"

static uint32_t slots_for(uint32_t capacity)
{
  uint32_t slots = 16;
  while (slots < capacity * 2ULL) slots *= 2;
  return slots;
}

size_t hf_map_memory_size(uint32_t capacity)
{
  return (size_t)slots_for(capacity) * sizeof(struct hf_map_entry);
}

void hf_map_init(struct hf_map *map, void *memory, uint32_t capacity)
{
  HF_ASSERT(capacity > 0 && capacity <= 1U << 30);
  *map = (struct hf_map){.entries = memory, .slots = slots_for(capacity), .capacity = capacity};
}

static uint32_t home_of(const struct hf_map *map, struct hf_uuid key)
{
  uint64_t high, low;
  memcpy(&high, key.bytes, 8);
  memcpy(&low, key.bytes + 8, 8);
  return (uint32_t)hf_mix64(high ^ hf_mix64(low)) & (map->slots - 1);
}

/* The slot that holds key, or the empty one where the search ended. */
static uint32_t find(const struct hf_map *map, struct hf_uuid key)
{
  uint32_t at = home_of(map, key);
  while (map->entries[at].value != 0 && !hf_uuid_equal(map->entries[at].key, key)) at = (at + 1) & (map->slots - 1);
  return at;
}

uint32_t hf_map_get(const struct hf_map *map, struct hf_uuid key)
{
  return map->entries[find(map, key)].value;
}

void hf_map_put(struct hf_map *map, struct hf_uuid key, uint32_t value)
{
  HF_ASSERT(value != 0);
  HF_ASSERT(map->used < map->capacity);
  uint32_t at = find(map, key);
  HF_ASSERT(map->entries[at].value == 0);
  map->entries[at] = (struct hf_map_entry){.key = key, .value = value};
  map->used++;
}

uint32_t hf_map_remove(struct hf_map *map, struct hf_uuid key)
{
  uint32_t hole = find(map, key);
  uint32_t removed = map->entries[hole].value;
  if (removed == 0) return 0;
  for (uint32_t at = (hole + 1) & (map->slots - 1); map->entries[at].value != 0; at = (at + 1) & (map->slots - 1)) {
    uint32_t home = home_of(map, map->entries[at].key);
    /* An entry may fill the hole only if its home does not lie between the hole and itself. */
    if (((at - home) & (map->slots - 1)) >= ((at - hole) & (map->slots - 1))) {
      map->entries[hole] = map->entries[at];
      hole = at;
    }
  }
  map->entries[hole] = (struct hf_map_entry){.value = 0};
  map->used--;
  return removed;
}
