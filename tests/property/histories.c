/*
 * Property: random histories of one shard. A core restored from the facts that PostgreSQL would give back has the live core's
 * checksum, and the sum over all histories is the same for every compiler and build type.
 *
 * usage: histories [COUNT [FIRST_SEED]] | planted; prints the sum; exit 1 with the seed where a restored core differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/core/core.h"

#define FACTS_MAX 8192
#define STEPS_MAX 60
#define ORDERS_MAX 512
#define COMMANDS_MAX 16

static struct {
  uint64_t random;
  struct hf_core *live, *restored;
  void *live_memory, *restored_memory;
  size_t memory_size;
  struct hf_fact facts[FACTS_MAX];
  uint32_t facts_count;
  struct hf_order orders[ORDERS_MAX];
  uint32_t orders_count;
  bool ready[ORDERS_MAX]; /* it has been in a lane */
  struct hf_time now;
  int64_t offset;
  uint32_t version;
  bool reported;
  struct hf_case_id last_case;
  struct hf_report_id last_report;
  uint64_t kinds[HF_FACT_COUNT];
  struct hf_command commands[COMMANDS_MAX]; /* to be signed by a second officer, or sent again */
  uint32_t commands_count;
  bool planted; /* the fault that the comparison must see: one fact is not restored */
} run;

static const struct hf_core_config config = {.shard = 3,
                                             .partitions = 16,
                                             .cases_max = 16,
                                             .accounts_max = 512,
                                             .orders_max = 1024,
                                             .root_keys_count = 1,
                                             .root_keys = {"00000000000000000000000000000000"}};

static uint64_t any(uint64_t below)
{
  run.random += 0x9e3779b97f4a7c15ULL;
  return hf_mix64(run.random) % below;
}

static void note_order(const struct hf_fact *fact)
{
  uint32_t at = 0;
  while (at < run.orders_count && !hf_uuid_equal(run.orders[at].id.uuid, fact->order.id.uuid)) at++;
  if (at == ORDERS_MAX) return;
  if (at == run.orders_count) run.ready[run.orders_count++] = false;
  run.orders[at] = fact->order;
  run.ready[at] |= fact->kind == HF_FACT_ORDER_READY;
}

static void take(const struct hf_input *input)
{
  HF_ASSERT(run.facts_count + HF_STEP_FACTS_MAX < FACTS_MAX);
  struct hf_fact *facts = &run.facts[run.facts_count];
  uint32_t count = hf_core_step(run.live, input, facts);
  for (uint32_t i = 0; i < count; i++) run.kinds[facts[i].kind]++;
  for (uint32_t i = 0; i < count; i++)
    if (facts[i].kind == HF_FACT_ORDER_READY || facts[i].kind == HF_FACT_ORDER_DRAFTED) note_order(&facts[i]);
  run.facts_count += count;
}

static struct hf_input input_of(enum hf_input_kind kind)
{
  return (struct hf_input){.kind = kind, .now = run.now, .at = run.now, .appended_wall_ns = run.now.wall_ns};
}

/* Beside the history's own numbers, so that what was reached before is reached still. */
static uint64_t beside(uint64_t bound, uint64_t which)
{
  return hf_mix64(run.random + which) % bound;
}

/* Now and then of a wrong version, effective too early, or with a rule missing. */
static void sign_sla(struct hf_registry_change *change)
{
  static const char *const texts[] = {
      "* * 00-24 any 1000 20000;", "BANK1 stop 08-20 workday 1000 2000;* * 00-24 any 5000 90000;",
      "day 2023-11-15 holiday;* stop 00-24 holiday 100 200;* * 00-24 any 700 7000;", "* * 00-23 any 1000 2000;"};
  change->has_sla = beside(6, 1) == 0;
  change->sla.version = hf_core_registry(run.live)->sla_version + (beside(5, 2) == 0 ? 2 : 1);
  change->sla.effective_wall_ns =
      run.now.wall_ns + (int64_t)beside(10LL * 3600 * HF_NS_PER_S, 3) - (beside(5, 4) == 0 ? HF_NS_PER_S : 0);
  strcpy(change->sla.text, texts[beside(4, 5)]);
}

