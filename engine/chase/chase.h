/*
 * Chase: how much of the stolen money each onward transfer carries.
 *
 * Why:    a stop's answer never names the next account (domain.md 0.11); the query's transactions do, and the money in an
 * account is mixed. Which part of it left is a convention, so it is chosen by the officer, exact to the fen, and conserves
 * sums: what goes in equals what went out plus what is left, per victim's transfer. Thread: pure: no I/O, clock, heap or
 * globals. Memory: one struct hf_chase while an account's pages come in; fixed size, so that 100,000 rows cost what one page
 * costs. Bounds: HF_CHASE_LOTS_MAX parcels of money, HF_CHASE_INFLOWS_MAX known inflows, HF_CHASE_PAYEES_MAX old payees. Rows:
 * used as far as they are sound; what is ignored is counted by reason.
 */
#ifndef HF_CHASE_CHASE_H
#define HF_CHASE_CHASE_H

#include <stdbool.h>

#include "engine/base/personal.h"

/* clang-format off */
#define HF_CHASE_METHODS(X) X(FIFO, "fifo") X(PRO_RATA, "pro_rata") X(LIFO, "lifo")
#define HF_CHASE_FLAWS(X)                                                                      \
  X(AMOUNT,       "amount",       "an amount that is not positive, or above all bounds")       \
  X(TIME,         "time",         "a time in the future, or none")                             \
  X(FAILED,       "failed",       "the institution says that the transfer failed")             \
  X(REPEATED,     "repeated",     "the serial, side and amount of a row before it")            \
  X(OUT_OF_ORDER, "out_of_order", "older than the end of the page before")                     \
  X(NOBODY,       "nobody",       "a debit that names no other side: used, but leads nowhere")
/* clang-format on */

enum hf_chase_method {
  HF_CHASE_UNSET = 0,
#define X(name, code) HF_CHASE_##name,
  HF_CHASE_METHODS(X)
#undef X
      HF_CHASE_METHOD_COUNT
};

enum hf_chase_flaw {
#define X(name, code, text) HF_CHASE_FLAW_##name,
  HF_CHASE_FLAWS(X)
#undef X
      HF_CHASE_FLAW_COUNT
};

const char *hf_chase_method_code(enum hf_chase_method method);
enum hf_chase_method hf_chase_method_of_code(const char *code);
const char *hf_chase_flaw_code(enum hf_chase_flaw flaw);

#define HF_CHASE_LOTS_MAX 32
#define HF_CHASE_INFLOWS_MAX 64
#define HF_CHASE_PAYEES_MAX 16
#define HF_CHASE_CLEAN 0 /* the root of money that no victim lost */

/* One row of an account's transactions (domain.md 3.5). */
struct hf_transaction {
  bool credit; /* money came in; else it went out */
  bool cash;
  bool failed;
  bool has_balance;
  int64_t amount;  /* minor units */
  int64_t balance; /* after it */
  int64_t at_wall_ns;
  char serial[HF_REFERENCE_SIZE_MAX + 1];
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1]; /* the other side … */
  struct hf_account_number account;
  struct hf_name name;
};

/* Stolen money that is known to have come into the account: `root` is the victim's transfer that it stems from, 1… . */
struct hf_inflow {
  uint32_t root;
  int64_t amount;
  int64_t at_wall_ns;
  uint64_t serial; /* hf_chase_serial() of the transfer's serial; 0 = not known */
};

/* A parcel of money in the account. */
struct hf_lot {
  int64_t amount;
  uint32_t root;
  uint32_t reserved; /* no padding: the struct is stored as it is */
};

struct hf_chase {
  struct hf_lot lots[HF_CHASE_LOTS_MAX];    /* oldest first */
  uint64_t old_payees[HF_CHASE_PAYEES_MAX]; /* paid long before the first inflow */
  uint64_t counted;                         /* inflows that are in the lots already, by bit */
  int64_t newest_wall_ns;
  uint32_t lots_count, old_payees_count;
  uint32_t method; /* enum hf_chase_method */
  uint32_t rows;
  uint32_t ignored[HF_CHASE_FLAW_COUNT];
  uint32_t began;  /* the opening balance has been read off */
  uint32_t merged; /* parcels were joined for want of room: shares are exact in sum, not in order */
};

/* What one debit carries of one root. */
struct hf_split {
  uint32_t row; /* of the page */
  uint32_t root;
  int64_t amount;
};

/* One page of rows and what it is read with. */
struct hf_chase_page {
  const struct hf_transaction *rows;
  uint32_t rows_count;             /* at most HF_ANSWER_ROWS_MAX */
  const struct hf_inflow *inflows; /* in the order of their times; the same ones for all pages */
  uint32_t inflows_count;          /* at most HF_CHASE_INFLOWS_MAX */
  int64_t now_wall_ns;
  int64_t old_ns; /* a payee paid this long before the first inflow is an old one */
};

void hf_chase_begin(struct hf_chase *chase, enum hf_chase_method method);

/*
 * Reads one page, in the order of the rows' times. Writes the stolen shares of its debits, in that order; returns how many.
 * First-in and last-in need at most rows_count + HF_CHASE_LOTS_MAX of them; pro rata, as many per row as roots: what does not
 * fit is left out and sets `merged`.
 */
uint32_t hf_chase_read(struct hf_chase *chase, const struct hf_chase_page *page, struct hf_split *splits, uint32_t splits_max);

/* Of stolen money of this root, what is still in the account after the rows read so far. */
int64_t hf_chase_left(const struct hf_chase *chase, uint32_t root);

/* Whether this other side was paid long before the stolen money came. */
bool hf_chase_is_old_payee(const struct hf_chase *chase, const struct hf_transaction *row);

/* A serial as a number; 0 for none. */
uint64_t hf_chase_serial(const char *serial);

/*
 * The arithmetic by itself. In: money of `root` comes in. Out: `amount` leaves; writes how much of each root, at most one share
 * a root, clean money and what the account cannot have had left out. Returns the number of shares.
 */
void hf_chase_in(struct hf_chase *chase, uint32_t root, int64_t amount);
uint32_t hf_chase_out(struct hf_chase *chase, int64_t amount, struct hf_lot shares[HF_CHASE_LOTS_MAX]);

#endif
