/*
 * Time: one reading of both clocks.
 *
 * Why:    durations use the monotonic clock, deadlines that outlive a boot use the wall clock (design.md law 7).
 * Units:  int64_t nanoseconds everywhere; the wall clock counts from 1970 in UTC.
 * Thread: any. Only hf_time_now reads a clock; pure code takes struct hf_time as an argument.
 */
#ifndef HF_BASE_TIME_H
#define HF_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_NS_PER_US 1000LL
#define HF_NS_PER_MS 1000000LL
#define HF_NS_PER_S 1000000000LL

struct hf_time {
  int64_t mono_ns;
  int64_t wall_ns;
};

struct hf_time hf_time_now(void);

/*
 * From here on this process's wall clock is the monotonic one plus what the machine's was ahead of it at this moment: a step of
 * the machine's clock moves no stamp and no deadline (the kernel slews both clocks alike, so only steps tell them apart).
 */
void hf_time_steady(void);

/* The machine's wall clock, beside this process's own. */
struct hf_clock {
  int64_t ahead_ns;  /* of ours: how far it was stepped since hf_time_steady */
  int64_t error_ns;  /* at most, by the kernel's own estimate */
  bool synchronised; /* by a time server, as the kernel has been told */
};
struct hf_clock hf_time_clock(void);

/* The kernel's boot id as text; "unknown" where it cannot be read. Stored with every monotonic stamp. */
const char *hf_time_boot_id(void);

#define HF_TIME_TEXT_SIZE 40
/* Writes RFC 3339 in UTC with microseconds ("2026-11-24T01:02:03.000004Z"); returns text. */
char *hf_time_text(int64_t wall_ns, char text[HF_TIME_TEXT_SIZE]);

/*
 * Reads RFC 3339 with 'Z' or a numeric offset and up to nine decimals.
 * Returns the wall clock in ns, or INT64_MIN where the text is not such a time from 1970 to 2261.
 */
int64_t hf_time_parse(const char *text);

#define HF_TIME_DIGITS_SIZE 14
/* yyyyMMddHHmmss of UTC+8, as China's messages have it (domain.md 3.1); returns text. */
char *hf_time_digits(int64_t wall_ns, char text[HF_TIME_DIGITS_SIZE + 1]);
/* Reads 14 such digits. INT64_MIN where they are none, or no time from 1900 to 2199. */
int64_t hf_time_of_digits(const char *text, size_t size);

#endif
