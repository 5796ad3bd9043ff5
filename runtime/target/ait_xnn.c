/* ait_xnn.c - XNNPACK operators: created, reshaped and packed once, set up and run per layer.
 * An object of its own, so that a program without xnn layers links no XNNPACK. */
#include "ait_internal.h"

#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

/* One layer. `run` sets the operator up with the layer's pointers; all layers share one workspace. */
typedef struct slot {
  xnn_operator_t op;
  xnn_operator_t clamp; /* runs in place on the result, or null: XNNPACK's binary operators cannot clamp */
  enum xnn_status (*setup)(const struct slot *slot, void *workspace, void *const *args);
} slot;

typedef struct state {
  void *workspace;
  size_t workspace_bytes;
  slot slots[]; /* layer_count */
} state;

static void destroy(ait_context *ctx) {
  state *xnn = ctx->xnn;
  for (uint64_t i = 0; i < ctx->program->layer_count; i++) {
    if (xnn->slots[i].op != NULL) xnn_delete_operator(xnn->slots[i].op);
    if (xnn->slots[i].clamp != NULL) xnn_delete_operator(xnn->slots[i].clamp);
  }
  free(xnn->workspace);
  free(xnn);
  ctx->xnn = NULL;
}

/* ---- Errors ---- */

static const char *xnn_status_name(enum xnn_status status) {
  switch (status) {
  case xnn_status_success: return "success";
  case xnn_status_uninitialized: return "uninitialized";
  case xnn_status_invalid_parameter: return "invalid parameter";
  case xnn_status_invalid_state: return "invalid state";
  case xnn_status_unsupported_parameter: return "unsupported parameter";
  case xnn_status_unsupported_hardware: return "unsupported hardware";
  case xnn_status_out_of_memory: return "out of memory";
  case xnn_status_reallocation_required: return "reallocation required";
  case xnn_status_deprecated: return "deprecated";
  }
  return "unknown status";
}

static ait_status refuse(const ait_context *ctx, uint32_t layer, const char *reason) {
  const ait_layer_desc *desc = &ctx->program->layers[layer];
  return ait_fail(AIT_ERR_XNNPACK, "layer %" PRIu32 " '%s' (%s): %s", layer, desc->name, desc->op, reason);
}

static ait_status check(const ait_context *ctx, uint32_t layer, enum xnn_status status) {
  if (status == xnn_status_success) return AIT_OK;
  const ait_status result = refuse(ctx, layer, xnn_status_name(status));
  return status == xnn_status_out_of_memory ? AIT_ERR_NO_MEMORY : result;
}

static ait_status check_output(const ait_context *ctx, uint32_t layer, size_t height, size_t width, int64_t want_height,
                               int64_t want_width) {
  if (height == (size_t)want_height && width == (size_t)want_width) return AIT_OK;
  return refuse(ctx, layer, "the output size is not the planned one");
}

/* ---- Slots ---- */

static ait_status first_use(ait_context *ctx) {
  if (xnn_initialize(NULL) != xnn_status_success) return ait_fail(AIT_ERR_XNNPACK, "xnn_initialize failed");
  ctx->xnn = calloc(1, sizeof(state) + ctx->program->layer_count * sizeof(slot));
  if (ctx->xnn == NULL) return ait_fail(AIT_ERR_NO_MEMORY, "XNNPACK operators");
  ctx->xnn_destroy = destroy;
  return AIT_OK;
}

/* The empty slot of a layer. */
static ait_status claim(ait_context *ctx, uint32_t layer, slot **out) {
  if (layer >= ctx->program->layer_count) return ait_fail(AIT_ERR_ARGUMENT, "no layer %" PRIu32, layer);
  if (ctx->xnn == NULL) {
    const ait_status status = first_use(ctx);
    if (status != AIT_OK) return status;
  }
  *out = &((state *)ctx->xnn)->slots[layer];
  return (*out)->op == NULL ? AIT_OK : refuse(ctx, layer, "created twice");
}

