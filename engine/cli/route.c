/* route, routing check: which institution an account belongs to, why, and whether the tables are sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/route.h"

#define FILE_SIZE_MAX (16u << 20)

struct table_file {
  const char *name;
  bool tells;
};

static void tell_bad(void *owner, uint32_t line, const char *why)
{
  const struct table_file *file = owner;
  if (file->tells) hf_say("%s:%u: %s", file->name, line, _(why));
}

/* Bad lines of one table; UINT32_MAX where it cannot be read. */
static uint32_t read_table(struct hf_routing *routing, enum hf_routing_table table, const char *folder, bool tells)
{
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, hf_routing_file(table));
  struct table_file file = {path, tells};
  FILE *in = fopen(path, "rbe");
  uint8_t *text = malloc(FILE_SIZE_MAX);
  if (text == NULL) abort();
  size_t size = in == NULL ? 0 : fread(text, 1, FILE_SIZE_MAX, in);
  uint32_t bad = in == NULL || size == FILE_SIZE_MAX
                     ? UINT32_MAX
                     : hf_routing_read(routing, table, (struct hf_span){text, size}, tell_bad, &file);
  if (bad == UINT32_MAX) hf_say(_("%s cannot be read, or is larger than 16 MiB"), path);
  if (in != NULL) fclose(in);
  free(text);
  return bad;
}

struct hf_routing *hf_cli_routing(const struct hf_cli *cli)
{
  if (cli->routing[0] == '\0') return NULL;
  struct hf_routing *routing = hf_routing_new();
  uint32_t bad = 0;
  for (int table = 0; table < HF_ROUTING_TABLES; table++) {
    uint32_t of_table = read_table(routing, (enum hf_routing_table)table, cli->routing, false);
    bad += of_table != UINT32_MAX ? of_table : 0;
  }
  if (bad > 0) hf_say(_("%u lines of the routing tables are left out: holdfast routing check"), bad);
  return routing;
}

void hf_cli_explain_route(const struct hf_account_number *number, const char *stated, const struct hf_route *route)
{
  char masked[HF_MASK_TEXT_SIZE];
  const struct hf_routing_row *row = route->prefix;
  hf_say(_("%s, %u characters"), hf_mask_account(number, masked), number->size);
  if (!route->check_digit && number->size >= 13) hf_say(_("a warning: it has no valid card check digit; is it right?"));
  if (row != NULL)
    hf_say(_("prefix %s with %u digits: %s (%s, line %u)"), row->key, row->length, row->institution, row->name, row->line);
  if (route->shorter != NULL)
    hf_say(_("it overrules the shorter prefix %s of %s"), route->shorter->key, route->shorter->institution);
  if (row == NULL && route->lengths != NULL)
    hf_say(_("prefix %s is %s's, but for %u digits: not used"), route->lengths->key, route->lengths->institution,
           route->lengths->length);
  if (route->bad_code)
    hf_say(_("bank code %s: the check digit is wrong, it ought to be %c; have two digits changed places?"), stated,
           hf_bank_code_check_digit(stated));
  if (route->code != NULL) hf_say(_("%s: %s (%s)"), route->code->key, route->code->institution, route->code->name);
  if (route->office != NULL) hf_say(_("its head office is %s (%s)"), route->office->key, route->office->name);
  if (route->clash) hf_say(_("the prefix and what was stated (%s) differ: ask which is right"), stated);
  if (route->by == HF_ROUTE_NONE) hf_say(_("no table knows where it belongs"));
}

int hf_command_route(struct hf_cli *cli)
{
  static const char *const bys[] = {"none", "stated", "prefix", "bank_code", "payment_company"};
  struct hf_account_number number;
  const char *text = cli->arguments[0], *stated = cli->arguments_count > 1 ? cli->arguments[1] : "";
  struct hf_status status = hf_account_number_set(&number, text, strlen(text));
  if (!hf_is_ok(status)) {
    hf_say(_("account: %s"), status.why);
    return HF_EXIT_USAGE;
  }
  struct hf_routing *routing = hf_cli_routing(cli);
  if (routing == NULL) {
    hf_say(_("the configuration names no folder of routing tables: routing: DIR"));
    return HF_EXIT_USAGE;
  }
  struct hf_route route = hf_route_of(routing, &number, stated);
  hf_cli_explain_route(&number, stated, &route);
  bool found = route.by != HF_ROUTE_NONE && !route.bad_code;
  if (cli->json)
    printf("{\"institution\": \"%s\", \"by\": \"%s\", \"clash\": %s, \"check_digit\": %s}\n", found ? route.institution : "",
           bys[route.by], route.clash ? "true" : "false", route.check_digit ? "true" : "false");
  else if (found)
    puts(route.institution);
  hf_routing_free(routing);
  return !found ? HF_EXIT_FAILED : route.clash ? HF_EXIT_REFUSED : HF_EXIT_OK;
}

int hf_command_routing_check(struct hf_cli *cli)
{
  const char *folder = cli->arguments_count > 0 ? cli->arguments[0] : cli->routing;
  struct hf_routing *routing = hf_routing_new();
  bool sound = true;
  for (int i = 0; i < HF_ROUTING_TABLES; i++) {
    enum hf_routing_table table = (enum hf_routing_table)i;
    uint32_t bad = read_table(routing, table, folder, true);
    sound &= bad == 0;
    if (bad != UINT32_MAX)
      printf("%s\t%u\t%u\t%s\n", hf_routing_file(table), hf_routing_rows(routing, table), bad,
             hf_routing_version(routing, table));
  }
  hf_routing_free(routing);
  return sound ? HF_EXIT_OK : HF_EXIT_FAILED;
}
