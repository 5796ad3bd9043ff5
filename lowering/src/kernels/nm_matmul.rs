//! `nm.matmul`: epilogue(lhs * W^T + bias [+ residual]), W packed in tiles of rows that keep the same columns.
//!
//! Vectors run along the rows of a tile of W, which are columns of the result. A task is one tile and a block of rows of
//! lhs, of one batch item. For every kept column there is one index, which moves along the rows of lhs, one vector
//! of the tile's values, and a scalar and a multiply-add per row.

use super::matmul::{Matmul, parts, tail};
use super::name::{Codec, Strided};
use super::nest::block;
use super::rvv::{Lmul, P, Rvv, V, Vl, Width, X};
use super::tile::{self, Rows};
use super::{Family, element_width, expect_elements};
use ait_dialects::Epilogue;
use ait_dialects::attributes::{self, Attributes};
use ait_dialects::infer::ceil_div;
use melior::ir::operation::OperationRef;

/// Rows of lhs of a task, about.
const BLOCK: i64 = 64;
/// Bound on sizes, so that no product of two overflows.
const LIMIT: i64 = 1 << 30;

/// Parameters of a product with packed weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NmMatmul {
    /// ... x M x K
    pub lhs: Strided,
    /// ... x M x N, N stride 1
    pub init: Strided,
    /// As `init`, if there is one.
    pub residual: Option<Strided>,
    /// Applied last.
    pub epilogue: Epilogue,
    /// Rows of W in a tile.
    pub tile: i64,
    /// Columns that every tile keeps.
    pub kept: i64,
    /// Size of a column's index.
    pub index: Width,
    /// Rows of lhs at once.
    pub rows: i64,
    /// Register group size.
    pub lmul: Lmul,
}

/// Dimensions of the product.
struct Dims {
    batch: Vec<i64>,
    m: i64,
    n: i64,
    /// Tiles of W.
    tiles: i64,
    /// Rows of lhs of a task, a multiple of those at once.
    block: i64,
}

/// Addresses of a task's first elements.
struct Task<'c> {
    values: P<'c>,
    columns: P<'c>,
    bias: P<'c>,
    /// Columns of the result.
    width: X<'c>,
}

/// Addresses of the rows of lhs, of the result and of the residual that are computed at once.
type Lines<'c> = (P<'c>, P<'c>, P<'c>);

/// Where the reduction is: values, indices, row of lhs.
type Cursor<'c> = (P<'c>, P<'c>, P<'c>);

impl NmMatmul {
    fn dims(&self) -> Result<Dims, String> {
        let rank = "lhs and init need at least two dimensions";
        let (lhs_batch, lhs_m, k) = parts(&self.lhs.shape).ok_or(rank)?;
        let (batch, m, n) = parts(&self.init.shape).ok_or(rank)?;
        if (lhs_batch, lhs_m) != (batch, m) {
            return Err(format!("shapes {:?} and {:?} do not fit", self.lhs.shape, self.init.shape));
        }
        let sizes = [k, self.tile].into_iter().chain(self.init.shape.iter().copied());
        if sizes.into_iter().any(|size| !(1..=LIMIT).contains(&size)) {
            return Err(format!("{m} x {k} x {n} or a tile of {} is out of range", self.tile));
        }
        if !(1..=k).contains(&self.kept) {
            return Err(format!("a tile cannot keep {} of {k} columns", self.kept));
        }
        tile::check(self.rows, self.lmul)?;
        let block = ceil_div(BLOCK, self.rows) * self.rows;
        Ok(Dims { batch: batch.to_vec(), m, n, tiles: ceil_div(n, self.tile), block })
    }

    /// Steps through the rows of a block.
    fn lines<'c>(&self, b: &Rvv<'c, '_>, dims: &Dims, task: &Task<'c>, count: X<'c>, first: Lines<'c>) {
        let [lhs, init, residual] = self.row_bytes();
        let rest = dims.m % self.rows;
        let step = |lines: Lines<'c>| {
            let next = |at, bytes| b.offset(at, self.rows * bytes);
            (next(lines.0, lhs), next(lines.1, init), next(lines.2, residual))
        };
        let whole = b.sub(count, b.rem(count, self.rows));
        let last = b.for_range(0, whole, self.rows, first, |_, lines| {
            self.product(b, self.rows, task, lines);
            step(lines)
        });
        if rest > 0 {
            b.when(b.lt(whole, count), || self.product(b, rest, task, last));
        }
    }

    /// Bytes from row to row of lhs, init and residual.
    fn row_bytes(&self) -> [i64; 3] {
        [Some(&self.lhs), Some(&self.init), self.residual.as_ref()]
            .map(|buffer| buffer.map_or(0, |buffer| 4 * tail(&buffer.strides)[0]))
    }

    /// `rows` rows of lhs times one tile.
    fn product<'c>(&self, b: &Rvv<'c, '_>, rows: i64, task: &Task<'c>, (lhs, init, residual): Lines<'c>) {
        let [_, init_step, residual_step] = self.row_bytes();
        b.strips(task.width, self.lmul, (), |done, vl, ()| {
            let bias = b.vle32(b.index(task.bias, done), vl);
            let acc = if self.residual.is_some() {
                // As in `rvv.matmul`: read before anything is written, added in place.
                let sums = Rows { at: b.index(residual, done), step: residual_step }.load(b, rows, vl);
                sums.into_iter().map(|sum| b.vfmacc(sum, 1.0, bias, vl)).collect()
            } else {
                vec![bias; usize::try_from(rows).unwrap_or(0)]
            };
            let acc = self.reduce(b, (b.index(task.values, done), task.columns, lhs), acc, vl);
            Rows { at: b.index(init, done), step: init_step }.finish(b, acc, &self.epilogue, vl);
        });
    }

    /// Adds the products of all kept columns, two in an iteration.
    fn reduce<'c>(&self, b: &Rvv<'c, '_>, start: Cursor<'c>, acc: Vec<V<'c>>, vl: Vl<'c>) -> Vec<V<'c>> {
        let end = b.offset(start.0, b.mul(4 * self.tile, self.kept / 2 * 2));
        let more = |(cursor, _): &(Cursor<'c>, Vec<V<'c>>)| b.before(cursor.0, end);
        let state = b.while_loop((start, acc), more, |state| {
            let state = self.column(b, state, vl);
            self.column(b, state, vl)
        });
        if self.kept % 2 == 0 { state.1 } else { self.column(b, state, vl).1 }
    }

    fn column<'c>(
        &self,
        b: &Rvv<'c, '_>,
        ((values, columns, lhs), acc): (Cursor<'c>, Vec<V<'c>>),
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        let [row, k] = tail(&self.lhs.strides);
        // The first index counts from column 0, the others from the column before.
        let lhs = b.index(lhs, b.mul(b.load_unsigned(columns, self.index), k));
        let vector = b.vle32(values, vl);
        let add = |(i, sum): (i64, V<'c>)| b.vfmacc(sum, b.flw(b.offset(lhs, 4 * i * row)), vector, vl);
        let acc = (0..).zip(acc).map(add).collect();
        ((b.offset(values, 4 * self.tile), b.offset(columns, self.index.bytes()), lhs), acc)
    }
}

