//! `ait run`: a network on an input, in QEMU, with its answer shown.

use crate::cli::{Emit, Network};
use crate::compile::{self, Artifacts};
use crate::description::{Description, TensorDescription, shape_text};
use crate::progress::Progress;
use crate::{instructions, named, print_json};
use ait_runtime::exec::{ExecError, Executor, Job, JobFile, Qemu, explain};
use ait_runtime::output::{print, say, write_bytes};
use ait_runtime::tensor::Tensor;
use ait_runtime::text::visible;
use ait_runtime::{image, labels, npy};
use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `ait run`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// An .onnx or .mlir network, a directory that `ait compile --emit=exe` wrote, or the executable in it
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Input: a .npy file, or a PNG or JPEG picture for N x 3 x H x W (or N x H x W x 3) inputs; NAME=FILE when
    /// there are several
    #[arg(long, short, value_name = "[NAME=]FILE")]
    input: Vec<OsString>,
    /// Write outputs as .npy, one --output per output in order, or NAME=FILE
    #[arg(long, short, value_name = "[NAME=]FILE")]
    output: Vec<OsString>,
    /// Mean per channel, subtracted from the scaled pixel
    #[arg(long, value_delimiter = ',', default_value = "0")]
    mean: Vec<f32>,
    /// Deviation per channel that the difference is divided by
    #[arg(long, value_delimiter = ',', default_value = "1")]
    std: Vec<f32>,
    /// Factor on pixels of 0 to 255, before mean and std (1/255 for torchvision networks)
    #[arg(long, default_value_t = 1.0)]
    scale: f32,
    /// Vector length of the emulated core in bits
    #[arg(long, default_value_t = 256, value_parser = parse_vlen)]
    pub(crate) vlen: u32,
    /// Threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: u32,
    /// Inferences to run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Count the instructions that one inference retires instead (slow): one thread, a network that is not compiled yet
    #[arg(long, conflicts_with_all = ["output", "profile", "repeat", "threads", "labels"])]
    instructions: bool,
    /// Write time per layer as JSON (emulated: proportions mean little)
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Entries of the answer to show
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Names of the classes, one a line
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Emulate a core without a vector unit
    #[arg(long, hide = true)]
    no_vector: bool,
    /// Fill all buffers with NaN before the run, so that a read of unwritten memory shows
    #[arg(long, hide = true)]
    poison: bool,
    /// Give up after this many seconds
    #[arg(long, default_value_t = 3600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    timeout: u64,
    /// The answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Arguments {
    /// For how long QEMU may run.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

pub(crate) fn parse_vlen(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(vlen @ (128 | 256 | 512 | 1024)) => Ok(vlen),
        _ => Err("VLEN is 128, 256, 512 or 1024".into()),
    }
}

