//! Results as a table for people, as JSON, and as a page of documentation.

use super::{Count, Measurement, Plan, Variant};
use crate::cli::joined;
use crate::measure::layer::{Layer, LeftOut};
use crate::measure::{Choice, threads};
use ait_cores::Cause;
use ait_runtime::table::Table;
use ait_runtime::text::visible;
use serde::Serialize;
use std::fmt::Write as _;

/// One convolution and its figures.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it is.
    #[serde(flatten)]
    pub layer: Layer,
    /// Its figures.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// The whole result.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The network or convolution.
    pub model: String,
    /// Version of ait.
    pub version: &'static str,
    /// What ours is compared with.
    pub baseline: &'static str,
    /// Whose model cycles they are.
    pub core: String,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// Options given to the pipeline besides the layout.
    pub options: String,
    /// In the order of the network.
    pub layers: Vec<Row>,
    /// Convolutions that nothing is said of.
    pub left_out: Vec<LeftOut>,
    /// One per sparsity.
    pub summary: Vec<Summary>,
    /// One per sparsity; none for a single convolution.
    pub memory: Vec<Memory>,
}

/// A whole network compiled with pruning as `ait compile --sparsity` does it by default.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// The weights file.
    pub weights_bytes: u64,
    /// The same in parts of the dense network's.
    pub of_dense: f64,
    /// Scratch of a thread.
    pub scratch_bytes: u64,
    /// The arena.
    pub arena_bytes: u64,
}

impl Memory {
    fn sentence(&self) -> String {
        format!(
            "network, {}: weights file {} bytes ({:.3} of the dense one), arena {} bytes, scratch {} bytes per thread",
            percent(self.sparsity),
            self.weights_bytes,
            self.of_dense,
            self.arena_bytes,
            self.scratch_bytes
        )
    }
}

/// Over all distinct convolutions.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// Geometric mean of the speed-ups of distinct convolutions, each once.
    pub geometric_mean: f64,
    /// The same without depthwise convolutions, for which this XNNPACK has no vector kernel.
    pub geometric_mean_without_depthwise: Option<f64>,
    /// XNNPACK's cycles in parts of ours, over all convolutions of the network with their number.
    pub network: f64,
    /// Largest scratch of a thread, in bytes.
    pub scratch_bytes: u64,
}

impl Report {
    /// Sums up.
    pub fn new(
        model: String,
        plan: &Plan,
        layers: Vec<Row>,
        left_out: Vec<LeftOut>,
        memory: Vec<Memory>,
    ) -> Self {
        let summary = plan.sparsities.iter().enumerate();
        Self {
            summary: summary.map(|(index, &sparsity)| Summary::of(&layers, index, sparsity)).collect(),
            model,
            version: env!("CARGO_PKG_VERSION"),
            baseline: "XNNPACK 20241108, dense, NHWC",
            core: plan.target.core.name.clone(),
            vlen: plan.target.vlen,
            threads: plan.target.threads,
            options: joined(&plan.options),
            layers,
            left_out,
            memory,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("{}; baseline {}\n\n{}\n", self.title(), self.baseline, self.table());
        for sentence in self.sentences() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sentence}");
        }
        text
    }

    /// What was measured, on what.
    pub fn title(&self) -> String {
        let threads = threads(self.threads);
        let model = visible(&self.model);
        format!("{model}, model cycles ({}), VLEN {}, {threads}", self.core, self.vlen)
    }

    fn sentences(&self) -> impl Iterator<Item = String> {
        let core = &self.core;
        let speed = self.summary.iter().map(move |summary| summary.sentence(core));
        let left_out = self.left_out.iter().map(LeftOut::sentence);
        speed.chain(self.memory.iter().map(Memory::sentence)).chain(left_out)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(HEADER);
        for row in &self.layers {
            for cells in row.lines() {
                table.row(cells);
            }
        }
        table
    }

    /// A section of a page.
    pub fn section(&self) -> String {
        let mut text = format!("\n## {}\n\n", self.title());
        for sentence in self.sentences() {
            let _ = writeln!(text, "- {sentence}");
        }
        format!("{text}\n{}", self.table().markdown())
    }
}

/// The head of a page on convolutions.
pub(super) const PREFACE: &str = "# Benchmarks

Made by `COMMAND`; `make bench` does it again (cycles of a core: [benchmarks.md](benchmarks.md); instructions:
[benchmarks-instructions.md](benchmarks-instructions.md)). Nothing here is time: the figures are
cycles of a model of the core ([measuring.md](measuring.md)), exact and the same in every run; on the core `generic` every
instruction is one cycle. Both sides run in one process on one thread with weights packed before; every output is compared
with a scalar reference first. *Ours* is the standard pipeline's code for a network of this one convolution with ReLU, with
all that it calls (`rvv.split_phases` too). *XNNPACK* is 20241108's dense NHWC convolution with clamping, input and output
NHWC; that version has no vector kernel for depthwise convolutions. A sparse convolution computes as many outputs with
fewer columns of weights (column-wise N:M, M = K).

`x` is XNNPACK's cycles divided by ours; *MAC/cycle* counts the multiplications of the dense convolution; *waits for* is
what most cycles without an instruction waited for, and in how many of all; *per output* is instructions for one output
element, *per FMA* is instructions for one vector
multiply-add, in the whole call and (on `generic`) in the innermost loop; *n* is how often the network has this
convolution.
";

/// The head of a page on what a device measured.
pub(super) const DEVICE_PREFACE: &str = "# Times of a device

Made by `COMMAND`. Nanoseconds of one inference, measured on the device after one that is not counted ([measuring.md](measuring.md)),
weights packed before. `x` is the time of the first line of the same layer divided by this one.
";

