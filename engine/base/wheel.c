#include "engine/base/wheel.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/time.h"

#define SLOT_BITS 8

void hf_wheel_init(struct hf_wheel *wheel, struct hf_wheel_timer *timers, uint32_t capacity, int64_t now_mono_ns)
{
  memset(wheel, 0, sizeof *wheel);
  wheel->timers = timers;
  wheel->capacity = capacity;
  wheel->now_tick = (uint64_t)(now_mono_ns / HF_NS_PER_MS);
}

static void link_timer(struct hf_wheel *wheel, uint32_t item)
{
  struct hf_wheel_timer *timer = &wheel->timers[item];
  uint64_t ahead = timer->due_tick - wheel->now_tick;
  unsigned level = 0;
  while (level + 1 < HF_WHEEL_LEVELS && ahead >> (SLOT_BITS * (level + 1)) != 0) level++;
  uint32_t slot = level * HF_WHEEL_SLOTS + (uint32_t)(timer->due_tick >> (SLOT_BITS * level) & (HF_WHEEL_SLOTS - 1));
  timer->slot_plus_1 = slot + 1;
  wheel->at_level[level]++;
  timer->previous = 0;
  timer->next = wheel->heads[slot];
  if (timer->next != 0) wheel->timers[timer->next].previous = item;
  wheel->heads[slot] = item;
}

static void unlink_timer(struct hf_wheel *wheel, uint32_t item)
{
  struct hf_wheel_timer *timer = &wheel->timers[item];
  if (timer->previous != 0)
    wheel->timers[timer->previous].next = timer->next;
  else
    wheel->heads[timer->slot_plus_1 - 1] = timer->next;
  if (timer->next != 0) wheel->timers[timer->next].previous = timer->previous;
  wheel->at_level[(timer->slot_plus_1 - 1) / HF_WHEEL_SLOTS]--;
  timer->slot_plus_1 = 0;
}

void hf_wheel_arm(struct hf_wheel *wheel, uint32_t item, int64_t due_mono_ns)
{
  HF_ASSERT(item > 0 && item <= wheel->capacity);
  hf_wheel_cancel(wheel, item);
  uint64_t due = due_mono_ns <= 0 ? 0 : (uint64_t)((due_mono_ns + HF_NS_PER_MS - 1) / HF_NS_PER_MS);
  uint64_t last = wheel->now_tick + UINT32_MAX;
  if (due < wheel->now_tick) due = wheel->now_tick;
  wheel->timers[item].due_tick = due < last ? due : last;
  link_timer(wheel, item);
  wheel->armed++;
}

void hf_wheel_cancel(struct hf_wheel *wheel, uint32_t item)
{
  HF_ASSERT(item > 0 && item <= wheel->capacity);
  if (wheel->timers[item].slot_plus_1 == 0) return;
  unlink_timer(wheel, item);
  wheel->armed--;
}

/* When a level has gone round, its next slot's timers move to finer levels. */
static void cascade(struct hf_wheel *wheel, unsigned level)
{
  uint32_t index = (uint32_t)(wheel->now_tick >> (SLOT_BITS * level) & (HF_WHEEL_SLOTS - 1));
  if (index == 0 && level + 1 < HF_WHEEL_LEVELS) cascade(wheel, level + 1);
  uint32_t item = wheel->heads[level * HF_WHEEL_SLOTS + index];
  wheel->heads[level * HF_WHEEL_SLOTS + index] = 0;
  while (item != 0) {
    uint32_t next = wheel->timers[item].next;
    wheel->at_level[level]--;
    link_timer(wheel, item);
    item = next;
  }
}

uint32_t hf_wheel_pop(struct hf_wheel *wheel, int64_t now_mono_ns)
{
  uint64_t target = (uint64_t)(now_mono_ns / HF_NS_PER_MS);
  if (wheel->armed == 0 && target > wheel->now_tick) wheel->now_tick = target;
  for (;;) {
    uint32_t item = wheel->heads[wheel->now_tick & (HF_WHEEL_SLOTS - 1)];
    if (item != 0 && wheel->now_tick <= target) {
      HF_ASSERT(wheel->timers[item].due_tick <= wheel->now_tick);
      hf_wheel_cancel(wheel, item);
      return item;
    }
    if (wheel->now_tick >= target) return 0;
    uint64_t last = wheel->now_tick | (HF_WHEEL_SLOTS - 1); /* of this round of the finest level */
    if (wheel->at_level[0] == 0 && last < target) wheel->now_tick = last;
    wheel->now_tick++;
    if ((wheel->now_tick & (HF_WHEEL_SLOTS - 1)) == 0) cascade(wheel, 1);
  }
}

int64_t hf_wheel_next(const struct hf_wheel *wheel)
{
  if (wheel->armed == 0) return INT64_MAX;
  uint64_t tick = wheel->now_tick;
  do {
    if (wheel->heads[tick & (HF_WHEEL_SLOTS - 1)] != 0) return (int64_t)tick * HF_NS_PER_MS;
    tick++;
  } while ((tick & (HF_WHEEL_SLOTS - 1)) != 0);
  if (wheel->at_level[0] > 0) return (int64_t)tick * HF_NS_PER_MS; /* it may be in the next round */
  /* The next cascade that brings one down; that of a coarser level may. */
  uint32_t slot = (uint32_t)(tick >> SLOT_BITS & (HF_WHEEL_SLOTS - 1));
  for (; slot != 0 && wheel->heads[HF_WHEEL_SLOTS + slot] == 0; slot = (slot + 1) & (HF_WHEEL_SLOTS - 1))
    tick += HF_WHEEL_SLOTS;
  return (int64_t)tick * HF_NS_PER_MS;
}
