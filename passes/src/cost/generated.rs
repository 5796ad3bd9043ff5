//! Generated kernels other than convolutions, walked as `lowering/src/kernels` emits them: model cycles of one
//! thread, without starting.

use super::convolution::signed;
use super::walk::{Walk, after};
use super::{Convolution, ShapeError, Target};
use ait_cores::Class;
use ait_dialects::infer::{Window, ceil_div};
use std::collections::BTreeMap;

/// Elements of a task of a loop nest, and of them along the vector (`lowering/src/kernels/nest.rs`).
const NEST_TASK: i64 = 16384;
const NEST_STRIP: i64 = 512;
const NEST_LONGEST: i64 = 256;
/// Register group size, and that of copies.
const LMUL: i64 = 4;
const COPY_LMUL: i64 = 8;
/// Bytes of a packed band, and the vector length that modes are chosen for (`lowering/src/kernels/window/plan.rs`).
const BAND_BYTES: i64 = 64 << 10;
const TYPICAL_VLEN: i64 = 256;
/// Elements of a plane that is walked band by band.
const LARGE_PLANE: i64 = 1 << 16;
/// Columns of a task of `rvv.matmul`.
const MATMUL_BLOCK: i64 = 256;

/// `rvv.copy` of `outer` matrices of `rows` x `columns` to their transposes: a conversion of the layout.
///
/// The vectors run along one dimension, one side of them by strides: each element is in a line of its own, which the
/// next vectors find again in level 1 if the lines of a block fit there.
pub fn transpose(target: &Target, [outer, rows, columns]: [i64; 3]) -> f64 {
    let (area, total) = (rows * columns, outer * rows * columns);
    // As `cheapest` in nest.rs: fewer loops, then what is contiguous in the result.
    let cost = |size: i64| total / size.max(1) * (64 + ceil_div(size, 8) * 8 * 9);
    let by_rows = cost(rows) <= cost(columns);
    let (inner, others) = if by_rows { (rows, columns) } else { (columns, rows) };
    let (block, height) = (inner.min(NEST_STRIP), others.min((NEST_TASK / inner.min(NEST_STRIP)).max(1)));
    let mut walk = Walk::new(target);
    walk.written(0, 4 * total);
    walk.set_lmul(COPY_LMUL);
    let to = after(4 * total);
    let strips: Vec<(i64, i64)> = (0..inner)
        .step_by(usize::try_from(block).unwrap_or(1))
        .flat_map(|at| walk.strips(block.min(inner - at)).map(move |(from, count)| (at + from, count)))
        .collect();
    let blocks = ceil_div(others, height);
    let count = signed(strips.len());
    walk.rounds(outer * blocks * count, |walk, round| {
        let (matrix, block) = (round / (blocks * count), round / count % blocks);
        let &(at, elements) = strips.get(usize::try_from(round % count).unwrap_or(0)).unwrap_or(&(0, 1));
        walk.scalars(12);
        for other in block * height..((block + 1) * height).min(others) {
            // Input: row-major. Result: the same with the columns outside.
            let (row, column) = if by_rows { (at, other) } else { (other, at) };
            let from = 4 * (matrix * area + row * columns + column);
            let into = to + 4 * (matrix * area + column * rows + row);
            let steps = if by_rows { [4 * columns, 4] } else { [4, 4 * rows] };
            walk.load(0, from, steps[0], elements);
            walk.scalars(3);
            walk.store(0, into, steps[1], elements);
            walk.branch();
        }
    })
}

/// What a window's planes are reduced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taps {
    /// Weights.
    Weighted,
    /// None: a maximum of numbers or a sum.
    Plain,
    /// None, and the sum of their squares beside the maximum, which is NaN if one of them is.
    Squared,
}

impl Taps {
    /// Register groups of a result in the making.
    pub fn groups(self) -> i64 {
        match self {
            Self::Weighted | Self::Plain => 1,
            Self::Squared => 2,
        }
    }

