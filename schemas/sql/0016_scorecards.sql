-- What score-cards are made of is kept for days that have ended, and made again when something of such a day changes (schemas/sql/README.md).

-- First, beside running engines: building beside them waits for old transactions, and holds up nobody.
set lock_timeout = 0;

do $$ declare name text; begin
  for name in select indexrelid::regclass from pg_index where indexrelid in (to_regclass('order_decided'), to_regclass('case_opened'), to_regclass('report_appended'), to_regclass('task_opened_at'), to_regclass('order_lifts'))
    and not indisvalid loop
    execute format('drop index %I', name); -- of a migration that was broken off
  end loop;
end $$;

create index concurrently if not exists order_decided on order_state using brin (decided_at) with (pages_per_range = 32, autosummarize = on);

create index concurrently if not exists case_opened on fraud_case using brin (opened_at);

create index concurrently if not exists report_appended on report using brin (appended_at);

create index concurrently if not exists task_opened_at on task using brin (opened_at);

create index concurrently if not exists order_lifts on order_state (shard, parent) where action in ('lift', 'unfreeze') and state = 'effective';

-- Then, in one transaction: no row is read or moved, so that whoever writes waits for milliseconds.

alter table order_state add column invalid int not null default 0;
comment on column order_state.invalid is 'attempts whose answer could not be read, or not be believed';
grant select (invalid, parent) on order_state to holdfast_console, holdfast_institution;

/* Microseconds of an interval, exactly: a double's 53 bits are more than a century of them. */
create function us(span interval) returns bigint language sql immutable parallel safe as $$ select (date_part('epoch', span) * 1000000)::int8 $$;
create or replace function elapsed_us(from_at timestamptz, from_mono_ns bigint, to_at timestamptz, to_mono_ns bigint) returns bigint language sql immutable parallel safe as $$
  select case when from_at is null or to_at is null then null else coalesce((to_mono_ns - from_mono_ns) / 1000, greatest(0, us(to_at - from_at))) end $$;
alter function wilson_low(bigint, bigint) parallel safe;
alter function wilson_high(bigint, bigint) parallel safe;

/* As in 0010, and: when it was decided, what was answered wrongly, and whether we had it lifted again. */
create or replace view order_verdict with (security_invoker = true) as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.state, o.result, o.attempts, o.sent_at, o.received_at, o.ended_at, o.executed_at,
  o.deadline,
  to_char(o.decided_at at time zone 'Asia/Shanghai', 'YYYY-MM') as month,
  case when o.sent_at is null then 'not sent' when o.ended_at is null and not o.overdue then 'still in time' else '' end as left_out,
  o.ended_at is not null and elapsed_us(o.decided_at, o.decided_mono_ns, o.ended_at, o.ended_mono_ns) <= us(o.deadline - o.decided_at) as on_time,
  case when o.ended_at is null then 9223372036854775807 else elapsed_us(o.sent_at, o.sent_mono_ns, o.ended_at, o.ended_mono_ns) end as answer_us,
  us(o.deadline - o.decided_at) - elapsed_us(o.decided_at, o.decided_mono_ns, o.sent_at, o.sent_mono_ns) as allowed_us,
  us(o.executed_at - o.ended_at) as skew_us,
  o.decided_at, o.invalid, o.action in ('stop', 'freeze') and o.state = 'effective' as held,
  o.action in ('stop', 'freeze') and o.state = 'effective' and l.parent is not null as lifted
from order_state o
left join (select distinct shard, parent from order_state where action in ('lift', 'unfreeze') and state = 'effective') l on l.shard = o.shard and l.parent = o.order_id
where o.action <> 'monitor' and o.state not in ('draft', 'dropped', 'cancelled');

/* As in 0010, and: when it was decided, by which a month is found; nobody pays for the submission who does not ask when it was appended. */
create or replace view order_timing with (security_invoker = true) as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.hop, o.state, o.overdue, s.appended_at, o.sent_at, o.received_at, o.ended_at,
  us(o.sent_at - o.issued_at) as appended_to_sent_us, -- from the broker's clock to ours
  elapsed_us(o.sent_at, o.sent_mono_ns, o.received_at, o.received_mono_ns) as sent_to_received_us,
  elapsed_us(o.sent_at, o.sent_mono_ns, o.ended_at, o.ended_mono_ns) as sent_to_feedback_us,
  o.decided_at, o.issued_at
