//! Running RISC-V programs: one trait, and QEMU user mode behind it.

pub mod count;
mod meter;
mod place;
mod process;
mod program;
mod qemu;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use qemu::{MAX_VLEN, MIN_VLEN, Qemu};

/// One run of a program in a private directory, which is its working directory.
#[derive(Debug, Clone)]
pub struct Job {
    /// A static riscv64 executable on the host.
    pub program: PathBuf,
    /// Its arguments; files are named as in `inputs` and `outputs`.
    pub args: Vec<OsString>,
    /// Files of the host that the program finds in its working directory under these names.
    pub inputs: Vec<JobFile>,
    /// Files that the program leaves there, and where they go on the host when it succeeds.
    pub outputs: Vec<JobFile>,
    /// After this time the program is killed.
    pub timeout: Duration,
}

/// A file of a [`Job`].
#[derive(Debug, Clone)]
pub struct JobFile {
    /// Its name in the working directory of the program, without directories.
    pub name: String,
    /// Its path on the host.
    pub path: PathBuf,
}

impl JobFile {
    /// The file `path` of the host as `name`.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), path: path.into() }
    }
}

impl Job {
    /// A run of `program` without arguments or files, for at most ten minutes.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            timeout: Duration::from_secs(600),
        }
    }
}

/// What a program that exited with 0 said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, invalid UTF-8 replaced.
    pub stderr: String,
    /// Wall time on the host; it says nothing about hardware.
    pub elapsed: Duration,
}

/// Why a program did not run to a good end.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The executor itself is missing or unusable; the text names the remedy.
    #[error("{0}")]
    Unavailable(String),
    /// A file of the job could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// A result could not be written; the text names it.
    #[error(transparent)]
    Write(#[from] std::io::Error),
    /// The program did not end in time and was killed.
    #[error("{program} was killed after {limit:?}{}", indented(stderr))]
    Timeout {
        /// The program.
        program: PathBuf,
        /// The job's limit.
        limit: Duration,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The program exited with something else than 0.
    #[error("{program} {}{}", explain(*code), indented(stderr))]
    Exit {
        /// The program.
        program: PathBuf,
        /// Its exit code.
        code: i32,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The program died of a signal.
    #[error("{program} died of signal {signal}{}", indented(stderr))]
    Signal {
        /// The program.
        program: PathBuf,
        /// The signal's number.
        signal: i32,
        /// What it wrote to standard error.
        stderr: String,
    },
}

/// Runs programs somewhere.
pub trait Executor {
    /// Runs `job` to its end. `outputs` of the job are replaced only when it succeeds.
    ///
    /// # Errors
    /// See [`ExecError`].
    fn run(&self, job: &Job) -> Result<Output, ExecError>;
}

/// The exit code that the runtime gives on a core without the vector extension it needs.
pub const EXIT_NO_VECTOR: i32 = 3;

/// How a program ended that exited with `code`.
pub fn explain(code: i32) -> String {
    match code {
        EXIT_NO_VECTOR => {
            format!("exited with {code}: the core has no RVV 1.0 vector unit of at least 128 bits")
        }
        _ => format!("exited with {code}"),
    }
}

fn indented(stderr: &str) -> String {
    stderr.trim_end().lines().map(|line| format!("\n  {line}")).collect()
}
