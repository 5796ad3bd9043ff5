// Every error names the op, the file or the rule.
//
// RUN: not ait-opt %s --ait-prune 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: ait-prune needs sparsity, n and m, config, or masks
//
// RUN: not ait-opt %s --ait-prune='sparsity=0.5 n=2' 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: error: ait-prune takes sparsity, or n and m, not both
//
// RUN: not ait-opt %s --ait-prune='n=5 m=4' 2>&1 | FileCheck %s --check-prefix=NM
// NM: error: 5:4 is not N:M with 1 <= N <= M
//
// RUN: not ait-opt %s --ait-prune='sparsity=1' 2>&1 | FileCheck %s --check-prefix=RATIO
// RATIO: error: 'ait-prune': option 'sparsity' is '1', expected 0..1
//
// RUN: not ait-opt %s --ait-prune='sparsity=0.5 masks=m.safetensors' 2>&1 | FileCheck %s --check-prefix=MASKS
// MASKS: error: ait-prune takes masks, or what to prune, not both
//
// RUN: not ait-opt %s --ait-prune='masks=%t.none.safetensors' 2>&1 | FileCheck %s --check-prefix=NOFILE
// NOFILE: none.json: No such file or directory
//
// RUN: not ait-opt %s --ait-prune='sparsity=0.5 config=%S/Inputs/idle.toml' 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: idle.toml says how much to prune, and so do the options of ait-prune
//
// RUN: not ait-opt %s --ait-prune='config=%S/Inputs/idle.toml' 2>&1 | FileCheck %s --check-prefix=IDLE
// IDLE: idle.toml:3:8: error: 'boby' matches none of the 3 layers with weights; the nearest is 'body'
//
// RUN: printf '[[layer]]\nname = "body"\nprune = true\n' > %t.toml
// RUN: not ait-opt %s --ait-prune='config=%t.toml' 2>&1 | FileCheck %s --check-prefix=OPEN
// OPEN: loc("body"): error: 'ait.conv2d' op is to be pruned, but neither sparsity nor nm says how much
//
// RUN: printf '[[layer]]\nname = "computed"\nsparsity = 0.5\n' > %t.toml
// RUN: not ait-opt %s --ait-prune='config=%t.toml' 2>&1 | FileCheck %s --check-prefix=COMPUTED
// COMPUTED: loc("computed"): error: 'ait.conv2d' op cannot be pruned: its weights are not constant
//
// RUN: printf '[[layer]]\nname = "body"\nsparsity = 0.5\ntile = 32\n' > %t.toml
// RUN: not ait-opt %s --ait-prune='config=%t.toml' 2>&1 | FileCheck %s --check-prefix=TILE
// TILE: loc("body"): error: 'ait.conv2d' op cannot have tiles of 32 rows, at most 31
//
// RUN: printf '[[layer]]\nname = "body"\nsparsity = 0.5\nscores = "x.txt"\n' > %t.toml
// RUN: not ait-opt %s --ait-prune='config=%t.toml' 2>&1 | FileCheck %s --check-prefix=EXT
// EXT: loc("body"): error: 'ait.conv2d' op {{.*}}x.txt: scores are in .safetensors or .npy files
//
// RUN: printf '[[layer]]\nname = "body"\nsparsity = 0.5\nratio = 3\n' > %t.toml
// RUN: not ait-opt %s --ait-prune='config=%t.toml' 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: 4:1: error: unknown field `ratio`
//
func.func @main(%x: tensor<1x2x3x3xf32>, %v: tensor<2x2x1x1xf32>) -> tensor<1x2x3x3xf32> {
  %w = "ait.constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32> loc("stem")
  %1 = "ait.conv2d"(%0, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32> loc("body")
  %2 = "ait.conv2d"(%1, %v, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x3x3xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x3x3xf32> loc("computed")
  return %2 : tensor<1x2x3x3xf32>
}
