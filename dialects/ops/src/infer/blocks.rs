//! How the loops of a generated convolution are cut into tasks, and a task into blocks that stay in caches.

use super::Order;

/// Most positions of a task: VLMAX of LMUL 8 at VLEN 1024.
pub const MOST_POSITIONS: i64 = 256;
/// Bytes of the input that a task may read again and again: they stay in a second-level cache of 512 KiB beside the
/// weights that pass by.
const NEAR_BYTES: i64 = 256 << 10;
/// The same where a task cannot have fewer positions.
const MOST_NEAR_BYTES: i64 = 400 << 10;
/// A layer is cut into at least this many tasks if it has enough row tiles: a few per core.
const WANTED_TASKS: i64 = 16;
/// The same where every task packs the input, or has it come from memory: one for each core of a cluster.
const FEW_TASKS: i64 = 4;
/// Fewest row tiles of a task, so that packing is a small part of it.
const LEAST_TILES: i64 = 4;
/// Bytes of the weights that are worked on at once: they stay in a first-level cache beside the input of a strip.
const WEIGHTS_BYTES: i64 = 12 << 10;
/// Most elements of the sums that wait for the next chunk of the reduction.
const WAITING: i64 = 48 << 10;

/// The loops of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Loops {
    /// Runs of contiguous positions.
    pub runs: i64,
    /// Positions of a run.
    pub run: i64,
    /// Groups of channels.
    pub groups: i64,
    /// Row tiles of a group.
    pub tiles: i64,
    /// Rows of a tile.
    pub tile: i64,
    /// Registers of a vector.
    pub lmul: i64,
    /// Columns of the weights that are kept.
    pub kept: i64,
    /// Of the reduction.
    pub order: Order,
    /// Planes that a group reads where the input is read in place; none where it is packed.
    pub planes: Option<i64>,
}

/// How [`Loops`] are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Positions of a task.
    pub positions: i64,
    /// Blocks of positions of a run.
    pub runs: i64,
    /// Blocks of row tiles of a group.
    pub tiles: i64,
    /// Row tiles of a block.
    pub tiles_each: i64,
    /// Row tiles that go through a chunk of the reduction together, strip by strip.
    pub tiles_at_once: i64,
}

impl Blocks {
    /// Cuts the loops. What a task reads of the input is read again for every few row tiles; where that is more than stays
    /// in the second-level cache, a task has fewer positions, and all its tiles go over them at once.
    pub fn of(loops: &Loops) -> Self {
        let &Loops { runs, run, groups, tiles, tile, lmul, kept, order, planes } = loops;
        let bytes = run.min(MOST_POSITIONS).saturating_mul(4 * planes.unwrap_or(0));
        // Vectors of LMUL registers are full up to VLEN 512.
        let few = (16 * lmul).clamp(64, MOST_POSITIONS);
        let far = bytes > if run > few { NEAR_BYTES } else { MOST_NEAR_BYTES };
        let positions = if far { few } else { MOST_POSITIONS };
        let blocks = ceil_div(run, positions);
        let wanted = if far || planes.is_none() { FEW_TASKS } else { WANTED_TASKS };
        let wanted = ceil_div(wanted, blocks.saturating_mul(runs).saturating_mul(groups));
        let tiles_each = ceil_div(tiles, wanted.clamp(1, (tiles / LEAST_TILES).max(1)));
        let chunks = ceil_div(order.channels, order.chunk);
        let bytes = (kept / chunks).max(1).saturating_mul(4 * tile);
        let waiting = (WAITING / positions / tile.max(1)).max(1);
        let tiles_at_once = match planes {
            None => tiles_each,
            Some(_) if far => waiting,
            Some(_) => (WEIGHTS_BYTES / bytes).clamp(1, waiting),
        };
        let tiles = ceil_div(tiles, tiles_each);
        Self {
            positions,
            runs: blocks,
            tiles,
            tiles_each,
            tiles_at_once: tiles_at_once.min(tiles_each.max(1)),
        }
    }
}

/// Elements of four cache lines of 64 bytes, and of one.
const FOUR_LINES: i64 = 64;
const LINE: i64 = 16;

/// Elements from one plane of `elements` to the next where the producer may choose: planes that begin a multiple of four
/// lines apart share few sets of a first-level cache, so that one line is left free between them.
pub const fn plane_stride(elements: i64) -> i64 {
    if elements % FOUR_LINES == 0 { elements.saturating_add(LINE) } else { elements }
}

/// `a / b`, rounded up; a `b` below 1 counts as 1.
pub fn ceil_div(a: i64, b: i64) -> i64 {
    -(-a).div_euclid(b.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(run: i64, planes: i64, tiles: i64) -> Loops {
        let order = Order::of(crate::Algorithm::Split, 9, 128, 9 * 128);
        Loops { runs: 1, run, groups: 1, tiles, tile: 6, lmul: 4, kept: 1152, order, planes: Some(planes) }
    }

    #[test]
    fn inputs_that_do_not_stay_are_cut_smaller() {
        let near = Blocks::of(&loops(3000, 128, 22));
        assert_eq!((near.positions, near.runs, near.tiles, near.tiles_at_once), (256, 12, 2, 3));
        let far = Blocks::of(&loops(3000, 512, 22));
        assert_eq!((far.positions, far.runs, far.tiles, far.tiles_at_once), (64, 47, 1, 22));
        let packed = Blocks::of(&Loops { planes: None, ..loops(3000, 512, 22) });
        assert_eq!((packed.positions, packed.tiles_at_once), (256, packed.tiles_each));
    }

    #[test]
    fn every_tile_is_in_a_block() {
        for tiles in 1..100 {
            let blocks = Blocks::of(&loops(196, 1024, tiles));
            assert!(blocks.tiles * blocks.tiles_each >= tiles, "{tiles}");
            assert!((blocks.tiles - 1) * blocks.tiles_each < tiles, "{tiles}");
        }
    }
}
