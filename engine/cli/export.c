/*
 * export: a month of orders or score-cards as CSV or JSON lines, for tables and programs outside. Numbers and names are masked.
 * The same rows give the same bytes; nothing is left of an export that failed; each one is written down with its SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/cli/cli.h"

#define UTC(column) "to_char(o." column " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as " column

static const struct kind {
  const char *name, *sql; /* $1: the month */
} kinds[] = {
    {"orders",
     "select o.shard, o.order_id, o.case_id, o.institution, mask_account(o.account) as account, o.action, o.hop, o.state, "
     "o.result, "
     "o.attempts, to_char(o.amount / 100.0, 'FM999999999990.00') as amount, o.currency, o.overdue, " UTC("issued_at") ", " UTC(
         "decided_at") ", " UTC("deadline") ", " UTC("sent_at") ", " UTC("received_at") ", " UTC("ended_at") ", " UTC("executed"
                                                                                                                      "_at") ","
                                                                                                                             " "
                                                                                                                             "e"
                                                                                                                             "l"
                                                                                                                             "a"
                                                                                                                             "p"
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "u"
                                                                                                                             "s"
                                                                                                                             "("
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "m"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "o"
                                                                                                                             "_"
                                                                                                                             "n"
                                                                                                                             "s"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "e"
                                                                                                                             "i"
                                                                                                                             "v"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "e"
                                                                                                                             "i"
                                                                                                                             "v"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "m"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "o"
                                                                                                                             "_"
                                                                                                                             "n"
                                                                                                                             "s"
                                                                                                                             ")"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "e"
                                                                                                                             "i"
                                                                                                                             "p"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "u"
                                                                                                                             "s"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "e"
                                                                                                                             "l"
                                                                                                                             "a"
                                                                                                                             "p"
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "u"
                                                                                                                             "s"
                                                                                                                             "("
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "m"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "o"
                                                                                                                             "_"
                                                                                                                             "n"
                                                                                                                             "s"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "e"
                                                                                                                             "n"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "m"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "o"
                                                                                                                             "_"
                                                                                                                             "n"
                                                                                                                             "s"
                                                                                                                             ")"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "f"
                                                                                                                             "e"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "b"
                                                                                                                             "a"
                                                                                                                             "c"
                                                                                                                             "k"
                                                                                                                             "_"
                                                                                                                             "u"
                                                                                                                             "s"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             "."
                                                                                                                             "v"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "s"
                                                                                                                             "i"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "p"
                                                                                                                             "o"
                                                                                                                             "l"
                                                                                                                             "i"
                                                                                                                             "c"
                                                                                                                             "y"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             "."
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "e"
                                                                                                                             "i"
                                                                                                                             "p"
                                                                                                                             "t"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "e"
                                                                                                                             "i"
                                                                                                                             "p"
                                                                                                                             "t"
                                                                                                                             "_"
                                                                                                                             "v"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "i"
                                                                                                                             "c"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             "."
                                                                                                                             "f"
                                                                                                                             "e"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "b"
                                                                                                                             "a"
                                                                                                                             "c"
                                                                                                                             "k"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "f"
                                                                                                                             "e"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "b"
                                                                                                                             "a"
                                                                                                                             "c"
                                                                                                                             "k"
                                                                                                                             "_"
                                                                                                                             "v"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "i"
                                                                                                                             "c"
                                                                                                                             "t"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "u"
                                                                                                                             "b"
                                                                                                                             "m"
                                                                                                                             "i"
                                                                                                                             "s"
                                                                                                                             "s"
                                                                                                                             "i"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "k"
                                                                                                                             "e"
                                                                                                                             "y"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "f"
                                                                                                                             "r"
                                                                                                                             "o"
                                                                                                                             "m"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "_"
                                                                                                                             "s"
                                                                                                                             "t"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             "e"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             " "
                                                                                                                             "l"
                                                                                                                             "e"
                                                                                                                             "f"
                                                                                                                             "t"
                                                                                                                             " "
                                                                                                                             "j"
                                                                                                                             "o"
                                                                                                                             "i"
                                                                                                                             "n"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "_"
                                                                                                                             "s"
                                                                                                                             "l"
                                                                                                                             "a"
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "="
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "n"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "s"
                                                                                                                             "."
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "="
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "w"
                                                                                                                             "h"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "e"
                                                                                                                             " "
                                                                                                                             "t"
                                                                                                                             "o"
                                                                                                                             "_"
                                                                                                                             "c"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "r"
                                                                                                                             "("
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "c"
                                                                                                                             "i"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "_"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             " "
                                                                                                                             "t"
                                                                                                                             "i"
                                                                                                                             "m"
                                                                                                                             "e"
                                                                                                                             " "
                                                                                                                             "z"
                                                                                                                             "o"
                                                                                                                             "n"
                                                                                                                             "e"
                                                                                                                             " "
                                                                                                                             "'"
                                                                                                                             "A"
                                                                                                                             "s"
                                                                                                                             "i"
                                                                                                                             "a"
                                                                                                                             "/"
                                                                                                                             "S"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "n"
                                                                                                                             "g"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "i"
                                                                                                                             "'"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "'"
                                                                                                                             "Y"
                                                                                                                             "Y"
                                                                                                                             "Y"
                                                                                                                             "Y"
                                                                                                                             "-"
                                                                                                                             "M"
                                                                                                                             "M"
                                                                                                                             "'"
                                                                                                                             ")"
                                                                                                                             " "
                                                                                                                             "="
                                                                                                                             " "
                                                                                                                             "$"
                                                                                                                             "1"
                                                                                                                             " "
                                                                                                                             "a"
                                                                                                                             "n"
                                                                                                                             "d"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "t"
                                                                                                                             "a"
                                                                                                                             "t"
                                                                                                                             "e"
                                                                                                                             " "
                                                                                                                             "n"
                                                                                                                             "o"
                                                                                                                             "t"
                                                                                                                             " "
                                                                                                                             "i"
                                                                                                                             "n"
                                                                                                                             " "
                                                                                                                             "("
                                                                                                                             "'"
                                                                                                                             "d"
                                                                                                                             "r"
                                                                                                                             "a"
                                                                                                                             "f"
                                                                                                                             "t"
                                                                                                                             "'"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "'"
                                                                                                                             "d"
                                                                                                                             "r"
                                                                                                                             "o"
                                                                                                                             "p"
                                                                                                                             "p"
                                                                                                                             "e"
                                                                                                                             "d"
                                                                                                                             "'"
                                                                                                                             ")"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             " "
                                                                                                                             "b"
                                                                                                                             "y"
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "s"
                                                                                                                             "h"
                                                                                                                             "a"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             ","
                                                                                                                             " "
                                                                                                                             "o"
                                                                                                                             "."
                                                                                                                             "o"
                                                                                                                             "r"
                                                                                                                             "d"
                                                                                                                             "e"
                                                                                                                             "r"
                                                                                                                             "_"
                                                                                                                             "i"
                                                                                                                             "d"},
    {"scorecard", "select * from scorecard where month = $1 order by institution, month, action"}};

