#include "engine/trust/key.h"
#include "engine/trust/mac.h"
#include "engine/trust/trust.h"
#include "tests/unit/unit.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t payload[] = "ten bytes…";

/* A key pair, known to trust as `row` says; the private half stands in file. */
static struct hf_key make_key(enum hf_algorithm algorithm, char file[64])
{
  struct hf_key row = {.role = HF_ROLE_OFFICER, .algorithm = algorithm, .valid_until_wall_ns = INT64_MAX};
  EVP_PKEY *pair = hf_key_generate(algorithm);
  assert_non_null(pair);
  strcpy(file, "/tmp/holdfast-unit-XXXXXX");
  FILE *out = fdopen(mkstemp(file), "w");
  assert_int_equal(PEM_write_PrivateKey(out, pair, NULL, NULL, 0, NULL, NULL), 1);
  fclose(out);
  row.public_key_size = (uint16_t)hf_key_public_der(pair, row.public_key, sizeof row.public_key);
  assert_true(row.public_key_size > 0 && hf_key_id_of(pair, row.id));
  EVP_PKEY_free(pair);
  return row;
}

/* As the loop does: it helps, and waits only for what is not its own. */
static void finish(struct hf_trust *trust, const struct hf_trust_job *job)
{
  while (!hf_trust_job_done(job))
    if (!hf_trust_help(trust)) usleep(100);
}

static enum hf_reason verify(struct hf_trust *trust, const struct hf_envelope *envelope)
{
  struct hf_trust_job job;
  assert_true(hf_is_ok(hf_trust_verify(trust, &job, envelope)));
  finish(trust, &job);
  return job.verdict;
}

static const char *check_bytes(struct hf_trust *trust, struct hf_trust_job *job, const char *key_id, struct hf_span bytes,
                               struct hf_span signature)
{
  assert_true(hf_is_ok(hf_trust_check(trust, job, key_id, bytes, signature)));
  finish(trust, job);
  return hf_reason_code(job->verdict);
}

static void signs_and_verifies(enum hf_algorithm algorithm, unsigned workers)
{
  char file[64];
  uint8_t bytes[256];
  struct hf_trust *trust;
  struct hf_trust_job job;
  struct hf_key row = make_key(algorithm, file);
  assert_true(hf_is_ok(hf_trust_open(&trust, workers, file)));
  unlink(file);
  struct hf_span body = {payload, sizeof payload};
  struct hf_span to_sign = {bytes, hf_envelope_signed_bytes(HF_PAYLOAD_REPORT, body, bytes, sizeof bytes)};
  assert_true(hf_is_ok(hf_trust_sign(trust, &job, to_sign)));
  finish(trust, &job);
  assert_true(job.signature_size > 0);
  struct hf_envelope envelope = {.kind = HF_PAYLOAD_REPORT, .payload = body, .signatures_count = 1};
  envelope.signatures[0].bytes = (struct hf_span){job.signature, job.signature_size};
  memcpy(envelope.signatures[0].key_id, row.id, sizeof row.id);
  assert_string_equal(hf_trust_signing_key_id(trust), row.id);

  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "unknown_key");
  assert_true(hf_is_ok(hf_trust_key_set(trust, &row)));
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "");
  envelope.kind = HF_PAYLOAD_REGISTRY; /* the type is inside what is signed */
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "bad_signature");
  envelope.kind = HF_PAYLOAD_REPORT;
  envelope.payload.size--;
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "bad_signature");
  envelope.payload.size++;
  for (size_t i = 0; i < job.signature_size; i += 7) {
    job.signature[i] ^= 0x40;
    assert_string_equal(hf_reason_code(verify(trust, &envelope)), "bad_signature");
    job.signature[i] ^= 0x40;
  }
  envelope.signatures[0].bytes.size = 0;
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "bad_signature");
  static struct hf_trust_job check; /* the same bytes without an envelope: an institution's answer */
  struct hf_span signature = {job.signature, job.signature_size};
  assert_string_equal(check_bytes(trust, &check, row.id, to_sign, signature), "");
  assert_string_equal(check_bytes(trust, &check, "00112233445566778899aabbccddeeff", to_sign, signature), "unknown_key");
  to_sign.size--;
  assert_string_equal(check_bytes(trust, &check, row.id, to_sign, signature), "bad_signature");
  hf_trust_close(trust);
}

