/* ait_runtime.c - contexts, tasks, profile. Built for rv64gc: it must run far enough on a core without V to
 * say so. */
#define _POSIX_C_SOURCE 200809L
#include "ait_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

/* Generated code lays these out by hand. */
_Static_assert(sizeof(ait_program) == 15 * 8, "ait_program");
_Static_assert(sizeof(ait_tensor_desc) == (3 + AIT_MAX_RANK) * 8, "ait_tensor_desc");
_Static_assert(sizeof(ait_layer_desc) == 5 * 8, "ait_layer_desc");
_Static_assert(sizeof(ait_xnn_conv2d_params) == 21 * 8 + 8, "ait_xnn_conv2d_params");
_Static_assert(sizeof(ait_xnn_fully_connected_params) == 5 * 8 + 8, "ait_xnn_fully_connected_params");
_Static_assert(sizeof(ait_xnn_pool2d_params) == 18 * 8 + 8, "ait_xnn_pool2d_params");
_Static_assert(sizeof(ait_xnn_global_avg_pool_params) == 4 * 8, "ait_xnn_global_avg_pool_params");
_Static_assert(sizeof(ait_xnn_binary_params) == 15 * 8 + 8, "ait_xnn_binary_params");
_Static_assert(sizeof(ait_xnn_unary_params) == 5 * 8 + 8, "ait_xnn_unary_params");
_Static_assert(sizeof(ait_xnn_softmax_params) == 4 * 8, "ait_xnn_softmax_params");

enum { MIN_VLEN = 128, MAX_VLEN = 1024, MAX_THREADS = 256 };

/* ---- Errors ---- */

static _Thread_local char error_detail[512];

const char *ait_error_detail(void) { return error_detail; }

ait_status ait_fail(ait_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(error_detail, sizeof error_detail, format, args);
  va_end(args);
  return status;
}

const char *ait_status_string(ait_status status) {
  switch (status) {
  case AIT_OK: return "success";
  case AIT_ERR_NO_VECTOR: return "this core has no RVV 1.0 vector unit with VLEN from 128 to 1024";
  case AIT_ERR_NO_MEMORY: return "out of memory";
  case AIT_ERR_WEIGHTS: return "the weights do not belong to this model";
  case AIT_ERR_XNNPACK: return "XNNPACK refused an operator";
  case AIT_ERR_ARGUMENT: return "invalid argument";
  case AIT_ERR_ABI: return "object and runtime come from different versions of ait";
  case AIT_ERR_THREADS: return "the thread pool could not be created";
  case AIT_ERR_IO: return "a file could not be read or written";
  }
  return "unknown status";
}

/* ---- The vector unit ---- */

/* vtype after asking for e32, m1, ta, ma. Those bits are reserved before RVV 1.0, where they give vill. */
static uint64_t vtype_of_e32_m1(void) {
  uint64_t vtype;
  __asm__ volatile(".option push\n\t.option arch, +v\n\t"
                   "vsetvli %0, zero, e32, m1, ta, ma\n\tcsrr %0, vtype\n\t"
                   ".option pop"
                   : "=r"(vtype));
  return vtype;
}

static size_t vlenb(void) {
  size_t bytes;
  __asm__ volatile(".option push\n\t.option arch, +v\n\tcsrr %0, vlenb\n\t.option pop" : "=r"(bytes));
  return bytes;
}

size_t ait_vlen(void) {
  /* The order matters: without V the instructions below trap. */
  if ((getauxval(AT_HWCAP) >> ('V' - 'A') & 1) == 0) return 0;
  if (vtype_of_e32_m1() != 0xd0) return 0;
  return 8 * vlenb();
}

static ait_status check_core(void) {
  const size_t vlen = ait_vlen();
  if (vlen == 0) return ait_fail(AIT_ERR_NO_VECTOR, "no RVV 1.0");
  if (vlen < MIN_VLEN || vlen > MAX_VLEN) {
    return ait_fail(AIT_ERR_NO_VECTOR, "VLEN is %zu bits, not %d to %d", vlen, MIN_VLEN, MAX_VLEN);
  }
  return AIT_OK;
}

/* ---- Weights ---- */

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * UINT64_C(0x100000001b3);
  return hash ^ hash >> 32;
}

