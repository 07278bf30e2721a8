#include <string.h>

#include "engine/base/assert.h"
#include "engine/codec/rows.h"
#include "engine/codec/transfer.h"
#include "proto/fact.pb-c.h"

/* --- to protobuf: everything points into the fact, so packing copies once --- */

union parts {
  Holdfast__V1__ReportAccepted report;
  struct {
    Holdfast__V1__TransferClaimed claimed;
    struct hf_transfer_proto transfer;
  };
  Holdfast__V1__Order order;
  Holdfast__V1__OrderSent sent;
  Holdfast__V1__AttemptEnded attempt;
  Holdfast__V1__OrderReceived received;
  Holdfast__V1__OrderEnded ended;
  Holdfast__V1__OrderUnknown unknown;
  Holdfast__V1__OrderOverdue overdue;
  Holdfast__V1__AnswerContradicted contradicted;
  Holdfast__V1__HoldPlaced hold;
  Holdfast__V1__HoldLapsed lapsed;
  Holdfast__V1__CaseRested rested;
  Holdfast__V1__CaseReturned returned;
  Holdfast__V1__Quarantined quarantined;
  Holdfast__V1__Institution institution;
  Holdfast__V1__Key key;
  Holdfast__V1__Policy policy;
};

static void put_report(const struct hf_fact_report *from, Holdfast__V1__ReportAccepted *to)
{
  holdfast__v1__report_accepted__init(to);
  to->report_id = hf_wire_bytes_of(&from->id.uuid);
  to->offset = from->offset;
  to->key_id = hf_wire_const(from->key_id);
  to->made_at_us = hf_wire_us(from->made_wall_ns);
  to->appended_at_us = hf_wire_us(from->appended_wall_ns);
  to->consumed_at_us = hf_wire_us(from->consumed_wall_ns);
  to->case_number = hf_wire_const(from->case_number);
  to->victim_name = hf_wire_const((const char *)from->victim.bytes);
  to->form_reference = hf_wire_const(from->form_reference);
}

static void put_order(const struct hf_order *from, Holdfast__V1__Order *to)
{
  holdfast__v1__order__init(to);
  to->order_id = hf_wire_bytes_of(&from->id.uuid);
  to->case_id = hf_wire_bytes_of(&from->case_id.uuid);
  to->case_number = hf_wire_const(from->case_number);
  to->institution = hf_wire_const(from->institution);
  to->account = hf_wire_const((const char *)from->account.bytes);
  to->name = hf_wire_const((const char *)from->name.bytes);
  to->action = (Holdfast__V1__Action)from->action;
  to->ordinal = from->ordinal;
  to->amount = from->amount;
  to->currency = hf_wire_const(hf_currency_code(from->currency));
  to->transfer_at_us = hf_wire_us(from->transfer_wall_ns);
  to->issued_at_us = hf_wire_us(from->issued_wall_ns);
  to->deadline_us = hf_wire_us(from->deadline_wall_ns);
  to->report_id = hf_wire_bytes_of(&from->report_id.uuid);
  to->key_id = hf_wire_const(from->key_id);
  to->form_reference = hf_wire_const(from->form_reference);
}

static void put_ended(const struct hf_fact_ended *from, Holdfast__V1__OrderEnded *to)
{
  holdfast__v1__order_ended__init(to);
  to->order_id = hf_wire_bytes_of(&from->answer.order_id.uuid);
  to->state = hf_wire_const(hf_order_state_code(from->state));
  to->result = hf_wire_const(from->answer.result);
  to->feedback_mono_ns = from->at.mono_ns;
  to->feedback_at_us = hf_wire_us(from->at.wall_ns);
  to->executed_at_us = hf_wire_us(from->answer.executed_wall_ns);
  to->expires_at_us = hf_wire_us(from->answer.expires_wall_ns);
  to->balance = from->answer.balance;
  to->has_balance = from->answer.has_balance;
  to->held = from->answer.held;
  to->transactions_count = from->answer.transactions_count;
}

static void put_hold(const struct hf_fact_hold *from, Holdfast__V1__HoldPlaced *to)
{
  holdfast__v1__hold_placed__init(to);
  to->order_id = hf_wire_bytes_of(&from->order_id.uuid);
  to->starts_earliest_us = hf_wire_us(from->starts_earliest_wall_ns);
  to->starts_latest_us = hf_wire_us(from->starts_latest_wall_ns);
  to->expires_earliest_us = hf_wire_us(from->expires_earliest_wall_ns);
  to->expires_latest_us = hf_wire_us(from->expires_latest_wall_ns);
  to->held = from->held;
}

