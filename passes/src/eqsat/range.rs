//! Bounds of a constant's elements, row by row: what tells whether constants may be multiplied when the module is written.
//!
//! A product that is folded must be what the network as written multiplies one after the other. It is not where a product
//! of finite numbers is infinite, or where one of normal numbers is zero or subnormal: activations of another magnitude
//! would have made an ordinary number of both factors. [`keeps`] says it of a value, [`Range`] of the rows of a tensor:
//! exactly for vectors and for rows times a number each, by interval arithmetic for matrices times matrices.

use std::sync::Arc;

use super::term::Number;

/// Whether the product of two numbers, rounded to f32, is as good as both: finite, and normal if both are. Zeros and
/// subnormal numbers have nothing to lose.
pub fn keeps(left: f64, right: f64) -> bool {
    let product = (left * right) as f32;
    let is_normal = |value: f64| (value as f32).is_normal();
    (left as f32).is_finite()
        && (right as f32).is_finite()
        && product.is_finite()
        && (product.is_normal() || !is_normal(left) || !is_normal(right))
}

/// A factor of a batch norm, which the network as written has in f32: as infinite as there, as precise as f64 otherwise.
pub fn within_f32(value: f64) -> f64 {
    let narrow = value as f32;
    if narrow.is_finite() { value } else { narrow.into() }
}

/// What is known of the elements of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    low: Number,
    high: Number,
    /// The least magnitude of its normal numbers, or of those that they are sums of; infinite if there is none.
    least: Number,
}

/// Bounds of the elements of each row (dimension 0) of a constant, all finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// One for each row, or one for all.
    rows: Arc<[Row]>,
}

/// Most rows that are told apart in a constant put together of several.
const MOST_ROWS: usize = 1 << 12;

impl Row {
    const ZERO: Self = Self { low: Number(0.0), high: Number(0.0), least: Number(f32::INFINITY) };

    fn of(values: &[f32]) -> Option<Self> {
        let mut row = Self { low: Number(f32::INFINITY), high: Number(f32::NEG_INFINITY), ..Self::ZERO };
        let mut is_finite = true;
        for &value in values {
            is_finite &= value.is_finite();
            row.low.0 = row.low.0.min(value);
            row.high.0 = row.high.0.max(value);
            let magnitude = if value.is_normal() { value.abs() } else { f32::INFINITY };
            row.least.0 = row.least.0.min(magnitude);
        }
        if values.is_empty() { Some(Self::ZERO) } else { is_finite.then_some(row) }
    }

    /// Rounded to f32; none beyond its numbers.
    fn new([low, high]: [f64; 2], least: f64) -> Option<Self> {
        let (low, high, least) = (low as f32, high as f32, least as f32);
        let is_finite = low.is_finite() && high.is_finite();
        is_finite.then_some(Self { low: Number(low), high: Number(high), least: Number(least) })
    }

    fn bounds(self) -> [f64; 2] {
        [self.low.0.into(), self.high.0.into()]
    }

    fn least(self) -> f64 {
        self.least.0.into()
    }

    fn largest(self) -> f64 {
        self.bounds().into_iter().map(f64::abs).fold(0.0, f64::max)
    }

    fn joined(self, other: Self) -> Self {
        let (low, high) = (self.low.0.min(other.low.0), self.high.0.max(other.high.0));
        Self { low: Number(low), high: Number(high), least: Number(self.least.0.min(other.least.0)) }
    }

    fn plus(self, other: Self) -> Option<Self> {
        let ([low, high], [from, to]) = (self.bounds(), other.bounds());
        Self::new([low + from, high + to], self.least().min(other.least()))
    }

    /// Products as an op of the module makes them: what becomes subnormal there is of no use there either.
    fn times(self, other: Self) -> Option<Self> {
        let ([low, high], [from, to]) = (self.bounds(), other.bounds());
        let products = [low * from, low * to, high * from, high * to];
        let least = products.into_iter().fold(f64::INFINITY, f64::min);
        let largest = products.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let smallest = (self.least() * other.least()).max(f32::MIN_POSITIVE.into());
        Self::new([least, largest], smallest)
    }

