//! Pooling.

use super::conv::windows;
use super::{Result, dims, ensure};
use crate::Tensor;

/// Attributes of a pool, named as in `ait.max_pool2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool2d {
    /// `[h, w]`
    pub kernel: [usize; 2],
    /// `[h, w]`
    pub strides: [usize; 2],
    /// `[top, left, bottom, right]`
    pub pads: [usize; 4],
    /// `[h, w]`
    pub dilations: [usize; 2],
    /// Whether a last window that hangs over the end counts.
    pub ceil_mode: bool,
}

impl Pool2d {
    /// Adjacent windows without padding.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, strides: kernel, pads: [0; 4], dilations: [1; 2], ceil_mode: false }
    }
}

/// `ait.max_pool2d`: padding counts as -inf.
///
/// # Errors
/// When the input is not of rank 4 or the window does not fit.
pub fn max_pool2d(input: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    pool2d(input, pool, |taps| taps.iter().filter_map(|tap| *tap).fold(f32::NEG_INFINITY, max))
}

/// `ait.avg_pool2d`: the mean of the taps inside the input, or with `count_include_pad` of those inside
/// the padded input, where padding counts as 0. A window without such taps gives NaN.
///
/// # Errors
/// When the input is not of rank 4 or the window does not fit.
pub fn avg_pool2d(input: &Tensor, pool: &Pool2d, count_include_pad: bool) -> Result<Tensor> {
    pool2d(input, pool, |taps| {
        let sum: f64 = taps.iter().flatten().map(|&x| f64::from(x)).sum();
        let count = if count_include_pad { taps.len() } else { taps.iter().flatten().count() };
        (sum / count as f64) as f32
    })
}

/// `ait.global_max_pool`: N x C x H x W to N x C x 1 x 1.
///
/// # Errors
/// When the input is not of rank 4 or has no elements.
pub fn global_max_pool(input: &Tensor) -> Result<Tensor> {
    let [_, _, h, w] = dims(input, "input")?;
    max_pool2d(input, &Pool2d::new([h, w]))
}

/// `ait.global_avg_pool`: N x C x H x W to N x C x 1 x 1.
///
/// # Errors
/// When the input is not of rank 4 or has no elements.
pub fn global_avg_pool(input: &Tensor) -> Result<Tensor> {
    let [_, _, h, w] = dims(input, "input")?;
    avg_pool2d(input, &Pool2d::new([h, w]), false)
}

/// Keeps NaN.
fn max(a: f32, b: f32) -> f32 {
    if a.is_nan() || a > b { a } else { b }
}

/// `reduce` gets the taps of a window inside the padded input, `None` for padding.
fn pool2d(input: &Tensor, pool: &Pool2d, reduce: impl Fn(&[Option<f32>]) -> f32) -> Result<Tensor> {
    let [n, c, h, w] = dims(input, "input")?;
    let [kh, kw] = pool.kernel;
    let [rows, columns] = windows([h, w], pool.kernel, pool.strides, pool.pads, pool.dilations);
    let (oh, ow) = (rows.count(pool.ceil_mode)?, columns.count(pool.ceil_mode)?);
    ensure(kh.checked_mul(kw).is_some(), || format!("impossible kernel {:?}", pool.kernel))?;
    let mut result = Tensor::zeros([n, c, oh, ow])?;
    let mut taps = Vec::new();
    for (i, out) in result.data_mut().iter_mut().enumerate() {
        let (plane, y, x) = (i / (oh * ow), i / ow % oh, i % ow);
        taps.clear();
        for ky in (0..kh).filter(|&ky| rows.is_padded_input(y, ky)) {
            for kx in (0..kw).filter(|&kx| columns.is_padded_input(x, kx)) {
                let inside = rows.position(y, ky).zip(columns.position(x, kx));
                taps.push(inside.map(|(iy, ix)| input.data()[(plane * h + iy) * w + ix]));
            }
        }
        *out = reduce(&taps);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(shape: [usize; 2], data: &[f32]) -> Tensor {
        Tensor::new([1, 1, shape[0], shape[1]], data.to_vec()).unwrap()
    }

    #[test]
    fn max_padding_is_minus_infinity() {
        let pool = Pool2d { strides: [1, 2], pads: [0, 1, 0, 1], ..Pool2d::new([1, 2]) };
        let got = max_pool2d(&plane([1, 3], &[-5.0, -4.0, -3.0]), &pool).unwrap();
        assert_eq!(got.data(), [-5.0, -3.0]);
        assert_eq!(global_max_pool(&plane([1, 2], &[-2.0, -1.0])).unwrap().data(), [-1.0]);
    }

    #[test]
    fn averages_count_what_they_should() {
        let x = plane([1, 3], &[3.0, 6.0, 9.0]);
        let pool = Pool2d { strides: [1, 2], pads: [0, 1, 0, 0], ceil_mode: true, ..Pool2d::new([1, 3]) };
        // Windows: pad 3 6 | 6 9 beyond.
        assert_eq!(avg_pool2d(&x, &pool, false).unwrap().data(), [4.5, 7.5]);
        assert_eq!(avg_pool2d(&x, &pool, true).unwrap().data(), [3.0, 7.5]);
        assert_eq!(global_avg_pool(&x).unwrap().data(), [6.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        assert!(max_pool2d(&Tensor::vector(vec![1.0]), &Pool2d::new([1, 1])).is_err());
        assert!(max_pool2d(&plane([1, 1], &[1.0]), &Pool2d::new([2, 1])).is_err());
        assert!(global_avg_pool(&Tensor::zeros([1, 1, 0, 2]).unwrap()).is_err());
    }
}
