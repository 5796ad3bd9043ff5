//! Shapes, layouts and constant data of values.

use crate::{Layout, attributes};
use ait_ops::{Columns, Element, TensorType};
use melior::Context;
use melior::ir::attribute::DenseElementsAttribute;
use melior::ir::r#type::{IntegerType, MemRefType, RankedTensorType, ShapedTypeLike};
use melior::ir::{Attribute, AttributeLike, Type, TypeLike};
use std::borrow::Cow;

pub use ait_ops::elements;

/// `tensor<shape x f32, layout>`; the layout matters at rank 4 only.
pub fn tensor<'c>(context: &'c Context, shape: &[i64], layout: Layout) -> Type<'c> {
    let dims: Vec<u64> = shape.iter().map(|dim| dim.unsigned_abs()).collect();
    let encoding = if shape.len() == 4 { encoding(context, layout) } else { None };
    RankedTensorType::new(&dims, Type::float32(context), encoding).into()
}

/// `tensor<shape x f32, #nm.columns<...>>`: the type of pruned weights.
pub fn pruned<'c>(context: &'c Context, shape: &[i64], pattern: Columns) -> Type<'c> {
    let dims: Vec<u64> = shape.iter().map(|dim| dim.unsigned_abs()).collect();
    RankedTensorType::new(&dims, Type::float32(context), Some(attributes::of(context, &pattern))).into()
}

/// `memref<shape x f32, strided<strides>>`, strides in elements.
pub fn memref<'c>(context: &'c Context, shape: &[i64], strides: &[i64]) -> Option<Type<'c>> {
    memref_of(context, shape, strides, Type::float32(context))
}

/// `memref<shape x element, strided<strides>>`, strides in elements.
pub fn memref_of<'c>(
    context: &'c Context,
    shape: &[i64],
    strides: &[i64],
    element: Type<'c>,
) -> Option<Type<'c>> {
    let join =
        |items: &[i64], separator| items.iter().map(i64::to_string).collect::<Vec<_>>().join(separator);
    let dims: String = shape.iter().map(|dim| format!("{dim}x")).collect();
    Type::parse(context, &format!("memref<{dims}{element}, strided<[{}]>>", join(strides, ", ")))
}