static void put_step(const struct hf_fact *fact, Holdfast__V1__Fact *to, union parts *parts)
{
  const struct hf_fact_step *from = &fact->step;
  ProtobufCBinaryData id = hf_wire_bytes_of(&from->order_id.uuid);
  switch (fact->kind) {
  case HF_FACT_ORDER_SENT:
    holdfast__v1__order_sent__init(&parts->sent);
    parts->sent.order_id = id;
    parts->sent.attempt = from->attempt;
    parts->sent.sent_mono_ns = from->at.mono_ns;
    parts->sent.sent_at_us = hf_wire_us(from->at.wall_ns);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_SENT;
    break;
  case HF_FACT_ATTEMPT_ENDED:
    holdfast__v1__attempt_ended__init(&parts->attempt);
    parts->attempt.order_id = id;
    parts->attempt.attempt = from->attempt;
    parts->attempt.outcome = hf_wire_const(hf_outcome_code(from->outcome));
    parts->attempt.left = from->left;
    to->what_case = HOLDFAST__V1__FACT__WHAT_ATTEMPT_ENDED;
    break;
  case HF_FACT_ORDER_RECEIVED:
    holdfast__v1__order_received__init(&parts->received);
    parts->received.order_id = id;
    parts->received.attempt = from->attempt;
    parts->received.received_mono_ns = from->at.mono_ns;
    parts->received.received_at_us = hf_wire_us(from->at.wall_ns);
    parts->received.reference = hf_wire_const(from->reference);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_RECEIVED;
    break;
  case HF_FACT_ORDER_UNKNOWN:
    holdfast__v1__order_unknown__init(&parts->unknown);
    parts->unknown.order_id = id;
    parts->unknown.attempts = from->attempt;
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_UNKNOWN;
    break;
  case HF_FACT_ORDER_OVERDUE:
    holdfast__v1__order_overdue__init(&parts->overdue);
    parts->overdue.order_id = id;
    parts->overdue.deadline_us = hf_wire_us(from->deadline_wall_ns);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_OVERDUE;
    break;
  default:
    holdfast__v1__hold_lapsed__init(&parts->lapsed);
    parts->lapsed.order_id = id;
    to->what_case = HOLDFAST__V1__FACT__WHAT_HOLD_LAPSED;
  }
}

static void put_rest(const struct hf_fact *fact, Holdfast__V1__Fact *to, union parts *parts)
{
  switch (fact->kind) {
  case HF_FACT_CASE_RESTED:
    holdfast__v1__case_rested__init(&parts->rested);
    parts->rested.wakes_at_us = hf_wire_us(fact->wakes_wall_ns);
    to->what_case = HOLDFAST__V1__FACT__WHAT_CASE_RESTED;
    break;
  case HF_FACT_CASE_RETURNED:
    holdfast__v1__case_returned__init(&parts->returned);
    to->what_case = HOLDFAST__V1__FACT__WHAT_CASE_RETURNED;
    break;
  case HF_FACT_QUARANTINED:
    holdfast__v1__quarantined__init(&parts->quarantined);
    parts->quarantined.offset = fact->quarantined.offset;
    parts->quarantined.reason = hf_wire_const(hf_reason_code(fact->quarantined.reason));
    parts->quarantined.key_id = hf_wire_const(fact->quarantined.key_id);
    parts->quarantined.report_id = hf_wire_bytes_of(&fact->quarantined.report_id.uuid);
    parts->quarantined.transfer = fact->quarantined.transfer;
    to->what_case = HOLDFAST__V1__FACT__WHAT_QUARANTINED;
    break;
  case HF_FACT_INSTITUTION_SET:
    hf_institution_to_proto(&fact->institution, &parts->institution);
    to->what_case = HOLDFAST__V1__FACT__WHAT_INSTITUTION_SET;
    break;
  case HF_FACT_KEY_SET:
    hf_key_to_proto(&fact->key, &parts->key);
    to->what_case = HOLDFAST__V1__FACT__WHAT_KEY_SET;
    break;
  default:
    HF_ASSERT(fact->kind == HF_FACT_POLICY_SET);
    holdfast__v1__policy__init(&parts->policy);
    parts->policy.version = fact->policy.version;
    parts->policy.feedback_ms = fact->policy.feedback_ms;
    to->what_case = HOLDFAST__V1__FACT__WHAT_POLICY_SET;
  }
}

