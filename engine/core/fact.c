#include "engine/core/fact.h"

#include <string.h>

#include "engine/base/assert.h"

/* A code table and its two look-ups; codes are stable for ever: they stand in PostgreSQL and on holdfast.facts. */
#define HF_CODES(name, type, prefix, list)                                              \
  static const char *const name##_codes[prefix##_COUNT] = {"", list(HF_CODE_##prefix)}; \
  const char *hf_##name##_code(enum type value)                                         \
  {                                                                                     \
    HF_ASSERT(value < prefix##_COUNT);                                                  \
    return name##_codes[value];                                                         \
  }
#define HF_CODES_BACK(name, type, prefix)                          \
  enum type hf_##name##_of_code(const char *code)                  \
  {                                                                \
    for (unsigned i = 1; i < prefix##_COUNT; i++)                  \
      if (strcmp(name##_codes[i], code) == 0) return (enum type)i; \
    return prefix##_UNSET;                                         \
  }
#define HF_CODE_HF_FACT(name, code) code,
#define HF_CODE_HF_OUTCOME(name, code) code,
#define HF_CODE_HF_TASK(name, code, text) code,
#define HF_CODE_HF_BOUND(name, code) code,
#define HF_CODE_HF_DRAFT_CAUSE(name, code) code,

#define HF_CODE_HF_RUNG(name, code) code,
#define HF_CODE_HF_ACCESS(name, code) code,

HF_CODES(fact, hf_fact_kind, HF_FACT, HF_FACTS)
HF_CODES(outcome, hf_outcome, HF_OUTCOME, HF_OUTCOMES)
HF_CODES_BACK(outcome, hf_outcome, HF_OUTCOME)
HF_CODES(task, hf_task, HF_TASK, HF_TASKS)
HF_CODES_BACK(task, hf_task, HF_TASK)
HF_CODES(bound, hf_bound, HF_BOUND, HF_BOUNDS)
HF_CODES_BACK(bound, hf_bound, HF_BOUND)
HF_CODES(draft_cause, hf_draft_cause, HF_DRAFT_CAUSE, HF_DRAFT_CAUSES)
HF_CODES_BACK(draft_cause, hf_draft_cause, HF_DRAFT_CAUSE)
HF_CODES(rung, hf_rung, HF_RUNG, HF_RUNGS)
HF_CODES_BACK(rung, hf_rung, HF_RUNG)
HF_CODES(access, hf_access_kind, HF_ACCESS, HF_ACCESSES)
HF_CODES_BACK(access, hf_access_kind, HF_ACCESS)
