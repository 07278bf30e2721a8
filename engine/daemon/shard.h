/*
 * Shard: one partition's core with its memory, and which rested cases it still remembers.
 */
#ifndef HF_DAEMON_SHARD_H
#define HF_DAEMON_SHARD_H

#include "engine/core/core.h"
#include "engine/record/record.h"

enum hf_shard_state {
  HF_SHARD_NONE = 0,
  HF_SHARD_WANTED, /* assigned by the group, not yet acquired in PostgreSQL */
  HF_SHARD_OWNED,  /* restored; not yet fetching */
  HF_SHARD_RUNNING,
};

struct hf_rested {
  struct hf_case_id id;
  uint64_t seq; /* of the fact that it rests */
};

struct hf_shard {
  enum hf_shard_state state;
  struct hf_core *core;
  void *memory;
  size_t memory_size;
  struct hf_log_place next; /* as PostgreSQL had it at the takeover */
  int64_t answers_read;     /* the first record of holdfast.answers that was not looked at */
  int64_t epoch;
  uint64_t publish_from; /* facts after this one are in PostgreSQL but perhaps not published */
  /* Rested cases of the last hour, so that a new case never waits for a look-up (design.md section 5). */
  struct hf_map recent; /* case → its place in the ring, from 1 */
  struct hf_map_entry *recent_memory;
  struct hf_rested *ring;
  uint32_t ring_first, ring_used;
  uint64_t forgotten_seq; /* the newest fact of a case that fell out of the ring */
  int64_t floor_wall_ns;  /* a case that was minted before may have rested without being remembered */
};

void hf_shard_open(struct hf_shard *shard, const struct hf_core_config *config, int64_t now_wall_ns);
void hf_shard_close(struct hf_shard *shard);
void hf_shard_remember(struct hf_shard *shard, struct hf_case_id rested, uint64_t seq);
/* Whether PostgreSQL has to be asked for this case before a report on it is decided. */
bool hf_shard_must_look_up(const struct hf_shard *shard, struct hf_case_id id, int64_t now_wall_ns);
/* PostgreSQL knows all cases that rest once this fact is committed; 0: it does already. */
uint64_t hf_shard_rested_seq(const struct hf_shard *shard);
/* PostgreSQL knows all of a rested case once this fact is committed; 0: it does already. */
uint64_t hf_shard_look_up_after(const struct hf_shard *shard, struct hf_case_id id);

#endif
