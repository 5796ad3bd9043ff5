//! The structure of weights that have zeros already.

use super::{Kind, plan::GEMM_TILE};
use crate::{
    nm::{Columns, Weights},
    select_kernels::{balanced_tile, cost},
};

/// Column-wise sparsity that was found in weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The pattern of least estimated cost, its group the whole reduction.
    pub columns: Columns,
    /// `n` of `m` for the smallest m of 4, 8, 16 that every tile of that pattern also obeys while keeping no more columns.
    pub nm: Option<(i64, i64)>,
}

/// Sparse kernels must be estimated at most this fraction of the dense one's cost (9 of 10): their columns cost an index more.
const MARGIN: (i64, i64) = (9, 10);

/// Most rows that kernels of some group size compute at once: with one vector or two beside them in the registers.
const LIMITS: [i64; 8] = [2, 3, 6, 7, 14, 15, 30, 31];

/// What a kernel for a pattern costs; none if there is no kernel.
pub type Cost<'a> = dyn Fn(Columns) -> Option<f64> + 'a;

/// The structure of weights, if a sparse kernel is estimated at 10 % less than the dense one at least. For each tile of a
/// convolution up to `most_tile` rows (of a product: 32) n is the largest number of non-zero columns of a tile. Of those up
/// to each limit that a group size sets, the one with the least `pack::cost` times n is a candidate, of equal ones the
/// largest; `kernel` decides among them.
pub fn structure(weights: &Weights, kind: Kind, most_tile: i64, kernel: &Cost) -> Option<Found> {
    let (rows, k) = (i64::try_from(weights.rows).ok()?, i64::try_from(weights.k).ok()?);
    if k == 0 || rows == 0 || !has_enough_zeros(&weights.data) {
        return None;
    }
    let bits = Bits::of(weights);
    let counted = |tile: i64| (tile, bits.most_columns(tile as usize).max(1));
    let mut candidates: Vec<(i64, i64)> = if kind.is_product() {
        vec![counted(GEMM_TILE.min(rows))]
    } else {
        let all: Vec<_> = (1..=most_tile.clamp(1, rows)).rev().map(counted).collect();
        let best = |limit: i64| {
            let within = all.iter().filter(|&&(tile, _)| tile <= limit);
            within.copied().min_by_key(|&(tile, n)| cost(rows, tile) * n)
        };
        LIMITS.into_iter().filter_map(best).collect()
    };
    candidates.sort_by_key(|&(tile, _)| -tile);
    candidates.dedup();
    // The dense kernel computes as many rows at once as fit the registers at LMUL 4.
    let dense = cost(rows, balanced_tile(rows, 7)) * k;
    let dense = if kind.is_product() { cost(rows, GEMM_TILE.min(rows)) * k } else { dense };
    let pays = |&(tile, n): &(i64, i64)| cost(rows, tile) * n * MARGIN.1 <= dense * MARGIN.0;
    let priced = candidates.into_iter().filter(pays).filter_map(|(tile, n)| {
        let columns = Columns::new(n, k, tile).ok()?;
        Some((columns, kernel(columns)?))
    });
    let (columns, _) = priced.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Found { columns, nm: nm(&bits, columns) })
}

/// The cost of a product with sparse weights, in columns of tiles.
pub fn product_cost(rows: i64, columns: Columns) -> f64 {
    (cost(rows, columns.tile) * columns.n) as f64
}

/// Whether a pattern could pay: every tile must have as large a part of zero columns as [`MARGIN`] asks for. Cheap, since
/// most weights of most networks have none.
pub(super) fn has_enough_zeros(data: &[f32]) -> bool {
    let zeros = data.iter().filter(|&&value| value == 0.0).count() as u64;
    zeros * MARGIN.1.unsigned_abs() >= data.len() as u64 * (MARGIN.1 - MARGIN.0).unsigned_abs()
}

fn nm(bits: &Bits, columns: Columns) -> Option<(i64, i64)> {
    [4, 8, 16].into_iter().filter(|&m| m < columns.m).find_map(|m| {
        // The least n that is enough in whole groups; a short last one is in proportion.
        let fits = |n: &i64| {
            let pattern = Columns { n: *n, m, tile: columns.tile };
            let exact = pattern.kept_of(columns.m) == columns.n;
            exact
                && bits
                    .tiles(columns.tile as usize)
                    .iter()
                    .enumerate()
                    .all(|(tile, flags)| pattern.check_tile(tile, flags).is_ok())
        };
        (1..m).find(fits).map(|n| (n, m))
    })
}

/// Which weights are not zero, a bit each.
struct Bits {
    groups: usize,
    rows: usize,
    k: usize,
    words: Vec<u64>,
}

impl Bits {
    fn of(weights: &Weights) -> Self {
        let word = |values: &[f32]| {
            values.iter().enumerate().fold(0, |word, (bit, &value)| word | u64::from(value != 0.0) << bit)
        };
        let rows = weights.data.chunks_exact(weights.k.max(1));
        let words = rows.flat_map(|row| row.chunks(64).map(word)).collect();
        Self { groups: weights.groups, rows: weights.rows, k: weights.k, words }
    }

