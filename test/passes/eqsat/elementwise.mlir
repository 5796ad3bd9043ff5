// RUN: ait-opt %s --ait-eqsat=rules=fusion,pad | FileCheck %s

// CHECK-LABEL: @silu
// CHECK-NEXT: %[[Y:.*]] = "ait.activation"(%arg0) {epilogue = {act = "silu"}}
// CHECK-NEXT: return %[[Y]]
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "sigmoid"}} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.mul"(%0, %x) {epilogue = {act = "identity"}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @hard_swish
// CHECK-NEXT: "ait.activation"(%arg0) {epilogue = {act = "hard_swish"}}
func.func @hard_swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.activation"(%x) {epilogue = {act = "hard_sigmoid", alpha = 0.166666672 : f32, beta = 0.5 : f32}} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.mul"(%x, %0) {epilogue = {act = "identity"}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @activation
// CHECK-NEXT: %[[Y:.*]] = "ait.sub"(%arg0, %arg1) {epilogue = {act = "leaky_relu", alpha = 1.000000e-01 : f32}}
// CHECK-NEXT: return %[[Y]]
func.func @activation(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "ait.sub"(%x, %y) {epilogue = {act = "identity"}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.activation"(%0) {epilogue = {act = "leaky_relu", alpha = 0.1 : f32}} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// An epilogue is one function, and a value with two users is needed as it is.
// CHECK-LABEL: @stays
// CHECK: "ait.add"{{.*}}act = "relu"
// CHECK: "ait.activation"{{.*}}act = "tanh"
// CHECK: "ait.add"{{.*}}act = "identity"
// CHECK: "ait.activation"{{.*}}act = "tanh"
func.func @stays(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = "ait.add"(%x, %x) {epilogue = {act = "relu"}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "ait.activation"(%0) {epilogue = {act = "tanh"}} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = "ait.add"(%x, %x) {epilogue = {act = "identity"}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = "ait.activation"(%2) {epilogue = {act = "tanh"}} : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
