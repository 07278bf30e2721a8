/*
 * holdfast-witness: cosigns checkpoints of the audit trees it has seen grow, and of no other: it runs elsewhere, by other
 * people. C2SP tlog-witness over plain HTTP: what it takes and gives is signed and public. It keeps, per tree, the last note it
 * cosigned.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/trust/key.h"
#include "engine/trust/note_key.h"

#define KEYS_MAX 16
#define BODY_MAX 16384

static struct {
  const char *folder, *name;
  struct hf_note_key centres[KEYS_MAX]; /* whose notes it looks at */
  int centres_count;
  struct hf_trust_key key;
  uint8_t hash[4];
  EVP_MD_CTX *context;
} witness;

/* What one request asks, and what is told. */
struct asked {
  uint64_t old_size;
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX];
  int proof_count;
  struct hf_span note, text;
  struct hf_audit_checkpoint checkpoint;
};

static void path_of(const char *origin, const char *ending, char path[600])
{
  int size = snprintf(path, 600, "%.400s/", witness.folder);
  for (const char *at = origin; *at != '\0' && size < 560; at++)
    path[size++] =
        (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '-' ? *at : '_';
  snprintf(path + size, (size_t)(600 - size), "%s", ending);
}

/* The last note that was cosigned; size 0 where there is none. False where it is there and cannot be read. */
static bool seen(const char *origin, char note[HF_AUDIT_NOTE_SIZE_MAX + 1], struct hf_audit_checkpoint *checkpoint)
{
  char path[600];
  struct hf_span text;
  path_of(origin, ".note", path);
  *checkpoint = (struct hf_audit_checkpoint){.size = 0};
  FILE *in = fopen(path, "rbe");
  if (in == NULL) return errno == ENOENT;
  size_t size = fread(note, 1, HF_AUDIT_NOTE_SIZE_MAX, in);
  fclose(in);
  note[size] = '\0';
  return hf_is_ok(hf_audit_checkpoint_read((struct hf_span){(const uint8_t *)note, size}, checkpoint, &text));
}

/* On disk before it is told: a witness that forgets what it cosigned is none. */
static bool remember(const char *origin, struct hf_span note, const char *line)
{
  char path[600], temporary[600];
  path_of(origin, ".note", path);
  path_of(origin, ".tmp", temporary);
  FILE *out = fopen(temporary, "wbe");
  bool ok = out != NULL && fwrite(note.data, 1, note.size, out) == note.size && fputs(line, out) >= 0 && fflush(out) == 0 &&
            fsync(fileno(out)) == 0;
  if (out != NULL) fclose(out);
  return ok && rename(temporary, path) == 0;
}

/* --- requests --- */

/* "old N", lines of base64, a blank line, the note. */
static bool read_request(struct hf_span body, struct asked *asked)
{
  const char *at = (const char *)body.data, *end = at + body.size;
  char *after;
  if (body.size < 8 || memcmp(at, "old ", 4) != 0 || at[4] < '0' || at[4] > '9') return false;
  asked->old_size = strtoull(at + 4, &after, 10); /* the body ends with NUL */
  asked->proof_count = 0;
  if (*after != '\n') return false;
  for (at = after + 1; at < end && *at != '\n';) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (stop == NULL || asked->proof_count == HF_AUDIT_PROOF_MAX ||
        hf_base64_decode(at, (size_t)(stop - at), asked->proof[asked->proof_count++].bytes, HF_SHA256_SIZE) != HF_SHA256_SIZE)
      return false;
    at = stop + 1;
  }
  if (at >= end) return false;
  asked->note = (struct hf_span){(const uint8_t *)at + 1, (size_t)(end - at) - 1};
  return hf_is_ok(hf_audit_checkpoint_read(asked->note, &asked->checkpoint, &asked->text));
}

static bool is_signed(const struct asked *asked)
{
  for (int i = 0; i < witness.centres_count; i++) {
    const struct hf_note_key *key = &witness.centres[i];
    size_t size = strlen(key->name);
    bool own = strncmp(asked->checkpoint.origin, key->name, size) == 0 && asked->checkpoint.origin[size] == '/';
    if (own && hf_note_key_has_signed(key, asked->note, asked->text)) return true;
  }
  return false;
}

