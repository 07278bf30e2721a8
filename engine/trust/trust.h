/*
 * Trust: signatures made and checked, in a small worker pool.
 *
 * Why:    one Ed25519 check costs 119 µs, one SM2 ~400 µs: not on the loop. Verification proves only that key K signed these
 *         bytes; whether K may is the core's decision, at that record's place in the log.
 * Thread: all functions belong to the loop; workers run inside. A job is the caller's memory and stays where it is until
 *         hf_trust_job_done() says so. Order is the caller's: it looks at its own jobs in its own order.
 * Bounds: HF_TRUST_JOBS_MAX jobs, HF_KEYS_MAX keys, HF_TRUST_WORKERS_MAX workers; 0 workers: jobs run inside submit.
 */
#ifndef HF_TRUST_TRUST_H
#define HF_TRUST_TRUST_H

#include <stdatomic.h>

#include "engine/codec/codec.h"

struct hf_trust;

/* The centre's keys: orders, checkpoints of the audit tree. */
enum hf_signer { HF_SIGNER_ORDERS, HF_SIGNER_AUDIT, HF_SIGNER_AUDIT_SM2, HF_SIGNER_COUNT };
struct hf_trust_key;

struct hf_trust_job {
  /* VERIFY: an envelope, or bytes by one key; the verdict is NONE, UNKNOWN_KEY or BAD_SIGNATURE. SIGN: it says nothing. */
  bool sign;
  const struct hf_envelope *envelope;                 /* NULL: bytes and signature */
  const struct hf_trust_key *keys[HF_SIGNATURES_MAX]; /* SIGN: the first is the signer */
  struct hf_span bytes;
  uint8_t signature[HF_SIGNATURE_SIZE_MAX];
  size_t signature_size; /* 0: could not be signed */
  enum hf_reason verdict;
  atomic_bool done;
};

/* signing_key_file: PEM of the centre's private key, NULL where nothing is signed. CONFIG where it cannot be used. */
HF_MUST_USE struct hf_status hf_trust_open(struct hf_trust **trust, unsigned workers, const char *signing_key_file);
void hf_trust_close(struct hf_trust *trust);

/* Becomes readable when jobs are done; -1 with 0 workers. Read it with hf_trust_work. */
int hf_trust_fd(const struct hf_trust *trust);
void hf_trust_work(struct hf_trust *trust);

/*
 * Runs the first waiting job here, where it is short (Ed25519, P-256, checking RSA): false where there is none. A worker that
 * sleeps takes longer to wake than such a job takes to run, so none is woken for a single one: the loop calls this before it
 * waits, and does not wait while hf_trust_waits(). Together with the workers it shortens a batch.
 */
bool hf_trust_help(struct hf_trust *trust);
bool hf_trust_waits(struct hf_trust *trust);

/* Makes a registry key usable. REFUSED where its bytes are no key of its algorithm. A key id means one key for ever. */
HF_MUST_USE struct hf_status hf_trust_key_set(struct hf_trust *trust, const struct hf_key *key);

/* Starts a job. AGAIN when HF_TRUST_JOBS_MAX are under way. Unknown keys are looked up now, not later. */
HF_MUST_USE struct hf_status hf_trust_verify(struct hf_trust *trust, struct hf_trust_job *job,
                                             const struct hf_envelope *envelope);
HF_MUST_USE struct hf_status hf_trust_sign_as(struct hf_trust *trust, struct hf_trust_job *job, enum hf_signer signer,
                                              struct hf_span bytes);
/* The same for bytes that are not an envelope; both stay the caller's until the job is done. */
HF_MUST_USE struct hf_status hf_trust_check(struct hf_trust *trust, struct hf_trust_job *job, const char *key_id,
                                            struct hf_span bytes, struct hf_span signature);
HF_MUST_USE struct hf_status hf_trust_sign(struct hf_trust *trust, struct hf_trust_job *job, struct hf_span bytes);

static inline bool hf_trust_job_done(const struct hf_trust_job *job)
{
  return atomic_load_explicit(&job->done, memory_order_acquire);
}

/*
 * Loads a key for checkpoints: Ed25519 for AUDIT, SM2 for AUDIT_SM2; CONFIG where the file has none such. name: stands in the
 * note's lines, and with the key in their hash.
 */
HF_MUST_USE struct hf_status hf_trust_signer(struct hf_trust *trust, enum hf_signer signer, const char *file, const char *name);
/* 4 bytes of C2SP's key hash; NULL where there is no such signer. */
const uint8_t *hf_trust_signer_hash(const struct hf_trust *trust, enum hf_signer signer);
/* The centre's key id and algorithm, as institutions are told them. */
const char *hf_trust_signing_key_id(const struct hf_trust *trust);
enum hf_algorithm hf_trust_signing_algorithm(const struct hf_trust *trust);

#endif
