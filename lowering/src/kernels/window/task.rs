//! The code of a task: bands of planes, row by row or all rows at once.

use super::plan::{Mode, Plan, UNROLLED};
use super::row;
use crate::kernels::nest::block;
use crate::kernels::rvv::{F, P, Rvv, V, Vl, X};

/// One plane: addresses of its first elements, and what happens to a result.
pub struct Plane<'a, 'c> {
    /// First element of the input plane.
    pub input: P<'c>,
    /// First element of the output plane.
    pub output: P<'c>,
    /// KH x KW weights and the bias, for [`super::Op::Weighted`].
    pub weights: Option<(P<'c>, F<'c>)>,
    /// From the reduced taps of rows, those from (row, first column) on, to the results.
    pub finish: &'a dyn Fn(Vec<V<'c>>, X<'c>, X<'c>, Vl<'c>) -> Vec<V<'c>>,
}

/// Where taps are read: bytes from one output row and column to the next.
struct Source<'c> {
    at: P<'c>,
    row: i64,
    column: i64,
}

/// Weights and bias of a plane; the weights in registers where windows are unrolled.
pub(super) struct Weights<'c> {
    pub(super) at: P<'c>,
    pub(super) bias: F<'c>,
    pub(super) loaded: Vec<F<'c>>,
}

impl Plan {
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
                self.finish(b, plane, results, b.add(first, index), done, vl);
            });
        });
    }

    fn finish<'c>(
        &self,
        b: &Rvv<'c, '_>,
        plane: &Plane<'_, 'c>,
        results: Vec<V<'c>>,
        row: X<'c>,
        column: X<'c>,
        vl: Vl<'c>,
    ) {
        let [h, w] = self.output_strides;
        for (i, result) in (0..).zip((plane.finish)(results, row, column, vl)) {
            let to = b.index(plane.output, b.add(b.mul(b.add(row, i), h), b.mul(column, w)));
            b.store(result, to, 4 * w, vl);
        }
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
                self.finish(b, plane, vec![result], b.add(first, index), done, vl);
            });
            b.offset(at, source.row)
        });
    }
}
