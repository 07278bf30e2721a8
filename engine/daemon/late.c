/*
 * Late: an answer to an order that nobody here knows. Its case may rest: it is looked for in PostgreSQL, brought back, and told
 *       (weeks later, a contradiction is kept all the same: O12). An order that PostgreSQL does not know either is nobody's.
 *
 * Bounds: HF_LATE_MAX at once, each for five seconds; what does not fit is told and left: whoever sends what nobody asked for
 * must not fill the places of those who answer.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/daemon/internal.h"

#define PATIENCE_NS (5 * HF_NS_PER_S)

static void leave(struct hf_engine *engine, uint32_t lane, struct hf_order_id id, const char *why)
{
  HF_LOG(HF_LOG_INFO, "E1505", "an answer that no order waits for",
         HF_FIELD("institution", hf_dispatch_lane(engine->dispatch, lane).row->code), HF_FIELD("order", id),
         HF_FIELD("why", why));
}

void hf_late_hear(struct hf_engine *engine, uint32_t lane, const struct hf_heard *heard, struct hf_time at, int64_t offset)
{
  struct hf_order_id id;
  if (!hf_dispatch_heard(engine->dispatch, lane, heard, at, &id)) return;
  uint32_t shard = hf_order_id_shard(id);
  if (shard >= HF_SHARDS_MAX || engine->shards[shard].state != HF_SHARD_RUNNING)
    return leave(engine, lane, id, "its shard is not ours");
  for (uint32_t i = 0; i < HF_LATE_MAX; i++) {
    struct hf_late *late = &engine->lates[i];
    if (late->state != HF_LATE_FREE || heard->body.size > sizeof late->body) continue;
    *late = (struct hf_late){.state = HF_LATE_NEW,
                             .lane = lane,
                             .shard = shard,
                             .epoch = engine->shards[shard].epoch,
                             .order_id = id,
                             .has_order = heard->order_id != NULL,
                             .is_durable = heard->is_durable,
                             .at = at,
                             .offset = offset,
                             .until_mono_ns = engine->turn.mono_ns + PATIENCE_NS,
                             .body_size = heard->body.size};
    memcpy(late->body, heard->body.data, heard->body.size);
    return;
  }
  leave(engine, lane, id, "too many such at once");
}

void hf_late_order_found(void *owner, uint32_t shard, struct hf_order_id id, struct hf_case_id case_id, struct hf_status status)
{
  struct hf_engine *engine = owner;
  engine->heard = true;
  for (uint32_t i = 0; i < HF_LATE_MAX; i++) {
    struct hf_late *late = &engine->lates[i];
    if (late->state != HF_LATE_ASKED || late->shard != shard || !hf_uuid_equal(late->order_id.uuid, id.uuid)) continue;
    late->case_id = case_id;
    late->state = !hf_is_ok(status) ? HF_LATE_NEW : hf_uuid_is_zero(case_id.uuid) ? HF_LATE_NOBODYS : HF_LATE_FOUND;
  }
}

void hf_late_returned(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  for (uint32_t i = 0; i < HF_LATE_MAX; i++) {
    struct hf_late *late = &engine->lates[i];
    struct hf_order_id unknown;
    if (late->state != HF_LATE_FOUND || late->shard != shard || !hf_uuid_equal(late->case_id.uuid, id.uuid)) continue;
    const struct hf_heard heard = {.body = {late->body, late->body_size},
                                   .order_id = late->has_order ? &late->order_id : NULL,
                                   .is_durable = late->is_durable};
    if (hf_dispatch_heard(engine->dispatch, late->lane, &heard, late->at, &unknown))
      leave(engine, late->lane, unknown, "its case came back without it");
    late->state = HF_LATE_FREE;
  }
}

/* Returns why it is given up; NULL where it goes on. */
static const char *move_on(struct hf_engine *engine, struct hf_late *late)
{
  struct hf_shard *shard = &engine->shards[late->shard];
  if (shard->state != HF_SHARD_RUNNING || shard->epoch != late->epoch) return "its shard is not ours any more";
  if (late->state == HF_LATE_NOBODYS) return "nobody has such an order";
  if (engine->turn.mono_ns > late->until_mono_ns) return "it could not be looked up in time";
  if (late->state == HF_LATE_NEW &&
      hf_record_ask_order(engine->record, late->shard, late->order_id, hf_shard_rested_seq(shard), engine->turn))
    late->state = HF_LATE_ASKED;
  else if (late->state == HF_LATE_FOUND && hf_core_has_case(shard->core, late->case_id))
    hf_late_returned(engine, late->shard, late->case_id);
  else if (late->state == HF_LATE_FOUND && hf_core_has_room(shard->core))
    (void)hf_comeback_ask(engine, late->shard, late->case_id); /* asked again each turn until it is there */
  return NULL;
}

bool hf_late_work(struct hf_engine *engine)
{
  bool any = false;
  for (uint32_t i = 0; i < HF_LATE_MAX; i++) {
    struct hf_late *late = &engine->lates[i];
    if (late->state == HF_LATE_FREE) continue;
    any = true;
    const char *why = move_on(engine, late);
    if (why == NULL) continue;
    leave(engine, late->lane, late->order_id, why);
    late->state = HF_LATE_FREE;
  }
  return any;
}

int64_t hf_late_first_offset(const struct hf_engine *engine, uint32_t shard)
{
  int64_t first = INT64_MAX;
  for (uint32_t i = 0; i < HF_LATE_MAX; i++) {
    const struct hf_late *late = &engine->lates[i];
    if (late->state != HF_LATE_FREE && late->shard == shard && late->offset >= 0 && late->offset < first) first = late->offset;
  }
  return first;
}
