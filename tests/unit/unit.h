/* What every unit test needs: cmocka in the order that it wants. */
#ifndef HF_TESTS_UNIT_UNIT_H
#define HF_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"

/* Reads a file below the source tree; its size in *size. The caller frees. */
static inline uint8_t *read_source_file(const char *path, size_t *size)
{
  char full[512];
  snprintf(full, sizeof full, HF_SOURCE_DIR "/%s", path);
  FILE *in = fopen(full, "rb");
  if (in == NULL) fail_msg("%s cannot be read", full);
  uint8_t *bytes = malloc(1 << 20);
  assert_non_null(bytes);
  *size = fread(bytes, 1, 1 << 20, in);
  fclose(in);
  return bytes;
}

#endif
