/*
 * Hash: SHA-256 (OpenSSL's) for ids and digests, SM3 where a record is to have it, a 64-bit mix for tables and checksums.
 * Memory: contexts live on the caller's stack; nothing is allocated, so the pure core may use it.
 */
#ifndef HF_BASE_HASH_H
#define HF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HF_SHA256_SIZE 32

struct hf_sha256 {
  uint64_t state[16]; /* OpenSSL's SHA256_CTX; checked in hash.c */
};

void hf_sha256_init(struct hf_sha256 *hash);
void hf_sha256_add(struct hf_sha256 *hash, const void *bytes, size_t size);
void hf_sha256_end(struct hf_sha256 *hash, uint8_t digest[HF_SHA256_SIZE]);

/* The digest of one piece. */
void hf_sha256_of(const void *bytes, size_t size, uint8_t digest[HF_SHA256_SIZE]);

/* SM3 (GB/T 32905) of several pieces, one after another. One at a time in a thread: its context is the thread's, made at its
 * first use and kept. */
void hf_sm3_begin(void);
void hf_sm3_add(const void *bytes, size_t size);
void hf_sm3_end(uint8_t digest[HF_SHA256_SIZE]);

/* FNV-1a over bytes, continued from `seed` (HF_CHECKSUM_SEED at first): not for adversaries. */
#define HF_CHECKSUM_SEED 0xcbf29ce484222325ULL
uint64_t hf_checksum(uint64_t seed, const void *bytes, size_t size);

/* splitmix64's finaliser: spreads a key over a table. */
static inline uint64_t hf_mix64(uint64_t x)
{
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}

#endif