/// Dimensions of a ranked tensor or memref with static shape; an error says what the type is instead.
///
/// # Errors
/// If the type is no tensor or memref, or has a dynamic or huge dimension.
pub fn shape(r#type: Type<'_>) -> Result<Vec<i64>, String> {
    let dims = if let Ok(tensor) = RankedTensorType::try_from(r#type) {
        dims(&tensor)
    } else if let Ok(memref) = MemRefType::try_from(r#type) {
        dims(&memref)
    } else {
        return Err(format!("{} is not a ranked tensor or memref", r#type));
    };
    let dims = dims.ok_or_else(|| format!("{} has a dynamic dimension", r#type))?;
    elements(&dims).map(|_| dims)
}

fn dims<'c>(shaped: &impl ShapedTypeLike<'c>) -> Option<Vec<i64>> {
    (0..shaped.rank())
        .map(|index| {
            let is_dynamic = unsafe {
                // SAFETY: the type is a shaped type and the index is below its rank.
                mlir_sys::mlirShapedTypeIsDynamicDim(shaped.to_raw(), index as isize)
            };
            let size = unsafe { mlir_sys::mlirShapedTypeGetDimSize(shaped.to_raw(), index as isize) };
            (!is_dynamic).then_some(size)
        })
        .collect()
}

/// The encoding of a layout; none for NCHW.
fn encoding(context: &Context, layout: Layout) -> Option<Attribute<'_>> {
    if layout == Layout::Nchw {
        return None;
    }
    Attribute::parse(context, &format!("#ait.layout<\"{}\">", layout.name()))
}

/// The pattern in the encoding of a ranked tensor type; none for any other type or encoding.
///
/// # Errors
/// As [`attributes::columns`], for an encoding of the `nm` dialect.
pub fn columns(r#type: Type<'_>) -> Result<Option<Columns>, String> {
    let encoding = RankedTensorType::try_from(r#type).ok().and_then(|tensor| tensor.encoding());
    match encoding {
        Some(encoding) if encoding.to_string().starts_with("#nm.") => attributes::columns(encoding).map(Some),
        _ => Ok(None),
    }
}

/// A ranked tensor or memref as a value.
///
/// # Errors
/// If it is another type, or has a dynamic dimension, or elements or an encoding that are not ours.
pub fn tensor_type(r#type: Type<'_>) -> Result<TensorType, String> {
    let text = element(r#type).map(|element| element.to_string()).unwrap_or_default();
    let element = Element::ALL.into_iter().find(|element| element.name() == text);
    Ok(TensorType {
        element: element
            .ok_or_else(|| format!("{type} has elements that are not f32, f16, i8, i16 or i32"))?,
        shape: shape(r#type)?,
        layout: layout(r#type)?,
        columns: columns(r#type)?,
    })
}

/// The layout of a tensor type; pruned weights (`#nm.columns`) are row-major.
///
/// # Errors
/// If the encoding is neither a layout nor a pattern of sparsity.
pub fn layout(r#type: Type<'_>) -> Result<Layout, String> {
    let Ok(tensor) = RankedTensorType::try_from(r#type) else { return Ok(Layout::Nchw) };
    if columns(r#type)?.is_some() {
        return Ok(Layout::Nchw);
    }
    let Some(encoding) = tensor.encoding() else { return Ok(Layout::Nchw) };
    let text = encoding.to_string();
    Layout::ALL
        .into_iter()
        .find(|layout| text == format!("#ait.layout<\"{}\">", layout.name()))
        .ok_or_else(|| format!("{text} is not a layout (NCHW, NHWC, CNHW)"))
}

/// The element type of a ranked tensor or memref.
pub fn element(r#type: Type<'_>) -> Option<Type<'_>> {
    let element = RankedTensorType::try_from(r#type)
        .map(|tensor| tensor.element())
        .or_else(|_| MemRefType::try_from(r#type).map(|memref| memref.element()));
    element.ok()
}

/// Whether the element type is `f32`.
pub fn is_f32(r#type: Type<'_>) -> bool {
    element(r#type).is_some_and(|element| element.is_f32())
}

/// Bits of the element type, if it is a signless integer of 8, 16 or 32.
pub fn integer_bits(r#type: Type<'_>) -> Option<u32> {
    let integer = IntegerType::try_from(element(r#type)?).ok()?;
    Some(integer.width()).filter(|width| integer.is_signless() && [8, 16, 32].contains(width))
}

/// Bytes of an element that a constant may have: `f32`, or an integer of 8, 16 or 32 bits.
///
/// # Errors
/// If the element type is another.
pub fn element_bytes(r#type: Type<'_>) -> Result<usize, String> {
    match integer_bits(r#type) {
        Some(bits) => Ok(bits as usize / 8),
        None if is_f32(r#type) => Ok(4),
        None => Err(format!("{type} is neither of f32 nor of i8, i16 or i32")),
    }
}

/// Dense `f32` elements over raw data in row-major order; no copy beyond MLIR's own.
pub fn elements_attribute<'c>(context: &'c Context, shape: &[i64], data: &[f32]) -> Attribute<'c> {
    elements_of(tensor(context, shape, Layout::Nchw), data)
}

/// [`elements_attribute`] of a ranked tensor type of `f32`, e.g. with an encoding.
pub fn elements_of<'c>(r#type: Type<'c>, data: &[f32]) -> Attribute<'c> {
    let bytes = unsafe {
        // SAFETY: any f32 is four valid bytes.
        std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data))
    };
    DenseElementsAttribute::raw_buffer(r#type, bytes).into()
}

/// Dense elements of unsigned integers of 8, 16 or 32 bits in row-major order.
///
/// # Errors
/// If there is no such width, or a value needs more bits.
pub fn integers_attribute<'c>(
    context: &'c Context,
    shape: &[i64],
    bits: u32,
    data: &[u32],
) -> Result<Attribute<'c>, String> {
    let mut bytes = Vec::with_capacity(data.len() * 4);
    for value in data {
        match bits {
            8 | 16 if *value >> bits != 0 => return Err(format!("{value} does not fit {bits} bits")),
            8 => bytes.extend_from_slice(&value.to_le_bytes()[..1]),
            16 => bytes.extend_from_slice(&value.to_le_bytes()[..2]),
            32 => bytes.extend_from_slice(&value.to_le_bytes()),
            _ => return Err(format!("constants have 8, 16 or 32 bits, not {bits}")),
        }
    }
    let dims: Vec<u64> = shape.iter().map(|dim| dim.unsigned_abs()).collect();
    let tensor = RankedTensorType::new(&dims, IntegerType::new(context, bits).into(), None);
    Ok(DenseElementsAttribute::raw_buffer(tensor.into(), &bytes).into())
}

/// The data of dense elements of 8, 16 or 32 bits integers, read as unsigned (row-major); a splat is expanded.
///
/// # Errors
/// If the attribute is not dense, or of other elements.
pub fn integer_data(attribute: Attribute<'_>) -> Result<Vec<u32>, String> {
    let width = integer_bits(attribute.r#type()).ok_or("the value must be dense i8, i16 or i32 elements")?;
    let bytes = raw_bytes(attribute)?;
    let value = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
    Ok(bytes.chunks_exact(width as usize / 8).map(value).collect())
}

/// The bytes that a dense attribute holds, little-endian and row-major: of all its elements, or of one if all are equal.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'c> {
    /// Of every element, or of one.
    pub bytes: &'c [u8],
    /// Number of elements.
    pub count: usize,
    /// Bytes of an element.
    pub width: usize,
}

impl<'c> Stored<'c> {
    /// Looks into an attribute; nothing is copied.
    ///
    /// # Errors
    /// If the attribute is not dense, or its elements are neither `f32` nor integers of 8, 16 or 32 bits.
    pub fn of(attribute: Attribute<'c>) -> Result<Self, String> {
        let dense =
            DenseElementsAttribute::try_from(attribute).map_err(|_| "the value must be dense elements")?;
        let r#type = attribute.r#type();
        let width = element_bytes(r#type)?;
        let count = usize::try_from(elements(&shape(r#type)?)?).map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(Self { bytes: &[], count, width });
        }
        let stored = if dense.is_splat() { 1 } else { count };
        // SAFETY: elements of whole bytes are stored one after the other, a splat's once, as long as the context lives;
        // this host is little-endian.
        let bytes = unsafe { std::slice::from_raw_parts(dense.raw_data().cast::<u8>(), stored * width) };
        Ok(Self { bytes, count, width })
    }

    /// Whether one element stands for several.
    pub fn is_splat(&self) -> bool {
        self.count * self.width > self.bytes.len()
    }
}

/// The bytes of dense elements, little-endian and row-major; a splat is expanded.
///
/// # Errors
/// As [`Stored::of`].
pub fn raw_bytes(attribute: Attribute<'_>) -> Result<Vec<u8>, String> {
    let stored = Stored::of(attribute)?;
    Ok(if stored.is_splat() { stored.bytes.repeat(stored.count) } else { stored.bytes.to_vec() })
}

/// The data of dense `f32` elements, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'c> {
    /// One value for all.
    Splat(f32),
    /// Each its own.
    All(&'c [f32]),
}

/// The data of dense `f32` elements where it lies.
///
/// # Errors
/// If the attribute is not dense `f32`.
pub fn f32_elements<'c>(attribute: Attribute<'c>) -> Result<Elements<'c>, String> {
    let wrong = || "the value must be dense f32 elements".to_string();
    let dense = DenseElementsAttribute::try_from(attribute).map_err(|_| wrong())?;
    let r#type = attribute.r#type();
    if !is_f32(r#type) {
        return Err(wrong());
    }
    let count = usize::try_from(elements(&shape(r#type)?)?).map_err(|_| wrong())?;
    if count == 0 {
        return Ok(Elements::All(&[]));
    }
    if dense.is_splat() {
        return Ok(Elements::Splat(dense.f32_splat_value()));
    }
    // SAFETY: a dense f32 attribute that is no splat holds `count` contiguous f32 values, as long as its context.
    Ok(Elements::All(unsafe { std::slice::from_raw_parts(dense.raw_data().cast::<f32>(), count) }))
}

/// The data of dense `f32` elements (row-major); a splat is expanded, everything else read where it is.
///
/// # Errors
/// If the attribute is not dense `f32`.
pub fn f32_slice(attribute: Attribute<'_>) -> Result<Cow<'_, [f32]>, String> {
    Ok(match f32_elements(attribute)? {
        Elements::All(data) => Cow::Borrowed(data),
        Elements::Splat(value) => {
            Cow::Owned(vec![value; usize::try_from(elements(&shape(attribute.r#type())?)?).unwrap_or(0)])
        }
    })
}

/// [`f32_slice`], copied.
///
/// # Errors
/// As [`f32_slice`].
pub fn f32_data(attribute: Attribute<'_>) -> Result<Vec<f32>, String> {
    f32_slice(attribute).map(Cow::into_owned)
}

/// Most elements of a splat that anything expands: 2 GiB of f32. It is a few bytes of text, and its expansion must not take
/// all memory or all day. Other constants are as large as what they were read from.
pub const MOST_OF_A_SPLAT: usize = 1 << 29;

/// Checks that a splat is not too large to be expanded.
///
/// # Errors
/// If it is; if the attribute is not dense.
pub fn check_splat(attribute: Attribute<'_>) -> Result<(), String> {
    let stored = Stored::of(attribute)?;
    match stored.is_splat() && stored.count > MOST_OF_A_SPLAT {
        true => Err(format!("has {} equal elements, more than {MOST_OF_A_SPLAT}", stored.count)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_a_pattern_or_a_layout() {
        let context = crate::context();
        let parse = |text: &str| Type::parse(&context, text).unwrap();
        let pruned = parse("tensor<8x4x3x3xf32, #nm.columns<9, 36, 8>>");
        assert_eq!(columns(pruned), Ok(Some(Columns { n: 9, m: 36, tile: 8 })));
        assert_eq!(layout(pruned), Ok(Layout::Nchw));
        assert_eq!(columns(parse("tensor<1x2x3x4xf32, #ait.layout<\"NHWC\">>")), Ok(None));
        assert_eq!(columns(parse("tensor<4xf32>")), Ok(None));
        assert!(columns(parse("tensor<4x4xf32, #nm.columns<0, 1, 1>>")).is_err());
        assert!(layout(parse("tensor<4x4xf32, #nm.columns<0, 1, 1>>")).is_err());
    }

    #[test]
    fn integers_are_unsigned_and_as_wide_as_asked() {
        let context = crate::context();
        for (bits, data) in [(8, [0, 7, 255]), (16, [65535, 0, 256]), (32, [1, u32::MAX, 0]), (16, [9, 9, 9])]
        {
            let attribute = integers_attribute(&context, &[3], bits, &data).unwrap();
            assert_eq!(attribute.r#type().to_string(), format!("tensor<3xi{bits}>"));
            assert_eq!(integer_data(attribute).unwrap(), data);
            assert_eq!(raw_bytes(attribute).unwrap().len(), 3 * bits as usize / 8);
        }
        assert_eq!(integers_attribute(&context, &[1], 8, &[256]).unwrap_err(), "256 does not fit 8 bits");
        assert!(integers_attribute(&context, &[1], 64, &[0]).is_err());
        let floats = elements_attribute(&context, &[2], &[1.0, -2.0]);
        assert!(integer_data(floats).is_err());
        assert_eq!(raw_bytes(floats).unwrap(), [1.0f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat());
    }
}
