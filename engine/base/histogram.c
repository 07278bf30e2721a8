#include "engine/base/histogram.h"

#include <math.h>

static unsigned bucket_of(int64_t ns)
{
  uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
  if (value < 64) return (unsigned)value;
  unsigned shift = 63U - (unsigned)__builtin_clzll(value) - 6U;
  unsigned bucket = (shift + 1) * 64 + (unsigned)(value >> shift & 63);
  return bucket < HF_HISTOGRAM_BUCKETS ? bucket : HF_HISTOGRAM_BUCKETS - 1;
}

static int64_t upper_edge(unsigned bucket)
{
  if (bucket < 64) return bucket;
  unsigned shift = bucket / 64 - 1;
  return (int64_t)(((uint64_t)(64 + bucket % 64 + 1) << shift) - 1);
}

void hf_histogram_add(struct hf_histogram *histogram, int64_t ns)
{
  histogram->buckets[bucket_of(ns)]++;
  histogram->count++;
  histogram->sum_ns += ns < 0 ? 0 : ns;
  if (ns > histogram->max_ns) histogram->max_ns = ns;
}

int64_t hf_histogram_quantile(const struct hf_histogram *histogram, double quantile)
{
  uint64_t rank = (uint64_t)ceil(quantile * (double)histogram->count), seen = 0;
  if (histogram->count == 0) return 0;
  for (unsigned i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen >= rank && seen > 0) return upper_edge(i) < histogram->max_ns ? upper_edge(i) : histogram->max_ns;
  }
  return histogram->max_ns;
}

uint64_t hf_histogram_at_most(const struct hf_histogram *histogram, int64_t ns)
{
  uint64_t seen = 0;
  for (unsigned i = 0; i <= bucket_of(ns); i++) seen += histogram->buckets[i];
  return seen;
}
