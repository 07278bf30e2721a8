/*
 * Load: an open loop of signed reports, or the bare Kafka floor beside it.
 *
 * Why:  a report is due at start + i / rate and its latency counts from there, whether or not the one before was slow (no
 *       coordinated omission). All reports are built and signed before the clock starts: signing is the officer's work.
 * Out:  reports: one line per delivery, "report case partition offset due_us"; floor: "due_us consumed_us" per record.
 *       Both clocks are this machine's wall clock in microseconds.
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "engine/base/time.h"
#include "engine/trust/trust.h"

#define RECORD_SIZE_MAX 4096
#define INSTITUTIONS_MAX 64

struct options {
  const char *brokers, *topic, *key, *out;
  double rate, seconds;
  bool floor, unsigned_records;
  int institutions_count;
  char *institutions[INSTITUTIONS_MAX];
};

struct prepared {
  struct hf_uuid report_id, case_id;
  int64_t due_us;
  uint32_t size;
  uint8_t bytes[RECORD_SIZE_MAX];
};

static struct {
  struct options options;
  struct prepared *records;
  size_t count;
  size_t delivered, failed;
  FILE *out;
  atomic_bool stop;
  atomic_size_t consumed;
} load;

static _Noreturn void die(const char *what, const char *why)
{
  fprintf(stderr, "load: %s: %s\n", what, why);
  exit(1);
}

/* --- records --- */

static void fill_transfer(struct hf_transfer *transfer, int i, const uint8_t random[8], int64_t now_ns)
{
  char account[HF_ACCOUNT_NUMBER_SIZE_MAX + 1];
  uint64_t digits;
  memcpy(&digits, random, sizeof digits);
  /* ends in 9: no ending that banksim takes for a script */
  int size = snprintf(account, sizeof account, "6222%011llu%03d9", (unsigned long long)(digits % 100000000000ULL), i);
  *transfer = (struct hf_transfer){.amount = 1000000 + i, .currency = HF_CURRENCY_CNY, .at_wall_ns = now_ns - 60 * HF_NS_PER_S};
  snprintf(transfer->payee.institution, sizeof transfer->payee.institution, "%s", load.options.institutions[i]);
  struct hf_status status = hf_account_number_set(&transfer->payee.account, account, (size_t)size);
  if (hf_is_ok(status)) status = hf_name_set(&transfer->payee.name, "张三", strlen("张三"));
  if (!hf_is_ok(status)) die("transfer", status.why);
}

static void prepare(struct prepared *prepared, struct hf_trust *trust)
{
  static struct hf_report report;
  uint8_t random[20 + 8], payload[RECORD_SIZE_MAX], to_sign[RECORD_SIZE_MAX];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) die("random", "the kernel gave none");
  int64_t now_ns = hf_time_now().wall_ns;
  report.made_wall_ns = now_ns;
  report.case_id.uuid = prepared->case_id = hf_uuid_v7(now_ns, random);
  report.id.uuid = prepared->report_id = hf_uuid_v7(now_ns, random + 10);
  strcpy(report.form_reference, "ZF-LOAD");
  report.transfers_count = (uint32_t)load.options.institutions_count;
  for (int i = 0; i < load.options.institutions_count; i++) fill_transfer(&report.transfers[i], i, random + 20, now_ns);
  struct hf_span body = {payload, hf_report_encode(&report, payload, sizeof payload)};
  struct hf_span bytes = {to_sign, hf_envelope_signed_bytes(HF_PAYLOAD_REPORT, body, to_sign, sizeof to_sign)};
  struct hf_trust_job job = {.signature_size = 64};
  if (!load.options.unsigned_records) {
    struct hf_status status = hf_trust_sign(trust, &job, bytes);
    if (!hf_is_ok(status) || job.signature_size == 0) die("sign", status.why);
  }
  struct hf_signature signature = {.bytes = {job.signature, job.signature_size}};
  memcpy(signature.key_id, hf_trust_signing_key_id(trust), sizeof signature.key_id);
  prepared->size =
      (uint32_t)hf_envelope_encode(HF_PAYLOAD_REPORT, body, &signature, 1, prepared->bytes, sizeof prepared->bytes);
  if (body.size == 0 || bytes.size == 0 || prepared->size == 0) die("record", "too large");
}

