/*
 * Alerts: which committed facts people are told of on holdfast.alerts, as JSON that any pager reads (schemas/asyncapi.json).
 * Like facts they leave after their commit, at least once, and again after a takeover; no number and no name stands in them.
 */
#include <stdio.h>

#include "engine/base/bytes.h"
#include "engine/codec/codec.h"
#include "engine/daemon/internal.h"

/* NULL: nobody is told. */
static const char *level_of(enum hf_fact_kind kind)
{
  switch (kind) {
  case HF_FACT_ORDER_WARNED:
  case HF_FACT_HOLD_WARNED: return "warning";
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_RECEIPT_MISSED:
  case HF_FACT_COUNTERSIGN_MISSED:
  case HF_FACT_PAPER_MISSED: return "breach";
  case HF_FACT_CALL_RAISED:
  case HF_FACT_TASK_OPENED: return "task";
  case HF_FACT_HOLD_DIFFERS:
  case HF_FACT_ANSWER_CONTRADICTED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_LANE_NOTED:
  case HF_FACT_CLOCK_NOTED: return "alarm";
  default: return NULL;
  }
}

bool hf_alerts_of(enum hf_fact_kind kind)
{
  return level_of(kind) != NULL;
}

/* Each takeover notes the clock; only one that was stepped alarms. */
static bool is_told(const struct hf_fact *fact)
{
  if (fact->kind != HF_FACT_CLOCK_NOTED) return hf_alerts_of(fact->kind);
  return fact->clock.ahead_ns >= HF_CLOCK_STEP_NS || fact->clock.ahead_ns <= -HF_CLOCK_STEP_NS;
}

static struct hf_order_id order_of(const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_TASK_OPENED: return fact->task.order_id;
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_DIFFERS: return fact->hold.order_id;
  case HF_FACT_ANSWER_CONTRADICTED: return fact->ended.answer.order_id;
  case HF_FACT_ORDER_WARNED:
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_RECEIPT_MISSED:
  case HF_FACT_ORDER_UNKNOWN: return fact->step.order_id;
  default: return (struct hf_order_id){{{0}}};
  }
}

static void put(struct hf_writer *out, const char *key, const char *text)
{
  hf_write_text(out, ",\"");
  hf_write_text(out, key);
  hf_write_text(out, "\":");
  hf_write_json_string(out, text, strlen(text));
}

static void put_details(struct hf_writer *out, const struct hf_fact *fact)
{
  char text[HF_TIME_TEXT_SIZE];
  struct hf_order_id order = order_of(fact);
  char id[HF_UUID_TEXT_SIZE];
  if (!hf_uuid_is_zero(fact->case_id.uuid)) put(out, "case_id", hf_uuid_text(fact->case_id.uuid, id));
  if (!hf_uuid_is_zero(order.uuid)) put(out, "order_id", hf_uuid_text(order.uuid, id));
  if (fact->kind == HF_FACT_TASK_OPENED) put(out, "task", hf_task_code(fact->task.task));
  bool timed =
      fact->kind == HF_FACT_ORDER_WARNED || fact->kind == HF_FACT_ORDER_OVERDUE || fact->kind == HF_FACT_RECEIPT_MISSED;
  if (timed || fact->kind == HF_FACT_ORDER_UNKNOWN) put(out, "institution", fact->step.institution);
  if (timed) put(out, "deadline", hf_time_text(fact->step.deadline_wall_ns, text));
  if (fact->kind == HF_FACT_LANE_NOTED) {
    put(out, "institution", fact->lane.institution);
    hf_write_text(out, fact->lane.silent ? ",\"silent\":true,\"orders\":" : ",\"silent\":false,\"orders\":");
    hf_write_int(out, fact->lane.orders);
  }
  if (fact->kind == HF_FACT_CALL_RAISED) {
    put(out, "institution", fact->call.institution);
    put(out, "rung", hf_rung_code(fact->call.rung));
    put(out, "since", hf_time_text(fact->call.since_wall_ns, text));
    if (fact->call.next_wall_ns != 0) put(out, "next", hf_time_text(fact->call.next_wall_ns, text));
  }
  if (fact->kind == HF_FACT_CLOCK_NOTED) {
    hf_write_text(out, ",\"ahead_ms\":");
    hf_write_int(out, fact->clock.ahead_ns / HF_NS_PER_MS);
  }
}

size_t hf_alerts_write(struct hf_span bytes, char text[HF_ALERT_SIZE_MAX])
{
  static struct hf_fact fact;
  struct hf_span sealed;
  char when[HF_TIME_TEXT_SIZE];
  if (!hf_is_ok(hf_fact_decode(bytes, &fact, &sealed)) || !is_told(&fact)) return 0;
  struct hf_writer out = hf_writer_of(text, HF_ALERT_SIZE_MAX);
  hf_write_text(&out, "{\"shard\":");
  hf_write_int(&out, fact.shard);
  hf_write_text(&out, ",\"seq\":");
  hf_write_int(&out, (int64_t)fact.seq);
  put(&out, "level", level_of(fact.kind));
  put(&out, "kind", hf_fact_code(fact.kind));
  put(&out, "at", hf_time_text(fact.decided.wall_ns, when));
  put_details(&out, &fact);
  hf_write_text(&out, "}");
  return out.full ? 0 : out.size;
}
