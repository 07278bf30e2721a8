#include "engine/chase/chase.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"

#define MATCH_NS (600 * HF_NS_PER_S) /* two institutions' clocks, and minutes that a transfer is under way */

static const char *const method_codes[HF_CHASE_METHOD_COUNT] = {"",
#define X(name, code) code,
                                                                HF_CHASE_METHODS(X)
#undef X
};

static const char *const flaw_codes[HF_CHASE_FLAW_COUNT] = {
#define X(name, code, text) code,
    HF_CHASE_FLAWS(X)
#undef X
};

const char *hf_chase_method_code(enum hf_chase_method method)
{
  HF_ASSERT(method < HF_CHASE_METHOD_COUNT);
  return method_codes[method];
}

enum hf_chase_method hf_chase_method_of_code(const char *code)
{
  for (unsigned i = 1; i < HF_CHASE_METHOD_COUNT; i++)
    if (strcmp(method_codes[i], code) == 0) return (enum hf_chase_method)i;
  return HF_CHASE_UNSET;
}

const char *hf_chase_flaw_code(enum hf_chase_flaw flaw)
{
  HF_ASSERT(flaw < HF_CHASE_FLAW_COUNT);
  return flaw_codes[flaw];
}

uint64_t hf_chase_serial(const char *serial)
{
  return serial[0] == '\0' ? 0 : hf_checksum(HF_CHECKSUM_SEED, serial, strlen(serial)) | 1;
}

/* --- parcels --- */

static void drop_lot(struct hf_chase *chase, uint32_t at)
{
  HF_ASSERT(at < chase->lots_count);
  chase->lots_count--;
  for (uint32_t i = at; i < chase->lots_count; i++) chase->lots[i] = chase->lots[i + 1];
}

/* Joins a parcel with the nearest later one of its root. Which root goes first among the joined is then a convention. */
static void make_room(struct hf_chase *chase)
{
  uint32_t best = 0, best_gap = UINT32_MAX, with = 0;
  for (uint32_t i = 0; i < chase->lots_count; i++)
    for (uint32_t j = i + 1; j < chase->lots_count; j++) {
      if (chase->lots[i].root != chase->lots[j].root || j - i >= best_gap) continue;
      best = i;
      with = j;
      best_gap = j - i;
    }
  /* More roots than parcels: the two oldest become clean, which understates, never overstates, what is stolen. */
  if (best_gap == UINT32_MAX) {
    best = 0;
    with = 1;
    chase->lots[0].root = HF_CHASE_CLEAN;
  }
  chase->lots[best].amount += chase->lots[with].amount;
  drop_lot(chase, with);
  chase->merged = 1;
}

void hf_chase_in(struct hf_chase *chase, uint32_t root, int64_t amount)
{
  HF_ASSERT(amount >= 0 && amount <= HF_AMOUNT_MAX * HF_CASE_ORDERS_MAX);
  if (amount == 0) return;
  if (chase->lots_count > 0 && chase->lots[chase->lots_count - 1].root == root) {
    chase->lots[chase->lots_count - 1].amount += amount;
    return;
  }
  if (chase->lots_count == HF_CHASE_LOTS_MAX) make_room(chase);
  chase->lots[chase->lots_count++] = (struct hf_lot){.root = root, .amount = amount};
}

static void add_share(struct hf_lot *shares, uint32_t *count, uint32_t root, int64_t amount)
{
  if (root == HF_CHASE_CLEAN || amount == 0) return;
  for (uint32_t i = 0; i < *count; i++) {
    if (shares[i].root != root) continue;
    shares[i].amount += amount;
    return;
  }
  HF_ASSERT(*count < HF_CHASE_LOTS_MAX);
  shares[(*count)++] = (struct hf_lot){.root = root, .amount = amount};
}

/* floor(amount * part / whole) without overflow: the product of two amounts has 94 bits. */
static int64_t proportion(int64_t amount, int64_t part, int64_t whole)
{
  return (int64_t)((__int128)amount * part / whole);
}

/* Every parcel gives its proportion; the fen that rounding leaves over come from the oldest parcels that still have one. */
static uint32_t take_pro_rata(struct hf_chase *chase, int64_t amount, struct hf_lot *shares)
{
  int64_t total = 0, taken = 0;
  uint32_t count = 0;
  int64_t parts[HF_CHASE_LOTS_MAX];
  for (uint32_t i = 0; i < chase->lots_count; i++) total += chase->lots[i].amount;
  if (amount > total) amount = total; /* money that it cannot have had is not stolen money */
  for (uint32_t i = 0; i < chase->lots_count; i++) taken += parts[i] = proportion(amount, chase->lots[i].amount, total);
  for (uint32_t i = 0; taken < amount; i = (i + 1) % chase->lots_count) {
    if (parts[i] >= chase->lots[i].amount) continue;
    parts[i]++;
    taken++;
  }
  for (uint32_t i = 0; i < chase->lots_count; i++) {
    chase->lots[i].amount -= parts[i];
    add_share(shares, &count, chase->lots[i].root, parts[i]);
  }
  for (uint32_t i = chase->lots_count; i-- > 0;)
    if (chase->lots[i].amount == 0) drop_lot(chase, i);
  return count;
}

