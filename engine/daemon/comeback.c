/*
 * Comeback: a rested case returns to its core from its stored facts, because a submission names it, an answer comes late
 * (late.c), something of it is due, or another case knows an account of it.
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
#define GROWN_EVERY_NS (100 * HF_NS_PER_MS)

static bool ask_case(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  uint64_t after_seq = hf_shard_look_up_after(&engine->shards[shard], id);
  return hf_record_ask_case(engine->record, shard, id, after_seq, engine->turn);
}

bool hf_comeback_ask(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  if (!ask_case(engine, shard, id)) return false;
  engine->comeback.asked_epoch = engine->shards[shard].epoch;
  return true;
}

bool hf_comeback_awaits(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  struct hf_comeback *comeback = &engine->comeback;
  struct hf_shard *of = &engine->shards[shard];
  bool settled = hf_uuid_equal(comeback->settled.uuid, id.uuid);
  if (settled || !hf_shard_must_look_up(of, id, engine->turn.wall_ns) || !hf_record_is_up(engine->record)) return false;
  if (hf_comeback_ask(engine, shard, id)) comeback->awaited = id;
  return true;
}

void hf_comeback_decided(struct hf_engine *engine)
{
  engine->comeback.awaited = engine->comeback.settled = (struct hf_case_id){{{0}}};
}

void hf_comeback_rested(struct hf_engine *engine, struct hf_case_id id)
{
  if (hf_uuid_equal(engine->comeback.settled.uuid, id.uuid)) engine->comeback.settled = (struct hf_case_id){{{0}}};
}

void hf_comeback_fact(void *owner, uint32_t shard, const struct hf_fact *fact)
{
  struct hf_engine *engine = owner;
  struct hf_shard *of = &engine->shards[shard];
  if (of->state != HF_SHARD_RUNNING || of->epoch != engine->comeback.asked_epoch) return; /* another owner's by now */
  hf_core_restore(of->core, fact);
}

struct naming {
  struct hf_engine *engine;
  uint32_t shard;
  struct hf_case_id id;
};

/* One account of the case: what PostgreSQL said of its pseudonym is said of it. */
static void name_account(void *owner, const char *institution, const struct hf_account_number *number)
{
  const struct naming *naming = owner;
  struct hf_comeback *comeback = &naming->engine->comeback;
  struct hf_account_number pseudonym;
  hf_seal_account(naming->engine->seal, number, &pseudonym);
  for (uint32_t i = 0; i < comeback->seen_count; i++) {
    struct hf_seen_case *found = &comeback->seen[i];
    if (found->named || found->shard != naming->shard || !hf_uuid_equal(found->id.uuid, naming->id.uuid) ||
        !hf_account_number_equal(&found->seen.party.account, &pseudonym) ||
        strcmp(found->seen.party.institution, institution) != 0)
      continue;
    found->seen.party.account = *number;
    found->named = true;
  }
}

/* Tells the core what other cases know of this one. */
static void tell_seen(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  struct hf_comeback *comeback = &engine->comeback;
  struct naming naming = {engine, shard, id};
  if (comeback->seen_count > 0 && engine->shards[shard].state == HF_SHARD_RUNNING)
    hf_core_visit_accounts(engine->shards[shard].core, id, name_account, &naming);
  for (uint32_t i = 0; i < comeback->seen_count;) {
    const struct hf_seen_case *found = &comeback->seen[i];
    if (found->shard != shard || !hf_uuid_equal(found->id.uuid, id.uuid)) {
      i++;
      continue;
    }
    const struct hf_input input = {
        .kind = HF_INPUT_SEEN, .now = engine->turn, .at = engine->turn, .case_id = id, .seen = &found->seen};
    if (found->named && engine->shards[shard].state == HF_SHARD_RUNNING) hf_route_step(engine, shard, &input);
    comeback->seen[i] = comeback->seen[--comeback->seen_count];
  }
}

static void forget_seen(struct hf_comeback *comeback, uint32_t shard, struct hf_case_id id)
{
  for (uint32_t i = 0; i < comeback->seen_count;)
    if (comeback->seen[i].shard == shard && hf_uuid_equal(comeback->seen[i].id.uuid, id.uuid))
      comeback->seen[i] = comeback->seen[--comeback->seen_count];
    else
      i++;
}

