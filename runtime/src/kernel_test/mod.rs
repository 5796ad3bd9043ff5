//! Runs generated kernels in QEMU and compares what they write.
//!
//! The input is one or more object files with kernels `void k(void *const *args, float *scratch, size_t task)` and
//! a list of [`Case`]s. All cases go into one static executable, which runs once per vector length.
//! Apart from wrong values it finds reads and writes out of bounds (buffers end at a forbidden page and
//! start after a canary), writes to inputs, elements left unwritten, tasks that depend on each
//! other, and scratch that is used before it is written.
//!
//! ```no_run
//! use ait_runtime::kernel_test::{Arg, Case, check};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let case = Case::new("relu 3", "relu_3")
//!     .arg(Arg::input([-1.0, 0.0, 2.0]))
//!     .arg(Arg::output([0.0, 0.0, 2.0]));
//! let mismatches = check(&["kernels.o".as_ref()], &[case])?;
//! assert!(mismatches.is_empty(), "{}", ait_runtime::kernel_test::report(&mismatches));
//! # Ok(()) }
//! ```

mod wire;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::exec::{ExecError, Executor, Job, JobFile, Qemu};
use crate::target::{TargetError, Toolchain};

/// The vector lengths that [`check`] runs at.
pub const VLENS: [u32; 4] = [128, 256, 512, 1024];

/// What outputs hold before the kernel runs. As an *expected* element it says that the kernel must
/// not touch it (the holes of a strided view).
pub const POISON: f32 = f32::from_bits(0x7fc0_dead);

const TOLERANCE: f32 = 1e-4;

/// One call of a kernel: all its tasks.
#[derive(Debug, Clone)]
pub struct Case {
    /// What reports call it.
    pub name: String,
    /// The kernel's symbol in the object file.
    pub symbol: String,
    /// The kernel's arguments in order.
    pub args: Vec<Arg>,
    /// Tasks `0 .. tasks` are run, last to first.
    pub tasks: usize,
    /// The size of `scratch`, which is aligned to 64 bytes and poisoned before every task.
    pub scratch_bytes: usize,
}

impl Case {
    /// One task, no scratch, no arguments yet.
    pub fn new(name: impl Into<String>, symbol: impl Into<String>) -> Self {
        Self { name: name.into(), symbol: symbol.into(), args: Vec::new(), tasks: 1, scratch_bytes: 0 }
    }

    /// Adds the next argument.
    #[must_use]
    pub fn arg(mut self, arg: Arg) -> Self {
        self.args.push(arg);
        self
    }

    /// Sets the number of tasks.
    #[must_use]
    pub fn tasks(mut self, tasks: usize) -> Self {
        self.tasks = tasks;
        self
    }

    /// Sets the size of the scratch.
    #[must_use]
    pub fn scratch(mut self, bytes: usize) -> Self {
        self.scratch_bytes = bytes;
        self
    }
}

/// One argument. Buffers are aligned to 4 bytes only.
#[derive(Debug, Clone)]
pub enum Arg {
    /// Read-only memory with these elements.
    Input(Vec<f32>),
    /// Poisoned memory, which must then hold `expected`.
    Output {
        /// The elements afterwards; [`POISON`] where nothing may be written.
        expected: Vec<f32>,
    },
    /// Memory that is read and written.
    InOut {
        /// The elements before.
        initial: Vec<f32>,
        /// The elements afterwards; [`POISON`] only where `initial` was.
        expected: Vec<f32>,
    },
    /// The memory of another argument (not an alias itself), from one of its elements on.
    Alias {
        /// The index of that argument.
        arg: usize,
        /// The first element.
        offset: usize,
    },
}

impl Arg {
    /// [`Arg::Input`].
    pub fn input(data: impl Into<Vec<f32>>) -> Self {
        Self::Input(data.into())
    }

    /// [`Arg::Output`].
    pub fn output(expected: impl Into<Vec<f32>>) -> Self {
        Self::Output { expected: expected.into() }
    }

    fn expected(&self) -> Option<&[f32]> {
        match self {
            Self::Output { expected } | Self::InOut { expected, .. } => Some(expected),
            Self::Input(_) | Self::Alias { .. } => None,
        }
    }
}

/// A case that went wrong at one vector length.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// [`Case::name`].
    pub case: String,
    /// [`Case::symbol`].
    pub symbol: String,
    /// The vector length in bits.
    pub vlen: u32,
    /// What happened.
    pub problem: Problem,
}

/// What went wrong. `arg` is an index into [`Case::args`]; the scratch is the one behind the last.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// Some elements differ by more than `1e-4 + 1e-4 * |expected|`.
    Wrong {
        /// The argument.
        arg: usize,
        /// The first bad element.
        index: usize,
        /// Its value ([`POISON`]: never written).
        got: f32,
        /// The value it should have.
        expected: f32,
        /// The number of bad elements of this argument.
        bad: usize,
    },
    /// An access to memory that is not there, or a write to an input.
    Fault {
        /// The argument that the address is in or next to, if any.
        arg: Option<usize>,
        /// The address in bytes from the argument's first element.
        distance: i64,
    },
    /// Something was written in front of the first element of an argument.
    WroteBefore {
        /// The argument.
        arg: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wrong { arg, index, got, expected, bad } => {
                write!(f, "arg {arg}: element {index} is {}, not {}", Value(got), Value(expected))?;
                if bad > 1 { write!(f, " ({bad} elements are wrong)") } else { Ok(()) }
            }
            Self::Fault { arg: Some(arg), distance } => write!(f, "fault at arg {arg} {distance:+} bytes"),
            Self::Fault { arg: None, distance } => write!(f, "fault at address {distance:#x}"),
            Self::WroteBefore { arg } => write!(f, "wrote in front of arg {arg}"),
        }
    }
}

