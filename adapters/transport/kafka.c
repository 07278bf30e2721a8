/*
 * Kafka: orders onto a topic of each institution's own. Answers come over holdfast.answers, which engine/intake reads.
 *
 * Why:    an institution that runs Kafka beside the centre's needs no door of its own. Its topic keeps orders while it is away.
 * Stamps: "sent" is the broker's acknowledgement: from then on the institution can have it, and before it perhaps not.
 * Called back: what the client has not handed over is purged; what was on its way by then is told as an alarm (E2204).
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

#define GIVE_UP_MS "900" /* below every institution's try timeout: an outcome comes before the lane stops waiting */
#define TOPIC_PREFIX "orders."

struct outgoing {
  bool used, left;
  uint32_t generation;
};

struct institution {
  bool used;
  char topic[HF_ENDPOINT_SIZE_MAX + 1];
  rd_kafka_topic_t *handle;
};

struct kafka {
  struct event_base *base;
  struct hf_transport_config config;
  struct hf_transport_events events;
  rd_kafka_t *producer; /* made with the first institution that wants it */
  int fd;
  struct event *wake;
  bool up;                          /* nothing has failed since something was acknowledged */
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
  HF_LOG(HF_LOG_WARN, "E2202", "Kafka, for orders", HF_FIELD("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
         HF_FIELD("text", reason));
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
  uint64_t count;
  (void)what, (void)user; /* the turn does the work */
  ssize_t got = read(fd, &count, sizeof count);
  (void)got;
}

/* --- clients --- */

static rd_kafka_t *open_producer(struct kafka *kafka, const char *const settings[][2], size_t count)
{
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < count; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_conf_set_opaque(conf, kafka);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *client = sound ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error) : NULL;
  if (client != NULL) return client;
  HF_LOG(HF_LOG_ALARM, "E2205", "librdkafka cannot be started", HF_FIELD("text", error));
  rd_kafka_conf_destroy(conf);
  return NULL;
}

static struct hf_status open_client(struct kafka *kafka)
{
  const struct hf_transport_config *config = &kafka->config;
  if (kafka->producer != NULL) return hf_ok();
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
  kafka->producer = open_producer(kafka, sends, sizeof sends / sizeof sends[0]);
  if (kafka->producer == NULL) return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started");
  kafka->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  HF_ASSERT(kafka->fd >= 0);
  static const uint64_t one = 1;
  rd_kafka_queue_t *queue = rd_kafka_queue_get_main(kafka->producer);
  rd_kafka_queue_io_event_enable(queue, kafka->fd, &one, sizeof one);
  rd_kafka_queue_destroy(queue);
  kafka->wake = event_new(kafka->base, kafka->fd, EV_READ | EV_PERSIST, on_wake, kafka);
  event_add(kafka->wake, NULL);
  kafka->up = true; /* until something fails: a producer says nothing of brokers that answer */
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
  (void)dialect; /* any: answers come over holdfast.answers, in its own way or through the gate */
  HF_ASSERT(index < HF_INSTITUTIONS_MAX);
  struct institution *institution = &kafka->institutions[index];
  char topic[HF_ENDPOINT_SIZE_MAX + 1];
  if (!read_endpoint(row->endpoint, topic)) return hf_fail(HF_STATUS_CONFIG, "endpoint: kafka://orders.NAME");
  struct hf_status status = open_client(kafka);
  if (!hf_is_ok(status)) return status;
  if (index >= kafka->institutions_count) kafka->institutions_count = index + 1;
  institution->used = row->enabled;
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

/* A dialect of https keeps its three parts apart, as record headers: the gate gives them to who pulls. Others' trailer follows
 * the body. */
static rd_kafka_headers_t *headers_of(const struct hf_parcel *parcel)
{
  rd_kafka_headers_t *headers = rd_kafka_headers_new(3);
  rd_kafka_header_add(headers, "path", -1, parcel->path, -1);
  rd_kafka_header_add(headers, "content-type", -1, parcel->content_type, -1);
  rd_kafka_header_add(headers, "headers", -1, parcel->headers.data, (ssize_t)parcel->headers.size);
  return headers;
}

static struct hf_status send_record(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel)
{
  struct kafka *kafka = self;
  struct outgoing *outgoing = &kafka->slots[slot];
  uint8_t record[HF_ORDER_BODY_SIZE_MAX + 2048];
  char key[HF_UUID_TEXT_SIZE];
  bool apart = parcel->path[0] != '\0';
  size_t trailer = apart ? 0 : parcel->headers.size, size = parcel->body.size + trailer;
  HF_ASSERT(index < kafka->institutions_count && slot < kafka->config.slots_count && !outgoing->used && size <= sizeof record);
  struct institution *institution = &kafka->institutions[index];
  memcpy(record, parcel->body.data, parcel->body.size);
  if (trailer > 0) memcpy(record + parcel->body.size, parcel->headers.data, trailer);
  hf_uuid_text(parcel->order->case_id.uuid, key);
  outgoing->generation++;
  rd_kafka_headers_t *headers = apart ? headers_of(parcel) : NULL;
  rd_kafka_resp_err_t failed =
      rd_kafka_producev(kafka->producer, RD_KAFKA_V_RKT(institution->handle), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE(record, size), RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_HEADERS(headers),
                        RD_KAFKA_V_OPAQUE(token(slot, outgoing->generation)), RD_KAFKA_V_END);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (headers != NULL) rd_kafka_headers_destroy(headers);
    return hf_fail(HF_STATUS_AGAIN, "the client's queue is full");
  }
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
  if (kafka->producer != NULL) (void)rd_kafka_poll(kafka->producer, 0);
  return false;
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
