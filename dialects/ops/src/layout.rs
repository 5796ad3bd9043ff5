//! Physical orders of rank-4 tensors.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The physical order of a rank-4 tensor whose shape is always logical N x C x H x W.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// Batch, channel, height, width: ONNX's order; written as no encoding.
    #[default]
    Nchw,
    /// Batch, height, width, channel: XNNPACK's order.
    Nhwc,
    /// Channel, batch, height, width: the order of the generated convolutions.
    Cnhw,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 3] = [Self::Nchw, Self::Nhwc, Self::Cnhw];

    /// Name as in `#ait.layout<"NHWC">`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nchw => "NCHW",
            Self::Nhwc => "NHWC",
            Self::Cnhw => "CNHW",
        }
    }

    /// Logical dimensions from the slowest to the fastest in memory.
    pub const fn order(self) -> [usize; 4] {
        match self {
            Self::Nchw => [0, 1, 2, 3],
            Self::Nhwc => [0, 2, 3, 1],
            Self::Cnhw => [1, 0, 2, 3],
        }
    }

    /// Strides in elements, in logical order, of a dense tensor. Ranks other than 4 are row-major.
    pub fn strides(self, shape: &[i64]) -> Vec<i64> {
        let mut strides = vec![1; shape.len()];
        let mut step = 1;
        let mut place = |dim: usize| {
            strides[dim] = step;
            step *= shape[dim];
        };
        match shape.len() {
            4 => self.order().into_iter().rev().for_each(&mut place),
            rank => (0..rank).rev().for_each(&mut place),
        }
        strides
    }
}

impl Display for Layout {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|layout| layout.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("unknown layout '{text}' (nchw, nhwc, cnhw)"))
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn strides_are_in_logical_order() {
        let shape = [2, 3, 5, 7];
        assert_eq!(Layout::Nchw.strides(&shape), [105, 35, 7, 1]);
        assert_eq!(Layout::Nhwc.strides(&shape), [105, 1, 21, 3]);
        assert_eq!(Layout::Cnhw.strides(&shape), [35, 70, 7, 1]);
        assert_eq!(Layout::Cnhw.strides(&[4, 6]), [6, 1]);
    }
}
