/*
 * banksim: any number of simulated institutions in one process: mutual TLS, accounts, scripted faults, fsynced ledgers.
 * An answer leaves only when the ledger that holds its order is on disk; what comes in one turn of the loop is synced once.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/iso20022.h"
#include "adapters/banksim/kafka.h"
#include "adapters/banksim/signature.h"
#include "adapters/banksim/speech.h"
#include "adapters/banksim/wallet.h"
#include "engine/base/bytes.h"

#define BANKS_MAX 512

static struct {
  struct event_base *base;
  SSL_CTX *tls;
  struct bank banks[BANKS_MAX];
  int banks_count;
  const char *dir, *brokers, *drop;
  struct event *flush;
  bool no_sync;
  json_t *script;              /* code → number → account */
  struct answer *first, *last; /* decided in this turn, to go out after the sync */
  struct answer *unsaid;       /* nobody will ever be answered; their connections may still be there */
} sim;

/* --- answers --- */

struct answer *answer_new(struct bank *bank, void (*send)(struct answer *answer), void *to)
{
  struct answer *answer = calloc(1, sizeof *answer);
  if (answer == NULL) abort();
  answer->bank = bank;
  answer->send = send;
  answer->to = to;
  return answer;
}

void answer_free(struct answer *answer)
{
  if (answer->timer != NULL) event_free(answer->timer);
  free(answer->verdict.body);
  free(answer);
}

void answer_later(struct answer *answer)
{
  if (sim.last != NULL)
    sim.last->next = answer;
  else
    sim.first = answer;
  sim.last = answer;
  event_active(sim.flush, EV_TIMEOUT, 0); /* lowest priority: after all that is readable now */
}

void answer_send_http(struct answer *answer)
{
  struct evhttp_request *request = answer->to;
  struct evhttp_connection *connection = evhttp_request_get_connection(request);
  if (answer->bank->fault == FAULT_RESET && connection != NULL) {
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    shutdown(fd, SHUT_RDWR);
  }
  struct evbuffer *body = evbuffer_new();
  evbuffer_add(body, answer->verdict.body, strlen(answer->verdict.body));
  struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
  bool no_type = answer->spoiled && bank_is_broken(answer->bank, "no_type", NULL);
  evhttp_add_header(headers, "Content-Type", no_type ? "text/plain" : "application/json");
  if (answer->spoiled && bank_is_broken(answer->bank, "closes", NULL)) evhttp_add_header(headers, "Connection", "close");
  evhttp_send_reply(request, answer->verdict.status, answer->verdict.status == 200 ? "OK" : "No", body);
  evbuffer_free(body);
  answer_free(answer);
}

static void on_delay(evutil_socket_t fd, short what, void *user)
{
  struct answer *answer = user;
  (void)fd, (void)what;
  answer->send(answer);
}

static void on_flush(evutil_socket_t fd, short what, void *user)
{
  (void)fd, (void)what, (void)user;
  for (int i = 0; i < sim.banks_count; i++) ledger_sync(sim.banks[i].ledger, !sim.no_sync);
  while (sim.first != NULL) {
    struct answer *answer = sim.first;
    sim.first = answer->next;
    if (sim.first == NULL) sim.last = NULL; /* sending one may decide another */
    answer->next = NULL;
    if (answer->verdict.silent) {
      answer->next = sim.unsaid;
      sim.unsaid = answer;
      continue;
    }
    if (answer->verdict.delay_ms > 0) {
      struct timeval after = {answer->verdict.delay_ms / 1000, answer->verdict.delay_ms % 1000 * 1000};
      answer->timer = evtimer_new(sim.base, on_delay, answer);
      evtimer_add(answer->timer, &after);
    } else {
      answer->send(answer);
    }
  }
}

bool answer_waives(const struct bank *bank, const void *body, size_t size)
{
  static const char *const modes[] = {"unsigned", "bad_signature", "other_key", "old", "nonce", "answers_all"};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (strcmp(bank->broken, modes[i]) == 0) return bank_about(bank, body, size);
  return false;
}

