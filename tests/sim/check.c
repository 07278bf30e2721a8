/*
 * The checker: what must hold in every world (reliability.md section 3), from the log, the store and the institutions' ledgers.
 * It shares no code with the core: a plain model, slow and obvious.
 */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define ORDERS_MAX 16384
#define LEGAL_FRESH_NS (2 * SECOND + 20 * MS)
#define CLOCKS_NS (11 * SECOND) /* how far two readings of stepped clocks may be apart */

struct order {
  struct hf_order order;
  uint32_t shard, drafted, ready, sent, ended, unknown, overdue,
      over; /* how many facts of each; over: cancelled, dropped, watched */
  char result[5];
  bool by_person;
};

static struct order orders[ORDERS_MAX];
static uint32_t places[ORDERS_MAX * 2], orders_count;

static struct order *order_of(struct hf_order_id id, bool add)
{
  uint64_t at = hf_checksum(HF_CHECKSUM_SEED, id.uuid.bytes, sizeof id.uuid.bytes) % (ORDERS_MAX * 2);
  for (; places[at] != 0; at = (at + 1) % (ORDERS_MAX * 2))
    if (hf_uuid_equal(orders[places[at] - 1].order.id.uuid, id.uuid)) return &orders[places[at] - 1];
  if (!add) return NULL;
  HF_ASSERT(orders_count < ORDERS_MAX);
  orders[orders_count] = (struct order){.order.id = id};
  places[at] = ++orders_count;
  return &orders[orders_count - 1];
}

static const char *short_id(struct hf_order_id id)
{
  static char text[HF_UUID_TEXT_SIZE];
  return hf_uuid_text(id.uuid, text);
}

static bool is_legal(enum hf_action action)
{
  return action == HF_ACTION_FREEZE || action == HF_ACTION_RENEW || action == HF_ACTION_UNFREEZE || action == HF_ACTION_LIFT ||
         action == HF_ACTION_RETURN || action == HF_ACTION_BLOCK;
}

/* Whether the store has this order as it leaves: another owner may have made it again, at another moment. */
static bool is_stored(const struct sim_store *store, const struct hf_order *order)
{
  for (uint32_t i = store->count; i-- > 0;) {
    const struct hf_fact *fact = &store->facts[i];
    if (fact->kind == HF_FACT_ORDER_READY && hf_uuid_equal(fact->order.id.uuid, order->id.uuid))
      return fact->order.issued_wall_ns == order->issued_wall_ns;
  }
  return false;
}

/* I9, law 3: a legal act leaves after its commit and under an epoch that was the owner's less than two seconds ago. */
bool sim_check_leave(struct sim *sim, const struct sim_engine *engine, const struct hf_order *order)
{
  uint32_t shard = hf_order_id_shard(order->id);
  const struct sim_store *store = &sim->stores[shard];
  bool stored = is_stored(store, order);
  if (!is_legal(order->action)) return !stored && !hf_uuid_is_zero(order->parent.uuid); /* an answer caused it, not the log */
  if (engine->shards[shard].epoch != store->epoch && sim->now_ns - store->epoch_since_ns > LEGAL_FRESH_NS)
    sim_fail(sim, "I9", "%s %s left engine %u, which has not been the owner for %lld ms", hf_action_code(order->action),
             short_id(order->id), engine->index, (long long)((sim->now_ns - store->epoch_since_ns) / MS));
  if (!stored) sim_fail(sim, "I9", "%s %s left before its commit", hf_action_code(order->action), short_id(order->id));
  return false;
}

/* I10: what changes a hold never comes before what made it. */
void sim_check_arrival(struct sim *sim, const struct sim_bank *bank, const struct hf_order *order)
{
  bool after = order->action == HF_ACTION_EXTEND || order->action == HF_ACTION_LIFT || order->action == HF_ACTION_RENEW ||
               order->action == HF_ACTION_UNFREEZE;
  if (!after) return;
  for (uint32_t i = 0; i < bank->ledger_count; i++)
    if (hf_uuid_equal(bank->ledger[i].id.uuid, order->parent.uuid)) return;
  sim_fail(sim, "I10", "%s %s came before its parent", hf_action_code(order->action), short_id(order->id));
}

