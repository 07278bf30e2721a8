/*
 * Silence: an institution whose lane gets no answers is told once, as a fact and an alert, and so is its first answer after
 * that: the duty officer calls it. Each engine tells of its own lanes; the fact stands in one of its shards.
 */
#include <string.h>

#include "engine/daemon/internal.h"
#include "engine/dispatch/lane.h"

#define LOOK_NS HF_NS_PER_S

/* The shard that knows of the institution's silence, else the first that runs; HF_SHARDS_MAX: none does. */
static uint32_t shard_for(const struct hf_engine *engine, const char *institution, bool *known)
{
  uint32_t first = HF_SHARDS_MAX;
  *known = false;
  for (uint32_t shard = 0; shard < HF_SHARDS_MAX && !*known; shard++) {
    if (engine->shards[shard].state != HF_SHARD_RUNNING) continue;
    *known = hf_core_is_silent(engine->shards[shard].core, institution);
    if (*known || first == HF_SHARDS_MAX) first = shard;
  }
  return first;
}

void hf_silence_work(struct hf_engine *engine)
{
  if (engine->turn.mono_ns < engine->silence_look_ns || !hf_record_has_room(engine->record)) return;
  engine->silence_look_ns = engine->turn.mono_ns + LOOK_NS;
  for (uint32_t i = 0; i < hf_dispatch_lanes(engine->dispatch); i++) {
    const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, i);
    bool known, silent = view.silence >= HF_LANE_SILENT;
    /* After a start nothing has been tried: what was known stands until there is an answer. */
    if (!silent && (view.silence > 0 || (view.answers == 0 && view.row->enabled))) continue;
    uint32_t shard = shard_for(engine, view.row->code, &known);
    if (shard == HF_SHARDS_MAX || known == silent) continue;
    struct hf_fact_lane lane = {.silent = silent, .tries = view.silence, .orders = view.orders};
    memcpy(lane.institution, view.row->code, sizeof lane.institution);
    const struct hf_input input = {.kind = HF_INPUT_LANE, .now = engine->turn, .at = engine->turn, .lane = &lane};
    hf_route_step(engine, shard, &input);
  }
}
