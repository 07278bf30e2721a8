/* The low-level calls are "deprecated" in favour of EVP, which allocates and fetches; ids are hashed in the pure core. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/base/hash.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "engine/base/assert.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hf_sha256), "room for OpenSSL's context");

void hf_sha256_init(struct hf_sha256 *hash)
{
  SHA256_Init((SHA256_CTX *)(void *)hash);
}

void hf_sha256_add(struct hf_sha256 *hash, const void *bytes, size_t size)
{
  SHA256_Update((SHA256_CTX *)(void *)hash, bytes, size);
}

void hf_sha256_end(struct hf_sha256 *hash, uint8_t digest[HF_SHA256_SIZE])
{
  SHA256_Final(digest, (SHA256_CTX *)(void *)hash);
}

static _Thread_local EVP_MD_CTX *sm3;

void hf_sm3_begin(void)
{
  if (sm3 == NULL) {
    sm3 = EVP_MD_CTX_new();
    HF_ASSERT(sm3 != NULL && EVP_DigestInit_ex2(sm3, EVP_sm3(), NULL) == 1);
  }
  HF_ASSERT(EVP_DigestInit_ex2(sm3, NULL, NULL) == 1);
}

void hf_sm3_add(const void *bytes, size_t size)
{
  HF_ASSERT(EVP_DigestUpdate(sm3, bytes, size) == 1);
}

void hf_sm3_end(uint8_t digest[HF_SHA256_SIZE])
{
  HF_ASSERT(EVP_DigestFinal_ex(sm3, digest, NULL) == 1);
}

uint64_t hf_checksum(uint64_t seed, const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++) seed = (seed ^ at[i]) * 0x100000001b3ULL;
  return seed;
}

void hf_sha256_of(const void *bytes, size_t size, uint8_t digest[HF_SHA256_SIZE])
{
  struct hf_sha256 hash;
  hf_sha256_init(&hash);
  hf_sha256_add(&hash, bytes, size);
  hf_sha256_end(&hash, digest);
}
