//! Storing a strip. Where the input is read in place and its rows are longer than the output's, some positions of a strip
//! are no outputs: the others are moved together, so that the output is dense.

use super::{Dims, MASK_BYTES};
use crate::kernels::epilogue;
use crate::kernels::rvv::{Cond, P, Rvv, V, Vl, X};
use crate::kernels::tile::{self, Rows};
use ait_dialects::Epilogue;

/// Positions that are computed at once.
pub struct Strip<'c> {
    pub vl: Vl<'c>,
    /// Output and residual of channel 0 at the strip's first output.
    pub output: P<'c>,
    pub residual: Option<P<'c>>,
    /// Which positions are outputs, in memory; none if all are.
    pub mask: Option<P<'c>>,
}

impl Dims {
    /// Outputs of a run.
    pub fn run_outputs(&self) -> i64 {
        if self.has_gaps() { self.out_height * self.out_width } else { self.run }
    }
}

impl<'c> Strip<'c> {
    /// The strip at a position of the run whose output and residual begin at the addresses given. Its mask is made where
    /// `is_stored`, which is when it is used.
    pub fn new(
        b: &Rvv<'c, '_>,
        dims: &Dims,
        position: X<'c>,
        vl: Vl<'c>,
        output: P<'c>,
        residual: Option<P<'c>>,
        is_stored: Cond<'c>,
    ) -> Self {
        let strip = |first, mask| Self {
            vl,
            output: b.index(output, first),
            residual: residual.map(|base| b.index(base, first)),
            mask,
        };
        if !dims.has_gaps() {
            return strip(position, None);
        }
        let (row, column) = (b.div(position, dims.pitch), b.rem(position, dims.pitch));
        let first = b.add(b.mul(row, dims.out_width), b.min(column, dims.out_width));
        let at = b.scratch();
        b.when(is_stored, || {
            let columns = b.vremu_x(b.vadd_x(b.vid(vl), column, vl), dims.pitch, vl);
            b.vsm(b.vmsltu_x(columns, dims.out_width, vl), at, vl);
        });
        strip(first, Some(at))
    }

    /// Applies the epilogue and stores; the residual is that of a strip with gaps.
    pub fn finish(
        &self,
        b: &Rvv<'c, '_>,
        epilogue: &Epilogue,
        acc: Vec<V<'c>>,
        output: Rows<'c>,
        residual: Option<Rows<'c>>,
    ) {
        let Some(mask) = self.mask else { return output.finish(b, acc, epilogue, self.vl) };
        let count = i64::try_from(acc.len()).unwrap_or(i64::MAX);
        let is_in_place = epilogue::is_in_place(epilogue);
        let outputs = self.compress(b, acc, mask, |row, v, outputs| {
            // The residual takes the registers of the accumulator.
            b.fence();
            let residual = residual.map(|residual| b.vle32(residual.row(b, row), outputs));
            let v = residual.map_or(v, |residual| b.vfadd_tu(v, residual, outputs));
            let v = if is_in_place { epilogue::apply(b, epilogue, v, outputs) } else { v };
            b.vse32(v, output.row(b, row), outputs);
        });
        if !is_in_place {
            output.activate(b, count, epilogue, outputs);
        }
    }

    /// Calls `store` with every row's outputs; their number. Accumulators that fill the register file leave no room for
    /// the mask: the first then waits in memory, and what it frees is enough for the others.
    fn compress(
        &self,
        b: &Rvv<'c, '_>,
        acc: Vec<V<'c>>,
        mask: P<'c>,
        store: impl Fn(i64, V<'c>, Vl<'c>),
    ) -> Vl<'c> {
        let vl = self.vl;
        let aside = b.offset(b.scratch(), MASK_BYTES);
        // The mask, a row's outputs and its residual.
        let is_full = !tile::fits(acc.len(), 3, vl.lmul());
        if let Some(&first) = acc.first().filter(|_| is_full) {
            b.vse32(first, aside, vl);
            b.fence();
        }
        let mask = b.vlm(mask, vl);
        let outputs = b.vl(b.vcpop(mask, vl), vl.lmul());
        for (row, &v) in (0..).zip(&acc).skip(usize::from(is_full)) {
            store(row, b.vcompress(v, mask, vl), outputs);
            b.fence();
        }
        if is_full {
            store(0, b.vcompress(b.vle32(aside, vl), mask, vl), outputs);
        }
        outputs
    }
}