    /// Products that are not in the module: none if one of them loses what its factors say.
    fn folded(self, other: Self) -> Option<Self> {
        let smallest = self.least() * other.least();
        self.times(other).filter(|_| smallest >= f32::MIN_POSITIVE.into())
    }

    fn negated(self) -> Self {
        Self { low: Number(-self.high.0), high: Number(-self.low.0), ..self }
    }

    /// `1 / sqrt(x + epsilon)`; none where that is no positive number.
    fn inverse_root(self, epsilon: f32) -> Option<Self> {
        let [low, high] = self.bounds().map(|bound| bound + f64::from(epsilon));
        if low <= 0.0 {
            return None;
        }
        let bounds = [high.sqrt().recip(), low.sqrt().recip()];
        Self::new(bounds, bounds[0])
    }
}

impl Range {
    /// Of the elements of `rows` rows; none if one of them is not finite.
    pub fn of(values: &[f32], rows: usize) -> Option<Self> {
        let length = values.len().checked_div(rows).unwrap_or(0);
        if length == 0 {
            return Row::of(values).map(|row| Self { rows: [row].into() });
        }
        values.chunks(length).map(Row::of).collect::<Option<_>>().map(|rows| Self { rows })
    }

    /// Of a constant all of whose elements are one number; none if it is not finite.
    pub fn splat(value: f32) -> Option<Self> {
        Self::of(&[value], 1)
    }

    fn all(&self) -> Row {
        self.rows.iter().copied().reduce(Row::joined).unwrap_or(Row::ZERO)
    }

    /// The same elements in rows of another length.
    pub fn mixed(&self) -> Self {
        Self { rows: [self.all()].into() }
    }

    fn with(&self, other: &Self, each: impl Fn(Row, Row) -> Option<Row>) -> Option<Self> {
        let count = self.rows.len().max(other.rows.len());
        let row = |range: &Self, index: usize| {
            range.rows.get(if range.rows.len() == 1 { 0 } else { index }).copied()
        };
        let rows = (0..count).map(|index| each(row(self, index)?, row(other, index)?));
        rows.collect::<Option<_>>().map(|rows| Self { rows })
    }

    /// Of the rows of both, which have so many of them, one after the other.
    pub fn followed_by(&self, other: &Self, [first, second]: [usize; 2]) -> Self {
        if first.saturating_add(second) > MOST_ROWS {
            return Self { rows: [self.all().joined(other.all())].into() };
        }
        let rows = |range: &Self, count| match *range.rows {
            [one] => vec![one; count],
            _ => range.rows.to_vec(),
        };
        Self { rows: [rows(self, first), rows(other, second)].concat().into() }
    }

