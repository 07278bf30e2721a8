#include "tests/unit/case.h"

/* --- domain.md section 4, rule by rule: the names begin with the rule --- */

static struct hf_command made;

/* A new command about one order; the caller changes `made` and sends it. */
static void about(enum hf_command_kind kind, struct hf_order_id id, int64_t after_ns)
{
  static uint8_t number;
  memset(&made, 0, sizeof made);
  made.kind = kind;
  made.case_id = t.report.case_id;
  made.id.uuid = hf_uuid_v7(NOW + after_ns, (const uint8_t[10]){[4] = ++number});
  made.digest[0] = number;
  made.made_wall_ns = NOW + after_ns;
  made.orders[made.orders_count++] = id;
  made.document = (struct hf_document){"02", "X-1", "bureau", {1}};
  made.mode = kind == HF_COMMAND_FREEZE ? HF_FREEZE_FULL : 0;
  made.until_wall_ns = NOW + after_ns + 90LL * 86400 * HF_NS_PER_S;
}

static void send(const char *key, int64_t after_ns)
{
  struct hf_input input = input_of(HF_INPUT_COMMAND, after_ns);
  strcpy(input.key_id, key);
  input.key_is_record_key = true;
  input.command = &made;
  step(&input);
}

static void command_refused(enum hf_reason reason)
{
  assert_string_equal(hf_reason_code(first_of(HF_FACT_QUARANTINED)->quarantined.reason), hf_reason_code(reason));
  assert_int_equal(count_of(HF_FACT_ORDER_READY), 0);
}

/* By both officers; returns the order that it makes. */
static struct hf_order_id both(int64_t after_ns)
{
  send(KEY, after_ns);
  first_of(HF_FACT_SUBMISSION_WAITS);
  send(SECOND, after_ns + HF_NS_PER_S);
  return first_of(HF_FACT_ORDER_READY)->order.id;
}

static void ticked(int64_t after_ns)
{
  struct hf_input tick = input_of(HF_INPUT_TICK, after_ns);
  step(&tick);
}

static void received(struct hf_order_id id, int64_t left_after_ns, int64_t receipt_after_ns)
{
  struct hf_input left = input_of(HF_INPUT_LEFT, left_after_ns), receipt = input_of(HF_INPUT_ANSWER, receipt_after_ns);
  const struct hf_answer has_it = {.order_id = id, .has_receipt = true};
  left.order_id = receipt.order_id = id;
  receipt.answer = &has_it;
  step(&left);
  step(&receipt);
}

static struct hf_order_id stopped(void)
{
  struct hf_order_id id = open_one();
  answered(id, "0000", HF_NS_PER_S, NOW);
  return id;
}

static struct hf_order_id frozen(void)
{
  about(HF_COMMAND_FREEZE, stopped(), 2 * HF_NS_PER_S);
  struct hf_order_id id = both(2 * HF_NS_PER_S);
  answered(id, "0000", 4 * HF_NS_PER_S, 0);
  return id;
}

static void O1_a_report_twice_and_an_account_twice_are_one(void **unused)
{
  (void)unused;
  open_one();
  refused(HF_REASON_DUPLICATE_REPORT);
  t.report.id.uuid.bytes[15] ^= 1; /* another report of the same account: a claim, no second stop */
  step(&t.input);
  assert_int_equal(count_of(HF_FACT_TRANSFER_CLAIMED), 1);
  assert_int_equal(count_of(HF_FACT_ORDER_READY), 0);
}

