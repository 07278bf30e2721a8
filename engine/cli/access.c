/*
 * Accesses: what is shown in full, taken away or destroyed is signed and becomes a fact in the record first; without that there
 * is nothing to see.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/cli/wait.h"
#include "engine/codec/codec.h"

/* The case's partition has it where there is one; else it goes by its own id. */
static int send_access(const struct hf_cli *cli, struct hf_access *access)
{
  struct hf_produced at;
  uint8_t payload[1024], random[10];
  char key[HF_UUID_TEXT_SIZE];
  hf_cli_random(random, sizeof random);
  access->made_wall_ns = hf_time_now().wall_ns;
  access->id = hf_uuid_v7(access->made_wall_ns, random);
  size_t size = hf_access_encode(access, payload, sizeof payload);
  bool of_case = !hf_uuid_is_zero(access->case_id.uuid);
  hf_uuid_text(of_case ? access->case_id.uuid : access->id, key);
  int code = hf_cli_submit(cli, HF_PAYLOAD_ACCESS, (struct hf_span){payload, size}, key, -1, &at);
  return code == HF_EXIT_OK ? hf_cli_wait_recorded(cli, &at, 1) : code;
}

bool hf_cli_note_access(const struct hf_cli *cli, enum hf_access_kind kind, const char *what, const char *reason,
                        const char *case_id)
{
  struct hf_access access = {.kind = kind};
  if (reason == NULL || strlen(reason) < HF_ACCESS_REASON_SIZE_MIN) {
    hf_say("%s", _("--reason is needed, with at least 5 characters; it is recorded"));
    return false;
  }
  if (strlen(what) > HF_ACCESS_WHAT_SIZE_MAX || strlen(reason) > HF_REASON_TEXT_SIZE_MAX) {
    hf_say(_("--reason: at most %d bytes"), HF_REASON_TEXT_SIZE_MAX);
    return false;
  }
  strcpy(access.what, what);
  strcpy(access.reason, reason);
  if (case_id != NULL && !hf_is_ok(hf_uuid_parse(case_id, strlen(case_id), &access.case_id.uuid))) return false;
  if (send_access(cli, &access) == HF_EXIT_OK) return true;
  hf_say("%s", _("it cannot be recorded, so nothing is shown, taken away or destroyed"));
  return false;
}

int hf_command_access_list(struct hf_cli *cli)
{
  static const char sql[] =
      "select to_char(a.at, 'YYYY-MM-DD HH24:MI:SSOF') as at, coalesce(k.holder, '') as who, coalesce(k.role, '') as role, "
      "a.kind, a.what, a.reason, a.shard, a.seq from access a left join registry_key k on k.shard = a.shard and k.key_id = "
      "a.key_id where $1 = '' or to_char(a.at at time zone 'Asia/Shanghai', 'YYYY-MM') = $1 order by a.at, a.shard, a.seq";
  return hf_cli_list(cli, _("at,who,role,kind,what,reason,shard,seq"), sql, 1,
                     (const char *const[]){cli->arguments_count > 0 ? cli->arguments[0] : ""});
}
