#include "engine/core/registry.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/core/report.h"

static const char *const role_codes[HF_ROLE_COUNT] = {"",
#define X(name, code) code,
                                                      HF_ROLES(X)
#undef X
};

static const char *const algorithm_codes[HF_ALGORITHM_COUNT] = {"",
#define X(name, code) code,
                                                                HF_ALGORITHMS(X)
#undef X
};

static const char *const mac_codes[HF_MAC_COUNT] = {"",
#define X(name, code) code,
                                                    HF_MACS(X)
#undef X
};

static const char *const currency_codes[HF_CURRENCY_COUNT] = {"",
#define X(code) #code,
                                                              HF_CURRENCIES(X)
#undef X
};

/* Index of code in names[1…count-1]; 0 where it is none of them. */
static unsigned index_of(const char *const *names, unsigned count, const char *code)
{
  for (unsigned i = 1; i < count; i++)
    if (strcmp(names[i], code) == 0) return i;
  return 0;
}

const char *hf_role_code(enum hf_role role)
{
  HF_ASSERT(role < HF_ROLE_COUNT);
  return role_codes[role];
}

enum hf_role hf_role_of_code(const char *code)
{
  return (enum hf_role)index_of(role_codes, HF_ROLE_COUNT, code);
}

const char *hf_algorithm_code(enum hf_algorithm algorithm)
{
  HF_ASSERT(algorithm < HF_ALGORITHM_COUNT);
  return algorithm_codes[algorithm];
}

enum hf_algorithm hf_algorithm_of_code(const char *code)
{
  return (enum hf_algorithm)index_of(algorithm_codes, HF_ALGORITHM_COUNT, code);
}

enum hf_mac hf_mac_of_code(const char *code)
{
  return (enum hf_mac)index_of(mac_codes, HF_MAC_COUNT, code);
}

const char *hf_currency_code(enum hf_currency currency)
{
  HF_ASSERT(currency < HF_CURRENCY_COUNT);
  return currency_codes[currency];
}

enum hf_currency hf_currency_of_code(const char *code)
{
  if (strcmp(code, "RMB") == 0) return HF_CURRENCY_CNY;
  return (enum hf_currency)index_of(currency_codes, HF_CURRENCY_COUNT, code);
}

const struct hf_institution *hf_registry_institution(const struct hf_registry *registry, const char *code)
{
  for (uint32_t i = 0; i < registry->institutions_count; i++)
    if (strcmp(registry->institutions[i].code, code) == 0) return &registry->institutions[i];
  return NULL;
}

const struct hf_key *hf_registry_key(const struct hf_registry *registry, const char *id)
{
  for (uint32_t i = 0; i < registry->keys_count; i++)
    if (strcmp(registry->keys[i].id, id) == 0) return &registry->keys[i];
  return NULL;
}

const struct hf_institution *hf_registry_called(const struct hf_registry *registry, const char *code)
{
  const struct hf_institution *row = hf_registry_institution(registry, code);
  for (uint32_t i = 0; row == NULL && code[0] != '\0' && i < registry->institutions_count; i++)
    if (strcmp(registry->institutions[i].bank_code, code) == 0 && registry->institutions[i].stands_for[0] == '\0')
      row = &registry->institutions[i];
  return row;
}

bool hf_institution_is_paused(const struct hf_institution *row, int64_t now_wall_ns)
{
  return now_wall_ns >= row->paused_from_wall_ns && now_wall_ns < row->paused_until_wall_ns;
}

bool hf_institution_is_row_of(const struct hf_institution *row, const char *code)
{
  return strcmp(row->code, code) == 0 || strcmp(row->stands_for, code) == 0;
}

const char *hf_institution_of(const struct hf_institution *row)
{
  return row->stands_for[0] == '\0' ? row->code : row->stands_for;
}

static bool are_contacts(const struct hf_institution *row)
{
  struct hf_contact contact;
  for (int i = 0; i < HF_CONTACTS; i++)
    if (row->contacts[i][0] != '\0' && !hf_is_ok(hf_contact_read(row->contacts[i], &contact))) return false;
  return true;
}

bool hf_institution_is_sound(const struct hf_institution *row)
{
  return row->code[0] != '\0' && row->dialect[0] != '\0' && row->transport[0] != '\0' && row->endpoint[0] != '\0' &&
         row->window >= 1 && row->window <= HF_LANE_WINDOW_MAX && row->connections >= 1 &&
         row->connections <= HF_LANE_CONNECTIONS_MAX && row->try_timeout_ms >= 100 && row->try_timeout_ms <= 600000 &&
         row->sla_feedback_ms <= 86400000 && strcmp(row->stands_for, row->code) != 0 && are_contacts(row) &&
         (row->paused_from_wall_ns == 0 || row->paused_from_wall_ns < row->paused_until_wall_ns);
}

