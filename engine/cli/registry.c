/* keygen, registry apply. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/time.h"
#include "adapters/dialect.h"
#include "engine/cli/cli.h"
#include "engine/cli/wait.h"
#include "engine/daemon/yaml.h"
#include "engine/trust/keyfile.h"

int hf_command_keygen(struct hf_cli *cli)
{
  char id[HF_KEY_ID_SIZE + 1];
  const char *name = cli->arguments_count > 1 ? cli->arguments[1] : "ed25519";
  enum hf_algorithm algorithm = hf_algorithm_of_code(name);
  if (algorithm == HF_ALGORITHM_UNSET) {
    hf_say(_("the algorithm is one of: ed25519, ecdsa-p256, rsa2048-pss, rsa2048-pkcs1, sm2-sm3"));
    return HF_EXIT_USAGE;
  }
  struct hf_status status = hf_keyfile_generate(algorithm, cli->arguments[0], id);
  if (!hf_is_ok(status)) {
    hf_say("%s", status.why);
    return HF_EXIT_FAILED;
  }
  if (cli->json)
    printf("{\"key_id\":\"%s\",\"algorithm\":\"%s\"}\n", id, name);
  else
    puts(id);
  return HF_EXIT_OK;
}

static bool text_of(struct hf_yaml *yaml, yaml_node_t *row, const char *key, char *to, size_t capacity, bool must)
{
  yaml_node_t *node = hf_yaml_get(yaml, row, key);
  const char *text = hf_yaml_text(node);
  if (node == NULL && !must) return true;
  if (text == NULL || text[0] == '\0' || strlen(text) >= capacity)
    return hf_yaml_fail(yaml, hf_yaml_line(node ? node : row), "%s: text of 1 to %zu bytes", key, capacity - 1);
  strcpy(to, text);
  return true;
}

static bool number_of(struct hf_yaml *yaml, yaml_node_t *row, const char *key, uint32_t *to, long least, long most)
{
  yaml_node_t *node = hf_yaml_get(yaml, row, key);
  const char *text = hf_yaml_text(node);
  char *end = NULL;
  if (node == NULL) return true;
  long number = text == NULL ? -1 : strtol(text, &end, 10);
  if (text == NULL || text[0] == '\0' || *end != '\0' || number < least || number > most)
    return hf_yaml_fail(yaml, hf_yaml_line(node), "%s: a whole number from %ld to %ld", key, least, most);
  *to = (uint32_t)number;
  return true;
}

static bool yes_of(struct hf_yaml *yaml, yaml_node_t *row, const char *key, bool *to)
{
  yaml_node_t *node = hf_yaml_get(yaml, row, key);
  const char *text = hf_yaml_text(node);
  if (node == NULL) return true;
  bool yes = text != NULL && (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0);
  if (!yes && (text == NULL || (strcmp(text, "no") != 0 && strcmp(text, "false") != 0)))
    return hf_yaml_fail(yaml, hf_yaml_line(node), "%s: yes or no", key);
  *to = yes;
  return true;
}

static bool time_of(struct hf_yaml *yaml, yaml_node_t *row, const char *key, int64_t *to)
{
  yaml_node_t *node = hf_yaml_get(yaml, row, key);
  if (node == NULL) return true;
  *to = hf_yaml_text(node) == NULL ? INT64_MIN : hf_time_parse(hf_yaml_text(node));
  return *to != INT64_MIN || hf_yaml_fail(yaml, hf_yaml_line(node), "%s: a time as 2026-11-24T00:00:00+08:00", key);
}

static bool contact_of(struct hf_yaml *yaml, yaml_node_t *row, const char *key, char to[HF_CONTACT_SIZE_MAX + 1])
{
  struct hf_contact contact;
  if (!text_of(yaml, row, key, to, HF_CONTACT_SIZE_MAX + 1, false)) return false;
  struct hf_status read = to[0] == '\0' ? hf_ok() : hf_contact_read(to, &contact);
  return hf_is_ok(read) || hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, row, key)), "%s: %s", key, read.why);
}

static bool read_row(struct hf_yaml *yaml, yaml_node_t *row, struct hf_institution *to)
{
  static const char *const known[] = {
      "code",      "name",        "dialect",    "transport",      "endpoint",        "payment_company", "enabled",
      "window",    "connections", "pace_per_s", "try_timeout_ms", "sla_feedback_ms", "carrier",         "swallows_duplicates",
      "bank_code", "profile",     "stands_for", "contact_a",      "contact_b",       "paused_until",    "paused_from",
      NULL};
  *to = (struct hf_institution){.enabled = true, .window = 32, .connections = 8, .try_timeout_ms = 3000, .sla_feedback_ms = 0};
  strcpy(to->dialect, "holdfast_json");
  strcpy(to->transport, "https");
  return hf_yaml_only(yaml, row, known) && text_of(yaml, row, "code", to->code, sizeof to->code, true) &&
         text_of(yaml, row, "name", to->name, sizeof to->name, true) &&
         text_of(yaml, row, "dialect", to->dialect, sizeof to->dialect, false) &&
         text_of(yaml, row, "transport", to->transport, sizeof to->transport, false) &&
         text_of(yaml, row, "endpoint", to->endpoint, sizeof to->endpoint, true) &&
         text_of(yaml, row, "bank_code", to->bank_code, sizeof to->bank_code, false) &&
         text_of(yaml, row, "profile", to->profile, sizeof to->profile, false) &&
         text_of(yaml, row, "stands_for", to->stands_for, sizeof to->stands_for, false) &&
         contact_of(yaml, row, "contact_a", to->contacts[0]) && contact_of(yaml, row, "contact_b", to->contacts[1]) &&
         yes_of(yaml, row, "payment_company", &to->payment_company) && yes_of(yaml, row, "enabled", &to->enabled) &&
         yes_of(yaml, row, "carrier", &to->carrier) && yes_of(yaml, row, "swallows_duplicates", &to->swallows_duplicates) &&
         time_of(yaml, row, "paused_until", &to->paused_until_wall_ns) &&
         time_of(yaml, row, "paused_from", &to->paused_from_wall_ns) &&
         number_of(yaml, row, "window", &to->window, 1, HF_LANE_WINDOW_MAX) &&
         number_of(yaml, row, "connections", &to->connections, 1, HF_LANE_CONNECTIONS_MAX) &&
         number_of(yaml, row, "pace_per_s", &to->pace_per_s, 0, 1000000) &&
         number_of(yaml, row, "try_timeout_ms", &to->try_timeout_ms, 100, 600000) &&
         number_of(yaml, row, "sla_feedback_ms", &to->sla_feedback_ms, 0, 86400000);
}

/* As the engine will find it: a row that it could not use is refused here, where somebody reads why. */
static bool read_institution(struct hf_yaml *yaml, yaml_node_t *row, struct hf_institution *to)
{
  if (!read_row(yaml, row, to)) return false;
  if (to->paused_from_wall_ns != 0 && to->paused_from_wall_ns >= to->paused_until_wall_ns)
    return hf_yaml_fail(yaml, hf_yaml_line(row), "paused_from: a time before paused_until");
  if (strcmp(to->stands_for, to->code) == 0)
    return hf_yaml_fail(yaml, hf_yaml_line(row), "stands_for: another institution's code");
  const struct hf_dialect *dialect = hf_dialect_named(to->dialect);
  if (dialect == NULL) return hf_yaml_fail(yaml, hf_yaml_line(row), "dialect: none of this program's (adapters/README.md)");
  to->actions = dialect->actions;
  struct hf_status status = dialect->check == NULL ? hf_ok() : dialect->check(to);
  return hf_is_ok(status) || hf_yaml_fail(yaml, hf_yaml_line(row), "%s", status.why);
}

