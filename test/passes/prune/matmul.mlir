// RUN: ait-opt %s --ait-prune=config=%S/Inputs/matmul.toml | FileCheck %s

// The matrix K x N becomes a filter N x K; row n has the columns of rhs[:, n]. Tile 0 (n = 0, 1): columns 0, 1 have 1 + 2
// and 3 + 4, columns 2, 3 have 8 + 1 and 2 + 3. Tile 1 (n = 2): 5, 1 and 0, 0 (ties keep the lowest).
// CHECK-LABEL: @main
// CHECK-DAG: %[[W:.*]] = "ait.constant"() {value = dense<{{\[\[}}0.000000e+00, 3.000000e+00, 8.000000e+00, 0.000000e+00], [0.000000e+00, 4.000000e+00, 1.000000e+00, 0.000000e+00], [5.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]]> : tensor<3x4xf32, #nm.columns<1 : i64, 2 : i64, 2 : i64>>}
// CHECK-DAG: %[[X:.*]] = "ait.reshape"(%arg0) : (tensor<2x5x4xf32>) -> tensor<10x4xf32>
// CHECK: %[[Y:.*]] = "ait.gemm"(%[[X]], %[[W]], %{{.*}}) {{.*}} -> tensor<10x3xf32>
// CHECK: "ait.reshape"(%[[Y]]) : (tensor<10x3xf32>) -> tensor<2x5x3xf32>
// CHECK-NOT: ait.matmul
func.func @main(%x: tensor<2x5x4xf32>) -> tensor<2x5x3xf32> {
  %w = "ait.constant"() {value = dense<[[1.0, 2.0, 5.0], [3.0, 4.0, 1.0], [8.0, 1.0, 0.0], [2.0, 3.0, 0.0]]> : tensor<4x3xf32>} : () -> tensor<4x3xf32>
  %0 = "ait.matmul"(%x, %w) : (tensor<2x5x4xf32>, tensor<4x3xf32>) -> tensor<2x5x3xf32> loc("product")
  return %0 : tensor<2x5x3xf32>
}
