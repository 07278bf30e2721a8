/* The registry: institutions, keys, policy and protected accounts change by submissions under root administrators' keys. */
#include "engine/core/decide.h"

static bool is_root(const struct hf_core *core, const char *key_id)
{
  for (uint32_t i = 0; i < core->config.root_keys_count; i++)
    if (strcmp(core->config.root_keys[i], key_id) == 0) return true;
  return false;
}

/* One proposes, another approves, by two signatures in one envelope; a centre that has named a single one has but him. */
static enum hf_reason check_signers(const struct hf_core *core, const struct hf_input *input)
{
  bool second = input->second_id[0] != '\0';
  if (!is_root(core, input->key_id) || (second && !is_root(core, input->second_id))) return HF_REASON_ROLE_NOT_ALLOWED;
  if (second && strcmp(input->key_id, input->second_id) == 0) return HF_REASON_SAME_OFFICER;
  return second || core->config.root_keys_count == 1 ? HF_REASON_NONE : HF_REASON_ONE_ADMINISTRATOR;
}

/* Signed before it is effective: nobody is held to what was not said when he was asked. */
static enum hf_reason check_sla(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_sla *sla = &input->registry->sla;
  struct hf_sla_rules rules;
  uint32_t entry;
  if (!hf_is_ok(hf_sla_read(sla, &rules, &entry)) || sla->effective_wall_ns < input->appended_wall_ns) return HF_REASON_BAD_ROW;
  return sla->version == core->registry->sla_version + 1 ? HF_REASON_NONE : HF_REASON_POLICY_VERSION;
}

static const struct hf_institution *row_after(const struct hf_core *core, const struct hf_registry_change *change,
                                              const char *code)
{
  for (uint32_t i = 0; i < change->institutions_count; i++)
    if (strcmp(change->institutions[i].code, code) == 0) return &change->institutions[i];
  return hf_registry_institution(core->registry, code);
}

static uint32_t count_ways(const struct hf_core *core, const struct hf_registry_change *change, const char *code)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < core->registry->institutions_count; i++)
    count += strcmp(row_after(core, change, core->registry->institutions[i].code)->stands_for, code) == 0;
  for (uint32_t i = 0; i < change->institutions_count; i++)
    count += hf_registry_institution(core->registry, change->institutions[i].code) == NULL &&
             strcmp(change->institutions[i].stands_for, code) == 0;
  return count;
}

/* A way leads to an institution, never to another way, and not too many do. */
static bool leads_somewhere(const struct hf_core *core, const struct hf_registry_change *change,
                            const struct hf_institution *row)
{
  if (row->stands_for[0] == '\0') return true;
  const struct hf_institution *to = row_after(core, change, row->stands_for);
  return to != NULL && to->stands_for[0] == '\0' && count_ways(core, change, row->code) == 0 &&
         count_ways(core, change, row->stands_for) <= HF_WAYS_MAX;
}

static enum hf_reason check(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_registry_change *change = input->registry;
  const struct hf_registry *registry = core->registry;
  uint32_t institutions = registry->institutions_count, keys = registry->keys_count;
  enum hf_reason reason = check_signers(core, input);
  if (reason != HF_REASON_NONE) return reason;
  if (change->made_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
  for (uint32_t i = 0; i < change->institutions_count; i++) {
    const struct hf_institution *row = &change->institutions[i];
    if (!hf_institution_is_sound(row) || !leads_somewhere(core, change, row)) return HF_REASON_BAD_ROW;
    institutions += hf_registry_institution(registry, change->institutions[i].code) == NULL;
  }
  for (uint32_t i = 0; i < change->keys_count; i++) {
    if (!hf_key_is_sound(&change->keys[i])) return HF_REASON_BAD_ROW;
    keys += hf_registry_key(registry, change->keys[i].id) == NULL;
  }
  if (institutions > HF_INSTITUTIONS_MAX || keys > HF_KEYS_MAX ||
      registry->protected_count + change->protected_count > HF_PROTECTED_MAX)
    return HF_REASON_BAD_ROW;
  if (change->has_policy && !hf_policy_is_sound(&change->policy)) return HF_REASON_BAD_ROW;
  if (change->has_policy && change->policy.version != registry->policy.version + 1) return HF_REASON_POLICY_VERSION;
  return change->has_sla ? check_sla(core, input) : HF_REASON_NONE;
}

static void tell_change(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_registry_change *change = input->registry;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_REGISTRY_CHANGED, (struct hf_case_id){{{0}}});
  fact->changed = (struct hf_fact_registry){.id = change->id,
                                            .offset = input->offset,
                                            .made_wall_ns = change->made_wall_ns,
                                            .appended_wall_ns = input->appended_wall_ns,
                                            .institutions = change->institutions_count,
                                            .keys = change->keys_count,
                                            .protected = change->protected_count,
                                            .policy = change->has_policy,
                                            .sla = change->has_sla};
  memcpy(fact->changed.key_id, input->key_id, sizeof fact->changed.key_id);
  memcpy(fact->changed.second_id, input->second_id, sizeof fact->changed.second_id);
  hf_core_tell(core, fact);
}

void hf_core_decide_registry(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_registry_change *change = input->registry;
  struct hf_case_id none = {0};
  enum hf_reason reason = check(core, input);
  if (reason != HF_REASON_NONE) {
    hf_core_quarantine(core, input, reason, 0);
    return;
  }
  tell_change(core, input);
  for (uint32_t i = 0; i < change->institutions_count; i++) {
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_INSTITUTION_SET, none);
    fact->institution = change->institutions[i];
    hf_core_tell(core, fact);
  }
  for (uint32_t i = 0; i < change->keys_count; i++) {
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_KEY_SET, none);
    fact->key = change->keys[i];
    hf_core_tell(core, fact);
  }
  for (uint32_t i = 0; i < change->protected_count; i++) {
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_PROTECTED_SET, none);
    fact->protected = change->protected[i];
    hf_core_tell(core, fact);
  }
  if (change->has_policy) {
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_POLICY_SET, none);
    fact->policy = change->policy;
    hf_core_tell(core, fact);
  }
  if (change->has_sla) {
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_SLA_SET, none);
    fact->sla = change->sla;
    hf_core_tell(core, fact);
  }
}
