// RUN: ait-opt %s --split-input-file --verify-diagnostics

func.func @shapes(%x: memref<2x3xf32>, %w: memref<4x5xf32>, %b: memref<4xf32>, %o: memref<2x4xf32>) {
  // expected-error@+1 {{'xnn.fully_connected' op cannot multiply 2 x 3 with the transpose of 4 x 5}}
  "xnn.fully_connected"(%x, %w, %b, %o) {min = 0.0 : f32, max = 1.0 : f32}
    : (memref<2x3xf32>, memref<4x5xf32>, memref<4xf32>, memref<2x4xf32>) -> ()
  return
}

// -----

func.func @attributes(%x: memref<2x3xf32>) {
  // expected-note@+2 {{see current operation}}
  // expected-error@+1 {{attribute "min" is expected but not provided}}
  "xnn.binary"(%x, %x, %x) {fn = "add", max = 1.0 : f32} : (memref<2x3xf32>, memref<2x3xf32>, memref<2x3xf32>) -> ()
  return
}
