// Clamps, max pools and softmax of XNNPACK mask NaN: they are used where it is ignored.
// RUN: ait-opt %s --ait-select-kernels | FileCheck %s --check-prefixes=CHECK,KEPT
// RUN: ait-opt %s --ait-select-kernels=nan=ignore | FileCheck %s --check-prefixes=CHECK,IGNORED

module attributes {ait.layout = "nhwc"} {

// f[k][c][0][w] = 4 k + 2 c + w becomes k, w, c; the clamp goes into the operator, or follows it.
// CHECK-LABEL: @conv
// CHECK: dense<{{\[\[\[\[}}0.000000e+00, 2.000000e+00], [1.000000e+00, 3.000000e+00]]], {{\[\[\[}}4.000000e+00, 6.000000e+00], [5.000000e+00, 7.000000e+00]]]]> : tensor<2x1x2x2xf32>
// IGNORED: "xnn.conv2d"{{.*}}depthwise = false{{.*}}max = 6.000000e+00 : f32, min = 0.000000e+00 : f32
// KEPT: "xnn.conv2d"{{.*}}depthwise = false{{.*}}max = 0x7F800000 : f32, min = 0xFF800000 : f32
// KEPT: "rvv.unary"{{.*}}epilogue = {act = "clip", max = 6.000000e+00 : f32, min = 0.000000e+00 : f32}
func.func @conv(%x: tensor<1x2x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x2x4x3xf32, #ait.layout<"NHWC">> {
  %w = "ait.constant"() {value = dense<[[[[0.0, 1.0]], [[2.0, 3.0]]], [[[4.0, 5.0]], [[6.0, 7.0]]]]> : tensor<2x2x1x2xf32>} : () -> tensor<2x2x1x2xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "clip", max = 6.0 : f32, min = 0.0 : f32}} : (tensor<1x2x4x4xf32, #ait.layout<"NHWC">>, tensor<2x2x1x2xf32>, tensor<2xf32>) -> tensor<1x2x4x3xf32, #ait.layout<"NHWC">>
  return %0 : tensor<1x2x4x3xf32, #ait.layout<"NHWC">>
}

// CHECK-LABEL: @depthwise
// CHECK: "xnn.conv2d"{{.*}}depthwise = true{{.*}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x3x3x4xf32>,
func.func @depthwise(%x: tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x2x2xf32, #ait.layout<"NHWC">> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<4x1x3x3xf32>} : () -> tensor<4x1x3x3xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64, epilogue = {act = "identity"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<4x1x3x3xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32, #ait.layout<"NHWC">>
  return %0 : tensor<1x4x2x2xf32, #ait.layout<"NHWC">>
}

