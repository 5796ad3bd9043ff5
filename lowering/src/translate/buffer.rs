//! Memrefs as plain data.

use ait_dialects::{Layout, types};
use ait_passes::plan_buffers::View;
use melior::ir::{Type, TypeLike, Value, ValueLike};

/// A buffer operand: logical shape and strides in elements (the offset is in its address).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// Shape and strides, at offset 0.
    pub view: View,
    /// Bytes of an element.
    pub width: i64,
}

impl Buffer {
    /// Of a value of memref type with static shape and strides.
    pub fn of(value: Value<'_, '_>) -> Result<Self, String> {
        let r#type = value.r#type();
        let shape = types::shape(r#type)?;
        let strides =
            strides(r#type, shape.len()).ok_or_else(|| format!("{} has no static strides", r#type))?;
        if strides
            .iter()
            .zip(&shape)
            .any(|(stride, size)| stride.saturating_mul(*size).unsigned_abs() > 1 << 40)
        {
            return Err(format!("{type} is too large"));
        }
        let width = types::element_bytes(r#type)? as i64;
        Ok(Self { view: View::new(0, &shape, &strides), width })
    }

    /// First and last byte plus one that it covers when its first element is at byte `offset`.
    pub fn range(&self, offset: i64) -> (i128, i128) {
        let (mut low, mut high) = (i128::from(offset), i128::from(offset));
        if self.bytes() == 0 {
            return (low, high);
        }
        for (&size, &stride) in self.view.shape.iter().zip(&self.view.strides) {
            let reach = i128::from(stride) * i128::from(size - 1) * i128::from(self.width);
            low += reach.min(0);
            high += reach.max(0);
        }
        (low, high + i128::from(self.width))
    }

    /// Bytes of its elements.
    pub fn bytes(&self) -> u64 {
        (self.view.shape.iter().product::<i64>() * self.width).unsigned_abs()
    }

    /// The layout whose order the strides have. Where memory coincides (one image, one channel) it is that of
    /// the op's library: `xnn` computes in NHWC, `rvv` in CNHW.
    pub fn layout(&self, op: &str) -> Option<Layout> {
        let candidates = match op.starts_with("xnn.") {
            true => [Layout::Nhwc, Layout::Nchw, Layout::Cnhw],
            false => [Layout::Cnhw, Layout::Nchw, Layout::Nhwc],
        };
        let View { shape, strides, .. } = &self.view;
        (shape.len() == 4).then_some(())?;
        candidates.into_iter().find(|layout| {
            let walked: Vec<i64> =
                layout.order().into_iter().filter(|&d| shape[d] != 1).map(|d| strides[d]).collect();
            walked.windows(2).all(|pair| pair[0] > pair[1])
        })
    }
}

fn strides(r#type: Type<'_>, rank: usize) -> Option<Vec<i64>> {
    let (mut strides, mut offset) = (vec![0i64; rank], 0i64);
    // SAFETY: the type is checked to be a memref, and `strides` has room for its rank.
    let found = unsafe {
        mlir_sys::mlirTypeIsAMemRef(r#type.to_raw())
            && mlir_sys::mlirMemRefTypeGetStridesAndOffset(r#type.to_raw(), strides.as_mut_ptr(), &mut offset)
                .value
                != 0
    };
    (found && !strides.contains(&i64::MIN)).then_some(strides)
}
