/*
 * Clock: what the machine says of its wall clock, written down beside the stamps. The engine's own goes on steadily from when
 * it started (hf_time_steady): a step is a fact of every shard and an alarm, and moves no stamp and no deadline. To follow the
 * machine again, start the engine again: durations stay right, they are counted by the monotonic clock.
 */
#include "engine/base/log.h"
#include "engine/daemon/internal.h"

#define LOOK_NS HF_NS_PER_S

void hf_clock_note(struct hf_engine *engine, uint32_t shard)
{
  const struct hf_clock machine = hf_time_clock();
  const struct hf_fact_clock clock = {.ahead_ns = machine.ahead_ns / HF_NS_PER_US * HF_NS_PER_US,
                                      .error_ns = machine.error_ns,
                                      .synchronised = machine.synchronised};
  const struct hf_input input = {.kind = HF_INPUT_CLOCK, .now = engine->turn, .at = engine->turn, .clock = &clock};
  hf_route_step(engine, shard, &input);
}

void hf_clock_work(struct hf_engine *engine)
{
  if (engine->turn.mono_ns < engine->clock.look_ns || !hf_record_has_room(engine->record)) return;
  engine->clock.look_ns = engine->turn.mono_ns + LOOK_NS;
  engine->clock.machine = hf_time_clock();
  int64_t moved_ns = engine->clock.machine.ahead_ns - engine->clock.told_ns;
  if (moved_ns < HF_CLOCK_STEP_NS && moved_ns > -HF_CLOCK_STEP_NS) return;
  engine->clock.told_ns = engine->clock.machine.ahead_ns;
  HF_LOG(HF_LOG_ALARM, "E1715",
         "the machine's wall clock was stepped: stamps and deadlines do not follow; start the engine again to follow",
         HF_FIELD("step_ms", moved_ns / HF_NS_PER_MS), HF_FIELD("ahead_ms", engine->clock.machine.ahead_ns / HF_NS_PER_MS));
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++)
    if (engine->shards[i].state == HF_SHARD_RUNNING) hf_clock_note(engine, i);
}
