/*
 * Authority: who may, and how many officers it takes (design.md section 10; security.md section 1).
 *
 * A second officer approves, and countersigns, by submitting the same bytes under a key of his own: the digest is what was
 * signed, so an altered digit is another submission with a used id.
 */
#include "engine/core/decide.h"

static bool covers(const char *jurisdiction, const char *unit)
{
  return jurisdiction[0] != '\0' && strncmp(unit, jurisdiction, strlen(jurisdiction)) == 0;
}

enum hf_reason hf_core_key_refusal(const struct hf_core *core, const struct hf_input *input, const struct hf_case_entry *entry)
{
  const struct hf_key *key = hf_registry_key(core->registry, input->key_id);
  enum hf_reason reason = hf_key_refusal(key, input->appended_wall_ns);
  if (reason != HF_REASON_NONE) return reason;
  bool officer = key->role == HF_ROLE_OFFICER || key->role == HF_ROLE_LEADER;
  bool machine = key->role == HF_ROLE_MACHINE && input->kind == HF_INPUT_REPORT && core->registry->policy.machine_targets > 0;
  if (!officer && !machine) return HF_REASON_ROLE_NOT_ALLOWED;
  if (entry != NULL && strcmp(key->unit, entry->unit) != 0 && !covers(key->jurisdiction, entry->unit))
    return HF_REASON_OTHER_UNIT;
  return HF_REASON_NONE;
}

void hf_core_key_text(const uint8_t bytes[16], char text[HF_KEY_ID_SIZE + 1])
{
  static const char digits[] = "0123456789abcdef";
  static const uint8_t none[16];
  memset(text, 0, HF_KEY_ID_SIZE + 1);
  if (memcmp(bytes, none, sizeof none) == 0) return;
  for (unsigned i = 0; i < 16; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
}

/* One person with two keys is one officer. */
static bool same_officer(const struct hf_core *core, const uint8_t first[16], const char *second_id)
{
  char first_id[HF_KEY_ID_SIZE + 1];
  hf_core_key_text(first, first_id);
  const struct hf_key *a = hf_registry_key(core->registry, first_id), *b = hf_registry_key(core->registry, second_id);
  return a == NULL || b == NULL || a == b || strcmp(a->holder, b->holder) == 0;
}

static enum hf_reason maker_refusal(const struct hf_core *core, const struct hf_submission_entry *known,
                                    int64_t appended_wall_ns)
{
  char id[HF_KEY_ID_SIZE + 1];
  hf_core_key_text(known->key, id);
  return hf_key_refusal(hf_registry_key(core->registry, id), appended_wall_ns);
}

static void countersign(struct hf_core *core, const struct hf_input *input, const struct hf_submission_entry *known)
{
  const struct hf_case_entry *entry = hf_case_at(core, known->case_index);
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_COUNTERSIGNED, entry->id);
  fact->submission.id = known->id;
  fact->submission.command = known->command;
  fact->submission.kind = (enum hf_command_kind)known->kind;
  fact->submission.offset = input->offset;
  memcpy(fact->submission.key_id, input->key_id, sizeof fact->submission.key_id);
  hf_core_tell(core, fact);
}

struct hf_standing hf_core_known(struct hf_core *core, const struct hf_input *input, const struct hf_submission_entry *known,
                                 const uint8_t digest[HF_DIGEST_SIZE])
{
  static const uint8_t none[16];
  struct hf_standing standing = {.reason = HF_REASON_NONE};
  if (known == NULL) return standing;
  bool is_command = input->kind == HF_INPUT_COMMAND;
  bool waits_for_second = known->state == HF_SUBMISSION_DONE && !known->command && memcmp(known->second, none, 16) == 0 &&
                          (known->due_wall_ns != INT64_MAX || known->reviewable);
  if (memcmp(known->digest, digest, sizeof known->digest) != 0) {
    standing.reason = HF_REASON_DIGEST_DIFFERS;
  } else if (known->state == HF_SUBMISSION_ENDED) {
    standing.reason = HF_REASON_ALREADY_REJECTED;
  } else if (known->state == HF_SUBMISSION_WAITS || waits_for_second) {
    bool same = same_officer(core, known->key, input->key_id);
    bool resent = same && memcmp(known->key, hf_core_key_bytes(input->key_id).bytes, 16) == 0;
    if (resent)
      standing.reason = is_command ? HF_REASON_DUPLICATE_COMMAND : HF_REASON_DUPLICATE_REPORT;
    else if (same)
      standing.reason = HF_REASON_SAME_OFFICER;
    else if (known->state == HF_SUBMISSION_WAITS)
      standing.reason =
          maker_refusal(core, known, input->appended_wall_ns); /* a revoked key takes effect on the next message */
    if (standing.reason == HF_REASON_NONE && waits_for_second) {
      countersign(core, input, known);
      standing.told = true;
    }
    standing.is_second = standing.reason == HF_REASON_NONE && !standing.told;
  } else {
    standing.reason = is_command ? HF_REASON_DUPLICATE_COMMAND : HF_REASON_DUPLICATE_REPORT;
  }
  return standing;
}

void hf_core_wait_for_second(struct hf_core *core, const struct hf_input *input, const struct hf_fact_submission *what)
{
  struct hf_case_id case_id = input->command != NULL ? input->command->case_id : input->report->case_id;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_SUBMISSION_WAITS, case_id);
  fact->submission = *what;
  fact->submission.offset = input->offset;
  fact->submission.due_wall_ns = input->appended_wall_ns + core->registry->policy.pending_s * HF_NS_PER_S;
  memcpy(fact->submission.key_id, input->key_id, sizeof fact->submission.key_id);
  hf_core_tell(core, fact);
}

void hf_core_officers(const struct hf_input *input, const struct hf_submission_entry *known, char first[HF_KEY_ID_SIZE + 1],
                      char second[HF_KEY_ID_SIZE + 1])
{
  memset(second, 0, HF_KEY_ID_SIZE + 1);
  if (known == NULL) {
    memcpy(first, input->key_id, HF_KEY_ID_SIZE + 1);
    return;
  }
  hf_core_key_text(known->key, first);
  memcpy(second, input->key_id, HF_KEY_ID_SIZE + 1);
}
