#include "engine/gate/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/base/time.h"

#define METADATA_MS 3000

struct hf_watch {
  rd_kafka_t *producer;
  const char *answers;
  struct hf_roster_reader *reader;
  pthread_t thread;
  pthread_mutex_t mutex; /* over what follows */
  pthread_cond_t wake;
  bool stopping, fresh;
  struct hf_found found;
  /* the thread's own */
  struct hf_found next;
  bool told; /* that PostgreSQL is away */
};

static int32_t partitions_of(const struct rd_kafka_metadata *metadata, const char *topic)
{
  for (int i = 0; i < metadata->topic_cnt; i++)
    if (strcmp(metadata->topics[i].topic, topic) == 0) return metadata->topics[i].partition_cnt;
  return 0;
}

static bool look_at_topics(struct hf_watch *watch)
{
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t failed = rd_kafka_metadata(watch->producer, 1, NULL, &metadata, METADATA_MS);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    HF_LOG(HF_LOG_WARN, "E2402", "Kafka's topics cannot be listed", HF_FIELD("error", rd_kafka_err2name(failed)));
    return false;
  }
  watch->next.answers_partitions = partitions_of(metadata, watch->answers);
  for (uint32_t i = 0; i < watch->next.roster.institutions_count; i++) {
    char topic[sizeof "orders." + HF_INSTITUTION_CODE_SIZE_MAX];
    snprintf(topic, sizeof topic, "orders.%s", watch->next.roster.institutions[i].code);
    watch->next.orders_partitions[i] = partitions_of(metadata, topic);
  }
  rd_kafka_metadata_destroy(metadata);
  return true;
}

static void look(struct hf_watch *watch)
{
  struct hf_status status = hf_roster_read(watch->reader, &watch->next.roster);
  if (!hf_is_ok(status)) {
    HF_LOG(watch->told ? HF_LOG_INFO : HF_LOG_ALARM, "E2401", "the registry is as it was last read",
           HF_FIELD("why", status.why));
    watch->told = true;
    return;
  }
  watch->told = false;
  if (!look_at_topics(watch)) return;
  pthread_mutex_lock(&watch->mutex);
  watch->found = watch->next;
  watch->fresh = true;
  pthread_mutex_unlock(&watch->mutex);
}

static void *run(void *user)
{
  struct hf_watch *watch = user;
  for (bool stopping = false; !stopping;) {
    look(watch);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&watch->mutex);
    while (!watch->stopping && pthread_cond_timedwait(&watch->wake, &watch->mutex, &until) == 0)
      ;
    stopping = watch->stopping;
    pthread_mutex_unlock(&watch->mutex);
  }
  return NULL;
}

struct hf_watch *hf_watch_open(const char *conninfo, rd_kafka_t *producer, const char *answers)
{
  struct hf_watch *watch = calloc(1, sizeof *watch);
  HF_ASSERT(watch != NULL);
  watch->producer = producer;
  watch->answers = answers;
  watch->reader = hf_roster_open(conninfo);
  pthread_mutex_init(&watch->mutex, NULL);
  pthread_cond_init(&watch->wake, NULL);
  HF_ASSERT(pthread_create(&watch->thread, NULL, run, watch) == 0);
  return watch;
}

void hf_watch_close(struct hf_watch *watch)
{
  pthread_mutex_lock(&watch->mutex);
  watch->stopping = true;
  pthread_cond_signal(&watch->wake);
  pthread_mutex_unlock(&watch->mutex);
  pthread_join(watch->thread, NULL);
  hf_roster_close(watch->reader);
  pthread_cond_destroy(&watch->wake);
  pthread_mutex_destroy(&watch->mutex);
  free(watch);
}

bool hf_watch_take(struct hf_watch *watch, struct hf_found *found)
{
  pthread_mutex_lock(&watch->mutex);
  bool fresh = watch->fresh;
  if (fresh) *found = watch->found;
  watch->fresh = false;
  pthread_mutex_unlock(&watch->mutex);
  return fresh;
}
