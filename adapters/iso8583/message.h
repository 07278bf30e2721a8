/*
 * Message: ISO 8583's bits and fields, by an institution's own table of formats.
 *
 * Why:    hosts differ in how they pack what the standard names; that difference is a row's profile, not code.
 * Memory: a message that was read points into the bytes that it was read from, and into itself.
 */
#ifndef HF_ADAPTERS_ISO8583_MESSAGE_H
#define HF_ADAPTERS_ISO8583_MESSAGE_H

#include "adapters/dialect.h"

#define HF_CARD_FIELDS 128
#define HF_CARD_OWN_MAX 8       /* fields that a host formats its own way */
#define HF_CARD_RESULTS_MAX 8   /* response codes that a host uses its own way */
#define HF_CARD_DIGITS_MAX 1024 /* of all packed numbers in one message */

enum hf_card_kind { HF_CARD_NUMERIC, HF_CARD_TEXT, HF_CARD_BINARY };

/* In ISO's notation: n6, ans..17, b8. Binary counts bytes. */
struct hf_card_format {
  enum hf_card_kind kind;
  uint8_t length_digits; /* 0: its size is fixed; 2, 3: they stand before it */
  uint16_t size;         /* the most; of a fixed one, the only */
};

/* "key=value key=value" of the registry row; README.md has the keys. */
struct hf_card_profile {
  bool bcd, hex, pad_right, no_greeting;
  enum hf_framing framing;
  enum hf_mac mac;
  uint32_t request; /* message type; its answer's is 10 more */
  uint8_t record;   /* the field that the order's own record stands in */
  char organ[12];   /* field 33 */
  uint8_t tpdu[5];
  bool has_tpdu;
  uint32_t own_count, results_count;
  struct {
    uint8_t field;
    struct hf_card_format format;
  } own[HF_CARD_OWN_MAX];
  struct {
    char code[3], result[5];
  } results[HF_CARD_RESULTS_MAX];
};

/* CONFIG with the key that is wrong. */
struct hf_status hf_card_profile_read(const char *text, struct hf_card_profile *profile);
struct hf_card_format hf_card_format(const struct hf_card_profile *profile, unsigned field);

/* Values by field, as text (binary as bytes); data NULL: the field is not there. */
struct hf_card_values {
  struct hf_span of[HF_CARD_FIELDS + 1];
};

/*
 * Writes type, bitmaps and fields. last: a field whose bit is set and whose value the caller writes behind it; 0: none.
 * LIMIT where a value is longer than its format or the whole does not fit.
 */
struct hf_status hf_card_write(const struct hf_card_profile *profile, uint32_t type, const struct hf_card_values *values,
                               unsigned last, struct hf_writer *out);
void hf_card_write_field(const struct hf_card_profile *profile, unsigned field, struct hf_span value, struct hf_writer *out);

struct hf_card_message {
  uint32_t type;
  struct hf_card_values values;
  size_t type_at; /* where what is authenticated begins … */
  size_t mac_at;  /* … and ends: field 64's or 128's value, the last; 0: it has none */
  size_t digits_used;
  char digits[HF_CARD_DIGITS_MAX];
};

/* MALFORMED with why for any other bytes. */
struct hf_status hf_card_read(const struct hf_card_profile *profile, struct hf_span bytes, struct hf_card_message *message);
/* Only the type; UINT32_MAX where there is none. */
uint32_t hf_card_read_type(const struct hf_card_profile *profile, struct hf_span bytes);

#endif
