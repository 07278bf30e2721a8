-- Score-cards: what an auditor is told of each institution, from raw stamps, by rules that stand here and nowhere else (schemas/sql/README.md).

-- Wilson's score interval at 95 %: between what and what the share lies, as far as so few orders can tell. null for n = 0.
create function wilson_low(k bigint, n bigint) returns numeric language sql immutable as $$
  select case when n > 0 then round(greatest(0, (k::numeric / n + 3.8416 / (2 * n)
    - 1.96 * sqrt((k::numeric / n * (1 - k::numeric / n) + 3.8416 / (4 * n)) / n)) / (1 + 3.8416 / n)), 4) end $$;
create function wilson_high(k bigint, n bigint) returns numeric language sql immutable as $$
  select case when n > 0 then round(least(1, (k::numeric / n + 3.8416 / (2 * n)
    + 1.96 * sqrt((k::numeric / n * (1 - k::numeric / n) + 3.8416 / (4 * n)) / n)) / (1 + 3.8416 / n)), 4) end $$;

/*
 * One row per order that an institution can be judged by. An order that it never answered, and whose deadline is over, is late, and in every
 * percentile it comes last: `answer_us` is then the largest number. What is still within its time, and what never left us, is not its
 * affair: `counts` is false and `left_out` says why.
 */
create view order_verdict as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.state, o.result, o.attempts, o.sent_at, o.received_at, o.ended_at, o.executed_at,
  o.deadline,
  to_char(o.decided_at at time zone 'Asia/Shanghai', 'YYYY-MM') as month,
  case when o.sent_at is null then 'not sent' when o.ended_at is null and clock_timestamp() < o.deadline then 'still in time' else '' end as left_out,
  o.ended_at is not null and o.ended_at <= o.deadline as on_time,
  case when o.ended_at is null then 9223372036854775807
    else (extract(epoch from o.ended_at - o.sent_at) * 1000000)::int8 end as answer_us,
  (extract(epoch from o.deadline - o.sent_at) * 1000000)::int8 as allowed_us,
  (extract(epoch from o.executed_at - o.ended_at) * 1000000)::int8 as skew_us
from order_state o where o.action <> 'monitor' and o.state not in ('draft', 'dropped', 'cancelled');

/* Percentiles are by nearest rank: a value that was measured. null: at that rank the institution has not answered at all. */
create view scorecard as
select institution, month, action,
  count(*) filter (where left_out = '') as orders,
  count(*) filter (where left_out = '' and on_time) as on_time,
  wilson_low(count(*) filter (where left_out = '' and on_time), count(*) filter (where left_out = '')) as on_time_low,
  wilson_high(count(*) filter (where left_out = '' and on_time), count(*) filter (where left_out = '')) as on_time_high,
  count(*) filter (where left_out = '' and ended_at is null) as unanswered,
  nullif(percentile_disc(0.5) within group (order by answer_us) filter (where left_out = ''), 9223372036854775807) as p50_us,
  nullif(percentile_disc(0.95) within group (order by answer_us) filter (where left_out = ''), 9223372036854775807) as p95_us,
  nullif(percentile_disc(0.99) within group (order by answer_us) filter (where left_out = ''), 9223372036854775807) as p99_us,
  count(*) filter (where left_out = '' and on_time and answer_us::numeric >= 0.95 * allowed_us) as just_in_time,
  count(*) filter (where result = '0301') as mismatches,
  count(*) filter (where attempts > 1) as repeated,
  percentile_disc(0.5) within group (order by skew_us) filter (where skew_us is not null) as skew_us,
  count(*) filter (where left_out = 'not sent') as not_sent,
  count(*) filter (where left_out = 'still in time') as still_in_time
from order_verdict group by institution, month, action;
