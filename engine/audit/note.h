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
#define HF_AUDIT_SM2_TYPE "\xffholdfast-sm2-sm3" /* signed-note: 0xff and a name for what has no number */

struct hf_audit_checkpoint {
  char origin[HF_AUDIT_ORIGIN_SIZE_MAX + 1];
  uint64_t size;
  struct hf_audit_hash root;
};

/* The text that is signed: origin, size, root. False where it does not fit. */
bool hf_audit_checkpoint_write(const struct hf_audit_checkpoint *checkpoint, struct hf_writer *text);
/* Adds a signature line; `hash` as hf_audit_key_hash gives it. */
void hf_audit_note_sign(struct hf_writer *note, const char *name, const uint8_t hash[4], struct hf_span signature);
/* public_key: 32 bytes of Ed25519; or of SM2, SubjectPublicKeyInfo in DER, with sm2 set. */
void hf_audit_key_hash(const char *name, bool sm2, struct hf_span public_key, uint8_t hash[4]);

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
