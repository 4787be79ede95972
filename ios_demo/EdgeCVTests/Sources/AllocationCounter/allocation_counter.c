#include "allocation_counter.h"

#include <stddef.h>

static _Thread_local int64_t bytes;

int64_t allocated_bytes(void) { return bytes; }

#ifdef __linux__
#include <errno.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  bytes += (int64_t)size;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  bytes += (int64_t)(count * size);
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  bytes += (int64_t)size;
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  bytes += (int64_t)size;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **made, size_t alignment, size_t size) {
  *made = aligned_alloc(alignment, size);
  return *made == NULL ? ENOMEM : 0;
}
#endif