static bool read_key(struct hf_yaml *yaml, yaml_node_t *row, struct hf_key *to)
{
  static const char *const known[] = {"holder",     "unit",        "role",    "public_key",   "algorithm",
                                      "valid_from", "valid_until", "revoked", "jurisdiction", NULL};
  char role[32] = "", file[400] = "", algorithm[32] = "", path[1024];
  *to = (struct hf_key){.valid_from_wall_ns = hf_time_now().wall_ns - 3600 * HF_NS_PER_S,
                        .valid_until_wall_ns = hf_time_now().wall_ns + 366LL * 86400 * HF_NS_PER_S};
  if (!hf_yaml_only(yaml, row, known) || !text_of(yaml, row, "holder", to->holder, sizeof to->holder, true) ||
      !text_of(yaml, row, "unit", to->unit, sizeof to->unit, false) || !text_of(yaml, row, "role", role, sizeof role, true) ||
      !text_of(yaml, row, "jurisdiction", to->jurisdiction, sizeof to->jurisdiction, false) ||
      !text_of(yaml, row, "public_key", file, sizeof file, true) ||
      !text_of(yaml, row, "algorithm", algorithm, sizeof algorithm, false) ||
      !time_of(yaml, row, "valid_from", &to->valid_from_wall_ns) ||
      !time_of(yaml, row, "valid_until", &to->valid_until_wall_ns) || !yes_of(yaml, row, "revoked", &to->revoked))
    return false;
  to->role = hf_role_of_code(role);
  if (to->role == HF_ROLE_UNSET)
    return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, row, "role")),
                        "role: officer, leader, machine, administrator or institution");
  char *copy = strdup(yaml->file);
  snprintf(path, sizeof path, "%s%s%s", file[0] == '/' ? "" : dirname(copy), file[0] == '/' ? "" : "/", file);
  free(copy);
  struct hf_status status = hf_keyfile_read_public(path, to);
  if (!hf_is_ok(status))
    return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, row, "public_key")), "public_key: %s: %s", file, status.why);
  if (algorithm[0] != '\0') to->algorithm = hf_algorithm_of_code(algorithm);
  if (to->algorithm == HF_ALGORITHM_UNSET)
    return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, row, "algorithm")), "algorithm: not known");
  return to->valid_from_wall_ns < to->valid_until_wall_ns ||
         hf_yaml_fail(yaml, hf_yaml_line(row), "valid_until: not after valid_from");
}

