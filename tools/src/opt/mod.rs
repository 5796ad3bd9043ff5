//! `ait-opt`: runs passes over textual or bytecode modules, as `mlir-opt` does.

mod expected;
mod passes;
pub(crate) mod source;

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use ait_passes::{
    Pipeline, Step,
    diagnostic::{Diagnostic, Severity, SourceLocation, capture},
    table,
};
use ait_runtime::output::{print, say, write_bytes};
use anyhow::{Result, bail};
use clap::Parser;
use melior::{
    Context,
    ir::{
        Module,
        operation::{OperationLike, OperationPrintingFlags},
    },
};

use crate::{command_line, failure};
use source::{Chunk, Source};

/// Runs passes over MLIR modules of the dialects ait, xnn, rvv and MLIR's own.
///
/// Every pass is also a flag: --ait-eqsat=layout=nhwc --cse; they run in the given order.
#[derive(Parser, Debug)]
#[command(name = "ait-opt", version)]
struct Cli {
    /// The module, as text or bytecode; - is stdin
    #[arg(default_value = "-")]
    input: PathBuf,
    /// Where the result goes; - is stdout
    #[arg(short, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    /// Passes as text: ait-canonicalize,ait-eqsat{layout=cnhw},cse
    #[arg(long, value_name = "PIPELINE")]
    pass_pipeline: Option<String>,
    /// Treat what `// -----` separates as modules of their own
    #[arg(long)]
    split_input_file: bool,
    /// Compare diagnostics with `// expected-error@+1 {{...}}` comments
    #[arg(long)]
    verify_diagnostics: bool,
    /// Verify after each pass, not only at the end
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true", require_equals = true)]
    verify_each: bool,
    /// Print the module to stderr after each pass
    #[arg(long, alias = "mlir-print-ir-after-all")]
    print_ir_after_all: bool,
    /// Print the time of each pass to stderr
    #[arg(long, alias = "mlir-timing")]
    timing: bool,
    /// List the passes (=markdown for docs/passes.md)
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", value_parser = ["text", "markdown"])]
    list_passes: Option<String>,
    /// Write bytecode
    #[arg(long, conflicts_with = "split_input_file")]
    emit_bytecode: bool,
    /// Print `dense_resource<__elided__>` for constants of more elements
    #[arg(long, value_name = "N", alias = "mlir-elide-elementsattrs-if-larger")]
    elide_elementsattrs_if_larger: Option<usize>,
    /// Print locations
    #[arg(long)]
    mlir_print_debuginfo: bool,
    /// Print every op in generic form
    #[arg(long)]
    mlir_print_op_generic: bool,
    /// Print without aliases
    #[arg(long)]
    mlir_print_local_scope: bool,
}

/// Runs `ait-opt` on its command line, program name first. 0 is success, 1 an error in the input,
/// 2 one in the command line.
pub fn main(args: &[OsString]) -> ExitCode {
    let (args, flags) = passes::split_flags::<Cli>(args);
    let cli: Cli = match command_line(&args) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match run(&cli, &flags) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failure(&error),
    }
}

/// Whether every module passed; errors in modules are printed here.
fn run(cli: &Cli, flags: &[String]) -> Result<bool> {
    if let Some(format) = &cli.list_passes {
        let text = if format == "markdown" { table::markdown() } else { table::listing() };
        print(&text)?;
        return Ok(true);
    }
    let context = ait_dialects::context();
    let text = match (&cli.pass_pipeline, flags) {
        (Some(_), [_, ..]) => bail!("--pass-pipeline and passes as flags exclude each other"),
        (Some(text), []) => text.clone(),
        (None, flags) => flags.join(","),
    };
    let pipeline = Pipeline::parse(&context, &text)?;
    let source = Source::read(&cli.input)?;
    let mut job = Job { cli, context: &context, pipeline, times: vec![], outputs: vec![] };
    let mut good = true;
    for chunk in source.chunks(cli.split_input_file) {
        good &= job.chunk(&source, &chunk)?;
    }
    if cli.timing {
        say(timing(&job.times).trim_end());
    }
    if good {
        write(&cli.output, &job.outputs)?;
    }
    Ok(good)
}

