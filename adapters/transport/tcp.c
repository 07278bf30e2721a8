/*
 * TCP: frames of a length and a message, on connections that stay; many orders share one.
 *
 * Why:    the national platform's bank side and card hosts speak so (domain.md 3.1). A message may come at any time: whose it
 *         is says the dialect (hf_dialect.identify), so replies are told by institution, not by slot.
 * TLS:    endpoint tls://host:port with the centre's certificate; tcp://host:port without, for lines that are private already.
 * Talk:   a dialect may want to sign on before orders go, and an echo where nothing was heard for IDLE_NS (hf_small_talk).
 * Dead:   a peer that takes no bytes, or answers no probe, for 10 s is a lost connection (TCP_USER_TIMEOUT, keep-alive);
 *         so is one whose greeting is not accepted within GREETING_NS: its host may be gone while its kernel lives.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "adapters/transport.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define CONNECTIONS_MAX 16 /* of one institution: they carry many orders at once */
#define FRAME_HEAD_MAX 4
#define UNSENT_MAX (256 * 1024) /* bytes that wait in one connection; then another is taken, or none */
#define RETRY_NS (500 * HF_NS_PER_MS)
#define DEAD_MS 10000
#define IDLE_NS (10 * HF_NS_PER_S)
#define GREETING_NS (5 * HF_NS_PER_S)
#define GREETING_SIZE_MAX 512

struct tcp;

/* A message on its way out: until its last byte is with the kernel, then until its slot has an outcome. */
struct outgoing {
  struct connection *connection; /* NULL: the slot is free */
  uint32_t next;                 /* in its connection's list of those that have not left; UINT32_MAX: the last */
  uint64_t end;                  /* of its frame, in bytes of the connection */
  bool left;
};

struct connection {
  struct institution *institution;
  struct bufferevent *events;
  bool connected, up, broken;   /* up: orders may go; broken: closed in the next turn */
  int64_t heard_ns, greeted_ns; /* greeted: a greeting waits for its welcome since then; 0: none does */
  uint64_t queued, written;
  uint32_t first, last; /* slots that have not left, in order; UINT32_MAX: none */
  int64_t retry_ns;
};

struct institution {
  bool used, tls;
  char host[HF_ENDPOINT_SIZE_MAX + 1];
  uint16_t port;
  uint32_t index, wanted, open, next;
  const struct hf_dialect *dialect;
  enum hf_framing framing;
  struct hf_institution row;
  struct connection connections[CONNECTIONS_MAX];
  struct tcp *tcp;
};

struct tcp {
  struct event_base *base;
  SSL_CTX *tls;
  struct hf_transport_config config;
  struct hf_transport_events events;
  struct institution *institutions; /* HF_INSTITUTIONS_MAX */
  uint32_t institutions_count;
  struct outgoing *slots;
};

#define NO_SLOT UINT32_MAX

/* --- connections --- */

/* Everything that was on it has an outcome: what had not left is known not to have been read as a whole. */
static void drop(struct connection *connection, enum hf_outcome outcome)
{
  struct institution *institution = connection->institution;
  struct tcp *tcp = institution->tcp;
  if (connection->events != NULL) bufferevent_free(connection->events);
  if (connection->up) institution->open--;
  *connection = (struct connection){
      .institution = institution, .first = NO_SLOT, .last = NO_SLOT, .retry_ns = hf_time_now().mono_ns + RETRY_NS};
  for (uint32_t slot = 0; slot < tcp->config.slots_count; slot++) {
    if (tcp->slots[slot].connection != connection) continue;
    bool left = tcp->slots[slot].left;
    tcp->slots[slot].connection = NULL;
    tcp->events.failed(tcp->events.owner, slot, outcome, left, hf_time_now());
  }
}

