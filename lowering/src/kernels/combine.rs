//! What the elements of a window or a plane are combined by.

use super::epilogue::with_nan_of;
use super::rvv::{Carry, F, Rvv, V, Vl};
use inkwell::values::BasicValueEnum;

/// A function of any number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// The largest; NaN if one of them is.
    Max,
    /// The largest of the numbers.
    MaxNum,
    /// The sum.
    Sum,
}

/// What was combined so far, lane by lane.
#[derive(Clone, Copy)]
pub struct Combined<'c> {
    /// The sum, or the largest number.
    pub value: V<'c>,
    /// Of [`Combine::Max`], the sum of squares: NaN if one of the elements is, and only then. `vfmax` forgets it.
    squares: Option<V<'c>>,
}

impl<'c> Carry<'c> for Combined<'c> {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.value.flatten(into);
        self.squares.flatten(into);
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        Self { value: self.value.with(values), squares: self.squares.with(values) }
    }
}

impl<'c> From<V<'c>> for Combined<'c> {
    fn from(value: V<'c>) -> Self {
        Self { value, squares: None }
    }
}

impl Combine {
    /// What changes nothing, the value of padding.
    pub fn identity(self) -> f32 {
        match self {
            Self::Max | Self::MaxNum => f32::NEG_INFINITY,
            Self::Sum => 0.0,
        }
    }

    /// Register groups that it takes.
    pub fn groups(self) -> i64 {
        match self {
            Self::Max => 2,
            Self::MaxNum | Self::Sum => 1,
        }
    }

    /// Nothing.
    pub fn start<'c>(self, b: &Rvv<'c, '_>, vl: Vl<'c>) -> Combined<'c> {
        let squares = (self == Self::Max).then(|| b.vfmv_v_f(0.0, vl));
        Combined { value: b.vfmv_v_f(self.identity(), vl), squares }
    }

    /// One element.
    pub fn first<'c>(self, b: &Rvv<'c, '_>, value: V<'c>, vl: Vl<'c>) -> Combined<'c> {
        Combined { value, squares: (self == Self::Max).then(|| b.vfmul(value, value, vl)) }
    }

    /// One element more.
    pub fn add<'c>(self, b: &Rvv<'c, '_>, so_far: Combined<'c>, value: V<'c>, vl: Vl<'c>) -> Combined<'c> {
        let combined = match self {
            Self::Max | Self::MaxNum => b.vfmax(so_far.value, value, vl),
            Self::Sum => b.vfadd(so_far.value, value, vl),
        };
        let squares = so_far.squares.map(|squares| b.vfmacc(squares, value, value, vl));
        Combined { value: combined, squares }
    }

    /// [`Self::add`] with the tails kept.
    pub fn add_tu<'c>(self, b: &Rvv<'c, '_>, so_far: Combined<'c>, value: V<'c>, vl: Vl<'c>) -> Combined<'c> {
        let combined = match self {
            Self::Max | Self::MaxNum => b.vfmax_tu(so_far.value, value, vl),
            Self::Sum => b.vfadd_tu(so_far.value, value, vl),
        };
        let squares = so_far.squares.map(|squares| b.vfmacc_tu(squares, value, value, vl));
        Combined { value: combined, squares }
    }

    /// All elements of all lanes.
    pub fn reduced<'c>(self, b: &Rvv<'c, '_>, combined: Combined<'c>, vl: Vl<'c>) -> F<'c> {
        let value = match self {
            Self::Max | Self::MaxNum => b.vfredmax(combined.value, f32::NEG_INFINITY, vl),
            Self::Sum => b.vfredusum(combined.value, 0.0, vl),
        };
        combined.squares.map_or(value, |squares| b.or_nan(value, b.vfredusum(squares, 0.0, vl)))
    }
}

impl<'c> Combined<'c> {
    /// The result of every lane.
    pub fn result(self, b: &Rvv<'c, '_>, vl: Vl<'c>) -> V<'c> {
        self.squares.map_or(self.value, |squares| with_nan_of(b, self.value, squares, vl))
    }
}
