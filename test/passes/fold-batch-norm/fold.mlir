// RUN: ait-opt %s --ait-fold-batch-norm --split-input-file | FileCheck %s

// scale / sqrt(variance + epsilon) = 2 / sqrt(3 + 1) = 1 and 6 / sqrt(8 + 1) = 2;
// the bias becomes s * b + (bias - mean * s) = 1 * 1 + (10 - 1) and 2 * 2 + (20 - 2 * 2).
// CHECK-LABEL: @conv
// CHECK-DAG: %[[W:.*]] = "ait.constant"() {value = dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}> : tensor<2x1x1x1xf32>}
// CHECK-DAG: %[[B:.*]] = "ait.constant"() {value = dense<[1.000000e+01, 2.000000e+01]> : tensor<2xf32>}
// CHECK: "ait.conv2d"(%arg0, %[[W]], %[[B]])
// CHECK-NOT: ait.batch_norm
func.func @conv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %b = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %scale = "ait.constant"() {value = dense<[2.0, 6.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %bias = "ait.constant"() {value = dense<[10.0, 20.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %mean = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %var = "ait.constant"() {value = dense<[3.0, 8.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.batch_norm"(%0, %scale, %bias, %mean, %var) {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// Never through a ReLU: DenseNet's order.
// CHECK-LABEL: @relu_between
// CHECK: "ait.conv2d"{{.*}}act = "relu"
// CHECK: "ait.scale_bias"
func.func @relu_between(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.batch_norm"(%0, %c, %c, %c, %c) {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// Another user sees the convolution's own result.
// CHECK-LABEL: @two_users
// CHECK: %[[C:.*]] = "ait.conv2d"
// CHECK: "ait.scale_bias"(%[[C]]
func.func @two_users(%x: tensor<1x2x4x4xf32>) -> (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.batch_norm"(%0, %c, %c, %c, %c) {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %0, %1 : tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>
}

// -----

// (x * 2 + [1, 2] - 4) / 2 after a gemm with weights 1 and bias 0.
// CHECK-LABEL: @gemm_and_constants
// CHECK: %[[B:.*]] = "ait.constant"() {value = dense<[-1.500000e+00, -1.000000e+00]> : tensor<2xf32>}
// CHECK: %[[Y:.*]] = "ait.gemm"(%arg0, %{{.*}}, %[[B]]) {epilogue = {act = "relu"}}
// CHECK-NEXT: return %[[Y]]
func.func @gemm_and_constants(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  %zero = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %two = "ait.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %four = "ait.constant"() {value = dense<4.0> : tensor<1x1xf32>} : () -> tensor<1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.gemm"(%x, %w, %zero) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %1 = "ait.mul"(%two, %0) {epilogue = {act = "identity"}} : (tensor<f32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = "ait.add"(%1, %c) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %3 = "ait.sub"(%2, %four) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<1x1xf32>) -> tensor<3x2xf32>
  %4 = "ait.div"(%3, %two) {epilogue = {act = "relu"}} : (tensor<3x2xf32>, tensor<f32>) -> tensor<3x2xf32>
  return %4 : tensor<3x2xf32>
}

// -----

// A constant that varies along W is no bias.
// CHECK-LABEL: @along_w
// CHECK: "ait.conv2d"
// CHECK: "ait.add"
func.func @along_w(%x: tensor<1x2x4x2xf32>) -> tensor<1x2x4x2xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x2xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x2xf32>
  %1 = "ait.add"(%0, %c) {epilogue = {act = "identity"}} : (tensor<1x2x4x2xf32>, tensor<2xf32>) -> tensor<1x2x4x2xf32>
  return %1 : tensor<1x2x4x2xf32>
}
