#include "engine/dispatch/dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/assert.h"
#include "engine/base/ids.h"
#include "engine/base/log.h"
#include "engine/base/pool.h"
#include "engine/base/wheel.h"
#include "engine/dispatch/way.h"

#define HEADERS_SIZE_MAX 1024
/* What a dialect puts around the body: a type, or a path, a time and a nonce. */
#define TO_SIGN_SIZE_MAX (HF_ORDER_BODY_SIZE_MAX + HF_ENDPOINT_SIZE_MAX + 256)

#define EPOCH_FRESH_NS (2 * HF_NS_PER_S)       /* design.md law 3: a legal act leaves only while the epoch is this fresh */
#define COMMIT_PATIENCE_NS (50 * HF_NS_PER_MS) /* … and what an answer caused goes all the same after this */
#define PATIENT_TRIES 20                       /* eight minutes; then an institution may be swallowing what it has … */
#define UNACKNOWLEDGED_NS (900 * HF_NS_PER_S)  /* … and is tried less: a person has been told */
#define MONITOR_EVERY_NS (5 * HF_NS_PER_S)     /* a live monitor is asked again */

enum item_state {
  ITEM_FREE,
  ITEM_HELD,
  ITEM_WAITING,
  ITEM_IN_FLIGHT,
  ITEM_BACKING_OFF,
  ITEM_PARKED /* the institution has it and speaks next: no clock of ours runs */
};

/* An order until it has its feedback. */
struct item {
  struct hf_order order;
  uint32_t lane;
  uint32_t way;    /* the lane that the last attempt went over: its institution's own, or another row of it */
  uint32_t flight; /* 0: none */
  enum item_state state;
  uint32_t attempts;
  bool gave_up;
  uint32_t next_held, previous_held; /* in its shard's list */
  uint64_t after_seq;
};

enum flight_state { FLIGHT_FREE, FLIGHT_UNSIGNED, FLIGHT_SIGNING, FLIGHT_READY, FLIGHT_STARTED };

/* An attempt: its bytes and how far it is. */
struct flight {
  uint32_t item;
  uint32_t next, previous; /* in the list of its state */
  enum flight_state state;
  bool left, orphan; /* orphan: withdrawn while it is being signed */
  size_t body_size, to_sign_size;
  int64_t sent_wall_ns;    /* of this try */
  int64_t started_mono_ns; /* when the transport took it */
  size_t headers_size;
  char headers[HEADERS_SIZE_MAX];
  uint8_t body[HF_ORDER_BODY_SIZE_MAX];
  uint8_t to_sign[TO_SIGN_SIZE_MAX];
};

struct list {
  uint32_t first, last;
};

/* What waits for a shard's commits, in order of offering; and how far they have come. */
struct gate {
  struct list held;
  uint64_t committed;
  int64_t confirmed_ns; /* when the last transaction that found our epoch was sent, monotonic */
};

struct hf_dispatch {
  struct hf_dispatch_config config;
  struct hf_dispatch_events events;
  struct hf_pool items, flights;
  struct hf_map item_of; /* by order id */
  struct hf_wheel wheel; /* one timer per item: the try's end, or the next try */
  struct hf_lane *lanes; /* HF_INSTITUTIONS_MAX */
  uint32_t lanes_count;
  uint32_t *heap_places; /* by item, shared: an item waits in one lane only */
  struct list unsigned_flights, ready_flights;
  struct gate gates[HF_SHARDS_MAX];
  struct hf_answer_room *room; /* rows of the answer that is being read */
  bool hears_durable;          /* it stands in Kafka */
  uint8_t *memory;
  size_t memory_size;
};

static struct item *item_at(const struct hf_dispatch *dispatch, uint32_t index)
{
  return hf_pool_at(&dispatch->items, index);
}

static struct flight *flight_at(const struct hf_dispatch *dispatch, uint32_t index)
{
  return hf_pool_at(&dispatch->flights, index);
}

static void list_add(struct hf_dispatch *dispatch, struct list *list, uint32_t index)
{
  struct flight *flight = flight_at(dispatch, index);
  flight->next = 0;
  flight->previous = list->last;
  if (list->last != 0)
    flight_at(dispatch, list->last)->next = index;
  else
    list->first = index;
  list->last = index;
}

static void list_remove(struct hf_dispatch *dispatch, struct list *list, uint32_t index)
{
  struct flight *flight = flight_at(dispatch, index);
  if (flight->previous != 0)
    flight_at(dispatch, flight->previous)->next = flight->next;
  else
    list->first = flight->next;
  if (flight->next != 0)
    flight_at(dispatch, flight->next)->previous = flight->previous;
  else
    list->last = flight->previous;
}