from order_state o left join submission s on s.shard = o.shard and s.submission_id = o.submission_id where o.state not in ('draft', 'dropped', 'cancelled');

/* As in 0011, and: when it was decided; sla_verdict's two words, without asking for the limits again. */
create or replace view order_sla with (security_invoker = true) as
select o.shard, o.order_id, o.institution, o.action, p.version, o.issued_at, o.deadline, o.issued_at + l.feedback_ms * interval '1 millisecond' as feedback_by,
  o.issued_at + l.receipt_ms * interval '1 millisecond' as receipt_by, v.receipt, v.feedback, o.decided_at
from order_state o
cross join lateral (select s.version, s.text from sla s where s.shard = o.shard and s.effective_at <= o.issued_at order by s.version desc limit 1) p
cross join lateral sla_limits(p.text, o.institution, o.action, o.issued_at) l
cross join lateral (select
  case when o.sent_at is null then 'not_sent' else sla_judge(l.receipt_ms, o.issued_at, o.decided_at, o.decided_mono_ns, coalesce(o.received_at, o.ended_at),
                                                             case when o.received_at is null then o.ended_mono_ns else o.received_mono_ns end, o.overdue) end as receipt,
  case when o.sent_at is null then 'not_sent' else sla_judge(l.feedback_ms, o.issued_at, o.decided_at, o.decided_mono_ns, o.ended_at, o.ended_mono_ns, o.overdue) end as feedback) v
where o.state not in ('draft', 'dropped', 'cancelled');

/* China's days and months. */
create function day_of(at timestamptz) returns date language sql immutable parallel safe as $$ select (at at time zone 'UTC' + interval '8 hours')::date $$;
create function month_of(day date) returns text language sql immutable parallel safe as $$ select to_char(day, 'YYYY-MM') $$;
create function month_begins(month text) returns timestamptz language sql immutable parallel safe as $$ select day_begins((month || '-01')::date) $$;
create function month_ends(month text) returns timestamptz language sql immutable parallel safe as $$ select day_begins(((month || '-01')::date + interval '1 month')::date) $$;

/*
 * The rules, by the raw stamps of the orders decided from `begins` until `ends`: what is counted, per day, and each duration, so that days
 * can be put together to months and a percentile of them is still a value that was measured.
 */
create function scorecard_days(begins timestamptz, ends timestamptz) returns table (day date, institution text, action text, orders bigint, on_time bigint, unanswered bigint, just_in_time bigint,
  mismatches bigint, repeated bigint, not_sent bigint, still_in_time bigint, invalid bigint, held bigint, lifted bigint, answers bigint[], skews bigint[]) language sql stable parallel safe as $$
  select v.day, v.institution, v.action,
    count(*) filter (where v.left_out = ''),
    count(*) filter (where v.left_out = '' and v.on_time),
    count(*) filter (where v.left_out = '' and not v.answered),
    count(*) filter (where v.left_out = '' and v.just_in_time),
    count(*) filter (where v.result = '0301'),
    count(*) filter (where v.attempts > 1),
    count(*) filter (where v.left_out = 'not sent'),
    count(*) filter (where v.left_out = 'still in time'),
    sum(v.invalid)::bigint, count(*) filter (where v.held), count(*) filter (where v.lifted),
    coalesce(array_agg(v.answer_us) filter (where v.left_out = ''), '{}'),
    coalesce(array_agg(v.skew_us) filter (where v.skew_us is not null), '{}')
  from (select day_of(o.decided_at) as day, o.institution collate "C" as institution, o.action collate "C" as action, o.left_out, o.on_time, o.ended_at is not null as answered,
      o.answer_us, case when o.on_time then o.answer_us * 20 >= o.allowed_us * 19 end as just_in_time, o.result, o.attempts, o.skew_us, o.invalid, o.held, o.lifted
    from order_verdict o where o.decided_at >= begins and o.decided_at < ends offset 0) v -- offset 0: each is reckoned once
  group by v.day, v.institution, v.action $$;

