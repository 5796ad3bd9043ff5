// Generated from dialects/td/rvv.td; BLESS=1 cargo test -p ait-dialects
irdl.dialect @rvv {
  irdl.operation @conv2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    %7 = irdl.base "!builtin.memref"
    %8 = irdl.any_of(%6, %7)
    %9 = irdl.base "!builtin.tensor"
    %10 = irdl.base "!builtin.memref"
    %11 = irdl.any_of(%9, %10)
    %12 = irdl.base "!builtin.tensor"
    %13 = irdl.base "!builtin.memref"
    %14 = irdl.any_of(%12, %13)
    %15 = irdl.base "#builtin.dense_array"
    %16 = irdl.base "#builtin.dense_array"
    %17 = irdl.base "#builtin.dense_array"
    %18 = irdl.base "#builtin.dense_array"
    %19 = irdl.base "#builtin.integer"
    %20 = irdl.base "#builtin.dictionary"
    %21 = irdl.base "#builtin.string"
    %22 = irdl.base "#builtin.integer"
    %23 = irdl.base "#builtin.integer"
    %24 = irdl.base "#builtin.integer"
    %25 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, filter: %5, bias: %8, init: %11, residual: optional %14)
    irdl.results(result: optional %25)
    irdl.attributes {"kernel" = %15, "strides" = %16, "pads" = %17, "dilations" = %18, "groups" = %19, "epilogue" = %20, "algorithm" = %21, "tile" = %22, "lmul" = %23, "unroll" = %24}
  }
  irdl.operation @split_phases {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.dense_array"
    %7 = irdl.base "#builtin.dense_array"
    %8 = irdl.base "#builtin.dense_array"
    %9 = irdl.base "#builtin.dense_array"
    %10 = irdl.base "#builtin.integer"
    %11 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %11)
    irdl.attributes {"kernel" = %6, "strides" = %7, "pads" = %8, "dilations" = %9, "lmul" = %10}
  }
  irdl.operation @depthwise_conv2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    %7 = irdl.base "!builtin.memref"
    %8 = irdl.any_of(%6, %7)
    %9 = irdl.base "!builtin.tensor"
    %10 = irdl.base "!builtin.memref"
    %11 = irdl.any_of(%9, %10)
    %12 = irdl.base "!builtin.tensor"
    %13 = irdl.base "!builtin.memref"
    %14 = irdl.any_of(%12, %13)
    %15 = irdl.base "#builtin.dense_array"
    %16 = irdl.base "#builtin.dense_array"
    %17 = irdl.base "#builtin.dense_array"
    %18 = irdl.base "#builtin.dictionary"
    %19 = irdl.base "#builtin.integer"
    %20 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, filter: %5, bias: %8, init: %11, residual: optional %14)
    irdl.results(result: optional %20)
    irdl.attributes {"strides" = %15, "pads" = %16, "dilations" = %17, "epilogue" = %18, "lmul" = %19}
  }
  irdl.operation @matmul {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    %7 = irdl.base "!builtin.memref"
    %8 = irdl.any_of(%6, %7)
    %9 = irdl.base "!builtin.tensor"
    %10 = irdl.base "!builtin.memref"
    %11 = irdl.any_of(%9, %10)
    %12 = irdl.base "!builtin.tensor"
    %13 = irdl.base "!builtin.memref"
    %14 = irdl.any_of(%12, %13)
    %15 = irdl.base "#builtin.dictionary"
    %16 = irdl.base "#builtin.integer"
    %17 = irdl.base "#builtin.integer"
    %18 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %2, rhs: %5, bias: %8, init: %11, residual: optional %14)
    irdl.results(result: optional %18)
    irdl.attributes {"epilogue" = %15, "tile" = %16, "lmul" = %17}
  }
  irdl.operation @pool2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.string"
    %7 = irdl.base "#builtin.dense_array"
    %8 = irdl.base "#builtin.dense_array"
    %9 = irdl.base "#builtin.dense_array"
    %10 = irdl.base "#builtin.dense_array"
    %11 = irdl.base "#builtin.integer"
    %12 = irdl.base "#builtin.integer"
    %13 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %13)
    irdl.attributes {"fn" = %6, "kernel" = %7, "strides" = %8, "pads" = %9, "dilations" = %10, "count_include_pad" = %11, "lmul" = %12}
  }
  irdl.operation @global_pool {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.string"
    %7 = irdl.base "#builtin.integer"
    %8 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %8)
    irdl.attributes {"fn" = %6, "lmul" = %7}
  }
  irdl.operation @binary {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    %7 = irdl.base "!builtin.memref"
    %8 = irdl.any_of(%6, %7)
    %9 = irdl.base "#builtin.string"
    %10 = irdl.base "#builtin.dictionary"
    %11 = irdl.base "#builtin.integer"
    %12 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %2, rhs: %5, init: %8)
    irdl.results(result: optional %12)
    irdl.attributes {"fn" = %9, "epilogue" = %10, "lmul" = %11}
  }
  irdl.operation @scale_bias {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    %7 = irdl.base "!builtin.memref"
    %8 = irdl.any_of(%6, %7)
    %9 = irdl.base "!builtin.tensor"
    %10 = irdl.base "!builtin.memref"
    %11 = irdl.any_of(%9, %10)
    %12 = irdl.base "#builtin.dictionary"
    %13 = irdl.base "#builtin.integer"
    %14 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, scale: %5, bias: %8, init: %11)
    irdl.results(result: optional %14)
    irdl.attributes {"epilogue" = %12, "lmul" = %13}
  }
  irdl.operation @unary {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.dictionary"
    %7 = irdl.base "#builtin.integer"
    %8 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %8)
    irdl.attributes {"epilogue" = %6, "lmul" = %7}
  }
  irdl.operation @softmax {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.integer"
    %7 = irdl.base "#builtin.integer"
    %8 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %8)
    irdl.attributes {"axis" = %6, "lmul" = %7}
  }
  irdl.operation @copy {
    %0 = irdl.base "!builtin.memref"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.base "#builtin.integer"
    irdl.operands(input: %0, init: %1)
    irdl.results()
    irdl.attributes {"lmul" = %2}
  }
  irdl.operation @fill {
    %0 = irdl.base "!builtin.memref"
    %1 = irdl.base "#builtin.float"
    %2 = irdl.base "#builtin.integer"
    irdl.operands(init: %0)
    irdl.results()
    irdl.attributes {"value" = %1, "lmul" = %2}
  }
  irdl.operation @view {
    %0 = irdl.base "!builtin.memref"
    %1 = irdl.base "#builtin.integer"
    %2 = irdl.base "!builtin.memref"
    irdl.operands(source: %0)
    irdl.results(result: %2)
    irdl.attributes {"offset" = %1}
  }
  irdl.operation @constant {
    %0 = irdl.any
    %1 = irdl.base "#builtin.integer"
    %2 = irdl.base "!builtin.memref"
    irdl.operands()
    irdl.results(result: %2)
    irdl.attributes {"value" = %0, "offset" = %1}
  }
}
