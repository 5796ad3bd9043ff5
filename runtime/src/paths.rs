//! Where the tools that `scripts/setup` installs are.

use std::env;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-of-ait").is_none());
    }
}
