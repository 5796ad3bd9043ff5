// RUN: ait-opt %s --split-input-file --verify-diagnostics

func.func @registers(%a: memref<4x4xf32>, %b: memref<4xf32>) {
  // expected-error@+1 {{'rvv.matmul' op does not fit 32 vector registers: (8 + 1) * 4}}
  "rvv.matmul"(%a, %a, %b, %a) {epilogue = {act = "identity"}, tile = 8 : i64, lmul = 4 : i64}
    : (memref<4x4xf32>, memref<4x4xf32>, memref<4xf32>, memref<4x4xf32>) -> ()
  return
}

// -----

func.func @lmul(%a: memref<4x4xf32>) {
  // expected-error@+1 {{'rvv.unary' op has lmul 3, which is not 1, 2, 4 or 8}}
  "rvv.unary"(%a, %a) {epilogue = {act = "relu"}, lmul = 3 : i64} : (memref<4x4xf32>, memref<4x4xf32>) -> ()
  return
}

// -----

func.func @function(%a: memref<4x4xf32>) {
  // expected-error@+1 {{'rvv.binary' op has fn "pow" where it knows add, sub, mul, div, prelu}}
  "rvv.binary"(%a, %a, %a) {fn = "pow", epilogue = {act = "relu"}, lmul = 4 : i64} : (memref<4x4xf32>, memref<4x4xf32>, memref<4x4xf32>) -> ()
  return
}

// -----

func.func @packed(%x: memref<1x3x8x8xf32>, %w: memref<4x3x3x3xf32>, %b: memref<4xf32>, %o: memref<1x4x8x8xf32>) {
  // expected-error@+1 {{'rvv.conv2d' op needs filter of shape [1, 1, 27, 7], not [4, 3, 3, 3]}}
  "rvv.conv2d"(%x, %w, %b, %o) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "packed", tile = 7 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (memref<1x3x8x8xf32>, memref<4x3x3x3xf32>, memref<4xf32>, memref<1x4x8x8xf32>) -> ()
  return
}

// -----

func.func @init(%x: memref<1x3x8x8xf32>, %o: memref<1x3x8x8xf32>) {
  // expected-error@+1 {{'rvv.global_pool' op needs init of shape [1, 3, 1, 1], not [1, 3, 8, 8]}}
  "rvv.global_pool"(%x, %o) {fn = "avg", lmul = 4 : i64} : (memref<1x3x8x8xf32>, memref<1x3x8x8xf32>) -> ()
  return
}
