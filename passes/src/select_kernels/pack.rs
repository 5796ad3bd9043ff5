//! Weights in the order in which a kernel reads them. Filters are `K x C/groups x KH x KW`.

use crate::rewrite::MAX_ELEMENTS;
use ait_dialects::infer::Order;

/// Dimensions of a filter and its groups.
#[derive(Clone, Copy, Debug)]
pub struct FilterShape {
    /// Number of groups.
    pub groups: usize,
    /// Output channels of all groups.
    pub k: usize,
    /// Input channels of one group.
    pub c: usize,
    /// Taps in h.
    pub kh: usize,
    /// Taps in w.
    pub kw: usize,
}

/// Time of a step of the reduction in tiles of `tile` rows, in rows: every row's own, and about two for each tile for
/// loading the vector that its rows share. A short last tile computes only the rows it has.
pub fn cost(rows: i64, tile: i64) -> i64 {
    rows + 2 * ((rows + tile - 1) / tile)
}

/// Rows computed at once: of all tiles up to `most` the one of least cost, of equal ones the smallest, which wastes the
/// least memory on a short last tile.
pub fn balanced_tile(rows: i64, most: i64) -> i64 {
    let rows = rows.clamp(1, MAX_ELEMENTS);
    (1..=most.max(1)).min_by_key(|&tile| cost(rows, tile)).unwrap_or(1)
}

/// `groups x ceil(K/groups/tile) x (KH*KW*C) x tile`, the reduction in this order; short last tiles are filled with zeros.
pub fn tiles(filter: &[f32], shape: FilterShape, tile: usize, order: &Order) -> Vec<f32> {
    let FilterShape { groups, k, c, kh, kw } = shape;
    let rows = k / groups.max(1);
    let taps = kh * kw;
    let mut packed = vec![0.0; groups * rows.div_ceil(tile) * taps * c * tile];
    let panel = taps * c * tile;
    let position = |column| usize::try_from(order.position(column)).unwrap_or(0);
    let positions: Vec<_> = (0..order.columns()).map(position).collect();
    for (index, row) in filter.chunks_exact((c * taps).max(1)).enumerate() {
        let (group, row_in_group) = (index / rows, index % rows);
        let from = (group * rows.div_ceil(tile) + row_in_group / tile) * panel + row_in_group % tile;
        for (channel, plane) in row.chunks_exact(taps).enumerate() {
            for (tap, &value) in plane.iter().enumerate() {
                packed[from + positions[tap * c + channel] * tile] = value;
            }
        }
    }
    packed
}

/// `K x KH x KW x C`.
pub fn ohwi(filter: &[f32], shape: FilterShape) -> Vec<f32> {
    let FilterShape { c, kh, kw, .. } = shape;
    let mut packed = Vec::with_capacity(filter.len());
    for row in filter.chunks_exact((c * kh * kw).max(1)) {
        packed.extend(transpose(row, c));
    }
    packed
}

/// `rows x n` to `n x rows`.
pub fn transpose(matrix: &[f32], rows: usize) -> Vec<f32> {
    let columns = matrix.len().checked_div(rows).unwrap_or(0);
    let mut packed = vec![0.0; matrix.len()];
    for (row, values) in matrix.chunks_exact(columns.max(1)).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            packed[column * rows + row] = value;
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_balanced() {
        assert_eq!(balanced_tile(7, 7), 7);
        assert_eq!(balanced_tile(64, 7), 7);
        assert_eq!(balanced_tile(1, 7), 1);
        assert_eq!(balanced_tile(8, 7), 4);
        assert_eq!(balanced_tile(512, 7), 7);
        assert_eq!(balanced_tile(64, 31), 22);
    }

    /// Every filter element is where the definition in `rvv.td` puts it, all else is zero.
    #[test]
    fn tiles_follow_their_definition() {
        let shape = FilterShape { groups: 2, k: 10, c: 3, kh: 2, kw: 3 };
        let (tile, rows, taps) = (4, 5, 6);
        let filter: Vec<f32> = (1..=10 * 3 * 6).map(|value| value as f32).collect();
        let order = Order { taps: 6, channels: 3, chunk: 3, segment: 3 };
        let packed = tiles(&filter, shape, tile, &order);
        assert_eq!(packed.len(), 2 * 2 * 18 * 4);
        for (k, c, h, w) in (0..180).map(|i| (i / 18, i / 6 % 3, i / 3 % 2, i % 3)) {
            let (group, row) = (k / rows, k % rows);
            let at = ((group * 2 + row / tile) * (taps * 3) + (h * 3 + w) * 3 + c) * tile + row % tile;
            assert_eq!(packed[at], filter[((k * 3 + c) * 2 + h) * 3 + w]);
        }
        assert_eq!(packed.iter().filter(|&&value| value == 0.0).count(), packed.len() - filter.len());
    }

    #[test]
    fn ohwi_follows_its_definition() {
        let shape = FilterShape { groups: 1, k: 2, c: 3, kh: 2, kw: 2 };
        let filter: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let packed = ohwi(&filter, shape);
        for (k, c, h, w) in (0..24).map(|i| (i / 12, i / 4 % 3, i / 2 % 2, i % 2)) {
            assert_eq!(packed[((k * 2 + h) * 2 + w) * 3 + c], filter[((k * 3 + c) * 2 + h) * 2 + w]);
        }
    }
}
