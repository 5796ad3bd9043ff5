/* xnn_test.c - every XNNPACK operator of the runtime against reference.c, with 1, 2 and 4 threads. */
#include "check.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- One operator as a program of one layer ---- */

enum { CONV2D, FULLY_CONNECTED, MAX_POOL2D, AVG_POOL2D, GLOBAL_AVG_POOL, BINARY, UNARY, SOFTMAX };

typedef struct operation {
  int op;
  const void *params;
  size_t lhs, rhs, out;   /* elements of inputs (rhs: 0 if none) and output buffer */
  size_t filter, bias;    /* elements of weights; bias 0: none */
  float scale;            /* inputs are in [-scale, scale) */
  float tolerance;        /* relative to max(1, |expected|) */
  bool keeps_nan;         /* it does not clamp */
} operation;

static const operation *current;
static const float *current_filter, *current_bias;

static ait_status create(ait_context *ctx, const void *weights) {
  (void)weights;
  const void *params = current->params;
  switch (current->op) {
  case CONV2D: return ait_xnn_create_conv2d(ctx, 0, params, current_filter, current_bias);
  case FULLY_CONNECTED: return ait_xnn_create_fully_connected(ctx, 0, params, current_filter, current_bias);
  case MAX_POOL2D: return ait_xnn_create_max_pool2d(ctx, 0, params);
  case AVG_POOL2D: return ait_xnn_create_avg_pool2d(ctx, 0, params);
  case GLOBAL_AVG_POOL: return ait_xnn_create_global_avg_pool(ctx, 0, params);
  case BINARY: return ait_xnn_create_binary(ctx, 0, params);
  case UNARY: return ait_xnn_create_unary(ctx, 0, params);
  default: return ait_xnn_create_softmax(ctx, 0, params);
  }
}

static ait_status run(ait_context *ctx, void *const *inputs, void *const *outputs, void *arena, const void *weights) {
  (void)arena, (void)weights;
  void *args[3] = {inputs[0], outputs[0], NULL};
  if (current->rhs != 0) args[1] = inputs[1], args[2] = outputs[0];
  return ait_xnn_run(ctx, 0, args);
}

static void reference(const operation *o, const float *lhs, const float *rhs, float *out) {
  switch (o->op) {
  case CONV2D: ref_conv2d(o->params, lhs, current_filter, current_bias, out); break;
  case FULLY_CONNECTED: ref_fully_connected(o->params, lhs, current_filter, current_bias, out); break;
  case MAX_POOL2D: ref_max_pool2d(o->params, lhs, out); break;
  case AVG_POOL2D: ref_avg_pool2d(o->params, lhs, out); break;
  case GLOBAL_AVG_POOL: ref_global_avg_pool(o->params, lhs, out); break;
  case BINARY: ref_binary(o->params, lhs, rhs, out); break;
  case UNARY: ref_unary(o->params, lhs, out); break;
  default: ref_softmax(o->params, lhs, out); break;
  }
}

static const ait_layer_desc layer = {.name = "node", .op = "xnn.test", .kernel = "", .layout = "NHWC", .macs = 1};
static ait_tensor_desc inputs[2] = {{.name = "lhs"}, {.name = "rhs"}};
static ait_tensor_desc output = {.name = "out"};
static ait_program program = {.abi_version = AIT_ABI_VERSION,
                              .name = "xnn_test",
                              .inputs = inputs,
                              .input_count = 2,
                              .outputs = &output,
                              .output_count = 1,
                              .layers = &layer,
                              .layer_count = 1,
                              .create = create,
                              .run = run};

static void describe(ait_tensor_desc *desc, size_t elements) {
  desc->rank = 1;
  desc->dims[0] = desc->elements = elements;
}