void hf_comeback_known(void *owner, uint32_t shard, struct hf_case_id id, struct hf_status status)
{
  struct hf_engine *engine = owner;
  struct hf_shard *of = &engine->shards[shard];
  engine->heard = true;
  if (hf_uuid_equal(engine->comeback.awaited.uuid, id.uuid)) engine->comeback.settled = id;
  if (of->state != HF_SHARD_RUNNING || of->epoch != engine->comeback.asked_epoch) return;
  if (!hf_is_ok(status)) {
    HF_LOG(status.kind == HF_STATUS_RETRY ? HF_LOG_WARN : HF_LOG_ALARM, "E1707", "a case cannot be looked up",
           HF_FIELD("case", id), HF_FIELD("why", status.why));
    forget_seen(&engine->comeback, shard, id);
    return;
  }
  const struct hf_input input = {.kind = HF_INPUT_RETURN, .now = engine->turn, .case_id = id};
  hf_route_step(engine, shard, &input);
  hf_late_returned(engine, shard, id);
  tell_seen(engine, shard, id);
}

void hf_comeback_seen(void *owner, uint32_t shard, struct hf_case_id id, const struct hf_fact_seen *seen)
{
  struct hf_comeback *comeback = &((struct hf_engine *)owner)->comeback;
  if (comeback->seen_count == HF_SEEN_MAX) return; /* found again when the case next grows */
  comeback->seen[comeback->seen_count++] = (struct hf_seen_case){shard, id, *seen, false};
}

void hf_comeback_grown(struct hf_engine *engine, uint32_t shard, struct hf_case_id id)
{
  struct hf_comeback *comeback = &engine->comeback;
  for (uint32_t i = comeback->grown_count; i-- > 0 && comeback->grown_count - i < 8;)
    if (comeback->grown[i].shard == shard && hf_uuid_equal(comeback->grown[i].id.uuid, id.uuid)) return;
  if (comeback->grown_count < HF_GROWN_CASES_MAX) comeback->grown[comeback->grown_count++] = (struct hf_due_case){shard, id};
}

/* One question for the newly grown cases of one shard. */
static bool ask_grown(struct hf_engine *engine)
{
  struct hf_comeback *comeback = &engine->comeback;
  struct hf_case_id cases[HF_QUESTION_CASES_MAX];
  uint32_t count = 0, kept = 0;
  if (comeback->grown_count == 0 || engine->turn.mono_ns < comeback->grown_ns) return false;
  uint32_t shard = comeback->grown[0].shard;
  for (uint32_t i = 0; i < comeback->grown_count && count < HF_QUESTION_CASES_MAX; i++)
    if (comeback->grown[i].shard == shard) cases[count++] = comeback->grown[i].id;
  if (!hf_record_ask_seen(engine->record, shard, cases, count, engine->turn)) return true;
  comeback->asked_epoch = engine->shards[shard].epoch;
  for (uint32_t i = 0, taken = 0; i < comeback->grown_count; i++)
    if (comeback->grown[i].shard == shard && taken < count)
      taken++;
    else
      comeback->grown[kept++] = comeback->grown[i];
  comeback->grown_count = kept;
  comeback->grown_ns = engine->turn.mono_ns + GROWN_EVERY_NS;
  return true;
}

/* What was found goes to its case, which may have to be brought back for it. */
static bool settle_seen(struct hf_engine *engine)
{
  struct hf_comeback *comeback = &engine->comeback;
  if (comeback->seen_count == 0) return false;
  uint32_t shard = comeback->seen[0].shard;
  struct hf_case_id id = comeback->seen[0].id;
  struct hf_shard *of = &engine->shards[shard];
  if (of->state != HF_SHARD_RUNNING)
    forget_seen(comeback, shard, id);
  else if (hf_core_has_case(of->core, id))
    tell_seen(engine, shard, id);
  else if (hf_core_has_room(of->core))
    (void)hf_comeback_ask(engine, shard, id);
  return true;
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
  if (settle_seen(engine) || ask_grown(engine)) return;
  if (comeback->due_count > 0) {
    const struct hf_due_case *due = &comeback->due[comeback->due_count - 1];
    struct hf_shard *shard = &engine->shards[due->shard];
    bool over = shard->state != HF_SHARD_RUNNING || hf_core_has_case(shard->core, due->id) || !hf_core_has_room(shard->core);
    if (over || hf_comeback_ask(engine, due->shard, due->id)) comeback->due_count--;
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
