//! Threads on cores that share a level-2 cache and the channel to memory.
//!
//! Whoever feeds the model runs them one after another; each has a time of its own here. The model of a parallel loop:
//! all threads begin when they have got the work, each runs its tasks on its own pipeline and level-1 cache, and the loop
//! ends when the last one has handed its end over, but not before the channel could transfer the lines of all.

use crate::{Caches, Cause, Class, Core, Instruction, MemoryEvent, Pipeline, Register, VectorType};

/// Lines that go from the first thread to another one before that can begin: the command, and what is to be done.
const HANDED_AT_BEGIN: u64 = 2;

/// The pipelines and caches of threads; the first one is there at once, and is the only one outside of loops.
#[derive(Debug, Clone)]
pub struct Threads {
    core: Core,
    pipelines: Vec<Pipeline>,
    caches: Caches,
    active: usize,
    /// The parallel loop that is running.
    open: Option<Loop>,
}

#[derive(Debug, Clone, Copy)]
struct Loop {
    threads: usize,
    /// When the first thread came to it.
    begin: u64,
    /// How long the channel to memory had been busy for all of them.
    busy: u64,
}

impl Threads {
    /// One idle thread and empty caches.
    pub fn new(core: &Core) -> Self {
        Self {
            core: core.clone(),
            pipelines: vec![Pipeline::new(core)],
            caches: Caches::new(core),
            active: 0,
            open: None,
        }
    }

    /// The thread that runs.
    pub fn active(&self) -> usize {
        self.active
    }

    /// How many threads there have been.
    pub fn count(&self) -> usize {
        self.pipelines.len()
    }

    /// The pipeline of a thread, if there has been such a one.
    pub fn pipeline(&self, thread: usize) -> Option<&Pipeline> {
        self.pipelines.get(thread)
    }

    /// The active thread issues `instruction`; see [`Pipeline::issue`].
    #[inline]
    pub fn issue(&mut self, instruction: &Instruction, vtype: VectorType, events: &[MemoryEvent]) {
        if let Some(pipeline) = self.pipelines.get_mut(self.active) {
            pipeline.issue(instruction, vtype, events);
        }
    }

    /// An access of the active thread; see [`Caches::access`].
    #[inline]
    pub fn access(&mut self, address: u64, bytes: u64, store: bool, event: impl FnMut(MemoryEvent)) {
        self.caches.access(address, bytes, store, event);
    }

    /// The first thread begins a loop that `threads` share, at most as many as the core has neighbours.
    pub fn begin(&mut self, threads: usize) {
        let threads = threads.clamp(1, self.core.cores as usize);
        let begin = self.elapsed();
        let missing = threads.saturating_sub(self.pipelines.len());
        self.pipelines.extend(std::iter::repeat_with(|| Pipeline::new(&self.core)).take(missing));
        let handed = begin + HANDED_AT_BEGIN * hand_over(&self.core);
        for pipeline in self.pipelines.iter_mut().take(threads) {
            pipeline.wait(handed, Cause::Threads);
        }
        self.open = Some(Loop { threads, begin, busy: self.busy() });
    }

    /// A task of `thread` begins.
    pub fn switch(&mut self, thread: usize) {
        if let Some(Loop { threads, .. }) = self.open {
            self.active = thread.min(threads - 1);
            self.caches.switch(self.active);
        }
    }

    /// The loop is over: the first thread goes on when the last one has ended.
    pub fn end(&mut self) {
        let Some(Loop { threads, begin, busy }) = self.open.take() else { return };
        self.switch_back();
        let last = self.pipelines.iter().take(threads).map(Pipeline::idle_at).max().unwrap_or(0);
        // Each counts down one number, whose line goes from thread to thread and at last to the first one.
        let end = last + threads as u64 * hand_over(&self.core);
        let transferred = begin + (self.busy() - busy);
        if let Some(first) = self.pipelines.first_mut() {
            first.wait(end, Cause::Threads);
            first.wait(transferred, Cause::Memory);
        }
    }

    fn switch_back(&mut self) {
        self.active = 0;
        self.caches.switch(0);
    }

