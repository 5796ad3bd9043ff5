//! The cross tools and what they build for the board.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::paths;

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A tool or library is missing; the text names the remedy.
    #[error("{0}")]
    Missing(String),
    /// A tool failed.
    #[error("{tool} failed while building {output}:\n{stderr}")]
    Tool {
        /// The tool.
        tool: String,
        /// What it should have made.
        output: PathBuf,
        /// What it said.
        stderr: String,
    },
    /// A file could not be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Clang with lld and the riscv64 C library.
#[derive(Debug, Clone)]
pub struct Toolchain {
    clang: PathBuf,
}

const FLAGS: [&str; 6] =
    ["--target=riscv64-linux-gnu", "-march=rv64gcv", "-mabi=lp64d", "-O2", "-std=c11", "-Wall"];

impl Toolchain {
    /// The tools of this machine.
    ///
    /// # Errors
    /// When one is missing; the text says how to install it.
    pub fn find() -> Result<Self, TargetError> {
        Ok(Self { clang: tool("clang-22")? })
    }

    /// Compiles the C source `source` into the object `output`.
    ///
    /// # Errors
    /// What clang says.
    pub fn compile(&self, source: &Path, output: &Path) -> Result<(), TargetError> {
        let mut command = Command::new(&self.clang);
        command.args(FLAGS).arg("-c").arg(source);
        paths::write_atomically(output, 0o644, |temporary| run(command.arg("-o").arg(temporary), output))
    }

    /// Links C sources and objects into the static executable `output`.
    ///
    /// # Errors
    /// What clang says.
    pub fn link(&self, sources: &[&Path], output: &Path) -> Result<(), TargetError> {
        let mut command = Command::new(&self.clang);
        command.args(FLAGS).args(["-fuse-ld=lld", "-static"]).args(sources).arg("-lm");
        paths::write_atomically(output, 0o755, |temporary| run(command.arg("-o").arg(temporary), output))
    }
}

fn tool(name: &str) -> Result<PathBuf, TargetError> {
    paths::find_program(name).ok_or_else(|| {
        TargetError::Missing(format!("there is no {name}: run `make setup` or install it with apt"))
    })
}

fn run(command: &mut Command, output: &Path) -> Result<(), TargetError> {
    let result = command.output()?;
    if result.status.success() {
        return Ok(());
    }
    Err(TargetError::Tool {
        tool: command.get_program().to_string_lossy().into_owned(),
        output: output.to_owned(),
        stderr: String::from_utf8_lossy(&result.stderr).into_owned(),
    })
}
