// RUN: ait-opt %s --ait-eqsat=layout=nhwc | FileCheck %s --check-prefixes=CHECK,NHWC -DL=NHWC
// RUN: ait-opt %s --ait-eqsat=layout=cnhw | FileCheck %s --check-prefixes=CHECK,CNHW -DL=CNHW

// NHWC: module attributes {ait.layout = "nhwc"}
// CNHW: module attributes {ait.layout = "cnhw"}

// The argument is converted once, a constant not at all, and the result back.
// CHECK-LABEL: @elementwise
// CHECK: %[[C:.*]] = "ait.constant"{{.*}} -> tensor<1x3x4x5xf32>
// CHECK: %[[X:.*]] = "ait.convert_layout"(%arg0) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32, #ait.layout<"[[L]]">>
// CHECK: %[[A:.*]] = "ait.add"(%[[X]], %[[C]]) {{.*}} -> tensor<2x3x4x5xf32, #ait.layout<"[[L]]">>
// CHECK: %[[B:.*]] = "ait.mul"(%[[A]], %[[X]])
// CHECK-NOT: convert_layout
// CHECK: %[[R:.*]] = "ait.convert_layout"(%[[B]]) : {{.*}} -> tensor<2x3x4x5xf32>
// CHECK: return %[[R]]
func.func @elementwise(%x: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %c = "ait.constant"() {value = dense<1.0> : tensor<1x3x4x5xf32>} : () -> tensor<1x3x4x5xf32>
  %0 = "ait.add"(%x, %c) {epilogue = {act = "identity"}} : (tensor<2x3x4x5xf32>, tensor<1x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  %1 = "ait.mul"(%0, %x) {epilogue = {act = "identity"}} : (tensor<2x3x4x5xf32>, tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %1 : tensor<2x3x4x5xf32>
}

// Reshape and transpose are defined by logical order; other ranks have no layout.
// CHECK-LABEL: @logical
// CHECK: %[[P:.*]] = "ait.global_max_pool"({{.*}} -> tensor<2x3x1x1xf32, #ait.layout<"[[L]]">>
// CHECK: %[[Q:.*]] = "ait.convert_layout"(%[[P]]) : {{.*}} -> tensor<2x3x1x1xf32>
// CHECK: "ait.reshape"(%[[Q]]) : (tensor<2x3x1x1xf32>) -> tensor<2x3xf32>
// CHECK: %[[T:.*]] = "ait.transpose"(%arg0) {{.*}} : (tensor<2x3x4x5xf32>) -> tensor<2x4x5x3xf32>
// CHECK: "ait.convert_layout"(%[[T]]) : (tensor<2x4x5x3xf32>) -> tensor<2x4x5x3xf32, #ait.layout<"[[L]]">>
func.func @logical(%x: tensor<2x3x4x5xf32>) -> (tensor<2x3xf32>, tensor<2x4x5x3xf32>) {
  %0 = "ait.global_max_pool"(%x) : (tensor<2x3x4x5xf32>) -> tensor<2x3x1x1xf32>
  %1 = "ait.reshape"(%0) : (tensor<2x3x1x1xf32>) -> tensor<2x3xf32>
  %2 = "ait.softmax"(%1) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "ait.transpose"(%x) {permutation = array<i64: 0, 2, 3, 1>} : (tensor<2x3x4x5xf32>) -> tensor<2x4x5x3xf32>
  %4 = "ait.activation"(%3) {epilogue = {act = "relu"}} : (tensor<2x4x5x3xf32>) -> tensor<2x4x5x3xf32>
  return %2, %4 : tensor<2x3xf32>, tensor<2x4x5x3xf32>
}

// Rank 5 has no layout, so what it is made from must be in logical order.
// CHECK-LABEL: @rank5
// CHECK-NOT: "ait.convert_layout"(%arg
// CHECK: "ait.add"(%arg0, %arg1) {{.*}} -> tensor<2x2x3x4x5xf32>
func.func @rank5(%x: tensor<2x3x4x5xf32>, %y: tensor<2x1x3x4x5xf32>) -> tensor<2x2x3x4x5xf32> {
  %0 = "ait.add"(%x, %y) {epilogue = {act = "identity"}} : (tensor<2x3x4x5xf32>, tensor<2x1x3x4x5xf32>) -> tensor<2x2x3x4x5xf32>
  return %0 : tensor<2x2x3x4x5xf32>
}
