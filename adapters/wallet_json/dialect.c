/*
 * wallet_json: payment companies' JSON with the five-line signed string. README.md has the fields.
 * Written from the conventions that Chinese payment companies publish for their own merchants (security.md section 1): what is
 * signed is method, path, time, nonce and body, each ended by a newline; answers are signed too, and bound to the request by
 * its nonce.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/dialect.h"
#include "adapters/json/json.h"
#include "engine/base/time.h"

#define PATH "/v3/antifraud/orders"
#define WINDOW_S 120  /* security.md section 1, replay */
#define NONCE_SIZE 48 /* the order's id and the nanosecond of the try, in hex: never the same twice */

/* A code that is no word of this table is four digits of domain.md 3.4, as they are. */
static const struct {
  const char *word, *result;
} codes[] = {{"SUCCESS", "0000"},         {"ALREADY_DONE", "0900"},  {"BALANCE_SHORT", "1200"},  {"STOPPED_BY_OTHER", "1301"},
             {"FROZEN_LIMITED", "1302"},  {"FROZEN_FULL", "1303"},   {"TOO_MANY_STOPS", "1304"}, {"ACCOUNT_ABSENT", "0300"},
             {"NAME_MISMATCH", "0301"},   {"WHITE_LISTED", "0302"},  {"SERIAL_ABSENT", "0400"},  {"DOCUMENT_MISSING", "0600"},
             {"TERM_INVALID", "0801"},    {"NOT_SUPPORTED", "1000"}, {"UNREACHABLE", "1100"},    {"STOP_FAILED", "1300"},
             {"EXTEND_TOO_LATE", "1800"}, {"LIFT_TOO_LATE", "1900"}};

/* --- orders --- */

static void put_key(struct hf_writer *body, const char *key)
{
  hf_write_text(body, ",\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":");
}

static void put_order_number(struct hf_writer *body, const char *key, struct hf_uuid id)
{
  put_key(body, key);
  hf_write_text(body, "\"");
  hf_write_hex(body, id.bytes, sizeof id.bytes);
  hf_write_text(body, "\"");
}

/* In the smallest unit, as a number: wallets count fen. */
static void put_money(struct hf_writer *body, const char *key, int64_t minor, enum hf_currency currency)
{
  put_key(body, key);
  hf_write_text(body, "{\"total\":");
  hf_write_int(body, minor);
  hf_json_put_text(body, "currency", hf_currency_code(currency));
  hf_write_text(body, "}");
}

static void put_target(struct hf_writer *body, const char *key, const char *wallet, const struct hf_account_number *number,
                       const struct hf_name *name)
{
  put_key(body, key);
  hf_write_text(body, "{\"wallet\":");
  hf_write_json_string(body, wallet, strlen(wallet));
  hf_write_text(body, ",");
  hf_json_put_personal(body, "account", number->bytes, number->size);
  hf_write_text(body, ",");
  hf_json_put_personal(body, "name", name->bytes, name->size);
  hf_write_text(body, "}");
}

static void put_document(struct hf_writer *body, const struct hf_document *document)
{
  put_key(body, "document");
  hf_write_text(body, "{\"type\":");
  hf_write_json_string(body, document->type, strlen(document->type));
  hf_json_put_text(body, "number", document->number);
  hf_json_put_text(body, "issuer", document->issuer);
  put_key(body, "sha256");
  hf_write_text(body, "\"");
  hf_write_hex(body, document->sha256, sizeof document->sha256);
  hf_write_text(body, "\"}");
}

static void put_details(struct hf_writer *body, const struct hf_order *order)
{
  bool freezes = order->action == HF_ACTION_FREEZE;
  if (!hf_uuid_is_zero(order->parent.uuid)) put_order_number(body, "origin_order_no", order->parent.uuid);
  if (freezes) hf_json_put_text(body, "mode", hf_freeze_mode_code(order->mode));
  if (order->action == HF_ACTION_QUERY) hf_json_put_text(body, "mode", hf_query_mode_code(order->mode));
  if (order->page > 0) {
    put_key(body, "page");
    hf_write_int(body, order->page);
  }
  if ((freezes && order->mode == HF_FREEZE_LIMITED) || order->action == HF_ACTION_RETURN)
    put_money(body, "amount", order->amount, order->currency);
  if (order->until_wall_ns != 0) hf_json_put_time(body, "valid_until", order->until_wall_ns);
  if (order->serial[0] != '\0') hf_json_put_text(body, "clearing_no", order->serial);
  if (order->document.number[0] != '\0') put_document(body, &order->document);
  if (order->action == HF_ACTION_RETURN)
    put_target(body, "payee", order->party.institution, &order->party.account, &order->party.name);
  if (order->text[0] != '\0') hf_json_put_text(body, "remark", order->text);
}

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *body)
{
  (void)row;
  hf_write_text(body, "{\"order_no\":\"");
  hf_write_hex(body, order->id.uuid.bytes, sizeof order->id.uuid.bytes);
  hf_write_text(body, "\"");
  hf_json_put_text(body, "action", hf_action_code(order->action));
  hf_json_put_text(body, "case_no", order->case_number);
  put_target(body, "target", order->institution, &order->account, &order->name);
  put_money(body, "loss", order->amount, order->currency);
  hf_json_put_time(body, "loss_time", order->transfer_wall_ns);
  put_details(body, order);
  put_key(body, "authority");
  hf_write_text(body, "{\"form\":");
  hf_write_json_string(body, order->form_reference, strlen(order->form_reference));
  put_order_number(body, "submission_no", order->submission_id);
  hf_json_put_text(body, "officer_key", order->key_id);
  if (order->second_id[0] != '\0') hf_json_put_text(body, "second_key", order->second_id);
  hf_write_text(body, "}");
  hf_json_put_time(body, "issue_time", order->issued_wall_ns);
  hf_json_put_time(body, "answer_by", order->deadline_wall_ns);
  hf_write_text(body, "}");
  return body->full ? hf_fail(HF_STATUS_LIMIT, "the order does not fit") : hf_ok();
}

