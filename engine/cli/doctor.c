/* doctor: looks at everything that a running centre needs, and says what to do about what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "engine/cli/check.h"
#include "engine/cli/reveal.h"
#include "engine/dispatch/lane.h"
#include "engine/record/record.h"
#include "engine/trust/trust.h"

struct doctor {
  const struct hf_cli *cli;
  struct hf_checks checks;
};

static void check_kafka(struct doctor *doctor)
{
  char found[96];
  int partitions = hf_cli_partitions(doctor->cli);
  snprintf(found, sizeof found, _("%s has %d partitions"), doctor->cli->reports, partitions);
  hf_check_tell(&doctor->checks, partitions > 0 && partitions <= HF_SHARDS_MAX, "kafka", found,
                _("start the broker, create the topic (proto/topics.md), and name it in the configuration"));
}

/* What the engine writes stands in the partition of its shard: a topic with fewer holds everything up. */
static void check_topics(struct doctor *doctor)
{
  char found[320];
  const char *const topics[] = {doctor->cli->facts, doctor->cli->alerts};
  int wanted = hf_cli_partitions(doctor->cli);
  for (size_t i = 0; wanted > 0 && i < sizeof topics / sizeof topics[0]; i++) {
    int partitions = hf_cli_partitions_of(doctor->cli, topics[i]);
    snprintf(found, sizeof found, _("%s has %d partitions"), topics[i], partitions);
    hf_check_tell(&doctor->checks, partitions == wanted, "topic", found,
                  _("create it with as many partitions as the reports have (proto/topics.md)"));
  }
}

/* Each data key is wrapped by a key of the file, or its case cannot be opened. */
static void check_personal(struct doctor *doctor)
{
  char found[320];
  PGconn *database = hf_cli_database(doctor->cli);
  struct hf_seal *seal = hf_cli_seal(doctor->cli);
  PGresult *rows = database == NULL ? NULL : PQexec(database, "select wrapped_by, count(*) from case_key group by wrapped_by");
  bool right = seal != NULL;
  snprintf(found, sizeof found, "%s", right ? hf_seal_newest(seal) : _("there is no file of keys that can be used"));
  for (int i = 0; right && PQresultStatus(rows) == PGRES_TUPLES_OK && i < PQntuples(rows); i++) {
    right = hf_seal_has(seal, PQgetvalue(rows, i, 0));
    if (!right)
      snprintf(found, sizeof found, _("%s data keys are wrapped by %s, which the file has not"), PQgetvalue(rows, i, 1),
               PQgetvalue(rows, i, 0));
  }
  hf_check_tell(&doctor->checks, right, "personal", found,
                _("name the file that the engines use as personal_keys; only its owner may read it"));
  PQclear(rows);
  hf_seal_close(seal);
  PQfinish(database);
}

