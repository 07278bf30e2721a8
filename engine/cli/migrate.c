/*
 * migrate: schemas/sql, one file after another, beside running engines. A file's first part, if it has one, is statements that
 * wait for nobody and may be repeated (an index built concurrently, a check validated); the rest is one transaction that waits
 * for a lock for a moment only: who wants a table alone, and queues for it, stops everybody who comes behind.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/time.h"
#include "engine/cli/cli.h"
#include "engine/cli/migrations.h"

#define PATIENCE_NS (120 * HF_NS_PER_S)
#define PAUSE_NS (100 * HF_NS_PER_MS)
static const char brief[] = "set lock_timeout = '30ms'";
static const char beside[] = "-- First, beside running engines", rest[] = "-- Then, in one transaction";

enum outcome { OUTCOME_DONE, OUTCOME_LOCKED, OUTCOME_REFUSED };

static enum outcome try(PGconn *database, const char *sql)
{
  PGresult *result = PQexec(database, sql);
  ExecStatusType status = PQresultStatus(result);
  const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  bool locked = code != NULL && strcmp(code, "55P03") == 0;
  bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
  if (!ok && !locked) hf_say(_("PostgreSQL refuses the migration: %s"), PQresultErrorMessage(result));
  PQclear(result);
  return ok ? OUTCOME_DONE : locked ? OUTCOME_LOCKED : OUTCOME_REFUSED;
}

static bool run(PGconn *database, const char *sql)
{
  return try(database, sql) == OUTCOME_DONE;
}

static int version_of(PGconn *database)
{
  PGresult *result = PQexec(database, "select coalesce(max(version), 0) from schema_version");
  int version = PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : -1;
  PQclear(result);
  return version;
}

/* Until it was not kept waiting for a lock. `attempt` leaves no transaction open. */
static bool patiently(PGconn *database, enum outcome (*attempt)(PGconn *database, const void *what), const void *what)
{
  const struct timespec pause = {.tv_nsec = PAUSE_NS};
  int64_t until_ns = hf_time_now().mono_ns + PATIENCE_NS;
  enum outcome outcome;
  while ((outcome = attempt(database, what)) == OUTCOME_LOCKED && hf_time_now().mono_ns < until_ns) nanosleep(&pause, NULL);
  if (outcome == OUTCOME_LOCKED)
    hf_say(_("somebody has locked what is to be changed, for two minutes: see pg_locks, then run it again"));
  return outcome == OUTCOME_DONE;
}

static enum outcome one_statement(PGconn *database, const void *what)
{
  return try(database, what);
}

bool hf_migrate_patiently(PGconn *database, const char *statement)
{
  return run(database, "set client_min_messages = warning") && run(database, brief) &&
         patiently(database, one_statement, statement);
}

/* Statements with an empty line between them, up to `end`. */
static bool run_beside(PGconn *database, const char *sql, const char *end)
{
  while (sql < end) {
    const char *gap = strstr(sql, "\n\n");
    size_t size = gap == NULL || gap > end ? (size_t)(end - sql) : (size_t)(gap - sql);
    char *statement = strndup(sql, size);
    bool ok = statement != NULL && patiently(database, one_statement, statement);
    free(statement);
    if (!ok) return false;
    sql += size + 2;
  }
  return true;
}

static enum outcome one_transaction(PGconn *database, const void *what)
{
  const struct hf_migration *migration = what;
  const char *values[] = {migration->name}, *from = strstr(migration->sql, rest);
  if (!run(database, "begin")) return OUTCOME_REFUSED;
  enum outcome outcome = try(database, from == NULL ? migration->sql : from);
  if (outcome == OUTCOME_DONE) {
    PGresult *result =
        PQexecParams(database, "insert into schema_version (version, name) select split_part($1, '_', 1)::int, $1", 1, NULL,
                     values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) outcome = OUTCOME_REFUSED;
    PQclear(result);
  }
  return run(database, outcome == OUTCOME_DONE ? "commit" : "rollback") ? outcome : OUTCOME_REFUSED;
}

static bool apply(PGconn *database, const struct hf_migration *migration)
{
  const char *first = strstr(migration->sql, beside), *then = strstr(migration->sql, rest);
  if (!run(database, brief)) return false;
  if (first != NULL && then != NULL && !run_beside(database, first, then)) return false;
  return run(database, brief) && patiently(database, one_transaction, migration);
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
