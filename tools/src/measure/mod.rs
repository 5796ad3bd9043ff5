//! One convolution, compiled in several ways, run in QEMU, compared with the scalar reference, and counted or metered.

mod bench;
pub mod layer;

pub use bench::{Bench, Setting};

use crate::cli::joined;
use ait_dialects::attributes::Attributes;
use ait_dialects::{Layout, access};
use ait_lowering::Program;
use ait_passes::prune::Amount;
use ait_passes::rewrite::{self, Rewriter};
use ait_passes::{PassError, Pipeline};
use ait_runtime::Tensor;
use anyhow::{Context as _, Result, ensure};
use layer::{Data, Shape};
use melior::ir::{Module, ValueLike};
use serde::Serialize;

/// Largest difference to the reference, in parts of the largest output.
const TOLERANCE: f32 = 1e-4;

/// How a convolution is to be compiled.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// C identifier of the program.
    pub name: String,
    /// XNNPACK's (NHWC) or ours (CNHW).
    pub layout: Layout,
    /// How much of the columns is pruned; nothing if none. Depthwise convolutions stay dense.
    pub amount: Option<Amount>,
    /// Options of the standard pipeline besides the layout.
    pub options: Vec<(&'static str, String)>,
}

impl Recipe {
    /// A convolution as a network of its own at the buffer level, and its filter with the zeros of pruning.
    fn module<'c>(
        &self,
        context: &'c melior::Context,
        shape: &Shape,
        data: &Data,
    ) -> Result<(Module<'c>, Tensor)> {
        let module = layer::module(context, &self.name, shape, data, self.layout)?;
        let filter = match self.amount {
            Some(amount) if !shape.is_depthwise() => prune(context, &module, amount, &self.options)?,
            _ => data.filter.clone(),
        };
        let layout = self.layout.name().to_lowercase();
        let pipeline = format!("ait-pipeline{{layout={layout} {}}}", joined(&self.options));
        Pipeline::parse(context, &pipeline)?.run(&module)?;
        Ok((module, filter))
    }
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
    /// Reduction steps of an iteration, 0 where the op does not unroll.
    pub unroll: i64,
}

/// A compiled convolution.
pub struct Candidate {
    /// The program, of its recipe's name.
    pub program: Program,
    /// Its weights file.
    pub weights: Vec<u8>,
    /// What was chosen.
    pub choice: Choice,
    layout: Layout,
    /// With the zeros of pruning.
    filter: Tensor,
}

impl Candidate {
    /// Compiles a convolution with ReLU as a network of its own.
    ///
    /// # Errors
    /// What a pass or LLVM reports.
    pub fn new(shape: &Shape, data: &Data, recipe: &Recipe) -> Result<Self> {
        let context = ait_dialects::context();
        let (module, filter) = recipe.module(&context, shape, data)?;
        let choice = choice(&module)?;
        let mut weights = Vec::new();
        let program = ait_lowering::compile(&context, &module, &mut weights)?;
        Ok(Self { program, weights, choice, layout: recipe.layout, filter })
    }

    /// Operators and kernels of the program; more than one if something is converted or split before.
    pub fn layers(&self) -> Vec<&str> {
        self.program.layers.iter().map(|layer| layer.op.as_str()).collect()
    }
}

