//! Output files: complete or untouched.

use ait_runtime::paths::write_atomically;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file through `fill`; `-` is stdout. A regular file is made beside its place and renamed at the end,
/// so an error leaves what was there; a device or pipe is written to directly.
///
/// # Errors
/// What `fill` or the file system reports, naming the path.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    if path.as_os_str() == "-" {
        let mut stdout = BufWriter::new(io::stdout().lock());
        fill(&mut stdout)?;
        return stdout.flush().context("cannot write to stdout");
    }
    let place = || format!("cannot write {}", path.display());
    if std::fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        let mut file = BufWriter::new(File::options().write(true).open(path).with_context(place)?);
        fill(&mut file)?;
        return file.flush().with_context(place);
    }
    write_atomically(path, 0o644, |temporary| {
        let mut file = BufWriter::new(File::create(temporary).with_context(place)?);
        fill(&mut file)?;
        file.flush().with_context(place)
    })
}

/// As [`write()`], a text.
///
/// # Errors
/// As [`write()`].
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |sink| Ok(sink.write_all(text.as_bytes())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write(&path, |sink| Ok(sink.write_all(b"old")?)).unwrap();
        let failed = write(&path, |sink| {
            sink.write_all(b"new")?;
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_stays_a_device() {
        write(Path::new("/dev/null"), |sink| Ok(sink.write_all(b"gone")?)).unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }
}
