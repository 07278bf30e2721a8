#include "engine/dispatch/way.h"

#include <string.h>

#define PROBE_FIRST_NS HF_NS_PER_S
#define PROBE_LAST_NS (30 * HF_NS_PER_S)
#define QUERY_RANK 3
#define QUERY_PATIENCE_NS (2 * HF_NS_PER_S) /* for so long a probe waits for a query; then any order is one */

void hf_way_find(struct hf_lane *lanes, uint32_t count, uint32_t own)
{
  struct hf_lane *lane = &lanes[own];
  lane->ways_count = 0;
  for (uint32_t i = 0; i < count && lane->ways_count < HF_WAYS_MAX; i++)
    if (strcmp(lanes[i].row.stands_for, lane->row.code) == 0) lane->ways[lane->ways_count++] = i;
}

bool hf_way_is_one_of_many(const struct hf_lane *way)
{
  return way->ways_count > 0 || way->row.stands_for[0] != '\0';
}

static bool is_open(const struct hf_lane *way)
{
  return way->probe_ns != 0;
}

static bool wants_probe(const struct hf_lane *way, const struct hf_order *order, struct hf_time now)
{
  int64_t patience_ns = hf_action_traits(order->action)->rank >= QUERY_RANK ? 0 : QUERY_PATIENCE_NS;
  return is_open(way) && now.mono_ns >= way->probe_ns + patience_ns;
}

static void probe(struct hf_lane *way, struct hf_time now)
{
  way->probe_wait_ns = way->probe_wait_ns < PROBE_LAST_NS / 2 ? way->probe_wait_ns * 2 : PROBE_LAST_NS;
  way->probe_ns = now.mono_ns + way->probe_wait_ns;
}

/* The own row, whatever it says of itself, and those of the others that are in use and have a word for it. */
static uint32_t list_ways(const struct hf_lane *lanes, uint32_t own, enum hf_action action, uint32_t ways[HF_WAYS_MAX + 1])
{
  uint32_t count = 0;
  ways[count++] = own;
  for (uint32_t i = 0; i < lanes[own].ways_count; i++) {
    const struct hf_lane *other = &lanes[lanes[own].ways[i]];
    bool speaks = other->row.actions == 0 || (other->row.actions & 1U << action) != 0;
    if (other->row.enabled && speaks) ways[count++] = lanes[own].ways[i];
  }
  return count;
}

uint32_t hf_way_choose(struct hf_lane *lanes, uint32_t own, const struct hf_order *order, uint32_t attempts, struct hf_time now)
{
  uint32_t ways[HF_WAYS_MAX + 1], usable = 0;
  if (lanes[own].ways_count == 0) return hf_lane_may_send(&lanes[own], now) ? own : HF_WAY_NONE;
  uint32_t count = list_ways(lanes, own, order->action, ways);
  for (uint32_t i = 0; i < count; i++) {
    struct hf_lane *way = &lanes[ways[i]];
    bool may = hf_lane_may_send(way, now);
    if (may && wants_probe(way, order, now)) {
      probe(way, now);
      return ways[i];
    }
    if (!way->paused) ways[usable++] = ways[i]; /* a pause is the way's: the others go on */
  }
  uint32_t turn = attempts < HF_QUICK_TRIES ? 0 : attempts - HF_QUICK_TRIES + 1;
  for (uint32_t i = 0; i < usable; i++) {
    uint32_t at = ways[(turn + i) % usable];
    if (!is_open(&lanes[at])) return hf_lane_may_send(&lanes[at], now) ? at : HF_WAY_NONE;
  }
  if (usable == 0) return HF_WAY_NONE;
  uint32_t at = ways[attempts % usable];
  return hf_lane_may_send(&lanes[at], now) ? at : HF_WAY_NONE;
}

int64_t hf_way_next(const struct hf_lane *lanes, uint32_t own)
{
  int64_t next = hf_lane_next(&lanes[own]);
  for (uint32_t i = 0; i < lanes[own].ways_count; i++) {
    int64_t others = hf_lane_next(&lanes[lanes[own].ways[i]]);
    if (others < next) next = others;
  }
  return next;
}

bool hf_way_failed(struct hf_lane *way, struct hf_time now)
{
  if (is_open(way) || way->silence < HF_WAY_BREAKS) return false;
  way->probe_wait_ns = PROBE_FIRST_NS;
  way->probe_ns = now.mono_ns + PROBE_FIRST_NS;
  return true;
}

bool hf_way_answered(struct hf_lane *way)
{
  bool opened = is_open(way);
  way->probe_ns = way->probe_wait_ns = 0;
  return opened;
}
