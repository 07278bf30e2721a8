#include "engine/record/projection.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/codec/codec.h"

/* What a transaction changes of one order. */
struct hf_order_delta {
  struct hf_order_id id;
  const struct hf_fact *ready; /* NULL: the row is already there */
  enum hf_order_state state;   /* UNSET: as `sent_wall_ns` says */
  bool overdue;
  uint32_t attempts;
  int64_t sent_wall_ns, received_wall_ns, ended_wall_ns;
  const struct hf_answer *answer;
};

#define B HF_COLUMN_BOOL
#define Y HF_COLUMN_BYTEA
#define L HF_COLUMN_INT8
#define I HF_COLUMN_INT4
#define T HF_COLUMN_TEXT
#define W HF_COLUMN_TIMESTAMPTZ
#define U HF_COLUMN_UUID

/* clang-format off */
/*
 * $1 is the shard; the arrays follow. "On conflict do nothing" stands where a case that could not be looked up while
 * PostgreSQL was away is decided a second time: same ids, one row.
 */
const struct hf_statement hf_statements[HF_STATEMENT_COUNT] = {
  [HF_STATEMENT_FACT] = {"fact",
    "insert into fact (shard, seq, kind, case_id, order_id, decided_at, boot_id, body) "
    "select $1, * from unnest($2::int8[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[], $8::bytea[])",
    7, {L, T, U, U, W, T, Y}},
  [HF_STATEMENT_REPORT] = {"report",
    "insert into report (shard, topic_offset, report_id, case_id, key_id, form_reference, made_at, appended_at, consumed_at, decided_at) "
    "select $1, * from unnest($2::int8[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], "
    "$9::timestamptz[], $10::timestamptz[]) on conflict do nothing",
    9, {L, U, U, T, T, W, W, W, W}},
  [HF_STATEMENT_QUARANTINE] = {"quarantine",
    "insert into quarantine (shard, topic_offset, reason, transfer, key_id, report_id, case_id, raw, decided_at) "
    "select $1, * from unnest($2::int8[], $3::text[], $4::int4[], $5::text[], $6::uuid[], $7::uuid[], $8::bytea[], $9::timestamptz[])",
    8, {L, T, I, T, U, U, Y, W}},
  [HF_STATEMENT_CASE_OPEN] = {"case_open",
    "insert into fraud_case (shard, case_id, case_number, victim, state, opened_at) "
    "select distinct on (d.case_id) $1, d.case_id, d.case_number, d.victim, 'open', d.at "
    "from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as d(case_id, case_number, victim, at) "
    "on conflict (shard, case_id) do update set state = 'open', wakes_at = null",
    4, {U, T, T, W}},
  [HF_STATEMENT_CASE_STATE] = {"case_state",
    "update fraud_case c set state = d.state, wakes_at = d.wakes_at "
    "from unnest($2::uuid[], $3::text[], $4::timestamptz[]) as d(case_id, state, wakes_at) where c.shard = $1 and c.case_id = d.case_id",
    3, {U, T, W}},
  [HF_STATEMENT_ACCOUNT] = {"account",
    "insert into account (shard, case_id, institution, number, name, currency, amount) "
    "select $1, d.case_id, d.institution, d.number, min(d.name), min(d.currency), sum(d.amount) "
    "from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[]) as d(case_id, institution, number, name, currency, amount) "
    "group by d.case_id, d.institution, d.number "
    "on conflict (shard, case_id, institution, number) do update set amount = account.amount + excluded.amount",
    6, {U, T, T, T, T, L}},
  [HF_STATEMENT_ORDER_NEW] = {"order_new",
    "insert into order_state (shard, order_id, case_id, institution, account, action, ordinal, amount, currency, issued_at, decided_at, "
    "deadline, report_id, key_id, state, overdue, attempts, sent_at, received_at, ended_at, result, executed_at, balance, held, transactions) "
    "select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::int8[], $9::text[], "
    "$10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::uuid[], $14::text[], $15::text[], $16::bool[], $17::int4[], "
    "$18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::text[], $22::timestamptz[], $23::int8[], $24::int8[], $25::int4[]) on conflict do nothing",
    24, {U, U, T, T, T, I, L, T, W, W, W, U, T, T, B, I, W, W, W, T, W, L, L, I}},
  [HF_STATEMENT_ORDER_CHANGE] = {"order_change",
    "update order_state o set "
    "state = coalesce(d.state, case when d.sent_at is not null and o.state = 'ready' then 'sent' else o.state end), "
    "overdue = o.overdue or d.overdue, attempts = greatest(o.attempts, d.attempts), sent_at = coalesce(o.sent_at, d.sent_at), "
    "received_at = coalesce(o.received_at, d.received_at), ended_at = coalesce(o.ended_at, d.ended_at), "
    "result = coalesce(o.result, d.result), executed_at = coalesce(o.executed_at, d.executed_at), "
    "balance = coalesce(o.balance, d.balance), held = coalesce(o.held, d.held), transactions = coalesce(o.transactions, d.transactions) "
    "from unnest($2::uuid[], $3::text[], $4::bool[], $5::int4[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[], "
    "$10::timestamptz[], $11::int8[], $12::int8[], $13::int4[]) "
    "as d(order_id, state, overdue, attempts, sent_at, received_at, ended_at, result, executed_at, balance, held, transactions) "
    "where o.shard = $1 and o.order_id = d.order_id",
    12, {U, T, B, I, W, W, W, T, W, L, L, I}},
  [HF_STATEMENT_HOLD] = {"hold",
    "insert into hold (shard, order_id, case_id, starts_earliest, starts_latest, expires_earliest, expires_latest, held) "
    "select $1, * from unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::int8[]) on conflict do nothing",
    7, {U, U, W, W, W, W, L}},
  [HF_STATEMENT_HOLD_LAPSED] = {"hold_lapsed",
    "update hold h set lapsed_at = d.at from unnest($2::uuid[], $3::timestamptz[]) as d(order_id, at) "
    "where h.shard = $1 and h.order_id = d.order_id",
    2, {U, W}},
  [HF_STATEMENT_INSTITUTION] = {"institution",
    "insert into institution (shard, code, name, payment_company, dialect, transport, endpoint, in_flight_max, connections, pace_per_s, "
    "try_timeout_ms, sla_feedback_ms, enabled, set_at) "
    "select distinct on (d.code) $1, d.code, d.name, d.company, d.dialect, d.transport, d.endpoint, d.win, d.conns, d.pace, d.try_ms, d.sla, "
    "d.enabled, d.at from unnest($2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::text[], $8::int4[], $9::int4[], $10::int4[], "
    "$11::int4[], $12::int4[], $13::bool[], $14::timestamptz[]) with ordinality "
    "as d(code, name, company, dialect, transport, endpoint, win, conns, pace, try_ms, sla, enabled, at, n) order by d.code, d.n desc "
    "on conflict (shard, code) do update set name = excluded.name, payment_company = excluded.payment_company, dialect = excluded.dialect, "
    "transport = excluded.transport, endpoint = excluded.endpoint, in_flight_max = excluded.in_flight_max, connections = excluded.connections, "
    "pace_per_s = excluded.pace_per_s, try_timeout_ms = excluded.try_timeout_ms, sla_feedback_ms = excluded.sla_feedback_ms, "
    "enabled = excluded.enabled, set_at = excluded.set_at",
    13, {T, T, B, T, T, T, I, I, I, I, I, B, W}},
  [HF_STATEMENT_KEY] = {"registry_key",
    "insert into registry_key (shard, key_id, holder, unit, role, algorithm, public_key, valid_from, valid_until, revoked, set_at) "
    "select distinct on (d.key_id) $1, d.key_id, d.holder, d.unit, d.role, d.algorithm, d.public_key, d.valid_from, d.valid_until, d.revoked, d.at "
    "from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::timestamptz[], $9::timestamptz[], $10::bool[], "
    "$11::timestamptz[]) with ordinality "
    "as d(key_id, holder, unit, role, algorithm, public_key, valid_from, valid_until, revoked, at, n) order by d.key_id, d.n desc "
    "on conflict (shard, key_id) do update set holder = excluded.holder, unit = excluded.unit, role = excluded.role, "
    "algorithm = excluded.algorithm, valid_from = excluded.valid_from, valid_until = excluded.valid_until, revoked = excluded.revoked, "
    "set_at = excluded.set_at",
    10, {T, T, T, T, T, Y, W, W, B, W}},
  [HF_STATEMENT_POLICY] = {"policy",
    "insert into policy (shard, version, feedback_ms, set_at) select $1, * from unnest($2::int4[], $3::int4[], $4::timestamptz[])",
    3, {I, I, W}},
};
/* clang-format on */

