/* Wire: what the codec's files share: arena allocation for protobuf-c, counting fields, copying text. */
#ifndef HF_CODEC_WIRE_H
#define HF_CODEC_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "engine/codec/codec.h"

/* An allocator for protobuf-c over an arena; valid until the arena is reset. */
ProtobufCAllocator hf_wire_allocator(struct hf_arena *arena);

/* How often field number `field` stands at the top level of a message; SIZE_MAX where the bytes are no message. */
size_t hf_wire_count(struct hf_span message, uint32_t field);

/* Copies NUL-terminated UTF-8 without control characters into to[capacity]; false where it is neither or does not fit. */
bool hf_wire_text(const char *from, char *to, size_t capacity);
/* 16 bytes. */
bool hf_wire_uuid(ProtobufCBinaryData from, struct hf_uuid *to);
ProtobufCBinaryData hf_wire_bytes_of(const struct hf_uuid *id);

/* Packs if it fits; 0 where it does not. */
size_t hf_wire_pack(const ProtobufCMessage *message, uint8_t *out, size_t capacity);

static inline int64_t hf_wire_us(int64_t ns)
{
  return ns / 1000 - (ns % 1000 < 0);
}

/* false where the product does not fit. */
static inline bool hf_wire_ns(int64_t us, int64_t *ns)
{
  return !__builtin_mul_overflow(us, 1000, ns);
}

/* protobuf-c's fields are char *, and packing only reads them. */
static inline char *hf_wire_const(const char *text)
{
  return (char *)(uintptr_t)text;
}

#endif
