//! Ops with typed attributes. Generated from dialects/td; BLESS=1 cargo test -p ait-dialects

use crate::{Attribute, Attributes};

/// The ops of `ait`.
pub mod ait {
    use crate::{Attribute, Attributes, Field, field};

    /// `ait.constant`: A tensor known at compile time.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Constant {
        /// The type of `value`.
        pub value: crate::TensorType,
    }

    /// `ait.conv2d`: 2-D convolution: epilogue(conv(input, filter) + bias \[+ residual\]).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Conv2d {
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `groups`.
        pub groups: i64,
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.gemm`: Fully connected: epilogue(input * transpose(filter) + bias \[+ residual\]).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Gemm {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.matmul`: Matrix product over the last two dimensions; the others broadcast as in numpy.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Matmul;

    /// `ait.batch_norm`: Inference batch norm: (input - mean) / sqrt(variance + epsilon) * scale + bias.
    #[derive(Clone, Debug, PartialEq)]
    pub struct BatchNorm {
        /// `epsilon`.
        pub epsilon: f32,
    }

    /// `ait.scale_bias`: Per channel: epilogue(input * scale + bias).
    #[derive(Clone, Debug, PartialEq)]
    pub struct ScaleBias {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.activation`: The epilogue alone, element by element.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Activation {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.prelu`: input where input >= 0, else slope * input; slope broadcasts to input.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Prelu;

    /// `ait.add`: epilogue(lhs + rhs).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Add {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.sub`: epilogue(lhs - rhs).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Sub {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.mul`: epilogue(lhs * rhs).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Mul {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.div`: epilogue(lhs / rhs).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Div {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `ait.max_pool2d`: Maximum over a window; padding counts as -inf.
    #[derive(Clone, Debug, PartialEq)]
    pub struct MaxPool2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `ceil_mode`.
        pub ceil_mode: bool,
    }

    /// `ait.avg_pool2d`: Mean over a window, of the taps inside the input or, with count_include_pad, inside the padded input.
    #[derive(Clone, Debug, PartialEq)]
    pub struct AvgPool2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `ceil_mode`.
        pub ceil_mode: bool,
        /// `count_include_pad`.
        pub count_include_pad: bool,
    }

    /// `ait.global_avg_pool`: Mean over H and W: N x C x H x W to N x C x 1 x 1.
    #[derive(Clone, Debug, PartialEq)]
    pub struct GlobalAvgPool;

    /// `ait.global_max_pool`: Maximum over H and W: N x C x H x W to N x C x 1 x 1.
    #[derive(Clone, Debug, PartialEq)]
    pub struct GlobalMaxPool;

    /// `ait.softmax`: exp(x - max) / sum along `axis`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Softmax {
        /// `axis`.
        pub axis: i64,
    }

    /// `ait.reshape`: The same elements in logical row-major order under another shape.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Reshape {
        /// The shape of the result.
        pub shape: Vec<i64>,
    }

    /// `ait.transpose`: Result dimension i is input dimension permutation\[i\].
    #[derive(Clone, Debug, PartialEq)]
    pub struct Transpose {
        /// `permutation`.
        pub permutation: Vec<i64>,
    }

    /// `ait.concat`: lhs followed by rhs along `axis`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Concat {
        /// `axis`.
        pub axis: i64,
    }

    /// `ait.slice`: result\[i\] = input\[starts + i * steps\], `sizes` elements; steps may be negative.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Slice {
        /// `starts`.
        pub starts: Vec<i64>,
        /// `sizes`.
        pub sizes: Vec<i64>,
        /// `steps`.
        pub steps: Vec<i64>,
    }

    /// `ait.pad`: Adds low\[i\] elements before and high\[i\] after, all `value`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Pad {
        /// `low`.
        pub low: Vec<i64>,
        /// `high`.
        pub high: Vec<i64>,
        /// `value`.
        pub value: f32,
    }

    /// `ait.convert_layout`: The same logical tensor in another physical order (rank 4).
    #[derive(Clone, Debug, PartialEq)]
    pub struct ConvertLayout {
        /// The layout of the result.
        pub layout: crate::Layout,
    }

    /// An op with its attributes; operands are beside it.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Op {
        /// `ait.constant`.
        Constant(Constant),
        /// `ait.conv2d`.
        Conv2d(Conv2d),
        /// `ait.gemm`.
        Gemm(Gemm),
        /// `ait.matmul`.
        Matmul(Matmul),
        /// `ait.batch_norm`.
        BatchNorm(BatchNorm),
        /// `ait.scale_bias`.
        ScaleBias(ScaleBias),
        /// `ait.activation`.
        Activation(Activation),
        /// `ait.prelu`.
        Prelu(Prelu),
        /// `ait.add`.
        Add(Add),
        /// `ait.sub`.
        Sub(Sub),
        /// `ait.mul`.
        Mul(Mul),
        /// `ait.div`.
        Div(Div),
        /// `ait.max_pool2d`.
        MaxPool2d(MaxPool2d),
        /// `ait.avg_pool2d`.
        AvgPool2d(AvgPool2d),
        /// `ait.global_avg_pool`.
        GlobalAvgPool(GlobalAvgPool),
        /// `ait.global_max_pool`.
        GlobalMaxPool(GlobalMaxPool),
        /// `ait.softmax`.
        Softmax(Softmax),
        /// `ait.reshape`.
        Reshape(Reshape),
        /// `ait.transpose`.
        Transpose(Transpose),
        /// `ait.concat`.
        Concat(Concat),
        /// `ait.slice`.
        Slice(Slice),
        /// `ait.pad`.
        Pad(Pad),
        /// `ait.convert_layout`.
        ConvertLayout(ConvertLayout),
    }

    impl Op {
        /// Its name in MLIR.
        pub const fn name(&self) -> &'static str {
            match self {
                Self::Constant(_) => "ait.constant",
                Self::Conv2d(_) => "ait.conv2d",
                Self::Gemm(_) => "ait.gemm",
                Self::Matmul(_) => "ait.matmul",
                Self::BatchNorm(_) => "ait.batch_norm",
                Self::ScaleBias(_) => "ait.scale_bias",
                Self::Activation(_) => "ait.activation",
                Self::Prelu(_) => "ait.prelu",
                Self::Add(_) => "ait.add",
                Self::Sub(_) => "ait.sub",
                Self::Mul(_) => "ait.mul",
                Self::Div(_) => "ait.div",
                Self::MaxPool2d(_) => "ait.max_pool2d",
                Self::AvgPool2d(_) => "ait.avg_pool2d",
                Self::GlobalAvgPool(_) => "ait.global_avg_pool",
                Self::GlobalMaxPool(_) => "ait.global_max_pool",
                Self::Softmax(_) => "ait.softmax",
                Self::Reshape(_) => "ait.reshape",
                Self::Transpose(_) => "ait.transpose",
                Self::Concat(_) => "ait.concat",
                Self::Slice(_) => "ait.slice",
                Self::Pad(_) => "ait.pad",
                Self::ConvertLayout(_) => "ait.convert_layout",
            }
        }

        pub(super) fn read(name: &str, from: &dyn Attributes) -> Result<Option<Self>, String> {
            Ok(Some(match name {
                "ait.constant" => Self::Constant(Constant { value: from.data("value")? }),
                "ait.conv2d" => Self::Conv2d(Conv2d { strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, groups: field(from, "groups")?, epilogue: field(from, "epilogue")? }),
                "ait.gemm" => Self::Gemm(Gemm { epilogue: field(from, "epilogue")? }),
                "ait.matmul" => Self::Matmul(Matmul {}),
                "ait.batch_norm" => Self::BatchNorm(BatchNorm { epsilon: field(from, "epsilon")? }),
                "ait.scale_bias" => Self::ScaleBias(ScaleBias { epilogue: field(from, "epilogue")? }),
                "ait.activation" => Self::Activation(Activation { epilogue: field(from, "epilogue")? }),
                "ait.prelu" => Self::Prelu(Prelu {}),
                "ait.add" => Self::Add(Add { epilogue: field(from, "epilogue")? }),
                "ait.sub" => Self::Sub(Sub { epilogue: field(from, "epilogue")? }),
                "ait.mul" => Self::Mul(Mul { epilogue: field(from, "epilogue")? }),
                "ait.div" => Self::Div(Div { epilogue: field(from, "epilogue")? }),
                "ait.max_pool2d" => Self::MaxPool2d(MaxPool2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, ceil_mode: field(from, "ceil_mode")? }),
                "ait.avg_pool2d" => Self::AvgPool2d(AvgPool2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, ceil_mode: field(from, "ceil_mode")?, count_include_pad: field(from, "count_include_pad")? }),
                "ait.global_avg_pool" => Self::GlobalAvgPool(GlobalAvgPool {}),
                "ait.global_max_pool" => Self::GlobalMaxPool(GlobalMaxPool {}),
                "ait.softmax" => Self::Softmax(Softmax { axis: field(from, "axis")? }),
                "ait.reshape" => Self::Reshape(Reshape { shape: from.written()?.shape }),
                "ait.transpose" => Self::Transpose(Transpose { permutation: field(from, "permutation")? }),
                "ait.concat" => Self::Concat(Concat { axis: field(from, "axis")? }),
                "ait.slice" => Self::Slice(Slice { starts: field(from, "starts")?, sizes: field(from, "sizes")?, steps: field(from, "steps")? }),
                "ait.pad" => Self::Pad(Pad { low: field(from, "low")?, high: field(from, "high")?, value: field(from, "value")? }),
                "ait.convert_layout" => Self::ConvertLayout(ConvertLayout { layout: from.written()?.layout }),
                _ => return Ok(None),
            }))
        }

        pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
            match self {
                Self::Constant(_) => vec![],
                Self::Conv2d(op) => vec![("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("groups", op.groups.attribute()), ("epilogue", op.epilogue.attribute())],
                Self::Gemm(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Matmul(_) => vec![],
                Self::BatchNorm(op) => vec![("epsilon", op.epsilon.attribute())],
                Self::ScaleBias(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Activation(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Prelu(_) => vec![],
                Self::Add(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Sub(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Mul(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Div(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::MaxPool2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("ceil_mode", op.ceil_mode.attribute())],
                Self::AvgPool2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("ceil_mode", op.ceil_mode.attribute()), ("count_include_pad", op.count_include_pad.attribute())],
                Self::GlobalAvgPool(_) => vec![],
                Self::GlobalMaxPool(_) => vec![],
                Self::Softmax(op) => vec![("axis", op.axis.attribute())],
                Self::Reshape(_) => vec![],
                Self::Transpose(op) => vec![("permutation", op.permutation.attribute())],
                Self::Concat(op) => vec![("axis", op.axis.attribute())],
                Self::Slice(op) => vec![("starts", op.starts.attribute()), ("sizes", op.sizes.attribute()), ("steps", op.steps.attribute())],
                Self::Pad(op) => vec![("low", op.low.attribute()), ("high", op.high.attribute()), ("value", op.value.attribute())],
                Self::ConvertLayout(_) => vec![],
            }
        }
    }
}

/// The ops of `xnn`.
pub mod xnn {
    use crate::{Attribute, Attributes, Field, field};

    /// `xnn.conv2d`: `xnn_create_convolution2d_nhwc_f32`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Conv2d {
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `groups`.
        pub groups: i64,
        /// `depthwise`.
        pub depthwise: bool,
        /// `min`.
        pub min: f32,
        /// `max`.
        pub max: f32,
    }

    /// `xnn.fully_connected`: `xnn_create_fully_connected_nc_f32`: input M x K, filter N x K, bias N.
    #[derive(Clone, Debug, PartialEq)]
    pub struct FullyConnected {
        /// `min`.
        pub min: f32,
        /// `max`.
        pub max: f32,
    }

    /// `xnn.max_pool2d`: `xnn_create_max_pooling2d_nhwc_f32`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct MaxPool2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `min`.
        pub min: f32,
        /// `max`.
        pub max: f32,
    }

    /// `xnn.avg_pool2d`: `xnn_create_average_pooling2d_nhwc_f32` (padding is not counted).
    #[derive(Clone, Debug, PartialEq)]
    pub struct AvgPool2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `min`.
        pub min: f32,
        /// `max`.
        pub max: f32,
    }

    /// `xnn.global_avg_pool`: `xnn_create_reduce_nd`, mean over H and W.
    #[derive(Clone, Debug, PartialEq)]
    pub struct GlobalAvgPool;

    /// `xnn.binary`: `xnn_create_binary_elementwise_nd`: `fn` is add, sub, mul or div; numpy broadcasting.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Binary {
        /// `fn`.
        pub function: crate::BinaryFn,
        /// `min`.
        pub min: f32,
        /// `max`.
        pub max: f32,
    }

    /// `xnn.unary`: `xnn_create_unary_elementwise_nc`: the activation that `epilogue` names.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Unary {
        /// `epilogue`.
        pub epilogue: crate::Activation,
    }

    /// `xnn.softmax`: `xnn_create_softmax_nc_f32` over the last (channel) dimension.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Softmax;

    /// An op with its attributes; operands are beside it.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Op {
        /// `xnn.conv2d`.
        Conv2d(Conv2d),
        /// `xnn.fully_connected`.
        FullyConnected(FullyConnected),
        /// `xnn.max_pool2d`.
        MaxPool2d(MaxPool2d),
        /// `xnn.avg_pool2d`.
        AvgPool2d(AvgPool2d),
        /// `xnn.global_avg_pool`.
        GlobalAvgPool(GlobalAvgPool),
        /// `xnn.binary`.
        Binary(Binary),
        /// `xnn.unary`.
        Unary(Unary),
        /// `xnn.softmax`.
        Softmax(Softmax),
    }

    impl Op {
        /// Its name in MLIR.
        pub const fn name(&self) -> &'static str {
            match self {
                Self::Conv2d(_) => "xnn.conv2d",
                Self::FullyConnected(_) => "xnn.fully_connected",
                Self::MaxPool2d(_) => "xnn.max_pool2d",
                Self::AvgPool2d(_) => "xnn.avg_pool2d",
                Self::GlobalAvgPool(_) => "xnn.global_avg_pool",
                Self::Binary(_) => "xnn.binary",
                Self::Unary(_) => "xnn.unary",
                Self::Softmax(_) => "xnn.softmax",
            }
        }

        pub(super) fn read(name: &str, from: &dyn Attributes) -> Result<Option<Self>, String> {
            Ok(Some(match name {
                "xnn.conv2d" => Self::Conv2d(Conv2d { strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, groups: field(from, "groups")?, depthwise: field(from, "depthwise")?, min: field(from, "min")?, max: field(from, "max")? }),
                "xnn.fully_connected" => Self::FullyConnected(FullyConnected { min: field(from, "min")?, max: field(from, "max")? }),
                "xnn.max_pool2d" => Self::MaxPool2d(MaxPool2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, min: field(from, "min")?, max: field(from, "max")? }),
                "xnn.avg_pool2d" => Self::AvgPool2d(AvgPool2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, min: field(from, "min")?, max: field(from, "max")? }),
                "xnn.global_avg_pool" => Self::GlobalAvgPool(GlobalAvgPool {}),
                "xnn.binary" => Self::Binary(Binary { function: field(from, "fn")?, min: field(from, "min")?, max: field(from, "max")? }),
                "xnn.unary" => Self::Unary(Unary { epilogue: field(from, "epilogue")? }),
                "xnn.softmax" => Self::Softmax(Softmax {}),
                _ => return Ok(None),
            }))
        }

        pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
            match self {
                Self::Conv2d(op) => vec![("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("groups", op.groups.attribute()), ("depthwise", op.depthwise.attribute()), ("min", op.min.attribute()), ("max", op.max.attribute())],
                Self::FullyConnected(op) => vec![("min", op.min.attribute()), ("max", op.max.attribute())],
                Self::MaxPool2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("min", op.min.attribute()), ("max", op.max.attribute())],
                Self::AvgPool2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("min", op.min.attribute()), ("max", op.max.attribute())],
                Self::GlobalAvgPool(_) => vec![],
                Self::Binary(op) => vec![("fn", op.function.attribute()), ("min", op.min.attribute()), ("max", op.max.attribute())],
                Self::Unary(op) => vec![("epilogue", op.epilogue.attribute())],
                Self::Softmax(_) => vec![],
            }
        }
    }
}