/* What the file does not say stays as the built-in policy has it. */
static bool read_policy(struct hf_yaml *yaml, yaml_node_t *row, struct hf_policy *to)
{
  const struct {
    const char *key;
    uint32_t *to;
    long least, most;
  } numbers[] = {{"version", &to->version, 1, 1000000000},
                 {"feedback_ms", &to->feedback_ms, 100, 86400000},
                 {"lift_ms", &to->lift_ms, 100, 86400000},
                 {"stops_max", &to->stops_max, 1, 2},
                 {"extend_counts", &to->extend_counts, 0, 1},
                 {"countersign_s", &to->countersign_s, 60, 86400},
                 {"pending_s", &to->pending_s, 60, 7 * 86400},
                 {"bulk_accounts", &to->bulk_accounts, 1, HF_TARGETS_MAX},
                 {"paper_s", &to->paper_s, 3600, 30 * 86400},
                 {"freeze_days", &to->freeze_days, 1, 366},
                 {"tiny_share_bp", &to->tiny_share_bp, 0, 10000},
                 {"old_payee_days", &to->old_payee_days, 1, 3650},
                 {"requeries", &to->requeries, 0, 10},
                 {"reconcile_s", &to->reconcile_s, 0, 30 * 86400},
                 {"machine_targets", &to->machine_targets, 0, HF_TARGETS_MAX},
                 {"machine_per_hour", &to->machine_per_hour, 0, 1000000},
                 {"call_s", &to->call_s, 0, 86400}};
  enum { COUNT = sizeof numbers / sizeof numbers[0] };
  const char *known[COUNT + 2] = {"machine_amount"};
  for (int i = 0; i < COUNT; i++) known[i + 1] = numbers[i].key;
  *to = hf_policy_default();
  if (!hf_yaml_only(yaml, row, known)) return false;
  for (int i = 0; i < COUNT; i++)
    if (!number_of(yaml, row, numbers[i].key, numbers[i].to, numbers[i].least, numbers[i].most)) return false;
  yaml_node_t *node = hf_yaml_get(yaml, row, "machine_amount");
  const char *text = hf_yaml_text(node);
  if (node != NULL) to->machine_amount = text == NULL ? INT64_MIN : hf_amount_parse(text);
  return hf_policy_is_sound(to) ||
         hf_yaml_fail(yaml, hf_yaml_line(row), "policy: machine_amount, machine_targets or reconcile_s is outside its bounds");
}

