//! `rvv.matmul`: epilogue(lhs * rhs + bias [+ residual]), vectors along N.
//!
//! A task is one block of columns of one tile of rows of one batch item.

use super::Family;
use super::name::{Codec, Strided};
use super::rvv::{Lmul, P, Rvv, X};
use super::tile::{self, Cursor, Factors, Rows, Steps};
use ait_dialects::Epilogue;
use ait_dialects::attributes::Attributes;
use melior::ir::operation::OperationRef;

/// Columns of a task: VLMAX of LMUL 8 at VLEN 1024.
const BLOCK: i64 = 256;

/// Steps of the reduction in one iteration.
const UNROLL: i64 = 2;

/// Parameters of a matrix product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matmul {
    /// ... x M x K
    pub lhs: Strided,
    /// ... x K x N, N stride 1
    pub rhs: Strided,
    /// ... x M x N, N stride 1
    pub init: Strided,
    /// As `init`, if there is one.
    pub residual: Option<Strided>,
    /// Applied last.
    pub epilogue: Epilogue,
    /// Rows at once.
    pub tile: i64,
    /// Register group size.
    pub lmul: Lmul,
}

/// Dimensions of the product: leading ones, then M, K, N.
struct Dims {
    batch: Vec<i64>,
    m: i64,
    k: i64,
    n: i64,
}

/// (leading, second to last, last) of sizes or strides.
pub(super) fn parts(dims: &[i64]) -> Option<(&[i64], i64, i64)> {
    match dims {
        [batch @ .., rows, columns] => Some((batch, *rows, *columns)),
        _ => None,
    }
}

impl Matmul {
    fn dims(&self) -> Result<Dims, String> {
        let rank = "lhs, rhs and init need at least two dimensions";
        let (lhs_batch, m, k) = parts(&self.lhs.shape).ok_or(rank)?;
        let (rhs_batch, rhs_k, n) = parts(&self.rhs.shape).ok_or(rank)?;
        let (batch, init_m, init_n) = parts(&self.init.shape).ok_or(rank)?;
        let broadcasts = |from: &[i64]| {
            from.len() <= batch.len()
                && from.iter().rev().zip(batch.iter().rev()).all(|(a, b)| a == b || *a == 1)
        };
        if (rhs_k, init_m, init_n) != (k, m, n) || !broadcasts(lhs_batch) || !broadcasts(rhs_batch) {
            return Err(format!(
                "shapes {:?} and {:?} do not multiply to {:?}",
                self.lhs.shape, self.rhs.shape, self.init.shape
            ));
        }
        Ok(Dims { batch: batch.to_vec(), m, k, n })
    }

    /// Address of an operand's matrix of the batch item with these coordinates, dimensions of size 1 broadcast.
    pub(super) fn matrix<'c>(b: &Rvv<'c, '_>, base: P<'c>, operand: &Strided, item: &[X<'c>]) -> P<'c> {
        let leading = operand.shape.len().saturating_sub(2);
        let dims = operand.shape.iter().zip(&operand.strides).take(leading);
        let skipped = item.len().saturating_sub(leading);
        dims.zip(item.iter().skip(skipped)).fold(base, |at, ((&size, &stride), &i)| {
            if size == 1 { at } else { b.index(at, b.mul(i, stride)) }
        })
    }

    /// One strip loop over the task's columns with `rows` rows; the addresses are those of the task's first element.
    fn rows<'c>(&self, b: &Rvv<'c, '_>, dims: &Dims, rows: i64, task: &Task<'c>) {
        let [lhs_row, lhs_k] = tail(&self.lhs.strides);
        let step = |operand: &Strided| 4 * tail(&operand.strides)[0];
        b.strips(task.columns, self.lmul, (), |done, vl, ()| {
            let at = |base| b.index(base, done);
            let bias = b.vle32(at(task.bias), vl);
            let acc = match (&self.residual, task.residual) {
                // The residual is read first: it may be where the result goes. The sum is a multiply-add because that
                // instruction works in place, which leaves the allocator no choice that spills.
                (Some(residual), Some(base)) => {
                    let residual = Rows { at: at(base), step: step(residual) }.load(b, rows, vl);
                    residual.into_iter().map(|row| b.vfmacc(row, 1.0, bias, vl)).collect()
                }
                _ => vec![bias; usize::try_from(rows).unwrap_or(0)],
            };
            let factors = Factors {
                row_step: 4 * lhs_row,
                scalar_step: 4 * lhs_k,
                vector_step: b.c(step(&self.rhs)),
                gaps: None,
                unroll: UNROLL,
            };
            let start = Cursor { scalars: task.lhs, vectors: at(task.rhs), gaps: None };
            let (_, acc) = factors.accumulate(b, start, acc, Steps::Known(dims.k), vl);
            Rows { at: at(task.init), step: step(&self.init) }.finish(b, acc, &self.epilogue, vl);
        });
    }
}

