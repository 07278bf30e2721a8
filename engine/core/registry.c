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

bool hf_institution_is_sound(const struct hf_institution *row)
{
  return row->code[0] != '\0' && row->dialect[0] != '\0' && row->transport[0] != '\0' && row->endpoint[0] != '\0' &&
         row->window >= 1 && row->window <= HF_LANE_WINDOW_MAX && row->connections >= 1 &&
         row->connections <= HF_LANE_CONNECTIONS_MAX && row->try_timeout_ms >= 100 && row->try_timeout_ms <= 600000 &&
         row->sla_feedback_ms <= 86400000;
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

static uint64_t add_text(uint64_t seed, const char *text)
{
  return hf_checksum(seed, text, strlen(text) + 1);
}

uint64_t hf_registry_checksum(const struct hf_registry *registry, uint64_t seed)
{
  for (uint32_t i = 0; i < registry->institutions_count; i++) {
    const struct hf_institution *row = &registry->institutions[i];
    uint32_t numbers[] = {row->payment_company, row->enabled,        row->window,         row->connections,
                          row->pace_per_s,      row->try_timeout_ms, row->sla_feedback_ms};
    seed = add_text(add_text(add_text(seed, row->code), row->dialect), row->endpoint);
    seed = hf_checksum(seed, numbers, sizeof numbers);
  }
  for (uint32_t i = 0; i < registry->keys_count; i++) {
    const struct hf_key *row = &registry->keys[i];
    int64_t numbers[] = {row->role, row->algorithm, row->valid_from_wall_ns, row->valid_until_wall_ns, row->revoked};
    seed = hf_checksum(add_text(seed, row->id), numbers, sizeof numbers);
  }
  return hf_checksum(seed, &registry->policy, sizeof registry->policy);
}
