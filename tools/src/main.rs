//! One binary under three names: `ait`, `ait-opt` and `ait-translate`.
//!
//! The name it is called by chooses the tool; `ait opt ...` and `ait translate ...` do the same.

use ait_tools::bytecode::COMMAND;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let called = args.first().and_then(|name| Path::new(name).file_stem()?.to_str().map(str::to_owned));
    let tool = match (called.as_deref(), args.get(1).and_then(|word| word.to_str())) {
        (Some("ait-opt"), _) => "opt",
        (Some("ait-translate"), _) => "translate",
        (_, word) => match ["opt", "translate", COMMAND].into_iter().find(|tool| Some(*tool) == word) {
            Some(tool) => {
                args.remove(1);
                tool
            }
            None => "ait",
        },
    };
    ait_tools::main(tool, &args)
}