/* Layers run one after the other, so the largest workspace serves all. */
static ait_status reserve(ait_context *ctx, uint32_t layer, size_t bytes, size_t alignment) {
  state *xnn = ctx->xnn;
  if (bytes <= xnn->workspace_bytes) return AIT_OK;
  if (alignment > AIT_ALIGNMENT) return refuse(ctx, layer, "needs a workspace of larger alignment");
  free(xnn->workspace);
  xnn->workspace = ait_alloc(bytes);
  xnn->workspace_bytes = xnn->workspace == NULL ? 0 : bytes;
  return xnn->workspace != NULL ? AIT_OK : ait_fail(AIT_ERR_NO_MEMORY, "workspace of %zu bytes", bytes);
}

/* ---- Bounds ---- */

typedef struct bounds {
  float min, max;
} bounds;

static bool is_clamped(float min, float max) { return !(min == -INFINITY && max == INFINITY); }

/* XNNPACK's kernels clamp with vfmax and vfmin, by infinite bounds too, and make a NaN the bound. With NaN as bounds they
 * leave everything as it is, as the instructions of RISC-V do: of a NaN and a number they take the number, of two NaN they
 * make one. But XNNPACK refuses NaN when an operator is created. So an operator without bounds gets bounds that nothing else
 * in it is like, which are replaced by NaN before it is reshaped, when its kernels get copies of them. */
static const bounds stand_in = {-0x1.8d3f57p+126f, 0x1.a96b1dp+126f};

static bounds at_creation(float min, float max) { return is_clamped(min, max) ? (bounds){min, max} : stand_in; }

static ait_status keep_nan(const ait_context *ctx, uint32_t layer, xnn_operator_t op, bounds created) {
  if (created.min != stand_in.min) return AIT_OK;
  const bounds none = {NAN, NAN};
  unsigned char *bytes = (unsigned char *)op;
  const size_t size = malloc_usable_size(op);
  bool found = false;
  for (size_t at = 0; at + sizeof stand_in <= size; at += sizeof(float)) {
    if (memcmp(bytes + at, &stand_in, sizeof stand_in) != 0) continue;
    memcpy(bytes + at, &none, sizeof none);
    found = true;
  }
  return found ? AIT_OK : refuse(ctx, layer, "this version of XNNPACK has its bounds elsewhere, by which it would mask NaN");
}

ait_status ait_xnn_run(ait_context *ctx, uint32_t layer, void *const *args) {
  state *xnn = ctx->xnn;
  if (xnn == NULL || layer >= ctx->program->layer_count || xnn->slots[layer].op == NULL) {
    return ait_fail(AIT_ERR_ARGUMENT, "layer %" PRIu32 " has no XNNPACK operator", layer);
  }
  const slot *slot = &xnn->slots[layer];
  const uint64_t begin = ait_layer_begin(ctx);
  enum xnn_status status = slot->setup(slot, xnn->workspace, args);
  if (status == xnn_status_success) status = xnn_run_operator(slot->op, ctx->pool);
  if (status == xnn_status_success && slot->clamp != NULL) status = xnn_run_operator(slot->clamp, ctx->pool);
  ait_layer_end(ctx, layer, begin);
  return check(ctx, layer, status);
}

/* ---- Convolution, fully connected ---- */

static enum xnn_status setup_conv2d(const slot *slot, void *workspace, void *const *args) {
  return xnn_setup_convolution2d_nhwc_f32(slot->op, workspace, args[0], args[1]);
}

static enum xnn_status create_conv2d(const ait_xnn_conv2d_params *p, const float *filter, const float *bias,
                                     bounds range, xnn_operator_t *op) {
  return xnn_create_convolution2d_nhwc_f32(
      (uint32_t)p->pad_top, (uint32_t)p->pad_right, (uint32_t)p->pad_bottom, (uint32_t)p->pad_left,
      (uint32_t)p->kernel_height, (uint32_t)p->kernel_width, (uint32_t)p->stride_height, (uint32_t)p->stride_width,
      (uint32_t)p->dilation_height, (uint32_t)p->dilation_width, (uint32_t)p->groups, (size_t)p->group_input_channels,
      (size_t)p->group_output_channels, (size_t)p->input_stride, (size_t)p->output_stride, filter, bias, range.min,
      range.max, p->depthwise != 0 ? XNN_FLAG_DEPTHWISE_CONVOLUTION : 0, NULL, NULL, op);
}

