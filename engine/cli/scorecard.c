/* scorecard: how institutions and the centre are judged: percentiles, verdicts of SLA policies, score-cards, how old holds are.
 */
#include <string.h>

#include "engine/cli/cli.h"

static int shown(const struct hf_cli *cli, PGconn *database, const char *titles, const char *sql, int count,
                 const char *const *values)
{
  int code = hf_cli_show(cli, database, titles, sql, count, values);
  PQfinish(database);
  return code;
}

static int show(struct hf_cli *cli, const char *titles, const char *sql, int count, const char *const *values)
{
  PGconn *database = hf_cli_database(cli);
  return database == NULL ? HF_EXIT_UNAVAILABLE : shown(cli, database, titles, sql, count, values);
}

/* $1: a month of China's, or empty for all time. As a range: whole blocks of other months are not read. */
#define IN_MONTH(column)                                                                \
  column " >= case when $1 = '' then '-infinity' else month_begins($1) end and " column \
         " < case when $1 = '' then 'infinity' else month_ends($1) end"

/* False after having said so. */
static bool is_month(const char *text)
{
  if (strlen(text) == 7 && strspn(text, "0123456789") == 4 && text[4] == '-' && strspn(text + 5, "0123456789") == 2 &&
      strcmp(text + 5, "01") >= 0 && strcmp(text + 5, "12") <= 0)
    return true;
  hf_say(_("a month is written as 2026-11"));
  return false;
}

/* clang-format off */
/*
 * Nearest rank: percentile_disc takes a value that was measured. An order that left, has no feedback and is over its deadline
 * comes last in every percentile, as in the score-card: where the rank falls on such a one, nothing is shown.
 */
static const char sla_sql[] =
  "with timed as (select *, coalesce(sent_to_feedback_us, case when overdue and ended_at is null and sent_at is not null "
  "then 9223372036854775807 end) as answer_us from order_timing where " IN_MONTH("decided_at") "), "
  "ranked as (select institution, action, count(*) as orders, count(*) filter (where ended_at is null) as open, "
  "count(*) filter (where overdue) as late, count(*) filter (where answer_us = 9223372036854775807) as unanswered, "
  "percentile_disc(array[0.5, 0.99]) within group (order by appended_to_sent_us) as sent, "
  "percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by answer_us) as answer from timed group by institution, action) "
  "select institution, action, orders, open, late, unanswered, round(sent[1] / 1000.0, 1) as sent_p50, round(sent[2] / 1000.0, 1) as sent_p99, "
  "round(nullif(answer[1], 9223372036854775807) / 1000.0, 1) as p50, round(nullif(answer[2], 9223372036854775807) / 1000.0, 1) as p90, "
  "round(nullif(answer[3], 9223372036854775807) / 1000.0, 1) as p99, round(nullif(answer[4], 9223372036854775807) / 1000.0, 1) as longest "
  "from ranked order by institution, action desc";
/* clang-format on */

int hf_command_sla(struct hf_cli *cli)
{
  const char *month = cli->arguments_count > 0 ? cli->arguments[0] : "";
  if (month[0] != '\0' && !is_month(month)) return HF_EXIT_USAGE;
  return show(cli,
              _("institution,action,orders,open,late,unanswered,sent p50 ms,sent p99 ms,feedback p50 ms,feedback p90 "
                "ms,feedback p99 ms,max ms"),
              sla_sql, 1, &month);
}

int hf_command_sla_show(struct hf_cli *cli)
{
  return show(cli, _("version,effective,signed,entry"),
              "select version, to_char(effective_at, 'YYYY-MM-DD HH24:MI:SSOF') as effective, to_char(set_at, 'YYYY-MM-DD "
              "HH24:MI:SSOF') as signed, e.entry "
              "from (select distinct on (version) * from sla order by version, shard) s, "
              "string_to_table(rtrim(s.text, ';'), ';') with ordinality as e(entry, n) order by version desc, e.n",
              0, NULL);
}

int hf_command_sla_verdicts(struct hf_cli *cli)
{
  bool one = cli->arguments_count > 0;
  if (one && !is_month(cli->arguments[0])) return HF_EXIT_USAGE;
  return show(
      cli, _("institution,action,policy,orders,receipt in time,late,missing,feedback in time,late,missing,open,not sent"),
      "select institution, action, version, count(*) as orders, count(*) filter (where receipt = 'in_time') as "
      "receipt_in_time, "
      "count(*) filter (where receipt = 'late') as receipt_late, count(*) filter (where receipt = 'missing') as "
      "receipt_missing, "
      "count(*) filter (where feedback = 'in_time') as feedback_in_time, count(*) filter (where feedback = 'late') as "
      "feedback_late, "
      "count(*) filter (where feedback = 'missing') as feedback_missing, count(*) filter (where feedback = 'open') as open, "
      "count(*) filter (where feedback = 'not_sent') as not_sent from order_sla "
      "where $1 = '' or to_char(issued_at at time zone 'Asia/Shanghai', 'YYYY-MM') = $1 group by institution, action, version "
      "order by institution, action, version",
      1, (const char *const[]){one ? cli->arguments[0] : ""});
}

