//! Loop nests of element-wise kernels: one analysis for every memory order, slice, transpose and broadcast.
//!
//! Dimensions of size 1 vanish, neighbours that are contiguous in all operands merge, and of the rest one becomes
//! the vector loop and one the loop over `rows` around or inside it. An operand whose stride along the vector is 0
//! is a scalar, one whose stride along the rows is 0 is loaded once for all rows.

use super::name::Strided;
use super::rvv::{IntoX, Lmul, Operand, P, Rvv, V, Vl, X};
use ait_dialects::infer::ceil_div;

/// Elements of a task.
const TASK: i64 = 16384;
/// Elements along the vector in a task whose strips stand outside the rows: what several rows share stays in L1.
const STRIP: i64 = 512;
/// VLMAX of LMUL 8 at VLEN 1024: shorter vectors are one strip on some machine.
const LONGEST: i64 = 256;

/// One dimension of the iteration space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dim {
    /// Number of iterations.
    pub size: i64,
    /// Elements from one iteration to the next, for every operand.
    pub strides: Vec<i64>,
}

/// The loops of one kernel. The last operand is written, the others are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nest {
    /// Dimensions around the tile, outermost first.
    pub outer: Vec<Dim>,
    /// The loop over vectors.
    pub rows: Dim,
    /// The dimension along the vectors.
    pub inner: Dim,
}

/// Computes the result of one strip from the operands that are read.
pub type Body<'a, 'c> = dyn Fn(&[Operand<'c>], Vl<'c>) -> V<'c> + 'a;

impl Nest {
    /// The nest over the shape of the last operand; the others broadcast to it as in numpy.
    ///
    /// # Errors
    /// If a size is not positive, an operand does not broadcast, or the last operand overlaps itself.
    pub fn new(operands: &[&Strided]) -> Result<Self, String> {
        let dims = dims(operands)?;
        Ok(Self::of(merge(dims), operands.len()))
    }

    fn of(mut dims: Vec<Dim>, operands: usize) -> Self {
        let unit = Dim { size: 1, strides: vec![1; operands] };
        let inner = cheapest(&dims).map_or_else(|| unit.clone(), |index| dims.remove(index));
        let rows = best_rows(&dims, &inner).map_or_else(|| unit, |index| dims.remove(index));
        Self { outer: dims, rows, inner }
    }

    /// Whether the loop over strips is outside that over rows: if the rows share vectors or cache lines, or
    /// the vectors are too short to be worth a loop.
    fn strips_outside(&self) -> bool {
        let shares = |(&row, &inner): (&i64, &i64)| inner != 0 && (row == 0 || inner != 1);
        self.inner.size <= LONGEST || self.rows.strides.iter().zip(&self.inner.strides).any(shares)
    }

    /// Iterations of a task: outer, rows, inner.
    fn blocks(&self) -> [i64; 3] {
        let longest = if self.strips_outside() { STRIP } else { TASK };
        let inner = self.inner.size.min(longest);
        let rows = self.rows.size.min((TASK / inner).max(1));
        let outer = self.outer_size().min((TASK / (inner * rows)).max(1));
        [outer, rows, inner]
    }

    fn outer_size(&self) -> i64 {
        self.outer.iter().map(|dim| dim.size).product()
    }

    fn counts(&self) -> [i64; 3] {
        let sizes = [self.outer_size(), self.rows.size, self.inner.size];
        let blocks = self.blocks();
        std::array::from_fn(|i| ceil_div(sizes[i], blocks[i]))
    }

    /// Number of tasks.
    pub fn tasks(&self) -> i64 {
        self.counts().iter().product()
    }

    /// Emits the task's part of the nest; `bases` are the addresses of the operands.
    pub fn emit<'c>(&self, b: &Rvv<'c, '_>, bases: &[P<'c>], lmul: Lmul, body: &Body<'_, 'c>) {
        let tasks = b.split(b.task(), &self.counts());
        let sizes = [self.outer_size(), self.rows.size, self.inner.size];
        let blocks = self.blocks();
        let block = |i: usize| {
            let index = tasks.get(i).copied().unwrap_or(b.task());
            block(b, index, sizes[i], blocks[i])
        };
        let [outer, rows, inner] = std::array::from_fn(block);
        let bases = advance(b, bases, &self.rows.strides, rows.0);
        let bases = advance(b, &bases, &self.inner.strides, inner.0);
        b.for_range(outer.0, b.add(outer.0, outer.1), 1, (), |index, ()| {
            let at = self.outer_addresses(b, &bases, index);
            if self.strips_outside() {
                self.strips_of_rows(b, at, rows.1, inner.1, lmul, body);
            } else {
                self.rows_of_strips(b, at, rows.1, inner.1, lmul, body);
            }
        });
    }

    /// The operands' addresses at one iteration of the outer dimensions.
    pub fn outer_addresses<'c>(&self, b: &Rvv<'c, '_>, bases: &[P<'c>], index: X<'c>) -> Vec<P<'c>> {
        let sizes: Vec<i64> = self.outer.iter().map(|dim| dim.size).collect();
        let digits = b.split(index, &sizes);
        let start = bases.to_vec();
        self.outer.iter().zip(digits).fold(start, |at, (dim, digit)| advance(b, &at, &dim.strides, digit))
    }

    fn strips_of_rows<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: Vec<P<'c>>,
        rows: X<'c>,
        inner: X<'c>,
        lmul: Lmul,
        body: &Body<'_, 'c>,
    ) {
        b.strips(inner, lmul, (), |done, vl, ()| {
            let at = advance(b, &at, &self.inner.strides, done);
            let shared = self.load(b, &at, vl, |k| self.rows.strides[k] == 0);
            b.for_range(0, rows, 1, at, |_, at| {
                self.step(b, &at, &shared, vl, body);
                advance(b, &at, &self.rows.strides, 1)
            });
        });
    }

    fn rows_of_strips<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: Vec<P<'c>>,
        rows: X<'c>,
        inner: X<'c>,
        lmul: Lmul,
        body: &Body<'_, 'c>,
    ) {
        b.for_range(0, rows, 1, at, |_, at| {
            let scalars = self.load(b, &at, b.vl(1, lmul), |k| self.inner.strides[k] == 0);
            b.strips(inner, lmul, (), |done, vl, ()| {
                let at = advance(b, &at, &self.inner.strides, done);
                self.step(b, &at, &scalars, vl, body);
            });
            advance(b, &at, &self.rows.strides, 1)
        });
    }

    /// Loads those operands that are read and that `which` selects.
    fn load<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: &[P<'c>],
        vl: Vl<'c>,
        which: impl Fn(usize) -> bool,
    ) -> Vec<Option<Operand<'c>>> {
        let reads = at.len().saturating_sub(1);
        let load = |k: usize| match self.inner.strides[k] {
            0 => Operand::Scalar(b.flw(at[k])),
            stride => Operand::Vector(b.load(at[k], 4 * stride, vl)),
        };
        (0..reads).map(|k| which(k).then(|| load(k))).collect()
    }

    /// Loads what is not yet loaded, computes, stores.
    fn step<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: &[P<'c>],
        loaded: &[Option<Operand<'c>>],
        vl: Vl<'c>,
        body: &Body<'_, 'c>,
    ) {
        let rest = self.load(b, at, vl, |k| loaded[k].is_none());
        let values: Vec<_> = loaded.iter().zip(rest).filter_map(|(early, late)| early.or(late)).collect();
        let result = body(&values, vl);
        if let (Some(&to), Some(stride)) = (at.last(), self.inner.strides.last()) {
            b.store(result, to, 4 * stride, vl);
        }
    }
}

