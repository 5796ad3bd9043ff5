//! Products with packed weights: the shapes that `nm.td` states.

use super::window::{self, Convolution};
use super::{exactly, fits_registers, kernel, operand};
use crate::attributes::Attributes;
use crate::nm::Columns;

/// Columns of a segment of the reduction where vectors come from packed strips.
pub const PACKED_SEGMENT: i64 = 128;

/// Columns of a segment of an `nm.conv2d`: a tap's channels where taps are read in place, which have one address.
pub fn segment_of(algorithm: &str, channels: i64) -> i64 {
    if algorithm == "packed" { PACKED_SEGMENT } else { channels }
}

/// The matrix that packed weights stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// The pattern of the weights.
    pub pattern: Columns,
    /// Columns, kept or not.
    pub k: i64,
    /// Columns of a segment.
    pub segment: i64,
}

/// The reduction of an `nm` op.
///
/// # Errors
/// If the op is another, or its operands and attributes do not fit.
pub fn reduction(name: &str, shapes: &[&[i64]], attributes: &dyn Attributes) -> Result<Reduction, String> {
    let pattern = sparsity(attributes)?;
    if name == "nm.conv2d" {
        let k = window::implementation(shapes, 4, kernel(attributes)?, attributes)?.k;
        return Ok(Reduction { pattern, k, segment: attributes.i64("segment")? });
    }
    let k = *operand(shapes, 0)?.last().ok_or("needs a lhs of rank 2 or more")?;
    Ok(Reduction { pattern, k, segment: k.max(1) })
}

fn sparsity(attributes: &dyn Attributes) -> Result<Columns, String> {
    Columns::of_attribute(attributes.get("sparsity").ok_or("has no sparsity")?)
}

/// Checks the packed weights of an `nm.conv2d`.
pub(super) fn conv2d(
    shapes: &[&[i64]],
    convolution: &Convolution,
    attributes: &dyn Attributes,
) -> Result<(), String> {
    let Convolution { rows, channels, k, .. } = *convolution;
    let (pattern, segment) = (sparsity(attributes)?, attributes.i64("segment")?);
    fits_registers(pattern.tile, attributes.i64("lmul")?)?;
    let algorithm = attributes.string("algorithm")?;
    let wanted = segment_of(&algorithm, channels);
    if segment != wanted || segment < 1 {
        return Err(format!(
            "has segments of {segment} columns, which are {wanted} in algorithm \"{algorithm}\""
        ));
    }
    let tiles = attributes.i64("groups")? * ((rows + pattern.tile - 1) / pattern.tile);
    packed(shapes, pattern, tiles, k)?;
    exactly("starts", operand(shapes, 3)?, &[tiles, (k + segment - 1) / segment + 1])
}

/// Result shape of an `nm.matmul`, whose packed weights are checked.
pub(super) fn matmul(shapes: &[&[i64]], attributes: &dyn Attributes) -> Result<Vec<i64>, String> {
    let pattern = sparsity(attributes)?;
    let [leading @ .., k] = operand(shapes, 0)? else {
        return Err("needs a lhs of rank 2 or more".to_string());
    };
    if leading.is_empty() {
        return Err("needs a lhs of rank 2 or more".to_string());
    }
    let [n] = <[i64; 1]>::try_from(operand(shapes, 3)?).map_err(|_| "needs a bias of rank 1")?;
    packed(shapes, pattern, (n + pattern.tile - 1) / pattern.tile, *k)?;
    Ok(leading.iter().copied().chain([n]).collect())
}

fn packed(shapes: &[&[i64]], pattern: Columns, tiles: i64, k: i64) -> Result<(), String> {
    let kept = pattern.kept_of(k);
    exactly("values", operand(shapes, 1)?, &[tiles, kept, pattern.tile])?;
    exactly("columns", operand(shapes, 2)?, &[tiles, kept])
}
