// Runs the cases of ait_runtime::kernel_test and writes what happened.
//
// usage: driver CASES RESULTS
//
// Every buffer ends at a page that must not be touched, and starts after a canary that must not
// change. Read-only buffers are in read-only pages. The scratch is poisoned before every task, and
// tasks run from the last to the first: they may not depend on each other.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void kernel_fn(void *const *args, float *scratch, size_t task);
extern kernel_fn *const ait_test_kernels[];

enum { PAGE = 4096, CANARY = 8192, NO_ARG = -1 };
enum { READ_ONLY, WRITABLE, ALIAS };
enum { RAN, FAULTED, CANARY_DEAD };
static const uint32_t POISON = 0x7fc0dead;

typedef struct {
  uint64_t kind;
  uint64_t length;  // elements; of an alias: the aliased argument
  uint64_t offset;  // of an alias: its first element in that argument
  char *base;       // of the whole mapping
  size_t data_at;   // bytes from base to the first element
  size_t guard_at;  // bytes from base to the forbidden page
} buffer;

static sigjmp_buf recover;
static volatile uintptr_t fault_address;

static void die(const char *what) {
  fprintf(stderr, "kernel_test: %s\n", what);
  exit(2);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  fault_address = (uintptr_t)info->si_addr;
  siglongjmp(recover, 1);
}

static uint64_t next(FILE *in) {
  uint64_t value;
  if (fread(&value, sizeof value, 1, in) != 1) die("the case file is too short");
  return value;
}

static void put(FILE *out, uint64_t value) {
  if (fwrite(&value, sizeof value, 1, out) != 1) die("cannot write the results");
}

static void poison(char *from, const char *to) {
  for (; from < to; from += sizeof POISON) memcpy(from, &POISON, sizeof POISON);
}

static int poisoned(const char *from, const char *to) {
  for (; from < to; from += sizeof POISON)
    if (memcmp(from, &POISON, sizeof POISON)) return 0;
  return 1;
}

// Room for `bytes` that end at the forbidden page, but for `align`.
static void map(buffer *b, size_t bytes, size_t align) {
  bytes = (bytes + align - 1) / align * align;
  b->guard_at = (CANARY + bytes + PAGE - 1) / PAGE * PAGE;
  b->data_at = b->guard_at - bytes;
  b->base = mmap(NULL, b->guard_at + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b->base == MAP_FAILED) die("out of memory");
  if (mprotect(b->base + b->guard_at, PAGE, PROT_NONE)) die("mprotect failed");
  poison(b->base, b->base + b->guard_at);
}

static void unmap(buffer *b) {
  if (b->base) munmap(b->base, b->guard_at + PAGE);
}

static buffer read_buffer(FILE *in) {
  buffer b = {.kind = next(in), .length = next(in), .offset = next(in)};
  if (b.kind == ALIAS) return b;
  map(&b, b.length * sizeof(float), sizeof(float));
  if (fread(b.base + b.data_at, sizeof(float), b.length, in) != b.length) die("the case file is too short");
  if (b.kind == READ_ONLY && mprotect(b.base, b.guard_at, PROT_READ)) die("mprotect failed");
  return b;
}

// Which argument `address` is in or next to; its distance in bytes from the first element.
static int64_t owner(const buffer *buffers, size_t count, uintptr_t address, int64_t *distance) {
  for (size_t i = 0; i < count; i++) {
    uintptr_t base = (uintptr_t)buffers[i].base;
    if (!base || address < base || address >= base + buffers[i].guard_at + PAGE) continue;
    *distance = (int64_t)(address - base) - (int64_t)buffers[i].data_at;
    return (int64_t)i;
  }
  *distance = (int64_t)address;
  return NO_ARG;
}

static void call(kernel_fn *kernel, void **args, buffer *scratch, size_t tasks) {
  float *memory = (float *)(scratch->base + scratch->data_at);
  for (size_t task = tasks; task-- > 0;) {
    poison(scratch->base + scratch->data_at, scratch->base + scratch->guard_at);
    kernel(args, memory, task);
  }
}

static void run_case(FILE *in, FILE *out) {
  kernel_fn *kernel = ait_test_kernels[next(in)];
  size_t tasks = next(in), scratch_bytes = next(in), count = next(in);
  // The last buffer is the scratch.
  buffer *buffers = calloc(count + 1, sizeof *buffers);
  void **args = calloc(count + 1, sizeof *args);
  if (!buffers || !args) die("out of memory");
  for (size_t i = 0; i < count; i++) buffers[i] = read_buffer(in);
  for (size_t i = 0; i < count; i++) {
    const buffer *b = &buffers[i], *to = b->kind == ALIAS ? &buffers[b->length] : b;
    args[i] = to->base + to->data_at + b->offset * sizeof(float);
  }
  map(&buffers[count], scratch_bytes, 64);

  volatile uint64_t status = RAN;
  int64_t arg = NO_ARG, distance = 0;
  if (sigsetjmp(recover, 1)) {
    status = FAULTED;
    arg = owner(buffers, count + 1, fault_address, &distance);
  } else {
    call(kernel, args, &buffers[count], tasks);
  }
  for (size_t i = 0; status == RAN && i <= count; i++) {
    if (!buffers[i].base || poisoned(buffers[i].base, buffers[i].base + buffers[i].data_at)) continue;
    status = CANARY_DEAD;
    arg = (int64_t)i;
  }

  put(out, status), put(out, (uint64_t)arg), put(out, (uint64_t)distance);
  for (size_t i = 0; i < count; i++) {
    const buffer *b = &buffers[i];
    if (b->kind == WRITABLE && fwrite(b->base + b->data_at, sizeof(float), b->length, out) != b->length)
      die("cannot write the results");
  }
  for (size_t i = 0; i <= count; i++) unmap(&buffers[i]);
  free(buffers), free(args);
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: driver CASES RESULTS");
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (!in || !out) die("cannot open the files");
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL), sigaction(SIGILL, &action, NULL);
  for (uint64_t cases = next(in); cases > 0; cases--) run_case(in, out);
  if (fclose(out)) die("cannot write the results");
  return 0;
}
