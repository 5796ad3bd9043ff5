//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

pub mod onnx;
pub mod opt;
pub mod output;
pub mod translate;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a tool (`ait`, `opt` or `translate`) on its command line, program name first.
pub fn main(tool: &str, args: &[OsString]) -> ExitCode {
    match tool {
        "opt" => opt::main(args),
        "translate" => translate::main(args),
        _ => ExitCode::FAILURE,
    }
}
