//! `rvv.pool2d`: maximum or mean over windows, any strides of memory.
//!
//! Where channels are contiguous (NHWC), vectors run along C and a task is one row of outputs. Elsewhere they
//! run along W over packed planes ([`Plan`]).

use super::Family;
use super::combine::{Combine, Combined};
use super::depthwise::plane;
use super::elementwise::operands;
use super::name::{Codec, Strided};
use super::rvv::{F, Lmul, P, Rvv, V, Vl, X};
use super::window::{Op, Plan, Plane, Window, row};
use ait_dialects::attributes::Attributes;
use melior::ir::operation::OperationRef;

/// Maximum or mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Function {
    /// Maximum; NaN if an element is.
    #[default]
    Max,
    /// Maximum of the numbers.
    MaxNum,
    /// Mean.
    Avg,
}

impl Function {
    /// The function of a name in the dialect.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(name: &str) -> Result<Self, String> {
        match name {
            "max" => Ok(Self::Max),
            "maxnum" => Ok(Self::MaxNum),
            "avg" => Ok(Self::Avg),
            _ => Err(format!("fn must be max, maxnum or avg, not '{name}'")),
        }
    }

    /// Its name in the dialect.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::MaxNum => "maxnum",
            Self::Avg => "avg",
        }
    }

    /// What combines the elements.
    pub fn combine(self) -> Combine {
        match self {
            Self::Max => Combine::Max,
            Self::MaxNum => Combine::MaxNum,
            Self::Avg => Combine::Sum,
        }
    }
}

/// Parameters of a pooling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool2d {
    /// N x C x H x W
    pub input: Strided,
    /// N x C x OH x OW
    pub init: Strided,
    /// Maximum or mean.
    pub function: Function,
    /// KH, KW
    pub kernel: [i64; 2],
    /// h, w
    pub strides: [i64; 2],
    /// top, left, bottom, right
    pub pads: [i64; 4],
    /// h, w
    pub dilations: [i64; 2],
    /// Whether the mean counts padding.
    pub count_include_pad: bool,
    /// Register group size, at most.
    pub lmul: Lmul,
}

/// Shapes and strides of input and result.
struct Geometry {
    window: Window,
    input: [i64; 4],
    output: [i64; 4],
    n: i64,
    c: i64,
}

impl Pool2d {
    fn geometry(&self) -> Result<Geometry, String> {
        let (shape, input) = self.input.dims::<4>("input")?;
        let (out_shape, output) = self.init.dims::<4>("init")?;
        if shape[..2] != out_shape[..2] || shape[0] < 1 || shape[1] < 1 {
            return Err(format!("N and C of {shape:?} and {out_shape:?} differ or are none"));
        }
        let window = Window {
            input: [shape[2], shape[3]],
            output: [out_shape[2], out_shape[3]],
            kernel: self.kernel,
            strides: self.strides,
            pads: self.pads,
            dilations: self.dilations,
        };
        window.check()?;
        Ok(Geometry { window, input, output, n: shape[0], c: shape[1] })
    }

    /// Whether vectors run along C.
    fn along_channels(geometry: &Geometry) -> bool {
        geometry.input[1] == 1 && geometry.c > 1 && !(geometry.input[3] == 1 && geometry.window.input[1] > 1)
    }

    fn plan(&self, g: &Geometry) -> Result<Plan, String> {
        let strides = [[g.input[2], g.input[3]], [g.output[2], g.output[3]]];
        Plan::new(g.window, Op::Plain(self.function.combine()), g.n * g.c, strides, self.lmul, true)
    }

    /// From where to where taps count along an axis.
    fn counted(&self, window: &Window, axis: usize) -> (i64, i64) {
        let size = window.input[axis];
        if self.count_include_pad { (-self.pads[axis], size + self.pads[axis + 2]) } else { (0, size) }
    }

    /// Taps that count if all windows count the same.
    fn uniform(&self, window: &Window) -> Option<i64> {
        let inside = |axis: usize| {
            let ((from, to), (first, last)) = (self.counted(window, axis), window.extent(axis));
            from <= first && last <= to
        };
        (inside(0) && inside(1)).then(|| window.kernel.iter().product())
    }

    fn needs_reciprocals(&self, window: &Window) -> bool {
        self.function == Function::Avg && self.uniform(window).is_none()
    }

