//! The reduction loop of a tile, scheduled for in-order cores: what is slow is started a step before it is needed.

use super::fits;
use crate::kernels::rvv::{Carry, F, P, Rvv, V, Vl, Width, X};
use inkwell::values::BasicValueEnum;
use std::collections::VecDeque;

/// Scalar f32 registers that a reduction may fill; the others hold constants of the epilogue.
const SCALARS: usize = 28;
/// Products in the time of a vector load, which keeps scalar loads waiting: an element is loaded in half the time that it is
/// multiplied in.
const LOAD_PRODUCTS: usize = 2;

/// A number of reduction steps.
#[derive(Clone, Copy)]
pub enum Steps<'c> {
    /// Known when compiling.
    Known(i64),
    /// A multiple of [`Factors::unroll`] that is not 0.
    Whole(X<'c>),
    /// Any, 0 included.
    Any(X<'c>),
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
        self.gaps.flatten(into);
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        Self {
            scalars: self.scalars.with(values),
            vectors: self.vectors.with(values),
            gaps: self.gaps.with(values),
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

/// A reduction under way.
struct State<'c> {
    /// Its vector is the next to load.
    cursor: Cursor<'c>,
    /// Scalars of the next step, if they are loaded ahead.
    scalars: Vec<F<'c>>,
    /// Vectors that are loaded ahead.
    vectors: Vec<V<'c>>,
    /// The sums.
    acc: Vec<V<'c>>,
}

impl<'c> Carry<'c> for State<'c> {
    fn flatten(&self, into: &mut Vec<BasicValueEnum<'c>>) {
        self.cursor.flatten(into);
        self.scalars.flatten(into);
        self.vectors.flatten(into);
        self.acc.flatten(into);
    }

    fn with(&self, values: &mut dyn Iterator<Item = BasicValueEnum<'c>>) -> Self {
        Self {
            cursor: self.cursor.with(values),
            scalars: self.scalars.with(values),
            vectors: self.vectors.with(values),
            acc: self.acc.with(values),
        }
    }
}

impl<'c> Factors<'c> {
    /// Adds the products of `steps` steps to the accumulators; the cursor after them. In-order cores wait where a result is
    /// used: addresses are made a step before their vector is loaded, and where registers allow, vectors are loaded
    /// a step before they are multiplied. Nothing after the last step is read.
    pub fn accumulate(
        &self,
        b: &Rvv<'c, '_>,
        cursor: Cursor<'c>,
        acc: Vec<V<'c>>,
        steps: Steps<'c>,
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        // Two vectors take turns in two steps, four in four; with another number of steps in an iteration, one would be copied.
        // Three steps are the time in which a second-level cache delivers.
        let has_room = |more| fits(acc.len(), more, vl.lmul());
        let turns = |count| has_room(count + 1) || has_room(count) && b.takes_last_group();
        let ahead = match self.unroll {
            4.. if turns(4) => 3,
            2.. if turns(2) => 1,
            _ => 0,
        };
        match steps {
            Steps::Known(count) => {
                let ahead = ahead.min(count - 1);
                let whole = (count - 1 - ahead).max(0) / self.unroll * self.unroll;
                self.run(b, (cursor, acc), b.c(whole), count - whole, ahead, vl)
            }
            Steps::Whole(count) => {
                self.run(b, (cursor, acc), b.sub(count, self.unroll), self.unroll, ahead, vl)
            }
            Steps::Any(count) => self.any(b, (cursor, acc), count, ahead, vl),
        }
    }

    /// As [`Factors::accumulate`] for a number of steps that is not known when compiling. Loops stand for branches,
    /// which make the register allocator spill when they yield accumulators.
    fn any(
        &self,
        b: &Rvv<'c, '_>,
        state: (Cursor<'c>, Vec<V<'c>>),
        count: X<'c>,
        ahead: i64,
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        let start = state.0.scalars;
        let spare = b.sub(b.max(count, 1 + ahead), 1 + ahead);
        let whole = b.mul(b.div(spare, self.unroll), self.unroll);
        let [end, long] = [count, whole].map(|steps| b.offset(start, b.mul(steps, self.scalar_step)));
        let before = |end| move |(cursor, _): &(Cursor<'c>, Vec<V<'c>>)| b.before(cursor.scalars, end);
        let state =
            b.while_loop(state, before(long), |state| self.run(b, state, whole, 1 + ahead, ahead, vl));
        b.while_loop(state, before(end), |state| self.run(b, state, b.c(0), 1, 0, vl))
    }

    /// `whole` steps, a multiple of [`Factors::unroll`], in iterations, then `rest` more, at least one more than are loaded
    /// `ahead`.
    fn run(
        &self,
        b: &Rvv<'c, '_>,
        (mut cursor, acc): (Cursor<'c>, Vec<V<'c>>),
        whole: X<'c>,
        rest: i64,
        ahead: i64,
        vl: Vl<'c>,
    ) -> (Cursor<'c>, Vec<V<'c>>) {
        if rest == 0 {
            return (cursor, acc);
        }
        let end = b.offset(cursor.scalars, b.mul(whole, self.scalar_step));
        if cursor.gaps.is_some() {
            self.advance(b, &mut cursor);
        }
        let early = acc.len() * 2 <= SCALARS;
        let scalars = if early { acc.len() } else { 0 };
        let scalars = (0..scalars).map(|row| self.scalar(b, &cursor, 0, row)).collect();
        let load = |_| {
            let vector = b.vle32(cursor.vectors, vl);
            self.advance(b, &mut cursor);
            vector
        };
        let vectors: Vec<_> = (0..ahead).map(load).collect();
        let more = |state: &State<'c>| b.before(state.cursor.scalars, end);
        let body = |state| self.steps(b, state, self.unroll, true, vl);
        let state = b.while_loop(State { cursor, scalars, vectors, acc }, more, body);
        let State { mut cursor, acc, .. } = self.steps(b, state, rest, false, vl);
        if cursor.gaps.is_none() {
            self.advance(b, &mut cursor);
        }
        (cursor, acc)
    }

    /// `count` steps without a branch, with `more` after them or not.
    fn steps(&self, b: &Rvv<'c, '_>, state: State<'c>, count: i64, more: bool, vl: Vl<'c>) -> State<'c> {
        let State { mut cursor, mut scalars, vectors, mut acc } = state;
        let early = !scalars.is_empty();
        let mut vectors = VecDeque::from(vectors);
        let mut left = if more { i64::MAX } else { count - i64::try_from(vectors.len()).unwrap_or(count) };
        for step in 0..count {
            b.fence();
            if left > 0 {
                vectors.push_back(b.vle32(cursor.vectors, vl));
                left -= 1;
            }
            let mut address = (left > 0).then(|| Address::new(self, &cursor));
            let Some(vector) = vectors.pop_front() else { continue };
            let mut next = vec![];
            let rows = acc.len();
            let later = if early && (more || step + 1 < count) { rows } else { 0 };
            // Beside the products, the next step: its scalars, once the vector's load is over, and parts of its address.
            let quiet = LOAD_PRODUCTS.min(rows - 1);
            let share = rows.div_ceil(rows - quiet);
            let part = ((rows - quiet) / Address::PARTS).max(1);
            for (row, sum) in acc.iter_mut().enumerate() {
                if early {
                    b.fence();
                }
                let factor = scalars.get(row).copied();
                let factor = factor.unwrap_or_else(|| self.scalar(b, &cursor, step, row));
                *sum = b.vfmacc(*sum, factor, vector, vl);
                if early {
                    b.fence();
                }
                let Some(slot) = row.checked_sub(quiet) else { continue };
                if slot % part == 0 {
                    address = address.map(|address| address.continued(b, self, &cursor));
                }
                let scalars = slot * share..((slot + 1) * share).min(later);
                next.extend(scalars.map(|row| self.scalar(b, &cursor, step + 1, row)));
            }
            // Were this its last use, LLVM could put a sum into the vector's registers and copy it back.
            b.keep(vector);
            scalars = next;
            if let Some(address) = address {
                address.finished(b, self, &mut cursor);
            }
        }
        cursor.scalars = b.offset(cursor.scalars, count * self.scalar_step);
        State { cursor, scalars, vectors: vectors.into(), acc }
    }

    /// A row's scalar of the `step`th step from the cursor on.
    fn scalar(&self, b: &Rvv<'c, '_>, cursor: &Cursor<'c>, step: i64, row: usize) -> F<'c> {
        let row = i64::try_from(row).unwrap_or(i64::MAX);
        b.flw(b.offset(cursor.scalars, step * self.scalar_step + row * self.row_step))
    }

    /// Moves the cursor to the next vector.
    fn advance(&self, b: &Rvv<'c, '_>, cursor: &mut Cursor<'c>) {
        Address::new(self, cursor).finished(b, self, cursor);
    }
}

/// The address of the next vector in the making: parts that wait for each other, to be put between other instructions.
enum Address<'c> {
    /// Where the gap is.
    Gap(P<'c>, Width),
    /// The gap.
    Loaded(X<'c>),
    /// Bytes from the vector before.
    Distance(X<'c>),
    /// It is made.
    Vector(P<'c>),
}

impl<'c> Address<'c> {
    const PARTS: usize = 3;

    fn new(factors: &Factors<'c>, cursor: &Cursor<'c>) -> Self {
        match (factors.gaps, cursor.gaps) {
            (Some(width), Some(gaps)) => Self::Gap(gaps, width),
            _ => Self::Distance(factors.vector_step),
        }
    }

    fn continued(self, b: &Rvv<'c, '_>, factors: &Factors<'c>, cursor: &Cursor<'c>) -> Self {
        match self {
            Self::Gap(at, width) => Self::Loaded(b.load_unsigned(at, width)),
            Self::Loaded(gap) => Self::Distance(b.mul(gap, factors.vector_step)),
            Self::Distance(bytes) => Self::Vector(b.offset(cursor.vectors, bytes)),
            Self::Vector(_) => self,
        }
    }

    fn finished(self, b: &Rvv<'c, '_>, factors: &Factors<'c>, cursor: &mut Cursor<'c>) {
        match self {
            Self::Vector(at) => {
                cursor.vectors = at;
                if let (Some(width), Some(gaps)) = (factors.gaps, &mut cursor.gaps) {
                    *gaps = b.offset(*gaps, width.bytes());
                }
            }
            _ => self.continued(b, factors, cursor).finished(b, factors, cursor),
        }
    }
}
