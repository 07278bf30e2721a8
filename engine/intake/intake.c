#include "engine/intake/intake.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

struct slot {
  rd_kafka_message_t *message;
  struct hf_time consumed;
  struct hf_envelope envelope;
  enum hf_reason form; /* what is wrong with the envelope; NONE: the job tells */
  bool submitted;
  bool barrier; /* a registry change: what follows is verified only after it has been decided */
  struct hf_trust_job job;
};

struct hf_intake {
  struct hf_intake_events events;
  struct hf_trust *trust;
  bool verify;
  int fd;
  char topic[128];
  uint32_t partitions;
  rd_kafka_t *kafka;
  rd_kafka_topic_partition_list_t *assigned;
  struct slot *slots; /* a ring */
  uint32_t first, used, submitted;
  size_t bytes;
  bool barrier;          /* an undecided registry change stands in the ring, already submitted */
  int64_t full_since_ns; /* 0: not full */
  bool paused;
  const char *trouble;
  /* the submission being worked on */
  bool current;
  struct hf_submission submission;
  struct hf_arena arena;
  struct hf_report report;
  struct hf_command command;
  struct hf_access access;
  struct hf_registry_change registry;
};

static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
  struct hf_intake *intake = opaque;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    uint32_t shards[HF_SHARDS_MAX], count = 0;
    HF_ASSERT(partitions->cnt <= HF_SHARDS_MAX);
    for (int i = 0; i < partitions->cnt; i++) shards[count++] = (uint32_t)partitions->elems[i].partition;
    intake->events.assigned(intake->events.owner, shards, count);
    return; /* rd_kafka_assign follows in hf_intake_start */
  }
  bool lost = rd_kafka_assignment_lost(kafka) != 0;
  rd_kafka_assign(kafka, NULL);
  while (intake->used > 0) { /* read again by whoever owns the partitions next */
    struct slot *slot = &intake->slots[intake->first];
    if (slot->submitted && slot->form == HF_REASON_NONE && intake->verify)
      while (!hf_trust_job_done(&slot->job)) usleep(50); /* a worker still reads it; a signature takes under 1 ms */
    rd_kafka_message_destroy(slot->message);
    intake->first = (intake->first + 1) % HF_INTAKE_SLOTS;
    intake->used--;
  }
  intake->submitted = 0;
  intake->bytes = 0;
  intake->barrier = intake->current = intake->paused = false;
  if (intake->assigned != NULL) rd_kafka_topic_partition_list_destroy(intake->assigned);
  intake->assigned = NULL;
  intake->events.revoked(intake->events.owner, lost);
}

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
  (void)kafka;
  struct hf_intake *intake = opaque;
  intake->trouble = rd_kafka_err2name((rd_kafka_resp_err_t)code);
  HF_LOG(HF_LOG_WARN, "E1101", "Kafka reports a problem", HF_FIELD("error", intake->trouble), HF_FIELD("text", reason));
}

static struct hf_status set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
  char error[256];
  if (rd_kafka_conf_set(conf, key, value, error, sizeof error) == RD_KAFKA_CONF_OK) return hf_ok();
  HF_LOG(HF_LOG_ALARM, "E1102", "librdkafka refuses a setting", HF_FIELD("key", key), HF_FIELD("text", error));
  return hf_fail(HF_STATUS_CONFIG, "librdkafka refuses a setting");
}

/* Settings and their reasons: tech.md 1.2. */
static struct hf_status configure(rd_kafka_conf_t *conf, const struct hf_intake_config *config)
{
  char wait[16], session[16];
  snprintf(wait, sizeof wait, "%d", config->fetch_wait_ms);
  snprintf(session, sizeof session, "%d", config->session_ms);
  const char *const settings[][2] = {
      {"bootstrap.servers", config->brokers},
      {"group.id", config->group},
      {"group.instance.id", config->instance},
      {"client.id", config->instance},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"partition.assignment.strategy", "range"},
      {"fetch.wait.max.ms", wait},
      {"fetch.min.bytes", "1"},
      {"fetch.error.backoff.ms", "10"},
      {"queued.max.messages.kbytes", "16384"},
      {"session.timeout.ms", session},
      {"heartbeat.interval.ms", "1000"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "500"},
      {"enable.partition.eof", "false"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"allow.auto.create.topics", "false"},
      {"log_level", "3"},
  };
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    if (settings[i][1] == NULL || settings[i][1][0] == '\0') continue;
    struct hf_status status = set(conf, settings[i][0], settings[i][1]);
    if (!hf_is_ok(status)) return status;
  }
  return hf_ok();
}

