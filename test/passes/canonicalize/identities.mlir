// RUN: ait-opt %s --ait-canonicalize | FileCheck %s

// CHECK-LABEL: @dead
// CHECK-NEXT: return %arg0
func.func @dead(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.activation"(%0) {epilogue = {act = "tanh"}} : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// Equal ops become one; ops that differ in an attribute stay.
// CHECK-LABEL: @equal
// CHECK-NEXT: %[[A:.*]] = "ait.activation"(%arg0) {epilogue = {act = "relu"}}
// CHECK-NEXT: %[[B:.*]] = "ait.activation"(%arg0) {epilogue = {act = "tanh"}}
// CHECK-NEXT: return %[[A]], %[[A]], %[[B]]
func.func @equal(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "ait.activation"(%x) {epilogue = {act = "tanh"}} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// Chains of concatenations share their prefix.
// CHECK-LABEL: @prefix
// CHECK-COUNT-3: "ait.concat"
// CHECK-NOT: "ait.concat"
func.func @prefix(%a: tensor<1x1xf32>, %b: tensor<1x2xf32>, %c: tensor<1x3xf32>) -> (tensor<1x6xf32>, tensor<1x4xf32>) {
  %0 = "ait.concat"(%a, %b) {axis = 1 : i64} : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x3xf32>
  %1 = "ait.concat"(%a, %b) {axis = 1 : i64} : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x3xf32>
  %2 = "ait.concat"(%0, %c) {axis = 1 : i64} : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x6xf32>
  %3 = "ait.concat"(%1, %a) {axis = 1 : i64} : (tensor<1x3xf32>, tensor<1x1xf32>) -> tensor<1x4xf32>
  return %2, %3 : tensor<1x6xf32>, tensor<1x4xf32>
}

// CHECK-LABEL: @nothing
// CHECK-NEXT: return %arg0
func.func @nothing(%x: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "identity"}} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %1 = "ait.pad"(%0) {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %2 = "ait.slice"(%1) {starts = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 2, 3, 4>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %3 = "ait.reshape"(%2) : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %4 = "ait.transpose"(%3) {permutation = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  return %4 : tensor<1x2x3x4xf32>
}

// CHECK-LABEL: @slice_backwards
// CHECK-NEXT: "ait.slice"
func.func @slice_backwards(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.slice"(%x) {starts = array<i64: 3>, sizes = array<i64: 4>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A large constant is not copied for another shape.

// CHECK-LABEL: @large_constant
// CHECK: "ait.constant"() {{.*}}tensor<16777217xf32>
// CHECK-NEXT: "ait.reshape"
func.func @large_constant() -> tensor<16777217x1xf32> {
  %0 = "ait.constant"() {value = dense<1.0> : tensor<16777217xf32>} : () -> tensor<16777217xf32>
  %1 = "ait.reshape"(%0) : (tensor<16777217xf32>) -> tensor<16777217x1xf32>
  return %1 : tensor<16777217x1xf32>
}
