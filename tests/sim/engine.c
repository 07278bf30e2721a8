/* An engine: what intake, record, transport and daemon do with the real core and the real dispatch, over the models. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

static struct sim *world; /* dispatch's owner pointer is the engine */

/* --- facts: to the lanes, and into the transaction --- */

static void wake(struct sim *sim, struct sim_engine *engine, int64_t after_ns)
{
  if (engine->turn_ns > sim->now_ns && engine->turn_ns <= sim->now_ns + after_ns) return;
  engine->turn_ns = sim->now_ns + after_ns;
  sim_at(sim, after_ns, (struct sim_event){.kind = SIM_TURN, .engine = engine->index, .life = engine->life});
}

static void offer(struct sim *sim, struct sim_engine *engine, const struct hf_order *order, uint64_t after_seq)
{
  struct hf_status status = hf_dispatch_offer(engine->dispatch, order, after_seq, sim_time(sim));
  if (!hf_is_ok(status)) sim_fail(sim, "sim", "an order has no lane: %s", status.why);
}

static void route(struct sim *sim, struct sim_engine *engine, const struct hf_fact *fact)
{
  uint32_t lane;
  switch (fact->kind) {
  case HF_FACT_ORDER_READY: offer(sim, engine, &fact->order, fact->seq); break;
  case HF_FACT_ORDER_CANCELLED: hf_dispatch_forget(engine->dispatch, fact->step.order_id); break;
  case HF_FACT_ORDER_ENDED:
    if (!hf_uuid_is_zero(fact->ended.submission_id) || fact->ended.event == HF_ORDER_EVENT_ENDED)
      hf_dispatch_forget(engine->dispatch, fact->ended.answer.order_id);
    break;
  case HF_FACT_INSTITUTION_SET:
    HF_ASSERT(hf_is_ok(hf_dispatch_institution(engine->dispatch, &fact->institution, &lane)));
    break;
  default: break;
  }
}

static void step(struct sim *sim, struct sim_engine *engine, uint32_t shard, const struct hf_input *input, int64_t next_offset)
{
  struct sim_shard *of = &engine->shards[shard];
  uint32_t count = hf_core_step(of->core, input, sim->scratch);
  HF_ASSERT(of->waiting.count + count <= SIM_BATCH_MAX);
  memcpy(&of->waiting.facts[of->waiting.count], sim->scratch, count * sizeof *sim->scratch);
  const struct hf_fact *facts = &of->waiting.facts[of->waiting.count];
  of->waiting.count += count;
  if (next_offset >= 0) of->waiting.next_offset = next_offset;
  for (uint32_t i = 0; i < count; i++) route(sim, engine, &facts[i]);
  wake(sim, engine, MS);
}

static void on_tell(void *owner, const struct hf_input *told)
{
  struct sim_engine *engine = owner;
  uint32_t shard = hf_order_id_shard(told->order_id);
  if (!engine->shards[shard].owned) return;
  struct hf_input input = *told;
  input.now = sim_time(world);
  step(world, engine, shard, &input, -1);
}

static bool on_known(void *owner, struct hf_order_id id, struct hf_order *order)
{
  const struct sim_engine *engine = owner;
  uint32_t shard = hf_order_id_shard(id);
  return engine->shards[shard].owned && hf_core_find_order(engine->shards[shard].core, id, order);
}

static void on_cancel(void *owner, uint32_t lane, uint32_t flight)
{
  (void)lane;
  ((struct sim_engine *)owner)->flight_life[flight]++; /* what is still under way to us finds nobody */
}

/* --- life --- */

void sim_engine_start(struct sim *sim, struct sim_engine *engine)
{
  const struct hf_dispatch_config config = {.orders_max = 16384, .flights_max = SIM_FLIGHTS, .sign = false};
  const struct hf_dispatch_events events = {.owner = engine, .tell = on_tell, .cancel = on_cancel, .known = on_known};
  world = sim;
  if (engine->alive) return;
  engine->life++;
  HF_ASSERT(hf_is_ok(hf_dispatch_open(&engine->dispatch, &config, &events, sim_time(sim))));
  engine->alive = true;
  engine->frozen = false;
  engine->turn_ns = engine->reads_ns = 0;
}

static void forget_shard(struct sim_engine *engine, uint32_t shard)
{
  struct sim_shard *of = &engine->shards[shard];
  of->owned = of->committing = false;
  of->waiting.count = of->in_flight.count = 0;
}

void sim_engine_die(struct sim *sim, struct sim_engine *engine)
{
  (void)sim;
  if (!engine->alive) return;
  for (uint32_t i = 0; i < SIM_SHARDS; i++) forget_shard(engine, i);
  hf_dispatch_close(engine->dispatch);
  engine->dispatch = NULL;
  engine->alive = engine->frozen = false;
  engine->life++;
}

