/* Proofs: an answer that must be signed is believed only once a worker has found the signature right and the key its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/daemon/internal.h"

struct hf_proving {
  bool used;
  uint32_t flight; /* 0: it was heard on a lane, and belongs to no flight */
  uint32_t lane;
  bool cancelled; /* its flight is over; a worker may still read it */
  int status;
  struct hf_time at;
  struct hf_proof proof;
  struct hf_trust_job job;
  size_t body_size;
  uint8_t body[HF_ANSWER_BODY_SIZE_MAX], bytes[HF_ANSWER_BODY_SIZE_MAX + 256]; /* bytes: what is signed */
};

static void refuse(struct hf_engine *engine, uint32_t flight, const char *why, struct hf_time at)
{
  struct hf_flight_view view = hf_dispatch_view(engine->dispatch, flight);
  HF_LOG(HF_LOG_ALARM, "E1506", "an answer that is not proved to be the institution's",
         HF_FIELD("institution", view.message.row->code), HF_FIELD("order", view.message.order->id), HF_FIELD("why", why));
  hf_dispatch_failed(engine->dispatch, flight, HF_OUTCOME_INVALID, true, at);
}

/* NULL where the key may sign this institution's answers at that moment, by the registry of the order's shard. */
static const char *objection_to(const struct hf_engine *engine, struct hf_order_id id, const struct hf_institution *row,
                                const struct hf_proof *proof)
{
  uint32_t shard = hf_order_id_shard(id);
  if (shard >= HF_SHARDS_MAX || engine->shards[shard].state != HF_SHARD_RUNNING)
    return "the order's shard is not ours any more";
  const struct hf_key *key = hf_registry_key(hf_core_registry(engine->shards[shard].core), proof->key_id);
  if (key == NULL) return "the key is not registered";
  if (key->role != HF_ROLE_INSTITUTION || strcmp(key->holder, row->code) != 0) return "the key is not this institution's";
  enum hf_reason reason = hf_key_refusal(key, proof->made_wall_ns);
  return reason == HF_REASON_NONE ? NULL : hf_reason_code(reason);
}

/* Its try's own time decides what becomes of the order. */
static void refuse_heard(const struct hf_institution *row, const char *why)
{
  HF_LOG(HF_LOG_ALARM, "E1507", "a message that is not proved to be the institution's", HF_FIELD("institution", row->code),
         HF_FIELD("why", why));
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

static bool has_right_mac(const struct hf_engine *engine, uint32_t lane, enum hf_mac algorithm, struct hf_span body,
                          struct hf_time at)
{
  const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, lane);
  const struct hf_institution *row = view.row;
  static uint8_t bytes[HF_ANSWER_BODY_SIZE_MAX];
  const struct hf_message asked = {.row = row};
  const struct hf_reply reply = {.status = 200, .body = body};
  struct hf_writer covered = hf_writer_of(bytes, sizeof bytes);
  struct hf_proof proof;
  struct hf_status status = view.dialect->prove(&asked, &reply, at.wall_ns, &proof, &covered);
  const char *objection = status.why;
  if (hf_is_ok(status)) {
    bool right = hf_mac_is_right(algorithm, &engine->mac_keys[lane], (struct hf_span){bytes, covered.size},
                                 (struct hf_span){proof.signature, proof.signature_size});
    objection = right ? NULL : "the MAC is wrong";
  }
  if (objection != NULL) refuse_heard(row, objection);
  return objection == NULL;
}

/* --- by a signature --- */

static struct hf_proving *free_place(struct hf_engine *engine)
{
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++)
    if (!engine->provings[i].used) return &engine->provings[i];
  return NULL;
}

/* Gives a worker what the place holds. */
static void start(struct hf_engine *engine, struct hf_proving *proving, struct hf_span body, size_t bytes_size)
{
  HF_ASSERT(body.size <= sizeof proving->body); /* transports bound an answer */
  memcpy(proving->body, body.data, body.size);
  proving->body_size = body.size;
  proving->used = true;
  proving->cancelled = false;
  engine->provings_used++;
  struct hf_status status =
      hf_trust_check(engine->trust, &proving->job, proving->proof.key_id, (struct hf_span){proving->bytes, bytes_size},
                     (struct hf_span){proving->proof.signature, proving->proof.signature_size});
  HF_ASSERT(hf_is_ok(status)); /* HF_TRUST_JOBS_MAX has room for all of HF_PROOFS_MAX */
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
  const char *objection =
      hf_is_ok(status) ? objection_to(engine, view.message.order->id, view.message.row, &proving->proof) : status.why;
  if (objection != NULL) {
    refuse(engine, flight, objection, at);
    return true;
  }
  proving->flight = flight;
  proving->status = reply->status;
  proving->at = at;
  start(engine, proving, reply->body, bytes.size);
  return true;
}

