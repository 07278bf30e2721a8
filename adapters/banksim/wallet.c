#include "adapters/banksim/wallet.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/order.h"
#include "adapters/banksim/signature.h"

#define PATH "/v3/antifraud/orders"
#define NONCES_MAX 4096

/* --- its JSON → the bank's --- */

static void set_amount(json_t *to, const char *key, const json_t *fen)
{
  char text[32];
  if (!json_is_integer(fen)) return;
  snprintf(text, sizeof text, "%lld.%02d", json_integer_value(fen) / 100, (int)(json_integer_value(fen) % 100));
  json_object_set_new(to, key, json_string(text));
}

json_t *wallet_order(const char *body, size_t size)
{
  json_error_t error;
  json_t *asked = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
  if (asked == NULL) return NULL;
  const json_t *target = json_object_get(asked, "target");
  json_t *transfer = json_object();
  set_amount(transfer, "amount", json_object_get(json_object_get(asked, "loss"), "total"));
  json_t *order = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o}", "case_id", order_text(asked, "case_no"), "case_number",
                            order_text(asked, "case_no"), "action", order_text(asked, "action"), "institution",
                            order_text(target, "wallet"), "account", "number", order_text(target, "account"), "name",
                            order_text(target, "name"), "transfer", transfer);
  order_set_id(order, "order_id", order_text(asked, "order_no"));
  order_set_id(order, "parent", order_text(asked, "origin_order_no"));
  set_amount(order, "amount", json_object_get(json_object_get(asked, "amount"), "total"));
  static const char *const same[][2] = {{"mode", "mode"}, {"until", "valid_until"}, {"serial", "clearing_no"}};
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
    if (order_text(asked, same[i][1])[0] != '\0')
      json_object_set_new(order, same[i][0], json_string(order_text(asked, same[i][1])));
  if (json_object_get(asked, "page") != NULL) json_object_set(order, "page", json_object_get(asked, "page"));
  json_decref(asked);
  return order;
}

/* --- the bank's answer → its JSON --- */

static void set_fen(json_t *to, const char *key, const char *amount)
{
  char digits[32];
  size_t size = 0;
  for (; *amount != '\0' && size < sizeof digits - 1; amount++)
    if (*amount != '.') digits[size++] = *amount;
  digits[size] = '\0';
  if (size > 0) json_object_set_new(to, key, json_integer(strtoll(digits, NULL, 10)));
}

static void set_hex(json_t *to, const char *key, const char *id)
{
  char hex[33];
  if (strlen(id) != 36) return;
  snprintf(hex, sizeof hex, "%.8s%.4s%.4s%.4s%.12s", id, id + 9, id + 14, id + 19, id + 24);
  json_object_set_new(to, key, json_string(hex));
}

static const char *word_of(const char *result)
{
  static const char *const words[][2] = {{"0000", "SUCCESS"},          {"0301", "NAME_MISMATCH"}, {"1200", "BALANCE_SHORT"},
                                         {"1301", "STOPPED_BY_OTHER"}, {"1303", "FROZEN_FULL"},   {"1304", "TOO_MANY_STOPS"},
                                         {"1800", "EXTEND_TOO_LATE"},  {"1900", "LIFT_TOO_LATE"}, {"0801", "TERM_INVALID"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(words[i][0], result) == 0) return words[i][1];
  return result;
}

static void set_text(json_t *to, const char *key, const json_t *from, const char *old)
{
  if (json_object_get(from, old) != NULL) json_object_set(to, key, json_object_get(from, old));
}

static json_t *bills_of(const json_t *rows)
{
  json_t *bills = json_array();
  for (size_t i = 0; i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i), *other = json_object_get(row, "other");
    json_t *bill = json_pack("{s:s}", "direction", strcmp(order_text(row, "side"), "credit") == 0 ? "IN" : "OUT");
    set_fen(bill, "total", order_text(row, "amount"));
    set_fen(bill, "balance", order_text(row, "balance"));
    set_text(bill, "time", row, "at");
    set_text(bill, "clearing_no", row, "serial");
    set_text(bill, "cash", row, "cash");
    if (other != NULL) {
      json_t *peer = json_object();
      set_text(peer, "wallet", other, "institution");
      set_text(peer, "account", other, "number");
      set_text(peer, "name", other, "name");
      json_object_set_new(bill, "peer", peer);
    }
    json_array_append_new(bills, bill);
  }
  return bills;
}

