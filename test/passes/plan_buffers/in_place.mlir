// RUN: ait-opt --ait-plan-buffers --split-input-file %s | FileCheck %s

// A residual that dies in the convolution is overwritten by its result.

// CHECK-LABEL: module @residual
module @residual {
  // CHECK: func.func @main(%[[X:.*]]: memref<{{.*}}>, %[[Y:.*]]: memref<{{.*}}ait.output
  func.func @main(%x: tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32> {
    %f = "ait.constant"() {value = dense<2.0> : tensor<1x1x1x1xf32>} : () -> tensor<1x1x1x1xf32>
    %b = "ait.constant"() {value = dense<1.0> : tensor<1xf32>} : () -> tensor<1xf32>
    %e = tensor.empty() : tensor<1x1x2x8xf32>
    // CHECK: "rvv.unary"(%[[X]], %[[Y]])
    %r = "rvv.unary"(%x, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32>
    // CHECK: "rvv.conv2d"(%[[X]], %{{.*}}, %{{.*}}, %[[Y]], %[[Y]])
    %y = "rvv.conv2d"(%x, %f, %b, %e, %r) {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}, algorithm = "direct", tile = 1 : i64, lmul = 4 : i64, unroll = 4 : i64}
      : (tensor<1x1x2x8xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32>
    return %y : tensor<1x1x2x8xf32>
  }
}

// -----

// A value that is read later keeps its memory, and an argument is never overwritten.

// CHECK-LABEL: module @alive
// CHECK-SAME: ait.arena_bytes = 64
module @alive {
  // CHECK: func.func @main(%[[X:.*]]: memref<{{.*}}>, %[[Y:.*]]: memref<{{.*}}ait.output
  func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
    %e = tensor.empty() : tensor<16xf32>
    // CHECK: "rvv.unary"(%[[X]], %[[Y]])
    %a = "rvv.unary"(%x, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    // CHECK: %[[B:.*]] = "rvv.view"(%arg2)
    // CHECK: "rvv.unary"(%[[Y]], %[[B]])
    %b = "rvv.unary"(%a, %e) {epilogue = {act = "tanh"}, lmul = 4 : i64} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    // CHECK: "rvv.binary"(%[[Y]], %[[B]], %[[Y]])
    %y = "rvv.binary"(%a, %b, %e) {fn = "add", epilogue = {act = "identity"}, lmul = 4 : i64} : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %y : tensor<16xf32>
  }
}
