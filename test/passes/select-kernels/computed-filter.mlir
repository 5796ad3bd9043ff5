// RUN: ait-opt %s --pass-pipeline='ait-pipeline{layout=cnhw}' | FileCheck %s
// RUN: ait-opt %s --pass-pipeline='ait-pipeline{layout=nhwc}' | FileCheck %s

// Weights that the network computes are packed by a copy; XNNPACK, which packs when the model is created, is no choice.
// CHECK: "rvv.copy"(%{{.*}}) {lmul = 8 : i64} : (memref<2x1x9x2x3xf32, strided<[54, 9, 1, 9, 18]>>, memref<2x1x9x2x3xf32
// CHECK: "rvv.conv2d"{{.*}}tile = 3 : i64
module @m {
func.func @main(%x: tensor<2x4x8x8xf32> {ait.name="x"}, %w: tensor<6x2x3x3xf32> {ait.name="w"}, %b: tensor<6xf32> {ait.name="b"}) -> (tensor<2x6x4x4xf32> {ait.name="y"}) {
  %y = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    groups = 2 : i64, epilogue = {act = "relu"}} : (tensor<2x4x8x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<2x6x4x4xf32>
  return %y : tensor<2x6x4x4xf32>
}
}
