/* ait_pool.c - pthreadpool's calls on one thread, linked instead of it by programs that are metered with several
 * threads (tools/meter, docs/measuring.md). A loop's tasks are split as pthreadpool splits them at first: a range for
 * each thread, ranges alike up to one task; nobody takes tasks of others. Threads take turns, one task each, and a mark
 * before a task tells whose it is. Calls that are not here do not link. */
#include <pthreadpool.h>

#include <stdlib.h>

/* The meter looks for these calls; their second argument is the number. The barrier keeps them and their place. */
__attribute__((noinline)) void ait_threads_begin(pthreadpool_t pool, size_t threads) {
  __asm__ volatile("" : "+r"(pool), "+r"(threads)::"memory");
}
__attribute__((noinline)) void ait_thread(pthreadpool_t pool, size_t thread) {
  __asm__ volatile("" : "+r"(pool), "+r"(thread)::"memory");
}
__attribute__((noinline)) void ait_threads_end(pthreadpool_t pool) { __asm__ volatile("" : "+r"(pool)::"memory"); }

enum { MAX_DIMS = 6 };

/* A nest of loops and the place in it; the last one is the innermost. */
typedef struct nest {
  size_t dims;
  size_t range[MAX_DIMS];
  size_t step[MAX_DIMS]; /* 0 is 1: an inner loop that is not tiled */
  size_t index[MAX_DIMS];
} nest;

typedef struct share {
  nest at;
  size_t left;
} share;

struct pthreadpool {
  size_t threads;
  share shares[];
};

typedef void (*any_task)(void);
typedef struct job {
  void (*call)(const struct job *job, const nest *at, size_t thread);
  any_task task;
  void *context;
} job;

pthreadpool_t pthreadpool_create(size_t threads) {
  if (threads == 0) return NULL;
  pthreadpool_t pool = calloc(1, sizeof *pool + threads * sizeof *pool->shares);
  if (pool != NULL) pool->threads = threads;
  return pool;
}

void pthreadpool_destroy(pthreadpool_t pool) { free(pool); }

size_t pthreadpool_get_threads_count(pthreadpool_t pool) { return pool == NULL ? 1 : pool->threads; }

static size_t steps(const nest *nest, size_t dim) {
  const size_t step = nest->step[dim], range = nest->range[dim];
  return range / step + (range % step != 0);
}

static void seek(nest *nest, size_t task) {
  for (size_t dim = nest->dims; dim-- > 0;) {
    nest->index[dim] = task % steps(nest, dim) * nest->step[dim];
    task /= steps(nest, dim);
  }
}

static void next(nest *nest) {
  for (size_t dim = nest->dims; dim-- > 0;) {
    nest->index[dim] += nest->step[dim];
    if (nest->index[dim] < nest->range[dim]) return;
    nest->index[dim] = 0;
  }
}

static void take_turns(pthreadpool_t pool, const job *job, const nest *all, size_t tasks) {
  const size_t each = tasks / pool->threads, more = tasks % pool->threads;
  size_t first = 0;
  for (size_t thread = 0; thread < pool->threads; thread++) {
    share *share = &pool->shares[thread];
    share->at = *all;
    share->left = each + (thread < more);
    if (share->left > 0) seek(&share->at, first);
    first += share->left;
  }
  ait_threads_begin(pool, pool->threads);
  for (size_t thread = 0; tasks > 0; thread = thread + 1 == pool->threads ? 0 : thread + 1) {
    share *share = &pool->shares[thread];
    if (share->left == 0) continue;
    ait_thread(pool, thread);
    job->call(job, &share->at, thread);
    next(&share->at);
    share->left--;
    tasks--;
  }
  ait_threads_end(pool);
}

/* As pthreadpool, without help for a single task. Flags are about denormals, which stay, and about yielding. */
static void run(pthreadpool_t pool, const job *job, nest all) {
  size_t tasks = 1;
  for (size_t dim = 0; dim < all.dims; dim++) {
    if (all.step[dim] == 0) all.step[dim] = 1;
    tasks *= steps(&all, dim);
  }
  if (pool != NULL && pool->threads > 1 && tasks > 1) {
    take_turns(pool, job, &all, tasks);
    return;
  }
  for (; tasks > 0; tasks--, next(&all)) job->call(job, &all, 0);
}

