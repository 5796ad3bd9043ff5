//! The reduction of one tile over a chunk.

use super::task::Emitter;
use super::{Algorithm, Conv2d, Dims};
use crate::kernels::rvv::{Carry, P, Rvv, V, Vl, Width, X};
use crate::kernels::tile::{Cursor, Factors, Steps};

/// Where the vectors of a chunk are.
#[derive(Clone, Copy)]
pub struct Source<'c> {
    /// The vector of the first step.
    pub vectors: P<'c>,
    /// Bytes to the next: to the next channel where the input is read in place.
    pub step: X<'c>,
}

/// The part of the reduction that is at hand.
pub struct Chunk<'c> {
    pub source: Source<'c>,
    /// First step and end.
    pub steps: [X<'c>; 2],
    /// Whether that is the whole reduction.
    pub is_all: bool,
    /// Where sums wait for the next chunk, of this tile on; none: in the output.
    pub waiting: Option<(P<'c>, X<'c>)>,
}

impl<'c> Chunk<'c> {
    /// The whole reduction.
    pub fn whole(b: &Rvv<'c, '_>, dims: &Dims, source: Source<'c>) -> Self {
        Self { source, steps: [b.c(0), b.c(dims.steps)], is_all: true, waiting: None }
    }
}

impl Conv2d {
    /// Elements between the first and the last tap of a plane that is read in place.
    pub(super) fn halo(&self, dims: &Dims) -> i64 {
        let [rows, columns] = [0, 1].map(|dim| self.window().tap(dim, self.kernel[dim] - 1).1);
        rows * dims.input[2] + columns
    }

    /// Offsets of the taps of a window that is read in place, in bytes.
    pub(super) fn taps(&self, dims: &Dims) -> Vec<u32> {
        let window = self.window();
        let phases = window.phases(1).len();
        let [_, plane, row, column] = dims.input;
        let tap = |kh: i64, kw: i64| {
            let ((i, h), (j, w)) = (window.tap(0, kh), window.tap(1, kw));
            let number = if self.algorithm == Algorithm::Split { i * phases + j } else { 0 };
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            number.saturating_mul(plane).saturating_add(h * row + w * column).saturating_mul(4)
        };
        let [height, width] = self.kernel;
        let taps = (0..height).flat_map(|kh| (0..width).map(move |kw| (kh, kw)));
        taps.map(|(kh, kw)| u32::try_from(tap(kh, kw)).unwrap_or(u32::MAX)).collect()
    }
}

impl<'c> Emitter<'_, 'c, '_> {
    /// Adds the products of a chunk to the accumulators of a tile, counted over all groups.
    pub fn reduce(&self, chunk: &Chunk<'c>, tile: X<'c>, acc: Vec<V<'c>>, vl: Vl<'c>) -> Vec<V<'c>> {
        let (b, conv, dims) = (self.b, self.conv, self.dims);
        let factors = Factors {
            row_step: 4,
            scalar_step: 4 * conv.tile,
            vector_step: chunk.source.step,
            gaps: conv.sparse.map(|sparse| sparse.index),
            unroll: conv.unroll,
        };
        let [from, to] = chunk.steps;
        let first_segment = b.div(from, dims.order.segment);
        let starts = b.offset(self.starts, b.mul(tile, 4 * (dims.order.segments() + 1)));
        let start = |segment| b.load_unsigned(b.index(starts, segment), Width::W4);
        let (columns, first) = match conv.sparse {
            None => (dims.steps, from),
            Some(sparse) if chunk.is_all => (sparse.kept, b.c(0)),
            Some(sparse) => (sparse.kept, start(first_segment)),
        };
        let at = b.add(b.mul(tile, columns), first);
        let cursor = |vectors| Cursor {
            scalars: b.offset(self.filter, b.mul(at, factors.scalar_step)),
            vectors,
            gaps: factors.gaps.map(|width| b.offset(self.columns, b.mul(at, width.bytes()))),
        };
        let is_one_run = dims.order.segments() == 1 || conv.sparse.is_none() && self.taps.is_none();
        if is_one_run {
            let steps = match conv.sparse {
                Some(sparse) => Steps::Known(sparse.kept),
                None if conv.algorithm != Algorithm::Packed => Steps::Known(dims.order.chunk),
                None if chunk.is_all => Steps::Known(dims.steps),
                None if dims.steps % conv.unroll == 0 => Steps::Whole(b.sub(to, from)),
                None => Steps::Any(b.sub(to, from)),
            };
            return factors.accumulate(b, cursor(chunk.source.vectors), acc, steps, vl).1;
        }
        let steps = |segment| match conv.sparse {
            Some(_) => Steps::Any(b.sub(start(b.add(segment, 1)), start(segment))),
            None => Steps::Known(dims.order.segment),
        };
        let state = (cursor(chunk.source.vectors), acc);
        let body = |segment, vectors, (cursor, acc): (Cursor<'c>, Vec<V<'c>>)| {
            factors.accumulate(b, Cursor { vectors, ..cursor }, acc, steps(segment), vl)
        };
        self.segments(chunk, state, body).1
    }

    /// Goes through the segments of a chunk: their numbers and where their vectors begin.
    fn segments<C: Carry<'c>>(&self, chunk: &Chunk<'c>, carry: C, body: impl Fn(X<'c>, P<'c>, C) -> C) -> C {
        let (b, order, Source { vectors, step }) = (self.b, &self.dims.order, chunk.source);
        let Some(taps) = self.taps else {
            let [from, to] = chunk.steps;
            let [first, end] = [from, b.add(to, order.segment - 1)].map(|step| b.div(step, order.segment));
            return b.for_range(first, end, 1, carry, |segment, carry| {
                body(
                    segment,
                    b.offset(vectors, b.mul(b.sub(segment, first), b.mul(order.segment, step))),
                    carry,
                )
            });
        };
        let first = b.div(chunk.steps[0], order.segment);
        b.for_range(0, order.taps, 1, carry, |tap, carry| {
            let at = b.load_unsigned(b.index(taps, tap), Width::W4);
            body(b.add(first, tap), b.offset(vectors, at), carry)
        })
    }
}
