/*
 * Publish: committed facts to holdfast.facts, in order per case, at least once; what people are told of them to
 * holdfast.alerts.
 *
 * Why:    the fact table is the outbox (design.md section 9): what is published was committed; what was committed is published,
 *         after a crash again from shard.published_seq.
 * Form:   one Kafka record per case and transaction (message Facts), key = case id, CloudEvents binary mode.
 * Thread: the loop's; delivery reports come inside hf_publish_work.
 * Bounds: HF_PUBLISH_BACKLOG records under way; hf_publish_has_room() before a transaction's facts are handed in.
 */
#ifndef HF_PUBLISH_PUBLISH_H
#define HF_PUBLISH_PUBLISH_H

#include "engine/base/bytes.h"
#include "engine/core/fact.h"

struct hf_publish;

HF_MUST_USE struct hf_status hf_publish_open(struct hf_publish **publish, const char *brokers, const char *facts,
                                             const char *alerts);
void hf_publish_close(struct hf_publish *publish);

bool hf_publish_has_room(const struct hf_publish *publish);
/* One committed transaction of one shard: its facts in order of seq, encoded. */
struct hf_published_fact {
  struct hf_case_id case_id;
  uint64_t seq;
  const uint8_t *bytes; /* an encoded Fact */
  size_t size;
  struct hf_span alert; /* what people are told of it, JSON; empty: nothing */
};
void hf_publish_add(struct hf_publish *publish, uint32_t shard, const struct hf_published_fact *facts, uint32_t count);

/* Serves delivery reports. Returns whether something moved. */
bool hf_publish_work(struct hf_publish *publish);

/* All facts of the shard up to here are acknowledged by the broker; 0 at first. */
uint64_t hf_publish_acknowledged(const struct hf_publish *publish, uint32_t shard);
/* The shard begins, or begins again, at this place. */
void hf_publish_reset(struct hf_publish *publish, uint32_t shard, uint64_t published_seq);
uint32_t hf_publish_waiting(const struct hf_publish *publish);

#endif