static void O3_a_freeze_needs_two_officers_over_the_same_digest(void **unused)
{
  (void)unused;
  about(HF_COMMAND_FREEZE, stopped(), HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  assert_int_equal(count_of(HF_FACT_ORDER_READY), 0);
  made.digest[1] ^= 1;
  send(SECOND, HF_NS_PER_S);
  command_refused(HF_REASON_DIGEST_DIFFERS);
  made.digest[1] ^= 1;
  send(SECOND, HF_NS_PER_S);
  const struct hf_order *order = &first_of(HF_FACT_ORDER_READY)->order;
  assert_string_equal(order->key_id, KEY);
  assert_string_equal(order->second_id, SECOND);
  send(SECOND, HF_NS_PER_S);
  command_refused(HF_REASON_DUPLICATE_COMMAND);
}

static void O3_an_act_first_has_a_paper_clock(void **unused)
{
  (void)unused;
  memset(t.report.form_reference, 0, sizeof t.report.form_reference);
  step(&t.input);
  int64_t by = first_of(HF_FACT_REPORT_ACCEPTED)->report.paper_by_wall_ns;
  assert_true(by > NOW);
  ticked(by - NOW);
  first_of(HF_FACT_PAPER_MISSED);
}

static void S19_paper_after_its_time_is_still_taken(void **unused)
{
  (void)unused;
  memset(t.report.form_reference, 0, sizeof t.report.form_reference);
  t.report.transfers_count = 1;
  step(&t.input);
  struct hf_order_id id = first_of(HF_FACT_ORDER_READY)->order.id;
  int64_t late = first_of(HF_FACT_REPORT_ACCEPTED)->report.paper_by_wall_ns - NOW;
  ticked(late);
  about(HF_COMMAND_PAPER, id, late + HF_NS_PER_S);
  send(KEY, late + HF_NS_PER_S);
  first_of(HF_FACT_PAPER_RECEIVED);
}

static struct hf_answer held_answer(struct hf_order_id id, int64_t balance, int64_t held)
{
  return (struct hf_answer){.order_id = id,
                            .has_receipt = true,
                            .has_feedback = true,
                            .result = "0000",
                            .has_balance = true,
                            .balance = balance,
                            .held = held};
}

static void answer_of(const struct hf_answer *answer, int64_t after_ns)
{
  struct hf_input input = input_of(HF_INPUT_ANSWER, after_ns);
  input.order_id = answer->order_id;
  input.attempt = 1;
  input.answer = answer;
  step(&input);
}

/* The card is stopped, and a sub-account of it goes on paying: the money is followed, the hold stays what it was. */
static void S20_a_sub_account_pays_out_while_the_card_is_stopped(void **unused)
{
  (void)unused;
  t.report.chase = (struct hf_chase_bounds){.hops = 3, .fan_out = 5, .window_s = 86400, .method = HF_CHASE_FIFO};
  t.report.transfers_count = 1;
  step(&t.input);
  struct hf_order_id stop = {{{0}}}, query = {{{0}}};
  for (uint32_t i = 0; i < t.count; i++)
    if (t.facts[i].kind == HF_FACT_ORDER_READY)
      *(t.facts[i].order.action == HF_ACTION_STOP ? &stop : &query) = t.facts[i].order.id;
  answered(stop, "0000", 2 * HF_NS_PER_S, NOW + HF_NS_PER_S);
  struct hf_transaction row = {.amount = 60, .at_wall_ns = NOW + 5 * HF_NS_PER_S, .serial = "T-20", .institution = "BANKA"};
  assert_true(hf_is_ok(hf_account_number_set(&row.account, "A9", 2)));
  struct hf_answer answer = held_answer(query, 40, 0);
  answer.transactions = &row;
  answer.transactions_count = 1;
  answer_of(&answer, 10 * HF_NS_PER_S);
  assert_int_equal(first_of(HF_FACT_MONEY_TRACED)->traced.amount, 60);
  const struct hf_order *onward = &first_of(HF_FACT_ORDER_READY)->order;
  assert_int_equal(onward->action, HF_ACTION_STOP);
  assert_memory_equal(onward->account.bytes, "A9", 2);
  for (uint32_t i = 0; i < t.count; i++) assert_int_not_equal(t.facts[i].kind, HF_FACT_HOLD_CHANGED);
}

/* One bank holds the whole account, another only the amount: each hold says what is held, both are stops in force. */
static void S20_two_scopes_of_one_stop(void **unused)
{
  (void)unused;
  struct hf_order_id stops[2];
  uint32_t count = 0;
  step(&t.input);
  for (uint32_t i = 0; i < t.count && count < 2; i++)
    if (t.facts[i].kind == HF_FACT_ORDER_READY && t.facts[i].order.action == HF_ACTION_STOP)
      stops[count++] = t.facts[i].order.id;
  const struct hf_answer whole = held_answer(stops[0], 5000, 5000), limited = held_answer(stops[1], 5000, 100);
  const struct hf_answer *answers[] = {&whole, &limited};
  for (int i = 0; i < 2; i++) {
    answer_of(answers[i], (i + 1) * HF_NS_PER_S);
    const struct hf_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold.hold;
    assert_int_equal(hold->state, HF_HOLD_STATE_IN_FORCE);
    assert_int_equal(hold->held, answers[i]->held);
  }
}

static void O4_O5_each_sending_and_the_receipt_are_stamped(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS);
  left.order_id = id, left.attempt = 1;
  step(&left);
  assert_int_equal(first_of(HF_FACT_ORDER_SENT)->step.at.wall_ns, NOW + HF_NS_PER_MS);
  answered(id, "0000", HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_RECEIVED)->step.at.wall_ns, NOW + HF_NS_PER_S);
}

