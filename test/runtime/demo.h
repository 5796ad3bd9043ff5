/* demo.h - as the compiler generates it; defined in demo.c. */
#ifndef DEMO_H
#define DEMO_H

#include "ait_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DEMO_INPUT_0_ELEMENTS 64u
#define DEMO_OUTPUT_0_ELEMENTS 64u

extern const ait_program demo_program;

ait_status demo_create(const void *weights, size_t weights_bytes, int threads, ait_context **out);
float *demo_input(ait_context *ctx, size_t index);
const float *demo_output(const ait_context *ctx, size_t index);
ait_status demo_run(ait_context *ctx);
void demo_destroy(ait_context *ctx);

#ifdef __cplusplus
}
#endif

#endif
