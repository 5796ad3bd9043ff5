/* ait_runtime.h - run a network compiled by ait on a RISC-V core with RVV 1.0 (VLEN 128 to 1024).
 *
 * Three parts: the calls an application makes, the constant tables the compiler emits for a model
 * (`<model>_program`), and the calls that generated code makes back into the runtime.
 *
 * Rules: C11, little endian, LP64. All tensors are f32, dense, row-major; rank 4 is N x C x H x W.
 * Memory is allocated and XNNPACK packs weights in ait_create only; ait_run allocates nothing.
 * A context serves one thread at a time; several contexts may share one program and its weights.
 */
#ifndef AIT_RUNTIME_H
#define AIT_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of everything in this file that generated code depends on. */
#define AIT_ABI_VERSION 1u
/* Alignment in bytes of weights, inputs, outputs, arena and scratch. */
#define AIT_ALIGNMENT 64u
/* Most dimensions of an input or output. */
#define AIT_MAX_RANK 8
/* Most dimensions of an operand of ait_xnn_create_binary. */
#define AIT_XNN_MAX_RANK 6

/* ---- Status ------------------------------------------------------------------------------- */

typedef enum ait_status {
  AIT_OK = 0,
  AIT_ERR_NO_VECTOR = 1, /* no RVV 1.0, or VLEN below 128 or above 1024 */
  AIT_ERR_NO_MEMORY = 2, /* an allocation in create failed */
  AIT_ERR_WEIGHTS = 3,   /* weights of the wrong size or checksum: not this model's file, or damaged */
  AIT_ERR_XNNPACK = 4,   /* XNNPACK refused an operator */
  AIT_ERR_ARGUMENT = 5,  /* a null or misaligned pointer, an index out of range, threads < 0 */
  AIT_ERR_ABI = 6,       /* object and runtime come from different versions of ait */
  AIT_ERR_THREADS = 7,   /* the thread pool could not be created */
  AIT_ERR_IO = 8         /* a file could not be read or written */
} ait_status;

/* One sentence for a status; never null. */
const char *ait_status_string(ait_status status);

/* What exactly went wrong in the last failing call of this thread, or "" (layer, operator, sizes). */
const char *ait_error_detail(void);

/* ---- What the compiler emits: constants ------------------------------------------------------ */

typedef struct ait_context ait_context;

typedef struct ait_tensor_desc {
  const char *name; /* ONNX name */
  uint64_t rank;    /* 0 to AIT_MAX_RANK */
  uint64_t dims[AIT_MAX_RANK];
  uint64_t elements; /* product of dims; bytes are 4 * elements */
} ait_tensor_desc;

typedef struct ait_layer_desc {
  const char *name;   /* ONNX node name */
  const char *op;     /* "rvv.conv2d", "xnn.max_pool2d" */
  const char *kernel; /* symbol of the kernel, or XNNPACK operator */
  const char *layout; /* "NCHW", "NHWC", "CNHW" of the result, "" where it has no meaning */
  uint64_t macs;      /* multiply-accumulates */
} ait_layer_desc;

/* Creates the XNNPACK operators of a program; called once by ait_create. Null if it has none. */
typedef ait_status (*ait_create_fn)(ait_context *ctx, const void *weights);

/* Runs all layers in order. inputs, outputs: one pointer per descriptor; arena: arena_bytes. */
typedef ait_status (*ait_run_fn)(ait_context *ctx, void *const *inputs, void *const *outputs, void *arena,
                                 const void *weights);

/* The symbol `<model>_program`. Every field is 8 bytes: 15 of them, no padding. */
typedef struct ait_program {
  uint64_t abi_version; /* AIT_ABI_VERSION */
  const char *name;     /* C identifier of the model */
  const ait_tensor_desc *inputs;
  uint64_t input_count;
  const ait_tensor_desc *outputs;
  uint64_t output_count;
  const ait_layer_desc *layers;
  uint64_t layer_count;
  uint64_t arena_bytes;      /* may be 0 */
  uint64_t scratch_bytes;    /* per thread: the largest scratch of any kernel; may be 0 */
  uint64_t weights_bytes;    /* size of the weights file; may be 0 */
  uint64_t weights_checksum; /* ait_checksum of the weights file */
  ait_create_fn create;
  ait_run_fn run;
  uint64_t flags; /* 0 */
} ait_program;

