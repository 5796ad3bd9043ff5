// RUN: ait-opt --ait-plan-buffers %s | FileCheck %s

// Offsets are multiples of 64 bytes and equal constants share theirs. An operand that has to be channels last is
// stored so.

#nhwc = #ait.layout<"NHWC">
// CHECK: ait.weights_bytes = 192
module @constants {
  func.func @main(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
    %a = "ait.constant"() {value = dense<[[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]]> : tensor<1x2x2x2xf32>} : () -> tensor<1x2x2x2xf32>
    %s = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %t = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %b = "ait.constant"() {value = dense<[3.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    %e = tensor.empty() : tensor<1x2x2x2xf32, #nhwc>
    %i = "ait.convert_layout"(%x) : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32, #nhwc>
    // CHECK: "rvv.constant"() {offset = 0 : i64, {{.*}}} : () -> memref<1x2x2x2xf32, strided<[{{[0-9]+}}, 1, 4, 2]>>
    %p = "xnn.binary"(%i, %a, %e) {fn = "add", min = 0xFF800000 : f32, max = 0x7F800000 : f32} : (tensor<1x2x2x2xf32, #nhwc>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32, #nhwc>
    // CHECK: "rvv.constant"() {offset = 64 : i64
    // CHECK: "rvv.constant"() {offset = 128 : i64
    // CHECK: "rvv.scale_bias"
    %q = "rvv.scale_bias"(%p, %s, %b, %e) {epilogue = {act = "identity"}, lmul = 4 : i64} : (tensor<1x2x2x2xf32, #nhwc>, tensor<2xf32>, tensor<2xf32>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32, #nhwc>
    // CHECK: "rvv.constant"() {offset = 64 : i64
    // CHECK: "rvv.scale_bias"
    %r = "rvv.scale_bias"(%q, %t, %b, %e) {epilogue = {act = "identity"}, lmul = 4 : i64} : (tensor<1x2x2x2xf32, #nhwc>, tensor<2xf32>, tensor<2xf32>, tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32, #nhwc>
    %y = "ait.convert_layout"(%r) : (tensor<1x2x2x2xf32, #nhwc>) -> tensor<1x2x2x2xf32>
    return %y : tensor<1x2x2x2xf32>
  }
}
