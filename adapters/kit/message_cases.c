/* Cases of questions, of accounts that are otherwise than the order says, of bytes that are no order, and of load. */
#include <stdlib.h>
#include <string.h>

#include "adapters/kit/kit.h"
#include "engine/base/assert.h"

#define MANY 300

static struct kit_reply reply;

static bool query_has_rows(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order query = kit_order(kit, HF_ACTION_QUERY, account);
  if (!kit_expect(kit, &query, "0000", NULL, &answer)) return false;
  if (!answer.has_balance) return kit_fail(kit, "the answer to a query has no balance");
  for (uint32_t i = 0; i < answer.transactions_count; i++) {
    const struct hf_transaction *row = &answer.transactions[i];
    if (row->amount <= 0 || row->at_wall_ns == 0)
      return kit_fail(kit, "transaction %u has no amount or no time that can be read", i + 1);
    if (row->failed && !row->credit) continue;
    if (row->serial[0] == '\0') return kit_fail(kit, "transaction %u has no serial: the money cannot be followed", i + 1);
  }
  return answer.transactions_count > 0 || kit_fail(kit, "the test account has no transactions to show");
}

static bool pages_end(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  for (uint32_t page = 0; page < 50; page++) {
    struct hf_order query = kit_order(kit, HF_ACTION_QUERY, account);
    query.page = page;
    if (!kit_expect(kit, &query, "0000", NULL, &answer)) return false;
    if (!answer.more) return true;
  }
  return kit_fail(kit, "after 50 pages there is still another");
}

static bool holder_is_named(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order holder = kit_order(kit, HF_ACTION_HOLDER, account);
  if (!kit_expect(kit, &holder, "0000", NULL, &answer)) return false;
  return answer.holder.size > 0 || kit_fail(kit, "the answer names no holder");
}

static bool accounts_are_answered(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order accounts = kit_order(kit, HF_ACTION_ACCOUNTS, account);
  return kit_expect(kit, &accounts, "0000", NULL, &answer);
}

static bool monitor_runs_and_ends(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order monitor = kit_order(kit, HF_ACTION_MONITOR, account);
  if (!kit_expect(kit, &monitor, "0000", NULL, &answer)) return false;
  if (!answer.more) return kit_fail(kit, "a monitor that has just begun says that it has ended");
  struct hf_order end = kit_order(kit, HF_ACTION_UNMONITOR, account);
  end.parent = monitor.id;
  return kit_expect(kit, &end, "0000", NULL, &answer);
}

/* --- accounts that are otherwise --- */

static bool other_name_is_not_stopped(struct kit *kit)
{
  struct hf_answer answer;
  bool listed;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order stop = kit_order(kit, HF_ACTION_STOP, account);
  HF_ASSERT(hf_is_ok(hf_name_set(&stop.name, "KIT nobody", 10)));
  if (!kit_expect(kit, &stop, "0301", NULL, &answer) || !kit_is_listed(kit, account, stop.id, &listed)) return false;
  return !listed || kit_fail(kit, "an account of another name was stopped all the same");
}

/* A stop on an account of this kind, and its result. */
static bool stop_is(struct kit *kit, enum kit_account_kind kind, const char *result, const char *or_result,
                    struct hf_answer *answer)
{
  const struct kit_account *account = kit_account(kit, kind);
  if (account == NULL) return false;
  struct hf_order stop = kit_order(kit, HF_ACTION_STOP, account);
  return kit_expect(kit, &stop, result, or_result, answer);
}

static bool unknown_account_is_told(struct kit *kit)
{
  struct hf_answer answer;
  return stop_is(kit, KIT_UNKNOWN, "0300", "0301", &answer);
}

static bool short_balance_is_held_and_told(struct kit *kit)
{
  struct hf_answer answer;
  if (!stop_is(kit, KIT_SHORT, "1200", NULL, &answer)) return false;
  return answer.held == answer.balance || kit_fail(kit, "with too little there, what is there is held: it is not");
}

static bool other_hold_is_told(struct kit *kit)
{
  struct hf_answer answer;
  return stop_is(kit, KIT_HELD, "1301", "1303", &answer);
}