void sim_engine_drop(struct sim *sim, struct sim_engine *engine, uint32_t shard)
{
  (void)sim;
  if (!engine->shards[shard].owned) return;
  hf_dispatch_withdraw(engine->dispatch, shard);
  forget_shard(engine, shard);
}

static struct sim_case *case_of(struct sim_store *store, struct hf_case_id id)
{
  for (uint32_t i = 0; i < store->cases_count; i++)
    if (hf_uuid_equal(store->cases[i].id.uuid, id.uuid)) return &store->cases[i];
  return NULL;
}

static bool is_restored(enum hf_fact_kind kind)
{
  return kind != HF_FACT_CASE_RESTED && kind != HF_FACT_CASE_RETURNED && kind != HF_FACT_QUARANTINED;
}

struct resending {
  struct sim *sim;
  struct sim_engine *engine;
};

static void offer_again(void *owner, const struct hf_order *order)
{
  struct resending *resending = owner;
  offer(resending->sim, resending->engine, order, 0);
}

void sim_engine_take(struct sim *sim, struct sim_engine *engine, uint32_t shard)
{
  struct sim_store *store = &sim->stores[shard];
  struct sim_shard *of = &engine->shards[shard];
  struct hf_core_config config = sim->config;
  struct hf_case_id none = {0};
  struct resending resending = {sim, engine};
  config.shard = shard;
  size_t size = hf_core_memory_size(&config);
  if (of->memory == NULL) of->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HF_ASSERT(of->memory != MAP_FAILED);
  madvise(of->memory, size, MADV_DONTNEED);
  of->core = hf_core_init(of->memory, &config);
  of->owned = true;
  of->epoch = ++store->epoch;
  store->epoch_since_ns = sim->now_ns;
  of->position = store->next_offset;
  of->waiting.next_offset = store->next_offset;
  for (uint32_t i = 0; i < store->count; i++) {
    const struct hf_fact *fact = &store->facts[i];
    const struct sim_case *at = hf_uuid_equal(fact->case_id.uuid, none.uuid) ? NULL : case_of(store, fact->case_id);
    if (!is_restored(fact->kind) || (at != NULL && at->rested)) continue;
    hf_core_restore(of->core, fact);
    if (fact->kind == HF_FACT_INSTITUTION_SET) route(sim, engine, fact);
  }
  hf_core_restored(of->core, store->count);
  hf_core_visit_open(of->core, offer_again, &resending);
  sim_say(sim, "engine %u owns shard %u under epoch %lld, from offset %lld", engine->index, shard, (long long)of->epoch,
          (long long)of->position);
  sim_at(sim, MS, (struct sim_event){.kind = SIM_CONSUME, .engine = engine->index, .life = engine->life});
  wake(sim, engine, MS);
}

void sim_group_settle(struct sim *sim)
{
  uint32_t members[SIM_ENGINES], count = 0;
  bool again = false;
  for (uint32_t i = 0; i < SIM_ENGINES; i++)
    if (sim->engines[i].alive && !sim->engines[i].frozen) members[count++] = i;
  for (uint32_t shard = 0; shard < SIM_SHARDS; shard++) {
    uint32_t owner = count == 0 ? SIM_ENGINES : members[shard % count];
    for (uint32_t i = 0; i < count; i++)
      if (members[i] != owner || sim->owners[shard] != owner) sim_engine_drop(sim, &sim->engines[members[i]], shard);
    sim->owners[shard] = owner;
    if (owner == SIM_ENGINES || sim->engines[owner].shards[shard].owned) continue;
    if (sim->db_down) { /* without PostgreSQL nothing is taken over */
      again = true;
      continue;
    }
    sim_engine_take(sim, &sim->engines[owner], shard);
  }
  if (again && sim->settles_ns <= sim->now_ns) {
    sim->settles_ns = sim->now_ns + 250 * MS;
    sim_at(sim, 250 * MS, (struct sim_event){.kind = SIM_SETTLE});
  }
}

/* --- cases that rest and come back --- */

static bool is_all_recorded(const struct sim_shard *shard)
{
  return shard->waiting.count == 0 && shard->in_flight.count == 0 && !shard->committing;
}

