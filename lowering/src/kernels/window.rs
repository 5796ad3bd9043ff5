//! Windows over planes H x W with vectors along W: depthwise convolution and pooling.
//!
//! A plane, or a band of its rows, is packed into scratch with its padding, one sub-plane per phase of the
//! strides, so that every tap of every output is an adjacent load without a bounds check. Where rows are
//! short, one vector loop runs over all rows of the packed plane at once and the results are written row
//! by row afterwards ([`Mode::Flat`]). Planes without padding are read in place.

use super::MAX_SCRATCH_BYTES;
use super::nest::{block, ceil_div};
use super::rvv::{F, Lmul, P, Rvv, V, Vl, X};
use std::collections::BTreeMap;

/// Bytes of a packed band, where it is up to us: it should stay in the first cache levels.
const BAND_BYTES: i64 = 64 << 10;
/// Output elements of a task, where planes are small.
const TASK: i64 = 4096;
/// Windows of at most so many taps are unrolled, their weights in registers.
const UNROLLED: i64 = 25;
/// Registers in which LLVM keeps the constants of an activation that is not light.
const CONSTANTS: i64 = 14;
/// The machine that estimates are made for.
const TYPICAL_VLEN: i64 = 256;

/// The geometry of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// H, W of the input.
    pub input: [i64; 2],
    /// H, W of the output.
    pub output: [i64; 2],
    /// Taps.
    pub kernel: [i64; 2],
    /// Steps of the window.
    pub strides: [i64; 2],
    /// Top, left, bottom, right.
    pub pads: [i64; 4],
    /// From tap to tap.
    pub dilations: [i64; 2],
}

impl Window {
    /// Checks that all sizes are sensible.
    ///
    /// # Errors
    /// Names the attribute.
    pub fn check(&self) -> Result<(), String> {
        let within = |values: &[[i64; 2]], low, high| {
            values.iter().flatten().all(|value| (low..=high).contains(value))
        };
        if !within(&[self.input, self.output], 1, 1 << 20) {
            return Err(format!(
                "planes must be 1 to 2^20 wide and high, not {:?}, {:?}",
                self.input, self.output
            ));
        }
        if !within(&[self.kernel, self.strides, self.dilations], 1, 1 << 12) {
            return Err("kernel, strides and dilations must be 1 to 2^12".to_owned());
        }
        if self.pads.iter().any(|value| !(0..=1 << 12).contains(value)) {
            return Err(format!("pads must be 0 to 2^12, not {:?}", self.pads));
        }
        Ok(())
    }

    /// Padding before the first row or column.
    pub fn before(&self, axis: usize) -> i64 {
        self.pads[axis]
    }

    /// First and one past the last index that the windows touch, 0 being the first element of the input.
    pub fn extent(&self, axis: usize) -> (i64, i64) {
        let last =
            (self.output[axis] - 1) * self.strides[axis] + (self.kernel[axis] - 1) * self.dilations[axis];
        (-self.before(axis), last - self.before(axis) + 1)
    }

    /// Whether all taps of all windows lie in the input.
    pub fn is_inside(&self) -> bool {
        (0..2).all(|axis| self.extent(axis).0 >= 0 && self.extent(axis).1 <= self.input[axis])
    }

    /// Number of taps of output `index` along an axis that lie in `from..to`.
    pub fn taps(&self, axis: usize, index: i64, from: i64, to: i64) -> i64 {
        let start = index * self.strides[axis] - self.before(axis);
        let tap = |k: &i64| (from..to).contains(&(start + k * self.dilations[axis]));
        (0..self.kernel[axis]).filter(tap).count().try_into().unwrap_or(0)
    }

    /// First and one past the last tap of output `index` along an axis that lie in `from..to`.
    pub fn tap_range<'c>(
        &self,
        b: &Rvv<'c, '_>,
        axis: usize,
        index: X<'c>,
        from: i64,
        to: i64,
    ) -> (X<'c>, X<'c>) {
        let (step, kernel) = (self.dilations[axis], self.kernel[axis]);
        let start = b.sub(b.mul(index, self.strides[axis]), self.before(axis));
        // The number of taps before a bound: ceil((bound - start) / step), none if negative.
        let before = |bound: i64| {
            let distance = b.max(b.sub(bound, start), 0);
            b.min(b.div(b.add(distance, step - 1), step), kernel)
        };
        let first = before(from);
        (first, b.max(before(to), first))
    }
}

