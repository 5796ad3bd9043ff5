//! `xnn` ops as calls of the runtime: parameter structs of `ait_runtime.h`, field by field.

use super::buffer::Buffer;
use super::model::Address;
use ait_dialects::Activation;
use ait_dialects::attributes::Attributes;
use ait_passes::plan_buffers::View;

/// Most dimensions of an operand of `ait_xnn_create_binary`: `AIT_XNN_MAX_RANK`.
const MAX_RANK: usize = 6;

/// How an operator is created: `create(ctx, layer, &params[, filter, bias])`.
#[derive(Debug, Clone, PartialEq)]
pub struct XnnCall {
    /// What XNNPACK calls it.
    pub operator: &'static str,
    /// Function of the runtime.
    pub create: &'static str,
    /// The integer fields of the parameter struct.
    pub integers: Vec<i64>,
    /// The float fields after them.
    pub floats: Vec<f32>,
    /// Filter and bias, which XNNPACK packs.
    pub constants: Vec<Address>,
}

/// The call of an op and the addresses it has at run time, in the order of `ait_xnn_run`'s `args`.
pub fn call(
    name: &str,
    op: &dyn Attributes,
    buffers: &[Buffer],
    addresses: &[Address],
) -> Result<(XnnCall, Vec<Address>), String> {
    let views: Vec<&View> = buffers.iter().map(|buffer| &buffer.view).collect();
    let (operator, create, integers, floats) = match (name, views.as_slice()) {
        ("xnn.conv2d", [input, filter, _, init]) => {
            let integers = conv2d(op, input, filter, init)?;
            ("convolution2d_nhwc_f32", "ait_xnn_create_conv2d", integers, clamp(op)?)
        }
        ("xnn.fully_connected", [input, _, _, init]) => {
            let integers = fully_connected(input, init)?;
            ("fully_connected_nc_f32", "ait_xnn_create_fully_connected", integers, clamp(op)?)
        }
        ("xnn.max_pool2d", [input, init]) => {
            let integers = pool2d(op, input, init, pair(op, "dilations")?)?;
            ("max_pooling2d_nhwc_f32", "ait_xnn_create_max_pool2d", integers, clamp(op)?)
        }
        ("xnn.avg_pool2d", [input, init]) => {
            let integers = pool2d(op, input, init, [1, 1])?;
            ("average_pooling2d_nhwc_f32", "ait_xnn_create_avg_pool2d", integers, clamp(op)?)
        }
        ("xnn.global_avg_pool", [input, init]) => {
            let ([n, c, h, w], _) = (image(dense(input)?)?, dense(init)?);
            ("reduce_nd", "ait_xnn_create_global_avg_pool", vec![n, h, w, c], vec![])
        }
        ("xnn.binary", [lhs, rhs, init]) => {
            let integers = binary(&op.string("fn")?, lhs, rhs, init)?;
            ("binary_elementwise_nd", "ait_xnn_create_binary", integers, clamp(op)?)
        }
        ("xnn.unary", [input, init]) => {
            let (kind, a, b) = unary(op.epilogue()?)?;
            let integers = [vec![kind], rows(input, init)?].concat();
            ("unary_elementwise_nc", "ait_xnn_create_unary", integers, vec![a, b])
        }
        ("xnn.softmax", [input, init]) => {
            ("softmax_nc_f32", "ait_xnn_create_softmax", rows(input, init)?, vec![])
        }
        _ => return Err(format!("is no operator of the runtime with {} operands", views.len())),
    };
    let packs = matches!(name, "xnn.conv2d" | "xnn.fully_connected");
    let (constants, arguments) = match (packs, addresses) {
        (true, [input, filter, bias, init]) => (vec![*filter, *bias], vec![*input, *init]),
        _ => (vec![], addresses.to_vec()),
    };
    Ok((XnnCall { operator, create, integers, floats, constants }, arguments))
}

fn clamp(op: &dyn Attributes) -> Result<Vec<f32>, String> {
    Ok(vec![op.f32("min")?, op.f32("max")?])
}

fn pair(op: &dyn Attributes, name: &str) -> Result<[i64; 2], String> {
    op.i64_array(name)?.try_into().map_err(|_| format!("'{name}' must have 2 elements"))
}

fn image(view: &View) -> Result<[i64; 4], String> {
    view.shape.as_slice().try_into().map_err(|_| format!("needs rank 4, not {:?}", view.shape))
}

fn pixel_stride(view: &View) -> Result<i64, String> {
    view.pixel_stride().ok_or_else(|| {
        format!("needs channels-last memory, not shape {:?} with strides {:?}", view.shape, view.strides)
    })
}