/// The last two strides (0 for missing ones: `check` has refused such ranks).
pub(super) fn tail(strides: &[i64]) -> [i64; 2] {
    parts(strides).map_or([0, 0], |(_, rows, columns)| [rows, columns])
}

/// Addresses of a task's first elements.
struct Task<'c> {
    lhs: P<'c>,
    rhs: P<'c>,
    bias: P<'c>,
    init: P<'c>,
    residual: Option<P<'c>>,
    columns: X<'c>,
}

impl Family for Matmul {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let (epilogue, tile, lmul) =
            (op.kernel_epilogue()?, op.i64("tile")?, Lmul::try_from(op.i64("lmul")?)?);
        let mut buffers = buffers.into_iter();
        let mut next = |what: &str| buffers.next().ok_or_else(|| format!("{what} is missing"));
        let (lhs, rhs, bias, init) = (next("lhs")?, next("rhs")?, next("bias")?, next("init")?);
        if bias.elements() != init.shape.last().copied().unwrap_or(0) {
            return Err(format!("bias of shape {:?} does not have N elements", bias.shape));
        }
        Ok(Self { lhs, rhs, init, residual: buffers.next(), epilogue, tile, lmul })
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.int("t", &mut self.tile)?;
        codec.lmul(&mut self.lmul)?;
        codec.strided("lhs", &mut self.lhs)?;
        codec.strided("rhs", &mut self.rhs)?;
        codec.strided("out", &mut self.init)?;
        codec.maybe_strided("res", &mut self.residual)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        tile::check(self.tile, self.lmul)?;
        let dims = self.dims()?;
        if dims.k < 1 || (dims.k > 1 && tail(&self.lhs.strides)[1] < 1) {
            return Err("K and the stride of lhs along it must be at least 1".to_owned());
        }
        if self.residual.as_ref().is_some_and(|residual| residual.shape != self.init.shape) {
            return Err("residual and init differ in shape".to_owned());
        }
        let unit = |operand: &Strided| dims.n == 1 || tail(&operand.strides)[1] == 1;
        if unit(&self.rhs) && unit(&self.init) && self.residual.as_ref().is_none_or(unit) {
            Ok(())
        } else {
            Err("rhs, init and residual need stride 1 along N".to_owned())
        }
    }

    fn tasks(&self) -> i64 {
        self.dims().map_or(0, |dims| {
            let batch: i64 = dims.batch.iter().product();
            batch * dims.m.unsigned_abs().div_ceil(self.tile.unsigned_abs()).cast_signed() * blocks(dims.n)
        })
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(dims) = self.dims() else { return };
        let tiles = (dims.m + self.tile - 1) / self.tile;
        let [outer, tile, block] = digits(b, b.task(), [1, tiles, blocks(dims.n)]);
        let item = b.split(outer, &dims.batch);
        let (row, column) = (b.mul(tile, self.tile), b.mul(block, BLOCK));
        let element = |index, operand: &Strided, row: X<'c>, column: X<'c>| {
            let [row_stride, column_stride] = tail(&operand.strides);
            let at = Self::matrix(b, b.arg(index), operand, &item);
            b.index(b.index(at, b.mul(row, row_stride)), b.mul(column, column_stride))
        };
        let zero = b.c(0);
        let task = Task {
            lhs: element(0, &self.lhs, row, zero),
            rhs: element(1, &self.rhs, zero, column),
            bias: b.index(b.arg(2), column),
            init: element(3, &self.init, row, column),
            residual: self.residual.as_ref().map(|residual| element(4, residual, row, column)),
            columns: b.min(b.sub(dims.n, column), BLOCK),
        };
        let last = dims.m - (tiles - 1) * self.tile;
        if last == self.tile {
            return self.rows(b, &dims, self.tile, &task);
        }
        let full = || self.rows(b, &dims, self.tile, &task);
        b.if_else(b.lt(tile, tiles - 1), full, || self.rows(b, &dims, last, &task));
    }
}