static json_t *holds_of(const json_t *rows)
{
  json_t *holds = json_array();
  for (size_t i = 0; i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    json_t *hold = json_pack("{s:s}", "kind", strcmp(order_text(row, "kind"), "freeze") == 0 ? "FREEZE" : "STOP");
    set_hex(hold, "order_no", order_text(row, "order_id"));
    set_fen(hold, "total", order_text(row, "amount"));
    set_text(hold, "expire_time", row, "expires_at");
    set_text(hold, "authority", row, "authority");
    json_array_append_new(holds, hold);
  }
  return holds;
}

static void add_feedback(json_t *to, const json_t *feedback)
{
  const json_t *former = json_object_get(feedback, "former");
  json_object_set_new(to, "code", json_string(word_of(order_text(feedback, "result"))));
  set_text(to, "execute_time", feedback, "executed_at");
  set_text(to, "expire_time", feedback, "expires_at");
  set_fen(to, "balance", order_text(feedback, "balance"));
  set_fen(to, "held", order_text(feedback, "held"));
  set_text(to, "holder", feedback, "holder");
  set_text(to, "more", feedback, "more");
  if (former != NULL) {
    json_t *earlier = json_object();
    set_text(earlier, "authority", former, "authority");
    set_text(earlier, "expire_time", former, "expires_at");
    set_text(earlier, "queued", former, "queued");
    json_object_set_new(to, "former", earlier);
  }
  if (json_object_get(feedback, "transactions") != NULL)
    json_object_set_new(to, "bills", bills_of(json_object_get(feedback, "transactions")));
  if (json_object_get(feedback, "holds") != NULL)
    json_object_set_new(to, "holds", holds_of(json_object_get(feedback, "holds")));
}

char *wallet_answer(const char *answer)
{
  json_error_t error;
  json_t *said = json_loads(answer, 0, &error);
  if (said == NULL) return NULL;
  const json_t *feedback = json_object_get(said, "feedback");
  json_t *to =
      json_pack("{s:s, s:s}", "wallet", order_text(said, "institution"), "state", feedback == NULL ? "ACCEPTED" : "FINISHED");
  set_hex(to, "order_no", order_text(said, "order_id"));
  set_text(to, "reference", said, "reference");
  if (feedback != NULL) add_feedback(to, feedback);
  char *text = json_dumps(to, JSON_COMPACT);
  json_decref(to);
  json_decref(said);
  return text;
}

/* --- requests --- */

static bool is_new(const char *nonce)
{
  static char seen[NONCES_MAX][64];
  static uint32_t next;
  for (uint32_t i = 0; i < NONCES_MAX; i++)
    if (strcmp(seen[i], nonce) == 0) return false;
  snprintf(seen[next++ % NONCES_MAX], 64, "%s", nonce);
  return true;
}

/* NULL where the request may be believed. */
static const char *objection_to(struct evhttp_request *request, const uint8_t *body, size_t size)
{
  static uint8_t bytes[16384];
  const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
  const char *at = evhttp_find_header(headers, "Wallet-Timestamp"), *nonce = evhttp_find_header(headers, "Wallet-Nonce");
  if (at == NULL || nonce == NULL || nonce[0] == '\0' || strlen(nonce) > 60) return "Wallet-Timestamp, Wallet-Nonce: missing";
  if (llabs(atoll(at) - (long long)time(NULL)) > 120) return "Wallet-Timestamp: over 120 seconds away";
  int head = snprintf((char *)bytes, sizeof bytes, "POST\n%s\n%s\n%s\n", evhttp_request_get_uri(request), at, nonce);
  if (head < 0 || (size_t)head + size + 1 > sizeof bytes) return "the request is too large";
  memcpy(bytes + head, body, size);
  bytes[(size_t)head + size] = '\n';
  if (!signature_is_right(evhttp_find_header(headers, "Wallet-Signature"), bytes, (size_t)head + size + 1))
    return "Wallet-Signature: missing or wrong";
  return is_new(nonce) ? NULL : "Wallet-Nonce: seen before";
}

