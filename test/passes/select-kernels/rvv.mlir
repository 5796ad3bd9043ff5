// RUN: ait-opt %s --ait-select-kernels="lmul=4 tile=7 unroll=4" | FileCheck %s
// RUN: ait-opt %s --ait-select-kernels="lmul=8 tile=2 algorithm=packed nan=ignore" | FileCheck %s --check-prefix=WIDE

// Five channels in tiles of 3 (two tiles); the filter is c fastest, then taps, with the short tile filled up.
// WIDE-LABEL: @packed
// WIDE: "rvv.conv2d"{{.*}}algorithm = "packed"{{.*}}epilogue = {act = "relu", nnan}{{.*}}lmul = 8 : i64{{.*}}tile = 2 : i64
// CHECK-LABEL: @packed
// CHECK: %[[W:.*]] = "ait.constant"() {value = dense<{{.*}}> : tensor<1x1x4x5xf32>}
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x5x4x3xf32, #ait.layout<"CNHW">>
// CHECK: "rvv.conv2d"(%arg0, %[[W]], %{{[^,]*}}, %[[E]], %arg1) {algorithm = "direct", {{.*}}epilogue = {act = "relu"}, groups = 1 : i64, kernel = array<i64: 1, 2>, lmul = 4 : i64, {{.*}}tile = 5 : i64, unroll = 4 : i64}
func.func @packed(%x: tensor<1x2x4x4xf32, #ait.layout<"CNHW">>, %r: tensor<1x5x4x3xf32, #ait.layout<"CNHW">>) -> tensor<1x5x4x3xf32, #ait.layout<"CNHW">> {
  %w = "ait.constant"() {value = dense<2.0> : tensor<5x2x1x2xf32>} : () -> tensor<5x2x1x2xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<5xf32>} : () -> tensor<5xf32>
  %0 = "ait.conv2d"(%x, %w, %b, %r) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32, #ait.layout<"CNHW">>, tensor<5x2x1x2xf32>, tensor<5xf32>, tensor<1x5x4x3xf32, #ait.layout<"CNHW">>) -> tensor<1x5x4x3xf32, #ait.layout<"CNHW">>
  return %0 : tensor<1x5x4x3xf32, #ait.layout<"CNHW">>
}

// Filter f[k][c] = 10 k + c of 3 rows: tile-interleaved it is the transpose.
// CHECK-LABEL: @direct
// CHECK: dense<{{\[\[\[\[}}0.000000e+00, 1.000000e+01, 2.000000e+01], [1.000000e+00, 1.100000e+01, 2.100000e+01]]]]> : tensor<1x1x2x3xf32>
// CHECK: "rvv.conv2d"{{.*}}algorithm = "direct"
// Rows of two images are not adjacent in NCHW.
// CHECK: "rvv.conv2d"{{.*}}algorithm = "packed"
func.func @direct(%x: tensor<2x2x4x4xf32, #ait.layout<"CNHW">>, %y: tensor<2x2x4x4xf32>) -> (tensor<2x3x4x4xf32, #ait.layout<"CNHW">>, tensor<2x3x4x4xf32>) {
  %w = "ait.constant"() {value = dense<[[[[0.0]], [[1.0]]], [[[10.0]], [[11.0]]], [[[20.0]], [[21.0]]]]> : tensor<3x2x1x1xf32>} : () -> tensor<3x2x1x1xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<3xf32>} : () -> tensor<3xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<2x2x4x4xf32, #ait.layout<"CNHW">>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<2x3x4x4xf32, #ait.layout<"CNHW">>
  %1 = "ait.conv2d"(%y, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}} : (tensor<2x2x4x4xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<2x3x4x4xf32>
  return %0, %1 : tensor<2x3x4x4xf32, #ait.layout<"CNHW">>, tensor<2x3x4x4xf32>
}

// Depthwise with multiplier 2; groups of more than one channel stay grouped.
// CHECK-LABEL: @groups
// CHECK: "rvv.depthwise_conv2d"(%arg0, %{{.*}} : (tensor<1x4x4x4xf32>, tensor<8x3x3xf32>, tensor<8xf32>
// CHECK: "rvv.conv2d"({{.*}}groups = 2 : i64{{.*}} : (tensor<1x4x4x4xf32>, tensor<2x1x18x4xf32>, tensor<8xf32>
func.func @groups(%x: tensor<1x4x4x4xf32>) -> (tensor<1x8x2x2xf32>, tensor<1x8x2x2xf32>) {
  %w = "ait.constant"() {value = dense<1.0> : tensor<8x1x3x3xf32>} : () -> tensor<8x1x3x3xf32>
  %v = "ait.constant"() {value = dense<1.0> : tensor<8x2x3x3xf32>} : () -> tensor<8x2x3x3xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<8xf32>} : () -> tensor<8xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64, epilogue = {act = "identity"}} : (tensor<1x4x4x4xf32>, tensor<8x1x3x3xf32>, tensor<8xf32>) -> tensor<1x8x2x2xf32>
  %1 = "ait.conv2d"(%x, %v, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64, epilogue = {act = "identity"}} : (tensor<1x4x4x4xf32>, tensor<8x2x3x3xf32>, tensor<8xf32>) -> tensor<1x8x2x2xf32>
  return %0, %1 : tensor<1x8x2x2xf32>, tensor<1x8x2x2xf32>
}

