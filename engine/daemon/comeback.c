/*
 * Comeback: a rested case returns to its core from its stored facts, because a report names it or a hold of it ends.
 *
 * Why:   open cases live in memory, the others in PostgreSQL. Nothing here waits: the submission does, for 50 ms at most; then
 *        it is decided as if the case were new, with the same order ids (design.md section 5).
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/codec/codec.h"
#include "engine/daemon/internal.h"

#define DUE_EVERY_NS (5 * HF_NS_PER_S)

bool hf_comeback_awaits(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  struct hf_comeback *comeback = &engine->comeback;
  struct hf_shard *of = &engine->shards[shard];
  bool settled = hf_uuid_equal(comeback->settled.uuid, id.uuid);
  if (settled || !hf_shard_must_look_up(of, id, engine->turn.wall_ns) || !hf_record_is_up(engine->record)) return false;
  if (hf_record_ask_case(engine->record, shard, id, engine->turn)) {
    comeback->asked_epoch = of->epoch;
    comeback->awaited = id;
  }
  return true;
}

void hf_comeback_decided(struct hf_engine *engine)
{
  engine->comeback.awaited = engine->comeback.settled = (struct hf_case_id){{{0}}};
}

void hf_comeback_fact(void *owner, uint32_t shard, struct hf_span bytes)
{
  struct hf_engine *engine = owner;
  struct hf_shard *of = &engine->shards[shard];
  struct hf_fact *fact = &engine->facts[0];
  if (of->state != HF_SHARD_RUNNING || of->epoch != engine->comeback.asked_epoch) return; /* another owner's by now */
  hf_arena_reset(&engine->arena);
  struct hf_status status = hf_fact_decode(bytes, &engine->arena, fact);
  if (hf_is_ok(status))
    hf_core_restore(&of->core, fact);
  else
    HF_LOG(HF_LOG_ALARM, "E1713", "a stored fact cannot be read", HF_FIELD("shard", shard), HF_FIELD("why", status.why));
}

void hf_comeback_known(void *owner, uint32_t shard, struct hf_case_id id, struct hf_status status)
{
  struct hf_engine *engine = owner;
  struct hf_shard *of = &engine->shards[shard];
  if (hf_uuid_equal(engine->comeback.awaited.uuid, id.uuid)) engine->comeback.settled = id;
  if (of->state != HF_SHARD_RUNNING || of->epoch != engine->comeback.asked_epoch) return;
  if (!hf_is_ok(status)) {
    HF_LOG(HF_LOG_WARN, "E1707", "a case cannot be looked up", HF_FIELD("case", id), HF_FIELD("why", status.why));
    return;
  }
  const struct hf_input input = {.kind = HF_INPUT_RETURN, .now = engine->turn, .case_id = id};
  hf_route_step(engine, shard, &input);
}

void hf_comeback_due(void *owner, uint32_t shard, struct hf_case_id id)
{
  struct hf_engine *engine = owner;
  struct hf_comeback *comeback = &engine->comeback;
  if (comeback->due_count == HF_DUE_CASES_MAX) return; /* asked for again in five seconds */
  comeback->due[comeback->due_count++] = (struct hf_due_case){shard, id};
}

void hf_comeback_work(struct hf_engine *engine)
{
  struct hf_comeback *comeback = &engine->comeback;
  if (!hf_record_is_up(engine->record) || !hf_record_has_room(engine->record)) return;
  if (comeback->due_count > 0) {
    const struct hf_due_case *due = &comeback->due[comeback->due_count - 1];
    struct hf_shard *shard = &engine->shards[due->shard];
    if (shard->state != HF_SHARD_RUNNING || hf_core_has_case(&shard->core, due->id) || !hf_core_has_room(&shard->core)) {
      comeback->due_count--;
    } else if (hf_record_ask_case(engine->record, due->shard, due->id, engine->turn)) {
      comeback->asked_epoch = shard->epoch;
      comeback->due_count--;
    }
    return;
  }
  if (engine->turn.mono_ns < comeback->next_ns) return;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++, comeback->shard = (comeback->shard + 1) % HF_SHARDS_MAX) {
    if (engine->shards[comeback->shard].state != HF_SHARD_RUNNING) continue;
    if (!hf_record_ask_due(engine->record, comeback->shard, engine->turn.wall_ns, engine->turn)) return;
    comeback->shard = (comeback->shard + 1) % HF_SHARDS_MAX;
    break;
  }
  comeback->next_ns = engine->turn.mono_ns + DUE_EVERY_NS / HF_SHARDS_MAX;
}
