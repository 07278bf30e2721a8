/* Platform: what the two halves of the dialect share: identifiers and the institution's own spellings. */
#ifndef HF_ADAPTERS_PLATFORM_XML_PLATFORM_H
#define HF_ADAPTERS_PLATFORM_XML_PLATFORM_H

#include "adapters/dialect.h"
#include "adapters/xml/charset.h"

#define HF_PLATFORM_APPLICATION_ID_SIZE 36 /* the code's last four digits, then the order id in hex (domain.md 3.2) */

/* "key=value key=value" of the registry row. */
struct hf_platform_profile {
  bool to_platform;        /* side=platform: 2xxxxx in <Request>; else 1xxxxx in <Response>, as a bank's own client reads it */
  bool yuan;               /* amounts=yuan: no decimals */
  enum hf_charset charset; /* charset=GBK, charset=GB18030 */
  const char *currency;    /* currency=RMB; else CNY: of renminbi only */
  char organ[13];          /* organ=…: ApplicationOrgID, MessageFrom */
  char phone[31];          /* phone=…: the duty desk's */
  char company[13];        /* company=…: OnlinePayCompanyID; payment companies only */
};

/* CONFIG with the key that is wrong. */
struct hf_status hf_platform_profile_read(const char *text, struct hf_platform_profile *profile);

/* The request's code of this action, 1xxxxx; 0 where the family has none. Its feedback is one more. */
uint32_t hf_platform_code(enum hf_action action);

/* The writer, for banks (1xxxxx) and for payment companies (A00xxx): they differ in codes and in how the target is named. */
enum hf_platform_side { HF_PLATFORM_BANK, HF_PLATFORM_WALLET };
struct hf_status hf_platform_encode(const struct hf_order *order, const struct hf_institution *row, enum hf_platform_side side,
                                    struct hf_writer *out);
struct hf_status hf_platform_to_sign(const struct hf_message *message, struct hf_writer *bytes);
struct hf_status hf_platform_seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                                  struct hf_span signature, struct hf_writer *trailer);

/* The order that an ApplicationID names. MALFORMED where it is none of ours. */
struct hf_status hf_platform_order_of(const char *application_id, size_t size, struct hf_order_id *id);

/* The reader: reader.c. */
struct hf_status hf_platform_identify(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id);
struct hf_status hf_platform_decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                                    struct hf_answer_room *room, struct hf_answer *answer);

#endif