struct Value(f32);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.to_bits() == POISON.to_bits() { f.write_str("untouched") } else { write!(f, "{}", self.0) }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) at VLEN {}: {}", self.case, self.symbol, self.vlen, self.problem)
    }
}

/// One line per mismatch.
pub fn report(mismatches: &[Mismatch]) -> String {
    mismatches.iter().map(|mismatch| format!("{mismatch}\n")).collect()
}

/// Why the cases could not be run.
#[derive(Debug, thiserror::Error)]
pub enum KernelTestError {
    /// A case contradicts itself.
    #[error("case {case}: {what}")]
    Case {
        /// [`Case::name`].
        case: String,
        /// What is wrong with it.
        what: String,
    },
    /// The executable could not be built.
    #[error(transparent)]
    Build(#[from] TargetError),
    /// The executable could not be run.
    #[error(transparent)]
    Run(#[from] ExecError),
    /// A temporary file could not be written or read.
    #[error("kernel test: {0}")]
    Io(#[from] std::io::Error),
    /// The driver's results are not what it should write.
    #[error("kernel test: the results end too early")]
    Results,
}

/// Runs `cases` of the kernels in `objects` at every length of [`VLENS`]; returns what went wrong, in
/// the order of lengths and cases.
///
/// # Errors
/// When a case is inconsistent, the executable does not link, or QEMU cannot run it.
pub fn check(objects: &[&Path], cases: &[Case]) -> Result<Vec<Mismatch>, KernelTestError> {
    check_at(objects, cases, &VLENS)
}

/// [`check`] at the vector lengths `vlens`, in bits.
///
/// # Errors
/// As [`check`].
pub fn check_at(objects: &[&Path], cases: &[Case], vlens: &[u32]) -> Result<Vec<Mismatch>, KernelTestError> {
    cases.iter().try_for_each(validate)?;
    let directory = tempfile::Builder::new().prefix("ait-kernels-").tempdir()?;
    let program = build(directory.path(), objects, cases)?;
    let case_file = directory.path().join("cases");
    let symbols = symbols(cases);
    fs::write(&case_file, wire::encode(cases, &symbols))?;
    let mut mismatches = Vec::new();
    for &vlen in vlens {
        let results = directory.path().join(format!("results{vlen}"));
        let mut job = Job::new(&program);
        job.args = vec!["cases".into(), "results".into()];
        job.inputs = vec![JobFile::new("cases", &case_file)];
        job.outputs = vec![JobFile::new("results", &results)];
        Qemu::new(vlen)?.run(&job)?;
        let outcomes = wire::decode(&fs::read(&results)?, cases).ok_or(KernelTestError::Results)?;
        for (case, outcome) in cases.iter().zip(outcomes) {
            let (case, symbol) = (case.name.clone(), case.symbol.clone());
            mismatches.extend(outcome.into_iter().map(|problem| Mismatch {
                case: case.clone(),
                symbol: symbol.clone(),
                vlen,
                problem,
            }));
        }
    }
    Ok(mismatches)
}

fn validate(case: &Case) -> Result<(), KernelTestError> {
    let wrong = |what: String| KernelTestError::Case { case: case.name.clone(), what };
    let c_identifier = |c: char| c.is_ascii_alphanumeric() || "_$.".contains(c);
    if case.symbol.is_empty() || !case.symbol.chars().all(c_identifier) {
        return Err(wrong(format!("`{}` is no symbol", case.symbol)));
    }
    for (i, arg) in case.args.iter().enumerate() {
        match arg {
            Arg::InOut { initial, expected } if initial.len() != expected.len() => {
                return Err(wrong(format!(
                    "arg {i} has {} elements before, {} after",
                    initial.len(),
                    expected.len()
                )));
            }
            Arg::Alias { arg, .. } if matches!(case.args.get(*arg), None | Some(Arg::Alias { .. })) => {
                return Err(wrong(format!("arg {i} is an alias of arg {arg}, which has no memory")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The distinct symbols in order of first use.
fn symbols(cases: &[Case]) -> Vec<&str> {
    let mut symbols: Vec<&str> = cases.iter().map(|case| case.symbol.as_str()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

fn build(directory: &Path, objects: &[&Path], cases: &[Case]) -> Result<PathBuf, KernelTestError> {
    let (driver, table, program) =
        (directory.join("driver.c"), directory.join("table.c"), directory.join("kernel_test"));
    fs::write(&driver, include_str!("driver.c"))?;
    fs::write(&table, kernel_table(&symbols(cases)))?;
    let mut sources: Vec<&Path> = vec![&driver, &table];
    sources.extend(objects);
    Toolchain::find()?.link(&sources, &program)?;
    Ok(program)
}

/// C source of the table through which the driver finds kernels; `asm` labels allow any symbol.
fn kernel_table(symbols: &[&str]) -> String {
    let mut text = String::from("typedef void kernel_fn(void *const *, float *, unsigned long);\n");
    for (i, symbol) in symbols.iter().enumerate() {
        text += &format!("extern kernel_fn kernel_{i} __asm__(\"{symbol}\");\n");
    }
    let names: Vec<String> = (0..symbols.len()).map(|i| format!("kernel_{i}")).collect();
    text += &format!("kernel_fn *const ait_test_kernels[] = {{{}}};\n", names.join(", "));
    text
}

#[cfg(test)]
mod tests;
