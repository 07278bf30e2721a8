/*
 * Log: structured JSON lines on standard error that cannot print personal fields.
 *
 * Why:    HF_FIELD picks the formatter by the value's type; struct hf_account_number and struct hf_name have none, and
 *         their bytes are uint8_t, which has none either: such a line does not compile (tests/lint has the planted one).
 * Thread: any; one line is one write.
 * Bounds: 1 KiB per line, the rest is cut; each code at most 20 lines a second, then one line saying how many were held back.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/ids.h"

enum hf_log_level { HF_LOG_DEBUG = 1, HF_LOG_INFO, HF_LOG_WARN, HF_LOG_ALARM };

struct hf_log_field {
  const char *key;
  const char *text; /* NULL: number */
  int64_t number;
  struct hf_uuid id; /* used where text is NULL and is_id */
  bool is_id;
};

static inline struct hf_log_field hf_log_text(const char *key, const char *text)
{
  return (struct hf_log_field){.key = key, .text = text == NULL ? "" : text};
}
static inline struct hf_log_field hf_log_number(const char *key, int64_t number)
{
  return (struct hf_log_field){.key = key, .number = number};
}
static inline struct hf_log_field hf_log_bool(const char *key, bool value)
{
  return (struct hf_log_field){.key = key, .text = value ? "yes" : "no"};
}
static inline struct hf_log_field hf_log_case(const char *key, struct hf_case_id id)
{
  return (struct hf_log_field){.key = key, .id = id.uuid, .is_id = true};
}
static inline struct hf_log_field hf_log_report(const char *key, struct hf_report_id id)
{
  return (struct hf_log_field){.key = key, .id = id.uuid, .is_id = true};
}
static inline struct hf_log_field hf_log_order(const char *key, struct hf_order_id id)
{
  return (struct hf_log_field){.key = key, .id = id.uuid, .is_id = true};
}

/* clang-format off */
#define HF_FIELD(key, value)                                                                                           \
  _Generic((value), char *: hf_log_text, const char *: hf_log_text, bool: hf_log_bool, int: hf_log_number,             \
    unsigned: hf_log_number, long: hf_log_number, long long: hf_log_number, unsigned long: hf_log_number,              \
    unsigned long long: hf_log_number, unsigned short: hf_log_number,                                                  \
    struct hf_case_id: hf_log_case, struct hf_report_id: hf_log_report, struct hf_order_id: hf_log_order)(key, value)
/* clang-format on */

/* code: "E1234", stable for ever. message: what happened, in plain words, without values. */
#define HF_LOG(level, code, message, ...)                                                       \
  hf_log_write(level, code, message, (const struct hf_log_field[]){{.key = NULL}, __VA_ARGS__}, \
               sizeof((const struct hf_log_field[]){{.key = NULL}, __VA_ARGS__}) / sizeof(struct hf_log_field))

void hf_log_write(enum hf_log_level level, const char *code, const char *message, const struct hf_log_field *fields,
                  size_t fields_count);

/* Lines below this level are not written; INFO at start. */
void hf_log_level_set(enum hf_log_level level);

#endif
