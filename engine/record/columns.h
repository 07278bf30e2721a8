/*
 * Columns: arrays in PostgreSQL's binary form, one per column of an unnest.
 * Memory: each column owns a buffer that only grows, and is used again for the next transaction.
 */
#ifndef HF_RECORD_COLUMNS_H
#define HF_RECORD_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/ids.h"

enum hf_column_type {
  HF_COLUMN_BOOL = 16,
  HF_COLUMN_BYTEA = 17,
  HF_COLUMN_INT8 = 20,
  HF_COLUMN_INT4 = 23,
  HF_COLUMN_TEXT = 25,
  HF_COLUMN_TIMESTAMPTZ = 1184,
  HF_COLUMN_UUID = 2950,
};

struct hf_column {
  enum hf_column_type type;
  uint32_t rows;
  uint8_t *data;
  size_t size, capacity;
};

void hf_column_begin(struct hf_column *column, enum hf_column_type type);
void hf_column_null(struct hf_column *column);
void hf_column_int(struct hf_column *column, int64_t value); /* BOOL, INT4, INT8 by type */
void hf_column_text(struct hf_column *column, const char *text);
void hf_column_bytes(struct hf_column *column, const void *bytes, size_t size); /* TEXT or BYTEA */
void hf_column_uuid(struct hf_column *column, struct hf_uuid id);               /* NULL where zero */
void hf_column_time(struct hf_column *column, int64_t wall_ns);                 /* NULL where 0 */
/* Finishes the header; data and size are then the parameter. */
void hf_column_end(struct hf_column *column);
void hf_column_free(struct hf_column *column);

#endif
