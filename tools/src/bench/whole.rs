//! Whole networks, each layout and sparsity compiled and run once: what conversions and memory between layers cost is in
//! the figures, unlike in those of single convolutions.

use super::report::percent;
use crate::cli::{Network, joined};
use crate::compile;
use ait_cores::{Cause, Core, Reading};
use ait_lowering::Program;
use ait_runtime::exec::{Job, JobFile, Qemu};
use ait_runtime::table::Table;
use ait_runtime::target::Toolchain;
use ait_runtime::{Tensor, npy};
use anyhow::{Context as _, Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layouts of `ait compile`; the first is XNNPACK's.
const LAYOUTS: [&str; 3] = ["nhwc", "cnhw", "auto"];
/// Largest difference between the layouts' outputs, in parts of the largest one.
const TOLERANCE: f32 = 1e-3;
const TIMEOUT: Duration = Duration::from_secs(3600);

/// What is measured.
pub struct Plan<'a> {
    /// The network's file.
    pub path: PathBuf,
    /// Images at once.
    pub batch: u64,
    /// Parts of the columns that are pruned; 0 is dense.
    pub sparsities: &'a [f64],
    /// Bits of a vector register.
    pub vlen: u32,
    /// Whose cycles are modelled.
    pub core: &'a Core,
    /// Options of the standard pipeline besides layout and sparsity.
    pub options: &'a [(&'static str, String)],
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
    /// By sparsity, then layout.
    pub inferences: Vec<Inference>,
}

impl Report {
    /// Compiles and runs.
    ///
    /// # Errors
    /// What the compiler, the tools or QEMU report; layouts that do not agree.
    pub fn new(plan: &Plan) -> Result<Self> {
        let model = plan.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut inferences = Vec::new();
        for &sparsity in plan.sparsities {
            let some = run(plan, sparsity).with_context(|| format!("{model}, {}", percent(sparsity)))?;
            inferences.extend(some);
        }
        let first = inferences.first().map_or(0, |inference| inference.cycles);
        for inference in &mut inferences {
            inference.speedup = first as f64 / inference.cycles.max(1) as f64;
        }
        Ok(Self { model, core: plan.core.name.clone(), vlen: plan.vlen, inferences })
    }

    fn title(&self) -> String {
        format!("{}, whole network, model cycles ({}), VLEN {}, one thread", self.model, self.core, self.vlen)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut table = Table::new(HEADER);
        for inference in &self.inferences {
            table.row(inference.cells());
        }
        format!("{}\n\n{table}\n", self.title())
    }

    /// A section of a page.
    pub fn section(&self) -> String {
        let lines =
            self.inferences.iter().map(|inference| format!("| {} |\n", inference.cells().join(" | ")));
        let head = format!("| {} |\n|{}\n", HEADER.join(" | "), "---|".repeat(HEADER.len()));
        std::iter::once(format!("\n## {}\n\n{head}", self.title())).chain(lines).collect()
    }
}

const HEADER: [&str; 8] =
    ["pruned", "layout", "cycles", "x", "conversions", "layers", "L2 and memory", "instructions"];

impl Inference {
    fn of(layout: &'static str, sparsity: f64, program: &Program, reading: &Reading) -> Self {
        let total = reading.total();
        let by_layer = reading.by_layer();
        let moves = |op: &str| ["copy", "transpose", "convert"].iter().any(|word| op.contains(word));
        let names = program.layers.iter().map(|layer| layer.op.as_str());
        let moving = (0_u32..).zip(names).filter(|(_, op)| moves(op));
        let conversions =
            moving.filter_map(|(layer, _)| by_layer.get(&layer)).map(|layer| layer.cycles).sum();
        Self {
            layout,
            sparsity,
            cycles: total.cycles,
            instructions: total.retired(),
            layers: program.layers.len(),
            conversions,
            speedup: 1.0,
            stalls: total.stalls,
        }
    }

