/*
 * devbroker: librdkafka's mock cluster as a process, for the demo: no set-up, no durability. Never production.
 * Prints its address as one line when it is ready; runs until TERM or INT.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
  char error[256];
  sigset_t stop;
  int number;
  if (argc < 3) {
    fprintf(stderr,
            "usage: devbroker PARTITIONS TOPIC…\n  nothing is kept on disk: what is not consumed is lost when it ends\n");
    return 2;
  }
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  rd_kafka_mock_cluster_t *cluster = kafka == NULL ? NULL : rd_kafka_mock_cluster_new(kafka, 1);
  if (cluster == NULL) {
    fprintf(stderr, "devbroker: cannot start\n");
    return 1;
  }
  for (int i = 2; i < argc; i++)
    if (rd_kafka_mock_topic_create(cluster, argv[i], atoi(argv[1]), 1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      fprintf(stderr, "devbroker: topic %s cannot be created\n", argv[i]);
      return 1;
    }
  fprintf(stderr, "devbroker: in memory only; what it holds is gone when it stops\n");
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  sigwait(&stop, &number);
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(kafka);
  return 0;
}
