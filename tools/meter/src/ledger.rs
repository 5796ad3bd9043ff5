//! What one thread did since its sums were taken, by block and function.

use std::collections::BTreeMap;

use ait_cores::{Cause, Measure, Pipeline, Stalls};

use crate::block::Block;

/// How often a block ran, and on how many elements.
#[derive(Debug, Clone, Copy, Default)]
struct Executions {
    count: u64,
    /// Sum of `vl`, and of VLMAX.
    elements: u64,
    lanes: u64,
}

/// What a function did besides executing blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Activity {
    cycles: u64,
    stalls: Stalls,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub l1_misses: u64,
    pub l2_misses: u64,
}

/// The ledger of one thread.
#[derive(Default)]
pub struct Ledger {
    /// By block; `ran` has those that are not zero.
    executions: Vec<Executions>,
    ran: Vec<&'static Block>,
    /// By function.
    activities: Vec<Activity>,
    /// The function that runs, and the pipeline's cycles when it began to.
    symbol: usize,
    since: (u64, Stalls),
}

impl Ledger {
    /// `block` runs with this `vl`, of so many elements at most.
    #[inline]
    pub fn count(&mut self, block: &'static Block, vl: u64, vlmax: u64) {
        if block.id >= self.executions.len() {
            self.executions.resize(block.id + 1, Executions::default());
        }
        let executions = &mut self.executions[block.id];
        if executions.count == 0 {
            self.ran.push(block);
        }
        executions.count += 1;
        if block.vector > 0 {
            executions.elements += vl;
            executions.lanes += vlmax;
        }
    }

    /// The function `next` runs from now on, unless it does already.
    #[inline]
    pub fn enter_function(&mut self, next: usize, pipeline: &Pipeline) {
        if next != self.symbol || self.activities.len() <= next {
            self.leave_function(next, pipeline);
        }
    }

    /// Gives the cycles since the last change of function to the one that ran, and goes on to `next`.
    fn leave_function(&mut self, next: usize, pipeline: &Pipeline) {
        let now = (pipeline.cycles(), pipeline.stalls());
        if let Some(activity) = self.activities.get_mut(self.symbol) {
            activity.cycles += now.0 - self.since.0;
            for (sum, (now, before)) in activity.stalls.iter_mut().zip(now.1.iter().zip(&self.since.1)) {
                *sum += now - before;
            }
        }
        if next >= self.activities.len() {
            self.activities.resize(next + 1, Activity::default());
        }
        (self.symbol, self.since) = (next, now);
    }

    /// Gives the cycles so far to the function that runs.
    pub fn settle(&mut self, pipeline: &Pipeline) {
        self.leave_function(self.symbol, pipeline);
    }

    /// What the pipeline did so far is nobody's.
    pub fn forget(&mut self, pipeline: &Pipeline) {
        self.since = (pipeline.cycles(), pipeline.stalls());
    }

    /// The function that runs.
    #[inline]
    pub fn activity(&mut self) -> Option<&mut Activity> {
        self.activities.get_mut(self.symbol)
    }

    /// Adds everything to the sums of each function and begins anew.
    pub fn add_to(&mut self, sums: &mut Sums, layer: Option<u32>, thread: u32) {
        for block in self.ran.drain(..) {
            let Executions { count, elements, lanes } = std::mem::take(&mut self.executions[block.id]);
            let measure = sums.entry((layer, block.symbol, thread)).or_default();
            for &(class, each) in &block.classes {
                *measure.instructions.entry(class).or_default() += each * count;
            }
            measure.elements += elements * block.vector;
            measure.lanes += lanes * block.vector;
            // Once for each function: the next of its blocks finds nothing left.
            std::mem::take(&mut self.activities[block.symbol]).add_to(measure);
        }
    }

    /// Begins anew at cycle 0.
    pub fn restart(&mut self) {
        self.ran.drain(..).for_each(|block| self.executions[block.id] = Executions::default());
        self.activities.fill(Activity::default());
        self.since = (0, Stalls::default());
    }
}

impl Activity {
    fn add_to(self, measure: &mut Measure) {
        measure.cycles += self.cycles;
        for (cause, cycles) in Cause::ALL.into_iter().zip(self.stalls).filter(|(_, cycles)| *cycles > 0) {
            *measure.stalls.entry(cause).or_default() += cycles;
        }
        measure.bytes_read += self.bytes_read;
        measure.bytes_written += self.bytes_written;
        measure.l1_misses += self.l1_misses;
        measure.l2_misses += self.l2_misses;
    }
}

/// Sums by layer, the position of the function, and the thread.
pub type Sums = BTreeMap<(Option<u32>, usize, u32), Measure>;