static void change_registry(bool first)
{
  static struct hf_registry_change change;
  struct hf_input input = input_of(HF_INPUT_REGISTRY);
  memset(&change, 0, sizeof change);
  for (uint32_t i = 0; i < 3; i++) {
    struct hf_institution *row = &change.institutions[change.institutions_count];
    if (!first && any(3) != 0) continue;
    snprintf(row->code, sizeof row->code, "BANK%u", i);
    strcpy(row->name, "bank");
    strcpy(row->dialect, "holdfast_json");
    strcpy(row->transport, "https");
    strcpy(row->endpoint, "https://127.0.0.1:1");
    row->enabled = first || any(8) != 0;
    row->window = 1 + (uint32_t)any(60);
    row->connections = 1;
    row->try_timeout_ms = 1000;
    row->sla_feedback_ms = 1000 + (uint32_t)any(100000);
    if (beside(2, 8) == 0) strcpy(row->contacts[0], "N; 123; 08-20; 2099-01-01");
    if (beside(2, 9) == 0) strcpy(row->contacts[1], "M; 456; 20-08; 2024-01-01");
    if (beside(4, 10) == 0) row->paused_until_wall_ns = run.now.wall_ns + 3600 * HF_NS_PER_S;
    change.institutions_count++;
  }
  for (uint32_t i = 0; i < 3; i++) {
    struct hf_key *key = &change.keys[change.keys_count];
    if (!first && any(4) != 0) continue;
    memset(key->id, '1' + (int)i, HF_KEY_ID_SIZE);
    snprintf(key->holder, sizeof key->holder, "officer %u", i);
    strcpy(key->unit, "desk");
    key->role = i == 0 ? HF_ROLE_OFFICER : i == 1 ? HF_ROLE_LEADER : HF_ROLE_MACHINE;
    key->algorithm = HF_ALGORITHM_ED25519;
    key->public_key_size = 44;
    key->valid_from_wall_ns = 1;
    key->valid_until_wall_ns = INT64_MAX;
    key->revoked = !first && any(6) == 0;
    change.keys_count++;
  }
  change.has_policy = any(4) == 0;
  change.policy = hf_policy_default();
  change.policy.version = run.version + (any(5) == 0 ? 2 : 1);
  change.policy.feedback_ms = 1000 + (uint32_t)any(60000);
  change.policy.bulk_accounts = 1 + (uint32_t)any(20);
  change.policy.reconcile_s = any(2) == 0 ? 0 : 3600 + (uint32_t)any(100000);
  change.policy.machine_targets = (uint32_t)any(change.policy.bulk_accounts + 1);
  change.policy.machine_per_hour = (uint32_t)any(10);
  change.policy.machine_amount = 100000000;
  change.policy.extend_counts = (uint32_t)any(2);
  if (any(6) == 0) {
    strcpy(change.protected[0].institution, "BANK1");
    HF_ASSERT(hf_is_ok(hf_account_number_set(&change.protected[0].account, "A3", 2)));
    change.protected_count = 1;
  }
  if (!first) sign_sla(&change);
  change.made_wall_ns = run.now.wall_ns;
  memset(input.key_id, any(10) == 0 ? '7' : '0', HF_KEY_ID_SIZE);
  input.registry = &change;
  input.offset = run.offset++;
  take(&input);
  run.version = hf_core_registry(run.live)->policy.version;
}

static struct hf_case_id some_case(void)
{
  struct hf_case_id id = {.uuid = hf_uuid_v7(1700000000LL * HF_NS_PER_S, (const uint8_t[10]){(uint8_t)any(4)})};
  return id;
}

/* What the daemon does before a submission for a case that rests: its facts come back, then the core is told. */
static void bring_back(struct hf_case_id id)
{
  bool known = false;
  if (hf_core_has_case(run.live, id)) return;
  uint32_t count = run.facts_count;
  for (uint32_t i = 0; i < count; i++) {
    const struct hf_fact *fact = &run.facts[i];
    if (!hf_uuid_equal(fact->case_id.uuid, id.uuid) || fact->kind == HF_FACT_CASE_RESTED ||
        fact->kind == HF_FACT_CASE_RETURNED || fact->kind == HF_FACT_QUARANTINED)
      continue;
    hf_core_restore(run.live, fact);
    known = true;
  }
  if (!known) return;
  struct hf_input input = input_of(HF_INPUT_RETURN);
  input.case_id = id;
  take(&input);
}

