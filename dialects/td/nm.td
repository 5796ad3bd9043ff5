//===- nm.td - column-wise N:M sparsity ------------------------------------------===//

#ifndef NM_TD
#define NM_TD

include "mlir/IR/AttrTypeBase.td"
include "impl.td"

def Nm_Dialect : Dialect {
  let name = "nm";
  let cppNamespace = "::nm";
  let summary = "Column-wise N:M sparsity as a verified type on weights, and products with packed weights.";
  let description = [{
    Weights are seen as `W[rows, K]`: a filter `rows x C x KH x KW` with `k = (kh * KW + kw) * C + c`, a gemm's `rows x K`
    as it is. A *tile* is `tile` consecutive rows (of one convolution group; the last may be short). In every tile, of
    every `m` consecutive columns exactly `n` are *kept*, the others are zero in all the tile's rows; of a short last group
    of `len < m` columns `ceil(n * len / m)` are kept. Adaptive sparsity is `m = K`. Tiles keep different columns.
    (Efficient Column-Wise N:M Pruning on RISC-V CPU, arXiv 2507.17301.)
  }];
}

def Nm_ColumnsAttr : AttrDef<Nm_Dialect, "Columns"> {
  let mnemonic = "columns";
  let summary = "The encoding of pruned weights: `n` of `m` columns kept per tile of `tile` rows.";
  let description = [{
    On the type of a constant that is the filter of `ait.conv2d` or `ait.gemm`: at most `n` of every `m` columns of a tile
    have a non-zero element. On `nm` ops: what their packed weights are, exactly.
  }];
  let parameters = (ins "IntegerAttr":$n, "IntegerAttr":$m, "IntegerAttr":$tile);
}

class Nm_Op<string mnemonic> : Op<Nm_Dialect, mnemonic, []>;

// Packed weights. `values` is tiles x kept x tile (f32): for every tile (group by group) and kept column, ascending, the
// tile's rows, short last tiles filled with zeros. `columns` is tiles x kept, unsigned i8, i16 or i32: the distance of a
// kept column from the one before it in its segment, of the first from the segment's start.

def Nm_Conv2dOp : Nm_Op<"conv2d"> {
  let summary = "`rvv.conv2d` with packed column-wise sparse weights.";
  let description = [{
    The reduction is cut into segments of `segment` columns, for algorithms "direct" and "split" one tap (the channels of a
    group), for "packed" 128. `starts` is tiles x (ceil(K / segment) + 1) of i32: how many of the tile's kept columns lie
    before each segment, and at the end their number.
  }];
  let arguments = (ins Buffer:$input, Buffer:$values, Buffer:$columns, Buffer:$starts, Buffer:$bias, Buffer:$init,
    Optional<Buffer>:$residual,
    DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    I64Attr:$groups, DictionaryAttr:$epilogue, StrAttr:$algorithm, Nm_ColumnsAttr:$sparsity, I64Attr:$segment,
    I64Attr:$lmul, I64Attr:$unroll);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Nm_MatmulOp : Nm_Op<"matmul"> {
  let summary = "epilogue(lhs * W^T + bias [+ residual]), W packed, vectors along the rows of a tile of W.";
  let description = [{
    `lhs` is ... x M x K with any strides, `init` ... x M x N with N stride 1, `bias` N; the reduction is one segment.
    `rows` is the number of rows of M at once.
  }];
  let arguments = (ins Buffer:$lhs, Buffer:$values, Buffer:$columns, Buffer:$bias, Buffer:$init, Optional<Buffer>:$residual,
    DictionaryAttr:$epilogue, Nm_ColumnsAttr:$sparsity, I64Attr:$rows, I64Attr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

#endif
