/*
 * A bank's side of holdfast_json that answers a stop rightly, to begin from. libevent, OpenSSL, jansson.
 *
 * bank PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE
 *   CERT KEY   this bank's own; CA: who signed the centre's client certificate; CENTRE_PUB: the centre's signing key, ECDSA
 * P-256 ACCOUNTS   lines of KIND NUMBER NAME, as holdfast-kit reads them; your core banking system stands here STORE      every
 * answer is here, on disk, before it is sent: an order that comes again is answered from it and done once
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX (64 * 1024)
#define KIND "application/vnd.holdfast.order.v1+json"

static struct {
  const char *code;
  SSL_CTX *tls;
  EVP_PKEY *centre;
  json_t *accounts; /* number → {kind, name} */
  json_t *answered; /* order id → {sha256, answer} */
  json_t *stops;    /* number → {order, ends} */
  json_t *asked;    /* late orders → when */
  FILE *store;
} bank;

static const char *const actions[] = {"stop",      "query",  "extend",   "lift",    "freeze", "renew",
                                      "unfreeze",  "holder", "accounts", "holds",   "serial", "monitor",
                                      "unmonitor", "paper",  "return",   "suspect", "block"};

static _Noreturn void die(const char *what)
{
  fprintf(stderr, "bank: %s\n", what);
  exit(1);
}

/* --- what is signed --- */

/* DSSE's pre-authentication encoding: the type is inside what is signed, both with their length in bytes. */
static int is_signed(const unsigned char *body, size_t size, const char *header)
{
  char head[128];
  unsigned char signature[256];
  size_t text = header == NULL ? 0 : strlen(header);
  int head_size = snprintf(head, sizeof head, "DSSEv1 %zu %s %zu ", strlen(KIND), KIND, size);
  if (text == 0 || text % 4 != 0 || text > sizeof signature * 4 / 3) return 0;
  int length = EVP_DecodeBlock(signature, (const unsigned char *)header, (int)text);
  if (length < 3) return 0;
  length -= (header[text - 1] == '=') + (header[text - 2] == '=');
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int right = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, bank.centre) == 1 &&
              EVP_DigestVerifyUpdate(context, head, (size_t)head_size) == 1 &&
              EVP_DigestVerifyUpdate(context, body, size) == 1 &&
              EVP_DigestVerifyFinal(context, signature, (size_t)length) == 1;
  EVP_MD_CTX_free(context);
  return right;
}

static void hash_of(const unsigned char *body, size_t size, char text[65])
{
  unsigned char digest[32];
  if (EVP_Digest(body, size, digest, NULL, EVP_sha256(), NULL) != 1) die("SHA-256");
  for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* --- orders --- */

static const char *text_at(const json_t *object, const char *key)
{
  return json_string_value(json_object_get(object, key));
}

/* Fields that we do not know are passed over: later versions of the centre add some. */
static int is_order(const json_t *order)
{
  const json_t *account = json_object_get(order, "account");
  const char *action = text_at(order, "action"), *institution = text_at(order, "institution");
  int known = 0;
  for (size_t i = 0; action != NULL && i < sizeof actions / sizeof actions[0]; i++) known |= strcmp(actions[i], action) == 0;
  return known && json_integer_value(json_object_get(order, "version")) == 1 && institution != NULL &&
         strcmp(institution, bank.code) == 0 && text_at(order, "order_id") != NULL && text_at(account, "number") != NULL &&
         text_at(account, "name") != NULL && text_at(json_object_get(order, "transfer"), "amount") != NULL;
}

static void time_text(int64_t ms, char text[40])
{
  struct tm parts;
  time_t seconds = ms / 1000;
  gmtime_r(&seconds, &parts);
  size_t size = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + size, 40 - size, ".%03dZ", (int)(ms % 1000));
}

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static json_t *stop(const json_t *order, const char *kind, int64_t now)
{
  const char *number = text_at(json_object_get(order, "account"), "number");
  const char *balance = strcmp(kind, "short") == 0 ? "0.50" : "100000.00";
  char executed[40], expires[40];
  int64_t ends = now + 48LL * 3600 * 1000;
  int is_short = strtod(text_at(json_object_get(order, "transfer"), "amount"), NULL) > strtod(balance, NULL);
  time_text(now, executed);
  time_text(ends, expires);
  json_object_set_new(bank.stops, number,
                      json_pack("{s:s, s:I}", "order", text_at(order, "order_id"), "ends", (json_int_t)ends));
  return json_pack("{s:s, s:s, s:s, s:s, s:s}", "result", is_short ? "1200" : "0000", "executed_at", executed, "expires_at",
                   expires, "balance", balance, "held", balance);
}

