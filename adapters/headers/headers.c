#include "adapters/headers/headers.h"

struct hf_status hf_headers_seal(const struct hf_message *message, const char *key_id, const char *algorithm,
                                 struct hf_span signature, struct hf_writer *headers)
{
  char id[HF_UUID_TEXT_SIZE];
  hf_write_text(headers, "Holdfast-Order: ");
  hf_write_text(headers, hf_uuid_text(message->order->id.uuid, id));
  if (signature.size > 0) {
    hf_write_text(headers, "\nHoldfast-Key: ");
    hf_write_text(headers, key_id);
    hf_write_text(headers, "\nHoldfast-Algorithm: ");
    hf_write_text(headers, algorithm);
    hf_write_text(headers, "\nHoldfast-Signature: ");
    hf_write_base64(headers, signature.data, signature.size);
  }
  hf_write_text(headers, "\n");
  return headers->full ? hf_fail(HF_STATUS_LIMIT, "the headers do not fit") : hf_ok();
}
