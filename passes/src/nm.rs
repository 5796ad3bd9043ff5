//! Column-wise N:M sparsity of weights: which columns each tile keeps, and the packed form that kernels read.

mod pack;

pub use ait_dialects::nm::{Columns, Weights};
pub use pack::{Packed, pack};

/// The columns that each tile keeps, exactly as many as its pattern says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The pattern.
    pub columns: Columns,
    /// Convolution groups.
    pub groups: usize,
    /// Rows of a group.
    pub rows: usize,
    /// Columns of the weights.
    pub k: usize,
    /// Per tile, group by group, the kept columns in ascending order.
    pub kept: Vec<Vec<u32>>,
}

impl Mask {
    /// A mask of given columns for weights of `groups` times `rows` x `k`.
    ///
    /// # Errors
    /// If the number of tiles is wrong, or a tile's columns are not ascending, in range, and exactly as many as the
    /// pattern keeps in every group of columns.
    pub fn new(columns: Columns, [groups, rows, k]: [usize; 3], kept: Vec<Vec<u32>>) -> Result<Self, String> {
        let tiles = groups.saturating_mul(rows.div_ceil(tile_of(columns)));
        if kept.len() != tiles {
            return Err(format!("a mask of {} tiles is not for {tiles}", kept.len()));
        }
        for (tile, list) in kept.iter().enumerate() {
            check_kept(columns, k, list).map_err(|message| format!("tile {tile} {message}"))?;
        }
        Ok(Self { columns, groups, rows, k, kept })
    }

    /// The non-zero columns of weights, filled up to the exact counts with the lowest zero columns of each group.
    ///
    /// # Errors
    /// Names the tile and group of columns that has more non-zero ones than are kept.
    pub fn of_zeros(weights: &Weights, columns: Columns) -> Result<Self, String> {
        u32::try_from(weights.k).map_err(|_| format!("weights with {} columns are too wide", weights.k))?;
        let (m, tile) = (usize::try_from(columns.m).unwrap_or(usize::MAX), tile_of(columns));
        let of_tile = |(index, rows)| {
            let mut keep = weights.occupied(rows);
            columns.check_tile(index, &keep)?;
            for group in keep.chunks_mut(m) {
                let wanted = columns.kept(group.len() as i64) as usize;
                let missing = wanted - group.iter().filter(|&&kept| kept).count();
                group.iter_mut().filter(|kept| !**kept).take(missing).for_each(|kept| *kept = true);
            }
            Ok((0..).zip(keep).filter(|(_, kept)| *kept).map(|(column, _)| column).collect())
        };
        let kept = weights.tiles(tile).enumerate().map(of_tile).collect::<Result<_, String>>()?;
        Ok(Self { columns, groups: weights.groups, rows: weights.rows, k: weights.k, kept })
    }

    /// Sets every weight outside the mask to zero.
    ///
    /// # Errors
    /// If the weights have another shape.
    pub fn apply(&self, weights: &mut Weights) -> Result<(), String> {
        self.check_shape(weights)?;
        for (rows, kept) in weights.tiles(tile_of(self.columns)).zip(self.flags()).collect::<Vec<_>>() {
            for row in rows {
                let row = &mut weights.data[row * self.k..(row + 1) * self.k];
                row.iter_mut().zip(&kept).filter(|(_, kept)| !**kept).for_each(|(value, _)| *value = 0.0);
            }
        }
        Ok(())
    }

    /// Checks that every weight outside the mask is zero.
    ///
    /// # Errors
    /// Names the first row and column that is not, or the shape that is wrong.
    pub fn contains_all(&self, weights: &Weights) -> Result<(), String> {
        self.check_shape(weights)?;
        for (tile, (rows, kept)) in weights.tiles(tile_of(self.columns)).zip(self.flags()).enumerate() {
            for row in rows {
                let values = &weights.data[row * self.k..(row + 1) * self.k];
                if let Some(column) = (0..self.k).find(|&column| values[column] != 0.0 && !kept[column]) {
                    return Err(format!(
                        "row {row} has {} in column {column}, outside the mask of tile {tile}",
                        values[column]
                    ));
                }
            }
        }
        Ok(())
    }

    /// Columns kept by every tile.
    pub fn kept_columns(&self) -> usize {
        self.columns.kept_of(self.k as i64) as usize
    }

    fn check_shape(&self, weights: &Weights) -> Result<(), String> {
        let (own, other) = ([self.groups, self.rows, self.k], [weights.groups, weights.rows, weights.k]);
        if own == other && weights.data.len() == own.iter().product::<usize>() {
            return Ok(());
        }
        Err(format!("a mask for groups, rows, columns {own:?} is not for weights of {other:?}"))
    }

