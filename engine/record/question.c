#include "engine/record/question.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/record/lookup.h"

#define CASE_LIMIT_NS (50 * HF_NS_PER_MS)
#define OTHER_LIMIT_NS (2 * HF_NS_PER_S)

/* The data keys first, then the facts. */
static const char case_sql[] =
    "select * from (select null::bytea as body, case_id, first_seq as seq, wrapped_by, wrapped from case_key "
    "where shard = $1::int4 and case_id = $2::uuid "
    "union all select body, null, seq, null, null from case_facts($1::int4, $2::uuid)) rows order by body is not null, seq";
static const char due_sql[] =
    "select case_id from fraud_case where shard = $1::int4 and state = 'rested' and wakes_at <= $2::timestamptz "
    "order by wakes_at limit 100";
/* What spans cases (design.md section 5): the same account in another case, with its hold; an account on the suspect list. */
static const char seen_sql[] =
    "select distinct on (a.case_id, a.institution, a.number) a.case_id, a.institution, a.number, o.case_id, h.order_id, false, "
    "coalesce(extract(epoch from h.expires_latest) * 1000000, 0)::int8 "
    "from account a join account o on o.institution = a.institution and o.number = a.number and o.case_id <> a.case_id "
    "left join hold h on h.shard = o.shard and h.case_id = o.case_id and h.institution = o.institution and h.number = o.number "
    "and h.kind = 'stop' and h.state = 'in_force' "
    "where a.shard = $1::int4 and a.case_id = any ($2::uuid[]) and not a.by_serial "
    "union all select a.case_id, a.institution, a.number, s.case_id, null, true, 0 from account a join suspect_account s "
    "on s.institution = a.institution and s.number = a.number and s.case_id <> a.case_id "
    "where a.shard = $1::int4 and a.case_id = any ($2::uuid[]) limit 256";

static const char order_sql[] = "select case_id from order_state where shard = $1::int4 and order_id = $2::uuid";

bool hf_connection_is_ready(PGconn *connection, PostgresPollingStatusType poll_for)
{
  struct pollfd wait = {.fd = PQsocket(connection), .events = poll_for == PGRES_POLLING_READING ? POLLIN : POLLOUT};
  return poll(&wait, 1, 0) == 1;
}

static void begin(struct hf_question *question, struct hf_time now)
{
  question->deadline_ns = now.mono_ns + (question->kind == HF_QUESTION_CASE ? CASE_LIMIT_NS : OTHER_LIMIT_NS);
  question->state = HF_QUESTION_HELD;
  if (question->connection != NULL && PQstatus(question->connection) == CONNECTION_OK) return;
  hf_question_close(question);
  question->connection = PQconnectStart(question->conninfo);
  question->opened++;
  question->poll = PGRES_POLLING_WRITING;
  question->state = HF_QUESTION_CONNECTING;
}

static bool take(struct hf_question *question, enum hf_question_kind kind, uint32_t shard)
{
  if (question->state != HF_QUESTION_IDLE) return false;
  question->kind = kind;
  question->shard = shard;
  question->after_seq = 0;
  return true;
}

bool hf_question_of_case(struct hf_question *question, uint32_t shard, struct hf_case_id id, uint64_t after_seq,
                         struct hf_time now)
{
  if (!take(question, HF_QUESTION_CASE, shard)) return false;
  question->case_id = id;
  question->after_seq = after_seq;
  begin(question, now);
  return true;
}

bool hf_question_of_order(struct hf_question *question, uint32_t shard, struct hf_order_id id, uint64_t after_seq,
                          struct hf_time now)
{
  if (!take(question, HF_QUESTION_ORDER, shard)) return false;
  question->order_id = id;
  question->case_id = (struct hf_case_id){{{0}}};
  question->after_seq = after_seq;
  begin(question, now);
  return true;
}

bool hf_question_of_due(struct hf_question *question, uint32_t shard, int64_t before_wall_ns, struct hf_time now)
{
  if (!take(question, HF_QUESTION_DUE, shard)) return false;
  question->before_wall_ns = before_wall_ns;
  begin(question, now);
  return true;
}

