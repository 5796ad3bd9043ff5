//! Padding: `ait.pad` for constants; mirrored, repeated and wrapped borders are slices put together.

use crate::onnx::constant::Constant;
use crate::onnx::node::{Node, Operand, Output, Outputs, dimension};

pub fn pad<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let (low, high) = pads(node, shape.len())?;
    if low.iter().chain(&high).any(|pad| !(-(1 << 24)..=1 << 24).contains(pad)) {
        return Err("pads are beyond 2^24".into());
    }
    let mode = node.attributes.string("mode", "constant")?;
    let value = if node.opset < 11 {
        node.attributes.float("value", 0.0)?
    } else {
        let value = node.known(2, "constant_value")?.map(Constant::scalar).transpose();
        value.map_err(|error| format!("constant_value {error}"))?.unwrap_or(0.0)
    };
    let mut padded = crop(node, input, &low, &high)?;
    let [low, high] = [low, high].map(|pads| pads.iter().map(|&pad| pad.max(0)).collect::<Vec<_>>());
    if mode == "constant" {
        return Ok(vec![constant(node, &padded, &low, &high, value)?]);
    }
    for dim in 0..shape.len() {
        padded = border(node, &padded, dim, low[dim], high[dim], mode)?;
    }
    Ok(vec![padded])
}

/// Elements to add before and after every dimension; `axes` (opset 18) limits them to some.
fn pads(node: &Node<'_, '_, '_>, rank: usize) -> Result<(Vec<i64>, Vec<i64>), String> {
    let pads = node.ints("pads", 1, 11)?.ok_or("pads are missing")?;
    let axes = if node.opset < 18 { None } else { node.ints("axes", 3, 18)? };
    let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(format!("has {} pads for {} axes", pads.len(), axes.len()));
    }
    let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
    for (index, &axis) in axes.iter().enumerate() {
        let dim = dimension(axis, rank, false)?;
        (low[dim], high[dim]) = (pads[index], pads[axes.len() + index]);
    }
    Ok((low, high))
}

/// Negative pads crop, whatever the mode; the others follow.
fn crop<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    input: &Operand<'c, 'a>,
    low: &[i64],
    high: &[i64],
) -> Output<'c, 'a> {
    let shape = input.shape()?;
    let starts: Vec<i64> = low.iter().map(|&pad| (-pad).max(0)).collect();
    let sizes: Vec<i64> = (0..shape.len()).map(|dim| shape[dim] - starts[dim] + high[dim].min(0)).collect();
    if sizes.iter().any(|&size| size < 1) {
        return Err(format!("crops {shape:?} to nothing"));
    }
    node.slice(input, &starts, &sizes, &vec![1; shape.len()])
}

fn constant<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    input: &Operand<'c, 'a>,
    low: &[i64],
    high: &[i64],
    value: f32,
) -> Output<'c, 'a> {
    if low.iter().chain(high).all(|&pad| pad == 0) {
        return Ok(input.clone());
    }
    Ok(Operand::Tensor(node.builder.pad(node.value(input)?, low, high, value)?))
}

/// One dimension of a mode that repeats the input's own elements.
fn border<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    input: &Operand<'c, 'a>,
    dim: usize,
    low: i64,
    high: i64,
    mode: &str,
) -> Output<'c, 'a> {
    let extent = input.shape()?[dim];
    let take = |start, count, step| node.slice_axis(input, dim, start, count, step);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    match mode {
        "reflect" if low.max(high) >= extent => {
            return Err(format!(
                "mode reflect takes 0 to {} elements here, not {low} and {high}",
                extent - 1
            ));
        }
        "reflect" => {
            before.push(take(low, low, -1)?);
            after.push(take(extent - 2, high, -1)?);
        }
        "wrap" => {
            before.push(take(extent - low % extent, low % extent, 1)?);
            before.extend(repeat(node, input, low / extent, dim)?);
            after.extend(repeat(node, input, high / extent, dim)?);
            after.push(take(0, high % extent, 1)?);
        }
        "edge" => {
            before.extend(repeat(node, &take(0, 1, 1)?, low, dim)?);
            after.extend(repeat(node, &take(extent - 1, 1, 1)?, high, dim)?);
        }
        other => return Err(format!("mode {other} is not known")),
    }
    let parts = before.into_iter().chain([input.clone()]).chain(after);
    node.concat(&parts.collect::<Vec<_>>(), dim)
}

/// `count` times an operand along `dim`, in runs whose lengths double: as many concatenations as `count` has bits.
fn repeat<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    unit: &Operand<'c, 'a>,
    count: i64,
    dim: usize,
) -> Result<Vec<Operand<'c, 'a>>, String> {
    let (mut run, mut left, mut runs) = (unit.clone(), count, Vec::new());
    while left > 0 {
        if left % 2 == 1 {
            runs.push(run.clone());
        }
        left /= 2;
        if left > 0 {
            run = node.concat(&[run.clone(), run], dim)?;
        }
    }
    Ok(runs)
}
