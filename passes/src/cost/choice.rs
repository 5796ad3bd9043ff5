//! How a convolution can be computed.

use super::Convolution;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// Vector registers of the machine.
const REGISTERS: i64 = 32;
/// Register group sizes.
const LMULS: [i64; 4] = [1, 2, 4, 8];
/// Reduction steps of an iteration.
const UNROLLS: [i64; 3] = [2, 4, 8];

pub use ait_ops::Algorithm;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Where the vectors come from.
    pub algorithm: Algorithm,
    /// Output channels at once; of sparse weights, the rows that keep the same columns.
    pub tile: i64,
    /// Register group size.
    pub lmul: i64,
    /// Reduction steps of an iteration.
    pub unroll: i64,
}

impl Choice {
    /// Whether `tile` accumulators and one vector fit the register file.
    pub fn fits(&self) -> bool {
        self.tile >= 1 && (self.tile + 1) * self.lmul <= REGISTERS
    }
}

impl Display for Choice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} t{} m{} u{}", self.algorithm.name(), self.tile, self.lmul, self.unroll)
    }
}

/// What a pass's options or a pattern of sparsity leave open: everything that is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// Packed, or not.
    pub is_packed: Option<bool>,
    /// Exactly this tile.
    pub tile: Option<i64>,
    /// At most these rows of a tile.
    pub most_tile: Option<i64>,
    /// Exactly this group size.
    pub lmul: Option<i64>,
    /// Exactly so many steps.
    pub unroll: Option<i64>,
}

impl Given {
    /// Whether nothing that is given speaks against a choice.
    pub fn allows(&self, choice: &Choice) -> bool {
        self.is_packed.is_none_or(|packed| packed == (choice.algorithm == Algorithm::Packed))
            && self.tile.is_none_or(|tile| tile == choice.tile)
            && self.most_tile.is_none_or(|most| choice.tile <= most)
            && self.lmul.is_none_or(|lmul| lmul == choice.lmul)
            && self.unroll.is_none_or(|unroll| unroll == choice.unroll)
    }
}

/// Algorithms that compute the convolution, best guess first. A 1x1 convolution runs over the positions of all images,
/// which are one dense run in CNHW, and if there is one image.
pub fn algorithms(convolution: &Convolution, is_cnhw: bool) -> Vec<Algorithm> {
    let window = convolution.window();
    let is_one_run = is_cnhw || convolution.input[0] == 1;
    let in_place = if window.is_in_place() { Algorithm::Direct } else { Algorithm::Split };
    let can_split = window.can_split() && (window.kernel != [1, 1] || is_one_run);
    can_split.then_some(in_place).into_iter().chain([Algorithm::Packed]).collect()
}

/// Ways to compute a convolution in CNHW that fit the registers and what is given, in a fixed order. Where no tile is
/// given, only those that leave less than half of the registers idle: others load every vector twice as often. A tile is
/// never larger than the rows of a group. Without a step count, iterations of one step are left out.
pub fn candidates(convolution: &Convolution, given: &Given) -> Vec<Choice> {
    let mut found = Vec::new();
    let rows = convolution.rows().max(1);
    for algorithm in algorithms(convolution, true) {
        for lmul in LMULS {
            let most = (REGISTERS / lmul - 1).min(given.most_tile.unwrap_or(REGISTERS)).min(rows);
            let least = if given.tile.is_some() { 1 } else { (REGISTERS / lmul / 2).min(most) };
            for tile in least..=most {
                let of = |unroll| Choice { algorithm, tile, lmul, unroll };
                let unrolls = UNROLLS.into_iter().chain(given.unroll.filter(|unroll| *unroll == 1));
                found.extend(unrolls.map(of).filter(|choice| given.allows(choice)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(rows: usize, pad: usize) -> Convolution {
        Convolution {
            input: [1, 8, 14, 14],
            filter: [rows, 8, 3, 3],
            strides: [1, 1],
            pads: [pad; 4],
            dilations: [1, 1],
            groups: 1,
        }
    }

    #[test]
    fn candidates_fit_the_registers() {
        let all = candidates(&conv(64, 1), &Given::default());
        // 16 to 31, 8 to 15, 4 to 7 and 2 to 3 rows, 3 unrolls, 2 algorithms.
        assert_eq!(all.len(), 30 * 3 * 2);
        assert!(all.iter().all(Choice::fits));
        let most = |lmul| all.iter().filter(|choice| choice.lmul == lmul).map(|choice| choice.tile).max();
        assert_eq!(LMULS.map(most), [Some(31), Some(15), Some(7), Some(3)]);
    }

    #[test]
    fn what_is_given_is_kept() {
        let given =
            Given { tile: Some(5), lmul: Some(4), unroll: Some(8), is_packed: Some(true), most_tile: None };
        let all = candidates(&conv(64, 0), &given);
        assert_eq!(all, [Choice { algorithm: Algorithm::Packed, tile: 5, lmul: 4, unroll: 8 }]);
        let few = candidates(&conv(3, 0), &Given { lmul: Some(4), ..Given::default() });
        assert_eq!(few.len(), 3 * 2);
        assert_eq!(few.first().map(|choice| choice.algorithm), Some(Algorithm::Direct));
    }
}
