// RUN: not ait-opt %s --pass-pipeline='ait-eqsat{rules=layout,implementation,fusion}' 2>&1 | FileCheck %s

// Not the last op, which nothing makes either, but the one at which it ends: these rules leave the batch norm.
// CHECK: no_kernel.mlir:[[@LINE+9]]:8: error: 'ait.batch_norm' op has no kernel that the rules and the layout allow
func.func @main(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}}
    : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  // An activation makes no difference.
  %1 = "ait.activation"(%0) {epilogue = {act = "relu"}} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = "ait.batch_norm"(%1, %b, %b, %b, %b) {epsilon = 1.0 : f32}
    : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %3 = "ait.conv2d"(%2, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}}
    : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  return %3 : tensor<1x4x8x8xf32>
}
