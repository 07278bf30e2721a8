/*
 * Histogram: log-linear counts of durations, 1/64 relative error, 1 ns … ~9 h; fixed size, no allocation.
 * Thread: one writer; a reader on another thread may see a count late.
 */
#ifndef HF_BASE_HISTOGRAM_H
#define HF_BASE_HISTOGRAM_H

#include <stdint.h>

#define HF_HISTOGRAM_BUCKETS (40 * 64)

struct hf_histogram {
  uint64_t count;
  int64_t sum_ns;
  int64_t max_ns;
  uint32_t buckets[HF_HISTOGRAM_BUCKETS];
};

/* Negative values count as 0. */
void hf_histogram_add(struct hf_histogram *histogram, int64_t ns);
/* Nearest rank, 0 < quantile <= 1; the upper edge of the bucket. 0 when empty. */
int64_t hf_histogram_quantile(const struct hf_histogram *histogram, double quantile);
/* How many values were <= ns (to the bucket). */
uint64_t hf_histogram_at_most(const struct hf_histogram *histogram, int64_t ns);

#endif