fn dense(view: &View) -> Result<&View, String> {
    let channels = if view.shape.len() == 4 { view.shape[1] } else { *view.shape.last().unwrap_or(&1) };
    if pixel_stride(view)? == channels {
        return Ok(view);
    }
    Err(format!("needs dense memory, not shape {:?} with strides {:?}", view.shape, view.strides))
}

fn conv2d(op: &dyn Attributes, input: &View, filter: &View, init: &View) -> Result<Vec<i64>, String> {
    let ([n, c, h, w], [_, k, oh, ow]) = (image(input)?, image(init)?);
    let [_, kh, kw, _] = image(filter)?;
    let groups = op.i64("groups")?;
    let ([sh, sw], [dh, dw]) = (pair(op, "strides")?, pair(op, "dilations")?);
    let mut fields =
        vec![n, h, w, oh, ow, groups, c / groups.max(1), k / groups.max(1), kh, kw, sh, sw, dh, dw];
    fields.extend(op.i64_array("pads")?);
    fields.extend([pixel_stride(input)?, pixel_stride(init)?, i64::from(op.bool("depthwise")?)]);
    Ok(fields)
}

fn fully_connected(input: &View, init: &View) -> Result<Vec<i64>, String> {
    match (input.shape.as_slice(), init.shape.as_slice()) {
        (&[m, k], &[_, n]) => Ok(vec![m, k, n, pixel_stride(input)?, pixel_stride(init)?]),
        _ => Err(format!("needs matrices, not {:?}", input.shape)),
    }
}

fn pool2d(op: &dyn Attributes, input: &View, init: &View, dilations: [i64; 2]) -> Result<Vec<i64>, String> {
    let ([n, c, h, w], [_, _, oh, ow]) = (image(input)?, image(init)?);
    let ([kh, kw], [sh, sw]) = (pair(op, "kernel")?, pair(op, "strides")?);
    let mut fields = vec![n, h, w, c, oh, ow, kh, kw, sh, sw, dilations[0], dilations[1]];
    fields.extend(op.i64_array("pads")?);
    fields.extend([pixel_stride(input)?, pixel_stride(init)?]);
    Ok(fields)
}

fn binary(function: &str, lhs: &View, rhs: &View, init: &View) -> Result<Vec<i64>, String> {
    let code = ["add", "sub", "mul", "div"].iter().position(|known| *known == function);
    let code = code.ok_or_else(|| format!("has no function {function:?}"))?;
    let rank = dense(init)?.shape.len();
    if rank > MAX_RANK {
        return Err(format!("has rank {rank}; XNNPACK takes {MAX_RANK}"));
    }
    let mut fields = vec![i64::try_from(code).map_err(|error| error.to_string())?];
    for operand in [lhs, rhs] {
        // In front of lower ranks stand dimensions of 1, as in numpy; then rank 4 is in memory order.
        let missing = rank.saturating_sub(operand.shape.len());
        let shape = [vec![1; missing], operand.shape.clone()].concat();
        let strides = [vec![1; missing], operand.strides.clone()].concat();
        let mut dims = dense(&View::new(0, &shape, &strides))?.shape.clone();
        if let [n, c, h, w] = dims[..] {
            dims = vec![n, h, w, c];
        }
        fields.push(i64::try_from(dims.len()).map_err(|error| error.to_string())?);
        dims.resize(MAX_RANK, 0);
        fields.extend(dims);
    }
    Ok(fields)
}

/// `rows, channels, input_stride, output_stride`.
fn rows(input: &View, init: &View) -> Result<Vec<i64>, String> {
    let channel = if input.shape.len() == 4 { 1 } else { input.shape.len().saturating_sub(1) };
    let channels = input.shape.get(channel).copied().unwrap_or(1);
    let rows = input.shape.iter().enumerate().filter(|(d, _)| *d != channel).map(|(_, size)| size).product();
    Ok(vec![rows, channels, pixel_stride(input)?, pixel_stride(init)?])
}

/// `kind, a, b`.
fn unary(activation: Activation) -> Result<(i64, f32, f32), String> {
    Ok(match activation {
        Activation::Identity => (0, 0.0, 0.0),
        Activation::Relu => (1, 0.0, 0.0),
        Activation::LeakyRelu { alpha } => (2, alpha, 0.0),
        Activation::Clip { min, max } => (3, min, max),
        Activation::Sigmoid => (4, 0.0, 0.0),
        Activation::HardSwish => (5, 0.0, 0.0),
        Activation::Tanh => (6, 0.0, 0.0),
        Activation::Elu { alpha } => (7, alpha, 0.0),
        other => return Err(format!("has the activation {}, which XNNPACK lacks", other.name())),
    })
}
