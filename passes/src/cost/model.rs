//! The static model of a generated convolution: its loops through the core's pipeline, times how often they run.

use super::code::{Code, Reduction, Stream};
use super::convolution::signed;
use super::geometry::Geometry;
use super::traffic::{Misses, Traffic};
use super::{Algorithm, Choice, Convolution, ShapeError, Sparsity, Target};
use ait_cores::{Class, Core, Level};
use std::collections::BTreeMap;

/// Share of the second-level cache that a working set may fill and stay.
const SHARE: f64 = 0.8;
/// The same of what is read again in the same order, between two readings of it.
const REREAD_SHARE: f64 = 0.95;
/// Cycles to ask for a line.
const STAGE: f64 = 2.0;
/// Strips of a row of `rvv.split_phases` that are followed one by one.
const MOST_STRIPS: i64 = 1 << 12;
/// Cycles to call a kernel for one task.
const TASK: f64 = 150.0;

/// Estimates of one convolution.
pub struct Model<'a> {
    target: &'a Target,
    conv: &'a Convolution,
    sparsity: Sparsity,
    /// By algorithm, group size and a bound on the tile.
    traffic: BTreeMap<(Algorithm, i64, i64), Traffic>,
}

impl<'a> Model<'a> {
    /// Of a convolution on a target.
    pub fn new(target: &'a Target, conv: &'a Convolution, sparsity: Sparsity) -> Self {
        Self { target, conv, sparsity, traffic: BTreeMap::new() }
    }

    /// Model cycles of a choice, all that it calls included.
    ///
    /// # Errors
    /// If the convolution does not exist.
    pub fn cycles(&mut self, choice: &Choice) -> Result<f64, ShapeError> {
        let geometry = Geometry::new(self.target.vlen, self.conv, self.sparsity, choice)?;
        let traffic = self.traffic(choice, &geometry);
        let kernel = Kernel::new(self.target, self.conv, self.sparsity, choice, &geometry, traffic);
        let groups = self.conv.groups as f64;
        let each = kernel.multiply() + kernel.pack();
        let work = groups * each + kernel.staging + geometry.tasks as f64 * TASK;
        let threads = f64::from(self.target.threads.max(1));
        let tasks = geometry.tasks.max(1) as f64;
        let split = if choice.algorithm == Algorithm::Split { kernel.split() } else { 0.0 };
        Ok(work * (tasks / threads).ceil() / tasks + split / threads)
    }

    fn traffic(&mut self, choice: &Choice, geometry: &Geometry) -> Traffic {
        let bound = [3, 7, 15].into_iter().find(|&bound| choice.tile <= bound).unwrap_or(31);
        let core = &self.target.core;
        *self.traffic.entry((choice.algorithm, choice.lmul, bound)).or_insert_with(|| {
            let choice = Choice { tile: bound, ..*choice };
            Traffic::new(core, self.conv, geometry, &choice)
        })
    }
}

/// One choice with what its loops need.
struct Kernel<'a> {
    core: &'a Core,
    conv: &'a Convolution,
    choice: &'a Choice,
    g: &'a Geometry,
    is_dense: bool,
    traffic: Traffic,
    /// Where the input, what a block of positions reads of its packed or split form, the weights and the output are.
    input: Option<Level>,
    vectors: Option<Level>,
    /// The share of the misses of first tiles that are of lines asked for before.
    staged: f64,
    /// Cycles of asking for them.
    staging: f64,
    weights: Option<Level>,
    /// Whether a block's weights stay in the first level from strip to strip.
    stay: bool,
    output: Option<Level>,
}

