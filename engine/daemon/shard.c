#include "engine/daemon/shard.h"

#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"

static void *reserve(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  HF_ASSERT(memory != MAP_FAILED);
  return memory;
}

void hf_shard_open(struct hf_shard *shard, const struct hf_core_config *config, int64_t now_wall_ns)
{
  HF_ASSERT(shard->memory == NULL);
  shard->memory_size = hf_core_memory_size(config);
  shard->memory = reserve(shard->memory_size);
  shard->core = hf_core_init(shard->memory, config);
  shard->recent_memory = reserve(hf_map_memory_size(HF_RECENT_CASES_MAX));
  shard->ring = reserve(HF_RECENT_CASES_MAX * sizeof *shard->ring);
  /* Touched now, so that resident memory does not grow with the first cases. */
  memset(shard->recent_memory, 0, hf_map_memory_size(HF_RECENT_CASES_MAX));
  memset(shard->ring, 0, HF_RECENT_CASES_MAX * sizeof *shard->ring);
  hf_map_init(&shard->recent, shard->recent_memory, HF_RECENT_CASES_MAX);
  shard->ring_first = shard->ring_used = 0;
  shard->forgotten_seq = 0;
  shard->floor_wall_ns = now_wall_ns; /* what rested before this process owned the shard is not remembered */
}

void hf_shard_close(struct hf_shard *shard)
{
  if (shard->memory == NULL) return;
  munmap(shard->memory, shard->memory_size);
  munmap(shard->recent_memory, hf_map_memory_size(HF_RECENT_CASES_MAX));
  munmap(shard->ring, HF_RECENT_CASES_MAX * sizeof *shard->ring);
  memset(shard, 0, sizeof *shard);
}

static void forget_oldest(struct hf_shard *shard)
{
  const struct hf_rested *oldest = &shard->ring[shard->ring_first];
  uint32_t place = shard->ring_first + 1;
  if (oldest->seq > shard->forgotten_seq) shard->forgotten_seq = oldest->seq;
  shard->ring_first = (shard->ring_first + 1) % HF_RECENT_CASES_MAX;
  shard->ring_used--;
  if (hf_map_get(&shard->recent, oldest->id.uuid) != place) return; /* it has rested again since */
  hf_map_remove(&shard->recent, oldest->id.uuid);
  if (hf_uuid_wall_ns(oldest->id.uuid) >= shard->floor_wall_ns)
    shard->floor_wall_ns = hf_uuid_wall_ns(oldest->id.uuid) + HF_NS_PER_MS;
}

void hf_shard_remember(struct hf_shard *shard, struct hf_case_id rested, uint64_t seq)
{
  if (shard->ring_used == HF_RECENT_CASES_MAX) forget_oldest(shard);
  uint32_t place = (shard->ring_first + shard->ring_used++) % HF_RECENT_CASES_MAX;
  shard->ring[place] = (struct hf_rested){rested, seq};
  hf_map_remove(&shard->recent, rested.uuid);
  hf_map_put(&shard->recent, rested.uuid, place + 1);
}

uint64_t hf_shard_rested_seq(const struct hf_shard *shard)
{
  if (shard->ring_used == 0) return shard->forgotten_seq;
  return shard->ring[(shard->ring_first + shard->ring_used - 1) % HF_RECENT_CASES_MAX].seq;
}

uint64_t hf_shard_look_up_after(const struct hf_shard *shard, struct hf_case_id id)
{
  uint32_t place = hf_map_get(&shard->recent, id.uuid);
  return place == 0 ? shard->forgotten_seq : shard->ring[place - 1].seq;
}

bool hf_shard_must_look_up(const struct hf_shard *shard, struct hf_case_id id, int64_t now_wall_ns)
{
  if (hf_core_has_case(shard->core, id)) return false;
  int64_t minted = hf_uuid_wall_ns(id.uuid);
  return minted < shard->floor_wall_ns || minted < now_wall_ns - HF_YOUNG_CASE_NS || hf_map_get(&shard->recent, id.uuid) != 0;
}
