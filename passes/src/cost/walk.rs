//! The loops of a kernel walked with their addresses: each instruction goes through the core's caches and pipeline, as
//! the meter has it. For kernels whose time is that of their accesses: strides, planes and pixels decide it, which no
//! count of bytes shows.

use super::Target;
use ait_cores::{Caches, Class, Instruction, MemoryEvent, Pipeline, Register, VectorType};
use ait_dialects::infer::ceil_div;

/// Instructions and lines after which rounds are taken to go on as before.
const BUDGET: u64 = 1 << 17;

/// A kernel on its way.
pub struct Walk {
    pipeline: Pipeline,
    caches: Caches,
    vtype: VectorType,
    lmul: i64,
    vlen: i64,
    line: i64,
    work: u64,
    events: Vec<MemoryEvent>,
}

impl Walk {
    /// Empty caches and an idle pipeline.
    pub fn new(target: &Target) -> Self {
        Self {
            pipeline: Pipeline::new(&target.core),
            caches: Caches::new(&target.core),
            vtype: VectorType::e32(1),
            lmul: 1,
            vlen: i64::from(target.vlen),
            line: target.core.l1.map_or(64, |l1| i64::from(l1.line)),
            work: 0,
            events: Vec::new(),
        }
    }

    /// Writes `bytes` from an address on without taking time: what a layer before left in the caches.
    pub fn written(&mut self, at: i64, bytes: i64) {
        self.touch(at, bytes, true);
    }

    /// Reads `bytes` from an address on without taking time.
    pub fn read(&mut self, at: i64, bytes: i64) {
        self.touch(at, bytes, false);
    }

    fn touch(&mut self, at: i64, bytes: i64, store: bool) {
        // What is further back than a cache can hold has left it again.
        let most = 1 << 21;
        let at = at + (bytes - most).max(0);
        for line in 0..(bytes.min(most) + self.line - 1) / self.line {
            self.caches.access(unsigned(at + line * self.line), 1, store, |_| {});
        }
    }

    /// Registers of the vectors from here on.
    pub fn set_lmul(&mut self, lmul: i64) {
        self.lmul = lmul;
        self.vtype = VectorType::e32(u32::try_from(lmul).unwrap_or(1));
        self.put(Class::Vsetvl, Register::x(31), &[]);
    }

    /// The same for a row of known length: a short one gets no more registers than it fills at VLEN 128.
    pub fn set_row_lmul(&mut self, length: i64, most: i64) {
        let small = [1, 2, 4, 8].into_iter().find(|lmul| length <= 4 * lmul);
        self.set_lmul(small.unwrap_or(8).min(most));
    }

    /// Elements of a vector.
    pub fn vlmax(&self) -> i64 {
        (self.lmul * self.vlen / 32).max(1)
    }

    /// Strips of `count` elements: where each begins, and its length.
    pub fn strips(&self, count: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let vlmax = self.vlmax();
        (0..count.max(0))
            .step_by(usize::try_from(vlmax).unwrap_or(1))
            .map(move |at| (at, vlmax.min(count - at)))
    }

    fn put(&mut self, class: Class, rd: Register, rs: &[Register]) {
        self.work += 1;
        self.pipeline.issue(&Instruction::new(class, rd, rs), self.vtype, &[]);
    }

    /// `count` integer instructions in two chains.
    pub fn scalars(&mut self, count: i64) {
        for index in 0..count {
            let register = Register::x(if index % 2 == 0 { 10 } else { 11 });
            self.put(Class::ScalarAlu, register, &[register]);
        }
    }

    /// A loop's end.
    pub fn branch(&mut self) {
        self.put(Class::Branch, Register::NONE, &[Register::x(12)]);
    }

    /// An arithmetic instruction that reads and writes `to`, and reads `from`: groups.
    pub fn vector(&mut self, class: Class, to: i64, from: i64) {
        let (to, from) = (self.group(to), self.group(from));
        self.put(class, to, &[to, from]);
    }

    /// The same with scalar `from`.
    pub fn vector_scalar(&mut self, class: Class, to: i64, scalar: i64, from: i64) {
        let (to, from) = (self.group(to), self.group(from));
        self.put(class, to, &[to, float(scalar), from]);
    }