/* What is written, and its digest. */
struct sink {
  FILE *file;
  struct hf_sha256 hash;
  uint64_t rows;
};

static void put(struct sink *sink, const char *text, size_t size)
{
  fwrite(text, 1, size, sink->file);
  hf_sha256_add(&sink->hash, text, size);
}

/* RFC 4180; a spreadsheet must not take what an institution sent for a formula. */
static void put_cell(struct sink *sink, const char *text, bool first)
{
  if (!first) put(sink, ",", 1);
  bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL && strspn(text, "-0123456789.") != strlen(text);
  if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
    put(sink, text, strlen(text));
    return;
  }
  put(sink, "\"", 1);
  if (formula) put(sink, "'", 1);
  for (; *text != '\0'; text++) put(sink, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
  put(sink, "\"", 1);
}

static void put_row(struct sink *sink, const PGresult *result, int row, bool titles)
{
  for (int c = 0; c < PQnfields(result); c++) put_cell(sink, titles ? PQfname(result, c) : PQgetvalue(result, row, c), c == 0);
  put(sink, "\r\n", 2);
}

/* Row by row: a month may have millions. */
static bool write_rows(PGconn *database, const char *sql, const char *month, bool csv, struct sink *sink)
{
  char *query = NULL;
  bool ok = asprintf(&query, csv ? "%s" : "select row_to_json(t)::text from (%s) t", sql) > 0;
  ok = ok && PQsendQueryParams(database, query, 1, NULL, &month, NULL, NULL, 0) == 1 && PQsetSingleRowMode(database) == 1;
  free(query);
  if (csv) put(sink, "\xef\xbb\xbf", 3);
  PGresult *result;
  for (bool titles = csv; ok && (result = PQgetResult(database)) != NULL; PQclear(result)) {
    ExecStatusType status = PQresultStatus(result);
    ok = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
    if (!ok) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
    if (ok && titles) put_row(sink, result, 0, true);
    titles = false;
    for (int row = 0; ok && row < PQntuples(result); row++, sink->rows++) {
      if (csv) {
        put_row(sink, result, row, false);
        continue;
      }
      put(sink, PQgetvalue(result, row, 0), (size_t)PQgetlength(result, row, 0));
      put(sink, "\n", 1);
    }
  }
  return ok;
}

