// RUN: ait-opt %s --ait-eqsat=rules=fusion,pad --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// The sum and the ReLU after it go into one of the convolutions, which keeps its name.
// CHECK-LABEL: @block
// CHECK: %[[A:.*]] = "ait.conv2d"(%arg{{.*}}act = "identity"{{.*}}loc("{{conv|downsample}}")
// CHECK-NEXT: "ait.conv2d"(%arg{{[01]}}, %{{[^,]*}}, %{{[^,]*}}, %[[A]]) {{.*}}act = "relu"{{.*}}loc("{{conv|downsample}}")
// CHECK-NEXT: return
func.func @block(%x: tensor<1x2x4x4xf32>, %y: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32> loc("downsample")
  %1 = "ait.conv2d"(%y, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32> loc("conv")
  %2 = "ait.add"(%0, %1) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("sum")
  %3 = "ait.activation"(%2) {epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("relu")
  return %3 : tensor<1x2x4x4xf32>
}

// The residual is computed after the convolution: the convolution moves behind it.
// CHECK-LABEL: @later
// CHECK: %[[R:.*]] = "ait.max_pool2d"
// CHECK-NEXT: %[[C:.*]] = "ait.conv2d"(%arg0, %{{[^,]*}}, %{{[^,]*}}, %[[R]])
func.func @later(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.max_pool2d"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = "ait.add"(%0, %1) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// relu(conv) + x is not relu(conv + x).
// CHECK-LABEL: @relu_first
// CHECK: "ait.conv2d"{{.*}}act = "relu"
// CHECK: "ait.add"
func.func @relu_first(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = "ait.activation"(%0) {epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = "ait.add"(%1, %x) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// A sum that broadcasts is no residual.
// CHECK-LABEL: @broadcast
// CHECK: "ait.gemm"
// CHECK: "ait.add"
func.func @broadcast(%x: tensor<3x2xf32>, %r: tensor<1x2xf32>) -> tensor<3x2xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  %c = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.gemm"(%x, %w, %c) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %1 = "ait.add"(%0, %r) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}
