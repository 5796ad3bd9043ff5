//! What a program has to be before it is worth running.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::ExecError;
use super::place::at;

const MAGIC: [u8; 4] = *b"\x7fELF";
/// `ELFCLASS64`, `ELFDATA2LSB`.
const LP64_LITTLE: [u8; 2] = [2, 1];
/// `EM_RISCV`.
const RISCV: [u8; 2] = [243, 0];
/// Up to and with `e_machine`.
const START: u64 = 20;

/// Checks that `program` is an executable file for riscv64.
///
/// # Errors
/// Says what it is instead, or that it cannot be read.
pub(super) fn check(program: &Path) -> Result<(), ExecError> {
    let wrong = |why: &str| ExecError::Unavailable(format!("{}: {why}", program.display()));
    let file = at(program, File::open(program))?;
    let metadata = at(program, file.metadata())?;
    if !metadata.is_file() {
        return Err(wrong("is not a file, so it cannot be run"));
    }
    let mut start = Vec::new();
    at(program, file.take(START).read_to_end(&mut start))?;
    if !start.starts_with(&MAGIC) {
        return Err(wrong("is not an executable for riscv64: it does not begin like an ELF file"));
    }
    if start.get(4..6) != Some(&LP64_LITTLE) || start.get(18..20) != Some(&RISCV) {
        return Err(wrong("is an ELF file, but for another machine than riscv64"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(wrong("is not executable: chmod +x it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn what_cannot_run_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        let error = |bytes: &[u8], mode: u32| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            check(&path).map_err(|error| error.to_string())
        };
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0".to_vec();
        assert_eq!(error(&elf, 0o755), Ok(()));
        assert!(error(&elf, 0o644).unwrap_err().ends_with("program: is not executable: chmod +x it"));
        elf[18] = 62;
        assert!(error(&elf, 0o755).unwrap_err().contains("another machine than riscv64"));
        assert!(error(b"\x7fELF\x02\x01", 0o755).unwrap_err().contains("another machine"));
        assert!(error(b"#!/bin/sh\n", 0o755).unwrap_err().contains("does not begin like an ELF file"));
        assert!(error(b"", 0o755).unwrap_err().contains("does not begin like an ELF file"));
        assert!(check(directory.path()).unwrap_err().to_string().contains("is not a file"));
        assert!(check(&directory.path().join("no")).unwrap_err().to_string().contains("no: No such file"));
    }
}
