//! A child process with a time limit, whose output is read while it runs.

use std::io::{Read, Result};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wait_timeout::ChildExt;

use super::{ExecError, Output};

/// Runs `command` for at most `limit`. Errors name `program`, which may be an argument of `command`. Its standard input
/// is empty unless the command says what it is.
pub(super) fn run(
    mut command: Command,
    program: &Path,
    limit: Duration,
) -> std::result::Result<Output, ExecError> {
    let file_error = |source| ExecError::File { path: program.to_owned(), source };
    let start = Instant::now();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(file_error)?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let status = match child.wait_timeout(limit).map_err(file_error)? {
        Some(status) => Some(status),
        None => {
            // It may have ended just now; then killing fails and waiting tells.
            let _ = child.kill();
            child.wait().map_err(file_error)?;
            None
        }
    };
    let elapsed = start.elapsed();
    let stdout = join(stdout).map_err(file_error)?;
    let stderr = String::from_utf8_lossy(&join(stderr).map_err(file_error)?).into_owned();
    let program = program.to_owned();
    match status {
        None => Err(ExecError::Timeout { program, limit, stderr }),
        Some(status) if status.success() => Ok(Output { stdout, stderr, elapsed }),
        Some(status) => Err(failure(status, program, stderr)),
    }
}

fn failure(status: ExitStatus, program: std::path::PathBuf, stderr: String) -> ExecError {
    match status.code() {
        Some(code) => ExecError::Exit { program, code, stderr },
        None => ExecError::Signal { program, signal: status.signal().unwrap_or(0), stderr },
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

fn join(reader: Option<JoinHandle<Result<Vec<u8>>>>) -> Result<Vec<u8>> {
    match reader.map(JoinHandle::join) {
        None => Ok(Vec::new()),
        Some(Ok(bytes)) => bytes,
        Some(Err(_)) => Err(std::io::Error::other("the reader of the program's output died")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> std::result::Result<Output, ExecError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, Path::new("script"), limit)
    }

    #[test]
    fn output_and_exit_codes_are_kept() {
        let limit = Duration::from_secs(20);
        let output = shell("echo out; echo err >&2", limit).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (b"out\n".as_slice(), "err\n"));
        let error = shell("echo no vectors >&2; exit 3", limit).unwrap_err();
        assert_eq!(
            error.to_string(),
            "script exited with 3: the core has no RVV 1.0 vector unit of at least 128 bits\n  no vectors"
        );
        assert_eq!(shell("kill -SEGV $$", limit).unwrap_err().to_string(), "script died of signal 11");
    }

    #[test]
    fn a_slow_program_is_killed() {
        let error = shell("exec sleep 20", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.to_string(), "script was killed after 50ms");
    }

    #[test]
    fn much_output_does_not_block() {
        let output =
            shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", Duration::from_secs(20))
                .unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
    }
}
