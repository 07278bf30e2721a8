/* Rows: what each kind of fact adds to the tables beside the orders'. Each function writes one row, in the order of its
 * statement. */
#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/record/projection.h"

static struct hf_column *row_of(struct hf_projection *projection, enum hf_statement_kind kind)
{
  return projection->columns[kind];
}

/* Empty text is told as NULL. */
static void put_word(struct hf_column *column, const char *text)
{
  if (text[0] == '\0')
    hf_column_null(column);
  else
    hf_column_text(column, text);
}

static void put_account(struct hf_column *column, const struct hf_account_number *number)
{
  hf_column_bytes(column, number->bytes, number->size);
}

/* --- submissions --- */

static void add_open_case(struct hf_projection *projection, const struct hf_fact *fact, const char *case_number,
                          const struct hf_name *victim)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_CASE_OPEN);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, case_number);
  hf_column_bytes(c++, victim->bytes, victim->size);
  hf_column_time(c++, fact->decided.wall_ns);
}

/* The part that reports, commands and what waits have in common, up to paper_by. */
static struct hf_column *begin_submission(struct hf_projection *projection, const struct hf_fact *fact, struct hf_uuid id,
                                          const char *kind, const char *state)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_SUBMISSION);
  hf_column_uuid(c++, id);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, kind);
  hf_column_text(c++, state);
  return c;
}

static struct hf_column *put_document(struct hf_column *c, const struct hf_document *document)
{
  static const uint8_t none[HF_DIGEST_SIZE];
  put_word(c++, document->type);
  put_word(c++, document->number);
  put_word(c++, document->issuer);
  if (memcmp(document->sha256, none, sizeof none) == 0)
    hf_column_null(c++);
  else
    hf_column_bytes(c++, document->sha256, sizeof document->sha256);
  return c;
}

static void add_report(struct hf_projection *projection, const struct hf_fact *fact)
{
  static const struct hf_document none;
  const struct hf_fact_report *report = &fact->report;
  struct hf_column *c = row_of(projection, HF_STATEMENT_REPORT);
  hf_column_int(c++, report->offset);
  hf_column_uuid(c++, report->id.uuid);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, report->key_id);
  hf_column_text(c++, report->form_reference);
  hf_column_time(c++, report->made_wall_ns);
  hf_column_time(c++, report->appended_wall_ns);
  hf_column_time(c++, report->consumed_wall_ns);
  hf_column_time(c++, fact->decided.wall_ns);
  add_open_case(projection, fact, report->case_number, &report->victim);
  c = begin_submission(projection, fact, report->id.uuid, "report", "done");
  hf_column_text(c++, report->key_id);
  put_word(c++, report->second_id);
  hf_column_text(c++, report->unit);
  hf_column_bytes(c++, report->digest, sizeof report->digest);
  hf_column_null(c++);
  hf_column_int(c++, report->offset);
  hf_column_time(c++, report->appended_wall_ns);
  hf_column_time(c++, report->countersign_by_wall_ns);
  hf_column_time(c++, report->paper_by_wall_ns);
  hf_column_int(c++, 0);
  hf_column_null(c++);
  hf_column_null(put_document(c, &none));
}

static void add_command(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_fact_command *command = &fact->command;
  struct hf_column *c = begin_submission(projection, fact, command->id.uuid, hf_command_code(command->kind), "done");
  hf_column_text(c++, command->key_id);
  put_word(c++, command->second_id);
  hf_column_text(c++, command->unit);
  hf_column_bytes(c++, command->digest, sizeof command->digest);
  hf_column_null(c++);
  hf_column_int(c++, command->offset);
  hf_column_time(c++, command->appended_wall_ns);
  hf_column_null(c++);
  hf_column_time(c++, command->paper_by_wall_ns);
  hf_column_int(c++, command->break_glass);
  put_word(c++, command->break_glass ? "break_glass" : "");
  c = put_document(c, &command->document);
  put_word(c++, command->text);
}

