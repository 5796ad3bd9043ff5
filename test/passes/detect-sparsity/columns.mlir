// RUN: ait-opt %s --ait-detect-sparsity --split-input-file | FileCheck %s

// Rows 0, 1 have columns 0 and 3, rows 2, 3 columns 1 and 2: tiles of two rows cost 2 * 4 * 2, dense 1 * 6 * 4.
// CHECK-LABEL: @conv
// CHECK: tensor<4x4x1x1xf32, #nm.columns<2 : i64, 4 : i64, 2 : i64>>
func.func @conv(%x: tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[0.0]], [[0.0]], [[2.0]]], [[[1.0]], [[0.0]], [[0.0]], [[2.0]]], [[[0.0]], [[1.0]], [[2.0]], [[0.0]]], [[[0.0]], [[1.0]], [[2.0]], [[0.0]]]]> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x4x3x3xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

// -----

// Zeros in no common columns are no structure, and three of four columns in tiles of one row cost 4 * 3 * 3 > 1 * 6 * 4.
// CHECK-LABEL: @scattered
// CHECK-NOT: nm.columns
func.func @scattered(%x: tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[0.0]], [[3.0]], [[2.0]]], [[[1.0]], [[1.0]], [[0.0]], [[2.0]]], [[[0.0]], [[1.0]], [[2.0]], [[4.0]]], [[[1.0]], [[1.0]], [[2.0]], [[0.0]]]]> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x4x3x3xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x3x3xf32>
  return %0 : tensor<1x4x3x3xf32>
}

// -----

// A matrix product becomes a gemm; a depthwise convolution has a kernel of its own; what has a pattern keeps it.
// CHECK-LABEL: @others
// CHECK-DAG: tensor<3x4xf32, #nm.columns<2 : i64, 4 : i64, 3 : i64>>
// CHECK-DAG: dense<0.000000e+00> : tensor<2x1x1x1xf32>}
// CHECK-DAG: tensor<1x4xf32, #nm.columns<1 : i64, 2 : i64, 1 : i64>>
// CHECK-NOT: ait.matmul
func.func @others(%x: tensor<2x4xf32>, %y: tensor<1x2x3x3xf32>) -> (tensor<2x3xf32>, tensor<1x2x3x3xf32>, tensor<2x1xf32>) {
  %m = "ait.constant"() {value = dense<[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 5.0, 6.0], [0.0, 0.0, 0.0]]> : tensor<4x3xf32>} : () -> tensor<4x3xf32>
  %d = "ait.constant"() {value = dense<0.0> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %g = "ait.constant"() {value = dense<[[1.0, 0.0, 0.0, 0.0]]> : tensor<1x4xf32, #nm.columns<1, 2, 1>>} : () -> tensor<1x4xf32, #nm.columns<1, 2, 1>>
  %c = "ait.constant"() {value = dense<0.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %0 = "ait.matmul"(%x, %m) : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %1 = "ait.conv2d"(%y, %d, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32>
  %2 = "ait.gemm"(%x, %g, %c) {epilogue = {act = "identity"}} : (tensor<2x4xf32>, tensor<1x4xf32, #nm.columns<1, 2, 1>>, tensor<1xf32>) -> tensor<2x1xf32>
  return %0, %1, %2 : tensor<2x3xf32>, tensor<1x2x3x3xf32>, tensor<2x1xf32>
}
