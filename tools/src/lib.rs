//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

pub mod bench;
mod cli;
pub mod compile;
pub mod description;
pub mod inspect;
mod instructions;
mod jobs;
mod measure;
pub mod onnx;
pub mod opt;
pub mod output;
mod progress;
pub mod prune;
pub mod run;
pub mod translate;
pub mod tune;

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a tool (`ait`, `opt` or `translate`) on its command line, program name first.
pub fn main(tool: &str, args: &[OsString]) -> ExitCode {
    match tool {
        "opt" => opt::main(args),
        "translate" => translate::main(args),
        _ => cli::main(args),
    }
}

/// Reads a command line, program name first; what clap has to say is printed, and its exit code is the error (help
/// and version are such errors too, of code 0).
fn command_line<T: Parser>(args: &[OsString]) -> Result<T, ExitCode> {
    T::try_parse_from(args).map_err(|error| {
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Reports an error on stderr: `error: ...`, unless the message starts with a location and says so already.
fn failure(error: &anyhow::Error) -> ExitCode {
    let text = format!("{error:#}");
    eprintln!("{}{text}", if text.contains("error: ") { "" } else { "error: " });
    ExitCode::FAILURE
}
