/* Proofs: an answer that must be signed is believed only once a worker has found the signature right and the key its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/daemon/internal.h"

struct hf_proving {
  uint32_t flight; /* 0: free */
  bool cancelled;  /* its flight is over; a worker may still read it */
  int status;
  struct hf_time at;
  size_t body_at, body_size; /* in bytes: what is signed holds the body */
  struct hf_proof proof;
  struct hf_trust_job job;
  uint8_t bytes[HF_ANSWER_BODY_SIZE_MAX + 256];
};

static void refuse(struct hf_engine *engine, uint32_t flight, const char *why, struct hf_time at)
{
  struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
  HF_LOG(HF_LOG_ALARM, "E1506", "an answer that is not proved to be the institution's",
         HF_FIELD("institution", view.message.row->code), HF_FIELD("order", view.message.order->id), HF_FIELD("why", why));
  hf_dispatch_failed(engine->dispatch, flight, HF_OUTCOME_INVALID, true, at);
}

/* NULL where the key may sign this institution's answers at that moment. */
static const char *objection_to(const struct hf_engine *engine, const struct hf_flight_view *view, const struct hf_proof *proof)
{
  uint32_t shard = hf_order_id_shard(view->message.order->id);
  if (engine->shards[shard].state != HF_SHARD_RUNNING) return "the order's shard is not ours any more";
  const struct hf_key *key = hf_registry_key(hf_core_registry(engine->shards[shard].core), proof->key_id);
  if (key == NULL) return "the key is not registered";
  if (key->role != HF_ROLE_INSTITUTION || strcmp(key->holder, view->message.row->code) != 0)
    return "the key is not this institution's";
  enum hf_reason reason = hf_key_refusal(key, proof->made_wall_ns);
  return reason == HF_REASON_NONE ? NULL : hf_reason_code(reason);
}

/* --- by a shared key --- */

struct hf_status hf_proof_mac_key(const struct hf_engine *engine, const struct hf_institution *row, struct hf_mac_key *key)
{
  const struct hf_dialect *dialect = hf_dialect_named(row->dialect);
  char file[HF_CONFIG_TEXT_MAX + HF_INSTITUTION_CODE_SIZE_MAX + 8];
  *key = (struct hf_mac_key){0};
  if (dialect == NULL || dialect->mac == NULL || dialect->mac(row) == HF_MAC_NONE) return hf_ok();
  snprintf(file, sizeof file, "%s/%s.mac", engine->config.engine_mac_keys, row->code);
  return hf_mac_key_read(file, key);
}

bool hf_proof_seal(struct hf_engine *engine, uint32_t flight)
{
  struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
  enum hf_mac algorithm = view.dialect->mac == NULL ? HF_MAC_NONE : view.dialect->mac(view.message.row);
  uint8_t mac[HF_MAC_SIZE];
  if (algorithm == HF_MAC_NONE) return false;
  hf_mac_make(algorithm, &engine->mac_keys[view.lane], view.to_sign, mac);
  engine->sign_done_ns[flight] = hf_time_now().mono_ns;
  hf_dispatch_signed(engine->dispatch, flight, "", "", (struct hf_span){mac, sizeof mac});
  return true;
}

bool hf_proof_heard(struct hf_engine *engine, uint32_t lane, struct hf_span body, struct hf_time at)
{
  const struct hf_institution *row = hf_dispatch_lane(engine->dispatch, lane).row;
  const struct hf_dialect *dialect = hf_dialect_named(row->dialect);
  enum hf_mac algorithm = dialect->mac == NULL ? HF_MAC_NONE : dialect->mac(row);
  static uint8_t bytes[HF_ANSWER_BODY_SIZE_MAX];
  if (algorithm == HF_MAC_NONE) return true;
  const struct hf_message asked = {.row = row};
  const struct hf_reply reply = {.status = 200, .body = body};
  struct hf_writer covered = hf_writer_of(bytes, sizeof bytes);
  struct hf_proof proof;
  struct hf_status status = dialect->prove(&asked, &reply, at.wall_ns, &proof, &covered);
  const char *objection = status.why;
  if (hf_is_ok(status)) {
    bool right = hf_mac_is_right(algorithm, &engine->mac_keys[lane], (struct hf_span){bytes, covered.size},
                                 (struct hf_span){proof.signature, proof.signature_size});
    objection = right ? NULL : "the MAC is wrong";
  }
  if (objection == NULL) return true;
  HF_LOG(HF_LOG_ALARM, "E1507", "a message that is not proved to be the institution's", HF_FIELD("institution", row->code),
         HF_FIELD("why", objection)); /* its try's own time decides */
  return false;
}

