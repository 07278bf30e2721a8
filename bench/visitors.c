/*
 * Visitors: institutions' callbacks at the gate, an open loop over many kept connections.
 *
 * Why:  an answer is due at start + i / rate and its latency counts from there. All are signed before the clock starts: signing
 *       is the institution's work. An answer that failed is said again only where --again tells it to, with a new signature.
 * In:   one order id a line. Out: "order due_us replied_us status tries" a line; status 0: no reply.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/base/time.h"
#include "engine/trust/key.h"

#define ORDERS_MAX 200000
#define CONNECTIONS_MAX 512
#define TRIES_MAX 50
#define AGAIN_NS (200 * HF_NS_PER_MS)

struct answer {
  char order[HF_UUID_TEXT_SIZE];
  char body[256], time[16], nonce[33], signature[512];
  int64_t due_ns, replied_ns;
  long status;
  int tries;
};

struct line {
  CURL *curl;
  struct curl_slist *headers;
  struct answer *answer; /* NULL: idle */
};

static struct {
  const char *gate, *code, *certificate, *key_file, *ca, *signing_key, *out;
  int connections;
  double rate;
  bool receipts, again;
  struct hf_trust_key key;
  EVP_MD_CTX *context;
  struct answer *answers;
  size_t count, done;
  struct line lines[CONNECTIONS_MAX];
} visitors = {.connections = 200, .rate = 1000};

static _Noreturn void die(const char *what)
{
  fprintf(stderr, "visitors: %s\n", what);
  exit(1);
}

static void sign_answer(struct answer *answer)
{
  uint8_t random[16], lines[1024], signature[HF_SIGNATURE_SIZE_MAX];
  struct hf_writer nonce = hf_writer_of(answer->nonce, 32), out = hf_writer_of(lines, sizeof lines);
  struct hf_writer base64 = hf_writer_of(answer->signature, sizeof answer->signature - 1);
  HF_ASSERT(getrandom(random, sizeof random, 0) == sizeof random);
  hf_write_hex(&nonce, random, sizeof random);
  answer->nonce[32] = '\0';
  snprintf(answer->time, sizeof answer->time, "%lld", (long long)(hf_time_now().wall_ns / HF_NS_PER_S));
  int size = snprintf((char *)lines, sizeof lines, "POST\n/v1/orders/%s/answers\n%s\n%s\n%s\n", answer->order, answer->time,
                      answer->nonce, answer->body);
  out.size = (size_t)size;
  size_t made = hf_key_sign(visitors.context, &visitors.key, (struct hf_span){lines, out.size}, signature, sizeof signature);
  HF_ASSERT(made > 0);
  hf_write_base64(&base64, signature, made);
  answer->signature[base64.size] = '\0';
}

static void read_orders(void)
{
  char line[128];
  visitors.answers = calloc(ORDERS_MAX, sizeof *visitors.answers);
  HF_ASSERT(visitors.answers != NULL);
  while (visitors.count < ORDERS_MAX && fgets(line, sizeof line, stdin) != NULL) {
    struct answer *answer = &visitors.answers[visitors.count];
    line[strcspn(line, "\n")] = '\0';
    if (strlen(line) != HF_UUID_TEXT_SIZE - 1) die("an order id has 36 characters");
    memcpy(answer->order, line, HF_UUID_TEXT_SIZE);
    snprintf(answer->body, sizeof answer->body, "{\"order_id\":\"%s\",\"institution\":\"%s\",\"reference\":\"R-1\"%s}",
             answer->order, visitors.code, visitors.receipts ? "" : ",\"feedback\":{\"result\":\"0000\"}");
    sign_answer(answer);
    visitors.count++;
  }
}

static size_t take_nothing(char *data, size_t size, size_t count, void *user)
{
  (void)data, (void)user;
  return size * count;
}

