//! The weights file: the constants' elements at their offsets, zeros between them.

use crate::Fault;
use crate::translate::{Constant, Model};
use ait_dialects::types;
use ait_passes::plan_buffers::View;
use melior::ir::{AttributeLike, Location};
use std::io::{self, Write};

/// Offsets in the file are multiples of this: a cache line.
const ALIGNMENT: u64 = 64;

/// `ait_checksum` of `ait_runtime.h`: FNV-1a over little-endian 64-bit words with a fold.
struct Checksum(u64);

impl Checksum {
    fn update(&mut self, words: &[u8]) {
        for word in words.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.0 = (self.0 ^ u64::from_le_bytes(padded)).wrapping_mul(0x100_0000_01b3);
            self.0 ^= self.0 >> 32;
        }
    }
}

/// Writes the file of a program; returns its checksum.
///
/// # Errors
/// If a constant is not dense `f32`, `i8`, `i16` or `i32`, constants overlap, or `sink` fails.
pub fn write_weights(model: &Model<'_>, sink: &mut dyn Write) -> io::Result<u64> {
    let mut checksum = Checksum(0xcbf2_9ce4_8422_2325);
    let mut position = 0;
    let mut put = |bytes: &[u8]| {
        checksum.update(bytes);
        sink.write_all(bytes)
    };
    for (index, constant) in model.constants.iter().enumerate() {
        let end = model.constants.get(index + 1).map_or(model.weights_bytes, |next| next.offset);
        let shape = types::shape(constant.value.r#type()).map_err(io::Error::other)?;
        let size = types::elements(&shape).map_err(io::Error::other)?.unsigned_abs();
        let size = size * types::element_bytes(constant.value.r#type()).map_err(io::Error::other)? as u64;
        // Whole words up to the next constant: offsets are multiples of 64 bytes.
        let room = end.checked_sub(constant.offset).filter(|&room| room >= size && room < size + ALIGNMENT);
        let room = room.filter(|_| constant.offset == position).and_then(|room| usize::try_from(room).ok());
        let room =
            room.ok_or_else(|| io::Error::other("constants overlap or leave gaps in the weights file"))?;
        let mut bytes = elements(constant, &shape).map_err(io::Error::other)?;
        bytes.resize(room, 0);
        put(&bytes)?;
        position = end;
    }
    if position != model.weights_bytes {
        return Err(io::Error::other("the weights file has another size than its constants"));
    }
    Ok(checksum.0)
}

/// A constant's elements, little-endian, in memory order.
fn elements(constant: &Constant<'_>, shape: &[i64]) -> Result<Vec<u8>, String> {
    let data = types::raw_bytes(constant.value)?;
    let stored = View::new(0, shape, &constant.strides);
    if stored.is_row_major() {
        return Ok(data);
    }
    let width = types::element_bytes(constant.value.r#type())?;
    let mut bytes = vec![0; data.len()];
    let mut index = vec![0i64; shape.len()];
    for value in data.chunks_exact(width) {
        let address: i64 = index.iter().zip(&stored.strides).map(|(i, stride)| i * stride).sum();
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
