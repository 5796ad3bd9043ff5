/* ait_bench.c - runs several models of one input and one output, each once between two marks that a counter of
 * instructions looks for (runtime/src/exec/count.rs). Operators are created and weights packed outside of the marks.
 * Build with -DAIT_MODELS="MODEL(a) MODEL(b)". Model `a` has its weights in a.weights, reads a.input.npy and writes
 * a.output.npy, all in the working directory. -DAIT_THREADS=n asks for so many threads. Exit codes: as in ait_main.c.
 *
 * With -DAIT_TIMED it is for a board (`ait bench --emit`): `bench REPEATS GROUP` compares with a.expected.npy instead,
 * and prints a line of JSON for each model. */
#ifdef AIT_TIMED
#define _POSIX_C_SOURCE 200809L
#endif
#include "ait_npy.h"
#include "ait_runtime.h"

#include <stdlib.h>

#define MODEL(name) extern const ait_program name##_program;
AIT_MODELS
#undef MODEL
#define MODEL(name) &name##_program,
static const ait_program *const programs[] = {AIT_MODELS};

enum { EXIT_NO_VECTOR = 3 };

/* The barrier keeps the calls and their place. */
__attribute__((noinline)) void ait_count_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void ait_count_end(void) { __asm__ volatile("" ::: "memory"); }

#ifdef AIT_TIMED
#include <inttypes.h>
#include <math.h>
#include <time.h>

/* What the board is told; 0 repeats: run once and write the output. */
static unsigned long repeats, group;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

/* Largest difference to what QEMU computed, in parts of the largest value. */
static const float TOLERANCE = 1e-3f;

static ait_status compare(const ait_program *program, const ait_context *ctx) {
  char path[256];
  snprintf(path, sizeof path, "%s.expected.npy", program->name);
  const size_t elements = program->outputs[0].elements;
  const float *got = ait_output(ctx, 0);
  float *expected = malloc(elements * sizeof *expected + 1), largest = 0;
  if (expected == NULL) return AIT_ERR_NO_MEMORY;
  ait_status status = ait_npy_read(path, &program->outputs[0], expected);
  for (size_t i = 0; status == AIT_OK && i < elements; i++) largest = fmaxf(largest, fabsf(expected[i]));
  size_t wrong = 0;
  /* NaN is not close to anything. */
  for (size_t i = 0; status == AIT_OK && i < elements; i++) {
    wrong += !(fabsf(got[i] - expected[i]) <= TOLERANCE * largest);
  }
  free(expected);
  if (wrong == 0) return status;
  fprintf(stderr, "error: %s: %zu of %zu outputs are wrong\n", program->name, wrong, elements);
  exit(EXIT_FAILURE);
}

/* One inference warms caches and threads up; the line has the median and the least of the others. */
static ait_status time_runs(const ait_program *program, ait_context *ctx) {
  uint64_t *ns = calloc(repeats, sizeof *ns);
  if (ns == NULL) return AIT_ERR_NO_MEMORY;
  ait_status status = ait_run(ctx);
  for (size_t i = 0; status == AIT_OK && i < repeats; i++) {
    const uint64_t begin = now_ns();
    status = ait_run(ctx);
    ns[i] = now_ns() - begin;
  }
  if (status == AIT_OK) status = compare(program, ctx);
  if (status == AIT_OK) {
    qsort(ns, repeats, sizeof *ns, ascending);
    printf("{\"group\":%lu,\"run\":\"%s\",\"ns\":%" PRIu64 ",\"least_ns\":%" PRIu64
           ",\"repeats\":%lu,\"vlen\":%zu,\"threads\":%zu}\n",
           group, program->name, ns[repeats / 2], ns[0], repeats, ait_vlen(), ait_context_threads(ctx));
  }
  free(ns);
  return status;
}
#endif

static ait_status measure(const ait_program *program, ait_context *ctx) {
  char path[256];
  snprintf(path, sizeof path, "%s.input.npy", program->name);
  ait_status status = ait_npy_read(path, &program->inputs[0], ait_input(ctx, 0));
  if (status != AIT_OK) return status;
  ait_poison(ctx);
#ifdef AIT_TIMED
  if (repeats > 0) return time_runs(program, ctx);
#endif
  ait_count_begin();
  status = ait_run(ctx);
  ait_count_end();
  if (status != AIT_OK) return status;
  snprintf(path, sizeof path, "%s.output.npy", program->name);
  return ait_npy_write(path, &program->outputs[0], ait_output(ctx, 0));
}

static ait_status bench(const ait_program *program) {
  char path[256];
  void *weights = NULL;
  size_t bytes = 0;
  ait_context *ctx = NULL;
  snprintf(path, sizeof path, "%s.weights", program->name);
  ait_status status = ait_weights_read(path, &weights, &bytes);
  if (status == AIT_OK) status = ait_create(program, weights, bytes, AIT_THREADS, &ctx);
  if (status == AIT_OK) status = measure(program, ctx);
  ait_destroy(ctx);
  ait_weights_free(weights);
  return status;
}

#ifdef AIT_TIMED
int main(int argc, char **argv) {
  if (argc == 3) {
    repeats = strtoul(argv[1], NULL, 10);
    group = strtoul(argv[2], NULL, 10);
  }
  if (argc != 1 && (argc != 3 || repeats == 0 || repeats > 1000000)) {
    fprintf(stderr, "usage: %s [REPEATS GROUP]\n", argv[0]);
    return EXIT_FAILURE;
  }
#else
int main(void) {
#endif
  /* QEMU uses the host's floating point once this flag is set: the same results, sooner. */
  __asm__ volatile("csrsi fflags, 1");
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    const ait_status status = bench(programs[i]);
    if (status != AIT_OK) {
      fprintf(stderr, "error: %s: %s: %s\n", programs[i]->name, ait_status_string(status), ait_error_detail());
      return status == AIT_ERR_NO_VECTOR ? EXIT_NO_VECTOR : EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}
