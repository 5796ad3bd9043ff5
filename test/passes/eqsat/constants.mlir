// RUN: ait-opt %s --pass-pipeline='ait-eqsat{layout=nhwc}' | FileCheck %s

// What equals a constant is one, whichever of the equal terms came first: XNNPACK takes such a filter.
// CHECK-LABEL: @filter
// CHECK: "ait.conv2d"({{.*}}#ait.layout<"NHWC">>, tensor<4x4x1x1xf32>, tensor<4xf32>)
func.func @filter(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = "ait.constant"() {value = dense<2.0> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %z = "ait.constant"() {value = dense<0.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %s = "ait.add"(%w, %z) {epilogue = {act = "identity"}} : (tensor<4x4x1x1xf32>, tensor<1xf32>) -> tensor<4x4x1x1xf32>
  %y = "ait.conv2d"(%x, %s, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %r = "ait.activation"(%y) {epilogue = {act = "relu"}} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %r : tensor<1x4x8x8xf32>
}

// No images: nothing to compute, and nothing to divide by.
// CHECK-LABEL: @no_images
// CHECK: "ait.conv2d"
func.func @no_images(%x: tensor<0x4x5x6xf32>) -> tensor<0x4x5x6xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %y = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<0x4x5x6xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<0x4x5x6xf32>
  return %y : tensor<0x4x5x6xf32>
}
