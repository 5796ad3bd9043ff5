// RUN: ait-opt %s | ait-opt | FileCheck %s
// RUN: mlir-opt --irdl-file=%repo/dialects/irdl/ait.mlir %s | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK: "ait.conv2d"(%{{.*}}, %{{.*}}, %{{.*}}) {{.*}}epilogue = {act = "clip", max = 6.000000e+00 : f32, min = 0.000000e+00 : f32}
// CHECK-SAME: -> tensor<2x6x4x4xf32, #ait.layout<"CNHW">>
// CHECK: "ait.conv2d"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
func.func @conv(%x: tensor<2x4x8x8xf32>) -> tensor<2x6x4x4xf32, #ait.layout<"CNHW">> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<6x2x3x3xf32>} : () -> tensor<6x2x3x3xf32>
  %b = "ait.constant"() {value = dense<0.5> : tensor<6xf32>} : () -> tensor<6xf32>
  %c = "ait.convert_layout"(%x) : (tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32, #ait.layout<"CNHW">>
  %y = "ait.conv2d"(%c, %w, %b) {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    groups = 2 : i64, epilogue = {act = "clip", min = 0.0 : f32, max = 6.0 : f32}}
    : (tensor<2x4x8x8xf32, #ait.layout<"CNHW">>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<2x6x4x4xf32, #ait.layout<"CNHW">>
  %z = "ait.conv2d"(%c, %w, %b, %y) {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    groups = 2 : i64, epilogue = {act = "relu"}}
    : (tensor<2x4x8x8xf32, #ait.layout<"CNHW">>, tensor<6x2x3x3xf32>, tensor<6xf32>, tensor<2x6x4x4xf32, #ait.layout<"CNHW">>)
    -> tensor<2x6x4x4xf32, #ait.layout<"CNHW">>
  return %z : tensor<2x6x4x4xf32, #ait.layout<"CNHW">>
}

// CHECK-LABEL: func.func @shapes
// CHECK: "ait.max_pool2d"{{.*}}ceil_mode = true
// CHECK: "ait.concat"{{.*}} -> tensor<1x4x2x2xf32>
// CHECK: "ait.slice"{{.*}} -> tensor<1x2x2x2xf32>
// CHECK: "ait.pad"{{.*}} -> tensor<1x2x4x3xf32>
// CHECK: "ait.transpose"{{.*}} -> tensor<1x4x3x2xf32>
// CHECK: "ait.reshape"{{.*}} -> tensor<4x6xf32>
// CHECK: "ait.gemm"{{.*}} -> tensor<4x2xf32>
// CHECK: "ait.softmax"{{.*}}axis = 1
func.func @shapes(%x: tensor<1x2x4x4xf32>) -> tensor<4x2xf32> {
  %p = "ait.max_pool2d"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, ceil_mode = true} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %q = "ait.concat"(%p, %p) {axis = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x4x2x2xf32>
  %s = "ait.slice"(%q) {starts = array<i64: 0, 3, 0, 1>, sizes = array<i64: 1, 2, 2, 2>, steps = array<i64: 1, -2, 1, -1>}
    : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x2xf32>
  %t = "ait.pad"(%s) {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 1>, value = 0.0 : f32}
    : (tensor<1x2x2x2xf32>) -> tensor<1x2x4x3xf32>
  %u = "ait.transpose"(%t) {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x3xf32>) -> tensor<1x4x3x2xf32>
  %v = "ait.reshape"(%u) : (tensor<1x4x3x2xf32>) -> tensor<4x6xf32>
  %w = "ait.constant"() {value = dense<2.0> : tensor<2x6xf32>} : () -> tensor<2x6xf32>
  %b = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %g = "ait.gemm"(%v, %w, %b) {epilogue = {act = "identity"}} : (tensor<4x6xf32>, tensor<2x6xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %m = "ait.softmax"(%g) {axis = 1 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return %m : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @elementwise
// CHECK: "ait.batch_norm"
// CHECK: "ait.scale_bias"
// CHECK: "ait.add"{{.*}} -> tensor<2x3x5x5xf32>
// CHECK: "ait.prelu"
// CHECK: "ait.activation"{{.*}}alpha = 2.000000e-01 : f32, beta = 5.000000e-01 : f32
// CHECK: "ait.avg_pool2d"{{.*}}count_include_pad = true
// CHECK: "ait.global_avg_pool"
// CHECK: "ait.matmul"{{.*}} -> tensor<2x3x1x4xf32>
func.func @elementwise(%x: tensor<2x3x5x5xf32>, %c: tensor<3xf32>, %r: tensor<3x1x1xf32>, %m: tensor<1x4xf32>) -> tensor<2x3x1x4xf32> {
  %n = "ait.batch_norm"(%x, %c, %c, %c, %c) {epsilon = 1.0e-5 : f32}
    : (tensor<2x3x5x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x5x5xf32>
  %s = "ait.scale_bias"(%n, %c, %c) {epilogue = {act = "silu"}}
    : (tensor<2x3x5x5xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x5x5xf32>
  %a = "ait.add"(%s, %r) {epilogue = {act = "hard_swish"}} : (tensor<2x3x5x5xf32>, tensor<3x1x1xf32>) -> tensor<2x3x5x5xf32>
  %p = "ait.prelu"(%a, %r) : (tensor<2x3x5x5xf32>, tensor<3x1x1xf32>) -> tensor<2x3x5x5xf32>
  %h = "ait.activation"(%p) {epilogue = {act = "hard_sigmoid", alpha = 0.2 : f32, beta = 0.5 : f32}}
    : (tensor<2x3x5x5xf32>) -> tensor<2x3x5x5xf32>
  %v = "ait.avg_pool2d"(%h) {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>,
    dilations = array<i64: 1, 1>, ceil_mode = false, count_include_pad = true} : (tensor<2x3x5x5xf32>) -> tensor<2x3x5x5xf32>
  %g = "ait.global_avg_pool"(%v) : (tensor<2x3x5x5xf32>) -> tensor<2x3x1x1xf32>
  %q = "ait.matmul"(%g, %m) : (tensor<2x3x1x1xf32>, tensor<1x4xf32>) -> tensor<2x3x1x4xf32>
  return %q : tensor<2x3x1x4xf32>
}