/// Why none of our kernels for convolutions computes this one, pruned or not; nothing if one does.
///
/// # Errors
/// What a pass reports.
pub fn not_a_convolution(
    shape: &Shape,
    amount: Option<Amount>,
    options: &[(&'static str, String)],
) -> Result<Option<String>> {
    let (context, data) = (ait_dialects::context(), Data::new(shape)?);
    let recipe = Recipe { name: "probe".into(), layout: Layout::Cnhw, amount, options: options.to_vec() };
    let (module, _) = recipe.module(&context, shape, &data)?;
    let op = choice(&module)?.op;
    Ok((!is_convolution(&op)).then(|| format!("becomes {op}, which is not a convolution")))
}

/// Options of `ait-pipeline` that `ait-prune` has too, by which it chooses the tile of a mask.
const MASK_OPTIONS: [&str; 6] = ["tile", "lmul", "core", "vlen", "threads", "tuning-log"];

/// Prunes the convolution of a module at the `ait` level, though it is its stem; the filter that is left.
fn prune(
    context: &melior::Context,
    module: &Module<'_>,
    amount: Amount,
    options: &[(&'static str, String)],
) -> Result<Tensor> {
    let rule = match amount {
        Amount::Sparsity(ratio) => format!("sparsity = {ratio}"),
        Amount::Nm { n, m } => format!("n = {n}\nm = {m}"),
    };
    let work = tempfile::Builder::new().suffix(".toml").tempfile()?;
    let rule = format!("{rule}\n[[layer]]\nname = \"*\"\nprune = true\n");
    std::fs::write(work.path(), rule)?;
    let shared: Vec<_> = options.iter().filter(|(name, _)| MASK_OPTIONS.contains(name)).cloned().collect();
    let pass = format!("ait-prune{{config=\"{}\" {}}}", work.path().display(), joined(&shared));
    Pipeline::parse(context, &pass)?.run(module)?;
    let rewriter = Rewriter::new(module);
    let conv = rewriter.ops().into_iter().find(|op| rewrite::name(*op) == "ait.conv2d");
    let filter =
        access::operand(&conv.context("no convolution was pruned")?, 1).context("it has no filter")?;
    let dims = ait_dialects::types::shape(filter.r#type()).map_err(anyhow::Error::msg)?;
    let dims: Vec<usize> = dims.into_iter().filter_map(|dim| usize::try_from(dim).ok()).collect();
    Ok(Tensor::new(dims, rewrite::constant_data(filter).context("the filter is no constant")?)?)
}

/// Whether an op is one of the kernels for convolutions.
fn is_convolution(op: &str) -> bool {
    op.ends_with("conv2d")
}

/// The convolution of a module at the buffer level; where the rules made it something else, all that it became.
fn choice(module: &Module<'_>) -> Result<Choice> {
    let rewriter = Rewriter::new(module);
    for op in rewriter.ops() {
        let name = rewrite::name(op);
        if !is_convolution(&name) {
            continue;
        }
        let number = |key: &str| op.i64(key).unwrap_or(0);
        let sparsity = op.get("sparsity").and_then(|pattern| ait_dialects::attributes::columns(pattern).ok());
        return Ok(Choice {
            op: name,
            algorithm: op.string("algorithm").unwrap_or_default(),
            tile: sparsity.map_or_else(|| number("tile"), |pattern| pattern.tile),
            lmul: number("lmul"),
            unroll: number("unroll"),
        });
    }
    let model = ait_lowering::read(module).map_err(|fault| PassError::new(fault.location, fault.message))?;
    let ops: Vec<String> = model.layers.into_iter().map(|layer| layer.op).collect();
    Ok(Choice { op: ops.join(", "), ..Choice::default() })
}

/// Candidates of one convolution in one program, which runs them one after the other.
pub struct Session<'a> {
    shape: &'a Shape,
    data: &'a Data,
    candidates: &'a [Candidate],
    bench: Bench,
}

impl<'a> Session<'a> {
    /// Builds the program.
    ///
    /// # Errors
    /// What the tools report.
    pub fn new(
        shape: &'a Shape,
        data: &'a Data,
        candidates: &'a [Candidate],
        setting: Setting,
    ) -> Result<Self> {
        let run = |candidate: &'a Candidate| -> Result<(&'a Program, &'a [u8], Tensor)> {
            let input = layer::in_memory_order(&data.input, candidate.layout)?;
            Ok((&candidate.program, &candidate.weights, input))
        };
        let runs = candidates.iter().map(run).collect::<Result<Vec<_>>>()?;
        Ok(Self { shape, data, candidates, bench: Bench::new(&runs, setting)? })
    }

    /// The linked program.
    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// Compares what the last run computed with the reference: what is wrong with each candidate, if anything is.
    ///
    /// # Errors
    /// When an output cannot be read or the reference cannot be computed.
    pub fn verdicts(&self) -> Result<Vec<Option<String>>> {
        // Candidates with the same weights have the same answer.
        let mut known: Vec<(&Tensor, Tensor)> = Vec::new();
        let mut verdicts = Vec::new();
        for candidate in self.candidates {
            let position = match known.iter().position(|(filter, _)| **filter == candidate.filter) {
                Some(position) => position,
                None => {
                    known.push((&candidate.filter, self.data.expected(self.shape, &candidate.filter)?));
                    known.len() - 1
                }
            };
            let path = self.bench.output(&candidate.program.name);
            let got = layer::read_output(&path, candidate.layout)?;
            verdicts.push(difference(&got, &known[position].1, TOLERANCE));
        }
        Ok(verdicts)
    }

    /// As [`Session::verdicts`].
    ///
    /// # Errors
    /// When an output is wrong, besides.
    pub fn check(&self) -> Result<()> {
        for (candidate, verdict) in self.candidates.iter().zip(self.verdicts()?) {
            let op = &candidate.choice.op;
            ensure!(verdict.is_none(), "{op} is wrong: {}", verdict.unwrap_or_default());
        }
        Ok(())
    }
}

/// How many threads figures are for, as reports say it.
pub fn threads(threads: u32) -> String {
    if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads (modelled)") }
}

/// What is wrong with an output, if anything is: it may differ by `tolerance`, in parts of the largest one.
pub fn difference(got: &Tensor, expected: &Tensor, tolerance: f32) -> Option<String> {
    if got.shape() != expected.shape() {
        return Some(format!("shape {:?} instead of {:?}", got.shape(), expected.shape()));
    }
    let largest = expected.data().iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let mut pairs = got.data().iter().zip(expected.data()).enumerate();
    let is_close = |got: f32, expected: f32| (got - expected).abs() <= tolerance * largest;
    // NaN is not close to anything.
    let far = pairs.find(|(_, (got, expected))| !is_close(**got, **expected));
    far.map(|(index, (got, expected))| format!("output {index} is {got} instead of {expected}"))
}
