// RUN: ait-opt %s --split-input-file --verify-diagnostics
// RUN: not ait-opt %s --split-input-file 2>&1 | FileCheck %s

// CHECK: verify-diagnostics.mlir:[[#@LINE+3]]:8: error: 'ait.add' op cannot broadcast [2] with [3]
func.func @shape(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error@+1 {{cannot broadcast [2] with [3]}}
  %0 = "ait.add"(%x, %y) {epilogue = {act = "identity"}} : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @below(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@below {{unregistered operation 'ait.nothing'}}
  // expected-note@below {{see current operation}}
  %0 = "ait.nothing"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @above(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "nothing"}} : (tensor<2xf32>) -> tensor<2xf32>
  // expected-error-re@above {{unknown act[a-z]+ 'nothing'}}
  return %0 : tensor<2xf32>
}

// -----

func.func @same_line(
    %x: tensor<2xf32>) -> tensor<2xf32> {
  return %y : tensor<2xf32> // expected-error {{use of undeclared SSA value}}
}
