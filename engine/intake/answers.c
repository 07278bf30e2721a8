#include "engine/intake/answers.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

#define WAITED_NS HF_NS_PER_S

struct hf_answers {
  int fd;
  char topic[128];
  rd_kafka_t *kafka;
  rd_kafka_message_t *message; /* the one that `record` shows */
  struct hf_answer_record record;
  int64_t expected[HF_SHARDS_MAX]; /* the first offset to come of each shard; -1: any */
};

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
  (void)kafka, (void)opaque;
  HF_LOG(HF_LOG_WARN, "E1105", "Kafka, for answers", HF_FIELD("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
         HF_FIELD("text", reason));
}

struct hf_status hf_answers_open(struct hf_answers **out, const struct hf_answers_config *config)
{
  struct hf_answers *answers = calloc(1, sizeof *answers);
  char error[256], wait_ms[12], group[160];
  HF_ASSERT(answers != NULL && strlen(config->topic) < sizeof answers->topic);
  *out = answers;
  strcpy(answers->topic, config->topic);
  answers->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  HF_ASSERT(answers->fd >= 0);
  snprintf(wait_ms, sizeof wait_ms, "%d", config->fetch_wait_ms);
  snprintf(group, sizeof group, "%s.answers", config->instance); /* never joined: partitions are given, offsets PostgreSQL's */
  const char *const settings[][2] = {{"bootstrap.servers", config->brokers},
                                     {"group.id", group},
                                     {"client.id", "holdfastd-answers"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "earliest"},
                                     {"fetch.wait.max.ms", wait_ms},
                                     {"fetch.error.backoff.ms", "10"},
                                     {"queued.max.messages.kbytes", "16384"},
                                     {"reconnect.backoff.ms", "50"},
                                     {"reconnect.backoff.max.ms", "500"},
                                     {"socket.nagle.disable", "true"},
                                     {"topic.metadata.refresh.interval.ms", "10000"},
                                     {"allow.auto.create.topics", "false"},
                                     {"log_level", "3"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < sizeof settings / sizeof settings[0]; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_conf_set_error_cb(conf, on_error);
  answers->kafka = sound ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error) : NULL;
  if (answers->kafka == NULL) {
    HF_LOG(HF_LOG_ALARM, "E1106", "librdkafka cannot be started for answers", HF_FIELD("text", error));
    rd_kafka_conf_destroy(conf);
    return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started for answers");
  }
  rd_kafka_poll_set_consumer(answers->kafka);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(answers->kafka);
  rd_kafka_queue_io_event_enable(queue, answers->fd, &(uint64_t){1}, sizeof(uint64_t));
  rd_kafka_queue_destroy(queue);
  return hf_ok();
}

void hf_answers_close(struct hf_answers *answers)
{
  if (answers == NULL) return;
  if (answers->message != NULL) rd_kafka_message_destroy(answers->message);
  if (answers->kafka != NULL) {
    rd_kafka_consumer_close(answers->kafka);
    rd_kafka_destroy(answers->kafka);
  }
  if (answers->fd >= 0) close(answers->fd);
  free(answers);
}

int hf_answers_fd(const struct hf_answers *answers)
{
  return answers->fd;
}

void hf_answers_start(struct hf_answers *answers, const uint32_t *shards, const int64_t *offsets, uint32_t count)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
  for (uint32_t i = 0; i < count; i++) {
    bool begins = offsets[i] == 0; /* nothing was read of it yet */
    rd_kafka_topic_partition_list_add(list, answers->topic, (int32_t)shards[i])->offset =
        begins ? RD_KAFKA_OFFSET_BEGINNING : offsets[i];
    answers->expected[shards[i]] = begins ? -1 : offsets[i];
  }
  rd_kafka_resp_err_t failed = rd_kafka_assign(answers->kafka, list);
  rd_kafka_topic_partition_list_destroy(list);
  HF_ASSERT(failed == RD_KAFKA_RESP_ERR_NO_ERROR); /* only a fatal error of a group's member, which this is not */
}

void hf_answers_stop(struct hf_answers *answers)
{
  if (answers == NULL) return;
  if (answers->message != NULL) rd_kafka_message_destroy(answers->message);
  answers->message = NULL;
  rd_kafka_assign(answers->kafka, NULL);
}

void hf_answers_woken(struct hf_answers *answers)
{
  uint64_t count;
  ssize_t ignored = read(answers->fd, &count, sizeof count);
  (void)ignored;
}

static struct hf_span institution_of(const rd_kafka_message_t *message)
{
  rd_kafka_headers_t *headers;
  const void *value = NULL;
  size_t size = 0;
  bool there = rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               rd_kafka_header_get_last(headers, "institution", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR && value != NULL;
  return there ? (struct hf_span){value, size} : (struct hf_span){NULL, 0};
}

/* What waited for us was here when it was appended: an institution is not late because the centre was away. */
static struct hf_time came_at(int64_t appended_wall_ns)
{
  struct hf_time at = hf_time_now();
  int64_t waited_ns = at.wall_ns - appended_wall_ns;
  if (appended_wall_ns <= 0 || waited_ns < WAITED_NS) return at;
  waited_ns -= HF_NS_PER_MS; /* the broker's stamps are cut to the millisecond; never before it was there */
  return (struct hf_time){.wall_ns = at.wall_ns - waited_ns, .mono_ns = at.mono_ns - waited_ns};
}

static void tell_gap(const struct hf_answers *answers, const rd_kafka_message_t *message)
{
  int64_t expected = answers->expected[message->partition];
  if (expected >= 0 && message->offset != expected)
    HF_LOG(HF_LOG_ALARM, "E1107", "answers were deleted before they were read, or the topic is another",
           HF_FIELD("partition", message->partition), HF_FIELD("expected", expected), HF_FIELD("offset", message->offset));
}

const struct hf_answer_record *hf_answers_next(struct hf_answers *answers)
{
  if (answers->message != NULL) return &answers->record;
  rd_kafka_message_t *message;
  while ((message = rd_kafka_consumer_poll(answers->kafka, 0)) != NULL && message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    HF_LOG(HF_LOG_WARN, "E1108", "Kafka gives an error instead of an answer",
           HF_FIELD("error", rd_kafka_err2name(message->err)), HF_FIELD("partition", message->partition));
    rd_kafka_message_destroy(message);
  }
  if (message == NULL) return NULL;
  rd_kafka_timestamp_type_t type;
  int64_t appended_ms = rd_kafka_message_timestamp(message, &type);
  tell_gap(answers, message);
  answers->expected[message->partition] = -1; /* told once; from here on compacted or aborted records leave gaps of their own */
  answers->message = message;
  answers->record = (struct hf_answer_record){.shard = (uint32_t)message->partition,
                                              .offset = message->offset,
                                              .appended_wall_ns = appended_ms * HF_NS_PER_MS,
                                              .at = came_at(appended_ms * HF_NS_PER_MS),
                                              .institution = institution_of(message),
                                              .value = {message->payload, message->len}};
  return &answers->record;
}

void hf_answers_done(struct hf_answers *answers)
{
  HF_ASSERT(answers->message != NULL);
  rd_kafka_message_destroy(answers->message);
  answers->message = NULL;
}
