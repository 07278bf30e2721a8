/*
 * Pull: orders for institutions that come for them, from their topic orders.CODE. What was given is given again until it is
 * said to be taken; then Kafka remembers how far (group gate.CODE), and another gate, or this one after a restart, goes on
 * there.
 *
 * Two ways: GET /v1/orders, and the platform family's 000000 command, whose next call takes what the last one gave (an order
 * that is lost so is sent again by its lane, which waits for its receipt).
 * Bounds: HF_GATE_PENDING_MAX orders of each in memory; one client of Kafka for each institution that has come, for ten minutes
 *         behind its last visit.
 */
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/xml/xml.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/gate/gate.h"

#define GIVEN_MAX 100
#define GIVEN_DEFAULT 32
#define REPLY_SIZE_MAX (GIVEN_MAX * 3 * HF_ORDER_BODY_SIZE_MAX)
#define IDLE_NS (600 * HF_NS_PER_S)

struct waiter {
  struct evhttp_request *request; /* NULL: free */
  uint32_t most;
  int64_t until_mono_ns;
};

struct hf_pull {
  rd_kafka_t *consumer;
  char topic[sizeof "orders." + HF_INSTITUTION_CODE_SIZE_MAX];
  int32_t partitions; /* assigned */
  rd_kafka_message_t *pending[HF_GATE_PENDING_MAX];
  uint32_t pending_count, given; /* given: how many of them the last 000000 had */
  struct waiter waiters[HF_GATE_WAITERS_MAX];
  int64_t used_mono_ns;
};

/* --- Kafka's side --- */

static rd_kafka_t *open_consumer(const struct hf_gate *gate, const char *code)
{
  char error[256], group[32];
  snprintf(group, sizeof group, "gate.%s", code);
  const char *const settings[][2] = {{"bootstrap.servers", gate->options.brokers},
                                     {"group.id", group},
                                     {"client.id", "holdfast-gate"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "earliest"},
                                     {"fetch.wait.max.ms", "100"},
                                     {"queued.max.messages.kbytes", "1024"},
                                     {"reconnect.backoff.max.ms", "500"},
                                     {"allow.auto.create.topics", "false"},
                                     {"log_level", "3"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < sizeof settings / sizeof settings[0]; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_t *consumer = sound ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error) : NULL;
  if (consumer != NULL) return consumer;
  HF_LOG(HF_LOG_ALARM, "E2407", "librdkafka cannot be started for an institution that pulls", HF_FIELD("institution", code),
         HF_FIELD("text", error));
  rd_kafka_conf_destroy(conf);
  return NULL;
}

/* All partitions, from where the group stands: given, not shared out, so that no rebalance is waited for. */
static void assign(struct hf_pull *pull, int32_t partitions)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int32_t i = 0; i < partitions; i++)
    rd_kafka_topic_partition_list_add(list, pull->topic, i)->offset = RD_KAFKA_OFFSET_STORED;
  rd_kafka_assign(pull->consumer, list);
  rd_kafka_topic_partition_list_destroy(list);
  for (uint32_t i = 0; i < pull->pending_count; i++) rd_kafka_message_destroy(pull->pending[i]); /* they are read again */
  pull->pending_count = pull->given = 0;
  pull->partitions = partitions;
}

static struct hf_pull *pull_of(struct hf_gate *gate, struct hf_member *member)
{
  struct hf_pull *pull = member->pull;
  if (pull == NULL) {
    pull = calloc(1, sizeof *pull);
    HF_ASSERT(pull != NULL);
    snprintf(pull->topic, sizeof pull->topic, "orders.%s", member->code);
    pull->consumer = open_consumer(gate, member->code);
    if (pull->consumer == NULL) {
      free(pull);
      return NULL;
    }
    rd_kafka_poll_set_consumer(pull->consumer);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(pull->consumer);
    rd_kafka_queue_io_event_enable(queue, gate->fd, &(uint64_t){1}, sizeof(uint64_t));
    rd_kafka_queue_destroy(queue);
    member->pull = pull;
  }
  if (pull->partitions != member->orders_partitions) assign(pull, member->orders_partitions);
  return pull;
}