/* --- life --- */

static size_t rounded(size_t size)
{
  return (size + 4095) & ~(size_t)4095;
}

struct hf_status hf_dispatch_open(struct hf_dispatch **out, const struct hf_dispatch_config *config,
                                  const struct hf_dispatch_events *events, struct hf_time now)
{
  HF_ASSERT(config->orders_max >= HF_TARGETS_MAX * 2 && config->flights_max > 0);
  struct hf_dispatch *dispatch = calloc(1, sizeof *dispatch);
  HF_ASSERT(dispatch != NULL);
  *out = dispatch;
  dispatch->config = *config;
  dispatch->events = *events;
  dispatch->room = calloc(1, sizeof *dispatch->room);
  HF_ASSERT(dispatch->room != NULL);
  size_t items = rounded((config->orders_max + 1ULL) * sizeof(struct item));
  size_t flights = rounded((config->flights_max + 1ULL) * sizeof(struct flight));
  size_t timers = rounded((config->orders_max + 1ULL) * sizeof(struct hf_wheel_timer));
  size_t places = rounded((config->orders_max + 1ULL) * sizeof(uint32_t));
  size_t map = rounded(hf_map_memory_size(config->orders_max));
  size_t lanes = rounded(HF_INSTITUTIONS_MAX * sizeof(struct hf_lane));
  size_t queues = rounded((HF_LANE_QUEUE_MAX + 1ULL) * sizeof(struct hf_heap_entry)) * HF_INSTITUTIONS_MAX;
  dispatch->memory_size = items + flights + timers + places + map + lanes + queues;
  dispatch->memory =
      mmap(NULL, dispatch->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (dispatch->memory == MAP_FAILED) return hf_fail(HF_STATUS_CONFIG, "no address space for the lanes");
  uint8_t *at = dispatch->memory;
  hf_pool_init(&dispatch->items, at, sizeof(struct item), config->orders_max);
  hf_pool_init(&dispatch->flights, at += items, sizeof(struct flight), config->flights_max);
  hf_wheel_init(&dispatch->wheel, (struct hf_wheel_timer *)(void *)(at += flights), config->orders_max, now.mono_ns);
  dispatch->heap_places = (uint32_t *)(void *)(at += timers);
  hf_map_init(&dispatch->item_of, at += places, config->orders_max);
  dispatch->lanes = (struct hf_lane *)(void *)(at += map);
  at += lanes;
  for (uint32_t i = 0; i < HF_INSTITUTIONS_MAX; i++, at += queues / HF_INSTITUTIONS_MAX)
    hf_heap_init(&dispatch->lanes[i].queue, (struct hf_heap_entry *)(void *)at, dispatch->heap_places, config->orders_max);
  return hf_ok();
}

void hf_dispatch_close(struct hf_dispatch *dispatch)
{
  if (dispatch == NULL) return;
  munmap(dispatch->memory, dispatch->memory_size);
  free(dispatch->room);
  free(dispatch);
}

uint32_t hf_dispatch_lane_named(const struct hf_dispatch *dispatch, struct hf_span code)
{
  for (uint32_t i = 0; i < dispatch->lanes_count; i++) {
    const char *own = dispatch->lanes[i].row.code;
    if (strlen(own) == code.size && memcmp(own, code.data, code.size) == 0) return i;
  }
  return UINT32_MAX;
}

static uint32_t lane_named(const struct hf_dispatch *dispatch, const char *code)
{
  return hf_dispatch_lane_named(dispatch, (struct hf_span){(const uint8_t *)code, strlen(code)});
}

static void find_ways(struct hf_dispatch *dispatch, const char *code)
{
  uint32_t lane = lane_named(dispatch, code);
  if (lane != UINT32_MAX) hf_way_find(dispatch->lanes, dispatch->lanes_count, lane);
}

struct hf_status hf_dispatch_institution(struct hf_dispatch *dispatch, const struct hf_institution *row, uint32_t *lane)
{
  const struct hf_dialect *dialect = hf_dialect_named(row->dialect);
  if (dialect == NULL) return hf_fail(HF_STATUS_CONFIG, "the institution's dialect is not known to this program");
  struct hf_status status = dialect->check == NULL ? hf_ok() : dialect->check(row);
  if (!hf_is_ok(status)) return status;
  uint32_t index = lane_named(dispatch, row->code);
  if (index == UINT32_MAX) {
    HF_ASSERT(dispatch->lanes_count < HF_INSTITUTIONS_MAX);
    index = dispatch->lanes_count++;
  }
  const struct hf_institution before = dispatch->lanes[index].row;
  dispatch->lanes[index].row = *row;
  dispatch->lanes[index].dialect = dialect;
  dispatch->lanes[index].feedback_follows = dialect->feedback_follows || strcmp(row->transport, "kafka") == 0;
  const char *const changed[] = {row->code, before.stands_for, row->stands_for};
  for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) find_ways(dispatch, changed[i]);
  *lane = index;
  return hf_ok();
}

