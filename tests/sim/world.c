/* The world: virtual time, events in order, faults and their ends. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define FAULTS_MAX 8
#define STORM_NS (25 * 60 * SECOND) /* faults begin within */
#define QUIET_NS (20 * 60 * SECOND) /* after everything: time to come to rest (I13) */
#define PEOPLE 44

const char *const sim_fault_codes[SIM_FAULT_COUNT] = {
#define X(name, code) code,
    SIM_FAULTS(X)
#undef X
};

uint64_t sim_any(struct sim *sim, uint64_t below)
{
  sim->random += 0x9e3779b97f4a7c15ULL;
  return hf_mix64(sim->random) % below;
}

struct hf_time sim_time(const struct sim *sim)
{
  return (struct hf_time){.mono_ns = sim->now_ns, .wall_ns = SIM_START + sim->now_ns + sim->step_ns};
}

void sim_say(struct sim *sim, const char *format, ...)
{
  if (!sim->loud) return;
  va_list values;
  va_start(values, format);
  printf("%12.3f s  ", (double)sim->now_ns / 1e9);
  vprintf(format, values);
  printf("\n");
  va_end(values);
}

void sim_fail(struct sim *sim, const char *invariant, const char *format, ...)
{
  if (sim->failure != NULL) return; /* the first one is the cause */
  va_list values;
  va_start(values, format);
  sim->failure = invariant;
  vsnprintf(sim->failure_text, sizeof sim->failure_text, format, values);
  va_end(values);
  sim_say(sim, "BROKEN %s: %s", invariant, sim->failure_text);
}

/* --- events: a heap by (time, number) --- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
  return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

void sim_at(struct sim *sim, int64_t after_ns, struct sim_event event)
{
  HF_ASSERT(sim->events_count < SIM_EVENTS_MAX && after_ns >= 0);
  event.at_ns = sim->now_ns + after_ns;
  event.number = ++sim->number;
  uint32_t at = sim->events_count++;
  for (; at > 0 && before(&event, &sim->events[(at - 1) / 2]); at = (at - 1) / 2) sim->events[at] = sim->events[(at - 1) / 2];
  sim->events[at] = event;
}

static struct sim_event take(struct sim *sim)
{
  struct sim_event first = sim->events[0], last = sim->events[--sim->events_count];
  uint32_t at = 0;
  for (uint32_t child; (child = 2 * at + 1) < sim->events_count; at = child) {
    if (child + 1 < sim->events_count && before(&sim->events[child + 1], &sim->events[child])) child++;
    if (!before(&sim->events[child], &last)) break;
    sim->events[at] = sim->events[child];
  }
  sim->events[at] = last;
  return first;
}

/* --- faults: each is planned with its end --- */

static void plan_fault(struct sim *sim, uint32_t number)
{
  static const enum sim_fault begins[] = {SIM_FAULT_KILL,       SIM_FAULT_KILL,         SIM_FAULT_FREEZE,
                                          SIM_FAULT_DB_DOWN,    SIM_FAULT_BANK_SILENT,  SIM_FAULT_BANK_RESET,
                                          SIM_FAULT_BANK_SLOW,  SIM_FAULT_BANK_GARBAGE, SIM_FAULT_BANK_OTHER,
                                          SIM_FAULT_CLOCK_STEP, SIM_FAULT_LOST_REPLY,   SIM_FAULT_REBALANCE};
  enum sim_fault fault = begins[sim_any(sim, sizeof begins / sizeof begins[0])];
  int64_t at_ns = (int64_t)sim_any(sim, STORM_NS), lasts_ns = (int64_t)(1 + sim_any(sim, 40)) * SECOND;
  uint32_t whom = (uint32_t)sim_any(sim, SIM_BANKS);
  enum sim_fault end = fault == SIM_FAULT_FREEZE                                         ? SIM_FAULT_RESUME
                       : fault == SIM_FAULT_DB_DOWN                                      ? SIM_FAULT_DB_UP
                       : fault >= SIM_FAULT_BANK_SILENT && fault <= SIM_FAULT_BANK_OTHER ? SIM_FAULT_BANK_WELL
                                                                                         : SIM_FAULT_COUNT;
  if (sim->skip_faults & 1u << number) return;
  sim_at(sim, at_ns, (struct sim_event){.kind = SIM_FAULT, .a = fault, .b = whom});
  if (end != SIM_FAULT_COUNT) sim_at(sim, at_ns + lasts_ns, (struct sim_event){.kind = SIM_FAULT, .a = end, .b = whom});
}

