/* SLA policies: read strictly, asked by hour and day, and what stamps say by them. */
#include "engine/core/order.h"
#include "engine/core/sla.h"

#include "engine/base/time.h"
#include "tests/unit/unit.h"

static struct hf_sla_rules rules;

static struct hf_status read_text(const char *text, uint32_t *entry)
{
  static struct hf_sla sla;
  sla = (struct hf_sla){.version = 1};
  snprintf(sla.text, sizeof sla.text, "%s", text);
  return hf_sla_read(&sla, &rules, entry);
}

static void refused(const char *text, uint32_t entry, const char *why)
{
  uint32_t wrong;
  struct hf_status status = read_text(text, &wrong);
  if (hf_is_ok(status)) fail_msg("taken: %s", text);
  if (wrong != entry || strstr(status.why, why) == NULL) fail_msg("%s: entry %u, %s", text, wrong, status.why);
}

#define LAST "* * 00-24 any 60000 1800000;"

static void what_is_wrong_is_named(void **unused)
{
  (void)unused;
  refused("", 0, "the last rule");
  refused("* * 00-24 any 60000 1800000", 1, "no semicolon");
  refused("* * 00-24 workday 60000 1800000;", 1, "are missing");
  refused("* * 00-23 any 60000 1800000;", 1, "are missing");
  refused("BANKA * 00-24 any 60000 1800000;", 1, "are missing");
  refused("* stop 08-20 any 1000 2000;* stop 19-21 any 1000 2000;" LAST, 2, "overlap");
  refused("* stop 08-20 any 1000 2000;" LAST "BANKA stop 08-20 any 1000 2000;", 3, "never reached");
  refused("BANKA * 00-24 any 1000 2000;BANKA stop 08-20 holiday 1000 2000;" LAST, 2, "never reached");
  refused("* stop 20-08 any 1000 2000;" LAST, 1, "hours");
  refused("* stop 8-20 any 1000 2000;" LAST, 1, "hours");
  refused("* stop 08-25 any 1000 2000;" LAST, 1, "hours");
  refused("* stopp 08-20 any 1000 2000;" LAST, 1, "an action");
  refused("THIRTEENCHARS stop 08-20 any 1000 2000;" LAST, 1, "institution");
  refused("* stop 08-20 sunday 1000 2000;" LAST, 1, "any, workday");
  refused("* stop 08-20 any 2000 1000;" LAST, 1, "milliseconds");
  refused("* stop 08-20 any 99 1000;" LAST, 1, "milliseconds");
  refused("* stop 08-20 any 1000 604800001;" LAST, 1, "milliseconds");
  refused("* stop 08-20 any 1000 2000 3000;" LAST, 1, "milliseconds");
  refused("*  stop 08-20 any 1000 2000;" LAST, 1, "an action");
  refused("day 2027-02-29 holiday;" LAST, 1, "a day");
  refused("day 2027-01-01 sunday;" LAST, 1, "a day");
  refused("day 2027-01-02 holiday;day 2027-01-01 holiday;" LAST, 2, "not in order");
  refused("day 2027-01-01 holiday;day 2027-01-01 workday;" LAST, 2, "a day twice");
  refused(LAST "day 2027-01-01 holiday;", 2, "before the rules");
}

static void at(const char *time, const char *institution, enum hf_action action, uint32_t receipt, uint32_t feedback)
{
  struct hf_sla_limits limits = hf_sla_limits(&rules, institution, action, hf_time_parse(time));
  if (limits.receipt_ms != receipt || limits.feedback_ms != feedback)
    fail_msg("%s %s: %u %u", time, institution, limits.receipt_ms, limits.feedback_ms);
}

