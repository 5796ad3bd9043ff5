//! Ops that only move elements.

use super::{Result, ensure, gather, strides};
use crate::Tensor;

/// `ait.transpose`: dimension i of the result is dimension `permutation[i]` of `input`.
///
/// # Errors
/// When it is no permutation of the dimensions.
pub fn transpose(input: &Tensor, permutation: &[usize]) -> Result<Tensor> {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    ensure(sorted.into_iter().eq(0..input.rank()), || {
        format!("{permutation:?} is no permutation of the dimensions of {:?}", input.shape())
    })?;
    let steps = strides(input.shape());
    let shape: Vec<usize> = permutation.iter().map(|&d| input.shape()[d]).collect();
    gather(input, &shape, 0, &permutation.iter().map(|&d| steps[d]).collect::<Vec<_>>())
}

/// `ait.slice`: `result[i] = input[starts + i * steps]`, `sizes` elements; steps may be negative.
///
/// # Errors
/// When an array does not have the rank of `input`, a step is 0, or an element lies outside.
pub fn slice(input: &Tensor, starts: &[i64], sizes: &[usize], steps: &[i64]) -> Result<Tensor> {
    let rank = input.rank();
    let what = || format!("slice {starts:?} {sizes:?} {steps:?} does not fit {:?}", input.shape());
    ensure([starts.len(), sizes.len(), steps.len()] == [rank; 3], what)?;
    for d in 0..rank {
        let last = i64::try_from(sizes[d])
            .ok()
            .and_then(|size| steps[d].checked_mul((size - 1).max(0)))
            .and_then(|distance| starts[d].checked_add(distance));
        let inside = |at: i64| usize::try_from(at).is_ok_and(|at| at < input.shape()[d]);
        ensure(steps[d] != 0 && (sizes[d] == 0 || inside(starts[d]) && last.is_some_and(inside)), what)?;
    }
    if sizes.contains(&0) {
        return Ok(Tensor::zeros(sizes)?);
    }
    let dense = strides(input.shape());
    let offset = starts.iter().zip(&dense).map(|(start, stride)| start * stride).sum();
    // A step along a dimension of one element is never taken, and might overflow.
    let step = |d: usize| if sizes[d] == 1 { 0 } else { steps[d] * dense[d] };
    gather(input, sizes, offset, &(0..rank).map(step).collect::<Vec<_>>())
}

/// `ait.concat`: `lhs` followed by `rhs` along `axis`.
///
/// # Errors
/// When there is no such axis or another dimension differs.
pub fn concat(lhs: &Tensor, rhs: &Tensor, axis: usize) -> Result<Tensor> {
    let (a, b) = (lhs.shape(), rhs.shape());
    let what = || format!("cannot concatenate {a:?} and {b:?} along {axis}");
    ensure(axis < a.len() && a.len() == b.len(), what)?;
    ensure((0..a.len()).all(|d| d == axis || a[d] == b[d]), what)?;
    let mut shape = a.to_vec();
    shape[axis] = a[axis].saturating_add(b[axis]);
    let mut result = Tensor::zeros(shape)?;
    let inner: usize = a[axis + 1..].iter().product();
    let (left, right) = (a[axis] * inner, b[axis] * inner);
    if left + right > 0 {
        for (i, row) in result.data_mut().chunks_exact_mut(left + right).enumerate() {
            row[..left].copy_from_slice(&lhs.data()[i * left..][..left]);
            row[left..].copy_from_slice(&rhs.data()[i * right..][..right]);
        }
    }
    Ok(result)
}

/// `ait.pad`: `low[d]` elements before and `high[d]` after, all `value`.
///
/// # Errors
/// When an array does not have the rank of `input` or the result would not fit memory.
pub fn pad(input: &Tensor, low: &[usize], high: &[usize], value: f32) -> Result<Tensor> {
    let rank = input.rank();
    ensure(low.len() == rank && high.len() == rank, || {
        format!("cannot pad {:?} by {low:?} and {high:?}", input.shape())
    })?;
    let padded = |d: usize| input.shape()[d].saturating_add(low[d]).saturating_add(high[d]);
    let mut result = Tensor::full((0..rank).map(padded).collect::<Vec<_>>(), value)?;
    let (from, to) = (strides(input.shape()), strides(result.shape()));
    for (i, &x) in input.data().iter().enumerate() {
        let index = |d: usize| i / from[d] as usize % input.shape()[d] + low[d];
        let at: usize = (0..rank).map(|d| index(d) * to[d] as usize).sum();
        result.data_mut()[at] = x;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor::new(shape, (0..count).map(|i| i as f32).collect()).unwrap()
    }

    #[test]
    fn transposes() {
        let got = transpose(&ramp(&[1, 2, 3]), &[2, 0, 1]).unwrap();
        assert_eq!(
            (got.shape(), got.data()),
            ([3, 1, 2].as_slice(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0].as_slice())
        );
        assert!(transpose(&ramp(&[2, 3]), &[0, 0]).is_err());
        assert!(transpose(&ramp(&[2, 3]), &[0]).is_err());
    }

    #[test]
    fn slices() {
        let x = ramp(&[3, 4]);
        assert_eq!(slice(&x, &[2, 3], &[2, 2], &[-2, -3]).unwrap().data(), [11.0, 8.0, 3.0, 0.0]);
        assert_eq!(slice(&x, &[1, 0], &[1, 2], &[i64::MAX, 2]).unwrap().data(), [4.0, 6.0]);
        assert_eq!(slice(&x, &[3, 0], &[0, 2], &[1, 1]).unwrap().shape(), [0, 2]);
        for (start, size, step) in [(3, 1, 1), (-1, 1, 1), (0, 4, 1), (1, 3, -1), (0, 2, i64::MAX), (0, 1, 0)]
        {
            assert!(slice(&x, &[start, 0], &[size, 1], &[step, 1]).is_err(), "{start} {size} {step}");
        }
        assert!(slice(&x, &[0], &[1], &[1]).is_err());
        assert!(slice(&x, &[0, 0], &[usize::MAX, 1], &[1, 1]).is_err());
    }

    #[test]
    fn concatenates() {
        let (a, b) = (ramp(&[2, 1]), ramp(&[2, 2]));
        assert_eq!(concat(&a, &b, 1).unwrap().data(), [0.0, 0.0, 1.0, 1.0, 2.0, 3.0]);
        assert_eq!(concat(&a, &a, 0).unwrap().shape(), [4, 1]);
        assert!(concat(&a, &b, 0).is_err());
        assert!(concat(&a, &a, 2).is_err());
        assert!(concat(&a, &ramp(&[2]), 0).is_err());
        assert_eq!(concat(&ramp(&[0, 1]), &ramp(&[0, 2]), 1).unwrap().shape(), [0, 3]);
    }

    #[test]
    fn pads() {
        let got = pad(&ramp(&[1, 2]), &[1, 0], &[0, 1], 7.0).unwrap();
        assert_eq!((got.shape(), got.data()), ([2, 3].as_slice(), [7.0, 7.0, 7.0, 0.0, 1.0, 7.0].as_slice()));
        assert!(pad(&ramp(&[2]), &[usize::MAX], &[0], 0.0).is_err());
        assert!(pad(&ramp(&[2]), &[], &[], 0.0).is_err());
    }
}
