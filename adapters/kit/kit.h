/*
 * Kit: what an integrator runs against an endpoint to know that it is right: numbered cases, each a few orders and what must
 * come back.
 *
 * Why:    the bytes are the centre's own: the same dialects write, sign and read them. Each case's number stands in its orders'
 *         case number (KIT-NN), so that an endpoint's log tells which case asked.
 * Thread: one. Memory: static buffers; a case that fails says why in kit->why.
 */
#ifndef HF_KIT_KIT_H
#define HF_KIT_KIT_H

#include <curl/curl.h>

#include "adapters/dialect.h"
#include "engine/trust/key.h"

#define KIT_ACCOUNTS_MAX 1024
#define KIT_WHY_MAX 512
#define KIT_BODY_MAX (128 * 1024)

/* What an account is for; the integrator's file says which numbers are which. */
enum kit_account_kind { KIT_PLAIN, KIT_UNKNOWN, KIT_SHORT, KIT_HELD, KIT_LATE, KIT_KINDS };

struct kit_account {
  enum kit_account_kind kind;
  bool used;
  char number[HF_ACCOUNT_NUMBER_SIZE_MAX + 1], name[HF_NAME_SIZE_MAX + 1];
};

struct kit {
  const struct hf_dialect *dialect;
  struct hf_institution row;
  const char *certificate, *key_file, *ca, *clock_url;
  struct hf_trust_key signing, next, other; /* next: that follows it, NULL: none was given; other: of nobody */
  struct hf_trust_key answers[4];           /* the institution's, for dialects whose answers are signed */
  int answers_count;
  struct kit_account accounts[KIT_ACCOUNTS_MAX];
  size_t accounts_count;
  CURL *curl; /* the connection that stays */
  EVP_MD_CTX *context;
  int number;        /* of the case that runs */
  int64_t last_sent; /* of the last message, wall ns */
  int64_t ahead_ns;  /* how far the endpoint's clock was put forward */
  struct hf_answer_room room;
  char why[KIT_WHY_MAX];
};

/* How a message is sent otherwise than it should be. Zero: as it should be. */
struct kit_how {
  bool unsigned_, bad_signature, other_key, next_key; /* signatures */
  bool same_moment;                                   /* time and nonce of the last message */
  int64_t age_s;                                      /* made this long ago */
  bool fresh, without_certificate, old_tls;           /* connections */
  bool cut;                                           /* closed once the last byte has left: no reply is waited for */
  bool get;
  const char *path; /* NULL: the dialect's */
};

struct kit_reply {
  int status; /* 0: none came */
  bool new_connection;
  char content_type[64];
  uint8_t body[KIT_BODY_MAX];
  size_t size;
  struct {
    char name[64], value[1024];
  } headers[40];
  int headers_count;
};

/* --- link.c --- */
void kit_link_open(struct kit *kit);
void kit_link_close(struct kit *kit);
/* False where no reply came: kit->why says so. */
bool kit_send(struct kit *kit, const struct hf_order *order, struct hf_span body, const struct kit_how *how,
              struct kit_reply *reply);
/* Sends all orders at once over a few connections; how many were answered with status 200. */
int kit_send_many(struct kit *kit, const struct hf_order *orders, int count);
/* Puts the endpoint's clock forward, where a way to do so was given. */
bool kit_put_clock(struct kit *kit, int64_t ahead_s);

/* --- order.c --- */
/* Marks the case as failed. Always false. */
bool kit_fail(struct kit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An account nobody has used yet; NULL where the file has no more: the case cannot be run. */
struct kit_account *kit_account(struct kit *kit, enum kit_account_kind kind);
struct hf_order kit_order(struct kit *kit, enum hf_action action, const struct kit_account *account);
size_t kit_encode(struct kit *kit, const struct hf_order *order, uint8_t out[HF_ORDER_BODY_SIZE_MAX]);
/* Sends the order and reads its answer. False, with why, where it was not answered as it must be. */
bool kit_ask(struct kit *kit, const struct hf_order *order, struct hf_answer *answer);
/* The same, and that the result is this one (or the other, where given). */
bool kit_expect(struct kit *kit, const struct hf_order *order, const char *result, const char *or_result,
                struct hf_answer *answer);
/* Whether the list of holds has one of this order in force. */
bool kit_is_listed(struct kit *kit, const struct kit_account *account, struct hf_order_id id, bool *listed);

/* --- cases --- */
enum kit_needs {
  KIT_NEEDS_NOTHING = false,
  KIT_NEEDS_CLOCK = true, /* the endpoint's clock can be put forward */
  KIT_NEEDS_NEXT_KEY      /* … knows the key that follows */
};

struct kit_case {
  int number;
  const char *name;
  bool signed_answers; /* only where the dialect has them */
  enum kit_needs needs;
  bool (*run)(struct kit *kit);
};

extern const struct kit_case kit_line_cases[], kit_order_cases[], kit_message_cases[]; /* each ends with number 0 */

#endif
