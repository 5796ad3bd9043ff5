// RUN: ait-opt %s --ait-fold-batch-norm --verify-diagnostics

func.func @variable(%x: tensor<1x2xf32>, %c: tensor<2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{'ait.batch_norm' op needs constant scale, bias, mean and variance}}
  %0 = "ait.batch_norm"(%x, %c, %c, %c, %c) {epsilon = 1.0 : f32} : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