static void cosign(const struct asked *asked, char line[512])
{
  uint8_t bytes[HF_AUDIT_NOTE_SIZE_MAX + 64], signature[HF_AUDIT_COSIGNATURE_TIME + HF_SIGNATURE_SIZE_MAX];
  int64_t now = time(NULL);
  struct hf_writer to_sign = hf_writer_of(bytes, sizeof bytes), out = hf_writer_of(line, 511);
  hf_audit_cosigned(now, asked->text, &to_sign);
  for (int i = 0; i < HF_AUDIT_COSIGNATURE_TIME; i++) signature[i] = (uint8_t)((uint64_t)now >> (56 - 8 * i));
  size_t size = hf_key_sign(witness.context, &witness.key, (struct hf_span){bytes, to_sign.size},
                            signature + HF_AUDIT_COSIGNATURE_TIME, HF_SIGNATURE_SIZE_MAX);
  HF_ASSERT(!to_sign.full && size > 0);
  hf_audit_note_sign(&out, witness.name, witness.hash, (struct hf_span){signature, HF_AUDIT_COSIGNATURE_TIME + size});
  line[out.size] = '\0';
}

/* HTTP's status as tlog-witness has it; text: the body. */
static int decide(struct hf_span body, char text[HF_AUDIT_NOTE_SIZE_MAX])
{
  static struct asked asked;
  char note[HF_AUDIT_NOTE_SIZE_MAX + 1];
  struct hf_audit_checkpoint before;
  text[0] = '\0';
  if (!read_request(body, &asked) || asked.old_size > asked.checkpoint.size) return 400;
  if (!is_signed(&asked)) return 403;
  if (!seen(asked.checkpoint.origin, note, &before)) return 500;
  bool same_size = before.size == asked.checkpoint.size;
  if (asked.old_size != before.size ||
      (same_size && before.size > 0 && memcmp(&before.root, &asked.checkpoint.root, sizeof before.root) != 0)) {
    snprintf(text, HF_AUDIT_NOTE_SIZE_MAX, "%llu\n", (unsigned long long)before.size);
    return 409;
  }
  /* Whichever the tree is hashed with: a proof of something else would be a collision in one of the two. */
  const struct hf_audit_hash *old = same_size && before.size == 0 ? &asked.checkpoint.root : &before.root;
  if (!hf_audit_verify_consistency(HF_AUDIT_SHA256, before.size, old, asked.checkpoint.size, &asked.checkpoint.root,
                                   asked.proof, asked.proof_count) &&
      !hf_audit_verify_consistency(HF_AUDIT_SM3, before.size, old, asked.checkpoint.size, &asked.checkpoint.root, asked.proof,
                                   asked.proof_count))
    return 422;
  cosign(&asked, text);
  return remember(asked.checkpoint.origin, asked.note, text) ? 200 : 500;
}

static void on_checkpoint(struct evhttp_request *request, void *user)
{
  char text[HF_AUDIT_NOTE_SIZE_MAX], body[BODY_MAX + 1];
  (void)user;
  int size = evbuffer_remove(evhttp_request_get_input_buffer(request), body, BODY_MAX);
  size = size < 0 ? 0 : size;
  body[size] = '\0';
  int status = evhttp_request_get_command(request) == EVHTTP_REQ_POST
                   ? decide((struct hf_span){(const uint8_t *)body, (size_t)size}, text)
                   : 405;
  if (status == 405) text[0] = '\0';
  struct evbuffer *out = evbuffer_new();
  evbuffer_add(out, text, strlen(text));
  evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                    status == 409 ? "text/x.tlog.size" : "text/plain");
  evhttp_send_reply(request, status, "-", out);
  evbuffer_free(out);
}

/* GET /seen?origin=…: the last note that was cosigned, with the cosignature: for whoever checks. */
static void on_seen(struct evhttp_request *request, void *user)
{
  struct evkeyvalq query;
  char note[HF_AUDIT_NOTE_SIZE_MAX + 1];
  struct hf_audit_checkpoint checkpoint = {.size = 0};
  (void)user;
  evhttp_parse_query_str(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)) ?: "", &query);
  const char *origin = evhttp_find_header(&query, "origin");
  bool there =
      origin != NULL && strlen(origin) <= HF_AUDIT_ORIGIN_SIZE_MAX && seen(origin, note, &checkpoint) && checkpoint.size > 0;
  evhttp_clear_headers(&query);
  struct evbuffer *out = evbuffer_new();
  if (there) evbuffer_add(out, note, strlen(note));
  evhttp_send_reply(request, there ? 200 : 404, "-", out);
  evbuffer_free(out);
}

/* --- start --- */

