/* Health and metrics on a loopback address: /healthz, /readyz, /metrics (Prometheus text). */
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "engine/daemon/internal.h"

static void reply(struct evhttp_request *request, int status, const char *type, struct evbuffer *body)
{
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
  evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
  evhttp_send_reply(request, status, status == 200 ? "OK" : "Not ready", body);
  evbuffer_free(body);
}

static void on_healthz(struct evhttp_request *request, void *user)
{
  struct evbuffer *body = evbuffer_new();
  (void)user; /* that the loop answers is the answer */
  evbuffer_add_printf(body, "{\"alive\":true}\n");
  reply(request, 200, "application/json", body);
}

static uint32_t shards_running(const struct hf_engine *engine)
{
  uint32_t running = 0;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) running += engine->shards[i].state == HF_SHARD_RUNNING;
  return running;
}

static void on_readyz(struct evhttp_request *request, void *user)
{
  struct hf_engine *engine = user;
  struct evbuffer *body = evbuffer_new();
  const char *trouble;
  bool kafka = hf_intake_is_connected(engine->intake, &trouble), postgres = hf_record_is_up(engine->record);
  bool ready = kafka && postgres && !engine->takeover && !engine->stopping && shards_running(engine) > 0;
  evbuffer_add_printf(body, "{\"ready\":%s,\"kafka\":%s,\"postgres\":%s,\"shards_running\":%u,\"stopping\":%s}\n",
                      ready ? "true" : "false", kafka ? "true" : "false", postgres ? "true" : "false", shards_running(engine),
                      engine->stopping ? "true" : "false");
  reply(request, ready ? 200 : 503, "application/json", body);
}

static void metric(struct evbuffer *out, const char *name, const char *type, const char *help)
{
  evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_histogram(struct evbuffer *out, const char *name, const char *labels, const struct hf_histogram *histogram)
{
  static const double bounds_ms[] = {0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 60000};
  const char *comma = labels[0] != '\0' ? "," : "";
  for (size_t i = 0; i < sizeof bounds_ms / sizeof bounds_ms[0]; i++)
    evbuffer_add_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, bounds_ms[i] / 1000,
                        (unsigned long long)hf_histogram_at_most(histogram, (int64_t)(bounds_ms[i] * 1e6)));
  evbuffer_add_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)histogram->count);
  evbuffer_add_printf(out, "%s_sum{%s} %.9f\n%s_count{%s} %llu\n", name, labels, (double)histogram->sum_ns / 1e9, name, labels,
                      (unsigned long long)histogram->count);
}

static const char *const stage_names[HF_STAGE_COUNT] = {"made_to_consumed",     "made_to_last_stop", "consumed_to_decided",
                                                        "handed_to_signed",     "signed_to_sent",    "consumed_to_first_stop",
                                                        "consumed_to_last_stop"};

static void write_stages(const struct hf_engine *engine, struct evbuffer *out)
{
  metric(out, "holdfast_stage_seconds", "histogram", "where the time from report to wire goes");
  for (int i = 0; i < HF_STAGE_COUNT; i++) {
    char label[64];
    snprintf(label, sizeof label, "stage=\"%s\"", stage_names[i]);
    write_histogram(out, "holdfast_stage_seconds", label, &engine->stages[i]);
  }
  metric(out, "holdfast_feedback_durable_seconds", "histogram", "feedback read to committed");
  write_histogram(out, "holdfast_feedback_durable_seconds", "", hf_record_durable_histogram(engine->record));
  metric(out, "holdfast_stage_quantile_microseconds", "gauge", "the same by nearest rank, for the benchmark");
  static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1};
  for (int i = 0; i <= HF_STAGE_COUNT; i++)
    for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++)
      evbuffer_add_printf(
          out, "holdfast_stage_quantile_microseconds{stage=\"%s\",quantile=\"%g\"} %.1f\n",
          i < HF_STAGE_COUNT ? stage_names[i] : "feedback_to_durable", quantiles[q],
          (double)hf_histogram_quantile(i < HF_STAGE_COUNT ? &engine->stages[i] : hf_record_durable_histogram(engine->record),
                                        quantiles[q]) /
              1000);
}