static void fetch(struct hf_pull *pull)
{
  while (pull->pending_count < HF_GATE_PENDING_MAX) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(pull->consumer, 0);
    if (message == NULL) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      pull->pending[pull->pending_count++] = message;
    else
      rd_kafka_message_destroy(message);
  }
}

/* Everything of the partition up to the offset. Returns how many. */
static uint32_t take(struct hf_gate *gate, struct hf_pull *pull, int32_t partition, int64_t offset)
{
  uint32_t kept = 0, taken;
  for (uint32_t i = 0; i < pull->pending_count; i++) {
    rd_kafka_message_t *message = pull->pending[i];
    if (message->partition == partition && message->offset <= offset)
      rd_kafka_message_destroy(message);
    else
      pull->pending[kept++] = message;
  }
  taken = pull->pending_count - kept;
  pull->pending_count = kept;
  pull->given = 0;
  if (taken == 0) return 0; /* said again, or nothing that was given: Kafka's place stays */
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, pull->topic, partition)->offset = offset + 1;
  rd_kafka_commit(pull->consumer, list, 1);
  rd_kafka_topic_partition_list_destroy(list);
  gate->orders_taken += taken;
  return taken;
}

/* --- GET /v1/orders --- */

static const char *header_of(const rd_kafka_message_t *message, const char *name, size_t *size)
{
  rd_kafka_headers_t *headers;
  const void *value;
  *size = 0;
  bool there = rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
               rd_kafka_header_get_last(headers, name, &value, size) == RD_KAFKA_RESP_ERR_NO_ERROR;
  return there ? value : "";
}

/* The lines of "Name: value", as JSON strings. */
static void put_lines(struct hf_writer *out, const char *lines, size_t size)
{
  const char *comma = "";
  while (size > 0) {
    const char *end = memchr(lines, '\n', size);
    size_t line = end == NULL ? size : (size_t)(end - lines);
    hf_write_text(out, comma);
    hf_write_json_string(out, lines, line);
    comma = ",";
    line += end != NULL;
    lines += line, size -= line;
  }
}

static void put_order(struct hf_writer *out, const rd_kafka_message_t *message)
{
  size_t size;
  hf_write_text(out, "{\"cursor\":\"");
  hf_write_int(out, message->partition);
  hf_write_text(out, "-");
  hf_write_int(out, message->offset);
  static const char *const texts[][2] = {{"\",\"path\":", "path"}, {",\"content_type\":", "content-type"}};
  for (int i = 0; i < 2; i++) {
    const char *value = header_of(message, texts[i][1], &size);
    hf_write_text(out, texts[i][0]);
    hf_write_json_string(out, value, size);
  }
  hf_write_text(out, ",\"headers\":[");
  const char *lines = header_of(message, "headers", &size);
  put_lines(out, lines, size);
  hf_write_text(out, "],\"body\":\"");
  hf_write_base64(out, message->payload, message->len);
  hf_write_text(out, "\"}");
}

static void give(struct hf_gate *gate, struct hf_pull *pull, struct evhttp_request *request, uint32_t most)
{
  static char text[REPLY_SIZE_MAX];
  struct hf_writer out = hf_writer_of(text, sizeof text);
  uint32_t count = 0;
  hf_write_text(&out, "{\"orders\":[");
  for (; count < pull->pending_count && count < most; count++) {
    size_t before = out.size;
    if (count > 0) hf_write_text(&out, ",");
    put_order(&out, pull->pending[count]);
    if (!out.full && out.size + 64 < out.capacity) continue;
    out.size = before; /* the rest comes with the next */
    out.full = false;
    break;
  }
  hf_write_text(&out, pull->pending_count > count ? "],\"more\":true}\n" : "],\"more\":false}\n");
  HF_ASSERT(!out.full);
  gate->orders_given += count;
  hf_door_reply(request, 200, "application/json", text, out.size);
}

