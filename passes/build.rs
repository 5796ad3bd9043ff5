//! `AIT_COMPILER`: what measurements of kernels depend on. A hash of the sources that make kernels and of those
//! that count their cycles, and LLVM's version.

use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Relative to this crate.
const SOURCES: [&str; 4] =
    ["../dialects/ops/src", "../lowering/src/kernels", "../runtime/cores", "../tools/meter"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let text = std::fs::read(&file)?;
        hash.update(format!("{} {}\n", file.display(), text.len()));
        hash.update(text);
    }
    let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=AIT_COMPILER={digest}-llvm{}", llvm_version()?);
    Ok(())
}

/// All sources below a directory, tests aside.
fn collect(directory: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !["tests", "target"].contains(&name.as_str()) {
            collect(&path, into)?;
        } else if (name.ends_with(".rs") || name.ends_with(".toml"))
            && !name.ends_with("tests.rs")
            && name != "testing.rs"
        {
            into.push(path);
        }
    }
    Ok(())
}

fn llvm_version() -> io::Result<String> {
    println!("cargo::rerun-if-env-changed=MLIR_SYS_220_PREFIX");
    let prefix = std::env::var("MLIR_SYS_220_PREFIX").map_err(io::Error::other)?;
    let output = Command::new(Path::new(&prefix).join("bin/llvm-config")).arg("--version").output()?;
    if !output.status.success() {
        return Err(io::Error::other("llvm-config --version failed"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
