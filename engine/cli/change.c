/*
 * Changes of the registry: one administrator signs a file of them (--propose), another sees what it says, signs the same bytes
 * and appends them to every partition; where the engine knows one administrator only, he does it alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/wait.h"

/* The same signed bytes into every partition: each core has the registry at a place of its own log. */
static int append_everywhere(const struct hf_cli *cli, struct hf_span envelope)
{
  struct hf_produced at[HF_SHARDS_MAX];
  int partitions = hf_cli_partitions(cli), code = HF_EXIT_OK;
  if (partitions < 1 || partitions > HF_SHARDS_MAX) {
    hf_say(_("the topic %s has %d partitions; 1 to %d are expected"), cli->reports, partitions, HF_SHARDS_MAX);
    return HF_EXIT_UNAVAILABLE;
  }
  for (int p = 0; p < partitions && code == HF_EXIT_OK; p++)
    code = hf_cli_append(cli, HF_PAYLOAD_REGISTRY, envelope, NULL, p, &at[p]);
  if (code == HF_EXIT_OK) code = hf_cli_wait_recorded(cli, at, partitions);
  if (code == HF_EXIT_OK) hf_say(_("the registry is changed in %d shards"), partitions);
  return code;
}

static int write_proposal(const char *path, struct hf_span envelope)
{
  FILE *file = fopen(path, "wx");
  bool ok = file != NULL && fwrite(envelope.data, 1, envelope.size, file) == envelope.size;
  if (file != NULL && fclose(file) != 0) ok = false;
  if (!ok) {
    hf_say("%s: %s", path, strerror(errno));
    if (file != NULL) unlink(path); /* half of it is nothing to approve */
    return HF_EXIT_FAILED;
  }
  hf_say(_("signed; another administrator: holdfast registry approve %s"), path);
  return HF_EXIT_OK;
}

int hf_cli_apply_registry(struct hf_cli *cli, struct hf_registry_change *change)
{
  uint8_t *payload = malloc(HF_RECORD_SIZE_MAX), *envelope = malloc(HF_ENVELOPE_SIZE_MAX), random[10];
  if (payload == NULL || envelope == NULL) abort();
  hf_cli_random(random, sizeof random);
  change->made_wall_ns = hf_time_now().wall_ns;
  change->id = hf_uuid_v7(change->made_wall_ns, random);
  struct hf_span said = {payload, hf_registry_encode(change, payload, HF_RECORD_SIZE_MAX)};
  size_t size = hf_cli_sign(cli, HF_PAYLOAD_REGISTRY, said, NULL, envelope, HF_ENVELOPE_SIZE_MAX);
  const struct hf_span whole = {envelope, size};
  int code = size == 0              ? HF_EXIT_SIGNATURE
             : cli->propose != NULL ? write_proposal(cli->propose, whole)
                                    : append_everywhere(cli, whole);
  free(envelope);
  free(payload);
  return code;
}

/* --- what a proposal says: from the bytes that are signed, and nothing else --- */

static void print_institution(const struct hf_institution *row)
{
  char from[HF_TIME_TEXT_SIZE], until[HF_TIME_TEXT_SIZE];
  printf("institution %s\n  name %s\n  dialect %s, transport %s, endpoint %s\n", row->code, row->name, row->dialect,
         row->transport, row->endpoint);
  printf("  %s%s%s%s\n", row->enabled ? "enabled" : "disabled", row->payment_company ? ", payment company" : "",
         row->carrier ? ", carrier" : "", row->swallows_duplicates ? ", swallows duplicates" : "");
  printf("  window %u, connections %u, pace %u/s, try %u ms, feedback %u ms, actions %08x\n", row->window, row->connections,
         row->pace_per_s, row->try_timeout_ms, row->sla_feedback_ms, row->actions);
  if (row->bank_code[0] != '\0') printf("  bank code %s\n", row->bank_code);
  if (row->profile[0] != '\0') printf("  profile %s\n", row->profile);
  if (row->stands_for[0] != '\0') printf("  stands for %s\n", row->stands_for);
  for (int i = 0; i < HF_CONTACTS; i++)
    if (row->contacts[i][0] != '\0') printf("  contact %c: %s\n", 'A' + i, row->contacts[i]);
  if (row->paused_until_wall_ns != 0)
    printf("  paused from %s until %s\n", row->paused_from_wall_ns == 0 ? "now" : hf_time_text(row->paused_from_wall_ns, from),
           hf_time_text(row->paused_until_wall_ns, until));
}

static void print_key(const struct hf_key *key)
{
  char from[HF_TIME_TEXT_SIZE], until[HF_TIME_TEXT_SIZE];
  printf("key %s%s\n  holder %s, unit %s, role %s, jurisdiction %s\n  %s, from %s until %s\n", key->id,
         key->revoked ? " REVOKED" : "", key->holder, key->unit, hf_role_code(key->role), key->jurisdiction,
         hf_algorithm_code(key->algorithm), hf_time_text(key->valid_from_wall_ns, from),
         hf_time_text(key->valid_until_wall_ns, until));
}

