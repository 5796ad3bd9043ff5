//! `ait-translate`: from ONNX to MLIR, and from the buffer level to LLVM IR, assembly, object, header and weights.

use crate::cli::Sizes;
use crate::onnx;
use crate::opt::source::Source;
use crate::{command_line, failure};
use ait_lowering::kernels::Kernel;
use ait_lowering::{Fault, LlvmContext, LlvmModule, Target};
use ait_passes::PassError;
use ait_runtime::output::{self, write_bytes};
use anyhow::{Context as _, Result, anyhow};
use clap::{Args, Parser};
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::{OperationLike, OperationPrintingFlags};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Translates between ONNX, MLIR and what a program is made of.
#[derive(Parser, Debug)]
#[command(name = "ait-translate", version)]
struct Cli {
    /// The model or module; - is stdin (modules only)
    #[arg(default_value = "-")]
    input: PathBuf,
    /// Where the result goes; - is stdout
    #[arg(short, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    action: Action,
    #[command(flatten)]
    sizes: Sizes,
    /// With --import-onnx: write bytecode
    #[arg(long)]
    emit_bytecode: bool,
    /// Instead of a module: one generated kernel, by its symbol (for llvmir, asm and object)
    #[arg(long, value_name = "SYMBOL", conflicts_with = "input")]
    kernel: Option<String>,
}

/// What to do; one of them.
#[derive(Args, Debug, Clone, Copy)]
#[group(required = true, multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag per action")]
struct Action {
    /// An ONNX model as a module of dialect ait
    #[arg(long)]
    import_onnx: bool,
    /// A planned module as LLVM IR, not optimised
    #[arg(long)]
    mlir_to_llvmir: bool,
    /// A planned module as RISC-V assembly
    #[arg(long)]
    mlir_to_asm: bool,
    /// A planned module as an ELF object
    #[arg(long)]
    mlir_to_object: bool,
    /// The C header of a planned module
    #[arg(long)]
    mlir_to_header: bool,
    /// The weights file of a planned module
    #[arg(long)]
    mlir_to_weights: bool,
    /// Sizes of a planned module as JSON
    #[arg(long)]
    mlir_to_report: bool,
}

/// Runs `ait-translate` on its command line, program name first. 0 is success, 1 an error in the input, 2 one in
/// the command line.
pub fn main(args: &[OsString]) -> ExitCode {
    let cli: Cli = match command_line(args) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error),
    }
}

fn run(cli: &Cli) -> Result<()> {
    if let Some(symbol) = &cli.kernel {
        let kernel: Kernel = symbol.parse().map_err(|message: String| anyhow!(message))?;
        let llvm = LlvmContext::create();
        let module = llvm.create_module(symbol);
        ait_lowering::define(&kernel, &module).map_err(|message| anyhow!(message))?;
        return emit(cli, &module);
    }
    let context = ait_dialects::context();
    if cli.action.import_onnx {
        return import(cli, &context);
    }
    cli.sizes.given().none(&cli.input)?;
    let source = Source::read(&cli.input)?;
    let module = source.module(&context)?;
    translate(cli, &context, &module).map_err(|error| match error.downcast::<PassError>() {
        Ok(error) => source.error(error.diagnostics),
        Err(error) => error,
    })
}

fn import(cli: &Cli, context: &Context) -> Result<()> {
    let module = onnx::import(context, &cli.input, &cli.sizes.given())?;
    let bytes = if cli.emit_bytecode {
        module.as_operation().write_bytecode()
    } else {
        let flags = OperationPrintingFlags::new().enable_debug_info(true, false);
        let text = module.as_operation().to_string_with_flags(flags);
        text.context("the module cannot be printed")?.into_bytes()
    };
    Ok(write_bytes(&cli.output, &bytes)?)
}

fn translate(cli: &Cli, context: &Context, module: &Module<'_>) -> Result<()> {
    let fault = |fault: Fault<'_>| PassError::new(fault.location, fault.message);
    let program = ait_lowering::read(module).map_err(fault)?;
    if cli.action.mlir_to_weights {
        return output::write(&cli.output, |sink| Ok(ait_lowering::write_weights(&program, sink).map(drop)?));
    }
    if cli.action.mlir_to_report {
        let report = ait_lowering::Report::new(&program, None).json();
        return Ok(write_bytes(&cli.output, format!("{report:#}\n").as_bytes())?);
    }
    // Only here does the name become that of something in C.
    ait_lowering::check_name(&program.name).map_err(|reason| {
        anyhow!("{}: the module's name '{}' {reason}", cli.input.display(), program.name)
    })?;
    if cli.action.mlir_to_header {
        return Ok(write_bytes(&cli.output, ait_lowering::header(&program).as_bytes())?);
    }
    let llvm = LlvmContext::create();
    let location = module.as_operation().location();
    let checksum = ait_lowering::weights_checksum(&program, location).map_err(fault)?;
    let lowered = ait_lowering::translate(context, &program, checksum, &llvm).map_err(fault)?;
    emit(cli, &lowered)
}

fn emit(cli: &Cli, module: &LlvmModule<'_>) -> Result<()> {
    let target = Target::new().map_err(|message| anyhow!(message))?;
    target.prepare(module);
    let bytes = if cli.action.mlir_to_llvmir {
        module.print_to_string().to_bytes().to_vec()
    } else {
        target.optimize(module).map_err(|message| anyhow!(message))?;
        match cli.action {
            Action { mlir_to_asm: true, .. } => {
                ait_lowering::emit_assembly(&target, module).map(String::into_bytes)
            }
            Action { mlir_to_object: true, .. } => ait_lowering::emit_object(&target, module),
            _ => Err("a kernel alone has LLVM IR, assembly and object only".to_string()),
        }
        .map_err(|message| anyhow!(message))?
    };
    Ok(write_bytes(&cli.output, &bytes)?)
}
