/* scorecard: how institutions are judged: percentiles, verdicts of SLA policies, score-cards, how old holds are. */
#include <string.h>

#include "engine/cli/cli.h"

/* What days that have ended say is kept first, by whoever looks (schemas/sql/0016); a log-in that may not has it by the raw
 * rows. */
static int show_kept(struct hf_cli *cli, const char *titles, const char *sql, int count, const char *const *values)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  PGresult *first = PQexec(database,
                           "select 1 where not exists (select from day_kept) and exists (select from order_state where "
                           "decided_at < day_begins(day_of(now())))");
  if (PQntuples(first) == 1)
    hf_say(_("the days that have ended are reckoned first, once: minutes, where there are millions of orders"));
  PQclear(first);
  PQclear(PQexec(database, "set work_mem = '64MB'; select keep_days()"));
  int code = hf_cli_show(cli, database, titles, sql, count, values);
  PQfinish(database);
  return code;
}

#define NEVER "9223372036854775807"
/* $1: a month of China's, or empty for all time: its first and last day. */
#define MONTH_DAYS                                                    \
  "case when $1 = '' then '-infinity' else ($1 || '-01')::date end, " \
  "case when $1 = '' then 'infinity' else (($1 || '-01')::date + interval '1 month')::date - 1 end"

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
  "select split_part(value, ' ', 1) as institution, split_part(value, ' ', 2) as action, orders, open, late, a.unanswered, round(s.p[1] / 1000.0, 1) as sent_p50, round(s.p[2] / 1000.0, 1) as sent_p99, "
  "round(nullif(a.p[1], " NEVER ") / 1000.0, 1) as p50, round(nullif(a.p[2], " NEVER ") / 1000.0, 1) as p90, "
  "round(nullif(a.p[3], " NEVER ") / 1000.0, 1) as p99, round(nullif(a.p[4], " NEVER ") / 1000.0, 1) as longest "
  "from timing_made('both', " MONTH_DAYS ") t "
  "cross join lateral (select percentile_disc(array[0.5, 0.99]) within group (order by x) as p from unnest(t.sents) x) s "
  "cross join lateral (select percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by x) as p, count(*) filter (where x = " NEVER ") as unanswered from unnest(t.answers) x) a "
  "order by institution, action desc";
/* clang-format on */

int hf_command_sla(struct hf_cli *cli)
{
  const char *month = cli->arguments_count > 0 ? cli->arguments[0] : "";
  if (month[0] != '\0' && !is_month(month)) return HF_EXIT_USAGE;
  return show_kept(cli,
                   _("institution,action,orders,open,late,unanswered,sent p50 ms,sent p99 ms,feedback p50 ms,feedback p90 "
                     "ms,feedback p99 ms,max ms"),
                   sla_sql, 1, &month);
}

int hf_command_sla_show(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("version,effective,signed,entry"),
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
  return show_kept(
      cli, _("institution,action,policy,orders,receipt in time,late,missing,feedback in time,late,missing,open,not sent"),
      "select institution, action, version, sum(orders)::int8 as orders, sum(receipt_in_time)::int8 as receipt_in_time, "
      "sum(receipt_late)::int8 as receipt_late, sum(receipt_missing)::int8 as receipt_missing, "
      "sum(feedback_in_time)::int8 as feedback_in_time, sum(feedback_late)::int8 as feedback_late, "
      "sum(feedback_missing)::int8 as feedback_missing, sum(open)::int8 as open, sum(not_sent)::int8 as not_sent "
      "from verdicts_made(" MONTH_DAYS ") group by institution, action, version order by institution, action, version",
      1, (const char *const[]){one ? cli->arguments[0] : ""});
}

int hf_command_scorecard(struct hf_cli *cli)
{
  bool one = cli->arguments_count > 0;
  if (one && !is_month(cli->arguments[0])) return HF_EXIT_USAGE;
  /* The rules stand in the view (schemas/sql/0016); here is only how it is shown. */
  return show_kept(
      cli,
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
/* One row per group and segment of the way; who has not answered and is over the deadline comes last in every percentile. $2: by what. */
static const char timing_sql[] =
  "select value as grouped, s.segment, r.orders, r.missing, round(nullif(r.p[1], " NEVER ") / 1000.0, 3) as p50, "
  "case when r.orders >= 10 then round(nullif(r.p[2], " NEVER ") / 1000.0, 3) end as p90, case when r.orders >= 100 then round(nullif(r.p[3], " NEVER ") / 1000.0, 3) end as p99, "
  "round(nullif(r.p[4], " NEVER ") / 1000.0, 3) as longest, case when r.orders < 10 then 'p90, p99' when r.orders < 100 then 'p99' else '' end as too_few "
  "from timing_made($2, " MONTH_DAYS ") t cross join lateral (values (1, 'appended to sent', t.sents), (2, 'sent to receipt', t.receipts), (3, 'sent to feedback', t.answers)) s (n, segment, us) "
  "cross join lateral (select percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by u) as p, count(*) as orders, count(*) filter (where u = " NEVER ") as missing from unnest(s.us) u) r "
  "where r.orders > 0 order by value, s.n";
/* clang-format on */

int hf_command_timing(struct hf_cli *cli)
{
  static const char *const kinds[] = {"institution", "action", "hop", "hour"};
  const char *const values[] = {cli->arguments_count > 1 ? cli->arguments[1] : "", cli->arguments[0]};
  if (values[0][0] != '\0' && !is_month(values[0])) return HF_EXIT_USAGE;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(values[1], kinds[i]) == 0)
      return show_kept(cli, _("by,way,orders,missing,p50 ms,p90 ms,p99 ms,max ms,too few for"), timing_sql, 2, values);
  hf_say(_("expected: institution, action, hop or hour"));
  return HF_EXIT_USAGE;
}

int hf_command_hold_ageing(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("institution,kind,in force,money,oldest days,ends in 24 h,in 3 d,in 14 d,due lifts,oldest lift h"),
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