static void submit_report(const struct hf_report *report)
{
  struct hf_input input = input_of(HF_INPUT_REPORT);
  bring_back(report->case_id);
  memset(input.key_id, '1' + (int)(any(8) == 0 ? 2 : any(2)), HF_KEY_ID_SIZE);
  input.key_is_record_key = any(30) != 0;
  input.consumed_wall_ns = run.now.wall_ns;
  input.report = report;
  input.offset = run.offset++;
  if (hf_core_has_room(run.live)) take(&input);
}

static void report(void)
{
  static struct hf_report report;
  char account[8];
  if (run.reported && any(4) == 0) { /* the same bytes again: a repeat, or a countersignature */
    submit_report(&report);
    return;
  }
  run.reported = true;
  memset(&report, 0, sizeof report);
  report.case_id = some_case();
  report.id.uuid = hf_uuid_v7(run.now.wall_ns, (const uint8_t[10]){(uint8_t)any(20), 1});
  report.made_wall_ns = run.now.wall_ns + (any(20) == 0 ? 300 * HF_NS_PER_S : 0);
  if (any(5) != 0) strcpy(report.form_reference, "ZF");
  memcpy(report.digest, report.id.uuid.bytes, 16);
  if (any(2) == 0)
    report.chase = (struct hf_chase_bounds){.hops = 1 + (uint32_t)any(4),
                                            .fan_out = 1 + (uint32_t)any(5),
                                            .window_s = 86400 * 30,
                                            .method = 1 + (uint32_t)any(3),
                                            .drafts = any(3) == 0};
  report.transfers_count = (uint32_t)any(5);
  for (uint32_t i = 0; i < report.transfers_count; i++) {
    struct hf_transfer *transfer = &report.transfers[i];
    snprintf(transfer->payee.institution, sizeof transfer->payee.institution, "BANK%u", (unsigned)any(any(10) == 0 ? 4 : 3));
    snprintf(transfer->serial, sizeof transfer->serial, "V%u", (unsigned)any(50));
    int size = snprintf(account, sizeof account, "A%u", (unsigned)any(6));
    struct hf_status status = hf_account_number_set(&transfer->payee.account, account, (size_t)size);
    HF_ASSERT(hf_is_ok(status));
    transfer->amount = any(30) == 0 ? 0 : (int64_t)(1 + any(1000000));
    transfer->currency = any(30) == 0 ? HF_CURRENCY_USD : HF_CURRENCY_CNY;
    transfer->at_wall_ns = run.now.wall_ns - (int64_t)any(3600) * HF_NS_PER_S;
  }
  run.last_case = report.case_id;
  run.last_report = report.id;
  submit_report(&report);
}

/* Transactions as an institution might tell them, sound and unsound. */
static uint32_t make_rows(struct hf_transaction *rows)
{
  uint32_t count = (uint32_t)any(12);
  memset(rows, 0, count * sizeof *rows);
  for (uint32_t i = 0; i < count; i++) {
    struct hf_transaction *row = &rows[i];
    char account[8];
    row->credit = any(3) == 0;
    row->cash = any(8) == 0;
    row->failed = any(12) == 0;
    row->amount = any(15) == 0 ? -5 : (int64_t)(1 + any(500000));
    row->has_balance = any(2) == 0;
    row->balance = (int64_t)any(1000000);
    row->at_wall_ns = run.now.wall_ns - (int64_t)any(7200) * HF_NS_PER_S + (any(20) == 0 ? 7200 * HF_NS_PER_S : 0);
    if (any(2) == 0) snprintf(row->serial, sizeof row->serial, "%c%u", row->credit ? 'V' : 'T', (unsigned)any(50));
    if (any(6) == 0) continue;
    snprintf(row->institution, sizeof row->institution, "BANK%u", (unsigned)any(4));
    int size = snprintf(account, sizeof account, "B%u", (unsigned)any(8));
    HF_ASSERT(hf_is_ok(hf_account_number_set(&row->account, account, (size_t)size)));
  }
  return count;
}

