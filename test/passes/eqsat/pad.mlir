// RUN: ait-opt %s --ait-eqsat=rules=fusion,pad | FileCheck %s

// CHECK-LABEL: @conv
// CHECK-NOT: ait.pad
// CHECK: "ait.conv2d"(%arg0, {{.*}}pads = array<i64: 1, 0, 0, 1>
func.func @conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.pad"(%x) {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %1 = "ait.conv2d"(%0, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x5x5xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x5x5xf32>
  return %1 : tensor<1x2x5x5xf32>
}

// A mean over padded zeros counts them.
// CHECK-LABEL: @avg
// CHECK-NOT: ait.pad
// CHECK: "ait.avg_pool2d"(%arg0) {{.*}}count_include_pad = true{{.*}}pads = array<i64: 1, 0, 0, 1>
func.func @avg(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %0 = "ait.pad"(%x) {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %1 = "ait.avg_pool2d"(%0) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, pads = array<i64: 0, 0, 0, 0>, count_include_pad = false} : (tensor<1x2x5x5xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// CHECK-LABEL: @max
// CHECK-NOT: ait.pad
// CHECK: "ait.max_pool2d"(%arg0) {{.*}}pads = array<i64: 1, 0, 0, 1>
func.func @max(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %0 = "ait.pad"(%x) {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 0, 1>, value = 0xFF800000 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %1 = "ait.max_pool2d"(%0) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// Zeros are not what a maximum is padded with; channels are not padded by a window; a pool's
// padding is smaller than its window.
// CHECK-LABEL: @stays
// CHECK-COUNT-3: "ait.pad"
func.func @stays(%x: tensor<1x2x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x3x3x3xf32>, tensor<1x2x5x3xf32>) {
  %0 = "ait.pad"(%x) {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x5x5xf32>
  %1 = "ait.max_pool2d"(%0) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, pads = array<i64: 0, 0, 0, 0>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x4x4xf32>
  %2 = "ait.pad"(%x) {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32>
  %3 = "ait.avg_pool2d"(%2) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, pads = array<i64: 0, 0, 0, 0>, count_include_pad = true} : (tensor<1x3x4x4xf32>) -> tensor<1x3x3x3xf32>
  %4 = "ait.pad"(%x) {low = array<i64: 0, 0, 2, 0>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x6x4xf32>
  %5 = "ait.avg_pool2d"(%4) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, pads = array<i64: 0, 0, 0, 0>, count_include_pad = true} : (tensor<1x2x6x4xf32>) -> tensor<1x2x5x3xf32>
  return %1, %3, %5 : tensor<1x2x4x4xf32>, tensor<1x3x3x3xf32>, tensor<1x2x5x3xf32>
}
