#include "engine/cli/wait.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/time.h"

/* 1 recorded, 0 not yet, -1 refused (said). */
static int look(PGconn *database, const struct hf_produced *at)
{
  char shard[16], offset[24];
  snprintf(shard, sizeof shard, "%d", at->partition);
  snprintf(offset, sizeof offset, "%lld", (long long)at->offset);
  PGresult *result = PQexecParams(
      database,
      "select q.reason, q.transfer from shard s left join quarantine q on q.shard = s.shard and q.topic_offset = $2::int8 "
      "where s.shard = $1::int4 and s.next_offset > $2::int8",
      2, NULL, (const char *const[]){shard, offset}, NULL, NULL, 0);
  int outcome = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 ? 1 : 0;
  if (outcome == 1 && !PQgetisnull(result, 0, 0)) {
    enum hf_reason reason = hf_reason_of_code(PQgetvalue(result, 0, 0));
    outcome = -1;
    hf_say(_("refused: %s: %s"), PQgetvalue(result, 0, 0), hf_reason_text(reason));
    if (strcmp(PQgetvalue(result, 0, 1), "0") != 0) hf_say(_("it is about transfer number %s"), PQgetvalue(result, 0, 1));
  }
  PQclear(result);
  return outcome;
}

int hf_cli_wait_recorded(const struct hf_cli *cli, const struct hf_produced *at, int count)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNKNOWN;
  int64_t until = hf_time_now().mono_ns + cli->timeout_s * HF_NS_PER_S;
  int code = HF_EXIT_OK;
  for (int i = 0; i < count && code == HF_EXIT_OK; i++) {
    int outcome;
    while ((outcome = look(database, &at[i])) == 0 && hf_time_now().mono_ns < until) {
      struct timespec pause = {0, 10 * HF_NS_PER_MS};
      nanosleep(&pause, NULL);
    }
    if (outcome != 1) code = outcome < 0 ? HF_EXIT_REFUSED : HF_EXIT_TIMEOUT;
  }
  PQfinish(database);
  return code;
}