/// What is done with every module, and what came of it.
struct Job<'r> {
    cli: &'r Cli,
    context: &'r Context,
    pipeline: Pipeline,
    times: Vec<(String, Duration)>,
    outputs: Vec<Vec<u8>>,
}

impl Job<'_> {
    /// Processes one module; whether its diagnostics are as they should be.
    fn chunk(&mut self, source: &Source, chunk: &Chunk) -> Result<bool> {
        let (output, captured) = capture(self.context, || self.process(source, chunk));
        let (output, mut diagnostics) = match output {
            Ok(output) => (Some(output), vec![]),
            Err(diagnostics) => (None, diagnostics),
        };
        diagnostics.splice(0..0, captured);
        for diagnostic in &mut diagnostics {
            source.rename(&mut diagnostic.location);
        }
        let failed = output.is_none();
        self.outputs.extend(output);
        if self.cli.verify_diagnostics {
            let faults = expected::compare(&source.name, chunk, &diagnostics)?;
            faults.iter().for_each(|fault| say(source.render(fault)));
            return Ok(faults.is_empty());
        }
        diagnostics.iter().for_each(|diagnostic| say(source.render(diagnostic)));
        Ok(!failed)
    }

    /// Parses, verifies, runs the passes, prints. Errors that MLIR emitted are not in the result.
    fn process(&mut self, source: &Source, chunk: &Chunk) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let module = source.parse(self.context, chunk).ok_or_else(Vec::new)?;
        if !ait_dialects::verify(&module) {
            return Err(vec![]);
        }
        let (print, cli) = (|module: &Module| self.cli.print(module), self.cli);
        let times = &mut self.times;
        let mut observe = |step: &Step, module: &Module, time: Duration| {
            times.push((step.to_string(), time));
            if cli.print_ir_after_all {
                let text = cli.print(module).unwrap_or_default();
                say(format_args!("// -----// IR Dump After {step} //----- //\n{text}"));
            }
        };
        self.pipeline
            .run_observed(&module, self.cli.verify_each, &mut observe)
            .map_err(|error| error.diagnostics)?;
        if self.cli.emit_bytecode {
            return Ok(module.as_operation().write_bytecode());
        }
        print(&module).map(String::into_bytes)
    }
}

impl Cli {
    fn print(&self, module: &Module) -> Result<String, Vec<Diagnostic>> {
        let mut flags = OperationPrintingFlags::new().enable_debug_info(self.mlir_print_debuginfo, false);
        if let Some(limit) = self.elide_elementsattrs_if_larger {
            flags = flags.elide_large_elements_attributes(limit);
        }
        if self.mlir_print_op_generic {
            flags = flags.print_generic_operation_form();
        }
        if self.mlir_print_local_scope {
            flags = flags.use_local_scope();
        }
        module.as_operation().to_string_with_flags(flags).map_err(|error| {
            let message = format!("the module cannot be printed: {error}");
            vec![Diagnostic { severity: Severity::Error, location: SourceLocation::default(), message }]
        })
    }
}

/// Time of each pass, in the order of their first run, summed over the modules.
pub fn timing(times: &[(String, Duration)]) -> String {
    let mut rows: Vec<(&str, Duration)> = vec![];
    for (name, time) in times {
        match rows.iter_mut().find(|(seen, _)| seen == name) {
            Some((_, sum)) => *sum += *time,
            None => rows.push((name, *time)),
        }
    }
    let total: Duration = rows.iter().map(|(_, time)| *time).sum();
    rows.push(("total", total));
    let lines = rows.iter().map(|(name, time)| {
        let share = 100.0 * time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
        format!("{:>9.4} s {share:>5.1} %  {name}\n", time.as_secs_f64())
    });
    format!("===-- pass timing --===\n{}", lines.collect::<String>())
}

fn write(path: &std::path::Path, outputs: &[Vec<u8>]) -> Result<()> {
    let bytes = outputs.iter().map(Vec::as_slice).collect::<Vec<_>>().join(&b"\n// -----\n"[..]);
    Ok(write_bytes(path, &bytes)?)
}
