//! The best columns of every tile.

use std::ops::Range;

use crate::nm::{Columns, Mask, Weights};

/// How the elements of a column make its score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Norm {
    /// The sum of magnitudes.
    #[default]
    L1,
    /// The root of the sum of squares; its square orders alike.
    L2,
}

impl Norm {
    fn of(self, value: f32) -> f64 {
        let value = f64::from(value);
        match self {
            Self::L1 => value.abs(),
            Self::L2 => value * value,
        }
    }
}

/// The mask that keeps, in every tile and of every group of columns, those of the highest score; of equal ones the lowest.
/// `scored` are the weights, or as many scores. Sums are f64, row by row, so that the result depends on nothing else.
///
/// # Errors
/// Names the first element that is not finite; if the pattern does not suit the weights.
pub fn best_columns(scored: &Weights, norm: Norm, columns: Columns) -> Result<Mask, String> {
    if let Some(at) = scored.data.iter().position(|value| !value.is_finite()) {
        let (row, column) = (at / scored.k.max(1), at % scored.k.max(1));
        return Err(format!("row {row} has {} in column {column}, which has no score", scored.data[at]));
    }
    let tile = usize::try_from(columns.tile).map_err(|_| format!("{columns} has a negative tile"))?;
    let kept = scored.tiles(tile).map(|rows| select(&column_scores(scored, rows, norm), columns)).collect();
    Mask::new(columns, [scored.groups, scored.rows, scored.k], kept)
}

/// One score per column, over some rows.
fn column_scores(scored: &Weights, rows: Range<usize>, norm: Norm) -> Vec<f64> {
    let mut sums = vec![0.0; scored.k];
    let rows = scored.data.chunks_exact(scored.k.max(1)).take(rows.end).skip(rows.start);
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += norm.of(value));
    }
    sums
}

fn select(scores: &[f64], columns: Columns) -> Vec<u32> {
    let m = usize::try_from(columns.m).unwrap_or(usize::MAX).max(1);
    let mut kept = vec![];
    for (start, group) in (0..).step_by(m.min(scores.len().max(1))).zip(scores.chunks(m)) {
        let mut order: Vec<_> = group.iter().enumerate().collect();
        order.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        let count = usize::try_from(columns.kept(group.len() as i64)).unwrap_or(0);
        let mut best: Vec<_> = order.iter().take(count).map(|(column, _)| (start + column) as u32).collect();
        best.sort_unstable();
        kept.extend(best);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A column is kept if fewer than the wanted number of its group beat it: the definition, not the algorithm.
    fn is_kept(weights: &Weights, norm: Norm, columns: Columns, tile: usize, column: usize) -> bool {
        let (width, m) = (columns.tile as usize, columns.m as usize);
        let tiles_of_group = weights.rows.div_ceil(width);
        let (group, first) = (tile / tiles_of_group, tile % tiles_of_group * width);
        let rows = first..weights.rows.min(first + width);
        let score = |column: usize| -> f64 {
            let value =
                |row: usize| f64::from(weights.data[(group * weights.rows + row) * weights.k + column]);
            match norm {
                Norm::L1 => rows.clone().map(|row| value(row).abs()).sum(),
                Norm::L2 => rows.clone().map(|row| value(row) * value(row)).sum(),
            }
        };
        let start = column / m * m;
        let end = weights.k.min(start + m);
        let own = score(column);
        let better = (start..end).filter(|&k| score(k) > own || (score(k) == own && k < column)).count();
        let wanted = ((end - start) * columns.n as usize).div_ceil(m);
        better < wanted
    }

    #[test]
    fn random_weights_keep_the_best() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..400 {
            let (groups, rows, k) =
                (random.random_range(1..4), random.random_range(1..20), random.random_range(1..40));
            let m = if random.random_bool(0.4) { k as i64 } else { random.random_range(1..12) };
            let columns = Columns { n: random.random_range(1..=m), m, tile: random.random_range(1..24) };
            let norm = if random.random_bool(0.5) { Norm::L1 } else { Norm::L2 };
            // Few different values, so that ties are common.
            let data = (0..groups * rows * k).map(|_| random.random_range(-2i8..3).into()).collect();
            let weights = Weights { groups, rows, k, data };
            let mask = best_columns(&weights, norm, columns).unwrap();
            assert_eq!(mask.kept.len(), groups * rows.div_ceil(columns.tile as usize));
            for (tile, kept) in mask.kept.iter().enumerate() {
                let wanted: Vec<_> = (0..k).filter(|&c| is_kept(&weights, norm, columns, tile, c)).collect();
                assert!(kept.iter().map(|&column| column as usize).eq(wanted), "{columns} {weights:?}");
            }
        }
    }

    #[test]
    fn norms_differ_and_ties_go_to_the_lowest() {
        let weights = Weights { groups: 1, rows: 2, k: 4, data: vec![3., 2., -2., 0., 0., -2., 2., 0.] };
        let kept = |norm, n| best_columns(&weights, norm, Columns { n, m: 4, tile: 2 }).unwrap().kept;
        assert_eq!(kept(Norm::L1, 1), [[1]]);
        assert_eq!(kept(Norm::L1, 2), [[1, 2]]);
        assert_eq!(kept(Norm::L2, 1), [[0]]);
        assert_eq!(kept(Norm::L2, 2), [[0, 1]]);
    }

    #[test]
    fn what_is_not_finite_has_no_score() {
        let weights = Weights { groups: 1, rows: 2, k: 2, data: vec![1., 2., 3., f32::NAN] };
        let error = best_columns(&weights, Norm::L1, Columns { n: 1, m: 2, tile: 2 }).unwrap_err();
        assert_eq!(error, "row 1 has NaN in column 1, which has no score");
    }
}