static void revive(struct sim *sim, struct sim_engine *engine)
{
  sim_engine_die(sim, engine);
  sim_at(sim, (int64_t)(2 + sim_any(sim, 8)) * SECOND, (struct sim_event){.kind = SIM_REVIVE, .engine = engine->index});
  sim_at(sim, (int64_t)(3 + sim_any(sim, 4)) * SECOND, (struct sim_event){.kind = SIM_SETTLE});
}

static void fault(struct sim *sim, enum sim_fault what, uint32_t whom)
{
  struct sim_engine *engine = &sim->engines[whom % SIM_ENGINES];
  struct sim_bank *bank = &sim->banks[whom];
  sim->faults[what]++;
  sim_say(sim, "fault: %s %u", sim_fault_codes[what], whom);
  switch (what) {
  case SIM_FAULT_KILL:
    if (engine->alive && !engine->frozen) revive(sim, engine);
    break;
  case SIM_FAULT_FREEZE:
    if (!engine->alive) break;
    engine->frozen = true;
    sim_at(sim, (int64_t)(1 + sim_any(sim, 6)) * SECOND, (struct sim_event){.kind = SIM_SETTLE}); /* the session's time is up */
    break;
  case SIM_FAULT_RESUME:
    if (!engine->frozen) break;
    engine->frozen = false; /* it goes on as if nothing had been; the group reaches it a little later */
    if (engine->alive) sim_at(sim, 0, (struct sim_event){.kind = SIM_TURN, .engine = engine->index, .life = engine->life});
    sim_at(sim, (int64_t)sim_any(sim, 2000) * MS, (struct sim_event){.kind = SIM_SETTLE});
    break;
  case SIM_FAULT_DB_DOWN: sim->db_down = true; break;
  case SIM_FAULT_DB_UP: sim->db_down = false; break;
  case SIM_FAULT_BANK_SILENT:
  case SIM_FAULT_BANK_RESET:
  case SIM_FAULT_BANK_SLOW:
  case SIM_FAULT_BANK_GARBAGE:
  case SIM_FAULT_BANK_OTHER:
  case SIM_FAULT_BANK_WELL: bank->fault = what; break;
  case SIM_FAULT_CLOCK_STEP:
    sim->step_ns = (int64_t)sim_any(sim, 10000) * MS - 5 * SECOND;
    sim->stepped = true;
    break;
  case SIM_FAULT_LOST_REPLY: sim->lose_reply = true; break;
  case SIM_FAULT_REBALANCE:
    sim->owners[0] = sim->owners[1] = SIM_ENGINES; /* everybody lets go, and takes again */
    sim_group_settle(sim);
    break;
  default: break;
  }
}

/* --- the run --- */

static bool is_of_an_engine(enum sim_event_kind kind)
{
  return kind == SIM_CONSUME || kind == SIM_COMMITTED || kind == SIM_TURN || kind == SIM_REPLY;
}

static void happen(struct sim *sim, struct sim_event *event)
{
  struct sim_engine *engine = &sim->engines[event->engine];
  if (is_of_an_engine(event->kind) && (!engine->alive || engine->life != event->life)) return;
  if (is_of_an_engine(event->kind) && engine->frozen) { /* it finds it when it wakes */
    sim_at(sim, 100 * MS, *event);
    event->body = NULL;
    return;
  }
  switch (event->kind) {
  case SIM_SUBMIT: sim_people_submit(sim, event->a); break;
  case SIM_CONSUME: sim_engine_consume(sim, engine); break;
  case SIM_COMMIT: sim_engine_commit(sim, engine, event->a, event->b); break;
  case SIM_COMMITTED: sim_engine_committed(sim, engine, event); break;
  case SIM_TURN: sim_engine_turn(sim, engine); break;
  case SIM_ARRIVE: sim_bank_arrive(sim, event); break;
  case SIM_REPLY: sim_engine_reply(sim, engine, event); break;
  case SIM_FAULT: fault(sim, event->a, event->b); break;
  case SIM_SETTLE: sim_group_settle(sim); break;
  case SIM_REVIVE:
    sim_engine_start(sim, engine);
    sim_at(sim, 500 * MS, (struct sim_event){.kind = SIM_SETTLE});
    break;
  case SIM_OTHER: sim->other(sim, event); break;
  }
}

static void drop(struct sim_event *event)
{
  free(event->order);
  free(event->body);
}

