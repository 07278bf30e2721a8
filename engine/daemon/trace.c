#include <string.h>

#include "engine/daemon/internal.h"

static struct hf_trace *trace_of(struct hf_engine *engine, struct hf_case_id id)
{
  /* Newest first: nearly all are found within a few places. */
  for (uint32_t i = 1; i <= 256; i++) {
    struct hf_trace *trace = &engine->traces[(engine->traces_next - i) % HF_TRACES_MAX];
    if (trace->stops_left > 0 && hf_uuid_equal(trace->case_id.uuid, id.uuid)) return trace;
  }
  return NULL;
}

void hf_trace_begin(struct hf_engine *engine, const struct hf_submission *submission, const struct hf_fact *facts,
                    uint32_t count)
{
  struct hf_trace *trace = &engine->traces[engine->traces_next % HF_TRACES_MAX];
  uint32_t stops = 0;
  for (uint32_t i = 0; i < count; i++) stops += facts[i].kind == HF_FACT_ORDER_READY && facts[i].order.action == HF_ACTION_STOP;
  if (stops == 0) return;
  engine->traces_next++;
  *trace = (struct hf_trace){.case_id = submission->input.report->case_id,
                             .made_wall_ns = submission->input.report->made_wall_ns,
                             .consumed_mono_ns = submission->consumed_mono_ns,
                             .consumed_wall_ns = submission->input.consumed_wall_ns,
                             .stops_left = stops};
  hf_histogram_add(&engine->stages[HF_STAGE_MADE_TO_CONSUMED], trace->consumed_wall_ns - trace->made_wall_ns);
  hf_histogram_add(&engine->stages[HF_STAGE_CONSUMED_TO_DECIDED], hf_time_now().mono_ns - trace->consumed_mono_ns);
}

void hf_trace_left(struct hf_engine *engine, uint32_t flight, const struct hf_order *order, struct hf_time at)
{
  hf_histogram_add(&engine->stages[HF_STAGE_SIGNED_TO_SENT], at.mono_ns - engine->sign_done_ns[flight]);
  if (order->action != HF_ACTION_STOP) return;
  struct hf_trace *trace = trace_of(engine, order->case_id);
  if (trace == NULL) return;
  if (!trace->first_left)
    hf_histogram_add(&engine->stages[HF_STAGE_CONSUMED_TO_FIRST_STOP], at.mono_ns - trace->consumed_mono_ns);
  trace->first_left = true;
  if (--trace->stops_left > 0) return;
  hf_histogram_add(&engine->stages[HF_STAGE_CONSUMED_TO_LAST_STOP], at.mono_ns - trace->consumed_mono_ns);
  hf_histogram_add(&engine->stages[HF_STAGE_MADE_TO_LAST_STOP], at.wall_ns - trace->made_wall_ns);
}
