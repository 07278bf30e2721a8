#include "engine/daemon/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/daemon/internal.h"
#include "engine/trust/keyfile.h"

#define DRAIN_NS (4500 * HF_NS_PER_MS)

/* --- what stages tell --- */

static void on_tell(void *owner, const struct hf_input *told)
{
  struct hf_engine *engine = owner;
  uint32_t shard = hf_order_id_shard(told->order_id);
  if (shard >= HF_SHARDS_MAX || engine->shards[shard].state != HF_SHARD_RUNNING) return;
  struct hf_input input = *told;
  input.now = engine->turn;
  if (input.at.mono_ns > input.now.mono_ns) input.now = input.at; /* the stamp is fresher than the turn */
  hf_route_step(engine, shard, &input);
}

static void on_cancel(void *owner, uint32_t lane, uint32_t flight)
{
  struct hf_engine *engine = owner;
  const struct hf_open_transport *transport = engine->transport_of[lane];
  transport->is->cancel(transport->self, flight);
  hf_proof_cancel(engine, flight);
}

static bool on_known(void *owner, struct hf_order_id id, struct hf_order *order)
{
  const struct hf_engine *engine = owner;
  uint32_t shard = hf_order_id_shard(id);
  return shard < HF_SHARDS_MAX && engine->shards[shard].state == HF_SHARD_RUNNING &&
         hf_core_find_order(engine->shards[shard].core, id, order);
}

static void on_left(void *owner, uint32_t flight, struct hf_time at)
{
  struct hf_engine *engine = owner;
  hf_trace_left(engine, flight, hf_dispatch_view(engine->dispatch, flight).message.order, at);
  hf_dispatch_left(engine->dispatch, flight, at);
}

static void on_replied(void *owner, uint32_t flight, const struct hf_reply *reply, struct hf_time at)
{
  struct hf_engine *engine = owner;
  if (hf_proof_begin(engine, flight, reply, at)) return;
  hf_dispatch_replied(engine->dispatch, flight, reply->status, reply->body, at);
}

static bool on_heard(void *owner, uint32_t lane, struct hf_span body, struct hf_time at)
{
  struct hf_engine *engine = owner;
  enum hf_believed believed = hf_proof_heard(engine, lane, body, at);
  if (believed == HF_BELIEVED) hf_late_hear(engine, lane, &(struct hf_heard){.body = body}, at, -1);
  return believed != HF_BELIEVED_NO_ROOM;
}

static void on_failed(void *owner, uint32_t flight, enum hf_outcome outcome, bool left, struct hf_time at)
{
  hf_dispatch_failed(((struct hf_engine *)owner)->dispatch, flight, outcome, left, at);
}

/* On the transaction's own texts, which live until it has been handed over. */
static struct hf_span write_alert(struct hf_span fact, uint32_t *used)
{
  static char texts[HF_RECORD_BATCH_FACTS][HF_ALERT_SIZE_MAX];
  size_t size = hf_alerts_write(fact, texts[*used]);
  return size == 0 ? (struct hf_span){NULL, 0} : (struct hf_span){(const uint8_t *)texts[(*used)++], size};
}

static void on_committed(void *owner, uint32_t shard, const struct hf_committed_fact *facts, uint32_t count, int64_t asked_ns)
{
  struct hf_engine *engine = owner;
  static struct hf_published_fact published[HF_RECORD_BATCH_FACTS];
  uint32_t texts_used = 0;
  engine->heard = true;
  HF_ASSERT(count <= HF_RECORD_BATCH_FACTS);
  hf_dispatch_committed(engine->dispatch, shard, hf_record_committed(engine->record, shard), asked_ns, hf_time_now());
  for (uint32_t i = 0; i < count; i++) {
    published[i] = (struct hf_published_fact){
        .case_id = facts[i].case_id, .seq = facts[i].seq, .bytes = facts[i].bytes.data, .size = facts[i].bytes.size};
    if (hf_alerts_of(facts[i].kind)) published[i].alert = write_alert(facts[i].bytes, &texts_used);
    if (facts[i].kind == HF_FACT_TRANSFER_CLAIMED || facts[i].kind == HF_FACT_ACCOUNT_REACHED)
      hf_comeback_grown(engine, shard, facts[i].case_id);
  }
  if (count > 0) hf_publish_add(engine->publish, shard, published, count);
}

