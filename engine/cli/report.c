/* report submit: a YAML file becomes a signed report; then its case is waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/time.h"
#include "engine/cli/cli.h"
#include "engine/cli/route.h"
#include "engine/cli/wait.h"
#include "engine/daemon/yaml.h"

static bool copy_text(struct hf_yaml *yaml, yaml_node_t *mapping, const char *key, char *to, size_t capacity)
{
  yaml_node_t *node = hf_yaml_get(yaml, mapping, key);
  const char *text = hf_yaml_text(node);
  if (node == NULL) return true;
  if (text == NULL || strlen(text) >= capacity || !hf_text_is_sound(text, strlen(text)))
    return hf_yaml_fail(yaml, hf_yaml_line(node), "%s: plain text of at most %zu bytes", key, capacity - 1);
  strcpy(to, text);
  return true;
}

static bool copy_name(struct hf_yaml *yaml, yaml_node_t *mapping, const char *key, struct hf_name *name)
{
  yaml_node_t *node = hf_yaml_get(yaml, mapping, key);
  const char *text = hf_yaml_text(node);
  if (node == NULL) return true;
  struct hf_status status =
      text == NULL ? hf_fail(HF_STATUS_MALFORMED, "one value, not a list") : hf_name_set(name, text, strlen(text));
  return hf_is_ok(status) || hf_yaml_fail(yaml, hf_yaml_line(node), "%s: %s", key, status.why);
}

static struct hf_routing *routing; /* of this run; NULL: none is configured, so the institution has to be stated */
static bool stated_is_right;       /* --confirm=institution */

/* The institution that the tables say, where none or a code is stated; a clash is the officer's to settle. */
static bool route_party(struct hf_yaml *yaml, yaml_node_t *account, const struct hf_routing *tables, struct hf_party *party)
{
  struct hf_route route = hf_route_of(tables, &party->account, party->institution);
  bool settled = route.by == HF_ROUTE_STATED && (!route.clash || stated_is_right);
  if (settled && route.check_digit) return true;
  hf_cli_explain_route(&party->account, party->institution, &route);
  if (route.bad_code) return hf_yaml_fail(yaml, hf_yaml_line(account), "institution: the bank code's check digit is wrong");
  if (route.by == HF_ROUTE_NONE)
    return hf_yaml_fail(yaml, hf_yaml_line(account), "institution is missing, and no routing table knows this account");
  if (route.clash && !stated_is_right)
    return hf_yaml_fail(yaml, hf_yaml_line(account),
                        "the card prefix says %s: if the stated institution is right, --confirm=institution",
                        route.prefix->institution);
  if (route.by != HF_ROUTE_STATED) strcpy(party->institution, route.institution);
  return true;
}

static bool read_party(struct hf_yaml *yaml, yaml_node_t *transfer, const char *key, bool must, struct hf_party *party)
{
  static const char *const known[] = {"institution", "account", "name", NULL};
  yaml_node_t *node = hf_yaml_get(yaml, transfer, key);
  if (node == NULL)
    return !must || hf_yaml_fail(yaml, hf_yaml_line(transfer), "%s is missing: institution, account, name", key);
  if (!hf_yaml_only(yaml, node, known) ||
      !copy_text(yaml, node, "institution", party->institution, sizeof party->institution) ||
      !copy_name(yaml, node, "name", &party->name))
    return false;
  yaml_node_t *account = hf_yaml_get(yaml, node, "account");
  const char *number = hf_yaml_text(account);
  if (number == NULL) return !must || hf_yaml_fail(yaml, hf_yaml_line(node), "%s.account is missing", key);
  struct hf_status status = hf_account_number_set(&party->account, number, strlen(number));
  if (!hf_is_ok(status)) return hf_yaml_fail(yaml, hf_yaml_line(account), "%s.account: %s", key, status.why);
  if (must && routing != NULL) return route_party(yaml, account, routing, party);
  if (must && !hf_account_number_luhn(&party->account) && party->account.size >= 13) {
    char masked[HF_MASK_TEXT_SIZE]; /* warns, never blocks: passbooks are not cards */
    hf_say(_("line %d: %s has no valid card check digit; is it right?"), hf_yaml_line(account),
           hf_mask_account(&party->account, masked));
  }
  return true;
}