    /// 1 / number of taps that count along an axis, at run time.
    fn reciprocal<'c>(&self, b: &Rvv<'c, '_>, window: &Window, axis: usize, index: X<'c>) -> F<'c> {
        let (from, to) = self.counted(window, axis);
        let (first, last) = window.tap_range(b, axis, index, from, to);
        b.fdiv(1.0, b.fcvt_s_l(b.sub(last, first)))
    }

    /// Writes [`Self::reciprocal`] of every output column.
    fn write_reciprocals<'c>(&self, b: &Rvv<'c, '_>, window: &Window, at: P<'c>) {
        b.for_range(0, window.output[1], 1, at, |column, at| {
            b.fsw(self.reciprocal(b, window, 1, column), at);
            b.offset(at, 4)
        });
    }

    fn planes<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry) {
        let Ok(plan) = self.plan(g) else { return };
        let reciprocals =
            self.needs_reciprocals(&g.window).then(|| b.offset(b.scratch(), plan.scratch_bytes()));
        if let Some(at) = reciprocals {
            self.write_reciprocals(b, &g.window, at);
        }
        let mean = |sum: V<'c>, row: X<'c>, column: X<'c>, vl: Vl<'c>| match (self.function, reciprocals) {
            (Function::Max | Function::MaxNum, _) => sum,
            (Function::Avg, None) => b.vfmul(sum, self.uniform(&g.window).map_or(0.0, reciprocal_of), vl),
            (Function::Avg, Some(at)) => {
                let sum = b.vfmul(sum, self.reciprocal(b, &g.window, 0, row), vl);
                b.vfmul(sum, b.vle32(b.index(at, column), vl), vl)
            }
        };
        let finish = |sums: Vec<V<'c>>, row: X<'c>, column: X<'c>, vl: Vl<'c>| {
            let rows = (0..).zip(sums);
            rows.map(|(i, sum)| mean(sum, b.add(row, i), column, vl)).collect()
        };
        plan.emit(b, |index, emit| {
            let (n, c) = (b.div(index, g.c), b.rem(index, g.c));
            emit(&Plane {
                input: plane(b, b.arg(0), &g.input, n, c),
                output: plane(b, b.arg(1), &g.output, n, c),
                weights: None,
                finish: &finish,
            });
        });
    }

    /// One row of outputs, vectors along C.
    fn channels<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry) {
        let [height, width] = g.window.output;
        let (n, oh) = (b.div(b.task(), height), b.rem(b.task(), height));
        let image = b.index(b.arg(0), b.mul(n, g.input[0]));
        let to = b.index(b.arg(1), b.add(b.mul(n, g.output[0]), b.mul(oh, g.output[2])));
        let rows = g.window.tap_range(b, 0, oh, 0, g.window.input[0]);
        let scale = self.needs_reciprocals(&g.window).then(|| self.reciprocal(b, &g.window, 0, oh));
        b.for_range(0, width, 1, to, |ow, to| {
            let columns = g.window.tap_range(b, 1, ow, 0, g.window.input[1]);
            let scale = scale.map(|scale| b.fmul(scale, self.reciprocal(b, &g.window, 1, ow)));
            row(b, g.c, self.lmul, |done, vl| {
                let sum = self.channel_window(b, g, b.index(image, done), [oh, ow], [rows, columns], vl);
                let result = match (self.function, scale) {
                    (Function::Max | Function::MaxNum, _) => sum,
                    (Function::Avg, Some(scale)) => b.vfmul(sum, scale, vl),
                    (Function::Avg, None) => {
                        b.vfmul(sum, self.uniform(&g.window).map_or(0.0, reciprocal_of), vl)
                    }
                };
                b.store(result, b.index(to, b.mul(done, g.output[1])), 4 * g.output[1], vl);
            });
            b.index(to, g.output[3])
        });
    }

    /// The taps `rows` x `columns` of output `at`, for the channels at `image`.
    fn channel_window<'c>(
        &self,
        b: &Rvv<'c, '_>,
        g: &Geometry,
        image: P<'c>,
        at: [X<'c>; 2],
        [rows, columns]: [(X<'c>, X<'c>); 2],
        vl: Vl<'c>,
    ) -> V<'c> {
        let position = |axis: usize, tap: X<'c>| {
            let start = b.sub(b.mul(at[axis], self.strides[axis]), self.pads[axis]);
            b.mul(b.add(start, b.mul(tap, self.dilations[axis])), g.input[axis + 2])
        };
        let combine = self.function.combine();
        let sum = b.for_range(rows.0, rows.1, 1, combine.start(b, vl), |kh, sum| {
            let from = b.index(b.index(image, position(0, kh)), position(1, columns.0));
            let step = |kw: X<'c>, (from, sum): (P<'c>, Combined<'c>)| {
                let _ = kw;
                let sum = combine.add(b, sum, b.vle32(from, vl), vl);
                (b.index(from, self.dilations[1] * g.input[3]), sum)
            };
            b.for_range(columns.0, columns.1, 1, (from, sum), step).1
        });
        sum.result(b, vl)
    }
}

/// 1 / count
pub fn reciprocal_of(count: i64) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "rounded as any quotient")]
    let count = count as f32;
    1.0 / count
}

impl Family for Pool2d {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        Ok(Self {
            input,
            init,
            function: Function::new(&op.string("fn")?)?,
            kernel: op.i64s("kernel")?,
            strides: op.i64s("strides")?,
            pads: op.i64s("pads")?,
            dilations: op.i64s("dilations")?,
            count_include_pad: op.bool("count_include_pad")?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        let mut function = self.function.name().to_owned();
        codec.text("", &mut function)?;
        self.function = Function::new(&function)?;
        codec.window(&mut self.kernel, &mut self.strides, &mut self.pads, &mut self.dilations)?;
        codec.bool("cip", &mut self.count_include_pad)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        let geometry = self.geometry()?;
        if Self::along_channels(&geometry) { Ok(()) } else { self.plan(&geometry).map(drop) }
    }

    fn tasks(&self) -> i64 {
        let Ok(geometry) = self.geometry() else { return 0 };
        if Self::along_channels(&geometry) {
            return geometry.n * geometry.window.output[0];
        }
        self.plan(&geometry).map_or(0, |plan| plan.tasks())
    }

    fn scratch_bytes(&self) -> i64 {
        let Ok(geometry) = self.geometry() else { return 0 };
        if Self::along_channels(&geometry) {
            return 0;
        }
        let columns = if self.needs_reciprocals(&geometry.window) { geometry.window.output[1] } else { 0 };
        self.plan(&geometry).map_or(0, |plan| plan.scratch_bytes() + 4 * columns)
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(geometry) = self.geometry() else { return };
        if Self::along_channels(&geometry) {
            self.channels(b, &geometry);
        } else {
            self.planes(b, &geometry);
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
