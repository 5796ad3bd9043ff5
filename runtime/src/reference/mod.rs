//! The scalar reference of every op of the `ait` dialect, on logical (N x C x H x W) tensors.
//!
//! These loops are the oracle of kernels, rewrite rules and the constant folder: they say what an op
//! means, follow ONNX, accumulate in `f64`, and make no attempt at speed. [`evaluate`] computes an op as
//! its attributes say.

mod activation;
mod conv;
mod elementwise;
mod evaluate;
mod matmul;
mod movement;
mod pool;
mod softmax;
mod window;

pub use activation::activation;
pub use ait_ops::{Activation, BinaryFn};
pub use conv::{Conv2d, conv2d};
pub use elementwise::{batch_norm, binary, prelu, scale_bias};
pub use evaluate::evaluate;
pub use matmul::{gemm, matmul};
pub use movement::{concat, pad, slice, transpose};
pub use pool::{Pool2d, avg_pool2d, global_avg_pool, global_max_pool, max_pool2d};
pub use softmax::softmax;

use crate::tensor::{ShapeError, Tensor, row_major_strides};

/// Operands or attributes that do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// What does not fit.
    #[error("{0}")]
    Invalid(String),
    /// A result that would not fit memory.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The result of a reference op.
pub type Result<T> = std::result::Result<T, ReferenceError>;

/// `Ok` if `condition`, else the error `what` describes.
fn ensure(condition: bool, what: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(ReferenceError::Invalid(what())) }
}

fn dims<const RANK: usize>(tensor: &Tensor, name: &str) -> Result<[usize; RANK]> {
    tensor.shape().try_into().map_err(|_| {
        ReferenceError::Invalid(format!("{name} has shape {:?}, not of rank {RANK}", tensor.shape()))
    })
}

fn has_shape(tensor: &Tensor, name: &str, shape: &[usize]) -> Result<()> {
    ensure(tensor.shape() == shape, || format!("{name} has shape {:?}, not {shape:?}", tensor.shape()))
}

/// Adds `residual` of the same shape, then applies `act`: the end of every op with an epilogue.
fn finish(result: Tensor, residual: Option<&Tensor>, act: Activation) -> Result<Tensor> {
    let mut result = result;
    if let Some(residual) = residual {
        has_shape(residual, "residual", result.shape())?;
        result.data_mut().iter_mut().zip(residual.data()).for_each(|(x, r)| *x += r);
    }
    Ok(result.map(|x| act.apply(x)))
}

/// The tensor of `shape` whose element at index `i` is `input[offset + sum of i[d] * strides[d]]`; the
/// caller vouches that all of these exist.
fn gather(input: &Tensor, shape: &[usize], offset: i64, strides: &[i64]) -> Result<Tensor> {
    let mut result = Tensor::zeros(shape)?;
    let mut index = vec![0usize; shape.len()];
    let mut position = offset;
    for element in result.data_mut() {
        *element = input.data()[position as usize];
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            position += strides[d];
            if index[d] < shape[d] {
                break;
            }
            position -= strides[d] * shape[d] as i64;
            index[d] = 0;
        }
    }
    Ok(result)
}

/// Row-major strides of `shape` for [`gather`].
fn strides(shape: &[usize]) -> Vec<i64> {
    row_major_strides(shape).into_iter().map(|stride| stride as i64).collect()
}

/// The shape that two shapes broadcast to, as in numpy.
///
/// # Errors
/// When they do not.
pub fn broadcast_shape(lhs: &[usize], rhs: &[usize]) -> Result<Vec<usize>> {
    let rank = lhs.len().max(rhs.len());
    let dim = |shape: &[usize], d: usize| (d + shape.len()).checked_sub(rank).map_or(1, |d| shape[d]);
    (0..rank)
        .map(|d| match (dim(lhs, d), dim(rhs, d)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(ReferenceError::Invalid(format!("{lhs:?} and {rhs:?} do not broadcast"))),
        })
        .collect()
}

/// `tensor` repeated to `shape`, which it must broadcast to.
///
/// # Errors
/// When it does not.
pub fn broadcast_to(tensor: &Tensor, shape: &[usize]) -> Result<Tensor> {
    ensure(broadcast_shape(tensor.shape(), shape)? == shape, || {
        format!("{:?} does not broadcast to {shape:?}", tensor.shape())
    })?;
    let missing = shape.len() - tensor.rank();
    let mut steps = vec![0; missing];
    steps.extend(
        strides(tensor.shape()).iter().zip(tensor.shape()).map(|(&s, &dim)| if dim == 1 { 0 } else { s }),
    );
    gather(tensor, shape, 0, &steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        assert_eq!(broadcast_shape(&[2, 1, 3], &[4, 1]).unwrap(), [2, 4, 3]);
        assert_eq!(broadcast_shape(&[], &[5]).unwrap(), [5]);
        assert_eq!(broadcast_shape(&[0], &[1]).unwrap(), [0]);
        assert!(broadcast_shape(&[2], &[3]).is_err());
        assert!(broadcast_to(&Tensor::vector(vec![1.0, 2.0]), &[1]).is_err());
        let column = Tensor::new([2, 1], vec![1.0, 2.0]).unwrap();
        assert_eq!(broadcast_to(&column, &[1, 2, 2]).unwrap().data(), [1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn the_residual_comes_before_the_activation() {
        let result =
            finish(Tensor::vector(vec![-3.0, 1.0]), Some(&Tensor::vector(vec![5.0, -2.0])), Activation::Relu);
        assert_eq!(result.unwrap().data(), [2.0, 0.0]);
        assert!(finish(Tensor::scalar(1.0), Some(&Tensor::vector(vec![1.0])), Activation::Identity).is_err());
    }
}
