//! Whole networks, each layout and sparsity compiled and run once: what conversions and memory between layers cost is in
//! the figures, unlike in those of single convolutions.

use super::profile::{self, Profile};
use super::report::percent;
use crate::cli::joined;
use crate::compile;
use crate::jobs;
use crate::measure::threads;
use crate::measure::{Bench, Setting, difference};
use crate::onnx::ImportOptions;
use ait_cores::{Cause, Reading};
use ait_lowering::Program;
use ait_passes::cost::Target;
use ait_passes::eqsat::explain::Estimate;
use ait_runtime::exec::Qemu;
use ait_runtime::table::Table;
use ait_runtime::target::Clock;
use ait_runtime::text::visible;
use ait_runtime::{Tensor, npy};
use anyhow::{Context as _, Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The layouts of `ait compile`; the first is XNNPACK's.
pub(super) const LAYOUTS: [&str; 3] = ["nhwc", "cnhw", "auto"];
/// The way of a plan of the user's.
const PLAN: &str = "plan";
/// Largest difference between the layouts' outputs, in parts of the largest one.
const TOLERANCE: f32 = 1e-3;
const TIMEOUT: Duration = Duration::from_secs(3600);

/// What is measured.
pub struct Plan<'a> {
    /// The network's file.
    pub path: PathBuf,
    /// What binds the sizes that it leaves open.
    pub sizes: ImportOptions,
    /// Parts of the columns that are pruned; 0 is dense.
    pub sparsities: &'a [f64],
    /// Whose cycles are modelled.
    pub target: &'a Target,
    /// Layouts by layer name: one more way to compile it.
    pub layouts: Option<PathBuf>,
    /// Options of the standard pipeline besides layout and sparsity.
    pub options: &'a [(&'static str, String)],
}

impl Plan<'_> {
    /// The network's name.
    pub fn model(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The ways in which the network is compiled.
    pub fn ways(&self) -> impl Iterator<Item = &'static str> {
        LAYOUTS.into_iter().chain(self.layouts.is_some().then_some(PLAN))
    }
}

/// One inference of a network.
#[derive(Clone, Debug, Serialize)]
pub struct Inference {
    /// As `ait compile --layout` has it.
    pub layout: &'static str,
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// Model cycles.
    pub cycles: u64,
    /// The same by cause.
    pub stalls: BTreeMap<Cause, u64>,
    /// Retired instructions.
    pub instructions: u64,
    /// Operators and kernels.
    pub layers: usize,
    /// The same by node of the network, and what the cost model said.
    pub profile: Profile,
    /// Cycles of the layers that only change the order of elements.
    pub conversions: u64,
    /// Cycles of the first inference in parts of these.
    pub speedup: f64,
}

/// A network's result.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The network.
    pub model: String,
    /// Whose model cycles they are.
    pub core: String,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Threads.
    pub threads: u32,
    /// By sparsity, then layout.
    pub inferences: Vec<Inference>,
}

/// Compiles and runs networks, several of them, or of their sparsities, at a time.
///
/// # Errors
/// What the compiler, the tools or QEMU report; layouts that do not agree.
pub fn measure(plans: &[Plan], jobs: usize) -> Result<Vec<Report>> {
    let items: Vec<(&Plan, f64)> =
        plans.iter().flat_map(|plan| plan.sparsities.iter().map(move |&sparsity| (plan, sparsity))).collect();
    let name = |&(plan, sparsity): &(&Plan, f64)| format!("{}, {}", plan.model(), percent(sparsity));
    let run = |item: &(&Plan, f64)| run(item.0, item.1).with_context(|| name(item));
    let mut results = jobs::each(&items, jobs, name, run)?.into_iter();
    let of = |plan| Report::new(plan, results.by_ref().take(plan.sparsities.len()).flatten().collect());
    Ok(plans.iter().map(of).collect())
}

const SUMMARY: [&str; 8] =
    ["network", "pruned", "nhwc", "cnhw", "auto", "plan", "better of nhwc and cnhw / auto", "plan / auto"];

