//! The rules of `xnn`, `rvv` and `nm`: those of `ait`, with packed filters, and of registers.

use super::{Shape, Window, broadcast, elementwise, fits_registers, global_pool, operand, rank2, rank4};
use super::{sparse, window};
use crate::{BinaryFn, nm, rvv, xnn};

pub(super) fn xnn(op: &xnn::Op, shapes: &[&[i64]], init: &[i64]) -> Shape {
    use xnn::Op;
    match op {
        Op::Conv2d(op) => {
            let [_, kh, kw, _] = rank4(operand(shapes, 1)?, "filter")?;
            let window = Window::new([kh, kw], op.strides, op.pads, op.dilations)?;
            Ok(window::implementation(shapes, 2, &window, None, Some(op.groups))?.shape)
        }
        Op::FullyConnected(_) => {
            let ([m, k], [n, filter_k]) = (rank2(operand(shapes, 0)?)?, rank2(operand(shapes, 1)?)?);
            if k != filter_k {
                return Err(format!("cannot multiply {m} x {k} with the transpose of {n} x {filter_k}"));
            }
            Ok(vec![m, n])
        }
        Op::MaxPool2d(op) => pool(shapes, init, Window::new(op.kernel, op.strides, op.pads, op.dilations)?),
        // Its taps are adjacent.
        Op::AvgPool2d(op) => pool(shapes, init, Window::new(op.kernel, op.strides, op.pads, [1, 1])?),
        Op::GlobalAvgPool(_) => global_pool(shapes),
        Op::Binary(op) if op.function == BinaryFn::Prelu => {
            Err("has fn \"prelu\" where it knows add, sub, mul, div".to_owned())
        }
        Op::Binary(_) => broadcast(operand(shapes, 0)?, operand(shapes, 1)?),
        Op::Unary(_) | Op::Softmax(_) => Ok(operand(shapes, 0)?.to_vec()),
    }
}

pub(super) fn rvv(op: &rvv::Op, shapes: &[&[i64]], init: &[i64]) -> Shape {
    use rvv::Op;
    registers(op)?;
    match op {
        Op::Conv2d(op) => {
            let window = Window::new(op.kernel, op.strides, op.pads, op.dilations)?;
            let convolution =
                window::implementation(shapes, 2, &window, Some(op.algorithm), Some(op.groups))?;
            window::packed_filter(shapes, &convolution, op.groups, op.tile)?;
            Ok(convolution.shape)
        }
        Op::SplitPhases(op) => {
            let input = rank4(operand(shapes, 0)?, "input")?;
            Window::new(op.kernel, op.strides, op.pads, op.dilations)?.split_shape(input)
        }
        Op::DepthwiseConv2d(op) => {
            let [_, kh, kw] =
                <[i64; 3]>::try_from(operand(shapes, 1)?).map_err(|_| "needs a filter of rank 3")?;
            let window = Window::new([kh, kw], op.strides, op.pads, op.dilations)?;
            Ok(window::implementation(shapes, 2, &window, None, None)?.shape)
        }
        Op::Matmul(_) => elementwise::matmul(operand(shapes, 0)?, operand(shapes, 1)?),
        Op::Pool2d(op) => pool(shapes, init, Window::new(op.kernel, op.strides, op.pads, op.dilations)?),
        Op::GlobalPool(_) => global_pool(shapes),
        Op::Binary(_) => broadcast(operand(shapes, 0)?, operand(shapes, 1)?),
        Op::ScaleBias(_) | Op::Unary(_) | Op::Softmax(_) | Op::Copy(_) => Ok(operand(shapes, 0)?.to_vec()),
        Op::Fill(_) => Ok(init.to_vec()),
        Op::View(_) | Op::Constant(_) => Err("has a buffer, which no rule infers".to_owned()),
    }
}

pub(super) fn nm(op: &nm::Op, shapes: &[&[i64]]) -> Shape {
    match op {
        nm::Op::Conv2d(op) => {
            group(op.lmul, None, Some(op.unroll))?;
            sparse::conv2d(op, shapes)
        }
        nm::Op::Matmul(op) => {
            group(op.lmul, Some(op.rows), None)?;
            sparse::matmul(op, shapes)
        }
    }
}

/// The window of a pool was rounded when the result's shape was made: either rounding may have given it.
fn pool(shapes: &[&[i64]], init: &[i64], window: Window) -> Shape {
    window::pool2d_written(rank4(operand(shapes, 0)?, "input")?, init, &window)
}

fn registers(op: &rvv::Op) -> Result<(), String> {
    use rvv::Op;
    match op {
        Op::Conv2d(op) => group(op.lmul, Some(op.tile), Some(op.unroll)),
        Op::Matmul(op) => group(op.lmul, Some(op.tile), None),
        Op::SplitPhases(rvv::SplitPhases { lmul, .. })
        | Op::DepthwiseConv2d(rvv::DepthwiseConv2d { lmul, .. })
        | Op::Pool2d(rvv::Pool2d { lmul, .. })
        | Op::GlobalPool(rvv::GlobalPool { lmul, .. })
        | Op::Binary(rvv::Binary { lmul, .. })
        | Op::ScaleBias(rvv::ScaleBias { lmul, .. })
        | Op::Unary(rvv::Unary { lmul, .. })
        | Op::Softmax(rvv::Softmax { lmul, .. })
        | Op::Copy(rvv::Copy { lmul, .. })
        | Op::Fill(rvv::Fill { lmul, .. }) => group(*lmul, None, None),
        Op::View(_) | Op::Constant(_) => Ok(()),
    }
}

/// The register file has 32 registers: groups of `lmul` for the accumulators, and one for an operand.
fn group(lmul: i64, accumulators: Option<i64>, unroll: Option<i64>) -> Result<(), String> {
    if ![1, 2, 4, 8].contains(&lmul) {
        return Err(format!("has lmul {lmul}, which is not 1, 2, 4 or 8"));
    }
    accumulators.map_or(Ok(()), |accumulators| fits_registers(accumulators, lmul))?;
    match unroll.filter(|unroll| ![1, 2, 4, 8].contains(unroll)) {
        Some(unroll) => Err(format!("has unroll {unroll}, which is not 1, 2, 4 or 8")),
        None => Ok(()),
    }
}
