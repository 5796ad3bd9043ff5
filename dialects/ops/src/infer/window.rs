//! Windows of convolutions and pools.

use super::{exactly, operand, rank4};
use crate::{Algorithm, elements};
use std::collections::BTreeSet;

/// A sliding window: `[h, w]` each, pads `[top, left, bottom, right]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: [i64; 2],
    /// Steps between windows.
    pub strides: [i64; 2],
    /// Padding.
    pub pads: [i64; 4],
    /// Distances between taps.
    pub dilations: [i64; 2],
}

/// Bound on every number of a window, so that no product of two overflows.
const LIMIT: i64 = 1 << 24;

impl Window {
    /// A window whose numbers are in range.
    ///
    /// # Errors
    /// Names the attribute that is out of range.
    pub fn new(
        kernel: [i64; 2],
        strides: [i64; 2],
        pads: [i64; 4],
        dilations: [i64; 2],
    ) -> Result<Self, String> {
        let window = Self { kernel, strides, pads, dilations };
        for (name, values, least) in [
            ("kernel", &window.kernel[..], 1),
            ("strides", &window.strides, 1),
            ("dilations", &window.dilations, 1),
            ("pads", &window.pads, 0),
        ] {
            if values.iter().any(|&value| value < least || value > LIMIT) {
                return Err(format!("has {name} {values:?} outside {least} to {LIMIT}"));
            }
        }
        Ok(window)
    }

    /// Input elements that a window spans in dimension 0 (h) or 1 (w).
    pub fn span(&self, dim: usize) -> i64 {
        (self.kernel[dim] - 1) * self.dilations[dim] + 1
    }

    /// Phases of dimension 0 (h) or 1 (w) that some tap reads, ascending: tap `k` reads phase `k * dilation mod stride`.
    pub fn phases(&self, dim: usize) -> Vec<i64> {
        // Phases repeat after as many taps as the stride at the latest.
        let taps = 0..self.kernel[dim].min(self.strides[dim]);
        let found: BTreeSet<_> = taps.map(|k| k * self.dilations[dim] % self.strides[dim]).collect();
        found.into_iter().collect()
    }

    /// Size of a phase in dimension 0 (h) or 1 (w) for `out` outputs.
    pub fn split_size(&self, dim: usize, out: i64) -> i64 {
        out + (self.kernel[dim] - 1) * self.dilations[dim] / self.strides[dim]
    }

    /// Where tap `k` of dimension 0 (h) or 1 (w) reads: the index of its phase in [`Window::phases`], and in the phase
    /// its distance from the output's position.
    pub fn tap(&self, dim: usize, k: i64) -> (usize, i64) {
        let (at, stride) = (k * self.dilations[dim], self.strides[dim]);
        (self.phases(dim).partition_point(|&phase| phase < at % stride), at / stride)
    }

    /// The shape that `rvv.split_phases` makes of an `[n, c, h, w]` input.
    ///
    /// # Errors
    /// If the window does not fit, or the shape is too large.
    pub fn split_shape(&self, [n, c, h, w]: [i64; 4]) -> Result<Vec<i64>, String> {
        let phases = self.phases(0).len() * self.phases(1).len();
        let channels = i64::try_from(phases).ok().and_then(|phases| c.checked_mul(phases));
        let (oh, ow) = (output_size(h, self, 0, false)?, output_size(w, self, 1, false)?);
        let channels = channels.ok_or("has too many channels")?;
        let shape = vec![n, channels, self.split_size(0, oh), self.split_size(1, ow)];
        elements(&shape)?;
        Ok(shape)
    }

    /// Most taps of a window that a convolution reads in place: each has a constant offset.
    pub const MOST_TAPS: i64 = 1 << 12;
    /// Most phases along W of an input that is split by the strides.
    pub const MOST_PHASES: usize = 64;

    /// Whether `rvv.split_phases` and a convolution that reads in place have kernels for this window.
    pub fn can_split(&self) -> bool {
        let [height, width] = self.kernel;
        height.saturating_mul(width) <= Self::MOST_TAPS && self.phases(1).len() <= Self::MOST_PHASES
    }

    /// Whether a convolution can read its input in place: strides 1 and no padding.
    pub fn is_in_place(&self) -> bool {
        self.strides == [1, 1] && self.pads == [0; 4]
    }

