//! `ait-fuse`: activations, residuals and pads into the op next to them.
//!
//! ```text
//! x * sigmoid(x)                      = silu(x)
//! x * hard_sigmoid{1/6, 1/2}(x)       = hard_swish(x)
//! conv(x) + r                         = conv(x, residual = r)          likewise gemm
//! act(f(x))                           = f(x) {epilogue = act}
//! conv(pad{0}(x))                     = conv{pads + p}(x)
//! max_pool(pad{-inf}(x))              = max_pool{pads + p}(x)
//! avg_pool(pad{0}(x))                 = avg_pool{pads + p, count_include_pad}(x)
//! ```
//!
//! The inner op must have no other user, and no epilogue yet: `relu(conv) + r` stays as it is.

use ait_dialects::{
    Activation,
    attributes::{self, Attributes},
    infer,
};
use melior::ir::{
    Attribute, Module, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    rewrite::{Rewriter, constant, defined_by, definition, is_erased, name, operand, result, shape},
};

/// Runs the pass.
pub fn run(module: &Module, _: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    for op in rewriter.ops() {
        if is_erased(op) {
            continue;
        }
        match name(op).as_str() {
            "ait.mul" => gate(&rewriter, op)?,
            "ait.add" => residual(&rewriter, op)?,
            "ait.conv2d" | "ait.max_pool2d" | "ait.avg_pool2d" => pad(&rewriter, op)?,
            _ => {}
        }
    }
    // After residuals, whose sum an activation then belongs to.
    for op in rewriter.ops() {
        if !is_erased(op) && name(op) == "ait.activation" {
            activation(&rewriter, op)?;
        }
    }
    erase_dead(&rewriter);
    Ok(())
}

fn is_identity(op: OperationRef) -> bool {
    op.epilogue() == Ok(Activation::Identity)
}

/// `x * gate(x)` in either order.
fn gate<'c, 'a>(rewriter: &'a Rewriter<'c, '_>, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
    if !is_identity(op) {
        return Ok(());
    }
    let (lhs, rhs) = (operand(op, 0)?, operand(op, 1)?);
    for (input, gate) in [(lhs, rhs), (rhs, lhs)] {
        let Some(inner) = defined_by(gate, "ait.activation") else { continue };
        let fused = match inner.epilogue() {
            Ok(Activation::Sigmoid) => Activation::Silu,
            Ok(Activation::HardSigmoid { alpha, beta }) if (alpha, beta) == (1.0 / 6.0, 0.5) => {
                Activation::HardSwish
            }
            _ => continue,
        };
        if operand(inner, 0)? == input {
            let made = rewriter.before(op)?.activation(input, fused);
            rewriter.replace(op, made.map_err(|message| PassError::at(&op, message))?);
            return Ok(());
        }
    }
    Ok(())
}

/// The convolution or gemm that makes `value`, if it can take a residual.
fn takes_residual<'c, 'a>(rewriter: &Rewriter<'c, '_>, value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let op = definition(value)?;
    let kind = matches!(name(op).as_str(), "ait.conv2d" | "ait.gemm");
    (kind && op.operand_count() == 3 && is_identity(op) && rewriter.has_one_use(value)).then_some(op)
}