/* --- signatures --- */

static void write_nonce(struct hf_writer *to, const struct hf_message *message)
{
  uint8_t moment[8];
  for (int i = 0; i < 8; i++) moment[i] = (uint8_t)((uint64_t)message->sent_wall_ns >> (56 - 8 * i));
  hf_write_hex(to, message->order->id.uuid.bytes, sizeof message->order->id.uuid.bytes);
  hf_write_hex(to, moment, sizeof moment);
}

/* The path of the endpoint itself comes before ours: what the institution sees in its request line. */
static void write_path(struct hf_writer *to, const struct hf_institution *row)
{
  const char *host = strstr(row->endpoint, "://"), *path = host == NULL ? NULL : strchr(host + 3, '/');
  size_t size = path == NULL ? 0 : strlen(path);
  while (size > 0 && path[size - 1] == '/') size--;
  hf_write_bytes(to, path, size);
  hf_write_text(to, PATH);
}

static struct hf_status to_sign(const struct hf_message *message, struct hf_writer *bytes)
{
  hf_write_text(bytes, "POST\n");
  write_path(bytes, message->row);
  hf_write_text(bytes, "\n");
  hf_write_int(bytes, message->sent_wall_ns / HF_NS_PER_S);
  hf_write_text(bytes, "\n");
  write_nonce(bytes, message);
  hf_write_text(bytes, "\n");
  hf_write_bytes(bytes, message->body.data, message->body.size);
  hf_write_text(bytes, "\n");
  return bytes->full ? hf_fail(HF_STATUS_LIMIT, "the bytes to sign do not fit") : hf_ok();
}

static struct hf_status seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                             struct hf_span signature, struct hf_writer *headers)
{
  hf_write_text(headers, "Wallet-Timestamp: ");
  hf_write_int(headers, message->sent_wall_ns / HF_NS_PER_S);
  hf_write_text(headers, "\nWallet-Nonce: ");
  write_nonce(headers, message);
  if (signature.size > 0) {
    hf_write_text(headers, "\nWallet-Serial: ");
    hf_write_text(headers, key_id);
    hf_write_text(headers, "\nWallet-Algorithm: ");
    hf_write_text(headers, algorithm);
    hf_write_text(headers, "\nWallet-Signature: ");
    hf_write_base64(headers, signature.data, signature.size);
  }
  hf_write_text(headers, "\n");
  return headers->full ? hf_fail(HF_STATUS_LIMIT, "the headers do not fit") : hf_ok();
}