/* --- I5: whose signatures are there, read from the log alone --- */

static int holder_of(char key)
{
  return key == '4' ? '1' : key; /* one officer with two keys */
}

static int64_t revoked_at(const struct sim_log *log)
{
  for (uint32_t i = 1; i < log->count; i++)
    if (log->records[i].kind == HF_INPUT_REGISTRY) return i;
  return INT64_MAX;
}

/* NULL: the record is not of this submission. */
static const uint8_t *digest_of(const struct sim_record *record, struct hf_uuid submission)
{
  if (record->report != NULL && hf_uuid_equal(record->report->id.uuid, submission)) return record->report->digest;
  if (record->command != NULL && hf_uuid_equal(record->command->id.uuid, submission)) return record->command->digest;
  return NULL;
}

/* Whether so many officers signed the same bytes of it, or one leader broke the glass for them. */
static bool is_signed(const struct sim_log *log, struct hf_uuid submission, uint32_t officers)
{
  int64_t revoked = revoked_at(log);
  for (uint32_t i = 0; i < log->count; i++) {
    const struct sim_record *first = &log->records[i];
    const uint8_t *digest = digest_of(first, submission);
    bool broke = first->command != NULL && first->command->break_glass && first->key_id[0] == '3';
    if (digest == NULL || (first->key_id[0] == '2' && i > revoked)) continue;
    if (officers < 2 || broke) return true;
    for (uint32_t k = i + 1; k < log->count; k++) {
      const struct sim_record *second = &log->records[k];
      const uint8_t *same = digest_of(second, submission);
      if (same == NULL || memcmp(same, digest, HF_DIGEST_SIZE) != 0 || (second->key_id[0] == '2' && k > revoked)) continue;
      if (holder_of(first->key_id[0]) != holder_of(second->key_id[0])) return true;
    }
  }
  return false;
}

static void check_authority(struct sim *sim, const struct order *of)
{
  const struct sim_log *log = &sim->logs[of->shard];
  if (!is_signed(log, of->order.submission_id, 1))
    sim_fail(sim, "I5", "order %s traces to nothing that was signed", short_id(of->order.id));
  if (is_legal(of->order.action) && !is_signed(log, of->order.submission_id, 2))
    sim_fail(sim, "I5", "%s %s has one officer", hf_action_code(of->order.action), short_id(of->order.id));
}

/* --- the store, fact by fact --- */

static void check_offsets(struct sim *sim, uint32_t shard)
{
  static uint32_t seen[SIM_RECORDS_MAX];
  const struct sim_store *store = &sim->stores[shard];
  memset(seen, 0, sizeof seen);
  for (uint32_t i = 0; i < store->count; i++) {
    const struct hf_fact *fact = &store->facts[i];
    int64_t offset = -1;
    if (fact->kind == HF_FACT_REPORT_ACCEPTED) offset = fact->report.offset;
    if (fact->kind == HF_FACT_COMMAND_ACCEPTED) offset = fact->command.offset;
    if (fact->kind == HF_FACT_QUARANTINED) offset = fact->quarantined.offset;
    if (fact->kind == HF_FACT_SUBMISSION_WAITS || fact->kind == HF_FACT_COUNTERSIGNED) offset = fact->submission.offset;
    if (offset >= 0 && offset < SIM_RECORDS_MAX) seen[offset]++;
  }
  for (uint32_t i = 0; i < sim->logs[shard].count; i++)
    if (sim->logs[shard].records[i].kind != HF_INPUT_REGISTRY && seen[i] != 1)
      sim_fail(sim, "I1", "shard %u offset %u has %u rows", shard, i, seen[i]);
  if (store->next_offset != sim->logs[shard].count)
    sim_fail(sim, "I1", "shard %u stands at offset %lld of %u", shard, (long long)store->next_offset, sim->logs[shard].count);
}

