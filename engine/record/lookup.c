#include "engine/record/lookup.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/record/connection.h"

void hf_lookup_close(struct hf_lookup *lookup)
{
  if (lookup->connection != NULL) PQfinish(lookup->connection);
  lookup->connection = NULL;
}

#define TAKEOVER_PATIENCE_NS (10 * HF_NS_PER_S) /* without a byte; nothing of the shard runs yet */

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
  return hf_fail(HF_STATUS_RETRY, why);
}

static struct hf_status begin(struct hf_lookup *lookup)
{
  lookup->deadline_ns = hf_time_now().mono_ns + TAKEOVER_PATIENCE_NS;
  if (lookup->connection != NULL && PQstatus(lookup->connection) == CONNECTION_OK) return hf_ok();
  hf_lookup_close(lookup);
  const char *keys[] = {"dbname", "application_name", "options", NULL};
  const char *values[] = {lookup->conninfo, "holdfastd look-up", "-c statement_timeout=30000 -c lock_timeout=1000", NULL};
  lookup->connection = PQconnectStartParams(keys, values, 1);
  PostgresPollingStatusType poll_for = lookup->connection == NULL ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (poll_for != PGRES_POLLING_OK) {
    if (poll_for == PGRES_POLLING_FAILED || !wait_for(lookup, poll_for == PGRES_POLLING_READING ? POLLIN : POLLOUT)) {
      hf_connection_note_failure(lookup->connection);
      return give_up(lookup, "PostgreSQL cannot be reached");
    }
    poll_for = PQconnectPoll(lookup->connection);
  }
  return hf_ok();
}

