//! `ait-fold-batch-norm`: per-channel affine maps into the weights before them.
//!
//! A batch norm is `y = s * x + t` with `s = scale / sqrt(variance + epsilon)` and
//! `t = bias - mean * s` per channel; so are `mul`, `add`, `sub` and `div` by a constant that
//! varies along channels only. Where `x` is a convolution, a gemm or a scale_bias with constant
//! weights, no epilogue, no residual and no other user:
//!
//! ```text
//! s * (W x + b) + t = (s W) x + (s b + t)
//! ```
//!
//! None of the products may be infinite, zero or subnormal where its factors are ordinary (see [`keeps`]): such a map stays
//! as it is.
//!
//! An epilogue in between (a ReLU) does not commute with this and stops it. A batch norm that
//! finds no such producer becomes `ait.scale_bias`. Computed in f64, stored as f32.

use ait_dialects::{
    Activation, access,
    attributes::{self, Attributes},
};
use melior::ir::{
    Module, Value,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    eqsat::range::{keeps, within_f32},
    rewrite::{MAX_ELEMENTS, Rewriter, constant_data, definition, is_erased, name, operand, result, shape},
};

/// `y = scale * x + shift` per channel (dimension 1).
struct Affine<'c, 'a> {
    input: Value<'c, 'a>,
    scale: Vec<f64>,
    shift: Vec<f64>,
    epilogue: Activation,
}

/// One of each per channel.
type ScaleAndShift = (Vec<f64>, Vec<f64>);

/// Runs the pass.
pub fn run(module: &Module, _: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    for op in rewriter.ops() {
        if is_erased(op) {
            continue;
        }
        let is_batch_norm = name(op) == "ait.batch_norm";
        match affine(op)? {
            Some(map) if fold(&rewriter, op, &map)? => {}
            Some(map) if is_batch_norm => scale_bias(&rewriter, op, &map)?,
            None if is_batch_norm => {
                return Err(PassError::at(&op, "needs constant scale, bias, mean and variance"));
            }
            _ => {}
        }
    }
    erase_dead(&rewriter);
    Ok(())
}

fn affine<'c, 'a>(op: OperationRef<'c, 'a>) -> Result<Option<Affine<'c, 'a>>, PassError> {
    match name(op).as_str() {
        "ait.batch_norm" => batch_norm(op),
        "ait.scale_bias" => Ok(scale_and_bias(op)?.and_then(|(scale, shift)| {
            Some(Affine { input: access::operand(&op, 0)?, scale, shift, epilogue: op.epilogue().ok()? })
        })),
        kind @ ("ait.add" | "ait.sub" | "ait.mul" | "ait.div") => binary(op, kind),
        _ => Ok(None),
    }
}

fn batch_norm<'c, 'a>(op: OperationRef<'c, 'a>) -> Result<Option<Affine<'c, 'a>>, PassError> {
    let parameters = (1..5).map(|index| access::operand(&op, index).and_then(constant_data));
    let Some(parameters) = parameters.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let [scale, bias, mean, variance] = parameters.as_slice() else { return Ok(None) };
    let epsilon = f64::from(op.f32("epsilon").map_err(|message| PassError::at(&op, message))?);
    let scale: Vec<f64> = scale
        .iter()
        .zip(variance)
        .map(|(&scale, &variance)| within_f32(f64::from(scale) / (f64::from(variance) + epsilon).sqrt()))
        .collect();
    let shift =
        bias.iter().zip(mean).zip(&scale).map(|((&bias, &mean), s)| f64::from(bias) - f64::from(mean) * s);
    let shift = shift.collect();
    Ok(Some(Affine { input: operand(op, 0)?, scale, shift, epilogue: Activation::Identity }))
}

/// Operands 1 and 2 of a scale_bias, if constant.
fn scale_and_bias(op: OperationRef) -> Result<Option<ScaleAndShift>, PassError> {
    let wide = |data: Vec<f32>| data.into_iter().map(f64::from).collect();
    let scale = constant_data(operand(op, 1)?).map(wide);
    let bias = constant_data(operand(op, 2)?).map(wide);
    Ok(scale.zip(bias))
}