/* --- one turn of the loop --- */

static bool has_room(const struct hf_engine *engine, const struct hf_shard *shard)
{
  return hf_core_has_room(shard->core) && hf_dispatch_has_room(engine->dispatch) && hf_record_has_room(engine->record);
}

/* Gives what institutions say over holdfast.answers to the workers that check it. Returns whether there was anything. */
static bool take_answers(struct hf_engine *engine)
{
  bool moved = false;
  const struct hf_answer_record *record;
  while (!engine->stopping && hf_record_has_room(engine->record) && (record = hf_answers_next(engine->answers)) != NULL) {
    struct hf_shard *shard = &engine->shards[record->shard];
    uint32_t lane = hf_dispatch_lane_named(engine->dispatch, record->institution);
    if (shard->state != HF_SHARD_RUNNING)
      ; /* fenced: its new owner reads this record */
    else if (lane == UINT32_MAX || record->value.size > HF_ANSWER_RECORD_SIZE_MAX)
      HF_LOG(HF_LOG_WARN, "E1509", "an answer of no known institution, or over 65 KiB", HF_FIELD("shard", record->shard),
             HF_FIELD("offset", record->offset), HF_FIELD("bytes", record->value.size));
    else if (!hf_proof_record(engine, lane, record))
      break; /* a check that ends wakes the loop */
    shard->answers_read = record->offset + 1;
    hf_answers_done(engine->answers);
    moved = true;
  }
  return moved;
}

/* Returns whether anything was decided. */
static bool decide_submissions(struct hf_engine *engine)
{
  bool moved = false;
  const struct hf_submission *submission;
  while (!engine->stopping && (submission = hf_intake_next(engine->intake)) != NULL) {
    struct hf_shard *shard = &engine->shards[submission->shard];
    if (shard->state != HF_SHARD_RUNNING) { /* fenced: its new owner decides this record */
      hf_intake_done(engine->intake);
      continue;
    }
    if (!has_room(engine, shard)) break;
    struct hf_input input = submission->input;
    input.now = hf_time_now();
    const struct hf_case_id *about = input.kind == HF_INPUT_REPORT    ? &input.report->case_id
                                     : input.kind == HF_INPUT_COMMAND ? &input.command->case_id
                                                                      : NULL;
    if (about != NULL && hf_comeback_awaits(engine, submission->shard, *about)) break;
    uint32_t count = hf_core_step(shard->core, &input, engine->facts);
    hf_comeback_decided(engine);
    if (input.kind == HF_INPUT_REPORT) hf_trace_begin(engine, submission, engine->facts, count);
    hf_route(engine, submission->shard, count, input.offset + 1, submission->raw);
    hf_intake_done(engine->intake);
    moved = true;
  }
  return moved;
}

static void sign_flights(struct hf_engine *engine)
{
  for (uint32_t flight;
       engine->sign_used < engine->flights_max && (flight = hf_dispatch_take_unsigned(engine->dispatch)) != 0;) {
    struct hf_trust_job *job = &engine->sign_jobs[flight];
    engine->sign_started_ns[flight] = hf_time_now().mono_ns;
    if (hf_proof_seal(engine, flight)) continue;
    struct hf_status status = hf_trust_sign(engine->trust, job, hf_dispatch_view(engine->dispatch, flight).to_sign);
    HF_ASSERT(hf_is_ok(status)); /* flights_max + intake's slots fit into HF_TRUST_JOBS_MAX */
    engine->sign_queue[(engine->sign_first + engine->sign_used++) % engine->flights_max] = flight;
  }
}

