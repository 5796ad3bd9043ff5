//! Where everything goes that a command says or writes: standard output, standard error, and files.
//!
//! A file is made beside its place and renamed at the end, so that a failure leaves what was there. A device, a pipe or
//! a file that is open already (`/dev/stdout`) is written to directly: another file in its place would be a surprise.

use std::fmt::Display;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The name of standard output.
const STDOUT: &str = "-";
/// Links in a row after which the file system gives up too.
const MOST_LINKS: usize = 40;

/// Prints a text on standard output.
///
/// # Errors
/// What the system says; of kind `BrokenPipe` if nobody reads any more.
pub fn print(text: &str) -> io::Result<()> {
    write_bytes(Path::new(STDOUT), text.as_bytes())
}

/// Says a line on standard error. Where that is impossible nobody is left to tell; `eprintln!` would panic.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// [`write()`], of bytes.
///
/// # Errors
/// As [`write()`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, |sink| sink.write_all(bytes))
}

/// Writes `path` through `fill`; `-` is standard output. An existing file keeps its mode, a link its place.
///
/// # Errors
/// What `fill` returns, and what the system says, with the path.
pub fn write<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    if path.as_os_str() == STDOUT {
        return filled(Path::new("standard output"), io::stdout().lock(), fill);
    }
    let place = Place::of(path).map_err(|error| named(path, error))?;
    match place {
        Place::Direct => {
            let opened = OpenOptions::new().write(true).open(path);
            filled(path, opened.map_err(|error| named(path, error))?, fill)
        }
        Place::File(target, permissions) => replace(&target, 0o666, |temporary| {
            let file = OpenOptions::new().write(true).open(temporary);
            let file = file.map_err(|error| named(path, error))?;
            if let Some(permissions) = permissions {
                file.set_permissions(permissions).map_err(|error| named(path, error))?;
            }
            filled(path, file, fill)
        }),
    }
}

/// Makes the file `path` by a program that wants a name: `fill` gets that of a temporary file in the same directory, of
/// `mode` as far as the umask allows. It is renamed to `path` when `fill` succeeds and removed when it does not.
///
/// # Errors
/// What `fill` returns, and failures to create or rename the temporary.
pub fn replace<E: From<io::Error>>(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let temporary = tempfile::Builder::new()
        .prefix(".ait-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(parent(path))
        .map_err(|error| named(path, error))?
        .into_temp_path();
    fill(&temporary)?;
    temporary.persist(path).map_err(|error| named(path, error.error).into())
}

/// What is at a path.
enum Place {
    /// Something that is no file of a directory.
    Direct,
    /// A file behind all links, and its permissions if it exists.
    File(PathBuf, Option<Permissions>),
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let existing = std::fs::metadata(path).ok();
        if existing.as_ref().is_some_and(|existing| existing.is_dir()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if existing.as_ref().is_some_and(|existing| !existing.is_file()) {
            return Ok(Self::Direct);
        }
        let mut target = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Ok(next) = std::fs::read_link(&target) else {
                return Ok(Self::File(target, existing.map(|existing| existing.permissions())));
            };
            let directory = parent(&target).canonicalize()?;
            if directory.starts_with("/proc") {
                return Ok(Self::Direct);
            }
            target = directory.join(next);
        }
        Err(io::Error::other("too many links"))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn filled<E: From<io::Error>>(
    path: &Path,
    sink: impl Write,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut sink = Named { path, sink: BufWriter::new(sink) };
    let result = fill(&mut sink).and_then(|()| Ok(sink.flush()?));
    if result.is_err() {
        // What is left was not asked for any more; BufWriter would write it when dropped.
        drop(sink.sink.into_parts());
    }
    result
}

/// Says in every error what could not be written.
struct Named<'p, W: Write> {
    path: &'p Path,
    sink: BufWriter<W>,
}

impl<W: Write> Write for Named<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes).map_err(|error| named(self.path, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush().map_err(|error| named(self.path, error))
    }
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

/// Whether a file can be put at `path` by renaming it: there is none yet, or one that a program may replace.
///
/// # Errors
/// Says what is there instead.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(existing) if !existing.is_file() => {
            let what = if existing.is_dir() { "a directory" } else { "not a regular file" };
            Err(io::Error::other(format!("cannot write {}: it is {what}", path.display())))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::symlink;

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_bytes(&path, b"old").unwrap();
        let failed = write(&path, |sink| {
            sink.write_all(b"new")?;
            Err(io::Error::other("no"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert_eq!(text(&path), "old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_and_modes_stay() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link, other] = ["file", "link", "other"].map(|name| directory.path().join(name));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        symlink(&link, &other).unwrap();
        write_bytes(&other, b"new").unwrap();
        assert_eq!(text(&file), "new");
        assert!(link.is_symlink() && other.is_symlink());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        // Links that lead nowhere yet make the file that they name.
        std::fs::remove_file(&file).unwrap();
        write_bytes(&other, b"again").unwrap();
        assert_eq!(text(&file), "again");
        symlink("turning", directory.path().join("turning")).unwrap();
        assert!(write_bytes(&directory.path().join("turning"), b"").is_err());
    }

    #[test]
    fn devices_and_pipes_are_written_to() {
        write_bytes(Path::new("/dev/null"), b"gone").unwrap();
        let full = write_bytes(Path::new("/dev/full"), b"much").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(full.to_string().starts_with("cannot write /dev/full: No space left"), "{full}");
        for device in ["/dev/null", "/dev/full"] {
            assert!(!std::fs::metadata(device).unwrap().is_file());
        }
        let directory = tempfile::tempdir().unwrap();
        let error = write_bytes(directory.path(), b"").unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        assert!(check_replaceable(directory.path()).unwrap_err().to_string().ends_with("it is a directory"));
        assert!(
            check_replaceable(Path::new("/dev/null")).unwrap_err().to_string().contains("not a regular file")
        );
    }

    #[test]
    fn open_files_are_not_replaced() {
        use std::os::fd::AsRawFd as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let open = File::options().create(true).append(true).open(&path).unwrap();
        write_bytes(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())), b"1").unwrap();
        (&open).write_all(b"2").unwrap();
        assert_eq!(text(&path), "12");
    }
}