static void add_waiting(struct hf_projection *projection, const struct hf_fact *fact, struct hf_span raw)
{
  static const struct hf_document none;
  static const struct hf_name nobody;
  const struct hf_fact_submission *submission = &fact->submission;
  if (!submission->command) add_open_case(projection, fact, "", &nobody);
  struct hf_column *c = begin_submission(projection, fact, submission->id,
                                         submission->command ? hf_command_code(submission->kind) : "report", "waits");
  hf_column_text(c++, submission->key_id);
  hf_column_null(c++);
  hf_column_null(c++);
  hf_column_bytes(c++, submission->digest, sizeof submission->digest);
  hf_column_bytes(c++, raw.data, raw.size);
  hf_column_int(c++, submission->offset);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_time(c++, submission->due_wall_ns);
  hf_column_null(c++);
  hf_column_int(c++, 0);
  hf_column_null(c++);
  hf_column_null(put_document(c, &none));
}

static void add_submission_step(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_fact_submission *step = &fact->submission;
  struct hf_column *c = row_of(projection, HF_STATEMENT_SUBMISSION_STEP);
  bool ended = fact->kind == HF_FACT_SUBMISSION_ENDED, rejected = step->reason == HF_REASON_ALREADY_REJECTED;
  const char *flag = fact->kind == HF_FACT_COUNTERSIGN_MISSED ? "countersign_missed"
                     : fact->kind == HF_FACT_PAPER_MISSED     ? "paper_missed"
                                                              : "";
  hf_column_uuid(c++, step->id);
  put_word(c++, !ended ? "" : rejected ? "rejected" : "expired");
  put_word(c++, fact->kind == HF_FACT_COUNTERSIGNED ? step->key_id : "");
  put_word(c++, flag);
  put_word(c++, fact->kind == HF_FACT_REVIEWED ? step->key_id : "");
  hf_column_time(c++, fact->kind == HF_FACT_PAPER_RECEIVED ? fact->decided.wall_ns : 0);
}

static void add_quarantine(struct hf_projection *projection, const struct hf_fact *fact, struct hf_span raw)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_QUARANTINE);
  hf_column_int(c++, fact->quarantined.offset);
  hf_column_text(c++, hf_reason_code(fact->quarantined.reason));
  hf_column_int(c++, fact->quarantined.transfer);
  hf_column_text(c++, fact->quarantined.key_id);
  hf_column_uuid(c++, fact->quarantined.submission_id);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_bytes(c++, raw.data, raw.size);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_int(c++, (int64_t)fact->seq);
}

/* --- accounts and money --- */

static void add_account(struct hf_projection *projection, const struct hf_fact *fact, const struct hf_party *party,
                        const char *currency, int64_t amount, uint32_t hop, bool by_serial)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_ACCOUNT);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, party->institution);
  put_account(c++, &party->account);
  hf_column_bytes(c++, party->name.bytes, party->name.size);
  hf_column_text(c++, currency);
  hf_column_int(c++, amount);
  hf_column_int(c++, hop);
  hf_column_int(c++, by_serial);
}

static void add_trace(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_fact_traced *traced = &fact->traced;
  struct hf_column *c = row_of(projection, HF_STATEMENT_TRACE);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_uuid(c++, traced->query_id.uuid);
  hf_column_text(c++, traced->from.institution);
  put_account(c++, &traced->from.account);
  hf_column_text(c++, traced->to.institution);
  put_account(c++, &traced->to.account);
  hf_column_bytes(c++, traced->to.name.bytes, traced->to.name.size);
  hf_column_int(c++, traced->root);
  hf_column_int(c++, traced->amount);
  hf_column_int(c++, traced->transfer_amount);
  hf_column_time(c++, traced->at_wall_ns);
  hf_column_text(c++, traced->serial);
  put_word(c++, hf_bound_code(traced->bound));
  if (traced->bound == HF_BOUND_UNSET) add_account(projection, fact, &traced->to, "", traced->amount, 0, false);
}

