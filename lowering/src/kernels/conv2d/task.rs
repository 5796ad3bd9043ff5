//! One task: strips of positions, chunks of the reduction, row tiles.

use super::operands::Operands;
use super::reduce::{Chunk, Source};
use super::store::Strip;
use super::{Algorithm, Conv2d, Dims, WAITING, waiting_step};
use crate::kernels::rvv::{P, Rvv, V, X};
use crate::kernels::tile::Rows;
use ait_dialects::infer::Blocks;

/// Elements of a cache line.
const LINE: i64 = 16;

/// What a task works on.
pub struct Task<'c> {
    pub group: X<'c>,
    /// First position of the task's run, output coordinates [n, h, w].
    pub origin: X<'c>,
    /// First position within the run, and how many.
    pub first: X<'c>,
    pub count: X<'c>,
    /// Row tiles, the end excluded.
    pub tiles: [X<'c>; 2],
}

/// Generator of a task.
pub struct Emitter<'a, 'c, 'm> {
    pub b: &'a Rvv<'c, 'm>,
    pub conv: &'a Conv2d,
    pub dims: &'a Dims,
    pub blocks: &'a Blocks,
    /// Weights: the filter, or values, columns and starts.
    pub filter: P<'c>,
    pub columns: P<'c>,
    pub starts: P<'c>,
    pub bias: P<'c>,
    pub input: P<'c>,
    pub init: P<'c>,
    pub residual: Option<P<'c>>,
    /// Offsets of the taps in bytes, where the input is read in place.
    pub taps: Option<P<'c>>,
}

pub fn emit<'c>(b: &Rvv<'c, '_>, conv: &Conv2d, dims: &Dims, blocks: &Blocks, at: &Operands) {
    let digits = b.split(b.task(), &[conv.groups, dims.runs, blocks.runs, blocks.tiles]);
    let [group, run, block, tiles] = digits[..] else { return };
    let first = b.mul(block, blocks.positions);
    let tile = b.mul(tiles, blocks.tiles_each);
    let length = dims.run_outputs();
    let task = Task {
        group,
        origin: b.mul(run, length),
        first,
        count: b.min(b.sub(dims.run, first), blocks.positions),
        tiles: [tile, b.min(b.add(tile, blocks.tiles_each), dims.tiles)],
    };
    let taps =
        (conv.algorithm != Algorithm::Packed && conv.kernel != [1, 1]).then(|| b.table(&conv.taps(dims)));
    let emitter = Emitter {
        b,
        conv,
        dims,
        blocks,
        filter: b.arg(at.filter),
        columns: b.arg(at.columns),
        starts: b.arg(at.starts),
        bias: b.arg(at.bias),
        input: b.arg(at.input),
        init: b.arg(at.init),
        residual: conv.residual.is_some().then(|| b.arg(at.residual)),
        taps,
    };
    emitter.strips(&task);
}