bool hf_dispatch_has_room(const struct hf_dispatch *dispatch)
{
  return hf_pool_room(&dispatch->items) >= HF_TARGETS_MAX * 2;
}

/* --- what waits for a commit --- */

static void hold_back(struct hf_dispatch *dispatch, uint32_t index)
{
  struct item *item = item_at(dispatch, index);
  struct list *held = &dispatch->gates[hf_order_id_shard(item->order.id)].held;
  item->state = ITEM_HELD;
  item->next_held = 0;
  item->previous_held = held->last;
  if (held->last != 0)
    item_at(dispatch, held->last)->next_held = index;
  else
    held->first = index;
  held->last = index;
}

static void let_go(struct hf_dispatch *dispatch, uint32_t index)
{
  struct item *item = item_at(dispatch, index);
  struct list *held = &dispatch->gates[hf_order_id_shard(item->order.id)].held;
  HF_ASSERT(item->state == ITEM_HELD);
  if (item->previous_held != 0)
    item_at(dispatch, item->previous_held)->next_held = item->next_held;
  else
    held->first = item->next_held;
  if (item->next_held != 0)
    item_at(dispatch, item->next_held)->previous_held = item->previous_held;
  else
    held->last = item->previous_held;
  item->next_held = item->previous_held = 0;
}

static void enqueue(struct hf_dispatch *dispatch, uint32_t index)
{
  struct item *item = item_at(dispatch, index);
  item->state = ITEM_WAITING;
  hf_lane_put(&dispatch->lanes[item->lane], index, &item->order);
}

static bool is_fresh(const struct gate *gate, struct hf_time now)
{
  return gate->confirmed_ns != 0 && now.mono_ns - gate->confirmed_ns < EPOCH_FRESH_NS;
}

/* Whether the order may leave as far as law 3 goes. */
static bool may_leave(const struct hf_dispatch *dispatch, const struct item *item, struct hf_time now)
{
  const struct gate *gate = &dispatch->gates[hf_order_id_shard(item->order.id)];
  if (item->order.after == HF_AFTER_NOTHING) return true;
  if (gate->committed < item->after_seq) return false;
  return item->order.after != HF_AFTER_LEGAL || is_fresh(gate, now);
}

/* A lane may have as many orders as there are places free: n dead institutions leave 1/(n + 1) of all places to the others. */
static bool has_share(const struct hf_dispatch *dispatch, const struct hf_lane *lane)
{
  return lane->orders < HF_LANE_QUEUE_MAX && lane->orders < hf_pool_room(&dispatch->items);
}

bool hf_dispatch_has(const struct hf_dispatch *dispatch, struct hf_order_id id)
{
  return hf_map_get(&dispatch->item_of, id.uuid) != 0;
}

struct hf_status hf_dispatch_offer(struct hf_dispatch *dispatch, const struct hf_order *order, uint64_t after_seq,
                                   struct hf_time now)
{
  uint32_t lane = lane_named(dispatch, order->institution);
  if (lane == UINT32_MAX) return hf_fail(HF_STATUS_REFUSED, "the institution has no lane");
  if ((dispatch->lanes[lane].dialect->actions & 1u << order->action) == 0)
    return hf_fail(HF_STATUS_REFUSED, "the institution's dialect has no such action");
  if (!has_share(dispatch, &dispatch->lanes[lane])) return hf_fail(HF_STATUS_AGAIN, "the lane has its share of all orders");
  uint32_t index = hf_pool_acquire(&dispatch->items);
  HF_ASSERT(index != 0);
  dispatch->lanes[lane].orders++;
  struct item *item = item_at(dispatch, index);
  item->order = *order;
  item->lane = lane;
  item->after_seq = after_seq;
  if (hf_map_get(&dispatch->item_of, order->id.uuid) == 0) hf_map_put(&dispatch->item_of, order->id.uuid, index);
  if (may_leave(dispatch, item, now)) {
    enqueue(dispatch, index);
    return hf_ok();
  }
  hold_back(dispatch, index);
  if (order->after == HF_AFTER_COMMIT) hf_wheel_arm(&dispatch->wheel, index, now.mono_ns + COMMIT_PATIENCE_NS);
  return hf_ok();
}

