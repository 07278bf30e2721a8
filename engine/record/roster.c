#include "engine/record/roster.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/base/time.h"
#include "engine/record/record.h"

struct hf_roster_reader {
  const char *conninfo;
  PGconn *connection;
};

static const char version_sql[] = "select coalesce(max(version), 0)::int4 from schema_version";
static const char institutions_sql[] = "select code, bool_and(enabled) from institution group by code order by code";
static const char keys_sql[] =
    "select distinct on (key_id) key_id, holder, algorithm, public_key, "
    "(extract(epoch from valid_from) * 1000000)::int8, (extract(epoch from valid_until) * 1000000)::int8, revoked, role "
    "from registry_key where role in ('institution', 'machine') order by key_id, revoked desc, valid_until, set_at desc";

struct hf_roster_reader *hf_roster_open(const char *conninfo)
{
  struct hf_roster_reader *reader = calloc(1, sizeof *reader);
  HF_ASSERT(reader != NULL);
  reader->conninfo = conninfo;
  return reader;
}

void hf_roster_close(struct hf_roster_reader *reader)
{
  PQfinish(reader->connection);
  free(reader);
}

static bool connect_database(struct hf_roster_reader *reader)
{
  if (reader->connection != NULL && PQstatus(reader->connection) == CONNECTION_OK) return true;
  PQfinish(reader->connection);
  static const char *const keys[] = {"dbname", "application_name", "connect_timeout", "tcp_user_timeout", "options", NULL};
  const char *values[] = {reader->conninfo, "holdfast-gate", "5", "5000", "-c statement_timeout=5000", NULL};
  reader->connection = PQconnectdbParams(keys, values, 1);
  return PQstatus(reader->connection) == CONNECTION_OK;
}

/* All rows in binary; NULL where they cannot be had. */
static PGresult *rows_of(struct hf_roster_reader *reader, const char *sql)
{
  PGresult *rows = PQexecParams(reader->connection, sql, 0, NULL, NULL, NULL, NULL, 1);
  if (PQresultStatus(rows) == PGRES_TUPLES_OK) return rows;
  HF_LOG(HF_LOG_WARN, "E2403", "the registry cannot be read", HF_FIELD("sqlstate", PQresultErrorField(rows, PG_DIAG_SQLSTATE)),
         HF_FIELD("text", PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY)));
  PQclear(rows);
  return NULL;
}

static int64_t number_at(const PGresult *rows, int row, int column)
{
  uint64_t number;
  memcpy(&number, PQgetvalue(rows, row, column), sizeof number);
  return (int64_t)be64toh(number);
}

static void copy_text(const PGresult *rows, int row, int column, char *to, size_t capacity)
{
  size_t size = (size_t)PQgetlength(rows, row, column);
  HF_ASSERT(size < capacity); /* our own column: the core bounds it */
  memcpy(to, PQgetvalue(rows, row, column), size);
  to[size] = '\0';
}

static struct hf_status take_institutions(struct hf_roster_reader *reader, struct hf_roster *roster)
{
  PGresult *rows = rows_of(reader, institutions_sql);
  if (rows == NULL) return hf_fail(HF_STATUS_RETRY, "the institutions cannot be read");
  roster->institutions_count = 0;
  for (int i = 0; i < PQntuples(rows) && roster->institutions_count < HF_INSTITUTIONS_MAX; i++) {
    struct hf_roster_institution *to = &roster->institutions[roster->institutions_count++];
    copy_text(rows, i, 0, to->code, sizeof to->code);
    to->enabled = PQgetvalue(rows, i, 1)[0] != 0;
  }
  PQclear(rows);
  return hf_ok();
}

static struct hf_status take_keys(struct hf_roster_reader *reader, struct hf_roster *roster)
{
  PGresult *rows = rows_of(reader, keys_sql);
  if (rows == NULL) return hf_fail(HF_STATUS_RETRY, "the keys cannot be read");
  roster->keys_count = 0;
  for (int i = 0; i < PQntuples(rows) && roster->keys_count < HF_KEYS_MAX; i++) {
    struct hf_key *to = &roster->keys[roster->keys_count++];
    char algorithm[32];
    size_t size = (size_t)PQgetlength(rows, i, 3);
    memset(to, 0, sizeof *to);
    copy_text(rows, i, 0, to->id, sizeof to->id);
    copy_text(rows, i, 1, to->holder, sizeof to->holder);
    copy_text(rows, i, 2, algorithm, sizeof algorithm);
    HF_ASSERT(size <= sizeof to->public_key);
    memcpy(to->public_key, PQgetvalue(rows, i, 3), size);
    to->public_key_size = (uint16_t)size;
    to->role = strcmp(PQgetvalue(rows, i, 7), "machine") == 0 ? HF_ROLE_MACHINE : HF_ROLE_INSTITUTION;
    to->algorithm = hf_algorithm_of_code(algorithm);
    to->valid_from_wall_ns = number_at(rows, i, 4) * HF_NS_PER_US;
    to->valid_until_wall_ns = number_at(rows, i, 5) * HF_NS_PER_US;
    to->revoked = PQgetvalue(rows, i, 6)[0] != 0;
  }
  PQclear(rows);
  return hf_ok();
}

static struct hf_status check_version(struct hf_roster_reader *reader)
{
  PGresult *rows = rows_of(reader, version_sql);
  uint32_t version = 0;
  if (rows == NULL) return hf_fail(HF_STATUS_RETRY, "the schema's version cannot be read");
  memcpy(&version, PQgetvalue(rows, 0, 0), sizeof version);
  PQclear(rows);
  return be32toh(version) == HF_SCHEMA_VERSION
             ? hf_ok()
             : hf_fail(HF_STATUS_CONFIG, "the schema has another version: run `holdfast migrate`");
}

struct hf_status hf_roster_read(struct hf_roster_reader *reader, struct hf_roster *roster)
{
  if (!connect_database(reader)) return hf_fail(HF_STATUS_RETRY, "PostgreSQL cannot be reached");
  struct hf_status status = check_version(reader);
  if (hf_is_ok(status)) status = take_institutions(reader, roster);
  if (hf_is_ok(status)) status = take_keys(reader, roster);
  return status;
}
