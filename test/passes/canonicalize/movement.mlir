// RUN: ait-opt %s --ait-canonicalize | FileCheck %s

// CHECK-LABEL: @reshapes
// CHECK-NEXT: %[[R:.*]] = "ait.reshape"(%arg0) : (tensor<2x3x4xf32>) -> tensor<24xf32>
// CHECK-NEXT: return %[[R]]
func.func @reshapes(%x: tensor<2x3x4xf32>) -> tensor<24xf32> {
  %0 = "ait.reshape"(%x) : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %1 = "ait.reshape"(%0) : (tensor<6x4xf32>) -> tensor<24xf32>
  return %1 : tensor<24xf32>
}

// CHECK-LABEL: @constant
// CHECK-NEXT: "ait.constant"() {value = dense<{{\[\[}}1.000000e+00], [2.000000e+00]]> : tensor<2x1xf32>}
// CHECK-NEXT: return
func.func @constant() -> tensor<2x1xf32> {
  %0 = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "ait.reshape"(%0) : (tensor<2xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}

// NHWC -> NCHW -> NHWC is nothing; two different ones are one.
// CHECK-LABEL: @transposes
// CHECK-NEXT: %[[T:.*]] = "ait.transpose"(%arg0) {permutation = array<i64: 2, 0, 1>}
// CHECK-NEXT: return %arg0, %[[T]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  %0 = "ait.transpose"(%x) {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %1 = "ait.transpose"(%0) {permutation = array<i64: 0, 2, 1>} : (tensor<2x4x3xf32>) -> tensor<2x3x4xf32>
  %2 = "ait.transpose"(%0) {permutation = array<i64: 1, 0, 2>} : (tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x2x3xf32>
}

// Only dimensions of size 1 change places: no element moves.
// CHECK-LABEL: @transpose_of_ones
// CHECK-NEXT: "ait.reshape"(%arg0) : (tensor<1x8x8x1xf32>) -> tensor<1x1x8x8xf32>
func.func @transpose_of_ones(%x: tensor<1x8x8x1xf32>) -> tensor<1x1x8x8xf32> {
  %0 = "ait.transpose"(%x) {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x8x8x1xf32>) -> tensor<1x1x8x8xf32>
  return %0 : tensor<1x1x8x8xf32>
}

// CHECK-LABEL: @conversions
// CHECK-NEXT: return %arg0
func.func @conversions(%x: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %0 = "ait.convert_layout"(%x) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32, #ait.layout<"NHWC">>
  %1 = "ait.convert_layout"(%0) : (tensor<2x3x4x5xf32, #ait.layout<"NHWC">>) -> tensor<2x3x4x5xf32, #ait.layout<"CNHW">>
  %2 = "ait.convert_layout"(%1) : (tensor<2x3x4x5xf32, #ait.layout<"CNHW">>) -> tensor<2x3x4x5xf32>
  return %2 : tensor<2x3x4x5xf32>
}
