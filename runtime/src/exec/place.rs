//! The private directory that a job runs in.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::{ExecError, Job, JobFile};
use crate::output;

/// A directory with a job's inputs; it is removed with the value.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    /// A new directory, with links to the inputs of `job`.
    pub(super) fn new(job: &Job) -> Result<Self, ExecError> {
        let directory = tempfile::Builder::new()
            .prefix("ait-job-")
            .tempdir()
            .map_err(|error| ExecError::File { path: env::temp_dir(), error })?;
        let place = Self(directory);
        for file in &job.inputs {
            place.link(&file.path, &place.inside(file)?)?;
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes `link` point to the existing file `path`.
    pub(super) fn link(&self, path: &Path, link: &Path) -> Result<(), ExecError> {
        let source = at(path, path.canonicalize())?;
        at(path, std::os::unix::fs::symlink(source, link))
    }

    /// Copies the outputs of `job` to where they go.
    pub(super) fn collect(&self, job: &Job) -> Result<(), ExecError> {
        for file in &job.outputs {
            let made = self.inside(file)?;
            let mut made = at(&made, fs::File::open(&made))?;
            output::write(&file.path, |sink| io::copy(&mut made, sink).map(drop))?;
        }
        Ok(())
    }

    fn inside(&self, file: &JobFile) -> Result<PathBuf, ExecError> {
        let name = Path::new(&file.name);
        match name.file_name() {
            Some(last) if last == name.as_os_str() => Ok(self.path().join(name)),
            _ => Err(ExecError::File {
                path: name.to_owned(),
                error: io::Error::new(io::ErrorKind::InvalidInput, "a job's file names have no directories"),
            }),
        }
    }
}

/// An error about the file `path`.
pub(super) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, ExecError> {
    result.map_err(|error| ExecError::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_stay_in_the_job() {
        for name in ["../x", "a/b", "/etc/passwd", "", "."] {
            let mut job = Job::new("program");
            job.inputs.push(JobFile::new(name, "/dev/null"));
            assert!(Place::new(&job).is_err(), "{name}");
        }
    }
}