impl Family for NmMatmul {
    fn from_op(op: OperationRef<'_, '_>, buffers: Vec<Strided>) -> Result<Self, String> {
        let sparsity = attributes::columns(op.get("sparsity").ok_or("'sparsity' is missing")?)?;
        let mut buffers = buffers.into_iter();
        let mut next = |what: &str| buffers.next().ok_or_else(|| format!("{what} is missing"));
        let (lhs, values, columns) = (next("lhs")?, next("values")?, next("columns")?);
        let (bias, init) = (next("bias")?, next("init")?);
        let kernel = Self {
            kept: sparsity.kept_of(lhs.shape.last().copied().unwrap_or(0)),
            tile: sparsity.tile,
            lhs,
            init,
            residual: buffers.next(),
            epilogue: op.kernel_epilogue()?,
            index: element_width(op, 2)?,
            rows: op.i64("rows")?,
            lmul: Lmul::try_from(op.i64("lmul")?)?,
        };
        let Dims { n, tiles, .. } = kernel.dims()?;
        let columns_of = tiles.saturating_mul(kernel.kept);
        let sizes = [columns_of.saturating_mul(kernel.tile), columns_of, n];
        for ((what, buffer), size) in
            ["values", "columns", "bias"].iter().zip([values, columns, bias]).zip(sizes)
        {
            expect_elements(what, &buffer, size)?;
        }
        Ok(kernel)
    }

    fn fields(&mut self, codec: &mut Codec<'_>) -> Result<(), String> {
        codec.int("r", &mut self.rows)?;
        codec.lmul(&mut self.lmul)?;
        codec.int("t", &mut self.tile)?;
        codec.int("kept", &mut self.kept)?;
        codec.width("i", &mut self.index)?;
        codec.strided("lhs", &mut self.lhs)?;
        codec.strided("out", &mut self.init)?;
        codec.maybe_strided("res", &mut self.residual)?;
        codec.epilogue(&mut self.epilogue)
    }

    fn check(&self) -> Result<(), String> {
        let dims = self.dims()?;
        if self.residual.as_ref().is_some_and(|residual| residual.shape != self.init.shape) {
            return Err("residual and init differ in shape".to_owned());
        }
        let unit = |operand: &Strided| dims.n == 1 || tail(&operand.strides)[1] == 1;
        if unit(&self.init) && self.residual.as_ref().is_none_or(unit) {
            Ok(())
        } else {
            Err("init and residual need stride 1 along N".to_owned())
        }
    }

    fn tasks(&self) -> i64 {
        self.dims().map_or(0, |dims| {
            let batch: i64 = dims.batch.iter().product();
            batch * dims.tiles * ceil_div(dims.m, dims.block)
        })
    }

    fn body<'c>(&self, b: &Rvv<'c, '_>) {
        let Ok(dims) = self.dims() else { return };
        let blocks = ceil_div(dims.m, dims.block);
        let (rest, row_block) = (b.div(b.task(), blocks), b.rem(b.task(), blocks));
        let (item, tile) = (b.div(rest, dims.tiles), b.rem(rest, dims.tiles));
        let item = b.split(item, &dims.batch);
        let (row, count) = block(b, row_block, dims.m, dims.block);
        let (column, width) = block(b, tile, dims.n, self.tile);
        let line = |index, operand: &Strided, column: X<'c>| {
            let at = Matmul::matrix(b, b.arg(index), operand, &item);
            b.index(b.index(at, b.mul(row, tail(&operand.strides)[0])), column)
        };
        let columns = b.mul(tile, self.kept);
        let task = Task {
            values: b.index(b.arg(1), b.mul(columns, self.tile)),
            columns: b.offset(b.arg(2), b.mul(columns, self.index.bytes())),
            bias: b.index(b.arg(3), column),
            width,
        };
        let init = line(4, &self.init, column);
        let residual = self.residual.as_ref().map_or(init, |residual| line(5, residual, column));
        self.lines(b, &dims, &task, count, (line(0, &self.lhs, b.c(0)), init, residual));
    }
}

#[cfg(test)]
#[path = "nm_matmul_tests.rs"]
mod tests;