static void write_counters(const struct hf_engine *engine, struct evbuffer *out)
{
  const struct hf_counters *counters = &engine->counters;
  metric(out, "holdfast_reports_accepted_total", "counter", "reports that opened or joined a case");
  evbuffer_add_printf(out, "holdfast_reports_accepted_total %llu\n", (unsigned long long)counters->reports_accepted);
  metric(out, "holdfast_submissions_quarantined_total", "counter", "submissions that were not acted on, by reason");
  for (int i = 1; i < HF_REASON_COUNT; i++)
    evbuffer_add_printf(out, "holdfast_submissions_quarantined_total{reason=\"%s\"} %llu\n", hf_reason_code((enum hf_reason)i),
                        (unsigned long long)counters->quarantined[i]);
  metric(out, "holdfast_facts_total", "counter", "facts decided, by kind");
  for (int i = 1; i < HF_FACT_COUNT; i++)
    evbuffer_add_printf(out, "holdfast_facts_total{kind=\"%s\"} %llu\n", hf_fact_code((enum hf_fact_kind)i),
                        (unsigned long long)counters->facts[i]);
  metric(out, "holdfast_orders_ended_total", "counter", "orders with feedback, by state");
  for (int i = HF_ORDER_EFFECTIVE; i < HF_ORDER_STATE_COUNT; i++)
    evbuffer_add_printf(out, "holdfast_orders_ended_total{state=\"%s\"} %llu\n", hf_order_state_code((enum hf_order_state)i),
                        (unsigned long long)counters->orders_ended[i]);
  metric(out, "holdfast_orders_unsendable_total", "counter", "orders that found no room in a lane, or no lane");
  evbuffer_add_printf(out, "holdfast_orders_unsendable_total %llu\n", (unsigned long long)counters->orders_unsendable);
}

static void write_lanes(const struct hf_engine *engine, struct evbuffer *out)
{
  static const char *const names[] = {
      "holdfast_lane_waiting",        "holdfast_lane_in_flight",      "holdfast_lane_attempts_total",
      "holdfast_lane_answers_total",  "holdfast_lane_failures_total", "holdfast_lane_connections",
      "holdfast_lane_try_timeout_ms", "holdfast_lane_silence",        "holdfast_lane_open"};
  for (size_t m = 0; m < sizeof names / sizeof names[0]; m++) {
    metric(out, names[m], m >= 2 && m <= 4 ? "counter" : "gauge", "of an institution's lane");
    for (uint32_t i = 0; i < hf_dispatch_lanes(engine->dispatch); i++) {
      struct hf_lane_view lane = hf_dispatch_lane(engine->dispatch, i);
      uint32_t open, wanted;
      hf_route_warmth(engine, i, &open, &wanted);
      uint64_t values[] = {lane.waiting,
                           lane.in_flight,
                           lane.attempts,
                           lane.answers,
                           lane.failures,
                           open,
                           (uint64_t)(lane.timeout_ns / HF_NS_PER_MS),
                           lane.silence,
                           lane.open};
      evbuffer_add_printf(out, "%s{institution=\"%s\"} %llu\n", names[m], lane.row->code, (unsigned long long)values[m]);
    }
  }
}

