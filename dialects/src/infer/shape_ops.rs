//! Ops that only move elements.

use super::{Inferred, Rule};
use crate::attributes::Attributes;

/// `axis` of an op over `shape`, in range.
pub(super) fn axis(attributes: &dyn Attributes, shape: &[i64]) -> Result<usize, String> {
    let axis = attributes.i64("axis")?;
    usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < shape.len())
        .ok_or_else(|| format!("has axis {axis}, outside the dimensions of {shape:?}"))
}

pub(super) fn transpose(shape: &[i64], permutation: &[i64]) -> Rule {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    if sorted.len() != shape.len() || !sorted.iter().zip(0..).all(|(&dim, index)| dim == index) {
        return Err(format!("has permutation {permutation:?}, which is none of the dimensions of {shape:?}"));
    }
    let picked = permutation.iter().filter_map(|&dim| shape.get(usize::try_from(dim).ok()?).copied());
    Ok(Inferred::Shape(picked.collect()))
}

pub(super) fn concat(lhs: &[i64], rhs: &[i64], attributes: &dyn Attributes) -> Rule {
    let axis = axis(attributes, lhs)?;
    let fits = lhs.len() == rhs.len() && (0..lhs.len()).all(|dim| dim == axis || lhs[dim] == rhs[dim]);
    if !fits {
        return Err(format!("cannot concatenate {lhs:?} and {rhs:?} along {axis}"));
    }
    let mut shape = lhs.to_vec();
    shape[axis] += rhs[axis];
    Ok(Inferred::Shape(shape))
}

pub(super) fn slice(shape: &[i64], attributes: &dyn Attributes) -> Rule {
    let [starts, sizes, steps] = ["starts", "sizes", "steps"].map(|name| attributes.i64_array(name));
    let (starts, sizes, steps) = (starts?, sizes?, steps?);
    if [&starts, &sizes, &steps].iter().any(|values| values.len() != shape.len()) {
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
    Ok(Inferred::Shape(sizes))
}

pub(super) fn pad(shape: &[i64], attributes: &dyn Attributes) -> Rule {
    let (low, high) = (attributes.i64_array("low")?, attributes.i64_array("high")?);
    attributes.f32("value")?;
    let limit = 0..=1 << 24;
    if low.len() != shape.len()
        || high.len() != shape.len()
        || low.iter().chain(&high).any(|pad| !limit.contains(pad))
    {
        return Err(format!("needs {} pads low and high, 0 to 2^24, not {low:?} and {high:?}", shape.len()));
    }
    Ok(Inferred::Shape((0..shape.len()).map(|dim| low[dim] + shape[dim] + high[dim]).collect()))
}
