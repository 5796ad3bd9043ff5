// Weights that rules put together are computed when the result is written.
// RUN: ait-opt %s --pass-pipeline='ait-eqsat{layout=cnhw},ait-canonicalize' | FileCheck %s

// V (W x + b) + c with V W = [[1, 4], [3, 8], [0, 2]] and V b + c = [12, 23, 32]; the relu stays.
// CHECK-LABEL: @composed
// CHECK-DAG: %[[W:.*]] = "ait.constant"() {value = dense<{{\[\[\[\[}}1.000000e+00]], {{\[\[}}4.000000e+00]]], {{\[\[\[}}3.000000e+00]], {{\[\[}}8.000000e+00]]], {{\[\[\[}}0.000000e+00]], {{\[\[}}2.000000e+00]]]]>
// CHECK-DAG: %[[B:.*]] = "ait.constant"() {value = dense<[1.200000e+01, 2.300000e+01, 3.200000e+01]>
// CHECK: "ait.conv2d"(%{{.*}}, %[[W]], %[[B]]) {{.*}}act = "relu"
// CHECK-NOT: "ait.conv2d"
func.func @composed(%x: tensor<1x2x8x8xf32>) -> tensor<1x3x8x8xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[0.0]]], [[[0.0]], [[2.0]]]]> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %b = "ait.constant"() {value = dense<[1.0, 0.5]> : tensor<2xf32>} : () -> tensor<2xf32>
  %v = "ait.constant"() {value = dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]], [[[0.0]], [[1.0]]]]> : tensor<3x2x1x1xf32>} : () -> tensor<3x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[10.0, 18.0, 31.5]> : tensor<3xf32>} : () -> tensor<3xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x8x8xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x8x8xf32>
  %1 = "ait.conv2d"(%0, %v, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x8x8xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<1x3x8x8xf32>
  return %1 : tensor<1x3x8x8xf32>
}

// Not where the product has more weights than both.
// CHECK-LABEL: @not_composed
// CHECK: "ait.conv2d"
// CHECK: "ait.conv2d"
func.func @not_composed(%x: tensor<1x32x16x16xf32>) -> tensor<1x32x16x16xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<2x32x1x1xf32>} : () -> tensor<2x32x1x1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %v = "ait.constant"() {value = dense<0.25> : tensor<32x2x1x1xf32>} : () -> tensor<32x2x1x1xf32>
  %c = "ait.constant"() {value = dense<1.0> : tensor<32xf32>} : () -> tensor<32xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x32x16x16xf32>, tensor<2x32x1x1xf32>, tensor<2xf32>) -> tensor<1x2x16x16xf32>
  %1 = "ait.conv2d"(%0, %v, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x16x16xf32>, tensor<32x2x1x1xf32>, tensor<32xf32>) -> tensor<1x32x16x16xf32>
  return %1 : tensor<1x32x16x16xf32>
}

// Two filters of one input, concatenated: one convolution, no concatenation.
// CHECK-LABEL: @siblings
// CHECK-DAG: %[[W:.*]] = "ait.constant"() {value = dense<{{\[\[\[\[}}1.000000e+00]], {{\[\[}}2.000000e+00]]], {{\[\[\[}}3.000000e+00]], {{\[\[}}4.000000e+00]]], {{\[\[\[}}5.000000e+00]], {{\[\[}}6.000000e+00]]]]>
// CHECK-DAG: %[[B:.*]] = "ait.constant"() {value = dense<[7.000000e+00, 8.000000e+00, 9.000000e+00]>
// CHECK: "ait.conv2d"(%{{.*}}, %[[W]], %[[B]])
// CHECK-NOT: "ait.concat"
func.func @siblings(%x: tensor<1x2x8x8xf32>) -> tensor<1x3x8x8xf32> {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[2.0]]]]> : tensor<1x2x1x1xf32>} : () -> tensor<1x2x1x1xf32>
  %b = "ait.constant"() {value = dense<7.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %v = "ait.constant"() {value = dense<[[[[3.0]], [[4.0]]], [[[5.0]], [[6.0]]]]> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[8.0, 9.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x8x8xf32>, tensor<1x2x1x1xf32>, tensor<1xf32>) -> tensor<1x1x8x8xf32>
  %1 = "ait.conv2d"(%x, %v, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x8x8xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x8x8xf32>
  %2 = "ait.concat"(%0, %1) {axis = 1 : i64} : (tensor<1x1x8x8xf32>, tensor<1x2x8x8xf32>) -> tensor<1x3x8x8xf32>
  return %2 : tensor<1x3x8x8xf32>
}

// DenseNet's transition: a mean of a quarter of the positions first, then the convolution of what is left.
// CHECK-LABEL: @transition
// CHECK: %[[P:.*]] = "ait.avg_pool2d"
// CHECK: "ait.conv2d"(%[[P]],
func.func @transition(%x: tensor<1x64x16x16xf32>) -> tensor<1x32x8x8xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<32x64x1x1xf32>} : () -> tensor<32x64x1x1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<32xf32>} : () -> tensor<32xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x64x16x16xf32>, tensor<32x64x1x1xf32>, tensor<32xf32>) -> tensor<1x32x16x16xf32>
  %1 = "ait.avg_pool2d"(%0) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false, count_include_pad = false} : (tensor<1x32x16x16xf32>) -> tensor<1x32x8x8xf32>
  return %1 : tensor<1x32x8x8xf32>
}