impl<'a> Kernel<'a> {
    fn new(
        target: &'a Target,
        conv: &'a Convolution,
        sparsity: Sparsity,
        choice: &'a Choice,
        g: &'a Geometry,
        traffic: Traffic,
    ) -> Self {
        let core = &target.core;
        let size = core.l2.map_or(0.0, |l2| f64::from(l2.size));
        let second = size * SHARE;
        let bytes = |dims: [usize; 4]| 4.0 * dims.iter().map(|&dim| dim as f64).product::<f64>();
        let (input, output) =
            (bytes(conv.input), 4.0 * g.output.iter().map(|&dim| dim as f64).product::<f64>());
        let read = if choice.algorithm == Algorithm::Split {
            4.0 * (g.plane_used * g.phases) as f64 * conv.input[1] as f64
        } else {
            input
        };
        let weights = bytes(conv.filter) * g.kept as f64 / g.columns.max(1) as f64;
        let line = core.l1.map_or(64.0, |l1| f64::from(l1.line));
        // What a strip reads again and again: its vectors, which begin anywhere in a line, and the weights of its tiles.
        let strip = g.panel as f64 * ((g.vlmax * 4) as f64 + 0.75 * line);
        let within = |bytes: f64, most: f64| Some(if bytes <= most { Level::L2 } else { Level::Memory });
        let resident = |bytes: f64| within(bytes, second);
        let first = core.l1.map_or(0.0, |l1| f64::from(l1.size)) * SHARE;
        let visited = weights / (signed(conv.groups) * g.visits()).max(1) as f64;
        let block = read * (g.block as f64 / g.positions.max(1) as f64).min(1.0);
        // All tiles go over a block of positions before the next one.
        let sweeps = if read.min(block + weights) <= second { 1.0 } else { g.tile_blocks as f64 };
        let misses = (traffic.first.single + traffic.first.streamed) * g.kept as f64;
        let lines = misses * (g.strips * g.visits()).max(1) as f64;
        let share = if lines > 0.0 { (sweeps * read / line / lines).min(1.0) } else { 0.0 };
        let is_packed = choice.algorithm == Algorithm::Packed;
        let is_near = choice.algorithm == Algorithm::Split && read <= second;
        let each = if is_near { core.memory.l2_line + 1 } else { core.memory.line };
        let staging = if is_packed { 0.0 } else { read / line * (each as f64).max(STAGE) };
        Self {
            core,
            conv,
            choice,
            g,
            is_dense: sparsity.is_dense(),
            traffic,
            // The weights go by between two tasks that pack the same.
            input: resident(input + weights),
            vectors: within(block + visited, REREAD_SHARE * size),
            staged: if is_packed { 0.0 } else { share },
            staging,
            // All of them go by once for each block of positions; the first time they are in memory.
            weights: resident(if g.block < g.positions { weights + block } else { f64::INFINITY }),
            stay: visited / g.chunks() as f64 + strip <= first,
            output: resident(output),
        }
    }

    fn line(&self) -> f64 {
        self.core.l1.map_or(64.0, |l1| f64::from(l1.line))
    }

    /// All strips with all row tiles of a group, packing aside.
    fn multiply(&self) -> f64 {
        let g = self.g;
        let strip = self.first_tile_more() + self.strip_start();
        let full = if g.last_rows == self.choice.tile { g.tiles } else { g.tiles - 1 };
        let mut cycles = full as f64 * self.tile(self.choice.tile, self.traffic.again);
        if g.last_rows != self.choice.tile {
            cycles += self.tile(g.last_rows, self.traffic.again);
        }
        g.strips as f64 * (cycles + strip * g.visits() as f64)
    }

    /// What the first tile of a strip waits more than the others, whose vectors were read before.
    fn first_tile_more(&self) -> f64 {
        let rows = self.choice.tile;
        let steps = |misses, level| self.steps(&self.again(rows, Stream { misses, level }));
        let again = steps(self.traffic.again, self.again_level());
        let more = |level| (steps(self.traffic.first, level) - again).max(0.0);
        self.staged * more(Some(Level::L2)) + (1.0 - self.staged) * more(self.vectors)
    }

    /// What missed the first level a moment ago is in the second.
    fn again_level(&self) -> Option<Level> {
        Some(Level::L2)
    }

    /// A strip before its first tile: coordinates, and which positions are outputs.
    fn strip_start(&self) -> f64 {
        let mut code = Code::new(self.core, self.choice.lmul);
        code.scalars(20 * self.g.chunks());
        if self.g.has_gaps {
            code.vectors(Class::VectorIntDiv, 1);
            code.vectors(Class::VectorFp, 4);
        }
        code.cycles()
    }

    /// One tile of `rows` rows over one strip.
    fn tile(&self, rows: i64, misses: Misses) -> f64 {
        let (g, chunks) = (self.g, self.g.chunks());
        let vectors = Stream { misses, level: self.again_level() };
        let first = self.steps(&self.reduction(rows, vectors, self.weights));
        let others = (g.strips_at_once - 1).max(0) as f64;
        let again = if others > 0.0 { self.steps(&self.again(rows, vectors)) } else { 0.0 };
        let steps = (first + again * others) / (1.0 + others);
        let lines = 4.0 * g.vlmax as f64 / self.line();
        let stores = Stream::streamed(lines, self.output);
        let mut code = Code::new(self.core, self.choice.lmul);
        code.scalars(12);
        code.start(rows);
        code.finish(rows, g.has_gaps, stores);
        code.branch();
        // Sums wait in the output between chunks.
        let mut between = Code::new(self.core, self.choice.lmul);
        // In the scratch where the input is read in place, which stays in the first level.
        let waiting = (self.choice.algorithm == Algorithm::Packed).then_some(Level::L2);
        between.rows(Class::StoreUnit, rows, Stream::streamed(lines, waiting));
        between.rows(Class::LoadUnit, rows, Stream::streamed(lines, waiting));
        steps + code.cycles() + between.cycles() * (chunks - 1) as f64
    }

    /// For another strip than a block's first.
    fn again(&self, rows: i64, vectors: Stream) -> Reduction {
        self.reduction(rows, vectors, if self.stay { None } else { Some(Level::L2) })
    }