static void O6_no_answer_is_unknown_and_a_persons_task(void **unused)
{
  (void)unused;
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS), gave_up = input_of(HF_INPUT_GAVE_UP, HF_NS_PER_S);
  left.order_id = gave_up.order_id = open_one();
  step(&left);
  step(&gave_up);
  first_of(HF_FACT_ORDER_UNKNOWN);
  assert_int_equal(first_of(HF_FACT_TASK_OPENED)->task.task, HF_TASK_CALL);
}

static void O7_a_short_stop_is_a_hold_all_the_same(void **unused)
{
  (void)unused;
  answered(open_one(), "1200", HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_ENDED)->ended.state, HF_ORDER_EFFECTIVE_SHORT);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.state, HF_HOLD_STATE_IN_FORCE);
}

static void O8_another_organs_stop_is_not_ours(void **unused)
{
  (void)unused;
  answered(open_one(), "1301", HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_ENDED)->ended.state, HF_ORDER_HELD_BY_OTHER);
  assert_int_equal(count_of(HF_FACT_HOLD_CHANGED), 0);
}

static void O9_a_corrected_order_is_linked_and_keeps_the_deadline(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  answered(id, "0301", HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_TASK_OPENED)->task.task, HF_TASK_FIX);
  about(HF_COMMAND_FIX, id, 5 * HF_NS_PER_S);
  assert_true(hf_is_ok(hf_name_set(&made.party.name, "N", 1)));
  send(KEY, 5 * HF_NS_PER_S);
  const struct hf_order *fixed = &first_of(HF_FACT_ORDER_READY)->order;
  assert_memory_equal(&fixed->parent, &id, sizeof id);
  assert_int_equal(fixed->deadline_wall_ns, NOW + 60 * HF_NS_PER_S);
  assert_int_equal(fixed->name.size, 1);
}

static void O10_no_stop_is_left_so_a_freeze_is_proposed(void **unused)
{
  (void)unused;
  answered(open_one(), "1304", HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_TASK_OPENED)->task.task, HF_TASK_FREEZE);
}

static void O11_O12_late_feedback_still_rules(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  ticked(61 * HF_NS_PER_S);
  first_of(HF_FACT_ORDER_OVERDUE);
  answered(id, "0000", 3600 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_ENDED)->ended.state, HF_ORDER_EFFECTIVE);
}

static void O13_what_has_left_is_lifted_not_deleted(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS);
  left.order_id = id;
  step(&left);
  about(HF_COMMAND_CANCEL, id, HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  command_refused(HF_REASON_ORDER_LEFT);
}

static void O13_a_lift_is_not_lifted(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS);
  left.order_id = id;
  step(&left);
  about(HF_COMMAND_LIFT, id, HF_NS_PER_S);
  left.order_id = both(HF_NS_PER_S);
  left.at.mono_ns += 3 * HF_NS_PER_S;
  step(&left);
  about(HF_COMMAND_LIFT, left.order_id, 4 * HF_NS_PER_S);
  send(KEY, 4 * HF_NS_PER_S);
  command_refused(HF_REASON_NOT_HELD);
}

