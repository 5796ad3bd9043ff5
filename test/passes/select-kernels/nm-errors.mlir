// RUN: ait-opt %s --ait-select-kernels=algorithm=direct --split-input-file --verify-diagnostics

func.func @nhwc(%x: tensor<1x4x5x5xf32, #ait.layout<"NHWC">>, %b: tensor<3xf32>) -> tensor<1x3x5x5xf32, #ait.layout<"NHWC">> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<3x4x1x1xf32, #nm.columns<1, 2, 2>>} : () -> tensor<3x4x1x1xf32, #nm.columns<1, 2, 2>>
  // expected-error@+1 {{'ait.conv2d' op has no generated kernel in NHWC, whose W is strided}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}}
    : (tensor<1x4x5x5xf32, #ait.layout<"NHWC">>, tensor<3x4x1x1xf32, #nm.columns<1, 2, 2>>, tensor<3xf32>) -> tensor<1x3x5x5xf32, #ait.layout<"NHWC">>
  return %0 : tensor<1x3x5x5xf32, #ait.layout<"NHWC">>
}

// -----

func.func @tile(%x: tensor<1x4x5x5xf32>, %b: tensor<32xf32>) -> tensor<1x32x5x5xf32> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<32x4x1x1xf32, #nm.columns<1, 2, 32>>} : () -> tensor<32x4x1x1xf32, #nm.columns<1, 2, 32>>
  // expected-error@+1 {{'ait.conv2d' op has tiles of 32 rows, more than fit the 32 vector registers}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}}
    : (tensor<1x4x5x5xf32>, tensor<32x4x1x1xf32, #nm.columns<1, 2, 32>>, tensor<32xf32>) -> tensor<1x32x5x5xf32>
  return %0 : tensor<1x32x5x5xf32>
}

// -----

func.func @images(%x: tensor<2x4x5x5xf32>, %b: tensor<3xf32>) -> tensor<2x3x5x5xf32> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<3x4x1x1xf32>} : () -> tensor<3x4x1x1xf32>
  // expected-error@+1 {{'ait.conv2d' op cannot read its input directly: the positions of several NCHW images are not one run}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}}
    : (tensor<2x4x5x5xf32>, tensor<3x4x1x1xf32>, tensor<3xf32>) -> tensor<2x3x5x5xf32>
  return %0 : tensor<2x3x5x5xf32>
}
