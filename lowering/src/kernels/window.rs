//! Windows over planes H x W with vectors along W: depthwise convolution and pooling.
//!
//! A plane, or a band of its rows, is packed into scratch with its padding, one sub-plane per phase of the
//! strides, so that every tap of every output is an adjacent load without a bounds check. Where rows are
//! short, one vector loop runs over all rows of the packed plane at once and the results are written row
//! by row afterwards ([`plan::Mode::Flat`]). Planes without padding are read in place.

mod pack;
pub mod plan;
mod reduce;
mod task;

pub use plan::Plan;
pub use task::Plane;

use super::combine::Combine;
use super::rvv::{Lmul, Rvv, Vl, X};

/// The geometry of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// H, W of the input.
    pub input: [i64; 2],
    /// H, W of the output.
    pub output: [i64; 2],
    /// Taps.
    pub kernel: [i64; 2],
    /// Steps of the window.
    pub strides: [i64; 2],
    /// Top, left, bottom, right.
    pub pads: [i64; 4],
    /// From tap to tap.
    pub dilations: [i64; 2],
}

impl Window {
    /// Checks that all sizes are sensible.
    ///
    /// # Errors
    /// Names the attribute.
    pub fn check(&self) -> Result<(), String> {
        let within = |values: &[[i64; 2]], low, high| {
            values.iter().flatten().all(|value| (low..=high).contains(value))
        };
        if !within(&[self.input, self.output], 1, 1 << 20) {
            return Err(format!(
                "planes must be 1 to 2^20 wide and high, not {:?}, {:?}",
                self.input, self.output
            ));
        }
        if !within(&[self.kernel, self.strides, self.dilations], 1, 1 << 12) {
            return Err("kernel, strides and dilations must be 1 to 2^12".to_owned());
        }
        if self.pads.iter().any(|value| !(0..=1 << 12).contains(value)) {
            return Err(format!("pads must be 0 to 2^12, not {:?}", self.pads));
        }
        Ok(())
    }

    /// Padding before the first row or column.
    pub fn before(&self, axis: usize) -> i64 {
        self.pads[axis]
    }

    /// First and one past the last index that the windows touch, 0 being the first element of the input.
    pub fn extent(&self, axis: usize) -> (i64, i64) {
        let last =
            (self.output[axis] - 1) * self.strides[axis] + (self.kernel[axis] - 1) * self.dilations[axis];
        (-self.before(axis), last - self.before(axis) + 1)
    }

    /// Whether all taps of all windows lie in the input.
    pub fn is_inside(&self) -> bool {
        (0..2).all(|axis| self.extent(axis).0 >= 0 && self.extent(axis).1 <= self.input[axis])
    }

    /// First and one past the last tap of output `index` along an axis that lie in `from..to`.
    pub fn tap_range<'c>(
        &self,
        b: &Rvv<'c, '_>,
        axis: usize,
        index: X<'c>,
        from: i64,
        to: i64,
    ) -> (X<'c>, X<'c>) {
        let (step, kernel) = (self.dilations[axis], self.kernel[axis]);
        let start = b.sub(b.mul(index, self.strides[axis]), self.before(axis));
        // The number of taps before a bound: ceil((bound - start) / step), none if negative.
        let before = |bound: i64| {
            let distance = b.max(b.sub(bound, start), 0);
            b.min(b.div(b.add(distance, step - 1), step), kernel)
        };
        let first = before(from);
        (first, b.max(before(to), first))
    }
}

/// What the taps do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sum of weighted taps.
    Weighted,
    /// The taps themselves.
    Plain(Combine),
}

impl Op {
    /// The value of padding.
    pub fn identity(self) -> f32 {
        match self {
            Self::Weighted => 0.0,
            Self::Plain(combine) => combine.identity(),
        }
    }

    /// Register groups that a result in the making takes.
    fn groups(self) -> i64 {
        match self {
            Self::Weighted => 1,
            Self::Plain(combine) => combine.groups(),
        }
    }
}

/// Runs over `n` elements known when compiling: without a loop and in the smallest group if they fit everywhere.
pub fn row<'c>(b: &Rvv<'c, '_>, n: i64, lmul: Lmul, body: impl FnOnce(X<'c>, Vl<'c>)) {
    let fits = Lmul::ALL.into_iter().find(|small| *small <= lmul && n <= small.vlmax(128));
    match fits {
        _ if n <= 0 => {}
        Some(small) => body(b.c(0), b.vl(n, small)),
        None => b.strips(n, lmul, (), |done, vl, ()| body(done, vl)),
    }
}
