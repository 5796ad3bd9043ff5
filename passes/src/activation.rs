//! Activations as XNNPACK has them.

use ait_ops::{Activation, Nan};

/// No bounds.
pub(crate) const UNBOUNDED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

/// The bounds by which XNNPACK's operators clamp their results to an activation; none if they cannot: XNNPACK refuses an
/// empty or single-valued range, and its clamps take a NaN to a bound.
pub(crate) fn xnnpack_clamp(activation: Activation, nan: Nan) -> Option<(f32, f32)> {
    let bounds = activation.clamp().filter(|(min, max)| min < max)?;
    (nan == Nan::Ignore || bounds == UNBOUNDED).then_some(bounds)
}
