//! Packing of bands with their padding, one sub-plane per phase of the strides.

use super::plan::Plan;
use super::row;
use crate::kernels::rvv::{Lmul, P, Rvv, X};
use ait_dialects::infer::ceil_div;

impl Plan {
    /// Packs what `rows` output rows from `first` on read.
    pub(super) fn pack<'c>(&self, b: &Rvv<'c, '_>, input: P<'c>, first: X<'c>, rows: X<'c>) {
        let [stride_h, _] = self.window.strides;
        let mut sub_plane = b.scratch();
        for &phase_h in &self.phases[0] {
            for &phase_w in &self.phases[1] {
                b.for_range(0, b.add(rows, self.reach(0)), 1, sub_plane, |row, to| {
                    let y = b.sub(b.mul(b.add(first, row), stride_h), self.window.before(0) - phase_h);
                    let from = b.index(input, b.mul(y, self.input_strides[0]));
                    let inside = b.within(y, self.window.input[0]);
                    b.if_else(
                        inside,
                        || self.pack_row(b, from, to, phase_w),
                        || self.pad(b, to, 0, self.width()),
                    );
                    b.offset(to, 4 * self.width())
                });
                sub_plane = b.offset(sub_plane, 4 * self.sub_plane());
            }
        }
    }

    fn pack_row<'c>(&self, b: &Rvv<'c, '_>, from: P<'c>, to: P<'c>, phase: i64) {
        let (stride, step) = (self.window.strides[1], self.input_strides[1]);
        // Packed column j is column j * stride - start of the input.
        let start = self.window.before(1) - phase;
        let low = ceil_div(start, stride).clamp(0, self.width());
        let high = ceil_div(self.window.input[1] + start, stride).clamp(low, self.width());
        self.pad(b, to, 0, low);
        row(b, high - low, Lmul::M8, |done, vl| {
            let at = b.index(from, b.mul(b.add(b.mul(done, stride), low * stride - start), step));
            b.vse32(b.load(at, 4 * stride * step, vl), b.index(to, b.add(done, low)), vl);
        });
        self.pad(b, to, high, self.width());
    }

    /// Writes padding to the columns low..high of a packed row.
    fn pad<'c>(&self, b: &Rvv<'c, '_>, to: P<'c>, low: i64, high: i64) {
        let value = self.op.identity();
        if high - low <= 4 {
            (low..high).for_each(|column| b.fsw(value, b.offset(to, 4 * column)));
        } else {
            row(b, high - low, Lmul::M8, |done, vl| {
                b.vse32(b.vfmv_v_f(value, vl), b.index(to, b.add(done, low)), vl);
            });
        }
    }
}
