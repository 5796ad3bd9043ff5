//! Operators that only move or rename elements.

use crate::onnx::node::{Node, Outputs, dimension, product};

pub fn reshape<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let from = input.shape()?;
    let wanted = node.known(1, "shape")?.ok_or("input 1 is missing")?.ints()?;
    let allow_zero = node.opset >= 14 && node.attributes.flag("allowzero", false)?;
    let mut shape = wanted.clone();
    for (index, dim) in shape.iter_mut().enumerate().filter(|(_, dim)| **dim == 0 && !allow_zero) {
        *dim = *from.get(index).ok_or_else(|| format!("shape {wanted:?} copies a dimension of {from:?}"))?;
    }
    let unknown: Vec<usize> = (0..shape.len()).filter(|&index| shape[index] == -1).collect();
    match unknown[..] {
        [] => {}
        [index] => {
            shape[index] = 1;
            let (all, known) = (product(&from)?, product(&shape)?);
            if known == 0 || all % known != 0 {
                return Err(format!("cannot reshape {from:?} to {wanted:?}"));
            }
            shape[index] = all / known;
        }
        _ => return Err(format!("shape {wanted:?} has more than one unknown dimension")),
    }
    Ok(vec![node.reshape(input, &shape)?])
}

pub fn flatten<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let shape = node.input(0)?.shape()?;
    let axis = dimension(node.attributes.int("axis")?.unwrap_or(1), shape.len(), true)?;
    let matrix = [product(&shape[..axis])?, product(&shape[axis..])?];
    Ok(vec![node.reshape(node.input(0)?, &matrix)?])
}

/// `axes` as distinct dimensions of a tensor of this rank, ascending.
fn distinct(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut dims = axes.iter().map(|&axis| dimension(axis, rank, false)).collect::<Result<Vec<_>, _>>()?;
    dims.sort_unstable();
    if dims.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("axes {axes:?} repeat a dimension"));
    }
    Ok(dims)
}

pub fn squeeze<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let shape = node.input(0)?.shape()?;
    let removed = match node.ints("axes", 1, 13)? {
        Some(axes) => distinct(&axes, shape.len())?,
        None => (0..shape.len()).filter(|&index| shape[index] == 1).collect(),
    };
    if let Some(&index) = removed.iter().find(|&&index| shape[index] != 1) {
        return Err(format!("dimension {index} of {shape:?} is not 1"));
    }
    let kept: Vec<i64> =
        (0..shape.len()).filter(|index| !removed.contains(index)).map(|index| shape[index]).collect();
    Ok(vec![node.reshape(node.input(0)?, &kept)?])
}

pub fn unsqueeze<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let mut shape = node.input(0)?.shape()?;
    let axes = node.ints("axes", 1, 13)?.ok_or("axes are missing")?;
    for index in distinct(&axes, shape.len() + axes.len())? {
        shape.insert(index, 1);
    }
    Ok(vec![node.reshape(node.input(0)?, &shape)?])
}

pub fn transpose<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let rank = node.input(0)?.shape()?.len() as i64;
    let reversed: Vec<i64> = (0..rank).rev().collect();
    let permutation = node.attributes.ints("perm")?.unwrap_or(&reversed);
    Ok(vec![node.transpose(node.input(0)?, permutation)?])
}

pub fn concat<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let axis = node.attributes.int("axis")?.ok_or("attribute 'axis' is missing")?;
    let axis = dimension(axis, node.input(0)?.shape()?.len(), false)?;
    let operands =
        (0..node.inputs.len()).map(|index| node.input(index).cloned()).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![node.concat(&operands, axis)?])
}

/// Sizes are given (attribute, operand since opset 13), or equal; since opset 18 the last may be smaller, down to nothing.
pub fn split<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let axis = dimension(node.attributes.int("axis")?.unwrap_or(0), shape.len(), false)?;
    let parts = node.proto.output.len() as i64;
    let given = node.ints("split", 1, 13)?;
    let declared = if node.opset >= 18 { node.attributes.int("num_outputs")? } else { None };
    if declared.is_some_and(|declared| declared != parts || given.is_some()) {
        return Err(format!("num_outputs {declared:?} does not fit {parts} outputs and split {given:?}"));
    }
    let extent = shape[axis];
    let sizes = match given {
        Some(sizes) => sizes,
        None if parts > 0 && (extent % parts == 0 || node.opset >= 18) => {
            let size = (extent + parts - 1) / parts;
            (0..parts).map(|index| if index + 1 < parts { size } else { extent - index * size }).collect()
        }
        None => return Err(format!("{extent} elements cannot be split into {parts} equal parts")),
    };
    let total = sizes.iter().try_fold(0i64, |sum, &size| sum.checked_add(size));
    if sizes.len() as i64 != parts || sizes.iter().any(|&size| size < 0) || total != Some(extent) {
        return Err(format!("cannot split {extent} elements into {sizes:?} for {parts} outputs"));
    }
    let mut start = 0;
    let mut outputs = Vec::new();
    for (index, &size) in sizes.iter().enumerate() {
        // Unused parts make no op; their place is kept by the operand itself, which nobody reads.
        let used = node.used.get(index).copied().unwrap_or(false);
        outputs.push(if used { node.slice_axis(input, axis, start, size, 1)? } else { input.clone() });
        start += size;
    }
    Ok(outputs)
}

