/* demo.h - as the compiler generates it. */
#ifndef DEMO_H
#define DEMO_H

#include "ait_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif
extern const ait_program demo_program;
#ifdef __cplusplus
}
#endif

typedef ait_context demo;

static inline ait_status demo_create(const void *weights, size_t weights_bytes, int threads, demo **out) {
  return ait_create(&demo_program, weights, weights_bytes, threads, out);
}
static inline float *demo_input(demo *m, size_t index) { return ait_input(m, index); }
static inline const float *demo_output(const demo *m, size_t index) { return ait_output(m, index); }
static inline ait_status demo_run(demo *m) { return ait_run(m); }
static inline void demo_destroy(demo *m) { ait_destroy(m); }

#endif
