//! The C runtime of the board, and the cross tools that build it together with a compiled network.

use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

use crate::output::{self, replace};
use crate::paths::{cache_dir, find_program};

/// What the header of every network includes.
pub const HEADER: (&str, &str) = ("ait_runtime.h", include_str!("../target/ait_runtime.h"));

/// The C11 runtime, by file name: what `-o out/ --emit=exe` compiles and `docs/deploy.md` describes.
pub const SOURCES: [(&str, &str); 10] = [
    ("ait_bench.c", include_str!("../target/ait_bench.c")),
    ("ait_internal.h", include_str!("../target/ait_internal.h")),
    ("ait_main.c", include_str!("../target/ait_main.c")),
    ("ait_npy.c", include_str!("../target/ait_npy.c")),
    ("ait_npy.h", include_str!("../target/ait_npy.h")),
    ("ait_pool.c", include_str!("../target/ait_pool.c")),
    ("ait_runtime.c", include_str!("../target/ait_runtime.c")),
    HEADER,
    ("ait_weights.S", include_str!("../target/ait_weights.S")),
    ("ait_xnn.c", include_str!("../target/ait_xnn.c")),
];

/// For the runtime: it must start on a core without vectors, to say so.
const PORTABLE: &str = "-march=rv64gc";
const FLAGS: [&str; 6] = [
    "--target=riscv64-linux-gnu",
    "-mabi=lp64d",
    "-O2",
    "-std=c11",
    "-ffunction-sections",
    "-fdata-sections",
];
/// For a library, which may become part of a shared one; the network's object is position independent already.
const PIC: &str = "-fPIC";
const LINK: [&str; 4] = ["-fuse-ld=lld", "-static", "-Wl,--gc-sections", "-Wl,--build-id=none"];
const XNNPACK: [&str; 2] = ["XNNPACK", "microkernels-prod"];
const POOL: &str = "pthreadpool";

/// Who measures the programs of [`Toolchain::build_bench`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// QEMU with a counter or the meter: marks; several threads are those of `ait_pool.c`, one that does the tasks of
    /// all, for the meter to tell apart.
    Meter,
    /// A board: times, and threads that are real.
    Device,
}

/// Most weights in an executable. Its code reaches symbols within 2 GiB (code model medlow, of XNNPACK and the C library
/// too), and 64 MiB are left for everything else.
pub const MOST_EMBEDDED: u64 = (2 << 30) - (64 << 20);

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A tool or library is missing; the text names the remedy.
    #[error("{0}")]
    Missing(String),
    /// The model's name is no C identifier.
    #[error("`{0}` is no C identifier")]
    Name(String),
    /// There are too many weights for an executable.
    #[error(
        "{0} bytes of weights are more than the {MOST_EMBEDDED} that an executable can have in it, whose code reaches 2 GiB; \
         take the object or the library, which read the weights from their file (--emit=obj, --emit=lib)"
    )]
    Embedded(u64),
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
    /// A file could not be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// A result or temporary file could not be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Clang with lld, the riscv64 C library, and the cross-built XNNPACK with its thread pool.
#[derive(Debug, Clone)]
pub struct Toolchain {
    clang: PathBuf,
    archiver: PathBuf,
    xnnpack: PathBuf,
}

impl Toolchain {
    /// The tools of this machine.
    ///
    /// # Errors
    /// When one is missing; the text says how to install it.
    pub fn find() -> Result<Self, TargetError> {
        let xnnpack = cache_dir().join("xnnpack");
        Ok(Self { clang: tool("clang-22")?, archiver: tool("llvm-ar-22")?, xnnpack })
    }

    /// Compiles the C source `source` for a core with vectors into the object `output`.
    ///
    /// # Errors
    /// What clang says.
    pub fn compile(&self, source: &Path, output: &Path) -> Result<(), TargetError> {
        let mut command = Command::new(&self.clang);
        command.args(FLAGS).arg("-march=rv64gcv").arg("-c").arg(source);
        replace(output, 0o666, |temporary| run(command.arg("-o").arg(temporary), output))
    }