fn blocks(n: i64) -> i64 {
    (n + BLOCK - 1) / BLOCK
}

fn digits<'c, const N: usize>(b: &Rvv<'c, '_>, index: X<'c>, dims: [i64; N]) -> [X<'c>; N] {
    let digits = b.split(index, &dims);
    std::array::from_fn(|i| digits.get(i).copied().unwrap_or(index))
}

#[cfg(test)]
mod tests {
    use super::Matmul;
    use crate::kernels::name::Strided;
    use crate::kernels::rvv::Lmul;
    use crate::kernels::{Kernel, testing};
    use ait_dialects::{Activation, Epilogue};
    use ait_runtime::kernel_test::{Arg, Case};
    use rand::Rng;
    use rand::seq::IndexedRandom;

    /// A leading shape that broadcasts to `batch`.
    fn leading(rng: &mut impl Rng, batch: &[i64]) -> Vec<i64> {
        let dims = batch.iter().map(|&size| if rng.random_bool(0.3) { 1 } else { size });
        let dims: Vec<i64> = dims.collect();
        dims[rng.random_range(0..=batch.len())..].to_vec()
    }

    fn random(rng: &mut impl Rng) -> Matmul {
        let batch: Vec<i64> = (0..rng.random_range(0..3)).map(|_| rng.random_range(1..4)).collect();
        let (m, k) = (rng.random_range(1..20), rng.random_range(1..40));
        let n = *[1, 2, 7, 31, 64, 255, 256, 257, 600].choose(rng).unwrap();
        let lmul = *Lmul::ALL.choose(rng).unwrap();
        let shape = |leading: Vec<i64>, rows, columns| [leading, vec![rows, columns]].concat();
        let lhs = shape(leading(rng, &batch), m, k);
        let rhs = shape(leading(rng, &batch), k, n);
        let out = shape(batch, m, n);
        Matmul {
            lhs: testing::scattered(rng, &lhs, false),
            rhs: testing::scattered(rng, &rhs, true),
            init: testing::scattered(rng, &out, true),
            residual: rng.random_bool(0.5).then(|| testing::scattered(rng, &out, true)),
            epilogue: testing::epilogue(rng),
            tile: rng.random_range(1..32 / lmul.registers()),
            lmul,
        }
    }