/// The ops of `rvv`.
pub mod rvv {
    use crate::{Attribute, Attributes, Field, field};

    /// `rvv.conv2d`: Register-tiled convolution: tile output channels x one strip of output positions in W.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Conv2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `groups`.
        pub groups: i64,
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `algorithm`.
        pub algorithm: crate::Algorithm,
        /// `tile`.
        pub tile: i64,
        /// `lmul`.
        pub lmul: i64,
        /// `unroll`.
        pub unroll: i64,
    }

    /// `rvv.split_phases`: The input of a convolution padded and split by the strides, so that every tap is at a constant offset.
    #[derive(Clone, Debug, PartialEq)]
    pub struct SplitPhases {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.depthwise_conv2d`: Depthwise convolution (groups = C, K = multiplier * C), vectors along W, `tile` rows at once.
    #[derive(Clone, Debug, PartialEq)]
    pub struct DepthwiseConv2d {
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.matmul`: epilogue(lhs * rhs + bias \[+ residual\]), vectors along N, `tile` rows of M at once.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Matmul {
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `tile`.
        pub tile: i64,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.pool2d`: Max or average pooling (`fn` = max, avg; maxnum: as max, of the numbers alone), any strides of memory.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Pool2d {
        /// `fn`.
        pub function: crate::PoolFn,
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `count_include_pad`.
        pub count_include_pad: bool,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.global_pool`: Max or average (`fn` = max, avg; maxnum: as max, of the numbers alone) over H and W, any strides of memory.
    #[derive(Clone, Debug, PartialEq)]
    pub struct GlobalPool {
        /// `fn`.
        pub function: crate::PoolFn,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.binary`: epilogue(lhs fn rhs), `fn` = add, sub, mul, div, prelu; numpy broadcasting, any strides.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Binary {
        /// `fn`.
        pub function: crate::BinaryFn,
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.scale_bias`: epilogue(input * scale + bias) per channel (dimension 1), any strides.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ScaleBias {
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.unary`: The epilogue alone, element by element, any strides.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Unary {
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.softmax`: Softmax along `axis`, any strides.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Softmax {
        /// `axis`.
        pub axis: i64,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.copy`: Element-wise copy between two buffers of one shape and any strides (buffers only).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Copy {
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.fill`: Writes `value` to every element, any strides (buffers only).
    #[derive(Clone, Debug, PartialEq)]
    pub struct Fill {
        /// `value`.
        pub value: f32,
        /// `lmul`.
        pub lmul: i64,
    }

    /// `rvv.view`: A strided buffer `offset` bytes into the arena or into another buffer.
    #[derive(Clone, Debug, PartialEq)]
    pub struct View {
        /// `offset`.
        pub offset: i64,
    }

    /// `rvv.constant`: Constant data `offset` bytes into the weights file.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Constant {
        /// The type of `value`.
        pub value: crate::TensorType,
        /// `offset`.
        pub offset: i64,
    }

    /// An op with its attributes; operands are beside it.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Op {
        /// `rvv.conv2d`.
        Conv2d(Conv2d),
        /// `rvv.split_phases`.
        SplitPhases(SplitPhases),
        /// `rvv.depthwise_conv2d`.
        DepthwiseConv2d(DepthwiseConv2d),
        /// `rvv.matmul`.
        Matmul(Matmul),
        /// `rvv.pool2d`.
        Pool2d(Pool2d),
        /// `rvv.global_pool`.
        GlobalPool(GlobalPool),
        /// `rvv.binary`.
        Binary(Binary),
        /// `rvv.scale_bias`.
        ScaleBias(ScaleBias),
        /// `rvv.unary`.
        Unary(Unary),
        /// `rvv.softmax`.
        Softmax(Softmax),
        /// `rvv.copy`.
        Copy(Copy),
        /// `rvv.fill`.
        Fill(Fill),
        /// `rvv.view`.
        View(View),
        /// `rvv.constant`.
        Constant(Constant),
    }

    impl Op {
        /// Its name in MLIR.
        pub const fn name(&self) -> &'static str {
            match self {
                Self::Conv2d(_) => "rvv.conv2d",
                Self::SplitPhases(_) => "rvv.split_phases",
                Self::DepthwiseConv2d(_) => "rvv.depthwise_conv2d",
                Self::Matmul(_) => "rvv.matmul",
                Self::Pool2d(_) => "rvv.pool2d",
                Self::GlobalPool(_) => "rvv.global_pool",
                Self::Binary(_) => "rvv.binary",
                Self::ScaleBias(_) => "rvv.scale_bias",
                Self::Unary(_) => "rvv.unary",
                Self::Softmax(_) => "rvv.softmax",
                Self::Copy(_) => "rvv.copy",
                Self::Fill(_) => "rvv.fill",
                Self::View(_) => "rvv.view",
                Self::Constant(_) => "rvv.constant",
            }
        }

        pub(super) fn read(name: &str, from: &dyn Attributes) -> Result<Option<Self>, String> {
            Ok(Some(match name {
                "rvv.conv2d" => Self::Conv2d(Conv2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, groups: field(from, "groups")?, epilogue: field(from, "epilogue")?, algorithm: field(from, "algorithm")?, tile: field(from, "tile")?, lmul: field(from, "lmul")?, unroll: field(from, "unroll")? }),
                "rvv.split_phases" => Self::SplitPhases(SplitPhases { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, lmul: field(from, "lmul")? }),
                "rvv.depthwise_conv2d" => Self::DepthwiseConv2d(DepthwiseConv2d { strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, epilogue: field(from, "epilogue")?, lmul: field(from, "lmul")? }),
                "rvv.matmul" => Self::Matmul(Matmul { epilogue: field(from, "epilogue")?, tile: field(from, "tile")?, lmul: field(from, "lmul")? }),
                "rvv.pool2d" => Self::Pool2d(Pool2d { function: field(from, "fn")?, kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, count_include_pad: field(from, "count_include_pad")?, lmul: field(from, "lmul")? }),
                "rvv.global_pool" => Self::GlobalPool(GlobalPool { function: field(from, "fn")?, lmul: field(from, "lmul")? }),
                "rvv.binary" => Self::Binary(Binary { function: field(from, "fn")?, epilogue: field(from, "epilogue")?, lmul: field(from, "lmul")? }),
                "rvv.scale_bias" => Self::ScaleBias(ScaleBias { epilogue: field(from, "epilogue")?, lmul: field(from, "lmul")? }),
                "rvv.unary" => Self::Unary(Unary { epilogue: field(from, "epilogue")?, lmul: field(from, "lmul")? }),
                "rvv.softmax" => Self::Softmax(Softmax { axis: field(from, "axis")?, lmul: field(from, "lmul")? }),
                "rvv.copy" => Self::Copy(Copy { lmul: field(from, "lmul")? }),
                "rvv.fill" => Self::Fill(Fill { value: field(from, "value")?, lmul: field(from, "lmul")? }),
                "rvv.view" => Self::View(View { offset: field(from, "offset")? }),
                "rvv.constant" => Self::Constant(Constant { value: from.data("value")?, offset: field(from, "offset")? }),
                _ => return Ok(None),
            }))
        }

        pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
            match self {
                Self::Conv2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("groups", op.groups.attribute()), ("epilogue", op.epilogue.attribute()), ("algorithm", op.algorithm.attribute()), ("tile", op.tile.attribute()), ("lmul", op.lmul.attribute()), ("unroll", op.unroll.attribute())],
                Self::SplitPhases(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("lmul", op.lmul.attribute())],
                Self::DepthwiseConv2d(op) => vec![("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("epilogue", op.epilogue.attribute()), ("lmul", op.lmul.attribute())],
                Self::Matmul(op) => vec![("epilogue", op.epilogue.attribute()), ("tile", op.tile.attribute()), ("lmul", op.lmul.attribute())],
                Self::Pool2d(op) => vec![("fn", op.function.attribute()), ("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("count_include_pad", op.count_include_pad.attribute()), ("lmul", op.lmul.attribute())],
                Self::GlobalPool(op) => vec![("fn", op.function.attribute()), ("lmul", op.lmul.attribute())],
                Self::Binary(op) => vec![("fn", op.function.attribute()), ("epilogue", op.epilogue.attribute()), ("lmul", op.lmul.attribute())],
                Self::ScaleBias(op) => vec![("epilogue", op.epilogue.attribute()), ("lmul", op.lmul.attribute())],
                Self::Unary(op) => vec![("epilogue", op.epilogue.attribute()), ("lmul", op.lmul.attribute())],
                Self::Softmax(op) => vec![("axis", op.axis.attribute()), ("lmul", op.lmul.attribute())],
                Self::Copy(op) => vec![("lmul", op.lmul.attribute())],
                Self::Fill(op) => vec![("value", op.value.attribute()), ("lmul", op.lmul.attribute())],
                Self::View(op) => vec![("offset", op.offset.attribute())],
                Self::Constant(op) => vec![("offset", op.offset.attribute())],
            }
        }
    }
}

/// The ops of `nm`.
pub mod nm {
    use crate::{Attribute, Attributes, Field, field};

    /// `nm.conv2d`: `rvv.conv2d` with packed column-wise sparse weights.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Conv2d {
        /// `kernel`.
        pub kernel: [i64; 2],
        /// `strides`.
        pub strides: [i64; 2],
        /// `pads`.
        pub pads: [i64; 4],
        /// `dilations`.
        pub dilations: [i64; 2],
        /// `groups`.
        pub groups: i64,
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `algorithm`.
        pub algorithm: crate::Algorithm,
        /// `sparsity`.
        pub sparsity: crate::Columns,
        /// `segment`.
        pub segment: i64,
        /// `lmul`.
        pub lmul: i64,
        /// `unroll`.
        pub unroll: i64,
    }

    /// `nm.matmul`: epilogue(lhs * W^T + bias \[+ residual\]), W packed, vectors along the rows of a tile of W.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Matmul {
        /// `epilogue`.
        pub epilogue: crate::Epilogue,
        /// `sparsity`.
        pub sparsity: crate::Columns,
        /// `rows`.
        pub rows: i64,
        /// `lmul`.
        pub lmul: i64,
    }

    /// An op with its attributes; operands are beside it.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Op {
        /// `nm.conv2d`.
        Conv2d(Conv2d),
        /// `nm.matmul`.
        Matmul(Matmul),
    }

    impl Op {
        /// Its name in MLIR.
        pub const fn name(&self) -> &'static str {
            match self {
                Self::Conv2d(_) => "nm.conv2d",
                Self::Matmul(_) => "nm.matmul",
            }
        }

        pub(super) fn read(name: &str, from: &dyn Attributes) -> Result<Option<Self>, String> {
            Ok(Some(match name {
                "nm.conv2d" => Self::Conv2d(Conv2d { kernel: field(from, "kernel")?, strides: field(from, "strides")?, pads: field(from, "pads")?, dilations: field(from, "dilations")?, groups: field(from, "groups")?, epilogue: field(from, "epilogue")?, algorithm: field(from, "algorithm")?, sparsity: field(from, "sparsity")?, segment: field(from, "segment")?, lmul: field(from, "lmul")?, unroll: field(from, "unroll")? }),
                "nm.matmul" => Self::Matmul(Matmul { epilogue: field(from, "epilogue")?, sparsity: field(from, "sparsity")?, rows: field(from, "rows")?, lmul: field(from, "lmul")? }),
                _ => return Ok(None),
            }))
        }

        pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
            match self {
                Self::Conv2d(op) => vec![("kernel", op.kernel.attribute()), ("strides", op.strides.attribute()), ("pads", op.pads.attribute()), ("dilations", op.dilations.attribute()), ("groups", op.groups.attribute()), ("epilogue", op.epilogue.attribute()), ("algorithm", op.algorithm.attribute()), ("sparsity", op.sparsity.attribute()), ("segment", op.segment.attribute()), ("lmul", op.lmul.attribute()), ("unroll", op.unroll.attribute())],
                Self::Matmul(op) => vec![("epilogue", op.epilogue.attribute()), ("sparsity", op.sparsity.attribute()), ("rows", op.rows.attribute()), ("lmul", op.lmul.attribute())],
            }
        }
    }
}