#define ALGORITHM(name)                                \
  static void name##_signs_and_verifies(void **unused) \
  {                                                    \
    (void)unused;                                      \
    signs_and_verifies(HF_ALGORITHM_##name, 0);        \
    signs_and_verifies(HF_ALGORITHM_##name, 2);        \
  }
ALGORITHM(ED25519)
ALGORITHM(ECDSA_P256_SHA256)
ALGORITHM(RSA_PSS_SHA256)
ALGORITHM(SM2_SM3)

/* A single short job, for which no worker is woken, ends; so does a batch; a long one is a worker's alone. */
static void the_loop_helps_with_what_is_short(void **unused)
{
  (void)unused;
  static struct hf_trust_job jobs[32];
  char file[64];
  struct hf_trust *trust;
  struct hf_span bytes = {payload, sizeof payload};
  make_key(HF_ALGORITHM_ECDSA_P256_SHA256, file);
  assert_true(hf_is_ok(hf_trust_open(&trust, 1, file)));
  unlink(file);
  assert_false(hf_trust_waits(trust) || hf_trust_help(trust));
  for (int round = 0; round < 50; round++) {
    assert_true(hf_is_ok(hf_trust_sign(trust, &jobs[0], bytes)));
    finish(trust, &jobs[0]);
    for (int i = 0; i < 32; i++) assert_true(hf_is_ok(hf_trust_sign(trust, &jobs[i], bytes)));
    for (int i = 0; i < 32; i++) finish(trust, &jobs[i]);
    for (int i = 0; i < 32; i++) assert_true(jobs[i].signature_size > 0);
    assert_false(hf_trust_waits(trust));
  }
  hf_trust_close(trust);
  make_key(HF_ALGORITHM_SM2_SM3, file);
  assert_true(hf_is_ok(hf_trust_open(&trust, 1, file)));
  unlink(file);
  assert_true(hf_is_ok(hf_trust_sign(trust, &jobs[0], bytes)));
  assert_false(hf_trust_waits(trust) || hf_trust_help(trust));
  while (!hf_trust_job_done(&jobs[0])) usleep(100);
  assert_true(jobs[0].signature_size > 0);
  hf_trust_close(trust);
}

/* PKCS#1 v1.5: other systems sign so; the algorithm is the key record's, never the message's. */
static void rsa_pkcs1_is_verified_and_not_taken_for_pss(void **unused)
{
  char file[64];
  struct hf_trust *trust;
  (void)unused;
  struct hf_key row = make_key(HF_ALGORITHM_RSA_PKCS1_SHA256, file), pss = row;
  FILE *in = fopen(file, "r");
  struct hf_trust_key key = {.algorithm = HF_ALGORITHM_RSA_PKCS1_SHA256, .key = PEM_read_PrivateKey(in, NULL, NULL, NULL)};
  fclose(in);
  unlink(file);
  uint8_t bytes[256], signature[HF_SIGNATURE_SIZE_MAX];
  struct hf_span body = {payload, sizeof payload};
  struct hf_span to_sign = {bytes, hf_envelope_signed_bytes(HF_PAYLOAD_REPORT, body, bytes, sizeof bytes)};
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  size_t size = hf_key_sign(context, &key, to_sign, signature, sizeof signature);
  assert_int_equal(size, 256);
  struct hf_envelope envelope = {.kind = HF_PAYLOAD_REPORT, .payload = body, .signatures_count = 1};
  envelope.signatures[0].bytes = (struct hf_span){signature, size};
  memcpy(envelope.signatures[0].key_id, row.id, sizeof row.id);
  assert_true(hf_is_ok(hf_trust_open(&trust, 0, NULL)));
  assert_true(hf_is_ok(hf_trust_key_set(trust, &row)));
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "");
  hf_trust_close(trust);
  pss.algorithm = HF_ALGORITHM_RSA_PSS_SHA256;
  assert_true(hf_is_ok(hf_trust_open(&trust, 0, NULL)));
  assert_true(hf_is_ok(hf_trust_key_set(trust, &pss)));
  assert_string_equal(hf_reason_code(verify(trust, &envelope)), "bad_signature");
  hf_trust_close(trust);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key.key);
}

