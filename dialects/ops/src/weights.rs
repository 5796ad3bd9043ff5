//! Weights as one matrix, whose columns are the reduction's steps.

use crate::{Columns, elements};
use std::ops::Range;

/// `(groups * rows) x k` row-major. Of a filter `k = (kh * KW + kw) * C + c`, C the channels of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Convolution groups.
    pub groups: usize,
    /// Output channels of a group.
    pub rows: usize,
    /// Columns.
    pub k: usize,
    /// The elements.
    pub data: Vec<f32>,
}

/// How the data of a filter `(groups * rows) x C x KH x KW`, or `rows x K` of a gemm, is a matrix.
#[derive(Clone, Copy)]
struct Shape {
    groups: usize,
    rows: usize,
    channels: usize,
    taps: usize,
}

impl Shape {
    fn of(shape: &[i64], groups: i64) -> Result<Self, String> {
        elements(shape)?;
        let dims: Vec<_> = shape.iter().filter_map(|&dim| usize::try_from(dim).ok()).collect();
        let (rows, channels, taps) = match dims[..] {
            [rows, channels, kh, kw] => (rows, channels, kh * kw),
            [rows, k] => (rows, k, 1),
            _ => return Err(format!("weights have rank 2 or 4, not the shape {shape:?}")),
        };
        match usize::try_from(groups) {
            Ok(groups) if groups > 0 && rows.is_multiple_of(groups) => {
                Ok(Self { groups, rows: rows / groups, channels, taps })
            }
            _ => Err(format!("{rows} rows cannot be split into {groups} groups")),
        }
    }

    fn k(self) -> usize {
        self.channels * self.taps
    }

    /// The column of each element of a row of the filter.
    fn columns(self) -> impl Iterator<Item = usize> {
        (0..self.channels).flat_map(move |c| (0..self.taps).map(move |tap| tap * self.channels + c))
    }

    fn check(self, data: &[f32]) -> Result<(), String> {
        let wanted = self.groups * self.rows * self.k();
        if data.len() == wanted {
            return Ok(());
        }
        Err(format!("weights of {wanted} elements cannot have {}", data.len()))
    }
}

impl Weights {
    /// Of row-major filter data, `shape` being `(groups * rows) x C x KH x KW` or, of a gemm, `rows x K`.
    ///
    /// # Errors
    /// If the rank is another, or shape, groups and data do not fit.
    pub fn from_filter(shape: &[i64], groups: i64, data: &[f32]) -> Result<Self, String> {
        let shape = Shape::of(shape, groups)?;
        shape.check(data)?;
        let mut matrix = vec![0.0; data.len()];
        let width = shape.k().max(1);
        for (to, from) in matrix.chunks_exact_mut(width).zip(data.chunks_exact(width)) {
            shape.columns().zip(from).for_each(|(column, &value)| to[column] = value);
        }
        Ok(Self { groups: shape.groups, rows: shape.rows, k: shape.k(), data: matrix })
    }

    /// The filter data of a shape, the inverse of [`Weights::from_filter`].
    ///
    /// # Errors
    /// If the shape is not one of these weights.
    pub fn to_filter(&self, shape: &[i64]) -> Result<Vec<f32>, String> {
        let shape = Shape::of(shape, i64::try_from(self.groups).unwrap_or(0))?;
        shape.check(&self.data)?;
        let width = shape.k().max(1);
        let rows = self.data.chunks_exact(width);
        Ok(rows.flat_map(|row| shape.columns().map(|column| row[column])).collect())
    }

    /// The rows of each tile, group by group; tiles do not cross groups.
    pub fn tiles(&self, tile: usize) -> impl Iterator<Item = Range<usize>> {
        tiles(self.groups, self.rows, tile)
    }

    /// Which columns have a non-zero element in some of the rows, e.g. of a tile.
    pub fn occupied(&self, rows: Range<usize>) -> Vec<bool> {
        occupied(self.data.get(rows.start * self.k..rows.end * self.k).unwrap_or_default(), self.k)
    }
}

fn tiles(groups: usize, rows: usize, tile: usize) -> impl Iterator<Item = Range<usize>> {
    (0..groups).flat_map(move |group| {
        let end = (group + 1) * rows;
        (group * rows..end).step_by(tile.max(1)).map(move |start| start..end.min(start + tile.max(1)))
    })
}

