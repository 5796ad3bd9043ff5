//! Shape rules: one per op, for the verifier, the builder and the e-graph.
//!
//! A rule is a function of operand shapes and attributes; messages continue "op ...".

mod blocks;
mod elementwise;
mod implementation;
mod order;
mod shape_ops;
mod sparse;
mod window;

use crate::{Op, Operand, ait, elements};
pub use blocks::{Blocks, Loops, MOST_POSITIONS, ceil_div, plane_stride};
pub use elementwise::broadcast;
pub use order::{Order, PACKED_SEGMENT};
pub use sparse::{Reduction, reduction};
pub use window::{Window, conv2d_shape, output_size};

/// A shape, or why operands and attributes do not fit.
type Shape = Result<Vec<i64>, String>;

/// The shape of an op's result, from the shapes of its operands in their order.
///
/// # Errors
/// The rule that is broken, with the shapes and attributes involved.
pub fn infer(op: &Op, shapes: &[&[i64]]) -> Result<Vec<i64>, String> {
    match op {
        Op::Ait(op) => computed(op, shapes),
        Op::Xnn(own) => written(op, shapes, |init| implementation::xnn(own, shapes, init)),
        Op::Rvv(own) => written(op, shapes, |init| implementation::rvv(own, shapes, init)),
        Op::Nm(own) => written(op, shapes, |_| implementation::nm(own, shapes)),
    }
}

/// In destination-passing style: what the rule infers is the shape of `init`, and of the residual, if there is one.
fn written(op: &Op, shapes: &[&[i64]], rule: impl FnOnce(&[i64]) -> Shape) -> Shape {
    let init = op.position(Operand::Init).ok_or("has a buffer, which no rule infers")?;
    let written = operand(shapes, init)?;
    let inferred = rule(written)?;
    exactly("init", written, &inferred)?;
    with_residual(shapes, init + 1, inferred)
}

/// What the network computes.
fn computed(op: &ait::Op, shapes: &[&[i64]]) -> Shape {
    use ait::Op;
    match op {
        Op::Constant(op) => Ok(op.value.shape.clone()),
        Op::Conv2d(op) => conv2d(op, shapes),
        Op::Gemm(_) => {
            let ([m, k], [n, filter_k]) = (rank2(operand(shapes, 0)?)?, rank2(operand(shapes, 1)?)?);
            if k != filter_k {
                return Err(format!("cannot multiply {m} x {k} with the transpose of {n} x {filter_k}"));
            }
            exactly("bias", operand(shapes, 2)?, &[n])?;
            with_residual(shapes, 3, vec![m, n])
        }
        Op::Matmul(_) => elementwise::matmul(operand(shapes, 0)?, operand(shapes, 1)?),
        Op::BatchNorm(_) => elementwise::per_channel(shapes, &["scale", "bias", "mean", "variance"]),
        Op::ScaleBias(_) => elementwise::per_channel(shapes, &["scale", "bias"]),
        Op::Activation(_) => same(shapes),
        Op::Prelu(_) => elementwise::broadcast_into(operand(shapes, 0)?, operand(shapes, 1)?),
        Op::Add(_) | Op::Sub(_) | Op::Mul(_) | Op::Div(_) => {
            broadcast(operand(shapes, 0)?, operand(shapes, 1)?)
        }
        Op::MaxPool2d(op) => {
            let window = Window::new(op.kernel, op.strides, op.pads, op.dilations)?;
            window::pool2d_shape(rank4(operand(shapes, 0)?, "input")?, &window, op.ceil_mode)
        }
        Op::AvgPool2d(op) => {
            let window = Window::new(op.kernel, op.strides, op.pads, op.dilations)?;
            window::pool2d_shape(rank4(operand(shapes, 0)?, "input")?, &window, op.ceil_mode)
        }
        Op::GlobalAvgPool(_) | Op::GlobalMaxPool(_) => global_pool(shapes),
        Op::Softmax(op) => shape_ops::axis(op.axis, operand(shapes, 0)?).and_then(|_| same(shapes)),
        Op::Reshape(op) => reshape(operand(shapes, 0)?, &op.shape),
        Op::Transpose(op) => shape_ops::transpose(operand(shapes, 0)?, &op.permutation),
        Op::Concat(op) => shape_ops::concat(operand(shapes, 0)?, operand(shapes, 1)?, op.axis),
        Op::Slice(op) => shape_ops::slice(operand(shapes, 0)?, [&op.starts, &op.sizes, &op.steps]),
        Op::Pad(op) => shape_ops::pad(operand(shapes, 0)?, &op.low, &op.high),
        Op::ConvertLayout(_) => rank4(operand(shapes, 0)?, "input").and_then(|_| same(shapes)),
    }
}

fn conv2d(op: &ait::Conv2d, shapes: &[&[i64]]) -> Shape {
    let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
    let [k, cg, kh, kw] = rank4(operand(shapes, 1)?, "filter")?;
    let groups = op.groups;
    if groups < 1 || c != cg.checked_mul(groups).unwrap_or(-1) || k % groups != 0 {
        return Err(format!("cannot convolve {c} channels with a {k} x {cg} filter in {groups} groups"));
    }
    exactly("bias", operand(shapes, 2)?, &[k])?;
    let window = Window::new([kh, kw], op.strides, op.pads, op.dilations)?;
    with_residual(shapes, 3, conv2d_shape([n, k, h, w], &window)?)
}

fn reshape(from: &[i64], to: &[i64]) -> Shape {
    if elements(from)? != elements(to)? {
        return Err(format!("cannot reshape {from:?} to {to:?}"));
    }
    Ok(to.to_vec())
}

fn global_pool(shapes: &[&[i64]]) -> Shape {
    let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
    if h == 0 || w == 0 {
        return Err(format!("pools over an empty image of {h} x {w}"));
    }
    Ok(vec![n, c, 1, 1])
}

fn same(shapes: &[&[i64]]) -> Shape {
    Ok(operand(shapes, 0)?.to_vec())
}

fn with_residual(shapes: &[&[i64]], index: usize, result: Vec<i64>) -> Shape {
    if let Some(residual) = shapes.get(index) {
        exactly("residual", residual, &result)?;
    }
    Ok(result)
}

fn operand<'s>(shapes: &[&'s [i64]], index: usize) -> Result<&'s [i64], String> {
    shapes.get(index).copied().ok_or_else(|| format!("needs operand {index}"))
}

fn rank4(shape: &[i64], what: &str) -> Result<[i64; 4], String> {
    shape.try_into().map_err(|_| format!("needs an {what} of rank 4, not {shape:?}"))
}

fn rank2(shape: &[i64]) -> Result<[i64; 2], String> {
    shape.try_into().map_err(|_| format!("needs matrices, not {shape:?}"))
}

fn exactly(what: &str, shape: &[i64], wanted: &[i64]) -> Result<(), String> {
    if shape == wanted {
        return Ok(());
    }
    Err(format!("needs {what} of shape {wanted:?}, not {shape:?}"))
}

fn fits_registers(accumulators: i64, lmul: i64) -> Result<(), String> {
    if accumulators < 1 || accumulators >= 32 / lmul {
        return Err(format!("does not fit 32 vector registers: ({accumulators} + 1) * {lmul}"));
    }
    Ok(())
}
