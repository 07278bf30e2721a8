#include "engine/daemon/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/daemon/yaml.h"

enum kind { TEXT, NUMBER, YESNO, CHOICE };

/* One row, one key: what parses it is what documents it. */
struct row {
  const char *section, *key;
  enum kind kind;
  size_t offset;
  const char *fallback; /* NULL: must be given */
  int64_t least, most;
  const char *choices; /* CHOICE: "a b c" */
  const char *text;
};

#define AT(field) offsetof(struct hf_config, field)

/* clang-format off */
static const struct row rows[] = {
  {"kafka", "brokers", TEXT, AT(kafka_brokers), NULL, 0, 0, NULL, "host:port, comma-separated"},
  {"kafka", "reports", TEXT, AT(kafka_reports), "holdfast.reports", 0, 0, NULL, "topic of signed submissions; its number of partitions is fixed for good"},
  {"kafka", "facts", TEXT, AT(kafka_facts), "holdfast.facts", 0, 0, NULL, "topic that facts are published on after their commit"},
  {"kafka", "alerts", TEXT, AT(kafka_alerts), "holdfast.alerts", 0, 0, NULL, "topic that people are told on: warnings, breaches, tasks, alarms; as many partitions as the reports have"},
  {"kafka", "answers", TEXT, AT(kafka_answers), "holdfast.answers", 0, 0, NULL, "topic that institutions answer on, by themselves or through the gate; as many partitions as the reports have"},
  {"kafka", "group", TEXT, AT(kafka_group), "holdfast", 0, 0, NULL, "consumer group; all engines of a centre share it"},
  {"kafka", "fetch_wait_ms", NUMBER, AT(kafka_fetch_wait_ms), "100", 1, 500, NULL, "100 with a real broker; 1–5 with the embedded one, whose long poll does not wake"},
  {"kafka", "session_ms", NUMBER, AT(kafka_session_ms), "6000", 1000, 300000, NULL, "after this long without a sign of life another engine takes over"},
  {"postgres", "conninfo", TEXT, AT(postgres_conninfo), NULL, 0, 0, NULL, "libpq connection string; no password in it: use a password file or a certificate"},
  {"postgres", "pace_us", NUMBER, AT(postgres_pace_us), "2500", 0, 100000, NULL, "a transaction gathers facts at least this long after the one before"},
  {"engine", "instance", TEXT, AT(engine_instance), NULL, 0, 0, NULL, "this process's name in the group, kept over restarts"},
  {"engine", "signing_key", TEXT, AT(engine_signing_key), NULL, 0, 0, NULL, "PEM file of the centre's private key, which signs orders"},
  {"engine", "root_keys", TEXT, AT(engine_root_keys), NULL, 0, 0, NULL, "PEM files of the public keys that may change the registry, comma-separated; at most 8; of two or more, two sign each change"},
  {"engine", "mac_keys", TEXT, AT(engine_mac_keys), "none", 0, 0, NULL, "folder of files CODE.mac, one for each institution that authenticates by MAC: 32 hexadecimal digits; on a second line those that are accepted too. none: there is none such"},
  {"engine", "workers", NUMBER, AT(engine_workers), "1", 0, 4, NULL, "threads that check and make signatures beside the loop; 0: the loop alone"},
  {"engine", "verify", YESNO, AT(engine_verify), "yes", 0, 1, NULL, "no: signatures of submissions are not checked. For the benchmark only"},
  {"engine", "sign", YESNO, AT(engine_sign), "yes", 0, 1, NULL, "no: orders are not signed. For the benchmark only"},
  {"engine", "queries", YESNO, AT(engine_queries), "yes", 0, 1, NULL, "no: stops only. For the benchmark only"},
  {"core", "cases", NUMBER, AT(core_cases), "16384", 16, 4194304, NULL, "open cases a shard may hold"},
  {"core", "accounts", NUMBER, AT(core_accounts), "65536", 256, 16777216, NULL, "accounts of open cases a shard may hold"},
  {"core", "orders", NUMBER, AT(core_orders), "65536", 1024, 16777216, NULL, "orders of open cases a shard may hold"},
  {"dispatch", "orders", NUMBER, AT(dispatch_orders), "262144", 1024, 16777216, NULL, "orders waiting and in flight in all lanes"},
  {"dispatch", "flights", NUMBER, AT(dispatch_flights), "1024", 16, 32768, NULL, "orders on their way at once, over all institutions"},
  {"audit", "origin", TEXT, AT(audit_origin), "holdfast", 0, 0, NULL, "names the centre in checkpoints of the audit tree; for ever, at most 100 characters, no space or +"},
  {"audit", "key", TEXT, AT(audit_key), "none", 0, 0, NULL, "PEM file of the Ed25519 private key that signs checkpoints; none: none are made"},
  {"audit", "sm2_key", TEXT, AT(audit_sm2_key), "none", 0, 0, NULL, "PEM file of an SM2 private key that signs them too; none: it does not"},
  {"audit", "hash", CHOICE, AT(audit_hash), "sha256", 0, 0, "sha256 sm3", "what leaves and nodes of the audit tree are hashed with (sm3: GB/T 32905); for ever, once there are facts"},
  {"audit", "leaves", YESNO, AT(audit_leaves), "yes", 0, 1, NULL, "no: facts are recorded without their leaves. For the benchmark only"},
  {"tls", "certificate", TEXT, AT(tls_certificate), NULL, 0, 0, NULL, "PEM file: the centre's client certificate"},
  {"tls", "key", TEXT, AT(tls_key), NULL, 0, 0, NULL, "PEM file: its private key"},
  {"tls", "ca", TEXT, AT(tls_ca), NULL, 0, 0, NULL, "PEM file: who signs institutions' certificates"},
  {"personal", "keys", TEXT, AT(personal_keys), NULL, 0, 0, NULL, "file of the keys that account numbers and names are sealed with, made by `holdfast personal new`; outside PostgreSQL and its backups"},
  {"filedrop", "root", TEXT, AT(filedrop_root), "none", 0, 0, NULL, "folder below which each institution with transport filedrop has its own; none: there is none such"},
  {"http", "listen", TEXT, AT(http_listen), "127.0.0.1:9464", 0, 0, NULL, "health and metrics; a loopback address only"},
  {"log", "level", CHOICE, AT(log_level), "info", 0, 0, "debug info warn alarm", "lines below it are not written"},
};
/* clang-format on */

