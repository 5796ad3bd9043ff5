//! Offsets of buffers in the arena: intervals of time that overlap get disjoint bytes.

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
    fn overlaps(&self, other: &Self) -> bool {
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
}

/// The largest sum of bytes live at one step: no arena can be smaller.
pub fn lower_bound(intervals: &[Interval]) -> u64 {
    let live_at =
        |step| intervals.iter().filter(|i| i.first <= step && step <= i.last).map(|i| i.bytes).sum();
    intervals.iter().map(|interval| live_at(interval.first)).max().unwrap_or(0)
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
    let mut best = Assignment { offsets: Vec::new(), bytes: u64::MAX };
    for candidate in candidates {
        if candidate.bytes < best.bytes {
            best = candidate;
        }
    }
    best
}

fn place_in_order(intervals: &[Interval], order: &[usize]) -> Assignment {
    let mut offsets = vec![0; intervals.len()];
    let mut placed: Vec<usize> = Vec::new(); // by offset
    let mut bytes = 0;
    for &index in order {
        let interval = &intervals[index];
        let busy = placed.iter().filter(|&&p| intervals[p].overlaps(interval));
        let busy = busy.map(|&p| (offsets[p], offsets[p] + intervals[p].bytes.next_multiple_of(ALIGNMENT)));
        let offset = best_fit(busy, interval.bytes.next_multiple_of(ALIGNMENT));
        offsets[index] = offset;
        bytes = bytes.max(offset + interval.bytes.next_multiple_of(ALIGNMENT));
        let position = placed.partition_point(|&p| offsets[p] <= offset);
        placed.insert(position, index);
    }
    Assignment { offsets, bytes }
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

    #[test]
    fn nothing_needs_nothing() {
        assert_eq!(assign(&[]), Assignment { offsets: vec![], bytes: 0 });
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
