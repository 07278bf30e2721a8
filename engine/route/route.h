/*
 * Route: which institution an account belongs to, and why: a person has to be able to see it.
 *
 * Why:    a stop at the wrong bank costs the minutes that count. Order of design.md section 8: the stated institution, else the
 *         longest card prefix with the card's length, else the 12-digit bank code, else the payment-company code. A stated
 *         institution that the prefix contradicts is a clash: a person decides. Codes and prefixes: domain.md 6.3, 6.4.
 * Thread: any; nothing changes after the tables are read. Memory: one allocation per table, freed by hf_routing_free.
 * Bounds: HF_ROUTING_ROWS_MAX rows in a table.
 */
#ifndef HF_ROUTE_ROUTE_H
#define HF_ROUTE_ROUTE_H

#include "engine/base/bytes.h"
#include "engine/base/personal.h"

#define HF_ROUTING_ROWS_MAX 65536
#define HF_PREFIX_SIZE_MAX 10
#define HF_BANK_CODE_SIZE 12
#define HF_ROUTING_NAME_SIZE_MAX 120

enum hf_routing_table { HF_ROUTING_PREFIXES, HF_ROUTING_BANK_CODES, HF_ROUTING_PAYMENT_COMPANIES, HF_ROUTING_TABLES };

/* One row of any table; `key` is a prefix, a bank code or a payment company's code. */
struct hf_routing_row {
  char key[HF_BANK_CODE_SIZE + 1];
  char head_office[HF_BANK_CODE_SIZE + 1]; /* BANK_CODES: "" where it is one itself */
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char name[HF_ROUTING_NAME_SIZE_MAX + 1];
  uint32_t length; /* PREFIXES: digits of the whole card number */
  uint32_t line;
};

struct hf_routing;

struct hf_routing *hf_routing_new(void);
void hf_routing_free(struct hf_routing *routing);
/* The file's name in schemas/routing. */
const char *hf_routing_file(enum hf_routing_table table);
/* What the table's first line says, "" before it is read. */
const char *hf_routing_version(const struct hf_routing *routing, enum hf_routing_table table);
uint32_t hf_routing_rows(const struct hf_routing *routing, enum hf_routing_table table);

/*
 * Reads a table: a line "# version TEXT", a header, then rows. Every line that is not sound is told to `bad` with what is wrong
 * and left out; the others are used. Returns how many were bad.
 */
uint32_t hf_routing_read(struct hf_routing *routing, enum hf_routing_table table, struct hf_span text,
                         void (*bad)(void *owner, uint32_t line, const char *why), void *owner);

enum hf_route_by { HF_ROUTE_NONE, HF_ROUTE_STATED, HF_ROUTE_PREFIX, HF_ROUTE_BANK_CODE, HF_ROUTE_PAYMENT_COMPANY };

struct hf_route {
  enum hf_route_by by;
  const char *institution;              /* "" where none was found; lives as long as the routing and the stated text */
  const struct hf_routing_row *prefix;  /* the longest with the number's length, whether it decided or not */
  const struct hf_routing_row *shorter; /* another bank's shorter prefix that it overrules: nested */
  const struct hf_routing_row *lengths; /* the longest prefix, listed for other lengths only */
  const struct hf_routing_row *code;    /* of the stated bank or payment-company code */
  const struct hf_routing_row *office;  /* the branch's head office */
  bool bad_code;                        /* the stated bank code's check digit is wrong */
  bool clash;                           /* prefix and stated institution differ */
  bool check_digit;                     /* Luhn; a warning only */
};

/* stated: an institution's code, a 12-digit bank code, a payment company's code, or "". */
struct hf_route hf_route_of(const struct hf_routing *routing, const struct hf_account_number *number, const char *stated);

/* ISO 7064 MOD 11,10: the check digit of the first eleven; '\0' where they are not digits. */
char hf_bank_code_check_digit(const char *code);

#endif