static bool collect_signed(struct hf_engine *engine)
{
  bool moved = false;
  while (engine->sign_used > 0) {
    uint32_t flight = engine->sign_queue[engine->sign_first];
    const struct hf_trust_job *job = &engine->sign_jobs[flight];
    if (!hf_trust_job_done(job)) break;
    HF_ASSERT(job->signature_size > 0); /* the key was tried at start */
    engine->sign_done_ns[flight] = hf_time_now().mono_ns;
    hf_histogram_add(&engine->stages[HF_STAGE_DECIDED_TO_SIGNED],
                     engine->sign_done_ns[flight] - engine->sign_started_ns[flight]);
    hf_dispatch_signed(engine->dispatch, flight, hf_trust_signing_key_id(engine->trust),
                       hf_algorithm_code(hf_trust_signing_algorithm(engine->trust)),
                       (struct hf_span){job->signature, job->signature_size});
    engine->sign_first = (engine->sign_first + 1) % engine->flights_max;
    engine->sign_used--;
    moved = true;
  }
  return moved;
}

/* Hands ready flights to the transport; a lane that gets no connection now does not hold up the others. */
static bool send_ready(struct hf_engine *engine)
{
  bool moved = false;
  bool blocked[HF_INSTITUTIONS_MAX] = {false};
  for (uint32_t flight = hf_dispatch_ready(engine->dispatch, 0), next; flight != 0; flight = next) {
    next = hf_dispatch_ready(engine->dispatch, flight);
    struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
    if (blocked[view.lane]) continue;
    if (!engine->config.engine_sign) engine->sign_done_ns[flight] = hf_time_now().mono_ns;
    const struct hf_open_transport *transport = engine->transport_of[view.lane];
    const struct hf_parcel parcel = {.path = view.dialect->path,
                                     .content_type = view.dialect->content_type,
                                     .headers = view.headers,
                                     .body = view.message.body,
                                     .order = view.message.order};
    struct hf_status status = transport->is->send(transport->self, view.lane, flight, &parcel);
    if (hf_is_ok(status))
      hf_dispatch_started(engine->dispatch, flight, engine->turn);
    else
      blocked[view.lane] = true;
    moved |= hf_is_ok(status);
  }
  return moved;
}

static bool work_transports(struct hf_engine *engine)
{
  bool more = false;
  for (int i = 0; i < HF_TRANSPORTS; i++) more |= engine->transports[i].is->work(engine->transports[i].self, engine->turn);
  return more;
}

static void tick_cores(struct hf_engine *engine)
{
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) {
    struct hf_shard *shard = &engine->shards[i];
    if (shard->state != HF_SHARD_RUNNING || hf_core_next_deadline(shard->core) > engine->turn.wall_ns) continue;
    const struct hf_input input = {.kind = HF_INPUT_TICK, .now = engine->turn, .at = engine->turn};
    hf_route_step(engine, i, &input);
  }
}

static void record_and_publish(struct hf_engine *engine)
{
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++)
    if (engine->shards[i].state == HF_SHARD_RUNNING && hf_dispatch_wants_commit(engine->dispatch, i))
      hf_record_hurry(engine->record, i);
  /* A commit's facts go straight to the producer, so a transaction begins only where they have room. */
  if (hf_publish_has_room(engine->publish)) hf_record_work(engine->record, hf_time_now());
  (void)hf_publish_work(engine->publish);
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++)
    if (engine->shards[i].state >= HF_SHARD_OWNED)
      hf_record_published(engine->record, i, hf_publish_acknowledged(engine->publish, i));
}

static void on_record_event(evutil_socket_t fd, short what, void *user)
{
  (void)fd, (void)what, (void)user; /* the turn does the work */
}

