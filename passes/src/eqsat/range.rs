//! Bounds of a constant's elements.

use super::term::Number;

/// From the least to the largest, both finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: Number,
    high: Number,
}

impl Range {
    /// Of some numbers; none if one of them is not finite.
    pub fn of(values: &[f32]) -> Option<Self> {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let is_finite = values.iter().all(|value| value.is_finite());
        if values.is_empty() {
            Self::new(0.0, 0.0)
        } else {
            Self::new(low.into(), high.into()).filter(|_| is_finite)
        }
    }

    /// Rounded to f32; none beyond its numbers.
    fn new(low: f64, high: f64) -> Option<Self> {
        let (low, high) = (low as f32, high as f32);
        (low.is_finite() && high.is_finite()).then_some(Self { low: Number(low), high: Number(high) })
    }

    fn bounds(self) -> [f64; 2] {
        [self.low.0.into(), self.high.0.into()]
    }

    /// Of all numbers of both.
    pub fn joined(self, other: Self) -> Self {
        let (low, high) = (self.low.0.min(other.low.0), self.high.0.max(other.high.0));
        Self { low: Number(low), high: Number(high) }
    }

    /// Of sums of a number of each.
    pub fn plus(self, other: Self) -> Option<Self> {
        let ([low, high], [from, to]) = (self.bounds(), other.bounds());
        Self::new(low + from, high + to)
    }

    /// Of products of a number of each.
    pub fn times(self, other: Self) -> Option<Self> {
        let ([low, high], [from, to]) = (self.bounds(), other.bounds());
        let products = [low * from, low * to, high * from, high * to];
        let least = products.into_iter().fold(f64::INFINITY, f64::min);
        Self::new(least, products.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Of the numbers with the other sign.
    pub fn negated(self) -> Self {
        Self { low: Number(-self.high.0), high: Number(-self.low.0) }
    }

    /// Of `1 / sqrt(x + epsilon)`; none where that is no positive number.
    pub fn inverse_root(self, epsilon: f32) -> Option<Self> {
        let [low, high] = self.bounds().map(|bound| bound + f64::from(epsilon));
        if low > 0.0 { Self::new(high.sqrt().recip(), low.sqrt().recip()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ranges_bound_what_is_computed() {
        let (a, b) = (Range::of(&[-2.0, 3.0]).unwrap(), Range::of(&[4.0, -5.0]).unwrap());
        assert_eq!(a.plus(b), Range::of(&[-7.0, 7.0]));
        assert_eq!(a.times(b), Range::of(&[-15.0, 12.0]));
        assert_eq!(a.joined(b.negated()), Range::of(&[-4.0, 5.0]).unwrap());
        assert_eq!(Range::of(&[0.0, 3.0]).unwrap().inverse_root(1.0), Range::of(&[0.5, 1.0]));
    }

    #[test]
    fn what_may_not_be_finite_has_none() {
        assert_eq!(Range::of(&[1.0, f32::NAN]), None);
        assert_eq!(Range::of(&[f32::INFINITY]), None);
        assert!(Range::of(&[]).is_some());
        let large = Range::of(&[3e38]).unwrap();
        assert_eq!((large.plus(large), large.times(large)), (None, None));
        assert_eq!(Range::of(&[0.0]).unwrap().inverse_root(0.0), None);
        assert_eq!(Range::of(&[-1.0]).unwrap().inverse_root(0.5), None);
    }
}
