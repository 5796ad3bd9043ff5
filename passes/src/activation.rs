//! Activations as the scalar reference has them.

use ait_dialects::Activation;
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