static void O13_what_has_not_left_is_called_back(void **unused)
{
  (void)unused;
  about(HF_COMMAND_CANCEL, open_one(), HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  first_of(HF_FACT_ORDER_CANCELLED);
}

static void O15_a_monitor_takes_many_feedbacks(void **unused)
{
  (void)unused;
  about(HF_COMMAND_MONITOR, stopped(), HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  struct hf_order_id id = first_of(HF_FACT_ORDER_READY)->order.id;
  t.more = true;
  for (int i = 0; i < 50; i++) {
    answered(id, "0000", (2 + i) * HF_NS_PER_S, 0);
    assert_int_equal(first_of(i == 0 ? HF_FACT_ORDER_ENDED : HF_FACT_ORDER_WATCHED)->ended.state, HF_ORDER_WATCHING);
  }
}

/* The act is about what is held, even where the officer named an order of the account that never left. */
static void H2_an_extension_is_of_the_stop_that_holds(void **unused)
{
  (void)unused;
  struct hf_order_id stop = stopped();
  about(HF_COMMAND_EXTEND, stop, 2 * HF_NS_PER_S);
  send(KEY, 2 * HF_NS_PER_S);
  struct hf_order_id never_left = first_of(HF_FACT_ORDER_READY)->order.id;
  about(HF_COMMAND_CANCEL, never_left, 3 * HF_NS_PER_S);
  send(KEY, 3 * HF_NS_PER_S);
  first_of(HF_FACT_ORDER_CANCELLED);
  about(HF_COMMAND_EXTEND, never_left, 4 * HF_NS_PER_S);
  send(KEY, 4 * HF_NS_PER_S);
  assert_memory_equal(&first_of(HF_FACT_ORDER_READY)->order.parent, &stop, sizeof stop);
}

static void H2_H3_two_stops_are_all(void **unused)
{
  (void)unused;
  struct hf_order_id id = stopped();
  about(HF_COMMAND_EXTEND, id, HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  answered(first_of(HF_FACT_ORDER_READY)->order.id, "0000", 2 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.expires_latest_wall_ns, NOW + 2 * HF_STOP_TERM_NS);
  about(HF_COMMAND_EXTEND, id, 3 * HF_NS_PER_S);
  send(KEY, 3 * HF_NS_PER_S);
  command_refused(HF_REASON_THIRD_STOP);
}

static void H4_a_stop_lapses_by_our_own_clock(void **unused)
{
  (void)unused;
  stopped();
  ticked(HF_STOP_TERM_NS - HF_NS_PER_S);
  for (uint32_t i = 0; i < t.count; i++)
    assert_false(t.facts[i].kind == HF_FACT_HOLD_CHANGED && t.facts[i].hold.event == HF_HOLD_EVENT_TERM);
  ticked(HF_STOP_TERM_NS);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.state, HF_HOLD_STATE_LAPSED);
}

static void H5_nothing_is_extended_after_it_lapsed(void **unused)
{
  (void)unused;
  struct hf_order_id id = stopped();
  ticked(HF_STOP_TERM_NS);
  about(HF_COMMAND_EXTEND, id, HF_STOP_TERM_NS + HF_NS_PER_S);
  send(KEY, HF_STOP_TERM_NS + HF_NS_PER_S);
  command_refused(HF_REASON_STOP_LAPSED);
}

static void H5_a_lift_after_the_lapse_is_done_not_an_error(void **unused)
{
  (void)unused;
  about(HF_COMMAND_LIFT, stopped(), HF_NS_PER_S);
  struct hf_order_id lift = both(HF_NS_PER_S);
  answered(lift, "1900", 3 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_ORDER_ENDED)->ended.state, HF_ORDER_EFFECTIVE);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.state, HF_HOLD_STATE_LAPSED);
}

static void H6_a_freeze_stands_beside_the_stop(void **unused)
{
  (void)unused;
  frozen();
  const struct hf_fact_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold;
  assert_int_equal(hold->kind, HF_HOLD_FREEZE);
  assert_int_equal(hold->hold.state, HF_HOLD_STATE_IN_FORCE);
}

