//! What one thread of the program does, which may be the tasks of several modelled ones, summed by region, layer,
//! function and modelled thread.

use std::collections::BTreeMap;

use ait_cores::{Core, Level, MemoryEvent, Threads, VectorType};

use crate::block::{Block, Role};
use crate::ledger::{Ledger, Sums};

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
    threads: Threads,
    /// One for each modelled thread, the first one of the program's own.
    ledgers: Vec<Ledger>,
    current: Option<Current>,
    /// Lines that the current block missed, and the positions of the instructions that did.
    events: Vec<MemoryEvent>,
    places: Vec<usize>,
}

impl Recorder {
    /// A recorder of nothing yet.
    pub fn new(core: &Core) -> Self {
        Self {
            core: core.clone(),
            region: 0,
            regions: BTreeMap::new(),
            threads: Threads::new(core),
            ledgers: vec![Ledger::default()],
            current: None,
            events: Vec::new(),
            places: Vec::new(),
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
            self.threads = Threads::new(&self.core);
            self.ledgers.iter_mut().for_each(Ledger::restart);
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
        self.retire();
        match block.role {
            Role::LayerBegin => self.close(None),
            Role::LayerEnd => self.close(u32::try_from(argument()).ok()),
            Role::ThreadsBegin => self.begin(block.symbol, argument()),
            Role::Thread => self.threads.switch(usize::try_from(argument()).unwrap_or(usize::MAX)),
            Role::ThreadsEnd => self.end(block.symbol),
            _ => {}
        }
        let (vl, vtype) = if block.is_vector { vector() } else { (0, VectorType::e32(1)) };
        let active = self.threads.active();
        if let (Some(ledger), Some(pipeline)) = (self.ledgers.get_mut(active), self.threads.pipeline(active))
        {
            ledger.count(block, vl, vtype.vlmax(self.core.vlen));
            ledger.enter_function(block.symbol, pipeline);
        }
        self.current = Some(Current { block, vtype });
    }

    /// The instruction at `place` of the current block accesses memory.
    #[inline]
    pub fn access(&mut self, place: usize, address: u64, bytes: u64, store: bool) {
        let ledger = self.ledgers.get_mut(self.threads.active());
        let Some(activity) = ledger.and_then(Ledger::activity) else { return };
        *(if store { &mut activity.bytes_written } else { &mut activity.bytes_read }) += bytes;
        let (events, places) = (&mut self.events, &mut self.places);
        self.threads.access(address, bytes, store, |event| {
            activity.l1_misses += u64::from(event.level != Level::L1);
            activity.l2_misses += u64::from(event.level == Level::Memory);
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
            self.threads.issue(instruction, vtype, &self.events[first..next]);
        }
        self.events.clear();
        self.places.clear();
    }

    /// The function `symbol` begins a loop of `threads` threads, and hands work to them.
    fn begin(&mut self, symbol: usize, threads: u64) {
        self.as_first(symbol);
        self.threads.begin(usize::try_from(threads).unwrap_or(usize::MAX));
        self.ledgers.resize_with(self.threads.count().max(self.ledgers.len()), Ledger::default);
        // The others had nothing to do until now.
        for (thread, ledger) in self.ledgers.iter_mut().enumerate().skip(1) {
            if let Some(pipeline) = self.threads.pipeline(thread) {
                ledger.forget(pipeline);
            }
        }
    }

    /// The function `symbol` waits for the threads of the loop.
    fn end(&mut self, symbol: usize) {
        self.settle();
        self.as_first(symbol);
        self.threads.end();
    }

    /// The first thread is in the function `symbol`.
    fn as_first(&mut self, symbol: usize) {
        if let (Some(ledger), Some(pipeline)) = (self.ledgers.first_mut(), self.threads.pipeline(0)) {
            ledger.enter_function(symbol, pipeline);
        }
    }

    fn settle(&mut self) {
        for (thread, ledger) in self.ledgers.iter_mut().enumerate() {
            if let Some(pipeline) = self.threads.pipeline(thread) {
                ledger.settle(pipeline);
            }
        }
    }

    /// Adds what was recorded since the last time to `layer` of the region.
    fn close(&mut self, layer: Option<u32>) {
        self.retire();
        self.settle();
        if self.region == 0 {
            return;
        }
        let sums = self.regions.entry(self.region).or_default();
        for (thread, ledger) in (0..).zip(&mut self.ledgers) {
            ledger.add_to(sums, layer, thread);
        }
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
            recorder.threads.pipeline(0).unwrap().cycles()
        };
        let sums = &recorder.finish()[&1];
        assert_eq!(
            sums.keys().copied().collect::<Vec<_>>(),
            [(None, 1, 0), (None, 3, 0), (Some(0), 0, 0), (Some(0), 2, 0), (Some(1), 0, 0), (Some(1), 2, 0)]
        );
        assert_eq!(sums[&(None, 3, 0)].retired(), 5);
        let kernel = &sums[&(Some(1), 2, 0)];
        assert_eq!(kernel.instructions[&Class::VectorFma], 20);
        assert_eq!((kernel.elements, kernel.lanes), (2 * 20 * 24, 2 * 20 * 32));
        assert_eq!((kernel.bytes_read, kernel.bytes_written), (20 * 96, 0));
        assert_eq!(sums.values().map(|measure| measure.cycles).sum::<u64>(), cycles);
        assert_eq!(sums.values().flat_map(|measure| measure.stalls.values()).sum::<u64>(), cycles);
        // 960 bytes, then 1920 from where they began: the second run finds the first 15 lines in level 1.
        assert_eq!(sums[&(Some(0), 2, 0)].l1_misses, 15);
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

    /// `tasks` runs of a kernel, shared by threads if there are several.
    fn shared(threads: u64, tasks: u64) -> Sums {
        let mut recorder = Recorder::new(&Core::named("spacemit-x60").unwrap());
        let mark = |id, name| block(id, id, name, &[0x8082]);
        let (begin, thread, end) =
            (mark(0, "ait_threads_begin"), mark(1, "ait_thread"), mark(2, "ait_threads_end"));
        let (kernel, layer) = (block(3, 3, "kernel", &LOOP), mark(4, "ait_layer_end"));
        recorder.enter(1);
        if threads > 1 {
            run(&mut recorder, begin, 1, threads);
        }
        for task in 0..tasks {
            if threads > 1 {
                run(&mut recorder, thread, 1, task % threads);
            }
            run(&mut recorder, kernel, 100, 0);
        }
        if threads > 1 {
            run(&mut recorder, end, 1, 0);
        }
        run(&mut recorder, layer, 1, 7);
        recorder.finish().get(&1).unwrap().clone()
    }

    #[test]
    fn modelled_threads_run_side_by_side() {
        let (one, four) = (shared(1, 8), shared(4, 8));
        let kernel = |sums: &Sums, thread| sums[&(Some(7), 3, thread)].clone();
        let all = kernel(&one, 0);
        for thread in 0..4 {
            assert_eq!(kernel(&four, thread).retired() * 4, all.retired());
            assert!(kernel(&four, thread).cycles * 4 >= all.cycles - 200, "{thread}");
        }
        let of = |sums: &Sums, thread| -> u64 {
            let own = sums.iter().filter(|((.., of), _)| *of == thread);
            own.map(|(_, measure)| measure.cycles).sum()
        };
        // The first one waits for the others.
        assert!((1..4).all(|thread| of(&four, thread) < of(&four, 0)));
        assert!(of(&four, 0) * 4 > of(&one, 0) && of(&four, 0) * 2 < of(&one, 0));
        assert!(four[&(Some(7), 2, 0)].stalls[&ait_cores::Cause::Threads] > 0);
        assert_eq!(shared(4, 8), four);
    }
}