static void bring_back(struct sim *sim, struct sim_engine *engine, uint32_t shard, struct hf_case_id id)
{
  const struct sim_store *store = &sim->stores[shard];
  struct sim_shard *of = &engine->shards[shard];
  for (uint32_t i = 0; i < store->count; i++)
    if (hf_uuid_equal(store->facts[i].case_id.uuid, id.uuid) && is_restored(store->facts[i].kind))
      hf_core_restore(of->core, &store->facts[i]);
  const struct hf_input input = {.kind = HF_INPUT_RETURN, .now = sim_time(sim), .case_id = id};
  step(sim, engine, shard, &input, -1);
}

/* Returns whether the submission waits for its case. */
static bool awaits_case(struct sim *sim, struct sim_engine *engine, uint32_t shard, struct hf_case_id id)
{
  struct sim_shard *of = &engine->shards[shard];
  if (hf_core_has_case(of->core, id)) return false;
  if (sim->db_down) { /* it is decided as if the case were new, with the same order ids (design.md section 5) */
    const struct sim_case *at = case_of(&sim->stores[shard], id);
    sim->anew |= at != NULL || !is_all_recorded(of);
    return false;
  }
  if (!is_all_recorded(of)) return true; /* what it has just decided may be of this case */
  if (case_of(&sim->stores[shard], id) != NULL) bring_back(sim, engine, shard, id);
  return false;
}

static int64_t wake_cases(struct sim *sim, struct sim_engine *engine, uint32_t shard)
{
  struct sim_store *store = &sim->stores[shard];
  struct sim_shard *of = &engine->shards[shard];
  int64_t next = INT64_MAX, now = sim_time(sim).wall_ns;
  for (uint32_t i = 0; i < store->cases_count && !sim->db_down; i++) {
    const struct sim_case *at = &store->cases[i];
    if (!at->rested || at->wakes_wall_ns == INT64_MAX || hf_core_has_case(of->core, at->id)) continue;
    if (at->wakes_wall_ns > now)
      next = at->wakes_wall_ns < next ? at->wakes_wall_ns : next;
    else if (is_all_recorded(of))
      bring_back(sim, engine, shard, at->id);
    else
      next = now;
  }
  return next;
}

/* --- the log --- */

void sim_engine_consume(struct sim *sim, struct sim_engine *engine)
{
  for (uint32_t shard = 0; shard < SIM_SHARDS; shard++) {
    struct sim_shard *of = &engine->shards[shard];
    const struct sim_log *log = &sim->logs[shard];
    while (of->owned && of->position < log->count) {
      const struct sim_record *record = &log->records[of->position];
      struct hf_input input = {.kind = record->kind,
                               .now = sim_time(sim),
                               .at = sim_time(sim),
                               .offset = of->position,
                               .appended_wall_ns = record->appended_wall_ns,
                               .consumed_wall_ns = sim_time(sim).wall_ns,
                               .key_is_record_key = true,
                               .report = record->report,
                               .command = record->command,
                               .registry = record->registry};
      memcpy(input.key_id, record->key_id, sizeof input.key_id);
      const struct hf_case_id *about = record->report != NULL    ? &record->report->case_id
                                       : record->command != NULL ? &record->command->case_id
                                                                 : NULL;
      if (!hf_core_has_room(of->core) || !hf_dispatch_has_room(engine->dispatch) ||
          (about != NULL && awaits_case(sim, engine, shard, *about))) {
        wake(sim, engine, MS);
        if (engine->reads_ns > sim->now_ns) break;
        engine->reads_ns = sim->now_ns + 10 * MS;
        sim_at(sim, 10 * MS, (struct sim_event){.kind = SIM_CONSUME, .engine = engine->index, .life = engine->life});
        break;
      }
      of->position++;
      step(sim, engine, shard, &input, of->position);
    }
  }
}

/* --- the store --- */

static void begin_commit(struct sim *sim, struct sim_engine *engine, uint32_t shard)
{
  struct sim_shard *of = &engine->shards[shard];
  bool needed = of->in_flight.count > 0 || of->waiting.count > 0 || of->waiting.next_offset > sim->stores[shard].next_offset ||
                hf_dispatch_wants_commit(engine->dispatch, shard);
  if (of->committing || !needed) return;
  if (of->in_flight.count == 0) {
    struct sim_batch empty = of->in_flight;
    of->in_flight = of->waiting;
    of->waiting = (struct sim_batch){.facts = empty.facts, .next_offset = of->in_flight.next_offset};
  } /* else the last one failed: it goes again */
  of->committing = true;
  of->transaction++;
  of->asked_ns = sim->now_ns;
  sim_at(
      sim, (int64_t)(1 + sim_any(sim, 6)) * MS,
      (struct sim_event){.kind = SIM_COMMIT, .engine = engine->index, .life = engine->life, .a = shard, .b = of->transaction});
}