static const char *header_of(const struct hf_reply *reply, const char *name)
{
  const char *value = reply->header == NULL ? NULL : reply->header(reply->from, name);
  return value == NULL ? "" : value;
}

/* time, nonce and body, each ended by a newline; the nonce is the request's: an old answer cannot stand for a new one. */
static struct hf_status prove(const struct hf_message *asked, const struct hf_reply *reply, int64_t now_wall_ns,
                              struct hf_proof *proof, struct hf_writer *signed_bytes)
{
  char wanted[NONCE_SIZE];
  struct hf_writer nonce = hf_writer_of(wanted, sizeof wanted);
  const char *serial = header_of(reply, "Wallet-Serial"), *timestamp = header_of(reply, "Wallet-Timestamp"),
             *said = header_of(reply, "Wallet-Nonce"), *signature = header_of(reply, "Wallet-Signature");
  write_nonce(&nonce, asked);
  if (signature[0] == '\0') return hf_fail(HF_STATUS_REFUSED, "Wallet-Signature: the answer is not signed");
  if (strlen(serial) != HF_KEY_ID_SIZE) return hf_fail(HF_STATUS_REFUSED, "Wallet-Serial: not 32 hex digits");
  if (strlen(said) != NONCE_SIZE || memcmp(said, wanted, NONCE_SIZE) != 0)
    return hf_fail(HF_STATUS_REFUSED, "Wallet-Nonce: not the request's");
  size_t digits = strspn(timestamp, "0123456789");
  if (digits == 0 || digits > 10 || timestamp[digits] != '\0')
    return hf_fail(HF_STATUS_REFUSED, "Wallet-Timestamp: not seconds since 1970");
  int64_t made_s = strtoll(timestamp, NULL, 10), ahead_s = made_s - now_wall_ns / HF_NS_PER_S;
  if (ahead_s > WINDOW_S || ahead_s < -WINDOW_S)
    return hf_fail(HF_STATUS_REFUSED, "Wallet-Timestamp: over 120 seconds from the centre's clock");
  proof->made_wall_ns = made_s * HF_NS_PER_S;
  memcpy(proof->key_id, serial, sizeof proof->key_id);
  proof->signature_size = hf_base64_decode(signature, strlen(signature), proof->signature, sizeof proof->signature);
  if (proof->signature_size == SIZE_MAX) return hf_fail(HF_STATUS_REFUSED, "Wallet-Signature: not base64");
  hf_write_text(signed_bytes, timestamp);
  hf_write_text(signed_bytes, "\n");
  hf_write_bytes(signed_bytes, wanted, NONCE_SIZE);
  hf_write_text(signed_bytes, "\n");
  hf_write_bytes(signed_bytes, reply->body.data, reply->body.size);
  hf_write_text(signed_bytes, "\n");
  return signed_bytes->full ? hf_fail(HF_STATUS_LIMIT, "the answer is larger than 64 KiB") : hf_ok();
}

/* --- answers --- */

static bool order_number_of(const json_t *object, const char *key, struct hf_uuid *id)
{
  const char *hex = hf_json_text(object, key);
  return hf_is_ok(hf_uuid_of_hex(hex, strlen(hex), id));
}

/* Whole fen; 0 and not there where the field is missing. */
static bool money_of(const json_t *object, const char *key, int64_t *minor, bool *there)
{
  const json_t *value = json_object_get(object, key);
  *there = value != NULL && !json_is_null(value);
  *minor = 0;
  if (!*there) return true;
  *minor = json_is_integer(value) ? json_integer_value(value) : -1;
  return *minor >= 0 && *minor <= HF_AMOUNT_MAX;
}