/* Stamp point "sent": libevent takes bytes from this buffer right after write(2) or SSL_write has taken them. */
static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *change, void *user)
{
  struct connection *connection = user;
  struct tcp *tcp = connection->institution->tcp;
  (void)buffer;
  connection->written += change->n_deleted;
  while (connection->first != NO_SLOT && tcp->slots[connection->first].end <= connection->written) {
    uint32_t slot = connection->first;
    struct outgoing *outgoing = &tcp->slots[slot];
    connection->first = outgoing->next;
    if (connection->first == NO_SLOT) connection->last = NO_SLOT;
    outgoing->left = true;
    if (outgoing->connection == connection) tcp->events.left(tcp->events.owner, slot, hf_time_now());
  }
}

/* --- frames --- */

static size_t head_size_of(enum hf_framing framing)
{
  return framing == HF_FRAMING_TWO_BYTES ? 2 : 4;
}

/* SIZE_MAX: it is no length. */
static size_t read_head(enum hf_framing framing, const uint8_t head[FRAME_HEAD_MAX])
{
  if (framing == HF_FRAMING_TWO_BYTES) return (size_t)head[0] << 8 | head[1];
  if (framing == HF_FRAMING_FOUR_BYTES) return (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
  size_t size = 0;
  for (int i = 0; i < 4; i++) {
    if (head[i] < '0' || head[i] > '9') return SIZE_MAX;
    size = size * 10 + (size_t)(head[i] - '0');
  }
  return size;
}

static size_t frame_size(const struct institution *institution, struct hf_span body, struct hf_span trailer)
{
  return head_size_of(institution->framing) + body.size + trailer.size;
}

/* Two parts as one frame into the connection's output. */
static void write_frame(struct connection *connection, struct hf_span body, struct hf_span trailer)
{
  enum hf_framing framing = connection->institution->framing;
  size_t head_size = head_size_of(framing), size = body.size + trailer.size;
  uint8_t head[FRAME_HEAD_MAX] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
  HF_ASSERT(size <= 9999 || framing == HF_FRAMING_FOUR_BYTES); /* HF_ORDER_BODY_SIZE_MAX and a seal */
  if (framing == HF_FRAMING_TWO_BYTES) memmove(head, head + 2, 2);
  if (framing == HF_FRAMING_FOUR_DIGITS)
    for (size_t i = 4, rest = size; i-- > 0; rest /= 10) head[i] = (uint8_t)('0' + rest % 10);
  struct evbuffer *output = bufferevent_get_output(connection->events);
  connection->queued += head_size + size;
  evbuffer_add(output, head, head_size);
  evbuffer_add(output, body.data, body.size);
  evbuffer_add(output, trailer.data, trailer.size);
}

/* --- what is said beside orders --- */

static void rise(struct connection *connection)
{
  connection->up = true;
  connection->institution->open++;
}

/* Returns whether there was anything to say. */
static bool greet(struct connection *connection, bool first, struct hf_time now)
{
  const struct institution *institution = connection->institution;
  uint8_t bytes[GREETING_SIZE_MAX];
  struct hf_writer greeting = hf_writer_of(bytes, sizeof bytes);
  if (institution->dialect->small_talk == NULL) return false;
  institution->dialect->small_talk->greet(&institution->row, first, now.wall_ns, &greeting);
  if (greeting.size == 0) return false;
  HF_ASSERT(!greeting.full);
  connection->greeted_ns = now.mono_ns;
  write_frame(connection, (struct hf_span){bytes, greeting.size}, (struct hf_span){NULL, 0});
  return true;
}

/* Returns whether the message was such talk. */
static bool hear_talk(struct connection *connection, struct hf_span message)
{
  const struct institution *institution = connection->institution;
  uint8_t bytes[GREETING_SIZE_MAX];
  struct hf_writer reply = hf_writer_of(bytes, sizeof bytes);
  if (institution->dialect->small_talk == NULL) return false;
  enum hf_talk talk = institution->dialect->small_talk->hear(&institution->row, message, &reply);
  if (talk == HF_TALK_ASKED) write_frame(connection, (struct hf_span){bytes, reply.size}, (struct hf_span){NULL, 0});
  if (talk == HF_TALK_WELCOME) {
    connection->greeted_ns = 0;
    if (!connection->up) rise(connection);
  }
  if (talk == HF_TALK_TURNED_AWAY) {
    HF_LOG(HF_LOG_WARN, "E2102", "an institution does not accept our greeting: the connection is closed",
           HF_FIELD("institution", institution->row.code));
    connection->broken = true;
  }
  return talk != HF_TALK_NONE;
}

static void on_read(struct bufferevent *events, void *user)
{
  struct connection *connection = user;
  struct institution *institution = connection->institution;
  struct evbuffer *input = bufferevent_get_input(events);
  enum hf_framing framing = institution->framing;
  size_t head_size = head_size_of(framing);
  uint8_t head[FRAME_HEAD_MAX];
  connection->heard_ns = hf_time_now().mono_ns;
  while (!connection->broken && evbuffer_copyout(input, head, head_size) == (ev_ssize_t)head_size) {
    size_t size = read_head(framing, head);
    if (size == 0 || size > HF_ANSWER_BODY_SIZE_MAX) {
      HF_LOG(HF_LOG_WARN, "E2101", "a frame of no allowed length: the connection is closed",
             HF_FIELD("institution", institution->index), HF_FIELD("bytes", size));
      connection->broken = true;
      bufferevent_disable(events, EV_READ);
      return;
    }
    if (evbuffer_get_length(input) < head_size + size) return;
    const struct hf_span message = {evbuffer_pullup(input, (ev_ssize_t)(head_size + size)) + head_size, size};
    if (!hear_talk(connection, message))
      institution->tcp->events.heard(institution->tcp->events.owner, institution->index, message, hf_time_now());
    evbuffer_drain(input, head_size + size);
  }
}

static void set_up_socket(evutil_socket_t fd)
{
  int on = 1, seconds = 5, probes = 2;
  unsigned dead_ms = DEAD_MS;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
}

static void on_event(struct bufferevent *events, short what, void *user)
{
  struct connection *connection = user;
  if (what & BEV_EVENT_CONNECTED) {
    set_up_socket(bufferevent_getfd(events));
    struct hf_time now = hf_time_now();
    connection->connected = true;
    connection->heard_ns = now.mono_ns;
    if (!greet(connection, true, now)) rise(connection);
    return;
  }
  enum hf_outcome outcome =
      !connection->up ? (connection->institution->tls ? HF_OUTCOME_TLS : HF_OUTCOME_NOT_CONNECTED) : HF_OUTCOME_RESET;
  drop(connection, outcome);
}

static SSL *new_tls(const struct institution *institution)
{
  SSL *ssl = SSL_new(institution->tcp->tls);
  HF_ASSERT(ssl != NULL);
  struct in_addr four;
  if (inet_pton(AF_INET, institution->host, &four) == 1)
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), institution->host);
  else {
    SSL_set1_host(ssl, institution->host);
    SSL_set_tlsext_host_name(ssl, institution->host);
  }
  return ssl;
}

