// RUN: ait-opt %s --split-input-file --ait-canonicalize | FileCheck %s
// RUN: ait-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(cse),ait-canonicalize)' -o %t
// RUN: FileCheck %s < %t

// CHECK: @first
// CHECK-NEXT: return %arg0
// CHECK: {{^// -----$}}
// CHECK: @second
func.func @first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "identity"}} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @second(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