    /// A tap into a result and its squares; that of [`Taps::Weighted`] with the scalar of the result's number.
    pub fn combine(self, walk: &mut Walk, [to, squares]: [i64; 2], from: i64) {
        match self {
            Self::Weighted => walk.vector_scalar(Class::VectorFma, to, 7 - to, from),
            Self::Plain => walk.vector(Class::VectorFp, to, from),
            Self::Squared => {
                walk.vector(Class::VectorFp, to, from);
                walk.vector(Class::VectorFma, squares, from);
            }
        }
    }

    /// The result of all taps.
    pub fn finish(self, walk: &mut Walk, [to, squares]: [i64; 2]) {
        if self == Self::Squared {
            (0..2).for_each(|_| walk.vector(Class::VectorInt, squares, squares));
            walk.vector(Class::VectorLogic, to, squares);
        }
    }
}

/// `rvv.depthwise_conv2d` and `rvv.pool2d` in CNHW or NCHW: plane by plane, with padding packed into a band of its own.
///
/// # Errors
/// If the window does not exist.
pub fn window(target: &Target, conv: &Convolution, taps: Taps) -> Result<f64, ShapeError> {
    let window = Windows::new(conv, taps)?;
    let [n, _, h, w] = conv.input.map(signed);
    let [_, k, out_h, out_w] = conv.output()?.map(signed);
    let (plane, input, output) = (4 * h * w, 4 * n * conv_channels(conv) * h * w, 4 * n * k * out_h * out_w);
    let to = after(input);
    let scratch = to + after(output) + 64;
    let mut walk = Walk::new(target);
    walk.written(0, input);
    let share = (k / conv_channels(conv).max(1)).max(1);
    // Whole planes where they are small, so that as much is walked of each of their bands.
    let bands = ceil_div(out_h, window.band).max(1);
    let at_once = if out_h * out_w <= LARGE_PLANE { bands } else { 1 };
    Ok(walk.rounds(n * k * (bands / at_once), |walk, round| {
        let (index, band) = (round * at_once / bands, round * at_once % bands);
        let (from, into) = (index / share * plane, to + 4 * index * out_h * out_w);
        for band in band..band + at_once {
            let first = band * window.band;
            let rows = window.band.min(out_h - first);
            walk.scalars(40);
            if taps == Taps::Weighted {
                (0..window.taps).for_each(|tap| walk.load_scalar(tap, scratch - 64));
            }
            window.band(walk, taps, [from, into, scratch], first, rows);
        }
    }))
}

fn conv_channels(conv: &Convolution) -> i64 {
    signed(conv.input[1])
}

/// The loops of a window (`lowering/src/kernels/window`).
struct Windows {
    window: Window,
    input: [i64; 2],
    output: [i64; 2],
    taps: i64,
    is_packed: bool,
    is_flat: bool,
    /// Output rows at once, and of a packed band.
    group: i64,
    band: i64,
    phases: [Vec<i64>; 2],
    /// By rows: see [`Windows::offsets`].
    offsets: BTreeMap<i64, Vec<(i64, i64)>>,
}

impl Windows {
    fn new(conv: &Convolution, taps: Taps) -> Result<Self, ShapeError> {
        let [_, _, out_h, out_w] = conv.output()?.map(signed);
        let window = conv.window();
        let mut windows = Self {
            window,
            input: [signed(conv.input[2]), signed(conv.input[3])],
            output: [out_h, out_w],
            taps: window.kernel.iter().product(),
            is_packed: window.pads != [0; 4],
            is_flat: false,
            group: out_h.clamp(1, 4 / taps.groups()),
            band: out_h.max(1),
            phases: [0, 1].map(|axis| window.phases(axis)),
            offsets: BTreeMap::new(),
        };
        if windows.is_packed {
            let row = 4 * windows.sub_planes() * windows.width();
            let most = (BAND_BYTES / row.max(1) - windows.reach(0)).clamp(1, out_h.max(1));
            windows.band = ceil_div(out_h, ceil_div(out_h, most)).max(1);
            windows.is_flat = windows.is_flat_cheaper();
        } else {
            // All rows are one band, of which a few are walked at a time.
            let rows = (LARGE_PLANE / out_w.max(1)).max(windows.group) / windows.group * windows.group;
            windows.band = windows.band.min(rows);
        }
        windows.offsets = [1, windows.group].map(|rows| (rows, windows.offsets(rows))).into();
        Ok(windows)
    }

