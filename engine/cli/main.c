/* holdfast: the command line for officers, auditors, integrators and operators. */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/cli/cli.h"
#include "engine/daemon/yaml.h"

struct command {
  const char *words; /* "report submit" */
  const char *arguments;
  int least, most;
  int (*run)(struct hf_cli *cli);
  const char *help, *example;
};

/* clang-format off */
static const struct command commands[] = {
  {"keygen", "PREFIX [ALGORITHM]", 1, 2, hf_command_keygen, N_("make a key pair: PREFIX.key.pem, PREFIX.pub.pem"), "holdfast keygen wang ed25519"},
  {"report submit", "FILE|-", 1, 1, hf_command_report_submit, N_("sign a report, send it, wait for its case"), "holdfast report submit case.yaml"},
  {"case show", "CASE", 1, 1, hf_command_case_show, N_("per account: what was sent, who has answered, how long it took"), "holdfast case show 0193…"},
  {"case watch", "CASE", 1, 1, hf_command_case_watch, N_("the same, live, until every order has ended"), "holdfast case watch 0193…"},
  {"case tree", "CASE", 1, 1, hf_command_case_tree, N_("where the money went: every hop, amount, hold, expiry and who"), "holdfast case tree 0193…"},
  {"case pending", "", 0, 0, hf_command_case_pending, N_("what waits for a second officer"), "holdfast case pending"},
  {"task list", "[CASE]", 0, 1, hf_command_task_list, N_("what a person has to do"), "holdfast task list"},
  {"approve", "SUBMISSION", 1, 1, hf_command_second, N_("sign the same bytes as the second officer"), "holdfast approve 0193…"},
  {"countersign", "REPORT", 1, 1, hf_command_second, N_("countersign a stop"), "holdfast countersign 0193…"},
  {"reject", "SUBMISSION", 1, 1, hf_command_about_submission, N_("reject what waits for a second officer"), "holdfast reject 0193… --reason 'wrong account'"},
  {"review", "SUBMISSION", 1, 1, hf_command_about_submission, N_("a leader has reviewed a break-glass act or a missed countersignature"), "holdfast review 0193…"},
  {"stop", "CASE ORDER…", 2, 201, hf_command_act, N_("stop again, after the first stop's end"), "holdfast stop 0193… ORDER"},
  {"extend", "CASE ORDER…", 2, 201, hf_command_act, N_("extend stops by 48 hours, while they are in force"), "holdfast extend 0193… ORDER"},
  {"freeze", "CASE ORDER…", 2, 201, hf_command_act, N_("freeze until a day: two officers, with a document"), "holdfast freeze 0193… ORDER --until 2027-05-01T00:00:00+08:00 --document 02,X-1,city-bureau,notice.pdf --confirm=1"},
  {"renew", "CASE ORDER…", 2, 201, hf_command_act, N_("renew freezes before they lapse"), "holdfast renew 0193… ORDER --until 2027-11-01T00:00:00+08:00 --document 02,X-2,city-bureau,notice.pdf --confirm=1"},
  {"lift", "CASE ORDER…", 2, 201, hf_command_act, N_("lift holds; --cascade: and the descendants held for the same transfers"), "holdfast lift 0193… ORDER --cascade --confirm=1"},
  {"return", "CASE ORDER", 2, 2, hf_command_act, N_("return frozen money"), "holdfast return 0193… ORDER --amount 500.00 --to BANKA,622202…,王芳 --document 05,X-3,city-bureau,decision.pdf --confirm=1"},
  {"confirm", "CASE ORDER…", 2, 201, hf_command_act, N_("confirm drafts: they become orders"), "holdfast confirm 0193… ORDER"},
  {"drop", "CASE ORDER…", 2, 201, hf_command_act, N_("drop drafts"), "holdfast drop 0193… ORDER"},
  {"cancel", "CASE ORDER…", 2, 201, hf_command_act, N_("call back orders that have not left"), "holdfast cancel 0193… ORDER"},
  {"fix", "CASE ORDER", 2, 2, hf_command_act, N_("send a corrected order for one that was refused"), "holdfast fix 0193… ORDER --name 张三"},
  {"resolve", "CASE ORDER…", 2, 201, hf_command_act, N_("say what a telephone call found out about an unknown order"), "holdfast resolve 0193… ORDER --mode effective --reason 'Ms Li, 14:05'"},
  {"query", "CASE ORDER…", 2, 201, hf_command_act, N_("ask about the orders' accounts"), "holdfast query 0193… ORDER --mode holder"},
  {"monitor", "CASE ORDER…", 2, 201, hf_command_act, N_("have each movement reported until a time"), "holdfast monitor 0193… ORDER --until 2026-12-01T00:00:00+08:00"},
  {"unmonitor", "CASE ORDER…", 2, 201, hf_command_act, N_("end live monitors"), "holdfast unmonitor 0193… ORDER"},
  {"paper", "CASE ORDER…", 2, 201, hf_command_act, N_("supplement the document of an act that came first"), "holdfast paper 0193… ORDER --document 04,X-4,city-bureau,form.pdf"},
  {"suspect", "CASE", 1, 1, hf_command_act, N_("tell an institution of a suspect account"), "holdfast suspect 0193… --to BANKB,622202…"},
  {"block", "CASE", 1, 1, hf_command_act, N_("ask a carrier to block a number"), "holdfast block 0193… --to TELCO,13800000000 --confirm=1"},
  {"reconcile", "CASE ORDER…", 2, 201, hf_command_act, N_("compare our holds with the institutions' lists"), "holdfast reconcile 0193… ORDER"},
  {"link", "CASE OTHER", 2, 2, hf_command_act, N_("link two cases that are about the same account or transfer"), "holdfast link 0193… 0193…"},
  {"close", "CASE", 1, 1, hf_command_act, N_("close a confirmed case: its held accounts go onto the suspect list"), "holdfast close 0193…"},
  {"policy show", "", 0, 0, hf_command_policy_show, N_("the policy in force"), "holdfast policy show"},
  {"key list", "", 0, 0, hf_command_key_list, N_("the keys of the registry"), "holdfast key list"},
  {"order show", "ORDER", 1, 1, hf_command_order_show, N_("one order: all stamps, all attempts"), "holdfast order show 0193…"},
  {"institution list", "", 0, 0, hf_command_institution_list, N_("the institutions of the registry"), "holdfast institution list --json"},
  {"institution contacts", "[INSTITUTION]", 0, 1, hf_command_institution_contacts, N_("whom an institution has named to be called, who of them is on duty, and who is to be called now because it is silent"), "holdfast institution contacts BANKA"},
  {"institution pause", "INSTITUTION", 1, 1, hf_command_institution_pause, N_("its orders wait in their lane --until a time, --from a time where that was announced; signed by an administrator"), "holdfast institution pause BANKA --until 2026-11-24T06:00:00+08:00"},
  {"institution resume", "INSTITUTION", 1, 1, hf_command_institution_resume, N_("end a pause"), "holdfast institution resume BANKA"},
  {"institution test", "INSTITUTION", 1, 1, hf_command_institution_test, N_("its endpoint from here, without an order: connection, TLS, latency, clock; and its lane in the engine"), "holdfast institution test BANKA"},
  {"route", "ACCOUNT [BANK]", 1, 2, hf_command_route, N_("which institution an account belongs to, and what decided"), "holdfast route 6228480000001235 102100000013"},
  {"routing check", "[DIR]", 0, 1, hf_command_routing_check, N_("name each bad line of the routing tables"), "holdfast routing check schemas/routing"},
  {"sla show", "", 0, 0, hf_command_sla_show, N_("the SLA policies that were signed, a line for each entry"), "holdfast sla show"},
  {"sla verdicts", "[MONTH]", 0, 1, hf_command_sla_verdicts, N_("receipts and feedbacks per institution and action by the policy in force: in time, late, missing"), "holdfast sla verdicts 2026-12"},
  {"sla", "[MONTH]", 0, 1, hf_command_sla, N_("percentiles per institution, from stored stamps"), "holdfast sla 2026-11"},
  {"scorecard", "[MONTH]", 0, 1, hf_command_scorecard, N_("per institution and action: on time with its 95 % interval, percentiles, what went wrong"), "holdfast scorecard 2026-11"},
  {"timing", "institution|action|hop|hour [MONTH]", 1, 2, hf_command_timing, N_("percentiles of each part of an order's way; says where there are too few"), "holdfast timing hop 2026-11"},
  {"hold ageing", "", 0, 0, hf_command_hold_ageing, N_("holds in force by institution: how old, how soon they end, which lifts are not confirmed"), "holdfast hold ageing"},
  {"quarantine list", "", 0, 0, hf_command_quarantine_list, N_("submissions that were not acted on"), "holdfast quarantine list"},
  {"quarantine show", "SHARD OFFSET", 2, 2, hf_command_quarantine_show, N_("one of them, with its bytes"), "holdfast quarantine show 2 117"},
  {"policy sign", "FILE", 1, 1, hf_command_registry_apply, N_("sign and apply a policy"), "holdfast policy sign policy.yaml"},
  {"key add", "FILE", 1, 1, hf_command_registry_apply, N_("add, rotate or revoke keys: rows of a registry file"), "holdfast key add keys.yaml"},
  {"registry apply", "FILE", 1, 1, hf_command_registry_apply, N_("set institutions, keys and policy, signed by a root administrator"), "holdfast registry apply registry.yaml"},
  {"evidence", "ORDER|MONTH FILE.tar", 2, 2, hf_command_evidence, N_("an order, or all of a month, with facts, proofs, keys, policies and a verifier: what stands by itself"), "holdfast evidence 2026-11 evidence.tar"},
  {"access list", "[MONTH]", 0, 1, hf_command_access_list, N_("who had what shown in full, took it away or destroyed keys, and why"), "holdfast access list 2026-12"},
  {"registry approve", "PROPOSAL", 1, 1, hf_command_registry_approve, N_("see what another administrator proposes (--propose of apply, policy sign, key add, institution pause and resume), sign it and apply it"), "holdfast registry approve change.signed"},
  {"registry list", "", 0, 0, hf_command_registry_list, N_("each change of the registry, by whom"), "holdfast registry list"},
  {"audit check", "", 0, 0, hf_command_audit_check, N_("check every row, leaf and checkpoint; name the first that is not right"), "holdfast audit check --key holdfast+…"},
  {"audit checkpoint", "", 0, 0, hf_command_audit_checkpoint, N_("the newest signed checkpoint of each shard"), "holdfast audit checkpoint"},
  {"audit prove", "ORDER", 1, 1, hf_command_audit_prove, N_("an order's facts with proof that they are in the record, as a bundle"), "holdfast audit prove 0193… > order.json"},
  {"audit export", "SHARD", 1, 1, hf_command_audit_export, N_("all facts of a shard up to its newest checkpoint, as a bundle"), "holdfast audit export 0 > shard.json"},
  {"audit verify", "BUNDLE", 1, 1, hf_command_audit_verify, N_("verify a bundle: needs no network and no database"), "holdfast audit verify order.json --key holdfast+…"},
  {"audit consistency", "OLD NEW", 2, 2, hf_command_audit_consistency, N_("prove that a newer checkpoint only adds to an older one: two files"), "holdfast audit consistency old.note new.note"},
  {"audit witness", "", 0, 0, hf_command_audit_witness, N_("bring the newest checkpoints to the witness, who cosigns what only adds"), "holdfast audit witness"},
  {"audit replay", "", 0, 0, hf_command_audit_replay, N_("make every table again from the facts, and compare"), "holdfast audit replay"},
  {"audit key", "FILE", 1, 1, hf_command_audit_key, N_("write a public key as checkpoints name it; --name: audit.origin, holdfast unless told; --mode witness: of one that cosigns"), "holdfast audit key audit.pub.pem"},
  {"facts tail", "[CASE]", 0, 1, hf_command_facts_tail, N_("facts as the engine publishes them, a line each, until none came for --timeout seconds; --mode all: from the first; says what is missing"), "holdfast facts tail --mode all"},
  {"personal new", "FILE", 1, 1, hf_command_personal_new, N_("make the file of keys that account numbers and names are sealed with"), "holdfast personal new personal.keys"},
  {"personal rotate", "FILE", 1, 1, hf_command_personal_rotate, N_("put a fresh wrapping key before those of the file"), "holdfast personal rotate personal.keys"},
  {"personal rewrap", "", 0, 0, hf_command_personal_rewrap, N_("wrap all data keys of cases by the newest wrapping key, while engines run"), "holdfast personal rewrap"},
  {"personal destroy", "CASE", 1, 1, hf_command_personal_destroy, N_("destroy the data keys of a closed case: nobody reads its numbers and names any more"), "holdfast personal destroy 0193… --reason 'term over' --confirm=01930000"},
  {"export", "orders|scorecard|meeting MONTH FILE", 3, 3, hf_command_export, N_("a month as CSV or JSON lines, score-cards and the joint meeting's page as PDF or HTML, masked; the same rows give the same bytes; it is written down with its SHA-256"), "holdfast export orders 2026-11 orders.csv"},
  {"alerts tail", "", 0, 0, hf_command_alerts_tail, N_("what people are told: warnings, breaches, tasks, alarms, a line each, until none came for --timeout seconds; --mode all: from the first"), "holdfast alerts tail --mode all"},
  {"day list", "", 0, 0, hf_command_day_list, N_("the days of facts: how large, and which were put aside"), "holdfast day list"},
  {"day aside", "DAY", 1, 1, hf_command_day_move, N_("put a day of facts that nothing open needs aside, into the schema archive"), "holdfast day aside 2026-05-01"},
  {"day back", "DAY", 1, 1, hf_command_day_move, N_("bring it back among the others"), "holdfast day back 2026-05-01"},
  {"migrate", "", 0, 0, hf_command_migrate, N_("bring PostgreSQL's schema to this version"), "holdfast migrate"},
  {"doctor", "", 0, 0, hf_command_doctor, N_("check Kafka, PostgreSQL, keys, clock and the engine, and say what to do"), "holdfast doctor"},
};
/* clang-format on */

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

