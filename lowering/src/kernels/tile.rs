//! The register tile shared by convolution and matrix product: T register groups of accumulators, T scalars and
//! one vector per step of the reduction.

use super::epilogue;
use super::rvv::{Carry, Lmul, P, Rvv, V, Vl, Width, X};
use ait_dialects::Activation;
use inkwell::values::BasicValueEnum;
use std::collections::VecDeque;

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

/// A number of reduction steps.
#[derive(Clone, Copy)]
pub struct Steps<'c> {
    /// How many.
    pub count: X<'c>,
    /// How many are left of groups of [`Factors::unroll`], if that is known when compiling.
    pub remainder: Option<i64>,
}

impl<'c> Steps<'c> {
    /// A number known when compiling.
    pub fn known(b: &Rvv<'c, '_>, count: i64, unroll: i64) -> Self {
        Self { count: b.c(count), remainder: Some(count % unroll) }
    }
}

/// Where the two factors of a step are in memory.
#[derive(Clone)]
pub struct Cursor<'c> {
    /// The scalar of row 0.
    pub scalars: P<'c>,
    /// The vector; with gaps, the one that the next gap counts from.
    pub vectors: P<'c>,
    /// The next gap.
    pub gaps: Option<P<'c>>,
}

impl<'c> Carry<'c> for Cursor<'c> {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.scalars.flatten(into);
        self.vectors.flatten(into);
        self.gaps.iter().for_each(|gaps| gaps.flatten(into));
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        Self {
            scalars: self.scalars.with(values),
            vectors: self.vectors.with(values),
            gaps: self.gaps.as_ref().map(|gaps| gaps.with(values)),
        }
    }
}

/// The two factors of a tile: for every step one scalar per row and one vector. Steps are in bytes.
#[derive(Clone, Copy)]
pub struct Factors<'c> {
    /// From the scalar of one row to the next.
    pub row_step: i64,
    /// From the scalars of one step to the next.
    pub scalar_step: i64,
    /// From one vector to the next; with gaps, of a gap of 1.
    pub vector_step: X<'c>,
    /// Size of the gaps, if the vectors of the steps are not adjacent.
    pub gaps: Option<Width>,
    /// Steps of an iteration, a power of two.
    pub unroll: i64,
}

impl<'c> Factors<'c> {
    /// Adds the products of `steps` steps to the accumulators; the cursor after them. Where registers allow,
    /// the next vector is loaded before the products of one.
    pub fn accumulate(
        &self,
        b: &Rvv<'c, '_>,
        cursor: Cursor<'c>,
        acc: Vec<V<'c>>,
        steps: Steps<'c>,
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        let Steps { count, remainder } = steps;
        let whole = match remainder {
            Some(remainder) => b.sub(count, remainder),
            None => b.mul(b.div(count, self.unroll), self.unroll),
        };
        let end = b.offset(cursor.scalars, b.mul(whole, self.scalar_step));
        let more = |(cursor, _): &(Cursor<'c>, Vec<V<'c>>)| b.before(cursor.scalars, end);
        // With no group to spare LLVM's allocator spills.
        let ahead = i64::from(fits(acc.len(), 3, vl.lmul()));
        let body = |(cursor, acc)| self.steps(b, cursor, acc, self.unroll, ahead, vl);
        let (cursor, acc) = b.while_loop((cursor, acc), more, body);
        match remainder {
            Some(remainder) => self.steps(b, cursor, acc, remainder, 0, vl),
            None if self.unroll == 1 => (cursor, acc),
            // A loop: branches that yield accumulators make the register allocator spill.
            None => {
                let end = b.offset(end, b.mul(b.sub(count, whole), self.scalar_step));
                let more = |(cursor, _): &(Cursor<'c>, Vec<V<'c>>)| b.before(cursor.scalars, end);
                b.while_loop((cursor, acc), more, |(cursor, acc)| self.steps(b, cursor, acc, 1, 0, vl))
            }
        }
    }

    /// `count` steps without a branch, the vectors loaded so many steps `ahead`.
    fn steps(
        &self,
        b: &Rvv<'c, '_>,
        mut cursor: Cursor<'c>,
        mut acc: Vec<V<'c>>,
        count: i64,
        ahead: i64,
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        let mut loaded = VecDeque::new();
        for step in 0..count + ahead {
            // Loads stay where they are: early ones would take registers of accumulators.
            b.fence();
            if step < count {
                loaded.push_back(self.load(b, &mut cursor, step, vl));
            }
            if step >= ahead
                && let Some(vector) = loaded.pop_front()
            {
                let scalars = b.offset(cursor.scalars, (step - ahead) * self.scalar_step);
                let row = |(row, sum): (i64, V<'c>)| {
                    b.vfmacc(sum, b.flw(b.offset(scalars, row * self.row_step)), vector, vl)
                };
                acc = (0..).zip(acc).map(row).collect();
                // Were this its last use, LLVM could put a sum into the vector's registers and copy it back.
                b.keep(vector);
            }
        }
        cursor.scalars = b.offset(cursor.scalars, count * self.scalar_step);
        if let (Some(width), Some(gaps)) = (self.gaps, &mut cursor.gaps) {
            *gaps = b.offset(*gaps, count * width.bytes());
        }
        (cursor, acc)
    }

    /// The vector of the `step`th step from the cursor on, whose vector address moves along.
    fn load(&self, b: &Rvv<'c, '_>, cursor: &mut Cursor<'c>, step: i64, vl: Vl<'c>) -> V<'c> {
        if let (Some(width), Some(gaps)) = (self.gaps, cursor.gaps) {
            let gap = b.load_unsigned(b.offset(gaps, step * width.bytes()), width);
            cursor.vectors = b.offset(cursor.vectors, b.mul(gap, self.vector_step));
            b.vle32(cursor.vectors, vl)
        } else {
            let vector = b.vle32(cursor.vectors, vl);
            cursor.vectors = b.offset(cursor.vectors, self.vector_step);
            vector
        }
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
    pub fn finish(&self, b: &Rvv<'c, '_>, acc: Vec<V<'c>>, activation: &Activation, vl: Vl<'c>) {
        if epilogue::is_in_place(activation) {
            for (row, sum) in (0..).zip(acc) {
                b.vse32(epilogue::apply(b, activation, sum, vl), self.row(b, row), vl);
            }
        } else {
            let count = i64::try_from(acc.len()).unwrap_or(i64::MAX);
            self.store(b, &acc, vl);
            self.activate(b, count, activation, vl);
        }
    }

    /// Applies an activation that needs many registers to `count` rows of `vl` elements in memory.
    pub fn activate(&self, b: &Rvv<'c, '_>, count: i64, activation: &Activation, vl: Vl<'c>) {
        let lmul = epilogue::lmul(activation, vl.lmul());
        b.for_range(0, count, 1, self.at, |_, at| {
            b.strips(vl.x(), lmul, (), |done, vl, ()| {
                let here = b.index(at, done);
                b.vse32(epilogue::apply(b, activation, b.vle32(here, vl), vl), here, vl);
            });
            b.offset(at, self.step)
        });
    }
}
