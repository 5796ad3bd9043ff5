//! One convolution, ours and XNNPACK's, compiled, run in QEMU and counted.

use super::layer::{self, Data, Shape};
use ait_dialects::Layout;
use ait_dialects::attributes::Attributes;
use ait_dialects::nm::Columns;
use ait_lowering::Program;
use ait_passes::Pipeline;
use ait_passes::prune::{self, Config};
use ait_passes::rewrite::{self, Rewriter};
use ait_runtime::exec::count::{Block, Region};
use ait_runtime::exec::{Job, JobFile, Qemu};
use ait_runtime::target::Toolchain;
use ait_runtime::{Tensor, npy};
use anyhow::{Context as _, Result, bail, ensure};
use melior::Context;
use melior::ir::operation::OperationLike;
use melior::ir::{Module, ValueLike};
use serde::Serialize;
use std::path::Path;

/// Largest difference to the reference, in parts of the largest output.
const TOLERANCE: f32 = 1e-4;
const FMA: &str = "vfmacc.vf";

/// What is measured for every convolution.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Parts of the columns that are pruned; 0 is dense.
    pub sparsities: Vec<f64>,
    /// Bits of a vector register.
    pub vlen: u32,
    /// Rows of a mask's tile, if the options give them.
    pub tile: Option<i64>,
    /// Its register group size, if the options give it.
    pub lmul: Option<i64>,
    /// Options of the pipeline besides the layout, as `tile=7 lmul=4`.
    pub options: String,
}

/// What ran, as the pipeline chose it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The op.
    pub op: String,
    /// Where vectors come from; empty where the op has no choice.
    pub algorithm: String,
    /// Output channels at once, 0 where the op has no tile.
    pub tile: i64,
    /// Register group size.
    pub lmul: i64,
    /// Columns of an iteration, 0 where the op does not unroll.
    pub unroll: i64,
}

/// Instructions of one inference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// Retired instructions.
    pub instructions: u64,
    /// Of them `vfmacc.vf`.
    pub vfmacc: u64,
    /// Instructions for one output element.
    pub per_output: f64,
    /// Instructions for one `vfmacc.vf`; none without any.
    pub per_vfmacc: Option<f64>,
    /// The same in the innermost loop alone.
    pub inner_per_vfmacc: Option<f64>,
    /// Retired instructions by function, most first; functions with less than 1 % together as `other`.
    pub functions: Vec<(String, u64)>,
}

/// One of our kernels.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Part of the columns that is pruned.
    pub sparsity: f64,
    /// Whether it is; a depthwise convolution stays dense.
    pub pruned: bool,
    /// What the pipeline chose.
    pub choice: Choice,
    /// Scratch of one thread in bytes.
    pub scratch_bytes: u64,
    /// Weights file in bytes.
    pub weights_bytes: u64,
    /// Its instructions.
    #[serde(flatten)]
    pub count: Count,
    /// XNNPACK's instructions in parts of ours.
    pub speedup: f64,
}

/// The result for one convolution.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// XNNPACK's dense NHWC convolution.
    pub xnnpack: Count,
    /// Ours.
    pub variants: Vec<Variant>,
}

/// A compiled variant.
struct Candidate {
    program: Program,
    layout: Layout,
    choice: Choice,
    /// With the zeros of pruning.
    filter: Tensor,
}

/// Measures a convolution.
///
/// # Errors
/// What the compiler, the tools or QEMU report; a result that differs from the scalar reference.
pub fn measure(shape: &Shape, plan: &Plan) -> Result<Measurement> {
    measure_in(shape, plan).with_context(|| format!("convolution {shape}"))
}

