#include "engine/record/connection.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

/* Array types of PostgreSQL's catalogue, by element type. */
static Oid array_of(enum hf_column_type type)
{
  switch (type) {
  case HF_COLUMN_BOOL: return 1000;
  case HF_COLUMN_BYTEA: return 1001;
  case HF_COLUMN_INT8: return 1016;
  case HF_COLUMN_INT4: return 1007;
  case HF_COLUMN_TEXT: return 1009;
  case HF_COLUMN_TIMESTAMPTZ: return 1185;
  case HF_COLUMN_UUID: return 2951;
  }
  HF_NEVER("a column has a type");
}

bool hf_connection_prepare(PGconn *connection, const struct hf_statement *statement)
{
  Oid types[HF_STATEMENT_COLUMNS_MAX + 1] = {HF_COLUMN_INT4};
  for (int c = 0; c < statement->columns_count; c++) types[c + 1] = array_of(statement->types[c]);
  return PQsendPrepare(connection, statement->name, statement->sql, statement->columns_count + 1, types) == 1;
}

/* No row of ours under this epoch: division by zero (22012) takes the whole transaction back. */
static const char fence_sql[] =
    "with mine as (update shard set next_offset = case when $3::int8 < 0 then next_offset else $3::int8 end, seq = $4::int8, "
    "published_seq = greatest(published_seq, $5::int8), tree = $6::bytea, next_answer = greatest(next_answer, $7::int8), "
    "confirmed_at = now() where shard = $1::int4 and epoch = $2::int8 "
    "returning 1) "
    "select 1 / count(*) from mine";

bool hf_connection_prepare_fence(PGconn *connection)
{
  static const Oid types[] = {HF_COLUMN_INT4, HF_COLUMN_INT8,  HF_COLUMN_INT8, HF_COLUMN_INT8,
                              HF_COLUMN_INT8, HF_COLUMN_BYTEA, HF_COLUMN_INT8};
  return PQsendPrepare(connection, "fence", fence_sql, 7, types) == 1;
}

static bool send_fence(PGconn *connection, const struct hf_fence *fence, const struct hf_audit_tree *tree)
{
  uint32_t shard = htobe32(fence->shard);
  uint64_t numbers[] = {htobe64((uint64_t)fence->epoch), htobe64((uint64_t)fence->next_offset), htobe64(fence->seq),
                        htobe64(fence->published_seq), htobe64((uint64_t)fence->next_answer)};
  uint8_t packed[HF_AUDIT_TREE_PACKED_MAX];
  const char *values[7] = {(const char *)&shard};
  int lengths[7] = {4, 8, 8, 8, 8, 0, 8}, formats[7] = {1, 1, 1, 1, 1, 1, 1};
  values[5] = (const char *)packed;
  lengths[5] = (int)hf_audit_tree_pack(tree, packed);
  for (int i = 0; i < 4; i++) values[i + 1] = (const char *)&numbers[i];
  values[6] = (const char *)&numbers[4];
  return PQsendQueryPrepared(connection, "fence", 7, values, lengths, formats, 1) == 1;
}

static bool send_statement(PGconn *connection, uint32_t shard_number, const struct hf_statement *statement,
                           const struct hf_column *columns)
{
  uint32_t shard = htobe32(shard_number);
  const char *values[HF_STATEMENT_COLUMNS_MAX + 1] = {(const char *)&shard};
  int lengths[HF_STATEMENT_COLUMNS_MAX + 1] = {4}, formats[HF_STATEMENT_COLUMNS_MAX + 1] = {1};
  for (int c = 0; c < statement->columns_count; c++) {
    HF_ASSERT(columns[c].rows == columns[0].rows);
    values[c + 1] = (const char *)columns[c].data;
    lengths[c + 1] = (int)columns[c].size;
    formats[c + 1] = 1;
  }
  return PQsendQueryPrepared(connection, statement->name, statement->columns_count + 1, values, lengths, formats, 1) == 1;
}

/* What stands before one Sync is one transaction: it commits there, or an error anywhere has taken all of it back. */
bool hf_connection_send(PGconn *connection, const struct hf_fence *fence, const struct hf_projection *projection)
{
  bool ok = send_fence(connection, fence, &projection->tree);
  for (int k = 0; ok && k < HF_STATEMENT_COUNT; k++)
    if (projection->columns[k][0].rows > 0)
      ok = send_statement(connection, fence->shard, &hf_statements[k], projection->columns[k]);
  return ok && PQpipelineSync(connection) == 1;
}

void hf_connection_note_failure(const PGconn *connection)
{
  static char said[256];
  static int64_t again_ns;
  char text[sizeof said];
  const char *why = connection == NULL ? "" : PQerrorMessage(connection);
  snprintf(text, sizeof text, "%.*s", (int)strcspn(why, "\n"), why);
  int64_t now_ns = hf_time_now().mono_ns;
  if (text[0] == '\0' || (strcmp(text, said) == 0 && now_ns < again_ns)) return;
  memcpy(said, text, sizeof said);
  again_ns = now_ns + 60 * HF_NS_PER_S;
  HF_LOG(HF_LOG_WARN, "E1307", "no connection to PostgreSQL", HF_FIELD("text", text));
}
