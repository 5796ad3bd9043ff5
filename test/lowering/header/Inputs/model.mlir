module @two_heads attributes {ait.arena_bytes = 64 : i64, ait.arena_lower_bound = 32 : i64, ait.weights_bytes = 64 : i64} {
  func.func @main(%x: memref<1x1x2x4xf32> {ait.name = "image"}, %n: memref<1x2xf32> {ait.name = "meta */ data"},
                  %y: memref<1x2xf32> {ait.name = "class", ait.output}, %z: memref<f32> {ait.name = "score", ait.output},
                  %arena: memref<64xi8>) {
    %c = "rvv.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>, offset = 0 : i64} : () -> memref<2xf32>
    "xnn.softmax"(%n, %y) : (memref<1x2xf32>, memref<1x2xf32>) -> ()
    return
  }
}
