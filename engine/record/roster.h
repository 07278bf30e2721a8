/*
 * Roster: which institutions there are and whose keys are whose, read from PostgreSQL for the gate: nothing of facts, cases or
 * orders (the role holdfast_gate may read no more).
 *
 * Why:    a key that one shard's log has revoked is revoked; where shards' rows differ for a moment, the strictest holds.
 * Thread: any one. Blocks, for at most five seconds; connects again by itself.
 */
#ifndef HF_RECORD_ROSTER_H
#define HF_RECORD_ROSTER_H

#include "engine/core/registry.h"
#include "engine/limits.h"

struct hf_roster {
  uint32_t institutions_count, keys_count;
  struct hf_roster_institution {
    char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
    bool enabled;
  } institutions[HF_INSTITUTIONS_MAX];
  struct hf_key keys[HF_KEYS_MAX]; /* of roles institution and machine: id, holder, role, algorithm, validity and the key itself
                                      are filled in */
};

struct hf_roster_reader;

/* conninfo must stay. Nothing is connected yet. */
struct hf_roster_reader *hf_roster_open(const char *conninfo);
void hf_roster_close(struct hf_roster_reader *reader);
/* RETRY while PostgreSQL is away, CONFIG where the schema is another; *roster is unspecified then. */
HF_MUST_USE struct hf_status hf_roster_read(struct hf_roster_reader *reader, struct hf_roster *roster);

#endif
