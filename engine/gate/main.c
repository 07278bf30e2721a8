/* holdfast-gate: the institutions' door. README.md says what it is for; schemas/gate/openapi.yaml what it answers. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/gate/gate.h"

#define TICK_MS 200
#define DRAIN_MS 5000

static int usage(FILE *out)
{
  fputs(
      "usage: holdfast-gate --listen HOST:PORT --status HOST:PORT --cert PEM --key PEM --ca PEM --brokers HOST:PORT,… "
      "--conninfo TEXT [--answers TOPIC] [--reports TOPIC] [--rate N]\n"
      "  --listen    where institutions come: mutual TLS, HTTP/1.1\n"
      "  --status    health and metrics, for the operator: a loopback address\n"
      "  --cert      the gate's own certificate and chain; --key its private key; --ca who signs institutions' certificates\n"
      "  --conninfo  PostgreSQL, as a member of holdfast_gate: it may read who there is and whose keys are whose, no more\n"
      "  --answers   holdfast.answers where nothing is said; --reports: holdfast.reports\n"
      "  --rate      requests a second of one institution, 200 where nothing is said\n"
      "exit: 0 stopped by SIGTERM, 2 a wrong command line, 1 it cannot start (the line on standard error says why)\n",
      out);
  return out == stdout ? 0 : 2;
}

static void on_stop(evutil_socket_t number, short what, void *user)
{
  (void)number, (void)what;
  event_base_loopbreak(((struct hf_gate *)user)->base);
}

static void on_kafka(evutil_socket_t fd, short what, void *user)
{
  struct hf_gate *gate = user;
  uint64_t count;
  (void)what;
  ssize_t ignored = read(fd, &count, sizeof count);
  (void)ignored;
  rd_kafka_poll(gate->producer, 0);
  hf_pull_work(gate);
}

/* Members stay where they are: what they have under way points at them. */
static struct hf_member *member_of(struct hf_gate *gate, const char *code)
{
  for (uint32_t i = 0; i < gate->members_count; i++)
    if (strcmp(gate->members[i].code, code) == 0) return &gate->members[i];
  HF_ASSERT(gate->members_count < HF_INSTITUTIONS_MAX); /* rows are never deleted, and bounded there, too */
  struct hf_member *member = &gate->members[gate->members_count++];
  memcpy(member->code, code, sizeof member->code);
  member->tokens_ns = HF_NS_PER_S;
  member->filled_mono_ns = hf_time_now().mono_ns;
  return member;
}

static void learn(struct hf_gate *gate)
{
  const struct hf_roster *roster = &gate->found->roster;
  for (uint32_t i = 0; i < roster->institutions_count; i++) {
    struct hf_member *member = member_of(gate, roster->institutions[i].code);
    member->enabled = roster->institutions[i].enabled;
    member->orders_partitions = gate->found->orders_partitions[i];
  }
  for (uint32_t i = 0; i < roster->keys_count; i++) {
    struct hf_status status = hf_trust_key_set(gate->trust, &roster->keys[i]);
    if (!hf_is_ok(status))
      HF_LOG(HF_LOG_ALARM, "E2408", "a key of the registry cannot be used", HF_FIELD("key", roster->keys[i].id),
             HF_FIELD("why", status.why));
  }
  if (!gate->ready && gate->found->answers_partitions > 0)
    HF_LOG(HF_LOG_INFO, "E2400", "the gate is open", HF_FIELD("at", gate->options.listen),
           HF_FIELD("institutions", roster->institutions_count), HF_FIELD("keys", roster->keys_count));
  gate->ready = gate->found->answers_partitions > 0;
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
  struct hf_gate *gate = user;
  (void)fd, (void)what;
  if (hf_watch_take(gate->watch, gate->found)) learn(gate);
  rd_kafka_poll(gate->producer, 0);
  hf_pull_work(gate);
}