create table scorecard_day (
  day date not null, institution text not null, action text not null, orders bigint not null, on_time bigint not null, unanswered bigint not null, just_in_time bigint not null,
  mismatches bigint not null, repeated bigint not null, not_sent bigint not null, still_in_time bigint not null, invalid bigint not null, held bigint not null, lifted bigint not null,
  answers bigint[] not null, skews bigint[] not null,
  primary key (day, institution, action)
);
comment on table scorecard_day is 'what score-cards are made of, for days that have ended: of all shards, as the raw rows gave it';
create table day_kept (day date primary key, made_at timestamptz not null);
comment on table day_kept is 'the days that scorecard_day has: all from the first of them to the last';
create table day_touched (shard int not null, id bigint generated always as identity, day date not null, primary key (shard, id));
create index on day_touched (day);
comment on table day_touched is 'an order of a day that has ended was written: what is kept of that day is no longer right';
create table scorecard_month (
  month text not null, institution text not null, action text not null, orders bigint not null, on_time bigint not null, on_time_low numeric, on_time_high numeric,
  unanswered bigint not null, p50_us bigint, p95_us bigint, p99_us bigint, just_in_time bigint not null, mismatches bigint not null, repeated bigint not null, skew_us bigint,
  not_sent bigint not null, still_in_time bigint not null, invalid bigint not null, held bigint not null, lifted bigint not null,
  primary key (month, institution, action)
);
comment on table scorecard_month is 'score-cards of months that have ended, made of their days';
create table month_kept (month text primary key, made_at timestamptz not null);

/* How long each part of an order's way took, by what orders have in common. Who has not answered and is over the deadline took for ever: the largest number. */
create function timing_days(begins timestamptz, ends timestamptz) returns table (day date, by text, value text, orders bigint, open bigint, late bigint, sents bigint[], receipts bigint[], answers bigint[])
  language sql stable parallel safe as $$
  select t.day,
    case grouping(t.institution, t.action, t.hop, t.hour) when 7 then 'institution' when 11 then 'action' when 13 then 'hop' when 14 then 'hour' else 'both' end,
    case grouping(t.institution, t.action, t.hop, t.hour) when 7 then t.institution when 11 then t.action when 13 then t.hop when 14 then t.hour else t.institution || ' ' || t.action end,
    count(*), count(*) filter (where t.open), count(*) filter (where t.overdue),
    coalesce(array_agg(t.sent order by t.sent) filter (where t.sent is not null), '{}'),
    coalesce(array_agg(t.receipt order by t.receipt) filter (where t.receipt is not null), '{}'),
    coalesce(array_agg(t.answer order by t.answer) filter (where t.answer is not null), '{}')
  from (select day_of(o.decided_at) as day, o.institution collate "C" as institution, o.action collate "C" as action, lpad(o.hop::text, 2) collate "C" as hop,
      to_char(o.issued_at at time zone 'UTC' + interval '8 hours', 'HH24') collate "C" as hour, o.ended_at is null as open, o.overdue, o.appended_to_sent_us as sent,
      coalesce(o.sent_to_received_us, case when o.overdue and o.ended_at is null and o.sent_at is not null then 9223372036854775807 end) as receipt,
      coalesce(o.sent_to_feedback_us, case when o.overdue and o.ended_at is null and o.sent_at is not null then 9223372036854775807 end) as answer
    from order_timing o where o.decided_at >= begins and o.decided_at < ends offset 0) t
  group by grouping sets ((t.day, t.institution), (t.day, t.action), (t.day, t.hop), (t.day, t.hour), (t.day, t.institution, t.action)) $$;