impl<'c> Emitter<'_, 'c, '_> {
    fn strips(&self, task: &Task<'c>) {
        let (b, conv, dims) = (self.b, self.conv, self.dims);
        let coordinates = b.split(task.origin, &[dims.batch, dims.out_height, dims.out_width]);
        let run = |base, strides: &[i64; 4], channel: X<'c>| {
            let base = b.index(base, b.mul(channel, strides[1]));
            let parts = coordinates.iter().zip([strides[0], strides[2], strides[3]]);
            parts.fold(base, |at, (&i, stride)| b.index(at, b.mul(i, stride)))
        };
        let row = b.mul(task.group, dims.rows);
        let channel = b.mul(task.group, dims.channels * conv.phases());
        let output = run(self.init, &dims.output, row);
        let residual = self.residual.map(|base| run(base, &dims.residual, row));
        let in_place = run(self.input, &dims.input, channel);
        let channel = b.index(self.input, b.mul(channel, dims.input[1]));
        let strip = |position, vl, is_stored| Strip::new(b, dims, position, vl, output, residual, is_stored);
        if conv.algorithm == Algorithm::Packed {
            return b.strips(task.count, conv.lmul, (), |done, vl, ()| {
                let position = b.add(task.first, done);
                self.chunks(task, &strip(position, vl, b.eq(0, 0)), channel, b.add(task.origin, position));
            });
        }
        let step = b.c(4 * conv.phases() * dims.input[1]);
        self.blocks_in_place(task, |tiles, steps| {
            let chunk = b.offset(in_place, b.mul(b.div(steps[0], dims.order.taps), step));
            b.when(b.eq(tiles[0], 0), || self.stage(chunk, task));
            b.strips(task.count, conv.lmul, (), |done, vl, ()| {
                let position = b.add(task.first, done);
                let chunk = Chunk {
                    source: Source { vectors: b.index(chunk, position), step },
                    steps,
                    is_all: dims.chunks() == 1,
                    waiting: Some((b.offset(b.index(b.scratch(), done), WAITING), tiles[0])),
                };
                let strip = strip(position, vl, b.eq(steps[1], dims.steps));
                self.tiles(tiles, task.group, &strip, &chunk);
            });
        });
    }

    /// Asks for what a task reads of a chunk's planes, line by line: an order that prefetchers foresee, unlike that of the
    /// reduction, which goes from plane to plane.
    fn stage(&self, chunk: P<'c>, task: &Task<'c>) {
        let (b, dims) = (self.b, self.dims);
        let end = b.add(b.add(task.first, task.count), self.conv.halo(dims));
        let planes = dims.order.chunk * self.conv.phases();
        b.for_range(0, planes, 1, chunk, |_, plane| {
            b.for_range(task.first, end, LINE, (), |element, ()| b.touch(b.index(plane, element)));
            b.touch(b.index(plane, b.sub(end, 1)));
            b.offset(plane, 4 * dims.input[1])
        });
    }

    /// Row tiles and steps of the reduction that are worked on at once where the input is read in place: what is read
    /// stays in a first-level cache, the weights from strip to strip and the input from tile to tile.
    fn blocks_in_place(&self, task: &Task<'c>, body: impl Fn([X<'c>; 2], [X<'c>; 2])) {
        let (b, dims) = (self.b, self.dims);
        let [from, to] = task.tiles;
        let (count, steps) = (self.blocks.tiles_at_once, dims.order.taps * dims.order.chunk);
        b.for_range(from, to, count, (), |tile, ()| {
            let tiles = [tile, b.min(b.add(tile, count), to)];
            if dims.chunks() == 1 {
                return body(tiles, [b.c(0), b.c(dims.steps)]);
            }
            b.for_range(0, dims.steps, steps, (), |step, ()| body(tiles, [step, b.add(step, steps)]));
        });
    }

    /// Packs and multiplies the reduction chunk by chunk; `channel` is where the input of the group begins.
    fn chunks(&self, task: &Task<'c>, strip: &Strip<'c>, channel: P<'c>, position: X<'c>) {
        let (b, steps, vl) = (self.b, self.dims.steps, strip.vl);
        let step = b.mul(b.vlmax(vl.lmul()).x(), 4);
        let source = Source { vectors: b.scratch(), step };
        let pack = |steps| {
            let panel = super::pack::Panel { at: source.vectors, step, steps };
            panel.pack(b, self.conv, self.dims, channel, position, vl);
        };
        if steps <= super::LEAST_STEPS {
            pack([b.c(0), b.c(steps)]);
            self.tiles(task.tiles, task.group, strip, &Chunk::whole(b, self.dims, source));
            return;
        }
        let unit = self.conv.panel_unit();
        let length = b.max(b.div(super::PANEL_BYTES, step), super::LEAST_STEPS);
        let length = b.mul(b.div(length, unit), unit);
        b.for_range(0, steps, length, (), |from, ()| {
            let steps = [from, b.min(b.add(from, length), steps)];
            pack(steps);
            self.tiles(task.tiles, task.group, strip, &Chunk { source, steps, is_all: false, waiting: None });
        });
    }

    /// Row tiles of a group over one chunk; the last tile of a group may be short.
    fn tiles(&self, [from, to]: [X<'c>; 2], group: X<'c>, strip: &Strip<'c>, chunk: &Chunk<'c>) {
        let (b, dims, height) = (self.b, self.dims, self.conv.tile);
        let last = dims.rows - (dims.tiles - 1) * height;
        let full = if last == height { dims.tiles } else { dims.tiles - 1 };
        if full > 0 {
            let to = b.min(to, full);
            b.for_range(from, to, 1, (), |tile, ()| self.tile(group, strip, chunk, tile, height));
        }
        if last != height {
            b.when(b.lt(full, to), || self.tile(group, strip, chunk, b.c(full), last));
        }
    }

    fn tile(&self, group: X<'c>, strip: &Strip<'c>, chunk: &Chunk<'c>, tile: X<'c>, rows: i64) {
        let (b, dims, vl) = (self.b, self.dims, strip.vl);
        let [from, to] = chunk.steps;
        let channel = b.mul(tile, self.conv.tile);
        let rows_at = |base, stride| Rows { at: b.index(base, b.mul(channel, stride)), step: 4 * stride };
        let output = rows_at(strip.output, dims.output[1]);
        let residual = strip.residual.map(|base| rows_at(base, dims.residual[1]));
        let waiting = chunk.waiting.map_or(output, |(at, first)| {
            let row = b.mul(b.sub(tile, first), self.conv.tile);
            let step = waiting_step(self.blocks);
            Rows { at: b.offset(at, b.mul(row, step)), step }
        });
        let bias = b.index(self.bias, b.add(b.mul(group, dims.rows), channel));
        let start = || self.start(strip, bias, residual, rows);
        let acc = if chunk.is_all {
            start()
        } else {
            // Through memory: a branch that yields accumulators makes the register allocator spill.
            b.when(b.eq(from, 0), || waiting.store(b, &start(), vl));
            waiting.load(b, rows, vl)
        };
        let acc = self.reduce(chunk, b.add(b.mul(group, dims.tiles), tile), acc, vl);
        let finish = |acc| strip.finish(b, &self.conv.epilogue, acc, output, residual);
        if chunk.is_all {
            finish(acc);
        } else {
            // Else LLVM moves the last products into the branches, and the vectors they need stay alive.
            acc.iter().for_each(|&sum| b.keep(sum));
            let partial = acc.clone();
            b.if_else(b.eq(to, dims.steps), || finish(acc), || waiting.store(b, &partial, vl));
        }
    }

    /// The accumulators before the first step: bias plus residual, which may be where the result goes. (A strip with
    /// gaps adds the residual when it stores.)
    fn start(&self, strip: &Strip<'c>, bias: P<'c>, residual: Option<Rows<'c>>, rows: i64) -> Vec<V<'c>> {
        let (b, vl) = (self.b, strip.vl);
        let bias = |row: i64| b.flw(b.index(bias, row));
        match residual {
            Some(residual) if strip.mask.is_none() => {
                // In place (`_tu`), which leaves the register allocator no choice that spills.
                let residual = residual.load(b, rows, vl);
                (0..).zip(residual).map(|(row, v)| b.vfadd_tu(v, bias(row), vl)).collect()
            }
            _ => (0..rows).map(|row| b.vfmv_v_f(bias(row), vl)).collect(),
        }
    }
}
