//! `ait-canonicalize`: what is unused, computed twice, or does nothing goes away.
//!
//! Ops declared in IRDL carry no `Pure` trait, so MLIR's own `cse` and `canonicalize` leave ours
//! alone; all of ours on tensors are pure.
//!
//! - `reshape(reshape(x)) = reshape(x)`, likewise `convert_layout`; `transpose` composes
//! - a `transpose` that only moves dimensions of size 1 is a `reshape`
//! - `reshape`, `transpose`, `convert_layout`, `slice`, `pad`, `activation` that change nothing are `x`
//! - `reshape(constant)` is a constant, up to a size: MLIR keeps the data of both, and passes see through the reshape

use std::collections::HashMap;

use ait_dialects::{Activation, access, attributes::Attributes, types};
use melior::ir::{
    AttributeLike, Module, TypeLike, Value, ValueLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    rewrite::{
        MOST_COPIED, Rewriter, defined_by, is_erased, name, operand, reshaped_constant, result, shape,
    },
};

/// Runs the pass.
pub fn run(module: &Module, _: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    loop {
        let mut changed = erase_dead(&rewriter);
        changed |= merge_equal(&rewriter);
        for op in rewriter.ops() {
            changed |= !is_erased(op) && simplify(&rewriter, op)?;
        }
        if !changed {
            return Ok(());
        }
    }
}

fn is_pure(name: &str) -> bool {
    name == "tensor.empty" || ["ait.", "xnn.", "rvv."].iter().any(|dialect| name.starts_with(dialect))
}

/// Takes out every op of ours whose results nothing uses; says whether there was one.
pub fn erase_dead(rewriter: &Rewriter) -> bool {
    let mut changed = false;
    for op in rewriter.ops().into_iter().rev() {
        if op.result_count() > 0 && is_pure(&name(op)) {
            changed |= rewriter.erase_unused(op);
        }
    }
    changed
}

/// What an op computes: name, block, operands, attributes and result type. All are unique in
/// their context, so addresses compare them.
type Key = (usize, usize, Vec<usize>, Vec<(usize, usize)>, Vec<usize>);

fn key(op: OperationRef) -> Option<Key> {
    let block = op.block()?.to_raw().ptr as usize;
    let name = op.name().to_raw().ptr as usize;
    let operands = op.operands().map(|value| value.to_raw().ptr as usize).collect();
    let attributes =
        op.attributes().map(|(key, value)| (key.to_raw().ptr as usize, value.to_raw().ptr as usize));
    let types = op.results().map(|value| value.r#type().to_raw().ptr as usize).collect();
    Some((name, block, operands, attributes.collect(), types))
}

/// Makes later users of an op use the first one that computes the same.
fn merge_equal(rewriter: &Rewriter) -> bool {
    // Looked up only, never walked: addresses do not decide anything.
    let mut seen: HashMap<Key, OperationRef> = HashMap::new();
    let mut changed = false;
    for op in rewriter.ops() {
        if op.result_count() != 1 || op.region_count() != 0 || !is_pure(&name(op)) {
            continue;
        }
        let Some(key) = key(op) else { continue };
        match seen.get(&key).and_then(access::result) {
            Some(first) => {
                rewriter.replace(op, first);
                changed = true;
            }
            None => {
                seen.insert(key, op);
            }
        }
    }
    changed
}

fn simplify<'c, 'a>(rewriter: &'a Rewriter<'c, '_>, op: OperationRef<'c, 'a>) -> Result<bool, PassError> {
    let simpler = match name(op).as_str() {
        "ait.reshape" => reshape(rewriter, op)?,
        "ait.transpose" => transpose(rewriter, op)?,
        "ait.convert_layout" => convert_layout(rewriter, op)?,
        "ait.pad" => identity_if(op, all(&op, "low", 0) && all(&op, "high", 0))?,
        "ait.activation" => identity_if(op, op.epilogue() == Ok(Activation::Identity))?,
        "ait.slice" => {
            let whole = types::shape(operand(op, 0)?.r#type()) == op.i64_array("sizes");
            identity_if(op, whole && all(&op, "starts", 0) && all(&op, "steps", 1))?
        }
        _ => None,
    };
    let Some(value) = simpler else { return Ok(false) };
    rewriter.replace(op, value);
    Ok(true)
}

fn all(op: &OperationRef, name: &str, wanted: i64) -> bool {
    op.i64_array(name).is_ok_and(|values| values.iter().all(|&value| value == wanted))
}

/// The op's input, if the op does nothing and the types agree.
fn identity_if<'c, 'a>(op: OperationRef<'c, 'a>, holds: bool) -> Result<Option<Value<'c, 'a>>, PassError> {
    let input = operand(op, 0)?;
    Ok((holds && input.r#type() == result(op)?.r#type()).then_some(input))
}

fn reshape<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    op: OperationRef<'c, 'a>,
) -> Result<Option<Value<'c, 'a>>, PassError> {
    let (input, output) = (operand(op, 0)?, result(op)?);
    if input.r#type() == output.r#type() {
        return Ok(Some(input));
    }
    let build = rewriter.before(op)?;
    let to = shape(op, output)?;
    let is_small = types::elements(&to).is_ok_and(|count| count <= MOST_COPIED);
    if let Some(reshaped) = if is_small { reshaped_constant(build, input, &to) } else { None } {
        return reshaped.map(Some).map_err(|message| PassError::at(&op, message));
    }
    let Some(inner) = defined_by(input, "ait.reshape") else { return Ok(None) };
    build.reshape(operand(inner, 0)?, &to).map(Some).map_err(|message| PassError::at(&op, message))
}

fn transpose<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    op: OperationRef<'c, 'a>,
) -> Result<Option<Value<'c, 'a>>, PassError> {
    let input = operand(op, 0)?;
    let permutation = op.i64_array("permutation").map_err(|message| PassError::at(&op, message))?;
    if permutation.is_sorted() {
        return identity_if(op, true);
    }
    let build = rewriter.before(op)?;
    let from = shape(op, input)?;
    // Row-major order is that of the dimensions with more than one element.
    let size = |dim: &&i64| usize::try_from(**dim).ok().and_then(|dim| from.get(dim)) != Some(&1);
    let simpler = if permutation.iter().filter(size).is_sorted() {
        build.reshape(input, &shape(op, result(op)?)?)
    } else if let Some(inner) = defined_by(input, "ait.transpose") {
        let first = inner.i64_array("permutation").map_err(|message| PassError::at(&inner, message))?;
        let composed = permutation.iter().filter_map(|&dim| first.get(usize::try_from(dim).ok()?).copied());
        build.transpose(operand(inner, 0)?, &composed.collect::<Vec<_>>())
    } else {
        return Ok(None);
    };
    simpler.map(Some).map_err(|message| PassError::at(&op, message))
}

fn convert_layout<'c, 'a>(
    rewriter: &'a Rewriter<'c, '_>,
    op: OperationRef<'c, 'a>,
) -> Result<Option<Value<'c, 'a>>, PassError> {
    let (input, output) = (operand(op, 0)?, result(op)?);
    if input.r#type() == output.r#type() {
        return Ok(Some(input));
    }
    let Some(inner) = defined_by(input, "ait.convert_layout") else { return Ok(None) };
    let layout = crate::rewrite::layout(output);
    let build = rewriter.before(op)?;
    build.convert_layout(operand(inner, 0)?, layout).map(Some).map_err(|message| PassError::at(&op, message))
}
