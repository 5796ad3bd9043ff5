//! `rvv.softmax`: exp(x - max) / sum along an axis, any strides of memory.
//!
//! Where the axis is contiguous, or the only one, vectors run along it and are reduced; elsewhere they run along
//! another dimension, one softmax per element. Three passes: maximum, exp and sum, division.

use super::Family;
use super::elementwise::operands;
use super::epilogue;
use super::name::{Codec, Strided};
use super::nest::{Dim, Nest, advance, block};
use super::rvv::{Lmul, P, Rvv};
use ait_dialects::attributes::Attributes;
use ait_dialects::infer::ceil_div;
use melior::ir::operation::OperationRef;

/// Elements of a task.
const TASK: i64 = 4096;
/// Elements along the vectors of a task: VLMAX of LMUL 8 at VLEN 1024.
const STRIP: i64 = 256;

/// Parameters of a softmax.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Softmax {
    /// Any shape.
    pub input: Strided,
    /// As `input`.
    pub init: Strided,
    /// The dimension that is summed over, from 0.
    pub axis: i64,
    /// Register group size, at most.
    pub lmul: Lmul,
}

/// Loops of a softmax.
struct Loops {
    /// Around all else; the strides are those of input and init.
    outer: Nest,
    /// Along the vectors, unless they run along the axis.
    inner: Option<Dim>,
    axis: Dim,
}

impl Softmax {
    fn loops(&self) -> Result<Loops, String> {
        if self.input.shape != self.init.shape {
            return Err(format!("shapes {:?} and {:?} differ", self.input.shape, self.init.shape));
        }
        let rank = self.input.shape.len();
        let axis = usize::try_from(self.axis).ok().filter(|axis| *axis < rank);
        let axis =
            axis.ok_or_else(|| format!("axis {} is not in 0 to {}", self.axis, rank.saturating_sub(1)))?;
        let without = |buffer: &Strided| {
            let mut rest = buffer.clone();
            rest.strides.remove(axis);
            (
                Strided { shape: [&buffer.shape[..axis], &buffer.shape[axis + 1..]].concat(), ..rest },
                buffer.strides[axis],
            )
        };
        let ((input, from), (init, to)) = (without(&self.input), without(&self.init));
        let size = self.init.shape[axis];
        if size < 1 || (size > 1 && to == 0) {
            return Err(format!("axis {axis} has size {size} and stride {to}"));
        }
        let Nest { mut outer, rows, inner } = Nest::new(&[&input, &init])?;
        outer.push(rows);
        let reduce = from == 1 || inner.size == 1;
        let inner = if reduce {
            outer.push(inner);
            None
        } else {
            Some(inner)
        };
        let unit = || Dim { size: 1, strides: vec![1, 1] };
        let outer = Nest { outer, rows: unit(), inner: unit() };
        Ok(Loops { outer, inner, axis: Dim { size, strides: vec![from, to] } })
    }

    fn group(&self) -> Lmul {
        self.lmul.min(Lmul::M2)
    }
}

impl Loops {
    fn outer_size(&self) -> i64 {
        self.outer.outer.iter().map(|dim| dim.size).product()
    }

    /// Outer iterations of a task, elements along the vectors.
    fn blocks(&self) -> [i64; 2] {
        let strip = self.inner.as_ref().map_or(1, |inner| inner.size.min(STRIP));
        [(TASK / self.axis.size / strip).clamp(1, self.outer_size()), strip]
    }

    fn sizes(&self) -> [i64; 2] {
        [self.outer_size(), self.inner.as_ref().map_or(1, |inner| inner.size)]
    }

    fn counts(&self) -> [i64; 2] {
        let (sizes, blocks) = (self.sizes(), self.blocks());
        [ceil_div(sizes[0], blocks[0]), ceil_div(sizes[1], blocks[1])]
    }

