//! Matrix products.

use super::{Activation, Result, broadcast_shape, broadcast_to, dims, ensure, finish, has_shape};
use crate::Tensor;

/// `ait.gemm`: input M x K, filter N x K, bias N.
///
/// # Errors
/// When shapes do not fit.
pub fn gemm(
    input: &Tensor,
    filter: &Tensor,
    bias: &Tensor,
    residual: Option<&Tensor>,
    act: Activation,
) -> Result<Tensor> {
    let ([m, k], [n, filter_k]) = (dims(input, "input")?, dims(filter, "filter")?);
    ensure(k == filter_k, || format!("cannot multiply {m} x {k} with the transpose of {n} x {filter_k}"))?;
    has_shape(bias, "bias", &[n])?;
    let mut result = Tensor::zeros([m, n])?;
    for (i, out) in result.data_mut().iter_mut().enumerate() {
        let (row, column) = (i / n, i % n);
        let terms = input.data()[row * k..][..k].iter().zip(&filter.data()[column * k..][..k]);
        let sum: f64 = terms.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        *out = (sum + f64::from(bias.data()[column])) as f32;
    }
    finish(result, residual, act)
}

/// `ait.matmul`: over the last two dimensions; the others broadcast.
///
/// # Errors
/// When shapes do not fit or an operand has no two dimensions.
pub fn matmul(lhs: &Tensor, rhs: &Tensor) -> Result<Tensor> {
    let ((lhs_batch, [m, k]), (rhs_batch, [rhs_k, n])) = (matrix(lhs)?, matrix(rhs)?);
    ensure(k == rhs_k, || format!("cannot multiply {:?} with {:?}", lhs.shape(), rhs.shape()))?;
    let batch = broadcast_shape(lhs_batch, rhs_batch)?;
    let lhs = broadcast_to(lhs, &[batch.as_slice(), &[m, k]].concat())?;
    let rhs = broadcast_to(rhs, &[batch.as_slice(), &[k, n]].concat())?;
    let mut result = Tensor::zeros([batch.as_slice(), &[m, n]].concat())?;
    for (i, out) in result.data_mut().iter_mut().enumerate() {
        let (matrix, row, column) = (i / (m * n), i / n % m, i % n);
        let term = |j: usize| {
            f64::from(lhs.data()[(matrix * m + row) * k + j])
                * f64::from(rhs.data()[(matrix * k + j) * n + column])
        };
        *out = (0..k).map(term).sum::<f64>() as f32;
    }
    Ok(result)
}

fn matrix(tensor: &Tensor) -> Result<(&[usize], [usize; 2])> {
    match tensor.shape() {
        [batch @ .., rows, columns] => Ok((batch, [*rows, *columns])),
        shape => Err(super::ReferenceError::Invalid(format!("{shape:?} is no matrix"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_transposed() {
        let x = Tensor::new([1, 2], vec![1.0, 2.0]).unwrap();
        let f = Tensor::new([3, 2], vec![1.0, 0.0, 0.0, 1.0, 1.0, -1.0]).unwrap();
        let bias = Tensor::vector(vec![10.0, 0.0, 0.0]);
        assert_eq!(gemm(&x, &f, &bias, None, Activation::Relu).unwrap().data(), [11.0, 2.0, 0.0]);
        assert!(gemm(&f, &x, &bias, None, Activation::Relu).is_err());
    }

    #[test]
    fn batches_broadcast() {
        let a = Tensor::new([2, 1, 1, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let b = Tensor::new([2, 2, 1], vec![1.0, 1.0, 0.0, 2.0]).unwrap();
        let got = matmul(&a, &b).unwrap();
        assert_eq!((got.shape(), got.data()), ([2, 2, 1, 1].as_slice(), [3.0, 4.0, 7.0, 8.0].as_slice()));
        assert!(matmul(&a, &a).is_err());
        assert!(matmul(&Tensor::vector(vec![1.0]), &a).is_err());
    }
}
