/* ait_main.c - runs one model from the command line.
 * Build with -DAIT_PROGRAM=<model>_program, and with -DAIT_WEIGHTS=<model>_weights
 * -DAIT_WEIGHTS_END=<model>_weights_end if ait_weights.S is linked.
 * Exit codes: 0 done, 1 error, 3 no vector unit. */
#define _POSIX_C_SOURCE 200809L
#include "ait_npy.h"
#include "ait_runtime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const ait_program AIT_PROGRAM;
#define PROGRAM (&AIT_PROGRAM)
#ifdef AIT_WEIGHTS
extern const unsigned char AIT_WEIGHTS[], AIT_WEIGHTS_END[];
#endif

enum { EXIT_NO_VECTOR = 3 };

/* Files in the order of the program's inputs or outputs; null where none was given. */
typedef struct files {
  const char **path;
  const ait_tensor_desc *descs;
  uint64_t count;
} files;

typedef struct options {
  files inputs, outputs;
  const char *weights, *profile;
  long threads, repeat;
  bool poison, help;
} options;

static int fail(const char *what, const char *detail) {
  fprintf(stderr, "error: %s%s%s\n", what, *detail == 0 ? "" : ": ", detail);
  return EXIT_FAILURE;
}

static int fail_status(ait_status status) {
  fail(ait_status_string(status), ait_error_detail());
  return status == AIT_ERR_NO_VECTOR ? EXIT_NO_VECTOR : EXIT_FAILURE;
}

/* ---- Command line ---- */

/* A name from the model: it may have characters that a terminal acts on. */
static void print_name(const char *name) {
  for (; *name != 0; name++) putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
}

static void print_tensors(const char *title, const ait_tensor_desc *descs, uint64_t count) {
  printf("%s\n", title);
  for (uint64_t i = 0; i < count; i++) {
    char shape[192];
    ait_shape_string(&descs[i], shape, sizeof shape);
    printf("  ");
    print_name(descs[i].name);
    printf("  %s\n", shape);
  }
}

static void print_help(const char *self) {
  printf("usage: %s [options] [input.npy ...]\n"
         "  --input [name=]file.npy   an input; without a name the next one in order\n"
         "  --output [name=]file.npy  where to write an output\n"
         "  --weights file            the weights%s\n"
         "  --threads N               threads, 0 for one per core (default 1)\n"
         "  --repeat N                runs after a first one, timed (default 0)\n"
         "  --profile file.json       time per layer\n"
         "  --poison                  fill all buffers with NaN first\n",
         self,
#ifdef AIT_WEIGHTS
         " instead of the embedded ones"
#else
         " (required)"
#endif
  );
  print_tensors("inputs", PROGRAM->inputs, PROGRAM->input_count);
  print_tensors("outputs", PROGRAM->outputs, PROGRAM->output_count);
}

/* Which tensor `text` names, as `name=path`, or -1: of names with `=` in them the longest that fits. */
static int64_t named(const files *files, const char *text, size_t *length) {
  int64_t found = -1;
  *length = 0;
  for (uint64_t i = 0; i < files->count; i++) {
    const size_t size = strlen(files->descs[i].name);
    if (strncmp(text, files->descs[i].name, size) == 0 && text[size] == '=' && (found < 0 || size > *length)) {
      found = (int64_t)i;
      *length = size;
    }
  }
  return found;
}

/* A file `[name=]path`. All with a name come first; the others take what is left, in order. */
static bool add_file(files *files, const char *text, bool with_name) {
  size_t length;
  int64_t at = named(files, text, &length);
  if ((at >= 0) != with_name) return true;
  if (with_name) {
    if (files->path[at] != NULL) return false;
    files->path[at] = text + length + 1;
    return true;
  }
  for (at = 0; (uint64_t)at < files->count && files->path[at] != NULL; at++) continue;
  if ((uint64_t)at == files->count) return false;
  files->path[at] = text;
  return true;
}

static bool parse_count(const char *text, long *out) {
  char *end = NULL;
  const long value = strtol(text, &end, 10);
  if (end == text || *end != 0 || value < 0 || value > 1000000000) return false;
  *out = value;
  return true;
}

/* One option with a value; false if unknown or the value is wrong. */
static bool parse_valued(options *o, const char *name, const char *value, bool with_name) {
  if (strcmp(name, "--input") == 0) return add_file(&o->inputs, value, with_name);
  if (strcmp(name, "--output") == 0) return add_file(&o->outputs, value, with_name);
  if (strcmp(name, "--threads") == 0) return parse_count(value, &o->threads);
  if (strcmp(name, "--repeat") == 0) return parse_count(value, &o->repeat);
  if (strcmp(name, "--weights") == 0) return (o->weights = value, true);
  if (strcmp(name, "--profile") == 0) return (o->profile = value, true);
  return false;
}

