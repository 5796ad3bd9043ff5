//! The instructions of a kernel's loops as the compiler schedules them, run through the core's pipeline.
//!
//! It mirrors `lowering/src/kernels/tile/accumulate.rs`: addresses are made a step ahead, vectors are loaded a step ahead
//! where two fit beside the sums and three where four do, scalars where two sets of them fit.

use super::traffic::Misses;
use ait_cores::{Class, Core, Instruction, Level, MemoryEvent, Pipeline, Register, VectorType};

/// Scalar registers that the sums of a tile may take.
const SCALARS: i64 = 28;
const WEIGHTS: Register = Register::x(5);
const INPUT: Register = Register::x(6);
const GAPS: Register = Register::x(7);
const GAP: Register = Register::x(28);
const DISTANCE: Register = Register::x(29);
const OTHER: Register = Register::x(10);

/// Misses of a stream of accesses, so many an access, and where they are served.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub misses: Misses,
    /// None: they hit in the first level.
    pub level: Option<Level>,
}

impl Stream {
    /// Accesses that hit.
    pub const HITS: Self = Self { misses: Misses { streamed: 0.0, single: 0.0 }, level: None };

    /// So many lines an access, one after the other.
    pub fn streamed(lines: f64, level: Option<Level>) -> Self {
        Self { misses: Misses { streamed: lines, single: 0.0 }, level }
    }
}

/// Whole misses out of fractions of them.
#[derive(Clone, Copy, Default)]
struct Fractions(Misses);

impl Fractions {
    fn next(&mut self, stream: &Stream, store: bool, into: &mut Vec<MemoryEvent>) {
        into.clear();
        let Some(level) = stream.level else { return };
        let Self(sum) = self;
        sum.single += stream.misses.single;
        sum.streamed += stream.misses.streamed;
        for (sum, prefetched) in [(&mut sum.single, false), (&mut sum.streamed, true)] {
            while *sum >= 1.0 {
                *sum -= 1.0;
                into.push(MemoryEvent { line: None, level, store, prefetched });
            }
        }
    }
}

/// Instructions going through a pipeline.
pub struct Code {
    pipeline: Pipeline,
    vtype: VectorType,
    lmul: i64,
    events: Vec<MemoryEvent>,
}

impl Code {
    /// Nothing yet, with vectors of groups of `lmul` registers.
    pub fn new(core: &Core, lmul: i64) -> Self {
        let vtype = VectorType::e32(u32::try_from(lmul).unwrap_or(8));
        Self { pipeline: Pipeline::new(core), vtype, lmul: lmul.max(1), events: Vec::new() }
    }

    /// Cycles until the last instruction was issued.
    pub fn cycles(&self) -> f64 {
        self.pipeline.cycles() as f64
    }

    fn put(&mut self, class: Class, rd: Register, rs: &[Register]) {
        self.pipeline.issue(&Instruction::new(class, rd, rs), self.vtype, &[]);
    }

    /// A load or store of 32 bits an element, with the events at hand.
    fn access(&mut self, class: Class, rd: Register, rs: &[Register]) {
        self.pipeline.issue(&Instruction::new(class, rd, rs).with_eew(32), self.vtype, &self.events);
    }

    /// `count` integer instructions that wait for each other.
    pub fn scalars(&mut self, count: i64) {
        (0..count).for_each(|_| self.put(Class::ScalarAlu, OTHER, &[OTHER]));
    }

    /// A loop's end.
    pub fn branch(&mut self) {
        self.put(Class::Branch, Register::NONE, &[WEIGHTS]);
    }

    /// `count` times an instruction that reads and writes vectors of its own.
    pub fn vectors(&mut self, class: Class, count: i64) {
        (0..count).for_each(|row| self.put(class, self.register(row), &[self.register(row)]));
    }

    fn register(&self, group: i64) -> Register {
        vector(group.rem_euclid((32 / self.lmul).max(1)) * self.lmul)
    }

    /// Sets `rows` sums to a scalar in memory each.
    pub fn start(&mut self, rows: i64) {
        self.events.clear();
        self.put(Class::Vsetvl, OTHER, &[]);
        for row in 0..rows {
            let scalar = float(row);
            self.access(Class::ScalarLoad, scalar, &[OTHER]);
            self.put(Class::VectorMove, self.register(row + 2), &[scalar]);
        }
    }