    /// Padding before and after in dimension 0 (h) or 1 (w).
    pub fn padding(&self, dim: usize) -> (i64, i64) {
        (self.pads[dim], self.pads[dim + 2])
    }
}

/// Number of windows along dimension 0 (h) or 1 (w) of an input of `size`.
///
/// Rounded down, or up with `ceil` while a window still starts inside the input or its left padding
/// (ONNX MaxPool, AveragePool).
///
/// # Errors
/// If the padded input is smaller than one window.
pub fn output_size(size: i64, window: &Window, dim: usize, ceil: bool) -> Result<i64, String> {
    let (before, after) = window.padding(dim);
    let free = size + before + after - window.span(dim);
    if free < 0 || size < 1 {
        return Err(format!(
            "has a window of {} over {size} + {before} + {after} elements",
            window.span(dim)
        ));
    }
    let stride = window.strides[dim];
    let floor = free / stride + 1;
    let one_more_starts_inside = floor * stride < size + before;
    Ok(if ceil && free % stride != 0 && one_more_starts_inside { floor + 1 } else { floor })
}

/// Result shape of a convolution with `[n, k, h, w]` = batch, output channels, input size.
///
/// # Errors
/// If the window does not fit.
pub fn conv2d_shape([n, k, h, w]: [i64; 4], window: &Window) -> Result<Vec<i64>, String> {
    Ok(vec![n, k, output_size(h, window, 0, false)?, output_size(w, window, 1, false)?])
}

/// Result shape of a pool.
pub(super) fn pool2d_shape([n, c, h, w]: [i64; 4], window: &Window, ceil: bool) -> Result<Vec<i64>, String> {
    for dim in 0..2 {
        let (before, after) = window.padding(dim);
        if before >= window.span(dim) || after >= window.span(dim) {
            return Err(format!(
                "has padding {:?} not smaller than its window {:?}",
                window.pads, window.kernel
            ));
        }
    }
    Ok(vec![n, c, output_size(h, window, 0, ceil)?, output_size(w, window, 1, ceil)?])
}

/// A pool's written shape is right if either rounding gives it, dimension by dimension.
pub(super) fn pool2d_written(
    [n, c, h, w]: [i64; 4],
    written: &[i64],
    window: &Window,
) -> Result<Vec<i64>, String> {
    let [_, _, oh, ow] = rank4(written, "init")?;
    let either = |size, dim, out| -> Result<i64, String> {
        let up = output_size(size, window, dim, true)?;
        if out == up { Ok(up) } else { output_size(size, window, dim, false) }
    };
    Ok(vec![n, c, either(h, 0, oh)?, either(w, 1, ow)?])
}

/// What an implemented convolution computes.
pub(super) struct Convolution {
    /// Result shape.
    pub shape: Vec<i64>,
    /// Output channels of a group.
    pub rows: i64,
    /// Input channels of a group.
    pub channels: i64,
    /// Steps of the reduction.
    pub k: i64,
}

/// An implemented convolution of input (operand 0) with a bias (operand `bias`); without `groups` it is depthwise.
pub(super) fn implementation(
    shapes: &[&[i64]],
    bias: usize,
    window: &Window,
    algorithm: Option<Algorithm>,
    groups: Option<i64>,
) -> Result<Convolution, String> {
    let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
    let [k] = <[i64; 1]>::try_from(operand(shapes, bias)?).map_err(|_| "needs a bias of rank 1")?;
    if algorithm == Some(Algorithm::Direct) && !window.is_in_place() {
        return Err("works in place only with strides 1 and no padding".to_string());
    }
    let is_split = algorithm == Some(Algorithm::Split);
    let phases = if is_split { window.phases(0).len() as i64 * window.phases(1).len() as i64 } else { 1 };
    let groups = match groups {
        Some(groups) => groups,
        None if c == 0 || k % c != 0 => {
            return Err(format!("cannot convolve {c} channels depthwise into {k}"));
        }
        None => c,
    };
    if groups < 1 || k % groups != 0 || c % groups != 0 || c / groups % phases != 0 {
        let of = if phases == 1 { String::new() } else { format!(" of {phases} phases") };
        return Err(format!("cannot split {c} and {k} channels into {groups} groups{of}"));
    }
    let channels = c / groups / phases;
    let shape = match is_split {
        true => vec![n, k, unsplit_size(h, window, 0)?, unsplit_size(w, window, 1)?],
        false => conv2d_shape([n, k, h, w], window)?,
    };
    let steps = channels.checked_mul(window.kernel[0] * window.kernel[1]).ok_or("has too many weights")?;
    Ok(Convolution { shape, rows: k / groups, channels, k: steps })
}

