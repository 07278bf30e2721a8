/*
 * Keys: the data keys of cases (engine/seal): made where a case has none in this process, found again for what is read.
 *
 * Why:    a key is never written over: a row says from which seq on it is the case's, so that whoever owns the shard next makes
 *         one of his own and reads with all of them.
 * Bounds: HF_CASE_KEYS_MAX at once; a case that fell out gets another key. Thread: the loop's.
 */
#ifndef HF_RECORD_KEYS_H
#define HF_RECORD_KEYS_H

#include "engine/seal/seal.h"

#define HF_CASE_KEYS_MAX 65536 /* 16 shards of 4,096 busy cases; 5 MiB, touched as used */

/* For writing. */
struct hf_case_keys;
struct hf_case_keys *hf_case_keys_open(struct hf_seal *seal);
void hf_case_keys_close(struct hf_case_keys *keys);

/*
 * The case's data key under this epoch of the shard. wrapped: the row to store with the fact `first_seq`, where the key is new;
 * wrapped->by is empty where it is not.
 */
const struct hf_data_key *hf_case_keys_get(struct hf_case_keys *keys, int64_t epoch, const struct hf_data_key_place *place,
                                           struct hf_wrapped_key *wrapped);

/* For reading: rows added in order of case and first_seq. */
struct hf_read_key {
  struct hf_case_id case_id;
  uint64_t first_seq;
  struct hf_data_key key;
};
struct hf_read_keys {
  struct hf_read_key *list;
  uint32_t count, capacity;
};
HF_MUST_USE struct hf_status hf_read_keys_add(struct hf_read_keys *keys, struct hf_seal *seal,
                                              const struct hf_data_key_place *place, const struct hf_wrapped_key *wrapped);
/* NULL: there is none. */
const struct hf_data_key *hf_read_keys_find(const struct hf_read_keys *keys, struct hf_case_id case_id, uint64_t seq);
void hf_read_keys_free(struct hf_read_keys *keys);

/*
 * A fact's stored bytes as the engine needs it, with its clear values. MALFORMED or REFUSED with the reason; a fact with
 * pseudonyms and nothing sealed is MALFORMED.
 */
HF_MUST_USE struct hf_status hf_record_fact_open(struct hf_seal *seal, const struct hf_read_keys *keys, struct hf_span bytes,
                                                 struct hf_fact *fact);

#endif
