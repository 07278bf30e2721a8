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
  bool has_order; /* the record says whose answer it is: the body need not */
  struct hf_order_id order_id;
  uint32_t shard;
  int64_t offset;      /* on holdfast.answers; -1: it came otherwise */
  struct hf_span body; /* what its dialect reads: in one of the two below */
  uint8_t record[HF_ANSWER_RECORD_SIZE_MAX], bytes[HF_ANSWER_RECORD_SIZE_MAX]; /* bytes: what is signed */
};

#define CALLBACK_WINDOW_NS (300 * HF_NS_PER_S) /* between an institution's clock and the topic's */

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
  if (key->role != HF_ROLE_INSTITUTION || !hf_institution_is_row_of(row, key->holder))
    return "the key is not this institution's";
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
    if (!engine->provings[i].used) {
      engine->provings[i].offset = -1;
      engine->provings[i].has_order = false;
      return &engine->provings[i];
    }
  return NULL;
}

static void keep_body(struct hf_proving *proving, struct hf_span body)
{
  HF_ASSERT(body.size <= sizeof proving->record); /* transports bound an answer */
  memcpy(proving->record, body.data, body.size);
  proving->body = (struct hf_span){proving->record, body.size};
}

/* Gives a worker what the place holds. */
static void start(struct hf_engine *engine, struct hf_proving *proving, size_t bytes_size)
{
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
  keep_body(proving, reply->body);
  start(engine, proving, bytes.size);
  return true;
}

/* Signed by its dialect's own way: reads whose answer it is, and what is signed. */
static struct hf_status read_heard(const struct hf_lane_view *view, struct hf_span body, int64_t now_wall_ns,
                                   struct hf_proving *proving, size_t *bytes_size)
{
  struct hf_writer bytes = hf_writer_of(proving->bytes, sizeof proving->bytes);
  const struct hf_message asked = {.row = view->row};
  const struct hf_reply reply = {.status = 200, .body = body};
  if (view->dialect->identify == NULL || view->dialect->prove == NULL)
    return hf_fail(HF_STATUS_REFUSED, "its dialect has no answers by themselves");
  struct hf_status status = view->dialect->identify(body, view->row, &proving->order_id);
  if (hf_is_ok(status)) status = view->dialect->prove(&asked, &reply, now_wall_ns, &proving->proof, &bytes);
  if (hf_is_ok(status)) keep_body(proving, body);
  *bytes_size = bytes.size;
  return status;
}

/* Signed as a request at the gate: the same for all dialects. */
static struct hf_status read_callback(const struct hf_envelope *envelope, int64_t appended_wall_ns, struct hf_proving *proving,
                                      size_t *bytes_size)
{
  struct hf_callback callback;
  const struct hf_signature *signature = &envelope->signatures[0];
  if (envelope->signatures_count != 1 || signature->bytes.size > sizeof proving->proof.signature)
    return hf_fail(HF_STATUS_REFUSED, "signatures: one, the institution's");
  HF_ASSERT(envelope->payload.size <= sizeof proving->bytes);
  memcpy(proving->bytes, envelope->payload.data, envelope->payload.size);
  *bytes_size = envelope->payload.size;
  struct hf_status status = hf_callback_read((struct hf_span){proving->bytes, *bytes_size}, &callback);
  if (!hf_is_ok(status)) return status;
  int64_t apart_ns = appended_wall_ns - callback.made_wall_ns;
  if (apart_ns > CALLBACK_WINDOW_NS || apart_ns < -CALLBACK_WINDOW_NS)
    return hf_fail(HF_STATUS_REFUSED, "callback: its time is more than 300 s from the topic's");
  memset(&proving->proof, 0, sizeof proving->proof);
  memcpy(proving->proof.key_id, signature->key_id, sizeof proving->proof.key_id);
  memcpy(proving->proof.signature, signature->bytes.data, signature->bytes.size);
  proving->proof.signature_size = signature->bytes.size;
  proving->proof.made_wall_ns = appended_wall_ns;
  proving->order_id = callback.order_id;
  proving->has_order = true;
  proving->body = callback.body;
  return hf_ok();
}

