//! A child process with a time limit, whose output is read while it runs.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};
use wait_timeout::ChildExt as _;

use super::place::at;
use super::{ExecError, Output};

/// Bytes of an output that are read; whoever writes more dies of a broken pipe.
const MOST_OUTPUT: u64 = 64 << 20;

/// For how long the rest of an output is waited for, once the program and all that it started have ended. Only a
/// process that has left the program's group can keep a pipe open until then.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `command` for at most `limit`; what it has started ends with it. Errors name `program`, which may be an argument
/// of `command`. Its standard input is empty unless the command says what it is.
pub(super) fn run(command: Command, program: &Path, limit: Duration) -> Result<Output, ExecError> {
    run_with_grace(command, program, limit, GRACE)
}

fn run_with_grace(
    mut command: Command,
    program: &Path,
    limit: Duration,
    grace: Duration,
) -> Result<Output, ExecError> {
    let file_error = |error| ExecError::File { path: program.to_owned(), error };
    let start = Instant::now();
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    // SAFETY: between fork and exec this makes one system call and nothing else.
    unsafe {
        // A group of its own does not get the terminal's interrupt, which ends this process.
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    let spawned = command.spawn();
    let mut child = at(Path::new(command.get_program()), spawned)?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take().map(Rest::of), child.stderr.take().map(Rest::of));
    let status = child.wait_timeout(limit).map_err(file_error)?;
    drop(group);
    if status.is_none() {
        child.wait().map_err(file_error)?;
    }
    let elapsed = start.elapsed();
    let deadline = Instant::now() + grace;
    let collect = |rest: Option<Rest>| rest.map_or_else(|| Ok(Vec::new()), |rest| rest.until(deadline));
    let stdout = collect(stdout).map_err(file_error)?;
    let stderr = String::from_utf8_lossy(&collect(stderr).map_err(file_error)?).into_owned();
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

/// A child's process group, killed when dropped.
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> Self {
        Self(Pid::from_child(child))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Where nothing of it is left there is nothing to kill.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// What a thread reads from a pipe.
struct Rest {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<io::Result<()>>,
}

impl Rest {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, end) = channel();
        let sink = Arc::clone(&bytes);
        thread::spawn(move || {
            // Nobody waits for it if it is late.
            let _ = sender.send(copy(pipe.take(MOST_OUTPUT), &sink));
        });
        Self { bytes, end }
    }

    /// What has come when the pipe ends, at the deadline at the latest.
    fn until(self, deadline: Instant) -> io::Result<Vec<u8>> {
        if let Ok(end) = self.end.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            end?;
        }
        Ok(std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn copy(mut pipe: impl Read, sink: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = match pipe.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Output, ExecError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_with_grace(command, Path::new("script"), limit, Duration::from_millis(300))
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
    fn a_slow_program_is_killed_with_what_it_started() {
        let limit = Duration::from_millis(50);
        let start = Instant::now();
        // The shell waits for a child that has its pipes, and so would we.
        for script in ["exec sleep 20", "sleep 20; true", "trap '' TERM HUP; sleep 20 & sleep 20; true"] {
            let error = shell(script, limit).unwrap_err();
            assert_eq!(error.to_string(), "script was killed after 50ms");
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_outlives_a_program_keeps_nobody_waiting() {
        let start = Instant::now();
        for script in ["echo done; sleep 20 &", "echo done; setsid sleep 20 &"] {
            assert_eq!(shell(script, Duration::from_secs(20)).unwrap().stdout, b"done\n");
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn much_output_does_not_block() {
        let output =
            shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", Duration::from_secs(20))
                .unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
        let endless = shell("exec cat /dev/zero", Duration::from_secs(20)).unwrap_err();
        assert_eq!(endless.to_string(), "script died of signal 13");
    }
}
