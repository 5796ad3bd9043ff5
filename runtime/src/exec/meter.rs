//! Model cycles and their causes, from the plugin of `tools/meter` in QEMU.
//!
//! Regions are marked as for [`count`](super::count); layers inside of them by the runtime's `ait_layer_begin` and
//! `ait_layer_end`, which compiled networks call. `docs/measuring.md` tells what the figures mean.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ait_cores::{Core, Reading, Report};

use super::place::{Place, at};
use super::{ExecError, Job, Qemu, count, process, program};

/// The plugin's file, beside the tools or in the folder above test programs.
const PLUGIN: &str = "libait_meter.so";
/// Names in the job's directory: the length of a path moves the program's stack.
const PROGRAM: &str = "ait-meter-program";
const CORE: &str = "ait-meter-core.toml";
const REPORT: &str = "ait-meter-report.json";

/// Bytes of the program's address space.
const ADDRESSES: &str = "0x4000000000";

impl Qemu {
    /// Runs `job` and simulates what it executes between calls of [`count::BEGIN`] and [`count::END`] on `core`: one
    /// reading a pair. On one thread the figures repeat to the last one: the program sees no environment, no
    /// randomness, and the same addresses whenever it runs.
    ///
    /// # Errors
    /// As [`Executor::run`](super::Executor::run); when there is no plugin, QEMU has no vectors, the core's timings are
    /// not for its vector length, or the last region does not end.
    pub fn meter(&self, job: &Job, core: &Core) -> Result<Vec<Reading>, ExecError> {
        let unavailable = |reason: String| ExecError::Unavailable(reason);
        let vlen = self.vlen.ok_or_else(|| unavailable("the meter is for cores with vectors".to_owned()))?;
        core.clone().at_vlen(vlen).map_err(|error| unavailable(error.to_string()))?;
        let plugin = plugin().map_err(unavailable)?;
        program::check(&job.program)?;
        let place = Place::new(job)?;
        place.link(&job.program, &place.path().join(PROGRAM))?;
        at(Path::new(CORE), fs::write(place.path().join(CORE), core.text()))?;
        let command = self.meter_command(&plugin, vlen, place.path(), job);
        process::run(command, &job.program, job.timeout).map_err(|error| blamed(error, &plugin))?;
        let report = place.path().join(REPORT);
        if !report.exists() {
            return Err(unavailable(format!("{} left no report: {NOT_OURS}", plugin.display())));
        }
        let readings = read(&report)?;
        place.collect(job)?;
        Ok(readings)
    }

    fn meter_command(&self, plugin: &Path, vlen: u32, directory: &Path, job: &Job) -> Command {
        // Addresses decide which sets of a cache are used: the program's are in a range of its own, so that they depend
        // neither on the host's randomisation nor on where QEMU is.
        let mut command = Command::new("setarch");
        command.arg("-R").arg(&self.program).args(["-seed", "1", "-R", ADDRESSES, "-cpu"]).arg(&self.cpu);
        command.arg("-plugin").arg(plugin_option(plugin, vlen)).arg(format!("./{PROGRAM}")).args(&job.args);
        command.env_clear().current_dir(directory);
        command
    }
}

/// QEMU's own complaint about a plugin, before it runs the program.
const NOT_LOADED: &str = "Could not load plugin";
const NOT_OURS: &str = "it is not the meter of this ait: run `cargo build -p ait-meter`, or set AIT_METER";

/// The program is not at fault where QEMU did not take the plugin.
fn blamed(error: ExecError, plugin: &Path) -> ExecError {
    match error {
        ExecError::Exit { stderr, .. } if stderr.contains(NOT_LOADED) => {
            let reason = stderr.trim_end().replace('\n', "\n  ");
            ExecError::Unavailable(format!("{}: {NOT_OURS}\n  {reason}", plugin.display()))
        }
        other => other,
    }
}

/// `FILE,NAME=VALUE,...`, in which a comma is written twice.
fn plugin_option(plugin: &Path, vlen: u32) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut option = Vec::new();
    for &byte in plugin.as_os_str().as_bytes() {
        option.extend(std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 }));
    }
    option.extend_from_slice(format!(",out={REPORT},core={CORE},vlen={vlen}").as_bytes());
    OsString::from_vec(option)
}

/// `$AIT_METER`, else the plugin beside this program or, for tests, one folder up.
fn plugin() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("AIT_METER").filter(|path| !path.is_empty()) {
        return Path::new(&path)
            .canonicalize()
            .map_err(|error| format!("AIT_METER={}: {error}", path.display()));
    }
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut folders = program.ancestors().skip(1).take(2);
    let found = folders.find_map(|folder| folder.join(PLUGIN).canonicalize().ok());
    found.ok_or_else(|| {
        format!(
            "there is no {PLUGIN} beside {}: run `cargo build -p ait-meter`, or set AIT_METER",
            program.display()
        )
    })
}

fn read(path: &Path) -> Result<Vec<Reading>, ExecError> {
    let invalid = |reason: String| ExecError::File {
        path: REPORT.into(),
        error: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
    };
    let text = at(Path::new(REPORT), fs::read(path))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
    if report.open {
        return Err(invalid(format!("{} without {}", count::BEGIN, count::END)));
    }
    Ok(report.readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_paths_are_doubled() {
        let option = plugin_option(Path::new("/a,b/p.so"), 256);
        assert_eq!(option, "/a,,b/p.so,out=ait-meter-report.json,core=ait-meter-core.toml,vlen=256");
    }

    #[test]
    fn damaged_reports_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(REPORT);
        let error = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(error("{").contains("EOF"));
        assert!(error(r#"{"readings":[],"open":true}"#).contains("without ait_count_end"));
        assert!(read(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn timings_for_another_vector_length_are_refused() {
        let Ok(qemu) = Qemu::new(512) else { return };
        let error = qemu.meter(&Job::new("/bin/true"), &Core::named("spacemit-x60").unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "spacemit-x60: its timings are for VLEN 256, not 512");
    }
}
