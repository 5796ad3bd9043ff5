//! Which ops are XNNPACK operators.

use ait_dialects::{
    Activation, Layout, Nan,
    attributes::{self, Attributes},
    infer,
};
use melior::ir::{Attribute, Value};

use super::{Site, pack, rvv};
use crate::{
    PassError,
    activation::{UNBOUNDED, xnnpack_clamp},
    eqsat::cost,
    rewrite::{constant, constant_slice, layout, shape},
};

type Selected<'c, 'a> = Result<Option<Value<'c, 'a>>, PassError>;

/// Implements the op `ait.<kind>` with XNNPACK; none if it cannot.
pub fn select<'c: 'a, 'a>(site: &Site<'c, 'a>, kind: &str) -> Selected<'c, 'a> {
    let is_image = site.output.len() == 4 && site.layout == Layout::Nhwc;
    let is_matrix = site.output.len() == 2 && site.channels_last;
    match kind {
        "conv2d" if is_image => conv2d(site).map(Some),
        "gemm" if site.output.len() == 2 && is_gemm(site)? => gemm(site).map(Some),
        "matmul" if is_matrix => matmul(site),
        "max_pool2d" if is_image => max_pool2d(site),
        "avg_pool2d" if is_image => avg_pool2d(site),
        "global_avg_pool" if is_image => site.emit("xnn.global_avg_pool", &[site.input(0)?], &[]).map(Some),
        "add" | "sub" | "mul" | "div" if is_image || is_matrix => binary(site, kind),
        "activation" if is_image || is_matrix => {
            let activation = site.activation()?;
            if has_operator(site, activation) {
                activate(site, site.input(0)?, activation).map(Some)
            } else {
                Ok(None)
            }
        }
        // It looks for the largest of the numbers.
        "softmax" if (is_image || is_matrix) && site.nan == Nan::Ignore && site.op.i64("axis") == Ok(1) => {
            site.emit("xnn.softmax", &[site.input(0)?], &[]).map(Some)
        }
        _ => Ok(None),
    }
}

/// XNNPACK packs filter and bias when the model is created.
fn has_constant_weights(site: &Site) -> Result<bool, PassError> {
    Ok(constant(site.input(1)?).is_some() && constant(site.input(2)?).is_some())
}

/// Whether a product is XNNPACK's: by the layout, or by cost where that was chosen for each layer.
fn is_gemm(site: &Site) -> Result<bool, PassError> {
    let is_constant = has_constant_weights(site)?;
    if !site.is_auto {
        return Ok(site.channels_last && is_constant);
    }
    let (&[rows, depth], &[_, columns]) =
        (shape(site.op, site.input(0)?)?.as_slice(), site.output.as_slice())
    else {
        return Ok(false);
    };
    let chosen = cost::gemm(site.chooser, None, [rows, depth, columns], is_constant);
    Ok(chosen.is_some_and(|chosen| chosen.is_xnnpack))
}

fn bounds<'c>(site: &Site<'c, '_>, (min, max): (f32, f32)) -> [(&'static str, Attribute<'c>); 2] {
    let f32 = |value| attributes::f32(site.build.context(), value);
    [("min", f32(min)), ("max", f32(max))]
}

/// Whether XNNPACK has the activation as an element-wise operator.
fn has_operator(site: &Site, activation: Activation) -> bool {
    match activation {
        Activation::LeakyRelu { .. }
        | Activation::Sigmoid
        | Activation::HardSwish
        | Activation::Tanh
        | Activation::Elu { .. } => true,
        other => xnnpack_clamp(other, site.nan).is_some(),
    }
}

/// The activation as an op of its own.
fn activate<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    value: Value<'c, 'a>,
    activation: Activation,
) -> Result<Value<'c, 'a>, PassError> {
    if has_operator(site, activation) {
        let epilogue = ("epilogue", attributes::of(site.build.context(), &activation));
        return site.emit("xnn.unary", &[value], &[epilogue]);
    }
    let attributes = [site.kernel_epilogue(activation), ("lmul", site.i64(site.lmul()))];
    site.emit("rvv.unary", &[value], &attributes)
}

/// `make` with the clamp that it can do, then what it cannot: the residual, and other activations.
fn with_epilogue<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    make: impl FnOnce((f32, f32)) -> Result<Value<'c, 'a>, PassError>,
) -> Result<Value<'c, 'a>, PassError> {
    let activation = site.activation()?;
    let clamped = xnnpack_clamp(activation, site.nan);
    let last = clamped.unwrap_or(UNBOUNDED);
    let value = match site.residual() {
        None => make(last)?,
        // One pass for both.
        Some(residual) if clamped.is_none() && activation.clamp().is_some() => {
            return rvv::binary(site, "add", [make(UNBOUNDED)?, residual], activation);
        }
        Some(residual) => {
            let value = make(UNBOUNDED)?;
            let attributes = [&[("fn", site.string("add"))][..], &bounds(site, last)].concat();
            site.emit("xnn.binary", &[value, residual], &attributes)?
        }
    };
    if clamped.is_some() { Ok(value) } else { activate(site, value, activation) }
}

