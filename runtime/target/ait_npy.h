/* ait_npy.h - f32 tensors as NumPy .npy files (format 1, 2, 3; '<f4', C order). */
#ifndef AIT_NPY_H
#define AIT_NPY_H

#include "ait_runtime.h"

/* Reads a file of exactly the shape of `desc` into `data`. Errors: IO (file), ARGUMENT (dtype, order, shape). */
ait_status ait_npy_read(const char *path, const ait_tensor_desc *desc, float *data);

/* Writes format 1; the file appears only when it is complete. Errors: IO. */
ait_status ait_npy_write(const char *path, const ait_tensor_desc *desc, const float *data);

/* "1x3x224x224", or "scalar". */
void ait_shape_string(const ait_tensor_desc *desc, char *text, size_t size);

#endif
