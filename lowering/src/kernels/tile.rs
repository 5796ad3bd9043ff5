//! The register tile shared by convolution and matrix product: T register groups of accumulators, T scalars and
//! one vector per step of the reduction.

use super::epilogue;
use super::rvv::{Lmul, P, Rvv, V, Vl, X};
use ait_dialects::Activation;

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

/// What is known, when compiling, about a number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// Divisible by two.
    Even,
    /// Not divisible by two.
    Odd,
    /// Either.
    Unknown,
}

impl Parity {
    /// Of a known number.
    pub const fn of(steps: i64) -> Self {
        if steps % 2 == 0 { Self::Even } else { Self::Odd }
    }
}

/// The two factors of a tile: `scalars[row][k]` and `vectors[k]`, steps in bytes.
#[derive(Clone, Copy)]
pub struct Factors<'c> {
    /// Address of the scalar of row 0, k = 0.
    pub scalars: P<'c>,
    /// From one row to the next.
    pub row_step: i64,
    /// From one k to the next.
    pub scalar_step: i64,
    /// Address of the vector of k = 0.
    pub vectors: P<'c>,
    /// From one k to the next.
    pub vector_step: X<'c>,
}

impl<'c> Factors<'c> {
    /// Adds the products of `steps` steps to the accumulators, two steps per iteration.
    pub fn accumulate(
        &self,
        b: &Rvv<'c, '_>,
        acc: Vec<V<'c>>,
        steps: X<'c>,
        parity: Parity,
        vl: Vl<'c>,
    ) -> Vec<V<'c>> {
        let pairs = if parity == Parity::Even { steps } else { b.mul(b.div(steps, 2), 2) };
        let end = b.offset(self.scalars, b.mul(pairs, self.scalar_step));
        let state = ((self.scalars, self.vectors), acc);
        let ((scalars, vectors), acc) = b.while_loop(
            state,
            |((scalars, _), _)| b.before(*scalars, end),
            |((scalars, vectors), acc)| {
                let acc = self.step(b, acc, scalars, vectors, vl);
                let (scalars, vectors) = self.next(b, scalars, vectors);
                let acc = self.step(b, acc, scalars, vectors, vl);
                (self.next(b, scalars, vectors), acc)
            },
        );
        let last = |acc| self.step(b, acc, scalars, vectors, vl);
        match parity {
            Parity::Even => acc,
            Parity::Odd => last(acc),
            Parity::Unknown => b.if_else(b.lt(pairs, steps), || last(acc.clone()), || acc.clone()),
        }
    }

    fn next(&self, b: &Rvv<'c, '_>, scalars: P<'c>, vectors: P<'c>) -> (P<'c>, P<'c>) {
        (b.offset(scalars, self.scalar_step), b.offset(vectors, self.vector_step))
    }

    fn step(
        &self,
        b: &Rvv<'c, '_>,
        acc: Vec<V<'c>>,
        scalars: P<'c>,
        vectors: P<'c>,
        vl: Vl<'c>,
    ) -> Vec<V<'c>> {
        let vector = b.vle32(vectors, vl);
        let row = |(row, sum): (i64, V<'c>)| {
            b.vfmacc(sum, b.flw(b.offset(scalars, row * self.row_step)), vector, vl)
        };
        (0..).zip(acc).map(row).collect()
    }
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
    fn row(&self, b: &Rvv<'c, '_>, row: i64) -> P<'c> {
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
    fn activate(&self, b: &Rvv<'c, '_>, count: i64, activation: &Activation, vl: Vl<'c>) {
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