static bool read_transfer(struct hf_yaml *yaml, yaml_node_t *node, struct hf_transfer *transfer)
{
  static const char *const known[] = {"to", "from", "amount", "currency", "at", "serial", NULL};
  memset(transfer, 0, sizeof *transfer);
  if (!hf_yaml_only(yaml, node, known) || !read_party(yaml, node, "to", true, &transfer->payee) ||
      !read_party(yaml, node, "from", false, &transfer->payer) ||
      !copy_text(yaml, node, "serial", transfer->serial, sizeof transfer->serial))
    return false;
  yaml_node_t *amount = hf_yaml_get(yaml, node, "amount"), *at = hf_yaml_get(yaml, node, "at"),
              *currency = hf_yaml_get(yaml, node, "currency");
  transfer->amount = hf_yaml_text(amount) == NULL ? INT64_MIN : hf_amount_parse(hf_yaml_text(amount));
  if (transfer->amount <= 0 || transfer->amount > HF_AMOUNT_MAX)
    return hf_yaml_fail(yaml, hf_yaml_line(amount ? amount : node),
                        "amount: a positive amount with at most two decimals, as 50000.00");
  transfer->currency = hf_currency_of_code(currency == NULL ? "CNY" : hf_yaml_text(currency) ? hf_yaml_text(currency) : "");
  if (transfer->currency == HF_CURRENCY_UNKNOWN)
    return hf_yaml_fail(yaml, hf_yaml_line(currency), "currency: a code as CNY, USD, HKD");
  transfer->at_wall_ns = hf_yaml_text(at) == NULL ? INT64_MIN : hf_time_parse(hf_yaml_text(at));
  if (transfer->at_wall_ns == INT64_MIN)
    return hf_yaml_fail(yaml, hf_yaml_line(at ? at : node), "at: a time as 2026-11-24T09:12:00+08:00");
  return true;
}

static bool read_ids(struct hf_yaml *yaml, yaml_node_t *root, struct hf_report *report)
{
  uint8_t random[20];
  hf_cli_random(random, sizeof random);
  report->case_id.uuid = hf_uuid_v7(report->made_wall_ns, random);
  report->id.uuid = hf_uuid_v7(report->made_wall_ns, random + 10);
  const char *const keys[] = {"case_id", "report_id"};
  struct hf_uuid *to[] = {&report->case_id.uuid, &report->id.uuid};
  for (int i = 0; i < 2; i++) {
    yaml_node_t *node = hf_yaml_get(yaml, root, keys[i]);
    const char *text = hf_yaml_text(node);
    if (node == NULL) continue;
    if (text == NULL || !hf_is_ok(hf_uuid_parse(text, strlen(text), to[i])))
      return hf_yaml_fail(yaml, hf_yaml_line(node), "%s: a UUID in the form 8-4-4-4-12", keys[i]);
  }
  return hf_uuid_version(report->case_id.uuid) == 7 || hf_yaml_fail(yaml, hf_yaml_line(root), "case_id: a UUID of version 7");
}

/* chase: {hops, fan_out, hours, least, method, drafts}: how far the money may be followed without asking again. */
static bool read_chase(struct hf_yaml *yaml, yaml_node_t *node, struct hf_chase_bounds *to)
{
  static const char *const known[] = {"hops", "fan_out", "hours", "least", "method", "drafts", NULL};
  *to =
      (struct hf_chase_bounds){.hops = 5, .fan_out = 20, .window_s = 72 * 3600, .method = HF_CHASE_FIFO, .least_amount = 10000};
  if (!hf_yaml_only(yaml, node, known)) return false;
  uint32_t hours = to->window_s / 3600;
  const struct {
    const char *key;
    uint32_t *to;
    long least, most;
  } numbers[] = {{"hops", &to->hops, 0, HF_CHASE_HOPS_MAX},
                 {"fan_out", &to->fan_out, 1, HF_CHASE_FANOUT_MAX},
                 {"hours", &hours, 1, 24 * 90}};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    yaml_node_t *value = hf_yaml_get(yaml, node, numbers[i].key);
    const char *text = hf_yaml_text(value);
    char *end = NULL;
    if (value == NULL) continue;
    long number = text == NULL ? -1 : strtol(text, &end, 10);
    if (text == NULL || text[0] == '\0' || *end != '\0' || number < numbers[i].least || number > numbers[i].most)
      return hf_yaml_fail(yaml, hf_yaml_line(value), "chase.%s: a whole number from %ld to %ld", numbers[i].key,
                          numbers[i].least, numbers[i].most);
    *numbers[i].to = (uint32_t)number;
  }
  to->window_s = hours * 3600;
  yaml_node_t *least = hf_yaml_get(yaml, node, "least"), *method = hf_yaml_get(yaml, node, "method"),
              *drafts = hf_yaml_get(yaml, node, "drafts");
  if (least != NULL) to->least_amount = hf_yaml_text(least) == NULL ? INT64_MIN : hf_amount_parse(hf_yaml_text(least));
  if (to->least_amount < 0) return hf_yaml_fail(yaml, hf_yaml_line(least), "chase.least: an amount with at most two decimals");
  if (method != NULL) to->method = hf_yaml_text(method) == NULL ? 0 : hf_chase_method_of_code(hf_yaml_text(method));
  if (to->method == 0) return hf_yaml_fail(yaml, hf_yaml_line(method), "chase.method: fifo, pro_rata or lifo");
  to->drafts = drafts != NULL && hf_yaml_text(drafts) != NULL && strcmp(hf_yaml_text(drafts), "yes") == 0;
  return true;
}