/* Index and size of the tile in one dimension. */
#define I(dim) at->index[dim]
static size_t tile(const nest *at, size_t dim) {
  const size_t left = at->range[dim] - at->index[dim];
  return at->step[dim] < left ? at->step[dim] : left;
}
#define T(dim) tile(at, dim)

#define PARALLELIZE(kind, parameters, loops, arguments)                                                              \
  static void call_##kind(const job *job, const nest *at, size_t thread) {                                           \
    (void)thread;                                                                                                    \
    ((pthreadpool_task_##kind##_t)job->task)arguments;                                                               \
  }                                                                                                                  \
  void pthreadpool_parallelize_##kind(pthreadpool_t pool, pthreadpool_task_##kind##_t task, void *context,           \
                                      EXPAND parameters, uint32_t flags) {                                           \
    (void)flags;                                                                                                     \
    const job job = {call_##kind, (any_task)task, context};                                                          \
    const nest all = LOOPS loops;                                                                                    \
    run(pool, &job, all);                                                                                            \
  }
#define EXPAND(...) __VA_ARGS__
#define LOOPS(dims, ranges, steps) {dims, {EXPAND ranges}, {EXPAND steps}, {0}}
#define X job->context

PARALLELIZE(1d, (size_t i), (1, (i), (1)), (X, I(0)))
PARALLELIZE(1d_with_thread, (size_t i), (1, (i), (1)), (X, thread, I(0)))
PARALLELIZE(1d_tile_1d, (size_t i, size_t ti), (1, (i), (ti)), (X, I(0), T(0)))
PARALLELIZE(2d, (size_t i, size_t j), (2, (i, j), (1)), (X, I(0), I(1)))
PARALLELIZE(2d_with_thread, (size_t i, size_t j), (2, (i, j), (1)), (X, thread, I(0), I(1)))
PARALLELIZE(2d_tile_1d, (size_t i, size_t j, size_t tj), (2, (i, j), (1, tj)), (X, I(0), I(1), T(1)))
PARALLELIZE(2d_tile_2d, (size_t i, size_t j, size_t ti, size_t tj), (2, (i, j), (ti, tj)),
            (X, I(0), I(1), T(0), T(1)))
PARALLELIZE(3d, (size_t i, size_t j, size_t k), (3, (i, j, k), (1)), (X, I(0), I(1), I(2)))
PARALLELIZE(3d_tile_1d, (size_t i, size_t j, size_t k, size_t tk), (3, (i, j, k), (1, 1, tk)),
            (X, I(0), I(1), I(2), T(2)))
PARALLELIZE(3d_tile_1d_with_thread, (size_t i, size_t j, size_t k, size_t tk), (3, (i, j, k), (1, 1, tk)),
            (X, thread, I(0), I(1), I(2), T(2)))
PARALLELIZE(3d_tile_2d, (size_t i, size_t j, size_t k, size_t tj, size_t tk), (3, (i, j, k), (1, tj, tk)),
            (X, I(0), I(1), I(2), T(1), T(2)))
PARALLELIZE(4d, (size_t i, size_t j, size_t k, size_t l), (4, (i, j, k, l), (1)), (X, I(0), I(1), I(2), I(3)))
PARALLELIZE(4d_tile_2d, (size_t i, size_t j, size_t k, size_t l, size_t tk, size_t tl),
            (4, (i, j, k, l), (1, 1, tk, tl)), (X, I(0), I(1), I(2), I(3), T(2), T(3)))
PARALLELIZE(5d, (size_t i, size_t j, size_t k, size_t l, size_t m), (5, (i, j, k, l, m), (1)),
            (X, I(0), I(1), I(2), I(3), I(4)))
PARALLELIZE(5d_tile_2d, (size_t i, size_t j, size_t k, size_t l, size_t m, size_t tl, size_t tm),
            (5, (i, j, k, l, m), (1, 1, 1, tl, tm)), (X, I(0), I(1), I(2), I(3), I(4), T(3), T(4)))
PARALLELIZE(6d_tile_2d, (size_t i, size_t j, size_t k, size_t l, size_t m, size_t n, size_t tm, size_t tn),
            (6, (i, j, k, l, m, n), (1, 1, 1, 1, tm, tn)), (X, I(0), I(1), I(2), I(3), I(4), I(5), T(4), T(5)))
