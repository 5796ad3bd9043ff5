//! Two levels of data cache, write-back and write-allocate, with least-recently-used replacement.

use std::collections::VecDeque;

use crate::Core;
use crate::core::{Cache, Prefetch};

/// An access that missed in level 1, or that found a line there which may still be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEvent {
    /// Its number; none if nobody asks for it again.
    pub line: Option<u64>,
    /// Where the line was.
    pub level: Level,
    /// Whether it was a store.
    pub store: bool,
    /// Whether the prefetcher had foreseen it.
    pub prefetched: bool,
}

/// Where a line was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// In the level-1 cache, brought there by one of the last misses.
    L1,
    /// In the level-2 cache.
    L2,
    /// In memory.
    Memory,
}

/// Misses whose lines may still be on their way.
const YOUNG: usize = 32;

/// The data caches of cores that share level 2.
#[derive(Debug, Clone)]
pub struct Caches {
    /// log2 of the bytes of a line.
    shift: u32,
    geometry: Option<Cache>,
    /// The core that accesses now, and all that have.
    active: usize,
    cores: Vec<Private>,
    l2: Option<Ways>,
    prefetch: Prefetch,
}

/// What a core has to itself.
#[derive(Debug, Clone)]
struct Private {
    l1: Option<Ways>,
    /// Lines that missed last, the newest first.
    missed: VecDeque<u64>,
    /// The last [`YOUNG`] of them in a ring, and where the next one goes.
    young: [u64; YOUNG],
    next: usize,
    /// The line accessed last, and whether it was written: most accesses are to it again.
    last: Option<(u64, bool)>,
}

impl Caches {
    /// Empty caches; one core accesses.
    pub fn new(core: &Core) -> Self {
        Self {
            shift: core.l1.map_or(6, |l1| l1.line.trailing_zeros()),
            geometry: core.l1,
            active: 0,
            cores: vec![Private::new(core.l1)],
            l2: core.l2.map(Ways::new),
            prefetch: core.memory.prefetch,
        }
    }

    /// Another core accesses from now on.
    pub fn switch(&mut self, core: usize) {
        while self.cores.len() <= core {
            self.cores.push(Private::new(self.geometry));
        }
        self.active = core;
    }

    /// An access of `bytes` bytes (at least one) at `address`: calls `event` for each line that was not in level 1, or not
    /// for long.
    #[inline]
    pub fn access(&mut self, address: u64, bytes: u64, store: bool, mut event: impl FnMut(MemoryEvent)) {
        let first = address >> self.shift;
        let last = address.saturating_add(bytes.saturating_sub(1)) >> self.shift;
        for line in first..=last {
            if let Some((known, written)) = self.cores[self.active].last
                && known == line
                && (written || !store)
            {
                continue;
            }
            if let Some(missed) = self.line(line, store) {
                event(missed);
            }
        }
    }

    fn line(&mut self, line: u64, store: bool) -> Option<MemoryEvent> {
        let own = &mut self.cores[self.active];
        let outcome = own.l1.as_mut()?.access(line, store);
        let is_young = own.young.contains(&line);
        // What is young is looked for again.
        let is_known = matches!(outcome, Outcome::Hit { .. }) && !is_young;
        own.last = is_known.then_some((line, store));
        if let Outcome::Miss { .. } = outcome {
            own.young[own.next] = line;
            own.next = (own.next + 1) % YOUNG;
        }
        if self.cores.len() > 1 {
            self.notify(line, store, &outcome);
        }
        let Outcome::Miss { written_back } = outcome else {
            let young = MemoryEvent { line: Some(line), level: Level::L1, store, prefetched: false };
            return (is_young && !store).then_some(young);
        };
        let level = match &mut self.l2 {
            None => Level::Memory,
            Some(l2) => {
                if let Some(victim) = written_back {
                    l2.access(victim, true);
                }
                match l2.access(line, false) {
                    Outcome::Hit { .. } => Level::L2,
                    Outcome::Miss { .. } => Level::Memory,
                }
            }
        };
        Some(MemoryEvent { line: Some(line), level, store, prefetched: self.foreseen(line) })
    }

    /// A line that one core writes is in no other level 1; what others wrote is in level 2 before a core reads it.
    fn notify(&mut self, line: u64, store: bool, outcome: &Outcome) {
        let known = matches!(outcome, Outcome::Hit { written } if *written || !store);
        if known {
            return;
        }
        let active = self.active;
        let others = self.cores.iter_mut().enumerate().filter(|(core, _)| *core != active);
        for (_, Private { l1, last, .. }) in others {
            if l1.as_mut().is_some_and(|l1| l1.give(line, store))
                && let Some(l2) = &mut self.l2
            {
                l2.access(line, true);
            }
            if last.is_some_and(|(known, _)| known == line) {
                *last = None;
            }
        }
    }

    /// Whether the prefetcher fetched `line`, which has missed and is remembered.
    fn foreseen(&mut self, line: u64) -> bool {
        let (reach, missed) = (self.prefetch.reach, &mut self.cores[self.active].missed);
        let foreseen = missed.iter().any(|&before| before < line && line - before <= reach);
        missed.push_front(line);
        missed.truncate(self.prefetch.streams as usize);
        foreseen
    }
}

