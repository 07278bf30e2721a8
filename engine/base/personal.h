/*
 * Personal: account numbers and names, as a type that the logger does not accept (design.md law 10).
 *
 * Why:    their bytes are uint8_t, so neither "%s" nor the logger's field macro takes them; the only ways to text are
 *         hf_mask_* (for people) and the dialects' writers (for institutions).
 */
#ifndef HF_BASE_PERSONAL_H
#define HF_BASE_PERSONAL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "engine/limits.h"

struct hf_account_number {
  uint8_t size;
  uint8_t bytes[HF_ACCOUNT_NUMBER_SIZE_MAX + 1];
};

struct hf_name {
  uint8_t size;
  uint8_t bytes[HF_NAME_SIZE_MAX + 1];
};

/* Letters, digits, '_', '-', '.', '@', '+' (login names of payment companies); 1…50 bytes. MALFORMED otherwise. */
HF_MUST_USE struct hf_status hf_account_number_set(struct hf_account_number *number, const void *bytes, size_t size);

/* UTF-8 without control characters; 0…120 bytes. MALFORMED otherwise. */
HF_MUST_USE struct hf_status hf_name_set(struct hf_name *name, const void *bytes, size_t size);

/* UTF-8 without control characters. */
bool hf_text_is_sound(const void *bytes, size_t size);

bool hf_account_number_equal(const struct hf_account_number *a, const struct hf_account_number *b);
bool hf_name_equal(const struct hf_name *a, const struct hf_name *b);

#define HF_MASK_TEXT_SIZE 64
/* First six and last four with six stars between, however many there are ("622202******1234"); of numbers under 13 characters
 * the last two at most. Returns text. */
char *hf_mask_account(const struct hf_account_number *number, char text[HF_MASK_TEXT_SIZE]);

/* The first character and a star ("张*"). Returns text. */
char *hf_mask_name(const struct hf_name *name, char text[HF_MASK_TEXT_SIZE]);

/* ISO/IEC 7812 check digit. A failure warns and never blocks: passbooks are not cards (domain.md 6.4). */
bool hf_account_number_luhn(const struct hf_account_number *number);

#endif