static void connect_one(struct connection *connection, struct hf_time now)
{
  struct institution *institution = connection->institution;
  struct tcp *tcp = institution->tcp;
  connection->retry_ns = now.mono_ns + RETRY_NS;
  connection->events = institution->tls ? bufferevent_openssl_socket_new(tcp->base, -1, new_tls(institution),
                                                                         BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE)
                                        : bufferevent_socket_new(tcp->base, -1, BEV_OPT_CLOSE_ON_FREE);
  HF_ASSERT(connection->events != NULL);
  bufferevent_setcb(connection->events, on_read, NULL, on_event, connection);
  bufferevent_enable(connection->events, EV_READ | EV_WRITE);
  evbuffer_add_cb(bufferevent_get_output(connection->events), on_output, connection);
  struct timeval limit = {DEAD_MS / 1000, 0};
  bufferevent_set_timeouts(connection->events, NULL, &limit); /* a peer that takes nothing while something waits */
  if (bufferevent_socket_connect_hostname(connection->events, NULL, AF_UNSPEC, institution->host, institution->port) != 0 &&
      connection->events != NULL)
    drop(connection, HF_OUTCOME_NOT_CONNECTED);
}

static bool work(void *self, struct hf_time now)
{
  struct tcp *tcp = self;
  uint32_t handshakes = HF_HANDSHAKES_PER_TURN;
  for (uint32_t i = 0; i < tcp->institutions_count; i++) {
    struct institution *institution = &tcp->institutions[i];
    for (uint32_t c = 0; institution->used && c < institution->wanted; c++) {
      struct connection *connection = &institution->connections[c];
      bool unheard = connection->greeted_ns != 0 && now.mono_ns - connection->greeted_ns > GREETING_NS;
      if (connection->broken || unheard) drop(connection, HF_OUTCOME_RESET);
      if (connection->up && connection->greeted_ns == 0 && now.mono_ns - connection->heard_ns > IDLE_NS)
        (void)greet(connection, false, now);
      if (connection->events != NULL || now.mono_ns < connection->retry_ns || handshakes == 0) continue;
      connect_one(connection, now);
      handshakes--;
    }
  }
  return false;
}

