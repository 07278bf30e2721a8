/*
 * Counts heap allocations by who asked: our program (its own text, with our archives in it) or a library.
 * Preloaded by bench/run; the counts stand in the file that HF_COUNT_FILE names: two 64-bit numbers, ours first.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Atomic uint64_t none[2];
static _Atomic uint64_t *counts = none;
static uintptr_t text_first, text_last;

static void find_text(void)
{
  unsigned long last;
  char line[512];
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, line, sizeof line - 1); /* the program's own mappings come first */
  if (fd >= 0) close(fd);
  if (size <= 0) return;
  line[size] = '\0';
  for (char *at = line; at != NULL && *at != '\0';) { /* its executable segment: the first "r-xp" */
    char *end;
    unsigned long from = strtoul(at, &end, 16);
    last = strtoul(end + 1, &end, 16);
    if (end[1] == 'r' && end[3] == 'x') {
      text_first = from;
      text_last = last;
      return;
    }
    while (*at != '\0' && *at != '\n') at++;
    at = *at == '\n' ? at + 1 : NULL;
  }
}

__attribute__((constructor)) static void start(void)
{
  const char *file = getenv("HF_COUNT_FILE");
  int fd = file == NULL ? -1 : open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof none) != 0) return;
  void *shared = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared == MAP_FAILED) return;
  find_text();
  counts = shared;
}

static void count(const void *caller)
{
  uintptr_t at = (uintptr_t)caller;
  atomic_fetch_add_explicit(&counts[at >= text_first && at < text_last ? 0 : 1], 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
  count(__builtin_return_address(0));
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
  count(__builtin_return_address(0));
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
  count(__builtin_return_address(0));
  return __libc_realloc(old, size);
}
