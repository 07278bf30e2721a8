/*
 * Nonces: what was said already. A nonce is remembered for as long as its time would still be accepted.
 *
 * Thread: the loop's. Bounds: HF_GATE_NONCES_MAX at once; then FULL, and the institution is asked to come again: nothing is
 *         forgotten early. Not kept over a restart: an answer that is said again changes nothing.
 */
#ifndef HF_GATE_NONCES_H
#define HF_GATE_NONCES_H

#include "engine/base/bytes.h"
#include "engine/base/map.h"

#define HF_GATE_NONCES_MAX (1u << 19) /* 2,184 a second over 240 s: 20 MiB of ids, 12 MiB of times */

struct hf_nonces {
  struct hf_map seen;
  struct hf_nonce {
    struct hf_uuid id;
    int64_t until_wall_ns;
  } * ring;
  uint32_t first, used;
};

enum hf_nonce_verdict { HF_NONCE_NEW, HF_NONCE_REPEATED, HF_NONCE_FULL };

void hf_nonces_open(struct hf_nonces *nonces);
void hf_nonces_close(struct hf_nonces *nonces);
/* NEW: it is remembered from now on, until `until`. code: the institution's own, so that nobody can use up another's. */
enum hf_nonce_verdict hf_nonces_take(struct hf_nonces *nonces, const char *code, struct hf_span nonce, int64_t until_wall_ns,
                                     int64_t now_wall_ns);

#endif