/* One bill as far as it is sound: the core ignores a row with amount or time 0, and says so (chase.h). */
static void read_bill(const json_t *row, struct hf_transaction *to)
{
  const json_t *peer = json_object_get(row, "peer");
  const char *direction = hf_json_text(row, "direction"), *account = hf_json_text(peer, "account"),
             *name = hf_json_text(peer, "name");
  bool there;
  memset(to, 0, sizeof *to);
  to->credit = strcmp(direction, "IN") == 0;
  to->cash = json_is_true(json_object_get(row, "cash"));
  to->failed = json_is_true(json_object_get(row, "failed")) || (!to->credit && strcmp(direction, "OUT") != 0);
  if (!money_of(row, "total", &to->amount, &there)) to->amount = 0;
  if (!money_of(row, "balance", &to->balance, &to->has_balance)) to->has_balance = false;
  if (!hf_json_time(row, "time", &to->at_wall_ns)) to->at_wall_ns = 0;
  (void)hf_json_text_into(row, "clearing_no", to->serial, sizeof to->serial);
  (void)hf_json_text_into(peer, "wallet", to->institution, sizeof to->institution);
  if (account[0] != '\0' && !hf_is_ok(hf_account_number_set(&to->account, account, strlen(account)))) to->account.size = 0;
  if (!hf_is_ok(hf_name_set(&to->name, name, strlen(name)))) to->name.size = 0;
}

static struct hf_status read_bills(const json_t *list, struct hf_answer_room *room, struct hf_answer *answer)
{
  if (list == NULL || json_is_null(list)) return hf_ok();
  if (!json_is_array(list)) return hf_fail(HF_STATUS_MALFORMED, "bills: not an array");
  if (json_array_size(list) > HF_ANSWER_ROWS_MAX) return hf_fail(HF_STATUS_MALFORMED, "bills: more than 500; send pages");
  answer->transactions = room->transactions;
  answer->transactions_count = (uint32_t)json_array_size(list);
  for (size_t i = 0; i < json_array_size(list); i++) read_bill(json_array_get(list, i), &room->transactions[i]);
  return hf_ok();
}

