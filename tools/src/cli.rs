//! The command line of `ait`.

use crate::onnx::ImportOptions;
use crate::{bench, command_line, compile, failure, inspect, prune, run, tune};
use ait_cores::Core;
use ait_passes::cost::Target;
use ait_passes::prune::Amount;
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compiles convolutional networks (ONNX) to RISC-V Vector object code, and runs them.
#[derive(Parser)]
#[command(name = "ait", version, after_help = "Also: ait opt (ait-opt), ait translate (ait-translate).")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile a network to an object file and a C header, a static library, or one executable
    Compile(compile::Arguments),
    /// Run a network (compiled on the way if it is not yet) in QEMU and show its answer
    Run(run::Arguments),
    /// Prune columns of the weights of an ONNX network and write it again, with zeros
    Prune(prune::Arguments),
    /// Show layers, shapes, work, layouts and the memory plan of a network
    Inspect(inspect::Arguments),
    /// Measure a network's convolutions, dense and sparse, against XNNPACK's, in model cycles
    Bench(bench::Arguments),
    /// Measure ways to compute a network's convolutions, for `--tuning-log` and the profile
    Tune(tune::Arguments),
}

/// Sizes that a network leaves open; shared by all commands that read one.
#[derive(Args, Clone, Debug, Default)]
pub struct Sizes {
    /// Bind a symbolic batch dimension (where its size does not matter, in bench, tune and prune, it is 1 by default)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Option<u64>,
    /// Bind another symbolic dimension (repeatable)
    #[arg(long = "dim", value_name = "NAME=N", value_parser = parse_dim)]
    pub dims: Vec<(String, u64)>,
}

impl Sizes {
    /// For what depends on the batch: one that is open is an error.
    pub fn given(&self) -> ImportOptions {
        let dims = self.dims.iter().cloned().collect();
        ImportOptions { batch: self.batch, dims, any_batch: false }
    }

    /// For what is about weights, or is the same for every image: a batch that is open is 1.
    pub fn or_one(&self) -> ImportOptions {
        ImportOptions { any_batch: true, ..self.given() }
    }
}

/// How a network becomes kernels; shared by all commands that compile.
#[derive(Args, Clone, Debug)]
pub struct Network {
    /// Physical order of activations: auto chooses for each layer, nhwc runs XNNPACK (pruned convolutions: cnhw), cnhw
    /// the generated RVV kernels
    #[arg(long, default_value = "auto", value_parser = ["auto", "nhwc", "cnhw"])]
    pub layout: String,
    /// What becomes of NaN: propagate it as ONNX Runtime does, or ignore it, where clamps and max pools may take it for any
    /// number
    #[arg(long, default_value = "propagate", value_parser = ["propagate", "ignore"])]
    pub nan: String,
    /// Keep layers in the layouts that a TOML file gives by name, with --layout=auto (docs/tuning.md)
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Write what was chosen for each layer and why: a picture if the name ends in .svg, what each
    /// layer costs by the model if in .json, else text
    #[arg(long, value_name = "FILE")]
    pub explain: Option<PathBuf>,
    /// Print the time of each pass to stderr
    #[arg(long)]
    pub timing: bool,
    #[command(flatten)]
    pub sizes: Sizes,
    #[command(flatten)]
    pub sparsity: Sparsity,
    #[command(flatten)]
    pub tuning: Tuning,
    /// Threads that kernels are chosen for, and that records of the tuning log are of
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub for_threads: u32,
    /// Run this pass pipeline instead of the standard one (`ait-opt --list-passes`)
    #[arg(long, value_name = "PIPELINE", conflicts_with_all = ["layout", "nan", "plan", "explain", "Sparsity", "core", "tuning_log", "for_threads"])]
    pub passes: Option<String>,
    /// C identifier of the model (default: from the file name)
    #[arg(long, value_name = "IDENTIFIER", value_parser = parse_identifier)]
    pub name: Option<String>,
}

/// What is pruned on the way, if anything is; without it, zeros that the weights have are found.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub struct Sparsity {
    /// Prune this share of the columns of every convolution's weights, 0 to 1
    #[arg(long, value_name = "RATIO", value_parser = parse_ratio)]
    pub sparsity: Option<f64>,
    /// Keep N of every M columns
    #[arg(long, value_name = "N:M", value_parser = Amount::parse_nm)]
    pub nm: Option<Amount>,
    /// Keep what the manifest of `ait prune --masks` keeps
    #[arg(long, value_name = "FILE")]
    pub masks: Option<PathBuf>,
    /// Prune layer by layer as a TOML file says (docs/pruning.md)
    #[arg(long, value_name = "FILE")]
    pub prune_config: Option<PathBuf>,
}

