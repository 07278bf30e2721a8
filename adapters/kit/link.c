/* Link: one message to the endpoint and its reply, rightly or in the ways that an endpoint must withstand. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/kit/kit.h"
#include "engine/base/assert.h"

#define TIMEOUT_S 30L
#define AT_ONCE 8L

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
  struct kit_reply *reply = user;
  if (reply == NULL) return one * size; /* of many at once only the status counts */
  size_t room = sizeof reply->body - 1 - reply->size, taken = one * size < room ? one * size : room;
  memcpy(reply->body + reply->size, bytes, taken);
  reply->size += taken;
  return taken;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *user)
{
  struct kit_reply *reply = user;
  const char *colon = memchr(bytes, ':', one * size);
  if (reply == NULL || colon == NULL || reply->headers_count == 40) return one * size;
  size_t name = (size_t)(colon - bytes), value = one * size - name - 1;
  for (colon++; value > 0 && *colon == ' '; colon++) value--;
  while (value > 0 && (colon[value - 1] == '\r' || colon[value - 1] == '\n')) value--;
  if (name >= sizeof reply->headers[0].name || value >= sizeof reply->headers[0].value) return one * size;
  memcpy(reply->headers[reply->headers_count].name, bytes, name);
  memcpy(reply->headers[reply->headers_count].value, colon, value);
  reply->headers[reply->headers_count].name[name] = '\0';
  reply->headers[reply->headers_count++].value[value] = '\0';
  return one * size;
}

static void set_up(const struct kit *kit, CURL *curl, const struct kit_how *how)
{
  curl_easy_setopt(curl, CURLOPT_CAINFO, kit->ca);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_SSLCERT, how->without_certificate ? NULL : kit->certificate);
  curl_easy_setopt(curl, CURLOPT_SSLKEY, how->without_certificate ? NULL : kit->key_file);
  curl_easy_setopt(
      curl, CURLOPT_SSLVERSION,
      how->old_tls ? (long)(CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1) : (long)CURL_SSLVERSION_TLSv1_2);
  if (how->old_tls) curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
}

/* --- what is sent --- */

static struct curl_slist *headers_of(struct kit *kit, const struct hf_order *order, struct hf_span body,
                                     const struct kit_how *how)
{
  static uint8_t to_sign[KIT_BODY_MAX + 1024], signature[HF_SIGNATURE_SIZE_MAX];
  char text[2048], line[2048];
  struct hf_writer bytes = hf_writer_of(to_sign, sizeof to_sign), lines = hf_writer_of(text, sizeof text - 1);
  const struct hf_trust_key *by = how->other_key ? &kit->other : how->next_key ? &kit->next : &kit->signing;
  if (!how->same_moment) kit->last_sent = hf_time_now().wall_ns - how->age_s * HF_NS_PER_S;
  const struct hf_message message = {.order = order, .row = &kit->row, .body = body, .sent_wall_ns = kit->last_sent};
  HF_ASSERT(hf_is_ok(kit->dialect->to_sign(&message, &bytes)));
  size_t size =
      how->unsigned_ ? 0 : hf_key_sign(kit->context, by, (struct hf_span){bytes.data, bytes.size}, signature, sizeof signature);
  HF_ASSERT(how->unsigned_ || size > 0);
  if (how->bad_signature) signature[size / 2] ^= 1;
  HF_ASSERT(hf_is_ok(
      kit->dialect->seal(&message, by->id, hf_algorithm_code(by->algorithm), (struct hf_span){signature, size}, &lines)));
  text[lines.size] = '\0';
  snprintf(line, sizeof line, "Content-Type: %s", kit->dialect->content_type);
  struct curl_slist *list = curl_slist_append(curl_slist_append(NULL, line), "Expect:");
  for (char *at = text, *next; *at != '\0'; at = next) {
    size_t length = strcspn(at, "\n");
    next = at + length + (at[length] == '\n');
    at[length] = '\0';
    list = curl_slist_append(list, at);
  }
  return list;
}

static void url_of(const struct kit *kit, const char *path, char url[HF_ENDPOINT_SIZE_MAX + 128])
{
  size_t size = strlen(kit->row.endpoint);
  while (size > 8 && kit->row.endpoint[size - 1] == '/') size--;
  snprintf(url, HF_ENDPOINT_SIZE_MAX + 128, "%.*s%s", (int)size, kit->row.endpoint, path == NULL ? kit->dialect->path : path);
}