bool hf_question_of_seen(struct hf_question *question, uint32_t shard, const struct hf_case_id *cases, uint32_t count,
                         struct hf_time now)
{
  HF_ASSERT(count > 0 && count <= HF_QUESTION_CASES_MAX);
  if (!take(question, HF_QUESTION_SEEN, shard)) return false;
  memcpy(question->cases, cases, count * sizeof *cases);
  question->cases_count = count;
  begin(question, now);
  return true;
}

/* "{id,id,…}" */
static void write_cases(const struct hf_question *question, char *text)
{
  *text++ = '{';
  for (uint32_t i = 0; i < question->cases_count; i++) {
    if (i > 0) *text++ = ',';
    hf_uuid_text(question->cases[i].uuid, text);
    text += HF_UUID_TEXT_SIZE - 1;
  }
  memcpy(text, "}", 2);
}

static bool ask(struct hf_question *question)
{
  char shard[12], text[HF_QUESTION_CASES_MAX * HF_UUID_TEXT_SIZE + 2];
  static const char *const sql[] = {case_sql, due_sql, seen_sql, order_sql};
  snprintf(shard, sizeof shard, "%u", question->shard);
  if (question->kind == HF_QUESTION_DUE)
    hf_time_text(question->before_wall_ns, text);
  else if (question->kind == HF_QUESTION_CASE)
    hf_uuid_text(question->case_id.uuid, text);
  else if (question->kind == HF_QUESTION_ORDER)
    hf_uuid_text(question->order_id.uuid, text);
  else
    write_cases(question, text);
  question->state = HF_QUESTION_ASKED;
  return PQsetnonblocking(question->connection, 1) == 0 &&
         PQsendQueryParams(question->connection, sql[question->kind], 2, NULL, (const char *const[]){shard, text}, NULL, NULL,
                           1) == 1;
}

static void end(struct hf_question *question, const struct hf_record_events *events, struct hf_status status)
{
  question->state = HF_QUESTION_IDLE;
  if (!hf_is_ok(status)) hf_question_close(question);
  if (question->kind == HF_QUESTION_CASE) events->case_known(events->owner, question->shard, question->case_id, status);
  if (question->kind == HF_QUESTION_ORDER)
    events->order_found(events->owner, question->shard, question->order_id, question->case_id, status);
}

static bool uuid_at(const PGresult *rows, int row, int column, struct hf_uuid *id)
{
  memset(id, 0, sizeof *id);
  if (PQgetisnull(rows, row, column)) return true;
  if (PQgetlength(rows, row, column) != (int)sizeof id->bytes) return false;
  memcpy(id->bytes, PQgetvalue(rows, row, column), sizeof id->bytes);
  return true;
}

static void hand_over_seen(const struct hf_question *question, const PGresult *rows, int row,
                           const struct hf_record_events *events)
{
  struct hf_fact_seen seen = {.suspect = PQgetvalue(rows, row, 5)[0] != 0};
  struct hf_case_id case_id;
  int64_t expires_us;
  size_t size = (size_t)PQgetlength(rows, row, 1), number = (size_t)PQgetlength(rows, row, 2);
  bool ok = uuid_at(rows, row, 0, &case_id.uuid) && uuid_at(rows, row, 3, &seen.other_id.uuid) &&
            uuid_at(rows, row, 4, &seen.order_id.uuid) && size < sizeof seen.party.institution && number > 0 &&
            number <= HF_ACCOUNT_NUMBER_SIZE_MAX;
  if (!ok) return;
  seen.party.account.size = (uint8_t)number;
  memcpy(seen.party.account.bytes, PQgetvalue(rows, row, 2), number);
  memcpy(seen.party.institution, PQgetvalue(rows, row, 1), size);
  memcpy(&expires_us, PQgetvalue(rows, row, 6), sizeof expires_us);
  seen.expires_wall_ns = (int64_t)be64toh((uint64_t)expires_us) * HF_NS_PER_US;
  events->case_seen(events->owner, question->shard, case_id, &seen);
}