    fn is_flat_cheaper(&self) -> bool {
        let strips = |count: i64, lmul: i64| ceil_div(count, lmul * TYPICAL_VLEN / 32);
        let width = self.output[1];
        let loads = self.offsets(self.group).len() as i64 / self.group;
        let rows = self.band * strips(width, LMUL) * (self.taps + 2 * loads + 6);
        let flat = strips((self.band - 1) * self.width() + width, 8) * (3 * self.taps + 6)
            + self.band * strips(width, LMUL) * 9;
        flat < rows
    }

    fn reach(&self, axis: usize) -> i64 {
        self.window.split_size(axis, 0)
    }

    fn width(&self) -> i64 {
        self.window.split_size(1, self.output[1])
    }

    fn sub_planes(&self) -> i64 {
        (self.phases[0].len() * self.phases[1].len()) as i64
    }

    /// [`Window::tap`] by the phases that are known.
    fn tap(&self, axis: usize, k: i64) -> (usize, i64) {
        let (at, stride) = (k * self.window.dilations[axis], self.window.strides[axis]);
        (self.phases[axis].partition_point(|&phase| phase < at % stride), at / stride)
    }

    /// Where the taps of `rows` output rows are, in elements from the first, each once; and in how many of the rows.
    fn offsets(&self, rows: i64) -> Vec<(i64, i64)> {
        let mut found = BTreeMap::new();
        let Window { kernel, strides, dilations: [dh, dw], .. } = self.window;
        for (row, kh, kw) in (0..rows)
            .flat_map(|row| (0..kernel[0]).flat_map(move |kh| (0..kernel[1]).map(move |kw| (row, kh, kw))))
        {
            let offset = if self.is_packed {
                let ((i, y), (j, x)) = (self.tap(0, kh), self.tap(1, kw));
                let plane = (self.band + self.reach(0)) * self.width();
                (i * self.phases[1].len() + j) as i64 * plane + (row + y) * self.width() + x
            } else {
                (row * strides[0] + kh * dh) * self.input[1] + kw * dw
            };
            *found.entry(offset).or_insert(0) += 1;
        }
        found.into_iter().collect()
    }

    /// A band of a plane: of the input, the result and scratch.
    fn band(&self, walk: &mut Walk, taps: Taps, [from, into, scratch]: [i64; 3], first: i64, rows: i64) {
        if self.is_packed {
            self.pack(walk, from, scratch, first, rows);
        }
        let (at, row, step) = match self.is_packed {
            true => (scratch, 4 * self.width(), 4),
            false => {
                let [h, w] = self.window.strides;
                (from + 4 * first * h * self.input[1], 4 * h * self.input[1], 4 * w)
            }
        };
        if self.is_flat {
            walk.set_lmul(8);
            let count = (rows - 1) * self.width() + self.output[1];
            for (done, elements) in walk.strips(count) {
                self.reduce(walk, taps, 1, at + 4 * done, step, elements);
                walk.store(3, at + 4 * done, 4, elements);
                walk.branch();
            }
        }
        walk.set_row_lmul(self.output[1], LMUL);
        let group = if self.is_flat { 1 } else { self.group };
        let mut done = 0;
        while done < rows {
            // What is left over is done row by row.
            let some = if done + group <= rows { group } else { 1 };
            walk.scalars(8);
            for (column, elements) in walk.strips(self.output[1]) {
                walk.scalars(3);
                if self.is_flat {
                    walk.load(7, at + row * done + 4 * column, 4, elements);
                } else {
                    self.reduce(walk, taps, some, at + row * done + step * column, step, elements);
                }
                for index in 0..some {
                    taps.finish(walk, [7 - index, 5 - index]);
                    walk.vector(Class::VectorFp, 7 - index, 7 - index);
                    walk.scalars(2);
                    walk.store(
                        7 - index,
                        into + 4 * ((first + done + index) * self.output[1] + column),
                        4,
                        elements,
                    );
                }
                walk.branch();
            }
            done += some;
        }
    }

