// RUN: ait-opt %s --split-input-file --verify-diagnostics

func.func @channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x3x3xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'ait.conv2d' op cannot convolve 3 channels with a 4 x 2 filter in 1 groups}}
  %y = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x3x8x8xf32>, tensor<4x2x3x3xf32>, tensor<4xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @result(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{'ait.conv2d' op has result shape [1, 4, 8, 8] where its rule gives [1, 4, 6, 6]}}
  %y = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
    groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @epilogue(%x: tensor<4xf32>) {
  // expected-error@+1 {{'ait.activation' op activation clip needs f32 'max'}}
  %y = "ait.activation"(%x) {epilogue = {act = "clip", min = 0.0 : f32}} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @kind(%x: tensor<4xf32>) {
  // expected-error@+1 {{'ait.activation' op unknown activation 'swoosh'}}
  %y = "ait.activation"(%x) {epilogue = {act = "swoosh"}} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @window(%x: tensor<1x3x2x2xf32>) {
  // expected-error@+1 {{'ait.max_pool2d' op has a window of 3 over 2 + 0 + 0 elements}}
  %y = "ait.max_pool2d"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x3x2x2xf32>) -> tensor<1x3x1x1xf32>
  return
}

// -----

func.func @broadcast(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error@+1 {{'ait.add' op cannot broadcast [2, 3] with [4]}}
  %z = "ait.add"(%x, %y) {epilogue = {act = "identity"}} : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layouts(%x: tensor<1x3x2x2xf32>, %y: tensor<1x3x2x2xf32, #ait.layout<"NHWC">>) {
  // expected-error@+1 {{'ait.add' op has operand 0 in NCHW and its result in NHWC}}
  %z = "ait.add"(%x, %y) {epilogue = {act = "identity"}}
    : (tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32, #ait.layout<"NHWC">>) -> tensor<1x3x2x2xf32, #ait.layout<"NHWC">>
  return
}

// -----

func.func @unknown_layout(%x: tensor<1x3x2x2xf32, #ait.layout<"HWNC">>) {
  // expected-error@+1 {{is not a layout (NCHW, NHWC, CNHW)}}
  %z = "ait.global_avg_pool"(%x) : (tensor<1x3x2x2xf32, #ait.layout<"HWNC">>) -> tensor<1x3x1x1xf32, #ait.layout<"HWNC">>
  return
}

// -----

func.func @element_type(%x: tensor<4xf64>) {
  // expected-error@+1 {{'ait.activation' op works on f32, not on tensor<4xf64>}}
  %y = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf64>) -> tensor<4xf64>
  return
}

// -----

func.func @dynamic(%x: tensor<?xf32>) {
  // expected-error@+1 {{has a dynamic dimension}}
  %y = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @slice(%x: tensor<4xf32>) {
  // expected-error@+1 {{'ait.slice' op takes 3 elements from 0 by 2 of 4 in dimension 0}}
  %y = "ait.slice"(%x) {starts = array<i64: 0>, sizes = array<i64: 3>, steps = array<i64: 2>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @reshape(%x: tensor<4xf32>) {
  // expected-error@+1 {{'ait.reshape' op cannot reshape [4] to [5]}}
  %y = "ait.reshape"(%x) : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @missing(%x: tensor<4xf32>) {
  // expected-note@+2 {{see current operation}}
  // expected-error@+1 {{attribute "axis" is expected but not provided}}
  %y = "ait.softmax"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @unregistered(%x: tensor<4xf32>) {
  // expected-note@+2 {{see current operation}}
  // expected-error@+1 {{unregistered operation 'ait.swizzle'}}
  %y = "ait.swizzle"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