static void H7_a_limited_freeze_stays_below_the_balance(void **unused)
{
  (void)unused;
  step(&t.input); /* two accounts: the second one's orders keep the case in memory */
  struct hf_order_id id = first_of(HF_FACT_ORDER_READY)->order.id, query = t.facts[t.count - 2].order.id;
  answered(id, "0000", HF_NS_PER_S, 0);
  struct hf_answer answer = {.order_id = query, .has_receipt = true, .has_feedback = true, .has_balance = true, .balance = 50};
  struct hf_input input = input_of(HF_INPUT_ANSWER, HF_NS_PER_S);
  strcpy(answer.result, "0000");
  input.order_id = query;
  input.answer = &answer;
  step(&input);
  about(HF_COMMAND_FREEZE, id, 2 * HF_NS_PER_S);
  made.mode = HF_FREEZE_LIMITED;
  made.amount = 51;
  send(KEY, 2 * HF_NS_PER_S);
  command_refused(HF_REASON_AMOUNT_ABOVE_BALANCE);
}

static void H8_a_freeze_waits_behind_another_organs(void **unused)
{
  (void)unused;
  about(HF_COMMAND_FREEZE, stopped(), 2 * HF_NS_PER_S);
  struct hf_order_id id = both(2 * HF_NS_PER_S);
  struct hf_answer answer = {
      .order_id = id, .has_receipt = true, .has_feedback = true, .queued = true, .former_authority = "court"};
  struct hf_input input = input_of(HF_INPUT_ANSWER, 4 * HF_NS_PER_S);
  strcpy(answer.result, "1303");
  input.order_id = id;
  input.answer = &answer;
  step(&input);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.state, HF_HOLD_STATE_QUEUED);
  assert_string_equal(first_of(HF_FACT_ORDER_ENDED)->ended.answer.former_authority, "court");
}

static void H9_a_renewal_and_a_lift_are_of_the_freeze_that_holds(void **unused)
{
  (void)unused;
  about(HF_COMMAND_FREEZE, stopped(), 2 * HF_NS_PER_S);
  struct hf_order_id never_left = both(2 * HF_NS_PER_S);
  about(HF_COMMAND_CANCEL, never_left, 4 * HF_NS_PER_S);
  send(KEY, 4 * HF_NS_PER_S);
  first_of(HF_FACT_ORDER_CANCELLED);
  about(HF_COMMAND_FREEZE, never_left, 5 * HF_NS_PER_S);
  struct hf_order_id freeze = both(5 * HF_NS_PER_S);
  answered(freeze, "0000", 7 * HF_NS_PER_S, 0);
  about(HF_COMMAND_RENEW, never_left, 8 * HF_NS_PER_S);
  both(8 * HF_NS_PER_S);
  assert_memory_equal(&first_of(HF_FACT_ORDER_READY)->order.parent, &freeze, sizeof freeze);
  about(HF_COMMAND_RETURN, never_left, 10 * HF_NS_PER_S);
  made.amount = 1;
  made.party.account = (struct hf_account_number){.size = 4, .bytes = "6222"};
  both(10 * HF_NS_PER_S);
  assert_memory_equal(&first_of(HF_FACT_ORDER_READY)->order.parent, &freeze, sizeof freeze);
  about(HF_COMMAND_LIFT, never_left, 12 * HF_NS_PER_S);
  both(12 * HF_NS_PER_S);
  assert_memory_equal(&first_of(HF_FACT_ORDER_READY)->order.parent, &freeze, sizeof freeze);
}

static void H9_a_freeze_warns_at_14_days_3_days_and_24_hours(void **unused)
{
  static const int64_t days[] = {14, 3, 1};
  (void)unused;
  frozen();
  int64_t end = first_of(HF_FACT_HOLD_CHANGED)->hold.hold.expires_earliest_wall_ns - NOW;
  for (int i = 0; i < 3; i++) {
    int64_t at = end - days[i] * 86400 * HF_NS_PER_S;
    for (int k = 0; k < 200; k++) { /* what was due before: comparisons, the stop's end */
      ticked(at - HF_NS_PER_S);
      for (uint32_t f = 0; f < t.count; f++)
        assert_false(t.facts[f].kind == HF_FACT_HOLD_WARNED && t.facts[f].hold.kind == HF_HOLD_FREEZE);
      if (t.count == 0) break;
    }
    ticked(at);
    assert_int_equal(first_of(HF_FACT_HOLD_WARNED)->hold.kind, HF_HOLD_FREEZE);
  }
}

