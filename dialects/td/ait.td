//===- ait.td - what a network computes -------------------------------------===//
//
// The one declaration of the `ait` dialect. The ops as values (`dialects/ops/src/generated.rs`),
// the IRDL (`dialects/irdl/ait.mlir`) and the reference page (`docs/dialects/ait.md`)
// are made from this file. Shape rules are in `dialects/ops/src/infer`.
//
//===----------------------------------------------------------------------===//

#ifndef AIT_TD
#define AIT_TD

include "mlir/IR/AttrTypeBase.td"
include "attributes.td"

def Ait_Dialect : Dialect {
  let name = "ait";
  let cppNamespace = "::ait";
  let summary = "What a convolutional network computes: one op per ONNX concept.";
  let description = [{
    Values are ranked `f32` tensors with static shapes. Rank-4 shapes are always logical
    `N x C x H x W`; the physical order is the encoding of the type (`#ait.layout<"NHWC">`,
    `#ait.layout<"CNHW">`, none for `NCHW`) and changes only in `ait.convert_layout`.
    Ops with an `epilogue` apply it to their result, after an optional residual was added.
  }];
}

def Ait_LayoutAttr : AttrDef<Ait_Dialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "Physical order of a rank-4 tensor: \"NHWC\" or \"CNHW\"; NCHW is written as no encoding.";
  let parameters = (ins "StringAttr":$order);
}

// `written` names the field that is not an attribute: the `shape` or the `layout` of the result.
class Ait_Op<string mnemonic> : Op<Ait_Dialect, mnemonic, []> {
  string written = "";
}

