#include <string.h>

#include "engine/base/hash.h"
#include "engine/codec/wire.h"
#include "proto/registry.pb-c.h"

static enum hf_reason institution_of_proto(const Holdfast__V1__Institution *from, struct hf_institution *to)
{
  memset(to, 0, sizeof *to);
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_text(from->code, to->code, sizeof to->code) || !hf_wire_text(from->name, to->name, sizeof to->name) ||
      !hf_wire_text(from->dialect, to->dialect, sizeof to->dialect) ||
      !hf_wire_text(from->transport, to->transport, sizeof to->transport) ||
      !hf_wire_text(from->endpoint, to->endpoint, sizeof to->endpoint) ||
      !hf_wire_text(from->bank_code, to->bank_code, sizeof to->bank_code) ||
      !hf_wire_text(from->profile, to->profile, sizeof to->profile) ||
      !hf_wire_text(from->stands_for, to->stands_for, sizeof to->stands_for) ||
      !hf_wire_text(from->contact_a, to->contacts[0], sizeof to->contacts[0]) ||
      !hf_wire_text(from->contact_b, to->contacts[1], sizeof to->contacts[1]))
    return HF_REASON_BAD_TEXT;
  to->payment_company = from->payment_company;
  to->enabled = from->enabled;
  to->carrier = from->carrier;
  to->swallows_duplicates = from->swallows_duplicates;
  to->window = from->window;
  to->connections = from->connections;
  to->pace_per_s = from->pace_per_s;
  to->try_timeout_ms = from->try_timeout_ms;
  to->sla_feedback_ms = from->sla_feedback_ms;
  to->actions = from->actions;
  if (!hf_wire_ns(from->paused_until_us, &to->paused_until_wall_ns) ||
      !hf_wire_ns(from->paused_from_us, &to->paused_from_wall_ns))
    return HF_REASON_BAD_ROW;
  return hf_institution_is_sound(to) ? HF_REASON_NONE : HF_REASON_BAD_ROW;
}

static void institution_to_proto(const struct hf_institution *from, Holdfast__V1__Institution *to)
{
  holdfast__v1__institution__init(to);
  to->code = hf_wire_const(from->code);
  to->name = hf_wire_const(from->name);
  to->dialect = hf_wire_const(from->dialect);
  to->transport = hf_wire_const(from->transport);
  to->endpoint = hf_wire_const(from->endpoint);
  to->bank_code = hf_wire_const(from->bank_code);
  to->profile = hf_wire_const(from->profile);
  to->stands_for = hf_wire_const(from->stands_for);
  to->contact_a = hf_wire_const(from->contacts[0]);
  to->contact_b = hf_wire_const(from->contacts[1]);
  to->payment_company = from->payment_company;
  to->enabled = from->enabled;
  to->carrier = from->carrier;
  to->swallows_duplicates = from->swallows_duplicates;
  to->window = from->window;
  to->connections = from->connections;
  to->pace_per_s = from->pace_per_s;
  to->try_timeout_ms = from->try_timeout_ms;
  to->sla_feedback_ms = from->sla_feedback_ms;
  to->actions = from->actions;
  to->paused_until_us = hf_wire_us(from->paused_until_wall_ns);
  to->paused_from_us = hf_wire_us(from->paused_from_wall_ns);
}

/* A key id always means the same key: it is the key's own fingerprint. */
static bool id_is_fingerprint(const struct hf_key *key)
{
  uint8_t digest[HF_SHA256_SIZE], text[HF_KEY_ID_SIZE];
  hf_sha256_of(key->public_key, key->public_key_size, digest);
  struct hf_writer writer = hf_writer_of(text, sizeof text);
  hf_write_hex(&writer, digest, HF_KEY_ID_SIZE / 2);
  return memcmp(text, key->id, HF_KEY_ID_SIZE) == 0;
}

