#include "engine/record/connection.h"

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

/* Array types of PostgreSQL's catalogue, by element type. */
static Oid array_of(enum hf_column_type type)
{
  switch (type) {
  case HF_COLUMN_BOOL: return 1000;
  case HF_COLUMN_BYTEA: return 1001;
  case HF_COLUMN_INT8: return 1016;
  case HF_COLUMN_INT4: return 1007;
  case HF_COLUMN_TEXT: return 1009;
  case HF_COLUMN_TIMESTAMPTZ: return 1185;
  case HF_COLUMN_UUID: return 2951;
  }
  HF_ASSERT(!"a column has a type");
}

bool hf_connection_prepare(PGconn *connection, const struct hf_statement *statement)
{
  Oid types[HF_STATEMENT_COLUMNS_MAX + 1] = {HF_COLUMN_INT4};
  for (int c = 0; c < statement->columns_count; c++) types[c + 1] = array_of(statement->types[c]);
  return PQsendPrepare(connection, statement->name, statement->sql, statement->columns_count + 1, types) == 1;
}

/* No row of ours under this epoch: division by zero (22012) takes the whole transaction back. */
static const char fence_sql[] =
    "with mine as (update shard set next_offset = case when $3::int8 < 0 then next_offset else $3::int8 end, seq = $4::int8, "
    "published_seq = greatest(published_seq, $5::int8), confirmed_at = now() where shard = $1::int4 and epoch = $2::int8 returning 1) "
    "select 1 / count(*) from mine";

bool hf_connection_prepare_fence(PGconn *connection)
{
  static const Oid types[] = {HF_COLUMN_INT4, HF_COLUMN_INT8, HF_COLUMN_INT8, HF_COLUMN_INT8, HF_COLUMN_INT8};
  return PQsendPrepare(connection, "fence", fence_sql, 5, types) == 1;
}

static bool send_fence(PGconn *connection, const struct hf_fence *fence)
{
  uint32_t shard = htobe32(fence->shard);
  uint64_t numbers[] = {htobe64((uint64_t)fence->epoch), htobe64((uint64_t)fence->next_offset), htobe64(fence->seq),
                        htobe64(fence->published_seq)};
  const char *values[5] = {(const char *)&shard};
  int lengths[5] = {4, 8, 8, 8, 8}, formats[5] = {1, 1, 1, 1, 1};
  for (int i = 0; i < 4; i++) values[i + 1] = (const char *)&numbers[i];
  return PQsendQueryPrepared(connection, "fence", 5, values, lengths, formats, 1) == 1;
}

static bool send_statement(PGconn *connection, uint32_t shard_number, const struct hf_statement *statement,
                           const struct hf_column *columns)
{
  uint32_t shard = htobe32(shard_number);
  const char *values[HF_STATEMENT_COLUMNS_MAX + 1] = {(const char *)&shard};
  int lengths[HF_STATEMENT_COLUMNS_MAX + 1] = {4}, formats[HF_STATEMENT_COLUMNS_MAX + 1] = {1};
  for (int c = 0; c < statement->columns_count; c++) {
    HF_ASSERT(columns[c].rows == columns[0].rows);
    values[c + 1] = (const char *)columns[c].data;
    lengths[c + 1] = (int)columns[c].size;
    formats[c + 1] = 1;
  }
  return PQsendQueryPrepared(connection, statement->name, statement->columns_count + 1, values, lengths, formats, 1) == 1;
}

/* What stands before one Sync is one transaction: it commits there, or an error anywhere has taken all of it back. */
bool hf_connection_send(PGconn *connection, const struct hf_fence *fence, const struct hf_projection *projection)
{
  bool ok = send_fence(connection, fence);
  for (int k = 0; ok && k < HF_STATEMENT_COUNT; k++)
    if (projection->columns[k][0].rows > 0) ok = send_statement(connection, fence->shard, &hf_statements[k], projection->columns[k]);
  return ok && PQpipelineSync(connection) == 1;
}

/* --- look-ups --- */

void hf_lookup_close(struct hf_lookup *lookup)
{
  if (lookup->connection != NULL) PQfinish(lookup->connection);
  lookup->connection = NULL;
}

/* A look-up waits on the loop's thread, so each has a limit: a PostgreSQL that is silent must not hold up a stop. */
#define TAKEOVER_PATIENCE_NS (10 * HF_NS_PER_S) /* nothing of the shard runs yet */
#define CASE_PATIENCE_NS (50 * HF_NS_PER_MS)    /* design.md section 5 */
#define SILENT_PAUSE_NS (2 * HF_NS_PER_S)

/* False when the time is up. */
static bool wait_for(const struct hf_lookup *lookup, short events)
{
  int64_t left_ns = lookup->deadline_ns - hf_time_now().mono_ns;
  struct pollfd wait = {.fd = PQsocket(lookup->connection), .events = events};
  return left_ns > 0 && poll(&wait, 1, (int)((left_ns + HF_NS_PER_MS - 1) / HF_NS_PER_MS)) >= 0;
}

