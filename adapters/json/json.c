#include "adapters/json/json.h"

#include <string.h>

#include "engine/base/personal.h"
#include "engine/base/time.h"
#include "engine/limits.h"

void hf_json_put_text(struct hf_writer *body, const char *key, const char *value)
{
  hf_write_text(body, ",\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":");
  hf_write_json_string(body, value, strlen(value));
}

void hf_json_put_id(struct hf_writer *body, const char *key, struct hf_uuid id)
{
  char text[HF_UUID_TEXT_SIZE];
  hf_json_put_text(body, key, hf_uuid_text(id, text));
}

void hf_json_put_time(struct hf_writer *body, const char *key, int64_t wall_ns)
{
  char text[HF_TIME_TEXT_SIZE];
  hf_json_put_text(body, key, hf_time_text(wall_ns, text));
}

void hf_json_put_personal(struct hf_writer *body, const char *key, const uint8_t *bytes, size_t size)
{
  hf_write_text(body, "\"");
  hf_write_text(body, key);
  hf_write_text(body, "\":");
  hf_write_json_string(body, bytes, size);
}

struct hf_status hf_json_read(struct hf_span bytes, json_t **root)
{
  json_error_t error;
  *root = NULL;
  if (bytes.size > HF_ANSWER_BODY_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the answer is larger than 64 KiB");
  *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &error);
  return *root == NULL ? hf_fail(HF_STATUS_MALFORMED, "the answer is not JSON") : hf_ok();
}

const char *hf_json_text(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));
  return text == NULL ? "" : text;
}

bool hf_json_text_into(const json_t *object, const char *key, char *to, size_t capacity)
{
  const char *text = hf_json_text(object, key);
  size_t size = strlen(text);
  if (size >= capacity || !hf_text_is_sound(text, size)) return false;
  memcpy(to, text, size + 1);
  return true;
}

bool hf_json_time(const json_t *object, const char *key, int64_t *wall_ns)
{
  const json_t *value = json_object_get(object, key);
  *wall_ns = 0;
  if (value == NULL || json_is_null(value)) return true;
  *wall_ns = json_is_string(value) ? hf_time_parse(json_string_value(value)) : INT64_MIN;
  return *wall_ns != INT64_MIN;
}