static int usage(FILE *out, int code)
{
  fprintf(out, "%s\n\n",
          _("usage: holdfast [--config FILE] [--json] [--reveal --reason TEXT] [--timeout SECONDS] COMMAND …\n"
            "  of commands: [--dry-run] [--confirm=COUNT] [--reason TEXT] [--mode MODE] [--amount AMOUNT] [--from TIME] "
            "[--until TIME]\n"
            "               [--document TYPE,NUMBER,ISSUER,FILE] [--to INSTITUTION,NUMBER,NAME] [--name NAME] [--cascade] "
            "[--break-glass]\n"
            "  of the registry: [--propose FILE]\n"
            "  of audit: [--key KEY,…]"));
  for (size_t i = 0; i < COMMANDS_COUNT; i++)
    fprintf(out, "  %-18s %-22s %s\n", commands[i].words, commands[i].arguments, _(commands[i].help));
  fprintf(out, "\n%s\n", _("examples:"));
  for (size_t i = 0; i < COMMANDS_COUNT; i++) fprintf(out, "  %s\n", commands[i].example);
  fprintf(out, "\n%s\n",
          _("configuration: --config, else $HOLDFAST_CONFIG: a YAML file with brokers, reports, conninfo, key, http, routing,\n"
            "               checkpoints (a folder where seen ones are kept), audit_key (who must have signed them),\n"
            "               witness (HOST:PORT), witness_key, personal_keys (the file that --reveal needs),\n"
            "               tls_certificate, tls_key, tls_ca (institution test)\n"
            "exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused, 4 sent but outcome unknown, 5 time is up,\n"
            "            6 Kafka or PostgreSQL cannot be reached, 7 the key cannot be used"));
  return code;
}

