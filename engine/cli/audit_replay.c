/*
 * audit replay: every table that is made of facts, made again from the facts and compared. The tree vouches for facts; what
 * officers and auditors look at are these tables, and an administrator could change one and leave the facts alone. All in one
 * transaction on temporary tables that are taken back: the record is only read, and seen as of one moment.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"
#include "engine/record/connection.h"

#define CHUNK "1000"
#define FINDINGS_MAX 20

static const char *const tables[] = {"report",
                                     "quarantine",
                                     "fraud_case",
                                     "submission",
                                     "account",
                                     "order_state",
                                     "hold",
                                     "trace",
                                     "task",
                                     "seen",
                                     "linked_case",
                                     "suspect_account",
                                     "institution",
                                     "registry_key",
                                     "policy",
                                     "protected_account",
                                     "clock",
                                     "sla",
                                     "institution_call",
                                     "access",
                                     "registry_change"};
#define TABLES (sizeof tables / sizeof tables[0])

struct replay {
  PGconn *database;
  struct hf_projection projection;
  struct hf_fact *facts;           /* HF_RECORD_BATCH_FACTS */
  struct hf_fact_company *company; /* empty: what goes along is not in the facts, and not compared */
  uint64_t replayed;
};

static bool run(PGconn *database, const char *sql)
{
  PGresult *result = PQexec(database, sql);
  ExecStatusType status = PQresultStatus(result);
  bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  PQclear(result);
  return ok;
}

/* Empty tables of the same form before the real ones in the session's path; facts and nodes are not kept twice. */
static bool make_tables(PGconn *database)
{
  char sql[256];
  bool ok = run(database, "begin isolation level repeatable read") && run(database, "set local enable_seqscan = off") &&
            run(database, "create temp table shard (like public.shard including all) on commit drop") &&
            run(database, "insert into shard (shard, epoch) select shard, 1 from public.shard");
  for (size_t i = 0; ok && i < TABLES; i++) {
    snprintf(sql, sizeof sql, "create temp table %s (like public.%s including all) on commit drop", tables[i], tables[i]);
    ok = run(database, sql);
  }
  return ok && run(database, "create temp view fact as select * from public.fact where false") &&
         run(database, "create function pg_temp.nothing() returns trigger language plpgsql as $$ begin return null; end $$") &&
         run(database, "create trigger nothing instead of insert on fact for each row execute function pg_temp.nothing()");
}

/* Reads results up to the sync; false, after having said why, where one was refused. */
static bool drain(PGconn *database)
{
  bool ok = true;
  for (;;) {
    PGresult *result = PQgetResult(database);
    ExecStatusType status = PQresultStatus(result);
    if (result == NULL) {
      if (PQstatus(database) == CONNECTION_BAD) return false;
      continue; /* between two statements */
    }
    if (status == PGRES_FATAL_ERROR && ok) {
      hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
      ok = false;
    }
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) return ok;
  }
}

static bool prepare(PGconn *database)
{
  bool ok = PQenterPipelineMode(database) == 1;
  for (int k = 0; ok && k < HF_STATEMENT_COUNT; k++)
    if (k != HF_STATEMENT_AUDIT_NODE && k != HF_STATEMENT_CHECKPOINT) ok = hf_connection_prepare(database, &hf_statements[k]);
  ok = ok && hf_connection_prepare_fence(database) && PQpipelineSync(database) == 1 && drain(database);
  return PQexitPipelineMode(database) == 1 && ok;
}

static bool send_chunk(struct replay *replay, uint32_t shard, const char *boot_id, uint32_t count)
{
  static const struct hf_audit_tree none;
  static const struct hf_record_checkpoint no_note;
  const struct hf_projection_audit audit = {
      .boot_id = boot_id, .shard = shard, .no_leaves = true, .tree = &none, .checkpoint = &no_note};
  hf_projection_make(&replay->projection, replay->facts, replay->company, count, &audit);
  const struct hf_fence fence = {
      .shard = shard, .epoch = 1, .next_offset = -1, .next_answer = -1, .seq = replay->facts[count - 1].seq};
  bool ok = PQenterPipelineMode(replay->database) == 1 && hf_connection_send(replay->database, &fence, &replay->projection) &&
            drain(replay->database);
  return PQexitPipelineMode(replay->database) == 1 && ok;
}

/* Facts of one boot at a time: monotonic stamps of another count by another zero. */
static bool replay_rows(struct replay *replay, uint32_t shard, const PGresult *rows, uint64_t *after)
{
  const char *boot_id = "";
  uint32_t count = 0;
  for (int i = 0; i < PQntuples(rows); i++) {
    if (count > 0 && strcmp(boot_id, PQgetvalue(rows, i, 2)) != 0) {
      if (!send_chunk(replay, shard, boot_id, count)) return false;
      count = 0;
    }
    boot_id = PQgetvalue(rows, i, 2);
    *after = hf_cli_u64(rows, i, 0);
    struct hf_span body = {(const uint8_t *)PQgetvalue(rows, i, 1), (size_t)PQgetlength(rows, i, 1)};
    struct hf_span sealed; /* the tables have pseudonyms, as the facts have: no key is needed */
    struct hf_status status = hf_fact_decode(body, &replay->facts[count], &sealed);
    if (!hf_is_ok(status) || replay->facts[count].seq != *after) {
      hf_say(_("shard %u, seq %llu: %s"), shard, (unsigned long long)*after, _("the body is no fact of this number"));
      return false;
    }
    count++;
  }
  return count == 0 || send_chunk(replay, shard, boot_id, count);
}