uint64_t ait_checksum(const void *data, size_t bytes) {
  const unsigned char *at = data;
  uint64_t hash = UINT64_C(0xcbf29ce484222325), word = 0;
  for (; bytes >= sizeof word; at += sizeof word, bytes -= sizeof word) {
    memcpy(&word, at, sizeof word);
    hash = mix(hash, word);
  }
  if (bytes == 0) return hash;
  word = 0;
  memcpy(&word, at, bytes);
  return mix(hash, word);
}

static ait_status check_weights(const ait_program *program, const void *weights, size_t bytes) {
  if (bytes != program->weights_bytes) {
    return ait_fail(AIT_ERR_WEIGHTS, "%s needs %" PRIu64 " bytes of weights, not %zu", program->name,
                    program->weights_bytes, bytes);
  }
  if (bytes == 0) return AIT_OK;
  if (weights == NULL || (uintptr_t)weights % AIT_ALIGNMENT != 0) {
    return ait_fail(AIT_ERR_ARGUMENT, "weights at %p are not aligned to %u bytes", weights, AIT_ALIGNMENT);
  }
  if (ait_checksum(weights, bytes) != program->weights_checksum) {
    return ait_fail(AIT_ERR_WEIGHTS, "the weights' checksum is not that of %s", program->name);
  }
  return AIT_OK;
}

static ait_status read_all(const char *path, FILE *file, void **weights, size_t *bytes) {
  if (fseek(file, 0, SEEK_END) != 0) return ait_fail(AIT_ERR_IO, "%s: cannot seek", path);
  const long size = ftell(file);
  if (size < 0) return ait_fail(AIT_ERR_IO, "%s: cannot tell its size", path);
  rewind(file);
  void *data = ait_alloc((size_t)size);
  if (data == NULL) return ait_fail(AIT_ERR_NO_MEMORY, "%s: %ld bytes", path, size);
  if (fread(data, 1, (size_t)size, file) != (size_t)size) {
    free(data);
    return ait_fail(AIT_ERR_IO, "%s: read error", path);
  }
  *weights = data;
  *bytes = (size_t)size;
  return AIT_OK;
}

ait_status ait_weights_read(const char *path, void **weights, size_t *bytes) {
  if (path == NULL || weights == NULL || bytes == NULL) return ait_fail(AIT_ERR_ARGUMENT, "null pointer");
  *weights = NULL;
  *bytes = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return ait_fail(AIT_ERR_IO, "%s: cannot open", path);
  const ait_status status = read_all(path, file, weights, bytes);
  fclose(file);
  return status;
}

void ait_weights_free(void *weights) { free(weights); }

/* ---- Create and destroy ---- */

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void *ait_alloc(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  /* C11 wants a multiple of the alignment; AIT_ALIGNMENT bytes of it at least are slack. */
  return aligned_alloc(AIT_PLACEMENT, round_up(bytes + AIT_ALIGNMENT, AIT_PLACEMENT));
}

static bool allocate_tensors(void **buffers, const ait_tensor_desc *descs, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    if (descs[i].elements > SIZE_MAX / 8) return false;
    const size_t bytes = descs[i].elements * sizeof(float);
    buffers[i] = ait_alloc(bytes);
    if (buffers[i] == NULL) return false;
    memset(buffers[i], 0, bytes);
  }
  return true;
}

static bool allocate(ait_context *ctx) {
  const ait_program *program = ctx->program;
  ctx->inputs = calloc(program->input_count + program->output_count + 1, sizeof(void *));
  ctx->layer_ns = calloc(program->layer_count + 1, sizeof(uint64_t));
  if (ctx->inputs == NULL || ctx->layer_ns == NULL) return false;
  ctx->outputs = ctx->inputs + program->input_count;
  if (program->scratch_bytes > SIZE_MAX / 2 / MAX_THREADS) return false;
  ctx->scratch_stride = round_up(program->scratch_bytes, AIT_ALIGNMENT);
  ctx->arena = ait_alloc(program->arena_bytes);
  ctx->scratch = ait_alloc(ctx->scratch_stride * ctx->threads);
  return ctx->arena != NULL && ctx->scratch != NULL &&
         allocate_tensors(ctx->inputs, program->inputs, program->input_count) &&
         allocate_tensors(ctx->outputs, program->outputs, program->output_count);
}