void hf_dispatch_committed(struct hf_dispatch *dispatch, uint32_t shard, uint64_t seq, int64_t asked_ns, struct hf_time now)
{
  struct gate *gate = &dispatch->gates[shard];
  if (seq > gate->committed) gate->committed = seq;
  if (asked_ns > gate->confirmed_ns) gate->confirmed_ns = asked_ns;
  for (uint32_t index = gate->held.first, next; index != 0; index = next) {
    struct item *item = item_at(dispatch, index);
    next = item->next_held;
    if (!may_leave(dispatch, item, now)) continue;
    hf_wheel_cancel(&dispatch->wheel, index);
    let_go(dispatch, index);
    enqueue(dispatch, index);
  }
}

bool hf_dispatch_wants_commit(const struct hf_dispatch *dispatch, uint32_t shard)
{
  return dispatch->gates[shard].held.first != 0;
}

/* --- flights --- */

static void end_flight(struct hf_dispatch *dispatch, uint32_t index)
{
  struct flight *flight = flight_at(dispatch, index);
  struct item *item = item_at(dispatch, flight->item);
  HF_ASSERT(item->flight == index && dispatch->lanes[item->way].in_flight > 0);
  if (flight->state == FLIGHT_UNSIGNED) list_remove(dispatch, &dispatch->unsigned_flights, index);
  if (flight->state == FLIGHT_READY) list_remove(dispatch, &dispatch->ready_flights, index);
  dispatch->lanes[item->way].in_flight--;
  item->flight = 0;
  if (flight->state == FLIGHT_SIGNING)
    flight->orphan = true; /* a worker reads it: released by hf_dispatch_signed */
  else {
    flight->state = FLIGHT_FREE;
    hf_pool_release(&dispatch->flights, index);
  }
}

static void drop_item(struct hf_dispatch *dispatch, uint32_t index)
{
  struct item *item = item_at(dispatch, index);
  if (item->flight != 0) end_flight(dispatch, item->flight);
  if (item->state == ITEM_HELD) let_go(dispatch, index);
  hf_wheel_cancel(&dispatch->wheel, index);
  hf_heap_remove(&dispatch->lanes[item->lane].queue, index);
  if (hf_map_get(&dispatch->item_of, item->order.id.uuid) == index) hf_map_remove(&dispatch->item_of, item->order.id.uuid);
  item->state = ITEM_FREE;
  dispatch->lanes[item->lane].orders--;
  hf_pool_release(&dispatch->items, index);
}

static void call_off(struct hf_dispatch *dispatch, uint32_t index)
{
  const struct item *item = item_at(dispatch, index);
  if (item->flight != 0 && flight_at(dispatch, item->flight)->state == FLIGHT_STARTED)
    dispatch->events.cancel(dispatch->events.owner, item->way, item->flight);
  drop_item(dispatch, index);
}

void hf_dispatch_withdraw(struct hf_dispatch *dispatch, uint32_t shard)
{
  for (uint32_t i = 1; i <= dispatch->items.fresh; i++) {
    const struct item *item = item_at(dispatch, i);
    if (item->state != ITEM_FREE && hf_order_id_shard(item->order.id) == shard) call_off(dispatch, i);
  }
  dispatch->gates[shard] = (struct gate){.committed = 0};
}

void hf_dispatch_forget(struct hf_dispatch *dispatch, struct hf_order_id id)
{
  uint32_t index = hf_map_get(&dispatch->item_of, id.uuid);
  if (index != 0) call_off(dispatch, index);
}

static struct hf_message message_of(const struct hf_dispatch *dispatch, const struct flight *flight)
{
  const struct item *item = item_at(dispatch, flight->item);
  return (struct hf_message){.order = &item->order,
                             .row = &dispatch->lanes[item->way].row,
                             .body = {flight->body, flight->body_size},
                             .sent_wall_ns = flight->sent_wall_ns};
}

static void start_flight(struct hf_dispatch *dispatch, uint32_t index, uint32_t way, struct hf_time now)
{
  struct item *item = item_at(dispatch, index);
  const struct hf_dialect *dialect = dispatch->lanes[way].dialect;
  uint32_t number = hf_pool_acquire(&dispatch->flights);
  HF_ASSERT(number != 0); /* asked before the order was taken */
  struct flight *flight = flight_at(dispatch, number);
  flight->item = index;
  item->flight = number;
  item->way = way;
  item->state = ITEM_IN_FLIGHT;
  item->attempts++;
  hf_lane_count(&dispatch->lanes[way]);
  dispatch->lanes[way].attempts++;
  struct hf_writer body = hf_writer_of(flight->body, sizeof flight->body);
  struct hf_status status = dialect->encode(&item->order, &dispatch->lanes[way].row, &body);
  HF_ASSERT(hf_is_ok(status)); /* an order's fields are bounded below the buffer */
  flight->body_size = body.size;
  flight->sent_wall_ns = now.wall_ns;
  if (dispatch->config.sign) {
    struct hf_writer to_sign = hf_writer_of(flight->to_sign, sizeof flight->to_sign);
    const struct hf_message message = message_of(dispatch, flight);
    status = dialect->to_sign(&message, &to_sign);
    HF_ASSERT(hf_is_ok(status));
    flight->to_sign_size = to_sign.size;
    flight->state = FLIGHT_UNSIGNED;
    list_add(dispatch, &dispatch->unsigned_flights, number);
  } else {
    flight->state = FLIGHT_SIGNING;
    hf_dispatch_signed(dispatch, number, "", "", (struct hf_span){NULL, 0});
  }
}

