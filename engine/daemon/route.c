#include <string.h>

#include "engine/base/log.h"
#include "engine/daemon/internal.h"

void hf_route_order(struct hf_engine *engine, const struct hf_order *order, uint64_t after_seq)
{
  struct hf_status status = hf_dispatch_offer(engine->dispatch, order, after_seq, engine->turn);
  if (hf_is_ok(status)) return;
  if (status.kind == HF_STATUS_AGAIN) engine->left_out = true;
  engine->counters.orders_unsendable++;
  /* It stays ready in the core and on the screens; where its lane was full it is offered again, else a person has to call. */
  HF_LOG(HF_LOG_ALARM, "E1601", "an order cannot be put into its lane", HF_FIELD("order", order->id),
         HF_FIELD("institution", order->institution), HF_FIELD("why", status.why));
}

#define LOOKS_PER_TURN 2048
#define ROUND_EVERY_NS HF_NS_PER_S

static bool is_left_out(void *owner, struct hf_order_id id)
{
  return !hf_dispatch_has(((struct hf_engine *)owner)->dispatch, id);
}

static void offer_left_out(void *owner, const struct hf_order *order)
{
  struct hf_engine *engine = owner;
  /* What waits for a commit waits for all of them here: its own fact's number is not kept. */
  bool waits = order->after != HF_AFTER_NOTHING && hf_record_waiting(engine->record) > 0;
  if (waits || hf_dispatch_offer(engine->dispatch, order, 0, engine->turn).kind == HF_STATUS_AGAIN) engine->left_out = true;
}

bool hf_route_left_out(struct hf_engine *engine)
{
  struct hf_round *round = &engine->round;
  if (!round->runs && (!engine->left_out || engine->turn.mono_ns < round->next_ns)) return false;
  if (!round->runs) *round = (struct hf_round){.runs = true};
  if (round->shard == 0 && round->place == 0) engine->left_out = false;
  while (round->shard < HF_SHARDS_MAX && engine->shards[round->shard].state != HF_SHARD_RUNNING)
    round->shard++, round->place = 0;
  if (round->shard == HF_SHARDS_MAX) {
    *round = (struct hf_round){.next_ns = engine->turn.mono_ns + ROUND_EVERY_NS};
    return false;
  }
  round->place = hf_core_visit_open_from(engine->shards[round->shard].core, round->place, LOOKS_PER_TURN, is_left_out,
                                         offer_left_out, engine);
  if (round->place == 0) round->shard++;
  return true;
}

static const struct hf_open_transport *transport_named(const struct hf_engine *engine, const char *name)
{
  for (int i = 0; i < HF_TRANSPORTS; i++)
    if (strcmp(engine->transports[i].is->name, name) == 0) return &engine->transports[i];
  return NULL;
}

void hf_route_warmth(const struct hf_engine *engine, uint32_t lane, uint32_t *open, uint32_t *wanted)
{
  const struct hf_open_transport *transport = engine->transport_of[lane];
  transport->is->warmth(transport->self, lane, open, wanted);
}

void hf_route_registry_fact(struct hf_engine *engine, const struct hf_fact *fact)
{
  struct hf_status status = hf_ok();
  uint32_t lane;
  if (fact->kind == HF_FACT_KEY_SET) {
    status = hf_trust_key_set(engine->trust, &fact->key);
  } else if (fact->kind == HF_FACT_INSTITUTION_SET) {
    const struct hf_open_transport *transport = transport_named(engine, fact->institution.transport);
    struct hf_mac_key mac_key;
    if (transport == NULL)
      status = hf_fail(HF_STATUS_CONFIG, "the institution's transport is not known to this program");
    else
      status = hf_proof_mac_key(engine, &fact->institution, &mac_key);
    if (hf_is_ok(status)) status = hf_dispatch_institution(engine->dispatch, &fact->institution, &lane);
    if (hf_is_ok(status)) {
      engine->transport_of[lane] = transport;
      engine->mac_keys[lane] = mac_key;
      status =
          transport->is->institution(transport->self, lane, &fact->institution, hf_dialect_named(fact->institution.dialect));
    }
  }
  if (!hf_is_ok(status))
    HF_LOG(HF_LOG_ALARM, "E1602", "a registry row cannot be used", HF_FIELD("kind", hf_fact_code(fact->kind)),
           HF_FIELD("name", fact->kind == HF_FACT_KEY_SET ? fact->key.id : fact->institution.code),
           HF_FIELD("why", status.why));
}

