//! How the planes of a kernel are computed: tasks, scratch, order of the outputs.

use super::{Op, Window};
use crate::kernels::MAX_SCRATCH_BYTES;
use crate::kernels::rvv::Lmul;
use ait_dialects::infer::ceil_div;
use std::collections::BTreeMap;

/// Bytes of a packed band, where it is up to us: it should stay in the first cache levels.
const BAND_BYTES: i64 = 64 << 10;
/// Output elements of a task, where planes are small.
const TASK: i64 = 4096;
/// Windows of at most so many taps are unrolled, their weights in registers.
pub(super) const UNROLLED: i64 = 25;
/// The machine that estimates are made for.
const TYPICAL_VLEN: i64 = 256;

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
    pub(super) window: Window,
    pub(super) op: Op,
    pub(super) planes: i64,
    pub(super) input_strides: [i64; 2],
    pub(super) output_strides: [i64; 2],
    pub(super) lmul: Lmul,
    pub(super) light: bool,
    pub(super) mode: Mode,
    /// Output rows at once.
    pub(super) group: i64,
    /// Output rows of a task.
    pub(super) band: i64,
    /// Planes of a task.
    pub(super) block: i64,
    /// Phases of the rows and of the columns that some tap has.
    pub(super) phases: [Vec<i64>; 2],
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
        // Half of the registers are for the results.
        let group = (16 / (lmul.registers() * op.groups())).clamp(1, 4);
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
    pub(super) fn reach(&self, axis: usize) -> i64 {
        (self.window.kernel[axis] - 1) * self.window.dilations[axis] / self.window.strides[axis]
    }

    /// Elements of a packed row.
    pub(super) fn width(&self) -> i64 {
        self.window.output[1] + self.reach(1)
    }

    pub(super) fn sub_planes(&self) -> i64 {
        self.phases.iter().map(|phases| i64::try_from(phases.len()).unwrap_or(1)).product()
    }

    /// Elements of a sub-plane.
    pub(super) fn sub_plane(&self) -> i64 {
        (self.band + self.reach(0)) * self.width()
    }

    pub(super) fn packed_bytes(&self) -> i64 {
        (4 * self.sub_planes()).saturating_mul(self.sub_plane())
    }

    /// Register group size of [`Mode::Flat`].
    pub(super) fn flat_lmul(&self) -> Lmul {
        if self.light { Lmul::M8 } else { Lmul::M4 }
    }

    /// Outputs of `rows` rows in one vector loop: those between the rows are computed for nothing.
    pub(super) fn flat(&self, rows: i64) -> i64 {
        (rows - 1) * self.width() + self.window.output[1]
    }

    /// Bytes of scratch that the packed band takes.
    pub fn scratch_bytes(&self) -> i64 {
        if self.mode == Mode::Direct { 0 } else { self.packed_bytes() }
    }

    pub(super) fn counts(&self) -> [i64; 2] {
        [ceil_div(self.planes, self.block), ceil_div(self.window.output[0], self.band)]
    }

    /// Number of tasks.
    pub fn tasks(&self) -> i64 {
        self.counts().iter().product()
    }

    /// The sub-plane of padded row or column `index` and the index there.
    pub(super) fn phase(&self, axis: usize, index: i64) -> (i64, i64) {
        let stride = self.window.strides[axis];
        let phase = self.phases[axis].iter().position(|phase| *phase == index % stride).unwrap_or(0);
        (phase.try_into().unwrap_or(0), index / stride)
    }

    /// Bytes from the source's first element to tap (kh, kw) of output row `row`, column 0.
    pub(super) fn offset(&self, row: i64, kh: i64, kw: i64) -> i64 {
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
    pub(super) fn offsets(&self, group: i64) -> BTreeMap<i64, Vec<(usize, usize)>> {
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
}

/// The phases (padded index modulo stride) of the taps along an axis, ascending; all of them if taps are not unrolled.
fn phases(window: &Window, axis: usize, unrolled: bool) -> Vec<i64> {
    let (stride, step) = (window.strides[axis], window.dilations[axis]);
    let used = |phase: &i64| !unrolled || (0..window.kernel[axis]).any(|tap| tap * step % stride == *phase);
    (0..stride).filter(used).collect()
}
