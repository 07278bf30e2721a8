/* Cases of the line: TLS, HTTP, signatures. */
#include <string.h>
#include <strings.h>

#include "adapters/kit/kit.h"

static struct kit_reply reply;

static bool good(const struct kit_reply *at)
{
  return at->status / 100 == 2;
}

/* A query of an account of its own. False where no reply came, or no account is left. */
static bool send_query(struct kit *kit, const struct kit_how *how)
{
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  struct hf_span bytes = {body, kit_encode(kit, &order, body)};
  return kit_send(kit, &order, bytes, how, &reply);
}

/* A query sent so that it must be refused; nothing is held by it in any case. */
static bool must_refuse(struct kit *kit, const struct kit_how *how, const char *what)
{
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  struct hf_span bytes = {body, kit_encode(kit, &order, body)};
  if (!kit_send(kit, &order, bytes, how, &reply)) return how->without_certificate || how->old_tls;
  if (reply.status >= 400 && reply.status < 500) return true;
  return kit_fail(kit, "%s: HTTP %d where 4xx is expected", what, reply.status);
}

static bool ordinary(struct kit *kit)
{
  struct hf_answer answer;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  return kit_ask(kit, &order, &answer);
}

static bool is_reached(struct kit *kit)
{
  static const struct kit_how ping = {.get = true, .path = "/v1/ping", .fresh = true};
  return kit_send(kit, NULL, (struct hf_span){NULL, 0}, &ping, &reply);
}

static bool old_tls_is_refused(struct kit *kit)
{
  static const struct kit_how old = {.get = true, .path = "/v1/ping", .old_tls = true};
  if (!kit_send(kit, NULL, (struct hf_span){NULL, 0}, &old, &reply)) return true;
  return kit_fail(kit, "TLS 1.1 or older is spoken");
}

static bool strangers_are_refused(struct kit *kit)
{
  static const struct kit_how stranger = {.without_certificate = true};
  return must_refuse(kit, &stranger, "an order without a client certificate");
}

static bool ping_is_answered(struct kit *kit)
{
  static const struct kit_how ping = {.get = true, .path = "/v1/ping"};
  if (!kit_send(kit, NULL, (struct hf_span){NULL, 0}, &ping, &reply)) return false;
  return good(&reply) || kit_fail(kit, "GET /v1/ping: HTTP %d where 2xx is expected", reply.status);
}

static bool connection_stays(struct kit *kit)
{
  static const struct kit_how ping = {.get = true, .path = "/v1/ping"};
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  static const struct kit_how rightly;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL || !kit_send(kit, NULL, (struct hf_span){NULL, 0}, &ping, &reply)) return false;
  for (int i = 0; i < 2; i++) {
    struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
    struct hf_span bytes = {body, kit_encode(kit, &order, body)};
    if (!kit_send(kit, &order, bytes, &rightly, &reply)) return false;
    if (reply.new_connection) return kit_fail(kit, "the connection is closed after a reply: each order pays a handshake");
  }
  return true;
}

static bool get_is_refused(struct kit *kit)
{
  static const struct kit_how get = {.get = true};
  if (!kit_send(kit, NULL, (struct hf_span){NULL, 0}, &get, &reply)) return false;
  return reply.status / 100 == 4 || kit_fail(kit, "GET of the orders' path: HTTP %d where 4xx is expected", reply.status);
}

static bool other_paths_are_refused(struct kit *kit)
{
  static const struct kit_how nowhere = {.path = "/v1/nowhere"};
  return must_refuse(kit, &nowhere, "a path that does not exist");
}

static bool type_is_told(struct kit *kit)
{
  static const struct kit_how rightly;
  if (!send_query(kit, &rightly)) return false;
  size_t size = strlen(kit->dialect->content_type);
  return strncasecmp(reply.content_type, kit->dialect->content_type, size) == 0 ||
         kit_fail(kit, "Content-Type: %s where %s is expected", reply.content_type, kit->dialect->content_type);
}

static bool unsigned_is_refused(struct kit *kit)
{
  static const struct kit_how how = {.unsigned_ = true};
  return must_refuse(kit, &how, "an order that is not signed") && ordinary(kit);
}

static bool wrong_signature_is_refused(struct kit *kit)
{
  static const struct kit_how how = {.bad_signature = true};
  return must_refuse(kit, &how, "an order whose signature has one other bit") && ordinary(kit);
}

static bool other_key_is_refused(struct kit *kit)
{
  static const struct kit_how how = {.other_key = true};
  return must_refuse(kit, &how, "an order signed by a key that is not the centre's") && ordinary(kit);
}

/* The centre signs by its next key while orders by the present one are still on their way. */
static bool next_key_is_taken(struct kit *kit)
{
  static const struct kit_how by_next = {.next_key = true};
  if (!send_query(kit, &by_next)) return false;
  if (!good(&reply)) return kit_fail(kit, "signed by the centre's next key: HTTP %d where 200 is expected", reply.status);
  return ordinary(kit) || kit_fail(kit, "the present key is not taken any more once the next one was");
}

/* --- where time and nonce are signed, and answers too --- */

