//! `ait compile`: a network becomes files to deploy.

use crate::cli::{self, Emit, Network};
use crate::description::Description;
use crate::onnx::{self, ImportOptions};
use crate::opt::{source::Source, timing};
use crate::progress::Progress;
use crate::set::Directory;
use ait_dialects::attributes::Attributes;
use ait_lowering::{Program, check_name};
use ait_passes::{Pipeline, Step};
use ait_runtime::output::{print, say};
use ait_runtime::target::Toolchain;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::OperationMutLike;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `ait compile`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network: .onnx, or .mlir/.mlirbc at the ait level
    model: PathBuf,
    #[command(flatten)]
    network: Network,
    /// Directory for the results; made if it does not exist
    #[arg(long, short, default_value = ".")]
    output: PathBuf,
    /// What to write
    #[arg(long, value_enum, value_delimiter = ',', default_value = "obj")]
    emit: Vec<Emit>,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(Debug)]
pub struct Artifacts {
    /// Every file, in the order written.
    pub files: Vec<PathBuf>,
    /// The executable, if one was asked for.
    pub executable: Option<PathBuf>,
}

/// Runs the command.
pub fn main(arguments: &Arguments) -> Result<ExitCode> {
    let output = &arguments.output;
    // Before the work: JSON has no way to write such a name.
    ensure!(!arguments.json || output.to_str().is_some(), "--json: {} is not UTF-8", output.display());
    let artifacts = compile_to(&arguments.model, &arguments.network, &arguments.emit, output)?;
    if arguments.json {
        print(&format!("{}\n", serde_json::json!({ "files": artifacts.files })))?;
        return Ok(ExitCode::SUCCESS);
    }
    let line = |file: &PathBuf| Ok(format!("{:>12}  {}\n", std::fs::metadata(file)?.len(), file.display()));
    print(&artifacts.files.iter().map(line).collect::<Result<String>>()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Compiles `model` and writes what `emit` names into a directory.
///
/// # Errors
/// With a location or node name when the network is at fault. Files of an earlier run stay as they were unless
/// everything could be made.
pub fn compile_to(model: &Path, network: &Network, emit: &[Emit], directory: &Path) -> Result<Artifacts> {
    let results = Directory::new(directory)?;
    let progress = Progress::new("passes");
    let context = ait_dialects::context();
    let module = named(&context, model, &network.sizes.given(), network.name.as_deref())?;
    check_files(&module, model, network, directory)?;
    run_passes(&context, &module, network)?;
    progress.step("kernels");
    let stage = results.stage()?;
    // Weights may be larger than memory: they go to their file as they are read.
    let weights = stage.path().join(WEIGHTS);
    let mut file =
        std::fs::File::create(&weights).with_context(|| format!("cannot write {}", weights.display()))?;
    let program = ait_lowering::compile(&context, &module, &mut file)?;
    progress.step("files");
    let names = write_all(&program, &Description::of(&program, model), emit, stage.path())?;
    let files = results.publish(&stage, &names)?;
    let executable = emit.contains(&Emit::Exe).then(|| directory.join(&program.name));
    Ok(Artifacts { files, executable })
}

/// Refuses to replace the files of another model, whose name in C happens to be the same; a name that was asked for is meant.
fn check_files(module: &Module, model: &Path, network: &Network, directory: &Path) -> Result<()> {
    let name = name_of(module);
    let there =
        Description::read_beside(&directory.join(&name)).map(|there| there.source).unwrap_or_default();
    let other = !there.is_empty() && Path::new(&there).file_stem() != model.file_stem();
    ensure!(
        !other || network.name.is_some(),
        "{}: {} has the files of {there}, which is called '{name}' in C too; give one of them another name with --name",
        model.display(),
        directory.display()
    );
    Ok(())
}

/// The name that a module's program will have.
fn name_of(module: &Module) -> String {
    module.as_operation().string("sym_name").unwrap_or_else(|_| "model".to_owned())
}

/// A network at the buffer level.
pub fn buffers<'c>(context: &'c Context, model: &Path, network: &Network) -> Result<Module<'c>> {
    let module = named(context, model, &network.sizes.given(), network.name.as_deref())?;
    run_passes(context, &module, network)?;
    Ok(module)
}