bool answer_takes_get(struct evhttp_request *request, const struct bank *bank)
{
  if (evhttp_request_get_command(request) != EVHTTP_REQ_GET || !bank_is_broken(bank, "get", NULL)) return false;
  evhttp_send_reply(request, 200, "OK", NULL);
  return true;
}

static void on_other_path(struct evhttp_request *request, void *user)
{
  evhttp_send_reply(request, bank_is_broken(user, "any_path", NULL) ? 200 : 404, "-", NULL);
}

static void on_order(struct evhttp_request *request, void *user)
{
  struct bank *bank = user;
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  size_t size = evbuffer_get_length(input);
  uint8_t *body = evbuffer_pullup(input, -1);
  if (answer_takes_get(request, bank)) return;
  struct answer *answer = answer_new(bank, answer_send_http, request);
  answer->spoiled = bank_about(bank, body, size);
  signature_first_key_only(answer->spoiled && bank_is_broken(bank, "one_key", NULL));
  const char *signature = evhttp_find_header(evhttp_request_get_input_headers(request), "Holdfast-Signature");
  evhttp_request_own(request); /* the connection may go before the answer does */
  if (size > 0 && (signature_is_right_for("application/vnd.holdfast.order.v1+json", signature, body, size) ||
                   answer_waives(bank, body, size))) {
    bank_decide(bank, (const char *)body, size, &answer->verdict);
  } else {
    answer->verdict.status = 401;
    answer->verdict.body = strdup("{\"error\":\"the signature is missing or wrong\"}");
  }
  answer_later(answer);
}

static void on_ping(struct evhttp_request *request, void *user)
{
  evhttp_send_reply(request, bank_is_broken(user, "no_ping", NULL) ? 404 : 204, "-", NULL);
}

/* --- control: faults while running --- */

static struct bank *bank_named(const char *code)
{
  for (int i = 0; code != NULL && i < sim.banks_count; i++)
    if (strcmp(sim.banks[i].code, code) == 0) return &sim.banks[i];
  return NULL;
}

static void on_fault(struct evhttp_request *request, void *user)
{
  struct evkeyvalq query;
  (void)user;
  evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)) ?: "", &query);
  const char *kind = evhttp_find_header(&query, "kind"), *ms = evhttp_find_header(&query, "ms");
  struct bank *bank = bank_named(evhttp_find_header(&query, "code"));
  if (bank != NULL && kind != NULL) {
    bank->fault = fault_named(kind);
    bank->fault_ms = ms == NULL ? 0 : atoi(ms);
    bank->swallows = strcmp(kind, "swallow") == 0;
  }
  evhttp_clear_headers(&query);
  evhttp_send_reply(request, bank != NULL && kind != NULL ? 204 : 400, "-", NULL);
}

/* GET /broken?code=CODE&mode=MODE&case=NUMBER: it does this wrong from now on, with the orders of that case (bank.h). */
static void on_broken(struct evhttp_request *request, void *user)
{
  struct evkeyvalq query;
  (void)user;
  evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)) ?: "", &query);
  struct bank *bank = bank_named(evhttp_find_header(&query, "code"));
  const char *mode = evhttp_find_header(&query, "mode"), *number = evhttp_find_header(&query, "case");
  if (bank != NULL && mode != NULL && number != NULL) {
    snprintf(bank->broken, sizeof bank->broken, "%s", mode);
    snprintf(bank->broken_case, sizeof bank->broken_case, "%s", number);
    bank->tired = 0;
    bool old = strcmp(mode, "old_tls") == 0;
    SSL_CTX_set_min_proto_version(sim.tls, old ? TLS1_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(sim.tls, old ? "DEFAULT@SECLEVEL=0" : "DEFAULT");
    SSL_CTX_set_verify(
        sim.tls, strcmp(mode, "no_certificate") == 0 ? SSL_VERIFY_NONE : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
        NULL);
    evhttp_set_max_body_size(bank->http, strcmp(mode, "answers_all") == 0 ? 1 << 20 : 65536);
  }
  evhttp_clear_headers(&query);
  evhttp_send_reply(request, bank != NULL && mode != NULL && number != NULL ? 204 : 400, "-", NULL);
}

