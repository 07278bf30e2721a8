/* What people read of cases, orders, institutions and the quarantine. Every figure comes from stored stamps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/time.h"
#include "engine/cli/audit.h"
#include "engine/cli/reveal.h"
#include "engine/record/lookup.h"

/* False after having said what was expected. */
static bool check_id(const char *text, struct hf_uuid *id)
{
  if (hf_is_ok(hf_uuid_parse(text, strlen(text), id))) return true;
  hf_say(_("%s is no id: expected 36 characters in the form 8-4-4-4-12"), text);
  return false;
}

static const char case_sql[] =
    "select o.institution, case when $2 = 'yes' then o.account else mask_account(o.account) end as account, "
    "case when $2 = 'yes' then a.name else mask_name(a.name) end as name, o.hop, o.action, o.state, "
    "coalesce(o.result, '') as result, to_char(o.amount / 100.0, 'FM999999999990.00') as amount, "
    "coalesce(to_char(o.held / 100.0, 'FM999999999990.00'), '') as held, "
    "coalesce(to_char(o.sent_at, 'HH24:MI:SS.MSOF'), '') as sent, "
    "coalesce(round(extract(epoch from o.sent_at - o.issued_at) * 1000, 1)::text, '') as sent_ms, "
    "coalesce(round(extract(epoch from o.received_at - o.sent_at) * 1000, 1)::text, '') as receipt_ms, "
    "coalesce(round(extract(epoch from o.ended_at - o.sent_at) * 1000, 1)::text, '') as feedback_ms, "
    "case when o.overdue then 'late' else '' end as late, o.order_id "
    "from order_state o join account a on a.shard = o.shard and a.case_id = o.case_id and a.institution = o.institution and "
    "a.number = o.account "
    "where o.shard = any (array(select shard from shard)) and o.case_id = $1::uuid order by o.hop, o.action desc, "
    "o.institution, "
    "o.account, o.ordinal";

static int show_case(const struct hf_cli *cli, PGconn *database, const char *id)
{
  return hf_cli_show(
      cli, database,
      _("institution,account,name,hop,action,state,result,amount,held,sent,sent ms,receipt ms,feedback ms,late,order"),
      case_sql, 2, (const char *const[]){id, cli->reveal ? "yes" : "no"});
}

/* How many orders there are and how many are open; false where the case is not there. */
static bool count_case(PGconn *database, const char *id, long *all, long *open)
{
  PGresult *result =
      PQexecParams(database,
                   "select count(*), count(*) filter (where state in ('ready', 'sent', 'received', 'unknown', 'watching')) "
                   "from order_state where shard = any (array(select shard from shard)) and case_id = $1::uuid",
                   1, NULL, (const char *const[]){id}, NULL, NULL, 0);
  bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
  *all = ok ? atol(PQgetvalue(result, 0, 0)) : 0;
  *open = ok ? atol(PQgetvalue(result, 0, 1)) : 0;
  PQclear(result);
  return *all > 0;
}

