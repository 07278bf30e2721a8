/* The list of dialects: a new one is a folder and a line here. */
#include <string.h>

#include "adapters/dialect.h"

static const struct hf_dialect *const dialects[] = {
    &hf_holdfast_json,       &hf_iso20022,       &hf_iso8583,    &hf_platform_xml,
    &hf_platform_xml_wallet, &hf_protobuf_kafka, &hf_wallet_json};

const struct hf_dialect *hf_dialect_named(const char *name)
{
  for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
    if (strcmp(dialects[i]->name, name) == 0) return dialects[i];
  return NULL;
}