static struct hf_status connect_kafka(struct hf_intake *intake, const struct hf_intake_config *config)
{
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  struct hf_status status = configure(conf, config);
  if (!hf_is_ok(status)) {
    rd_kafka_conf_destroy(conf);
    return status;
  }
  rd_kafka_conf_set_opaque(conf, intake);
  rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  rd_kafka_conf_set_error_cb(conf, on_error);
  intake->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (intake->kafka == NULL) {
    rd_kafka_conf_destroy(conf);
    return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started");
  }
  rd_kafka_poll_set_consumer(intake->kafka);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(intake->kafka);
  rd_kafka_queue_io_event_enable(queue, intake->fd, &(uint64_t){1}, sizeof(uint64_t));
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, config->topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t failed = rd_kafka_subscribe(intake->kafka, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? hf_ok() : hf_fail(HF_STATUS_CONFIG, "the topic cannot be subscribed to");
}

struct hf_status hf_intake_open(struct hf_intake **out, const struct hf_intake_config *config,
                                const struct hf_intake_events *events, struct hf_trust *trust)
{
  struct hf_intake *intake = calloc(1, sizeof *intake);
  HF_ASSERT(intake != NULL && strlen(config->topic) < sizeof intake->topic);
  *out = intake;
  intake->events = *events;
  intake->trust = trust;
  intake->verify = config->verify;
  strcpy(intake->topic, config->topic);
  intake->slots = calloc(HF_INTAKE_SLOTS, sizeof *intake->slots);
  intake->arena = (struct hf_arena){.memory = malloc(HF_UNPACK_ARENA_SIZE), .capacity = HF_UNPACK_ARENA_SIZE};
  HF_ASSERT(intake->slots != NULL && intake->arena.memory != NULL);
  intake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (intake->fd < 0) return hf_fail(HF_STATUS_CONFIG, "no eventfd for Kafka");
  return connect_kafka(intake, config);
}

void hf_intake_close(struct hf_intake *intake)
{
  if (intake == NULL) return;
  if (intake->kafka != NULL) {
    rd_kafka_consumer_close(intake->kafka); /* calls on_rebalance */
    rd_kafka_destroy(intake->kafka);
  }
  if (intake->assigned != NULL) rd_kafka_topic_partition_list_destroy(intake->assigned);
  if (intake->fd >= 0) close(intake->fd);
  free(intake->arena.memory);
  free(intake->slots);
  free(intake);
}

int hf_intake_fd(const struct hf_intake *intake)
{
  return intake->fd;
}

/* Starts verification of what waits, up to a registry change that has not been decided yet. */
static void submit_waiting(struct hf_intake *intake)
{
  while (intake->submitted < intake->used && !intake->barrier) {
    struct slot *slot = &intake->slots[(intake->first + intake->submitted) % HF_INTAKE_SLOTS];
    if (slot->form == HF_REASON_NONE && intake->verify &&
        !hf_is_ok(hf_trust_verify(intake->trust, &slot->job, &slot->envelope)))
      return;
    slot->submitted = true;
    intake->barrier = slot->barrier;
    intake->submitted++;
  }
}

static bool is_full(const struct hf_intake *intake)
{
  return intake->used == HF_INTAKE_SLOTS || intake->bytes >= HF_INTAKE_BYTES_MAX;
}

static void take_in(struct hf_intake *intake, rd_kafka_message_t *message, struct hf_time now)
{
  struct slot *slot = &intake->slots[(intake->first + intake->used) % HF_INTAKE_SLOTS];
  slot->message = message;
  slot->consumed = now;
  slot->submitted = false;
  slot->form = hf_envelope_decode((struct hf_span){message->payload, message->len}, &slot->envelope);
  if (slot->form == HF_REASON_NONE && !hf_payload_is_submission(slot->envelope.kind)) slot->form = HF_REASON_WRONG_PAYLOAD_TYPE;
  slot->barrier = slot->form == HF_REASON_NONE && slot->envelope.kind == HF_PAYLOAD_REGISTRY;
  intake->used++;
  intake->bytes += message->len;
}

static void report_error(struct hf_intake *intake, const rd_kafka_message_t *message)
{
  intake->trouble = rd_kafka_err2name(message->err);
  bool gap = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
  HF_LOG(HF_LOG_ALARM, gap ? "E1103" : "E1104",
         gap ? "records were deleted before they were read: the partition waits for a person"
             : "Kafka gives an error instead of a record",
         HF_FIELD("error", intake->trouble), HF_FIELD("partition", message->partition), HF_FIELD("offset", message->offset));
}

/* Pausing throws away what was prefetched, so it is kept for stalls of a second and more (tech.md 1.5). */
static void hold_back(struct hf_intake *intake, struct hf_time now)
{
  if (!is_full(intake))
    intake->full_since_ns = 0;
  else if (intake->full_since_ns == 0)
    intake->full_since_ns = now.mono_ns;
  if (intake->assigned == NULL) return;
  if (!intake->paused && intake->full_since_ns != 0 && now.mono_ns - intake->full_since_ns > HF_NS_PER_S) {
    intake->paused = rd_kafka_pause_partitions(intake->kafka, intake->assigned) == RD_KAFKA_RESP_ERR_NO_ERROR;
  } else if (intake->paused && intake->used < HF_INTAKE_SLOTS / 2) {
    intake->paused = rd_kafka_resume_partitions(intake->kafka, intake->assigned) != RD_KAFKA_RESP_ERR_NO_ERROR;
  }
}

uint32_t hf_intake_work(struct hf_intake *intake, struct hf_time now)
{
  uint64_t count;
  ssize_t ignored = read(intake->fd, &count, sizeof count); /* EAGAIN: woken by something else */
  (void)ignored;
  uint32_t taken = 0;
  hold_back(intake, now);
  while (!is_full(intake)) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(intake->kafka, 0);
    if (message == NULL) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      report_error(intake, message);
      rd_kafka_message_destroy(message);
      continue;
    }
    intake->trouble = NULL;
    take_in(intake, message, hf_time_now()); /* its own stamp: the auditor's "consumed" */
    submit_waiting(intake);                  /* at once, so that a worker starts while the next record is taken in */
    taken++;
  }
  submit_waiting(intake);
  return taken;
}

