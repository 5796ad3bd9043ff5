// RUN: ait-opt %s --pass-pipeline='ait-pipeline{layout=cnhw}' | FileCheck %s

// A large padded window is padded in memory, as far as its windows reach, and read in place.
// CHECK: "rvv.fill"(%{{.*}}) {{.*}}value = 0xFF800000 : f32
// CHECK: "rvv.pool2d"{{.*}}pads = array<i64: 0, 0, 0, 0>{{.*}} : (memref<1x2x1x75xf32, {{.*}}>, memref<1x2x1x4xf32
module @m {
  func.func @main(%x: tensor<1x2x1x60xf32> {ait.name = "x"}) -> (tensor<1x2x1x4xf32> {ait.name = "y"}) {
    %y = "ait.max_pool2d"(%x) {kernel = array<i64: 1, 66>, strides = array<i64: 1, 3>, pads = array<i64: 0, 10, 0, 5>,
      dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x2x1x60xf32>) -> tensor<1x2x1x4xf32>
    return %y : tensor<1x2x1x4xf32>
  }
}