/* One rule of the file as an entry of the signed text. */
static bool add_rule(struct hf_yaml *yaml, yaml_node_t *row, struct hf_writer *text)
{
  static const char *const known[] = {"institution", "action", "hours", "days", "receipt_s", "feedback_s", NULL};
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1] = "*", action[16] = "*", hours[8] = "00-24", days[12] = "any";
  uint32_t receipt_s = 0, feedback_s = 0;
  if (!hf_yaml_only(yaml, row, known) || !text_of(yaml, row, "institution", institution, sizeof institution, false) ||
      !text_of(yaml, row, "action", action, sizeof action, false) || !text_of(yaml, row, "hours", hours, sizeof hours, false) ||
      !text_of(yaml, row, "days", days, sizeof days, false) ||
      !number_of(yaml, row, "receipt_s", &receipt_s, 1, HF_SLA_LIMIT_MS_MAX / 1000) ||
      !number_of(yaml, row, "feedback_s", &feedback_s, 1, HF_SLA_LIMIT_MS_MAX / 1000))
    return false;
  if (receipt_s == 0 || feedback_s == 0) return hf_yaml_fail(yaml, hf_yaml_line(row), "receipt_s and feedback_s must be given");
  const char *const words[] = {institution, action, hours, days};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    hf_write_text(text, words[i]);
    hf_write_text(text, " ");
  }
  hf_write_int(text, receipt_s * 1000LL);
  hf_write_text(text, " ");
  hf_write_int(text, feedback_s * 1000LL);
  hf_write_text(text, ";");
  return true;
}

static int by_text(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Holidays and worked weekends, in order of days. */
static bool add_days(struct hf_yaml *yaml, yaml_node_t *row, struct hf_writer *text, uint32_t *count)
{
  static const char *const keys[] = {"holidays", "workdays"}, *const kinds[] = {" holiday;", " workday;"};
  const char *dates[2 * HF_SLA_DAYS_MAX];
  yaml_node_t *item;
  *count = 0;
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; (item = hf_yaml_item(yaml, hf_yaml_get(yaml, row, keys[k]), i)) != NULL; i++) {
      if (hf_yaml_text(item) == NULL || *count == HF_SLA_DAYS_MAX)
        return hf_yaml_fail(yaml, hf_yaml_line(item), "%s: at most %d days as 2027-01-01", keys[k], HF_SLA_DAYS_MAX);
      char *date = NULL; /* with its kind, so that one order is that of the days */
      if (asprintf(&date, "%s%s", hf_yaml_text(item), kinds[k]) < 0) abort();
      dates[(*count)++] = date;
    }
  qsort(dates, *count, sizeof dates[0], by_text);
  for (uint32_t i = 0; i < *count; i++) {
    hf_write_text(text, "day ");
    hf_write_text(text, dates[i]);
    free((char *)(uintptr_t)dates[i]);
  }
  return true;
}