static void answer(void)
{
  static const char *const results[] = {"0000", "0000", "0000", "0900", "1200", "1301", "1303",
                                        "1304", "1800", "1900", "0301", "0101", "0999"};
  static struct hf_transaction rows[16];
  struct hf_listed_hold holds[2] = {{.amount = 5}, {.amount = 6, .freeze = true}};
  struct hf_answer what = {.has_receipt = true, .transactions = rows, .holds = holds};
  if (run.orders_count == 0) return;
  const struct hf_order *order = &run.orders[any(run.orders_count)];
  struct hf_input input = input_of(HF_INPUT_ANSWER);
  what.order_id = input.order_id = order->id;
  what.has_feedback = any(4) != 0;
  strcpy(what.result, results[any(2) == 0 ? 0 : any(sizeof results / sizeof results[0])]);
  what.executed_wall_ns = any(3) == 0 ? 0 : run.now.wall_ns - (int64_t)any(200) * HF_NS_PER_S;
  what.expires_wall_ns = any(2) == 0 ? 0 : run.now.wall_ns + (int64_t)any(100) * 3600 * HF_NS_PER_S;
  what.held = (int64_t)any(1000);
  what.has_balance = any(2) == 0;
  what.balance = (int64_t)any(100000);
  what.more = any(5) == 0;
  what.queued = any(2) == 0;
  what.transactions_count = make_rows(rows);
  what.holds_count = (uint32_t)any(3);
  for (int i = 0; i < 2; i++) holds[i].order_id = run.orders[any(run.orders_count)].id;
  holds[0].expires_wall_ns = run.now.wall_ns + (int64_t)any(48) * 3600 * HF_NS_PER_S;
  input.attempt = 1 + (uint32_t)any(3);
  input.answer = &what;
  take(&input);
}

static void send_command(const struct hf_command *command, uint32_t key)
{
  struct hf_input input = input_of(HF_INPUT_COMMAND);
  bring_back(command->case_id);
  memset(input.key_id, '1' + (int)key, HF_KEY_ID_SIZE);
  input.key_is_record_key = any(30) != 0;
  input.command = command;
  input.offset = run.offset++;
  if (hf_core_has_room(run.live)) take(&input);
}

static void command(void)
{
  if (run.commands_count > 0 && any(3) == 0) { /* the second officer, or the same bytes again, or altered */
    struct hf_command *old = &run.commands[any(run.commands_count)];
    if (any(10) == 0) old->digest[0] ^= 1;
    send_command(old, (uint32_t)any(2));
    return;
  }
  if (run.orders_count == 0) return;
  struct hf_command made = {.kind = (enum hf_command_kind)(1 + any(HF_COMMAND_COUNT - 1)), .made_wall_ns = run.now.wall_ns};
  const struct hf_order *about = &run.orders[any(run.orders_count)];
  made.case_id = about->case_id;
  made.id.uuid = hf_uuid_v7(run.now.wall_ns, (const uint8_t[10]){(uint8_t)any(200), 2});
  memcpy(made.digest, made.id.uuid.bytes, 16);
  made.orders[made.orders_count++] = about->id;
  if (any(3) == 0) made.orders[made.orders_count++] = run.orders[any(run.orders_count)].id;
  made.cascade = any(2) == 0;
  made.break_glass = any(6) == 0;
  made.asks = (enum hf_action)(1 + any(HF_ACTION_COUNT - 1));
  made.mode = (uint32_t)any(4);
  made.amount = (int64_t)any(2000);
  made.until_wall_ns = run.now.wall_ns + (int64_t)any(200) * 86400 * HF_NS_PER_S;
  if (any(4) != 0) {
    strcpy(made.document.type, "02");
    strcpy(made.document.number, "X");
    strcpy(made.document.issuer, "bureau");
    made.document.sha256[0] = 1;
  }
  strcpy(made.text, any(2) == 0 ? "a reason that is long enough" : "");
  strcpy(made.party.institution, "BANK2");
  HF_ASSERT(hf_is_ok(hf_account_number_set(&made.party.account, "P1", 2)) && hf_is_ok(hf_name_set(&made.party.name, "N", 1)));
  made.other = made.id.uuid;
  if (run.reported && any(2) == 0 && hf_uuid_equal(run.last_case.uuid, made.case_id.uuid)) {
    made.other = run.last_report.uuid;
    made.kind = any(2) == 0 ? HF_COMMAND_REVIEW : made.kind;
  }
  for (uint32_t i = 0; i < run.commands_count; i++)
    if (made.kind != HF_COMMAND_REVIEW && hf_uuid_equal(run.commands[i].case_id.uuid, made.case_id.uuid) && any(2) == 0)
      made.other = run.commands[i].id.uuid;
  bool leader = any(4) == 0; /* a lift at once, so that cascades are not rare */
  if (leader) {
    made.kind = HF_COMMAND_LIFT;
    made.break_glass = made.cascade = true;
    made.orders_count = 1;
    strcpy(made.text, "a reason that is long enough");
  }
  run.commands[run.commands_count % COMMANDS_MAX] = made;
  if (run.commands_count < COMMANDS_MAX) run.commands_count++;
  send_command(&made, leader ? 1 : (uint32_t)any(2));
}

