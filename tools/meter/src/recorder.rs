//! What one thread of the program does, summed by region, layer and function.

use std::collections::BTreeMap;

use ait_cores::{Caches, Cause, Core, Measure, MemoryEvent, Pipeline, Stalls, VectorType};

use crate::block::{Block, Role};

/// Sums by layer and the position of the function.
pub type Sums = BTreeMap<(Option<u32>, usize), Measure>;

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
struct Activity {
    cycles: u64,
    stalls: Stalls,
    bytes_read: u64,
    bytes_written: u64,
    l1_misses: u64,
    l2_misses: u64,
}

/// A block that is being executed.
#[derive(Debug, Clone, Copy)]
struct Current {
    block: &'static Block,
    vtype: VectorType,
}

/// The measurement of one thread.
pub struct Recorder {
    core: Core,
    /// The region that is being recorded; they are numbered from 1, and 0 is none.
    region: u32,
    regions: BTreeMap<u32, Sums>,
    pipeline: Pipeline,
    caches: Caches,
    current: Option<Current>,
    /// Lines that the current block missed, and the positions of the instructions that did.
    events: Vec<MemoryEvent>,
    places: Vec<usize>,
    /// By block, since the last change of layer or region; `ran` has those that are not zero.
    executions: Vec<Executions>,
    ran: Vec<&'static Block>,
    /// By function, likewise.
    activities: Vec<Activity>,
    /// The function that runs, and the pipeline's cycles when it began to.
    symbol: usize,
    since: (u64, Stalls),
}

impl Recorder {
    /// A recorder of nothing yet.
    pub fn new(core: &Core) -> Self {
        Self {
            core: core.clone(),
            region: 0,
            regions: BTreeMap::new(),
            pipeline: Pipeline::new(core),
            caches: Caches::new(core),
            current: None,
            events: Vec::new(),
            places: Vec::new(),
            executions: Vec::new(),
            ran: Vec::new(),
            activities: Vec::new(),
            symbol: 0,
            since: (0, Stalls::default()),
        }
    }

    /// Goes to `region`, which other threads may have begun or (0) ended.
    pub fn enter(&mut self, region: u32) {
        if region == self.region {
            return;
        }
        self.close(None);
        self.region = region;
        if region != 0 {
            (self.pipeline, self.caches) = (Pipeline::new(&self.core), Caches::new(&self.core));
            self.since = (0, Stalls::default());
        }
    }