static struct hf_status open_gate(struct hf_gate *gate)
{
  gate->base = event_base_new();
  gate->found = calloc(1, sizeof *gate->found);
  gate->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  HF_ASSERT(gate->base != NULL && gate->found != NULL && gate->fd >= 0);
  hf_nonces_open(&gate->nonces);
  struct hf_status status = hf_trust_open(&gate->trust, 0, NULL);
  if (hf_is_ok(status)) status = hf_answers_connect(gate);
  if (hf_is_ok(status)) status = hf_door_open(gate);
  if (!hf_is_ok(status)) return status;
  gate->watch = hf_watch_open(gate->options.conninfo, gate->producer, gate->options.answers);
  gate->kafka_event = event_new(gate->base, gate->fd, EV_READ | EV_PERSIST, on_kafka, gate);
  gate->tick = event_new(gate->base, -1, EV_PERSIST, on_tick, gate);
  event_add(gate->kafka_event, NULL);
  event_add(gate->tick, &(struct timeval){0, TICK_MS * 1000});
  return hf_ok();
}

/* What is on its way to Kafka is answered first; long polls end with their connections. */
static void close_gate(struct hf_gate *gate)
{
  if (gate->kafka_event != NULL) event_free(gate->kafka_event);
  if (gate->tick != NULL) event_free(gate->tick);
  if (gate->watch != NULL) hf_watch_close(gate->watch);
  if (gate->producer != NULL) {
    (void)rd_kafka_flush(gate->producer, DRAIN_MS);
    for (int i = 0; i < 20; i++) event_base_loop(gate->base, EVLOOP_NONBLOCK);
  }
  for (uint32_t i = 0; i < gate->members_count; i++) hf_pull_close(&gate->members[i]);
  hf_door_close(gate);
  if (gate->answers != NULL) rd_kafka_topic_destroy(gate->answers);
  if (gate->reports != NULL) rd_kafka_topic_destroy(gate->reports);
  if (gate->producer != NULL) rd_kafka_destroy(gate->producer);
  hf_trust_close(gate->trust);
  hf_nonces_close(&gate->nonces);
  event_base_free(gate->base);
  close(gate->fd);
  free(gate->found);
}

static int run(struct hf_gate *gate)
{
  struct hf_status status = open_gate(gate);
  if (!hf_is_ok(status)) {
    fprintf(stderr, "holdfast-gate: %s\n", status.why);
    close_gate(gate);
    return 1;
  }
  struct event *stops[] = {evsignal_new(gate->base, SIGTERM, on_stop, gate), evsignal_new(gate->base, SIGINT, on_stop, gate)};
  for (int i = 0; i < 2; i++) evsignal_add(stops[i], NULL);
  event_base_dispatch(gate->base);
  for (int i = 0; i < 2; i++) event_free(stops[i]);
  close_gate(gate);
  return 0;
}

int main(int argc, char **argv)
{
  static struct hf_gate gate = {.options = {.answers = "holdfast.answers", .reports = "holdfast.reports", .rate = 200}};
  static const struct option options[] = {{"listen", 1, NULL, 'l'},   {"status", 1, NULL, 's'},  {"cert", 1, NULL, 'c'},
                                          {"key", 1, NULL, 'k'},      {"ca", 1, NULL, 'a'},      {"brokers", 1, NULL, 'b'},
                                          {"conninfo", 1, NULL, 'p'}, {"answers", 1, NULL, 't'}, {"reports", 1, NULL, 'q'},
                                          {"rate", 1, NULL, 'r'},     {"help", 0, NULL, 'h'},    {0}};
  struct hf_gate_options *to = &gate.options;
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case 'l': to->listen = optarg; break;
    case 's': to->status_listen = optarg; break;
    case 'c': to->certificate = optarg; break;
    case 'k': to->key = optarg; break;
    case 'a': to->ca = optarg; break;
    case 'b': to->brokers = optarg; break;
    case 'p': to->conninfo = optarg; break;
    case 't': to->answers = optarg; break;
    case 'q': to->reports = optarg; break;
    case 'r': to->rate = atoi(optarg); break;
    case 'h': return usage(stdout);
    default: return usage(stderr);
    }
  }
  const char *needed[] = {to->listen, to->status_listen, to->certificate, to->key, to->ca, to->brokers, to->conninfo};
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (needed[i] == NULL) return usage(stderr);
  if (optind != argc || to->rate < 1 || to->rate > 100000) return usage(stderr);
  signal(SIGPIPE, SIG_IGN);
  return run(&gate);
}
