#include "engine/core/china.h"

/* Hinnant, "days_from_civil". */
int32_t hf_china_day(struct hf_span word)
{
  static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (word.size != 10 || word.data[4] != '-' || word.data[7] != '-') return INT32_MIN;
  int64_t year = hf_decimal_of(word.data, 4), month = hf_decimal_of(word.data + 5, 2), day = hf_decimal_of(word.data + 8, 2);
  if (year < 2000 || year > 2199 || month < 1 || month > 12 || day < 1) return INT32_MIN;
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > lengths[month - 1] + (month == 2 && leap)) return INT32_MIN;
  int64_t shifted = month <= 2 ? year - 1 : year, era = shifted / 400, of_era = shifted - era * 400;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return (int32_t)(era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468);
}
