/*
 * Gate: what its files share. The institutions' door: it knows who is connected (mutual TLS), checks what they sign, and puts
 * it on holdfast.answers, their fraud systems' reports on holdfast.reports; it gives orders to those that come for them. It
 * decides nothing about an order.
 *
 * Thread: the loop's, but for watch.c. Bounds: HF_GATE_WAITING_MAX answers on their way to Kafka, HF_GATE_PENDING_MAX orders
 *         of one institution in memory, HF_GATE_WAITERS_MAX long polls of one; full means 503 or 429, never a drop.
 */
#ifndef HF_GATE_GATE_H
#define HF_GATE_GATE_H

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "engine/gate/nonces.h"
#include "engine/gate/watch.h"
#include "engine/trust/trust.h"

#define HF_GATE_WINDOW_NS (120 * HF_NS_PER_S) /* between an institution's clock and ours: security.md section 1, replay */
#define HF_GATE_WAITING_MAX 4096
#define HF_GATE_PENDING_MAX 256
#define HF_GATE_WAITERS_MAX 4
#define HF_GATE_WAIT_MAX_S 30
#define HF_GATE_REPLY_MAX 160

/* code, HTTP status, what it means. Stable: the OpenAPI file and the integrator's guide have them. */
/* clang-format off */
#define HF_REFUSALS(X) \
  X(NOT_READY,    "not_ready",             503, "the gate has not read the registry, or found no topic, yet") \
  X(CERTIFICATE,  "certificate_unknown",   403, "the client certificate's common name is no institution of the registry") \
  X(DISABLED,     "institution_disabled",  403, "the institution's row is not enabled") \
  X(TOO_MANY,     "too_many_requests",     429, "more than this institution may ask in a second") \
  X(LENGTH,       "length_ambiguous",      400, "the body's length is said twice") \
  X(NOT_FOUND,    "not_found",             404, "there is nothing at this path") \
  X(METHOD,       "method_not_allowed",    405, "this path has another method") \
  X(EMPTY,        "body_missing",          400, "the request has no body") \
  X(TOO_LARGE,    "body_too_large",        413, "the body is over 64 KiB") \
  X(HEADER,       "header_missing",        401, "Holdfast-Key, -Timestamp, -Nonce and -Signature are needed, each once") \
  X(MALFORMED,    "malformed",             400, "the request is not what the path takes") \
  X(TIME,         "timestamp_not_now",     401, "the timestamp is more than 120 s from the gate's clock") \
  X(ORDER,        "order_unknown",         404, "no order has this id") \
  X(KEY,          "key_unknown",           401, "no key of an institution has this id") \
  X(KEY_ANOTHERS, "key_anothers",          403, "the key is another institution's") \
  X(KEY_ENDED,    "key_not_valid",         401, "the key is revoked, over, or not valid yet") \
  X(SIGNATURE,    "signature_wrong",       401, "the signature is not right for these bytes and this key") \
  X(REPEATED,     "nonce_repeated",        409, "this nonce was used before") \
  X(BUSY,         "busy",                  503, "the gate has as much under way as it may have: come again") \
  X(KAFKA,        "not_kept",              503, "Kafka did not take it: say it again") \
  X(NO_ORDERS,    "no_orders_here",        404, "this institution's orders do not come by way of the gate")
/* clang-format on */

enum hf_refusal {
  HF_REFUSAL_NONE = 0,
#define X(name, code, status, text) HF_REFUSAL_##name,
  HF_REFUSALS(X)
#undef X
      HF_REFUSAL_COUNT
};

/* An institution that has come. */
struct hf_member {
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  bool enabled;
  int32_t orders_partitions;
  int64_t tokens_ns, filled_mono_ns; /* its rate: time that is saved up */
  struct hf_pull *pull;              /* NULL: it has never come for orders */
};

/* What was said, on its way to Kafka. */
struct hf_waiting {
  struct hf_waiting *next; /* of the free ones */
  struct hf_gate *gate;
  struct evhttp_request *request;
  char reply[HF_GATE_REPLY_MAX]; /* to the institution, when Kafka has it */
};

struct hf_gate_options {
  const char *listen, *status_listen; /* host:port */
  const char *certificate, *key, *ca;
  const char *brokers, *answers, *reports, *conninfo;
  int rate; /* requests a second of one institution */
};

struct hf_gate {
  struct hf_gate_options options;
  struct event_base *base;
  struct evhttp *http, *status_http;
  struct event *tick, *kafka_event;
  SSL_CTX *tls;
  int fd; /* Kafka has something */
  rd_kafka_t *producer;
  rd_kafka_topic_t *answers, *reports; /* of the same number of partitions */
  struct hf_watch *watch;
  struct hf_found *found;
  bool ready;
  struct hf_trust *trust;
  struct hf_nonces nonces;
  struct hf_member members[HF_INSTITUTIONS_MAX];
  uint32_t members_count, waiting;
  struct hf_waiting places[HF_GATE_WAITING_MAX], *waiting_free;
  uint64_t kept, refused[HF_REFUSAL_COUNT], orders_given, orders_taken;
};

/* One request of a known institution. */
struct hf_visit {
  struct hf_gate *gate;
  struct hf_member *member;
  struct evhttp_request *request;
  const char *path;
  struct hf_span body;
  struct hf_time at;
};

/* door.c */
HF_MUST_USE struct hf_status hf_door_open(struct hf_gate *gate);
void hf_door_close(struct hf_gate *gate);
void hf_door_reply(struct evhttp_request *request, int status, const char *type, const char *text, size_t size);
/* detail: more than the refusal's own text; NULL: that. The connection is closed behind it. */
void hf_door_refuse(struct hf_gate *gate, struct evhttp_request *request, enum hf_refusal refusal, const char *detail);

/* answers.c */
/* Whether the visit's five lines are signed by a key of its institution's; refused and answered where not. */
struct hf_signed {
  struct hf_span bytes; /* the five lines; valid until the next check */
  struct hf_signature signature;
};
bool hf_answers_check(const struct hf_visit *visit, struct hf_signed *is_signed);
void hf_answers_post(const struct hf_visit *visit);
/* A key of the visit's institution, in force, with this role; or why not. */
enum hf_refusal hf_answers_refusal_of_key(const struct hf_visit *visit, const char *id, enum hf_role role);
/* Onto Kafka, and the reply when it is there; refused where it cannot be. record is copied. */
void hf_answers_keep(const struct hf_visit *visit, rd_kafka_topic_t *topic, int32_t partition, const char *key,
                     struct hf_span record, const char *reply);
HF_MUST_USE struct hf_status hf_answers_connect(struct hf_gate *gate);

/* reports.c */
void hf_reports_post(const struct hf_visit *visit);

/* pull.c */
void hf_pull_get(const struct hf_visit *visit);
void hf_pull_taken(const struct hf_visit *visit);
void hf_pull_platform(const struct hf_visit *visit);
/* Something has come, or time has passed. */
void hf_pull_work(struct hf_gate *gate);
void hf_pull_close(struct hf_member *member);

#endif