uint32_t hf_chase_out(struct hf_chase *chase, int64_t amount, struct hf_lot shares[HF_CHASE_LOTS_MAX])
{
  HF_ASSERT(amount >= 0);
  uint32_t count = 0;
  if (chase->lots_count == 0) return 0;
  if (chase->method == HF_CHASE_PRO_RATA) return take_pro_rata(chase, amount, shares);
  while (amount > 0 && chase->lots_count > 0) {
    uint32_t at = chase->method == HF_CHASE_LIFO ? chase->lots_count - 1 : 0;
    struct hf_lot *lot = &chase->lots[at];
    int64_t part = lot->amount < amount ? lot->amount : amount;
    add_share(shares, &count, lot->root, part);
    amount -= part;
    lot->amount -= part;
    if (lot->amount == 0) drop_lot(chase, at);
  }
  return count;
}

int64_t hf_chase_left(const struct hf_chase *chase, uint32_t root)
{
  int64_t sum = 0;
  for (uint32_t i = 0; i < chase->lots_count; i++)
    if (chase->lots[i].root == root) sum += chase->lots[i].amount;
  return sum;
}

/* --- rows --- */

void hf_chase_begin(struct hf_chase *chase, enum hf_chase_method method)
{
  HF_ASSERT(method > HF_CHASE_UNSET && method < HF_CHASE_METHOD_COUNT);
  memset(chase, 0, sizeof *chase);
  chase->method = method;
}

static uint64_t payee_of(const struct hf_transaction *row)
{
  uint64_t sum = hf_checksum(HF_CHECKSUM_SEED, row->institution, strlen(row->institution));
  return hf_checksum(sum, row->account.bytes, row->account.size);
}

bool hf_chase_is_old_payee(const struct hf_chase *chase, const struct hf_transaction *row)
{
  uint64_t payee = payee_of(row);
  for (uint32_t i = 0; i < chase->old_payees_count; i++)
    if (chase->old_payees[i] == payee) return true;
  return false;
}

static void note_payee(struct hf_chase *chase, const struct hf_transaction *row)
{
  if (row->account.size == 0 || hf_chase_is_old_payee(chase, row)) return;
  chase->old_payees[chase->old_payees_count % HF_CHASE_PAYEES_MAX] = payee_of(row);
  if (chase->old_payees_count < HF_CHASE_PAYEES_MAX) chase->old_payees_count++;
}

static bool same_movement(const struct hf_transaction *a, const struct hf_transaction *b)
{
  return a->serial[0] != '\0' && strcmp(a->serial, b->serial) == 0 && a->credit == b->credit && a->amount == b->amount;
}

/* Whether the row may be used; counts why not. `sorted` are the page's rows in order, this one at `at`. */
static bool is_usable(struct hf_chase *chase, const struct hf_chase_page *page, const uint16_t *sorted, uint32_t at)
{
  const struct hf_transaction *row = &page->rows[sorted[at]];
  enum hf_chase_flaw flaw = HF_CHASE_FLAW_COUNT;
  if (row->amount <= 0 || row->amount > HF_AMOUNT_MAX)
    flaw = HF_CHASE_FLAW_AMOUNT;
  else if (row->at_wall_ns <= 0 || row->at_wall_ns > page->now_wall_ns + HF_FUTURE_TOLERANCE_NS)
    flaw = HF_CHASE_FLAW_TIME;
  else if (row->failed)
    flaw = HF_CHASE_FLAW_FAILED;
  else if (row->at_wall_ns < chase->newest_wall_ns)
    flaw = HF_CHASE_FLAW_OUT_OF_ORDER;
  /* A repeat has the serial of its twin and lies near it in time; looking back over all rows of a page would be quadratic. */
  for (uint32_t back = 1; flaw == HF_CHASE_FLAW_COUNT && back <= 8 && back <= at; back++)
    if (same_movement(row, &page->rows[sorted[at - back]])) flaw = HF_CHASE_FLAW_REPEATED;
  if (flaw == HF_CHASE_FLAW_COUNT) return true;
  chase->ignored[flaw]++;
  return false;
}

