// RUN: ait-opt --ait-plan-buffers --split-input-file %s | FileCheck %s

// Planes of a split input that would begin a multiple of four cache lines apart are one line further apart.

#cnhw = #ait.layout<"CNHW">
// CHECK-LABEL: module @spread
// CHECK-SAME: ait.arena_bytes = 1088 : i64
module @spread {
  func.func @main(%x: tensor<2x2x6x6xf32, #cnhw>) -> tensor<2x3x6x6xf32, #cnhw> {
    %f = "ait.constant"() {value = dense<2.0> : tensor<1x1x18x3xf32>} : () -> tensor<1x1x18x3xf32>
    %b = "ait.constant"() {value = dense<1.0> : tensor<3xf32>} : () -> tensor<3xf32>
    %i = tensor.empty() : tensor<2x2x8x8xf32, #cnhw>
    // CHECK: "rvv.split_phases"({{.*}}memref<2x2x8x8xf32, strided<[64, 144, 8, 1]>>)
    %s = "rvv.split_phases"(%x, %i) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, lmul = 4 : i64}
      : (tensor<2x2x6x6xf32, #cnhw>, tensor<2x2x8x8xf32, #cnhw>) -> tensor<2x2x8x8xf32, #cnhw>
    %e = tensor.empty() : tensor<2x3x6x6xf32, #cnhw>
    // CHECK: "rvv.conv2d"({{.*}}memref<2x2x8x8xf32, strided<[64, 144, 8, 1]>>
    %y = "rvv.conv2d"(%s, %f, %b, %e) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}, algorithm = "split", tile = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
      : (tensor<2x2x8x8xf32, #cnhw>, tensor<1x1x18x3xf32>, tensor<3xf32>, tensor<2x3x6x6xf32, #cnhw>) -> tensor<2x3x6x6xf32, #cnhw>
    return %y : tensor<2x3x6x6xf32, #cnhw>
  }
}

// -----

// Others are not.

#cnhw = #ait.layout<"CNHW">
// CHECK-LABEL: module @apart
module @apart {
  func.func @main(%x: tensor<1x2x7x6xf32, #cnhw>) -> tensor<1x2x9x8xf32, #cnhw> {
    %i = tensor.empty() : tensor<1x2x9x8xf32, #cnhw>
    // CHECK: "rvv.split_phases"({{.*}}memref<1x2x9x8xf32, strided<[144, 72, 8, 1]>>)
    %s = "rvv.split_phases"(%x, %i) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, lmul = 4 : i64}
      : (tensor<1x2x7x6xf32, #cnhw>, tensor<1x2x9x8xf32, #cnhw>) -> tensor<1x2x9x8xf32, #cnhw>
    return %s : tensor<1x2x9x8xf32, #cnhw>
  }
}
