/*
 * Time: what a tick finds due (H4, H9, O11; design.md section 10's clocks), and what PostgreSQL knows from other cases.
 */
#include "engine/core/decide.h"

static const struct hf_order_id no_order;

static void order_due(struct hf_core *core, const struct hf_input *input, uint32_t index)
{
  const struct hf_order_entry *order = hf_order_at(core, index);
  if (order->state != HF_ORDER_WATCHING) {
    struct hf_order_id id = order->id;
    if (hf_core_awaits_receipt(order) && order->receipt_by_wall_ns <= core->now.wall_ns) {
      hf_core_tell_step(core, input, order, HF_FACT_RECEIPT_MISSED);
      return;
    }
    if (order->deadline_wall_ns > core->now.wall_ns) {
      hf_core_tell_step(core, input, order, HF_FACT_ORDER_WARNED);
      return;
    }
    hf_core_tell_step(core, input, order, HF_FACT_ORDER_OVERDUE); /* O11 */
    order = hf_core_order(core, id);
    if (order->state == HF_ORDER_RECEIVED) hf_core_probe(core, input, order); /* it has it and is silent: its list tells */
    return;
  }
  struct hf_fact *fact =
      hf_core_begin(core, HF_FACT_ORDER_ENDED, hf_case_at(core, order->case_index)->id); /* O15: its end time */
  fact->ended.event = HF_ORDER_EVENT_ENDED;
  fact->ended.state = HF_ORDER_EFFECTIVE;
  fact->ended.action = order->action;
  fact->ended.at = input->at;
  fact->ended.answer.order_id = order->id;
  fact->ended.answer.has_feedback = true;
  hf_core_tell(core, fact);
}

static void hold_due(struct hf_core *core, uint32_t item)
{
  uint32_t account = (item - 1) / 2 + 1;
  enum hf_hold_kind kind = (enum hf_hold_kind)((item - 1) % 2 + 1);
  const struct hf_hold *hold = &hf_account_at(core, account)->holds[kind];
  if (hold->expires_latest_wall_ns <= core->now.wall_ns)
    hf_core_lapse(core, account, kind);
  else if (hf_hold_next_warning(kind, hold) <= core->now.wall_ns)
    hf_core_warn(core, account, kind);
  else
    hf_core_check_hold(core, account, kind);
}

static void submission_due(struct hf_core *core, uint32_t index)
{
  const struct hf_submission_entry *submission = hf_submission_at(core, index);
  struct hf_case_id case_id = hf_case_at(core, submission->case_index)->id;
  struct hf_uuid id = submission->id;
  bool waits = submission->state == HF_SUBMISSION_WAITS, second = submission->due_wall_ns <= core->now.wall_ns;
  enum hf_fact_kind kind = waits ? HF_FACT_SUBMISSION_ENDED : second ? HF_FACT_COUNTERSIGN_MISSED : HF_FACT_PAPER_MISSED;
  struct hf_fact *fact = hf_core_begin(core, kind, case_id);
  fact->submission.id = id;
  fact->submission.command = submission->command;
  fact->submission.kind = (enum hf_command_kind)submission->kind;
  if (waits) fact->submission.reason = HF_REASON_COMMAND_TOO_LATE;
  hf_core_tell(core, fact);
  if (waits) return;
  /* A stop that nobody countersigned goes on, and the leader is told: never silently released. */
  hf_core_task(core, case_id, second ? HF_TASK_COUNTERSIGN : HF_TASK_PAPER, no_order, id, HF_DRAFT_CAUSE_UNSET);
}

static bool is_due(const struct hf_heap *heap, const struct hf_core *core, uint32_t *item)
{
  const struct hf_heap_entry *first = hf_heap_first(heap);
  if (first == NULL || first->key.first > core->now.wall_ns) return false;
  *item = first->item;
  return true;
}

void hf_core_decide_tick(struct hf_core *core, const struct hf_input *input)
{
  uint32_t item;
  while (hf_core_facts_left(core) >= 8) {
    struct hf_case_id case_id;
    if (is_due(&core->hold_deadlines, core, &item)) { /* first: what lapsed cannot be extended any more */
      case_id = hf_case_at(core, hf_account_at(core, (item - 1) / 2 + 1)->case_index)->id;
      hold_due(core, item);
    } else if (is_due(&core->order_deadlines, core, &item)) {
      case_id = hf_case_at(core, hf_order_at(core, item)->case_index)->id;
      order_due(core, input, item);
    } else if (is_due(&core->submission_deadlines, core, &item)) {
      case_id = hf_case_at(core, hf_submission_at(core, item)->case_index)->id;
      submission_due(core, item);
    } else if (core->next_call_wall_ns <= core->now.wall_ns) {
      hf_core_call_next(core);
      continue;
    } else {
      return;
    }
    hf_core_rest_if_done(core, case_id);
  }
}

void hf_core_decide_clock(struct hf_core *core, const struct hf_input *input)
{
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_CLOCK_NOTED, (struct hf_case_id){{{0}}});
  fact->clock = *input->clock;
  hf_core_tell(core, fact);
}

/* What spans cases is looked up after commit and comes back as an input (design.md section 5): never on the way to a stop. */
void hf_core_decide_seen(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_case_entry *entry = hf_core_case(core, input->case_id);
  const struct hf_account_entry *account = entry == NULL ? NULL : hf_core_account(core, entry, &input->seen->party);
  if (account == NULL || (account->elsewhere && !input->seen->suspect)) {
    hf_core_rest_if_done(core, input->case_id);
    return;
  }
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_SEEN_ELSEWHERE, input->case_id);
  fact->seen = *input->seen;
  hf_core_tell(core, fact);
  if (!input->seen->suspect)
    hf_core_task(core, input->case_id, HF_TASK_LINK, input->seen->order_id, input->seen->other_id.uuid, HF_DRAFT_CAUSE_UNSET);
  hf_core_rest_if_done(core, input->case_id);
}