    /// Links C sources, objects and libraries into the static executable `output`.
    ///
    /// # Errors
    /// What clang says.
    pub fn link(&self, sources: &[&Path], output: &Path) -> Result<(), TargetError> {
        let mut command = Command::new(&self.clang);
        command.args(FLAGS).arg(PORTABLE).args(LINK).args(sources).arg("-lm");
        replace(output, 0o777, |temporary| run(command.arg("-o").arg(temporary), output))
    }

    /// Links the network `model` (a C identifier) in `object`, its `weights` file and the runtime into the
    /// static executable `output`, which needs no other file.
    ///
    /// # Errors
    /// When a file or tool is missing, or what clang says.
    pub fn build_exe(
        &self,
        object: &Path,
        weights: &Path,
        model: &str,
        uses_xnnpack: bool,
        output: &Path,
    ) -> Result<(), TargetError> {
        if !is_c_identifier(model) {
            return Err(TargetError::Name(model.to_owned()));
        }
        let error = |error| TargetError::File { path: weights.to_owned(), error };
        let bytes = weights.metadata().map_err(error)?.len();
        if bytes > MOST_EMBEDDED {
            return Err(TargetError::Embedded(bytes));
        }
        let work = Workspace::new()?;
        work.link_in(object, "model.o")?;
        work.link_in(weights, "weights")?;
        let mut command = self.clang_in(&work)?;
        // Whole symbols: the name alone may be a macro of a C header.
        command.args([format!("-DAIT_PROGRAM={model}_program"), format!("-DAIT_WEIGHTS={model}_weights")]);
        command.arg(format!("-DAIT_WEIGHTS_END={model}_weights_end")).arg("-DAIT_WEIGHTS_FILE=\"weights\"");
        command.args(["model.o", "ait_main.c", "ait_npy.c", "ait_runtime.c", "ait_weights.S"]);
        if uses_xnnpack {
            command.arg("ait_xnn.c");
        }
        command.args(LINK).args(self.libraries(uses_xnnpack)?).arg("-lm");
        let output = absolute(output)?;
        replace(&output, 0o777, |temporary| run(command.arg("-o").arg(temporary), &output))
    }

    /// Links networks (C identifiers and their objects), the runtime and the driver `ait_bench.c` into the static
    /// executable `output`, which runs them one after another (see there for the files that it needs) on
    /// `threads` threads.
    ///
    /// # Errors
    /// When a file or tool is missing, or what clang says.
    pub fn build_bench(
        &self,
        models: &[(&str, &Path)],
        threads: u32,
        clock: Clock,
        output: &Path,
    ) -> Result<(), TargetError> {
        let work = Workspace::new()?;
        let mut command = self.clang_in(&work)?;
        let mut list = String::from("-DAIT_MODELS=");
        for (model, object) in models {
            if !is_c_identifier(model) {
                return Err(TargetError::Name((*model).to_owned()));
            }
            list += &format!("MODEL({model}) ");
            let file = format!("{model}.o");
            work.link_in(object, &file)?;
            command.arg(file);
        }
        command.arg(list).arg(format!("-DAIT_THREADS={threads}"));
        command.args(["ait_bench.c", "ait_npy.c", "ait_runtime.c", "ait_xnn.c"]);
        let mut libraries = self.libraries(true)?;
        if clock == Clock::Device {
            command.arg("-DAIT_TIMED");
        } else if threads > 1 {
            libraries.pop_if(|library| library.ends_with(format!("lib{POOL}.a")));
            command.arg("ait_pool.c");
        }
        command.args(LINK).args(libraries).arg("-lm");
        let output = absolute(output)?;
        replace(&output, 0o777, |temporary| run(command.arg("-o").arg(temporary), &output))
    }

