/*
 * Takeover: how this process comes to own shards and how it lets them go.
 *
 * Order: the group assigns → acquire in PostgreSQL (a new epoch) → restore the core → publish what was not → warm the
 *        connections → fetch at PostgreSQL's offset → send again what is open. Without PostgreSQL nothing is taken over.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/codec/codec.h"
#include "engine/daemon/internal.h"

#define WARM_MAX_NS HF_NS_PER_S
#define RETRY_NS (250 * HF_NS_PER_MS)

static void let_go(struct hf_engine *engine, uint32_t shard)
{
  if (engine->shards[shard].state >= HF_SHARD_OWNED) {
    hf_dispatch_withdraw(engine->dispatch, shard);
    hf_record_release(engine->record, shard);
    hf_publish_reset(engine->publish, shard, 0);
    hf_shard_close(&engine->shards[shard]);
  }
  engine->shards[shard].state = HF_SHARD_NONE;
}

void hf_takeover_assigned(void *owner, const uint32_t *shards, uint32_t count)
{
  struct hf_engine *engine = owner;
  for (uint32_t i = 0; i < count; i++) {
    HF_ASSERT(shards[i] < HF_SHARDS_MAX);
    engine->shards[shards[i]].state = HF_SHARD_WANTED;
  }
  engine->takeover = true;
  engine->takeover_retry_ns = 0;
  engine->warm_until_ns = 0;
  HF_LOG(HF_LOG_INFO, "E1701", "the group assigns shards", HF_FIELD("count", count));
}

void hf_takeover_revoked(void *owner, bool lost)
{
  struct hf_engine *engine = owner;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) let_go(engine, i);
  hf_answers_stop(engine->answers);
  engine->takeover = false;
  HF_LOG(lost ? HF_LOG_WARN : HF_LOG_INFO, "E1702", "the group revokes all shards", HF_FIELD("lost", lost));
}

void hf_takeover_fenced(void *owner, uint32_t shard)
{
  struct hf_engine *engine = owner;
  let_go(engine, shard);
  engine->fenced = true;
}

struct restoring {
  struct hf_engine *engine;
  uint32_t shard;
};

static struct hf_status restore_fact(void *owner, const struct hf_fact *fact)
{
  struct restoring *restoring = owner;
  struct hf_engine *engine = restoring->engine;
  hf_core_restore(engine->shards[restoring->shard].core, fact);
  if (fact->kind == HF_FACT_INSTITUTION_SET || fact->kind == HF_FACT_KEY_SET) hf_route_registry_fact(engine, fact);
  return hf_ok();
}

static struct hf_status republish_fact(void *owner, uint64_t seq, struct hf_span bytes)
{
  struct restoring *restoring = owner;
  struct hf_engine *engine = restoring->engine;
  struct hf_span sealed; /* and stays so */
  struct hf_status status = hf_fact_decode(bytes, &engine->facts[0], &sealed);
  if (!hf_is_ok(status)) return status;
  for (int tries = 0; !hf_publish_has_room(engine->publish); tries++) {
    if (tries > 5000) return hf_fail(HF_STATUS_RETRY, "Kafka takes no facts");
    struct timespec pause = {0, HF_NS_PER_MS};
    nanosleep(&pause, NULL);
    (void)hf_publish_work(engine->publish);
  }
  char text[HF_ALERT_SIZE_MAX];
  struct hf_published_fact fact = {.case_id = engine->facts[0].case_id,
                                   .seq = seq,
                                   .bytes = bytes.data,
                                   .size = bytes.size,
                                   .alert = {(const uint8_t *)text, hf_alerts_write(bytes, text)}};
  hf_publish_add(engine->publish, restoring->shard, &fact, 1);
  engine->shards[restoring->shard].publish_from = seq;
  return hf_ok();
}

