/*
 * Headers: how an order over https carries the centre's signature where its dialect has no way of its own (design.md section
 * 8): Holdfast-Order, -Key, -Algorithm, -Signature, over DSSE's pre-authentication encoding of content type and body.
 */
#ifndef HF_ADAPTERS_HEADERS_HEADERS_H
#define HF_ADAPTERS_HEADERS_HEADERS_H

#include "adapters/message.h"
#include "engine/base/status.h"

/* As hf_dialect.seal wants it. LIMIT where they do not fit. */
struct hf_status hf_headers_seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                                 struct hf_span signature, struct hf_writer *headers);

#endif