static void prepare(struct kit *kit, CURL *curl, struct curl_slist *headers, struct hf_span body, const struct kit_how *how,
                    struct kit_reply *reply)
{
  char url[HF_ENDPOINT_SIZE_MAX + 128];
  url_of(kit, how->path, url);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  if (how->get) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.data);
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
}

static int on_progress(void *user, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
  (void)user, (void)down_all, (void)down;
  return up_all > 0 && up >= up_all;
}

static void cut_when_sent(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
}

bool kit_send(struct kit *kit, const struct hf_order *order, struct hf_span body, const struct kit_how *how,
              struct kit_reply *reply)
{
  bool own = how->fresh || how->without_certificate || how->old_tls || how->cut;
  CURL *curl = own ? curl_easy_init() : kit->curl;
  char error[CURL_ERROR_SIZE] = "";
  long status = 0, connects = 0;
  char *type = NULL;
  HF_ASSERT(curl != NULL);
  if (own) set_up(kit, curl, how);
  reply->status = 0;
  reply->size = 0;
  reply->headers_count = 0;
  reply->content_type[0] = '\0';
  struct curl_slist *headers = how->get ? NULL : headers_of(kit, order, body, how);
  prepare(kit, curl, headers, body, how, reply);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  if (how->cut) cut_when_sent(curl);
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  reply->body[reply->size] = '\0'; /* may be shown */
  if (type != NULL) snprintf(reply->content_type, sizeof reply->content_type, "%s", type);
  reply->new_connection = connects > 0;
  reply->status = code == CURLE_OK ? (int)status : 0;
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(headers);
  if (own) curl_easy_cleanup(curl);
  if (code != CURLE_OK) return kit_fail(kit, "no reply: %s", error[0] != '\0' ? error : curl_easy_strerror(code));
  return true;
}

int kit_send_many(struct kit *kit, const struct hf_order *orders, int count)
{
  static const struct kit_how rightly;
  CURLM *multi = curl_multi_init();
  CURL **handles = calloc((size_t)count, sizeof(CURL *));
  struct curl_slist **lists = calloc((size_t)count, sizeof(void *));
  int running = 1, right = 0;
  HF_ASSERT(multi != NULL && handles != NULL && lists != NULL);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, AT_ONCE);
  for (int i = 0; i < count; i++) {
    uint8_t body[HF_ORDER_BODY_SIZE_MAX];
    struct hf_span bytes = {body, kit_encode(kit, &orders[i], body)};
    handles[i] = curl_easy_init();
    HF_ASSERT(handles[i] != NULL);
    set_up(kit, handles[i], &rightly);
    lists[i] = headers_of(kit, &orders[i], bytes, &rightly);
    prepare(kit, handles[i], lists[i], bytes, &rightly, NULL);
    curl_multi_add_handle(multi, handles[i]);
  }
  while (running > 0) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  for (int i = 0; i < count; i++) {
    long status = 0;
    curl_easy_getinfo(handles[i], CURLINFO_RESPONSE_CODE, &status);
    right += status == 200;
    curl_multi_remove_handle(multi, handles[i]);
    curl_easy_cleanup(handles[i]);
    curl_slist_free_all(lists[i]);
  }
  curl_multi_cleanup(multi);
  free(handles);
  free(lists);
  return right;
}

bool kit_put_clock(struct kit *kit, int64_t ahead_s)
{
  char url[512];
  long status = 0;
  CURL *curl = curl_easy_init();
  HF_ASSERT(curl != NULL);
  snprintf(url, sizeof url, "%.400s?ahead_s=%lld", kit->clock_url, (long long)ahead_s);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  kit->ahead_ns = ahead_s * HF_NS_PER_S;
  return (code == CURLE_OK && status / 100 == 2) || kit_fail(kit, "the endpoint's clock cannot be put forward: %s", url);
}

void kit_link_open(struct kit *kit)
{
  static const struct kit_how rightly;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  kit->curl = curl_easy_init();
  kit->context = EVP_MD_CTX_new();
  HF_ASSERT(kit->curl != NULL && kit->context != NULL);
  set_up(kit, kit->curl, &rightly);
}

void kit_link_close(struct kit *kit)
{
  curl_easy_cleanup(kit->curl);
  EVP_MD_CTX_free(kit->context);
  curl_global_cleanup();
}