/* Of all lanes that may send, the one whose first order ranks highest; the others wait their turn within the rank. */
static uint32_t fill_rank(struct hf_dispatch *dispatch, int64_t rank, struct hf_time now)
{
  uint32_t filled = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (uint32_t i = 0; i < dispatch->lanes_count; i++) {
      struct hf_lane *lane = &dispatch->lanes[i];
      if (hf_pool_room(&dispatch->flights) == 0) return filled;
      if (hf_lane_rank(lane) != rank) continue;
      const struct item *item = item_at(dispatch, hf_heap_first(&lane->queue)->item);
      uint32_t way = hf_way_choose(dispatch->lanes, i, &item->order, item->attempts, now);
      if (way == HF_WAY_NONE) continue;
      uint32_t index = hf_lane_take(lane);
      moved = true;
      if (!may_leave(dispatch, item, now)) { /* the epoch has gone stale while it waited in the lane */
        hold_back(dispatch, index);
        continue;
      }
      start_flight(dispatch, index, way, now);
      filled++;
    }
  }
  return filled;
}

static void tell(struct hf_dispatch *dispatch, const struct item *item, enum hf_input_kind kind, struct hf_time at,
                 enum hf_outcome outcome, bool left, const struct hf_answer *answer)
{
  const struct hf_input input = {.kind = kind,
                                 .order_id = item->order.id,
                                 .attempt = item->attempts,
                                 .at = at,
                                 .outcome = outcome,
                                 .left = left,
                                 .way = item->way == item->lane ? NULL : dispatch->lanes[item->way].row.code,
                                 .answer_is_durable = dispatch->hears_durable,
                                 .answer = answer};
  dispatch->events.tell(dispatch->events.owner, &input);
}

static void back_off_for(struct hf_dispatch *dispatch, uint32_t index, struct hf_time now, int64_t wait_ns)
{
  struct item *item = item_at(dispatch, index);
  if (item->flight != 0) end_flight(dispatch, item->flight);
  item->state = ITEM_BACKING_OFF;
  hf_wheel_arm(&dispatch->wheel, index, now.mono_ns + wait_ns);
}

/* The attempt is over and there is no feedback: the identical bytes go again later. */
static void back_off(struct hf_dispatch *dispatch, uint32_t index, struct hf_time now, int64_t least_ns)
{
  int64_t wait = hf_lane_backoff_ns(&item_at(dispatch, index)->order, item_at(dispatch, index)->attempts);
  back_off_for(dispatch, index, now, wait > least_ns ? wait : least_ns);
}

static void park(struct hf_dispatch *dispatch, uint32_t index)
{
  struct item *item = item_at(dispatch, index);
  if (item->flight != 0) end_flight(dispatch, item->flight);
  hf_wheel_cancel(&dispatch->wheel, index);
  hf_heap_remove(&dispatch->lanes[item->lane].queue, index);
  item->state = ITEM_PARKED;
}

static void attempt_failed(struct hf_dispatch *dispatch, uint32_t index, enum hf_outcome outcome, bool left, struct hf_time at)
{
  struct item *item = item_at(dispatch, index);
  int64_t least_ns = outcome == HF_OUTCOME_BUSY ? HF_NS_PER_S : outcome == HF_OUTCOME_REJECTED ? 30 * HF_NS_PER_S : 0;
  struct hf_lane *lane = &dispatch->lanes[item->way];
  lane->failures++;
  if (++lane->silence == HF_LANE_SILENT)
    HF_LOG(HF_LOG_ALARM, "E1510", "an institution gives no answer: its orders wait and are tried again; call it",
           HF_FIELD("institution", lane->row.code), HF_FIELD("tries", lane->silence), HF_FIELD("orders", lane->orders));
  if (hf_way_failed(lane, at) && hf_way_is_one_of_many(lane))
    HF_LOG(HF_LOG_WARN, "E1512", "a way to an institution comes to nothing: orders take another one",
           HF_FIELD("institution", lane->row.code), HF_FIELD("tries", lane->silence));
  bool swallowed = item->attempts > PATIENT_TRIES && lane->feedback_follows;
  if (swallowed) least_ns = UNACKNOWLEDGED_NS;
  back_off(dispatch, index, at, least_ns);
  tell(dispatch, item, HF_INPUT_ATTEMPT_ENDED, at, outcome, left, NULL);
  if (item->attempts >= HF_QUICK_TRIES && !item->gave_up) {
    item->gave_up = true;
    tell(dispatch, item, HF_INPUT_GAVE_UP, at, outcome, left, NULL);
  }
}

