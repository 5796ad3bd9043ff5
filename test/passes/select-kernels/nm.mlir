// RUN: ait-opt %s --ait-select-kernels="algorithm=direct lmul=4 unroll=4" | FileCheck %s
// RUN: ait-opt %s --ait-select-kernels="algorithm=packed unroll=2 lmul=8" | FileCheck %s --check-prefix=PACKED
// RUN: ait-opt %s --ait-select-kernels="algorithm=direct lmul=4 unroll=4" --ait-plan-buffers | FileCheck %s --check-prefix=PLANNED

!pruned = tensor<3x4x1x1xf32, #nm.columns<1, 2, 2>>

// Tile 0 is rows 0 and 1: columns 1 and 2; row 2 has column 3, and the lowest zero column of the first pair.
// CHECK-LABEL: @pointwise
// CHECK-DAG: %[[V:.*]] = "ait.constant"() {value = dense<{{\[\[\[}}1.000000e+00, 0.000000e+00], [0.000000e+00, 2.000000e+00]], {{\[\[}}0.000000e+00, 0.000000e+00], [3.000000e+00, 0.000000e+00]]]> : tensor<2x2x2xf32>}
// CHECK-DAG: %[[C:.*]] = "ait.constant"() {value = dense<{{\[\[}}1, 1], [0, 3]]> : tensor<2x2xi8>}
// CHECK-DAG: %[[S:.*]] = "ait.constant"() {value = dense<{{\[\[}}0, 2], [0, 2]]> : tensor<2x2xi32>}
// CHECK: %[[E:.*]] = tensor.empty() : tensor<2x3x5x5xf32, #ait.layout<"CNHW">>
// CHECK: "nm.conv2d"(%arg0, %[[V]], %[[C]], %[[S]], %arg1, %[[E]], %arg2) {algorithm = "direct", {{.*}}segment = 4 : i64, sparsity = #nm.columns<1 : i64, 2 : i64, 2 : i64>, {{.*}}unroll = 4 : i64}
// PACKED-LABEL: @pointwise
// PACKED: "nm.conv2d"{{.*}}algorithm = "packed"{{.*}}lmul = 8 : i64{{.*}}segment = 128 : i64{{.*}}unroll = 2 : i64
func.func @pointwise(%x: tensor<2x4x5x5xf32, #ait.layout<"CNHW">>, %b: tensor<3xf32>, %r: tensor<2x3x5x5xf32, #ait.layout<"CNHW">>) -> tensor<2x3x5x5xf32, #ait.layout<"CNHW">> {
  %w = "ait.constant"() {value = dense<[[[[0.0]], [[1.0]], [[0.0]], [[0.0]]], [[[0.0]], [[0.0]], [[2.0]], [[0.0]]], [[[0.0]], [[0.0]], [[0.0]], [[3.0]]]]> : !pruned} : () -> !pruned
  %0 = "ait.conv2d"(%x, %w, %b, %r) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}}
    : (tensor<2x4x5x5xf32, #ait.layout<"CNHW">>, !pruned, tensor<3xf32>, tensor<2x3x5x5xf32, #ait.layout<"CNHW">>) -> tensor<2x3x5x5xf32, #ait.layout<"CNHW">>
  return %0 : tensor<2x3x5x5xf32, #ait.layout<"CNHW">>
}

