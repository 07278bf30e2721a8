/*
 * Core: decides what happens in one shard. Pure: no I/O, clock, random, heap, locale or threads (design.md section 4).
 *
 * Why:    the same log gives the same orders; a crash, a takeover and the simulator all run exactly this.
 * Thread: the loop's; one core per shard.
 * Memory: one block from the caller, hf_core_memory_size() bytes of zeroes; nothing is allocated after init.
 * Bounds: cases, accounts and orders of the configuration; hf_core_has_room() before a submission is stepped.
 */
#ifndef HF_CORE_CORE_H
#define HF_CORE_CORE_H

#include "engine/base/heap.h"
#include "engine/base/map.h"
#include "engine/base/pool.h"
#include "engine/core/fact.h"

#define HF_ROOT_KEYS_MAX 8

struct hf_core;

struct hf_core_config {
  uint32_t shard;
  uint32_t partitions;
  uint32_t cases_max;
  uint32_t accounts_max;
  uint32_t orders_max;
  bool stops_only; /* no queries: the benchmark's comparison */
  uint32_t root_keys_count;
  char root_keys[HF_ROOT_KEYS_MAX][HF_KEY_ID_SIZE + 1]; /* may change the registry; named in the configuration */
};

enum hf_input_kind {
  HF_INPUT_UNSET = 0,
  HF_INPUT_REPORT,     /* a record that decoded as a report */
  HF_INPUT_COMMAND,    /* … as a command */
  HF_INPUT_REGISTRY,   /* … as a registry change */
  HF_INPUT_ACCESS,     /* … as somebody's access to what is personal */
  HF_INPUT_UNREADABLE, /* a record that did not: `verdict` says why */
  HF_INPUT_LEFT,       /* an attempt's last byte was handed to the kernel */
  HF_INPUT_ATTEMPT_ENDED,
  HF_INPUT_GAVE_UP, /* the lane's quick tries are used up */
  HF_INPUT_ANSWER,
  HF_INPUT_SEEN,   /* PostgreSQL knows the account from another case, or from the suspect list */
  HF_INPUT_CLOCK,  /* what the machine says of its clock */
  HF_INPUT_LANE,   /* a lane that has fallen silent, or has an answer again */
  HF_INPUT_RETURN, /* a rested case has been restored from its facts */
  HF_INPUT_TICK,
};

struct hf_input {
  enum hf_input_kind kind;
  struct hf_time now;
  /* submissions */
  int64_t offset;
  int64_t appended_wall_ns;
  int64_t consumed_wall_ns;
  enum hf_reason verdict; /* what intake and trust found wrong; NONE: these bytes were signed by key_id */
  char key_id[HF_KEY_ID_SIZE + 1];
  char second_id[HF_KEY_ID_SIZE + 1]; /* who signed the same envelope beside key_id; "": nobody */
  bool key_is_record_key;             /* the Kafka key names the same case, and this partition is that case's */
  const struct hf_report *report;
  const struct hf_command *command;
  const struct hf_registry_change *registry;
  const struct hf_access *access;
  /* what comes back from institutions */
  struct hf_order_id order_id;
  uint32_t attempt;
  struct hf_time at; /* the stamp of what is told */
  enum hf_outcome outcome;
  bool left;
  const char *way; /* the code of the row that an attempt went over, where it stands for the institution; NULL: its own */
  bool answer_is_durable; /* it came over Kafka: what follows may leave at once */
  const struct hf_answer *answer;
  const struct hf_fact_seen *seen;
  const struct hf_fact_clock *clock;
  const struct hf_fact_lane *lane;
  struct hf_case_id case_id; /* RETURN, SEEN */
};

size_t hf_core_memory_size(const struct hf_core_config *config);
/* memory: that many zero bytes, 64-byte aligned. Returns the core, which stands in it. */
struct hf_core *hf_core_init(void *memory, const struct hf_core_config *config);

/*
 * Decides and evolves. Writes at most HF_STEP_FACTS_MAX facts; returns how many.
 * Requires for submissions: hf_core_has_room(core).
 */
uint32_t hf_core_step(struct hf_core *core, const struct hf_input *input, struct hf_fact *facts);

/* Evolve only: how a shard is rebuilt from its stored facts, in order of seq; also how a rested case is brought back. */
void hf_core_restore(struct hf_core *core, const struct hf_fact *fact);
/* The newest facts may be of cases that rest: the shard's seq as PostgreSQL has it. */
void hf_core_restored(struct hf_core *core, uint64_t seq);

/* When the core wants a tick, on the wall clock; INT64_MAX: never. */
int64_t hf_core_next_deadline(const struct hf_core *core);

/* Over the canonical state: equal for a live core and one restored from its facts. */
uint64_t hf_core_checksum(const struct hf_core *core);

/* False: the pools could not take the largest legal submission; intake waits. */
bool hf_core_has_room(const struct hf_core *core);

/* An order in memory, in whatever state. */
bool hf_core_find_order(const struct hf_core *core, struct hf_order_id id, struct hf_order *order);
bool hf_core_has_case(const struct hf_core *core, struct hf_case_id id);

/* Whether it was noted here that the institution's lane gets no answers. */
bool hf_core_is_silent(const struct hf_core *core, const char *institution);

/* Calls visit for each account of a case in memory. */
void hf_core_visit_accounts(const struct hf_core *core, struct hf_case_id id,
                            void (*visit)(void *owner, const char *institution, const struct hf_account_number *number),
                            void *owner);

/* Calls visit for each order that is ready or on its way; what an owner sends again after it has restored its shard. */
void hf_core_visit_open(const struct hf_core *core, void (*visit)(void *owner, const struct hf_order *order), void *owner);
/* The same in parts: looks at `most` places from place `from` on (0 at the beginning) and visits those whose id is wanted.
 * Returns where to go on, 0 at the end. */
uint32_t hf_core_visit_open_from(const struct hf_core *core, uint32_t from, uint32_t most,
                                 bool (*wants)(void *owner, struct hf_order_id id),
                                 void (*visit)(void *owner, const struct hf_order *order), void *owner);
/* The orders in memory. */
uint32_t hf_core_orders(const struct hf_core *core);
uint32_t hf_core_cases(const struct hf_core *core);
const struct hf_registry *hf_core_registry(const struct hf_core *core);

#endif