fn conv2d<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Result<Value<'c, 'a>, PassError> {
    if !has_constant_weights(site)? {
        return Err(site.error("needs a constant filter and bias, which XNNPACK packs at creation"));
    }
    let (dims, data) = site.filter()?;
    let data =
        data.ok_or_else(|| site.error("needs a constant filter: XNNPACK packs it when a model is created"))?;
    let depthwise = site.is_depthwise()?;
    let filter = if depthwise {
        // K x 1 x KH x KW to 1 x KH x KW x K.
        site.constant(&[1, dims.kh, dims.kw, dims.k], &pack::transpose(&data, dims.k))?
    } else {
        site.constant(&[dims.k, dims.kh, dims.kw, dims.c], &pack::ohwi(&data, dims))?
    };
    with_epilogue(site, |range| {
        let mut attributes = site.attributes(&["strides", "pads", "dilations", "groups"])?;
        attributes.push(("depthwise", attributes::bool(site.build.context(), depthwise)));
        attributes.extend(bounds(site, range));
        site.emit("xnn.conv2d", &[site.input(0)?, filter, site.input(2)?], &attributes)
    })
}

fn gemm<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Result<Value<'c, 'a>, PassError> {
    with_epilogue(site, |range| {
        let operands = [site.input(0)?, site.input(1)?, site.input(2)?];
        site.emit("xnn.fully_connected", &operands, &bounds(site, range))
    })
}

/// A product of matrices whose right side is constant is a fully connected layer without bias.
fn matmul<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    let (lhs, rhs) = (site.input(0)?, site.input(1)?);
    let dims: Vec<_> = shape(site.op, rhs)?.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
    let (Some(data), &[k, n], 2) = (constant_slice(rhs), dims.as_slice(), shape(site.op, lhs)?.len()) else {
        return Ok(None);
    };
    let filter = site.constant(&[n, k], &pack::transpose(&data, k))?;
    let bias = site.zero_bias(n as i64)?;
    site.emit("xnn.fully_connected", &[lhs, filter, bias], &bounds(site, UNBOUNDED)).map(Some)
}

/// XNNPACK rounds sizes down, refuses windows of one element or that leave gaps, and with dilation may
/// read outside a padded input.
fn fits_pool(site: &Site) -> Result<bool, PassError> {
    let fail = |message| site.error(message);
    let kernel = site.op.i64s::<2>("kernel").map_err(fail)?;
    let window = attributes::window(kernel, &site.op).map_err(fail)?;
    let input = shape(site.op, site.input(0)?)?;
    let rounded_down = (0..2).all(|dim| {
        let size = input.get(dim + 2).map(|&size| infer::output_size(size, &window, dim, false));
        size.and_then(Result::ok).as_ref() == site.output.get(dim + 2)
    });
    let without_gaps = (0..2).all(|dim| window.strides[dim] <= window.kernel[dim]);
    let dilated_padding = window.dilations != [1, 1] && window.pads != [0; 4];
    Ok(rounded_down && without_gaps && !dilated_padding && kernel != [1, 1])
}

fn max_pool2d<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    // It takes the largest of the numbers.
    if site.nan == Nan::Propagate || !fits_pool(site)? {
        return Ok(None);
    }
    let mut attributes = site.attributes(&["kernel", "strides", "pads", "dilations"])?;
    attributes.extend(bounds(site, UNBOUNDED));
    site.emit("xnn.max_pool2d", &[site.input(0)?], &attributes).map(Some)
}

fn avg_pool2d<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    let fail = |message| site.error(message);
    let counts_padding = site.op.bool("count_include_pad").map_err(fail)?
        && site.op.i64s::<4>("pads").map_err(fail)? != [0; 4];
    if counts_padding || site.op.i64s::<2>("dilations").map_err(fail)? != [1, 1] || !fits_pool(site)? {
        return Ok(None);
    }
    let mut attributes = site.attributes(&["kernel", "strides", "pads"])?;
    attributes.extend(bounds(site, UNBOUNDED));
    site.emit("xnn.avg_pool2d", &[site.input(0)?], &attributes).map(Some)
}

/// Both sides must be tensors in the result's layout: XNNPACK broadcasts in physical order, in
/// which a constant, whose data is in logical order, may not be.
fn binary<'c: 'a, 'a>(site: &Site<'c, 'a>, kind: &str) -> Selected<'c, 'a> {
    let Some(range) = xnnpack_clamp(site.activation()?, site.nan) else { return Ok(None) };
    let operands = [site.input(0)?, site.input(1)?];
    for value in operands {
        let same_rank = shape(site.op, value)?.len() == site.output.len();
        if !same_rank || constant(value).is_some() || layout(value) != site.layout {
            return Ok(None);
        }
    }
    let attributes = [&[("fn", site.string(kind))][..], &bounds(site, range)].concat();
    site.emit("xnn.binary", &operands, &attributes).map(Some)
}
