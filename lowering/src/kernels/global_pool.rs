//! `rvv.global_pool`: maximum or mean over H and W, any strides of memory.
//!
//! Where channels are contiguous (NHWC), vectors run along C; elsewhere they run along the plane and are reduced
//! at its end.

use super::Family;
use super::depthwise::plane;
use super::elementwise::operands;
use super::name::{Codec, Strided};
use super::nest::block;
use super::pool::{Function, reciprocal_of};
use super::rvv::{F, Lmul, P, Rvv};
use ait_dialects::attributes::Attributes;
use ait_dialects::infer::ceil_div;
use melior::ir::operation::OperationRef;

/// Elements of a task, where planes are small.
const TASK: i64 = 4096;
/// Channels of a task: VLMAX of LMUL 8 at VLEN 1024.
const CHANNELS: i64 = 256;

/// Parameters of a global pooling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobalPool {
    /// N x C x H x W
    pub input: Strided,
    /// N x C x 1 x 1
    pub init: Strided,
    /// Maximum or mean.
    pub function: Function,
    /// Register group size.
    pub lmul: Lmul,
}

/// Input shape, input strides, result strides.
struct Geometry {
    shape: [i64; 4],
    input: [i64; 4],
    output: [i64; 4],
}

impl Geometry {
    fn along_channels(&self) -> bool {
        self.input[1] == 1 && self.shape[1] > 1 && !(self.input[3] == 1 && self.shape[3] > 1)
    }

    /// Vector loops of a plane and elements of each, the stride along it.
    fn rows(&self) -> (i64, i64, i64) {
        let [_, _, height, width] = self.shape;
        match self.input {
            [.., h, w] if h == width * w => (1, height * width, w),
            [.., h, _] if width == 1 => (1, height, h),
            [.., w] => (height, width, w),
        }
    }

    /// Planes of a task.
    fn block(&self) -> i64 {
        (TASK / (self.shape[2] * self.shape[3])).clamp(1, self.shape[0] * self.shape[1])
    }
}

impl GlobalPool {
    fn geometry(&self) -> Result<Geometry, String> {
        let (shape, input) = self.input.dims::<4>("input")?;
        let (out_shape, output) = self.init.dims::<4>("init")?;
        if out_shape != [shape[0], shape[1], 1, 1] || shape.iter().any(|size| *size < 1) {
            return Err(format!("{out_shape:?} is not the shape of a global pooling of {shape:?}"));
        }
        Ok(Geometry { shape, input, output })
    }

    fn planes<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry) {
        let [n, c, ..] = g.shape;
        let (first, count) = block(b, b.task(), n * c, g.block());
        b.for_range(first, b.add(first, count), 1, (), |index, ()| {
            let (n, c) = (b.div(index, c), b.rem(index, c));
            let result = self.plane(b, g, plane(b, b.arg(0), &g.input, n, c));
            let result = match self.function {
                Function::Max | Function::MaxNum => result,
                Function::Avg => b.fmul(result, reciprocal_of(g.shape[2] * g.shape[3])),
            };
            b.fsw(result, plane(b, b.arg(1), &g.output, n, c));
        });
    }

    /// The largest group that leaves one for an element and one for the constants of the loops.
    fn group(&self) -> Lmul {
        if self.function.combine().groups() > 1 { self.lmul.min(Lmul::M4) } else { self.lmul }
    }

    /// Maximum or sum of a plane.
    fn plane<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry, at: P<'c>) -> F<'c> {
        let combine = self.function.combine();
        let (rows, length, stride) = g.rows();
        let small = Lmul::ALL.into_iter().find(|lmul| length <= lmul.vlmax(128));
        if let (1, Some(lmul)) = (rows, small) {
            let vl = b.vl(length, lmul);
            return combine.reduced(b, combine.first(b, b.load(at, 4 * stride, vl), vl), vl);
        }
        let all = b.vlmax(self.group());
        let sum = b.for_range(0, rows, 1, (at, combine.start(b, all)), |_, (at, sum)| {
            let sum = b.strips(length, self.group(), sum, |done, vl, sum| {
                let value = b.load(b.index(at, b.mul(done, stride)), 4 * stride, vl);
                combine.add_tu(b, sum, value, vl)
            });
            (b.index(at, g.input[2]), sum)
        });
        combine.reduced(b, sum.1, all)
    }

    fn channels<'c>(&self, b: &Rvv<'c, '_>, g: &Geometry) {
        let [_, c, height, width] = g.shape;
        let blocks = ceil_div(c, CHANNELS);
        let n = b.div(b.task(), blocks);
        let (first, count) = block(b, b.rem(b.task(), blocks), c, CHANNELS);
        let (from, to) = (plane(b, b.arg(0), &g.input, n, first), plane(b, b.arg(1), &g.output, n, first));
        let combine = self.function.combine();
        b.strips(count, self.group(), (), |done, vl, ()| {
            let start = (b.index(from, done), combine.start(b, vl));
            let (_, sum) = b.for_range(0, height, 1, start, |_, (row, sum)| {
                let (_, sum) = b.for_range(0, width, 1, (row, sum), |_, (at, sum)| {
                    (b.index(at, g.input[3]), combine.add(b, sum, b.vle32(at, vl), vl))
                });
                (b.index(row, g.input[2]), sum)
            });
            let result = match self.function {
                Function::Max | Function::MaxNum => sum.result(b, vl),
                Function::Avg => b.vfmul(sum.value, reciprocal_of(height * width), vl),
            };
            b.store(result, b.index(to, b.mul(done, g.output[1])), 4 * g.output[1], vl);
        });
    }
}

impl Family for GlobalPool {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        let (function, lmul) = (Function::new(&op.string("fn")?)?, Lmul::try_from(op.i64("lmul")?)?);
        Ok(Self { input, init, function, lmul })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        let mut function = self.function.name().to_owned();
        codec.text("", &mut function)?;
        self.function = Function::new(&function)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        self.geometry().map(drop)
    }

    fn tasks(&self) -> i64 {
        let Ok(g) = self.geometry() else { return 0 };
        let [n, c, ..] = g.shape;
        if g.along_channels() { n * ceil_div(c, CHANNELS) } else { ceil_div(n * c, g.block()) }
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(g) = self.geometry() else { return };
        if g.along_channels() { self.channels(b, &g) } else { self.planes(b, &g) }
    }
}
