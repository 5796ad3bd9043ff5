//! The tools: ONNX import, and the command lines of `ait`, `ait-opt` and `ait-translate`.

pub mod onnx;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a tool (`ait`, `opt` or `translate`) on its command line, program name first.
pub fn main(tool: &str, args: &[OsString]) -> ExitCode {
    let _ = (tool, args);
    ExitCode::FAILURE
}
