// RUN: ait-opt %s | ait-opt | FileCheck %s

// Two tiles of two rows (the last short); two of every four columns and one of the last two are kept.
// CHECK-LABEL: @conv
// CHECK: "nm.conv2d"({{.*}}segment = 3 : i64, sparsity = #nm.columns<2 : i64, 4 : i64, 2 : i64>
func.func @conv(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// CHECK-LABEL: @matmul
// CHECK: "nm.matmul"
func.func @matmul(%x: tensor<5x4xf32>, %b: tensor<3xf32>) -> tensor<5x3xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<1x2x32xf32>} : () -> tensor<1x2x32xf32>
  %c = "ait.constant"() {value = dense<[[1, 2]]> : tensor<1x2xi16>} : () -> tensor<1x2xi16>
  %e = tensor.empty() : tensor<5x3xf32>
  %0 = "nm.matmul"(%x, %v, %c, %b, %e) {epilogue = {act = "identity"}, sparsity = #nm.columns<2, 4, 32>, rows = 5 : i64, lmul = 4 : i64}
    : (tensor<5x4xf32>, tensor<1x2x32xf32>, tensor<1x2xi16>, tensor<3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// The columns of a filter are (tap, channel): two channels and two taps, one column of two for each pair of taps.
// CHECK-LABEL: @pruned
// CHECK: tensor<2x2x1x2xf32, #nm.columns<1 : i64, 2 : i64, 1 : i64>>
func.func @pruned(%x: tensor<1x2x4x4xf32>, %y: tensor<1x4xf32>, %b: tensor<2xf32>) -> (tensor<1x2x4x3xf32>, tensor<1x2xf32>) {
  %w = "ait.constant"() {value = dense<[[[[1.0, 0.0]], [[0.0, 2.0]]], [[[0.0, 0.0]], [[3.0, 4.0]]]]> : tensor<2x2x1x2xf32, #nm.columns<1, 2, 1>>}
    : () -> tensor<2x2x1x2xf32, #nm.columns<1, 2, 1>>
  %v = "ait.constant"() {value = dense<[[1.0, 2.0, 0.0, 0.0], [0.0, 2.0, 3.0, 0.0]]> : tensor<2x4xf32, #nm.columns<3, 4, 2>>}
    : () -> tensor<2x4xf32, #nm.columns<3, 4, 2>>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}}
    : (tensor<1x2x4x4xf32>, tensor<2x2x1x2xf32, #nm.columns<1, 2, 1>>, tensor<2xf32>) -> tensor<1x2x4x3xf32>
  %1 = "ait.gemm"(%y, %v, %b) {epilogue = {act = "identity"}} : (tensor<1x4xf32>, tensor<2x4xf32, #nm.columns<3, 4, 2>>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0, %1 : tensor<1x2x4x3xf32>, tensor<1x2xf32>
}
