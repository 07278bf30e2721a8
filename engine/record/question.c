#include "engine/record/question.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/record/lookup.h"

#define CASE_LIMIT_NS (50 * HF_NS_PER_MS)
#define DUE_LIMIT_NS (2 * HF_NS_PER_S)

static const char case_sql[] =
    "select body from fact where shard = $1::int4 and case_id = $2::uuid and "
    "kind not in ('case_rested', 'case_returned', 'quarantined') order by seq";
static const char due_sql[] =
    "select case_id from fraud_case where shard = $1::int4 and state = 'rested' and wakes_at <= $2::timestamptz "
    "order by wakes_at limit 100";

bool hf_connection_is_ready(PGconn *connection, PostgresPollingStatusType poll_for)
{
  struct pollfd wait = {.fd = PQsocket(connection), .events = poll_for == PGRES_POLLING_READING ? POLLIN : POLLOUT};
  return poll(&wait, 1, 0) == 1;
}

static void begin(struct hf_question *question, struct hf_time now)
{
  question->deadline_ns = now.mono_ns + (question->due ? DUE_LIMIT_NS : CASE_LIMIT_NS);
  question->state = HF_QUESTION_HELD;
  if (question->connection != NULL && PQstatus(question->connection) == CONNECTION_OK) return;
  hf_question_close(question);
  question->connection = PQconnectStart(question->conninfo);
  question->poll = PGRES_POLLING_WRITING;
  question->state = HF_QUESTION_CONNECTING;
}

bool hf_question_of_case(struct hf_question *question, uint32_t shard, struct hf_case_id id, uint64_t after_seq,
                         struct hf_time now)
{
  if (question->state != HF_QUESTION_IDLE) return false;
  question->due = false;
  question->shard = shard;
  question->case_id = id;
  question->after_seq = after_seq;
  begin(question, now);
  return true;
}

bool hf_question_of_due(struct hf_question *question, uint32_t shard, int64_t before_wall_ns, struct hf_time now)
{
  if (question->state != HF_QUESTION_IDLE) return false;
  question->due = true;
  question->shard = shard;
  question->before_wall_ns = before_wall_ns;
  question->after_seq = 0;
  begin(question, now);
  return true;
}

static bool ask(struct hf_question *question)
{
  char shard[12], text[HF_TIME_TEXT_SIZE > HF_UUID_TEXT_SIZE ? HF_TIME_TEXT_SIZE : HF_UUID_TEXT_SIZE];
  snprintf(shard, sizeof shard, "%u", question->shard);
  if (question->due)
    hf_time_text(question->before_wall_ns, text);
  else
    hf_uuid_text(question->case_id.uuid, text);
  question->state = HF_QUESTION_ASKED;
  return PQsetnonblocking(question->connection, 1) == 0 &&
         PQsendQueryParams(question->connection, question->due ? due_sql : case_sql, 2, NULL,
                           (const char *const[]){shard, text}, NULL, NULL, 1) == 1;
}

static void end(struct hf_question *question, const struct hf_record_events *events, struct hf_status status)
{
  question->state = HF_QUESTION_IDLE;
  if (!hf_is_ok(status)) hf_question_close(question);
  if (!question->due) events->case_known(events->owner, question->shard, question->case_id, status);
}

/* All rows are here: what is restored is a whole case or nothing of it. */
static void hand_over(struct hf_question *question, const PGresult *rows, const struct hf_record_events *events)
{
  for (int row = 0; row < PQntuples(rows); row++) {
    struct hf_span value = {(const uint8_t *)PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0)};
    struct hf_case_id id;
    if (!question->due) {
      events->case_fact(events->owner, question->shard, value);
    } else if (value.size == sizeof id.uuid.bytes) {
      memcpy(id.uuid.bytes, value.data, value.size);
      events->case_due(events->owner, question->shard, id);
    }
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
  if (PQresultStatus(result) == PGRES_TUPLES_OK)
    hand_over(question, result, events);
  else
    status = hf_lookup_error(result);
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