#define ROWS_COUNT (sizeof rows / sizeof rows[0])

static bool is_choice(const char *choices, const char *text)
{
  size_t size = strlen(text);
  for (const char *at = choices; at != NULL && *at != '\0';) {
    size_t step = strcspn(at, " ");
    if (step == size && memcmp(at, text, size) == 0) return true;
    at += step + strspn(at + step, " ");
  }
  return false;
}

static bool set(struct hf_yaml *yaml, int line, const struct row *row, const char *text, struct hf_config *config)
{
  char *to = (char *)config + row->offset;
  switch (row->kind) {
  case TEXT:
    if (text[0] == '\0' || strlen(text) >= HF_CONFIG_TEXT_MAX)
      return hf_yaml_fail(yaml, line, "%s.%s: 1 to %d characters", row->section, row->key, HF_CONFIG_TEXT_MAX - 1);
    strcpy(to, text);
    return true;
  case CHOICE:
    if (!is_choice(row->choices, text))
      return hf_yaml_fail(yaml, line, "%s.%s: one of %s", row->section, row->key, row->choices);
    strcpy(to, text);
    return true;
  case YESNO: {
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0,
         no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0;
    if (!yes && !no) return hf_yaml_fail(yaml, line, "%s.%s: yes or no", row->section, row->key);
    memcpy(to, &(int64_t){yes}, sizeof(int64_t));
    return true;
  }
  case NUMBER: {
    char *end;
    int64_t number = strtoll(text, &end, 10);
    if (text[0] == '\0' || *end != '\0' || number < row->least || number > row->most)
      return hf_yaml_fail(yaml, line, "%s.%s: a whole number from %lld to %lld", row->section, row->key, (long long)row->least,
                          (long long)row->most);
    memcpy(to, &number, sizeof number);
    return true;
  }
  }
  return false;
}

static bool check_names(struct hf_yaml *yaml)
{
  const char *sections[ROWS_COUNT + 1] = {NULL};
  size_t sections_count = 0;
  for (size_t i = 0; i < ROWS_COUNT; i++)
    if (sections_count == 0 || strcmp(sections[sections_count - 1], rows[i].section) != 0)
      sections[sections_count++] = rows[i].section;
  if (!hf_yaml_only(yaml, hf_yaml_root(yaml), sections)) return false;
  for (size_t s = 0; s < sections_count; s++) {
    const char *keys[ROWS_COUNT + 1] = {NULL};
    size_t keys_count = 0;
    for (size_t i = 0; i < ROWS_COUNT; i++)
      if (strcmp(rows[i].section, sections[s]) == 0) keys[keys_count++] = rows[i].key;
    yaml_node_t *section = hf_yaml_get(yaml, hf_yaml_root(yaml), sections[s]);
    if (section != NULL && !hf_yaml_only(yaml, section, keys)) return false;
  }
  return true;
}

