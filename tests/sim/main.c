/*
 * holdfast-sim: plays worlds. The same seed plays the same world byte for byte.
 *
 * usage: holdfast-sim [--seed N | --fresh] [--worlds COUNT] [--kept FILE] [--trace] [--minimise] [--until-failure]
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tests/sim/sim.h"

#define PEOPLE_ALL 1000

static struct {
  uint64_t worlds, anew, facts, orders, faults[SIM_FAULT_COUNT];
  double hours;
} total;

static bool play(struct sim *sim, uint64_t seed)
{
  bool holds = sim_run(sim, seed, 0, PEOPLE_ALL);
  total.worlds++;
  total.anew += sim->anew;
  total.hours += (double)sim->now_ns / (double)HOUR;
  for (uint32_t i = 0; i < SIM_SHARDS; i++) total.facts += sim->stores[i].count;
  for (uint32_t i = 0; i < SIM_BANKS; i++) total.orders += sim->banks[i].ledger_count;
  for (int i = 0; i < SIM_FAULT_COUNT; i++) total.faults[i] += sim->faults[i];
  memset(sim->faults, 0, sizeof sim->faults);
  if (!holds) printf("seed %llu: BROKEN %s: %s\n", (unsigned long long)seed, sim->failure, sim->failure_text);
  return holds;
}

/* The fewest faults and submissions that still break the same thing. */
static void minimise(struct sim *sim, uint64_t seed)
{
  if (sim_run(sim, seed, 0, PEOPLE_ALL)) return;
  const char *broken = sim->failure;
  uint32_t skip = 0, people = PEOPLE_ALL, planned = sim->faults_planned;
  for (uint32_t least = 1; least < 64; least++) {
    if (sim_run(sim, seed, skip, least) || strcmp(sim->failure, broken) != 0) continue;
    people = least;
    break;
  }
  for (uint32_t i = 0; i < planned; i++)
    if (!sim_run(sim, seed, skip | 1u << i, people) && strcmp(sim->failure, broken) == 0) skip |= 1u << i;
  printf("seed %llu still breaks %s with the first %u submissions and %u of %u faults:\n", (unsigned long long)seed, broken,
         people, planned - (uint32_t)__builtin_popcount(skip), planned);
  sim->loud = true;
  sim_run(sim, seed, skip, people);
}

static bool play_kept(struct sim *sim, const char *file)
{
  char line[256];
  bool holds = true;
  FILE *kept = fopen(file, "r");
  HF_ASSERT(kept != NULL);
  while (fgets(line, sizeof line, kept) != NULL)
    if (line[0] != '#' && line[0] != '\n') holds &= play(sim, strtoull(line, NULL, 10));
  fclose(kept);
  return holds;
}

int main(int argc, char **argv)
{
  static struct sim sim;
  uint64_t seed = 1, worlds = 1;
  bool shrink = false, until = false, holds = true, traced = false;
  const char *kept = NULL;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
      seed = strtoull(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--worlds") == 0 && i + 1 < argc)
      worlds = strtoull(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--kept") == 0 && i + 1 < argc)
      kept = argv[++i];
    else if (strcmp(argv[i], "--fresh") == 0)
      seed = (uint64_t)hf_time_now().wall_ns;
    else if (strcmp(argv[i], "--trace") == 0)
      traced = true;
    else if (strcmp(argv[i], "--minimise") == 0)
      shrink = true;
    else if (strcmp(argv[i], "--until-failure") == 0)
      until = true;
    else
      return fprintf(stderr,
                     "usage: holdfast-sim [--seed N | --fresh] [--worlds COUNT] [--kept FILE] [--trace] [--minimise] "
                     "[--until-failure]\n"),
             2;
  }
  sim_init(&sim);
  printf("first seed %llu\n", (unsigned long long)seed);
  if (shrink) return minimise(&sim, seed), 0;
  sim.loud = traced;
  if (kept != NULL) holds = play_kept(&sim, kept);
  for (uint64_t i = 0; i < worlds || until; i++) {
    holds &= play(&sim, seed + i);
    if (!holds && (until || worlds == 1)) break;
  }
  printf("faults:");
  for (int i = 0; i < SIM_FAULT_COUNT; i++) printf(" %s %llu", sim_fault_codes[i], (unsigned long long)total.faults[i]);
  printf(
      "\n%llu worlds (%llu decide a rested case again, without PostgreSQL: checked less), %.0f hours, %llu orders at "
      "institutions, %llu facts, last world's trace %016llx: %s\n",
      (unsigned long long)total.worlds, (unsigned long long)total.anew, total.hours, (unsigned long long)total.orders,
      (unsigned long long)total.facts, (unsigned long long)sim.trace, holds ? "every invariant holds" : "BROKEN");
  return holds ? 0 : 1;
}
