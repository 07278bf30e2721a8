/*
 * Way: over which of an institution's rows an attempt goes (design.md section 7: several endpoints, the secondary channel).
 *
 * Why:    a bank with two data centres, or with a file drop beside its interface, is reached while one of them is dead. Each
 *         way is a row of its own, so it has its own dialect, transport, keys, window, pace and silence.
 * Breaker: a way that came to nothing HF_WAY_BREAKS times in a row is open: it is passed over while another one is closed, and
 *         probed again by one order, a query where there is one. An order is never kept back because all are open: then each
 *         is tried in turn, so nobody's last way is ever closed off.
 * Thread: pure, the loop's; the lanes are the dispatcher's.
 */
#ifndef HF_DISPATCH_WAY_H
#define HF_DISPATCH_WAY_H

#include "engine/dispatch/lane.h"

#define HF_WAY_BREAKS 3
#define HF_WAY_NONE UINT32_MAX

/* Finds again the lanes that stand for lanes[own]; called when a row of either has changed. */
void hf_way_find(struct hf_lane *lanes, uint32_t count, uint32_t own);

/* Whether its institution has other rows, so that its being open means anything. */
bool hf_way_is_one_of_many(const struct hf_lane *way);

/*
 * The lane over which the order, the first that waits in lanes[own], may go now; HF_WAY_NONE: over none yet. attempts: how many
 * it had. The institution's own row comes first, then the others in the order of their registration; from the time that its
 * quick tries are used up an order goes over all that are closed in turn, whatever others say there.
 */
uint32_t hf_way_choose(struct hf_lane *lanes, uint32_t own, const struct hf_order *order, uint32_t attempts,
                       struct hf_time now);
/* Monotonic: when pace lets one of the ways send again; INT64_MAX: something else holds them. */
int64_t hf_way_next(const struct hf_lane *lanes, uint32_t own);

/* An attempt over the way came to nothing; true: that has opened it. Requires: it is counted in its silence. */
bool hf_way_failed(struct hf_lane *way, struct hf_time now);
/* … or had its answer; true: that has closed it. */
bool hf_way_answered(struct hf_lane *way);

#endif