// Padding and strides: split first. A group has two channels, so a tap is a segment of two columns.
// CHECK-LABEL: @split
// CHECK: %[[I:.*]] = tensor.empty() : tensor<1x16x5x5xf32, #ait.layout<"CNHW">>
// CHECK: %[[P:.*]] = "rvv.split_phases"(%arg0, %[[I]]) {dilations = array<i64: 1, 1>, kernel = array<i64: 3, 3>, lmul = 4 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}
// CHECK: "nm.conv2d"(%[[P]], {{.*}}algorithm = "split"{{.*}}segment = 2 : i64{{.*}} : (tensor<1x16x5x5xf32, #ait.layout<"CNHW">>, tensor<2x9x3xf32>, tensor<2x9xi8>, tensor<2x10xi32>,
// PACKED-LABEL: @split
// PACKED-NOT: rvv.split_phases
// PACKED: "nm.conv2d"{{.*}}algorithm = "packed"
func.func @split(%x: tensor<1x4x8x8xf32, #ait.layout<"CNHW">>, %b: tensor<6xf32>) -> tensor<1x6x4x4xf32, #ait.layout<"CNHW">> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<6x2x3x3xf32, #nm.columns<9, 18, 3>>} : () -> tensor<6x2x3x3xf32, #nm.columns<9, 18, 3>>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 2 : i64, epilogue = {act = "identity"}}
    : (tensor<1x4x8x8xf32, #ait.layout<"CNHW">>, tensor<6x2x3x3xf32, #nm.columns<9, 18, 3>>, tensor<6xf32>) -> tensor<1x6x4x4xf32, #ait.layout<"CNHW">>
  return %0 : tensor<1x6x4x4xf32, #ait.layout<"CNHW">>
}

// A larger window without strides and padding is read in place. The mask's tile leaves registers for LMUL 2 only.
// CHECK-LABEL: @in_place
// CHECK: "nm.conv2d"(%arg0, {{.*}}algorithm = "direct"{{.*}}lmul = 2 : i64
func.func @in_place(%x: tensor<1x4x8x8xf32>, %b: tensor<12xf32>) -> tensor<1x12x6x6xf32> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<12x4x3x3xf32, #nm.columns<1, 4, 12>>} : () -> tensor<12x4x3x3xf32, #nm.columns<1, 4, 12>>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}}
    : (tensor<1x4x8x8xf32>, tensor<12x4x3x3xf32, #nm.columns<1, 4, 12>>, tensor<12xf32>) -> tensor<1x12x6x6xf32>
  return %0 : tensor<1x12x6x6xf32>
}

// CHECK-LABEL: @gemm
// CHECK: "nm.matmul"(%arg0, %{{.*}} {epilogue = {act = "relu"}, lmul = 4 : i64, rows = 5 : i64, sparsity = #nm.columns<1 : i64, 300 : i64, 32 : i64>} : (tensor<5x300xf32>, tensor<1x1x32xf32>, tensor<1x1xi8>, tensor<3xf32>, tensor<5x3xf32>)
func.func @gemm(%x: tensor<5x300xf32>, %b: tensor<3xf32>) -> tensor<5x3xf32> {
  %w = "ait.constant"() {value = dense<0.0> : tensor<3x300xf32, #nm.columns<1, 300, 32>>} : () -> tensor<3x300xf32, #nm.columns<1, 300, 32>>
  %0 = "ait.gemm"(%x, %w, %b) {epilogue = {act = "relu"}} : (tensor<5x300xf32>, tensor<3x300xf32, #nm.columns<1, 300, 32>>, tensor<3xf32>) -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// Integers take their own bytes of the weights file: 32 of values, 4 of columns, 16 of starts, 12 of bias, on lines of 64.
// PLANNED: module attributes {ait.arena_bytes = 0 : i64, {{.*}}ait.weights_bytes = 256 : i64}
// PLANNED-LABEL: @main
// PLANNED: "rvv.constant"() {offset = 0 : i64, value = {{.*}}tensor<2x2x2xf32>} : () -> memref<2x2x2xf32, strided<[4, 2, 1]>>
// PLANNED: "rvv.constant"() {offset = 64 : i64, value = {{.*}}tensor<2x2xi8>} : () -> memref<2x2xi8, strided<[2, 1]>>
// PLANNED: "rvv.constant"() {offset = 128 : i64, value = {{.*}}tensor<2x2xi32>} : () -> memref<2x2xi32, strided<[2, 1]>>
// PLANNED: "nm.conv2d"
func.func @main(%x: tensor<1x4x5x5xf32>) -> tensor<1x3x5x5xf32> {
  %w = "ait.constant"() {value = dense<[[[[0.0]], [[1.0]], [[0.0]], [[0.0]]], [[[0.0]], [[0.0]], [[2.0]], [[0.0]]], [[[0.0]], [[0.0]], [[0.0]], [[3.0]]]]> : !pruned} : () -> !pruned
  %b = "ait.constant"() {value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}}
    : (tensor<1x4x5x5xf32>, !pruned, tensor<3xf32>) -> tensor<1x3x5x5xf32>
  return %0 : tensor<1x3x5x5xf32>
}
