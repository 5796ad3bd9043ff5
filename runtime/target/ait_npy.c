/* ait_npy.c - see ait_npy.h. */
#define _POSIX_C_SOURCE 200809L
#include "ait_npy.h"
#include "ait_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const unsigned char MAGIC[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { MAX_HEADER = 65536 };

void ait_shape_string(const ait_tensor_desc *desc, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s", desc->rank == 0 ? "scalar" : "");
  for (uint64_t i = 0; i < desc->rank && used < size; i++) {
    used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i == 0 ? "" : "x", desc->dims[i]);
  }
}

/* ---- Reading ---- */

/* The header's dictionary into `text`, zero-terminated. */
static ait_status read_header(FILE *file, const char *path, char *text) {
  unsigned char start[12];
  if (fread(start, 1, 8, file) != 8 || memcmp(start, MAGIC, sizeof MAGIC) != 0) {
    return ait_fail(AIT_ERR_IO, "%s: not a .npy file", path);
  }
  const unsigned major = start[6];
  if (major < 1 || major > 3) return ait_fail(AIT_ERR_IO, "%s: .npy format %u, not 1 to 3", path, major);
  const size_t field = major == 1 ? 2 : 4;
  if (fread(start + 8, 1, field, file) != field) return ait_fail(AIT_ERR_IO, "%s: truncated header", path);
  size_t length = start[8] | (size_t)start[9] << 8;
  if (major > 1) length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  if (length >= MAX_HEADER) return ait_fail(AIT_ERR_IO, "%s: header of %zu bytes", path, length);
  if (fread(text, 1, length, file) != length) return ait_fail(AIT_ERR_IO, "%s: truncated header", path);
  text[length] = 0;
  return AIT_OK;
}

/* What follows `'key':` in the dictionary, or null. */
static const char *value_of(const char *header, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "'%s'", key);
  const char *at = strstr(header, quoted);
  if (at == NULL) return NULL;
  at += strlen(quoted);
  at += strspn(at, " ");
  if (*at != ':') return NULL;
  at++;
  return at + strspn(at, " ");
}

static bool starts_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* "(1, 3, 8)", "(5,)", "()". */
static bool parse_shape(const char *text, ait_tensor_desc *shape) {
  *shape = (ait_tensor_desc){.elements = 1};
  if (*text++ != '(') return false;
  for (;;) {
    text += strspn(text, " ");
    if (*text == ')') return true;
    if (*text < '0' || *text > '9' || shape->rank == AIT_MAX_RANK) return false;
    char *end = NULL;
    shape->dims[shape->rank++] = strtoull(text, &end, 10);
    text = end + strspn(end, " ");
    if (*text == ',') {
      text++;
    } else if (*text != ')') {
      return false;
    }
  }
}

static bool same_shape(const ait_tensor_desc *a, const ait_tensor_desc *b) {
  if (a->rank != b->rank) return false;
  for (uint64_t i = 0; i < a->rank; i++) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

static ait_status check_header(const char *header, const char *path, const ait_tensor_desc *desc) {
  const char *descr = value_of(header, "descr"), *order = value_of(header, "fortran_order");
  const char *shape = value_of(header, "shape");
  ait_tensor_desc found;
  if (descr == NULL || order == NULL || shape == NULL || !parse_shape(shape, &found)) {
    return ait_fail(AIT_ERR_IO, "%s: malformed header", path);
  }
  if (!starts_with(descr, "'<f4'")) {
    return ait_fail(AIT_ERR_ARGUMENT, "%s: dtype %.*s, not '<f4' (float32)", path, (int)strcspn(descr, ","), descr);
  }
  if (!starts_with(order, "False")) return ait_fail(AIT_ERR_ARGUMENT, "%s: Fortran order, not C order", path);
  if (!same_shape(&found, desc)) {
    char got[192], want[192];
    ait_shape_string(&found, got, sizeof got);
    ait_shape_string(desc, want, sizeof want);
    return ait_fail(AIT_ERR_ARGUMENT, "%s: shape %s, not %s as '%s' needs", path, got, want, desc->name);
  }
  return AIT_OK;
}

static ait_status read_file(FILE *file, const char *path, const ait_tensor_desc *desc, float *data) {
  char *header = malloc(MAX_HEADER);
  if (header == NULL) return ait_fail(AIT_ERR_NO_MEMORY, "%s", path);
  ait_status status = read_header(file, path, header);
  if (status == AIT_OK) status = check_header(header, path, desc);
  free(header);
  if (status != AIT_OK) return status;
  const size_t got = fread(data, sizeof(float), desc->elements, file);
  if (got != desc->elements) {
    return ait_fail(AIT_ERR_IO, "%s: truncated: %zu of %" PRIu64 " elements", path, got, desc->elements);
  }
  return fgetc(file) == EOF ? AIT_OK : ait_fail(AIT_ERR_IO, "%s: more data than its shape says", path);
}

ait_status ait_npy_read(const char *path, const ait_tensor_desc *desc, float *data) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return ait_fail(AIT_ERR_IO, "%s: cannot open", path);
  const ait_status status = read_file(file, path, desc, data);
  fclose(file);
  return status;
}

/* ---- Writing ---- */

static bool write_file(FILE *file, const ait_tensor_desc *desc, const float *data) {
  char text[512];
  size_t used = (size_t)snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (uint64_t i = 0; i < desc->rank; i++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%" PRIu64 ", ", desc->dims[i]);
  }
  if (desc->rank > 1) used -= 2; /* "(2, 3)" but "(2, )" */
  used += (size_t)snprintf(text + used, sizeof text - used, "), }");
  /* The data starts at a multiple of 64; the header ends in a newline. */
  const size_t length = (10 + used + 1 + 63) / 64 * 64 - 10;
  memset(text + used, ' ', length - used);
  text[length - 1] = '\n';
  const unsigned char start[4] = {1, 0, (unsigned char)(length & 0xff), (unsigned char)(length >> 8)};
  return fwrite(MAGIC, 1, sizeof MAGIC, file) == sizeof MAGIC && fwrite(start, 1, 4, file) == 4 &&
         fwrite(text, 1, length, file) == length &&
         fwrite(data, sizeof(float), desc->elements, file) == desc->elements;
}

static ait_status write_to(const char *path, const ait_tensor_desc *desc, const float *data) {
  FILE *file = fopen(path, "wb");
  bool written = file != NULL && write_file(file, desc, data);
  if (file != NULL) written = fclose(file) == 0 && written;
  return written ? AIT_OK : ait_fail(AIT_ERR_IO, "%s: cannot write", path);
}

ait_status ait_npy_write(const char *path, const ait_tensor_desc *desc, const float *data) {
  /* A device or a pipe is written to; renaming a file over it would replace it. */
  struct stat existing;
  if (stat(path, &existing) == 0 && !S_ISREG(existing.st_mode)) return write_to(path, desc, data);
  char partial[4096];
  if ((size_t)snprintf(partial, sizeof partial, "%s.part", path) >= sizeof partial) {
    return ait_fail(AIT_ERR_IO, "%s: path too long", path);
  }
  if (write_to(partial, desc, data) == AIT_OK && rename(partial, path) == 0) return AIT_OK;
  remove(partial);
  return ait_fail(AIT_ERR_IO, "%s: cannot write", path);
}