static void seal(struct answer *answer, struct evhttp_request *request)
{
  char at[32], signature[700];
  struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
  enum fault fault = answer->bank->fault;
  const char *nonce = evhttp_find_header(evhttp_request_get_input_headers(request), "Wallet-Nonce");
  bool old = fault == FAULT_OLD || (answer->spoiled && bank_is_broken(answer->bank, "old_answer", NULL));
  bool other = fault == FAULT_OTHER_NONCE || (answer->spoiled && bank_is_broken(answer->bank, "other_nonce", NULL));
  snprintf(at, sizeof at, "%lld", (long long)time(NULL) - (old ? 600 : 0));
  if (nonce == NULL || other) nonce = "000000000000000000000000000000000000000000000000";
  size_t size = strlen(answer->verdict.body), room = size + 128;
  char *bytes = malloc(room);
  if (bytes == NULL) abort();
  int wrote = snprintf(bytes, room, "%s\n%s\n%s\n", at, nonce, answer->verdict.body);
  signature_make(answer->bank->code, bytes, (size_t)wrote, signature);
  free(bytes);
  if (fault == FAULT_UNSIGNED || (answer->spoiled && bank_is_broken(answer->bank, "unsigned_answer", NULL))) return;
  if (fault == FAULT_BAD_SIGNATURE) signature[0] = signature[0] == 'A' ? 'B' : 'A';
  evhttp_add_header(headers, "Wallet-Timestamp", at);
  evhttp_add_header(headers, "Wallet-Nonce", nonce);
  evhttp_add_header(headers, "Wallet-Serial", signature_key_id(answer->bank->code));
  evhttp_add_header(headers, "Wallet-Signature", signature);
}

static void send_signed(struct answer *answer)
{
  char *text = answer->verdict.status == 200 ? wallet_answer(answer->verdict.body) : NULL;
  if (text != NULL) {
    free(answer->verdict.body);
    answer->verdict.body = text;
  }
  seal(answer, answer->to);
  answer_send_http(answer);
}

void wallet_on_order(struct evhttp_request *request, void *user)
{
  struct bank *bank = user;
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  size_t size = evbuffer_get_length(input);
  const uint8_t *body = evbuffer_pullup(input, -1);
  if (answer_takes_get(request, bank)) return;
  struct answer *answer = answer_new(bank, send_signed, request);
  answer->spoiled = bank_about(bank, body, size);
  signature_first_key_only(answer->spoiled && bank_is_broken(bank, "one_key", NULL));
  evhttp_request_own(request); /* the connection may go before the answer does */
  const char *objection = size == 0                         ? "the body is empty"
                          : answer_waives(bank, body, size) ? NULL
                                                            : objection_to(request, body, size);
  json_t *order = objection == NULL ? wallet_order((const char *)body, size) : NULL;
  if (objection == NULL && order == NULL) objection = "the body is not JSON";
  if (objection == NULL) {
    char *text = json_dumps(order, JSON_COMPACT);
    bank_decide(bank, text, strlen(text), &answer->verdict);
    free(text);
  } else {
    json_t *error = json_pack("{s:s, s:s}", "code", "SIGN_ERROR", "message", objection);
    bool all = strcmp(bank->broken, "answers_all") == 0 && answer->spoiled;
    answer->verdict = (struct verdict){.status = all ? 200 : 401, .body = json_dumps(error, JSON_COMPACT)};
    json_decref(error);
  }
  json_decref(order);
  answer_later(answer);
}