/* One pass over a case's rows: keys, then facts, each told to `events` where that is not NULL. */
static struct hf_status read_case(const struct hf_question *question, const PGresult *rows,
                                  const struct hf_record_events *events)
{
  struct hf_read_keys keys = {0};
  struct hf_status status = hf_ok();
  for (int row = 0; row < PQntuples(rows) && hf_is_ok(status); row++) {
    struct hf_fact fact;
    status = hf_case_row(question->seal, question->shard, rows, row, &keys, &fact);
    if (hf_is_ok(status) && fact.kind != HF_FACT_UNSET && events != NULL)
      events->case_fact(events->owner, question->shard, &fact);
  }
  hf_read_keys_free(&keys);
  return status;
}

/* All rows are here: what is restored is a whole case or nothing of it. */
static struct hf_status hand_over_case(const struct hf_question *question, const PGresult *rows,
                                       const struct hf_record_events *events)
{
  struct hf_status status = read_case(question, rows, NULL);
  return hf_is_ok(status) ? read_case(question, rows, events) : status;
}

static void hand_over(struct hf_question *question, const PGresult *rows, const struct hf_record_events *events)
{
  for (int row = 0; row < PQntuples(rows); row++) {
    struct hf_case_id id;
    if (question->kind == HF_QUESTION_SEEN)
      hand_over_seen(question, rows, row, events);
    else if (question->kind == HF_QUESTION_ORDER)
      (void)uuid_at(rows, row, 0, &question->case_id.uuid);
    else if (uuid_at(rows, row, 0, &id.uuid))
      events->case_due(events->owner, question->shard, id);
  }
}

static void take_answer(struct hf_question *question, const struct hf_record_events *events)
{
  if (PQflush(question->connection) < 0 || PQconsumeInput(question->connection) == 0) {
    end(question, events, hf_fail(HF_STATUS_RETRY, "PostgreSQL cannot be reached"));
    return;
  }
  if (PQisBusy(question->connection)) return;
  struct hf_status status = hf_ok();
  PGresult *result = PQgetResult(question->connection);
  if (PQresultStatus(result) != PGRES_TUPLES_OK)
    status = hf_lookup_error(result);
  else if (question->kind == HF_QUESTION_CASE)
    status = hand_over_case(question, result, events);
  else
    hand_over(question, result, events);
  for (; result != NULL; result = PQgetResult(question->connection)) PQclear(result);
  end(question, events, status);
}

void hf_question_work(struct hf_question *question, uint64_t committed, const struct hf_record_events *events,
                      struct hf_time now)
{
  if (question->state == HF_QUESTION_IDLE) return;
  if (question->state == HF_QUESTION_CONNECTING && question->connection != NULL &&
      hf_connection_is_ready(question->connection, question->poll)) {
    question->poll = PQconnectPoll(question->connection);
    if (question->poll == PGRES_POLLING_OK) question->state = HF_QUESTION_HELD;
  }
  if (question->connection == NULL || question->poll == PGRES_POLLING_FAILED) {
    end(question, events, hf_fail(HF_STATUS_RETRY, "PostgreSQL cannot be reached"));
    return;
  }
  if (question->state == HF_QUESTION_HELD && committed >= question->after_seq && !ask(question)) {
    end(question, events, hf_fail(HF_STATUS_RETRY, "PostgreSQL cannot be reached"));
    return;
  }
  if (question->state == HF_QUESTION_ASKED) take_answer(question, events);
  if (question->state != HF_QUESTION_IDLE && now.mono_ns >= question->deadline_ns)
    end(question, events, hf_fail(HF_STATUS_RETRY, "PostgreSQL does not answer in time"));
}

void hf_question_close(struct hf_question *question)
{
  if (question->connection != NULL) PQfinish(question->connection);
  question->connection = NULL;
}
