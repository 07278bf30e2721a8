/* Submissions: signing and appending to holdfast.reports. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/time.h"
#include "engine/cli/cli.h"
#include "engine/trust/trust.h"

static rd_kafka_t *open_producer(const struct hf_cli *cli,
                                 void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *opaque)
{
  char error[256];
  if (cli->brokers[0] == '\0') {
    hf_say("%s", _("the configuration names no brokers"));
    return NULL;
  }
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *const settings[][2] = {{"bootstrap.servers", cli->brokers},
                                     {"acks", "all"},
                                     {"linger.ms", "0"},
                                     {"partitioner", "murmur2_random"},
                                     {"log_level", "0"},
                                     {"client.id", "holdfast"},
                                     {"socket.nagle.disable", "true"},
                                     {"message.timeout.ms", "10000"}};
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK) hf_say("%s", error);
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (kafka == NULL) hf_say(_("Kafka cannot be used: %s"), error);
  return kafka;
}

struct delivery {
  bool done;
  rd_kafka_resp_err_t error;
  struct hf_produced at;
};

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
  struct delivery *delivery = opaque;
  (void)kafka;
  delivery->done = true;
  delivery->error = message->err;
  delivery->at = (struct hf_produced){message->partition, message->offset};
}

/* W3C trace context and CloudEvents in binary mode (proto/topics.md). */
static rd_kafka_headers_t *headers_for(enum hf_payload_kind kind)
{
  uint8_t random[24];
  char trace[64], id[40], when[HF_TIME_TEXT_SIZE];
  hf_cli_random(random, sizeof random);
  struct hf_writer writer = hf_writer_of(trace, sizeof trace - 1);
  hf_write_text(&writer, "00-");
  hf_write_hex(&writer, random, 16);
  hf_write_text(&writer, "-");
  hf_write_hex(&writer, random + 16, 8);
  hf_write_text(&writer, "-01");
  trace[writer.size] = '\0';
  snprintf(id, sizeof id, "%.32s", trace + 3);
  rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
  const char *const pairs[][2] = {{"traceparent", trace},
                                  {"ce_specversion", "1.0"},
                                  {"ce_id", id},
                                  {"ce_source", "/holdfast/cli"},
                                  {"ce_type", hf_payload_type(kind)},
                                  {"ce_time", hf_time_text(hf_time_now().wall_ns, when)},
                                  {"content-type", "application/protobuf"}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
  return headers;
}

size_t hf_cli_sign(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span payload,
                   const struct hf_signature *first, uint8_t *out, size_t capacity)
{
  struct hf_trust *trust = NULL;
  struct hf_trust_job job;
  size_t size = 0;
  uint8_t *bytes = malloc(capacity);
  struct hf_status status =
      cli->key[0] == '\0' ? hf_fail(HF_STATUS_CONFIG, "the configuration names no key") : hf_trust_open(&trust, 0, cli->key);
  size_t bytes_size = bytes == NULL ? 0 : hf_envelope_signed_bytes(kind, payload, bytes, capacity);
  if (hf_is_ok(status)) status = hf_trust_sign(trust, &job, (struct hf_span){bytes, bytes_size});
  if (hf_is_ok(status) && bytes_size > 0 && job.signature_size > 0) {
    struct hf_signature signatures[2];
    struct hf_signature *own = &signatures[first != NULL];
    if (first != NULL) signatures[0] = *first;
    own->bytes = (struct hf_span){job.signature, job.signature_size};
    memcpy(own->key_id, hf_trust_signing_key_id(trust), sizeof own->key_id);
    size = hf_envelope_encode(kind, payload, signatures, first != NULL ? 2 : 1, out, capacity);
  }
  if (size == 0) hf_say(_("it cannot be signed: %s"), hf_is_ok(status) ? _("too large, or the key does not sign") : status.why);
  hf_trust_close(trust);
  free(bytes);
  return size;
}

int hf_cli_append(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span envelope, const char *key,
                  int32_t partition, struct hf_produced *produced)
{
  struct delivery delivery = {.done = false};
  size_t key_size = key == NULL ? 0 : strlen(key);
  rd_kafka_t *kafka = open_producer(cli, on_delivery, &delivery);
  int code = HF_EXIT_UNAVAILABLE;
  if (kafka == NULL) return code;
  rd_kafka_resp_err_t failed =
      rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(cli->reports), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_size),
                        RD_KAFKA_V_VALUE((void *)(uintptr_t)envelope.data, envelope.size),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers_for(kind)), RD_KAFKA_V_END);
  for (int i = 0; failed == RD_KAFKA_RESP_ERR_NO_ERROR && !delivery.done && i < 120; i++) rd_kafka_poll(kafka, 100);
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR && delivery.done) failed = delivery.error;
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
    hf_say(_("Kafka did not take it: %s"), rd_kafka_err2str(failed));
  else
    code = delivery.done ? HF_EXIT_OK : HF_EXIT_UNKNOWN;
  rd_kafka_destroy(kafka);
  *produced = delivery.at;
  return code;
}

int hf_cli_submit(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span payload, const char *key,
                  int32_t partition, struct hf_produced *produced)
{
  uint8_t *envelope = malloc(HF_ENVELOPE_SIZE_MAX);
  size_t size = envelope == NULL ? 0 : hf_cli_sign(cli, kind, payload, NULL, envelope, HF_ENVELOPE_SIZE_MAX);
  int code =
      size == 0 ? HF_EXIT_SIGNATURE : hf_cli_append(cli, kind, (struct hf_span){envelope, size}, key, partition, produced);
  free(envelope);
  return code;
}

int hf_cli_partitions(const struct hf_cli *cli)
{
  return hf_cli_partitions_of(cli, cli->reports);
}

int hf_cli_partitions_of(const struct hf_cli *cli, const char *name)
{
  int count = 0;
  const struct rd_kafka_metadata *metadata;
  rd_kafka_t *kafka = open_producer(cli, NULL, NULL);
  if (kafka == NULL) return 0;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
  rd_kafka_resp_err_t failed = rd_kafka_metadata(kafka, 0, topic, &metadata, 10000);
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt == 1) count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
  } else {
    hf_say(_("Kafka cannot be reached: %s"), rd_kafka_err2str(failed));
  }
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(kafka);
  return count;
}

size_t hf_cli_fetch(const struct hf_cli *cli, int32_t partition, int64_t offset, uint8_t *bytes)
{
  char error[256];
  size_t size = 0;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *const settings[][2] = {
      {"bootstrap.servers", cli->brokers}, {"group.id", "holdfast-cli"}, {"enable.auto.commit", "false"},
      {"auto.offset.reset", "error"},      {"log_level", "0"},           {"client.id", "holdfast"}};
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK) hf_say("%s", error);
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (kafka == NULL) {
    hf_say(_("Kafka cannot be used: %s"), error);
    return 0;
  }
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, cli->reports, partition)->offset = offset;
  rd_kafka_assign(kafka, list);
  rd_kafka_topic_partition_list_destroy(list);
  int64_t until = hf_time_now().mono_ns + 10 * HF_NS_PER_S;
  while (size == 0 && hf_time_now().mono_ns < until) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, 100);
    if (message == NULL) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset == offset && message->len <= HF_RECORD_SIZE_MAX) {
      size = message->len;
      memcpy(bytes, message->payload, size);
    }
    rd_kafka_message_destroy(message);
  }
  if (size == 0) hf_say(_("the record at offset %lld of partition %d cannot be read from Kafka"), (long long)offset, partition);
  rd_kafka_consumer_close(kafka);
  rd_kafka_destroy(kafka);
  return size;
}
