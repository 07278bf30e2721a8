#include "adapters/kit/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const outcomes[] = {"passed", "failed", "left_out"};

static FILE *open_in(const char *folder, const char *name)
{
  char path[600];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "we");
  if (out == NULL) fprintf(stderr, "holdfast-kit: %s: %s\n", path, strerror(errno));
  return out;
}

static void put_escaped(FILE *out, const char *text)
{
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '&')
      fputs("&amp;", out);
    else if (c == '<')
      fputs("&lt;", out);
    else if (c == '>')
      fputs("&gt;", out);
    else if (c == '"')
      fputs("&quot;", out);
    else
      fputc(c >= 0x20 ? c : ' ', out);
  }
}

static int count_of(const struct kit_finding *findings, int count, enum kit_outcome outcome)
{
  int found = 0;
  for (int i = 0; i < count; i++) found += findings[i].outcome == outcome;
  return found;
}

static char *json_of(const struct kit *kit, const struct kit_finding *findings, int count)
{
  char at[HF_TIME_TEXT_SIZE];
  json_t *cases = json_array();
  for (int i = 0; i < count; i++)
    json_array_append_new(
        cases, json_pack("{s:i, s:s, s:s, s:s, s:f}", "number", findings[i].about->number, "name", findings[i].about->name,
                         "outcome", outcomes[findings[i].outcome], "why", findings[i].why, "seconds", findings[i].seconds));
  json_t *root =
      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "kit", "holdfast-kit " HF_VERSION, "made_at",
                hf_time_text(hf_time_now().wall_ns, at), "endpoint", kit->row.endpoint, "institution", kit->row.code, "dialect",
                kit->row.dialect, "signed_by", kit->signing.id, "passed", count_of(findings, count, KIT_PASSED), "failed",
                count_of(findings, count, KIT_FAILED), "left_out", count_of(findings, count, KIT_LEFT_OUT), "cases", cases);
  char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
  json_decref(root);
  return text;
}

static bool write_json(struct kit *kit, const char *folder, const struct kit_finding *findings, int count)
{
  uint8_t signature[HF_SIGNATURE_SIZE_MAX];
  char *text = json_of(kit, findings, count); /* NULL: a reply's text is not UTF-8, and stands in why */
  FILE *out = text == NULL ? NULL : open_in(folder, "report.json");
  FILE *seal = out == NULL ? NULL : open_in(folder, "report.json.sig");
  if (seal != NULL) {
    fputs(text, out);
    size_t size = hf_key_sign(kit->context, &kit->signing, (struct hf_span){(const uint8_t *)text, strlen(text)}, signature,
                              sizeof signature);
    fwrite(signature, 1, size, seal);
    fclose(seal);
  }
  if (out != NULL) fclose(out);
  free(text);
  return seal != NULL;
}

static bool write_html(const struct kit *kit, const char *folder, const struct kit_finding *findings, int count)
{
  char at[HF_TIME_TEXT_SIZE];
  FILE *out = open_in(folder, "report.html");
  if (out == NULL) return false;
  fputs(
      "<!doctype html><meta charset=\"utf-8\"><title>holdfast-kit</title><style>body{font:15px/1.5 sans-serif;max-width:60em;"
      "margin:2em auto}table{border-collapse:collapse}td,th{padding:.2em .6em;text-align:left;border-bottom:1px solid #ccc}"
      ".failed{background:#fdd}.left_out{color:#666}</style><h1>holdfast-kit " HF_VERSION "</h1><p>",
      out);
  put_escaped(out, kit->row.code);
  fputs(" at ", out);
  put_escaped(out, kit->row.endpoint);
  fprintf(out, ", %s, %s: %d passed, %d failed, %d left out</p><table><tr><th>case<th>what must hold<th>outcome<th>why<th>s\n",
          kit->row.dialect, hf_time_text(hf_time_now().wall_ns, at), count_of(findings, count, KIT_PASSED),
          count_of(findings, count, KIT_FAILED), count_of(findings, count, KIT_LEFT_OUT));
  for (int i = 0; i < count; i++) {
    fprintf(out, "<tr class=\"%s\"><td>%d<td>", outcomes[findings[i].outcome], findings[i].about->number);
    put_escaped(out, findings[i].about->name);
    fprintf(out, "<td>%s<td>", outcomes[findings[i].outcome]);
    put_escaped(out, findings[i].why);
    fprintf(out, "<td>%.2f\n", findings[i].seconds);
  }
  fputs("</table>\n", out);
  return fclose(out) == 0;
}

static bool write_junit(const char *folder, const struct kit_finding *findings, int count)
{
  FILE *out = open_in(folder, "report.xml");
  if (out == NULL) return false;
  fprintf(out,
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"holdfast-kit\" tests=\"%d\" failures=\"%d\" "
          "skipped=\"%d\">\n",
          count, count_of(findings, count, KIT_FAILED), count_of(findings, count, KIT_LEFT_OUT));
  for (int i = 0; i < count; i++) {
    fprintf(out, "  <testcase name=\"%d ", findings[i].about->number);
    put_escaped(out, findings[i].about->name);
    fprintf(out, "\" time=\"%.3f\">", findings[i].seconds);
    if (findings[i].outcome != KIT_PASSED) {
      fputs(findings[i].outcome == KIT_FAILED ? "<failure message=\"" : "<skipped message=\"", out);
      put_escaped(out, findings[i].why);
      fputs("\"/>", out);
    }
    fputs("</testcase>\n", out);
  }
  fputs("</testsuite>\n", out);
  return fclose(out) == 0;
}

bool kit_report(struct kit *kit, const char *folder, const struct kit_finding *findings, int count)
{
  if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
    fprintf(stderr, "holdfast-kit: %s: %s\n", folder, strerror(errno));
    return false;
  }
  return write_json(kit, folder, findings, count) && write_html(kit, folder, findings, count) &&
         write_junit(folder, findings, count);
}