/* What the SLA policies in force say of each order, counted. */
create function verdict_days(begins timestamptz, ends timestamptz) returns table (day date, institution text, action text, version int, orders bigint, receipt_in_time bigint, receipt_late bigint,
  receipt_missing bigint, feedback_in_time bigint, feedback_late bigint, feedback_missing bigint, open bigint, not_sent bigint) language sql stable as $$
  select day_of(o.decided_at), o.institution, o.action, o.version, count(*), count(*) filter (where o.receipt = 'in_time'), count(*) filter (where o.receipt = 'late'),
    count(*) filter (where o.receipt = 'missing'), count(*) filter (where o.feedback = 'in_time'), count(*) filter (where o.feedback = 'late'), count(*) filter (where o.feedback = 'missing'),
    count(*) filter (where o.feedback = 'open'), count(*) filter (where o.feedback = 'not_sent')
  from order_sla o where o.decided_at >= begins and o.decided_at < ends group by 1, 2, 3, 4 $$;

create table timing_day (
  day date not null, by text not null, value text not null, orders bigint not null, open bigint not null, late bigint not null, sents bigint[] not null, receipts bigint[] not null, answers bigint[] not null,
  primary key (day, by, value)
);
create table verdict_day (
  day date not null, institution text not null, action text not null, version int not null, orders bigint not null, receipt_in_time bigint not null, receipt_late bigint not null,
  receipt_missing bigint not null, feedback_in_time bigint not null, feedback_late bigint not null, feedback_missing bigint not null, open bigint not null, not_sent bigint not null,
  primary key (day, institution, action, version)
);

/* A lift changes what is said of the hold that it lifts. */
create function touch_days() returns trigger language plpgsql set search_path = pg_catalog, public as $$
declare today timestamptz := public.day_begins(public.day_of(clock_timestamp()));
begin
  if exists (select from changed where decided_at < today or action in ('lift', 'unfreeze')) then
    insert into public.day_touched (shard, day)
      select distinct d.shard, public.day_of(d.decided_at) from (select shard, decided_at from changed union all
        select p.shard, p.decided_at from changed c join public.order_state p on p.shard = c.shard and p.order_id = c.parent where c.action in ('lift', 'unfreeze')) d
      where d.decided_at < today;
  end if;
  return null;
end $$;
create trigger order_touches_insert after insert on order_state referencing new table as changed for each statement execute function touch_days();
create trigger order_touches_update after update on order_state referencing new table as changed for each statement execute function touch_days();

/* Days that are as they are kept, and those that are not, by the raw rows; without what month_fresh has. */
create view month_fresh with (security_invoker = true) as
select m.month from month_kept m where not exists (select from day_touched t where t.day >= (m.month || '-01')::date and t.day < (m.month || '-01')::date + interval '1 month');
create view scorecard_part with (security_invoker = true) as
select d.* from scorecard_day d where not exists (select from day_touched t where t.day = d.day) and month_of(d.day) not in (select month from month_fresh)
union all
select c.* from (select distinct t.day from day_touched t where t.day <= (select max(day) from day_kept)) t cross join lateral scorecard_days(day_begins(t.day), day_begins(t.day + 1)) c
union all
select c.* from scorecard_days(coalesce((select day_begins(max(day) + 1) from day_kept), '-infinity'), 'infinity') c;

create aggregate all_of(anycompatiblearray) (sfunc = array_cat, stype = anycompatiblearray, initcond = '{}');

/*
 * Days put together to score-cards. which: 'part', what is not in fresh months; 'raw', all by the raw rows; or a month, of what is kept.
 * Percentiles are by nearest rank over all the days' durations.
 */
