#include "engine/record/projection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/codec/codec.h"

/* What a transaction changes of one order: each column as the statement would join the facts one by one, so that a row does not
 * depend on which facts shared a transaction. */
struct hf_order_delta {
  struct hf_order_id id;
  const struct hf_fact *ready; /* order_ready or order_drafted; NULL: the row is already there */
  enum hf_order_state state;   /* UNSET: as `sent_wall_ns` says */
  bool overdue;
  uint32_t attempts, invalid;
  int64_t sent_wall_ns, received_wall_ns, ended_wall_ns;
  int64_t sent_mono_ns, received_mono_ns, ended_mono_ns;
  bool answered, has_balance;
  const char *result; /* in its fact; NULL: none */
  int64_t executed_wall_ns, balance, held;
  uint32_t transactions;
};

void hf_projection_init(struct hf_projection *projection)
{
  memset(projection, 0, sizeof *projection);
  projection->map_memory = calloc(1, hf_map_memory_size(HF_RECORD_BATCH_FACTS));
  projection->deltas = calloc(HF_RECORD_BATCH_FACTS, sizeof *projection->deltas);
  projection->encoded_capacity = (size_t)HF_RECORD_BATCH_FACTS * HF_FACT_ENCODED_SIZE_MAX;
  projection->encoded = malloc(projection->encoded_capacity);
  HF_ASSERT(projection->map_memory != NULL && projection->deltas != NULL && projection->encoded != NULL);
}

void hf_projection_deinit(struct hf_projection *projection)
{
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < HF_STATEMENT_COLUMNS_MAX; c++) hf_column_free(&projection->columns[k][c]);
  free(projection->map_memory);
  free(projection->deltas);
  free(projection->encoded);
}

static struct hf_order_delta *delta_of(struct hf_projection *projection, struct hf_order_id id)
{
  uint32_t index = hf_map_get(&projection->order_of, id.uuid);
  if (index == 0) {
    index = ++projection->deltas_count;
    hf_map_put(&projection->order_of, id.uuid, index);
    projection->deltas[index - 1] = (struct hf_order_delta){.id = id};
  }
  return &projection->deltas[index - 1];
}

/* Which order a fact is about; zero where none. */
static struct hf_order_id order_of(const struct hf_fact *fact)
{
  switch (fact->kind) {
  case HF_FACT_ORDER_DRAFTED:
  case HF_FACT_ORDER_READY: return fact->order.id;
  case HF_FACT_ORDER_SENT:
  case HF_FACT_ATTEMPT_ENDED:
  case HF_FACT_ORDER_RECEIVED:
  case HF_FACT_ORDER_UNKNOWN:
  case HF_FACT_ORDER_WARNED:
  case HF_FACT_RECEIPT_MISSED:
  case HF_FACT_ORDER_OVERDUE:
  case HF_FACT_ORDER_DROPPED:
  case HF_FACT_ORDER_CANCELLED: return fact->step.order_id;
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ORDER_WATCHED:
  case HF_FACT_ANSWER_CONTRADICTED: return fact->ended.answer.order_id;
  case HF_FACT_HOLD_CHANGED:
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_CHECKED:
  case HF_FACT_HOLD_DIFFERS: return fact->hold.order_id;
  case HF_FACT_HOLD_KEPT: return fact->kept.order_id;
  case HF_FACT_MONEY_TRACED: return fact->traced.query_id;
  case HF_FACT_PAGE_READ: return fact->page.query_id;
  case HF_FACT_CHASE_BOUNDED: return fact->bounded.query_id;
  case HF_FACT_TASK_OPENED: return fact->task.order_id;
  default: return (struct hf_order_id){0};
  }
}

/* A process that took the shard over counts its tries from one. */
static void note_attempt(struct hf_order_delta *delta, uint32_t attempt)
{
  if (attempt > delta->attempts) delta->attempts = attempt;
}

/* The first result, execution and hold rule; the newest balance; all rows. */
static void note_answer(struct hf_order_delta *delta, const struct hf_answer *answer)
{
  if (delta->result == NULL && answer->result[0] != '\0') delta->result = answer->result; /* none: a person or a timer */
  if (delta->executed_wall_ns == 0) delta->executed_wall_ns = answer->executed_wall_ns;
  if (!delta->answered) delta->held = answer->held;
  if (answer->has_balance) delta->balance = answer->balance;
  delta->has_balance |= answer->has_balance;
  delta->transactions += answer->transactions_count;
  delta->answered = true;
}

