/* Random SLA policies and orders with what engine/core/sla.c says of them, tab-separated for PostgreSQL's COPY:
 * tests/proofs/sla-verdicts compares. usage: sla_rows COUNT SEED */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/core/order.h"
#include "engine/core/sla.h"

static uint64_t state;

static uint64_t below(uint64_t bound)
{
  state += 0x9e3779b97f4a7c15ULL;
  return hf_mix64(state) % bound;
}

static const char *const institutions[] = {"BANKA", "BANKB", "PAYA", "PAYB"};
static const char *const days[] = {"any", "workday", "holiday"};
#define POLICIES 64

/* Entries that overlap are left out by trying: the reader says which are. */
static void make_policy(struct hf_sla *sla, struct hf_sla_rules *rules)
{
  uint32_t entry;
  char text[HF_SLA_TEXT_MAX + 1], more[96];
  *sla = (struct hf_sla){.version = 1};
  int day = 1 + (int)below(9);
  for (uint64_t i = below(6); i > 0; i--, day += 1 + (int)below(4)) {
    snprintf(more, sizeof more, "day 2026-%02d-%02d %s;", 1 + day / 28, 1 + day % 28, days[1 + below(2)]);
    strcat(sla->text, more);
  }
  static const char last[] = "* * 00-24 any 60000 1800000;";
  for (uint64_t i = below(14); i > 0; i--) {
    int from = (int)below(24), to = from + 1 + (int)below((uint64_t)(24 - from));
    uint64_t receipt = 100 + below(5000), feedback = receipt + below(20000);
    snprintf(more, sizeof more, "%s %s %02d-%02d %s %llu %llu;", below(2) ? "*" : institutions[below(4)],
             below(2) ? "*" : hf_action_code((enum hf_action)(1 + below(HF_ACTION_COUNT - 1))), from, to, days[below(3)],
             (unsigned long long)receipt, (unsigned long long)feedback);
    strcpy(text, sla->text);
    if (strlen(text) + strlen(more) + sizeof last > HF_SLA_TEXT_MAX) break;
    strcat(strcat(sla->text, more), last);
    bool sound = hf_is_ok(hf_sla_read(sla, rules, &entry));
    strcpy(sla->text, text);
    if (sound) strcat(sla->text, more);
  }
  strcat(sla->text, last);
  HF_ASSERT(hf_is_ok(hf_sla_read(sla, rules, &entry)));
}

static void put_time(struct hf_time at)
{
  char text[HF_TIME_TEXT_SIZE];
  printf("\t%s", at.wall_ns == 0 ? "\\N" : hf_time_text(at.wall_ns, text));
}

static void put_mono(struct hf_time at)
{
  if (at.mono_ns == 0)
    printf("\t\\N");
  else
    printf("\t%lld", (long long)at.mono_ns);
}

/* After another stamp, often right at one of the limits; of one in five the wall clock was stepped between. */
static struct hf_time later(struct hf_time from, const struct hf_sla_stamps *stamps, const struct hf_sla_limits *limits)
{
  int64_t us = (int64_t)below(3) == 0 ? (int64_t)below(40000000) : (int64_t)below(400000);
  struct hf_time at = {.wall_ns = from.wall_ns + us * 1000, .mono_ns = from.mono_ns + us * 1000 + (int64_t)below(1000)};
  if (below(3) == 0) { /* the limit, a microsecond before, one after */
    uint32_t ms = below(2) ? limits->receipt_ms : limits->feedback_ms;
    int64_t left_us = ms * 1000LL - (stamps->decided.wall_ns - stamps->issued_wall_ns) / 1000 + (int64_t)below(3) - 1;
    at.wall_ns = stamps->decided.wall_ns + left_us * 1000;
    at.mono_ns = stamps->decided.mono_ns + left_us * 1000;
  }
  if (below(5) == 0) at.wall_ns += (below(2) ? 1 : -1) * 3600 * HF_NS_PER_S;
  return at;
}

static void put_row(const struct hf_sla_rules *rules, uint64_t policy)
{
  const char *institution = institutions[below(4)];
  enum hf_action action = (enum hf_action)(1 + below(HF_ACTION_COUNT - 1));
  struct hf_sla_stamps stamps = {.issued_wall_ns = (1767225600000000LL + (int64_t)below(200LL * 86400 * 1000000)) * 1000};
  struct hf_sla_limits limits = hf_sla_limits(rules, institution, action, stamps.issued_wall_ns);
  stamps.decided.wall_ns = stamps.issued_wall_ns + (int64_t)below(5000000) * 1000;
  stamps.decided.mono_ns = (int64_t)(1000000000 + below(1000000000)) * 1000;
  if (below(20) != 0) stamps.sent = later(stamps.decided, &stamps, &limits);
  if (stamps.sent.wall_ns != 0 && below(4) != 0) stamps.received = later(stamps.sent, &stamps, &limits);
  if (stamps.sent.wall_ns != 0 && below(5) != 0) stamps.ended = later(stamps.sent, &stamps, &limits);
  stamps.overdue = below(3) == 0;
  struct hf_time *const monotonic[] = {&stamps.decided, &stamps.received, &stamps.ended};
  if (below(3) == 0) monotonic[below(3)]->mono_ns = 0; /* of another boot */
  struct hf_sla_verdicts verdicts = hf_sla_judge(&limits, &stamps);
  printf("%llu\t%s\t%s", (unsigned long long)policy, institution, hf_action_code(action));
  put_time((struct hf_time){.wall_ns = stamps.issued_wall_ns});
  put_time(stamps.decided);
  put_mono(stamps.decided);
  put_time(stamps.sent);
  put_time(stamps.received);
  put_mono(stamps.received);
  put_time(stamps.ended);
  put_mono(stamps.ended);
  printf("\t%c\t%u\t%u\t%s\t%s\n", stamps.overdue ? 't' : 'f', limits.receipt_ms, limits.feedback_ms,
         hf_sla_verdict_code(verdicts.receipt), hf_sla_verdict_code(verdicts.feedback));
}

int main(int argc, char **argv)
{
  static struct hf_sla sla[POLICIES];
  static struct hf_sla_rules rules[POLICIES];
  if (argc != 3) return 2;
  state = strtoull(argv[2], NULL, 10);
  for (uint64_t i = 0; i < POLICIES; i++) make_policy(&sla[i], &rules[i]);
  for (uint64_t i = 0; i < POLICIES; i++) fprintf(stderr, "%llu\t%s\n", (unsigned long long)i, sla[i].text);
  for (uint64_t i = strtoull(argv[1], NULL, 10); i > 0; i--) {
    uint64_t policy = below(POLICIES);
    put_row(&rules[policy], policy);
  }
  return 0;
}
