//! Column-wise sparsity: patterns of dense weights, and columns and starts of packed ones.

use crate::infer::{self, Reduction};
use crate::nm::check_columns;
use crate::{access, types};
use ait_ops::{Columns, Op, Operand, ait, nm};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Attribute, AttributeLike, Value, ValueLike};

/// Checks the patterns that an op's types and packed weights promise.
pub fn check(op: &OperationRef<'_, '_>, own: &Op) -> Result<(), String> {
    for (index, operand) in op.operands().enumerate() {
        let Some(pattern) = types::columns(operand.r#type())? else { continue };
        match (own, own.operands().get(index)) {
            (Op::Ait(ait::Op::Conv2d(conv)), Some(Operand::Filter)) => pruned(operand, pattern, conv.groups)?,
            (Op::Ait(ait::Op::Gemm(_)), Some(Operand::Filter)) => pruned(operand, pattern, 1)?,
            _ => {
                return Err(format!(
                    "has sparse weights as operand {index}; only filters of ait.conv2d and ait.gemm are"
                ));
            }
        }
    }
    match own {
        Op::Ait(ait::Op::Constant(_)) => Ok(()),
        Op::Nm(own) => packed(op, own),
        Op::Ait(_) | Op::Xnn(_) | Op::Rvv(_) => {
            op.results().try_for_each(|result| match types::columns(result.r#type())? {
                Some(pattern) => Err(format!("has a result in {pattern}, which only a constant can have")),
                None => Ok(()),
            })
        }
    }
}

/// The data of a constant of the graph or of the weights file.
fn constant<'c>(value: Value<'c, '_>, what: &str) -> Result<Attribute<'c>, String> {
    let missing = || format!("needs constant {what}");
    let owner = access::definition(value).ok_or_else(missing)?;
    let is_constant = matches!(owner.name().as_string_ref().as_str(), Ok("ait.constant" | "rvv.constant"));
    let attribute = owner.attribute("value").ok().filter(|_| is_constant).ok_or_else(missing)?;
    if types::shape(attribute.r#type())? != types::shape(value.r#type())? {
        return Err(format!("has {what} of another shape than their type"));
    }
    types::check_splat(attribute).map_err(|message| format!("has {what} of a constant that {message}"))?;
    // SAFETY: attributes live as long as their context, not only as the op.
    Ok(unsafe { Attribute::from_raw(attribute.to_raw()) })
}

fn pruned(value: Value<'_, '_>, pattern: Columns, groups: i64) -> Result<(), String> {
    let data = constant(value, "sparse weights")?;
    check_columns(pattern, &types::shape(value.r#type())?, groups, &types::f32_slice(data)?)
}

fn packed(op: &OperationRef<'_, '_>, own: &nm::Op) -> Result<(), String> {
    let shapes =
        op.operands().map(|operand| types::shape(operand.r#type())).collect::<Result<Vec<_>, _>>()?;
    let reduction = infer::reduction(own, &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let integers = |index: usize, what: &str| -> Result<Vec<u32>, String> {
        let operand = access::operand(op, index).ok_or_else(|| format!("has no operand {index}"))?;
        types::integer_data(constant(operand, what)?)
    };
    let columns = integers(2, "columns")?;
    let kept = usize::try_from(reduction.pattern.kept_of(reduction.order.columns()))
        .map_err(|error| error.to_string())?;
    let segments = usize::try_from(reduction.order.segments()).map_err(|error| error.to_string())?;
    let starts = match own {
        nm::Op::Conv2d(_) => integers(3, "starts")?,
        // The reduction is one segment.
        nm::Op::Matmul(_) => [0, u32::try_from(kept).unwrap_or(u32::MAX)].repeat(columns.len() / kept.max(1)),
    };
    let width = segments + 1;
    if kept == 0 {
        return Ok(());
    }
    for (tile, (columns, starts)) in columns.chunks_exact(kept).zip(starts.chunks_exact(width)).enumerate() {
        tile_of(&reduction, columns, starts).map_err(|message| format!("{message} in tile {tile}"))?;
    }
    Ok(())
}

/// Checks one tile: distances and starts give ascending columns of every segment, exactly as many as are kept.
fn tile_of(reduction: &Reduction, columns: &[u32], starts: &[u32]) -> Result<(), String> {
    let Reduction { pattern, order } = *reduction;
    let (k, segment) = (order.columns(), order.segment);
    let kept = columns.len();
    let ends = (starts.first().copied(), starts.last().map(|&last| last as usize));
    if ends != (Some(0), Some(kept)) || !starts.is_sorted() {
        return Err(format!("has starts that do not ascend from 0 to {kept}"));
    }
    let mut counts = vec![0i64; usize::try_from((k + pattern.m - 1) / pattern.m).unwrap_or(0)];
    for (from, range) in (0..k).step_by(usize::try_from(segment).unwrap_or(1)).zip(starts.windows(2)) {
        let end = k.min(from + segment);
        let mut position = from;
        for (index, &distance) in columns[range[0] as usize..range[1] as usize].iter().enumerate() {
            if index > 0 && distance == 0 {
                return Err(format!("has column {} twice", order.column(position)));
            }
            position += i64::from(distance);
            if position >= end {
                return Err(format!("has position {position} in the segment of {from} to {}", end - 1));
            }
            let group = order.column(position) / pattern.m;
            if let Some(count) = usize::try_from(group).ok().and_then(|at| counts.get_mut(at)) {
                *count += 1;
            }
        }
    }
    for (count, from) in counts.into_iter().zip((0..k).step_by(usize::try_from(pattern.m).unwrap_or(1))) {
        let len = (k - from).min(pattern.m);
        if count != pattern.kept(len) {
            return Err(format!(
                "has {count} of columns {from} to {}, where {pattern} keeps {}",
                from + len - 1,
                pattern.kept(len)
            ));
        }
    }
    Ok(())
}