static void note_order(struct hf_projection *projection, const struct hf_fact *fact)
{
  struct hf_order_delta *delta = delta_of(projection, order_of(fact));
  switch (fact->kind) {
  case HF_FACT_ORDER_DRAFTED:
    delta->ready = fact;
    delta->state = HF_ORDER_DRAFT;
    break;
  case HF_FACT_ORDER_READY:
    delta->ready = fact;
    if (delta->state == HF_ORDER_DRAFT) delta->state = HF_ORDER_UNSET;
    break;
  case HF_FACT_ORDER_SENT:
    if (delta->sent_wall_ns == 0) delta->sent_wall_ns = fact->step.at.wall_ns, delta->sent_mono_ns = fact->step.at.mono_ns;
    note_attempt(delta, fact->step.attempt);
    break;
  case HF_FACT_ATTEMPT_ENDED:
    note_attempt(delta, fact->step.attempt);
    delta->invalid += fact->step.outcome == HF_OUTCOME_INVALID;
    break;
  case HF_FACT_ORDER_RECEIVED:
    if (delta->received_wall_ns == 0)
      delta->received_wall_ns = fact->step.at.wall_ns, delta->received_mono_ns = fact->step.at.mono_ns;
    delta->state = HF_ORDER_RECEIVED;
    break;
  case HF_FACT_ORDER_UNKNOWN: delta->state = HF_ORDER_UNKNOWN; break;
  case HF_FACT_ORDER_DROPPED: delta->state = HF_ORDER_DROPPED; break;
  case HF_FACT_ORDER_CANCELLED: delta->state = HF_ORDER_CANCELLED; break;
  case HF_FACT_ORDER_OVERDUE: delta->overdue = true; break;
  default:
    HF_ASSERT(fact->kind == HF_FACT_ORDER_ENDED || fact->kind == HF_FACT_ORDER_WATCHED);
    delta->state = fact->ended.state;
    if (hf_order_state_is_final(fact->ended.state) && delta->ended_wall_ns == 0)
      delta->ended_wall_ns = fact->ended.at.wall_ns, delta->ended_mono_ns = fact->ended.at.mono_ns;
    note_answer(delta, &fact->ended.answer);
  }
}

/* A stamp that was not taken is none; 0 is no stamp of a running machine. */
static void put_mono(struct hf_column *column, int64_t mono_ns)
{
  if (mono_ns == 0)
    hf_column_null(column);
  else
    hf_column_int(column, mono_ns);
}

/* The columns that a new and a changed order share, from `c` on: state … transactions, the monotonic stamps, invalid. */
static void add_order_state(struct hf_column *c, const struct hf_order_delta *delta, const char *state)
{
  if (state == NULL)
    hf_column_null(&c[0]);
  else
    hf_column_text(&c[0], state);
  hf_column_int(&c[1], delta->overdue);
  hf_column_int(&c[2], delta->attempts);
  hf_column_time(&c[3], delta->sent_wall_ns);
  hf_column_time(&c[4], delta->received_wall_ns);
  hf_column_time(&c[5], delta->ended_wall_ns);
  put_mono(&c[11], delta->sent_mono_ns);
  put_mono(&c[12], delta->received_mono_ns);
  put_mono(&c[13], delta->ended_mono_ns);
  hf_column_int(&c[14], delta->invalid);
  if (!delta->answered) {
    for (int i = 6; i <= 10; i++) hf_column_null(&c[i]);
    return;
  }
  if (delta->result == NULL)
    hf_column_null(&c[6]);
  else
    hf_column_text(&c[6], delta->result);
  hf_column_time(&c[7], delta->executed_wall_ns);
  if (delta->has_balance)
    hf_column_int(&c[8], delta->balance);
  else
    hf_column_null(&c[8]);
  hf_column_int(&c[9], delta->held);
  hf_column_int(&c[10], delta->transactions);
}

