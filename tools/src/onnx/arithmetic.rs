//! Arithmetic of constants.

use super::constant::{Budget, Constant, Data};
use ait_dialects::infer;

/// Arithmetic and comparisons of two constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// lhs + rhs
    Add,
    /// lhs - rhs
    Sub,
    /// lhs * rhs
    Mul,
    /// lhs / rhs, integers toward zero
    Div,
    /// the smaller
    Min,
    /// the larger
    Max,
    /// lhs == rhs
    Equal,
    /// lhs > rhs
    Greater,
    /// lhs < rhs
    Less,
}

impl Binary {
    fn float(self, lhs: f64, rhs: f64) -> f64 {
        match self {
            Self::Add => lhs + rhs,
            Self::Sub => lhs - rhs,
            Self::Mul => lhs * rhs,
            Self::Div => lhs / rhs,
            // NaN of NaN.
            Self::Min => {
                if lhs < rhs || lhs.is_nan() {
                    lhs
                } else {
                    rhs
                }
            }
            Self::Max => {
                if lhs > rhs || lhs.is_nan() {
                    lhs
                } else {
                    rhs
                }
            }
            Self::Equal => f64::from(lhs == rhs),
            Self::Greater => f64::from(lhs > rhs),
            Self::Less => f64::from(lhs < rhs),
        }
    }

    fn int(self, lhs: i64, rhs: i64) -> Option<i64> {
        match self {
            Self::Add => lhs.checked_add(rhs),
            Self::Sub => lhs.checked_sub(rhs),
            Self::Mul => lhs.checked_mul(rhs),
            Self::Div => lhs.checked_div(rhs),
            Self::Min => Some(lhs.min(rhs)),
            Self::Max => Some(lhs.max(rhs)),
            Self::Equal => Some((lhs == rhs).into()),
            Self::Greater => Some((lhs > rhs).into()),
            Self::Less => Some((lhs < rhs).into()),
        }
    }

    const fn compares(self) -> bool {
        matches!(self, Self::Equal | Self::Greater | Self::Less)
    }

    /// Folds the operation with broadcasting.
    ///
    /// # Errors
    /// If shapes do not broadcast, types differ, or an integer result does not exist.
    #[expect(clippy::cast_possible_truncation, reason = "the exact result of two floats, rounded once")]
    pub fn fold(self, lhs: &Constant, rhs: &Constant, budget: &Budget) -> Result<Constant, String> {
        let shape = infer::broadcast(lhs.shape(), rhs.shape())?;
        let (lhs, rhs) = (lhs.expand(&shape, budget)?, rhs.expand(&shape, budget)?);
        let data = match (lhs.data(), rhs.data()) {
            // f64 holds sums, differences and products of floats exactly; a quotient rounds correctly too.
            (Data::F32(l), Data::F32(r)) => {
                Data::F32(l.iter().zip(r).map(|(&l, &r)| self.float(l.into(), r.into()) as f32).collect())
            }
            (Data::F64(l), Data::F64(r)) => {
                Data::F64(l.iter().zip(r).map(|(&l, &r)| self.float(l, r)).collect())
            }
            (Data::I64(l), Data::I64(r)) => Data::I64(self.ints(l.iter().copied().zip(r.iter().copied()))?),
            (Data::I32(l), Data::I32(r)) => {
                let wide = self.ints(l.iter().map(|&l| l.into()).zip(r.iter().map(|&r| r.into())))?;
                let narrow = wide.into_iter().map(|value| i32::try_from(value).map_err(|_| OVERFLOW));
                Data::I32(narrow.collect::<Result<_, _>>()?)
            }
            (Data::Bool(l), Data::Bool(r)) if self == Self::Equal => {
                Data::Bool(l.iter().zip(r).map(|(l, r)| l == r).collect())
            }
            (l, r) => return Err(format!("cannot compute with {} and {}", l.dtype(), r.dtype())),
        };
        let result = Constant::new(shape, data)?;
        if self.compares() { result.cast(9, budget) } else { Ok(result) }
    }

    fn ints(self, pairs: impl Iterator<Item = (i64, i64)>) -> Result<Vec<i64>, String> {
        pairs.map(|(l, r)| self.int(l, r).ok_or_else(|| OVERFLOW.to_string())).collect()
    }
}

const OVERFLOW: &str = "an integer constant overflows or is divided by zero";