ait_status ait_xnn_create_conv2d(ait_context *ctx, uint32_t layer, const ait_xnn_conv2d_params *p, const float *filter,
                                 const float *bias) {
  slot *slot = NULL;
  ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  slot->setup = setup_conv2d;
  const bounds range = at_creation(p->min, p->max);
  status = check(ctx, layer, create_conv2d(p, filter, bias, range, &slot->op));
  if (status == AIT_OK) status = keep_nan(ctx, layer, slot->op, range);
  if (status != AIT_OK) return status;
  size_t bytes = 0, alignment = 0, height = 0, width = 0;
  status = check(ctx, layer,
                 xnn_reshape_convolution2d_nhwc_f32(slot->op, (size_t)p->batch, (size_t)p->input_height,
                                                    (size_t)p->input_width, &bytes, &alignment, &height, &width,
                                                    ctx->pool));
  if (status == AIT_OK) status = check_output(ctx, layer, height, width, p->output_height, p->output_width);
  return status == AIT_OK ? reserve(ctx, layer, bytes, alignment) : status;
}

static enum xnn_status setup_fully_connected(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  return xnn_setup_fully_connected_nc_f32(slot->op, args[0], args[1]);
}

ait_status ait_xnn_create_fully_connected(ait_context *ctx, uint32_t layer, const ait_xnn_fully_connected_params *p,
                                          const float *filter, const float *bias) {
  slot *slot = NULL;
  ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  slot->setup = setup_fully_connected;
  const bounds range = at_creation(p->min, p->max);
  status = check(ctx, layer,
                 xnn_create_fully_connected_nc_f32((size_t)p->input_channels, (size_t)p->output_channels,
                                                   (size_t)p->input_stride, (size_t)p->output_stride, filter, bias,
                                                   range.min, range.max, 0, NULL, NULL, &slot->op));
  if (status == AIT_OK) status = keep_nan(ctx, layer, slot->op, range);
  if (status != AIT_OK) return status;
  return check(ctx, layer, xnn_reshape_fully_connected_nc_f32(slot->op, (size_t)p->batch, ctx->pool));
}

/* ---- Pooling ---- */

/* One spatial dimension of a pooling. */
typedef struct axis {
  int64_t input, output, kernel, stride, dilation, pad;
} axis;

/* Whether every window holds an input element. Max pooling needs one to stand in for the padding, average
 * pooling one to divide by. */
static bool windows_touch(const axis *a) {
  for (int64_t o = 0; o < a->output; o++) {
    int64_t at = o * a->stride - a->pad, taps = 0;
    for (; taps < a->kernel && at < 0; taps++) at += a->dilation;
    if (taps == a->kernel || at >= a->input) return false;
  }
  return true;
}

/* With dilation XNNPACK's stand-in is the tap `pad / dilation` of the last window, unchecked. */
static bool stand_in_inside(const axis *a) {
  return a->dilation == 1 || (a->output - 1) * a->stride - a->pad % a->dilation < a->input;
}

static ait_status check_pool2d(const ait_context *ctx, uint32_t layer, const ait_xnn_pool2d_params *p) {
  const axis axes[2] = {
      {p->input_height, p->output_height, p->kernel_height, p->stride_height, p->dilation_height, p->pad_top},
      {p->input_width, p->output_width, p->kernel_width, p->stride_width, p->dilation_width, p->pad_left}};
  for (int i = 0; i < 2; i++) {
    if (axes[i].dilation < 1) return refuse(ctx, layer, "dilation below 1");
    if (!windows_touch(&axes[i])) return refuse(ctx, layer, "a window lies in the padding");
    if (!stand_in_inside(&axes[i])) return refuse(ctx, layer, "this dilation with this padding reads outside the input");
  }
  return AIT_OK;
}

static enum xnn_status setup_max_pool2d(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  return xnn_setup_max_pooling2d_nhwc_f32(slot->op, args[0], args[1]);
}