/* A key that ends without a newer one of its holder's beside it: its holder is locked out, or not believed, from then on. */
static void check_keys_ends(struct doctor *doctor, PGconn *database)
{
  char found[160];
  PGresult *result = PQexec(database,
                            "select count(*), coalesce(min(k.holder), ''), coalesce(to_char(min(k.ends), 'YYYY-MM-DD'), '') "
                            "from (select holder, role, "
                            "max(valid_until) as ends from registry_key where not revoked group by holder, role) k where "
                            "k.ends < now() + interval '30 days'");
  if (PQresultStatus(result) == PGRES_TUPLES_OK) {
    bool none = strcmp(PQgetvalue(result, 0, 0), "0") == 0;
    if (none)
      snprintf(found, sizeof found, "%s", _("no holder's last key ends within 30 days"));
    else
      snprintf(found, sizeof found, _("%s holders' last keys end within 30 days, the first (%s) on %s"),
               PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
    hf_check_tell(&doctor->checks, none, "key ends", found,
                  _("make new keys and add them beside the old: `holdfast keygen`, `holdfast key add`"));
  }
  PQclear(result);
}

/* Over a network nobody reads along, and it is the right server; on this machine there is nobody between. */
static void check_connection(struct doctor *doctor, PGconn *database)
{
  char found[160];
  const char *host = PQhost(database), *mode = "";
  PQconninfoOption *options = PQconninfo(database);
  for (PQconninfoOption *one = options; one != NULL && one->keyword != NULL; one++)
    if (strcmp(one->keyword, "sslmode") == 0 && one->val != NULL) mode = one->val;
  bool local = host == NULL || host[0] == '/' || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
               strcmp(host, "localhost") == 0;
  bool tls = PQsslInUse(database) != 0;
  if (tls)
    snprintf(found, sizeof found, _("%s, sslmode %s"), PQsslAttribute(database, "protocol"), mode);
  else
    snprintf(found, sizeof found, "%s", local ? _("on this machine, without TLS") : _("over a network without TLS"));
  hf_check_tell(&doctor->checks, local || (tls && strcmp(mode, "verify-full") == 0), "connection", found,
                _("conninfo: sslmode=verify-full sslrootcert=… channel_binding=require"));
  PQconninfoFree(options);
}

/* Whom nobody can reach by night, or soon not any more. */
static void check_contacts(struct doctor *doctor, PGconn *database)
{
  char found[200];
  PGresult *result = PQexec(
      database,
      "select count(distinct code) filter (where contact_a is null and contact_b is null), count(distinct code), "
      "count(*) filter (where ends < now() + interval '30 days'), "
      "coalesce(min(code) filter (where ends < now() + interval '30 days'), '') from (select i.code, i.contact_a, i.contact_b, "
      "split_part(c, '; ', 4)::timestamp at time zone 'Asia/Shanghai' as ends from (select distinct on (code) * from "
      "institution "
      "order by code, set_at desc) i left join lateral unnest(array[i.contact_a, i.contact_b]) c on c is not null "
      "where i.enabled and i.stands_for is null) named");
  if (PQresultStatus(result) == PGRES_TUPLES_OK) {
    bool right = strcmp(PQgetvalue(result, 0, 2), "0") == 0;
    if (right)
      snprintf(found, sizeof found, _("%s of %s institutions have named nobody; nobody's time ends within 30 days"),
               PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
    else
      snprintf(found, sizeof found, _("%s contacts' time ends within 30 days or is over, the first of %s"),
               PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3));
    hf_check_tell(&doctor->checks, right, "contacts", found,
                  _("ask the institution whom to call, and apply its row: contact_a, contact_b"));
  }
  PQclear(result);
}

static void check_postgres(struct doctor *doctor)
{
  char found[96];
  PGconn *database = hf_cli_database(doctor->cli);
  if (database == NULL) {
    hf_check_tell(&doctor->checks, false, "postgresql", _("cannot be reached"), _("start it, and check conninfo"));
    return;
  }
  PGresult *result = PQexec(database, "select max(version) from schema_version");
  int version = PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : 0;
  snprintf(found, sizeof found, _("schema version %d, this program needs %d"), version, HF_SCHEMA_VERSION);
  hf_check_tell(&doctor->checks, version == HF_SCHEMA_VERSION, "postgresql", found, _("run `holdfast migrate`"));
  PQclear(result);
  result = PQexec(database, "select rolname, rolsuper or rolbypassrls from pg_roles where rolname = current_user");
  if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
    bool above = PQgetvalue(result, 0, 1)[0] == 't';
    snprintf(found, sizeof found, above ? _("%s is above all rules") : _("%s is bound by the rules"), PQgetvalue(result, 0, 0));
    hf_check_tell(&doctor->checks, !above, "roles", found, _("log in as a member of schemas/sql/0006_roles.sql's roles"));
  }
  PQclear(result);
  result = PQexec(database, "select count(*), count(*) filter (where confirmed_at < now() - interval '1 hour') from shard");
  if (PQresultStatus(result) == PGRES_TUPLES_OK) {
    snprintf(found, sizeof found, _("%s shards have had an owner"), PQgetvalue(result, 0, 0));
    hf_check_tell(&doctor->checks, atoi(PQgetvalue(result, 0, 0)) > 0, "shards", found, _("start holdfastd"));
  }
  PQclear(result);
  check_connection(doctor, database);
  check_keys_ends(doctor, database);
  check_contacts(doctor, database);
  PQfinish(database);
}