fn measure_in(shape: &Shape, plan: &Plan) -> Result<Measurement> {
    let data = Data::new(shape)?;
    let mut candidates = vec![candidate(shape, &data, "xnnpack", Layout::Nhwc, 0.0, plan)?];
    let xnn = &candidates[0];
    ensure!(xnn.choice.op == "xnn.conv2d", "XNNPACK has no operator for it: {} was chosen", xnn.choice.op);
    for (index, &sparsity) in plan.sparsities.iter().enumerate() {
        candidates.push(candidate(shape, &data, &format!("ours{index}"), Layout::Cnhw, sparsity, plan)?);
    }
    let regions = run(shape, &candidates, &data, plan.vlen)?;
    let outputs = shape.output()?.iter().product::<usize>() as u64;
    let mut counts = regions.iter().map(|region| Count::of(region, outputs));
    let xnnpack = counts.next().context("nothing was counted")?;
    let variants = candidates.into_iter().skip(1).zip(counts).zip(&plan.sparsities).map(
        |((candidate, count), &sparsity)| Variant {
            sparsity,
            pruned: sparsity > 0.0 && !shape.is_depthwise(),
            choice: candidate.choice,
            scratch_bytes: candidate.program.report.scratch,
            weights_bytes: candidate.program.report.weights,
            speedup: xnnpack.instructions as f64 / count.instructions.max(1) as f64,
            count,
        },
    );
    Ok(Measurement { variants: variants.collect(), xnnpack })
}

fn candidate(
    shape: &Shape,
    data: &Data,
    name: &str,
    layout: Layout,
    sparsity: f64,
    plan: &Plan,
) -> Result<Candidate> {
    let context = ait_dialects::context();
    let module = layer::module(&context, name, shape, data, layout)?;
    let filter = if sparsity > 0.0 && !shape.is_depthwise() {
        prune(&module, sparsity, plan)?
    } else {
        data.filter.clone()
    };
    let mut options = format!("layout={}", layout.name().to_lowercase());
    if layout == Layout::Cnhw && !plan.options.is_empty() {
        options += &format!(" {}", plan.options);
    }
    Pipeline::parse(&context, &format!("ait-pipeline{{{options}}}"))?.run(&module)?;
    let choice = choice(&context, &module)?;
    let program = ait_lowering::compile(&context, &module)?;
    if layout == Layout::Nhwc {
        ensure!(
            program.layers.len() == 1,
            "XNNPACK's side has {} layers instead of one",
            program.layers.len()
        );
    }
    Ok(Candidate { program, layout, choice, filter })
}

