// RUN: ait-opt %s | ait-opt | FileCheck %s

// CHECK-LABEL: func.func @tensors
// CHECK: "xnn.conv2d"{{.*}}depthwise = false{{.*}}max = 0x7F800000 : f32
// CHECK: "xnn.max_pool2d"
// CHECK: "xnn.binary"{{.*}}fn = "add"
func.func @tensors(%x: tensor<1x3x8x8xf32, #ait.layout<"NHWC">>, %w: tensor<4x3x3x3xf32>, %b: tensor<4xf32>)
    -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">> {
  %e = tensor.empty() : tensor<1x4x8x8xf32, #ait.layout<"NHWC">>
  %y = "xnn.conv2d"(%x, %w, %b, %e) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
    groups = 1 : i64, depthwise = false, min = 0.0 : f32, max = 0x7F800000 : f32}
    : (tensor<1x3x8x8xf32, #ait.layout<"NHWC">>, tensor<4x3x3x3xf32>, tensor<4xf32>, tensor<1x4x8x8xf32, #ait.layout<"NHWC">>)
    -> tensor<1x4x8x8xf32, #ait.layout<"NHWC">>
  %f = tensor.empty() : tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %p = "xnn.max_pool2d"(%y, %f) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, min = 0xFF800000 : f32, max = 0x7F800000 : f32}
    : (tensor<1x4x8x8xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>) -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  %a = "xnn.binary"(%p, %p, %f) {fn = "add", min = 0xFF800000 : f32, max = 0x7F800000 : f32}
    : (tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>, tensor<1x4x4x4xf32, #ait.layout<"NHWC">>)
    -> tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
  return %a : tensor<1x4x4x4xf32, #ait.layout<"NHWC">>
}

// CHECK-LABEL: func.func @buffers
// CHECK: "xnn.softmax"(%{{.*}}, %{{.*}}) : (memref<2x10xf32>, memref<2x10xf32>) -> ()
func.func @buffers(%x: memref<2x10xf32>, %y: memref<2x10xf32>) {
  "xnn.softmax"(%x, %y) : (memref<2x10xf32>, memref<2x10xf32>) -> ()
  return
}
