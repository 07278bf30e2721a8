#include <string.h>

#include "engine/base/time.h"
#include "engine/codec/codec.h"

/* Up to the next newline, which is taken too; failed where there is none. */
static struct hf_span read_line(struct hf_reader *reader)
{
  const uint8_t *end = reader->left.size == 0 ? NULL : memchr(reader->left.data, '\n', reader->left.size);
  if (end == NULL) {
    reader->failed = true;
    return (struct hf_span){NULL, 0};
  }
  struct hf_span line = hf_read_span(reader, (size_t)(end - reader->left.data));
  (void)hf_read_span(reader, 1);
  return line;
}

static bool is_text(struct hf_span span, const char *text)
{
  return span.size == strlen(text) && memcmp(span.data, text, span.size) == 0;
}

static bool read_path(struct hf_span path, struct hf_order_id *id)
{
  static const char before[] = "/v1/orders/", after[] = "/answers";
  const size_t head = sizeof before - 1, text = HF_UUID_TEXT_SIZE - 1, tail = sizeof after - 1;
  if (path.size != head + text + tail || memcmp(path.data, before, head) != 0 ||
      memcmp(path.data + head + text, after, tail) != 0)
    return false;
  return hf_is_ok(hf_uuid_parse((const char *)path.data + head, text, &id->uuid));
}

/* At most ten digits: until the year 2286. */
static bool read_seconds(struct hf_span line, int64_t *wall_ns)
{
  int64_t seconds = 0;
  if (line.size == 0 || line.size > 10) return false;
  for (size_t i = 0; i < line.size; i++) {
    if (line.data[i] < '0' || line.data[i] > '9') return false;
    seconds = seconds * 10 + (line.data[i] - '0');
  }
  *wall_ns = seconds < INT64_MAX / HF_NS_PER_S ? seconds * HF_NS_PER_S : INT64_MAX;
  return true;
}

static bool is_nonce(struct hf_span line)
{
  if (line.size < HF_CALLBACK_NONCE_MIN || line.size > HF_CALLBACK_NONCE_MAX) return false;
  for (size_t i = 0; i < line.size; i++)
    if (line.data[i] <= ' ' || line.data[i] > '~') return false;
  return true;
}

struct hf_status hf_callback_read(struct hf_span signed_bytes, struct hf_callback *callback)
{
  struct hf_reader reader = hf_reader_of(signed_bytes);
  struct hf_span method = read_line(&reader), path = read_line(&reader), time = read_line(&reader);
  *callback = (struct hf_callback){.nonce = read_line(&reader)};
  if (reader.failed || reader.left.size == 0 || reader.left.data[reader.left.size - 1] != '\n')
    return hf_fail(HF_STATUS_MALFORMED, "callback: not five lines");
  if (!is_text(method, "POST")) return hf_fail(HF_STATUS_MALFORMED, "callback: the first line is not POST");
  if (!read_path(path, &callback->order_id)) return hf_fail(HF_STATUS_MALFORMED, "callback: the path names no order");
  if (!read_seconds(time, &callback->made_wall_ns)) return hf_fail(HF_STATUS_MALFORMED, "callback: the time is not in seconds");
  if (!is_nonce(callback->nonce)) return hf_fail(HF_STATUS_MALFORMED, "callback: the nonce is not 16 to 64 visible characters");
  callback->body = (struct hf_span){reader.left.data, reader.left.size - 1};
  return hf_ok();
}