    /// Per tile, whether each column is kept.
    fn flags(&self) -> impl Iterator<Item = Vec<bool>> {
        self.kept.iter().map(|list| {
            let mut flags = vec![false; self.k];
            list.iter().filter_map(|&column| usize::try_from(column).ok()).for_each(|column| {
                if let Some(flag) = flags.get_mut(column) {
                    *flag = true;
                }
            });
            flags
        })
    }
}

fn tile_of(columns: Columns) -> usize {
    usize::try_from(columns.tile).unwrap_or(usize::MAX).max(1)
}

fn check_kept(columns: Columns, k: usize, kept: &[u32]) -> Result<(), String> {
    if let Some(pair) = kept.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("keeps column {} before column {}: they must ascend", pair[0], pair[1]));
    }
    if let Some(&last) = kept.last().filter(|&&last| last as usize >= k) {
        return Err(format!("keeps column {last} of {k}"));
    }
    let m = usize::try_from(columns.m).unwrap_or(usize::MAX).max(1);
    for (group, start) in (0..k).step_by(m).enumerate() {
        let end = k.min(start.saturating_add(m));
        let count = kept.iter().filter(|&&column| (start..end).contains(&(column as usize))).count();
        let wanted = columns.kept((end - start) as i64);
        if count as i64 != wanted {
            return Err(format!("keeps {count} columns of group {group}, where {columns} keeps {wanted}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(groups: usize, rows: usize, k: usize, zero: impl Fn(usize, usize) -> bool) -> Weights {
        let value = |i: usize| if zero(i / k, i % k) { 0.0 } else { i as f32 + 1.0 };
        Weights { groups, rows, k, data: (0..groups * rows * k).map(value).collect() }
    }

    #[test]
    fn zeros_tell_the_mask() {
        let pattern = Columns { n: 2, m: 4, tile: 2 };
        // Tile 0 (rows 0, 1) has column 1 and 6 only; tile 1 (row 2) nothing.
        let dense = |row: usize, k: usize| (row == 0 && k == 1) || (row == 1 && k == 6);
        let weights = weights(1, 3, 7, |row, k| !dense(row, k));
        let mask = Mask::of_zeros(&weights, pattern).unwrap();
        assert_eq!(mask.kept, [vec![0, 1, 4, 6], vec![0, 1, 4, 5]]);
        assert_eq!(mask.kept_columns(), 4);
        assert_eq!(mask.contains_all(&weights), Ok(()));
        assert_eq!(Mask::new(pattern, [1, 3, 7], mask.kept.clone()), Ok(mask));
    }

    #[test]
    fn too_many_columns_are_an_error() {
        let weights = weights(2, 3, 4, |row, k| row < 3 && k > 0);
        let error = Mask::of_zeros(&weights, Columns { n: 1, m: 2, tile: 3 }).unwrap_err();
        assert_eq!(
            error,
            "tile 1 has 2 non-zero columns in columns 0 to 1 (group 0), where #nm.columns<1, 2, 3> keeps 1"
        );
    }

    #[test]
    fn a_mask_zeroes_all_else() {
        let mask =
            Mask::new(Columns { n: 1, m: 3, tile: 2 }, [2, 3, 3], vec![vec![0], vec![1], vec![2], vec![0]])
                .unwrap();
        let mut dense = weights(2, 3, 3, |_, _| false);
        assert_eq!(
            mask.contains_all(&dense).unwrap_err(),
            "row 0 has 2 in column 1, outside the mask of tile 0"
        );
        let kept = [0, 0, 1, 2, 2, 0];
        let expected = weights(2, 3, 3, |row, k| k != kept[row]);
        mask.apply(&mut dense).unwrap();
        assert_eq!(dense, expected);
        assert_eq!(mask.contains_all(&dense), Ok(()));
        dense.rows = 2;
        assert!(mask.apply(&mut dense).is_err());
    }

    #[test]
    fn masks_are_exact() {
        let new = |kept: &[&[u32]]| {
            let kept = kept.iter().map(|list| list.to_vec()).collect();
            Mask::new(Columns { n: 1, m: 2, tile: 4 }, [1, 4, 4], kept).unwrap_err()
        };
        assert_eq!(new(&[]), "a mask of 0 tiles is not for 1");
        assert_eq!(new(&[&[2, 1]]), "tile 0 keeps column 2 before column 1: they must ascend");
        assert_eq!(new(&[&[0, 4]]), "tile 0 keeps column 4 of 4");
        assert_eq!(new(&[&[0, 1]]), "tile 0 keeps 2 columns of group 0, where #nm.columns<1, 2, 4> keeps 1");
    }
}