fn occupied(rows: &[f32], width: usize) -> Vec<bool> {
    let mut found = vec![false; width];
    for row in rows.chunks_exact(width.max(1)) {
        found.iter_mut().zip(row).for_each(|(found, &value)| *found |= value != 0.0);
    }
    found
}

/// Checks that filter data, as in [`Weights::from_filter`], has at most as many non-zero columns in each group of
/// columns of each tile as `pattern` keeps. (In the filter's own order: verifiers run often, transposing is dear.)
///
/// # Errors
/// Names the first tile and group of columns that has more.
pub fn check_columns(pattern: Columns, shape: &[i64], groups: i64, data: &[f32]) -> Result<(), String> {
    let shape = Shape::of(shape, groups)?;
    shape.check(data)?;
    let width = shape.k();
    let tile = usize::try_from(pattern.tile).unwrap_or(usize::MAX);
    let mut columns = vec![false; width];
    for (index, rows) in tiles(shape.groups, shape.rows, tile).enumerate() {
        let found = occupied(&data[rows.start * width..rows.end * width], width);
        shape.columns().zip(found).for_each(|(column, found)| columns[column] = found);
        pattern.check_tile(index, &columns)?;
    }
    Ok(())
}

impl Columns {
    /// Checks that a tile, of which some columns are non-zero, has at most as many in each group as are kept.
    ///
    /// # Errors
    /// Names the tile and the first group that has more.
    pub fn check_tile(self, tile: usize, occupied: &[bool]) -> Result<(), String> {
        let m = usize::try_from(self.m).unwrap_or(usize::MAX).max(1);
        for (group, columns) in occupied.chunks(m).enumerate() {
            let count = columns.iter().filter(|&&found| found).count();
            let kept = self.kept(i64::try_from(columns.len()).unwrap_or(i64::MAX));
            if i64::try_from(count).is_ok_and(|count| count > kept) {
                return Err(format!(
                    "tile {tile} has {count} non-zero columns in columns {} to {} (group {group}), where {self} keeps {kept}",
                    group * m,
                    group * m + columns.len() - 1
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_matrix_with_channels_fastest() {
        let shape = [4, 3, 2, 2];
        let data: Vec<f32> = (0..48).map(|value| value as f32).collect();
        let weights = Weights::from_filter(&shape, 2, &data).unwrap();
        assert_eq!((weights.groups, weights.rows, weights.k), (2, 2, 12));
        for (row, c, h, w) in (0..48).map(|i| (i / 12, i / 4 % 3, i / 2 % 2, i % 2)) {
            let column = (h * 2 + w) * 3 + c;
            assert_eq!(weights.data[row * 12 + column], data[((row * 3 + c) * 2 + h) * 2 + w]);
        }
        assert_eq!(weights.to_filter(&shape), Ok(data));
        assert!(Weights::from_filter(&[3, 1], 2, &[0.0; 3]).is_err());
        assert!(Weights::from_filter(&[3], 1, &[0.0; 3]).is_err());
        assert!(Weights::from_filter(&[3, 2], 1, &[0.0; 3]).is_err());
    }

    #[test]
    fn tiles_stay_in_their_group() {
        let weights = Weights { groups: 2, rows: 5, k: 1, data: vec![0.0; 10] };
        assert_eq!(weights.tiles(3).collect::<Vec<_>>(), [0..3, 3..5, 5..8, 8..10]);
    }

    #[test]
    fn the_columns_of_a_tile_are_counted_in_the_matrix() {
        // Two channels, two taps: columns are (tap, channel), so elements 0 and 1 of a row are columns 0 and 2.
        let pattern = Columns { n: 1, m: 2, tile: 2 };
        let fits = |data: &[f32]| check_columns(pattern, &[2, 2, 1, 2], 1, data);
        assert_eq!(fits(&[1.0, 2.0, 0.0, 0.0, 3.0, 0.0, -0.0, 0.0]), Ok(()));
        assert_eq!(
            fits(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]).unwrap_err(),
            "tile 0 has 2 non-zero columns in columns 2 to 3 (group 1), where #nm.columns<1, 2, 2> keeps 1"
        );
    }
}
