/* day: the days of facts (decision 30): which there are, one put aside, one brought back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/migrations.h"

int hf_command_day_list(struct hf_cli *cli)
{
  return hf_cli_list(
      cli, _("day,place,bytes"),
      "select case when c.relname = 'fact_before' then 'before ' || to_char(before_days() at time zone 'UTC' + "
      "interval '8 hours', "
      "'YYYY-MM-DD') else to_char(to_date(substr(c.relname, 6), 'YYYYMMDD'), 'YYYY-MM-DD') end as day, "
      "case n.nspname when 'archive' then 'aside' else '' end as place, pg_total_relation_size(c.oid) as bytes "
      "from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'archive') and "
      "c.relkind = 'r' "
      "and c.relname ~ '^fact_([0-9]{8}|before)$' order by c.relname <> 'fact_before', c.relname",
      0, NULL);
}

/* "2026-05-01" as its table's name; false after having said so. */
static bool table_of(const char *day, char table[24])
{
  int year, month, date, end = 0;
  if (sscanf(day, "%4d-%2d-%2d%n", &year, &month, &date, &end) == 3 && end == 10 && day[10] == '\0' && month >= 1 &&
      month <= 12 && date >= 1 && date <= 31) {
    snprintf(table, 24, "fact_%04d%02d%02d", year, month, date);
    return true;
  }
  hf_say(_("%s is no day: expected one as 2026-05-01"), day);
  return false;
}

/* What stands in the one field of the answer, on the heap; NULL after having said why. */
static char *ask(PGconn *database, const char *sql, const char *table)
{
  PGresult *rows = PQexecParams(database, sql, 1, NULL, &table, NULL, NULL, 0);
  char *text = NULL;
  if (PQresultStatus(rows) != PGRES_TUPLES_OK)
    hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(rows));
  else if ((text = strdup(PQgetvalue(rows, 0, 0))) == NULL)
    abort();
  PQclear(rows);
  return text;
}

static int move(PGconn *database, const char *table, const char *day, bool aside)
{
  static const struct {
    const char *code, *text;
  } reasons[] = {{"young", N_("it has facts of the last thirty days")},
                 {"unpublished", N_("it has facts that are not on holdfast.facts yet")},
                 {"registry", N_("it has facts of the registry: a restart reads them")},
                 {"open_case", N_("it has facts of cases that are not closed, or have holds in force")}};
  char sql[96];
  char *there = ask(
      database, aside ? "select to_regclass('public.' || $1) is not null" : "select to_regclass('archive.' || $1) is not null",
      table);
  bool ok = there != NULL;
  if (ok && there[0] != 't') {
    hf_say(aside ? _("there is no such day among the facts") : _("there is no such day aside"));
    ok = false;
  }
  free(there);
  char *needed = ok && aside ? ask(database, "select coalesce(day_needed($1), '')", table) : NULL;
  if (ok && aside) {
    ok = needed != NULL && needed[0] == '\0';
    for (size_t i = 0; needed != NULL && i < sizeof reasons / sizeof reasons[0]; i++)
      if (strcmp(needed, reasons[i].code) == 0) hf_say(_("%s stays: %s"), day, _(reasons[i].text));
  }
  free(needed);
  if (!ok) return HF_EXIT_REFUSED;
  snprintf(sql, sizeof sql, "select put_day_%s('%s')", aside ? "aside" : "back", table);
  if (!hf_migrate_patiently(database, sql)) return HF_EXIT_FAILED;
  hf_say(aside ? _("%s is aside: `pg_dump -n archive` takes it along once") : _("%s is back"), day);
  return HF_EXIT_OK;
}

int hf_command_day_move(struct hf_cli *cli)
{
  char table[24];
  if (!table_of(cli->arguments[0], table)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = move(database, table, cli->arguments[0], strcmp(cli->verb, "day aside") == 0);
  PQfinish(database);
  return code;
}
