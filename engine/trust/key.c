#include "engine/trust/key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "engine/base/hash.h"

static const char sm2_id[] = "1234567812345678";

static bool is_curve(EVP_PKEY *key, const char *name)
{
  char group[64];
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 && strcmp(group, name) == 0;
}

static bool fits(EVP_PKEY *key, enum hf_algorithm algorithm)
{
  switch (algorithm) {
  case HF_ALGORITHM_ED25519: return EVP_PKEY_is_a(key, "ED25519");
  case HF_ALGORITHM_ECDSA_P256_SHA256: return EVP_PKEY_is_a(key, "EC") && is_curve(key, "prime256v1");
  case HF_ALGORITHM_RSA_PSS_SHA256:
  case HF_ALGORITHM_RSA_PKCS1_SHA256: return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048;
  case HF_ALGORITHM_SM2_SM3: return EVP_PKEY_is_a(key, "SM2");
  default: return false;
  }
}

EVP_PKEY *hf_key_load_public(enum hf_algorithm algorithm, const uint8_t *der, size_t size)
{
  const uint8_t *at = der;
  EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)size);
  if (key != NULL && at == der + size && fits(key, algorithm)) return key;
  EVP_PKEY_free(key);
  return NULL;
}

EVP_PKEY *hf_key_load_private(const char *pem_file)
{
  FILE *file = fopen(pem_file, "re");
  if (file == NULL) return NULL;
  EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
  fclose(file);
  return key;
}

enum hf_algorithm hf_key_algorithm(EVP_PKEY *key)
{
  static const enum hf_algorithm tried[] = {HF_ALGORITHM_ED25519, HF_ALGORITHM_ECDSA_P256_SHA256, HF_ALGORITHM_RSA_PSS_SHA256,
                                            HF_ALGORITHM_SM2_SM3};
  for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
    if (fits(key, tried[i])) return tried[i];
  return HF_ALGORITHM_UNSET;
}

size_t hf_key_public_der(EVP_PKEY *key, uint8_t *out, size_t capacity)
{
  int size = i2d_PUBKEY(key, NULL);
  if (size <= 0 || (size_t)size > capacity) return 0;
  uint8_t *at = out;
  return (size_t)i2d_PUBKEY(key, &at);
}

bool hf_key_id_of(EVP_PKEY *key, char id[HF_KEY_ID_SIZE + 1])
{
  uint8_t der[1024], digest[HF_SHA256_SIZE];
  size_t size = hf_key_public_der(key, der, sizeof der);
  if (size == 0) return false;
  struct hf_sha256 hash;
  hf_sha256_init(&hash);
  hf_sha256_add(&hash, der, size);
  hf_sha256_end(&hash, digest);
  struct hf_writer writer = hf_writer_of(id, HF_KEY_ID_SIZE);
  hf_write_hex(&writer, digest, HF_KEY_ID_SIZE / 2);
  id[HF_KEY_ID_SIZE] = '\0';
  return true;
}

/* Sets the padding or the signer's id, which stand in our key record and never in the message. */
static bool set_up(EVP_PKEY_CTX *key_context, enum hf_algorithm algorithm)
{
  switch (algorithm) {
  case HF_ALGORITHM_RSA_PSS_SHA256:
    return EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
  case HF_ALGORITHM_RSA_PKCS1_SHA256: return EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PADDING) == 1;
  default: return true;
  }
}

static const char *digest_of(enum hf_algorithm algorithm)
{
  if (algorithm == HF_ALGORITHM_ED25519) return NULL;
  return algorithm == HF_ALGORITHM_SM2_SM3 ? "SM3" : "SHA256";
}

/* Makes the context ready; *owned is to be freed after use (SM2's id must be set before the digest is). */
static bool start(EVP_MD_CTX *context, const struct hf_trust_key *key, bool sign, EVP_PKEY_CTX **owned)
{
  EVP_PKEY_CTX *key_context = NULL;
  *owned = NULL;
  EVP_MD_CTX_reset(context);
  if (key->algorithm == HF_ALGORITHM_SM2_SM3) {
    *owned = EVP_PKEY_CTX_new(key->key, NULL);
    if (*owned == NULL || EVP_PKEY_CTX_set1_id(*owned, sm2_id, sizeof sm2_id - 1) != 1) return false;
    EVP_MD_CTX_set_pkey_ctx(context, *owned);
  }
  const char *digest = digest_of(key->algorithm);
  int ok = sign ? EVP_DigestSignInit_ex(context, &key_context, digest, NULL, NULL, key->key, NULL)
                : EVP_DigestVerifyInit_ex(context, &key_context, digest, NULL, NULL, key->key, NULL);
  return ok == 1 && set_up(key_context, key->algorithm);
}

bool hf_key_verify(EVP_MD_CTX *context, const struct hf_trust_key *key, struct hf_span bytes, struct hf_span signature)
{
  EVP_PKEY_CTX *owned;
  bool ok = start(context, key, false, &owned) &&
            EVP_DigestVerify(context, signature.data, signature.size, bytes.data, bytes.size) == 1;
  EVP_MD_CTX_reset(context);
  EVP_PKEY_CTX_free(owned);
  return ok;
}

size_t hf_key_sign(EVP_MD_CTX *context, const struct hf_trust_key *key, struct hf_span bytes, uint8_t *out, size_t capacity)
{
  EVP_PKEY_CTX *owned;
  size_t size = capacity;
  bool ok = start(context, key, true, &owned) && EVP_DigestSign(context, out, &size, bytes.data, bytes.size) == 1;
  EVP_MD_CTX_reset(context);
  EVP_PKEY_CTX_free(owned);
  return ok ? size : 0;
}

EVP_PKEY *hf_key_generate(enum hf_algorithm algorithm)
{
  switch (algorithm) {
  case HF_ALGORITHM_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  case HF_ALGORITHM_ECDSA_P256_SHA256: return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
  case HF_ALGORITHM_RSA_PSS_SHA256:
  case HF_ALGORITHM_RSA_PKCS1_SHA256: return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
  case HF_ALGORITHM_SM2_SM3: return EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
  default: return NULL;
  }
}