/// Prunes the convolution of a module at the `ait` level, which is its stem; the filter that is left.
fn prune(module: &Module<'_>, sparsity: f64, plan: &Plan) -> Result<Tensor> {
    let rule = format!("sparsity = {sparsity}\n[[layer]]\nname = \"*\"\nprune = true\n");
    let mut config = Config::parse(&rule, Path::new("bench"))?;
    config.tile = plan.tile;
    config.lmul = plan.lmul;
    prune::apply(module, &prune::plan(module, &config)?)?;
    let rewriter = Rewriter::new(module);
    let conv = rewriter.ops().into_iter().find(|op| rewrite::name(*op) == "ait.conv2d");
    let filter = conv.context("no convolution was pruned")?.operand(1)?;
    let dims = ait_dialects::types::shape(filter.r#type()).map_err(anyhow::Error::msg)?;
    let dims: Vec<usize> = dims.into_iter().filter_map(|dim| usize::try_from(dim).ok()).collect();
    Ok(Tensor::new(dims, rewrite::constant_data(filter).context("the filter is no constant")?)?)
}

/// The convolution of a module at the buffer level.
fn choice(_context: &Context, module: &Module<'_>) -> Result<Choice> {
    let rewriter = Rewriter::new(module);
    for op in rewriter.ops() {
        let name = rewrite::name(op);
        if !name.ends_with("conv2d") {
            continue;
        }
        let number = |key: &str| op.i64(key).unwrap_or(0);
        let sparsity = op.get("sparsity").and_then(|pattern| Columns::of_attribute(pattern).ok());
        return Ok(Choice {
            op: name,
            algorithm: op.string("algorithm").unwrap_or_default(),
            tile: sparsity.map_or_else(|| number("tile"), |pattern| pattern.tile),
            lmul: number("lmul"),
            unroll: number("unroll"),
        });
    }
    bail!("no convolution is left after the pipeline")
}

/// Runs all candidates in one process and compares what they compute with the reference.
fn run(shape: &Shape, candidates: &[Candidate], data: &Data, vlen: u32) -> Result<Vec<Region>> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let file = |name: &str, suffix: &str| work.path().join(format!("{name}.{suffix}"));
    let mut job = Job::new(work.path().join("bench"));
    let mut objects = Vec::new();
    for Candidate { program, layout, .. } in candidates {
        let (object, weights) = (file(&program.name, "o"), file(&program.name, "weights"));
        std::fs::write(&object, &program.object)?;
        std::fs::write(&weights, &program.weights)?;
        npy::write(&file(&program.name, "input.npy"), &layer::in_memory_order(&data.input, *layout)?)?;
        for suffix in ["weights", "input.npy"] {
            job.inputs.push(JobFile::new(format!("{}.{suffix}", program.name), file(&program.name, suffix)));
        }
        let output = format!("{}.output.npy", program.name);
        job.outputs.push(JobFile::new(&output, work.path().join(&output)));
        objects.push((program.name.as_str(), object));
    }
    let models: Vec<(&str, &Path)> = objects.iter().map(|(name, path)| (*name, path.as_path())).collect();
    Toolchain::find()?.build_bench(&models, &job.program)?;
    let regions = Qemu::new(vlen)?.count(&job)?;
    ensure!(regions.len() == candidates.len(), "{} of {} runs were counted", regions.len(), candidates.len());
    // XNNPACK's and our dense convolution have the same answer.
    let mut known: Option<(&Tensor, Tensor)> = None;
    for candidate in candidates {
        let expected = match known.take() {
            Some((filter, expected)) if *filter == candidate.filter => expected,
            _ => data.expected(shape, &candidate.filter)?,
        };
        let (_, expected) = known.insert((&candidate.filter, expected));
        let got = layer::read_output(&file(&candidate.program.name, "output.npy"), candidate.layout)?;
        check(&got, expected).with_context(|| format!("{} is wrong", candidate.choice.op))?;
    }
    Ok(regions)
}

fn check(got: &Tensor, expected: &Tensor) -> Result<()> {
    ensure!(got.shape() == expected.shape(), "shape {:?} instead of {:?}", got.shape(), expected.shape());
    let largest = expected.data().iter().fold(0.0f32, |most, x| most.max(x.abs()));
    for (index, (got, expected)) in got.data().iter().zip(expected.data()).enumerate() {
        // NaN fails too.
        let close = (got - expected).abs() <= TOLERANCE * largest;
        ensure!(close, "output {index} is {got} instead of {expected}");
    }
    Ok(())
}

impl Count {
    fn of(region: &Region, outputs: u64) -> Self {
        let instructions = region.retired();
        let vfmacc = region.by_mnemonic().get(FMA).copied().unwrap_or(0);
        let ratio = |a: u64, b: u64| (b > 0).then(|| a as f64 / b as f64);
        let inner = region.inner_loop(FMA);
        let fmas: u64 = inner.iter().map(|block| block.executions * block.instances(FMA)).sum();
        Self {
            instructions,
            vfmacc,
            per_output: instructions as f64 / outputs.max(1) as f64,
            per_vfmacc: ratio(instructions, vfmacc),
            inner_per_vfmacc: ratio(inner.iter().map(|block| Block::retired(block)).sum(), fmas),
            functions: functions(region, instructions),
        }
    }
}

fn functions(region: &Region, total: u64) -> Vec<(String, u64)> {
    let mut all: Vec<_> =
        region.by_function().into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    let small: u64 = all.iter().filter(|(_, count)| count * 100 < total).map(|(_, count)| count).sum();
    all.retain(|(_, count)| count * 100 >= total);
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if small > 0 {
        all.push(("other".into(), small));
    }
    all
}
