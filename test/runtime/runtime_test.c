/* runtime_test.c - contexts, tasks, weights, profile and errors, on the program of demo.c. */
#include "check.h"
#include "demo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 64 };
static _Alignas(AIT_ALIGNMENT) float weights[ELEMENTS + 1];

static ait_context *create(int threads) {
  ait_context *ctx = NULL;
  const ait_status status = ait_create(&demo_program, weights, sizeof(float) * ELEMENTS, threads, &ctx);
  check(status == AIT_OK && ctx != NULL, "create with %d threads: %s", threads, ait_status_string(status));
  return ctx;
}

static void test_run(int threads) {
  const uint64_t at_start = heap_calls;
  ait_context *ctx = create(threads);
  check(heap_calls > at_start, "the heap interposer counts");
  check((uintptr_t)ait_input(ctx, 0) % AIT_ALIGNMENT == 0, "input is aligned");
  check((uintptr_t)ait_output(ctx, 0) % AIT_ALIGNMENT == 0, "output is aligned");
  check(ait_input(ctx, 1) == NULL && ait_output(ctx, 1) == NULL, "no second input or output");
  check(ait_context_threads(ctx) == (size_t)threads, "%d threads", threads);
  for (int i = 0; i < ELEMENTS; i++) ait_input(ctx, 0)[i] = (float)(i - 32);
  ait_poison(ctx);
  check(isnan(ait_output(ctx, 0)[ELEMENTS - 1]), "poison fills the output");
  bool right = true;
  const uint64_t before = heap_calls;
  for (int repeat = 0; repeat < 200; repeat++) {
    right = ait_run(ctx) == AIT_OK && right;
    for (int i = 0; i < ELEMENTS; i++) right = ait_output(ctx, 0)[i] == fmaxf(0.5f * (float)(i - 32) + 1, 0) && right;
  }
  check(right, "200 runs with %d threads", threads);
  check(heap_calls == before, "200 runs use no heap");
  ait_destroy(ctx);
}

static char *profile_text(const ait_context *ctx) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  check(ait_profile_json(ctx, file) == AIT_OK, "profile written");
  fclose(file);
  return text;
}

static void test_profile(void) {
  ait_context *ctx = create(2);
  ait_run(ctx);
  check(ait_layer_ns(ctx, 0) == 0 && ait_profile_runs(ctx) == 0, "no profile unless asked");
  for (int i = 0; i < 3; i++) ait_run_profiled(ctx);
  check(ait_profile_runs(ctx) == 3, "3 profiled runs");
  check(ait_layer_ns(ctx, 0) > 0 && ait_layer_ns(ctx, 1) > 0 && ait_layer_ns(ctx, 2) == 0, "layers are timed");
  char *text = profile_text(ctx);
  check(strstr(text, "\"runs\": 3,") != NULL, "profile has runs");
  check(strstr(text, "{\"name\": \"Relu \\\"1\\\"\", \"op\": \"rvv.unary\", \"kernel\": \"relu\", \"layout\": \"NCHW\", "
                     "\"macs\": 0, \"ns\": ") != NULL, "profile has layers, with names escaped");
  free(text);
  ait_set_profile(ctx, true);
  check(ait_layer_ns(ctx, 0) == 0 && ait_profile_runs(ctx) == 0, "starting the profile resets it");
  ait_destroy(ctx);
}

static void expect(const char *what, ait_status want, const ait_program *program, const void *data, size_t bytes,
                   int threads) {
  ait_context *ctx = (void *)(uintptr_t)1;
  const ait_status got = ait_create(program, data, bytes, threads, &ctx);
  check(got == want && ctx == NULL, "%s: %s: %s", what, ait_status_string(got), ait_error_detail());
}

static ait_status failing_create(ait_context *ctx, const void *data) {
  (void)ctx, (void)data;
  return AIT_ERR_XNNPACK;
}

static void test_errors(void) {
  const size_t bytes = sizeof(float) * ELEMENTS;
  ait_program program = demo_program;
  expect("null program", AIT_ERR_ARGUMENT, NULL, weights, bytes, 1);
  expect("negative threads", AIT_ERR_ARGUMENT, &program, weights, bytes, -1);
  expect("too many threads", AIT_ERR_ARGUMENT, &program, weights, bytes, 100000);
  expect("no weights", AIT_ERR_WEIGHTS, &program, NULL, 0, 1);
  expect("null weights", AIT_ERR_ARGUMENT, &program, NULL, bytes, 1);
  expect("short weights", AIT_ERR_WEIGHTS, &program, weights, bytes - 1, 1);
  expect("misaligned weights", AIT_ERR_ARGUMENT, &program, weights + 1, bytes, 1);
  weights[63] = 0.75f;
  expect("changed weights", AIT_ERR_WEIGHTS, &program, weights, bytes, 1);
  weights[63] = 0.5f;
  program.abi_version++;
  expect("other ABI", AIT_ERR_ABI, &program, weights, bytes, 1);
  program = demo_program;
  program.arena_bytes = UINT64_C(1) << 60;
  expect("huge arena", AIT_ERR_NO_MEMORY, &program, weights, bytes, 1);
  program.arena_bytes = UINT64_MAX;
  expect("impossible arena", AIT_ERR_NO_MEMORY, &program, weights, bytes, 1);
  program = demo_program;
  program.scratch_bytes = UINT64_MAX / 2;
  expect("impossible scratch", AIT_ERR_NO_MEMORY, &program, weights, bytes, 4);
  program = demo_program;
  program.create = failing_create;
  expect("failing create function", AIT_ERR_XNNPACK, &program, weights, bytes, 2);
  check(ait_create(&demo_program, weights, bytes, 1, NULL) == AIT_ERR_ARGUMENT, "null out");
  check(ait_run(NULL) == AIT_ERR_ARGUMENT && ait_input(NULL, 0) == NULL, "null context");
  ait_destroy(NULL);
  void *data = NULL;
  size_t size = 0;
  check(ait_weights_read("does/not/exist", &data, &size) == AIT_ERR_IO && data == NULL, "no weights file: %s",
        ait_error_detail());
  check(ait_weights_read(".", &data, &size) != AIT_OK && data == NULL, "a directory: %s", ait_error_detail());
  for (int status = 0; status <= AIT_ERR_IO; status++) {
    check(strcmp(ait_status_string((ait_status)status), "unknown status") != 0, "status %d has a sentence", status);
  }
}

static void test_checksum(void) {
  /* Values of the definition in ait_runtime.h, computed by run.sh. */
  check(ait_checksum("", 0) == UINT64_C(0xcbf29ce484222325), "checksum of nothing");
  check(ait_checksum("a", 1) == CHECKSUM_A, "checksum of 1 byte");
  check(ait_checksum("0123456789", 10) == CHECKSUM_10, "checksum of 10 bytes");
}

int main(void) {
  for (int i = 0; i < ELEMENTS; i++) weights[i] = 0.5f;
  check(ait_vlen() >= 128, "VLEN %zu", ait_vlen());
  test_checksum();
  for (int threads = 1; threads <= 4; threads *= 2) test_run(threads);
  test_profile();
  test_errors();
  ait_context *ctx = create(0);
  check(ait_context_threads(ctx) >= 1, "threads 0: one per core");
  ait_destroy(ctx);
  return checks_failed();
}
