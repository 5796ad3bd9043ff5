//! What `ait.conv2d` ops say about their shape, for the cost model.

use ait_dialects::{access, attributes::Attributes, types};
use melior::ir::{ValueLike, operation::OperationRef};

use crate::cost::Convolution;

/// The shape of an `ait.conv2d`.
///
/// # Errors
/// If it is malformed.
pub fn convolution(op: OperationRef<'_, '_>) -> Result<Convolution, String> {
    let sizes = |index: usize| -> Result<[usize; 4], String> {
        let value = access::operand(&op, index).ok_or_else(|| format!("has no operand {index}"))?;
        let shape = types::shape(value.r#type())?;
        unsigned(shape.try_into().map_err(|_| "a convolution has rank 4")?)
    };
    let [groups] = unsigned([op.i64("groups")?])?;
    Ok(Convolution {
        input: sizes(0)?,
        filter: sizes(1)?,
        strides: unsigned(op.i64s("strides")?)?,
        pads: unsigned(op.i64s("pads")?)?,
        dilations: unsigned(op.i64s("dilations")?)?,
        groups,
    })
}

fn unsigned<const N: usize>(values: [i64; N]) -> Result<[usize; N], String> {
    let mut result = [0; N];
    for (to, from) in result.iter_mut().zip(values) {
        *to = usize::try_from(from).map_err(|_| format!("{from} is negative"))?;
    }
    Ok(result)
}
