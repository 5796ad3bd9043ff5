/* reference.h - plain scalar versions of the XNNPACK operators, accumulated in double. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "ait_runtime.h"

void ref_conv2d(const ait_xnn_conv2d_params *p, const float *input, const float *filter, const float *bias, float *out);
void ref_fully_connected(const ait_xnn_fully_connected_params *p, const float *input, const float *filter,
                         const float *bias, float *out);
void ref_max_pool2d(const ait_xnn_pool2d_params *p, const float *input, float *out);
void ref_avg_pool2d(const ait_xnn_pool2d_params *p, const float *input, float *out);
void ref_global_avg_pool(const ait_xnn_global_avg_pool_params *p, const float *input, float *out);
void ref_binary(const ait_xnn_binary_params *p, const float *lhs, const float *rhs, float *out);
void ref_unary(const ait_xnn_unary_params *p, const float *input, float *out);
void ref_softmax(const ait_xnn_softmax_params *p, const float *input, float *out);

#endif