/// An op with its attributes; operands are beside it.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Of `ait`.
    Ait(ait::Op),
    /// Of `xnn`.
    Xnn(xnn::Op),
    /// Of `rvv`.
    Rvv(rvv::Op),
    /// Of `nm`.
    Nm(nm::Op),
}

impl Op {
    /// Its name in MLIR.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ait(op) => op.name(),
            Self::Xnn(op) => op.name(),
            Self::Rvv(op) => op.name(),
            Self::Nm(op) => op.name(),
        }
    }

    /// The op of a name, with its attributes.
    ///
    /// # Errors
    /// If there is no such op, or an attribute is missing or malformed.
    pub fn read(name: &str, from: &dyn Attributes) -> Result<Self, String> {
        if let Some(op) = ait::Op::read(name, from)? {
            return Ok(Self::Ait(op));
        }
        if let Some(op) = xnn::Op::read(name, from)? {
            return Ok(Self::Xnn(op));
        }
        if let Some(op) = rvv::Op::read(name, from)? {
            return Ok(Self::Rvv(op));
        }
        if let Some(op) = nm::Op::read(name, from)? {
            return Ok(Self::Nm(op));
        }
        Err(format!("'{name}' is not an op of ait, xnn, rvv, nm"))
    }

    /// Its attributes by name. Data is not among them, nor what the result's type says.
    pub fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        match self {
            Self::Ait(op) => op.attributes(),
            Self::Xnn(op) => op.attributes(),
            Self::Rvv(op) => op.attributes(),
            Self::Nm(op) => op.attributes(),
        }
    }
}

