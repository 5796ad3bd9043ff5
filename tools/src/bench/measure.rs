//! One convolution, ours and XNNPACK's, compiled, run in QEMU, and metered.

use crate::measure::layer::{Data, Shape};
use crate::measure::{Candidate, Choice, Recipe, Session, Setting};
use ait_cores::{Cause, Class, Measure, Reading};
use ait_dialects::Layout;
use ait_passes::cost::{self, Algorithm, Sparsity, Target};
use ait_passes::prune::Amount;
use ait_runtime::exec::Qemu;
use ait_runtime::exec::count::{Block, Region};
use ait_runtime::target::Clock;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const FMA: &str = "vfmacc.vf";
/// No convolution of a network takes nearly as long.
const TIMEOUT: Duration = Duration::from_secs(1200);

/// What is measured for every convolution.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Parts of the columns that are pruned; 0 is dense.
    pub sparsities: Vec<f64>,
    /// Whose cycles are modelled.
    pub target: Target,
    /// Options of the standard pipeline besides the layout.
    pub options: Vec<(&'static str, String)>,
}

/// Figures of one inference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// Model cycles.
    pub cycles: u64,
    /// The same by cause.
    pub stalls: BTreeMap<Cause, u64>,
    /// Multiply-accumulates of the dense convolution in a cycle.
    pub macs_per_cycle: f64,
    /// Retired instructions.
    pub instructions: u64,
    /// Of them vector multiply-adds.
    pub vfmacc: u64,
    /// Instructions for one output element.
    pub per_output: f64,
    /// Instructions for one vector multiply-add; none without any.
    pub per_vfmacc: Option<f64>,
    /// The same in the innermost loop alone, counted on the core `generic` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_per_vfmacc: Option<f64>,
    /// Elements that vector instructions worked on, in parts of those that they could have.
    pub lane_utilisation: Option<f64>,
    /// Bytes loaded and stored.
    pub bytes: u64,
    /// Lines that were not in the first-level cache, and not in the second.
    pub misses: [u64; 2],
    /// Cycles by function, most first; functions with less than 1 % together as `other`.
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
    /// Cycles that the static model gives it; none for what it does not cover.
    pub estimate: Option<f64>,
    /// Scratch of one thread in bytes.
    pub scratch_bytes: u64,
    /// Weights file in bytes.
    pub weights_bytes: u64,
    /// Its figures.
    #[serde(flatten)]
    pub count: Count,
    /// XNNPACK's cycles in parts of ours.
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

/// Why XNNPACK has nothing to compare a convolution with.
#[derive(Clone, Debug)]
pub struct Incomparable(pub String);

/// Measures a convolution.
///
/// # Errors
/// What the compiler, the tools or QEMU report; a result that differs from the scalar reference.
pub fn measure(shape: &Shape, plan: &Plan) -> Result<Result<Measurement, Incomparable>> {
    measure_in(shape, plan).with_context(|| format!("convolution {shape}"))
}

fn measure_in(shape: &Shape, plan: &Plan) -> Result<Result<Measurement, Incomparable>> {
    let data = Data::new(shape)?;
    let candidates = match candidates(shape, &data, plan)? {
        Ok(candidates) => candidates,
        Err(reason) => return Ok(Err(reason)),
    };
    let session = Session::new(shape, &data, &candidates, setting(plan, Clock::Meter))?;
    let qemu = Qemu::new(plan.target.vlen)?;
    let readings = session.bench().meter(&qemu, &plan.target.core)?;
    session.check()?;
    // Only where instructions are what is asked for: the log of them takes longer than everything else.
    let regions = if plan.target.core.name == "generic" { session.bench().count(&qemu)? } else { Vec::new() };
    let mut counts = Vec::new();
    for (index, reading) in readings.iter().enumerate() {
        counts.push(Count::of(reading, regions.get(index), shape)?);
    }
    let mut counts = counts.into_iter();
    let xnnpack = counts.next().context("nothing was measured")?;
    let variants = candidates.into_iter().skip(1).zip(counts).zip(&plan.sparsities).map(
        |((candidate, count), &sparsity)| Variant {
            sparsity,
            pruned: sparsity > 0.0 && !shape.is_depthwise(),
            estimate: estimate(shape, plan, sparsity, &candidate.choice),
            choice: candidate.choice,
            scratch_bytes: candidate.program.report.scratch,
            weights_bytes: candidate.program.report.weights,
            speedup: xnnpack.cycles as f64 / count.cycles.max(1) as f64,
            count,
        },
    );
    Ok(Ok(Measurement { variants: variants.collect(), xnnpack }))
}

