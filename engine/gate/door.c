/*
 * Door: mutual TLS, who is there, how often, and which way. Everything that is wrong has a code (gate.h), the same always for
 * the same, checked in a fixed order; no refusal repeats what was sent.
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/gate/gate.h"

#define HEADERS_SIZE_MAX 16384
#define REQUEST_TIMEOUT_S 60 /* of silence; a long poll's 30 s are inside */

static const struct {
  const char *code, *text;
  int status;
} refusals[HF_REFUSAL_COUNT] = {
#define X(name, code_, status_, text_) [HF_REFUSAL_##name] = {code_, text_, status_},
    HF_REFUSALS(X)
#undef X
};

/* --- replies --- */

void hf_door_reply(struct evhttp_request *request, int status, const char *type, const char *text, size_t size)
{
  struct evbuffer *body = evbuffer_new();
  HF_ASSERT(body != NULL);
  evbuffer_add(body, text, size);
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
  evhttp_add_header(evhttp_request_get_output_headers(request), "Cache-Control", "no-store");
  evhttp_send_reply(request, status, "-", body); /* also where the other side has gone: then it is only freed */
  evbuffer_free(body);
}

void hf_door_refuse(struct hf_gate *gate, struct evhttp_request *request, enum hf_refusal refusal, const char *detail)
{
  char text[512];
  struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
  gate->refused[refusal]++;
  int status = refusals[refusal].status;
  int size = snprintf(text, sizeof text, "{\"type\":\"about:blank\",\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}\n", status,
                      refusals[refusal].code, detail != NULL ? detail : refusals[refusal].text);
  if (status == 429 || status == 503)
    evhttp_add_header(headers, "Retry-After", "1");
  else
    evhttp_add_header(headers, "Connection", "close");
  hf_door_reply(request, status, "application/problem+json", text, (size_t)size);
}

/* --- who is there --- */

/* The common name of the certificate that the connection was made with: mutual TLS has checked who signed it. */
static bool name_of(struct evhttp_request *request, char name[HF_INSTITUTION_CODE_SIZE_MAX + 1])
{
  struct evhttp_connection *connection = evhttp_request_get_connection(request);
  SSL *ssl = connection == NULL ? NULL : bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(connection));
  X509 *certificate = ssl == NULL ? NULL : SSL_get1_peer_certificate(ssl);
  if (certificate == NULL) return false;
  X509_NAME *subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  bool one = at >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, at) < 0;
  const ASN1_STRING *text = one ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)) : NULL;
  size_t size = text == NULL ? 0 : (size_t)ASN1_STRING_length(text);
  bool fits = size > 0 && size <= HF_INSTITUTION_CODE_SIZE_MAX && memchr(ASN1_STRING_get0_data(text), '\0', size) == NULL;
  if (fits) {
    memcpy(name, ASN1_STRING_get0_data(text), size);
    name[size] = '\0';
  }
  X509_free(certificate);
  return fits;
}

static struct hf_member *member_named(struct hf_gate *gate, const char *name)
{
  for (uint32_t i = 0; i < gate->members_count; i++)
    if (strcmp(gate->members[i].code, name) == 0) return &gate->members[i];
  return NULL;
}

static bool has_token(const struct hf_gate *gate, struct hf_member *member, struct hf_time now)
{
  int64_t each_ns = HF_NS_PER_S / gate->options.rate;
  member->tokens_ns += now.mono_ns - member->filled_mono_ns;
  member->filled_mono_ns = now.mono_ns;
  if (member->tokens_ns > HF_NS_PER_S) member->tokens_ns = HF_NS_PER_S;
  if (member->tokens_ns < each_ns) return false;
  member->tokens_ns -= each_ns;
  return true;
}

/* Two lengths may be read in two ways by two programs in a row (tech.md section 4). */
static bool is_length_clear(struct evhttp_request *request)
{
  int lengths = 0, encodings = 0;
  struct evkeyval *header;
  for (header = evhttp_request_get_input_headers(request)->tqh_first; header != NULL; header = header->next.tqe_next) {
    lengths += evutil_ascii_strcasecmp(header->key, "Content-Length") == 0;
    encodings += evutil_ascii_strcasecmp(header->key, "Transfer-Encoding") == 0;
  }
  return lengths + encodings <= 1;
}

/* --- ways --- */

