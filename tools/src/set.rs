//! Files that appear in a directory together or not at all.

use ait_runtime::output::check_replaceable;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory for results, made where it did not exist. What was made of it is removed again when the value is dropped,
/// unless something is in it.
pub struct Directory {
    path: PathBuf,
    /// The outermost last.
    made: Vec<PathBuf>,
}

impl Directory {
    /// Makes the directory.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn new(path: &Path) -> Result<Self> {
        let missing = path.ancestors().take_while(|one| !one.as_os_str().is_empty() && !one.exists());
        let directory = Self { path: path.to_owned(), made: missing.map(Path::to_owned).collect() };
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot make the directory {}", path.display()))?;
        Ok(directory)
    }

    /// Where files of a set are made first.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn stage(&self) -> Result<TempDir> {
        // Another process that made it may have removed it again.
        let made = std::fs::create_dir_all(&self.path)
            .and_then(|()| tempfile::Builder::new().prefix(".ait-").tempdir_in(&self.path));
        made.with_context(|| format!("cannot write to {}", self.path.display()))
    }

    /// Moves files that were made in `stage` into the directory, in place of what has their names. Where one cannot be
    /// moved, all are as they were.
    ///
    /// # Errors
    /// What is in the way, or what the system says.
    pub fn publish(&self, stage: &TempDir, names: &[String]) -> Result<Vec<PathBuf>> {
        let places: Vec<PathBuf> = names.iter().map(|name| self.path.join(name)).collect();
        places.iter().try_for_each(|place| check_replaceable(place))?;
        let kept = self.stage()?;
        for (index, (name, place)) in names.iter().zip(&places).enumerate() {
            let moved = keep(place, &kept.path().join(name))
                .and_then(|()| std::fs::rename(stage.path().join(name), place))
                .with_context(|| format!("cannot write {}", place.display()));
            if let Err(error) = moved {
                let begun = names.iter().zip(&places).take(index);
                return Err(restored(error, begun.map(|(name, place)| (kept.path().join(name), place))));
            }
        }
        Ok(places)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is not empty stays.
        self.made.iter().for_each(|made| drop(std::fs::remove_dir(made)));
    }
}

/// Keeps what is at `place`, which stays there until a new file replaces it, also as `copy`.
fn keep(place: &Path, copy: &Path) -> std::io::Result<()> {
    if place.symlink_metadata().is_err() {
        return Ok(());
    }
    // Not all file systems have links.
    std::fs::hard_link(place, copy).or_else(|_| std::fs::copy(place, copy).map(drop))
}

/// Undoes moves: `(copy, place)`. An error of that is added to the first.
fn restored<'a>(error: anyhow::Error, moved: impl Iterator<Item = (PathBuf, &'a PathBuf)>) -> anyhow::Error {
    let undo = |(copy, place): (PathBuf, &PathBuf)| {
        let undone = match copy.symlink_metadata() {
            Ok(_) => std::fs::rename(&copy, place),
            Err(_) => std::fs::remove_file(place),
        };
        undone.err().map(|error| format!("; {} is new: {error}", place.display()))
    };
    let left: String = moved.filter_map(undo).collect();
    if left.is_empty() { error } else { anyhow::anyhow!("{error:#}{left}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: [&str; 3]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn all_are_moved_or_none() {
        let work = tempfile::tempdir().unwrap();
        let directory = Directory::new(work.path()).unwrap();
        let stage = directory.stage().unwrap();
        std::fs::write(work.path().join("a"), "old").unwrap();
        for name in ["a", "b"] {
            std::fs::write(stage.path().join(name), "new").unwrap();
        }
        // The third was never made.
        let error = directory.publish(&stage, &names(["a", "b", "c"])).unwrap_err();
        assert!(format!("{error:#}").contains("c: No such file"), "{error:#}");
        assert_eq!(text(&work.path().join("a")), "old");
        assert!(!work.path().join("b").exists());
        for name in ["a", "b", "c"] {
            std::fs::write(stage.path().join(name), "new").unwrap();
        }
        std::fs::create_dir(work.path().join("c")).unwrap();
        let error = directory.publish(&stage, &names(["a", "b", "c"])).unwrap_err();
        assert!(error.to_string().ends_with("c: it is a directory"), "{error:#}");
        assert_eq!(text(&work.path().join("a")), "old");
        std::fs::remove_dir(work.path().join("c")).unwrap();
        assert_eq!(directory.publish(&stage, &names(["a", "b", "c"])).unwrap().len(), 3);
        drop((stage, directory));
        assert_eq!(text(&work.path().join("a")), "new");
        assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 3);
    }

    #[test]
    fn an_empty_directory_does_not_stay() {
        let work = tempfile::tempdir().unwrap();
        let path = work.path().join("a/b");
        drop(Directory::new(&path).unwrap());
        assert!(!work.path().join("a").exists());
        let directory = Directory::new(&path).unwrap();
        std::fs::write(path.join("file"), "").unwrap();
        drop(directory);
        assert!(path.join("file").exists());
        drop(Directory::new(&path).unwrap());
        assert!(path.exists());
    }
}