static bool left_at(const struct sim *sim, struct hf_order_id id, int64_t mono_ns)
{
  for (uint32_t i = 0; i < sim->leaves_count; i++)
    if (sim->leaves[i].at_ns == mono_ns && hf_uuid_equal(sim->leaves[i].id.uuid, id.uuid)) return true;
  return false;
}

static void follow(struct sim *sim, uint32_t shard, const struct hf_fact *fact)
{
  struct order *of;
  switch (fact->kind) {
  case HF_FACT_ORDER_DRAFTED:
  case HF_FACT_ORDER_READY:
    of = order_of(fact->order.id, true);
    if ((fact->kind == HF_FACT_ORDER_READY ? of->ready++ > 0 : of->drafted++ > 0) && !sim->anew)
      sim_fail(sim, "I8", "order %s is made twice", short_id(fact->order.id));
    of->order = fact->order;
    of->shard = shard;
    break;
  case HF_FACT_ORDER_SENT:
    of = order_of(fact->step.order_id, false);
    if (of == NULL || of->ready == 0)
      sim_fail(sim, "I8", "order %s was sent before it was made", short_id(fact->step.order_id));
    if (of != NULL) of->sent++;
    if (!left_at(sim, fact->step.order_id, fact->step.at.mono_ns))
      sim_fail(sim, "I6", "order %s did not leave when its stamp says", short_id(fact->step.order_id));
    break;
  case HF_FACT_ORDER_UNKNOWN:
    of = order_of(fact->step.order_id, false);
    if (of != NULL) of->unknown++;
    break;
  case HF_FACT_ORDER_OVERDUE:
    of = order_of(fact->step.order_id, false);
    if (of != NULL) of->overdue++;
    break;
  case HF_FACT_ORDER_DROPPED:
  case HF_FACT_ORDER_CANCELLED:
    of = order_of(fact->step.order_id, false);
    if (of != NULL && of->over++ > 0) sim_fail(sim, "I8", "order %s was taken back twice", short_id(fact->step.order_id));
    break;
  case HF_FACT_ORDER_ENDED:
    of = order_of(fact->ended.answer.order_id, false);
    if (of == NULL || of->ready == 0) sim_fail(sim, "I8", "an order ended that was never made");
    if (of != NULL && of->ended++ > 0 && !sim->anew) sim_fail(sim, "I8", "order %s ended twice", short_id(of->order.id));
    if (of == NULL) break;
    of->by_person = !hf_uuid_is_zero(fact->ended.submission_id) || fact->ended.event == HF_ORDER_EVENT_ENDED;
    memcpy(of->result, fact->ended.answer.result, 5);
    break;
  default: break;
  }
}

/* --- the institutions' ledgers against the store --- */

bool sim_left_early(const struct sim *sim, struct hf_order_id id)
{
  for (uint32_t i = 0; i < sim->leaves_count; i++)
    if (sim->leaves[i].early && hf_uuid_equal(sim->leaves[i].id.uuid, id.uuid)) return true;
  return false;
}

static void check_ledger(struct sim *sim, const struct sim_bank *bank)
{
  for (uint32_t i = 0; i < bank->ledger_count; i++) {
    const struct sim_entry *entry = &bank->ledger[i];
    const struct order *of = order_of(entry->id, false);
    if (of == NULL || of->ready == 0) {
      if (!sim_left_early(sim, entry->id) && !sim->anew)
        sim_fail(sim, "I3", "%s has an order %s that nobody recorded", bank->code, short_id(entry->id));
      continue;
    }
    /* I4: what the record says is what the institution said */
    if (of->ended > 0 && !of->by_person && strcmp(of->result, entry->result) != 0)
      sim_fail(sim, "I4", "%s said %s to %s, the record says %s", bank->code, entry->result, short_id(entry->id), of->result);
  }
}

