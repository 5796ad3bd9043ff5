//! Results as a table for people, as JSON, and as a page of documentation.

use super::{Choice, Layer, Measurement, Plan, Variant};
use ait_runtime::table::Table;
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
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// Options given to the pipeline besides the layout.
    pub options: String,
    /// In the order of the network.
    pub layers: Vec<Row>,
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
    /// XNNPACK's instructions in parts of ours, over all convolutions of the network with their number.
    pub network: f64,
    /// Largest scratch of a thread, in bytes.
    pub scratch_bytes: u64,
}

impl Report {
    /// Sums up.
    pub fn new(model: String, plan: &Plan, layers: Vec<Row>, memory: Vec<Memory>) -> Self {
        let summary = plan.sparsities.iter().enumerate();
        Self {
            summary: summary.map(|(index, &sparsity)| Summary::of(&layers, index, sparsity)).collect(),
            model,
            version: env!("CARGO_PKG_VERSION"),
            baseline: "XNNPACK 20241108, dense, NHWC",
            vlen: plan.vlen,
            threads: 1,
            options: plan.options.clone(),
            layers,
            memory,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}, VLEN {}, one thread, retired instructions; baseline {}\n\n{}\n",
            self.model,
            self.vlen,
            self.baseline,
            self.table()
        );
        for sentence in self.sentences() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sentence}");
        }
        text
    }

    fn sentences(&self) -> impl Iterator<Item = String> {
        self.summary.iter().map(Summary::sentence).chain(self.memory.iter().map(Memory::sentence))
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

    /// A page that `command` makes; the same for the same figures.
    pub fn markdown(&self, command: &str) -> String {
        let mut text = format!(
            "{}\n## {}, VLEN {}, one thread\n\n",
            PREFACE.replace("COMMAND", command),
            self.model,
            self.vlen
        );
        for sentence in self.sentences() {
            let _ = writeln!(text, "- {sentence}");
        }
        let _ = writeln!(text, "\n| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len()));
        for row in &self.layers {
            for cells in row.lines() {
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
        }
        text
    }
}

const PREFACE: &str = "# Benchmarks

Made by `COMMAND`; `make bench` does it again. Nothing here is time: the figures are
retired instructions in QEMU (`runtime/src/exec/count.rs`), exact and the same in every run. One LMUL-8 instruction counts as
one. Both sides run in one process on one thread with weights packed before; every output is compared with a scalar
reference first. *Ours* is the standard pipeline's code for a network of this one convolution with ReLU, with all that it
calls (`rvv.split_phases` too). *XNNPACK* is 20241108's dense NHWC convolution with clamping, input and output
NHWC; that version has no vector kernel for depthwise convolutions. A sparse convolution computes as many outputs with
fewer columns of weights (column-wise N:M, M = K).

`x` is XNNPACK's instructions divided by ours; *per FMA* is instructions for one `vfmacc.vf`, in the whole call and in the
innermost loop; *n* is how often the network has this convolution.
";

const HEADER: [&str; 13] = [
    "convolution",
    "n",
    "sparsity",
    "algorithm",
    "tile",
    "lmul",
    "unroll",
    "instructions",
    "per output",
    "x",
    "per FMA",
    "inner loop",
    "scratch",
];

impl Row {
    fn lines(&self) -> Vec<Vec<String>> {
        let name = self.layer.shape.to_string();
        let xnn = &self.measurement.xnnpack;
        let mut lines = vec![vec![
            name,
            self.layer.count.to_string(),
            String::new(),
            "XNNPACK".into(),
            String::new(),
            String::new(),
            String::new(),
            xnn.instructions.to_string(),
            format!("{:.2}", xnn.per_output),
            "1.00".into(),
            optional(xnn.per_vfmacc),
            optional(xnn.inner_per_vfmacc),
            String::new(),
        ]];
        lines.extend(self.measurement.variants.iter().map(Variant::line));
        lines
    }
}

impl Variant {
    fn line(&self) -> Vec<String> {
        let Choice { op, algorithm, tile, lmul, unroll } = &self.choice;
        let positive = |value: i64| if value > 0 { value.to_string() } else { String::new() };
        let algorithm = if algorithm.is_empty() { op.clone() } else { algorithm.clone() };
        vec![
            String::new(),
            String::new(),
            if self.pruned || self.sparsity == 0.0 { percent(self.sparsity) } else { "dense".into() },
            algorithm,
            positive(*tile),
            positive(*lmul),
            positive(*unroll),
            self.count.instructions.to_string(),
            format!("{:.2}", self.count.per_output),
            format!("{:.2}", self.speedup),
            optional(self.count.per_vfmacc),
            optional(self.count.inner_per_vfmacc),
            self.scratch_bytes.to_string(),
        ]
    }
}

fn percent(sparsity: f64) -> String {
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
            variants().map(|(row, variant)| (count(row, variant) * row.layer.count as u64) as f64).sum()
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
            network: total(&|row, _| row.measurement.xnnpack.instructions)
                / total(&|_, variant| variant.count.instructions),
            scratch_bytes: variants().map(|(_, variant)| variant.scratch_bytes).max().unwrap_or(0),
        }
    }

    fn sentence(&self) -> String {
        let name = percent(self.sparsity);
        let without = self.geometric_mean_without_depthwise;
        let without = without.map(|mean| format!(" ({mean:.2}x without depthwise)")).unwrap_or_default();
        format!(
            "{name}: {:.2}x fewer instructions than XNNPACK, geometric mean over distinct convolutions{without}; {:.2}x over \
             all convolutions with their number; at most {} bytes of scratch per thread",
            self.geometric_mean, self.network, self.scratch_bytes
        )
    }
}

fn geometric_mean(values: &[f64]) -> Option<f64> {
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