ait_status ait_xnn_create_max_pool2d(ait_context *ctx, uint32_t layer, const ait_xnn_pool2d_params *p) {
  slot *slot = NULL;
  ait_status status = claim(ctx, layer, &slot);
  if (status == AIT_OK) status = check_pool2d(ctx, layer, p);
  if (status != AIT_OK) return status;
  slot->setup = setup_max_pool2d;
  status = check(ctx, layer,
                 xnn_create_max_pooling2d_nhwc_f32(
                     (uint32_t)p->pad_top, (uint32_t)p->pad_right, (uint32_t)p->pad_bottom, (uint32_t)p->pad_left,
                     (uint32_t)p->kernel_height, (uint32_t)p->kernel_width, (uint32_t)p->stride_height,
                     (uint32_t)p->stride_width, (uint32_t)p->dilation_height, (uint32_t)p->dilation_width, p->min,
                     p->max, 0, &slot->op));
  if (status != AIT_OK) return status;
  size_t height = 0, width = 0;
  status = check(ctx, layer,
                 xnn_reshape_max_pooling2d_nhwc_f32(slot->op, (size_t)p->batch, (size_t)p->input_height,
                                                    (size_t)p->input_width, (size_t)p->channels,
                                                    (size_t)p->input_stride, (size_t)p->output_stride, &height, &width,
                                                    ctx->pool));
  return status == AIT_OK ? check_output(ctx, layer, height, width, p->output_height, p->output_width) : status;
}

static enum xnn_status setup_avg_pool2d(const slot *slot, void *workspace, void *const *args) {
  return xnn_setup_average_pooling2d_nhwc_f32(slot->op, workspace, args[0], args[1]);
}

ait_status ait_xnn_create_avg_pool2d(ait_context *ctx, uint32_t layer, const ait_xnn_pool2d_params *p) {
  slot *slot = NULL;
  ait_status status = claim(ctx, layer, &slot);
  if (status == AIT_OK) status = check_pool2d(ctx, layer, p);
  if (status != AIT_OK) return status;
  if (p->dilation_height != 1 || p->dilation_width != 1) return refuse(ctx, layer, "average pooling has no dilation");
  slot->setup = setup_avg_pool2d;
  const bounds range = at_creation(p->min, p->max);
  status = check(ctx, layer,
                 xnn_create_average_pooling2d_nhwc_f32(
                     (uint32_t)p->pad_top, (uint32_t)p->pad_right, (uint32_t)p->pad_bottom, (uint32_t)p->pad_left,
                     (uint32_t)p->kernel_height, (uint32_t)p->kernel_width, (uint32_t)p->stride_height,
                     (uint32_t)p->stride_width, range.min, range.max, 0, &slot->op));
  if (status == AIT_OK) status = keep_nan(ctx, layer, slot->op, range);
  if (status != AIT_OK) return status;
  size_t bytes = 0, alignment = 0, height = 0, width = 0;
  status = check(ctx, layer,
                 xnn_reshape_average_pooling2d_nhwc_f32(slot->op, (size_t)p->batch, (size_t)p->input_height,
                                                        (size_t)p->input_width, (size_t)p->channels,
                                                        (size_t)p->input_stride, (size_t)p->output_stride, &bytes,
                                                        &alignment, &height, &width, ctx->pool));
  if (status == AIT_OK) status = check_output(ctx, layer, height, width, p->output_height, p->output_width);
  return status == AIT_OK ? reserve(ctx, layer, bytes, alignment) : status;
}

static enum xnn_status setup_mean(const slot *slot, void *workspace, void *const *args) {
  (void)workspace; /* f32 must not have one: with a workspace the result stays there */
  return xnn_setup_reduce_nd(slot->op, NULL, args[0], args[1]);
}

static enum xnn_status setup_copy(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  return xnn_setup_copy_nc_x32(slot->op, args[0], args[1]);
}

static enum xnn_status create_copy(slot *slot, size_t rows, size_t channels, size_t input_stride, size_t output_stride,
                                   pthreadpool_t pool) {
  slot->setup = setup_copy;
  const enum xnn_status status = xnn_create_copy_nc_x32(0, &slot->op);
  if (status != xnn_status_success) return status;
  return xnn_reshape_copy_nc_x32(slot->op, rows, channels, input_stride, output_stride, pool);
}