    /// Puts the network in `object` and all of the runtime it needs into the static library `output`. The
    /// weights stay a file of their own, and an application links `-lm` besides.
    ///
    /// # Errors
    /// When a file or tool is missing, or what clang or llvm-ar say.
    pub fn build_lib(&self, object: &Path, uses_xnnpack: bool, output: &Path) -> Result<(), TargetError> {
        let work = Workspace::new()?;
        work.link_in(object, "model.o")?;
        let parts: &[&str] = if uses_xnnpack { &["ait_runtime", "ait_xnn"] } else { &["ait_runtime"] };
        let mut script = String::from("CREATE library.a\nADDMOD model.o\n");
        for part in parts {
            let mut command = self.clang_in(&work)?;
            run(command.args([PIC, "-c", &format!("{part}.c"), "-o", &format!("{part}.o")]), output)?;
            script += &format!("ADDMOD {part}.o\n");
        }
        for (i, library) in self.libraries(uses_xnnpack)?.iter().enumerate() {
            // llvm-ar scripts cannot quote a path.
            work.link_in(library, &format!("library{i}.a"))?;
            script += &format!("ADDLIB library{i}.a\n");
        }
        fs::write(work.path("script"), script + "SAVE\nEND\n")?;
        let mut archiver = Command::new(&self.archiver);
        archiver.arg("-M").current_dir(work.root()).stdin(fs::File::open(work.path("script"))?);
        run(&mut archiver, output)?;
        let mut library = fs::File::open(work.path("library.a"))?;
        output::write(output, |sink| Ok(std::io::copy(&mut library, sink).map(drop)?))
    }

    /// Clang with the runtime's sources as its working directory.
    fn clang_in(&self, work: &Workspace) -> Result<Command, TargetError> {
        let include = self.xnnpack_file("include")?;
        let mut command = Command::new(&self.clang);
        command.args(FLAGS).arg(PORTABLE).arg("-isystem").arg(include).current_dir(work.root());
        Ok(command)
    }

    fn libraries(&self, uses_xnnpack: bool) -> Result<Vec<PathBuf>, TargetError> {
        let names = if uses_xnnpack { XNNPACK.as_slice() } else { &[] };
        names.iter().chain([&POOL]).map(|name| self.xnnpack_file(&format!("lib/lib{name}.a"))).collect()
    }

    fn xnnpack_file(&self, name: &str) -> Result<PathBuf, TargetError> {
        let path = absolute(self.xnnpack.join(name))?;
        if path.exists() {
            return Ok(path);
        }
        Err(TargetError::Missing(format!("there is no {}: run `make setup`", path.display())))
    }
}

/// A private directory with the runtime's sources.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn new() -> Result<Self, TargetError> {
        let directory = tempfile::Builder::new().prefix("ait-build-").tempdir()?;
        for (name, text) in SOURCES {
            fs::write(directory.path().join(name), text)?;
        }
        Ok(Self(directory))
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes the file `path` available as `name`.
    fn link_in(&self, path: &Path, name: &str) -> Result<(), TargetError> {
        let error = |error| TargetError::File { path: path.to_owned(), error };
        let target = path.canonicalize().map_err(error)?;
        std::os::unix::fs::symlink(target, self.path(name)).map_err(error)
    }
}

/// Whether `name` can be part of a C symbol.
pub fn is_c_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn tool(name: &str) -> Result<PathBuf, TargetError> {
    find_program(name).ok_or_else(|| {
        TargetError::Missing(format!("there is no {name}: run `make setup` or install it with apt"))
    })
}

fn run(command: &mut Command, output: &Path) -> Result<(), TargetError> {
    let result = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    if result.status.success() {
        return Ok(());
    }
    Err(TargetError::Tool {
        tool: command.get_program().to_string_lossy().into_owned(),
        output: output.to_owned(),
        stderr: String::from_utf8_lossy(&result.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests;
