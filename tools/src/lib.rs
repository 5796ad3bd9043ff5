//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

mod cli;
pub mod compile;
pub mod description;
pub mod inspect;
pub mod onnx;
pub mod opt;
pub mod output;
mod progress;
pub mod run;
pub mod translate;

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