    /// Loads or stores `rows` vectors, each with an address of its own.
    pub fn rows(&mut self, class: Class, rows: i64, stream: Stream) {
        let mut fractions = Fractions::default();
        for row in 0..rows {
            self.put(Class::ScalarAlu, INPUT, &[INPUT]);
            self.row(class, row, &stream, &mut fractions);
        }
    }

    fn row(&mut self, class: Class, row: i64, stream: &Stream, fractions: &mut Fractions) {
        let store = class == Class::StoreUnit;
        let mut events = std::mem::take(&mut self.events);
        fractions.next(stream, store, &mut events);
        self.events = events;
        let register = self.register(row + 2);
        match store {
            true => self.access(class, Register::NONE, &[INPUT, register]),
            false => self.access(class, register, &[INPUT]),
        }
    }

    /// Activates and stores `rows` sums; with gaps, those positions that are outputs are moved together first.
    pub fn finish(&mut self, rows: i64, has_gaps: bool, stores: Stream) {
        let mut fractions = Fractions::default();
        for row in 0..rows {
            let sum = self.register(row + 2);
            if has_gaps {
                self.put(Class::Vsetvl, OTHER, &[]);
                self.put(Class::VectorGather, sum, &[sum]);
                self.put(Class::Vsetvl, OTHER, &[]);
            }
            self.put(Class::VectorFp, sum, &[sum]);
            self.put(Class::ScalarAlu, INPUT, &[INPUT]);
            self.row(Class::StoreUnit, row, &stores, &mut fractions);
        }
    }

    /// Loads, then stores of a copied vector, `count` times in a loop.
    pub fn copies(&mut self, count: i64, load: Class, loads: Stream, stores: Stream) {
        let [mut from, mut to] = [Fractions::default(); 2];
        for _ in 0..count {
            self.row(load, 0, &loads, &mut from);
            self.row(Class::StoreUnit, 0, &stores, &mut to);
            self.scalars(2);
            self.branch();
        }
    }
}

/// The register of a row's scalar.
fn float(row: i64) -> Register {
    Register::f(u8::try_from(row % SCALARS).unwrap_or(0))
}

fn vector(number: i64) -> Register {
    Register::v(u8::try_from(number).unwrap_or(0))
}

/// The reduction of a tile.
#[derive(Clone, Copy, Debug)]
pub struct Reduction {
    /// Sums.
    pub rows: i64,
    /// Register group size.
    pub lmul: i64,
    /// Steps of an iteration.
    pub unroll: i64,
    /// With sparse weights, instructions from a gap to its size in bytes: a shift or a multiplication.
    pub gap: Option<Class>,
    /// Vectors of the steps.
    pub vectors: Stream,
    /// Scalars of all rows of a step.
    pub scalars: Stream,
}

impl Reduction {
    /// Vectors that take turns.
    fn buffers(&self) -> i64 {
        let fits = |count: &i64| self.unroll >= *count && (self.rows + count) * self.lmul <= 32;
        [4, 2].into_iter().find(fits).unwrap_or(1)
    }

    /// Cycles of a run of `steps` steps. `is_known`: when compiling.
    pub fn cycles(&self, core: &Core, steps: i64, is_known: bool) -> f64 {
        let ahead = (self.buffers() - 1).min((steps - 1).max(0));
        let spare = (steps - 1 - ahead).max(0);
        let whole = spare / self.unroll;
        let rest = steps - whole * self.unroll;
        let simulate = |iterations: i64| {
            let mut run = Run::new(*self, core, ahead);
            run.all(iterations, rest, is_known);
            run.code.cycles()
        };
        // Enough steps that misses come as often as they do on average.
        let few = (24 / (self.unroll * self.rows.clamp(1, 8) / 2).max(1)).max(2);
        if whole <= 2 * few {
            return simulate(whole);
        }
        let [short, long] = [few, 2 * few].map(simulate);
        long + (long - short) / few as f64 * (whole - 2 * few) as f64
    }
}

