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

/* The golden bytes adapters/VECTOR. HF_WRITE_VECTORS=1, run in the source tree, writes them anew: then the change is looked at.
 */
static inline void same_as_vector(const char *vector, const void *bytes, size_t size)
{
  char path[256];
  size_t wanted_size;
  snprintf(path, sizeof path, "adapters/%s", vector);
  if (getenv("HF_WRITE_VECTORS") != NULL) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) fail_msg("%s cannot be written", path);
    fwrite(bytes, 1, size, file);
    fclose(file);
  }
  uint8_t *wanted = read_source_file(path, &wanted_size);
  bool same = wanted_size == size && memcmp(wanted, bytes, size) == 0;
  free(wanted);
  if (!same) fail_msg("%s is now %.*s", path, (int)size, (const char *)bytes);
}

#endif