/// The head of a page on whole networks.
pub(super) const WHOLE_PREFACE: &str = "# Whole networks

Made by `COMMAND`; `make bench` does it again. Model cycles of one inference ([measuring.md](measuring.md)), weights packed
before, caches empty at its start. *nhwc* runs XNNPACK wherever it has an operator (pruned convolutions: generated kernels, with
conversions around them), *cnhw* generated kernels alone, *auto* what `ait-eqsat` found cheapest by the cost model. The
layouts' outputs are compared with each other; against ONNX Runtime they are in the tests. `x` is dense nhwc's cycles divided
by these; *conversions* are layers that only move elements, as a share of the cycles. *plan* is, where there is one,
the plan given with `--plan`; those of `test/plans` are the hand-made choices of the system that `ait` re-creates
([tuning.md](tuning.md)). In millions of cycles:
";

const HEADER: [&str; 16] = [
    "convolution",
    "n",
    "sparsity",
    "algorithm",
    "tile",
    "lmul",
    "unroll",
    "cycles",
    "x",
    "MAC/cycle",
    "waits for",
    "instructions",
    "per output",
    "per FMA",
    "inner loop",
    "scratch",
];

impl Count {
    /// From the cycles on.
    fn cells(&self, speedup: f64) -> [String; 8] {
        [
            self.cycles.to_string(),
            format!("{speedup:.2}"),
            format!("{:.2}", self.macs_per_cycle),
            self.wait(),
            self.instructions.to_string(),
            format!("{:.2}", self.per_output),
            optional(self.per_vfmacc),
            optional(self.inner_per_vfmacc),
        ]
    }

    /// What most cycles without an instruction waited for.
    fn wait(&self) -> String {
        let waits = self.stalls.iter().filter(|(cause, cycles)| **cause != Cause::Issue && **cycles > 0);
        let most = waits.max_by_key(|(cause, cycles)| (**cycles, **cause));
        most.map_or_else(String::new, |(cause, &cycles)| {
            format!("{} {:.0}%", cause.name(), 100.0 * cycles as f64 / self.cycles.max(1) as f64)
        })
    }
}

impl Row {
    fn lines(&self) -> Vec<Vec<String>> {
        let name = self.layer.shape.to_string();
        let xnn = &self.measurement.xnnpack;
        let mut line = vec![name, self.layer.count().to_string(), String::new(), "XNNPACK".into()];
        line.extend(std::iter::repeat_n(String::new(), 3));
        line.extend(xnn.cells(1.0));
        line.push(String::new());
        let mut lines = vec![line];
        lines.extend(self.measurement.variants.iter().map(Variant::line));
        lines
    }
}

impl Variant {
    fn line(&self) -> Vec<String> {
        let Choice { op, algorithm, tile, lmul, unroll } = &self.choice;
        let positive = |value: i64| if value > 0 { value.to_string() } else { String::new() };
        let algorithm = if algorithm.is_empty() { op.clone() } else { algorithm.clone() };
        let mut line = vec![
            String::new(),
            String::new(),
            if self.pruned || self.sparsity == 0.0 { percent(self.sparsity) } else { "dense".into() },
            algorithm,
        ];
        line.extend([*tile, *lmul, *unroll].map(positive));
        line.extend(self.count.cells(self.speedup));
        line.push(self.scratch_bytes.to_string());
        line
    }
}

pub(super) fn percent(sparsity: f64) -> String {
    if sparsity == 0.0 { "dense".into() } else { format!("{}%", sparsity * 100.0) }
}

fn optional(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

impl Summary {
    fn of(rows: &[Row], index: usize, sparsity: f64) -> Self {
        let variants = || {
            rows.iter().filter_map(|row| row.measurement.variants.get(index).map(|variant| (row, variant)))
        };
        let total = |count: &dyn Fn(&Row, &Variant) -> u64| -> f64 {
            variants().map(|(row, variant)| (count(row, variant) * row.layer.count() as u64) as f64).sum()
        };
        let dense: Vec<f64> = variants()
            .filter(|(row, _)| !row.layer.shape.is_depthwise())
            .map(|(_, variant)| variant.speedup)
            .collect();
        let all: Vec<f64> = variants().map(|(_, variant)| variant.speedup).collect();
        Self {
            sparsity,
            geometric_mean: geometric_mean(&all).unwrap_or(1.0),
            geometric_mean_without_depthwise: if dense.len() < all.len() {
                geometric_mean(&dense)
            } else {
                None
            },
            network: total(&|row, _| row.measurement.xnnpack.cycles)
                / total(&|_, variant| variant.count.cycles),
            scratch_bytes: variants().map(|(_, variant)| variant.scratch_bytes).max().unwrap_or(0),
        }
    }

    fn sentence(&self, core: &str) -> String {
        let name = percent(self.sparsity);
        let without = self.geometric_mean_without_depthwise;
        let without = without.map(|mean| format!(" ({mean:.2}x without depthwise)")).unwrap_or_default();
        format!(
            "{name}: {:.2}x fewer model cycles ({core}) than XNNPACK, geometric mean over distinct convolutions{without}; {:.2}x over \
             all convolutions with their number; at most {} bytes of scratch per thread",
            self.geometric_mean, self.network, self.scratch_bytes
        )
    }
}

pub(super) fn geometric_mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty())
        .then(|| (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_geometric() {
        assert_eq!(geometric_mean(&[]), None);
        assert!((geometric_mean(&[1.0, 4.0]).unwrap() - 2.0).abs() < 1e-12);
    }
}