static float *random_values(size_t count, float scale, uint32_t seed) {
  float *values = malloc((count + 1) * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = scale * next_random(&seed);
  return values;
}

/* Filled where the operator must not write. */
static const float UNTOUCHED = 1234.5f;

static bool matches(const operation *o, const float *got, const float *want) {
  for (size_t i = 0; i < o->out; i++) {
    const float error = fabsf(got[i] - want[i]), limit = o->tolerance * fmaxf(1.0f, fabsf(want[i]));
    if (error <= limit || (isnan(got[i]) && isnan(want[i]))) continue;
    printf("  element %zu: %g, expected %g\n", i, (double)got[i], (double)want[i]);
    return false;
  }
  return true;
}

static void test_threads(const char *name, const operation *o, const float *lhs, const float *rhs, const float *want,
                         int threads) {
  ait_context *ctx = NULL;
  const ait_status status = ait_create(&program, NULL, 0, threads, &ctx);
  if (status != AIT_OK) {
    check(false, "%s threads=%d: %s: %s", name, threads, ait_status_string(status), ait_error_detail());
    return;
  }
  memcpy(ait_input(ctx, 0), lhs, o->lhs * sizeof(float));
  memcpy(ait_input(ctx, 1), rhs, o->rhs * sizeof(float));
  float *out = (float *)(uintptr_t)ait_output(ctx, 0);
  bool passed = true;
  for (int repeat = 0; repeat < 2; repeat++) {
    for (size_t i = 0; i < o->out; i++) out[i] = UNTOUCHED;
    const uint64_t before = heap_calls;
    passed = ait_run(ctx) == AIT_OK && passed;
    if (heap_calls != before) passed = false, puts("  the heap was used in a run");
    passed = matches(o, out, want) && passed;
  }
  ait_destroy(ctx);
  check(passed, "%s threads=%d", name, threads);
}

static void test(const char *name, const operation *o) {
  float *filter = random_values(o->filter, 1.0f, 3), *bias = random_values(o->bias, 1.0f, 4);
  float *lhs = random_values(o->lhs, o->scale, 1), *rhs = random_values(o->rhs, o->scale, 2);
  float *want = malloc((o->out + 1) * sizeof *want);
  current = o;
  current_filter = filter;
  current_bias = o->bias == 0 ? NULL : bias;
  describe(&inputs[0], o->lhs);
  describe(&inputs[1], o->rhs);
  describe(&output, o->out);
  for (size_t i = 0; i < o->out; i++) want[i] = UNTOUCHED;
  reference(o, lhs, rhs, want);
  for (int threads = 1; threads <= 4; threads *= 2) test_threads(name, o, lhs, rhs, want, threads);
  if (o->keeps_nan) {
    /* The sign and the payload of what arithmetic does not make. */
    static const uint32_t nan = 0xffc12345;
    memcpy(&lhs[o->lhs / 3], &nan, sizeof nan);
    char text[128];
    snprintf(text, sizeof text, "%s, NaN,", name);
    reference(o, lhs, rhs, want);
    test_threads(text, o, lhs, rhs, want, 2);
  }
  free(filter), free(bias), free(lhs), free(rhs), free(want);
}

#define FREE .min = -INFINITY, .max = INFINITY

static bool is_free(float min, float max) { return min == -INFINITY && max == INFINITY; }

/* ---- Convolutions ---- */

typedef struct conv_case {
  const char *name;
  int64_t batch, size[2], groups, in, out, kernel[2], stride, dilation, pads[4], in_slack, out_slack;
  bool depthwise, no_bias;
  float min, max;
} conv_case;

static int64_t out_size(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

static void test_conv(const conv_case *c) {
  const ait_xnn_conv2d_params p = {
      .batch = c->batch, .input_height = c->size[0], .input_width = c->size[1],
      .output_height = out_size(c->size[0], c->kernel[0], c->stride, c->dilation, c->pads[0] + c->pads[2]),
      .output_width = out_size(c->size[1], c->kernel[1], c->stride, c->dilation, c->pads[1] + c->pads[3]),
      .groups = c->groups, .group_input_channels = c->in, .group_output_channels = c->out,
      .kernel_height = c->kernel[0], .kernel_width = c->kernel[1], .stride_height = c->stride,
      .stride_width = c->stride, .dilation_height = c->dilation, .dilation_width = c->dilation,
      .pad_top = c->pads[0], .pad_left = c->pads[1], .pad_bottom = c->pads[2], .pad_right = c->pads[3],
      .input_stride = c->groups * c->in + c->in_slack, .output_stride = c->groups * c->out + c->out_slack,
      .depthwise = c->depthwise, .min = c->min, .max = c->max};
  const operation o = {.op = CONV2D, .params = &p,
                       .lhs = (size_t)(p.batch * p.input_height * p.input_width * p.input_stride),
                       .out = (size_t)(p.batch * p.output_height * p.output_width * p.output_stride),
                       .filter = (size_t)(c->groups * c->out * c->in * c->kernel[0] * c->kernel[1]),
                       .bias = c->no_bias ? 0 : (size_t)(c->groups * c->out), .scale = 1, .tolerance = 2e-5f,
                       .keeps_nan = is_free(c->min, c->max)};
  test(c->name, &o);
}

static const conv_case convs[] = {
    {"conv 3x3 s1", 1, {9, 11}, 1, 16, 33, {3, 3}, 1, 1, {1, 1, 1, 1}, FREE},
    {"conv 3x3 s2 relu batch 2", 2, {12, 9}, 1, 5, 8, {3, 3}, 2, 1, {1, 1, 1, 1}, .min = 0, .max = INFINITY},
    {"conv 1x1", 1, {7, 7}, 1, 64, 40, {1, 1}, 1, 1, {0}, FREE},
    {"conv 1x1 s2", 2, {8, 7}, 1, 12, 20, {1, 1}, 2, 1, {0}, FREE},
    {"conv 1x1 relu6 one output channel", 1, {5, 5}, 1, 31, 1, {1, 1}, 1, 1, {0}, .min = 0, .max = 6},
    {"conv 7x7 s2", 1, {23, 21}, 1, 3, 17, {7, 7}, 2, 1, {3, 3, 3, 3}, FREE},
    {"conv grouped", 2, {6, 6}, 4, 3, 5, {3, 3}, 1, 1, {1, 1, 1, 1}, FREE},
    {"conv grouped strided slices", 1, {6, 6}, 2, 8, 8, {3, 3}, 1, 1, {1, 1, 1, 1}, .in_slack = 7, .out_slack = 9, FREE},
    {"conv dilated", 1, {13, 12}, 1, 6, 9, {3, 3}, 1, 2, {2, 2, 2, 2}, FREE},
    {"conv asymmetric pads", 1, {8, 9}, 1, 4, 6, {3, 2}, 2, 1, {0, 1, 2, 0}, FREE},
    {"conv wide pads", 1, {4, 4}, 1, 4, 6, {5, 5}, 1, 1, {4, 3, 4, 4}, FREE},
    {"conv no bias", 1, {5, 5}, 1, 8, 8, {3, 3}, 1, 1, {1, 1, 1, 1}, .no_bias = true, FREE},
    {"conv 3x3 slices of wider buffers", 2, {6, 5}, 1, 8, 12, {3, 3}, 1, 1, {1, 1, 1, 1}, 5, 20, FREE},
    {"conv 1x1 slices of wider buffers", 2, {6, 5}, 1, 8, 12, {1, 1}, 1, 1, {0}, 5, 20, FREE},
    {"conv deep", 1, {4, 4}, 1, 256, 24, {3, 3}, 1, 1, {1, 1, 1, 1}, FREE},
    {"depthwise 3x3", 1, {9, 8}, 37, 1, 1, {3, 3}, 1, 1, {1, 1, 1, 1}, .depthwise = true, FREE},
    {"depthwise 3x3 s2 relu6", 2, {9, 8}, 16, 1, 1, {3, 3}, 2, 1, {0, 0, 1, 1}, .depthwise = true, .min = 0, .max = 6},
    {"depthwise 5x5", 1, {9, 8}, 20, 1, 1, {5, 5}, 1, 1, {2, 2, 2, 2}, .depthwise = true, FREE},
    {"depthwise 7x7", 1, {9, 10}, 20, 1, 1, {7, 7}, 1, 1, {3, 3, 3, 3}, .depthwise = true, FREE},
    {"depthwise dilated", 1, {9, 10}, 20, 1, 1, {3, 3}, 1, 2, {2, 2, 2, 2}, .depthwise = true, FREE},
    {"depthwise slices", 1, {9, 8}, 12, 1, 1, {3, 3}, 1, 1, {1, 1, 1, 1}, 4, 8, .depthwise = true, FREE},
    {"depthwise multiplier 2", 1, {9, 8}, 12, 1, 2, {3, 3}, 1, 1, {1, 1, 1, 1}, .depthwise = true, FREE},
};

/* ---- Fully connected ---- */

static void test_fully_connected(const char *name, int64_t batch, int64_t in, int64_t out, int64_t slack, float min) {
  const ait_xnn_fully_connected_params p = {batch, in, out, in + slack, out + slack, min, INFINITY};
  const operation o = {.op = FULLY_CONNECTED, .params = &p, .lhs = (size_t)(batch * (in + slack)),
                       .out = (size_t)(batch * (out + slack)), .filter = (size_t)(in * out), .bias = (size_t)out,
                       .scale = 1, .tolerance = 5e-5f, .keeps_nan = is_free(min, INFINITY)};
  test(name, &o);
}

/* ---- Pooling ---- */

typedef struct pool_case {
  const char *name;
  int64_t batch, size[2], channels, kernel[2], stride, dilation, pads[4], slack;
  bool max_only;
  float max;
} pool_case;

static void test_pool(const pool_case *c, int op) {
  const ait_xnn_pool2d_params p = {
      .batch = c->batch, .input_height = c->size[0], .input_width = c->size[1], .channels = c->channels,
      .output_height = out_size(c->size[0], c->kernel[0], c->stride, c->dilation, c->pads[0] + c->pads[2]),
      .output_width = out_size(c->size[1], c->kernel[1], c->stride, c->dilation, c->pads[1] + c->pads[3]),
      .kernel_height = c->kernel[0], .kernel_width = c->kernel[1], .stride_height = c->stride,
      .stride_width = c->stride, .dilation_height = c->dilation, .dilation_width = c->dilation,
      .pad_top = c->pads[0], .pad_left = c->pads[1], .pad_bottom = c->pads[2], .pad_right = c->pads[3],
      .input_stride = c->channels + c->slack, .output_stride = c->channels + 2 * c->slack, .min = -INFINITY,
      .max = c->max};
  const operation o = {.op = op, .params = &p,
                       .lhs = (size_t)(p.batch * p.input_height * p.input_width * p.input_stride),
                       .out = (size_t)(p.batch * p.output_height * p.output_width * p.output_stride), .scale = 1,
                       .tolerance = op == MAX_POOL2D ? 0 : 1e-6f,
                       .keeps_nan = op == AVG_POOL2D && is_free(p.min, p.max)};
  char name[128];
  snprintf(name, sizeof name, "%s %s", op == MAX_POOL2D ? "max pool" : "avg pool", c->name);
  test(name, &o);
}

static const pool_case pools[] = {
    {"3x3 s2 p1", 1, {11, 12}, 19, {3, 3}, 2, 1, {1, 1, 1, 1}, .max = INFINITY},
    {"2x2 s2 batch 2", 2, {8, 6}, 32, {2, 2}, 2, 1, {0}, .max = INFINITY},
    {"3x3 s1 asymmetric pads", 1, {6, 7}, 5, {3, 3}, 1, 1, {2, 0, 0, 1}, .max = INFINITY},
    {"5x5 s1 p2", 1, {6, 7}, 70, {5, 5}, 1, 1, {2, 2, 2, 2}, .max = INFINITY},
    {"7x7", 2, {7, 7}, 70, {7, 7}, 1, 1, {0}, .max = INFINITY},
    {"3x2 s1 clamped slices", 1, {6, 7}, 9, {3, 2}, 1, 1, {1, 0, 1, 0}, .slack = 6, .max = 0.25f},
    {"3x3 dilated", 1, {9, 8}, 6, {3, 3}, 1, 2, {0}, .max_only = true, .max = INFINITY},
    {"3x3 dilated p2", 1, {9, 8}, 6, {3, 3}, 1, 2, {2, 2, 2, 2}, .max_only = true, .max = INFINITY},
};

static void test_global_avg_pool(const char *name, int64_t batch, int64_t height, int64_t width, int64_t channels) {
  const ait_xnn_global_avg_pool_params p = {batch, height, width, channels};
  const operation o = {.op = GLOBAL_AVG_POOL, .params = &p, .lhs = (size_t)(batch * height * width * channels),
                       .out = (size_t)(batch * channels), .scale = 1, .tolerance = 1e-6f, .keeps_nan = true};
  test(name, &o);
}

/* ---- Elementwise, softmax ---- */

static size_t product(const int64_t *dims, int64_t rank) {
  size_t total = 1;
  for (int64_t i = 0; i < rank; i++) total *= (size_t)dims[i];
  return total;
}

static size_t broadcast(const ait_xnn_binary_params *p) {
  size_t total = 1;
  for (int64_t i = 1; i <= AIT_XNN_MAX_RANK; i++) {
    const int64_t l = i <= p->lhs_rank ? p->lhs_dims[p->lhs_rank - i] : 1;
    const int64_t r = i <= p->rhs_rank ? p->rhs_dims[p->rhs_rank - i] : 1;
    total *= (size_t)(l == 1 ? r : l);
  }
  return total;
}

static const ait_xnn_binary_params shapes[] = {
    {0, 4, {2, 5, 7, 9}, 4, {2, 5, 7, 9}, FREE},
    {0, 4, {2, 5, 7, 9}, 4, {2, 5, 7, 9}, .min = 0, .max = 0.5f},
    {0, 4, {2, 5, 7, 40}, 4, {1, 1, 1, 40}, FREE},
    {0, 4, {2, 1, 1, 40}, 4, {2, 3, 4, 40}, FREE}, /* squeeze and excite */
    {0, 4, {2, 5, 7, 40}, 1, {40}, .min = 0, .max = INFINITY},
    {0, 3, {5, 7, 9}, 0, {0}, FREE},
    {0, 0, {0}, 2, {5, 30}, FREE},
    {0, 4, {2, 5, 1, 9}, 4, {2, 1, 7, 1}, FREE},
    {0, 6, {2, 1, 3, 1, 2, 1}, 6, {1, 2, 1, 3, 1, 5}, FREE},
    {0, 1, {1}, 1, {1}, FREE},
};

static void test_binary(void) {
  static const char *names[] = {"add", "sub", "mul", "div"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    for (int64_t fn = 0; fn < 4; fn++) {
      ait_xnn_binary_params p = shapes[i];
      p.fn = fn;
      char name[64];
      snprintf(name, sizeof name, "binary %s shape %zu", names[fn], i);
      const operation o = {.op = BINARY, .params = &p, .lhs = product(p.lhs_dims, p.lhs_rank),
                           .rhs = product(p.rhs_dims, p.rhs_rank), .out = broadcast(&p), .scale = 2, .tolerance = 1e-6f,
                           .keeps_nan = is_free(p.min, p.max)};
      test(name, &o);
    }
  }
}

static void test_unary(const char *name, int64_t kind, float a, float b) {
  for (int64_t slack = 0; slack <= 5; slack += 5) {
    const ait_xnn_unary_params p = {kind, 7, 45, 45 + slack, 45 + 2 * slack, a, b};
    const operation o = {.op = UNARY, .params = &p, .lhs = (size_t)(7 * p.input_stride),
                         .out = (size_t)(7 * p.output_stride), .scale = 12, .tolerance = 2e-6f,
                         .keeps_nan = kind != AIT_XNN_RELU && kind != AIT_XNN_CLIP};
    char text[64];
    snprintf(text, sizeof text, "unary %s slack %d", name, (int)slack);
    test(text, &o);
  }
}

static void test_softmax(int64_t rows, int64_t channels, int64_t slack, float scale) {
  const ait_xnn_softmax_params p = {rows, channels, channels + slack, channels + slack};
  const operation o = {.op = SOFTMAX, .params = &p, .lhs = (size_t)(rows * (channels + slack)),
                       .out = (size_t)(rows * (channels + slack)), .scale = scale, .tolerance = 1e-6f};
  char name[64];
  snprintf(name, sizeof name, "softmax %dx%d slack %d scale %g", (int)rows, (int)channels, (int)slack, (double)scale);
  test(name, &o);
}

/* ---- What must be refused ---- */

static void test_refused(const char *name, int op, const void *params) {
  static const float weights[64];
  const operation o = {.op = op, .params = params};
  current = &o;
  current_filter = current_bias = weights;
  describe(&inputs[0], 1);
  describe(&inputs[1], 1);
  describe(&output, 1);
  ait_context *ctx = NULL;
  const ait_status status = ait_create(&program, NULL, 0, 1, &ctx);
  check(status == AIT_ERR_XNNPACK && ctx == NULL, "refused %s: %s", name, ait_error_detail());
  ait_destroy(ctx);
}

static void test_refusals(void) {
  ait_xnn_conv2d_params conv = {.batch = 1, .input_height = 4, .input_width = 4, .output_height = 5, .output_width = 4,
                                .groups = 1, .group_input_channels = 1, .group_output_channels = 1,
                                .kernel_height = 1, .kernel_width = 1, .stride_height = 1, .stride_width = 1,
                                .dilation_height = 1, .dilation_width = 1, .input_stride = 1, .output_stride = 1,
                                FREE};
  test_refused("output size", CONV2D, &conv);
  conv.kernel_height = 0;
  test_refused("empty kernel", CONV2D, &conv);
  ait_xnn_pool2d_params pool = {.batch = 1, .input_height = 4, .input_width = 4, .channels = 1, .output_height = 6,
                                .output_width = 3, .kernel_height = 2, .kernel_width = 2, .stride_height = 1,
                                .stride_width = 1, .dilation_height = 1, .dilation_width = 1, .pad_top = 3,
                                .input_stride = 1, .output_stride = 1, FREE};
  test_refused("window in the padding", MAX_POOL2D, &pool);
  test_refused("window in the padding", AVG_POOL2D, &pool);
  pool.pad_top = 0, pool.output_height = 3, pool.kernel_height = pool.kernel_width = 1;
  test_refused("1x1 pooling", MAX_POOL2D, &pool);
  const ait_xnn_binary_params shapes_differ = {0, 1, {3}, 1, {4}, FREE};
  test_refused("shapes that do not broadcast", BINARY, &shapes_differ);
  const ait_xnn_unary_params kind = {.kind = 99, .rows = 1, .channels = 1, .input_stride = 1, .output_stride = 1};
  test_refused("unary kind", UNARY, &kind);
}

int main(void) {
  for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) test_conv(&convs[i]);
  test_fully_connected("fully connected", 1, 200, 103, 0, -INFINITY);
  test_fully_connected("fully connected batch 9 relu slices", 9, 33, 5, 3, 0);
  for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
    test_pool(&pools[i], MAX_POOL2D);
    if (!pools[i].max_only) test_pool(&pools[i], AVG_POOL2D);
  }
  test_global_avg_pool("global avg pool 7x7", 1, 7, 7, 77);
  test_global_avg_pool("global avg pool 5x3 batch 3", 3, 5, 3, 8);
  test_global_avg_pool("global avg pool 1x9", 2, 1, 9, 8);
  test_global_avg_pool("global avg pool 1x1", 2, 1, 1, 8);
  test_global_avg_pool("global avg pool one channel", 2, 4, 5, 1);
  test_global_avg_pool("global avg pool 1x1 one channel", 1, 1, 1, 1);
  test_binary();
  test_unary("identity", AIT_XNN_IDENTITY, 0, 0);
  test_unary("relu", AIT_XNN_RELU, 0, 0);
  test_unary("leaky_relu", AIT_XNN_LEAKY_RELU, 0.1f, 0);
  test_unary("clip", AIT_XNN_CLIP, -1.5f, 2.5f);
  test_unary("clip above", AIT_XNN_CLIP, -INFINITY, 2.5f);
  test_unary("sigmoid", AIT_XNN_SIGMOID, 0, 0);
  test_unary("hard_swish", AIT_XNN_HARD_SWISH, 0, 0);
  test_unary("tanh", AIT_XNN_TANH, 0, 0);
  test_unary("elu", AIT_XNN_ELU, 1.0f, 0);
  test_unary("elu alpha 0.5", AIT_XNN_ELU, 0.5f, 0);
  test_softmax(1, 1000, 0, 10);
  test_softmax(5, 7, 3, 60);
  test_refusals();
  return checks_failed();
}