static void bytes_that_are_no_key_are_refused(void **unused)
{
  struct hf_trust *trust;
  char file[64];
  (void)unused;
  struct hf_key row = make_key(HF_ALGORITHM_ED25519, file);
  unlink(file);
  assert_true(hf_is_ok(hf_trust_open(&trust, 0, NULL)));
  row.algorithm = HF_ALGORITHM_ECDSA_P256_SHA256;
  assert_int_equal(hf_trust_key_set(trust, &row).kind, HF_STATUS_REFUSED);
  row.algorithm = HF_ALGORITHM_ED25519;
  row.public_key_size -= 3;
  assert_int_equal(hf_trust_key_set(trust, &row).kind, HF_STATUS_REFUSED);
  hf_trust_close(trust);
}

/* Known answers: ISO/IEC 9797-1 annex B (algorithm 3, padding 1), RFC 4493, and openssl mac -cipher SM4-CBC. */
static void macs_are_the_known_ones(void **unused)
{
  (void)unused;
  static const char text[] = "Now is the time for all ";
  static const uint8_t block[] = "\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
  static const struct hf_mac_key des = {1, {"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"}},
                                 aes = {1, {"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c"}};
  const struct {
    enum hf_mac algorithm;
    const struct hf_mac_key *key;
    struct hf_span bytes;
    const char *mac;
  } known[] = {{HF_MAC_X919, &des, {(const uint8_t *)text, 24}, "\xa1\xc7\x2e\x74\xea\x3f\xa9\xb6"},
               {HF_MAC_AES_CMAC, &aes, {block, 16}, "\x07\x0a\x16\xb4\x6b\x4d\x41\x44"},
               {HF_MAC_SM4_CMAC, &aes, {block, 16}, "\x4e\x4c\x2a\x44\x17\xe5\x67\xfe"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    uint8_t mac[HF_MAC_SIZE];
    hf_mac_make(known[i].algorithm, known[i].key, known[i].bytes, mac);
    assert_memory_equal(mac, known[i].mac, HF_MAC_SIZE);
    assert_true(hf_mac_is_right(known[i].algorithm, known[i].key, known[i].bytes, (struct hf_span){mac, HF_MAC_SIZE}));
    struct hf_mac_key changed = {2, {{0}}}; /* the old key first, the right one accepted too */
    memcpy(changed.bytes[1], known[i].key->bytes[0], HF_MAC_KEY_SIZE);
    assert_true(hf_mac_is_right(known[i].algorithm, &changed, known[i].bytes, (struct hf_span){mac, HF_MAC_SIZE}));
    assert_false(hf_mac_is_right(known[i].algorithm, known[i].key, known[i].bytes, (struct hf_span){mac, 7}));
    mac[7] ^= 1;
    assert_false(hf_mac_is_right(known[i].algorithm, known[i].key, known[i].bytes, (struct hf_span){mac, HF_MAC_SIZE}));
  }
}

static void a_mac_keys_file_is_read_strictly(void **unused)
{
  (void)unused;
  static const struct {
    const char *text;
    int mode;
    uint32_t keys; /* 0: refused */
  } files[] = {
      {"2b7e151628aed2a6abf7158809cf4f3c\n", 0600, 1},
      {"2b7e151628aed2a6abf7158809cf4f3c\r\n\n0123456789abcdeffedcba9876543210", 0400, 2},
      {"2b7e151628aed2a6abf7158809cf4f3c\n", 0640, 0},
      {"2b7e151628aed2a6abf7158809cf4f3\n", 0600, 0},
      {"", 0600, 0},
      {"2b7e151628aed2a6abf7158809cf4f3c\n2b7e151628aed2a6abf7158809cf4f3c\n2b7e151628aed2a6abf7158809cf4f3c\n", 0600, 0}};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char name[] = "/tmp/holdfast-unit-mac-XXXXXX";
    struct hf_mac_key key;
    int fd = mkstemp(name);
    assert_true(fd >= 0 && write(fd, files[i].text, strlen(files[i].text)) == (ssize_t)strlen(files[i].text));
    assert_int_equal(fchmod(fd, (mode_t)files[i].mode), 0);
    close(fd);
    struct hf_status status = hf_mac_key_read(name, &key);
    unlink(name);
    assert_int_equal(status.kind, files[i].keys > 0 ? HF_STATUS_OK : HF_STATUS_CONFIG);
    assert_int_equal(key.count, files[i].keys);
  }
}

