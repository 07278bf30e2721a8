/*
 * Projection: a transaction's facts as rows: which statements, with which arrays.
 *
 * Why:    what PostgreSQL shows of a case is what the facts say and nothing else (law 8); many facts of one order in one
 *         transaction become one row version.
 * Memory: column buffers that are used again; the batch's map has room for HF_RECORD_BATCH_FACTS orders.
 */
#ifndef HF_RECORD_PROJECTION_H
#define HF_RECORD_PROJECTION_H

#include "engine/audit/tree.h"
#include "engine/base/bytes.h"
#include "engine/base/map.h"
#include "engine/core/fact.h"
#include "engine/record/columns.h"
#include "engine/seal/seal.h"

#define HF_STATEMENT_COLUMNS_MAX 40

struct hf_statement {
  const char *name;
  const char *sql;
  int columns_count;
  enum hf_column_type types[HF_STATEMENT_COLUMNS_MAX];
};

/* In the order in which a transaction runs them: what an order traces to comes before the order, the order before its hold. */
enum hf_statement_kind {
  HF_STATEMENT_FACT,
  HF_STATEMENT_CASE_KEY,
  HF_STATEMENT_REPORT,
  HF_STATEMENT_QUARANTINE,
  HF_STATEMENT_CASE_OPEN,
  HF_STATEMENT_SUBMISSION,
  HF_STATEMENT_SUBMISSION_STEP,
  HF_STATEMENT_ACCOUNT,
  HF_STATEMENT_ORDER_NEW,
  HF_STATEMENT_ORDER_CHANGE,
  HF_STATEMENT_HOLD,
  HF_STATEMENT_TRACE,
  HF_STATEMENT_TASK,
  HF_STATEMENT_SEEN,
  HF_STATEMENT_LINK,
  HF_STATEMENT_CASE_CLOSED,
  HF_STATEMENT_CASE_STATE,
  HF_STATEMENT_INSTITUTION,
  HF_STATEMENT_KEY,
  HF_STATEMENT_POLICY,
  HF_STATEMENT_SLA,
  HF_STATEMENT_PROTECTED,
  HF_STATEMENT_CLOCK,
  HF_STATEMENT_CALL,
  HF_STATEMENT_ACCESS,
  HF_STATEMENT_CHANGE,
  HF_STATEMENT_AUDIT_NODE,
  HF_STATEMENT_CHECKPOINT,
  HF_STATEMENT_COUNT
};

extern const struct hf_statement hf_statements[HF_STATEMENT_COUNT];

struct hf_projection {
  struct hf_column columns[HF_STATEMENT_COUNT][HF_STATEMENT_COLUMNS_MAX];
  struct hf_uuid boot; /* that the facts' monotonic stamps are of */
  struct hf_map order_of;
  struct hf_map_entry *map_memory;
  struct hf_order_delta *deltas;
  uint32_t deltas_count;
  uint8_t *encoded; /* the facts' bodies, one after another */
  size_t encoded_size, encoded_capacity;
  struct hf_span bodies[HF_RECORD_BATCH_FACTS];
  uint8_t salts[HF_RECORD_BATCH_FACTS][HF_AUDIT_SALT_SIZE];
  struct hf_audit_tree tree; /* after these facts */
};

/* What goes along with a fact. */
struct hf_fact_company {
  struct hf_span raw;        /* a record's sealed bytes, where it is a quarantine or waits for a second officer */
  struct hf_wrapped_key key; /* its case's data key, where this is the first fact under it */
  uint16_t sealed_size;
  uint8_t sealed[HF_SEALED_SIZE_MAX]; /* the clear values of its pseudonyms */
};

/* A signed note of a shard's tree, as hf_record_store_checkpoint takes it. */
struct hf_record_checkpoint {
  uint64_t size; /* 0: none */
  char note[HF_CHECKPOINT_SIZE_MAX];
};

/* Which boot the facts are of, what their leaves are added to, and a note that goes along; size 0: none. */
struct hf_projection_audit {
  const char *boot_id;
  uint32_t shard;
  bool no_leaves;
  const struct hf_audit_tree *tree;
  const struct hf_record_checkpoint *checkpoint;
};

void hf_projection_init(struct hf_projection *projection);
void hf_projection_deinit(struct hf_projection *projection);

/* rows.c: adds the rows of one fact; false where it is about an order's own row. */
bool hf_projection_add_row(struct hf_projection *projection, const struct hf_fact *facts, uint32_t at, uint32_t count,
                           struct hf_span raw);

/* facts: sealed ones; company[i] goes with facts[i]. After this, statement k has columns[k][0].rows rows. */
void hf_projection_make(struct hf_projection *projection, const struct hf_fact *facts, const struct hf_fact_company *company,
                        uint32_t count, const struct hf_projection_audit *audit);

#endif
