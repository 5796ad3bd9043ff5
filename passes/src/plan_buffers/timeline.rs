//! Intervals by time: which of those already placed overlap another, without looking at the rest.

use super::offsets::Interval;
use std::collections::BTreeSet;

/// A segment tree over the steps, and the intervals by their first step. An insertion takes O(log n), a question O(log n)
/// and the intervals that it finds.
pub struct Timeline {
    /// A power of two; leaf `step` is node `leaves + step`, the parent of node `n` is `n / 2`.
    leaves: usize,
    /// Per node, the intervals that cover all of its steps but not all of its parent's.
    covers: Vec<Vec<usize>>,
    /// First step and number of every interval.
    starts: BTreeSet<(usize, usize)>,
}

impl Timeline {
    /// An empty one, as long as `intervals` reach.
    pub fn of(intervals: &[Interval]) -> Self {
        let steps = intervals.iter().map(|interval| interval.last + 1).max().unwrap_or(1);
        let leaves = steps.next_power_of_two();
        Self { leaves, covers: vec![Vec::new(); 2 * leaves], starts: BTreeSet::new() }
    }

    /// Adds interval number `index`.
    pub fn insert(&mut self, index: usize, interval: &Interval) {
        self.starts.insert((interval.first, index));
        let (mut low, mut high) = (self.leaves + interval.first, self.leaves + interval.last + 1);
        while low < high {
            if low % 2 == 1 {
                self.covers[low].push(index);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                self.covers[high].push(index);
            }
            (low, high) = (low / 2, high / 2);
        }
    }

    /// The numbers of the intervals that overlap `interval`, each once, in no order that means anything.
    pub fn overlapping(&self, interval: &Interval) -> impl Iterator<Item = usize> + '_ {
        let path =
            std::iter::successors(Some(self.leaves + interval.first), |&node| (node > 1).then_some(node / 2));
        let live_at_first = path.filter_map(|node| self.covers.get(node)).flatten().copied();
        let later = self.starts.range((interval.first + 1, 0)..(interval.last + 1, 0));
        live_at_first.chain(later.map(|&(_, index)| index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_search_of_all_finds() {
        let spans = [(0, 0), (0, 9), (3, 5), (5, 5), (4, 7), (8, 8), (9, 9), (2, 3)];
        let intervals: Vec<_> =
            spans.iter().map(|&(first, last)| Interval { bytes: 64, first, last }).collect();
        for count in 0..=intervals.len() {
            let mut timeline = Timeline::of(&intervals);
            intervals[..count].iter().enumerate().for_each(|(index, it)| timeline.insert(index, it));
            for asked in &intervals {
                let mut found: Vec<_> = timeline.overlapping(asked).collect();
                found.sort_unstable();
                let all: Vec<_> = (0..count).filter(|&at| intervals[at].overlaps(asked)).collect();
                assert_eq!(found, all);
            }
        }
    }
}
