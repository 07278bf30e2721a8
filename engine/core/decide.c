/*
 * Decide: a step: one input looked at, its facts told. What belongs to an entity stands in decide_*.c.
 */
#include "engine/core/decide.h"

struct hf_fact *hf_core_begin(struct hf_core *core, enum hf_fact_kind kind, struct hf_case_id case_id)
{
  HF_ASSERT(core->facts_count < HF_STEP_FACTS_MAX);
  struct hf_fact *fact = &core->facts[core->facts_count];
  memset(fact, 0, sizeof *fact);
  fact->kind = kind;
  fact->shard = core->config.shard;
  fact->seq = core->seq + 1;
  fact->case_id = case_id;
  fact->decided = core->now;
  fact->policy_version = core->registry->policy.version;
  return fact;
}

void hf_core_tell(struct hf_core *core, const struct hf_fact *fact)
{
  HF_ASSERT(fact == &core->facts[core->facts_count]);
  HF_ASSERT(fact->seq == core->seq + 1);
  core->seq++;
  core->facts_count++;
  hf_core_evolve(core, fact);
}

void hf_core_quarantine(struct hf_core *core, const struct hf_input *input, enum hf_reason reason, uint32_t part)
{
  struct hf_case_id case_id = {0};
  if (input->report != NULL) case_id = input->report->case_id;
  if (input->command != NULL) case_id = input->command->case_id;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_QUARANTINED, case_id);
  fact->quarantined.offset = input->offset;
  fact->quarantined.reason = reason;
  fact->quarantined.transfer = part;
  memcpy(fact->quarantined.key_id, input->key_id, sizeof fact->quarantined.key_id);
  if (input->report != NULL) fact->quarantined.submission_id = input->report->id.uuid;
  if (input->access != NULL) fact->quarantined.submission_id = input->access->id;
  if (input->command != NULL) {
    fact->quarantined.command = true;
    fact->quarantined.kind = input->command->kind;
    fact->quarantined.submission_id = input->command->id.uuid;
  }
  hf_core_tell(core, fact);
}

void hf_core_task(struct hf_core *core, struct hf_case_id case_id, enum hf_task task, struct hf_order_id order_id,
                  struct hf_uuid submission_id, enum hf_draft_cause cause)
{
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_TASK_OPENED, case_id);
  fact->task.task = task;
  fact->task.cause = cause;
  fact->task.order_id = order_id;
  fact->task.submission_id = submission_id;
  hf_core_tell(core, fact);
}

static int64_t earlier(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* When a case that rests has to be back. */
static int64_t wakes_at(const struct hf_core *core, const struct hf_case_entry *entry)
{
  int64_t wakes = INT64_MAX;
  for (uint32_t at = entry->accounts_first; at != 0; at = hf_account_at(core, at)->next)
    for (int kind = 1; kind < HF_HOLD_KIND_COUNT; kind++)
      wakes = earlier(wakes, hf_hold_next((enum hf_hold_kind)kind, &hf_account_at(core, at)->holds[kind]));
  for (uint32_t at = entry->submissions_first; at != 0; at = hf_submission_at(core, at)->next)
    wakes = earlier(wakes, earlier(hf_submission_at(core, at)->due_wall_ns, hf_submission_at(core, at)->paper_wall_ns));
  return wakes == INT64_MAX ? 0 : wakes;
}

void hf_core_rest_if_done(struct hf_core *core, struct hf_case_id case_id)
{
  const struct hf_case_entry *entry = hf_core_case(core, case_id);
  if (entry == NULL || entry->orders_open > 0) return;
  int64_t wakes = wakes_at(core, entry);
  if (wakes != 0 && wakes <= core->now.wall_ns) return; /* more of it is due now: the tick that tells it comes first */
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_CASE_RESTED, case_id);
  fact->wakes_wall_ns = wakes;
  hf_core_tell(core, fact);
}

static void decide_return(struct hf_core *core, const struct hf_input *input)
{
  if (hf_core_case(core, input->case_id) == NULL) return;
  hf_core_tell(core, hf_core_begin(core, HF_FACT_CASE_RETURNED, input->case_id));
}

uint32_t hf_core_step(struct hf_core *core, const struct hf_input *input, struct hf_fact *facts)
{
  core->facts = facts;
  core->facts_count = 0;
  core->now = input->now;
  switch (input->kind) {
  case HF_INPUT_REPORT:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->report != NULL);
    hf_core_decide_report(core, input);
    break;
  case HF_INPUT_COMMAND:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->command != NULL);
    hf_core_decide_command(core, input);
    break;
  case HF_INPUT_REGISTRY:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->registry != NULL);
    hf_core_decide_registry(core, input);
    break;
  case HF_INPUT_ACCESS:
    HF_ASSERT(input->verdict == HF_REASON_NONE && input->access != NULL);
    hf_core_decide_access(core, input);
    break;
  case HF_INPUT_UNREADABLE:
    HF_ASSERT(input->verdict != HF_REASON_NONE);
    hf_core_quarantine(core, input, input->verdict, 0);
    break;
  case HF_INPUT_LEFT:
  case HF_INPUT_ATTEMPT_ENDED:
  case HF_INPUT_GAVE_UP: hf_core_decide_attempt(core, input); break;
  case HF_INPUT_ANSWER:
    HF_ASSERT(input->answer != NULL);
    hf_core_decide_answer(core, input);
    break;
  case HF_INPUT_SEEN:
    HF_ASSERT(input->seen != NULL);
    hf_core_decide_seen(core, input);
    break;
  case HF_INPUT_CLOCK:
    HF_ASSERT(input->clock != NULL);
    hf_core_decide_clock(core, input);
    break;
  case HF_INPUT_LANE:
    HF_ASSERT(input->lane != NULL);
    hf_core_decide_lane(core, input);
    break;
  case HF_INPUT_RETURN: decide_return(core, input); break;
  case HF_INPUT_TICK: hf_core_decide_tick(core, input); break;
  case HF_INPUT_UNSET: HF_NEVER("an input has a kind");
  }
  return core->facts_count;
}
