//! Where the cycles of a whole network went, layer by layer, beside what the cost model expected there.

use crate::description::shape_text;
use ait_cores::{Cause, Reading};
use ait_lowering::Program;
use ait_passes::eqsat::explain::Estimate;
use ait_runtime::table::Table;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The layers of one inference in the order in which they run.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Profile(Vec<Line>);

/// All that is run for one node of the network. What moves elements before it, conversions among them, is a line of its own.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Name of the ONNX node.
    pub node: String,
    /// Operators and kernels.
    pub ops: Vec<String>,
    /// Logical shape of the last one's result.
    pub shape: Vec<i64>,
    /// Its physical order; none for ranks other than 4.
    pub layout: Option<String>,
    /// Model cycles that the cost model expected; none where it expected no work.
    pub estimated: Option<u64>,
    /// Model cycles that were metered.
    pub metered: u64,
    /// Of these, waiting for level 2 and memory.
    pub waiting: u64,
}

impl Profile {
    /// Joins estimates and readings by node.
    pub fn new(estimates: &[Estimate], program: &Program, reading: &Reading) -> Self {
        let mut expected: BTreeMap<(&str, bool), u64> = BTreeMap::new();
        for estimate in estimates {
            let moving = matches!(estimate.implementation.as_str(), "convert" | "copy");
            *expected.entry((&estimate.node, moving)).or_default() += estimate.cycles;
        }
        let by_layer = reading.by_layer();
        let mut places: BTreeMap<(&str, bool), usize> = BTreeMap::new();
        let mut lines: Vec<Line> = Vec::new();
        for (layer, number) in program.layers.iter().zip(0_u32..) {
            let key = (layer.node.as_str(), moves(&layer.op));
            let place = *places.entry(key).or_insert(lines.len());
            if place == lines.len() {
                lines.push(Line {
                    node: layer.node.clone(),
                    ops: Vec::new(),
                    shape: Vec::new(),
                    layout: None,
                    estimated: expected.remove(&key),
                    metered: 0,
                    waiting: 0,
                });
            }
            let (Some(line), Some(measure)) = (lines.get_mut(place), by_layer.get(&number)) else { continue };
            line.ops.push(layer.op.clone());
            (line.shape, line.layout) = (layer.shape.clone(), layer.layout.map(|layout| layout.to_string()));
            line.metered += measure.cycles;
            line.waiting += waiting(&measure.stalls);
        }
        Self(lines)
    }

    /// Cycles of the layers that only move elements.
    pub fn conversions(&self) -> u64 {
        let moving = self.0.iter().filter(|line| line.ops.iter().any(|op| moves(op)));
        moving.map(|line| line.metered).sum()
    }
}

/// Cycles of waiting for level 2 and memory.
pub fn waiting(stalls: &BTreeMap<Cause, u64>) -> u64 {
    [Cause::L2, Cause::Memory].iter().filter_map(|cause| stalls.get(cause)).sum()
}

/// Whether an op only moves elements.
fn moves(op: &str) -> bool {
    ["copy", "transpose", "convert"].iter().any(|word| op.contains(word))
}

/// A quotient with two decimals.
fn ratio(estimated: Option<u64>, metered: u64) -> String {
    estimated.map_or_else(String::new, |it| format!("{:.2}", it as f64 / metered.max(1) as f64))
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["ops", "shape", "layout", "estimated", "metered", "ratio", "waiting", "node"];
        let mut table = Table::new(header);
        for line in &self.0 {
            let shape = shape_text(&line.shape);
            table.row([
                line.ops.join("+"),
                shape,
                line.layout.clone().unwrap_or_default(),
                line.estimated.map_or_else(String::new, |it| it.to_string()),
                line.metered.to_string(),
                ratio(line.estimated, line.metered),
                format!("{:.0}%", 100.0 * line.waiting as f64 / line.metered.max(1) as f64),
                line.node.clone(),
            ]);
        }
        let estimated = self.0.iter().filter_map(|line| line.estimated).sum();
        let metered = self.0.iter().map(|line| line.metered).sum();
        let sum = ratio(Some(estimated), metered);
        write!(f, "{table}\n{estimated} cycles estimated, {metered} metered, ratio {sum}\n")
    }
}
