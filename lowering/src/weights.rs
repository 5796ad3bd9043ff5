//! The weights file: the constants' elements at their offsets, zeros between them.

use crate::Fault;
use crate::translate::{Constant, Model};
use ait_dialects::types::{self, Stored};
use ait_passes::plan_buffers::View;
use melior::ir::{AttributeLike, Location};
use std::io::{self, Write};

/// Offsets in the file are multiples of this: a cache line.
const ALIGNMENT: u64 = 64;

/// `ait_checksum` of `ait_runtime.h`: FNV-1a over little-endian 64-bit words with a fold.
struct Checksum(u64);

impl Checksum {
    fn update(&mut self, words: &[u8]) {
        let (whole, tail) = words.as_chunks::<8>();
        whole.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !tail.is_empty() {
            let mut padded = [0; 8];
            padded[..tail.len()].copy_from_slice(tail);
            self.mix(u64::from_le_bytes(padded));
        }
    }

    fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x100_0000_01b3);
        self.0 ^= self.0 >> 32;
    }
}

/// Bytes that are written at once where equal elements are expanded: whole words of the checksum, whole elements.
const PIECE: usize = 1 << 16;

/// The file being written, and the checksum so far.
struct File<'s> {
    sink: &'s mut dyn Write,
    checksum: Checksum,
}

impl File<'_> {
    /// Whole words, or the end of the file.
    fn put(&mut self, words: &[u8]) -> io::Result<()> {
        self.checksum.update(words);
        self.sink.write_all(words)
    }

    /// Bytes, and zeros that make whole words of them.
    fn put_padded(&mut self, bytes: &[u8], zeros: usize) -> io::Result<()> {
        let (words, tail) = bytes.split_at(bytes.len() - bytes.len() % 8);
        self.put(words)?;
        self.put(&[tail, &vec![0; zeros]].concat())
    }

    /// The elements of a constant in memory order, and zeros.
    fn put_constant(&mut self, constant: &Constant<'_>, zeros: usize) -> io::Result<()> {
        let stored = Stored::of(constant.value).map_err(io::Error::other)?;
        let shape = types::shape(constant.value.r#type()).map_err(io::Error::other)?;
        let view = View::new(0, &shape, &constant.strides);
        if usize::try_from(view.extent()) != Ok(stored.count) {
            return Err(io::Error::other("a constant's strides have gaps"));
        }
        if stored.is_splat() {
            let pieces = PIECE / stored.width;
            let piece = stored.bytes.repeat(pieces.min(stored.count));
            (0..stored.count / pieces).try_for_each(|_| self.put(&piece))?;
            return self.put_padded(&piece[..stored.count % pieces * stored.width], zeros);
        }
        if view.is_row_major() {
            return self.put_padded(stored.bytes, zeros);
        }
        self.put_padded(&reordered(&stored, &view).map_err(io::Error::other)?, zeros)
    }
}

/// Writes the file of a program; returns its checksum. Constants are read where they are, so that nothing here grows with
/// the file.
///
/// # Errors
/// If a constant is not dense `f32`, `i8`, `i16` or `i32`, constants overlap, or `sink` fails.
pub fn write_weights(model: &Model<'_>, sink: &mut dyn Write) -> io::Result<u64> {
    let mut file = File { sink, checksum: Checksum(0xcbf2_9ce4_8422_2325) };
    let mut position = 0;
    for (index, constant) in model.constants.iter().enumerate() {
        let end = model.constants.get(index + 1).map_or(model.weights_bytes, |next| next.offset);
        let stored = Stored::of(constant.value).map_err(io::Error::other)?;
        let size = stored.count as u64 * stored.width as u64;
        // Whole words up to the next constant: offsets are multiples of 64 bytes.
        let room = end.checked_sub(constant.offset).filter(|_| constant.offset == position);
        let zeros = room.and_then(|room| room.checked_sub(size)).filter(|&zeros| zeros < ALIGNMENT);
        let zeros = zeros.and_then(|zeros| usize::try_from(zeros).ok());
        let zeros =
            zeros.ok_or_else(|| io::Error::other("constants overlap or leave gaps in the weights file"))?;
        file.put_constant(constant, zeros)?;
        position = end;
    }
    if position != model.weights_bytes {
        return Err(io::Error::other("the weights file has another size than its constants"));
    }
    Ok(file.checksum.0)
}

/// Elements in the memory order of a view.
fn reordered(stored: &Stored<'_>, view: &View) -> Result<Vec<u8>, String> {
    let (shape, width) = (&view.shape, stored.width);
    let mut bytes = vec![0; stored.bytes.len()];
    let mut index = vec![0i64; shape.len()];
    for value in stored.bytes.chunks_exact(width) {
        let address: i64 = index.iter().zip(&view.strides).map(|(i, stride)| i * stride).sum();
        let start = usize::try_from(address).map_err(|error| error.to_string())?;
        let place =
            bytes.get_mut(start * width..(start + 1) * width).ok_or("a constant's strides have gaps")?;
        place.copy_from_slice(value);
        for d in (0..shape.len()).rev() {
            index[d] += 1;
            if index[d] < shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    Ok(bytes)
}

/// The checksum without the file.
///
/// # Errors
/// As [`write_weights`].
pub fn weights_checksum<'c>(model: &Model<'c>, location: Location<'c>) -> Result<u64, Fault<'c>> {
    write_weights(model, &mut io::sink()).map_err(|error| Fault::new(location, error.to_string()))
}