/* The argument that is wrong, or null. Takes the files with names, or those without. */
static const char *parse(options *o, int argc, char **argv, bool with_name) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      o->help = true;
    } else if (strcmp(argv[i], "--poison") == 0) {
      o->poison = true;
    } else if (argv[i][0] != '-') {
      if (!add_file(&o->inputs, argv[i], with_name)) return argv[i];
    } else if (i + 1 == argc || !parse_valued(o, argv[i], argv[i + 1], with_name)) {
      return argv[i];
    } else {
      i++;
    }
  }
  return NULL;
}

/* ---- Work ---- */

static ait_status create(const options *o, void **owned, ait_context **ctx) {
  const void *weights = NULL;
  size_t bytes = 0;
#ifdef AIT_WEIGHTS
  weights = AIT_WEIGHTS;
  bytes = (size_t)(AIT_WEIGHTS_END - AIT_WEIGHTS);
#endif
  if (o->weights != NULL && ait_vlen() != 0) {
    const ait_status status = ait_weights_read(o->weights, owned, &bytes);
    if (status != AIT_OK) return status;
    weights = *owned;
  }
  return ait_create(PROGRAM, weights, bytes, (int)o->threads, ctx);
}

static int read_inputs(const options *o, ait_context *ctx) {
  for (uint64_t i = 0; i < PROGRAM->input_count; i++) {
    if (o->inputs.path[i] == NULL) return fail("no file for input", PROGRAM->inputs[i].name);
    const ait_status status = ait_npy_read(o->inputs.path[i], &PROGRAM->inputs[i], ait_input(ctx, i));
    if (status != AIT_OK) return fail_status(status);
  }
  return EXIT_SUCCESS;
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static ait_status run(const options *o, ait_context *ctx) {
  if (o->poison) ait_poison(ctx);
  if (o->repeat == 0 && o->profile != NULL) ait_set_profile(ctx, true);
  ait_status status = ait_run(ctx);
  if (status != AIT_OK || o->repeat == 0) return status;
  if (o->profile != NULL) ait_set_profile(ctx, true); /* without the first, cold run */
  const double start = seconds();
  for (long i = 0; i < o->repeat && status == AIT_OK; i++) status = ait_run(ctx);
  if (status == AIT_OK) {
    printf("%ld runs, %.3f ms each, %zu threads\n", o->repeat, 1e3 * (seconds() - start) / (double)o->repeat,
           ait_context_threads(ctx));
  }
  return status;
}

static ait_status write_profile(const char *path, const ait_context *ctx) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return AIT_ERR_IO;
  const ait_status status = ait_profile_json(ctx, file);
  return fclose(file) == 0 ? status : AIT_ERR_IO;
}

static int write_results(const options *o, ait_context *ctx) {
  for (uint64_t i = 0; i < PROGRAM->output_count; i++) {
    if (o->outputs.path[i] == NULL) continue;
    const ait_status status = ait_npy_write(o->outputs.path[i], &PROGRAM->outputs[i], ait_output(ctx, i));
    if (status != AIT_OK) return fail_status(status);
  }
  if (o->profile != NULL && write_profile(o->profile, ctx) != AIT_OK) return fail(o->profile, "cannot write");
  return EXIT_SUCCESS;
}

static int infer(const options *o) {
  void *weights = NULL;
  ait_context *ctx = NULL;
  ait_status status = create(o, &weights, &ctx);
  if (status != AIT_OK) return fail_status(status);
  int code = read_inputs(o, ctx);
  if (code == EXIT_SUCCESS) {
    status = run(o, ctx);
    code = status == AIT_OK ? write_results(o, ctx) : fail_status(status);
  }
  ait_destroy(ctx);
  ait_weights_free(weights);
  return code;
}

static int act(options *o, int argc, char **argv) {
  const char *wrong = parse(o, argc, argv, true);
  if (wrong == NULL) wrong = parse(o, argc, argv, false);
  if (wrong != NULL) return fail("unknown, incomplete or repeated argument (see --help)", wrong);
  if (o->help) return print_help(argv[0]), EXIT_SUCCESS;
  return infer(o);
}

int main(int argc, char **argv) {
  options o = {.inputs = {.descs = PROGRAM->inputs, .count = PROGRAM->input_count},
               .outputs = {.descs = PROGRAM->outputs, .count = PROGRAM->output_count},
               .threads = 1};
  o.inputs.path = calloc(o.inputs.count + 1, sizeof *o.inputs.path);
  o.outputs.path = calloc(o.outputs.count + 1, sizeof *o.outputs.path);
  const bool allocated = o.inputs.path != NULL && o.outputs.path != NULL;
  int code = allocated ? act(&o, argc, argv) : fail("out of memory", "");
  free(o.inputs.path);
  free(o.outputs.path);
  /* What was printed may still be in a buffer. */
  if (fflush(stdout) != 0 && code == EXIT_SUCCESS) code = fail("cannot write standard output", "");
  return code;
}
