/*
 * Answers: what an institution says of an order, signed by a key of its own, onto the partition of the order's shard. It is
 * acknowledged to the institution when Kafka has it, and not before.
 */
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/gate/gate.h"

#define GIVE_UP_MS "5000"

/* The header's only value; NULL where there is none, or several. */
static const char *header_of(const struct hf_visit *visit, const char *name)
{
  const char *value = NULL;
  struct evkeyval *header;
  for (header = evhttp_request_get_input_headers(visit->request)->tqh_first; header != NULL; header = header->next.tqe_next) {
    if (evutil_ascii_strcasecmp(header->key, name) != 0) continue;
    if (value != NULL) return NULL;
    value = header->value;
  }
  return value;
}

enum hf_refusal hf_answers_refusal_of_key(const struct hf_visit *visit, const char *id, enum hf_role role)
{
  const struct hf_roster *roster = &visit->gate->found->roster;
  for (uint32_t i = 0; i < roster->keys_count; i++) {
    const struct hf_key *key = &roster->keys[i];
    if (strcmp(key->id, id) != 0 || key->role != role) continue;
    if (strcmp(key->holder, visit->member->code) != 0) return HF_REFUSAL_KEY_ANOTHERS;
    return hf_key_refusal(key, visit->at.wall_ns) == HF_REASON_NONE ? HF_REFUSAL_NONE : HF_REFUSAL_KEY_ENDED;
  }
  return HF_REFUSAL_KEY;
}

static bool is_right(const struct hf_visit *visit, const char *key_id, struct hf_span bytes, struct hf_span signature)
{
  static struct hf_trust_job job;
  struct hf_status status = hf_trust_check(visit->gate->trust, &job, key_id, bytes, signature);
  HF_ASSERT(hf_is_ok(status) && hf_trust_job_done(&job)); /* no workers: it was done at once */
  return job.verdict == HF_REASON_NONE;
}

/* Digits of a time in seconds near ours; anything else is none. */
static bool is_now(const char *text, int64_t now_wall_ns, int64_t *wall_ns)
{
  size_t size = strlen(text);
  if (size == 0 || size > 10 || strspn(text, "0123456789") != size) return false;
  *wall_ns = strtoll(text, NULL, 10) * HF_NS_PER_S;
  return *wall_ns <= now_wall_ns + HF_GATE_WINDOW_NS && *wall_ns >= now_wall_ns - HF_GATE_WINDOW_NS;
}

/* Cheap checks first, the signature then, the nonce last: what is not signed uses up no nonce. */
bool hf_answers_check(const struct hf_visit *visit, struct hf_signed *is_signed)
{
  static uint8_t lines[HF_ANSWER_RECORD_SIZE_MAX], signature[HF_SIGNATURE_SIZE_MAX];
  const char *key_id = header_of(visit, "Holdfast-Key"), *time = header_of(visit, "Holdfast-Timestamp");
  const char *nonce = header_of(visit, "Holdfast-Nonce"), *base64 = header_of(visit, "Holdfast-Signature");
  struct hf_gate *gate = visit->gate;
  int64_t made_wall_ns = 0;
  enum hf_refusal refusal = HF_REFUSAL_NONE;
  if (key_id == NULL || time == NULL || nonce == NULL || base64 == NULL) refusal = HF_REFUSAL_HEADER;
  if (refusal == HF_REFUSAL_NONE && !is_now(time, visit->at.wall_ns, &made_wall_ns)) refusal = HF_REFUSAL_TIME;
  if (refusal == HF_REFUSAL_NONE) refusal = hf_answers_refusal_of_key(visit, key_id, HF_ROLE_INSTITUTION);
  struct hf_writer out = hf_writer_of(lines, sizeof lines);
  size_t size = SIZE_MAX;
  if (refusal == HF_REFUSAL_NONE) {
    const char *const head[] = {"POST", visit->path, time, nonce};
    for (int i = 0; i < 4; i++) hf_write_text(&out, head[i]), hf_write_text(&out, "\n");
    hf_write_bytes(&out, visit->body.data, visit->body.size);
    hf_write_text(&out, "\n");
    size = hf_base64_decode(base64, strlen(base64), signature, sizeof signature);
    if (out.full || size == SIZE_MAX) refusal = out.full ? HF_REFUSAL_MALFORMED : HF_REFUSAL_SIGNATURE;
  }
  *is_signed = (struct hf_signed){.bytes = {lines, out.size}, .signature = {.bytes = {signature, size}}};
  if (refusal == HF_REFUSAL_NONE && !is_right(visit, key_id, is_signed->bytes, is_signed->signature.bytes))
    refusal = HF_REFUSAL_SIGNATURE;
  if (refusal == HF_REFUSAL_NONE) {
    memcpy(is_signed->signature.key_id, key_id, HF_KEY_ID_SIZE); /* it is a key's of the roster */
    enum hf_nonce_verdict verdict =
        hf_nonces_take(&gate->nonces, visit->member->code, (struct hf_span){(const uint8_t *)nonce, strlen(nonce)},
                       made_wall_ns + HF_GATE_WINDOW_NS, visit->at.wall_ns);
    if (verdict != HF_NONCE_NEW) refusal = verdict == HF_NONCE_FULL ? HF_REFUSAL_BUSY : HF_REFUSAL_REPEATED;
  }
  if (refusal != HF_REFUSAL_NONE) hf_door_refuse(gate, visit->request, refusal, NULL);
  return refusal == HF_REFUSAL_NONE;
}

