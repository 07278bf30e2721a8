#include "engine/record/record.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/base/histogram.h"
#include "engine/base/log.h"
#include "engine/record/connection.h"
#include "engine/record/keys.h"
#include "engine/record/lookup.h"
#include "engine/record/question.h"
#include "engine/record/projection.h"

#define CHUNKS_MAX (HF_RECORD_BACKLOG_FACTS / HF_RECORD_BATCH_FACTS)
#define RECONNECT_NS (100 * HF_NS_PER_MS)
#define CONFIRM_EVERY_NS (250 * HF_NS_PER_MS)
#define COVER_EVERY_NS (3600 * HF_NS_PER_S)

/* One transaction's worth of facts. */
struct chunk {
  struct chunk *next;
  uint32_t count, sealed; /* facts; how many of them say in clear no longer whom they are about */
  struct hf_log_place place;
  struct hf_fact facts[HF_RECORD_BATCH_FACTS];
  struct hf_fact_company company[HF_RECORD_BATCH_FACTS];
};

struct shard_queue {
  bool owned, hurry;
  int64_t ended_ns; /* its last transaction */
  int64_t epoch;
  struct chunk *first, *last;
  uint64_t committed;
  uint64_t published, published_stored;
  struct hf_audit_tree tree;              /* of what is committed */
  struct hf_record_checkpoint checkpoint; /* to be stored */
};

enum state {
  STATE_DOWN,
  STATE_CONNECTING,
  STATE_SETTING_UP,
  STATE_IDLE,
  STATE_KEEPING_HOUSE,
  STATE_COMMITTING,
  STATE_LOOKING_UP
};

struct hf_record {
  struct hf_record_config config;
  struct hf_record_events events;
  char *conninfo, *owner_name;
  PGconn *connection;
  PostgresPollingStatusType poll;
  uint32_t opened; /* connections so far */
  enum state state;
  uint32_t results_due;    /* pipeline syncs to wait for: setup and commit each end with one */
  bool failed;             /* the transaction in flight was refused */
  bool fenced, confirming; /* confirming: the transaction in flight has no facts, it only asks whether the epoch is ours */
  int64_t retry_ns;        /* nothing is begun before: the pause after a failure */
  int64_t connect_by_ns;   /* then the attempt is given up */
  int64_t last_end_ns, down_since_ns, commit_started_ns;
  uint32_t turn; /* the shard whose transaction is, or was last, in flight */
  struct chunk *in_flight;
  bool unknown; /* its outcome: the connection was lost while it was being committed */
  uint64_t sent_published, sent_checkpoint;
  struct shard_queue shards[HF_SHARDS_MAX];
  struct hf_projection projection;
  uint8_t *chunks; /* CHUNKS_MAX of them, reserved */
  uint32_t chunks_fresh, chunks_used;
  struct chunk *free;
  uint32_t waiting;
  size_t raw_bytes;
  uint64_t facts_committed, analyze_at;
  bool no_day;      /* for a fact that is to be written: PostgreSQL has said so */
  int64_t cover_ns; /* then days are made for the facts to come */
  struct hf_case_keys *keys;
  struct hf_lookup lookup;
  struct hf_question question;
  struct hf_histogram durable;
};

/* --- chunks --- */

static struct chunk *take_chunk(struct hf_record *record)
{
  struct chunk *chunk = record->free;
  if (chunk != NULL)
    record->free = chunk->next;
  else
    chunk = (struct chunk *)(void *)(record->chunks + (size_t)record->chunks_fresh++ * sizeof(struct chunk));
  record->chunks_used++;
  HF_ASSERT(record->chunks_fresh <= CHUNKS_MAX);
  chunk->next = NULL;
  chunk->count = chunk->sealed = 0;
  chunk->place = HF_LOG_PLACE_SAME;
  return chunk;
}