static void add_orders(struct hf_projection *projection)
{
  for (uint32_t i = 0; i < projection->deltas_count; i++) {
    const struct hf_order_delta *delta = &projection->deltas[i];
    const char *state = delta->state != HF_ORDER_UNSET ? hf_order_state_code(delta->state) : NULL;
    if (delta->ready == NULL) {
      struct hf_column *c = projection->columns[HF_STATEMENT_ORDER_CHANGE];
      hf_column_uuid(&c[0], delta->id.uuid);
      hf_column_uuid(&c[1], projection->boot);
      add_order_state(c + 2, delta, state);
      continue;
    }
    const struct hf_order *order = &delta->ready->order;
    struct hf_column *c = projection->columns[HF_STATEMENT_ORDER_NEW];
    hf_column_uuid(&c[0], order->id.uuid);
    hf_column_uuid(&c[1], order->case_id.uuid);
    hf_column_text(&c[2], order->institution);
    hf_column_bytes(&c[3], order->account.bytes, order->account.size);
    hf_column_text(&c[4], hf_action_code(order->action));
    hf_column_int(&c[5], order->ordinal);
    hf_column_int(&c[6], order->amount);
    hf_column_text(&c[7], hf_currency_code(order->currency));
    hf_column_time(&c[8], order->issued_wall_ns);
    hf_column_time(&c[9], delta->ready->decided.wall_ns);
    hf_column_time(&c[10], order->deadline_wall_ns);
    hf_column_uuid(&c[11], order->submission_id);
    hf_column_text(&c[12], order->key_id);
    if (order->second_id[0] == '\0')
      hf_column_null(&c[13]);
    else
      hf_column_text(&c[13], order->second_id);
    hf_column_uuid(&c[14], order->parent.uuid);
    hf_column_int(&c[15], order->hop);
    hf_column_int(&c[16], order->mode);
    hf_column_int(&c[17], order->page);
    hf_column_time(&c[18], order->until_wall_ns);
    hf_column_uuid(&c[19], projection->boot);
    put_mono(&c[20], delta->ready->decided.mono_ns);
    add_order_state(c + 21, delta, state != NULL ? state : delta->sent_wall_ns != 0 ? "sent" : "ready");
  }
}

/* Fresh for each attempt: what was not committed was never seen. */
static void make_salts(struct hf_projection *projection, uint32_t count)
{
  uint8_t *to = projection->salts[0];
  for (size_t left = count * sizeof projection->salts[0]; left > 0;) {
    ssize_t got = getrandom(to, left, 0);
    HF_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) to += got, left -= (size_t)got;
  }
}

static void add_leaf(struct hf_projection *projection, const struct hf_fact *fact, uint32_t at, uint32_t shard,
                     const char *boot_id)
{
  struct hf_audit_node nodes[7];
  struct hf_column *c = projection->columns[HF_STATEMENT_FACT], *n = projection->columns[HF_STATEMENT_AUDIT_NODE];
  const enum hf_audit_digest digest = projection->tree.digest;
  const struct hf_audit_leaf leaf = {.digest = digest,
                                     .shard = shard,
                                     .seq = fact->seq,
                                     .decided_us = fact->decided.wall_ns / HF_NS_PER_US,
                                     .kind = hf_fact_code(fact->kind),
                                     .boot_id = boot_id,
                                     .case_id = fact->case_id.uuid,
                                     .order_id = order_of(fact).uuid,
                                     .previous = projection->tree.last,
                                     .commitment = hf_audit_commit(digest, projection->salts[at], projection->bodies[at])};
  HF_ASSERT(fact->seq == projection->tree.size + 1); /* gap-free: the leaf's index */
  struct hf_audit_hash hash = hf_audit_leaf_hash(&leaf);
  hf_column_bytes(&c[7], projection->salts[at], HF_AUDIT_SALT_SIZE);
  hf_column_bytes(&c[8], hash.bytes, sizeof hash.bytes);
  uint32_t count = hf_audit_tree_add(&projection->tree, &hash, nodes);
  for (uint32_t i = 0; i < count; i++) {
    hf_column_int(&n[0], nodes[i].level);
    hf_column_int(&n[1], (int64_t)nodes[i].index);
    hf_column_bytes(&n[2], nodes[i].hash.bytes, sizeof nodes[i].hash.bytes);
  }
}

