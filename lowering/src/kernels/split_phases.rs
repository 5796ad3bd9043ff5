//! `rvv.split_phases`: the input of a convolution, padded and split by the strides.
//!
//! A unit is one phase of the rows of one input plane: all its phases of the columns are written together, so that with
//! stride 2 both come from one unit load of twice the group. A task is a few units.

use super::Family;
use super::depthwise::{Planes, plane};
use super::elementwise::operands;
use super::name::{Codec, Strided};
use super::nest::block;
use super::rvv::{Lmul, P, Rvv, Vl, X};
use super::window::row;
use ait_dialects::attributes::Attributes;
use ait_dialects::infer::{Window, ceil_div};
use melior::ir::operation::OperationRef;

/// Elements of a task, where planes are small.
const TASK: i64 = 16384;
/// Bound on every number of a window, so that no product of two overflows.
const LIMIT: i64 = 1 << 24;

/// Parameters of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitPhases {
    /// N x C x H x W, W stride 1.
    pub input: Strided,
    /// N x (C * phases) x rows x columns, W stride 1.
    pub init: Strided,
    /// [KH, KW]
    pub kernel: [i64; 2],
    /// [h, w]
    pub strides: [i64; 2],
    /// [top, left, bottom, right]
    pub pads: [i64; 4],
    /// [h, w]
    pub dilations: [i64; 2],
    /// Register group size of a phase.
    pub lmul: Lmul,
}

impl Default for SplitPhases {
    fn default() -> Self {
        Self {
            input: Strided::default(),
            init: Strided::default(),
            kernel: [1; 2],
            strides: [1; 2],
            pads: [0; 4],
            dilations: [1; 2],
            lmul: Lmul::M1,
        }
    }
}

/// What the generator knows about both sides.
struct Geometry {
    window: Window,
    input: Planes,
    init: Planes,
    /// Of rows and of columns.
    phases: [Vec<i64>; 2],
}

/// Those columns of a phase that lie in the input.
#[derive(Clone, Copy)]
struct Inside {
    low: i64,
    high: i64,
}

impl Geometry {
    /// Phases of the rows of every plane of the input.
    fn units(&self) -> i64 {
        self.input.0[0] * self.input.0[1] * count(&self.phases[0])
    }

    fn block(&self) -> i64 {
        let [.., height, width] = self.init.0;
        (TASK / (count(&self.phases[1]) * height * width)).clamp(1, self.units().max(1))
    }

    /// The columns of phase `phase` that are columns of the input.
    fn inside(&self, phase: i64) -> Inside {
        let (stride, start, columns) = (self.window.strides[1], self.window.pads[1] - phase, self.init.0[3]);
        let low = ceil_div(start, stride).clamp(0, columns);
        Inside { low, high: ceil_div(self.input.0[3] + start, stride).clamp(low, columns) }
    }

    /// First and one past the last row of a phase that are rows of the input.
    fn rows<'c>(&self, b: &Rvv<'c, '_>, phase: X<'c>) -> (X<'c>, X<'c>) {
        let (stride, rows) = (self.window.strides[0], self.init.0[2]);
        let start = b.sub(self.window.pads[0], phase);
        // ceil(distance / stride), 0 where negative.
        let steps = |distance: X<'c>| b.min(b.div(b.max(b.add(distance, stride - 1), 0), stride), rows);
        let low = steps(start);
        (low, b.max(steps(b.add(start, self.input.0[2])), low))
    }
}

fn count(phases: &[i64]) -> i64 {
    i64::try_from(phases.len()).unwrap_or(i64::MAX)
}

impl SplitPhases {
    fn geometry(&self) -> Result<Geometry, String> {
        let Self { kernel, strides, pads, dilations, .. } = *self;
        let within = |least, values: &[i64]| values.iter().all(|value| (least..=LIMIT).contains(value));
        if !within(1, &kernel) || !within(1, &strides) || !within(1, &dilations) || !within(0, &pads) {
            return Err(format!(
                "kernel {kernel:?}, strides {strides:?}, pads {pads:?} or dilations {dilations:?} is out of range"
            ));
        }
        let window = Window { kernel, strides, pads, dilations };
        let (input, init) = (self.input.dims::<4>("input")?, self.init.dims::<4>("init")?);
        let shape = window.split_shape(input.0)?;
        if self.init.shape != shape {
            return Err(format!("init must have shape {shape:?}, not {:?}", self.init.shape));
        }
        let phases = [window.phases(0), window.phases(1)];
        if phases[1].len() > Window::MOST_PHASES {
            return Err(format!(
                "{} phases of columns are more than {}",
                phases[1].len(),
                Window::MOST_PHASES
            ));
        }
        Ok(Geometry { window, input, init, phases })
    }