static void give_back(struct hf_record *record, struct chunk *chunk)
{
  for (uint32_t i = 0; i < chunk->count; i++) {
    const struct hf_span raw = chunk->company[i].raw;
    if (raw.data == NULL) continue;
    record->raw_bytes -= raw.size;
    free((void *)(uintptr_t)raw.data);
  }
  record->waiting -= chunk->count;
  chunk->next = record->free;
  record->free = chunk;
  record->chunks_used--;
}

bool hf_record_has_room(const struct hf_record *record)
{
  return record->chunks_used + HF_SHARDS_MAX + 2 < CHUNKS_MAX &&
         record->raw_bytes + HF_RECORD_SIZE_MAX < HF_RECORD_BACKLOG_BYTES;
}

/* What is kept of the record's bytes, with room for the seal's tag. */
static struct hf_span copy_of(struct hf_record *record, const struct hf_fact *fact, struct hf_span raw)
{
  bool kept = fact->kind == HF_FACT_QUARANTINED || fact->kind == HF_FACT_SUBMISSION_WAITS;
  if (!kept || raw.size == 0) return (struct hf_span){NULL, 0};
  uint8_t *copy = malloc(raw.size + HF_SEAL_TAG_SIZE);
  HF_ASSERT(copy != NULL);
  memcpy(copy, raw.data, raw.size);
  record->raw_bytes += raw.size + HF_SEAL_TAG_SIZE;
  return (struct hf_span){copy, raw.size + HF_SEAL_TAG_SIZE};
}

void hf_record_add(struct hf_record *record, uint32_t shard, const struct hf_fact *facts, uint32_t count,
                   struct hf_log_place next, struct hf_span raw)
{
  struct shard_queue *queue = &record->shards[shard];
  HF_ASSERT(queue->owned && count <= HF_RECORD_BATCH_FACTS);
  if (queue->last == NULL || queue->last == record->in_flight || queue->last->count + count > HF_RECORD_BATCH_FACTS) {
    struct chunk *fresh = take_chunk(record);
    if (queue->last == NULL)
      queue->first = fresh;
    else
      queue->last->next = fresh;
    queue->last = fresh;
  }
  struct chunk *chunk = queue->last;
  for (uint32_t i = 0; i < count; i++) {
    chunk->facts[chunk->count] = facts[i];
    chunk->company[chunk->count].raw = copy_of(record, &facts[i], raw);
    chunk->count++;
  }
  if (next.offset >= 0) chunk->place.offset = next.offset;
  if (next.answer >= 0) chunk->place.answer = next.answer;
  record->waiting += count;
}

void hf_record_release(struct hf_record *record, uint32_t shard)
{
  struct shard_queue *queue = &record->shards[shard];
  queue->owned = queue->hurry = false;
  while (queue->first != NULL) {
    struct chunk *chunk = queue->first;
    queue->first = chunk->next;
    if (chunk != record->in_flight) give_back(record, chunk); /* the one in flight is given back when its outcome is known */
  }
  queue->last = NULL;
}

void hf_record_published(struct hf_record *record, uint32_t shard, uint64_t seq)
{
  record->shards[shard].published = seq;
}

/* --- the connection's life --- */

static void note_away(struct hf_record *record, struct hf_time now, const char *why)
{
  if (record->down_since_ns != 0) return;
  record->down_since_ns = now.mono_ns;
  HF_LOG(HF_LOG_ALARM, "E1301", "PostgreSQL does not answer: stops go on unrecorded, all else waits", HF_FIELD("why", why));
}

static void note_back(struct hf_record *record, struct hf_time now)
{
  if (record->down_since_ns == 0) return;
  HF_LOG(HF_LOG_INFO, "E1304", "PostgreSQL answers", HF_FIELD("away_ms", (now.mono_ns - record->down_since_ns) / HF_NS_PER_MS),
         HF_FIELD("facts_waiting", record->waiting));
  record->down_since_ns = 0;
}

