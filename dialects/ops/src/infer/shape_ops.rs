//! Ops that only move elements.

use super::Shape;

/// `axis` of an op over `shape`, in range.
pub(super) fn axis(axis: i64, shape: &[i64]) -> Result<usize, String> {
    usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < shape.len())
        .ok_or_else(|| format!("has axis {axis}, outside the dimensions of {shape:?}"))
}

pub(super) fn transpose(shape: &[i64], permutation: &[i64]) -> Shape {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    if sorted.len() != shape.len() || !sorted.iter().zip(0..).all(|(&dim, index)| dim == index) {
        return Err(format!("has permutation {permutation:?}, which is none of the dimensions of {shape:?}"));
    }
    let picked = permutation.iter().filter_map(|&dim| shape.get(usize::try_from(dim).ok()?).copied());
    Ok(picked.collect())
}

pub(super) fn concat(lhs: &[i64], rhs: &[i64], axis: i64) -> Shape {
    let axis = self::axis(axis, lhs)?;
    let fits = lhs.len() == rhs.len() && (0..lhs.len()).all(|dim| dim == axis || lhs[dim] == rhs[dim]);
    if !fits {
        return Err(format!("cannot concatenate {lhs:?} and {rhs:?} along {axis}"));
    }
    let mut shape = lhs.to_vec();
    shape[axis] += rhs[axis];
    Ok(shape)
}

pub(super) fn slice(shape: &[i64], [starts, sizes, steps]: [&[i64]; 3]) -> Shape {
    if [starts, sizes, steps].iter().any(|values| values.len() != shape.len()) {
        return Err(format!("needs {} starts, sizes and steps", shape.len()));
    }
    for (dim, &extent) in shape.iter().enumerate() {
        let (start, size, step) = (starts[dim], sizes[dim], steps[dim]);
        let last = size
            .checked_sub(1)
            .and_then(|steps| steps.checked_mul(step))
            .and_then(|way| way.checked_add(start));
        let inside = |at: i64| (0..extent).contains(&at);
        if size < 0 || step == 0 || (size > 0 && !(inside(start) && last.is_some_and(inside))) {
            return Err(format!(
                "takes {size} elements from {start} by {step} of {extent} in dimension {dim}"
            ));
        }
    }
    Ok(sizes.to_vec())
}

pub(super) fn pad(shape: &[i64], low: &[i64], high: &[i64]) -> Shape {
    let limit = 0..=1 << 24;
    if low.len() != shape.len()
        || high.len() != shape.len()
        || low.iter().chain(high).any(|pad| !limit.contains(pad))
    {
        return Err(format!("needs {} pads low and high, 0 to 2^24, not {low:?} and {high:?}", shape.len()));
    }
    Ok((0..shape.len()).map(|dim| low[dim] + shape[dim] + high[dim]).collect())
}
