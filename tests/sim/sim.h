/*
 * Sim: one seed is one world: Kafka, PostgreSQL, institutions, clocks and several engines, modelled; the core, the lanes, the
 * chase and the dialect, real.
 *
 * Why:    faults that take years to meet happen here in any order, and the seed plays them again byte for byte (reliability.md
 * 1). Time:   virtual; nothing here reads a clock. Events happen in order of (time, number). Checks: check.c, from the log, the
 * store and the institutions' own ledgers; it shares no code with the core.
 */
#ifndef HF_TESTS_SIM_SIM_H
#define HF_TESTS_SIM_SIM_H

#include "engine/base/hash.h"
#include "engine/dispatch/dispatch.h"

#define SIM_SHARDS 2
#define SIM_ENGINES 2
#define SIM_BANKS 5
#define SIM_SWALLOWS 1      /* this bank is registered as one that does not answer twice */
#define SIM_PLATFORM 3      /* this one speaks platform_xml: it answers by itself, once, and swallows what comes again */
#define SIM_RECORDS_MAX 512 /* of one shard's log */
#define SIM_FACTS_MAX 60000 /* of one shard's store */
#define SIM_CASES_MAX 64
#define SIM_BATCH_MAX 20000
#define SIM_LEDGER_MAX 8192
#define SIM_ACCOUNTS_MAX 1024
#define SIM_ROWS_MAX 24
#define SIM_LEAVES_MAX 65536
#define SIM_FLIGHTS 64
#define SIM_EVENTS_MAX 32768
#define SIM_START (1700000000LL * HF_NS_PER_S)

#define MS HF_NS_PER_MS
#define SECOND HF_NS_PER_S
#define HOUR (3600 * HF_NS_PER_S)

enum sim_event_kind {
  SIM_SUBMIT,    /* an officer appends something */
  SIM_CONSUME,   /* an engine reads its logs */
  SIM_COMMIT,    /* an engine's transaction reaches the store */
  SIM_COMMITTED, /* … and its answer the engine */
  SIM_TURN,      /* an engine's lanes and clocks */
  SIM_ARRIVE,    /* an order's bytes reach an institution */
  SIM_REPLY,     /* an institution's bytes reach the engine */
  SIM_FAULT,
  SIM_SETTLE, /* the group decides who owns what */
  SIM_REVIVE, /* a supervisor starts an engine again */
  SIM_OTHER,  /* what a calm world's owner planned: race.c */
};

/* clang-format off */
#define SIM_FAULTS(X)                                                                                               \
  X(KILL, "kill") X(FREEZE, "freeze") X(RESUME, "resume") X(DB_DOWN, "db_down") X(DB_UP, "db_up")                   \
  X(BANK_SILENT, "bank_silent") X(BANK_RESET, "bank_reset") X(BANK_SLOW, "bank_slow")                               \
  X(BANK_GARBAGE, "bank_garbage") X(BANK_OTHER, "bank_other") X(BANK_WELL, "bank_well")                             \
  X(CLOCK_STEP, "clock_step") X(REBALANCE, "rebalance") X(LOST_REPLY, "lost_commit_reply") X(DUPLICATE, "duplicate_record")
/* clang-format on */

enum sim_fault {
#define X(name, code) SIM_FAULT_##name,
  SIM_FAULTS(X)
#undef X
      SIM_FAULT_COUNT
};

/* One record of a log. */
struct sim_record {
  int64_t appended_wall_ns;
  char key_id[HF_KEY_ID_SIZE + 1];
  enum hf_input_kind kind;
  struct hf_report *report;
  struct hf_command *command;
  struct hf_registry_change *registry;
};

struct sim_log {
  struct sim_record records[SIM_RECORDS_MAX];
  uint32_t count;
};

/* One shard as PostgreSQL has it. */
struct sim_case {
  struct hf_case_id id;
  bool rested;
  int64_t wakes_wall_ns;
};

struct sim_store {
  int64_t epoch, epoch_since_ns; /* true time of the last takeover */
  int64_t next_offset;
  struct hf_fact *facts;
  uint32_t count;
  struct sim_case cases[SIM_CASES_MAX];
  uint32_t cases_count;
};

/* A step's facts that wait for their transaction. */
struct sim_batch {
  struct hf_fact *facts;
  uint32_t count;
  int64_t next_offset;
};

struct sim_shard {
  bool owned;
  int64_t epoch;
  struct hf_core *core;
  void *memory;
  int64_t position; /* the next record to read */
  struct sim_batch waiting, in_flight;
  bool committing;
  uint32_t transaction; /* which one is in flight */
  int64_t asked_ns;
};

struct sim_engine {
  bool alive, frozen;
  uint32_t life;
  struct hf_dispatch *dispatch;
  struct sim_shard shards[SIM_SHARDS];
  uint32_t flight_life[SIM_FLIGHTS + 2]; /* rises when a flight is cancelled or over */
  uint32_t index;
  int64_t turn_ns, reads_ns; /* what is already planned */
};

/* What an institution received and what it did: its own ledger. */
struct sim_entry {
  struct hf_order_id id;
  enum hf_action action;
  uint64_t bytes; /* the body's hash: a resend is identical */
  int64_t first_ns;
  uint32_t arrivals;
  char result[5];
  int64_t balance, held;
};

struct sim_account {
  uint64_t token;
  struct hf_account_number number;
  int64_t balance;
  int64_t stop_until_ns, freeze_until_ns, held;
  struct hf_order_id stop_id, freeze_id;
  uint32_t stops;
  struct hf_transaction rows[SIM_ROWS_MAX];
  uint32_t rows_count;
};