struct hf_status hf_lookup_error(const PGresult *result)
{
  const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  HF_LOG(HF_LOG_WARN, "E1305", "a look-up in PostgreSQL failed", HF_FIELD("sqlstate", code),
         HF_FIELD("text", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
  if (code != NULL && strcmp(code, "42P01") == 0)
    return hf_fail(HF_STATUS_CONFIG, "the schema is missing: run `holdfast migrate`");
  if (code != NULL && strcmp(code, "55P03") == 0) return hf_fail(HF_STATUS_AGAIN, "another transaction holds the shard's row");
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

/* Row by row; what was taken before a failure is the caller's to undo. */
static struct hf_status each_row(struct hf_lookup *lookup, const char *sql, int count, const char *const *values,
                                 struct hf_status (*take)(void *owner, const PGresult *rows, int row), void *owner)
{
  struct hf_status status = begin(lookup);
  if (!hf_is_ok(status)) return status;
  if (PQsendQueryParams(lookup->connection, sql, count, NULL, values, NULL, NULL, 1) != 1 ||
      PQsetSingleRowMode(lookup->connection) != 1)
    return give_up(lookup, "PostgreSQL cannot be reached");
  PGresult *result;
  while ((result = next_result(lookup, &status)) != NULL) {
    ExecStatusType got = PQresultStatus(result);
    if (got != PGRES_SINGLE_TUPLE && got != PGRES_TUPLES_OK) status = hf_lookup_error(result);
    for (int row = 0; row < PQntuples(result) && hf_is_ok(status); row++) status = take(owner, result, row);
    PQclear(result);
    lookup->deadline_ns = hf_time_now().mono_ns + TAKEOVER_PATIENCE_NS;
  }
  return status;
}

static struct hf_span column_span(const PGresult *rows, int row, int column)
{
  return (struct hf_span){(const uint8_t *)PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

static int64_t number_at(const PGresult *rows, int row, int column)
{
  uint64_t number;
  memcpy(&number, PQgetvalue(rows, row, column), sizeof number);
  return (int64_t)be64toh(number);
}

struct hf_status hf_wrapped_key_of(const PGresult *rows, int row, int column, struct hf_data_key_place *place,
                                   struct hf_wrapped_key *wrapped)
{
  size_t name = (size_t)PQgetlength(rows, row, column + 2);
  if (PQgetlength(rows, row, column) != (int)sizeof place->case_id || name == 0 || name >= sizeof wrapped->by ||
      PQgetlength(rows, row, column + 3) != (int)sizeof wrapped->bytes)
    return hf_fail(HF_STATUS_MALFORMED, "a stored data key has another form than this version writes");
  memcpy(&place->case_id, PQgetvalue(rows, row, column), sizeof place->case_id);
  place->first_seq = (uint64_t)number_at(rows, row, column + 1);
  memcpy(wrapped->by, PQgetvalue(rows, row, column + 2), name + 1);
  memcpy(wrapped->bytes, PQgetvalue(rows, row, column + 3), sizeof wrapped->bytes);
  return hf_ok();
}

struct hf_status hf_case_row(struct hf_seal *seal, uint32_t shard, const PGresult *rows, int row, struct hf_read_keys *keys,
                             struct hf_fact *fact)
{
  struct hf_data_key_place place = {.shard = shard};
  struct hf_wrapped_key wrapped;
  fact->kind = HF_FACT_UNSET;
  if (!PQgetisnull(rows, row, 0)) return hf_record_fact_open(seal, keys, column_span(rows, row, 0), fact);
  struct hf_status status = hf_wrapped_key_of(rows, row, 1, &place, &wrapped);
  return hf_is_ok(status) ? hf_read_keys_add(keys, seal, &place, &wrapped) : status;
}

static struct hf_status take_version(void *owner, const PGresult *rows, int row)
{
  uint32_t version;
  memcpy(&version, PQgetvalue(rows, row, 0), sizeof version);
  *(int *)owner = (int)be32toh(version);
  return hf_ok();
}

static struct hf_status take_shard(void *owner, const PGresult *rows, int row)
{
  *(struct hf_shard_row *)owner = (struct hf_shard_row){.epoch = number_at(rows, row, 0),
                                                        .next = {number_at(rows, row, 1), number_at(rows, row, 5)},
                                                        .seq = (uint64_t)number_at(rows, row, 2),
                                                        .published_seq = (uint64_t)number_at(rows, row, 3)};
  struct hf_shard_row *to = owner;
  enum hf_audit_digest digest;
  if (!hf_audit_digest_of(PQgetvalue(rows, row, 6), &digest) ||
      !hf_audit_tree_unpack(&to->tree, digest, column_span(rows, row, 4)) || to->tree.size != to->seq)
    return hf_fail(HF_STATUS_CONFIG, "the shard's audit tree does not fit its facts: `holdfast audit check` says where");
  return hf_ok();
}

static struct hf_status take_ended(void *owner, const PGresult *rows, int row)
{
  *(int64_t *)owner += PQgetvalue(rows, row, 0)[0];
  return hf_ok();
}

/* An owner frozen, or cut off, with half a transaction sent holds its shard's row for as long as PostgreSQL waits for the rest:
 * engine/decisions/14. */
static void end_stalled(struct hf_lookup *lookup, uint32_t shard)
{
  int64_t ended = 0;
  (void)each_row(
      lookup,
      "select pg_terminate_backend(a.pid) from pg_stat_activity a where a.wait_event = 'ClientRead' "
      "and a.xact_start < clock_timestamp() - interval '1 second' and exists (select from pg_locks l where l.pid = a.pid "
      "and l.relation = 'shard'::regclass and l.mode = 'RowExclusiveLock')",
      0, NULL, take_ended, &ended);
  HF_LOG(ended > 0 ? HF_LOG_ALARM : HF_LOG_INFO, "E1306", "the last owner's unfinished transactions were looked for and ended",
         HF_FIELD("shard", shard), HF_FIELD("ended", ended));
}

struct hf_status hf_lookup_acquire(struct hf_lookup *lookup, uint32_t shard, const char *owner, enum hf_audit_digest digest,
                                   struct hf_shard_row *row)
{
  char number[12];
  int version = 0;
  snprintf(number, sizeof number, "%u", shard);
  struct hf_status status =
      each_row(lookup, "select coalesce(max(version), 0)::int4 from schema_version", 0, NULL, take_version, &version);
  if (hf_is_ok(status) && version != HF_SCHEMA_VERSION)
    status = hf_fail(HF_STATUS_CONFIG, "the schema has another version: run `holdfast migrate`");
  if (!hf_is_ok(status)) return status;
  status = each_row(
      lookup,
      "insert into shard as s (shard, epoch, owner, digest) values ($1::int4, 1, $2, $3) on conflict (shard) do update set "
      "epoch = s.epoch + 1, owner = excluded.owner, confirmed_at = now(), "
      "digest = case when s.seq = 0 then excluded.digest else s.digest end returning epoch, next_offset, seq, "
      "published_seq, tree, next_answer, digest",
      3, (const char *const[]){number, owner, hf_audit_digest_name(digest)}, take_shard, row);
  if (hf_is_ok(status) && row->tree.digest != digest)
    status =
        hf_fail(HF_STATUS_CONFIG, "the shard's facts are hashed otherwise than audit.hash says: it cannot be changed any more");
  if (status.kind == HF_STATUS_AGAIN) end_stalled(lookup, shard);
  return status;
}

struct fact_visit {
  struct hf_lookup *lookup;
  uint32_t shard;
  struct hf_read_keys keys;
  struct hf_fact fact;
  struct hf_status (*each)(void *owner, const struct hf_fact *fact);
  struct hf_status (*each_with_seq)(void *owner, uint64_t seq, struct hf_span fact);
  void *owner;
};

static struct hf_status take_fact(void *owner, const PGresult *rows, int row)
{
  struct fact_visit *visit = owner;
  struct hf_status status = hf_record_fact_open(visit->lookup->seal, &visit->keys, column_span(rows, row, 0), &visit->fact);
  return hf_is_ok(status) ? visit->each(visit->owner, &visit->fact) : status;
}

static struct hf_status take_key(void *owner, const PGresult *rows, int row)
{
  struct fact_visit *visit = owner;
  struct hf_data_key_place place = {.shard = visit->shard};
  struct hf_wrapped_key wrapped;
  struct hf_status status = hf_wrapped_key_of(rows, row, 0, &place, &wrapped);
  return hf_is_ok(status) ? hf_read_keys_add(&visit->keys, visit->lookup->seal, &place, &wrapped) : status;
}

static struct hf_status take_fact_with_seq(void *owner, const PGresult *rows, int row)
{
  const struct fact_visit *visit = owner;
  return visit->each_with_seq(visit->owner, (uint64_t)number_at(rows, row, 1), column_span(rows, row, 0));
}

struct hf_status hf_lookup_open_facts(struct hf_lookup *lookup, uint32_t shard,
                                      struct hf_status (*each)(void *owner, const struct hf_fact *fact), void *owner)
{
  char number[12];
  snprintf(number, sizeof number, "%u", shard);
  struct fact_visit visit = {.lookup = lookup, .shard = shard, .each = each, .owner = owner};
  struct hf_status status = each_row(
      lookup,
      "select k.case_id, k.first_seq, k.wrapped_by, k.wrapped from (select case_id from fraud_case where shard = $1::int4 and "
      "state = 'open' union all select '00000000-0000-0000-0000-000000000000') c join case_key k on k.shard = $1::int4 and "
      "k.case_id = c.case_id order by k.case_id, k.first_seq",
      1, (const char *const[]){number}, take_key, &visit);
  if (hf_is_ok(status))
    status = each_row(
        lookup,
        /* By two indices: a shard that has run for years has millions of facts of cases that rest. */
        "select body from (select seq, body from fact where shard = $1::int4 and case_id is null and kind not in "
        "('quarantined', 'clock_noted', 'access_noted', 'registry_changed') and (kind not in ('lane_noted', 'call_raised') or "
        "decided_at > now() - "
        "interval '1 day') "
        "union all select f.seq, f.body from fraud_case c join fact f on f.shard = c.shard and f.case_id = c.case_id "
        "where c.shard = $1::int4 and c.state = 'open' and f.kind not in ('case_rested', 'case_returned', 'quarantined')) open "
        "order by seq",
        1, (const char *const[]){number}, take_fact, &visit);
  hf_read_keys_free(&visit.keys);
  return status;
}

struct hf_status hf_lookup_unpublished(struct hf_lookup *lookup, uint32_t shard, uint64_t after_seq,
                                       struct hf_status (*each)(void *owner, uint64_t seq, struct hf_span fact), void *owner)
{
  char number[12], after[24];
  snprintf(number, sizeof number, "%u", shard);
  snprintf(after, sizeof after, "%llu", (unsigned long long)after_seq);
  struct fact_visit visit = {.each_with_seq = each, .owner = owner};
  return each_row(lookup, "select body, seq from fact where shard = $1::int4 and seq > $2::int8 order by seq", 2,
                  (const char *const[]){number, after}, take_fact_with_seq, &visit);
}