static void go_down(struct hf_record *record, struct hf_time now, const char *why)
{
  note_away(record, now, why);
  if (record->state == STATE_COMMITTING || record->state == STATE_LOOKING_UP) record->unknown = record->in_flight != NULL;
  record->confirming = false;
  if (record->connection != NULL) PQfinish(record->connection);
  record->connection = NULL;
  record->state = STATE_DOWN;
  record->retry_ns = now.mono_ns + RECONNECT_NS;
}

static void start_connecting(struct hf_record *record, struct hf_time now)
{
  record->connection = PQconnectStart(record->conninfo);
  record->opened++;
  record->state = STATE_CONNECTING;
  record->poll = PGRES_POLLING_WRITING;
  record->connect_by_ns = now.mono_ns + 3 * HF_NS_PER_S;
  if (record->connection == NULL || PQstatus(record->connection) == CONNECTION_BAD) go_down(record, now, "no connection");
}

static bool ask_outcome(struct hf_record *record)
{
  char shard[12];
  snprintf(shard, sizeof shard, "%u", record->turn);
  record->results_due = 1;
  record->state = STATE_LOOKING_UP;
  return PQsendQueryParams(record->connection, "select epoch, seq from shard where shard = $1::int4", 1, NULL,
                           (const char *const[]){shard}, NULL, NULL, 0) == 1 &&
         PQpipelineSync(record->connection) == 1;
}

/* Plans are made once and go by index; what they think of empty tables is mended by analyze(). */
static const char *const session_settings[] = {"set plan_cache_mode = force_generic_plan",
                                               "set enable_seqscan = off",
                                               "set enable_hashjoin = off",
                                               "set enable_mergejoin = off",
                                               "set enable_material = off",
                                               "set enable_bitmapscan = off",
                                               "set jit = off",
                                               "set application_name = 'holdfastd'",
                                               "set synchronous_commit = on"};

static void set_up(struct hf_record *record, struct hf_time now)
{
  bool ok = PQsetnonblocking(record->connection, 1) == 0 && PQenterPipelineMode(record->connection) == 1;
  for (size_t i = 0; ok && i < sizeof session_settings / sizeof session_settings[0]; i++)
    ok = PQsendQueryParams(record->connection, session_settings[i], 0, NULL, NULL, NULL, NULL, 0) == 1;
  for (int k = 0; ok && k < HF_STATEMENT_COUNT; k++) ok = hf_connection_prepare(record->connection, &hf_statements[k]);
  ok = ok && hf_connection_prepare_fence(record->connection) && PQpipelineSync(record->connection) == 1;
  record->results_due = 1;
  record->cover_ns = 0;
  record->state = STATE_SETTING_UP;
  if (!ok) go_down(record, now, "the session cannot be set up");
}

/*
 * A plan made for an empty table joins every row of the shard with every row of the batch (measured: 10 ms a transaction after
 * a thousand orders, growing). New statistics make PostgreSQL plan anew; autovacuum brings them too, but after a minute.
 */
