//! Padding: `ait.pad` for constants; mirrored, repeated and wrapped borders are slices put together.

use crate::onnx::constant::Constant;
use crate::onnx::node::{Node, Operand, Output, Outputs, dimension};

/// Most elements that mode `edge` repeats on one side: each is one more slice to put on.
const EDGE_LIMIT: i64 = 64;

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
    if mode == "constant" {
        return Ok(vec![constant(node, input, &low, &high, value)?]);
    }
    let mut padded = input.clone();
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

/// Negative pads crop.
fn constant<'c, 'a>(
    node: &Node<'_, 'c, 'a>,
    input: &Operand<'c, 'a>,
    low: &[i64],
    high: &[i64],
    value: f32,
) -> Output<'c, 'a> {
    let shape = input.shape()?;
    let starts: Vec<i64> = low.iter().map(|&pad| (-pad).max(0)).collect();
    let sizes: Vec<i64> = (0..shape.len()).map(|dim| shape[dim] - starts[dim] + high[dim].min(0)).collect();
    if sizes.iter().any(|&size| size < 1) {
        return Err(format!("crops {shape:?} to nothing"));
    }
    let cropped = node.slice(input, &starts, &sizes, &vec![1; shape.len()])?;
    let [low, high] = [low, high].map(|pads| pads.iter().map(|&pad| pad.max(0)).collect::<Vec<_>>());
    if low.iter().chain(&high).all(|&pad| pad == 0) {
        return Ok(cropped);
    }
    Ok(Operand::Tensor(node.builder.pad(node.value(&cropped)?, &low, &high, value)?))
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
    let most = match mode {
        "reflect" => extent - 1,
        "wrap" => extent,
        "edge" => EDGE_LIMIT,
        other => return Err(format!("mode {other} is not known")),
    };
    if low < 0 || high < 0 || low.max(high) > most {
        return Err(format!("mode {mode} takes 0 to {most} elements here, not {low} and {high}"));
    }
    let mut parts = Vec::new();
    let side = |parts: &mut Vec<_>, pad: i64, before: bool| -> Result<(), String> {
        if pad == 0 {
            return Ok(());
        }
        match (mode, before) {
            ("reflect", true) => parts.push(take(pad, pad, -1)?),
            ("reflect", false) => parts.push(take(extent - 2, pad, -1)?),
            ("wrap", true) => parts.push(take(extent - pad, pad, 1)?),
            ("wrap", false) => parts.push(take(0, pad, 1)?),
            (_, before) => {
                let edge = take(if before { 0 } else { extent - 1 }, 1, 1)?;
                parts.extend((0..pad).map(|_| edge.clone()));
            }
        }
        Ok(())
    };
    side(&mut parts, low, true)?;
    parts.push(input.clone());
    side(&mut parts, high, false)?;
    node.concat(&parts, dim)
}
