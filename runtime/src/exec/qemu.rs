//! QEMU user mode, the default executor.

use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;
use std::{env, io, thread};

use super::count::{self, Region};
use super::place::{Place, at};
use super::{ExecError, Executor, Job, Output, process, program};
use crate::paths;

/// The shortest vector register, in bits, that compiled networks run on.
pub const MIN_VLEN: u32 = 128;
/// The longest vector register, in bits, that QEMU emulates and compiled networks are tested on.
pub const MAX_VLEN: u32 = 1024;

const PROGRAM: &str = "qemu-riscv64";
const OLDEST: u32 = 8;
const SIGPIPE: i32 = 13;
/// For how long QEMU may think about its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);
const REMEDY: &str = "run `make setup`, or set AIT_QEMU to a qemu-riscv64 of version 8 or newer";

/// `qemu-riscv64` with the vector extension.
#[derive(Debug, Clone)]
pub struct Qemu {
    pub(super) program: PathBuf,
    pub(super) cpu: String,
    /// Bits of a vector register; none without vectors.
    pub(super) vlen: Option<u32>,
}

impl Qemu {
    /// QEMU with vector registers of `vlen` bits (a power of two, 128 to 1024). The program is
    /// `$AIT_QEMU`, else that of the tool cache, else the one on `PATH`.
    ///
    /// # Errors
    /// When `vlen` is not possible, there is no QEMU, or it is older than version 8.
    pub fn new(vlen: u32) -> Result<Self, ExecError> {
        Self::within(VERSION_LIMIT, Some(vlen))
    }

    /// As [`Qemu::new`], or with a core that has no vector unit; QEMU is given up when it does not answer within
    /// `limit`.
    ///
    /// # Errors
    /// As [`Qemu::new`].
    pub fn within(limit: Duration, vlen: Option<u32>) -> Result<Self, ExecError> {
        let cpu = vlen.map_or_else(|| Ok("rv64,v=false".to_owned()), vector_cpu)?;
        let program = locate()?;
        check_version(&program, limit.min(VERSION_LIMIT))?;
        Ok(Self { program, cpu, vlen })
    }
}

/// A core with vector registers of `vlen` bits.
fn vector_cpu(vlen: u32) -> Result<String, ExecError> {
    if !vlen.is_power_of_two() || !(MIN_VLEN..=MAX_VLEN).contains(&vlen) {
        return Err(ExecError::Unavailable(format!(
            "VLEN {vlen} is not a power of two from {MIN_VLEN} to {MAX_VLEN}"
        )));
    }
    // Ones in tails and masked-off elements make wrong vector lengths visible.
    Ok(format!("rv64,v=true,vlen={vlen},elen=64,vext_spec=v1.0,rvv_ta_all_1s=true,rvv_ma_all_1s=true"))
}

impl Executor for Qemu {
    fn run(&self, job: &Job) -> Result<Output, ExecError> {
        self.run_with(job, |command| {
            command.stdin(Stdio::null());
        })
    }
}

impl Qemu {
    /// Runs `job` and counts its instructions between calls of [`count::BEGIN`] and [`count::END`]: one region a pair.
    /// The counts are exact and repeat. The program's standard input is not readable.
    ///
    /// # Errors
    /// As [`Executor::run`]; when the log is damaged or the calls do not pair.
    pub fn count(&self, job: &Job) -> Result<Vec<Region>, ExecError> {
        let log_error = |error| ExecError::File { path: "QEMU's log".into(), error };
        let (reader, writer) = io::pipe().map_err(log_error)?;
        let (sender, log) = channel();
        // Nobody waits for it if a process that QEMU left behind keeps the log open.
        thread::spawn(move || drop(sender.send(count::read(reader))));
        let ran = self.run_with(job, |command| {
            command.args(["-seed", "1", "-d", "in_asm,exec,nochain", "-D", "/proc/self/fd/0"]).stdin(writer);
        });
        // Counting goes on after the program's end.
        let regions = log.recv_timeout(job.timeout);
        let regions =
            regions.unwrap_or_else(|_| Err(io::Error::other("it does not end, or its reader died")));
        match (ran, regions) {
            // QEMU dies of a broken pipe when its log is not understood.
            (Err(ExecError::Signal { signal: SIGPIPE, .. }), Err(source)) => Err(log_error(source)),
            (ran, regions) => {
                ran?;
                regions.map_err(log_error)
            }
        }
    }

    /// Runs `job`; `prepare` gives QEMU's own options and standard input.
    fn run_with(&self, job: &Job, prepare: impl FnOnce(&mut Command)) -> Result<Output, ExecError> {
        program::check(&job.program)?;
        let place = Place::new(job)?;
        let program = at(&job.program, job.program.canonicalize())?;
        let mut command = Command::new(&self.program);
        command.arg("-cpu").arg(&self.cpu).current_dir(place.path());
        prepare(&mut command);
        command.arg(program).args(&job.args);
        let output = process::run(command, &job.program, job.timeout)?;
        place.collect(job)?;
        Ok(output)
    }
}

fn locate() -> Result<PathBuf, ExecError> {
    if let Some(path) = env::var_os("AIT_QEMU").filter(|path| !path.is_empty()) {
        // Programs run in another directory than this one.
        let path = PathBuf::from(path);
        return if path.components().count() > 1 { at(&path, absolute(&path)) } else { Ok(path) };
    }
    let cached = paths::cache_dir().join("qemu/bin").join(PROGRAM);
    if cached.is_file() {
        return Ok(cached);
    }
    paths::find_program(PROGRAM)
        .ok_or_else(|| ExecError::Unavailable(format!("there is no {PROGRAM}: {REMEDY}")))
}

fn check_version(program: &Path, limit: Duration) -> Result<(), ExecError> {
    let unavailable = |why: String| ExecError::Unavailable(format!("{}: {why}: {REMEDY}", program.display()));
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null());
    let output = process::run(command, program, limit).map_err(|error| match error {
        // These name the program themselves.
        ExecError::Timeout { .. } | ExecError::Exit { .. } | ExecError::Signal { .. } => {
            ExecError::Unavailable(format!("{error}\nIt was asked for its version: {REMEDY}"))
        }
        other => ExecError::Unavailable(format!("{other}: {REMEDY}")),
    })?;
    match major_version(&String::from_utf8_lossy(&output.stdout)) {
        Some(major) if major >= OLDEST => Ok(()),
        Some(major) => Err(unavailable(format!("version {major} is too old for RVV 1.0"))),
        None => Err(unavailable("it does not say its version".to_owned())),
    }
}

/// The major version in `qemu-riscv64 version 10.0.2 (Debian ...)`.
fn major_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once(" version ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major_version("qemu-riscv64 version 10.0.2 (Debian 1:10.0.2+ds-1~bpo12+1)"), Some(10));
        assert_eq!(major_version("qemu-riscv64 version 7.2.17"), Some(7));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn impossible_vector_lengths_are_errors() {
        for vlen in [0, 64, 192, 2048] {
            assert!(Qemu::new(vlen).unwrap_err().to_string().contains("power of two"));
        }
    }
}
