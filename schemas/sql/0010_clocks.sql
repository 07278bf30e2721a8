-- Durations by the monotonic clock (issue 6, design.md law 7): a step of a wall clock makes no order late and none early.

alter table order_state add column boot_id uuid, add column decided_mono_ns bigint, add column sent_mono_ns bigint, add column received_mono_ns bigint, add column ended_mono_ns bigint;
comment on column order_state.boot_id is 'of the machine''s boot that decided it; monotonic stamps of another boot are not kept here (the facts have them)';

-- Between two stamps: by the monotonic clock where both are of one boot, else by the wall clock, never below zero.
create function elapsed_us(from_at timestamptz, from_mono_ns bigint, to_at timestamptz, to_mono_ns bigint) returns bigint language sql immutable as $$
  select case when from_at is null or to_at is null then null
    else coalesce((to_mono_ns - from_mono_ns) / 1000, greatest(0, (extract(epoch from to_at - from_at) * 1000000)::int8)) end $$;

create table clock (
  shard int not null, seq bigint not null, at timestamptz not null, boot_id uuid, ahead_us bigint not null, error_us bigint not null, synchronised boolean not null,
  primary key (shard, seq)
);
comment on table clock is 'at each takeover and at each step: the machine''s wall clock ahead of the engine''s, and the kernel''s estimate of its error';

grant select, insert on clock to holdfast_engine;
grant select on clock to holdfast_officer, holdfast_auditor, holdfast_console;
grant select (boot_id, decided_mono_ns, sent_mono_ns, received_mono_ns, ended_mono_ns) on order_state to holdfast_console, holdfast_institution;
alter table clock enable row level security;
alter table clock force row level security;
create policy centre on clock using (true) with check (true);
create policy own on clock as restrictive to holdfast_institution using (false);
create trigger clock_append_only before update or delete on clock for each row execute function refuse_change();
create trigger clock_no_truncate before truncate on clock for each statement execute function refuse_change();

create or replace view order_timing with (security_invoker = true) as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.hop, o.state, o.overdue, s.appended_at, o.sent_at, o.received_at, o.ended_at,
       (extract(epoch from o.sent_at - o.issued_at) * 1000000)::bigint as appended_to_sent_us, -- from the broker's clock to ours
       elapsed_us(o.sent_at, o.sent_mono_ns, o.received_at, o.received_mono_ns) as sent_to_received_us,
       elapsed_us(o.sent_at, o.sent_mono_ns, o.ended_at, o.ended_mono_ns) as sent_to_feedback_us
from order_state o join submission s on s.shard = o.shard and s.submission_id = o.submission_id where o.state not in ('draft', 'dropped', 'cancelled');

/*
 * As in 0005, but: durations as above, and whether an unanswered order's time is over is what the engine found (`overdue`), not what
 * PostgreSQL's clock says while somebody looks.
 */
create or replace view order_verdict with (security_invoker = true) as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.state, o.result, o.attempts, o.sent_at, o.received_at, o.ended_at, o.executed_at,
  o.deadline,
  to_char(o.decided_at at time zone 'Asia/Shanghai', 'YYYY-MM') as month,
  case when o.sent_at is null then 'not sent' when o.ended_at is null and not o.overdue then 'still in time' else '' end as left_out,
  o.ended_at is not null and elapsed_us(o.decided_at, o.decided_mono_ns, o.ended_at, o.ended_mono_ns) <= (extract(epoch from o.deadline - o.decided_at) * 1000000)::int8 as on_time,
  case when o.ended_at is null then 9223372036854775807 else elapsed_us(o.sent_at, o.sent_mono_ns, o.ended_at, o.ended_mono_ns) end as answer_us,
  (extract(epoch from o.deadline - o.decided_at) * 1000000)::int8 - elapsed_us(o.decided_at, o.decided_mono_ns, o.sent_at, o.sent_mono_ns) as allowed_us,
  (extract(epoch from o.executed_at - o.ended_at) * 1000000)::int8 as skew_us
from order_state o where o.action <> 'monitor' and o.state not in ('draft', 'dropped', 'cancelled');
