#include <string.h>

#include "engine/base/hash.h"
#include "engine/codec/transfer.h"
#include "proto/report.pb-c.h"

enum hf_reason hf_party_of_proto(const Holdfast__V1__Party *from, struct hf_party *to)
{
  memset(to, 0, sizeof *to);
  if (from == NULL) return HF_REASON_NONE;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_text(from->institution, to->institution, sizeof to->institution)) return HF_REASON_BAD_TEXT;
  size_t size = strlen(from->account);
  if (size > 0 && !hf_is_ok(hf_account_number_set(&to->account, from->account, size))) return HF_REASON_BAD_ACCOUNT_NUMBER;
  if (!hf_is_ok(hf_name_set(&to->name, from->name, strlen(from->name)))) return HF_REASON_BAD_NAME;
  return HF_REASON_NONE;
}

enum hf_reason hf_transfer_of_proto(const Holdfast__V1__Transfer *from, struct hf_transfer *to)
{
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  enum hf_reason reason = hf_party_of_proto(from->payer, &to->payer);
  if (reason == HF_REASON_NONE) reason = hf_party_of_proto(from->payee, &to->payee);
  if (reason != HF_REASON_NONE) return reason;
  if (!hf_wire_text(from->serial, to->serial, sizeof to->serial)) return HF_REASON_BAD_TEXT;
  if (!hf_wire_ns(from->at_us, &to->at_wall_ns)) return HF_REASON_TIME_IN_FUTURE;
  to->amount = from->amount;
  to->currency = hf_currency_of_code(from->currency);
  return HF_REASON_NONE;
}

static enum hf_reason chase_decode(const Holdfast__V1__Chase *from, struct hf_chase_bounds *to)
{
  memset(to, 0, sizeof *to);
  if (from == NULL) return HF_REASON_NONE;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  *to = (struct hf_chase_bounds){.hops = from->hops,
                                 .fan_out = from->fan_out,
                                 .window_s = from->window_s,
                                 .method = from->method,
                                 .drafts = from->drafts,
                                 .least_amount = from->least_amount};
  return HF_REASON_NONE;
}

enum hf_reason hf_report_decode(struct hf_span payload, struct hf_arena *arena, struct hf_report *report)
{
  report->transfers_count = 0;
  report->id = (struct hf_report_id){0};
  report->case_id = (struct hf_case_id){0};
  hf_sha256_of(payload.data, payload.size, report->digest);
  size_t transfers = hf_wire_count(payload, 6);
  if (transfers == SIZE_MAX) return HF_REASON_MALFORMED_PAYLOAD;
  if (transfers > HF_TARGETS_MAX) return HF_REASON_TOO_MANY_TARGETS;
  ProtobufCAllocator allocator = hf_wire_allocator(arena);
  const Holdfast__V1__Report *from = holdfast__v1__report__unpack(&allocator, payload.size, payload.data);
  if (from == NULL) return HF_REASON_MALFORMED_PAYLOAD;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_uuid(from->report_id, &report->id.uuid) || !hf_wire_uuid(from->case_id, &report->case_id.uuid) ||
      hf_uuid_version(report->case_id.uuid) != 7 || hf_uuid_is_zero(report->id.uuid))
    return HF_REASON_BAD_ID;
  if (!hf_wire_text(from->case_number, report->case_number, sizeof report->case_number) ||
      !hf_wire_text(from->form_reference, report->form_reference, sizeof report->form_reference))
    return HF_REASON_BAD_TEXT;
  if (!hf_is_ok(hf_name_set(&report->victim, from->victim_name, strlen(from->victim_name)))) return HF_REASON_BAD_NAME;
  if (!hf_wire_ns(from->made_at_us, &report->made_wall_ns)) return HF_REASON_TIME_IN_FUTURE;
  enum hf_reason bounds = chase_decode(from->chase, &report->chase);
  if (bounds != HF_REASON_NONE) return bounds;
  for (size_t i = 0; i < from->n_transfers; i++) {
    enum hf_reason reason = hf_transfer_of_proto(from->transfers[i], &report->transfers[i]);
    if (reason != HF_REASON_NONE) return reason;
    report->transfers_count++;
  }
  return HF_REASON_NONE;
}

void hf_party_to_proto(const struct hf_party *from, Holdfast__V1__Party *to)
{
  holdfast__v1__party__init(to);
  to->institution = hf_wire_const(from->institution);
  to->account = hf_wire_const((const char *)from->account.bytes);
  to->name = hf_wire_const((const char *)from->name.bytes);
}

void hf_transfer_to_proto(const struct hf_transfer *from, struct hf_transfer_proto *to)
{
  const struct hf_party *sides[] = {&from->payer, &from->payee};
  Holdfast__V1__Party *parties[] = {&to->payer, &to->payee};
  holdfast__v1__transfer__init(&to->transfer);
  for (int i = 0; i < 2; i++) hf_party_to_proto(sides[i], parties[i]);
  bool has_payer = from->payer.institution[0] != '\0' || from->payer.account.size > 0 || from->payer.name.size > 0;
  to->transfer.payer = has_payer ? &to->payer : NULL;
  to->transfer.payee = &to->payee;
  to->transfer.amount = from->amount;
  to->transfer.currency = hf_wire_const(hf_currency_code(from->currency));
  to->transfer.at_us = hf_wire_us(from->at_wall_ns);
  to->transfer.serial = hf_wire_const(from->serial);
}

size_t hf_report_encode(const struct hf_report *report, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Report to = HOLDFAST__V1__REPORT__INIT;
  struct hf_transfer_proto transfers[HF_TARGETS_MAX];
  Holdfast__V1__Transfer *list[HF_TARGETS_MAX];
  if (report->transfers_count > HF_TARGETS_MAX) return 0;
  for (uint32_t i = 0; i < report->transfers_count; i++) {
    hf_transfer_to_proto(&report->transfers[i], &transfers[i]);
    list[i] = &transfers[i].transfer;
  }
  to.report_id = hf_wire_bytes_of(&report->id.uuid);
  to.case_id = hf_wire_bytes_of(&report->case_id.uuid);
  to.made_at_us = hf_wire_us(report->made_wall_ns);
  to.case_number = hf_wire_const(report->case_number);
  to.victim_name = hf_wire_const((const char *)report->victim.bytes);
  to.form_reference = hf_wire_const(report->form_reference);
  Holdfast__V1__Chase chase = HOLDFAST__V1__CHASE__INIT;
  chase.hops = report->chase.hops;
  chase.fan_out = report->chase.fan_out;
  chase.window_s = report->chase.window_s;
  chase.method = report->chase.method;
  chase.drafts = report->chase.drafts;
  chase.least_amount = report->chase.least_amount;
  to.chase = report->chase.hops > 0 ? &chase : NULL;
  to.n_transfers = report->transfers_count;
  to.transfers = list;
  return hf_wire_pack(&to.base, out, capacity);
}
