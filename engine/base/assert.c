#include "engine/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hf_assert_failed(const char *expression, const char *file, int line)
{
  fprintf(stderr,
          "{\"level\":\"fatal\",\"code\":\"E0001\",\"msg\":\"assertion failed\",\"expression\":\"%s\",\"at\":\"%s:%d\"}\n",
          expression, file, line);
  abort();
}