static enum xnn_status create_mean(slot *slot, const size_t *shape, pthreadpool_t pool) {
  static const int64_t axes[2] = {1, 2};
  slot->setup = setup_mean;
  const enum xnn_status status =
      xnn_create_reduce_nd(xnn_reduce_mean, xnn_datatype_fp32, NULL, NULL, 0, &slot->op);
  if (status != xnn_status_success) return status;
  size_t bytes = 0, alignment = 0;
  return xnn_reshape_reduce_nd(slot->op, 2, axes, 4, shape, &bytes, &alignment, pool);
}

ait_status ait_xnn_create_global_avg_pool(ait_context *ctx, uint32_t layer, const ait_xnn_global_avg_pool_params *p) {
  slot *slot = NULL;
  const ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  const size_t shape[4] = {(size_t)p->batch, (size_t)p->height, (size_t)p->width, (size_t)p->channels};
  /* XNNPACK drops dimensions of 1 first and then indexes the last axis left: there must be one. */
  if (shape[1] * shape[2] == 1) {
    return check(ctx, layer, create_copy(slot, shape[0], shape[3], shape[3], shape[3], ctx->pool));
  }
  return check(ctx, layer, create_mean(slot, shape, ctx->pool));
}

/* ---- Elementwise, softmax ---- */

static enum xnn_status setup_unary(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  return xnn_setup_unary_elementwise_nc(slot->op, args[0], args[1]);
}

static enum xnn_status create_unary(enum xnn_unary_operator kind, const union xnn_unary_params *params, size_t rows,
                                    size_t channels, size_t input_stride, size_t output_stride, pthreadpool_t pool,
                                    xnn_operator_t *op) {
  const enum xnn_status status =
      xnn_create_unary_elementwise_nc(kind, xnn_datatype_fp32, xnn_datatype_fp32, params, NULL, NULL, 0, op);
  if (status != xnn_status_success) return status;
  return xnn_reshape_unary_elementwise_nc(*op, rows, channels, input_stride, output_stride, pool);
}

static bool unary_kind(const ait_xnn_unary_params *p, enum xnn_unary_operator *kind, union xnn_unary_params *params) {
  switch (p->kind) {
  case AIT_XNN_RELU:
    *kind = xnn_unary_clamp;
    params->clamp.min = 0.0f;
    params->clamp.max = INFINITY;
    return true;
  case AIT_XNN_CLIP:
    *kind = xnn_unary_clamp;
    params->clamp.min = p->a;
    params->clamp.max = p->b;
    return true;
  case AIT_XNN_LEAKY_RELU:
    *kind = xnn_unary_leaky_relu;
    params->leaky_relu.negative_slope = p->a;
    return true;
  case AIT_XNN_ELU:
    *kind = xnn_unary_elu;
    params->elu.alpha = p->a;
    return true;
  case AIT_XNN_SIGMOID: *kind = xnn_unary_sigmoid; return true;
  case AIT_XNN_HARD_SWISH: *kind = xnn_unary_hardswish; return true;
  case AIT_XNN_TANH: *kind = xnn_unary_tanh; return true;
  default: return false;
  }
}

ait_status ait_xnn_create_unary(ait_context *ctx, uint32_t layer, const ait_xnn_unary_params *p) {
  slot *slot = NULL;
  const ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  const size_t rows = (size_t)p->rows, channels = (size_t)p->channels;
  const size_t input_stride = (size_t)p->input_stride, output_stride = (size_t)p->output_stride;
  if (p->kind == AIT_XNN_IDENTITY) {
    return check(ctx, layer, create_copy(slot, rows, channels, input_stride, output_stride, ctx->pool));
  }
  enum xnn_unary_operator kind;
  union xnn_unary_params params;
  if (!unary_kind(p, &kind, &params)) return refuse(ctx, layer, "unknown kind of unary operator");
  slot->setup = setup_unary;
  return check(ctx, layer,
               create_unary(kind, &params, rows, channels, input_stride, output_stride, ctx->pool, &slot->op));
}

