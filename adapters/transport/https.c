/*
 * HTTPS: libcurl's multi interface on the engine's loop; HTTP/1.1 with kept-alive connections and client certificates.
 * Settings and traps: tech.md 3 (Debian's libcurl is broken on HTTP/2; epoll registrations are kept lazily).
 */
#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/transport.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define FDS_MAX 65536
#define REPLY_SIZE_MAX (HF_ANSWER_BODY_SIZE_MAX + 1)
#define EXCHANGES_MAX (2 * HF_LANE_CONNECTIONS_MAX) /* sending, and warming beside it */
#define WARM_RETRY_NS (500 * HF_NS_PER_MS)

struct https;

struct institution {
  bool used;
  char endpoint[HF_ENDPOINT_SIZE_MAX + 1];
  char ping_url[HF_ENDPOINT_SIZE_MAX + 64];
  uint32_t connections_wanted, connections_open, busy, warming;
  int64_t warm_after_ns;
  struct exchange *idle; /* handles set up for this institution … */
  struct exchange
      *exchanges; /* … of these EXCHANGES_MAX, reserved when it is first set: nothing is allocated on the way to the wire */
  uint32_t exchanges_used;
  struct https *https;
};

/* One request with its handle; kept and used again. */
struct exchange {
  struct exchange *next;
  struct institution *institution;
  CURL *curl;
  struct curl_slist *headers;
  uint32_t slot; /* UINT32_MAX: a warming ping */
  size_t body_size;
  bool left;
  char error[CURL_ERROR_SIZE];
  size_t reply_size;
  uint8_t reply[REPLY_SIZE_MAX];
};

struct watch {
  struct event event;
  bool registered;
  short mask;
};

struct https {
  struct event_base *base;
  CURLM *multi;
  struct event *timer;
  struct hf_transport_config config;
  struct hf_transport_events events;
  struct institution institutions[HF_INSTITUTIONS_MAX];
  uint32_t institutions_count;
  struct exchange **slots;
  struct watch *watches; /* by file descriptor */
  uint32_t handshakes_left;
  struct hf_time now;
};

#define NO_SLOT UINT32_MAX

/* --- curl's callbacks --- */

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
  struct exchange *exchange = user;
  (void)one;
  if (size > REPLY_SIZE_MAX - exchange->reply_size) return 0; /* curl then fails the exchange */
  memcpy(exchange->reply + exchange->reply_size, bytes, size);
  exchange->reply_size += size;
  return size;
}

/* Stamp point "sent": curl counts an upload after write(2) has taken its bytes; this is called right after that. */
static int on_progress(void *user, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total, curl_off_t ul_now)
{
  struct exchange *exchange = user;
  (void)dl_total, (void)dl_now, (void)ul_total;
  if (exchange->left || exchange->slot == NO_SLOT || (size_t)ul_now < exchange->body_size) return 0;
  exchange->left = true;
  struct https *https = exchange->institution->https;
  https->events.left(https->events.owner, exchange->slot, hf_time_now());
  return 0;
}

static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
  struct institution *institution = user;
  (void)purpose;
  curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd >= FDS_MAX) {
    close(fd);
    return CURL_SOCKET_BAD;
  }
  if (fd >= 0) institution->connections_open++;
  return fd;
}

static int on_close_socket(void *user, curl_socket_t fd)
{
  struct institution *institution = user;
  struct watch *watch = &institution->https->watches[fd];
  if (watch->registered) {
    event_del(&watch->event);
    watch->registered = false;
  }
  HF_ASSERT(institution->connections_open > 0);
  institution->connections_open--;
  return close(fd);
}

static void finish_done(struct https *https);

