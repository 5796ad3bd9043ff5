//! `ait run --instructions`: exact counts of a whole inference.

use crate::cli::Emit;
use crate::compile;
use crate::description::Description;
use crate::run::{Arguments, one_input};
use ait_runtime::exec::{Job, JobFile, Qemu};
use ait_runtime::npy;
use ait_runtime::output::print;
use ait_runtime::target::{Clock, Toolchain};
use anyhow::{Context as _, Result, ensure};
use std::process::ExitCode;

/// Counts the instructions that one inference retires, on one thread, operators created and weights packed before.
///
/// # Errors
/// If the network is compiled already, or has more than one input or output, which the driver does not know.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let artifacts = compile::compile_to(&arguments.model, &arguments.network, &[Emit::Obj], work.path())?;
    let object =
        artifacts.files.iter().find(|file| file.extension().is_some_and(|extension| extension == "o"));
    let object = object.context("the object file is missing")?;
    let description = Description::read_beside(object)?;
    let name = description.model.as_str();
    let one = description.inputs.len() == 1 && description.outputs.len() == 1;
    ensure!(one, "instructions are counted for networks with one input and one output");

    let input = work.path().join("input.npy");
    npy::write(&input, &one_input(arguments, &description)?)?;
    let mut job = Job::new(work.path().join("count"));
    job.timeout = arguments.timeout();
    job.inputs.push(JobFile::new(format!("{name}.input.npy"), &input));
    job.inputs.push(JobFile::new(format!("{name}.weights"), object.with_extension("weights")));
    job.outputs.push(JobFile::new(format!("{name}.output.npy"), work.path().join("output.npy")));
    Toolchain::find()?.build_bench(&[(name, object.as_path())], 1, Clock::Meter, &job.program)?;
    let regions = Qemu::within(job.timeout, Some(arguments.vlen))?.count(&job)?;
    let [region] = regions.as_slice() else { anyhow::bail!("{} inferences were counted", regions.len()) };

    let (total, fma) = (region.retired(), region.by_mnemonic().get("vfmacc.vf").copied().unwrap_or(0));
    let vlen = arguments.vlen;
    print(&match arguments.json {
        true => format!("{}\n", serde_json::json!({ "instructions": total, "vfmacc.vf": fma })),
        false => {
            format!("{total} instructions, {fma} of them vfmacc.vf: one inference, VLEN {vlen}, 1 thread\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
