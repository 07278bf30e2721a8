/* Facts: what the engine publishes after each commit, as lines; and whether any is missing. */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"

struct tail {
  struct hf_case_id only; /* zero: all */
  uint64_t seqs[HF_SHARDS_MAX];
  uint64_t shown, gaps;
};

/* After a crash facts may come twice: those are left out by their number. A number that is left out is a gap. */
static void take_fact(struct tail *tail, struct hf_span bytes)
{
  static struct hf_fact fact;
  char when[HF_TIME_TEXT_SIZE], id[HF_UUID_TEXT_SIZE] = "";
  memset(&fact, 0, sizeof fact);
  struct hf_span sealed;
  if (!hf_is_ok(hf_fact_decode(bytes, &fact, &sealed)) || fact.shard >= HF_SHARDS_MAX) {
    hf_say("%s", _("a record that is no fact of this version"));
    tail->gaps++;
    return;
  }
  uint64_t *last = &tail->seqs[fact.shard];
  if (fact.seq <= *last) return;
  if (*last != 0 && fact.seq != *last + 1) {
    hf_say(_("shard %u: from %llu to %llu nothing came"), fact.shard, (unsigned long long)*last + 1,
           (unsigned long long)fact.seq - 1);
    tail->gaps++;
  }
  *last = fact.seq;
  if (!hf_uuid_is_zero(tail->only.uuid) && !hf_uuid_equal(tail->only.uuid, fact.case_id.uuid)) return;
  if (!hf_uuid_is_zero(fact.case_id.uuid)) hf_uuid_text(fact.case_id.uuid, id);
  printf("{\"shard\": %u, \"seq\": %llu, \"kind\": \"%s\", \"case_id\": \"%s\", \"decided_at\": \"%s\"}\n", fact.shard,
         (unsigned long long)fact.seq, hf_fact_code(fact.kind), id, hf_time_text(fact.decided.wall_ns, when));
  fflush(stdout);
  tail->shown++;
}

/* A record is a message Facts: field 1, again and again. */
static void take_record(void *owner, struct hf_span record)
{
  struct tail *tail = owner;
  struct hf_reader reader = hf_reader_of(record);
  while (!reader.failed && reader.left.size > 0) {
    uint64_t tag = hf_read_varint(&reader), size = hf_read_varint(&reader);
    const struct hf_span fact = hf_read_span(&reader, size <= reader.left.size ? (size_t)size : SIZE_MAX);
    if (!reader.failed && tag == (1 << 3 | 2)) take_fact(tail, fact);
  }
}

static rd_kafka_t *open_consumer(const struct hf_cli *cli)
{
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *const settings[][2] = {{"bootstrap.servers", cli->brokers},
                                     {"group.id", "holdfast-cli"},
                                     {"enable.auto.commit", "false"},
                                     {"log_level", "0"},
                                     {"client.id", "holdfast"}};
  bool sound = true;
  for (size_t i = 0; sound && i < sizeof settings / sizeof settings[0]; i++)
    sound = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) == RD_KAFKA_CONF_OK;
  rd_kafka_t *kafka = sound ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error) : NULL;
  if (kafka != NULL) return kafka;
  hf_say(_("Kafka cannot be used: %s"), error);
  rd_kafka_conf_destroy(conf);
  return NULL;
}

/* Records of a topic that has as many partitions as reports, from its end or from the first, until none came for a while. */
static int tail_topic(const struct hf_cli *cli, const char *topic, bool all, void (*take)(void *owner, struct hf_span record),
                      void *owner)
{
  int partitions = hf_cli_partitions(cli);
  rd_kafka_t *kafka = partitions > 0 ? open_consumer(cli) : NULL;
  if (kafka == NULL) return HF_EXIT_UNAVAILABLE;
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int p = 0; p < partitions; p++)
    rd_kafka_topic_partition_list_add(list, topic, p)->offset = all ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  rd_kafka_assign(kafka, list);
  rd_kafka_topic_partition_list_destroy(list);
  for (int64_t heard = hf_time_now().mono_ns; hf_time_now().mono_ns - heard < cli->timeout_s * HF_NS_PER_S;) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, 100);
    if (message == NULL) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      take(owner, (struct hf_span){message->payload, message->len});
      heard = hf_time_now().mono_ns;
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(kafka);
  rd_kafka_destroy(kafka);
  return HF_EXIT_OK;
}

static bool from_the_first(const struct hf_cli *cli, bool *all)
{
  *all = cli->mode != NULL && strcmp(cli->mode, "all") == 0;
  if (cli->mode == NULL || *all) return true;
  hf_say("%s", _("--mode: all, from the first one that the topic has; without it, from now on"));
  return false;
}

int hf_command_facts_tail(struct hf_cli *cli)
{
  struct tail tail = {0};
  bool all;
  if (!from_the_first(cli, &all)) return HF_EXIT_USAGE;
  if (cli->arguments_count == 1 && !hf_is_ok(hf_uuid_parse(cli->arguments[0], strlen(cli->arguments[0]), &tail.only.uuid))) {
    hf_say(_("%s is no id"), cli->arguments[0]);
    return HF_EXIT_USAGE;
  }
  int code = tail_topic(cli, cli->facts, all, take_record, &tail);
  return code == HF_EXIT_OK && tail.gaps > 0 ? HF_EXIT_FAILED : code;
}

/* As the engine wrote it: a line of JSON. */
static void print_alert(void *owner, struct hf_span record)
{
  (void)owner;
  printf("%.*s\n", (int)record.size, (const char *)record.data);
  fflush(stdout);
}

int hf_command_alerts_tail(struct hf_cli *cli)
{
  bool all;
  return from_the_first(cli, &all) ? tail_topic(cli, cli->alerts, all, print_alert, NULL) : HF_EXIT_USAGE;
}
