#include <string.h>

#include "engine/codec/wire.h"
#include "proto/access.pb-c.h"

enum hf_reason hf_access_decode(struct hf_span payload, struct hf_arena *arena, struct hf_access *access)
{
  ProtobufCAllocator allocator = hf_wire_allocator(arena);
  const Holdfast__V1__Access *from = holdfast__v1__access__unpack(&allocator, payload.size, payload.data);
  memset(access, 0, sizeof *access);
  if (from == NULL) return HF_REASON_MALFORMED_PAYLOAD;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_uuid(from->access_id, &access->id)) return HF_REASON_BAD_ID;
  if (from->case_id.len > 0 && !hf_wire_uuid(from->case_id, &access->case_id.uuid)) return HF_REASON_BAD_ID;
  if (!hf_wire_text(from->what, access->what, sizeof access->what) ||
      !hf_wire_text(from->reason, access->reason, sizeof access->reason))
    return HF_REASON_BAD_TEXT;
  access->kind = hf_access_of_code(from->kind);
  if (access->kind == HF_ACCESS_UNSET || access->what[0] == '\0' || strlen(access->reason) < HF_ACCESS_REASON_SIZE_MIN ||
      !hf_wire_ns(from->made_at_us, &access->made_wall_ns))
    return HF_REASON_BAD_COMMAND;
  return HF_REASON_NONE;
}

size_t hf_access_encode(const struct hf_access *access, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Access to = HOLDFAST__V1__ACCESS__INIT;
  to.access_id = hf_wire_bytes_of(&access->id);
  to.kind = hf_wire_const(hf_access_code(access->kind));
  to.what = hf_wire_const(access->what);
  to.reason = hf_wire_const(access->reason);
  if (!hf_uuid_is_zero(access->case_id.uuid)) to.case_id = hf_wire_bytes_of(&access->case_id.uuid);
  to.made_at_us = hf_wire_us(access->made_wall_ns);
  return hf_wire_pack(&to.base, out, capacity);
}