static struct hf_status take_over(struct hf_engine *engine, uint32_t shard)
{
  struct hf_shard_row row;
  struct hf_shard *to = &engine->shards[shard];
  struct hf_status status = hf_record_acquire(engine->record, shard, &row);
  if (!hf_is_ok(status)) return status;
  struct hf_core_config config = engine->core_config;
  struct restoring restoring = {engine, shard};
  config.shard = shard;
  hf_shard_open(to, &config, engine->turn.wall_ns);
  to->state = HF_SHARD_OWNED; /* from here on let_go undoes it */
  to->next = row.next;
  to->answers_read = row.next.answer;
  to->epoch = row.epoch;
  to->publish_from = row.published_seq;
  status = hf_record_load(engine->record, shard, restore_fact, &restoring);
  if (hf_is_ok(status)) {
    hf_core_restored(to->core, row.seq);
    hf_publish_reset(engine->publish, shard, row.published_seq);
    status = hf_record_load_unpublished(engine->record, shard, row.published_seq, republish_fact, &restoring);
  }
  if (!hf_is_ok(status)) {
    let_go(engine, shard);
    to->state = HF_SHARD_WANTED;
    return status;
  }
  HF_LOG(HF_LOG_INFO, "E1703", "a shard is owned", HF_FIELD("shard", shard), HF_FIELD("epoch", row.epoch),
         HF_FIELD("next_offset", row.next.offset), HF_FIELD("next_answer", row.next.answer),
         HF_FIELD("open_orders", hf_core_orders(to->core)));
  return hf_ok();
}

/* All institutions have the connections that they are to have, or the time for that is up. */
static bool is_warm(struct hf_engine *engine)
{
  if (engine->warm_until_ns == 0) engine->warm_until_ns = engine->turn.mono_ns + WARM_MAX_NS;
  if (engine->turn.mono_ns >= engine->warm_until_ns) return true;
  for (uint32_t lane = 0; lane < hf_dispatch_lanes(engine->dispatch); lane++) {
    uint32_t open, wanted;
    hf_route_warmth(engine, lane, &open, &wanted);
    if (open < wanted) return false;
  }
  return true;
}

/* Its fact is committed: it was read from there. A legal act still waits for the epoch to be confirmed. */
static void offer_again(void *owner, const struct hf_order *order)
{
  hf_route_order(owner, order, 0);
}

static void start(struct hf_engine *engine)
{
  uint32_t shards[HF_SHARDS_MAX], count = 0;
  int64_t offsets[HF_SHARDS_MAX], answers[HF_SHARDS_MAX];
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) {
    if (engine->shards[i].state != HF_SHARD_OWNED) continue;
    shards[count] = i;
    answers[count] = engine->shards[i].next.answer;
    offsets[count++] = engine->shards[i].next.offset;
  }
  struct hf_status status = hf_intake_start(engine->intake, shards, offsets, count);
  if (!hf_is_ok(status)) {
    HF_LOG(HF_LOG_WARN, "E1704", "the shards cannot be fetched yet", HF_FIELD("why", status.why));
    engine->takeover_retry_ns = engine->turn.mono_ns + RETRY_NS;
    return;
  }
  hf_answers_start(engine->answers, shards, answers, count);
  engine->takeover = false;
  for (uint32_t i = 0; i < count; i++) {
    engine->shards[shards[i]].state = HF_SHARD_RUNNING;
    hf_core_visit_open(engine->shards[shards[i]].core, offer_again, engine);
    hf_clock_note(engine, shards[i]);
  }
  HF_LOG(HF_LOG_INFO, "E1705", "the shards are running", HF_FIELD("count", count));
}

void hf_takeover_work(struct hf_engine *engine)
{
  if (!engine->takeover || engine->turn.mono_ns < engine->takeover_retry_ns) return;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) {
    if (engine->shards[i].state != HF_SHARD_WANTED) continue;
    struct hf_status status = take_over(engine, i);
    if (hf_is_ok(status)) continue;
    HF_LOG(status.kind == HF_STATUS_RETRY || status.kind == HF_STATUS_AGAIN ? HF_LOG_WARN : HF_LOG_ALARM, "E1706",
           "a shard cannot be taken over", HF_FIELD("shard", i), HF_FIELD("why", status.why));
    engine->takeover_retry_ns = engine->turn.mono_ns + RETRY_NS;
    return;
  }
  if (is_warm(engine)) start(engine);
}
