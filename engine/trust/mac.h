/*
 * MAC: authentication codes by a key that the centre shares with one institution (card hosts).
 *
 * Why:    such hosts have a hardware module for a shared key and none for signatures. A code costs ~2 µs: made and checked on
 *         the loop. It proves to each side that the other made it, and to nobody else: the record says which it was.
 * Thread: the loop's.
 * Source: ANSI X9.19 (two-key DES, zeros behind), NIST SP 800-38B (CMAC); cut to their first eight bytes.
 */
#ifndef HF_TRUST_MAC_H
#define HF_TRUST_MAC_H

#include "engine/base/bytes.h"
#include "engine/base/status.h"
#include "engine/core/registry.h"

#define HF_MAC_KEY_SIZE 16

/* The key that is used, and the one that is accepted too while the institution changes it. */
struct hf_mac_key {
  uint32_t count; /* 0: none */
  uint8_t bytes[2][HF_MAC_KEY_SIZE];
};

/* A file of one line of 32 hexadecimal digits, or two: the second is accepted and not used. CONFIG where it is no such file,
 * or others than its owner may read it. */
HF_MUST_USE struct hf_status hf_mac_key_read(const char *file, struct hf_mac_key *key);

/* By the first key. */
void hf_mac_make(enum hf_mac algorithm, const struct hf_mac_key *key, struct hf_span bytes, uint8_t mac[HF_MAC_SIZE]);
/* By either key; compared in constant time. */
bool hf_mac_is_right(enum hf_mac algorithm, const struct hf_mac_key *key, struct hf_span bytes, struct hf_span mac);

#endif
