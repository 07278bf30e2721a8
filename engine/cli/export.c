/*
 * export: a month of orders or score-cards as CSV or JSON lines, or the joint meeting's page as HTML, PDF or CSV. Numbers and
 * names are masked. The same rows give the same bytes; nothing is left of an export that failed; each is written down with its
 * SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/cli/cli.h"
#include "engine/cli/export.h"

#define COLUMNS_MAX 64

/* clang-format off */
#define UTC(column) "to_char(o." column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as " column
static const struct hf_export_section orders = {NULL,
    "select o.shard, o.order_id, o.case_id, o.institution, mask_account(o.account) as account, o.action, o.hop, o.state, o.result, o.attempts, "
    "to_char(o.amount / 100.0, 'FM999999999990.00') as amount, o.currency, o.overdue, "
    UTC("issued_at") ", " UTC("decided_at") ", " UTC("deadline") ", " UTC("sent_at") ", " UTC("received_at") ", " UTC("ended_at") ", " UTC("executed_at") ", "
    "elapsed_us(o.sent_at, o.sent_mono_ns, o.received_at, o.received_mono_ns) as receipt_us, "
    "elapsed_us(o.sent_at, o.sent_mono_ns, o.ended_at, o.ended_mono_ns) as feedback_us, s.version as policy, "
    "s.receipt as receipt_verdict, s.feedback as feedback_verdict, o.submission_id, o.key_id, o.second_id "
    "from order_state o left join order_sla s on s.shard = o.shard and s.order_id = o.order_id "
    "where o.decided_at >= month_begins($1) and o.decided_at < month_ends($1) and o.state not in ('draft', 'dropped') order by o.shard, o.order_id"};
static const struct hf_export_section scorecard = {NULL, "select * from scorecard where month = $1 order by institution, month, action"};
/* clang-format on */

enum form { FORM_NONE, FORM_CSV = 1, FORM_LINES = 2, FORM_HTML = 4, FORM_PDF = 8 };

static const struct kind {
  const char *name;
  const struct hf_export_section *sections;
  size_t count;
  unsigned forms;
  const char *title; /* of a page; NULL: there is none */
} kinds[] = {{"orders", &orders, 1, FORM_CSV | FORM_LINES, NULL},
             {"scorecard", &scorecard, 1, FORM_CSV | FORM_LINES | FORM_PDF, N_("Score-cards")},
             {"meeting", hf_export_meeting, HF_EXPORT_MEETING_SECTIONS, FORM_CSV | FORM_HTML | FORM_PDF, N_("Joint meeting")}};

void hf_export_put(struct hf_export_sink *sink, const void *bytes, size_t size)
{
  fwrite(bytes, 1, size, sink->file);
  hf_sha256_add(&sink->hash, bytes, size);
}