static struct hf_status read_hold(const json_t *row, struct hf_listed_hold *to)
{
  const char *kind = hf_json_text(row, "kind");
  bool there;
  memset(to, 0, sizeof *to);
  if (json_object_get(row, "order_no") != NULL && !order_number_of(row, "order_no", &to->order_id.uuid))
    return hf_fail(HF_STATUS_MALFORMED, "holds.order_no: not 32 hex digits");
  to->freeze = strcmp(kind, "FREEZE") == 0;
  if (!to->freeze && strcmp(kind, "STOP") != 0) return hf_fail(HF_STATUS_MALFORMED, "holds.kind: neither STOP nor FREEZE");
  if (!money_of(row, "total", &to->amount, &there))
    return hf_fail(HF_STATUS_MALFORMED, "holds.total: not an amount in the smallest unit");
  if (!hf_json_time(row, "expire_time", &to->expires_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "holds.expire_time: not an RFC 3339 time");
  if (!hf_json_text_into(row, "authority", to->authority, sizeof to->authority))
    return hf_fail(HF_STATUS_MALFORMED, "holds.authority: over 64 bytes or not plain text");
  return hf_ok();
}

static struct hf_status read_holds(const json_t *list, struct hf_answer_room *room, struct hf_answer *answer)
{
  if (list == NULL || json_is_null(list)) return hf_ok();
  if (!json_is_array(list)) return hf_fail(HF_STATUS_MALFORMED, "holds: not an array");
  if (json_array_size(list) > HF_ANSWER_HOLDS_MAX) return hf_fail(HF_STATUS_MALFORMED, "holds: more than 64");
  answer->holds = room->holds;
  for (size_t i = 0; i < json_array_size(list); i++) {
    struct hf_status status = read_hold(json_array_get(list, i), &room->holds[i]);
    if (!hf_is_ok(status)) return status;
    answer->holds_count++;
  }
  return hf_ok();
}

static struct hf_status read_former(const json_t *former, struct hf_answer *answer)
{
  if (former == NULL || json_is_null(former)) return hf_ok();
  if (!hf_json_text_into(former, "authority", answer->former_authority, sizeof answer->former_authority))
    return hf_fail(HF_STATUS_MALFORMED, "former.authority: over 64 bytes or not plain text");
  answer->queued = json_is_true(json_object_get(former, "queued"));
  return hf_json_time(former, "expire_time", &answer->former_expires_wall_ns)
             ? hf_ok()
             : hf_fail(HF_STATUS_MALFORMED, "former.expire_time: not an RFC 3339 time");
}

static struct hf_status read_code(const char *code, char result[5])
{
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (strcmp(code, codes[i].word) == 0) code = codes[i].result;
  if (strlen(code) != 4 || strspn(code, "0123456789") != 4)
    return hf_fail(HF_STATUS_MALFORMED, "code: no word of the table and not four digits");
  memcpy(result, code, 5);
  return hf_ok();
}

static struct hf_status read_feedback(const json_t *root, struct hf_answer_room *room, struct hf_answer *answer)
{
  bool held;
  const char *holder = hf_json_text(root, "holder");
  struct hf_status status = read_code(hf_json_text(root, "code"), answer->result);
  if (!hf_is_ok(status)) return status;
  if (!hf_json_time(root, "execute_time", &answer->executed_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "execute_time: not an RFC 3339 time");
  if (!hf_json_time(root, "expire_time", &answer->expires_wall_ns))
    return hf_fail(HF_STATUS_MALFORMED, "expire_time: not an RFC 3339 time");
  if (!money_of(root, "balance", &answer->balance, &answer->has_balance))
    return hf_fail(HF_STATUS_MALFORMED, "balance: not an amount in the smallest unit");
  if (!money_of(root, "held", &answer->held, &held))
    return hf_fail(HF_STATUS_MALFORMED, "held: not an amount in the smallest unit");
  if (!hf_is_ok(hf_name_set(&answer->holder, holder, strlen(holder))))
    return hf_fail(HF_STATUS_MALFORMED, "holder: over 120 bytes or not UTF-8");
  answer->more = json_is_true(json_object_get(root, "more"));
  answer->has_feedback = true;
  status = read_former(json_object_get(root, "former"), answer);
  if (hf_is_ok(status)) status = read_bills(json_object_get(root, "bills"), room, answer);
  if (hf_is_ok(status)) status = read_holds(json_object_get(root, "holds"), room, answer);
  return status;
}

static struct hf_status read_answer(const json_t *root, const struct hf_order *order, struct hf_answer_room *room,
                                    struct hf_answer *answer)
{
  struct hf_uuid id;
  if (!json_is_object(root)) return hf_fail(HF_STATUS_MALFORMED, "the answer is not an object");
  if (!order_number_of(root, "order_no", &id)) return hf_fail(HF_STATUS_MALFORMED, "order_no: not 32 hex digits");
  if (memcmp(id.bytes, order->id.uuid.bytes, sizeof id.bytes) != 0)
    return hf_fail(HF_STATUS_REFUSED, "order_no: another order's");
  if (strcmp(hf_json_text(root, "wallet"), order->institution) != 0)
    return hf_fail(HF_STATUS_REFUSED, "wallet: another institution's");
  const char *state = hf_json_text(root, "state");
  if (!hf_json_text_into(root, "reference", answer->reference, sizeof answer->reference))
    return hf_fail(HF_STATUS_MALFORMED, "reference: over 64 bytes or not plain text");
  answer->order_id = order->id;
  answer->has_receipt = true;
  if (strcmp(state, "ACCEPTED") == 0) return hf_ok();
  if (strcmp(state, "FINISHED") != 0) return hf_fail(HF_STATUS_MALFORMED, "state: neither ACCEPTED nor FINISHED");
  return read_feedback(root, room, answer);
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

const struct hf_dialect hf_wallet_json = {
    .name = "wallet_json",
    .actions = (1u << HF_ACTION_COUNT) - 2, /* all of them */
    .content_type = "application/json",
    .path = PATH,
    .encode = encode,
    .to_sign = to_sign,
    .seal = seal,
    .prove = prove,
    .decode = decode,
};
