/* check.h - the smallest test harness: one line per check, counted by run.sh. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* "ok NAME" or "FAILED NAME"; the name is a printf format. */
__attribute__((format(printf, 2, 3))) void check(bool passed, const char *name, ...);

/* Exit code: 0 if every check passed. */
int checks_failed(void);

/* Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign and free so far (linked with --wrap). */
extern volatile uint64_t heap_calls;

/* Deterministic values in [-1, 1). */
float next_random(uint32_t *state);

#endif