    fn elapsed(&self) -> u64 {
        self.pipelines.first().map_or(0, Pipeline::cycles)
    }

    fn busy(&self) -> u64 {
        self.pipelines.iter().map(Pipeline::channel_busy).sum()
    }
}

/// Cycles in which a line that one thread has written comes to another one: a load that finds it in level 2. No level 2,
/// no time.
fn hand_over(core: &Core) -> u64 {
    let load = Instruction::new(Class::ScalarLoad, Register::x(10), &[]);
    core.l2.map_or(0, |_| core.memory.l2_latency + core.timing(&load, VectorType::e32(1)).latency)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: u64 = 120;

    fn fma() -> Instruction {
        Instruction::new(Class::VectorFma, Register::v(0), &[Register::f(0), Register::v(8)])
    }

    /// Cycles of a loop of tasks that compute, and read `lines` lines each of their own.
    fn time(threads: usize, tasks: u64, lines: u64) -> u64 {
        let core = Core::named("spacemit-x60").unwrap();
        let mut all = Threads::new(&core);
        let load = Instruction::new(Class::LoadUnit, Register::v(8), &[Register::x(10)]).with_eew(32);
        if threads > 1 {
            all.begin(threads);
        }
        for task in 0..tasks {
            if threads > 1 {
                all.switch(task as usize % threads);
            }
            for line in 0..lines {
                let mut events = Vec::new();
                all.access((task * lines + line) * 64, 64, false, |event| events.push(event));
                all.issue(&load, VectorType::e32(2), &events);
            }
            (0..100).for_each(|_| all.issue(&fma(), VectorType::e32(4), &[]));
        }
        all.end();
        all.elapsed()
    }

    #[test]
    fn work_is_divided_and_handing_over_costs() {
        let one = time(1, TASKS, 0);
        let handed = |threads: u64| (threads + 2) * 40;
        for threads in [2, 3, 4] {
            let spread = time(threads, TASKS, 0) - handed(threads as u64);
            assert!(
                spread >= one / threads as u64 && spread <= one / threads as u64 + 8,
                "{threads}: {spread} of {one}"
            );
        }
        // A single task is nobody else's.
        let alone = time(4, 1, 0) - time(1, 1, 0) - handed(4);
        assert!(alone <= 4, "{alone}");
    }

    #[test]
    fn the_channel_to_memory_is_shared() {
        let (one, four) = (time(1, TASKS, 64), time(4, TASKS, 64));
        let line = Core::named("spacemit-x60").unwrap().memory.line;
        assert!(one > TASKS * 64 * line);
        assert!(four >= TASKS * 64 * line, "{four}");
        assert!(four < one);
    }

    /// Where a thread found a line, if that was not in level 1 (where it may still be on its way).
    fn levels(all: &mut Threads, thread: usize, store: bool) -> Vec<crate::Level> {
        let mut levels = Vec::new();
        all.switch(thread);
        all.access(0x1000, 4, store, |event| levels.push(event.level));
        levels.retain(|level| *level != crate::Level::L1);
        levels
    }

    #[test]
    fn what_another_thread_wrote_is_in_level_2() {
        let core = Core::named("spacemit-x60").unwrap();
        let mut all = Threads::new(&core);
        // Nothing is open: it is all the first thread.
        assert_eq!(levels(&mut all, 1, true), [crate::Level::Memory]);
        assert_eq!(levels(&mut all, 0, false), []);
        all.begin(2);
        assert_eq!(levels(&mut all, 1, false), [crate::Level::L2]);
        assert_eq!(levels(&mut all, 1, true), []);
        // It was taken away from the first one.
        assert_eq!(levels(&mut all, 0, false), [crate::Level::L2]);
        assert_eq!(levels(&mut all, 1, false), []);
    }

    #[test]
    fn time_without_caches_is_that_of_the_busiest() {
        let core = Core::named("generic").unwrap();
        let mut all = Threads::new(&core);
        all.begin(4);
        for task in 0..5 {
            all.switch(task % 4);
            (0..10).for_each(|_| all.issue(&fma(), VectorType::e32(1), &[]));
        }
        all.end();
        assert_eq!(all.elapsed(), 20);
    }
}