/* --- messages --- */

static struct connection *least_loaded(struct institution *institution)
{
  struct connection *best = NULL;
  size_t least = UNSENT_MAX;
  for (uint32_t i = 0; i < institution->wanted; i++) {
    struct connection *connection = &institution->connections[(institution->next + i) % institution->wanted];
    if (!connection->up || connection->broken) continue;
    size_t unsent = evbuffer_get_length(bufferevent_get_output(connection->events));
    if (unsent >= least) continue;
    least = unsent;
    best = connection;
  }
  institution->next++;
  return best;
}

static struct hf_status send_frame(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel)
{
  struct tcp *tcp = self;
  const struct hf_span body = parcel->body, trailer = parcel->headers;
  HF_ASSERT(index < tcp->institutions_count && slot < tcp->config.slots_count && tcp->slots[slot].connection == NULL);
  struct connection *connection = least_loaded(&tcp->institutions[index]);
  if (connection == NULL) return hf_fail(HF_STATUS_AGAIN, "no connection is free");
  tcp->slots[slot] = (struct outgoing){.connection = connection,
                                       .next = NO_SLOT,
                                       .end = connection->queued + frame_size(connection->institution, body, trailer)};
  if (connection->last == NO_SLOT)
    connection->first = slot;
  else
    tcp->slots[connection->last].next = slot;
  connection->last = slot;
  write_frame(connection, body, trailer);
  return hf_ok();
}

static void unlist(struct connection *connection, uint32_t slot)
{
  struct outgoing *slots = connection->institution->tcp->slots;
  uint32_t before = NO_SLOT;
  for (uint32_t at = connection->first; at != slot; at = slots[at].next) before = at;
  if (before == NO_SLOT)
    connection->first = slots[slot].next;
  else
    slots[before].next = slots[slot].next;
  if (connection->last == slot) connection->last = before;
}

/* What has not left must not leave any more: its connection goes with it, and so does what else stands on it. */
static void cancel(void *self, uint32_t slot)
{
  struct tcp *tcp = self;
  struct outgoing *outgoing = &tcp->slots[slot];
  struct connection *connection = outgoing->connection;
  if (connection == NULL) return;
  outgoing->connection = NULL;
  if (outgoing->left) return;
  unlist(connection, slot);
  connection->broken = true;
  bufferevent_disable(connection->events, EV_WRITE);
}

static void warmth(void *self, uint32_t index, uint32_t *open, uint32_t *wanted)
{
  const struct tcp *tcp = self;
  bool used = index < tcp->institutions_count && tcp->institutions[index].used;
  *open = used ? tcp->institutions[index].open : 0;
  *wanted = used ? tcp->institutions[index].wanted : 0;
}

/* --- life --- */

/* tcp://host:port or tls://host:port */
static bool read_endpoint(const char *text, struct institution *to)
{
  bool tls = strncmp(text, "tls://", 6) == 0;
  const char *host = text + 6, *colon = strrchr(text, ':');
  if ((!tls && strncmp(text, "tcp://", 6) != 0) || colon < host || colon == host) return false;
  char *end;
  long port = strtol(colon + 1, &end, 10);
  if (*end != '\0' || port < 1 || port > 65535) return false;
  memcpy(to->host, host, (size_t)(colon - host));
  to->host[colon - host] = '\0';
  to->port = (uint16_t)port;
  to->tls = tls;
  return true;
}

