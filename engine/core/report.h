/*
 * Report: a signed submission that a fraud has happened, as the core sees it.
 * Source of the fields: domain.md 3.3 (stop request) and ux.md 0.4 (what a victim is asked, in this order).
 */
#ifndef HF_CORE_REPORT_H
#define HF_CORE_REPORT_H

#include "engine/base/ids.h"
#include "engine/base/personal.h"
#include "engine/chase/chase.h"

/* clang-format off */
#define HF_CURRENCIES(X) X(CNY) X(USD) X(EUR) X(HKD) X(JPY) X(GBP)
/* clang-format on */

enum hf_currency {
  HF_CURRENCY_UNKNOWN = 0,
#define X(code) HF_CURRENCY_##code,
  HF_CURRENCIES(X)
#undef X
      HF_CURRENCY_COUNT
};

/* "CNY"; "" for UNKNOWN. */
const char *hf_currency_code(enum hf_currency currency);
/* RMB is read as CNY (domain.md 3.3: both occur). UNKNOWN where it is none. */
enum hf_currency hf_currency_of_code(const char *code);

struct hf_party {
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_account_number account; /* size 0: not said */
  struct hf_name name;
};

struct hf_transfer {
  struct hf_party payer;
  struct hf_party payee;
  int64_t amount; /* minor units */
  enum hf_currency currency;
  int64_t at_wall_ns;
  char serial[HF_REFERENCE_SIZE_MAX + 1];
};

/* The chase clause: the bounds that the officer signs (design.md section 11). All zero: nothing is followed onward. */
struct hf_chase_bounds {
  uint32_t hops;        /* accounts beyond the victim's own payees; 0 = no chase */
  uint32_t fan_out;     /* onward accounts followed from one account */
  uint32_t window_s;    /* after the first transfer: later movements are not followed */
  uint32_t method;      /* enum hf_chase_method */
  bool drafts;          /* onward orders wait for one key's confirmation; else they go at once */
  int64_t least_amount; /* a smaller stolen share is shown, not followed */
};

struct hf_report {
  struct hf_report_id id;
  struct hf_case_id case_id;
  uint8_t digest[HF_DIGEST_SIZE]; /* of the payload's bytes: what a second officer has to sign too */
  int64_t made_wall_ns;
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char form_reference[HF_REFERENCE_SIZE_MAX + 1];
  struct hf_name victim;
  struct hf_chase_bounds chase;
  uint32_t transfers_count;
  struct hf_transfer transfers[HF_TARGETS_MAX];
};

#endif