static void analyze(struct hf_record *record, struct hf_time now)
{
  record->analyze_at *= 16;
  record->results_due = 1;
  record->state = STATE_KEEPING_HOUSE;
  bool ok = PQsendQueryParams(record->connection, "select refresh_statistics()", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
            PQpipelineSync(record->connection) == 1;
  if (!ok) go_down(record, now, "statistics cannot be asked for");
}

/*
 * A day of facts is a table of its own (decision 30), made two weeks ahead: at each connection and once an hour, and at once
 * where PostgreSQL has no day for a fact (a clock that was weeks behind).
 */
static void cover_days(struct hf_record *record, struct hf_time now)
{
  char at[24];
  const struct chunk *next = record->shards[record->turn].first;
  const int64_t wall_ns = next != NULL && record->no_day ? next->facts[0].decided.wall_ns : now.wall_ns;
  snprintf(at, sizeof at, "%lld", (long long)(wall_ns / HF_NS_PER_S));
  record->cover_ns = now.mono_ns + COVER_EVERY_NS;
  record->results_due = 1;
  record->state = STATE_KEEPING_HOUSE;
  bool ok = PQsendQueryParams(record->connection, "select cover_days(to_timestamp($1::int8))", 1, NULL,
                              (const char *const[]){at}, NULL, NULL, 0) == 1 &&
            PQpipelineSync(record->connection) == 1;
  if (!ok) go_down(record, now, "days of facts cannot be made");
}

/* --- transactions --- */

static const struct hf_data_key *key_of(struct hf_record *record, const struct hf_fact *fact, struct hf_fact_company *company)
{
  const struct hf_data_key_place place = {.shard = fact->shard, .case_id = fact->case_id, .first_seq = fact->seq};
  struct hf_wrapped_key fresh;
  const struct hf_data_key *key = hf_case_keys_get(record->keys, record->shards[fact->shard].epoch, &place, &fresh);
  if (fresh.by[0] != '\0') company->key = fresh;
  return key;
}

/* From here on nobody reads whom it is about: not in rows, not on the topic. Here, because the stops have left by now. */
static void seal(struct hf_record *record, struct chunk *chunk)
{
  for (; chunk->sealed < chunk->count; chunk->sealed++) {
    struct hf_fact *fact = &chunk->facts[chunk->sealed];
    struct hf_fact_company *company = &chunk->company[chunk->sealed];
    const struct hf_span kept = company->raw;
    company->key.by[0] = '\0';
    company->sealed_size = 0;
    if (hf_seal_is_personal(fact))
      company->sealed_size = (uint16_t)hf_seal_fact(record->config.seal, key_of(record, fact, company), fact, company->sealed);
    if (kept.data == NULL) continue;
    const struct hf_span raw = {kept.data, kept.size - HF_SEAL_TAG_SIZE}; /* sealed where it stands */
    hf_seal_raw(record->config.seal, key_of(record, fact, company), fact, raw, (uint8_t *)(uintptr_t)raw.data);
  }
}

static void begin_commit(struct hf_record *record, uint32_t shard, struct hf_time now)
{
  struct shard_queue *queue = &record->shards[shard];
  struct chunk *chunk = queue->first;
  record->turn = shard;
  record->in_flight = chunk;
  record->failed = record->fenced = false;
  record->confirming = chunk == NULL;
  record->sent_published = queue->published;
  queue->hurry = false;
  if (chunk != NULL) seal(record, chunk);
  const struct hf_projection_audit audit = {.boot_id = hf_time_boot_id(),
                                            .shard = shard,
                                            .no_leaves = record->config.no_leaves,
                                            .tree = &queue->tree,
                                            .checkpoint = &queue->checkpoint};
  hf_projection_make(&record->projection, chunk == NULL ? NULL : chunk->facts, chunk == NULL ? NULL : chunk->company,
                     chunk == NULL ? 0 : chunk->count, &audit);
  record->sent_checkpoint = queue->checkpoint.size;
  const struct hf_fence fence = {.shard = shard,
                                 .epoch = queue->epoch,
                                 .next_offset = chunk == NULL ? -1 : chunk->place.offset,
                                 .next_answer = chunk == NULL ? -1 : chunk->place.answer,
                                 .seq = chunk == NULL ? queue->committed : chunk->facts[chunk->count - 1].seq,
                                 .published_seq = queue->published};
  bool ok = hf_connection_send(record->connection, &fence, &record->projection);
  record->results_due = 1;
  record->commit_started_ns = now.mono_ns;
  record->state = STATE_COMMITTING;
  if (!ok || PQflush(record->connection) < 0) go_down(record, now, "the transaction cannot be sent");
}

static void checkpoint_stored(struct hf_record *record, struct shard_queue *queue)
{
  if (queue->checkpoint.size == record->sent_checkpoint) queue->checkpoint.size = 0;
}

/* The first chunk is in PostgreSQL: hand it on, then forget it. */
static void on_committed(struct hf_record *record, struct hf_time now)
{
  struct shard_queue *queue = &record->shards[record->turn];
  struct chunk *chunk = record->in_flight;
  static struct hf_committed_fact committed[HF_RECORD_BATCH_FACTS];
  for (uint32_t i = 0; i < chunk->count; i++) {
    const struct hf_fact *fact = &chunk->facts[i];
    committed[i] = (struct hf_committed_fact){
        .kind = fact->kind, .case_id = fact->case_id, .seq = fact->seq, .bytes = record->projection.bodies[i]};
    if (fact->kind == HF_FACT_ORDER_ENDED) hf_histogram_add(&record->durable, now.mono_ns - fact->ended.at.mono_ns);
  }
  record->in_flight = NULL;
  record->unknown = record->no_day = false;
  record->last_end_ns = queue->ended_ns = now.mono_ns;
  record->facts_committed += chunk->count;
  if (queue->first == chunk) {
    queue->committed = chunk->facts[chunk->count - 1].seq;
    queue->tree = record->projection.tree;
    checkpoint_stored(record, queue);
    queue->published_stored = record->sent_published;
    queue->first = chunk->next;
    if (queue->first == NULL) queue->last = NULL;
    record->events.committed(record->events.owner, record->turn, committed, chunk->count, record->commit_started_ns);
  }
  give_back(record, chunk);
}

static void on_fenced(struct hf_record *record)
{
  struct chunk *chunk = record->in_flight;
  HF_LOG(HF_LOG_ALARM, "E1302", "another owner holds this shard: the late write was refused", HF_FIELD("shard", record->turn));
  struct shard_queue *queue = &record->shards[record->turn];
  bool ours = queue->first == chunk; /* not released, nor acquired again, meanwhile */
  record->in_flight = NULL;
  record->unknown = false;
  if (ours) {
    queue->first = chunk->next;
    if (queue->last == chunk) queue->last = NULL;
  }
  give_back(record, chunk);
  if (ours) record->events.fenced(record->events.owner, record->turn); /* calls hf_record_release */
}

/* The end of a transaction that only asked for the epoch. */
static void on_confirmed(struct hf_record *record, struct hf_time now)
{
  struct shard_queue *queue = &record->shards[record->turn];
  record->confirming = false;
  record->last_end_ns = queue->ended_ns = now.mono_ns;
  if (!queue->owned) return;
  if (record->fenced) {
    HF_LOG(HF_LOG_ALARM, "E1302", "another owner holds this shard: the late write was refused",
           HF_FIELD("shard", record->turn));
    record->events.fenced(record->events.owner, record->turn);
  } else if (!record->failed) {
    note_back(record, now);
    checkpoint_stored(record, queue);
    record->events.committed(record->events.owner, record->turn, NULL, 0, record->commit_started_ns);
  }
  record->failed = false;
}

static void on_result(struct hf_record *record, const PGresult *result)
{
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_ABORTED) return;
  if (record->state == STATE_LOOKING_UP && status == PGRES_TUPLES_OK && PQntuples(result) == 1) {
    const struct shard_queue *queue = &record->shards[record->turn];
    bool same_epoch = strtoll(PQgetvalue(result, 0, 0), NULL, 10) == queue->epoch;
    uint64_t seq = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
    const struct chunk *chunk = record->in_flight;
    /* Not there and still ours: send it again. There: it is done. Another epoch: fenced. */
    record->fenced = !same_epoch;
    record->failed = same_epoch && seq < chunk->facts[chunk->count - 1].seq;
    return;
  }
  if (status == PGRES_TUPLES_OK) return;
  const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  record->failed = true;
  if (code != NULL && strcmp(code, "22012") == 0)
    record->fenced = true; /* 1/count(*) of no row */
  else if (code != NULL && strcmp(code, "23514") == 0 && record->state == STATE_COMMITTING && !record->no_day)
    record->no_day = true, record->cover_ns = 0; /* made before it is sent again; if that does not help, it is said */
  else
    HF_LOG(HF_LOG_ALARM, "E1303", "PostgreSQL refuses a transaction", HF_FIELD("sqlstate", code),
           HF_FIELD("text", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

static void on_sync(struct hf_record *record, struct hf_time now)
{
  enum state was = record->state;
  record->state = STATE_IDLE;
  if (was == STATE_SETTING_UP) {
    if (record->failed) {
      record->failed = false;
      go_down(record, now, "the session cannot be set up: is the schema there?");
      return;
    }
    note_back(record, now);
    if (record->unknown && !ask_outcome(record)) go_down(record, now, "the look-up cannot be sent");
    return;
  }
  if (was == STATE_KEEPING_HOUSE) record->failed = false; /* statistics are not ours to make: autovacuum's then */
  if (record->confirming && was == STATE_COMMITTING) {
    on_confirmed(record, now);
    return;
  }
  if (record->in_flight == NULL) return;
  if (record->fenced) {
    on_fenced(record);
  } else if (record->failed) {
    struct chunk *chunk = record->in_flight;
    record->failed = record->unknown = false;
    record->in_flight = NULL;                                                  /* stays first in its queue: sent again */
    if (record->shards[record->turn].first != chunk) give_back(record, chunk); /* released meanwhile */
    if (was == STATE_COMMITTING) record->retry_ns = now.mono_ns + HF_NS_PER_S / 4;
  } else {
    note_back(record, now);
    on_committed(record, now);
  }
}

static void receive(struct hf_record *record, struct hf_time now)
{
  if (PQconsumeInput(record->connection) == 0) {
    go_down(record, now, "the connection was closed");
    return;
  }
  while (record->connection != NULL && record->results_due > 0 && PQisBusy(record->connection) == 0) {
    PGresult *result = PQgetResult(record->connection);
    if (result == NULL) continue; /* between two statements of the pipeline */
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_PIPELINE_SYNC) {
      on_result(record, result);
      bool gone = PQstatus(record->connection) == CONNECTION_BAD;
      PQclear(result);
      if (gone) {
        go_down(record, now, "the connection was closed");
        return;
      }
      continue;
    }
    PQclear(result);
    record->results_due = 0;
    on_sync(record, now);
  }
}

/* A shard that something waits for comes first; then the next in turn whose time has come. */
static bool pick_shard(struct hf_record *record, struct hf_time now, uint32_t *shard)
{
  bool found = false;
  if (now.mono_ns < record->retry_ns) return false;
  for (uint32_t i = 1; i <= HF_SHARDS_MAX; i++) {
    uint32_t at = (record->turn + i) % HF_SHARDS_MAX;
    const struct shard_queue *queue = &record->shards[at];
    bool confirms = queue->owned && queue->hurry && now.mono_ns - queue->ended_ns >= CONFIRM_EVERY_NS;
    if (queue->hurry && (queue->first != NULL || confirms)) {
      *shard = at;
      return true;
    }
    if (found || queue->first == NULL) continue;
    found = now.mono_ns - record->last_end_ns >= record->config.pace_ns || queue->first->count >= HF_RECORD_BATCH_FACTS / 4;
    *shard = at;
  }
  return found;
}

void hf_record_work(struct hf_record *record, struct hf_time now)
{
  uint32_t shard = 0;
  if (record->state == STATE_DOWN && now.mono_ns >= record->retry_ns) start_connecting(record, now);
  if (record->state == STATE_CONNECTING) {
    if (hf_connection_is_ready(record->connection, record->poll)) record->poll = PQconnectPoll(record->connection);
    if (record->poll == PGRES_POLLING_OK) {
      set_up(record, now);
    } else if (record->poll == PGRES_POLLING_FAILED || now.mono_ns > record->connect_by_ns) {
      hf_connection_note_failure(record->connection);
      go_down(record, now, "no connection");
    }
  }
  if (record->state == STATE_SETTING_UP || record->state == STATE_KEEPING_HOUSE || record->state == STATE_COMMITTING ||
      record->state == STATE_LOOKING_UP) {
    if (PQflush(record->connection) < 0)
      go_down(record, now, "the connection was closed");
    else
      receive(record, now);
    if (record->state == STATE_COMMITTING && now.mono_ns - record->commit_started_ns > HF_NS_PER_S / 2)
      note_away(record, now, "a commit takes over 500 ms");
  } else if (record->state == STATE_IDLE && PQconsumeInput(record->connection) == 0) {
    go_down(record, now, "the connection was closed");
  }
  if (record->state == STATE_IDLE && now.mono_ns >= record->cover_ns) cover_days(record, now);
  if (record->state == STATE_IDLE && record->facts_committed >= record->analyze_at) analyze(record, now);
  if (record->state == STATE_IDLE && pick_shard(record, now, &shard)) begin_commit(record, shard, now);
  hf_question_work(&record->question, record->shards[record->question.shard].committed, &record->events, now);
}

static int64_t next_commit_ns(const struct hf_record *record)
{
  if (record->state == STATE_DOWN) return record->retry_ns;
  if (record->state == STATE_CONNECTING) return record->connect_by_ns;
  if (record->state != STATE_IDLE || record->waiting == 0) return INT64_MAX;
  int64_t paced_ns = record->last_end_ns + record->config.pace_ns;
  return paced_ns > record->retry_ns ? paced_ns : record->retry_ns;
}

int64_t hf_record_next(const struct hf_record *record)
{
  int64_t commit_ns = next_commit_ns(record);
  int64_t question_ns = record->question.state == HF_QUESTION_IDLE ? INT64_MAX : record->question.deadline_ns;
  return question_ns < commit_ns ? question_ns : commit_ns;
}

struct hf_record_socket hf_record_socket(const struct hf_record *record, int which)
{
  bool questions = which == 1;
  PGconn *connection = questions ? record->question.connection : record->connection;
  if (connection == NULL) return (struct hf_record_socket){.fd = -1};
  bool connecting = questions ? record->question.state == HF_QUESTION_CONNECTING : record->state == STATE_CONNECTING;
  PostgresPollingStatusType poll = questions ? record->question.poll : record->poll;
  return (struct hf_record_socket){.fd = PQsocket(connection),
                                   .writes = connecting ? poll == PGRES_POLLING_WRITING : PQflush(connection) == 1,
                                   .opened = questions ? record->question.opened : record->opened};
}

/* --- life --- */

struct hf_status hf_record_open(struct hf_record **out, const struct hf_record_config *config,
                                const struct hf_record_events *events)
{
  struct hf_record *record = calloc(1, sizeof *record);
  HF_ASSERT(record != NULL);
  *out = record;
  record->config = *config;
  record->events = *events;
  record->conninfo = strdup(config->conninfo);
  record->owner_name = strdup(config->owner);
  record->chunks =
      mmap(NULL, CHUNKS_MAX * sizeof(struct chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  HF_ASSERT(record->conninfo != NULL && record->owner_name != NULL && record->chunks != MAP_FAILED);
  record->analyze_at = 1000;
  record->lookup.conninfo = record->question.conninfo = record->conninfo;
  record->lookup.seal = record->question.seal = config->seal;
  record->keys = hf_case_keys_open(config->seal);
  hf_projection_init(&record->projection);
  return hf_ok();
}

void hf_record_close(struct hf_record *record)
{
  if (record == NULL) return;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) hf_record_release(record, i);
  if (record->in_flight != NULL) give_back(record, record->in_flight);
  if (record->connection != NULL) PQfinish(record->connection);
  hf_lookup_close(&record->lookup);
  hf_question_close(&record->question);
  munmap(record->chunks, CHUNKS_MAX * sizeof(struct chunk));
  hf_projection_deinit(&record->projection);
  hf_case_keys_close(record->keys);
  free(record->conninfo);
  free(record->owner_name);
  free(record);
}

struct hf_status hf_record_acquire(struct hf_record *record, uint32_t shard, struct hf_shard_row *row)
{
  HF_ASSERT(shard < HF_SHARDS_MAX);
  struct shard_queue *queue = &record->shards[shard];
  struct hf_status status = hf_lookup_acquire(&record->lookup, shard, record->owner_name, record->config.digest, row);
  if (!hf_is_ok(status)) return status;
  HF_ASSERT(queue->first == NULL);
  queue->owned = true;
  queue->epoch = row->epoch;
  queue->committed = row->seq;
  queue->tree = row->tree;
  queue->checkpoint.size = 0;
  queue->published = queue->published_stored = row->published_seq;
  return hf_ok();
}

struct hf_status hf_record_load(struct hf_record *record, uint32_t shard,
                                struct hf_status (*each)(void *owner, const struct hf_fact *fact), void *owner)
{
  return hf_lookup_open_facts(&record->lookup, shard, each, owner);
}

struct hf_status hf_record_load_unpublished(struct hf_record *record, uint32_t shard, uint64_t published_seq,
                                            struct hf_status (*each)(void *owner, uint64_t seq, struct hf_span fact),
                                            void *owner)
{
  return hf_lookup_unpublished(&record->lookup, shard, published_seq, each, owner);
}

bool hf_record_ask_case(struct hf_record *record, uint32_t shard, struct hf_case_id id, uint64_t after_seq, struct hf_time now)
{
  return hf_question_of_case(&record->question, shard, id, after_seq, now);
}

bool hf_record_ask_seen(struct hf_record *record, uint32_t shard, const struct hf_case_id *cases, uint32_t count,
                        struct hf_time now)
{
  return hf_question_of_seen(&record->question, shard, cases, count, now);
}

void hf_record_hurry(struct hf_record *record, uint32_t shard)
{
  record->shards[shard].hurry = true;
}

bool hf_record_ask_order(struct hf_record *record, uint32_t shard, struct hf_order_id id, uint64_t after_seq,
                         struct hf_time now)
{
  return hf_question_of_order(&record->question, shard, id, after_seq, now);
}

bool hf_record_ask_due(struct hf_record *record, uint32_t shard, int64_t before_wall_ns, struct hf_time now)
{
  return hf_question_of_due(&record->question, shard, before_wall_ns, now);
}

const struct hf_audit_tree *hf_record_tree(const struct hf_record *record, uint32_t shard)
{
  return &record->shards[shard].tree;
}

void hf_record_store_checkpoint(struct hf_record *record, uint32_t shard, uint64_t size, const char *note)
{
  struct shard_queue *queue = &record->shards[shard];
  HF_ASSERT(size > 0 && strlen(note) < sizeof queue->checkpoint.note);
  queue->checkpoint.size = size;
  strcpy(queue->checkpoint.note, note);
  queue->hurry = true;
}

uint32_t hf_record_waiting(const struct hf_record *record)
{
  return record->waiting;
}

bool hf_record_is_up(const struct hf_record *record)
{
  return record->state >= STATE_IDLE;
}

int64_t hf_record_down_since(const struct hf_record *record)
{
  return record->down_since_ns;
}

uint64_t hf_record_committed(const struct hf_record *record, uint32_t shard)
{
  return record->shards[shard].committed;
}

const struct hf_histogram *hf_record_durable_histogram(const struct hf_record *record)
{
  return &record->durable;
}