static struct hf_status set_institution(void *self, uint32_t index, const struct hf_institution *row,
                                        const struct hf_dialect *dialect)
{
  struct tcp *tcp = self;
  HF_ASSERT(index < HF_INSTITUTIONS_MAX);
  struct institution *institution = &tcp->institutions[index];
  struct institution wanted = {
      .index = index,
      .tcp = tcp,
      .dialect = dialect,
      .framing = dialect->small_talk == NULL ? HF_FRAMING_FOUR_BYTES : dialect->small_talk->framing(row),
      .row = *row,
      .used = row->enabled,
      .wanted = row->connections < CONNECTIONS_MAX ? row->connections : CONNECTIONS_MAX};
  if (!read_endpoint(row->endpoint, &wanted)) return hf_fail(HF_STATUS_CONFIG, "endpoint: tcp://host:port or tls://host:port");
  if (institution->used == wanted.used && institution->wanted == wanted.wanted && institution->tls == wanted.tls &&
      institution->port == wanted.port && strcmp(institution->host, wanted.host) == 0 && institution->dialect == dialect &&
      strcmp(institution->row.profile, row->profile) == 0)
    return hf_ok(); /* its connections stay */
  for (uint32_t i = 0; i < institution->wanted; i++) drop(&institution->connections[i], HF_OUTCOME_RESET);
  *institution = wanted;
  if (index >= tcp->institutions_count) tcp->institutions_count = index + 1;
  for (uint32_t i = 0; i < CONNECTIONS_MAX; i++)
    institution->connections[i] = (struct connection){.institution = institution, .first = NO_SLOT, .last = NO_SLOT};
  return hf_ok();
}

static struct hf_status open_tls(struct tcp *tcp)
{
  const struct hf_transport_config *config = &tcp->config;
  tcp->tls = SSL_CTX_new(TLS_client_method());
  HF_ASSERT(tcp->tls != NULL);
  SSL_CTX_set_min_proto_version(tcp->tls, TLS1_2_VERSION);
  SSL_CTX_set_verify(tcp->tls, SSL_VERIFY_PEER, NULL);
  bool ok = SSL_CTX_load_verify_locations(tcp->tls, config->ca_file, NULL) == 1 &&
            SSL_CTX_use_certificate_chain_file(tcp->tls, config->certificate_file) == 1 &&
            SSL_CTX_use_PrivateKey_file(tcp->tls, config->key_file, SSL_FILETYPE_PEM) == 1;
  return ok ? hf_ok() : hf_fail(HF_STATUS_CONFIG, "tls: certificate, key or ca cannot be used");
}

static struct hf_status open_tcp(void **self, struct event_base *base, const struct hf_transport_config *config,
                                 const struct hf_transport_events *events)
{
  struct tcp *tcp = calloc(1, sizeof *tcp);
  HF_ASSERT(tcp != NULL);
  *self = tcp;
  tcp->base = base;
  tcp->config = *config;
  tcp->events = *events;
  tcp->institutions = calloc(HF_INSTITUTIONS_MAX, sizeof *tcp->institutions);
  tcp->slots = calloc(config->slots_count, sizeof *tcp->slots);
  HF_ASSERT(tcp->institutions != NULL && tcp->slots != NULL);
  return open_tls(tcp);
}

static void close_tcp(void *self)
{
  struct tcp *tcp = self;
  for (uint32_t i = 0; i < tcp->institutions_count; i++)
    for (uint32_t c = 0; c < tcp->institutions[i].wanted; c++)
      if (tcp->institutions[i].connections[c].events != NULL) bufferevent_free(tcp->institutions[i].connections[c].events);
  SSL_CTX_free(tcp->tls);
  free(tcp->institutions);
  free(tcp->slots);
  free(tcp);
}

const struct hf_transport hf_transport_tcp = {.name = "tcp",
                                              .open = open_tcp,
                                              .close = close_tcp,
                                              .institution = set_institution,
                                              .send = send_frame,
                                              .cancel = cancel,
                                              .work = work,
                                              .warmth = warmth};