/* GET /clock?ahead_s=N: all institutions' clocks are N seconds ahead of this machine's: holds end without waiting two days. */
static void on_clock(struct evhttp_request *request, void *user)
{
  struct evkeyvalq query;
  (void)user;
  evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)) ?: "", &query);
  const char *ahead = evhttp_find_header(&query, "ahead_s");
  for (int i = 0; ahead != NULL && i < sim.banks_count; i++) sim.banks[i].ahead_us = atoll(ahead) * 1000000;
  evhttp_clear_headers(&query);
  evhttp_send_reply(request, ahead != NULL ? 204 : 400, "-", NULL);
}

/* POST /pay {code, number, row}: the row is added to an account's transactions: money moves while the case runs. */
static void on_pay(struct evhttp_request *request, void *user)
{
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  json_error_t error;
  (void)user;
  json_t *wanted = json_loadb((const char *)evbuffer_pullup(input, -1), evbuffer_get_length(input), 0, &error);
  const char *code = json_string_value(json_object_get(wanted, "code")),
             *number = json_string_value(json_object_get(wanted, "number"));
  json_t *row = json_object_get(wanted, "row"), *accounts = code == NULL ? NULL : json_object_get(sim.script, code);
  json_t *account = number == NULL ? NULL : json_object_get(accounts, number);
  bool ok = account != NULL && row != NULL && json_array_append(json_object_get(account, "transactions"), row) == 0;
  json_decref(wanted);
  evhttp_send_reply(request, ok ? 204 : 400, "-", NULL);
}

/* --- start --- */