static bool old_is_refused(struct kit *kit)
{
  static const struct kit_how how = {.age_s = 600};
  return must_refuse(kit, &how, "an order signed ten minutes ago") && ordinary(kit);
}

static bool replay_is_refused(struct kit *kit)
{
  static const struct kit_how rightly, again = {.same_moment = true};
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  struct hf_order order = kit_order(kit, HF_ACTION_QUERY, account);
  struct hf_span bytes = {body, kit_encode(kit, &order, body)};
  if (!kit_send(kit, &order, bytes, &rightly, &reply)) return false;
  if (!good(&reply)) return kit_fail(kit, "HTTP %d where 200 is expected", reply.status);
  if (!kit_send(kit, &order, bytes, &again, &reply)) return false;
  return reply.status / 100 == 4 || kit_fail(kit, "the same nonce a second time: HTTP %d where 4xx is expected", reply.status);
}

static const char *header_of(const void *from, const char *name)
{
  const struct kit_reply *at = from;
  for (int i = 0; i < at->headers_count; i++)
    if (strcasecmp(at->headers[i].name, name) == 0) return at->headers[i].value;
  return NULL;
}

/* What the answer says of its signature; false, with why, where it says nothing that can be believed. */
static bool proof_of(struct kit *kit, struct hf_proof *proof, struct hf_writer *bytes)
{
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  static const struct kit_how rightly;
  static struct hf_order order;
  const struct kit_account *account = kit_account(kit, KIT_PLAIN);
  if (account == NULL) return false;
  order = kit_order(kit, HF_ACTION_QUERY, account);
  const struct hf_message asked = {.order = &order, .row = &kit->row, .body = {body, kit_encode(kit, &order, body)}};
  if (!kit_send(kit, &order, asked.body, &rightly, &reply)) return false;
  const struct hf_reply at = {.status = reply.status, .body = {reply.body, reply.size}, .header = header_of, .from = &reply};
  struct hf_message sent = asked;
  sent.sent_wall_ns = kit->last_sent;
  struct hf_status status = kit->dialect->prove(&sent, &at, hf_time_now().wall_ns, proof, bytes);
  return hf_is_ok(status) || kit_fail(kit, "%s", status.why);
}

static bool answers_are_signed(struct kit *kit)
{
  static uint8_t room[KIT_BODY_MAX + 256];
  struct hf_writer bytes = hf_writer_of(room, sizeof room);
  struct hf_proof proof;
  if (!proof_of(kit, &proof, &bytes))
    return strstr(kit->why, "Nonce") != NULL || strstr(kit->why, "Timestamp") != NULL; /* 16, 17 */
  for (int i = 0; i < kit->answers_count; i++)
    if (hf_key_verify(kit->context, &kit->answers[i], (struct hf_span){bytes.data, bytes.size},
                      (struct hf_span){proof.signature, proof.signature_size}))
      return strcmp(kit->answers[i].id, proof.key_id) == 0 ||
             kit_fail(kit, "the serial is another key's than the one that signed");
  return kit_fail(kit, "the answer's signature is not right with the institution's key");
}

static bool answers_are_of_this_request(struct kit *kit)
{
  static uint8_t room[KIT_BODY_MAX + 256];
  struct hf_writer bytes = hf_writer_of(room, sizeof room);
  struct hf_proof proof;
  return proof_of(kit, &proof, &bytes) || strstr(kit->why, "Nonce") == NULL;
}

static bool answers_are_of_now(struct kit *kit)
{
  static uint8_t room[KIT_BODY_MAX + 256];
  struct hf_writer bytes = hf_writer_of(room, sizeof room);
  struct hf_proof proof;
  return proof_of(kit, &proof, &bytes) || strstr(kit->why, "Timestamp") == NULL;
}

const struct kit_case kit_line_cases[] = {
    {1, "it is reached: a certificate that verifies, TLS 1.2 or later", false, false, is_reached},
    {2, "TLS 1.1 and older are refused", false, false, old_tls_is_refused},
    {3, "without the centre's certificate nothing is taken", false, false, strangers_are_refused},
    {4, "a ping is answered", false, false, ping_is_answered},
    {5, "connections stay open between orders", false, false, connection_stays},
    {6, "GET of the orders' path is refused", false, false, get_is_refused},
    {7, "paths that do not exist are refused", false, false, other_paths_are_refused},
    {8, "an answer tells its content type", false, false, type_is_told},
    {9, "an order that is not signed is refused", false, false, unsigned_is_refused},
    {10, "a signature with one other bit is refused", false, false, wrong_signature_is_refused},
    {11, "a signature by another key is refused", false, false, other_key_is_refused},
    {12, "an order signed ten minutes ago is refused", true, false, old_is_refused},
    {13, "a nonce is taken once", true, false, replay_is_refused},
    {14, "answers are signed by the institution's key", true, false, answers_are_signed},
    {15, "an answer's nonce is its request's", true, false, answers_are_of_this_request},
    {16, "an answer's time is now", true, false, answers_are_of_now},
    {17, "rotation: the centre's next key is taken beside the present one", false, KIT_NEEDS_NEXT_KEY, next_key_is_taken},
    {.number = 0},
};