/// What the taps do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sum of weighted taps.
    Weighted,
    /// Largest tap.
    Max,
    /// Sum of taps.
    Sum,
}

impl Op {
    /// The value of padding.
    pub fn identity(self) -> f32 {
        if self == Self::Max { f32::NEG_INFINITY } else { 0.0 }
    }
}

/// In which order the outputs of a band are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Straight from the input, row by row, several rows at once.
    Direct,
    /// From the packed band, row by row, several rows at once.
    Rows,
    /// From the packed band, all rows in one vector loop.
    Flat,
}

/// How the planes of one kernel are computed.
#[derive(Clone, Debug)]
pub struct Plan {
    window: Window,
    op: Op,
    planes: i64,
    input_strides: [i64; 2],
    output_strides: [i64; 2],
    lmul: Lmul,
    light: bool,
    mode: Mode,
    /// Output rows at once.
    group: i64,
    /// Output rows of a task.
    band: i64,
    /// Planes of a task.
    block: i64,
    /// Phases of the rows and of the columns that some tap has.
    phases: [Vec<i64>; 2],
}

/// One plane: addresses of its first elements, and what happens to a result.
pub struct Plane<'a, 'c> {
    /// First element of the input plane.
    pub input: P<'c>,
    /// First element of the output plane.
    pub output: P<'c>,
    /// KH x KW weights and the bias, for [`Op::Weighted`].
    pub weights: Option<(P<'c>, F<'c>)>,
    /// From the reduced taps at (row, first column) to the result.
    pub finish: &'a dyn Fn(V<'c>, X<'c>, X<'c>, Vl<'c>) -> V<'c>,
}

/// Where taps are read: bytes from one output row and column to the next.
struct Source<'c> {
    at: P<'c>,
    row: i64,
    column: i64,
}

/// The sum so far starts as the bias, or as the first tap.
#[derive(Clone)]
struct Weights<'c> {
    at: P<'c>,
    bias: F<'c>,
    loaded: Vec<F<'c>>,
}

impl Plan {
    /// A plan for `planes` planes. `light` says that finishing needs at most one register group beside the result.
    ///
    /// # Errors
    /// If a packed row is too long for the scratch.
    pub fn new(
        window: Window,
        op: Op,
        planes: i64,
        strides: [[i64; 2]; 2],
        lmul: Lmul,
        light: bool,
    ) -> Result<Self, String> {
        window.check()?;
        let [input_strides, output_strides] = strides;
        // Where a row has a constant vector length, LLVM keeps an activation's constants in registers full of them.
        let heavy = if window.output[1] <= Lmul::M2.vlmax(128) { Lmul::M1 } else { Lmul::M2 };
        let lmul = if light { lmul } else { lmul.min(heavy) };
        let unrolled = window.kernel[0] * window.kernel[1] <= UNROLLED;
        let group = if lmul == Lmul::M8 { 2 } else { 4 };
        let group = if light && unrolled { window.output[0].min(group) } else { 1 };
        let phases = [0, 1].map(|axis| phases(&window, axis, unrolled));
        let mode = if window.is_inside() { Mode::Direct } else { Mode::Rows };
        let [height, width] = window.output;
        let (band, block) = (height, (TASK / (height * width)).clamp(1, planes.max(1)));
        let mut plan = Self {
            window,
            op,
            planes,
            input_strides,
            output_strides,
            lmul,
            light,
            mode,
            group,
            band,
            block,
            phases,
        };
        if mode != Mode::Direct {
            plan.choose_band()?;
            plan.choose_mode();
        }
        Ok(plan)
    }