/// First iteration and number of iterations of block `index`.
pub fn block<'c>(b: &Rvv<'c, '_>, index: X<'c>, size: i64, block: i64) -> (X<'c>, X<'c>) {
    let first = b.mul(index, block);
    let count = if size % block == 0 { b.c(block) } else { b.min(b.sub(size, first), block) };
    (first, count)
}

/// The addresses `count` steps further on.
pub fn advance<'c>(b: &Rvv<'c, '_>, at: &[P<'c>], strides: &[i64], count: impl IntoX<'c>) -> Vec<P<'c>> {
    let step = |(&at, &stride): (&P<'c>, &i64)| {
        if stride == 0 { at } else { b.offset(at, b.mul(count, 4 * stride)) }
    };
    at.iter().zip(strides).map(step).collect()
}

/// The dimensions of size above 1, from the largest stride of the last operand to the smallest.
fn dims(operands: &[&Strided]) -> Result<Vec<Dim>, String> {
    let Some(init) = operands.last() else { return Ok(vec![]) };
    let mut dims = vec![];
    for (d, &size) in init.shape.iter().enumerate() {
        if size < 1 {
            return Err(format!("shape {:?} has no elements", init.shape));
        }
        let strides: Vec<i64> =
            operands.iter().map(|operand| stride(operand, &init.shape, d)).collect::<Result<_, _>>()?;
        if size > 1 && strides.last() == Some(&0) {
            return Err(format!("the result with strides {:?} overlaps itself", init.strides));
        }
        if size > 1 {
            dims.push(Dim { size, strides });
        }
    }
    if operands.iter().any(|operand| operand.shape.len() > init.shape.len()) {
        return Err("an operand has a higher rank than the result".to_owned());
    }
    dims.sort_by_key(|dim| std::cmp::Reverse(dim.strides.last().map_or(0, |stride| stride.abs())));
    Ok(dims)
}

/// Stride of an operand along dimension `d` of `shape`, to which it broadcasts.
fn stride(operand: &Strided, shape: &[i64], d: usize) -> Result<i64, String> {
    let Some(index) = (d + operand.shape.len()).checked_sub(shape.len()) else { return Ok(0) };
    match (operand.shape.get(index), operand.strides.get(index)) {
        (Some(1), _) => Ok(0),
        (Some(&size), Some(&stride)) if size == shape[d] => Ok(stride),
        _ => Err(format!("shape {:?} does not broadcast to {shape:?}", operand.shape)),
    }
}