static bool receipt_then_feedback(struct kit *kit)
{
  struct hf_answer answer;
  return stop_is(kit, KIT_LATE, "0000", NULL, &answer);
}

/* --- bytes --- */

/* Signed as it stands: only its content is wrong. closes: it may also end the connection before all is read. */
static bool must_refuse_bytes(struct kit *kit, const char *from, const char *to, const char *what, bool closes)
{
  static const struct kit_how rightly;
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  static uint8_t changed[KIT_BODY_MAX];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  size_t size = kit_encode(kit, &order, body);
  struct hf_writer out = hf_writer_of(changed, sizeof changed);
  const uint8_t *at = memmem(body, size, from, strlen(from));
  HF_ASSERT(at != NULL);
  size_t before = (size_t)(at - body), after = before + strlen(from);
  hf_write_bytes(&out, body, before);
  hf_write_text(&out, to);
  hf_write_bytes(&out, body + after, size - after);
  bool replied = kit_send(kit, &order, (struct hf_span){changed, out.size}, &rightly, &reply);
  if (!replied && !closes) return false;
  if (replied && (reply.status < 400 || reply.status > 499))
    return kit_fail(kit, "%s: HTTP %d where 4xx is expected", what, reply.status);
  struct hf_answer answer;
  order = kit_order(kit, HF_ACTION_QUERY, account);
  return kit_ask(kit, &order, &answer); /* and it goes on */
}

static bool cut_bytes_are_refused(struct kit *kit)
{
  return must_refuse_bytes(kit, "}", "", "a body that is not JSON", false);
}

static bool key_twice_is_refused(struct kit *kit)
{
  return must_refuse_bytes(kit, "{", "{\"action\":\"stop\",", "a body that names a key twice", false);
}

static bool unknown_action_is_refused(struct kit *kit)
{
  return must_refuse_bytes(kit, "\"action\":\"query\"", "\"action\":\"dance\"", "an action that is none", false);
}

static bool other_code_is_refused(struct kit *kit)
{
  char from[64];
  snprintf(from, sizeof from, "\":\"%.12s\"", kit->row.code);
  return must_refuse_bytes(kit, from, "\":\"NOTYOU\"", "an order to another institution", false);
}

static bool missing_account_is_refused(struct kit *kit)
{
  bool own = strcmp(kit->dialect->name, "holdfast_json") == 0;
  return must_refuse_bytes(kit, own ? "{\"number\":\"" : "\"account\":\"", own ? "{\"x\":\"" : "\"x\":\"",
                           "an order without an account", false);
}

static bool new_field_is_ignored(struct kit *kit)
{
  static const struct kit_how rightly;
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  static uint8_t changed[KIT_BODY_MAX];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  size_t size = kit_encode(kit, &order, body);
  struct hf_writer out = hf_writer_of(changed, sizeof changed);
  hf_write_bytes(&out, body, size - 1);
  hf_write_text(&out, ",\"of_a_later_version\":{\"n\":1}}");
  if (!kit_send(kit, &order, (struct hf_span){changed, out.size}, &rightly, &reply)) return false;
  return reply.status == 200 ||
         kit_fail(kit, "a field that it does not know: HTTP %d where 200 is expected: later versions would stop", reply.status);
}

static bool huge_body_is_refused(struct kit *kit)
{
  static char filler[100 * 1024];
  memset(filler, ' ', sizeof filler - 1);
  filler[0] = '{';
  return must_refuse_bytes(kit, "{", filler, "a body of 100 KiB", true);
}

static bool largest_order_is_taken(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_SUSPECT, account);
  memset(order.text, 'x', sizeof order.text - 1);
  memset(order.form_reference, 'y', sizeof order.form_reference - 1);
  return kit_expect(kit, &order, "0000", NULL, &answer);
}

static bool rare_names_are_taken(struct kit *kit)
{
  struct hf_answer answer;
  static const char name[] =
      "\xf0\xa0\xae\xb7\xc2\xb7\xe4\xb9\xb0\xe4\xb9\xb0\xe6\x8f\x90\xc2\xb7\"\\"; /* four bytes, a middle dot, a quote */
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_SUSPECT, account);
  HF_ASSERT(hf_is_ok(hf_name_set(&order.name, name, sizeof name - 1)));
  return kit_expect(kit, &order, "0000", "0301", &answer);
}

