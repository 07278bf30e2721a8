/* iso20022: what the writer and the reader share: the row's profile, and the namespaces. */
#ifndef HF_ADAPTERS_ISO20022_ISO20022_H
#define HF_ADAPTERS_ISO20022_ISO20022_H

#include "adapters/dialect.h"

#define HF_ISO20022_SPACE "urn:iso:std:iso:20022:tech:xsd:"
#define HF_ISO20022_OWN_SPACE "urn:holdfast:iso20022:1" /* supplementary data, for what the standard has no element for */

/* "key=value key=value" of the registry row. */
struct hf_iso20022_profile {
  char bic[12];    /* bic=…: the institution's BICFI; else its bank_code as clearing member, else its code */
  char centre[36]; /* centre=…: how the centre is known to it */
  bool ibans;      /* iban=yes: a number that is an IBAN is written as one */
};

/* CONFIG with the key that is wrong. */
struct hf_status hf_iso20022_profile_read(const char *text, struct hf_iso20022_profile *profile);

/* The reader: reader.c. */
struct hf_status hf_iso20022_decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                                    struct hf_answer_room *room, struct hf_answer *answer);

#endif
