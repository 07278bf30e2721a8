/* Evolve: the state's only writer. Inside the core; others use core.h. */
#ifndef HF_CORE_EVOLVE_H
#define HF_CORE_EVOLVE_H

#include "engine/core/core.h"

/* Changes the state by one fact. Requires: a fact that decide would give, or gave, in this state. */
void hf_core_evolve(struct hf_core *core, const struct hf_fact *fact);

struct hf_case_entry *hf_core_case(const struct hf_core *core, struct hf_case_id id);
struct hf_order_entry *hf_core_order(const struct hf_core *core, struct hf_order_id id);
struct hf_account_entry *hf_core_account(const struct hf_core *core, const struct hf_case_entry *entry,
                                         const struct hf_party *payee);

#endif
