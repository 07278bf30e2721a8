#include "engine/trust/note_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/core/registry.h"
#include "engine/trust/key.h"
#include "engine/trust/keyfile.h"

/* SubjectPublicKeyInfo of Ed25519 up to its 32 bytes (RFC 8410). */
static const uint8_t ed25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

struct hf_status hf_note_key_parse(const char *text, struct hf_note_key *key)
{
  uint8_t bytes[HF_PUBLIC_KEY_SIZE_MAX + 32], der[HF_PUBLIC_KEY_SIZE_MAX];
  *key = (struct hf_note_key){.key = NULL};
  size_t name = strcspn(text, "+");
  if (name == 0 || name > HF_AUDIT_ORIGIN_SIZE_MAX || strlen(text) < name + 10 || text[name + 9] != '+')
    return hf_fail(HF_STATUS_MALFORMED, "a note key is NAME+8 hex digits+base64");
  memcpy(key->name, text, name);
  const char *encoded = text + name + 10;
  size_t size = hf_base64_decode(encoded, strlen(encoded), bytes, sizeof bytes);
  struct hf_span type = {NULL, 0};
  for (int kind = HF_NOTE_ED25519; kind <= HF_NOTE_COSIGNATURE && size != SIZE_MAX; kind++) {
    struct hf_span at = hf_audit_key_type((enum hf_note_kind)kind);
    if (size <= at.size || memcmp(bytes, at.data, at.size) != 0) continue;
    key->kind = (enum hf_note_kind)kind;
    type = at;
  }
  if (type.size == 0 || (key->kind != HF_NOTE_SM2 && size != 33))
    return hf_fail(HF_STATUS_MALFORMED, "a note key is of Ed25519 (type 1, of witnesses 4) or SM2");
  struct hf_span public_key = {bytes + type.size, size - type.size};
  hf_audit_key_hash(key->name, key->kind, public_key, key->hash);
  char said[9];
  snprintf(said, sizeof said, "%02x%02x%02x%02x", key->hash[0], key->hash[1], key->hash[2], key->hash[3]);
  if (strncmp(said, text + name + 1, 8) != 0) return hf_fail(HF_STATUS_MALFORMED, "the note key's hash is another key's");
  if (key->kind == HF_NOTE_SM2) {
    key->key = hf_key_load_public(HF_ALGORITHM_SM2_SM3, public_key.data, public_key.size);
  } else {
    memcpy(der, ed25519_head, sizeof ed25519_head);
    memcpy(der + sizeof ed25519_head, public_key.data, 32);
    key->key = hf_key_load_public(HF_ALGORITHM_ED25519, der, sizeof ed25519_head + 32);
  }
  return key->key != NULL ? hf_ok() : hf_fail(HF_STATUS_MALFORMED, "the note key's bytes are no public key");
}

struct hf_status hf_note_key_of_file(const char *file, const char *name, bool witness, char text[HF_NOTE_KEY_TEXT_MAX])
{
  struct hf_key row = {.role = HF_ROLE_UNSET};
  uint8_t bytes[HF_PUBLIC_KEY_SIZE_MAX + 32], hash[4];
  struct hf_status status = hf_keyfile_read_public(file, &row);
  if (!hf_is_ok(status)) return status;
  bool sm2 = row.algorithm == HF_ALGORITHM_SM2_SM3;
  enum hf_note_kind kind = witness ? HF_NOTE_COSIGNATURE : sm2 ? HF_NOTE_SM2 : HF_NOTE_ED25519;
  if ((!sm2 || witness) && row.algorithm != HF_ALGORITHM_ED25519)
    return hf_fail(HF_STATUS_REFUSED, "checkpoints are signed with Ed25519 or SM2");
  if (name[0] == '\0' || strlen(name) > 100 || strpbrk(name, " +\t\r\n") != NULL)
    return hf_fail(HF_STATUS_REFUSED, "the name has 1 to 100 characters, no space and no +");
  struct hf_span public_key = {row.public_key, row.public_key_size};
  if (!sm2) public_key = (struct hf_span){row.public_key + row.public_key_size - 32, 32};
  hf_audit_key_hash(name, kind, public_key, hash);
  struct hf_writer key = hf_writer_of(bytes, sizeof bytes), out = hf_writer_of(text, HF_NOTE_KEY_TEXT_MAX - 1);
  hf_write_bytes(&key, hf_audit_key_type(kind).data, hf_audit_key_type(kind).size);
  hf_write_bytes(&key, public_key.data, public_key.size);
  hf_write_text(&out, name);
  hf_write_text(&out, "+");
  hf_write_hex(&out, hash, sizeof hash);
  hf_write_text(&out, "+");
  hf_write_base64(&out, key.data, key.size);
  HF_ASSERT(!key.full && !out.full);
  text[out.size] = '\0';
  return hf_ok();
}

void hf_note_key_free(struct hf_note_key *key)
{
  EVP_PKEY_free(key->key);
  key->key = NULL;
}

/* The time that a cosignature begins with is part of what it signs. */
static bool is_right(EVP_MD_CTX *context, const struct hf_note_key *key, struct hf_span text, struct hf_span signature)
{
  const struct hf_trust_key by = {.algorithm = key->kind == HF_NOTE_SM2 ? HF_ALGORITHM_SM2_SM3 : HF_ALGORITHM_ED25519,
                                  .key = key->key};
  uint8_t bytes[HF_AUDIT_NOTE_SIZE_MAX + 64];
  struct hf_writer cosigned = hf_writer_of(bytes, sizeof bytes);
  if (key->kind != HF_NOTE_COSIGNATURE) return hf_key_verify(context, &by, text, signature);
  uint64_t at = 0;
  if (signature.size <= HF_AUDIT_COSIGNATURE_TIME) return false;
  for (int i = 0; i < HF_AUDIT_COSIGNATURE_TIME; i++) at = at << 8 | signature.data[i];
  hf_audit_cosigned((int64_t)(at & INT64_MAX), text, &cosigned);
  return !cosigned.full && hf_key_verify(context, &by, (struct hf_span){bytes, cosigned.size},
                                         (struct hf_span){signature.data + HF_AUDIT_COSIGNATURE_TIME,
                                                          signature.size - HF_AUDIT_COSIGNATURE_TIME});
}

bool hf_note_key_has_signed(const struct hf_note_key *key, struct hf_span note, struct hf_span text)
{
  uint8_t signature[512];
  size_t at = text.size, size;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  HF_ASSERT(context != NULL);
  bool right = false;
  while (!right && hf_audit_note_find(note, &at, key->name, key->hash, signature, &size))
    right = is_right(context, key, text, (struct hf_span){signature, size});
  EVP_MD_CTX_free(context);
  return right;
}