/* --- adapters/vectors: made with OpenSSL's command line --- */

static struct hf_span read_base64(const char *path, uint8_t out[512])
{
  size_t size;
  char *text = (char *)read_source_file(path, &size);
  size_t decoded = hf_base64_decode(text, size - 1, out, 512); /* a newline ends it */
  free(text);
  assert_true(decoded != SIZE_MAX);
  return (struct hf_span){out, decoded};
}

static void vectors_are_right_to_the_bit(void **unused)
{
  (void)unused;
  static const char *const messages[] = {"order", "callback"};
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  for (int algorithm = 1; algorithm < HF_ALGORITHM_COUNT; algorithm++) {
    const char *name = hf_algorithm_code((enum hf_algorithm)algorithm);
    char path[128];
    uint8_t der[HF_PUBLIC_KEY_SIZE_MAX], bytes[512];
    size_t size;
    snprintf(path, sizeof path, "adapters/vectors/%s.pub.pem", name);
    uint8_t *pem = read_source_file(path, &size);
    BIO *in = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *read = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    struct hf_trust_key key = {.algorithm = (enum hf_algorithm)algorithm};
    key.key = hf_key_load_public(key.algorithm, der, hf_key_public_der(read, der, sizeof der));
    assert_non_null(key.key);
    for (int m = 0; m < 2; m++) {
      snprintf(path, sizeof path, "adapters/vectors/%s.signed", messages[m]);
      uint8_t *message = read_source_file(path, &size);
      snprintf(path, sizeof path, "adapters/vectors/%s.%s.b64", messages[m], name);
      struct hf_span signature = read_base64(path, bytes);
      assert_true(hf_key_verify(context, &key, (struct hf_span){message, size}, signature));
      message[size / 2] ^= 1;
      assert_false(hf_key_verify(context, &key, (struct hf_span){message, size}, signature));
      free(message);
    }
    EVP_PKEY_free(key.key);
    EVP_PKEY_free(read);
    BIO_free(in);
    free(pem);
  }
  EVP_MD_CTX_free(context);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ED25519_signs_and_verifies),        cmocka_unit_test(ECDSA_P256_SHA256_signs_and_verifies),
      cmocka_unit_test(RSA_PSS_SHA256_signs_and_verifies), cmocka_unit_test(SM2_SM3_signs_and_verifies),
      cmocka_unit_test(the_loop_helps_with_what_is_short), cmocka_unit_test(rsa_pkcs1_is_verified_and_not_taken_for_pss),
      cmocka_unit_test(bytes_that_are_no_key_are_refused), cmocka_unit_test(vectors_are_right_to_the_bit),
      cmocka_unit_test(macs_are_the_known_ones),           cmocka_unit_test(a_mac_keys_file_is_read_strictly)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