static void put_what(const struct hf_fact *fact, Holdfast__V1__Fact *to, union parts *parts)
{
  to->report_accepted = &parts->report; /* the members of a union all have this address */
  switch (fact->kind) {
  case HF_FACT_REPORT_ACCEPTED:
    put_report(&fact->report, &parts->report);
    to->what_case = HOLDFAST__V1__FACT__WHAT_REPORT_ACCEPTED;
    break;
  case HF_FACT_TRANSFER_CLAIMED:
    holdfast__v1__transfer_claimed__init(&parts->claimed);
    hf_transfer_to_proto(&fact->transfer.transfer, &parts->transfer);
    parts->claimed.report_id = hf_wire_bytes_of(&fact->transfer.report_id.uuid);
    parts->claimed.transfer = &parts->transfer.transfer;
    to->what_case = HOLDFAST__V1__FACT__WHAT_TRANSFER_CLAIMED;
    break;
  case HF_FACT_ORDER_READY:
    put_order(&fact->order, &parts->order);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_READY;
    break;
  case HF_FACT_ORDER_ENDED:
    put_ended(&fact->ended, &parts->ended);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ORDER_ENDED;
    break;
  case HF_FACT_ANSWER_CONTRADICTED:
    holdfast__v1__answer_contradicted__init(&parts->contradicted);
    parts->contradicted.order_id = hf_wire_bytes_of(&fact->ended.answer.order_id.uuid);
    parts->contradicted.result = hf_wire_const(fact->ended.answer.result);
    to->what_case = HOLDFAST__V1__FACT__WHAT_ANSWER_CONTRADICTED;
    break;
  case HF_FACT_HOLD_PLACED:
    put_hold(&fact->hold, &parts->hold);
    to->what_case = HOLDFAST__V1__FACT__WHAT_HOLD_PLACED;
    break;
  case HF_FACT_ORDER_SENT:
  case HF_FACT_ATTEMPT_ENDED:
  case HF_FACT_ORDER_RECEIVED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_HOLD_LAPSED: put_step(fact, to, parts); break;
  default: put_rest(fact, to, parts);
  }
}

size_t hf_fact_encode(const struct hf_fact *fact, const char *boot_id, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Fact to = HOLDFAST__V1__FACT__INIT;
  union parts parts;
  to.shard = fact->shard;
  to.seq = fact->seq;
  if (!hf_uuid_is_zero(fact->case_id.uuid)) to.case_id = hf_wire_bytes_of(&fact->case_id.uuid);
  to.decided_mono_ns = fact->decided.mono_ns;
  to.decided_at_us = hf_wire_us(fact->decided.wall_ns);
  to.boot_id = hf_wire_const(boot_id);
  to.policy_version = fact->policy_version;
  put_what(fact, &to, &parts);
  return hf_wire_pack(&to.base, out, capacity);
}

/* --- from protobuf: strict, because only we wrote it --- */

static bool get_text(const char *from, char *to, size_t capacity)
{
  return hf_wire_text(from, to, capacity);
}

static bool get_report(const Holdfast__V1__ReportAccepted *from, struct hf_fact_report *to)
{
  to->offset = from->offset;
  return hf_wire_uuid(from->report_id, &to->id.uuid) && get_text(from->key_id, to->key_id, sizeof to->key_id) &&
         hf_wire_ns(from->made_at_us, &to->made_wall_ns) && hf_wire_ns(from->appended_at_us, &to->appended_wall_ns) &&
         hf_wire_ns(from->consumed_at_us, &to->consumed_wall_ns) &&
         get_text(from->case_number, to->case_number, sizeof to->case_number) &&
         get_text(from->form_reference, to->form_reference, sizeof to->form_reference) &&
         hf_is_ok(hf_name_set(&to->victim, from->victim_name, strlen(from->victim_name)));
}

static bool get_order(const Holdfast__V1__Order *from, struct hf_order *to)
{
  if (from->action <= 0 || (int)from->action >= HF_ACTION_COUNT) return false;
  to->action = (enum hf_action)from->action;
  to->ordinal = from->ordinal;
  to->amount = from->amount;
  to->currency = hf_currency_of_code(from->currency);
  return hf_wire_uuid(from->order_id, &to->id.uuid) && hf_wire_uuid(from->case_id, &to->case_id.uuid) &&
         get_text(from->case_number, to->case_number, sizeof to->case_number) &&
         get_text(from->institution, to->institution, sizeof to->institution) &&
         hf_is_ok(hf_account_number_set(&to->account, from->account, strlen(from->account))) &&
         hf_is_ok(hf_name_set(&to->name, from->name, strlen(from->name))) &&
         hf_wire_ns(from->transfer_at_us, &to->transfer_wall_ns) && hf_wire_ns(from->issued_at_us, &to->issued_wall_ns) &&
         hf_wire_ns(from->deadline_us, &to->deadline_wall_ns) && hf_wire_uuid(from->report_id, &to->report_id.uuid) &&
         get_text(from->key_id, to->key_id, sizeof to->key_id) &&
         get_text(from->form_reference, to->form_reference, sizeof to->form_reference);
}