void hf_projection_init(struct hf_projection *projection)
{
  memset(projection, 0, sizeof *projection);
  projection->map_memory = calloc(1, hf_map_memory_size(HF_RECORD_BATCH_FACTS));
  projection->deltas = calloc(HF_RECORD_BATCH_FACTS, sizeof *projection->deltas);
  projection->encoded_capacity = (size_t)HF_RECORD_BATCH_FACTS * HF_FACT_ENCODED_SIZE_MAX;
  projection->encoded = malloc(projection->encoded_capacity);
  HF_ASSERT(projection->map_memory != NULL && projection->deltas != NULL && projection->encoded != NULL);
}

void hf_projection_deinit(struct hf_projection *projection)
{
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < HF_STATEMENT_COLUMNS_MAX; c++) hf_column_free(&projection->columns[k][c]);
  free(projection->map_memory);
  free(projection->deltas);
  free(projection->encoded);
}

static struct hf_order_delta *delta_of(struct hf_projection *projection, struct hf_order_id id)
{
  uint32_t index = hf_map_get(&projection->order_of, id.uuid);
  if (index == 0) {
    index = ++projection->deltas_count;
    hf_map_put(&projection->order_of, id.uuid, index);
    projection->deltas[index - 1] = (struct hf_order_delta){.id = id};
  }
  return &projection->deltas[index - 1];
}

