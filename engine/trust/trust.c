#include "engine/trust/trust.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/audit/note.h"
#include "engine/base/assert.h"
#include "engine/trust/key.h"

#define SIGNED_BYTES_MAX (HF_RECORD_SIZE_MAX + HF_PAYLOAD_TYPE_SIZE_MAX + 32)

struct worker {
  struct hf_trust *trust;
  pthread_t thread;
  EVP_MD_CTX *context;
  uint8_t *buffer; /* SIGNED_BYTES_MAX */
};

struct hf_trust {
  int fd;
  unsigned workers_count;
  struct worker workers[HF_TRUST_WORKERS_MAX + 1]; /* the last is the loop's own, used with 0 workers */
  struct hf_trust_key signers[HF_SIGNER_COUNT];
  uint8_t signer_hashes[HF_SIGNER_COUNT][4];
  uint32_t keys_count;
  struct hf_trust_key *keys; /* HF_KEYS_MAX */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  struct hf_trust_job *queue[HF_TRUST_JOBS_MAX];
  uint32_t queue_first, queue_used;
  bool stop;
};

static enum hf_reason verdict_on(struct worker *worker, const struct hf_trust_key *key, struct hf_span bytes,
                                 struct hf_span signature)
{
  if (key == NULL) return HF_REASON_UNKNOWN_KEY;
  return hf_key_verify(worker->context, key, bytes, signature) ? HF_REASON_NONE : HF_REASON_BAD_SIGNATURE;
}

static void run(struct worker *worker, struct hf_trust_job *job)
{
  if (job->sign) {
    job->signature_size = hf_key_sign(worker->context, job->keys[0], job->bytes, job->signature, sizeof job->signature);
  } else if (job->envelope == NULL) {
    job->verdict = verdict_on(worker, job->keys[0], job->bytes, (struct hf_span){job->signature, job->signature_size});
  } else {
    const struct hf_envelope *envelope = job->envelope;
    size_t size = hf_envelope_signed_bytes(envelope->kind, envelope->payload, worker->buffer, SIGNED_BYTES_MAX);
    HF_ASSERT(size > 0);
    job->verdict = HF_REASON_NONE;
    for (uint32_t i = 0; i < envelope->signatures_count && job->verdict == HF_REASON_NONE; i++)
      job->verdict = verdict_on(worker, job->keys[i], (struct hf_span){worker->buffer, size}, envelope->signatures[i].bytes);
  }
  atomic_store_explicit(&job->done, true, memory_order_release);
}

static struct hf_trust_job *take_first(struct hf_trust *trust)
{
  struct hf_trust_job *job = trust->queue[trust->queue_first];
  trust->queue_first = (trust->queue_first + 1) % HF_TRUST_JOBS_MAX;
  trust->queue_used--;
  return job;
}

static void *work(void *argument)
{
  struct worker *worker = argument;
  struct hf_trust *trust = worker->trust;
  pthread_mutex_lock(&trust->mutex);
  for (;;) {
    while (trust->queue_used == 0 && !trust->stop) pthread_cond_wait(&trust->wake, &trust->mutex);
    if (trust->stop) break;
    struct hf_trust_job *job = take_first(trust);
    pthread_mutex_unlock(&trust->mutex);
    run(worker, job);
    uint64_t one = 1;
    ssize_t ignored = write(trust->fd, &one, sizeof one); /* fails only when the counter is full: then it is readable */
    (void)ignored;
    pthread_mutex_lock(&trust->mutex);
  }
  pthread_mutex_unlock(&trust->mutex);
  return NULL;
}

static bool open_worker(struct hf_trust *trust, struct worker *worker)
{
  worker->trust = trust;
  worker->context = EVP_MD_CTX_new();
  worker->buffer = malloc(SIGNED_BYTES_MAX);
  return worker->context != NULL && worker->buffer != NULL;
}

static struct hf_status load_signing_key(struct hf_trust *trust, const char *file)
{
  trust->signers[HF_SIGNER_ORDERS].key = hf_key_load_private(file);
  if (trust->signers[HF_SIGNER_ORDERS].key == NULL)
    return hf_fail(HF_STATUS_CONFIG, "the centre's signing key cannot be read (PEM, unencrypted)");
  trust->signers[HF_SIGNER_ORDERS].algorithm = hf_key_algorithm(trust->signers[HF_SIGNER_ORDERS].key);
  if (trust->signers[HF_SIGNER_ORDERS].algorithm == HF_ALGORITHM_UNSET)
    return hf_fail(HF_STATUS_CONFIG, "the centre's signing key is not Ed25519, P-256, RSA-2048 or SM2");
  if (!hf_key_id_of(trust->signers[HF_SIGNER_ORDERS].key, trust->signers[HF_SIGNER_ORDERS].id))
    return hf_fail(HF_STATUS_CONFIG, "the centre's signing key has no public part");
  return hf_ok();
}

