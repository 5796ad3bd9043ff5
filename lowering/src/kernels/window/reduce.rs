//! Reduction of windows: unrolled over taps and rows of outputs, or rolled where windows are large.

use super::Op;
use super::plan::{Mode, Plan, UNROLLED};
use super::task::Weights;
use crate::kernels::combine::Combined;
use crate::kernels::rvv::{F, P, Rvv, V, Vl, X};

/// Registers in which LLVM keeps the constants of an activation that is not light.
const CONSTANTS: i64 = 14;

impl Plan {
    /// The reduced windows of `group` rows of outputs.
    pub(super) fn reduce<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: P<'c>,
        column: i64,
        weights: Option<&Weights<'c>>,
        group: i64,
        vl: Vl<'c>,
    ) -> Vec<V<'c>> {
        if self.window.kernel[0] * self.window.kernel[1] > UNROLLED {
            return vec![self.reduce_rolled(b, at, column, weights, vl)];
        }
        let mut sums: Vec<Option<Combined<'c>>> = vec![None; group.try_into().unwrap_or(0)];
        // Registers beside the sums hold a batch of loads and a temporary.
        let registers = if self.light { 32 } else { 32 - CONSTANTS };
        let others = registers / vl.lmul().registers() - group * self.op.groups() - 1;
        let batch = usize::try_from(others).unwrap_or(0).clamp(1, 8);
        for (i, (offset, uses)) in self.offsets(group).into_iter().enumerate() {
            if i > 0 && i % batch == 0 {
                b.fence();
            }
            let value = b.load(b.offset(at, offset), column, vl);
            for (row, tap) in uses {
                let weight = weights.map(|weights| (weights.loaded[tap], weights.bias));
                sums[row] = Some(self.tap(b, sums[row], value, weight, vl));
            }
        }
        sums.into_iter().flatten().map(|sum| sum.result(b, vl)).collect()
    }

    fn tap<'c>(
        &self,
        b: &Rvv<'c, '_>,
        sum: Option<Combined<'c>>,
        value: V<'c>,
        weight: Option<(F<'c>, F<'c>)>,
        vl: Vl<'c>,
    ) -> Combined<'c> {
        match (self.op, weight, sum) {
            (Op::Weighted, Some((weight, bias)), sum) => {
                let sum = sum.map_or_else(|| b.vfmv_v_f(bias, vl), |sum| sum.value);
                b.vfmacc(sum, weight, value, vl).into()
            }
            (Op::Weighted, None, _) => value.into(),
            (Op::Plain(combine), _, None) => combine.first(b, value, vl),
            (Op::Plain(combine), _, Some(sum)) => combine.add(b, sum, value, vl),
        }
    }

    /// [`Self::reduce`] of one row with loops over the taps. All phases are packed, in order.
    fn reduce_rolled<'c>(
        &self,
        b: &Rvv<'c, '_>,
        at: P<'c>,
        column: i64,
        weights: Option<&Weights<'c>>,
        vl: Vl<'c>,
    ) -> V<'c> {
        let [kh, kw] = self.window.kernel;
        let start = match (self.op, weights) {
            (Op::Plain(combine), _) => combine.start(b, vl),
            (Op::Weighted, Some(weights)) => b.vfmv_v_f(weights.bias, vl).into(),
            (Op::Weighted, None) => b.vfmv_v_f(0.0, vl).into(),
        };
        let bytes = |axis: usize, tap: X<'c>| self.rolled_offset(b, axis, tap);
        let sum = b.for_range(0, kh, 1, start, |y, sum| {
            let row = b.offset(at, bytes(0, y));
            b.for_range(0, kw, 1, sum, |x, sum| {
                let value = b.load(b.offset(row, bytes(1, x)), column, vl);
                let tap = |weights: &Weights<'c>| b.flw(b.index(weights.at, b.add(b.mul(y, kw), x)));
                let weight = weights.map(|weights| (tap(weights), weights.bias));
                self.tap(b, Some(sum), value, weight, vl)
            })
        });
        sum.result(b, vl)
    }

    /// The part of [`Self::offset`] that one axis contributes.
    fn rolled_offset<'c>(&self, b: &Rvv<'c, '_>, axis: usize, tap: X<'c>) -> X<'c> {
        let index = b.mul(tap, self.window.dilations[axis]);
        if self.mode == Mode::Direct {
            return b.mul(index, 4 * self.input_strides[axis]);
        }
        let columns = i64::try_from(self.phases[1].len()).unwrap_or(1);
        let (phase_step, step) =
            if axis == 0 { (columns * self.sub_plane(), self.width()) } else { (self.sub_plane(), 1) };
        let stride = self.window.strides[axis];
        let phase = b.mul(b.rem(index, stride), 4 * phase_step);
        b.add(phase, b.mul(b.div(index, stride), 4 * step))
    }
}
