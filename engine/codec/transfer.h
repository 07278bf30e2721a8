/* Transfer: shared by reports and the facts that claim their transfers. */
#ifndef HF_CODEC_TRANSFER_H
#define HF_CODEC_TRANSFER_H

#include "engine/codec/wire.h"
#include "proto/report.pb-c.h"

struct hf_transfer_proto {
  Holdfast__V1__Transfer transfer;
  Holdfast__V1__Party payer, payee;
};

enum hf_reason hf_transfer_of_proto(const Holdfast__V1__Transfer *from, struct hf_transfer *to);
/* Points into *from; lives as long as both. */
void hf_transfer_to_proto(const struct hf_transfer *from, struct hf_transfer_proto *to);

#endif