/* Checksum of a weights file: FNV-1a over little-endian 64-bit words (the last one padded with zero
 * bytes), with a fold: h = 0xcbf29ce484222325; for each word: h = (h ^ word) * 0x100000001b3; h ^= h >> 32. */
uint64_t ait_checksum(const void *data, size_t bytes);

/* ---- What an application calls -----------------------------------------------------------------
 *
 * The object of a model exports <model>_program and, for the header <model>.h and other languages,
 * <model>_create, _input, _output, _run, _destroy: the calls of the same names below, the first with its program. */

/* Makes a context with its thread pool, buffers and operators.
 * weights: weights_bytes of the model's weights file, AIT_ALIGNMENT-aligned, used in place: it must outlive
 * the context (null if the model has none). threads: 0 means one per online core.
 * On an error *out is null. The first thing checked is the vector unit. */
ait_status ait_create(const ait_program *program, const void *weights, size_t weights_bytes, int threads,
                      ait_context **out);

/* Buffers owned by the context, dense row-major, at the same address until ait_destroy; null if out of range.
 * ait_run does not write inputs. */
float *ait_input(ait_context *ctx, size_t index);
const float *ait_output(const ait_context *ctx, size_t index);

/* One inference: inputs to outputs. Allocates nothing. */
ait_status ait_run(ait_context *ctx);

/* Ends the threads and frees everything but program and weights. Null is allowed. */
void ait_destroy(ait_context *ctx);

const ait_program *ait_context_program(const ait_context *ctx);
size_t ait_context_threads(const ait_context *ctx);

/* Reads a weights file into aligned memory; ait_weights_free releases it. Errors: IO, NO_MEMORY. */
ait_status ait_weights_read(const char *path, void **weights, size_t *bytes);
void ait_weights_free(void *weights);

/* VLEN of this core in bits, or 0 without RVV 1.0. */
size_t ait_vlen(void);

/* Time per layer, collected from now on (true resets the counters). */
void ait_set_profile(ait_context *ctx, bool enabled);
/* ait_run with the profile on. */
ait_status ait_run_profiled(ait_context *ctx);
/* Nanoseconds spent in a layer since ait_set_profile, and the number of runs. */
uint64_t ait_layer_ns(const ait_context *ctx, size_t layer);
uint64_t ait_profile_runs(const ait_context *ctx);
/* The profile as JSON (docs/deploy.md). Errors: IO. */
ait_status ait_profile_json(const ait_context *ctx, FILE *file);

/* Fills arena, outputs and scratch with NaN, so that a read of unwritten memory shows in the result. */
void ait_poison(ait_context *ctx);

/* ---- What generated code calls: kernels ----------------------------------------------------------- */

/* args: the op's operands in order (memrefs as the address of their first element).
 * scratch: program->scratch_bytes private to the calling thread. */
typedef void (*ait_kernel)(void *const *args, float *scratch, size_t task);

/* kernel(args, scratch, t) for every t < tasks, on all threads; returns when all are done. */
ait_status ait_parallel(ait_context *ctx, uint32_t layer, ait_kernel kernel, void *const *args, size_t tasks);

/* ---- What generated code calls: XNNPACK (ait_xnn.c) -------------------------------------------------
 *
 * One create per layer from the program's create function, then from run
 *     ait_xnn_run(ctx, layer, args)   args: the op's operands in order without packed constants, so
 *                                     inputs then init ({input, init}; {lhs, rhs, init} for binary).
 * Every params struct is int64_t fields, then float fields, without padding before the floats; it must
 * outlive create only. Rank-4 operands are N x H x W x C in memory. `*_stride` of input and output is the
 * distance in elements from one pixel (row) to the next: C when dense, more for a slice of a concatenation.
 * XNNPACK copies filter and bias; bias may be null. min, max: -inf, inf for no clamp: then
 * NaN propagates, but for max pools.
 * What XNNPACK computes as output size is compared with the params: a difference is AIT_ERR_XNNPACK. */

