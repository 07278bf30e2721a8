/*
 * evidence: what somebody takes to court: an order, or all orders of a month, each with its facts and proofs, keys, policies,
 * two ways to verify, as one tar. The same record gives the same bytes.
 */
#include "engine/cli/evidence.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"
#include "engine/cli/export.h"

struct evidence {
  struct archive *archive;
  char folder[64]; /* within the archive */
  char *sums;      /* SHA256SUMS, as it grows */
  size_t sums_size, sums_capacity;
  bool ok;
};

static la_ssize_t write_bytes(struct archive *archive, void *sink, const void *bytes, size_t size)
{
  (void)archive;
  hf_export_put(sink, bytes, size);
  return (la_ssize_t)size;
}

static void add_sum(struct evidence *evidence, const char *name, struct hf_span bytes)
{
  uint8_t digest[HF_SHA256_SIZE];
  size_t more = 2 * sizeof digest + 2 + strlen(name) + 2;
  if (evidence->sums_size + more > evidence->sums_capacity) {
    evidence->sums_capacity = evidence->sums_capacity * 2 + 4096;
    evidence->sums = realloc(evidence->sums, evidence->sums_capacity);
    if (evidence->sums == NULL) abort();
  }
  hf_sha256_of(bytes.data, bytes.size, digest);
  struct hf_writer line = hf_writer_of(evidence->sums + evidence->sums_size, more);
  hf_write_hex(&line, digest, sizeof digest);
  hf_write_text(&line, "  ");
  hf_write_text(&line, name);
  hf_write_text(&line, "\n");
  evidence->sums_size += line.size;
}

/* Of no time and nobody: the same bytes each time. */
static void add_file(struct evidence *evidence, const char *name, struct hf_span bytes)
{
  char path[160];
  struct archive_entry *entry = archive_entry_new();
  if (entry == NULL) abort();
  snprintf(path, sizeof path, "%s/%s", evidence->folder, name);
  archive_entry_set_pathname(entry, path);
  archive_entry_set_size(entry, (la_int64_t)bytes.size);
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_mtime(entry, 0, 0);
  bool ok = archive_write_header(evidence->archive, entry) == ARCHIVE_OK &&
            archive_write_data(evidence->archive, bytes.data, bytes.size) == (la_ssize_t)bytes.size;
  if (!ok) hf_say("%s: %s", path, archive_error_string(evidence->archive));
  evidence->ok = evidence->ok && ok;
  archive_entry_free(entry);
  if (strcmp(name, "SHA256SUMS") != 0) add_sum(evidence, name, bytes);
}

static void add_text(struct evidence *evidence, const char *name, const char *text)
{
  add_file(evidence, name, (struct hf_span){(const uint8_t *)text, strlen(text)});
}

/* One value of JSON that PostgreSQL makes. */
static void add_query(struct evidence *evidence, PGconn *database, const char *name, const char *sql)
{
  PGresult *result = PQexec(database, sql);
  bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
  if (ok)
    add_text(evidence, name, PQgetvalue(result, 0, 0));
  else
    hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  evidence->ok = evidence->ok && ok;
  PQclear(result);
}

static void add_order(struct evidence *evidence, PGconn *database, const char *order)
{
  char name[64];
  json_t *bundle = hf_cli_order_bundle(database, order, false);
  char *text = bundle == NULL ? NULL : json_dumps(bundle, JSON_INDENT(1));
  snprintf(name, sizeof name, "orders/%s.json", order);
  if (text != NULL)
    add_text(evidence, name, text);
  else
    evidence->ok = false;
  free(text);
  json_decref(bundle);
}

/* Their ids first: each order's facts are queries of their own. */
static uint64_t add_orders(struct evidence *evidence, PGconn *database, const char *what, bool month)
{
  PGresult *result =
      PQexecParams(database,
                   month ? "select order_id from order_state where decided_at >= month_begins($1) and decided_at < "
                           "month_ends($1) and state <> 'draft' order by shard, order_id"
                         : "select order_id from order_state where order_id = $1::uuid limit 1",
                   1, NULL, &what, NULL, NULL, 0);
  int count = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : 0;
  if (count == 0) hf_say(month ? _("%s has no orders") : _("no such order"), what);
  evidence->ok = evidence->ok && count > 0;
  for (int i = 0; i < count && evidence->ok; i++) {
    add_order(evidence, database, PQgetvalue(result, i, 0));
    if (i > 0 && i % 1000 == 0) hf_say(_("%d of %d orders"), i, count);
  }
  PQclear(result);
  return (uint64_t)count;
}