static const struct sim_entry *entry_of(const struct sim *sim, struct hf_order_id id)
{
  for (uint32_t b = 0; b < SIM_BANKS; b++)
    for (uint32_t i = 0; i < sim->banks[b].ledger_count; i++)
      if (hf_uuid_equal(sim->banks[b].ledger[i].id.uuid, id.uuid)) return &sim->banks[b].ledger[i];
  return NULL;
}

/* H1, I11: a hold's recorded interval contains the truth; two stops at most. */
static void check_hold(struct sim *sim, const struct hf_fact *fact)
{
  const struct hf_hold *hold = &fact->hold.hold;
  if (hold->count > 2 && fact->hold.kind == HF_HOLD_STOP)
    sim_fail(sim, "I11", "an account has been stopped %u times", hold->count);
  if (fact->hold.event != HF_HOLD_EVENT_PLACED || fact->hold.kind != HF_HOLD_STOP || sim->anew) return;
  const struct sim_entry *entry = entry_of(sim, fact->hold.order_id);
  if (entry == NULL || entry->action != HF_ACTION_STOP) return;
  const struct order *of = order_of(entry->id, false);
  if (of == NULL || hold->starts_latest_wall_ns < of->order.issued_wall_ns || sim_left_early(sim, entry->id))
    return; /* it goes on from an earlier order */
  bool to_the_second = of != NULL && strcmp(of->order.institution, sim->banks[SIM_PLATFORM].code) == 0;
  int64_t truth = SIM_START + entry->first_ns, slack = sim->stepped ? CLOCKS_NS : to_the_second ? SECOND : MS;
  if (truth < hold->starts_earliest_wall_ns - slack || truth > hold->starts_latest_wall_ns + slack)
    sim_fail(sim, "I11", "stop %s began at %lld ms; the record says from %lld to %lld", short_id(entry->id),
             (long long)(entry->first_ns / MS), (long long)((hold->starts_earliest_wall_ns - SIM_START) / MS),
             (long long)((hold->starts_latest_wall_ns - SIM_START) / MS));
}

/*
 * I13: some minutes after the last fault every order has ended. Where the institution swallows what comes twice, an answer that
 * was lost is lost: then a person sees the order.
 */
static void check_rest(struct sim *sim, const struct order *of)
{
  bool young = of->order.issued_wall_ns > sim_time(sim).wall_ns - 120 * SECOND; /* a comparison that has just begun */
  if (of->ready == 0 || of->ended > 0 || of->over > 0 || of->order.action == HF_ACTION_MONITOR || young) return;
  bool lost = of->unknown > 0 && strcmp(of->order.institution, sim->banks[SIM_SWALLOWS].code) == 0;
  /* It may have the order and say nothing more: late, on the screens. */
  lost |= of->unknown + of->overdue > 0 && strcmp(of->order.institution, sim->banks[SIM_PLATFORM].code) == 0;
  if (!lost)
    sim_fail(sim, "I13", "%s %s is stuck: sent %u times", hf_action_code(of->order.action), short_id(of->order.id), of->sent);
}

/* A submission is accepted once, however often its bytes come. */
static void check_accepted(struct sim *sim, const struct sim_store *store, uint32_t at)
{
  const struct hf_fact *fact = &store->facts[at];
  if (fact->kind != HF_FACT_REPORT_ACCEPTED && fact->kind != HF_FACT_COMMAND_ACCEPTED) return;
  struct hf_uuid id = fact->kind == HF_FACT_REPORT_ACCEPTED ? fact->report.id.uuid : fact->command.id.uuid;
  for (uint32_t i = 0; i < at; i++)
    if (store->facts[i].kind == fact->kind && !sim->anew &&
        hf_uuid_equal(fact->kind == HF_FACT_REPORT_ACCEPTED ? store->facts[i].report.id.uuid : store->facts[i].command.id.uuid,
                      id))
      sim_fail(sim, "I3", "a submission is accepted twice");
}