/* Who the gate takes the institution for, and what time it has: the first thing that an integrator asks. */
static void say_hello(const struct hf_visit *visit)
{
  char text[HF_TIME_TEXT_SIZE], body[256];
  int size = snprintf(body, sizeof body, "{\"institution\":\"%s\",\"time\":\"%s\",\"orders\":%s}\n", visit->member->code,
                      hf_time_text(visit->at.wall_ns, text), visit->member->orders_partitions > 0 ? "true" : "false");
  hf_door_reply(visit->request, 200, "application/json", body, (size_t)size);
}

static const struct way {
  const char *before, *after; /* after: NULL: the path is `before` alone */
  enum evhttp_cmd_type method;
  void (*go)(const struct hf_visit *visit);
} ways[] = {
    {"/v1/hello", NULL, EVHTTP_REQ_GET, say_hello},
    {"/v1/orders", NULL, EVHTTP_REQ_GET, hf_pull_get},
    {"/v1/orders/taken", NULL, EVHTTP_REQ_POST, hf_pull_taken},
    {"/v1/reports", NULL, EVHTTP_REQ_POST, hf_reports_post},
    {"/v1/platform", NULL, EVHTTP_REQ_POST, hf_pull_platform},
    {"/v1/orders/", "/answers", EVHTTP_REQ_POST, hf_answers_post},
};

static bool leads(const struct way *way, const char *path)
{
  size_t size = strlen(path), before = strlen(way->before), after = way->after == NULL ? 0 : strlen(way->after);
  if (way->after == NULL) return strcmp(path, way->before) == 0;
  return size > before + after && memcmp(path, way->before, before) == 0 && strcmp(path + size - after, way->after) == 0;
}

static enum hf_refusal admit(struct hf_visit *visit)
{
  char name[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  if (!visit->gate->ready) return HF_REFUSAL_NOT_READY;
  visit->member = name_of(visit->request, name) ? member_named(visit->gate, name) : NULL;
  if (visit->member == NULL) return HF_REFUSAL_CERTIFICATE;
  if (!visit->member->enabled) return HF_REFUSAL_DISABLED;
  if (!has_token(visit->gate, visit->member, visit->at)) return HF_REFUSAL_TOO_MANY;
  if (!is_length_clear(visit->request)) return HF_REFUSAL_LENGTH;
  return visit->body.size <= HF_ANSWER_BODY_SIZE_MAX ? HF_REFUSAL_NONE : HF_REFUSAL_TOO_LARGE;
}

static void on_request(struct evhttp_request *request, void *user)
{
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  size_t size = evbuffer_get_length(input);
  struct hf_visit visit = {.gate = user,
                           .request = request,
                           .path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request)),
                           .body = {size == 0 ? NULL : evbuffer_pullup(input, -1), size},
                           .at = hf_time_now()};
  enum hf_refusal refusal = admit(&visit);
  if (refusal != HF_REFUSAL_NONE) return hf_door_refuse(visit.gate, request, refusal, NULL);
  refusal = HF_REFUSAL_NOT_FOUND;
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    if (!leads(&ways[i], visit.path)) continue;
    if (evhttp_request_get_command(request) == ways[i].method) return ways[i].go(&visit);
    refusal = HF_REFUSAL_METHOD;
  }
  hf_door_refuse(visit.gate, request, refusal, NULL);
}

/* --- for the operator --- */

static void on_status(struct evhttp_request *request, void *user)
{
  struct hf_gate *gate = user;
  const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
  struct evbuffer *text = evbuffer_new();
  int status = 200;
  if (strcmp(path, "/healthz") == 0) {
    evbuffer_add_printf(text, "{\"alive\":true}\n");
  } else if (strcmp(path, "/readyz") == 0) {
    status = gate->ready ? 200 : 503;
    evbuffer_add_printf(text, "{\"ready\":%s}\n", gate->ready ? "true" : "false");
  } else if (strcmp(path, "/metrics") == 0) {
    evbuffer_add_printf(text, "# TYPE holdfast_gate_kept_total counter\nholdfast_gate_kept_total %llu\n",
                        (unsigned long long)gate->kept);
    evbuffer_add_printf(text, "# TYPE holdfast_gate_waiting gauge\nholdfast_gate_waiting %u\n", gate->waiting);
    evbuffer_add_printf(text, "# TYPE holdfast_gate_orders_given_total counter\nholdfast_gate_orders_given_total %llu\n",
                        (unsigned long long)gate->orders_given);
    evbuffer_add_printf(text, "# TYPE holdfast_gate_orders_taken_total counter\nholdfast_gate_orders_taken_total %llu\n",
                        (unsigned long long)gate->orders_taken);
    evbuffer_add_printf(text, "# TYPE holdfast_gate_refused_total counter\n");
    for (int i = 1; i < HF_REFUSAL_COUNT; i++)
      evbuffer_add_printf(text, "holdfast_gate_refused_total{code=\"%s\"} %llu\n", refusals[i].code,
                          (unsigned long long)gate->refused[i]);
  } else {
    status = 404;
  }
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                    strcmp(path, "/metrics") == 0 ? "text/plain; version=0.0.4" : "application/json");
  evhttp_send_reply(request, status, "-", text);
  evbuffer_free(text);
}