static enum hf_reason key_of_proto(const Holdfast__V1__Key *from, struct hf_key *to)
{
  memset(to, 0, sizeof *to);
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_text(from->key_id, to->id, sizeof to->id) || !hf_wire_text(from->holder, to->holder, sizeof to->holder) ||
      !hf_wire_text(from->unit, to->unit, sizeof to->unit) ||
      !hf_wire_text(from->jurisdiction, to->jurisdiction, sizeof to->jurisdiction))
    return HF_REASON_BAD_TEXT;
  if (from->public_key.len > sizeof to->public_key) return HF_REASON_BAD_KEY;
  to->public_key_size = (uint16_t)from->public_key.len;
  if (from->public_key.len > 0) memcpy(to->public_key, from->public_key.data, from->public_key.len);
  to->role = from->role > 0 && (int)from->role < HF_ROLE_COUNT ? (enum hf_role)from->role : HF_ROLE_UNSET;
  to->algorithm = from->algorithm > 0 && (int)from->algorithm < HF_ALGORITHM_COUNT ? (enum hf_algorithm)from->algorithm
                                                                                   : HF_ALGORITHM_UNSET;
  to->revoked = from->revoked;
  if (!hf_wire_ns(from->valid_from_us, &to->valid_from_wall_ns) ||
      !hf_wire_ns(from->valid_until_us, &to->valid_until_wall_ns) || !hf_key_is_sound(to))
    return HF_REASON_BAD_ROW;
  return id_is_fingerprint(to) ? HF_REASON_NONE : HF_REASON_BAD_KEY;
}

static void key_to_proto(const struct hf_key *from, Holdfast__V1__Key *to)
{
  holdfast__v1__key__init(to);
  to->key_id = hf_wire_const(from->id);
  to->holder = hf_wire_const(from->holder);
  to->unit = hf_wire_const(from->unit);
  to->jurisdiction = hf_wire_const(from->jurisdiction);
  to->role = (Holdfast__V1__Role)from->role;
  to->algorithm = (Holdfast__V1__Algorithm)from->algorithm;
  to->public_key = (ProtobufCBinaryData){from->public_key_size, (uint8_t *)(uintptr_t)from->public_key};
  to->valid_from_us = hf_wire_us(from->valid_from_wall_ns);
  to->valid_until_us = hf_wire_us(from->valid_until_wall_ns);
  to->revoked = from->revoked;
}

static struct hf_policy policy_of_proto(const Holdfast__V1__Policy *from)
{
  return (struct hf_policy){.version = from->version,
                            .feedback_ms = from->feedback_ms,
                            .lift_ms = from->lift_ms,
                            .stops_max = from->stops_max,
                            .extend_counts = from->extend_counts,
                            .countersign_s = from->countersign_s,
                            .pending_s = from->pending_s,
                            .bulk_accounts = from->bulk_accounts,
                            .paper_s = from->paper_s,
                            .freeze_days = from->freeze_days,
                            .tiny_share_bp = from->tiny_share_bp,
                            .old_payee_days = from->old_payee_days,
                            .requeries = from->requeries,
                            .reconcile_s = from->reconcile_s,
                            .machine_targets = from->machine_targets,
                            .machine_per_hour = from->machine_per_hour,
                            .call_s = from->call_s,
                            .machine_amount = from->machine_amount};
}

static void policy_to_proto(const struct hf_policy *from, Holdfast__V1__Policy *to)
{
  holdfast__v1__policy__init(to);
  to->version = from->version;
  to->feedback_ms = from->feedback_ms;
  to->lift_ms = from->lift_ms;
  to->stops_max = from->stops_max;
  to->extend_counts = from->extend_counts;
  to->countersign_s = from->countersign_s;
  to->pending_s = from->pending_s;
  to->bulk_accounts = from->bulk_accounts;
  to->paper_s = from->paper_s;
  to->freeze_days = from->freeze_days;
  to->tiny_share_bp = from->tiny_share_bp;
  to->old_payee_days = from->old_payee_days;
  to->requeries = from->requeries;
  to->reconcile_s = from->reconcile_s;
  to->machine_targets = from->machine_targets;
  to->machine_per_hour = from->machine_per_hour;
  to->call_s = from->call_s;
  to->machine_amount = from->machine_amount;
}

static enum hf_reason protected_of_proto(const Holdfast__V1__Protected *from, struct hf_protected *to)
{
  memset(to, 0, sizeof *to);
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_text(from->institution, to->institution, sizeof to->institution) || to->institution[0] == '\0')
    return HF_REASON_BAD_TEXT;
  bool sound = hf_is_ok(hf_account_number_set(&to->account, from->account, strlen(from->account)));
  return sound ? HF_REASON_NONE : HF_REASON_BAD_ACCOUNT_NUMBER;
}

