//! Tensors in numpy's `.npy` format.
//!
//! Read: little-endian `f4`, and `f8`, `i8`, `i4`, `u1` converted to the nearest `f32`; C order, any
//! version of the format. Written: version 1.0, `<f4`, byte for byte as numpy does.
//!
//! Our own code because the crates for it multiply claimed dimensions without a check, and panic.

use std::io;
use std::path::{Path, PathBuf};

use crate::output::write_bytes;
use crate::tensor::{ShapeError, Tensor, element_count};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Data start at a multiple of this.
const ALIGNMENT: usize = 64;

/// Why a `.npy` file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// The file could not be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The file is not what we read.
    #[error("{path}: {error}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: FormatError,
    },
}

/// What is wrong with the bytes of a `.npy` file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It does not start like one, or ends in the header.
    #[error("not a .npy file, or cut off in its header")]
    Header,
    /// The header lacks an entry or has it in a form that numpy does not write.
    #[error("the header has no readable entry '{0}'")]
    Entry(&'static str),
    /// An element type that is not converted.
    #[error("element type '{0}' is not one of <f4, <f8, <i8, <i4, |u1")]
    Type(String),
    /// Column-major order.
    #[error("the array is in Fortran order; save it with numpy.ascontiguousarray")]
    FortranOrder,
    /// The shape is impossible or needs more elements than there are.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Reads the file `path`.
///
/// # Errors
/// See [`NpyError`].
pub fn read(path: &Path) -> Result<Tensor, NpyError> {
    let bytes = std::fs::read(path).map_err(|error| NpyError::Io { path: path.to_owned(), error })?;
    decode(&bytes).map_err(|error| NpyError::Format { path: path.to_owned(), error })
}

/// Writes the file `path`; an existing file is replaced only when that succeeds.
///
/// # Errors
/// See [`output::write`](crate::output::write).
pub fn write(path: &Path, tensor: &Tensor) -> io::Result<()> {
    write_bytes(path, &encode(tensor))
}

/// The tensor in the bytes of a `.npy` file.
///
/// # Errors
/// See [`FormatError`].
pub fn decode(bytes: &[u8]) -> Result<Tensor, FormatError> {
    let (header, data) = split(bytes).ok_or(FormatError::Header)?;
    let kind = entry(header, "descr").and_then(quoted).ok_or(FormatError::Entry("descr"))?;
    let fortran = entry(header, "fortran_order").ok_or(FormatError::Entry("fortran_order"))?;
    let shape = entry(header, "shape").and_then(tuple).ok_or(FormatError::Entry("shape"))?;
    // The order of one dimension is both.
    if fortran.starts_with("True") && shape.len() > 1 {
        return Err(FormatError::FortranOrder);
    }
    let count = element_count(&shape)?;
    Ok(Tensor::new(shape, elements(kind, data, count)?)?)
}

/// Header text and data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[major, _minor], rest) = rest.split_first_chunk()?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (u16::from_le_bytes(*length).into(), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*length), rest)
    };
    let (header, data) = rest.split_at_checked(length as usize)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// The text behind `'key':` in the Python dictionary `header`.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, value) = header.split_once(&format!("'{key}':"))?;
    Some(value.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    Some(text.strip_prefix('\'')?.split_once('\'')?.0)
}

fn tuple(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    let inside = inside.trim().trim_end_matches(',');
    if inside.is_empty() {
        return Some(Vec::new());
    }
    inside.split(',').map(|dim| dim.trim().parse().ok()).collect()
}

/// At most `count` elements of numpy's type `kind`; bytes behind them are ignored, as numpy does.
fn elements(kind: &str, data: &[u8], count: usize) -> Result<Vec<f32>, FormatError> {
    Ok(match kind {
        "<f4" => convert(data, count, f32::from_le_bytes),
        "<f8" => convert(data, count, |bytes| f64::from_le_bytes(bytes) as f32),
        "<i8" => convert(data, count, |bytes| i64::from_le_bytes(bytes) as f32),
        "<i4" => convert(data, count, |bytes| i32::from_le_bytes(bytes) as f32),
        "|u1" => convert(data, count, |[byte]: [u8; 1]| byte.into()),
        _ => return Err(FormatError::Type(kind.to_owned())),
    })
}

fn convert<const N: usize>(data: &[u8], count: usize, one: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks().0.iter().take(count).map(|&bytes| one(bytes)).collect()
}

/// The bytes of a `.npy` file with `tensor`.
pub fn encode(tensor: &Tensor) -> Vec<u8> {
    let mut shape = tensor.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    if tensor.rank() == 1 {
        shape.push(',');
    }
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header += &" ".repeat(unpadded.next_multiple_of(ALIGNMENT) - unpadded);
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    // Version 1.0 holds 65535 bytes of header; a rank that needs more cannot have elements.
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(tensor.data().iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        [&bytes, header.as_bytes(), data].concat()
    }

    fn of_type(kind: &str, data: &[u8]) -> Result<Tensor, FormatError> {
        decode(&file(&format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2,), }}"), data))
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 1, 3], vec![0, 4]] {
            let count = element_count(&shape).unwrap();
            let tensor = Tensor::new(shape, (0..count).map(|i| i as f32 - 0.5).collect()).unwrap();
            let bytes = encode(&tensor);
            assert_eq!((bytes.len() - 4 * count) % ALIGNMENT, 0);
            assert_eq!(decode(&bytes).unwrap(), tensor);
        }
    }

    #[test]
    fn other_types_are_converted() {
        let expected = Tensor::vector(vec![1.0, 200.0]);
        assert_eq!(of_type("<f8", &[1f64, 200.0].map(f64::to_le_bytes).concat()).unwrap(), expected);
        assert_eq!(of_type("<i8", &[1i64, 200].map(i64::to_le_bytes).concat()).unwrap(), expected);
        assert_eq!(of_type("<i4", &[1i32, 200].map(i32::to_le_bytes).concat()).unwrap(), expected);
        assert_eq!(of_type("|u1", &[1, 200]).unwrap(), expected);
        assert_eq!(of_type(">f4", &[0; 8]).unwrap_err(), FormatError::Type(">f4".to_owned()));
    }

    #[test]
    fn bad_files_are_errors() {
        let good = encode(&Tensor::vector(vec![1.0, 2.0]));
        for end in 0..good.len() {
            assert!(decode(&good[..end]).is_err(), "cut off at {end}");
        }
        let shape = |shape| {
            decode(&file(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"), &[]))
        };
        for bad in ["(99999999999, 99999999999)", "(4000000000,)", "(-1,)", "(1", "3", "(1,,2)"] {
            assert!(shape(bad).is_err(), "{bad}");
        }
        let fortran = decode(&file("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", &[0; 4]));
        assert_eq!(fortran.unwrap_err(), FormatError::FortranOrder);
        assert_eq!(decode(&file("{}", &[])).unwrap_err(), FormatError::Entry("descr"));
    }

    #[test]
    fn the_bytes_are_numpys() {
        let script = "import sys, io, numpy as np\n\
            b = io.BytesIO(); np.save(b, np.arange(6, dtype=np.float32).reshape(2, 3)); sys.stdout.buffer.write(b.getvalue())";
        let output =
            std::process::Command::new(crate::test_support::python()).args(["-c", script]).output().unwrap();
        let tensor = Tensor::new([2, 3], (0..6u8).map(f32::from).collect()).unwrap();
        assert_eq!(encode(&tensor), output.stdout, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
