/*
 * Key: one public or private key and what it is used with.
 * GM/T 0009: SM2 signatures carry the signer's id; "1234567812345678" where none is agreed (security.md 0.4).
 */
#ifndef HF_TRUST_KEY_H
#define HF_TRUST_KEY_H

#include <openssl/evp.h>

#include "engine/codec/codec.h"

struct hf_trust_key {
  char id[HF_KEY_ID_SIZE + 1];
  enum hf_algorithm algorithm;
  EVP_PKEY *key;
};

/* From SubjectPublicKeyInfo (DER). NULL where the bytes are no key of this algorithm. */
EVP_PKEY *hf_key_load_public(enum hf_algorithm algorithm, const uint8_t *der, size_t size);
EVP_PKEY *hf_key_load_private(const char *pem_file);

/* The natural algorithm of a private key: RSA signs with PSS. UNSET where it is none of ours. */
enum hf_algorithm hf_key_algorithm(EVP_PKEY *key);

/* SubjectPublicKeyInfo of key; its size, 0 where it does not fit. */
size_t hf_key_public_der(EVP_PKEY *key, uint8_t *out, size_t capacity);
/* 32 hex digits of SHA-256 over it. */
bool hf_key_id_of(EVP_PKEY *key, char id[HF_KEY_ID_SIZE + 1]);

bool hf_key_verify(EVP_MD_CTX *context, const struct hf_trust_key *key, struct hf_span bytes, struct hf_span signature);
/* Returns the signature's size, 0 on failure. */
size_t hf_key_sign(EVP_MD_CTX *context, const struct hf_trust_key *key, struct hf_span bytes, uint8_t *out, size_t capacity);

/* A fresh key pair. NULL on failure. */
EVP_PKEY *hf_key_generate(enum hf_algorithm algorithm);

#endif