static void give_back(struct hf_waiting *waiting)
{
  waiting->next = waiting->gate->waiting_free;
  waiting->gate->waiting_free = waiting;
}

void hf_answers_keep(const struct hf_visit *visit, rd_kafka_topic_t *topic, int32_t partition, const char *key,
                     struct hf_span record, const char *reply)
{
  struct hf_gate *gate = visit->gate;
  struct hf_waiting *waiting = gate->waiting_free;
  if (waiting == NULL) return hf_door_refuse(gate, visit->request, HF_REFUSAL_BUSY, NULL);
  gate->waiting_free = waiting->next;
  *waiting = (struct hf_waiting){.gate = gate, .request = visit->request};
  snprintf(waiting->reply, sizeof waiting->reply, "%s", reply);
  rd_kafka_resp_err_t failed = rd_kafka_producev(
      gate->producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE((void *)(uintptr_t)record.data, record.size),
      RD_KAFKA_V_HEADER("institution", visit->member->code, -1), RD_KAFKA_V_OPAQUE(waiting), RD_KAFKA_V_END);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    give_back(waiting);
    return hf_door_refuse(gate, visit->request, HF_REFUSAL_KAFKA, NULL);
  }
  gate->waiting++;
}

void hf_answers_post(const struct hf_visit *visit)
{
  static uint8_t record[HF_ANSWER_RECORD_SIZE_MAX + 512];
  struct hf_gate *gate = visit->gate;
  struct hf_signed said;
  struct hf_callback callback;
  if (visit->body.size == 0) return hf_door_refuse(gate, visit->request, HF_REFUSAL_EMPTY, NULL);
  if (gate->waiting_free == NULL)
    return hf_door_refuse(gate, visit->request, HF_REFUSAL_BUSY, NULL); /* its nonce is not used up */
  if (!hf_answers_check(visit, &said)) return;
  struct hf_status status = hf_callback_read(said.bytes, &callback);
  if (!hf_is_ok(status)) return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, status.why);
  uint32_t shard = hf_order_id_shard(callback.order_id);
  if (shard >= (uint32_t)gate->found->answers_partitions) return hf_door_refuse(gate, visit->request, HF_REFUSAL_ORDER, NULL);
  size_t size = hf_envelope_encode(HF_PAYLOAD_CALLBACK, said.bytes, &said.signature, 1, record, sizeof record);
  HF_ASSERT(size > 0);
  char key[HF_UUID_TEXT_SIZE], reply[HF_GATE_REPLY_MAX];
  hf_uuid_text(callback.order_id.uuid, key);
  snprintf(reply, sizeof reply, "{\"order_id\":\"%s\",\"kept\":true}\n", key);
  hf_answers_keep(visit, gate->answers, (int32_t)shard, key, (struct hf_span){record, size}, reply);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
  struct hf_waiting *waiting = message->_private;
  struct hf_gate *gate = waiting->gate;
  (void)client, (void)opaque;
  gate->waiting--;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    HF_LOG(HF_LOG_WARN, "E2404", "Kafka did not take what an institution said: it is told so",
           HF_FIELD("error", rd_kafka_err2name(message->err)));
    hf_door_refuse(gate, waiting->request, HF_REFUSAL_KAFKA, NULL);
  } else {
    gate->kept++;
    hf_door_reply(waiting->request, 202, "application/json", waiting->reply, strlen(waiting->reply));
  }
  give_back(waiting);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
  (void)client, (void)opaque;
  HF_LOG(HF_LOG_WARN, "E2405", "Kafka, for the gate", HF_FIELD("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
         HF_FIELD("text", reason));
}

struct hf_status hf_answers_connect(struct hf_gate *gate)
{
  char error[256];
  for (int i = 0; i < HF_GATE_WAITING_MAX; i++) {
    gate->places[i].gate = gate;
    give_back(&gate->places[i]);
  }
  /* One answer must not wait for others; an order's answers stay in order. */
  const char *const settings[][2] = {{"bootstrap.servers", gate->options.brokers},
                                     {"acks", "all"},
                                     {"enable.idempotence", "true"},
                                     {"linger.ms", "0"},
                                     {"delivery.timeout.ms", GIVE_UP_MS},
                                     {"socket.nagle.disable", "true"},
                                     {"reconnect.backoff.ms", "50"},
                                     {"reconnect.backoff.max.ms", "500"},
                                     {"allow.auto.create.topics", "false"},
                                     {"log_level", "3"},
                                     {"client.id", "holdfast-gate"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < sizeof settings / sizeof settings[0]; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_error_cb(conf, on_error);
  gate->producer = sound ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error) : NULL;
  if (gate->producer == NULL) {
    HF_LOG(HF_LOG_ALARM, "E2406", "librdkafka cannot be started for the gate", HF_FIELD("text", error));
    rd_kafka_conf_destroy(conf);
    return hf_fail(HF_STATUS_CONFIG, "librdkafka cannot be started");
  }
  gate->answers = rd_kafka_topic_new(gate->producer, gate->options.answers, NULL);
  gate->reports = rd_kafka_topic_new(gate->producer, gate->options.reports, NULL);
  if (gate->answers == NULL || gate->reports == NULL)
    return hf_fail(HF_STATUS_CONFIG, "the topic of answers or of reports cannot be used");
  rd_kafka_queue_t *queue = rd_kafka_queue_get_main(gate->producer);
  rd_kafka_queue_io_event_enable(queue, gate->fd, &(uint64_t){1}, sizeof(uint64_t));
  rd_kafka_queue_destroy(queue);
  return hf_ok();
}
