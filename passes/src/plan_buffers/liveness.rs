//! Liveness: between which steps each arena buffer holds data.

use super::alias::{Aliasing, Root, Step};
use super::graph::Graph;
use super::offsets::Interval;

/// One interval per arena buffer, in the order of their numbers. A buffer that no step touches is empty.
pub fn intervals(graph: &Graph, aliasing: &Aliasing) -> Vec<Interval> {
    let mut live: Vec<Option<Interval>> = vec![None; aliasing.arena.len()];
    for (time, step) in aliasing.steps.iter().enumerate() {
        for root in touched(graph, aliasing, step) {
            let Root::Arena(number) = root else { continue };
            if let (Some(slot), Some(&bytes)) = (live.get_mut(number), aliasing.arena.get(number)) {
                slot.get_or_insert(Interval { bytes, first: time, last: time }).last = time;
            }
        }
    }
    live.into_iter().map(|interval| interval.unwrap_or(Interval { bytes: 0, first: 0, last: 0 })).collect()
}

fn touched(graph: &Graph, aliasing: &Aliasing, step: &Step) -> Vec<Root> {
    match step {
        Step::Copy { from, to, .. } => vec![from.root, to.root],
        Step::Fill { to, .. } => vec![to.root],
        Step::Kernel(node) => {
            let values = graph.operands(*node).iter().map(|&(value, _)| value).chain([*node]);
            values
                .filter_map(|value| aliasing.places.get(value.index())?.as_ref())
                .map(|place| place.root)
                .collect()
        }
    }
}