static int with_case(struct hf_cli *cli, int (*run)(const struct hf_cli *cli, PGconn *database, const char *id))
{
  const char *id = cli->arguments[0];
  long all, open;
  struct hf_uuid uuid;
  if (!check_id(id, &uuid)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = HF_EXIT_FAILED;
  struct hf_opened *opened = NULL;
  if (!count_case(database, id, &all, &open))
    hf_say(_("there is no case %s"), id);
  else if (cli->reveal && !hf_cli_note_access(cli, HF_ACCESS_REVEAL, id, cli->reason, id))
    code = HF_EXIT_REFUSED;
  else if (!cli->reveal || (cli->opened = opened = hf_opened_case(cli, database, id)) != NULL)
    code = run(cli, database, id);
  hf_opened_free(opened);
  PQfinish(database);
  return code;
}

static int show_case_with_sum(const struct hf_cli *cli, PGconn *database, const char *id)
{
  long all, open;
  int code = show_case(cli, database, id);
  if (code == HF_EXIT_OK && !cli->json && count_case(database, id, &all, &open))
    hf_say(_("%ld orders, %ld still open"), all, open);
  return code;
}

int hf_command_case_show(struct hf_cli *cli)
{
  return with_case(cli, show_case_with_sum);
}

static int watch_case(const struct hf_cli *cli, PGconn *database, const char *id)
{
  bool terminal = isatty(STDOUT_FILENO) && !cli->json;
  int64_t until = hf_time_now().mono_ns + cli->timeout_s * HF_NS_PER_S;
  long all, open = 1;
  while (count_case(database, id, &all, &open) && open > 0 && hf_time_now().mono_ns < until) {
    if (terminal) {
      fputs("\033[H\033[2J", stdout);
      show_case(cli, database, id);
    }
    struct timespec pause = {0, 200 * HF_NS_PER_MS};
    nanosleep(&pause, NULL);
  }
  if (terminal) fputs("\033[H\033[2J", stdout);
  int code = show_case_with_sum(cli, database, id);
  return code != HF_EXIT_OK ? code : open > 0 ? HF_EXIT_TIMEOUT : HF_EXIT_OK;
}

int hf_command_case_watch(struct hf_cli *cli)
{
  return with_case(cli, watch_case);
}

/* --- one order: its facts, decoded --- */

static const char *with_way(const char *detail, const char *way)
{
  static char text[64];
  if (way[0] == '\0') return detail;
  snprintf(text, sizeof text, "%s%sover %s", detail, detail[0] == '\0' ? "" : " ", way);
  return text;
}

/* What a person wants to know of a fact: attempt, stamp and one detail. */
static const char *detail_of(const struct hf_fact *fact, int64_t *stamp, uint32_t *attempt)
{
  switch (fact->kind) {
  case HF_FACT_ORDER_SENT:
    *stamp = fact->step.at.wall_ns;
    *attempt = fact->step.attempt;
    return with_way("", fact->step.way);
  case HF_FACT_ORDER_RECEIVED:
    *stamp = fact->step.at.wall_ns;
    *attempt = fact->step.attempt;
    return fact->step.reference;
  case HF_FACT_ATTEMPT_ENDED:
    *attempt = fact->step.attempt;
    return with_way(hf_outcome_code(fact->step.outcome), fact->step.way);
  case HF_FACT_ORDER_UNKNOWN: *attempt = fact->step.attempt; return "";
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ORDER_WATCHED:
  case HF_FACT_ANSWER_CONTRADICTED: *stamp = fact->ended.at.wall_ns; return fact->ended.answer.result;
  case HF_FACT_HOLD_CHANGED: *stamp = fact->hold.hold.expires_earliest_wall_ns; return hf_hold_event_code(fact->hold.event);
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_CHECKED:
  case HF_FACT_HOLD_DIFFERS:
    *stamp = fact->hold.hold.expires_earliest_wall_ns;
    return hf_hold_state_code(fact->hold.hold.state);
  case HF_FACT_MONEY_TRACED: *stamp = fact->traced.at_wall_ns; return hf_bound_code(fact->traced.bound);
  case HF_FACT_CHASE_BOUNDED: return hf_bound_code(fact->bounded.bound);
  case HF_FACT_TASK_OPENED: return hf_task_code(fact->task.task);
  default: return "";
  }
}

static void print_fact(const struct hf_fact *fact, bool json, bool first)
{
  char when[HF_TIME_TEXT_SIZE], at[HF_TIME_TEXT_SIZE] = "";
  int64_t stamp = 0;
  uint32_t attempt = 0;
  const char *detail = detail_of(fact, &stamp, &attempt);
  hf_time_text(fact->decided.wall_ns, when);
  if (stamp != 0) hf_time_text(stamp, at);
  char quoted[HF_REFERENCE_SIZE_MAX * 6 + 3];
  struct hf_writer writer = hf_writer_of(quoted, sizeof quoted - 1);
  hf_write_json_string(&writer, detail, strlen(detail));
  quoted[writer.size] = '\0';
  if (json)
    printf("%s{\"seq\":%llu,\"kind\":\"%s\",\"decided_at\":\"%s\",\"stamp\":\"%s\",\"attempt\":%u,\"detail\":%s}",
           first ? "" : ",", (unsigned long long)fact->seq, hf_fact_code(fact->kind), when, at, attempt, quoted);
  else
    printf("%8llu  %-20s  %-28s  %-28s  %7u  %s\n", (unsigned long long)fact->seq, hf_fact_code(fact->kind), when, at, attempt,
           detail);
}

int hf_command_order_show(struct hf_cli *cli)
{
  const char *id = cli->arguments[0];
  struct hf_order_id order_id;
  if (!check_id(id, &order_id.uuid)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  char shard[12];
  snprintf(shard, sizeof shard, "%u", hf_order_id_shard(order_id));
  PGresult *result =
      PQexecParams(database,
                   "select f.body from order_state o join fact_ever f on f.shard = o.shard and f.case_id = o.case_id and "
                   "f.order_id = o.order_id where o.shard = $1::int4 and o.order_id = $2::uuid order by f.seq",
                   2, NULL, (const char *const[]){shard, id}, NULL, NULL, 1);
  int rows = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : 0, code = rows > 0 ? HF_EXIT_OK : HF_EXIT_FAILED;
  if (rows == 0)
    hf_say(_("there is no order %s"), id);
  else if (cli->json)
    fputs("[", stdout);
  else
    printf("%8s  %-20s  %-28s  %-28s  %7s  %s\n", _("seq"), _("fact"), _("decided (UTC)"), _("stamp (UTC)"), _("attempt"),
           _("detail"));
  for (int i = 0; i < rows; i++) {
    struct hf_fact fact;
    struct hf_span body = {(const uint8_t *)PQgetvalue(result, i, 0), (size_t)PQgetlength(result, i, 0)};
    struct hf_span sealed; /* whom it is about is not shown here */
    struct hf_status status = hf_fact_decode(body, &fact, &sealed);
    if (hf_is_ok(status))
      print_fact(&fact, cli->json, i == 0);
    else
      hf_say("%s", status.why);
  }
  if (rows > 0 && cli->json) puts("]");
  PQclear(result);
  PQfinish(database);
  return code;
}

/* --- lists --- */

int hf_command_institution_list(struct hf_cli *cli)
{
  return hf_cli_list(
      cli,
      _("code,name,kind,stands for,dialect,transport,endpoint,window,connections,try ms,late after ms,enabled,paused until"),
      "select distinct on (code) code, name, case when payment_company then 'payment' else 'bank' end as kind, "
      "coalesce(stands_for, '') as stands_for, "
      "dialect, transport, "
      "endpoint, in_flight_max, connections, try_timeout_ms, sla_feedback_ms, enabled, "
      "case when paused_until > now() then case when paused_from > now() then to_char(paused_from, 'YYYY-MM-DD HH24:MI:SSOF') "
      "|| ' – ' else '' end || to_char(paused_until, 'YYYY-MM-DD HH24:MI:SSOF') else '' end as "
      "paused_until from institution order by code, "
      "set_at desc",
      0, NULL);
}

int hf_command_institution_contacts(struct hf_cli *cli)
{
  /* clang-format off */
  static const char sql[] =
      "with row as (select distinct on (code) code, contact_a, contact_b from institution where enabled and ($1 = '' or code = $1) order by code, set_at desc), "
      "call as (select distinct on (institution) institution, step, at, next_at from institution_call order by institution, at desc, seq desc), "
      "named as (select code, 'contact_a' as rung, contact_a as contact from row union all select code, 'contact_b', contact_b from row union all select code, 'leader', null from row "
      "union all select code, 'way', null from row) "
      "select n.code, n.rung, coalesce(split_part(n.contact, '; ', 1), '') as name, coalesce(split_part(n.contact, '; ', 2), '') as telephone, "
      "coalesce(split_part(n.contact, '; ', 3), '') as hours, coalesce(split_part(n.contact, '; ', 4), '') as until, "
      "case when on_duty(n.contact, now()) then 'yes' when n.contact is null then '' else 'no' end as on_duty, "
      "coalesce(to_char(c.at, 'YYYY-MM-DD HH24:MI:SSOF'), '') as call_now_since, coalesce(to_char(c.next_at, 'YYYY-MM-DD HH24:MI:SSOF'), '') as next_at "
      "from named n left join call c on c.institution = n.code and c.step = n.rung where n.contact is not null or c.at is not null order by 1, 2";
  /* clang-format on */
  return hf_cli_list(cli, _("code,who,name,telephone,hours,until,on duty,call now since,the next at"), sql, 1,
                     (const char *const[]){cli->arguments_count > 0 ? cli->arguments[0] : ""});
}

/* Every hop: who paid whom how much stolen money, what holds it and until when, or why it is not followed. */
static const char tree_sql[] =
    "select a.hop, a.institution, case when $2 = 'yes' then a.number else mask_account(a.number) end as account, "
    "case when $2 = 'yes' then a.name else mask_name(a.name) end as name, to_char(a.amount / 100.0, 'FM999999999990.00') as "
    "stolen, "
    "coalesce((select string_agg(distinct t.from_institution || ' ' || mask_account(t.from_number), ', ') from trace t where "
    "t.shard = a.shard and "
    "t.case_id = a.case_id and t.to_institution = a.institution and t.to_number = a.number and t.bound is null), '') as "
    "from_account, "
    "coalesce((select string_agg(distinct t.root::text, ',') from trace t where t.shard = a.shard and t.case_id = a.case_id "
    "and "
    "t.to_institution = a.institution and t.to_number = a.number and t.bound is null), '') as transfers, "
    "coalesce(st.state, '') as stop, coalesce(to_char(st.expires_earliest, 'MM-DD HH24:MI'), '') as stop_ends, "
    "coalesce(fr.state, '') as freeze, coalesce(to_char(fr.expires_earliest, 'YYYY-MM-DD'), '') as freeze_ends, "
    "coalesce(to_char(greatest(st.held, fr.held) / 100.0, 'FM999999999990.00'), '') as held, "
    "coalesce(k.holder || coalesce(' + ' || k2.holder, ''), '') as who, "
    "case when exists (select 1 from account e where e.institution = a.institution and e.number = a.number and e.case_id <> "
    "a.case_id) then 'yes' else '' "
    "end as elsewhere "
    "from account a left join hold st on st.shard = a.shard and st.case_id = a.case_id and st.institution = a.institution and "
    "st.number = a.number "
    "and st.kind = 'stop' left join hold fr on fr.shard = a.shard and fr.case_id = a.case_id and fr.institution = "
    "a.institution and "
    "fr.number = a.number and fr.kind = 'freeze' left join order_state o on o.shard = a.shard and o.order_id = "
    "coalesce(fr.order_id, st.order_id) "
    "left join registry_key k on k.shard = a.shard and k.key_id = o.key_id left join registry_key k2 on k2.shard = a.shard and "
    "k2.key_id = o.second_id "
    "where a.shard = any (array(select shard from shard)) and a.case_id = $1::uuid order by a.hop, a.institution, a.number";

static int show_tree(const struct hf_cli *cli, PGconn *database, const char *id)
{
  const char *const values[] = {id, cli->reveal ? "yes" : "no"};
  int code = hf_cli_show(cli, database,
                         _("hop,institution,account,name,stolen,from,transfers,stop,ends,freeze,ends,held,who,elsewhere"),
                         tree_sql, 2, values);
  if (code != HF_EXIT_OK || cli->json) return code;
  puts("");
  return hf_cli_show(
      cli, database, _("not followed,debits,stolen"),
      "select bound, count(*) as debits, to_char(sum(amount) / 100.0, 'FM999999999990.00') as stolen from trace where "
      "shard = any (array(select shard from shard)) and case_id = $1::uuid and bound is not null group by bound order by bound",
      1, values);
}

int hf_command_case_tree(struct hf_cli *cli)
{
  return with_case(cli, show_tree);
}

int hf_command_case_pending(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("submission,case,act,by,unit,since,ends"),
      "select s.submission_id, s.case_id, s.kind, k.holder, k.unit, to_char(s.appended_at, 'MM-DD HH24:MI:SS') as since, "
      "to_char(s.due_at, 'MM-DD HH24:MI:SS') as ends from submission s left join registry_key k on k.shard = s.shard and "
      "k.key_id = s.key_id where s.state = 'waits' order by s.appended_at",
      0, NULL);
}

int hf_command_task_list(struct hf_cli *cli)
{
  bool one = cli->arguments_count > 0;
  struct hf_uuid id;
  if (one && !check_id(cli->arguments[0], &id)) return HF_EXIT_USAGE;
  return hf_cli_list(
      cli, _("task,cause,case,institution,account,order,state,submission,since"),
      "select task, coalesce(cause, '') as cause, case_id, coalesce(institution, '') as institution, "
      "coalesce(mask_account(account), '') as account, "
      "order_id, coalesce(order_state, '') as state, submission_id, to_char(opened_at, 'MM-DD HH24:MI:SS') as since "
      "from task_open "
      "where $1 = '' or case_id::text = $1 order by opened_at desc limit 500",
      1, (const char *const[]){one ? cli->arguments[0] : ""});
}

int hf_command_policy_show(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("shard,version,since,setting,value"),
      "select shard, version, to_char(set_at, 'YYYY-MM-DD HH24:MI:SS') as since, e.key as setting, e.value as value "
      "from (select distinct on (shard) * "
      "from policy order by shard, version desc) p, jsonb_each_text(p.settings) e order by shard, e.key",
      0, NULL);
}

