/* People: officers who report, command, approve, err and repeat; mules who move the money on. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

static const struct {
  char digit;
  const char *holder, *unit;
  enum hf_role role;
} keys[] = {{'1', "officer 1", "desk", HF_ROLE_OFFICER},
            {'2', "officer 2", "desk", HF_ROLE_OFFICER},
            {'3', "leader", "desk", HF_ROLE_LEADER},
            {'4', "officer 1", "desk", HF_ROLE_OFFICER}, /* the first one's second key */
            {'5', "stranger", "elsewhere", HF_ROLE_OFFICER}};

struct sim_record *sim_append(struct sim *sim, uint32_t shard, char key)
{
  struct sim_log *log = &sim->logs[shard];
  HF_ASSERT(log->count < SIM_RECORDS_MAX);
  struct sim_record *record = &log->records[log->count++];
  memset(record, 0, sizeof *record);
  record->appended_wall_ns = SIM_START + sim->now_ns;
  memset(record->key_id, key, HF_KEY_ID_SIZE);
  for (uint32_t i = 0; i < SIM_ENGINES; i++)
    sim_at(sim, (int64_t)(1 + sim_any(sim, 3)) * MS,
           (struct sim_event){.kind = SIM_CONSUME, .engine = i, .life = sim->engines[i].life});
  return record;
}

static void registry(struct sim *sim, bool revoke)
{
  for (uint32_t shard = 0; shard < SIM_SHARDS; shard++) {
    struct sim_record *record = sim_append(sim, shard, '0');
    struct hf_registry_change *change = calloc(1, sizeof *change);
    HF_ASSERT(change != NULL);
    record->kind = HF_INPUT_REGISTRY;
    record->registry = change;
    change->made_wall_ns = record->appended_wall_ns;
    for (uint32_t i = 0; i < SIM_BANKS && !revoke; i++) {
      struct hf_institution *row = &change->institutions[change->institutions_count++];
      *row = (struct hf_institution){.name = "bank",
                                     .dialect = "holdfast_json",
                                     .transport = "https",
                                     .endpoint = "https://x",
                                     .enabled = true,
                                     .swallows_duplicates = i == SIM_SWALLOWS,
                                     .window = 8,
                                     .connections = 1,
                                     .try_timeout_ms = sim->calm ? 120000 : 2000,
                                     .sla_feedback_ms = 60000};
      memcpy(row->code, sim->banks[i].code, sizeof row->code);
      if (i != SIM_PLATFORM || sim->calm) continue;
      strcpy(row->dialect, "platform_xml");
      strcpy(row->transport, "tcp");
      strcpy(row->bank_code, "102100000013");
      strcpy(row->profile, "phone=1");
      row->swallows_duplicates = true;
      row->actions = hf_platform_xml.actions;
    }
    for (uint32_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
      if (revoke && keys[i].digit != '2') continue;
      struct hf_key *key = &change->keys[change->keys_count++];
      *key = (struct hf_key){.role = keys[i].role,
                             .algorithm = HF_ALGORITHM_ED25519,
                             .public_key_size = 44,
                             .valid_from_wall_ns = 1,
                             .valid_until_wall_ns = INT64_MAX,
                             .revoked = revoke};
      memset(key->id, keys[i].digit, HF_KEY_ID_SIZE);
      strcpy(key->holder, keys[i].holder);
      strcpy(key->unit, keys[i].unit);
    }
  }
}

static struct hf_account_number number_of(uint32_t value)
{
  struct hf_account_number number = {0};
  char text[16];
  int size = snprintf(text, sizeof text, "62%06u", value);
  HF_ASSERT(hf_is_ok(hf_account_number_set(&number, text, (size_t)size)));
  return number;
}

static void add_row(struct sim_account *account, bool credit, int64_t amount, int64_t at_ns, const char *serial,
                    const char *institution, const struct hf_account_number *other)
{
  if (account->rows_count == SIM_ROWS_MAX) return;
  struct hf_transaction *row = &account->rows[account->rows_count++];
  *row = (struct hf_transaction){.credit = credit, .amount = amount, .at_wall_ns = at_ns, .cash = other == NULL};
  strcpy(row->serial, serial);
  strcpy(row->institution, institution);
  if (other != NULL) row->account = *other;
}