/* Which order a fact is about; zero where none. */
static struct hf_order_id order_of(const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_ORDER_READY: return fact->order.id;
  case HF_FACT_ORDER_SENT:
  case HF_FACT_ATTEMPT_ENDED:
  case HF_FACT_ORDER_RECEIVED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_HOLD_LAPSED: return fact->step.order_id;
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ANSWER_CONTRADICTED: return fact->ended.answer.order_id;
  case HF_FACT_HOLD_PLACED: return fact->hold.order_id;
  default: return (struct hf_order_id){0};
  }
}

static void note_order(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_order_delta *delta = delta_of(projection, order_of(fact));
  switch (fact->kind) {
  case HF_FACT_ORDER_READY: delta->ready = fact; break;
  case HF_FACT_ORDER_SENT:
    if (delta->sent_wall_ns == 0) delta->sent_wall_ns = fact->step.at.wall_ns;
    delta->attempts = fact->step.attempt;
    break;
  case HF_FACT_ATTEMPT_ENDED: delta->attempts = fact->step.attempt; break;
  case HF_FACT_ORDER_RECEIVED:
    delta->received_wall_ns = fact->step.at.wall_ns;
    delta->state = HF_ORDER_RECEIVED;
    break;
  case HF_FACT_ORDER_UNKNOWN: delta->state = HF_ORDER_UNKNOWN; break;
  case HF_FACT_ORDER_OVERDUE: delta->overdue = true; break;
  default:
    HF_ASSERT(fact->kind == HF_FACT_ORDER_ENDED);
    delta->state = fact->ended.state;
    delta->ended_wall_ns = fact->ended.at.wall_ns;
    delta->answer = &fact->ended.answer;
  }
}