/* A worker looks at what was read; what could not be, or is by a key that may not, is refused now. */
static void check_heard(struct hf_engine *engine, uint32_t lane, struct hf_proving *proving, struct hf_status read,
                        size_t bytes_size, struct hf_time at)
{
  const struct hf_institution *row = hf_dispatch_lane(engine->dispatch, lane).row;
  const char *objection = hf_is_ok(read) ? objection_to(engine, proving->order_id, row, &proving->proof) : read.why;
  if (objection != NULL) return refuse_heard(row, objection);
  proving->flight = 0;
  proving->lane = lane;
  proving->at = at;
  start(engine, proving, bytes_size);
}

bool hf_proof_record(struct hf_engine *engine, uint32_t lane, const struct hf_answer_record *record)
{
  const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, lane);
  struct hf_proving *proving = free_place(engine);
  struct hf_envelope envelope;
  size_t bytes_size = 0;
  if (proving == NULL) return false;
  enum hf_reason form = hf_envelope_decode(record->value, &envelope);
  struct hf_status status = form != HF_REASON_NONE ? hf_fail(HF_STATUS_MALFORMED, hf_reason_code(form))
                            : envelope.kind == HF_PAYLOAD_CALLBACK
                                ? read_callback(&envelope, record->appended_wall_ns, proving, &bytes_size)
                                : read_heard(&view, record->value, record->at.wall_ns, proving, &bytes_size);
  if (hf_is_ok(status) && hf_order_id_shard(proving->order_id) != record->shard)
    status = hf_fail(HF_STATUS_REFUSED, "the order is of another partition");
  proving->shard = record->shard;
  proving->offset = record->offset;
  check_heard(engine, lane, proving, status, bytes_size, record->at);
  return true;
}

/* A line that many orders share. */
static enum hf_believed begin_heard(struct hf_engine *engine, uint32_t lane, struct hf_span body, struct hf_time at)
{
  const struct hf_lane_view view = hf_dispatch_lane(engine->dispatch, lane);
  struct hf_proving *proving = free_place(engine);
  size_t bytes_size = 0;
  if (proving == NULL) return HF_BELIEVED_NO_ROOM;
  struct hf_status status = read_heard(&view, body, at.wall_ns, proving, &bytes_size);
  check_heard(engine, lane, proving, status, bytes_size, at);
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
  const struct hf_heard heard = {
      .body = proving->body, .order_id = proving->has_order ? &proving->order_id : NULL, .is_durable = proving->offset >= 0};
  bool right = proving->job.verdict == HF_REASON_NONE;
  if (proving->cancelled)
    ;
  else if (proving->flight == 0 && right)
    hf_late_hear(engine, proving->lane, &heard, proving->at, proving->offset);
  else if (proving->flight == 0)
    refuse_heard(hf_dispatch_lane(engine->dispatch, proving->lane).row, hf_reason_code(proving->job.verdict));
  else if (right)
    hf_dispatch_replied(engine->dispatch, proving->flight, proving->status, proving->body, proving->at);
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
    proving->used = false; /* from here on its offset is passed: its facts are with the recorder */
    engine->provings_used--;
    moved = true;
  }
  return moved;
}

int64_t hf_proof_first_offset(const struct hf_engine *engine, uint32_t shard)
{
  int64_t first = INT64_MAX;
  if (engine->provings_used == 0) return first;
  for (uint32_t i = 0; i < HF_PROOFS_MAX; i++) {
    const struct hf_proving *proving = &engine->provings[i];
    if (proving->used && proving->offset >= 0 && proving->shard == shard && proving->offset < first) first = proving->offset;
  }
  return first;
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
