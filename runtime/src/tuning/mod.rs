//! The tuning log: an append-only file of JSON lines, one measurement each, that several processes may append to and
//! that stays readable when one of them is killed.
//!
//! Every append is a single write to a file opened for appending, under an exclusive lock (`flock`). A line without its
//! end can therefore only be what a killed process left; it is cut off, and said to be. What else cannot be read is left
//! where it is, ignored, and said to be. A file that does not begin with a record is somebody else's and is left alone.

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A line of the log.
pub trait Record: Serialize + DeserializeOwned {
    /// What was measured, under which circumstances: of equal keys only the first record counts.
    type Key: Ord;

    /// The key of this record.
    fn key(&self) -> Self::Key;
}

/// A log and the records that were read from it so far.
pub struct Log<R: Record> {
    path: PathBuf,
    file: File,
    writable: bool,
    /// Bytes and lines read so far: whole lines only.
    bytes: u64,
    lines: usize,
    records: BTreeMap<R::Key, R>,
    notices: Vec<String>,
}

impl<R: Record> Log<R> {
    /// Opens a log to append to; made if it does not exist.
    ///
    /// # Errors
    /// What the file system reports, with the path; if the file is no log.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with(path, OpenOptions::new().read(true).append(true).create(true), true)
    }

    /// Reads a log.
    ///
    /// # Errors
    /// What the file system reports, with the path; if the file is no log.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::with(path, OpenOptions::new().read(true), false)
    }

    fn with(path: &Path, options: &OpenOptions, writable: bool) -> io::Result<Self> {
        let file = options.open(path).map_err(|error| named(path, error))?;
        let (records, notices) = (BTreeMap::new(), Vec::new());
        let mut log = Self { path: path.to_owned(), file, writable, bytes: 0, lines: 0, records, notices };
        log.refresh()?;
        Ok(log)
    }

    /// The records, by key.
    pub fn records(&self) -> impl Iterator<Item = &R> {
        self.records.values()
    }

    /// The record with this key.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.records.get(key)
    }

    /// What was repaired or ignored since the last call, a sentence each.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Reads what other processes have appended.
    ///
    /// # Errors
    /// What the file system reports, with the path.
    pub fn refresh(&mut self) -> io::Result<()> {
        self.locked(|_| Ok(()))
    }

    /// Appends a record, unless another one with its key is there already: whether it did.
    ///
    /// # Errors
    /// What the file system reports, with the path; if the record is no JSON.
    pub fn append(&mut self, record: R) -> io::Result<bool> {
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        self.locked(|log| {
            if log.records.contains_key(&record.key()) {
                return Ok(false);
            }
            log.file.write_all(&line)?;
            log.bytes += line.len() as u64;
            log.lines += 1;
            log.records.insert(record.key(), record);
            Ok(true)
        })
    }

    /// Does `work` under the lock, after reading what is new.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let lock = if self.writable { File::lock } else { File::lock_shared };
        let result = lock(&self.file).and_then(|()| {
            let result = self.read_new().and_then(|()| work(self));
            self.file.unlock().and(result)
        });
        result.map_err(|error| named(&self.path, error))
    }

    fn read_new(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length < self.bytes {
            return Err(io::Error::other("is shorter than before: something else has written to it"));
        }
        self.file.seek(SeekFrom::Start(self.bytes))?;
        let mut text = Vec::new();
        (&self.file).take(length - self.bytes).read_to_end(&mut text)?;
        if self.bytes == 0 {
            begins_with_a_record::<R>(&text)?;
        }
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let (lines, torn) = text.split_at(whole);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            self.lines += 1;
            self.line(line);
        }
        self.bytes += whole as u64;
        if !torn.is_empty() {
            self.torn(torn.len())?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) {
        match serde_json::from_slice::<R>(line) {
            Ok(record) => match self.records.entry(record.key()) {
                Entry::Vacant(free) => drop(free.insert(record)),
                Entry::Occupied(_) => self.notice(format_args!("repeats an earlier record, which counts")),
            },
            Err(error) => self.notice(format_args!("is not a record of this version ({error}); ignored")),
        }
    }

    /// A last line without its end: a process was killed while it wrote.
    fn torn(&mut self, length: usize) -> io::Result<()> {
        self.lines += 1;
        if self.writable {
            self.file.set_len(self.bytes)?;
            self.notice(format_args!("was torn: its {length} bytes are cut off"));
        } else {
            self.notice(format_args!("is torn: its {length} bytes are ignored"));
        }
        self.lines -= 1;
        Ok(())
    }

    fn notice(&mut self, message: std::fmt::Arguments<'_>) {
        self.notices.push(format!("{}:{}: {message}", self.path.display(), self.lines));
    }
}

/// What is not empty begins with a whole record, or is not a log: nothing may be cut off or appended.
fn begins_with_a_record<R: Record>(text: &[u8]) -> io::Result<()> {
    let Some(first) = text.split_inclusive(|&byte| byte == b'\n').next() else { return Ok(()) };
    match serde_json::from_slice::<R>(first) {
        Ok(_) if first.ends_with(b"\n") => Ok(()),
        Ok(_) => Err(io::Error::other("is not a tuning log: its first line has no end")),
        Err(error) => {
            Err(io::Error::other(format!("is not a tuning log: its first line is not a record ({error})")))
        }
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
