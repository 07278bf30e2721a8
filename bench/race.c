/*
 * Race: how much of the stolen money is caught, by Holdfast's chase and by centres as fast as the published national ones.
 *
 * Why:    what a minute is worth has to be shown, not said (domain.md section 5). The mule network, the theft and the call are
 *         the same for all; only who acts after the call differs. Holdfast's side is the real core, lanes and chase.
 * usage:  holdfast-race [WORLDS]; prints one line a point: system, mules, minutes from theft to call, mean share, half of its
 *         95 % interval.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define MINUTE (60 * SECOND)
#define THEFT_NS (10 * SECOND)
#define ENTRY_NS (60 * SECOND) /* the officer's minute, from the call to the signed report: Holdfast's own aim */
#define AMOUNT 100000000LL
#define NODES_MAX 400
#define DEPTH_MAX 5
#define SPLITS_MAX 3

/* An account of the mule network: what it got, and when it sends it on. Its children follow it, or it is cashed. */
struct node {
  uint32_t bank, parent, depth, children;
  int64_t amount, dwell_ns;
  struct hf_account_number number;
  bool left; /* the money went on before anybody stopped it */
  bool found;
};

struct mules {
  const char *name;
  int64_t least_ns, most_ns; /* an account is emptied so long after the money came */
};

/* Which end of the centre's clock is published, and where. never: no onward stop is published. */
struct centre {
  const char *name;
  bool holdfast;
  int64_t first_ns, next_ns; /* from the call to the first stop; from one hop's stop to the next hop's */
  int64_t work_least_ns, work_most_ns;
};

enum { NEVER = -1 };

static const struct mules mules[] = {{"fast", 5 * MINUTE, 15 * MINUTE}, {"slow", HOUR, 6 * HOUR}};

/* Sources: domain.md section 5, row by row; bench/race.py prints them beside the figures. */
static const struct centre centres[] = {
    {"holdfast, banks answer by machine", true, 0, 0, 200 * MS, 1500 * MS},
    {"holdfast, banks take a minute", true, 0, 0, 45 * SECOND, 75 * SECOND},
    {"Korea, 112 line", false, 1 * MINUTE, NEVER, 0, 0},
    {"Thailand, AOC 1441", false, 15 * MINUTE, 15 * MINUTE, 0, 0},
    {"China, Xiamen's best case", false, 20 * MINUTE, 0, 0, 0},
    {"Malaysia, NFP", false, 30 * MINUTE, 30 * MINUTE, 0, 0},
    {"India, Haryana", false, 308 * MINUTE, 660 * MINUTE, 0, 0},
    {"Singapore, ASC", false, 24 * HOUR, 24 * HOUR, 0, 0},
};

static const int64_t calls_min[] = {2, 5, 10, 20, 30, 60, 120, 240};

static struct {
  struct sim sim;
  struct node nodes[NODES_MAX];
  uint32_t count;
  uint64_t random; /* its own: the network is the same for every centre */
  const struct centre *centre;
} race;

enum { EVENT_CALL, EVENT_MOVE, EVENT_STOP };

static int64_t between(int64_t least, int64_t most)
{
  race.random += 0x9e3779b97f4a7c15ULL;
  return least + (int64_t)(hf_mix64(race.random) % (uint64_t)(most - least + 1));
}

static uint32_t add_node(uint32_t parent, uint32_t depth, int64_t amount, const struct mules *speed)
{
  HF_ASSERT(race.count < NODES_MAX);
  uint32_t at = race.count++;
  char text[16];
  int size = snprintf(text, sizeof text, "62%08u", 10000 + at);
  race.nodes[at] = (struct node){.bank = (uint32_t)between(0, SIM_BANKS - 1),
                                 .parent = parent,
                                 .depth = depth,
                                 .amount = amount,
                                 .dwell_ns = between(speed->least_ns, speed->most_ns)};
  HF_ASSERT(hf_is_ok(hf_account_number_set(&race.nodes[at].number, text, (size_t)size)));
  return at;
}

/* Each account splits what it got into up to three parts; most networks are two to five accounts deep. */
static void build(uint64_t seed, const struct mules *speed)
{
  race.random = hf_mix64(seed ^ 0x5ace);
  race.count = 0;
  uint32_t depth = (uint32_t)between(2, DEPTH_MAX);
  add_node(NODES_MAX, 1, AMOUNT, speed);
  for (uint32_t at = 0; at < race.count; at++) {
    if (race.nodes[at].depth == depth) continue;
    int64_t left = race.nodes[at].amount;
    uint32_t parts = (uint32_t)between(1, SPLITS_MAX);
    for (uint32_t i = 0; i < parts; i++) {
      int64_t part = i + 1 == parts ? left : left / parts;
      add_node(at, race.nodes[at].depth + 1, part, speed);
      left -= part;
    }
    race.nodes[at].children = parts;
  }
}

static struct sim_account *account_of(const struct node *node)
{
  return sim_bank_account(&race.sim, node->bank, &node->number);
}

static void add_row(const struct node *of, bool credit, const struct node *other, int64_t amount, uint32_t serial)
{
  struct sim_account *account = account_of(of);
  HF_ASSERT(account->rows_count < SIM_ROWS_MAX);
  struct hf_transaction *row = &account->rows[account->rows_count++];
  *row = (struct hf_transaction){.credit = credit, .amount = amount, .at_wall_ns = race.sim.now_ns, .cash = other == NULL};
  snprintf(row->serial, sizeof row->serial, "T%u", serial);
  if (other != NULL) {
    strcpy(row->institution, race.sim.banks[other->bank].code);
    row->account = other->number;
  }
  account->balance += credit ? amount : -amount;
}

