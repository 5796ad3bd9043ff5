//! `ait-plan-buffers` on MLIR text.

use ait_passes::plan_buffers::plan_buffers;
use melior::ir::Module;

const NETWORK: &str = r#"
#nhwc = #ait.layout<"NHWC">
module @net {
  func.func @main(%x: tensor<1x3x8x8xf32> {ait.name = "x"}) -> (tensor<1x10xf32> {ait.name = "y"}) {
    %w = "ait.constant"() {value = dense<0.5> : tensor<8x3x3x3xf32>} : () -> tensor<8x3x3x3xf32>
    %b = "ait.constant"() {value = dense<0.0> : tensor<8xf32>} : () -> tensor<8xf32>
    %f = "ait.constant"() {value = dense<0.5> : tensor<10x512xf32>} : () -> tensor<10x512xf32>
    %g = "ait.constant"() {value = dense<1.0> : tensor<10xf32>} : () -> tensor<10xf32>
    %0 = "ait.convert_layout"(%x) : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32, #nhwc> loc("in")
    %e = tensor.empty() : tensor<1x8x8x8xf32, #nhwc>
    %1 = "xnn.conv2d"(%0, %w, %b, %e) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
      dilations = array<i64: 1, 1>, groups = 1 : i64, depthwise = false, min = 0.0 : f32, max = 6.0 : f32}
      : (tensor<1x3x8x8xf32, #nhwc>, tensor<8x3x3x3xf32>, tensor<8xf32>, tensor<1x8x8x8xf32, #nhwc>)
      -> tensor<1x8x8x8xf32, #nhwc> loc("conv")
    %2 = "xnn.unary"(%1, %e) {epilogue = {act = "relu"}}
      : (tensor<1x8x8x8xf32, #nhwc>, tensor<1x8x8x8xf32, #nhwc>) -> tensor<1x8x8x8xf32, #nhwc> loc("relu")
    %3 = "ait.convert_layout"(%2) : (tensor<1x8x8x8xf32, #nhwc>) -> tensor<1x8x8x8xf32> loc("out")
    %4 = "ait.reshape"(%3) : (tensor<1x8x8x8xf32>) -> tensor<1x512xf32>
    %e2 = tensor.empty() : tensor<1x10xf32>
    %5 = "xnn.fully_connected"(%4, %f, %g, %e2) {min = 0.0 : f32, max = 6.0 : f32}
      : (tensor<1x512xf32>, tensor<10x512xf32>, tensor<10xf32>, tensor<1x10xf32>) -> tensor<1x10xf32> loc("fc")
    return %5 : tensor<1x10xf32>
  }
}
"#;

#[test]
fn a_network_is_rewritten_to_buffers() {
    let context = ait_dialects::context();
    let module = Module::parse(&context, NETWORK).unwrap();
    assert!(ait_dialects::verify(&module));
    let arena = plan_buffers(&context, &module).unwrap();
    assert!(ait_dialects::verify(&module), "{}", module.as_operation());
    assert_eq!(arena.copies, 2);
    assert_eq!((arena.bytes, arena.lower_bound), (4096, 4096));
    insta::assert_snapshot!(module.as_operation());
}

#[test]
fn a_graph_of_the_wrong_level_is_refused() {
    let context = ait_dialects::context();
    let text = r#"func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }"#;
    let module = Module::parse(&context, text).unwrap();
    let fault = plan_buffers(&context, &module).unwrap_err();
    assert_eq!(
        fault.message,
        "'ait.activation' op is not of the implementation level: run ait-select-kernels first"
    );
}
