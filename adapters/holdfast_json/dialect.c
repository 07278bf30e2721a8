#include <string.h>

#include "adapters/dialect.h"
#include "adapters/headers/headers.h"
#include "adapters/json/json.h"

#define ORDER_TYPE "application/vnd.holdfast.order.v1+json"

static void put_amount(struct hf_writer *body, const char *key, int64_t minor)
{
  hf_write_text(body, ",\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":\"");
  hf_write_amount(body, minor);
  hf_write_text(body, "\"");
}

/* {"institution":…,"number":…,"name":…}: the other account that a return or a notice is about. */
static void put_party(struct hf_writer *body, const char *key, const struct hf_party *party)
{
  hf_write_text(body, ",\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":{\"institution\":");
  hf_write_json_string(body, party->institution, strlen(party->institution));
  hf_write_text(body, ",");
  hf_json_put_personal(body, "number", party->account.bytes, party->account.size);
  hf_write_text(body, ",");
  hf_json_put_personal(body, "name", party->name.bytes, party->name.size);
  hf_write_text(body, "}");
}

static void put_document(struct hf_writer *body, const struct hf_document *document)
{
  hf_write_text(body, ",\"document\":{\"type\":");
  hf_write_json_string(body, document->type, strlen(document->type));
  hf_json_put_text(body, "number", document->number);
  hf_json_put_text(body, "issuer", document->issuer);
  hf_write_text(body, ",\"sha256\":\"");
  hf_write_hex(body, document->sha256, sizeof document->sha256);
  hf_write_text(body, "\"}");
}

/* What only some actions have; the README's table says which. */
static void put_details(struct hf_writer *body, const struct hf_order *order)
{
  bool freezes = order->action == HF_ACTION_FREEZE;
  if (!hf_uuid_is_zero(order->parent.uuid)) hf_json_put_id(body, "parent", order->parent.uuid);
  if (freezes) hf_json_put_text(body, "mode", hf_freeze_mode_code(order->mode));
  if (order->action == HF_ACTION_QUERY) hf_json_put_text(body, "mode", hf_query_mode_code(order->mode));
  if (order->page > 0) {
    hf_write_text(body, ",\"page\":");
    hf_write_int(body, order->page);
  }
  if ((freezes && order->mode == HF_FREEZE_LIMITED) || order->action == HF_ACTION_RETURN)
    put_amount(body, "amount", order->amount);
  if (order->until_wall_ns != 0) hf_json_put_time(body, "until", order->until_wall_ns);
  if (order->serial[0] != '\0') hf_json_put_text(body, "serial", order->serial);
  if (order->document.number[0] != '\0') put_document(body, &order->document);
  if (order->action == HF_ACTION_RETURN) put_party(body, "to", &order->party);
  if (order->text[0] != '\0') hf_json_put_text(body, "text", order->text);
}

/* Keys in this order, no spaces: the canonical form that is signed and resent byte for byte. */
static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *body)
{
  (void)row; /* nothing of it is spelt otherwise anywhere */
  hf_write_text(body, "{\"version\":1");
  hf_json_put_text(body, "action", hf_action_code(order->action));
  hf_json_put_id(body, "order_id", order->id.uuid);
  hf_json_put_id(body, "case_id", order->case_id.uuid);
  hf_json_put_text(body, "case_number", order->case_number);
  hf_json_put_text(body, "institution", order->institution);
  hf_write_text(body, ",\"account\":{");
  hf_json_put_personal(body, "number", order->account.bytes, order->account.size);
  hf_write_text(body, ",");
  hf_json_put_personal(body, "name", order->name.bytes, order->name.size);
  hf_write_text(body, "},\"transfer\":{\"amount\":\"");
  hf_write_amount(body, order->amount);
  hf_write_text(body, "\"");
  hf_json_put_text(body, "currency", hf_currency_code(order->currency));
  hf_json_put_time(body, "at", order->transfer_wall_ns);
  hf_write_text(body, "}");
  put_details(body, order);
  hf_write_text(body, ",\"authority\":{\"form\":");
  hf_write_json_string(body, order->form_reference, strlen(order->form_reference));
  hf_json_put_id(body, "submission_id", order->submission_id);
  hf_json_put_text(body, "key_id", order->key_id);
  if (order->second_id[0] != '\0') hf_json_put_text(body, "second_key_id", order->second_id);
  hf_write_text(body, "}");
  hf_json_put_time(body, "issued_at", order->issued_wall_ns);
  hf_json_put_time(body, "deadline", order->deadline_wall_ns);
  hf_write_text(body, "}");
  return body->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

/* DSSE's pre-authentication encoding over type and body, as for submissions. */
static struct hf_status to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  hf_write_pre_authentication(bytes, ORDER_TYPE, message->body);
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

/* --- answers --- */

static bool amount_of(const json_t *object, const char *key, int64_t *minor, bool *there)
{
  const json_t *value = json_object_get(object, key);
  *there = value != NULL && !json_is_null(value);
  *minor = 0;
  if (!*there) return true;
  *minor = json_is_string(value) ? hf_amount_parse(json_string_value(value)) : INT64_MIN;
  return *minor != INT64_MIN;
}

/* One row as far as it is sound: the core ignores a row with amount or time 0, and says so (chase.h). */
static void read_transaction(const json_t *row, struct hf_transaction *to)
{
  const json_t *other = json_object_get(row, "other");
  bool there;
  memset(to, 0, sizeof *to);
  to->credit = strcmp(hf_json_text(row, "side"), "credit") == 0;
  to->cash = json_is_true(json_object_get(row, "cash"));
  to->failed = json_is_true(json_object_get(row, "failed")) ||
               (!to->credit && strcmp(hf_json_text(row, "side"), "debit") != 0); /* neither side: not used */
  if (!amount_of(row, "amount", &to->amount, &there)) to->amount = 0;
  if (!amount_of(row, "balance", &to->balance, &to->has_balance)) to->has_balance = false;
  if (!hf_json_time(row, "at", &to->at_wall_ns)) to->at_wall_ns = 0;
  const char *number = hf_json_text(other, "number"), *name = hf_json_text(other, "name");
  (void)hf_json_text_into(row, "serial", to->serial, sizeof to->serial);
  (void)hf_json_text_into(other, "institution", to->institution, sizeof to->institution);
  if (number[0] != '\0' && !hf_is_ok(hf_account_number_set(&to->account, number, strlen(number)))) to->account.size = 0;
  if (!hf_is_ok(hf_name_set(&to->name, name, strlen(name)))) to->name.size = 0;
}

static struct hf_status read_transactions(const json_t *list, struct hf_answer_room *room, struct hf_answer *answer)
{
  if (list == NULL || json_is_null(list)) return hf_ok();
  if (!json_is_array(list)) return hf_fail(HF_STATUS_MALFORMED, "feedback.transactions: not an array");
  if (json_array_size(list) > HF_ANSWER_ROWS_MAX)
    return hf_fail(HF_STATUS_MALFORMED, "feedback.transactions: more than 500; send pages");
  answer->transactions = room->transactions;
  for (size_t i = 0; i < json_array_size(list); i++) read_transaction(json_array_get(list, i), &room->transactions[i]);
  answer->transactions_count = (uint32_t)json_array_size(list);
  return hf_ok();
}

static struct hf_status read_hold(const json_t *row, struct hf_listed_hold *to)
{
  const char *id = hf_json_text(row, "order_id"), *kind = hf_json_text(row, "kind");
  bool there;
  memset(to, 0, sizeof *to);
  if (id[0] != '\0' && !hf_is_ok(hf_uuid_parse(id, strlen(id), &to->order_id.uuid)))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holds.order_id: not a UUID");
  to->freeze = strcmp(kind, "freeze") == 0;
  if (!to->freeze && strcmp(kind, "stop") != 0)
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holds.kind: neither stop nor freeze");
  if (!amount_of(row, "amount", &to->amount, &there))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holds.amount: not an amount as text");
  if (!hf_json_time(row, "expires_at", &to->expires_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holds.expires_at: not an RFC 3339 time");
  if (!hf_json_text_into(row, "authority", to->authority, sizeof to->authority))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holds.authority: over 64 bytes or not plain text");
  return hf_ok();
}

static struct hf_status read_holds(const json_t *list, struct hf_answer_room *room, struct hf_answer *answer)
{
  if (list == NULL || json_is_null(list)) return hf_ok();
  if (!json_is_array(list)) return hf_fail(HF_STATUS_MALFORMED, "feedback.holds: not an array");
  if (json_array_size(list) > HF_ANSWER_HOLDS_MAX) return hf_fail(HF_STATUS_MALFORMED, "feedback.holds: more than 64");
  answer->holds = room->holds;
  for (size_t i = 0; i < json_array_size(list); i++) {
    struct hf_status status = read_hold(json_array_get(list, i), &room->holds[i]);
    if (!hf_is_ok(status)) return status;
    answer->holds_count++;
  }
  return hf_ok();
}

/* An earlier hold of another organ (domain.md H8). */
static struct hf_status read_former(const json_t *feedback, struct hf_answer *answer)
{
  const json_t *former = json_object_get(feedback, "former");
  if (former == NULL || json_is_null(former)) return hf_ok();
  if (!hf_json_text_into(former, "authority", answer->former_authority, sizeof answer->former_authority))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.former.authority: over 64 bytes or not plain text");
  answer->queued = json_is_true(json_object_get(former, "queued"));
  return hf_json_time(former, "expires_at", &answer->former_expires_wall_ns)
             ? hf_ok()
             : hf_fail(HF_STATUS_MALFORMED, "feedback.former.expires_at: not an RFC 3339 time");
}

static struct hf_status read_feedback(const json_t *feedback, struct hf_answer_room *room, struct hf_answer *answer)
{
  bool held;
  const char *result = hf_json_text(feedback, "result"), *holder = hf_json_text(feedback, "holder");
  if (!json_is_object(feedback)) return hf_fail(HF_STATUS_MALFORMED, "feedback: not an object");
  if (strlen(result) != 4 || strspn(result, "0123456789") != 4)
    return hf_fail(HF_STATUS_MALFORMED, "feedback.result: not four digits");
  memcpy(answer->result, result, 5);
  if (!hf_json_time(feedback, "executed_at", &answer->executed_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.executed_at: not an RFC 3339 time");
  if (!hf_json_time(feedback, "expires_at", &answer->expires_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.expires_at: not an RFC 3339 time");
  if (!amount_of(feedback, "balance", &answer->balance, &answer->has_balance))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.balance: not an amount as text");
  if (!amount_of(feedback, "held", &answer->held, &held))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.held: not an amount as text");
  if (!hf_is_ok(hf_name_set(&answer->holder, holder, strlen(holder))))
    return hf_fail(HF_STATUS_MALFORMED, "feedback.holder: over 120 bytes or not UTF-8");
  answer->more = json_is_true(json_object_get(feedback, "more"));
  answer->has_feedback = true;
  struct hf_status status = read_former(feedback, answer);
  if (hf_is_ok(status)) status = read_transactions(json_object_get(feedback, "transactions"), room, answer);
  if (hf_is_ok(status)) status = read_holds(json_object_get(feedback, "holds"), room, answer);
  return status;
}

static struct hf_status read_answer(const json_t *root, const struct hf_order *order, struct hf_answer_room *room,
                                    struct hf_answer *answer)
{
  char id[HF_UUID_TEXT_SIZE];
  if (!json_is_object(root)) return hf_fail(HF_STATUS_MALFORMED, "the answer is not an object");
  if (strcmp(hf_json_text(root, "order_id"), hf_uuid_text(order->id.uuid, id)) != 0)
    return hf_fail(HF_STATUS_REFUSED, "order_id: another order's");
  if (strcmp(hf_json_text(root, "institution"), order->institution) != 0)
    return hf_fail(HF_STATUS_REFUSED, "institution: another institution's");
  if (!hf_json_text_into(root, "reference", answer->reference, sizeof answer->reference))
    return hf_fail(HF_STATUS_MALFORMED, "reference: over 64 bytes or not plain text");
  answer->order_id = order->id;
  answer->has_receipt = true;
  const json_t *feedback = json_object_get(root, "feedback");
  return feedback == NULL || json_is_null(feedback) ? hf_ok() : read_feedback(feedback, room, answer);
}

static struct hf_status decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                               struct hf_answer_room *room, struct hf_answer *answer)
{
  (void)row;
  json_t *root;
  memset(answer, 0, sizeof *answer);
  struct hf_status status = hf_json_read(bytes, &root);
  if (!hf_is_ok(status)) return status;
  status = read_answer(root, order, room, answer);
  json_decref(root);
  return status;
}

const struct hf_dialect hf_holdfast_json = {
    .name = "holdfast_json",
    .actions = (1u << HF_ACTION_COUNT) - 2, /* all of them */
    .content_type = "application/json",
    .path = "/v1/orders",
    .encode = encode,
    .to_sign = to_sign,
    .seal = hf_headers_seal,
    .decode = decode,
};