static void fire_timers(struct hf_dispatch *dispatch, struct hf_time now)
{
  for (uint32_t index; (index = hf_wheel_pop(&dispatch->wheel, now.mono_ns)) != 0;) {
    struct item *item = item_at(dispatch, index);
    if (item->state == ITEM_BACKING_OFF) {
      enqueue(dispatch, index);
      continue;
    }
    if (item->state == ITEM_HELD) {
      HF_LOG(HF_LOG_ALARM, "E1503", "an order leaves before the answer that caused it is recorded",
             HF_FIELD("order", item->order.id));
      item->order.after = HF_AFTER_NOTHING;
      let_go(dispatch, index);
      enqueue(dispatch, index);
      continue;
    }
    HF_ASSERT(item->state == ITEM_IN_FLIGHT);
    bool left = flight_at(dispatch, item->flight)->left;
    dispatch->events.cancel(dispatch->events.owner, item->way, item->flight);
    attempt_failed(dispatch, index, left ? HF_OUTCOME_TIMEOUT : HF_OUTCOME_NOT_CONNECTED, left, now);
  }
}

uint32_t hf_dispatch_work(struct hf_dispatch *dispatch, struct hf_time now)
{
  uint32_t filled = 0;
  fire_timers(dispatch, now);
  for (int64_t rank = 0; rank <= 4; rank++) filled += fill_rank(dispatch, rank, now);
  return filled;
}

int64_t hf_dispatch_next(const struct hf_dispatch *dispatch)
{
  int64_t next = hf_wheel_next(&dispatch->wheel);
  for (uint32_t i = 0; i < dispatch->lanes_count; i++) {
    int64_t paced = hf_heap_first(&dispatch->lanes[i].queue) == NULL ? INT64_MAX : hf_way_next(dispatch->lanes, i);
    if (paced < next) next = paced;
  }
  return next;
}

uint32_t hf_dispatch_take_unsigned(struct hf_dispatch *dispatch)
{
  uint32_t index = dispatch->unsigned_flights.first;
  if (index == 0) return 0;
  list_remove(dispatch, &dispatch->unsigned_flights, index);
  flight_at(dispatch, index)->state = FLIGHT_SIGNING;
  return index;
}

void hf_dispatch_signed(struct hf_dispatch *dispatch, uint32_t index, const char *key_id, const char *algorithm,
                        struct hf_span signature)
{
  struct flight *flight = flight_at(dispatch, index);
  HF_ASSERT(flight->state == FLIGHT_SIGNING);
  if (flight->orphan) {
    flight->state = FLIGHT_FREE;
    hf_pool_release(&dispatch->flights, index);
    return;
  }
  const struct item *item = item_at(dispatch, flight->item);
  struct hf_writer headers = hf_writer_of(flight->headers, sizeof flight->headers - 1);
  const struct hf_message message = message_of(dispatch, flight);
  struct hf_status status = dispatch->lanes[item->way].dialect->seal(&message, key_id, algorithm, signature, &headers);
  HF_ASSERT(hf_is_ok(status)); /* a signature is bounded below the buffer */
  flight->headers[headers.size] = '\0';
  flight->headers_size = headers.size;
  flight->state = FLIGHT_READY;
  list_add(dispatch, &dispatch->ready_flights, index);
}

uint32_t hf_dispatch_ready(const struct hf_dispatch *dispatch, uint32_t after)
{
  return after == 0 ? dispatch->ready_flights.first : flight_at(dispatch, after)->next;
}

struct hf_flight_view hf_dispatch_view(const struct hf_dispatch *dispatch, uint32_t index)
{
  const struct flight *flight = flight_at(dispatch, index);
  const struct item *item = item_at(dispatch, flight->item);
  return (struct hf_flight_view){.lane = item->way,
                                 .message = message_of(dispatch, flight),
                                 .to_sign = {flight->to_sign, flight->to_sign_size},
                                 .headers = {(const uint8_t *)flight->headers, flight->headers_size},
                                 .dialect = dispatch->lanes[item->way].dialect};
}

