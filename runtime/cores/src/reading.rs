//! What the meter reports: sums by layer, function and thread. The plugin writes it as JSON, the host reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cause, Class};

/// What a metered program did, as the plugin hands it over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One for each region, in the order of time.
    pub readings: Vec<Reading>,
    /// Whether the last region was still open when the program ended.
    pub open: bool,
}

/// What ran between the marks of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// By layer, function and thread, in this order.
    pub entries: Vec<Entry>,
}

/// What one thread did in one function in one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number that the program gave to `ait_layer_end`; none outside of layers and on threads of a pool.
    pub layer: Option<u32>,
    /// The function; `?` where the program has no symbols.
    pub symbol: String,
    /// Threads are numbered in the order of their start, modelled ones as the program does; the first is 0.
    pub thread: u32,
    /// What it did.
    pub measure: Measure,
}

/// Sums over a stretch of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Model cycles.
    pub cycles: u64,
    /// The same by cause.
    pub stalls: BTreeMap<Cause, u64>,
    /// Executed instructions by class.
    pub instructions: BTreeMap<Class, u64>,
    /// Elements that vector instructions worked on: the sum of `vl`.
    pub elements: u64,
    /// Elements that they could have worked on: the sum of VLMAX.
    pub lanes: u64,
    /// Bytes loaded.
    pub bytes_read: u64,
    /// Bytes stored.
    pub bytes_written: u64,
    /// Lines that were not in level 1.
    pub l1_misses: u64,
    /// Of these, lines that were not in level 2 either.
    pub l2_misses: u64,
}

impl Measure {
    /// Executed instructions.
    pub fn retired(&self) -> u64 {
        self.instructions.values().sum()
    }

    /// Share of vector lanes in use, 0 to 1; `None` without vector instructions.
    pub fn lane_utilisation(&self) -> Option<f64> {
        (self.lanes > 0).then(|| self.elements as f64 / self.lanes as f64)
    }

    /// Adds `other`, which ran after it.
    pub fn add(&mut self, other: &Self) {
        self.cycles += other.cycles;
        for (&cause, cycles) in &other.stalls {
            *self.stalls.entry(cause).or_default() += cycles;
        }
        for (&class, count) in &other.instructions {
            *self.instructions.entry(class).or_default() += count;
        }
        self.elements += other.elements;
        self.lanes += other.lanes;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        self.l1_misses += other.l1_misses;
        self.l2_misses += other.l2_misses;
    }
}

impl Reading {
    /// Everything. Here and in the other sums cycles and their causes are those of the thread that has most of them,
    /// since threads run side by side; all else is that of all threads.
    pub fn total(&self) -> Measure {
        self.group(|_| Some(())).remove(&()).unwrap_or_default()
    }

    /// By function, all layers together.
    pub fn by_symbol(&self) -> BTreeMap<&str, Measure> {
        self.group(|entry| Some(entry.symbol.as_str()))
    }

    /// By layer, all functions together; what is in no layer is left out.
    pub fn by_layer(&self) -> BTreeMap<u32, Measure> {
        self.group(|entry| entry.layer)
    }

    fn group<'a, K: Ord>(&'a self, key: impl Fn(&'a Entry) -> Option<K>) -> BTreeMap<K, Measure> {
        let busiest = self.busiest();
        let mut groups: BTreeMap<K, Measure> = BTreeMap::new();
        for entry in &self.entries {
            let Some(key) = key(entry) else { continue };
            let group = groups.entry(key).or_default();
            if entry.thread == busiest {
                group.add(&entry.measure);
            } else {
                group.add(&Measure { cycles: 0, stalls: BTreeMap::new(), ..entry.measure.clone() });
            }
        }
        groups
    }

    /// The thread that has most cycles, the first of equal ones.
    fn busiest(&self) -> u32 {
        let mut cycles: BTreeMap<u32, u64> = BTreeMap::new();
        for entry in &self.entries {
            *cycles.entry(entry.thread).or_default() += entry.measure.cycles;
        }
        cycles.into_iter().rev().max_by_key(|(_, cycles)| *cycles).map_or(0, |(thread, _)| thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(layer: Option<u32>, symbol: &str, thread: u32, cycles: u64) -> Entry {
        let instructions = [(Class::VectorFma, cycles / 2)].into();
        let measure = Measure { cycles, instructions, elements: 6, lanes: 8, ..Measure::default() };
        Entry { layer, symbol: symbol.to_owned(), thread, measure }
    }

    #[test]
    fn sums() {
        let reading = Reading {
            entries: vec![
                entry(None, "main", 0, 10),
                entry(Some(3), "gemm", 0, 20),
                entry(None, "gemm", 1, 28),
            ],
        };
        assert_eq!(reading.total().cycles, 30);
        assert_eq!(reading.total().retired(), 29);
        assert_eq!(reading.total().lane_utilisation(), Some(0.75));
        assert_eq!(reading.by_symbol()["gemm"].cycles, 20);
        assert_eq!(reading.by_symbol()["gemm"].retired(), 24);
        assert_eq!(reading.by_layer().into_keys().collect::<Vec<_>>(), [3]);
    }
}