/* What the story tells of a fact. */
static void tell_fact(struct sim *sim, const struct hf_fact *fact)
{
  if (!sim->loud) return;
  char id[HF_UUID_TEXT_SIZE] = "";
  switch (fact->kind) {
  case HF_FACT_MONEY_TRACED:
    sim_say(sim, "  %.*s of %s sent %lld of transfer %u on to %.*s of %s, in %lld (%s)", (int)fact->traced.from.account.size,
            (const char *)fact->traced.from.account.bytes, fact->traced.from.institution, (long long)fact->traced.amount,
            fact->traced.root, (int)fact->traced.to.account.size, (const char *)fact->traced.to.account.bytes,
            fact->traced.to.institution, (long long)fact->traced.transfer_amount, fact->traced.serial);
    break;
  case HF_FACT_TRANSFER_CLAIMED:
    sim_say(sim, "  %lld went to %.*s of %s (%s)", (long long)fact->transfer.transfer.amount,
            (int)fact->transfer.transfer.payee.account.size, (const char *)fact->transfer.transfer.payee.account.bytes,
            fact->transfer.transfer.payee.institution, fact->transfer.transfer.serial);
    break;
  case HF_FACT_ORDER_READY:
    sim_say(sim, "  order %s to %s: %s", hf_action_code(fact->order.action), fact->order.institution,
            hf_uuid_text(fact->order.id.uuid, id));
    break;
  case HF_FACT_ORDER_ENDED:
    sim_say(sim, "  order %s ended with %s", hf_uuid_text(fact->ended.answer.order_id.uuid, id), fact->ended.answer.result);
    break;
  case HF_FACT_QUARANTINED:
    sim_say(sim, "  offset %lld is refused: %s", (long long)fact->quarantined.offset, hf_reason_code(fact->quarantined.reason));
    break;
  default: sim_say(sim, "  %s", hf_fact_code(fact->kind)); break;
  }
}

static void note_case(struct sim_store *store, const struct hf_fact *fact)
{
  struct hf_case_id none = {0};
  if (hf_uuid_equal(fact->case_id.uuid, none.uuid) || fact->kind == HF_FACT_QUARANTINED) return;
  struct sim_case *at = case_of(store, fact->case_id);
  if (at == NULL) {
    HF_ASSERT(store->cases_count < SIM_CASES_MAX);
    at = &store->cases[store->cases_count++];
    *at = (struct sim_case){.id = fact->case_id};
  }
  at->rested = fact->kind == HF_FACT_CASE_RESTED;
  if (at->rested) at->wakes_wall_ns = fact->wakes_wall_ns;
}

/* The transaction reaches the store, whether its engine still lives or not. */
void sim_engine_commit(struct sim *sim, struct sim_engine *engine, uint32_t shard, uint32_t transaction)
{
  struct sim_shard *of = &engine->shards[shard];
  struct sim_store *store = &sim->stores[shard];
  struct sim_batch *batch = &of->in_flight;
  enum { DONE, AGAIN, FENCED } outcome = DONE;
  if (!of->owned || !of->committing || of->transaction != transaction) return; /* it died before */
  if (sim->db_down)
    outcome = AGAIN;
  else if (of->epoch != store->epoch)
    outcome = FENCED;
  else {
    for (uint32_t i = 0; i < batch->count; i++) {
      HF_ASSERT(store->count < SIM_FACTS_MAX);
      if (batch->facts[i].seq != store->count + 1)
        sim_fail(sim, "I2", "fact %llu follows fact %u", (unsigned long long)batch->facts[i].seq, store->count);
      store->facts[store->count++] = batch->facts[i];
      sim->trace = hf_mix64(sim->trace ^ batch->facts[i].seq ^ (uint64_t)batch->facts[i].kind << 48);
      note_case(store, &batch->facts[i]);
      tell_fact(sim, &batch->facts[i]);
    }
    if (batch->next_offset < store->next_offset) sim_fail(sim, "I2", "the offset goes back");
    store->next_offset = batch->next_offset;
  }
  int64_t after = sim->lose_reply ? SECOND : MS; /* a lost reply: it connects again and finds what the store has */
  sim->lose_reply = false;
  sim_at(sim, after,
         (struct sim_event){.kind = SIM_COMMITTED,
                            .engine = engine->index,
                            .life = engine->life,
                            .a = shard,
                            .b = transaction,
                            .bytes = outcome});
}