    /// All rows of a unit: zeros above the input, rows of the input, zeros below.
    fn unit<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry, from: P<'c>, to: P<'c>, phase: X<'c>) {
        let ([.., rows, _], [_, plane, row, _]) = g.init;
        let [_, _, input_row, _] = g.input.1;
        let (low, high) = g.rows(b, phase);
        let at = |first: X<'c>| b.index(to, b.mul(first, row));
        let columns = || 0..count(&g.phases[1]);
        columns().for_each(|j| self.zeros(b, g, b.offset(to, 4 * j * plane), low));
        let y = b.sub(b.add(b.mul(low, g.window.strides[0]), phase), g.window.pads[0]);
        let start = (b.index(from, b.mul(y, input_row)), at(low));
        b.for_range(low, high, 1, start, |_, (from, to)| {
            self.row(b, g, from, to);
            (b.index(from, b.mul(input_row, g.window.strides[0])), b.index(to, row))
        });
        let below = b.sub(rows, high);
        columns().for_each(|j| self.zeros(b, g, b.offset(at(high), 4 * j * plane), below));
    }

    /// Whole rows of zeros of one phase.
    fn zeros<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry, to: P<'c>, rows: X<'c>) {
        let ([.., columns], [.., row, _]) = g.init;
        if row == columns {
            return b
                .strips(b.mul(rows, columns), self.lmul, (), |done, vl, ()| zero(b, b.index(to, done), vl));
        }
        b.for_range(0, rows, 1, to, |_, to| {
            self.pad(b, to, 0, columns);
            b.offset(to, 4 * row)
        });
    }

    /// One row of the input, to all phases of the columns.
    fn row<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry, from: P<'c>, to: P<'c>) {
        let (stride, plane, columns) = (g.window.strides[1], g.init.1[1], g.init.0[3]);
        let phases: Vec<_> = (0..)
            .zip(&g.phases[1])
            .map(|(j, &phase)| (phase, g.inside(phase), b.offset(to, 4 * j * plane)))
            .collect();
        for &(_, Inside { low, high }, to) in &phases {
            self.pad(b, to, 0, low);
            self.pad(b, to, high, columns);
        }
        if stride == 2 {
            return self.pairs(b, g, from, &phases);
        }
        for &(phase, Inside { low, high }, to) in &phases {
            let first = b.offset(from, 4 * (low * stride + phase - g.window.pads[1]));
            row(b, high - low, self.lmul, |done, vl| {
                let value = b.load(b.index(first, b.mul(done, stride)), 4 * stride, vl);
                b.vse32(value, b.index(to, b.add(done, low)), vl);
            });
        }
    }

    /// A row with stride 2: pairs of adjacent elements are loaded, an element of each goes to each phase.
    fn pairs<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry, from: P<'c>, phases: &[(i64, Inside, P<'c>)]) {
        let left = g.window.pads[1];
        // Pairs of which both elements are in the input.
        let [even, odd] = [0, 1].map(|phase| g.inside(phase));
        let (low, high) = (even.low.max(odd.low), even.high.min(odd.high).max(even.low.max(odd.low)));
        for &(phase, inside, to) in phases {
            for column in (inside.low..inside.high.min(low)).chain(inside.low.max(high)..inside.high) {
                b.fsw(b.flw(b.offset(from, 4 * (2 * column + phase - left))), b.offset(to, 4 * column));
            }
        }
        let first = b.offset(from, 4 * (2 * low - left));
        row(b, high - low, self.lmul.min(Lmul::M4), |done, vl| {
            let wide = b.vl(b.mul(vl.x(), 2), vl.lmul().doubled());
            let pairs = b.vle32(b.offset(first, b.mul(done, 8)), wide);
            for &(phase, _, to) in phases {
                b.vse32(b.vnsrl(pairs, 32 * phase, vl), b.index(to, b.add(done, low)), vl);
            }
        });
    }

    /// Zeros in the columns low..high of a row.
    fn pad<'c>(&self, b: &Rvv<'c, '_>, to: P<'c>, low: i64, high: i64) {
        if high - low <= 4 {
            return (low..high).for_each(|column| b.fsw(0.0, b.offset(to, 4 * column)));
        }
        row(b, high - low, self.lmul, |done, vl| zero(b, b.index(to, b.add(done, low)), vl));
    }
}

fn zero<'c>(b: &Rvv<'c, '_>, to: P<'c>, vl: Vl<'c>) {
    b.vse32(b.vfmv_v_f(0.0, vl), to, vl);
}

/// The phase of an index that is known when running.
fn phase_of<'c>(b: &Rvv<'c, '_>, phases: &[i64], index: X<'c>) -> X<'c> {
    let step = phases.get(1).copied().unwrap_or(0);
    if phases.iter().zip(0..).all(|(&phase, i)| phase == i * step) {
        return b.mul(index, step);
    }
    phases.iter().zip(0i64..).fold(b.c(0), |other, (&phase, i)| b.select(b.eq(index, i), phase, other))
}

impl Family for SplitPhases {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        Ok(Self {
            input,
            init,
            kernel: op.i64s("kernel")?,
            strides: op.i64s("strides")?,
            pads: op.i64s("pads")?,
            dilations: op.i64s("dilations")?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.window(&mut self.kernel, &mut self.strides, &mut self.pads, &mut self.dilations)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        let g = self.geometry()?;
        let unit = |(shape, strides): Planes| shape[3] == 1 || strides[3] == 1;
        if unit(g.input) && unit(g.init) {
            Ok(())
        } else {
            Err("input and init need stride 1 along W (CNHW or NCHW memory order)".to_owned())
        }
    }

    fn tasks(&self) -> i64 {
        self.geometry().map_or(0, |g| ceil_div(g.units(), g.block()))
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(g) = self.geometry() else { return };
        let (first, units) = block(b, b.task(), g.units(), g.block());
        let [phases, columns] = [0, 1].map(|dim| count(&g.phases[dim]));
        b.for_range(first, b.add(first, units), 1, (), |unit, ()| {
            let (channel, i) = (b.div(unit, phases), b.rem(unit, phases));
            let (n, c) = (b.div(channel, g.input.0[1]), b.rem(channel, g.input.0[1]));
            let from = plane(b, b.arg(0), &g.input.1, n, c);
            let result = b.mul(b.add(b.mul(c, phases), i), columns);
            let to = plane(b, b.arg(1), &g.init.1, n, result);
            self.unit(b, &g, from, to, phase_of(b, &g.phases[0], i));
        });
    }
}

#[cfg(test)]
#[path = "split_phases_tests.rs"]
mod tests;