/// Range of one dimension under ONNX's clamping: start, count and step.
fn clamped(extent: i64, start: i64, end: i64, step: i64) -> Result<(i64, i64, i64), String> {
    if step == 0 {
        return Err("a step is 0".into());
    }
    if extent == 0 {
        return Ok((0, 0, 1));
    }
    let (low, high) = if step > 0 { (0, extent) } else { (-1, extent - 1) };
    let clamp =
        |index: i64, low| (if index < 0 { index.saturating_add(extent) } else { index }).clamp(low, high);
    let (start, end) = (clamp(start, low.max(0)), clamp(end, low));
    let way = i128::from(end) - i128::from(start);
    let step_wide = i128::from(step);
    let count = ((way + step_wide - step_wide.signum()) / step_wide).max(0);
    let count = i64::try_from(count).map_err(|error| error.to_string())?;
    // A step beyond the dimension takes one element; keep it in range.
    Ok((start, count, if count <= 1 { 1 } else { step }))
}

pub fn slice<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let mut sizes = input.shape()?;
    let rank = sizes.len();
    let starts_given = node.ints("starts", 1, 10)?.ok_or("starts are missing")?;
    let ends = node.ints("ends", 2, 10)?.ok_or("ends are missing")?;
    let axes = node.ints("axes", 3, 10)?.unwrap_or_else(|| (0..starts_given.len() as i64).collect());
    let steps_given = if node.opset < 10 { None } else { node.ints("steps", 4, 10)? };
    let steps_given = steps_given.unwrap_or_else(|| vec![1; starts_given.len()]);
    if [&ends, &axes, &steps_given].iter().any(|values| values.len() != starts_given.len()) {
        return Err("starts, ends, axes and steps differ in length".into());
    }
    distinct(&axes, rank)?;
    let (mut starts, mut steps) = (vec![0; rank], vec![1; rank]);
    for (index, &axis) in axes.iter().enumerate() {
        let dim = dimension(axis, rank, false)?;
        (starts[dim], sizes[dim], steps[dim]) =
            clamped(sizes[dim], starts_given[index], ends[index], steps_given[index])?;
    }
    Ok(vec![node.slice(input, &starts, &sizes, &steps)?])
}

/// On constants any indices; of a tensor one index, or indices at equal distances.
pub fn gather<'c, 'a>(node: &Node<'_, 'c, 'a>) -> Outputs<'c, 'a> {
    let input = node.input(0)?;
    let shape = input.shape()?;
    let axis = dimension(node.attributes.int("axis")?.unwrap_or(0), shape.len(), false)?;
    let constant = node.known(1, "indices")?.ok_or("input 1 is missing")?;
    let indices = constant.ints()?;
    let indices = indices
        .iter()
        .map(|&index| dimension(index, usize::try_from(shape[axis]).unwrap_or(0), false))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| format!("an index of {indices:?} is outside of {}", shape[axis]))?;
    let picked = if let Some(data) = input.as_constant() {
        node.constant(data.gather(axis, &indices, &node.session.budget)?)
    } else {
        let at = |index: usize| indices.get(index).map(|&value| value as i64);
        let first = at(0).unwrap_or(0);
        let step = at(1).map_or(1, |second| second - first);
        let progression = (0..indices.len()).all(|index| at(index) == Some(first + index as i64 * step));
        if !progression || step == 0 {
            return Err(format!("indices {indices:?} are not at equal distances"));
        }
        node.slice_axis(input, axis, first, indices.len() as i64, step)?
    };
    let mut result = shape;
    result.splice(axis..=axis, constant.shape().iter().copied());
    Ok(vec![node.reshape(&picked, &result)?])
}