impl Sparsity {
    /// As options of `ait-pipeline`, each after a space.
    ///
    /// # Errors
    /// If a file's name cannot be written in a pipeline.
    pub fn options(&self) -> Result<String> {
        let mut options = String::new();
        if let Some(ratio) = self.sparsity {
            options += &format!(" sparsity={ratio}");
        }
        if let Some(Amount::Nm { n, m }) = self.nm {
            options += &format!(" n={n} m={m}");
        }
        for (name, path) in [("masks", &self.masks), ("config", &self.prune_config)] {
            let Some(path) = path else { continue };
            options += &format!(" {name}={}", quoted(path)?);
        }
        Ok(options)
    }
}

/// A file name as the value of a pipeline's option.
pub fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains('"'));
    let text =
        text.with_context(|| format!("{}: a file name must be UTF-8 without quotes", path.display()))?;
    Ok(format!("\"{text}\""))
}

/// `--core`.
#[derive(Args, Clone, Debug)]
pub struct CoreName {
    /// Core whose cycles decide which kernels are chosen: a name (generic: every instruction is one cycle), or a file
    /// that ends in .toml
    #[arg(long, value_name = "CORE", default_value = ait_cores::DEFAULT)]
    core: String,
}

impl Default for CoreName {
    fn default() -> Self {
        Self { core: ait_cores::DEFAULT.to_owned() }
    }
}

impl CoreName {
    /// As an option of `ait-pipeline`.
    ///
    /// # Errors
    /// If a file's name cannot be written in a pipeline.
    pub fn option(&self) -> Result<(&'static str, String)> {
        Ok(("core", quoted(Path::new(&self.core))?))
    }
}

/// What programs are measured on, besides the core.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// Vector length of the emulated core in bits [default: the core's]
    #[arg(long, value_parser = crate::run::parse_vlen)]
    pub vlen: Option<u32>,
    /// Threads that share every layer, modelled: they run on cores that share a level-2 cache (docs/measuring.md)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
}

impl Machine {
    /// The core, as it is to be modelled.
    ///
    /// # Errors
    /// When there is no such core, its timings are for another vector length, or it has fewer neighbours than threads.
    pub fn target(&self, core: &CoreName) -> Result<Target> {
        let core = Core::named_or_file(&core.core)?;
        let vlen = self.vlen.unwrap_or(core.vlen);
        let core = core.at_vlen(vlen)?.with_threads(self.threads)?;
        Ok(Target { core, vlen, threads: self.threads })
    }
}

/// What kernels are chosen for, and by.
#[derive(Args, Clone, Debug, Default)]
pub struct Tuning {
    #[command(flatten)]
    pub core: CoreName,
    /// Log of `ait tune`: what was measured decides, the static model of the core where nothing was
    #[arg(long, value_name = "FILE")]
    pub tuning_log: Option<PathBuf>,
}

impl Tuning {
    /// As options of `ait-pipeline`.
    ///
    /// # Errors
    /// If a file's name cannot be written in a pipeline.
    pub fn options(&self) -> Result<Vec<(&'static str, String)>> {
        let mut options = vec![self.core.option()?];
        if let Some(log) = &self.tuning_log {
            options.push(("tuning-log", quoted(log)?));
        }
        Ok(options)
    }
}

/// Options as a pipeline's text has them.
pub fn joined(options: &[(&'static str, String)]) -> String {
    options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// What `ait compile` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Emit {
    /// NAME.o, NAME.h, NAME.weights: link with the runtime
    Obj,
    /// libNAME.a (object, runtime, XNNPACK if used), NAME.h, NAME.weights
    Lib,
    /// NAME: a static executable with the weights inside, 1984 MiB at most
    Exe,
}

pub fn parse_dim(text: &str) -> Result<(String, u64), String> {
    let (name, size) = text.split_once('=').ok_or("expected NAME=N")?;
    match size.parse() {
        Ok(size) if size > 0 => Ok((name.to_owned(), size)),
        _ => Err(format!("'{size}' is not a positive number")),
    }
}

/// A share of 0 to 1, 1 excluded: something is always left.
pub fn parse_ratio(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(ratio) if (0.0..1.0).contains(&ratio) => Ok(ratio),
        _ => Err("a ratio is a number from 0 to 1, 1 excluded".into()),
    }
}

fn parse_identifier(text: &str) -> Result<String, String> {
    ait_lowering::check_name(text).map(|()| text.to_owned())
}

/// Runs `ait` on its command line and reports an error in one line on stderr.
pub fn main(args: &[OsString]) -> ExitCode {
    let cli: Cli = match command_line(args) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let result = match cli.command {
        Command::Compile(arguments) => compile::main(&arguments),
        Command::Run(arguments) => run::main(&arguments),
        Command::Prune(arguments) => prune::main(&arguments),
        Command::Inspect(arguments) => inspect::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::Tune(arguments) => tune::main(&arguments),
    };
    result.unwrap_or_else(|error| failure(&error))
}