static enum xnn_status setup_binary(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  const enum xnn_status status = xnn_setup_binary_elementwise_nd(slot->op, args[0], args[1], args[2]);
  if (status != xnn_status_success || slot->clamp == NULL) return status;
  return xnn_setup_unary_elementwise_nc(slot->clamp, args[2], args[2]);
}

static bool binary_kind(int64_t fn, enum xnn_binary_operator *kind) {
  switch (fn) {
  case AIT_XNN_ADD: *kind = xnn_binary_add; return true;
  case AIT_XNN_SUB: *kind = xnn_binary_subtract; return true;
  case AIT_XNN_MUL: *kind = xnn_binary_multiply; return true;
  case AIT_XNN_DIV: *kind = xnn_binary_divide; return true;
  default: return false;
  }
}

/* Elements of the result of numpy broadcasting. */
static size_t broadcast_elements(const ait_xnn_binary_params *p) {
  const int64_t rank = p->lhs_rank > p->rhs_rank ? p->lhs_rank : p->rhs_rank;
  size_t elements = 1;
  for (int64_t i = 1; i <= rank; i++) {
    const int64_t lhs = i <= p->lhs_rank ? p->lhs_dims[p->lhs_rank - i] : 1;
    const int64_t rhs = i <= p->rhs_rank ? p->rhs_dims[p->rhs_rank - i] : 1;
    elements *= (size_t)(lhs == 1 ? rhs : lhs);
  }
  return elements;
}

static enum xnn_status create_binary(const ait_xnn_binary_params *p, enum xnn_binary_operator kind, slot *slot,
                                     pthreadpool_t pool) {
  size_t lhs[AIT_XNN_MAX_RANK], rhs[AIT_XNN_MAX_RANK];
  for (int i = 0; i < AIT_XNN_MAX_RANK; i++) {
    lhs[i] = (size_t)p->lhs_dims[i];
    rhs[i] = (size_t)p->rhs_dims[i];
  }
  slot->setup = setup_binary;
  enum xnn_status status =
      xnn_create_binary_elementwise_nd(kind, xnn_datatype_fp32, NULL, NULL, NULL, 0, &slot->op);
  if (status != xnn_status_success) return status;
  status = xnn_reshape_binary_elementwise_nd(slot->op, (size_t)p->lhs_rank, lhs, (size_t)p->rhs_rank, rhs, pool);
  if (status != xnn_status_success || !is_clamped(p->min, p->max)) return status;
  const size_t elements = broadcast_elements(p);
  const union xnn_unary_params clamp = {.clamp = {.min = p->min, .max = p->max}};
  return create_unary(xnn_unary_clamp, &clamp, 1, elements, elements, elements, pool, &slot->clamp);
}

ait_status ait_xnn_create_binary(ait_context *ctx, uint32_t layer, const ait_xnn_binary_params *p) {
  slot *slot = NULL;
  const ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  enum xnn_binary_operator kind;
  if (!binary_kind(p->fn, &kind)) return refuse(ctx, layer, "unknown kind of binary operator");
  if (p->lhs_rank < 0 || p->lhs_rank > AIT_XNN_MAX_RANK || p->rhs_rank < 0 || p->rhs_rank > AIT_XNN_MAX_RANK) {
    return refuse(ctx, layer, "rank above 6");
  }
  return check(ctx, layer, create_binary(p, kind, slot, ctx->pool));
}

static enum xnn_status setup_softmax(const slot *slot, void *workspace, void *const *args) {
  (void)workspace;
  return xnn_setup_softmax_nc_f32(slot->op, args[0], args[1]);
}

ait_status ait_xnn_create_softmax(ait_context *ctx, uint32_t layer, const ait_xnn_softmax_params *p) {
  slot *slot = NULL;
  ait_status status = claim(ctx, layer, &slot);
  if (status != AIT_OK) return status;
  slot->setup = setup_softmax;
  status = check(ctx, layer, xnn_create_softmax_nc_f32(0, &slot->op));
  if (status != AIT_OK) return status;
  return check(ctx, layer,
               xnn_reshape_softmax_nc_f32(slot->op, (size_t)p->channels, (size_t)p->input_stride,
                                          (size_t)p->output_stride, (size_t)p->rows, ctx->pool));
}
