/*
 * Note key: a public key that signs checkpoints, as C2SP writes it: NAME+HASH+BASE64. What verifies needs nothing else of ours.
 */
#ifndef HF_TRUST_NOTE_KEY_H
#define HF_TRUST_NOTE_KEY_H

#include <openssl/evp.h>

#include "engine/audit/note.h"

#define HF_NOTE_KEY_TEXT_MAX 512

struct hf_note_key {
  char name[HF_AUDIT_ORIGIN_SIZE_MAX + 1];
  enum hf_note_kind kind;
  uint8_t hash[4];
  EVP_PKEY *key;
};

/* MALFORMED with why. */
HF_MUST_USE struct hf_status hf_note_key_parse(const char *text, struct hf_note_key *key);
/* From a PEM file of an Ed25519 or SM2 public key; witness: of one that cosigns, Ed25519 only. */
HF_MUST_USE struct hf_status hf_note_key_of_file(const char *file, const char *name, bool witness,
                                                 char text[HF_NOTE_KEY_TEXT_MAX]);
void hf_note_key_free(struct hf_note_key *key);
/* Whether the note has a right signature of this key over its text. */
bool hf_note_key_has_signed(const struct hf_note_key *key, struct hf_span note, struct hf_span text);

#endif