static void on_event(evutil_socket_t fd, short what, void *user)
{
  struct https *https = user;
  int running;
  struct watch *watch = &https->watches[fd];
  if (watch->mask == 0) { /* an idle connection has something to say: mostly that it is closed. Curl looks when it uses it. */
    event_del(&watch->event);
    watch->registered = false;
    return;
  }
  int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
  curl_multi_socket_action(https->multi, (curl_socket_t)fd, flags, &running);
  finish_done(https);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
  struct https *https = user;
  int running;
  (void)fd, (void)what;
  curl_multi_socket_action(https->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  finish_done(https);
}

static int on_timeout_change(CURLM *multi, long timeout_ms, void *user)
{
  struct https *https = user;
  (void)multi;
  if (timeout_ms < 0) {
    evtimer_del(https->timer);
  } else {
    struct timeval after = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    evtimer_add(https->timer, &after);
  }
  return 0;
}

/* Lazily: a connection that goes idle stays registered for reading, so its next request costs no epoll_ctl. */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *user, void *socket_user)
{
  struct https *https = user;
  (void)curl, (void)socket_user;
  struct watch *watch = &https->watches[fd];
  short wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
  if (what == CURL_POLL_REMOVE) wanted = 0;
  short armed = watch->registered ? event_get_events(&watch->event) & (EV_READ | EV_WRITE) : 0;
  watch->mask = wanted;
  if (wanted == 0 ? armed == EV_READ : armed == wanted) return 0;
  if (watch->registered) event_del(&watch->event);
  watch->registered = wanted != 0;
  if (wanted == 0) return 0;
  event_assign(&watch->event, https->base, fd, (short)(wanted | EV_PERSIST), on_event, https);
  event_add(&watch->event, NULL);
  return 0;
}

/* --- exchanges --- */

static enum hf_outcome outcome_of(CURLcode code, bool left)
{
  switch (code) {
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST: return HF_OUTCOME_NOT_CONNECTED;
  case CURLE_OPERATION_TIMEDOUT: return left ? HF_OUTCOME_TIMEOUT : HF_OUTCOME_NOT_CONNECTED;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_ISSUER_ERROR: return HF_OUTCOME_TLS;
  case CURLE_WRITE_ERROR: return HF_OUTCOME_INVALID; /* our bound on the reply */
  default: return HF_OUTCOME_RESET;
  }
}

static void set_common(struct exchange *exchange)
{
  struct institution *institution = exchange->institution;
  const struct hf_transport_config *config = &institution->https->config;
  CURL *curl = exchange->curl;
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
  curl_easy_setopt(curl, CURLOPT_SSLCERT, config->certificate_file);
  curl_easy_setopt(curl, CURLOPT_SSLKEY, config->key_file);
  curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca_file);
  curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->error);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, institution);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, institution);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 16384L);
  curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 3600L);
}

static struct exchange *take_exchange(struct institution *institution)
{
  struct exchange *exchange = institution->idle;
  if (exchange != NULL) {
    institution->idle = exchange->next;
  } else {
    HF_ASSERT(institution->exchanges_used < EXCHANGES_MAX);
    exchange = &institution->exchanges[institution->exchanges_used++];
    exchange->institution = institution;
    exchange->curl = curl_easy_init();
    HF_ASSERT(exchange->curl != NULL);
    set_common(exchange);
  }
  exchange->reply_size = 0;
  exchange->left = false;
  exchange->error[0] = '\0';
  return exchange;
}

static void put_back(struct exchange *exchange)
{
  struct institution *institution = exchange->institution;
  curl_slist_free_all(exchange->headers);
  exchange->headers = NULL;
  exchange->next = institution->idle;
  institution->idle = exchange;
}

static const char *header_of(const void *curl, const char *name)
{
  struct curl_header *header;
  CURL *handle = (CURL *)(uintptr_t)curl; /* libcurl's look-up changes nothing that we see, and asks for more than const */
  return curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

static void end_exchange(struct https *https, struct exchange *exchange, CURLcode code)
{
  struct institution *institution = exchange->institution;
  struct hf_time at = hf_time_now();
  long status = 0;
  curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(https->multi, exchange->curl);
  if (exchange->slot == NO_SLOT) {
    institution->warming--;
    if (code != CURLE_OK) {
      institution->warm_after_ns = at.mono_ns + WARM_RETRY_NS;
      HF_LOG(HF_LOG_DEBUG, "E1402", "a warming connection failed", HF_FIELD("url", institution->ping_url),
             HF_FIELD("text", exchange->error[0] ? exchange->error : curl_easy_strerror(code)));
    }
    put_back(exchange);
    return;
  }
  uint32_t slot = exchange->slot;
  https->slots[slot] = NULL;
  institution->busy--;
  if (code == CURLE_OK) {
    const struct hf_reply reply = {
        .status = (int)status, .body = {exchange->reply, exchange->reply_size}, .header = header_of, .from = exchange->curl};
    https->events.replied(https->events.owner, slot, &reply, at);
  } else {
    HF_LOG(HF_LOG_WARN, "E1401", "an exchange with an institution failed", HF_FIELD("endpoint", institution->endpoint),
           HF_FIELD("text", exchange->error[0] ? exchange->error : curl_easy_strerror(code)));
    https->events.failed(https->events.owner, slot, outcome_of(code, exchange->left), exchange->left, at);
  }
  put_back(exchange);
}

static void finish_done(struct https *https)
{
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(https->multi, &left)) != NULL) {
    struct exchange *exchange;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
    end_exchange(https, exchange, code);
  }
}

