// RUN: ait-opt --ait-plan-buffers --split-input-file %s | FileCheck %s

// One image is the same memory in NCHW and CNHW.

#cnhw = #ait.layout<"CNHW">
// CHECK-LABEL: module @one_image
module @one_image {
  func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> {
    %i = "ait.convert_layout"(%x) : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32, #cnhw>
    %e = tensor.empty() : tensor<1x3x4x4xf32, #cnhw>
    // CHECK-NOT: rvv.view
    // CHECK: "rvv.unary"(%arg0, %arg1)
    // CHECK-NEXT: return
    %a = "rvv.unary"(%i, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<1x3x4x4xf32, #cnhw>, tensor<1x3x4x4xf32, #cnhw>) -> tensor<1x3x4x4xf32, #cnhw>
    %y = "ait.convert_layout"(%a) : (tensor<1x3x4x4xf32, #cnhw>) -> tensor<1x3x4x4xf32>
    return %y : tensor<1x3x4x4xf32>
  }
}

// -----

// With two images, "direct" needs its positions in one run: a copy. "packed" would read NCHW in place.

#cnhw = #ait.layout<"CNHW">
// CHECK-LABEL: module @two_images
module @two_images {
  func.func @main(%x: tensor<2x1x2x8xf32>) -> tensor<2x1x2x8xf32> {
    %f = "ait.constant"() {value = dense<2.0> : tensor<1x1x1x1xf32>} : () -> tensor<1x1x1x1xf32>
    %b = "ait.constant"() {value = dense<1.0> : tensor<1xf32>} : () -> tensor<1xf32>
    %s = "ait.concat"(%x, %x) {axis = 1 : i64} : (tensor<2x1x2x8xf32>, tensor<2x1x2x8xf32>) -> tensor<2x2x2x8xf32>
    %h = "ait.slice"(%s) {starts = array<i64: 0, 1, 0, 0>, sizes = array<i64: 2, 1, 2, 8>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x2x2x8xf32>) -> tensor<2x1x2x8xf32>
    %i = "ait.convert_layout"(%h) : (tensor<2x1x2x8xf32>) -> tensor<2x1x2x8xf32, #cnhw>
    %e = tensor.empty() : tensor<2x1x2x8xf32, #cnhw>
    // CHECK-COUNT-2: "rvv.copy"(%arg0
    // CHECK: "rvv.copy"({{.*}}strided<[32, 16, 8, 1]>>, memref<2x1x2x8xf32, strided<[16, 16, 8, 1]>>)
    // CHECK: "rvv.conv2d"({{.*}}, %arg1)
    %y = "rvv.conv2d"(%i, %f, %b, %e) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}, algorithm = "direct", tile = 1 : i64, lmul = 4 : i64, unroll = 4 : i64}
      : (tensor<2x1x2x8xf32, #cnhw>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<2x1x2x8xf32, #cnhw>) -> tensor<2x1x2x8xf32, #cnhw>
    %o = "ait.convert_layout"(%y) : (tensor<2x1x2x8xf32, #cnhw>) -> tensor<2x1x2x8xf32>
    return %o : tensor<2x1x2x8xf32>
  }
}