static void open_line(struct line *line)
{
  line->curl = curl_easy_init();
  HF_ASSERT(line->curl != NULL);
  curl_easy_setopt(line->curl, CURLOPT_SSLCERT, visitors.certificate);
  curl_easy_setopt(line->curl, CURLOPT_SSLKEY, visitors.key_file);
  curl_easy_setopt(line->curl, CURLOPT_CAINFO, visitors.ca);
  curl_easy_setopt(line->curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(line->curl, CURLOPT_WRITEFUNCTION, take_nothing);
  curl_easy_setopt(line->curl, CURLOPT_TIMEOUT_MS, 10000L);
  curl_easy_setopt(line->curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(line->curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(line->curl, CURLOPT_PRIVATE, line);
}

static void say(CURLM *multi, struct line *line, struct answer *answer)
{
  char url[256], text[600];
  const char *const headers[][2] = {{"Holdfast-Key", visitors.key.id},
                                    {"Holdfast-Timestamp", answer->time},
                                    {"Holdfast-Nonce", answer->nonce},
                                    {"Holdfast-Signature", answer->signature},
                                    {"Content-Type", "application/json"}};
  snprintf(url, sizeof url, "https://%s/v1/orders/%s/answers", visitors.gate, answer->order);
  curl_slist_free_all(line->headers);
  line->headers = curl_slist_append(NULL, "Expect:");
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    snprintf(text, sizeof text, "%s: %s", headers[i][0], headers[i][1]);
    line->headers = curl_slist_append(line->headers, text);
  }
  curl_easy_setopt(line->curl, CURLOPT_URL, url);
  curl_easy_setopt(line->curl, CURLOPT_HTTPHEADER, line->headers);
  curl_easy_setopt(line->curl, CURLOPT_POSTFIELDS, answer->body);
  line->answer = answer;
  answer->tries++;
  curl_multi_add_handle(multi, line->curl);
}

/* Takes what has ended; what failed and may be said again is due a little later. */
static void collect(CURLM *multi)
{
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;) {
    struct line *line;
    if (message->msg != CURLMSG_DONE) continue;
    CURL *curl = message->easy_handle;
    CURLcode result = message->data.result;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&line);
    struct answer *answer = line->answer;
    answer->status = 0;
    if (result == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_multi_remove_handle(multi, curl);
    line->answer = NULL;
    answer->replied_ns = hf_time_now().wall_ns;
    if (answer->status != 202 && visitors.again && answer->tries < TRIES_MAX) {
      answer->replied_ns = -(answer->replied_ns + AGAIN_NS); /* not before */
      continue;
    }
    visitors.done++;
  }
}

static struct line *idle_line(void)
{
  for (int i = 0; i < visitors.connections; i++)
    if (visitors.lines[i].answer == NULL) return &visitors.lines[i];
  return NULL;
}

static void say_again(CURLM *multi, size_t begun, int64_t now_ns)
{
  for (size_t i = 0; visitors.again && i < begun; i++) {
    struct answer *answer = &visitors.answers[i];
    if (answer->replied_ns >= 0 || -answer->replied_ns > now_ns) continue;
    struct line *line = idle_line();
    if (line == NULL) return;
    answer->replied_ns = 0;
    sign_answer(answer);
    say(multi, line, answer);
  }
}

static void run(void)
{
  CURLM *multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)visitors.connections);
  for (int i = 0; i < visitors.connections; i++) open_line(&visitors.lines[i]);
  int64_t start_ns = hf_time_now().wall_ns + 50 * HF_NS_PER_MS, again_ns = 0;
  size_t next = 0;
  while (visitors.done < visitors.count) {
    int running;
    int64_t now_ns = hf_time_now().wall_ns;
    for (struct line *line; next < visitors.count && (line = idle_line()) != NULL; next++) {
      struct answer *answer = &visitors.answers[next];
      answer->due_ns = start_ns + (int64_t)((double)next / visitors.rate * 1e9);
      if (answer->due_ns > now_ns) break;
      say(multi, line, answer);
    }
    if (now_ns > again_ns) say_again(multi, next, now_ns), again_ns = now_ns + 20 * HF_NS_PER_MS;
    curl_multi_perform(multi, &running);
    collect(multi);
    curl_multi_poll(multi, NULL, 0, 1, NULL);
  }
  for (int i = 0; i < visitors.connections; i++) {
    curl_slist_free_all(visitors.lines[i].headers);
    curl_easy_cleanup(visitors.lines[i].curl);
  }
  curl_multi_cleanup(multi);
}

static void write_out(void)
{
  FILE *out = fopen(visitors.out, "we");
  if (out == NULL) die("--out cannot be written");
  for (size_t i = 0; i < visitors.count; i++) {
    const struct answer *answer = &visitors.answers[i];
    fprintf(out, "%s %lld %lld %ld %d\n", answer->order, (long long)(answer->due_ns / 1000),
            (long long)(answer->replied_ns / 1000), answer->status, answer->tries);
  }
  if (fclose(out) != 0) die("--out cannot be written");
}

static void load_key(void)
{
  visitors.key.key = hf_key_load_private(visitors.signing_key);
  if (visitors.key.key == NULL || !hf_key_id_of(visitors.key.key, visitors.key.id)) die("--signing-key is no private key");
  visitors.key.algorithm = hf_key_algorithm(visitors.key.key);
  visitors.context = EVP_MD_CTX_new();
  HF_ASSERT(visitors.context != NULL);
}

int main(int argc, char **argv)
{
  static const struct option options[] = {{"gate", 1, NULL, 'g'},        {"code", 1, NULL, 'c'},  {"cert", 1, NULL, 'e'},
                                          {"key", 1, NULL, 'k'},         {"ca", 1, NULL, 'a'},    {"signing-key", 1, NULL, 's'},
                                          {"connections", 1, NULL, 'n'}, {"rate", 1, NULL, 'r'},  {"out", 1, NULL, 'o'},
                                          {"receipts", 0, NULL, 'x'},    {"again", 0, NULL, 'y'}, {0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
    case 'g': visitors.gate = optarg; break;
    case 'c': visitors.code = optarg; break;
    case 'e': visitors.certificate = optarg; break;
    case 'k': visitors.key_file = optarg; break;
    case 'a': visitors.ca = optarg; break;
    case 's': visitors.signing_key = optarg; break;
    case 'n': visitors.connections = atoi(optarg); break;
    case 'r': visitors.rate = atof(optarg); break;
    case 'o': visitors.out = optarg; break;
    case 'x': visitors.receipts = true; break;
    case 'y': visitors.again = true; break;
    default:
      die("usage: visitors --gate H:P --code C --cert F --key F --ca F --signing-key F --out F [--connections N] [--rate N] "
          "[--receipts] [--again] < order ids");
    }
  }
  if (visitors.connections < 1 || visitors.connections > CONNECTIONS_MAX || visitors.rate <= 0 || visitors.out == NULL ||
      visitors.gate == NULL || visitors.code == NULL || visitors.signing_key == NULL)
    die("--gate, --code, --cert, --key, --ca, --signing-key, --out are needed");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  load_key();
  read_orders();
  run();
  write_out();
  return 0;
}
