// Generated from dialects/td/xnn.td; BLESS=1 cargo test -p ait-dialects
irdl.dialect @xnn {
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
    %12 = irdl.base "#builtin.dense_array"
    %13 = irdl.base "#builtin.dense_array"
    %14 = irdl.base "#builtin.dense_array"
    %15 = irdl.base "#builtin.integer"
    %16 = irdl.base "#builtin.integer"
    %17 = irdl.base "#builtin.float"
    %18 = irdl.base "#builtin.float"
    %19 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, filter: %5, bias: %8, init: %11)
    irdl.results(result: optional %19)
    irdl.attributes {"strides" = %12, "pads" = %13, "dilations" = %14, "groups" = %15, "depthwise" = %16, "min" = %17, "max" = %18}
  }
  irdl.operation @fully_connected {
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
    %12 = irdl.base "#builtin.float"
    %13 = irdl.base "#builtin.float"
    %14 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, filter: %5, bias: %8, init: %11)
    irdl.results(result: optional %14)
    irdl.attributes {"min" = %12, "max" = %13}
  }
  irdl.operation @max_pool2d {
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
    %10 = irdl.base "#builtin.float"
    %11 = irdl.base "#builtin.float"
    %12 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %12)
    irdl.attributes {"kernel" = %6, "strides" = %7, "pads" = %8, "dilations" = %9, "min" = %10, "max" = %11}
  }
  irdl.operation @avg_pool2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.dense_array"
    %7 = irdl.base "#builtin.dense_array"
    %8 = irdl.base "#builtin.dense_array"
    %9 = irdl.base "#builtin.float"
    %10 = irdl.base "#builtin.float"
    %11 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %11)
    irdl.attributes {"kernel" = %6, "strides" = %7, "pads" = %8, "min" = %9, "max" = %10}
  }
  irdl.operation @global_avg_pool {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %6)
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
    %10 = irdl.base "#builtin.float"
    %11 = irdl.base "#builtin.float"
    %12 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %2, rhs: %5, init: %8)
    irdl.results(result: optional %12)
    irdl.attributes {"fn" = %9, "min" = %10, "max" = %11}
  }
  irdl.operation @unary {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "#builtin.dictionary"
    %7 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %7)
    irdl.attributes {"epilogue" = %6}
  }
  irdl.operation @softmax {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.memref"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.memref"
    %5 = irdl.any_of(%3, %4)
    %6 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, init: %5)
    irdl.results(result: optional %6)
  }
}