    /// The most rows of a plane that may be packed at once.
    fn choose_band(&mut self) -> Result<(), String> {
        let height = self.window.output[0];
        let fits = |plan: &Self, bytes: i64| plan.packed_bytes() <= bytes;
        let row = 4 * self.sub_planes() * self.width();
        let most = BAND_BYTES / row - self.reach(0);
        let bands = ceil_div(height, most.clamp(1, height));
        self.band = ceil_div(height, bands);
        self.block = if bands > 1 { 1 } else { self.block };
        if fits(self, MAX_SCRATCH_BYTES - 4 * self.window.output[1]) {
            Ok(())
        } else {
            Err(format!("{} bytes for the rows of a window are too many", self.packed_bytes()))
        }
    }

    /// Estimates vector instructions at a typical vector length.
    fn choose_mode(&mut self) {
        let strips = |n: i64, lmul: Lmul| ceil_div(n, lmul.vlmax(TYPICAL_VLEN));
        let (width, taps) = (self.window.output[1], self.window.kernel[0] * self.window.kernel[1]);
        let loads = self.offsets(self.group).len().try_into().unwrap_or(taps) / self.group;
        let loads = if loads == 0 { taps } else { loads };
        let rows = self.band * strips(width, self.lmul) * (taps + 2 * loads + 6);
        let flat = strips(self.flat(self.band), self.flat_lmul()) * (3 * taps + 6)
            + self.band * strips(width, self.lmul) * 9;
        if flat < rows {
            self.mode = Mode::Flat;
        }
    }

    /// How far, in packed rows or columns, the last tap is from the first.
    fn reach(&self, axis: usize) -> i64 {
        (self.window.kernel[axis] - 1) * self.window.dilations[axis] / self.window.strides[axis]
    }

    /// Elements of a packed row.
    fn width(&self) -> i64 {
        self.window.output[1] + self.reach(1)
    }

    fn sub_planes(&self) -> i64 {
        self.phases.iter().map(|phases| i64::try_from(phases.len()).unwrap_or(1)).product()
    }

    /// Elements of a sub-plane.
    fn sub_plane(&self) -> i64 {
        (self.band + self.reach(0)) * self.width()
    }

    fn packed_bytes(&self) -> i64 {
        (4 * self.sub_planes()).saturating_mul(self.sub_plane())
    }

    /// Register group size of [`Mode::Flat`].
    fn flat_lmul(&self) -> Lmul {
        if self.light { Lmul::M8 } else { Lmul::M4 }
    }

    /// Outputs of `rows` rows in one vector loop: those between the rows are computed for nothing.
    fn flat(&self, rows: i64) -> i64 {
        (rows - 1) * self.width() + self.window.output[1]
    }

    /// Bytes of scratch that the packed band takes.
    pub fn scratch_bytes(&self) -> i64 {
        if self.mode == Mode::Direct { 0 } else { self.packed_bytes() }
    }

    fn counts(&self) -> [i64; 2] {
        [ceil_div(self.planes, self.block), ceil_div(self.window.output[0], self.band)]
    }

    /// Number of tasks.
    pub fn tasks(&self) -> i64 {
        self.counts().iter().product()
    }

    /// The sub-plane of padded row or column `index` and the index there.
    fn phase(&self, axis: usize, index: i64) -> (i64, i64) {
        let stride = self.window.strides[axis];
        let phase = self.phases[axis].iter().position(|phase| *phase == index % stride).unwrap_or(0);
        (phase.try_into().unwrap_or(0), index / stride)
    }

    /// Bytes from the source's first element to tap (kh, kw) of output row `row`, column 0.
    fn offset(&self, row: i64, kh: i64, kw: i64) -> i64 {
        let [dh, dw] = self.window.dilations;
        if self.mode == Mode::Direct {
            let [h, w] = self.input_strides;
            return 4 * ((row * self.window.strides[0] + kh * dh) * h + kw * dw * w);
        }
        let ((phase_h, y), (phase_w, x)) = (self.phase(0, kh * dh), self.phase(1, kw * dw));
        let columns = i64::try_from(self.phases[1].len()).unwrap_or(1);
        4 * ((phase_h * columns + phase_w) * self.sub_plane() + (row + y) * self.width() + x)
    }

