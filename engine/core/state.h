/* State: what the core keeps of open cases. Inside the core; others use core.h. Only evolve.c writes it. */
#ifndef HF_CORE_STATE_H
#define HF_CORE_STATE_H

#include "engine/base/hash.h"
#include "engine/core/core.h"

/* A report or command that this case has seen: its id is refused for ever, its bytes are known by their digest. */
enum hf_submission_state {
  HF_SUBMISSION_UNSET = 0,
  HF_SUBMISSION_WAITS, /* for a second officer */
  HF_SUBMISSION_DONE,
  HF_SUBMISSION_ENDED /* rejected, or its time was up */
};

struct hf_submission_entry {
  uint32_t next;
  uint32_t state : 2, command : 1, reviewable : 1, countersigned : 1, kind : 8;
  struct hf_uuid id;
  uint8_t digest[16];          /* its first half is enough to tell two apart */
  uint8_t key[16], second[16]; /* key ids, as bytes; zero: none */
  uint32_t case_index;
  uint32_t details; /* of a command: pool index */
  struct hf_order_id first_order;
  int64_t due_wall_ns;    /* WAITS: then it ends; DONE: then a countersignature is missed; INT64_MAX: nothing is due */
  int64_t paper_wall_ns;  /* the document of an act that came first is due; INT64_MAX: none is */
  int64_t issued_wall_ns; /* append time */
  char form_reference[HF_REFERENCE_SIZE_MAX + 1]; /* of a report; a command's orders have their case's */
};

/* What orders of one command share; kept apart because most submissions have none. */
struct hf_details_entry {
  uint32_t next_free;
  struct hf_document document;
  struct hf_party party;
  char text[HF_REASON_TEXT_SIZE_MAX + 1];
};

struct hf_case_entry {
  struct hf_case_id id;
  uint32_t accounts_first, accounts_last, accounts_count;
  uint32_t orders_first, orders_last, orders_count, orders_open;
  uint32_t submissions_first, submissions_last, submissions_count, submissions_due;
  uint32_t traces_first, traces_last, traces_count;
  uint32_t holds_count; /* in force or queued */
  uint32_t roots_count;
  bool closed, reported;
  bool retold; /* decided a second time while its facts could not be read: what is known already does not count twice */
  struct hf_chase_bounds chase;
  int64_t first_wall_ns; /* of the victims' transfers: the chase's window begins */
  int64_t loss;          /* all victims' transfers */
  char case_number[HF_REFERENCE_SIZE_MAX + 1];
  char unit[HF_REFERENCE_SIZE_MAX + 1];
  char form_reference[HF_REFERENCE_SIZE_MAX +
                      1]; /* of the first report, as the case number and the unit: a resend says the same */
};

/* Stolen money that came into an account: one victim's transfer, one way. */
struct hf_claim_entry {
  uint32_t next; /* in its account, in order of time */
  uint32_t root;
  uint32_t from; /* account index; 0: the victim */
  int64_t amount;
  int64_t at_wall_ns;
  uint64_t serial;
};

struct hf_account_entry {
  uint32_t next; /* in its case */
  uint32_t case_index;
  uint32_t claims_first, claims_last, claims_count;
  uint32_t claims_read;               /* how many there were when its transactions were last asked for */
  uint32_t chase;                     /* pool index while pages come in */
  uint16_t ordinals[HF_ACTION_COUNT]; /* orders of each action so far: the next ordinal */
  uint8_t hop;
  bool by_serial, elsewhere;
  enum hf_currency currency;
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_account_number number;
  struct hf_name name, corrected; /* as first told; as an officer corrected it for the orders from then on */
  bool has_balance;
  int64_t amount;  /* stolen money that reached it, by all ways */
  int64_t balance; /* as last told */
  int64_t transfer_wall_ns;
  struct hf_hold holds[HF_HOLD_KIND_COUNT];
};

struct hf_order_entry {
  uint32_t next; /* in its case */
  struct hf_order_id id;
  struct hf_order_id parent;
  uint32_t account, case_index, submission; /* pool indices */
  enum hf_order_state state;
  enum hf_action action;
  uint16_t ordinal;
  uint8_t mode, hop;
  uint32_t attempts, page;
  bool left, warned, overdue, corrected; /* corrected: it has the account's corrected name */
  int64_t amount;
  int64_t issued_wall_ns;
  int64_t deadline_wall_ns;
  int64_t receipt_by_wall_ns; /* 0: no limit, or it has been missed and told */
  int64_t until_wall_ns;
};