/* libpq's socket changes with each connection, and what is waited for with each flush. */
static void watch_record(struct hf_engine *engine)
{
  for (int i = 0; i < HF_RECORD_SOCKETS; i++) {
    struct hf_watched *watched = &engine->record_watched[i];
    struct hf_record_socket old = watched->socket, new = hf_record_socket(engine->record, i);
    if (new.fd == old.fd &&new.writes == old.writes &&new.opened == old.opened) continue;
    if (watched->event != NULL) event_free(watched->event);
    *watched = (struct hf_watched){.socket = new};
    if (new.fd < 0) continue;
    short what = (short)(EV_READ | EV_PERSIST | (new.writes ? EV_WRITE : 0));
    watched->event = event_new(engine->base, new.fd, what, on_record_event, NULL);
    event_add(watched->event, NULL);
  }
}

static void begin_to_stop(struct hf_engine *engine)
{
  if (engine->stopping) return;
  engine->stopping = true;
  engine->stop_by_ns = hf_time_now().mono_ns + DRAIN_NS;
}

static void end_if_fenced(struct hf_engine *engine)
{
  if (!engine->fenced || engine->exit_code != 0) return;
  HF_LOG(HF_LOG_ALARM, "E1708", "fenced: this process ends and its supervisor starts a fresh one",
         HF_FIELD("exit", HF_EXIT_FENCED));
  engine->exit_code = HF_EXIT_FENCED; /* nothing of a zombie is worth keeping; its other shards are drained first */
  begin_to_stop(engine);
}

/* When the next turn has to come by itself. */
static int64_t next_turn_ns(struct hf_engine *engine, bool again)
{
  int64_t next = engine->turn.mono_ns + 250 * HF_NS_PER_MS; /* Kafka wants to be polled, clocks to be looked at */
  int64_t others[] = {hf_dispatch_next(engine->dispatch), hf_record_next(engine->record),
                      engine->takeover ? engine->turn.mono_ns + 2 * HF_NS_PER_MS : INT64_MAX,
                      engine->left_out ? engine->round.next_ns : INT64_MAX};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (others[i] < next) next = others[i];
  return again ? engine->turn.mono_ns : next;
}

static bool turn(struct hf_engine *engine)
{
  engine->turn = hf_time_now();
  engine->counters.turns++;
  hf_takeover_work(engine);
  hf_trust_work(engine->trust);
  bool more = work_transports(engine);
  hf_intake_work(engine->intake, engine->turn);
  bool moved = hf_trust_help(engine->trust);
  moved |= hf_proof_work(engine);
  moved |= take_answers(engine);
  moved |= decide_submissions(engine);
  if (hf_record_has_room(engine->record) && !engine->stopping) hf_dispatch_work(engine->dispatch, engine->turn);
  moved |= hf_route_left_out(engine);
  sign_flights(engine);
  moved |= hf_trust_help(engine->trust);
  moved |= collect_signed(engine);
  if (send_ready(engine)) more |= work_transports(engine);
  tick_cores(engine);
  moved |= hf_late_work(engine) && engine->heard;
  hf_comeback_work(engine);
  hf_audit_work(engine);
  hf_clock_work(engine);
  hf_silence_work(engine);
  engine->heard = false;
  record_and_publish(engine);
  watch_record(engine);
  end_if_fenced(engine);
  return moved || more || engine->heard || hf_trust_waits(engine->trust);
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
  (void)fd, (void)what, (void)user; /* the turn does the work */
}

static void on_signal(evutil_socket_t number, short what, void *user)
{
  struct hf_engine *engine = user;
  (void)what;
  if (engine->stopping) return;
  begin_to_stop(engine);
  HF_LOG(HF_LOG_INFO, "E1709", "stopping: no new submissions, what is in flight may finish", HF_FIELD("signal", (int)number));
}

static bool is_drained(const struct hf_engine *engine)
{
  for (uint32_t i = 0; i < hf_dispatch_lanes(engine->dispatch); i++)
    if (hf_dispatch_lane(engine->dispatch, i).in_flight > 0) return false;
  return hf_record_waiting(engine->record) == 0 && hf_publish_waiting(engine->publish) == 0;
}

