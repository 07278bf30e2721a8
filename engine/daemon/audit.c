/*
 * Audit: checkpoints of the shards' trees, signed by the workers, stored with the shard's next transaction.
 * Only what is committed is signed: the tree that is asked for is the record's committed one.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/audit/note.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/daemon/internal.h"

#define EVERY_NS (10 * HF_NS_PER_S)
#define EVERY_LEAVES 1000
#define LOOK_NS (100 * HF_NS_PER_MS) /* shards are not looked at in every turn: it is on the way of orders */

struct hf_audit_state {
  struct {
    uint64_t size;
    int64_t at_ns;
  } last[HF_SHARDS_MAX];
  int64_t looked_ns;
  bool signs; /* one shard's at a time */
  uint32_t shard, next;
  uint64_t size;
  char text[HF_CHECKPOINT_SIZE_MAX];
  size_t text_size;
  struct hf_trust_job jobs[HF_SIGNER_COUNT];
};

static bool has(const struct hf_engine *engine, enum hf_signer signer)
{
  return hf_trust_signer_hash(engine->trust, signer) != NULL;
}

static void begin(struct hf_engine *engine, uint32_t shard, const struct hf_audit_tree *tree)
{
  struct hf_audit_state *audit = engine->audit;
  struct hf_audit_checkpoint checkpoint = {.size = tree->size, .root = hf_audit_tree_root(tree)};
  struct hf_writer text = hf_writer_of(audit->text, sizeof audit->text);
  snprintf(checkpoint.origin, sizeof checkpoint.origin, "%.100s/shard-%u", engine->config.audit_origin, shard);
  HF_ASSERT(hf_audit_checkpoint_write(&checkpoint, &text));
  audit->text_size = text.size;
  audit->shard = shard;
  audit->size = tree->size;
  audit->signs = true;
  for (int signer = HF_SIGNER_AUDIT; signer < HF_SIGNER_COUNT; signer++) {
    if (!has(engine, (enum hf_signer)signer)) continue;
    struct hf_status status = hf_trust_sign_as(engine->trust, &audit->jobs[signer], (enum hf_signer)signer,
                                               (struct hf_span){(const uint8_t *)audit->text, audit->text_size});
    HF_ASSERT(hf_is_ok(status)); /* HF_TRUST_JOBS_MAX has room for them */
  }
}

static void end(struct hf_engine *engine)
{
  struct hf_audit_state *audit = engine->audit;
  char note[HF_CHECKPOINT_SIZE_MAX];
  struct hf_writer out = hf_writer_of(note, sizeof note - 1);
  for (int signer = HF_SIGNER_AUDIT; signer < HF_SIGNER_COUNT; signer++)
    if (has(engine, (enum hf_signer)signer) && !hf_trust_job_done(&audit->jobs[signer])) return;
  audit->signs = false;
  if (engine->shards[audit->shard].state != HF_SHARD_RUNNING) return;
  hf_write_bytes(&out, audit->text, audit->text_size);
  hf_write_text(&out, "\n");
  for (int signer = HF_SIGNER_AUDIT; signer < HF_SIGNER_COUNT; signer++) {
    const struct hf_trust_job *job = &audit->jobs[signer];
    if (!has(engine, (enum hf_signer)signer)) continue;
    HF_ASSERT(job->signature_size > 0); /* the key was tried at start */
    hf_audit_note_sign(&out, engine->config.audit_origin, hf_trust_signer_hash(engine->trust, (enum hf_signer)signer),
                       (struct hf_span){job->signature, job->signature_size});
  }
  HF_ASSERT(!out.full);
  note[out.size] = '\0';
  audit->last[audit->shard].size = audit->size;
  audit->last[audit->shard].at_ns = engine->turn.mono_ns;
  hf_record_store_checkpoint(engine->record, audit->shard, audit->size, note);
}

void hf_audit_work(struct hf_engine *engine)
{
  struct hf_audit_state *audit = engine->audit;
  if (audit == NULL) return;
  if (audit->signs) {
    end(engine);
    return;
  }
  if (engine->turn.mono_ns - audit->looked_ns < LOOK_NS) return;
  audit->looked_ns = engine->turn.mono_ns;
  for (uint32_t i = 0; i < HF_SHARDS_MAX; i++) {
    uint32_t shard = audit->next++ % HF_SHARDS_MAX;
    if (engine->shards[shard].state != HF_SHARD_RUNNING) {
      audit->last[shard].size = 0; /* whose it was meanwhile is not known */
      continue;
    }
    const struct hf_audit_tree *tree = hf_record_tree(engine->record, shard);
    uint64_t grown = tree->size - audit->last[shard].size;
    if (grown == 0 || (grown < EVERY_LEAVES && engine->turn.mono_ns - audit->last[shard].at_ns < EVERY_NS)) continue;
    begin(engine, shard, tree);
    return;
  }
}

struct hf_status hf_audit_open(struct hf_engine *engine)
{
  const struct hf_config *config = &engine->config;
  if (!config->audit_leaves) return hf_ok();
  if (strcmp(config->audit_key, "none") == 0) {
    HF_LOG(HF_LOG_WARN, "E1601", "no audit.key: the record has a tree, but no checkpoint of it is signed");
    return hf_ok();
  }
  if (strlen(config->audit_origin) > 100 || strpbrk(config->audit_origin, " +\t\r\n") != NULL)
    return hf_fail(HF_STATUS_CONFIG, "audit.origin: at most 100 characters, no space or +");
  struct hf_status status = hf_trust_signer(engine->trust, HF_SIGNER_AUDIT, config->audit_key, config->audit_origin);
  if (hf_is_ok(status) && strcmp(config->audit_sm2_key, "none") != 0)
    status = hf_trust_signer(engine->trust, HF_SIGNER_AUDIT_SM2, config->audit_sm2_key, config->audit_origin);
  if (!hf_is_ok(status)) return status;
  engine->audit = calloc(1, sizeof *engine->audit);
  HF_ASSERT(engine->audit != NULL);
  return hf_ok();
}

void hf_audit_close(struct hf_engine *engine)
{
  free(engine->audit);
}