static void seen(void)
{
  if (run.orders_count == 0) return;
  const struct hf_order *about = &run.orders[any(run.orders_count)];
  struct hf_fact_seen what = {.suspect = any(2) == 0, .other_id = some_case()};
  struct hf_input input = input_of(HF_INPUT_SEEN);
  what.party.account = about->account;
  memcpy(what.party.institution, about->institution, sizeof what.party.institution);
  bring_back(about->case_id);
  input.case_id = about->case_id;
  input.seen = &what;
  take(&input);
}

static void attempt(void)
{
  static const enum hf_input_kind kinds[] = {HF_INPUT_LEFT, HF_INPUT_LEFT, HF_INPUT_ATTEMPT_ENDED, HF_INPUT_GAVE_UP};
  if (run.orders_count == 0) return;
  struct hf_input input = input_of(kinds[any(4)]);
  uint64_t which = any(run.orders_count);
  if (!run.ready[which]) return; /* a draft is in no lane */
  input.order_id = run.orders[which].id;
  input.attempt = 1 + (uint32_t)any(3);
  input.outcome = HF_OUTCOME_TIMEOUT;
  input.left = any(2) == 0;
  take(&input);
}

static void unreadable(void)
{
  struct hf_input input = input_of(HF_INPUT_UNREADABLE);
  input.verdict = HF_REASON_BAD_SIGNATURE;
  input.offset = run.offset++;
  take(&input);
}

static void note_clock_and_lane(void)
{
  const struct hf_fact_clock clock = {
      .ahead_ns = (int64_t)any(1000) * HF_NS_PER_MS, .error_ns = HF_NS_PER_MS, .synchronised = beside(2, 7) == 0};
  struct hf_input input = input_of(HF_INPUT_CLOCK);
  input.clock = &clock;
  take(&input);
  struct hf_fact_lane lane = {.silent = clock.synchronised, .tries = 8, .orders = 3};
  snprintf(lane.institution, sizeof lane.institution, "BANK%u", (unsigned)beside(2, 4));
  input = input_of(HF_INPUT_LANE);
  input.lane = &lane;
  take(&input);
}

static void access(void)
{
  static struct hf_access access;
  access = (struct hf_access){.kind = HF_ACCESS_REVEAL, .what = "a case", .reason = "why not"};
  access.made_wall_ns = run.now.wall_ns + (beside(5, 11) == 0 ? 3600 * HF_NS_PER_S : 0);
  memset(&access.id, (int)beside(200, 12), sizeof access.id);
  struct hf_input input = input_of(HF_INPUT_ACCESS);
  memset(input.key_id, '1' + (int)beside(5, 13), HF_KEY_ID_SIZE);
  input.access = &access;
  take(&input);
}

