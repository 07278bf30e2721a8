#include "engine/audit/note.h"

#include <stdlib.h>
#include <string.h>

#define DASH "\xe2\x80\x94 " /* an em dash and a space */

bool hf_audit_checkpoint_write(const struct hf_audit_checkpoint *checkpoint, struct hf_writer *text)
{
  hf_write_text(text, checkpoint->origin);
  hf_write_text(text, "\n");
  hf_write_int(text, (int64_t)checkpoint->size);
  hf_write_text(text, "\n");
  hf_write_base64(text, checkpoint->root.bytes, sizeof checkpoint->root.bytes);
  hf_write_text(text, "\n");
  return !text->full;
}

void hf_audit_note_sign(struct hf_writer *note, const char *name, const uint8_t hash[4], struct hf_span signature)
{
  uint8_t bytes[4 + 512];
  if (signature.size > 512) {
    note->full = true;
    return;
  }
  memcpy(bytes, hash, 4);
  memcpy(bytes + 4, signature.data, signature.size);
  hf_write_text(note, DASH);
  hf_write_text(note, name);
  hf_write_text(note, " ");
  hf_write_base64(note, bytes, 4 + signature.size);
  hf_write_text(note, "\n");
}

struct hf_span hf_audit_key_type(enum hf_note_kind kind)
{
  static const char *const types[] = {"\x01", "\xffholdfast-sm2-sm3", "\x04"};
  return (struct hf_span){(const uint8_t *)types[kind], strlen(types[kind])};
}

void hf_audit_cosigned(int64_t wall_s, struct hf_span text, struct hf_writer *bytes)
{
  hf_write_text(bytes, "cosignature/v1\ntime ");
  hf_write_int(bytes, wall_s);
  hf_write_text(bytes, "\n");
  hf_write_bytes(bytes, text.data, text.size);
}

void hf_audit_key_hash(const char *name, enum hf_note_kind kind, struct hf_span public_key, uint8_t hash[4])
{
  struct hf_span type = hf_audit_key_type(kind);
  uint8_t digest[HF_SHA256_SIZE];
  struct hf_sha256 sum;
  hf_sha256_init(&sum);
  hf_sha256_add(&sum, name, strlen(name));
  hf_sha256_add(&sum, "\n", 1);
  hf_sha256_add(&sum, type.data, type.size);
  hf_sha256_add(&sum, public_key.data, public_key.size);
  hf_sha256_end(&sum, digest);
  memcpy(hash, digest, 4);
}

/* The line from *at without its newline; false at the end or where the last one has none. */
static bool next_line(struct hf_span note, size_t *at, struct hf_span *line)
{
  const uint8_t *from = note.data + *at;
  const uint8_t *end = *at < note.size ? memchr(from, '\n', note.size - *at) : NULL;
  if (end == NULL) return false;
  *line = (struct hf_span){from, (size_t)(end - from)};
  *at += line->size + 1;
  return true;
}

static bool read_size(struct hf_span line, uint64_t *size)
{
  *size = 0;
  if (line.size == 0 || line.size > 18 || (line.size > 1 && line.data[0] == '0')) return false;
  for (size_t i = 0; i < line.size; i++) {
    if (line.data[i] < '0' || line.data[i] > '9') return false;
    *size = *size * 10 + line.data[i] - '0';
  }
  return true;
}

struct hf_status hf_audit_checkpoint_read(struct hf_span note, struct hf_audit_checkpoint *checkpoint, struct hf_span *text)
{
  struct hf_span line;
  size_t at = 0;
  memset(checkpoint, 0, sizeof *checkpoint);
  if (note.size > HF_AUDIT_NOTE_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the note is larger than 4 KiB");
  if (!next_line(note, &at, &line) || line.size == 0 || line.size > HF_AUDIT_ORIGIN_SIZE_MAX ||
      memchr(line.data, '\0', line.size) != NULL)
    return hf_fail(HF_STATUS_MALFORMED, "the note's first line is no origin");
  memcpy(checkpoint->origin, line.data, line.size);
  if (!next_line(note, &at, &line) || !read_size(line, &checkpoint->size))
    return hf_fail(HF_STATUS_MALFORMED, "the note's second line is no size");
  if (!next_line(note, &at, &line) || hf_base64_decode((const char *)line.data, line.size, checkpoint->root.bytes,
                                                       sizeof checkpoint->root.bytes) != HF_SHA256_SIZE)
    return hf_fail(HF_STATUS_MALFORMED, "the note's third line is no hash");
  *text = (struct hf_span){note.data, at};
  if (!next_line(note, &at, &line) || line.size != 0)
    return hf_fail(HF_STATUS_MALFORMED, "the note has no blank line after its text");
  return hf_ok();
}

bool hf_audit_note_find(struct hf_span note, size_t *at, const char *name, const uint8_t hash[4], uint8_t signature[512],
                        size_t *signature_size)
{
  struct hf_span line;
  uint8_t bytes[4 + 512];
  size_t dash = sizeof DASH - 1, name_size = strlen(name);
  while (next_line(note, at, &line)) {
    if (line.size <= dash + name_size + 1 || memcmp(line.data, DASH, dash) != 0) continue;
    if (memcmp(line.data + dash, name, name_size) != 0 || line.data[dash + name_size] != ' ') continue;
    const uint8_t *text = line.data + dash + name_size + 1;
    size_t size = hf_base64_decode((const char *)text, line.size - (size_t)(text - line.data), bytes, sizeof bytes);
    if (size == SIZE_MAX || size <= 4 || memcmp(bytes, hash, 4) != 0) continue;
    memcpy(signature, bytes + 4, size - 4);
    *signature_size = size - 4;
    return true;
  }
  return false;
}
