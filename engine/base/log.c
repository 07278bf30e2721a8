#include "engine/base/log.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/time.h"

#define LINE_SIZE 1024
#define CODES_MAX 256
#define LINES_PER_SECOND 20

static enum hf_log_level lowest = HF_LOG_INFO;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
  char code[8];
  int64_t second;
  uint32_t lines, held_back;
} rates[CODES_MAX];

void hf_log_level_set(enum hf_log_level level)
{
  lowest = level;
}

/* Returns whether this line may go; *held_back is how many of its code were swallowed before it. */
static bool admit(const char *code, int64_t second, uint32_t *held_back)
{
  for (size_t i = 0; i < CODES_MAX; i++) {
    if (rates[i].code[0] != '\0' && strncmp(rates[i].code, code, sizeof rates[i].code - 1) != 0) continue;
    if (rates[i].code[0] == '\0') strncpy(rates[i].code, code, sizeof rates[i].code - 1);
    if (rates[i].second != second) {
      rates[i].second = second;
      rates[i].lines = 0;
      *held_back = rates[i].held_back;
      rates[i].held_back = 0;
    }
    if (rates[i].lines++ < LINES_PER_SECOND) return true;
    rates[i].held_back++;
    return false;
  }
  return true;
}

static void write_field(struct hf_writer *line, const struct hf_log_field *field)
{
  char id[HF_UUID_TEXT_SIZE];
  hf_write_text(line, ",\"");
  hf_write_text(line, field->key);
  hf_write_text(line, "\":");
  if (field->text != NULL)
    hf_write_json_string(line, field->text, strlen(field->text));
  else if (field->is_id)
    hf_write_json_string(line, hf_uuid_text(field->id, id), HF_UUID_TEXT_SIZE - 1);
  else
    hf_write_int(line, field->number);
}

void hf_log_write(enum hf_log_level level, const char *code, const char *message, const struct hf_log_field *fields,
                  size_t fields_count)
{
  static const char *const names[] = {"", "debug", "info", "warn", "alarm"};
  if (level < lowest) return;
  int64_t now_ns = hf_time_now().wall_ns;
  uint32_t held_back = 0;
  pthread_mutex_lock(&mutex);
  bool go = admit(code, now_ns / HF_NS_PER_S, &held_back);
  pthread_mutex_unlock(&mutex);
  if (!go) return;

  char buffer[LINE_SIZE], when[HF_TIME_TEXT_SIZE];
  struct hf_writer line = hf_writer_of(buffer, sizeof buffer - 2);
  hf_write_text(&line, "{\"time\":\"");
  hf_write_text(&line, hf_time_text(now_ns, when));
  hf_write_text(&line, "\",\"level\":\"");
  hf_write_text(&line, names[level]);
  hf_write_text(&line, "\",\"code\":\"");
  hf_write_text(&line, code);
  hf_write_text(&line, "\",\"msg\":");
  hf_write_json_string(&line, message, strlen(message));
  if (held_back > 0) write_field(&line, &(struct hf_log_field){.key = "held_back", .number = held_back});
  for (size_t i = 1; i < fields_count && !line.full; i++) {
    struct hf_writer before = line;
    write_field(&line, &fields[i]);
    if (line.full) {
      line = before;
      break;
    }
  }
  line.data[line.size++] = '}';
  line.data[line.size++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, buffer, line.size); /* nowhere left to complain */
  (void)ignored;
}