fn run_passes<'c>(context: &'c Context, module: &Module<'c>, network: &Network) -> Result<()> {
    let pipeline = match &network.passes {
        Some(pipeline) => pipeline.clone(),
        None => standard(network)?,
    };
    let mut times = vec![];
    let mut observe = |step: &Step, _: &Module, time| times.push((step.to_string(), time));
    Pipeline::parse(context, &pipeline)?.run_observed(module, true, &mut observe)?;
    if network.timing {
        say(timing(&times).trim_end());
    }
    Ok(())
}

/// The standard pipeline with the network's options.
fn standard(network: &Network) -> Result<String> {
    let (layout, nan, sparsity) = (&network.layout, &network.nan, network.sparsity.options()?);
    let tuning = cli::joined(&network.tuning.options()?);
    let threads = network.for_threads;
    let file = |name: &str, path: &Option<PathBuf>| {
        path.as_ref()
            .map_or_else(|| Ok(String::new()), |path| cli::quoted(path).map(|path| format!(" {name}={path}")))
    };
    let (plan, explain) = (file("plan", &network.plan)?, file("explain", &network.explain)?);
    Ok(format!(
        "ait-pipeline{{layout={layout} nan={nan}{sparsity} {tuning} threads={threads}{plan}{explain}}}"
    ))
}

/// A network after a pipeline, under another name where one is given.
pub fn after<'c>(
    context: &'c Context,
    model: &Path,
    sizes: &ImportOptions,
    name: Option<&str>,
    pipeline: &str,
) -> Result<Module<'c>> {
    let module = named(context, model, sizes, name)?;
    Pipeline::parse(context, pipeline)?.run(&module)?;
    Ok(module)
}

/// A network as [`read`] reads it, under another name where one is given. C must allow it.
fn named<'c>(
    context: &'c Context,
    model: &Path,
    sizes: &ImportOptions,
    name: Option<&str>,
) -> Result<Module<'c>> {
    let mut module = read(context, model, sizes)?;
    if let Some(name) = name {
        module.as_operation_mut().set_attribute("sym_name", ait_dialects::attributes::string(context, name));
    }
    let name = name_of(&module);
    check_name(&name).map_err(|reason| {
        anyhow!("{}: the model's name '{name}' {reason}; give it another one with --name", model.display())
    })?;
    Ok(module)
}

/// What a network's file is by its name: the extension, in small letters.
pub fn kind(model: &Path) -> String {
    model.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Reads a network as a module of the `ait` dialect.
pub fn read<'c>(context: &'c Context, model: &Path, sizes: &ImportOptions) -> Result<Module<'c>> {
    match kind(model).as_str() {
        "onnx" => Ok(onnx::import(context, model, sizes)?),
        "mlir" | "mlirbc" => {
            sizes.none(model)?;
            Source::read(model)?.module(context)
        }
        _ => bail!("{}: a network is an .onnx, .mlir or .mlirbc file", model.display()),
    }
}

/// The weights file in the staging directory, before the program has its name.
const WEIGHTS: &str = ".weights";

/// Writes the files into `directory`, where the weights are already, and returns their names.
fn write_all(
    program: &Program,
    description: &Description,
    emit: &[Emit],
    directory: &Path,
) -> Result<Vec<String>> {
    let name = &program.name;
    let mut written = Vec::new();
    let write = |file: String, bytes: &[u8]| -> Result<String> {
        let path = directory.join(&file);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(file)
    };
    let object = directory.join(format!("{name}.o"));
    written.push(write(format!("{name}.o"), &program.object)?);
    let weights = directory.join(format!("{name}.weights"));
    std::fs::rename(directory.join(WEIGHTS), &weights)
        .with_context(|| format!("cannot write {}", weights.display()))?;
    written.push(format!("{name}.weights"));
    written.push(write(format!("{name}.h"), program.header.as_bytes())?);
    let (runtime, text) = ait_runtime::target::HEADER;
    written.push(write(runtime.to_owned(), text.as_bytes())?);
    written.push(write(format!("{name}.json"), serde_json::to_string_pretty(description)?.as_bytes())?);
    if emit.contains(&Emit::Lib) {
        let file = format!("lib{name}.a");
        Toolchain::find()?.build_lib(&object, program.uses_xnnpack, &directory.join(&file))?;
        written.push(file);
    }
    if emit.contains(&Emit::Exe) {
        Toolchain::find()?.build_exe(&object, &weights, name, program.uses_xnnpack, &directory.join(name))?;
        written.push(name.clone());
    }
    Ok(written)
}