static void H10_H14_a_lift_names_what_it_lifts_and_each_change_has_its_cause(void **unused)
{
  (void)unused;
  struct hf_order_id id = stopped();
  about(HF_COMMAND_LIFT, id, HF_NS_PER_S);
  struct hf_order_id lift = both(HF_NS_PER_S);
  assert_memory_equal(&first_of(HF_FACT_ORDER_READY)->order.parent, &id, sizeof id);
  answered(lift, "0000", 3 * HF_NS_PER_S, 0);
  const struct hf_fact_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold;
  assert_int_equal(hold->hold.state, HF_HOLD_STATE_LIFTED);
  assert_memory_equal(&hold->order_id, &lift, sizeof lift);
}

static void H12_limited_freezes_stay_below_the_loss(void **unused)
{
  (void)unused;
  about(HF_COMMAND_FREEZE, stopped(), 2 * HF_NS_PER_S);
  made.mode = HF_FREEZE_LIMITED;
  made.amount = 101; /* the loss is 100 */
  send(KEY, 2 * HF_NS_PER_S);
  command_refused(HF_REASON_AMOUNT_ABOVE_LOSS);
}

static void H13_a_list_without_our_hold_is_a_difference_and_a_task(void **unused)
{
  (void)unused;
  about(HF_COMMAND_RECONCILE, stopped(), HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  answered(first_of(HF_FACT_ORDER_READY)->order.id, "0000", 2 * HF_NS_PER_S, 0);
  assert_int_equal(first_of(HF_FACT_HOLD_DIFFERS)->hold.listed, -1);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.event, HF_HOLD_EVENT_MISSING);
  assert_int_equal(first_of(HF_FACT_TASK_OPENED)->task.task, HF_TASK_DIFFERENCE);
}

/* The answer to the question for holds lists this one stop. */
static void listed(struct hf_order_id question, struct hf_order_id stop, int64_t after_ns)
{
  struct hf_listed_hold hold = {.order_id = stop, .amount = 77};
  struct hf_answer answer = {
      .order_id = question, .has_receipt = true, .has_feedback = true, .result = "0000", .holds = &hold, .holds_count = 1};
  struct hf_input input = input_of(HF_INPUT_ANSWER, after_ns);
  input.order_id = question;
  input.answer = &answer;
  step(&input);
}

/* Found by the simulator: the list comes before the stop's own answer. */
static void H13_a_list_before_the_answer_is_no_difference(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS);
  left.order_id = id;
  step(&left);
  about(HF_COMMAND_RECONCILE, id, HF_NS_PER_S);
  send(KEY, HF_NS_PER_S);
  listed(first_of(HF_FACT_ORDER_READY)->order.id, id, 2 * HF_NS_PER_S);
  assert_int_equal(count_of(HF_FACT_HOLD_DIFFERS), 0);
  const struct hf_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold.hold;
  assert_int_equal(hold->starts_earliest_wall_ns, NOW);
  assert_int_equal(hold->starts_latest_wall_ns, NOW + 2 * HF_NS_PER_S);
  answered(id, "0000", 3 * HF_NS_PER_S, NOW + HF_NS_PER_S);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.count, 1);
}

/* What an owner would send again now: a takeover makes the bytes from this. */
static void expect_one_officer(void *owner, const struct hf_order *order)
{
  ++*(uint32_t *)owner;
  assert_string_equal(order->second_id, "");
}

/* Found by the simulator: a countersignature between a sending and a resend. */
static void a_resend_says_the_same_after_a_countersignature(void **unused)
{
  uint32_t open = 0;
  (void)unused;
  open_one();
  strcpy(t.input.key_id, SECOND);
  step(&t.input);
  first_of(HF_FACT_COUNTERSIGNED);
  hf_core_visit_open(t.core, expect_one_officer, &open);
  assert_int_equal(open, 2);
}

static void S1_feedback_without_times_is_an_interval(void **unused)
{
  (void)unused;
  answered(open_one(), "0000", HF_NS_PER_S, 0);
  const struct hf_hold *hold = &first_of(HF_FACT_HOLD_CHANGED)->hold.hold;
  assert_int_equal(hold->expires_earliest_wall_ns, NOW + HF_STOP_TERM_NS);
  assert_int_equal(hold->expires_latest_wall_ns, NOW + HF_NS_PER_S + HF_STOP_TERM_NS);
}