/// `x + c`, `x - c`, `x * c`, `x / c`, and with the sides exchanged where that is affine in `x`.
fn binary<'c, 'a>(op: OperationRef<'c, 'a>, kind: &str) -> Result<Option<Affine<'c, 'a>>, PassError> {
    let (lhs, rhs) = (operand(op, 0)?, operand(op, 1)?);
    let (input, other, swapped) = match (definition(lhs).map(name), definition(rhs).map(name)) {
        (_, Some(side)) if side == "ait.constant" => (lhs, rhs, false),
        (Some(side), _) if side == "ait.constant" => (rhs, lhs, true),
        _ => return Ok(None),
    };
    let output = shape(op, result(op)?)?;
    if shape(op, input)? != output {
        return Ok(None);
    }
    let Some(c) = per_channel(&output, &shape(op, other)?, other) else { return Ok(None) };
    let ones = vec![1.0; c.len()];
    let zeros = vec![0.0; c.len()];
    let negated = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<_>>();
    let (scale, shift) = match (kind, swapped) {
        ("ait.add", _) => (ones, c),
        ("ait.sub", false) => (ones, negated(&c)),
        ("ait.sub", true) => (negated(&ones), c),
        ("ait.mul", _) => (c, zeros),
        ("ait.div", false) => (c.iter().map(|value| value.recip()).collect(), zeros),
        _ => return Ok(None),
    };
    let epilogue = op.epilogue().map_err(|message| PassError::at(&op, message))?;
    Ok(Some(Affine { input, scale, shift, epilogue }))
}

/// The value for each channel of `output` of a constant that broadcasts to it and varies along
/// dimension 1 at most.
fn per_channel(output: &[i64], dims: &[i64], value: Value) -> Option<Vec<f64>> {
    let channels = *output.get(1).filter(|&&channels| channels <= MAX_ELEMENTS)?;
    let data = || constant_data(value);
    if dims.iter().all(|&dim| dim == 1) {
        let only = f64::from(*data()?.first()?);
        return Some(vec![only; usize::try_from(channels).ok()?]);
    }
    let at = dims.len().checked_sub(output.len() - 1)?;
    let varies_there_only = dims.iter().enumerate().all(|(index, &dim)| dim == 1 || index == at);
    (varies_there_only && dims.get(at) == Some(&channels)).then_some(())?;
    Some(data()?.into_iter().map(f64::from).collect())
}

/// Folds `map`, which `op` computes, into the op before it; says whether it could.
fn fold<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    op: OperationRef<'c, 'a>,
    map: &Affine<'c, 'a>,
) -> Result<bool, PassError> {
    let Some(producer) = definition(map.input) else { return Ok(false) };
    let kind = name(producer);
    let takes = matches!(kind.as_str(), "ait.conv2d" | "ait.gemm" | "ait.scale_bias");
    if !takes
        || producer.operand_count() != 3
        || producer.epilogue() != Ok(Activation::Identity)
        || !rewriter.has_one_use(map.input)
    {
        return Ok(false);
    }
    let (weights, bias) = (operand(producer, 1)?, operand(producer, 2)?);
    let (Some(mut data), Some(bias_data)) = (constant_data(weights), constant_data(bias)) else {
        return Ok(false);
    };
    let channels = map.scale.len();
    let row = data.len().checked_div(channels).unwrap_or(0);
    if row == 0 || bias_data.len() != channels {
        return Ok(false);
    }
    let Some(shifted) = shifted(&bias_data, map) else { return Ok(false) };
    let rows = || data.chunks_exact(row).zip(&map.scale);
    if !rows().all(|(values, &scale)| values.iter().all(|&value| keeps(value.into(), scale))) {
        return Ok(false);
    }
    for (values, scale) in data.chunks_exact_mut(row).zip(&map.scale) {
        // Plus zero, so that a pruned weight is +0.0 whatever the sign of the scale: the same bytes as from a mask.
        values.iter_mut().for_each(|value| *value = (f64::from(*value) * scale + 0.0) as f32);
    }
    let build = rewriter.before(producer)?;
    let fail = |message| PassError::at(&op, message);
    let weights = build.constant(&shape(op, weights)?, &data).map_err(fail)?;
    let bias = build.constant(&[channels as i64], &shifted).map_err(fail)?;
    rewriter.set_operand(producer, 1, weights);
    rewriter.set_operand(producer, 2, bias);
    rewriter.set_attribute(producer, "epilogue", attributes::of(rewriter.context(), &map.epilogue));
    rewriter.replace(op, map.input);
    Ok(true)
}

/// The bias of both; none where a product loses what its factors say, or a sum is not finite.
fn shifted(bias: &[f32], map: &Affine) -> Option<Vec<f32>> {
    let values = bias.iter().zip(&map.scale).zip(&map.shift);
    let value = |((&bias, &scale), &shift): ((&f32, &f64), &f64)| {
        let sum = (f64::from(bias) * scale + shift) as f32;
        (keeps(bias.into(), scale) && sum.is_finite()).then_some(sum)
    };
    values.map(value).collect()
}

fn scale_bias<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    op: OperationRef<'c, 'a>,
    map: &Affine<'c, 'a>,
) -> Result<(), PassError> {
    let build = rewriter.before(op)?;
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let channels = [map.scale.len() as i64];
    let made = build.constant(&channels, &narrow(&map.scale)).and_then(|scale| {
        let bias = build.constant(&channels, &narrow(&map.shift))?;
        build.scale_bias([map.input, scale, bias], map.epilogue)
    });
    rewriter.replace(op, made.map_err(|message| PassError::at(&op, message))?);
    Ok(())
}
