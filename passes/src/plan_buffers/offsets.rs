//! Offsets of buffers in the arena: intervals of time that overlap get disjoint bytes.

use super::timeline::Timeline;

/// Alignment of every arena and weights offset in bytes: one cache line.
pub const ALIGNMENT: u64 = 64;

/// A buffer and the steps, both inclusive, between which it holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Size in bytes.
    pub bytes: u64,
    /// First step that writes it.
    pub first: usize,
    /// Last step that reads or writes it.
    pub last: usize,
}

impl Interval {
    /// Whether both hold data at some step.
    #[cfg(test)]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Byte offsets of intervals, in their order, and the size they need together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// One 64-byte aligned offset per interval.
    pub offsets: Vec<u64>,
    /// End of the highest interval, in whole cache lines.
    pub bytes: u64,
    /// Busy ranges that were looked at: the work that placement took.
    pub probes: usize,
}

/// The largest sum of bytes live at one step: no arena can be smaller.
pub fn lower_bound(intervals: &[Interval]) -> u64 {
    // Ends come before starts of the same step: an interval holds data to the end of its last step.
    let starts = intervals.iter().map(|interval| (interval.first, true, interval.bytes));
    let ends = intervals.iter().map(|interval| (interval.last + 1, false, interval.bytes));
    let mut events: Vec<_> = starts.chain(ends).collect();
    events.sort_unstable();
    let (mut live, mut most) = (0, 0);
    for (_, is_start, bytes) in events {
        live = if is_start { live + bytes } else { live - bytes };
        most = most.max(live);
    }
    most
}

/// Greedy placement with best fit, from several orders (larger first, longer first, larger area first);
/// the smallest arena wins, the first of equals.
pub fn assign(intervals: &[Interval]) -> Assignment {
    type Key = fn(&Interval) -> (u64, u64);
    fn length(i: &Interval) -> u64 {
        (i.last - i.first + 1) as u64
    }
    let orders: [Key; 3] = [
        |i| (i.bytes, length(i)),
        |i| (length(i), i.bytes),
        |i| (i.bytes.saturating_mul(length(i)), i.bytes),
    ];
    let candidates = orders.map(|key| {
        let mut order: Vec<usize> = (0..intervals.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(key(&intervals[i])));
        place_in_order(intervals, &order)
    });
    let mut best = Assignment { offsets: Vec::new(), bytes: u64::MAX, probes: 0 };
    for candidate in candidates {
        let probes = best.probes + candidate.probes;
        if candidate.bytes < best.bytes {
            best = candidate;
        }
        best.probes = probes;
    }
    best
}

fn place_in_order(intervals: &[Interval], order: &[usize]) -> Assignment {
    let mut offsets = vec![0; intervals.len()];
    let mut placed = Timeline::of(intervals);
    let (mut bytes, mut probes) = (0, 0);
    for &index in order {
        let interval = &intervals[index];
        let mut busy: Vec<_> = placed
            .overlapping(interval)
            .map(|at| (offsets[at], offsets[at] + intervals[at].bytes.next_multiple_of(ALIGNMENT)))
            .collect();
        busy.sort_unstable();
        probes += busy.len();
        let offset = best_fit(busy.into_iter(), interval.bytes.next_multiple_of(ALIGNMENT));
        offsets[index] = offset;
        bytes = bytes.max(offset + interval.bytes.next_multiple_of(ALIGNMENT));
        placed.insert(index, interval);
    }
    Assignment { offsets, bytes, probes }
}

