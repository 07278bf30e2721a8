/* Keyfile: key pairs as PEM files, for people at a command line. Engines read them; only `holdfast keygen` writes them. */
#ifndef HF_TRUST_KEYFILE_H
#define HF_TRUST_KEYFILE_H

#include "engine/core/registry.h"

/* Writes PREFIX.key.pem (mode 0600; never over an existing file) and PREFIX.pub.pem, and tells the key's id. */
HF_MUST_USE struct hf_status hf_keyfile_generate(enum hf_algorithm algorithm, const char *prefix, char id[HF_KEY_ID_SIZE + 1]);

/* Fills id, algorithm and public_key from a PEM file of a public key; the rest stays. */
HF_MUST_USE struct hf_status hf_keyfile_read_public(const char *file, struct hf_key *key);

#endif