static bool check_values(struct hf_yaml *yaml, const struct hf_config *config)
{
  yaml_node_t *engine = hf_yaml_get(yaml, hf_yaml_root(yaml), "engine"), *http = hf_yaml_get(yaml, hf_yaml_root(yaml), "http");
  const struct {
    const char *key, *file;
  } files[] = {{"engine.signing_key", config->engine_signing_key},
               {"tls.certificate", config->tls_certificate},
               {"tls.key", config->tls_key},
               {"tls.ca", config->tls_ca},
               {"personal.keys", config->personal_keys}};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (access(files[i].file, R_OK) != 0) {
      char name[32];
      snprintf(name, sizeof name, "%.*s", (int)strcspn(files[i].key, "."), files[i].key);
      yaml_node_t *section = hf_yaml_get(yaml, hf_yaml_root(yaml), name);
      return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, section, strchr(files[i].key, '.') + 1)),
                          "%s: the file %s cannot be read", files[i].key, files[i].file);
    }
  char file[HF_CONFIG_TEXT_MAX];
  size_t count = 0;
  for (size_t at = 0; config->engine_root_keys[at] != '\0'; count++) {
    at = hf_config_root_key(config, at, file);
    if (count == HF_ROOT_KEYS_MAX || access(file, R_OK) != 0)
      return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, engine, "root_keys")),
                          "engine.root_keys: 1 to %d readable PEM files, comma-separated; '%s' is not", HF_ROOT_KEYS_MAX, file);
  }
  if (strncmp(config->http_listen, "127.", 4) != 0 && strncmp(config->http_listen, "[::1]:", 6) != 0)
    return hf_yaml_fail(yaml, hf_yaml_line(hf_yaml_get(yaml, http, "listen")),
                        "http.listen: a loopback address and port, as 127.0.0.1:9464");
  return true;
}

bool hf_config_read(const char *file, struct hf_config *config, char *error, size_t error_size)
{
  struct hf_yaml yaml;
  memset(config, 0, sizeof *config);
  bool ok = hf_yaml_open(&yaml, file) && check_names(&yaml);
  for (size_t i = 0; ok && i < ROWS_COUNT; i++) {
    yaml_node_t *section = hf_yaml_get(&yaml, hf_yaml_root(&yaml), rows[i].section);
    yaml_node_t *value = hf_yaml_get(&yaml, section, rows[i].key);
    const char *text = value != NULL ? hf_yaml_text(value) : rows[i].fallback;
    if (text == NULL && value != NULL)
      ok = hf_yaml_fail(&yaml, hf_yaml_line(value), "%s.%s: one value, not a list", rows[i].section, rows[i].key);
    else if (text == NULL)
      ok = hf_yaml_fail(&yaml, hf_yaml_line(section), "%s.%s must be given: %s", rows[i].section, rows[i].key, rows[i].text);
    else
      ok = set(&yaml, hf_yaml_line(value), &rows[i], text, config);
  }
  ok = ok && check_values(&yaml, config);
  if (!ok) snprintf(error, error_size, "%s", yaml.error);
  hf_yaml_close(&yaml);
  return ok;
}

size_t hf_config_root_key(const struct hf_config *config, size_t at, char file[HF_CONFIG_TEXT_MAX])
{
  const char *text = config->engine_root_keys + at;
  size_t size = strcspn(text, ",");
  memcpy(file, text, size);
  file[size] = '\0';
  return at + size + (text[size] == ',');
}

void hf_config_write_reference(FILE *out)
{
  fputs(
      "# holdfastd's configuration\n\nGenerated by `holdfastd --config-reference`; a test fails when this page is stale.\n\n"
      "A YAML file of sections with keys. `holdfastd --check-config FILE` tells file, line and key of what is wrong.\n\n"
      "| key | value | default | meaning |\n|---|---|---|---|\n",
      out);
  for (size_t i = 0; i < ROWS_COUNT; i++) {
    const struct row *row = &rows[i];
    char value[96];
    if (row->kind == NUMBER)
      snprintf(value, sizeof value, "%lld … %lld", (long long)row->least, (long long)row->most);
    else
      snprintf(value, sizeof value, "%s", row->kind == TEXT ? "text" : row->kind == YESNO ? "yes, no" : row->choices);
    fprintf(out, "| `%s.%s` | %s | %s | %s |\n", row->section, row->key, value, row->fallback ? row->fallback : "must be given",
            row->text);
  }
}