    /// Whether what happens now counts.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.region != 0
    }

    /// `block` begins. `vector` gives `vl` and the vector type, `argument` the second argument of the function; both are
    /// asked for only when they matter.
    #[inline]
    pub fn execute(
        &mut self,
        block: &'static Block,
        vector: impl FnOnce() -> (u64, VectorType),
        argument: impl FnOnce() -> u64,
    ) {
        match block.role {
            Role::LayerBegin => self.close(None),
            Role::LayerEnd => self.close(u32::try_from(argument()).ok()),
            _ => self.retire(),
        }
        let (vl, vtype) = if block.is_vector { vector() } else { (0, VectorType::e32(1)) };
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
            executions.lanes += vtype.vlmax(self.core.vlen);
        }
        if block.symbol != self.symbol || self.activities.len() <= block.symbol {
            self.leave_function(block.symbol);
        }
        self.current = Some(Current { block, vtype });
    }

    /// The instruction at `place` of the current block accesses memory.
    #[inline]
    pub fn access(&mut self, place: usize, address: u64, bytes: u64, store: bool) {
        let Some(activity) = self.activities.get_mut(self.symbol) else { return };
        *(if store { &mut activity.bytes_written } else { &mut activity.bytes_read }) += bytes;
        let (events, places) = (&mut self.events, &mut self.places);
        self.caches.access(address, bytes, store, |event| {
            activity.l1_misses += 1;
            activity.l2_misses += u64::from(event.level == ait_cores::Level::Memory);
            events.push(event);
            places.push(place);
        });
    }

    /// Ends the region that is being recorded and gives the sums of all.
    pub fn finish(&mut self) -> &BTreeMap<u32, Sums> {
        self.enter(0);
        &self.regions
    }

    /// Issues the current block's instructions.
    fn retire(&mut self) {
        let Some(Current { block, vtype }) = self.current.take() else { return };
        let mut next = 0;
        for (place, instruction) in block.instructions.iter().enumerate() {
            let first = next;
            while self.places.get(next) == Some(&place) {
                next += 1;
            }
            self.pipeline.issue(instruction, vtype, &self.events[first..next]);
        }
        self.events.clear();
        self.places.clear();
    }

    /// Gives the cycles since the last change of function to the one that ran, and goes on to `next`.
    fn leave_function(&mut self, next: usize) {
        let now = (self.pipeline.cycles(), self.pipeline.stalls());
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

    /// Adds what was recorded since the last time to `layer` of the region.
    fn close(&mut self, layer: Option<u32>) {
        self.retire();
        self.leave_function(self.symbol);
        if self.region == 0 {
            return;
        }
        let sums = self.regions.entry(self.region).or_default();
        for block in self.ran.drain(..) {
            let Executions { count, elements, lanes } = std::mem::take(&mut self.executions[block.id]);
            let measure = sums.entry((layer, block.symbol)).or_default();
            for &(class, each) in &block.classes {
                *measure.instructions.entry(class).or_default() += each * count;
            }
            measure.elements += elements * block.vector;
            measure.lanes += lanes * block.vector;
            // Once for each function: the next of its blocks finds nothing left.
            std::mem::take(&mut self.activities[block.symbol]).add_to(measure);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use ait_cores::Class;

    /// vle32.v v8, (a0); vfmacc.vf v16, fa0, v8; bnez a0
    const LOOP: [u32; 3] = [0x0205_6407, 0xb285_5857, 0x0005_1063];

    fn block(id: usize, symbol: usize, name: &str, code: &[u32]) -> &'static Block {
        Box::leak(Box::new(Block::new(id, symbol, name, true, code)))
    }

    fn run(recorder: &mut Recorder, block: &'static Block, times: u64, layer: u64) {
        for time in 0..times {
            recorder.execute(block, || (24, VectorType::e32(4)), || layer);
            if block.vector > 0 {
                recorder.access(0, 0x1000 + 96 * time, 96, false);
            }
        }
    }

    #[test]
    fn functions_and_layers_are_told_apart() {
        let mut recorder = Recorder::new(&Core::named("spacemit-x60").unwrap());
        let (begin, end) =
            (block(0, 0, "ait_layer_begin", &[0x8082]), block(1, 1, "ait_layer_end", &[0x8082]));
        let (kernel, other) = (block(2, 2, "kernel", &LOOP), block(3, 3, "other", &[0x952e]));
        recorder.enter(1);
        assert!(recorder.is_recording());
        run(&mut recorder, other, 3, 0);
        for (layer, times) in [(0, 10), (1, 20)] {
            run(&mut recorder, begin, 1, 0);
            run(&mut recorder, kernel, times, 0);
            run(&mut recorder, end, 1, layer);
        }
        run(&mut recorder, other, 2, 0);
        let cycles = {
            recorder.retire();
            recorder.pipeline.cycles()
        };
        let sums = &recorder.finish()[&1];
        assert_eq!(
            sums.keys().copied().collect::<Vec<_>>(),
            [(None, 1), (None, 3), (Some(0), 0), (Some(0), 2), (Some(1), 0), (Some(1), 2)]
        );
        assert_eq!(sums[&(None, 3)].retired(), 5);
        let kernel = &sums[&(Some(1), 2)];
        assert_eq!(kernel.instructions[&Class::VectorFma], 20);
        assert_eq!((kernel.elements, kernel.lanes), (2 * 20 * 24, 2 * 20 * 32));
        assert_eq!((kernel.bytes_read, kernel.bytes_written), (20 * 96, 0));
        assert_eq!(sums.values().map(|measure| measure.cycles).sum::<u64>(), cycles);
        assert_eq!(sums.values().flat_map(|measure| measure.stalls.values()).sum::<u64>(), cycles);
        // 960 bytes, then 1920 from where they began: the second run finds the first 15 lines in level 1.
        assert_eq!(sums[&(Some(0), 2)].l1_misses, 15);
        assert_eq!(kernel.l1_misses, 15);
    }

    #[test]
    fn regions_begin_afresh() {
        let mut recorder = Recorder::new(&Core::named("spacemit-x60").unwrap());
        let kernel = block(0, 0, "kernel", &LOOP);
        for region in 1..=2 {
            recorder.enter(region);
            run(&mut recorder, kernel, 50, 0);
            recorder.enter(0);
        }
        let regions = recorder.finish();
        assert_eq!(regions.len(), 2);
        assert_eq!(regions[&1], regions[&2]);
    }
}
