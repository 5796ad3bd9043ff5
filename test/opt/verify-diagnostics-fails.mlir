// What is expected and does not come, and what comes unexpected, are errors.
// RUN: not ait-opt %s --verify-diagnostics 2>&1 | FileCheck %s
// RUN: not ait-opt %s --verify-diagnostics -o %t.never
// RUN: not ls %t.never

// CHECK: error: unexpected error: 'ait.add' op cannot broadcast
// CHECK: error: expected warning "something else" was not produced
func.func @shape(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  // expected-warning@+1 {{something else}}
  %0 = "ait.add"(%x, %y) {epilogue = {act = "identity"}} : (tensor<2xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