static size_t online_cores(void) {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (size_t)cores;
}

static ait_status build(ait_context *ctx) {
  if (!allocate(ctx)) return ait_fail(AIT_ERR_NO_MEMORY, "buffers of %s", ctx->program->name);
  if (ctx->threads > 1) {
    ctx->pool = pthreadpool_create(ctx->threads);
    if (ctx->pool == NULL) return ait_fail(AIT_ERR_THREADS, "%zu threads", ctx->threads);
  }
  return ctx->program->create == NULL ? AIT_OK : ctx->program->create(ctx, ctx->weights);
}

static ait_status check_arguments(const ait_program *program, int threads) {
  if (program == NULL) return ait_fail(AIT_ERR_ARGUMENT, "null program");
  if (program->abi_version != AIT_ABI_VERSION) {
    return ait_fail(AIT_ERR_ABI, "the object has ABI %" PRIu64 ", the runtime %u", program->abi_version,
                    AIT_ABI_VERSION);
  }
  if (threads < 0 || threads > MAX_THREADS) {
    return ait_fail(AIT_ERR_ARGUMENT, "%d threads, not 0 to %d", threads, MAX_THREADS);
  }
  return AIT_OK;
}

ait_status ait_create(const ait_program *program, const void *weights, size_t weights_bytes, int threads,
                      ait_context **out) {
  if (out == NULL) return ait_fail(AIT_ERR_ARGUMENT, "null out");
  *out = NULL;
  ait_status status = check_core();
  if (status == AIT_OK) status = check_arguments(program, threads);
  if (status == AIT_OK) status = check_weights(program, weights, weights_bytes);
  if (status != AIT_OK) return status;
  ait_context *ctx = calloc(1, sizeof *ctx);
  if (ctx == NULL) return ait_fail(AIT_ERR_NO_MEMORY, "context");
  ctx->program = program;
  ctx->weights = weights;
  ctx->threads = threads == 0 ? online_cores() : (size_t)threads;
  status = build(ctx);
  if (status == AIT_OK) {
    *out = ctx;
  } else {
    ait_destroy(ctx);
  }
  return status;
}

void ait_destroy(ait_context *ctx) {
  if (ctx == NULL) return;
  if (ctx->xnn_destroy != NULL) ctx->xnn_destroy(ctx);
  if (ctx->pool != NULL) pthreadpool_destroy(ctx->pool);
  const uint64_t buffers = ctx->inputs == NULL ? 0 : ctx->program->input_count + ctx->program->output_count;
  for (uint64_t i = 0; i < buffers; i++) free(ctx->inputs[i]);
  free(ctx->inputs);
  free(ctx->layer_ns);
  free(ctx->arena);
  free(ctx->scratch);
  free(ctx);
}

/* ---- Run ---- */

float *ait_input(ait_context *ctx, size_t index) {
  return ctx != NULL && index < ctx->program->input_count ? ctx->inputs[index] : NULL;
}

const float *ait_output(const ait_context *ctx, size_t index) {
  return ctx != NULL && index < ctx->program->output_count ? ctx->outputs[index] : NULL;
}

const ait_program *ait_context_program(const ait_context *ctx) { return ctx->program; }

size_t ait_context_threads(const ait_context *ctx) { return ctx->threads; }

ait_status ait_run(ait_context *ctx) {
  if (ctx == NULL) return ait_fail(AIT_ERR_ARGUMENT, "null context");
  if (ctx->profile) ctx->profile_runs++;
  return ctx->program->run(ctx, ctx->inputs, ctx->outputs, ctx->arena, ctx->weights);
}

typedef struct kernel_call {
  ait_kernel kernel;
  void *const *args;
  unsigned char *scratch;
  size_t scratch_stride;
} kernel_call;

static void run_task(void *argument, size_t thread, size_t task) {
  const kernel_call *call = argument;
  call->kernel(call->args, (float *)(void *)(call->scratch + thread * call->scratch_stride), task);
}