static bool get_ended(const Holdfast__V1__OrderEnded *from, struct hf_fact_ended *to)
{
  to->state = hf_order_state_of_code(from->state);
  to->at.mono_ns = from->feedback_mono_ns;
  to->answer.has_feedback = true;
  to->answer.balance = from->balance;
  to->answer.has_balance = from->has_balance;
  to->answer.held = from->held;
  to->answer.transactions_count = from->transactions_count;
  return to->state != HF_ORDER_UNSET && hf_wire_uuid(from->order_id, &to->answer.order_id.uuid) &&
         get_text(from->result, to->answer.result, sizeof to->answer.result) &&
         hf_wire_ns(from->feedback_at_us, &to->at.wall_ns) && hf_wire_ns(from->executed_at_us, &to->answer.executed_wall_ns) &&
         hf_wire_ns(from->expires_at_us, &to->answer.expires_wall_ns);
}

static bool get_hold(const Holdfast__V1__HoldPlaced *from, struct hf_fact_hold *to)
{
  to->held = from->held;
  return hf_wire_uuid(from->order_id, &to->order_id.uuid) &&
         hf_wire_ns(from->starts_earliest_us, &to->starts_earliest_wall_ns) &&
         hf_wire_ns(from->starts_latest_us, &to->starts_latest_wall_ns) &&
         hf_wire_ns(from->expires_earliest_us, &to->expires_earliest_wall_ns) &&
         hf_wire_ns(from->expires_latest_us, &to->expires_latest_wall_ns);
}

static bool get_step(const Holdfast__V1__Fact *from, struct hf_fact *fact)
{
  struct hf_fact_step *to = &fact->step;
  switch (from->what_case) {
  case HOLDFAST__V1__FACT__WHAT_ORDER_SENT:
    fact->kind = HF_FACT_ORDER_SENT;
    to->attempt = from->order_sent->attempt;
    to->at.mono_ns = from->order_sent->sent_mono_ns;
    return hf_wire_uuid(from->order_sent->order_id, &to->order_id.uuid) &&
           hf_wire_ns(from->order_sent->sent_at_us, &to->at.wall_ns);
  case HOLDFAST__V1__FACT__WHAT_ATTEMPT_ENDED:
    fact->kind = HF_FACT_ATTEMPT_ENDED;
    to->attempt = from->attempt_ended->attempt;
    to->left = from->attempt_ended->left;
    to->outcome = hf_outcome_of_code(from->attempt_ended->outcome);
    return to->outcome != HF_OUTCOME_UNSET && hf_wire_uuid(from->attempt_ended->order_id, &to->order_id.uuid);
  case HOLDFAST__V1__FACT__WHAT_ORDER_RECEIVED:
    fact->kind = HF_FACT_ORDER_RECEIVED;
    to->attempt = from->order_received->attempt;
    to->at.mono_ns = from->order_received->received_mono_ns;
    return hf_wire_uuid(from->order_received->order_id, &to->order_id.uuid) &&
           hf_wire_ns(from->order_received->received_at_us, &to->at.wall_ns) &&
           get_text(from->order_received->reference, to->reference, sizeof to->reference);
  case HOLDFAST__V1__FACT__WHAT_ORDER_UNKNOWN:
    fact->kind = HF_FACT_ORDER_UNKNOWN;
    to->attempt = from->order_unknown->attempts;
    return hf_wire_uuid(from->order_unknown->order_id, &to->order_id.uuid);
  case HOLDFAST__V1__FACT__WHAT_ORDER_OVERDUE:
    fact->kind = HF_FACT_ORDER_OVERDUE;
    return hf_wire_uuid(from->order_overdue->order_id, &to->order_id.uuid) &&
           hf_wire_ns(from->order_overdue->deadline_us, &to->deadline_wall_ns);
  case HOLDFAST__V1__FACT__WHAT_HOLD_LAPSED:
    fact->kind = HF_FACT_HOLD_LAPSED;
    return hf_wire_uuid(from->hold_lapsed->order_id, &to->order_id.uuid);
  default: return false;
  }
}