/* Words for the shell, from the same table: holdfast --completion bash. */
static int completion(const char *shell)
{
  bool bash = strcmp(shell, "bash") == 0;
  if (!bash && strcmp(shell, "zsh") != 0) return usage(stderr, HF_EXIT_USAGE);
  printf("%s_holdfast() {\n  local words=\"", bash ? "" : "autoload -U +X bashcompinit && bashcompinit\n");
  for (size_t i = 0; i < COMMANDS_COUNT; i++) printf("%s%s", i > 0 ? " " : "", commands[i].words);
  puts(
      " --config --json --reveal --reason --timeout --help --dry-run --confirm= --mode --amount --from --until --document --to "
      "--propose "
      "--name "
      "--key "
      "--cascade --break-glass\"\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _holdfast holdfast");
  return HF_EXIT_OK;
}

static bool read_config(struct hf_cli *cli, const char *file)
{
  static const char *const keys[] = {"brokers",       "reports",         "conninfo", "key",         "http",  "routing",
                                     "checkpoints",   "audit_key",       "witness",  "witness_key", "facts", "alerts",
                                     "personal_keys", "tls_certificate", "tls_key",  "tls_ca",      NULL};
  struct hf_yaml yaml;
  char *to[] = {cli->brokers,       cli->reports,         cli->conninfo, cli->key,         cli->http,  cli->routing,
                cli->checkpoints,   cli->audit_key,       cli->witness,  cli->witness_key, cli->facts, cli->alerts,
                cli->personal_keys, cli->tls_certificate, cli->tls_key,  cli->tls_ca};
  size_t sizes[] = {sizeof cli->brokers,       sizeof cli->reports,         sizeof cli->conninfo,    sizeof cli->key,
                    sizeof cli->http,          sizeof cli->routing,         sizeof cli->checkpoints, sizeof cli->audit_key,
                    sizeof cli->witness,       sizeof cli->witness_key,     sizeof cli->facts,       sizeof cli->alerts,
                    sizeof cli->personal_keys, sizeof cli->tls_certificate, sizeof cli->tls_key,     sizeof cli->tls_ca};
  strcpy(cli->reports, "holdfast.reports");
  strcpy(cli->facts, "holdfast.facts");
  strcpy(cli->alerts, "holdfast.alerts");
  strcpy(cli->http, "127.0.0.1:9464");
  if (file == NULL) return true;
  bool ok = hf_yaml_open(&yaml, file) && hf_yaml_only(&yaml, hf_yaml_root(&yaml), keys);
  for (int i = 0; ok && keys[i] != NULL; i++) {
    yaml_node_t *node = hf_yaml_get(&yaml, hf_yaml_root(&yaml), keys[i]);
    const char *text = hf_yaml_text(node);
    if (node == NULL) continue;
    if (text == NULL || strlen(text) >= sizes[i])
      ok = hf_yaml_fail(&yaml, hf_yaml_line(node), "%s: text of at most %zu bytes", keys[i], sizes[i] - 1);
    else
      strcpy(to[i], text);
  }
  if (!ok) hf_say("%s", yaml.error);
  hf_yaml_close(&yaml);
  return ok;
}