/// Outputs of a convolution over a split input: the inverse of [`Window::split_size`].
fn unsplit_size(size: i64, window: &Window, dim: usize) -> Result<i64, String> {
    let out = size - window.split_size(dim, 0);
    if out < 1 {
        return Err(format!(
            "has a split input of {size} elements where its window needs {}",
            window.split_size(dim, 1)
        ));
    }
    Ok(out)
}

/// `groups x ceil(K/groups/tile) x (KH*KW*C/groups) x tile`.
pub(super) fn packed_filter(
    shapes: &[&[i64]],
    convolution: &Convolution,
    groups: i64,
    tile: i64,
) -> Result<(), String> {
    let tiles = (convolution.rows + tile - 1) / tile;
    exactly("filter", operand(shapes, 1)?, &[groups, tiles, convolution.k, tile])
}

#[cfg(test)]
mod tests {
    use super::{Window, output_size};

    fn window(kernel: i64, stride: i64, pads: [i64; 4], dilation: i64) -> Window {
        Window { kernel: [kernel; 2], strides: [stride; 2], pads, dilations: [dilation; 2] }
    }

    #[test]
    fn sizes_are_those_of_onnx() {
        assert_eq!(output_size(224, &window(7, 2, [3; 4], 1), 0, false), Ok(112));
        assert_eq!(output_size(7, &window(3, 1, [2; 4], 2), 1, false), Ok(7));
        // maxpool_2d_ceil of the ONNX node tests: 4 -> 2 with kernel 3, stride 2.
        assert_eq!(output_size(4, &window(3, 2, [0; 4], 1), 0, true), Ok(2));
        assert_eq!(output_size(4, &window(3, 2, [0; 4], 1), 0, false), Ok(1));
        // A further window would start in the right padding.
        assert_eq!(output_size(2, &window(1, 2, [0; 4], 1), 0, true), Ok(1));
        assert!(output_size(2, &window(3, 1, [0; 4], 1), 0, true).is_err());
    }

    /// Against the definition of a tap: padded input position `y * stride + k * dilation`.
    #[test]
    fn taps_of_a_split_input_are_those_of_the_input() {
        for (kernel, stride, dilation) in [
            (1, 1, 1),
            (3, 1, 1),
            (3, 2, 1),
            (7, 2, 1),
            (3, 2, 2),
            (2, 3, 2),
            (5, 3, 1),
            (1, 2, 1),
            (3, 4, 6),
        ] {
            let window = window(kernel, stride, [0; 4], dilation);
            let phases = window.phases(1);
            assert!(phases.is_sorted_by(|a, b| a < b) && phases.iter().all(|&phase| phase < stride));
            let mut used = vec![false; phases.len()];
            for (y, k) in (0..5).flat_map(|y| (0..kernel).map(move |k| (y, k))) {
                let (phase, offset) = window.tap(1, k);
                used[phase] = true;
                assert_eq!((y + offset) * stride + phases[phase], y * stride + k * dilation);
                assert!(y + offset < window.split_size(1, 5));
            }
            assert!(used.iter().all(|&used| used));
            let reach = window.tap(1, kernel - 1).1;
            assert_eq!(window.split_size(1, 5), 5 + reach, "not larger than needed");
        }
    }

    #[test]
    fn split_shapes() {
        let stem = window(7, 2, [3; 4], 1);
        assert_eq!(stem.split_shape([1, 3, 224, 224]), Ok(vec![1, 12, 115, 115]));
        // The second phase of a strided 1x1 convolution is never read.
        assert_eq!(window(1, 2, [0; 4], 1).split_shape([2, 8, 7, 7]), Ok(vec![2, 8, 4, 4]));
        assert_eq!(window(3, 1, [1; 4], 1).split_shape([1, 4, 5, 5]), Ok(vec![1, 4, 7, 7]));
    }
}
