//===- rvv.td - generated RVV kernels, and buffers ------------------------------===//

#ifndef RVV_TD
#define RVV_TD

include "impl.td"

def Rvv_Dialect : Dialect {
  let name = "rvv";
  let cppNamespace = "::rvv";
  let summary = "Calls of generated RVV 1.0 kernels with every parameter an attribute, and their buffers.";
  let description = [{
    A kernel is determined by its op: attributes, and shapes and strides of the operands. All are
    f32 and vector-length agnostic (VLEN 128 to 1024). `lmul` is the register group size (1, 2, 4, 8),
    `tile` the number of accumulator groups; `(tile + 1) * lmul <= 32`. `epilogue` is applied last,
    after the residual was added. NaN propagates; with the unit `nnan` in its epilogue (`{act = "relu", nnan}`) a kernel
    may clamp it to a bound.
  }];
}

class Rvv_Op<string mnemonic> : Op<Rvv_Dialect, mnemonic, []>;

// Kernels: operands are read, `init` is written.

def Rvv_Conv2dOp : Rvv_Op<"conv2d"> {
  let summary = "Register-tiled convolution: tile output channels x one strip of output positions in W.";
  let description = [{
    Positions are output (n, h, w) in row-major order; the W stride of input, residual and init is 1 (CNHW or
    NCHW memory order). `filter` is packed as `groups x ceil(K/groups/tile) x (KH*KW*C/groups) x tile`, short last
    tiles filled with zeros, the reduction in the order of the algorithm: for "packed" kh, kw, c with c fastest; for the
    others chunks of channels, and in each kh, kw, c. A chunk is the largest divisor of C/groups of at most 16 channels (128
    where `kernel` is [1, 1]) and at least 8 (32), or all channels: what it reads of the input, and a few tiles'
    weights of it, stay in a first-level cache. `kernel` is `[KH, KW]`. `algorithm` is where a vector of the reduction comes from:
    "packed": im2col strips packed inside the task, any window;
    "direct": the input in place, strides 1 and no padding, each of its planes one dense run;
    "split": as "direct", the input being what `rvv.split_phases` made of the real one for this very window, so that
    H and W of the result are the input's less `(KH-1)*DH/SH` and `(KW-1)*DW/SW` (rounded down).
    `unroll` is the number of reduction steps (columns) of an iteration.
  }];
  let arguments = (ins Buffer:$input, Buffer:$filter, Buffer:$bias, Buffer:$init, Optional<Buffer>:$residual,
    PairAttr:$kernel, PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    IntegerAttr:$groups, KernelEpilogueAttr:$epilogue, AlgorithmAttr:$algorithm, IntegerAttr:$tile, IntegerAttr:$lmul, IntegerAttr:$unroll);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_SplitPhasesOp : Rvv_Op<"split_phases"> {
  let summary = "The input of a convolution padded and split by the strides, so that every tap is at a constant offset.";
  let description = [{
    Of a window with strides S, dilations D and kernel extents K, tap k reads phase `k*D mod S`; U is the ascending list
    of the phases that some tap reads. The result is `N x (C * |UH| * |UW|) x (OH + (KH-1)*DH/SH) x (OW + (KW-1)*DW/SW)`
    (divisions rounded down, OH and OW by the rule of convolutions), channel `(c * |UH| + i) * |UW| + j`, and
    `result[n, (c, i, j), y, x] = input[n, c, y*SH + UH[i] - top, x*SW + UW[j] - left]`, 0 outside of the input. Tap
    (kh, kw) of output (y, x) is then at `(y + kh*DH/SH, x + kw*DW/SW)` of its phase. W stride 1 on both sides. `ait-plan-buffers`
    leaves a cache line free between planes of the result that would begin a multiple of four lines apart: they would
    share few sets of a first-level cache.
  }];
  let arguments = (ins Buffer:$input, Buffer:$init, PairAttr:$kernel, PairAttr:$strides,
    PadsAttr:$pads, PairAttr:$dilations, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_DepthwiseConv2dOp : Rvv_Op<"depthwise_conv2d"> {
  let summary = "Depthwise convolution (groups = C, K = multiplier * C), vectors along W, `tile` rows at once.";
  let description = [{ `filter` is K x KH x KW; CNHW or NCHW memory order (W stride 1). }];
  let arguments = (ins Buffer:$input, Buffer:$filter, Buffer:$bias, Buffer:$init, Optional<Buffer>:$residual,
    PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    KernelEpilogueAttr:$epilogue, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_MatmulOp : Rvv_Op<"matmul"> {
  let summary = "epilogue(lhs * rhs + bias [+ residual]), vectors along N, `tile` rows of M at once.";
  let description = [{
    `lhs` ... x M x K with any strides, `rhs` ... x K x N and `init` with N stride 1, `bias` N.
    Leading dimensions broadcast as in numpy.
  }];
  let arguments = (ins Buffer:$lhs, Buffer:$rhs, Buffer:$bias, Buffer:$init, Optional<Buffer>:$residual,
    KernelEpilogueAttr:$epilogue, IntegerAttr:$tile, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_Pool2dOp : Rvv_Op<"pool2d"> {
  let summary = "Max or average pooling (`fn` = max, avg; maxnum: as max, of the numbers alone), any strides of memory.";
  let arguments = (ins Buffer:$input, Buffer:$init, PoolFnAttr:$fn, PairAttr:$kernel,
    PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    FlagAttr:$count_include_pad, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_GlobalPoolOp : Rvv_Op<"global_pool"> {
  let summary = "Max or average (`fn` = max, avg; maxnum: as max, of the numbers alone) over H and W, any strides of memory.";
  let arguments = (ins Buffer:$input, Buffer:$init, PoolFnAttr:$fn, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_BinaryOp : Rvv_Op<"binary"> {
  let summary = "epilogue(lhs fn rhs), `fn` = add, sub, mul, div, prelu; numpy broadcasting, any strides.";
  let arguments = (ins Buffer:$lhs, Buffer:$rhs, Buffer:$init, BinaryFnAttr:$fn, KernelEpilogueAttr:$epilogue, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_ScaleBiasOp : Rvv_Op<"scale_bias"> {
  let summary = "epilogue(input * scale + bias) per channel (dimension 1), any strides.";
  let arguments = (ins Buffer:$input, Buffer:$scale, Buffer:$bias, Buffer:$init, KernelEpilogueAttr:$epilogue, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_UnaryOp : Rvv_Op<"unary"> {
  let summary = "The epilogue alone, element by element, any strides.";
  let arguments = (ins Buffer:$input, Buffer:$init, KernelEpilogueAttr:$epilogue, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_SoftmaxOp : Rvv_Op<"softmax"> {
  let summary = "Softmax along `axis`, any strides.";
  let arguments = (ins Buffer:$input, Buffer:$init, IntegerAttr:$axis, IntegerAttr:$lmul);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Rvv_CopyOp : Rvv_Op<"copy"> {
  let summary = "Element-wise copy between two buffers of one shape and any strides (buffers only).";
  let description = [{ Layout conversion, transposes, slices and concatenations that planning could not remove. }];
  let arguments = (ins AnyMemRef:$input, AnyMemRef:$init, IntegerAttr:$lmul);
  let results = (outs);
}

def Rvv_FillOp : Rvv_Op<"fill"> {
  let summary = "Writes `value` to every element, any strides (buffers only).";
  let arguments = (ins AnyMemRef:$init, FloatAttr:$value, IntegerAttr:$lmul);
  let results = (outs);
}

// Buffers.

def Rvv_ViewOp : Rvv_Op<"view"> {
  let summary = "A strided buffer `offset` bytes into the arena or into another buffer.";
  let arguments = (ins AnyMemRef:$source, IntegerAttr:$offset);
  let results = (outs AnyMemRef:$result);
}

def Rvv_ConstantOp : Rvv_Op<"constant"> {
  let summary = "Constant data `offset` bytes into the weights file.";
  let arguments = (ins DataAttr:$value, IntegerAttr:$offset);
  let results = (outs AnyMemRef:$result);
}

#endif
