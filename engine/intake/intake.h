/*
 * Intake: records of holdfast.reports, verified and decoded, in the order of their partition.
 *
 * Why:    no report is lost (law 1): offsets are PostgreSQL's; here nothing is committed, stored or skipped.
 * Thread: the loop's. librdkafka's threads fill its queue; the signature workers check what stands in the slots.
 * Memory: HF_INTAKE_SLOTS slots that hold on to Kafka's own buffers; one decoded submission at a time.
 * Bounds: slots, HF_INTAKE_BYTES_MAX; when full nothing is polled, and after a second the partitions are paused.
 */
#ifndef HF_INTAKE_INTAKE_H
#define HF_INTAKE_INTAKE_H

#include "engine/base/time.h"
#include "engine/core/core.h"
#include "engine/trust/trust.h"

struct hf_intake;

struct hf_intake_config {
  const char *brokers;
  const char *topic;
  const char *group;
  const char *instance; /* group.instance.id: a restart within the session's time causes no rebalance */
  int fetch_wait_ms;    /* 100 with a real broker, 1–5 with the embedded one (tech.md 1.6) */
  int session_ms;
  bool verify; /* false only in the benchmark's unsigned run: every record counts as signed by its key id */
};

/* What the group told: the daemon acquires the shards in PostgreSQL, then starts them. */
struct hf_intake_events {
  void *owner;
  /* Own these now; call hf_intake_start when they are restored. */
  void (*assigned)(void *owner, const uint32_t *shards, uint32_t count);
  /* Own none any more; lost: another owner may already have them. */
  void (*revoked)(void *owner, bool lost);
};

/* One record, decoded. Valid until hf_intake_done. */
struct hf_submission {
  struct hf_input input; /* all but `now` is filled in */
  uint32_t shard;
  struct hf_span raw;
  int64_t consumed_mono_ns;
};

HF_MUST_USE struct hf_status hf_intake_open(struct hf_intake **intake, const struct hf_intake_config *config,
                                            const struct hf_intake_events *events, struct hf_trust *trust);
void hf_intake_close(struct hf_intake *intake);

/* Readable when Kafka has something; hf_intake_work drains it. */
int hf_intake_fd(const struct hf_intake *intake);
/* Polls Kafka and starts verification. Returns how many records it took in. */
uint32_t hf_intake_work(struct hf_intake *intake, struct hf_time now);

/* Begins to fetch all assigned shards at PostgreSQL's offsets (offsets[i] belongs to shards[i]). */
HF_MUST_USE struct hf_status hf_intake_start(struct hf_intake *intake, const uint32_t *shards, const int64_t *offsets,
                                             uint32_t count);

/* The oldest record whose verification is finished; NULL where there is none. The same one until hf_intake_done. */
const struct hf_submission *hf_intake_next(struct hf_intake *intake);
void hf_intake_done(struct hf_intake *intake);

/* Records between poll and core. */
uint32_t hf_intake_waiting(const struct hf_intake *intake);
/* Whether the broker answered within the last seconds; the reason where it did not. */
bool hf_intake_is_connected(const struct hf_intake *intake, const char **why);

#endif
