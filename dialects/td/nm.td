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

    Packed weights are what kernels read, one row after the other. Two tiles of two rows, `n = 2` of `m = 4` columns kept,
    segments of four columns (`.` is zero):

    ```
              segment 0         segment 1
          k   0   1   2   3     4   5   6   7
            +-----------------+-----------------+
    row 0   | a   .   .   b   | .   c   d   .   |   tile 0 keeps 0 3 5 6
    row 1   | e   .   .   f   | .   g   h   .   |
            +-----------------+-----------------+
    row 2   | .   i   j   .   | k   .   .   l   |   tile 1 keeps 1 2 4 7; its second row does not exist
            +-----------------+-----------------+

    values  [[[a, e], [b, f], [c, g], [d, h]],      a tile's rows of a kept column are adjacent:
             [[i, 0], [j, 0], [k, 0], [l, 0]]]      one vector load feeds them all as scalars
    columns [[0, 3, 1, 1], [1, 1, 0, 3]]            0 -> 3 is 3; column 5 is 4 + 1, in a new segment
    starts  [[0, 2, 4], [0, 2, 4]]                  kept columns before segment 0, segment 1, the end
    ```

    `values` is tiles x kept x tile of f32: for every tile (group by group) and kept column, ascending, the tile's rows,
    a short last tile filled with zeros. `columns` is tiles x kept of i8, i16 or i32, the narrowest that holds them, read
    as unsigned: the distance of a kept column from the one before it in its segment, of the first from the segment's
    start. `starts` is tiles x (ceil(K / segment) + 1) of i32: how many of the tile's kept columns lie before each
    segment, and at the end their number. `columns` and `starts` are constants, which the verifier proves: columns ascend,
    stay in their segment, and every group of `m` has exactly as many as the pattern keeps.
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

def Nm_Conv2dOp : Nm_Op<"conv2d"> {
  let summary = "`rvv.conv2d` with packed column-wise sparse weights.";
  let description = [{
    The reduction is in the order of `rvv.conv2d`, a chunk having as many more channels as fewer columns are kept, and is
    cut into segments of `segment` columns: for algorithms "direct" and "split" what a chunk has of a tap, for "packed" 128.
    Columns in the packed weights are positions in that order.
  }];
  let arguments = (ins Buffer:$input, Buffer:$values, Buffer:$columns, Buffer:$starts, Buffer:$bias, Buffer:$init,
    Optional<Buffer>:$residual,
    PairAttr:$kernel, PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    IntegerAttr:$groups, KernelEpilogueAttr:$epilogue, AlgorithmAttr:$algorithm, Nm_ColumnsAttr:$sparsity, IntegerAttr:$segment,
    IntegerAttr:$lmul, IntegerAttr:$unroll);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Nm_MatmulOp : Nm_Op<"matmul"> {
  let summary = "epilogue(lhs * W^T + bias [+ residual]), W packed, vectors along the rows of a tile of W.";
  let description = [{
    `lhs` is ... x M x K with any strides, `init` ... x M x N with N stride 1, `bias` N; the reduction is one segment.
    `rows` is the number of rows of M at once.
  }];
  let arguments = (ins Buffer:$lhs, Buffer:$values, Buffer:$columns, Buffer:$bias, Buffer:$init, Optional<Buffer>:$residual,
    KernelEpilogueAttr:$epilogue, Nm_ColumnsAttr:$sparsity, IntegerAttr:$rows, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

#endif