static struct hf_status give_up(struct hf_lookup *lookup, const char *why)
{
  hf_lookup_close(lookup);
  lookup->not_before_ns = hf_time_now().mono_ns + SILENT_PAUSE_NS;
  return hf_fail(HF_STATUS_RETRY, why);
}

static struct hf_status begin(struct hf_lookup *lookup, int64_t patience_ns)
{
  int64_t now_ns = hf_time_now().mono_ns;
  if (patience_ns < HF_NS_PER_S && now_ns < lookup->not_before_ns) return hf_fail(HF_STATUS_RETRY, "PostgreSQL was silent a moment ago");
  lookup->deadline_ns = now_ns + patience_ns;
  if (lookup->connection != NULL && PQstatus(lookup->connection) == CONNECTION_OK) return hf_ok();
  hf_lookup_close(lookup);
  const char *keys[] = {"dbname", "application_name", "options", NULL};
  const char *values[] = {lookup->conninfo, "holdfastd look-up", "-c statement_timeout=30000", NULL};
  lookup->connection = PQconnectStartParams(keys, values, 1);
  PostgresPollingStatusType poll_for = lookup->connection == NULL ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (poll_for != PGRES_POLLING_OK) {
    if (poll_for == PGRES_POLLING_FAILED || !wait_for(lookup, poll_for == PGRES_POLLING_READING ? POLLIN : POLLOUT))
      return give_up(lookup, "PostgreSQL cannot be reached");
    poll_for = PQconnectPoll(lookup->connection);
  }
  return hf_ok();
}

