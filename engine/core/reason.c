#include "engine/core/reason.h"

#include <string.h>

#include "engine/base/assert.h"

static const struct {
  const char *code, *text;
} reasons[HF_REASON_COUNT] = {{"", ""},
#define X(name, code, text) {code, text},
                              HF_REASONS(X)
#undef X
};

const char *hf_reason_code(enum hf_reason reason)
{
  HF_ASSERT(reason < HF_REASON_COUNT);
  return reasons[reason].code;
}

const char *hf_reason_text(enum hf_reason reason)
{
  HF_ASSERT(reason < HF_REASON_COUNT);
  return reasons[reason].text;
}

enum hf_reason hf_reason_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_REASON_COUNT; i++)
    if (strcmp(reasons[i].code, code) == 0) return (enum hf_reason)i;
  return HF_REASON_NONE;
}