/* --- by a signature --- */

static struct hf_proving *free_place(struct hf_engine *engine)
{
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++)
    if (engine->provings[i].flight == 0) return &engine->provings[i];
  return NULL;
}

bool hf_proof_begin(struct hf_engine *engine, uint32_t flight, const struct hf_reply *reply, struct hf_time at)
{
  struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
  if (view.dialect->prove == NULL || (reply->status != 200 && reply->status != 202)) return false; /* an error moves nothing */
  struct hf_proving *proving = free_place(engine);
  hf_dispatch_left(engine->dispatch, flight, at);
  if (proving == NULL) { /* the same bytes go again and are answered again */
    hf_dispatch_failed(engine->dispatch, flight, HF_OUTCOME_BUSY, true, at);
    return true;
  }
  struct hf_writer bytes = hf_writer_of(proving->bytes, sizeof proving->bytes);
  struct hf_status status = view.dialect->prove(&view.message, reply, at.wall_ns, &proving->proof, &bytes);
  const char *objection = hf_is_ok(status) ? objection_to(engine, &view, &proving->proof) : status.why;
  if (objection != NULL) {
    refuse(engine, flight, objection, at);
    return true;
  }
  const uint8_t *body = memmem(bytes.data, bytes.size, reply->body.data, reply->body.size);
  HF_ASSERT(body != NULL); /* a dialect signs the body as it is */
  engine->provings_used++;
  proving->flight = flight;
  proving->cancelled = false;
  proving->status = reply->status;
  proving->at = at;
  proving->body_at = (size_t)(body - bytes.data);
  proving->body_size = reply->body.size;
  status = hf_trust_check(engine->trust, &proving->job, proving->proof.key_id, (struct hf_span){bytes.data, bytes.size},
                          (struct hf_span){proving->proof.signature, proving->proof.signature_size});
  HF_ASSERT(hf_is_ok(status)); /* HF_TRUST_JOBS_MAX has room for all of HF_PROOFS_MAX */
  return true;
}

void hf_proof_cancel(struct hf_engine *engine, uint32_t flight)
{
  if (engine->provings_used == 0) return;
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++)
    if (engine->provings[i].flight == flight) engine->provings[i].cancelled = true;
}

bool hf_proof_work(struct hf_engine *engine)
{
  bool moved = false;
  if (engine->provings_used == 0) return false;
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++) {
    struct hf_proving *proving = &engine->provings[i];
    if (proving->flight == 0 || !hf_trust_job_done(&proving->job)) continue;
    uint32_t flight = proving->flight;
    if (proving->cancelled)
      ;
    else if (proving->job.verdict != HF_REASON_NONE)
      refuse(engine, flight, hf_reason_code(proving->job.verdict), proving->at);
    else
      hf_dispatch_replied(engine->dispatch, flight, proving->status,
                          (struct hf_span){proving->bytes + proving->body_at, proving->body_size}, proving->at);
    proving->flight = 0;
    engine->provings_used--;
    moved = true;
  }
  return moved;
}

void hf_proof_open(struct hf_engine *engine)
{
  engine->provings = calloc(HF_PROOFS_MAX, sizeof *engine->provings);
  HF_ASSERT(engine->provings != NULL);
}

void hf_proof_close(struct hf_engine *engine)
{
  free(engine->provings);
}