/// What the choice of layouts is worth: millions of cycles of all networks.
pub fn summary(reports: &[Report]) -> Table {
    let mut table = Table::new(SUMMARY);
    for (report, (sparsity, inferences)) in
        reports.iter().flat_map(|report| report.sparsities().map(move |one| (report, one)))
    {
        let cycles = |layout: &str| Some(inferences.iter().find(|it| it.layout == layout)?.cycles as f64);
        let [nhwc, cnhw, auto, plan] = ["nhwc", "cnhw", "auto", PLAN].map(cycles);
        let millions = |cycles: Option<f64>| cycles.map_or_else(String::new, |it| format!("{:.1}", it / 1e6));
        let ratio = |of: Option<f64>| {
            of.zip(auto).map_or_else(String::new, |(of, auto)| format!("{:.4}", of / auto.max(1.0)))
        };
        let better = nhwc.zip(cnhw).map(|(nhwc, cnhw)| nhwc.min(cnhw));
        let [nhwc, cnhw, chosen, planned] = [nhwc, cnhw, auto, plan].map(millions);
        let name = report.model.clone();
        table.row([name, percent(sparsity), nhwc, cnhw, chosen, planned, ratio(better), ratio(plan)]);
    }
    table
}

impl Report {
    fn new(plan: &Plan, mut inferences: Vec<Inference>) -> Self {
        let first = inferences.first().map_or(0, |inference| inference.cycles);
        for inference in &mut inferences {
            inference.speedup = first as f64 / inference.cycles.max(1) as f64;
        }
        Self {
            model: plan.model(),
            core: plan.target.core.name.clone(),
            vlen: plan.target.vlen,
            threads: plan.target.threads,
            inferences,
        }
    }

    /// The inferences of each sparsity, in every way.
    pub fn sparsities(&self) -> impl Iterator<Item = (f64, &[Inference])> {
        self.inferences
            .chunk_by(|a, b| a.sparsity.to_bits() == b.sparsity.to_bits())
            .filter_map(|some| Some((some.first()?.sparsity, some)))
    }

    /// What was measured, on what.
    pub fn title(&self) -> String {
        let threads = threads(self.threads);
        let model = visible(&self.model);
        format!("{model}, whole network, model cycles ({}), VLEN {}, {threads}", self.core, self.vlen)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(HEADER);
        for inference in &self.inferences {
            table.row(inference.cells());
        }
        table
    }

    /// For people.
    pub fn text(&self) -> String {
        format!("{}\n\n{}\n", self.title(), self.table())
    }

    /// A table for each inference: its layers, what the cost model said and what was metered.
    pub fn layers(&self) -> String {
        let title = |it: &Inference| format!("{}, {}, {}", self.title(), percent(it.sparsity), it.layout);
        let table = |it: &Inference| format!("{}\n\n{}\n", title(it), it.profile);
        self.inferences.iter().map(table).collect()
    }

    /// A section of a page.
    pub fn section(&self) -> String {
        format!("\n## {}\n\n{}", self.title(), self.table().markdown())
    }
}

const HEADER: [&str; 8] =
    ["pruned", "layout", "cycles", "x", "conversions", "layers", "L2 and memory", "instructions"];

impl Inference {
    fn of(
        layout: &'static str,
        sparsity: f64,
        (program, _, estimates): &Compiled,
        reading: &Reading,
    ) -> Self {
        let total = reading.total();
        let profile = Profile::new(estimates, program, reading);
        Self {
            layout,
            sparsity,
            cycles: total.cycles,
            instructions: total.retired(),
            layers: program.layers.len(),
            conversions: profile.conversions(),
            profile,
            speedup: 1.0,
            stalls: total.stalls,
        }
    }

    fn cells(&self) -> [String; 8] {
        let part = |cycles: u64| format!("{:.1}%", 100.0 * cycles as f64 / self.cycles.max(1) as f64);
        [
            percent(self.sparsity),
            self.layout.to_owned(),
            self.cycles.to_string(),
            format!("{:.2}", self.speedup),
            part(self.conversions),
            self.layers.to_string(),
            part(profile::waiting(&self.stalls)),
            self.instructions.to_string(),
        ]
    }
}