/* On a topic of all institutions, most answers may be another engine's: they are left to it without a word. */
static bool is_ours(const struct hf_engine *engine, const struct hf_dialect *dialect, const struct hf_institution *row,
                    struct hf_span body, struct hf_order_id *id)
{
  struct hf_status status = dialect->identify(body, row, id);
  if (!hf_is_ok(status)) {
    refuse_heard(row, status.why);
    return false;
  }
  uint32_t shard = hf_order_id_shard(*id);
  return shard < HF_SHARDS_MAX && engine->shards[shard].state == HF_SHARD_RUNNING;
}

static enum hf_believed begin_heard(struct hf_engine *engine, uint32_t lane, struct hf_span body, struct hf_time at)
{
  const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, lane);
  const struct hf_institution *row = view.row;
  const struct hf_dialect *dialect = view.dialect;
  struct hf_order_id id;
  if (!is_ours(engine, dialect, row, body, &id)) return HF_BELIEVED_LATER;
  struct hf_proving *proving = free_place(engine);
  if (proving == NULL) return HF_BELIEVED_NO_ROOM;
  struct hf_writer bytes = hf_writer_of(proving->bytes, sizeof proving->bytes);
  const struct hf_message asked = {.row = row};
  const struct hf_reply reply = {.status = 200, .body = body};
  struct hf_status status = dialect->prove(&asked, &reply, at.wall_ns, &proving->proof, &bytes);
  const char *objection = hf_is_ok(status) ? objection_to(engine, id, row, &proving->proof) : status.why;
  if (objection != NULL) {
    refuse_heard(row, objection);
    return HF_BELIEVED_LATER;
  }
  proving->flight = 0;
  proving->lane = lane;
  proving->at = at;
  start(engine, proving, body, bytes.size);
  return HF_BELIEVED_LATER;
}

enum hf_believed hf_proof_heard(struct hf_engine *engine, uint32_t lane, struct hf_span body, struct hf_time at)
{
  const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, lane);
  const struct hf_dialect *dialect = view.dialect;
  enum hf_mac algorithm = dialect->mac == NULL ? HF_MAC_NONE : dialect->mac(view.row);
  if (algorithm != HF_MAC_NONE) return has_right_mac(engine, lane, algorithm, body, at) ? HF_BELIEVED : HF_BELIEVED_LATER;
  if (dialect->prove == NULL || dialect->mac != NULL) return HF_BELIEVED; /* the line's certificate says whose */
  return begin_heard(engine, lane, body, at);
}

void hf_proof_cancel(struct hf_engine *engine, uint32_t flight)
{
  if (engine->provings_used == 0) return;
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++)
    if (engine->provings[i].used && engine->provings[i].flight == flight) engine->provings[i].cancelled = true;
}

static void conclude(struct hf_engine *engine, struct hf_proving *proving)
{
  const struct hf_span body = {proving->body, proving->body_size};
  bool right = proving->job.verdict == HF_REASON_NONE;
  if (proving->cancelled)
    ;
  else if (proving->flight == 0 && right)
    hf_dispatch_heard(engine->dispatch, proving->lane, body, proving->at);
  else if (proving->flight == 0)
    refuse_heard(hf_dispatch_lane(engine->dispatch, proving->lane).row, hf_reason_code(proving->job.verdict));
  else if (right)
    hf_dispatch_replied(engine->dispatch, proving->flight, proving->status, body, proving->at);
  else
    refuse(engine, proving->flight, hf_reason_code(proving->job.verdict), proving->at);
}

bool hf_proof_work(struct hf_engine *engine)
{
  bool moved = false;
  if (engine->provings_used == 0) return false;
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++) {
    struct hf_proving *proving = &engine->provings[i];
    if (!proving->used || !hf_trust_job_done(&proving->job)) continue;
    conclude(engine, proving);
    proving->used = false;
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