static void prepare_all(void)
{
  struct hf_trust *trust;
  struct hf_status status = hf_trust_open(&trust, 0, load.options.key);
  if (!hf_is_ok(status)) die(load.options.key, status.why);
  for (size_t i = 0; i < load.count; i++) prepare(&load.records[i], trust);
  hf_trust_close(trust);
}

/* --- producing --- */

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
  const struct prepared *record = message->_private;
  char report[HF_UUID_TEXT_SIZE], case_id[HF_UUID_TEXT_SIZE];
  (void)kafka, (void)opaque;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    load.failed++;
    return;
  }
  load.delivered++;
  if (!load.options.floor)
    fprintf(load.out, "%s %s %d %lld %lld\n", hf_uuid_text(record->report_id, report), hf_uuid_text(record->case_id, case_id),
            (int)message->partition, (long long)message->offset, (long long)record->due_us);
}

static rd_kafka_t *open_kafka(rd_kafka_type_t type, const char *const (*settings)[2])
{
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (; (*settings)[0] != NULL; settings++)
    if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], error, sizeof error) != RD_KAFKA_CONF_OK)
      die((*settings)[0], error);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *kafka = rd_kafka_new(type, conf, error, sizeof error);
  if (kafka == NULL) die("kafka", error);
  return kafka;
}

/* Asking also connects: the first report does not wait for that. */
static int partitions_of(rd_kafka_t *kafka)
{
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, load.options.topic, NULL);
  rd_kafka_resp_err_t failed = rd_kafka_metadata(kafka, 0, topic, &metadata, 10000);
  rd_kafka_topic_destroy(topic);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) die(load.options.topic, rd_kafka_err2str(failed));
  int partitions = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  return partitions;
}

static void produce_all(rd_kafka_t *kafka)
{
  struct hf_time begin = hf_time_now();
  begin.mono_ns += 300 * HF_NS_PER_MS;
  begin.wall_ns += 300 * HF_NS_PER_MS;
  for (size_t i = 0; i < load.count && !atomic_load(&load.stop); i++) {
    struct prepared *record = &load.records[i];
    int64_t after_ns = (int64_t)((double)i * 1e9 / load.options.rate);
    record->due_us = (begin.wall_ns + after_ns) / HF_NS_PER_US;
    int64_t due_ns = begin.mono_ns + after_ns;
    struct timespec due = {due_ns / HF_NS_PER_S, due_ns % HF_NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {
    }
    char key[HF_UUID_TEXT_SIZE];
    if (load.options.floor) memcpy(record->bytes, &record->due_us, sizeof record->due_us);
    hf_uuid_text(record->case_id, key);
    for (;;) {
      rd_kafka_resp_err_t failed =
          rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(load.options.topic), RD_KAFKA_V_KEY(key, sizeof key - 1),
                            RD_KAFKA_V_VALUE(record->bytes, record->size), RD_KAFKA_V_OPAQUE(record), RD_KAFKA_V_END);
      if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      if (failed != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("produce", rd_kafka_err2str(failed));
      rd_kafka_poll(kafka, 10);
    }
    rd_kafka_poll(kafka, 0);
  }
  while (rd_kafka_outq_len(kafka) > 0 && !atomic_load(&load.stop)) rd_kafka_poll(kafka, 100);
}

/* --- the floor: nothing but produce and consume --- */

static void *consume(void *user)
{
  rd_kafka_t *kafka = user;
  while (!atomic_load(&load.stop) && atomic_load(&load.consumed) < load.count) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, 100);
    if (message == NULL) continue;
    int64_t now_us = hf_time_now().wall_ns / HF_NS_PER_US, due_us;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len >= sizeof due_us) {
      memcpy(&due_us, message->payload, sizeof due_us);
      fprintf(load.out, "%lld %lld\n", (long long)due_us, (long long)now_us);
      atomic_fetch_add(&load.consumed, 1);
    }
    rd_kafka_message_destroy(message);
  }
  return NULL;
}