/* The command whose words stand first; the arguments follow them. */
static const struct command *find_command(int count, char **words, int *used)
{
  for (size_t i = 0; i < COMMANDS_COUNT; i++) {
    char both[64] = "";
    bool two = strchr(commands[i].words, ' ') != NULL;
    if (count < (two ? 2 : 1)) continue;
    snprintf(both, sizeof both, "%s%s%s", words[0], two ? " " : "", two ? words[1] : "");
    *used = two ? 2 : 1;
    if (strcmp(both, commands[i].words) == 0) return &commands[i];
  }
  return NULL;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {{"config", 1, NULL, 'c'},      {"json", 0, NULL, 'j'},
                                          {"reveal", 0, NULL, 'r'},      {"reason", 1, NULL, 'w'},
                                          {"timeout", 1, NULL, 't'},     {"help", 0, NULL, 'h'},
                                          {"completion", 1, NULL, 'x'},  {"version", 0, NULL, 'v'},
                                          {"mode", 1, NULL, 'm'},        {"amount", 1, NULL, 'a'},
                                          {"until", 1, NULL, 'u'},       {"from", 1, NULL, 'f'},
                                          {"document", 1, NULL, 'd'},    {"to", 1, NULL, 'T'},
                                          {"name", 1, NULL, 'n'},        {"key", 1, NULL, 'k'},
                                          {"confirm", 1, NULL, 'C'},     {"cascade", 0, NULL, 'D'},
                                          {"break-glass", 0, NULL, 'B'}, {"dry-run", 0, NULL, 'N'},
                                          {"propose", 1, NULL, 'P'},     {0}};
  struct hf_cli cli = {.timeout_s = 30};
  const char *file = getenv("HOLDFAST_CONFIG");
  int option, used = 0;
  setlocale(LC_ALL, "");
  bindtextdomain("holdfast", getenv("HOLDFAST_LOCALE_DIR") ? getenv("HOLDFAST_LOCALE_DIR") : HF_LOCALE_DIR);
  bind_textdomain_codeset("holdfast", "UTF-8");
  textdomain("holdfast");
  hf_log_level_set(HF_LOG_ALARM);
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case 'c': file = optarg; break;
    case 'j': cli.json = true; break;
    case 'r': cli.reveal = true; break;
    case 'w': cli.reason = optarg; break;
    case 't': cli.timeout_s = atoi(optarg); break;
    case 'm': cli.mode = optarg; break;
    case 'a': cli.amount = optarg; break;
    case 'u': cli.until = optarg; break;
    case 'f': cli.from = optarg; break;
    case 'd': cli.document = optarg; break;
    case 'T': cli.to = optarg; break;
    case 'n': cli.name = optarg; break;
    case 'k': cli.note_key = optarg; break;
    case 'C': cli.confirm = optarg; break;
    case 'D': cli.cascade = true; break;
    case 'B': cli.break_glass = true; break;
    case 'N': cli.dry_run = true; break;
    case 'P': cli.propose = optarg; break;
    case 'x': return completion(optarg);
    case 'v': return puts("holdfast " HF_VERSION) < 0;
    case 'h': return usage(stdout, HF_EXIT_OK);
    default: return usage(stderr, HF_EXIT_USAGE);
    }
  }
  const struct command *command = find_command(argc - optind, argv + optind, &used);
  if (command == NULL) return usage(stderr, HF_EXIT_USAGE);
  cli.verb = command->words;
  cli.arguments = argv + optind + used;
  cli.arguments_count = argc - optind - used;
  if (cli.arguments_count < command->least || cli.arguments_count > command->most || cli.timeout_s <= 0) {
    hf_say(_("expected: holdfast %s %s"), command->words, command->arguments);
    return HF_EXIT_USAGE;
  }
  return read_config(&cli, file) ? command->run(&cli) : HF_EXIT_USAGE;
}
