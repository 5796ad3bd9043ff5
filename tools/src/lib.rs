//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

pub mod bench;
pub mod bytecode;
mod cli;
pub mod compile;
pub mod description;
pub mod inspect;
mod instructions;
mod jobs;
mod measure;
mod named;
pub mod onnx;
pub mod opt;
mod progress;
pub mod prune;
pub mod run;
mod set;
pub mod translate;
pub mod tune;

use ait_runtime::output::{print, say};
use clap::Parser;
use serde::Serialize;
use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// Runs a tool (`ait`, `opt`, `translate` or [`bytecode::COMMAND`]) on its command line, program name first.
pub fn main(tool: &str, args: &[OsString]) -> ExitCode {
    match tool {
        "opt" => opt::main(args),
        "translate" => translate::main(args),
        bytecode::COMMAND => bytecode::main(),
        _ => cli::main(args),
    }
}

/// Exit code where nobody reads the output any more: what a shell shows of a program that died of SIGPIPE.
const CLOSED_PIPE: u8 = 128 + 13;

/// Reads a command line, program name first; what clap has to say is printed, and its exit code is the error (help
/// and version are such errors too, of code 0).
fn command_line<T: Parser>(args: &[OsString]) -> Result<T, ExitCode> {
    T::try_parse_from(args).map_err(|error| {
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        match printed {
            // Where standard error cannot be written, the code says it all.
            Err(fault) if !error.use_stderr() => {
                failure(&anyhow::Error::new(fault).context("cannot write standard output"))
            }
            _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
        }
    })
}

/// Prints a value as JSON.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(print(&(serde_json::to_string_pretty(value)? + "\n"))?)
}

/// Reports an error on stderr: `error: ...`, unless the message starts with a location and says so already. A reader of
/// the output that has gone is not worth a word.
fn failure(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::from(CLOSED_PIPE);
    }
    let text = format!("{error:#}");
    say(format_args!("{}{text}", if text.contains("error: ") { "" } else { "error: " }));
    ExitCode::FAILURE
}
