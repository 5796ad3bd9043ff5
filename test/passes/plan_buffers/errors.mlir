// RUN: ait-opt --ait-plan-buffers --split-input-file --verify-diagnostics %s

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'ait.activation' op is not of the implementation level: run ait-select-kernels first}}
  %y = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'rvv.unary' op needs a tensor.empty as init}}
  %y = "rvv.unary"(%x, %x) {epilogue = {act = "relu"}, lmul = 4 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// XNNPACK needs channels last, and this is not.
func.func @main(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %e = tensor.empty() : tensor<1x2x4x4xf32>
  // expected-error@+1 {{'xnn.unary' op cannot access its operand 0 of shape [1, 2, 4, 4] with strides [32, 16, 4, 1]}}
  %y = "xnn.unary"(%x, %e) {epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// -----

// expected-error@+1 {{has no func.func @main}}
module {
  func.func @other() {
    return
  }
}

// -----

// The planner moves f32 only; integers are constants that kernels read.
func.func @main() -> tensor<4xi8> {
  %c = "ait.constant"() {value = dense<1> : tensor<4xi8>} : () -> tensor<4xi8>
  // expected-error@+1 {{'func.return' op works on f32, not on tensor<4xi8>}}
  return %c : tensor<4xi8>
}
