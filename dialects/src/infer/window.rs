//! Windows of convolutions and pools.

use super::{Inferred, exactly, operand, rank4};
use crate::attributes::Attributes;

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
    /// Reads `strides`, `pads` and `dilations`.
    ///
    /// # Errors
    /// Names the attribute that is missing or out of range.
    pub fn of(kernel: [i64; 2], attributes: &dyn Attributes) -> Result<Self, String> {
        let pair = |name: &str| -> Result<[i64; 2], String> {
            attributes.i64_array(name)?.try_into().map_err(|_| format!("'{name}' must have 2 elements"))
        };
        let pads = attributes.i64_array("pads")?.try_into().map_err(|_| "'pads' must have 4 elements")?;
        // Ops without the attribute (`xnn.avg_pool2d`) have adjacent taps; IRDL demands it of all others.
        let dilations = attributes.get("dilations").map_or(Ok([1, 1]), |_| pair("dilations"))?;
        let window = Self { kernel, strides: pair("strides")?, pads, dilations };
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

/// Result shape of an implemented convolution: operands input, packed filter, bias, init.
pub(super) fn implementation(
    shapes: &[&[i64]],
    kernel: [i64; 2],
    attributes: &dyn Attributes,
) -> Result<Vec<i64>, String> {
    let [n, c, h, w] = rank4(operand(shapes, 0)?, "input")?;
    let [k] = <[i64; 1]>::try_from(operand(shapes, 2)?).map_err(|_| "needs a bias of rank 1")?;
    if attributes.get("groups").is_some() {
        let groups = attributes.i64("groups")?;
        if groups < 1 || c % groups != 0 || k % groups != 0 {
            return Err(format!("cannot split {c} and {k} channels into {groups} groups"));
        }
    } else if c == 0 || k % c != 0 {
        return Err(format!("cannot convolve {c} channels depthwise into {k}"));
    }
    let window = Window::of(kernel, attributes)?;
    if attributes.get("tile").is_some() {
        packed_filter(shapes, c, k, kernel, attributes)?;
    }
    conv2d_shape([n, k, h, w], &window)
}

/// `groups x ceil(K/groups/tile) x (KH*KW*C/groups) x tile`.
fn packed_filter(
    shapes: &[&[i64]],
    c: i64,
    k: i64,
    [kh, kw]: [i64; 2],
    attributes: &dyn Attributes,
) -> Result<(), String> {
    let (groups, tile) = (attributes.i64("groups")?, attributes.i64("tile")?);
    let tiles = (k / groups + tile - 1) / tile;
    exactly("filter", operand(shapes, 1)?, &[groups, tiles, kh * kw * (c / groups), tile])
}

impl From<Vec<i64>> for Inferred {
    fn from(shape: Vec<i64>) -> Self {
        Self::Shape(shape)
    }
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
}
