/*
 * Contact: whom an institution has named to be called, by night and by day (24-hour linkage of the Linyi opinion).
 *
 * Form:   one line, as it was signed: "name; telephone; hours; day": hours [from, to) as 08-20, or over midnight as 20-08, all
 *         day as 00-24; the day from which it does not hold any more as 2027-06-30; both are China's (UTC+8).
 * Thread: pure.
 */
#ifndef HF_CORE_CONTACT_H
#define HF_CORE_CONTACT_H

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/limits.h"

struct hf_contact {
  uint8_t from, to; /* hours */
  int64_t until_wall_ns;
};

/* MALFORMED with which part is wrong. */
HF_MUST_USE struct hf_status hf_contact_read(const char *text, struct hf_contact *contact);
/* False also where there is none ("") or its day has come. */
bool hf_contact_is_on_duty(const char *text, int64_t now_wall_ns);

#endif