    /// Sets a group to a scalar.
    pub fn splat(&mut self, to: i64) {
        let to = self.group(to);
        self.put(Class::VectorMove, to, &[float(0)]);
    }

    /// `to = to + a * b` of scalars.
    pub fn scalar_fma(&mut self, to: i64, a: i64, b: i64) {
        self.put(Class::ScalarFp, float(to), &[float(to), float(a), float(b)]);
    }

    fn group(&self, number: i64) -> Register {
        let groups = (32 / self.lmul).max(1);
        Register::v(u8::try_from(number.rem_euclid(groups) * self.lmul).unwrap_or(0))
    }

    fn access(&mut self, class: Class, rd: Register, rs: &[Register]) {
        self.work += 1 + self.events.len() as u64;
        self.pipeline.issue(&Instruction::new(class, rd, rs).with_eew(32), self.vtype, &self.events);
    }

    fn lines(&mut self, at: i64, step: i64, count: i64, store: bool) {
        let Self { events, caches, .. } = self;
        events.clear();
        if step == 4 {
            caches.access(unsigned(at), unsigned(4 * count), store, |event| events.push(event));
        } else {
            self.work += unsigned(count) / 4;
            (0..count).for_each(|i| {
                caches.access(unsigned(at + i * step), 4, store, |event| events.push(event));
            });
        }
    }

    /// Loads `count` elements that are `step` bytes apart.
    pub fn load(&mut self, to: i64, at: i64, step: i64, count: i64) {
        self.lines(at, step, count, false);
        let class = if step == 4 { Class::LoadUnit } else { Class::LoadStrided };
        self.access(class, self.group(to), &[Register::x(10)]);
    }

    /// Stores such.
    pub fn store(&mut self, from: i64, at: i64, step: i64, count: i64) {
        self.lines(at, step, count, true);
        let class = if step == 4 { Class::StoreUnit } else { Class::StoreStrided };
        self.access(class, Register::NONE, &[Register::x(11), self.group(from)]);
    }

    /// Loads a scalar.
    pub fn load_scalar(&mut self, to: i64, at: i64) {
        self.lines(at, 4, 1, false);
        self.access(Class::ScalarLoad, float(to), &[Register::x(10)]);
    }

    /// Stores one.
    pub fn store_scalar(&mut self, from: i64, at: i64) {
        self.lines(at, 4, 1, true);
        self.access(Class::ScalarStore, Register::NONE, &[Register::x(11), float(from)]);
    }

    /// Cycles of `total` rounds. Some are walked, from the first on, and the others taken to be as long.
    pub fn rounds(&mut self, total: i64, mut round: impl FnMut(&mut Self, i64)) -> f64 {
        let (start, work) = (self.pipeline.cycles(), self.work);
        let mut done = 0;
        while done < total && (done == 0 || self.work - work < BUDGET) {
            round(self, done);
            done += 1;
        }
        (self.pipeline.cycles() - start) as f64 * total as f64 / done.max(1) as f64
    }
}

/// The first line behind so many bytes.
pub fn after(bytes: i64) -> i64 {
    ceil_div(bytes, 64) * 64
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn float(number: i64) -> Register {
    Register::f(u8::try_from(number.rem_euclid(32)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_extrapolated() {
        let mut walk = Walk::new(&Target::named(ait_cores::DEFAULT).unwrap());
        let mut walked = 0;
        let cycles = walk.rounds(1 << 24, |walk, _| {
            walked += 1;
            walk.scalars(16);
        });
        assert!(walked < 1 << 15, "{walked}");
        assert!((cycles / f64::from(1 << 24) - 8.0).abs() < 0.1, "{cycles}");
    }

    #[test]
    fn what_was_written_is_in_the_caches() {
        let target = Target::named(ait_cores::DEFAULT).unwrap();
        let time = |warm: bool| {
            let mut walk = Walk::new(&target);
            if warm {
                walk.written(0, 1 << 14);
            }
            walk.set_lmul(4);
            walk.rounds(1, |walk, _| (0..128).for_each(|i| walk.load(0, 128 * i, 4, 32)))
        };
        assert!(time(false) > 2.0 * time(true), "{} {}", time(false), time(true));
    }
}
