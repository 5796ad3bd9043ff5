//! One task: strips of positions, chunks of the reduction, row tiles.

use super::{BLOCK, Blocks, Conv2d, Dims};
use crate::kernels::rvv::{P, Rvv, V, Vl, X};
use crate::kernels::tile::{Factors, Parity, Rows};

/// What a task works on.
struct Task<'c> {
    group: X<'c>,
    /// First position of the task's segment.
    origin: X<'c>,
    /// First position within the segment, and how many.
    first: X<'c>,
    count: X<'c>,
    /// Row tiles, the end excluded.
    tiles: [X<'c>; 2],
}

/// A strip of positions, and the part of the reduction that is at hand for it.
struct Chunk<'c> {
    vl: Vl<'c>,
    /// Output and residual of channel 0 at the strip's first position.
    output: P<'c>,
    residual: Option<P<'c>>,
    /// The vector of the first step, and bytes to the next.
    vectors: P<'c>,
    vector_step: X<'c>,
    /// First step and end.
    steps: [X<'c>; 2],
    parity: Parity,
    /// Whether the chunk is the whole reduction.
    is_all: bool,
}

/// Generator of a task.
struct Emitter<'a, 'c, 'm> {
    b: &'a Rvv<'c, 'm>,
    conv: &'a Conv2d,
    dims: &'a Dims,
    filter: P<'c>,
    bias: P<'c>,
}

pub fn emit<'c>(b: &Rvv<'c, '_>, conv: &Conv2d, dims: &Dims, blocks: &Blocks) {
    let digits = b.split(b.task(), &[conv.groups, dims.segments, blocks.positions, blocks.tiles]);
    let [group, segment, block, tiles] = digits[..] else { return };
    let first = b.mul(block, BLOCK);
    let tile = b.mul(tiles, blocks.tiles_each);
    let task = Task {
        group,
        origin: b.mul(segment, dims.segment),
        first,
        count: b.min(b.sub(dims.segment, first), BLOCK),
        tiles: [tile, b.min(b.add(tile, blocks.tiles_each), dims.tiles)],
    };
    let emitter = Emitter { b, conv, dims, filter: b.arg(1), bias: b.arg(2) };
    emitter.strips(&task);
}

