/*
 * The joint meeting's page (一案双查: it looks at the centre as hard as at the banks): what a month's cases were, where the
 * money went and what was held of it, who answered how, which ways out were used, and how long the centre's own people took.
 */
#include "engine/cli/cli.h"
#include "engine/cli/export.h"

/* clang-format off */
#define YUAN(sum) "to_char(coalesce(" sum ", 0) / 100.0, 'FM999999999990.00')"
#define MONTH(column) column " >= month_begins($1) and " column " < month_ends($1)"
/* The month's cases with their accounts and what is held on each of the money that reached it: a hold may be on more. */
#define ACCOUNTS "(select shard, case_id from fraud_case where " MONTH("opened_at") ") c join account a using (shard, case_id) " \
  "left join lateral (select case when count(*) > 0 then least(a.amount, max(h.held)) end as held from hold h where h.shard = a.shard and h.case_id = a.case_id and " \
  "h.institution = a.institution and h.number = a.number and h.state in ('in_force', 'queued')) h on true "

const struct hf_export_section hf_export_meeting[HF_EXPORT_MEETING_SECTIONS] = {
  {N_("cases"),
   "select count(distinct c.case_id) as cases, count(*) filter (where a.hop = 0) as named_accounts, "
   YUAN("sum(a.amount) filter (where a.hop = 0)") " as lost, count(*) filter (where a.hop > 0) as onward_accounts, "
   "coalesce(max(a.hop), 0) as hops, " YUAN("sum(h.held)") " as held from " ACCOUNTS},
  {N_("money by hop"),
   "select a.hop, count(*) as accounts, " YUAN("sum(a.amount)") " as reached, " YUAN("sum(h.held)") " as held, "
   "coalesce(round(100.0 * sum(h.held) / nullif(sum(a.amount), 0), 1), 0) as held_percent from " ACCOUNTS "group by a.hop order by a.hop"},
  {N_("institutions: money and stops"),
   "select a.institution, count(*) as accounts, " YUAN("sum(a.amount)") " as reached, " YUAN("sum(h.held)") " as held, "
   YUAN("sum(greatest(0, a.amount - coalesce(h.held, 0)))") " as not_held, max(s.orders) as stops, max(s.on_time) as on_time, "
   "max(s.unanswered) as unanswered, max(s.mismatches) as mismatches, round(max(s.p95_us) / 1000.0, 0) as p95_ms from " ACCOUNTS
   "left join scorecard s on s.institution = a.institution and s.month = $1 and s.action = 'stop' group by a.institution order by a.institution"},
  {N_("ways out: money that was not followed"),
   "select t.from_institution as institution, t.bound as way, count(*) as transfers, " YUAN("sum(t.amount)") " as amount "
   "from (select shard, case_id from fraud_case where " MONTH("opened_at") ") c join trace t using (shard, case_id) "
   "where t.bound is not null group by 1, 2 order by 1, 2"},
  {N_("institutions: what people had to do"),
   "select o.institution, t.task, count(*) as times from task t join order_state o on o.shard = t.shard and o.order_id = t.order_id "
   "where " MONTH("t.opened_at") " group by 1, 2 order by 1, 2"},
  {N_("the centre: from signature to stop"),
   "select coalesce(s.unit, '') as unit, coalesce(k.role, '') as role, count(*) as reports, "
   "percentile_disc(0.5) within group (order by (extract(epoch from r.appended_at - r.made_at) * 1000)::int8) as signed_to_sent_p50_ms, "
   "percentile_disc(0.95) within group (order by (extract(epoch from r.appended_at - r.made_at) * 1000)::int8) as signed_to_sent_p95_ms, "
   "percentile_disc(0.95) within group (order by (extract(epoch from f.first - r.appended_at) * 1000)::int8) as first_stop_p95_ms, "
   "count(*) filter (where s.flagged = 'countersign_missed') as countersign_missed, count(*) filter (where s.flagged = 'paper_missed') as paper_missed "
   "from report r left join submission s on s.shard = r.shard and s.submission_id = r.report_id left join registry_key k on k.shard = r.shard and k.key_id = r.key_id "
   "left join lateral (select min(o.sent_at) as first from order_state o where o.shard = r.shard and o.submission_id = r.report_id and o.action = 'stop') f on true "
   "where " MONTH("r.appended_at") " group by 1, 2 order by 1, 2"}};