create function scorecard_made(which text) returns table (institution text, month text, action text, orders bigint, on_time bigint, on_time_low numeric, on_time_high numeric, unanswered bigint,
  p50_us bigint, p95_us bigint, p99_us bigint, just_in_time bigint, mismatches bigint, repeated bigint, skew_us bigint, not_sent bigint, still_in_time bigint, invalid bigint, held bigint,
  lifted bigint) language sql stable as $$
  with d as (
    select month_of(p.day) as month, p.* from scorecard_part p where which = 'part'
    union all select month_of(r.day), r.* from scorecard_days('-infinity', 'infinity') r where which = 'raw'
    union all select month_of(k.day), k.* from scorecard_day k where which not in ('part', 'raw') and k.day >= (which || '-01')::date and k.day < (which || '-01')::date + interval '1 month'
  ), g as (select d.institution, d.month, d.action, sum(d.orders)::bigint as orders, sum(d.on_time)::bigint as on_time, sum(d.unanswered)::bigint as unanswered, sum(d.just_in_time)::bigint as just_in_time,
      sum(d.mismatches)::bigint as mismatches, sum(d.repeated)::bigint as repeated, sum(d.not_sent)::bigint as not_sent, sum(d.still_in_time)::bigint as still_in_time, sum(d.invalid)::bigint as invalid,
      sum(d.held)::bigint as held, sum(d.lifted)::bigint as lifted, all_of(d.answers) as answers, all_of(d.skews) as skews from d group by d.institution, d.month, d.action)
  select g.institution, g.month, g.action, g.orders, g.on_time, wilson_low(g.on_time, g.orders), wilson_high(g.on_time, g.orders), g.unanswered,
    nullif(r.ranks[1], 9223372036854775807), nullif(r.ranks[2], 9223372036854775807), nullif(r.ranks[3], 9223372036854775807), g.just_in_time, g.mismatches, g.repeated, s.skew_us,
    g.not_sent, g.still_in_time, g.invalid, g.held, g.lifted
  from g
  cross join lateral (select percentile_disc(array[0.5, 0.95, 0.99]) within group (order by x) as ranks from unnest(g.answers) x) r
  cross join lateral (select percentile_disc(0.5) within group (order by x) as skew_us from unnest(g.skews) x) s $$;

/*
 * Keeps each day that ended an hour ago or more (a transaction that began in it has ended by then) and is not kept or was touched since, and the
 * months that are whole. Whoever looks first pays for it. What touched a day is read before its rows are: what comes between is seen twice, not missed.
 */
create function keep_days() returns int language plpgsql security definer set search_path = pg_catalog, public set plan_cache_mode = force_custom_plan as $$
declare
  today date := public.day_of(clock_timestamp() - interval '1 hour'); -- or yesterday, for an hour
  next date;
  name text;
  ids bigint[];
  made int := 0;
begin
  perform pg_advisory_xact_lock(4845);
  for next in
    select t.day from public.day_touched t join public.day_kept k on k.day = t.day
    union
    select coalesce((select max(day) + 1 from public.day_kept), (select public.day_of(min(decided_at)) from public.order_state)) + n
      from generate_series(0, today - coalesce((select max(day) + 1 from public.day_kept), (select public.day_of(min(decided_at)) from public.order_state)) - 1) n
    order by 1
  loop
    ids := array(select id from public.day_touched where day = next);
    delete from public.scorecard_day where day = next;
    insert into public.scorecard_day select * from public.scorecard_days(public.day_begins(next), public.day_begins(next + 1));
    delete from public.timing_day where day = next;
    insert into public.timing_day select * from public.timing_days(public.day_begins(next), public.day_begins(next + 1));
    delete from public.verdict_day where day = next;
    insert into public.verdict_day select * from public.verdict_days(public.day_begins(next), public.day_begins(next + 1));
    insert into public.day_kept values (next, clock_timestamp()) on conflict (day) do update set made_at = excluded.made_at;
    delete from public.day_touched where id = any (ids) and day = next;
    delete from public.month_kept where month = public.month_of(next);
    made := made + 1;
  end loop;
  for name in select distinct public.month_of(day) from public.day_kept where public.month_of(day) < public.month_of(today) except select month from public.month_kept loop
    delete from public.scorecard_month where month = name;
    insert into public.scorecard_month select c.month, c.institution, c.action, c.orders, c.on_time, c.on_time_low, c.on_time_high, c.unanswered, c.p50_us, c.p95_us, c.p99_us,
      c.just_in_time, c.mismatches, c.repeated, c.skew_us, c.not_sent, c.still_in_time, c.invalid, c.held, c.lifted from public.scorecard_made(name) c;
    insert into public.month_kept values (name, clock_timestamp());
  end loop;
  return made;
end $$;
revoke all on function keep_days() from public;
grant execute on function keep_days() to holdfast_officer, holdfast_auditor, holdfast_console;

