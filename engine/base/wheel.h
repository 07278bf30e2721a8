/*
 * Wheel: hierarchical timer wheel, 1 ms tick, arm and cancel in O(1).
 *
 * Why:    each order in flight has a timer that is nearly always cancelled.
 * Memory: the caller's: one struct hf_wheel_timer per item, 1…capacity.
 * Time:   takes mono_ns; never reads a clock. A timer fires in the first advance at or after its time, at most 1 ms late;
 *         timers of the same tick fire in no stated order.
 */
#ifndef HF_BASE_WHEEL_H
#define HF_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define HF_WHEEL_LEVELS 4
#define HF_WHEEL_SLOTS 256

struct hf_wheel_timer {
  uint32_t next, previous; /* 0 ends the list */
  uint32_t slot_plus_1;    /* 0 = not armed */
  uint64_t due_tick;
};

struct hf_wheel {
  struct hf_wheel_timer *timers; /* capacity + 1 */
  uint32_t capacity;
  uint32_t armed, at_level[HF_WHEEL_LEVELS]; /* timers in all, and of each level */
  uint64_t now_tick;
  uint32_t heads[HF_WHEEL_LEVELS * HF_WHEEL_SLOTS];
};

void hf_wheel_init(struct hf_wheel *wheel, struct hf_wheel_timer *timers, uint32_t capacity, int64_t now_mono_ns);
/* Arms or re-arms. Up to 49 days ahead; later times fire at 49 days. */
void hf_wheel_arm(struct hf_wheel *wheel, uint32_t item, int64_t due_mono_ns);
void hf_wheel_cancel(struct hf_wheel *wheel, uint32_t item);
/* Returns one due item, disarmed, or 0 when none is due at now. Call until 0. */
uint32_t hf_wheel_pop(struct hf_wheel *wheel, int64_t now_mono_ns);
/* A time not later than the next firing; INT64_MAX when nothing is armed. */
int64_t hf_wheel_next(const struct hf_wheel *wheel);

#endif