static void step(void)
{
  run.now.mono_ns += (int64_t)any(1000000000);
  run.now.wall_ns += (int64_t)any(any(6) == 0 ? 40LL * 3600 * HF_NS_PER_S : 5 * HF_NS_PER_S);
  struct hf_input tick = input_of(HF_INPUT_TICK);
  if (hf_core_next_deadline(run.live) <= run.now.wall_ns) take(&tick);
  switch (any(14)) {
  case 0: change_registry(false); break;
  case 10:
  case 11:
  case 12: command(); break;
  case 13: seen(); break;
  case 1:
  case 2:
  case 3: report(); break;
  case 4:
    if (beside(4, 8) == 0) note_clock_and_lane();
    if (beside(4, 7) == 0) access();
    unreadable();
    break;
  case 5:
  case 6: attempt(); break;
  case 7: bring_back(some_case()); break;
  default: answer();
  }
}

static bool is_open(struct hf_case_id id)
{
  return hf_core_has_case(run.live, id);
}

/* As hf_record_load gives them: the registry's facts and those of open cases, then the shard's seq. */
static void restore(void)
{
  struct hf_case_id none = {0};
  for (uint32_t i = 0; i < run.facts_count; i++) {
    const struct hf_fact *fact = &run.facts[i];
    bool kept = fact->kind != HF_FACT_CASE_RESTED && fact->kind != HF_FACT_CASE_RETURNED && fact->kind != HF_FACT_QUARANTINED;
    if (run.planted && i > 20 && fact->kind == HF_FACT_ORDER_SENT) continue;
    if (kept && (hf_uuid_equal(fact->case_id.uuid, none.uuid) || is_open(fact->case_id))) hf_core_restore(run.restored, fact);
  }
  hf_core_restored(run.restored, run.facts_count);
}

static uint64_t history(uint64_t seed)
{
  madvise(run.live_memory, run.memory_size, MADV_DONTNEED); /* zeroes again */
  madvise(run.restored_memory, run.memory_size, MADV_DONTNEED);
  run.random = hf_mix64(seed * 0x9e3779b97f4a7c15ULL); /* mixed: else one history's numbers are the next one's, shifted */
  run.facts_count = run.orders_count = run.version = run.commands_count = 0;
  run.reported = false;
  run.offset = 0;
  run.now = (struct hf_time){1000000000, 1700000000LL * HF_NS_PER_S};
  run.live = hf_core_init(run.live_memory, &config);
  run.restored = hf_core_init(run.restored_memory, &config);
  change_registry(true);
  for (uint64_t steps = 10 + any(STEPS_MAX - 10); steps > 0; steps--) step();
  restore();
  uint64_t live = hf_core_checksum(run.live), restored = hf_core_checksum(run.restored);
  for (uint32_t i = 0; i < run.facts_count; i++) HF_ASSERT(run.facts[i].seq == i + 1);
  if (live == restored && hf_core_next_deadline(run.live) == hf_core_next_deadline(run.restored)) return live;
  printf("seed %llu: the restored core differs (%u facts)\n", (unsigned long long)seed, run.facts_count);
  exit(1);
}

static void *reserve(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HF_ASSERT(memory != MAP_FAILED);
  return memory;
}

int main(int argc, char **argv)
{
  run.planted = argc > 1 && strcmp(argv[1], "planted") == 0;
  if (run.planted) argc = 1;
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, sum = 0,
           facts = 0;
  run.memory_size = hf_core_memory_size(&config);
  run.live_memory = reserve(run.memory_size);
  run.restored_memory = reserve(run.memory_size);
  for (uint64_t seed = first; seed < first + count; seed++) {
    sum = hf_mix64(sum + history(seed));
    facts += run.facts_count;
  }
  for (int kind = 1; kind < HF_FACT_COUNT; kind++) {
    if (run.kinds[kind] > 0 || count < 100000) continue;
    printf("no history has a fact %s: the inputs do not reach it\n", hf_fact_code((enum hf_fact_kind)kind));
    return 1;
  }
  printf("%llu histories, %llu facts, sum %016llx\n", (unsigned long long)count, (unsigned long long)facts,
         (unsigned long long)sum);
  return 0;
}
