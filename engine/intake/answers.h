/*
 * Answers: records of holdfast.answers, of the shards that are ours, in the order of their partition.
 *
 * Why:    what an institution says through Kafka, or through the gate, is durable there: like reports it is read at
 * PostgreSQL's offsets, so that no death and no takeover loses an answer (law 1), and what follows from it may leave at once
 * (law 3). Thread: the loop's; librdkafka's own inside. Bounds: one record at a time; librdkafka's queue, 16 MiB.
 */
#ifndef HF_INTAKE_ANSWERS_H
#define HF_INTAKE_ANSWERS_H

#include "engine/base/bytes.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/limits.h"

struct hf_answers;

struct hf_answers_config {
  const char *brokers;
  const char *topic;
  const char *instance;
  int fetch_wait_ms;
};

/* Valid until hf_answers_done. */
struct hf_answer_record {
  uint32_t shard;
  int64_t offset;
  int64_t appended_wall_ns;
  struct hf_time at;          /* when it came to the centre: read, or appended where it waited for us for over a second */
  struct hf_span institution; /* whose it says to be: a header; its signature tells whether it is */
  struct hf_span value;
};

HF_MUST_USE struct hf_status hf_answers_open(struct hf_answers **answers, const struct hf_answers_config *config);
void hf_answers_close(struct hf_answers *answers);
/* Readable when Kafka has something, until hf_answers_woken. */
int hf_answers_fd(const struct hf_answers *answers);
void hf_answers_woken(struct hf_answers *answers);

/* Reads these shards from these offsets on, and no other; what was deleted meanwhile is told as an alarm (E1107). */
void hf_answers_start(struct hf_answers *answers, const uint32_t *shards, const int64_t *offsets, uint32_t count);
void hf_answers_stop(struct hf_answers *answers);

/* The next record, NULL where there is none; the same one until hf_answers_done. */
const struct hf_answer_record *hf_answers_next(struct hf_answers *answers);
void hf_answers_done(struct hf_answers *answers);

#endif
