//! Shapes, layouts and constant data of values.

use crate::Layout;
use crate::nm::Columns;
use melior::Context;
use melior::ir::attribute::DenseElementsAttribute;
use melior::ir::r#type::{MemRefType, RankedTensorType, ShapedTypeLike};
use melior::ir::{Attribute, AttributeLike, Type, TypeLike};

/// `tensor<shape x f32, layout>`; the layout matters at rank 4 only.
pub fn tensor<'c>(context: &'c Context, shape: &[i64], layout: Layout) -> Type<'c> {
    let dims: Vec<u64> = shape.iter().map(|dim| dim.unsigned_abs()).collect();
    let encoding = if shape.len() == 4 { layout.encoding(context) } else { None };
    RankedTensorType::new(&dims, Type::float32(context), encoding).into()
}

/// `tensor<shape x f32, #nm.columns<...>>`: the type of pruned weights.
pub fn pruned<'c>(context: &'c Context, shape: &[i64], pattern: Columns) -> Type<'c> {
    let dims: Vec<u64> = shape.iter().map(|dim| dim.unsigned_abs()).collect();
    RankedTensorType::new(&dims, Type::float32(context), Some(pattern.to_attribute(context))).into()
}

/// `memref<shape x f32, strided<strides>>`, strides in elements.
pub fn memref<'c>(context: &'c Context, shape: &[i64], strides: &[i64]) -> Option<Type<'c>> {
    let join =
        |items: &[i64], separator| items.iter().map(i64::to_string).collect::<Vec<_>>().join(separator);
    let dims: String = shape.iter().map(|dim| format!("{dim}x")).collect();
    Type::parse(context, &format!("memref<{dims}f32, strided<[{}]>>", join(strides, ", ")))
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

/// Number of elements; an error if it does not fit 2^40 (4 TiB of f32).
///
/// # Errors
/// If a dimension is negative or the product too large.
pub fn elements(shape: &[i64]) -> Result<i64, String> {
    shape
        .iter()
        .try_fold(1i64, |product, &dim| product.checked_mul(dim).filter(|_| dim >= 0))
        .filter(|&product| product <= 1 << 40)
        .ok_or_else(|| format!("shape {shape:?} has too many elements"))
}

/// The layout of a tensor type; pruned weights (`#nm.columns`) are row-major.
///
/// # Errors
/// If the encoding is neither a layout nor a pattern of sparsity.
pub fn layout(r#type: Type<'_>) -> Result<Layout, String> {
    let Ok(tensor) = RankedTensorType::try_from(r#type) else { return Ok(Layout::Nchw) };
    if Columns::of_encoding(r#type)?.is_some() {
        return Ok(Layout::Nchw);
    }
    Layout::of_encoding(tensor.encoding())
}

/// Whether the element type is `f32`.
pub fn is_f32(r#type: Type<'_>) -> bool {
    let element = RankedTensorType::try_from(r#type)
        .map(|tensor| tensor.element())
        .or_else(|_| MemRefType::try_from(r#type).map(|memref| memref.element()));
    element.is_ok_and(|element| element.is_f32())
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

/// The data of dense `f32` elements (row-major); a splat is expanded.
///
/// # Errors
/// If the attribute is not dense `f32`.
pub fn f32_data(attribute: Attribute<'_>) -> Result<Vec<f32>, String> {
    let wrong = || "the value must be dense f32 elements".to_string();
    let dense = DenseElementsAttribute::try_from(attribute).map_err(|_| wrong())?;
    let r#type = attribute.r#type();
    if !is_f32(r#type) {
        return Err(wrong());
    }
    let count = usize::try_from(elements(&shape(r#type)?)?).map_err(|_| wrong())?;
    if dense.is_splat() && count > 0 {
        return Ok(vec![dense.f32_splat_value(); count]);
    }
    // SAFETY: a dense f32 attribute that is no splat holds `count` contiguous f32 values.
    let raw = if count == 0 {
        &[][..]
    } else {
        unsafe { std::slice::from_raw_parts(dense.raw_data().cast::<f32>(), count) }
    };
    Ok(raw.to_vec())
}
