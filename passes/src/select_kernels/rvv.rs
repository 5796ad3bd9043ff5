//! Which generated kernel computes an op.

use ait_dialects::attributes::{self, Attributes};
use ait_dialects::infer::Order;
use ait_dialects::{Activation, Nan};
use melior::ir::{Attribute, Value};

use super::convolution::{ConvolutionInput, needs_adjacent_w};
use super::pack::FilterShape;
use super::{Site, pack};
use crate::{
    PassError,
    rewrite::{constant_slice, shape},
};

type Selected<'c, 'a> = Result<Value<'c, 'a>, PassError>;

/// Implements the op `ait.<kind>` with a generated kernel.
pub fn select<'c: 'a, 'a>(site: &Site<'c, 'a>, kind: &str) -> Selected<'c, 'a> {
    match kind {
        "conv2d" if site.is_depthwise()? => depthwise(site),
        "conv2d" => conv2d(site),
        "gemm" => gemm(site),
        "matmul" => matmul(site),
        "max_pool2d" | "avg_pool2d" => pool2d(site, kind),
        "global_avg_pool" => global_pool(site, "avg"),
        "global_max_pool" => global_pool(site, maximum(site.nan)),
        "add" | "sub" | "mul" | "div" => {
            binary(site, kind, [site.input(0)?, site.input(1)?], site.activation()?)
        }
        "prelu" => binary(site, kind, [site.input(0)?, site.input(1)?], Activation::Identity),
        "scale_bias" => with_lmul(site, "rvv.scale_bias", 3, site.kernel_epilogue(site.activation()?)),
        "activation" => with_lmul(site, "rvv.unary", 1, site.kernel_epilogue(site.activation()?)),
        "softmax" => with_lmul(site, "rvv.softmax", 1, site.attribute("axis")?),
        "batch_norm" => Err(site.error("has no kernel: run ait-fold-batch-norm first")),
        _ => Err(site.error("has no kernel")),
    }
}

/// `activation(lhs fn rhs)`.
pub fn binary<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    function: &str,
    operands: [Value<'c, 'a>; 2],
    activation: Activation,
) -> Selected<'c, 'a> {
    let epilogue = site.kernel_epilogue(activation);
    let attributes = [("fn", site.string(function)), epilogue, ("lmul", site.i64(site.lmul()))];
    site.emit("rvv.binary", &operands, &attributes)
}

/// `name` of the first `count` operands, with this attribute and `lmul`.
fn with_lmul<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    name: &str,
    count: usize,
    attribute: (&'static str, Attribute<'c>),
) -> Selected<'c, 'a> {
    let operands = (0..count).map(|index| site.input(index)).collect::<Result<Vec<_>, _>>()?;
    site.emit(name, &operands, &[attribute, ("lmul", site.i64(site.lmul()))])
}

fn conv2d<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    let (dims, data) = site.filter()?;
    let input = ConvolutionInput::of(site, dims)?;
    let rows = dims.k / dims.groups;
    let (filter, tile) = match data {
        Some(data) => {
            let tile = input.choice.tile;
            let width = usize::try_from(tile).unwrap_or(1);
            let shape = [dims.groups, rows.div_ceil(width), dims.kh * dims.kw * dims.c, width];
            (site.constant(&shape, &pack::tiles(&data, dims, width, &input.order))?, tile)
        }
        None => pack_at_run_time(site, dims, input.choice.tile, &input.order)?,
    };
    let mut operands = vec![input.value, filter, site.input(2)?];
    operands.extend(site.residual());
    let mut attributes = input.attributes;
    attributes.push(("tile", site.i64(tile)));
    site.emit("rvv.conv2d", &operands, &attributes)
}

/// A filter that the network computes, packed by a copy; the tile divides the rows, so that nothing is filled up.
fn pack_at_run_time<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    dims: FilterShape,
    most: i64,
    order: &Order,
) -> Result<(Value<'c, 'a>, i64), PassError> {
    let FilterShape { groups, k, c, kh, kw } = dims;
    let [most, chunk] = [most, order.chunk].map(|size| usize::try_from(size).unwrap_or(1).max(1));
    let tile = (1..=most).rev().find(|tile| (k / groups).is_multiple_of(*tile)).unwrap_or(1);
    let shape = |dims: &[usize]| dims.iter().map(|&dim| dim as i64).collect::<Vec<_>>();
    let build = site.build;
    let packed = build
        .reshape(site.input(1)?, &shape(&[k / tile, tile, c / chunk, chunk, kh * kw]))
        .and_then(|tiles| build.transpose(tiles, &[0, 2, 4, 3, 1]))
        .and_then(|tiles| build.reshape(tiles, &shape(&[groups, k / groups / tile, kh * kw * c, tile])));
    Ok((packed.map_err(|message| site.error(message))?, tile as i64))
}

