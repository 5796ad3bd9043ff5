//! `ait bench`: our convolutions against XNNPACK's, in model cycles of a core.

mod device;
mod emit;
mod measure;
mod plot;
mod profile;
mod report;
mod subject;
mod whole;

pub use measure::{Count, Incomparable, Measurement, Plan, Variant, measure};
pub use report::{Memory, Report, Row};

use crate::cli::{Machine, Sizes, Tuning, joined};
use crate::compile;
use crate::jobs;
use crate::measure::layer::{Layer, LeftOut};
use crate::print_json;
use ait_passes::PassError;
use ait_runtime::output::{print, write_bytes};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::{path, subjects};

/// Arguments of `ait bench`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Networks whose distinct convolutions are measured: .onnx, .mlir, or a name such as resnet50, which is
    /// NAME-224.onnx in the models of the tool cache (made by test/oracle/models.py NAME@224)
    #[arg(value_name = "MODEL", conflicts_with = "input", required_unless_present_any = ["input", "times"])]
    models: Vec<String>,
    /// One convolution instead of a network: its input
    #[arg(long, value_name = "CxHxW", value_parser = dims::<3>, conflicts_with = "dims")]
    input: Option<[usize; 3]>,
    /// Output channels of that convolution
    #[arg(long, default_value_t = 64, requires = "input")]
    filters: usize,
    /// Its kernel, KH and KW alike or KHxKW
    #[arg(long, default_value = "1", value_parser = pair, requires = "input")]
    kernel: [usize; 2],
    /// Its strides
    #[arg(long, default_value = "1", value_parser = pair, requires = "input")]
    stride: [usize; 2],
    /// Its padding above and below, left and right
    #[arg(long, default_value = "0", value_parser = pair, requires = "input")]
    pad: [usize; 2],
    /// Its dilations
    #[arg(long, default_value = "1", value_parser = pair, requires = "input")]
    dilation: [usize; 2],
    /// Its groups
    #[arg(long, default_value_t = 1, requires = "input")]
    groups: usize,
    #[command(flatten)]
    sizes: Sizes,
    /// Parts of the columns that are pruned; 0 is dense
    #[arg(long, value_delimiter = ',', default_value = "0,0.5,0.75", value_parser = crate::cli::parse_ratio)]
    sparsity: Vec<f64>,
    #[command(flatten)]
    tuning: Tuning,
    #[command(flatten)]
    machine: Machine,
    /// What our kernels, or with --whole networks, make of NaN, as of `ait compile`
    #[arg(long, default_value = "propagate", value_parser = ["propagate", "ignore"])]
    nan: String,
    /// Output channels that our kernels compute at once, instead of the pipeline's choice
    #[arg(long)]
    tile: Option<u32>,
    /// Register group size of our kernels, instead of the pipeline's choice
    #[arg(long)]
    lmul: Option<u32>,
    /// Reduction steps of an iteration of our kernels, instead of the pipeline's choice
    #[arg(long)]
    unroll: Option<u32>,
    /// Algorithm of our kernels, instead of the pipeline's choice
    #[arg(long)]
    algorithm: Option<String>,
    /// Measure whole networks in every layout instead of their convolutions
    #[arg(long, conflicts_with_all = ["input", "tile", "lmul", "unroll", "algorithm"])]
    whole: bool,
    /// With --whole: besides the layouts a plan of the user's (docs/tuning.md); of a directory NAME.toml, where there is
    /// one for the network
    #[arg(long, value_name = "PATH", requires = "whole")]
    plan: Option<PathBuf>,
    /// With --whole: a table of each inference's layers, what the cost model said and what was metered
    #[arg(long, requires = "whole", conflicts_with = "json")]
    layers: bool,
    /// Write static programs, their files and run.sh for a board into a new directory instead; they run in QEMU once
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["json", "markdown", "svg"])]
    emit: Option<PathBuf>,
    /// Show what run.sh printed on a board
    #[arg(long, value_name = "FILE", conflicts_with_all = ["models", "input", "batch", "dims", "emit", "svg", "whole"])]
    times: Option<PathBuf>,
    /// Convolutions, or with --whole networks, measured at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Write the result as a page of documentation
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw the cycles of all layers, ours and XNNPACK's; with --whole of all networks
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Arguments {
    fn jobs(&self) -> usize {
        usize::try_from(self.jobs).unwrap_or(1)
    }
}

fn dims<const N: usize>(text: &str) -> Result<[usize; N], String> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    let sizes = sizes.ok().filter(|sizes| sizes.iter().all(|size| (1..=1 << 16).contains(size)));
    sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(|| format!("expected {N} sizes joined by x"))
}

fn pair(text: &str) -> Result<[usize; 2], String> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sizes.as_deref() {
        Ok(&[both]) if both <= 1 << 12 => Ok([both; 2]),
        Ok(&[h, w]) if h.max(w) <= 1 << 12 => Ok([h, w]),
        _ => Err("expected N or HxW".into()),
    }
}

