/* Cases of orders: what the rules ask of each action (domain.md H1 to H14), and that a repeat is one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/kit/kit.h"

#define HOUR_NS (3600 * HF_NS_PER_S)
#define STOP_NS (48 * HOUR_NS)

static bool near(int64_t a, int64_t b, int64_t by_ns)
{
  return a - b <= by_ns && b - a <= by_ns;
}

/* A stop in force on an account of its own. */
static bool stopped(struct kit *kit, struct kit_account **account, struct hf_order *stop, struct hf_answer *answer)
{
  *account = kit_account(kit, KIT_PLAIN);
  if (*account == NULL) return false;
  *stop = kit_order(kit, HF_ACTION_STOP, *account);
  return kit_expect(kit, stop, "0000", NULL, answer);
}

static struct hf_order child(struct kit *kit, enum hf_action action, const struct kit_account *account,
                             const struct hf_order *parent)
{
  struct hf_order order = kit_order(kit, action, account);
  order.parent = parent->id;
  return order;
}

static bool stop_is_answered(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  if (answer.executed_wall_ns == 0) return kit_fail(kit, "the feedback has no time of execution");
  if (answer.expires_wall_ns == 0) return kit_fail(kit, "the feedback has no end of the hold");
  return answer.has_balance || kit_fail(kit, "the feedback has no balance");
}

static bool stop_names_what_is_held(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  return answer.held > 0 || kit_fail(kit, "the feedback of a stop that took effect says that nothing is held");
}

static bool clock_is_right(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  return near(answer.executed_wall_ns, hf_time_now().wall_ns + kit->ahead_ns, 120 * HF_NS_PER_S) ||
         kit_fail(kit, "executed %lld seconds from this machine's clock",
                  (long long)((answer.executed_wall_ns - hf_time_now().wall_ns) / HF_NS_PER_S));
}

static bool stop_lasts_two_days(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  return near(answer.expires_wall_ns - answer.executed_wall_ns, STOP_NS, HF_NS_PER_S) ||
         kit_fail(kit, "the stop lasts %.2f hours where 48 are expected",
                  (double)(answer.expires_wall_ns - answer.executed_wall_ns) / HOUR_NS);
}

/* --- repeats --- */

static bool same_again(struct kit *kit, const struct hf_order *stop, const struct hf_answer *first, bool fresh,
                       const char *when)
{
  static struct kit_reply reply;
  const struct kit_how how = {.fresh = fresh};
  struct hf_answer again;
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  struct hf_span bytes = {body, kit_encode(kit, stop, body)};
  if (!kit_send(kit, stop, bytes, &how, &reply)) return false;
  if (reply.status != 200) return kit_fail(kit, "the same order %s: HTTP %d where 200 is expected", when, reply.status);
  struct hf_status status = kit->dialect->decode((struct hf_span){reply.body, reply.size}, stop, &kit->row, &kit->room, &again);
  if (!hf_is_ok(status)) return kit_fail(kit, "the same order %s: %s", when, status.why);
  bool same = strcmp(first->result, again.result) == 0 && first->executed_wall_ns == again.executed_wall_ns &&
              first->expires_wall_ns == again.expires_wall_ns && strcmp(first->reference, again.reference) == 0;
  return same || kit_fail(kit, "the same order %s has another answer: it took effect again", when);
}

static bool repeated(struct kit *kit, bool fresh, int64_t after_s, const char *when)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer first;
  if (!stopped(kit, &account, &stop, &first)) return false;
  struct timespec wait = {1, 100000000};
  if (fresh && after_s == 0) nanosleep(&wait, NULL);
  if (after_s > 0 && !kit_put_clock(kit, after_s)) return false;
  bool same = same_again(kit, &stop, &first, fresh, when);
  if (after_s > 0) same = kit_put_clock(kit, 0) && same;
  return same;
}

static bool repeat_at_once(struct kit *kit)
{
  return repeated(kit, false, 0, "at once");
}

static bool repeat_later(struct kit *kit)
{
  return repeated(kit, true, 0, "a second later, on another connection");
}

static bool repeat_after_its_end(struct kit *kit)
{
  return repeated(kit, false, 49 * 3600, "49 hours later");
}

