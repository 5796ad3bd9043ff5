// Generated from dialects/td/ait.td; BLESS=1 cargo test -p ait-dialects
irdl.dialect @ait {
  irdl.attribute @layout {
    %0 = irdl.base "#builtin.string"
    irdl.parameters(order: %0)
  }
  irdl.operation @constant {
    %0 = irdl.any
    %1 = irdl.base "!builtin.tensor"
    irdl.operands()
    irdl.results(result: %1)
    irdl.attributes {"value" = %0}
  }
  irdl.operation @conv2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "#builtin.dense_array"
    %5 = irdl.base "#builtin.dense_array"
    %6 = irdl.base "#builtin.dense_array"
    %7 = irdl.base "#builtin.integer"
    %8 = irdl.base "#builtin.dictionary"
    %9 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0, filter: %1, bias: %2, residual: optional %3)
    irdl.results(result: %9)
    irdl.attributes {"strides" = %4, "pads" = %5, "dilations" = %6, "groups" = %7, "epilogue" = %8}
  }
  irdl.operation @gemm {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "#builtin.dictionary"
    %5 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0, filter: %1, bias: %2, residual: optional %3)
    irdl.results(result: %5)
    irdl.attributes {"epilogue" = %4}
  }
  irdl.operation @matmul {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %2)
  }
  irdl.operation @batch_norm {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    %3 = irdl.base "!builtin.tensor"
    %4 = irdl.base "!builtin.tensor"
    %5 = irdl.base "#builtin.float"
    %6 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0, scale: %1, bias: %2, mean: %3, variance: %4)
    irdl.results(result: %6)
    irdl.attributes {"epsilon" = %5}
  }
  irdl.operation @scale_bias {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    %3 = irdl.base "#builtin.dictionary"
    %4 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0, scale: %1, bias: %2)
    irdl.results(result: %4)
    irdl.attributes {"epilogue" = %3}
  }
  irdl.operation @activation {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dictionary"
    %2 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %2)
    irdl.attributes {"epilogue" = %1}
  }
  irdl.operation @prelu {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0, slope: %1)
    irdl.results(result: %2)
  }
  irdl.operation @add {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "#builtin.dictionary"
    %3 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %3)
    irdl.attributes {"epilogue" = %2}
  }
  irdl.operation @sub {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "#builtin.dictionary"
    %3 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %3)
    irdl.attributes {"epilogue" = %2}
  }
  irdl.operation @mul {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "#builtin.dictionary"
    %3 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %3)
    irdl.attributes {"epilogue" = %2}
  }
  irdl.operation @div {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "#builtin.dictionary"
    %3 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %3)
    irdl.attributes {"epilogue" = %2}
  }
  irdl.operation @max_pool2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dense_array"
    %2 = irdl.base "#builtin.dense_array"
    %3 = irdl.base "#builtin.dense_array"
    %4 = irdl.base "#builtin.dense_array"
    %5 = irdl.base "#builtin.integer"
    %6 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %6)
    irdl.attributes {"kernel" = %1, "strides" = %2, "pads" = %3, "dilations" = %4, "ceil_mode" = %5}
  }
  irdl.operation @avg_pool2d {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dense_array"
    %2 = irdl.base "#builtin.dense_array"
    %3 = irdl.base "#builtin.dense_array"
    %4 = irdl.base "#builtin.dense_array"
    %5 = irdl.base "#builtin.integer"
    %6 = irdl.base "#builtin.integer"
    %7 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %7)
    irdl.attributes {"kernel" = %1, "strides" = %2, "pads" = %3, "dilations" = %4, "ceil_mode" = %5, "count_include_pad" = %6}
  }
  irdl.operation @global_avg_pool {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %1)
  }
  irdl.operation @global_max_pool {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %1)
  }
  irdl.operation @softmax {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.integer"
    %2 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %2)
    irdl.attributes {"axis" = %1}
  }
  irdl.operation @reshape {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %1)
  }
  irdl.operation @transpose {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dense_array"
    %2 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %2)
    irdl.attributes {"permutation" = %1}
  }
  irdl.operation @concat {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    %2 = irdl.base "#builtin.integer"
    %3 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %1)
    irdl.results(result: %3)
    irdl.attributes {"axis" = %2}
  }
  irdl.operation @slice {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dense_array"
    %2 = irdl.base "#builtin.dense_array"
    %3 = irdl.base "#builtin.dense_array"
    %4 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %4)
    irdl.attributes {"starts" = %1, "sizes" = %2, "steps" = %3}
  }
  irdl.operation @pad {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "#builtin.dense_array"
    %2 = irdl.base "#builtin.dense_array"
    %3 = irdl.base "#builtin.float"
    %4 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %4)
    irdl.attributes {"low" = %1, "high" = %2, "value" = %3}
  }
  irdl.operation @convert_layout {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.tensor"
    irdl.operands(input: %0)
    irdl.results(result: %1)
  }
}
