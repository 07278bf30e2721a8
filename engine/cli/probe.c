/*
 * institution test: what can be seen of an institution's endpoint from here, without sending it an order: whether it can be
 * reached and believed (TLS), how quickly it answers, how far its clock is from ours, and how its lane in the engine does.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/cli/check.h"
#include "engine/dispatch/lane.h"

#define TIMES 10      /* exchanges on one connection that are timed */
#define CONNECTIONS 2 /* where only connections can be timed: a host may bear few beside the engine's */
#define ENDS_SOON_NS (30LL * 86400 * HF_NS_PER_S)

/* How far the institution's clock is ahead of ours: somewhere between. Its Date header has whole seconds. */
struct offset {
  int64_t least_ns, most_ns;
  bool known;
};

struct probe {
  struct hf_checks checks;
  const struct hf_cli *cli;
  struct hf_institution row;
  CURL *curl;
  char error[CURL_ERROR_SIZE];
  int64_t date_wall_ns; /* of the exchange that is running; 0: it tells no time */
  struct offset offset;
  int64_t times_us[TIMES];
  int times_count;
};

static size_t on_header(char *bytes, size_t one, size_t size, void *user)
{
  struct probe *probe = user;
  char line[128];
  snprintf(line, sizeof line, "%.*s", (int)(one * size), bytes);
  if (strncasecmp(line, "date:", 5) != 0) return one * size;
  time_t said = curl_getdate(line + 5, NULL);
  if (said > 0) probe->date_wall_ns = (int64_t)said * HF_NS_PER_S;
  return one * size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
  (void)bytes, (void)user;
  return one * size;
}

/* What a date says of a clock that was read between `before` and `after`: several of them leave less room. */
static void narrow(struct offset *offset, int64_t date_ns, int64_t before_ns, int64_t after_ns)
{
  int64_t least = date_ns - after_ns, most = date_ns + HF_NS_PER_S - before_ns;
  if (!offset->known || least > offset->least_ns) offset->least_ns = least;
  if (!offset->known || most < offset->most_ns) offset->most_ns = most;
  offset->known = true;
}

static int compare_times(const void *a, const void *b)
{
  int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
  return (first > second) - (first < second);
}

static bool is_https(const struct probe *probe)
{
  return strncmp(probe->row.endpoint, "https://", 8) == 0;
}

static void set_up(struct probe *probe, const char *url)
{
  const struct hf_cli *cli = probe->cli;
  CURL *curl = probe->curl;
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)probe->row.try_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, probe->error);
  curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, probe);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  if (cli->tls_ca[0] != '\0') curl_easy_setopt(curl, CURLOPT_CAINFO, cli->tls_ca);
  if (cli->tls_certificate[0] != '\0') curl_easy_setopt(curl, CURLOPT_SSLCERT, cli->tls_certificate);
  if (cli->tls_key[0] != '\0') curl_easy_setopt(curl, CURLOPT_SSLKEY, cli->tls_key);
  if (is_https(probe))
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L); /* HEAD: an order would be an order */
  else {
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L); /* another protocol than HTTP is spoken there */
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  }
}

/* --- what is told --- */

/* The first connection: how long it took to be there, and to be believed. */
static void tell_connection(struct probe *probe, bool tls)
{
  char found[160];
  curl_off_t connect = 0, believed = 0;
  curl_easy_getinfo(probe->curl, CURLINFO_CONNECT_TIME_T, &connect);
  curl_easy_getinfo(probe->curl, CURLINFO_APPCONNECT_TIME_T, &believed);
  if (tls)
    snprintf(found, sizeof found, _("TCP after %.1f ms, TLS after %.1f ms"), (double)connect / 1e3, (double)believed / 1e3);
  else
    snprintf(found, sizeof found, _("TCP after %.1f ms, no TLS"), (double)connect / 1e3);
  hf_check_tell(&probe->checks, true, "connection", found, "");
}

static void tell_certificate(struct probe *probe)
{
  static const char label[] = "Expire date:";
  char found[160], when[HF_TIME_TEXT_SIZE];
  struct curl_certinfo *chain = NULL;
  curl_easy_getinfo(probe->curl, CURLINFO_CERTINFO, &chain);
  for (struct curl_slist *at = chain == NULL || chain->num_of_certs == 0 ? NULL : chain->certinfo[0]; at != NULL;
       at = at->next) {
    if (strncmp(at->data, label, sizeof label - 1) != 0) continue;
    int64_t ends = (int64_t)curl_getdate(at->data + sizeof label - 1, NULL) * HF_NS_PER_S;
    snprintf(found, sizeof found, _("valid until %s"), hf_time_text(ends, when));
    hf_check_tell(&probe->checks, ends > hf_time_now().wall_ns + ENDS_SOON_NS, "certificate", found,
                  _("ask the institution for its next certificate: this one ends within 30 days"));
    return;
  }
}

static double ms_of(int64_t us)
{
  return (double)us / 1e3;
}

static void tell_latency(struct probe *probe)
{
  char found[160];
  const int half = (probe->times_count - 1) / 2;
  qsort(probe->times_us, (size_t)probe->times_count, sizeof probe->times_us[0], compare_times);
  snprintf(found, sizeof found, _("%d times: least %.1f ms, half within %.1f ms, most %.1f ms"), probe->times_count,
           ms_of(probe->times_us[0]), ms_of(probe->times_us[half]), ms_of(probe->times_us[probe->times_count - 1]));
  hf_check_tell(&probe->checks, true, "latency", found, "");
}