/// All layouts at one sparsity, in one program.
fn run(plan: &Plan, sparsity: f64) -> Result<Vec<Inference>> {
    let compiled = programs(plan, sparsity)?;
    let bench = link(plan, &compiled, Clock::Meter)?;
    let readings = bench.meter(&Qemu::new(plan.target.vlen)?, &plan.target.core)?;
    agree(plan, &compiled, &bench)?;
    let of = |((layout, program), reading)| Inference::of(layout, sparsity, program, reading);
    Ok(plan.ways().zip(&compiled).zip(&readings).map(of).collect())
}

/// All layouts at one sparsity as a program for a board, which has run in QEMU.
pub(super) fn timed(plan: &Plan, sparsity: f64) -> Result<Bench> {
    let programs = programs(plan, sparsity)?;
    let bench = link(plan, &programs, Clock::Device)?;
    bench.run(&Qemu::new(plan.target.vlen)?)?;
    agree(plan, &programs, &bench)?;
    Ok(bench)
}

/// The name of a layout's program.
pub(super) fn name(layout: &str) -> String {
    format!("{layout}_network")
}

fn programs(plan: &Plan, sparsity: f64) -> Result<Vec<Compiled>> {
    plan.ways().map(|layout| program(plan, layout, sparsity)).collect()
}

fn link(plan: &Plan, programs: &[Compiled], clock: Clock) -> Result<Bench> {
    let input = |program: &Program| noise(&program.inputs.first().context("it has no input")?.shape);
    let runs =
        programs.iter().map(|(program, weights, _)| Ok((program, weights.as_slice(), input(program)?)));
    let runs: Vec<_> = runs.collect::<Result<_>>()?;
    let setting = Setting { threads: plan.target.threads, clock, timeout: TIMEOUT };
    Bench::new(&runs, setting)
}

/// A program, its weights, and what its layers cost by the cost model.
type Compiled = (Program, Vec<u8>, Vec<Estimate>);

fn program(plan: &Plan, layout: &str, sparsity: f64) -> Result<Compiled> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let explain = work.path().join("estimates.json");
    let pruned = if sparsity > 0.0 { format!("sparsity={sparsity}") } else { String::new() };
    let name = name(layout);
    let (layout, pins) = match &plan.layouts {
        Some(file) if layout == PLAN => ("auto", format!("plan={}", crate::cli::quoted(file)?)),
        _ => (layout, String::new()),
    };
    let explained = crate::cli::quoted(&explain)?;
    let options = joined(plan.options);
    let pipeline = format!("ait-pipeline{{layout={layout} {pruned} {pins} explain={explained} {options}}}");
    let context = ait_dialects::context();
    let module = compile::after(&context, &plan.path, &plan.sizes, Some(&name), &pipeline)?;
    let estimates = serde_json::from_slice(&std::fs::read(&explain)?)?;
    let mut weights = Vec::new();
    Ok((ait_lowering::compile(&context, &module, &mut weights)?, weights, estimates))
}

/// Seeded noise.
fn noise(shape: &[i64]) -> Result<Tensor> {
    let dims = shape.iter().map(|&dim| usize::try_from(dim)).collect::<Result<Vec<usize>, _>>()?;
    let (mut random, mut tensor) = (ChaCha8Rng::seed_from_u64(1), Tensor::zeros(dims)?);
    tensor.data_mut().iter_mut().for_each(|x| *x = random.random_range(-1.0..1.0));
    Ok(tensor)
}

/// Checks that all layouts computed the same.
fn agree(plan: &Plan, programs: &[Compiled], bench: &Bench) -> Result<()> {
    let output = |(program, ..): &Compiled| npy::read(&bench.output(&program.name));
    let outputs = programs.iter().map(output).collect::<Result<Vec<_>, _>>()?;
    let [first, others @ ..] = outputs.as_slice() else { return Ok(()) };
    for (layout, output) in plan.ways().skip(1).zip(others) {
        let difference = difference(output, first, TOLERANCE);
        ensure!(
            difference.is_none(),
            "{layout} and {} differ: {}",
            LAYOUTS[0],
            difference.unwrap_or_default()
        );
    }
    Ok(())
}
