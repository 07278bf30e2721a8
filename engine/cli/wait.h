/* Wait: until the engine has recorded submissions, or refused them. */
#ifndef HF_CLI_WAIT_H
#define HF_CLI_WAIT_H

#include "engine/cli/cli.h"

/* OK when all are recorded and none is quarantined; says the reason of the first that is. */
int hf_cli_wait_recorded(const struct hf_cli *cli, const struct hf_produced *at, int count);

#endif