static void add_hold(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_hold *hold = &fact->hold.hold;
  struct hf_column *c = row_of(projection, HF_STATEMENT_HOLD);
  hf_column_uuid(c++, fact->hold.holder_id.uuid);
  hf_column_text(c++, hf_hold_kind_code(fact->hold.kind));
  hf_column_text(c++, hf_hold_state_code(hold->state));
  hf_column_int(c++, hold->count);
  hf_column_int(c++, hold->mode);
  hf_column_time(c++, hold->starts_earliest_wall_ns);
  hf_column_time(c++, hold->starts_latest_wall_ns);
  hf_column_time(c++, hold->expires_earliest_wall_ns);
  hf_column_time(c++, hold->expires_latest_wall_ns);
  hf_column_int(c++, hold->held);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_task(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_TASK);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, hf_task_code(fact->task.task));
  put_word(c++, hf_draft_cause_code(fact->task.cause));
  hf_column_uuid(c++, fact->task.order_id.uuid);
  hf_column_uuid(c++, fact->task.submission_id);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_seen(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_SEEN);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, fact->seen.party.institution);
  put_account(c++, &fact->seen.party.account);
  hf_column_uuid(c++, fact->seen.other_id.uuid);
  hf_column_uuid(c++, fact->seen.order_id.uuid);
  hf_column_int(c++, fact->seen.suspect);
  hf_column_time(c++, fact->decided.wall_ns);
}

/* --- the case's life, the registry --- */

/* A case that rests and returns within one transaction: the last word counts. */
static void add_case_state(struct hf_projection *projection, const struct hf_fact *facts, uint32_t at, uint32_t count)
{
  const struct hf_fact *fact = &facts[at];
  for (uint32_t i = at + 1; i < count; i++)
    if ((facts[i].kind == HF_FACT_CASE_RESTED || facts[i].kind == HF_FACT_CASE_RETURNED) &&
        hf_uuid_equal(facts[i].case_id.uuid, fact->case_id.uuid))
      return;
  struct hf_column *c = row_of(projection, HF_STATEMENT_CASE_STATE);
  hf_column_uuid(c++, fact->case_id.uuid);
  hf_column_text(c++, fact->kind == HF_FACT_CASE_RESTED ? "rested" : "open");
  hf_column_time(c++, fact->kind == HF_FACT_CASE_RESTED ? fact->wakes_wall_ns : 0);
}

static void add_case_event(struct hf_projection *projection, const struct hf_fact *fact)
{
  bool link = fact->kind == HF_FACT_CASE_LINKED;
  struct hf_column *c = row_of(projection, link ? HF_STATEMENT_LINK : HF_STATEMENT_CASE_CLOSED);
  hf_column_uuid(c++, fact->case_id.uuid);
  if (link) hf_column_uuid(c++, fact->linked.uuid);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_institution(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_institution *row = &fact->institution;
  struct hf_column *c = row_of(projection, HF_STATEMENT_INSTITUTION);
  hf_column_text(c++, row->code);
  hf_column_text(c++, row->name);
  hf_column_int(c++, row->payment_company);
  hf_column_text(c++, row->dialect);
  hf_column_text(c++, row->transport);
  hf_column_text(c++, row->endpoint);
  hf_column_int(c++, row->window);
  hf_column_int(c++, row->connections);
  hf_column_int(c++, row->pace_per_s);
  hf_column_int(c++, row->try_timeout_ms);
  hf_column_int(c++, row->sla_feedback_ms);
  hf_column_int(c++, row->enabled);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_int(c++, row->carrier);
  hf_column_int(c++, row->swallows_duplicates);
  hf_column_text(c++, row->bank_code);
  hf_column_text(c++, row->profile);
  hf_column_int(c++, row->actions);
  hf_column_time(c++, row->paused_until_wall_ns);
  hf_column_time(c++, row->paused_from_wall_ns);
  hf_column_text(c++, row->stands_for);
  for (int i = 0; i < HF_CONTACTS; i++) hf_column_text(c++, row->contacts[i]);
}

static void add_sla(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_SLA);
  hf_column_int(c++, fact->sla.version);
  hf_column_time(c++, fact->sla.effective_wall_ns);
  hf_column_text(c++, fact->sla.text);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_clock(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_CLOCK);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_uuid(c++, projection->boot);
  hf_column_int(c++, fact->clock.ahead_ns / HF_NS_PER_US);
  hf_column_int(c++, fact->clock.error_ns / HF_NS_PER_US);
  hf_column_int(c++, fact->clock.synchronised);
}