/// Runs the command.
///
/// # Errors
/// What a measurement reports; files that cannot be read or written.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(times) = &arguments.times {
        let reports = device::Report::read(times)?;
        let page = page_of(report::DEVICE_PREFACE, &reports, device::Report::section);
        return show(arguments, &reports, device::Report::text, &[(&arguments.markdown, page)]);
    }
    let plan = Plan {
        sparsities: arguments.sparsity.clone(),
        target: arguments.machine.target(&arguments.tuning.core)?,
        options: options(arguments)?,
    };
    if let Some(directory) = &arguments.emit {
        return emit::emit(arguments, &plan, directory);
    }
    if arguments.whole {
        return whole(arguments, &plan);
    }
    let mut reports = Vec::new();
    for (title, model, layers) in subjects(arguments)? {
        let name = |layer: &Layer| layer.shape.to_string();
        let measured = jobs::each(&layers, arguments.jobs(), name, |layer| measure(&layer.shape, &plan))?;
        let (mut rows, mut left_out) = (Vec::new(), Vec::new());
        for (layer, outcome) in layers.into_iter().zip(measured) {
            match outcome {
                Ok(measurement) => rows.push(Row { layer, measurement }),
                Err(Incomparable(reason)) => left_out.push(layer.left_out(reason)),
            }
        }
        LeftOut::ensure_some(&title, rows.len(), &left_out)?;
        let memory = model.map(|model| memory(arguments, &model, &plan.options)).transpose()?;
        reports.push(Report::new(title, &plan, rows, left_out, memory.unwrap_or_default()));
    }
    let pages = [
        (&arguments.markdown, page_of(report::PREFACE, &reports, Report::section)),
        (&arguments.svg, plot::svg(&reports)),
    ];
    show(arguments, &reports, Report::text, &pages)
}

/// `--whole`.
fn whole(arguments: &Arguments, plan: &Plan) -> Result<ExitCode> {
    let plans = arguments.models.iter().map(|model| whole_plan(arguments, plan, model));
    let reports = whole::measure(&plans.collect::<Result<Vec<_>>>()?, arguments.jobs())?;
    let preface = format!("{}\n{}", report::WHOLE_PREFACE, whole::summary(&reports).markdown());
    let page = page_of(&preface, &reports, whole::Report::section);
    let text = |report: &whole::Report| match arguments.layers {
        true => format!("{}\n{}", report.text(), report.layers()),
        false => report.text(),
    };
    show(arguments, &reports, text, &[(&arguments.markdown, page), (&arguments.svg, plot::svg(&reports))])
}

fn whole_plan<'a>(arguments: &Arguments, plan: &'a Plan, model: &str) -> Result<whole::Plan<'a>> {
    Ok(whole::Plan {
        path: path(model)?,
        sizes: arguments.sizes.or_one(),
        sparsities: &plan.sparsities,
        target: &plan.target,
        options: &plan.options,
        layouts: layouts(arguments, model)?,
    })
}

/// The plan for a network.
fn layouts(arguments: &Arguments, model: &str) -> Result<Option<PathBuf>> {
    let Some(path) = arguments.plan.as_deref().filter(|path| path.is_dir()) else {
        return Ok(arguments.plan.clone());
    };
    let stem = Path::new(model).file_stem().unwrap_or_default().to_string_lossy();
    Ok(Some(path.join(format!("{stem}.toml"))).filter(|file| file.is_file()))
}

/// A page of documentation; the same for the same figures.
fn page_of<R>(preface: &str, reports: &[R], section: impl Fn(&R) -> String) -> String {
    let preface = preface.replace("COMMAND", &command());
    std::iter::once(preface).chain(reports.iter().map(section)).collect()
}

/// Writes the files that were asked for and prints the result.
fn show<R: Serialize>(
    arguments: &Arguments,
    reports: &[R],
    text: impl Fn(&R) -> String,
    files: &[(&Option<PathBuf>, String)],
) -> Result<ExitCode> {
    for (path, page) in files {
        if let Some(path) = path {
            write_bytes(path, page.as_bytes())?;
        }
    }
    if arguments.json {
        print_json(&reports)?;
    } else {
        print(&reports.iter().map(text).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Options of the standard pipeline besides the layout.
fn options(arguments: &Arguments) -> Result<Vec<(&'static str, String)>> {
    let mut options = arguments.tuning.options()?;
    let given = [
        ("vlen", arguments.machine.vlen.map(|vlen| vlen.to_string())),
        (
            "threads",
            Some(arguments.machine.threads).filter(|&threads| threads > 1).map(|threads| threads.to_string()),
        ),
        ("nan", Some(arguments.nan.clone())),
        ("tile", arguments.tile.map(|tile| tile.to_string())),
        ("lmul", arguments.lmul.map(|lmul| lmul.to_string())),
        ("unroll", arguments.unroll.map(|unroll| unroll.to_string())),
        ("algorithm", arguments.algorithm.clone()),
    ];
    options.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(options)
}

/// How this program was called, without its directory.
fn command() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("ait".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The whole network's memory at each sparsity.
fn memory(arguments: &Arguments, path: &Path, options: &[(&'static str, String)]) -> Result<Vec<Memory>> {
    let report = |sparsity: f64| -> Result<ait_lowering::Report> {
        let sparsity = if sparsity > 0.0 { format!("sparsity={sparsity}") } else { String::new() };
        let pipeline = format!("ait-pipeline{{layout=cnhw {sparsity} {}}}", joined(options));
        let context = ait_dialects::context();
        let module = compile::after(&context, path, &arguments.sizes.or_one(), Some("network"), &pipeline)?;
        let model =
            ait_lowering::read(&module).map_err(|fault| PassError::new(fault.location, fault.message))?;
        Ok(ait_lowering::Report::new(&model, None))
    };
    let dense = report(0.0)?;
    let of = |&sparsity: &f64| {
        let sizes = if sparsity > 0.0 { report(sparsity)? } else { dense };
        Ok(Memory {
            sparsity,
            weights_bytes: sizes.weights,
            of_dense: sizes.weights as f64 / dense.weights.max(1) as f64,
            scratch_bytes: sizes.scratch,
            arena_bytes: sizes.arena,
        })
    };
    arguments.sparsity.iter().map(of).collect()
}
