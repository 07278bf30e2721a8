/* Orders of the kit, and what an answer must be in any case. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "adapters/kit/kit.h"
#include "engine/base/assert.h"

bool kit_fail(struct kit *kit, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  vsnprintf(kit->why, sizeof kit->why, format, list);
  va_end(list);
  /* What an endpoint sent may be shown here, and goes into reports: nothing but plain ASCII. */
  for (char *at = kit->why; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f) *at = '?';
  return false;
}

struct kit_account *kit_account(struct kit *kit, enum kit_account_kind kind)
{
  for (size_t i = 0; i < kit->accounts_count; i++) {
    struct kit_account *account = &kit->accounts[i];
    if (account->kind != kind || account->used) continue;
    account->used = true;
    return account;
  }
  kit_fail(kit, "the accounts file has no account left for it");
  return NULL;
}

static struct hf_uuid fresh_id(void)
{
  struct hf_uuid id;
  HF_ASSERT(getrandom(id.bytes, sizeof id.bytes, 0) == sizeof id.bytes);
  id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80);
  id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

struct hf_order kit_order(struct kit *kit, enum hf_action action, const struct kit_account *account)
{
  int64_t now = hf_time_now().wall_ns;
  struct hf_order order = {.id.uuid = fresh_id(),
                           .case_id.uuid = fresh_id(),
                           .submission_id = fresh_id(),
                           .action = action,
                           .amount = 100,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = now - 600 * HF_NS_PER_S,
                           .issued_wall_ns = now,
                           .deadline_wall_ns = now + 60 * HF_NS_PER_S,
                           .form_reference = "KIT"};
  snprintf(order.case_number, sizeof order.case_number, "KIT-%02d", kit->number);
  strcpy(order.institution, kit->row.code);
  memcpy(order.key_id, kit->signing.id, sizeof order.key_id);
  HF_ASSERT(hf_is_ok(hf_account_number_set(&order.account, account->number, strlen(account->number))));
  HF_ASSERT(hf_is_ok(hf_name_set(&order.name, account->name, strlen(account->name))));
  if (action == HF_ACTION_QUERY) order.mode = HF_QUERY_BOTH;
  if (action == HF_ACTION_FREEZE || action == HF_ACTION_RENEW || action == HF_ACTION_MONITOR)
    order.until_wall_ns = (now / HF_NS_PER_S + 90 * 86400) * HF_NS_PER_S;
  if (action == HF_ACTION_FREEZE) order.mode = HF_FREEZE_FULL;
  if (action == HF_ACTION_FREEZE || action == HF_ACTION_RENEW || action == HF_ACTION_UNFREEZE) {
    strcpy(order.document.type, "02");
    strcpy(order.document.number, "KIT-1");
    strcpy(order.document.issuer, "kit");
    memcpy(order.second_id, kit->signing.id, sizeof order.second_id);
  }
  return order;
}

size_t kit_encode(struct kit *kit, const struct hf_order *order, uint8_t out[HF_ORDER_BODY_SIZE_MAX])
{
  struct hf_writer body = hf_writer_of(out, HF_ORDER_BODY_SIZE_MAX);
  HF_ASSERT(hf_is_ok(kit->dialect->encode(order, &kit->row, &body)));
  return body.size;
}

bool kit_ask(struct kit *kit, const struct hf_order *order, struct hf_answer *answer)
{
  static struct kit_reply reply;
  static const struct kit_how rightly;
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  struct hf_span bytes = {body, kit_encode(kit, order, body)};
  for (int tries = 0; tries < 20; tries++) { /* a receipt comes first where the endpoint works so: the same bytes ask again */
    if (!kit_send(kit, order, bytes, &rightly, &reply)) return false;
    if (reply.status != 200 && reply.status != 202)
      return kit_fail(kit, "%s: HTTP %d where 200 is expected: %.100s", hf_action_code(order->action), reply.status,
                      (const char *)reply.body);
    struct hf_status status =
        kit->dialect->decode((struct hf_span){reply.body, reply.size}, order, &kit->row, &kit->room, answer);
    if (!hf_is_ok(status)) return kit_fail(kit, "%s: %s", hf_action_code(order->action), status.why);
    if (answer->has_feedback) return true;
    struct timespec wait = {0, 300000000};
    nanosleep(&wait, NULL);
  }
  return kit_fail(kit, "%s: no feedback within 6 seconds", hf_action_code(order->action));
}

bool kit_expect(struct kit *kit, const struct hf_order *order, const char *result, const char *or_result,
                struct hf_answer *answer)
{
  if (!kit_ask(kit, order, answer)) return false;
  if (strcmp(answer->result, result) == 0 || (or_result != NULL && strcmp(answer->result, or_result) == 0)) return true;
  return kit_fail(kit, "%s: result %s where %s is expected", hf_action_code(order->action), answer->result, result);
}

bool kit_is_listed(struct kit *kit, const struct kit_account *account, struct hf_order_id id, bool *listed)
{
  struct hf_answer answer = {.holds_count = 0};
  struct hf_order order = kit_order(kit, HF_ACTION_HOLDS, account);
  if (!kit_expect(kit, &order, "0000", NULL, &answer)) return false;
  *listed = false;
  for (uint32_t i = 0; i < answer.holds_count; i++)
    if (hf_uuid_equal(answer.holds[i].order_id.uuid, id.uuid)) *listed = true;
  return true;
}