typedef struct ait_xnn_conv2d_params { /* 21 x i64, 2 x f32 */
  int64_t batch, input_height, input_width;
  int64_t output_height, output_width;
  int64_t groups, group_input_channels, group_output_channels;
  int64_t kernel_height, kernel_width;
  int64_t stride_height, stride_width;
  int64_t dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t input_stride, output_stride;
  int64_t depthwise; /* 1: group_input_channels = 1, filter 1 x KH x KW x K; 0: filter K x KH x KW x C/groups */
  float min, max;
} ait_xnn_conv2d_params;

typedef struct ait_xnn_fully_connected_params { /* 5 x i64, 2 x f32 */
  int64_t batch, input_channels, output_channels;
  int64_t input_stride, output_stride; /* from row to row */
  float min, max;
} ait_xnn_fully_connected_params;

typedef struct ait_xnn_pool2d_params { /* 18 x i64, 2 x f32; max and average */
  int64_t batch, input_height, input_width, channels;
  int64_t output_height, output_width;
  int64_t kernel_height, kernel_width;
  int64_t stride_height, stride_width;
  int64_t dilation_height, dilation_width; /* 1, 1 for average pooling */
  int64_t pad_top, pad_left, pad_bottom, pad_right; /* never counted */
  int64_t input_stride, output_stride;
  float min, max;
} ait_xnn_pool2d_params;

typedef struct ait_xnn_global_avg_pool_params { /* 4 x i64; dense */
  int64_t batch, height, width, channels;
} ait_xnn_global_avg_pool_params;

enum { AIT_XNN_ADD = 0, AIT_XNN_SUB = 1, AIT_XNN_MUL = 2, AIT_XNN_DIV = 3 };
typedef struct ait_xnn_binary_params { /* 15 x i64, 2 x f32; dense, dims in memory order */
  int64_t fn;
  int64_t lhs_rank, lhs_dims[AIT_XNN_MAX_RANK];
  int64_t rhs_rank, rhs_dims[AIT_XNN_MAX_RANK];
  float min, max;
} ait_xnn_binary_params;

enum {
  AIT_XNN_IDENTITY = 0,
  AIT_XNN_RELU = 1,
  AIT_XNN_LEAKY_RELU = 2, /* a = alpha */
  AIT_XNN_CLIP = 3,       /* a = min, b = max */
  AIT_XNN_SIGMOID = 4,
  AIT_XNN_HARD_SWISH = 5,
  AIT_XNN_TANH = 6,
  AIT_XNN_ELU = 7 /* a = alpha */
};
typedef struct ait_xnn_unary_params { /* 5 x i64, 2 x f32 */
  int64_t kind;
  int64_t rows, channels; /* rows: product of all dimensions but the last in memory order */
  int64_t input_stride, output_stride;
  float a, b;
} ait_xnn_unary_params;

typedef struct ait_xnn_softmax_params { /* 4 x i64; over the last dimension in memory order */
  int64_t rows, channels;
  int64_t input_stride, output_stride;
} ait_xnn_softmax_params;

ait_status ait_xnn_create_conv2d(ait_context *ctx, uint32_t layer, const ait_xnn_conv2d_params *params,
                                 const float *filter, const float *bias);
ait_status ait_xnn_create_fully_connected(ait_context *ctx, uint32_t layer,
                                          const ait_xnn_fully_connected_params *params, const float *filter,
                                          const float *bias);
ait_status ait_xnn_create_max_pool2d(ait_context *ctx, uint32_t layer, const ait_xnn_pool2d_params *params);
ait_status ait_xnn_create_avg_pool2d(ait_context *ctx, uint32_t layer, const ait_xnn_pool2d_params *params);
ait_status ait_xnn_create_global_avg_pool(ait_context *ctx, uint32_t layer,
                                          const ait_xnn_global_avg_pool_params *params);
ait_status ait_xnn_create_binary(ait_context *ctx, uint32_t layer, const ait_xnn_binary_params *params);
ait_status ait_xnn_create_unary(ait_context *ctx, uint32_t layer, const ait_xnn_unary_params *params);
ait_status ait_xnn_create_softmax(ait_context *ctx, uint32_t layer, const ait_xnn_softmax_params *params);

ait_status ait_xnn_run(ait_context *ctx, uint32_t layer, void *const *args);

#ifdef __cplusplus
}
#endif

#endif