    fn case(rng: &mut impl Rng, matmul: &Matmul) -> Case {
        let [m_and_k, n] = [matmul.lhs.shape.len(), matmul.init.shape.len()].map(|rank| rank - 1);
        let (k, n) = (matmul.lhs.shape[m_and_k], matmul.init.shape[n]);
        let mut fill = |buffer: &Strided| testing::data(rng, testing::span(buffer));
        let (lhs, rhs) = (fill(&matmul.lhs), fill(&matmul.rhs));
        let residual = matmul.residual.as_ref().map(&mut fill);
        let [lhs, rhs] = [lhs, rhs].map(|data| testing::with_nan(rng, data, matmul.epilogue.nan));
        let residual = residual.map(|data| testing::with_nan(rng, data, matmul.epilogue.nan));
        let bias = testing::data(rng, n);
        let expected = testing::expected(&matmul.init, |index| {
            let (column, item) = index.split_last().unwrap();
            let (row, batch) = item.split_last().unwrap();
            let product = |step| {
                let l = testing::position(&matmul.lhs, &[batch, &[*row, step]].concat());
                let r = testing::position(&matmul.rhs, &[batch, &[step, *column]].concat());
                lhs[l] * rhs[r]
            };
            let mut sum = bias[usize::try_from(*column).unwrap()] + (0..k).map(product).sum::<f32>();
            if let (Some(buffer), Some(data)) = (&matmul.residual, &residual) {
                sum += data[testing::position(buffer, index)];
            }
            testing::activate(&matmul.epilogue, sum)
        });
        let mut case = testing::case(&matmul.clone().into())
            .arg(Arg::input(lhs))
            .arg(Arg::input(rhs))
            .arg(Arg::input(bias))
            .arg(Arg::output(expected));
        case.args.extend(residual.map(Arg::input));
        case
    }

    #[test]
    fn random_products() {
        let mut rng = testing::rng(1);
        let matmuls: Vec<Matmul> = (0..150).map(|_| random(&mut rng)).collect();
        let cases: Vec<Case> = matmuls.iter().map(|matmul| case(&mut rng, matmul)).collect();
        testing::check(&matmuls.into_iter().map(Kernel::from).collect::<Vec<_>>(), &cases);
    }

    fn plain(m: i64, k: i64, n: i64, epilogue: impl Into<Epilogue>) -> Matmul {
        let epilogue = epilogue.into();
        let [lhs, rhs, init] = [[m, k], [k, n], [m, n]].map(|shape| Strided::dense(&shape));
        Matmul { lhs, rhs, init, residual: None, epilogue, tile: 7, lmul: Lmul::M4 }
    }

    /// Activations of special values, as a product with 1.
    #[test]
    fn epilogues() {
        let mut values: Vec<f32> = vec![0.0, 1e-30, 1e-6, 0.3, 0.624, 0.626, 1.0, 5.0, 17.0, 40.0];
        values.extend([87.0, 88.5, 90.0, 103.0, 150.0, 1e4, 1e30]);
        values.extend(values.clone().iter().map(|value| -value));
        values.extend((-300..300u16.cast_signed()).map(|i| f32::from(i) / 16.0));
        values.extend([f32::NAN, -f32::NAN, f32::from_bits(0xff81_2345), f32::from_bits(0x7fff_ffff)]);
        let n = i64::try_from(values.len()).unwrap();
        let kernels = testing::ACTIVATIONS.map(|epilogue| plain(1, 1, n, epilogue));
        let cases = kernels.clone().map(|matmul| {
            let expected: Vec<f32> = values.iter().map(|x| testing::activate(&matmul.epilogue, *x)).collect();
            testing::case(&matmul.into())
                .arg(Arg::input([1.0]))
                .arg(Arg::input(values.clone()))
                .arg(Arg::input(vec![0.0; values.len()]))
                .arg(Arg::output(expected))
        });
        testing::check(&kernels.map(Kernel::from), &cases);
    }

    #[test]
    fn no_variant_spills() {
        let variant = |(index, (lmul, tile)): (usize, (Lmul, i64))| {
            let epilogue = testing::ACTIVATIONS[index % testing::ACTIVATIONS.len()];
            let plain = plain(2 * tile + 1, 33, 100, epilogue);
            let residual = Some(plain.init.clone());
            Matmul { residual, tile, lmul, ..plain }.into()
        };
        testing::audit(&testing::variants().enumerate().map(variant).collect::<Vec<_>>());
    }

    #[test]
    fn assembly() {
        insta::assert_snapshot!(testing::assembly(&plain(14, 64, 1000, Activation::Relu).into()));
    }
}
