/* The split of stolen money over onward transfers: exact, conserved, and as the convention says. */
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/chase/chase.h"
#include "tests/unit/unit.h"

#define AT(minutes) (1700000000LL * HF_NS_PER_S + (minutes)*60 * HF_NS_PER_S)

static struct hf_chase chase;
static struct hf_split splits[HF_ANSWER_ROWS_MAX * 4];

static struct hf_transaction row(bool credit, int64_t amount, int64_t minutes, const char *serial)
{
  struct hf_transaction made = {.credit = credit, .amount = amount, .at_wall_ns = AT(minutes)};
  strcpy(made.serial, serial);
  if (!credit) {
    strcpy(made.institution, "BANKB");
    assert_true(hf_is_ok(hf_account_number_set(&made.account, "6222", 4)));
  }
  return made;
}

static uint32_t read_rows(const struct hf_transaction *rows, uint32_t count, const struct hf_inflow *inflows,
                          uint32_t inflows_count)
{
  const struct hf_chase_page page = {.rows = rows,
                                     .rows_count = count,
                                     .inflows = inflows,
                                     .inflows_count = inflows_count,
                                     .now_wall_ns = AT(1000),
                                     .old_ns = 90LL * 86400 * HF_NS_PER_S};
  return hf_chase_read(&chase, &page, splits, HF_ANSWER_ROWS_MAX * 4);
}

static int64_t sum_of(uint32_t count, uint32_t root)
{
  int64_t sum = 0;
  for (uint32_t i = 0; i < count; i++)
    if (splits[i].root == root) sum += splits[i].amount;
  return sum;
}

/* 100 of its own, 50 stolen, 30 of its own; 120 leave. */
static int64_t stolen_of_120(enum hf_chase_method method)
{
  struct hf_lot shares[HF_CHASE_LOTS_MAX];
  hf_chase_begin(&chase, method);
  hf_chase_in(&chase, HF_CHASE_CLEAN, 100);
  hf_chase_in(&chase, 1, 50);
  hf_chase_in(&chase, HF_CHASE_CLEAN, 30);
  uint32_t count = hf_chase_out(&chase, 120, shares);
  return count == 0 ? 0 : shares[0].amount;
}

static void the_convention_decides_what_leaves(void **unused)
{
  (void)unused;
  assert_int_equal(stolen_of_120(HF_CHASE_FIFO), 20);
  assert_int_equal(hf_chase_left(&chase, 1), 30);
  assert_int_equal(stolen_of_120(HF_CHASE_LIFO), 50);
  assert_int_equal(stolen_of_120(HF_CHASE_PRO_RATA), 33); /* 120 * 50 / 180 = 33.3; the spare fen is the oldest parcel's */
}

/* What went in equals what went out plus what is left, for each victim's transfer, to the fen; and nobody gains. */
static void sums_conserve(void **unused)
{
  uint64_t seed = 1;
  (void)unused;
  for (int run = 0; run < 3000; run++) {
    int64_t in[5] = {0}, out[5] = {0};
    hf_chase_begin(&chase, (enum hf_chase_method)(1 + run % 3));
    for (int step = 0; step < 60; step++) {
      struct hf_lot shares[HF_CHASE_LOTS_MAX];
      seed = hf_mix64(seed + 1);
      int64_t amount = (int64_t)(seed % 1000000);
      uint32_t root = (uint32_t)(seed >> 40) % 5;
      if (seed >> 63) {
        hf_chase_in(&chase, root, amount);
        in[root] += amount;
        continue;
      }
      uint32_t count = hf_chase_out(&chase, amount, shares);
      int64_t sum = 0;
      for (uint32_t i = 0; i < count; i++) {
        assert_true(shares[i].amount > 0 && shares[i].root != HF_CHASE_CLEAN);
        out[shares[i].root] += shares[i].amount;
        sum += shares[i].amount;
      }
      assert_true(sum <= amount);
    }
    for (uint32_t root = 1; root < 5 && chase.merged == 0; root++)
      assert_int_equal(in[root], out[root] + hf_chase_left(&chase, root));
    for (uint32_t root = 1; root < 5; root++) assert_true(out[root] + hf_chase_left(&chase, root) <= in[root]);
  }
}

static void a_credit_is_known_by_serial_or_by_amount_and_time(void **unused)
{
  const struct hf_inflow inflows[] = {{1, 500, AT(10), hf_chase_serial("V-1")}, {2, 700, AT(20), 0}};
  struct hf_transaction rows[] = {row(true, 500, 12, "V-1"), row(true, 700, 21, ""), row(true, 999, 22, "X"),
                                  row(false, 2000, 30, "T")};
  (void)unused;
  hf_chase_begin(&chase, HF_CHASE_FIFO);
  uint32_t count = read_rows(rows, 4, inflows, 2);
  assert_int_equal(sum_of(count, 1), 500);
  assert_int_equal(sum_of(count, 2), 700);
}

