#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wchar.h>

#include "engine/base/assert.h"
#include "engine/cli/reveal.h"

void hf_say(const char *format, ...)
{
  va_list list;
  va_start(list, format);
  fputs("holdfast: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
}

void hf_cli_random(void *bytes, size_t size)
{
  HF_ASSERT(getrandom(bytes, size, 0) == (ssize_t)size);
}

PGconn *hf_cli_database(const struct hf_cli *cli)
{
  if (cli->conninfo[0] == '\0') {
    hf_say("%s", _("the configuration names no conninfo"));
    return NULL;
  }
  const char *keys[] = {"dbname", "connect_timeout", "application_name", NULL},
             *values[] = {cli->conninfo, "3", "holdfast", NULL};
  PGconn *database = PQconnectdbParams(keys, values, 1);
  if (PQstatus(database) == CONNECTION_OK) return database;
  hf_say(_("PostgreSQL cannot be reached: %s"), PQerrorMessage(database));
  PQfinish(database);
  return NULL;
}

/* Columns on the screen; Chinese characters take two. */
static int width_of(const char *text)
{
  wchar_t wide[1024];
  size_t count = mbstowcs(wide, text, sizeof wide / sizeof wide[0]);
  if (count == (size_t)-1) return (int)strlen(text);
  int width = wcswidth(wide, count);
  return width < 0 ? (int)count : width;
}

static void put_cell(const char *text, int width, bool right)
{
  int spaces = width - width_of(text);
  if (right)
    printf("%*s%s  ", spaces > 0 ? spaces : 0, "", text);
  else
    printf("%s%*s  ", text, spaces > 0 ? spaces : 0, "");
}

static bool is_number(const PGresult *result, int column)
{
  Oid type = PQftype(result, column);
  return type == 20 || type == 21 || type == 23 || type == 700 || type == 701 || type == 1700;
}

/* Codes that are words to people; in JSON they stay codes. */
static const char *const words[] = {N_("stop"),           N_("query"),
                                    N_("extend"),         N_("lift"),
                                    N_("freeze"),         N_("renew"),
                                    N_("unfreeze"),       N_("holder"),
                                    N_("accounts"),       N_("holds"),
                                    N_("serial"),         N_("monitor"),
                                    N_("unmonitor"),      N_("paper"),
                                    N_("return"),         N_("suspect"),
                                    N_("block"),          N_("report"),
                                    N_("draft"),          N_("ready"),
                                    N_("sent"),           N_("received"),
                                    N_("unknown"),        N_("watching"),
                                    N_("effective"),      N_("effective_short"),
                                    N_("held_by_other"),  N_("refused_fixable"),
                                    N_("refused"),        N_("dropped"),
                                    N_("cancelled"),      N_("late"),
                                    N_("bank"),           N_("payment"),
                                    N_("carrier"),        N_("in_force"),
                                    N_("queued"),         N_("lapsed"),
                                    N_("lifted"),         N_("gone"),
                                    N_("call"),           N_("fix"),
                                    N_("confirm"),        N_("countersign"),
                                    N_("review"),         N_("difference"),
                                    N_("contradiction"),  N_("link"),
                                    N_("onward"),         N_("full"),
                                    N_("limited"),        N_("receive_only"),
                                    N_("reconcile"),      N_("reject"),
                                    N_("close"),          N_("drop"),
                                    N_("cancel"),         N_("resolve"),
                                    N_("hops"),           N_("fan_out"),
                                    N_("window"),         N_("small"),
                                    N_("cash"),           N_("nobody"),
                                    N_("no_institution"), N_("self"),
                                    N_("protected"),      N_("tiny_share"),
                                    N_("old_payee"),      N_("signed"),
                                    N_("stops_used_up"),  N_("yes")};

static const char *cell_text(const struct hf_cli *cli, const PGresult *result, int row, int column)
{
  const char *text = PQgetvalue(result, row, column);
  const char *clear = cli->opened == NULL ? NULL : hf_opened_text(cli->opened, text);
  if (clear != NULL) return clear;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(text, words[i]) == 0) return gettext(text);
  return text;
}

static void print_table(const struct hf_cli *cli, const PGresult *result, const char *titles)
{
  char names[32][64];
  int columns = PQnfields(result), widths[32] = {0};
  HF_ASSERT(columns <= 32);
  for (int c = 0; c < columns; c++) {
    size_t size = strcspn(titles, ",");
    snprintf(names[c], sizeof names[c], "%.*s", (int)size, titles);
    titles += size + (titles[size] == ',');
    widths[c] = width_of(names[c]);
    for (int r = 0; r < PQntuples(result); r++) {
      int width = width_of(cell_text(cli, result, r, c));
      if (width > widths[c]) widths[c] = width;
    }
  }
  for (int c = 0; c < columns; c++) put_cell(names[c], widths[c], is_number(result, c));
  puts("");
  for (int r = 0; r < PQntuples(result); r++) {
    for (int c = 0; c < columns; c++) put_cell(cell_text(cli, result, r, c), widths[c], is_number(result, c));
    puts("");
  }
}

/* PostgreSQL's JSON; where a case is opened, strings that are pseudonyms become what they stand for. */
static void print_json(const struct hf_cli *cli, const char *json)
{
  while (*json != '\0') {
    size_t size = strcspn(json, "\"") + 1; /* up to a string, then the string */
    if (json[size - 1] == '\0') break;
    fwrite(json, 1, size, stdout);
    json += size;
    for (size = 0; json[size] != '"' && json[size] != '\0';) size += json[size] == '\\' ? 2 : 1;
    char text[HF_NAME_SIZE_MAX + 1] = "", quoted[HF_NAME_SIZE_MAX * 6 + 3];
    if (size < sizeof text) memcpy(text, json, size);
    const char *clear = cli->opened == NULL ? NULL : hf_opened_text(cli->opened, text);
    struct hf_writer writer = hf_writer_of(quoted, sizeof quoted);
    if (clear != NULL) hf_write_json_string(&writer, clear, strlen(clear));
    if (clear != NULL) /* with its own quotation marks */
      fwrite(quoted + 1, 1, writer.size - 2, stdout);
    else
      fwrite(json, 1, size, stdout);
    json += size;
    if (*json == '"') putchar(*json++);
  }
  puts(json);
}

int hf_cli_show(const struct hf_cli *cli, PGconn *database, const char *titles, const char *sql, int count,
                const char *const *values)
{
  char *wrapped = NULL;
  if (cli->json && asprintf(&wrapped, "select coalesce(json_agg(t), '[]') from (%s) t", sql) < 0) return HF_EXIT_FAILED;
  PGresult *result = PQexecParams(database, wrapped != NULL ? wrapped : sql, count, NULL, values, NULL, NULL, 0);
  int code = HF_EXIT_OK;
  if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    hf_say(_("PostgreSQL refuses the query: %s"), PQresultErrorMessage(result));
    code = HF_EXIT_FAILED;
  } else if (cli->json) {
    print_json(cli, PQgetvalue(result, 0, 0));
  } else {
    print_table(cli, result, titles);
    if (PQntuples(result) == 0) hf_say("%s", _("nothing there"));
  }
  PQclear(result);
  free(wrapped);
  return code;
}

int hf_cli_list(const struct hf_cli *cli, const char *titles, const char *sql, int count, const char *const *values)
{
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  int code = hf_cli_show(cli, database, titles, sql, count, values);
  PQfinish(database);
  return code;
}
