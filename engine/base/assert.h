/*
 * Assert: a bug stops the process; the supervisor restarts it and the log is replayed.
 * Always compiled in: a wrong order is worse than a restart. Never used on foreign bytes.
 */
#ifndef HF_BASE_ASSERT_H
#define HF_BASE_ASSERT_H

_Noreturn void hf_assert_failed(const char *expression, const char *file, int line);

#define HF_ASSERT(expression) \
  (__builtin_expect(!!(expression), 1) ? (void)0 : hf_assert_failed(#expression, __FILE__, __LINE__))

/* A place that no input reaches. */
#define HF_NEVER(text) hf_assert_failed(text, __FILE__, __LINE__)

#endif
