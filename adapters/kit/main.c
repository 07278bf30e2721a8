/* holdfast-kit: runs the cases against an endpoint, tells each as it ends, and writes a report. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/kit/report.h"
#include "engine/base/assert.h"
#include "engine/trust/keyfile.h"

#define CASES_MAX 128

static struct kit kit;
static struct kit_finding findings[CASES_MAX];
static bool only[1000];

static int usage(FILE *out)
{
  fputs(
      "usage: holdfast-kit --endpoint https://HOST:PORT --code CODE --dialect DIALECT --cert PEM --key PEM --ca PEM\n"
      "                    --sign PEM --accounts FILE [--answer-key PEM]… [--next-sign PEM] [--clock URL]\n"
      "                    [--report DIR] [--only N,…]\n"
      "       holdfast-kit --list\n"
      "  --cert, --key  the centre's client certificate, as the endpoint knows it\n"
      "  --ca           who signed the endpoint's certificate\n"
      "  --sign         the centre's private key: its public half is registered at the endpoint\n"
      "  --next-sign    the private key that follows it, registered there too: rotation\n"
      "  --accounts     lines of KIND NUMBER NAME; kinds: plain (at least 85), unknown, short (holds less than 1.00), held "
      "(by\n"
      "                 another organ), late (a receipt first, feedback later)\n"
      "  --answer-key   the institution's public keys, where its answers are signed\n"
      "  --clock        GET URL?ahead_s=N puts the endpoint's clock N seconds forward: repeats after 49 hours and 200 days\n"
      "  --report       report.html, report.json with report.json.sig, report.xml (JUnit)\n"
      "exit: 0 all passed, 1 some failed, 2 wrong command line\n",
      out);
  return out == stdout ? 0 : 2;
}

static bool complain(const char *what, const char *why)
{
  fprintf(stderr, "holdfast-kit: %s: %s\n", what, why);
  return false;
}

static bool read_accounts(const char *file)
{
  static const char *const kinds[KIT_KINDS] = {"plain", "unknown", "short", "held", "late"};
  char line[512], kind[16];
  FILE *in = fopen(file, "re");
  if (in == NULL) return complain(file, "cannot be read");
  for (int number = 1; fgets(line, sizeof line, in) != NULL; number++) {
    struct kit_account *account = &kit.accounts[kit.accounts_count];
    if (line[0] == '#' || line[0] == '\n') continue;
    int k = 0;
    bool read =
        kit.accounts_count < KIT_ACCOUNTS_MAX && sscanf(line, "%15s %50s %120[^\n]", kind, account->number, account->name) == 3;
    while (read && k < KIT_KINDS && strcmp(kinds[k], kind) != 0) k++;
    if (!read || k == KIT_KINDS) {
      fprintf(stderr, "holdfast-kit: %s:%d: not KIND NUMBER NAME, or over %d lines\n", file, number, KIT_ACCOUNTS_MAX);
      fclose(in);
      return false;
    }
    account->kind = (enum kit_account_kind)k;
    kit.accounts_count++;
  }
  fclose(in);
  return true;
}

static bool load_private(const char *file, struct hf_trust_key *key)
{
  EVP_PKEY_free(key->key);
  key->key = hf_key_load_private(file);
  key->algorithm = key->key == NULL ? HF_ALGORITHM_UNSET : hf_key_algorithm(key->key);
  if (key->algorithm == HF_ALGORITHM_UNSET || !hf_key_id_of(key->key, key->id)) return complain(file, "no private key in PEM");
  return true;
}

static bool add_answer_key(const char *file)
{
  struct hf_key row = {.role = HF_ROLE_INSTITUTION};
  if (kit.answers_count == 4) return complain(file, "at most 4 answer keys");
  struct hf_trust_key *key = &kit.answers[kit.answers_count];
  struct hf_status status = hf_keyfile_read_public(file, &row);
  if (!hf_is_ok(status)) return complain(file, status.why);
  key->algorithm = row.algorithm;
  key->key = hf_key_load_public(row.algorithm, row.public_key, row.public_key_size);
  memcpy(key->id, row.id, sizeof key->id);
  kit.answers_count++;
  return key->key != NULL || complain(file, "no public key");
}

static bool read_only(const char *text)
{
  for (char *end; *text != '\0'; text = end + (*end == ',')) {
    long number = strtol(text, &end, 10);
    if (end == text || (*end != ',' && *end != '\0') || number < 1 || number > 999)
      return complain("--only", "numbers of cases");
    only[number] = only[0] = true;
  }
  return true;
}

static const struct kit_case *const all[] = {kit_line_cases, kit_order_cases, kit_message_cases};

static int list(void)
{
  for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
    for (const struct kit_case *at = all[k]; at->number != 0; at++)
      printf("%3d  %s%s%s\n", at->number, at->name, at->signed_answers ? " (where answers are signed)" : "",
             at->needs == KIT_NEEDS_CLOCK      ? " (with --clock)"
             : at->needs == KIT_NEEDS_NEXT_KEY ? " (with --next-sign)"
                                               : "");
  return 0;
}

static void run_case(const struct kit_case *at, struct kit_finding *finding)
{
  static const char *const words[] = {"ok", "FAILED", "left out"};
  struct hf_time began = hf_time_now();
  *finding = (struct kit_finding){.about = at, .outcome = KIT_LEFT_OUT};
  kit.number = at->number;
  kit.why[0] = '\0';
  if (at->signed_answers && kit.dialect->prove == NULL)
    snprintf(finding->why, sizeof finding->why, "the dialect has no signed answers");
  else if (at->needs == KIT_NEEDS_CLOCK && kit.clock_url == NULL)
    snprintf(finding->why, sizeof finding->why, "no --clock");
  else if (at->needs == KIT_NEEDS_NEXT_KEY && kit.next.key == NULL)
    snprintf(finding->why, sizeof finding->why, "no --next-sign");
  else {
    finding->outcome = at->run(&kit) ? KIT_PASSED : KIT_FAILED;
    if (finding->outcome == KIT_FAILED) snprintf(finding->why, sizeof finding->why, "%s", kit.why);
  }
  finding->seconds = (double)(hf_time_now().mono_ns - began.mono_ns) / HF_NS_PER_S;
  printf("%-8s %3d  %s%s%s\n", words[finding->outcome], at->number, at->name, finding->why[0] != '\0' ? ": " : "",
         finding->why);
  fflush(stdout);
}

/* Where the first case fails the others cannot be run: there is nobody to answer. */
static int run_all(void)
{
  int count = 0;
  for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
    for (const struct kit_case *at = all[k]; at->number != 0; at++) {
      if (only[0] && !only[at->number]) continue;
      HF_ASSERT(count < CASES_MAX);
      run_case(at, &findings[count++]);
      if (at->number == 1 && findings[0].outcome == KIT_FAILED) return count;
    }
  return count;
}

