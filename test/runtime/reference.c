#include "reference.h"

#include <math.h>

static float clamp(double x, float min, float max) { return isnan(x) ? NAN : (float)fmin(fmax(x, min), max); }

static bool inside(int64_t at, int64_t size) { return at >= 0 && at < size; }

/* One output element: group g, output channel k of the group. */
static double conv_at(const ait_xnn_conv2d_params *p, const float *input, const float *filter, int64_t n, int64_t oy,
                      int64_t ox, int64_t g, int64_t k) {
  const int64_t channels = p->group_input_channels, out_channel = g * p->group_output_channels + k;
  double sum = 0;
  for (int64_t ky = 0; ky < p->kernel_height; ky++) {
    for (int64_t kx = 0; kx < p->kernel_width; kx++) {
      const int64_t y = oy * p->stride_height + ky * p->dilation_height - p->pad_top;
      const int64_t x = ox * p->stride_width + kx * p->dilation_width - p->pad_left;
      if (!inside(y, p->input_height) || !inside(x, p->input_width)) continue;
      const float *pixel = input + ((n * p->input_height + y) * p->input_width + x) * p->input_stride + g * channels;
      for (int64_t c = 0; c < channels; c++) {
        const int64_t tap = ky * p->kernel_width + kx;
        const int64_t index = p->depthwise != 0
                                  ? tap * p->groups * p->group_output_channels + out_channel
                                  : (out_channel * p->kernel_height * p->kernel_width + tap) * channels + c;
        sum += (double)pixel[c] * filter[index];
      }
    }
  }
  return sum;
}

void ref_conv2d(const ait_xnn_conv2d_params *p, const float *input, const float *filter, const float *bias,
                float *out) {
  for (int64_t pixel = 0; pixel < p->batch * p->output_height * p->output_width; pixel++) {
    const int64_t ox = pixel % p->output_width, oy = pixel / p->output_width % p->output_height;
    const int64_t n = pixel / p->output_width / p->output_height;
    for (int64_t g = 0; g < p->groups; g++) {
      for (int64_t k = 0; k < p->group_output_channels; k++) {
        const int64_t channel = g * p->group_output_channels + k;
        const double sum = conv_at(p, input, filter, n, oy, ox, g, k) + (bias == NULL ? 0 : bias[channel]);
        out[pixel * p->output_stride + channel] = clamp(sum, p->min, p->max);
      }
    }
  }
}

void ref_fully_connected(const ait_xnn_fully_connected_params *p, const float *input, const float *filter,
                         const float *bias, float *out) {
  for (int64_t m = 0; m < p->batch; m++) {
    for (int64_t n = 0; n < p->output_channels; n++) {
      double sum = bias == NULL ? 0 : bias[n];
      for (int64_t k = 0; k < p->input_channels; k++) {
        sum += (double)input[m * p->input_stride + k] * filter[n * p->input_channels + k];
      }
      out[m * p->output_stride + n] = clamp(sum, p->min, p->max);
    }
  }
}

/* Maximum and sum over one window, and its number of input elements. */
typedef struct window {
  double max, sum;
  int64_t count;
} window;

static window pool_at(const ait_xnn_pool2d_params *p, const float *input, int64_t n, int64_t oy, int64_t ox,
                      int64_t c) {
  window w = {-INFINITY, 0, 0};
  for (int64_t ky = 0; ky < p->kernel_height; ky++) {
    for (int64_t kx = 0; kx < p->kernel_width; kx++) {
      const int64_t y = oy * p->stride_height + ky * p->dilation_height - p->pad_top;
      const int64_t x = ox * p->stride_width + kx * p->dilation_width - p->pad_left;
      if (!inside(y, p->input_height) || !inside(x, p->input_width)) continue;
      const double value = input[((n * p->input_height + y) * p->input_width + x) * p->input_stride + c];
      w.max = fmax(w.max, value);
      w.sum += value;
      w.count++;
    }
  }
  return w;
}

static void pool(const ait_xnn_pool2d_params *p, const float *input, float *out, bool average) {
  for (int64_t pixel = 0; pixel < p->batch * p->output_height * p->output_width; pixel++) {
    const int64_t ox = pixel % p->output_width, oy = pixel / p->output_width % p->output_height;
    const int64_t n = pixel / p->output_width / p->output_height;
    for (int64_t c = 0; c < p->channels; c++) {
      const window w = pool_at(p, input, n, oy, ox, c);
      out[pixel * p->output_stride + c] = clamp(average ? w.sum / (double)w.count : w.max, p->min, p->max);
    }
  }
}