static void add_rest(struct evidence *evidence, const struct hf_cli *cli, PGconn *database)
{
  char keys[sizeof cli->audit_key + 1];
  add_query(
      evidence, database, "cosignatures.json",
      "select coalesce(json_agg(json_build_object('shard', shard, 'size', size, 'witness', witness, 'line', line) order by "
      "shard, size, witness), '[]') from cosignature");
  add_query(
      evidence, database, "keys.json",
      "select coalesce(json_agg(k order by key_id), '[]') from (select distinct on (key_id) key_id, holder, unit, role, "
      "algorithm, encode(public_key, 'base64') as public_key, valid_from at time zone 'UTC' as valid_from, valid_until at "
      "time zone 'UTC' as valid_until, revoked from registry_key order by key_id, set_at desc) k");
  add_query(
      evidence, database, "policy.json",
      "select json_build_object('policies', (select coalesce(json_agg(p order by version), '[]') from (select distinct on "
      "(version) version, settings from policy order by version, shard) p), 'sla', (select coalesce(json_agg(s order by "
      "version), '[]') from (select distinct on (version) version, effective_at at time zone 'UTC' as effective_at, text from "
      "sla order by version, shard) s))");
  snprintf(keys, sizeof keys, "%s\n", cli->audit_key);
  add_text(evidence, "note_keys.txt", keys);
  add_text(evidence, "VERSION", "holdfast " HF_VERSION "\n");
  add_file(evidence, "README.md", (struct hf_span){hf_file_readme, hf_file_readme_size});
  add_file(evidence, "verify.py", (struct hf_span){hf_file_verifier, hf_file_verifier_size});
  add_file(evidence, "SHA256SUMS", (struct hf_span){(const uint8_t *)evidence->sums, evidence->sums_size});
}

static int take(const struct hf_cli *cli, PGconn *database, bool month)
{
  const char *what = cli->arguments[0];
  struct hf_export_sink sink;
  struct evidence evidence = {.ok = true};
  char name[80];
  if (!hf_export_open(&sink, cli->arguments[1])) return HF_EXIT_FAILED;
  snprintf(evidence.folder, sizeof evidence.folder, "evidence-%s", what);
  evidence.archive = archive_write_new();
  if (evidence.archive == NULL) abort();
  archive_write_set_format_ustar(evidence.archive);
  archive_write_set_bytes_in_last_block(evidence.archive, 1);
  evidence.ok = archive_write_open(evidence.archive, &sink, NULL, write_bytes, NULL) == ARCHIVE_OK;
  PQclear(PQexec(database, "begin isolation level repeatable read read only"));
  sink.rows = add_orders(&evidence, database, what, month);
  if (evidence.ok) add_rest(&evidence, cli, database);
  PQclear(PQexec(database, "commit"));
  bool closed = archive_write_close(evidence.archive) == ARCHIVE_OK;
  archive_write_free(evidence.archive);
  free(evidence.sums);
  snprintf(name, sizeof name, "evidence %s", what);
  return hf_export_close(cli, &sink, evidence.ok && closed, name);
}

int hf_command_evidence(struct hf_cli *cli)
{
  struct hf_uuid id;
  const char *what = cli->arguments[0];
  bool month = strlen(what) == 7;
  if (month && !hf_export_month(what)) return HF_EXIT_USAGE;
  if (!month && !hf_is_ok(hf_uuid_parse(what, strlen(what), &id))) {
    hf_say(_("%s is neither an order nor a month as 2026-11"), what);
    return HF_EXIT_USAGE;
  }
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = take(cli, database, month);
  PQfinish(database);
  return code;
}