impl<'c> Emitter<'_, 'c, '_> {
    fn strips(&self, task: &Task<'c>) {
        let (b, conv, dims) = (self.b, self.conv, self.dims);
        let (input, init) = (b.arg(0), b.arg(3));
        let residual = conv.residual.is_some().then(|| b.arg(4));
        let coordinates = b.split(task.origin, &[dims.batch, dims.out_height, dims.out_width]);
        let segment = |base, strides: &[i64; 4], channel: X<'c>| {
            let base = b.index(base, b.mul(channel, strides[1]));
            let parts = coordinates.iter().zip([strides[0], strides[2], strides[3]]);
            let base = parts.fold(base, |at, (&i, stride)| b.index(at, b.mul(i, stride)));
            b.index(base, task.first)
        };
        let row = b.mul(task.group, dims.rows);
        let channel = b.mul(task.group, dims.channels);
        let output = segment(init, &dims.output, row);
        let residual = residual.map(|base| segment(base, &dims.residual, row));
        let rows_in_place = conv.direct.then(|| segment(input, &dims.input, channel));
        let channel = b.index(input, b.mul(channel, dims.input[1]));
        b.strips(task.count, conv.lmul, (), |done, vl, ()| {
            let at = |base| b.index(base, done);
            let (output, residual) = (at(output), residual.map(at));
            if let Some(rows) = rows_in_place {
                let chunk = Chunk {
                    vl,
                    output,
                    residual,
                    vectors: at(rows),
                    vector_step: b.c(4 * dims.input[1]),
                    steps: [b.c(0), b.c(dims.steps)],
                    parity: Parity::of(dims.steps),
                    is_all: true,
                };
                self.tiles(task, &chunk);
            } else {
                let position = b.add(b.add(task.origin, task.first), done);
                self.chunks(task, channel, position, vl, output, residual);
            }
        });
    }

    /// Packs and multiplies the reduction chunk by chunk; `channel` is where the input of the group begins.
    fn chunks(
        &self,
        task: &Task<'c>,
        channel: P<'c>,
        position: X<'c>,
        vl: Vl<'c>,
        output: P<'c>,
        residual: Option<P<'c>>,
    ) {
        let (b, steps) = (self.b, self.dims.steps);
        let vector_step = b.mul(b.vlmax(vl.lmul()).x(), 4);
        let is_all = steps <= super::LEAST_STEPS;
        let length = if is_all {
            b.c(steps)
        } else {
            let length = b.max(b.div(super::PANEL_BYTES, vector_step), super::LEAST_STEPS);
            b.mul(b.div(length, 2), 2)
        };
        let parity = if is_all || steps % 2 == 0 { Parity::of(steps) } else { Parity::Unknown };
        let chunk = |from| {
            let end = if is_all { b.c(steps) } else { b.min(b.add(from, length), steps) };
            let steps = [from, end];
            let panel = super::pack::Panel { at: b.scratch(), step: vector_step, steps };
            panel.pack(b, self.conv, self.dims, channel, position, vl);
            let vectors = panel.at;
            let chunk = Chunk { vl, output, residual, vectors, vector_step, steps, parity, is_all };
            self.tiles(task, &chunk);
        };
        if is_all {
            chunk(b.c(0));
        } else {
            b.for_range(0, steps, length, (), |from, ()| chunk(from));
        }
    }

    /// All row tiles of the task over one chunk; the last tile of a group may be short.
    fn tiles(&self, task: &Task<'c>, chunk: &Chunk<'c>) {
        let (b, dims, height) = (self.b, self.dims, self.conv.tile);
        let last = dims.rows - (dims.tiles - 1) * height;
        let [from, to] = task.tiles;
        let full = if last == height { dims.tiles } else { dims.tiles - 1 };
        if full > 0 {
            b.for_range(from, b.min(to, full), 1, (), |tile, ()| self.tile(task, chunk, tile, height));
        }
        if last != height {
            b.when(b.lt(full, to), || self.tile(task, chunk, b.c(full), last));
        }
    }

    fn tile(&self, task: &Task<'c>, chunk: &Chunk<'c>, tile: X<'c>, rows: i64) {
        let (b, conv, dims, vl) = (self.b, self.conv, self.dims, chunk.vl);
        let [from, to] = chunk.steps;
        let channel = b.mul(tile, conv.tile);
        let output =
            Rows { at: b.index(chunk.output, b.mul(channel, dims.output[1])), step: 4 * dims.output[1] };
        let start = || self.start(task, chunk, channel, rows);
        let acc =
            if chunk.is_all { start() } else { b.if_else(b.eq(from, 0), start, || output.load(b, rows, vl)) };
        let packed = b.add(b.mul(b.add(b.mul(task.group, dims.tiles), tile), dims.steps), from);
        let factors = Factors {
            scalars: b.index(self.filter, b.mul(packed, conv.tile)),
            row_step: 4,
            scalar_step: 4 * conv.tile,
            vectors: chunk.vectors,
            vector_step: chunk.vector_step,
        };
        let acc = factors.accumulate(b, acc, b.sub(to, from), chunk.parity, vl);
        if chunk.is_all {
            output.finish(b, acc, &conv.epilogue, vl);
        } else {
            let partial = acc.clone();
            let finish = || output.finish(b, acc, &conv.epilogue, vl);
            b.if_else(b.eq(to, dims.steps), finish, || output.store(b, &partial, vl));
        }
    }

    /// The accumulators before the first step: bias plus residual, which may be where the result goes.
    fn start(&self, task: &Task<'c>, chunk: &Chunk<'c>, channel: X<'c>, rows: i64) -> Vec<V<'c>> {
        let (b, dims, vl) = (self.b, self.dims, chunk.vl);
        let bias = b.index(self.bias, b.add(b.mul(task.group, dims.rows), channel));
        let bias = |row: i64| b.flw(b.index(bias, row));
        let Some(residual) = chunk.residual else {
            return (0..rows).map(|row| b.vfmv_v_f(bias(row), vl)).collect();
        };
        let at = b.index(residual, b.mul(channel, dims.residual[1]));
        let residual = Rows { at, step: 4 * dims.residual[1] }.load(b, rows, vl);
        // In place (`_tu`), which leaves the register allocator no choice that spills.
        (0..).zip(residual).map(|(row, v)| b.vfadd_tu(v, bias(row), vl)).collect()
    }
}
