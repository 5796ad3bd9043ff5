//! Compiled networks in one program that runs each of them once, between the marks of a region.

use ait_cores::{Core, Reading};
use ait_lowering::Program;
use ait_runtime::exec::count::Region;
use ait_runtime::exec::{Executor as _, Job, JobFile, Qemu};
use ait_runtime::target::{Clock, Toolchain};
use ait_runtime::{Tensor, npy};
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How programs run.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Threads that share every layer, modelled where the meter measures.
    pub threads: u32,
    /// Who measures.
    pub clock: Clock,
    /// For how long all together run in QEMU at most.
    pub timeout: Duration,
}

/// The linked program and its files.
pub struct Bench {
    work: TempDir,
    job: Job,
    /// Of the networks, in the order they run in.
    names: Vec<String>,
}

impl Bench {
    /// Links networks of one input and one output, of different names, each with its weights and what it gets (in the
    /// order of its memory).
    ///
    /// # Errors
    /// What the tools or the file system report.
    pub fn new(runs: &[(&Program, &[u8], Tensor)], setting: Setting) -> Result<Self> {
        let work = tempfile::tempdir().context("cannot make a temporary directory")?;
        let Setting { threads, clock, timeout } = setting;
        let job = Job { timeout, ..Job::new(work.path().join("bench")) };
        let mut bench = Self { work, job, names: Vec::new() };
        let mut objects = Vec::new();
        for (program, weights, input) in runs {
            let name = program.name.as_str();
            let (inputs, outputs) = (program.inputs.len(), program.outputs.len());
            ensure!(
                (inputs, outputs) == (1, 1),
                "{name} has {inputs} inputs and {outputs} outputs instead of one each"
            );
            objects.push((name, bench.add(program, weights, input)?));
        }
        let models: Vec<(&str, &Path)> = objects.iter().map(|(name, path)| (*name, path.as_path())).collect();
        Toolchain::find()?.build_bench(&models, threads, clock, &bench.job.program)?;
        bench.names = runs.iter().map(|(program, ..)| program.name.clone()).collect();
        Ok(bench)
    }

    /// Writes a network's files and gives its object's.
    fn add(&mut self, program: &Program, weights: &[u8], input: &Tensor) -> Result<PathBuf> {
        let name = program.name.as_str();
        let [object, weights_file, input_file, output] =
            ["o", "weights", "input.npy", "output.npy"].map(|suffix| self.file(name, suffix));
        std::fs::write(&object, &program.object)?;
        std::fs::write(&weights_file, weights)?;
        npy::write(&input_file, input)?;
        let named = |suffix: &str, path: &Path| JobFile::new(format!("{name}.{suffix}"), path);
        self.job.inputs.extend([named("weights", &weights_file), named("input.npy", &input_file)]);
        self.job.outputs.push(named("output.npy", &output));
        Ok(object)
    }

    fn file(&self, name: &str, suffix: &str) -> PathBuf {
        self.work.path().join(format!("{name}.{suffix}"))
    }

    /// Where the last run left the output of the network `name`.
    pub fn output(&self, name: &str) -> PathBuf {
        self.file(name, "output.npy")
    }

    /// Runs all networks and counts their instructions.
    ///
    /// # Errors
    /// What QEMU reports.
    pub fn count(&self, qemu: &Qemu) -> Result<Vec<Region>> {
        self.complete(qemu.count(&self.job)?)
    }

    /// Runs all networks and meters them on a core.
    ///
    /// # Errors
    /// What QEMU or the meter report.
    pub fn meter(&self, qemu: &Qemu, core: &Core) -> Result<Vec<Reading>> {
        self.complete(qemu.meter(&self.job, core)?)
    }

    /// Runs all networks, for their outputs.
    ///
    /// # Errors
    /// What QEMU reports.
    pub fn run(&self, qemu: &Qemu) -> Result<()> {
        qemu.run(&self.job)?;
        Ok(())
    }

    /// Copies the program into a new directory, as `bench`, with its files and what the last run computed as what is
    /// expected.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn copy_to(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let copy = |from: &Path, name: &str| {
            let copied = std::fs::copy(from, directory.join(name));
            copied.map(drop).with_context(|| format!("cannot write {}", directory.join(name).display()))
        };
        copy(&self.job.program, "bench")?;
        for file in &self.job.inputs {
            copy(&file.path, &file.name)?;
        }
        self.names.iter().try_for_each(|name| copy(&self.output(name), &format!("{name}.expected.npy")))
    }

    fn complete<T>(&self, found: Vec<T>) -> Result<Vec<T>> {
        let (got, wanted) = (found.len(), self.names.len());
        ensure!(got == wanted, "{got} of {wanted} runs were measured");
        Ok(found)
    }
}
