/* ait_bench.c - runs several models of one input and one output, each once between two marks that a counter of
 * instructions looks for (runtime/src/exec/count.rs). Operators are created and weights packed outside of the marks.
 * Build with -DAIT_MODELS="MODEL(a) MODEL(b)". Model `a` has its weights in a.weights, reads a.input.npy and writes
 * a.output.npy, all in the working directory. -DAIT_THREADS=n asks for so many threads. Exit codes: as in ait_main.c. */
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

static ait_status measure(const ait_program *program, ait_context *ctx) {
  char path[256];
  snprintf(path, sizeof path, "%s.input.npy", program->name);
  ait_status status = ait_npy_read(path, &program->inputs[0], ait_input(ctx, 0));
  if (status != AIT_OK) return status;
  ait_poison(ctx);
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

int main(void) {
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