static void S3_the_list_proves_a_stop_that_was_never_answered(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  struct hf_input left = input_of(HF_INPUT_LEFT, HF_NS_PER_MS), gave_up = input_of(HF_INPUT_GAVE_UP, HF_NS_PER_S);
  left.order_id = gave_up.order_id = id;
  step(&left);
  step(&gave_up);
  about(HF_COMMAND_RECONCILE, id, 2 * HF_NS_PER_S);
  send(KEY, 2 * HF_NS_PER_S);
  listed(first_of(HF_FACT_ORDER_READY)->order.id, id, 3 * HF_NS_PER_S);
  bool resolved = false;
  for (uint32_t i = 0; i < t.count; i++)
    resolved |= t.facts[i].kind == HF_FACT_ORDER_ENDED && hf_uuid_equal(t.facts[i].ended.answer.order_id.uuid, id.uuid);
  assert_true(resolved);
  assert_int_equal(first_of(HF_FACT_HOLD_CHANGED)->hold.hold.state, HF_HOLD_STATE_IN_FORCE);
  assert_int_equal(count_of(HF_FACT_HOLD_DIFFERS), 0);
}

/* It said that it has the order, and its one feedback was lost: it will not be sent again, so the list of holds is asked. */
static void S3_a_lost_feedback_is_asked_for_by_the_list_of_holds(void **unused)
{
  (void)unused;
  t_swallows = true;
  set_registry(false, 1, INT64_MAX, HF_ROLE_OFFICER);
  t_swallows = false;
  struct hf_order_id id = open_one();
  received(id, HF_NS_PER_MS, 2 * HF_NS_PER_MS);
  ticked(60 * HF_NS_PER_S);
  first_of(HF_FACT_ORDER_OVERDUE);
  assert_int_equal(first_of(HF_FACT_ORDER_READY)->order.action, HF_ACTION_HOLDS);
  listed(first_of(HF_FACT_ORDER_READY)->order.id, id, 61 * HF_NS_PER_S);
  bool resolved = false;
  for (uint32_t i = 0; i < t.count; i++)
    resolved |= t.facts[i].kind == HF_FACT_ORDER_ENDED && hf_uuid_equal(t.facts[i].ended.answer.order_id.uuid, id.uuid);
  assert_true(resolved);
}

/* What an institution's dialect has no word for is refused with its reason, not left lying. */
static void an_act_that_the_institution_cannot_be_told_is_refused(void **unused)
{
  (void)unused;
  t_actions = 1u << HF_ACTION_STOP | 1u << HF_ACTION_QUERY;
  set_registry(false, 1, INT64_MAX, HF_ROLE_OFFICER);
  t_actions = 0;
  about(HF_COMMAND_PAPER, stopped(), 2 * HF_NS_PER_S);
  send(KEY, 2 * HF_NS_PER_S);
  command_refused(HF_REASON_ACTION_UNKNOWN_THERE);
}

static void sign_sla(void)
{
  static struct hf_registry_change change;
  struct hf_input input = input_of(HF_INPUT_REGISTRY, -20 * HF_NS_PER_S);
  memset(&change, 0, sizeof change);
  change.has_sla = true;
  change.sla = (struct hf_sla){.version = 1, .effective_wall_ns = NOW - 10 * HF_NS_PER_S, .text = "* * 00-24 any 5000 60000;"};
  strcpy(input.key_id, ROOT);
  input.registry = &change;
  step(&input);
  first_of(HF_FACT_SLA_SET);
}

/* Under an SLA policy a receipt has a limit of its own; it runs only while the order is out, and is told once. */
static void a_receipt_has_its_own_limit(void **unused)
{
  (void)unused;
  sign_sla();
  struct hf_order_id id = open_one();
  ticked(10 * HF_NS_PER_S);
  assert_int_equal(t.count, 0); /* it has not left: nobody could have received it */
  struct hf_input left = input_of(HF_INPUT_LEFT, 11 * HF_NS_PER_S);
  left.order_id = id;
  step(&left);
  ticked(11 * HF_NS_PER_S);
  assert_int_equal(t.count, 1);
  assert_memory_equal(&first_of(HF_FACT_RECEIPT_MISSED)->step.order_id, &id, sizeof id);
  assert_int_equal(t.facts[0].step.deadline_wall_ns, NOW + 5 * HF_NS_PER_S);
  ticked(12 * HF_NS_PER_S);
  assert_int_equal(t.count, 0);
}

