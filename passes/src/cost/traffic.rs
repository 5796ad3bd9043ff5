//! Cache lines that a step of the reduction misses: the addresses of one strip and two of its tiles, run through a model
//! of the first-level cache. Sets decide, not only sizes: planes of a power of two share few of them.

use super::geometry::Geometry;
use super::{Algorithm, Choice, Convolution};
use ait_cores::{Caches, Core};

/// Misses of a step, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Misses {
    /// Of lines that follow one that was missed shortly before: a prefetcher has asked for them.
    pub streamed: f64,
    /// Of the others.
    pub single: f64,
}

/// Misses of the vectors of a step, for the first tile of a strip and for each further one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    pub first: Misses,
    pub again: Misses,
}

/// Most steps that are traced.
const MOST_STEPS: i64 = 1 << 13;

impl Traffic {
    /// Of one strip of a convolution.
    pub fn new(core: &Core, conv: &Convolution, geometry: &Geometry, choice: &Choice) -> Self {
        // Which level serves a miss is decided by the whole convolution, not by one strip.
        let mut first_level = core.clone();
        first_level.l2 = None;
        let mut caches = Caches::new(&first_level);
        let trace = Trace { taps: taps(conv, geometry, choice), geometry, choice };
        if choice.algorithm == Algorithm::Packed {
            // It was just written.
            let panel = geometry.panel.saturating_mul(4 * geometry.vlmax);
            caches.access(0, unsigned(panel), true, |_| {});
        }
        let [first, again] = [0, 1].map(|tile| trace.tile(tile, &mut caches));
        Self { first, again }
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

struct Trace<'a> {
    /// Where the vectors of channel 0 begin, in elements.
    taps: Vec<i64>,
    geometry: &'a Geometry,
    choice: &'a Choice,
}

impl Trace<'_> {
    /// Runs the steps of a tile through the caches: misses of the vectors, for each step.
    fn tile(&self, tile: i64, caches: &mut Caches) -> Misses {
        let g = self.geometry;
        let (mut misses, mut steps) = (Misses::default(), 0i64);
        // Far away from the vectors.
        let mut weights = (1u64 << 40) + unsigned(tile * g.kept * self.choice.tile * 4);
        let columns = (0..g.panel).map(|position| g.order.column(position));
        for column in columns.filter(|&column| self.keeps(tile, column)) {
            caches.access(unsigned(self.address(column)), unsigned(4 * g.vlmax), false, |event| {
                *(if event.prefetched { &mut misses.streamed } else { &mut misses.single }) += 1.0;
            });
            caches.access(weights, unsigned(4 * self.choice.tile), false, |_| {});
            weights += unsigned(4 * self.choice.tile);
            steps += 1;
            if steps == MOST_STEPS {
                break;
            }
        }
        let steps = steps.max(1) as f64;
        Misses { streamed: misses.streamed / steps, single: misses.single / steps }
    }

    /// Whether a tile keeps a column: as many as are kept, in no order, and others in each tile.
    fn keeps(&self, tile: i64, column: i64) -> bool {
        let g = self.geometry;
        let mixed =
            (column.wrapping_mul(0x9E37_79B9) ^ tile.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35);
        (mixed >> 16 & 0xFFFF) * g.columns < g.kept * 0x1_0000
    }

    /// Where the vector of a column begins.
    fn address(&self, column: i64) -> i64 {
        let g = self.geometry;
        if self.choice.algorithm == Algorithm::Packed {
            return column * 4 * g.vlmax;
        }
        let (tap, channel) = (column / g.channels.max(1), column % g.channels.max(1));
        let tap = usize::try_from(tap).ok().and_then(|tap| self.taps.get(tap).copied()).unwrap_or(0);
        4 * (channel * g.phases * g.plane + tap + g.vlmax)
    }
}

/// Where the vectors of channel 0 begin for every tap of a window that is read in place, in elements.
fn taps(conv: &Convolution, g: &Geometry, choice: &Choice) -> Vec<i64> {
    let window = conv.window();
    let of_w = i64::try_from(window.phases(1).len()).unwrap_or(1);
    let tap = |kh: i64, kw: i64| {
        let ((i, h), (j, w)) = (window.tap(0, kh), window.tap(1, kw));
        let phase = i64::try_from(i).unwrap_or(0) * of_w + i64::try_from(j).unwrap_or(0);
        let phase = if choice.algorithm == Algorithm::Split { phase } else { 0 };
        phase * g.plane + h * g.pitch + w
    };
    match choice.algorithm {
        Algorithm::Packed => vec![],
        _ => (0..window.kernel[0])
            .flat_map(|kh| (0..window.kernel[1]).map(move |kw| (kh, kw)))
            .map(|(kh, kw)| tap(kh, kw))
            .collect(),
    }
}