struct hf_status hf_intake_start(struct hf_intake *intake, const uint32_t *shards, const int64_t *offsets, uint32_t count)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
  for (uint32_t i = 0; i < count; i++) {
    rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add(list, intake->topic, (int32_t)shards[i]);
    one->offset = offsets[i] > 0 ? offsets[i] : RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_resp_err_t failed = rd_kafka_assign(intake->kafka, list);
  /* A partition that was paused when it was taken away comes back paused. */
  (void)rd_kafka_resume_partitions(intake->kafka, list);
  if (intake->assigned != NULL) rd_kafka_topic_partition_list_destroy(intake->assigned);
  intake->assigned = list;
  const struct rd_kafka_metadata *metadata = NULL;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(intake->kafka, intake->topic, NULL);
  if (rd_kafka_metadata(intake->kafka, 0, topic, &metadata, 2000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0)
      intake->partitions = (uint32_t)metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(topic);
  if (intake->partitions == 0) return hf_fail(HF_STATUS_RETRY, "the topic's number of partitions cannot be read");
  return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? hf_ok() : hf_fail(HF_STATUS_RETRY, "the partitions cannot be assigned");
}

/* The Kafka key is the case id as text, and decides the partition. */
static bool key_names_case(const struct hf_intake *intake, const rd_kafka_message_t *message, struct hf_case_id case_id)
{
  struct hf_uuid key;
  if (message->key == NULL || !hf_is_ok(hf_uuid_parse(message->key, message->key_len, &key))) return false;
  return hf_uuid_equal(key, case_id.uuid) &&
         hf_partition_of(message->key, message->key_len, intake->partitions) == (uint32_t)message->partition;
}

static void decode(struct hf_intake *intake, struct slot *slot)
{
  struct hf_input *input = &intake->submission.input;
  input->verdict = slot->form != HF_REASON_NONE ? slot->form : intake->verify ? slot->job.verdict : HF_REASON_NONE;
  if (slot->envelope.signatures_count > 0) memcpy(input->key_id, slot->envelope.signatures[0].key_id, sizeof input->key_id);
  memset(input->second_id, 0, sizeof input->second_id);
  if (slot->envelope.signatures_count > 1)
    memcpy(input->second_id, slot->envelope.signatures[1].key_id, sizeof input->second_id);
  hf_arena_reset(&intake->arena);
  if (input->verdict == HF_REASON_NONE && slot->envelope.kind == HF_PAYLOAD_REPORT) {
    input->verdict = hf_report_decode(slot->envelope.payload, &intake->arena, &intake->report);
    input->kind = HF_INPUT_REPORT;
    input->report = input->verdict == HF_REASON_NONE ? &intake->report : NULL;
    if (input->report != NULL) input->key_is_record_key = key_names_case(intake, slot->message, input->report->case_id);
  } else if (input->verdict == HF_REASON_NONE && slot->envelope.kind == HF_PAYLOAD_COMMAND) {
    input->verdict = hf_command_decode(slot->envelope.payload, &intake->arena, &intake->command);
    input->kind = HF_INPUT_COMMAND;
    input->command = input->verdict == HF_REASON_NONE ? &intake->command : NULL;
    if (input->command != NULL) input->key_is_record_key = key_names_case(intake, slot->message, input->command->case_id);
  } else if (input->verdict == HF_REASON_NONE && slot->envelope.kind == HF_PAYLOAD_ACCESS) {
    input->verdict = hf_access_decode(slot->envelope.payload, &intake->arena, &intake->access);
    input->kind = HF_INPUT_ACCESS;
    input->access = input->verdict == HF_REASON_NONE ? &intake->access : NULL;
  } else if (input->verdict == HF_REASON_NONE) {
    input->verdict = hf_registry_decode(slot->envelope.payload, &intake->arena, &intake->registry);
    input->kind = HF_INPUT_REGISTRY;
    input->registry = input->verdict == HF_REASON_NONE ? &intake->registry : NULL;
  }
  if (input->verdict != HF_REASON_NONE) input->kind = HF_INPUT_UNREADABLE;
}

const struct hf_submission *hf_intake_next(struct hf_intake *intake)
{
  if (intake->current) return &intake->submission;
  if (intake->used == 0) return NULL;
  struct slot *slot = &intake->slots[intake->first];
  if (!slot->submitted) submit_waiting(intake);
  if (!slot->submitted) return NULL;
  if (slot->form == HF_REASON_NONE && intake->verify && !hf_trust_job_done(&slot->job)) return NULL;
  rd_kafka_timestamp_type_t type;
  int64_t appended_ms = rd_kafka_message_timestamp(slot->message, &type);
  intake->submission = (struct hf_submission){.shard = (uint32_t)slot->message->partition,
                                              .raw = {slot->message->payload, slot->message->len},
                                              .consumed_mono_ns = slot->consumed.mono_ns};
  intake->submission.input.offset = slot->message->offset;
  intake->submission.input.appended_wall_ns = appended_ms > 0 ? appended_ms * HF_NS_PER_MS : slot->consumed.wall_ns;
  intake->submission.input.consumed_wall_ns = slot->consumed.wall_ns;
  decode(intake, slot);
  intake->current = true;
  return &intake->submission;
}

void hf_intake_done(struct hf_intake *intake)
{
  HF_ASSERT(intake->current && intake->used > 0 && intake->submitted > 0);
  struct slot *slot = &intake->slots[intake->first];
  if (slot->barrier) intake->barrier = false;
  intake->bytes -= slot->message->len;
  rd_kafka_message_destroy(slot->message);
  slot->message = NULL;
  intake->first = (intake->first + 1) % HF_INTAKE_SLOTS;
  intake->used--;
  intake->submitted--;
  intake->current = false;
  submit_waiting(intake);
}

uint32_t hf_intake_waiting(const struct hf_intake *intake)
{
  return intake->used;
}

bool hf_intake_is_connected(const struct hf_intake *intake, const char **why)
{
  *why = intake->trouble;
  return intake->trouble == NULL;
}
