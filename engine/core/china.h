/*
 * China's days and hours (UTC+8, no summer time), as policies and contacts say them.
 */
#ifndef HF_CORE_CHINA_H
#define HF_CORE_CHINA_H

#include "engine/base/bytes.h"
#include "engine/base/time.h"

#define HF_CHINA_NS (8 * 3600 * HF_NS_PER_S)
#define HF_DAY_NS (86400 * HF_NS_PER_S)
#define HF_HOUR_NS (3600 * HF_NS_PER_S)

/* Days since 1970 of yyyy-MM-dd; INT32_MIN where it is no day. */
int32_t hf_china_day(struct hf_span word);

#endif
