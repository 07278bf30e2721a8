/* Rows: registry rows, shared by registry submissions and the facts that set them. */
#ifndef HF_CODEC_ROWS_H
#define HF_CODEC_ROWS_H

#include "engine/codec/wire.h"
#include "proto/registry.pb-c.h"

enum hf_reason hf_institution_of_proto(const Holdfast__V1__Institution *from, struct hf_institution *to);
enum hf_reason hf_key_of_proto(const Holdfast__V1__Key *from, struct hf_key *to);
/* Point into *from. */
void hf_institution_to_proto(const struct hf_institution *from, Holdfast__V1__Institution *to);
void hf_key_to_proto(const struct hf_key *from, Holdfast__V1__Key *to);

#endif