static bool repeat_after_half_a_year(struct kit *kit)
{
  return repeated(kit, false, 200LL * 86400, "200 days later");
}

/* --- stops --- */

static bool second_stop_meets_the_first(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  struct hf_order second = kit_order(kit, HF_ACTION_STOP, account);
  return kit_expect(kit, &second, "1301", NULL, &answer);
}

static bool extension_adds_two_days(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer first, answer;
  if (!stopped(kit, &account, &stop, &first)) return false;
  struct hf_order extend = child(kit, HF_ACTION_EXTEND, account, &stop);
  if (!kit_expect(kit, &extend, "0000", NULL, &answer)) return false;
  return near(answer.expires_wall_ns - first.expires_wall_ns, STOP_NS, HF_NS_PER_S) ||
         kit_fail(kit, "an extension moves the end by %.2f hours where 48 are expected",
                  (double)(answer.expires_wall_ns - first.expires_wall_ns) / HOUR_NS);
}

static bool third_time_is_refused(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  struct hf_order extend = child(kit, HF_ACTION_EXTEND, account, &stop);
  if (!kit_expect(kit, &extend, "0000", NULL, &answer)) return false;
  extend = child(kit, HF_ACTION_EXTEND, account, &stop);
  return kit_expect(kit, &extend, "1304", NULL, &answer);
}

static bool lift_ends_the_stop(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  bool listed;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  struct hf_order lift = child(kit, HF_ACTION_LIFT, account, &stop);
  if (!kit_expect(kit, &lift, "0000", NULL, &answer) || !kit_is_listed(kit, account, stop.id, &listed)) return false;
  return !listed || kit_fail(kit, "a lifted stop still stands in the list of holds");
}

static bool second_lift_is_late(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  struct hf_order lift = child(kit, HF_ACTION_LIFT, account, &stop);
  if (!kit_expect(kit, &lift, "0000", NULL, &answer)) return false;
  lift = child(kit, HF_ACTION_LIFT, account, &stop);
  return kit_expect(kit, &lift, "1900", "1999", &answer);
}

static bool two_stops_and_no_third(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer)) return false;
  for (int i = 0; i < 2; i++) {
    struct hf_order lift = child(kit, HF_ACTION_LIFT, account, &stop);
    if (!kit_expect(kit, &lift, "0000", NULL, &answer)) return false;
    stop = kit_order(kit, HF_ACTION_STOP, account);
    if (!kit_expect(kit, &stop, i == 0 ? "0000" : "1304", NULL, &answer)) return false;
  }
  return true;
}

static bool extension_after_the_end_is_late(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  if (!stopped(kit, &account, &stop, &answer) || !kit_put_clock(kit, 49 * 3600)) return false;
  struct hf_order extend = child(kit, HF_ACTION_EXTEND, account, &stop);
  bool right = kit_expect(kit, &extend, "1800", "1899", &answer);
  return kit_put_clock(kit, 0) && right;
}

static bool stop_is_listed(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order stop;
  struct hf_answer answer;
  bool listed;
  if (!stopped(kit, &account, &stop, &answer) || !kit_is_listed(kit, account, stop.id, &listed)) return false;
  return listed || kit_fail(kit, "a stop in force does not stand in the list of holds under its order's id");
}

/* --- freezes --- */

static bool frozen(struct kit *kit, struct kit_account **account, struct hf_order *freeze, int64_t amount,
                   struct hf_answer *answer)
{
  *account = kit_account(kit, KIT_PLAIN);
  if (*account == NULL) return false;
  *freeze = kit_order(kit, HF_ACTION_FREEZE, *account);
  if (amount > 0) freeze->mode = HF_FREEZE_LIMITED, freeze->amount = amount;
  return kit_expect(kit, freeze, "0000", NULL, answer);
}

static bool freeze_lasts_until_its_day(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order freeze;
  struct hf_answer answer;
  if (!frozen(kit, &account, &freeze, 0, &answer)) return false;
  return near(answer.expires_wall_ns, freeze.until_wall_ns, HF_NS_PER_S) ||
         kit_fail(kit, "the freeze does not end when the order says");
}

