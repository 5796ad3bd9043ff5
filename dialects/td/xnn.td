//===- xnn.td - XNNPACK operators on NHWC tensors ------------------------------===//

#ifndef XNN_TD
#define XNN_TD

include "impl.td"

def Xnn_Dialect : Dialect {
  let name = "xnn";
  let cppNamespace = "::xnn";
  let summary = "One op per XNNPACK operator that the compiler uses.";
  let description = [{
    Rank-4 operands are N x C x H x W with NHWC layout, lower ranks are dense row-major. `min` and
    `max` clamp the result (-inf and inf where there is nothing to clamp). Weights are constants;
    XNNPACK packs them once when the model is created.
  }];
}

class Xnn_Op<string mnemonic> : Op<Xnn_Dialect, mnemonic, []>;

def Xnn_Conv2dOp : Xnn_Op<"conv2d"> {
  let summary = "`xnn_create_convolution2d_nhwc_f32`.";
  let description = [{
    `filter` is groups*K x KH x KW x C (OHWI, C per group); for a depthwise convolution
    (groups = C, one input channel per group) it is 1 x KH x KW x K and `depthwise` is set.
  }];
  let arguments = (ins Buffer:$input, Buffer:$filter, Buffer:$bias, Buffer:$init,
    PairAttr:$strides, PadsAttr:$pads, PairAttr:$dilations,
    IntegerAttr:$groups, FlagAttr:$depthwise, FloatAttr:$min, FloatAttr:$max);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_FullyConnectedOp : Xnn_Op<"fully_connected"> {
  let summary = "`xnn_create_fully_connected_nc_f32`: input M x K, filter N x K, bias N.";
  let arguments = (ins Buffer:$input, Buffer:$filter, Buffer:$bias, Buffer:$init, FloatAttr:$min, FloatAttr:$max);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_MaxPool2dOp : Xnn_Op<"max_pool2d"> {
  let summary = "`xnn_create_max_pooling2d_nhwc_f32`.";
  let arguments = (ins Buffer:$input, Buffer:$init, PairAttr:$kernel, PairAttr:$strides,
    PadsAttr:$pads, PairAttr:$dilations, FloatAttr:$min, FloatAttr:$max);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_AvgPool2dOp : Xnn_Op<"avg_pool2d"> {
  let summary = "`xnn_create_average_pooling2d_nhwc_f32` (padding is not counted).";
  let arguments = (ins Buffer:$input, Buffer:$init, PairAttr:$kernel, PairAttr:$strides,
    PadsAttr:$pads, FloatAttr:$min, FloatAttr:$max);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_GlobalAvgPoolOp : Xnn_Op<"global_avg_pool"> {
  let summary = "`xnn_create_reduce_nd`, mean over H and W.";
  let arguments = (ins Buffer:$input, Buffer:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_BinaryOp : Xnn_Op<"binary"> {
  let summary = "`xnn_create_binary_elementwise_nd`: `fn` is add, sub, mul or div; numpy broadcasting.";
  let arguments = (ins Buffer:$lhs, Buffer:$rhs, Buffer:$init, BinaryFnAttr:$fn, FloatAttr:$min, FloatAttr:$max);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_UnaryOp : Xnn_Op<"unary"> {
  let summary = "`xnn_create_unary_elementwise_nc`: the activation that `epilogue` names.";
  let arguments = (ins Buffer:$input, Buffer:$init, EpilogueAttr:$epilogue);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

def Xnn_SoftmaxOp : Xnn_Op<"softmax"> {
  let summary = "`xnn_create_softmax_nc_f32` over the last (channel) dimension.";
  let arguments = (ins Buffer:$input, Buffer:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
}

#endif
