#include "engine/base/time.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/assert.h"

static int64_t read_clock(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * HF_NS_PER_S + now.tv_nsec;
}

static _Atomic int64_t steady_ns; /* wall ahead of monotonic; 0: as the machine says */

struct hf_time hf_time_now(void)
{
  int64_t mono_ns = read_clock(CLOCK_MONOTONIC), ahead_ns = atomic_load_explicit(&steady_ns, memory_order_relaxed);
  return (struct hf_time){.mono_ns = mono_ns, .wall_ns = ahead_ns != 0 ? mono_ns + ahead_ns : read_clock(CLOCK_REALTIME)};
}

void hf_time_steady(void)
{
  int64_t mono_ns = read_clock(CLOCK_MONOTONIC);
  atomic_store_explicit(&steady_ns, read_clock(CLOCK_REALTIME) - mono_ns, memory_order_relaxed);
}

struct hf_clock hf_time_clock(void)
{
  struct timex kernel = {.modes = 0};
  int state = adjtimex(&kernel);
  int64_t machine_ns = read_clock(CLOCK_REALTIME);
  return (struct hf_clock){.ahead_ns = machine_ns - hf_time_now().wall_ns,
                           .error_ns = kernel.maxerror * HF_NS_PER_US,
                           .synchronised = state >= 0 && state != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0};
}

const char *hf_time_boot_id(void)
{
  static char boot_id[40];
  if (boot_id[0] != '\0') return boot_id;
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, boot_id, 36);
  if (fd >= 0) close(fd);
  if (got != 36) strcpy(boot_id, "unknown");
  return boot_id;
}

char *hf_time_text(int64_t wall_ns, char text[HF_TIME_TEXT_SIZE])
{
  time_t seconds = (time_t)(wall_ns / HF_NS_PER_S);
  int64_t rest = wall_ns % HF_NS_PER_S;
  if (rest < 0) {
    rest += HF_NS_PER_S;
    seconds--;
  }
  struct tm parts;
  gmtime_r(&seconds, &parts);
  snprintf(text, HF_TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)(parts.tm_year + 1900) % 10000,
           parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(rest / HF_NS_PER_US));
  return text;
}

/* "+08:00" or "-05:30" in seconds; false where it is neither. */
static bool parse_offset(const char *text, int64_t *offset_s)
{
  int hours, minutes, used = 0;
  if ((text[0] != '+' && text[0] != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2) return false;
  if (used != 5 || text[6] != '\0' || hours > 23 || minutes > 59 || hours < 0 || minutes < 0) return false;
  *offset_s = (text[0] == '-' ? -1 : 1) * ((int64_t)hours * 3600 + minutes * 60);
  return true;
}

/* "2026-11-24T01:02:03" exactly: sscanf alone would take signs and spaces for digits. */
static bool has_form(const char *text)
{
  static const char form[] = "dddd-dd-ddTdd:dd:dd";
  for (size_t i = 0; i < sizeof form - 1; i++)
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  return true;
}

static bool is_day(const struct tm *parts)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = parts->tm_year % 4 == 0 && (parts->tm_year % 100 != 0 || parts->tm_year % 400 == 0);
  return parts->tm_year >= 1970 && parts->tm_year <= 2261 && /* int64 nanoseconds end in April 2262 */
         parts->tm_mon >= 1 && parts->tm_mon <= 12 && parts->tm_mday >= 1 &&
         parts->tm_mday <= days[parts->tm_mon - 1] + (parts->tm_mon == 2 && leap);
}

int64_t hf_time_parse(const char *text)
{
  struct tm parts = {0};
  if (!has_form(text) || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                                &parts.tm_min, &parts.tm_sec) != 6)
    return INT64_MIN;
  if (!is_day(&parts) || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60) return INT64_MIN;
  const char *at = text + 19;
  int64_t fraction_ns = 0;
  if (*at == '.') {
    int64_t unit = HF_NS_PER_S / 10;
    if (at[1] < '0' || at[1] > '9') return INT64_MIN;
    for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10) fraction_ns += unit * (*at - '0');
  }
  int64_t offset_s = 0;
  if (strcmp(at, "Z") != 0 && !parse_offset(at, &offset_s)) return INT64_MIN;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return ((int64_t)timegm(&parts) - offset_s) * HF_NS_PER_S + fraction_ns;
}

#define CHINA_S (8 * 3600)

char *hf_time_digits(int64_t wall_ns, char text[HF_TIME_DIGITS_SIZE + 1])
{
  struct tm local;
  time_t seconds = (time_t)(wall_ns / HF_NS_PER_S) + CHINA_S;
  gmtime_r(&seconds, &local);
  HF_ASSERT(strftime(text, HF_TIME_DIGITS_SIZE + 1, "%Y%m%d%H%M%S", &local) == HF_TIME_DIGITS_SIZE); /* years 1677 to 2262 */
  return text;
}

int64_t hf_time_of_digits(const char *text, size_t size)
{
  int digits[HF_TIME_DIGITS_SIZE];
  if (size != HF_TIME_DIGITS_SIZE) return INT64_MIN;
  for (int i = 0; i < HF_TIME_DIGITS_SIZE; i++) {
    if (text[i] < '0' || text[i] > '9') return INT64_MIN;
    digits[i] = text[i] - '0';
  }
#define TWO(at) (digits[at] * 10 + digits[(at) + 1])
  struct tm local = {.tm_year = TWO(0) * 100 + TWO(2) - 1900,
                     .tm_mon = TWO(4) - 1,
                     .tm_mday = TWO(6),
                     .tm_hour = TWO(8),
                     .tm_min = TWO(10),
                     .tm_sec = TWO(12)};
#undef TWO
  bool sound = local.tm_year >= 0 && local.tm_year < 300 && local.tm_mon >= 0 && local.tm_mon < 12 && local.tm_mday >= 1 &&
               local.tm_mday <= 31 && local.tm_hour < 24 && local.tm_min < 60 && local.tm_sec < 61;
  return sound ? ((int64_t)timegm(&local) - CHINA_S) * HF_NS_PER_S : INT64_MIN;
}