static bool many_at_once_are_answered(struct kit *kit)
{
  static struct hf_order orders[MANY];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  for (int i = 0; i < MANY; i++) orders[i] = kit_order(kit, HF_ACTION_QUERY, account);
  struct hf_time began = hf_time_now();
  int answered = kit_send_many(kit, orders, MANY);
  double took_s = (double)(hf_time_now().mono_ns - began.mono_ns) / HF_NS_PER_S;
  if (answered < MANY) return kit_fail(kit, "%d of %d orders at once were answered", answered, MANY);
  return took_s <= MANY / 100.0 || kit_fail(kit, "%d orders took %.1f s: fewer than 100 a second", MANY, took_s);
}

#define CUT 10
#define RECOVERY_NS (10 * HF_NS_PER_S)

/* Every line is cut while the endpoint has orders in its hands; afterwards it answers again, and each of them has one answer.
 */
static bool black_out_is_survived(struct kit *kit)
{
  static const struct kit_how cut = {.cut = true};
  static struct hf_order orders[CUT];
  struct hf_answer first, again;
  for (int i = 0; i < CUT; i++) {
    uint8_t body[HF_ORDER_BODY_SIZE_MAX];
    const struct kit_account *account = kit_account(kit, KIT_PLAIN);
    if (account == NULL) return false;
    orders[i] = kit_order(kit, HF_ACTION_STOP, account);
    struct hf_span bytes = {body, kit_encode(kit, &orders[i], body)};
    kit_send(kit, &orders[i], bytes, &cut, &reply);
  }
  int64_t until = hf_time_now().mono_ns + RECOVERY_NS;
  while (!kit_expect(kit, &orders[0], "0000", NULL, &first)) {
    struct timespec pause = {0, 200000000};
    if (hf_time_now().mono_ns > until) return false;
    nanosleep(&pause, NULL);
  }
  for (int i = 0; i < CUT; i++) {
    if (!kit_expect(kit, &orders[i], "0000", NULL, &first) || !kit_expect(kit, &orders[i], "0000", NULL, &again)) return false;
    if (first.executed_wall_ns != again.executed_wall_ns)
      return kit_fail(kit, "an order whose line was cut took effect again when it was repeated");
  }
  kit->why[0] = '\0';
  return true;
}

const struct kit_case kit_message_cases[] = {
    {50, "a query tells balance and movements that can be followed", false, false, query_has_rows},
    {51, "pages come to an end", false, false, pages_end},
    {52, "the holder is named", false, false, holder_is_named},
    {53, "what else a person has is answered", false, false, accounts_are_answered},
    {54, "a monitor runs until it is ended", false, false, monitor_runs_and_ends},
    {55, "an account of another name is not stopped (0301)", false, false, other_name_is_not_stopped},
    {56, "an account that does not exist is told (0300, 0301)", false, false, unknown_account_is_told},
    {57, "with too little there, what is there is held (1200)", false, false, short_balance_is_held_and_told},
    {58, "another's hold is told (1301, 1303)", false, false, other_hold_is_told},
    {59, "a receipt first, the feedback to the same order later", false, false, receipt_then_feedback},
    {60, "a body that is cut is refused", false, false, cut_bytes_are_refused},
    {61, "a key that stands twice is refused", false, false, key_twice_is_refused},
    {62, "an action that is none is refused", false, false, unknown_action_is_refused},
    {63, "an order to another institution is refused", false, false, other_code_is_refused},
    {64, "an order without an account is refused", false, false, missing_account_is_refused},
    {65, "a field of a later version is passed over", false, false, new_field_is_ignored},
    {66, "a body of 100 KiB is refused, and it goes on", false, false, huge_body_is_refused},
    {67, "the largest order is taken", false, false, largest_order_is_taken},
    {68, "rare characters in a name are taken", false, false, rare_names_are_taken},
    {69, "300 orders at once are answered, at least 100 a second", false, false, many_at_once_are_answered},
    {70, "a black-out: orders whose lines were cut have one answer afterwards", false, false, black_out_is_survived},
    {.number = 0},
};