static bool read_report(struct hf_yaml *yaml, struct hf_report *report)
{
  static const char *const known[] = {"case_id", "report_id", "case_number", "victim", "form", "transfers", "chase", NULL};
  yaml_node_t *root = hf_yaml_root(yaml), *transfers;
  report->made_wall_ns = hf_time_now().wall_ns;
  if (!hf_yaml_only(yaml, root, known) || !read_ids(yaml, root, report) ||
      !copy_text(yaml, root, "case_number", report->case_number, sizeof report->case_number) ||
      !copy_text(yaml, root, "form", report->form_reference, sizeof report->form_reference) ||
      !copy_name(yaml, root, "victim", &report->victim))
    return false;
  yaml_node_t *chase = hf_yaml_get(yaml, root, "chase");
  if (chase != NULL && !read_chase(yaml, chase, &report->chase)) return false;
  transfers = hf_yaml_get(yaml, root, "transfers");
  yaml_node_t *item;
  for (size_t i = 0; (item = hf_yaml_item(yaml, transfers, i)) != NULL; i++) {
    if (i == HF_TARGETS_MAX)
      return hf_yaml_fail(yaml, hf_yaml_line(item), "transfers: at most %d in one report", HF_TARGETS_MAX);
    if (!read_transfer(yaml, item, &report->transfers[i])) return false;
    report->transfers_count++;
  }
  return report->transfers_count > 0 || hf_yaml_fail(yaml, hf_yaml_line(root), "transfers: a list with at least one transfer");
}

int hf_command_report_submit(struct hf_cli *cli)
{
  struct hf_yaml yaml;
  struct hf_report *report = calloc(1, sizeof *report);
  uint8_t *payload = malloc(HF_RECORD_SIZE_MAX);
  int code = HF_EXIT_FAILED;
  if (report == NULL || payload == NULL) abort();
  routing = hf_cli_routing(cli);
  stated_is_right = cli->confirm != NULL && strcmp(cli->confirm, "institution") == 0;
  bool ok = hf_yaml_open(&yaml, cli->arguments[0]) && read_report(&yaml, report);
  if (!ok) hf_say("%s", yaml.error);
  hf_yaml_close(&yaml);
  hf_routing_free(routing);
  if (ok) {
    char case_id[HF_UUID_TEXT_SIZE];
    struct hf_produced at;
    size_t size = hf_report_encode(report, payload, HF_RECORD_SIZE_MAX);
    hf_uuid_text(report->case_id.uuid, case_id);
    code = hf_cli_submit(cli, HF_PAYLOAD_REPORT, (struct hf_span){payload, size}, case_id, -1, &at);
    if (code == HF_EXIT_OK) code = hf_cli_wait_recorded(cli, &at, 1);
    if (code == HF_EXIT_OK)
      puts(case_id);
    else if (code == HF_EXIT_TIMEOUT)
      hf_say(_("Kafka has the report of case %s, the engine has not recorded it yet"), case_id);
  }
  free(payload);
  free(report);
  return code;
}