static bool replay_shard(struct replay *replay, uint32_t shard)
{
  char numbers[2][24];
  uint64_t after = 0;
  snprintf(numbers[0], sizeof numbers[0], "%u", shard);
  for (int count = 1; count > 0;) {
    snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)after);
    PGresult *rows = hf_cli_binary(replay->database,
                                   "select seq, body, boot_id from public.fact_ever where shard = $1::int4 and seq > $2::int8 "
                                   "order by seq fetch first " CHUNK " rows with ties",
                                   2, (const char *const[]){numbers[0], numbers[1]});
    if (rows == NULL) return false;
    count = PQntuples(rows);
    bool ok = replay_rows(replay, shard, rows, &after);
    PQclear(rows);
    if (!ok) return false;
    replay->replayed += (uint64_t)count;
  }
  return true;
}

/* Rows that are in one and not in the other. Names and numbers are not shown. */
static bool compare(PGconn *database, const char *table, uint32_t *findings)
{
  char sql[1200];
  snprintf(sql, sizeof sql,
           "with a as (select to_jsonb(t) - '{raw,set_at}'::text[] as j from public.%s t), b as (select to_jsonb(t) - "
           "'{raw,set_at}'::text[] as j from "
           "pg_temp.%s t) "
           "select true, j->>'shard', coalesce(j->>'order_id', j->>'submission_id', j->>'case_id', j->>'seq', j->>'code', "
           "j->>'key_id', "
           "j->>'version', j->>'topic_offset', '') from (table a except table b) d union all "
           "select false, j->>'shard', coalesce(j->>'order_id', j->>'submission_id', j->>'case_id', j->>'seq', j->>'code', "
           "j->>'key_id', "
           "j->>'version', j->>'topic_offset', '') from (table b except table a) d order by 2, 3, 1",
           table, table);
  PGresult *rows = PQexec(database, sql);
  bool ok = PQresultStatus(rows) == PGRES_TUPLES_OK;
  if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(rows));
  for (int i = 0; ok && i < PQntuples(rows); i++)
    if ((*findings)++ < FINDINGS_MAX)
      hf_say(PQgetvalue(rows, i, 0)[0] == 't' ? _("%s, shard %s, %s: no fact says what stands in the table")
                                              : _("%s, shard %s, %s: what the facts say does not stand in the table"),
             table, PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2));
  PQclear(rows);
  return ok;
}

/* What is kept of ended days and months must be what the raw rows say. */
static bool compare_kept(PGconn *database, uint32_t *findings)
{
  PGresult *rows =
      PQexec(database,
             "select what, day::text, value from public.kept_wrong() union all select distinct 'score-card', month, "
             "institution || ' ' || action from ((table public.scorecard except table public.scorecard_raw) union all "
             "(table public.scorecard_raw except table public.scorecard)) d order by 1, 2, 3");
  bool ok = PQresultStatus(rows) == PGRES_TUPLES_OK;
  if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(rows));
  for (int i = 0; ok && i < PQntuples(rows); i++)
    if ((*findings)++ < FINDINGS_MAX)
      hf_say(_("what is kept is not what the orders say: %s, %s, %s"), PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
             PQgetvalue(rows, i, 2));
  PQclear(rows);
  return ok;
}

static int replay_all(struct replay *replay)
{
  uint32_t findings = 0;
  PGresult *shards = hf_cli_binary(replay->database, "select distinct shard from public.shard order by shard", 0, NULL);
  bool ok = shards != NULL;
  for (int i = 0; ok && i < PQntuples(shards); i++) {
    uint32_t shard;
    memcpy(&shard, PQgetvalue(shards, i, 0), sizeof shard);
    ok = replay_shard(replay, be32toh(shard));
  }
  PQclear(shards);
  ok = ok && compare_kept(replay->database, &findings);
  for (size_t i = 0; ok && i < TABLES; i++) ok = compare(replay->database, tables[i], &findings);
  if (!ok) return HF_EXIT_FAILED;
  if (findings == 0)
    printf(_("%llu facts make the %zu tables as they stand: right\n"), (unsigned long long)replay->replayed, TABLES);
  else
    printf(_("%llu facts make other tables: %u findings\n"), (unsigned long long)replay->replayed, findings);
  return findings == 0 ? HF_EXIT_OK : HF_EXIT_FAILED;
}

int hf_command_audit_replay(struct hf_cli *cli)
{
  struct replay *replay = calloc(1, sizeof *replay);
  PGconn *database = hf_cli_database(cli);
  if (replay == NULL) abort();
  if (database == NULL) {
    free(replay);
    return HF_EXIT_UNAVAILABLE;
  }
  replay->database = database;
  replay->facts = calloc(HF_RECORD_BATCH_FACTS, sizeof *replay->facts);
  replay->company = calloc(HF_RECORD_BATCH_FACTS, sizeof *replay->company);
  if (replay->facts == NULL || replay->company == NULL) abort();
  hf_projection_init(&replay->projection);
  int code = make_tables(database) && prepare(database) ? replay_all(replay) : HF_EXIT_FAILED;
  hf_projection_deinit(&replay->projection);
  PQfinish(database); /* and all of it is taken back */
  free(replay->facts);
  free(replay->company);
  free(replay);
  return code;
}
