// RUN: ait-opt %s --split-input-file --verify-diagnostics

func.func @values(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x3xf32>} : () -> tensor<2x3x3xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs values of shape [2, 3, 2], not [2, 3, 3]}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x3xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @columns(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2], [1, 0]]> : tensor<2x2xi8>} : () -> tensor<2x2xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs columns of shape [2, 3], not [2, 2]}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x2xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @starts(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 3], [0, 3]]> : tensor<2x2xi32>} : () -> tensor<2x2xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs starts of shape [2, 3], not [2, 2]}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x2xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @narrow_starts(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi16>} : () -> tensor<2x3xi16>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs starts of i32, not tensor<2x3xi16>}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi16>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @float_columns(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<1.0> : tensor<2x3xf32>} : () -> tensor<2x3xf32>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs columns of i8, i16 or i32, not tensor<2x3xf32>}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xf32>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @segment(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has segments of 2 columns, which are 3 in algorithm "direct"}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 2 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @packed_segment(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has segments of 3 columns, which are 128 in algorithm "packed"}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "packed",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @registers(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op does not fit 32 vector registers: (4 + 1) * 8}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 4>, segment = 3 : i64, lmul = 8 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @unroll(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has unroll 3, which is not 1, 2, 4 or 8}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 3 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @pattern(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op #nm.columns<5, 4, 2> has n outside 1 to 4}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<5, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @algorithm(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has algorithm "winograd" where it knows direct, split, packed}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "winograd",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @strided(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op works in place only with strides 1 and no padding}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @phases(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op cannot split 3 and 3 channels into 1 groups of 2 phases}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "split",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @split_size(%x: tensor<1x3x8x1xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has a split input of 1 elements where its window needs 2}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "split",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x1xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @computed(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>, %c: tensor<2x3xi8>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op needs constant columns}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @unsorted_starts(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 2, 1]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has starts that do not ascend from 0 to 3 in tile 1}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @few_starts(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 2], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has starts that do not ascend from 0 to 3 in tile 0}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @outside(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 3, 1], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has position 3 in the segment of 0 to 2 in tile 0}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @unsigned(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [-1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has position 255 in the segment of 0 to 2 in tile 1}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @twice(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 1], [1, 0, 0]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has column 3 twice in tile 1}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @count(%x: tensor<1x3x8x8xf32>, %b: tensor<3xf32>) -> tensor<1x3x8x7xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<2x3x2xf32>} : () -> tensor<2x3x2xf32>
  %c = "ait.constant"() {value = dense<[[0, 2, 0], [1, 0, 2]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "ait.constant"() {value = dense<[[0, 2, 3], [0, 1, 3]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %e = tensor.empty() : tensor<1x3x8x7xf32>
  // expected-error@+1 {{'nm.conv2d' op has 3 of columns 0 to 3, where #nm.columns<2, 4, 2> keeps 2 in tile 0}}
  %0 = "nm.conv2d"(%x, %v, %c, %s, %b, %e) {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "relu"}, algorithm = "direct",
    sparsity = #nm.columns<2, 4, 2>, segment = 3 : i64, lmul = 4 : i64, unroll = 4 : i64}
    : (tensor<1x3x8x8xf32>, tensor<2x3x2xf32>, tensor<2x3xi8>, tensor<2x3xi32>, tensor<3xf32>, tensor<1x3x8x7xf32>) -> tensor<1x3x8x7xf32>
  return %0 : tensor<1x3x8x7xf32>
}

// -----

func.func @dense(%x: tensor<1x2x4x4xf32>, %b: tensor<2xf32>) -> tensor<1x2x4x3xf32> {
  %w = "ait.constant"() {value = dense<[[[[0.0, 0.0]], [[3.0, 0.0]]], [[[2.0, 0.0]], [[0.0, 0.0]]]]> : tensor<2x2x1x2xf32, #nm.columns<1, 2, 2>>}
    : () -> tensor<2x2x1x2xf32, #nm.columns<1, 2, 2>>
  // expected-error@+1 {{'ait.conv2d' op tile 0 has 2 non-zero columns in columns 0 to 1 (group 0), where #nm.columns<1, 2, 2> keeps 1}}
  %0 = "ait.conv2d"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, epilogue = {act = "identity"}}
    : (tensor<1x2x4x4xf32>, tensor<2x2x1x2xf32, #nm.columns<1, 2, 2>>, tensor<2xf32>) -> tensor<1x2x4x3xf32>
  return %0 : tensor<1x2x4x3xf32>
}

// -----

func.func @gemm(%x: tensor<1x4xf32>, %w: tensor<2x4xf32, #nm.columns<1, 4, 2>>, %b: tensor<2xf32>) -> tensor<1x2xf32> {
  // expected-error@+1 {{'ait.gemm' op needs constant sparse weights}}
  %0 = "ait.gemm"(%x, %w, %b) {epilogue = {act = "identity"}} : (tensor<1x4xf32>, tensor<2x4xf32, #nm.columns<1, 4, 2>>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

func.func @elsewhere(%x: tensor<2x4xf32, #nm.columns<1, 4, 2>>) -> tensor<2x4xf32> {
  // expected-error@+1 {{'ait.add' op has sparse weights as operand 0; only filters of ait.conv2d and ait.gemm are}}
  %0 = "ait.add"(%x, %x) {epilogue = {act = "identity"}} : (tensor<2x4xf32, #nm.columns<1, 4, 2>>, tensor<2x4xf32, #nm.columns<1, 4, 2>>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @result(%x: tensor<2x4xf32>) -> tensor<2x4xf32, #nm.columns<1, 4, 2>> {
  // expected-error@+1 {{'ait.activation' op has a result in #nm.columns<1, 4, 2>, which only a constant can have}}
  %0 = "ait.activation"(%x) {epilogue = {act = "relu"}} : (tensor<2x4xf32>) -> tensor<2x4xf32, #nm.columns<1, 4, 2>>
  return %0 : tensor<2x4xf32, #nm.columns<1, 4, 2>>
}

// -----

func.func @matmul(%x: tensor<5x4xf32>, %b: tensor<3xf32>) -> tensor<5x3xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<1x2x32xf32>} : () -> tensor<1x2x32xf32>
  %c = "ait.constant"() {value = dense<[[1, 3]]> : tensor<1x2xi16>} : () -> tensor<1x2xi16>
  %e = tensor.empty() : tensor<5x3xf32>
  // expected-error@+1 {{'nm.matmul' op has position 4 in the segment of 0 to 3 in tile 0}}
  %0 = "nm.matmul"(%x, %v, %c, %b, %e) {epilogue = {act = "identity"}, sparsity = #nm.columns<2, 4, 32>, rows = 5 : i64, lmul = 4 : i64}
    : (tensor<5x4xf32>, tensor<1x2x32xf32>, tensor<1x2xi16>, tensor<3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// -----

func.func @rows(%x: tensor<5x4xf32>, %b: tensor<3xf32>) -> tensor<5x3xf32> {
  %v = "ait.constant"() {value = dense<1.0> : tensor<1x2x32xf32>} : () -> tensor<1x2x32xf32>
  %c = "ait.constant"() {value = dense<[[1, 2]]> : tensor<1x2xi16>} : () -> tensor<1x2xi16>
  %e = tensor.empty() : tensor<5x3xf32>
  // expected-error@+1 {{'nm.matmul' op does not fit 32 vector registers: (8 + 1) * 4}}
  %0 = "nm.matmul"(%x, %v, %c, %b, %e) {epilogue = {act = "identity"}, sparsity = #nm.columns<2, 4, 32>, rows = 8 : i64, lmul = 4 : i64}
    : (tensor<5x4xf32>, tensor<1x2x32xf32>, tensor<1x2xi16>, tensor<3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// -----

func.func @integers(%x: tensor<5x4xf32>) -> tensor<20xi8> {
  %c = "ait.constant"() {value = dense<1> : tensor<4x5xi8>} : () -> tensor<4x5xi8>
  // expected-error@+1 {{'ait.reshape' op works on f32, not on tensor<4x5xi8>}}
  %0 = "ait.reshape"(%c) : (tensor<4x5xi8>) -> tensor<20xi8>
  return %0 : tensor<20xi8>
}

// -----

func.func @doubles() -> tensor<2xi64> {
  // expected-error@+1 {{'ait.constant' op tensor<2xi64> has elements that are not f32, f16, i8, i16 or i32}}
  %c = "ait.constant"() {value = dense<1> : tensor<2xi64>} : () -> tensor<2xi64>
  return %c : tensor<2xi64>
}