struct hf_status hf_trust_open(struct hf_trust **out, unsigned workers, const char *signing_key_file)
{
  HF_ASSERT(workers <= HF_TRUST_WORKERS_MAX);
  struct hf_trust *trust = calloc(1, sizeof *trust);
  HF_ASSERT(trust != NULL);
  trust->fd = -1;
  trust->keys = calloc(HF_KEYS_MAX, sizeof *trust->keys);
  pthread_mutex_init(&trust->mutex, NULL);
  pthread_cond_init(&trust->wake, NULL);
  *out = trust;
  HF_ASSERT(trust->keys != NULL && open_worker(trust, &trust->workers[HF_TRUST_WORKERS_MAX]));
  if (signing_key_file != NULL) {
    struct hf_status status = load_signing_key(trust, signing_key_file);
    if (!hf_is_ok(status)) return status;
  }
  if (workers == 0) return hf_ok();
  trust->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (trust->fd < 0) return hf_fail(HF_STATUS_CONFIG, "no eventfd for the signature workers");
  for (; trust->workers_count < workers; trust->workers_count++) {
    struct worker *worker = &trust->workers[trust->workers_count];
    if (!open_worker(trust, worker) || pthread_create(&worker->thread, NULL, work, worker) != 0)
      return hf_fail(HF_STATUS_CONFIG, "no thread for the signature workers");
  }
  return hf_ok();
}

void hf_trust_close(struct hf_trust *trust)
{
  if (trust == NULL) return;
  pthread_mutex_lock(&trust->mutex);
  trust->stop = true;
  pthread_cond_broadcast(&trust->wake);
  pthread_mutex_unlock(&trust->mutex);
  for (unsigned i = 0; i < trust->workers_count; i++) pthread_join(trust->workers[i].thread, NULL);
  for (unsigned i = 0; i <= HF_TRUST_WORKERS_MAX; i++) {
    EVP_MD_CTX_free(trust->workers[i].context);
    free(trust->workers[i].buffer);
  }
  for (uint32_t i = 0; i < trust->keys_count; i++) EVP_PKEY_free(trust->keys[i].key);
  for (int i = 0; i < HF_SIGNER_COUNT; i++) EVP_PKEY_free(trust->signers[i].key);
  if (trust->fd >= 0) close(trust->fd);
  pthread_mutex_destroy(&trust->mutex);
  pthread_cond_destroy(&trust->wake);
  free(trust->keys);
  free(trust);
}

int hf_trust_fd(const struct hf_trust *trust)
{
  return trust->fd;
}

void hf_trust_work(struct hf_trust *trust)
{
  uint64_t count;
  ssize_t ignored = trust->fd < 0 ? 0 : read(trust->fd, &count, sizeof count); /* EAGAIN: nothing since the last time */
  (void)ignored;
}

static const struct hf_trust_key *find_key(const struct hf_trust *trust, const char *id)
{
  for (uint32_t i = 0; i < trust->keys_count; i++)
    if (strcmp(trust->keys[i].id, id) == 0) return &trust->keys[i];
  return NULL;
}

struct hf_status hf_trust_key_set(struct hf_trust *trust, const struct hf_key *key)
{
  const struct hf_trust_key *known = find_key(trust, key->id);
  if (known != NULL && known->algorithm == key->algorithm) return hf_ok();
  if (trust->keys_count == HF_KEYS_MAX) return hf_fail(HF_STATUS_LIMIT, "more keys than a process may hold");
  EVP_PKEY *loaded = hf_key_load_public(key->algorithm, key->public_key, key->public_key_size);
  if (loaded == NULL) return hf_fail(HF_STATUS_REFUSED, "the key's bytes are no public key of its algorithm");
  /* RSA may be used with PSS or PKCS#1 v1.5, as its record says; a changed record comes after the old jobs are done. */
  struct hf_trust_key *to = known != NULL ? &trust->keys[known - trust->keys] : &trust->keys[trust->keys_count++];
  EVP_PKEY_free(to->key);
  *to = (struct hf_trust_key){.algorithm = key->algorithm, .key = loaded};
  memcpy(to->id, key->id, sizeof to->id);
  return hf_ok();
}

/* Short enough for the loop. */
static bool is_quick(const struct hf_trust_job *job)
{
  uint32_t keys = job->envelope == NULL || job->sign ? 1 : job->envelope->signatures_count;
  for (uint32_t i = 0; i < keys; i++) {
    enum hf_algorithm algorithm = job->keys[i] == NULL ? HF_ALGORITHM_UNSET : job->keys[i]->algorithm;
    bool is_rsa = algorithm == HF_ALGORITHM_RSA_PSS_SHA256 || algorithm == HF_ALGORITHM_RSA_PKCS1_SHA256;
    if (algorithm == HF_ALGORITHM_SM2_SM3 || (is_rsa && job->sign)) return false;
  }
  return true;
}

/* Requires: the mutex. */
static bool is_quick_first(const struct hf_trust *trust)
{
  return trust->queue_used > 0 && is_quick(trust->queue[trust->queue_first]);
}

