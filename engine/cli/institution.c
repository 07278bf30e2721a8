/* An institution's row as it stands; pause and resume: an administrator holds its orders back, as over planned maintenance. */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"

bool hf_cli_institution(PGconn *database, const char *code, struct hf_institution *row)
{
  static const char sql[] =
      "select distinct on (code) code, name, dialect, transport, endpoint, coalesce(bank_code, ''), coalesce(profile, ''), "
      "coalesce(stands_for, ''), coalesce(contact_a, ''), coalesce(contact_b, ''), payment_company::int, "
      "carrier::int, enabled::int, swallows_duplicates::int, in_flight_max, connections, pace_per_s, try_timeout_ms, "
      "sla_feedback_ms, actions "
      "from institution where code = $1 order by code, set_at desc";
  PGresult *result = PQexecParams(database, sql, 1, NULL, (const char *const[]){code}, NULL, NULL, 0);
  bool found = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  memset(row, 0, sizeof *row);
  if (found) {
    const struct {
      char *to;
      size_t size;
    } texts[] = {{row->code, sizeof row->code},
                 {row->name, sizeof row->name},
                 {row->dialect, sizeof row->dialect},
                 {row->transport, sizeof row->transport},
                 {row->endpoint, sizeof row->endpoint},
                 {row->bank_code, sizeof row->bank_code},
                 {row->profile, sizeof row->profile},
                 {row->stands_for, sizeof row->stands_for},
                 {row->contacts[0], sizeof row->contacts[0]},
                 {row->contacts[1], sizeof row->contacts[1]}};
    bool *const flags[] = {&row->payment_company, &row->carrier, &row->enabled, &row->swallows_duplicates};
    uint32_t *const numbers[] = {&row->window,         &row->connections,     &row->pace_per_s,
                                 &row->try_timeout_ms, &row->sla_feedback_ms, &row->actions};
    int column = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
      snprintf(texts[i].to, texts[i].size, "%s", PQgetvalue(result, 0, column++));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) *flags[i] = atoi(PQgetvalue(result, 0, column++)) != 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
      *numbers[i] = (uint32_t)strtoul(PQgetvalue(result, 0, column++), NULL, 10);
  } else if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  } else {
    hf_say(_("%s: there is no such institution"), code);
  }
  PQclear(result);
  return found;
}

static int set_pause(struct hf_cli *cli, int64_t from_wall_ns, int64_t until_wall_ns)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  struct hf_registry_change *change = calloc(1, sizeof *change);
  if (change == NULL) abort();
  bool found = hf_cli_institution(database, cli->arguments[0], &change->institutions[0]);
  PQfinish(database);
  change->institutions_count = 1;
  change->institutions[0].paused_from_wall_ns = from_wall_ns;
  change->institutions[0].paused_until_wall_ns = until_wall_ns;
  int code = found ? hf_cli_apply_registry(cli, change) : HF_EXIT_FAILED;
  free(change);
  return code;
}

int hf_command_institution_pause(struct hf_cli *cli)
{
  int64_t until = cli->until == NULL ? INT64_MIN : hf_time_parse(cli->until);
  if (until == INT64_MIN || until <= hf_time_now().wall_ns) {
    hf_say("%s", _("--until: a time to come, as 2026-11-24T06:00:00+08:00"));
    return HF_EXIT_USAGE;
  }
  int64_t from = cli->from == NULL ? 0 : hf_time_parse(cli->from);
  if (from == INT64_MIN || from >= until) {
    hf_say("%s", _("--from: a time before --until"));
    return HF_EXIT_USAGE;
  }
  return set_pause(cli, from, until);
}

int hf_command_institution_resume(struct hf_cli *cli)
{
  return set_pause(cli, 0, 0);
}