static int usage(FILE *out)
{
  fputs(
      "usage: holdfast-witness --dir DIR --key PEM --name NAME --centre KEY… [--listen PORT]\n"
      "  --dir     what was cosigned is kept here\n"
      "  --key     an Ed25519 private key, this witness's own\n"
      "  --centre  a centre's public key as `holdfast audit key` writes it\n"
      "  --listen  a port of 127.0.0.1 (put a proxy before it); 0: a free one, told in DIR/port\n",
      out);
  return out == stdout ? 0 : 2;
}

static bool load_key(const char *file)
{
  uint8_t der[HF_PUBLIC_KEY_SIZE_MAX];
  witness.key.key = hf_key_load_private(file);
  if (witness.key.key == NULL || hf_key_algorithm(witness.key.key) != HF_ALGORITHM_ED25519) return false;
  witness.key.algorithm = HF_ALGORITHM_ED25519;
  size_t size = hf_key_public_der(witness.key.key, der, sizeof der);
  HF_ASSERT(size > 32);
  hf_audit_key_hash(witness.name, HF_NOTE_COSIGNATURE, (struct hf_span){der + size - 32, 32}, witness.hash);
  return true;
}

static bool add_centre(const char *text)
{
  if (witness.centres_count == KEYS_MAX) return false;
  return hf_is_ok(hf_note_key_parse(text, &witness.centres[witness.centres_count++]));
}

static void on_stop(evutil_socket_t number, short what, void *user)
{
  (void)number, (void)what;
  event_base_loopbreak(user);
}

static bool tell_port(struct evhttp_bound_socket *bound)
{
  char path[600], temporary[620];
  struct sockaddr_in address = {0};
  ev_socklen_t size = sizeof address;
  if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size) != 0) return false;
  snprintf(path, sizeof path, "%.500s/port", witness.folder);
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  FILE *out = fopen(temporary, "we");
  if (out == NULL) return false;
  fprintf(out, "%d\n", ntohs(address.sin_port));
  fclose(out);
  return rename(temporary, path) == 0;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {{"dir", 1, NULL, 'd'},
                                          {"key", 1, NULL, 'k'},
                                          {"name", 1, NULL, 'n'},
                                          {"centre", 1, NULL, 'c'},
                                          {"listen", 1, NULL, 'l'},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
  const char *key = NULL;
  int option, port = 0;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case 'd': witness.folder = optarg; break;
    case 'k': key = optarg; break;
    case 'n': witness.name = optarg; break;
    case 'c':
      if (!add_centre(optarg)) return fprintf(stderr, "holdfast-witness: %s is no note key\n", optarg), 2;
      break;
    case 'l': port = atoi(optarg); break;
    case 'h': return usage(stdout);
    default: return usage(stderr);
    }
  }
  if (witness.folder == NULL || key == NULL || witness.name == NULL || witness.centres_count == 0 || optind != argc)
    return usage(stderr);
  if (strlen(witness.name) > 100 || strpbrk(witness.name, " +\n") != NULL) return usage(stderr);
  if (!load_key(key)) return fprintf(stderr, "holdfast-witness: %s is no Ed25519 private key\n", key), 2;
  mkdir(witness.folder, 0700);
  witness.context = EVP_MD_CTX_new();
  struct event_base *base = event_base_new();
  struct evhttp *http = evhttp_new(base);
  HF_ASSERT(witness.context != NULL && base != NULL && http != NULL);
  evhttp_set_max_body_size(http, BODY_MAX);
  evhttp_set_timeout(http, 30);
  evhttp_set_cb(http, "/add-checkpoint", on_checkpoint, NULL);
  evhttp_set_cb(http, "/seen", on_seen, NULL);
  struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", (uint16_t)port);
  if (bound == NULL || !tell_port(bound))
    return fprintf(stderr, "holdfast-witness: port %d or folder %s cannot be used\n", port, witness.folder), 1;
  signal(SIGPIPE, SIG_IGN);
  struct event *stops[] = {evsignal_new(base, SIGTERM, on_stop, base), evsignal_new(base, SIGINT, on_stop, base)};
  for (int i = 0; i < 2; i++) evsignal_add(stops[i], NULL);
  event_base_dispatch(base);
  for (int i = 0; i < 2; i++) event_free(stops[i]);
  evhttp_free(http);
  event_base_free(base);
  EVP_MD_CTX_free(witness.context);
  EVP_PKEY_free(witness.key.key);
  for (int i = 0; i < witness.centres_count; i++) hf_note_key_free(&witness.centres[i]);
  return 0;
}
