/* Statements: the SQL of a transaction, one per table, in the order of projection.h. */
#include "engine/record/projection.h"

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
    "insert into fact (shard, seq, kind, case_id, order_id, decided_at, boot_id, body, salt, leaf) "
    "select $1, * from unnest($2::int8[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[], $8::bytea[], $9::bytea[], $10::bytea[])",
    9, {L, T, U, U, W, T, Y, Y, Y}},
  [HF_STATEMENT_CALL] = {"institution_call",
    "insert into institution_call (shard, seq, institution, step, at, next_at, orders) "
    "select $1, * from unnest($2::int8[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::int4[])",
    6, {L, T, T, W, W, I}},
  [HF_STATEMENT_CHANGE] = {"registry_change",
    "insert into registry_change (shard, seq, change_id, key_id, second_id, topic_offset, made_at, appended_at, institutions, keys, protected, policy, sla, at) "
    "select $1, d.seq, d.id, d.key, nullif(d.second, ''), d.off, d.made, d.appended, d.i, d.k, d.p, d.policy, d.sla, d.at from unnest($2::int8[], $3::uuid[], $4::text[], $5::text[], $6::int8[], "
    "$7::timestamptz[], $8::timestamptz[], $9::int4[], $10::int4[], $11::int4[], $12::bool[], $13::bool[], $14::timestamptz[]) as d(seq, id, key, second, off, made, appended, i, k, p, policy, sla, at)",
    13, {L, U, T, T, L, W, W, I, I, I, B, B, W}},
  [HF_STATEMENT_ACCESS] = {"access",
    "insert into access (shard, seq, access_id, kind, what, reason, case_id, key_id, made_at, appended_at, topic_offset, at) "
    "select $1, * from unnest($2::int8[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::int8[], $12::timestamptz[])",
    11, {L, U, T, T, T, U, T, W, W, L, W}},
  [HF_STATEMENT_CLOCK] = {"clock",
    "insert into clock (shard, seq, at, boot_id, ahead_us, error_us, synchronised) "
    "select $1, * from unnest($2::int8[], $3::timestamptz[], $4::uuid[], $5::int8[], $6::int8[], $7::bool[])",
    6, {L, W, U, L, L, B}},
  [HF_STATEMENT_CASE_KEY] = {"case_key",
    "insert into case_key (shard, case_id, first_seq, wrapped_by, wrapped) "
    "select $1, coalesce(d.case_id, '00000000-0000-0000-0000-000000000000'), d.first_seq, d.wrapped_by, d.wrapped "
    "from unnest($2::uuid[], $3::int8[], $4::text[], $5::bytea[]) as d(case_id, first_seq, wrapped_by, wrapped)",
    4, {U, L, T, Y}},
  [HF_STATEMENT_AUDIT_NODE] = {"audit_node",
    "insert into audit_node (shard, level, index, hash) select $1, * from unnest($2::int4[], $3::int8[], $4::bytea[])",
    3, {I, L, Y}},
  [HF_STATEMENT_CHECKPOINT] = {"checkpoint",
    "insert into checkpoint (shard, size, note) select $1, * from unnest($2::int8[], $3::text[]) on conflict do nothing",
    2, {L, T}},
  [HF_STATEMENT_REPORT] = {"report",
    "insert into report (shard, topic_offset, report_id, case_id, key_id, form_reference, made_at, appended_at, consumed_at, decided_at) "
    "select $1, * from unnest($2::int8[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], "
    "$9::timestamptz[], $10::timestamptz[]) on conflict do nothing",
    9, {L, U, U, T, T, W, W, W, W}},
  [HF_STATEMENT_QUARANTINE] = {"quarantine",
    "insert into quarantine (shard, topic_offset, reason, transfer, key_id, report_id, case_id, raw, decided_at, seq) "
    "select $1, * from unnest($2::int8[], $3::text[], $4::int4[], $5::text[], $6::uuid[], $7::uuid[], $8::bytea[], $9::timestamptz[], $10::int8[])",
    9, {L, T, I, T, U, U, Y, W, L}},
  [HF_STATEMENT_CASE_OPEN] = {"case_open",
    "insert into fraud_case as c (shard, case_id, case_number, victim, state, opened_at) "
    "select $1, d.case_id, max(d.case_number), max(d.victim), 'open', min(d.at) "
    "from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as d(case_id, case_number, victim, at) group by d.case_id "
    "on conflict (shard, case_id) do update set state = 'open', wakes_at = null, "
    "case_number = case when c.case_number = '' then excluded.case_number else c.case_number end, "
    "victim = case when c.victim = '' then excluded.victim else c.victim end",
    4, {U, T, T, W}},
  [HF_STATEMENT_SUBMISSION] = {"submission",
    "insert into submission (shard, submission_id, case_id, kind, state, key_id, second_id, unit, digest, raw, topic_offset, appended_at, due_at, "
    "paper_by, break_glass, flagged, document_type, document_number, document_issuer, document_sha256, reason) "
    "select distinct on (d.id) $1, d.id, d.case_id, d.kind, d.state, d.key_id, d.second_id, d.unit, d.digest, d.raw, d.topic_offset, d.appended_at, d.due_at, "
    "d.paper_by, d.break_glass, d.flagged, d.document_type, d.document_number, d.document_issuer, d.document_sha256, d.reason "
    "from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::int8[], "
    "$12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bool[], $16::text[], $17::text[], $18::text[], $19::text[], $20::bytea[], $21::text[]) "
    "with ordinality as d(id, case_id, kind, state, key_id, second_id, unit, digest, raw, topic_offset, appended_at, due_at, paper_by, break_glass, "
    "flagged, document_type, document_number, document_issuer, document_sha256, reason, n) order by d.id, d.n desc "
    "on conflict (shard, submission_id) do update set state = excluded.state, key_id = excluded.key_id, second_id = excluded.second_id, "
    "unit = excluded.unit, raw = excluded.raw, topic_offset = excluded.topic_offset, appended_at = excluded.appended_at, due_at = excluded.due_at, "
    "paper_by = excluded.paper_by, break_glass = excluded.break_glass, flagged = excluded.flagged, document_type = excluded.document_type, "
    "document_number = excluded.document_number, document_issuer = excluded.document_issuer, document_sha256 = excluded.document_sha256, "
    "reason = excluded.reason",
    20, {U, U, T, T, T, T, T, Y, Y, L, W, W, W, B, T, T, T, T, Y, T}},
  [HF_STATEMENT_SUBMISSION_STEP] = {"submission_step",
    "update submission s set state = coalesce(d.state, s.state), second_id = coalesce(d.second_id, s.second_id), "
    "flagged = case when d.reviewed_by is not null or d.second_id is not null then null else coalesce(d.flagged, s.flagged) end, "
    "reviewed_by = coalesce(d.reviewed_by, s.reviewed_by), paper_at = coalesce(d.paper_at, s.paper_at) "
    "from (select id, max(state) as state, max(second_id) as second_id, max(flagged) as flagged, max(reviewed_by) as reviewed_by, max(paper_at) as paper_at "
    "from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) as u(id, state, second_id, flagged, reviewed_by, paper_at) group by id) d "
    "where s.shard = $1 and s.submission_id = d.id",
    6, {U, T, T, T, T, W}},
  [HF_STATEMENT_ACCOUNT] = {"account",
    "insert into account (shard, case_id, institution, number, name, currency, amount, hop, by_serial) "
    "select $1, d.case_id, d.institution, d.number, max(d.name), max(d.currency), sum(d.amount), max(d.hop), bool_or(d.by_serial) "
    "from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::int4[], $9::bool[]) "
    "as d(case_id, institution, number, name, currency, amount, hop, by_serial) group by d.case_id, d.institution, d.number "
    "on conflict (shard, case_id, institution, number) do update set amount = account.amount + excluded.amount",
    8, {U, T, T, T, T, L, I, B}},
  [HF_STATEMENT_ORDER_NEW] = {"order_new",
    "insert into order_state as o (shard, order_id, case_id, institution, account, action, ordinal, amount, currency, issued_at, decided_at, "
    "deadline, submission_id, key_id, second_id, parent, hop, mode, page, until_at, boot_id, decided_mono_ns, state, overdue, attempts, sent_at, received_at, ended_at, result, "
    "executed_at, balance, held, transactions, sent_mono_ns, received_mono_ns, ended_mono_ns, invalid) "
    "select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::int8[], $9::text[], "
    "$10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::uuid[], $14::text[], $15::text[], $16::uuid[], $17::int4[], $18::int4[], $19::int4[], "
    "$20::timestamptz[], $21::uuid[], $22::int8[], $23::text[], $24::bool[], $25::int4[], $26::timestamptz[], $27::timestamptz[], $28::timestamptz[], $29::text[], "
    "$30::timestamptz[], $31::int8[], $32::int8[], $33::int4[], $34::int8[], $35::int8[], $36::int8[], $37::int4[]) on conflict (shard, order_id) do update set submission_id = excluded.submission_id, "
    "key_id = excluded.key_id, second_id = excluded.second_id, issued_at = excluded.issued_at, decided_at = excluded.decided_at, "
    "deadline = excluded.deadline, boot_id = excluded.boot_id, decided_mono_ns = excluded.decided_mono_ns, state = excluded.state where o.state = 'draft'",
    36, {U, U, T, T, T, I, L, T, W, W, W, U, T, T, U, I, I, I, W, U, L, T, B, I, W, W, W, T, W, L, L, I, L, L, L, I}},
  [HF_STATEMENT_ORDER_CHANGE] = {"order_change",
    "update order_state o set "
    "state = coalesce(d.state, case when d.sent_at is not null and o.state = 'ready' then 'sent' else o.state end), "
    "overdue = o.overdue or d.overdue, invalid = o.invalid + d.invalid, attempts = greatest(o.attempts, d.attempts), sent_at = coalesce(o.sent_at, d.sent_at), "
    "received_at = coalesce(o.received_at, d.received_at), ended_at = coalesce(o.ended_at, d.ended_at), "
    "result = coalesce(o.result, d.result), executed_at = coalesce(o.executed_at, d.executed_at), "
    "balance = coalesce(d.balance, o.balance), held = coalesce(o.held, d.held), transactions = case when d.transactions is null then o.transactions else coalesce(o.transactions, 0) + d.transactions end, "
    /* of the boot that the order was decided in: others count by another zero */
    "sent_mono_ns = case when o.sent_at is null and d.boot_id = o.boot_id then d.sent_mono_ns else o.sent_mono_ns end, "
    "received_mono_ns = case when o.received_at is null and d.boot_id = o.boot_id then d.received_mono_ns else o.received_mono_ns end, "
    "ended_mono_ns = case when o.ended_at is null and d.boot_id = o.boot_id then d.ended_mono_ns else o.ended_mono_ns end "
    "from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bool[], $6::int4[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[], "
    "$11::timestamptz[], $12::int8[], $13::int8[], $14::int4[], $15::int8[], $16::int8[], $17::int8[], $18::int4[]) "
    "as d(order_id, boot_id, state, overdue, attempts, sent_at, received_at, ended_at, result, executed_at, balance, held, transactions, sent_mono_ns, "
    "received_mono_ns, ended_mono_ns, invalid) where o.shard = $1 and o.order_id = d.order_id",
    17, {U, U, T, B, I, W, W, W, T, W, L, L, I, L, L, L, I}},
  [HF_STATEMENT_HOLD] = {"hold",
    "insert into hold (shard, case_id, institution, number, kind, state, count, mode, order_id, starts_earliest, starts_latest, expires_earliest, "
    "expires_latest, held, changed_at) "
    "select distinct on (o.case_id, o.institution, o.account, d.kind) $1, o.case_id, o.institution, o.account, d.kind, d.state, d.count, d.mode, d.holder, "
    "d.s1, d.s2, d.e1, d.e2, d.held, d.at from unnest($2::uuid[], $3::text[], $4::text[], $5::int4[], $6::int4[], $7::timestamptz[], $8::timestamptz[], "
    "$9::timestamptz[], $10::timestamptz[], $11::int8[], $12::timestamptz[]) with ordinality "
    "as d(holder, kind, state, count, mode, s1, s2, e1, e2, held, at, n) join order_state o on o.shard = $1 and o.order_id = d.holder "
    "order by o.case_id, o.institution, o.account, d.kind, d.n desc "
    "on conflict (shard, case_id, institution, number, kind) do update set state = excluded.state, count = excluded.count, mode = excluded.mode, "
    "order_id = excluded.order_id, starts_earliest = excluded.starts_earliest, starts_latest = excluded.starts_latest, "
    "expires_earliest = excluded.expires_earliest, expires_latest = excluded.expires_latest, held = excluded.held, changed_at = excluded.changed_at",
    11, {U, T, T, I, I, W, W, W, W, L, W}},
  [HF_STATEMENT_TRACE] = {"trace",
    "insert into trace (shard, seq, case_id, query_id, from_institution, from_number, to_institution, to_number, to_name, root, amount, transfer_amount, "
    "at, serial, bound) select $1, * from unnest($2::int8[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], "
    "$10::int4[], $11::int8[], $12::int8[], $13::timestamptz[], $14::text[], $15::text[]) on conflict do nothing",
    14, {L, U, U, T, T, T, T, T, I, L, L, W, T, T}},
  [HF_STATEMENT_TASK] = {"task",
    "insert into task (shard, seq, case_id, task, cause, order_id, submission_id, opened_at) "
    "select $1, * from unnest($2::int8[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::timestamptz[])",
    7, {L, U, T, T, U, U, W}},
  [HF_STATEMENT_SEEN] = {"seen",
    "insert into seen (shard, seq, case_id, institution, number, other_id, order_id, suspect, at) "
    "select $1, * from unnest($2::int8[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::bool[], $9::timestamptz[])",
    8, {L, U, T, T, U, U, B, W}},
  [HF_STATEMENT_LINK] = {"link",
    "insert into linked_case (shard, case_id, other_id, at) select $1, * from unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) on conflict do nothing",
    3, {U, U, W}},
  [HF_STATEMENT_CASE_CLOSED] = {"case_closed",
    "with closed as (update fraud_case c set closed_at = d.at from unnest($2::uuid[], $3::timestamptz[]) as d(case_id, at) "
    "where c.shard = $1 and c.case_id = d.case_id returning c.case_id, d.at) "
    "insert into suspect_account (shard, case_id, institution, number, since) select distinct $1, h.case_id, h.institution, h.number, closed.at "
    "from closed join hold h on h.shard = $1 and h.case_id = closed.case_id on conflict do nothing",
    2, {U, W}},
  [HF_STATEMENT_CASE_STATE] = {"case_state",
    "update fraud_case c set state = d.state, wakes_at = d.wakes_at "
    "from unnest($2::uuid[], $3::text[], $4::timestamptz[]) as d(case_id, state, wakes_at) where c.shard = $1 and c.case_id = d.case_id",
    3, {U, T, W}},
  [HF_STATEMENT_INSTITUTION] = {"institution",
    "insert into institution (shard, code, name, payment_company, dialect, transport, endpoint, in_flight_max, connections, pace_per_s, "
    "try_timeout_ms, sla_feedback_ms, enabled, set_at, carrier, swallows_duplicates, bank_code, profile, actions, paused_until, paused_from, stands_for, contact_a, contact_b) "
    "select distinct on (d.code) $1, d.code, d.name, d.company, d.dialect, d.transport, d.endpoint, d.win, d.conns, d.pace, d.try_ms, d.sla, "
    "d.enabled, d.at, d.carrier, d.swallows, d.bank_code, d.profile, d.actions, d.paused, d.paused_from, nullif(d.stands_for, ''), nullif(d.contact_a, ''), nullif(d.contact_b, '') from unnest($2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::text[], $8::int4[], $9::int4[], $10::int4[], "
    "$11::int4[], $12::int4[], $13::bool[], $14::timestamptz[], $15::bool[], $16::bool[], $17::text[], $18::text[], $19::int4[], $20::timestamptz[], $21::timestamptz[], $22::text[], $23::text[], $24::text[]) with ordinality "
    "as d(code, name, company, dialect, transport, endpoint, win, conns, pace, try_ms, sla, enabled, at, carrier, swallows, bank_code, profile, actions, paused, paused_from, stands_for, contact_a, contact_b, n) order by d.code, d.n desc "
    "on conflict (shard, code) do update set name = excluded.name, payment_company = excluded.payment_company, dialect = excluded.dialect, "
    "transport = excluded.transport, endpoint = excluded.endpoint, in_flight_max = excluded.in_flight_max, connections = excluded.connections, "
    "pace_per_s = excluded.pace_per_s, try_timeout_ms = excluded.try_timeout_ms, sla_feedback_ms = excluded.sla_feedback_ms, "
    "enabled = excluded.enabled, set_at = excluded.set_at, carrier = excluded.carrier, swallows_duplicates = excluded.swallows_duplicates, "
    "bank_code = excluded.bank_code, profile = excluded.profile, actions = excluded.actions, paused_until = excluded.paused_until, paused_from = excluded.paused_from, stands_for = excluded.stands_for, contact_a = excluded.contact_a, contact_b = excluded.contact_b",
    23, {T, T, B, T, T, T, I, I, I, I, I, B, W, B, B, T, T, I, W, W, T, T, T}},
  [HF_STATEMENT_KEY] = {"registry_key",
    "insert into registry_key (shard, key_id, holder, unit, role, algorithm, public_key, valid_from, valid_until, revoked, set_at, jurisdiction) "
    "select distinct on (d.key_id) $1, d.key_id, d.holder, d.unit, d.role, d.algorithm, d.public_key, d.valid_from, d.valid_until, d.revoked, d.at, d.jurisdiction "
    "from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::timestamptz[], $9::timestamptz[], $10::bool[], "
    "$11::timestamptz[], $12::text[]) with ordinality "
    "as d(key_id, holder, unit, role, algorithm, public_key, valid_from, valid_until, revoked, at, jurisdiction, n) order by d.key_id, d.n desc "
    "on conflict (shard, key_id) do update set holder = excluded.holder, unit = excluded.unit, role = excluded.role, "
    "algorithm = excluded.algorithm, valid_from = excluded.valid_from, valid_until = excluded.valid_until, revoked = excluded.revoked, "
    "set_at = excluded.set_at, jurisdiction = excluded.jurisdiction",
    11, {T, T, T, T, T, Y, W, W, B, W, T}},
  [HF_STATEMENT_POLICY] = {"policy",
    "insert into policy (shard, version, feedback_ms, set_at, settings) select $1, v, f, at, s::jsonb "
    "from unnest($2::int4[], $3::int4[], $4::timestamptz[], $5::text[]) as d(v, f, at, s)",
    4, {I, I, W, T}},
  [HF_STATEMENT_SLA] = {"sla",
    "insert into sla (shard, version, effective_at, text, set_at) select $1, * from unnest($2::int4[], $3::timestamptz[], $4::text[], $5::timestamptz[])",
    4, {I, W, T, W}},
  [HF_STATEMENT_PROTECTED] = {"protected_account",
    "insert into protected_account (shard, institution, number, set_at) select $1, * from unnest($2::text[], $3::text[], $4::timestamptz[]) on conflict do nothing",
    3, {T, T, W}},
};
/* clang-format on */