/* An onward transfer that carries stolen money of one root: the graph's edge. */
struct hf_trace_entry {
  uint32_t next;
  uint32_t from, to; /* account indices; to 0: not followed */
  uint32_t root;
  int64_t amount, transfer_amount;
  uint64_t serial; /* of the row, or a hash of what else names it */
};

struct hf_chase_entry {
  uint32_t next_free;
  struct hf_chase chase;
};

/* Of an institution's lane that has fallen silent: who is called now, and when the next one is. */
struct hf_call_entry {
  enum hf_rung rung;
  int64_t since_wall_ns; /* 0: it is not silent */
  int64_t next_wall_ns;  /* 0: nobody is left */
};

struct hf_core {
  struct hf_core_config config;
  uint64_t seq;
  struct hf_registry *registry;
  struct hf_pool cases, accounts, orders, submissions, details, claims, traces, chases;
  struct hf_map case_of, order_of;
  /* what comes next on the wall clock, of orders, holds (two to an account) and submissions */
  struct hf_heap order_deadlines, hold_deadlines, submission_deadlines;
  struct hf_call_entry calls[HF_INSTITUTIONS_MAX]; /* by the registry's place */
  uint32_t silent_count;
  int64_t next_call_wall_ns; /* the earliest of them; INT64_MAX: none */
  /* of the step that runs */
  struct hf_fact *facts;
  uint32_t facts_count;
  struct hf_time now;
  struct hf_core_scratch *scratch; /* decide's working memory for one answer; holds nothing between steps */
};

/* Requires: the institution has a row. */
struct hf_call_entry *hf_core_call(struct hf_core *core, const char *institution);
struct hf_case_entry *hf_core_case(const struct hf_core *core, struct hf_case_id id);
struct hf_order_entry *hf_core_order(const struct hf_core *core, struct hf_order_id id);
struct hf_account_entry *hf_core_account(const struct hf_core *core, const struct hf_case_entry *entry,
                                         const struct hf_party *payee);
struct hf_submission_entry *hf_core_submission(const struct hf_core *core, const struct hf_case_entry *entry,
                                               struct hf_uuid id);
uint32_t hf_core_account_index(const struct hf_core *core, const struct hf_account_entry *account);

static inline struct hf_case_entry *hf_case_at(const struct hf_core *core, uint32_t index)
{
  return hf_pool_at(&core->cases, index);
}

static inline struct hf_account_entry *hf_account_at(const struct hf_core *core, uint32_t index)
{
  return hf_pool_at(&core->accounts, index);
}

static inline struct hf_order_entry *hf_order_at(const struct hf_core *core, uint32_t index)
{
  return hf_pool_at(&core->orders, index);
}

static inline struct hf_submission_entry *hf_submission_at(const struct hf_core *core, uint32_t index)
{
  return hf_pool_at(&core->submissions, index);
}

/* Two holds of one account have neighbouring places in the heap. */
static inline uint32_t hf_hold_item(uint32_t account, enum hf_hold_kind kind)
{
  return (account - 1) * 2 + (uint32_t)kind;
}

/* When somebody can still do something: four fifths of the time that the institution has. */
int64_t hf_core_warning_of(const struct hf_order_entry *order);
/* It is out without a receipt, and a limit for that runs. */
bool hf_core_awaits_receipt(const struct hf_order_entry *order);

/* The one place where an order's state changes. Returns the cell that ruled. */
const struct hf_order_cell *hf_order_apply(struct hf_order_entry *entry, enum hf_order_event event);

/* Changes the state by one fact. Requires: a fact that decide would give, or gave, in this state. */
void hf_core_evolve(struct hf_core *core, const struct hf_fact *fact);

/* Key ids between text and the 16 bytes that the state keeps. */
struct hf_key_bytes {
  uint8_t bytes[16];
};
struct hf_key_bytes hf_core_key_bytes(const char *id);
void hf_core_key_text(const uint8_t bytes[16], char text[HF_KEY_ID_SIZE + 1]);

/* What names an onward transfer: its serial, else who, when and how much. */
uint64_t hf_core_trace_key(const struct hf_fact_traced *traced);
int64_t hf_core_untold(const struct hf_core *core, uint32_t from, const struct hf_fact_traced *traced, int64_t *told);

/* The order as its institution is told it, into a zeroed one: from the state alone, so that a resend has the same bytes. */
void hf_core_describe(const struct hf_core *core, const struct hf_order_entry *entry, struct hf_order *order);

#endif
