#include "engine/core/sla.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/core/china.h"
#include "engine/core/order.h"

/* --- reading --- */

/* One entry, word by word. */
struct words {
  const char *at, *end;
};

/* The next word, up to a space; size 0 where there is none. A second space in a row makes an empty word. */
static struct hf_span next_word(struct words *entry)
{
  const char *from = entry->at;
  while (entry->at < entry->end && *entry->at != ' ') entry->at++;
  struct hf_span word = {(const uint8_t *)from, (size_t)(entry->at - from)};
  if (entry->at < entry->end) entry->at++;
  return word;
}

static bool is_word(struct hf_span word, const char *text)
{
  return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static const char *read_day(struct words *entry, struct hf_sla_rules *rules)
{
  struct hf_span date = next_word(entry), kind = next_word(entry);
  int32_t day = hf_china_day(date);
  enum hf_sla_days is = is_word(kind, "holiday") ? HF_SLA_HOLIDAY : is_word(kind, "workday") ? HF_SLA_WORKDAY : HF_SLA_ANY;
  if (day == INT32_MIN || is == HF_SLA_ANY || entry->at != entry->end) return "a day: \"day yyyy-MM-dd holiday\" or workday";
  if (rules->rules_count > 0) return "days stand before the rules";
  if (rules->days_count == HF_SLA_DAYS_MAX) return "more than 64 days";
  if (rules->days_count > 0 && rules->days[rules->days_count - 1].day >= day) return "a day twice, or not in order";
  rules->days[rules->days_count].day = day;
  rules->days[rules->days_count++].is = is;
  return NULL;
}

static bool same_kind(const struct hf_sla_rule *a, const struct hf_sla_rule *b)
{
  return strcmp(a->institution, b->institution) == 0 && a->action == b->action && a->days == b->days;
}

/* Every order that `b` fits, `a` fits too. */
static bool covers(const struct hf_sla_rule *a, const struct hf_sla_rule *b)
{
  return (a->institution[0] == '\0' || strcmp(a->institution, b->institution) == 0) &&
         (a->action == HF_ACTION_UNSET || a->action == b->action) && (a->days == HF_SLA_ANY || a->days == b->days) &&
         a->from <= b->from && a->to >= b->to;
}

static const char *read_hours(struct hf_span word, struct hf_sla_rule *rule)
{
  int64_t from = word.size == 5 ? hf_decimal_of(word.data, 2) : -1, to = word.size == 5 ? hf_decimal_of(word.data + 3, 2) : -1;
  if (word.size != 5 || word.data[2] != '-' || from < 0 || to > 24 || from >= to) return "hours: from 00-01 to 00-24, as 08-20";
  rule->from = (uint8_t)from;
  rule->to = (uint8_t)to;
  return NULL;
}

static const char *read_limits(struct words *entry, struct hf_sla_rule *rule)
{
  struct hf_span receipt = next_word(entry), feedback = next_word(entry);
  int64_t receipt_ms = hf_decimal_of(receipt.data, receipt.size), feedback_ms = hf_decimal_of(feedback.data, feedback.size);
  if (receipt_ms < 100 || feedback_ms < receipt_ms || feedback_ms > HF_SLA_LIMIT_MS_MAX || entry->at != entry->end)
    return "milliseconds: 100 to a week, the receipt's not above the feedback's";
  rule->receipt_ms = (uint32_t)receipt_ms;
  rule->feedback_ms = (uint32_t)feedback_ms;
  return NULL;
}

static const char *read_rule(struct hf_span institution, struct words *entry, struct hf_sla_rules *rules)
{
  struct hf_sla_rule rule = {0};
  char action[16] = "";
  struct hf_span act = next_word(entry), hours = next_word(entry), days = next_word(entry);
  if (rules->rules_count == HF_SLA_RULES_MAX) return "more than 64 rules";
  if (institution.size == 0 || institution.size >= sizeof rule.institution) return "an institution's code, or *";
  if (!is_word(institution, "*")) memcpy(rule.institution, institution.data, institution.size);
  if (act.size == 0 || act.size >= sizeof action) return "an action, or *";
  memcpy(action, act.data, act.size);
  if (!is_word(act, "*") && (rule.action = hf_action_of_code(action)) == HF_ACTION_UNSET) return "an action, or *";
  rule.days = is_word(days, "holiday") ? HF_SLA_HOLIDAY : is_word(days, "workday") ? HF_SLA_WORKDAY : HF_SLA_ANY;
  const char *wrong = read_hours(hours, &rule);
  if (wrong != NULL) return wrong;
  if (rule.days == HF_SLA_ANY && !is_word(days, "any")) return "any, workday or holiday";
  if ((wrong = read_limits(entry, &rule)) != NULL) return wrong;
  for (uint32_t i = 0; i < rules->rules_count; i++) {
    const struct hf_sla_rule *before = &rules->rules[i];
    if (same_kind(before, &rule) && before->from < rule.to && rule.from < before->to)
      return "its hours overlap with those of a rule above for the same institution, action and days";
    if (covers(before, &rule)) return "it is never reached: a rule above fits all that it fits";
  }
  rules->rules[rules->rules_count++] = rule;
  return NULL;
}

static bool fits_everything(const struct hf_sla_rule *rule)
{
  return rule->institution[0] == '\0' && rule->action == HF_ACTION_UNSET && rule->days == HF_SLA_ANY && rule->from == 0 &&
         rule->to == 24;
}

struct hf_status hf_sla_read(const struct hf_sla *sla, struct hf_sla_rules *rules, uint32_t *entry)
{
  const char *wrong = NULL;
  *rules = (struct hf_sla_rules){.version = sla->version, .effective_wall_ns = sla->effective_wall_ns};
  *entry = 0;
  for (const char *at = sla->text; *at != '\0' && wrong == NULL;) {
    struct words words = {at, at};
    ++*entry;
    while (*words.end != ';' && *words.end != '\0') words.end++;
    if (*words.end == '\0') return hf_fail(HF_STATUS_MALFORMED, "an entry that no semicolon ends");
    at = words.end + 1;
    struct hf_span first = next_word(&words);
    wrong = is_word(first, "day") ? read_day(&words, rules) : read_rule(first, &words, rules);
  }
  if (wrong != NULL) return hf_fail(HF_STATUS_MALFORMED, wrong);
  if (rules->rules_count == 0 || !fits_everything(&rules->rules[rules->rules_count - 1]))
    return hf_fail(HF_STATUS_MALFORMED, "hours, days or institutions are missing: the last rule is * * 00-24 any");
  return hf_ok();
}

/* --- asking --- */

static enum hf_sla_days kind_of_day(const struct hf_sla_rules *rules, int32_t day)
{
  for (uint32_t i = 0; i < rules->days_count; i++)
    if (rules->days[i].day == day) return rules->days[i].is;
  int32_t weekday = (day + 4) % 7; /* 1970 began on a Thursday; Sunday is 0 */
  return weekday == 0 || weekday == 6 ? HF_SLA_HOLIDAY : HF_SLA_WORKDAY;
}

struct hf_sla_limits hf_sla_limits(const struct hf_sla_rules *rules, const char *institution, uint32_t action,
                                   int64_t issued_wall_ns)
{
  int64_t local_ns = issued_wall_ns + HF_CHINA_NS;
  int32_t day = (int32_t)(local_ns / HF_DAY_NS);
  uint8_t hour = (uint8_t)(local_ns % HF_DAY_NS / HF_HOUR_NS);
  enum hf_sla_days kind = kind_of_day(rules, day);
  for (uint32_t i = 0; i < rules->rules_count; i++) {
    const struct hf_sla_rule *rule = &rules->rules[i];
    if ((rule->institution[0] == '\0' || strcmp(rule->institution, institution) == 0) &&
        (rule->action == HF_ACTION_UNSET || rule->action == action) && (rule->days == HF_SLA_ANY || rule->days == kind) &&
        hour >= rule->from && hour < rule->to)
      return (struct hf_sla_limits){rule->receipt_ms, rule->feedback_ms};
  }
  HF_NEVER("the last rule fits everything");
}

const char *hf_sla_verdict_code(enum hf_sla_verdict verdict)
{
  static const char *const codes[HF_SLA_VERDICT_COUNT] = {
#define X(name, code) code,
      HF_SLA_VERDICTS(X)
#undef X
  };
  HF_ASSERT(verdict < HF_SLA_VERDICT_COUNT);
  return codes[verdict];
}

/* Microseconds between two stamps that are there, as the record keeps them: by the monotonic clock where both have it. */
static int64_t elapsed_us(struct hf_time from, struct hf_time to)
{
  if (from.mono_ns != 0 && to.mono_ns != 0) return (to.mono_ns - from.mono_ns) / HF_NS_PER_US;
  int64_t us = to.wall_ns / HF_NS_PER_US - from.wall_ns / HF_NS_PER_US;
  return us > 0 ? us : 0;
}

static enum hf_sla_verdict judge(const struct hf_sla_stamps *stamps, struct hf_time got, uint32_t limit_ms, bool over)
{
  if (got.wall_ns == 0) return over ? HF_SLA_MISSING : HF_SLA_OPEN;
  /* The limit is counted from the cause, the time that passed from the decision: both wall stamps are older than any answer. */
  int64_t left_us = limit_ms * 1000LL - (stamps->decided.wall_ns / HF_NS_PER_US - stamps->issued_wall_ns / HF_NS_PER_US);
  return elapsed_us(stamps->decided, got) <= left_us ? HF_SLA_IN_TIME : HF_SLA_LATE;
}

struct hf_sla_verdicts hf_sla_judge(const struct hf_sla_limits *limits, const struct hf_sla_stamps *stamps)
{
  if (stamps->sent.wall_ns == 0) return (struct hf_sla_verdicts){HF_SLA_NOT_SENT, HF_SLA_NOT_SENT};
  struct hf_time receipt = stamps->received.wall_ns != 0 ? stamps->received : stamps->ended;
  return (struct hf_sla_verdicts){.receipt = judge(stamps, receipt, limits->receipt_ms, stamps->overdue),
                                  .feedback = judge(stamps, stamps->ended, limits->feedback_ms, stamps->overdue)};
}