/* --- listening --- */

static struct bufferevent *on_connection(struct event_base *base, void *user)
{
  struct hf_gate *gate = user;
  SSL *ssl = SSL_new(gate->tls);
  HF_ASSERT(ssl != NULL);
  struct bufferevent *bufferevent =
      bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
  HF_ASSERT(bufferevent != NULL);
  bufferevent_openssl_set_allow_dirty_shutdown(bufferevent, 1);
  return bufferevent;
}

static SSL_CTX *make_tls(const struct hf_gate_options *options)
{
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  HF_ASSERT(tls != NULL);
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_id_context(tls, (const unsigned char *)"holdfast-gate", 13);
  STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(options->ca);
  if (names != NULL) SSL_CTX_set_client_CA_list(tls, names);
  if (names != NULL && SSL_CTX_load_verify_locations(tls, options->ca, NULL) == 1 &&
      SSL_CTX_use_certificate_chain_file(tls, options->certificate) == 1 &&
      SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(tls) == 1)
    return tls;
  SSL_CTX_free(tls);
  return NULL;
}

static bool listen_at(struct evhttp *http, const char *at)
{
  char host[256];
  const char *colon = strrchr(at, ':');
  if (colon == NULL || (size_t)(colon - at) >= sizeof host) return false;
  memcpy(host, at, (size_t)(colon - at));
  host[colon - at] = '\0';
  int port = atoi(colon + 1);
  struct evhttp_bound_socket *bound =
      port > 0 && port <= 65535 ? evhttp_bind_socket_with_handle(http, host, (uint16_t)port) : NULL;
  if (bound == NULL) return false;
  /* What is accepted inherits it: a reply is two writes, and the second must not wait for the first one's acknowledgement. */
  return setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0;
}

struct hf_status hf_door_open(struct hf_gate *gate)
{
  gate->tls = make_tls(&gate->options);
  if (gate->tls == NULL) return hf_fail(HF_STATUS_CONFIG, "--cert, --key, --ca: cannot be used together");
  gate->http = evhttp_new(gate->base);
  gate->status_http = evhttp_new(gate->base);
  HF_ASSERT(gate->http != NULL && gate->status_http != NULL);
  evhttp_set_bevcb(gate->http, on_connection, gate);
  evhttp_set_allowed_methods(gate->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
  evhttp_set_max_headers_size(gate->http, HEADERS_SIZE_MAX);
  evhttp_set_max_body_size(gate->http, 2 * HF_ANSWER_BODY_SIZE_MAX); /* up to here with our own words, then the library's */
  evhttp_set_timeout(gate->http, REQUEST_TIMEOUT_S);
  evhttp_set_gencb(gate->http, on_request, gate);
  evhttp_set_allowed_methods(gate->status_http, EVHTTP_REQ_GET);
  evhttp_set_timeout(gate->status_http, 5);
  evhttp_set_gencb(gate->status_http, on_status, gate);
  if (!listen_at(gate->http, gate->options.listen)) return hf_fail(HF_STATUS_CONFIG, "--listen: HOST:PORT cannot be bound");
  if (!listen_at(gate->status_http, gate->options.status_listen))
    return hf_fail(HF_STATUS_CONFIG, "--status: HOST:PORT cannot be bound");
  return hf_ok();
}

void hf_door_close(struct hf_gate *gate)
{
  if (gate->http != NULL) evhttp_free(gate->http);
  if (gate->status_http != NULL) evhttp_free(gate->status_http);
  SSL_CTX_free(gate->tls);
}
