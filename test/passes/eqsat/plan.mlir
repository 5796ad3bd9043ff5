// RUN: rm -rf %t && split-file %s %t && cd %t
// RUN: ait-opt net.mlir --ait-eqsat=plan=first.toml | FileCheck net.mlir --check-prefix=FIRST
// RUN: ait-opt net.mlir --ait-eqsat=plan=second.toml | FileCheck net.mlir --check-prefix=SECOND
// RUN: not ait-opt net.mlir --ait-eqsat=plan=nothing.toml 2>&1 | FileCheck net.mlir --check-prefix=NOTHING
// RUN: not ait-opt net.mlir --ait-eqsat=plan=layout.toml 2>&1 | FileCheck net.mlir --check-prefix=LAYOUT
// RUN: not ait-opt net.mlir '--ait-eqsat=plan=first.toml layout=cnhw' 2>&1 | FileCheck net.mlir --check-prefix=AUTO

//--- first.toml
[[layer]]
name = "*"
layout = "cnhw"
[[layer]]
name = "/a/*"
layout = "nhwc"
//--- second.toml
[[layer]]
name = "/[bc]/*"
layout = "nhwc"
[[layer]]
name = "/a/Conv"
layout = "cnhw"
//--- nothing.toml
[[layer]]
name = "/a/*"
layout = "nhwc"
[[layer]]
name = "/d/*"
layout = "nhwc"
//--- layout.toml
[[layer]]
name = "/a/*"
layout = "nchw"
//--- net.mlir
// The layers have the layouts that the plan gives them, with conversions between.
// FIRST: "ait.conv2d"{{.*}} -> tensor<1x8x9x9xf32, #ait.layout<"NHWC">>
// FIRST: "ait.convert_layout"{{.*}} -> tensor<1x8x9x9xf32, #ait.layout<"CNHW">>
// FIRST: "ait.conv2d"{{.*}} -> tensor<1x8x9x9xf32, #ait.layout<"CNHW">>
// FIRST: "ait.max_pool2d"{{.*}} -> tensor<1x8x3x3xf32, #ait.layout<"CNHW">>
// SECOND: "ait.conv2d"{{.*}} -> tensor<1x8x9x9xf32, #ait.layout<"CNHW">>
// SECOND: "ait.conv2d"{{.*}} -> tensor<1x8x9x9xf32, #ait.layout<"NHWC">>
// SECOND: "ait.max_pool2d"{{.*}} -> tensor<1x8x3x3xf32, #ait.layout<"NHWC">>
// NOTHING: nothing.toml:5:8: error: no layer's name matches '/d/*'
// LAYOUT: layout.toml:3:10: error: layout 'nchw' is not nhwc or cnhw
// AUTO: error: a plan needs layout=auto
func.func @main(%x: tensor<1x8x9x9xf32>) -> tensor<1x8x3x3xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<8x8x1x1xf32>} : () -> tensor<8x8x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<8xf32>} : () -> tensor<8xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x8x9x9xf32>, tensor<8x8x1x1xf32>, tensor<8xf32>) -> tensor<1x8x9x9xf32> loc("/a/Conv")
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x8x9x9xf32>, tensor<8x8x1x1xf32>, tensor<8xf32>) -> tensor<1x8x9x9xf32> loc("/b/Conv")
  %2 = "ait.max_pool2d"(%1) {kernel = array<i64: 3, 3>, strides = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x8x9x9xf32>) -> tensor<1x8x3x3xf32> loc("/c/MaxPool")
  return %2 : tensor<1x8x3x3xf32>
}