static void add_hold(struct hf_column *c, const struct hf_fact *fact)
{
  hf_column_uuid(&c[0], fact->hold.order_id.uuid);
  hf_column_uuid(&c[1], fact->case_id.uuid);
  hf_column_time(&c[2], fact->hold.starts_earliest_wall_ns);
  hf_column_time(&c[3], fact->hold.starts_latest_wall_ns);
  hf_column_time(&c[4], fact->hold.expires_earliest_wall_ns);
  hf_column_time(&c[5], fact->hold.expires_latest_wall_ns);
  hf_column_int(&c[6], fact->hold.held);
}

static void add_report(struct hf_projection *projection, const struct hf_fact *fact)
{
  const struct hf_fact_report *report = &fact->report;
  struct hf_column *c = projection->columns[HF_STATEMENT_REPORT];
  hf_column_int(&c[0], report->offset);
  hf_column_uuid(&c[1], report->id.uuid);
  hf_column_uuid(&c[2], fact->case_id.uuid);
  hf_column_text(&c[3], report->key_id);
  hf_column_text(&c[4], report->form_reference);
  hf_column_time(&c[5], report->made_wall_ns);
  hf_column_time(&c[6], report->appended_wall_ns);
  hf_column_time(&c[7], report->consumed_wall_ns);
  hf_column_time(&c[8], fact->decided.wall_ns);
  c = projection->columns[HF_STATEMENT_CASE_OPEN];
  hf_column_uuid(&c[0], fact->case_id.uuid);
  hf_column_text(&c[1], report->case_number);
  hf_column_bytes(&c[2], report->victim.bytes, report->victim.size);
  hf_column_time(&c[3], fact->decided.wall_ns);
}

static void add_account(struct hf_column *c, const struct hf_fact *fact)
{
  const struct hf_transfer *transfer = &fact->transfer.transfer;
  hf_column_uuid(&c[0], fact->case_id.uuid);
  hf_column_text(&c[1], transfer->payee.institution);
  hf_column_bytes(&c[2], transfer->payee.account.bytes, transfer->payee.account.size);
  hf_column_bytes(&c[3], transfer->payee.name.bytes, transfer->payee.name.size);
  hf_column_text(&c[4], hf_currency_code(transfer->currency));
  hf_column_int(&c[5], transfer->amount);
}

static void add_quarantine(struct hf_column *c, const struct hf_fact *fact, struct hf_span raw)
{
  hf_column_int(&c[0], fact->quarantined.offset);
  hf_column_text(&c[1], hf_reason_code(fact->quarantined.reason));
  hf_column_int(&c[2], fact->quarantined.transfer);
  hf_column_text(&c[3], fact->quarantined.key_id);
  hf_column_uuid(&c[4], fact->quarantined.report_id.uuid);
  hf_column_uuid(&c[5], fact->case_id.uuid);
  hf_column_bytes(&c[6], raw.data, raw.size);
  hf_column_time(&c[7], fact->decided.wall_ns);
}

static void add_institution(struct hf_column *c, const struct hf_fact *fact)
{
  const struct hf_institution *row = &fact->institution;
  hf_column_text(&c[0], row->code);
  hf_column_text(&c[1], row->name);
  hf_column_int(&c[2], row->payment_company);
  hf_column_text(&c[3], row->dialect);
  hf_column_text(&c[4], row->transport);
  hf_column_text(&c[5], row->endpoint);
  hf_column_int(&c[6], row->window);
  hf_column_int(&c[7], row->connections);
  hf_column_int(&c[8], row->pace_per_s);
  hf_column_int(&c[9], row->try_timeout_ms);
  hf_column_int(&c[10], row->sla_feedback_ms);
  hf_column_int(&c[11], row->enabled);
  hf_column_time(&c[12], fact->decided.wall_ns);
}

static void add_key(struct hf_column *c, const struct hf_fact *fact)
{
  const struct hf_key *row = &fact->key;
  hf_column_text(&c[0], row->id);
  hf_column_text(&c[1], row->holder);
  hf_column_text(&c[2], row->unit);
  hf_column_text(&c[3], hf_role_code(row->role));
  hf_column_text(&c[4], hf_algorithm_code(row->algorithm));
  hf_column_bytes(&c[5], row->public_key, row->public_key_size);
  hf_column_time(&c[6], row->valid_from_wall_ns);
  hf_column_time(&c[7], row->valid_until_wall_ns);
  hf_column_int(&c[8], row->revoked);
  hf_column_time(&c[9], fact->decided.wall_ns);
}