/* A whole number of the query from 0 to `most`; -1 where it is something else. */
static int number_of(const struct evkeyvalq *query, const char *name, int fallback, int most)
{
  const char *text = evhttp_find_header(query, name);
  if (text == NULL) return fallback;
  size_t size = strlen(text);
  if (size == 0 || size > 4 || strspn(text, "0123456789") != size || atoi(text) > most) return -1;
  return atoi(text);
}

void hf_pull_get(const struct hf_visit *visit)
{
  struct evkeyvalq query;
  struct hf_gate *gate = visit->gate;
  const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(visit->request));
  if (evhttp_parse_query_str(text != NULL ? text : "", &query) != 0)
    return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, "the query cannot be read");
  int wait_s = number_of(&query, "wait", 0, HF_GATE_WAIT_MAX_S), most = number_of(&query, "max", GIVEN_DEFAULT, GIVEN_MAX);
  evhttp_clear_headers(&query);
  if (wait_s < 0 || most < 1)
    return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, "wait: 0 to 30 seconds; max: 1 to 100 orders");
  if (visit->member->orders_partitions == 0) return hf_door_refuse(gate, visit->request, HF_REFUSAL_NO_ORDERS, NULL);
  struct hf_pull *pull = pull_of(gate, visit->member);
  if (pull == NULL) return hf_door_refuse(gate, visit->request, HF_REFUSAL_KAFKA, NULL);
  pull->used_mono_ns = visit->at.mono_ns;
  fetch(pull);
  if (pull->pending_count > 0 || wait_s == 0) return give(gate, pull, visit->request, (uint32_t)most);
  for (int i = 0; i < HF_GATE_WAITERS_MAX; i++) {
    if (pull->waiters[i].request != NULL) continue;
    pull->waiters[i] = (struct waiter){visit->request, (uint32_t)most, visit->at.mono_ns + wait_s * HF_NS_PER_S};
    return;
  }
  hf_door_refuse(gate, visit->request, HF_REFUSAL_TOO_MANY, "this institution waits for orders four times already");
}

/* --- POST /v1/orders/taken --- */

/* "PARTITION-OFFSET" as it was given. */
struct cursor {
  int32_t partition;
  int64_t offset;
};

static bool read_cursor(const char *text, struct cursor *cursor)
{
  size_t head = strspn(text, "0123456789");
  if (head == 0 || head > 4 || text[head] != '-') return false;
  size_t tail = strspn(text + head + 1, "0123456789");
  if (tail == 0 || tail > 18 || text[head + 1 + tail] != '\0') return false;
  *cursor = (struct cursor){atoi(text), strtoll(text + head + 1, NULL, 10)};
  return true;
}

/* {"taken":["0-17"]} → the cursors; SIZE_MAX where it is something else. */
static size_t read_cursors(struct hf_span body, struct cursor cursors[GIVEN_MAX])
{
  json_t *root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
  const json_t *list = json_object_get(root, "taken");
  size_t count = json_array_size(list); /* 0: it is no list */
  bool sound = json_is_array(list) && count <= GIVEN_MAX;
  for (size_t i = 0; sound && i < count; i++) {
    const char *text = json_string_value(json_array_get(list, i));
    sound = text != NULL && read_cursor(text, &cursors[i]);
  }
  json_decref(root);
  return sound ? count : SIZE_MAX;
}

void hf_pull_taken(const struct hf_visit *visit)
{
  struct hf_signed said;
  struct cursor cursors[GIVEN_MAX];
  struct hf_pull *pull = visit->member->pull;
  uint32_t taken = 0;
  if (!hf_answers_check(visit, &said)) return;
  size_t count = read_cursors(visit->body, cursors);
  if (count == SIZE_MAX)
    return hf_door_refuse(visit->gate, visit->request, HF_REFUSAL_MALFORMED, "taken: at most 100 cursors, as they were given");
  for (size_t i = 0; pull != NULL && i < count; i++) taken += take(visit->gate, pull, cursors[i].partition, cursors[i].offset);
  char text[32];
  int size = snprintf(text, sizeof text, "{\"taken\":%u}\n", taken);
  hf_door_reply(visit->request, 200, "application/json", text, (size_t)size);
}

/* --- POST /v1/platform --- */