/// What an operand of an op is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// `input`.
    Input,
    /// `filter`.
    Filter,
    /// `bias`.
    Bias,
    /// `residual`.
    Residual,
    /// `lhs`.
    Lhs,
    /// `rhs`.
    Rhs,
    /// `scale`.
    Scale,
    /// `mean`.
    Mean,
    /// `variance`.
    Variance,
    /// `slope`.
    Slope,
    /// `init`.
    Init,
    /// `source`.
    Source,
    /// `values`.
    Values,
    /// `columns`.
    Columns,
    /// `starts`.
    Starts,
}

/// The operands of the op of a name, in their order; `residual`, which is always the last, may be absent.
pub fn operands(name: &str) -> Option<&'static [Operand]> {
    Some(match name {
        "ait.constant" => &[],
        "ait.conv2d" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Residual],
        "ait.gemm" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Residual],
        "ait.matmul" => &[Operand::Lhs, Operand::Rhs],
        "ait.batch_norm" => &[Operand::Input, Operand::Scale, Operand::Bias, Operand::Mean, Operand::Variance],
        "ait.scale_bias" => &[Operand::Input, Operand::Scale, Operand::Bias],
        "ait.activation" => &[Operand::Input],
        "ait.prelu" => &[Operand::Input, Operand::Slope],
        "ait.add" => &[Operand::Lhs, Operand::Rhs],
        "ait.sub" => &[Operand::Lhs, Operand::Rhs],
        "ait.mul" => &[Operand::Lhs, Operand::Rhs],
        "ait.div" => &[Operand::Lhs, Operand::Rhs],
        "ait.max_pool2d" => &[Operand::Input],
        "ait.avg_pool2d" => &[Operand::Input],
        "ait.global_avg_pool" => &[Operand::Input],
        "ait.global_max_pool" => &[Operand::Input],
        "ait.softmax" => &[Operand::Input],
        "ait.reshape" => &[Operand::Input],
        "ait.transpose" => &[Operand::Input],
        "ait.concat" => &[Operand::Lhs, Operand::Rhs],
        "ait.slice" => &[Operand::Input],
        "ait.pad" => &[Operand::Input],
        "ait.convert_layout" => &[Operand::Input],
        "xnn.conv2d" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Init],
        "xnn.fully_connected" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Init],
        "xnn.max_pool2d" => &[Operand::Input, Operand::Init],
        "xnn.avg_pool2d" => &[Operand::Input, Operand::Init],
        "xnn.global_avg_pool" => &[Operand::Input, Operand::Init],
        "xnn.binary" => &[Operand::Lhs, Operand::Rhs, Operand::Init],
        "xnn.unary" => &[Operand::Input, Operand::Init],
        "xnn.softmax" => &[Operand::Input, Operand::Init],
        "rvv.conv2d" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Init, Operand::Residual],
        "rvv.split_phases" => &[Operand::Input, Operand::Init],
        "rvv.depthwise_conv2d" => &[Operand::Input, Operand::Filter, Operand::Bias, Operand::Init, Operand::Residual],
        "rvv.matmul" => &[Operand::Lhs, Operand::Rhs, Operand::Bias, Operand::Init, Operand::Residual],
        "rvv.pool2d" => &[Operand::Input, Operand::Init],
        "rvv.global_pool" => &[Operand::Input, Operand::Init],
        "rvv.binary" => &[Operand::Lhs, Operand::Rhs, Operand::Init],
        "rvv.scale_bias" => &[Operand::Input, Operand::Scale, Operand::Bias, Operand::Init],
        "rvv.unary" => &[Operand::Input, Operand::Init],
        "rvv.softmax" => &[Operand::Input, Operand::Init],
        "rvv.copy" => &[Operand::Input, Operand::Init],
        "rvv.fill" => &[Operand::Init],
        "rvv.view" => &[Operand::Source],
        "rvv.constant" => &[],
        "nm.conv2d" => &[Operand::Input, Operand::Values, Operand::Columns, Operand::Starts, Operand::Bias, Operand::Init, Operand::Residual],
        "nm.matmul" => &[Operand::Lhs, Operand::Values, Operand::Columns, Operand::Bias, Operand::Init, Operand::Residual],
        _ => return None,
    })
}
