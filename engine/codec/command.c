#include <string.h>

#include "engine/base/hash.h"
#include "engine/codec/transfer.h"
#include "proto/command.pb-c.h"

/* The .proto's numbers, which never change, and ours, which are in the order of command.h. */
static const struct {
  Holdfast__V1__CommandKind number;
  enum hf_command_kind kind;
} numbers[] = {
#define N(name)                                                        \
  {                                                                    \
    HOLDFAST__V1__COMMAND_KIND__COMMAND_KIND_##name, HF_COMMAND_##name \
  }
    N(FREEZE), N(LIFT),      N(EXTEND),  N(RENEW),  N(RETURN),  N(CONFIRM),   N(CANCEL), N(STOP),
    N(DROP),   N(FIX),       N(RESOLVE), N(QUERY),  N(MONITOR), N(UNMONITOR), N(PAPER),  N(SUSPECT),
    N(BLOCK),  N(RECONCILE), N(LINK),    N(REJECT), N(REVIEW),  N(CLOSE),
#undef N
};

static enum hf_command_kind kind_of(Holdfast__V1__CommandKind number)
{
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (numbers[i].number == number) return numbers[i].kind;
  return HF_COMMAND_UNSET;
}

static Holdfast__V1__CommandKind number_of(enum hf_command_kind kind)
{
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (numbers[i].kind == kind) return numbers[i].number;
  return HOLDFAST__V1__COMMAND_KIND__COMMAND_KIND_UNSET;
}

static enum hf_reason document_of_proto(const Holdfast__V1__Document *from, struct hf_document *to)
{
  memset(to, 0, sizeof *to);
  if (from == NULL) return HF_REASON_NONE;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_text(from->type, to->type, sizeof to->type) || !hf_wire_text(from->number, to->number, sizeof to->number) ||
      !hf_wire_text(from->issuer, to->issuer, sizeof to->issuer))
    return HF_REASON_BAD_TEXT;
  if (from->sha256.len != 0 && from->sha256.len != sizeof to->sha256) return HF_REASON_NO_DOCUMENT;
  if (from->sha256.len != 0) memcpy(to->sha256, from->sha256.data, sizeof to->sha256);
  return HF_REASON_NONE;
}

static enum hf_reason read_values(const Holdfast__V1__Command *from, struct hf_command *to)
{
  to->kind = kind_of(from->kind);
  to->break_glass = from->break_glass;
  to->cascade = from->cascade;
  to->mode = from->mode;
  to->amount = from->amount;
  to->asks = from->asks > 0 && (int)from->asks < HF_ACTION_COUNT ? (enum hf_action)from->asks : HF_ACTION_UNSET;
  if (to->kind == HF_COMMAND_UNSET) return HF_REASON_BAD_COMMAND;
  if (!hf_wire_text(from->text, to->text, sizeof to->text)) return HF_REASON_BAD_TEXT;
  if (from->other.len != 0 && !hf_wire_uuid(from->other, &to->other)) return HF_REASON_BAD_ID;
  if (!hf_wire_ns(from->made_at_us, &to->made_wall_ns) || !hf_wire_ns(from->not_after_us, &to->not_after_wall_ns) ||
      !hf_wire_ns(from->until_us, &to->until_wall_ns))
    return HF_REASON_TIME_IN_FUTURE;
  enum hf_reason reason = document_of_proto(from->document, &to->document);
  return reason != HF_REASON_NONE ? reason : hf_party_of_proto(from->party, &to->party);
}

enum hf_reason hf_command_decode(struct hf_span payload, struct hf_arena *arena, struct hf_command *command)
{
  memset(command, 0, sizeof *command);
  hf_sha256_of(payload.data, payload.size, command->digest);
  size_t orders = hf_wire_count(payload, 6);
  if (orders == SIZE_MAX) return HF_REASON_MALFORMED_PAYLOAD;
  if (orders > HF_TARGETS_MAX) return HF_REASON_TOO_MANY_TARGETS;
  ProtobufCAllocator allocator = hf_wire_allocator(arena);
  const Holdfast__V1__Command *from = holdfast__v1__command__unpack(&allocator, payload.size, payload.data);
  if (from == NULL) return HF_REASON_MALFORMED_PAYLOAD;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_uuid(from->command_id, &command->id.uuid) || !hf_wire_uuid(from->case_id, &command->case_id.uuid) ||
      hf_uuid_version(command->case_id.uuid) != 7 || hf_uuid_is_zero(command->id.uuid))
    return HF_REASON_BAD_ID;
  for (size_t i = 0; i < from->n_order_ids; i++)
    if (!hf_wire_uuid(from->order_ids[i], &command->orders[command->orders_count++].uuid)) return HF_REASON_BAD_ID;
  return read_values(from, command);
}

size_t hf_command_encode(const struct hf_command *command, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Command to = HOLDFAST__V1__COMMAND__INIT;
  Holdfast__V1__Document document = HOLDFAST__V1__DOCUMENT__INIT;
  Holdfast__V1__Party party;
  ProtobufCBinaryData orders[HF_TARGETS_MAX];
  const struct hf_party *said = &command->party;
  static const uint8_t none[HF_DIGEST_SIZE];
  if (command->orders_count > HF_TARGETS_MAX) return 0;
  for (uint32_t i = 0; i < command->orders_count; i++) orders[i] = hf_wire_bytes_of(&command->orders[i].uuid);
  document.type = hf_wire_const(command->document.type);
  document.number = hf_wire_const(command->document.number);
  document.issuer = hf_wire_const(command->document.issuer);
  if (memcmp(command->document.sha256, none, sizeof none) != 0)
    document.sha256 = (ProtobufCBinaryData){HF_DIGEST_SIZE, (uint8_t *)(uintptr_t)command->document.sha256};
  hf_party_to_proto(said, &party);
  to.command_id = hf_wire_bytes_of(&command->id.uuid);
  to.case_id = hf_wire_bytes_of(&command->case_id.uuid);
  to.kind = number_of(command->kind);
  to.made_at_us = hf_wire_us(command->made_wall_ns);
  to.not_after_us = hf_wire_us(command->not_after_wall_ns);
  to.n_order_ids = command->orders_count;
  to.order_ids = orders;
  to.text = hf_wire_const(command->text);
  to.document = command->document.number[0] != '\0' ? &document : NULL;
  to.break_glass = command->break_glass;
  to.cascade = command->cascade;
  to.asks = (Holdfast__V1__Action)command->asks;
  to.mode = command->mode;
  to.amount = command->amount;
  to.until_us = hf_wire_us(command->until_wall_ns);
  to.party = said->institution[0] != '\0' || said->account.size > 0 || said->name.size > 0 ? &party : NULL;
  if (!hf_uuid_is_zero(command->other)) to.other = hf_wire_bytes_of(&command->other);
  return hf_wire_pack(&to.base, out, capacity);
}
