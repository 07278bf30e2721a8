/*
 * Produce: appends raw records, as any foreign client might. stdin: "PARTITION|- KEY HEX" per line ("-" for what is empty, or
 * for the partition that murmur2 gives); stdout, per line, once the broker has it: "PARTITION OFFSET".
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
  (void)kafka, (void)opaque;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    fprintf(stderr, "produce: %s\n", rd_kafka_err2str(message->err));
    exit(1);
  }
  printf("%d %lld\n", (int)message->partition, (long long)message->offset);
}

int main(int argc, char **argv)
{
  char error[256], *line = NULL;
  size_t capacity = 0;
  if (argc != 3) return fprintf(stderr, "usage: produce BROKERS TOPIC\n"), 2;
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  if (rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], error, sizeof error) != RD_KAFKA_CONF_OK ||
      rd_kafka_conf_set(conf, "partitioner", "murmur2_random", error, sizeof error) != RD_KAFKA_CONF_OK)
    return fprintf(stderr, "produce: %s\n", error), 1;
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  while (kafka != NULL && getline(&line, &capacity, stdin) > 0) {
    char *save, *partition = strtok_r(line, " \n", &save), *key = strtok_r(NULL, " \n", &save),
                *hex = strtok_r(NULL, " \n", &save);
    if (hex == NULL) return fprintf(stderr, "produce: three words a line\n"), 2;
    size_t size = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; bytes != NULL && i < size; i++) sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    bool keyed = strcmp(key, "-") != 0;
    rd_kafka_resp_err_t failed =
        rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(argv[2]),
                          RD_KAFKA_V_PARTITION(strcmp(partition, "-") == 0 ? RD_KAFKA_PARTITION_UA : atoi(partition)),
                          RD_KAFKA_V_KEY(keyed ? key : NULL, keyed ? strlen(key) : 0), RD_KAFKA_V_VALUE(bytes, size),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    free(bytes);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return fprintf(stderr, "produce: %s\n", rd_kafka_err2str(failed)), 1;
    rd_kafka_flush(kafka, 10000); /* one by one: the answers come in the order of the lines */
    fflush(stdout);
  }
  free(line);
  if (kafka != NULL) rd_kafka_destroy(kafka);
  return kafka == NULL;
}