static struct hf_status lookup_error(const PGresult *result)
{
  const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  HF_LOG(HF_LOG_WARN, "E1305", "a look-up in PostgreSQL failed", HF_FIELD("sqlstate", code),
         HF_FIELD("text", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
  if (code != NULL && strcmp(code, "42P01") == 0) return hf_fail(HF_STATUS_CONFIG, "the schema is missing: run `holdfast migrate`");
  return hf_fail(HF_STATUS_RETRY, "a look-up in PostgreSQL failed");
}

/* The next result, or NULL at the end; *status says where there was no answer in time. */
static PGresult *next_result(struct hf_lookup *lookup, struct hf_status *status)
{
  while (PQisBusy(lookup->connection)) {
    if (wait_for(lookup, POLLIN) && PQconsumeInput(lookup->connection) == 1) continue;
    *status = give_up(lookup, "PostgreSQL does not answer a look-up");
    return NULL;
  }
  return PQgetResult(lookup->connection);
}

/* With whole, rows are taken only once all are there: what is restored is a case or nothing. Without, each wait starts anew. */
static struct hf_status each_row(struct hf_lookup *lookup, int64_t patience_ns, bool whole, const char *sql, int count,
                                 const char *const *values, struct hf_status (*take)(void *owner, const PGresult *rows, int row), void *owner)
{
  struct hf_status status = begin(lookup, patience_ns);
  if (!hf_is_ok(status)) return status;
  if (PQsendQueryParams(lookup->connection, sql, count, NULL, values, NULL, NULL, 1) != 1 ||
      (!whole && PQsetSingleRowMode(lookup->connection) != 1))
    return give_up(lookup, "PostgreSQL cannot be reached");
  PGresult *result;
  while ((result = next_result(lookup, &status)) != NULL) {
    ExecStatusType got = PQresultStatus(result);
    if (got != PGRES_SINGLE_TUPLE && got != PGRES_TUPLES_OK) status = lookup_error(result);
    for (int row = 0; row < PQntuples(result) && hf_is_ok(status); row++) status = take(owner, result, row);
    PQclear(result);
    if (!whole) lookup->deadline_ns = hf_time_now().mono_ns + patience_ns;
  }
  return status;
}

static struct hf_status take_version(void *owner, const PGresult *rows, int row)
{
  uint32_t version;
  memcpy(&version, PQgetvalue(rows, row, 0), sizeof version);
  *(int *)owner = (int)be32toh(version);
  return hf_ok();
}

static int64_t number_at(const PGresult *rows, int row, int column)
{
  uint64_t number;
  memcpy(&number, PQgetvalue(rows, row, column), sizeof number);
  return (int64_t)be64toh(number);
}

static struct hf_status take_shard(void *owner, const PGresult *rows, int row)
{
  *(struct hf_shard_row *)owner = (struct hf_shard_row){.epoch = number_at(rows, row, 0),
                                                        .next_offset = number_at(rows, row, 1),
                                                        .seq = (uint64_t)number_at(rows, row, 2),
                                                        .published_seq = (uint64_t)number_at(rows, row, 3)};
  return hf_ok();
}

struct hf_status hf_lookup_acquire(struct hf_lookup *lookup, uint32_t shard, const char *owner, struct hf_shard_row *row)
{
  char number[12];
  int version = 0;
  snprintf(number, sizeof number, "%u", shard);
  struct hf_status status = each_row(lookup, TAKEOVER_PATIENCE_NS, true, "select coalesce(max(version), 0)::int4 from schema_version", 0, NULL,
                                     take_version, &version);
  if (hf_is_ok(status) && version != HF_SCHEMA_VERSION)
    status = hf_fail(HF_STATUS_CONFIG, "the schema has another version: run `holdfast migrate`");
  if (!hf_is_ok(status)) return status;
  return each_row(lookup, TAKEOVER_PATIENCE_NS, true,
                  "insert into shard as s (shard, epoch, owner) values ($1::int4, 1, $2) on conflict (shard) do update set "
                  "epoch = s.epoch + 1, owner = excluded.owner, confirmed_at = now() returning epoch, next_offset, seq, published_seq",
                  2, (const char *const[]){number, owner}, take_shard, row);
}

struct fact_visit {
  struct hf_status (*each)(void *owner, struct hf_span fact);
  struct hf_status (*each_with_seq)(void *owner, uint64_t seq, struct hf_span fact);
  struct hf_status (*each_case)(void *owner, struct hf_case_id id);
  void *owner;
};

static struct hf_span column_span(const PGresult *rows, int row, int column)
{
  return (struct hf_span){(const uint8_t *)PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

static struct hf_status take_fact(void *owner, const PGresult *rows, int row)
{
  const struct fact_visit *visit = owner;
  return visit->each(visit->owner, column_span(rows, row, 0));
}

static struct hf_status take_fact_with_seq(void *owner, const PGresult *rows, int row)
{
  const struct fact_visit *visit = owner;
  return visit->each_with_seq(visit->owner, (uint64_t)number_at(rows, row, 1), column_span(rows, row, 0));
}

static struct hf_status take_case(void *owner, const PGresult *rows, int row)
{
  const struct fact_visit *visit = owner;
  struct hf_case_id id;
  if (PQgetlength(rows, row, 0) != sizeof id.uuid.bytes) return hf_fail(HF_STATUS_MALFORMED, "a case id of the wrong size");
  memcpy(id.uuid.bytes, PQgetvalue(rows, row, 0), sizeof id.uuid.bytes);
  return visit->each_case(visit->owner, id);
}

struct hf_status hf_lookup_open_facts(struct hf_lookup *lookup, uint32_t shard,
                                      struct hf_status (*each)(void *owner, struct hf_span fact), void *owner)
{
  char number[12];
  snprintf(number, sizeof number, "%u", shard);
  struct fact_visit visit = {.each = each, .owner = owner};
  return each_row(lookup, TAKEOVER_PATIENCE_NS, false,
                  "select body from fact f where shard = $1::int4 and kind not in ('case_rested', 'case_returned', 'quarantined') and "
                  "(case_id is null or exists (select 1 from fraud_case c where c.shard = f.shard and c.case_id = f.case_id and "
                  "c.state = 'open')) order by seq",
                  1, (const char *const[]){number}, take_fact, &visit);
}

struct hf_status hf_lookup_unpublished(struct hf_lookup *lookup, uint32_t shard, uint64_t after_seq,
                                       struct hf_status (*each)(void *owner, uint64_t seq, struct hf_span fact), void *owner)
{
  char number[12], after[24];
  snprintf(number, sizeof number, "%u", shard);
  snprintf(after, sizeof after, "%llu", (unsigned long long)after_seq);
  struct fact_visit visit = {.each_with_seq = each, .owner = owner};
  return each_row(lookup, TAKEOVER_PATIENCE_NS, false, "select body, seq from fact where shard = $1::int4 and seq > $2::int8 order by seq", 2,
                  (const char *const[]){number, after}, take_fact_with_seq, &visit);
}

struct hf_status hf_lookup_due_cases(struct hf_lookup *lookup, uint32_t shard, int64_t before_wall_ns,
                                     struct hf_status (*each)(void *owner, struct hf_case_id id), void *owner)
{
  char number[12], before[HF_TIME_TEXT_SIZE];
  snprintf(number, sizeof number, "%u", shard);
  struct fact_visit visit = {.each_case = each, .owner = owner};
  return each_row(lookup, CASE_PATIENCE_NS, true,
                  "select case_id from fraud_case where shard = $1::int4 and state = 'rested' and wakes_at <= $2::timestamptz "
                  "order by wakes_at limit 100",
                  2, (const char *const[]){number, hf_time_text(before_wall_ns, before)}, take_case, &visit);
}

struct hf_status hf_lookup_case(struct hf_lookup *lookup, uint32_t shard, struct hf_case_id id,
                                struct hf_status (*each)(void *owner, struct hf_span fact), void *owner)
{
  char number[12], text[HF_UUID_TEXT_SIZE];
  snprintf(number, sizeof number, "%u", shard);
  struct fact_visit visit = {.each = each, .owner = owner};
  return each_row(lookup, CASE_PATIENCE_NS, true,
                  "select body from fact where shard = $1::int4 and case_id = $2::uuid and "
                  "kind not in ('case_rested', 'case_returned', 'quarantined') order by seq",
                  2, (const char *const[]){number, hf_uuid_text(id.uuid, text)}, take_fact, &visit);
}