/* For the benchmark: the columns filled, nothing hashed. */
static void add_no_leaf(struct hf_projection *projection, const struct hf_fact *fact)
{
  static const uint8_t zeros[HF_SHA256_SIZE];
  struct hf_column *c = projection->columns[HF_STATEMENT_FACT];
  hf_column_bytes(&c[7], zeros, HF_AUDIT_SALT_SIZE);
  hf_column_bytes(&c[8], zeros, sizeof zeros);
  projection->tree.size = fact->seq;
}

static void add_key(struct hf_projection *projection, const struct hf_fact *fact, const struct hf_wrapped_key *key)
{
  struct hf_column *c = projection->columns[HF_STATEMENT_CASE_KEY];
  hf_column_uuid(&c[0], fact->case_id.uuid);
  hf_column_int(&c[1], (int64_t)fact->seq);
  hf_column_text(&c[2], key->by);
  hf_column_bytes(&c[3], key->bytes, sizeof key->bytes);
}

static void add_fact(struct hf_projection *projection, const struct hf_fact *fact, const struct hf_fact_company *company,
                     uint32_t at, const char *boot_id)
{
  struct hf_column *c = projection->columns[HF_STATEMENT_FACT];
  uint8_t *body = projection->encoded + projection->encoded_size;
  const struct hf_span sealed = {company->sealed, company->sealed_size};
  size_t size = hf_fact_encode(fact, boot_id, sealed, body, HF_FACT_ENCODED_SIZE_MAX);
  HF_ASSERT(size > 0);
  projection->encoded_size += size;
  projection->bodies[at] = (struct hf_span){body, size};
  hf_column_int(&c[0], (int64_t)fact->seq);
  hf_column_text(&c[1], hf_fact_code(fact->kind));
  hf_column_uuid(&c[2], fact->case_id.uuid);
  hf_column_uuid(&c[3], order_of(fact).uuid);
  hf_column_time(&c[4], fact->decided.wall_ns);
  hf_column_text(&c[5], boot_id);
  hf_column_bytes(&c[6], body, size);
}

void hf_projection_make(struct hf_projection *projection, const struct hf_fact *facts, const struct hf_fact_company *company,
                        uint32_t count, const struct hf_projection_audit *audit)
{
  HF_ASSERT(count <= HF_RECORD_BATCH_FACTS);
  if (!audit->no_leaves) make_salts(projection, count);
  projection->tree = *audit->tree;
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < hf_statements[k].columns_count; c++)
      hf_column_begin(&projection->columns[k][c], hf_statements[k].types[c]);
  memset(projection->map_memory, 0, hf_map_memory_size(HF_RECORD_BATCH_FACTS));
  hf_map_init(&projection->order_of, projection->map_memory, HF_RECORD_BATCH_FACTS);
  projection->deltas_count = 0;
  projection->encoded_size = 0;
  if (!hf_is_ok(hf_uuid_parse(audit->boot_id, strlen(audit->boot_id), &projection->boot)))
    projection->boot = (struct hf_uuid){0};
  for (uint32_t i = 0; i < count; i++) {
    add_fact(projection, &facts[i], &company[i], i, audit->boot_id);
    if (company[i].key.by[0] != '\0') add_key(projection, &facts[i], &company[i].key);
    if (audit->no_leaves)
      add_no_leaf(projection, &facts[i]);
    else
      add_leaf(projection, &facts[i], i, audit->shard, audit->boot_id);
    if (!hf_projection_add_row(projection, facts, i, count, company[i].raw)) note_order(projection, &facts[i]);
  }
  add_orders(projection);
  if (audit->checkpoint->size > 0) {
    struct hf_column *c = projection->columns[HF_STATEMENT_CHECKPOINT];
    hf_column_int(&c[0], (int64_t)audit->checkpoint->size);
    hf_column_text(&c[1], audit->checkpoint->note);
  }
  for (int k = 0; k < HF_STATEMENT_COUNT; k++)
    for (int c = 0; c < hf_statements[k].columns_count; c++) hf_column_end(&projection->columns[k][c]);
}
