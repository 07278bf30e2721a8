/* Platform: platform_xml as a bank reads and writes it, from the published field lists; nothing of the dialect's code is used.
 */
#ifndef HF_BANKSIM_PLATFORM_H
#define HF_BANKSIM_PLATFORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The order as the bank's own JSON (bank_decide), with "serial" and "application_id" beside it; NULL where it is not readable.
 * document: how many bytes are signed; signature: base64, "" where there is none. The caller decrefs.
 */
json_t *platform_order(const char *xml, size_t size, const char *institution, size_t *document, char *signature,
                       size_t capacity);
/* 100000, or that it was not taken. The caller frees. */
char *platform_receipt(const json_t *order, bool taken);
/* From bank_decide's answer; NULL where that has no feedback yet. The caller frees. */
char *platform_feedback(const json_t *order, const char *answer);

#endif