    /// Of sums of elements of each, row by row.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        self.with(other, Row::plus)
    }

    /// Of products of elements of each, row by row, as an op of the module makes them.
    pub fn times(&self, other: &Self) -> Option<Self> {
        self.with(other, Row::times)
    }

    /// Of products of elements of each, row by row; none if one of them loses what its factors say (see [`keeps`]).
    pub fn folded(&self, other: &Self) -> Option<Self> {
        self.with(other, Row::folded)
    }

    /// Of the product of two matrices; none if it may be infinite, or if a term of its sums loses what its factors say.
    /// `between` is the length of a row of `self`, and the number of rows of `inner`.
    pub fn matrix(&self, inner: &Self, between: usize) -> Option<Self> {
        let columns = inner.all();
        let repeated = if inner.rows.len() == 1 { between as f64 } else { 1.0 };
        let sum = repeated * inner.rows.iter().map(|row| row.largest()).sum::<f64>();
        let product = |row: &Row| {
            let smallest = row.folded(columns)?.least();
            let largest = row.largest() * sum;
            Row::new([-largest, largest], smallest)
        };
        self.rows.iter().map(product).collect::<Option<_>>().map(|rows| Self { rows })
    }

    /// Of the numbers with the other sign.
    pub fn negated(&self) -> Self {
        Self { rows: self.rows.iter().map(|row| row.negated()).collect() }
    }

    /// Of `1 / sqrt(x + epsilon)`; none where that is no positive number.
    pub fn inverse_root(&self, epsilon: f32) -> Option<Self> {
        self.rows.iter().map(|row| row.inverse_root(epsilon)).collect::<Option<_>>().map(|rows| Self { rows })
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, keeps};

    fn one(values: &[f32]) -> Range {
        Range::of(values, 1).unwrap()
    }

    fn vector(values: &[f32]) -> Range {
        Range::of(values, values.len()).unwrap()
    }

    #[test]
    fn ranges_bound_what_is_computed() {
        let (a, b) = (one(&[-2.0, 3.0]), one(&[4.0, -5.0]));
        let bounds = |range: Option<Range>| range.unwrap().rows[0].bounds();
        assert_eq!(bounds(a.plus(&b)), [-7.0, 7.0]);
        assert_eq!(bounds(a.times(&b)), [-15.0, 12.0]);
        assert_eq!(bounds(Some(a.followed_by(&b.negated(), [1 << 12, 1]))), [-4.0, 5.0]);
        assert_eq!(bounds(one(&[0.0, 3.0]).inverse_root(1.0)), [0.5, 1.0]);
        assert_eq!(a.folded(&b).unwrap().rows[0].least.0, 8.0);
        // Two rows of two, times two rows of three.
        let product =
            Range::of(&[1.0, -2.0, 3.0, 4.0], 2).unwrap().matrix(&Range::of(&[1.0; 6], 2).unwrap(), 2);
        assert_eq!(product.unwrap().rows.iter().map(|row| row.bounds()[1]).collect::<Vec<_>>(), [4.0, 8.0]);
    }

    #[test]
    fn what_may_not_be_finite_has_none() {
        assert_eq!(Range::of(&[1.0, f32::NAN], 1), None);
        assert_eq!(Range::of(&[f32::NAN, 1.0], 2), None);
        assert_eq!(Range::of(&[f32::INFINITY], 1), None);
        assert!(Range::of(&[], 0).is_some() && Range::of(&[], 3).is_some());
        let large = one(&[3e38]);
        assert_eq!((large.plus(&large), large.times(&large)), (None, None));
        assert_eq!(one(&[0.0]).inverse_root(0.0), None);
        assert_eq!(one(&[-1.0]).inverse_root(0.5), None);
        assert_eq!(one(&[1e20]).matrix(&one(&[1e18]), 1000), None);
        assert!(one(&[1e19]).matrix(&one(&[1e18]), 10).is_some());
    }

    /// Row by row: a row that is small meets a factor that is large.
    #[test]
    fn products_that_vanish_have_none() {
        let (weights, factors) = (Range::of(&[1e-30, 1.0, 1e30, 1.0], 2).unwrap(), vector(&[1e20, 1e-20]));
        assert!(weights.folded(&factors).is_some());
        assert_eq!(weights.mixed().folded(&factors), None);
        assert_eq!(weights.folded(&vector(&[1e-10, 1.0])), None);
        assert!(weights.times(&vector(&[1e-10, 1.0])).is_some());
        assert!(weights.folded(&vector(&[0.0, 1.0])).is_some());
    }

    /// The rows say of vectors what is true of each value.
    #[test]
    fn values_and_rows_agree() {
        let tiny = f32::from_bits(1);
        let values = [0.0, -0.0, 1.0, -3.0, 1e-20, -1e-30, 1e-38, 1e-40, tiny, 1e20, 3e38, f32::MIN_POSITIVE];
        for left in values {
            for right in values {
                let folded = vector(&[left]).folded(&vector(&[right])).is_some();
                assert_eq!(folded, keeps(left.into(), right.into()), "{left} * {right}");
            }
        }
        assert!(!keeps(f64::INFINITY, 0.0) && !keeps(1.0, f64::NAN) && !keeps(1e-10, 1e40));
    }
}
