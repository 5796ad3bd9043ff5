//! Initialisers: `TensorProto` to [`Constant`], with every claimed size checked against what is there.

use super::constant::{Constant, Data};
use super::proto::{StringStringEntryProto, TensorProto};
use bytes::Bytes;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

/// ONNX's name of an element type.
pub fn dtype_name(code: i64) -> String {
    const NAMES: [&str; 29] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
        "float8e8m0",
        "uint2",
        "int2",
        "float6e2m3",
        "float6e3m2",
    ];
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    name.map_or_else(|| format!("type {code}"), |name| (*name).to_string())
}

/// Code of `float` in `TensorProto.DataType`.
pub const FLOAT: i32 = 1;

/// Reads a tensor; `directory` is where external data lies.
///
/// # Errors
/// If the element type is not supported, or the data is not exactly what shape and type ask for.
pub fn decode(tensor: &TensorProto, directory: Option<&Path>) -> Result<Constant, String> {
    let dtype = tensor.data_type.unwrap_or_default();
    let elements = ait_dialects::types::elements(&tensor.dims)?;
    let count = usize::try_from(elements).map_err(|error| error.to_string())?;
    if tensor.segment.is_some() {
        return Err("is stored in segments, which is not supported".into());
    }
    let size = match dtype {
        1 | 6 => 4,
        7 | 11 => 8,
        9 => 1,
        other => {
            let name = dtype_name(other.into());
            return Err(format!(
                "has element type {name}; float, double, int32, int64 and bool are supported"
            ));
        }
    };
    let data = match raw_bytes(tensor, directory, count * size)? {
        Some(raw) => from_raw(dtype, &raw),
        None => from_fields(tensor, dtype),
    };
    if data.len() != count {
        return Err(format!("has {} elements of data for shape {:?}", data.len(), tensor.dims));
    }
    Constant::new(tensor.dims.clone(), data)
}

/// The bytes of raw or external data, `wanted` of them; nothing if the data is in typed fields.
fn raw_bytes(tensor: &TensorProto, directory: Option<&Path>, wanted: usize) -> Result<Option<Bytes>, String> {
    let typed = tensor.float_data.len()
        + tensor.int32_data.len()
        + tensor.int64_data.len()
        + tensor.double_data.len();
    let raw = match (tensor.data_location.unwrap_or_default(), &tensor.raw_data) {
        (0, None) => return Ok(None),
        (0, Some(raw)) => raw.clone(),
        (1, None) => external(tensor, directory, Some(wanted))?.into(),
        (1, Some(_)) => return Err("has both raw and external data".into()),
        (other, _) => return Err(format!("has unknown data location {other}")),
    };
    if typed > 0 {
        return Err("has data twice, in bytes and in a typed field".into());
    }
    if raw.len() != wanted {
        return Err(format!("has {} bytes of data where shape {:?} needs {wanted}", raw.len(), tensor.dims));
    }
    Ok(Some(raw))
}

fn from_raw(dtype: i32, raw: &[u8]) -> Data {
    macro_rules! little_endian {
        ($type:ty) => {
            raw.as_chunks().0.iter().map(|bytes| <$type>::from_le_bytes(*bytes)).collect()
        };
    }
    match dtype {
        6 => Data::I32(little_endian!(i32)),
        7 => Data::I64(little_endian!(i64)),
        11 => Data::F64(little_endian!(f64)),
        9 => Data::Bool(raw.iter().map(|&byte| byte != 0).collect()),
        _ => Data::F32(little_endian!(f32)),
    }
}

fn from_fields(tensor: &TensorProto, dtype: i32) -> Data {
    match dtype {
        6 => Data::I32(tensor.int32_data.clone()),
        7 => Data::I64(tensor.int64_data.clone()),
        11 => Data::F64(tensor.double_data.clone()),
        9 => Data::Bool(tensor.int32_data.iter().map(|&value| value != 0).collect()),
        _ => Data::F32(tensor.float_data.clone()),
    }
}

/// Whether the data is in another file.
pub fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location.unwrap_or_default() != 0
}

/// What the tensor says of its external data under a key.
pub fn entry<'t>(tensor: &'t TensorProto, key: &str) -> Option<&'t str> {
    let mut found = tensor.external_data.iter().filter(|entry| entry.key() == key);
    found.next().map(StringStringEntryProto::value)
}

/// Reads external data from a file beside the model: `wanted` bytes, or as many as there are.
///
/// # Errors
/// If the file is not in the model's directory, or has not as many bytes as the tensor says.
pub fn external(
    tensor: &TensorProto,
    directory: Option<&Path>,
    wanted: Option<usize>,
) -> Result<Vec<u8>, String> {
    let number = |key: &str| match entry(tensor, key) {
        None => Ok(None),
        Some(text) => {
            text.parse::<u64>().map(Some).map_err(|_| format!("has external data with {key} '{text}'"))
        }
    };
    let location = entry(tensor, "location").ok_or("has external data without a location")?;
    let directory = directory.ok_or("has external data, but the model is not a file")?;
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(inside) {
        return Err(format!("has external data outside the model's directory: '{location}'"));
    }
    let failed = |error: std::io::Error| format!("external data '{location}': {error}");
    let path = directory.join(location);
    let there = path.metadata().map_err(failed)?;
    let offset = number("offset")?.unwrap_or(0);
    let available = there.len().saturating_sub(offset);
    let length = number("length")?.unwrap_or(available);
    if !there.is_file() || length > available || wanted.is_some_and(|wanted| length != wanted as u64) {
        let wanted = wanted.map_or(length, |wanted| wanted as u64);
        return Err(format!(
            "needs {wanted} bytes, but external data '{location}' gives {} from {offset}",
            length.min(available)
        ));
    }
    let mut file = File::open(&path).map_err(failed)?;
    let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
