// Generated from dialects/td/nm.td; BLESS=1 cargo test -p ait-dialects
irdl.dialect @nm {
  irdl.attribute @columns {
    %0 = irdl.base "#builtin.integer"
    %1 = irdl.base "#builtin.integer"
    %2 = irdl.base "#builtin.integer"
    irdl.parameters(n: %0, m: %1, tile: %2)
  }
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
    %15 = irdl.base "!builtin.tensor"
    %16 = irdl.base "!builtin.memref"
    %17 = irdl.any_of(%15, %16)
    %18 = irdl.base "!builtin.tensor"
    %19 = irdl.base "!builtin.memref"
    %20 = irdl.any_of(%18, %19)
    %21 = irdl.base "#builtin.dense_array"
    %22 = irdl.base "#builtin.dense_array"
    %23 = irdl.base "#builtin.dense_array"
    %24 = irdl.base "#builtin.dense_array"
    %25 = irdl.base "#builtin.integer"
    %26 = irdl.base "#builtin.dictionary"
    %27 = irdl.base "#builtin.string"
    %28 = irdl.base @nm::@columns
    %29 = irdl.base "#builtin.integer"
    %30 = irdl.base "#builtin.integer"
    %31 = irdl.base "#builtin.integer"
    %32 = irdl.base "!builtin.tensor"
    irdl.operands(input: %2, values: %5, columns: %8, starts: %11, bias: %14, init: %17, residual: optional %20)
    irdl.results(result: optional %32)
    irdl.attributes {"kernel" = %21, "strides" = %22, "pads" = %23, "dilations" = %24, "groups" = %25, "epilogue" = %26, "algorithm" = %27, "sparsity" = %28, "segment" = %29, "lmul" = %30, "unroll" = %31}
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
    %15 = irdl.base "!builtin.tensor"
    %16 = irdl.base "!builtin.memref"
    %17 = irdl.any_of(%15, %16)
    %18 = irdl.base "#builtin.dictionary"
    %19 = irdl.base @nm::@columns
    %20 = irdl.base "#builtin.integer"
    %21 = irdl.base "#builtin.integer"
    %22 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %2, values: %5, columns: %8, bias: %11, init: %14, residual: optional %17)
    irdl.results(result: optional %22)
    irdl.attributes {"epilogue" = %18, "sparsity" = %19, "rows" = %20, "lmul" = %21}
  }
}
