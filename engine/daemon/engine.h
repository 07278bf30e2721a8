/*
 * Engine: the only place where stages meet. One loop, one thread; some shards.
 *
 * Why:    stages do not know each other; here what one puts out is moved into what the next takes in (design.md section 13).
 * Order:  of one turn: what arrived → core → lanes → signatures → wire, and only then the record, so that nothing that is
 *         not needed for a stop stands before it.
 */
#ifndef HF_DAEMON_ENGINE_H
#define HF_DAEMON_ENGINE_H

#include "engine/daemon/config.h"

struct hf_engine;

HF_MUST_USE struct hf_status hf_engine_open(struct hf_engine **engine, const struct hf_config *config);
/* Runs until it is told to stop by TERM or INT; returns 0, or 1 where it could not hand over within 5 s. */
int hf_engine_run(struct hf_engine *engine);
void hf_engine_close(struct hf_engine *engine);

#endif