static void arrive(uint32_t at)
{
  struct node *node = &race.nodes[at];
  static const struct node victim = {.bank = 0, .number = {.size = 6, .bytes = "629999"}};
  add_row(node, true, node->parent == NODES_MAX ? &victim : &race.nodes[node->parent], node->amount, at);
  sim_at(&race.sim, node->dwell_ns, (struct sim_event){.kind = SIM_OTHER, .a = EVENT_MOVE, .b = at});
}

static void stop_later(uint32_t at, int64_t after_ns)
{
  race.nodes[at].found = true;
  sim_at(&race.sim, after_ns, (struct sim_event){.kind = SIM_OTHER, .a = EVENT_STOP, .b = at});
}

/* What a centre by hand does once it knows that the money went on. */
static void follow(uint32_t at)
{
  for (uint32_t next = at + 1; next < race.count && race.centre->next_ns != NEVER; next++)
    if (race.nodes[next].parent == at && !race.nodes[next].found) stop_later(next, race.centre->next_ns);
}

static void move(uint32_t at)
{
  struct node *node = &race.nodes[at];
  if (account_of(node)->stop_until_ns > race.sim.now_ns) return; /* caught */
  node->left = true;
  if (node->children == 0) add_row(node, false, NULL, node->amount, NODES_MAX + at);
  for (uint32_t next = at + 1; next < race.count; next++) {
    if (race.nodes[next].parent != at) continue;
    add_row(node, false, &race.nodes[next], race.nodes[next].amount, next);
    arrive(next);
  }
}

static void report(void)
{
  struct sim_record *record = sim_append(&race.sim, 0, '1');
  struct hf_report *made = calloc(1, sizeof *made);
  HF_ASSERT(made != NULL);
  record->kind = HF_INPUT_REPORT;
  record->report = made;
  made->made_wall_ns = record->appended_wall_ns;
  made->case_id.uuid = hf_uuid_v7(record->appended_wall_ns, (const uint8_t[10]){1});
  made->id.uuid = hf_uuid_v7(record->appended_wall_ns, (const uint8_t[10]){2});
  strcpy(made->form_reference, "ZF-1");
  made->chase =
      (struct hf_chase_bounds){.hops = 10, .fan_out = 100, .window_s = 30 * 86400, .method = HF_CHASE_FIFO, .least_amount = 1};
  made->transfers_count = 1;
  struct hf_transfer *transfer = &made->transfers[0];
  *transfer =
      (struct hf_transfer){.amount = AMOUNT, .currency = HF_CURRENCY_CNY, .at_wall_ns = SIM_START + THEFT_NS, .serial = "T0"};
  transfer->payee.account = race.nodes[0].number;
  strcpy(transfer->payee.institution, race.sim.banks[race.nodes[0].bank].code);
}

static void on_other(struct sim *sim, const struct sim_event *event)
{
  switch (event->a) {
  case EVENT_CALL:
    if (race.centre->holdfast)
      report();
    else
      stop_later(0, 0);
    break;
  case EVENT_MOVE: move(event->b); break;
  default:
    account_of(&race.nodes[event->b])->stop_until_ns = sim->now_ns + 48 * HOUR;
    if (race.nodes[event->b].left) follow(event->b);
  }
}

/* The share that is still there, held, when every account has had its time. */
static double run(uint64_t seed, const struct centre *centre, const struct mules *speed, int64_t call_min)
{
  race.centre = centre;
  race.sim.calm = true;
  race.sim.other = on_other;
  race.sim.work_least_ns = centre->work_least_ns;
  race.sim.work_most_ns = centre->work_most_ns + 1;
  build(seed, speed);
  sim_begin(&race.sim, seed, 0);
  sim_play(&race.sim, THEFT_NS);
  arrive(0);
  int64_t first_ns = centre->holdfast ? ENTRY_NS : centre->first_ns;
  sim_at(&race.sim, call_min * MINUTE + first_ns, (struct sim_event){.kind = SIM_OTHER, .a = EVENT_CALL});
  sim_play(&race.sim, THEFT_NS + DEPTH_MAX * speed->most_ns + MINUTE);
  if (race.sim.failure != NULL) {
    printf("seed %llu: BROKEN %s: %s\n", (unsigned long long)seed, race.sim.failure, race.sim.failure_text);
    exit(1);
  }
  int64_t caught = 0;
  for (uint32_t at = 0; at < race.count; at++) {
    const struct sim_account *account = account_of(&race.nodes[at]);
    if (account->stop_until_ns > race.sim.now_ns) caught += account->balance;
  }
  HF_ASSERT(caught >= 0 && caught <= AMOUNT);
  return (double)caught / AMOUNT;
}

int main(int argc, char **argv)
{
  uint64_t worlds = argc > 1 ? strtoull(argv[1], NULL, 10) : 400;
  sim_init(&race.sim);
  for (size_t m = 0; m < sizeof mules / sizeof mules[0]; m++)
    for (size_t c = 0; c < sizeof centres / sizeof centres[0]; c++)
      for (size_t d = 0; d < sizeof calls_min / sizeof calls_min[0]; d++) {
        double sum = 0, squares = 0;
        for (uint64_t seed = 1; seed <= worlds; seed++) {
          double share = run(seed, &centres[c], &mules[m], calls_min[d]);
          sum += share;
          squares += share * share;
        }
        double n = (double)worlds, mean = sum / n, spread = sqrt(fmax(0, squares / n - mean * mean) * n / (n - 1));
        printf("%s\t%s\t%lld\t%.4f\t%.4f\n", centres[c].name, mules[m].name, (long long)calls_min[d], mean,
               1.96 * spread / sqrt(n));
        fflush(stdout);
      }
  return 0;
}