/// A reduction under way.
struct Run {
    code: Code,
    reduction: Reduction,
    /// Vectors that are loaded ahead.
    ahead: i64,
    /// Vectors loaded and used.
    loaded: i64,
    used: i64,
    /// Steps whose scalars were loaded.
    vector_misses: Fractions,
    scalar_misses: Fractions,
}

impl Run {
    fn new(reduction: Reduction, core: &Core, ahead: i64) -> Self {
        let (code, zero) = (Code::new(core, reduction.lmul), Fractions::default());
        Self { code, reduction, ahead, loaded: 0, used: 0, vector_misses: zero, scalar_misses: zero }
    }

    fn all(&mut self, iterations: i64, rest: i64, is_known: bool) {
        self.code.scalars(if is_known { 4 } else { 12 });
        // What is not known when compiling ends with single steps, each a loop of its own.
        let singles = if is_known { 0 } else { (rest - 1 - self.ahead).max(0) };
        self.prologue();
        for _ in 0..iterations {
            self.steps(self.reduction.unroll, true);
            self.code.scalars(1);
            self.code.branch();
        }
        self.steps(rest - singles, false);
        if !is_known {
            self.code.branch();
        }
        self.ahead = 0;
        for _ in 0..singles {
            self.prologue();
            self.steps(1, false);
            self.code.scalars(2);
            self.code.branch();
        }
    }

    fn is_early(&self) -> bool {
        self.reduction.rows * 2 <= SCALARS
    }

    fn prologue(&mut self) {
        if self.reduction.gap.is_some() {
            (0..3).for_each(|part| self.address(part));
        }
        if self.is_early() {
            (0..self.reduction.rows).for_each(|row| self.scalar(row));
        }
        for _ in 0..self.ahead {
            self.load();
            (0..3).for_each(|part| self.address(part));
        }
    }

    fn steps(&mut self, count: i64, more: bool) {
        let rows = self.reduction.rows;
        let part = (rows / 3).max(1);
        let mut left = if more { i64::MAX } else { count - self.ahead };
        for step in 0..count {
            if left > 0 {
                self.load();
                left -= 1;
            }
            let mut parts = 0..if left > 0 { 3 } else { 0 };
            let later = self.is_early() && (more || step + 1 < count);
            if !self.is_early() {
                (0..rows.min(4)).for_each(|row| self.scalar(row));
            }
            for row in 0..rows {
                let scalar = float(row);
                let (sum, vector) = (self.sum(row), self.vector(self.used));
                self.code.put(Class::VectorFma, sum, &[sum, scalar, vector]);
                if later {
                    self.scalar(row);
                } else if !self.is_early() && row + 4 < rows {
                    self.scalar(row + 4);
                }
                if row % part == 0
                    && let Some(part) = parts.next()
                {
                    self.address(part);
                }
            }
            parts.for_each(|part| self.address(part));
            self.used += 1;
        }
    }

    fn sum(&self, row: i64) -> Register {
        vector((32 - (row + 1) * self.reduction.lmul).max(0))
    }

    fn vector(&self, number: i64) -> Register {
        vector(number % self.reduction.buffers() * self.reduction.lmul)
    }

    fn load(&mut self) {
        self.vector_misses.next(&self.reduction.vectors, false, &mut self.code.events);
        let register = self.vector(self.loaded);
        self.code.access(Class::LoadUnit, register, &[INPUT]);
        self.loaded += 1;
    }

    fn scalar(&mut self, row: i64) {
        if row == 0 {
            self.scalar_misses.next(&self.reduction.scalars, false, &mut self.code.events);
        } else {
            self.code.events.clear();
        }
        let register = float(row);
        self.code.access(Class::ScalarLoad, register, &[WEIGHTS]);
    }

    /// A part of making the address of the next vector.
    fn address(&mut self, part: i64) {
        self.code.events.clear();
        match (part, self.reduction.gap) {
            (0, Some(_)) => self.code.access(Class::ScalarLoad, GAP, &[GAPS]),
            (1, Some(class)) => self.code.put(class, DISTANCE, &[GAP]),
            (2, gap) => {
                let distance = if gap.is_some() { DISTANCE } else { Register::NONE };
                self.code.put(Class::ScalarAlu, INPUT, &[INPUT, distance]);
            }
            _ => {}
        }
    }
}