static rd_kafka_t *open_floor_consumer(void)
{
  const char *const settings[][2] = {{"bootstrap.servers", load.options.brokers},
                                     {"group.id", "floor"},
                                     {"enable.auto.commit", "false"},
                                     {"fetch.wait.max.ms", "100"},
                                     {"fetch.min.bytes", "1"},
                                     {"socket.nagle.disable", "true"},
                                     {"log_level", "0"},
                                     {NULL, NULL}};
  rd_kafka_t *kafka = open_kafka(RD_KAFKA_CONSUMER, settings);
  rd_kafka_poll_set_consumer(kafka);
  int partitions = partitions_of(kafka);
  rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++)
    rd_kafka_topic_partition_list_add(all, load.options.topic, i)->offset = RD_KAFKA_OFFSET_END;
  rd_kafka_assign(kafka, all);
  rd_kafka_topic_partition_list_destroy(all);
  /* An assignment at the end is in place once its first offsets are known: a poll gives it the time to ask. */
  rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, 1000);
  if (message != NULL) rd_kafka_message_destroy(message);
  return kafka;
}

/* --- start --- */

static void on_signal(int number)
{
  (void)number;
  atomic_store(&load.stop, true);
}

static int usage(void)
{
  fputs("usage: load [--floor] --brokers B --topic T --key PEM --rate N --seconds S --out FILE [--unsigned] INSTITUTION…\n",
        stderr);
  return 2;
}

static bool read_options(int argc, char **argv)
{
  static const struct option known[] = {{"floor", 0, NULL, 'f'}, {"brokers", 1, NULL, 'b'},  {"topic", 1, NULL, 't'},
                                        {"key", 1, NULL, 'k'},   {"rate", 1, NULL, 'r'},     {"seconds", 1, NULL, 's'},
                                        {"out", 1, NULL, 'o'},   {"unsigned", 0, NULL, 'u'}, {0}};
  struct options *options = &load.options;
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (option) {
    case 'f': options->floor = true; break;
    case 'b': options->brokers = optarg; break;
    case 't': options->topic = optarg; break;
    case 'k': options->key = optarg; break;
    case 'r': options->rate = atof(optarg); break;
    case 's': options->seconds = atof(optarg); break;
    case 'o': options->out = optarg; break;
    case 'u': options->unsigned_records = true; break;
    default: return false;
    }
  }
  for (; optind < argc && options->institutions_count < INSTITUTIONS_MAX; optind++)
    options->institutions[options->institutions_count++] = argv[optind];
  return options->brokers && options->topic && options->key && options->out && options->rate > 0 && options->seconds > 0 &&
         options->institutions_count > 0;
}

int main(int argc, char **argv)
{
  if (!read_options(argc, argv)) return usage();
  signal(SIGTERM, on_signal);
  load.count = (size_t)(load.options.rate * load.options.seconds);
  load.records = calloc(load.count, sizeof *load.records);
  load.out = fopen(load.options.out, "we");
  if (load.records == NULL || load.out == NULL) die(load.options.out, "cannot be written");
  setvbuf(load.out, NULL, _IOLBF, 0); /* a killed load still tells what was acknowledged */
  prepare_all();
  const char *const settings[][2] = {{"bootstrap.servers", load.options.brokers},
                                     {"acks", "all"},
                                     {"linger.ms", "0"},
                                     {"log_level", "0"},
                                     {"partitioner", "murmur2_random"},
                                     {"socket.nagle.disable", "true"},
                                     {"queue.buffering.max.messages", "1000000"},
                                     {"message.timeout.ms", "300000"},
                                     {NULL, NULL}};
  rd_kafka_t *producer = open_kafka(RD_KAFKA_PRODUCER, settings);
  rd_kafka_t *consumer = load.options.floor ? open_floor_consumer() : NULL;
  (void)partitions_of(producer);
  pthread_t thread;
  if (consumer != NULL && pthread_create(&thread, NULL, consume, consumer) != 0) die("thread", "not started");
  puts("ready"); /* built and signed: the clock starts now */
  fflush(stdout);
  produce_all(producer);
  if (consumer != NULL) {
    pthread_join(thread, NULL);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
  }
  fprintf(stderr, "load: %zu delivered, %zu failed\n", load.delivered, load.failed);
  rd_kafka_destroy(producer);
  fclose(load.out);
  free(load.records);
  return load.failed == 0 ? 0 : 1;
}
