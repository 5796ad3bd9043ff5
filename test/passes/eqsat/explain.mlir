// RUN: ait-opt %s --pass-pipeline='ait-eqsat{explain=%t.txt}' --mlir-print-debuginfo -o %t.mlir
// RUN: FileCheck %s < %t.txt
// RUN: ait-opt %s --pass-pipeline='ait-eqsat{explain=%t.again.txt}' --mlir-print-debuginfo -o %t.again.mlir
// RUN: diff %t.txt %t.again.txt && diff %t.mlir %t.again.mlir
// RUN: ait-opt %s --pass-pipeline='ait-eqsat{explain=%t.svg}' -o %t.mlir
// RUN: FileCheck %s --check-prefix=SVG < %t.svg
// RUN: ait-opt %s --pass-pipeline='ait-eqsat{exact=0}' 2>&1 | FileCheck %s --check-prefix=GREEDY
// RUN: ait-opt %s --pass-pipeline='ait-eqsat{iterations=1}' 2>&1 | FileCheck %s --check-prefix=ITERATIONS
// RUN: not ait-opt %s --pass-pipeline='ait-eqsat{rules=fusion,padding}' 2>&1 | FileCheck %s --check-prefix=RULES
// RUN: not ait-opt %s --pass-pipeline='ait-eqsat{rules=fusion layout=cnhw}' 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK: 2 layers, {{[0-9]+}} model cycles (exact; {{[0-9]+}} terms in {{[0-9]+}} iterations, {{[0-9]+}} linear programs) [spacemit-x60, VLEN 256]
// CHECK-NEXT: A layer's cycles are its own
// CHECK-NEXT: ait.conv2d conv: {{dense CNHW|generated NCHW|xnnpack NHWC}} [[#]]
// CHECK-NEXT: not {{[a-z]+ (CNHW|NHWC|NCHW)}} [[#]]
// CHECK: by {{.*}}activation-into-conv
// CHECK-NEXT: ait.max_pool2d pool:

// SVG: <svg
// SVG: ait.conv2d
// SVG: </svg>

// GREEDY: note: ait-eqsat: more than 0 choices, which were extracted greedily; at most {{.*}} % from the optimum
// ITERATIONS: note: ait-eqsat stopped at its limit of 1 iterations
// RULES: error: {{.*}}'padding' is no rule; topics are batch-norm, fusion, pad, identity, product, linear, grouped, layout, implementation and all
// NONE: error: {{.*}}has no kernel that the rules and the layout allow
func.func @main(%x: tensor<1x16x28x28xf32>) -> tensor<1x16x14x14xf32> {
  %w = "ait.constant"() {value = dense<0.5> : tensor<16x16x3x3xf32>} : () -> tensor<16x16x3x3xf32>
  %b = "ait.constant"() {value = dense<1.0> : tensor<16xf32>} : () -> tensor<16xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<1x16x28x28xf32>, tensor<16x16x3x3xf32>, tensor<16xf32>) -> tensor<1x16x28x28xf32> loc("conv")
  %1 = "ait.max_pool2d"(%0) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x16x28x28xf32>) -> tensor<1x16x14x14xf32> loc("pool")
  %2 = "ait.activation"(%1) {epilogue = {act = "relu"}} : (tensor<1x16x14x14xf32>) -> tensor<1x16x14x14xf32> loc("relu")
  return %2 : tensor<1x16x14x14xf32>
}