/* The money goes on: split, mixed with the mule's own, sometimes in a circle, in the end as cash. */
static void move_on(struct sim *sim, uint32_t bank, const struct hf_account_number *number, int64_t amount, int64_t at_ns,
                    const char *serial, const char *from_code, const struct hf_account_number *from, int depth)
{
  struct sim_account *account = sim_bank_account(sim, bank, number);
  add_row(account, true, amount, at_ns, serial, from_code, from);
  account->balance += amount;
  uint32_t parts = depth >= 4 ? 0 : (uint32_t)sim_any(sim, 4);
  for (uint32_t i = 0; i < parts; i++) {
    int64_t part = (int64_t)(1 + sim_any(sim, (uint64_t)amount));
    uint32_t to = (uint32_t)sim_any(sim, SIM_BANKS);
    struct hf_account_number next = number_of((uint32_t)sim_any(sim, 60));
    char next_serial[24];
    snprintf(next_serial, sizeof next_serial, "T%llu", (unsigned long long)sim_any(sim, 1000000000));
    at_ns += (int64_t)sim_any(sim, 300) * SECOND;
    if (part > account->balance) break;
    account->balance -= part;
    if (sim_any(sim, 8) == 0) {
      add_row(account, false, part, at_ns, next_serial, "", NULL);
      continue;
    }
    add_row(account, false, part, at_ns, next_serial, sim->banks[to].code, &next);
    move_on(sim, to, &next, part, at_ns, next_serial, sim->banks[bank].code, number, depth + 1);
  }
}

static void report(struct sim *sim, uint32_t number)
{
  uint32_t shard = (uint32_t)sim_any(sim, SIM_SHARDS);
  struct sim_record *record = sim_append(sim, shard, sim_any(sim, 12) == 0 ? '5' : (char)('1' + sim_any(sim, 3)));
  struct hf_report *made = calloc(1, sizeof *made);
  HF_ASSERT(made != NULL);
  record->kind = HF_INPUT_REPORT;
  record->report = made;
  made->made_wall_ns = record->appended_wall_ns;
  made->case_id.uuid = hf_uuid_v7(record->appended_wall_ns, (const uint8_t[10]){(uint8_t)number, (uint8_t)shard, 1});
  const struct sim_record *old = &sim->logs[shard].records[sim_any(sim, sim->logs[shard].count)];
  if (old->report != NULL && old != record && sim_any(sim, 2) == 0)
    made->case_id = old->report->case_id; /* more of the same case */
  made->id.uuid = hf_uuid_v7(record->appended_wall_ns, (const uint8_t[10]){(uint8_t)number, (uint8_t)shard, 2});
  memcpy(made->digest, made->id.uuid.bytes, 16);
  if (sim_any(sim, 4) != 0) snprintf(made->form_reference, sizeof made->form_reference, "ZF-%u", number);
  if (sim_any(sim, 2) != 0) snprintf(made->case_number, sizeof made->case_number, "C-%u", number);
  made->transfers_count = 1 + (uint32_t)sim_any(sim, 3);
  if (sim_any(sim, 4) != 0)
    made->chase = (struct hf_chase_bounds){.hops = 1 + (uint32_t)sim_any(sim, 4),
                                           .fan_out = 1 + (uint32_t)sim_any(sim, 6),
                                           .window_s = 30 * 86400,
                                           .method = 1 + (uint32_t)sim_any(sim, 3),
                                           .drafts = sim_any(sim, 4) == 0};
  for (uint32_t i = 0; i < made->transfers_count; i++) {
    struct hf_transfer *transfer = &made->transfers[i];
    uint32_t bank = (uint32_t)sim_any(sim, SIM_BANKS);
    transfer->payee.account = number_of((uint32_t)sim_any(sim, 60));
    strcpy(transfer->payee.institution, sim->banks[bank].code);
    transfer->amount = (int64_t)(1 + sim_any(sim, 1000000));
    transfer->currency = HF_CURRENCY_CNY;
    int64_t at_ns = sim->now_ns - (int64_t)sim_any(sim, 7200) * SECOND;
    transfer->at_wall_ns = SIM_START + at_ns;
    snprintf(transfer->serial, sizeof transfer->serial, "V%llu", (unsigned long long)sim_any(sim, 1000000000));
    struct hf_account_number victim = number_of(900000 + number);
    move_on(sim, bank, &transfer->payee.account, transfer->amount, at_ns, transfer->serial, "VICTIM", &victim, 0);
  }
  sim_say(sim, "officer %c reports case %u in shard %u: %u transfers", record->key_id[0], number, shard, made->transfers_count);
}

/* Now and then the shard's owner is frozen just when a command is about to leave, and wakes up when another has it. */
static void tempt(struct sim *sim, uint32_t shard)
{
  if (sim_any(sim, 12) != 0 || sim->owners[shard] == SIM_ENGINES || sim->skip_faults != 0) return;
  int64_t at_ns = (int64_t)sim_any(sim, 20) * MS, lasts_ns = (int64_t)(8 + sim_any(sim, 10)) * SECOND;
  sim_at(sim, at_ns, (struct sim_event){.kind = SIM_FAULT, .a = SIM_FAULT_FREEZE, .b = sim->owners[shard]});
  sim_at(sim, at_ns + lasts_ns, (struct sim_event){.kind = SIM_FAULT, .a = SIM_FAULT_RESUME, .b = sim->owners[shard]});
}

