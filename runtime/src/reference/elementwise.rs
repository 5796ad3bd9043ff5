//! Arithmetic with broadcasting, and per-channel scaling.

use super::{Activation, BinaryFn, Result, broadcast_shape, broadcast_to, ensure, finish, has_shape};
use crate::Tensor;

/// `ait.add`, `ait.sub`, `ait.mul`, `ait.div`: numpy broadcasting, then `act`. ([`prelu`] broadcasts one side only.)
///
/// # Errors
/// When the shapes do not broadcast.
pub fn binary(f: BinaryFn, lhs: &Tensor, rhs: &Tensor, act: Activation) -> Result<Tensor> {
    let shape = broadcast_shape(lhs.shape(), rhs.shape())?;
    let mut result = broadcast_to(lhs, &shape)?;
    let rhs = broadcast_to(rhs, &shape)?;
    for (a, &b) in result.data_mut().iter_mut().zip(rhs.data()) {
        *a = match f {
            BinaryFn::Add => *a + b,
            BinaryFn::Sub => *a - b,
            BinaryFn::Mul => *a * b,
            BinaryFn::Div => *a / b,
            BinaryFn::Prelu => {
                if *a < 0.0 {
                    *a * b
                } else {
                    *a
                }
            }
        };
    }
    finish(result, None, act)
}

/// `ait.prelu`: `slope` must broadcast to `input`, not the other way round.
///
/// # Errors
/// When it does not.
pub fn prelu(input: &Tensor, slope: &Tensor) -> Result<Tensor> {
    let slope = broadcast_to(slope, input.shape())?;
    let mut result = input.clone();
    for (x, slope) in result.data_mut().iter_mut().zip(slope.data()).filter(|(x, _)| **x < 0.0) {
        *x *= slope;
    }
    Ok(result)
}

/// `ait.scale_bias`: act(input * scale + bias) per channel (dimension 1).
///
/// # Errors
/// When `scale` or `bias` do not have the channels of `input`.
pub fn scale_bias(input: &Tensor, scale: &Tensor, bias: &Tensor, act: Activation) -> Result<Tensor> {
    let parameters = [(scale, "scale"), (bias, "bias")];
    let result = per_channel(input, parameters, |x, [scale, bias]| x * scale + bias)?;
    finish(result, None, act)
}

/// `ait.batch_norm`: (input - mean) / sqrt(variance + epsilon) * scale + bias per channel.
///
/// # Errors
/// When a parameter does not have the channels of `input`.
pub fn batch_norm(
    input: &Tensor,
    scale: &Tensor,
    bias: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    let parameters = [(scale, "scale"), (bias, "bias"), (mean, "mean"), (variance, "variance")];
    per_channel(input, parameters, |x, [scale, bias, mean, variance]| {
        (x - mean) / (variance + f64::from(epsilon)).sqrt() * scale + bias
    })
}

fn per_channel<const N: usize>(
    input: &Tensor,
    parameters: [(&Tensor, &str); N],
    f: impl Fn(f64, [f64; N]) -> f64,
) -> Result<Tensor> {
    ensure(input.rank() >= 2, || format!("input has shape {:?}, without channels", input.shape()))?;
    let channels = input.shape()[1];
    for (parameter, name) in parameters {
        has_shape(parameter, name, &[channels])?;
    }
    let area: usize = input.shape()[2..].iter().product();
    let mut result = input.clone();
    for (i, x) in result.data_mut().iter_mut().enumerate() {
        let channel = i / area % channels;
        *x = f(f64::from(*x), parameters.map(|(parameter, _)| f64::from(parameter.data()[channel]))) as f32;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prelu_broadcasts_one_way() {
        let x = Tensor::new([2, 1, 2], vec![-1.0, 1.0, -2.0, 2.0]).unwrap();
        let slope = Tensor::new([2, 1, 1], vec![0.5, 0.25]).unwrap();
        assert_eq!(prelu(&x, &slope).unwrap().data(), [-0.5, 1.0, -0.5, 2.0]);
        assert!(prelu(&x, &Tensor::zeros([2, 2, 2]).unwrap()).is_err());
    }

    #[test]
    fn channels_are_dimension_one() {
        let x = Tensor::new([1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let [scale, bias, mean, variance] =
            [[2.0, 1.0], [0.0, 1.0], [1.0, 3.0], [3.0, 0.0]].map(|v| Tensor::vector(v.to_vec()));
        assert_eq!(
            batch_norm(&x, &scale, &bias, &mean, &variance, 1.0).unwrap().data(),
            [0.0, 1.0, 1.0, 2.0]
        );
        assert_eq!(scale_bias(&x, &scale, &bias, Activation::Identity).unwrap().data(), [2.0, 4.0, 4.0, 5.0]);
        assert!(scale_bias(&x, &Tensor::vector(vec![1.0]), &bias, Activation::Identity).is_err());
        assert!(scale_bias(&scale, &scale, &bias, Activation::Identity).is_err());
    }

    #[test]
    fn the_activation_comes_last() {
        let (a, b) = (Tensor::vector(vec![1.0, 5.0]), Tensor::scalar(3.0));
        assert_eq!(binary(BinaryFn::Sub, &a, &b, Activation::Relu).unwrap().data(), [0.0, 2.0]);
        assert_eq!(
            binary(BinaryFn::Div, &b, &Tensor::scalar(0.0), Activation::Identity).unwrap().data(),
            [f32::INFINITY]
        );
    }
}