    /// With weights that are at `level`.
    fn reduction(&self, rows: i64, vectors: Stream, level: Option<Level>) -> Reduction {
        let pitch = 4 * self.g.phases * self.g.plane;
        let is_shift = self.choice.algorithm != Algorithm::Packed && pitch.count_ones() == 1;
        // The gaps are bytes mostly: a fraction of a line.
        let bytes = (4 * self.choice.tile + i64::from(!self.is_dense)) as f64;
        Reduction {
            rows,
            lmul: self.choice.lmul,
            unroll: self.choice.unroll,
            gap: (!self.is_dense).then_some(if is_shift { Class::ScalarAlu } else { Class::ScalarMul }),
            vectors,
            scalars: Stream::streamed(bytes / self.line(), level),
        }
    }

    /// All runs of the reduction of a tile.
    fn steps(&self, reduction: &Reduction) -> f64 {
        let g = self.g;
        let runs = g.runs(self.is_dense, self.choice.algorithm == Algorithm::Packed).max(1);
        let is_known = self.is_dense || runs == 1;
        let mean = g.kept as f64 / runs as f64;
        let one = |steps: i64| reduction.cycles(self.core, steps, is_known) + 6.0;
        if is_known || g.kept == g.columns {
            return runs as f64 * one((mean.round() as i64).max(1));
        }
        // As many columns of a segment are kept as chance will have it.
        let columns = g.columns as f64 / runs as f64;
        let deviation = (columns * (mean / columns) * (1.0 - mean / columns)).max(0.0).sqrt();
        let points = [-1.1, 0.0, 1.1].map(|at| (mean + at * deviation).round().max(0.0));
        let total: f64 = points.iter().map(|&steps| if steps > 0.0 { one(steps as i64) } else { 8.0 }).sum();
        runs as f64 * total / points.len() as f64
    }

    /// Packing of all strips of a group.
    fn pack(&self) -> f64 {
        if self.choice.algorithm != Algorithm::Packed {
            return 0.0;
        }
        let g = self.g;
        let [_, _, _, out_width] = g.output;
        let stride = self.conv.strides[1];
        // Spans of a strip that lie in one image row.
        let spans = 1.0 + (g.vlmax as f64 - 1.0) / out_width.max(1) as f64;
        let lines = 4.0 * (g.vlmax.min(out_width) * signed(stride)) as f64 / self.line();
        let load = if stride == 1 { Class::LoadUnit } else { Class::LoadStrided };
        // A row of another plane than the one before; other taps have read most of it.
        let fresh = 1.0 / signed(self.conv.filter[3]).max(1) as f64;
        let loads = Stream {
            misses: Misses { single: fresh, streamed: (lines - 1.0).max(0.0) * fresh },
            level: self.input,
        };
        let copies = 16.min(g.channels.max(1));
        let mut code = Code::new(self.core, self.choice.lmul);
        code.copies(copies, load, loads, Stream::HITS);
        let one = code.cycles() / copies as f64;
        let span = g.channels as f64 * one + 45.0;
        // Padding: zeros are stored besides, in part of the spans.
        let padded = if self.conv.pads == [0; 4] { 0.0 } else { 0.25 * g.channels as f64 * 4.0 + 15.0 };
        g.strips as f64 * g.tile_blocks as f64 * g.taps as f64 * (spans * (span + padded) + 25.0)
    }

    /// `rvv.split_phases`.
    fn split(&self) -> f64 {
        let (g, conv) = (self.g, self.conv);
        let window = conv.window();
        let (rows, columns) = (window.split_size(0, g.output[2]), g.pitch);
        let [of_h, of_w] = [0, 1].map(|dim| signed(window.phases(dim).len()));
        let lmul = if conv.strides[1] == 2 { self.choice.lmul.min(4) } else { self.choice.lmul };
        let vlmax = (lmul * g.vlmax / self.choice.lmul.max(1)).max(1);
        let strips = columns / vlmax + i64::from(columns % vlmax != 0);
        let lines = 4.0 * (columns * signed(conv.strides[1])) as f64 / strips.max(1) as f64 / self.line();
        let mut code = Code::new(self.core, lmul);
        // Of a longer row some strips, and the others in proportion: time must not grow with the row.
        let some = strips.min(MOST_STRIPS);
        for _ in 0..some {
            code.scalars(4);
            code.rows(
                Class::LoadUnit,
                if conv.strides[1] == 2 { 2 } else { 1 },
                Stream::streamed(lines / 2.0, self.input),
            );
            if conv.strides[1] == 2 {
                code.vectors(Class::VectorNarrow, of_w);
            }
            let line = 4.0 * columns as f64 / strips.max(1) as f64 / self.line();
            code.rows(Class::StoreUnit, of_w, Stream::streamed(line, self.vectors));
        }
        // Padding and the odd elements at the ends of a row, and the loop.
        code.scalars(10 + 4 * of_w);
        let planes = signed(conv.input[0]) * signed(conv.input[1]) * of_h;
        let row = code.cycles() * (strips as f64 / some.max(1) as f64);
        planes as f64 * (rows as f64 * row + 60.0)
    }
}