void sim_engine_committed(struct sim *sim, struct sim_engine *engine, const struct sim_event *event)
{
  uint32_t shard = event->a, outcome = (uint32_t)event->bytes;
  struct sim_shard *of = &engine->shards[shard];
  if (!of->owned || !of->committing || of->transaction != event->b) return;
  of->committing = false;
  if (outcome == 2) { /* fenced: nothing of a zombie is worth keeping */
    sim_say(sim, "engine %u is fenced", engine->index);
    sim_engine_die(sim, engine);
    sim_at(sim, SECOND, (struct sim_event){.kind = SIM_REVIVE, .engine = engine->index});
    sim_at(sim, 2 * SECOND, (struct sim_event){.kind = SIM_SETTLE});
    return;
  }
  if (outcome == 0) {
    uint32_t count = of->in_flight.count;
    uint64_t seq = count > 0 ? of->in_flight.facts[count - 1].seq : sim->stores[shard].count;
    of->in_flight.count = 0;
    hf_dispatch_committed(engine->dispatch, shard, seq, of->asked_ns, sim_time(sim));
  }
  wake(sim, engine, outcome == 0 ? MS : 250 * MS);
}

/* --- the lanes --- */

static void send_ready(struct sim *sim, struct sim_engine *engine)
{
  for (uint32_t flight = hf_dispatch_ready(engine->dispatch, 0), next; flight != 0; flight = next) {
    next = hf_dispatch_ready(engine->dispatch, flight);
    struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
    struct hf_order *order = malloc(sizeof *order);
    HF_ASSERT(order != NULL && sim->leaves_count < SIM_LEAVES_MAX);
    *order = *view.message.order;
    engine->flight_life[flight]++;
    bool early = sim_check_leave(sim, engine, order);
    sim->leaves[sim->leaves_count++] = (struct sim_leave){order->id, sim->now_ns, early};
    int64_t way_ns = (int64_t)(1 + sim_any(sim, 8)) * MS;
    if (sim->calm) way_ns = sim->work_least_ns + (int64_t)sim_any(sim, (uint64_t)(sim->work_most_ns - sim->work_least_ns));
    sim_at(sim, way_ns,
           (struct sim_event){.kind = SIM_ARRIVE,
                              .engine = engine->index,
                              .life = engine->life,
                              .a = flight,
                              .b = engine->flight_life[flight],
                              .order = order,
                              .bytes = hf_checksum(HF_CHECKSUM_SEED, view.message.body.data, view.message.body.size)});
    hf_dispatch_started(engine->dispatch, flight, sim_time(sim));
    hf_dispatch_left(engine->dispatch, flight, sim_time(sim));
  }
}

void sim_engine_reply(struct sim *sim, struct sim_engine *engine, const struct sim_event *event)
{
  if (event->heard) {
    const struct hf_heard heard = {.body = {(const uint8_t *)event->body, strlen(event->body)}};
    for (uint32_t lane = 0; lane < hf_dispatch_lanes(engine->dispatch); lane++)
      if (strcmp(hf_dispatch_lane(engine->dispatch, lane).row->code, sim->banks[event->a].code) == 0)
        (void)hf_dispatch_heard(engine->dispatch, lane, &heard, sim_time(sim), &(struct hf_order_id){{{0}}});
    wake(sim, engine, MS);
    return;
  }
  if (engine->flight_life[event->a] != event->b) return; /* the try's time was up */
  engine->flight_life[event->a]++;
  hf_dispatch_replied(engine->dispatch, event->a, 200, (struct hf_span){(const uint8_t *)event->body, strlen(event->body)},
                      sim_time(sim));
  wake(sim, engine, MS);
}

void sim_engine_turn(struct sim *sim, struct sim_engine *engine)
{
  struct hf_time now = sim_time(sim);
  int64_t next_ns = INT64_MAX;
  hf_dispatch_work(engine->dispatch, now);
  send_ready(sim, engine);
  for (uint32_t i = 0; i < SIM_SHARDS; i++) {
    struct sim_shard *of = &engine->shards[i];
    if (!of->owned) continue;
    const struct hf_input tick = {.kind = HF_INPUT_TICK, .now = now, .at = now};
    if (hf_core_next_deadline(of->core) <= now.wall_ns) step(sim, engine, i, &tick, -1);
    int64_t wakes = wake_cases(sim, engine, i), due = hf_core_next_deadline(of->core);
    begin_commit(sim, engine, i);
    if (due < wakes) wakes = due;
    if (wakes != INT64_MAX && wakes - now.wall_ns + sim->now_ns < next_ns) next_ns = wakes - now.wall_ns + sim->now_ns;
  }
  if (hf_dispatch_next(engine->dispatch) < next_ns) next_ns = hf_dispatch_next(engine->dispatch);
  if (next_ns == INT64_MAX) return;
  wake(sim, engine, next_ns <= sim->now_ns ? 2 * MS : next_ns - sim->now_ns);
}