/* A case that rests and returns within one transaction: the last word counts. */
static void add_case_state(struct hf_projection *projection, const struct hf_fact *facts, uint32_t at, uint32_t count)
{
  const struct hf_fact *fact = &facts[at];
  for (uint32_t i = at + 1; i < count; i++)
    if ((facts[i].kind == HF_FACT_CASE_RESTED || facts[i].kind == HF_FACT_CASE_RETURNED) &&
        hf_uuid_equal(facts[i].case_id.uuid, fact->case_id.uuid))
      return;
  struct hf_column *c = projection->columns[HF_STATEMENT_CASE_STATE];
  hf_column_uuid(&c[0], fact->case_id.uuid);
  hf_column_text(&c[1], fact->kind == HF_FACT_CASE_RESTED ? "rested" : "open");
  hf_column_time(&c[2], fact->kind == HF_FACT_CASE_RESTED ? fact->wakes_wall_ns : 0);
}

static void add_projections(struct hf_projection *projection, const struct hf_fact *facts, uint32_t at, uint32_t count,
                            struct hf_span raw)
{
  const struct hf_fact *fact = &facts[at];
  struct hf_column(*columns)[HF_STATEMENT_COLUMNS_MAX] = projection->columns;
  switch (fact->kind) {
  case HF_FACT_REPORT_ACCEPTED: add_report(projection, fact); break;
  case HF_FACT_TRANSFER_CLAIMED: add_account(columns[HF_STATEMENT_ACCOUNT], fact); break;
  case HF_FACT_HOLD_PLACED: add_hold(columns[HF_STATEMENT_HOLD], fact); break;
  case HF_FACT_HOLD_LAPSED:
    hf_column_uuid(&columns[HF_STATEMENT_HOLD_LAPSED][0], fact->step.order_id.uuid);
    hf_column_time(&columns[HF_STATEMENT_HOLD_LAPSED][1], fact->decided.wall_ns);
    break;
  case HF_FACT_CASE_RESTED:
  case HF_FACT_CASE_RETURNED: add_case_state(projection, facts, at, count); break;
  case HF_FACT_QUARANTINED: add_quarantine(columns[HF_STATEMENT_QUARANTINE], fact, raw); break;
  case HF_FACT_INSTITUTION_SET: add_institution(columns[HF_STATEMENT_INSTITUTION], fact); break;
  case HF_FACT_KEY_SET: add_key(columns[HF_STATEMENT_KEY], fact); break;
  case HF_FACT_POLICY_SET:
    hf_column_int(&columns[HF_STATEMENT_POLICY][0], fact->policy.version);
    hf_column_int(&columns[HF_STATEMENT_POLICY][1], fact->policy.feedback_ms);
    hf_column_time(&columns[HF_STATEMENT_POLICY][2], fact->decided.wall_ns);
    break;
  case HF_FACT_ANSWER_CONTRADICTED: break; /* the fact itself is the evidence */
  default: note_order(projection, fact);
  }
}

/* The columns that a new and a changed order share, from `c` on: state … transactions. */
static void add_order_state(struct hf_column *c, const struct hf_order_delta *delta, const char *state)
{
  const struct hf_answer *answer = delta->answer;
  if (state == NULL)
    hf_column_null(&c[0]);
  else
    hf_column_text(&c[0], state);
  hf_column_int(&c[1], delta->overdue);
  hf_column_int(&c[2], delta->attempts);
  hf_column_time(&c[3], delta->sent_wall_ns);
  hf_column_time(&c[4], delta->received_wall_ns);
  hf_column_time(&c[5], delta->ended_wall_ns);
  if (answer == NULL) {
    for (int i = 6; i <= 10; i++) hf_column_null(&c[i]);
    return;
  }
  hf_column_text(&c[6], answer->result);
  hf_column_time(&c[7], answer->executed_wall_ns);
  if (answer->has_balance)
    hf_column_int(&c[8], answer->balance);
  else
    hf_column_null(&c[8]);
  hf_column_int(&c[9], answer->held);
  hf_column_int(&c[10], answer->transactions_count);
}

