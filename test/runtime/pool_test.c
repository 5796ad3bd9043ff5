/* pool_test.c - runtime/target/ait_pool.c: every task once, in the ranges that pthreadpool gives its threads at first. */
#include "check.h"

#include <pthreadpool.h>
#include <string.h>

enum { THREADS = 3, RANGES = 6, MAX_TASKS = 1024 };
static const size_t ranges[RANGES] = {2, 3, 2, 2, 5, 7};

typedef struct log {
  size_t count;
  size_t thread[MAX_TASKS];
  size_t index[MAX_TASKS][RANGES];
  size_t tile[MAX_TASKS][2];
} log;


static void record(log *log, size_t thread, size_t dims, const size_t *index, size_t a, size_t b) {
  if (log->count == MAX_TASKS) return;
  log->thread[log->count] = thread;
  memcpy(log->index[log->count], index, dims * sizeof *index);
  log->tile[log->count][0] = a;
  log->tile[log->count++][1] = b;
}

static void task_1d(void *to, size_t i) { record(to, 0, 1, (size_t[]){i}, 1, 1); }
static void task_1d_with_thread(void *to, size_t thread, size_t i) { record(to, thread, 1, (size_t[]){i}, 1, 1); }
static void task_1d_tile_1d(void *to, size_t i, size_t a) { record(to, 0, 1, (size_t[]){i}, 1, a); }
static void task_2d_tile_1d(void *to, size_t i, size_t j, size_t a) { record(to, 0, 2, (size_t[]){i, j}, 1, a); }
static void task_2d_tile_2d(void *to, size_t i, size_t j, size_t a, size_t b) {
  record(to, 0, 2, (size_t[]){i, j}, a, b);
}
static void task_3d_tile_1d_with_thread(void *to, size_t thread, size_t i, size_t j, size_t k, size_t a) {
  record(to, thread, 3, (size_t[]){i, j, k}, 1, a);
}
static void task_4d(void *to, size_t i, size_t j, size_t k, size_t l) {
  record(to, 0, 4, (size_t[]){i, j, k, l}, 1, 1);
}
static void task_6d_tile_2d(void *to, size_t i, size_t j, size_t k, size_t l, size_t m, size_t n, size_t a, size_t b) {
  record(to, 0, 6, (size_t[]){i, j, k, l, m, n}, a, b);
}

/* Whether the log has each tile of the first `dims` ranges once, the last two of which have steps `a` and `b`. */
static bool complete(const log *log, size_t dims, size_t a, size_t b) {
  size_t tasks = 0, at[RANGES] = {0};
  for (bool more = true; more; tasks++) {
    size_t found = 0;
    for (size_t task = 0; task < log->count; task++) {
      if (memcmp(log->index[task], at, dims * sizeof *at) != 0) continue;
      const size_t last = ranges[dims - 1] - at[dims - 1];
      const size_t before = dims < 2 ? 1 : ranges[dims - 2] - at[dims - 2];
      found += log->tile[task][0] == (before < a ? before : a) && log->tile[task][1] == (last < b ? last : b);
    }
    if (found != 1) return false;
    more = false;
    for (size_t dim = dims; dim-- > 0 && !more;) {
      at[dim] += dim + 1 == dims ? b : dim + 2 == dims ? a : 1;
      more = at[dim] < ranges[dim];
      if (!more) at[dim] = 0;
    }
  }
  return tasks == log->count;
}

static void every_task_once(pthreadpool_t pool) {
  static log log;
#define R(dim) ranges[dim]
#define RUN(kind, dims, a, b, ...)                                                                                   \
  log.count = 0;                                                                                                     \
  pthreadpool_parallelize_##kind(pool, task_##kind, &log, __VA_ARGS__, 0);                                           \
  check(complete(&log, dims, a, b), #kind)
  RUN(1d, 1, 1, 1, R(0));
  RUN(1d_with_thread, 1, 1, 1, R(0));
  RUN(1d_tile_1d, 1, 1, 2, R(0), 2);
  RUN(2d_tile_1d, 2, 1, 2, R(0), R(1), 2);
  RUN(2d_tile_2d, 2, 3, 2, R(0), R(1), 3, 2);
  RUN(3d_tile_1d_with_thread, 3, 1, 3, R(0), R(1), R(2), 3);
  RUN(4d, 4, 1, 1, R(0), R(1), R(2), R(3));
  RUN(6d_tile_2d, 6, 2, 3, R(0), R(1), R(2), R(3), R(4), R(5), 2, 3);
}

static void ranges_are_contiguous(pthreadpool_t pool) {
  static log log;
  static const size_t of[11] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2};
  log.count = 0;
  pthreadpool_parallelize_1d_with_thread(pool, task_1d_with_thread, &log, 11, 0);
  bool right = log.count == 11;
  for (size_t task = 0; task < log.count; task++) right = right && log.thread[task] == of[log.index[task][0]];
  check(right, "11 tasks of 3 threads are 4, 4 and 3");
  /* Turns: the first task of each, then the second. */
  check(log.thread[0] == 0 && log.thread[1] == 1 && log.thread[2] == 2 && log.thread[3] == 0, "they take turns");
}

int main(void) {
  pthreadpool_t pool = pthreadpool_create(THREADS);
  check(pthreadpool_get_threads_count(pool) == THREADS && pthreadpool_get_threads_count(NULL) == 1, "threads");
  every_task_once(pool);
  every_task_once(NULL);
  ranges_are_contiguous(pool);
  pthreadpool_destroy(pool);
  return checks_failed();
}
