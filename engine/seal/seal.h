/*
 * Seal: personal data on its way out of the engine's memory (decision 21). A sealed fact has pseudonyms where account numbers
 * and names were, and beside them the clear values as ciphertext under a data key of its case.
 *
 * Why:    rows, published facts, backups and the write-ahead log are read by many; whose account it is, only by who has the
 *         key file. A case's data keys are destroyed after the legal term; hashes, proofs and figures stay valid.
 * Form:   pseudonym: mask, '~', 24 hexadecimal digits of HMAC-SHA-256 under the token key: the same account is the same text
 *         everywhere, so that it can be looked up; nobody without the key can try numbers.
 *         sealed: a 32-byte commitment (SHA-256 over salt and values), AES-256-GCM ciphertext of salt and values, 16-byte tag;
 *         nonce: the fact's seq, which a data key sees once; bound to shard, seq, case and kind.
 * Thread: one at a time; contexts are kept. Memory: nothing is allocated after opening.
 */
#ifndef HF_SEAL_SEAL_H
#define HF_SEAL_SEAL_H

#include "engine/base/bytes.h"
#include "engine/core/fact.h"

struct hf_seal;

#define HF_SEAL_NAME_SIZE_MAX 32
#define HF_SEAL_WRAPPING_KEYS_MAX 8
#define HF_SEAL_TAG_SIZE 16
#define HF_SEAL_SALT_SIZE 16
#define HF_SEAL_VALUES_SIZE_MAX ((1 + HF_ACCOUNT_NUMBER_SIZE_MAX + 1 + HF_NAME_SIZE_MAX) * 2) /* of two parties */
#define HF_SEALED_SIZE_MAX (HF_DIGEST_SIZE + HF_SEAL_SALT_SIZE + HF_SEAL_VALUES_SIZE_MAX + HF_SEAL_TAG_SIZE)

struct hf_data_key {
  uint8_t bytes[32];
};

/* A data key as PostgreSQL keeps it. */
#define HF_WRAPPED_KEY_SIZE (12 + 32 + HF_SEAL_TAG_SIZE)
struct hf_wrapped_key {
  char by[HF_SEAL_NAME_SIZE_MAX + 1]; /* the wrapping key's name; empty: no key */
  uint8_t bytes[HF_WRAPPED_KEY_SIZE];
};

/* Which facts a data key is for: of this case, from this seq to the next key's. A zero case: of none. */
struct hf_data_key_place {
  uint32_t shard;
  struct hf_case_id case_id;
  uint64_t first_seq;
};

/* Reads the key file: CONFIG with what is wrong, where others than its owner may read it, too. */
HF_MUST_USE struct hf_status hf_seal_open(struct hf_seal **seal, const char *file);
void hf_seal_close(struct hf_seal *seal);

/* Writes a key file that must not exist yet: a token key and one wrapping key. REFUSED where it cannot. */
HF_MUST_USE struct hf_status hf_seal_file_make(const char *file);
/* Puts a fresh wrapping key before the others, in one step; those stay for what they have wrapped. */
HF_MUST_USE struct hf_status hf_seal_file_rotate(const char *file);

/* The wrapping key of new data keys. */
const char *hf_seal_newest(const struct hf_seal *seal);

/* Whether the file has a wrapping key of this name. */
bool hf_seal_has(const struct hf_seal *seal, const char *name);

void hf_seal_account(struct hf_seal *seal, const struct hf_account_number *clear, struct hf_account_number *pseudonym);
void hf_seal_name(struct hf_seal *seal, const struct hf_name *clear, struct hf_name *pseudonym);

void hf_seal_key_make(struct hf_seal *seal, const struct hf_data_key_place *place, struct hf_data_key *key,
                      struct hf_wrapped_key *wrapped);
void hf_seal_key_wrap(struct hf_seal *seal, const struct hf_data_key_place *place, const struct hf_data_key *key,
                      struct hf_wrapped_key *wrapped);
/* REFUSED where the file has no such wrapping key, or it is not this place's data key. */
HF_MUST_USE struct hf_status hf_seal_key_open(struct hf_seal *seal, const struct hf_data_key_place *place,
                                              const struct hf_wrapped_key *wrapped, struct hf_data_key *key);

/* Whether any account number or name stands in it. */
bool hf_seal_is_personal(const struct hf_fact *fact);
/* Puts pseudonyms into the fact and writes what was there. Returns the size; 0: nothing of it is personal. */
size_t hf_seal_fact(struct hf_seal *seal, const struct hf_data_key *key, struct hf_fact *fact,
                    uint8_t sealed[HF_SEALED_SIZE_MAX]);
/* The other way. REFUSED where key, fact and bytes do not belong together. */
HF_MUST_USE struct hf_status hf_seal_fact_open(struct hf_seal *seal, const struct hf_data_key *key, struct hf_span sealed,
                                               struct hf_fact *fact);

/* A submission's own bytes, kept with the fact `seq`; out: HF_SEAL_TAG_SIZE longer. */
void hf_seal_raw(struct hf_seal *seal, const struct hf_data_key *key, const struct hf_fact *fact, struct hf_span raw,
                 uint8_t *out);
/* out: HF_SEAL_TAG_SIZE shorter. REFUSED as above. */
HF_MUST_USE struct hf_status hf_seal_raw_open(struct hf_seal *seal, const struct hf_data_key *key, const struct hf_fact *fact,
                                              struct hf_span sealed, uint8_t *out);

#endif