/* The money that was there before the first row: clean. */
static void read_opening(struct hf_chase *chase, const struct hf_transaction *row)
{
  if (chase->began != 0) return;
  chase->began = 1;
  if (!row->has_balance) return;
  int64_t opening = row->credit ? row->balance - row->amount : row->balance + row->amount;
  if (opening > 0 && opening <= HF_AMOUNT_MAX) hf_chase_in(chase, HF_CHASE_CLEAN, opening);
}

/* Inflows that no row showed by the time that it should have: they are known from the sender's side. */
static void count_missing(struct hf_chase *chase, const struct hf_chase_page *page, int64_t before_wall_ns)
{
  for (uint32_t i = 0; i < page->inflows_count; i++) {
    if (chase->counted & 1ULL << i || page->inflows[i].at_wall_ns > before_wall_ns) continue;
    chase->counted |= 1ULL << i;
    hf_chase_in(chase, page->inflows[i].root, page->inflows[i].amount);
  }
}

/* A credit is stolen money where it is an inflow that we know: by serial, else by amount and time. One row may carry several.
 */
static void read_credit(struct hf_chase *chase, const struct hf_chase_page *page, const struct hf_transaction *row)
{
  uint64_t serial = hf_chase_serial(row->serial);
  int64_t left = row->amount;
  bool known = false;
  for (uint32_t i = 0; i < page->inflows_count && left > 0; i++) {
    const struct hf_inflow *inflow = &page->inflows[i];
    int64_t apart =
        row->at_wall_ns > inflow->at_wall_ns ? row->at_wall_ns - inflow->at_wall_ns : inflow->at_wall_ns - row->at_wall_ns;
    bool by_serial = serial != 0 && serial == inflow->serial;
    bool by_amount = (serial == 0 || inflow->serial == 0) && inflow->amount == row->amount && apart <= MATCH_NS;
    if (!by_serial && !by_amount) continue;
    known = true;
    if (chase->counted & 1ULL << i) continue; /* counted when it was missing: its row came late */
    int64_t part = inflow->amount < left ? inflow->amount : left;
    chase->counted |= 1ULL << i;
    hf_chase_in(chase, inflow->root, part);
    left -= part;
    if (by_amount) break;
  }
  if (!known || (left > 0 && left < row->amount)) hf_chase_in(chase, HF_CHASE_CLEAN, left);
}

static void sort_rows(const struct hf_chase_page *page, uint16_t *sorted)
{
  /* Institutions send rows in order, so insertion is linear; a page that is not costs at most its size squared, once. */
  for (uint32_t i = 0; i < page->rows_count; i++) {
    uint32_t at = i;
    for (; at > 0 && page->rows[sorted[at - 1]].at_wall_ns > page->rows[i].at_wall_ns; at--) sorted[at] = sorted[at - 1];
    sorted[at] = (uint16_t)i;
  }
}

uint32_t hf_chase_read(struct hf_chase *chase, const struct hf_chase_page *page, struct hf_split *splits, uint32_t splits_max)
{
  HF_ASSERT(page->rows_count <= HF_ANSWER_ROWS_MAX && page->inflows_count <= HF_CHASE_INFLOWS_MAX);
  uint16_t sorted[HF_ANSWER_ROWS_MAX];
  uint32_t count = 0;
  int64_t newest = chase->newest_wall_ns, first = page->inflows_count == 0 ? INT64_MAX : page->inflows[0].at_wall_ns;
  sort_rows(page, sorted);
  for (uint32_t i = 0; i < page->rows_count; i++) {
    const struct hf_transaction *row = &page->rows[sorted[i]];
    struct hf_lot shares[HF_CHASE_LOTS_MAX];
    chase->rows++;
    if (!is_usable(chase, page, sorted, i)) continue;
    if (row->at_wall_ns > newest) newest = row->at_wall_ns;
    read_opening(chase, row);
    count_missing(chase, page, row->at_wall_ns - MATCH_NS);
    if (row->credit) {
      read_credit(chase, page, row);
      continue;
    }
    if (row->at_wall_ns < first - page->old_ns) note_payee(chase, row);
    /* A debit right after an inflow whose credit row is missing or later in the list: the money was there. */
    if (hf_chase_left(chase, HF_CHASE_CLEAN) < row->amount) count_missing(chase, page, row->at_wall_ns);
    uint32_t parts = hf_chase_out(chase, row->amount, shares);
    if (parts > 0 && row->account.size == 0 && row->serial[0] == '\0' && !row->cash) chase->ignored[HF_CHASE_FLAW_NOBODY]++;
    for (uint32_t k = 0; k < parts; k++) {
      if (count == splits_max) { /* pro rata over many roots: what is not told is understated, and said */
        chase->merged = 1;
        break;
      }
      splits[count++] = (struct hf_split){.row = sorted[i], .root = shares[k].root, .amount = shares[k].amount};
    }
  }
  chase->newest_wall_ns = newest;
  return count;
}