/* The days from first to last put together: as they are kept, and those that are not by the raw rows. by_: institution, action, hop, hour or both (institution and action). */
create function timing_made(by_ text, first date, last date) returns table (value text, orders bigint, open bigint, late bigint, sents bigint[], receipts bigint[], answers bigint[]) language sql stable as $$
  select d.value, sum(d.orders)::bigint, sum(d.open)::bigint, sum(d.late)::bigint, all_of(d.sents), all_of(d.receipts), all_of(d.answers)
  from (select k.* from timing_day k where k.by = by_ and k.day between first and last and not exists (select from day_touched t where t.day = k.day)
    union all
    select c.* from (select distinct t.day from day_touched t where t.day between first and last and t.day <= (select max(day) from day_kept)) t
      cross join lateral timing_days(day_begins(t.day), day_begins(t.day + 1)) c where c.by = by_
    union all
    select c.* from timing_days(greatest(day_begins(first), (select day_begins(max(day) + 1) from day_kept)), day_begins(last + 1)) c where c.by = by_) d
  group by d.value $$;
create function verdicts_made(first date, last date) returns setof verdict_day language sql stable as $$
  select k.* from verdict_day k where k.day between first and last and not exists (select from day_touched t where t.day = k.day)
  union all
  select c.* from (select distinct t.day from day_touched t where t.day between first and last and t.day <= (select max(day) from day_kept)) t
    cross join lateral verdict_days(day_begins(t.day), day_begins(t.day + 1)) c
  union all
  select c.* from verdict_days(greatest(day_begins(first), (select day_begins(max(day) + 1) from day_kept)), day_begins(last + 1)) c $$;

/* What is kept, is no longer to be reckoned anew, and is not what the raw rows say. */
create function kept_wrong() returns table (what text, day date, value text) language sql stable as $$
  with untouched as (select k.day from day_kept k where not exists (select from day_touched t where t.day = k.day)), until as (select day_begins(max(day) + 1) as ends from day_kept),
  verdicts as materialized (select r.* from until, verdict_days('-infinity', until.ends) r), timings as materialized (select r.* from until, timing_days('-infinity', until.ends) r)
  select 'verdicts', v.day, v.institution || ' ' || v.action from ((table verdict_day except table verdicts) union (table verdicts except table verdict_day)) v where v.day in (table untouched)
  union
  select 'timing', v.day, v.by || ' ' || v.value from ((table timing_day except table timings) union (table timings except table timing_day)) v where v.day in (table untouched) $$;

/* Months that are fresh as they are kept, the others made of their days. */
drop view scorecard;
create view scorecard with (security_invoker = true) as
select institution, month, action, orders, on_time, on_time_low, on_time_high, unanswered, p50_us, p95_us, p99_us, just_in_time, mismatches, repeated, skew_us, not_sent, still_in_time,
  invalid, held, lifted from scorecard_month where month in (select month from month_fresh)
union all
select * from scorecard_made('part');
/* All by the raw rows: what the other must say. */
create view scorecard_raw with (security_invoker = true) as select * from scorecard_made('raw');

grant select on scorecard, scorecard_raw, scorecard_part, month_fresh to holdfast_engine, holdfast_officer, holdfast_auditor, holdfast_console, holdfast_institution;
grant select on timing_day, verdict_day to holdfast_officer, holdfast_auditor, holdfast_console;
grant select on scorecard_day, day_kept, day_touched, scorecard_month, month_kept to holdfast_engine, holdfast_officer, holdfast_auditor, holdfast_console, holdfast_institution;
grant insert (shard, day) on day_touched to holdfast_engine;
do $$
declare name text;
begin
  foreach name in array array['scorecard_day', 'day_kept', 'day_touched', 'scorecard_month', 'month_kept', 'timing_day', 'verdict_day'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy centre on %I using (true) with check (true)', name);
  end loop;
end $$;
create policy own on scorecard_day as restrictive to holdfast_institution using (institution = own_institution());
create policy own on scorecard_month as restrictive to holdfast_institution using (institution = own_institution());
create policy own on timing_day as restrictive to holdfast_institution using (false);
create policy own on verdict_day as restrictive to holdfast_institution using (false);
