//! An in-order pipeline: each instruction issues when its operands, its unit and a slot are free, never before the one
//! before it.
//!
//! There is one load-store unit and one vector arithmetic unit; each takes an instruction when its occupancy of the
//! last one is over. Scalar instructions only need a slot. A branch ends the instructions of its cycle and is always
//! predicted. Every cycle has one [`Cause`]: the last thing that the next instruction waited for.

use serde::{Deserialize, Serialize};

use crate::instruction::Register;
use crate::{Core, Instruction, Level, MemoryEvent, VectorType};

/// What a cycle was spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Cause {
    /// Instructions issued and all slots were taken, or a branch ended the cycle.
    Issue,
    /// An operand was still being computed.
    Dependency,
    /// The vector arithmetic unit was busy.
    Vector,
    /// The load-store unit was busy with accesses that hit in level 1.
    LoadStore,
    /// A line came from level 2.
    L2,
    /// A line came from memory.
    Memory,
    /// Work was handed to other threads, or their end was waited for.
    Threads,
}

impl Cause {
    /// All causes, in order; the position is `cause as usize`.
    pub const ALL: [Self; 7] =
        [Self::Issue, Self::Dependency, Self::Vector, Self::LoadStore, Self::L2, Self::Memory, Self::Threads];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Dependency => "dependency",
            Self::Vector => "vector",
            Self::LoadStore => "load-store",
            Self::L2 => "l2",
            Self::Memory => "memory",
            Self::Threads => "threads",
        }
    }
}

/// Cycles by cause, at the position `cause as usize`.
pub type Stalls = [u64; Cause::ALL.len()];

/// A unit that takes one instruction after the other.
#[derive(Debug, Clone, Copy)]
struct Unit {
    /// When it is free.
    free: u64,
    /// What an instruction that waits for it waits for.
    cause: Cause,
}

/// When a register can be read.
#[derive(Debug, Clone, Copy)]
struct Ready {
    at: u64,
    cause: Cause,
}

/// A line on its way.
#[derive(Debug, Clone, Copy)]
struct Arriving {
    number: u64,
    /// When it can be used.
    at: u64,
    cause: Cause,
}

/// The pipeline of a core, and the time on it.
#[derive(Debug, Clone)]
pub struct Pipeline {
    core: Core,
    registers: [Ready; Register::COUNT],
    vector: Unit,
    load_store: Unit,
    /// When the channel to memory is free, and how long it has been busy in all.
    channel: u64,
    busy: u64,
    /// Lines that were asked for and not foreseen, as many as can be on their way at once; those of `asked` go round.
    arriving: Vec<Arriving>,
    asked: usize,
    /// The cycle in which the last instruction issued.
    clock: u64,
    /// Instructions that issued in it; `issue_width` when no more can.
    issued: u32,
    stalls: Stalls,
}

impl Pipeline {
    /// An idle pipeline at cycle 0.
    pub fn new(core: &Core) -> Self {
        Self {
            core: core.clone(),
            registers: [Ready { at: 0, cause: Cause::Dependency }; Register::COUNT],
            vector: Unit { free: 0, cause: Cause::Vector },
            load_store: Unit { free: 0, cause: Cause::LoadStore },
            channel: 0,
            busy: 0,
            arriving: vec![
                Arriving { number: u64::MAX, at: 0, cause: Cause::L2 };
                core.memory.outstanding.max(1) as usize
            ],
            asked: 0,
            clock: 0,
            issued: 0,
            stalls: [0; Cause::ALL.len()],
        }
    }

    /// The core it is of.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Cycles so far: those in which instructions issued, and those before them.
    pub fn cycles(&self) -> u64 {
        self.clock + u64::from(self.issued > 0)
    }

    /// The cycles by cause; their sum is [`Pipeline::cycles`].
    pub fn stalls(&self) -> Stalls {
        let mut stalls = self.stalls;
        stalls[Cause::Issue as usize] += u64::from(self.issued > 0);
        stalls
    }

    /// Issues `instruction` under `vtype`; `events` are the lines that it missed in level 1.
    pub fn issue(&mut self, instruction: &Instruction, vtype: VectorType, events: &[MemoryEvent]) {
        let timing = self.core.timing(instruction, vtype);
        let at = self.start(instruction, timing.latency);
        let (delay, cause) = self.memory_delay(at, events);
        if instruction.class.is_memory() {
            // What the line transfers take of the unit is in the delay as well, except the latency they wait for.
            let free = at + timing.occupancy + delay.occupancy;
            self.load_store = Unit { free, cause: cause.unwrap_or(Cause::LoadStore) };
        } else if instruction.class.is_vector_arithmetic() {
            self.vector.free = at + timing.occupancy;
        }
        if let Some(first) = instruction.rd.index() {
            let ready =
                Ready { at: at + timing.latency + delay.latency, cause: cause.unwrap_or(Cause::Dependency) };
            let end = (first + instruction.destinations(vtype)).min(Register::COUNT);
            self.registers[first..end].fill(ready);
        }
        if instruction.class == crate::Class::Branch {
            self.issued = self.core.issue_width;
        }
    }

