//! What decides how fast a convolution is, apart from how it is computed.

use ait_dialects::infer::Window;
use ait_dialects::nm::Columns;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// A convolution that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

/// The shape of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// N x C x H x W
    pub input: [usize; 4],
    /// K x C/groups x KH x KW
    pub filter: [usize; 4],
    /// [h, w]
    pub strides: [usize; 2],
    /// [top, left, bottom, right]
    pub pads: [usize; 4],
    /// [h, w]
    pub dilations: [usize; 2],
    /// Groups of channels that do not mix.
    pub groups: usize,
}

impl Convolution {
    /// N x K x OH x OW
    ///
    /// # Errors
    /// When the window does not fit the padded input.
    pub fn output(&self) -> Result<[usize; 4], ShapeError> {
        let mut output = [self.input[0], self.filter[0], 0, 0];
        for d in 0..2 {
            let padded = self.input[2 + d].saturating_add(self.pads[d]).saturating_add(self.pads[2 + d]);
            let window = (self.filter[2 + d].saturating_sub(1)).saturating_mul(self.dilations[d]);
            let rest = padded.checked_sub(window.saturating_add(1)).filter(|_| self.strides[d] > 0);
            let fail = || ShapeError("the window is larger than the padded input".to_owned());
            output[2 + d] = rest.ok_or_else(fail)? / self.strides[d] + 1;
        }
        Ok(output)
    }

    /// Every channel is a group.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.filter[1] == 1
    }

    /// Multiply-accumulates.
    ///
    /// # Errors
    /// As [`Convolution::output`].
    pub fn macs(&self) -> Result<usize, ShapeError> {
        let outputs = self.output()?.into_iter().fold(1, usize::saturating_mul);
        Ok(self.filter[1..].iter().fold(outputs, |product, &dim| product.saturating_mul(dim)))
    }

    /// The window.
    pub fn window(&self) -> Window {
        let [_, _, kh, kw] = self.filter.map(signed);
        Window {
            kernel: [kh, kw],
            strides: self.strides.map(signed),
            pads: self.pads.map(signed),
            dilations: self.dilations.map(signed),
        }
    }

    /// Output channels of a group.
    pub fn rows(&self) -> i64 {
        signed(self.filter[0] / self.groups.max(1))
    }

    /// Length of the reduction: columns of the weights.
    pub fn columns(&self) -> i64 {
        signed(self.filter[1..].iter().fold(1, |product, &dim| product.saturating_mul(dim)))
    }
}

pub(super) fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Display for Convolution {
    /// `3x3 s2 64->128 56x56`, with what is not usual after it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ([batch, channels, height, width], [filters, _, kh, kw]) = (self.input, self.filter);
        write!(f, "{kh}x{kw} s{} {channels}->{filters} {height}x{width}", self.strides[0])?;
        if self.strides[0] != self.strides[1] {
            write!(f, " strides {:?}", self.strides)?;
        }
        let same = self.pads.iter().all(|&pad| pad == self.pads[0]);
        match self.pads[0] {
            0 if same => {}
            pad if same => write!(f, " p{pad}")?,
            _ => write!(f, " pads {:?}", self.pads)?,
        }
        if self.dilations != [1, 1] {
            write!(f, " d{}", self.dilations[0])?;
        }
        if self.groups > 1 {
            write!(f, " g{}", self.groups)?;
        }
        if batch > 1 {
            write!(f, " n{batch}")?;
        }
        Ok(())
    }
}

/// How many columns of the weights are kept: `n` of every `m`; all if they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparsity {
    /// Columns kept of a group.
    pub n: i64,
    /// Columns of a group.
    pub m: i64,
}

impl Sparsity {
    /// Nothing is pruned.
    pub const DENSE: Self = Self { n: 1, m: 1 };

    /// Of weights that have a pattern, or none.
    pub fn of(pattern: Option<Columns>) -> Self {
        pattern.map_or(Self::DENSE, |Columns { n, m, .. }| if n < m { Self { n, m } } else { Self::DENSE })
    }

    /// Whether nothing is pruned.
    pub fn is_dense(self) -> bool {
        self.n >= self.m
    }

    /// The pattern in tiles of `tile` rows; none if dense.
    pub fn pattern(self, tile: i64) -> Option<Columns> {
        (!self.is_dense()).then_some(Columns { n: self.n, m: self.m, tile })
    }

    /// Columns kept of `columns`.
    pub fn kept(self, columns: i64) -> i64 {
        self.pattern(1).filter(|pattern| pattern.m > 0).map_or(columns, |pattern| pattern.kept_of(columns))
    }
}

impl Display for Sparsity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_dense() { f.write_str("dense") } else { write!(f, "{}:{}", self.n, self.m) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem() -> Convolution {
        Convolution {
            input: [1, 3, 224, 224],
            filter: [64, 3, 7, 7],
            strides: [2, 2],
            pads: [3; 4],
            dilations: [1, 1],
            groups: 1,
        }
    }

    #[test]
    fn sizes() {
        let stem = stem();
        assert_eq!(stem.output(), Ok([1, 64, 112, 112]));
        assert_eq!(stem.macs(), Ok(64 * 112 * 112 * 147));
        assert_eq!((stem.rows(), stem.columns()), (64, 147));
        assert_eq!(stem.to_string(), "7x7 s2 3->64 224x224 p3");
        let large = Convolution { filter: [64, 3, 300, 7], ..stem };
        assert!(large.output().is_err());
    }

    #[test]
    fn sparsity_counts_columns() {
        assert_eq!(Sparsity::DENSE.kept(147), 147);
        assert_eq!(Sparsity { n: 2, m: 4 }.kept(9), 5);
        assert_eq!(Sparsity::of(Some(Columns { n: 4, m: 4, tile: 7 })), Sparsity::DENSE);
        assert_eq!(Sparsity { n: 2, m: 4 }.to_string(), "2:4");
    }
}