static bool get_rest(const Holdfast__V1__Fact *from, struct hf_fact *fact)
{
  switch (from->what_case) {
  case HOLDFAST__V1__FACT__WHAT_CASE_RESTED:
    fact->kind = HF_FACT_CASE_RESTED;
    return hf_wire_ns(from->case_rested->wakes_at_us, &fact->wakes_wall_ns);
  case HOLDFAST__V1__FACT__WHAT_CASE_RETURNED: fact->kind = HF_FACT_CASE_RETURNED; return true;
  case HOLDFAST__V1__FACT__WHAT_ANSWER_CONTRADICTED:
    fact->kind = HF_FACT_ANSWER_CONTRADICTED;
    return hf_wire_uuid(from->answer_contradicted->order_id, &fact->ended.answer.order_id.uuid) &&
           get_text(from->answer_contradicted->result, fact->ended.answer.result, sizeof fact->ended.answer.result);
  case HOLDFAST__V1__FACT__WHAT_QUARANTINED:
    fact->kind = HF_FACT_QUARANTINED;
    fact->quarantined.offset = from->quarantined->offset;
    fact->quarantined.reason = hf_reason_of_code(from->quarantined->reason);
    fact->quarantined.transfer = from->quarantined->transfer;
    return fact->quarantined.reason != HF_REASON_NONE &&
           get_text(from->quarantined->key_id, fact->quarantined.key_id, sizeof fact->quarantined.key_id) &&
           hf_wire_uuid(from->quarantined->report_id, &fact->quarantined.report_id.uuid);
  case HOLDFAST__V1__FACT__WHAT_INSTITUTION_SET:
    fact->kind = HF_FACT_INSTITUTION_SET;
    return hf_institution_of_proto(from->institution_set, &fact->institution) == HF_REASON_NONE;
  case HOLDFAST__V1__FACT__WHAT_KEY_SET:
    fact->kind = HF_FACT_KEY_SET;
    return hf_key_of_proto(from->key_set, &fact->key) == HF_REASON_NONE;
  case HOLDFAST__V1__FACT__WHAT_POLICY_SET:
    fact->kind = HF_FACT_POLICY_SET;
    fact->policy = (struct hf_policy){.version = from->policy_set->version, .feedback_ms = from->policy_set->feedback_ms};
    return true;
  default: return get_step(from, fact);
  }
}

static bool get_what(const Holdfast__V1__Fact *from, struct hf_fact *fact)
{
  switch (from->what_case) {
  case HOLDFAST__V1__FACT__WHAT_REPORT_ACCEPTED:
    fact->kind = HF_FACT_REPORT_ACCEPTED;
    return get_report(from->report_accepted, &fact->report);
  case HOLDFAST__V1__FACT__WHAT_TRANSFER_CLAIMED:
    fact->kind = HF_FACT_TRANSFER_CLAIMED;
    return from->transfer_claimed->transfer != NULL &&
           hf_wire_uuid(from->transfer_claimed->report_id, &fact->transfer.report_id.uuid) &&
           hf_transfer_of_proto(from->transfer_claimed->transfer, &fact->transfer.transfer) == HF_REASON_NONE;
  case HOLDFAST__V1__FACT__WHAT_ORDER_READY:
    fact->kind = HF_FACT_ORDER_READY;
    return get_order(from->order_ready, &fact->order);
  case HOLDFAST__V1__FACT__WHAT_ORDER_ENDED:
    fact->kind = HF_FACT_ORDER_ENDED;
    return get_ended(from->order_ended, &fact->ended);
  case HOLDFAST__V1__FACT__WHAT_HOLD_PLACED: fact->kind = HF_FACT_HOLD_PLACED; return get_hold(from->hold_placed, &fact->hold);
  default: return get_rest(from, fact);
  }
}

struct hf_status hf_fact_decode(struct hf_span bytes, struct hf_arena *arena, struct hf_fact *fact)
{
  ProtobufCAllocator allocator = hf_wire_allocator(arena);
  const Holdfast__V1__Fact *from = holdfast__v1__fact__unpack(&allocator, bytes.size, bytes.data);
  if (from == NULL) return hf_fail(HF_STATUS_MALFORMED, "a stored fact does not decode");
  memset(fact, 0, sizeof *fact);
  fact->shard = from->shard;
  fact->seq = from->seq;
  fact->decided.mono_ns = from->decided_mono_ns;
  fact->policy_version = from->policy_version;
  bool case_ok = from->case_id.len == 0 || hf_wire_uuid(from->case_id, &fact->case_id.uuid);
  if (!case_ok || !hf_wire_ns(from->decided_at_us, &fact->decided.wall_ns) || !get_what(from, fact))
    return hf_fail(HF_STATUS_MALFORMED, "a stored fact has a value that this version never wrote");
  return hf_ok();
}