    /// Nothing issues until the cycle `until`, for this reason.
    pub fn wait(&mut self, until: u64, cause: Cause) {
        if until > self.cycles() {
            self.advance(until, cause);
            self.issued = 0;
        }
    }

    /// When it has issued all and its units are free.
    pub fn idle_at(&self) -> u64 {
        self.cycles().max(self.vector.free).max(self.load_store.free)
    }

    /// How long the channel to memory was busy with lines of this pipeline.
    pub fn channel_busy(&self) -> u64 {
        self.busy
    }

    /// Finds the cycle in which `instruction` issues, and goes there.
    fn start(&mut self, instruction: &Instruction, latency: u64) -> u64 {
        let (mut at, mut cause) = (self.clock, Cause::Issue);
        let mut wait = |until: u64, reason: Cause| {
            if until > at {
                (at, cause) = (until, reason);
            }
        };
        if self.issued >= self.core.issue_width {
            wait(self.clock + 1, Cause::Issue);
        }
        for source in instruction.rs {
            if let Some(index) = source.index() {
                let Ready { at, cause } = self.registers[index];
                wait(at, cause);
            }
        }
        if instruction.class.is_memory() {
            wait(self.load_store.free, self.load_store.cause);
        } else if instruction.class.is_vector_arithmetic() {
            wait(self.vector.free, self.vector.cause);
        }
        // Results are written in order: a slow load into the same register comes first.
        if let Some(index) = instruction.rd.index()
            && instruction.rd.is_vector()
        {
            let Ready { at, cause } = self.registers[index];
            wait(at.saturating_sub(latency), cause);
        }
        self.advance(at, cause);
        at
    }

    fn advance(&mut self, at: u64, cause: Cause) {
        if at > self.clock {
            // The cycle in which something issued was spent on that, whatever is waited for after it.
            let used = u64::from(self.issued > 0);
            self.stalls[Cause::Issue as usize] += used;
            self.stalls[cause as usize] += at - self.clock - used;
            (self.clock, self.issued) = (at, 0);
        }
        self.issued += 1;
    }

    /// What lines that are not in level 1 add to an access that issues at `at`, and the furthest level among them. The
    /// load-store unit takes them one after the other, and does not wait for those that nobody foresaw.
    fn memory_delay(&mut self, at: u64, events: &[MemoryEvent]) -> (Delay, Option<Cause>) {
        let memory = self.core.memory;
        let (mut now, mut ready, mut cause) = (at, at, None);
        for event in events {
            let transfer = if event.store { memory.store_line } else { memory.l2_line };
            let hidden = event.store || event.prefetched;
            let arrives = match event.level {
                Level::L1 => {
                    let known = self.arriving.iter().find(|line| Some(line.number) == event.line);
                    let Some(line) = known.filter(|line| line.at > now) else { continue };
                    cause = cause.max(Some(line.cause));
                    ready = ready.max(line.at);
                    continue;
                }
                Level::L2 => {
                    cause = cause.max(Some(Cause::L2));
                    let start = if hidden { now } else { now.max(self.arriving[self.oldest()].at) };
                    now = start + transfer;
                    if hidden { now } else { start + memory.l2_latency }
                }
                Level::Memory if hidden => {
                    cause = Some(Cause::Memory);
                    // It was asked for up to `ahead` lines ago: only the bandwidth of the channel shows.
                    let line = if event.store { memory.written_line } else { memory.line };
                    let earliest = now.saturating_sub(memory.prefetch.ahead * line);
                    self.channel = self.channel.max(earliest) + line;
                    self.busy += line;
                    now = now.max(self.channel) + transfer;
                    now
                }
                Level::Memory => {
                    cause = Some(Cause::Memory);
                    now = now.max(self.arriving[self.oldest()].at);
                    self.channel = self.channel.max(now) + memory.line;
                    self.busy += memory.line;
                    now += transfer;
                    self.channel - memory.line + memory.latency
                }
            };
            if !hidden {
                self.arrives(event, arrives);
            }
            ready = ready.max(arrives);
        }
        (Delay { latency: ready - at, occupancy: now - at }, cause)
    }