bool hf_export_open(struct hf_export_sink *sink, const char *target)
{
  *sink = (struct hf_export_sink){.target = target};
  bool fits = snprintf(sink->part, sizeof sink->part, "%s.part", target) < (int)sizeof sink->part;
  int fd = fits ? open(sink->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  if (fd < 0 || (sink->file = fdopen(fd, "w")) == NULL) {
    hf_say("%s: %s", sink->part, strerror(fits ? errno : ENAMETOOLONG));
    return false;
  }
  hf_sha256_init(&sink->hash);
  return true;
}

int hf_export_close(const struct hf_cli *cli, struct hf_export_sink *sink, bool ok, const char *name)
{
  char digest[2 * HF_SHA256_SIZE + 1] = "", what[256];
  uint8_t sum[HF_SHA256_SIZE];
  hf_sha256_end(&sink->hash, sum);
  struct hf_writer writer = hf_writer_of(digest, sizeof digest - 1);
  hf_write_hex(&writer, sum, sizeof sum);
  bool whole = fflush(sink->file) == 0 && !ferror(sink->file) && fsync(fileno(sink->file)) == 0;
  if (fclose(sink->file) != 0 || !whole) {
    hf_say("%s: %s", sink->part, strerror(errno));
    ok = false;
  }
  snprintf(what, sizeof what, "%s, sha256 %s", name, digest);
  ok = ok && hf_cli_note_access(cli, HF_ACCESS_EXPORT, what, cli->reason == NULL ? "export" : cli->reason, NULL);
  if (!ok || rename(sink->part, sink->target) != 0) {
    unlink(sink->part);
    return HF_EXIT_FAILED;
  }
  printf("%s  %s\n", digest, sink->target);
  hf_say(_("%llu rows"), (unsigned long long)sink->rows);
  return HF_EXIT_OK;
}

/* RFC 4180; a spreadsheet must not take what an institution sent for a formula. */
static void put_cell(struct hf_export_sink *sink, const char *text, bool first)
{
  if (!first) hf_export_put(sink, ",", 1);
  bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL && strspn(text, "-0123456789.") != strlen(text);
  if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
    hf_export_put(sink, text, strlen(text));
    return;
  }
  hf_export_put(sink, "\"", 1);
  if (formula) hf_export_put(sink, "'", 1);
  for (; *text != '\0'; text++) hf_export_put(sink, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
  hf_export_put(sink, "\"", 1);
}

static void put_text(struct hf_export_sink *sink, const char *text)
{
  hf_export_put(sink, text, strlen(text));
}

static void put_escaped(struct hf_export_sink *sink, const char *text)
{
  for (; *text != '\0'; text++) {
    const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
    hf_export_put(sink, entity != NULL ? entity : text, entity != NULL ? strlen(entity) : 1);
  }
}

static void put_pdf_row(struct hf_pdf *pdf, const PGresult *result, int row, bool titles)
{
  const char *cells[COLUMNS_MAX];
  int count = PQnfields(result);
  HF_ASSERT(count <= COLUMNS_MAX);
  for (int c = 0; c < count; c++) cells[c] = titles ? PQfname(result, c) : PQgetvalue(result, row, c);
  hf_pdf_row(pdf, cells, count);
}

static void put_row(struct hf_export_sink *sink, enum form form, const PGresult *result, int row, bool titles)
{
  if (form == FORM_LINES) {
    hf_export_put(sink, PQgetvalue(result, row, 0), (size_t)PQgetlength(result, row, 0));
    hf_export_put(sink, "\n", 1);
    return;
  }
  if (form == FORM_PDF) {
    put_pdf_row(sink->pdf, result, row, titles);
    return;
  }
  if (form == FORM_HTML) put_text(sink, "<tr>");
  for (int c = 0; c < PQnfields(result); c++) {
    const char *text = titles ? PQfname(result, c) : PQgetvalue(result, row, c);
    if (form == FORM_CSV) {
      put_cell(sink, text, c == 0);
      continue;
    }
    put_text(sink, titles ? "<th>" : "<td>");
    put_escaped(sink, text);
  }
  put_text(sink, form == FORM_HTML ? "\n" : "\r\n");
}

/* Row by row: a month may have millions. */
static bool write_rows(PGconn *database, const char *sql, const char *month, enum form form, struct hf_export_sink *sink)
{
  char *query = NULL;
  bool ok = asprintf(&query, form == FORM_LINES ? "select row_to_json(t)::text from (%s) t" : "%s", sql) > 0;
  ok = ok && PQsendQueryParams(database, query, 1, NULL, &month, NULL, NULL, 0) == 1 && PQsetSingleRowMode(database) == 1;
  free(query);
  PGresult *result;
  bool titles = form != FORM_LINES;
  while (ok && (result = PQgetResult(database)) != NULL) {
    ExecStatusType status = PQresultStatus(result);
    ok = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
    if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
    if (ok && titles) put_row(sink, form, result, 0, true);
    titles = false;
    for (int row = 0; ok && row < PQntuples(result); row++, sink->rows++) put_row(sink, form, result, row, false);
    PQclear(result);
  }
  return ok;
}

/* clang-format off */
static const char page_head[] =
    "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>%1$s %2$s</title><style>\n"
    "body{font:10pt/1.5 sans-serif;margin:2cm}table{border-collapse:collapse;margin:0 0 1.5em}caption{text-align:left;font-weight:bold}\n"
    "td,th{border:1px solid #999;padding:.2em .6em;text-align:right}td:first-child,th:first-child{text-align:left}\n"
    "@media print{body{margin:0}table{page-break-inside:avoid}}</style></head>\n<body><h1>%1$s %2$s</h1>\n";
/* clang-format on */

static void put_piece(void *owner, const void *bytes, unsigned size)
{
  hf_export_put(owner, bytes, size);
}

/* All sections of one moment: their sums agree. */
static bool write_sections(PGconn *database, const struct kind *kind, const char *month, enum form form,
                           struct hf_export_sink *sink)
{
  char head[1024];
  PQclear(PQexec(database, "begin isolation level repeatable read read only"));
  if (form == FORM_HTML) snprintf(head, sizeof head, page_head, _(kind->title), month);
  if (form == FORM_PDF) sink->pdf = hf_pdf_open(_(kind->title), month);
  if (form == FORM_CSV) put_text(sink, "\xef\xbb\xbf");
  if (form == FORM_HTML) put_text(sink, head);
  bool ok = true;
  for (size_t i = 0; ok && i < kind->count; i++) {
    const struct hf_export_section *section = &kind->sections[i];
    if (form == FORM_PDF) hf_pdf_table(sink->pdf, section->title == NULL ? NULL : _(section->title));
    if (section->title != NULL && form != FORM_PDF) {
      put_text(sink, form == FORM_HTML ? "<table><caption>" : i == 0 ? "" : "\r\n");
      put_text(sink, _(section->title));
      put_text(sink, form == FORM_HTML ? "</caption>\n" : "\r\n");
    }
    ok = write_rows(database, section->sql, month, form, sink);
    if (form == FORM_HTML) put_text(sink, "</table>\n");
  }
  if (form == FORM_HTML) put_text(sink, "</body></html>\n");
  PQclear(PQexec(database, "commit"));
  if (form == FORM_PDF) ok = hf_pdf_close(sink->pdf, put_piece, sink) && ok;
  return ok;
}

bool hf_export_month(const char *text)
{
  char now[8];
  time_t seconds = (time_t)(hf_time_now().wall_ns / HF_NS_PER_S) + 8 * 3600;
  struct tm local;
  gmtime_r(&seconds, &local);
  strftime(now, sizeof now, "%Y-%m", &local);
  if (strlen(text) != 7 || strspn(text, "0123456789") != 4 || text[4] != '-' || strspn(text + 5, "0123456789") != 2 ||
      strcmp(text + 5, "01") < 0 || strcmp(text + 5, "12") > 0) {
    hf_say(_("%s is no month: expected one as 2026-11"), text);
    return false;
  }
  if (strcmp(text, now) <= 0) return true;
  hf_say(_("%s has not begun"), text);
  return false;
}

static int export_to(const struct hf_cli *cli, PGconn *database, const struct kind *kind, const char *month, const char *target,
                     enum form form)
{
  struct hf_export_sink sink;
  char name[64];
  if (!hf_export_open(&sink, target)) return HF_EXIT_FAILED;
  bool ok = write_sections(database, kind, month, form, &sink);
  snprintf(name, sizeof name, "%s %s", kind->name, month);
  return hf_export_close(cli, &sink, ok, name);
}

static enum form form_of(const char *file)
{
  static const struct {
    const char *ending;
    enum form form;
  } forms[] = {{".csv", FORM_CSV}, {".jsonl", FORM_LINES}, {".html", FORM_HTML}, {".pdf", FORM_PDF}};
  const char *dot = strrchr(file, '.');
  for (size_t i = 0; dot != NULL && i < sizeof forms / sizeof forms[0]; i++)
    if (strcmp(dot, forms[i].ending) == 0) return forms[i].form;
  return FORM_NONE;
}

int hf_command_export(struct hf_cli *cli)
{
  const struct kind *kind = NULL;
  const char *month = cli->arguments[1], *target = cli->arguments[2];
  enum form form = form_of(target);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].name, cli->arguments[0]) == 0) kind = &kinds[i];
  if (kind == NULL || (kind->forms & form) == 0) {
    hf_say("%s", _("expected: orders, a month, and a file that ends in .csv or .jsonl; or scorecard, .csv, .jsonl or .pdf; or "
                   "meeting, .csv, .html "
                   "or .pdf"));
    return HF_EXIT_USAGE;
  }
  if (!hf_export_month(month)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = export_to(cli, database, kind, month, target, form);
  PQfinish(database);
  return code;
}