static void write_process(const struct hf_engine *engine, struct evbuffer *out)
{
  struct rusage usage;
  long pages = 0, resident = 0;
  FILE *statm = fopen("/proc/self/statm", "re");
  if (statm != NULL && fscanf(statm, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (statm != NULL) fclose(statm);
  getrusage(RUSAGE_SELF, &usage);
  double cpu =
      (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  uint32_t cases = 0, orders = 0;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) {
    cases += engine->shards[i].core == NULL ? 0 : hf_core_cases(engine->shards[i].core);
    orders += engine->shards[i].core == NULL ? 0 : hf_core_orders(engine->shards[i].core);
  }
  const struct {
    const char *name, *type, *help;
    double value;
  } values[] = {
      {"process_cpu_seconds_total", "counter", "user and system time", cpu},
      {"process_resident_memory_bytes", "gauge", "resident memory", (double)resident * (double)sysconf(_SC_PAGESIZE)},
      {"holdfast_shards_running", "gauge", "shards that this process owns and serves", shards_running(engine)},
      {"holdfast_cases_open", "gauge", "cases in memory", cases},
      {"holdfast_orders_in_memory", "gauge", "orders of those cases", orders},
      {"holdfast_record_facts_waiting", "gauge", "facts not yet in PostgreSQL", hf_record_waiting(engine->record)},
      {"holdfast_record_up", "gauge", "1 while PostgreSQL answers", hf_record_down_since(engine->record) == 0},
      {"holdfast_publish_records_waiting", "gauge", "records of facts not yet acknowledged by Kafka",
       hf_publish_waiting(engine->publish)},
      {"holdfast_intake_waiting", "gauge", "records between Kafka and core", hf_intake_waiting(engine->intake)},
      {"holdfast_clock_ahead_seconds", "gauge", "the machine's wall clock ahead of the engine's: not 0 after a step",
       (double)engine->clock.machine.ahead_ns / 1e9},
      {"holdfast_clock_error_seconds", "gauge", "the kernel's estimate of its clock's error at most",
       (double)engine->clock.machine.error_ns / 1e9},
      {"holdfast_turns_total", "counter", "turns of the loop", (double)engine->counters.turns},
  };
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    metric(out, values[i].name, values[i].type, values[i].help);
    evbuffer_add_printf(out, "%s %.6f\n", values[i].name, values[i].value);
  }
  metric(out, "holdfast_build_info", "gauge", "which program this is");
  evbuffer_add_printf(out, "holdfast_build_info{version=\"%s\"} 1\n", HF_VERSION);
}

static void on_metrics(struct evhttp_request *request, void *user)
{
  struct hf_engine *engine = user;
  struct evbuffer *body = evbuffer_new();
  write_process(engine, body);
  write_counters(engine, body);
  write_stages(engine, body);
  write_lanes(engine, body);
  reply(request, 200, "text/plain; version=0.0.4", body);
}

struct hf_status hf_http_open(struct hf_engine *engine)
{
  char host[HF_CONFIG_TEXT_MAX];
  strcpy(host, engine->config.http_listen);
  char *colon = strrchr(host, ':');
  int port = colon == NULL ? 0 : atoi(colon + 1);
  if (colon == NULL || port < 0 || port > 65535) return hf_fail(HF_STATUS_CONFIG, "http.listen: host:port");
  *colon = '\0';
  const char *bare = host[0] == '[' ? host + 1 : host;
  if (host[0] == '[') host[strlen(host) - 1] = '\0';
  engine->http = evhttp_new(engine->base);
  evhttp_set_allowed_methods(engine->http, EVHTTP_REQ_GET);
  evhttp_set_max_headers_size(engine->http, 8192);
  evhttp_set_max_body_size(engine->http, 0);
  evhttp_set_timeout(engine->http, 5);
  evhttp_set_cb(engine->http, "/healthz", on_healthz, engine);
  evhttp_set_cb(engine->http, "/readyz", on_readyz, engine);
  evhttp_set_cb(engine->http, "/metrics", on_metrics, engine);
  if (evhttp_bind_socket(engine->http, bare, (uint16_t)port) == 0) return hf_ok();
  HF_LOG(HF_LOG_ALARM, "E1801", "health and metrics cannot listen", HF_FIELD("at", engine->config.http_listen));
  return hf_fail(HF_STATUS_CONFIG, "http.listen: the address cannot be bound");
}

void hf_http_close(struct hf_engine *engine)
{
  if (engine->http != NULL) evhttp_free(engine->http);
  engine->http = NULL;
}