/* 2027-02-06 is a Saturday that is worked, the week after it the Spring Festival. */
static void the_first_rule_that_fits_rules(void **unused)
{
  uint32_t entry;
  (void)unused;
  assert_true(hf_is_ok(
      read_text("day 2027-02-06 workday;day 2027-02-08 holiday;"
                "BANKA stop 08-20 workday 1000 2000;BANKA stop 20-24 workday 1500 2500;* stop 00-24 holiday 5000 9000;" LAST,
                &entry)));
  at("2027-02-05T08:00:00+08:00", "BANKA", HF_ACTION_STOP, 1000, 2000);
  at("2027-02-05T07:59:59.999999+08:00", "BANKA", HF_ACTION_STOP, 60000, 1800000);
  at("2027-02-05T19:59:59.999999+08:00", "BANKA", HF_ACTION_STOP, 1000, 2000);
  at("2027-02-05T20:00:00+08:00", "BANKA", HF_ACTION_STOP, 1500, 2500);
  at("2027-02-05T00:00:00Z", "BANKA", HF_ACTION_STOP, 1000, 2000); /* eight in China */
  at("2027-02-05T08:00:00+08:00", "BANKB", HF_ACTION_STOP, 60000, 1800000);
  at("2027-02-05T08:00:00+08:00", "BANKA", HF_ACTION_QUERY, 60000, 1800000);
  at("2027-02-06T09:00:00+08:00", "BANKA", HF_ACTION_STOP, 1000, 2000); /* a worked Saturday */
  at("2027-02-07T09:00:00+08:00", "BANKA", HF_ACTION_STOP, 5000, 9000); /* a Sunday */
  at("2027-02-08T09:00:00+08:00", "BANKA", HF_ACTION_STOP, 5000, 9000); /* a Monday off */
  at("2027-02-07T16:00:00Z", "BANKA", HF_ACTION_STOP, 5000, 9000);      /* Monday in China already */
  at("2027-02-08T15:59:59.999999Z", "BANKA", HF_ACTION_STOP, 5000, 9000);
  at("2027-02-09T01:00:00Z", "BANKA", HF_ACTION_STOP, 1000, 2000);
}

static struct hf_time moment(int64_t us, bool mono)
{
  return (struct hf_time){.wall_ns = (1800000000000000LL + us) * 1000, .mono_ns = mono ? (5000000000LL + us) * 1000 : 0};
}

static void verdict(const char *receipt, const char *feedback, const struct hf_sla_stamps *stamps)
{
  const struct hf_sla_limits limits = {.receipt_ms = 1000, .feedback_ms = 10000};
  struct hf_sla_verdicts got = hf_sla_judge(&limits, stamps);
  assert_string_equal(hf_sla_verdict_code(got.receipt), receipt);
  assert_string_equal(hf_sla_verdict_code(got.feedback), feedback);
}

static void stamps_are_judged_to_the_microsecond(void **unused)
{
  (void)unused;
  struct hf_sla_stamps stamps = {.issued_wall_ns = moment(0, true).wall_ns, .decided = moment(400, true)};
  verdict("not_sent", "not_sent", &stamps);
  stamps.sent = moment(900, true);
  verdict("open", "open", &stamps);
  stamps.overdue = true;
  verdict("missing", "missing", &stamps);
  stamps.received = moment(1000000, true);
  verdict("in_time", "missing", &stamps);
  stamps.received = moment(1000001, true);
  verdict("late", "missing", &stamps);
  stamps.ended = moment(10000000, true);
  verdict("late", "in_time", &stamps);
  stamps.ended = moment(10000001, true);
  verdict("late", "late", &stamps);
  stamps.received = (struct hf_time){0};
  stamps.ended = moment(5000000, true);
  verdict("late", "in_time", &stamps);        /* no receipt but the feedback */
  stamps.ended.wall_ns += 3600 * HF_NS_PER_S; /* the wall clock was stepped: the monotonic one tells */
  verdict("late", "in_time", &stamps);
  stamps.ended.mono_ns = 0; /* another boot: the wall clock is all there is */
  verdict("late", "late", &stamps);
  stamps.ended.wall_ns -= 2 * 3600 * HF_NS_PER_S; /* never below zero */
  verdict("in_time", "in_time", &stamps);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_wrong_is_named), cmocka_unit_test(the_first_rule_that_fits_rules),
                                     cmocka_unit_test(stamps_are_judged_to_the_microsecond)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
