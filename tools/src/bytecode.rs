//! MLIR's bytecode as input. Upstream's reader trusts what it reads: damaged bytes can kill the process that reads them, or
//! never end. Another process therefore reads them first, with limits, verifies the module and writes it again, and only
//! what it wrote is read here.

use ait_passes::diagnostic::capture;
use ait_runtime::output::{say, write_bytes};
use anyhow::{Context as _, Result, bail};
use melior::ir::Module;
use melior::ir::operation::OperationLike as _;
use mlir_sys::mlirModuleCreateParse;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use tempfile::NamedTempFile;

/// The command of the other process, which is this program.
pub const COMMAND: &str = "read-bytecode";
const MAGIC: &[u8] = b"ML\xefR";

/// Seconds of the processor that reading may take, and bytes for each of which there is one more: fifty times what it takes
/// at least. A loop of upstream's has no iterations that could be counted here.
const SECONDS: u64 = 5;
const BYTES_PER_SECOND: u64 = 1 << 20;
/// Bytes of memory, and as many more for each byte that is read.
const MEMORY: u64 = 4 << 30;
const MEMORY_PER_BYTE: u64 = 32;
/// `SIGXCPU`
const OUT_OF_TIME: i32 = 24;

/// Whether an input is bytecode.
pub fn is_bytecode(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The module in the bytecode of the input `name`, as bytecode that is safe to read.
///
/// # Errors
/// When it is damaged.
pub fn rewritten(name: &str, bytes: &[u8]) -> Result<NamedTempFile> {
    let result = NamedTempFile::new().context("cannot make a temporary file")?;
    let mut child = Command::new("/proc/self/exe")
        .arg(COMMAND)
        .stdin(Stdio::piped())
        .stdout(result.as_file().try_clone()?)
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the process that reads bytecode")?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // If the process ends before it has read everything, its end says why.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(bytes)));
        child.wait_with_output()
    })?;
    match output.status.signal() {
        None => {}
        Some(OUT_OF_TIME) => bail!("{name}: the bytecode is damaged: MLIR's reader does not end"),
        Some(signal) => bail!("{name}: the bytecode is damaged: MLIR's reader died of signal {signal}"),
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name}: the bytecode cannot be read: {}", said.trim_end());
    }
    Ok(result)
}

/// The other process: standard input to standard output.
pub fn main() -> ExitCode {
    match rewrite() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn rewrite() -> Result<()> {
    // Nobody would wait for it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).context("cannot read stdin")?;
    let size = bytes.len() as u64;
    limit(Resource::Cpu, SECONDS + size / BYTES_PER_SECOND)?;
    limit(Resource::As, MEMORY.saturating_add(size.saturating_mul(MEMORY_PER_BYTE)))?;
    let context = ait_dialects::context();
    let (module, diagnostics) = capture(&context, || {
        // SAFETY: the bytes outlive the call, and the module owns the result alone.
        unsafe {
            let text = mlir_sys::MlirStringRef { data: bytes.as_ptr().cast(), length: bytes.len() };
            Module::from_option_raw(mlirModuleCreateParse(context.to_raw(), text))
        }
    });
    let said = || diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let module = module.with_context(said)?;
    Ok(write_bytes(Path::new("-"), &module.as_operation().write_bytecode())?)
}

/// Lowers a limit, unless it is lower already.
fn limit(resource: Resource, most: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(resource);
    let current = Some(current.map_or(most, |current| current.min(most)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}