static void check_key(struct doctor *doctor)
{
  struct hf_trust *trust = NULL;
  struct hf_status status =
      doctor->cli->key[0] == '\0' ? hf_fail(HF_STATUS_CONFIG, "none is named") : hf_trust_open(&trust, 0, doctor->cli->key);
  hf_check_tell(&doctor->checks, hf_is_ok(status), "key", hf_is_ok(status) ? hf_trust_signing_key_id(trust) : status.why,
                _("make one with `holdfast keygen`, have it put into the registry, and name it in the configuration"));
  hf_trust_close(trust);
}

static void check_clock(struct doctor *doctor)
{
  struct timex clock = {.modes = 0};
  char found[96];
  int state = adjtimex(&clock);
  bool synchronised = state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
  snprintf(found, sizeof found, _("%s, estimated error %ld µs"), synchronised ? _("synchronised") : _("not synchronised"),
           clock.esterror);
  hf_check_tell(&doctor->checks, synchronised, "clock", found,
                _("run chrony or ntpd; latency figures of several machines mean nothing without it"));
}

/* The engine's own clock goes on where the machine's was stepped. */
static void check_step(struct doctor *doctor, const char *metrics)
{
  static const char name[] = "\nholdfast_clock_ahead_seconds ";
  char found[96];
  const char *at = strstr(metrics, name);
  if (at == NULL) return;
  double ahead = strtod(at + sizeof name - 1, NULL);
  snprintf(found, sizeof found, _("the machine's is %.1f s ahead of the engine's"), ahead);
  hf_check_tell(&doctor->checks, ahead > -0.5 && ahead < 0.5, "clock step", found,
                _("the machine's clock was stepped: when it is right, start the engine again"));
}

/* Institutions whose lanes have had nothing but failures lately: their orders wait. */
static void check_lanes(struct doctor *doctor, const char *metrics)
{
  static const char name[] = "\nholdfast_lane_silence{institution=\"";
  char found[320] = "";
  size_t used = 0;
  int lanes = 0;
  for (const char *at = metrics; (at = strstr(at, name)) != NULL; lanes++) {
    at += sizeof name - 1;
    int size = (int)strcspn(at, "\"");
    const char *value = strchr(at, ' ');
    if (value == NULL || strtoul(value, NULL, 10) < HF_LANE_SILENT || used >= sizeof found) continue;
    used += (size_t)snprintf(found + used, sizeof found - used, "%s%.*s", used > 0 ? ", " : _("no answer from: "), size, at);
  }
  if (lanes == 0) return;
  bool right = found[0] == '\0';
  if (right) snprintf(found, sizeof found, _("%d institutions, none is silent"), lanes);
  hf_check_tell(&doctor->checks, right, "lanes", found,
                _("call it (`holdfast institution contacts`); its orders wait and are tried again by themselves"));
}

static void check_engine(struct doctor *doctor)
{
  char answer[1024];
  int status = hf_cli_http(doctor->cli->http, "GET", "/readyz", "", answer, sizeof answer);
  bool ready = status == 200;
  hf_check_tell(&doctor->checks, ready, "engine",
                ready         ? _("ready to serve")
                : status != 0 ? _("answers, but is not ready")
                              : _("does not answer"),
                _("look at holdfastd's log, and at http in the configuration"));
  const char *metrics = hf_check_metrics(doctor->cli);
  if (metrics == NULL) return;
  check_step(doctor, metrics);
  check_lanes(doctor, metrics);
}

int hf_command_doctor(struct hf_cli *cli)
{
  struct doctor doctor = {.cli = cli, .checks = {.json = cli->json}};
  check_kafka(&doctor);
  check_topics(&doctor);
  check_postgres(&doctor);
  check_personal(&doctor);
  check_key(&doctor);
  check_clock(&doctor);
  check_engine(&doctor);
  return hf_checks_end(&doctor.checks);
}