/* As the core will find it: what it would refuse is refused here, where somebody reads why. */
static bool read_sla(struct hf_yaml *yaml, yaml_node_t *row, struct hf_sla *to)
{
  static const char *const known[] = {"version", "effective", "holidays", "workdays", "rules", NULL};
  static struct hf_sla_rules rules;
  struct hf_writer text = hf_writer_of(to->text, HF_SLA_TEXT_MAX);
  yaml_node_t *item;
  uint32_t days, entry;
  *to = (struct hf_sla){.effective_wall_ns = INT64_MIN};
  if (!hf_yaml_only(yaml, row, known) || !number_of(yaml, row, "version", &to->version, 1, 1000000000) ||
      !time_of(yaml, row, "effective", &to->effective_wall_ns) || !add_days(yaml, row, &text, &days))
    return false;
  if (to->version == 0 || to->effective_wall_ns == INT64_MIN)
    return hf_yaml_fail(yaml, hf_yaml_line(row), "version and effective must be given");
  if (to->effective_wall_ns < hf_time_now().wall_ns)
    return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, row, "effective")),
                        "effective: in the past; nobody is held to what was not said when he was asked");
  for (size_t i = 0; (item = hf_yaml_item(yaml, hf_yaml_get(yaml, row, "rules"), i)) != NULL; i++)
    if (!add_rule(yaml, item, &text)) return false;
  if (text.full) return hf_yaml_fail(yaml, hf_yaml_line(row), "sla: days and rules are over %d bytes", HF_SLA_TEXT_MAX);
  struct hf_status status = hf_sla_read(to, &rules, &entry);
  if (hf_is_ok(status)) return true;
  item = entry > days ? hf_yaml_item(yaml, hf_yaml_get(yaml, row, "rules"), entry - days - 1) : NULL;
  return hf_yaml_fail(yaml, hf_yaml_line(item != NULL ? item : row), "sla: %s %u: %s", entry > days ? "rule" : "day",
                      entry > days ? entry - days : entry, status.why);
}

static bool read_protected(struct hf_yaml *yaml, yaml_node_t *row, struct hf_protected *to)
{
  static const char *const known[] = {"institution", "account", NULL};
  char number[HF_ACCOUNT_NUMBER_SIZE_MAX + 1] = "";
  if (!hf_yaml_only(yaml, row, known) || !text_of(yaml, row, "institution", to->institution, sizeof to->institution, true) ||
      !text_of(yaml, row, "account", number, sizeof number, true))
    return false;
  struct hf_status status = hf_account_number_set(&to->account, number, strlen(number));
  return hf_is_ok(status) || hf_yaml_fail(yaml, hf_yaml_line(row), "account: %s", status.why);
}

/* Calls read for each row of a list; *count rows were read. */
#define READ_ROWS(yaml, root, key, list, count, read)                                                     \
  for (size_t i = 0; (item = hf_yaml_item(yaml, hf_yaml_get(yaml, root, key), i)) != NULL; i++) {         \
    if (i == HF_REGISTRY_ROWS_MAX)                                                                        \
      return hf_yaml_fail(yaml, hf_yaml_line(item), "at most %d rows in one file", HF_REGISTRY_ROWS_MAX); \
    if (!read(yaml, item, &(list)[(count)++])) return false;                                              \
  }

static bool read_registry(struct hf_yaml *yaml, struct hf_registry_change *change)
{
  static const char *const known[] = {"institutions", "keys", "policy", "protected", "sla", NULL};
  yaml_node_t *root = hf_yaml_root(yaml), *item, *policy = hf_yaml_get(yaml, root, "policy"),
              *sla = hf_yaml_get(yaml, root, "sla");
  if (!hf_yaml_only(yaml, root, known)) return false;
  READ_ROWS(yaml, root, "institutions", change->institutions, change->institutions_count, read_institution)
  READ_ROWS(yaml, root, "keys", change->keys, change->keys_count, read_key)
  READ_ROWS(yaml, root, "protected", change->protected, change->protected_count, read_protected)
  change->has_sla = sla != NULL;
  if (sla != NULL && !read_sla(yaml, sla, &change->sla)) return false;
  change->has_policy = policy != NULL;
  return policy == NULL || read_policy(yaml, policy, &change->policy);
}

int hf_command_registry_apply(struct hf_cli *cli)
{
  struct hf_yaml yaml;
  struct hf_registry_change *change = calloc(1, sizeof *change);
  if (change == NULL) abort();
  bool ok = hf_yaml_open(&yaml, cli->arguments[0]) && read_registry(&yaml, change);
  if (!ok) hf_say("%s", yaml.error);
  hf_yaml_close(&yaml);
  int code = ok ? hf_cli_apply_registry(cli, change) : HF_EXIT_FAILED;
  free(change);
  return code;
}