static void an_inflow_without_a_row_counts_all_the_same(void **unused)
{
  const struct hf_inflow inflow = {1, 500, AT(10), 0};
  struct hf_transaction rows[] = {row(false, 400, 30, "T")};
  (void)unused;
  hf_chase_begin(&chase, HF_CHASE_FIFO);
  assert_int_equal(sum_of(read_rows(rows, 1, &inflow, 1), 1), 400);
  assert_int_equal(hf_chase_left(&chase, 1), 100);
}

static void unsound_rows_are_ignored_and_counted(void **unused)
{
  const struct hf_inflow inflow = {1, 1000, AT(10), hf_chase_serial("V")};
  struct hf_transaction rows[] = {row(true, 1000, 10, "V"), row(false, -5, 11, "A"),  row(false, 100, 2000, "B"),
                                  row(false, 100, 12, "C"), row(false, 100, 12, "C"), row(false, 100, 13, "D"),
                                  row(false, 100, 14, "")};
  (void)unused;
  rows[5].failed = true;
  rows[6].account.size = 0;
  hf_chase_begin(&chase, HF_CHASE_FIFO);
  uint32_t count = read_rows(rows, 7, &inflow, 1);
  assert_int_equal(sum_of(count, 1), 200);
  assert_int_equal(chase.ignored[HF_CHASE_FLAW_AMOUNT], 1);
  assert_int_equal(chase.ignored[HF_CHASE_FLAW_TIME], 1);
  assert_int_equal(chase.ignored[HF_CHASE_FLAW_REPEATED], 1);
  assert_int_equal(chase.ignored[HF_CHASE_FLAW_FAILED], 1);
  assert_int_equal(chase.ignored[HF_CHASE_FLAW_NOBODY], 1);
}

/* 100,000 rows for one account in pages: the state is one struct, and the result is that of one long list. */
static void a_list_of_100000_rows_is_read_in_pages(void **unused)
{
  static struct hf_transaction rows[HF_ANSWER_ROWS_MAX];
  const struct hf_inflow inflow = {1, 40000000, AT(0), hf_chase_serial("V")};
  int64_t stolen = 0, spent = 0;
  (void)unused;
  hf_chase_begin(&chase, HF_CHASE_FIFO);
  for (int page = 0; page < 200; page++) {
    for (int i = 0; i < HF_ANSWER_ROWS_MAX; i++) {
      int number = page * HF_ANSWER_ROWS_MAX + i;
      char serial[16];
      snprintf(serial, sizeof serial, "N%d", number);
      rows[i] = row(number % 3 == 0, 1000, 1 + number / 200, number == 0 ? "V" : serial);
      if (number == 0) rows[i].amount = 40000000;
      if (number % 3 != 0) spent += 1000;
    }
    stolen += sum_of(read_rows(rows, HF_ANSWER_ROWS_MAX, &inflow, 1), 1);
  }
  assert_int_equal(chase.rows, 100000);
  assert_int_equal(stolen, spent < 40000000 ? spent : 40000000); /* first in, first out: the stolen money was there first */
  assert_int_equal(stolen + hf_chase_left(&chase, 1), 40000000);
}

static void somebody_paid_for_long_is_an_old_payee(void **unused)
{
  const struct hf_inflow inflow = {1, 500, AT(0), hf_chase_serial("V")};
  struct hf_transaction rows[] = {row(false, 10, -200 * 1440, "R"), row(true, 500, 0, "V"), row(false, 400, 5, "T")};
  (void)unused;
  rows[2].account.bytes[0] = '7';
  hf_chase_begin(&chase, HF_CHASE_FIFO);
  read_rows(rows, 3, &inflow, 1);
  assert_true(hf_chase_is_old_payee(&chase, &rows[0]));
  assert_false(hf_chase_is_old_payee(&chase, &rows[2]));
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_convention_decides_what_leaves),
                                     cmocka_unit_test(sums_conserve),
                                     cmocka_unit_test(a_credit_is_known_by_serial_or_by_amount_and_time),
                                     cmocka_unit_test(an_inflow_without_a_row_counts_all_the_same),
                                     cmocka_unit_test(unsound_rows_are_ignored_and_counted),
                                     cmocka_unit_test(a_list_of_100000_rows_is_read_in_pages),
                                     cmocka_unit_test(somebody_paid_for_long_is_an_old_payee)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
