#include "engine/codec/wire.h"

#include <string.h>

static void *take(void *arena, size_t size)
{
  return hf_arena_take(arena, size);
}

static void give_back(void *arena, void *memory)
{
  (void)arena;
  (void)memory; /* all at once, with the arena */
}

ProtobufCAllocator hf_wire_allocator(struct hf_arena *arena)
{
  return (ProtobufCAllocator){.alloc = take, .free = give_back, .allocator_data = arena};
}

size_t hf_wire_count(struct hf_span message, uint32_t field)
{
  struct hf_reader reader = hf_reader_of(message);
  size_t count = 0;
  while (reader.left.size > 0 && !reader.failed) {
    uint64_t tag = hf_read_varint(&reader);
    count += tag >> 3 == field;
    switch (tag & 7) {
    case 0: (void)hf_read_varint(&reader); break;
    case 1: (void)hf_read_span(&reader, 8); break;
    case 2: (void)hf_read_span(&reader, hf_read_varint(&reader)); break;
    case 5: (void)hf_read_span(&reader, 4); break;
    default: return SIZE_MAX; /* groups are not ours */
    }
  }
  return reader.failed ? SIZE_MAX : count;
}

bool hf_wire_text(const char *from, char *to, size_t capacity)
{
  size_t size = strlen(from);
  if (size >= capacity || !hf_text_is_sound(from, size)) return false;
  memset(to, 0, capacity);
  memcpy(to, from, size + 1);
  return true;
}

bool hf_wire_uuid(ProtobufCBinaryData from, struct hf_uuid *to)
{
  if (from.len != sizeof to->bytes) return false;
  memcpy(to->bytes, from.data, sizeof to->bytes);
  return true;
}

ProtobufCBinaryData hf_wire_bytes_of(const struct hf_uuid *id)
{
  return (ProtobufCBinaryData){.len = sizeof id->bytes, .data = (uint8_t *)(uintptr_t)id->bytes};
}

size_t hf_wire_pack(const ProtobufCMessage *message, uint8_t *out, size_t capacity)
{
  size_t size = protobuf_c_message_get_packed_size(message);
  if (size > capacity) return 0;
  return protobuf_c_message_pack(message, out);
}
