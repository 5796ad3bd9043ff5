// RUN: ait-opt --ait-plan-buffers --split-input-file %s | FileCheck %s

// Operands are written straight into their slices of one buffer; nested chains end in one buffer too.
// The channel stride of CNHW slices is the whole's, so slices differ by their offset only.

// CHECK-LABEL: module @chain
// CHECK-SAME: ait.arena_bytes = 384 : i64, ait.arena_lower_bound = 384 : i64
module @chain {
  func.func @main(%x: tensor<1x1x4x4xf32> {ait.name = "x"}) -> (tensor<1x1x4x4xf32> {ait.name = "y"}) {
    %e1 = tensor.empty() : tensor<1x1x4x4xf32>
    %e3 = tensor.empty() : tensor<1x3x4x4xf32>
    // CHECK: %[[A:.*]] = "rvv.view"(%arg2) {offset = 0 : i64}
    // CHECK: "rvv.unary"(%arg0, %[[A]])
    %a = "rvv.unary"(%x, %e1) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
    // CHECK: %[[B:.*]] = "rvv.view"(%arg2) {offset = 64 : i64}
    // CHECK: "rvv.unary"(%[[A]], %[[B]])
    %b = "rvv.unary"(%a, %e1) {epilogue = {act = "tanh"}, lmul = 4 : i64} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
    %ab = "ait.concat"(%a, %b) {axis = 1 : i64} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
    // CHECK: %[[C:.*]] = "rvv.view"(%arg2) {offset = 128 : i64}
    // CHECK: "rvv.unary"(%arg0, %[[C]])
    %c = "rvv.unary"(%x, %e1) {epilogue = {act = "tanh"}, lmul = 4 : i64} : (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
    %abc = "ait.concat"(%ab, %c) {axis = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x3x4x4xf32>
    // CHECK: %[[ABC:.*]] = "rvv.view"(%arg2) {offset = 0 : i64} : (memref<{{.*}}>) -> memref<1x3x4x4xf32
    // CHECK: "rvv.softmax"(%[[ABC]], %[[S:.*]])
    // CHECK-NOT: rvv.copy
    %s = "rvv.softmax"(%abc, %e3) {axis = 1 : i64, lmul = 4 : i64} : (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
    %y = "ait.slice"(%s) {starts = array<i64: 0, 2, 0, 0>, sizes = array<i64: 1, 1, 4, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x1x4x4xf32>
    // CHECK: "rvv.copy"({{.*}}, %arg1)
    return %y : tensor<1x1x4x4xf32>
  }
}

// -----

// A value in two concatenations: one alias, one copy.

// CHECK-LABEL: module @twice
module @twice {
  // CHECK: func.func @main(%[[X:.*]]: memref<1x2x2x2xf32{{.*}}, %[[Y:.*]]: memref<1x3x2x2xf32{{.*}}, %[[Z:.*]]: memref<1x3x2x2xf32
  func.func @main(%x: tensor<1x2x2x2xf32>) -> (tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32>) {
    %e1 = tensor.empty() : tensor<1x1x2x2xf32>
    %h = "ait.slice"(%x) {starts = array<i64: 0, 1, 0, 0>, sizes = array<i64: 1, 1, 2, 2>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
    // CHECK: %[[H:.*]] = "rvv.view"(%[[X]]) {offset = 16 : i64}
    // CHECK: %[[A:.*]] = "rvv.view"(%[[Z]]) {offset = 0 : i64}
    // CHECK: "rvv.unary"(%[[H]], %[[A]])
    %a = "rvv.unary"(%h, %e1) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x1x2x2xf32>
    // The argument is never written: it is copied.
    // CHECK: "rvv.copy"(%[[X]], %{{.*}})
    // CHECK: "rvv.copy"(%[[A]], %{{.*}})
    %y = "ait.concat"(%x, %a) {axis = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x3x2x2xf32>
    // CHECK: "rvv.copy"(%[[X]], %{{.*}})
    // CHECK-NOT: rvv.copy
    %z = "ait.concat"(%a, %x) {axis = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x3x2x2xf32>
    return %y, %z : tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32>
  }
}

// -----

// XNNPACK writes a channel slice through its pixel stride.

// CHECK-LABEL: module @pixels
#nhwc = #ait.layout<"NHWC">
module @pixels {
  func.func @main(%x: tensor<1x2x2x2xf32>) -> tensor<1x4x1x1xf32> {
    %e2 = tensor.empty() : tensor<1x2x2x2xf32, #nhwc>
    %e4 = tensor.empty() : tensor<1x4x2x2xf32, #nhwc>
    %g = tensor.empty() : tensor<1x4x1x1xf32, #nhwc>
    %i = "ait.convert_layout"(%x) : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #nhwc>
    // CHECK: "rvv.copy"
    // CHECK: "xnn.unary"({{.*}}) {{.*}} : (memref<1x2x2x2xf32, strided<[{{[0-9]+}}, 1, 4, 2]>>, memref<1x2x2x2xf32, strided<[{{[0-9]+}}, 1, 8, 4]>>)
    %a = "xnn.unary"(%i, %e2) {epilogue = {act = "relu"}} : (tensor<1x2x2x2xf32, #nhwc>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32, #nhwc>
    // CHECK: "xnn.unary"({{.*}}) {{.*}} : (memref<1x2x2x2xf32, strided<[{{[0-9]+}}, 1, 4, 2]>>, memref<1x2x2x2xf32, strided<[{{[0-9]+}}, 1, 8, 4]>>)
    %b = "xnn.unary"(%i, %e2) {epilogue = {act = "tanh"}} : (tensor<1x2x2x2xf32, #nhwc>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32, #nhwc>
    %c = "ait.concat"(%a, %b) {axis = 1 : i64} : (tensor<1x2x2x2xf32, #nhwc>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x4x2x2xf32, #nhwc>
    // CHECK-NOT: rvv.copy
    // CHECK: "xnn.global_avg_pool"(%{{.*}}, %arg1)
    %p = "xnn.global_avg_pool"(%c, %g) : (tensor<1x4x2x2xf32, #nhwc>, tensor<1x4x1x1xf32, #nhwc>) -> tensor<1x4x1x1xf32, #nhwc>
    %y = "ait.convert_layout"(%p) : (tensor<1x4x1x1xf32, #nhwc>) -> tensor<1x4x1x1xf32>
    return %y : tensor<1x4x1x1xf32>
  }
}