fn depthwise<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    needs_adjacent_w(site)?;
    let (dims, data) = site.filter()?;
    let filter = match data {
        Some(data) => site.constant(&[dims.k, dims.kh, dims.kw], &data)?,
        None => {
            let shape = [dims.k, dims.kh, dims.kw].map(|dim| dim as i64);
            site.build.reshape(site.input(1)?, &shape).map_err(|message| site.error(message))?
        }
    };
    let mut operands = vec![site.input(0)?, filter, site.input(2)?];
    operands.extend(site.residual());
    let mut attributes = site.attributes(&["strides", "pads", "dilations"])?;
    attributes.extend([site.kernel_epilogue(site.activation()?), ("lmul", site.i64(site.lmul()))]);
    site.emit("rvv.depthwise_conv2d", &operands, &attributes)
}

/// The kernel wants the filter as K x N: transposed here if it is constant, else in memory.
fn gemm<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    let filter = site.input(1)?;
    let dims: Vec<_> = shape(site.op, filter)?.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
    let rhs = match (constant_slice(filter), dims.as_slice()) {
        (Some(data), &[n, k]) => site.constant(&[k, n], &pack::transpose(&data, n))?,
        _ => site.build.transpose(filter, &[1, 0]).map_err(|message| site.error(message))?,
    };
    let mut operands = vec![site.input(0)?, rhs, site.input(2)?];
    operands.extend(site.residual());
    product(site, &operands, site.activation()?)
}

fn matmul<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Selected<'c, 'a> {
    let bias = site.zero_bias(site.output.last().copied().unwrap_or(0))?;
    product(site, &[site.input(0)?, site.input(1)?, bias], Activation::Identity)
}

fn product<'c: 'a, 'a>(
    site: &Site<'c, 'a>,
    operands: &[Value<'c, 'a>],
    activation: Activation,
) -> Selected<'c, 'a> {
    let rows = site.output.iter().rev().nth(1).copied().unwrap_or(1);
    let tile = pack::balanced_tile(rows, site.most_tile().min(rows.max(1)));
    let attributes =
        [site.kernel_epilogue(activation), ("tile", site.i64(tile)), ("lmul", site.i64(site.lmul()))];
    site.emit("rvv.matmul", operands, &attributes)
}

fn pool2d<'c: 'a, 'a>(site: &Site<'c, 'a>, kind: &str) -> Selected<'c, 'a> {
    let fail = |message| site.error(message);
    let average = kind == "avg_pool2d";
    let mut attributes = site.attributes(&["kernel", "strides", "dilations"])?;
    let counts = average && site.op.bool("count_include_pad").map_err(fail)?;
    let padded = if average { None } else { pad_large_window(site)? };
    let context = site.build.context();
    attributes.extend([
        match padded {
            Some(_) => ("pads", ait_dialects::attributes::i64_array(context, &[0; 4])),
            None => site.attribute("pads")?,
        },
        ("fn", site.string(if average { "avg" } else { maximum(site.nan) })),
        ("count_include_pad", ait_dialects::attributes::bool(context, counts)),
        ("lmul", site.i64(site.lmul())),
    ]);
    site.emit("rvv.pool2d", &[padded.unwrap_or(site.input(0)?)], &attributes)
}

/// The maximum of a pool, by its name in the dialect.
fn maximum(nan: Nan) -> &'static str {
    match nan {
        Nan::Propagate => "max",
        Nan::Ignore => "maxnum",
    }
}

/// Padded windows of more taps than this are padded in memory: kernels pack the rows of a window into their scratch,
/// which is bounded, and read windows without padding in place.
const MOST_PACKED_TAPS: i64 = 64;

/// The input of a max pool with its padding in memory, if its window is large; as wide as the windows reach.
fn pad_large_window<'c: 'a, 'a>(site: &Site<'c, 'a>) -> Result<Option<Value<'c, 'a>>, PassError> {
    let kernel = site.op.i64s::<2>("kernel").map_err(|message| site.error(message))?;
    if kernel[0].saturating_mul(kernel[1]) <= MOST_PACKED_TAPS {
        return Ok(None);
    }
    let window = attributes::window(kernel, &site.op).map_err(|message| site.error(message))?;
    let input = site.input(0)?;
    let (from, to) = (shape(site.op, input)?, &site.output);
    let (mut low, mut high) = (vec![0; 4], vec![0; 4]);
    for dim in 0..2 {
        let (before, _) = window.padding(dim);
        let reach = (to[dim + 2] - 1) * window.strides[dim] + window.span(dim);
        (low[dim + 2], high[dim + 2]) = (before, (reach - before - from[dim + 2]).max(0));
    }
    if low.iter().chain(&high).all(|&pad| pad == 0) {
        return Ok(None);
    }
    let padded = site.build.pad(input, &low, &high, f32::NEG_INFINITY);
    padded.map(Some).map_err(|message| site.error(message))
}

fn global_pool<'c: 'a, 'a>(site: &Site<'c, 'a>, function: &str) -> Selected<'c, 'a> {
    let attributes = [("fn", site.string(function)), ("lmul", site.i64(site.lmul()))];
    site.emit("rvv.global_pool", &[site.input(0)?], &attributes)
}