static void add_orders(struct hf_projection *projection)
{
  for (uint32_t i = 0; i < projection->deltas_count; i++) {
    const struct hf_order_delta *delta = &projection->deltas[i];
    const char *state = delta->state != HF_ORDER_UNSET ? hf_order_state_code(delta->state) : NULL;
    if (delta->ready == NULL) {
      struct hf_column *c = projection->columns[HF_STATEMENT_ORDER_CHANGE];
      hf_column_uuid(&c[0], delta->id.uuid);
      add_order_state(c + 1, delta, state);
      continue;
    }
    const struct hf_order *order = &delta->ready->order;
    struct hf_column *c = projection->columns[HF_STATEMENT_ORDER_NEW];
    hf_column_uuid(&c[0], order->id.uuid);
    hf_column_uuid(&c[1], order->case_id.uuid);
    hf_column_text(&c[2], order->institution);
    hf_column_bytes(&c[3], order->account.bytes, order->account.size);
    hf_column_text(&c[4], hf_action_code(order->action));
    hf_column_int(&c[5], order->ordinal);
    hf_column_int(&c[6], order->amount);
    hf_column_text(&c[7], hf_currency_code(order->currency));
    hf_column_time(&c[8], order->issued_wall_ns);
    hf_column_time(&c[9], delta->ready->decided.wall_ns);
    hf_column_time(&c[10], order->deadline_wall_ns);
    hf_column_uuid(&c[11], order->report_id.uuid);
    hf_column_text(&c[12], order->key_id);
    add_order_state(c + 13, delta, state != NULL ? state : delta->sent_wall_ns != 0 ? "sent" : "ready");
  }
}

static void add_fact(struct hf_projection *projection, const struct hf_fact *fact, uint32_t at)
{
  struct hf_column *c = projection->columns[HF_STATEMENT_FACT];
  const char *boot_id = hf_time_boot_id();
  uint8_t *body = projection->encoded + projection->encoded_size;
  size_t size = hf_fact_encode(fact, boot_id, body, HF_FACT_ENCODED_SIZE_MAX);
  HF_ASSERT(size > 0);
  projection->encoded_size += size;
  projection->bodies[at] = (struct hf_span){body, size};
  hf_column_int(&c[0], (int64_t)fact->seq);
  hf_column_text(&c[1], hf_fact_code(fact->kind));
  hf_column_uuid(&c[2], fact->case_id.uuid);
  hf_column_uuid(&c[3], order_of(fact).uuid);
  hf_column_time(&c[4], fact->decided.wall_ns);
  hf_column_text(&c[5], boot_id);
  hf_column_bytes(&c[6], body, size);
}

void hf_projection_make(struct hf_projection *projection, const struct hf_fact *facts, const struct hf_span *raw,
                        uint32_t count)
{
  HF_ASSERT(count > 0 && count <= HF_RECORD_BATCH_FACTS);
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < hf_statements[k].columns_count; c++)
      hf_column_begin(&projection->columns[k][c], hf_statements[k].types[c]);
  memset(projection->map_memory, 0, hf_map_memory_size(HF_RECORD_BATCH_FACTS));
  hf_map_init(&projection->order_of, projection->map_memory, HF_RECORD_BATCH_FACTS);
  projection->deltas_count = 0;
  projection->encoded_size = 0;
  for (uint32_t i = 0; i < count; i++) {
    add_fact(projection, &facts[i], i);
    add_projections(projection, facts, i, count, raw[i]);
  }
  add_orders(projection);
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < hf_statements[k].columns_count; c++) hf_column_end(&projection->columns[k][c]);
}
