/* demo.c - a program as the compiler emits it, by hand: y = relu(w * x + 1) through the arena, in two layers.
 * Kernels may run on any thread; task t works on elements 8t to 8t+7. `x` 4x16, `y` 4x16, weights 64. */
#include "demo.h"

enum { ELEMENTS = 64, PER_TASK = 8, SCRATCH = 40 };

/* args: x, w, sum. Fails (writes -1) if another task uses the same scratch. */
static void multiply_add(void *const *args, float *scratch, size_t task) {
  const float *x = args[0], *w = args[1];
  float *sum = args[2];
  for (size_t i = 0; i < SCRATCH; i++) scratch[i] = (float)task;
  for (size_t i = task * PER_TASK; i < (task + 1) * PER_TASK; i++) sum[i] = w[i] * x[i] + 1.0f;
  for (size_t i = 0; i < SCRATCH; i++) {
    if (scratch[i] != (float)task) sum[task * PER_TASK] = -1.0f;
  }
}

/* args: sum, y. One task. */
static void relu(void *const *args, float *scratch, size_t task) {
  (void)scratch, (void)task;
  const float *sum = args[0];
  float *y = args[1];
  for (size_t i = 0; i < ELEMENTS; i++) y[i] = sum[i] > 0.0f ? sum[i] : 0.0f;
}

static ait_status run(ait_context *ctx, void *const *inputs, void *const *outputs, void *arena, const void *weights) {
  void *const first[3] = {inputs[0], (void *)(uintptr_t)weights, arena};
  ait_status status = ait_parallel(ctx, 0, multiply_add, first, ELEMENTS / PER_TASK);
  if (status != AIT_OK) return status;
  void *const second[2] = {arena, outputs[0]};
  return ait_parallel(ctx, 1, relu, second, 1);
}

static const ait_tensor_desc input = {.name = "x", .rank = 2, .dims = {4, 16}, .elements = ELEMENTS};
static const ait_tensor_desc output = {.name = "y", .rank = 2, .dims = {4, 16}, .elements = ELEMENTS};
static const ait_layer_desc layers[2] = {
    {.name = "Mul_0", .op = "rvv.scale_bias", .kernel = "multiply_add", .layout = "NCHW", .macs = ELEMENTS},
    {.name = "Relu \"1\"", .op = "rvv.unary", .kernel = "relu", .layout = "NCHW", .macs = 0}};

/* Weights: demo.weights of run.sh, 64 times 0.5f. */
const ait_program demo_program = {.abi_version = AIT_ABI_VERSION,
                                  .name = "demo",
                                  .inputs = &input,
                                  .input_count = 1,
                                  .outputs = &output,
                                  .output_count = 1,
                                  .layers = layers,
                                  .layer_count = 2,
                                  .arena_bytes = ELEMENTS * sizeof(float),
                                  .scratch_bytes = SCRATCH * sizeof(float),
                                  .weights_bytes = ELEMENTS * sizeof(float),
                                  .weights_checksum = DEMO_CHECKSUM,
                                  .run = run};

ait_status demo_create(const void *data, size_t bytes, int threads, ait_context **out) {
  return ait_create(&demo_program, data, bytes, threads, out);
}
float *demo_input(ait_context *ctx, size_t index) { return ait_input(ctx, index); }
const float *demo_output(const ait_context *ctx, size_t index) { return ait_output(ctx, index); }
ait_status demo_run(ait_context *ctx) { return ait_run(ctx); }
void demo_destroy(ait_context *ctx) { ait_destroy(ctx); }