/* "yyyy-MM", not after the present one (China's). */
static bool check_month(const char *text)
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

/* Beside the target, then in its place: a reader finds a whole file or none. */
static int export_to(PGconn *database, const struct kind *kind, const char *month, const char *target, bool csv)
{
  char part[1024], digest[2 * HF_SHA256_SIZE + 1] = "", what[256];
  uint8_t sum[HF_SHA256_SIZE];
  struct sink sink = {0};
  if (snprintf(part, sizeof part, "%s.part", target) >= (int)sizeof part) return HF_EXIT_USAGE;
  int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || (sink.file = fdopen(fd, "w")) == NULL) {
    hf_say("%s: %s", part, strerror(errno));
    return HF_EXIT_FAILED;
  }
  hf_sha256_init(&sink.hash);
  bool ok = write_rows(database, kind->sql, month, csv, &sink);
  hf_sha256_end(&sink.hash, sum);
  struct hf_writer writer = hf_writer_of(digest, sizeof digest - 1);
  hf_write_hex(&writer, sum, sizeof sum);
  bool whole = fflush(sink.file) == 0 && fsync(fd) == 0;
  if (fclose(sink.file) != 0 || !whole) {
    hf_say("%s: %s", part, strerror(errno));
    ok = false;
  }
  snprintf(what, sizeof what, "export %s %s, sha256 %s", kind->name, month, digest);
  PGresult *result = !ok ? NULL
                         : PQexecParams(database, "insert into reveal (what, reason) values ($1, 'export')", 1, NULL,
                                        (const char *const[]){what}, NULL, NULL, 0);
  if (ok && PQresultStatus(result) != PGRES_COMMAND_OK) {
    hf_say(_("the export cannot be recorded, so there is none: %s"), PQresultErrorMessage(result));
    ok = false;
  }
  PQclear(result);
  if (!ok || rename(part, target) != 0) {
    unlink(part);
    return HF_EXIT_FAILED;
  }
  printf("%s  %s\n", digest, target);
  hf_say(_("%llu rows"), (unsigned long long)sink.rows);
  return HF_EXIT_OK;
}

int hf_command_export(struct hf_cli *cli)
{
  const struct kind *kind = NULL;
  const char *month = cli->arguments[1], *target = cli->arguments[2], *dot = strrchr(target, '.');
  bool csv = dot != NULL && strcmp(dot, ".csv") == 0;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].name, cli->arguments[0]) == 0) kind = &kinds[i];
  if (kind == NULL || (!csv && (dot == NULL || strcmp(dot, ".jsonl") != 0))) {
    hf_say("%s", _("expected: orders or scorecard, a month, and a file that ends in .csv or .jsonl"));
    return HF_EXIT_USAGE;
  }
  if (!check_month(month)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = export_to(database, kind, month, target, csv);
  PQfinish(database);
  return code;
}