    /// Per tile, the words of its non-zero columns.
    fn unions(&self, tile: usize) -> impl Iterator<Item = Vec<u64>> {
        let width = self.k.div_ceil(64).max(1);
        let groups = self.words.chunks((self.rows * width).max(1)).take(self.groups);
        groups.flat_map(move |group| group.chunks((tile * width).max(1))).map(move |rows| {
            let mut union = vec![0; width];
            for row in rows.chunks(width) {
                union.iter_mut().zip(row).for_each(|(union, &word)| *union |= word);
            }
            union
        })
    }

    fn most_columns(&self, tile: usize) -> i64 {
        let count = |words: Vec<u64>| words.into_iter().map(|word| i64::from(word.count_ones())).sum();
        self.unions(tile).map(count).max().unwrap_or(0)
    }

    /// Per tile, whether each column is not zero.
    fn tiles(&self, tile: usize) -> Vec<Vec<bool>> {
        let flags = |words: Vec<u64>| (0..self.k).map(|at| words[at / 64] >> (at % 64) & 1 == 1).collect();
        self.unions(tile).map(flags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{Norm, best_columns};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random(random: &mut ChaCha8Rng, groups: usize, rows: usize, k: usize) -> Weights {
        let data = (0..groups * rows * k).map(|_| random.random_range(0.5..2.0f32)).collect();
        Weights { groups, rows, k, data }
    }

    /// The definition, column by column.
    fn most_columns(weights: &Weights, tile: usize) -> i64 {
        let count = |rows: std::ops::Range<usize>| {
            let used = |k: &usize| rows.clone().any(|row| weights.data[row * weights.k + k] != 0.0);
            (0..weights.k).filter(used).count() as i64
        };
        weights.tiles(tile).map(count).max().unwrap()
    }

    #[test]
    fn counts_agree_with_their_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            let (groups, rows) = (rng.random_range(1..3), rng.random_range(1..12));
            let k = rng.random_range(1..150);
            let mut weights = random(&mut rng, groups, rows, k);
            weights.data.iter_mut().for_each(|value| *value *= f32::from(rng.random_bool(0.3)));
            let bits = Bits::of(&weights);
            for tile in 1..14 {
                assert_eq!(bits.most_columns(tile), most_columns(&weights, tile));
                let flags: Vec<_> = weights.tiles(tile).map(|rows| weights.occupied(rows)).collect();
                assert_eq!(bits.tiles(tile), flags);
            }
        }
    }

    /// A kernel that takes as long as [`cost`] says.
    fn by_rows(rows: usize) -> impl Fn(Columns) -> Option<f64> {
        move |columns| Some((cost(rows as i64, columns.tile) * columns.n) as f64)
    }

    #[test]
    fn what_was_pruned_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for (groups, rows, k, kind) in [
            (1, 64, 144, Kind::Conv2d),
            (2, 30, 70, Kind::Conv2d),
            (1, 100, 64, Kind::Gemm),
            (1, 9, 64, Kind::Matmul),
        ] {
            let dense = random(&mut rng, groups, rows, k);
            let kernel = by_rows(rows);
            assert_eq!(structure(&dense, kind, 7, &kernel), None);
            let tile = if kind.is_product() { 32.min(rows as i64) } else { balanced_tile(rows as i64, 7) };
            for (n, m) in [(k as i64 / 2, k as i64), (2, 4), (1, 4), (3, 8)] {
                let mut weights = dense.clone();
                let pattern = Columns { n, m, tile };
                best_columns(&dense, Norm::L1, pattern).unwrap().apply(&mut weights).unwrap();
                let found = structure(&weights, kind, 7, &kernel).unwrap();
                assert_eq!(found.columns, Columns { n: pattern.kept_of(k as i64), m: k as i64, tile });
                let wanted = (m < k as i64).then_some((n, m));
                assert_eq!(found.nm, wanted, "{pattern} of {groups} {rows} {k}");
            }
        }
    }

    #[test]
    fn a_little_sparsity_does_not_pay() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let dense = random(&mut rng, 1, 14, 100);
        let pruned = |n| {
            let mut weights = dense.clone();
            let mask = best_columns(&dense, Norm::L1, Columns { n, m: 100, tile: 7 }).unwrap();
            mask.apply(&mut weights).unwrap();
            structure(&weights, Kind::Conv2d, 7, &by_rows(14)).map(|found| found.columns.n)
        };
        assert_eq!(pruned(91), None);
        assert_eq!(pruned(90), Some(90));
        let zero = Weights { groups: 1, rows: 3, k: 4, data: vec![0.0; 12] };
        assert_eq!(
            structure(&zero, Kind::Conv2d, 7, &by_rows(3)).unwrap().columns,
            Columns { n: 1, m: 4, tile: 3 }
        );
    }
}
