/* The file of personal keys, and the data keys of cases: wrapped anew, destroyed when the legal term is over. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "engine/cli/audit.h"
#include "engine/cli/reveal.h"
#include "engine/record/lookup.h"

static int say_made(struct hf_status status, const char *file)
{
  if (hf_is_ok(status)) return HF_EXIT_OK;
  hf_say("%s: %s", file, status.why);
  return HF_EXIT_FAILED;
}

int hf_command_personal_new(struct hf_cli *cli)
{
  return say_made(hf_seal_file_make(cli->arguments[0]), cli->arguments[0]);
}

int hf_command_personal_rotate(struct hf_cli *cli)
{
  int code = say_made(hf_seal_file_rotate(cli->arguments[0]), cli->arguments[0]);
  if (code == HF_EXIT_OK) hf_say("%s", _("now start each engine again, one after another; then `holdfast personal rewrap`"));
  return code;
}

/* Unwraps by whatever key the row names and wraps by the newest. */
static bool wrap_row(struct hf_seal *seal, PGconn *database, const PGresult *rows, int row)
{
  struct hf_data_key_place place = {.shard = (uint32_t)hf_cli_u64(rows, row, 0)};
  struct hf_wrapped_key wrapped;
  struct hf_data_key key;
  struct hf_status status = hf_wrapped_key_of(rows, row, 1, &place, &wrapped);
  if (hf_is_ok(status)) status = hf_seal_key_open(seal, &place, &wrapped, &key);
  if (!hf_is_ok(status)) {
    hf_say("%s", status.why);
    return false;
  }
  hf_seal_key_wrap(seal, &place, &key, &wrapped);
  const uint64_t shard = htobe64(place.shard), seq = htobe64(place.first_seq);
  const char *const values[] = {(const char *)&shard, (const char *)&place.case_id, (const char *)&seq, wrapped.by,
                                (const char *)wrapped.bytes};
  PGresult *result =
      PQexecParams(database,
                   "update case_key set wrapped_by = $4, wrapped = $5::bytea where shard = $1::int8 and case_id = "
                   "$2::uuid and first_seq = $3::int8",
                   5, NULL, values, (const int[]){8, 16, 8, 0, sizeof wrapped.bytes}, (const int[]){1, 1, 1, 0, 1}, 0);
  bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  PQclear(result);
  return ok;
}

/* A thousand at a time; each row by itself, so that it may be stopped and begun again. */
static bool wrap_all(struct hf_seal *seal, PGconn *database, uint64_t *wrapped)
{
  for (int count = 1; count > 0;) {
    PGresult *rows =
        hf_cli_binary(database,
                      "select shard::int8, case_id, first_seq, wrapped_by, wrapped from case_key where wrapped_by <> $1 "
                      "limit 1000",
                      1, (const char *const[]){hf_seal_newest(seal)});
    if (rows == NULL) return false;
    count = PQntuples(rows);
    bool ok = true;
    for (int row = 0; ok && row < count; row++, *wrapped += ok) ok = wrap_row(seal, database, rows, row);
    PQclear(rows);
    if (!ok) return false;
  }
  return true;
}

int hf_command_personal_rewrap(struct hf_cli *cli)
{
  uint64_t wrapped = 0;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  struct hf_seal *seal = hf_cli_seal(cli);
  bool ok = seal != NULL && wrap_all(seal, database, &wrapped);
  if (ok) printf(_("%llu data keys are wrapped by %s now\n"), (unsigned long long)wrapped, hf_seal_newest(seal));
  hf_seal_close(seal);
  PQfinish(database);
  return ok ? HF_EXIT_OK : HF_EXIT_FAILED;
}

/* Only of a case that is closed and rests: an engine that has it in memory would go on with it. */
static int destroy(const struct hf_cli *cli, PGconn *database)
{
  char what[64];
  const char *id = cli->arguments[0];
  PGresult *result =
      PQexecParams(database,
                   "select 1 from fraud_case where shard = any (array(select shard from shard)) and case_id = $1::uuid "
                   "and state = 'rested' and closed_at is not null",
                   1, NULL, &id, NULL, NULL, 0);
  bool closed = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  PQclear(result);
  if (!closed) {
    hf_say(_("there is no case %s that is closed and without open orders"), id);
    return HF_EXIT_REFUSED;
  }
  snprintf(what, sizeof what, "data keys of case %s", id);
  if (!hf_cli_note_access(cli, HF_ACCESS_DESTROY, what, cli->reason, id)) return HF_EXIT_REFUSED;
  result =
      PQexecParams(database, "delete from case_key where shard = any (array(select shard from shard)) and case_id = $1::uuid",
                   1, NULL, &id, NULL, NULL, 0);
  bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (ok)
    printf(_("the data keys of case %s are destroyed: %s; its facts, proofs and figures stay\n"), id, PQcmdTuples(result));
  else
    hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  PQclear(result);
  return ok ? HF_EXIT_OK : HF_EXIT_FAILED;
}

int hf_command_personal_destroy(struct hf_cli *cli)
{
  struct hf_uuid id;
  const char *text = cli->arguments[0];
  if (!hf_is_ok(hf_uuid_parse(text, strlen(text), &id))) {
    hf_say(_("%s is no id: expected 36 characters in the form 8-4-4-4-12"), text);
    return HF_EXIT_USAGE;
  }
  if (cli->confirm == NULL || strncmp(cli->confirm, text, 8) != 0 || strlen(cli->confirm) != 8) {
    hf_say(_("this cannot be undone: say --confirm=%.8s, the case's first eight characters"), text);
    return HF_EXIT_USAGE;
  }
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = destroy(cli, database);
  PQfinish(database);
  return code;
}
