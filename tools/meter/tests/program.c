/* A matrix product in two layers, in a region that is run twice; with an argument, on two threads. */
#include <pthread.h>
#include <riscv_vector.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { M = 8, N = 96, K = 40 };
static float a[M * K], b[K * N], c[M * N];

__attribute__((noinline)) void ait_count_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void ait_count_end(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) uint64_t ait_layer_begin(void *context) {
  __asm__ volatile("" : "+r"(context)::"memory");
  return 0;
}
__attribute__((noinline)) void ait_layer_end(void *context, uint32_t layer, uint64_t begin) {
  __asm__ volatile("" : "+r"(context), "+r"(layer), "+r"(begin)::"memory");
}

__attribute__((noinline)) void product(size_t from, size_t to) {
  for (size_t n = 0, vl; n < N; n += vl) {
    vl = __riscv_vsetvl_e32m2(N - n);
    for (size_t m = from; m < to; m++) {
      vfloat32m2_t sum = __riscv_vfmv_v_f_f32m2(0, vl);
      for (size_t k = 0; k < K; k++)
        sum = __riscv_vfmacc_vf_f32m2(sum, a[m * K + k], __riscv_vle32_v_f32m2(b + k * N + n, vl), vl);
      __riscv_vse32_v_f32m2(c + m * N + n, sum, vl);
    }
  }
}

static void *second(void *unused) {
  product(M / 2, M);
  return unused;
}

static void layers(void) {
  for (uint32_t layer = 0; layer < 2; layer++) {
    const uint64_t begin = ait_layer_begin(c);
    product(0, M / 2 * (layer + 1));
    ait_layer_end(c, layer, begin);
  }
}

static void threads(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, second, NULL) != 0) return;
  product(0, M / 2);
  pthread_join(thread, NULL);
}

int main(int count, char **arguments) {
  (void)arguments;
  for (int i = 0; i < M * K; i++) a[i] = 0.25f * (float)(i % 7);
  for (int i = 0; i < K * N; i++) b[i] = 0.5f * (float)(i % 5);
  for (int run = 0; run < 2; run++) {
    ait_count_begin();
    if (count > 1) threads();
    else layers();
    ait_count_end();
  }
  printf("%g\n", (double)c[M * N - 1]);
  return 0;
}
