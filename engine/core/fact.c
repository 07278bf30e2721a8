#include "engine/core/fact.h"

#include <string.h>

#include "engine/base/assert.h"

static const char *const fact_codes[HF_FACT_COUNT] = {"",
#define X(name, code) code,
                                                      HF_FACTS(X)
#undef X
};

static const char *const outcome_codes[HF_OUTCOME_COUNT] = {"",
#define X(name, code) code,
                                                            HF_OUTCOMES(X)
#undef X
};

const char *hf_fact_code(enum hf_fact_kind kind)
{
  HF_ASSERT(kind < HF_FACT_COUNT);
  return fact_codes[kind];
}

const char *hf_outcome_code(enum hf_outcome outcome)
{
  HF_ASSERT(outcome < HF_OUTCOME_COUNT);
  return outcome_codes[outcome];
}

enum hf_outcome hf_outcome_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_OUTCOME_COUNT; i++)
    if (strcmp(outcome_codes[i], code) == 0) return (enum hf_outcome)i;
  return HF_OUTCOME_UNSET;
}