void hf_dispatch_started(struct hf_dispatch *dispatch, uint32_t index, struct hf_time now)
{
  struct flight *flight = flight_at(dispatch, index);
  HF_ASSERT(flight->state == FLIGHT_READY);
  list_remove(dispatch, &dispatch->ready_flights, index);
  flight->state = FLIGHT_STARTED;
  flight->started_mono_ns = now.mono_ns;
  const struct item *item = item_at(dispatch, flight->item);
  int64_t timeout_ns = hf_lane_timeout_ns(&dispatch->lanes[item->way], item->attempts);
  hf_wheel_arm(&dispatch->wheel, flight->item, now.mono_ns + timeout_ns);
}

/* --- what the transport tells --- */

void hf_dispatch_left(struct hf_dispatch *dispatch, uint32_t index, struct hf_time at)
{
  struct flight *flight = flight_at(dispatch, index);
  if (flight->left) return;
  flight->left = true;
  tell(dispatch, item_at(dispatch, flight->item), HF_INPUT_LEFT, at, HF_OUTCOME_UNSET, true, NULL);
}

static enum hf_outcome outcome_of_status(int status)
{
  if (status == 429 || status == 503) return HF_OUTCOME_BUSY;
  if (status >= 400 && status < 500 && status != 408) return HF_OUTCOME_REJECTED;
  return HF_OUTCOME_INVALID;
}

/* An answer to the item's order over that lane; the flight's exchange is over. */
static void take_answer(struct hf_dispatch *dispatch, uint32_t number, struct hf_lane *lane, const struct hf_answer *answer,
                        struct hf_time at)
{
  struct item *item = item_at(dispatch, number);
  lane->answers++;
  if (lane->silence >= HF_LANE_SILENT)
    HF_LOG(HF_LOG_ALARM, "E1511", "an institution answers again", HF_FIELD("institution", lane->row.code),
           HF_FIELD("tries", lane->silence));
  lane->silence = 0;
  if (hf_way_answered(lane) && hf_way_is_one_of_many(lane))
    HF_LOG(HF_LOG_WARN, "E1513", "a way to an institution works again", HF_FIELD("institution", lane->row.code));
  bool goes_on = answer->more && hf_action_traits(item->order.action)->many_answers;
  bool follows = lane->feedback_follows;
  if (answer->has_feedback && goes_on) {
    item->attempts = 1; /* it works: the next failure is the first again */
    item->gave_up = false;
    if (follows)
      park(dispatch, number);
    else
      back_off_for(dispatch, number, at, MONITOR_EVERY_NS);
    tell(dispatch, item, HF_INPUT_ANSWER, at, HF_OUTCOME_UNSET, true, answer);
  } else if (answer->has_feedback) {
    const struct item answered = *item;
    drop_item(dispatch, number);
    tell(dispatch, &answered, HF_INPUT_ANSWER, at, HF_OUTCOME_UNSET, true, answer);
  } else {
    if (follows)
      park(dispatch, number);
    else
      back_off(dispatch, number, at, HF_NS_PER_S); /* it has it; the identical order later asks for the feedback */
    tell(dispatch, item, HF_INPUT_ANSWER, at, HF_OUTCOME_UNSET, true, answer);
  }
}

void hf_dispatch_replied(struct hf_dispatch *dispatch, uint32_t index, int status, struct hf_span body, struct hf_time at)
{
  struct flight *flight = flight_at(dispatch, index);
  uint32_t number = flight->item;
  struct item *item = item_at(dispatch, number);
  struct hf_lane *lane = &dispatch->lanes[item->way];
  struct hf_answer answer;
  if (!flight->left) hf_dispatch_left(dispatch, index, at);
  hf_wheel_cancel(&dispatch->wheel, number);
  if (status != 200 && status != 202) {
    HF_LOG(HF_LOG_WARN, "E1501", "an institution answers an order with an HTTP error", HF_FIELD("institution", lane->row.code),
           HF_FIELD("order", item->order.id), HF_FIELD("status", status));
    attempt_failed(dispatch, number, outcome_of_status(status), true, at);
    return;
  }
  struct hf_status read = lane->dialect->decode(body, &item->order, &lane->row, dispatch->room, &answer);
  if (!hf_is_ok(read)) {
    HF_LOG(HF_LOG_WARN, "E1502", "an answer is not believed", HF_FIELD("institution", lane->row.code),
           HF_FIELD("order", item->order.id), HF_FIELD("why", read.why));
    attempt_failed(dispatch, number, HF_OUTCOME_INVALID, true, at);
    return;
  }
  hf_lane_replied(lane, at.mono_ns - flight->started_mono_ns);
  take_answer(dispatch, number, lane, &answer, at);
}

