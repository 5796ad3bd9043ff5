/* ait_internal.h - what the files of the runtime share; not for applications or generated code. */
#ifndef AIT_INTERNAL_H
#define AIT_INTERNAL_H

#include "ait_runtime.h"

#include <pthreadpool.h>

struct ait_context {
  const ait_program *program;
  const void *weights;
  pthreadpool_t pool; /* null with one thread */
  size_t threads;
  void **inputs; /* input_count buffers, then the outputs: one allocation */
  void **outputs;
  void *arena;
  unsigned char *scratch; /* threads * scratch_stride bytes */
  size_t scratch_stride;
  bool profile;
  uint64_t profile_runs;
  uint64_t *layer_ns;
  /* State of ait_xnn.c, which is linked only where a program calls it: this file never names it. */
  void *xnn;
  void (*xnn_destroy)(ait_context *ctx);
};

/* Records the detail for ait_error_detail and returns status. */
__attribute__((format(printf, 2, 3))) ait_status ait_fail(ait_status status, const char *format, ...);

/* Buffers begin where the sets of caches do, up to 32 KiB a way: which lines of weights, activations and scratch
 * compete is then the same in every process, not the allocator's whim. */
#define AIT_PLACEMENT 32768u

/* AIT_PLACEMENT-aligned memory with slack behind it (XNNPACK kernels may read XNN_EXTRA_BYTES past an end). */
void *ait_alloc(size_t bytes);

/* Around a layer: begin returns the time if the profile is on. */
uint64_t ait_layer_begin(const ait_context *ctx);
void ait_layer_end(ait_context *ctx, uint32_t layer, uint64_t begin);

#endif
