/* Accesses: who may have something shown in full, and that it was. A person, in whatever role; never a machine. */
#include "engine/core/decide.h"

static enum hf_reason refusal_of(const struct hf_core *core, const struct hf_input *input)
{
  const struct hf_key *key = hf_registry_key(core->registry, input->key_id);
  enum hf_reason reason = hf_key_refusal(key, input->appended_wall_ns);
  if (reason != HF_REASON_NONE) return reason;
  if (key->role == HF_ROLE_MACHINE || key->role == HF_ROLE_INSTITUTION) return HF_REASON_ROLE_NOT_ALLOWED;
  bool future = input->access->made_wall_ns > input->appended_wall_ns + HF_FUTURE_TOLERANCE_NS;
  return future ? HF_REASON_TIME_IN_FUTURE : HF_REASON_NONE;
}

void hf_core_decide_access(struct hf_core *core, const struct hf_input *input)
{
  static const struct hf_case_id no_case;
  enum hf_reason reason = refusal_of(core, input);
  if (reason != HF_REASON_NONE) {
    hf_core_quarantine(core, input, reason, 0);
    return;
  }
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_ACCESS_NOTED, no_case);
  fact->access.of = *input->access;
  fact->access.offset = input->offset;
  fact->access.appended_wall_ns = input->appended_wall_ns;
  memcpy(fact->access.key_id, input->key_id, sizeof fact->access.key_id);
  hf_core_tell(core, fact);
}
