/*
 * Key file of personal data: outside PostgreSQL and its backups. Lines "token HEX" (once) and "wrap NAME HEX" (the first one
 * wraps new data keys, all of them open), 64 hexadecimal digits each. '#' begins a comment.
 */
#ifndef HF_SEAL_KEYFILE_H
#define HF_SEAL_KEYFILE_H

#include "engine/seal/seal.h"

struct hf_seal_wrapping_key {
  char name[HF_SEAL_NAME_SIZE_MAX + 1];
  uint8_t bytes[32];
};

struct hf_seal_file {
  uint8_t token[32]; /* for good: another one makes other pseudonyms */
  uint32_t wrapping_count;
  struct hf_seal_wrapping_key wrapping[HF_SEAL_WRAPPING_KEYS_MAX];
};

HF_MUST_USE struct hf_status hf_seal_file_read(const char *file, struct hf_seal_file *keys);

#endif
