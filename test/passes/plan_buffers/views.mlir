// RUN: ait-opt --ait-plan-buffers --split-input-file %s | FileCheck %s

// Reshape, transpose and slice are views of their input; the function's result is written in place.

// CHECK-LABEL: module @views
// CHECK-SAME: ait.arena_bytes = 0
module @views {
  // CHECK: func.func @main(%[[X:.*]]: memref<{{.*}}>, %[[Y:.*]]: memref<3x2xf32{{.*}}ait.output
  func.func @main(%x: tensor<4x6xf32>) -> tensor<3x2xf32> {
    %r = "ait.reshape"(%x) : (tensor<4x6xf32>) -> tensor<4x2x3xf32>
    %s = "ait.slice"(%r) {starts = array<i64: 1, 0, 0>, sizes = array<i64: 1, 2, 3>, steps = array<i64: 1, 1, 1>} : (tensor<4x2x3xf32>) -> tensor<1x2x3xf32>
    %m = "ait.reshape"(%s) : (tensor<1x2x3xf32>) -> tensor<2x3xf32>
    %t = "ait.transpose"(%m) {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %e = tensor.empty() : tensor<3x2xf32>
    // CHECK: %[[T:.*]] = "rvv.view"(%[[X]]) {offset = 24 : i64} : {{.*}} -> memref<3x2xf32, strided<[1, 3]>>
    // CHECK-NEXT: "rvv.unary"(%[[T]], %[[Y]])
    // CHECK-NEXT: return
    %y = "rvv.unary"(%t, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
    return %y : tensor<3x2xf32>
  }
}

// -----

// A reshape of a transposed tensor moves memory; so do steps backwards.

// CHECK-LABEL: module @moves
module @moves {
  func.func @main(%x: tensor<2x3xf32>) -> tensor<6xf32> {
    %t = "ait.transpose"(%x) {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    // CHECK: %[[T:.*]] = "rvv.view"(%arg0) {offset = 0 : i64} : {{.*}} -> memref<3x2xf32, strided<[1, 3]>>
    // CHECK: "rvv.copy"(%[[T]], %[[D:.*]]) {{.*}} memref<3x2xf32, strided<[2, 1]>>)
    %r = "ait.reshape"(%t) : (tensor<3x2xf32>) -> tensor<6xf32>
    // CHECK: %[[B:.*]] = "rvv.view"(%arg2) {offset = 20 : i64} : {{.*}} -> memref<6xf32, strided<[-1]>>
    // CHECK: "rvv.copy"(%[[B]], %[[F:.*]]) {{.*}}memref<6xf32, strided<[1]>>)
    %b = "ait.slice"(%r) {starts = array<i64: 5>, sizes = array<i64: 6>, steps = array<i64: -1>} : (tensor<6xf32>) -> tensor<6xf32>
    %e = tensor.empty() : tensor<6xf32>
    // CHECK: "rvv.unary"(%[[F]], %arg1)
    %y = "rvv.unary"(%b, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
    return %y : tensor<6xf32>
  }
}

// -----

// Results that nobody computes are copied.

// CHECK-LABEL: module @returned
// CHECK-SAME: ait.weights_bytes = 64
module @returned {
  func.func @main(%x: tensor<2xf32> {ait.name = "x"}) -> (tensor<2xf32> {ait.name = "y"}, tensor<2xf32> {ait.name = "c"}) {
    %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    // CHECK: "rvv.copy"(%arg0, %arg1)
    // CHECK: %[[C:.*]] = "rvv.constant"() {offset = 0 : i64
    // CHECK: "rvv.copy"(%[[C]], %arg2)
    return %x, %c : tensor<2xf32>, tensor<2xf32>
  }
}
