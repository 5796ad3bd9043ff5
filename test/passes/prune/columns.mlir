// RUN: ait-opt %s --ait-prune=sparsity=0.5 --split-input-file | FileCheck %s
// RUN: ait-opt %s --ait-prune='n=1 m=2' --split-input-file | FileCheck %s --check-prefix=NM
// RUN: ait-opt %s --ait-prune='config=%S/Inputs/all.toml score=l2' --split-input-file | FileCheck %s --check-prefix=CONFIG

// The stem stays, the second convolution is pruned: columns are (tap, channel), so the filter's elements [c, kw] are columns
// kw * 2 + c. Magnitudes of columns 0 to 3 over both rows: 1 + 4, 3 + 1, 2 + 2, 1 + 1; with squares 17, 10, 8, 2.
// CHECK-LABEL: @chain
// CHECK-DAG: %[[S:.*]] = "ait.constant"() {value = dense<1.000000e+00> : tensor<2x1x1x1xf32>}
// CHECK: "ait.conv2d"(%arg0, %[[S]],
// CHECK: %[[W:.*]] = "ait.constant"() {value = dense<{{\[\[\[\[}}1.000000e+00, 0.000000e+00]], {{\[\[}}3.000000e+00, 0.000000e+00]]], {{\[\[\[}}-4.000000e+00, 0.000000e+00]], {{\[\[}}1.000000e+00, 0.000000e+00]]]]> : tensor<2x2x1x2xf32, #nm.columns<2 : i64, 4 : i64, 2 : i64>>}
// CHECK: "ait.conv2d"(%{{.*}}, %[[W]],
// CHECK: "ait.gemm"{{.*}} tensor<2x18xf32>,

// One of columns 0 and 1, one of 2 and 3.
// NM-LABEL: @chain
// NM: dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00]], {{\[\[}}0.000000e+00, 0.000000e+00]]], {{\[\[\[}}-4.000000e+00, -2.000000e+00]], {{\[\[}}0.000000e+00, 0.000000e+00]]]]> : tensor<2x2x1x2xf32, #nm.columns<1 : i64, 2 : i64, 2 : i64>>

// A tile of one row each, three of four columns; the stem and the gemm by name.
// CONFIG-LABEL: @chain
// CONFIG-DAG: dense<{{.*}}> : tensor<2x18xf32, #nm.columns<9 : i64, 18 : i64, 2 : i64>>
// CONFIG-DAG: dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00]], {{\[\[}}3.000000e+00, 0.000000e+00]]], {{\[\[\[}}-4.000000e+00, -2.000000e+00]], {{\[\[}}1.000000e+00, 0.000000e+00]]]]> : tensor<2x2x1x2xf32, #nm.columns<3 : i64, 4 : i64, 1 : i64>>
func.func @chain(%x: tensor<1x1x3x4xf32>) -> tensor<1x2xf32> {
  %s = "ait.constant"() {value = dense<1.0> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %w = "ait.constant"() {value = dense<[[[[1.0, 2.0]], [[3.0, 1.0]]], [[[-4.0, -2.0]], [[1.0, -1.0]]]]> : tensor<2x2x1x2xf32>} : () -> tensor<2x2x1x2xf32>
  %g = "ait.constant"() {value = dense<1.0> : tensor<2x18xf32>} : () -> tensor<2x18xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %s, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x1x3x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x4xf32> loc("stem")
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x4xf32>, tensor<2x2x1x2xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32> loc("body/conv")
  %2 = "ait.reshape"(%1) : (tensor<1x2x3x3xf32>) -> tensor<1x18xf32>
  %3 = "ait.gemm"(%2, %g, %b) {epilogue = {act = "identity"}} : (tensor<1x18xf32>, tensor<2x18xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("fc")
  return %3 : tensor<1x2xf32>
}

// -----

// Depthwise convolutions stay. A filter that two convolutions share is pruned for the one that is not the stem; the other
// keeps it. Tiles do not cross groups. (The names are those of the config's patterns.)
// CHECK-LABEL: @shared
// CHECK-DAG: %[[D:.*]] = "ait.constant"() {value = dense<2.000000e+00> : tensor<2x1x1x1xf32>}
// CHECK-DAG: %[[F:.*]] = "ait.constant"() {value = dense<{{.*}}> : tensor<4x2x1x1xf32>} : () -> tensor<4x2x1x1xf32>
// CHECK: "ait.conv2d"(%arg0, %[[F]],
// CHECK: %[[P:.*]] = "ait.constant"() {{.*}} tensor<4x2x1x1xf32, #nm.columns<1 : i64, 2 : i64, 2 : i64>>
// CHECK: "ait.conv2d"(%{{.*}}, %[[P]],
// CHECK: "ait.conv2d"(%arg1, %[[D]],
func.func @shared(%x: tensor<1x2x3x3xf32>, %y: tensor<1x2x3x3xf32>) -> (tensor<1x4x3x3xf32>, tensor<1x2x3x3xf32>, tensor<1x1xf32>) {
  %w = "ait.constant"() {value = dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]], [[[6.0]], [[5.0]]], [[[8.0]], [[7.0]]]]> : tensor<4x2x1x1xf32>} : () -> tensor<4x2x1x1xf32>
  %d = "ait.constant"() {value = dense<2.0> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %c = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %z = "ait.constant"() {value = dense<1.0> : tensor<1x2xf32>} : () -> tensor<1x2xf32>
  %o = "ait.constant"() {value = dense<1.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<4x2x1x1xf32>, tensor<4xf32>) -> tensor<1x4x3x3xf32> loc("stem")
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64, epilogue = {act = "relu"}} : (tensor<1x4x3x3xf32>, tensor<4x2x1x1xf32>, tensor<4xf32>) -> tensor<1x4x3x3xf32> loc("body/grouped")
  %2 = "ait.conv2d"(%y, %d, %c) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32> loc("depthwise")
  %3 = "ait.gemm"(%z, %z, %o) {epilogue = {act = "identity"}} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32> loc("fc")
  return %1, %2, %3 : tensor<1x4x3x3xf32>, tensor<1x2x3x3xf32>, tensor<1x1xf32>
}
