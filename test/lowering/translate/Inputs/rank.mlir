module @rank attributes {ait.arena_bytes = 0 : i64, ait.arena_lower_bound = 0 : i64, ait.weights_bytes = 0 : i64} {
  func.func @main(%x: memref<1x2x4x4xf32>, %y: memref<1x2x4x4xf32> {ait.output}, %arena: memref<0xi8>) {
    "xnn.unary"(%x, %y) {epilogue = {act = "relu"}} : (memref<1x2x4x4xf32>, memref<1x2x4x4xf32>) -> ()
    return
  }
}
