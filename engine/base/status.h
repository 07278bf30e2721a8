/*
 * Status: the one must-use result of anything that can fail while operating.
 *
 * Why:  the kind tells the caller what to DO (style.md section 5); `why` is a static sentence for a person.
 * Bugs are HF_ASSERT, business refusals are enums; neither travels in here.
 */
#ifndef HF_BASE_STATUS_H
#define HF_BASE_STATUS_H

#include <stdbool.h>

#define HF_MUST_USE __attribute__((warn_unused_result))

enum hf_status_kind {
  HF_STATUS_OK = 0,
  HF_STATUS_AGAIN,     /* nothing was done; come back when something has moved */
  HF_STATUS_RETRY,     /* failed, may pass later */
  HF_STATUS_REFUSED,   /* final: the other side, or a rule, says no */
  HF_STATUS_MALFORMED, /* foreign bytes are wrong: keep them as evidence */
  HF_STATUS_LIMIT,     /* a bound of limits.h would be passed */
  HF_STATUS_CONFIG,    /* stop at start */
  HF_STATUS_LOST,      /* a connection is gone; the outcome may be unknown */
};

struct hf_status {
  enum hf_status_kind kind;
  const char *why; /* static text, never NULL, never personal */
};

static inline struct hf_status hf_ok(void)
{
  return (struct hf_status){HF_STATUS_OK, "ok"};
}

static inline struct hf_status hf_fail(enum hf_status_kind kind, const char *why)
{
  return (struct hf_status){kind, why};
}

static inline bool hf_is_ok(struct hf_status status)
{
  return status.kind == HF_STATUS_OK;
}

#endif