// XNNPACK adds no residual: an addition with the clamp follows. What it has no operator for, a kernel does.
// CHECK-LABEL: @epilogues
// CHECK: %[[A:.*]] = "xnn.conv2d"(%arg0, {{.*}}max = 0x7F800000 : f32, min = 0xFF800000 : f32
// IGNORED: %[[B:.*]] = "xnn.binary"(%[[A]], %arg0, {{.*}}fn = "add", max = 0x7F800000 : f32, min = 0.000000e+00 : f32
// KEPT: %[[B:.*]] = "rvv.binary"(%[[A]], %arg0, {{.*}}act = "relu"}, fn = "add"
// CHECK: %[[C:.*]] = "xnn.conv2d"(%[[B]], {{.*}}max = 0x7F800000 : f32, min = 0xFF800000 : f32
// CHECK: %[[D:.*]] = "rvv.unary"(%[[C]], {{.*}}act = "silu"
// CHECK: %[[E:.*]] = "xnn.unary"(%[[D]], {{.*}}act = "tanh"
// CHECK: "rvv.binary"(%[[E]], %arg0, {{.*}}act = "sigmoid"
func.func @epilogues(%x: tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b, %x) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<4x4x1x1xf32>, tensor<4xf32>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "silu"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %2 = "ait.activation"(%1) {epilogue = {act = "tanh"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %3 = "ait.mul"(%2, %x) {epilogue = {act = "sigmoid"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  return %3 : tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
}

// A constant in logical order may be in another physical order than XNNPACK broadcasts in.
// CHECK-LABEL: @binary
// CHECK: "xnn.binary"(%arg0, %arg1, {{.*}}fn = "mul"
// CHECK: "rvv.binary"{{.*}}fn = "sub"
func.func @binary(%x: tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, %s: tensor<1x4x1x1xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">> {
  %c = "ait.constant"() {value = dense<1.0> : tensor<1x4x4x4xf32>} : () -> tensor<1x4x4x4xf32>
  %0 = "ait.mul"(%x, %s) {epilogue = {act = "identity"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x4x1x1xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %1 = "ait.sub"(%0, %c) {epilogue = {act = "identity"}} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  return %1 : tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
}

// CHECK-LABEL: @pools
// IGNORED: "xnn.max_pool2d"
// IGNORED: "rvv.pool2d"{{.*}}fn = "maxnum"
// KEPT: "rvv.pool2d"{{.*}}fn = "max"
// KEPT: "rvv.pool2d"{{.*}}fn = "max"
// CHECK: "xnn.avg_pool2d"
// CHECK: "rvv.pool2d"{{.*}}count_include_pad = true
// CHECK: "xnn.global_avg_pool"
// IGNORED: "rvv.global_pool"{{.*}}fn = "maxnum"
// IGNORED: "xnn.softmax"
// KEPT: "rvv.global_pool"{{.*}}fn = "max"
// KEPT: "rvv.softmax"
// CHECK: "rvv.softmax"
func.func @pools(%x: tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> (tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x2x2xf32, #ait.layout<"NHWC">>, tensor<1x4x3x3xf32, #ait.layout<"NHWC">>, tensor<1x4x3x3xf32, #ait.layout<"NHWC">>, tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) {
  %0 = "ait.max_pool2d"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x1x1xf32, #ait.layout<"NHWC">>
  %1 = "ait.max_pool2d"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = true} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x2x2xf32, #ait.layout<"NHWC">>
  %2 = "ait.avg_pool2d"(%x) {kernel = array<i64: 4, 4>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 2, 2>, dilations = array<i64: 1, 1>, ceil_mode = false, count_include_pad = false} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %3 = "ait.avg_pool2d"(%x) {kernel = array<i64: 4, 4>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false, count_include_pad = true} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x3x3xf32, #ait.layout<"NHWC">>
  %4 = "ait.global_avg_pool"(%2) : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x1x1xf32, #ait.layout<"NHWC">>
  %5 = "ait.global_max_pool"(%x) : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x1x1xf32, #ait.layout<"NHWC">>
  %6 = "ait.softmax"(%x) {axis = 1 : i64} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %7 = "ait.softmax"(%6) {axis = 3 : i64} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  return %0, %1, %3, %3, %4, %5, %7 : tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x2x2xf32, #ait.layout<"NHWC">>, tensor<1x4x3x3xf32, #ait.layout<"NHWC">>, tensor<1x4x3x3xf32, #ait.layout<"NHWC">>, tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x1x1xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
}

// XNNPACK may read outside a padded input with a dilated window.
// CHECK-LABEL: @dilated_pools
// IGNORED: "xnn.max_pool2d"
// KEPT: "rvv.pool2d"
// CHECK: "rvv.pool2d"
func.func @dilated_pools(%x: tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> (tensor<1x4x2x2xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) {
  %0 = "ait.max_pool2d"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 2, 2>, ceil_mode = false} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x2x2xf32, #ait.layout<"NHWC">>
  %1 = "ait.max_pool2d"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 2, 2>, ceil_mode = false} : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  return %0, %1 : tensor<1x4x2x2xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
}

// CHECK-LABEL: @products
// IGNORED: "xnn.fully_connected"(%arg0, {{.*}}min = 0.000000e+00 : f32
// KEPT: "xnn.fully_connected"(%arg0, {{.*}}min = 0xFF800000 : f32
// KEPT: "rvv.unary"{{.*}}epilogue = {act = "relu"}
// CHECK: "xnn.fully_connected"
// CHECK: "rvv.matmul"
func.func @products(%x: tensor<3x2xf32>) -> tensor<3x3xf32> {
  %w = "ait.constant"() {value = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  %b = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.gemm"(%x, %w, %b) {epilogue = {act = "relu"}} : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %1 = "ait.matmul"(%0, %w) : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %2 = "ait.transpose"(%1) {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %3 = "ait.matmul"(%1, %2) : (tensor<3x2xf32>, tensor<2x3xf32>) -> tensor<3x3xf32>
  return %3 : tensor<3x3xf32>
}

}
