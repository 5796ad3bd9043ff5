//! Activations as the scalar reference and XNNPACK have them.

use ait_dialects::{Activation, Nan};
use ait_runtime::reference::Activation as Reference;

/// The activation of the reference that an activation of the dialect is.
pub fn reference_activation(activation: Activation) -> Reference {
    match activation {
        Activation::Identity => Reference::Identity,
        Activation::Relu => Reference::Relu,
        Activation::LeakyRelu { alpha } => Reference::LeakyRelu { alpha },
        Activation::Clip { min, max } => Reference::Clip { min, max },
        Activation::Sigmoid => Reference::Sigmoid,
        Activation::HardSigmoid { alpha, beta } => Reference::HardSigmoid { alpha, beta },
        Activation::HardSwish => Reference::HardSwish,
        Activation::Tanh => Reference::Tanh,
        Activation::Silu => Reference::Silu,
        Activation::Elu { alpha } => Reference::Elu { alpha },
    }
}

/// No bounds.
pub(crate) const UNBOUNDED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

/// The bounds by which XNNPACK's operators clamp their results to an activation; none if they cannot: XNNPACK refuses an
/// empty or single-valued range, and its clamps take a NaN to a bound.
pub(crate) fn xnnpack_clamp(activation: Activation, nan: Nan) -> Option<(f32, f32)> {
    let bounds = activation.clamp().filter(|(min, max)| min < max)?;
    (nan == Nan::Ignore || bounds == UNBOUNDED).then_some(bounds)
}
