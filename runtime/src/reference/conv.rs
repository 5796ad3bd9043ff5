//! Convolution.

use super::window::Windows;
use super::{Activation, Result, dims, ensure, finish, has_shape};
use crate::Tensor;

/// Attributes of a convolution, named as in `ait.conv2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// `[h, w]`
    pub strides: [usize; 2],
    /// `[top, left, bottom, right]`
    pub pads: [usize; 4],
    /// `[h, w]`
    pub dilations: [usize; 2],
    /// Groups of channels that do not mix.
    pub groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self { strides: [1; 2], pads: [0; 4], dilations: [1; 2], groups: 1 }
    }
}

/// `ait.conv2d`: input N x C x H x W, filter K x C/groups x KH x KW, bias K.
///
/// # Errors
/// When shapes do not fit.
pub fn conv2d(
    input: &Tensor,
    filter: &Tensor,
    bias: &Tensor,
    residual: Option<&Tensor>,
    conv: &Conv2d,
    act: Activation,
) -> Result<Tensor> {
    let ([n, c, h, w], [k, cg, kh, kw]) = (dims(input, "input")?, dims(filter, "filter")?);
    let groups = conv.groups;
    ensure(groups > 0 && cg.checked_mul(groups) == Some(c) && k % groups == 0, || {
        format!("cannot convolve {c} channels with a {k} x {cg} filter in {groups} groups")
    })?;
    has_shape(bias, "bias", &[k])?;
    let [rows, columns] = windows([h, w], [kh, kw], conv.strides, conv.pads, conv.dilations);
    let (oh, ow) = (rows.count(false)?, columns.count(false)?);
    let mut result = Tensor::zeros([n, k, oh, ow])?;
    let (x, f) = (input.data(), filter.data());
    for (i, out) in result.data_mut().iter_mut().enumerate() {
        let (image, channel, y0, x0) = (i / (k * oh * ow), i / (oh * ow) % k, i / ow % oh, i % ow);
        let first = channel / (k / groups) * cg;
        let mut sum = f64::from(bias.data()[channel]);
        for ci in 0..cg {
            for ky in 0..kh {
                let Some(iy) = rows.position(y0, ky) else { continue };
                for kx in 0..kw {
                    let Some(ix) = columns.position(x0, kx) else { continue };
                    let value = x[((image * c + first + ci) * h + iy) * w + ix];
                    sum += f64::from(value) * f64::from(f[((channel * cg + ci) * kh + ky) * kw + kx]);
                }
            }
        }
        *out = sum as f32;
    }
    finish(result, residual, act)
}

/// The windows along H and along W.
pub(super) fn windows(
    input: [usize; 2],
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 4],
    dilations: [usize; 2],
) -> [Windows; 2] {
    [0, 1].map(|d| Windows {
        input: input[d],
        kernel: kernel[d],
        stride: strides[d],
        dilation: dilations[d],
        before: pads[d],
        after: pads[d + 2],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor::new(shape, (0..count).map(|i| i as f32).collect()).unwrap()
    }

    #[test]
    fn padding_stride_and_bias() {
        // 3 x 3 ramp, 2 x 2 ones, padded above and left, stride 2.
        let ones = Tensor::full([1, 1, 2, 2], 1.0).unwrap();
        let conv = Conv2d { strides: [2, 2], pads: [1, 1, 0, 0], ..Conv2d::default() };
        let bias = Tensor::vector(vec![0.5]);
        let got = conv2d(&ramp(&[1, 1, 3, 3]), &ones, &bias, None, &conv, Activation::Identity).unwrap();
        assert_eq!((got.shape(), got.data()), ([1, 1, 2, 2].as_slice(), [0.5, 3.5, 9.5, 24.5].as_slice()));
    }

    #[test]
    fn groups_do_not_mix() {
        let filter = Tensor::new([2, 1, 1, 1], vec![10.0, 100.0]).unwrap();
        let conv = Conv2d { groups: 2, ..Conv2d::default() };
        let bias = Tensor::zeros([2]).unwrap();
        let got = conv2d(&ramp(&[1, 2, 1, 2]), &filter, &bias, None, &conv, Activation::Identity).unwrap();
        assert_eq!(got.data(), [0.0, 10.0, 200.0, 300.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let (x, bias) = (ramp(&[1, 2, 3, 3]), Tensor::zeros([2]).unwrap());
        let run =
            |filter: &[usize], conv| conv2d(&x, &ramp(filter), &bias, None, &conv, Activation::Identity);
        let plain = Conv2d::default();
        assert!(run(&[2, 1, 1, 1], plain).is_err());
        assert!(run(&[2, 2, 4, 1], plain).is_err());
        assert!(run(&[3, 2, 1, 1], plain).is_err());
        assert!(run(&[2, 2, 1, 1], Conv2d { groups: 0, ..plain }).is_err());
        assert!(run(&[2, 2, 1, 1], Conv2d { strides: [0, 1], ..plain }).is_err());
        assert!(run(&[2, 2, 1, 1], plain).is_ok());
    }
}
