/* Facts: one table a kind. The places are those of struct hf_fact, so that a table reads like the struct beside the .proto. */
#include <stddef.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/codec/codec.h"
#include "engine/codec/fields.h"

#define TEXT_OF(name, type)                      \
  static const char *name##_text(unsigned value) \
  {                                              \
    return hf_##name##_code((enum type)value);   \
  }

#define NAMES(name, type)                                 \
  TEXT_OF(name, type)                                     \
  static unsigned name##_value(const char *code)          \
  {                                                       \
    unsigned value = (unsigned)hf_##name##_of_code(code); \
    return value == 0 ? HF_NAMES_NONE : value;            \
  }                                                       \
  static const struct hf_names name##_names = {name##_text, name##_value};

/* Events begin at 0, which is one of them. */
#define EVENTS(name, type, count)                                      \
  TEXT_OF(name, type)                                                  \
  static unsigned name##_value(const char *code)                       \
  {                                                                    \
    for (unsigned i = 0; i < count; i++)                               \
      if (strcmp(hf_##name##_code((enum type)i), code) == 0) return i; \
    return HF_NAMES_NONE;                                              \
  }                                                                    \
  static const struct hf_names name##_names = {name##_text, name##_value};

NAMES(reason, hf_reason)
NAMES(outcome, hf_outcome)
NAMES(currency, hf_currency)
NAMES(order_state, hf_order_state)
NAMES(hold_kind, hf_hold_kind)
NAMES(hold_state, hf_hold_state)
NAMES(command, hf_command_kind)
NAMES(task, hf_task)
NAMES(bound, hf_bound)
NAMES(draft_cause, hf_draft_cause)
NAMES(rung, hf_rung)
NAMES(access, hf_access_kind)
EVENTS(order_event, hf_order_event, HF_ORDER_EVENT_COUNT)
EVENTS(hold_event, hf_hold_event, HF_HOLD_EVENT_COUNT)

#define SIZE(type, member) sizeof(((struct type *)0)->member)
#define OF(type, n, kind, member)                                                     \
  {                                                                                   \
    n, HF_FIELD_##kind, offsetof(struct type, member), SIZE(type, member), NULL, NULL \
  }
#define CODE_OF(type, n, member, names)                                      \
  {                                                                          \
    n, HF_FIELD_CODE, offsetof(struct type, member), 0, &names##_names, NULL \
  }
#define PART_OF(type, n, member, table)                                 \
  {                                                                     \
    n, HF_FIELD_MESSAGE, offsetof(struct type, member), 0, NULL, &table \
  }
#define FIELD(n, kind, member) OF(hf_fact, n, kind, member)
#define CODE(n, member, names) CODE_OF(hf_fact, n, member, names)
#define PART(n, member, table) PART_OF(hf_fact, n, member, table)
#define TABLE(name, ...)                                      \
  static const struct hf_field name##_list[] = {__VA_ARGS__}; \
  static const struct hf_fields name = {name##_list, sizeof name##_list / sizeof name##_list[0]};

/* --- structs within facts --- */

/* clang-format off */
TABLE(party, OF(hf_party, 1, TEXT, institution), OF(hf_party, 2, ACCOUNT, account), OF(hf_party, 3, NAME, name))
TABLE(transfer, PART_OF(hf_transfer, 1, payer, party), PART_OF(hf_transfer, 2, payee, party), OF(hf_transfer, 3, S64, amount),
      CODE_OF(hf_transfer, 4, currency, currency), OF(hf_transfer, 5, TIME, at_wall_ns), OF(hf_transfer, 6, TEXT, serial))
TABLE(chase, OF(hf_chase_bounds, 1, U32, hops), OF(hf_chase_bounds, 2, U32, fan_out), OF(hf_chase_bounds, 3, U32, window_s),
      OF(hf_chase_bounds, 4, U32, method), OF(hf_chase_bounds, 5, BOOL, drafts), OF(hf_chase_bounds, 6, S64, least_amount))
TABLE(document, OF(hf_document, 1, TEXT, type), OF(hf_document, 2, TEXT, number), OF(hf_document, 3, TEXT, issuer),
      OF(hf_document, 4, DIGEST, sha256))
TABLE(hold, CODE_OF(hf_hold, 1, state, hold_state), OF(hf_hold, 2, U32, count), OF(hf_hold, 3, U32, warnings), OF(hf_hold, 4, U32, mode),
      OF(hf_hold, 5, UUID, order_id), OF(hf_hold, 6, TIME, starts_earliest_wall_ns), OF(hf_hold, 7, TIME, starts_latest_wall_ns),
      OF(hf_hold, 8, TIME, expires_earliest_wall_ns), OF(hf_hold, 9, TIME, expires_latest_wall_ns), OF(hf_hold, 10, S64, held),
      OF(hf_hold, 11, TIME, check_wall_ns))

/* --- submissions --- */

TABLE(report_accepted, FIELD(1, UUID, report.id), FIELD(2, S64, report.offset), FIELD(3, TEXT, report.key_id),
      FIELD(4, TIME, report.made_wall_ns), FIELD(5, TIME, report.appended_wall_ns), FIELD(6, TIME, report.consumed_wall_ns),
      FIELD(7, TEXT, report.case_number), FIELD(8, NAME, report.victim), FIELD(9, TEXT, report.form_reference),
      FIELD(10, DIGEST, report.digest), FIELD(11, TEXT, report.second_id), FIELD(12, TEXT, report.unit),
      FIELD(13, TIME, report.countersign_by_wall_ns), FIELD(14, TIME, report.paper_by_wall_ns), PART(15, report.chase, chase))
TABLE(transfer_claimed, FIELD(1, UUID, transfer.report_id), PART(2, transfer.transfer, transfer))
TABLE(command_accepted, FIELD(1, UUID, command.id), FIELD(2, S64, command.offset), CODE(3, command.kind, command),
      FIELD(4, DIGEST, command.digest), FIELD(5, TEXT, command.key_id), FIELD(6, TEXT, command.second_id), FIELD(7, TEXT, command.unit),
      FIELD(8, TIME, command.made_wall_ns), FIELD(9, TIME, command.appended_wall_ns), FIELD(10, TIME, command.paper_by_wall_ns),
      FIELD(11, BOOL, command.break_glass), PART(12, command.document, document), PART(13, command.party, party),
      FIELD(14, TEXT, command.text))
TABLE(submission_step, FIELD(1, UUID, submission.id), FIELD(2, BOOL, submission.command), CODE(3, submission.kind, command),
      CODE(4, submission.reason, reason), FIELD(5, S64, submission.offset), FIELD(6, DIGEST, submission.digest),
      FIELD(7, TEXT, submission.key_id), FIELD(8, TIME, submission.due_wall_ns), FIELD(9, UUID, submission.first_order))
TABLE(quarantined, FIELD(1, S64, quarantined.offset), CODE(2, quarantined.reason, reason), FIELD(3, TEXT, quarantined.key_id),
      FIELD(4, UUID, quarantined.submission_id), FIELD(5, U32, quarantined.transfer), FIELD(6, BOOL, quarantined.command),
      CODE(7, quarantined.kind, command))

/* --- orders --- */

TABLE(order_fields, FIELD(1, UUID, order.id), FIELD(2, UUID, order.case_id), FIELD(3, TEXT, order.case_number), FIELD(4, TEXT, order.institution),
      FIELD(5, ACCOUNT, order.account), FIELD(6, NAME, order.name), FIELD(7, ENUM, order.action), FIELD(8, U32, order.ordinal),
      FIELD(9, S64, order.amount), CODE(10, order.currency, currency), FIELD(11, TIME, order.transfer_wall_ns),
      FIELD(12, TIME, order.issued_wall_ns), FIELD(13, TIME, order.deadline_wall_ns), FIELD(14, UUID, order.submission_id),
      FIELD(15, TEXT, order.key_id), FIELD(16, TEXT, order.form_reference), FIELD(17, TEXT, order.second_id), FIELD(18, UUID, order.parent),
      FIELD(19, U32, order.hop), FIELD(20, U32, order.mode), FIELD(21, U32, order.page), FIELD(22, TIME, order.until_wall_ns),
      FIELD(23, TEXT, order.serial), PART(24, order.document, document), PART(25, order.party, party), FIELD(26, TEXT, order.text),
      FIELD(27, TIME, order.receipt_by_wall_ns))
TABLE(order_step, FIELD(1, UUID, step.order_id), FIELD(2, UUID, step.submission_id))
TABLE(order_sent, FIELD(1, UUID, step.order_id), FIELD(2, U32, step.attempt), FIELD(3, S64, step.at.mono_ns), FIELD(4, TIME, step.at.wall_ns),
      FIELD(5, TEXT, step.way))
TABLE(attempt_ended, FIELD(1, UUID, step.order_id), FIELD(2, U32, step.attempt), CODE(3, step.outcome, outcome), FIELD(4, BOOL, step.left),
      FIELD(5, TEXT, step.way))
TABLE(order_received, FIELD(1, UUID, step.order_id), FIELD(2, U32, step.attempt), FIELD(3, S64, step.at.mono_ns),
      FIELD(4, TIME, step.at.wall_ns), FIELD(5, TEXT, step.reference))
TABLE(order_ended, FIELD(1, UUID, ended.answer.order_id), CODE(2, ended.state, order_state), FIELD(3, TEXT, ended.answer.result),
      FIELD(4, S64, ended.at.mono_ns), FIELD(5, TIME, ended.at.wall_ns), FIELD(6, TIME, ended.answer.executed_wall_ns),
      FIELD(7, TIME, ended.answer.expires_wall_ns), FIELD(8, S64, ended.answer.balance), FIELD(9, BOOL, ended.answer.has_balance),
      FIELD(10, S64, ended.answer.held), FIELD(11, U32, ended.answer.transactions_count), CODE(12, ended.event, order_event),
      FIELD(13, UUID, ended.submission_id), FIELD(14, TIME, ended.answer.former_expires_wall_ns),
      FIELD(15, TEXT, ended.answer.former_authority), FIELD(16, BOOL, ended.answer.queued), FIELD(17, NAME, ended.answer.holder),
      FIELD(18, U32, ended.answer.holds_count))
TABLE(order_unknown, FIELD(1, UUID, step.order_id), FIELD(2, U32, step.attempt), FIELD(3, TEXT, step.institution))
TABLE(order_overdue, FIELD(1, UUID, step.order_id), FIELD(2, TIME, step.deadline_wall_ns), FIELD(3, TEXT, step.institution))

/* --- holds and money --- */

TABLE(hold_changed, FIELD(1, UUID, hold.order_id), FIELD(2, UUID, hold.holder_id), CODE(3, hold.kind, hold_kind),
      CODE(4, hold.event, hold_event), PART(5, hold.hold, hold), FIELD(6, TEXT, hold.authority), FIELD(7, S64, hold.listed))
TABLE(hold_seen, FIELD(1, UUID, hold.order_id), FIELD(2, UUID, hold.holder_id), CODE(3, hold.kind, hold_kind),
      PART(5, hold.hold, hold), FIELD(6, TEXT, hold.authority), FIELD(7, S64, hold.listed))
TABLE(hold_kept, FIELD(1, UUID, kept.order_id), FIELD(2, UUID, kept.lifted_id), FIELD(3, U32, kept.root))
TABLE(account_reached, PART(1, reached.party, party), FIELD(2, U32, reached.hop), CODE(3, reached.currency, currency),
      FIELD(4, BOOL, reached.by_serial), FIELD(5, TIME, reached.transfer_wall_ns))
TABLE(money_traced, FIELD(1, UUID, traced.query_id), PART(2, traced.from, party), PART(3, traced.to, party), FIELD(4, U32, traced.root),
      FIELD(5, S64, traced.amount), FIELD(6, S64, traced.transfer_amount), FIELD(7, TIME, traced.at_wall_ns), FIELD(8, TEXT, traced.serial),
      CODE(9, traced.bound, bound))
TABLE(page_read, FIELD(1, UUID, page.query_id), FIELD(2, BOOL, page.last), FIELD(3, U32, page.page), FIELD(4, RAW, page.chase))
TABLE(chase_bounded, FIELD(1, UUID, bounded.query_id), CODE(2, bounded.bound, bound), FIELD(3, U32, bounded.accounts),
      FIELD(4, S64, bounded.amount))
TABLE(seen_elsewhere, PART(1, seen.party, party), FIELD(2, UUID, seen.other_id), FIELD(3, UUID, seen.order_id), FIELD(4, BOOL, seen.suspect),
      FIELD(5, BOOL, seen.same_transfer), FIELD(6, TIME, seen.expires_wall_ns))

/* --- people, the case's life, the registry --- */

TABLE(case_linked, FIELD(1, UUID, linked))
TABLE(task_opened, CODE(1, task.task, task), CODE(2, task.cause, draft_cause), FIELD(3, UUID, task.order_id), FIELD(4, UUID, task.submission_id))
TABLE(case_rested, FIELD(1, TIME, wakes_wall_ns))
static const struct hf_fields nothing = {NULL, 0};
TABLE(institution_set, FIELD(1, TEXT, institution.code), FIELD(2, TEXT, institution.name), FIELD(3, BOOL, institution.payment_company),
      FIELD(4, TEXT, institution.dialect), FIELD(5, TEXT, institution.transport), FIELD(6, TEXT, institution.endpoint),
      FIELD(7, U32, institution.window), FIELD(8, U32, institution.connections), FIELD(9, U32, institution.pace_per_s),
      FIELD(10, U32, institution.try_timeout_ms), FIELD(11, U32, institution.sla_feedback_ms), FIELD(12, BOOL, institution.enabled),
      FIELD(13, BOOL, institution.carrier), FIELD(14, BOOL, institution.swallows_duplicates),
      FIELD(15, TEXT, institution.bank_code), FIELD(16, TEXT, institution.profile), FIELD(17, U32, institution.actions),
      FIELD(18, TIME, institution.paused_until_wall_ns), FIELD(19, TIME, institution.paused_from_wall_ns),
      FIELD(20, TEXT, institution.stands_for),
      FIELD(21, TEXT, institution.contacts[0]), FIELD(22, TEXT, institution.contacts[1]))
TABLE(key_set, FIELD(1, TEXT, key.id), FIELD(2, TEXT, key.holder), FIELD(3, TEXT, key.unit), FIELD(4, ENUM, key.role),
      FIELD(5, ENUM, key.algorithm), FIELD(6, BLOB, key.public_key), FIELD(7, TIME, key.valid_from_wall_ns),
      FIELD(8, TIME, key.valid_until_wall_ns), FIELD(9, BOOL, key.revoked), FIELD(10, TEXT, key.jurisdiction))
TABLE(policy_set, FIELD(1, U32, policy.version), FIELD(2, U32, policy.feedback_ms), FIELD(3, U32, policy.lift_ms),
      FIELD(4, U32, policy.stops_max), FIELD(5, U32, policy.extend_counts), FIELD(6, U32, policy.countersign_s),
      FIELD(7, U32, policy.pending_s), FIELD(8, U32, policy.bulk_accounts), FIELD(9, U32, policy.paper_s), FIELD(10, U32, policy.freeze_days),
      FIELD(11, U32, policy.tiny_share_bp), FIELD(12, U32, policy.old_payee_days), FIELD(13, U32, policy.requeries),
      FIELD(14, U32, policy.reconcile_s), FIELD(15, U32, policy.machine_targets), FIELD(16, U32, policy.machine_per_hour),
      FIELD(17, S64, policy.machine_amount), FIELD(18, U32, policy.call_s))
TABLE(protected_set, FIELD(1, TEXT, protected.institution), FIELD(2, ACCOUNT, protected.account))
TABLE(sla_set, FIELD(1, U32, sla.version), FIELD(2, TIME, sla.effective_wall_ns), FIELD(3, TEXT, sla.text))
TABLE(lane_noted, FIELD(1, TEXT, lane.institution), FIELD(2, BOOL, lane.silent), FIELD(3, U32, lane.tries), FIELD(4, U32, lane.orders))
TABLE(call_raised, FIELD(1, TEXT, call.institution), CODE(2, call.rung, rung), FIELD(3, TIME, call.since_wall_ns),
      FIELD(4, TIME, call.next_wall_ns))
TABLE(registry_changed, FIELD(1, UUID, changed.id), FIELD(2, TEXT, changed.key_id), FIELD(3, TEXT, changed.second_id),
      FIELD(4, S64, changed.offset), FIELD(5, TIME, changed.made_wall_ns), FIELD(6, TIME, changed.appended_wall_ns),
      FIELD(7, U32, changed.institutions), FIELD(8, U32, changed.keys), FIELD(9, U32, changed.protected), FIELD(10, BOOL, changed.policy),
      FIELD(11, BOOL, changed.sla))
TABLE(access_noted, FIELD(1, UUID, access.of.id), CODE(2, access.of.kind, access), FIELD(3, TEXT, access.of.what),
      FIELD(4, TEXT, access.of.reason), FIELD(5, UUID, access.of.case_id), FIELD(6, TIME, access.of.made_wall_ns),
      FIELD(7, TIME, access.appended_wall_ns), FIELD(8, S64, access.offset), FIELD(9, TEXT, access.key_id))
TABLE(clock_noted, FIELD(1, TIME, clock.ahead_ns), FIELD(2, TIME, clock.error_ns), FIELD(3, BOOL, clock.synchronised))
TABLE(machine_counted, FIELD(1, TEXT, machine.key_id), FIELD(2, S64, machine.hour), FIELD(3, U32, machine.reports))

/* The head, and the number that each kind has in `oneof what`. */
TABLE(head, FIELD(1, U32, shard), FIELD(2, U64, seq), FIELD(3, UUID, case_id), FIELD(4, S64, decided.mono_ns),
      FIELD(5, TIME, decided.wall_ns))
static const struct {
  uint8_t number;
  const struct hf_fields *fields;
} kinds[HF_FACT_COUNT] = {
  [HF_FACT_REPORT_ACCEPTED] = {16, &report_accepted},   [HF_FACT_TRANSFER_CLAIMED] = {17, &transfer_claimed},
  [HF_FACT_ORDER_READY] = {18, &order_fields},                 [HF_FACT_ORDER_SENT] = {19, &order_sent},
  [HF_FACT_ATTEMPT_ENDED] = {20, &attempt_ended},       [HF_FACT_ORDER_RECEIVED] = {21, &order_received},
  [HF_FACT_ORDER_ENDED] = {22, &order_ended},           [HF_FACT_ORDER_UNKNOWN] = {23, &order_unknown},
  [HF_FACT_ORDER_OVERDUE] = {24, &order_overdue},       [HF_FACT_ANSWER_CONTRADICTED] = {25, &order_ended},
  [HF_FACT_CASE_RESTED] = {28, &case_rested},           [HF_FACT_CASE_RETURNED] = {29, &nothing},
  [HF_FACT_QUARANTINED] = {30, &quarantined},           [HF_FACT_INSTITUTION_SET] = {31, &institution_set},
  [HF_FACT_KEY_SET] = {32, &key_set},                   [HF_FACT_POLICY_SET] = {33, &policy_set},
  [HF_FACT_COMMAND_ACCEPTED] = {34, &command_accepted}, [HF_FACT_SUBMISSION_WAITS] = {35, &submission_step},
  [HF_FACT_SUBMISSION_ENDED] = {36, &submission_step},  [HF_FACT_COUNTERSIGNED] = {37, &submission_step},
  [HF_FACT_COUNTERSIGN_MISSED] = {38, &submission_step}, [HF_FACT_PAPER_MISSED] = {39, &submission_step},
  [HF_FACT_PAPER_RECEIVED] = {40, &submission_step},    [HF_FACT_REVIEWED] = {41, &submission_step},
  [HF_FACT_ORDER_DRAFTED] = {42, &order_fields},               [HF_FACT_ORDER_DROPPED] = {43, &order_step},
  [HF_FACT_ORDER_CANCELLED] = {44, &order_step},        [HF_FACT_ORDER_WATCHED] = {45, &order_ended},
  [HF_FACT_HOLD_CHANGED] = {46, &hold_changed},         [HF_FACT_HOLD_WARNED] = {47, &hold_seen},
  [HF_FACT_HOLD_CHECKED] = {48, &hold_seen},            [HF_FACT_HOLD_DIFFERS] = {49, &hold_seen},
  [HF_FACT_HOLD_KEPT] = {50, &hold_kept},               [HF_FACT_ACCOUNT_REACHED] = {51, &account_reached},
  [HF_FACT_MONEY_TRACED] = {52, &money_traced},         [HF_FACT_PAGE_READ] = {53, &page_read},
  [HF_FACT_CHASE_BOUNDED] = {54, &chase_bounded},       [HF_FACT_SEEN_ELSEWHERE] = {55, &seen_elsewhere},
  [HF_FACT_CASE_LINKED] = {56, &case_linked},           [HF_FACT_TASK_OPENED] = {57, &task_opened},
  [HF_FACT_CASE_CLOSED] = {58, &nothing},               [HF_FACT_PROTECTED_SET] = {59, &protected_set},
  [HF_FACT_MACHINE_COUNTED] = {60, &machine_counted},   [HF_FACT_CLOCK_NOTED] = {61, &clock_noted},
  [HF_FACT_LANE_NOTED] = {64, &lane_noted},             [HF_FACT_CALL_RAISED] = {65, &call_raised},
  [HF_FACT_ACCESS_NOTED] = {66, &access_noted},         [HF_FACT_RECEIPT_MISSED] = {67, &order_overdue},
  [HF_FACT_REGISTRY_CHANGED] = {68, &registry_changed},
  [HF_FACT_SLA_SET] = {62, &sla_set},                   [HF_FACT_ORDER_WARNED] = {63, &order_overdue},
};
/* clang-format on */

_Static_assert(sizeof(struct hf_chase) % 8 == 0, "the chase's state is stored as it is");
_Static_assert(offsetof(struct hf_key, public_key) == offsetof(struct hf_key, public_key_size) + sizeof(uint16_t),
               "a blob's count");

#define BOOT_ID_FIELD 6
#define POLICY_FIELD 7
#define SEALED_FIELD 8
#define TAG_BYTES 2u

size_t hf_order_encode(const struct hf_order *order, uint8_t *out, size_t capacity)
{
  struct hf_fact fact = {.order = *order};
  struct hf_writer writer = hf_writer_of(out, capacity);
  hf_fields_write(&order_fields, &fact, &writer);
  return writer.full ? 0 : writer.size;
}

size_t hf_fact_encode(const struct hf_fact *fact, const char *boot_id, struct hf_span sealed, uint8_t *out, size_t capacity)
{
  uint8_t body[HF_FACT_ENCODED_SIZE_MAX];
  struct hf_writer writer = hf_writer_of(out, capacity), inner = hf_writer_of(body, sizeof body);
  HF_ASSERT(fact->kind > HF_FACT_UNSET && fact->kind < HF_FACT_COUNT && kinds[fact->kind].number != 0);
  hf_fields_write(&head, fact, &writer);
  if (boot_id[0] != '\0') {
    hf_write_varint(&writer, BOOT_ID_FIELD << 3 | TAG_BYTES);
    hf_write_varint(&writer, strlen(boot_id));
    hf_write_text(&writer, boot_id);
  }
  if (fact->policy_version != 0) {
    hf_write_varint(&writer, POLICY_FIELD << 3);
    hf_write_varint(&writer, fact->policy_version);
  }
  if (sealed.size > 0) {
    hf_write_varint(&writer, SEALED_FIELD << 3 | TAG_BYTES);
    hf_write_varint(&writer, sealed.size);
    hf_write_bytes(&writer, sealed.data, sealed.size);
  }
  hf_fields_write(kinds[fact->kind].fields, fact, &inner);
  hf_write_varint(&writer, (uint64_t)kinds[fact->kind].number << 3 | TAG_BYTES);
  hf_write_varint(&writer, inner.size);
  hf_write_bytes(&writer, inner.data, inner.size);
  return writer.full || inner.full ? 0 : writer.size;
}

uint8_t hf_fact_number(enum hf_fact_kind kind)
{
  HF_ASSERT(kind > HF_FACT_UNSET && kind < HF_FACT_COUNT);
  return kinds[kind].number;
}

void hf_fact_visit_personal(struct hf_fact *fact, const struct hf_personal_visit *visit)
{
  HF_ASSERT(fact->kind > HF_FACT_UNSET && fact->kind < HF_FACT_COUNT);
  hf_fields_visit_personal(kinds[fact->kind].fields, fact, visit);
}

static enum hf_fact_kind kind_of(uint64_t number)
{
  for (unsigned kind = 1; kind < HF_FACT_COUNT; kind++)
    if (kinds[kind].number == number) return (enum hf_fact_kind)kind;
  return HF_FACT_UNSET;
}

/* One field of the message Fact; the head's through its table. */
static bool read_field(uint64_t tag, struct hf_span whole, struct hf_span value, uint64_t number, struct hf_fact *fact)
{
  uint64_t field = tag >> 3;
  if (field == BOOT_ID_FIELD) return (tag & 7) == TAG_BYTES;
  if (field == POLICY_FIELD) {
    fact->policy_version = (uint32_t)number;
    return (tag & 7) == 0;
  }
  if (field < BOOT_ID_FIELD) return hf_fields_read(&head, whole, fact);
  enum hf_fact_kind kind = kind_of(field);
  if (kind == HF_FACT_UNSET || fact->kind != HF_FACT_UNSET || (tag & 7) != TAG_BYTES) return false;
  fact->kind = kind;
  return hf_fields_read(kinds[kind].fields, value, fact);
}

/* What a table cannot say. */
static bool is_sound(const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_UNSET: return false;
  case HF_FACT_ORDER_READY:
  case HF_FACT_ORDER_DRAFTED: return fact->order.action > HF_ACTION_UNSET && fact->order.action < HF_ACTION_COUNT;
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ORDER_WATCHED: return fact->ended.state != HF_ORDER_UNSET;
  case HF_FACT_HOLD_CHANGED: return fact->hold.kind != HF_HOLD_UNSET;
  case HF_FACT_INSTITUTION_SET: return hf_institution_is_sound(&fact->institution);
  case HF_FACT_KEY_SET: return hf_key_is_sound(&fact->key);
  default: return true;
  }
}

struct hf_status hf_fact_decode(struct hf_span bytes, struct hf_fact *fact, struct hf_span *sealed)
{
  struct hf_reader reader = hf_reader_of(bytes);
  memset(fact, 0, sizeof *fact);
  *sealed = (struct hf_span){NULL, 0};
  while (reader.left.size > 0 && !reader.failed) {
    struct hf_span whole = reader.left, value = {NULL, 0};
    uint64_t tag = hf_read_varint(&reader), number = hf_read_varint(&reader);
    if ((tag & 7) == TAG_BYTES) value = hf_read_span(&reader, number);
    whole.size -= reader.left.size;
    if (!reader.failed && tag == (SEALED_FIELD << 3 | TAG_BYTES))
      *sealed = value;
    else if (reader.failed || !read_field(tag, whole, value, number, fact))
      return hf_fail(HF_STATUS_MALFORMED, "a stored fact has a value that this version never wrote");
  }
  if (reader.failed || !is_sound(fact)) return hf_fail(HF_STATUS_MALFORMED, "a stored fact does not decode");
  return hf_ok();
}