def Ait_ConstantOp : Ait_Op<"constant"> {
  let summary = "A tensor known at compile time.";
  let arguments = (ins DataAttr:$value);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_Conv2dOp : Ait_Op<"conv2d"> {
  let summary = "2-D convolution: epilogue(conv(input, filter) + bias [+ residual]).";
  let description = [{
    `input` N x C x H x W, `filter` K x C/groups x KH x KW (always in this order, never laid out
    otherwise), `bias` K, `residual` like the result. `strides` and `dilations` are `[h, w]`,
    `pads` is `[top, left, bottom, right]`, padded with zeros.
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter, AnyRankedTensor:$bias,
    Optional<AnyRankedTensor>:$residual,
    PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    IntegerAttr:$groups, EpilogueAttr:$epilogue);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_GemmOp : Ait_Op<"gemm"> {
  let summary = "Fully connected: epilogue(input * transpose(filter) + bias [+ residual]).";
  let description = [{ `input` M x K, `filter` N x K, `bias` N, result and `residual` M x N. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$filter, AnyRankedTensor:$bias,
    Optional<AnyRankedTensor>:$residual, EpilogueAttr:$epilogue);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_MatmulOp : Ait_Op<"matmul"> {
  let summary = "Matrix product over the last two dimensions; the others broadcast as in numpy.";
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_BatchNormOp : Ait_Op<"batch_norm"> {
  let summary = "Inference batch norm: (input - mean) / sqrt(variance + epsilon) * scale + bias.";
  let description = [{ `scale`, `bias`, `mean` and `variance` are C; the channel is dimension 1. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, AnyRankedTensor:$bias,
    AnyRankedTensor:$mean, AnyRankedTensor:$variance, FloatAttr:$epsilon);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_ScaleBiasOp : Ait_Op<"scale_bias"> {
  let summary = "Per channel: epilogue(input * scale + bias).";
  let description = [{ What is left of a batch norm that no convolution can take. `scale`, `bias` are C. }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale, AnyRankedTensor:$bias,
    EpilogueAttr:$epilogue);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_ActivationOp : Ait_Op<"activation"> {
  let summary = "The epilogue alone, element by element.";
  let arguments = (ins AnyRankedTensor:$input, EpilogueAttr:$epilogue);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_PreluOp : Ait_Op<"prelu"> {
  let summary = "input where input >= 0, else slope * input; slope broadcasts to input.";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$slope);
  let results = (outs AnyRankedTensor:$result);
}

class Ait_BinaryOp<string mnemonic, string text> : Ait_Op<mnemonic> {
  let summary = text;
  let description = [{ Shapes broadcast as in numpy; `epilogue` is applied to the result. }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs, EpilogueAttr:$epilogue);
  let results = (outs AnyRankedTensor:$result);
}
def Ait_AddOp : Ait_BinaryOp<"add", "epilogue(lhs + rhs).">;
def Ait_SubOp : Ait_BinaryOp<"sub", "epilogue(lhs - rhs).">;
def Ait_MulOp : Ait_BinaryOp<"mul", "epilogue(lhs * rhs).">;
def Ait_DivOp : Ait_BinaryOp<"div", "epilogue(lhs / rhs).">;

def Ait_MaxPool2dOp : Ait_Op<"max_pool2d"> {
  let summary = "Maximum over a window; padding counts as -inf.";
  let description = [{
    `kernel`, `strides`, `dilations` are `[h, w]`, `pads` is `[top, left, bottom, right]`.
    With `ceil_mode` the output size rounds up, but no window starts beyond input and left padding.
  }];
  let arguments = (ins AnyRankedTensor:$input, PairAttr:$kernel, PairAttr:$strides,
    PadsAttr:$pads, PairAttr:$dilations, FlagAttr:$ceil_mode);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_AvgPool2dOp : Ait_Op<"avg_pool2d"> {
  let summary = "Mean over a window, of the taps inside the input or, with count_include_pad, inside the padded input.";
  let description = [{ Attributes as in `ait.max_pool2d`. }];
  let arguments = (ins AnyRankedTensor:$input, PairAttr:$kernel, PairAttr:$strides,
    PadsAttr:$pads, PairAttr:$dilations, FlagAttr:$ceil_mode, FlagAttr:$count_include_pad);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_GlobalAvgPoolOp : Ait_Op<"global_avg_pool"> {
  let summary = "Mean over H and W: N x C x H x W to N x C x 1 x 1.";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_GlobalMaxPoolOp : Ait_Op<"global_max_pool"> {
  let summary = "Maximum over H and W: N x C x H x W to N x C x 1 x 1.";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_SoftmaxOp : Ait_Op<"softmax"> {
  let summary = "exp(x - max) / sum along `axis`.";
  let arguments = (ins AnyRankedTensor:$input, IntegerAttr:$axis);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_ReshapeOp : Ait_Op<"reshape"> {
  let summary = "The same elements in logical row-major order under another shape.";
  let written = "shape";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_TransposeOp : Ait_Op<"transpose"> {
  let summary = "Result dimension i is input dimension permutation[i].";
  let arguments = (ins AnyRankedTensor:$input, ListAttr:$permutation);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_ConcatOp : Ait_Op<"concat"> {
  let summary = "lhs followed by rhs along `axis`.";
  let description = [{
    Binary on purpose: n-ary concatenations are left-leaning chains, so that DenseNet's share
    their prefixes, and one buffer serves a whole chain.
  }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs, IntegerAttr:$axis);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_SliceOp : Ait_Op<"slice"> {
  let summary = "result[i] = input[starts + i * steps], `sizes` elements; steps may be negative.";
  let arguments = (ins AnyRankedTensor:$input, ListAttr:$starts, ListAttr:$sizes,
    ListAttr:$steps);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_PadOp : Ait_Op<"pad"> {
  let summary = "Adds low[i] elements before and high[i] after, all `value`.";
  let arguments = (ins AnyRankedTensor:$input, ListAttr:$low, ListAttr:$high, FloatAttr:$value);
  let results = (outs AnyRankedTensor:$result);
}

def Ait_ConvertLayoutOp : Ait_Op<"convert_layout"> {
  let summary = "The same logical tensor in another physical order (rank 4).";
  let written = "layout";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
}

#endif
