//! The protobuf wire format: where in a file the fields of its messages are.
//!
//! Messages are walked in place, so that bytes can be changed where they are and everything else in the file, known to
//! [`proto`](super::proto) or not, stays.

use std::ops::Range;

/// What a field's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number of variable length.
    Varint,
    /// Four or eight bytes.
    Fixed,
    /// A message, string, bytes, or packed numbers.
    Delimited,
}

/// One field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub number: u64,
    /// Its kind.
    pub kind: Kind,
    /// The payload's place in the file.
    pub at: Range<usize>,
}

/// The fields of the message at `message`, in order.
///
/// # Errors
/// If the bytes are no message.
pub fn fields(file: &[u8], message: Range<usize>) -> Result<Vec<Field>, String> {
    let mut rest = file.get(message.clone()).ok_or("a message leaves the file")?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let (kind, length) = match key & 7 {
            0 => {
                let mut after = rest;
                varint(&mut after)?;
                (Kind::Varint, rest.len() - after.len())
            }
            1 => (Kind::Fixed, 8),
            5 => (Kind::Fixed, 4),
            2 => {
                let length = varint(&mut rest)?;
                (Kind::Delimited, usize::try_from(length).map_err(|error| error.to_string())?)
            }
            other => return Err(format!("wire type {other} is not supported")),
        };
        let start = message.end - rest.len();
        rest = rest.get(length..).ok_or("a field leaves its message")?;
        fields.push(Field { number: key >> 3, kind, at: start..start + length });
    }
    Ok(fields)
}

/// The places of the messages in fields `number` of the message at `message`.
///
/// # Errors
/// As [`fields`].
pub fn messages(file: &[u8], message: Range<usize>, number: u64) -> Result<Vec<Range<usize>>, String> {
    let fields = fields(file, message)?.into_iter();
    Ok(fields
        .filter(|field| field.number == number && field.kind == Kind::Delimited)
        .map(|field| field.at)
        .collect())
}

/// Appends a field with a payload.
pub fn delimited(message: &mut Vec<u8>, number: u64, payload: &[u8]) {
    for mut value in [number << 3 | 2, payload.len() as u64] {
        while value >= 0x80 {
            message.push(value as u8 | 0x80);
            value >>= 7;
        }
        message.push(value as u8);
    }
    message.extend_from_slice(payload);
}

/// Takes a number off the front.
fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or("a number leaves its message")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number is longer than ten bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_they_are() {
        // 1: varint 300; 2: "ab"; 15: fixed32; 16: fixed64.
        let file = [8, 0xac, 2, 18, 2, b'a', b'b', 0x7d, 1, 2, 3, 4, 0x81, 1, 1, 2, 3, 4, 5, 6, 7, 8];
        let fields = fields(&file, 0..file.len()).unwrap();
        let summary: Vec<_> = fields.into_iter().map(|field| (field.number, field.kind, field.at)).collect();
        let expected = [
            (1, Kind::Varint, 1..3),
            (2, Kind::Delimited, 5..7),
            (15, Kind::Fixed, 8..12),
            (16, Kind::Fixed, 14..22),
        ];
        assert_eq!(summary, expected);
        assert_eq!(messages(&file, 0..file.len(), 2).unwrap(), vec![5..7; 1]);
        let (mut written, payload) = (vec![], [7; 300]);
        delimited(&mut written, 500, &payload);
        assert_eq!(written[..4], [0xa2, 0x1f, 0xac, 2]);
        assert_eq!(messages(&written, 0..304, 500).unwrap(), vec![4..304; 1]);
    }

    #[test]
    fn nothing_leaves_its_message() {
        for bad in [&[8][..], &[18, 3, 1], &[8, 0x80], &[0x7d, 1, 2], &[11], &[0xff; 12]] {
            assert!(fields(bad, 0..bad.len()).is_err(), "{bad:?}");
        }
        assert!(fields(&[8, 1], 0..3).is_err());
    }
}
