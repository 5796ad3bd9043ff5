//! `ait tune`: measures ways to compute each convolution of a network and keeps what it found in a log.

mod oracle;
mod space;
mod summary;
#[cfg(test)]
mod tests;

pub use oracle::{Measure, Meter, Static};
pub use space::{Item, candidates, items};
pub use summary::{Row, Summary};

use crate::cli::{CoreName, Machine, Sizes};
use crate::compile;
use crate::jobs;
use crate::measure::layer::{self, Layer, LeftOut};
use crate::measure::not_a_convolution;
use crate::print_json;
use ait_passes::cost::{COMPILER, Choice, Chooser, Key, Oracle, Outcome, Record, Target};
use ait_passes::diagnostic::say_once;
use ait_runtime::output::print;
use ait_runtime::tuning::Log;
use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

/// Candidates that run in one program: what a killed process loses at most.
const AT_ONCE: usize = 4;

/// Arguments of `ait tune`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network: .onnx, or .mlir/.mlirbc at the ait level
    model: PathBuf,
    #[command(flatten)]
    sizes: Sizes,
    /// Parts of the columns that are pruned; 0 is dense. A stem and depthwise convolutions stay dense
    #[arg(long, value_delimiter = ',', default_value = "0,0.5", value_parser = crate::cli::parse_ratio)]
    sparsity: Vec<f64>,
    #[command(flatten)]
    core: CoreName,
    #[command(flatten)]
    machine: Machine,
    /// Who says how fast a candidate is
    #[arg(long, value_enum, default_value = "meter")]
    oracle: Kind,
    /// Log to append to; what it has is not measured again
    #[arg(long, value_name = "FILE", default_value = "ait-tuning.jsonl")]
    log: PathBuf,
    /// Most candidates of a convolution and sparsity; the static model says which
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=1000))]
    budget: u64,
    /// Seconds after which a candidate is given up
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Convolutions measured at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// Write the profile: summary.md, summary.json, summary.svg, and prune.toml with the tiles for `ait prune`
    #[arg(long, value_name = "DIRECTORY")]
    summary: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

/// Who measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The static model: nothing runs
    Model,
    /// QEMU and the cycle model of the core
    Meter,
}

