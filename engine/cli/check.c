#include "engine/cli/check.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"

static void put(struct hf_writer *out, const char *key, const char *text)
{
  hf_write_text(out, key);
  hf_write_json_string(out, text, strlen(text));
}

void hf_check_tell(struct hf_checks *checks, bool right, const char *what, const char *found, const char *advice)
{
  char line[2048];
  struct hf_writer out = hf_writer_of(line, sizeof line - 1);
  bool first = checks->count++ == 0;
  if (!right) checks->wrong++;
  if (!checks->json) {
    printf("%s  %-12s %s\n", right ? "✓" : "✗", what, found);
    if (!right) printf("   → %s\n", advice);
    return;
  }
  put(&out, first ? "[{\"check\":" : ",{\"check\":", what);
  hf_write_text(&out, right ? ",\"ok\":true" : ",\"ok\":false");
  put(&out, ",\"found\":", found);
  put(&out, ",\"advice\":", right ? "" : advice);
  hf_write_text(&out, "}");
  line[out.size] = '\0';
  fputs(line, stdout);
}

int hf_checks_end(const struct hf_checks *checks)
{
  if (checks->json) puts(checks->count == 0 ? "[]" : "]");
  return checks->wrong == 0 ? HF_EXIT_OK : HF_EXIT_FAILED;
}

const char *hf_check_metrics(const struct hf_cli *cli)
{
  static char text[1024 * 1024]; /* eight lines for each of HF_INSTITUTIONS_MAX lanes, and more */
  return hf_cli_http(cli->http, "GET", "/metrics", "", text, sizeof text) == 200 ? text : NULL;
}

long hf_check_metric(const char *metrics, const char *name, const char *institution)
{
  char start[128];
  snprintf(start, sizeof start, "\n%s{institution=\"%s\"} ", name, institution);
  const char *at = strstr(metrics, start);
  return at == NULL ? -1 : strtol(at + strlen(start), NULL, 10);
}
