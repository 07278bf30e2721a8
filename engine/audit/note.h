/*
 * Note: a checkpoint of a tree as a C2SP signed note: three lines, a blank one, then signature lines.
 *
 * Source: C2SP tlog-checkpoint and signed-note: "— NAME base64(4 bytes of key hash, signature)". Ed25519 is type 0x01; SM2 has
 * no number of its own there, so it is 0xff with a name, as signed-note provides. Memory: the caller's. Thread: any.
 */
#ifndef HF_AUDIT_NOTE_H
#define HF_AUDIT_NOTE_H

#include "engine/audit/tree.h"

#define HF_AUDIT_ORIGIN_SIZE_MAX 120
#define HF_AUDIT_NOTE_SIZE_MAX 4096

/* Signature types of signed-note. A cosignature is a witness's: its signature begins with eight bytes of time. */
enum hf_note_kind { HF_NOTE_ED25519, HF_NOTE_SM2, HF_NOTE_COSIGNATURE };
#define HF_AUDIT_COSIGNATURE_TIME 8

struct hf_audit_checkpoint {
  char origin[HF_AUDIT_ORIGIN_SIZE_MAX + 1];
  uint64_t size;
  struct hf_audit_hash root;
};

/* The text that is signed: origin, size, root. False where it does not fit. */
bool hf_audit_checkpoint_write(const struct hf_audit_checkpoint *checkpoint, struct hf_writer *text);
/* Adds a signature line; `hash` as hf_audit_key_hash gives it. */
void hf_audit_note_sign(struct hf_writer *note, const char *name, const uint8_t hash[4], struct hf_span signature);
/* What stands before the public key, in key hashes and in keys as text. */
struct hf_span hf_audit_key_type(enum hf_note_kind kind);
/* public_key: 32 bytes of Ed25519; of SM2, SubjectPublicKeyInfo in DER. */
void hf_audit_key_hash(const char *name, enum hf_note_kind kind, struct hf_span public_key, uint8_t hash[4]);
/* What a cosignature signs: C2SP tlog-cosignature's "cosignature/v1", the time, the note's text. */
void hf_audit_cosigned(int64_t wall_s, struct hf_span text, struct hf_writer *bytes);

/* Reads a note's text; text: the bytes that are signed. MALFORMED with why. */
HF_MUST_USE struct hf_status hf_audit_checkpoint_read(struct hf_span note, struct hf_audit_checkpoint *checkpoint,
                                                      struct hf_span *text);
/*
 * The next signature line of a note after *at (0 at first) by this name and key hash; *at moves behind it. False: there is
 * none. C2SP: lines of unknown keys are no error.
 */
bool hf_audit_note_find(struct hf_span note, size_t *at, const char *name, const uint8_t hash[4], uint8_t signature[512],
                        size_t *signature_size);

#endif
