//! The packed form: for every tile its kept columns, interleaved, and where they are.

use ait_dialects::infer::Order;

use super::{Mask, Weights, tile_of};

/// Packed weights, as `nm.td` defines them.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Tiles of all groups.
    pub tiles: usize,
    /// Kept columns of each tile.
    pub kept: usize,
    /// Rows of a tile.
    pub tile: usize,
    /// Segments of the reduction.
    pub segments: usize,
    /// `tiles x kept x tile`.
    pub values: Vec<f32>,
    /// `tiles x kept`: the distance from the kept column before in the segment, or from the segment's start.
    pub columns: Vec<u32>,
    /// `tiles x (segments + 1)`: how many kept columns lie before each segment, and at the end their number.
    pub starts: Vec<i32>,
}

impl Packed {
    /// Bits of the narrowest unsigned integer that holds every distance: 8, 16 or 32.
    pub fn column_bits(&self) -> u32 {
        match self.columns.iter().max() {
            Some(&most) if most > u32::from(u16::MAX) => 32,
            Some(&most) if most > u32::from(u8::MAX) => 16,
            _ => 8,
        }
    }
}

/// Packs the columns that `mask` keeps in this order.
///
/// # Errors
/// If mask and weights do not fit, a weight outside the mask is not zero, or a size is too large.
pub fn pack(weights: &Weights, mask: &Mask, order: &Order) -> Result<Packed, String> {
    mask.contains_all(weights)?;
    if i64::try_from(weights.k) != Ok(order.columns()) {
        return Err(format!("weights with {} columns are not those of {order:?}", weights.k));
    }
    i32::try_from(weights.k).map_err(|_| format!("weights with {} columns are too wide", weights.k))?;
    let (kept, tile) = (mask.kept_columns(), tile_of(mask.columns));
    let size = mask.kept.len().checked_mul(kept).and_then(|count| count.checked_mul(tile));
    if size.is_none_or(|size| size > 1 << 30) {
        return Err(format!("{} tiles of {kept} x {tile} weights are too many", mask.kept.len()));
    }
    let size_of = |size: i64| usize::try_from(size).unwrap_or(0);
    let (segments, segment) = (size_of(order.segments()), size_of(order.segment).max(1));
    let mut packed = Packed {
        tiles: mask.kept.len(),
        kept,
        tile,
        segments,
        values: Vec::with_capacity(size.unwrap_or(0)),
        columns: Vec::with_capacity(mask.kept.len() * kept),
        starts: Vec::with_capacity(mask.kept.len() * (segments + 1)),
    };
    for (rows, list) in weights.tiles(tile).zip(&mask.kept) {
        let positions = list.iter().map(|&column| size_of(order.position(i64::from(column))));
        let mut list: Vec<_> = positions.collect();
        list.sort_unstable();
        for &position in &list {
            let column = size_of(order.column(position as i64));
            let filled = packed.values.len() + tile;
            packed.values.extend(rows.clone().map(|row| weights.data[row * weights.k + column]));
            packed.values.resize(filled, 0.0);
        }
        packed.columns.extend(distances(&list, segment));
        let before = |index| list.partition_point(|&position| position < index * segment) as i32;
        packed.starts.extend((0..=segments).map(before));
    }
    Ok(packed)
}

/// From the position before in the same segment, or from its start.
fn distances(positions: &[usize], segment: usize) -> impl Iterator<Item = u32> {
    let before = std::iter::once(None).chain(positions.iter().map(|&position| Some(position)));
    positions.iter().zip(before).map(move |(&position, before)| {
        let start = position / segment * segment;
        (position - before.filter(|&before| before >= start).unwrap_or(start)) as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ait_dialects::nm::Columns;

    /// Unpacking by the definition gives the weights back, for tiles, groups and segments of odd sizes.
    #[test]
    fn packing_follows_its_definition() {
        let (groups, rows, k, tile) = (2, 5, 23, 3);
        let pattern = Columns { n: 2, m: 5, tile: tile as i64 };
        let data = (1..=groups * rows * k).map(|value| value as f32).collect();
        let mut weights = Weights { groups, rows, k, data };
        // Another choice of two in each group for every tile.
        let kept = (0..4u32).map(|tile| {
            let chosen = |column: &u32| {
                let last = *column >= 20;
                let at = column % 5;
                if last { at < 2 } else { at == tile % 5 || at == (tile + 2) % 5 }
            };
            (0..23).filter(chosen).collect::<Vec<u32>>()
        });
        let mask = Mask::new(pattern, [groups, rows, k], kept.collect()).unwrap();
        mask.apply(&mut weights).unwrap();
        let whole = |segment| Order { taps: 1, channels: k as i64, chunk: k as i64, segment };
        for order in [1, 4, 7, 23, 100].map(whole) {
            let packed = pack(&weights, &mask, &order).unwrap();
            assert_eq!((packed.tiles, packed.kept, packed.tile), (4, 10, 3));
            assert_eq!(unpack(&packed, groups, rows, &order), weights.data, "{order:?}");
        }
    }

    fn unpack(packed: &Packed, groups: usize, rows: usize, order: &Order) -> Vec<f32> {
        let (k, segment) = (order.columns() as usize, order.segment as usize);
        let mut data = vec![0.0; groups * rows * k];
        let (tile, per_group) = (packed.tile, rows.div_ceil(packed.tile));
        for index in 0..packed.tiles {
            let starts = &packed.starts[index * (packed.segments + 1)..][..packed.segments + 1];
            for (number, range) in starts.windows(2).enumerate() {
                let mut position = number * segment;
                for at in range[0] as usize..range[1] as usize {
                    position += packed.columns[index * packed.kept + at] as usize;
                    let column = order.column(position as i64) as usize;
                    for row in 0..tile {
                        let row_in_group = index % per_group * tile + row;
                        let value = packed.values[(index * packed.kept + at) * tile + row];
                        if row_in_group < rows {
                            data[(index / per_group * rows + row_in_group) * k + column] = value;
                        } else {
                            assert_eq!(value, 0.0);
                        }
                    }
                }
            }
            assert_eq!(starts.last(), Some(&(packed.kept as i32)));
        }
        data
    }

    #[test]
    fn distances_take_the_width_they_need() {
        let bits = |k: usize| {
            let mut data = vec![0.0; k];
            data[k - 1] = 1.0;
            let weights = Weights { groups: 1, rows: 1, k, data };
            let mask = Mask::of_zeros(&weights, Columns { n: 1, m: k as i64, tile: 1 }).unwrap();
            pack(&weights, &mask, &Order::whole(k as i64)).unwrap().column_bits()
        };
        assert_eq!([256, 257, 65536, 65537].map(bits), [8, 16, 16, 32]);
    }

    #[test]
    fn a_weight_outside_the_mask_is_an_error() {
        let weights = Weights { groups: 1, rows: 1, k: 2, data: vec![1.0, 1.0] };
        let mask = Mask::new(Columns { n: 1, m: 2, tile: 1 }, [1, 1, 2], vec![vec![0]]).unwrap();
        assert!(pack(&weights, &mask, &Order::whole(2)).unwrap_err().contains("outside the mask"));
    }
}
