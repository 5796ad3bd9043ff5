//! Ops on tensors: what each computes, as its attributes say.

use super::{
    BinaryFn, Conv2d, Pool2d, ReferenceError, Result, activation, avg_pool2d, batch_norm, binary, concat,
    conv2d, gemm, global_avg_pool, global_max_pool, matmul, max_pool2d, pad, prelu, scale_bias, slice,
    softmax, transpose,
};
use crate::Tensor;
use ait_ops::ait::{self, Op};

/// The result of an op of `ait` on logical tensors, in the order of its operands.
///
/// # Errors
/// When operands and attributes do not fit, and of a constant, whose data the op does not have.
pub fn evaluate(op: &Op, x: &[&Tensor]) -> Result<Tensor> {
    let operand = |index: usize| {
        let missing = || ReferenceError::Invalid(format!("{} needs operand {index}", op.name()));
        x.get(index).copied().ok_or_else(missing)
    };
    let two = || Ok::<_, ReferenceError>((operand(0)?, operand(1)?));
    let three = || Ok::<_, ReferenceError>((operand(0)?, operand(1)?, operand(2)?));
    let arithmetic = |function, act| two().and_then(|(lhs, rhs)| binary(function, lhs, rhs, act));
    match op {
        Op::Constant(_) => Err(ReferenceError::Invalid("the data of a constant is beside the op".to_owned())),
        Op::Conv2d(op) => {
            let (input, filter, bias) = three()?;
            conv2d(input, filter, bias, x.get(3).copied(), &convolution(op)?, op.epilogue)
        }
        Op::Gemm(op) => {
            let (input, filter, bias) = three()?;
            gemm(input, filter, bias, x.get(3).copied(), op.epilogue)
        }
        Op::Matmul(_) => two().and_then(|(lhs, rhs)| matmul(lhs, rhs)),
        Op::BatchNorm(op) => {
            let (input, scale, bias) = three()?;
            batch_norm(input, scale, bias, operand(3)?, operand(4)?, op.epsilon)
        }
        Op::ScaleBias(op) => {
            three().and_then(|(input, scale, bias)| scale_bias(input, scale, bias, op.epilogue))
        }
        Op::Activation(op) => Ok(activation(operand(0)?.clone(), op.epilogue)),
        Op::Prelu(_) => two().and_then(|(input, slope)| prelu(input, slope)),
        Op::Add(op) => arithmetic(BinaryFn::Add, op.epilogue),
        Op::Sub(op) => arithmetic(BinaryFn::Sub, op.epilogue),
        Op::Mul(op) => arithmetic(BinaryFn::Mul, op.epilogue),
        Op::Div(op) => arithmetic(BinaryFn::Div, op.epilogue),
        Op::MaxPool2d(op) => {
            max_pool2d(operand(0)?, &window(op.kernel, op.strides, op.pads, op.dilations, op.ceil_mode)?)
        }
        Op::AvgPool2d(op) => {
            let pool = window(op.kernel, op.strides, op.pads, op.dilations, op.ceil_mode)?;
            avg_pool2d(operand(0)?, &pool, op.count_include_pad)
        }
        Op::GlobalAvgPool(_) => global_avg_pool(operand(0)?),
        Op::GlobalMaxPool(_) => global_max_pool(operand(0)?),
        Op::Softmax(op) => softmax(operand(0)?, size(op.axis)?),
        Op::Reshape(op) => Ok(operand(0)?.clone().reshape(sizes(&op.shape)?)?),
        Op::Transpose(op) => transpose(operand(0)?, &sizes(&op.permutation)?),
        Op::Concat(op) => two().and_then(|(lhs, rhs)| concat(lhs, rhs, size(op.axis)?)),
        Op::Slice(op) => slice(operand(0)?, &op.starts, &sizes(&op.sizes)?, &op.steps),
        Op::Pad(op) => pad(operand(0)?, &sizes(&op.low)?, &sizes(&op.high)?, op.value),
        Op::ConvertLayout(_) => operand(0).cloned(),
    }
}

fn convolution(op: &ait::Conv2d) -> Result<Conv2d> {
    Ok(Conv2d {
        strides: array(op.strides)?,
        pads: array(op.pads)?,
        dilations: array(op.dilations)?,
        groups: size(op.groups)?,
    })
}

fn window(
    kernel: [i64; 2],
    strides: [i64; 2],
    pads: [i64; 4],
    dilations: [i64; 2],
    ceil_mode: bool,
) -> Result<Pool2d> {
    let [kernel, strides, dilations] = [array(kernel)?, array(strides)?, array(dilations)?];
    Ok(Pool2d { kernel, strides, pads: array(pads)?, dilations, ceil_mode })
}

fn size(value: i64) -> Result<usize> {
    usize::try_from(value).map_err(|_| ReferenceError::Invalid(format!("{value} is not a size")))
}

fn sizes(values: &[i64]) -> Result<Vec<usize>> {
    values.iter().map(|&value| size(value)).collect()
}

fn array<const N: usize>(values: [i64; N]) -> Result<[usize; N]> {
    let mut sizes = [0; N];
    for (to, value) in sizes.iter_mut().zip(values) {
        *to = size(value)?;
    }
    Ok(sizes)
}