int hf_command_key_list(struct hf_cli *cli)
{
  return hf_cli_list(cli, _("key,holder,unit,jurisdiction,role,algorithm,from,until,revoked"),
                     "select distinct on (key_id) key_id, holder, unit, jurisdiction, role, algorithm, to_char(valid_from, "
                     "'YYYY-MM-DD') as since, "
                     "to_char(valid_until, 'YYYY-MM-DD') as until, revoked from registry_key order by key_id, set_at desc",
                     0, NULL);
}

int hf_command_quarantine_list(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("shard,offset,reason,transfer,key,bytes,when"),
      "select shard, topic_offset, reason, transfer, key_id, length(raw) as bytes, to_char(decided_at, 'YYYY-MM-DD "
      "HH24:MI:SS.MSOF') as at "
      "from quarantine order by decided_at desc limit 200",
      0, NULL);
}

/* The record's bytes as base64, on the heap; NULL after having said why. */
static char *open_raw(const struct hf_cli *cli, PGconn *database)
{
  struct hf_seal *seal = hf_cli_seal(cli);
  PGresult *rows =
      seal == NULL
          ? NULL
          : hf_cli_binary(database,
                          "select k.case_id, k.first_seq, k.wrapped_by, k.wrapped, q.seq, q.raw from quarantine q join "
                          "case_key k on k.shard = q.shard and k.case_id = coalesce(q.case_id, "
                          "'00000000-0000-0000-0000-000000000000') and k.first_seq <= q.seq "
                          "where q.shard = $1::int4 and q.topic_offset = $2::int8 order by k.first_seq desc limit 1",
                          2, (const char *const *)cli->arguments);
  struct hf_data_key_place place = {.shard = (uint32_t)atoi(cli->arguments[0])};
  struct hf_wrapped_key wrapped;
  struct hf_data_key key;
  struct hf_status status = hf_fail(HF_STATUS_REFUSED, "the data key of this record is not there");
  char *text = NULL;
  if (rows != NULL && PQntuples(rows) == 1) status = hf_wrapped_key_of(rows, 0, 0, &place, &wrapped);
  if (hf_is_ok(status)) status = hf_seal_key_open(seal, &place, &wrapped, &key);
  if (hf_is_ok(status)) {
    const struct hf_fact fact = {
        .kind = HF_FACT_QUARANTINED, .shard = place.shard, .seq = hf_cli_u64(rows, 0, 4), .case_id = place.case_id};
    const struct hf_span sealed = {(const uint8_t *)PQgetvalue(rows, 0, 5), (size_t)PQgetlength(rows, 0, 5)};
    uint8_t *raw = malloc(sealed.size + 1);
    text = calloc(1, sealed.size * 4 / 3 + 8);
    if (raw == NULL || text == NULL) abort();
    struct hf_writer writer = hf_writer_of(text, sealed.size * 4 / 3 + 7);
    status = hf_seal_raw_open(seal, &key, &fact, sealed, raw);
    if (hf_is_ok(status)) hf_write_base64(&writer, raw, sealed.size - HF_SEAL_TAG_SIZE);
    free(raw);
  }
  if (seal != NULL && !hf_is_ok(status)) hf_say("%s", status.why);
  PQclear(rows);
  hf_seal_close(seal);
  if (hf_is_ok(status)) return text;
  free(text);
  return NULL;
}