    fn reduce(&self, walk: &mut Walk, taps: Taps, rows: i64, at: i64, step: i64, elements: i64) {
        for (index, &(offset, uses)) in self.offsets.get(&rows).into_iter().flatten().enumerate() {
            walk.scalars(1);
            walk.load(index as i64 % 3, at + 4 * offset, step, elements);
            for r#use in 0..uses {
                taps.combine(walk, [7 - r#use, 5 - r#use], index as i64 % 3);
            }
        }
    }

    /// Packs what `rows` output rows read, with padding: a sub-plane for each phase.
    fn pack(&self, walk: &mut Walk, from: i64, mut to: i64, first: i64, rows: i64) {
        walk.set_row_lmul(self.width(), 8);
        let Window { strides: [stride_h, stride_w], pads: [top, left, ..], .. } = self.window;
        let plane = 4 * (self.band + self.reach(0)) * self.width();
        for &phase_h in &self.phases[0] {
            for &phase_w in &self.phases[1] {
                let start = left - phase_w;
                let low = ceil_div(start, stride_w).clamp(0, self.width());
                let high = ceil_div(self.input[1] + start, stride_w).clamp(low, self.width());
                for row in 0..rows + self.reach(0) {
                    let (y, at) = ((first + row) * stride_h - top + phase_h, to + 4 * row * self.width());
                    walk.scalars(8);
                    let is_inside = (0..self.input[0]).contains(&y);
                    let (low, high) = if is_inside { (low, high) } else { (0, self.width()) };
                    (0..low).for_each(|column| walk.store_scalar(0, at + 4 * column));
                    for (done, elements) in walk.strips(high - low) {
                        walk.scalars(5);
                        let column = (done + low) * stride_w - start;
                        match is_inside {
                            true => {
                                walk.load(0, from + 4 * (y * self.input[1] + column), 4 * stride_w, elements)
                            }
                            false => walk.splat(0),
                        }
                        walk.store(0, at + 4 * (done + low), 4, elements);
                        walk.branch();
                    }
                    (high..self.width()).for_each(|column| walk.store_scalar(0, at + 4 * column));
                    walk.branch();
                }
                to += plane;
            }
        }
    }
}

/// `rvv.global_pool` in CNHW or NCHW: a plane after the other, each reduced in vectors, then to one element.
pub fn global_pool(target: &Target, planes: i64, elements: i64) -> f64 {
    let mut walk = Walk::new(target);
    walk.written(0, 4 * planes * elements);
    let to = after(4 * planes * elements);
    walk.rounds(planes, |walk, plane| {
        walk.set_lmul(LMUL);
        walk.scalars(12);
        walk.splat(0);
        for (done, count) in walk.strips(elements) {
            walk.scalars(3);
            walk.load(1, 4 * (plane * elements + done), 4, count);
            walk.vector(Class::VectorFp, 0, 1);
            walk.branch();
        }
        walk.vector(Class::VectorReduce, 0, 0);
        walk.vector(Class::VectorToScalar, 0, 0);
        walk.scalar_fma(0, 0, 0);
        walk.store_scalar(0, to + 4 * plane);
        walk.branch();
    })
}

/// `rvv.scale_bias` of `rows` x `inner` elements that are contiguous along `inner`: of channels and positions, or of
/// pixels and channels where the scales run along the vectors. Where rows are short or share their scales, the loop over
/// them is the inner one: each vector is in another row than the one before.
pub fn scale_bias(target: &Target, [rows, inner]: [i64; 2], along: bool, vectors: i64) -> f64 {
    let mut walk = Walk::new(target);
    walk.written(0, 4 * rows * inner);
    walk.set_lmul(LMUL);
    let to = after(4 * rows * inner);
    let is_outside = along || inner <= NEST_LONGEST;
    let block = inner.min(if is_outside { NEST_STRIP } else { NEST_TASK });
    let height = rows.min((NEST_TASK / block.max(1)).max(1));
    let step = |walk: &mut Walk, row: i64, at: i64, count: i64| {
        if !along && is_outside {
            (0..2).for_each(|scalar| {
                walk.load_scalar(scalar, to + 4 * rows * inner + 4 * (scalar * rows + row))
            });
        }
        walk.load(1, 4 * (row * inner + at), 4, count);
        walk.vector_scalar(Class::VectorFma, 1, 0, 2);
        (0..vectors).for_each(|_| walk.vector(Class::VectorFp, 1, 1));
        walk.scalars(3);
        walk.store(1, to + 4 * (row * inner + at), 4, count);
        walk.branch();
    };
    let strips: Vec<(i64, i64)> = walk.strips(inner).collect();
    if is_outside {
        let count = signed(strips.len());
        walk.rounds(ceil_div(rows, height) * count, |walk, round| {
            let (first, strip) = (round / count * height, usize::try_from(round % count).unwrap_or(0));
            let &(at, elements) = strips.get(strip).unwrap_or(&(0, 1));
            walk.scalars(12);
            (first..(first + height).min(rows)).for_each(|row| step(walk, row, at, elements));
        })
    } else {
        walk.rounds(rows, |walk, row| strips.iter().for_each(|&(at, count)| step(walk, row, at, count)))
    }
}

/// `rvv.matmul` of `rows` x `depth` by `depth` x `columns`: strips of columns, each down all of `depth`.
pub fn matmul(target: &Target, [rows, depth, columns]: [i64; 3]) -> f64 {
    let most = 32 / LMUL - 1;
    let tiles = ceil_div(rows, most);
    let tile = ceil_div(rows, tiles);
    let mut walk = Walk::new(target);
    walk.written(0, 4 * rows * depth);
    walk.set_lmul(LMUL);
    let (right, to) = (after(4 * rows * depth), after(4 * rows * depth) + after(4 * depth * columns));
    let strips = ceil_div(columns, walk.vlmax());
    let per_block = MATMUL_BLOCK / walk.vlmax().max(1);
    let blocks = ceil_div(strips, per_block.max(1));
    walk.rounds(tiles * blocks * per_block.max(1), |walk, round| {
        let (tile_index, strip) = (round / (blocks * per_block.max(1)), round % (blocks * per_block.max(1)));
        let count = walk.vlmax().min(columns - strip * walk.vlmax());
        if count <= 0 {
            return;
        }
        walk.scalars(20);
        (0..tile).for_each(|row| walk.splat(row + 1));
        for step in 0..depth {
            for row in 0..tile {
                walk.load_scalar(row, 4 * ((tile_index * tile + row) * depth + step));
            }
            walk.load(0, right + 4 * (step * columns + strip * walk.vlmax()), 4, count);
            walk.scalars(1);
            (0..tile).for_each(|row| walk.vector_scalar(Class::VectorFma, row + 1, row, 0));
            if step % 2 == 1 {
                walk.branch();
            }
        }
        for row in 0..tile {
            walk.store(
                row + 1,
                to + 4 * ((tile_index * tile + row) * columns + strip * walk.vlmax()),
                4,
                count,
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Taps, window};
    use crate::cost::{Convolution, Target};

    /// Of a plane that is walked in part.
    #[test]
    fn large_planes_cost_as_much_by_the_row_as_small_ones() {
        let target = Target::named("spacemit-x60").unwrap();
        for pads in [[0; 4], [1; 4]] {
            let pool = |height: usize| {
                let conv = Convolution {
                    input: [1, 1, height, 250],
                    filter: [1, 1, 3, 3],
                    strides: [1, 1],
                    pads,
                    dilations: [1, 1],
                    groups: 1,
                };
                window(&target, &conv, Taps::Plain).unwrap() / height as f64
            };
            let (small, large) = (pool(1_000), pool(25_000));
            assert!((0.8..1.25).contains(&(large / small)), "{pads:?}: {small} and {large}");
        }
    }
}