void ref_max_pool2d(const ait_xnn_pool2d_params *p, const float *input, float *out) { pool(p, input, out, false); }

void ref_avg_pool2d(const ait_xnn_pool2d_params *p, const float *input, float *out) { pool(p, input, out, true); }

void ref_global_avg_pool(const ait_xnn_global_avg_pool_params *p, const float *input, float *out) {
  const int64_t pixels = p->height * p->width;
  for (int64_t n = 0; n < p->batch; n++) {
    for (int64_t c = 0; c < p->channels; c++) {
      double sum = 0;
      for (int64_t i = 0; i < pixels; i++) sum += input[(n * pixels + i) * p->channels + c];
      out[n * p->channels + c] = (float)(sum / (double)pixels);
    }
  }
}

static double apply_binary(int64_t fn, double a, double b) {
  switch (fn) {
  case AIT_XNN_ADD: return a + b;
  case AIT_XNN_SUB: return a - b;
  case AIT_XNN_MUL: return a * b;
  default: return a / b;
  }
}

/* The dimension `i` places before the last, 1 where there is none. */
static int64_t dim_from_end(const int64_t *dims, int64_t rank, int64_t i) { return i < rank ? dims[rank - 1 - i] : 1; }

void ref_binary(const ait_xnn_binary_params *p, const float *lhs, const float *rhs, float *out) {
  int64_t total = 1, dims[AIT_XNN_MAX_RANK];
  for (int64_t i = 0; i < AIT_XNN_MAX_RANK; i++) {
    const int64_t l = dim_from_end(p->lhs_dims, p->lhs_rank, i), r = dim_from_end(p->rhs_dims, p->rhs_rank, i);
    dims[i] = l == 1 ? r : l;
    total *= dims[i];
  }
  for (int64_t at = 0; at < total; at++) {
    int64_t rest = at, l = 0, r = 0, l_stride = 1, r_stride = 1;
    for (int64_t i = 0; i < AIT_XNN_MAX_RANK; i++) {
      const int64_t index = rest % dims[i];
      const int64_t l_dim = dim_from_end(p->lhs_dims, p->lhs_rank, i), r_dim = dim_from_end(p->rhs_dims, p->rhs_rank, i);
      rest /= dims[i];
      if (l_dim != 1) l += index * l_stride;
      if (r_dim != 1) r += index * r_stride;
      l_stride *= l_dim;
      r_stride *= r_dim;
    }
    out[at] = clamp(apply_binary(p->fn, lhs[l], rhs[r]), p->min, p->max);
  }
}

static double apply_unary(const ait_xnn_unary_params *p, double x) {
  switch (p->kind) {
  case AIT_XNN_RELU: return fmax(x, 0);
  case AIT_XNN_LEAKY_RELU: return x >= 0 ? x : p->a * x;
  case AIT_XNN_CLIP: return fmin(fmax(x, p->a), p->b);
  case AIT_XNN_SIGMOID: return 1 / (1 + exp(-x));
  case AIT_XNN_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
  case AIT_XNN_TANH: return tanh(x);
  case AIT_XNN_ELU: return x >= 0 ? x : p->a * expm1(x);
  default: return x;
  }
}

void ref_unary(const ait_xnn_unary_params *p, const float *input, float *out) {
  for (int64_t row = 0; row < p->rows; row++) {
    for (int64_t c = 0; c < p->channels; c++) {
      out[row * p->output_stride + c] = (float)apply_unary(p, input[row * p->input_stride + c]);
    }
  }
}

void ref_softmax(const ait_xnn_softmax_params *p, const float *input, float *out) {
  for (int64_t row = 0; row < p->rows; row++) {
    const float *x = input + row * p->input_stride;
    double max = -INFINITY, sum = 0;
    for (int64_t c = 0; c < p->channels; c++) max = fmax(max, x[c]);
    for (int64_t c = 0; c < p->channels; c++) sum += exp(x[c] - max);
    for (int64_t c = 0; c < p->channels; c++) out[row * p->output_stride + c] = (float)(exp(x[c] - max) / sum);
  }
}
