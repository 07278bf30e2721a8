/* Decide: what its files share. Each looks at the state and an input and tells facts; hf_core_tell lets the state follow at
 * once. */
#ifndef HF_CORE_DECIDE_H
#define HF_CORE_DECIDE_H

#include <string.h>

#include "engine/core/state.h"

/* An answer's onward accounts, gathered before any of them is decided about. */
struct hf_onward {
  struct hf_party to;
  bool by_serial, cash, old_payee;
  int64_t stolen;   /* over all its debits */
  int64_t transfer; /* the debits' whole amounts */
  int64_t at_wall_ns;
};

struct hf_core_scratch {
  struct hf_inflow inflows[HF_CHASE_INFLOWS_MAX];
  struct hf_split splits[HF_ANSWER_ROWS_MAX * 4];
  struct hf_chase chase;
  struct hf_onward onwards[HF_CHASE_FANOUT_MAX];
  uint32_t onward_of[HF_ANSWER_ROWS_MAX]; /* by row; UINT32_MAX: leads nowhere */
  uint32_t onwards_count, skipped;
};

/* The next fact of the step, zeroed but for its head; filled in and then told. */
struct hf_fact *hf_core_begin(struct hf_core *core, enum hf_fact_kind kind, struct hf_case_id case_id);
void hf_core_tell(struct hf_core *core, const struct hf_fact *fact);
/* How many facts this step may still tell. */
static inline uint32_t hf_core_facts_left(const struct hf_core *core)
{
  return HF_STEP_FACTS_MAX - core->facts_count;
}

void hf_core_quarantine(struct hf_core *core, const struct hf_input *input, enum hf_reason reason, uint32_t part);
void hf_core_task(struct hf_core *core, struct hf_case_id case_id, enum hf_task task, struct hf_order_id order_id,
                  struct hf_uuid submission_id, enum hf_draft_cause cause);
void hf_core_tell_step(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order,
                       enum hf_fact_kind kind);
/* A case without open orders leaves memory; it returns when something is due or it is named again. */
void hf_core_rest_if_done(struct hf_core *core, struct hf_case_id case_id);

/* --- orders (decide_order.c) --- */

/* What a new order is, beside what its account and case say. */
struct hf_order_plan {
  enum hf_action action;
  const struct hf_submission_entry *authority;
  const struct hf_order_entry *parent;
  uint32_t mode, page;
  const struct hf_name *name; /* a corrected order's; NULL: the account's */
  int64_t amount;             /* 0: the account's */
  int64_t until_wall_ns;
  int64_t issued_wall_ns;
  int64_t deadline_wall_ns; /* 0: as policy and institution say */
  enum hf_after after;
  bool draft;
};

/* Whether its dialect has a word for this action; an institution that is not there is taken to have one. */
bool hf_core_speaks(const struct hf_core *core, const char *institution, enum hf_action action);
/* Whether the institution is there and takes this action. */
bool hf_core_takes(const struct hf_core *core, const char *institution, enum hf_action action);
/* Tells order_ready or order_drafted. Returns the order. Requires: hf_core_takes, and room in the case. */
const struct hf_order_entry *hf_core_order_account(struct hf_core *core, const struct hf_account_entry *account,
                                                   const struct hf_order_plan *plan);
/* A draft becomes an order with the authority of who confirmed it. */
void hf_core_confirm(struct hf_core *core, const struct hf_order_entry *draft, const struct hf_submission_entry *authority);
/* Asks an institution that swallows duplicates whether an unknown act took effect. */
void hf_core_probe(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *unknown);
/* Whether a further stop on this account is lawful (H2, H3); NONE or why not. */
enum hf_reason hf_core_stop_refusal(const struct hf_core *core, const struct hf_account_entry *account);

/* --- who may (decide_authority.c) --- */

/* What a submission's id and bytes say, before its content is looked at. */
struct hf_standing {
  enum hf_reason reason; /* NONE: it goes on */
  bool told;             /* it was a countersignature: nothing is left to do */
  bool is_second;        /* the second officer's signature on one that waits */
};

/* NONE where the key may act on the case; checked in the order of reason.h. entry: NULL for a new case. */
enum hf_reason hf_core_key_refusal(const struct hf_core *core, const struct hf_input *input, const struct hf_case_entry *entry);
/* known: the submission of the same id in this case, NULL where it is new. */
struct hf_standing hf_core_known(struct hf_core *core, const struct hf_input *input, const struct hf_submission_entry *known,
                                 const uint8_t digest[HF_DIGEST_SIZE]);
/* Tells submission_waits; `what` has all but offset, due time and key. */
void hf_core_wait_for_second(struct hf_core *core, const struct hf_input *input, const struct hf_fact_submission *what);
/* Who stands for it: the one who submits, or the two. */
void hf_core_officers(const struct hf_input *input, const struct hf_submission_entry *known, char first[HF_KEY_ID_SIZE + 1],
                      char second[HF_KEY_ID_SIZE + 1]);

void hf_core_decide_report(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_command(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_registry(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_access(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_attempt(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_answer(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_clock(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_lane(struct hf_core *core, const struct hf_input *input);
/* Requires: core->next_call_wall_ns has come. */
void hf_core_call_next(struct hf_core *core);
void hf_core_decide_seen(struct hf_core *core, const struct hf_input *input);
void hf_core_decide_tick(struct hf_core *core, const struct hf_input *input);

/* The transactions of a query's answer (decide_chase.c). */
void hf_core_follow_money(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *query);

/* What an order's feedback does to holds (decide_hold.c). */
void hf_core_change_hold(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order);
void hf_core_reconcile(struct hf_core *core, const struct hf_input *input, const struct hf_order_entry *order);
void hf_core_lapse(struct hf_core *core, uint32_t account, enum hf_hold_kind kind);
void hf_core_warn(struct hf_core *core, uint32_t account, enum hf_hold_kind kind);
void hf_core_check_hold(struct hf_core *core, uint32_t account, enum hf_hold_kind kind);

#endif
