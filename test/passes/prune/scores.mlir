// RUN: %python %S/Inputs/scores.py %t
// RUN: ait-opt %s --ait-prune=config=%t/tensors.toml | FileCheck %s
// RUN: ait-opt %s --ait-prune=config=%t/array.toml | FileCheck %s
// RUN: not ait-opt %s --ait-prune=config=%t/missing.toml 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not ait-opt %s --ait-prune=config=%t/shape.toml 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not ait-opt %s --ait-prune=config=%t/nan.toml 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not ait-opt %s --ait-prune=config=%t/shared.toml 2>&1 | FileCheck %s --check-prefix=SHARED

// The weights alone would keep column 0; the scores are 1, 1 + 2 (of either sign), 1.
// CHECK: dense<{{\[\[\[\[}}0.000000e+00]], {{\[\[}}2.000000e+00]], {{\[\[}}0.000000e+00]]], {{\[\[\[}}0.000000e+00]], {{\[\[}}1.000000e+00]], {{\[\[}}0.000000e+00]]]]> : tensor<2x3x1x1xf32, #nm.columns<1 : i64, 3 : i64, 2 : i64>>
// MISSING: loc("stem"): error: 'ait.conv2d' op {{.*}}tensors.safetensors: has no tensor 'stem'
// SHAPE: loc("conv"): error: 'ait.conv2d' op {{.*}}shape.npy: scores of shape [2, 3] are not for weights of shape [2, 3, 1, 1]
// NAN: loc("conv"): error: 'ait.conv2d' op {{.*}}nan.npy: row 1 has NaN in column 2, which has no score
// SHARED: loc("conv"): error: 'ait.conv2d' op has the scores of {{.*}}array.npy, as 'stem' has; name one layer
func.func @main(%x: tensor<1x3x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %s = "ait.constant"() {value = dense<1.0> : tensor<3x3x1x1xf32>} : () -> tensor<3x3x1x1xf32>
  %w = "ait.constant"() {value = dense<[[[[9.0]], [[2.0]], [[3.0]]], [[[9.0]], [[1.0]], [[3.0]]]]> : tensor<2x3x1x1xf32>} : () -> tensor<2x3x1x1xf32> loc("weight")
  %c = "ait.constant"() {value = dense<0.0> : tensor<3xf32>} : () -> tensor<3xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %s, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x3x2x2xf32>, tensor<3x3x1x1xf32>, tensor<3xf32>) -> tensor<1x3x2x2xf32> loc("stem")
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x3x2x2xf32>, tensor<2x3x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32> loc("conv")
  return %1 : tensor<1x2x2x2xf32>
}
