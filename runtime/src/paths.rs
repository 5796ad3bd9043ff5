//! Where the tools that `scripts/setup` installs are, and writing files so that a failure leaves
//! the old one untouched.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of downloaded and cross-built tools: `$AIT_CACHE`, else `.cache` in the repository.
pub fn cache_dir() -> PathBuf {
    match env::var_os("AIT_CACHE") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache"),
    }
}

/// The first executable called `name` on `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate| candidate.is_file())
}

/// Writes `path` through `fill`, which gets a temporary file in the same directory; the file is
/// renamed to `path` when `fill` succeeds and removed when it does not.
///
/// # Errors
/// What `fill` returns, and failures to create or rename the temporary.
pub fn write_atomically<E: From<io::Error>>(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    use std::os::unix::fs::PermissionsExt;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new().prefix(".ait-").tempfile_in(directory)?.into_temp_path();
    fill(&temporary)?;
    std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))?;
    temporary.persist(path).map_err(|error| E::from(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write_atomically::<io::Error>(&path, 0o644, |temporary| std::fs::write(temporary, "old")).unwrap();
        let failed = write_atomically::<io::Error>(&path, 0o644, |temporary| {
            std::fs::write(temporary, "half")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-of-ait").is_none());
    }
}