/// `conv(x) + r`. Of two convolutions the later one takes the other's result. It is made where
/// the sum is, so that `r` is there already.
fn residual<'c, 'a>(rewriter: &'a Rewriter<'c, '_>, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
    let (lhs, rhs) = (operand(op, 0)?, operand(op, 1)?);
    // A constant has no layout of its own, which a residual needs.
    let is_constant = constant(lhs).is_some() || constant(rhs).is_some();
    if shape(op, lhs)? != shape(op, rhs)? || lhs == rhs || is_constant {
        return Ok(());
    }
    let (producer, residual) = match (takes_residual(rewriter, lhs), takes_residual(rewriter, rhs)) {
        (Some(left), Some(right)) if right.is_before_in_block(left) => (left, rhs),
        (_, Some(right)) => (right, lhs),
        (Some(left), None) => (left, rhs),
        (None, None) => return Ok(()),
    };
    let mut operands: Vec<_> = producer.operands().collect();
    operands.push(residual);
    let epilogue = op.attribute("epilogue").map_err(|error| PassError::at(&op, error))?;
    let kept = attributes_of(producer);
    let mut attributes: Vec<_> = kept.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    attributes.retain(|(key, _)| *key != "epilogue");
    attributes.push(("epilogue", epilogue));
    let build = rewriter.before(op)?.at(producer.location());
    let made = build.insert(&name(producer), &operands, &attributes, &[result(op)?.r#type()]);
    let made = made.map_err(|message| PassError::at(&op, message))?;
    rewriter.replace(op, result(made)?);
    rewriter.erase_unused(producer);
    Ok(())
}

/// Names and values of an op's attributes.
pub fn attributes_of<'c>(op: OperationRef<'c, '_>) -> Vec<(String, Attribute<'c>)> {
    op.attributes()
        .map(|(key, value)| (key.as_string_ref().as_str().unwrap_or_default().to_owned(), value))
        .collect()
}

/// `act(f(x))`.
fn activation<'c, 'a>(rewriter: &'a Rewriter<'c, '_>, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
    let input = operand(op, 0)?;
    let Some(producer) = definition(input) else { return Ok(()) };
    let has_epilogue = matches!(
        name(producer).as_str(),
        "ait.conv2d" | "ait.gemm" | "ait.scale_bias" | "ait.add" | "ait.sub" | "ait.mul" | "ait.div"
    );
    if has_epilogue && is_identity(producer) && rewriter.has_one_use(input) {
        let epilogue = op.attribute("epilogue").map_err(|error| PassError::at(&op, error))?;
        rewriter.set_attribute(producer, "epilogue", epilogue);
        rewriter.replace(op, input);
    }
    Ok(())
}

/// A pad into the window op after it.
fn pad<'c, 'a>(rewriter: &'a Rewriter<'c, '_>, op: OperationRef<'c, 'a>) -> Result<(), PassError> {
    let input = operand(op, 0)?;
    let Some(inner) = defined_by(input, "ait.pad").filter(|_| rewriter.has_one_use(input)) else {
        return Ok(());
    };
    let Some((pads, count_include_pad)) = padded_window(op, inner) else { return Ok(()) };
    let context = rewriter.context();
    let kept = attributes_of(op);
    let mut attributes: Vec<_> = kept.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    for (key, value) in &mut attributes {
        match *key {
            "pads" => *value = attributes::i64_array(context, &pads),
            "count_include_pad" => *value = attributes::bool(context, count_include_pad),
            _ => {}
        }
    }
    let mut operands: Vec<_> = op.operands().collect();
    if let Some(first) = operands.first_mut() {
        *first = operand(inner, 0)?;
    }
    let shapes = operands.iter().map(|value| shape(op, *value)).collect::<Result<Vec<_>, _>>()?;
    let shapes: Vec<_> = shapes.iter().map(Vec::as_slice).collect();
    // A pool refuses padding as wide as its window; the pad then stays an op.
    let fits = infer::infer(&name(op), &shapes, &attributes.as_slice());
    if fits != Ok(infer::Inferred::Shape(shape(op, result(op)?)?)) {
        return Ok(());
    }
    let made = rewriter.before(op)?.insert(&name(op), &operands, &attributes, &[result(op)?.r#type()]);
    let made = made.map_err(|message| PassError::at(&op, message))?;
    rewriter.replace(op, result(made)?);
    Ok(())
}

/// The pads of `op` with those of the pad before it, and whether the padding then counts in a mean;
/// none if that would be another function.
fn padded_window(op: OperationRef, inner: OperationRef) -> Option<([i64; 4], bool)> {
    let [0, 0, top, left] = inner.i64s::<4>("low").ok()? else { return None };
    let [0, 0, bottom, right] = inner.i64s::<4>("high").ok()? else { return None };
    let own = op.i64s::<4>("pads").ok()?;
    let value = inner.f32("value").ok()?;
    let ceil_mode = op.bool("ceil_mode").unwrap_or(false);
    let counted = op.bool("count_include_pad").unwrap_or(false);
    let same = match name(op).as_str() {
        "ait.conv2d" => value == 0.0,
        "ait.max_pool2d" => value == f32::NEG_INFINITY && !ceil_mode,
        _ => value == 0.0 && !ceil_mode && (counted || own == [0; 4]),
    };
    let pads = [own[0] + top, own[1] + left, own[2] + bottom, own[3] + right];
    same.then_some((pads, true))
}
