#include "engine/publish/publish.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/log.h"
#include "engine/base/time.h"

#define RECORD_SIZE_MAX (900 * 1024)

/* A record under way: its transaction is acknowledged when all records before it are, too. */
struct under_way {
  uint64_t last_seq; /* of the transaction, set on its last record; 0 on the others */
  bool acknowledged;
};

struct shard_state {
  uint64_t acknowledged;
  uint32_t generation; /* reports of an earlier ownership are ignored */
  uint32_t first, used;
  struct under_way *ring; /* HF_PUBLISH_BACKLOG, allocated with the shard's first use */
};

struct hf_publish {
  rd_kafka_t *kafka;
  rd_kafka_topic_t *facts, *alerts;
  uint32_t waiting;
  struct shard_state shards[HF_SHARDS_MAX];
  uint8_t *record; /* RECORD_SIZE_MAX */
  bool *done;      /* facts of the transaction at hand that are already in a record */
};

static void *token(uint32_t shard, uint32_t generation, uint32_t place)
{
  return (void *)((uintptr_t)shard << 48 | (uintptr_t)(generation & 0xffff) << 32 | place);
}

static void acknowledge(struct shard_state *state, uint32_t place)
{
  state->ring[place].acknowledged = true;
  while (state->used > 0 && state->ring[state->first].acknowledged) {
    if (state->ring[state->first].last_seq != 0) state->acknowledged = state->ring[state->first].last_seq;
    state->first = (state->first + 1) % HF_PUBLISH_BACKLOG;
    state->used--;
  }
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
  (void)kafka;
  struct hf_publish *publish = opaque;
  uintptr_t bits = (uintptr_t)message->_private;
  struct shard_state *state = &publish->shards[bits >> 48];
  publish->waiting--;
  if ((bits >> 32 & 0xffff) != (state->generation & 0xffff)) return;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    acknowledge(state, (uint32_t)bits);
    return;
  }
  /* With no time limit and endless retries this is fatal trouble of the topic; the outbox keeps the facts. */
  HF_LOG(HF_LOG_ALARM, "E1201", "a fact record was not published; it stays in the outbox",
         HF_FIELD("error", rd_kafka_err2name(message->err)), HF_FIELD("shard", (unsigned)(bits >> 48)));
}

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
  (void)kafka, (void)opaque;
  HF_LOG(HF_LOG_WARN, "E1204", "Kafka takes no facts now", HF_FIELD("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
         HF_FIELD("text", reason));
}

struct hf_status hf_publish_open(struct hf_publish **out, const char *brokers, const char *facts, const char *alerts)
{
  const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                     {"acks", "all"},
                                     {"enable.idempotence", "true"},
                                     {"linger.ms", "25"},
                                     {"delivery.timeout.ms", "0"}, /* for ever: the outbox is bounded by hf_publish_has_room */
                                     {"partitioner", "murmur2_random"},
                                     {"socket.nagle.disable", "true"},
                                     {"reconnect.backoff.ms", "50"},
                                     {"reconnect.backoff.max.ms", "500"},
                                     {"queue.buffering.max.kbytes", "65536"},
                                     {"message.max.bytes", "1000000"},
                                     {"allow.auto.create.topics", "false"},
                                     {"log_level", "3"},
                                     {"client.id", "holdfastd-facts"}};
  char error[256];
  struct hf_publish *publish = calloc(1, sizeof *publish);
  HF_ASSERT(publish != NULL);
  *out = publish;
  publish->record = malloc(RECORD_SIZE_MAX);
  publish->done = calloc(HF_RECORD_BATCH_FACTS, sizeof *publish->done);
  HF_ASSERT(publish->record != NULL && publish->done != NULL);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK) {
      HF_LOG(HF_LOG_ALARM, "E1202", "librdkafka refuses a setting", HF_FIELD("key", settings[i][0]), HF_FIELD("text", error));
      rd_kafka_conf_destroy(conf);
      return hf_fail(HF_STATUS_CONFIG, "librdkafka refuses a setting");
    }
  rd_kafka_conf_set_opaque(conf, publish);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_error_cb(conf, on_error);
  publish->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (publish->kafka == NULL) {
    rd_kafka_conf_destroy(conf);
    return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started");
  }
  publish->facts = rd_kafka_topic_new(publish->kafka, facts, NULL);
  publish->alerts = rd_kafka_topic_new(publish->kafka, alerts, NULL);
  if (publish->facts != NULL && publish->alerts != NULL) return hf_ok();
  return hf_fail(HF_STATUS_CONFIG, "the topics for facts and alerts cannot be used");
}

void hf_publish_close(struct hf_publish *publish)
{
  if (publish == NULL) return;
  if (publish->kafka != NULL) {
    rd_kafka_flush(publish->kafka, 1000);
    rd_kafka_purge(publish->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (publish->facts != NULL) rd_kafka_topic_destroy(publish->facts);
    if (publish->alerts != NULL) rd_kafka_topic_destroy(publish->alerts);
    rd_kafka_destroy(publish->kafka);
  }
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) free(publish->shards[i].ring);
  free(publish->record);
  free(publish->done);
  free(publish);
}