/* --- the transport --- */

static void https_close(void *self);

static struct hf_status https_open(void **self, struct event_base *base, const struct hf_transport_config *config,
                                   const struct hf_transport_events *events)
{
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) return hf_fail(HF_STATUS_CONFIG, "libcurl cannot be started");
  const char *const files[] = {config->certificate_file, config->key_file, config->ca_file};
  for (int i = 0; i < 3; i++)
    if (access(files[i], R_OK) != 0) {
      HF_LOG(HF_LOG_ALARM, "E1403", "a TLS file cannot be read", HF_FIELD("file", files[i]));
      return hf_fail(HF_STATUS_CONFIG, "a TLS file cannot be read");
    }
  struct https *https = calloc(1, sizeof *https);
  HF_ASSERT(https != NULL);
  https->base = base;
  https->config = *config;
  https->events = *events;
  https->slots = calloc(config->slots_count, sizeof(struct exchange *));
  https->watches = calloc(FDS_MAX, sizeof *https->watches); /* touched as descriptors come */
  https->timer = evtimer_new(base, on_timer, https);
  https->multi = curl_multi_init();
  HF_ASSERT(https->slots != NULL && https->watches != NULL && https->timer != NULL && https->multi != NULL);
  curl_multi_setopt(https->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(https->multi, CURLMOPT_SOCKETDATA, https);
  curl_multi_setopt(https->multi, CURLMOPT_TIMERFUNCTION, on_timeout_change);
  curl_multi_setopt(https->multi, CURLMOPT_TIMERDATA, https);
  curl_multi_setopt(https->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HF_LANE_CONNECTIONS_MAX);
  curl_multi_setopt(https->multi, CURLMOPT_MAXCONNECTS, (long)HF_LANE_CONNECTIONS_MAX * HF_INSTITUTIONS_MAX);
  curl_multi_setopt(https->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
  *self = https;
  return hf_ok();
}

static void https_close(void *self)
{
  struct https *https = self;
  if (https == NULL) return;
  for (uint32_t i = 0; i < https->institutions_count; i++) {
    struct institution *institution = &https->institutions[i];
    for (uint32_t k = 0; k < institution->exchanges_used; k++) { /* idle, sending, warming */
      struct exchange *exchange = &institution->exchanges[k];
      curl_multi_remove_handle(https->multi, exchange->curl);
      curl_easy_cleanup(exchange->curl);
      curl_slist_free_all(exchange->headers);
    }
  }
  curl_multi_cleanup(https->multi); /* tells exchanges of connections that it closes */
  for (uint32_t i = 0; i < https->institutions_count; i++) free(https->institutions[i].exchanges);
  event_free(https->timer);
  free(https->watches);
  free(https->slots);
  free(https);
}

static struct hf_status https_institution(void *self, uint32_t index, const struct hf_institution *row,
                                          const struct hf_dialect *dialect)
{
  (void)dialect;
  struct https *https = self;
  HF_ASSERT(index < HF_INSTITUTIONS_MAX);
  struct institution *institution = &https->institutions[index];
  if (strncmp(row->endpoint, "https://", 8) != 0) return hf_fail(HF_STATUS_CONFIG, "the endpoint does not begin with https://");
  size_t size = strlen(row->endpoint);
  while (size > 8 && row->endpoint[size - 1] == '/') size--;
  if (institution->exchanges == NULL) institution->exchanges = calloc(EXCHANGES_MAX, sizeof *institution->exchanges);
  HF_ASSERT(institution->exchanges != NULL);
  institution->https = https;
  institution->connections_wanted = row->enabled ? row->connections : 0;
  memcpy(institution->endpoint, row->endpoint, size);
  institution->endpoint[size] = '\0';
  memcpy(institution->ping_url, row->endpoint, size);
  strcpy(institution->ping_url + size, "/v1/ping");
  institution->used = true;
  if (index >= https->institutions_count) https->institutions_count = index + 1;
  return hf_ok();
}

static void add_headers(struct exchange *exchange, const char *content_type, const char *headers)
{
  char line[HF_SIGNATURE_SIZE_MAX * 2 + 64];
  snprintf(line, sizeof line, "Content-Type: %s", content_type);
  exchange->headers = curl_slist_append(NULL, line);
  exchange->headers = curl_slist_append(exchange->headers, "Expect:");
  while (*headers != '\0') {
    size_t size = strcspn(headers, "\n");
    HF_ASSERT(size < sizeof line);
    memcpy(line, headers, size);
    line[size] = '\0';
    exchange->headers = curl_slist_append(exchange->headers, line);
    headers += size + (headers[size] == '\n');
  }
}

static struct hf_status https_send(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel)
{
  struct https *https = self;
  struct institution *institution = &https->institutions[index];
  HF_ASSERT(institution->used && https->slots[slot] == NULL);
  uint32_t in_use = institution->busy + institution->warming;
  if (in_use >= HF_LANE_CONNECTIONS_MAX) return hf_fail(HF_STATUS_AGAIN, "all connections are in use");
  if (in_use >= institution->connections_open) { /* this one would need a new connection */
    if (https->handshakes_left == 0) return hf_fail(HF_STATUS_AGAIN, "no handshake left in this turn");
    https->handshakes_left--;
  }
  struct exchange *exchange = take_exchange(institution);
  exchange->slot = slot;
  exchange->body_size = parcel->body.size;
  char url[HF_ENDPOINT_SIZE_MAX + 64];
  snprintf(url, sizeof url, "%s%s", institution->endpoint, parcel->path);
  add_headers(exchange, parcel->content_type, (const char *)parcel->headers.data);
  curl_easy_setopt(exchange->curl, CURLOPT_URL, url);
  curl_easy_setopt(exchange->curl, CURLOPT_POST, 1L);
  curl_easy_setopt(exchange->curl, CURLOPT_FRESH_CONNECT, 0L);
  curl_easy_setopt(exchange->curl, CURLOPT_POSTFIELDS, parcel->body.data);
  curl_easy_setopt(exchange->curl, CURLOPT_POSTFIELDSIZE, (long)parcel->body.size);
  curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, exchange->headers);
  https->slots[slot] = exchange;
  institution->busy++;
  curl_multi_add_handle(https->multi, exchange->curl);
  return hf_ok();
}