/* The same bytes again, by whoever: a producer's duplicate, a countersignature, an approval, a forgery. */
static void again(struct sim *sim)
{
  uint32_t shard = (uint32_t)sim_any(sim, SIM_SHARDS);
  struct sim_log *log = &sim->logs[shard];
  if (log->count < 2 || log->count + 1 >= SIM_RECORDS_MAX) return;
  struct sim_record old = log->records[1 + sim_any(sim, log->count - 1)];
  if (old.kind == HF_INPUT_REGISTRY) return;
  bool same = sim_any(sim, 3) == 0;
  struct sim_record *record = sim_append(sim, shard, same ? old.key_id[0] : (char)('1' + sim_any(sim, 5)));
  if (same) sim->faults[SIM_FAULT_DUPLICATE]++;
  record->kind = old.kind;
  if (old.kind == HF_INPUT_REPORT) {
    record->report = malloc(sizeof *record->report);
    HF_ASSERT(record->report != NULL);
    *record->report = *old.report;
  } else {
    record->command = malloc(sizeof *record->command);
    HF_ASSERT(record->command != NULL);
    *record->command = *old.command;
    if (sim_any(sim, 10) == 0) record->command->digest[0] ^= 1; /* one digit altered */
  }
  sim_say(sim, "officer %c submits a record of shard %u again", record->key_id[0], shard);
  if (!same) tempt(sim, shard);
}

/* An act on an order that the store shows: what an officer sees is what is recorded. */
static void command(struct sim *sim, uint32_t number)
{
  static const enum hf_command_kind wished[] = {HF_COMMAND_FREEZE, HF_COMMAND_LIFT,    HF_COMMAND_EXTEND, HF_COMMAND_STOP,
                                                HF_COMMAND_RENEW,  HF_COMMAND_CONFIRM, HF_COMMAND_DROP,   HF_COMMAND_CANCEL,
                                                HF_COMMAND_FIX,    HF_COMMAND_RESOLVE, HF_COMMAND_QUERY,  HF_COMMAND_RECONCILE,
                                                HF_COMMAND_PAPER,  HF_COMMAND_LIFT,    HF_COMMAND_FREEZE};
  uint32_t shard = (uint32_t)sim_any(sim, SIM_SHARDS);
  const struct sim_store *store = &sim->stores[shard];
  const struct hf_fact *about = NULL;
  for (int tries = 0; tries < 40 && about == NULL && store->count > 0; tries++) {
    const struct hf_fact *fact = &store->facts[sim_any(sim, store->count)];
    if (fact->kind == HF_FACT_ORDER_READY || fact->kind == HF_FACT_ORDER_DRAFTED) about = fact;
  }
  if (about == NULL || sim->logs[shard].count + 1 >= SIM_RECORDS_MAX) return;
  struct sim_record *record = sim_append(sim, shard, sim_any(sim, 15) == 0 ? '5' : (char)('1' + sim_any(sim, 3)));
  struct hf_command *made = calloc(1, sizeof *made);
  HF_ASSERT(made != NULL);
  record->kind = HF_INPUT_COMMAND;
  record->command = made;
  made->kind = wished[sim_any(sim, sizeof wished / sizeof wished[0])];
  made->case_id = about->case_id;
  made->id.uuid = hf_uuid_v7(record->appended_wall_ns, (const uint8_t[10]){(uint8_t)number, (uint8_t)(number >> 8), 3});
  memcpy(made->digest, made->id.uuid.bytes, 16);
  made->made_wall_ns = record->appended_wall_ns;
  made->orders[made->orders_count++] = about->order.id;
  made->cascade = sim_any(sim, 2) == 0;
  made->break_glass = sim_any(sim, 10) == 0;
  made->asks = HF_ACTION_QUERY;
  made->mode = 1 + (uint32_t)sim_any(sim, 2);
  made->amount = (int64_t)(1 + sim_any(sim, 5000));
  made->until_wall_ns = record->appended_wall_ns + (int64_t)(1 + sim_any(sim, 100)) * 24 * HOUR;
  if (sim_any(sim, 8) != 0) made->document = (struct hf_document){"02", "X", "bureau", {1}};
  strcpy(made->text, "a reason that is long enough");
  HF_ASSERT(hf_is_ok(hf_name_set(&made->party.name, "N", 1)));
  sim_say(sim, "officer %c: %s", record->key_id[0], hf_command_code(made->kind));
  tempt(sim, shard);
}

void sim_people_begin(struct sim *sim)
{
  registry(sim, false);
  sim->cases_planned = 4 + (uint32_t)sim_any(sim, 8);
}

void sim_people_submit(struct sim *sim, uint32_t number)
{
  uint64_t what = sim_any(sim, 10);
  if (number < sim->cases_planned)
    report(sim, number);
  else if (what < 6)
    command(sim, number);
  else if (what < 9)
    again(sim);
  else if (sim_any(sim, 6) == 0)
    registry(sim, true);
}