int hf_command_scorecard(struct hf_cli *cli)
{
  bool one = cli->arguments_count > 0;
  if (one && !is_month(cli->arguments[0])) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  PQclear(PQexec(database, "set work_mem = '128MB'; select keep_days()")); /* an officer's log-in may; else by the raw rows */
  /* The rules stand in the view (schemas/sql/0016); here is only how it is shown. */
  return shown(
      cli, database,
      _("institution,month,action,orders,on time %,between,and,month before,unanswered,p50 ms,p95 ms,p99 ms,just in "
        "time,mismatches,repeated,invalid,clock ms,held,lifted,not sent,in time"),
      "select * from (select institution, month, action, orders, round(100.0 * on_time / nullif(orders, 0), 2) as "
      "on_time_percent, "
      "100 * on_time_low as on_time_low, 100 * on_time_high as on_time_high, "
      "case when lag(month) over before = to_char((month || '-01')::date - 1, 'YYYY-MM') then "
      "round(100.0 * lag(on_time) over before / nullif(lag(orders) over before, 0), 2) end as month_before_percent, "
      "unanswered, round(p50_us / 1000.0, 3) as p50_ms, "
      "round(p95_us / 1000.0, 3) as p95_ms, round(p99_us / 1000.0, 3) as p99_ms, just_in_time, mismatches, repeated, invalid, "
      "round(skew_us / 1000.0, 1) as skew_ms, held, lifted, not_sent, still_in_time from scorecard "
      "window before as (partition by institution, action order by month)) c where $1 = '' or month = $1 "
      "order by institution, month, action",
      1, (const char *const[]){one ? cli->arguments[0] : ""});
}

/* clang-format off */
/* One row per group and segment of the way; who has not answered and is over the deadline comes last in every percentile. */
#define TIMING_SQL(group) \
  "with timed as (select " group " as grouped, s.n, s.segment, s.us from order_timing t cross join lateral (values " \
  "(1, 'appended to sent', t.appended_to_sent_us), " \
  "(2, 'sent to receipt', coalesce(t.sent_to_received_us, case when t.overdue and t.ended_at is null and t.sent_at is not null then 9223372036854775807 end)), " \
  "(3, 'sent to feedback', coalesce(t.sent_to_feedback_us, case when t.overdue and t.ended_at is null and t.sent_at is not null then 9223372036854775807 end))) " \
  "s(n, segment, us) where " IN_MONTH("t.decided_at") "), " \
  "ranked as (select grouped, n, segment, count(us) as orders, count(*) filter (where us = 9223372036854775807) as missing, " \
  "percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by us) as p from timed group by grouped, n, segment) " \
  "select grouped, segment, orders, missing, round(nullif(p[1], 9223372036854775807) / 1000.0, 3) as p50, " \
  "case when orders >= 10 then round(nullif(p[2], 9223372036854775807) / 1000.0, 3) end as p90, " \
  "case when orders >= 100 then round(nullif(p[3], 9223372036854775807) / 1000.0, 3) end as p99, " \
  "round(nullif(p[4], 9223372036854775807) / 1000.0, 3) as longest, " \
  "case when orders < 10 then 'p90, p99' when orders < 100 then 'p99' else '' end as too_few from ranked where orders > 0 order by grouped, n"

static const struct {
  const char *by, *sql;
} timings[] = {
  {"institution", TIMING_SQL("t.institution")}, {"action", TIMING_SQL("t.action")}, {"hop", TIMING_SQL("lpad(t.hop::text, 2)")},
  {"hour", TIMING_SQL("to_char(t.issued_at at time zone 'Asia/Shanghai', 'HH24')")}};
/* clang-format on */

int hf_command_timing(struct hf_cli *cli)
{
  const char *month = cli->arguments_count > 1 ? cli->arguments[1] : "";
  if (month[0] != '\0' && !is_month(month)) return HF_EXIT_USAGE;
  for (size_t i = 0; i < sizeof timings / sizeof timings[0]; i++)
    if (strcmp(cli->arguments[0], timings[i].by) == 0)
      return show(cli, _("by,way,orders,missing,p50 ms,p90 ms,p99 ms,max ms,too few for"), timings[i].sql, 1, &month);
  hf_say(_("expected: institution, action, hop or hour"));
  return HF_EXIT_USAGE;
}

int hf_command_hold_ageing(struct hf_cli *cli)
{
  return show(cli, _("institution,kind,in force,money,oldest days,ends in 24 h,in 3 d,in 14 d,due lifts,oldest lift h"),
              "select institution, kind, coalesce(h.count, 0) as in_force, to_char(coalesce(h.held, 0) / 100.0, "
              "'FM999999999990.00') as held, h.oldest_days, coalesce(h.day, 0) as ends_in_1d, coalesce(h.three, 0) as "
              "ends_in_3d, coalesce(h.fortnight, 0) as ends_in_14d, coalesce(l.count, 0) as due_lifts, l.oldest_h "
              "from (select institution, kind, count(*), sum(held) as held, "
              "floor(extract(epoch from now() - min(starts_earliest)) / 86400)::int as oldest_days, "
              "count(*) filter (where expires_earliest < now() + interval '1 day') as day, "
              "count(*) filter (where expires_earliest < now() + interval '3 days') as three, "
              "count(*) filter (where expires_earliest < now() + interval '14 days') as fortnight "
              "from hold where state in ('in_force', 'queued') group by institution, kind) h "
              "full join (select institution, case action when 'lift' then 'stop' else 'freeze' end as kind, count(*), "
              "round(max(extract(epoch from now() - issued_at)) / 3600, 1) as oldest_h from order_state "
              "where action in ('lift', 'unfreeze') and ended_at is null and state not in ('draft', 'dropped', 'cancelled') "
              "group by 1, 2) l using (institution, kind) order by institution, kind desc",
              0, NULL);
}
