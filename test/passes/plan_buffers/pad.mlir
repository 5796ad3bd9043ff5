// RUN: ait-opt --ait-plan-buffers %s | FileCheck %s

// The producer writes the interior; the border is filled slab by slab.

module @pad {
  // CHECK: func.func @main(%[[X:.*]]: memref<{{.*}}>, %[[Y:.*]]: memref<4x3xf32{{.*}}ait.output
  func.func @main(%x: tensor<2x2xf32>) -> tensor<4x3xf32> {
    %e = tensor.empty() : tensor<2x2xf32>
    // CHECK: %[[I:.*]] = "rvv.view"(%[[Y]]) {offset = 12 : i64} : {{.*}} -> memref<2x2xf32, strided<[3, 1]>>
    // CHECK: "rvv.unary"(%[[X]], %[[I]])
    %a = "rvv.unary"(%x, %e) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    // CHECK: %[[TOP:.*]] = "rvv.view"(%[[Y]]) {offset = 0 : i64} : {{.*}} -> memref<1x3xf32
    // CHECK: "rvv.fill"(%[[TOP]]) {lmul = 8 : i64, value = 5.000000e-01 : f32}
    // CHECK: %[[BOTTOM:.*]] = "rvv.view"(%[[Y]]) {offset = 36 : i64} : {{.*}} -> memref<1x3xf32
    // CHECK: "rvv.fill"(%[[BOTTOM]])
    // CHECK: %[[RIGHT:.*]] = "rvv.view"(%[[Y]]) {offset = 20 : i64} : {{.*}} -> memref<2x1xf32, strided<[3, 1]>>
    // CHECK: "rvv.fill"(%[[RIGHT]])
    // CHECK-NEXT: return
    %y = "ait.pad"(%a) {low = array<i64: 1, 0>, high = array<i64: 1, 1>, value = 0.5 : f32} : (tensor<2x2xf32>) -> tensor<4x3xf32>
    return %y : tensor<4x3xf32>
  }
}
