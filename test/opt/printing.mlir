// RUN: ait-opt %s --ait-canonicalize --cse --print-ir-after-all --timing 2>&1 >/dev/null | FileCheck %s --check-prefix=STEPS
// RUN: ait-opt %s --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOC
// RUN: ait-opt < %s --mlir-print-op-generic --elide-elementsattrs-if-larger=2 | FileCheck %s --check-prefix=GENERIC
// RUN: ait-opt %s --emit-bytecode -o %t.mlirbc
// RUN: ait-opt %t.mlirbc | FileCheck %s --check-prefix=BACK

// STEPS: IR Dump After ait-canonicalize
// STEPS: ait.constant
// STEPS: IR Dump After cse
// STEPS: pass timing
// STEPS: ait-canonicalize
// STEPS: cse
// STEPS: 100.0 %  total
// LOC: "ait.constant"{{.*}} loc("node")
// LOC: return {{.*}} loc("{{.*}}printing.mlir":[[#@LINE+6]]:3)
// GENERIC: "func.func"
// GENERIC: dense_resource<__elided__> : tensor<3xf32>
// BACK: "ait.constant"() {value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]>
func.func @main() -> tensor<3xf32> {
  %0 = "ait.constant"() {value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : () -> tensor<3xf32> loc("node")
  return %0 : tensor<3xf32>
}