int hf_engine_run(struct hf_engine *engine)
{
  HF_LOG(HF_LOG_INFO, "E1700", "started", HF_FIELD("version", HF_VERSION), HF_FIELD("instance", engine->config.engine_instance),
         HF_FIELD("http", engine->config.http_listen));
  const struct hf_config *config = &engine->config;
  if (!config->engine_verify || !config->engine_sign || !config->engine_queries || !config->audit_leaves)
    HF_LOG(HF_LOG_ALARM, "E1712", "a setting for the benchmark is on: this engine must not serve a centre",
           HF_FIELD("verify", engine->config.engine_verify != 0), HF_FIELD("sign", engine->config.engine_sign != 0),
           HF_FIELD("queries", engine->config.engine_queries != 0), HF_FIELD("leaves", config->audit_leaves != 0));
  for (;;) {
    bool again = turn(engine);
    if (engine->stopping && is_drained(engine)) return engine->exit_code;
    if (engine->stopping && engine->turn.mono_ns >= engine->stop_by_ns) {
      HF_LOG(HF_LOG_WARN, "E1710", "stopped with work handed over to the next owner",
             HF_FIELD("facts_waiting", hf_record_waiting(engine->record)));
      return engine->exit_code; /* what is unrecorded is in Kafka and is decided again with the same ids */
    }
    int64_t wait_ns = next_turn_ns(engine, again) - hf_time_now().mono_ns;
    if (wait_ns <= 0) {
      event_base_loop(engine->base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* without ONCE it loops while any fd stays readable */
      continue;
    }
    struct timeval after = {wait_ns / HF_NS_PER_S, wait_ns % HF_NS_PER_S / 1000};
    evtimer_add(engine->turn_timer, &after);
    event_base_loop(engine->base, EVLOOP_ONCE);
  }
}

/* --- life --- */

/* Read here and not by each turn: most turns have nothing to do with answers over Kafka. */
static void on_answers(evutil_socket_t fd, short what, void *user)
{
  (void)fd, (void)what;
  hf_answers_woken(((struct hf_engine *)user)->answers);
}

static struct event *watch_fd(struct hf_engine *engine, int fd, event_callback_fn woken)
{
  if (fd < 0) return NULL;
  struct event *event = event_new(engine->base, fd, EV_READ | EV_PERSIST, woken, engine);
  event_add(event, NULL);
  return event;
}

/* Root administrators stand in the configuration: they are what the registry itself is trusted by. */
static struct hf_status load_root_keys(struct hf_engine *engine)
{
  char file[HF_CONFIG_TEXT_MAX];
  for (size_t at = 0; engine->config.engine_root_keys[at] != '\0';) {
    struct hf_key key = {.role = HF_ROLE_ADMINISTRATOR};
    at = hf_config_root_key(&engine->config, at, file);
    struct hf_status status = hf_keyfile_read_public(file, &key);
    if (hf_is_ok(status)) status = hf_trust_key_set(engine->trust, &key);
    if (!hf_is_ok(status)) {
      HF_LOG(HF_LOG_ALARM, "E1711", "a root administrator's key cannot be used", HF_FIELD("file", file),
             HF_FIELD("why", status.why));
      return hf_fail(HF_STATUS_CONFIG, "a root administrator's key cannot be used");
    }
    memcpy(engine->core_config.root_keys[engine->core_config.root_keys_count++], key.id, sizeof key.id);
  }
  return hf_ok();
}

static struct hf_status open_stages(struct hf_engine *engine)
{
  const struct hf_config *config = &engine->config;
  const struct hf_dispatch_config dispatch = {
      .orders_max = (uint32_t)config->dispatch_orders, .flights_max = engine->flights_max, .sign = config->engine_sign != 0};
  const struct hf_dispatch_events dispatch_events = {.owner = engine, .tell = on_tell, .cancel = on_cancel, .known = on_known};
  const struct hf_transport_config transport = {.certificate_file = config->tls_certificate,
                                                .key_file = config->tls_key,
                                                .ca_file = config->tls_ca,
                                                .slots_count = engine->flights_max + 1,
                                                .brokers = config->kafka_brokers,
                                                .drop = config->filedrop_root};
  const struct hf_transport_events transport_events = {
      .owner = engine, .left = on_left, .replied = on_replied, .heard = on_heard, .failed = on_failed};
  enum hf_audit_digest digest;
  HF_ASSERT(hf_audit_digest_of(config->audit_hash, &digest)); /* a choice of the configuration */
  const struct hf_record_config record = {.conninfo = config->postgres_conninfo,
                                          .owner = config->engine_instance,
                                          .pace_ns = config->postgres_pace_us * HF_NS_PER_US,
                                          .no_leaves = config->audit_leaves == 0,
                                          .digest = digest,
                                          .seal = engine->seal};
  const struct hf_record_events record_events = {.owner = engine,
                                                 .committed = on_committed,
                                                 .fenced = hf_takeover_fenced,
                                                 .case_fact = hf_comeback_fact,
                                                 .case_known = hf_comeback_known,
                                                 .order_found = hf_late_order_found,
                                                 .case_due = hf_comeback_due,
                                                 .case_seen = hf_comeback_seen};
  const struct hf_intake_config intake = {.brokers = config->kafka_brokers,
                                          .topic = config->kafka_reports,
                                          .group = config->kafka_group,
                                          .instance = config->engine_instance,
                                          .fetch_wait_ms = (int)config->kafka_fetch_wait_ms,
                                          .session_ms = (int)config->kafka_session_ms,
                                          .verify = config->engine_verify != 0};
  const struct hf_answers_config answers = {.brokers = config->kafka_brokers,
                                            .topic = config->kafka_answers,
                                            .instance = config->engine_instance,
                                            .fetch_wait_ms = (int)config->kafka_fetch_wait_ms};
  const struct hf_intake_events intake_events = {
      .owner = engine, .assigned = hf_takeover_assigned, .revoked = hf_takeover_revoked};
  struct hf_status status = hf_trust_open(&engine->trust, (unsigned)config->engine_workers, config->engine_signing_key);
  if (hf_is_ok(status)) status = load_root_keys(engine);
  if (hf_is_ok(status)) status = hf_audit_open(engine);
  if (hf_is_ok(status)) status = hf_dispatch_open(&engine->dispatch, &dispatch, &dispatch_events, hf_time_now());
  for (int i = 0; hf_is_ok(status) && i < HF_TRANSPORTS; i++)
    status = engine->transports[i].is->open(&engine->transports[i].self, engine->base, &transport, &transport_events);
  if (hf_is_ok(status)) status = hf_record_open(&engine->record, &record, &record_events);
  if (hf_is_ok(status))
    status = hf_publish_open(&engine->publish, config->kafka_brokers, config->kafka_facts, config->kafka_alerts);
  if (hf_is_ok(status)) status = hf_http_open(engine);
  if (hf_is_ok(status)) status = hf_answers_open(&engine->answers, &answers);
  if (hf_is_ok(status)) status = hf_intake_open(&engine->intake, &intake, &intake_events, engine->trust);
  return status;
}

static void allocate(struct hf_engine *engine)
{
  uint32_t flights = engine->flights_max;
  engine->facts = calloc(HF_STEP_FACTS_MAX, sizeof *engine->facts);
  engine->sign_jobs = calloc(flights + 1, sizeof *engine->sign_jobs);
  engine->sign_queue = calloc(flights + 1, sizeof *engine->sign_queue);
  engine->sign_started_ns = calloc(flights + 1, sizeof(int64_t));
  engine->sign_done_ns = calloc(flights + 1, sizeof(int64_t));
  hf_proof_open(engine);
  engine->traces = calloc(HF_TRACES_MAX, sizeof *engine->traces);
  engine->lates = calloc(HF_LATE_MAX, sizeof *engine->lates);
  HF_ASSERT(engine->facts && engine->sign_jobs && engine->sign_queue && engine->sign_started_ns && engine->sign_done_ns &&
            engine->traces && engine->lates);
}

struct hf_status hf_engine_open(struct hf_engine **out, const struct hf_config *config)
{
  struct hf_engine *engine = calloc(1, sizeof *engine);
  HF_ASSERT(engine != NULL);
  *out = engine;
  engine->config = *config;
  static const struct hf_transport *const transports[HF_TRANSPORTS] = {&hf_transport_https, &hf_transport_tcp,
                                                                       &hf_transport_kafka, &hf_transport_filedrop};
  for (int i = 0; i < HF_TRANSPORTS; i++) engine->transports[i].is = transports[i];
  for (int i = 0; i < HF_RECORD_SOCKETS; i++) engine->record_watched[i].socket.fd = -1;
  engine->flights_max = (uint32_t)config->dispatch_flights;
  if (engine->flights_max + HF_INTAKE_SLOTS > HF_TRUST_JOBS_MAX)
    return hf_fail(HF_STATUS_CONFIG, "dispatch.flights: at most 1024, so that every signature has a place with the workers");
  engine->core_config = (struct hf_core_config){.partitions = HF_SHARDS_MAX,
                                                .stops_only = config->engine_queries == 0,
                                                .cases_max = (uint32_t)config->core_cases,
                                                .accounts_max = (uint32_t)config->core_accounts,
                                                .orders_max = (uint32_t)config->core_orders};
  allocate(engine);
  struct event_config *event_config = event_config_new();
  event_config_set_flag(event_config,
                        EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME);
  engine->base = event_base_new_with_config(event_config);
  event_config_free(event_config);
  HF_ASSERT(engine->base != NULL);
  signal(SIGPIPE, SIG_IGN);
  struct hf_status status = hf_seal_open(&engine->seal, config->personal_keys);
  if (hf_is_ok(status)) status = open_stages(engine);
  if (!hf_is_ok(status)) return status;
  engine->turn_timer = evtimer_new(engine->base, on_wake, engine);
  engine->intake_event = watch_fd(engine, hf_intake_fd(engine->intake), on_wake);
  engine->answers_event = watch_fd(engine, hf_answers_fd(engine->answers), on_answers);
  engine->trust_event = watch_fd(engine, hf_trust_fd(engine->trust), on_wake);
  static const int numbers[] = {SIGTERM, SIGINT};
  for (int i = 0; i < 2; i++) {
    engine->signals[i] = evsignal_new(engine->base, numbers[i], on_signal, engine);
    evsignal_add(engine->signals[i], NULL);
  }
  return hf_ok();
}

void hf_engine_close(struct hf_engine *engine)
{
  if (engine == NULL) return;
  hf_intake_close(engine->intake); /* calls hf_takeover_revoked: the shards are let go */
  hf_answers_close(engine->answers);
  hf_trust_close(engine->trust);
  for (int i = 0; i < HF_TRANSPORTS; i++)
    if (engine->transports[i].self != NULL) engine->transports[i].is->close(engine->transports[i].self);
  hf_dispatch_close(engine->dispatch);
  hf_record_close(engine->record);
  hf_publish_close(engine->publish);
  hf_http_close(engine);
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) hf_shard_close(&engine->shards[i]);
  struct event *events[] = {
      engine->turn_timer, engine->intake_event, engine->answers_event,           engine->trust_event,
      engine->signals[0], engine->signals[1],   engine->record_watched[0].event, engine->record_watched[1].event};
  for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
    if (events[i] != NULL) event_free(events[i]);
  if (engine->base != NULL) event_base_free(engine->base);
  hf_seal_close(engine->seal);
  free(engine->facts);
  free(engine->sign_jobs);
  free(engine->sign_queue);
  free(engine->sign_started_ns);
  free(engine->sign_done_ns);
  free(engine->traces);
  free(engine->lates);
  hf_proof_close(engine);
  hf_audit_close(engine);
  free(engine);
}
