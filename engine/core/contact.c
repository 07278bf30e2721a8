#include "engine/core/contact.h"

#include <string.h>

#include "engine/core/china.h"

/* The next part, up to "; " or the end. False: there is none, or it is empty. */
static bool next_part(const char **at, struct hf_span *part)
{
  const char *end = *at;
  while (*end != '\0' && (end[0] != ';' || end[1] != ' ')) end++;
  *part = (struct hf_span){(const uint8_t *)*at, (size_t)(end - *at)};
  *at = *end == '\0' ? end : end + 2;
  return part->size > 0;
}

/* As people dial: digits, and what stands between them. */
static bool is_telephone(struct hf_span part)
{
  static const char marks[] = "0123456789+-()# ";
  for (size_t i = 0; i < part.size; i++) {
    size_t mark = 0;
    while (marks[mark] != '\0' && (uint8_t)marks[mark] != part.data[i]) mark++;
    if (marks[mark] == '\0') return false;
  }
  return part.size >= 3 && part.size <= 32;
}

struct hf_status hf_contact_read(const char *text, struct hf_contact *contact)
{
  struct hf_span name, telephone, hours, day;
  const char *at = text;
  if (strlen(text) > HF_CONTACT_SIZE_MAX || !next_part(&at, &name) || !next_part(&at, &telephone) || !next_part(&at, &hours) ||
      !next_part(&at, &day) || day.data[day.size] != '\0')
    return hf_fail(HF_STATUS_MALFORMED, "a contact: name; telephone; hours as 08-20; the day it ends as 2027-06-30");
  if (!is_telephone(telephone)) return hf_fail(HF_STATUS_MALFORMED, "a contact's telephone: 3 to 32 digits and + - ( ) #");
  int64_t from = hours.size == 5 && hours.data[2] == '-' ? hf_decimal_of(hours.data, 2) : -1;
  int64_t to = hours.size == 5 ? hf_decimal_of(hours.data + 3, 2) : -1;
  if (from < 0 || from > 23 || to < 1 || to > 24 || from == to)
    return hf_fail(HF_STATUS_MALFORMED, "a contact's hours: as 08-20, or 20-08 over midnight, or 00-24");
  int32_t until = hf_china_day(day);
  if (until == INT32_MIN) return hf_fail(HF_STATUS_MALFORMED, "a contact's last part: the day it ends as 2027-06-30");
  *contact = (struct hf_contact){.from = (uint8_t)from, .to = (uint8_t)to, .until_wall_ns = until * HF_DAY_NS - HF_CHINA_NS};
  return hf_ok();
}

bool hf_contact_is_on_duty(const char *text, int64_t now_wall_ns)
{
  struct hf_contact contact;
  if (text[0] == '\0' || !hf_is_ok(hf_contact_read(text, &contact)) || now_wall_ns >= contact.until_wall_ns) return false;
  int64_t hour = (now_wall_ns + HF_CHINA_NS) / HF_HOUR_NS % 24;
  bool over_midnight = contact.from > contact.to;
  return over_midnight ? hour >= contact.from || hour < contact.to : hour >= contact.from && hour < contact.to;
}