/* The chase conserves: of one victim's transfer no more leaves an account than came in. */
struct flow {
  struct hf_case_id case_id;
  uint64_t account;
  uint32_t root;
  int64_t in, out;
};

static struct flow *flow_of(struct flow *flows, uint32_t *count, const struct hf_fact *fact, const struct hf_party *party,
                            uint32_t root)
{
  uint64_t account = hf_checksum(hf_checksum(HF_CHECKSUM_SEED, party->institution, strlen(party->institution)),
                                 party->account.bytes, party->account.size);
  for (uint32_t i = 0; i < *count; i++)
    if (flows[i].account == account && flows[i].root == root && hf_uuid_equal(flows[i].case_id.uuid, fact->case_id.uuid))
      return &flows[i];
  HF_ASSERT(*count < 4096);
  flows[*count] = (struct flow){.case_id = fact->case_id, .account = account, .root = root};
  return &flows[(*count)++];
}

static void check_money(struct sim *sim, uint32_t shard)
{
  static struct flow flows[4096];
  uint32_t count = 0, roots[SIM_CASES_MAX] = {0};
  const struct sim_store *store = &sim->stores[shard];
  for (uint32_t i = 0; i < store->count; i++) {
    const struct hf_fact *fact = &store->facts[i];
    if (fact->kind == HF_FACT_TRANSFER_CLAIMED) {
      uint32_t at = 0;
      while (at < store->cases_count && !hf_uuid_equal(store->cases[at].id.uuid, fact->case_id.uuid)) at++;
      HF_ASSERT(at < SIM_CASES_MAX);
      flow_of(flows, &count, fact, &fact->transfer.transfer.payee, ++roots[at])->in += fact->transfer.transfer.amount;
    } else if (fact->kind == HF_FACT_MONEY_TRACED) {
      flow_of(flows, &count, fact, &fact->traced.from, fact->traced.root)->out += fact->traced.amount;
      if (fact->traced.bound == HF_BOUND_UNSET)
        flow_of(flows, &count, fact, &fact->traced.to, fact->traced.root)->in += fact->traced.amount;
      if (fact->traced.amount > fact->traced.transfer_amount || fact->traced.amount <= 0)
        sim_fail(sim, "chase", "a transfer carries more than it has");
    }
  }
  for (uint32_t i = 0; i < count; i++)
    if (flows[i].out > flows[i].in)
      sim_fail(sim, "chase", "of transfer %u %lld left an account and %lld came in", flows[i].root, (long long)flows[i].out,
               (long long)flows[i].in);
}

void sim_check_end(struct sim *sim)
{
  orders_count = 0;
  memset(places, 0, sizeof places);
  for (uint32_t shard = 0; shard < SIM_SHARDS; shard++) {
    const struct sim_store *store = &sim->stores[shard];
    for (uint32_t i = 0; i < store->count; i++) {
      if (store->facts[i].seq != i + 1) sim_fail(sim, "I2", "facts are not without gaps");
      follow(sim, shard, &store->facts[i]);
      check_accepted(sim, store, i);
      if (store->facts[i].kind == HF_FACT_HOLD_CHANGED) check_hold(sim, &store->facts[i]);
    }
    check_offsets(sim, shard);
    if (!sim->anew) check_money(sim, shard);
  }
  for (uint32_t i = 0; i < SIM_BANKS; i++) check_ledger(sim, &sim->banks[i]);
  for (uint32_t i = 0; i < orders_count; i++) {
    if (orders[i].ready > 0) check_authority(sim, &orders[i]);
    check_rest(sim, &orders[i]);
  }
}
