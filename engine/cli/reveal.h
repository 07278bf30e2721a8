/*
 * Reveal: what stands behind the pseudonyms of one case, for somebody who has the file of personal keys and said why.
 * Memory: the table is the heap's, freed with hf_opened_free, its values wiped.
 */
#ifndef HF_CLI_REVEAL_H
#define HF_CLI_REVEAL_H

#include "engine/cli/cli.h"
#include "engine/seal/seal.h"

struct hf_opened;

/* Of the configuration's personal_keys. NULL, after having said why. */
struct hf_seal *hf_cli_seal(const struct hf_cli *cli);

/* NULL, after having said why: no key file, or the case's data keys are gone. */
struct hf_opened *hf_opened_case(const struct hf_cli *cli, PGconn *database, const char *case_id);
void hf_opened_free(struct hf_opened *opened);

/* A pseudonym's clear value, or NULL where the text is none of this case's. */
const char *hf_opened_text(const struct hf_opened *opened, const char *text);

#endif