bool hf_key_is_sound(const struct hf_key *row)
{
  return strlen(row->id) == HF_KEY_ID_SIZE && row->role != HF_ROLE_UNSET && row->algorithm != HF_ALGORITHM_UNSET &&
         row->public_key_size > 0 && row->valid_from_wall_ns < row->valid_until_wall_ns;
}

enum hf_reason hf_key_refusal(const struct hf_key *key, int64_t appended_wall_ns)
{
  if (key == NULL) return HF_REASON_UNKNOWN_KEY;
  if (appended_wall_ns < key->valid_from_wall_ns) return HF_REASON_KEY_NOT_YET_VALID;
  if (appended_wall_ns >= key->valid_until_wall_ns) return HF_REASON_KEY_EXPIRED;
  if (key->revoked) return HF_REASON_KEY_REVOKED;
  return HF_REASON_NONE;
}

struct hf_policy hf_policy_default(void)
{
  return (struct hf_policy){.feedback_ms = 60000,
                            .lift_ms = 300000,
                            .stops_max = 2,
                            .extend_counts = 1,
                            .countersign_s = 1800,
                            .pending_s = 86400,
                            .bulk_accounts = 20,
                            .paper_s = 86400,
                            .freeze_days = 183,
                            .tiny_share_bp = 500,
                            .old_payee_days = 90,
                            .requeries = 3,
                            .reconcile_s = 6 * 3600,
                            .call_s = 300};
}

bool hf_policy_is_sound(const struct hf_policy *policy)
{
  return policy->feedback_ms >= 100 && policy->feedback_ms <= 86400000 && policy->lift_ms >= 100 &&
         policy->lift_ms <= 86400000 && policy->stops_max >= 1 && policy->stops_max <= 2 && policy->extend_counts <= 1 &&
         policy->countersign_s >= 60 && policy->countersign_s <= 86400 && policy->pending_s >= 60 &&
         policy->pending_s <= 7 * 86400 && policy->bulk_accounts >= 1 && policy->bulk_accounts <= HF_TARGETS_MAX &&
         policy->paper_s >= 3600 && policy->paper_s <= 30 * 86400 && policy->freeze_days >= 1 && policy->freeze_days <= 366 &&
         policy->tiny_share_bp <= 10000 && policy->old_payee_days >= 1 && policy->old_payee_days <= 3650 &&
         policy->requeries <= 10 && policy->call_s <= 86400 &&
         (policy->reconcile_s == 0 || (policy->reconcile_s >= 60 && policy->reconcile_s <= 30 * 86400)) &&
         policy->machine_targets <= policy->bulk_accounts && policy->machine_amount >= 0 &&
         policy->machine_amount <= HF_AMOUNT_MAX;
}

void hf_registry_set_protected(struct hf_registry *registry, const struct hf_protected *row)
{
  if (hf_registry_protects(registry, row->institution, &row->account)) return;
  HF_ASSERT(registry->protected_count < HF_PROTECTED_MAX);
  registry->protected[registry->protected_count++] = *row;
}

bool hf_registry_protects(const struct hf_registry *registry, const char *institution, const struct hf_account_number *account)
{
  for (uint32_t i = 0; i < registry->protected_count; i++)
    if (strcmp(registry->protected[i].institution, institution) == 0 &&
        hf_account_number_equal(&registry->protected[i].account, account))
      return true;
  return false;
}

/* The oldest hour makes room: what it said no longer counts. */
void hf_registry_set_machine_use(struct hf_registry *registry, const struct hf_machine_use *use)
{
  uint32_t at = 0;
  for (uint32_t i = 0; i < registry->machines_count; i++) {
    if (strcmp(registry->machines[i].key_id, use->key_id) == 0) {
      registry->machines[i] = *use;
      return;
    }
    if (registry->machines[i].hour < registry->machines[at].hour) at = i;
  }
  if (registry->machines_count < HF_MACHINES_MAX) at = registry->machines_count++;
  registry->machines[at] = *use;
}

uint32_t hf_registry_machine_reports(const struct hf_registry *registry, const char *key_id, int64_t hour)
{
  for (uint32_t i = 0; i < registry->machines_count; i++)
    if (registry->machines[i].hour == hour && strcmp(registry->machines[i].key_id, key_id) == 0)
      return registry->machines[i].reports;
  return 0;
}

