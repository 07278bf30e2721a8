#include "engine/record/columns.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

#define HEADER_SIZE 20
#define POSTGRES_EPOCH_US 946684800000000LL /* 2000-01-01 */

static uint8_t *grow(struct hf_column *column, size_t more)
{
  if (column->size + more > column->capacity) {
    column->capacity = (column->size + more) * 2 + 1024;
    column->data = realloc(column->data, column->capacity);
    HF_ASSERT(column->data != NULL);
  }
  uint8_t *at = column->data + column->size;
  column->size += more;
  return at;
}

static void put32(uint8_t *at, uint32_t value)
{
  uint32_t big = htobe32(value);
  memcpy(at, &big, 4);
}

void hf_column_begin(struct hf_column *column, enum hf_column_type type)
{
  column->type = type;
  column->rows = 0;
  column->size = 0;
  (void)grow(column, HEADER_SIZE);
}

static void value(struct hf_column *column, const void *bytes, size_t size)
{
  uint8_t *at = grow(column, 4 + size);
  put32(at, (uint32_t)size);
  if (size > 0) memcpy(at + 4, bytes, size);
  column->rows++;
}

void hf_column_null(struct hf_column *column)
{
  put32(grow(column, 4), UINT32_MAX);
  column->rows++;
}

void hf_column_int(struct hf_column *column, int64_t number)
{
  uint8_t byte = number != 0;
  uint32_t narrow = htobe32((uint32_t)number);
  uint64_t wide = htobe64((uint64_t)number);
  if (column->type == HF_COLUMN_BOOL)
    value(column, &byte, 1);
  else if (column->type == HF_COLUMN_INT4)
    value(column, &narrow, 4);
  else
    value(column, &wide, 8);
}

void hf_column_text(struct hf_column *column, const char *text)
{
  value(column, text, strlen(text));
}

void hf_column_bytes(struct hf_column *column, const void *bytes, size_t size)
{
  value(column, bytes, size);
}

void hf_column_uuid(struct hf_column *column, struct hf_uuid id)
{
  if (hf_uuid_is_zero(id))
    hf_column_null(column);
  else
    value(column, id.bytes, sizeof id.bytes);
}

void hf_column_time(struct hf_column *column, int64_t wall_ns)
{
  uint64_t us = htobe64((uint64_t)(wall_ns / 1000 - POSTGRES_EPOCH_US));
  if (wall_ns == 0)
    hf_column_null(column);
  else
    value(column, &us, 8);
}

void hf_column_end(struct hf_column *column)
{
  put32(column->data, 1);     /* dimensions */
  put32(column->data + 4, 1); /* may hold nulls */
  put32(column->data + 8, (uint32_t)column->type);
  put32(column->data + 12, column->rows);
  put32(column->data + 16, 1); /* first index */
}

void hf_column_free(struct hf_column *column)
{
  free(column->data);
  *column = (struct hf_column){.data = NULL};
}