static void a_receipt_in_time_ends_its_limit(void **unused)
{
  (void)unused;
  sign_sla();
  struct hf_order_id id = open_one();
  received(id, HF_NS_PER_S, 2 * HF_NS_PER_S);
  ticked(30 * HF_NS_PER_S);
  assert_int_equal(count_of(HF_FACT_RECEIPT_MISSED), 0);
}

static void S21_feedback_just_inside_its_limit_is_not_late(void **unused)
{
  (void)unused;
  struct hf_order_id id = open_one();
  ticked(60 * HF_NS_PER_S - 1);
  assert_int_equal(count_of(HF_FACT_ORDER_OVERDUE), 0);
  answered(id, "0000", 60 * HF_NS_PER_S - 1, 0);
  ticked(60 * HF_NS_PER_S);
  for (uint32_t i = 0; i < t.count; i++) assert_memory_not_equal(&t.facts[i].step.order_id, &id, sizeof id);
}

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(O1_a_report_twice_and_an_account_twice_are_one),
                                     TEST(O3_a_freeze_needs_two_officers_over_the_same_digest),
                                     TEST(O3_an_act_first_has_a_paper_clock),
                                     TEST(S19_paper_after_its_time_is_still_taken),
                                     TEST(S20_a_sub_account_pays_out_while_the_card_is_stopped),
                                     TEST(S20_two_scopes_of_one_stop),
                                     TEST(O4_O5_each_sending_and_the_receipt_are_stamped),
                                     TEST(O6_no_answer_is_unknown_and_a_persons_task),
                                     TEST(O7_a_short_stop_is_a_hold_all_the_same),
                                     TEST(O8_another_organs_stop_is_not_ours),
                                     TEST(O9_a_corrected_order_is_linked_and_keeps_the_deadline),
                                     TEST(O10_no_stop_is_left_so_a_freeze_is_proposed),
                                     TEST(O11_O12_late_feedback_still_rules),
                                     TEST(O13_what_has_left_is_lifted_not_deleted),
                                     TEST(O13_a_lift_is_not_lifted),
                                     TEST(O13_what_has_not_left_is_called_back),
                                     TEST(O15_a_monitor_takes_many_feedbacks),
                                     TEST(H2_an_extension_is_of_the_stop_that_holds),
                                     TEST(H2_H3_two_stops_are_all),
                                     TEST(H4_a_stop_lapses_by_our_own_clock),
                                     TEST(H5_nothing_is_extended_after_it_lapsed),
                                     TEST(H5_a_lift_after_the_lapse_is_done_not_an_error),
                                     TEST(H6_a_freeze_stands_beside_the_stop),
                                     TEST(H7_a_limited_freeze_stays_below_the_balance),
                                     TEST(H8_a_freeze_waits_behind_another_organs),
                                     TEST(H9_a_renewal_and_a_lift_are_of_the_freeze_that_holds),
                                     TEST(H9_a_freeze_warns_at_14_days_3_days_and_24_hours),
                                     TEST(H10_H14_a_lift_names_what_it_lifts_and_each_change_has_its_cause),
                                     TEST(H12_limited_freezes_stay_below_the_loss),
                                     TEST(H13_a_list_without_our_hold_is_a_difference_and_a_task),
                                     TEST(H13_a_list_before_the_answer_is_no_difference),
                                     TEST(a_resend_says_the_same_after_a_countersignature),
                                     TEST(S1_feedback_without_times_is_an_interval),
                                     TEST(S3_the_list_proves_a_stop_that_was_never_answered),
                                     TEST(S3_a_lost_feedback_is_asked_for_by_the_list_of_holds),
                                     TEST(an_act_that_the_institution_cannot_be_told_is_refused),
                                     TEST(a_receipt_has_its_own_limit),
                                     TEST(a_receipt_in_time_ends_its_limit),
                                     TEST(S21_feedback_just_inside_its_limit_is_not_late)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