static void tell_clock(struct probe *probe)
{
  const struct offset *offset = &probe->offset;
  char found[160];
  if (!offset->known) return;                        /* it need not tell the time */
  bool steady = offset->least_ns <= offset->most_ns; /* else it was set between two answers */
  bool near = steady && offset->least_ns < HF_NS_PER_S && offset->most_ns > -HF_NS_PER_S;
  snprintf(found, sizeof found, _("its clock is between %.2f s and %.2f s ahead of ours"), (double)offset->least_ns / 1e9,
           (double)offset->most_ns / 1e9);
  hf_check_tell(&probe->checks, near, "clock", found,
                _("compare both clocks with a time server: 48 hours count from the moment that the institution states"));
}

/* The engine's own view: whether its connections stand (signed on, where the dialect signs on) and what came of its tries. */
static void tell_lane(struct probe *probe)
{
  const char *metrics = hf_check_metrics(probe->cli);
  char found[160];
  if (metrics == NULL) {
    hf_check_tell(&probe->checks, false, "lane", _("the engine does not answer"),
                  _("look at holdfastd's log, and at http in the configuration"));
    return;
  }
  long silence = hf_check_metric(metrics, "holdfast_lane_silence", probe->row.code);
  long open = hf_check_metric(metrics, "holdfast_lane_connections", probe->row.code);
  long waiting = hf_check_metric(metrics, "holdfast_lane_waiting", probe->row.code);
  if (silence < 0) {
    hf_check_tell(&probe->checks, false, "lane", _("the engine has no lane for it"),
                  _("is its row enabled, and has the engine a shard?"));
    return;
  }
  snprintf(found, sizeof found, _("%ld connections, %ld orders wait, %ld tries in a row without an answer"), open, waiting,
           silence);
  hf_check_tell(&probe->checks, silence < HF_LANE_SILENT, "lane", found,
                _("call the institution; its orders wait and are tried again by themselves"));
}

/* --- the kinds of endpoint --- */

/* One exchange, or for a transport of its own one connection. False after having told why not. */
static bool reach(struct probe *probe)
{
  int64_t before = hf_time_now().wall_ns, began = hf_time_now().mono_ns;
  probe->date_wall_ns = 0;
  CURLcode code = curl_easy_perform(probe->curl);
  struct hf_time now = hf_time_now();
  if (code != CURLE_OK) {
    bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CERTPROBLEM;
    hf_check_tell(&probe->checks, false, "connection", probe->error[0] != '\0' ? probe->error : curl_easy_strerror(code),
                  tls ? _("compare tls_ca with who signed its certificate, and tls_certificate with whom it trusts")
                      : _("is the endpoint right, is the way open, does the institution's server run?"));
    return false;
  }
  if (probe->date_wall_ns != 0) narrow(&probe->offset, probe->date_wall_ns, before, now.wall_ns);
  probe->times_us[probe->times_count++] = (now.mono_ns - began) / HF_NS_PER_US;
  return true;
}

static void test_line(struct probe *probe, bool tls)
{
  char url[HF_ENDPOINT_SIZE_MAX + 16];
  const char *place = strstr(probe->row.endpoint, "://") + 3;
  snprintf(url, sizeof url, "%s://%s", tls ? "https" : "http", place);
  set_up(probe, url);
  if (!reach(probe)) return;
  tell_connection(probe, tls);
  if (tls) tell_certificate(probe);
  probe->times_count = 0; /* the first made the connection */
  const int times = is_https(probe) ? TIMES : CONNECTIONS;
  while (probe->times_count < times)
    if (!reach(probe)) return;
  tell_latency(probe);
  tell_clock(probe);
}

static void test_topic(struct probe *probe)
{
  char found[320];
  const char *topic = probe->row.endpoint + strlen("kafka://");
  int partitions = hf_cli_partitions_of(probe->cli, topic);
  snprintf(found, sizeof found, _("%s has %d partitions"), topic, partitions);
  hf_check_tell(&probe->checks, partitions > 0, "topic", found, _("create its topic (adapters/protobuf_kafka/README.md)"));
}

int hf_command_institution_test(struct hf_cli *cli)
{
  struct probe probe = {.checks = {.json = cli->json}, .cli = cli};
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  bool there = hf_cli_institution(database, cli->arguments[0], &probe.row);
  PQfinish(database);
  if (!there) return HF_EXIT_FAILED;
  const char *endpoint = probe.row.endpoint;
  probe.curl = curl_easy_init();
  if (probe.curl == NULL) abort();
  if (is_https(&probe) || strncmp(endpoint, "tls://", 6) == 0)
    test_line(&probe, true);
  else if (strncmp(endpoint, "tcp://", 6) == 0)
    test_line(&probe, false);
  else if (strncmp(endpoint, "kafka://", 8) == 0)
    test_topic(&probe);
  tell_lane(&probe); /* a folder is on the engine's host: the lane tells of it */
  curl_easy_cleanup(probe.curl);
  return hf_checks_end(&probe.checks);
}