enum hf_reason hf_registry_decode(struct hf_span payload, struct hf_arena *arena, struct hf_registry_change *change)
{
  change->institutions_count = change->keys_count = change->protected_count = 0;
  change->has_policy = change->has_sla = false;
  for (uint32_t field = 3; field <= 6; field++) {
    size_t rows = hf_wire_count(payload, field);
    if (rows == SIZE_MAX) return HF_REASON_MALFORMED_PAYLOAD;
    if (rows > HF_REGISTRY_ROWS_MAX) return HF_REASON_TOO_MANY_ROWS;
  }
  ProtobufCAllocator allocator = hf_wire_allocator(arena);
  const Holdfast__V1__Registry *from = holdfast__v1__registry__unpack(&allocator, payload.size, payload.data);
  if (from == NULL) return HF_REASON_MALFORMED_PAYLOAD;
  if (from->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
  if (!hf_wire_uuid(from->change_id, &change->id)) return HF_REASON_BAD_ID;
  if (!hf_wire_ns(from->made_at_us, &change->made_wall_ns)) return HF_REASON_TIME_IN_FUTURE;
  for (size_t i = 0; i < from->n_institutions; i++) {
    enum hf_reason reason = institution_of_proto(from->institutions[i], &change->institutions[change->institutions_count++]);
    if (reason != HF_REASON_NONE) return reason;
  }
  for (size_t i = 0; i < from->n_keys; i++) {
    enum hf_reason reason = key_of_proto(from->keys[i], &change->keys[change->keys_count++]);
    if (reason != HF_REASON_NONE) return reason;
  }
  for (size_t i = 0; i < from->n_protected_; i++) {
    enum hf_reason reason = protected_of_proto(from->protected_[i], &change->protected[change->protected_count++]);
    if (reason != HF_REASON_NONE) return reason;
  }
  if (from->sla != NULL) {
    if (from->sla->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
    change->has_sla = true;
    change->sla.version = from->sla->version;
    memset(change->sla.text, 0, sizeof change->sla.text);
    if (!hf_wire_text(from->sla->text, change->sla.text, sizeof change->sla.text)) return HF_REASON_BAD_TEXT;
    if (!hf_wire_ns(from->sla->effective_us, &change->sla.effective_wall_ns)) return HF_REASON_BAD_ROW;
  }
  if (from->policy != NULL) {
    if (from->policy->base.n_unknown_fields > 0) return HF_REASON_UNKNOWN_FIELD;
    change->has_policy = true;
    change->policy = policy_of_proto(from->policy);
  }
  return HF_REASON_NONE;
}

size_t hf_registry_encode(const struct hf_registry_change *change, uint8_t *out, size_t capacity)
{
  Holdfast__V1__Registry to = HOLDFAST__V1__REGISTRY__INIT;
  Holdfast__V1__Policy policy = HOLDFAST__V1__POLICY__INIT;
  Holdfast__V1__Institution institutions[HF_REGISTRY_ROWS_MAX], *institution_list[HF_REGISTRY_ROWS_MAX];
  Holdfast__V1__Key keys[HF_REGISTRY_ROWS_MAX], *key_list[HF_REGISTRY_ROWS_MAX];
  Holdfast__V1__Protected protected[HF_REGISTRY_ROWS_MAX], *protected_list[HF_REGISTRY_ROWS_MAX];
  for (uint32_t i = 0; i < change->institutions_count; i++) {
    institution_to_proto(&change->institutions[i], &institutions[i]);
    institution_list[i] = &institutions[i];
  }
  for (uint32_t i = 0; i < change->keys_count; i++) {
    key_to_proto(&change->keys[i], &keys[i]);
    key_list[i] = &keys[i];
  }
  for (uint32_t i = 0; i < change->protected_count; i++) {
    holdfast__v1__protected__init(&protected[i]);
    protected[i].institution = hf_wire_const(change->protected[i].institution);
    protected[i].account = hf_wire_const((const char *)change->protected[i].account.bytes);
    protected_list[i] = &protected[i];
  }
  policy_to_proto(&change->policy, &policy);
  to.change_id = hf_wire_bytes_of(&change->id);
  to.made_at_us = hf_wire_us(change->made_wall_ns);
  to.n_institutions = change->institutions_count;
  to.institutions = institution_list;
  to.n_keys = change->keys_count;
  to.keys = key_list;
  to.n_protected_ = change->protected_count;
  to.protected_ = protected_list;
  if (change->has_policy) to.policy = &policy;
  Holdfast__V1__Sla sla = HOLDFAST__V1__SLA__INIT;
  sla.version = change->sla.version;
  sla.effective_us = hf_wire_us(change->sla.effective_wall_ns);
  sla.text = hf_wire_const(change->sla.text);
  if (change->has_sla) to.sla = &sla;
  return hf_wire_pack(&to.base, out, capacity);
}
