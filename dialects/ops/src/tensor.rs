//! Types of tensors.

use crate::{Columns, Layout};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// IEEE 754 binary32: activations and weights.
    #[default]
    F32,
    /// IEEE 754 binary16. No kernel takes it yet.
    F16,
    /// Columns of packed weights, read as unsigned.
    I8,
    /// As `I8`.
    I16,
    /// As `I8`, and starts of segments.
    I32,
}

impl Element {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::I8, Self::I16, Self::I32];

    /// Its name in MLIR.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
        }
    }

    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::F16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }
}

/// A ranked tensor of static shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Of its elements.
    pub element: Element,
    /// Logical shape, N x C x H x W where the rank is 4.
    pub shape: Vec<i64>,
    /// Physical order.
    pub layout: Layout,
    /// The pattern of pruned weights.
    pub columns: Option<Columns>,
}

/// Most elements of a tensor: 4 TiB of f32.
const MOST: i64 = 1 << 40;

/// Number of elements; an error if it does not fit 2^40. Dimensions beside one of 0 must fit too: strides are their products.
///
/// # Errors
/// If a dimension is negative or the product too large.
pub fn elements(shape: &[i64]) -> Result<i64, String> {
    let product = shape.iter().try_fold(1i64, |product, &dim| {
        product.checked_mul(dim.max(1)).filter(|&product| dim >= 0 && product <= MOST)
    });
    let product = product.ok_or_else(|| format!("shape {shape:?} has too many elements"))?;
    Ok(if shape.contains(&0) { 0 } else { product })
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(elements(&[2, 3, 4]), Ok(24));
        assert_eq!(elements(&[0, 1 << 20, 1 << 20]), Ok(0));
        for shape in [[1 << 20, 1 << 21, 1], [0, 1 << 32, 1 << 32], [-1, 2, 3], [0, -1, 1]] {
            assert!(elements(&shape).is_err(), "{shape:?}");
        }
    }
}