    fn cells(&self) -> [String; 8] {
        let part = |cycles: u64| format!("{:.1}%", 100.0 * cycles as f64 / self.cycles.max(1) as f64);
        let waits = [Cause::L2, Cause::Memory].iter().filter_map(|cause| self.stalls.get(cause)).sum();
        [
            percent(self.sparsity),
            self.layout.to_owned(),
            self.cycles.to_string(),
            format!("{:.2}", self.speedup),
            part(self.conversions),
            self.layers.to_string(),
            part(waits),
            self.instructions.to_string(),
        ]
    }
}

/// All layouts at one sparsity, in one program.
fn run(plan: &Plan, sparsity: f64) -> Result<Vec<Inference>> {
    let programs: Vec<Program> =
        LAYOUTS.iter().map(|layout| program(plan, layout, sparsity)).collect::<Result<_>>()?;
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let file = |name: &str, suffix: &str| work.path().join(format!("{name}.{suffix}"));
    let mut job = Job { timeout: TIMEOUT, ..Job::new(work.path().join("bench")) };
    for program in &programs {
        let name = program.name.as_str();
        let (inputs, outputs) = (program.inputs.as_slice(), program.outputs.len());
        let ([input], 1) = (inputs, outputs) else {
            anyhow::bail!("it has {} inputs and {outputs} outputs instead of one each", inputs.len());
        };
        std::fs::write(file(name, "o"), &program.object)?;
        std::fs::write(file(name, "weights"), &program.weights)?;
        npy::write(&file(name, "input.npy"), &noise(&input.shape)?)?;
        for suffix in ["weights", "input.npy"] {
            job.inputs.push(JobFile::new(format!("{name}.{suffix}"), file(name, suffix)));
        }
        job.outputs.push(JobFile::new(format!("{name}.output.npy"), file(name, "output.npy")));
    }
    let names = || programs.iter().map(|program| program.name.as_str());
    let objects: Vec<_> = names().map(|name| file(name, "o")).collect();
    let models: Vec<(&str, &Path)> = names().zip(objects.iter().map(PathBuf::as_path)).collect();
    Toolchain::find()?.build_bench(&models, &job.program)?;
    let readings = Qemu::new(plan.vlen)?.meter(&job, plan.core)?;
    let (got, wanted) = (readings.len(), programs.len());
    ensure!(got == wanted, "{got} of {wanted} runs were measured");
    agree(&names().map(|name| npy::read(&file(name, "output.npy"))).collect::<Result<Vec<_>, _>>()?)?;
    let of = |((layout, program), reading)| Inference::of(layout, sparsity, program, reading);
    Ok(LAYOUTS.into_iter().zip(&programs).zip(&readings).map(of).collect())
}

fn program(plan: &Plan, layout: &str, sparsity: f64) -> Result<Program> {
    let pruned = if sparsity > 0.0 { format!("sparsity={sparsity}") } else { String::new() };
    let mut network = Network::of_batch(plan.batch);
    network.name = Some(format!("{layout}_network"));
    network.passes = Some(format!("ait-pipeline{{layout={layout} {pruned} {}}}", joined(plan.options)));
    let context = ait_dialects::context();
    let module = compile::buffers(&context, &plan.path, &network)?;
    Ok(ait_lowering::compile(&context, &module)?)
}

/// Seeded noise.
fn noise(shape: &[i64]) -> Result<Tensor> {
    let dims = shape.iter().map(|&dim| usize::try_from(dim)).collect::<Result<Vec<usize>, _>>()?;
    let (mut random, mut tensor) = (ChaCha8Rng::seed_from_u64(1), Tensor::zeros(dims)?);
    tensor.data_mut().iter_mut().for_each(|x| *x = random.random_range(-1.0..1.0));
    Ok(tensor)
}

/// Checks that all layouts computed the same.
fn agree(outputs: &[Tensor]) -> Result<()> {
    let [first, others @ ..] = outputs else { return Ok(()) };
    let largest = first.data().iter().fold(0.0f32, |most, x| most.max(x.abs()));
    for (layout, output) in LAYOUTS.iter().skip(1).zip(others) {
        let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest;
        let same = output.shape() == first.shape() && output.data().iter().zip(first.data()).all(is_close);
        ensure!(same, "{layout} and {} compute different outputs", LAYOUTS[0]);
    }
    Ok(())
}