/// The lowest of the tightest gaps between `busy` ranges (sorted by start) that holds `bytes`, else the end.
fn best_fit(busy: impl Iterator<Item = (u64, u64)>, bytes: u64) -> u64 {
    let (mut end, mut best) = (0u64, None);
    for (start, stop) in busy {
        let gap = start.saturating_sub(end);
        if gap >= bytes && best.is_none_or(|(tightest, _)| gap < tightest) {
            best = Some((gap, end));
        }
        end = end.max(stop);
    }
    best.map_or(end, |(_, offset)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small linear congruential generator: the property test needs spread, not quality.
    struct Random(u64);
    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 33) % limit
        }
    }

    #[test]
    fn live_intervals_never_share_bytes() {
        let mut random = Random(7);
        for round in 0..300 {
            let count = 1 + random.below(40) as usize;
            let intervals: Vec<Interval> = (0..count)
                .map(|_| {
                    let first = random.below(30) as usize;
                    Interval { bytes: 1 + random.below(5000), first, last: first + random.below(8) as usize }
                })
                .collect();
            let plan = assign(&intervals);
            assert!(plan.bytes >= lower_bound(&intervals));
            for (i, a) in intervals.iter().enumerate() {
                assert_eq!(plan.offsets[i] % ALIGNMENT, 0);
                assert!(plan.offsets[i] + a.bytes <= plan.bytes);
                for (j, b) in intervals.iter().enumerate().skip(i + 1) {
                    let apart = plan.offsets[i] + a.bytes <= plan.offsets[j]
                        || plan.offsets[j] + b.bytes <= plan.offsets[i];
                    assert!(apart || !a.overlaps(b), "round {round}: {i} and {j} share bytes");
                }
            }
            assert_eq!(plan, assign(&intervals));
        }
    }

    #[test]
    fn a_chain_of_layers_needs_two_buffers() {
        let chain: Vec<Interval> = (0..10).map(|i| Interval { bytes: 640, first: i, last: i + 1 }).collect();
        assert_eq!(assign(&chain).bytes, 1280);
        assert_eq!(lower_bound(&chain), 1280);
    }

    /// The sum over all steps, as the bound is defined.
    fn defined_bound(intervals: &[Interval]) -> u64 {
        let live =
            |step| intervals.iter().filter(|i| i.first <= step && step <= i.last).map(|i| i.bytes).sum();
        intervals.iter().map(|interval| live(interval.first)).max().unwrap_or(0)
    }

    #[test]
    fn the_bound_is_the_largest_live_set() {
        let mut random = Random(11);
        for _ in 0..200 {
            let interval = |_| {
                let first = random.below(20) as usize;
                Interval { bytes: random.below(500), first, last: first + random.below(9) as usize }
            };
            let intervals: Vec<_> = (0..25).map(interval).collect();
            assert_eq!(lower_bound(&intervals), defined_bound(&intervals));
        }
    }

    /// Layers, residuals over a block, and one value that all read: work grows as the layers do.
    #[test]
    fn placing_takes_time_in_proportion_to_the_layers() {
        let probes = |layers: usize| {
            let near = (0..layers).map(|i| Interval { bytes: 640, first: i, last: i + 1 + i % 3 });
            let all = Interval { bytes: 64, first: 0, last: layers };
            assign(&near.chain([all]).collect::<Vec<_>>()).probes
        };
        let (few, many) = (probes(1000), probes(16_000));
        assert!(many <= 17 * few, "{few} probes for 1000 layers, {many} for 16 times as many");
    }

    /// Offsets are 64 bits wide: buffers of 3 GiB each.
    #[test]
    fn arenas_may_be_larger_than_4_gib() {
        let bytes = 3 << 30;
        let intervals = [0, 0, 1].map(|first| Interval { bytes, first, last: 2 });
        let plan = assign(&intervals);
        let mut offsets = plan.offsets.clone();
        offsets.sort_unstable();
        assert_eq!((offsets, plan.bytes), (vec![0, bytes, 2 * bytes], 3 * bytes));
    }

    #[test]
    fn nothing_needs_nothing() {
        assert_eq!(assign(&[]), Assignment { offsets: vec![], bytes: 0, probes: 0 });
        assert_eq!(lower_bound(&[]), 0);
    }

    #[test]
    fn the_tightest_gap_is_taken() {
        let busy = [(64, 128), (256, 320), (384, 448)];
        assert_eq!(best_fit(busy.into_iter(), 64), 0);
        assert_eq!(best_fit(busy.into_iter(), 128), 128);
        assert_eq!(best_fit(busy.into_iter(), 192), 448);
    }
}