bool hf_trust_waits(struct hf_trust *trust)
{
  pthread_mutex_lock(&trust->mutex);
  bool waits = is_quick_first(trust);
  pthread_mutex_unlock(&trust->mutex);
  return waits;
}

bool hf_trust_help(struct hf_trust *trust)
{
  pthread_mutex_lock(&trust->mutex);
  struct hf_trust_job *job = is_quick_first(trust) ? take_first(trust) : NULL;
  pthread_mutex_unlock(&trust->mutex);
  if (job != NULL) run(&trust->workers[HF_TRUST_WORKERS_MAX], job);
  return job != NULL;
}

static struct hf_status submit(struct hf_trust *trust, struct hf_trust_job *job)
{
  atomic_store_explicit(&job->done, false, memory_order_relaxed);
  if (trust->workers_count == 0) {
    run(&trust->workers[HF_TRUST_WORKERS_MAX], job);
    return hf_ok();
  }
  pthread_mutex_lock(&trust->mutex);
  bool room = trust->queue_used < HF_TRUST_JOBS_MAX;
  if (room) {
    trust->queue[(trust->queue_first + trust->queue_used++) % HF_TRUST_JOBS_MAX] = job;
    if (trust->queue_used > 1 || !is_quick(job)) pthread_cond_signal(&trust->wake); /* a single quick one is the loop's */
  }
  pthread_mutex_unlock(&trust->mutex);
  return room ? hf_ok() : hf_fail(HF_STATUS_AGAIN, "the signature workers are behind");
}

struct hf_status hf_trust_verify(struct hf_trust *trust, struct hf_trust_job *job, const struct hf_envelope *envelope)
{
  HF_ASSERT(envelope->signatures_count > 0 && envelope->signatures_count <= HF_SIGNATURES_MAX);
  job->sign = false;
  job->envelope = envelope;
  for (uint32_t i = 0; i < envelope->signatures_count; i++) job->keys[i] = find_key(trust, envelope->signatures[i].key_id);
  return submit(trust, job);
}

struct hf_status hf_trust_check(struct hf_trust *trust, struct hf_trust_job *job, const char *key_id, struct hf_span bytes,
                                struct hf_span signature)
{
  HF_ASSERT(signature.size <= sizeof job->signature);
  job->sign = false;
  job->envelope = NULL;
  job->keys[0] = find_key(trust, key_id);
  job->bytes = bytes;
  memcpy(job->signature, signature.data, signature.size);
  job->signature_size = signature.size;
  return submit(trust, job);
}

struct hf_status hf_trust_sign_as(struct hf_trust *trust, struct hf_trust_job *job, enum hf_signer signer, struct hf_span bytes)
{
  HF_ASSERT(trust->signers[signer].key != NULL);
  job->sign = true;
  job->keys[0] = &trust->signers[signer];
  job->bytes = bytes;
  job->signature_size = 0;
  return submit(trust, job);
}

struct hf_status hf_trust_sign(struct hf_trust *trust, struct hf_trust_job *job, struct hf_span bytes)
{
  return hf_trust_sign_as(trust, job, HF_SIGNER_ORDERS, bytes);
}

struct hf_status hf_trust_signer(struct hf_trust *trust, enum hf_signer signer, const char *file, const char *name)
{
  struct hf_trust_key *to = &trust->signers[signer];
  uint8_t der[HF_PUBLIC_KEY_SIZE_MAX];
  bool sm2 = signer == HF_SIGNER_AUDIT_SM2;
  to->key = hf_key_load_private(file);
  to->algorithm = to->key == NULL ? HF_ALGORITHM_UNSET : hf_key_algorithm(to->key);
  if (to->algorithm != (sm2 ? HF_ALGORITHM_SM2_SM3 : HF_ALGORITHM_ED25519))
    return hf_fail(HF_STATUS_CONFIG,
                   sm2 ? "audit.sm2_key is no SM2 private key in PEM" : "audit.key is no Ed25519 private key in PEM");
  size_t size = hf_key_public_der(to->key, der, sizeof der);
  HF_ASSERT(size > 32);
  /* Of Ed25519 the note's key is the 32 bytes at the end of SubjectPublicKeyInfo (RFC 8410). */
  struct hf_span public_key = sm2 ? (struct hf_span){der, size} : (struct hf_span){der + size - 32, 32};
  hf_audit_key_hash(name, sm2 ? HF_NOTE_SM2 : HF_NOTE_ED25519, public_key, trust->signer_hashes[signer]);
  return hf_ok();
}

const uint8_t *hf_trust_signer_hash(const struct hf_trust *trust, enum hf_signer signer)
{
  return trust->signers[signer].key == NULL ? NULL : trust->signer_hashes[signer];
}

const char *hf_trust_signing_key_id(const struct hf_trust *trust)
{
  return trust->signers[HF_SIGNER_ORDERS].id;
}

enum hf_algorithm hf_trust_signing_algorithm(const struct hf_trust *trust)
{
  return trust->signers[HF_SIGNER_ORDERS].algorithm;
}
