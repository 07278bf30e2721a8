/* Parties and transfers: shared by reports and commands. */
#ifndef HF_CODEC_TRANSFER_H
#define HF_CODEC_TRANSFER_H

#include "engine/codec/wire.h"
#include "proto/report.pb-c.h"

struct hf_transfer_proto {
  Holdfast__V1__Transfer transfer;
  Holdfast__V1__Party payer, payee;
};

/* NULL gives an empty party. */
enum hf_reason hf_party_of_proto(const Holdfast__V1__Party *from, struct hf_party *to);
/* Points into *from. */
void hf_party_to_proto(const struct hf_party *from, Holdfast__V1__Party *to);

enum hf_reason hf_transfer_of_proto(const Holdfast__V1__Transfer *from, struct hf_transfer *to);
/* Points into *from; lives as long as both. */
void hf_transfer_to_proto(const struct hf_transfer *from, struct hf_transfer_proto *to);

#endif
