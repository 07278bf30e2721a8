#include "adapters/banksim/kafka.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/protobuf.h"

#define ANSWERS "holdfast.answers"

struct door {
  struct bank *bank;
  rd_kafka_t *producer, *consumer;
  int fd;
};

/* An order that was taken, until it is answered: then its place in the topic is given up. */
struct passage {
  struct door *door;
  rd_kafka_message_t *message;
};

static void send_answer(struct answer *answer)
{
  static uint8_t record[65536];
  struct passage *passage = answer->to;
  const struct bank *bank = passage->door->bank;
  const rd_kafka_message_t *message = passage->message;
  size_t size = 0;
  if (bank->fault == FAULT_GARBAGE) {
    size = strnlen(answer->verdict.body, sizeof record);
    memcpy(record, answer->verdict.body, size);
  } else if (bank->fault != FAULT_RESET && answer->verdict.status == 200) {
    size = protobuf_answer(bank, answer->verdict.body, record, sizeof record);
  }
  if (size > 0)
    rd_kafka_producev(passage->door->producer, RD_KAFKA_V_TOPIC(ANSWERS), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                      RD_KAFKA_V_KEY(message->key, message->key_len), RD_KAFKA_V_VALUE(record, size),
                      RD_KAFKA_V_HEADER("institution", bank->code, -1), RD_KAFKA_V_END);
  rd_kafka_commit_message(passage->door->consumer, message, 1);
  rd_kafka_message_destroy(passage->message);
  free(passage);
  answer_free(answer);
}

static void take(struct door *door, rd_kafka_message_t *message)
{
  json_t *order =
      message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? protobuf_order(door->bank, message->payload, message->len) : NULL;
  if (order == NULL) {
    rd_kafka_message_destroy(message);
    return;
  }
  struct passage *passage = malloc(sizeof *passage);
  char *text = json_dumps(order, JSON_COMPACT);
  if (passage == NULL || text == NULL) abort();
  *passage = (struct passage){door, message};
  struct answer *answer = answer_new(door->bank, send_answer, passage);
  bank_decide(door->bank, text, strlen(text), &answer->verdict);
  free(text);
  json_decref(order);
  answer_later(answer);
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
  struct door *door = user;
  uint64_t count;
  (void)what;
  ssize_t got = read(fd, &count, sizeof count);
  (void)got;
  rd_kafka_poll(door->producer, 0);
  for (rd_kafka_message_t *message; (message = rd_kafka_consumer_poll(door->consumer, 0)) != NULL;) take(door, message);
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *const settings[][2], size_t count)
{
  char error[256] = "";
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  bool sound = true;
  for (size_t i = 0; sound && i < count; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_t *client = sound ? rd_kafka_new(type, conf, error, sizeof error) : NULL;
  if (client != NULL) return client;
  fprintf(stderr, "banksim: Kafka: %s\n", error);
  exit(1);
}

void kafka_open(struct event_base *base, const char *brokers, struct bank *bank)
{
  struct door *door = calloc(1, sizeof *door);
  char group[64], topic[64];
  if (door == NULL || brokers == NULL) {
    fprintf(stderr, "banksim: %s: --brokers is missing\n", bank->code);
    exit(2);
  }
  snprintf(group, sizeof group, "bank.%s", bank->code);
  snprintf(topic, sizeof topic, "orders.%s", bank->code);
  const char *const sends[][2] = {
      {"bootstrap.servers", brokers}, {"acks", "all"}, {"linger.ms", "0"}, {"partitioner", "murmur2_random"}};
  const char *const reads[][2] = {{"bootstrap.servers", brokers},    {"group.id", group},
                                  {"group.instance.id", bank->code}, {"auto.offset.reset", "earliest"},
                                  {"enable.auto.commit", "false"},   {"fetch.wait.max.ms", "10"},
                                  {"session.timeout.ms", "6000"}};
  door->bank = bank;
  door->producer = open_client(RD_KAFKA_PRODUCER, sends, sizeof sends / sizeof sends[0]);
  door->consumer = open_client(RD_KAFKA_CONSUMER, reads, sizeof reads / sizeof reads[0]);
  rd_kafka_poll_set_consumer(door->consumer);
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(door->consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  static const uint64_t one = 1;
  door->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rd_kafka_queue_t *queues[] = {rd_kafka_queue_get_main(door->producer), rd_kafka_queue_get_consumer(door->consumer)};
  for (int i = 0; i < 2; i++) {
    rd_kafka_queue_io_event_enable(queues[i], door->fd, &one, sizeof one);
    rd_kafka_queue_destroy(queues[i]);
  }
  event_add(event_new(base, door->fd, EV_READ | EV_PERSIST, on_wake, door),
            &(struct timeval){0, 200000}); /* and five times a second */
}
