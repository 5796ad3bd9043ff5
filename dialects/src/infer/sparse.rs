//! Products with packed weights: the shapes that `nm.td` states.

use super::order::Order;
use super::window::{self, Convolution};
use super::{exactly, fits_registers, kernel, operand};
use crate::attributes::Attributes;
use crate::nm::Columns;

/// The matrix that packed weights stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// The pattern of the weights.
    pub pattern: Columns,
    /// Its columns, kept or not.
    pub order: Order,
}

/// The reduction of an `nm` op.
///
/// # Errors
/// If the op is another, or its operands and attributes do not fit.
pub fn reduction(name: &str, shapes: &[&[i64]], attributes: &dyn Attributes) -> Result<Reduction, String> {
    let pattern = sparsity(attributes)?;
    if name == "nm.conv2d" {
        let convolution = window::implementation(shapes, 4, kernel(attributes)?, attributes)?;
        return Ok(Reduction { pattern, order: order(&convolution, attributes)? });
    }
    let k = *operand(shapes, 0)?.last().ok_or("needs a lhs of rank 2 or more")?;
    Ok(Reduction { pattern, order: Order::whole(k) })
}

fn sparsity(attributes: &dyn Attributes) -> Result<Columns, String> {
    Columns::of_attribute(attributes.get("sparsity").ok_or("has no sparsity")?)
}

fn order(convolution: &Convolution, attributes: &dyn Attributes) -> Result<Order, String> {
    let Convolution { channels, k, .. } = *convolution;
    let kept = sparsity(attributes)?.kept_of(k);
    Ok(Order::of(&attributes.string("algorithm")?, k / channels.max(1), channels, kept))
}

/// Checks the packed weights of an `nm.conv2d`.
pub(super) fn conv2d(
    shapes: &[&[i64]],
    convolution: &Convolution,
    attributes: &dyn Attributes,
) -> Result<(), String> {
    let Convolution { rows, k, .. } = *convolution;
    let (pattern, segment) = (sparsity(attributes)?, attributes.i64("segment")?);
    fits_registers(pattern.tile, attributes.i64("lmul")?)?;
    let order = order(convolution, attributes)?;
    if segment != order.segment {
        let (algorithm, wanted) = (attributes.string("algorithm")?, order.segment);
        return Err(format!(
            "has segments of {segment} columns, which are {wanted} in algorithm \"{algorithm}\""
        ));
    }
    let tiles = attributes.i64("groups")? * ((rows + pattern.tile - 1) / pattern.tile);
    packed(shapes, pattern, tiles, k)?;
    exactly("starts", operand(shapes, 3)?, &[tiles, order.segments() + 1])
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