int hf_command_quarantine_show(struct hf_cli *cli)
{
  for (int i = 0; i < 2; i++)
    if (strspn(cli->arguments[i], "0123456789") != strlen(cli->arguments[i]) || strlen(cli->arguments[i]) > 18) {
      hf_say(_("expected: holdfast %s %s"), "quarantine show", "SHARD OFFSET");
      return HF_EXIT_USAGE;
    }
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = HF_EXIT_REFUSED;
  char *raw = NULL, what[64];
  snprintf(what, sizeof what, "quarantined record %s of shard %s", cli->arguments[1], cli->arguments[0]);
  /* The bytes hold whatever the sender put in, account numbers too: they are revealed, not shown. */
  if (!cli->reveal ||
      (hf_cli_note_access(cli, HF_ACCESS_REVEAL, what, cli->reason, NULL) && (raw = open_raw(cli, database)) != NULL))
    code = hf_cli_show(cli, database, _("shard,offset,reason,transfer,key,report,case,when,raw (base64)"),
                       "select shard, topic_offset, reason, transfer, key_id, report_id, case_id, to_char(decided_at, "
                       "'YYYY-MM-DD HH24:MI:SS.MSOF') as at, "
                       "case when $3 <> '' then $3 else length(raw) || ' bytes' end as raw "
                       "from quarantine where shard = $1::int4 and topic_offset = $2::int8",
                       3, (const char *const[]){cli->arguments[0], cli->arguments[1], raw == NULL ? "" : raw});
  free(raw);
  PQfinish(database);
  return code;
}
