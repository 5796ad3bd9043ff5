#include "check.h"

#include <stdarg.h>
#include <stdlib.h>

static int failures;

void check(bool passed, const char *name, ...) {
  va_list args;
  va_start(args, name);
  fputs(passed ? "ok " : "FAILED ", stdout);
  vprintf(name, args);
  putchar('\n');
  va_end(args);
  if (!passed) failures++;
}

int checks_failed(void) { return failures == 0 ? 0 : 1; }

float next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(int32_t)*state / 2147483648.0f;
}

/* ---- Heap interposer: -Wl,--wrap=... sends every reference in objects and archives here. ---- */

volatile uint64_t heap_calls;

static void count(void) { __atomic_fetch_add(&heap_calls, 1, __ATOMIC_RELAXED); }

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t members, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void __wrap_free(void *pointer);

void *__wrap_malloc(size_t size) { return count(), __real_malloc(size); }
void *__wrap_calloc(size_t members, size_t size) { return count(), __real_calloc(members, size); }
void *__wrap_realloc(void *pointer, size_t size) { return count(), __real_realloc(pointer, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) { return count(), __real_aligned_alloc(alignment, size); }
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
  return count(), __real_posix_memalign(out, alignment, size);
}
void __wrap_free(void *pointer) { count(), __real_free(pointer); }