static struct bufferevent *on_accept(struct event_base *base, void *user)
{
  (void)user;
  return bufferevent_openssl_socket_new(base, -1, SSL_new(sim.tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static int listen_http(struct evhttp *http, int port)
{
  struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", (uint16_t)port);
  struct sockaddr_in address = {0};
  socklen_t size = sizeof address;
  if (bound == NULL || getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size) != 0) {
    fprintf(stderr, "banksim: port %d cannot be listened on\n", port);
    exit(1);
  }
  /* Inherited by what is accepted: an answer leaves in one go, not after the peer's delayed acknowledgement. */
  setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return ntohs(address.sin_port);
}

/* CODE, or CODE:DIALECT. */
static void open_bank(const char *name, int port)
{
  char code[16];
  const char *colon = strchr(name, ':');
  snprintf(code, sizeof code, "%.*s", (int)(colon == NULL ? strlen(name) : (size_t)(colon - name)), name);
  struct bank *bank = &sim.banks[sim.banks_count++];
  char file[512];
  snprintf(bank->code, sizeof bank->code, "%s", code);
  snprintf(file, sizeof file, "%s/%s.ledger", sim.dir, code);
  bank->ledger = ledger_open(file);
  if (bank->ledger == NULL) {
    fprintf(stderr, "banksim: the ledger %s cannot be used\n", file);
    exit(1);
  }
  bank->script = json_object_get(sim.script, code);
  bank_restore(bank);
  static const struct speech *const speeches[] = {&speech_platform, &speech_platform_wallet, &speech_card_text,
                                                  &speech_card_packed};
  for (size_t i = 0; colon != NULL && i < sizeof speeches / sizeof speeches[0]; i++) {
    if (strcmp(colon + 1, speeches[i]->name) != 0) continue;
    bank->speech = speeches[i];
    bank->port = channel_listen(sim.base, sim.tls, bank, port);
    return;
  }
  if (colon != NULL && strcmp(colon + 1, "platform_xml_drop") == 0) {
    drop_open(sim.base, sim.drop, bank);
    return;
  }
  if (colon != NULL && strcmp(colon + 1, "protobuf_kafka") == 0) {
    kafka_open(sim.base, sim.brokers, bank);
    return;
  }
  static const struct {
    const char *dialect, *path;
    void (*on_order)(struct evhttp_request *request, void *bank);
  } doors[] = {{"holdfast_json", "/v1/orders", on_order},
               {"wallet_json", "/v3/antifraud/orders", wallet_on_order},
               {"iso20022", "/iso20022/v1", iso20022_on_order}};
  size_t door = 0, count = sizeof doors / sizeof doors[0];
  while (colon != NULL && door < count && strcmp(colon + 1, doors[door].dialect) != 0) door++;
  if (door == count) {
    fprintf(stderr,
            "banksim: %s: the dialect is holdfast_json, platform_xml, platform_xml_drop, platform_xml_wallet, protobuf_kafka, "
            "iso8583, "
            "iso8583_packed, iso20022 or "
            "wallet_json\n",
            name);
    exit(2);
  }
  struct evhttp *http = evhttp_new(sim.base);
  evhttp_set_bevcb(http, on_accept, NULL);
  evhttp_set_max_body_size(http, 65536);
  evhttp_set_timeout(http, 3600);
  evhttp_set_cb(http, doors[door].path, doors[door].on_order, bank);
  evhttp_set_cb(http, "/v1/ping", on_ping, bank);
  evhttp_set_gencb(http, on_other_path, bank);
  bank->http = http;
  bank->port = listen_http(http, port);
}

static void open_tls(const char *certificate, const char *key, const char *ca)
{
  sim.tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(sim.tls, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate_chain_file(sim.tls, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(sim.tls, key, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_load_verify_locations(sim.tls, ca, NULL) != 1) {
    fprintf(stderr, "banksim: certificate, key or CA cannot be used\n");
    exit(1);
  }
  SSL_CTX_set_verify(sim.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_session_id_context(sim.tls, (const unsigned char *)"banksim", 7);
}

/* CODE=PORT per line, written when all listen: who waits for the file may connect. */
static void write_endpoints(int control)
{
  char temporary[512], file[512];
  snprintf(temporary, sizeof temporary, "%s/endpoints.tmp", sim.dir);
  snprintf(file, sizeof file, "%s/endpoints", sim.dir);
  FILE *out = fopen(temporary, "we");
  if (out == NULL) exit(1);
  for (int i = 0; i < sim.banks_count; i++) fprintf(out, "%s %d\n", sim.banks[i].code, sim.banks[i].port);
  if (control > 0) fprintf(out, "control %d\n", control);
  fclose(out);
  rename(temporary, file);
}

static void on_stop(evutil_socket_t number, short what, void *user)
{
  (void)number, (void)what, (void)user;
  event_base_loopbreak(sim.base);
}

static int usage(FILE *out)
{
  fputs(
      "usage: banksim --dir DIR --cert PEM --key PEM --ca PEM [--centre-key PEM] [--control] [--no-sync] [--script JSON] "
      "[--answer-key PEM] CODE[:platform_xml|:wallet_json][=PORT]…\n"
      "  DIR/endpoints tells each institution's port once all listen; DIR/CODE.ledger is its fsynced ledger\n"
      "  --script      accounts: {CODE: {NUMBER: {name, balance, transactions: [{side, amount, at or at_us, serial, cash, "
      "other}]}}}\n"
      "  --no-sync     ledgers are written, not synced: for a measurement, where this disk stands in for none of a bank's\n"
      "  --centre-key  verify each order's signature, by any of the keys given; without it signatures are not looked at\n"
      "  --drop        folder of all institutions that are reached by files\n"
      "  --brokers     Kafka, for institutions that take their orders from there\n"
      "  --mac-keys    folder of files CODE.mac: keys shared with the centre, 32 hexadecimal digits each\n"
      "  --answer-key  FILE or CODE=FILE: signs the answers of institutions whose dialect has them signed\n"
      "  --control     a port for GET /clock?ahead_s=N, GET /broken?code=CODE&mode=MODE&case=NUMBER, POST /pay {code, number, "
      "row}, GET "
      "/fault?code=CODE&kind=silence|slow|garbage|reset|refuse|busy|other_order|swallow|unsigned|bad_signature|old|other_nonce|"
      "none[&ms=N]\n",
      out);
  return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {{"dir", 1, NULL, 'd'},        {"cert", 1, NULL, 'c'},
                                          {"key", 1, NULL, 'k'},        {"ca", 1, NULL, 'a'},
                                          {"centre-key", 1, NULL, 'v'}, {"answer-key", 1, NULL, 'w'},
                                          {"mac-keys", 1, NULL, 'm'},   {"brokers", 1, NULL, 'b'},
                                          {"drop", 1, NULL, 'f'},       {"control", 0, NULL, 'o'},
                                          {"no-sync", 0, NULL, 'n'},    {"script", 1, NULL, 's'},
                                          {"help", 0, NULL, 'h'},       {0}};
  const char *certificate = NULL, *key = NULL, *ca = NULL;
  int option, control = 0;
  signal(SIGPIPE, SIG_IGN);
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'd')
      sim.dir = optarg;
    else if (option == 'c')
      certificate = optarg;
    else if (option == 'k')
      key = optarg;
    else if (option == 'a')
      ca = optarg;
    else if (option == 'o')
      control = 1;
    else if (option == 'f')
      sim.drop = optarg;
    else if (option == 'b')
      sim.brokers = optarg;
    else if (option == 'm')
      signature_mac_keys(optarg);
    else if (option == 'n')
      sim.no_sync = true;
    else if (option == 's') {
      json_error_t error;
      sim.script = json_load_file(optarg, JSON_REJECT_DUPLICATES, &error);
      if (sim.script == NULL) return fprintf(stderr, "banksim: %s:%d: %s\n", optarg, error.line, error.text), 1;
    } else if (option == 'v') {
      if (!signature_centre_key(optarg)) return fprintf(stderr, "banksim: %s is no public key\n", optarg), 1;
    } else if (option == 'w') {
      if (!signature_answer_key(optarg)) return fprintf(stderr, "banksim: %s is no private key\n", optarg), 1;
    } else
      return usage(option == 'h' ? stdout : stderr);
  }
  if (sim.dir == NULL || certificate == NULL || key == NULL || ca == NULL || optind == argc) return usage(stderr);
  sim.base = event_base_new();
  event_base_priority_init(sim.base, 2);
  open_tls(certificate, key, ca);
  for (int i = optind; i < argc && sim.banks_count < BANKS_MAX; i++) {
    char *equals = strchr(argv[i], '=');
    if (equals != NULL) *equals = '\0';
    open_bank(argv[i], equals == NULL ? 0 : atoi(equals + 1));
  }
  if (control) {
    struct evhttp *http = evhttp_new(sim.base);
    evhttp_set_cb(http, "/fault", on_fault, NULL);
    evhttp_set_cb(http, "/broken", on_broken, NULL);
    evhttp_set_cb(http, "/clock", on_clock, NULL);
    evhttp_set_cb(http, "/pay", on_pay, NULL);
    control = listen_http(http, 0);
  }
  sim.flush = event_new(sim.base, -1, 0, on_flush, NULL);
  event_priority_set(sim.flush, 1);
  evsignal_add(evsignal_new(sim.base, SIGTERM, on_stop, NULL), NULL);
  evsignal_add(evsignal_new(sim.base, SIGINT, on_stop, NULL), NULL);
  write_endpoints(control);
  event_base_dispatch(sim.base);
  for (int i = 0; i < sim.banks_count; i++) ledger_sync(sim.banks[i].ledger, true);
  return 0;
}