static bool is_complete(void)
{
  const struct {
    const char *name;
    bool there;
  } needed[] = {
      {"--endpoint", kit.row.endpoint[0] != '\0'}, {"--code", kit.row.code[0] != '\0'},   {"--dialect", kit.dialect != NULL},
      {"--cert", kit.certificate != NULL},         {"--key", kit.key_file != NULL},       {"--ca", kit.ca != NULL},
      {"--sign", kit.signing.key != NULL},         {"--accounts", kit.accounts_count > 0}};
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (!needed[i].there) return complain(needed[i].name, "is missing");
  if (strncmp(kit.row.endpoint, "https://", 8) != 0 || strcmp(kit.dialect->content_type, "application/json") != 0)
    return complain("--dialect", "the kit speaks holdfast_json and wallet_json over https");
  return kit.dialect->prove == NULL || kit.answers_count > 0 || complain("--answer-key", "this dialect's answers are signed");
}

static bool set_text(char *to, size_t size, const char *text, const char *name)
{
  if (strlen(text) >= size) return complain(name, "too long");
  strcpy(to, text);
  return true;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {
      {"endpoint", 1, NULL, 'e'},   {"code", 1, NULL, 'c'},  {"dialect", 1, NULL, 'd'},   {"cert", 1, NULL, 'C'},
      {"key", 1, NULL, 'K'},        {"ca", 1, NULL, 'a'},    {"sign", 1, NULL, 's'},      {"accounts", 1, NULL, 'A'},
      {"answer-key", 1, NULL, 'k'}, {"clock", 1, NULL, 'o'}, {"next-sign", 1, NULL, 'N'}, {"report", 1, NULL, 'r'},
      {"only", 1, NULL, 'n'},       {"list", 0, NULL, 'l'},  {"help", 0, NULL, 'h'},      {0}};
  const char *report = NULL;
  bool ok = true;
  int option, failed = 0;
  while (ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case 'e': ok = set_text(kit.row.endpoint, sizeof kit.row.endpoint, optarg, "--endpoint"); break;
    case 'c': ok = set_text(kit.row.code, sizeof kit.row.code, optarg, "--code"); break;
    case 'd':
      kit.dialect = hf_dialect_named(optarg);
      ok = kit.dialect != NULL || complain(optarg, "no such dialect");
      if (ok) strcpy(kit.row.dialect, kit.dialect->name);
      break;
    case 'C': kit.certificate = optarg; break;
    case 'K': kit.key_file = optarg; break;
    case 'a': kit.ca = optarg; break;
    case 's': ok = load_private(optarg, &kit.signing); break;
    case 'N': ok = load_private(optarg, &kit.next); break;
    case 'A': ok = read_accounts(optarg); break;
    case 'k': ok = add_answer_key(optarg); break;
    case 'o': kit.clock_url = optarg; break;
    case 'r': report = optarg; break;
    case 'n': ok = read_only(optarg); break;
    case 'l': return list();
    case 'h': return usage(stdout);
    default: return usage(stderr);
    }
  }
  if (!ok || !is_complete() || optind != argc) return usage(stderr);
  kit.other.algorithm = kit.signing.algorithm;
  kit.other.key = hf_key_generate(kit.signing.algorithm);
  HF_ASSERT(kit.other.key != NULL && hf_key_id_of(kit.other.key, kit.other.id));
  kit_link_open(&kit);
  int count = run_all();
  for (int i = 0; i < count; i++) failed += findings[i].outcome == KIT_FAILED;
  printf("%d cases, %d failed\n", count, failed);
  ok = report == NULL || kit_report(&kit, report, findings, count);
  kit_link_close(&kit);
  return ok && failed == 0 ? 0 : 1;
}