/* What the bank does: here its accounts are a file, and it knows stops only. */
static json_t *feedback(const json_t *order, int64_t now)
{
  const char *action = text_at(order, "action"), *number = text_at(json_object_get(order, "account"), "number");
  const json_t *account = json_object_get(bank.accounts, number), *ours = json_object_get(bank.stops, number);
  const char *kind = account == NULL ? "unknown" : text_at(account, "kind");
  int64_t ends = json_integer_value(json_object_get(ours, "ends"));
  int in_force = ours != NULL && ends > now;
  char expires[40];
  time_text(ends, expires);
  if (strcmp(action, "suspect") == 0) return json_pack("{s:s}", "result", "0000");
  if (strcmp(kind, "unknown") == 0) return json_pack("{s:s}", "result", "0300");
  if (strcmp(action, "holds") == 0 && in_force)
    return json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "result", "0000", "holds", "order_id", text_at(ours, "order"), "kind",
                     "stop", "expires_at", expires);
  if (strcmp(action, "holds") == 0) return json_pack("{s:s, s:[]}", "result", "0000", "holds");
  if (strcmp(action, "stop") != 0) return json_pack("{s:s}", "result", "1000"); /* not supported */
  if (strcmp(text_at(account, "name"), text_at(json_object_get(order, "account"), "name")) != 0)
    return json_pack("{s:s}", "result", "0301");
  if (strcmp(kind, "held") == 0 || in_force) return json_pack("{s:s}", "result", "1301");
  return stop(order, kind, now);
}

/* The answer's text, to be freed; NULL where nothing can be kept now. The same order always has the same answer, and it is on
 * disk before anybody hears it. */
static char *answer(const json_t *order, const char *hash, int *status)
{
  const char *id = text_at(order, "order_id"), *number = text_at(json_object_get(order, "account"), "number");
  const json_t *before = json_object_get(bank.answered, id), *account = json_object_get(bank.accounts, number);
  int64_t now = now_ms();
  char reference[32];
  *status = before != NULL && strcmp(text_at(before, "sha256"), hash) != 0 ? 409 : 200;
  if (before != NULL)
    return strdup(*status == 200 ? text_at(before, "answer") : "{\"error\":\"another order with this id was answered\"}");
  snprintf(reference, sizeof reference, "C-%zu", json_object_size(bank.answered) + 1);
  json_t *said = json_pack("{s:s, s:s, s:s}", "order_id", id, "institution", bank.code, "reference", reference);
  if (account != NULL && strcmp(text_at(account, "kind"), "late") == 0) {
    if (json_object_get(bank.asked, id) == NULL) json_object_set_new(bank.asked, id, json_integer(now));
    if (now - json_integer_value(json_object_get(bank.asked, id)) <
        1000) { /* the feedback comes to the same order, asked again */
      char *receipt = json_dumps(said, JSON_COMPACT);
      json_decref(said);
      return receipt;
    }
  }
  json_object_set_new(said, "feedback", feedback(order, now));
  char *text = json_dumps(said, JSON_COMPACT);
  json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "order", id, "sha256", hash, "account", number, "answer", text);
  int kept = json_dumpf(row, bank.store, JSON_COMPACT) == 0 && fputc('\n', bank.store) != EOF && fflush(bank.store) == 0 &&
             fsync(fileno(bank.store)) == 0;
  if (!kept) die("the store cannot be written: nothing more is answered");
  json_object_set_new(bank.answered, id, json_pack("{s:s, s:s}", "sha256", hash, "answer", text));
  json_decref(row);
  json_decref(said);
  return text;
}

/* --- HTTP --- */

static void reply(struct evhttp_request *request, int status, const char *text)
{
  struct evbuffer *out = evbuffer_new();
  evbuffer_add(out, text, strlen(text));
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
  if (status == 413) evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
  evhttp_send_reply(request, status, "-", out);
  evbuffer_free(out);
}

