//! The register tile shared by convolution and matrix product: T register groups of accumulators, T scalars and
//! one vector per step of the reduction.

use super::epilogue;
use super::rvv::{Lmul, P, Rvv, V, Vl};
use ait_dialects::Epilogue;

mod accumulate;

pub use accumulate::{Cursor, Factors, Steps};

/// Rows whose activations are computed at once: an instruction's latency is the time of about so many.
const AT_ONCE: usize = 4;
/// Vector registers of the machine.
const REGISTERS: i64 = 32;

/// Checks that `tile` accumulators and one vector fit the register file.
///
/// # Errors
/// Names the limit.
pub fn check(tile: i64, lmul: Lmul) -> Result<(), String> {
    let fits = (1..REGISTERS).contains(&tile) && (tile + 1) * lmul.registers() <= REGISTERS;
    let limit = REGISTERS / lmul.registers() - 1;
    if fits {
        Ok(())
    } else {
        Err(format!("tile {tile} at lmul {} is outside 1 to {limit}", lmul.registers()))
    }
}

/// Whether `more` register groups fit beside the accumulators of `rows`.
pub fn fits(rows: usize, more: i64, lmul: Lmul) -> bool {
    i64::try_from(rows).is_ok_and(|rows| (rows + more) * lmul.registers() <= REGISTERS)
}

/// The rows of a tile in memory: the first element and the bytes from row to row.
#[derive(Clone, Copy)]
pub struct Rows<'c> {
    /// Address of the first element of row 0.
    pub at: P<'c>,
    /// Bytes from one row to the next.
    pub step: i64,
}

impl<'c> Rows<'c> {
    /// Address of a row.
    pub fn row(&self, b: &Rvv<'c, '_>, row: i64) -> P<'c> {
        b.offset(self.at, row * self.step)
    }

    /// The first `count` rows.
    pub fn load(&self, b: &Rvv<'c, '_>, count: i64, vl: Vl<'c>) -> Vec<V<'c>> {
        (0..count).map(|row| b.vle32(self.row(b, row), vl)).collect()
    }

    /// Stores the accumulators as they are.
    pub fn store(&self, b: &Rvv<'c, '_>, acc: &[V<'c>], vl: Vl<'c>) {
        for (row, &sum) in (0..).zip(acc) {
            b.vse32(sum, self.row(b, row), vl);
        }
    }

    /// Stores the activation of the accumulators.
    pub fn finish(&self, b: &Rvv<'c, '_>, acc: Vec<V<'c>>, epilogue: &Epilogue, vl: Vl<'c>) {
        if epilogue::is_in_place(epilogue) {
            // Of more rows at once LLVM's allocator would move some to other registers, and spill.
            for (first, rows) in (0..).step_by(AT_ONCE).zip(acc.chunks(AT_ONCE)) {
                let at = self.row(b, first);
                Self { at, ..*self }.store(b, &epilogue::apply_to_rows(b, epilogue, rows.to_vec(), vl), vl);
            }
        } else {
            let count = i64::try_from(acc.len()).unwrap_or(i64::MAX);
            self.store(b, &acc, vl);
            self.activate(b, count, epilogue, vl);
        }
    }

    /// Applies an activation that needs many registers to `count` rows of `vl` elements in memory.
    pub fn activate(&self, b: &Rvv<'c, '_>, count: i64, epilogue: &Epilogue, vl: Vl<'c>) {
        let lmul = epilogue::lmul(epilogue, vl.lmul());
        b.for_range(0, count, 1, self.at, |_, at| {
            b.strips(vl.x(), lmul, (), |done, vl, ()| {
                let here = b.index(at, done);
                b.vse32(epilogue::apply(b, epilogue, b.vle32(here, vl), vl), here, vl);
            });
            b.offset(at, self.step)
        });
    }
}
