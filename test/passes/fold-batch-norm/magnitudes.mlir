// RUN: ait-opt %s --ait-fold-batch-norm --split-input-file | FileCheck %s
// RUN: ait-opt %s --ait-fold-batch-norm --ait-eqsat --split-input-file | FileCheck %s --check-prefix=EQSAT

// Products of finite factors that are infinite are not made: the convolution's results, of small inputs, are ordinary.
// CHECK-LABEL: @overflow
// CHECK: ait.conv2d
// CHECK: ait.mul
// EQSAT-LABEL: @overflow
// EQSAT: ait.conv2d
// EQSAT: ait.mul
func.func @overflow(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0e30> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %s = "ait.constant"() {value = dense<[[[1.0]], [[1.0e20]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.mul"(%0, %s) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// Nor are those that vanish, of one row alone; a batch norm becomes a scale and a bias.
// CHECK-LABEL: @underflow
// CHECK: ait.conv2d
// CHECK: ait.scale_bias
// EQSAT-LABEL: @underflow
// EQSAT: ait.conv2d
// EQSAT: groups = 1
// EQSAT: {{ait.scale_bias|groups = 2}}
func.func @underflow(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[2.0]]], [[[1.0e-30]], [[3.0e-30]]]]> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %scale = "ait.constant"() {value = dense<[1.0, 1.0e-20]> : tensor<2xf32>} : () -> tensor<2xf32>
  %one = "ait.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.batch_norm"(%0, %scale, %b, %b, %one) {epsilon = 0.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// A row that is small meets a factor that is large: both are ordinary together.
// CHECK-LABEL: @fits
// CHECK: ait.conv2d
// CHECK-NOT: ait.mul
func.func @fits(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0e30]], [[2.0e30]]], [[[1.0e-30]], [[0.0]]]]> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %s = "ait.constant"() {value = dense<[[[1.0e-25]], [[1.0e25]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.mul"(%0, %s) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}
