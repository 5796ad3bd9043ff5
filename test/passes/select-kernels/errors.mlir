// RUN: ait-opt %s --ait-select-kernels --split-input-file --verify-diagnostics

func.func @variable_filter(%x: tensor<1x2x4x4xf32, #ait.layout<"NHWC">>, %w: tensor<2x2x1x1xf32>, %b: tensor<2xf32>) -> tensor<1x2x4x4xf32, #ait.layout<"NHWC">> {
  // expected-error @+1 {{'ait.conv2d' op needs a constant filter and bias, which XNNPACK packs at creation}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32, #ait.layout<"NHWC">>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32, #ait.layout<"NHWC">>
  return %0 : tensor<1x2x4x4xf32, #ait.layout<"NHWC">>
}

// -----

func.func @batch_norm(%x: tensor<1x2xf32>, %c: tensor<2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{'ait.batch_norm' op has no kernel: run ait-fold-batch-norm first}}
  %0 = "ait.batch_norm"(%x, %c, %c, %c, %c) {epsilon = 1.0 : f32} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// A splat is a few bytes of text and may be any number of elements.
func.func @huge(%x: tensor<1x1x1x1xf32, #ait.layout<"NHWC">>) -> tensor<1x1073741824x1x1xf32, #ait.layout<"NHWC">> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<1073741824x1x1x1xf32>} : () -> tensor<1073741824x1x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<1073741824xf32>} : () -> tensor<1073741824xf32>
  // expected-error @+1 {{'ait.conv2d' op needs a constant filter}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x1x1x1xf32, #ait.layout<"NHWC">>, tensor<1073741824x1x1x1xf32>, tensor<1073741824xf32>) -> tensor<1x1073741824x1x1xf32, #ait.layout<"NHWC">>
  return %0 : tensor<1x1073741824x1x1xf32, #ait.layout<"NHWC">>
}