ait_status ait_parallel(ait_context *ctx, uint32_t layer, ait_kernel kernel, void *const *args, size_t tasks) {
  if (layer >= ctx->program->layer_count) return ait_fail(AIT_ERR_ARGUMENT, "no layer %" PRIu32, layer);
  kernel_call call = {kernel, args, ctx->scratch, ctx->scratch_stride};
  const uint64_t begin = ait_layer_begin(ctx);
  if (ctx->pool == NULL || tasks == 1) {
    for (size_t task = 0; task < tasks; task++) run_task(&call, 0, task);
  } else {
    pthreadpool_parallelize_1d_with_thread(ctx->pool, run_task, &call, tasks, 0);
  }
  ait_layer_end(ctx, layer, begin);
  return AIT_OK;
}

void ait_poison(ait_context *ctx) {
  /* All ones is a quiet NaN. */
  const ait_program *program = ctx->program;
  memset(ctx->arena, 0xff, program->arena_bytes);
  memset(ctx->scratch, 0xff, ctx->scratch_stride * ctx->threads);
  for (uint64_t i = 0; i < program->output_count; i++) {
    memset(ctx->outputs[i], 0xff, program->outputs[i].elements * sizeof(float));
  }
}

/* ---- Profile ---- */

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* Never inlined: the meter (tools/meter) tells layers by these calls. */
__attribute__((noinline)) uint64_t ait_layer_begin(const ait_context *ctx) { return ctx->profile ? now_ns() : 0; }

__attribute__((noinline)) void ait_layer_end(ait_context *ctx, uint32_t layer, uint64_t begin) {
  if (ctx->profile) ctx->layer_ns[layer] += now_ns() - begin;
}

void ait_set_profile(ait_context *ctx, bool enabled) {
  ctx->profile = enabled;
  if (!enabled) return;
  ctx->profile_runs = 0;
  memset(ctx->layer_ns, 0, ctx->program->layer_count * sizeof(uint64_t));
}

ait_status ait_run_profiled(ait_context *ctx) {
  if (ctx == NULL) return ait_fail(AIT_ERR_ARGUMENT, "null context");
  if (!ctx->profile) ait_set_profile(ctx, true);
  return ait_run(ctx);
}

uint64_t ait_layer_ns(const ait_context *ctx, size_t layer) {
  return layer < ctx->program->layer_count ? ctx->layer_ns[layer] : 0;
}

uint64_t ait_profile_runs(const ait_context *ctx) { return ctx->profile_runs; }

static void write_json_string(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *c = (const unsigned char *)(text == NULL ? "" : text); *c != 0; c++) {
    if (*c == '"' || *c == '\\') {
      fprintf(file, "\\%c", *c);
    } else if (*c < 0x20) {
      fprintf(file, "\\u%04x", *c);
    } else {
      fputc(*c, file);
    }
  }
  fputc('"', file);
}

static void write_json_layer(FILE *file, const ait_layer_desc *layer, uint64_t ns) {
  const struct {
    const char *key, *text;
  } fields[] = {{"name", layer->name}, {"op", layer->op}, {"kernel", layer->kernel}, {"layout", layer->layout}};
  fputs("    {", file);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    fprintf(file, "\"%s\": ", fields[i].key);
    write_json_string(file, fields[i].text);
    fputs(", ", file);
  }
  fprintf(file, "\"macs\": %" PRIu64 ", \"ns\": %" PRIu64 "}", layer->macs, ns);
}

ait_status ait_profile_json(const ait_context *ctx, FILE *file) {
  const ait_program *program = ctx->program;
  uint64_t total = 0;
  for (uint64_t i = 0; i < program->layer_count; i++) total += ctx->layer_ns[i];
  fputs("{\n  \"model\": ", file);
  write_json_string(file, program->name);
  fprintf(file, ",\n  \"vlen\": %zu,\n  \"threads\": %zu,\n  \"runs\": %" PRIu64 ",\n  \"ns\": %" PRIu64, ait_vlen(),
          ctx->threads, ctx->profile_runs, total);
  fputs(",\n  \"layers\": [", file);
  for (uint64_t i = 0; i < program->layer_count; i++) {
    fputs(i == 0 ? "\n" : ",\n", file);
    write_json_layer(file, &program->layers[i], ctx->layer_ns[i]);
  }
  fputs("\n  ]\n}\n", file);
  return fflush(file) != 0 || ferror(file) ? ait_fail(AIT_ERR_IO, "the profile could not be written") : AIT_OK;
}