impl Private {
    fn new(l1: Option<Cache>) -> Self {
        Self { l1: l1.map(Ways::new), missed: VecDeque::new(), young: [u64::MAX; YOUNG], next: 0, last: None }
    }
}

enum Outcome {
    Hit {
        /// Whether it had been written before.
        written: bool,
    },
    Miss {
        /// The line that had to make room, if it had been written.
        written_back: Option<u64>,
    },
}

/// A set-associative cache: of each set the lines in use, the latest first.
#[derive(Debug, Clone)]
struct Ways {
    ways: usize,
    mask: u64,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    number: u64,
    written: bool,
}

/// No address has this line number: lines have at least 8 bytes.
const EMPTY: Line = Line { number: u64::MAX, written: false };

impl Ways {
    fn new(Cache { size, ways, line }: Cache) -> Self {
        let lines = (size / line) as usize;
        let ways = ways as usize;
        Self { ways, mask: (lines / ways - 1) as u64, lines: vec![EMPTY; lines] }
    }

    fn access(&mut self, number: u64, store: bool) -> Outcome {
        let start = (number & self.mask) as usize * self.ways;
        let set = &mut self.lines[start..start + self.ways];
        let hit = set.iter().position(|line| line.number == number);
        let oldest = set.len() - 1;
        let victim = set[hit.unwrap_or(oldest)];
        set.copy_within(0..hit.unwrap_or(oldest), 1);
        set[0] = Line { number, written: store || (hit.is_some() && victim.written) };
        match hit {
            Some(_) => Outcome::Hit { written: victim.written },
            None => Outcome::Miss { written_back: victim.written.then_some(victim.number) },
        }
    }

    /// Another core reads the line `number`, or (`away`) writes it; whether it had been written here.
    fn give(&mut self, number: u64, away: bool) -> bool {
        let start = (number & self.mask) as usize * self.ways;
        let set = &mut self.lines[start..start + self.ways];
        let Some(place) = set.iter().position(|line| line.number == number) else { return false };
        let written = std::mem::take(&mut set[place].written);
        if away {
            set[place..].rotate_left(1);
            set[self.ways - 1] = EMPTY;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(caches: &mut Caches, address: u64, bytes: u64, store: bool) -> Vec<MemoryEvent> {
        let mut events = Vec::new();
        caches.access(address, bytes, store, |event| events.push(event));
        events
    }

    fn x60() -> Caches {
        Caches::new(&Core::named("spacemit-x60").unwrap())
    }

    #[test]
    fn levels_are_found_in_turn() {
        let mut caches = x60();
        let [event] = misses(&mut caches, 0x1000, 4, false)[..] else { panic!("one miss") };
        assert_eq!((event.level, event.prefetched), (Level::Memory, false));
        // It may still be on its way, until it has been there for many misses.
        let [young] = misses(&mut caches, 0x103c, 4, false)[..] else { panic!("a young line") };
        assert_eq!((young.line, young.level), (event.line, Level::L1));
        (0..32).for_each(|line| drop(misses(&mut caches, 0x10_0000 + 64 * line, 4, true)));
        assert!(misses(&mut caches, 0x103c, 4, false).is_empty());
        // 32 KiB in 4 ways: five lines 8 KiB apart do not fit, and level 2 has them.
        for way in 1..=4 {
            misses(&mut caches, 0x1000 + way * 0x2000, 4, false);
        }
        let [event] = misses(&mut caches, 0x1000, 4, false)[..] else { panic!("one miss") };
        assert_eq!(event.level, Level::L2);
    }

    #[test]
    fn streams_are_foreseen_and_straddling_touches_two_lines() {
        let mut caches = x60();
        let events: Vec<_> = (0..4).flat_map(|line| misses(&mut caches, line * 64, 64, false)).collect();
        assert_eq!(
            events.iter().map(|event| event.prefetched).collect::<Vec<_>>(),
            [false, true, true, true]
        );
        assert_eq!(misses(&mut caches, 0x8003e, 4, true).len(), 2);
    }

    #[test]
    fn the_least_recently_used_line_leaves() {
        let mut ways = Ways::new(Cache { size: 256, ways: 4, line: 64 });
        let mut hit = |number| matches!(ways.access(number, false), Outcome::Hit { .. });
        assert_eq!([0, 1, 2, 3, 0, 4].map(&mut hit), [false, false, false, false, true, false]);
        assert_eq!([0, 1].map(&mut hit), [true, false]);
    }

    #[test]
    fn written_lines_are_written_back() {
        let mut ways = Ways::new(Cache { size: 64, ways: 1, line: 64 });
        assert!(matches!(ways.access(1, true), Outcome::Miss { written_back: None }));
        assert!(matches!(ways.access(1, false), Outcome::Hit { written: true }));
        assert!(matches!(ways.access(2, false), Outcome::Miss { written_back: Some(1) }));
        assert!(matches!(ways.access(3, false), Outcome::Miss { written_back: None }));
    }

    #[test]
    fn a_core_without_caches_never_misses() {
        let mut caches = Caches::new(&Core::named("generic").unwrap());
        assert!(misses(&mut caches, 0, 1 << 20, true).is_empty());
    }
}