    /// Where the line is noted that has been asked for the longest time ago.
    fn oldest(&self) -> usize {
        self.asked % self.arriving.len()
    }

    /// Notes a line that nobody foresaw.
    fn arrives(&mut self, event: &MemoryEvent, at: u64) {
        let cause = if event.level == Level::L2 { Cause::L2 } else { Cause::Memory };
        let oldest = self.oldest();
        self.arriving[oldest] = Arriving { number: event.line.unwrap_or(u64::MAX), at, cause };
        self.asked += 1;
    }
}

#[derive(Default)]
struct Delay {
    latency: u64,
    occupancy: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    const E32M4: VectorType = VectorType { lmul_log2: 2, sew: 32 };

    fn x60() -> Pipeline {
        Pipeline::new(&Core::named("spacemit-x60").unwrap())
    }

    fn fma(rd: u8, vector: u8, scalar: u8) -> Instruction {
        let (rd, vector) = (Register::v(rd), Register::v(vector));
        Instruction::new(Class::VectorFma, rd, &[Register::f(scalar), vector, rd])
    }

    fn load(rd: u8) -> Instruction {
        Instruction::new(Class::LoadUnit, Register::v(rd), &[Register::x(10)]).with_eew(32)
    }

    fn add(rd: u8, rs: u8) -> Instruction {
        Instruction::new(Class::ScalarAlu, Register::x(rd), &[Register::x(rs)])
    }

    fn cycles(pipeline: &mut Pipeline, instructions: &[Instruction]) -> u64 {
        let before = pipeline.cycles();
        for instruction in instructions {
            pipeline.issue(instruction, E32M4, &[]);
        }
        pipeline.cycles() - before
    }

    #[test]
    fn two_independent_instructions_issue_in_a_cycle() {
        assert_eq!(cycles(&mut x60(), &[add(5, 6), add(7, 8), add(9, 11), add(12, 13)]), 2);
        assert_eq!(cycles(&mut x60(), &[add(5, 6), add(5, 5), add(5, 5), add(5, 5)]), 4);
    }

    #[test]
    fn busy_units_and_operands_are_waited_for() {
        let mut pipeline = x60();
        // 4 cycles each of the vector unit; the last one issues at 8.
        assert_eq!(cycles(&mut pipeline, &[fma(0, 28, 0), fma(4, 28, 1), fma(8, 28, 2)]), 9);
        assert_eq!(pipeline.stalls()[Cause::Vector as usize], 6);
        let mut pipeline = x60();
        cycles(&mut pipeline, &[load(28), fma(0, 28, 0)]);
        assert_eq!(pipeline.cycles(), 1 + pipeline.core().timing(&load(28), E32M4).latency);
    }

    #[test]
    fn loads_overlap_arithmetic() {
        let apart = cycles(&mut x60(), &[fma(0, 24, 0), fma(4, 24, 1)]);
        assert_eq!(cycles(&mut x60(), &[fma(0, 24, 0), load(28), fma(4, 24, 1)]), apart);
    }

    #[test]
    fn every_cycle_has_a_cause() {
        let mut pipeline = x60();
        let miss = MemoryEvent { line: None, level: Level::Memory, store: false, prefetched: false };
        for step in 0..50 {
            let events: &[MemoryEvent] = if step % 7 == 0 { &[miss] } else { &[] };
            pipeline.issue(&load(28), E32M4, events);
            cycles(&mut pipeline, &[add(10, 10), fma(0, 28, 0), fma(4, 28, 1)]);
            assert_eq!(pipeline.stalls().iter().sum::<u64>(), pipeline.cycles());
        }
        let stalls = pipeline.stalls();
        assert!(stalls[Cause::Memory as usize] > 300 * 7, "{stalls:?}");
    }

    #[test]
    fn a_foreseen_line_costs_bandwidth_only() {
        let time = |prefetched| {
            let mut pipeline = x60();
            for _ in 0..100 {
                let event = MemoryEvent { line: None, level: Level::Memory, store: false, prefetched };
                pipeline.issue(&load(28), E32M4, &[event]);
                pipeline.issue(&fma(0, 28, 0), E32M4, &[]);
            }
            pipeline.cycles() / 100
        };
        let memory = x60().core().memory;
        assert!((memory.line..memory.line + 30).contains(&time(true)), "{}", time(true));
        assert!(time(false) > memory.latency);
    }

    #[test]
    fn on_the_generic_core_cycles_are_instructions() {
        let mut pipeline = Pipeline::new(&Core::named("generic").unwrap());
        assert_eq!(cycles(&mut pipeline, &[load(28), fma(0, 28, 0), fma(4, 28, 1), add(5, 6), add(5, 5)]), 5);
    }
}