void hf_registry_set_institution(struct hf_registry *registry, const struct hf_institution *row)
{
  HF_ASSERT(hf_institution_is_sound(row));
  struct hf_institution *there = (struct hf_institution *)(uintptr_t)hf_registry_institution(registry, row->code);
  if (there == NULL) {
    HF_ASSERT(registry->institutions_count < HF_INSTITUTIONS_MAX);
    there = &registry->institutions[registry->institutions_count++];
  }
  *there = *row;
}

void hf_registry_set_key(struct hf_registry *registry, const struct hf_key *row)
{
  HF_ASSERT(hf_key_is_sound(row));
  struct hf_key *there = (struct hf_key *)(uintptr_t)hf_registry_key(registry, row->id);
  if (there == NULL) {
    HF_ASSERT(registry->keys_count < HF_KEYS_MAX);
    there = &registry->keys[registry->keys_count++];
  }
  *there = *row;
}

void hf_registry_set_sla(struct hf_registry *registry, const struct hf_sla *sla)
{
  uint32_t entry;
  struct hf_status status = hf_sla_read(sla, &registry->sla[sla->version % HF_SLA_KEPT], &entry);
  HF_ASSERT(hf_is_ok(status)); /* decided by the same reading */
  registry->sla_version = sla->version;
}

const struct hf_sla_rules *hf_registry_sla(const struct hf_registry *registry, int64_t at_wall_ns)
{
  for (uint32_t back = 0; back < HF_SLA_KEPT && back < registry->sla_version; back++) {
    const struct hf_sla_rules *rules = &registry->sla[(registry->sla_version - back) % HF_SLA_KEPT];
    if (rules->effective_wall_ns <= at_wall_ns) return rules;
  }
  return NULL;
}

static uint64_t add_text(uint64_t seed, const char *text)
{
  return hf_checksum(seed, text, strlen(text) + 1);
}

uint64_t hf_registry_checksum(const struct hf_registry *registry, uint64_t seed)
{
  for (uint32_t i = 0; i < registry->institutions_count; i++) {
    const struct hf_institution *row = &registry->institutions[i];
    uint32_t numbers[] = {row->payment_company, row->carrier,    row->enabled,        row->swallows_duplicates, row->window,
                          row->connections,     row->pace_per_s, row->try_timeout_ms, row->sla_feedback_ms};
    seed = add_text(add_text(add_text(seed, row->code), row->dialect), row->endpoint);
    if (row->bank_code[0] != '\0' || row->profile[0] != '\0') seed = add_text(add_text(seed, row->bank_code), row->profile);
    if (row->stands_for[0] != '\0') seed = add_text(seed, row->stands_for);
    for (int k = 0; k < HF_CONTACTS; k++)
      if (row->contacts[k][0] != '\0') seed = add_text(seed, row->contacts[k]);
    if (row->actions != 0) seed = hf_checksum(seed, &row->actions, sizeof row->actions);
    if (row->paused_until_wall_ns != 0) seed = hf_checksum(seed, &row->paused_until_wall_ns, sizeof row->paused_until_wall_ns);
    if (row->paused_from_wall_ns != 0) seed = hf_checksum(seed, &row->paused_from_wall_ns, sizeof row->paused_from_wall_ns);
    seed = hf_checksum(seed, numbers, sizeof numbers);
  }
  for (uint32_t i = 0; i < registry->keys_count; i++) {
    const struct hf_key *row = &registry->keys[i];
    int64_t numbers[] = {row->role, row->algorithm, row->valid_from_wall_ns, row->valid_until_wall_ns, row->revoked};
    seed = hf_checksum(add_text(add_text(add_text(seed, row->id), row->unit), row->jurisdiction), numbers, sizeof numbers);
  }
  for (uint32_t i = 0; i < registry->protected_count; i++) {
    const struct hf_protected *row = &registry->protected[i];
    seed = hf_checksum(add_text(seed, row->institution), row->account.bytes, row->account.size);
  }
  for (uint32_t i = 0; i < registry->machines_count; i++) {
    const struct hf_machine_use *use = &registry->machines[i];
    int64_t numbers[] = {use->hour, use->reports};
    seed = hf_checksum(add_text(seed, use->key_id), numbers, sizeof numbers);
  }
  if (registry->sla_version != 0) seed = hf_checksum(seed, &registry->sla_version, sizeof registry->sla_version);
  seed = hf_checksum(seed, &registry->policy.machine_amount, sizeof registry->policy.machine_amount);
  /* its numbers before that, without what the compiler may leave between */
  return hf_checksum(seed, &registry->policy, offsetof(struct hf_policy, call_s) + sizeof registry->policy.call_s);
}