/// Runs the command.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.instructions {
        return instructions::main(arguments);
    }
    let work = tempfile::tempdir().context("cannot make a temporary directory")?;
    let program = executable(arguments, work.path())?;
    let description = Description::read_beside(&program)?;
    let mut job = Job::new(&program);
    job.timeout = arguments.timeout();
    job.args = vec!["--threads".into(), arguments.threads.to_string().into()];
    if arguments.repeat > 1 {
        // The program's own count is of runs after the first.
        job.args.extend(["--repeat".into(), (arguments.repeat - 1).to_string().into()]);
    }
    if arguments.poison {
        job.args.push("--poison".into());
    }
    add_inputs(arguments, &description, work.path(), &mut job)?;
    let wanted = named::files("output", &arguments.output, &description.outputs)?;
    let labels = arguments.labels.as_deref().map(labels::read).transpose()?;
    let outputs = add_outputs(&description, work.path(), &mut job);
    if let Some(profile) = &arguments.profile {
        job.args.extend(["--profile".into(), "profile.json".into()]);
        job.outputs.push(JobFile::new("profile.json", profile));
    }
    let qemu = Qemu::within(job.timeout, Some(arguments.vlen).filter(|_| !arguments.no_vector))?;
    let progress = Progress::new("running in QEMU");
    let ran = qemu.run(&job);
    drop(progress);
    match ran {
        Ok(_) => {}
        Err(ExecError::Exit { program, code, stderr }) => {
            match stderr.trim_end() {
                "" => say(format_args!("error: {} {}", program.display(), explain(code))),
                said => say(said),
            }
            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
        }
        Err(error) => return Err(error.into()),
    }
    let answers = outputs.iter().map(|path| npy::read(path)).collect::<Result<Vec<_>, _>>()?;
    write_outputs(&outputs, &wanted)?;
    show(arguments, &description, &answers, labels.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// The executable to run: given, in a given directory, or compiled now.
fn executable(arguments: &Arguments, work: &Path) -> Result<PathBuf> {
    let model = &arguments.model;
    if matches!(compile::kind(model).as_str(), "onnx" | "mlir" | "mlirbc") {
        let Artifacts { executable, .. } =
            compile::compile_to(model, &arguments.network, &[Emit::Exe], work)?;
        return executable.context("the executable is missing");
    }
    if !model.is_dir() {
        return Ok(model.clone());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(model).with_context(|| format!("cannot list {}", model.display()))? {
        let path = entry?.path();
        if path.extension().is_none() && path.with_extension("json").is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => bail!("{} holds no executable; compile with --emit=exe", model.display()),
        several => bail!("{} holds {} executables; name one", model.display(), several.len()),
    }
}

/// What is given for the inputs, in their order.
fn inputs(arguments: &Arguments, description: &Description) -> Result<Vec<Tensor>> {
    let inputs = &description.inputs;
    let given = named::files("input", &arguments.input, inputs)?;
    let read = |(input, path): (&TensorDescription, Option<&Path>)| {
        let path = path.with_context(|| {
            format!(
                "input '{}' ({}) is missing; give --input {}=FILE",
                input.name,
                shape_text(&input.shape),
                input.name
            )
        })?;
        load(arguments, input, path).with_context(|| format!("input '{}'", input.name))
    };
    inputs.iter().zip(given).map(read).collect()
}

/// The input of a network that has one.
pub(crate) fn one_input(arguments: &Arguments, description: &Description) -> Result<Tensor> {
    inputs(arguments, description)?.pop().context("the network has no input")
}

fn add_inputs(arguments: &Arguments, description: &Description, work: &Path, job: &mut Job) -> Result<()> {
    for (index, tensor) in inputs(arguments, description)?.iter().enumerate() {
        let file = format!("input{index}.npy");
        let staged = work.join(&file);
        npy::write(&staged, tensor)?;
        job.args.extend(["--input".into(), file.clone().into()]);
        job.inputs.push(JobFile::new(file, staged));
    }
    Ok(())
}

/// Reads an input of the wanted shape; a picture is resized, cropped and normalised to it.
fn load(arguments: &Arguments, input: &TensorDescription, path: &Path) -> Result<Tensor> {
    let is_array = path.extension().is_some_and(|extension| extension == "npy");
    let tensor = if is_array { npy::read(path)? } else { picture(arguments, &input.shape, path)? };
    ensure!(
        tensor.shape() == input.shape.as_slice(),
        "{} has shape {}, not {}",
        path.display(),
        shape_text(tensor.shape()),
        shape_text(&input.shape)
    );
    Ok(tensor)
}

/// One picture for every image of the batch.
fn picture(arguments: &Arguments, shape: &[usize], path: &Path) -> Result<Tensor> {
    let (batch, size, channels_last) = match *shape {
        [n, 3, h, w] => (n, (h, w), false),
        [n, h, w, 3] => (n, (h, w), true),
        _ => bail!("a picture does not fit {}; give a .npy file", shape_text(shape)),
    };
    let normalise = image::Normalise::new(&arguments.mean, &arguments.std, arguments.scale)?;
    let one = image::read(path, size.0, size.1, &normalise)?;
    let pixels = one.into_data();
    let pixels = if channels_last { interleave(&pixels, size.0 * size.1) } else { pixels };
    Ok(Tensor::new(shape.to_vec(), pixels.repeat(batch))?)
}

/// 3 planes of `area` to `area` pixels of 3.
fn interleave(planes: &[f32], area: usize) -> Vec<f32> {
    (0..area).flat_map(|at| (0..3).map(move |channel| planes[channel * area + at])).collect()
}

fn add_outputs(description: &Description, work: &Path, job: &mut Job) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for index in 0..description.outputs.len() {
        let file = format!("output{index}.npy");
        paths.push(work.join(&file));
        job.args.extend(["--output".into(), file.clone().into()]);
        job.outputs.push(JobFile::new(file, work.join(format!("output{index}.npy"))));
    }
    paths
}

fn write_outputs(outputs: &[PathBuf], wanted: &[Option<&Path>]) -> Result<()> {
    for (from, to) in outputs.iter().zip(wanted) {
        let Some(to) = to else { continue };
        write_bytes(to, &std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?)?;
    }
    Ok(())
}

/// Prints the largest entries of every image of every output.
fn show(
    arguments: &Arguments,
    description: &Description,
    answers: &[Tensor],
    labels: Option<&[String]>,
) -> Result<()> {
    let (mut results, mut lines) = (Vec::new(), String::new());
    for (output, answer) in description.outputs.iter().zip(answers) {
        let batch = answer.shape().first().copied().unwrap_or(1).max(1);
        let each = (answer.len() / batch).max(1);
        for (index, image) in answer.data().chunks(each).enumerate() {
            let top = labels::top(image, arguments.top, labels);
            lines += &format!("{}[{index}] ({}):\n", visible(&output.name), shape_text(answer.shape()));
            top.iter().for_each(|entry| lines += &format!("  {entry}\n"));
            results.push(serde_json::json!({ "output": output.name, "index": index, "top": top }));
        }
    }
    if arguments.json { print_json(&results) } else { Ok(print(&lines)?) }
}