static void print_policy(const struct hf_policy *policy)
{
  printf("policy %u\n  feedback %u ms, lift %u ms, stops %u, extend counts %u\n", policy->version, policy->feedback_ms,
         policy->lift_ms, policy->stops_max, policy->extend_counts);
  printf("  countersign %u s, pending %u s, bulk %u accounts, paper %u s, freeze %u days\n", policy->countersign_s,
         policy->pending_s, policy->bulk_accounts, policy->paper_s, policy->freeze_days);
  printf("  tiny share %u bp, old payee %u days, requeries %u, reconcile %u s, call %u s\n", policy->tiny_share_bp,
         policy->old_payee_days, policy->requeries, policy->reconcile_s, policy->call_s);
  printf("  machine: %u targets, %u an hour, %lld fen\n", policy->machine_targets, policy->machine_per_hour,
         (long long)policy->machine_amount);
}

static void print_change(const struct hf_registry_change *change, const char *proposed_by)
{
  char when[HF_TIME_TEXT_SIZE], mask[HF_MASK_TEXT_SIZE];
  printf("proposed by %s at %s\n", proposed_by, hf_time_text(change->made_wall_ns, when));
  for (uint32_t i = 0; i < change->institutions_count; i++) print_institution(&change->institutions[i]);
  for (uint32_t i = 0; i < change->keys_count; i++) print_key(&change->keys[i]);
  for (uint32_t i = 0; i < change->protected_count; i++)
    printf("protected %s %s\n", change->protected[i].institution, hf_mask_account(&change->protected[i].account, mask));
  if (change->has_policy) print_policy(&change->policy);
  if (change->has_sla)
    printf("SLA policy %u, effective %s\n  %s\n", change->sla.version, hf_time_text(change->sla.effective_wall_ns, when),
           change->sla.text);
}

static size_t read_proposal(const char *path, uint8_t *bytes)
{
  FILE *file = fopen(path, "r");
  size_t size = file == NULL ? 0 : fread(bytes, 1, HF_ENVELOPE_SIZE_MAX, file);
  if (file == NULL || ferror(file)) hf_say("%s: %s", path, strerror(errno));
  if (file != NULL) fclose(file);
  return size;
}

/* Shows it; false where it is nothing that can be approved. */
static bool show_proposal(const char *path, const struct hf_envelope *envelope, struct hf_registry_change *change)
{
  struct hf_arena arena = {.memory = malloc(HF_UNPACK_ARENA_SIZE), .capacity = HF_UNPACK_ARENA_SIZE};
  if (arena.memory == NULL) abort();
  enum hf_reason reason = envelope->kind != HF_PAYLOAD_REGISTRY || envelope->signatures_count != 1
                              ? HF_REASON_WRONG_PAYLOAD_TYPE
                              : hf_registry_decode(envelope->payload, &arena, change);
  if (reason == HF_REASON_NONE)
    print_change(change, envelope->signatures[0].key_id);
  else
    hf_say(_("%s is no proposal that waits for its second signature: %s"), path, hf_reason_text(reason));
  free(arena.memory);
  return reason == HF_REASON_NONE;
}

int hf_command_registry_approve(struct hf_cli *cli)
{
  const char *path = cli->arguments[0];
  uint8_t *first = malloc(HF_ENVELOPE_SIZE_MAX), *both = malloc(HF_ENVELOPE_SIZE_MAX);
  struct hf_registry_change *change = calloc(1, sizeof *change);
  struct hf_envelope envelope;
  if (first == NULL || both == NULL || change == NULL) abort();
  int code = HF_EXIT_FAILED;
  size_t size = read_proposal(path, first);
  if (size > 0 && hf_envelope_decode((struct hf_span){first, size}, &envelope) != HF_REASON_NONE) {
    hf_say(_("%s is no proposal that waits for its second signature: %s"), path, _("it cannot be read"));
    size = 0;
  }
  if (size > 0 && show_proposal(path, &envelope, change)) {
    size = hf_cli_sign(cli, HF_PAYLOAD_REGISTRY, envelope.payload, &envelope.signatures[0], both, HF_ENVELOPE_SIZE_MAX);
    code = cli->dry_run ? HF_EXIT_OK : size == 0 ? HF_EXIT_SIGNATURE : append_everywhere(cli, (struct hf_span){both, size});
  }
  free(change);
  free(both);
  free(first);
  return code;
}

int hf_command_registry_list(struct hf_cli *cli)
{
  static const char sql[] =
      "select distinct on (c.made_at, c.change_id) to_char(c.at, 'YYYY-MM-DD HH24:MI:SSOF') as at, c.change_id, c.key_id, "
      "coalesce(c.second_id, '') as second_id, c.institutions, c.keys, c.protected, case when c.policy then 'yes' else '' end "
      "as "
      "policy, case when c.sla then 'yes' else '' end as sla from registry_change c order by c.made_at, c.change_id, c.at";
  return hf_cli_list(cli, _("at,change,proposed by,approved by,institutions,keys,protected,policy,SLA"), sql, 0, NULL);
}