/// Merges neighbours where one step of the outer is a whole run of the inner, for every operand.
fn merge(dims: Vec<Dim>) -> Vec<Dim> {
    let mut merged: Vec<Dim> = vec![];
    for dim in dims {
        match merged.last_mut() {
            Some(outer) if outer.strides.iter().zip(&dim.strides).all(|(o, i)| *o == i * dim.size) => {
                *outer = Dim { size: outer.size * dim.size, strides: dim.strides };
            }
            _ => merged.push(dim),
        }
    }
    merged
}

/// The best dimension for the vectors: long, with unit or zero strides; the innermost of equals.
fn cheapest(dims: &[Dim]) -> Option<usize> {
    let total: i64 = dims.iter().map(|dim| dim.size).product();
    let cost = |dim: &Dim| {
        // In eighths of a cycle: an overhead per vector loop, one element at a time where strided, eight otherwise.
        let element = |stride: &i64| if matches!(stride, 0 | 1) { 1 } else { 8 };
        let elements: i64 = dim.strides.iter().map(element).sum();
        (total / dim.size) * (64 + ceil_div(dim.size, 8) * 8 * elements)
    };
    (0..dims.len()).rev().min_by_key(|&index| cost(&dims[index]))
}

/// The best loop over vectors: one along which a strided operand is contiguous, else one that shares operands.
fn best_rows(dims: &[Dim], inner: &Dim) -> Option<usize> {
    let key = |dim: &Dim| {
        let pairs = || dim.strides.iter().zip(&inner.strides);
        let transposes = pairs().any(|(&row, &inner)| !matches!(inner, 0 | 1) && row.abs() == 1);
        let shared = pairs().filter(|(row, inner)| **row == 0 && **inner != 0).count();
        (transposes, shared, dim.size)
    };
    (0..dims.len()).max_by_key(|&index| key(&dims[index]))
}

#[cfg(test)]
mod tests {
    use super::{Dim, Nest};
    use crate::kernels::name::Strided;

    fn strided(shape: &[i64], strides: &[i64]) -> Strided {
        Strided { shape: shape.to_vec(), strides: strides.to_vec() }
    }

    fn dim(size: i64, strides: &[i64]) -> Dim {
        Dim { size, strides: strides.to_vec() }
    }

    #[test]
    fn dense_operands_merge_in_any_order() {
        for strides in [[60, 20, 5, 1], [60, 1, 15, 3], [20, 40, 5, 1]] {
            let buffer = strided(&[2, 3, 4, 5], &strides);
            let nest = Nest::new(&[&buffer, &buffer]).unwrap();
            assert_eq!(nest.inner, dim(120, &[1, 1]));
            assert_eq!((nest.rows.size, nest.outer.len(), nest.tasks()), (1, 0, 1));
        }
    }

    #[test]
    fn slices_keep_a_loop() {
        let slice = strided(&[2, 8, 4, 4], &[512, 16, 4, 1]);
        let nest = Nest::new(&[&slice, &Strided::dense(&[2, 8, 4, 4])]).unwrap();
        assert_eq!((nest.inner, nest.rows), (dim(128, &[1, 1]), dim(2, &[512, 128])));
    }

    #[test]
    fn channels_are_scalars_or_shared_vectors() {
        let scale = strided(&[64, 1, 1], &[1, 1, 1]);
        let nchw = Strided::dense(&[1, 64, 14, 14]);
        let nest = Nest::new(&[&nchw, &scale, &nchw]).unwrap();
        assert_eq!((nest.inner, nest.rows), (dim(196, &[1, 0, 1]), dim(64, &[196, 1, 196])));
        let nhwc = strided(&[1, 64, 14, 14], &[12544, 1, 896, 64]);
        let nest = Nest::new(&[&nhwc, &scale, &nhwc]).unwrap();
        assert_eq!((nest.inner, nest.rows), (dim(64, &[1, 1, 1]), dim(196, &[64, 0, 64])));
    }

    #[test]
    fn transposes_run_along_lines_of_the_other_side() {
        let nhwc = strided(&[1, 64, 56, 56], &[200_704, 1, 3584, 64]);
        let nest = Nest::new(&[&nhwc, &Strided::dense(&[1, 64, 56, 56])]).unwrap();
        assert_eq!((nest.inner.clone(), nest.rows.clone()), (dim(3136, &[64, 1]), dim(64, &[1, 3136])));
        assert_eq!(nest.tasks(), 7 * 2);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let a = Strided::dense(&[2, 3]);
        assert!(Nest::new(&[&Strided::dense(&[2]), &a]).is_err());
        assert!(Nest::new(&[&strided(&[2, 3], &[0, 1])]).is_err());
        assert!(Nest::new(&[&Strided::dense(&[1, 2, 3]), &a]).is_err());
        assert!(Nest::new(&[&Strided::dense(&[0, 3])]).is_err());
    }
}
