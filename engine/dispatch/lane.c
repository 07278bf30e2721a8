#include "engine/dispatch/lane.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

#define RANK_SHIFT 56
#define TURN_SHIFT 32
#define TURN_LAST 0xffffff

/* Fair queuing by start tags: an order's is one after its case's newest, and none is before the turn that is being served. */
static uint32_t next_turn(struct hf_lane *lane, const struct hf_order *order)
{
  uint64_t spread;
  memcpy(&spread, order->case_id.uuid.bytes + 8, sizeof spread);
  uint32_t *next = &lane->tags[hf_mix64(spread) % HF_LANE_CASES];
  if (hf_heap_first(&lane->queue) == NULL) {
    lane->tag = 0;
    memset(lane->tags, 0, sizeof lane->tags);
  }
  uint32_t tag = *next > lane->tag ? *next : lane->tag;
  *next = tag + 1;
  return tag / HF_LANE_TURN < TURN_LAST ? tag / HF_LANE_TURN : TURN_LAST;
}

void hf_lane_put(struct hf_lane *lane, uint32_t item, const struct hf_order *order)
{
  HF_ASSERT(order->deadline_wall_ns >= 0);
  int64_t rank = hf_action_traits(order->action)->rank, turn = next_turn(lane, order);
  int64_t deadline_s = order->deadline_wall_ns / HF_NS_PER_S; /* 32 bits until 2106 */
  hf_heap_put(&lane->queue, item,
              (struct hf_heap_key){.first = rank << RANK_SHIFT | turn << TURN_SHIFT | deadline_s, .second = -order->amount});
}

static int64_t token_ns(const struct hf_lane *lane)
{
  return lane->row.pace_per_s == 0 ? 0 : HF_NS_PER_S / lane->row.pace_per_s;
}

int64_t hf_lane_rank(const struct hf_lane *lane)
{
  const struct hf_heap_entry *first = hf_heap_first(&lane->queue);
  return first == NULL ? INT64_MAX : first->key.first >> RANK_SHIFT;
}

bool hf_lane_may_send(struct hf_lane *lane, struct hf_time now)
{
  lane->paused = hf_institution_is_paused(&lane->row, now.wall_ns);
  if (lane->in_flight >= lane->row.window || lane->paused) return false;
  int64_t token = token_ns(lane), most = HF_NS_PER_S / 10 > token ? HF_NS_PER_S / 10 : token;
  lane->tokens_ns += now.mono_ns - lane->filled_ns;
  lane->filled_ns = now.mono_ns;
  if (lane->tokens_ns > most) lane->tokens_ns = most;
  return lane->tokens_ns >= token;
}

uint32_t hf_lane_take(struct hf_lane *lane)
{
  const struct hf_heap_entry *first = hf_heap_first(&lane->queue);
  HF_ASSERT(first != NULL);
  uint32_t item = first->item;
  lane->tag = ((uint32_t)(first->key.first >> TURN_SHIFT) & TURN_LAST) * HF_LANE_TURN;
  hf_heap_remove(&lane->queue, item);
  return item;
}

void hf_lane_count(struct hf_lane *lane)
{
  HF_ASSERT(lane->in_flight < lane->row.window);
  lane->in_flight++;
  lane->tokens_ns -= token_ns(lane);
}

int64_t hf_lane_next(const struct hf_lane *lane)
{
  if (lane->row.pace_per_s == 0 || lane->in_flight >= lane->row.window) return INT64_MAX;
  if (lane->paused) return INT64_MAX; /* the turn that comes by itself looks */
  return lane->filled_ns + token_ns(lane) - lane->tokens_ns;
}

int64_t hf_lane_backoff_ns(const struct hf_order *order, uint32_t attempts)
{
  HF_ASSERT(attempts > 0);
  uint32_t doublings = attempts < HF_QUICK_TRIES ? attempts - 1 : attempts - HF_QUICK_TRIES;
  int64_t base = attempts < HF_QUICK_TRIES ? 100 * HF_NS_PER_MS : HF_NS_PER_S;
  int64_t wait = base << (doublings < 5 ? doublings : 5);
  if (wait > 30 * HF_NS_PER_S) wait = 30 * HF_NS_PER_S;
  uint64_t spread;
  memcpy(&spread, order->id.uuid.bytes + 8, sizeof spread);
  return wait + (int64_t)(hf_mix64(spread + attempts) % (uint64_t)(wait / 10));
}

void hf_lane_replied(struct hf_lane *lane, int64_t took_ns)
{
  if (took_ns >= lane->slowest_ns) {
    lane->slow_ns = lane->slowest_ns;
    lane->slowest_ns = took_ns;
  } else if (took_ns > lane->slow_ns) {
    lane->slow_ns = took_ns;
  }
  if (++lane->times_count < HF_LANE_TIMES) return;
  lane->usual_ns = lane->slow_ns;
  lane->times_count = 0;
  lane->slowest_ns = lane->slow_ns = 0;
}

int64_t hf_lane_timeout_ns(const struct hf_lane *lane, uint32_t attempt)
{
  HF_ASSERT(attempt > 0);
  int64_t most = lane->row.try_timeout_ms * HF_NS_PER_MS, wait = 2 * lane->usual_ns;
  if (wait == 0 || wait >= most) return most;     /* too little is known of it, or it is as slow as it may be */
  if (lane->row.swallows_duplicates) return most; /* an answer that is cut off is lost: it says nothing twice */
  if (wait < HF_NS_PER_S) wait = HF_NS_PER_S;
  wait <<= attempt - 1 < 6 ? attempt - 1 : 6;
  return wait < most ? wait : most;
}