/// Runs the command.
///
/// # Errors
/// When the network, the core or the log cannot be read, or a file cannot be written. A candidate that fails is none.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    let target = arguments.machine.target(&arguments.core)?;
    let items = items(&layers(arguments)?, &arguments.sparsity)?;
    let jobs = usize::try_from(arguments.jobs)?;
    let (items, left_out) = sifted(items, &machine_options(&arguments.core, &target)?, jobs)?;
    LeftOut::ensure_some(&arguments.model.display().to_string(), items.len(), &left_out)?;
    let timeout = Duration::from_secs(arguments.timeout);
    let oracle: Box<dyn Measure> = match arguments.oracle {
        Kind::Model => Box::new(Static { target: target.clone() }),
        Kind::Meter => Box::new(Meter::new(arguments.core.clone(), target.clone(), timeout)?),
    };
    let mut log = Log::<Record>::open(&arguments.log)?;
    log.take_notices().iter().for_each(|notice| say_once(format!("warning: {notice}")));
    let log = Mutex::new(log);
    let work = Work { target: &target, items: &items, oracle: &*oracle, log: &log };
    work.run(usize::try_from(arguments.budget)?, jobs)?;
    let log = log.into_inner().map_err(|_| anyhow!("a measurement died"))?;
    let summary = Summary { left_out, ..Summary::new(&arguments.model, &target, &items, log.records()) };
    if let Some(directory) = &arguments.summary {
        summary.write(directory)?;
    }
    if arguments.json {
        print_json(&summary)?;
    } else {
        print(&summary.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn layers(arguments: &Arguments) -> Result<Vec<Layer>> {
    let context = ait_dialects::context();
    let module = compile::read(&context, &arguments.model, &arguments.sizes.or_one())?;
    layer::distinct(&context, &module)
}

/// What of the items our kernels for convolutions compute, and what the rules make something else.
fn sifted(
    items: Vec<Item>,
    options: &[(&'static str, String)],
    jobs: usize,
) -> Result<(Vec<Item>, Vec<LeftOut>)> {
    let name = |item: &Item| item.convolution.to_string();
    let reason = |item: &Item| not_a_convolution(&item.convolution, item.amount(), options);
    let reasons = jobs::each(&items, jobs, name, reason)?;
    let (mut tuned, mut left_out) = (Vec::new(), Vec::new());
    for (item, reason) in items.into_iter().zip(reasons) {
        match reason {
            Some(reason) => left_out.push(item.left_out(&reason)),
            None => tuned.push(item),
        }
    }
    Ok((tuned, left_out))
}

/// Options of the pipeline that say what is tuned for.
fn machine_options(core: &CoreName, target: &Target) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![core.option()?, ("vlen", target.vlen.to_string()), ("threads", target.threads.to_string())])
}

/// All that is measured, and where it goes.
pub struct Work<'a> {
    /// What is tuned for.
    pub target: &'a Target,
    /// Convolutions and sparsities.
    pub items: &'a [Item],
    /// Who measures.
    pub oracle: &'a dyn Measure,
    /// Where it goes.
    pub log: &'a Mutex<Log<Record>>,
}

impl Work<'_> {
    /// Measures up to `budget` candidates of every item, `jobs` items at a time.
    ///
    /// # Errors
    /// When the log cannot be written or a convolution does not exist.
    pub fn run(&self, budget: usize, jobs: usize) -> Result<()> {
        let chooser = Chooser::new(self.target.clone());
        let wanted = self.items.iter().map(|item| candidates(&chooser, item, budget));
        let wanted = wanted.collect::<Result<Vec<_>>>()?;
        let steps = wanted.iter().map(|choices| choices.len() as u64).sum();
        let work: Vec<_> = self.items.iter().zip(&wanted).collect();
        let name = |(item, _): &(&Item, &Vec<Choice>)| format!("{} {}", item.convolution, item.sparsity);
        jobs::all(&work, jobs, steps, name, |(item, choices), bar| self.tune(item, choices, bar))?;
        Ok(())
    }

    fn tune(&self, item: &Item, choices: &[Choice], bar: &ProgressBar) -> Result<()> {
        for some in choices.chunks(AT_ONCE) {
            let open = self.open(item, some)?;
            if !open.is_empty() {
                let outcomes = self.oracle.measure(item, &open);
                self.append(item, &open, outcomes)?;
            }
            bar.inc(some.len() as u64);
        }
        Ok(())
    }

    fn key(&self, item: &Item, choice: Choice) -> Key {
        Key {
            convolution: item.convolution.clone(),
            sparsity: item.sparsity,
            choice,
            core: self.target.core.name.clone(),
            vlen: self.target.vlen,
            threads: self.target.threads,
            oracle: self.oracle.kind(),
            compiler: COMPILER.to_owned(),
        }
    }

    /// Those that nobody has measured, another process included.
    fn open(&self, item: &Item, choices: &[Choice]) -> Result<Vec<Choice>> {
        let mut log = self.log.lock().map_err(|_| anyhow!("a measurement died"))?;
        log.refresh()?;
        let is_open = |choice: &&Choice| log.get(&self.key(item, **choice)).is_none();
        Ok(choices.iter().filter(is_open).copied().collect())
    }

    fn append(&self, item: &Item, choices: &[Choice], outcomes: Vec<Outcome>) -> Result<()> {
        let mut log = self.log.lock().map_err(|_| anyhow!("a measurement died"))?;
        for (&choice, outcome) in choices.iter().zip(outcomes) {
            log.append(Record { key: self.key(item, choice), outcome })?;
        }
        Ok(())
    }
}

/// The name of an oracle in reports.
fn unit(oracle: Oracle, core: &str) -> String {
    match oracle {
        Oracle::Model => format!("estimated model cycles ({core})"),
        Oracle::Meter => format!("model cycles ({core})"),
        Oracle::Device => "cycles of the device".to_owned(),
    }
}
