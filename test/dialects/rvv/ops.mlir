// RUN: ait-opt %s | ait-opt | FileCheck %s

// CHECK-LABEL: func.func @buffers
// CHECK: "rvv.view"(%{{.*}}) {{.*}}offset = 64 : i64
// CHECK: "rvv.constant"() {{.*}}offset = 128 : i64
// CHECK: "rvv.conv2d"({{.*}}) {{.*}}algorithm = "packed"{{.*}}lmul = 4 : i64{{.*}}tile = 7 : i64
// CHECK: "rvv.copy"
// CHECK: "rvv.fill"
func.func @buffers(%x: memref<1x3x8x8xf32>, %o: memref<1x4x4x4xf32>, %arena: memref<4096xi8>) {
  %v = "rvv.view"(%arena) {offset = 64 : i64} : (memref<4096xi8>) -> memref<1x4x4x4xf32, strided<[16, 16, 4, 1]>>
  %w = "rvv.constant"() {value = dense<1.0> : tensor<1x1x27x7xf32>, offset = 0 : i64} : () -> memref<1x1x27x7xf32>
  %b = "rvv.constant"() {value = dense<1.0> : tensor<4xf32>, offset = 128 : i64} : () -> memref<4xf32>
  "rvv.conv2d"(%x, %w, %b, %v) {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "packed", tile = 7 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (memref<1x3x8x8xf32>, memref<1x1x27x7xf32>, memref<4xf32>, memref<1x4x4x4xf32, strided<[16, 16, 4, 1]>>) -> ()
  "rvv.copy"(%v, %o) {lmul = 8 : i64} : (memref<1x4x4x4xf32, strided<[16, 16, 4, 1]>>, memref<1x4x4x4xf32>) -> ()
  "rvv.fill"(%o) {value = 0.0 : f32, lmul = 8 : i64} : (memref<1x4x4x4xf32>) -> ()
  return
}
