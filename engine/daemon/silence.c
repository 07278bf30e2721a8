/*
 * Silence: an institution whose lane gets no answers is told once, as a fact and an alert, and so is its first answer after
 * that: the duty officer calls it. Each engine tells of its own lanes; the fact stands in one of its shards.
 */
#include <string.h>

#include "engine/daemon/internal.h"
#include "engine/dispatch/lane.h"

#define LOOK_NS HF_NS_PER_S

static uint32_t first_running(const struct hf_engine *engine)
{
  uint32_t shard = 0;
  while (shard < HF_SHARDS_MAX && engine->shards[shard].state != HF_SHARD_RUNNING) shard++;
  return shard;
}

void hf_silence_work(struct hf_engine *engine)
{
  uint32_t shard;
  if (engine->turn.mono_ns < engine->silence.look_ns || !hf_record_has_room(engine->record)) return;
  engine->silence.look_ns = engine->turn.mono_ns + LOOK_NS;
  if ((shard = first_running(engine)) == HF_SHARDS_MAX) return;
  for (uint32_t i = 0; i < hf_dispatch_lanes(engine->dispatch); i++) {
    const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, i);
    bool silent = view.silence >= HF_LANE_SILENT;
    if (silent == engine->silence.told[i]) continue;
    engine->silence.told[i] = silent;
    struct hf_fact_lane lane = {.silent = silent, .tries = view.silence, .orders = view.orders};
    memcpy(lane.institution, view.row->code, sizeof lane.institution);
    const struct hf_input input = {.kind = HF_INPUT_LANE, .now = engine->turn, .at = engine->turn, .lane = &lane};
    hf_route_step(engine, shard, &input);
  }
}
