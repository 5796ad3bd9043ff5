//! Column-wise N:M sparsity: the pattern of pruned weights.

use std::fmt::{self, Display, Formatter};

/// The pattern `#nm.columns<n, m, tile>`: in every tile of `tile` rows, `n` of every `m` consecutive columns are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Columns {
    /// Columns kept of a group, 1 to `m`.
    pub n: i64,
    /// Consecutive columns of a group.
    pub m: i64,
    /// Rows that keep the same columns.
    pub tile: i64,
}

/// Bound on `m` and `tile`, so that no product of two of them overflows.
const LIMIT: i64 = 1 << 29;

impl Columns {
    /// The pattern, if `1 <= n <= m` and `tile >= 1`.
    ///
    /// # Errors
    /// Names the parameter that is out of range.
    pub fn new(n: i64, m: i64, tile: i64) -> Result<Self, String> {
        let pattern = Self { n, m, tile };
        for (name, value, most) in [("m", m, LIMIT), ("n", n, m), ("tile", tile, LIMIT)] {
            if value < 1 || value > most {
                return Err(format!("{pattern} has {name} outside 1 to {most}"));
            }
        }
        Ok(pattern)
    }

    /// Columns kept of a group of `len` consecutive ones, `len <= m`; those of a short last group in proportion.
    pub fn kept(self, len: i64) -> i64 {
        if len == self.m { self.n } else { (self.n * len + self.m - 1) / self.m }
    }

    /// Columns kept of `k` columns, in every tile.
    pub fn kept_of(self, k: i64) -> i64 {
        k / self.m * self.n + self.kept(k % self.m)
    }
}

impl Display for Columns {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "#nm.columns<{}, {}, {}>", self.n, self.m, self.tile)
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn short_groups_keep_in_proportion() {
        let pattern = Columns { n: 2, m: 4, tile: 1 };
        assert_eq!([1, 2, 3, 4].map(|len| pattern.kept(len)), [1, 1, 2, 2]);
        assert_eq!([0, 3, 4, 9].map(|k| pattern.kept_of(k)), [0, 2, 2, 5]);
    }
}
