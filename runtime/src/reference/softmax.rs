//! Softmax.

use super::{Result, ensure};
use crate::Tensor;

/// `ait.softmax`: exp(x - max) / sum along `axis` (0 to rank - 1).
///
/// # Errors
/// When there is no such axis.
pub fn softmax(input: &Tensor, axis: usize) -> Result<Tensor> {
    ensure(axis < input.rank(), || format!("{:?} has no axis {axis}", input.shape()))?;
    let (length, inner) = (input.shape()[axis], input.shape()[axis + 1..].iter().product::<usize>());
    let mut result = input.clone();
    for i in (0..input.len()).filter(|i| i / inner % length == 0) {
        let line = || (0..length).map(|j| i + j * inner);
        let max = line().map(|at| input.data()[at]).fold(f32::NEG_INFINITY, f32::max);
        let power = |at: usize| (f64::from(input.data()[at]) - f64::from(max)).exp();
        let sum: f64 = line().map(power).sum();
        line().for_each(|at| result.data_mut()[at] = (power(at) / sum) as f32);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_one_along_the_axis() {
        let ln = |x: f32| x.ln();
        let x = Tensor::new([2, 2], vec![ln(1.0), ln(2.0), ln(3.0), ln(2.0)]).unwrap();
        let close = |got: Tensor, expected: [f32; 4]| {
            assert!(got.data().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?}");
        };
        close(softmax(&x, 0).unwrap(), [0.25, 0.5, 0.75, 0.5]);
        close(softmax(&x, 1).unwrap(), [1.0 / 3.0, 2.0 / 3.0, 0.6, 0.4]);
        close(softmax(&x.map(|x| x + 64.0), 0).unwrap(), [0.25, 0.5, 0.75, 0.5]);
        assert!(softmax(&Tensor::scalar(1.0), 0).is_err());
    }
}