static const char *note_code(void *owner, const struct hf_xml_place *place)
{
  char *code = owner;
  if (hf_xml_is(place, "Head/TxCode")) snprintf(code, 8, "%.7s", place->text);
  return NULL;
}

static const char *pass_over(void *owner, const struct hf_xml_place *place)
{
  (void)owner, (void)place;
  return NULL;
}

/* Command 000000 (domain.md 3.1): what waits, each in base64. */
void hf_pull_platform(const struct hf_visit *visit)
{
  static char text[REPLY_SIZE_MAX];
  char code[8] = "";
  struct hf_gate *gate = visit->gate;
  const struct hf_xml_visitor visitor = {.owner = code, .begun = pass_over, .ended = note_code};
  struct hf_status status = hf_xml_read(visit->body, 16, &visitor);
  if (!hf_is_ok(status)) return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, status.why);
  if (strcmp(code, "000000") != 0)
    return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED,
                          "Head/TxCode: 000000; answers go to /v1/orders/ORDER/answers");
  if (visit->member->orders_partitions == 0) return hf_door_refuse(gate, visit->request, HF_REFUSAL_NO_ORDERS, NULL);
  struct hf_pull *pull = pull_of(gate, visit->member);
  if (pull == NULL) return hf_door_refuse(gate, visit->request, HF_REFUSAL_KAFKA, NULL);
  pull->used_mono_ns = visit->at.mono_ns;
  for (uint32_t given = pull->given; given > 0; given--) { /* the oldest stand first */
    const rd_kafka_message_t *oldest = pull->pending[0];
    (void)take(gate, pull, oldest->partition, oldest->offset);
  }
  fetch(pull);
  struct hf_writer out = hf_writer_of(text, sizeof text);
  hf_write_text(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Head><TxCode>000000</TxCode></Head><Body>");
  uint32_t count = 0;
  for (; count < pull->pending_count && count < GIVEN_DEFAULT; count++) {
    hf_write_text(&out, "<Message>");
    hf_write_base64(&out, pull->pending[count]->payload, pull->pending[count]->len);
    hf_write_text(&out, "</Message>");
  }
  hf_write_text(&out, "</Body></Response>");
  HF_ASSERT(!out.full);
  pull->given = count;
  gate->orders_given += count;
  hf_door_reply(visit->request, 200, "application/xml; charset=UTF-8", text, out.size);
}

/* --- as time goes by --- */

static void serve_waiters(struct hf_gate *gate, struct hf_pull *pull, int64_t now_mono_ns)
{
  for (int i = 0; i < HF_GATE_WAITERS_MAX; i++) {
    struct waiter *waiter = &pull->waiters[i];
    if (waiter->request == NULL || (pull->pending_count == 0 && now_mono_ns < waiter->until_mono_ns)) continue;
    struct evhttp_request *request = waiter->request;
    waiter->request = NULL;
    give(gate, pull, request, waiter->most);
  }
}

static bool has_waiters(const struct hf_pull *pull)
{
  for (int i = 0; i < HF_GATE_WAITERS_MAX; i++)
    if (pull->waiters[i].request != NULL) return true;
  return false;
}

void hf_pull_work(struct hf_gate *gate)
{
  int64_t now = hf_time_now().mono_ns;
  for (uint32_t i = 0; i < gate->members_count; i++) {
    struct hf_member *member = &gate->members[i];
    struct hf_pull *pull = member->pull;
    if (pull == NULL) continue;
    if (has_waiters(pull)) fetch(pull);
    serve_waiters(gate, pull, now);
    if (!has_waiters(pull) && now - pull->used_mono_ns > IDLE_NS) hf_pull_close(member);
  }
}

void hf_pull_close(struct hf_member *member)
{
  struct hf_pull *pull = member->pull;
  if (pull == NULL) return;
  for (uint32_t i = 0; i < pull->pending_count; i++) rd_kafka_message_destroy(pull->pending[i]);
  rd_kafka_consumer_close(pull->consumer);
  rd_kafka_destroy(pull->consumer);
  free(pull);
  member->pull = NULL;
}