static void log_quarantine(const struct hf_fact *fact)
{
  HF_LOG(HF_LOG_WARN, "E1603", "a submission is quarantined", HF_FIELD("reason", hf_reason_code(fact->quarantined.reason)),
         HF_FIELD("shard", fact->shard), HF_FIELD("offset", fact->quarantined.offset),
         HF_FIELD("key", fact->quarantined.key_id), HF_FIELD("transfer", fact->quarantined.transfer));
}

void hf_route(struct hf_engine *engine, uint32_t shard, uint32_t count, int64_t next_offset, struct hf_span raw)
{
  struct hf_counters *counters = &engine->counters;
  for (uint32_t i = 0; i < count; i++) {
    const struct hf_fact *fact = &engine->facts[i];
    counters->facts[fact->kind]++;
    switch (fact->kind) {
    case HF_FACT_ORDER_READY: hf_route_order(engine, &fact->order, fact->seq); break;
    case HF_FACT_REPORT_ACCEPTED: counters->reports_accepted++; break;
    case HF_FACT_COMMAND_ACCEPTED: counters->commands_accepted++; break;
    case HF_FACT_ORDER_CANCELLED: hf_dispatch_forget(engine->dispatch, fact->step.order_id); break;
    case HF_FACT_ORDER_ENDED:
      counters->orders_ended[fact->ended.state]++;
      /* A person, a list or a clock ended it: the lane still waits for an answer. */
      if (!hf_uuid_is_zero(fact->ended.submission_id) || fact->ended.event == HF_ORDER_EVENT_ENDED)
        hf_dispatch_forget(engine->dispatch, fact->ended.answer.order_id);
      break;
    case HF_FACT_TASK_OPENED:
      HF_LOG(HF_LOG_ALARM, "E1606", "a person is needed", HF_FIELD("task", hf_task_code(fact->task.task)),
             HF_FIELD("case", fact->case_id), HF_FIELD("order", fact->task.order_id));
      break;
    case HF_FACT_CALL_RAISED:
      HF_LOG(HF_LOG_ALARM, "E1608", "a silent institution: whose turn it is to be called",
             HF_FIELD("institution", fact->call.institution), HF_FIELD("rung", hf_rung_code(fact->call.rung)));
      break;
    case HF_FACT_HOLD_DIFFERS:
      HF_LOG(HF_LOG_ALARM, "E1607", "an institution's list of holds differs from the record", HF_FIELD("case", fact->case_id),
             HF_FIELD("order", fact->hold.order_id), HF_FIELD("kind", hf_hold_kind_code(fact->hold.kind)));
      break;
    case HF_FACT_CASE_RESTED:
      hf_shard_remember(&engine->shards[shard], fact->case_id, fact->seq);
      hf_comeback_rested(engine, fact->case_id);
      break;
    case HF_FACT_QUARANTINED:
      counters->quarantined[fact->quarantined.reason]++;
      log_quarantine(fact);
      break;
    case HF_FACT_INSTITUTION_SET:
    case HF_FACT_KEY_SET: hf_route_registry_fact(engine, fact); break;
    case HF_FACT_ORDER_OVERDUE:
      HF_LOG(HF_LOG_WARN, "E1604", "an order's feedback is late", HF_FIELD("order", fact->step.order_id));
      break;
    case HF_FACT_ORDER_UNKNOWN:
      HF_LOG(HF_LOG_ALARM, "E1605", "sent, no answer: call the institution", HF_FIELD("order", fact->step.order_id),
             HF_FIELD("attempts", fact->step.attempt));
      break;
    default: break;
    }
  }
  if (count == 0) return;
  const int64_t answers[] = {hf_proof_first_offset(engine, shard), hf_late_first_offset(engine, shard)};
  struct hf_log_place next = {next_offset, engine->shards[shard].answers_read};
  for (int i = 0; i < 2; i++)
    if (answers[i] < next.answer) next.answer = answers[i];
  hf_record_add(engine->record, shard, engine->facts, count, next, raw);
}

void hf_route_step(struct hf_engine *engine, uint32_t shard, const struct hf_input *input)
{
  uint32_t count = hf_core_step(engine->shards[shard].core, input, engine->facts);
  hf_route(engine, shard, count, -1, (struct hf_span){NULL, 0});
}
