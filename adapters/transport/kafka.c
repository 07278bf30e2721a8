/*
 * Kafka: orders onto a topic of each institution's own, answers from one topic of all.
 *
 * Why:    an institution that runs Kafka beside the centre's needs no door of its own. Its topic keeps orders while it is away.
 * Stamps: "sent" is the broker's acknowledgement: from then on the institution can have it, and before it perhaps not.
 * Called back: what the client has not handed over is purged; what was on its way by then is told as an alarm (E2204).
 * Lost:   nothing that is acknowledged. Answers are read by a group of our instance's name, so those that came while this
 *         process was away are read then; an answer that no order waits for any more changes nothing (O14).
 * Thread: librdkafka's own inside; callbacks come in work(), on the loop.
 */
#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "adapters/transport.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define ANSWERS_PER_TURN 256
#define GIVE_UP_MS "900" /* below every institution's try timeout: an outcome comes before the lane stops waiting */
#define TOPIC_PREFIX "orders."

struct outgoing {
  bool used, left;
  uint32_t generation;
};

struct institution {
  bool used;
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char topic[HF_ENDPOINT_SIZE_MAX + 1];
  rd_kafka_topic_t *handle;
};

struct kafka {
  struct event_base *base;
  struct hf_transport_config config;
  struct hf_transport_events events;
  rd_kafka_t *producer, *consumer; /* made with the first institution that wants them */
  int fd;
  struct event *wake;
  rd_kafka_message_t *kept;         /* an answer that there was no room for */
  bool up;                          /* something was acknowledged or fetched, and nothing has failed since */
  struct institution *institutions; /* HF_INSTITUTIONS_MAX */
  uint32_t institutions_count;
  struct outgoing *slots;
};

static void *token(uint32_t slot, uint32_t generation)
{
  return (void *)((uintptr_t)slot << 32 | generation);
}

/* --- what the client tells --- */

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
  struct kafka *kafka = opaque;
  uintptr_t bits = (uintptr_t)message->_private;
  uint32_t slot = (uint32_t)(bits >> 32);
  struct outgoing *outgoing = &kafka->slots[slot];
  bool is_there = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
  bool may_be = is_there || rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  (void)client;
  kafka->up = is_there;
  if (!outgoing->used || outgoing->generation != (uint32_t)bits) { /* called back, or given up by its lane */
    if (may_be)
      HF_LOG(HF_LOG_ALARM, "E2204", "an order that was called back may have left all the same: lift what it stops",
             HF_FIELD("topic", rd_kafka_topic_name(message->rkt)));
    return;
  }
  if (is_there) {
    outgoing->left = true;
    kafka->events.left(kafka->events.owner, slot, hf_time_now());
    return;
  }
  HF_LOG(HF_LOG_WARN, "E2201", "Kafka did not take an order", HF_FIELD("topic", rd_kafka_topic_name(message->rkt)),
         HF_FIELD("error", rd_kafka_err2name(message->err)));
  outgoing->used = false;
  kafka->events.failed(kafka->events.owner, slot, HF_OUTCOME_NOT_CONNECTED, may_be, hf_time_now());
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
  struct kafka *kafka = opaque;
  (void)client;
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) kafka->up = false;
  HF_LOG(HF_LOG_WARN, "E2202", "Kafka, for orders and answers", HF_FIELD("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
         HF_FIELD("text", reason));
}

/* Whose answer it says to be: its header. Whether it is, its signature tells. */
static const struct institution *sender_of(const struct kafka *kafka, const rd_kafka_message_t *message, uint32_t *index)
{
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, "institution", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return NULL;
  for (uint32_t i = 0; i < kafka->institutions_count; i++) {
    const struct institution *institution = &kafka->institutions[i];
    if (!institution->used || strlen(institution->code) != size || memcmp(institution->code, value, size) != 0) continue;
    *index = i;
    return institution;
  }
  return NULL;
}

/* False: there is no room for it now. */
static bool take_answer(struct kafka *kafka, const rd_kafka_message_t *message)
{
  uint32_t index = 0;
  kafka->up = true;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return true; /* told by on_error, or a partition's end */
  if (sender_of(kafka, message, &index) == NULL || message->len > HF_ANSWER_BODY_SIZE_MAX) {
    HF_LOG(HF_LOG_WARN, "E2203", "an answer of no known institution, or over 64 KiB", HF_FIELD("partition", message->partition),
           HF_FIELD("offset", message->offset), HF_FIELD("bytes", message->len));
    return true;
  }
  return kafka->events.heard(kafka->events.owner, index, (struct hf_span){message->payload, message->len}, hf_time_now());
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
  uint64_t count;
  (void)what, (void)user; /* the turn does the work */
  ssize_t got = read(fd, &count, sizeof count);
  (void)got;
}

/* --- clients --- */