/* The order is in the lane, in whatever state: a process before this one may have sent it. */
static void take_heard(struct hf_dispatch *dispatch, uint32_t number, uint32_t lane, const struct hf_answer *answer,
                       struct hf_time at)
{
  struct item *item = item_at(dispatch, number);
  if (item->flight != 0 && flight_at(dispatch, item->flight)->state == FLIGHT_STARTED) {
    if (!flight_at(dispatch, item->flight)->left) hf_dispatch_left(dispatch, item->flight, at);
    dispatch->events.cancel(dispatch->events.owner, item->way, item->flight);
  }
  if (item->state == ITEM_HELD) let_go(dispatch, number);
  hf_heap_remove(&dispatch->lanes[item->lane].queue, number);
  hf_wheel_cancel(&dispatch->wheel, number);
  take_answer(dispatch, number, &dispatch->lanes[lane], answer, at);
}

/* The order is in no lane any more, or not yet: what its core makes of it is the core's. */
static void pass_on(struct hf_dispatch *dispatch, const struct hf_order *order, const struct hf_answer *answer,
                    struct hf_time at)
{
  const struct hf_input input = {
      .kind = HF_INPUT_ANSWER, .order_id = order->id, .at = at, .answer_is_durable = dispatch->hears_durable, .answer = answer};
  dispatch->events.tell(dispatch->events.owner, &input);
}

bool hf_dispatch_heard(struct hf_dispatch *dispatch, uint32_t lane, const struct hf_heard *heard, struct hf_time at,
                       struct hf_order_id *unknown)
{
  const struct hf_dialect *dialect = dispatch->lanes[lane].dialect;
  const struct hf_institution *row = &dispatch->lanes[lane].row;
  struct hf_order_id id = {{{0}}};
  struct hf_answer answer;
  struct hf_order known;
  struct hf_status read = hf_ok();
  if (heard->order_id != NULL)
    id = *heard->order_id;
  else
    read = dialect->identify == NULL ? hf_fail(HF_STATUS_MALFORMED, "its dialect has no such")
                                     : dialect->identify(heard->body, row, &id);
  if (!hf_is_ok(read)) {
    HF_LOG(HF_LOG_WARN, "E1504", "a message that names no order", HF_FIELD("institution", row->code),
           HF_FIELD("why", read.why));
    return false;
  }
  uint32_t number = hf_map_get(&dispatch->item_of, id.uuid);
  const struct hf_order *order = number != 0 ? &item_at(dispatch, number)->order : NULL;
  if (order == NULL && dispatch->events.known != NULL && dispatch->events.known(dispatch->events.owner, id, &known))
    order = &known;
  *unknown = id;
  if (order == NULL) return true;
  if (!hf_institution_is_row_of(row, order->institution)) {
    HF_LOG(HF_LOG_ALARM, "E1505", "an answer to another institution's order", HF_FIELD("institution", row->code),
           HF_FIELD("order", id));
    return false;
  }
  read = dialect->decode(heard->body, order, row, dispatch->room, &answer);
  if (!hf_is_ok(read)) {
    HF_LOG(HF_LOG_WARN, "E1502", "an answer is not believed", HF_FIELD("institution", row->code), HF_FIELD("order", id),
           HF_FIELD("why", read.why));
    return false; /* the try's own time decides */
  }
  dispatch->hears_durable = heard->is_durable;
  if (number != 0)
    take_heard(dispatch, number, lane, &answer, at);
  else
    pass_on(dispatch, order, &answer, at);
  dispatch->hears_durable = false;
  return false;
}

void hf_dispatch_failed(struct hf_dispatch *dispatch, uint32_t index, enum hf_outcome outcome, bool left, struct hf_time at)
{
  uint32_t number = flight_at(dispatch, index)->item;
  hf_wheel_cancel(&dispatch->wheel, number);
  attempt_failed(dispatch, number, outcome, left, at);
}

uint32_t hf_dispatch_lanes(const struct hf_dispatch *dispatch)
{
  return dispatch->lanes_count;
}

struct hf_lane_view hf_dispatch_lane(const struct hf_dispatch *dispatch, uint32_t lane)
{
  const struct hf_lane *at = &dispatch->lanes[lane];
  return (struct hf_lane_view){.row = &at->row,
                               .dialect = at->dialect,
                               .waiting = at->queue.used,
                               .in_flight = at->in_flight,
                               .attempts = at->attempts,
                               .answers = at->answers,
                               .failures = at->failures,
                               .orders = at->orders,
                               .silence = at->row.enabled ? at->silence : 0,
                               .open = at->probe_ns != 0,
                               .timeout_ns = hf_lane_timeout_ns(at, 1)};
}
