/*
 * Access: somebody has something shown in full, takes it away, or destroys keys (security.md section 5: a reveal needs a reason
 * and is itself a leaf). It is signed by who does it and becomes a fact before anything is shown.
 * Memory: fixed size, no pointers.
 */
#ifndef HF_CORE_ACCESS_H
#define HF_CORE_ACCESS_H

#include "engine/base/ids.h"
#include "engine/core/command.h"

#define HF_ACCESS_WHAT_SIZE_MAX 200
#define HF_ACCESS_REASON_SIZE_MIN 5 /* characters; "a" is no reason */

#define HF_ACCESSES(X) X(REVEAL, "reveal") X(EXPORT, "export") X(DESTROY, "destroy")

enum hf_access_kind {
  HF_ACCESS_UNSET = 0,
#define X(name, code) HF_ACCESS_##name,
  HF_ACCESSES(X)
#undef X
      HF_ACCESS_COUNT
};

const char *hf_access_code(enum hf_access_kind kind);
enum hf_access_kind hf_access_of_code(const char *code);

struct hf_access {
  struct hf_uuid id;
  enum hf_access_kind kind;
  struct hf_case_id case_id; /* zero: of no single case */
  int64_t made_wall_ns;
  char what[HF_ACCESS_WHAT_SIZE_MAX + 1]; /* never a name or a number */
  char reason[HF_REASON_TEXT_SIZE_MAX + 1];
};

#endif