static rd_kafka_t *open_client(struct kafka *kafka, rd_kafka_type_t type, const char *const settings[][2], size_t count)
{
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < count; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_conf_set_opaque(conf, kafka);
  rd_kafka_conf_set_error_cb(conf, on_error);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *client = sound ? rd_kafka_new(type, conf, error, sizeof error) : NULL;
  if (client != NULL) return client;
  HF_LOG(HF_LOG_ALARM, "E2205", "librdkafka cannot be started", HF_FIELD("text", error));
  rd_kafka_conf_destroy(conf);
  return NULL;
}

static struct hf_status open_clients(struct kafka *kafka)
{
  char group[1200], wait_ms[12]; /* both names whole: two instances never share a group */
  const struct hf_transport_config *config = &kafka->config;
  if (kafka->producer != NULL) return hf_ok();
  snprintf(group, sizeof group, "%s.%s", config->answers, config->instance);
  snprintf(wait_ms, sizeof wait_ms, "%d", config->fetch_wait_ms);
  /* One request at a time: an order's record never overtakes an earlier one's of its case. */
  const char *const sends[][2] = {{"bootstrap.servers", config->brokers},
                                  {"acks", "all"},
                                  {"linger.ms", "0"},
                                  {"delivery.timeout.ms", GIVE_UP_MS},
                                  {"partitioner", "murmur2_random"},
                                  {"max.in.flight", "1"},
                                  {"socket.nagle.disable", "true"},
                                  {"reconnect.backoff.ms", "50"},
                                  {"reconnect.backoff.max.ms", "500"},
                                  {"allow.auto.create.topics", "false"},
                                  {"log_level", "3"},
                                  {"client.id", "holdfastd-orders"}};
  const char *const reads[][2] = {{"bootstrap.servers", config->brokers},  {"group.id", group},
                                  {"group.instance.id", config->instance}, {"auto.offset.reset", "latest"},
                                  {"enable.partition.eof", "true"},        {"fetch.wait.max.ms", wait_ms},
                                  {"session.timeout.ms", "6000"},          {"reconnect.backoff.max.ms", "500"},
                                  {"allow.auto.create.topics", "false"},   {"socket.nagle.disable", "true"},
                                  {"queued.max.messages.kbytes", "16384"}, {"log_level", "3"},
                                  {"client.id", "holdfastd-answers"}};
  kafka->producer = open_client(kafka, RD_KAFKA_PRODUCER, sends, sizeof sends / sizeof sends[0]);
  kafka->consumer = open_client(kafka, RD_KAFKA_CONSUMER, reads, sizeof reads / sizeof reads[0]);
  if (kafka->producer == NULL || kafka->consumer == NULL) return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started");
  rd_kafka_poll_set_consumer(kafka->consumer);
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, config->answers, RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(kafka->consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  kafka->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  HF_ASSERT(kafka->fd >= 0);
  static const uint64_t one = 1;
  rd_kafka_queue_t *queues[] = {rd_kafka_queue_get_main(kafka->producer), rd_kafka_queue_get_consumer(kafka->consumer)};
  for (int i = 0; i < 2; i++) {
    rd_kafka_queue_io_event_enable(queues[i], kafka->fd, &one, sizeof one);
    rd_kafka_queue_destroy(queues[i]);
  }
  kafka->wake = event_new(kafka->base, kafka->fd, EV_READ | EV_PERSIST, on_wake, kafka);
  event_add(kafka->wake, NULL);
  return hf_ok();
}

/* --- institutions --- */

/* kafka://orders.NAME: no row leads to another topic. */
static bool read_endpoint(const char *text, char topic[HF_ENDPOINT_SIZE_MAX + 1])
{
  static const char scheme[] = "kafka://" TOPIC_PREFIX,
                    allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  size_t size = strlen(text), head = sizeof scheme - 1;
  if (strncmp(text, scheme, head) != 0 || size == head || strspn(text + head, allowed) != size - head) return false;
  memcpy(topic, text + strlen("kafka://"), size - strlen("kafka://") + 1);
  return true;
}

static struct hf_status set_institution(void *self, uint32_t index, const struct hf_institution *row,
                                        const struct hf_dialect *dialect)
{
  struct kafka *kafka = self;
  HF_ASSERT(index < HF_INSTITUTIONS_MAX);
  struct institution *institution = &kafka->institutions[index];
  char topic[HF_ENDPOINT_SIZE_MAX + 1];
  if (!read_endpoint(row->endpoint, topic)) return hf_fail(HF_STATUS_CONFIG, "endpoint: kafka://orders.NAME");
  if (dialect->identify == NULL) return hf_fail(HF_STATUS_CONFIG, "transport: this dialect's answers come with their requests");
  struct hf_status status = open_clients(kafka);
  if (!hf_is_ok(status)) return status;
  if (index >= kafka->institutions_count) kafka->institutions_count = index + 1;
  institution->used = row->enabled;
  memcpy(institution->code, row->code, sizeof institution->code);
  if (institution->handle != NULL && strcmp(institution->topic, topic) == 0) return hf_ok();
  if (institution->handle != NULL) rd_kafka_topic_destroy(institution->handle);
  memcpy(institution->topic, topic, sizeof topic);
  institution->handle = rd_kafka_topic_new(kafka->producer, topic, NULL);
  return institution->handle != NULL ? hf_ok() : hf_fail(HF_STATUS_CONFIG, "endpoint: the topic cannot be used");
}

static void warmth(void *self, uint32_t index, uint32_t *open, uint32_t *wanted)
{
  const struct kafka *kafka = self;
  *wanted = index < kafka->institutions_count && kafka->institutions[index].used ? 1 : 0;
  *open = *wanted == 1 && kafka->up ? 1 : 0;
}

/* --- messages --- */

static struct hf_status send_record(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel)
{
  struct kafka *kafka = self;
  struct outgoing *outgoing = &kafka->slots[slot];
  uint8_t record[HF_ORDER_BODY_SIZE_MAX + 2048];
  char key[HF_UUID_TEXT_SIZE];
  size_t size = parcel->body.size + parcel->headers.size;
  HF_ASSERT(index < kafka->institutions_count && slot < kafka->config.slots_count && !outgoing->used && size <= sizeof record);
  struct institution *institution = &kafka->institutions[index];
  memcpy(record, parcel->body.data, parcel->body.size);
  if (parcel->headers.size > 0) memcpy(record + parcel->body.size, parcel->headers.data, parcel->headers.size);
  hf_uuid_text(parcel->order->case_id.uuid, key);
  outgoing->generation++;
  if (rd_kafka_produce(institution->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, record, size, key, strlen(key),
                       token(slot, outgoing->generation)) != 0)
    return hf_fail(HF_STATUS_AGAIN, "the client's queue is full");
  outgoing->used = true;
  outgoing->left = false;
  return hf_ok();
}

/* What the client still holds does not leave any more; other orders that were queued with it fail, and are offered again. */
static void cancel(void *self, uint32_t slot)
{
  struct kafka *kafka = self;
  struct outgoing *outgoing = &kafka->slots[slot];
  if (!outgoing->used) return;
  outgoing->used = false;
  if (!outgoing->left) rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static bool work(void *self, struct hf_time now)
{
  struct kafka *kafka = self;
  (void)now;
  if (kafka->producer == NULL) return false;
  (void)rd_kafka_poll(kafka->producer, 0);
  for (int i = 0; i < ANSWERS_PER_TURN; i++) {
    rd_kafka_message_t *message = kafka->kept != NULL ? kafka->kept : rd_kafka_consumer_poll(kafka->consumer, 0);
    if (message == NULL) return false;
    kafka->kept = take_answer(kafka, message) ? NULL : message;
    if (kafka->kept != NULL) return false; /* a check that ends wakes the loop */
    rd_kafka_message_destroy(message);
  }
  return true;
}

/* --- life --- */

static struct hf_status open_kafka(void **self, struct event_base *base, const struct hf_transport_config *config,
                                   const struct hf_transport_events *events)
{
  struct kafka *kafka = calloc(1, sizeof *kafka);
  HF_ASSERT(kafka != NULL);
  *self = kafka;
  kafka->base = base;
  kafka->config = *config;
  kafka->events = *events;
  kafka->fd = -1;
  kafka->institutions = calloc(HF_INSTITUTIONS_MAX, sizeof *kafka->institutions);
  kafka->slots = calloc(config->slots_count, sizeof *kafka->slots);
  HF_ASSERT(kafka->institutions != NULL && kafka->slots != NULL);
  return hf_ok();
}

static void close_kafka(void *self)
{
  struct kafka *kafka = self;
  for (uint32_t i = 0; i < kafka->institutions_count; i++)
    if (kafka->institutions[i].handle != NULL) rd_kafka_topic_destroy(kafka->institutions[i].handle);
  if (kafka->kept != NULL) rd_kafka_message_destroy(kafka->kept);
  if (kafka->consumer != NULL) {
    rd_kafka_consumer_close(kafka->consumer);
    rd_kafka_destroy(kafka->consumer);
  }
  if (kafka->producer != NULL) {
    rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy(kafka->producer);
  }
  if (kafka->wake != NULL) event_free(kafka->wake);
  if (kafka->fd >= 0) close(kafka->fd);
  free(kafka->institutions);
  free(kafka->slots);
  free(kafka);
}

const struct hf_transport hf_transport_kafka = {.name = "kafka",
                                                .open = open_kafka,
                                                .close = close_kafka,
                                                .institution = set_institution,
                                                .send = send_record,
                                                .cancel = cancel,
                                                .work = work,
                                                .warmth = warmth};
