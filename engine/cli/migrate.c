#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/migrations.h"

static bool run(PGconn *database, const char *sql)
{
  PGresult *result = PQexec(database, sql);
  ExecStatusType status = PQresultStatus(result);
  bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!ok) hf_say(_("PostgreSQL refuses the migration: %s"), PQresultErrorMessage(result));
  PQclear(result);
  return ok;
}

static int version_of(PGconn *database)
{
  PGresult *result = PQexec(database, "select coalesce(max(version), 0) from schema_version");
  int version = PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : -1;
  PQclear(result);
  return version;
}

static bool apply(PGconn *database, const struct hf_migration *migration)
{
  const char *values[] = {migration->name};
  if (!run(database, "begin") || !run(database, migration->sql)) return run(database, "rollback") && false;
  PGresult *result = PQexecParams(database, "insert into schema_version (version, name) select split_part($1, '_', 1)::int, $1",
                                  1, NULL, values, NULL, NULL, 0);
  bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  PQclear(result);
  return run(database, ok ? "commit" : "rollback") && ok;
}

int hf_command_migrate(struct hf_cli *cli)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  /* One at a time, however many operators press the key. */
  bool ok = run(database, "set client_min_messages = warning") && run(database, "select pg_advisory_lock(4843)") &&
            run(database,
                "create table if not exists schema_version (version int primary key, name text not null, "
                "applied_at timestamptz not null default now())");
  int version = ok ? version_of(database) : -1;
  for (const struct hf_migration *next = hf_migrations; ok && version >= 0 && next->version != 0; next++) {
    if (next->version <= version) continue;
    ok = apply(database, next);
    if (ok) hf_say(_("migrated: %s"), next->name);
  }
  PQfinish(database);
  return ok && version >= 0 ? HF_EXIT_OK : HF_EXIT_FAILED;
}
