/*
 * Reports: what an institution's own fraud system has seen, in an envelope that its machine key has signed, onto the partition
 * of its case (design.md section 10: a machine acts under a signed standing policy; the engine holds it to the caps). The
 * envelope goes on as it came: the gate signs nothing, and the engine checks all of it again. Said twice, it counts once.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/gate/gate.h"

void hf_reports_post(const struct hf_visit *visit)
{
  static struct hf_trust_job job;
  static struct hf_report report;
  static uint8_t memory[HF_UNPACK_ARENA_SIZE];
  struct hf_gate *gate = visit->gate;
  struct hf_envelope envelope;
  if (visit->body.size == 0) return hf_door_refuse(gate, visit->request, HF_REFUSAL_EMPTY, NULL);
  enum hf_reason reason = hf_envelope_decode(visit->body, &envelope);
  if (reason == HF_REASON_NONE && (envelope.kind != HF_PAYLOAD_REPORT || envelope.signatures_count != 1))
    reason = HF_REASON_WRONG_PAYLOAD_TYPE;
  if (reason != HF_REASON_NONE) return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, hf_reason_text(reason));
  enum hf_refusal refusal = hf_answers_refusal_of_key(visit, envelope.signatures[0].key_id, HF_ROLE_MACHINE);
  if (refusal != HF_REFUSAL_NONE) return hf_door_refuse(gate, visit->request, refusal, NULL);
  struct hf_status status = hf_trust_verify(gate->trust, &job, &envelope);
  HF_ASSERT(hf_is_ok(status) && hf_trust_job_done(&job)); /* no workers: it was done at once */
  if (job.verdict != HF_REASON_NONE) return hf_door_refuse(gate, visit->request, HF_REFUSAL_SIGNATURE, NULL);
  struct hf_arena arena = {.memory = memory, .capacity = sizeof memory};
  reason = hf_report_decode(envelope.payload, &arena, &report);
  if (reason != HF_REASON_NONE) return hf_door_refuse(gate, visit->request, HF_REFUSAL_MALFORMED, hf_reason_text(reason));

  char case_id[HF_UUID_TEXT_SIZE], report_id[HF_UUID_TEXT_SIZE], reply[HF_GATE_REPLY_MAX];
  hf_uuid_text(report.case_id.uuid, case_id);
  hf_uuid_text(report.id.uuid, report_id);
  snprintf(reply, sizeof reply, "{\"report_id\":\"%s\",\"case_id\":\"%s\",\"kept\":true}\n", report_id, case_id);
  uint32_t partition = hf_partition_of((const uint8_t *)case_id, strlen(case_id), (uint32_t)gate->found->answers_partitions);
  hf_answers_keep(visit, gate->reports, (int32_t)partition, case_id, visit->body, reply);
}