static void https_cancel(void *self, uint32_t slot)
{
  struct https *https = self;
  struct exchange *exchange = https->slots[slot];
  if (exchange == NULL) return;
  https->slots[slot] = NULL;
  exchange->institution->busy--;
  curl_multi_remove_handle(https->multi, exchange->curl); /* closes the connection: an answer could still be on it */
  put_back(exchange);
}

static void warm(struct https *https, struct institution *institution)
{
  struct exchange *exchange = take_exchange(institution);
  exchange->slot = NO_SLOT;
  curl_easy_setopt(exchange->curl, CURLOPT_URL, institution->ping_url);
  curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(exchange->curl, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(exchange->curl, CURLOPT_FRESH_CONNECT, 1L); /* the point of it */
  institution->warming++;
  https->handshakes_left--;
  curl_multi_add_handle(https->multi, exchange->curl);
}

static bool https_work(void *self, struct hf_time now)
{
  struct https *https = self;
  int running;
  bool more = false;
  https->now = now;
  https->handshakes_left = HF_HANDSHAKES_PER_TURN;
  /* Handles that were added in this turn start now, not at the next timer. */
  curl_multi_socket_action(https->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  finish_done(https);
  for (uint32_t i = 0; i < https->institutions_count; i++) {
    struct institution *institution = &https->institutions[i];
    uint32_t missing = institution->connections_wanted > institution->connections_open
                           ? institution->connections_wanted - institution->connections_open
                           : 0;
    if (institution->warming > 0 || now.mono_ns < institution->warm_after_ns)
      missing = 0; /* those under way are not counted twice */
    while (https->handshakes_left > 0 && missing-- > 0) warm(https, institution);
    more |= institution->warming == 0 && institution->connections_open < institution->connections_wanted &&
            now.mono_ns >= institution->warm_after_ns;
  }
  return more;
}

static void https_warmth(void *self, uint32_t index, uint32_t *open, uint32_t *wanted)
{
  const struct https *https = self;
  *open = https->institutions[index].connections_open;
  *wanted = https->institutions[index].connections_wanted;
}

const struct hf_transport hf_transport_https = {
    .name = "https",
    .open = https_open,
    .close = https_close,
    .institution = https_institution,
    .send = https_send,
    .cancel = https_cancel,
    .work = https_work,
    .warmth = https_warmth,
};