static bool limited_freeze_holds_its_amount(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order freeze;
  struct hf_answer answer;
  if (!frozen(kit, &account, &freeze, 37, &answer)) return false;
  return answer.held == 37 || kit_fail(kit, "a freeze limited to 0.37 holds %lld hundredths", (long long)answer.held);
}

static bool freeze_into_the_past_is_refused(struct kit *kit)
{
  struct kit_account *account = kit_account(kit, KIT_PLAIN);
  struct hf_answer answer;
  if (account == NULL) return false;
  struct hf_order freeze = kit_order(kit, HF_ACTION_FREEZE, account);
  freeze.until_wall_ns -= 180LL * 86400 * HF_NS_PER_S;
  return kit_expect(kit, &freeze, "0801", "0800", &answer);
}

static bool renewal_moves_the_end(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order freeze;
  struct hf_answer answer;
  if (!frozen(kit, &account, &freeze, 0, &answer)) return false;
  struct hf_order renew = child(kit, HF_ACTION_RENEW, account, &freeze);
  renew.until_wall_ns += 90LL * 86400 * HF_NS_PER_S;
  if (!kit_expect(kit, &renew, "0000", NULL, &answer)) return false;
  return near(answer.expires_wall_ns, renew.until_wall_ns, HF_NS_PER_S) ||
         kit_fail(kit, "the renewed freeze does not end when the order says");
}

static bool unfreezing_ends_it(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order freeze;
  struct hf_answer answer;
  bool listed;
  if (!frozen(kit, &account, &freeze, 0, &answer)) return false;
  struct hf_order end = child(kit, HF_ACTION_UNFREEZE, account, &freeze);
  if (!kit_expect(kit, &end, "0000", NULL, &answer) || !kit_is_listed(kit, account, freeze.id, &listed)) return false;
  return !listed || kit_fail(kit, "an ended freeze still stands in the list of holds");
}

static bool second_freeze_meets_the_first(struct kit *kit)
{
  struct kit_account *account;
  struct hf_order freeze;
  struct hf_answer answer;
  if (!frozen(kit, &account, &freeze, 0, &answer)) return false;
  struct hf_order second = kit_order(kit, HF_ACTION_FREEZE, account);
  return kit_expect(kit, &second, "1303", "1302", &answer);
}

const struct kit_case kit_order_cases[] = {
    {20, "a stop is answered with execution, end and balance", false, false, stop_is_answered},
    {21, "a stop's answer names what is held", false, false, stop_names_what_is_held},
    {22, "the time of execution is now", false, false, clock_is_right},
    {23, "a stop lasts 48 hours", false, false, stop_lasts_two_days},
    {24, "the same order at once has the same answer", false, false, repeat_at_once},
    {25, "the same order on another connection has the same answer", false, false, repeat_later},
    {26, "the same order 49 hours later has the same answer", false, true, repeat_after_its_end},
    {27, "the same order 200 days later has the same answer", false, true, repeat_after_half_a_year},
    {28, "a stop on a stopped account meets the first (1301)", false, false, second_stop_meets_the_first},
    {29, "an extension adds 48 hours", false, false, extension_adds_two_days},
    {30, "a second extension is refused (1304)", false, false, third_time_is_refused},
    {31, "a lift ends the stop", false, false, lift_ends_the_stop},
    {32, "a second lift is late (1900)", false, false, second_lift_is_late},
    {33, "an account is stopped twice and no third time (1304)", false, false, two_stops_and_no_third},
    {34, "an extension after the end is late (1800)", false, true, extension_after_the_end_is_late},
    {35, "a stop stands in the list of holds", false, false, stop_is_listed},
    {36, "a freeze lasts until its day", false, false, freeze_lasts_until_its_day},
    {37, "a limited freeze holds its amount", false, false, limited_freeze_holds_its_amount},
    {38, "a freeze into the past is refused (0801)", false, false, freeze_into_the_past_is_refused},
    {39, "a renewal moves the end", false, false, renewal_moves_the_end},
    {40, "unfreezing ends the freeze", false, false, unfreezing_ends_it},
    {41, "a freeze on a frozen account meets the first (1303)", false, false, second_freeze_meets_the_first},
    {.number = 0},
};
