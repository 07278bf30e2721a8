/*
 * Watch: who is who, and which topics there are, looked at every second beside the loop: neither PostgreSQL nor Kafka's
 * metadata can hold up a request. While PostgreSQL is away the gate goes on with what it knew last.
 *
 * Thread: one of its own; the loop takes what it found. Memory: two rosters, one on each side.
 */
#ifndef HF_GATE_WATCH_H
#define HF_GATE_WATCH_H

#include <librdkafka/rdkafka.h>

#include "engine/record/roster.h"

struct hf_watch;

struct hf_found {
  struct hf_roster roster;
  int32_t answers_partitions;                     /* 0: the topic is not there */
  int32_t orders_partitions[HF_INSTITUTIONS_MAX]; /* of orders.CODE, by the roster's institutions; 0: it does not pull */
};

/* producer: asked for metadata. All must stay until hf_watch_close. */
struct hf_watch *hf_watch_open(const char *conninfo, rd_kafka_t *producer, const char *answers);
void hf_watch_close(struct hf_watch *watch);
/* True where something was found since the last call; *found is filled in. */
bool hf_watch_take(struct hf_watch *watch, struct hf_found *found);

#endif
