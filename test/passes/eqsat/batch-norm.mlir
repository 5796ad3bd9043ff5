// RUN: ait-opt %s --pass-pipeline='ait-eqsat{rules=batch-norm,fusion},ait-canonicalize' | FileCheck %s

// DenseNet: BN-ReLU-conv-BN. The first batch norm has no convolution before it and becomes a scale_bias with the ReLU; the
// second one goes into the weights: 2 * 0.5 and 2 * 1 + 3.
// CHECK-LABEL: @dense_layer
// CHECK: %[[Y:.*]] = "ait.scale_bias"(%arg0, %{{.*}}, %{{.*}}) {epilogue = {act = "relu"}}
// CHECK-NEXT: %[[W:.*]] = "ait.constant"() {value = dense<1.000000e+00> : tensor<4x4x1x1xf32>}
// CHECK-NEXT: %[[B:.*]] = "ait.constant"() {value = dense<5.000000e+00> : tensor<4xf32>}
// CHECK-NEXT: %[[Z:.*]] = "ait.conv2d"(%[[Y]], %[[W]], %[[B]]) {{.*}}act = "identity"
// CHECK-NEXT: return %[[Z]]
func.func @dense_layer(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %scale = "ait.constant"() {value = dense<4.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %bias = "ait.constant"() {value = dense<3.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %mean = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %variance = "ait.constant"() {value = dense<3.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.batch_norm"(%x, %scale, %bias, %mean, %variance) {epsilon = 1.0 : f32} : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %1 = "ait.activation"(%0) {epilogue = {act = "relu"}} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = "ait.conv2d"(%1, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %3 = "ait.batch_norm"(%2, %scale, %bias, %mean, %variance) {epsilon = 1.0 : f32} : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  return %3 : tensor<1x4x8x8xf32>
}

// A ReLU between a convolution and a batch norm does not commute with it.
// CHECK-LABEL: @relu_between
// CHECK: "ait.conv2d"{{.*}}act = "relu"
// CHECK: "ait.scale_bias"
func.func @relu_between(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %one = "ait.constant"() {value = dense<1.5> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %1 = "ait.batch_norm"(%0, %one, %b, %b, %one) {epsilon = 1.0 : f32} : (tensor<1x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}
