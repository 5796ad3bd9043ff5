//! Products with packed weights: the shapes that `nm.td` states.

use super::order::Order;
use super::window::{self, Convolution};
use super::{Window, exactly, fits_registers, operand};
use crate::{Columns, nm};

/// The matrix that packed weights stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// The pattern of the weights.
    pub pattern: Columns,
    /// Its columns, kept or not.
    pub order: Order,
}

/// The reduction of an op.
///
/// # Errors
/// If its operands and attributes do not fit.
pub fn reduction(op: &nm::Op, shapes: &[&[i64]]) -> Result<Reduction, String> {
    Ok(match op {
        nm::Op::Conv2d(op) => Reduction { pattern: op.sparsity, order: order(op, &convolution(op, shapes)?) },
        nm::Op::Matmul(op) => {
            let k = *operand(shapes, 0)?.last().ok_or("needs a lhs of rank 2 or more")?;
            Reduction { pattern: op.sparsity, order: Order::whole(k) }
        }
    })
}

fn convolution(op: &nm::Conv2d, shapes: &[&[i64]]) -> Result<Convolution, String> {
    let window = Window::new(op.kernel, op.strides, op.pads, op.dilations)?;
    window::implementation(shapes, 4, &window, Some(op.algorithm), Some(op.groups))
}

fn order(op: &nm::Conv2d, convolution: &Convolution) -> Order {
    let Convolution { channels, k, .. } = *convolution;
    Order::of(op.algorithm, k / channels.max(1), channels, op.sparsity.kept_of(k))
}

/// Result shape of an `nm.conv2d`, whose packed weights are checked.
pub(super) fn conv2d(op: &nm::Conv2d, shapes: &[&[i64]]) -> Result<Vec<i64>, String> {
    let convolution = convolution(op, shapes)?;
    let (pattern, segment) = (op.sparsity, op.segment);
    fits_registers(pattern.tile, op.lmul)?;
    let order = order(op, &convolution);
    if segment != order.segment {
        let (algorithm, wanted) = (op.algorithm.name(), order.segment);
        return Err(format!(
            "has segments of {segment} columns, which are {wanted} in algorithm \"{algorithm}\""
        ));
    }
    let tiles = op.groups * ((convolution.rows + pattern.tile - 1) / pattern.tile);
    packed(shapes, pattern, tiles, convolution.k)?;
    exactly("starts", operand(shapes, 3)?, &[tiles, order.segments() + 1])?;
    Ok(convolution.shape)
}

/// Result shape of an `nm.matmul`, whose packed weights are checked.
pub(super) fn matmul(op: &nm::Matmul, shapes: &[&[i64]]) -> Result<Vec<i64>, String> {
    let pattern = op.sparsity;
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
