// RUN: ait-opt %s --ait-eqsat=layout=nhwc --ait-canonicalize | FileCheck %s

// Where dense convolutions are in NHWC, a pruned one still is in CNHW, and so is the depthwise one after it: one conversion
// each way, which the skip connection shares.
// CHECK-LABEL: @block
// CHECK: %[[X:.*]] = "ait.convert_layout"(%arg0) {{.*}}NHWC
// CHECK: %[[S:.*]] = "ait.conv2d"(%[[X]], {{.*}} -> tensor<1x4x8x8xf32, #ait.layout<"NHWC">>
// CHECK-NEXT: %[[C:.*]] = "ait.convert_layout"(%[[S]]) {{.*}}CNHW
// CHECK-NEXT: %[[P:.*]] = "ait.conv2d"(%[[C]], {{.*}}act = "relu"{{.*}}#nm.columns<2 : i64, 4 : i64, 4 : i64>{{.*}} -> tensor<1x4x8x8xf32, #ait.layout<"CNHW">>
// CHECK-NEXT: %[[D:.*]] = "ait.conv2d"(%[[P]], {{[^,]*, [^,]*}}, %[[C]]) {{.*}}groups = 4{{.*}} -> tensor<1x4x8x8xf32, #ait.layout<"CNHW">>
// CHECK-NEXT: %[[I:.*]] = "ait.convert_layout"(%[[D]]) {{.*}}NHWC
// CHECK-NEXT: %[[E:.*]] = "ait.conv2d"(%[[I]], {{.*}} -> tensor<1x4x8x8xf32, #ait.layout<"NHWC">>
// CHECK-NEXT: %[[R:.*]] = "ait.convert_layout"(%[[E]])
// CHECK-NEXT: return %[[R]]
func.func @block(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<4x4x1x1xf32>} : () -> tensor<4x4x1x1xf32>
  %p = "ait.constant"() {value = dense<0.0> : tensor<4x4x1x1xf32, #nm.columns<2, 4, 4>>} : () -> tensor<4x4x1x1xf32, #nm.columns<2, 4, 4>>
  %d = "ait.constant"() {value = dense<1.0> : tensor<4x1x1x1xf32>} : () -> tensor<4x1x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %1 = "ait.conv2d"(%0, %p, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32, #nm.columns<2, 4, 4>>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %2 = "ait.activation"(%1) {epilogue = {act = "relu"}} : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %3 = "ait.conv2d"(%2, %d, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x1x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  %4 = "ait.add"(%0, %3) {epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %5 = "ait.conv2d"(%4, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  return %5 : tensor<1x4x8x8xf32>
}