static void on_request(struct evhttp_request *request, void *user)
{
  const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  size_t size = evbuffer_get_length(input);
  const unsigned char *body = size == 0 ? (const unsigned char *)"" : evbuffer_pullup(input, -1);
  int is_orders = strcmp(path, "/v1/orders") == 0, status;
  (void)user;
  if (evhttp_request_get_command(request) == EVHTTP_REQ_GET)
    return reply(request, strcmp(path, "/v1/ping") == 0 ? 200 : is_orders ? 405 : 404, "{}");
  if (size > BODY_MAX) return reply(request, 413, "{\"error\":\"a body of at most 64 KiB\"}");
  if (!is_orders) return reply(request, 404, "{\"error\":\"orders come to /v1/orders\"}");
  if (!is_signed(body, size, evhttp_find_header(evhttp_request_get_input_headers(request), "Holdfast-Signature")))
    return reply(request, 401, "{\"error\":\"Holdfast-Signature: not the centre's over these bytes\"}");
  char hash[65];
  json_t *order =
      json_loadb((const char *)body, size, JSON_REJECT_DUPLICATES, NULL); /* what was signed must have one meaning */
  if (!is_order(order)) {
    reply(request, 400, "{\"error\":\"the body is no order for this institution\"}");
  } else {
    hash_of(body, size, hash);
    char *text = answer(order, hash, &status);
    reply(request, status, text);
    free(text);
  }
  json_decref(order);
}

static struct bufferevent *on_connection(struct event_base *base, void *user)
{
  (void)user;
  return bufferevent_openssl_socket_new(base, -1, SSL_new(bank.tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

/* --- start --- */

static void read_accounts(const char *file)
{
  char line[512], kind[16], number[64], name[256];
  FILE *in = fopen(file, "r");
  if (in == NULL) die("the accounts cannot be read");
  while (fgets(line, sizeof line, in) != NULL)
    if (line[0] != '#' && sscanf(line, "%15s %63s %255[^\n]", kind, number, name) == 3)
      json_object_set_new(bank.accounts, number, json_pack("{s:s, s:s}", "kind", kind, "name", name));
  fclose(in);
}

static int64_t ms_of(const char *text)
{
  struct tm parts = {0};
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
  return rest == NULL ? 0 : (int64_t)timegm(&parts) * 1000 + (*rest == '.' ? atoi(rest + 1) : 0);
}

/* After a restart: what was answered, and which stops are in force. */
static void remember(const char *file)
{
  char *line = NULL;
  size_t capacity = 0;
  FILE *in = fopen(file, "r");
  while (in != NULL && getline(&line, &capacity, in) > 0) {
    json_t *row = json_loads(line, 0, NULL), *said = json_loads(text_at(row, "answer"), 0, NULL);
    const json_t *done = json_object_get(said, "feedback");
    const char *result = text_at(done, "result"), *expires = text_at(done, "expires_at");
    if (result == NULL) die("the store cannot be read");
    json_object_set_new(bank.answered, text_at(row, "order"),
                        json_pack("{s:s, s:s}", "sha256", text_at(row, "sha256"), "answer", text_at(row, "answer")));
    if (expires != NULL && (strcmp(result, "0000") == 0 || strcmp(result, "1200") == 0))
      json_object_set_new(bank.stops, text_at(row, "account"),
                          json_pack("{s:s, s:I}", "order", text_at(row, "order"), "ends", (json_int_t)ms_of(expires)));
    json_decref(row);
    json_decref(said);
  }
  free(line);
  if (in != NULL) fclose(in);
  bank.store = fopen(file, "a");
  if (bank.store == NULL) die("the store cannot be written");
}

static SSL_CTX *make_tls(const char *certificate, const char *key, const char *ca)
{
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_session_id_context(tls, (const unsigned char *)"bank", 4);
  if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
    die("certificate, key or CA cannot be used");
  return tls;
}

int main(int argc, char **argv)
{
  if (argc != 9) die("usage: bank PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE");
  signal(SIGPIPE, SIG_IGN);
  bank.code = argv[6];
  bank.tls = make_tls(argv[2], argv[3], argv[4]);
  FILE *in = fopen(argv[5], "r");
  bank.centre = in == NULL ? NULL : PEM_read_PUBKEY(in, NULL, NULL, NULL);
  if (bank.centre == NULL) die("the centre's key cannot be read");
  fclose(in);
  bank.accounts = json_object(), bank.answered = json_object(), bank.stops = json_object(), bank.asked = json_object();
  read_accounts(argv[7]);
  remember(argv[8]);
  struct event_base *base = event_base_new();
  struct evhttp *http = evhttp_new(base);
  evhttp_set_bevcb(http, on_connection, NULL);
  evhttp_set_max_body_size(http, 2 * BODY_MAX);
  evhttp_set_gencb(http, on_request, NULL);
  struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", (uint16_t)atoi(argv[1]));
  if (bound == NULL) die("the port cannot be bound");
  /* What is accepted inherits it: a reply is two writes, and the second must not wait for the first one's acknowledgement. */
  setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  puts("listening");
  fflush(stdout);
  return event_base_dispatch(base) == 0 ? 0 : 1;
}