/* The ladder's steps, beginning with the silence and ending with an answer. */
static void add_call(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_CALL);
  bool lane = fact->kind == HF_FACT_LANE_NOTED;
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_text(c++, lane ? fact->lane.institution : fact->call.institution);
  hf_column_text(c++, !lane ? hf_rung_code(fact->call.rung) : fact->lane.silent ? "silent" : "answers");
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_time(c++, lane ? 0 : fact->call.next_wall_ns);
  hf_column_int(c++, lane ? fact->lane.orders : 0);
}

static void add_change(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_fact_registry *changed = &fact->changed;
  struct hf_column *c = row_of(projection, HF_STATEMENT_CHANGE);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_uuid(c++, changed->id);
  hf_column_text(c++, changed->key_id);
  hf_column_text(c++, changed->second_id);
  hf_column_int(c++, changed->offset);
  hf_column_time(c++, changed->made_wall_ns);
  hf_column_time(c++, changed->appended_wall_ns);
  hf_column_int(c++, changed->institutions);
  hf_column_int(c++, changed->keys);
  hf_column_int(c++, changed->protected);
  hf_column_int(c++, changed->policy);
  hf_column_int(c++, changed->sla);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_access(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_access *access = &fact->access.of;
  struct hf_column *c = row_of(projection, HF_STATEMENT_ACCESS);
  hf_column_int(c++, (int64_t)fact->seq);
  hf_column_uuid(c++, access->id);
  hf_column_text(c++, hf_access_code(access->kind));
  hf_column_text(c++, access->what);
  hf_column_text(c++, access->reason);
  hf_column_uuid(c++, access->case_id.uuid);
  hf_column_text(c++, fact->access.key_id);
  hf_column_time(c++, access->made_wall_ns);
  hf_column_time(c++, fact->access.appended_wall_ns);
  hf_column_int(c++, fact->access.offset);
  hf_column_time(c++, fact->decided.wall_ns);
}

static void add_key(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_key *row = &fact->key;
  struct hf_column *c = row_of(projection, HF_STATEMENT_KEY);
  hf_column_text(c++, row->id);
  hf_column_text(c++, row->holder);
  hf_column_text(c++, row->unit);
  hf_column_text(c++, hf_role_code(row->role));
  hf_column_text(c++, hf_algorithm_code(row->algorithm));
  hf_column_bytes(c++, row->public_key, row->public_key_size);
  hf_column_time(c++, row->valid_from_wall_ns);
  hf_column_time(c++, row->valid_until_wall_ns);
  hf_column_int(c++, row->revoked);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_text(c++, row->jurisdiction);
}

static void add_policy(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_policy *policy = &fact->policy;
  struct hf_column *c = row_of(projection, HF_STATEMENT_POLICY);
  char settings[1024];
  int size = snprintf(
      settings, sizeof settings,
      "{\"feedback_ms\":%u,\"lift_ms\":%u,\"stops_max\":%u,\"extend_counts\":%u,\"countersign_s\":%u,\"pending_s\":%u,"
      "\"bulk_accounts\":%u,\"paper_s\":%u,\"freeze_days\":%u,\"tiny_share_bp\":%u,\"old_payee_days\":%u,\"requeries\":%u,"
      "\"reconcile_s\":%u,\"machine_targets\":%u,\"machine_per_hour\":%u,\"machine_amount\":%lld,\"call_s\":%u}",
      policy->feedback_ms, policy->lift_ms, policy->stops_max, policy->extend_counts, policy->countersign_s, policy->pending_s,
      policy->bulk_accounts, policy->paper_s, policy->freeze_days, policy->tiny_share_bp, policy->old_payee_days,
      policy->requeries, policy->reconcile_s, policy->machine_targets, policy->machine_per_hour,
      (long long)policy->machine_amount, policy->call_s);
  HF_ASSERT(size > 0 && size < (int)sizeof settings);
  hf_column_int(c++, policy->version);
  hf_column_int(c++, policy->feedback_ms);
  hf_column_time(c++, fact->decided.wall_ns);
  hf_column_text(c++, settings);
}

static void add_protected(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_column *c = row_of(projection, HF_STATEMENT_PROTECTED);
  hf_column_text(c++, fact->protected.institution);
  put_account(c++, &fact->protected.account);
  hf_column_time(c++, fact->decided.wall_ns);
}

bool hf_projection_add_row(struct hf_projection *projection, const struct hf_fact *facts, uint32_t at, uint32_t count,
                           struct hf_span raw)
{
  const struct hf_fact *fact = &facts[at];
  const struct hf_fact_reached *reached = &fact->reached;
  const struct hf_transfer *transfer = &fact->transfer.transfer;
  switch (fact->kind) {
  case HF_FACT_REPORT_ACCEPTED: add_report(projection, fact); return true;
  case HF_FACT_TRANSFER_CLAIMED:
    add_account(projection, fact, &transfer->payee, hf_currency_code(transfer->currency), transfer->amount, 0, false);
    return true;
  case HF_FACT_COMMAND_ACCEPTED: add_command(projection, fact); return true;
  case HF_FACT_SUBMISSION_WAITS: add_waiting(projection, fact, raw); return true;
  case HF_FACT_SUBMISSION_ENDED:
  case HF_FACT_COUNTERSIGNED:
  case HF_FACT_COUNTERSIGN_MISSED:
  case HF_FACT_PAPER_MISSED:
  case HF_FACT_PAPER_RECEIVED:
  case HF_FACT_REVIEWED: add_submission_step(projection, fact); return true;
  case HF_FACT_QUARANTINED: add_quarantine(projection, fact, raw); return true;
  case HF_FACT_ACCOUNT_REACHED:
    add_account(projection, fact, &reached->party, hf_currency_code(reached->currency), 0, reached->hop, reached->by_serial);
    return true;
  case HF_FACT_MONEY_TRACED: add_trace(projection, fact); return true;
  case HF_FACT_HOLD_CHANGED:
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_CHECKED: add_hold(projection, fact); return true;
  case HF_FACT_TASK_OPENED: add_task(projection, fact); return true;
  case HF_FACT_SEEN_ELSEWHERE: add_seen(projection, fact); return true;
  case HF_FACT_CASE_LINKED:
  case HF_FACT_CASE_CLOSED: add_case_event(projection, fact); return true;
  case HF_FACT_CASE_RESTED:
  case HF_FACT_CASE_RETURNED: add_case_state(projection, facts, at, count); return true;
  case HF_FACT_INSTITUTION_SET: add_institution(projection, fact); return true;
  case HF_FACT_KEY_SET: add_key(projection, fact); return true;
  case HF_FACT_POLICY_SET: add_policy(projection, fact); return true;
  case HF_FACT_PROTECTED_SET: add_protected(projection, fact); return true;
  case HF_FACT_ANSWER_CONTRADICTED: /* the fact itself is the evidence */
  case HF_FACT_HOLD_DIFFERS:
  case HF_FACT_HOLD_KEPT:
  case HF_FACT_PAGE_READ:
  case HF_FACT_CHASE_BOUNDED:
  case HF_FACT_ORDER_WARNED:
  case HF_FACT_RECEIPT_MISSED:
  case HF_FACT_MACHINE_COUNTED: return true;
  case HF_FACT_SLA_SET: add_sla(projection, fact); return true;
  case HF_FACT_REGISTRY_CHANGED: add_change(projection, fact); return true;
  case HF_FACT_ACCESS_NOTED: add_access(projection, fact); return true;
  case HF_FACT_LANE_NOTED:
  case HF_FACT_CALL_RAISED: add_call(projection, fact); return true;
  case HF_FACT_CLOCK_NOTED: add_clock(projection, fact); return true;
  default: return false;
  }
}