static void clear(struct sim *sim)
{
  for (uint32_t i = 0; i < sim->events_count; i++) drop(&sim->events[i]);
  for (uint32_t i = 0; i < SIM_ENGINES; i++) sim_engine_die(sim, &sim->engines[i]);
  for (uint32_t i = 0; i < SIM_SHARDS; i++) {
    for (uint32_t at = 0; at < sim->logs[i].count; at++) {
      free(sim->logs[i].records[at].report);
      free(sim->logs[i].records[at].command);
      free(sim->logs[i].records[at].registry);
    }
    sim->logs[i].count = 0;
    sim->stores[i] = (struct sim_store){.facts = sim->stores[i].facts};
  }
  for (uint32_t i = 0; i < SIM_BANKS; i++) {
    sim->banks[i].ledger_count = sim->banks[i].accounts_count = 0;
    sim->banks[i].fault = SIM_FAULT_BANK_WELL;
  }
  sim->events_count = sim->leaves_count = 0;
  sim->number = sim->trace = 0;
  sim->now_ns = sim->step_ns = sim->settles_ns = 0;
  sim->db_down = sim->lose_reply = sim->stepped = sim->anew = false;
  sim->failure = NULL;
}

void sim_begin(struct sim *sim, uint64_t seed, uint32_t skip_faults)
{
  clear(sim);
  sim->seed = seed;
  sim->random = hf_mix64(seed);
  sim->skip_faults = skip_faults;
  for (uint32_t i = 0; i < SIM_SHARDS; i++) sim->owners[i] = SIM_ENGINES;
  for (uint32_t i = 0; i < SIM_ENGINES; i++) sim_engine_start(sim, &sim->engines[i]);
  sim_people_begin(sim);
  sim_group_settle(sim);
}

void sim_play(struct sim *sim, int64_t until_ns)
{
  while (sim->events_count > 0 && sim->failure == NULL && sim->events[0].at_ns <= until_ns) {
    struct sim_event event = take(sim);
    sim->now_ns = event.at_ns;
    sim->trace = hf_mix64(sim->trace ^ (uint64_t)event.at_ns ^ (uint64_t)event.kind << 56 ^ event.engine);
    happen(sim, &event);
    drop(&event);
  }
  sim->now_ns = until_ns;
}

bool sim_run(struct sim *sim, uint64_t seed, uint32_t skip_faults, uint32_t people_max)
{
  sim_begin(sim, seed, skip_faults);
  sim->faults_planned = (uint32_t)sim_any(sim, FAULTS_MAX + 1);
  for (uint32_t i = 0; i < sim->faults_planned; i++) plan_fault(sim, i);
  int64_t last_ns = STORM_NS + 60 * SECOND;
  for (uint32_t i = 0; i < PEOPLE; i++) {
    int64_t within[] = {60 * SECOND, 20 * 60 * SECOND, 70 * HOUR};
    int64_t at_ns = SECOND + (int64_t)sim_any(sim, (uint64_t)within[i < sim->cases_planned ? sim_any(sim, 2)
                                                                    : sim_any(sim, 6) == 0 ? 2
                                                                                           : 1]);
    if (i >= people_max) continue;
    if (at_ns > last_ns) last_ns = at_ns;
    sim_at(sim, at_ns, (struct sim_event){.kind = SIM_SUBMIT, .a = i});
  }
  sim_play(sim, last_ns + QUIET_NS);
  if (sim->failure == NULL) sim_check_end(sim);
  return sim->failure == NULL;
}

static void *reserve(size_t size)
{
  void *memory = calloc(1, size);
  HF_ASSERT(memory != NULL);
  return memory;
}

void sim_init(struct sim *sim)
{
  sim->config = (struct hf_core_config){.partitions = SIM_SHARDS,
                                        .cases_max = 64,
                                        .accounts_max = 2048,
                                        .orders_max = 8192,
                                        .root_keys_count = 1,
                                        .root_keys = {"00000000000000000000000000000000"}};
  sim->events = reserve(SIM_EVENTS_MAX * sizeof *sim->events);
  for (uint32_t i = 0; i < SIM_BANKS; i++) snprintf(sim->banks[i].code, sizeof sim->banks[i].code, "BANK%u", i);
  for (uint32_t i = 0; i < SIM_SHARDS; i++) sim->stores[i].facts = reserve(SIM_FACTS_MAX * sizeof *sim->stores[i].facts);
  for (uint32_t i = 0; i < SIM_ENGINES * SIM_SHARDS; i++) {
    struct sim_shard *shard = &sim->engines[i / SIM_SHARDS].shards[i % SIM_SHARDS];
    sim->engines[i / SIM_SHARDS].index = i / SIM_SHARDS;
    shard->waiting.facts = reserve(SIM_BATCH_MAX * sizeof *shard->waiting.facts);
    shard->in_flight.facts = reserve(SIM_BATCH_MAX * sizeof *shard->in_flight.facts);
  }
}
