#include "engine/core/command.h"

#include <string.h>

#include "engine/base/assert.h"

static const char *const codes[HF_COMMAND_COUNT] = {"",
#define X(name, code, text) code,
                                                    HF_COMMANDS(X)
#undef X
};

/* Design.md section 10: freeze, lift and return take two officers over one digest; a stop one. */
static const struct hf_command_rule rules[HF_COMMAND_COUNT] = {
    [HF_COMMAND_STOP] = {.officers = 1},
    [HF_COMMAND_EXTEND] = {.officers = 1},
    [HF_COMMAND_FREEZE] = {.officers = 2, .document = true, .severe = true, .may_break_glass = true},
    [HF_COMMAND_RENEW] = {.officers = 2, .document = true, .severe = true, .may_break_glass = true},
    [HF_COMMAND_LIFT] = {.officers = 2, .severe = true, .may_break_glass = true},
    [HF_COMMAND_RETURN] = {.officers = 2, .document = true, .severe = true},
    [HF_COMMAND_CONFIRM] = {.officers = 1},
    [HF_COMMAND_DROP] = {.officers = 1},
    [HF_COMMAND_CANCEL] = {.officers = 1},
    [HF_COMMAND_FIX] = {.officers = 1},
    [HF_COMMAND_RESOLVE] = {.officers = 1},
    [HF_COMMAND_QUERY] = {.officers = 1},
    [HF_COMMAND_MONITOR] = {.officers = 1},
    [HF_COMMAND_UNMONITOR] = {.officers = 1},
    [HF_COMMAND_PAPER] = {.officers = 1, .document = true},
    [HF_COMMAND_SUSPECT] = {.officers = 1},
    [HF_COMMAND_BLOCK] = {.officers = 2, .severe = true},
    [HF_COMMAND_RECONCILE] = {.officers = 1},
    [HF_COMMAND_LINK] = {.officers = 1},
    [HF_COMMAND_REJECT] = {.officers = 1},
    [HF_COMMAND_REVIEW] = {.officers = 1},
    [HF_COMMAND_CLOSE] = {.officers = 1},
};

const char *hf_command_code(enum hf_command_kind kind)
{
  HF_ASSERT(kind < HF_COMMAND_COUNT);
  return codes[kind];
}

enum hf_command_kind hf_command_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_COMMAND_COUNT; i++)
    if (strcmp(codes[i], code) == 0) return (enum hf_command_kind)i;
  return HF_COMMAND_UNSET;
}

const struct hf_command_rule *hf_command_rule(enum hf_command_kind kind)
{
  HF_ASSERT(kind > HF_COMMAND_UNSET && kind < HF_COMMAND_COUNT);
  return &rules[kind];
}