    /// The loads of `group` output rows: offset to (row, tap number).
    fn offsets(&self, group: i64) -> BTreeMap<i64, Vec<(usize, usize)>> {
        let [kh, kw] = self.window.kernel;
        let mut loads: BTreeMap<i64, Vec<(usize, usize)>> = BTreeMap::new();
        if kh * kw > UNROLLED {
            return loads;
        }
        for row in 0..group {
            for tap in 0..kh * kw {
                let index = |i: i64| usize::try_from(i).unwrap_or(0);
                loads.entry(self.offset(row, tap / kw, tap % kw)).or_default().push((index(row), index(tap)));
            }
        }
        loads
    }

    /// Emits the task. `plane` gets the number of a plane and passes its addresses on.
    pub fn emit<'c>(&self, b: &Rvv<'c, '_>, plane: impl FnOnce(X<'c>, &dyn Fn(&Plane<'_, 'c>))) {
        let counts = self.counts();
        let digits = b.split(b.task(), &counts);
        let digit = |i: usize| digits.get(i).copied().unwrap_or(b.task());
        let (first, count) = block(b, digit(0), self.planes, self.block);
        let (row, rows) = block(b, digit(1), self.window.output[0], self.band);
        b.for_range(first, b.add(first, count), 1, (), |index, ()| {
            plane(index, &|plane| self.band(b, plane, row, rows));
        });
    }

    fn band<'c>(&self, b: &Rvv<'c, '_>, plane: &Plane<'_, 'c>, first: X<'c>, rows: X<'c>) {
        let weights = plane.weights.map(|(at, bias)| Weights { at, bias, loaded: self.load_weights(b, at) });
        let source = if self.mode == Mode::Direct {
            let [h, w] = [0, 1].map(|axis| 4 * self.window.strides[axis] * self.input_strides[axis]);
            Source { at: b.offset(plane.input, b.mul(first, h)), row: h, column: w }
        } else {
            self.pack(b, plane.input, first, rows);
            Source { at: b.scratch(), row: 4 * self.width(), column: 4 }
        };
        if self.mode == Mode::Flat {
            self.flat_rows(b, plane, &source, weights.as_ref(), first, rows);
        } else {
            let whole = b.sub(rows, b.rem(rows, self.group));
            self.row_groups(b, plane, &source, weights.as_ref(), (first, b.c(0), whole, self.group));
            if self.group > 1 {
                self.row_groups(b, plane, &source, weights.as_ref(), (first, whole, rows, 1));
            }
        }
    }

    fn load_weights<'c>(&self, b: &Rvv<'c, '_>, at: P<'c>) -> Vec<F<'c>> {
        let taps = self.window.kernel[0] * self.window.kernel[1];
        if taps > UNROLLED { vec![] } else { (0..taps).map(|tap| b.flw(b.offset(at, 4 * tap))).collect() }
    }

    /// Packs what `rows` output rows from `first` on read.
    fn pack<'c>(&self, b: &Rvv<'c, '_>, input: P<'c>, first: X<'c>, rows: X<'c>) {
        let [stride_h, _] = self.window.strides;
        let mut sub_plane = b.scratch();
        for &phase_h in &self.phases[0] {
            for &phase_w in &self.phases[1] {
                b.for_range(0, b.add(rows, self.reach(0)), 1, sub_plane, |row, to| {
                    let y = b.sub(b.mul(b.add(first, row), stride_h), self.window.before(0) - phase_h);
                    let from = b.index(input, b.mul(y, self.input_strides[0]));
                    let inside = b.within(y, self.window.input[0]);
                    b.if_else(
                        inside,
                        || self.pack_row(b, from, to, phase_w),
                        || self.pad(b, to, 0, self.width()),
                    );
                    b.offset(to, 4 * self.width())
                });
                sub_plane = b.offset(sub_plane, 4 * self.sub_plane());
            }
        }
    }

    fn pack_row<'c>(&self, b: &Rvv<'c, '_>, from: P<'c>, to: P<'c>, phase: i64) {
        let (stride, step) = (self.window.strides[1], self.input_strides[1]);
        // Packed column j is column j * stride - start of the input.
        let start = self.window.before(1) - phase;
        let low = ceil_div(start, stride).clamp(0, self.width());
        let high = ceil_div(self.window.input[1] + start, stride).clamp(low, self.width());
        self.pad(b, to, 0, low);
        row(b, high - low, Lmul::M8, |done, vl| {
            let at = b.index(from, b.mul(b.add(b.mul(done, stride), low * stride - start), step));
            b.vse32(b.load(at, 4 * stride * step, vl), b.index(to, b.add(done, low)), vl);
        });
        self.pad(b, to, high, self.width());
    }

    /// Writes padding to the columns low..high of a packed row.
    fn pad<'c>(&self, b: &Rvv<'c, '_>, to: P<'c>, low: i64, high: i64) {
        let value = self.op.identity();
        if high - low <= 4 {
            (low..high).for_each(|column| b.fsw(value, b.offset(to, 4 * column)));
        } else {
            row(b, high - low, Lmul::M8, |done, vl| {
                b.vse32(b.vfmv_v_f(value, vl), b.index(to, b.add(done, low)), vl);
            });
        }
    }

    /// Rows `from..to` of the band, `group` at once.
    fn row_groups<'c>(
        &self,
        b: &Rvv<'c, '_>,
        plane: &Plane<'_, 'c>,
        source: &Source<'c>,
        weights: Option<&Weights<'c>>,
        (first, from, to, group): (X<'c>, X<'c>, X<'c>, i64),
    ) {
        b.for_range(from, to, group, (), |index, ()| {
            let at = b.offset(source.at, b.mul(index, source.row));
            row(b, self.window.output[1], self.lmul, |done, vl| {
                let at = b.offset(at, b.mul(done, source.column));
                let results = self.reduce(b, at, source.column, weights, group, vl);
                for (i, result) in (0..).zip(results) {
                    self.finish(b, plane, result, b.add(b.add(first, index), i), done, vl);
                }
            });
        });
    }

    fn finish<'c>(
        &self,
        b: &Rvv<'c, '_>,
        plane: &Plane<'_, 'c>,
        result: V<'c>,
        row: X<'c>,
        column: X<'c>,
        vl: Vl<'c>,
    ) {
        let [h, w] = self.output_strides;
        let to = b.index(plane.output, b.add(b.mul(row, h), b.mul(column, w)));
        b.store((plane.finish)(result, row, column, vl), to, 4 * w, vl);
    }

    /// All rows in one vector loop, its results in place of the first sub-plane: no later strip reads there.
    fn flat_rows<'c>(
        &self,
        b: &Rvv<'c, '_>,
        plane: &Plane<'_, 'c>,
        source: &Source<'c>,
        weights: Option<&Weights<'c>>,
        first: X<'c>,
        rows: X<'c>,
    ) {
        let length = b.add(b.mul(b.sub(rows, 1), self.width()), self.window.output[1]);
        b.strips(length, self.flat_lmul(), (), |done, vl, ()| {
            let at = b.index(source.at, done);
            for result in self.reduce(b, at, source.column, weights, 1, vl) {
                b.vse32(result, at, vl);
            }
        });
        b.for_range(0, rows, 1, source.at, |index, at| {
            row(b, self.window.output[1], self.lmul, |done, vl| {
                let result = b.vle32(b.index(at, done), vl);
                self.finish(b, plane, result, b.add(first, index), done, vl);
            });
            b.offset(at, source.row)
        });
    }

    /// The reduced windows of `group` rows of outputs.
    fn reduce<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: P<'c>,
        column: i64,
        weights: Option<&Weights<'c>>,
        group: i64,
        vl: Vl<'c>,
    ) -> Vec<V<'c>> {
        if self.window.kernel[0] * self.window.kernel[1] > UNROLLED {
            return vec![self.reduce_rolled(b, at, column, weights, vl)];
        }
        let mut sums: Vec<Option<V<'c>>> = vec![None; group.try_into().unwrap_or(0)];
        // Registers beside the sums hold a batch of loads and a temporary.
        let registers = if self.light { 32 } else { 32 - CONSTANTS };
        let batch = usize::try_from(registers / vl.lmul().registers() - group - 1).unwrap_or(0).clamp(1, 8);
        for (i, (offset, uses)) in self.offsets(group).into_iter().enumerate() {
            if i > 0 && i % batch == 0 {
                b.fence();
            }
            let value = b.load(b.offset(at, offset), column, vl);
            for (row, tap) in uses {
                let weight = weights.map(|weights| (weights.loaded[tap], weights.bias));
                sums[row] = Some(self.tap(b, sums[row], value, weight, vl));
            }
        }
        sums.into_iter().flatten().collect()
    }

    fn tap<'c>(
        &self,
        b: &Rvv<'c, '_>,
        sum: Option<V<'c>>,
        value: V<'c>,
        weight: Option<(F<'c>, F<'c>)>,
        vl: Vl<'c>,
    ) -> V<'c> {
        match (weight, sum) {
            (Some((weight, bias)), sum) => {
                b.vfmacc(sum.unwrap_or_else(|| b.vfmv_v_f(bias, vl)), weight, value, vl)
            }
            (None, None) => value,
            (None, Some(sum)) if self.op == Op::Max => b.vfmax(sum, value, vl),
            (None, Some(sum)) => b.vfadd(sum, value, vl),
        }
    }

    /// [`Self::reduce`] of one row with loops over the taps. All phases are packed, in order.
    fn reduce_rolled<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: P<'c>,
        column: i64,
        weights: Option<&Weights<'c>>,
        vl: Vl<'c>,
    ) -> V<'c> {
        let [kh, kw] = self.window.kernel;
        let start = weights.map_or_else(|| b.f(self.op.identity()), |weights| weights.bias);
        let bytes = |axis: usize, tap: X<'c>| self.rolled_offset(b, axis, tap);
        b.for_range(0, kh, 1, b.vfmv_v_f(start, vl), |y, sum| {
            let row = b.offset(at, bytes(0, y));
            b.for_range(0, kw, 1, sum, |x, sum| {
                let value = b.load(b.offset(row, bytes(1, x)), column, vl);
                let tap = |weights: &Weights<'c>| b.flw(b.index(weights.at, b.add(b.mul(y, kw), x)));
                let weight = weights.map(|weights| (tap(weights), weights.bias));
                self.tap(b, Some(sum), value, weight, vl)
            })
        })
    }

    /// The part of [`Self::offset`] that one axis contributes.
    fn rolled_offset<'c>(&self, b: &Rvv<'c, '_>, axis: usize, tap: X<'c>) -> X<'c> {
        let index = b.mul(tap, self.window.dilations[axis]);
        if self.mode == Mode::Direct {
            return b.mul(index, 4 * self.input_strides[axis]);
        }
        let columns = i64::try_from(self.phases[1].len()).unwrap_or(1);
        let (phase_step, step) =
            if axis == 0 { (columns * self.sub_plane(), self.width()) } else { (self.sub_plane(), 1) };
        let stride = self.window.strides[axis];
        let phase = b.mul(b.rem(index, stride), 4 * phase_step);
        b.add(phase, b.mul(b.div(index, stride), 4 * step))
    }
}

/// The phases (padded index modulo stride) of the taps along an axis, ascending; all of them if taps are not unrolled.
fn phases(window: &Window, axis: usize, unrolled: bool) -> Vec<i64> {
    let (stride, step) = (window.strides[axis], window.dilations[axis]);
    let used = |phase: &i64| !unrolled || (0..window.kernel[axis]).any(|tap| tap * step % stride == *phase);
    (0..stride).filter(used).collect()
}

/// Runs over `n` elements known when compiling: without a loop and in the smallest group if they fit everywhere.
pub fn row<'c>(b: &Rvv<'c, '_>, n: i64, lmul: Lmul, body: impl FnOnce(X<'c>, Vl<'c>)) {
    let fits = Lmul::ALL.into_iter().find(|small| *small <= lmul && n <= small.vlmax(128));
    match fits {
        _ if n <= 0 => {}
        Some(small) => body(b.c(0), b.vl(n, small)),
        None => b.strips(n, lmul, (), |done, vl, ()| body(done, vl)),
    }
}
