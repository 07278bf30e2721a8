/*
 * Calls: a silent institution is called by telephone, on a ladder with a clock (24-hour linkage of the Linyi opinion): first
 * another way carries its orders, then its contact A, B, then our leader. An answer ends it.
 */
#include "engine/core/decide.h"

static const struct hf_case_id no_case;

/* Whose contacts are called: a way's are those of the institution that it stands for, where it has none of its own. */
static const struct hf_institution *whom_to_call(const struct hf_core *core, const struct hf_institution *row)
{
  if (row->contacts[0][0] != '\0' || row->contacts[1][0] != '\0' || row->stands_for[0] == '\0') return row;
  const struct hf_institution *institution = hf_registry_institution(core->registry, row->stands_for);
  return institution == NULL ? row : institution;
}

/* Another row of the same institution that is in use and not silent. */
static bool has_other_way(const struct hf_core *core, const struct hf_institution *row)
{
  for (uint32_t i = 0; i < core->registry->institutions_count; i++) {
    const struct hf_institution *other = &core->registry->institutions[i];
    bool carries = other->enabled && !hf_institution_is_paused(other, core->now.wall_ns) && core->calls[i].since_wall_ns == 0;
    if (other != row && carries && hf_institution_is_row_of(other, hf_institution_of(row))) return true;
  }
  return false;
}

static bool is_there(const struct hf_core *core, const struct hf_institution *row, enum hf_rung rung)
{
  const struct hf_institution *called = whom_to_call(core, row);
  switch (rung) {
  case HF_RUNG_WAY: return has_other_way(core, row);
  case HF_RUNG_CONTACT_A: return hf_contact_is_on_duty(called->contacts[0], core->now.wall_ns);
  case HF_RUNG_CONTACT_B: return hf_contact_is_on_duty(called->contacts[1], core->now.wall_ns);
  default: return true; /* there is always a leader */
  }
}

/* The next rung on which somebody is. */
static void raise_call(struct hf_core *core, const struct hf_institution *row)
{
  const struct hf_call_entry *call = hf_core_call(core, row->code);
  enum hf_rung rung = call->rung;
  do rung++;
  while (!is_there(core, row, rung));
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_CALL_RAISED, no_case);
  memcpy(fact->call.institution, row->code, sizeof fact->call.institution);
  fact->call.rung = rung;
  fact->call.since_wall_ns = call->since_wall_ns;
  if (rung != HF_RUNG_LEADER) fact->call.next_wall_ns = core->now.wall_ns + core->registry->policy.call_s * HF_NS_PER_S;
  hf_core_tell(core, fact);
}

void hf_core_decide_lane(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_institution *row = hf_registry_institution(core->registry, input->lane->institution);
  if (row == NULL || hf_core_is_silent(core, row->code) == input->lane->silent) return;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_LANE_NOTED, no_case);
  fact->lane = *input->lane;
  hf_core_tell(core, fact);
  if (input->lane->silent && core->registry->policy.call_s > 0) raise_call(core, row);
}

void hf_core_call_next(struct hf_core *core)
{
  for (uint32_t i = 0; i < core->registry->institutions_count; i++) {
    const struct hf_call_entry *call = &core->calls[i];
    if (call->next_wall_ns == 0 || call->next_wall_ns > core->now.wall_ns) continue;
    raise_call(core, &core->registry->institutions[i]);
    return;
  }
  HF_NEVER("the earliest call is one of them");
}
