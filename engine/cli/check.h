/*
 * Check: findings, one a line, right or wrong with what to do about it: of `doctor` and `institution test`.
 */
#ifndef HF_CLI_CHECK_H
#define HF_CLI_CHECK_H

#include "engine/cli/cli.h"

/* Zero but for json before the first finding. */
struct hf_checks {
  bool json;
  int count, wrong;
};

/* what: one word; found: what is; advice: what to do, shown where it is wrong. */
void hf_check_tell(struct hf_checks *checks, bool right, const char *what, const char *found, const char *advice);
/* Ends the list; HF_EXIT_FAILED where anything was wrong. */
int hf_checks_end(const struct hf_checks *checks);

/* The text of the engine's /metrics, until the next call; NULL where it does not answer. */
const char *hf_check_metrics(const struct hf_cli *cli);
/* An institution's figure in that text; -1: it has none. */
long hf_check_metric(const char *metrics, const char *name, const char *institution);

#endif
