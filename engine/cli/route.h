/* Route, for the commands: the tables that the configuration names, and an explanation for people. */
#ifndef HF_CLI_ROUTE_H
#define HF_CLI_ROUTE_H

#include "engine/cli/cli.h"
#include "engine/route/route.h"

/* NULL where the configuration names none. The caller frees. */
struct hf_routing *hf_cli_routing(const struct hf_cli *cli);
/* What decided, line by line, on standard error; the number masked. */
void hf_cli_explain_route(const struct hf_account_number *number, const char *stated, const struct hf_route *route);

#endif