struct sim_bank {
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  enum sim_fault fault; /* BANK_WELL: none */
  struct sim_entry ledger[SIM_LEDGER_MAX];
  uint32_t ledger_count;
  struct sim_account accounts[SIM_ACCOUNTS_MAX];
  uint32_t accounts_count;
};

struct sim_event {
  int64_t at_ns;
  uint64_t number;
  enum sim_event_kind kind;
  uint32_t engine, life, a, b; /* by kind */
  bool heard;                  /* REPLY: on a connection that many orders share, of bank a */
  struct hf_order *order;      /* ARRIVE */
  char *body;                  /* REPLY */
  uint64_t bytes;
};

/* When an order's bytes left, each time: what stamps have to agree with. */
struct sim_leave {
  struct hf_order_id id;
  int64_t at_ns;
  bool early; /* a stop or query whose cause PostgreSQL did not take in time: it goes anyway, and says so (decision 12) */
};

struct sim {
  uint64_t seed, random, number, trace;
  bool loud;
  /* A calm world: banks obey and answer whole, after so much work; its owner plays the people. */
  bool calm;
  int64_t work_least_ns, work_most_ns;
  void (*other)(struct sim *sim, const struct sim_event *event);
  int64_t now_ns;  /* true time since the start */
  int64_t step_ns; /* what the wall clock is ahead */
  bool db_down, lose_reply, stepped;
  bool anew; /* a case that rests was decided again, without PostgreSQL: its orders keep their ids but may have other bytes */
  struct sim_event *events; /* a heap */
  uint32_t events_count;
  struct sim_log logs[SIM_SHARDS];
  struct sim_store stores[SIM_SHARDS];
  struct sim_engine engines[SIM_ENGINES];
  struct sim_bank banks[SIM_BANKS];
  struct hf_fact scratch[HF_STEP_FACTS_MAX];
  struct sim_leave leaves[SIM_LEAVES_MAX];
  uint32_t leaves_count;
  int64_t settles_ns;
  uint32_t owners[SIM_SHARDS]; /* as the group has it; SIM_ENGINES: nobody */
  struct hf_core_config config;
  uint32_t skip_faults; /* minimising: these many of the planned faults are left out, by bit */
  uint32_t faults_planned, cases_planned;
  uint64_t faults[SIM_FAULT_COUNT];
  const char *failure;
  char failure_text[256];
};

/* world.c */
void sim_init(struct sim *sim);
/* Plays one world to its end. Returns false, with `failure`, where an invariant was broken. */
bool sim_run(struct sim *sim, uint64_t seed, uint32_t skip_faults, uint32_t people_max);
/* The same in parts: engines and registry stand, nothing is planned; then what was planned happens. */
void sim_begin(struct sim *sim, uint64_t seed, uint32_t skip_faults);
void sim_play(struct sim *sim, int64_t until_ns);
uint64_t sim_any(struct sim *sim, uint64_t below);
void sim_at(struct sim *sim, int64_t after_ns, struct sim_event event);
struct hf_time sim_time(const struct sim *sim);
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *sim, const char *invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));
extern const char *const sim_fault_codes[SIM_FAULT_COUNT];

/* engine.c: what the daemon, intake and record do, over the models */
void sim_engine_start(struct sim *sim, struct sim_engine *engine);
void sim_engine_die(struct sim *sim, struct sim_engine *engine);
void sim_engine_take(struct sim *sim, struct sim_engine *engine, uint32_t shard);
void sim_engine_drop(struct sim *sim, struct sim_engine *engine, uint32_t shard);
void sim_engine_consume(struct sim *sim, struct sim_engine *engine);
void sim_engine_turn(struct sim *sim, struct sim_engine *engine);
void sim_engine_commit(struct sim *sim, struct sim_engine *engine, uint32_t shard, uint32_t transaction);
void sim_engine_committed(struct sim *sim, struct sim_engine *engine, const struct sim_event *event);
void sim_engine_reply(struct sim *sim, struct sim_engine *engine, const struct sim_event *event);
/* The group settles who owns what; those whom it reaches let go and take. */
void sim_group_settle(struct sim *sim);

/* people.c: officers and mules */
void sim_people_begin(struct sim *sim);
/* A record at the log's end, signed by officer `key`; its content is the caller's to fill in. */
struct sim_record *sim_append(struct sim *sim, uint32_t shard, char key);
void sim_people_submit(struct sim *sim, uint32_t number);

/* bank.c */
void sim_bank_arrive(struct sim *sim, const struct sim_event *event);
/* platform.c: what the bank SIM_PLATFORM writes */
char *sim_platform_receipt(const struct sim_entry *entry);
char *sim_platform_feedback(struct sim *sim, const struct sim_account *account, const struct hf_order *order,
                            const struct sim_entry *entry);
struct sim_account *sim_bank_account(struct sim *sim, uint32_t bank, const struct hf_account_number *number);
uint32_t sim_bank_named(const struct sim *sim, const char *code);

/* check.c */
/* Returns whether the order left before its fact was recorded. */
bool sim_check_leave(struct sim *sim, const struct sim_engine *engine, const struct hf_order *order);
/* An order that an answer caused left before that was recorded: made again by another owner, it has the same id and another
 * moment. */
bool sim_left_early(const struct sim *sim, struct hf_order_id id);
void sim_check_arrival(struct sim *sim, const struct sim_bank *bank, const struct hf_order *order);
void sim_check_end(struct sim *sim);

#endif