bool hf_publish_has_room(const struct hf_publish *publish)
{
  return publish->waiting + 2 * HF_RECORD_BATCH_FACTS <= HF_PUBLISH_BACKLOG; /* each fact a record, and an alert */
}

static bool produce(struct hf_publish *publish, bool alert, uint32_t shard, const struct hf_published_fact *first,
                    struct hf_span value, uint32_t place)
{
  struct hf_case_id case_id = first->case_id;
  uint64_t first_seq = first->seq;
  char key[HF_UUID_TEXT_SIZE], id[64], when[HF_TIME_TEXT_SIZE];
  bool keyed = !hf_uuid_is_zero(case_id.uuid);
  hf_uuid_text(case_id.uuid, key);
  snprintf(id, sizeof id, "%u-%llu", shard, (unsigned long long)first_seq);
  rd_kafka_headers_t *headers = rd_kafka_headers_new(6);
  const char *const pairs[][2] = {{"ce_specversion", "1.0"},
                                  {"ce_id", id},
                                  {"ce_source", "/holdfast/engine"},
                                  {"ce_type", alert ? "holdfast.alerts.v1" : "holdfast.facts.v1"},
                                  {"ce_time", hf_time_text(hf_time_now().wall_ns, when)},
                                  {"content-type", alert ? "application/json" : "application/protobuf"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
  rd_kafka_resp_err_t failed = rd_kafka_producev(
      publish->kafka, RD_KAFKA_V_RKT(alert ? publish->alerts : publish->facts), RD_KAFKA_V_PARTITION((int32_t)shard),
      RD_KAFKA_V_KEY(keyed ? key : NULL, keyed ? HF_UUID_TEXT_SIZE - 1 : 0),
      RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(token(shard, publish->shards[shard].generation, place)), RD_KAFKA_V_END);
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  rd_kafka_headers_destroy(headers);
  HF_LOG(HF_LOG_ALARM, "E1203", "a fact record cannot be handed to librdkafka; it stays in the outbox",
         HF_FIELD("error", rd_kafka_err2name(failed)), HF_FIELD("shard", shard));
  return false;
}

/* message Facts { repeated Fact facts = 1; }: each fact as field 1, length first. */
static void write_fact(struct hf_writer *writer, const struct hf_published_fact *fact)
{
  uint8_t head[11] = {1 << 3 | 2};
  size_t size = 1;
  for (size_t rest = fact->size;; rest >>= 7) {
    head[size++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  hf_write_bytes(writer, head, size);
  hf_write_bytes(writer, fact->bytes, fact->size);
}

/* Under way from here on; its place in the ring. Requires: has_room was asked. */
static uint32_t hand_over(struct hf_publish *publish, bool alert, uint32_t shard, const struct hf_published_fact *first,
                          struct hf_span value)
{
  struct shard_state *state = &publish->shards[shard];
  HF_ASSERT(state->used < HF_PUBLISH_BACKLOG);
  uint32_t place = (state->first + state->used++) % HF_PUBLISH_BACKLOG;
  state->ring[place] = (struct under_way){.last_seq = 0};
  if (produce(publish, alert, shard, first, value, place)) publish->waiting++;
  return place;
}

void hf_publish_add(struct hf_publish *publish, uint32_t shard, const struct hf_published_fact *facts, uint32_t count)
{
  struct shard_state *state = &publish->shards[shard];
  HF_ASSERT(shard < HF_SHARDS_MAX && count <= HF_RECORD_BATCH_FACTS);
  if (state->ring == NULL) state->ring = calloc(HF_PUBLISH_BACKLOG, sizeof *state->ring);
  HF_ASSERT(state->ring != NULL);
  memset(publish->done, 0, count * sizeof *publish->done);
  uint32_t place = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (publish->done[i]) continue;
    struct hf_writer writer = hf_writer_of(publish->record, RECORD_SIZE_MAX);
    for (uint32_t j = i; j < count; j++) {
      if (publish->done[j] || !hf_uuid_equal(facts[j].case_id.uuid, facts[i].case_id.uuid)) continue;
      write_fact(&writer, &facts[j]);
      publish->done[j] = true;
    }
    HF_ASSERT(!writer.full); /* 512 facts of 1.5 KiB at most */
    place = hand_over(publish, false, shard, &facts[i], (struct hf_span){writer.data, writer.size});
  }
  for (uint32_t i = 0; i < count; i++)
    if (facts[i].alert.size > 0) place = hand_over(publish, true, shard, &facts[i], facts[i].alert);
  state->ring[place].last_seq = facts[count - 1].seq;
}

bool hf_publish_work(struct hf_publish *publish)
{
  return rd_kafka_poll(publish->kafka, 0) > 0;
}

uint64_t hf_publish_acknowledged(const struct hf_publish *publish, uint32_t shard)
{
  HF_ASSERT(shard < HF_SHARDS_MAX);
  return publish->shards[shard].acknowledged;
}

void hf_publish_reset(struct hf_publish *publish, uint32_t shard, uint64_t published_seq)
{
  HF_ASSERT(shard < HF_SHARDS_MAX);
  struct shard_state *state = &publish->shards[shard];
  state->acknowledged = published_seq;
  state->generation++;
  state->first = state->used = 0;
}

uint32_t hf_publish_waiting(const struct hf_publish *publish)
{
  return publish->waiting;
}