/// A convolution as a program for a board, which has run in QEMU and was right; its directory is new. The choices are
/// XNNPACK's, then ours at each sparsity, or why there is nothing to compare.
///
/// # Errors
/// As [`measure`]; when a file cannot be written.
pub fn emit(
    shape: &Shape,
    plan: &Plan,
    directory: &Path,
) -> Result<Result<Vec<(String, Choice)>, Incomparable>> {
    let data = Data::new(shape)?;
    let candidates = match candidates(shape, &data, plan)? {
        Ok(candidates) => candidates,
        Err(reason) => return Ok(Err(reason)),
    };
    let session = Session::new(shape, &data, &candidates, setting(plan, Clock::Device))?;
    session.bench().run(&Qemu::new(plan.target.vlen)?)?;
    session.check().with_context(|| format!("convolution {shape}"))?;
    session.bench().copy_to(directory)?;
    Ok(Ok(candidates.into_iter().map(|candidate| (candidate.program.name, candidate.choice)).collect()))
}

fn setting(plan: &Plan, clock: Clock) -> Setting {
    Setting { threads: plan.target.threads, clock, timeout: TIMEOUT }
}

/// What the static model says of a choice.
fn estimate(shape: &Shape, plan: &Plan, sparsity: f64, choice: &Choice) -> Option<f64> {
    let pattern = match sparsity > 0.0 {
        true => Amount::Sparsity(sparsity).columns(shape.columns(), choice.tile).ok()?,
        false => None,
    };
    let algorithm = [Algorithm::Direct, Algorithm::Split, Algorithm::Packed]
        .into_iter()
        .find(|algorithm| algorithm.name() == choice.algorithm)?;
    let choice = cost::Choice { algorithm, tile: choice.tile, lmul: choice.lmul, unroll: choice.unroll };
    cost::cycles(&plan.target, shape, Sparsity::of(pattern), &choice).ok()
}

/// XNNPACK's, then ours at each sparsity, if XNNPACK's side is one operator of its own. A convolution of one pixel is: a fully
/// connected layer.
fn candidates(shape: &Shape, data: &Data, plan: &Plan) -> Result<Result<Vec<Candidate>, Incomparable>> {
    let recipe = |name: String, layout, amount| {
        // XNNPACK's clamp is part of its operator, and takes NaN to a bound.
        let xnnpack = || vec![("nan", "ignore".to_owned())];
        let options = if layout == Layout::Nhwc { xnnpack() } else { plan.options.clone() };
        Recipe { name, layout, amount, options }
    };
    let xnn = Candidate::new(shape, data, &recipe("xnnpack".into(), Layout::Nhwc, None))?;
    let layers = xnn.layers();
    if !matches!(&layers[..], [only] if only.starts_with("xnn.")) {
        let reason = format!("in NHWC it becomes {}, not one operator of XNNPACK", layers.join(", "));
        return Ok(Err(Incomparable(reason)));
    }
    let mut candidates = vec![xnn];
    for (index, &sparsity) in plan.sparsities.iter().enumerate() {
        let amount = (sparsity > 0.0).then(|| Amount::sparsity(sparsity)).transpose();
        let amount = amount.map_err(anyhow::Error::msg)?;
        let ours = recipe(format!("ours{index}"), Layout::Cnhw, amount);
        candidates.push(Candidate::new(shape, data, &ours)?);
    }
    Ok(Ok(candidates))
}

impl Count {
    fn of(reading: &Reading, region: Option<&Region>, shape: &Shape) -> Result<Self> {
        let total = reading.total();
        let outputs = shape.output()?.iter().product::<usize>().max(1);
        let vfmacc = total.instructions.get(&Class::VectorFma).copied().unwrap_or(0);
        Ok(Self {
            cycles: total.cycles,
            macs_per_cycle: shape.macs()? as f64 / total.cycles.max(1) as f64,
            instructions: total.retired(),
            vfmacc,
            per_output: total.retired() as f64 / outputs as f64,
            per_vfmacc: ratio(total.retired(), vfmacc),
            inner_per_vfmacc: region.and_then(inner_loop),
            lane_utilisation: total.lane_utilisation(),
            bytes: total.bytes_read + total.bytes_written,
            misses: [total.l1_misses, total.l2_misses],
            functions: functions(&reading.by_symbol(), total.cycles),
            stalls: total.stalls,
        })
    }
}

fn ratio(a: u64, b: u64) -> Option<f64> {
    (b > 0).then(|| a as f64 / b as f64)
}

/// Instructions for one multiply-add in the innermost loop.
fn inner_loop(region: &Region) -> Option<f64> {
    let inner = region.inner_loop(FMA);
    let fmas = inner.iter().map(|block| block.executions * block.instances(FMA)).sum();
    ratio(inner.iter().map(|block| Block::retired(block)).sum(), fmas)
}

fn functions(measures: &BTreeMap<&str, Measure>, total: u64) -> Vec<(String, u64)> {
    let all = measures.iter().map(|(name, measure)| ((*name).to_owned(), measure.cycles));
    let (mut large, small): (Vec<_>, Vec<_>) = all.partition(|(_, cycles)| cycles * 100 >= total);
    large.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let other: u64 = small.iter().map(|(_, cycles)| cycles).sum();
    if other > 0 {
        large.push(("other".into(), other));
    }
    large
}