    fn emit<'c>(&self, b: &Rvv<'c, '_>, lmul: Lmul) {
        let (sizes, blocks, counts) = (self.sizes(), self.blocks(), self.counts());
        let (first, count) = block(b, b.div(b.task(), counts[1]), sizes[0], blocks[0]);
        let (strip, length) = block(b, b.rem(b.task(), counts[1]), sizes[1], blocks[1]);
        let bases = [b.arg(0), b.arg(1)];
        b.for_range(first, b.add(first, count), 1, (), |index, ()| {
            let at = self.outer.outer_addresses(b, &bases, index);
            let Some(inner) = &self.inner else { return self.reduced(b, &at, lmul) };
            let at = advance(b, &at, &inner.strides, strip);
            b.strips(length, lmul, (), |done, vl, ()| {
                self.vectors(b, &advance(b, &at, &inner.strides, done), inner, vl);
            });
        });
    }

    /// One softmax per element of the vectors.
    fn vectors<'c>(&self, b: &Rvv<'c, '_>, at: &[P<'c>], inner: &Dim, vl: super::rvv::Vl<'c>) {
        let (&[input, init], &[from, to], &[step, out_step]) = (at, &*inner.strides, &*self.axis.strides)
        else {
            return;
        };
        let (steps, load) = (self.axis.size, |at: P<'c>, stride: i64| b.load(at, 4 * stride, vl));
        let start = (input, b.vfmv_v_f(f32::NEG_INFINITY, vl));
        let (_, max) = b.for_range(0, steps, 1, start, |_, (at, max)| {
            (b.index(at, step), b.vfmax(max, load(at, from), vl))
        });
        let start = (vec![input, init], b.vfmv_v_f(0.0, vl));
        let (_, sum) = b.for_range(0, steps, 1, start, |_, (at, sum)| {
            let e = epilogue::exp(b, b.vfsub(load(at[0], from), max, vl), vl);
            b.store(e, at[1], 4 * to, vl);
            (advance(b, &at, &[step, out_step], 1), b.vfadd(sum, e, vl))
        });
        let scale = b.vfrdiv(sum, 1.0, vl);
        b.for_range(0, steps, 1, init, |_, at| {
            b.store(b.vfmul(load(at, to), scale, vl), at, 4 * to, vl);
            b.index(at, out_step)
        });
    }

    /// One softmax along the vectors.
    fn reduced<'c>(&self, b: &Rvv<'c, '_>, at: &[P<'c>], lmul: Lmul) {
        let (&[input, init], &[from, to]) = (at, &*self.axis.strides) else { return };
        let (n, all) = (self.axis.size, b.vlmax(lmul));
        let element = |at: P<'c>, index, stride: i64| b.index(at, b.mul(index, stride));
        let max = b.strips(n, lmul, b.vfmv_v_f(f32::NEG_INFINITY, all), |done, vl, max| {
            b.vfmax_tu(max, b.load(element(input, done, from), 4 * from, vl), vl)
        });
        let max = b.vfredmax(max, f32::NEG_INFINITY, all);
        let sum = b.strips(n, lmul, b.vfmv_v_f(0.0, all), |done, vl, sum| {
            let x = b.load(element(input, done, from), 4 * from, vl);
            let e = epilogue::exp(b, b.vfsub(x, max, vl), vl);
            b.store(e, element(init, done, to), 4 * to, vl);
            b.vfadd_tu(sum, e, vl)
        });
        let scale = b.fdiv(1.0, b.vfredusum(sum, 0.0, all));
        b.strips(n, lmul, (), |done, vl, ()| {
            let at = element(init, done, to);
            b.store(b.vfmul(b.load(at, 4 * to, vl), scale, vl), at, 4 * to, vl);
        });
    }
}

impl Family for Softmax {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let [input, init] = operands(buffers)?;
        let (axis, rank) = (op.i64("axis")?, i64::try_from(init.shape.len()).unwrap_or(0));
        let axis = if axis < 0 { axis + rank } else { axis };
        Ok(Self { input, init, axis, lmul: Lmul::try_from(op.i64("lmul")?)? })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.int("a", &mut self.axis)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("in", &mut self.input)?;
        codec.strided("out", &mut self.init)
    }

    fn check(&self) -> Result<(), String> {
        self.loops().map(drop)
    }

    fn tasks(&self) -> i64 {
        self.loops().map_or(0, |loops| loops.counts().iter().product())
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        if let Ok(loops) = self.loops() {
            loops.emit(b, self.group());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Softmax;
    use crate::kernels::name::Strided;
    use crate::kernels::rvv::Lmul;
    use crate::kernels::{Kernel, testing};
    use ait_runtime::kernel_test::{Arg, Case};
    use rand::Rng;
    use rand::seq::IndexedRandom;

    fn random(rng: &mut impl Rng) -> (Kernel, Case) {
        let mut shape: Vec<i64> = (0..rng.random_range(1..=4)).map(|_| rng.random_range(1..8)).collect();
        let long = rng.random_range(0..shape.len());
        shape[long] = rng.random_range(1..600);
        let axis = rng.random_range(0..shape.len());
        let layout = |rng: &mut _| {
            if Rng::random_bool(rng, 0.5) {
                Strided::dense(&shape)
            } else {
                testing::scattered(rng, &shape, false)
            }
        };
        let (input, init) = (layout(rng), layout(rng));
        let data: Vec<f32> = testing::data(rng, testing::span(&input)).iter().map(|x| 10.0 * x).collect();
        let data = testing::with_nan(rng, data, ait_dialects::Nan::Propagate);
        let x = |index: &[i64]| f64::from(data[testing::position(&input, index)]);
        let expected = testing::expected(&init, |index| {
            let along = |i: i64| {
                let mut index = index.to_vec();
                index[axis] = i;
                x(&index).exp()
            };
            (x(index).exp() / (0..shape[axis]).map(along).sum::<f64>()) as f32
        });
        let lmul = *Lmul::ALL.choose(rng).unwrap();
        let kernel =
            Kernel::from(Softmax { input: input.clone(), init, axis: axis.try_into().unwrap(), lmul });
        let case = testing::case(&kernel).arg(Arg::input(data)).arg(Arg::output(expected));
        (kernel, case)
    }

    #[test]
    fn random_kernels() {
        let mut rng = testing::rng(31);
        let (kernels, cases): (Vec<_>, Vec<_>) = (0..120).map(|_| random(&mut rng)).unzip();
        testing::check(&kernels, &cases);
    }

    #[test]
    fn assembly() {
        let dense = Strided::dense(&[1, 1000]);
        let kernel = Softmax { input: dense.clone(), init: dense, axis: 1, lmul: Lmul::M4 };
        insta::assert_snapshot!(testing::assembly(&kernel.into()));
    }
}
