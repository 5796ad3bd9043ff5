// RUN: ait-translate --mlir-to-llvmir %s | FileCheck %s --check-prefix=IR
// RUN: ait-translate --mlir-to-object %s -o %t.o
// RUN: ait-translate --mlir-to-object %s -o %t.2.o
// RUN: cmp %t.o %t.2.o
// RUN: llvm-readobj --file-headers %t.o | FileCheck %s --check-prefix=ELF
// RUN: llvm-nm --extern-only --defined-only %t.o | FileCheck %s --check-prefix=SYMBOLS

// The entry code: tables of ait_runtime.h, operators created once, layers run in order, each status checked.

// IR: @tiny_inputs = internal constant {{.*}} i64 2, [8 x i64] [i64 1, i64 2,
// IR: @tiny_layers = internal constant [2 x { ptr, ptr, ptr, ptr, i64 }]
// IR: @tiny_program = constant {{.*}} ptr @tiny_create_ops, ptr @tiny_run_ops, i64 0 }
// IR: define internal signext i32 @tiny_create_ops
// IR: call signext i32 @ait_xnn_create_fully_connected(ptr %0, i32 signext 0, ptr @layer.0.params, ptr %1, ptr %{{.*}})
// IR: define internal signext i32 @tiny_run_ops
// IR: call signext i32 @ait_xnn_run(ptr %0, i32 signext 0
// IR-NEXT: icmp ne
// IR: call signext i32 @ait_parallel(ptr %0, i32 signext 1, ptr @rvv_matmul

// ELF: Class: 64-bit
// ELF: Machine: EM_RISCV
// ELF: EF_RISCV_FLOAT_ABI_DOUBLE

// SYMBOLS: {{^[0-9a-f]+}} T tiny_create
// SYMBOLS-NEXT: T tiny_destroy
// SYMBOLS-NEXT: T tiny_input
// SYMBOLS-NEXT: T tiny_output
// SYMBOLS-NEXT: tiny_program
// SYMBOLS-NEXT: T tiny_run
// SYMBOLS-NOT: {{.}}

module @tiny attributes {ait.arena_bytes = 64 : i64, ait.arena_lower_bound = 12 : i64, ait.weights_bytes = 192 : i64} {
  func.func @main(%x: memref<1x2xf32> {ait.name = "image"}, %y: memref<1x4xf32> {ait.name = "scores", ait.output},
                  %arena: memref<64xi8>) {
    %f = "rvv.constant"() {value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>, offset = 0 : i64} : () -> memref<3x2xf32>
    %b = "rvv.constant"() {value = dense<0.5> : tensor<3xf32>, offset = 64 : i64} : () -> memref<3xf32>
    %w = "rvv.constant"() {value = dense<0.25> : tensor<3x4xf32>, offset = 128 : i64} : () -> memref<3x4xf32>
    %c = "rvv.constant"() {value = dense<0.25> : tensor<3x4xf32>, offset = 128 : i64} : () -> memref<3x4xf32>
    %z = "rvv.view"(%c) {offset = 0 : i64} : (memref<3x4xf32>) -> memref<4xf32>
    %v = "rvv.view"(%arena) {offset = 0 : i64} : (memref<64xi8>) -> memref<1x3xf32>
    "xnn.fully_connected"(%x, %f, %b, %v) {min = 0.0 : f32, max = 0x7F800000 : f32}
      : (memref<1x2xf32>, memref<3x2xf32>, memref<3xf32>, memref<1x3xf32>) -> ()
    "rvv.matmul"(%v, %w, %z, %y) {epilogue = {act = "identity"}, tile = 1 : i64, lmul = 4 : i64}
      : (memref<1x3xf32>, memref<3x4xf32>, memref<4xf32>, memref<1x4xf32>) -> ()
    return
  }
}