// The filter of a gemm is transposed: at compile time if it is constant.
// CHECK-LABEL: @products
// CHECK: %[[F:.*]] = "ait.constant"() {value = dense<{{\[\[}}1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>}
// CHECK: "rvv.matmul"(%arg0, %[[F]], {{.*}}tile = 3 : i64
// CHECK: %[[T:.*]] = "ait.transpose"(%arg1)
// CHECK: "rvv.matmul"(%arg0, %[[T]],
// CHECK: %[[Z:.*]] = "ait.constant"() {value = dense<0.000000e+00> : tensor<2xf32>}
// CHECK: "rvv.matmul"(%arg0, %arg1, %[[Z]],
func.func @products(%x: tensor<3x2xf32>, %f: tensor<2x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = "ait.constant"() {value = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  %b = "ait.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %0 = "ait.gemm"(%x, %w, %b) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %1 = "ait.gemm"(%x, %f, %b) {epilogue = {act = "identity"}} : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %2 = "ait.matmul"(%x, %f) : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %0, %1, %2 : tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>
}

// CHECK-LABEL: @rest
// CHECK: "rvv.pool2d"{{.*}}count_include_pad = false{{.*}}fn = "max"
// CHECK: "rvv.pool2d"{{.*}}count_include_pad = true{{.*}}fn = "avg"
// CHECK: "rvv.global_pool"{{.*}}fn = "avg"
// CHECK: "rvv.global_pool"{{.*}}fn = "max"
// CHECK: "rvv.binary"{{.*}}fn = "div"
// CHECK: "rvv.binary"{{.*}}act = "identity"{{.*}}fn = "prelu"
// CHECK: "rvv.softmax"{{.*}}axis = 2
// CHECK: "rvv.scale_bias"{{.*}}act = "relu"
// CHECK: "rvv.unary"{{.*}}act = "tanh"
// CHECK: "ait.concat"
func.func @rest(%x: tensor<1x2x4x4xf32>, %c: tensor<2xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>, tensor<1x4x4x4xf32>) {
  %0 = "ait.max_pool2d"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %1 = "ait.avg_pool2d"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = false, count_include_pad = true} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %2 = "ait.global_avg_pool"(%x) : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %3 = "ait.global_max_pool"(%x) : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %4 = "ait.div"(%x, %2) {epilogue = {act = "identity"}} : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %5 = "ait.prelu"(%4, %2) : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %6 = "ait.softmax"(%5) {axis = 2 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %7 = "ait.scale_bias"(%6, %c, %c) {epilogue = {act = "relu"}} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %8 = "ait.activation"(%7) {epilogue = {act = "tanh"}} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %9 = "ait.concat"(%7, %8) {axis = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x4x4x4xf32>
  return %0, %1, %2, %3, %9 : tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>, tensor<1x4x4x4xf32>
}

// Padding and strides are split off first.
// CHECK-LABEL: @split
// CHECK: %[[S:.*]] = "rvv.split_phases"(%arg0, {{.*}} : (tensor<1x2x7x7xf32>, tensor<1x8x5x5xf32>) -> tensor<1x8x5x5xf32>
// CHECK: "rvv.conv2d"(%[[S]], {{.*}}algorithm = "split"
// WIDE-LABEL: @split
// WIDE-NOT: split_phases
// WIDE: "rvv.conv2d"(%arg0, {{.*}}algorithm = "packed"
func.func @split(%x: tensor<1x2x7x7xf32>) -> tensor<1x3x4x4xf32> {
  %w = "ait.constant"() {value = dense<2.0> : tensor<3x2x3x3xf32>} : () -> tensor<3x2x3x3xf32>
  %b = "ait.constant"() {value = dense<0.0> : tensor<3xf32>} : () -> tensor<3xf32>
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}} : (tensor<1x2x7x7xf32>, tensor<3x2x3x3xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}
